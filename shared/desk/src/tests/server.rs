//! The listener on a real socket: slow browsers are let go, a stop lets running requests end.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::server::run;

/// A server with one page that takes a second, and a connection to it.
async fn served() -> (TcpStream, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let slow = || async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        "done"
    };
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(run(Router::new().route("/", get(slow)), listener, shutdown.clone()));
    (TcpStream::connect(address).await.unwrap(), shutdown, server)
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    // A reset instead of a close is an end as well.
    let _ = stream.read_to_string(&mut text).await;
    text
}

#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_let_go() {
    let (mut stream, _shutdown, _server) = served().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: desk\r\nX-Slow: ").await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(60), rest(&mut stream)).await;
    assert!(!ended.expect("the connection ends").contains("200 OK"));
}

#[tokio::test]
async fn a_stop_waits_for_a_running_request_and_for_nobody_else() {
    let (mut stream, shutdown, server) = served().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: desk\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    shutdown.cancel();
    let answer = rest(&mut stream).await;
    assert!(answer.contains("200 OK") && answer.ends_with("done"), "{answer}");
    tokio::time::timeout(Duration::from_secs(5), server).await.expect("the server ends").unwrap();
}

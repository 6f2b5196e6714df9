//! The thin line by itself: that it delays, drops and counts as it says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

use super::{Quality, ThinLine, Way};

const PATIENCE: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_millis(300);

/// Both ends of a line.
async fn ends(quality: Quality) -> (ThinLine, TcpStream, TcpStream) {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let line = ThinLine::open(target.local_addr().unwrap(), quality, 7).await.unwrap();
    let child = TcpStream::connect(line.address()).await.unwrap();
    let (parent, _) = timeout(PATIENCE, target.accept()).await.expect("a connection").unwrap();
    (line, child, parent)
}

async fn read(stream: &mut TcpStream, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    timeout(PATIENCE, stream.read_exact(&mut bytes)).await.expect("bytes in time").unwrap();
    bytes
}

#[tokio::test]
async fn bytes_arrive_whole_in_order_and_counted_and_an_end_closes_the_other() {
    let quality = Quality { loss: 0.2, delay: Duration::from_millis(2), ..Quality::PERFECT };
    let (line, mut child, mut parent) = ends(quality).await;
    let sent: Vec<u8> = (0..20_000u32).map(|at| (at % 251) as u8).collect();
    child.write_all(&sent).await.unwrap();
    parent.write_all(b"answer").await.unwrap();
    assert_eq!(read(&mut child, 6).await, b"answer");
    child.shutdown().await.unwrap();
    let mut got = Vec::new();
    timeout(PATIENCE, parent.read_to_end(&mut got)).await.expect("an end").unwrap();
    assert!(got == sent);
    assert!(line.bytes(Way::Up) > 20_000, "what was lost was sent again: {}", line.bytes(Way::Up));
    assert!((6..60).contains(&line.bytes(Way::Down)));
}

#[tokio::test]
async fn a_connection_takes_a_round_trip_and_bytes_half_of_one() {
    let quality = Quality { delay: Duration::from_millis(150), ..Quality::PERFECT };
    let started = Instant::now();
    let (_line, mut child, mut parent) = ends(quality).await;
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
    let asked = Instant::now();
    child.write_all(b"?").await.unwrap();
    read(&mut parent, 1).await;
    assert!(asked.elapsed() >= Duration::from_millis(150), "{:?}", asked.elapsed());
    parent.write_all(b"!").await.unwrap();
    read(&mut child, 1).await;
    assert!(asked.elapsed() >= Duration::from_millis(300), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn connections_share_the_rate() {
    // 10,000 bytes a second.
    let quality = Quality { bits_per_second: Some(80_000), ..Quality::PERFECT };
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let line = ThinLine::open(target.local_addr().unwrap(), quality, 7).await.unwrap();
    let started = Instant::now();
    let mut received = Vec::new();
    for _ in 0..2 {
        let mut child = TcpStream::connect(line.address()).await.unwrap();
        let (mut parent, _) = target.accept().await.unwrap();
        received.push(tokio::spawn(async move {
            child.write_all(&[1; 3000]).await.unwrap();
            read(&mut parent, 3000).await;
        }));
    }
    for done in received {
        done.await.unwrap();
    }
    assert!(started.elapsed() >= Duration::from_millis(550), "{:?}", started.elapsed());
}

#[tokio::test]
async fn one_way_can_be_cut_while_the_other_goes_on_and_nothing_is_lost() {
    let (line, mut child, mut parent) = ends(Quality::PERFECT).await;
    line.set_open(Way::Up, false);
    child.write_all(b"up").await.unwrap();
    parent.write_all(b"down").await.unwrap();
    assert_eq!(read(&mut child, 4).await, b"down");
    assert!(timeout(SOON, parent.read_u8()).await.is_err(), "nothing comes over a cut line");
    line.set_open(Way::Up, true);
    assert_eq!(read(&mut parent, 2).await, b"up");
}

#[tokio::test]
async fn a_new_connection_gets_no_answer_while_the_line_is_cut() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let line = ThinLine::open(target.local_addr().unwrap(), Quality::PERFECT, 7).await.unwrap();
    line.cut();
    let given_up = TcpStream::connect(line.address()).await.unwrap();
    let mut patient = TcpStream::connect(line.address()).await.unwrap();
    patient.write_all(b"hello").await.unwrap();
    assert!(timeout(SOON, target.accept()).await.is_err());
    drop(given_up);
    tokio::time::sleep(SOON).await;
    line.mend();
    let (mut parent, _) = timeout(PATIENCE, target.accept()).await.expect("a connection").unwrap();
    assert_eq!(read(&mut parent, 5).await, b"hello", "who gave up is not connected");
    assert!(timeout(SOON, target.accept()).await.is_err());
}

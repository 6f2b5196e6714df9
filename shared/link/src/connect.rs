//! Dialing: TCP, TLS with a deadline, then HTTP/2 on that one connection.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use sanji_log::StationCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use crate::certificate::server_name;
use crate::{Error, Result};

/// While no request to connect is answered, another is made after this long. The system repeats one only after 1, 3 and
/// 7 s, so it would find a line that has come back late.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Where a handshake takes this long, another connection is tried beside it: if the line went away in the middle, the
/// system repeats what was lost ever more seldom.
const SHAKE_AGAIN: Duration = Duration::from_secs(5);
/// For TCP, and for TLS after it.
const DEADLINE: Duration = Duration::from_secs(15);
/// A line that is silent for this long is asked whether it is still there.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(20);
/// How long the answer to that may take.
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// HTTP/2 windows: at least bandwidth × round trip of a long line, for example 100 Mbit/s × 300 ms.
pub(crate) const WINDOW_BYTES: u32 = 4 << 20;

/// Connects and shakes hands, once. `name` is the station asked for; what counts is what `config` verifies.
pub(crate) async fn connect(
    address: &str,
    name: StationCode,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>> {
    Ok(Dialing::default().connect(address, name, config).await?.tls)
}

/// A connection on which hands were shaken.
#[derive(Debug)]
pub(crate) struct Shaken {
    pub(crate) tls: TlsStream<TcpStream>,
    /// How long that took, TCP's own handshake not included.
    pub(crate) handshake: Duration,
}

/// Attempts to reach one address. They run beside each other: the one that was begun before the line came back may be
/// the first that gets through, or the one after it.
#[derive(Default)]
pub(crate) struct Dialing {
    attempts: JoinSet<Result<Shaken>>,
    /// Held once more by each attempt that was answered and shakes hands.
    answered: Arc<()>,
}

impl Dialing {
    /// Connects and shakes hands. After [`Error::Timeout`], which tells of one attempt, the others go on: the next call
    /// finds what has become of them.
    pub(crate) async fn connect(
        &mut self,
        address: &str,
        name: StationCode,
        config: Arc<ClientConfig>,
    ) -> Result<Shaken> {
        let name = ServerName::try_from(server_name(name))
            .map_err(|_| Error::Answer { problem: "a station's name is no DNS name" })?;
        loop {
            let answered = Arc::downgrade(&self.answered);
            self.attempts.spawn(attempt(address.to_owned(), name.clone(), config.clone(), answered));
            let begun = Instant::now();
            while begun.elapsed() < SHAKE_AGAIN {
                tokio::select! {
                    Some(ended) = self.attempts.join_next() => {
                        let ended = ended.map_err(|fault| Error::Io { operation: CONNECT, source: io::Error::other(fault) })?;
                        if !matches!(ended, Err(Error::Timeout { .. })) {
                            *self = Self::default();
                        }
                        return ended;
                    }
                    () = sleep(ASK_AGAIN) => {}
                }
                if Arc::strong_count(&self.answered) == 1 {
                    break;
                }
            }
        }
    }
}

async fn attempt(
    address: String,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    answered: Weak<()>,
) -> Result<Shaken> {
    let tcp = within(DEADLINE, CONNECT, TcpStream::connect(address)).await?;
    let _answered = answered.upgrade();
    tcp.set_nodelay(true).map_err(|source| Error::Io { operation: "set up the connection", source })?;
    let begun = Instant::now();
    let tls = within(DEADLINE, SHAKE_HANDS, TlsConnector::from(config).connect(name, tcp)).await?;
    Ok(Shaken { tls, handshake: begun.elapsed() })
}

/// What failed where the other side can't be reached at all.
pub(crate) const CONNECT: &str = "connect";
/// What failed where it can be reached, and TLS doesn't come about.
pub(crate) const SHAKE_HANDS: &str = "shake hands";

async fn within<T>(
    deadline: Duration,
    operation: &'static str,
    connecting: impl Future<Output = io::Result<T>>,
) -> Result<T> {
    let connected = tokio::time::timeout(deadline, connecting).await.map_err(|_| Error::Timeout { operation })?;
    connected.map_err(|source| Error::Io { operation, source })
}

/// The certificate that the other side showed.
pub(crate) fn shown_certificate(tls: &TlsStream<TcpStream>) -> Result<Vec<u8>> {
    let shown = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
    Ok(shown.ok_or(Error::Certificate { problem: "is missing" })?.to_vec())
}

/// HTTP/2 on a connection, and why that connection failed, once it has. The channel ends with it and never dials by
/// itself.
pub(crate) async fn channel(tls: TlsStream<TcpStream>) -> Result<(Channel, Failure)> {
    const OPERATION: &str = "begin HTTP/2";
    let failure = Failure::default();
    let mut watched = Some(TokioIo::new(Watched { tls, failure: failure.clone() }));
    let once = tower::service_fn(move |_: tonic::transport::Uri| {
        let watched = watched.take();
        async move { watched.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    let channel = Endpoint::from_static("http://station.sanji.invalid")
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .connect_timeout(DEADLINE)
        .connect_with_connector(once)
        .await
        .map_err(|source| failure.explains(OPERATION, Error::Transport { operation: OPERATION, source }))?;
    Ok((channel, failure))
}

/// Why a connection failed. A call on it often learns no more than that the connection is gone, but whether the other
/// side takes this station's certificate is said, in TLS 1.3, only after the handshake: the reason would be lost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failure(Arc<OnceLock<io::Error>>);

impl Failure {
    fn note<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &outcome {
            self.0.get_or_init(|| again(error));
        }
        outcome
    }

    /// The connection's own reason in place of what a call said about it.
    pub(crate) fn explains(&self, operation: &'static str, error: Error) -> Error {
        match self.0.get() {
            Some(reason) => Error::Io { operation, source: again(reason) },
            None => error,
        }
    }
}

/// The same error once more. What TLS says is kept as it is: it may tell why a certificate was not taken.
fn again(error: &io::Error) -> io::Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(of_tls) => io::Error::new(error.kind(), of_tls.clone()),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// A connection that notes why it fails.
struct Watched {
    tls: TlsStream<TcpStream>,
    failure: Failure,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.tls).poll_read(cx, buf);
        self.failure.note(outcome)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.tls).poll_write(cx, buf);
        self.failure.note(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.tls).poll_write_vectored(cx, bufs);
        self.failure.note(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.tls).poll_flush(cx);
        self.failure.note(outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::SocketAddr;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    fn config() -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
    }

    /// How an attempt ended that was answered by whoever hangs up at once, and when.
    async fn hung_up_after(address: SocketAddr) -> Duration {
        let begun = Instant::now();
        let ended = connect(&address.to_string(), "990106000000".parse().unwrap(), config()).await;
        assert!(matches!(ended, Err(Error::Io { operation: SHAKE_HANDS, .. })), "{ended:?}");
        begun.elapsed()
    }

    async fn hang_up_on_all(listener: TcpListener) {
        loop {
            drop(listener.accept().await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_request_to_connect_that_was_lost_is_made_again_every_second() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        // Room for one that waits to be accepted: requests of others are lost.
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        let patience = Duration::from_millis(300);
        while let Ok(connected) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
            waiting.push(connected.unwrap());
        }
        assert!(!waiting.is_empty() && waiting.len() < 5);
        let served = tokio::spawn(async move {
            sleep(Duration::from_millis(3300)).await;
            hang_up_on_all(listener).await;
        });
        // The system itself asks at 0, 1, 3 and 7 s.
        let took = hung_up_after(address).await;
        assert!((3.3..6.5).contains(&took.as_secs_f64()), "{took:?}");
        served.abort();
    }

    #[tokio::test]
    async fn another_connection_is_tried_beside_a_handshake_that_hangs() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(async move {
            let silent = listener.accept().await.unwrap();
            hang_up_on_all(listener).await;
            drop(silent);
        });
        let took = hung_up_after(address).await;
        assert!((SHAKE_AGAIN..DEADLINE).contains(&took), "{took:?}");
        served.abort();
    }

    #[tokio::test]
    async fn what_was_begun_goes_on_after_one_attempt_has_run_out_of_time() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let accepting = async {
            let mut silent = Vec::new();
            loop {
                silent.push(listener.accept().await.unwrap());
            }
        };
        let mut dialing = Dialing::default();
        let station = "990106000000".parse().unwrap();
        let ended = tokio::select! {
            ended = dialing.connect(&address, station, config()) => ended,
            () = accepting => unreachable!("it accepts for ever"),
        };
        assert!(matches!(ended, Err(Error::Timeout { operation: SHAKE_HANDS })), "{ended:?}");
        // Those of the fifth and the tenth second; on a busy machine that of the fifteenth comes before the first has ended.
        assert!((2..=3).contains(&dialing.attempts.len()), "{}", dialing.attempts.len());
    }
}

//! Dialing: TCP, TLS with a deadline, then HTTP/2 on that one connection.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use sanji_log::StationCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use crate::certificate::server_name;
use crate::{Error, Result};

/// A request to connect that nobody has answered for this long is made again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// For TCP, and for TLS after it.
const DEADLINE: Duration = Duration::from_secs(15);
/// A line that is silent for this long is asked whether it is still there.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(20);
/// How long the answer to that may take.
pub(crate) const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// HTTP/2 windows: at least bandwidth × round trip of a long line, for example 100 Mbit/s × 300 ms.
pub(crate) const WINDOW_BYTES: u32 = 4 << 20;

/// Connects and shakes hands. `name` is the station asked for; what counts is what `config` verifies.
pub(crate) async fn connect(
    address: &str,
    name: StationCode,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(server_name(name))
        .map_err(|_| Error::Answer { problem: "a station's name is no DNS name" })?;
    let tcp = within(DEADLINE, CONNECT, reach(address)).await?;
    tcp.set_nodelay(true).map_err(|source| Error::Io { operation: "set up the connection", source })?;
    within(DEADLINE, "shake hands", TlsConnector::from(config).connect(name, tcp)).await
}

/// Asks until somebody answers. The system repeats a request only after 1, 3 and 7 s, so it would find a line that has
/// come back late. Earlier requests stay good: where it takes seconds from end to end, the first is answered when the
/// third has been made.
async fn reach(address: &str) -> io::Result<TcpStream> {
    let mut requests = JoinSet::new();
    loop {
        let address = address.to_owned();
        requests.spawn(async move { TcpStream::connect(address).await });
        tokio::select! {
            Some(answer) = requests.join_next() => return answer.map_err(io::Error::other)?,
            () = tokio::time::sleep(ASK_AGAIN) => {}
        }
    }
}

/// What failed where the other side can't be reached at all.
pub(crate) const CONNECT: &str = "connect";

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
pub(crate) struct Failure(Arc<OnceLock<(io::ErrorKind, String)>>);

impl Failure {
    fn note<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &outcome {
            self.0.get_or_init(|| (error.kind(), error.to_string()));
        }
        outcome
    }

    /// The connection's own reason in place of what a call said about it.
    pub(crate) fn explains(&self, operation: &'static str, error: Error) -> Error {
        match self.0.get() {
            Some((kind, reason)) => Error::Io { operation, source: io::Error::new(*kind, reason.clone()) },
            None => error,
        }
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

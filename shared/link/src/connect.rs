//! Dialing: TCP, TLS with a deadline, then HTTP/2 on that one connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use sanji_log::StationCode;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};

use crate::certificate::server_name;
use crate::{Error, Result};

/// For TCP and TLS together.
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
    let connecting = async {
        let tcp = TcpStream::connect(address).await.map_err(|source| Error::Io { operation: "connect", source })?;
        tcp.set_nodelay(true).map_err(|source| Error::Io { operation: "set up the connection", source })?;
        TlsConnector::from(config)
            .connect(name, tcp)
            .await
            .map_err(|source| Error::Io { operation: "shake hands", source })
    };
    tokio::time::timeout(DEADLINE, connecting).await.map_err(|_| Error::Timeout { operation: "connect" })?
}

/// The certificate that the other side showed.
pub(crate) fn shown_certificate(tls: &TlsStream<TcpStream>) -> Result<Vec<u8>> {
    let shown = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
    Ok(shown.ok_or(Error::Certificate { problem: "is missing" })?.to_vec())
}

/// HTTP/2 on a connection. The channel ends with it and never dials by itself.
pub(crate) async fn channel(tls: TlsStream<TcpStream>) -> Result<Channel> {
    const OPERATION: &str = "begin HTTP/2";
    let mut tls = Some(TokioIo::new(tls));
    let once = tower::service_fn(move |_: tonic::transport::Uri| {
        let tls = tls.take();
        async move { tls.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    Endpoint::from_static("http://station.sanji.invalid")
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .connect_timeout(DEADLINE)
        .connect_with_connector(once)
        .await
        .map_err(|source| Error::Transport { operation: OPERATION, source })
}

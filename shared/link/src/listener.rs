//! A listening port: TLS handshakes with a deadline, a bounded number of connections, and connections that can
//! be cut from outside. tonic serves what comes out of it.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use crate::certificate::Certified;
use crate::{Error, Result, Trust};

/// How long open connections may go on once the station stops; long enough to say goodbye.
const STOP_GRACE: Duration = Duration::from_secs(3);
/// How long a connection lives on whose key was revoked; enough to say why.
const REVOKED_GRACE: Duration = Duration::from_millis(300);
/// How long one that is refused may take to read why.
const REFUSED_GRACE: Duration = Duration::from_secs(1);
/// An enrolment is one call, whose reply may take its time on a thin line.
pub(crate) const ENROLMENT_DEADLINE: Duration = Duration::from_secs(300);
/// Pause after the system refused to accept a connection (for example: no file handles left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Connections that have shaken hands and wait to be served.
const BACKLOG: usize = 16;

/// What a listening port admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptLimits {
    /// Connections at a time, those in their handshake included.
    pub connections: usize,
    /// Of these from one IP address. Several villages may share one behind a router.
    pub connections_per_address: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// Links that catch up at a time; further children are told when to come back.
    pub catch_ups: usize,
}

impl Default for AcceptLimits {
    fn default() -> Self {
        Self { connections: 1024, connections_per_address: 64, handshake: Duration::from_secs(10), catch_ups: 64 }
    }
}

/// Which of the station's ports it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// For children with a certificate.
    Link,
    /// For stations that have none yet.
    Enrolment,
}

/// Accepts connections until `shutdown`; what comes out has shaken hands. The caller drives HTTP/2 on it.
pub(crate) fn incoming(
    listener: TcpListener,
    door: Door,
    trust: Arc<Trust>,
    limits: AcceptLimits,
    shutdown: CancellationToken,
) -> ReceiverStream<io::Result<PeerStream>> {
    let (ready, connections) = mpsc::channel(BACKLOG);
    let places = Arc::new(Places { limits, taken: Mutex::default() });
    tokio::spawn(async move {
        loop {
            let (tcp, address) = tokio::select! {
                () = shutdown.cancelled() => return,
                () = ready.closed() => return,
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(error = %error, "can't accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
            };
            let Some(place) = places.take(address.ip()) else {
                tracing::warn!(peer.address = %address, "too many connections; one is turned away");
                continue;
            };
            let (ready, trust, shutdown) = (ready.clone(), trust.clone(), shutdown.clone());
            tokio::spawn(async move {
                match handshake(tcp, address, door, &trust, limits.handshake, place, shutdown).await {
                    // The receiver is gone only when the port closes.
                    Ok(stream) => drop(ready.send(Ok(stream)).await),
                    Err(error) => {
                        let source = std::error::Error::source(&error).map(ToString::to_string);
                        tracing::info!(peer.address = %address, error = %error, error.source = source, "handshake failed");
                    }
                }
            });
        }
    });
    ReceiverStream::new(connections)
}

/// A connection that is dropped with something unread is reset, and the peer never reads why it was refused. So it is
/// ended in good order, within a second.
async fn let_it_be_read(mut tcp: TcpStream) {
    let until_the_end = async {
        if tcp.shutdown().await.is_ok() {
            let mut unread = [0; 1024];
            while let Ok(1..) = tcp.read(&mut unread).await {}
        }
    };
    // A peer that does not end its side learns no more.
    drop(tokio::time::timeout(REFUSED_GRACE, until_the_end).await);
}

async fn handshake(
    tcp: TcpStream,
    address: SocketAddr,
    door: Door,
    trust: &Trust,
    deadline: Duration,
    place: Place,
    shutdown: CancellationToken,
) -> Result<PeerStream> {
    const OPERATION: &str = "shake hands";
    tcp.set_nodelay(true).map_err(|source| Error::Io { operation: "set up the connection", source })?;
    let config = match door {
        Door::Link => trust.accept_config(),
        Door::Enrolment => trust.enrolment_config(),
    };
    let begun = Instant::now();
    let accepted = tokio::time::timeout(deadline, TlsAcceptor::from(config).accept(tcp).into_fallible()).await;
    let tls = match accepted.map_err(|_| Error::Timeout { operation: OPERATION })? {
        Ok(tls) => tls,
        Err((source, tcp)) => {
            let_it_be_read(tcp).await;
            return Err(Error::Io { operation: OPERATION, source });
        }
    };
    let took = begun.elapsed();
    let stopped = async move {
        shutdown.cancelled().await;
        tokio::time::sleep(STOP_GRACE).await;
    };
    let (certified, cut): (_, Cut) = match door {
        Door::Link => {
            let shown = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let shown = shown.ok_or(Error::Certificate { problem: "is missing" })?;
            // Again, since the key may have been revoked while hands were shaken.
            let peer = trust.check(shown)?;
            let (revocation, delivers) = (trust.revocation_of(peer.key), trust.delivers(&peer.key));
            let revoked = async move {
                revocation.await;
                if delivers {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(REVOKED_GRACE).await;
            };
            (
                Some(peer),
                Box::pin(async move {
                    tokio::select! { () = revoked => {}, () = stopped => {} }
                }),
            )
        }
        Door::Enrolment => (
            None,
            Box::pin(async move {
                tokio::select! { () = tokio::time::sleep(ENROLMENT_DEADLINE) => {}, () = stopped => {} }
            }),
        ),
    };
    Ok(PeerStream { tls, peer: PeerInfo { address, certified, handshake: took }, cut, _place: place })
}

/// Who is at the other end of a connection; tonic hands it to each call as an extension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerInfo {
    pub(crate) address: SocketAddr,
    /// None on the enrolment port.
    pub(crate) certified: Option<Certified>,
    /// How long it took to shake hands.
    pub(crate) handshake: Duration,
}

type Cut = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection. Reading fails once it is cut, upon which HTTP/2 and every call on it end.
pub(crate) struct PeerStream {
    tls: TlsStream<TcpStream>,
    peer: PeerInfo,
    cut: Cut,
    _place: Place,
}

impl Connected for PeerStream {
    type ConnectInfo = PeerInfo;

    fn connect_info(&self) -> PeerInfo {
        self.peer
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.cut.as_mut().poll(cx).is_ready() {
            // A finished future must not be polled again, but reading may be tried again.
            self.cut = Box::pin(std::future::ready(()));
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.tls).poll_read(cx, buf)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}

/// Counts connections, in all and by address.
struct Places {
    limits: AcceptLimits,
    taken: Mutex<BTreeMap<IpAddr, usize>>,
}

impl Places {
    fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= self.limits.connections {
            return None;
        }
        let here = taken.entry(address).or_default();
        if *here >= self.limits.connections_per_address {
            return None;
        }
        *here += 1;
        Some(Place { places: self.clone(), address })
    }
}

/// One connection's place; dropping gives it back.
struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = taken.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

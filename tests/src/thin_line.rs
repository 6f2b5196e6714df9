//! A bad line in a program: a relay between two stations with a rate, a delay, jitter and loss, that can be cut.
//!
//! ```text
//! village ──▶ listener ═══ queue: rate, delay, loss ═══▶ township
//!                      ◀══════════════════════════════
//! ```
//!
//! It stands above TCP, so it can't lose bytes: what a real line loses is sent again by TCP and comes later, with
//! everything that stands behind it. A loss here is that: the piece takes the line's time once more, and arrives
//! after a timeout of a round trip. A line that is cut holds what it was given, as TCP would, until it is back; a
//! new connection gets no answer until then. All bytes of both directions are counted, TLS included; the headers of
//! TCP and IP are not.

mod direction;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use direction::carry;

/// What a line is like, each way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Bits a second; none: as many as come.
    pub bits_per_second: Option<u64>,
    /// From one end to the other.
    pub delay: Duration,
    /// Up to this much longer, evenly spread.
    pub jitter: Duration,
    /// Share of packets that are lost, 0 to below 1.
    pub loss: f64,
}

impl Quality {
    /// A line that only counts.
    pub const PERFECT: Self = Self { bits_per_second: None, delay: Duration::ZERO, jitter: Duration::ZERO, loss: 0.0 };

    /// 64 kbit/s, 600 ms there and back, 5 % loss: a village behind a hill.
    pub const THIN: Self = Self {
        bits_per_second: Some(64_000),
        delay: Duration::from_millis(300),
        jitter: Duration::from_millis(20),
        loss: 0.05,
    };

    /// How long TCP waits before it sends again what was lost: about a round trip and what that varies by, and not
    /// less than 200 ms (as Linux does; RFC 6298 would have a second).
    fn retransmission_timeout(&self) -> Duration {
        (self.delay * 2 + self.jitter * 4).max(Duration::from_millis(200))
    }
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From who dials to who is dialed: from a child to its parent.
    Up,
    /// Back.
    Down,
}

/// One way of a line: what all connections share.
#[derive(Debug)]
pub(crate) struct Lane {
    quality: Quality,
    bytes: AtomicU64,
    open: watch::Sender<bool>,
    random: std::sync::Mutex<StdRng>,
    /// When the line has sent what it was given: connections share the rate.
    free_at: Mutex<Instant>,
}

/// A line that carries connections until it is dropped.
#[derive(Debug)]
pub struct ThinLine {
    address: SocketAddr,
    up: Arc<Lane>,
    down: Arc<Lane>,
    _tasks: JoinSet<()>,
}

impl Lane {
    fn new(quality: Quality, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            quality,
            bytes: AtomicU64::new(0),
            open: watch::Sender::new(true),
            random: std::sync::Mutex::new(StdRng::seed_from_u64(seed)),
            free_at: Mutex::new(Instant::now()),
        })
    }

    /// A number from 0 to below 1.
    fn chance(&self) -> f64 {
        let mut random = self.random.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // 53 bits are what a double holds.
        (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Until the way is not cut.
    async fn until_open(&self) {
        let mut open = self.open.subscribe();
        // The sender lives in this lane, so waiting can't fail.
        let _ = open.wait_for(|open| *open).await;
    }
}

impl ThinLine {
    /// Opens a line to `target` with the same quality both ways. The seed says which packets are lost.
    ///
    /// # Errors
    /// The system's error where no address can be had.
    pub async fn open(target: SocketAddr, quality: Quality, seed: u64) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (up, down) = (Lane::new(quality, seed), Lane::new(quality, !seed));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, target, up.clone(), down.clone()));
        Ok(Self { address, up, down, _tasks: tasks })
    }

    /// Where to dial instead of the target.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes that were sent on the line one way, those that were lost and sent again included.
    #[must_use]
    pub fn bytes(&self, way: Way) -> u64 {
        self.lane(way).bytes.load(Ordering::Relaxed)
    }

    /// Cuts one way or brings it back.
    pub fn set_open(&self, way: Way, open: bool) {
        self.lane(way).open.send_replace(open);
    }

    /// Cuts the line.
    pub fn cut(&self) {
        self.set_open(Way::Up, false);
        self.set_open(Way::Down, false);
    }

    /// Brings it back.
    pub fn mend(&self) {
        self.set_open(Way::Up, true);
        self.set_open(Way::Down, true);
    }

    fn lane(&self, way: Way) -> &Lane {
        match way {
            Way::Up => &self.up,
            Way::Down => &self.down,
        }
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, up: Arc<Lane>, down: Arc<Lane>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(stream, target, up.clone(), down.clone()))),
                // No file descriptor for a moment; whoever dials tries again.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection: the handshake of TCP takes a round trip, then bytes go both ways until both ends are through.
async fn connection(child: TcpStream, target: SocketAddr, up: Arc<Lane>, down: Arc<Lane>) {
    let greeted = async {
        up.until_open().await;
        sleep(up.quality.delay).await;
        down.until_open().await;
        sleep(down.quality.delay).await;
    };
    // Who gave up while the line was cut is not connected any more.
    let gone = async {
        while child.readable().await.is_ok() && !matches!(child.peek(&mut [0]).await, Ok(0) | Err(_)) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = greeted => {}
        () = gone => return,
    }
    let Ok(parent) = TcpStream::connect(target).await else { return };
    // Small pieces go at once, as the stations send them; without it the kernel would hold them back.
    if child.set_nodelay(true).is_err() || parent.set_nodelay(true).is_err() {
        return;
    }
    let ((from_child, to_child), (from_parent, to_parent)) = (child.into_split(), parent.into_split());
    tokio::join!(carry(from_child, to_parent, &up), carry(from_parent, to_child, &down));
}

#[cfg(test)]
mod tests;

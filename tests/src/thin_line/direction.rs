//! One direction of one connection: read, hold for as long as the line would take, pass on.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::Lane;

/// What a packet carries at most, as on Ethernet.
const PACKET_BYTES: usize = 1448;
/// Packets on their way at once. Whoever sends more waits, as TCP makes them.
const ON_THE_WAY: usize = 64;

struct Packet {
    bytes: Vec<u8>,
    arrives: Instant,
}

/// Carries bytes until one end is closed; then the other is closed too, once everything has arrived.
pub(super) async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, lane: &Lane) {
    let (sender, mut receiver) = mpsc::channel::<Packet>(ON_THE_WAY);
    let sending = async move {
        let mut buffer = vec![0; PACKET_BYTES];
        // No packet overtakes another: TCP gives bytes on in their order.
        let mut last_arrival = Instant::now();
        while let Ok(size @ 1..) = from.read(&mut buffer).await {
            lane.until_open().await;
            last_arrival = last_arrival.max(transmit(lane, size).await);
            let bytes = buffer.get(..size).unwrap_or_default().to_vec();
            if sender.send(Packet { bytes, arrives: last_arrival }).await.is_err() {
                return;
            }
        }
    };
    let arriving = async move {
        while let Some(packet) = receiver.recv().await {
            sleep_until(packet.arrives).await;
            lane.until_open().await;
            if to.write_all(&packet.bytes).await.is_err() {
                return;
            }
        }
        // An end that is closed already needs no closing.
        let _ = to.shutdown().await;
    };
    tokio::join!(sending, arriving);
}

/// Puts a packet on the line as often as it is lost and once more; when it arrives.
async fn transmit(lane: &Lane, size: usize) -> Instant {
    let quality = &lane.quality;
    let on_the_line = match quality.bits_per_second {
        Some(rate) => Duration::from_secs_f64(size as f64 * 8.0 / rate as f64),
        None => Duration::ZERO,
    };
    let mut timeouts = Duration::ZERO;
    let mut timeout = quality.retransmission_timeout();
    loop {
        lane.bytes.fetch_add(size as u64, Ordering::Relaxed);
        let sent = {
            let mut free_at = lane.free_at.lock().await;
            *free_at = (*free_at).max(Instant::now()) + on_the_line;
            *free_at
        };
        if lane.chance() >= quality.loss {
            // The sender may read on once the line is free again: its own buffer is not ours to fill.
            sleep_until(sent).await;
            return sent + timeouts + quality.delay + quality.jitter.mul_f64(lane.chance());
        }
        timeouts += timeout;
        timeout *= 2;
    }
}

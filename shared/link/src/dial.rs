//! The child's side: keeps one link to a parent, for ever.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use rand::Rng;
use sanji_log::StationCode;
use sanji_proto::v1::LinkMessage;
use sanji_proto::v1::link_client::LinkClient;
use sanji_replication::limits::MESSAGE_MAX_BYTES;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use crate::attachments::{self, Attachments};
use crate::certificate::Certified;
use crate::connect::{channel, connect, shown_certificate};
use crate::host::{Host, LinkState};
use crate::pump::{self, Goodbye, Link, now_ms, with_sources};
use crate::{Error, Result, Trust};

/// Mean of the first pause is half of this; it doubles with each failure …
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// … up to this.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A link that lasted this long was a good one: the next pause is short again.
const GOOD_LINK: Duration = Duration::from_secs(30);
/// How long a parent may take to answer the call that opens the stream.
const CALL_DEADLINE: Duration = Duration::from_secs(15);
/// Pause before attachments are tried again on a link that goes on.
const ATTACHMENTS_PAUSE: Duration = Duration::from_secs(5);

/// Dials `upstream` ("host:port") until `shutdown`, again and again: after a broken link with full jitter, after
/// a goodbye when the parent asked for. Who answers must be a station above this one.
pub async fn dial(upstream: String, trust: Arc<Trust>, host: Arc<dyn Host>, shutdown: CancellationToken) {
    let mut pause = Pause::default();
    let mut down_since_ms = now_ms();
    while !shutdown.is_cancelled() {
        let begun = Instant::now();
        let connected = tokio::select! {
            connected = open(&upstream, &trust, host.me()) => connected,
            () = shutdown.cancelled() => return,
        };
        let ended = match connected {
            Ok(opened) => {
                let ended = keep(opened, &trust, &host, &shutdown).await;
                down_since_ms = now_ms();
                ended
            }
            Err(error) => {
                report_down(&host, down_since_ms, with_sources(&error));
                Err(error)
            }
        };
        if begun.elapsed() >= GOOD_LINK {
            pause = Pause::default();
        }
        let wait = pause.next() + ended.as_ref().map_or(Duration::ZERO, |goodbye| goodbye.come_back_after);
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        match ended {
            Ok(Goodbye { reason, .. }) => tracing::info!(upstream, reason, wait_ms, "link closed"),
            Err(error) => tracing::warn!(upstream, error = with_sources(&error), wait_ms, "no link"),
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// A stream that a parent has agreed to.
struct Opened {
    client: LinkClient<Channel>,
    peer: Certified,
    incoming: Streaming<LinkMessage>,
    outgoing: mpsc::Sender<std::result::Result<LinkMessage, Status>>,
}

async fn open(upstream: &str, trust: &Trust, me: StationCode) -> Result<Opened> {
    let asked_for = me.parent().unwrap_or(me);
    let tls = connect(upstream, asked_for, trust.dial_config()).await?;
    // Again, since the key may have been revoked while hands were shaken.
    let peer = trust.check(&shown_certificate(&tls)?)?;
    let mut client = LinkClient::new(channel(tls).await?)
        .accept_compressed(CompressionEncoding::Zstd)
        .send_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(MESSAGE_MAX_BYTES)
        .max_encoding_message_size(MESSAGE_MAX_BYTES);
    let (outgoing, messages) = mpsc::channel(pump::OUTGOING);
    let messages = ReceiverStream::new(messages).map_while(std::result::Result::ok);
    // In TLS 1.3 it shows only here whether the parent took this station's certificate.
    let call = tokio::time::timeout(CALL_DEADLINE, client.replicate(messages));
    let incoming = call.await.map_err(|_| Error::Timeout { operation: "open the stream" })??.into_inner();
    Ok(Opened { client, peer, incoming, outgoing })
}

/// Runs the link and its attachments until the link ends.
async fn keep(
    opened: Opened,
    trust: &Arc<Trust>,
    host: &Arc<dyn Host>,
    shutdown: &CancellationToken,
) -> Result<Goodbye> {
    let Opened { client, peer, incoming, outgoing } = opened;
    let (busy, is_busy) = watch::channel(false);
    let link = Link {
        host: host.clone(),
        trust: trust.clone(),
        peer,
        incoming,
        outgoing,
        turn: Arc::new(Semaphore::new(1)).try_acquire_owned().ok(),
        busy,
        replaced: CancellationToken::new(),
        shutdown: shutdown.clone(),
    };
    tokio::select! {
        ended = pump::run(link) => ended,
        never = keep_attachments(client, peer.station, host.clone(), is_busy) => match never {},
    }
}

/// Opens the stream of attachments, and again whenever it breaks: the entries go on meanwhile.
async fn keep_attachments(
    mut client: LinkClient<Channel>,
    peer: StationCode,
    host: Arc<dyn Host>,
    busy: watch::Receiver<bool>,
) -> Infallible {
    loop {
        let (outgoing, messages) = mpsc::channel(attachments::OUTGOING);
        let messages = ReceiverStream::new(messages).map_while(std::result::Result::ok);
        let ended = match client.attachments(messages).await {
            Ok(answer) => {
                let (host, incoming, busy) = (host.clone(), answer.into_inner(), busy.clone());
                attachments::run(Attachments { host, peer, incoming, outgoing, busy }).await
            }
            Err(status) => Err(status.into()),
        };
        if let Err(error) = ended {
            tracing::info!(peer.station = %peer, error = with_sources(&error), "attachments stopped");
        }
        tokio::time::sleep(ATTACHMENTS_PAUSE).await;
    }
}

/// Nobody answered, so the link is reported under the name of who should have.
fn report_down(host: &Arc<dyn Host>, since_ms: u64, error: String) {
    let me = host.me();
    let state = LinkState { since_ms, last_error: Some(error), ..LinkState::default() };
    host.link_changed(me.parent().unwrap_or(me), state);
}

/// Pauses between attempts: evenly spread between nothing and a bound that doubles. (Full jitter, after Brooker,
/// "Exponential Backoff and Jitter", 2015: 400 stations that lost their line together come back one by one.)
struct Pause {
    bounds: ExponentialBackoff,
}

impl Default for Pause {
    fn default() -> Self {
        let bounds =
            ExponentialBuilder::new().with_min_delay(PAUSE_FIRST).with_max_delay(PAUSE_MAX).without_max_times();
        Self { bounds: bounds.build() }
    }
}

impl Pause {
    fn next(&mut self) -> Duration {
        let bound = self.bounds.next().unwrap_or(PAUSE_MAX);
        rand::rng().random_range(Duration::ZERO..=bound)
    }
}

//! The child's side: keeps one link to a parent, for ever. Where the station above it is away for long, a village
//! links round it, straight to the station above that, and goes back by itself.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use rand::Rng;
use sanji_log::StationCode;
use sanji_proto::v1::LinkMessage;
use sanji_proto::v1::link_client::LinkClient;
use sanji_replication::limits::MESSAGE_MAX_BYTES;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;

use crate::attachments::{self, Attachments, Budget};
use crate::certificate::Certified;
use crate::connect::{CONNECT, Dialing, SHAKE_HANDS, Shaken, channel, shown_certificate};
use crate::error::Distrust;
use crate::host::{Host, LinkState};
use crate::pump::{self, Begun, Goodbye, KnownDistrust, Link, now_ms, with_sources};
use crate::{Error, Result, Trust};

/// Where nobody listens, the station is starting anew: it is asked again within this time …
const PAUSE_REFUSED: Duration = Duration::from_millis(200);
/// … for so long; …
const REFUSED_FOR: Duration = Duration::from_secs(10);
/// … then within this time …
const PAUSE_REFUSED_LONGER: Duration = Duration::from_millis(500);
/// … for so long; then like one that has trouble.
const REFUSED_FOR_LONGER: Duration = Duration::from_secs(60);
/// Where nobody can be reached the line is away. Trying costs such a line nothing, and people wait for it: it is tried
/// again within this time, and at once where trying has taken long by itself.
const PAUSE_AWAY: Duration = Duration::from_secs(2);
/// Where a parent has trouble, the mean of the first pause is half of this; it doubles with each failure …
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// … up to this. Hundreds of stations that find the hub back after an hour are to be in sync within a minute.
const PAUSE_MAX: Duration = Duration::from_secs(20);
/// A link that lasted this long was a good one: the next pause is short again.
const GOOD_LINK: Duration = Duration::from_secs(30);
/// The station above must have been linked for this long before the way round it is given up.
const STEADY: Duration = Duration::from_secs(30);
/// How long a parent may take to answer the call that opens the stream.
const CALL_DEADLINE: Duration = Duration::from_secs(15);
/// The same failure is said again after this long: a line may be away for days.
const SAY_AGAIN: Duration = Duration::from_secs(60);
/// Pause before attachments are tried again on a link that goes on.
const ATTACHMENTS_PAUSE: Duration = Duration::from_secs(5);

/// The way round a station that is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detour {
    /// The station above it: "host:port".
    pub address: String,
    /// How long it must be away.
    pub after: Duration,
}

/// Dials `upstream` ("host:port") until `shutdown`, again and again: after a broken link with full jitter, after
/// a goodbye when the parent asked for. Who answers must be a station above this one.
pub async fn dial(upstream: String, trust: Arc<Trust>, host: Arc<dyn Host>, shutdown: CancellationToken) {
    Line::to_parent(upstream, trust, host, shutdown).keep().await;
}

/// The same, and round the station above where it is away for long. Both links may stand at the same time: what is
/// sent follows from what each side has, so nothing comes twice.
pub async fn dial_with_detour(
    upstream: String,
    detour: Detour,
    trust: Arc<Trust>,
    host: Arc<dyn Host>,
    shutdown: CancellationToken,
) {
    let straight = Line::to_parent(upstream, trust.clone(), host.clone(), shutdown.clone());
    let mut is_linked = straight.linked.subscribe();
    let round = async {
        let steady = STEADY.min(detour.after);
        while away(&mut is_linked, detour.after, steady, &shutdown).await {
            tracing::warn!(detour = detour.address, "the station above is away: linking round it");
            let stop = shutdown.child_token();
            let to_parent = Line::to_parent(detour.address.clone(), trust.clone(), host.clone(), stop.clone());
            let line = Line { asked_for: host.me().district(), ..to_parent };
            let until_back = async {
                tokio::select! {
                    () = back(&mut is_linked, steady) => {}
                    () = stop.cancelled() => {}
                }
                stop.cancel();
            };
            tokio::join!(line.keep(), until_back);
            tracing::info!("the station above is back: linking to it alone");
        }
    };
    tokio::join!(straight.keep(), round);
}

/// Waits until for `long` no link has stood for as long as `steady`: a station above that answers and then ends every
/// link, since its disk is full, is away all the same. False: nobody waits any more.
async fn away(
    is_linked: &mut watch::Receiver<bool>,
    long: Duration,
    steady: Duration,
    shutdown: &CancellationToken,
) -> bool {
    loop {
        let down = async {
            is_linked.wait_for(|linked| !linked).await.is_ok()
                && tokio::time::timeout(long, back(is_linked, steady)).await.is_err()
        };
        tokio::select! {
            stayed_down = down => if stayed_down { return true },
            () = shutdown.cancelled() => return false,
        }
    }
}

/// Waits until a link has been up for `long`.
async fn back(is_linked: &mut watch::Receiver<bool>, long: Duration) {
    while is_linked.wait_for(|linked| *linked).await.is_ok() {
        if tokio::time::timeout(long, is_linked.wait_for(|linked| !linked)).await.is_err() {
            return;
        }
    }
}

/// One way upwards.
struct Line {
    upstream: String,
    /// Who should answer.
    asked_for: StationCode,
    trust: Arc<Trust>,
    host: Arc<dyn Host>,
    shutdown: CancellationToken,
    /// Whether a link stands.
    linked: watch::Sender<bool>,
}

impl Line {
    fn to_parent(upstream: String, trust: Arc<Trust>, host: Arc<dyn Host>, shutdown: CancellationToken) -> Self {
        let asked_for = host.me().parent().unwrap_or(host.me());
        Self { upstream, asked_for, trust, host, shutdown, linked: watch::Sender::new(false) }
    }

    async fn keep(self) {
        let Self { upstream, asked_for, trust, host, shutdown, linked } = self;
        let mut dialing = Dialing::default();
        let mut pause = Pause::default();
        let mut said = Said::default();
        let mut down_since_ms = now_ms();
        let distrust = KnownDistrust::default();
        while !shutdown.is_cancelled() {
            let begun = Instant::now();
            let opened = tokio::select! {
                opened = open(&mut dialing, &upstream, &trust, &host, asked_for, &distrust, &shutdown) => opened,
                () = shutdown.cancelled() => return,
            };
            let ended = match opened {
                Ok(opened) => {
                    linked.send_replace(true);
                    let ended = keep(opened, &host).await;
                    linked.send_replace(false);
                    down_since_ms = now_ms();
                    ended
                }
                Err(error) => {
                    report_down(&host, asked_for, down_since_ms, &error, distrust.get());
                    Err(error)
                }
            };
            if begun.elapsed() >= GOOD_LINK {
                (pause, said) = (Pause::default(), Said::default());
            }
            let wait = pause.after(&ended);
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            match ended {
                Ok(Goodbye { reason, .. }) => tracing::info!(upstream, reason, wait_ms, "link closed"),
                Err(error) => {
                    let error = with_sources(&error);
                    if said.is_due(&error) {
                        tracing::warn!(upstream, error, wait_ms, "no link");
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }
}

/// A stream that a parent has agreed to.
struct Opened {
    channel: Channel,
    peer: Certified,
    link: Begun,
    incoming: Streaming<LinkMessage>,
    is_busy: watch::Receiver<bool>,
}

async fn open(
    dialing: &mut Dialing,
    upstream: &str,
    trust: &Arc<Trust>,
    host: &Arc<dyn Host>,
    asked_for: StationCode,
    distrust: &KnownDistrust,
    shutdown: &CancellationToken,
) -> Result<Opened> {
    const OPERATION: &str = "open the stream";
    let Shaken { tls, handshake } = dialing.connect(upstream, asked_for, trust.dial_config()).await?;
    // Again, since the key may have been revoked while hands were shaken.
    let peer = trust.check(&shown_certificate(&tls)?)?;
    let (channel, failure) = channel(tls).await?;
    let mut client = LinkClient::new(channel.clone())
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(MESSAGE_MAX_BYTES)
        .max_encoding_message_size(MESSAGE_MAX_BYTES);
    let (outgoing, messages) = pump::outgoing(pump::OUTGOING);
    let messages = messages.map_while(std::result::Result::ok);
    let (busy, is_busy) = watch::channel(false);
    let link = Link {
        host: host.clone(),
        trust: trust.clone(),
        peer,
        handshake,
        outgoing,
        turn: Arc::new(Semaphore::new(1)).try_acquire_owned().ok(),
        busy,
        replaced: CancellationToken::new(),
        delivers: false,
        files: watch::channel(false).1,
        distrust: distrust.clone(),
        shutdown: shutdown.clone(),
    };
    let link = pump::begin(link).await;
    // In TLS 1.3 it shows only here whether the parent took this station's certificate.
    let call = tokio::time::timeout(CALL_DEADLINE, client.replicate(messages));
    let answer = call.await.map_err(|_| Error::Timeout { operation: OPERATION })?;
    let incoming = answer.map_err(|status| failure.explains(OPERATION, status.into()))?.into_inner();
    Ok(Opened { channel, peer, link, incoming, is_busy })
}

/// Runs the link and its attachments until the link ends.
async fn keep(opened: Opened, host: &Arc<dyn Host>) -> Result<Goodbye> {
    let Opened { channel, peer, link, incoming, is_busy } = opened;
    tokio::select! {
        ended = link.run(incoming) => ended,
        never = keep_attachments(channel, peer.station, host.clone(), is_busy) => match never {},
    }
}

/// Opens the stream of attachments, and again whenever it breaks: the entries go on meanwhile. They are encrypted, so
/// compressing them would be in vain.
async fn keep_attachments(
    channel: Channel,
    peer: StationCode,
    host: Arc<dyn Host>,
    busy: watch::Receiver<bool>,
) -> Infallible {
    let mut client = LinkClient::new(channel)
        .max_decoding_message_size(MESSAGE_MAX_BYTES)
        .max_encoding_message_size(MESSAGE_MAX_BYTES);
    let budget = Budget::default();
    loop {
        let (outgoing, messages) = pump::outgoing(attachments::OUTGOING);
        let messages = messages.map_while(std::result::Result::ok);
        let ended = match client.attachments(messages).await {
            Ok(answer) => {
                let (host, incoming, busy) = (host.clone(), answer.into_inner(), busy.clone());
                let budget = budget.clone();
                attachments::run(Attachments { host, peer, incoming, outgoing, budget, busy, delivers: None }).await
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
fn report_down(host: &Arc<dyn Host>, asked_for: StationCode, since_ms: u64, error: &Error, known: Option<Distrust>) {
    let (last_error, distrust) = (Some(with_sources(error)), error.distrust().or(known));
    let state = LinkState { since_ms, last_error, distrust, ..LinkState::default() };
    host.link_changed(asked_for, state);
}

/// Keeps the log readable while a line is away for days.
#[derive(Default)]
struct Said(Option<(String, Instant)>);

impl Said {
    /// Whether a failure is another than the last, or that was long ago.
    fn is_due(&mut self, failure: &str) -> bool {
        let due = self.0.as_ref().is_none_or(|(last, at)| last != failure || at.elapsed() >= SAY_AGAIN);
        if due {
            self.0 = Some((failure.to_owned(), Instant::now()));
        }
        due
    }
}

/// Pauses between attempts: evenly spread between nothing and a bound, which doubles while the parent has trouble.
/// (Full jitter, after Brooker, "Exponential Backoff and Jitter", 2015: 400 stations that lost their line together come
/// back one by one.)
struct Pause {
    bounds: ExponentialBackoff,
    /// When nobody listened for the first time.
    refused_since: Option<Instant>,
}

impl Default for Pause {
    fn default() -> Self {
        let bounds =
            ExponentialBuilder::new().with_min_delay(PAUSE_FIRST).with_max_delay(PAUSE_MAX).without_max_times();
        Self { bounds: bounds.build(), refused_since: None }
    }
}

impl Pause {
    fn after(&mut self, ended: &Result<Goodbye>) -> Duration {
        let bound = match ended {
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::ConnectionRefused => {
                match self.refused_since.get_or_insert_with(Instant::now).elapsed() {
                    since if since < REFUSED_FOR => Some(PAUSE_REFUSED),
                    since if since < REFUSED_FOR_LONGER => Some(PAUSE_REFUSED_LONGER),
                    _ => None,
                }
            }
            Err(Error::Timeout { operation: CONNECT | SHAKE_HANDS }) => Some(Duration::ZERO),
            Err(Error::Io { operation: CONNECT, .. } | Error::Timeout { .. }) => Some(PAUSE_AWAY),
            _ => None,
        };
        let bound = bound.or_else(|| self.bounds.next()).unwrap_or(PAUSE_MAX);
        let asked_for = ended.as_ref().map_or(Duration::ZERO, |goodbye| goodbye.come_back_after);
        rand::rng().random_range(Duration::ZERO..=bound) + asked_for
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_parent_in_trouble_is_asked_ever_more_seldom_and_by_no_two_at_once() {
        let in_vain = Err(Error::Closed { reason: "no room".to_owned() });
        let mut pause = Pause::default();
        assert!(pause.after(&in_vain) <= PAUSE_FIRST);
        let later: Vec<_> = (0..400).map(|_| pause.after(&in_vain)).skip(10).collect();
        assert!(later.iter().all(|pause| *pause <= Duration::from_secs(20)));
        for third in 0..3 {
            let within = later.iter().filter(|pause| pause.as_secs() / 7 == third).count();
            assert!(within > 60, "{within} of {} in the third {third}", later.len());
        }
        let asked = Ok(Goodbye { reason: String::new(), come_back_after: Duration::from_secs(7), distrust: None });
        assert!(pause.after(&asked) >= Duration::from_secs(7));
    }

    #[test]
    fn a_line_that_is_away_is_tried_every_other_second_for_ever() {
        let mut pause = Pause::default();
        let unreachable = || Error::Io { operation: CONNECT, source: io::ErrorKind::HostUnreachable.into() };
        for _ in 0..500 {
            for away in [unreachable(), Error::Timeout { operation: CONNECT }] {
                assert!(pause.after(&Err(away)) <= Duration::from_secs(2));
            }
        }
    }

    #[test]
    fn a_parent_that_starts_anew_is_asked_every_moment_and_one_whose_handshake_hung_at_once() {
        let mut pause = Pause::default();
        for _ in 0..100 {
            let refused = Err(Error::Io { operation: CONNECT, source: io::ErrorKind::ConnectionRefused.into() });
            assert!(pause.after(&refused) <= PAUSE_REFUSED);
            assert_eq!(pause.after(&Err(Error::Timeout { operation: SHAKE_HANDS })), Duration::ZERO);
        }
    }

    #[test]
    fn a_failure_is_said_when_it_is_new() {
        let mut said = Said::default();
        let told = ["away", "away", "refused", "refused", "away"].map(|failure| said.is_due(failure));
        assert_eq!(told, [true, false, true, false, true]);
    }
}

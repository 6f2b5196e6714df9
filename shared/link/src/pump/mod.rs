//! Carries out what the session decides: the only place where actions become I/O.
//!
//! One task a link. It waits for the first of several things to happen (`Pump::next`), tells the session, and
//! notes what the session wants done (`Pump::apply`); nothing is awaited in between, so nothing is ever half
//! done. Reads and commits run beside it and come back as events. Memory is bounded by the session's window,
//! by the bounds of the queues here, and by nothing that the peer says.

mod clerk;
mod packing;
mod status;
mod turns;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use sanji_log::{Have, LogId, Receipt, Run, Stretch};
use sanji_proto::v1::LinkMessage;
use sanji_proto::v1::link_message::Message as Wire;
use sanji_replication::limits::PROTOCOL_PACKED;
use sanji_replication::{Action, CaseKeyMessage, Event, Message, Session, Settings, StationCondition};
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::certificate::Certified;
use crate::error::Distrust;
use crate::host::{Change, Host, HostError};
use crate::{Error, Result, Trust};
pub(crate) use status::{KnownDistrust, now_ms, to_peer, with_sources};

use clerk::{Answer, Clerk, Job};
use packing::{Packer, Unpacker};
use status::Reporter;
use turns::Turns;

/// Said to stations below once this life of the station has ended.
pub(crate) const ENDED: &str = "the key of this station has ended: the station above it is to be linked to";
/// Messages handed to HTTP/2 and not yet taken by it. Few, so that what is urgent does not stand behind much.
pub(crate) const OUTGOING: usize = 8;
/// Messages that wait for HTTP/2. A peer that never reads can make this station answer; beyond this it is cut.
const OUTBOX_MAX: usize = 8192;
/// Bytes of entries in one piece of a branch.
const BRANCH_BYTES: usize = 128 << 10;
const TICK: Duration = Duration::from_secs(1);
/// How often the station is asked whether entries are damaged: a peer may not have had them the last time.
const LOOK_FOR_DAMAGE: Duration = Duration::from_secs(10);
/// How often the station is asked how it is: it reads a few rows and the size of its disk for that.
const LOOK_AT_CONDITIONS: Duration = Duration::from_secs(15);
/// How long the last messages may take, and the peer's end of the stream after them.
const CLOSING: Duration = Duration::from_secs(2);

/// Hands messages to HTTP/2. Boxed, here and in other queues of a link: a queue takes room for 32 at once, and the hub has
/// a handful of them for each of hundreds of links at rest.
pub(crate) type Outgoing<T> = mpsc::Sender<std::result::Result<Box<T>, Status>>;

/// A queue of so many messages, and where HTTP/2 takes them from.
pub(crate) fn outgoing<T>(places: usize) -> (Outgoing<T>, impl Stream<Item = std::result::Result<T, Status>>) {
    let (outgoing, messages) = mpsc::channel::<std::result::Result<Box<T>, Status>>(places);
    (outgoing, ReceiverStream::new(messages).map(|message| message.map(|message| *message)))
}

/// What a link is made of, beside what the peer says on it.
pub(crate) struct Link {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) trust: Arc<Trust>,
    pub(crate) peer: Certified,
    /// How long it took to shake hands.
    pub(crate) handshake: Duration,
    pub(crate) outgoing: Outgoing<LinkMessage>,
    /// Given back once both sides have caught up. None: the peer is asked to come back later.
    pub(crate) turn: Option<OwnedSemaphorePermit>,
    /// Tells the attachments of this link whether entries wait to be sent.
    pub(crate) busy: watch::Sender<bool>,
    /// Another link of the same peer has taken this one's place.
    pub(crate) replaced: CancellationToken,
    /// The peer's key is revoked: it may deliver what it wrote.
    pub(crate) delivers: bool,
    /// Whether a revoked peer may have attachments yet that are wanted here.
    pub(crate) files: watch::Receiver<bool>,
    /// What earlier links of this process have shown.
    pub(crate) distrust: KnownDistrust,
    pub(crate) shutdown: CancellationToken,
}

/// How a link ended without anything having failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Goodbye {
    pub(crate) reason: String,
    /// The peer asked not to be dialed for this long.
    pub(crate) come_back_after: Duration,
    /// It has said that this station is not trusted any more.
    pub(crate) distrust: Option<Distrust>,
}

/// A link that has said who this station is and what it holds, and has heard nothing yet.
pub(crate) struct Begun {
    /// Boxed, since a task has room for it wherever it is moved to.
    pump: Box<Pump>,
    started: Result<()>,
    trust: Arc<Trust>,
    outgoing: Outgoing<LinkMessage>,
    busy: watch::Sender<bool>,
    replaced: CancellationToken,
    delivers: bool,
    shutdown: CancellationToken,
}

/// Says the first words. Who dials says them with the call and not after its answer: on a long line that is a round
/// trip.
pub(crate) async fn begin(link: Link) -> Begun {
    let Link { host, trust, peer, handshake, outgoing, turn, busy, replaced, delivers, files, distrust, shutdown } =
        link;
    // Before the first look at what is held, so that nothing falls between the two.
    let changes = host.subscribe();
    let mut settings = Settings::new(host.me(), peer.station, peer.key);
    settings.software = host.software();
    settings.instance = host.instance();
    settings.compression = host.compression(peer.station);
    settings.handshake_ms = u64::try_from(handshake.as_millis()).unwrap_or(u64::MAX);
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pump = Box::new(Pump {
        reporter: Reporter::new(host.clone(), peer.station, replaced.clone(), distrust),
        clerk: Clerk::new(host.clone(), peer.station),
        session: Session::new(settings),
        outbox: VecDeque::new(),
        packer: Packer::default(),
        unpacker: Unpacker::default(),
        reads: JoinSet::new(),
        changes,
        tick,
        goodbye: None,
        turn,
        files,
        peer,
        damage_looked_for: Instant::now(),
        damage_turns: Turns::default(),
        conditions_looked_at: None,
        branches_owed: 0,
        entries_owed: 0,
        host,
    });
    let started = pump.start().await;
    while let Ok(place) = outgoing.try_reserve()
        && let Some(message) = pump.outbox.pop_front()
    {
        place.send(Ok(message.into()));
    }
    Begun { pump, started, trust, outgoing, busy, replaced, delivers, shutdown }
}

impl Begun {
    /// Runs the link to its end.
    ///
    /// # Errors
    /// Where the stream broke, the peer misbehaved, or this station can't read or commit.
    pub(crate) async fn run(self, mut incoming: Streaming<LinkMessage>) -> Result<Goodbye> {
        let Self { mut pump, started, trust, outgoing, busy, replaced, delivers, shutdown } = self;
        pump.reporter.connected();
        let mut revoked = pin!(trust.revocation_of(pump.peer.key));
        let ended = match started {
            Ok(()) => tokio::select! {
                ended = pump.turn_around(&mut incoming, &outgoing, &busy, &shutdown) => ended,
                () = &mut revoked, if !delivers => Err(Error::Certificate { problem: "was revoked" }),
                () = replaced.cancelled() => {
                    Err(Error::Closed { reason: "another link of the same station".to_owned() })
                }
            },
            Err(error) => Err(error),
        };
        pump.finish(ended, incoming, outgoing).await
    }
}

struct Pump {
    host: Arc<dyn Host>,
    peer: Certified,
    session: Session,
    /// Said by the session, not yet taken by HTTP/2.
    outbox: VecDeque<LinkMessage>,
    packer: Packer,
    unpacker: Unpacker,
    clerk: Clerk,
    reads: JoinSet<Read>,
    changes: broadcast::Receiver<Change>,
    tick: Interval,
    reporter: Reporter,
    /// The session is over; what is in the outbox still goes.
    goodbye: Option<Goodbye>,
    turn: Option<OwnedSemaphorePermit>,
    files: watch::Receiver<bool>,
    damage_looked_for: Instant,
    damage_turns: Turns,
    /// When the station was asked how it is. None: not on this link yet.
    conditions_looked_at: Option<Instant>,
    /// Pieces of branches that were asked for and have not come. What was not asked for is not kept: it is in no window.
    branches_owed: u32,
    /// The same for entries that are damaged here.
    entries_owed: u32,
}

/// Whether something that has come was asked for.
fn is_owed(owed: &mut u32) -> bool {
    let left = owed.checked_sub(1);
    *owed = left.unwrap_or(0);
    left.is_some()
}

/// What a background read came back with.
enum Read {
    Everything { have: Have, receipts: Vec<Receipt> },
    Log { log: LogId, run: Option<(Run, Vec<CaseKeyMessage>)> },
    Branch(Option<(Run, Vec<CaseKeyMessage>)>),
    Again(Option<(Run, Vec<CaseKeyMessage>)>),
    Damaged(Vec<Stretch>),
    Conditions(Vec<StationCondition>),
}

/// What can happen to a link.
enum Happening {
    Sent,
    Received(std::result::Result<Option<LinkMessage>, Status>),
    Changed(std::result::Result<Change, broadcast::error::RecvError>),
    Read(std::result::Result<Read, tokio::task::JoinError>),
    Answered(std::result::Result<Answer, HostError>),
    Ticked,
    Stopping,
    PeerGone,
}

impl Pump {
    async fn turn_around(
        &mut self,
        incoming: &mut Streaming<LinkMessage>,
        outgoing: &Outgoing<LinkMessage>,
        busy: &watch::Sender<bool>,
        shutdown: &CancellationToken,
    ) -> Result<Goodbye> {
        loop {
            if let Some(goodbye) = &self.goodbye
                && self.outbox.is_empty()
            {
                return Ok(goodbye.clone());
            }
            let happening = self.next(incoming, outgoing, shutdown).await;
            self.apply(happening)?;
            let waiting = !self.outbox.is_empty() || outgoing.capacity() < OUTGOING;
            busy.send_if_modified(|busy| std::mem::replace(busy, waiting) != waiting);
        }
    }

    /// Whatever happens meanwhile stays queued: the session must hear of its start before anything else.
    async fn start(&mut self) -> Result<()> {
        if self.turn.is_none() {
            self.leave("too many stations catch up at the same time", status::come_back_after_ms());
            return Ok(());
        }
        self.read_everything();
        let Some(Ok(Read::Everything { have, receipts })) = self.reads.join_next().await else {
            return Err(broken_read());
        };
        self.tell(Event::Started { have: &have })?;
        self.tell(Event::Receipts(receipts))
    }

    /// The one place that waits on the way. Every branch may be dropped at any time without losing anything.
    async fn next(
        &mut self,
        incoming: &mut Streaming<LinkMessage>,
        outgoing: &Outgoing<LinkMessage>,
        shutdown: &CancellationToken,
    ) -> Happening {
        let is_open = self.goodbye.is_none();
        tokio::select! {
            place = outgoing.reserve(), if !self.outbox.is_empty() => match place {
                Ok(place) => {
                    if let Some(message) = self.outbox.pop_front() {
                        place.send(Ok(message.into()));
                    }
                    Happening::Sent
                }
                Err(_) => Happening::PeerGone,
            },
            received = incoming.message(), if is_open => Happening::Received(received),
            changed = self.changes.recv(), if is_open => Happening::Changed(changed),
            Some(read) = self.reads.join_next() => Happening::Read(read),
            Some(answer) = self.clerk.answer() => Happening::Answered(answer),
            _ = self.tick.tick() => Happening::Ticked,
            () = shutdown.cancelled(), if is_open => Happening::Stopping,
        }
    }

    /// The one place that changes anything. Never waits.
    fn apply(&mut self, happening: Happening) -> Result<()> {
        match happening {
            Happening::Sent => Ok(()),
            Happening::Received(Ok(Some(message))) => {
                self.reporter.heard();
                let Some(message) = self.unpacker.unpack(message)? else { return Ok(()) };
                let message = self.restored(message)?;
                let message = Message::try_from(message).map_err(|source| Error::Message { source })?;
                if let Message::Hello(sanji_replication::Hello { instance: Some(instance), .. }) = &message {
                    self.host.greeted(self.peer.station, self.peer.key, *instance);
                }
                self.tell(Event::Received(message))?;
                self.packer.wanted = self.session.protocol() >= PROTOCOL_PACKED && !self.session.is_quick();
                Ok(())
            }
            Happening::Received(Ok(None)) => {
                Err(Error::Closed { reason: "the peer ended the stream without a word".to_owned() })
            }
            Happening::Received(Err(status)) => Err(status.into()),
            Happening::Changed(Ok(change)) => self.pass_on(change),
            Happening::Changed(Err(broadcast::error::RecvError::Lagged(missed))) => {
                tracing::debug!(missed, "fell behind the station's changes; looking at all that is held");
                self.read_everything();
                self.tell(Event::DirectoryChanged)
            }
            Happening::Changed(Err(broadcast::error::RecvError::Closed)) | Happening::Stopping => {
                self.leave("the station stops", 0);
                Ok(())
            }
            Happening::Read(Ok(Read::Everything { have, receipts })) => {
                self.tell(Event::Local { heads: have.heads().collect() })?;
                self.tell(Event::Receipts(receipts))
            }
            Happening::Read(Ok(Read::Log { log, run })) => {
                let (run, case_keys) = run.map_or_else(Default::default, |(run, keys)| (Some(run), keys));
                self.tell(Event::Loaded { log, run, case_keys })
            }
            Happening::Read(Ok(Read::Branch(Some((run, case_keys))))) => {
                self.tell(Event::BranchLoaded { run, case_keys })
            }
            Happening::Read(Ok(Read::Again(Some((run, case_keys))))) => {
                self.tell(Event::LoadedAgain { run, case_keys })
            }
            Happening::Read(Ok(Read::Branch(None) | Read::Again(None))) => Ok(()),
            Happening::Read(Ok(Read::Damaged(damaged))) => self.ask_for_damaged(damaged),
            Happening::Read(Ok(Read::Conditions(conditions))) => self.tell(Event::Conditions(conditions)),
            Happening::Read(Err(_)) => Err(broken_read()),
            Happening::Answered(Ok(Answer::BranchWanted { log, from })) => {
                self.branches_owed += 1;
                self.tell(Event::BranchNeeded { log, from })
            }
            Happening::Answered(Ok(Answer::MoreWanted { log, from })) => self.ask_for_entries(log, from),
            Happening::Answered(Ok(Answer::Stored { batch, outcome })) => {
                self.tell(Event::Stored { batch, receipts: outcome.receipts, refused: outcome.refused })
            }
            Happening::Answered(Ok(Answer::KeptAside { batch })) => self.tell(Event::KeptAside { batch }),
            Happening::Answered(Err(source)) => Err(Error::Host { operation: "commit what the peer sent", source }),
            Happening::Ticked => {
                if self.peer.station.within(self.host.me()) && self.host.has_ended() {
                    self.leave(ENDED, 0);
                    return Ok(());
                }
                let expects_files = *self.files.borrow();
                if expects_files {
                    self.tell(Event::FilesExpected)?;
                }
                self.tell(Event::Tick)?;
                self.outbox.extend(self.packer.rest());
                // Attachments come at their leisure: nobody who catches up is to wait for them.
                if self.session.in_sync() || expects_files {
                    self.turn = None;
                }
                self.reporter.report(self.session.in_sync());
                if self.damage_looked_for.elapsed() >= LOOK_FOR_DAMAGE {
                    self.look_for_damage();
                }
                self.look_at_conditions();
                Ok(())
            }
            Happening::PeerGone => Err(Error::Closed { reason: "the peer went away".to_owned() }),
        }
    }

    fn pass_on(&mut self, change: Change) -> Result<()> {
        match change {
            Change::Heads(heads) => self.tell(Event::Local { heads }),
            Change::Receipts(receipts) => self.tell(Event::Receipts(receipts)),
            Change::Directory => self.tell(Event::DirectoryChanged),
            Change::Damaged => {
                self.look_for_damage();
                Ok(())
            }
            Change::AskAgain(log) => self.tell(Event::AskAgain { log }),
            Change::Attachments => Ok(()),
        }
    }

    /// What is damaged here is asked of the peer: when it is found, and from time to time.
    fn look_for_damage(&mut self) {
        self.damage_looked_for = Instant::now();
        let (host, peer) = (self.host.clone(), self.reporter.peer());
        self.reads.spawn_blocking(move || Read::Damaged(host.damaged(peer)));
    }

    /// How this station is, for the station above: at once where the link has just opened.
    fn look_at_conditions(&mut self) {
        let is_due = self.conditions_looked_at.is_none_or(|at| at.elapsed() >= LOOK_AT_CONDITIONS);
        if is_due && self.session.hears_conditions() {
            self.conditions_looked_at = Some(Instant::now());
            let host = self.host.clone();
            self.reads.spawn_blocking(move || Read::Conditions(host.conditions()));
        }
    }

    fn ask_for_damaged(&mut self, damaged: Vec<Stretch>) -> Result<()> {
        let mut stretches = self.damage_turns.next(damaged).into_iter();
        stretches.try_for_each(|Stretch { log, from, .. }| self.ask_for_entries(log, from))
    }

    fn ask_for_entries(&mut self, log: LogId, from: u64) -> Result<()> {
        self.entries_owed += 1;
        self.tell(Event::EntriesNeeded { log, from })
    }

    fn leave(&mut self, reason: &str, come_back_after_ms: u64) {
        // Saying goodbye asks nothing of the clerk, so it can't fail.
        drop(self.tell(Event::Closing { reason: reason.to_owned(), come_back_after_ms }));
    }

    fn tell(&mut self, event: Event<'_>) -> Result<()> {
        let mut actions: VecDeque<Action> = self.session.on(event, &self.host.directory(), status::now_ms()).into();
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Send(message) => {
                    let message = self.bared(message.into());
                    self.outbox.push_back(self.packer.pack(message)?);
                }
                Action::Load { log, from, max_bytes } => match self.host.load_recent(&log, from, max_bytes) {
                    Some((run, case_keys)) => {
                        let loaded = Event::Loaded { log, run: Some(run), case_keys };
                        actions.extend(self.session.on(loaded, &self.host.directory(), status::now_ms()));
                    }
                    None => self.read_log(log, from, max_bytes),
                },
                Action::LoadBranch { log, from } => self.read_branch(log, from),
                Action::LoadAgain { log, from, .. } => self.read_again(log, from),
                Action::KeepAgain { run, case_keys } => {
                    if is_owed(&mut self.entries_owed) {
                        self.clerk.give(Job::KeepAgain { run, case_keys })?;
                    }
                }
                Action::KeepAside { batch, runs, case_keys } => {
                    self.clerk.give(Job::KeepAside { batch, runs, case_keys })?;
                }
                Action::KeepBranch { run, case_keys } => {
                    if is_owed(&mut self.branches_owed) {
                        self.clerk.give(Job::KeepBranch { run, case_keys })?;
                    }
                }
                Action::Store { batch, runs, case_keys } => self.clerk.give(Job::Store { batch, runs, case_keys })?,
                Action::Introduce(run) => self.clerk.give(Job::Introduce(run))?,
                Action::KeepReceipts(receipts) => self.clerk.give(Job::KeepReceipts(receipts))?,
                Action::KeepConditions(conditions) => self.host.keep_conditions(self.peer.station, conditions),
                Action::Alert { log, seq, reason, detail } => {
                    self.clerk.give(Job::Alert { log, seq, reason, detail })?;
                }
                Action::ClockOffset(offset_ms) => self.reporter.clock_offset(offset_ms),
                Action::Distrusted => self.reporter.distrusted(),
                Action::Believed => self.reporter.believed(),
                Action::Close { reason, come_back_after_ms, revoked } => {
                    let come_back_after = Duration::from_millis(come_back_after_ms);
                    let distrust = revoked.then_some(Distrust::Revoked);
                    self.goodbye = Some(Goodbye { reason, come_back_after, distrust });
                }
            }
        }
        if self.outbox.len() > OUTBOX_MAX {
            return Err(Error::Closed { reason: "the peer does not read what it asks for".to_owned() });
        }
        Ok(())
    }

    /// Entries as they shrink best, where that is worth the work and the peer can undo it.
    fn bared(&self, message: LinkMessage) -> LinkMessage {
        match message.message {
            Some(Wire::Entries(entries)) if self.session.lays_bare() => {
                let message = self.host.lay_bare(entries).map_or_else(Wire::Entries, Wire::BareEntries);
                LinkMessage { message: Some(message) }
            }
            _ => message,
        }
    }

    fn restored(&self, message: LinkMessage) -> Result<LinkMessage> {
        let Some(Wire::BareEntries(bare)) = message.message else { return Ok(message) };
        let restored = self.host.restore(self.peer.station, bare);
        let entries = restored.map_err(|source| Error::Host { operation: "seal again what was laid bare", source })?;
        Ok(LinkMessage { message: Some(Wire::Entries(entries)) })
    }

    fn read_everything(&mut self) {
        let (host, peer) = (self.host.clone(), self.reporter.peer());
        self.reads
            .spawn_blocking(move || Read::Everything { have: host.have(peer), receipts: host.receipts_for(peer) });
    }

    /// The session bounds how many reads are under way.
    fn read_log(&mut self, log: LogId, from: u64, max_bytes: usize) {
        let (host, peer) = (self.host.clone(), self.reporter.peer());
        self.reads.spawn_blocking(move || {
            let run = host.load(&log, from, max_bytes).unwrap_or_else(|error| {
                tracing::error!(peer.station = %peer, log = %log, seq = from, error, "can't read a log for a peer");
                None
            });
            Read::Log { log, run }
        });
    }

    /// The peer bounds how many of these are under way by asking for one after the other; the session, how many in all.
    fn read_branch(&mut self, log: LogId, from: u64) {
        let host = self.host.clone();
        self.reads.spawn_blocking(move || {
            let run = host.load(&log, from, BRANCH_BYTES);
            Read::Branch(run.unwrap_or_else(|error| {
                tracing::error!(log = %log, seq = from, error, "can't read a branch for a peer");
                None
            }))
        });
    }

    fn read_again(&mut self, log: LogId, from: u64) {
        let host = self.host.clone();
        self.reads.spawn_blocking(move || {
            let run = host.load(&log, from, BRANCH_BYTES);
            Read::Again(run.unwrap_or_else(|error| {
                tracing::error!(log = %log, seq = from, error, "entries that a peer has lost can't be read here either");
                None
            }))
        });
    }

    /// Says why, if that has not been said yet, and lets the peer read it before the stream is torn down.
    async fn finish(
        mut self: Box<Self>,
        ended: Result<Goodbye>,
        mut incoming: Streaming<LinkMessage>,
        outgoing: Outgoing<LinkMessage>,
    ) -> Result<Goodbye> {
        let (reason, distrust) = match &ended {
            Ok(goodbye) => (goodbye.reason.clone(), goodbye.distrust),
            Err(error) => (status::with_sources(error), None),
        };
        self.reporter.disconnected(reason, distrust);
        self.reads.abort_all();
        if let Err(error) = &ended {
            // A full queue means that the peer does not read; then it needs no reason either.
            drop(outgoing.try_send(Err(status::to_peer(error))));
        }
        drop(outgoing);
        let until_the_end = async { while let Ok(Some(_)) = incoming.message().await {} };
        drop(tokio::time::timeout(CLOSING, until_the_end).await);
        self.clerk.finish().await;
        ended
    }
}

fn broken_read() -> Error {
    Error::Closed { reason: "a read of the store broke off".to_owned() }
}

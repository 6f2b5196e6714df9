//! What the program around the sessions does: dialling, carrying messages, carrying out what a session asks for.

use prost::Message as _;
use rand::{Rng, RngCore};
use sanji_log::{Head, LogId, Receipt, Run};
use sanji_proto::v1 as proto;
use sanji_replication::{Ack, Action, CaseKeyMessage, Entries, Event, Message, RefusalReason, Session, Settings};
use sanji_store::Store;

use super::agenda::Happening;
use super::ledger::{may_hold, stands_over};
use super::network::{Freight, StreamId};
use super::sample::{HUB, parent};
use super::station::{End, Waiting};
use super::tamper;
use super::world::World;

/// Most bytes of entries that a sender may have unacknowledged, save that a single run goes alone.
const WINDOW_BYTES: usize = 10 << 10;
/// Bytes of entries after which a batch is sent.
const BATCH_BYTES: usize = 3 << 10;

/// A batch that was sent and is not acknowledged.
#[derive(Debug)]
pub struct Sent {
    bytes: usize,
    heads: Vec<Head>,
}

impl World {
    pub(super) fn dial_soon(&mut self, at: usize) {
        let start = self.stations[at].starts;
        if self.stations[at].place != HUB {
            let after = self.random.random_range(100..2000);
            self.agenda.put(after, Happening::Dial { at, start });
        }
    }

    /// A station calls the one above; a village that can't reach its township sometimes calls the district.
    pub(super) fn dial(&mut self, at: usize) {
        let Some(above) = parent(self.stations[at].place) else { return };
        if self.has_end(at, above) || self.connect(at, above) {
            return;
        }
        if above != HUB && !self.has_end(at, HUB) && self.random.random_bool(0.3) && self.connect(at, HUB) {
            self.counters.detours += 1;
        }
        self.dial_soon(at);
    }

    pub(super) fn has_end(&self, at: usize, peer: usize) -> bool {
        let running = self.stations[at].running.as_ref();
        running.is_some_and(|running| running.ends.values().any(|end| end.peer == peer))
    }

    /// Whether a station believes another's key, as its certificate is looked at when a link is opened.
    fn believes(&self, at: usize, peer: usize) -> bool {
        let Some(running) = &self.stations[at].running else { return false };
        let reference = running.core.reader().reference();
        reference.directory().get(&self.stations[peer].key()).is_none_or(|record| !record.revoked)
    }

    fn connect(&mut self, child: usize, above: usize) -> bool {
        let line = self.network.line(child, above).filter(|line| self.network.lines[*line].up);
        let Some(line) = line.filter(|_| self.stations[child].is_running() && self.stations[above].is_running()) else {
            return false;
        };
        if !self.believes(child, above) || !self.believes(above, child) {
            return false;
        }
        // The upper end may not have noticed that an earlier stream is broken: the new one replaces it.
        for stream in self.ends_with(above, child) {
            self.end(stream, above);
        }
        let stream = self.network.open(line);
        self.note(format_args!("{} reaches {}", self.code(child), self.code(above)));
        for (at, peer) in [(child, above), (above, child)] {
            let settings = Settings::new(self.code(at), self.code(peer), self.stations[peer].key());
            let settings = Settings { window_bytes: WINDOW_BYTES, batch_bytes: BATCH_BYTES, ..settings };
            let end = End { peer, session: Session::new(settings), fetching: None, doomed: false };
            let Some(running) = self.stations[at].running.as_mut() else { return false };
            let have = running.core.have().clone();
            running.ends.insert(stream, end);
            self.feed(at, stream, Event::Started { have: &have });
            let receipts = self.stations[at].receipts_for(self.code(peer));
            self.feed(at, stream, Event::Receipts(receipts));
        }
        true
    }

    /// Ends with a station, whichever of its folders runs there.
    fn ends_with(&self, at: usize, peer: usize) -> Vec<StreamId> {
        let place = self.stations[peer].place;
        let ends = self.stations[at].running.iter().flat_map(|running| &running.ends);
        ends.filter(|(_, end)| self.stations[end.peer].place == place).map(|(stream, _)| *stream).collect()
    }

    /// A station's end of a stream is gone.
    pub(super) fn end(&mut self, stream: StreamId, at: usize) {
        let Some(running) = self.stations[at].running.as_mut() else { return };
        let Some(end) = running.ends.remove(&stream) else { return };
        self.in_flight.remove(&(stream, at));
        self.note(format_args!("{} loses {}", self.code(at), self.code(end.peer)));
        if self.network.stream(stream).is_some_and(|stream| stream.child == at) {
            self.dial_soon(at);
        }
    }

    /// Streams of stations that are believed no longer are closed, sooner or later.
    pub(super) fn drop_revoked(&mut self, at: usize) {
        let Some(running) = self.stations[at].running.as_ref() else { return };
        let open: Vec<_> =
            running.ends.iter().filter(|(_, end)| !end.doomed).map(|(id, end)| (*id, end.peer)).collect();
        for (stream, peer) in open {
            if !self.believes(at, peer) {
                let running = self.stations[at].running.as_mut();
                if let Some(end) = running.and_then(|running| running.ends.get_mut(&stream)) {
                    end.doomed = true;
                }
                let after = self.random.random_range(1..1500);
                self.close_soon(stream, after);
            }
        }
    }

    /// Both ends of a stream are closed after a while.
    fn close_soon(&mut self, stream: StreamId, after_ms: u64) {
        let Some(ends) = self.network.stream(stream).map(|stream| [stream.child, stream.parent]) else { return };
        for at in ends {
            self.agenda.put(after_ms, Happening::Broken { stream, at });
        }
    }

    pub(super) fn arrive(&mut self, stream: StreamId, at: usize, sent_ms: u64, bytes: &[u8]) {
        if !self.network.stream(stream).is_some_and(|stream| stream.whole) {
            self.counters.lost_messages += 1;
            return;
        }
        let message = proto::LinkMessage::decode(bytes).expect("what was sent can be read");
        let mut message = Message::try_from(message).expect("what was sent is in bounds");
        let (last_stream, last_sent_ms) = self.last_arrived[at];
        self.counters.overtakings += u64::from(last_stream != stream && last_sent_ms > sent_ms);
        self.last_arrived[at] = (stream, sent_ms);
        self.alter(stream, &mut message);
        self.observe(stream, at, &message);
        self.feed(at, stream, Event::Received(message));
    }

    /// Now and then somebody alters a run on its way.
    fn alter(&mut self, stream: StreamId, message: &mut Message) {
        let Message::Entries(entries) = message else { return };
        if !self.is_working() || !self.random.random_bool(0.01) {
            return;
        }
        let altered = entries.runs.iter_mut().any(|run| tamper::alter(run, &mut self.random));
        if altered && self.altered.insert(stream) {
            self.counters.altered_runs += 1;
            self.note(format_args!("somebody alters a batch"));
            self.close_soon(stream, 2_000);
        }
    }

    fn observe(&mut self, stream: StreamId, at: usize, message: &Message) {
        let from = self.network.stream(stream).map_or(at, |stream| stream.other(at));
        match message {
            Message::Entries(entries) => {
                let have = self.stations[at].store.have();
                let held = |head: Head| have.get(&head.log).is_some_and(|(seq, _)| seq >= head.seq);
                self.counters.duplicates += entries.runs.iter().filter(|run| held(run.head())).count() as u64;
                let count: usize = entries.runs.iter().map(|run| run.entries.len()).sum();
                let (from, to, runs) = (self.code(from), self.code(at), entries.runs.len());
                self.note(format_args!("{to} gets batch {} of {from}: {count} entries in {runs} runs", entries.batch));
            }
            Message::LogRefused(refused) => {
                self.counters.unknown_keys += u64::from(refused.reason == RefusalReason::UnknownKey);
                let log = (refused.log.home, refused.log.reach);
                self.note(format_args!("{} hears that {log:?} is refused: {}", self.code(at), refused.reason));
                if let Some(sent) = self.in_flight.get_mut(&(stream, at)) {
                    sent.values_mut().for_each(|sent| sent.heads.retain(|head| head.log != refused.log));
                }
            }
            Message::Ack(ack) => self.observe_ack(stream, at, from, ack),
            _ => {}
        }
    }

    /// What a peer says that it has, it has: on its disk.
    fn observe_ack(&mut self, stream: StreamId, at: usize, from: usize, ack: &Ack) {
        let mut heads: Vec<Head> = ack.receipts.iter().map(|receipt| receipt.head).collect();
        if let Some(sent) = self.in_flight.get_mut(&(stream, at)) {
            let later = sent.split_off(&(ack.batch + 1));
            // What is kept aside is in no log; whether it counts is for people to say.
            let is_sound = |head: &Head| !self.ledger.revoked.contains(&head.log.key);
            heads.extend(std::mem::replace(sent, later).into_values().flat_map(|sent| sent.heads).filter(is_sound));
        }
        // An altered batch is refused, and its refusal overtakes nothing: its log is on the list all the same.
        if !self.altered.contains(&stream) {
            heads.iter().for_each(|head| self.ledger.check_durable(head, &self.stations[from]));
        }
    }

    pub(super) fn feed_all<'a>(&mut self, at: usize, event: impl Fn(StreamId) -> Event<'a>) {
        let streams: Vec<_> =
            self.stations[at].running.iter().flat_map(|running| running.ends.keys()).copied().collect();
        for stream in streams {
            self.feed(at, stream, event(stream));
        }
    }

    pub(super) fn feed(&mut self, at: usize, stream: StreamId, event: Event<'_>) {
        let now_ms = self.stations[at].clock_ms(self.agenda.now_ms());
        let Some(running) = self.stations[at].running.as_mut() else { return };
        let Some(end) = running.ends.get_mut(&stream) else { return };
        let reference = running.core.reader().reference();
        let actions = end.session.on(event, reference.directory(), now_ms);
        let (peer, in_sync) = (end.peer, end.session.in_sync());
        for action in actions {
            self.carry_out(at, stream, action);
        }
        if in_sync && self.stations[at].healing && parent(self.stations[at].place) == Some(peer) {
            self.stations[at].healing = false;
            self.note(format_args!("{} has heard what it had forgotten", self.code(at)));
        }
    }

    fn carry_out(&mut self, at: usize, stream: StreamId, action: Action) {
        match action {
            Action::Send(message) => self.send(at, stream, message),
            Action::Load { log, from, max_bytes } => {
                let after = self.random.random_range(0..15);
                self.agenda.put(after, Happening::Loaded { stream, at, log, from, max_bytes });
            }
            Action::Store { batch, runs, case_keys } => {
                let now_ms = self.stations[at].clock_ms(self.agenda.now_ms());
                let Some(running) = self.stations[at].running.as_ref() else { return };
                let Some(peer) = running.ends.get(&stream).map(|end| self.stations[end.peer].code) else { return };
                self.check_believed(at, peer, runs.iter().map(|run| run.run.log));
                let mut random = |bytes: &mut [u8]| self.random.fill_bytes(bytes);
                let Some(running) = self.stations[at].running.as_mut() else { return };
                let received = running.core.receive(peer, runs, &case_keys, now_ms, &mut random);
                let received = received.expect("the core receives");
                let (accepted, refused) = (received.accepted, received.refused);
                running.waiting.push(Waiting::Peer { stream, batch, accepted, refused });
                self.commit_soon(at);
            }
            // The hub of the simulator has one life.
            Action::Introduce(_) | Action::KeepBranch { .. } | Action::LoadBranch { .. } => {}
            // Its disks lose what was not synced, and damage nothing; nobody decides on what is kept aside.
            Action::LoadAgain { .. } | Action::KeepAgain { .. } => {}
            Action::KeepAside { batch, runs, case_keys } => self.keep_aside(at, stream, batch, runs, &case_keys),
            Action::KeepReceipts(receipts) => self.keep_receipts(at, receipts),
            Action::Alert { log, reason, seq, detail } => self.alerted(at, Some(stream), (log, seq), reason, &detail),
            // Nobody there asks how a station is.
            Action::ClockOffset(_) | Action::Distrusted | Action::Believed | Action::KeepConditions(_) => {}
            Action::Close { reason, .. } => {
                self.note(format_args!("{} closes: {reason}", self.code(at)));
                self.end(stream, at);
                if let Some(other) = self.network.stream(stream).map(|stream| stream.other(at)) {
                    self.agenda.put(100, Happening::Broken { stream, at: other });
                }
            }
        }
    }

    fn keep_aside(&mut self, at: usize, stream: StreamId, batch: u64, runs: Vec<Run>, case_keys: &[CaseKeyMessage]) {
        let now_ms = self.stations[at].clock_ms(self.agenda.now_ms());
        let Some(running) = self.stations[at].running.as_ref() else { return };
        let Some(peer) = running.ends.get(&stream).map(|end| self.stations[end.peer].code) else { return };
        for log in runs.iter().map(|run| run.log) {
            assert!(self.ledger.revoked.contains(&log.key), "{} keeps {log} aside, which is sound", self.code(at));
            self.counters.revoked_logs += 1;
        }
        let mut random = |bytes: &mut [u8]| self.random.fill_bytes(bytes);
        let Some(running) = self.stations[at].running.as_mut() else { return };
        running.core.keep_aside(peer, runs, case_keys, now_ms, &mut random).expect("the core keeps evidence");
        running.waiting.push(Waiting::Aside { stream, batch });
        self.commit_soon(at);
    }

    fn send(&mut self, at: usize, stream: StreamId, message: Message) {
        let to = self.network.stream(stream).map_or(at, |stream| stream.other(at));
        match &message {
            Message::Entries(entries) => self.check_sent(at, to, stream, entries),
            Message::Have(heads) => heads.iter().for_each(|head| self.check_shared(&head.log, to)),
            _ => {}
        }
        let now_ms = self.agenda.now_ms();
        for message in self.twist(at, stream, message) {
            let arrival = self.network.arrival_ms(stream, Freight::Entries, to, now_ms, &mut self.random);
            if let Some(arrival_ms) = arrival {
                let bytes = proto::LinkMessage::from(message).encode_to_vec();
                self.agenda.put_at(arrival_ms, Happening::Arrival { stream, at: to, sent_ms: now_ms, bytes });
            }
        }
    }

    fn check_shared(&self, log: &LogId, to: usize) {
        assert!(may_hold(log, self.code(to)), "{} hears of {log}, which is not its", self.code(to));
    }

    /// Nothing goes where it must not, and not more than the window has room for.
    fn check_sent(&mut self, at: usize, to: usize, stream: StreamId, entries: &Entries) {
        entries.runs.iter().for_each(|run| self.check_shared(&run.log, to));
        let bytes = entries.runs.iter().map(sanji_log::Run::size).sum();
        let heads = entries.runs.iter().map(sanji_log::Run::head).collect();
        let sent = self.in_flight.entry((stream, at)).or_default();
        sent.insert(entries.batch, Sent { bytes, heads });
        let under_way: usize = sent.values().map(|sent| sent.bytes).sum();
        self.most_in_flight = self.most_in_flight.max(under_way);
        assert!(under_way <= WINDOW_BYTES || sent.len() == 1, "{under_way} bytes are under way on one link");
    }

    /// A revoked key is believed only where a station above passes on what it took before.
    pub(super) fn check_believed(&self, at: usize, peer: sanji_log::StationCode, logs: impl Iterator<Item = LogId>) {
        let Some(running) = &self.stations[at].running else { return };
        let reference = running.core.reader().reference();
        let is_revoked = |log: &LogId| reference.directory().get(&log.key).is_some_and(|record| record.revoked);
        let (me, mut logs) = (self.code(at), logs);
        let believed = stands_over(peer, me) || !logs.any(|log| is_revoked(&log));
        assert!(believed, "{me} takes what was signed with a revoked key, from {peer}");
    }

    pub(super) fn keep_receipts(&mut self, at: usize, receipts: Vec<Receipt>) {
        let Some(running) = self.stations[at].running.as_mut() else { return };
        running.core.keep_receipts(receipts);
        self.commit_soon(at);
    }

    /// Supervision hears of nothing that did not happen.
    pub(super) fn alerted(
        &mut self,
        at: usize,
        stream: Option<StreamId>,
        (log, seq): (LogId, u64),
        reason: RefusalReason,
        detail: &str,
    ) {
        let altered = stream.is_some_and(|stream| self.altered.contains(&stream));
        let counter = match reason {
            RefusalReason::Fork if self.ledger.cloned.contains(&log.key) => &mut self.counters.forks,
            RefusalReason::Revoked if self.ledger.revoked.contains(&log.key) => &mut self.counters.revoked_logs,
            RefusalReason::BadSeal | RefusalReason::Malformed if altered => &mut self.counters.refused_forgeries,
            _ if stream.is_some_and(|stream| self.was_lied_on(stream)) => &mut self.counters.refused_lies,
            // What a bundle says of its reader's logs is what that one has signed for.
            RefusalReason::Fork if stream.is_none() && self.ledger.lied => &mut self.counters.refused_lies,
            _ => panic!("{} alerts: {log} {seq} {reason}: {detail}", self.code(at)),
        };
        *counter += 1;
        self.note(format_args!("{} alerts: {:?} {:?} {reason}", self.code(at), log.home, log.reach));
    }
}

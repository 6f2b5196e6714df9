//! What the program around the sessions does: dialling, carrying messages, carrying out what a session asks for.

use prost::Message as _;
use rand::{Rng, RngCore};
use sanji_log::Head;
use sanji_proto::v1 as proto;
use sanji_replication::{Action, Event, Message, RefusalReason, Session, Settings};
use sanji_store::Store;

use super::agenda::Happening;
use super::network::StreamId;
use super::sample::{HUB, code, parent, public};
use super::station::{End, Waiting};
use super::world::World;

impl World {
    pub(super) fn dial_soon(&mut self, at: usize) {
        let life = self.stations[at].life;
        if at != HUB {
            let after = self.random.random_range(100..2000);
            self.agenda.put(after, Happening::Dial { at, life });
        }
    }

    /// A station calls the one above; a village that can't reach its township sometimes calls the district.
    pub(super) fn dial(&mut self, at: usize) {
        let Some(above) = parent(at) else { return };
        if self.has_end(at, above) || self.connect(at, above) {
            return;
        }
        if above != HUB && !self.has_end(at, HUB) && self.random.random_bool(0.3) && self.connect(at, HUB) {
            self.counters.detours += 1;
        }
        self.dial_soon(at);
    }

    fn has_end(&self, at: usize, peer: usize) -> bool {
        let running = self.stations[at].running.as_ref();
        running.is_some_and(|running| running.ends.values().any(|end| end.peer == peer))
    }

    fn connect(&mut self, child: usize, above: usize) -> bool {
        let line = self.network.line(child, above).expect("a line");
        if !self.network.lines[line].up || !self.stations[above].is_running() {
            return false;
        }
        // The upper end may not have noticed that an earlier stream is broken: the new one replaces it.
        for stream in self.ends_with(above, child) {
            self.end(stream, above);
        }
        let stream = self.network.open(line);
        self.note(format_args!("{} reaches {}", code(child), code(above)));
        for (at, peer) in [(child, above), (above, child)] {
            let settings = Settings::new(self.stations[at].code, self.stations[peer].code, public(peer));
            let settings = Settings { window_bytes: 48 << 10, batch_bytes: 8 << 10, ..settings };
            let end = End { peer, session: Session::new(settings) };
            let Some(running) = self.stations[at].running.as_mut() else { return false };
            let have = running.core.have().clone();
            running.ends.insert(stream, end);
            self.feed(at, stream, Event::Started { have: &have });
            let receipts = self.stations[at].receipts_for(code(peer));
            self.feed(at, stream, Event::Receipts(receipts));
        }
        true
    }

    fn ends_with(&self, at: usize, peer: usize) -> Vec<StreamId> {
        let ends = self.stations[at].running.iter().flat_map(|running| &running.ends);
        ends.filter(|(_, end)| end.peer == peer).map(|(stream, _)| *stream).collect()
    }

    /// A station's end of a stream is gone.
    pub(super) fn end(&mut self, stream: StreamId, at: usize) {
        let Some(running) = self.stations[at].running.as_mut() else { return };
        let Some(end) = running.ends.remove(&stream) else { return };
        self.note(format_args!("{} loses {}", code(at), code(end.peer)));
        if self.network.stream(stream).is_some_and(|stream| stream.child == at) {
            self.dial_soon(at);
        }
    }

    pub(super) fn arrive(&mut self, stream: StreamId, at: usize, sent_ms: u64, bytes: &[u8]) {
        if !self.network.stream(stream).is_some_and(|stream| stream.whole) {
            self.counters.lost_messages += 1;
            return;
        }
        let message = proto::LinkMessage::decode(bytes).expect("what was sent can be read");
        let message = Message::try_from(message).expect("what was sent is in bounds");
        let (last_stream, last_sent_ms) = self.last_arrived[at];
        self.counters.overtakings += u64::from(last_stream != stream && last_sent_ms > sent_ms);
        self.last_arrived[at] = (stream, sent_ms);
        self.observe(stream, at, &message);
        self.feed(at, stream, Event::Received(message));
    }

    fn observe(&mut self, stream: StreamId, at: usize, message: &Message) {
        match message {
            Message::Entries(entries) => {
                let have = self.stations[at].store.have();
                let held = |head: Head| have.get(&head.log).is_some_and(|(seq, _)| seq >= head.seq);
                self.counters.duplicates += entries.runs.iter().filter(|run| held(run.head())).count() as u64;
                let (runs, count) =
                    (entries.runs.len(), entries.runs.iter().map(|run| run.entries.len()).sum::<usize>());
                let from = self.network.stream(stream).map_or(at, |stream| stream.other(at));
                let (from, to) = (code(from), code(at));
                self.note(format_args!("{to} gets batch {} of {from}: {count} entries in {runs} runs", entries.batch));
            }
            Message::LogRefused(refused) => {
                self.counters.unknown_keys += u64::from(refused.reason == RefusalReason::UnknownKey);
                let log = (refused.log.home, refused.log.reach);
                self.note(format_args!("{} hears that {log:?} is refused: {}", code(at), refused.reason));
            }
            _ => {}
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
        for action in actions {
            self.carry_out(at, stream, action);
        }
    }

    fn carry_out(&mut self, at: usize, stream: StreamId, action: Action) {
        match action {
            Action::Send(message) => {
                let to = self.network.stream(stream).map_or(at, |stream| stream.other(at));
                let now_ms = self.agenda.now_ms();
                if let Some(arrival_ms) = self.network.arrival_ms(stream, to, now_ms, &mut self.random) {
                    let bytes = proto::LinkMessage::from(message).encode_to_vec();
                    self.agenda.put_at(arrival_ms, Happening::Arrival { stream, at: to, sent_ms: now_ms, bytes });
                }
            }
            Action::Load { log, from, max_bytes } => {
                let after = self.random.random_range(0..15);
                self.agenda.put(after, Happening::Loaded { stream, at, log, from, max_bytes });
            }
            Action::Store { batch, runs, case_keys } => {
                let now_ms = self.stations[at].clock_ms(self.agenda.now_ms());
                let Some(running) = self.stations[at].running.as_mut() else { return };
                let Some(peer) = running.ends.get(&stream).map(|end| code(end.peer)) else { return };
                let mut random = |bytes: &mut [u8]| self.random.fill_bytes(bytes);
                let received = running.core.receive(peer, runs, &case_keys, now_ms, &mut random);
                let received = received.expect("the core receives");
                let (accepted, refused) = (received.accepted, received.refused);
                running.waiting.push(Waiting::Peer { stream, batch, accepted, refused });
                self.commit_soon(at);
            }
            // The hub of the simulator has one life.
            Action::Introduce(_) | Action::KeepBranch { .. } | Action::LoadBranch { .. } => {}
            Action::KeepReceipts(receipts) => {
                let Some(running) = self.stations[at].running.as_mut() else { return };
                running.core.keep_receipts(receipts);
                self.commit_soon(at);
            }
            Action::Alert { log, seq, reason, detail } => {
                panic!("{} alerts: {log} {seq} {reason}: {detail}", code(at));
            }
            Action::ClockOffset(_) => {}
            Action::Close { reason, .. } => {
                self.note(format_args!("{} closes: {reason}", code(at)));
                self.end(stream, at);
                if let Some(other) = self.network.stream(stream).map(|stream| stream.other(at)) {
                    self.agenda.put(100, Happening::Broken { stream, at: other });
                }
            }
        }
    }
}

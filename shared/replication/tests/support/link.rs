//! Two sessions back to back. The test says in which order messages arrive, reads are answered and disks finish;
//! what must hold at every moment is checked here.

use std::collections::{BTreeMap, VecDeque};

use sanji_log::{CaseId, Head, LogId, Receipt, Run};
use sanji_proto::v1 as proto;
use sanji_replication::{
    Action, CaseKeyMessage, Directory, Event, Message, RefusalReason, Refused, Session, Settings, StationCondition,
    VerifiedRun,
};

use super::truth::{Truth, case_keys};
use super::{code, key_of, public};

pub const WINDOW: usize = 4096;
pub const BATCH: usize = 1024;

/// One station and its side of the link.
pub struct Side {
    pub name: &'static str,
    pub peer: &'static str,
    pub directory: Directory,
    /// Most bytes under way, and of a batch.
    pub limits: (usize, usize),
    /// How far each log is durable here.
    pub held: BTreeMap<LogId, u64>,
    pub case_keys: BTreeMap<CaseId, Option<[u8; 32]>>,
    pub session: Session,
    pub loads: VecDeque<(LogId, u64, usize)>,
    pub stores: VecDeque<(u64, Vec<VerifiedRun>, Vec<CaseKeyMessage>)>,
    /// What the peer has sent and this side has not yet seen.
    pub inbox: VecDeque<Message>,
    pub alerts: Vec<(LogId, u64, RefusalReason)>,
    pub receipts: Vec<Receipt>,
    /// How stations below said that they are.
    pub conditions: Vec<StationCondition>,
    /// Logs of unknown writers whose beginning was offered as a proof.
    pub introduced: Vec<LogId>,
    /// Evidence that the peer sent.
    pub branches: Vec<Run>,
    /// Entries that came in place of damaged ones.
    pub again: Vec<Run>,
    /// Entries of revoked keys that were kept aside.
    pub aside: Vec<Run>,
    /// The peer has said that this side's key is revoked.
    pub is_distrusted: bool,
    pub closed: Option<String>,
    /// Sizes of batches sent and not acknowledged.
    unacknowledged: BTreeMap<u64, usize>,
    /// Ends of the runs of received batches that are not yet acknowledged.
    owed: BTreeMap<u64, Vec<Head>>,
    refused: Vec<LogId>,
}

impl Side {
    pub fn new(name: &'static str, peer: &'static str, directory: Directory) -> Self {
        Self {
            name,
            peer,
            directory,
            limits: (WINDOW, BATCH),
            held: BTreeMap::new(),
            case_keys: BTreeMap::new(),
            session: session(name, peer, (WINDOW, BATCH)),
            loads: VecDeque::new(),
            stores: VecDeque::new(),
            inbox: VecDeque::new(),
            alerts: Vec::new(),
            introduced: Vec::new(),
            branches: Vec::new(),
            again: Vec::new(),
            aside: Vec::new(),
            is_distrusted: false,
            receipts: Vec::new(),
            conditions: Vec::new(),
            closed: None,
            unacknowledged: BTreeMap::new(),
            owed: BTreeMap::new(),
            refused: Vec::new(),
        }
    }

    /// Holds a log up to a position, with the keys of its cases, as if it had come long ago or by another way.
    pub fn adopt(&mut self, truth: &Truth, log: LogId, seq: u64) {
        let run = truth.read(&log, self.seq(&log) + 1, seq, usize::MAX);
        let keys = run.as_ref().map(case_keys).unwrap_or_default();
        self.case_keys.extend(keys.into_iter().map(|key| (key.case, key.key)));
        self.held.insert(log, seq);
    }

    pub fn seq(&self, log: &LogId) -> u64 {
        self.held.get(log).copied().unwrap_or(0)
    }
}

fn session(me: &str, peer: &str, (window_bytes, batch_bytes): (usize, usize)) -> Session {
    let settings = Settings {
        window_bytes,
        batch_bytes,
        software: "test".to_owned(),
        ..Settings::new(code(me), code(peer), public(peer))
    };
    Session::new(settings)
}

/// Two stations and what runs between them.
pub struct Link {
    pub truth: Truth,
    pub sides: [Side; 2],
    pub now_ms: u64,
    /// Every message, and which side sent it.
    pub said: Vec<(usize, Message)>,
}

impl Link {
    pub fn new(truth: Truth, left: Side, right: Side) -> Self {
        Self { truth, sides: [left, right], now_ms: 1_000_000, said: Vec::new() }
    }

    /// A new stream: whatever was under way is gone.
    pub fn connect(&mut self) {
        for at in 0..2 {
            let side = &mut self.sides[at];
            side.session = session(side.name, side.peer, side.limits);
            side.loads.clear();
            side.stores.clear();
            side.inbox.clear();
            side.closed = None;
            side.unacknowledged.clear();
            side.owed.clear();
            side.refused.clear();
        }
        for at in 0..2 {
            let have = self.truth.have(&self.sides[at].held);
            self.feed(at, Event::Started { have: &have });
        }
    }

    pub fn feed(&mut self, at: usize, event: Event<'_>) {
        let side = &mut self.sides[at];
        let actions = side.session.on(event, &side.directory, self.now_ms);
        for action in actions {
            self.carry_out(at, action);
        }
    }

    fn carry_out(&mut self, at: usize, action: Action) {
        let side = &mut self.sides[at];
        match action {
            Action::Send(message) => {
                self.check_sent(at, &message);
                let wire = proto::LinkMessage::from(message.clone());
                let decoded = Message::try_from(wire).expect("what is sent can be read");
                assert_eq!(decoded, message, "a message is the same after the wire");
                self.sides[1 - at].inbox.push_back(decoded);
                self.said.push((at, message));
            }
            Action::Load { log, from, max_bytes } => {
                assert!(side.loads.iter().all(|load| load.0 != log), "one read a log");
                side.loads.push_back((log, from, max_bytes));
            }
            Action::Store { batch, runs, case_keys } => {
                for run in &runs {
                    assert!(self.truth.contains(&run.run), "only what was written is stored");
                    assert_eq!(run.entries.len(), run.run.entries.len());
                    assert_eq!(run.extends.map_or(1, |(seq, _)| seq + 1), run.run.first_seq());
                    run.run.verify(run.extends).expect("a stored run holds");
                }
                side.stores.push_back((batch, runs, case_keys));
            }
            Action::Introduce(run) => side.introduced.push(run.log),
            Action::KeepBranch { run, .. } => side.branches.push(run),
            Action::LoadAgain { log, from, .. } => {
                let until = side.seq(&log);
                if let Some(run) = self.truth.read(&log, from, until, usize::MAX) {
                    self.feed(at, Event::LoadedAgain { run, case_keys: Vec::new() });
                }
            }
            Action::KeepAgain { run, .. } => side.again.push(run),
            Action::KeepAside { batch, runs, .. } => {
                side.aside.extend(runs);
                self.feed(at, Event::KeptAside { batch });
            }
            Action::LoadBranch { log, from } => {
                let until = side.seq(&log);
                if let Some(run) = self.truth.read(&log, from, until, usize::MAX) {
                    self.feed(at, Event::BranchLoaded { run, case_keys: Vec::new() });
                }
            }
            Action::KeepReceipts(receipts) => side.receipts.extend(receipts),
            Action::KeepConditions(conditions) => side.conditions.extend(conditions),
            Action::Alert { log, seq, reason, .. } => side.alerts.push((log, seq, reason)),
            Action::ClockOffset(_) => {}
            Action::Distrusted => side.is_distrusted = true,
            Action::Believed => side.is_distrusted = false,
            Action::Close { reason, .. } => side.closed = Some(reason),
        }
    }

    fn check_sent(&mut self, at: usize, message: &Message) {
        let (me, peer) = (code(self.sides[at].name), code(self.sides[at].peer));
        let side = &mut self.sides[at];
        match message {
            Message::Entries(entries) => {
                let size: usize = entries.runs.iter().map(Run::size).sum();
                side.unacknowledged.insert(entries.batch, size);
                let total: usize = side.unacknowledged.values().sum();
                assert!(total <= side.limits.0 || side.unacknowledged.len() == 1, "{total} bytes are under way");
                for run in &entries.runs {
                    assert!(run.log.held_by(me) && run.log.held_by(peer), "{} is not the peer's", run.log);
                    assert!(run.seal.seq <= side.seq(&run.log), "only what is durable is sent");
                }
            }
            Message::Have(heads) => {
                for head in heads {
                    assert!(head.log.held_by(me) && head.log.held_by(peer), "{} is not the peer's", head.log);
                    assert!(head.seq <= side.seq(&head.log), "only what is durable is said to be held");
                }
            }
            Message::Ack(ack) => {
                let later = side.owed.split_off(&(ack.batch + 1));
                for head in std::mem::replace(&mut side.owed, later).into_values().flatten() {
                    let aside = side.aside.iter().any(|run| run.log == head.log && run.seal.seq >= head.seq);
                    let settled = side.seq(&head.log) >= head.seq || aside || side.refused.contains(&head.log);
                    assert!(settled, "acknowledged before it is durable: {} {}", head.log, head.seq);
                }
            }
            Message::LogRefused(refused) => side.refused.push(refused.log),
            _ => {}
        }
    }

    /// The next message arrives.
    pub fn deliver(&mut self, at: usize) -> bool {
        let Some(message) = self.sides[at].inbox.pop_front() else { return false };
        let side = &mut self.sides[at];
        match &message {
            Message::Entries(entries) => {
                side.owed.insert(entries.batch, entries.runs.iter().map(Run::head).collect());
            }
            Message::Ack(ack) => side.unacknowledged = side.unacknowledged.split_off(&(ack.batch + 1)),
            _ => {}
        }
        self.feed(at, Event::Received(message));
        true
    }

    /// A read is answered.
    pub fn load(&mut self, at: usize) -> bool {
        let Some((log, from, max_bytes)) = self.sides[at].loads.pop_front() else { return false };
        let run = self.truth.read(&log, from, self.sides[at].seq(&log), max_bytes);
        let case_keys = run.as_ref().map(case_keys).unwrap_or_default();
        self.feed(at, Event::Loaded { log, run, case_keys });
        true
    }

    /// The disk finishes a store: runs whose log has moved meanwhile are refused.
    pub fn store(&mut self, at: usize) -> bool {
        let now_ms = self.now_ms;
        let side = &mut self.sides[at];
        let Some((batch, runs, keys)) = side.stores.pop_front() else { return false };
        let (mut receipts, mut refused, mut heads) = (Vec::new(), Vec::new(), Vec::new());
        for run in runs {
            let head = run.run.head();
            if run.extends.map_or(0, |(seq, _)| seq) == side.seq(&head.log) {
                side.held.insert(head.log, head.seq);
                receipts.push(Receipt::sign(&key_of(side.name), code(side.name), head, now_ms));
                heads.push(head);
            } else {
                let seq = run.run.first_seq();
                refused.push(Refused { log: head.log, seq, reason: RefusalReason::Gap, detail: String::new() });
            }
        }
        side.case_keys.extend(keys.into_iter().map(|key| (key.case, key.key)));
        self.feed(at, Event::Stored { batch, receipts, refused });
        self.feed(at, Event::Local { heads });
        true
    }

    /// A station writes.
    pub fn write(&mut self, at: usize, log: LogId, sizes: &[usize]) {
        let side = &mut self.sides[at];
        let head = self.truth.write(&key_of(side.name), log, sizes);
        side.adopt(&self.truth, log, head.seq);
        self.feed(at, Event::Local { heads: vec![head] });
    }

    /// A log comes a piece further over another link.
    pub fn other_path(&mut self, at: usize, log: LogId) {
        let next = self.sides[at].seq(&log) + 1;
        if let Some(seq) = self.truth.sealed_from(&log, next) {
            self.sides[at].adopt(&self.truth, log, seq);
            let head = self.truth.head(log, seq);
            self.feed(at, Event::Local { heads: vec![head] });
        }
    }

    /// Plays until nothing is under way.
    pub fn settle(&mut self) {
        let mut steps = 0;
        loop {
            let moved: Vec<bool> = (0..2).flat_map(|at| [self.deliver(at), self.load(at), self.store(at)]).collect();
            if moved.iter().all(|moved| !moved) {
                return;
            }
            steps += 1;
            assert!(steps < 100_000, "the link does not come to rest");
        }
    }
}

//! A township's whole core over a disk on which the n-th call fails, for every n: writes, syncs, new files, new names.
//! Whatever fails, nothing that was acknowledged is lost, no sequence number is used twice, and the station goes on
//! without a person; in the end it and its neighbours hold the same.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sanji_log::attachment::{CHUNK_BYTES, manifest, root};
use sanji_log::{AttachmentId, Have};
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_station::core::Core;
use sanji_store::files::{File, Folder};
use sanji_store::{DiskRoom, DiskStore, MemoryStore, Options, Store};
use tempfile::TempDir;

use crate::bundles::Desk;
use crate::district::{District, Member, TOWNSHIP, VILLAGE, WINDOW, code, missing, noise, staff, verified};
use unreliable::{Lasting, UnreliableFolder};

#[allow(dead_code)]
#[path = "../../../store/src/files/unreliable.rs"]
mod unreliable;

/// Small segments, so that the scenario crosses their borders.
const OPTIONS: Options =
    Options { segment_bytes: 64 << 10, cache_bytes: 1 << 20, index_open_timeout: Duration::from_secs(60) };

/// What happens at the n-th call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It alone fails, half done where it writes.
    Once,
    /// It and all after it find the disk full, until there is room.
    Full,
    /// The power is cut; what was not synced stays or not, in one of four patterns.
    PowerCut(u32),
}

/// A disk and the folder of the index, which is the system's.
struct Machine {
    disk: UnreliableFolder,
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        // The index is never waited for, so that its folder may be in memory.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        Self { disk: UnreliableFolder::default(), folder: folder.unwrap() }
    }

    fn open(&self) -> Result<Arc<dyn Store>, sanji_store::Error> {
        let disk = self.disk.clone();
        let store = DiskStore::open_on(self.folder.path(), OPTIONS, &move |_| Ok(Box::new(disk.clone())))?;
        Ok(Arc::new(store))
    }

    fn strike(&self, call: u32, fault: Fault) {
        let (kind, lasting) = match fault {
            Fault::Once => (ErrorKind::Other, Lasting::Once),
            Fault::Full => (ErrorKind::StorageFull, Lasting::UntilMended),
            Fault::PowerCut(_) => (ErrorKind::Other, Lasting::UntilMended),
        };
        self.disk.fail_call_after(call, kind, lasting);
    }

    fn cut_power(&self, pattern: u32) {
        let mut turn = pattern;
        self.disk.cut_power(&mut || {
            turn = turn.wrapping_mul(2_654_435_761).wrapping_add(pattern);
            match pattern % 4 {
                0 => false,
                1 => true,
                _ => turn >> 20 & 1 == 0,
            }
        });
        if pattern.is_multiple_of(2) {
            std::fs::remove_dir_all(self.folder.path().join("index")).unwrap();
        }
    }
}

/// Brings what `to` lacks; what was acknowledged is told to `from`.
fn bring(from: &mut Member, to: &mut Member, now_ms: u64) -> Result<(), String> {
    let mut state = now_ms;
    for (run, keys) in missing(from, to) {
        let (peer, runs) = (from.station(), vec![verified(run)]);
        let outcome =
            to.core.receive(peer, runs, &keys, now_ms, &mut noise(&mut state)).map_err(|error| error.to_string())?;
        assert_eq!(outcome.refused, [], "an honest peer is refused");
    }
    let committed = to.core.commit(now_ms).map_err(|error| error.to_string())?;
    from.core.keep_receipts(committed.receipts);
    from.core.commit(now_ms).map(drop).map_err(|error| error.to_string())
}

/// A morning at the township, and what was acknowledged of it.
struct Morning {
    district: District,
    machine: Machine,
    number: String,
    held: Have,
    attachments: Vec<(AttachmentId, Vec<u8>)>,
}

type Step = fn(&mut Morning) -> Result<(), String>;

/// Each may be done again where it failed.
const STEPS: [Step; 6] = [
    Morning::adopt,
    |morning| bring(&mut morning.district.village, &mut morning.district.township, morning.district.now_ms),
    Morning::accept,
    |morning| morning.attach(1, 3),
    Morning::upload,
    |morning| bring(&mut morning.district.hub, &mut morning.district.township, morning.district.now_ms),
];

impl Morning {
    fn begin() -> Self {
        let mut district = District::new();
        let number = district.submit().unwrap().case.unwrap().number().to_string();
        district.publish("calendar/cn-workdays.toml", 2);
        Self { district, machine: Machine::new(), number, held: Have::default(), attachments: Vec::new() }
    }

    fn township(&mut self) -> &mut Member {
        &mut self.district.township
    }

    /// Opens what is on the disk. Nothing of the memory before it is left.
    fn open(&mut self) -> Result<(), String> {
        // A folder is opened by one at a time.
        let nothing: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let keys = self.township().keys.clone();
        self.township().core = Core::open(nothing.clone(), keys.clone()).unwrap();
        self.township().store = nothing;
        let store = self.machine.open().map_err(|error| error.to_string())?;
        self.township().core = Core::open(store.clone(), keys).map_err(|error| error.to_string())?;
        self.township().store = store;
        Ok(())
    }

    fn adopt(&mut self) -> Result<(), String> {
        let now_ms = self.district.now_ms;
        let runs = missing(&self.district.hub, &self.district.township).into_iter().map(|(run, _)| run).collect();
        let core = &mut self.township().core;
        core.adopt(runs, &[], now_ms, &mut noise(&mut 1)).map_err(|error| error.to_string())?;
        core.commit(now_ms).map(drop).map_err(|error| error.to_string())
    }

    fn accept(&mut self) -> Result<(), String> {
        let (number, now_ms) = (self.number.clone(), self.district.now_ms);
        let request = proto::ActRequest {
            request: vec![77; 16],
            case_number: number,
            expected_rev: 0,
            action: Some(Action::Accept(proto::Accept::default())),
        };
        let core = &mut self.township().core;
        core.act(&staff(WINDOW), request, now_ms, &mut noise(&mut 5)).map_err(|failure| failure.to_string())?;
        core.commit(now_ms).map(drop).map_err(|error| error.to_string())
    }

    /// A file comes over the line, chunk by chunk.
    fn attach(&mut self, seed: u8, chunks: usize) -> Result<(), String> {
        let bytes: Vec<u8> = (0..CHUNK_BYTES * chunks - 5).map(|at| (at % 251) as u8 ^ seed).collect();
        let (size, manifest) = (bytes.len() as u64, manifest(&bytes));
        let id = root(size, &manifest);
        let store = self.township().store.clone();
        let keep = || {
            store.put_manifest(&id, &manifest, size)?;
            let next = store.attachment(&id)?.chunks;
            let mut rest = bytes.chunks(CHUNK_BYTES).zip(0..).skip(next as usize);
            rest.try_for_each(|(data, chunk)| store.put_chunk(&id, chunk, data).map(drop))
        };
        keep().map_err(|error: sanji_store::Error| error.to_string())?;
        self.attachments.push((id, bytes));
        Ok(())
    }

    /// Somebody hands a file in.
    fn upload(&mut self) -> Result<(), String> {
        let content = [&[0xFF, 0xD8, 0xFF][..], &[9; 40_000]].concat();
        let head = proto::AttachmentHead {
            request: Vec::new(),
            case_number: self.number.clone(),
            file_name: "证明.jpg".to_owned(),
            media_type: "image/jpeg".to_owned(),
            size: content.len() as u64,
        };
        let now_ms = self.district.now_ms;
        let member = self.township();
        let (reader, pending, person) = (member.core.reader(), member.core.pending(), member.person(WINDOW));
        let kept = reader.put_attachment(pending, &person, head, &content, now_ms, &mut noise(&mut 9));
        kept.map(drop).map_err(|failure| failure.to_string())
    }

    /// That what was acknowledged is there.
    fn still_holds(&mut self, at: &str) {
        let (held, attachments) = (self.held.clone(), self.attachments.clone());
        let store = self.township().store.clone();
        for head in held.heads() {
            let found = store.entry(&head.log, head.seq).unwrap().map(|entry| entry.hash());
            assert_eq!(found, Some(head.hash), "{at}: entry {} of log {} was acknowledged", head.seq, head.log);
        }
        for (id, bytes) in &attachments {
            assert!(store.attachment(id).unwrap().complete, "{at}: an attachment is lost");
            for (data, chunk) in bytes.chunks(CHUNK_BYTES).zip(0..) {
                assert_eq!(store.chunk(id, chunk).unwrap().as_deref(), Some(data), "{at}");
            }
        }
    }

    fn heal(&mut self, fault: Fault, at: &str) {
        match fault {
            Fault::Once | Fault::Full => {
                self.machine.disk.mend();
                // What could not be opened has nothing to recover.
                let recovered = self.township().core.recover().map_err(|error| error.to_string());
                recovered.or_else(|_| self.open()).unwrap_or_else(|error| panic!("{at}: {error}"));
            }
            Fault::PowerCut(pattern) => {
                let nothing: Arc<dyn Store> = Arc::new(MemoryStore::new());
                let keys = self.township().keys.clone();
                self.township().core = Core::open(nothing.clone(), keys).unwrap();
                self.township().store = nothing;
                self.machine.cut_power(pattern);
                self.open().unwrap_or_else(|error| panic!("{at}: {error}"));
            }
        }
        self.still_holds(at);
    }

    /// The whole morning with a fault at a call. How many calls there were, and whether the fault came.
    fn play(fault: Option<(u32, Fault)>) -> (u32, bool) {
        let mut morning = Self::begin();
        let at = format!("{fault:?}");
        let mut struck = false;
        if let Some((call, fault)) = fault {
            morning.machine.strike(call, fault);
        }
        let opening: Step = Self::open;
        for step in std::iter::once(opening).chain(STEPS) {
            if let Err(error) = step(&mut morning) {
                let Some((_, fault)) = fault.filter(|_| !struck) else { panic!("{at}: {error}") };
                struck = true;
                if matches!(fault, Fault::PowerCut(_)) || step as usize != opening as usize {
                    morning.heal(fault, &at);
                } else {
                    morning.machine.disk.mend();
                    morning.open().unwrap_or_else(|error| panic!("{at}: {error}"));
                }
                if step as usize != opening as usize {
                    step(&mut morning).unwrap_or_else(|error| panic!("{at}: {error}"));
                }
            }
            morning.held = morning.township().store.have();
        }
        morning.machine.disk.mend();
        let calls = morning.machine.disk.calls();
        morning.end(&at);
        (calls, struck)
    }

    /// Reads all of it once more, and compares with the neighbours.
    fn end(mut self, at: &str) {
        self.open().unwrap_or_else(|error| panic!("{at}: {error}"));
        self.still_holds(at);
        let store = self.township().store.clone();
        assert_eq!((store.read_only(), store.missing()), (None, vec![]), "{at}");
        assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new(), "{at}");
        drop(store);
        self.district.sync();
        let District { hub, township, village, .. } = &self.district;
        for (one, other) in [(township, hub), (township, village)] {
            let [mine, theirs] = [one, other].map(|member| member.store.have());
            let mine = mine.held_by(other.station());
            let theirs = theirs.held_by(one.station());
            assert!(mine.heads().eq(theirs.heads()), "{at}: {} and {} differ", one.station(), other.station());
        }
        let number = self.number.clone();
        let view = self.district.view(VILLAGE, crate::district::AGENT, &number).unwrap();
        assert_eq!(view.rev, 2, "{at}: accepted once");
    }
}

#[test]
fn a_fault_of_any_call_under_a_whole_station_loses_nothing() {
    let (calls, _) = Morning::play(None);
    assert!(calls > 40, "{calls}");
    // Each takes its time, so the kinds take turns.
    let faults = |call: u32| [[Fault::Once, Fault::Full][call as usize % 2], Fault::PowerCut(call / 2)];
    let all: Vec<_> = (0..calls).flat_map(|call| faults(call).map(|fault| (call, fault))).collect();
    // Two at a time: each waits for the disk of its index.
    let (left, right) = all.split_at(all.len() / 2);
    let play = |faults: &[(u32, Fault)]| faults.iter().filter(|fault| Morning::play(Some(**fault)).1).count();
    let struck = std::thread::scope(|scope| {
        let other = scope.spawn(|| play(right));
        play(left) + other.join().unwrap()
    });
    // A few calls may fail without anybody noticing: what is removed, say.
    assert!(struck * 10 >= all.len() * 8, "{struck} of {} faults were met", all.len());
}

/// The power is cut at every call while a bundle is read; read again, it brings what it had for the station.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_call_while_a_bundle_is_read_loses_nothing() {
    let mut district = District::new();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    district.photograph(VILLAGE, crate::district::AGENT, &number);
    let District { hub, township, village, .. } = district;
    let village = Desk::open(village.store, village.keys).await;
    let (file, entries) = village.export(1).await;
    assert!(entries > 0);
    let prepare = |machine: &Machine| {
        let store = machine.open().unwrap();
        let mut core = Core::open(store.clone(), township.keys.clone()).unwrap();
        let empty = Member {
            core: Core::open(store.clone(), township.keys.clone()).unwrap(),
            store: store.clone(),
            keys: township.keys.clone(),
        };
        let runs = missing(&hub, &empty).into_iter().map(|(run, _)| run).collect();
        drop(empty);
        core.adopt(runs, &[], crate::district::START_MS, &mut noise(&mut 1)).unwrap();
        core.commit(crate::district::START_MS).unwrap();
        store
    };
    let mut calls = None;
    let mut call = 0;
    while calls.is_none_or(|calls| call < calls) {
        let machine = Machine::new();
        let store = prepare(&machine);
        let before = machine.disk.calls();
        if calls.is_some() {
            machine.strike(call, Fault::PowerCut(call));
        }
        let desk = Desk::open(store.clone(), township.keys.clone()).await;
        let read = desk.import(file.clone()).await;
        let acknowledged = desk.heads();
        desk.station.close().await;
        drop((desk, store));
        if calls.is_none() {
            read.unwrap();
            calls = Some(machine.disk.calls() - before);
            continue;
        }
        machine.cut_power(call);
        let desk = Desk::open(machine.open().unwrap(), township.keys.clone()).await;
        desk.still_holds(&acknowledged);
        desk.import(file.clone()).await.unwrap();
        let village_heads = village.heads();
        desk.still_holds(
            &village_heads
                .into_iter()
                .filter(|(log, _)| log.held_by(code(TOWNSHIP)) && log.home == code(VILLAGE))
                .collect(),
        );
        let faults = desk.store.verify(&mut |_, _| ()).unwrap().faults;
        assert!(faults.is_empty(), "call {call}: {faults:?}");
        desk.station.close().await;
        call += 1;
    }
    assert!(calls.is_some_and(|calls| calls > 5), "{calls:?} calls");
    village.station.close().await;
}

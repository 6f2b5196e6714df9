//! What was acknowledged is there after a crash; what was not is gone whole.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use sanji_log::{AttachmentId, AttachmentRef, CaseId, EntryBytes, Hash, Have, LogId, Receipt, Run, StationCode};
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_station::Error;
use sanji_station::core::{Core, StationKeys};
use sanji_store::{
    AttachmentState, CaseEntry, Commit, Error as StoreError, Faults, HeldKey, HeldSnapshot, MemoryStore, Replay, Show,
    Store, Upload,
};

use crate::district::{AGENT, District, HUB, TOWNSHIP, VILLAGE, dibao, noise, staff};
use crate::journey::handle;

#[test]
fn a_reopened_station_is_the_same() {
    let mut district = District::new();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    district.submit().unwrap();
    handle(&mut district, &number);
    for (station, actor) in [(VILLAGE, AGENT), (TOWNSHIP, crate::district::WINDOW), (HUB, crate::district::APPROVER)] {
        let before = district.view(station, actor, &number).unwrap();
        let (todo, open) =
            (district.todo(station, actor), district.member(station).core.reader().open_cases().unwrap());
        district.member(station).reopen();
        assert_eq!(district.view(station, actor, &number).unwrap(), before);
        assert_eq!(district.todo(station, actor), todo);
        assert_eq!(district.member(station).core.reader().open_cases().unwrap(), open);
    }
}

#[test]
fn a_lost_index_is_computed_again() {
    let memory = Arc::new(MemoryStore::new());
    let mut district = District::new();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    // The township's logs in a store of its own, whose index is then lost.
    district.township.store = memory.clone();
    district.township.reopen();
    let runs = [HUB, VILLAGE].into_iter().flat_map(|from| {
        let from = if from == HUB { &district.hub } else { &district.village };
        crate::district::missing(from, &district.township)
    });
    let runs: Vec<_> = runs.collect();
    let now_ms = district.now_ms;
    for (run, keys) in runs {
        district.township.core.adopt(vec![run], &keys, now_ms, &mut noise(&mut 3)).unwrap();
        district.township.core.commit(now_ms).unwrap();
    }
    let before = district.view(TOWNSHIP, crate::district::WINDOW, &number).unwrap();
    memory.forget_projections();
    district.township.reopen();
    assert_eq!(district.view(TOWNSHIP, crate::district::WINDOW, &number).unwrap(), before);
    assert_eq!(district.todo(TOWNSHIP, crate::district::WINDOW), [number]);
}

#[test]
fn a_case_that_has_changed_often_before_a_crash_is_written_once_after_it() {
    let mut district = District::new();
    let cases = [(); 2].map(|()| district.submit().unwrap().case.unwrap());
    for words in ["电话已核实", "材料已核对", "申请人补充说明"] {
        for case in cases {
            let note = Action::AddNote(proto::AddNote { words: words.to_owned() });
            district.act(VILLAGE, AGENT, &case.number().to_string(), note).unwrap();
        }
    }
    let crashed = Filling::of(&district.village.store, false);
    let core = Core::open(crashed.clone(), district.village.keys.clone()).unwrap();
    assert_eq!(crashed.shown_again.load(Ordering::Relaxed), cases.len());
    for case in cases {
        assert_eq!(core.reader().case(&case).unwrap().unwrap().entries(), 4);
    }
    assert_eq!(core.reader().open_cases().unwrap(), 2);
    Core::open(crashed.clone(), district.village.keys.clone()).unwrap();
    assert_eq!(crashed.shown_again.load(Ordering::Relaxed), cases.len(), "the index knows all of it now");
}

/// Where a store is in a call that others may cut into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A snapshot of this case is read.
    Reads(CaseId),
    /// A part of what was committed is shown.
    Shows,
}

/// What others do at a moment.
pub(crate) type Meanwhile = Box<dyn FnMut(Moment) + Send>;

/// A store whose disk can be full, and which others use in the middle of its calls.
pub(crate) struct Filling {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) full: AtomicBool,
    pub(crate) meanwhile: Mutex<Option<Meanwhile>>,
    /// The entries of this case or matter can't be read.
    pub(crate) damaged: Mutex<Option<CaseId>>,
    /// An upload whose mark has come back with a power cut.
    pub(crate) marked_again: Mutex<Option<Upload>>,
    /// Snapshots that were shown of what the index had lost.
    shown_again: AtomicUsize,
}

impl Filling {
    pub(crate) fn of(inner: &Arc<dyn Store>, full: bool) -> Arc<Self> {
        let (full, shown_again) = (AtomicBool::new(full), AtomicUsize::new(0));
        Arc::new(Self {
            inner: inner.clone(),
            full,
            meanwhile: Mutex::default(),
            damaged: Mutex::default(),
            marked_again: Mutex::default(),
            shown_again,
        })
    }

    fn meanwhile(&self, moment: Moment) {
        let hook = self.meanwhile.lock().unwrap().take();
        // Out of the lock: others come by here themselves.
        if let Some(mut hook) = hook {
            hook(moment);
            self.meanwhile.lock().unwrap().get_or_insert(hook);
        }
    }
}

/// Counts the snapshots that a replay shows.
struct Counting<'a> {
    replay: &'a mut dyn Replay,
    snapshots: &'a AtomicUsize,
}

impl Counting<'_> {
    fn counted(
        &mut self,
        show: &mut Show<'_>,
        go_on: impl FnOnce(&mut dyn Replay, &mut Show<'_>) -> Result<bool, StoreError>,
    ) -> Result<bool, StoreError> {
        go_on(self.replay, &mut |projection| {
            self.snapshots.fetch_add(projection.cases.len(), Ordering::Relaxed);
            show(projection)
        })
    }
}

impl Replay for Counting<'_> {
    fn run(&mut self, run: Run, arrived_ms: u64, show: &mut Show<'_>) -> Result<bool, StoreError> {
        self.counted(show, |replay, show| replay.run(run, arrived_ms, show))
    }

    fn end(&mut self, show: &mut Show<'_>) -> Result<(), StoreError> {
        self.counted(show, |replay, show| replay.end(show).map(|()| true)).map(drop)
    }
}

impl Store for Filling {
    fn for_each_run(&self, visit: &mut sanji_store::Visit<'_>) -> Result<Vec<String>, StoreError> {
        self.inner.for_each_run(visit)
    }
    fn mark_moved(&self, to: &str) -> Result<(), StoreError> {
        self.inner.mark_moved(to)
    }
    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        if self.full.load(Ordering::Relaxed) {
            return Err(StoreError::Full { source: std::io::Error::from(std::io::ErrorKind::StorageFull) });
        }
        self.inner.commit(commit)
    }
    fn project(&self, projection: &sanji_store::Projection) -> Result<(), StoreError> {
        if self.full.load(Ordering::Relaxed) {
            return Err(StoreError::Full { source: std::io::Error::from(std::io::ErrorKind::StorageFull) });
        }
        self.inner.project(projection)
    }
    fn project_part(&self, part: &sanji_store::Projection) -> Result<(), StoreError> {
        self.meanwhile(Moment::Shows);
        self.inner.project_part(part)
    }
    fn have(&self) -> Have {
        self.inner.have()
    }
    fn have_for(&self, station: StationCode) -> Have {
        self.inner.have_for(station)
    }
    fn head(&self, log: &LogId) -> Option<(u64, Hash)> {
        self.inner.head(log)
    }
    fn read(&self, log: &LogId, from: u64, max_bytes: usize) -> Result<Option<Run>, StoreError> {
        self.inner.read(log, from, max_bytes)
    }
    fn entry(&self, log: &LogId, seq: u64) -> Result<Option<EntryBytes>, StoreError> {
        self.inner.entry(log, seq)
    }
    fn case_entries(&self, case: &CaseId) -> Result<Vec<CaseEntry>, StoreError> {
        if *self.damaged.lock().unwrap() == Some(*case) {
            return Err(StoreError::Damaged { what: "an entry".to_owned() });
        }
        self.inner.case_entries(case)
    }
    fn case_key(&self, case: &CaseId) -> Result<HeldKey, StoreError> {
        self.inner.case_key(case)
    }
    fn destroy_case_key(&self, case: &CaseId) -> Result<(), StoreError> {
        self.inner.destroy_case_key(case)
    }
    fn receipts(&self, log: &LogId) -> Vec<Receipt> {
        self.inner.receipts(log)
    }
    fn snapshot(&self, case: &CaseId) -> Result<Option<HeldSnapshot>, StoreError> {
        self.meanwhile(Moment::Reads(*case));
        self.inner.snapshot(case)
    }
    fn cases_with_prefix(&self, prefix: &[u8], limit: usize) -> Result<Vec<CaseId>, StoreError> {
        self.inner.cases_with_prefix(prefix, limit)
    }
    fn rows(
        &self,
        list: &[u8],
        after: Option<&[u8]>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        self.inner.rows(list, after, newest_first, limit)
    }
    fn row(&self, list: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.row(list, key)
    }
    fn unprojected(&self, replay: &mut dyn Replay) -> Result<u64, StoreError> {
        self.inner.unprojected(&mut Counting { replay, snapshots: &self.shown_again })
    }
    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Faults, StoreError> {
        self.inner.verify(progress)
    }
    fn read_only(&self) -> Option<sanji_store::Halt> {
        self.inner.read_only()
    }
    fn attachment(&self, id: &AttachmentId) -> Result<AttachmentState, StoreError> {
        self.inner.attachment(id)
    }
    fn put_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), StoreError> {
        self.inner.put_manifest(id, manifest, size)
    }
    fn put_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<bool, StoreError> {
        self.inner.put_chunk(id, chunk, data)
    }
    fn chunk(&self, id: &AttachmentId, chunk: u32) -> Result<Option<Bytes>, StoreError> {
        self.inner.chunk(id, chunk)
    }

    fn put_upload(&self, parts: &mut dyn Iterator<Item = Vec<u8>>, note: &[u8]) -> Result<AttachmentRef, StoreError> {
        self.inner.put_upload(parts, note)
    }

    fn uploads(&self) -> Result<Vec<Upload>, StoreError> {
        let mut uploads = self.inner.uploads()?;
        uploads.extend(self.marked_again.lock().unwrap().clone());
        Ok(uploads)
    }

    fn upload_named(&self, id: &AttachmentId, note: &[u8]) -> Result<(), StoreError> {
        self.inner.upload_named(id, note)
    }

    fn drop_upload(&self, id: &AttachmentId, note: &[u8]) -> Result<(), StoreError> {
        self.inner.drop_upload(id, note)
    }
}

#[test]
fn a_full_disk_loses_the_group_whole_and_passes() {
    let district = District::new();
    let filling = Filling::of(&district.village.store, false);
    let keys: StationKeys = district.village.keys.clone();
    let mut core = Core::open(filling.clone(), keys).unwrap();
    let heads = filling.have();
    let now_ms = district.now_ms;
    let submit = |core: &mut Core, request: u8| {
        core.submit(&staff(AGENT), dibao(&[request; 16]), now_ms, &mut noise(&mut 11)).unwrap()
    };
    filling.full.store(true, Ordering::Relaxed);
    submit(&mut core, 1);
    submit(&mut core, 2);
    assert!(matches!(core.commit(now_ms), Err(Error::Store { source: StoreError::Full { .. }, .. })));
    assert_eq!(filling.have(), heads);
    filling.full.store(false, Ordering::Relaxed);
    let again = submit(&mut core, 1);
    assert!(!again.already, "nothing of the lost group is remembered");
    assert_eq!((again.seq, again.case.unwrap().serial()), (1, 1));
    core.commit(now_ms).unwrap();
    assert_eq!(core.reader().open_cases().unwrap(), 1);
}

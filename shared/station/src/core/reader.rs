//! Reading, from any thread, beside the one that writes.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use lru::LruCache;
use prost::Message;
use sanji_domain::case::codec::{self, decode_private};
use sanji_domain::case::{Case, Private};
use sanji_domain::organisation::{Staff, Standing};
use sanji_log::seal::public_key;
use sanji_log::{
    CaseId, CaseNumber, Entry, EntryBytes, Hash, LogId, PublicKey, RequestId, Run, SigningKey, StationCode, Stretch,
};
use sanji_proto::v1 as proto;
use sanji_store::{Commit, HeldKey, Projection, Row, Show, Store};

use super::StationKeys;
use super::ahead::{Ahead, Extent};
use super::filed::{FiledCase, case_entry};
use super::fold::Fold;
use super::forks::CountingBranches;
use super::presence::Presence;
use super::recent::Recent;
use super::reference::ReferenceData;
use super::rows::{FILES, Place, REQUESTS, file_key, request_key};
use crate::error::{Error, store, stored};
use crate::vault::{CaseKey, MasterKey};

/// Most cases that may share one number: two lives of a station that gave it on the same day.
const SAME_NUMBER_MAX: usize = 16;

/// Keys of cases that are kept at hand, about 100 bytes each.
const KEYS_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(8191);
/// Most cases whose keys are asked for at a time.
const SOUGHT_KEYS_MAX: usize = 64;
/// How long nobody is asked for a key that a peer did not have, unless somebody misses it, in milliseconds.
const ASK_AGAIN_MS: u64 = 10 * 60 * 1000;

/// The reading half of a station.
#[derive(Clone)]
pub struct Reader(Arc<Shared>);

struct Shared {
    store: Arc<dyn Store>,
    master: MasterKey,
    me: StationCode,
    key: PublicKey,
    signing: SigningKey,
    authority_der: Vec<u8>,
    reference: RwLock<Arc<ReferenceData>>,
    ahead: Ahead,
    recent: Recent,
    /// Keys of cases that were written lately, for those who write and for links: unwrapping one costs a read of the disk.
    /// People are shown what the store can still read: a key may have been destroyed.
    keys: Mutex<LruCache<CaseId, CaseKey>>,
    /// Cases whose keys are damaged on the disk, or did not come with what they open: peers are asked for them. With the
    /// time at which one did not have it: milliseconds since 1970-01-01 UTC.
    sought_keys: Mutex<BTreeMap<CaseId, Option<u64>>>,
    open_cases: AtomicU64,
    presence: Presence,
}

impl Reader {
    pub(super) fn new(store: Arc<dyn Store>, keys: StationKeys) -> Self {
        Self(Arc::new(Shared {
            store,
            master: keys.master,
            me: keys.station,
            key: public_key(&keys.signing),
            signing: keys.signing,
            authority_der: keys.authority_der,
            reference: RwLock::default(),
            ahead: Ahead::default(),
            recent: Recent::default(),
            keys: Mutex::new(LruCache::new(KEYS_KEPT)),
            sought_keys: Mutex::default(),
            open_cases: AtomicU64::new(0),
            presence: Presence::default(),
        }))
    }

    /// The store. Its index may be behind what was committed: whoever reads rows takes [`Reader::indexed`].
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// This station.
    #[must_use]
    pub fn me(&self) -> StationCode {
        self.0.me
    }

    /// This station's key.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.0.key
    }

    /// Signs papers and case files. Entries are made by the [`Core`](super::Core) alone.
    pub(crate) fn signing(&self) -> &SigningKey {
        &self.0.signing
    }

    /// The district's authority, X.509 in DER.
    pub(crate) fn authority_der(&self) -> &[u8] {
        &self.0.authority_der
    }

    /// The reference data as of the last commit.
    #[must_use]
    pub fn reference(&self) -> Arc<ReferenceData> {
        self.0.reference.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who uses this station's desk.
    pub(crate) fn presence(&self) -> &Presence {
        &self.0.presence
    }

    /// For whom a person acts now besides themselves, and whether they may act.
    #[must_use]
    pub fn standing(&self, reference: &ReferenceData, staff: &Staff, now_ms: u64) -> Standing {
        reference.standing(staff, &|id| self.0.presence.is_there(id, now_ms), now_ms)
    }

    pub(super) fn publish(&self, reference: Arc<ReferenceData>) {
        *self.0.reference.write().unwrap_or_else(PoisonError::into_inner) = reference;
    }

    /// Makes a commit durable and shows what follows from it.
    pub(super) fn commit(
        &self,
        commit: &Commit,
        fold: Fold,
        rows: Vec<Row>,
        reference: Option<ReferenceData>,
    ) -> Result<(), Error> {
        let _gate = self.0.ahead.gate();
        self.store().commit(commit).map_err(store("commit a group"))?;
        let opened = self.0.ahead.take_in(fold, rows, reference.is_some());
        self.count_open_cases(opened);
        if let Some(reference) = reference {
            self.publish(reference.into());
        }
        Ok(())
    }

    /// Keeps runs that are durable at hand for links.
    pub(super) fn keep_recent(&self, runs: impl IntoIterator<Item = Run>) {
        self.0.recent.keep(runs);
    }

    /// As [`Store::read`] for what was committed just now; none for anything else. Does not touch the disk.
    #[must_use]
    pub fn recent(&self, log: &LogId, from: u64, max_bytes: usize) -> Option<Run> {
        self.0.recent.read(log, from, max_bytes)
    }

    /// The hash of an entry with which a run ended that was committed just now. Does not touch the disk.
    pub(super) fn recently_sealed(&self, log: &LogId, seq: u64) -> Option<Hash> {
        self.0.recent.sealed(log, seq)
    }

    /// Shows cases that were folded anew, though nothing was written.
    pub(super) fn show(&self, fold: Fold) {
        let _gate = self.0.ahead.gate();
        self.count_open_cases(self.0.ahead.take_in(fold, Vec::new(), false));
    }

    /// Shows what follows from entries of which the index does not know. Only while the station is opened.
    pub(super) fn show_again(&self, mut fold: Fold, show: &mut Show<'_>) -> Result<(), Error> {
        let reference = fold.settle();
        self.0.ahead.take_in(fold, Vec::new(), reference.is_some());
        if let Some(reference) = reference {
            self.publish(reference.into());
        }
        self.0.ahead.project(self, &mut |part, _| show(&part).map_err(store("write the index")))
    }

    /// Brings the index up to date with all that was committed.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn project(&self) -> Result<(), Error> {
        self.0.ahead.project(self, &mut |projection, extent| self.tell(&projection, extent))
    }

    /// Brings it up to date with most of it, while others commit more.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn project_most(&self) -> Result<(), Error> {
        self.0.ahead.project_most(self, &mut |projection, extent| self.tell(&projection, extent))
    }

    fn tell(&self, projection: &Projection, extent: Extent) -> Result<(), Error> {
        let told = match extent {
            Extent::Part => self.store().project_part(projection),
            Extent::Rest => self.store().project(projection),
        };
        told.map_err(store("write the index"))
    }

    /// Cases that could not be filed for want of their item are tried again.
    pub(crate) fn file_again(&self) {
        let _gate = self.0.ahead.gate();
        self.0.ahead.file_again();
    }

    /// What waits for the index is derived again from the entries.
    pub(super) fn forget_ahead(&self) {
        let _gate = self.0.ahead.gate();
        self.0.ahead.forget();
    }

    /// Keeps what is ahead of the index within bounds.
    pub(super) fn project_if_full(&self) {
        if self.0.ahead.is_full()
            && let Err(error) = self.project()
        {
            tracing::error!(reason = &error as &dyn std::error::Error, "the index was not brought up to date");
        }
    }

    /// How often the index was told of commits.
    pub(super) fn projections(&self) -> u64 {
        self.0.ahead.projections()
    }

    /// Whether the index is so far behind that it should be brought up to date before writers have to wait for it.
    pub(crate) fn is_filling(&self) -> bool {
        self.0.ahead.is_filling()
    }

    /// Whether somebody has looked at lists lately.
    pub(crate) fn is_looked_at(&self) -> bool {
        self.0.ahead.is_looked_at()
    }

    /// The store, with an index that shows all that was committed.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn indexed(&self) -> Result<&Arc<dyn Store>, Error> {
        self.project()?;
        Ok(self.store())
    }

    /// The same for somebody who looks at a list and will most likely look again: for the next minute or so the index is
    /// kept close behind what is committed.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn looked_at(&self) -> Result<&Arc<dyn Store>, Error> {
        self.0.ahead.note_look();
        self.indexed()
    }

    /// Notes that a round of bringing the index up to date has ended.
    pub(crate) fn note_round(&self) {
        self.0.ahead.note_round();
    }

    /// The store, with an index that shows all rows that follow from single entries, of whatever case. The work lists and
    /// snapshots of cases may be behind.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn noted(&self) -> Result<&Arc<dyn Store>, Error> {
        self.0.ahead.project_rows(self, &mut |projection, extent| self.tell(&projection, extent))?;
        Ok(self.store())
    }

    /// Cases that are not closed. Where many are moved on at once, as of a moment ago: whoever reads the status often must
    /// not have each of them folded every time.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn open_cases(&self) -> Result<u64, Error> {
        for id in self.0.ahead.few_with_unfolded_steps() {
            self.filed(&id)?;
        }
        Ok(self.0.open_cases.load(Ordering::Relaxed) + self.0.ahead.unfolded_openings() as u64)
    }

    pub(super) fn set_open_cases(&self, open: u64) {
        self.0.open_cases.store(open, Ordering::Relaxed);
    }

    pub(super) fn count_open_cases(&self, opened: i64) {
        let add = |open: u64| Some(open.saturating_add_signed(opened));
        // The closure always gives a value, so the update can't fail.
        let _ = self.0.open_cases.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    pub(super) fn master(&self) -> &MasterKey {
        &self.0.master
    }

    /// A case; none where no entry of it is held.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn case(&self, id: &CaseId) -> Result<Option<Arc<Case>>, Error> {
        Ok(self.filed(id)?.map(|filed| filed.case.clone()))
    }

    /// Whether a case has changed lately, so that [`Reader::case`] seldom needs the disk.
    pub(crate) fn is_at_hand(&self, id: &CaseId) -> bool {
        self.0.ahead.is_at_hand(id)
    }

    pub(super) fn matter_ahead(&self, id: &CaseId) -> Option<Arc<sanji_domain::matter::Matter>> {
        self.0.ahead.matter(id)
    }

    pub(super) fn filed(&self, id: &CaseId) -> Result<Option<Arc<FiledCase>>, Error> {
        self.0.ahead.case(id, || self.stored(id), |opened| self.count_open_cases(opened))
    }

    /// A case as the index has it.
    fn stored(&self, id: &CaseId) -> Result<Option<Arc<FiledCase>>, Error> {
        match self.store().snapshot(id) {
            Ok(None) => return Ok(None),
            Ok(Some(held)) => {
                if let Some(filed) = FiledCase::decode(&held) {
                    return Ok(Some(Arc::new(filed)));
                }
            }
            // What waits to be folded must not wait for one damaged row: the entries say all that it said.
            Err(sanji_store::Error::Damaged { .. }) => {}
            Err(error) => return Err(store("read a case")(error)),
        }
        Ok(Some(Arc::new(FiledCase::new(self.fold_anew(id, &self.counting_branches()?)?))))
    }

    /// A case from its entries.
    pub(super) fn fold_anew(&self, id: &CaseId, branches: &CountingBranches) -> Result<Case, Error> {
        let reference = self.reference();
        let mut case = Case::new(*id);
        for entry in self.counting_entries(id, branches)? {
            if let Some(entry) = case_entry(&entry, self.writer(&reference, &entry)) {
                case.take(&entry);
            }
        }
        Ok(case)
    }

    /// The entries of a case or matter, without those of branches that don't count, and with those in evidence that do.
    pub(super) fn counting_entries(&self, id: &CaseId, branches: &CountingBranches) -> Result<Vec<Entry>, Error> {
        let held = self.store().case_entries(id).map_err(store("read the entries of a case"))?;
        let held = held.into_iter().map(|held| held.entry.decode().map_err(stored("entry")));
        let counts = |entry: &Entry| branches.get(&entry.log).is_none_or(|branch| entry.seq < branch.seq);
        let in_evidence = branches.values().flat_map(|branch| &branch.entries);
        let in_evidence = in_evidence.map(|bytes| bytes.decode().map_err(stored("entry")));
        let held = held.filter(|entry| entry.as_ref().map_or(true, counts));
        held.chain(in_evidence.filter(|entry| entry.as_ref().map_or(true, |entry| entry.case == Some(*id)))).collect()
    }

    /// The station that wrote an entry, whether its key was revoked since or not; none where the key is not known.
    pub(super) fn writer(&self, reference: &ReferenceData, entry: &Entry) -> Option<StationCode> {
        let known = reference.directory().get(&entry.log.key).map(|record| record.station);
        known.or_else(|| (entry.log.key == self.key()).then_some(self.me()))
    }

    /// Cases with a number: one, save where two lives of a station gave the same. Those of which nothing counts only
    /// where there is no other.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn find(&self, number: &CaseNumber) -> Result<Vec<CaseId>, Error> {
        // First what is ahead of the index: what leaves there is in the index by then.
        let ahead = self.0.ahead.cases_of_number(number);
        let shown = self.store().cases_with_prefix(&number.prefix(), SAME_NUMBER_MAX);
        let mut cases = shown.map_err(store("look a case number up"))?;
        for id in ahead {
            if !cases.contains(&id) {
                cases.push(id);
            }
        }
        if cases.len() > 1 {
            // Two machines of a cloned station gave the same number, and the branch of one does not count.
            let mut counting = Vec::new();
            for id in &cases {
                counting.extend(self.case(id)?.filter(|case| case.rev() > 0).map(|_| *id));
            }
            return Ok(if counting.is_empty() { cases } else { counting });
        }
        Ok(cases)
    }

    /// The case that a request opened at this station.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn case_of_request(&self, request: &RequestId) -> Result<Option<CaseId>, Error> {
        // The same bytes from another station's callers are another request.
        let opener = |matter: &sanji_domain::matter::Matter| matter.opening().map(|opening| opening.writer);
        let here = |case: &CaseId| match self.matter_ahead(case) {
            Some(matter) => opener(&matter) == Some(self.me()),
            None => case.home() == Some(self.me()),
        };
        let ahead = self.0.ahead.case_of_request(request).filter(here);
        if ahead.is_some() {
            return Ok(ahead);
        }
        let row = self.store().row(REQUESTS, &request_key(self.me(), request)).map_err(store("look a request up"))?;
        Ok(row.and_then(|bytes| CaseId::from_bytes(&bytes).ok()))
    }

    /// The key of a case; none where it was destroyed or never came. In the latter case, and where it is damaged, peers are
    /// asked for it.
    ///
    /// # Errors
    /// [`Error::Store`]; [`Error::Vault`] where it was wrapped under another master key.
    pub fn case_key(&self, id: &CaseId) -> Result<Option<CaseKey>, Error> {
        let held = self.held_key(id)?;
        if held == HeldKey::Never && self.opening(id).is_some() {
            self.seek_key(id);
        }
        self.unwrap_key(held)
    }

    /// The same, and nobody is asked for a key that never came.
    pub(super) fn stored_key(&self, id: &CaseId) -> Result<Option<CaseKey>, Error> {
        self.unwrap_key(self.held_key(id)?)
    }

    pub(super) fn held_key(&self, id: &CaseId) -> Result<HeldKey, Error> {
        let held = self.store().case_key(id);
        if let Err(sanji_store::Error::Damaged { .. }) = &held {
            self.seek_key(id);
        }
        held.map_err(store("read the key of a case"))
    }

    fn unwrap_key(&self, held: HeldKey) -> Result<Option<CaseKey>, Error> {
        let key = held.here().map(|wrapped| self.master().unwrap(&wrapped)).transpose();
        key.map_err(|source| Error::Vault { operation: "unwrap the key of a case", source })
    }

    /// The key of a case that was written in lately.
    pub(crate) fn case_key_at_hand(&self, id: &CaseId) -> Option<CaseKey> {
        self.kept_keys().get(id).cloned()
    }

    /// Keeps keys that are durable at hand.
    pub(super) fn keep_keys(&self, keys: impl IntoIterator<Item = (CaseId, CaseKey)>) {
        let mut kept = self.kept_keys();
        for (case, key) in keys {
            self.sought_keys().remove(&case);
            kept.put(case, key);
        }
    }

    fn sought_keys(&self) -> MutexGuard<'_, BTreeMap<CaseId, Option<u64>>> {
        self.0.sought_keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Peers are asked for the key of a case, as far as there is room.
    pub(super) fn seek_key(&self, case: &CaseId) {
        let mut sought = self.sought_keys();
        if let Some(not_had) = sought.get_mut(case) {
            *not_had = None;
            return;
        }
        if sought.len() >= SOUGHT_KEYS_MAX {
            // One that a peer did not have makes room.
            let not_had = sought.iter().find(|(_, not_had)| not_had.is_some()).map(|(case, _)| *case);
            let Some(not_had) = not_had else { return };
            sought.remove(&not_had);
        }
        sought.insert(*case, None);
        tracing::error!(case = %case.number(), "the key of a case is damaged or did not come; peers are asked for it");
    }

    /// Whether the key of a case is sought here still: it may have been destroyed since, and nobody brings it back then.
    pub(super) fn is_key_sought(&self, case: &CaseId) -> bool {
        let is_lacking = |held| matches!(held, Ok(HeldKey::Never) | Err(sanji_store::Error::Damaged { .. }));
        self.sought_keys().contains_key(case) && is_lacking(self.store().case_key(case))
    }

    /// A peer that was asked for a key has none. Others are asked later, and at once where somebody misses it again.
    pub(super) fn key_was_not_had(&self, case: &CaseId, now_ms: u64) {
        self.sought_keys().entry(*case).and_modify(|not_had| *not_had = Some(now_ms));
    }

    /// Where the entries stand with which keys come that are to be asked for now, at most 64.
    #[must_use]
    pub fn openings_of_sought_keys(&self, now_ms: u64) -> Vec<Stretch> {
        // A clock that was put back makes nobody wait for longer.
        let is_due = |not_had: &Option<u64>| not_had.is_none_or(|at_ms| now_ms.abs_diff(at_ms) >= ASK_AGAIN_MS);
        let sought = self.sought_keys();
        let due: Vec<CaseId> = sought.iter().filter(|(_, not_had)| is_due(not_had)).map(|(case, _)| *case).collect();
        drop(sought);
        due.iter().filter_map(|case| self.opening(case)).collect()
    }

    /// Where the entry stands that opens a case. None: it is not held, or damaged; then it is asked for in its turn.
    fn opening(&self, case: &CaseId) -> Option<Stretch> {
        let held = self.store().case_entries(case).ok()?;
        let mut entries = held.iter().filter_map(|held| held.entry.decode().ok());
        entries.find(|entry| entry.opens_case).map(|Entry { log, seq, .. }| Stretch { log, from: seq, until: seq })
    }

    fn kept_keys(&self) -> MutexGuard<'_, LruCache<CaseId, CaseKey>> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The private part of an entry. None: it has none, the entry is not here, or it can't be read with this key.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn private(&self, case: &CaseId, key: &CaseKey, log: &LogId, seq: u64) -> Result<Option<Private>, Error> {
        let bytes = match self.reference().decided_from(log) {
            Some(from) if seq >= from => self.counting_entry(log, seq)?,
            _ => self.store().entry(log, seq).map_err(store("read an entry"))?,
        };
        bytes.map_or(Ok(None), |bytes| open_private(case, key, &bytes))
    }

    /// The content of a published file.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn published(&self, path: &str, version: u32) -> Result<Option<Vec<u8>>, Error> {
        let row = self.noted()?.row(FILES, &file_key(path, version)).map_err(store("look a file up"))?;
        let Some(row) = row else { return Ok(None) };
        let place: Place = postcard::from_bytes(&row).map_err(stored("row"))?;
        let bytes = self.store().entry(&place.log, place.seq).map_err(store("read an entry"))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let entry = bytes.decode().map_err(stored("entry"))?;
        let file = proto::PublishedFile::decode(entry.body).map_err(stored("published file"))?;
        Ok(Some(file.content))
    }
}

/// The private part of an entry. None: it has none, or it can't be read with this key.
pub(crate) fn open_private(case: &CaseId, key: &CaseKey, bytes: &EntryBytes) -> Result<Option<Private>, Error> {
    let entry = bytes.decode().map_err(stored("entry"))?;
    let sealed = codec::decode(entry.kind, &entry.body).ok().flatten().and_then(|decoded| decoded.sealed);
    Ok(sealed.and_then(|sealed| key.open(case, &sealed).ok()).and_then(|plain| decode_private(&plain).ok()))
}

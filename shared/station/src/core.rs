//! The station's state, and the only place where entries are made: decide → seal → store.
//!
//! | module | answers |
//! | --- | --- |
//! | `cases` | what a person's command does |
//! | `attachments`, `uploads` | how files are kept and read; what becomes of those that no command names |
//! | `spread` | which stations hold which attachments |
//! | `matters`, `matter_commands`, `matter_messages` | the same for matters: complaints, questions and the like |
//! | `timers`, `times` | steps that the station writes by itself; times of entries that can't be right |
//! | `serial`, `numbers` | which number a new case gets, and which a document |
//! | `receive` | what is taken of what a peer sends |
//! | `group` | how staged entries become durable together |
//! | `recent` | what was committed just now, for links |
//! | `forks` | evidence of cloned data folders, and what a decision changes |
//! | `asides` | what a revoked station had written and not delivered, and what others sent that was not taken |
//! | `quarantine` | entries that are held and do not count |
//! | `heal` | entries that are damaged here, and what a peer holds of them |
//! | `fold`, `ahead` | what entries change in state; what of it the index does not show yet |
//! | `replay` | what the index has lost in a crash, computed again |
//! | `presence` | who uses the desk of this station |
//! | `filed`, `rows` | how a case and its places in work lists lie in the index |
//! | [`mod@reference`] | what every case needs: keys, staff, catalogue, organisation, calendar |
//! | [`reader`] | reading, beside the one that writes |
//! | [`scan`] | walking all cases, however many |
//!
//! Synchronous and deterministic: times and randomness come from the caller. One thread owns the [`Core`]; any may
//! read through its [`Reader`].

mod ahead;
mod asides;
mod attachments;
mod cases;
mod commands;
pub(crate) mod filed;
mod fold;
mod forks;
mod group;
mod heal;
pub(crate) mod lost;
mod matter_commands;
mod matter_messages;
pub(crate) mod matters;
mod numbers;
mod presence;
mod quarantine;
pub mod reader;
mod receive;
mod recent;
pub mod reference;
mod replay;
pub(crate) mod rows;
pub mod scan;
mod serial;
pub(crate) mod spread;
mod timers;
mod times;
mod uploads;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use lru::LruCache;
use sanji_log::planted::{Bug, planted};
use sanji_log::{CaseId, EntryBytes, EntryDraft, Hash, Have, HybridTime, LogId, Reach, SigningKey, StationCode};
use sanji_store::Store;

pub use attachments::AttachmentContent;
pub(crate) use attachments::{FILE_MAX_BYTES, OF_MATTER, check_size};
pub use cases::Random;
pub(crate) use cases::{context, input_fault, wrong_number};
pub use group::{Committed, Confirmed};
pub use matter_commands::{MatterWritten, NoticeMessage, survey_code_hash};
pub(crate) use matter_messages::digits;
pub(crate) use quarantine::held_reason;
pub use reader::Reader;
pub use receive::ReceiveOutcome;
pub use reference::ReferenceData;
pub use scan::{Cases, Scan, Which};
pub use timers::AsOf;
pub use times::Doubtful;

use crate::error::{Error, Failure, store, stored};
use crate::pending::Pending;
use crate::vault::MasterKey;
use group::Group;
use rows::{ABSENCES, ASIDES, FILES, FORKS, KEYS, NOTICES, Place, STAFF, STAFF_REQUESTS};

/// Rows read at a time.
const PAGE: usize = 512;
/// Case numbers that are kept at hand, about 80 bytes each.
const NUMBERS_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(8191);

/// What makes this station itself.
#[derive(Clone)]
pub struct StationKeys {
    /// Its code.
    pub station: StationCode,
    /// Signs what it writes.
    pub signing: SigningKey,
    /// Wraps the keys of cases.
    pub master: MasterKey,
    /// The district's authority, X.509 in DER.
    pub authority_der: Vec<u8>,
}

/// The state of a station and its open group.
pub struct Core {
    reader: Reader,
    signing: SigningKey,
    authority_der: Vec<u8>,
    pending: Arc<Pending>,
    clock: HybridTime,
    /// The clock of the station above minus this one's, in milliseconds; 0 while they agree or nobody knows.
    clock_offset_ms: Arc<AtomicI64>,
    /// Heads of all logs, durable ones only.
    have: Have,
    /// Day and highest number given on it, staged ones included.
    last_serial: Option<(u16, u16)>,
    /// Highest document numbers given, staged ones included.
    documents: numbers::Given,
    group: Group,
    /// The only case of a number that was looked up lately, by what its id begins with.
    numbers: LruCache<[u8; 9], CaseId>,
    /// The last commit had many entries: the processor is scarcer than the line.
    crowded: bool,
    /// Nothing of its own may be written.
    silent: bool,
    /// Entries that a peer sent in place of damaged ones and that don't reach far enough yet.
    healing: std::collections::BTreeMap<LogId, sanji_log::Run>,
}

/// What a command has written, or had written before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The case, where it is about one.
    pub case: Option<CaseId>,
    /// Where the last of its entries stands.
    pub log: LogId,
    /// Position there.
    pub seq: u64,
    /// Hash of that entry.
    pub hash: Hash,
    /// The case's rev after it; 0 where it is about no case.
    pub rev: u32,
    /// Six digits for the applicant; empty except for the opening of a case.
    pub query_code: String,
    /// The same request was carried out before; nothing new was written.
    pub already: bool,
}

impl Core {
    /// Opens a station on its store: reads the reference data and gives the index what it has lost.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Stored`].
    pub fn open(store: Arc<dyn Store>, keys: StationKeys) -> Result<Self, Error> {
        match Self::open_on(store.clone(), keys.clone()) {
            // Damage of the index is found where it is read. All that it says can be derived again.
            Err(Error::Store { source: source @ sanji_store::Error::Index { .. }, .. }) => {
                tracing::warn!(reason = &source as &dyn std::error::Error, "the index is damaged");
                store.recover().map_err(self::store("begin the index anew"))?;
                Self::open_on(store, keys)
            }
            opened => opened,
        }
    }

    fn open_on(store: Arc<dyn Store>, keys: StationKeys) -> Result<Self, Error> {
        let (signing, authority_der) = (keys.signing.clone(), keys.authority_der.clone());
        let reader = Reader::new(store, keys);
        let mut core = Self {
            have: reader.store().have(),
            reader,
            signing,
            authority_der,
            pending: Arc::default(),
            clock: HybridTime::default(),
            clock_offset_ms: Arc::default(),
            last_serial: None,
            numbers: LruCache::new(NUMBERS_KEPT),
            crowded: false,
            documents: numbers::Given::new(),
            group: Group::default(),
            silent: false,
            healing: std::collections::BTreeMap::new(),
        };
        if planted(Bug::ReuseSequence) {
            let key = core.reader.key();
            core.have.0.retain(|log, _| log.key != key);
        }
        core.read_reference()?;
        core.project_what_is_lost()?;
        core.read_clock()?;
        core.reader.set_open_cases(rows::count_open(&core.reader)?);
        // What a decision changed is not in the entries that the index may have lost.
        if core.reader.reference().has_decisions() {
            core.settle_decisions()?;
        }
        Ok(core)
    }

    /// The reading half, for any thread.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        self.reader.store()
    }

    pub(crate) fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// Attachments that were stored for commands to come.
    #[must_use]
    pub fn pending(&self) -> &Arc<Pending> {
        &self.pending
    }

    /// Whether this station writes nothing of its own: where its own logs end is not known, and a position that is given
    /// twice would part them.
    pub fn be_silent(&mut self, silent: bool) {
        self.silent = silent;
    }

    /// Makes the store take writes again, and gives its index what it has lost by that.
    ///
    /// # Errors
    /// [`Error::Store`] where it takes none still; [`Error::Stored`].
    pub fn recover(&mut self) -> Result<(), Error> {
        self.reader.store().recover().map_err(store("take writes again"))?;
        self.reader.forget_ahead();
        self.numbers.clear();
        self.project_what_is_lost()?;
        self.reader.set_open_cases(rows::count_open(&self.reader)?);
        if self.reader.reference().has_decisions() {
            self.settle_decisions()?;
        }
        Ok(())
    }

    /// By how much rules are to put this machine's clock right. Entries bear its own time all the same: who receives
    /// them knows by how much it is off.
    pub(crate) fn clock_offset_ms(&self) -> Arc<AtomicI64> {
        self.clock_offset_ms.clone()
    }

    fn trusted(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add_signed(self.clock_offset_ms.load(Ordering::Relaxed))
    }

    /// The heads of all logs, durable ones only.
    #[must_use]
    pub fn have(&self) -> &Have {
        &self.have
    }

    /// Stages an entry of the station itself or of its administration: station records, staff, files, audit.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the entry would break a rule of the logs.
    pub fn write(
        &mut self,
        home: StationCode,
        reach: Reach,
        actor: &str,
        kind: u32,
        body: Vec<u8>,
        now_ms: u64,
    ) -> Result<Written, Failure> {
        let log = self.own_log(home, reach);
        if !log.writable_by(self.reader.me()) {
            return Err(Error::Entry { problem: "a station writes for itself and the stations below it" }.into());
        }
        let draft = EntryDraft {
            case: None,
            actor: actor.to_owned(),
            kind,
            body: Bytes::from(body),
            attachments: Vec::new(),
            opens_case: false,
        };
        let entry = self.stage(log, &draft, now_ms)?;
        Ok(Written {
            case: None,
            log,
            seq: entry.seq,
            hash: entry.hash,
            rev: 0,
            query_code: String::new(),
            already: false,
        })
    }

    fn read_reference(&mut self) -> Result<(), Error> {
        let mut reference = ReferenceData::default();
        // Keys first: who may say something about staff and files follows from them.
        for list in [KEYS, STAFF, FILES, FORKS, ASIDES, NOTICES, ABSENCES, STAFF_REQUESTS] {
            let mut after: Option<Vec<u8>> = None;
            loop {
                let page = self.reader.store().rows(list, after.as_deref(), false, PAGE);
                let page = page.map_err(store("read a list"))?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                for (_, place) in page {
                    let place: Place = postcard::from_bytes(&place).map_err(stored("row"))?;
                    let Some(bytes) = self.readable_entry(&place.log, place.seq)? else { continue };
                    let entry = bytes.decode().map_err(stored("entry"))?;
                    if let Err(reason) = reference.fold(&entry, &self.authority_der) {
                        let reason = &reason as &dyn std::error::Error;
                        tracing::debug!(log.seq = place.seq, reason, "an entry of the reference data counts no more");
                    }
                }
            }
        }
        if let Err(reason) = reference.settle() {
            tracing::warn!(reason = &reason as &dyn std::error::Error, "the organisation's files don't fit");
        }
        self.reader.publish(reference.into());
        Ok(())
    }

    /// An entry, where it is held and not damaged: the station opens without what is, and takes it in when a peer has
    /// sent it again.
    fn readable_entry(&self, log: &LogId, seq: u64) -> Result<Option<EntryBytes>, Error> {
        match self.reader.store().entry(log, seq) {
            Err(source @ sanji_store::Error::Damaged { .. }) => {
                tracing::error!(reason = &source as &dyn std::error::Error, "an entry is left out until it is healed");
                Ok(None)
            }
            read => read.map_err(store("read an entry")),
        }
    }

    /// The clock goes on from the last time that this station has written.
    fn read_clock(&mut self) -> Result<(), Error> {
        for head in self.have.heads().filter(|head| head.log.key == self.reader.key()) {
            if let Some(bytes) = self.readable_entry(&head.log, head.seq)? {
                self.clock = self.clock.max(bytes.decode().map_err(stored("entry"))?.time);
            }
        }
        Ok(())
    }
}

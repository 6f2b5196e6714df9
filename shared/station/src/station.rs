//! The running station: the handle that desk, services and links share.
//!
//! Writing goes through the committer's queue, reading straight to the store. Nothing here decides: rights and rules
//! are the domain's, called where state is (`core`, `views`).

mod attachments;
mod conditions;
mod deadlines;
mod forks;
mod healing;
mod links;
mod matters;
mod movements;
pub(crate) mod people;
mod quarantine;
mod records;
mod status;
mod supervision;
mod watching;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use prost::Message;
use rand::RngCore;
use sanji_domain::organisation::Staff;
use sanji_domain::{Item, ItemCode, StaffId};
use sanji_log::entry::BODY_MAX_BYTES;
use sanji_log::{AttachmentId, Reach, Run, StationCode};
use sanji_proto::v1 as proto;
use sanji_store::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;

pub use crate::core::AttachmentContent;
pub use quarantine::Settling;
pub use records::ExchangeParts;
pub use status::StationSummary;

use crate::accounts::Accounts;
use crate::clock::now_ms;
pub use crate::committer::Clock;
use crate::committer::{Committer, Running};
use crate::config::Program;
use crate::core::{Committed, Core, FILE_MAX_BYTES, Reader, ReferenceData, StationKeys, Written, check_size};
use crate::error::{Error, Failure};
use crate::healing::Healing;
use crate::lag::{Lag, bring_up_to_date};
use crate::news::News;
use crate::pending::Pending;
use crate::supervision::Digests;
use crate::timers::Changed;
use crate::views::{Openings, WrongCodes};
pub(crate) use links::{reason_name, refused_log};

use conditions::Conditions;
use links::Links;
use movements::Movements;

/// Memory for files that are being handed in at the same time, in KiB: 128 MiB, two and a half of the largest.
const UPLOADS_KIB: u32 = 128 << 10;

/// A member of staff who has proved who they are.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The person.
    pub staff: Arc<Staff>,
}

/// A running station. Cheap to clone.
#[derive(Clone)]
pub struct Station(Arc<Inner>);

struct Inner {
    reader: Reader,
    committer: Committer,
    running: Mutex<Option<Running>>,
    pending: Arc<Pending>,
    news: Arc<News>,
    accounts: Accounts,
    wrong_codes: WrongCodes,
    openings: Openings,
    digests: Arc<Digests>,
    links: Links,
    conditions: Conditions,
    healing: Healing,
    /// Of this process.
    instance: [u8; 16],
    /// When this process opened the station, by its clock.
    started_ms: u64,
    movements: Movements,
    attachment_max_bytes: AtomicU64,
    /// Memory for files that are being handed in, in KiB.
    room: Arc<Semaphore>,
    program: Program,
    clock: Clock,
    clock_offset_ms: Arc<AtomicI64>,
    clock_compared: AtomicBool,
    by_bundles: AtomicBool,
    changed: Arc<Changed>,
    projecting: AbortOnDropHandle<()>,
}

impl Station {
    /// Opens the station on its store and starts the thread that writes.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Stored`] where the store can't be read; [`Error::Stopped`] where no thread can be
    /// had.
    pub async fn open(store: Arc<dyn Store>, keys: StationKeys, program: Program) -> Result<Self, Error> {
        Self::open_with_clock(store, keys, program, Arc::new(now_ms)).await
    }

    /// The same with a clock of the caller: milliseconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// As for [`Station::open`].
    pub async fn open_with_clock(
        store: Arc<dyn Store>,
        keys: StationKeys,
        program: Program,
        clock: Clock,
    ) -> Result<Self, Error> {
        let opened = tokio::task::spawn_blocking(move || Core::open(store, keys)).await;
        let core = opened.map_err(|_| Error::Stopped)??;
        let (reader, pending) = (core.reader().clone(), core.pending().clone());
        let clock_offset_ms = core.clock_offset_ms();
        let news = Arc::new(News::new(reader.clone()));
        let lag = Arc::new(Lag::default());
        let (publish, tell_more, fell_behind, read) = (news.clone(), news.clone(), lag.clone(), reader.clone());
        let changed = Arc::new(Changed::default());
        let note = changed.clone();
        let publish = move |committed: &Committed| {
            note.note(&committed.cases, committed.reference_changed);
            publish.tell(committed);
            fell_behind.note_commit(&read);
        };
        let started =
            Committer::start(core, clock.clone(), publish, move |committed| tell_more.tell_confirmed(committed));
        let projecting = AbortOnDropHandle::new(tokio::spawn(lag.keep_short(reader.clone())));
        let (committer, running) = started.map_err(|_| Error::Stopped)?;
        let mut instance = [0; 16];
        random(&mut instance);
        Ok(Self(Arc::new(Inner {
            reader,
            committer,
            running: Mutex::new(Some(running)),
            pending,
            news,
            accounts: Accounts::default(),
            wrong_codes: WrongCodes::default(),
            openings: Openings::default(),
            digests: Arc::default(),
            links: Links::default(),
            conditions: Conditions::default(),
            healing: Healing::default(),
            instance,
            started_ms: now_ms(),
            movements: Movements::default(),
            attachment_max_bytes: AtomicU64::new(FILE_MAX_BYTES),
            room: Arc::new(Semaphore::new(UPLOADS_KIB as usize)),
            program,
            clock,
            clock_offset_ms,
            clock_compared: AtomicBool::default(),
            by_bundles: AtomicBool::default(),
            changed,
            projecting,
        })))
    }

    /// Finishes what is queued and ends the thread that writes. Whatever is asked for later is refused.
    pub async fn close(&self) {
        self.0.committer.stop().await;
        let running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            running.ended().await;
        }
        self.0.projecting.abort();
        bring_up_to_date(&self.0.reader).await;
    }

    /// The store, for checks and listings.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        self.0.reader.store().clone()
    }

    /// The reading half.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.0.reader
    }

    /// Keys, staff, catalogue, organisation and calendar as of the last commit.
    #[must_use]
    pub fn reference(&self) -> Arc<ReferenceData> {
        self.0.reader.reference()
    }

    pub(crate) fn changed(&self) -> &Changed {
        &self.0.changed
    }

    pub(crate) fn committer(&self) -> &Committer {
        &self.0.committer
    }

    pub(crate) fn wrong_codes(&self) -> &WrongCodes {
        &self.0.wrong_codes
    }

    pub(crate) fn openings(&self) -> &Openings {
        &self.0.openings
    }

    pub(crate) fn news(&self) -> &News {
        &self.0.news
    }

    pub(crate) fn links(&self) -> &Links {
        &self.0.links
    }

    pub(crate) fn own_instance(&self) -> [u8; 16] {
        self.0.instance
    }

    pub(crate) fn movements(&self) -> &Movements {
        &self.0.movements
    }

    /// Largest file that is taken from people, in bytes.
    #[must_use]
    pub fn attachment_max_bytes(&self) -> u64 {
        self.0.attachment_max_bytes.load(Ordering::Relaxed)
    }

    /// Takes no larger files from people from now on; the contract's limit stands above it.
    pub fn limit_attachments(&self, max_bytes: u64) {
        self.0.attachment_max_bytes.store(max_bytes.min(FILE_MAX_BYTES), Ordering::Relaxed);
    }

    /// Refuses a file that is larger than this station takes.
    ///
    /// # Errors
    /// [`Failure::Refused`].
    pub fn check_attachment_size(&self, size: u64) -> Result<(), Failure> {
        check_size(size, self.attachment_max_bytes())
    }

    /// Waits until there is memory for a file that is being handed in; given back when it is dropped.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the station has stopped.
    pub async fn room_for_upload(&self, size: u64) -> Result<OwnedSemaphorePermit, Failure> {
        let kib = u32::try_from(size.div_ceil(1024)).unwrap_or(u32::MAX).min(UPLOADS_KIB);
        Ok(self.0.room.clone().acquire_many_owned(kib).await.map_err(|_| Error::Stopped)?)
    }

    /// Removes files that people have handed in and that no command has named for so long, in milliseconds. How many.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the store can't be read.
    pub async fn drop_uploads(&self, older_than_ms: u64) -> Result<usize, Failure> {
        let write = self.0.committer.write(move |core, now| Ok(core.drop_uploads(now.saturating_sub(older_than_ms))?));
        write.await.map(|(dropped, _)| dropped)
    }

    /// Sessions and attempts to log in.
    pub(crate) fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// A member of staff who works here now and may act.
    #[must_use]
    pub fn actor(&self, id: &StaffId) -> Option<Actor> {
        let reference = self.reference();
        let person =
            reference.staff(id).filter(|person| !person.inactive && person.staff.place == self.0.reader.me())?;
        Some(Actor { staff: person.staff.clone() })
    }

    // ------------------------------------------------------------------------------------------------ writing

    /// Opens a case. Durable when it returns.
    ///
    /// # Errors
    /// [`Failure`]; nothing was written then.
    pub async fn submit(&self, actor: &Actor, request: proto::SubmitRequest) -> Result<proto::SubmitReply, Failure> {
        self.check_may_write()?;
        let staff = actor.staff.id.clone();
        let write = self.0.committer.write(move |core, now| core.submit(&staff, request, now, &mut random));
        let (written, _) = write.await?;
        Ok(proto::SubmitReply {
            case_number: written.case.map_or_else(String::new, |case| case.number().to_string()),
            query_code: written.query_code,
            log: Some(written.log.into()),
            seq: written.seq,
            hash: written.hash.0.to_vec(),
        })
    }

    /// Moves a case on, or says something beside its route. Durable when it returns.
    ///
    /// # Errors
    /// [`Failure`]; nothing was written then.
    pub async fn act(&self, actor: &Actor, request: proto::ActRequest) -> Result<proto::ActReply, Failure> {
        self.check_may_write()?;
        let staff = actor.staff.id.clone();
        let write = self.0.committer.write(move |core, now| core.act(&staff, request, now, &mut random));
        write.await.map(|(written, _)| act_reply(written))
    }

    /// As [`Station::act`] for several commands at once: they share one commit, or as few as hold them. Each stands
    /// for itself, so one that is refused leaves the others. All are durable when it returns.
    ///
    /// # Errors
    /// [`Failure`] where a commit failed: nothing of it was written, and nothing of what stands behind it.
    pub async fn act_together(
        &self,
        actor: &Actor,
        requests: Vec<proto::ActRequest>,
    ) -> Result<Vec<Result<proto::ActReply, Failure>>, Failure> {
        self.check_may_write()?;
        let mut replies = Vec::with_capacity(requests.len());
        let mut waiting = requests.into_iter();
        while waiting.len() > 0 {
            let staff = actor.staff.id.clone();
            let write = self.0.committer.write(move |core, now| {
                let mut written = Vec::with_capacity(waiting.len());
                // A command begins with room in its group, so at least one is written each time.
                for request in waiting.by_ref() {
                    written.push(core.act(&staff, request, now, &mut random));
                    if core.is_full() {
                        break;
                    }
                }
                Ok((written, waiting))
            });
            let ((written, rest), _) = write.await?;
            replies.extend(written.into_iter().map(|written| written.map(act_reply)));
            waiting = rest;
        }
        Ok(replies)
    }

    /// Writes an entry of the station's administration: station records, staff, files. All of `entries` become
    /// durable together, in their order.
    ///
    /// # Errors
    /// [`Failure`]; nothing was written then.
    pub async fn administer(&self, actor: &str, entries: Vec<Administrative>) -> Result<Vec<Written>, Failure> {
        self.check_may_write()?;
        let actor = actor.to_owned();
        let write = self.0.committer.write(move |core, now| {
            let me = core.reader().me();
            if !entries.iter().all(|entry| entry.home.within(me) && entry.body.len() <= BODY_MAX_BYTES) {
                return Err(Error::Entry { problem: "one of several is too long or not for a station below" }.into());
            }
            let write =
                |entry: Administrative| core.write(entry.home, entry.reach, &actor, entry.kind as u32, entry.body, now);
            entries.into_iter().map(write).collect()
        });
        write.await.map(|(written, _)| written)
    }

    /// Takes in the runs of an enrolment or of a medium, checked as a link would check them.
    ///
    /// # Errors
    /// [`Failure::Internal`] for the first run that does not hold; those before it are kept, each stands for itself.
    pub async fn adopt(&self, runs: Vec<Run>) -> Result<(), Failure> {
        let write =
            self.0.committer.write(move |core, now| core.adopt(runs, &[], now, &mut random).map_err(Failure::Internal));
        write.await.map(|_| ())
    }

    /// Puts something on record for supervisors. `subject` is never a resident.
    pub fn record(&self, event: &'static str, actor: &str, subject: &str, detail: &str) {
        let record =
            proto::AuditRecord { event: event.to_owned(), subject: subject.to_owned(), detail: detail.to_owned() };
        let (actor, me) = (actor.to_owned(), self.0.reader.me());
        let queued = self.0.committer.write_soon(move |core, now| {
            let kind = proto::Kind::Audit as u32;
            core.write(me, Reach::Private, &actor, kind, record.encode_to_vec(), now).map(|_| ())
        });
        if !queued {
            tracing::warn!(audit.event = event, audit.subject = subject, "an audit record was not kept");
        }
    }

    /// Stores an attachment for a case that is to be submitted or acted on. Durable when it returns; it belongs to a
    /// case once a command has named it.
    ///
    /// # Errors
    /// [`Failure::Refused`] where the file will not do.
    pub async fn put_attachment(
        &self,
        actor: &Actor,
        head: proto::AttachmentHead,
        content: Bytes,
    ) -> Result<AttachmentId, Failure> {
        self.check_attachment_size(content.len() as u64)?;
        let (staff, pending) = (actor.staff.clone(), self.0.pending.clone());
        let now_ms = self.now_ms();
        self.read(move |reader| reader.put_attachment(&pending, &staff, head, &content, now_ms, &mut random)).await
    }

    // ------------------------------------------------------------------------------------------------ reading

    /// Reads an attachment of a case. One that is not here is fetched before all others from now on.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where it is not of this case or not for this person; [`Failure::NotHereYet`].
    pub async fn attachment(
        &self,
        actor: &Actor,
        case_number: &str,
        id: &AttachmentId,
    ) -> Result<AttachmentContent, Failure> {
        let (staff, number, id) = (actor.staff.clone(), case_number.to_owned(), *id);
        let now_ms = self.now_ms();
        let read = self.read(move |reader| {
            let content = reader.attachment(&staff, &number, &id, now_ms)?;
            Ok((content, reader.looks_from_outside(&staff, &number, now_ms)?))
        });
        let (content, on_record) = read.await?;
        if on_record {
            self.record("private.read", actor.staff.id.as_str(), case_number, "an attachment, off the route");
        }
        Ok(content)
    }

    /// One case as the person may see it. Its attachments that are not here are fetched before all others from now on.
    ///
    /// # Errors
    /// [`Failure::NotFound`] also where it is not theirs.
    pub async fn case(&self, actor: &Actor, request: proto::GetRequest) -> Result<proto::CaseView, Failure> {
        let staff = actor.staff.clone();
        let now_ms = self.trusted_now_ms();
        let mut looked = self.read(move |reader| reader.case_view(&staff, &request, now_ms)).await?;
        looked.view.holder_heard_ms = self.heard_ms(looked.view.holder);
        for id in looked.view.materials.iter().flat_map(|material| &material.attachments).filter_map(lacking) {
            self.put_first(looked.case, id);
        }
        if looked.on_record {
            self.record("private.read", actor.staff.id.as_str(), &looked.view.case_number, "unmasked, off the route");
        }
        Ok(looked.view)
    }

    /// A work list.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn list(&self, actor: &Actor, request: proto::ListRequest) -> Result<proto::ListReply, Failure> {
        let staff = actor.staff.clone();
        let now_ms = self.trusted_now_ms();
        self.read(move |reader| reader.list(&staff, &request, now_ms)).await
    }

    /// What the applicant may know, by case number and query code.
    ///
    /// # Errors
    /// [`Failure::TooManyAttempts`]; [`Failure::NotFound`] for a wrong number and a wrong code alike.
    pub async fn query(&self, request: proto::QueryRequest, client: IpAddr) -> Result<proto::QueryReply, Failure> {
        let station = self.clone();
        self.read(move |reader| {
            let heard = |holder| station.0.links.last_heard_ms(reader.me(), holder);
            reader.query(&station.0.wrong_codes, &request, client, &heard, station.now_ms())
        })
        .await
    }

    /// The items of the catalogue whose names or aliases have the words, and whether the person may open a case.
    #[must_use]
    pub fn items(&self, actor: &Actor, words: &str) -> Vec<proto::ItemRow> {
        self.0.reader.items(&actor.staff, words, self.trusted_now_ms())
    }

    /// The same for everybody: nothing is said of who may open a case.
    #[must_use]
    pub fn published_items(&self, words: &str) -> Vec<proto::ItemRow> {
        self.0.reader.published_items(words)
    }

    /// An item: version 0 is the newest.
    #[must_use]
    pub fn item(&self, code: &str, version: u32) -> Option<(u32, Arc<Item>)> {
        let code: ItemCode = code.parse().ok()?;
        let reference = self.reference();
        let catalogue = reference.catalogue();
        match version {
            0 => catalogue.latest(&code).map(|(version, item)| (version, Arc::new(item.clone()))),
            _ => catalogue.get(&code, version).map(|item| (version, Arc::new(item.clone()))),
        }
    }

    /// An item's file as it was published.
    ///
    /// # Errors
    /// [`Failure::NotFound`].
    pub async fn item_view(&self, request: proto::GetItemRequest) -> Result<proto::ItemView, Failure> {
        let (version, item) = self.item(&request.code, request.version).ok_or(Failure::NotFound)?;
        let content = self.read(move |reader| {
            reader.published(&format!("catalogue/items/{}.toml", item.code), version)?.ok_or(Failure::NotFound)
        });
        Ok(proto::ItemView { code: request.code, version, content: content.await? })
    }

    /// The full name of a station, or its code where it is not known.
    #[must_use]
    pub fn station_name(&self, code: StationCode) -> String {
        self.reference().station_name(code)
    }

    /// Reads beside the running tasks.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let reader = self.0.reader.clone();
        tokio::task::spawn_blocking(move || read(&reader)).await.map_err(|_| Error::Stopped)?
    }
}

/// An attachment that is not complete here.
fn lacking(view: &proto::AttachmentView) -> Option<AttachmentId> {
    let is_lacking = view.size == 0 || view.size_here < view.size;
    AttachmentId::try_from(view.id.as_slice()).ok().filter(|_| is_lacking)
}

/// An entry of a station's administration.
#[derive(Debug, Clone, PartialEq)]
pub struct Administrative {
    /// The station that it concerns: this one or one below.
    pub home: StationCode,
    /// Who holds it.
    pub reach: Reach,
    /// What `body` is.
    pub kind: proto::Kind,
    /// The encoded message.
    pub body: Vec<u8>,
}

fn act_reply(written: Written) -> proto::ActReply {
    proto::ActReply { rev: written.rev, log: Some(written.log.into()), seq: written.seq, hash: written.hash.0.to_vec() }
}

/// The system's randomness, through the thread's generator.
pub(crate) fn random(bytes: &mut [u8]) {
    rand::rng().fill_bytes(bytes);
}

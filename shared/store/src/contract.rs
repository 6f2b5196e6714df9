//! What a store is: the trait and the values it speaks.

use bytes::Bytes;
use sanji_log::{
    AttachmentId, AttachmentRef, CaseId, EntryBytes, Hash, Have, LogId, Receipt, Run, StationCode, Stretch,
};

/// Why a store can't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The commit extends a head that is no longer the head: the caller decided on old state.
    #[error("log {log} has moved on: the commit extends seq {expected}, the log ends at {found}")]
    HeadMoved {
        /// The log.
        log: LogId,
        /// Seq that the commit extends; 0 for an empty log.
        expected: u64,
        /// Seq at which the log ends.
        found: u64,
    },
    /// The commit breaks a bound of this contract: a mistake of the caller. Nothing of it is kept; the store goes
    /// on.
    #[error("not a commit that can be kept: {what}")]
    Invalid {
        /// Which bound.
        what: &'static str,
    },
    /// The disk is full. Nothing of the commit is kept; the store takes commits again once there is room.
    #[error("no room left on the disk of the data folder")]
    Full {
        /// The system's error.
        source: std::io::Error,
    },
    /// A write or sync failed. The store takes no more commits until it has recovered or is opened again.
    #[error("can't {operation} {path}")]
    Io {
        /// What was tried, for example "sync".
        operation: &'static str,
        /// The file or folder.
        path: std::path::PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// An earlier failure made the store read-only.
    #[error("the store takes no writes after an earlier failure: {reason}")]
    ReadOnly {
        /// The earlier failure.
        reason: String,
    },
    /// Another process has the data folder open.
    #[error("another process uses the data folder {path}")]
    Locked {
        /// The data folder.
        path: std::path::PathBuf,
    },
    /// A record on disk is not what was written.
    #[error("a record is damaged: {what}")]
    Damaged {
        /// Which record, and how it is known.
        what: String,
    },
    /// The data folder was written by a version that this one can't read.
    #[error("the data folder {path} has format {found}, this program reads {readable}")]
    Format {
        /// The data folder.
        path: std::path::PathBuf,
        /// Format found.
        found: u32,
        /// Newest format that can be read.
        readable: u32,
    },
    /// The index engine failed; it can be rebuilt from the journal.
    #[error("the index failed to {operation}")]
    Index {
        /// What was tried.
        operation: &'static str,
        /// The engine's error.
        source: sled::Error,
    },
    /// The database can't be reached or refuses. The store takes no writes until it has recovered.
    #[error("can't {operation}")]
    Database {
        /// What was tried, for example "commit".
        operation: &'static str,
        /// What the database or the connection to it says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another hub process writes into the database.
    #[error("another hub process works on the database")]
    DatabaseInUse,
    /// Another hub process has written into the database since this one lost it.
    #[error("another hub process has taken over the database: this one must be started anew, and then waits")]
    TakenOver,
    /// What was in the store was moved: whoever went on here would part the district's records.
    #[error("the records of this store were moved to {to}")]
    Moved {
        /// Where they are now.
        to: String,
    },
}

impl Error {
    /// Whether trying again can't help until a person or a restart has acted.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        !matches!(self, Self::HeadMoved { .. } | Self::Full { .. })
    }
}

/// Why a store takes no writes at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// The disk is full. The store goes on by itself once there is room.
    Full,
    /// A write or sync failed; see [`Store::recover`].
    Failed {
        /// What failed, in English.
        reason: String,
    },
}

impl std::fmt::Display for Halt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full => f.write_str("no room left on the disk of the data folder"),
            Self::Failed { reason } => f.write_str(reason),
        }
    }
}

/// Everything that becomes durable together. Stored whole or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// This station's clock when it commits: milliseconds since 1970-01-01 UTC. Kept with the entries as the
    /// time of their arrival.
    pub time_ms: u64,
    /// At most one extension a log.
    pub extensions: Vec<Extension>,
    /// Keys of cases that the commit opens here, already encrypted under the station's master key.
    pub case_keys: Vec<WrappedKey>,
    /// Receipts of other stations. Kept: of each log and station the furthest; one signed with another key than what is
    /// kept takes its place.
    pub receipts: Vec<Receipt>,
}

/// A run and the head that it extends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Position and hash of the head before; none for an empty log.
    pub extends: Option<(u64, Hash)>,
    /// The run, already verified by the caller.
    pub run: Run,
}

/// The key of a case, encrypted under the station's master key; opaque here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// The case.
    pub case: CaseId,
    /// At most [`bounds::WRAPPED_KEY_MAX_BYTES`](crate::bounds::WRAPPED_KEY_MAX_BYTES).
    pub bytes: Vec<u8>,
}

/// What is held of the key of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldKey {
    /// Nothing: none ever came.
    Never,
    /// Nothing any more, and nobody is to bring it back.
    Destroyed,
    /// The key.
    Here(WrappedKey),
}

impl HeldKey {
    /// The key, if it is here.
    #[must_use]
    pub fn here(self) -> Option<WrappedKey> {
        match self {
            Self::Here(key) => Some(key),
            Self::Never | Self::Destroyed => None,
        }
    }
}

/// Changes of the index, derived from entries. See [`Store::project`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection {
    /// Snapshots that replace earlier ones, or are added to them; at most one a case.
    pub cases: Vec<CaseSnapshot>,
    /// Rows set or removed, in order.
    pub rows: Vec<Row>,
}

/// A case as the station folded it from its entries, or what is new of it; opaque here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseSnapshot {
    /// The case.
    pub case: CaseId,
    /// The station's encoding. An addition has at most
    /// [`bounds::ADDITION_MAX_BYTES`](crate::bounds::ADDITION_MAX_BYTES).
    pub bytes: Vec<u8>,
    /// Whether it goes behind what is held of the case, and not in its place. Something must be held then.
    pub is_addition: bool,
}

/// What is held of a case: a snapshot and what was added to it since, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldSnapshot {
    /// The snapshot.
    pub whole: Bytes,
    /// The additions, oldest first.
    pub additions: Vec<Bytes>,
}

/// One row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Name of the list, without the byte 0; at most 64 bytes.
    pub list: Vec<u8>,
    /// Rows of a list are ordered by this; at most 512 bytes.
    pub key: Vec<u8>,
    /// None removes the row. At most 4096 bytes.
    pub value: Option<Vec<u8>>,
}

/// An entry of a case with the time of its arrival here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseEntry {
    /// The entry.
    pub entry: EntryBytes,
    /// When this station made it durable: milliseconds since 1970-01-01 UTC.
    pub arrived_ms: u64,
}

/// What a check of the whole store counted and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Frames of the journal read.
    pub frames: u64,
    /// Logs seen.
    pub logs: u64,
    /// Entries whose hash and chain were checked.
    pub entries: u64,
    /// Seals whose signature was checked.
    pub seals: u64,
    /// Complete attachments whose content was checked.
    pub attachments: u64,
    /// What is wrong, one line each, in English. Empty: nothing.
    pub faults: Vec<String>,
}

/// Takes a run, with the time of its arrival (milliseconds since 1970-01-01 UTC).
pub type Visit<'a> = dyn FnMut(Run, u64) -> Result<(), Error> + 'a;

/// Puts a projection in the index; whoever reads sees it when this returns.
pub type Show<'a> = dyn FnMut(&Projection) -> Result<(), Error> + 'a;

/// Computes again what follows from runs of which the index does not know. See [`Store::unprojected`].
///
/// A function that gives the projection of a run is one: it shows each before the next run comes.
pub trait Replay {
    /// Takes a run in, with the time of its arrival (milliseconds since 1970-01-01 UTC). Returns whether all that follows
    /// from it and those before is shown; what is not is asked for again after a crash.
    ///
    /// # Errors
    /// Those of `show`, and its own.
    fn run(&mut self, run: Run, arrived_ms: u64, show: &mut Show<'_>) -> Result<bool, Error>;

    /// Shows the rest: no more runs come.
    ///
    /// # Errors
    /// Those of `show`, and its own.
    fn end(&mut self, show: &mut Show<'_>) -> Result<(), Error>;
}

impl<F: FnMut(Run, u64) -> Result<Projection, Error>> Replay for F {
    fn run(&mut self, run: Run, arrived_ms: u64, show: &mut Show<'_>) -> Result<bool, Error> {
        show(&self(run, arrived_ms)?).map(|()| true)
    }

    fn end(&mut self, _: &mut Show<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// A station's store. All calls block; one thread commits, any may read. Reads see every commit and every
/// projection that has returned.
pub trait Store: Send + Sync {
    /// Makes a commit durable. When it returns `Ok`, a power cut loses nothing of it.
    ///
    /// # Errors
    /// [`Error::HeadMoved`], [`Error::Invalid`] and [`Error::Full`]: nothing was kept, the store goes on. Any
    /// other: the store is read-only until it has recovered.
    fn commit(&self, commit: &Commit) -> Result<(), Error>;

    /// Shows in the index what follows from all that was committed so far. May come long after the commits, and once
    /// for many of them: what is not projected when the process ends is asked for on opening, see
    /// [`Store::unprojected`]. Rows that follow from no entry may be lost in a crash.
    ///
    /// # Errors
    /// [`Error::Invalid`]: nothing was kept. [`Error::Index`]: the store is read-only until it has recovered.
    fn project(&self, projection: &Projection) -> Result<(), Error>;

    /// Shows a part of it: what was committed is asked for all the same until [`Store::project`] has shown the rest.
    ///
    /// # Errors
    /// As for [`Store::project`].
    fn project_part(&self, part: &Projection) -> Result<(), Error>;

    /// The heads of all logs.
    fn have(&self) -> Have;

    /// The heads of the logs that a station may hold: at the hub a fraction of all.
    fn have_for(&self, station: StationCode) -> Have;

    /// Position and hash of a log's head; none where nothing is held.
    fn head(&self, log: &LogId) -> Option<(u64, Hash)>;

    /// The entries of a log from `from` on, through a sealed end: as many whole runs as fit into `max_bytes`,
    /// at least one, under one seal. None where the log ends before `from`.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    fn read(&self, log: &LogId, from: u64, max_bytes: usize) -> Result<Option<Run>, Error>;

    /// One entry.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    fn entry(&self, log: &LogId, seq: u64) -> Result<Option<EntryBytes>, Error>;

    /// All entries of a case in the order of their arrival.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`], [`Error::Index`].
    fn case_entries(&self, case: &CaseId) -> Result<Vec<CaseEntry>, Error>;

    /// What is held of the key of a case.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`], [`Error::Index`].
    fn case_key(&self, case: &CaseId) -> Result<HeldKey, Error>;

    /// Overwrites the wrapped key of a case, durably. The entries stay.
    ///
    /// # Errors
    /// As for [`Store::commit`].
    fn destroy_case_key(&self, case: &CaseId) -> Result<(), Error>;

    /// The receipt that is kept of each other station for a log.
    fn receipts(&self, log: &LogId) -> Vec<Receipt>;

    /// The snapshot of a case and its additions.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn snapshot(&self, case: &CaseId) -> Result<Option<HeldSnapshot>, Error>;

    /// Cases that have a snapshot and whose id begins with a prefix, in order, at most `limit`.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn cases_with_prefix(&self, prefix: &[u8], limit: usize) -> Result<Vec<CaseId>, Error>;

    /// Rows of a list: key and value. Rising keys after `after`, or falling keys before it where `newest_first`;
    /// at most `limit`.
    ///
    /// # Errors
    /// [`Error::Index`].
    #[allow(clippy::type_complexity)]
    fn rows(
        &self,
        list: &[u8],
        after: Option<&[u8]>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error>;

    /// One row.
    ///
    /// # Errors
    /// [`Error::Index`].
    fn row(&self, list: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// Replays every run that was never projected, or whose projection the index has lost (after a crash or a rebuild),
    /// in commit order. Returns how many there were; then the index is whole. To be called after opening and before the
    /// first commit.
    ///
    /// # Errors
    /// Those of `replay` and of reading. What was shown is not asked for again.
    fn unprojected(&self, replay: &mut dyn Replay) -> Result<u64, Error>;

    /// Gives every run to `visit`, in commit order. Returns what can't be read, one line each.
    ///
    /// # Errors
    /// Those of `visit`, and [`Error::Io`].
    fn for_each_run(&self, visit: &mut Visit<'_>) -> Result<Vec<String>, Error>;

    /// Checks frames, chains, seals and attachments. `progress` hears bytes checked and bytes in all.
    ///
    /// # Errors
    /// [`Error::Io`] where the data can't be read at all.
    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Faults, Error>;

    /// The files that hold what is durable now, and how far, for a copy that is made while commits go on. A copy of
    /// so many bytes of each, filled up to its size with zeros, opens as the store stood at this moment. None where
    /// the store has no files.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn durable_files(&self) -> Result<Vec<DurableFile>, Error> {
        Ok(Vec::new())
    }

    /// The room on the disk with the store's files. None where the store has no files, or the system doesn't say.
    fn room(&self) -> Option<DiskRoom> {
        None
    }

    /// Why the store takes no writes; none while it does.
    fn read_only(&self) -> Option<Halt>;

    /// Tries to take writes again: where the disk was full, whether there is room; after a failed write or sync, what
    /// failed is opened again and checked. The index may be begun anew by that: the caller brings it up to date by
    /// [`Store::unprojected`], before the next commit. Nothing happens while the store takes writes and its index can be
    /// read.
    ///
    /// # Errors
    /// Why it takes none still.
    fn recover(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Notes that the records are elsewhere now: the store is not opened any more ([`Error::Moved`]).
    ///
    /// # Errors
    /// As for [`Store::commit`].
    fn mark_moved(&self, to: &str) -> Result<(), Error>;

    /// Entries that were found damaged and have not been healed, in order.
    fn missing(&self) -> Vec<Stretch> {
        Vec::new()
    }

    /// Whether records were lost of which it is not known what they were, so that logs may end before they did. As
    /// found when the store was opened.
    fn may_lack(&self) -> bool {
        false
    }

    /// Keeps a run, durably, in place of entries that are missing: it begins with the first of a stretch. The caller
    /// has checked that it is what was there. False: it must reach further to take the place of a record as a whole,
    /// nothing was kept. `time_ms` stands for the time of arrival where that is lost too.
    ///
    /// # Errors
    /// As for [`Store::commit`]; [`Error::Invalid`] where nothing is missing there.
    fn heal(&self, _run: &Run, _time_ms: u64) -> Result<bool, Error> {
        Err(Error::Invalid { what: "nothing is missing here" })
    }

    /// Starts an attachment or goes on with it: how many chunks are here from the first on, and the manifest if
    /// it is known.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn attachment(&self, id: &AttachmentId) -> Result<AttachmentState, Error>;

    /// Keeps the hashes of an attachment's chunks, 32 bytes each, and its size.
    ///
    /// # Errors
    /// As for [`Store::commit`]; [`Error::Damaged`] where they are not those of the id.
    fn put_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), Error>;

    /// Appends the next chunk; one that is here already is passed over, since an attachment may come over two paths
    /// at a time. Whether the attachment is complete; then it is durable.
    ///
    /// # Errors
    /// As for [`Store::commit`]; [`Error::Damaged`] where chunks before it are missing, it is not what the
    /// manifest says, or comes before the manifest.
    fn put_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<bool, Error>;

    /// Reads a chunk and checks it. None where it is not here.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    fn chunk(&self, id: &AttachmentId, chunk: u32) -> Result<Option<Bytes>, Error>;

    /// Keeps a whole content that comes in parts and whose id is not known before; durable when it returns. It is
    /// an upload with a note (at most 64 bytes) until [`Store::upload_named`]; one that is complete here already
    /// stays what it is.
    ///
    /// # Errors
    /// As for [`Store::commit`]; [`Error::Invalid`] for no bytes, more than an attachment may have, or a long note.
    fn put_upload(&self, parts: &mut dyn Iterator<Item = Vec<u8>>, note: &[u8]) -> Result<AttachmentRef, Error>;

    /// Attachments that were found damaged and have not become whole again, in order.
    fn damaged_attachments(&self) -> Vec<AttachmentId> {
        Vec::new()
    }

    /// Uploads that were neither named nor dropped.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn uploads(&self) -> Result<Vec<Upload>, Error>;

    /// An upload is an attachment like any other from now on. Nothing happens where there is none.
    ///
    /// # Errors
    /// [`Error::Io`]; it then stays an upload.
    fn upload_named(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error>;

    /// Removes an upload and its content. Never to be called for one that an entry names.
    ///
    /// # Errors
    /// [`Error::Io`].
    fn drop_upload(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error>;
}

/// A content that was handed in and that no entry names yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Root hash.
    pub id: AttachmentId,
    /// What it was handed in for; opaque here.
    pub note: Vec<u8>,
    /// Since when it has waited: milliseconds since 1970-01-01 UTC.
    pub since_ms: u64,
}

/// Room on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskRoom {
    /// Bytes that may still be written to the file system.
    pub free_bytes: u64,
    /// Bytes of it in all.
    pub total_bytes: u64,
}

/// A file of a store, as far as it is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DurableFile {
    /// Relative to the data folder.
    pub path: std::path::PathBuf,
    /// Bytes from the beginning that are durable.
    pub bytes: u64,
    /// Length of the file; what follows is blank.
    pub size: u64,
}

/// How much of an attachment is here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttachmentState {
    /// Chunks here, from the first on.
    pub chunks: u32,
    /// Size in bytes; 0 where the manifest is not known.
    pub size: u64,
    /// Hashes of the chunks, 32 bytes each; empty where not known.
    pub manifest: Bytes,
    /// Whether all is here and durable.
    pub complete: bool,
}

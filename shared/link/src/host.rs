//! What a link asks of the running station.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use sanji_log::{AttachmentId, CaseId, Have, Head, LogId, PublicKey, Receipt, Run, StationCode, Stretch};
use sanji_proto::v1::{BareEntries, Entries};
use sanji_replication::attachment::ChunkRequest;
use sanji_replication::bundle::FreightItem;
use sanji_replication::{CaseKeyMessage, Directory, RefusalReason, Refused, StationCondition, VerifiedRun};
use tokio::sync::{broadcast, watch};

use crate::error::Distrust;

/// A future that can be sent between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A fault of the station, for example of its disk. The link that met it is closed and tried again later.
pub type HostError = Box<dyn std::error::Error + Send + Sync>;

/// The running station. Calls may block unless it is said that they must not; calls that concern one peer come
/// one after the other, calls of several links at the same time.
pub trait Host: Send + Sync + 'static {
    /// This station. Must not block.
    fn me(&self) -> StationCode;

    /// Version of the station's software, for people. Must not block.
    fn software(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    /// Drawn anew at each start of the process; none: not told. Must not block.
    fn instance(&self) -> Option<[u8; 16]> {
        None
    }

    /// Equal at two stations where one can [restore](Self::restore) what the other has [laid bare](Self::lay_bare).
    /// None: it can't be done here, or not with this peer. Must not block.
    fn compression(&self, _peer: StationCode) -> Option<u64> {
        None
    }

    /// Puts private parts into a form in which they shrink together, for a peer that has the same
    /// [`Self::compression`]. Must not block.
    ///
    /// # Errors
    /// The entries as they are, where there is nothing to lay bare.
    fn lay_bare(&self, entries: Entries) -> Result<BareEntries, Entries> {
        Err(entries)
    }

    /// Undoes a peer's [`Self::lay_bare`]. Must not block.
    ///
    /// # Errors
    /// Where that does not give what the peer had. The link is closed, and the next one is asked without.
    fn restore(&self, _peer: StationCode, _bare: BareEntries) -> Result<Entries, HostError> {
        Err("private parts can't be sealed again here".into())
    }

    /// A peer has introduced itself. An instance that was replaced by another and comes back shows that two machines
    /// use one key. Must not block.
    fn greeted(&self, _peer: StationCode, _key: PublicKey, _instance: [u8; 16]) {}

    /// From where on a peer's version of a forked log is wanted as evidence. None: it is not.
    fn branch_wanted(&self, _log: &LogId, _seq: u64) -> Option<u64> {
        None
    }

    /// Keeps a piece of a peer's version of a forked log as evidence, after its own checks. Returns from where on more
    /// is wanted, before or after it.
    fn keep_branch(
        &self,
        _peer: StationCode,
        _run: Run,
        _case_keys: Vec<CaseKeyMessage>,
    ) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async { None })
    }

    /// Entries that were held here, are damaged, and may be asked of a peer; in the order of logs and positions.
    fn damaged(&self, _peer: StationCode) -> Vec<Stretch> {
        Vec::new()
    }

    /// Keeps entries in place of those that are damaged here, after its own checks. Returns from where on more of the
    /// log is wanted.
    fn keep_again(&self, _peer: StationCode, _run: Run, _case_keys: Vec<CaseKeyMessage>) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async { None })
    }

    /// Keeps entries of a revoked key aside, whose chain and seal were checked; durable when it completes.
    ///
    /// # Errors
    /// Where nothing was kept because of a fault of this station.
    fn keep_aside(
        &self,
        _peer: StationCode,
        _runs: Vec<Run>,
        _case_keys: Vec<CaseKeyMessage>,
    ) -> BoxFuture<'_, Result<(), HostError>> {
        Box::pin(async { Ok(()) })
    }

    /// Whether this station's life has ended: nobody above takes anything of it any more, so stations below are not served
    /// and link to the station above it.
    fn has_ended(&self) -> bool {
        false
    }

    /// The heads of the logs held durably that a peer may hold too.
    fn have(&self, peer: StationCode) -> Have;

    /// Which key belongs to which station. Must not block: it is asked for with every message.
    fn directory(&self) -> Arc<Directory>;

    /// Reads a log from a position on, at most `max_bytes` of entries (a first run that is larger comes whole),
    /// with the keys of the cases that the entries open. None: nothing there.
    ///
    /// # Errors
    /// Where the log can't be read; it is then skipped on this link.
    fn load(&self, log: &LogId, from: u64, max_bytes: usize) -> Result<Option<(Run, Vec<CaseKeyMessage>)>, HostError>;

    /// The same for what became durable just now and is at hand. None: it must be [loaded](Self::load). Must not block.
    fn load_recent(&self, _log: &LogId, _from: u64, _max_bytes: usize) -> Option<(Run, Vec<CaseKeyMessage>)> {
        None
    }

    /// Commits what a peer sent; durable when it completes. Signs receipts for what it took.
    ///
    /// # Errors
    /// Where nothing was kept because of a fault of this station; the link is closed and the peer sends again.
    fn store(
        &self,
        peer: StationCode,
        runs: Vec<VerifiedRun>,
        case_keys: Vec<CaseKeyMessage>,
    ) -> BoxFuture<'_, Result<StoreOutcome, HostError>>;

    /// Takes in the beginning of a public log whose writer is not known, if it brings a certificate by the district's
    /// authority for its own key; else nothing happens.
    fn introduce(&self, peer: StationCode, run: Run) -> BoxFuture<'_, ()>;

    /// Keeps receipts, whose signatures were checked, for showing and for passing on.
    fn keep_receipts(&self, peer: StationCode, receipts: Vec<Receipt>);

    /// Tells supervision of something that a peer sent.
    fn alert(&self, peer: StationCode, log: LogId, seq: u64, reason: RefusalReason, detail: String);

    /// Receipts to hand to a peer when the link comes up.
    fn receipts_for(&self, peer: StationCode) -> Vec<Receipt>;

    /// Receipts of a peer for logs that it shares with this station: what it is known to hold need not go into a
    /// bundle for it.
    fn receipts_of(&self, peer: StationCode) -> Vec<Receipt>;

    /// Everything that changes from now on. Must not block. Lagging behind costs a fresh look at
    /// [`Host::have`], nothing else.
    fn subscribe(&self) -> broadcast::Receiver<Change>;

    /// How this station is now, and those below it as it last heard them: for the station above.
    fn conditions(&self) -> Vec<StationCondition> {
        Vec::new()
    }

    /// A peer below has said how stations are: itself, and those below it. Must not block.
    fn keep_conditions(&self, _peer: StationCode, _conditions: Vec<StationCondition>) {}

    /// A link's state has changed, for status and metrics. Must not block.
    fn link_changed(&self, peer: StationCode, state: LinkState);

    /// Attachments that this station lacks and the peer may hold, the most urgent first.
    fn wanted_attachments(&self, peer: StationCode, limit: usize) -> Vec<WantedAttachment>;

    /// Chunks for a peer: only of an attachment that the case refers to, and only of a case that the peer may hold.
    ///
    /// # Errors
    /// Where a chunk can't be read.
    fn attachment_chunks(&self, peer: StationCode, request: ChunkRequest) -> Result<ChunkAnswer, HostError>;

    /// How much of an attachment is here.
    ///
    /// # Errors
    /// Where it can't be read.
    fn attachment_state(&self, id: &AttachmentId) -> Result<AttachmentState, HostError>;

    /// Keeps size and manifest, which were checked against the id.
    ///
    /// # Errors
    /// Where it can't be written.
    fn put_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), HostError>;

    /// Keeps the next chunk, which was checked against the manifest. Whether the attachment is complete with it; then
    /// it is durable.
    ///
    /// # Errors
    /// Where it can't be written.
    fn put_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<bool, HostError>;

    /// Changes whenever chunks have come. Must not block.
    fn chunks_came(&self) -> watch::Receiver<u64>;

    /// A peer lacks an attachment that somebody waits for there, and it is not here either.
    fn want_first(&self, case: CaseId, id: AttachmentId);

    /// Which stations are known to hold an attachment, as far as the peer may know. Empty: not for the peer.
    ///
    /// # Errors
    /// Where it can't be read.
    fn attachment_holders(&self, peer: StationCode, case: CaseId, id: &AttachmentId) -> Result<Holders, HostError>;

    /// Attachments of which the peer can be asked who holds them: stations on its side are not known to.
    fn unconfirmed_attachments(&self, peer: StationCode, limit: usize) -> Vec<(CaseId, AttachmentId)>;

    /// Attachments that a station shall hold and is not known to, each from the chunk on that it may lack: with what
    /// is here of them they go into a bundle.
    fn attachments_lacking_at(&self, station: StationCode, limit: usize) -> Vec<FreightItem>;

    /// Keeps which stations hold an attachment.
    fn keep_holders(&self, case: CaseId, id: AttachmentId, held_by: Vec<StationCode>);
}

/// What became of the runs of one [`Host::store`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreOutcome {
    /// One for each log that has moved.
    pub receipts: Vec<Receipt>,
    /// Logs of which something was not taken.
    pub refused: Vec<Refused>,
}

/// What links push to their peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Logs have moved durably.
    Heads(Vec<Head>),
    /// Receipts were learned.
    Receipts(Vec<Receipt>),
    /// The directory knows more keys, or a key was revoked.
    Directory,
    /// Attachments are wanted that were not before, or have become complete.
    Attachments,
    /// Entries were found damaged.
    Damaged,
    /// A person asks to try a refused log again.
    AskAgain(LogId),
}

/// How a link is. Times are this station's clock: milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkState {
    /// Whether the stream is open.
    pub connected: bool,
    /// Whether nothing is known to be missing on either side.
    pub in_sync: bool,
    /// Since when it has been connected or not connected.
    pub since_ms: u64,
    /// When the peer was last heard; 0: never on this link.
    pub last_heard_ms: u64,
    /// The peer's clock minus this station's, in milliseconds; none while not known.
    pub clock_offset_ms: Option<i64>,
    /// Why it is not connected, for people, in English.
    pub last_error: Option<String>,
    /// Why it can't be connected before the district has done something about this station's certificate.
    pub distrust: Option<Distrust>,
    /// Whether the peer has said on this link that it knows nothing against this station's key: what it said earlier is no
    /// longer so.
    pub believed: bool,
}

/// An attachment that this station lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedAttachment {
    /// The case that refers to it.
    pub case: CaseId,
    /// Root hash.
    pub id: AttachmentId,
    /// Size as the case's entry gives it, in bytes.
    pub size: u64,
    /// Whether somebody waits for it.
    pub urgent: bool,
}

/// Chunks, and what was asked for beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChunkAnswer {
    /// Hashes of all chunks; empty where not asked for.
    pub manifest: Bytes,
    /// Size of the whole content in bytes.
    pub size: u64,
    /// The chunks from the first one asked for on, as far as they are here.
    pub chunks: Vec<Bytes>,
}

/// Which stations hold an attachment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders {
    /// Those that are known to.
    pub held_by: Vec<StationCode>,
    /// Whether these are all that shall.
    pub all: bool,
}

/// How much of an attachment is here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttachmentState {
    /// Chunks here, from the first on.
    pub chunks: u32,
    /// Size in bytes; 0 where the manifest is not known.
    pub size: u64,
    /// Hashes of the chunks; empty where not known.
    pub manifest: Bytes,
    /// Whether all is here and durable.
    pub complete: bool,
}

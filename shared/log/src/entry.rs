//! Entries and how they chain.

use bytes::Bytes;
use prost::Message;
use sanji_proto::v1 as proto;

use crate::{AttachmentId, CaseId, Error, Hash, HybridTime, LogId, PublicKey, Reach, StationCode, field};

/// Positions stay below this, so that adding to one can't overflow and a database's 64 bits hold it.
pub const SEQ_MAX: u64 = i64::MAX as u64;
/// Largest body, in bytes.
pub const BODY_MAX_BYTES: usize = 262_144;
/// Largest encoded entry, in bytes: a body and the fields around it.
pub const ENTRY_MAX_BYTES: usize = BODY_MAX_BYTES + 8192;
/// Most attachments of one entry.
pub const ATTACHMENTS_MAX: usize = 64;
/// Largest encrypted attachment, in bytes: 50 MiB and the cipher's frame.
pub const ATTACHMENT_MAX_BYTES: u64 = 52_429_824;
/// Longest id of an actor, in bytes.
pub const ACTOR_MAX_BYTES: usize = 64;

const HASH_CONTEXT: &str = "sanji 2026 entry v1";

/// An attachment as an entry names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachmentRef {
    /// Root hash of the encrypted content.
    pub id: AttachmentId,
    /// Size of the encrypted content, in bytes.
    pub size: u64,
}

/// What a writer gives; [`EntryDraft::chain`] adds the position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryDraft {
    /// The case, where there is one.
    pub case: Option<CaseId>,
    /// Staff id of the person who acted; empty for the station itself.
    pub actor: String,
    /// Which message the body is; see body.proto.
    pub kind: u32,
    /// The encoded message.
    pub body: Bytes,
    /// Attachments that the entry refers to.
    pub attachments: Vec<AttachmentRef>,
    /// Whether the entry opens its case.
    pub opens_case: bool,
}

impl EntryDraft {
    /// Encodes the entry at its place in the log: after `prev`, the position and hash of the log's head.
    #[must_use]
    pub fn chain(&self, log: LogId, prev: Option<(u64, Hash)>, time: HybridTime) -> EntryBytes {
        let message = proto::Entry {
            home: log.home.number(),
            reach: i32::from(log.reach.number()),
            key: Bytes::copy_from_slice(&log.key.0),
            seq: prev.map_or(1, |(seq, _)| seq + 1),
            prev: prev.map_or_else(Bytes::new, |(_, hash)| Bytes::copy_from_slice(&hash.0)),
            time: time.number(),
            case_id: self.case.map_or_else(Bytes::new, |case| Bytes::copy_from_slice(&case.0)),
            actor: self.actor.clone(),
            kind: self.kind,
            body: self.body.clone(),
            attachments: self
                .attachments
                .iter()
                .map(|attachment| proto::AttachmentRef { id: attachment.id.0.to_vec(), size: attachment.size })
                .collect(),
            opens_case: self.opens_case,
        };
        EntryBytes(message.encode_to_vec().into())
    }
}

/// The bytes of an entry exactly as its writer encoded them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryBytes(pub Bytes);

impl EntryBytes {
    /// BLAKE3 over the bytes.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash(blake3::derive_key(HASH_CONTEXT, &self.0))
    }

    /// Decodes and checks every field; nothing is changed or dropped in the bytes themselves.
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Field`] or [`Error::StationCode`].
    pub fn decode(&self) -> Result<Entry, Error> {
        if self.0.len() > ENTRY_MAX_BYTES {
            return Err(field("Entry", "bytes", "are too many"));
        }
        let message =
            proto::Entry::decode(self.0.clone()).map_err(|source| Error::Decode { message: "Entry", source })?;
        Entry::try_from_message(message, self.hash())
    }

    /// Only what its place in an index and on a link needs: much cheaper than all of it. For bytes that were
    /// [decoded](Self::decode) before; of others nothing is known.
    #[must_use]
    pub fn case(&self) -> EntryCase {
        let fields = CaseFields::decode(self.0.clone()).unwrap_or_default();
        let case = CaseId::from_bytes(&fields.case_id).ok();
        EntryCase { case, opened: case.filter(|_| fields.opens_case) }
    }
}

/// The fields of log.proto's Entry that say which case it belongs to.
#[derive(Message)]
struct CaseFields {
    #[prost(bytes = "bytes", tag = "7")]
    case_id: Bytes,
    #[prost(bool, tag = "12")]
    opens_case: bool,
}

/// Which case an entry belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryCase {
    /// The case.
    pub case: Option<CaseId>,
    /// The same, where the entry opens it.
    pub opened: Option<CaseId>,
}

/// A decoded and checked entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The log it stands in.
    pub log: LogId,
    /// Its position, from 1.
    pub seq: u64,
    /// Hash of the entry before it; none for seq 1.
    pub prev: Option<Hash>,
    /// Hash of its own bytes.
    pub hash: Hash,
    /// When, by its writer's clock.
    pub time: HybridTime,
    /// The case it belongs to.
    pub case: Option<CaseId>,
    /// Staff id; empty for the station itself.
    pub actor: String,
    /// Which message the body is.
    pub kind: u32,
    /// The encoded message.
    pub body: Bytes,
    /// Attachments that it refers to.
    pub attachments: Vec<AttachmentRef>,
    /// Whether it opens its case.
    pub opens_case: bool,
}

impl Entry {
    fn try_from_message(message: proto::Entry, hash: Hash) -> Result<Self, Error> {
        let log = LogId {
            home: StationCode::from_number(message.home)?,
            reach: Reach::from_number(message.reach)?,
            key: PublicKey::try_from(&*message.key)?,
        };
        let prev = match (message.seq, message.prev.is_empty()) {
            (0, _) => return Err(field("Entry", "seq", "is 0")),
            (SEQ_MAX.., _) => return Err(field("Entry", "seq", "is too large")),
            (1, true) => None,
            (1, false) => return Err(field("Entry", "prev", "is given for the first entry")),
            (_, true) => return Err(field("Entry", "prev", "is missing")),
            (_, false) => Some(Hash::try_from(&*message.prev)?),
        };
        let case = if message.case_id.is_empty() { None } else { Some(CaseId::from_bytes(&message.case_id)?) };
        if case.is_some_and(|case| case.home() != Some(log.home)) {
            return Err(field("Entry", "case_id", "is of another home than its log"));
        }
        if message.opens_case && case.is_none() {
            return Err(field("Entry", "opens_case", "is set without a case"));
        }
        if message.kind == 0 {
            return Err(field("Entry", "kind", "is missing"));
        }
        if message.body.len() > BODY_MAX_BYTES {
            return Err(field("Entry", "body", "is too long"));
        }
        if message.actor.len() > ACTOR_MAX_BYTES {
            return Err(field("Entry", "actor", "is too long"));
        }
        if message.attachments.len() > ATTACHMENTS_MAX {
            return Err(field("Entry", "attachments", "are too many"));
        }
        let attachments = message
            .attachments
            .into_iter()
            .map(|attachment| {
                if !(1..=ATTACHMENT_MAX_BYTES).contains(&attachment.size) {
                    return Err(field("AttachmentRef", "size", "is out of range"));
                }
                Ok(AttachmentRef { id: AttachmentId::try_from(attachment.id.as_slice())?, size: attachment.size })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            log,
            seq: message.seq,
            prev,
            hash,
            time: HybridTime::from_number(message.time),
            case,
            actor: message.actor,
            kind: message.kind,
            body: message.body,
            attachments,
            opens_case: message.opens_case,
        })
    }
}

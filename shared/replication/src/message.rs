//! Messages of the link in their checked form. Nothing past this border handles an unchecked field.

use std::collections::BTreeSet;
use std::fmt;

use sanji_log::{CaseId, Head, LogId, Receipt, Run, StationCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::link_message::Message as Wire;

use crate::limits::{
    BATCH_MAX_BYTES, BATCH_MAX_CASE_KEYS, BATCH_MAX_RUNS, COME_BACK_MAX_MS, CONDITIONS_MAX, HAVE_MAX_HEADS,
    RECEIPTS_MAX, SOFTWARE_MAX_BYTES, TEXT_MAX_BYTES, cut,
};
use crate::{Error, StationCondition, field};

/// A message of the link; see `LinkMessage` in link.proto.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// First message of each side.
    Hello(Hello),
    /// What the sender holds of the logs that concern both.
    Have(Vec<Head>),
    /// Entries that the receiver lacks.
    Entries(Entries),
    /// What the sender has made durable.
    Ack(Ack),
    /// Receipts of other stations.
    Receipts(Vec<Receipt>),
    /// The sender takes no more of a log.
    LogRefused(Refused),
    /// Sign of life.
    Ping {
        /// The sender's clock: milliseconds since 1970-01-01 UTC.
        clock_ms: u64,
    },
    /// Last message.
    Goodbye(Goodbye),
    /// Asks for the receiver's version of a log that has forked.
    BranchWanted {
        /// The log.
        log: LogId,
        /// First position wanted.
        from: u64,
    },
    /// A piece of the sender's version, with the keys of the cases that it opens.
    Branch {
        /// The piece.
        run: Run,
        /// The keys.
        case_keys: Vec<CaseKeyMessage>,
    },
    /// Asks for entries that the sender once held and can't read any more.
    EntriesWanted {
        /// The log.
        log: LogId,
        /// First position wanted.
        from: u64,
        /// Last position wanted, in a bundle. None: as far as one answer goes.
        until: Option<u64>,
    },
    /// A piece of these, with the keys of the cases that it opens.
    EntriesAgain {
        /// The piece.
        run: Run,
        /// The keys.
        case_keys: Vec<CaseKeyMessage>,
    },
    /// How the sender is, and how those below it are as it last heard them.
    Conditions(Vec<StationCondition>),
}

/// Who the sender is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Oldest protocol version that it speaks.
    pub protocol_min: u32,
    /// Newest protocol version that it speaks.
    pub protocol_max: u32,
    /// Its division code.
    pub station: StationCode,
    /// Its software's version, for people.
    pub software: String,
    /// Its clock: milliseconds since 1970-01-01 UTC.
    pub clock_ms: u64,
    /// Drawn anew at each start of its process; none where it does not tell.
    pub instance: Option<[u8; 16]>,
    /// A fingerprint of how it compresses private parts; none where it takes none laid bare.
    pub compression: Option<u64>,
    /// The receiver's key is revoked: it is let in only to hand over what it wrote.
    pub revoked: bool,
}

/// A batch of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries {
    /// Number of the batch on this stream, from 1.
    pub batch: u64,
    /// At least one, and one a log.
    pub runs: Vec<Run>,
    /// Keys of the cases that the entries open.
    pub case_keys: Vec<CaseKeyMessage>,
}

/// The key of a case on its way to a station that holds the case.
#[derive(Clone, PartialEq, Eq)]
pub struct CaseKeyMessage {
    /// The case.
    pub case: CaseId,
    /// None: destroyed, and to be destroyed by the receiver too.
    pub key: Option<[u8; 32]>,
}

impl fmt::Debug for CaseKeyMessage {
    /// Never shows the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaseKeyMessage").field("case", &self.case).field("destroyed", &self.key.is_none()).finish()
    }
}

/// What became durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// All batches up to this one are durable or refused.
    pub batch: u64,
    /// One for each log that has moved.
    pub receipts: Vec<Receipt>,
}

/// A log of which no more is taken, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The log.
    pub log: LogId,
    /// First position refused.
    pub seq: u64,
    /// Why.
    pub reason: RefusalReason,
    /// For people, in English.
    pub detail: String,
}

/// Why a log is refused; see link.proto.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalReason {
    /// Home or reach are not for the receiver, or the writer may not write there.
    NotYours,
    /// The directory does not know the writer's key yet.
    UnknownKey,
    /// The writer's key was revoked before the entries came.
    Revoked,
    /// Seal or chain do not hold.
    BadSeal,
    /// Same log and seq, other hash.
    Fork,
    /// The run does not begin where the receiver's log ends.
    Gap,
    /// Not an entry.
    Malformed,
}

impl RefusalReason {
    /// Whether the refusal passes by itself: the receiver asks again with a further `Have`.
    #[must_use]
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::UnknownKey | Self::Gap)
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotYours => "not yours",
            Self::UnknownKey => "unknown key",
            Self::Revoked => "revoked key",
            Self::BadSeal => "bad seal",
            Self::Fork => "fork",
            Self::Gap => "gap",
            Self::Malformed => "malformed",
        })
    }
}

/// Why the sender closes the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goodbye {
    /// For people, in English.
    pub reason: String,
    /// Do not dial again for this long, in milliseconds; 0: as usual.
    pub come_back_after_ms: u64,
    /// The receiver's key is revoked.
    pub revoked: bool,
}

impl From<Message> for proto::LinkMessage {
    fn from(message: Message) -> Self {
        let wire = match message {
            Message::Hello(hello) => Wire::Hello(hello.into()),
            Message::Have(heads) => Wire::Have(proto::Have { heads: all_into(heads) }),
            Message::Entries(entries) => Wire::Entries(entries.into()),
            Message::Ack(ack) => Wire::Ack(proto::Ack { batch: ack.batch, receipts: all_into(ack.receipts) }),
            Message::Receipts(receipts) => Wire::Receipts(proto::Receipts { receipts: all_into(receipts) }),
            Message::LogRefused(refused) => Wire::LogRefused(refused.into()),
            Message::Ping { clock_ms } => Wire::Ping(proto::Ping { clock_ms }),
            Message::Goodbye(goodbye) => Wire::Goodbye(proto::Goodbye {
                reason: cut(goodbye.reason, TEXT_MAX_BYTES),
                come_back_after_ms: goodbye.come_back_after_ms,
                revoked: goodbye.revoked,
            }),
            Message::BranchWanted { log, from } => {
                Wire::BranchWanted(proto::BranchWanted { log: Some(log.into()), from })
            }
            Message::Branch { run, case_keys } => {
                Wire::Branch(proto::Branch { run: Some(run.into()), case_keys: all_into(case_keys) })
            }
            Message::EntriesWanted { log, from, until } => Wire::EntriesWanted(proto::EntriesWanted {
                log: Some(log.into()),
                from,
                until: until.unwrap_or_default(),
            }),
            Message::EntriesAgain { run, case_keys } => {
                Wire::EntriesAgain(proto::EntriesAgain { run: Some(run.into()), case_keys: all_into(case_keys) })
            }
            Message::Conditions(stations) => Wire::Conditions(proto::Conditions { stations: all_into(stations) }),
        };
        Self { message: Some(wire) }
    }
}

impl TryFrom<proto::LinkMessage> for Message {
    type Error = Error;

    fn try_from(message: proto::LinkMessage) -> Result<Self, Error> {
        Ok(match message.message.ok_or(Error::Empty)? {
            Wire::Hello(hello) => Self::Hello(hello.try_into()?),
            Wire::Have(have) => Self::Have(all_checked("Have", "heads", have.heads, HAVE_MAX_HEADS)?),
            Wire::Entries(entries) => Self::Entries(entries.try_into()?),
            Wire::Ack(ack) => Self::Ack(Ack {
                batch: required("Ack", "batch", ack.batch)?,
                receipts: all_checked("Ack", "receipts", ack.receipts, RECEIPTS_MAX)?,
            }),
            Wire::Receipts(receipts) => {
                Self::Receipts(all_checked("Receipts", "receipts", receipts.receipts, RECEIPTS_MAX)?)
            }
            Wire::LogRefused(refused) => Self::LogRefused(refused.try_into()?),
            Wire::Ping(ping) => Self::Ping { clock_ms: required("Ping", "clock_ms", ping.clock_ms)? },
            Wire::Goodbye(goodbye) => Self::Goodbye(Goodbye {
                reason: cut(goodbye.reason, TEXT_MAX_BYTES),
                come_back_after_ms: goodbye.come_back_after_ms.min(COME_BACK_MAX_MS),
                revoked: goodbye.revoked,
            }),
            Wire::BranchWanted(wanted) => Self::BranchWanted {
                log: checked("BranchWanted", wanted.log.ok_or(field("BranchWanted", "log", "is missing"))?)?,
                from: required("BranchWanted", "from", wanted.from)?,
            },
            Wire::Branch(branch) => Self::Branch {
                run: checked("Branch", branch.run.ok_or(field("Branch", "run", "is missing"))?)?,
                case_keys: all_checked("Branch", "case_keys", branch.case_keys, BATCH_MAX_CASE_KEYS)?,
            },
            Wire::EntriesWanted(wanted) => Self::EntriesWanted {
                log: checked("EntriesWanted", wanted.log.ok_or(field("EntriesWanted", "log", "is missing"))?)?,
                from: required("EntriesWanted", "from", wanted.from)?,
                until: match wanted.until {
                    0 => None,
                    until if until < wanted.from => return Err(field("EntriesWanted", "until", "lies before 'from'")),
                    until => Some(until),
                },
            },
            Wire::EntriesAgain(again) => Self::EntriesAgain {
                run: checked("EntriesAgain", again.run.ok_or(field("EntriesAgain", "run", "is missing"))?)?,
                case_keys: all_checked("EntriesAgain", "case_keys", again.case_keys, BATCH_MAX_CASE_KEYS)?,
            },
            Wire::Conditions(conditions) => {
                Self::Conditions(all_checked("Conditions", "stations", conditions.stations, CONDITIONS_MAX)?)
            }
            Wire::Packed(_) => return Err(field("LinkMessage", "message", "is packed")),
            Wire::BareEntries(_) => return Err(field("LinkMessage", "message", "is laid bare")),
        })
    }
}

/// A message of the logs, checked.
fn checked<W, T>(message: &'static str, value: W) -> Result<T, Error>
where
    T: TryFrom<W, Error = sanji_log::Error>,
{
    value.try_into().map_err(|source| Error::Log { message, source })
}

impl From<Hello> for proto::Hello {
    fn from(hello: Hello) -> Self {
        Self {
            protocol_min: hello.protocol_min,
            protocol_max: hello.protocol_max,
            station: hello.station.number(),
            software: cut(hello.software, SOFTWARE_MAX_BYTES),
            clock_ms: hello.clock_ms,
            instance: hello.instance.map_or_else(Vec::new, Vec::from),
            compression: hello.compression.unwrap_or_default(),
            revoked: hello.revoked,
        }
    }
}

impl TryFrom<proto::Hello> for Hello {
    type Error = Error;

    fn try_from(hello: proto::Hello) -> Result<Self, Error> {
        if hello.protocol_min == 0 || hello.protocol_max < hello.protocol_min {
            return Err(field("Hello", "protocol_min", "is not a range from 1"));
        }
        let station =
            StationCode::from_number(hello.station).map_err(|source| Error::Log { message: "Hello", source })?;
        Ok(Self {
            protocol_min: hello.protocol_min,
            protocol_max: hello.protocol_max,
            station,
            software: cut(hello.software, SOFTWARE_MAX_BYTES),
            clock_ms: required("Hello", "clock_ms", hello.clock_ms)?,
            instance: match hello.instance.as_slice() {
                [] => None,
                bytes => Some(bytes.try_into().map_err(|_| field("Hello", "instance", "has not 16 bytes"))?),
            },
            compression: Some(hello.compression).filter(|compression| *compression != 0),
            revoked: hello.revoked,
        })
    }
}

impl From<Entries> for proto::Entries {
    fn from(entries: Entries) -> Self {
        Self { batch: entries.batch, runs: all_into(entries.runs), case_keys: all_into(entries.case_keys) }
    }
}

impl TryFrom<proto::Entries> for Entries {
    type Error = Error;

    fn try_from(entries: proto::Entries) -> Result<Self, Error> {
        let runs: Vec<Run> = all_checked("Entries", "runs", entries.runs, BATCH_MAX_RUNS)?;
        if runs.is_empty() {
            return Err(field("Entries", "runs", "are none"));
        }
        if runs.iter().map(|run| run.log).collect::<BTreeSet<_>>().len() < runs.len() {
            return Err(field("Entries", "runs", "name a log twice"));
        }
        if runs.len() > 1 && runs.iter().map(Run::size).sum::<usize>() > BATCH_MAX_BYTES {
            return Err(field("Entries", "runs", "are too large together"));
        }
        Ok(Self {
            batch: required("Entries", "batch", entries.batch)?,
            runs,
            case_keys: all_checked("Entries", "case_keys", entries.case_keys, BATCH_MAX_CASE_KEYS)?,
        })
    }
}

impl From<CaseKeyMessage> for proto::CaseKey {
    fn from(message: CaseKeyMessage) -> Self {
        Self { case_id: message.case.0.to_vec(), key: message.key.map_or_else(Vec::new, |key| key.to_vec()) }
    }
}

impl TryFrom<proto::CaseKey> for CaseKeyMessage {
    type Error = sanji_log::Error;

    fn try_from(message: proto::CaseKey) -> Result<Self, sanji_log::Error> {
        let key = match message.key.as_slice() {
            [] => None,
            bytes => Some(bytes.try_into().map_err(|_| sanji_log::Error::Field {
                message: "CaseKey",
                field: "key",
                problem: "has a wrong length",
            })?),
        };
        Ok(Self { case: CaseId::from_bytes(&message.case_id)?, key })
    }
}

impl From<Refused> for proto::LogRefused {
    fn from(refused: Refused) -> Self {
        Self {
            log: Some(refused.log.into()),
            seq: refused.seq,
            reason: proto::RefusalReason::from(refused.reason).into(),
            detail: cut(refused.detail, TEXT_MAX_BYTES),
        }
    }
}

impl TryFrom<proto::LogRefused> for Refused {
    type Error = Error;

    fn try_from(refused: proto::LogRefused) -> Result<Self, Error> {
        let reason = refused.reason().try_into()?;
        let log = refused.log.ok_or(field("LogRefused", "log", "is missing"))?;
        Ok(Self {
            log: log.try_into().map_err(|source| Error::Log { message: "LogRefused", source })?,
            seq: required("LogRefused", "seq", refused.seq)?,
            reason,
            detail: cut(refused.detail, TEXT_MAX_BYTES),
        })
    }
}

impl From<RefusalReason> for proto::RefusalReason {
    fn from(reason: RefusalReason) -> Self {
        match reason {
            RefusalReason::NotYours => Self::NotYours,
            RefusalReason::UnknownKey => Self::UnknownKey,
            RefusalReason::Revoked => Self::Revoked,
            RefusalReason::BadSeal => Self::BadSeal,
            RefusalReason::Fork => Self::Fork,
            RefusalReason::Gap => Self::Gap,
            RefusalReason::Malformed => Self::Malformed,
        }
    }
}

impl TryFrom<proto::RefusalReason> for RefusalReason {
    type Error = Error;

    fn try_from(reason: proto::RefusalReason) -> Result<Self, Error> {
        Ok(match reason {
            proto::RefusalReason::Unspecified => return Err(field("LogRefused", "reason", "is missing or unknown")),
            proto::RefusalReason::NotYours => Self::NotYours,
            proto::RefusalReason::UnknownKey => Self::UnknownKey,
            proto::RefusalReason::Revoked => Self::Revoked,
            proto::RefusalReason::BadSeal => Self::BadSeal,
            proto::RefusalReason::Fork => Self::Fork,
            proto::RefusalReason::Gap => Self::Gap,
            proto::RefusalReason::Malformed => Self::Malformed,
        })
    }
}

fn all_into<A: Into<B>, B>(values: Vec<A>) -> Vec<B> {
    values.into_iter().map(Into::into).collect()
}

/// Converts the elements of a repeated field; more than `max` are refused before any is looked at.
fn all_checked<A, B>(message: &'static str, name: &'static str, values: Vec<A>, max: usize) -> Result<Vec<B>, Error>
where
    B: TryFrom<A, Error = sanji_log::Error>,
{
    if values.len() > max {
        return Err(field(message, name, "are too many"));
    }
    values.into_iter().map(B::try_from).collect::<Result<_, _>>().map_err(|source| Error::Log { message, source })
}

fn required(message: &'static str, name: &'static str, number: u64) -> Result<u64, Error> {
    if number == 0 { Err(field(message, name, "is missing")) } else { Ok(number) }
}

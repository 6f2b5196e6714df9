//! Bundles of a station: for whom, what the other side asked for last, and reading and writing them beside the
//! links.
//!
//! | module | holds |
//! | --- | --- |
//! | `aside` | the file of a revoked station is kept whole |
//! | `kept` | such a file is read again once the district has admitted what its station wrote |
//! | [`history`] | what went to each station and came from it last |
//! | `words` | why a bundle is refused, for whoever carried it |

mod aside;
pub mod history;
mod kept;
mod words;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sanji_domain::Role;
use sanji_domain::organisation::Staff;
use sanji_link::bundle::{
    Enrolment, ExportOptions, ExportSummary, ImportSummary, Receiver, export, import, import_aside,
};
use sanji_link::enrolment::{CheckedEnrolRequest, read_request};
use sanji_link::{Host as _, Identity};
use sanji_log::{Head, LogId, PublicKey, StationCode, Stretch};
use sanji_proto::v1 as proto;
use sanji_replication::Message;
use sanji_replication::attachment::{AttachmentMessage, ChunkRequest};
use sanji_replication::bundle::{LastHave, known_to_hold};

use aside::Remembering;
use history::{Exported, History, Imported};

use crate::clock::now_ms;
use crate::command::chain;
use crate::core::reference::KeyLife;
use crate::folder::{self, DataFolder};
use crate::station::Station;

/// Why a bundle can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory has no valid key of the receiver.
    #[error("the directory knows no station {0} with a valid key")]
    UnknownStation(StationCode),
    /// Its sender is revoked; nothing of it was taken.
    #[error("the bundle comes from {sender}, whose key was revoked; it is kept aside in {}", path.display())]
    Aside {
        /// The station.
        sender: StationCode,
        /// Where the file is kept.
        path: PathBuf,
    },
    /// It can't be written or read.
    #[error(transparent)]
    Bundle(#[from] sanji_link::Error),
}

/// Whether a member of staff may write and read bundles: who works at the counter, or keeps the nodes. The file
/// itself can be opened by its receiver alone.
#[must_use]
pub fn may_exchange(staff: &Staff) -> bool {
    let may = [Role::Agent, Role::FullCourseAgent, Role::Window, Role::Administrator];
    staff.roles.iter().any(|role| may.contains(role))
}

/// What another station has confirmed, over whatever path its receipts came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Confirmed {
    /// Entries held here that it is not known to hold.
    pub entries_waiting: u64,
    /// When it last confirmed something, by its clock: milliseconds since 1970-01-01 UTC. None: never.
    pub last_ms: Option<u64>,
}

/// Writes and reads a station's bundles.
#[derive(Clone)]
pub struct Bundles(Arc<Inner>);

struct Inner {
    station: Station,
    identity: Identity,
    data: DataFolder,
    /// One bundle is read at a time, so that two of one sender don't hinder each other.
    reading: Mutex<()>,
}

impl Bundles {
    /// For a station with the identity and the data folder that it runs with. Inside a tokio runtime, what is kept of
    /// revoked stations is looked after for as long as there is anybody who writes and reads bundles.
    #[must_use]
    pub fn new(station: Station, identity: Identity, data: DataFolder) -> Self {
        let changes = station.subscribe();
        let bundles = Self(Arc::new(Inner { station, identity, data, reading: Mutex::default() }));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(kept::look_after(Arc::downgrade(&bundles.0), changes));
        }
        bundles
    }

    /// The living key of a station above or below, for which a bundle can be written.
    ///
    /// # Errors
    /// [`Error::UnknownStation`].
    pub fn key_of(&self, station: StationCode) -> Result<PublicKey, Error> {
        // A station has one life at a time; where a former one was never ended, the newest certificate counts.
        self.newest_key(station, KeyLife::is_living).ok_or(Error::UnknownStation(station))
    }

    fn newest_key(&self, station: StationCode, is_wanted: impl Fn(&KeyLife) -> bool) -> Option<PublicKey> {
        let reference = self.0.station.reference();
        let lives = reference.keys().iter().filter(|(_, life)| life.station == station && is_wanted(life));
        lives.max_by_key(|(_, life)| life.certificate_until_ms).map(|(key, _)| *key)
    }

    /// Writes a bundle for a station above or below. Blocks. One whose last life was revoked or has ended hears what is
    /// public, and so that it may not go on.
    ///
    /// # Errors
    /// [`Error`].
    pub fn export(
        &self,
        to: StationCode,
        attachments_max_bytes: Option<u64>,
        output: impl Write,
    ) -> Result<ExportSummary, Error> {
        let living = self.newest_key(to, KeyLife::is_living);
        let key = living.or_else(|| self.newest_key(to, |life| !life.is_living()));
        let key = key.ok_or(Error::UnknownStation(to))?;
        let (lost, branches) = self.lost_by(to);
        let mut options = ExportOptions {
            asked: self.asked_by(to),
            lost,
            last_have: self.last_have_of(to, &key),
            branches,
            branches_wanted: self.branches_wanted_of(to),
            only_public: living.is_none(),
            ..ExportOptions::default()
        };
        if let Some(most) = attachments_max_bytes {
            options.attachments_max_bytes = most;
        }
        self.write(Receiver { station: to, key }, &options, output)
    }

    /// Writes the first bundle of a station that was enrolled by file. Blocks.
    ///
    /// # Errors
    /// [`Error`].
    pub fn answer(
        &self,
        to: StationCode,
        key: PublicKey,
        enrolment: Enrolment,
        output: impl Write,
    ) -> Result<ExportSummary, Error> {
        let options = ExportOptions { enrolment: Some(enrolment), ..ExportOptions::default() };
        self.write(Receiver { station: to, key }, &options, output)
    }

    fn write(&self, receiver: Receiver, options: &ExportOptions, output: impl Write) -> Result<ExportSummary, Error> {
        let to = receiver.station;
        let summary = export(&self.0.station, &self.0.identity, receiver, output, options, &mut |_| {})?;
        self.history().exported(to, Exported::new(&summary, now_ms()));
        Ok(summary)
    }

    /// Reads a new station's request to be enrolled, at the hub.
    ///
    /// # Errors
    /// [`Error::Bundle`].
    pub fn read_request(&self, input: impl Read) -> Result<CheckedEnrolRequest, Error> {
        Ok(read_request(input, self.0.station.me(), &self.0.identity.signing_key)?)
    }

    /// Stations for which a bundle can be written: above this one or below it, by code. Those whose life is over have
    /// to hear of it.
    #[must_use]
    pub fn partners(&self) -> Vec<StationCode> {
        let me = self.0.station.me();
        let reference = self.0.station.reference();
        let known = reference.keys().values().map(|life| life.station);
        let partners: BTreeSet<_> = known.filter(|code| *code != me && (me.within(*code) || code.within(me))).collect();
        partners.into_iter().collect()
    }

    /// What a station is known to hold of what it may hold.
    #[must_use]
    pub fn confirmed_by(&self, partner: StationCode) -> Confirmed {
        let Ok(key) = self.key_of(partner) else { return Confirmed::default() };
        let receipts = self.0.station.receipts_of(partner);
        let have = self.0.station.have(partner);
        let known = self.last_have_of(partner, &key).correct(&known_to_hold(&have, &receipts, partner, key));
        let lacking = |head: Head| head.seq.saturating_sub(known.get(&head.log).map_or(0, |(seq, _)| seq));
        Confirmed {
            entries_waiting: have.heads().map(lacking).sum(),
            last_ms: receipts.iter().filter(|receipt| receipt.key == key).map(|receipt| receipt.time_ms).max(),
        }
    }

    /// What went to each station and came from it last.
    #[must_use]
    pub fn history(&self) -> History {
        History::new(&self.0.data)
    }

    /// Reads a bundle. Blocks; inside a tokio runtime. What was taken is told also where the bundle turns out to be
    /// damaged further on. `by`: the member of staff who brought it; empty: the keeper.
    pub fn import(&self, by: &str, input: impl Read) -> (Option<ImportSummary>, Result<(), Error>) {
        let _reading = self.0.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = None;
        let mut input = Remembering::new(input);
        let read = import(&self.0.station, &self.0.identity, &mut input, &mut |summary| taken = Some(summary.clone()));
        match read {
            Ok(summary) => {
                self.keep_asked(summary.sender, &summary.asked);
                self.keep_lost(&summary);
                self.keep_branches_wanted(&summary);
                self.keep_last_have(&summary);
                if summary.distrusted {
                    self.0.station.links().told_revoked(summary.sender);
                }
                if self.is_heard(&summary) {
                    self.0.station.heard(summary.sender);
                }
                self.0.station.record("bundle.read", by, &summary.sender.to_string(), "");
                self.history().imported(summary.sender, Imported::new(&summary, now_ms(), String::new()));
                (Some(summary), Ok(()))
            }
            Err(error) => {
                let error = self.aside(error, input);
                tracing::warn!(error = chain(&error), "a bundle was refused");
                self.0.station.record("bundle.refused", by, "", &error.to_string());
                if let Some(taken) = &taken {
                    self.history().imported(taken.sender, Imported::new(taken, now_ms(), error.to_string()));
                }
                (taken, Err(error))
            }
        }
    }

    /// Whether all that the sender has for this station is here. That it was written for this life is not enough: the
    /// sender leaves out what this station once held, and it may have lost that with the end of its journal. Then it was
    /// perhaps written before the loss, and says nothing of what came after it; the clocks of both are all that tells.
    fn is_heard(&self, summary: &ImportSummary) -> bool {
        let lost_since_ms = self.0.station.holds_back_since_ms();
        let is_new = lost_since_ms.is_none_or(|since_ms| summary.created_ms >= since_ms);
        summary.refused.is_empty() && summary.last_have.is_some() && summary.entries_lacking == 0 && is_new
    }

    /// Keeps the file of a revoked station.
    fn aside(&self, error: sanji_link::Error, input: Remembering<impl Read>) -> Error {
        let sanji_link::Error::BundleRevoked { sender } = error else { return error.into() };
        match input.keep_in(&self.0.data.bundles(), &sender.to_string()) {
            Ok(path) => {
                self.keep_its_entries(&path);
                Error::Aside { sender, path }
            }
            Err(fault) => {
                tracing::error!(error = chain(&fault), "can't keep a revoked station's bundle aside");
                error.into()
            }
        }
    }

    /// What a revoked station had written is kept for a person to decide on, beside the file. Of what was admitted since
    /// the attachments are taken: so a file that is brought again, or read again here, makes its cases whole.
    fn keep_its_entries(&self, path: &Path) {
        let kept = std::fs::File::open(path)
            .map_err(|source| sanji_link::Error::Io { operation: "read the bundle", source })
            .and_then(|file| import_aside(&self.0.station, &self.0.identity, std::io::BufReader::new(file)));
        match kept {
            Ok(ImportSummary { sender, attachments, .. }) if attachments > 0 => {
                tracing::info!(peer.station = %sender, attachments, "a revoked station's bundle has brought attachments");
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = chain(&error), "of a revoked station's bundle not all entries could be kept");
            }
        }
    }

    fn asked_file(&self, station: StationCode) -> PathBuf {
        self.0.data.bundles().join(format!("asked-{station}"))
    }

    fn lost_file(&self, station: StationCode) -> PathBuf {
        self.0.data.bundles().join(format!("lost-{station}"))
    }

    /// The attachments that a station lacked when it wrote its last bundle.
    fn asked_by(&self, station: StationCode) -> Vec<ChunkRequest> {
        let request = |message: proto::AttachmentMessage| match AttachmentMessage::try_from(message) {
            Ok(AttachmentMessage::Request(request)) => Some(request),
            _ => None,
        };
        kept_messages(&self.asked_file(station)).into_iter().map_while(request).collect()
    }

    fn keep_asked(&self, station: StationCode, asked: &[ChunkRequest]) {
        let message = |request: &ChunkRequest| AttachmentMessage::Request(*request).into();
        let messages: Vec<proto::AttachmentMessage> = asked.iter().map(message).collect();
        keep_messages(&self.asked_file(station), &messages);
    }

    /// The entries that a station had lost when it wrote its last bundle, and the branches that it wanted.
    fn lost_by(&self, station: StationCode) -> (Vec<Stretch>, Vec<(LogId, u64)>) {
        let (mut lost, mut branches) = (Vec::new(), Vec::new());
        for message in link_messages(&self.lost_file(station)) {
            match message {
                Message::EntriesWanted { log, from, until: Some(until) } => lost.push(Stretch { log, from, until }),
                Message::BranchWanted { log, from } => branches.push((log, from)),
                _ => {}
            }
        }
        (lost, branches)
    }

    fn keep_lost(&self, summary: &ImportSummary) {
        let lost = summary.lost.iter().map(|Stretch { log, from, until }| Message::EntriesWanted {
            log: *log,
            from: *from,
            until: Some(*until),
        });
        let branches =
            summary.branches_asked.iter().map(|(log, from)| Message::BranchWanted { log: *log, from: *from });
        keep_link_messages(&self.lost_file(summary.sender), lost.chain(branches));
    }

    fn branches_file(&self, station: StationCode) -> PathBuf {
        self.0.data.bundles().join(format!("branches-{station}"))
    }

    /// What of a station's version of forked logs is wanted as evidence.
    fn branches_wanted_of(&self, station: StationCode) -> Vec<(LogId, u64)> {
        let wanted = link_messages(&self.branches_file(station)).into_iter();
        let wanted = wanted.filter_map(|message| match message {
            Message::BranchWanted { log, from } => Some((log, from)),
            _ => None,
        });
        wanted.collect()
    }

    fn keep_branches_wanted(&self, summary: &ImportSummary) {
        let wanted = summary.branches_wanted.iter().map(|(log, from)| Message::BranchWanted { log: *log, from: *from });
        keep_link_messages(&self.branches_file(summary.sender), wanted);
    }

    /// One life of a station says nothing of another.
    fn have_file(&self, station: StationCode, key: &PublicKey) -> PathBuf {
        let key: String = key.to_hex().chars().take(16).collect();
        self.0.data.bundles().join(format!("have-{station}-{key}"))
    }

    /// What a life of a station held when it wrote its last bundle. Where that is not known, its receipts alone say it.
    fn last_have_of(&self, station: StationCode, key: &PublicKey) -> LastHave {
        let heads = |message| match message {
            Message::Have(heads) => Some(heads.into_iter().collect()),
            _ => None,
        };
        let mut kept = link_messages(&self.have_file(station, key)).into_iter().map_while(heads);
        match (kept.next(), kept.next()) {
            (Some(have), Some(known)) => LastHave { have, known },
            _ => LastHave::default(),
        }
    }

    fn keep_last_have(&self, summary: &ImportSummary) {
        let Some(LastHave { have, known }) = &summary.last_have else { return };
        let messages = [have, known].map(|heads| Message::Have(heads.heads().collect()));
        keep_link_messages(&self.have_file(summary.sender, &summary.sender_key), messages.into_iter());
    }
}

fn link_messages(path: &Path) -> Vec<Message> {
    let messages = kept_messages::<proto::LinkMessage>(path).into_iter();
    messages.map_while(|message| Message::try_from(message).ok()).collect()
}

fn keep_link_messages(path: &Path, messages: impl Iterator<Item = Message>) {
    let messages: Vec<proto::LinkMessage> = messages.map(Into::into).collect();
    keep_messages(path, &messages);
}

/// What a bundle asked for. Where that is not known any more, the other station asks again in its next.
fn kept_messages<M: prost::Message + Default>(path: &Path) -> Vec<M> {
    let bytes = match folder::read(path) {
        Ok(bytes) => bytes.unwrap_or_default(),
        Err(error) => {
            tracing::warn!(error = chain(&error), "can't read what a bundle asked for");
            return Vec::new();
        }
    };
    let mut rest = bytes.as_slice();
    std::iter::from_fn(|| M::decode_length_delimited(&mut rest).ok()).collect()
}

fn keep_messages<M: prost::Message>(path: &Path, messages: &[M]) {
    let bytes: Vec<u8> = messages.iter().flat_map(prost::Message::encode_length_delimited_to_vec).collect();
    let kept = if bytes.is_empty() { folder::remove(path).map(|_| ()) } else { folder::replace(path, &bytes) };
    if let Err(error) = kept {
        tracing::warn!(error = chain(&error), "can't keep what a bundle asks for");
    }
}

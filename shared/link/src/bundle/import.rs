//! Reading a bundle: the sender is made sure of, then its messages go to a session as if they came over a link.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use sanji_log::seal::public_key;
use sanji_log::{AttachmentId, AttachmentRef, CaseId, LogId, PublicKey, Reach, Run, StationCode, Stretch};
use sanji_replication::attachment::{AttachmentMessage, ChunkReply, ChunkRequest, Fetch, Piece, WHO_HOLDS};
use sanji_replication::bundle::{
    ATTACHMENTS_MAX, BRANCHES_ASKED_MAX, Frame, Head, LastHave, REQUESTS_MAX, STRETCHES_MAX, known_to_hold,
};
use sanji_replication::verify::Ends;
use sanji_replication::{Action, CaseKeyMessage, Directory, Event, Message, RefusalReason, Refused, Session, Settings};
use tokio::runtime::Handle;
use tokio::sync::broadcast;

use super::cipher::{Kind, decrypt};
use super::frames::FrameReader;
use crate::certificate::check_certificate;
use crate::host::{Change, Host, WantedAttachment};
use crate::pump::now_ms;
use crate::{Error, Identity, Result};

/// Most refused logs listed; the alerts have them all.
const REFUSED_LISTED: usize = 100;

/// What a bundle has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSummary {
    /// Who wrote it.
    pub sender: StationCode,
    /// The sender's signing key.
    pub sender_key: PublicKey,
    /// When, by the sender's clock: milliseconds since 1970-01-01 UTC.
    pub created_ms: u64,
    /// Entries taken.
    pub entries: u64,
    /// Entries passed over, since they were held already or were refused.
    pub entries_not_taken: u64,
    /// Receipts in it.
    pub receipts: u64,
    /// Attachments that it has made complete.
    pub attachments: u64,
    /// Bytes of attachments taken.
    pub attachment_bytes: u64,
    /// Logs of which something was refused, at most 100. A gap: an earlier bundle is missing.
    pub refused: Vec<Refused>,
    /// Attachments that the sender lacks: for [`ExportOptions::asked`](super::ExportOptions::asked) of the next
    /// bundle to it.
    pub asked: Vec<ChunkRequest>,
    /// Entries that the sender has lost: for [`ExportOptions::lost`](super::ExportOptions::lost) of the next bundle
    /// to it.
    pub lost: Vec<Stretch>,
    /// What the sender holds, as far as this station may hold it too: for
    /// [`ExportOptions::last_have`](super::ExportOptions::last_have) of the next bundle to it. None: it did not say
    /// all of it.
    pub last_have: Option<LastHave>,
    /// Entries that the sender holds and this station lacks, now that the bundle is read.
    pub entries_lacking: u64,
    /// The sender's version of forked logs that is wanted as evidence, each from a position on: for
    /// [`ExportOptions::branches_wanted`](super::ExportOptions::branches_wanted) of the next bundle to it.
    pub branches_wanted: Vec<(LogId, u64)>,
    /// The same that the sender wants: for [`ExportOptions::branches`](super::ExportOptions::branches).
    pub branches_asked: Vec<(LogId, u64)>,
    /// The sender says that this station's key is revoked.
    pub distrusted: bool,
}

/// Reads a bundle. `progress` hears, frame by frame, what is durable so far: also of a bundle that turns out to
/// be damaged further on. Blocks, so it is for a thread where that is allowed, inside a tokio runtime; needs
/// little memory however large the bundle is.
///
/// # Errors
/// [`Error::BundleForAnother`]; [`Error::Bundle`] where it is damaged, cut off, or not signed by a station of
/// this district; [`Error::BundleRevoked`] (nothing of it is taken, supervision is alerted; it is for a person at
/// the hub to say what becomes of the file); [`Error::Certificate`]; [`Error::Host`], [`Error::Io`]: to be tried
/// again.
pub fn import(
    host: &dyn Host,
    identity: &Identity,
    input: impl Read,
    progress: &mut dyn FnMut(&ImportSummary),
) -> Result<ImportSummary> {
    read(host, identity, input, progress, false)
}

/// Reads a bundle of a revoked station, below or above: the entries that it wrote itself are kept aside, for a person to
/// decide on. Nothing else is taken, save what the district has admitted already, and of attachments those that are
/// wanted here by now: what a chunk is its hash proves, whoever brings it. So the same bundle, read again once its
/// entries were admitted, brings their attachments.
///
/// # Errors
/// Those of [`import`]; [`Error::Bundle`] where its sender is not revoked.
pub fn import_aside(host: &dyn Host, identity: &Identity, input: impl Read) -> Result<ImportSummary> {
    read(host, identity, input, &mut |_| {}, true)
}

fn read(
    host: &dyn Host,
    identity: &Identity,
    input: impl Read,
    progress: &mut dyn FnMut(&ImportSummary),
    aside: bool,
) -> Result<ImportSummary> {
    let runtime =
        Handle::try_current().map_err(|source| Error::Host { operation: "begin an import", source: source.into() })?;
    let mut sender = None;
    let input = decrypt(input, Kind::Bundle, host.me(), &identity.signing_key)?;
    let mut frames = FrameReader::open(input, |head| {
        let (station, key) = check_head(host, identity, head)?;
        sender = Some((station, key, head.created_ms));
        Ok(key)
    })?;
    let (station, key, created_ms) = sender.ok_or_else(|| Error::bundle("does not begin with its head"))?;
    if !aside {
        check_sender(host, station, key)?;
    } else if !host.directory().get(&key).is_some_and(|record| record.revoked) {
        return Err(Error::bundle("is not a revoked station's"));
    }
    let mut import = Import::new(host, runtime, station, key, created_ms);
    import.aside = aside;
    import.begin()?;
    while let Some(frame) = frames.next()? {
        import.take(frame)?;
        progress(&import.summary);
    }
    Ok(import.finish())
}

/// Who says that he wrote the bundle. His signature is still to be checked.
///
/// The certificate's period is not judged: a station without a line may be unable to renew it, and its clock may
/// be wrong. Revocation is what ends a key.
fn check_head(host: &dyn Host, identity: &Identity, head: &Head) -> Result<(StationCode, PublicKey)> {
    if head.receiver != host.me() || head.receiver_key != public_key(&identity.signing_key) {
        return Err(Error::BundleForAnother { receiver: head.receiver });
    }
    let sender = check_certificate(&head.certificate, &identity.authority_der, None)?;
    let me = host.me();
    if sender.station == me || !(me.within(sender.station) || sender.station.within(me)) {
        return Err(Error::bundle("comes from a station that is neither above nor below this one"));
    }
    Ok((sender.station, sender.key))
}

/// Whether the sender is still believed. Asked once its signature is known to be good, so that nobody raises an
/// alert in its name.
fn check_sender(host: &dyn Host, station: StationCode, key: PublicKey) -> Result<()> {
    match host.directory().get(&key) {
        Some(record) if record.revoked => {
            let log = LogId { home: station, reach: Reach::Private, key };
            let seq = host.have(station).get(&log).map_or(1, |(seq, _)| seq + 1);
            let detail = "a bundle that was signed with a revoked key was not taken".to_owned();
            host.alert(station, log, seq, RefusalReason::Revoked, detail);
            Err(Error::BundleRevoked { sender: station })
        }
        Some(record) if record.station != station => Err(Error::bundle("is signed with a key of another station")),
        _ => Ok(()),
    }
}

struct Import<'a> {
    host: &'a dyn Host,
    runtime: Handle,
    changes: broadcast::Receiver<Change>,
    session: Session,
    /// What this station lacks; looked up when the first chunk comes, after all entries.
    wanted: Option<BTreeMap<AttachmentId, WantedAttachment>>,
    /// Cases of the attachments whose holders this station wants to know; looked up when the first answer comes.
    unconfirmed: Option<BTreeMap<AttachmentId, CaseId>>,
    /// The attachment whose chunks are coming; no fetch: they are passed over.
    current: Option<(AttachmentId, Option<Fetch>)>,
    /// The sender is revoked.
    aside: bool,
    /// Logs that have forked, as this bundle has shown.
    forked: BTreeSet<LogId>,
    summary: ImportSummary,
}

impl<'a> Import<'a> {
    fn new(host: &'a dyn Host, runtime: Handle, sender: StationCode, key: PublicKey, created_ms: u64) -> Self {
        Self {
            host,
            runtime,
            changes: host.subscribe(),
            session: Session::new(Settings::new(host.me(), sender, key)),
            wanted: None,
            unconfirmed: None,
            current: None,
            aside: false,
            forked: BTreeSet::new(),
            summary: ImportSummary {
                sender,
                sender_key: key,
                created_ms,
                entries: 0,
                entries_not_taken: 0,
                receipts: 0,
                attachments: 0,
                attachment_bytes: 0,
                refused: Vec::new(),
                asked: Vec::new(),
                lost: Vec::new(),
                last_have: None,
                entries_lacking: 0,
                branches_wanted: Vec::new(),
                branches_asked: Vec::new(),
                distrusted: false,
            },
        }
    }

    fn begin(&mut self) -> Result<()> {
        let have = self.host.have(self.summary.sender);
        self.tell(Event::Started { have: &have })
    }

    fn take(&mut self, frame: Frame) -> Result<()> {
        match frame {
            Frame::Link(message) => {
                self.catch_up()?;
                let mut offered = (Vec::new(), Vec::new());
                match &message {
                    Message::Entries(entries) => {
                        let count: usize = entries.runs.iter().map(|run| run.entries.len()).sum();
                        self.summary.entries_not_taken += count as u64;
                        // Their bytes are shared, so that costs little.
                        offered = (entries.runs.clone(), entries.case_keys.clone());
                    }
                    Message::Receipts(receipts) => {
                        self.summary.receipts += receipts.len() as u64;
                        let key = self.summary.sender_key;
                        let own = receipts.iter().filter(|receipt| receipt.key == key && receipt.verify().is_ok());
                        own.for_each(|receipt| self.summary.last_have.iter_mut().for_each(|last| last.note(receipt)));
                    }
                    Message::Have(heads) => {
                        let (me, sender) = (self.host.me(), self.summary.sender);
                        let shared = heads.iter().filter(|head| Ends { me, peer: sender }.share(&head.log));
                        let have = shared.copied().collect();
                        self.summary.last_have = Some(LastHave { have, ..LastHave::default() });
                    }
                    _ => {}
                }
                self.tell(Event::Received(message))?;
                let (runs, case_keys) = offered;
                runs.into_iter().for_each(|run| self.keep_if_forked(run, &case_keys));
                Ok(())
            }
            // Nobody writes a bundle for it, nor is its word on who holds what worth anything.
            Frame::Attachment(AttachmentMessage::Request(_)) if self.aside => Ok(()),
            Frame::Attachment(AttachmentMessage::Reply(reply)) if self.aside && reply.chunk == WHO_HOLDS => Ok(()),
            Frame::Attachment(AttachmentMessage::Request(request)) => {
                if self.summary.asked.len() < REQUESTS_MAX {
                    self.summary.asked.push(request);
                }
                Ok(())
            }
            Frame::Attachment(AttachmentMessage::Reply(reply)) if reply.chunk == WHO_HOLDS => {
                self.holders(&reply);
                Ok(())
            }
            Frame::Attachment(AttachmentMessage::Reply(reply)) => self.chunk(reply),
            // An enrolment was heard before there was a station to read a bundle.
            Frame::Head(_) | Frame::Enrolment(_) | Frame::End { .. } | Frame::Unknown => Ok(()),
        }
    }

    /// What is known of the sender, now that all is read.
    fn finish(mut self) -> ImportSummary {
        let ImportSummary { sender, sender_key, .. } = self.summary;
        let have = self.host.have(sender);
        if let Some(last) = &mut self.summary.last_have {
            self.summary.entries_lacking = last.lacking_in(&have);
            let known = known_to_hold(&have, &self.host.receipts_of(sender), sender, sender_key);
            // Receipts of this bundle were noted as they came: they may still be on their way to the disk.
            last.note_known(&known);
        }
        // Who tells this station that it is revoked tells it only what is public.
        self.summary.last_have.take_if(|_| self.summary.distrusted);
        self.summary
    }

    /// Keeps a run as evidence whose log has forked, as a link does with what it asks for. A branch that is shorter than
    /// what is held here looks to the session like what is held already: over a link the other side finds the fork,
    /// since it gets what is held here, but who reads bundles alone may never answer.
    fn keep_if_forked(&mut self, run: Run, case_keys: &[CaseKeyMessage]) {
        let log = run.log;
        if self.aside || !(Ends { me: self.host.me(), peer: self.summary.sender }).share(&log) {
            return;
        }
        if !self.forked.contains(&log) {
            if !self.contradicts(&run) {
                return;
            }
            self.forked.insert(log);
            let (seq, reason) = (run.seal.seq, RefusalReason::Fork);
            let detail = format!("seq {seq} is {} there and another entry here", run.seal.hash.to_hex());
            self.host.alert(self.summary.sender, log, seq, reason, detail.clone());
            self.list_refused(Refused { log, seq, reason, detail });
        }
        self.keep_branch(run, case_keys.to_vec());
    }

    /// Whether a run that its writer signed ends with another entry than is held here at that position.
    fn contradicts(&self, run: &Run) -> bool {
        let Run { log, seal, .. } = run;
        // What can't be read here is asked for elsewhere, and says nothing against the sender.
        let held = self.host.load(log, seal.seq, 1).ok().flatten();
        let held = held.and_then(|(held, _)| held.entries.first().map(sanji_log::EntryBytes::hash));
        if held.is_none_or(|held| held == seal.hash) {
            return false;
        }
        let first = run.entries.first().and_then(|first| first.decode().ok());
        let before = first.and_then(|first| first.prev.map(|prev| (first.seq.saturating_sub(1), prev)));
        run.verify(before).is_ok()
    }

    /// Hands a piece of the sender's version of a forked log on as evidence. What is wanted before it is asked for in the
    /// next bundle; what is wanted after it is in the next frame, or in a later bundle.
    fn keep_branch(&mut self, run: Run, case_keys: Vec<CaseKeyMessage>) {
        let (log, first_seq) = (run.log, run.first_seq());
        let wanted = self.runtime.block_on(self.host.keep_branch(self.summary.sender, run, case_keys));
        let is_known = self.summary.branches_wanted.iter().any(|(known, _)| *known == log);
        if let Some(from) = wanted.filter(|from| *from < first_seq && !is_known)
            && self.summary.branches_wanted.len() < BRANCHES_ASKED_MAX
        {
            self.summary.branches_wanted.push((log, from));
        }
    }

    fn list_refused(&mut self, refused: Refused) {
        if self.summary.refused.len() < REFUSED_LISTED {
            self.summary.refused.push(refused);
        }
    }

    /// The directory, with the sender's key in it: its certificate is the proof, and the entry that says the same
    /// may be in this very bundle, as it is in the first that a station ever reads.
    fn directory(&self) -> Arc<Directory> {
        let mut directory = self.host.directory();
        let (sender, key) = (self.summary.sender, self.summary.sender_key);
        if directory.get(&key).is_none() {
            Arc::make_mut(&mut directory).insert(key, sender);
        }
        directory
    }

    /// Tells the session what has become durable meanwhile: own writes, links, and what it stored itself.
    fn catch_up(&mut self) -> Result<()> {
        loop {
            match self.changes.try_recv() {
                Ok(Change::Heads(heads)) => self.tell(Event::Local { heads })?,
                Ok(Change::Directory) => self.tell(Event::DirectoryChanged)?,
                Ok(Change::Receipts(_) | Change::Attachments | Change::Damaged | Change::AskAgain(_)) => {}
                Err(broadcast::error::TryRecvError::Lagged(_)) => {
                    let heads = self.host.have(self.summary.sender).heads().collect();
                    self.tell(Event::Local { heads })?;
                    self.tell(Event::DirectoryChanged)?;
                }
                Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => return Ok(()),
            }
        }
    }

    /// Carries out what the session wants kept. What it wants to say or to read for the sender is dropped: it
    /// goes into the next bundle the other way.
    fn tell(&mut self, event: Event<'_>) -> Result<()> {
        let sender = self.summary.sender;
        let mut actions = self.session.on(event, &self.directory(), now_ms());
        while !actions.is_empty() {
            for action in std::mem::take(&mut actions) {
                match action {
                    Action::Store { batch, runs, case_keys } => {
                        let offered: Vec<_> = runs.iter().map(|run| (run.run.log, run.entries.len() as u64)).collect();
                        let outcome = self
                            .runtime
                            .block_on(self.host.store(sender, runs, case_keys))
                            .map_err(|source| Error::Host { operation: "commit what the bundle brings", source })?;
                        let is_taken = |log: &LogId| outcome.refused.iter().all(|refused| refused.log != *log);
                        let taken: u64 = offered.iter().filter(|(log, _)| is_taken(log)).map(|(_, count)| count).sum();
                        self.summary.entries += taken;
                        self.summary.entries_not_taken -= taken;
                        let stored = Event::Stored { batch, receipts: outcome.receipts, refused: outcome.refused };
                        actions.extend(self.session.on(stored, &self.directory(), now_ms()));
                    }
                    Action::Introduce(_) if self.aside => {}
                    Action::Introduce(run) => self.runtime.block_on(self.host.introduce(sender, run)),
                    Action::KeepReceipts(receipts) => self.host.keep_receipts(sender, receipts),
                    Action::KeepConditions(conditions) => {
                        let carried_ms = now_ms().saturating_sub(self.summary.created_ms);
                        let aged = conditions.into_iter().map(|condition| condition.held_for(carried_ms));
                        self.host.keep_conditions(sender, aged.collect());
                    }
                    Action::Alert { log, reason: RefusalReason::Fork, .. } if self.forked.contains(&log) => {}
                    Action::Alert { log, seq, reason, detail } => self.host.alert(sender, log, seq, reason, detail),
                    // What others wrote is left to them.
                    Action::Send(Message::LogRefused(Refused { reason: RefusalReason::Gap, .. })) if self.aside => {}
                    Action::Send(Message::LogRefused(refused)) => {
                        if refused.reason != RefusalReason::Fork || self.forked.insert(refused.log) {
                            self.list_refused(refused);
                        }
                    }
                    Action::Close { reason, .. } => {
                        return Err(Error::bundle(&format!("is refused: {reason}")));
                    }
                    Action::KeepAside { batch, runs, case_keys } => {
                        actions.extend(self.keep_aside(batch, runs, case_keys)?);
                    }
                    Action::KeepBranch { run, case_keys } => {
                        if !self.aside {
                            self.keep_branch(run, case_keys);
                        }
                    }
                    Action::LoadBranch { log, from } => {
                        if self.summary.branches_asked.len() < BRANCHES_ASKED_MAX {
                            self.summary.branches_asked.push((log, from));
                        }
                    }
                    Action::Distrusted => self.summary.distrusted = true,
                    // It may have been written before the key was revoked.
                    Action::Believed => {}
                    Action::LoadAgain { log, from, until } => {
                        if self.summary.lost.len() < STRETCHES_MAX {
                            self.summary.lost.push(Stretch { log, from, until: until.unwrap_or(from) });
                        }
                    }
                    // What follows it, where it does not reach far enough, is in the next frame.
                    Action::KeepAgain { run, case_keys } => {
                        self.runtime.block_on(self.host.keep_again(sender, run, case_keys));
                    }
                    Action::Send(_) | Action::Load { .. } | Action::ClockOffset(_) => {}
                }
            }
        }
        Ok(())
    }

    /// Keeps entries of a revoked key for a person to decide on. What the session makes of that.
    fn keep_aside(&mut self, batch: u64, runs: Vec<Run>, case_keys: Vec<CaseKeyMessage>) -> Result<Vec<Action>> {
        let kept = self.runtime.block_on(self.host.keep_aside(self.summary.sender, runs, case_keys));
        kept.map_err(|source| Error::Host { operation: "keep entries aside", source })?;
        Ok(self.session.on(Event::KeptAside { batch }, &self.directory(), now_ms()))
    }

    fn holders(&mut self, reply: &ChunkReply) {
        let (host, sender) = (self.host, self.summary.sender);
        let look_up = || {
            let unconfirmed = host.unconfirmed_attachments(sender, ATTACHMENTS_MAX);
            unconfirmed.into_iter().map(|(case, id)| (id, case)).collect()
        };
        if let Some(case) = self.unconfirmed.get_or_insert_with(look_up).get(&reply.id) {
            host.keep_holders(*case, reply.id, reply.held_by.clone());
        }
    }

    fn chunk(&mut self, reply: ChunkReply) -> Result<()> {
        let id = reply.id;
        let fetch = match self.current.take() {
            Some((current, fetch)) if current == id => fetch,
            _ => self.fetch(&id)?,
        };
        let next = fetch.as_ref().and_then(Fetch::request).map(|request| request.first_chunk);
        let is_lacking = next.is_some_and(|next| next <= reply.chunk);
        let fetch = if is_lacking { self.keep(fetch, reply)? } else { fetch };
        self.current = Some((id, fetch));
        Ok(())
    }

    /// Looks up whether this station wants an attachment, and how much of it is here.
    fn fetch(&mut self, id: &AttachmentId) -> Result<Option<Fetch>> {
        let (host, sender) = (self.host, self.summary.sender);
        let look_up = || {
            let wanted = host.wanted_attachments(sender, ATTACHMENTS_MAX);
            wanted.into_iter().map(|attachment| (attachment.id, attachment)).collect()
        };
        let Some(WantedAttachment { case, id, size, .. }) = self.wanted.get_or_insert_with(look_up).get(id).copied()
        else {
            return Ok(None);
        };
        let state =
            host.attachment_state(&id).map_err(|source| Error::Host { operation: "look an attachment up", source })?;
        let manifest = Some(state.manifest).filter(|manifest| !manifest.is_empty());
        Ok((!state.complete).then(|| Fetch::new(case, AttachmentRef { id, size }, state.chunks, manifest)))
    }

    /// Keeps what a chunk brings. None: the rest of this attachment is passed over.
    fn keep(&mut self, fetch: Option<Fetch>, reply: ChunkReply) -> Result<Option<Fetch>> {
        let Some(mut fetch) = fetch else { return Ok(None) };
        let (id, size) = (reply.id, reply.size);
        let pieces = match fetch.take(reply) {
            Ok(pieces) => pieces,
            Err(wrong) => {
                tracing::warn!(attachment = %id, "a bundle has {wrong}");
                return Ok(None);
            }
        };
        for piece in pieces {
            let kept = match piece {
                Piece::Manifest(manifest) => self.host.put_manifest(&id, &manifest, size),
                Piece::Chunk { chunk, data } => {
                    self.summary.attachment_bytes += data.len() as u64;
                    self.host.put_chunk(&id, chunk, &data).map(drop)
                }
            };
            kept.map_err(|source| Error::Host { operation: "keep an attachment", source })?;
        }
        if fetch.request().is_none() {
            self.summary.attachments += 1;
        }
        Ok(Some(fetch))
    }
}

//! Writing a bundle: entries that the receiver is not known to hold, receipts, and as many attachments as there
//! is room for.

use std::io::Write;

use sanji_log::attachment::chunk_count;
use sanji_log::{LogId, PublicKey, Run, StationCode, Stretch};
use sanji_replication::attachment::{AttachmentMessage, ChunkReply, ChunkRequest, REQUEST_MAX_CHUNKS, WHO_HOLDS};
use sanji_replication::bundle::{
    ATTACHMENTS_MAX, BATCH_BYTES, BRANCHES_ASKED_MAX, Enrolment, FORMAT, Frame, Freight, FreightItem, Head, LastHave,
    Packing, REQUESTS_MAX, STRETCHES_MAX, known_to_hold,
};
use sanji_replication::limits::CONDITIONS_MAX;
use sanji_replication::verify::Ends;
use sanji_replication::{Action, CaseKeyMessage, Message, Settings};

use super::cipher::{Address, Kind, encrypt};
use super::frames::FrameWriter;
use crate::host::Host;
use crate::pump::now_ms;
use crate::{Error, Identity, Result};

/// Chunks read at a time.
const READ_CHUNKS: u32 = 8;

/// For whom a bundle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receiver {
    /// The station: one above or below this one.
    pub station: StationCode,
    /// Its signing key, as the directory gives it.
    pub key: PublicKey,
}

/// What may go in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportOptions {
    /// Most bytes of attachments; 0: none.
    pub attachments_max_bytes: u64,
    /// What the receiver's last bundle asked for ([`ImportSummary::asked`](super::ImportSummary::asked)).
    pub asked: Vec<ChunkRequest>,
    /// Entries that it has lost, and its last bundle asked for
    /// ([`ImportSummary::lost`](super::ImportSummary::lost)).
    pub lost: Vec<Stretch>,
    /// What its last bundle said that it holds ([`ImportSummary::last_have`](super::ImportSummary::last_have)).
    pub last_have: LastHave,
    /// Where to begin with this station's version of logs that have forked, as its last bundle asked
    /// ([`ImportSummary::branches_asked`](super::ImportSummary::branches_asked)).
    pub branches: Vec<(LogId, u64)>,
    /// From where on its version of forked logs is wanted
    /// ([`ImportSummary::branches_wanted`](super::ImportSummary::branches_wanted)).
    pub branches_wanted: Vec<(LogId, u64)>,
    /// The receiver's life is over: it hears what is public, and so what became of it, and nothing else. So it is
    /// anyway where its key is revoked.
    pub only_public: bool,
    /// Makes the receiver a station of the district: the hub's answer to its request.
    pub enrolment: Option<Enrolment>,
}

impl Default for ExportOptions {
    /// Half of what FAT32, the usual format of a stick, takes as one file.
    fn default() -> Self {
        Self {
            attachments_max_bytes: 2 << 30,
            asked: Vec::new(),
            lost: Vec::new(),
            last_have: LastHave::default(),
            branches: Vec::new(),
            branches_wanted: Vec::new(),
            only_public: false,
            enrolment: None,
        }
    }
}

/// What went in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExportSummary {
    /// Entries.
    pub entries: u64,
    /// Entries that the receiver has lost.
    pub entries_again: u64,
    /// Receipts.
    pub receipts: u64,
    /// Attachments, whole or from the chunk on that the receiver lacks.
    pub attachments: u64,
    /// Their bytes.
    pub attachment_bytes: u64,
    /// Attachments for which there was no room, or which are not here.
    pub attachments_left: u64,
}

/// Writes a bundle. `progress` hears what is in so far, frame by frame. Blocks, and needs little memory however
/// much there is to write. The output is whole when this returns `Ok`; making it durable is for the caller.
///
/// # Errors
/// [`Error::Bundle`] where the receiver is not a station above or below this one, or its key is another's or
/// unusable; [`Error::Io`] where the output can't be written.
pub fn export(
    host: &dyn Host,
    identity: &Identity,
    receiver: Receiver,
    output: impl Write,
    options: &ExportOptions,
    progress: &mut dyn FnMut(&ExportSummary),
) -> Result<ExportSummary> {
    let me = host.me();
    let only_public = check(host, receiver)? || options.only_public;
    let address = Address { kind: Kind::Bundle, sender: me, receiver: receiver.station };
    let output = encrypt(output, address, receiver.key)?;
    let frames = FrameWriter::new(output, identity.signing_key.clone());
    let freight = Freight::default();
    let mut export = Export { host, receiver, frames, freight, summary: ExportSummary::default(), progress };
    export.frames.write(Frame::Head(Head {
        format: FORMAT,
        certificate: identity.certificate_der.clone(),
        receiver: receiver.station,
        receiver_key: receiver.key,
        created_ms: now_ms(),
    }))?;
    if let Some(enrolment) = &options.enrolment {
        export.frames.write(Frame::Enrolment(enrolment.clone()))?;
    }
    if only_public {
        export.entries(&options.last_have, true)?;
    } else {
        export.everything(options)?;
    }
    let Export { frames, summary, .. } = export;
    frames
        .end()?
        .finish()
        .map_err(|source| Error::Io { operation: "write the bundle", source })?
        .flush()
        .map_err(|source| Error::Io { operation: "write the bundle", source })?;
    Ok(summary)
}

/// Whether the receiver's key is revoked.
fn check(host: &dyn Host, receiver: Receiver) -> Result<bool> {
    let me = host.me();
    if me == receiver.station || !(me.within(receiver.station) || receiver.station.within(me)) {
        return Err(Error::bundle("can only be for a station above or below this one"));
    }
    match host.directory().get(&receiver.key) {
        Some(record) if record.station != receiver.station => {
            Err(Error::bundle("can't be for a key that is another station's"))
        }
        record => Ok(record.is_some_and(|record| record.revoked)),
    }
}

struct Export<'a, W> {
    host: &'a dyn Host,
    receiver: Receiver,
    frames: FrameWriter<W>,
    freight: Freight,
    summary: ExportSummary,
    progress: &'a mut dyn FnMut(&ExportSummary),
}

impl<W: Write> Export<'_, W> {
    fn everything(&mut self, options: &ExportOptions) -> Result<()> {
        let lacking = self.host.attachments_lacking_at(self.receiver.station, ATTACHMENTS_MAX);
        self.freight = Freight::new(&options.asked, &lacking);
        self.entries(&options.last_have, false)?;
        self.conditions()?;
        options.lost.iter().try_for_each(|stretch| self.again(stretch))?;
        self.damaged()?;
        options.branches.iter().try_for_each(|(log, from)| self.branch(*log, *from))?;
        for (log, from) in options.branches_wanted.iter().copied().take(BRANCHES_ASKED_MAX) {
            self.write(Frame::Link(Message::BranchWanted { log, from }))?;
        }
        self.requests()?;
        self.holders(&options.asked)?;
        self.attachments(options.attachments_max_bytes)
    }

    /// Hello, Have, Entries, Receipts.
    fn entries(&mut self, last_have: &LastHave, only_public: bool) -> Result<()> {
        let (host, Receiver { station, key }) = (self.host, self.receiver);
        let settings = Settings { software: host.software(), ..Settings::new(host.me(), station, key) };
        let have = host.have(station);
        let known = last_have.correct(&known_to_hold(&have, &host.receipts_of(station), station, key));
        let packing = Packing::new(settings);
        let mut packing = if only_public { packing.only_public() } else { packing };
        let mut todo = packing.begin(&have, &known, &host.directory(), now_ms());
        // One load is under way at a time, so this list stays short.
        while !todo.is_empty() {
            for action in std::mem::take(&mut todo) {
                let Action::Load { log, from, max_bytes } = action else {
                    self.carry_out(action)?;
                    continue;
                };
                let loaded = self.load(&log, from, max_bytes);
                let (run, case_keys) = loaded.map_or_else(Default::default, |(run, keys)| (Some(run), keys));
                todo.extend(packing.loaded(log, run, case_keys, &host.directory(), now_ms()));
            }
        }
        let receipts = packing.receipts(host.receipts_for(station), &host.directory(), now_ms());
        receipts.into_iter().try_for_each(|action| self.carry_out(action))
    }

    /// How this station and those below it are, for a station above.
    fn conditions(&mut self) -> Result<()> {
        if !self.host.me().within(self.receiver.station) {
            return Ok(());
        }
        let conditions = self.host.conditions();
        conditions
            .chunks(CONDITIONS_MAX)
            .try_for_each(|part| self.write(Frame::Link(Message::Conditions(part.to_vec()))))
    }

    /// None: nothing there, or it can't be read.
    fn load(&self, log: &LogId, from: u64, max_bytes: usize) -> Option<(Run, Vec<CaseKeyMessage>)> {
        self.host.load(log, from, max_bytes).unwrap_or_else(|error| {
            tracing::error!(log = %log, seq = from, error, "can't read a log for a bundle");
            None
        })
    }

    /// Entries that the receiver has lost, as far as they are here.
    fn again(&mut self, stretch: &Stretch) -> Result<()> {
        let Stretch { log, mut from, until } = *stretch;
        if !(Ends { me: self.host.me(), peer: self.receiver.station }).share(&log) {
            return Ok(());
        }
        while from <= until {
            let Some((run, case_keys)) = self.load(&log, from, BATCH_BYTES) else { break };
            from = run.seal.seq + 1;
            self.summary.entries_again += run.entries.len() as u64;
            self.write(Frame::Link(Message::EntriesAgain { run, case_keys }))?;
        }
        Ok(())
    }

    /// This station's version of a log that has forked, to its end.
    fn branch(&mut self, log: LogId, mut from: u64) -> Result<()> {
        if !(Ends { me: self.host.me(), peer: self.receiver.station }).share(&log) {
            return Ok(());
        }
        while let Some((run, case_keys)) = self.load(&log, from, BATCH_BYTES) {
            from = run.seal.seq + 1;
            self.write(Frame::Link(Message::Branch { run, case_keys }))?;
        }
        Ok(())
    }

    /// What this station has lost of its entries, for the next bundle the other way.
    fn damaged(&mut self) -> Result<()> {
        let damaged = self.host.damaged(self.receiver.station);
        damaged.into_iter().take(STRETCHES_MAX).try_for_each(|Stretch { log, from, until }| {
            self.write(Frame::Link(Message::EntriesWanted { log, from, until: Some(until) }))
        })
    }

    fn carry_out(&mut self, action: Action) -> Result<()> {
        match action {
            Action::Send(message) => {
                match &message {
                    Message::Entries(entries) => {
                        for run in &entries.runs {
                            self.summary.entries += run.entries.len() as u64;
                            self.freight.note(run);
                        }
                    }
                    Message::Receipts(receipts) => self.summary.receipts += receipts.len() as u64,
                    _ => {}
                }
                self.write(Frame::Link(message))
            }
            Action::Alert { log, seq, reason, detail } => {
                self.host.alert(self.receiver.station, log, seq, reason, detail);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What this station lacks, and which attachments it wants to know the holders of, for the next bundle the other
    /// way.
    fn requests(&mut self) -> Result<()> {
        let mut places_left = REQUESTS_MAX;
        for wanted in self.host.wanted_attachments(self.receiver.station, REQUESTS_MAX) {
            let state = self
                .host
                .attachment_state(&wanted.id)
                .map_err(|source| Error::Host { operation: "look an attachment up", source })?;
            let left = chunk_count(wanted.size).saturating_sub(state.chunks);
            if left > 0 {
                self.write(Frame::Attachment(AttachmentMessage::Request(ChunkRequest {
                    case: wanted.case,
                    id: wanted.id,
                    first_chunk: state.chunks,
                    count: left.min(REQUEST_MAX_CHUNKS),
                    want_manifest: state.manifest.is_empty(),
                    urgent: wanted.urgent,
                    tell: false,
                })))?;
                places_left -= 1;
            }
        }
        for (case, id) in self.host.unconfirmed_attachments(self.receiver.station, places_left) {
            self.write(Frame::Attachment(AttachmentMessage::Request(ChunkRequest {
                case,
                id,
                first_chunk: WHO_HOLDS,
                count: 1,
                want_manifest: false,
                urgent: false,
                tell: false,
            })))?;
        }
        Ok(())
    }

    /// Answers which stations hold what the receiver wants to know that of.
    fn holders(&mut self, asked: &[ChunkRequest]) -> Result<()> {
        for request in asked.iter().filter(|request| request.first_chunk == WHO_HOLDS) {
            let holders = self
                .host
                .attachment_holders(self.receiver.station, request.case, &request.id)
                .map_err(|source| Error::Host { operation: "look up who holds an attachment", source })?;
            if !holders.held_by.is_empty() {
                self.write(Frame::Attachment(AttachmentMessage::Reply(ChunkReply {
                    held_by: holders.held_by,
                    ..ChunkReply::without_data(request.id, WHO_HOLDS)
                })))?;
            }
        }
        Ok(())
    }

    fn attachments(&mut self, max_bytes: u64) -> Result<()> {
        let freight = std::mem::take(&mut self.freight);
        for item in freight {
            match self.attachment(item, max_bytes) {
                Ok(true) => self.summary.attachments += 1,
                Ok(false) => self.summary.attachments_left += 1,
                Err(Error::Host { operation, source }) => {
                    self.summary.attachments_left += 1;
                    tracing::error!(attachment = %item.id, error = source, "can't {operation}");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes the chunks that are here and have room. Whether all went in.
    fn attachment(&mut self, item: FreightItem, max_bytes: u64) -> Result<bool> {
        let mut next = item.first_chunk;
        loop {
            let request = ChunkRequest {
                case: item.case,
                id: item.id,
                first_chunk: next,
                count: READ_CHUNKS,
                want_manifest: next == item.first_chunk,
                urgent: false,
                tell: false,
            };
            let answer = self
                .host
                .attachment_chunks(self.receiver.station, request)
                .map_err(|source| Error::Host { operation: "read an attachment for a bundle", source })?;
            if answer.chunks.is_empty() {
                return Ok(false);
            }
            let mut manifest = answer.manifest;
            for data in answer.chunks {
                if self.summary.attachment_bytes + data.len() as u64 > max_bytes {
                    return Ok(false);
                }
                self.summary.attachment_bytes += data.len() as u64;
                let chunk = next;
                next += 1;
                let last = next >= chunk_count(answer.size);
                self.write(Frame::Attachment(AttachmentMessage::Reply(ChunkReply {
                    manifest: std::mem::take(&mut manifest).into(),
                    size: answer.size,
                    data,
                    last,
                    ..ChunkReply::without_data(item.id, chunk)
                })))?;
                if last {
                    return Ok(true);
                }
            }
        }
    }

    fn write(&mut self, frame: Frame) -> Result<()> {
        self.frames.write(frame)?;
        (self.progress)(&self.summary);
        Ok(())
    }
}

//! What links ask of the station.

use std::sync::Arc;

use sanji_link::{
    AttachmentState, BoxFuture, Change, ChunkAnswer, Holders, Host, HostError, LinkState, StoreOutcome,
    WantedAttachment,
};
use sanji_log::{AttachmentId, CaseId, Have, LogId, PublicKey, Reach, Receipt, Run, StationCode, Stretch};
use sanji_proto::v1 as proto;
use sanji_replication::attachment::ChunkRequest;
use sanji_replication::bundle::FreightItem;
use sanji_replication::{CaseKeyMessage, Directory, RefusalReason, StationCondition, VerifiedRun};
use tokio::sync::{broadcast, watch};

use crate::clock::now_ms;
use crate::compression;
use crate::core::reference::KeyLife;
use crate::error::{Error, Failure, store};
use crate::station::{Station, random, reason_name};
use crate::vault::{CaseKey, bare};

/// Times noted in one commit: they share it with what was received.
const NOTED_AT_ONCE: usize = 512;

impl Host for Station {
    fn me(&self) -> StationCode {
        self.reader().me()
    }

    fn instance(&self) -> Option<[u8; 16]> {
        Some(self.own_instance())
    }

    fn compression(&self, peer: StationCode) -> Option<u64> {
        self.links().can_restore(peer).then(compression::fingerprint)
    }

    fn lay_bare(&self, entries: proto::Entries) -> Result<proto::BareEntries, proto::Entries> {
        bare::lay_bare(entries)
    }

    fn restore(&self, peer: StationCode, bare: proto::BareEntries) -> Result<proto::Entries, HostError> {
        bare::restore(bare).map_err(|error| {
            // Else the next link would end the same way.
            self.links().restore_no_more(peer);
            error.into()
        })
    }

    fn greeted(&self, peer: StationCode, key: PublicKey, instance: [u8; 16]) {
        if self.links().greeted(key, instance) {
            return;
        }
        tracing::error!(peer.station = %peer, peer.key = ?key, "two machines are linked with one key in turns");
        let log = LogId { home: peer, reach: Reach::Private, key };
        self.committer().write_soon(move |core, now| core.note_clone(log, now).map_err(Failure::Internal));
    }

    fn branch_wanted(&self, log: &LogId, seq: u64) -> Option<u64> {
        self.reader().branch_wanted(log, seq)
    }

    fn keep_branch(&self, peer: StationCode, run: Run, case_keys: Vec<CaseKeyMessage>) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async move {
            let write = self.committer().write(move |core, now| {
                core.keep_branch(peer, run, &case_keys, now, &mut random).map_err(Failure::Internal)
            });
            match write.await {
                Ok((wanted, _)) => wanted,
                Err(failure) => {
                    let reason = &failure as &dyn std::error::Error;
                    tracing::error!(peer.station = %peer, reason, "evidence of a fork was not kept");
                    None
                }
            }
        })
    }

    fn damaged(&self, peer: StationCode) -> Vec<Stretch> {
        let mut missing = self.reader().store().missing();
        missing.extend(self.reader().openings_of_sought_keys(now_ms()));
        missing.retain(|stretch| stretch.log.held_by(peer));
        missing.sort_unstable();
        missing
    }

    fn keep_again(&self, peer: StationCode, run: Run, case_keys: Vec<CaseKeyMessage>) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async move {
            let write = self
                .committer()
                .write(move |core, now| core.heal(peer, run, &case_keys, now, &mut random).map_err(Failure::Internal));
            match write.await {
                Ok((wanted, _)) => wanted,
                Err(failure) => {
                    let reason = &failure as &dyn std::error::Error;
                    tracing::error!(peer.station = %peer, reason, "damaged entries were not healed");
                    None
                }
            }
        })
    }

    fn keep_aside(
        &self,
        peer: StationCode,
        runs: Vec<Run>,
        case_keys: Vec<CaseKeyMessage>,
    ) -> BoxFuture<'_, Result<(), HostError>> {
        Box::pin(async move {
            let write = self.committer().write(move |core, now| {
                core.keep_aside(peer, runs, &case_keys, now, &mut random).map_err(Failure::Internal)
            });
            write.await?;
            Ok(())
        })
    }

    fn have(&self, peer: StationCode) -> Have {
        self.reader().store().have_for(peer)
    }

    fn directory(&self) -> Arc<Directory> {
        self.reference().directory().clone()
    }

    fn load(&self, log: &LogId, from: u64, max_bytes: usize) -> Result<Option<(Run, Vec<CaseKeyMessage>)>, HostError> {
        let reader = self.reader();
        let Some(run) = reader.store().read(log, from, max_bytes).map_err(store("read a log"))? else {
            return Ok(None);
        };
        let case_keys = opened(&run).map(|case| self.key_for_peer(case));
        let case_keys = case_keys.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        Ok(Some((run, case_keys)))
    }

    fn has_ended(&self) -> bool {
        Station::has_ended(self).is_some()
    }

    fn load_recent(&self, log: &LogId, from: u64, max_bytes: usize) -> Option<(Run, Vec<CaseKeyMessage>)> {
        let run = self.reader().recent(log, from, max_bytes)?;
        let key = |case| Some(key_message(case, &self.reader().case_key_at_hand(&case)?));
        let case_keys = opened(&run).map(key).collect::<Option<_>>()?;
        Some((run, case_keys))
    }

    fn store(
        &self,
        peer: StationCode,
        runs: Vec<VerifiedRun>,
        case_keys: Vec<CaseKeyMessage>,
    ) -> BoxFuture<'_, Result<StoreOutcome, HostError>> {
        Box::pin(async move {
            let (offset_ms, may_write) = (self.offset_of(peer), self.check_may_write().is_ok());
            let write = self.committer().write(move |core, now| {
                let doubtful = if may_write { core.doubtful(peer, &runs, offset_ms, now) } else { Vec::new() };
                let outcome = core.receive(peer, runs, &case_keys, now, &mut random).map_err(Failure::Internal)?;
                let (at_once, later) = doubtful.split_at(doubtful.len().min(NOTED_AT_ONCE));
                core.note_times(peer, at_once, offset_ms, now).map_err(Failure::Internal)?;
                Ok((outcome, later.to_vec()))
            });
            let ((outcome, later), committed) = write.await?;
            for part in later.chunks(NOTED_AT_ONCE) {
                let part = part.to_vec();
                let write = self
                    .committer()
                    .write(move |core, now| core.note_times(peer, &part, offset_ms, now).map_err(Failure::Internal));
                write.await?;
            }
            let me = self.me();
            let own = |receipt: &&Receipt| receipt.station == me && outcome.accepted.contains(&receipt.head.log);
            let receipts = committed.receipts.iter().filter(own).cloned().collect();
            Ok(StoreOutcome { receipts, refused: outcome.refused })
        })
    }

    fn introduce(&self, peer: StationCode, run: Run) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let log = run.log;
            match self.adopt(vec![run]).await {
                Ok(()) => tracing::info!(peer.station = %peer, log.home = %log.home, "a new writer has proved its key"),
                Err(failure) => {
                    let reason = &failure as &dyn std::error::Error;
                    tracing::debug!(peer.station = %peer, log.home = %log.home, reason, "an unknown writer stays unknown");
                }
            }
        })
    }

    fn keep_receipts(&self, _peer: StationCode, receipts: Vec<Receipt>) {
        self.committer().keep_soon(receipts);
    }

    fn alert(&self, peer: StationCode, log: LogId, seq: u64, reason: RefusalReason, detail: String) {
        tracing::warn!(peer.station = %peer, log.home = %log.home, log.seq = seq, %reason, detail, "a log is refused");
        if self.links().refused(log, seq, reason, detail.clone(), now_ms()) {
            let subject = format!("{}/{seq} from {peer}", log.home);
            self.record("link.refused", "", &subject, &format!("{reason}: {detail}"));
            let name = reason_name(reason);
            self.committer().write_soon(move |core, now| {
                core.note_refused(peer, log, seq, &name, &detail, now).map_err(Failure::Internal)
            });
        }
    }

    fn receipts_for(&self, peer: StationCode) -> Vec<Receipt> {
        self.receipts_shared_with(peer, |receipt| receipt.station != peer)
    }

    fn receipts_of(&self, peer: StationCode) -> Vec<Receipt> {
        // What a former life of the peer held may have died with it.
        let reference = self.reference();
        let lives = |receipt: &Receipt| reference.keys().get(&receipt.key).is_some_and(KeyLife::is_living);
        self.receipts_shared_with(peer, |receipt| receipt.station == peer && lives(receipt))
    }

    fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.news().subscribe()
    }

    fn conditions(&self) -> Vec<StationCondition> {
        let mut conditions = self.conditions_below();
        conditions.insert(0, self.condition());
        conditions
    }

    fn keep_conditions(&self, _peer: StationCode, conditions: Vec<StationCondition>) {
        self.hear_conditions(conditions);
    }

    fn link_changed(&self, peer: StationCode, state: LinkState) {
        self.compare_clocks(peer, state.clock_offset_ms);
        if state.connected && state.in_sync {
            self.heard(peer);
        }
        self.links().changed(peer, state);
    }

    fn wanted_attachments(&self, peer: StationCode, limit: usize) -> Vec<WantedAttachment> {
        let wanted = self.missing(peer, limit);
        self.movements().want(&wanted);
        wanted
    }

    fn attachment_chunks(&self, peer: StationCode, request: ChunkRequest) -> Result<ChunkAnswer, HostError> {
        self.chunks_for(peer, request)
    }

    fn attachment_state(&self, id: &AttachmentId) -> Result<AttachmentState, HostError> {
        let held = self.reader().store().attachment(id).map_err(store("look an attachment up"))?;
        Ok(AttachmentState { chunks: held.chunks, size: held.size, manifest: held.manifest, complete: held.complete })
    }

    fn put_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), HostError> {
        Ok(self.reader().store().put_manifest(id, manifest, size).map_err(store("keep a manifest"))?)
    }

    fn put_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<bool, HostError> {
        self.keep_chunk(id, chunk, data)
    }

    fn chunks_came(&self) -> watch::Receiver<u64> {
        self.movements().news()
    }

    fn want_first(&self, case: CaseId, id: AttachmentId) {
        self.put_first(case, id);
    }

    fn attachment_holders(&self, peer: StationCode, case: CaseId, id: &AttachmentId) -> Result<Holders, HostError> {
        self.holders_for(peer, case, id)
    }

    fn unconfirmed_attachments(&self, peer: StationCode, limit: usize) -> Vec<(CaseId, AttachmentId)> {
        self.unconfirmed(peer, limit)
    }

    fn attachments_lacking_at(&self, station: StationCode, limit: usize) -> Vec<FreightItem> {
        self.lacking_at(station, limit)
    }

    fn keep_holders(&self, case: CaseId, id: AttachmentId, held_by: Vec<StationCode>) {
        self.keep_holders(case, id, held_by);
    }
}

/// The cases that a run opens.
fn opened(run: &Run) -> impl Iterator<Item = CaseId> {
    run.entries.iter().filter_map(|entry| entry.case().opened)
}

fn key_message(case: CaseId, key: &CaseKey) -> CaseKeyMessage {
    CaseKeyMessage { case, key: Some(key.bytes()) }
}

impl Station {
    /// None: it never came here, which says nothing about keys elsewhere, or it was destroyed. Or it can't be read: the
    /// entries must go on all the same, and those behind them.
    fn key_for_peer(&self, case: CaseId) -> Result<Option<CaseKeyMessage>, Error> {
        match self.reader().case_key(&case) {
            Err(error @ (Error::Vault { .. } | Error::Store { source: sanji_store::Error::Damaged { .. }, .. })) => {
                let (case, reason) = (case.number(), &error as &dyn std::error::Error);
                tracing::error!(%case, reason, "the key of a case can't be read, so a peer gets its entries without");
                Ok(None)
            }
            read => Ok(read?.map(|key| key_message(case, &key))),
        }
    }

    /// Receipts for logs that a peer may hold too.
    fn receipts_shared_with(&self, peer: StationCode, wanted: impl Fn(&Receipt) -> bool) -> Vec<Receipt> {
        let store = self.reader().store();
        let have = store.have_for(peer);
        have.heads().flat_map(|head| store.receipts(&head.log)).filter(wanted).collect()
    }
}

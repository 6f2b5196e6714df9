//! Entries that are damaged here: what a peer holds of them is checked and put in their place, and what follows from
//! them is derived again.

use sanji_log::{Entry, EntryBytes, LogId, Run, StationCode, Stretch};
use sanji_replication::CaseKeyMessage;

use super::fold::Fold;
use super::forks::unless_damaged;
use super::receive::CaseKeys;
use super::reference::ReferenceData;
use super::{Core, Random};
use crate::error::{Error, store, stored};

/// Most bytes of entries gathered for one record: the largest that a record can have, and what a peer sends beyond.
const GATHERED_MAX_BYTES: usize = 8 << 20;

impl Core {
    /// Puts entries that a peer sent in the place of damaged ones, and keys in the place of damaged keys. The entries must
    /// be signed by the log's writer, follow what is held and be followed by it. Returns from where on more of the log is
    /// wanted.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn heal(
        &mut self,
        peer: StationCode,
        run: Run,
        case_keys: &[CaseKeyMessage],
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<Option<u64>, Error> {
        let log = run.log;
        let keys: CaseKeys = case_keys.iter().filter_map(|message| Some((message.case, message.key?))).collect();
        self.heal_keys(peer, &run, &keys, now_ms, random)?;
        let run = self.gathered(run);
        let Some(stretch) = self.stretch(&log).filter(|stretch| stretch.from == run.first_seq()) else {
            return Ok(None);
        };
        let first = run.entries.first().map(EntryBytes::decode).transpose().map_err(stored("entry"))?;
        let before = first.and_then(|first| first.prev.map(|prev| (first.seq - 1, prev)));
        let Ok(entries) = run.verify(before) else {
            tracing::warn!(peer.station = %peer, log = %log, "entries that their writer did not sign don't heal anything");
            return Ok(None);
        };
        if !self.belongs(&stretch, &entries)? {
            tracing::warn!(peer.station = %peer, log = %log, "entries of another branch don't heal anything");
            return Ok(None);
        }
        self.take_keys(peer, &entries, &keys, random)?;
        if !self.store().heal(&run, now_ms).map_err(store("heal damaged entries"))? {
            let next = run.seal.seq + 1;
            let has_room = run.size() < GATHERED_MAX_BYTES;
            if has_room {
                self.healing.insert(log, run);
            }
            return Ok(has_room.then_some(next));
        }
        self.derive_again(&entries)?;
        Ok(self.stretch(&log).map(|stretch| stretch.from))
    }

    /// Keeps keys that are damaged here or never came. That they open the entry that is held says enough. A peer that has the
    /// entry without its key is not asked every few seconds.
    fn heal_keys(
        &mut self,
        peer: StationCode,
        run: &Run,
        keys: &CaseKeys,
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<(), Error> {
        let mut openings = Vec::new();
        for entry in run.entries.iter().filter_map(|bytes| bytes.decode().ok()).filter(|entry| entry.opens_case) {
            let Some(case) = entry.case.filter(|case| self.reader.is_key_sought(case)) else { continue };
            if !keys.contains_key(&case) {
                self.reader.key_was_not_had(&case, now_ms);
            } else if self.held_as(&entry)? {
                openings.push(entry);
            }
        }
        self.take_keys(peer, &openings, keys, random)?;
        Ok(())
    }

    fn held_as(&self, entry: &Entry) -> Result<bool, Error> {
        match self.hash_at(&entry.log, entry.seq) {
            Err(Error::Store { source: sanji_store::Error::Damaged { .. }, .. }) => Ok(false),
            held => Ok(held? == Some(entry.hash)),
        }
    }

    /// What came before and did not reach far enough, with what follows it now.
    fn gathered(&mut self, run: Run) -> Run {
        match self.healing.remove(&run.log) {
            Some(mut before) if before.seal.seq + 1 == run.first_seq() => {
                before.entries.extend(run.entries);
                before.seal = run.seal;
                before
            }
            _ => run,
        }
    }

    fn stretch(&self, log: &LogId) -> Option<Stretch> {
        self.store().missing().into_iter().find(|stretch| stretch.log == *log)
    }

    /// Whether entries are those that stood there. Where nothing that can be read follows them yet, their writer's
    /// signature is enough, unless two machines have signed different ones.
    fn belongs(&self, stretch: &Stretch, entries: &[Entry]) -> Result<bool, Error> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(false) };
        let log = &stretch.log;
        let Some((head, hash)) = self.have.get(log) else { return Ok(false) };
        if last.seq > head {
            // The link brings the log's end first.
            return Ok(false);
        }
        if first.seq > 1 && self.hash_at(log, first.seq - 1)? != first.prev {
            return Ok(false);
        }
        if last.seq == head {
            return Ok(last.hash == hash);
        }
        if last.seq < stretch.until {
            return Ok(!self.reference().forks().contains_key(log));
        }
        // Held and readable: what stands just behind the stretch.
        let after = self.store().entry(log, stretch.until + 1).map_err(store("read an entry"))?;
        let after = after.map(|bytes| bytes.decode()).transpose().map_err(stored("entry"))?;
        let end = entries.iter().find(|entry| entry.seq == stretch.until).map(|entry| entry.hash);
        Ok(after.and_then(|after| after.prev) == end)
    }

    /// Cases and reference data as they are with entries that had been lost.
    fn derive_again(&self, entries: &[Entry]) -> Result<(), Error> {
        let branches = self.reader.counting_branches()?;
        let mut fold = Fold::default();
        for entry in entries {
            fold.entry(&self.reader, entry, &self.authority_der)?;
        }
        let cases: std::collections::BTreeSet<_> = entries
            .iter()
            .filter(|entry| !ReferenceData::concerns(entry))
            .filter_map(|entry| entry.case)
            .filter(|case| fold.touches(case))
            .collect();
        for case in cases {
            // More of it may be damaged; then it is derived again when that has come.
            unless_damaged(fold.anew(&self.reader, &case, &branches))?;
        }
        let reference = fold.settle();
        let decisions_touched = fold.decisions_touched;
        self.reader.show(fold);
        if let Some(reference) = reference {
            self.reader.publish(reference.into());
        }
        if decisions_touched {
            self.settle_decisions()?;
        }
        Ok(())
    }
}

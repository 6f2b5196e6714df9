//! Checking everything: frames, chains, seals, the index's places, attachments, the format file.

use std::collections::{BTreeMap, BTreeSet};

use sanji_log::{Hash, LogId, Run};

use super::{DiskStore, folder, read};
use crate::contract::{Error, Faults, Store};
use crate::journal::{Committed, Event, Position};

/// Faults that are listed; more are only counted.
const LISTED_MAX: usize = 1000;

impl DiskStore {
    pub(super) fn verify_all(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Faults, Error> {
        let mut check = Check { store: self, heads: BTreeMap::new(), faults: Faults::default(), unlisted: 0 };
        if let Err(error) = folder::check_format(&self.path, &self.path.join("FORMAT")) {
            check.note(error.to_string());
        }
        let size = self.journal.size();
        let frames = self.journal.check(
            &mut |event| {
                match event {
                    Event::Commit(committed) => check.commit(&committed),
                    Event::DamagedKey(position) => check.note(format!("journal {position}: no readable key")),
                    Event::Damage(what) => check.note(format!("journal {what}")),
                }
                Ok(())
            },
            &mut |checked| progress(checked.min(size), size),
        )?;
        check.compare_heads();
        let (attachments, faults) = self.attachments.verify()?;
        faults.into_iter().for_each(|fault| check.note(fault));
        if check.unlisted > 0 {
            check.faults.faults.push(format!("and {} more", check.unlisted));
        }
        Ok(Faults { frames, attachments, logs: check.heads.len() as u64, ..check.faults })
    }
}

struct Check<'a> {
    store: &'a DiskStore,
    heads: BTreeMap<LogId, (u64, Hash)>,
    faults: Faults,
    unlisted: u64,
}

impl Check<'_> {
    fn note(&mut self, fault: String) {
        if self.faults.faults.len() < LISTED_MAX {
            self.faults.faults.push(fault);
        } else {
            self.unlisted += 1;
        }
    }

    fn commit(&mut self, committed: &Committed) {
        for (start, extension) in &committed.record.runs {
            let run = &extension.run;
            let head = self.heads.get(&run.log).copied();
            if head != extension.extends {
                self.note(format!("log {} has a gap before seq {}", run.log, run.first_seq()));
            }
            if let Err(error) = run.verify(extension.extends) {
                self.note(error.to_string());
            }
            self.heads.insert(run.log, (run.seal.seq, run.seal.hash));
            self.faults.entries += run.entries.len() as u64;
            self.faults.seals += 1;
            self.compare_place(run, committed.payload.plus((*start).into()));
        }
        for receipt in &committed.record.receipts {
            if let Err(error) = receipt.verify() {
                self.note(format!("receipt of {} for log {}: {error}", receipt.station, receipt.head.log));
            }
        }
    }

    fn compare_place(&mut self, run: &Run, place: Position) {
        let row = self
            .store
            .log(&run.log)
            .and_then(|log| read::run_row_at(&self.store.index, log.number, run.first_seq()).ok().flatten());
        if row.is_none_or(|row| row.place != place || row.first_seq != run.first_seq()) {
            self.note(format!("the index lacks seq {} of log {}", run.first_seq(), run.log));
        }
    }

    /// The journal may have grown while it was checked, but no head may be behind it or missing from it.
    fn compare_heads(&mut self) {
        let have = self.store.have();
        let logs: BTreeSet<LogId> = have.0.keys().chain(self.heads.keys()).copied().collect();
        for log in logs {
            let (held, found) = (have.get(&log), self.heads.get(&log).copied());
            let agrees = match (held, found) {
                (Some((held, _)), Some((found, _))) if held > found => true,
                (held, found) => held == found,
            };
            if !agrees {
                self.note(format!("the head of log {log} is not the journal's"));
            }
        }
    }
}

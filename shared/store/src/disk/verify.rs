//! Checking everything: frames, chains, seals, the index's places, attachments, the format file.

use std::collections::{BTreeMap, BTreeSet};

use sanji_log::{Hash, Have, LogId, Run};

use super::{DiskStore, folder, read};
use crate::contract::{Error, Faults, Store};
use crate::journal::{Committed, Damage, Event, Position};

/// Faults that are listed; more are only counted.
const LISTED_MAX: usize = 1000;

impl DiskStore {
    pub(super) fn verify_all(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Faults, Error> {
        // Commits may go on: what is checked is what there is now.
        let (end, held) = {
            let progress = self.progress();
            (progress.end, self.have())
        };
        let mut check = Check {
            store: self,
            held,
            heads: BTreeMap::new(),
            gaps: Vec::new(),
            healed: Vec::new(),
            damage: Vec::new(),
            faults: Faults::default(),
            unlisted: 0,
        };
        if let Err(error) = folder::check_format(&self.path, &self.path.join("FORMAT")) {
            check.note(error.to_string());
        }
        let size = self.journal.size();
        let frames = self.journal.check(
            &mut |event| {
                match event {
                    Event::Commit(committed) if committed.write < end => check.commit(&committed),
                    Event::Commit(_) => {}
                    Event::DamagedKey(position) => check.note(format!("journal {position}: no readable key")),
                    Event::Damage(damage) => check.damage.push(damage),
                }
                Ok(())
            },
            &mut |checked| progress(checked.min(size), size),
        )?;
        check.judge_damage()?;
        check.compare_heads();
        let (attachments, faults) = self.attachments.verify()?;
        faults.into_iter().for_each(|fault| check.note(fault));
        if check.unlisted > 0 {
            check.faults.faults.push(format!("and {} more", check.unlisted));
        }
        Ok(Faults { frames, attachments, logs: check.heads.len() as u64, ..check.faults })
    }
}

/// Entries that no commit has, and between which places they stood.
struct Gap {
    log: LogId,
    from: u64,
    until: u64,
    after: Position,
    before: Position,
}

struct Check<'a> {
    store: &'a DiskStore,
    /// The heads when the check began.
    held: Have,
    /// Position and hash of the last run met, and where it stands.
    heads: BTreeMap<LogId, (u64, Hash, Position)>,
    gaps: Vec<Gap>,
    /// Log, first and last position of runs that stand in place of others.
    healed: Vec<(LogId, u64, u64)>,
    damage: Vec<Damage>,
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
            let (first, head) = (run.first_seq(), self.heads.get(&run.log).copied());
            if committed.healed {
                self.healed.push((run.log, first, run.seal.seq));
                let (end, after) = head.map_or((0, Position::default()), |(seq, _, place)| (seq, place));
                if run.seal.seq > end {
                    // The end of the log was healed: it stood before this.
                    let (from, until) = (end + 1, run.seal.seq);
                    self.gaps.push(Gap { log: run.log, from, until, after, before: committed.write });
                    self.heads.insert(run.log, (until, run.seal.hash, committed.write));
                }
            } else {
                let from = head.map_or(1, |(seq, ..)| seq + 1);
                let after = head.map_or(Position::default(), |(.., place)| place);
                let gap = Gap { log: run.log, from, until: first - 1, after, before: committed.write };
                match first > from {
                    true => self.gaps.push(gap),
                    false if head.map(|(seq, hash, _)| (seq, hash)) != extension.extends => {
                        self.note(format!("log {} does not go on at seq {first}", run.log));
                    }
                    false => {}
                }
                self.heads.insert(run.log, (run.seal.seq, run.seal.hash, committed.write));
            }
            let before = run.entries.first().and_then(|first| first.decode().ok()).and_then(|first| first.prev);
            if let Err(error) = run.verify(before.map(|prev| (first - 1, prev))) {
                self.note(error.to_string());
            }
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
            .and_then(|log| read::run_row_at(&self.store.index(), log.number, run.first_seq()).ok().flatten());
        // What stands in place of a damaged record stands further on.
        if row.is_none_or(|row| row.place < place) {
            self.note(format!("the index lacks seq {} of log {}", run.first_seq(), run.log));
        }
    }

    /// Damage that was healed is none any more. What is met here for the first time is missing from now on.
    fn judge_damage(&mut self) -> Result<(), Error> {
        let damage = std::mem::take(&mut self.damage);
        let mut lost = Vec::new();
        for Damage { from, until, .. } in &damage {
            lost.push(self.store.note_damage(*from, *until)? > 0);
        }
        self.store.look_again(lost.contains(&true))?;
        for (Damage { what, from, until }, lost) in damage.into_iter().zip(lost) {
            let mut gaps = self.gaps.iter().filter(|gap| gap.after <= from && from < gap.before).peekable();
            let healed = gaps.peek().is_some() && gaps.all(|gap| self.is_healed(gap));
            if lost || from == until || !healed {
                self.note(format!("journal {what}"));
            }
        }
        for stretch in self.store.missing() {
            self.note(format!("entries {} to {} of log {} are missing", stretch.from, stretch.until, stretch.log));
        }
        for gap in std::mem::take(&mut self.gaps) {
            if !self.is_healed(&gap) {
                self.note(format!("log {} has a gap before seq {}", gap.log, gap.until + 1));
            }
        }
        Ok(())
    }

    /// Whether runs that stand in place of others have all entries of a gap.
    fn is_healed(&self, gap: &Gap) -> bool {
        let mut next = gap.from;
        while let Some((.., last)) =
            self.healed.iter().find(|(log, first, last)| *log == gap.log && *first <= next && next <= *last)
        {
            next = last + 1;
        }
        next > gap.until
    }

    fn compare_heads(&mut self) {
        let logs: BTreeSet<LogId> = self.held.0.keys().chain(self.heads.keys()).copied().collect();
        for log in logs {
            let found = self.heads.get(&log).map(|(seq, hash, _)| (*seq, *hash));
            if self.held.get(&log) != found {
                self.note(format!("the head of log {log} is not the journal's"));
            }
        }
    }
}

//! Who hears of a commit: links push it on, watchers see it.

use std::collections::BTreeSet;

use sanji_link::Change;
use sanji_log::CaseId;
use tokio::sync::broadcast;

use crate::core::{Committed, Confirmed, Reader};
use crate::watch::Watchers;

/// Changes that a slow link may lag behind; further back it looks at the heads afresh.
const CHANGES: usize = 1024;
/// Bytes of entries looked at to find the cases that a receipt is about.
const CONFIRMED_BYTES: usize = 1 << 20;

/// Everybody who hears of commits.
pub(crate) struct News {
    reader: Reader,
    changes: broadcast::Sender<Change>,
    pub(crate) watchers: Watchers,
}

impl News {
    pub(crate) fn new(reader: Reader) -> Self {
        Self { reader, changes: broadcast::Sender::new(CHANGES), watchers: Watchers::default() }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Tells of a commit, once it is durable.
    pub(crate) fn tell(&self, committed: &Committed) {
        if committed.reference_changed {
            self.change(Change::Directory);
        }
        if !committed.heads.is_empty() {
            self.change(Change::Heads(committed.heads.clone()));
        }
        if !committed.receipts.is_empty() {
            self.change(Change::Receipts(committed.receipts.clone()));
        }
        if committed.attachments_changed {
            self.change(Change::Attachments);
        }
        self.watchers.tell(&committed.cases);
    }

    /// Tells those who watch of the cases that receipts have moved on. They are looked up in the store, so nobody should
    /// wait for it.
    pub(crate) fn tell_confirmed(&self, committed: &Committed) {
        if !self.watchers.is_empty() {
            let cases: BTreeSet<CaseId> = committed.confirmed.iter().flat_map(|moved| self.cases_of(moved)).collect();
            self.watchers.tell(&Vec::from_iter(cases));
        }
    }

    /// Links are to look afresh at what this station lacks.
    pub(crate) fn attachments_wanted(&self) {
        self.change(Change::Attachments);
    }

    /// Entries were found damaged: links are to ask for them.
    pub(crate) fn damaged(&self) {
        self.change(Change::Damaged);
    }

    /// Links are to try a refused log again.
    pub(crate) fn ask_again(&self, log: sanji_log::LogId) {
        self.change(Change::AskAgain(log));
    }

    fn change(&self, change: Change) {
        // Without links nobody listens, and that is no fault.
        let _ = self.changes.send(change);
    }

    /// The cases whose delivery ticks a receipt has moved. Only for show, so what can't be read is left out.
    fn cases_of(&self, confirmed: &Confirmed) -> BTreeSet<CaseId> {
        let run = self.reader.store().read(&confirmed.log, confirmed.from, CONFIRMED_BYTES).ok().flatten();
        let entries = run.into_iter().flat_map(|run| run.entries);
        let decoded = entries.filter_map(|bytes| bytes.decode().ok());
        decoded.take_while(|entry| entry.seq <= confirmed.until).filter_map(|entry| entry.case).collect()
    }
}

//! Folding entries into state: what a group of entries changes, kept aside until the group is durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use sanji_domain::case::{Body, Case, CaseEntry, StepEvent};
use sanji_log::{CaseId, CaseNumber, Entry, RequestId};
use sanji_store::{CaseSnapshot, Projection, Row};

use super::filed::{FiledCase, case_entry};
use super::reader::Reader;
use super::reference::ReferenceData;
use super::rows::{MISSING, Place, REQUESTS, UNFILED, filing, missing_key, no_row, request_key, row};
use crate::error::{Error, store};

/// Most cases that are filed anew in one commit when the catalogue has grown.
const REFILED_AT_ONCE: usize = 1000;

/// Changes of a group that is not durable yet.
#[derive(Default)]
pub(super) struct Fold {
    reference: Option<ReferenceData>,
    cases: BTreeMap<CaseId, Folding>,
    requests: BTreeMap<RequestId, CaseId>,
    rows: Vec<Row>,
    attachments_missing: bool,
}

struct Folding {
    filed: FiledCase,
    was_open: bool,
}

/// What a fold has changed.
pub(super) struct Effects {
    pub(super) projection: Projection,
    pub(super) reference: Option<ReferenceData>,
    pub(super) cases: Vec<CaseId>,
    pub(super) opened: i64,
    pub(super) attachments_missing: bool,
}

impl Fold {
    /// Takes an entry in. Entries that say nothing to this release change nothing.
    pub(super) fn entry(&mut self, reader: &Reader, entry: &Entry, authority_der: &[u8]) -> Result<(), Error> {
        if ReferenceData::concerns(entry.kind) {
            self.reference_entry(reader, entry, authority_der);
            return Ok(());
        }
        let Some(id) = entry.case else { return Ok(()) };
        for attachment in &entry.attachments {
            let here = reader.store().attachment(&attachment.id).map_err(store("look an attachment up"))?;
            if !here.complete {
                let size = attachment.size.to_be_bytes().to_vec();
                self.rows.push(row(MISSING, missing_key(&id, &attachment.id), size));
                self.attachments_missing = true;
            }
        }
        let writer = reader.writer(&self.reference(reader), entry);
        if let Some(entry) = case_entry(entry, writer) {
            self.note_request(&id, &entry);
            self.folding(reader, &id)?.filed.case.apply(&entry);
        }
        Ok(())
    }

    fn reference_entry(&mut self, reader: &Reader, entry: &Entry, authority_der: &[u8]) {
        let reference = self.reference.get_or_insert_with(|| (*reader.reference()).clone());
        match reference.fold(entry, authority_der) {
            Ok((list, key)) => {
                let place = Place { log: entry.log, seq: entry.seq };
                self.rows.push(row(list, key, postcard::to_allocvec(&place).unwrap_or_default()));
            }
            Err(reason) => tracing::warn!(
                log.home = %entry.log.home,
                log.seq = entry.seq,
                entry.kind = entry.kind,
                reason = &reason as &dyn std::error::Error,
                "an entry of the reference data does not count"
            ),
        }
    }

    fn note_request(&mut self, case: &CaseId, entry: &CaseEntry) {
        let Body::Step(step) = &entry.body else { return };
        if let (StepEvent::Submitted(_), Some(request), Some(home)) = (&step.event, step.request, case.home()) {
            self.rows.push(row(REQUESTS, request_key(home, &request), case.as_bytes().to_vec()));
            self.requests.insert(request, *case);
        }
    }

    /// The case that a request of this group has opened.
    pub(super) fn case_of_request(&self, request: &RequestId) -> Option<CaseId> {
        self.requests.get(request).copied()
    }

    /// Cases of a number that this group has touched.
    pub(super) fn cases_of_number(&self, number: &CaseNumber) -> impl Iterator<Item = CaseId> {
        self.cases.keys().filter(|id| id.number_prefix() == number.prefix()).copied()
    }

    /// A case as this group leaves it.
    pub(super) fn case(&self, reader: &Reader, id: &CaseId) -> Result<Option<Case>, Error> {
        match self.cases.get(id) {
            Some(folding) => Ok(Some(folding.filed.case.clone())),
            None => reader.case(id),
        }
    }

    fn folding(&mut self, reader: &Reader, id: &CaseId) -> Result<&mut Folding, Error> {
        use std::collections::btree_map::Entry;
        match self.cases.entry(*id) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(free) => {
                let held = reader.filed(id)?;
                let was_open = held.as_ref().is_some_and(|filed| filed.case.is_open());
                let filed = held.unwrap_or_else(|| FiledCase::new(Case::new(*id)));
                Ok(free.insert(Folding { filed, was_open }))
            }
        }
    }

    /// The reference data as this group leaves it.
    pub(super) fn reference(&self, reader: &Reader) -> Arc<ReferenceData> {
        self.reference.clone().map_or_else(|| reader.reference(), Arc::new)
    }

    /// Files every case that has changed and says what the index shall show.
    pub(super) fn finish(mut self, reader: &Reader) -> Result<Effects, Error> {
        if let Some(reference) = &mut self.reference {
            if let Err(reason) = reference.settle() {
                tracing::warn!(reason = &reason as &dyn std::error::Error, "the organisation's files don't fit");
            }
            let unfiled = reader.store().rows(UNFILED, None, false, REFILED_AT_ONCE).map_err(store("read a list"))?;
            for (key, _) in unfiled {
                if let Ok(id) = CaseId::from_bytes(&key) {
                    self.folding(reader, &id)?;
                }
            }
        }
        let reference = self.reference(reader);
        let mut projection = Projection { cases: Vec::new(), rows: self.rows };
        let mut opened = 0;
        let cases: Vec<CaseId> = self.cases.keys().copied().collect();
        for (id, Folding { mut filed, was_open }) in self.cases {
            let rows = filing(&filed.case, &reference, reader.me());
            projection.rows.extend(filed.rows.iter().filter(|old| !rows.contains(old)).cloned().map(no_row));
            let added = rows.iter().filter(|new| !filed.rows.contains(new)).cloned();
            projection.rows.extend(added.map(|(list, key)| row(&list, key, Vec::new())));
            filed.rows = rows;
            opened += i64::from(filed.case.is_open()) - i64::from(was_open);
            let bytes = filed.encode().unwrap_or_default();
            projection.cases.push(CaseSnapshot { case: id, bytes });
        }
        Ok(Effects {
            projection,
            reference: self.reference,
            cases,
            opened,
            attachments_missing: self.attachments_missing,
        })
    }
}

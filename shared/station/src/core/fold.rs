//! Folding entries into state: what a group of entries changes, kept aside until the group is durable. A case is folded
//! only when somebody looks at it: a station that passes entries on seldom does.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use sanji_domain::case::{Case, Facts, StepEvent};
use sanji_domain::matter::{Matter, MatterBody, MatterEntry};
use sanji_log::{AttachmentRef, CaseId, CaseNumber, RequestId, StationCode};
use sanji_store::Row;

use super::ahead::{CASES, ENTRIES, ROWS};
use super::filed::{FiledCase, case_entry};
use super::forks::CountingBranches;
use super::matters::matter_entry;
use super::numbers;
use super::quarantine;
use super::reader::Reader;
use super::reference::ReferenceData;
use super::rows::{ACTED, FORKS, KEYS, MISSING, Place, REQUESTS, acted_key, missing_key, request_key, row};
use super::spread::Spread;
use crate::error::{Error, store};

/// Changes of a group that is not durable yet.
#[derive(Default)]
pub(super) struct Fold {
    reference: Option<ReferenceData>,
    pub(super) cases: BTreeMap<CaseId, Changed>,
    /// Entries of cases at which nobody has looked since: they come after those in `cases`.
    pub(super) unfolded: BTreeMap<CaseId, Vec<Facts>>,
    /// Entries of cases that were taken in, looked at or not.
    pub(super) entries: usize,
    /// Cases that were looked at: whoever decides on one is about to change it.
    pub(super) looked_at: BTreeMap<CaseId, Arc<FiledCase>>,
    /// How often the index had been told when the first case was looked at or changed.
    pub(super) begun: Option<u64>,
    /// Matters that this group has changed.
    pub(super) matters: BTreeMap<CaseId, Arc<Matter>>,
    pub(super) requests: BTreeMap<RequestId, CaseId>,
    pub(super) rows: Vec<Row>,
    pub(super) attachments_missing: bool,
    /// The district has decided what counts of a log, or evidence or entries of such a log have come: cases may read
    /// otherwise.
    pub(super) decisions_touched: bool,
}

/// A case that this group has changed.
pub(super) struct Changed {
    pub(super) filed: Arc<FiledCase>,
    /// Whether it was open before.
    pub(super) was_open: bool,
}

impl Fold {
    /// Takes an entry in. Entries that say nothing to this release change nothing.
    pub(super) fn entry(
        &mut self,
        reader: &Reader,
        entry: &sanji_log::Entry,
        authority_der: &[u8],
    ) -> Result<(), Error> {
        if ReferenceData::concerns(entry) {
            self.reference_entry(reader, entry, authority_der);
            return Ok(());
        }
        let Some(id) = entry.case else { return Ok(()) };
        let reference = self.reference(reader);
        self.decisions_touched |= reference.decided_from(&entry.log).is_some();
        let writer = reader.writer(&reference, entry);
        for attachment in &entry.attachments {
            self.attachment(reader, &id, attachment, writer)?;
        }
        match case_entry(entry, writer) {
            Some(entry) => {
                // Only the home of a case is asked by which request it was opened.
                if id.home() == Some(reader.me()) {
                    self.note_request(&id, &entry);
                }
                self.note_acting(&id, &entry);
                if writer == Some(reader.me()) {
                    self.rows.extend(numbers::rows(entry.documents()));
                }
                self.entries += 1;
                self.unfolded.entry(id).or_default().push(entry);
            }
            None => match matter_entry(entry, writer) {
                Some(entry) => self.matter_entry(reader, &id, &entry)?,
                None => self.rows.extend(quarantine::unreadable(entry, writer, &reference)),
            },
        }
        Ok(())
    }

    /// An attachment that an entry of `writer` names is to come, unless it is here, and to be where the case is.
    pub(super) fn attachment(
        &mut self,
        reader: &Reader,
        case: &CaseId,
        attachment: &AttachmentRef,
        writer: Option<StationCode>,
    ) -> Result<(), Error> {
        self.rows.push(Spread::new(attachment, writer, reader.me()).row(case, &attachment.id, reader.me()));
        let here = reader.store().attachment(&attachment.id).map_err(store("look an attachment up"))?;
        if !here.complete {
            let size = attachment.size.to_be_bytes().to_vec();
            self.rows.push(row(MISSING, missing_key(case, &attachment.id), size));
            self.attachments_missing = true;
        }
        Ok(())
    }

    fn matter_entry(&mut self, reader: &Reader, id: &CaseId, entry: &MatterEntry) -> Result<(), Error> {
        if let MatterBody::Step(step) = &entry.body
            && step.event.opens()
            && let Some(request) = step.request
        {
            // By its writer: the matter's home may be a station below.
            self.rows.push(row(REQUESTS, request_key(entry.writer, &request), id.as_bytes().to_vec()));
            self.requests.insert(request, *id);
        }
        let mut matter = match self.matters.remove(id) {
            Some(matter) => matter,
            None => match reader.matter(id) {
                // What stands before it is damaged. When that is healed, the matter is folded with what has come since.
                Err(Error::Store { source: sanji_store::Error::Damaged { .. }, .. }) => return Ok(()),
                read => read?.unwrap_or_else(|| Arc::new(Matter::new(*id))),
            },
        };
        Arc::make_mut(&mut matter).apply(entry);
        self.matters.insert(*id, matter);
        Ok(())
    }

    /// Folds a matter from nothing.
    pub(super) fn matter_anew(
        &mut self,
        reader: &Reader,
        id: &CaseId,
        branches: &CountingBranches,
    ) -> Result<(), Error> {
        self.matters.insert(*id, Arc::new(reader.fold_matter(id, branches)?));
        Ok(())
    }

    fn reference_entry(&mut self, reader: &Reader, entry: &sanji_log::Entry, authority_der: &[u8]) {
        let reference = self.reference.get_or_insert_with(|| (*reader.reference()).clone());
        match reference.fold(entry, authority_der) {
            Ok((list, key)) => {
                self.decisions_touched |= [FORKS, KEYS].contains(&list) && reference.has_decisions();
                let place = Place { log: entry.log, seq: entry.seq };
                self.rows.push(row(list, key, postcard::to_allocvec(&place).unwrap_or_default()));
                self.rows.extend(quarantine::settled(entry));
            }
            Err(reason) => {
                tracing::warn!(
                    log.home = %entry.log.home,
                    log.seq = entry.seq,
                    entry.kind = entry.kind,
                    reason = &reason as &dyn std::error::Error,
                    "an entry of the reference data does not count"
                );
                let row = quarantine::ignored(entry, &reason, reference);
                self.rows.extend(row);
            }
        }
    }

    /// Who acted for whom, for the ledger of substitutes.
    fn note_acting(&mut self, case: &CaseId, entry: &Facts) {
        let (actor, facts, time) = match entry {
            Facts::Step(step) => (&step.actor, &step.body.actor, step.time),
            Facts::Side(side) => (&side.actor, &side.body.actor, side.time),
        };
        if !facts.acting_for.is_empty() {
            let key = acted_key(&facts.acting_for, time.millis(), case);
            self.rows.push(row(ACTED, key, actor.clone().into_bytes()));
        }
    }

    fn note_request(&mut self, case: &CaseId, entry: &Facts) {
        let Facts::Step(step) = entry else { return };
        if let (StepEvent::Submitted(_), Some(request), Some(home)) = (&step.body.event, step.body.request, case.home())
        {
            self.rows.push(row(REQUESTS, request_key(home, &request), case.as_bytes().to_vec()));
            self.requests.insert(request, *case);
        }
    }

    /// The case that a request of this group has opened.
    pub(super) fn case_of_request(&self, request: &RequestId) -> Option<CaseId> {
        self.requests.get(request).copied()
    }

    /// Cases of a number that this group has touched; some twice.
    pub(super) fn cases_of_number(&self, number: &CaseNumber) -> impl Iterator<Item = CaseId> {
        let folded = self.cases.range(number.case_ids()).map(|(id, _)| *id);
        folded.chain(self.unfolded.range(number.case_ids()).map(|(id, _)| *id))
    }

    /// Cases that this group has touched; some twice.
    pub(super) fn touched(&self) -> impl Iterator<Item = CaseId> {
        self.cases.keys().chain(self.unfolded.keys()).copied()
    }

    /// A case as this group leaves it.
    pub(super) fn case(&mut self, reader: &Reader, id: &CaseId) -> Result<Option<Arc<Case>>, Error> {
        if let Some(waiting) = self.unfolded.remove(id) {
            let changed = self.folding(reader, id)?;
            FiledCase::fold(&mut changed.filed, waiting);
            return Ok(Some(changed.filed.case.clone()));
        }
        if let Some(changed) = self.cases.get(id) {
            return Ok(Some(changed.filed.case.clone()));
        }
        if let Some(filed) = self.looked_at.get(id) {
            return Ok(Some(filed.case.clone()));
        }
        self.begun.get_or_insert_with(|| reader.projections());
        let Some(filed) = reader.filed(id)? else { return Ok(None) };
        let case = filed.case.clone();
        self.looked_at.insert(*id, filed);
        Ok(Some(case))
    }

    /// Whether entries of a case are among those that were taken in.
    pub(super) fn touches(&self, case: &CaseId) -> bool {
        self.cases.contains_key(case) || self.unfolded.contains_key(case)
    }

    /// Folds a case from nothing: from all that the store holds of it.
    pub(super) fn anew(&mut self, reader: &Reader, id: &CaseId, branches: &CountingBranches) -> Result<(), Error> {
        let case = reader.fold_anew(id, branches)?;
        self.unfolded.remove(id);
        Arc::make_mut(&mut self.folding(reader, id)?.filed).replace(case);
        Ok(())
    }

    fn folding(&mut self, reader: &Reader, id: &CaseId) -> Result<&mut Changed, Error> {
        self.begun.get_or_insert_with(|| reader.projections());
        match self.cases.entry(*id) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(free) => {
                let looked_at = self.looked_at.remove(id);
                let held = if looked_at.is_some() { looked_at } else { reader.filed(id)? };
                let was_open = held.as_ref().is_some_and(|filed| filed.case.is_open());
                let filed = held.unwrap_or_else(|| Arc::new(FiledCase::new(Case::new(*id))));
                Ok(free.insert(Changed { filed, was_open }))
            }
        }
    }

    /// Whether so much was taken in that it should wait no longer. Looking at reference data that has changed copies all of
    /// it, so nothing is taken in after such a change.
    pub(super) fn is_full(&self) -> bool {
        self.reference.is_some() || self.entries >= ENTRIES || self.rows.len() >= ROWS || self.matters.len() >= CASES
    }

    /// The reference data as this group leaves it.
    pub(super) fn reference(&self, reader: &Reader) -> Arc<ReferenceData> {
        self.reference.clone().map_or_else(|| reader.reference(), Arc::new)
    }

    /// The reference data, where this group has changed it. To be called when nothing more is folded.
    pub(super) fn settle(&mut self) -> Option<ReferenceData> {
        let mut reference = self.reference.take()?;
        if let Err(reason) = reference.settle() {
            tracing::warn!(reason = &reason as &dyn std::error::Error, "the organisation's files don't fit");
        }
        Some(reference)
    }
}

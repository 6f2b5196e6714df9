//! Names and keys of the index's rows. All of it can be computed again from the entries; nothing here says who a
//! resident is.

use sanji_domain::DepartmentCode;
use sanji_domain::case::{self, Case};
use sanji_log::{AttachmentId, CaseId, LogId, RequestId, StationCode, Tier};
use sanji_store::Row;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use super::matters::CALL_BACKS;
use super::reader::Reader;
use super::reference::ReferenceData;
use crate::error::{Error, store};

/// Certificates and revocations that count: place of the entry.
pub(crate) const KEYS: &[u8] = b"keys";
/// Staff records that count: place of the entry.
pub(crate) const STAFF: &[u8] = b"staff";
/// Absences that count: place of the entry.
pub(crate) const ABSENCES: &[u8] = b"absences";
/// Changes of staff that were asked for or decided: place of the entry.
pub(crate) const STAFF_REQUESTS: &[u8] = b"staff_requests";
/// Steps and side entries in which somebody acted for another: who.
pub(crate) const ACTED: &[u8] = b"acted";
/// Published files that count: place of the entry.
pub(crate) const FILES: &[u8] = b"files";
/// Evidence of forks: place of the entry.
pub(crate) const FORKS: &[u8] = b"forks";
/// What is kept aside, and what was settled of it: place of the entry.
pub(crate) const ASIDES: &[u8] = b"asides";
/// Entries that are held and do not count, see `quarantine`: what is known of them.
pub(crate) const QUARANTINE: &[u8] = b"quarantine";
/// Notices: place of the latest entry of each.
pub(crate) const NOTICES: &[u8] = b"notices";
/// Requests that opened a case: the case.
pub(crate) const REQUESTS: &[u8] = b"requests";
/// Attachments that entries name and that are not complete here: size in bytes.
pub(crate) const MISSING: &[u8] = b"missing";
/// Attachments that entries name and that not all stations of their case's line are known to hold: see `spread`.
pub(crate) const UNCONFIRMED: &[u8] = b"unconfirmed";
/// Cases whose item is not in the catalogue yet, so that nobody can be responsible.
pub(crate) const UNFILED: &[u8] = b"unfiled";
/// Cases with superseded steps at which nobody has looked.
pub(crate) const SUPERSEDED: &[u8] = b"superseded";

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) log: LogId,
    pub(crate) seq: u64,
}

/// An entry that is held and does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NotCounted {
    pub(crate) place: Place,
    pub(crate) hash: sanji_log::Hash,
    pub(crate) case: Option<CaseId>,
    /// Who wrote it; none where the key is not known.
    pub(crate) writer: Option<StationCode>,
    /// It breaks a rule of its case; else it can't be read, or its writer may not say what it says.
    pub(crate) rejected: bool,
    pub(crate) reason: String,
    /// When it was written, by its writer's clock: milliseconds since 1970-01-01 UTC.
    pub(crate) time_ms: u64,
}

/// List and key of a row.
pub(crate) type RowKey = (Vec<u8>, Vec<u8>);

/// A kind of work list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Somebody of this station has to act.
    Todo,
    /// Not closed.
    Open,
    /// Closed.
    Closed,
    /// Open, and to be put first.
    Marked,
    /// Held here, and waiting for an outside body.
    Outside,
    /// Open or closed, with something left to be made up.
    Duties,
}

/// The list of a department's cases. A village or township holds few cases and all are its people's, so it has one
/// list for all.
pub(crate) fn shelf(me: StationCode, work: Work, department: &DepartmentCode) -> Vec<u8> {
    let name = match work {
        Work::Todo => "todo",
        Work::Open => "open",
        Work::Closed => "closed",
        Work::Marked => "marked",
        Work::Outside => "outside",
        Work::Duties => "duties",
    };
    match me.tier() {
        Tier::District => format!("{name}/{department}").into_bytes(),
        Tier::Township | Tier::Village => name.into(),
    }
}

/// Orders the rows of work lists: by rank (urgent, key projects, those back from a correction), then by time, newest
/// first when read backwards.
pub(crate) fn work_key(rank: u8, time_ms: u64, case: &CaseId) -> Vec<u8> {
    let mut key = vec![rank];
    key.extend(time_ms.to_be_bytes());
    key.extend_from_slice(case.as_bytes());
    key
}

/// The case of a work list's row.
pub(crate) fn case_of_work_key(key: &[u8]) -> Option<CaseId> {
    CaseId::from_bytes(key.get(9..)?).ok()
}

/// When the case of a work list's row was opened.
pub(crate) fn time_of_work_key(key: &[u8]) -> u64 {
    key.get(1..9).and_then(|time| time.try_into().ok()).map_or(0, u64::from_be_bytes)
}

/// Lies before the rows of all cases that were opened at this time or later, and behind all others, where none goes
/// ahead of the queue.
pub(crate) fn work_key_before(time_ms: u64) -> Vec<u8> {
    let mut key = vec![0];
    key.extend(time_ms.to_be_bytes());
    key
}

/// Requests are told apart by station: one station's callers can't use up another's.
pub(crate) fn request_key(home: StationCode, request: &RequestId) -> Vec<u8> {
    let mut key = home.number().to_be_bytes().to_vec();
    key.extend_from_slice(request.as_bytes());
    key
}

/// Orders by the person for whom was acted, then by time.
pub(crate) fn acted_key(principal: &str, time_ms: u64, case: &CaseId) -> Vec<u8> {
    let mut key = principal.as_bytes().to_vec();
    key.push(0);
    key.extend(time_ms.to_be_bytes());
    key.extend_from_slice(case.as_bytes());
    key
}

/// Principal, time and case of a row of [`ACTED`].
pub(crate) fn of_acted_key(key: &[u8]) -> Option<(String, u64, CaseId)> {
    let split = key.iter().position(|byte| *byte == 0)?;
    let (principal, rest) = key.split_at_checked(split)?;
    let (time, case) = rest.get(1..)?.split_at_checked(8)?;
    let time = u64::from_be_bytes(time.try_into().ok()?);
    Some((String::from_utf8(principal.to_vec()).ok()?, time, CaseId::from_bytes(case).ok()?))
}

pub(crate) fn file_key(path: &str, version: u32) -> Vec<u8> {
    let mut key = path.as_bytes().to_vec();
    key.push(0);
    key.extend(version.to_be_bytes());
    key
}

pub(crate) fn missing_key(case: &CaseId, id: &AttachmentId) -> Vec<u8> {
    [case.as_bytes(), id.as_bytes()].concat()
}

/// Case and attachment of a row of [`MISSING`].
pub(crate) fn of_missing_key(key: &[u8]) -> Option<(CaseId, AttachmentId)> {
    let (case, id) = key.split_at_checked(16)?;
    Some((CaseId::from_bytes(case).ok()?, AttachmentId::try_from(id).ok()?))
}

pub(crate) fn row(list: &[u8], key: Vec<u8>, value: Vec<u8>) -> Row {
    Row { list: list.to_vec(), key, value: Some(value) }
}

pub(crate) fn no_row((list, key): RowKey) -> Row {
    Row { list, key, value: None }
}

/// Where a case is filed: two rows for most, one more for whatever is special about it.
pub(crate) fn filing(case: &Case, reference: &ReferenceData, me: StationCode) -> Vec<RowKey> {
    let id = case.id();
    let Some((code, version)) = case.item() else { return Vec::new() };
    let Some(item) = reference.catalogue().get(code, version) else {
        return vec![(UNFILED.to_vec(), id.as_bytes().to_vec())];
    };
    let submitted_ms = case.submitted_at().map_or(0, |time| time.millis());
    let work = if case.is_open() { Work::Open } else { Work::Closed };
    let mut rows = vec![(shelf(me, work, &item.department), work_key(0, submitted_ms, &id))];
    let Some(rules) = reference.rules() else { return rows };
    let rank = case.rank();
    let mut file = |work: Work, department: &DepartmentCode| {
        let place = (shelf(me, work, department), work_key(rank, submitted_ms, &id));
        if !rows.contains(&place) {
            rows.push(place);
        }
    };
    for duty in case::responsibles(case, &rules).into_iter().filter(|duty| duty.station == me) {
        file(Work::Todo, &duty.department);
        if case::chased_by(case, me) {
            file(Work::Outside, &duty.department);
        }
    }
    if rank > 1 && case.is_open() {
        file(Work::Marked, &item.department);
    }
    if case::duties(case, item, rules.calendar).iter().any(|duty| duty.done.is_none()) {
        file(Work::Duties, &item.department);
    }
    let defaults = reference.defaults().filter(|_| !case.is_open());
    if defaults.is_some_and(|defaults| sanji_domain::matter::follow_up::is_due(case, defaults)) {
        rows.push((CALL_BACKS.to_vec(), work_key(0, submitted_ms, &id)));
    }
    if sanji_domain::case::unchecked(case) > 0 {
        rows.push((SUPERSEDED.to_vec(), id.as_bytes().to_vec()));
    }
    rows
}

/// How many cases are open.
pub(crate) fn count_open(reader: &Reader) -> Result<u64, Error> {
    let mut open = 0;
    for list in shelves(reader, Work::Open, |_| true) {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = reader.indexed()?.rows(&list, after.as_deref(), false, 1024).map_err(store("read a list"))?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            open += page.len() as u64;
        }
    }
    Ok(open)
}

/// The lists of departments that a person looks at.
pub(crate) fn shelves(reader: &Reader, work: Work, looks_at: impl Fn(&DepartmentCode) -> bool) -> BTreeSet<Vec<u8>> {
    let reference = reader.reference();
    let looked_at = departments(&reference).filter(|department| looks_at(department));
    looked_at.map(|department| shelf(reader.me(), work, department)).collect()
}

/// Every department that may lead an item, those of former versions too; some more than once.
pub(crate) fn departments(reference: &ReferenceData) -> impl Iterator<Item = &DepartmentCode> {
    let leads = reference.catalogue().versions().map(|(_, item)| &item.department);
    let departments = reference.organisation().into_iter().flat_map(|organisation| &organisation.departments);
    leads.chain(departments.map(|department| &department.code))
}

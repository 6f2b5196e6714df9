//! Names and keys of the index's rows. All of it can be computed again from the entries; nothing here says who a
//! resident is.

use sanji_domain::DepartmentCode;
use sanji_domain::case::Case;
use sanji_log::{AttachmentId, CaseId, LogId, RequestId, StationCode, Tier};
use sanji_store::Row;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use super::reader::Reader;
use super::reference::ReferenceData;
use crate::error::{Error, store};

/// Certificates and revocations that count: place of the entry.
pub(crate) const KEYS: &[u8] = b"keys";
/// Staff records that count: place of the entry.
pub(crate) const STAFF: &[u8] = b"staff";
/// Published files that count: place of the entry.
pub(crate) const FILES: &[u8] = b"files";
/// Evidence of forks: place of the entry.
pub(crate) const FORKS: &[u8] = b"forks";
/// Requests that opened a case: the case.
pub(crate) const REQUESTS: &[u8] = b"requests";
/// Attachments that entries name and that are not complete here: size in bytes.
pub(crate) const MISSING: &[u8] = b"missing";
/// Attachments that entries name and that not all stations of their case's line are known to hold: see `spread`.
pub(crate) const UNCONFIRMED: &[u8] = b"unconfirmed";
/// Cases whose item is not in the catalogue yet, so that nobody can be responsible.
pub(crate) const UNFILED: &[u8] = b"unfiled";

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) log: LogId,
    pub(crate) seq: u64,
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
}

/// The list of a department's cases. A village or township holds few cases and all are its people's, so it has one
/// list for all.
pub(crate) fn shelf(me: StationCode, work: Work, department: &DepartmentCode) -> Vec<u8> {
    let name = match work {
        Work::Todo => "todo",
        Work::Open => "open",
        Work::Closed => "closed",
    };
    match me.tier() {
        Tier::District => format!("{name}/{department}").into_bytes(),
        Tier::Township | Tier::Village => name.into(),
    }
}

/// Orders the rows of work lists: cases that go ahead of the queue, then by time, newest first when read backwards.
pub(crate) fn work_key(ahead: bool, time_ms: u64, case: &CaseId) -> Vec<u8> {
    let mut key = vec![u8::from(ahead)];
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

/// Where a case is filed: at most two rows.
pub(crate) fn filing(case: &Case, reference: &ReferenceData, me: StationCode) -> Vec<RowKey> {
    let id = case.id();
    let Some((code, version)) = case.item() else { return Vec::new() };
    let Some(item) = reference.catalogue().get(code, version) else {
        return vec![(UNFILED.to_vec(), id.as_bytes().to_vec())];
    };
    let submitted_ms = case.submitted_at().map_or(0, |time| time.millis());
    let work = if case.is_open() { Work::Open } else { Work::Closed };
    let mut rows = vec![(shelf(me, work, &item.department), work_key(false, submitted_ms, &id))];
    let duty = reference.rules().and_then(|rules| sanji_domain::case::responsible(case, &rules));
    if let Some(duty) = duty.filter(|duty| duty.station == me) {
        rows.push((shelf(me, Work::Todo, &duty.department), work_key(case.ahead(), submitted_ms, &id)));
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

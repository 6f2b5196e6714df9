//! Entries that are held and do not count: rejected by the rules of their case, unreadable, or said by somebody who may
//! not say it. They stay in their logs; a row of the index lists each, until it counts or a person settles it.

use prost::Message as _;
use sanji_domain::case::{Case, codec};
use sanji_log::{Entry, LogId, StationCode};
use sanji_proto::v1::{self as proto, Kind, aside::What};
use sanji_store::Row;

use super::fold::Fold;
use super::reference::{Ignored, ReferenceData};
use super::rows::{NotCounted, Place, QUARANTINE, no_row, row};
use super::{Core, Reader};
use crate::error::{Error, store, stored};

/// How the settling of a held entry is named.
const HELD: &str = "HELD-";

/// How the settling of a held entry is named.
pub(crate) fn held_reason(seq: u64) -> String {
    format!("{HELD}{seq}")
}

/// The rows of a case's rejected entries.
pub(super) fn rejected(case: &Case, reference: &ReferenceData) -> Vec<Row> {
    let rejected = case.rejected().map(|(hash, entry)| NotCounted {
        place: Place { log: entry.log, seq: entry.seq },
        hash: *hash,
        case: Some(case.id()),
        writer: Some(entry.writer),
        rejected: true,
        reason: format!("{:?}", entry.reason),
        time_ms: entry.time.millis(),
    });
    rejected.filter(|entry| !is_settled(reference, &entry.place)).map(listed).collect()
}

/// The row of an entry of a case that says nothing here although its kind is known.
pub(super) fn unreadable(entry: &Entry, writer: Option<StationCode>, reference: &ReferenceData) -> Option<Row> {
    let known = [Kind::CaseStep, Kind::CaseSide].iter().any(|known| *known as i32 as u32 == entry.kind);
    let reason = match (codec::decode(entry.kind, &entry.body), writer) {
        _ if !known => return None,
        (Err(_), _) => "Malformed",
        (Ok(Some(_)), None) => "UnknownWriter",
        // A step of a later release.
        (Ok(_), _) => return None,
    };
    not_counted(entry, writer, reason.to_owned(), reference)
}

/// The row of an entry of the reference data that does not count. One that is only older than what is known is none.
pub(super) fn ignored(entry: &Entry, reason: &Ignored, reference: &ReferenceData) -> Option<Row> {
    let reason = match reason {
        Ignored::Superseded => return None,
        Ignored::Malformed => "Malformed".to_owned(),
        Ignored::NotAuthorised => "NotAuthorised".to_owned(),
        Ignored::Certificate(_) => "Certificate".to_owned(),
        Ignored::File(faults, first) => format!("File: {faults} faults, the first: {first}"),
    };
    let writer = reference.directory().get(&entry.log.key).map(|record| record.station);
    not_counted(entry, writer, reason, reference)
}

/// An entry that settles a held one takes its row away.
pub(super) fn settled(entry: &Entry) -> Option<Row> {
    if entry.kind != Kind::Aside as u32 {
        return None;
    }
    let aside = proto::Aside::decode(entry.body.clone()).ok()?;
    let Some(What::Dropped(dropped)) = aside.what else { return None };
    dropped.reason.starts_with(HELD).then_some(())?;
    let log = LogId::try_from(dropped.log?).ok()?;
    Some(no_row((QUARANTINE.to_vec(), key(&Place { log, seq: dropped.seq }))))
}

fn not_counted(entry: &Entry, writer: Option<StationCode>, reason: String, reference: &ReferenceData) -> Option<Row> {
    let place = Place { log: entry.log, seq: entry.seq };
    let entry = NotCounted {
        place,
        hash: entry.hash,
        case: entry.case,
        writer,
        rejected: false,
        reason,
        time_ms: entry.time.millis(),
    };
    (!is_settled(reference, &place)).then(|| listed(entry))
}

fn listed(entry: NotCounted) -> Row {
    row(QUARANTINE, key(&entry.place), postcard::to_allocvec(&entry).unwrap_or_default())
}

fn is_settled(reference: &ReferenceData, place: &Place) -> bool {
    reference.asides().get(&(place.log, held_reason(place.seq))).is_some_and(|facts| facts.is_settled())
}

fn key(place: &Place) -> Vec<u8> {
    let mut key = place.log.home.number().to_be_bytes().to_vec();
    key.push(place.log.reach.number());
    key.extend_from_slice(place.log.key.as_bytes());
    key.extend(place.seq.to_be_bytes());
    key
}

impl Core {
    /// Folds a held entry once more: what it lacked may have come.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) fn fold_again(&self, log: &LogId, seq: u64) -> Result<(), Error> {
        let reader: &Reader = &self.reader;
        let bytes = reader.store().entry(log, seq).map_err(store("read an entry"))?;
        let Some(bytes) = bytes else { return Ok(()) };
        let entry = bytes.decode().map_err(stored("entry"))?;
        let mut fold = Fold::default();
        fold.rows.push(no_row((QUARANTINE.to_vec(), key(&Place { log: *log, seq }))));
        fold.entry(reader, &entry, &self.authority_der)?;
        if let Some(case) = entry.case.filter(|case| fold.cases.contains_key(case)) {
            fold.anew(reader, &case, &reader.counting_branches()?)?;
        }
        let reference = fold.settle();
        reader.show(fold);
        if let Some(reference) = reference {
            reader.publish(reference.into());
        }
        Ok(())
    }

    /// Takes the row of a held entry away.
    pub(crate) fn leave_out(&mut self, log: &LogId, seq: u64) {
        self.stage_row(no_row((QUARANTINE.to_vec(), key(&Place { log: *log, seq }))));
    }
}

//! 文号: the numbers of documents. One for each document of an organ, kind and year, rising; without a hole within one
//! life of the station that gives them.
//!
//! A former life may have given numbers of which nobody here has heard: on paper, when its line was down, just before its
//! disk died. So numbers are left to former lives, and what this life gives begins above them at a round hundred. The
//! hole says to whoever reads the register that another machine goes on from there.

use std::collections::{BTreeMap, BTreeSet};

use sanji_domain::calendar::local_date;
use sanji_domain::case::{DocumentIssued, codec};
use sanji_log::{Head, LogId, PublicKey, Reach};
use sanji_store::Row;
use serde::{Deserialize, Serialize};

use super::Core;
use super::reader::Reader;
use super::reference::KeyLife;
use super::rows::row;
use crate::error::{Error, store, stored};

/// Numbers that are left to former lives above the highest that is known of them. A busy township accepts some twenty
/// cases on a working day; so this is two weeks without a line, and longer than a dead PC goes unnoticed.
const LEFT_TO_FORMER_LIVES: u32 = 200;
/// What follows begins after a multiple of this.
const ROUND: u32 = 100;
/// A document's year is that of a clock put right, an entry's time is not: what was written so long before a year, in
/// milliseconds, bears no number of it.
const CLOCK_BEHIND_MAX_MS: u64 = 31 * 86_400_000;
/// Bytes of a log read at once.
const READ_BYTES: usize = 1 << 20;

/// An organ, a kind of document and a year, as the index names them.
type List = Vec<u8>;

/// What is known of the logs of former lives, by log. Only read ahead: whoever lacks it reads the logs again.
const FORMER: &[u8] = b"documents_of_former_lives";

/// Numbers that were given.
#[derive(Default)]
pub(super) struct Given {
    /// The highest of each list, staged ones included.
    highest: BTreeMap<List, u32>,
    /// Of former lives, what is durable here.
    former: BTreeMap<LogId, Former>,
}

/// What a log of a former life says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Former {
    /// How far it was read: it may grow as long as a neighbour has more of it.
    read: u64,
    /// The highest number of each list.
    highest: BTreeMap<List, u32>,
}

impl Given {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Forgets what was staged and did not become durable.
    pub(super) fn clear(&mut self) {
        self.highest.clear();
    }
}

impl Core {
    /// Numbers the documents of an entry that is about to be staged: each gets the number after the highest that this
    /// station has given, and after those that are left to its former lives.
    pub(super) fn number_documents(&mut self, documents: &mut [DocumentIssued]) -> Result<(), Error> {
        for document in documents {
            let list = list(document);
            let highest = match self.documents.highest.get(&list) {
                Some(highest) => *highest,
                None => highest(&self.reader, &list)?,
            };
            let left = self.left_to_former_lives(document.year, &list)?;
            document.number = highest.max(left).saturating_add(1);
            self.documents.highest.insert(list, document.number);
        }
        Ok(())
    }

    /// The last number of a list that is left to former lives; 0 where none can have given one in that year.
    fn left_to_former_lives(&mut self, year: u32, list: &[u8]) -> Result<u32, Error> {
        let (me, key, reference) = (self.reader.me(), self.reader.key(), self.reference());
        let former = reference.keys().iter().filter(|(other, life)| life.station == me && **other != key);
        let lives: BTreeSet<PublicKey> =
            former.filter(|(_, life)| may_have_written_in(life, year)).map(|(other, _)| *other).collect();
        if lives.is_empty() {
            return Ok(0);
        }
        let heads: Vec<Head> = self.have.heads().filter(|head| lives.contains(&head.log.key)).collect();
        let mut known = 0;
        for Head { log, seq, .. } in heads {
            if self.documents.former.get(&log).is_none_or(|former| former.read < seq) {
                self.read_former(log, seq, year)?;
            }
            let highest = self.documents.former.get(&log).and_then(|former| former.highest.get(list));
            known = known.max(highest.copied().unwrap_or(0));
        }
        Ok(reserved(known))
    }

    /// Reads on in a log of a former life: at a hub a year of it may be long, so what was read is noted in the index.
    fn read_former(&mut self, log: LogId, head: u64, year: u32) -> Result<(), Error> {
        let mut former = match self.documents.former.remove(&log) {
            Some(former) => former,
            None => noted(&self.reader, &log)?.unwrap_or_default(),
        };
        let begun = former.read;
        if begun == 0 {
            former.read = before_the_year(&self.reader, &log, head, year)?;
        }
        while former.read < head {
            former.read_on(&self.reader, &log)?;
        }
        if former.read > begun {
            self.stage_row(row(FORMER, key_of(&log), postcard::to_allocvec(&former).unwrap_or_default()));
        }
        self.documents.former.insert(log, former);
        Ok(())
    }
}

impl Former {
    /// Notes the highest numbers of the next stretch of the log.
    fn read_on(&mut self, reader: &Reader, log: &LogId) -> Result<(), Error> {
        let from = self.read + 1;
        let Some(run) = readable(reader.store().read(log, from, READ_BYTES))? else {
            // What is damaged is passed over: the index has the numbers of whatever was whole once.
            self.read = from;
            return Ok(());
        };
        for bytes in &run.entries {
            let entry = bytes.decode().map_err(stored("entry"))?;
            // What can't be read numbers nothing.
            let Ok(Some(read)) = codec::decode(entry.kind, &entry.body) else { continue };
            for document in read.body.documents() {
                let known = self.highest.entry(list(document)).or_default();
                *known = document.number.max(*known);
            }
        }
        self.read = run.seal.seq.max(from);
        Ok(())
    }
}

/// What was noted of a log of a former life.
fn noted(reader: &Reader, log: &LogId) -> Result<Option<Former>, Error> {
    let noted = reader.store().row(FORMER, &key_of(log)).map_err(store("look for the numbers of former lives"))?;
    Ok(noted.and_then(|noted| postcard::from_bytes(&noted).ok()))
}

fn key_of(log: &LogId) -> Vec<u8> {
    [&log.home.number().to_be_bytes()[..], log.key.as_bytes(), &[u8::from(log.reach == Reach::Public)]].concat()
}

/// The last number that is left to former lives, by the highest that is known of them.
fn reserved(known: u32) -> u32 {
    let least = known.saturating_add(LEFT_TO_FORMER_LIVES);
    least.checked_next_multiple_of(ROUND).unwrap_or(least)
}

/// Whether a former life may have numbered documents in a year: one that ended then or, should a clock have been ahead,
/// later. A revoked one goes on as long as nobody has told it: until its certificate ends.
fn may_have_written_in(life: &KeyLife, year: u32) -> bool {
    let revoked_until_ms = life.revoked.then_some(life.certificate_until_ms);
    life.ended_ms.or(revoked_until_ms).is_some_and(|until_ms| year_of(until_ms) >= year)
}

fn year_of(time_ms: u64) -> u32 {
    u32::try_from(local_date(i64::try_from(time_ms).unwrap_or(i64::MAX)).year()).unwrap_or(0)
}

/// The last position of a log before all that may bear a number of a year. Times rise within a log.
fn before_the_year(reader: &Reader, log: &LogId, head: u64, year: u32) -> Result<u64, Error> {
    let (mut before, mut after) = (0, head + 1);
    while before + 1 < after {
        let middle = before + (after - before) / 2;
        let Some(bytes) = readable(reader.store().entry(log, middle))? else { break };
        let time_ms = bytes.decode().map_err(stored("entry"))?.time.millis();
        if year_of(time_ms.saturating_add(CLOCK_BEHIND_MAX_MS)) < year {
            before = middle;
        } else {
            after = middle;
        }
    }
    Ok(before)
}

fn readable<T>(read: Result<Option<T>, sanji_store::Error>) -> Result<Option<T>, Error> {
    match read {
        Err(sanji_store::Error::Damaged { .. }) => Ok(None),
        read => read.map_err(store("read an entry")),
    }
}

fn highest(reader: &Reader, list: &[u8]) -> Result<u32, Error> {
    let newest = reader.indexed()?.rows(list, None, true, 1).map_err(store("look for the last document number"))?;
    let number = newest.first().and_then(|(key, _)| <[u8; 4]>::try_from(key.as_slice()).ok());
    Ok(number.map_or(0, u32::from_be_bytes))
}

/// What the index keeps of the documents of an entry that this station has written.
pub(super) fn rows(documents: &[DocumentIssued]) -> impl Iterator<Item = Row> + '_ {
    let numbered = documents.iter().filter(|document| document.number > 0);
    numbered.map(|document| row(&list(document), document.number.to_be_bytes().to_vec(), Vec::new()))
}

fn list(document: &DocumentIssued) -> List {
    format!("documents/{}/{}/{}", document.organ, document.kind.number(), document.year).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_weeks_are_left_to_former_lives_and_the_next_begins_at_a_round_hundred() {
        assert_eq!([0, 1, 100, 127, 131].map(reserved), [200, 300, 300, 400, 400]);
        assert_eq!(reserved(u32::MAX), u32::MAX);
    }

    #[test]
    fn numbers_are_left_only_in_the_years_in_which_a_life_may_have_given_some() {
        let july_2026 = 1_782_835_200_000;
        let year_ms = 366 * 86_400_000;
        let life = |revoked, ended_ms| KeyLife {
            station: "990106101000".parse().expect("a code"),
            certificate_der: vec![1],
            certificate_until_ms: july_2026 + year_ms,
            revoked,
            ended_ms,
        };
        assert!(!may_have_written_in(&life(false, None), 2026), "it is no former life");
        assert!(may_have_written_in(&life(false, Some(july_2026)), 2026));
        assert!(!may_have_written_in(&life(false, Some(july_2026)), 2027));
        assert!(may_have_written_in(&life(true, None), 2027), "nobody has told the revoked one yet");
        assert!(!may_have_written_in(&life(true, None), 2028), "its certificate has ended");
    }
}

//! The board: running cases by office and link, and the cases behind a cell. A joint case stands in the row of each office
//! that owes its part, and once in the total.

use std::collections::BTreeMap;

use jiff::civil::Date;
use sanji_domain::calendar::date_number;
use sanji_domain::catalogue::SupervisedLink;
use sanji_domain::organisation::Staff;
use sanji_domain::supervision::{Digest, Level, OpenDigest, PartDigest, Subject};
use sanji_proto::v1 as proto;

use super::digests::Digests;
use super::names::{Names, level};
use super::{limit, only_supervisors, today};
use crate::core::Reader;
use crate::core::scan::Which;
use crate::error::Failure;

type Cells = BTreeMap<SupervisedLink, proto::BoardCell>;

impl Reader {
    /// Running cases by office and link.
    ///
    /// # Errors
    /// [`Failure::Refused`] for anybody but supervisors.
    pub fn board(&self, digests: &Digests, staff: &Staff, now_ms: u64) -> Result<proto::BoardReply, Failure> {
        only_supervisors(staff, self.me())?;
        let day = today(now_ms);
        let mut rows: BTreeMap<Subject, Cells> = BTreeMap::new();
        let mut total = Cells::new();
        digests.walk(self, Which::Open, 0, day, |digest| {
            let Some(open) = &digest.open else { return };
            for place in places(open) {
                count(rows.entry(place.subject).or_default(), &digest, place.link, place.since, open.waits, day);
            }
            count(&mut total, &digest, open.link, open.since, open.waits, day);
        })?;
        let reference = self.reference();
        let names = Names(&reference);
        let row = |(subject, cells): (Subject, Cells)| proto::BoardRow {
            code: subject.to_string(),
            name: names.subject(&subject),
            township: matches!(subject, Subject::Township(_)),
            cells: in_order(cells),
        };
        let rows = rows.into_iter().map(row).collect();
        Ok(proto::BoardReply { day: date_number(day), time_ms: now_ms, rows, total: in_order(total) })
    }

    /// The running cases behind a cell of the board.
    ///
    /// # Errors
    /// As [`Reader::board`].
    pub fn board_cases(
        &self,
        digests: &Digests,
        staff: &Staff,
        request: &proto::BoardCasesRequest,
        now_ms: u64,
    ) -> Result<proto::BoardCasesReply, Failure> {
        only_supervisors(staff, self.me())?;
        let day = today(now_ms);
        let mut found: Vec<Digest> = Vec::new();
        digests.walk(self, Which::Open, 0, day, |digest| {
            let Some(open) = &digest.open else { return };
            let link = |link: SupervisedLink| request.link.is_empty() || link.term() == request.link;
            let wanted = if request.code.is_empty() {
                link(open.link)
            } else {
                places(open).iter().any(|place| place.subject.to_string() == request.code && link(place.link))
            };
            if wanted {
                found.push(digest);
            }
        })?;
        found.sort_by_key(|digest| {
            let since = digest.open.as_ref().map(|open| open.since);
            (std::cmp::Reverse(digest.level()), since, digest.case)
        });
        let total = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let reference = self.reference();
        let names = Names(&reference);
        let row = |digest: Digest| digest.open.as_ref().map(|open| row(names, &digest, open, day));
        Ok(proto::BoardCasesReply {
            cases: found.into_iter().take(limit(request.limit)).filter_map(row).collect(),
            total,
        })
    }
}

/// Where a running case stands in a row of the board.
struct Place {
    subject: Subject,
    link: SupervisedLink,
    since: Date,
}

/// The offices that have a case: the one whose turn it is, and of a joint case each that owes its part.
fn places(open: &OpenDigest) -> Vec<Place> {
    let mut places = vec![Place { subject: Subject::of(&open.office), link: open.link, since: open.since }];
    for part in open.parts.iter().filter(|part| part.owed) {
        let subject = Subject::of(&part.office);
        if places.iter().all(|place| place.subject != subject) {
            places.push(Place { subject, link: part.link, since: part.since });
        }
    }
    places
}

fn count(cells: &mut Cells, digest: &Digest, link: SupervisedLink, since: Date, waits: bool, today: Date) {
    let cell = cells.entry(link).or_default();
    cell.cases += 1;
    match digest.level() {
        Some(Level::Prompt) => cell.prompt += 1,
        Some(Level::Yellow) => cell.yellow += 1,
        Some(Level::Red) => cell.red += 1,
        None => {}
    }
    cell.waiting += u32::from(waits);
    let days = since.until(today).map_or(0, |span| u32::try_from(span.get_days()).unwrap_or(0));
    cell.days = cell.days.saturating_add(days);
    cell.days_most = cell.days_most.max(days);
}

fn in_order(mut cells: Cells) -> Vec<proto::BoardCell> {
    let cell = |link: &SupervisedLink| proto::BoardCell {
        link: link.term().to_owned(),
        ..cells.remove(link).unwrap_or_default()
    };
    SupervisedLink::ALL.iter().map(cell).collect()
}

fn row(names: Names<'_>, digest: &Digest, open: &OpenDigest, today: Date) -> proto::BoardCase {
    proto::BoardCase {
        case_number: digest.case.number().to_string(),
        item_name: names.item_name(&digest.item),
        link: open.link.term().to_owned(),
        stage_name: names.stage(&digest.item, Some(&open.stage)),
        station: open.office.station.number(),
        station_name: names.0.station_name(open.office.station),
        department_name: names.department(&open.office.department),
        since: date_number(open.since),
        stage_until: open.stage_until.map_or(0, date_number),
        promised_until: open.promised_until.map_or(0, date_number),
        used_days: digest.used_days,
        promised_days: digest.promised.days,
        level: digest.level().map_or(proto::AlertLevel::Unspecified, level).into(),
        waiting: open.waits,
        parts: open.parts.iter().map(|part| part_row(names, digest, part, today)).collect(),
    }
}

fn part_row(names: Names<'_>, digest: &Digest, part: &PartDigest, today: Date) -> proto::BoardPart {
    let state = match (part.opinion, part.owed, part.signed) {
        (Some(opinion), ..) => opinion.term(),
        (None, false, _) => "未答复，视为同意",
        (None, true, true) => "已签收",
        (None, true, false) => "未签收",
    };
    proto::BoardPart {
        department: part.office.department.to_string(),
        department_name: names.department(&part.office.department),
        stage_name: names.stage(&digest.item, Some(&part.stage)),
        since: date_number(part.since),
        until: part.until.map_or(0, date_number),
        state: state.to_owned(),
        late: part.is_late(today),
    }
}

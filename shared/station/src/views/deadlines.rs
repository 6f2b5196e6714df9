//! Deadlines that a new calendar has moved, and cases with superseded steps that wait for a person.

use data_encoding::HEXLOWER;
use jiff::civil::Date;
use sanji_domain::Calendar;
use sanji_domain::calendar::{date_number, local_date};
use sanji_domain::case::{self, Case, CaseClock, Sight, case_clock, may_see};
use sanji_domain::organisation::Staff;
use sanji_log::{CaseId, StationCode};
use sanji_proto::v1 as proto;

use super::case::item_of;
use crate::core::rows::{SUPERSEDED, Work, case_of_work_key};
use crate::core::{Reader, ReferenceData, context, input_fault};
use crate::error::{Error, Failure, store};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
/// The last key of a page, and its cases.
type Page = (Vec<u8>, Vec<CaseId>);

/// Most cases looked at for one page.
const LOOKED_AT_MAX: usize = 5000;
/// The month in which next year's holidays are announced.
const ANNOUNCED_IN: i8 = 11;
const CALENDAR: &str = "calendar/";

impl Reader {
    /// Open cases that the person may see whose deadlines differ under two versions of the calendar.
    ///
    /// # Errors
    /// [`Failure::Refused`] for a request that is none.
    pub fn moved_deadlines(
        &self,
        staff: &Staff,
        request: &proto::ListMovedRequest,
        now_ms: u64,
    ) -> Result<proto::ListMovedReply, Failure> {
        let reference = self.reference();
        let standing = self.standing(&reference, staff, now_ms);
        let context = context(&reference, self.me(), staff, &standing, now_ms)?;
        let today = local_date(i64::try_from(now_ms).unwrap_or(i64::MAX));
        let new = reference.calendar();
        let next_year = today.year() + i16::from(today.month() >= ANNOUNCED_IN);
        let missing = Some(next_year).filter(|year| !new.years().any(|known| known == *year));
        let mut reply = proto::ListMovedReply {
            missing_year: missing.and_then(|year| u32::try_from(year).ok()).unwrap_or(0),
            ..proto::ListMovedReply::default()
        };
        let published = reference.files().iter().find(|(path, _)| path.starts_with(CALENDAR));
        let Some((path, newest)) = published else { return Ok(reply) };
        reply.version = newest.version;
        let since = if request.since_version == 0 { newest.version.saturating_sub(1) } else { request.since_version };
        let Some(old) = self.calendar_of(path, since)? else { return Ok(reply) };
        reply.since_version = since;
        let added = new.years().filter(|year| !old.years().any(|known| known == *year));
        reply.new_years = added.filter_map(|year| u32::try_from(year).ok()).collect();

        let limit = limit(request.limit);
        let mut after = after(&request.after)?;
        let mut looked_at = 0;
        for list in self.open_lists() {
            // The token names the list, so that pages go on where the last one ended.
            let mut from = match &after {
                Some(token) => match token.strip_prefix(named(&list).as_slice()) {
                    Some(key) => Some(key.to_vec()),
                    None => continue,
                },
                None => None,
            };
            after = None;
            while let Some((last, ids)) = self.open_page(&list, from.as_deref(), LIMIT_MAX)? {
                looked_at += ids.len();
                for id in ids {
                    let Some(case) = self.case(&id)?.filter(|case| may_see(case, &context) != Sight::None) else {
                        continue;
                    };
                    reply.cases.extend(moved(&reference, &case, &old, today));
                }
                if reply.cases.len() >= limit || looked_at >= LOOKED_AT_MAX {
                    reply.next = HEXLOWER.encode(&[named(&list).as_slice(), &last].concat());
                    return Ok(reply);
                }
                from = Some(last);
            }
        }
        Ok(reply)
    }

    fn calendar_of(&self, path: &str, version: u32) -> Result<Option<Calendar>, Error> {
        let content = if version == 0 { None } else { self.published(path, version)? };
        let text = content.and_then(|content| String::from_utf8(content).ok());
        Ok(text.and_then(|text| Calendar::parse(path, &text).ok()))
    }

    /// Cases with superseded steps at which nobody has looked, as far as the person may see them.
    ///
    /// # Errors
    /// [`Failure::Refused`] for a request that is none.
    pub fn superseded_cases(
        &self,
        staff: &Staff,
        request: &proto::ListSupersededRequest,
        now_ms: u64,
    ) -> Result<proto::ListSupersededReply, Failure> {
        let reference = self.reference();
        let standing = self.standing(&reference, staff, now_ms);
        let context = context(&reference, self.me(), staff, &standing, now_ms)?;
        let limit = limit(request.limit);
        let mut after = after(&request.after)?;
        let mut reply = proto::ListSupersededReply::default();
        loop {
            let page = self.indexed()?.rows(SUPERSEDED, after.as_deref(), false, LIMIT_MAX);
            let page = page.map_err(store("read a list"))?;
            let Some((last, _)) = page.last() else { return Ok(reply) };
            let last = last.clone();
            for (key, _) in page {
                let Ok(id) = CaseId::from_bytes(&key) else { continue };
                let Some(case) = self.case(&id)?.filter(|case| may_see(case, &context) != Sight::None) else {
                    continue;
                };
                reply.cases.push(superseded(&reference, &case));
                if reply.cases.len() >= limit {
                    reply.next = HEXLOWER.encode(&key);
                    return Ok(reply);
                }
            }
            after = Some(last);
        }
    }

    /// The lists of open cases of all departments.
    pub(crate) fn open_lists(&self) -> std::collections::BTreeSet<Vec<u8>> {
        crate::core::rows::shelves(self, Work::Open, |_| true)
    }

    /// The cases of a list after a key, and the last key; none at its end.
    pub(crate) fn open_page(&self, list: &[u8], after: Option<&[u8]>, most: usize) -> Result<Option<Page>, Error> {
        let rows = self.indexed()?.rows(list, after, false, most).map_err(store("read a list"))?;
        let Some((last, _)) = rows.last() else { return Ok(None) };
        let ids = rows.iter().filter_map(|(key, _)| case_of_work_key(key)).collect();
        Ok(Some((last.clone(), ids)))
    }
}

/// A list's name as a token begins with it; no list's begins with that of another.
fn named(list: &[u8]) -> Vec<u8> {
    [list, &[0]].concat()
}

fn moved(reference: &ReferenceData, case: &Case, old: &Calendar, today: Date) -> Option<proto::MovedDeadlines> {
    let item = item_of(reference, case)?;
    let read = |calendar: &Calendar| Some(case_clock(case, item, calendar, reference.defaults()?, today));
    let (before, now) = (read(old)?, read(reference.calendar())?);
    let change = |of: fn(&CaseClock) -> Option<Date>| {
        let number = |date: Option<Date>| date.map_or(0, date_number);
        (of(&before) != of(&now)).then(|| proto::MovedDeadline { old: number(of(&before)), new: number(of(&now)) })
    };
    let (promised, statutory) = (change(|clock| clock.promised_until), change(|clock| clock.statutory_until));
    let stage = change(|clock| clock.stage_until);
    if promised.is_none() && statutory.is_none() && stage.is_none() {
        return None;
    }
    let (holder, holder_name) = holder(reference, case);
    Some(proto::MovedDeadlines {
        case_number: case.id().number().to_string(),
        item_name: item.name.clone(),
        state: case.state().words().to_owned(),
        holder,
        holder_name,
        promised,
        statutory,
        stage,
    })
}

fn superseded(reference: &ReferenceData, case: &Case) -> proto::SupersededCase {
    let (holder, holder_name) = holder(reference, case);
    proto::SupersededCase {
        case_number: case.id().number().to_string(),
        item_name: item_of(reference, case).map(|item| item.name.clone()).unwrap_or_default(),
        state: case.state().words().to_owned(),
        holder,
        holder_name,
        unchecked: u32::try_from(case::unchecked(case)).unwrap_or(u32::MAX),
    }
}

fn holder(reference: &ReferenceData, case: &Case) -> (u64, String) {
    let name = case.holder().map(|holder| reference.station_name(holder));
    (case.holder().map_or(0, StationCode::number), name.unwrap_or_default())
}

fn limit(asked: u32) -> usize {
    match usize::try_from(asked).unwrap_or(LIMIT_MAX) {
        0 => LIMIT_DEFAULT,
        limit => limit.min(LIMIT_MAX),
    }
}

fn after(token: &str) -> Result<Option<Vec<u8>>, Failure> {
    if token.is_empty() {
        return Ok(None);
    }
    let decoded = HEXLOWER.decode(token.as_bytes());
    decoded.map(Some).map_err(|_| input_fault("after", "翻页标记不正确，请重新查询。"))
}

//! Work lists, newest first, and the catalogue.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use sanji_domain::calendar::date_number;
use sanji_domain::case::{self, Case, Context, Mark, Sight, is_todo, may_see};
use sanji_domain::mask;
use sanji_domain::organisation::{DepartmentKind, Role, Staff};
use sanji_domain::{DepartmentCode, Item};
use sanji_log::{StationCode, Tier};
use sanji_proto::v1::{self as proto, WorkList};

use super::case::{clock, item_of};
use super::delivery::delivery;
use crate::core::rows::{Work, case_of_work_key, shelves};
use crate::core::{Reader, ReferenceData, context, input_fault};
use crate::error::{Error, Failure, store};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
/// Most cases looked at for one page: few lists hold cases that are not for those who look at them.
const LOOKED_AT_MAX: usize = 2000;

impl Reader {
    /// A work list.
    ///
    /// # Errors
    /// [`Failure::Refused`] for a request that is none.
    pub fn list(&self, staff: &Staff, request: &proto::ListRequest, now_ms: u64) -> Result<proto::ListReply, Failure> {
        let reference = self.reference();
        let standing = self.standing(&reference, staff, now_ms);
        let context = context(&reference, self.me(), staff, &standing, now_ms)?;
        let (work, wanted): (Work, fn(&Case, &Context<'_>) -> bool) = match request.list() {
            WorkList::Todo => (Work::Todo, is_todo),
            WorkList::Open => (Work::Open, is_open),
            WorkList::Closed => (Work::Closed, is_closed),
            WorkList::Marked => (Work::Marked, is_open),
            WorkList::Outside => (Work::Outside, is_open),
            WorkList::Duties => (Work::Duties, is_seen),
            WorkList::Unspecified => return Err(input_fault("list", "请选择要查看的办件列表。")),
        };
        let limit = match usize::try_from(request.limit).unwrap_or(LIMIT_MAX) {
            0 => LIMIT_DEFAULT,
            limit => limit.min(LIMIT_MAX),
        };
        let mut after = match request.after.as_str() {
            "" => None,
            token => Some(
                HEXLOWER.decode(token.as_bytes()).map_err(|_| input_fault("after", "翻页标记不正确，请重新查询。"))?,
            ),
        };
        let lists = shelves(self, work, |department| looks_at(&reference, staff, department));
        let mut cases = Vec::new();
        let mut looked_at = 0;
        loop {
            let page = newest(self, &lists, after.as_deref(), limit)?;
            let last_page = page.len() < limit;
            let mut keys = page.into_iter();
            for key in keys.by_ref() {
                let case = match case_of_work_key(&key) {
                    Some(id) => self.case(&id)?,
                    None => None,
                };
                after = Some(key);
                looked_at += 1;
                if let Some(case) = case.filter(|case| wanted(case, &context)) {
                    cases.push(row(self, &reference, &case, &context)?);
                }
                if cases.len() == limit || looked_at == LOOKED_AT_MAX {
                    break;
                }
            }
            let finished = last_page && keys.len() == 0;
            if finished || cases.len() == limit || looked_at == LOOKED_AT_MAX {
                let next = after.filter(|_| !finished).map(|key| HEXLOWER.encode(&key)).unwrap_or_default();
                return Ok(proto::ListReply { cases, next });
            }
        }
    }
}

fn is_open(case: &Case, context: &Context<'_>) -> bool {
    case.is_open() && may_see(case, context) != Sight::None
}

fn is_seen(case: &Case, context: &Context<'_>) -> bool {
    may_see(case, context) != Sight::None
}

fn is_closed(case: &Case, context: &Context<'_>) -> bool {
    !case.is_open() && may_see(case, context) != Sight::None
}

/// Whether a person has to look at a department's shelf at all; what is for them on it is asked case by case.
pub(crate) fn looks_at(reference: &ReferenceData, staff: &Staff, lead: &DepartmentCode) -> bool {
    let watches = |role: &Role| matches!(role, Role::Supervisor | Role::ComplaintDesk | Role::JointCoordinator);
    let hall = reference.organisation().and_then(|organisation| organisation.department(&staff.department));
    let of_the_hall = hall.is_some_and(|department| department.kind == DepartmentKind::Hub);
    if staff.place.tier() != Tier::District || of_the_hall || staff.roles.iter().any(watches) {
        return true;
    }
    let takes_part = |item: &Item| {
        item.stages.iter().any(|stage| stage.department == staff.department)
            || item.co_departments.contains(&staff.department)
    };
    *lead == staff.department
        || reference.catalogue().versions().any(|(_, item)| item.department == *lead && takes_part(item))
}

/// The newest keys of several lists together, at most `limit`.
fn newest(
    reader: &Reader,
    lists: &BTreeSet<Vec<u8>>,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut keys = BTreeSet::new();
    for list in lists {
        let rows = reader.looked_at()?.rows(list, after, true, limit).map_err(store("read a work list"))?;
        keys.extend(rows.into_iter().map(|(key, _)| key));
    }
    Ok(keys.into_iter().rev().take(limit).collect())
}

fn row(
    reader: &Reader,
    reference: &ReferenceData,
    case: &Case,
    context: &Context<'_>,
) -> Result<proto::CaseRow, Error> {
    let item = item_of(reference, case);
    let clock = clock(reference, case, item, context.now_ms).unwrap_or_default();
    let stage = case.stage().zip(item).and_then(|(id, item)| item.stage(id));
    let holder = case.holder();
    Ok(proto::CaseRow {
        case_number: case.id().number().to_string(),
        item_name: item.map(|item| item.name.clone()).unwrap_or_default(),
        case_type: item.map(|item| item.case_type.to_string()).unwrap_or_default(),
        state: case.state().words().to_owned(),
        stage_name: stage.map(|stage| stage.name.clone()).unwrap_or_default(),
        holder: holder.map_or(0, StationCode::number),
        holder_name: holder.map(|holder| reference.station_name(holder)).unwrap_or_default(),
        applicant_name: if may_see(case, context) == Sight::Full { applicant(reader, case)? } else { String::new() },
        submitted_ms: case.submitted_at().map_or(0, |time| time.millis()),
        stage_until: clock.stage_until.map_or(0, date_number),
        promised_until: clock.promised_until.map_or(0, date_number),
        delivery: Some(delivery(reader, case)),
        ahead: case.ahead(),
        urgent: case.marked(Mark::Urgent).is_some(),
        priority: case.marked(Mark::Priority).is_some(),
    })
}

/// The applicant's masked name; empty where the key of the case has not come.
fn applicant(reader: &Reader, case: &Case) -> Result<String, Error> {
    let Some(opening) = case.steps().next() else { return Ok(String::new()) };
    let Some(key) = reader.case_key(&case.id())? else { return Ok(String::new()) };
    let private = reader.private(&case.id(), &key, &opening.log, opening.seq)?;
    let applicant = private.and_then(|private| private.applicant);
    Ok(applicant.map(|applicant| mask::name(&applicant.name)).unwrap_or_default())
}

impl Reader {
    /// The items whose names or aliases have all the words, and whether the person may open a case of each.
    #[must_use]
    pub fn items(&self, staff: &Staff, words: &str, now_ms: u64) -> Vec<proto::ItemRow> {
        let reference = self.reference();
        let standing = self.standing(&reference, staff, now_ms);
        let context = context(&reference, self.me(), staff, &standing, now_ms).ok();
        let row = |item: &Item| {
            let refusal = context.as_ref().and_then(|context| case::may_open(item, context).err());
            proto::ItemRow {
                may_submit: context.is_some() && refusal.is_none(),
                why_not: refusal.map(|refusal| refusal.sentence).unwrap_or_default(),
                ..published(item)
            }
        };
        matching(&reference, words).into_iter().map(row).collect()
    }

    /// The same for people who open no case.
    #[must_use]
    pub fn published_items(&self, words: &str) -> Vec<proto::ItemRow> {
        matching(&self.reference(), words).into_iter().map(published).collect()
    }
}

fn published(item: &Item) -> proto::ItemRow {
    proto::ItemRow {
        code: item.code.to_string(),
        name: item.name.clone(),
        short_name: item.short_name.clone(),
        case_type: item.case_type.to_string(),
        department: item.department.to_string(),
        ..proto::ItemRow::default()
    }
}

fn matching<'a>(reference: &'a ReferenceData, words: &str) -> Vec<&'a Item> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let found = reference.catalogue().iter().map(|(_, item)| item).filter(|item| {
        let names = [&item.name, &item.short_name].into_iter().chain(&item.aliases);
        let text = names.fold(item.code.to_string(), |text, name| text + "\n" + &name.to_lowercase());
        words.iter().all(|word| text.contains(word))
    });
    found.collect()
}

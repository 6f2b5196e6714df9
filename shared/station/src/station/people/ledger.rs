//! A/B角顶岗台账: who was away, who acted, and on which cases. It fills itself: from the absences, and from the entries
//! that say for whom somebody acted.

use std::collections::BTreeMap;

use sanji_domain::StaffId;
use sanji_domain::calendar::{date_number, local_date};
use sanji_domain::organisation::{Role, Staff};
use sanji_log::CaseId;
use sanji_proto::v1 as proto;

use super::{DAY_MS, absence_view, watches_all};
use crate::core::Reader;
use crate::core::reference::AbsenceEntry;
use crate::core::rows::{ACTED, of_acted_key};
use crate::error::{Error, Failure, store};
use crate::station::{Actor, Station};
use crate::views;

/// Most entries that one ledger looks at, so that none takes long.
const LOOKED_AT_MAX: usize = 50_000;
const PAGE: usize = 1000;
/// What the ledger says of a seat B that decided on a day on which nobody had recorded A's absence.
const UNRECORDED: &str = "A角未在岗（未登记离岗）";

/// One entry in which somebody acted for another.
struct Acted {
    principal: String,
    actor: String,
    time_ms: u64,
    /// None: the reader of the ledger may not see it.
    case: Option<CaseId>,
}

impl Station {
    /// The ledger of substitutes of this station; administrators, supervisors, coordinators and the keeper see those
    /// below it too. On which cases somebody acted, it tells administrators and the keeper, and others where they may see
    /// the case.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the index can't be read.
    pub async fn absences(
        &self,
        caller: Option<&Actor>,
        request: proto::ListAbsencesRequest,
    ) -> Result<proto::ListAbsencesReply, Failure> {
        let until_ms = if request.until_ms == 0 { self.now_ms() + DAY_MS } else { request.until_ms };
        let (staff, now_ms) = (caller.map(|actor| actor.staff.clone()), self.now_ms());
        let read = move |reader: &Reader| {
            let absences = substitutions(reader, staff.as_deref(), request.from_ms, until_ms, now_ms)?;
            Ok(proto::ListAbsencesReply { absences })
        };
        self.read(read).await
    }
}

/// The rows of the ledger that touch a time, newest first, as a person may see them; none is the keeper.
///
/// # Errors
/// [`Failure::Internal`] where the index can't be read.
pub(crate) fn substitutions(
    reader: &Reader,
    staff: Option<&Staff>,
    from_ms: u64,
    until_ms: u64,
    now_ms: u64,
) -> Result<Vec<proto::AbsenceView>, Failure> {
    let (me, all) = (reader.me(), staff.is_none_or(watches_all));
    let reference = reader.reference();
    let mut acted = acted(reader, from_ms, until_ms)?;
    if let Some(staff) = staff.filter(|staff| !staff.roles.contains(&Role::Administrator)) {
        hide(reader, staff, &mut acted, now_ms)?;
    }
    let here = |entry: &&AbsenceEntry| all || entry.absence.place == me;
    let touches = |entry: &&AbsenceEntry| entry.absence.from_ms < until_ms && from_ms < entry.absence.until_ms;
    let recorded: Vec<&AbsenceEntry> = reference.absences().filter(here).filter(touches).collect();
    let mut rows: Vec<proto::AbsenceView> = recorded
        .iter()
        .map(|entry| {
            let during = acted.iter().filter(|acted| is_during(acted, entry));
            proto::AbsenceView { cases: numbers(during), ..absence_view(&reference, entry) }
        })
        .collect();
    let mut others: BTreeMap<(String, String, u32), Vec<&Acted>> = BTreeMap::new();
    for acted in acted.iter().filter(|acted| !recorded.iter().any(|entry| is_during(acted, entry))) {
        let day = date_number(local_date(i64::try_from(acted.time_ms).unwrap_or(i64::MAX)));
        others.entry((acted.principal.clone(), acted.actor.clone(), day)).or_default().push(acted);
    }
    let person = |id: &str| id.parse::<StaffId>().ok().and_then(|id| reference.staff(&id));
    let name = |id: &str| person(id).map(|person| person.staff.name.clone()).unwrap_or_default();
    let is_here = |id: &str| person(id).is_some_and(|person| person.staff.place == me);
    for ((principal, actor, _), acted) in others.into_iter().filter(|((principal, ..), _)| all || is_here(principal)) {
        let times = || acted.iter().map(|acted| acted.time_ms);
        rows.push(proto::AbsenceView {
            staff_name: name(&principal),
            staff: principal,
            substitute_name: name(&actor),
            substitute: actor,
            from_ms: times().min().unwrap_or(0),
            until_ms: times().max().unwrap_or(0),
            reason: UNRECORDED.to_owned(),
            cases: numbers(acted.iter().copied()),
            ..proto::AbsenceView::default()
        });
    }
    rows.sort_by(|one, other| (other.from_ms, &other.staff).cmp(&(one.from_ms, &one.staff)));
    Ok(rows)
}

fn is_during(acted: &Acted, entry: &AbsenceEntry) -> bool {
    acted.principal == entry.absence.staff.as_str() && entry.absence.runs(acted.time_ms)
}

/// Case numbers, each once.
fn numbers<'a>(acted: impl Iterator<Item = &'a Acted>) -> Vec<String> {
    let mut numbers: Vec<String> = acted.filter_map(|acted| acted.case).map(|case| case.number().to_string()).collect();
    numbers.sort();
    numbers.dedup();
    numbers
}

/// Takes away the cases that a person may not see.
fn hide(reader: &Reader, staff: &Staff, acted: &mut [Acted], now_ms: u64) -> Result<(), Failure> {
    for acted in acted {
        let case = acted.case.map(|case| views::visible(reader, staff, &case, now_ms)).transpose()?.flatten();
        acted.case = case.map(|case| case.id());
    }
    Ok(())
}

fn acted(reader: &Reader, from_ms: u64, until_ms: u64) -> Result<Vec<Acted>, Error> {
    let mut found = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    for _ in 0..LOOKED_AT_MAX / PAGE {
        let page = reader.indexed()?.rows(ACTED, after.as_deref(), false, PAGE).map_err(store("read a ledger"))?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        for (key, actor) in page {
            let Some((principal, time_ms, case)) = of_acted_key(&key) else { continue };
            if from_ms <= time_ms && time_ms < until_ms {
                let actor = String::from_utf8(actor).unwrap_or_default();
                found.push(Acted { principal, actor, time_ms, case: Some(case) });
            }
        }
    }
    Ok(found)
}

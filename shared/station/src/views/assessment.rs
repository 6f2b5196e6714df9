//! 考核: what cases, ratings and complaints say of staff, departments and townships within a year or a month.
//!
//! Reckoned when somebody asks, from the cases on the shelves, so that nothing of it burdens the handling of cases.
//! A case counts for its item's department, for the township of its home, and for everybody who took a step in it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;
use sanji_domain::StaffId;
use sanji_domain::calendar::local_date;
use sanji_domain::case::{Case, Refusal, RefusalCode, StepEvent, case_clock};
use sanji_domain::matter::assessment::{self, Assessed, Record};
use sanji_domain::matter::{MatterKind, MatterState, follow_up};
use sanji_domain::organisation::{Role, Staff};
use sanji_log::{StationCode, Tier};
use sanji_proto::v1 as proto;

use super::matter::department_name;
use crate::core::matters::{list_of, of_list_key};
use crate::core::{Reader, ReferenceData, Scan, input_fault};
use crate::error::{Error, Failure, store};

/// Rows read at a time.
const PAGE: usize = 1024;
/// A case that is answered in the period was opened no earlier than this before it.
const LONGEST_CASE_YEARS: i32 = 2;

/// Days of the period, and what was counted.
struct Counting<'a> {
    reference: &'a ReferenceData,
    first: Date,
    last: Date,
    staff: BTreeMap<String, Record>,
    departments: BTreeMap<String, Record>,
    townships: BTreeMap<String, Record>,
}

impl Reader {
    /// Scores and grades of a period.
    ///
    /// # Errors
    /// [`Failure::Refused`] for people without a part in it, or a period that is none.
    pub fn assess(
        &self,
        staff: &Staff,
        request: &proto::AssessRequest,
        now_ms: u64,
    ) -> Result<proto::Assessment, Failure> {
        if !staff.roles.iter().any(|role| matches!(role, Role::Supervisor | Role::Administrator)) {
            let sentence = "考核结果由监察人员和管理员查看。";
            return Err(Failure::Refused(Refusal::new(RefusalCode::NotEntitled, sentence)));
        }
        let (first, last) = period(request).ok_or_else(|| input_fault("year", "考核的年份或月份不正确。"))?;
        let reference = self.reference();
        let mut counting = Counting {
            reference: &reference,
            first,
            last,
            staff: BTreeMap::new(),
            departments: BTreeMap::new(),
            townships: BTreeMap::new(),
        };
        let opened_from = first.saturating_sub(LONGEST_CASE_YEARS.years());
        for case in self.scan(Scan { from_ms: millis(opened_from), ..Scan::all(self.me()) }) {
            counting.case(&*case?);
        }
        self.each_row(&list_of(MatterKind::Complaint, false), |key| {
            let matter = of_list_key(key).map(|(id, _)| self.matter(&id)).transpose()?.flatten();
            matter.iter().for_each(|matter| counting.complaint(matter));
            Ok(())
        })?;
        Ok(counting.table(request, now_ms))
    }

    fn each_row(&self, list: &[u8], mut visit: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.indexed()?.rows(list, after.as_deref(), false, PAGE).map_err(store("read a list"))?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(last.clone());
            for (key, _) in &page {
                visit(key)?;
            }
        }
    }
}

fn period(request: &proto::AssessRequest) -> Option<(Date, Date)> {
    let year = i16::try_from(request.year).ok().filter(|year| (2000..=9000).contains(year))?;
    if request.month == 0 {
        return Some((Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?));
    }
    let first = Date::new(year, i8::try_from(request.month).ok()?, 1).ok()?;
    Some((first, first.last_of_month()))
}

/// Midnight of the day before, in UTC: before the day has begun in China.
fn millis(day: Date) -> u64 {
    let days = Date::constant(1970, 1, 2).until(day).map_or(0, |span| span.get_days());
    u64::try_from(days).unwrap_or(0) * 86_400_000
}

fn day(time_ms: u64) -> Date {
    local_date(i64::try_from(time_ms).unwrap_or(i64::MAX))
}

fn record<'a>(records: &'a mut BTreeMap<String, Record>, code: &str) -> &'a mut Record {
    records.entry(code.to_owned()).or_insert_with(|| Record { code: code.to_owned(), ..Record::default() })
}

impl Counting<'_> {
    fn holds(&self, day: Date) -> bool {
        self.first <= day && day <= self.last
    }

    /// A case counts on the day on which it was answered.
    fn case(&mut self, case: &Case) {
        let answer = case.steps().rev().find(|step| {
            matches!(
                step.body.event,
                StepEvent::Decided { .. } | StepEvent::NotAccepted { .. } | StepEvent::Returned { .. }
            )
        });
        let Some((answered, (code, version))) = answer.map(|step| day(step.time.millis())).zip(case.item()) else {
            return;
        };
        if !self.holds(answered) {
            return;
        }
        let (Some(item), Some(defaults)) = (self.reference.catalogue().get(code, version), self.reference.defaults())
        else {
            return;
        };
        let clock = case_clock(case, item, self.reference.calendar(), defaults, answered);
        let on_time = clock.promised_until.is_none_or(|until| answered <= until);
        let rating = case.rating();
        let bad = rating.is_some_and(|rating| follow_up::is_bad(rating, defaults));
        let count = |record: &mut Record| {
            record.cases += 1;
            record.on_time += u32::from(on_time);
            record.ratings += u32::from(rating.is_some());
            record.bad_ratings += u32::from(bad);
        };
        count(record(&mut self.departments, item.department.as_str()));
        if let Some(township) = case.home().and_then(|home| home.at_tier(Tier::Township)) {
            count(record(&mut self.townships, &township.to_string()));
        }
        let people: BTreeSet<&str> = case.steps().map(|step| step.actor.as_str()).filter(|id| !id.is_empty()).collect();
        for id in people {
            count(record(&mut self.staff, id));
        }
    }

    /// An upheld complaint counts on the day on which it was concluded.
    fn complaint(&mut self, matter: &sanji_domain::matter::Matter) {
        let upheld = matches!(matter.state(), MatterState::Concluded(finding) if finding.is_upheld());
        let concluded = matter.head().map(|head| day(head.time.millis()));
        let (Some(complaint), true) = (matter.complaint(), upheld && concluded.is_some_and(|day| self.holds(day)))
        else {
            return;
        };
        let against = &complaint.against;
        if let Some(person) = &against.person {
            record(&mut self.staff, person.as_str()).upheld_complaints += 1;
        }
        match against.station {
            Some(station) if station.tier() == Tier::District => {
                if let Some(department) = &against.department {
                    record(&mut self.departments, department.as_str()).upheld_complaints += 1;
                }
            }
            Some(station) => {
                if let Some(township) = station.at_tier(Tier::Township) {
                    record(&mut self.townships, &township.to_string()).upheld_complaints += 1;
                }
            }
            None => {}
        }
    }

    fn table(self, request: &proto::AssessRequest, now_ms: u64) -> proto::Assessment {
        let (mut rows, mut remarks) = (Vec::new(), Vec::new());
        let reference = self.reference;
        let groups = [
            ("staff", "工作人员", self.staff),
            ("department", "部门", self.departments),
            ("township", "乡镇（街道）", self.townships),
        ];
        for (group, title, records) in groups {
            let table = assessment::assess(records.into_values().collect());
            let graded = table.iter().filter(|line| line.grade.is_some()).count();
            let best = table.iter().filter(|line| line.grade == Some(assessment::Grade::Excellent)).count();
            remarks.push(format!(
                "{title}：参评{graded}，优秀名额{}（15%，不足一名的不设），评为优秀{best}；同分超出名额的均不评为优秀。",
                assessment::quota(graded)
            ));
            rows.extend(table.into_iter().map(|line| row(group, line, reference)));
        }
        proto::Assessment { year: request.year, month: request.month, rows, remarks, as_of_ms: now_ms }
    }
}

fn row(group: &str, line: Assessed, reference: &ReferenceData) -> proto::AssessedRow {
    let code = &line.record.code;
    let name = match group {
        "staff" => {
            code.parse::<StaffId>().ok().and_then(|id| reference.staff(&id)).map(|entry| entry.staff.name.clone())
        }
        "department" => code.parse().ok().map(|code| department_name(&code, reference)),
        _ => code.parse::<StationCode>().ok().map(|station| reference.station_name(station)),
    };
    proto::AssessedRow {
        group: group.to_owned(),
        name: name.unwrap_or_else(|| code.clone()),
        cases: line.record.cases,
        on_time: line.record.on_time,
        ratings: line.record.ratings,
        bad_ratings: line.record.bad_ratings,
        upheld_complaints: line.record.upheld_complaints,
        points_off: line.record.points_off,
        score: line.score,
        grade: line.grade.map_or("不参评", assessment::Grade::term).to_owned(),
        place: line.place,
        code: line.record.code,
    }
}

/// The table for the personnel office. Begins with a byte order mark, so that spreadsheets read it as UTF-8; a field
/// that a spreadsheet would take for a formula is quoted as text.
#[must_use]
pub fn assessment_csv(table: &proto::Assessment) -> String {
    let mut lines = vec!["\u{feff}类别,编号,名称,名次,得分,等次,办件,按期,评价,差评,查实投诉,扣分".to_owned()];
    let tenths = |value: u32| format!("{}.{}", value / 10, value % 10);
    for row in &table.rows {
        let group = match row.group.as_str() {
            "staff" => "工作人员",
            "department" => "部门",
            _ => "乡镇（街道）",
        };
        let numbers = [row.cases, row.on_time, row.ratings, row.bad_ratings, row.upheld_complaints]
            .map(|number| number.to_string());
        let place = if row.place == 0 { String::new() } else { row.place.to_string() };
        let fields = [group, &row.code, &row.name, &place, &tenths(row.score), &row.grade];
        let fields = fields.into_iter().map(csv_field).chain(numbers).chain([tenths(row.points_off)]);
        lines.push(fields.collect::<Vec<_>>().join(","));
    }
    lines.extend(table.remarks.iter().map(|remark| csv_field(remark)));
    lines.join("\r\n") + "\r\n"
}

fn csv_field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_by_a_spreadsheet_and_runs_no_formula() {
        let row = proto::AssessedRow {
            group: "staff".into(),
            code: "mz-01".into(),
            name: "=1+1,\"x\"".into(),
            score: 985,
            grade: "良好".into(),
            place: 1,
            cases: 3,
            on_time: 3,
            ..proto::AssessedRow::default()
        };
        let csv = assessment_csv(&proto::Assessment { rows: vec![row], ..proto::Assessment::default() });
        let lines: Vec<&str> = csv.lines().collect();
        assert!(lines[0].starts_with('\u{feff}'));
        assert_eq!(lines[1], "工作人员,mz-01,\"'=1+1,\"\"x\"\"\",1,98.5,良好,3,3,0,0,0,0.0");
    }
}

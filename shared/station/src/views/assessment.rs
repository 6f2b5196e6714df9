//! 考核: what cases, ratings and complaints say of staff, departments and townships within a year or a month.
//!
//! Reckoned when somebody asks, from the digests of cases that the ranking uses, so that each number can be traced to
//! its cases there, and nothing burdens their handling. A case counts for every office and person that had a hand in it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use sanji_domain::StaffId;
use sanji_domain::calendar::local_date;
use sanji_domain::case::{Refusal, RefusalCode};
use sanji_domain::matter::assessment::{self, Assessed, Record};
use sanji_domain::matter::{MatterKind, MatterState, follow_up};
use sanji_domain::organisation::{Role, Staff};
use sanji_domain::supervision::{Digest, Period, Subject, contributions};
use sanji_log::{StationCode, Tier};
use sanji_proto::v1 as proto;

use super::matter::department_name;
use crate::core::scan::Which;
use crate::core::{Reader, ReferenceData, input_fault};
use crate::error::Failure;
use crate::supervision::{Digests, millis};

/// How long before the period a case may have been opened to count in it, in milliseconds: three years.
const BACK_MS: u64 = 1096 * 86_400_000;

/// The period, and what was counted in it.
struct Counting<'a> {
    reference: &'a ReferenceData,
    period: Period,
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
        digests: &Digests,
        staff: &Staff,
        request: &proto::AssessRequest,
        now_ms: u64,
    ) -> Result<proto::Assessment, Failure> {
        if !staff.roles.iter().any(|role| matches!(role, Role::Supervisor | Role::Administrator)) {
            let sentence = "考核结果由监察人员和管理员查看。";
            return Err(Failure::Refused(Refusal::new(RefusalCode::NotEntitled, sentence)));
        }
        let period = period(request).ok_or_else(|| input_fault("year", "考核的年份或月份不正确。"))?;
        let reference = self.reference();
        let mut counting = Counting {
            reference: &reference,
            period,
            staff: BTreeMap::new(),
            departments: BTreeMap::new(),
            townships: BTreeMap::new(),
        };
        let since_ms = millis(period.from).saturating_sub(BACK_MS);
        digests.walk(self, Which::All, since_ms, day(now_ms), |digest| counting.case(&digest))?;
        for id in self.all_matters(MatterKind::Complaint, false)? {
            self.matter(&id)?.iter().for_each(|matter| counting.complaint(matter));
        }
        Ok(counting.table(request, now_ms))
    }
}

fn period(request: &proto::AssessRequest) -> Option<Period> {
    let text = match request.month {
        0 => format!("{:04}", request.year),
        month => format!("{:04}-{month:02}", request.year),
    };
    Period::parse(&text)
}

fn day(time_ms: u64) -> Date {
    local_date(i64::try_from(time_ms).unwrap_or(i64::MAX))
}

fn record<'a>(records: &'a mut BTreeMap<String, Record>, code: &str) -> &'a mut Record {
    records.entry(code.to_owned()).or_insert_with(|| Record { code: code.to_owned(), ..Record::default() })
}

impl Counting<'_> {
    fn holds(&self, day: Date) -> bool {
        self.period.has(day)
    }

    /// What a case adds. Whoever had a hand in it was on time where no day of a delay is charged to them.
    fn case(&mut self, digest: &Digest) {
        let defaults = self.reference.defaults();
        let bad = digest.rating.zip(defaults).is_some_and(|(rating, defaults)| follow_up::is_bad(rating, defaults));
        for (subject, more) in contributions(digest, self.period) {
            let records = match subject {
                Subject::Department(_) => &mut self.departments,
                Subject::Township(_) => &mut self.townships,
                Subject::Staff(_) => &mut self.staff,
            };
            let record = record(records, &subject.to_string());
            record.cases += more.cases;
            record.on_time += more.on_time;
            record.ratings += more.ratings;
            record.bad_ratings += if bad { more.ratings } else { 0 };
            record.points_off = record.points_off.saturating_add(more.points);
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
            let table = assessment::assess(records.into_values().map(for_each_hundred).collect());
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

/// Points as they are scored: in tenths, for each hundred cases, so that whoever handles many is not the worse for it.
fn for_each_hundred(record: Record) -> Record {
    let points = (u64::from(record.points_off) * 1000).checked_div(u64::from(record.cases)).unwrap_or(0);
    Record { points_off: u32::try_from(points).unwrap_or(u32::MAX), ..record }
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

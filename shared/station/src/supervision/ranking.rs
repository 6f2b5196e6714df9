//! Departments, townships and people compared over a period.

use std::collections::BTreeMap;

use jiff::civil::Date;
use sanji_domain::calendar::date_number;
use sanji_domain::organisation::Staff;
use sanji_domain::supervision::{Contribution, Digest, Period, Subject, contributions, rank};
use sanji_log::CaseId;
use sanji_proto::v1::{self as proto, RankingTable};

use super::digests::Digests;
use super::list::{millis, wrong_period};
use super::names::Names;
use super::{only_supervisors, today};
use crate::core::Reader;
use crate::core::scan::Which;
use crate::error::Failure;

/// How long before a period a case may have been opened to be ranked in it, in milliseconds: three years.
const BACK_MS: u64 = 1096 * 86_400_000;

impl Reader {
    /// A table of the ranking.
    ///
    /// # Errors
    /// [`Failure::Refused`] for anybody but supervisors, and for a period that is none.
    pub fn ranking(
        &self,
        digests: &Digests,
        staff: &Staff,
        request: &proto::RankingRequest,
        now_ms: u64,
    ) -> Result<proto::RankingReply, Failure> {
        only_supervisors(staff, self.me())?;
        let (day, table) = (today(now_ms), request.table());
        let period = period(&request.period, day)?;
        let mut sums: BTreeMap<Subject, Contribution> = BTreeMap::new();
        let mut cases: BTreeMap<Subject, Vec<CaseId>> = BTreeMap::new();
        self.rank_each(digests, period, day, |digest| {
            for (subject, more) in contributions(&digest, period) {
                if !is_of(table, &subject) {
                    continue;
                }
                if request.with_cases {
                    cases.entry(subject.clone()).or_default().push(digest.case);
                }
                sums.entry(subject).or_default().add(&more);
            }
        })?;
        let reference = self.reference();
        let names = Names(&reference);
        let row = |row: sanji_domain::supervision::Row| {
            let mut numbers = cases.remove(&row.subject).unwrap_or_default();
            numbers.sort_unstable();
            proto::RankingRow {
                place: row.place,
                code: row.subject.to_string(),
                name: names.subject(&row.subject),
                sum: Some(sum(&row.sum)),
                case_numbers: numbers.into_iter().map(|case| case.number().to_string()).collect(),
            }
        };
        let rows = rank(sums).into_iter().map(row).collect();
        Ok(proto::RankingReply { from: date_number(period.from), to: date_number(period.to), rows })
    }

    /// The cases behind a row, with what each adds.
    ///
    /// # Errors
    /// As [`Reader::ranking`].
    pub fn ranking_cases(
        &self,
        digests: &Digests,
        staff: &Staff,
        request: &proto::RankingCasesRequest,
        now_ms: u64,
    ) -> Result<proto::RankingCasesReply, Failure> {
        only_supervisors(staff, self.me())?;
        let (day, table) = (today(now_ms), request.table());
        let period = period(&request.period, day)?;
        let mut found: Vec<(Digest, Contribution)> = Vec::new();
        self.rank_each(digests, period, day, |digest| {
            let of_row =
                |(subject, _): &(Subject, Contribution)| is_of(table, subject) && subject.to_string() == request.code;
            if let Some((_, more)) = contributions(&digest, period).into_iter().find(of_row) {
                found.push((digest, more));
            }
        })?;
        found.sort_by_key(|(digest, _)| digest.case);
        let reference = self.reference();
        let names = Names(&reference);
        let case = |(digest, more): (Digest, Contribution)| proto::RankingCase {
            case_number: digest.case.number().to_string(),
            item_name: names.item_name(&digest.item),
            sum: Some(sum(&more)),
            alerts: digest
                .alerts
                .iter()
                .filter(|alert| period.has(alert.since))
                .map(|alert| alert.key.to_string())
                .collect(),
        };
        Ok(proto::RankingCasesReply { cases: found.into_iter().map(case).collect() })
    }

    fn rank_each(
        &self,
        digests: &Digests,
        period: Period,
        today: Date,
        mut visit: impl FnMut(Digest),
    ) -> Result<(), Failure> {
        // What was opened after the period adds nothing to it, but is passed over quickly.
        let since = millis(period.from).saturating_sub(BACK_MS);
        digests.walk(self, Which::Closed, since, today, &mut visit)?;
        Ok(digests.walk(self, Which::Open, 0, today, &mut visit)?)
    }
}

fn period(text: &str, today: Date) -> Result<Period, Failure> {
    match text {
        "" => Ok(Period::month_of(today)),
        text => Period::parse(text).ok_or_else(wrong_period),
    }
}

fn is_of(table: RankingTable, subject: &Subject) -> bool {
    match table {
        RankingTable::Unspecified | RankingTable::Departments => matches!(subject, Subject::Department(_)),
        RankingTable::Townships => matches!(subject, Subject::Township(_)),
        RankingTable::Staff => matches!(subject, Subject::Staff(_)),
    }
}

fn sum(sum: &Contribution) -> proto::RankingSum {
    let [prompt, yellow, red] = sum.alerts;
    proto::RankingSum {
        cases: sum.cases,
        on_time: sum.on_time,
        led: sum.led,
        used_days: sum.used_days,
        promised_days: sum.promised_days,
        led_by_law: sum.led_by_law,
        statutory_days: sum.statutory_days,
        prompt,
        yellow,
        red,
        revoked: sum.revoked,
        points: sum.points,
        ratings: sum.ratings,
        rating_sum: sum.rating_sum,
    }
}

//! What of the ledger of acceptance everybody may read (requirement 41: 以备公众咨询、查阅).
//!
//! No names at all, and no village: in a village of eighty households an item and a day say who it is. Items whose
//! results are confidential are left out whole. How a case ended is told for licences only, whose grant the law makes
//! public (行政许可法 art. 40); of everything else only whether it has ended.

use sanji_domain::case::Case;
use sanji_domain::catalogue::ItemType;
use sanji_log::Tier;
use sanji_proto::v1 as proto;

use super::eye::Eye;
use super::ledger::{Filter, page_limit};
use super::times::day;
use crate::core::{Reader, ReferenceData, Scan, input_fault};
use crate::error::Failure;

const COLUMNS: [&str; 8] =
    ["办件编号", "收件日期", "事项", "办件类型", "收件机构", "承诺截止日期", "办理状态", "办结日期"];
/// Most cases looked at for one page.
const LOOKED_AT_MAX: usize = 1000;

impl Reader {
    /// A page of the public excerpt, newest first.
    ///
    /// # Errors
    /// [`Failure::Refused`] for a request that is none.
    pub fn read_public_ledger(
        &self,
        request: &proto::ReadPublicLedgerRequest,
        now_ms: u64,
    ) -> Result<proto::LedgerPage, Failure> {
        let filter = Filter::parse(request.filter.as_ref(), self.me())?;
        // Whoever asks village by village learns the village of each row.
        if filter.within.tier() == Tier::Village {
            return Err(input_fault("station", "公开台账按乡镇（街道）查询，不按村（社区）查询。"));
        }
        let limit = page_limit(request.limit);
        let place = Place::parse(&request.after)?;
        let scan = filter.scan(true, true);
        let scan = match place {
            Some(place) => Scan { until_ms: scan.until_ms.min(place.time_ms.saturating_add(1)), ..scan },
            None => scan,
        };
        let mut place = place.unwrap_or(Place { time_ms: 0, passed: 0 });
        let passed = place.passed;
        let reference = self.reference();
        let mut page = proto::LedgerPage {
            title: "统一受理公开台账".to_owned(),
            columns: COLUMNS.map(str::to_owned).to_vec(),
            rows: Vec::new(),
            next: String::new(),
        };
        for (looked_at, case) in (1..).zip(self.scan(scan).skip(passed)) {
            let case = case?;
            place.pass(case.submitted_at().map_or(0, |time| time.millis()));
            if filter.wants_case(&case)
                && let Some(row) = row(self, &reference, &case, now_ms)
            {
                page.rows.push(row);
            }
            if page.rows.len() >= limit || looked_at == LOOKED_AT_MAX {
                page.next = place.token();
                break;
            }
        }
        Ok(page)
    }
}

fn row(reader: &Reader, reference: &ReferenceData, case: &Case, now_ms: u64) -> Option<proto::LedgerRow> {
    let eye = Eye::new(reader, reference, case, None, false, now_ms)?;
    if eye.item.result.confidential {
        return None;
    }
    let home = case.home()?;
    let office = home.at_tier(Tier::Township).unwrap_or(home);
    let answer = eye.answer();
    let state = match (answer, case.outcome()) {
        (Some(_), Some(outcome)) if eye.item.item_type == ItemType::Licence => outcome.words(),
        (Some(_), _) => "已办结",
        (None, _) => "办理中",
    };
    let cells = vec![
        number_without_village(case),
        day(case.submitted_at()?.millis()),
        eye.item.name.clone(),
        eye.item.case_type.to_string(),
        eye.station(office),
        eye.clock().promised_until.map(|until| until.to_string()).unwrap_or_default(),
        state.to_owned(),
        answer.map(|facts| day(facts.time.millis())).unwrap_or_default(),
    ];
    Some(proto::LedgerRow { cells, ..proto::LedgerRow::default() })
}

/// How far a reader has come, without saying in which village: a time, and how many cases of that time.
#[derive(Clone, Copy)]
struct Place {
    time_ms: u64,
    passed: usize,
}

impl Place {
    fn parse(token: &str) -> Result<Option<Self>, Failure> {
        if token.is_empty() {
            return Ok(None);
        }
        let read = token.split_once('-').and_then(|(time, passed)| Some((time.parse().ok()?, passed.parse().ok()?)));
        let place = read.map(|(time_ms, passed)| Self { time_ms, passed });
        place.map(Some).ok_or_else(|| input_fault("after", "翻页标记不正确，请重新查询。"))
    }

    fn pass(&mut self, time_ms: u64) {
        let same = if self.time_ms == time_ms { self.passed } else { 0 };
        *self = Self { time_ms, passed: same + 1 };
    }

    fn token(self) -> String {
        format!("{}-{}", self.time_ms, self.passed)
    }
}

/// Its applicant finds it by day and number; nobody else learns the village from it.
fn number_without_village(case: &Case) -> String {
    let number = case.id().number();
    let number = number.as_str();
    let part = |range: std::ops::Range<usize>| number.get(range).unwrap_or_default();
    format!("{}*** {} {}", part(0..9), part(12..20), part(20..24))
}

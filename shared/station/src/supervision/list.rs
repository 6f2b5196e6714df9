//! Lists of alerts: the supervisor's, and everybody's own (预警).

use jiff::civil::Date;
use sanji_domain::calendar::date_number;
use sanji_domain::organisation::Staff;
use sanji_domain::supervision::{AlertDigest, AlertState, Digest, Level, Period};
use sanji_log::CaseId;
use sanji_proto::v1::{self as proto, AlertFilter, AlertLevel};

use super::digests::Digests;
use super::names::{Names, level};
use super::{is_theirs, limit, supervises, today};
use crate::core::scan::Which;
use crate::core::{Reader, input_fault};
use crate::error::Failure;

/// How far back closed cases are looked at where no period is asked for, in milliseconds: two years.
const BACK_MS: u64 = 731 * 86_400_000;

struct Found {
    case: CaseId,
    item: sanji_domain::ItemCode,
    alert: AlertDigest,
}

impl Reader {
    /// Alerts, gravest and newest first: all for supervisors, for others those that concern them.
    ///
    /// # Errors
    /// [`Failure::Refused`] for a request that is none.
    pub fn alerts(
        &self,
        digests: &Digests,
        staff: &Staff,
        request: &proto::ListAlertsRequest,
        now_ms: u64,
    ) -> Result<proto::ListAlertsReply, Failure> {
        let day = today(now_ms);
        let period = match request.period.as_str() {
            "" => None,
            text => Some(Period::parse(text).ok_or_else(wrong_period)?),
        };
        let all = supervises(staff, self.me());
        let mut found: Vec<Found> = Vec::new();
        let wanted = |digest: &Digest, alert: &AlertDigest| {
            (all || is_theirs(staff, alert))
                && passes(request.filter(), digest, alert)
                && (request.level() == AlertLevel::Unspecified || level(alert.level) == request.level())
                && (request.kind.is_empty() || alert.kind.term() == request.kind)
                && period.is_none_or(|period| period.has(alert.since))
        };
        let since = period.map_or(now_ms, |period| millis(period.from)).saturating_sub(BACK_MS);
        let mut take = |digest: Digest| {
            let alerts: Vec<AlertDigest> =
                digest.alerts.iter().filter(|alert| wanted(&digest, alert)).cloned().collect();
            found.extend(alerts.into_iter().map(|alert| Found { case: digest.case, item: digest.item.clone(), alert }));
        };
        digests.walk(self, Which::Open, 0, day, &mut take)?;
        digests.walk(self, Which::Closed, since, day, &mut take)?;
        let order = |found: &Found| {
            (std::cmp::Reverse((found.alert.level, found.alert.since)), found.case, found.alert.key.clone())
        };
        found.sort_by_cached_key(order);
        let total = u32::try_from(found.len()).unwrap_or(u32::MAX);
        let reference = self.reference();
        let names = Names(&reference);
        let page = found.into_iter().skip(request.skip as usize).take(limit(request.limit));
        Ok(proto::ListAlertsReply { alerts: page.map(|found| row(names, &found)).collect(), total })
    }
}

fn passes(filter: AlertFilter, digest: &Digest, alert: &AlertDigest) -> bool {
    match filter {
        AlertFilter::All => true,
        AlertFilter::Unanswered => alert.waits(),
        AlertFilter::Appealed => alert.state == AlertState::Appealed,
        AlertFilter::Current | AlertFilter::Unspecified => match alert.state {
            AlertState::Revoked => false,
            AlertState::Appealed => true,
            _ if alert.waits() => true,
            // Of what is past and answered nothing is left to do; a reminder is over with its case.
            _ => digest.open.is_some() && (alert.level > Level::Prompt || digest.level() == Some(Level::Prompt)),
        },
    }
}

fn row(names: Names<'_>, found: &Found) -> proto::AlertRow {
    let alert = &found.alert;
    let rule = names.0.watch_rules().get(&alert.key.rule);
    proto::AlertRow {
        case_number: found.case.number().to_string(),
        item_name: names.item_name(&found.item),
        alert: alert.key.to_string(),
        name: rule.map_or_else(|| alert.key.rule.to_string(), |rule| rule.name.clone()),
        kind: alert.kind.term().to_owned(),
        level: level(alert.level).into(),
        state: alert.state.term().to_owned(),
        since: date_number(alert.since),
        answer_until: alert.answer_until.map_or(0, date_number),
        station: alert.office.station.number(),
        station_name: names.0.station_name(alert.office.station),
        department_name: names.office(&alert.office),
        person_name: alert.person.as_ref().map(|id| names.staff(id)).unwrap_or_default(),
        points: alert.points,
        stage_name: names.stage(&found.item, alert.key.stage.as_ref()),
    }
}

pub(super) fn wrong_period() -> Failure {
    input_fault("period", "时间段不正确，请按“2026-07”“2026-Q3”或者“2026”填写。")
}

/// The first moment of a day in China, in milliseconds since 1970-01-01 UTC.
pub(crate) fn millis(day: Date) -> u64 {
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = epoch.until(day).map_or(0, |span| span.get_days());
    u64::try_from(i64::from(days) * 86_400_000 - 8 * 3_600_000).unwrap_or(0)
}

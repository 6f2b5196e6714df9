//! One alert with everything that is known of it, and the alerts of a case.

use sanji_domain::calendar::date_number;
use sanji_domain::case::{Action, Case, Sight, may_see};
use sanji_domain::organisation::Staff;
use sanji_domain::supervision::say::may_say_of;
use sanji_domain::supervision::{Alert, Said, Saying, alerts};
use sanji_log::{CaseId, CaseNumber, LogId};
use sanji_proto::v1 as proto;

use super::arrivals::arrivals;
use super::names::{Names, level};
use super::{concerns, supervises, today};
use crate::core::{Reader, ReferenceData, context, wrong_number};
use crate::error::{Error, Failure};
use crate::views;

impl Reader {
    /// One alert.
    ///
    /// # Errors
    /// [`Failure::NotFound`] also where it does not concern the person.
    pub fn alert(
        &self,
        staff: &Staff,
        request: &proto::GetAlertRequest,
        now_ms: u64,
    ) -> Result<proto::AlertView, Failure> {
        let number: CaseNumber = request.case_number.parse().map_err(|_| wrong_number())?;
        let (case, _) = views::find(self, staff, &number, now_ms)?;
        let reference = self.reference();
        let found = of_case(self, &reference, &case, staff, now_ms)?;
        let alert = found.iter().find(|alert| alert.key.to_string() == request.alert).ok_or(Failure::NotFound)?;
        Ok(view(self, &reference, &case, alert, staff)?)
    }

    /// The alerts of a case that a person may know of, as rows.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn alerts_of(&self, case: &Case, staff: &Staff, now_ms: u64) -> Result<Vec<proto::AlertRow>, Failure> {
        let reference = self.reference();
        let found = of_case(self, &reference, case, staff, now_ms)?;
        Ok(found.iter().map(|alert| row(Names(&reference), case, alert)).collect())
    }
}

impl Reader {
    /// Every alert of a case, whomever it concerns. None without the district's files.
    pub(crate) fn every_alert_of(&self, reference: &ReferenceData, case: &Case, now_ms: u64) -> Vec<proto::AlertRow> {
        let Some(rules) = reference.rules() else { return Vec::new() };
        let found = alerts(case, &rules, &arrivals(self, case), today(now_ms));
        found.iter().map(|alert| row(Names(reference), case, alert)).collect()
    }
}

/// The alerts of a case that a person may know of.
fn of_case(
    reader: &Reader,
    reference: &ReferenceData,
    case: &Case,
    staff: &Staff,
    now_ms: u64,
) -> Result<Vec<Alert>, Failure> {
    let standing = reader.standing(reference, staff, now_ms);
    let context = context(reference, reader.me(), staff, &standing, now_ms)?;
    if may_see(case, &context) == Sight::None {
        return Ok(Vec::new());
    }
    let all = supervises(staff, reader.me());
    let is_theirs = |alert: &Alert| concerns(staff, &alert.office, alert.person.as_ref().map(|person| &person.id));
    let found = alerts(case, &context.reference, &arrivals(reader, case), today(now_ms));
    Ok(found.into_iter().filter(|alert| all || is_theirs(alert)).collect())
}

fn row(names: Names<'_>, case: &Case, alert: &Alert) -> proto::AlertRow {
    let item = case.item().map(|(code, _)| code.clone());
    proto::AlertRow {
        case_number: case.id().number().to_string(),
        item_name: item.as_ref().map(|item| names.item_name(item)).unwrap_or_default(),
        alert: alert.key.to_string(),
        name: alert.name.clone(),
        kind: alert.kind.term().to_owned(),
        level: level(alert.level).into(),
        state: alert.state.term().to_owned(),
        since: alert.since().map_or(0, date_number),
        answer_until: alert.answer_until.map_or(0, date_number),
        station: alert.office.station.number(),
        station_name: names.0.station_name(alert.office.station),
        department_name: names.office(&alert.office),
        person_name: names.person(alert.person.as_ref()),
        points: alert.points,
        stage_name: item.as_ref().map(|item| names.stage(item, alert.key.stage.as_ref())).unwrap_or_default(),
    }
}

/// An alert with what was said about it. Its words are the only ones of a case that supervisors read.
pub(super) fn view(
    reader: &Reader,
    reference: &ReferenceData,
    case: &Case,
    alert: &Alert,
    staff: &Staff,
) -> Result<proto::AlertView, Error> {
    let names = Names(reference);
    let item = case.item().map(|(code, _)| code);
    let charges = alert.division.iter().flat_map(|division| &division.0);
    let mut said = Vec::new();
    for one in &alert.said {
        said.push(said_view(reader, names, &case.id(), one)?);
    }
    let sayings = [
        (Action::AnswerAlert, Saying::Answer),
        (Action::AppealAlert, Saying::Appeal),
        (Action::RevokeAlert, Saying::Review { revoked: true }),
        (Action::UpholdAlert, Saying::Review { revoked: false }),
    ];
    let offered = sayings.into_iter().filter(|(_, saying)| may_say_of(alert, *saying, staff));
    Ok(proto::AlertView {
        row: Some(row(names, case, alert)),
        text: alert.text.clone(),
        basis: alert.basis.clone().unwrap_or_default(),
        words: alert.words.clone(),
        due: alert.due.map_or(0, date_number),
        delay_days: alert.delay.map_or(0, |delay| delay.days),
        delay_unit: alert.delay.map_or_else(String::new, |delay| delay.unit.to_string()),
        charges: charges
            .map(|charge| proto::ChargeView {
                cause: charge.cause.term().to_owned(),
                days: charge.days,
                stage_name: item.map(|item| names.stage(item, charge.stage.as_ref())).unwrap_or_default(),
                office_name: charge.office.as_ref().map(|office| names.office(office)).unwrap_or_default(),
                person_name: names.person(charge.person.as_ref()),
            })
            .collect(),
        levels: alert
            .levels
            .iter()
            .map(|(reached, since)| proto::LevelView { level: level(*reached).into(), since: date_number(*since) })
            .collect(),
        said,
        heads: names.heads(&alert.office),
        actions: offered.map(|(action, _)| action.name().to_owned()).collect(),
    })
}

fn said_view(reader: &Reader, names: Names<'_>, case: &CaseId, said: &Said) -> Result<proto::SaidView, Error> {
    let title = match said.saying {
        Saying::Answer => "预警回复",
        Saying::Appeal => "预警申诉",
        Saying::Review { revoked: true } => "预警核销",
        Saying::Review { revoked: false } => "预警维持",
    };
    Ok(proto::SaidView {
        title: title.to_owned(),
        person_name: names.person(said.by.as_ref()),
        station_name: names.0.station_name(said.writer),
        time_ms: said.time.millis(),
        words: words(reader, case, &said.log, said.seq)?,
    })
}

/// The words of a side entry of supervision; empty where they can't be read here.
pub(super) fn words(reader: &Reader, case: &CaseId, log: &LogId, seq: u64) -> Result<String, Error> {
    let Some(key) = reader.case_key(case)? else { return Ok(String::new()) };
    let private = reader.private(case, &key, log, seq)?;
    Ok(private.map(|private| private.words.clone()).unwrap_or_default())
}

//! Alerts (预警), and what people have said about them: answers, appeals, reviews. Orders (督办单) on a case too.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use sanji_log::{Hash, HybridTime, LogId, StationCode};
use serde::{Deserialize, Serialize};

use super::condition::Condition;
use super::course::{Office, Person};
use super::division::Division;
use super::rule::{Level, Rule, WatchKind};
use super::watch::Hit;
use crate::calendar::local_date;
use crate::case::beside::{Lives, in_turn};
use crate::case::{Case, Reference, SideEvent, SideFacts};
use crate::code::{RuleId, StageId};
use crate::limit::Unit;
use crate::term::terms;

/// Names an alert within its case: the rule, the stage, and which time it happened there, from 1. As text
/// `over-stage.survey.1`, with `-` for the case as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlertKey {
    /// The rule.
    pub rule: RuleId,
    /// The stage; none: the case as a whole.
    pub stage: Option<StageId>,
    /// Which time.
    pub occurrence: u32,
}

/// Text that names no alert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an alert: say RULE.STAGE.NUMBER, as in over-stage.survey.1")]
pub struct InvalidAlertKey;

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.rule, self.stage.as_ref().map_or("-", StageId::as_str), self.occurrence)
    }
}

impl FromStr for AlertKey {
    type Err = InvalidAlertKey;
    fn from_str(text: &str) -> Result<Self, InvalidAlertKey> {
        let mut parts = text.split('.');
        let (Some(rule), Some(stage), Some(occurrence), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidAlertKey);
        };
        let stage = if stage == "-" { None } else { Some(stage.parse().map_err(|_| InvalidAlertKey)?) };
        let occurrence = occurrence.parse().ok().filter(|number| *number > 0 && !occurrence.starts_with(['+', '0']));
        Ok(Self {
            rule: rule.parse().map_err(|_| InvalidAlertKey)?,
            stage,
            occurrence: occurrence.ok_or(InvalidAlertKey)?,
        })
    }
}

/// By how much something is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// How many days.
    pub days: u32,
    /// How they count.
    pub unit: Unit,
}

terms! {
    /// Where an alert stands.
    pub enum AlertState ("预警状态") {
        /// Only a reminder: nobody has to answer.
        Reminder = "提示",
        /// Waits for the answer.
        Unanswered = "待回复",
        /// The time to answer is over.
        Overdue = "逾期未回复",
        /// Answered.
        Answered = "已回复",
        /// Somebody appeals; the supervisor has not ruled yet.
        Appealed = "申诉中",
        /// The supervisor has looked at the appeal and upholds the alert.
        Upheld = "已维持",
        /// Revoked by the supervisor. It stays visible and costs nothing.
        Revoked = "已核销",
    }
}

/// What was said about an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saying {
    /// How it came about and what is done, by those whom it concerns.
    Answer,
    /// That it is wrong, by those whom it concerns.
    Appeal,
    /// The supervisor's word: revoked or upheld.
    Review {
        /// 核销
        revoked: bool,
    },
}

/// One saying about an alert, on record for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What kind it is.
    pub saying: Saying,
    /// The alert.
    pub alert: AlertKey,
    /// The level that the alert had then, as the entry says.
    pub level: Option<Level>,
    /// The entry; its words are sealed.
    pub hash: Hash,
    /// The log it stands in.
    pub log: LogId,
    /// Its position there.
    pub seq: u64,
    /// When, by its writer's clock.
    pub time: HybridTime,
    /// The station that wrote it.
    pub writer: StationCode,
    /// Who said it.
    pub by: Option<Person>,
}

/// Everything that was said about the alerts of a case, by time.
pub struct Hearing(Vec<Said>);

impl Hearing {
    /// What the side entries of a case say.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        let of_alerts = |event: &SideEvent| {
            matches!(
                event,
                SideEvent::AlertAnswered { .. } | SideEvent::AlertAppealed { .. } | SideEvent::AlertReviewed { .. }
            )
        };
        Self(case.said(of_alerts).into_iter().filter_map(said).collect())
    }

    fn about(&self, key: &AlertKey) -> Vec<Said> {
        self.0.iter().filter(|said| said.alert == *key).cloned().collect()
    }

    /// What was said about alerts that are not among these: of rules of another version.
    #[must_use]
    pub fn beside(&self, alerts: &[Alert]) -> Vec<Said> {
        self.0.iter().filter(|said| alerts.iter().all(|alert| alert.key != said.alert)).cloned().collect()
    }
}

fn said(facts: &SideFacts) -> Option<Said> {
    let (saying, alert, level) = match &facts.body.event {
        SideEvent::AlertAnswered { alert, level } => (Saying::Answer, alert, *level),
        SideEvent::AlertAppealed { alert, level } => (Saying::Appeal, alert, *level),
        SideEvent::AlertReviewed { alert, level, revoked } => (Saying::Review { revoked: *revoked }, alert, *level),
        _ => return None,
    };
    Some(Said {
        saying,
        alert: alert.clone(),
        level,
        hash: facts.hash,
        log: facts.log,
        seq: facts.seq,
        time: facts.time,
        writer: facts.writer,
        by: speaker(facts),
    })
}

fn speaker(facts: &SideFacts) -> Option<Person> {
    let id = facts.actor.parse().ok()?;
    Some(Person { id, name: facts.body.actor.name.clone(), role: facts.body.actor.role.clone() })
}

/// An alert as it stands on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Which alert of the case.
    pub key: AlertKey,
    /// Kind of the rule.
    pub kind: WatchKind,
    /// Name of the rule.
    pub name: String,
    /// What the rule says.
    pub text: String,
    /// The law behind the rule.
    pub basis: Option<String>,
    /// How grave it is.
    pub level: Level,
    /// The levels reached, in rising order, and since when.
    pub levels: Vec<(Level, Date)>,
    /// The office that answers for it.
    pub office: Office,
    /// The person; none: the office as a whole.
    pub person: Option<Person>,
    /// What was found, in words.
    pub words: String,
    /// The last day of the limit that it is about.
    pub due: Option<Date>,
    /// By how much it is over.
    pub delay: Option<Delay>,
    /// How the delay divides.
    pub division: Option<Division>,
    /// Points that it costs; 0 for a revoked one.
    pub points: u32,
    /// Last day to answer it; none: it needs no answer, or the calendar lacks the year.
    pub answer_until: Option<Date>,
    /// Where it stands.
    pub state: AlertState,
    /// What was said about it, by time.
    pub said: Vec<Said>,
}

impl Alert {
    /// Since when it has its level.
    #[must_use]
    pub fn since(&self) -> Option<Date> {
        self.levels.last().map(|(_, since)| *since)
    }

    /// The day on which it first was raised.
    #[must_use]
    pub fn raised(&self) -> Option<Date> {
        self.levels.first().map(|(_, since)| *since)
    }

    /// Whether somebody has to answer it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, AlertState::Unanswered | AlertState::Overdue)
    }

    /// What a rule has found, with what was said about it. None where the rule did not hold then.
    pub(super) fn of(
        key: AlertKey,
        rule: &Rule,
        hit: Hit,
        hearing: &Hearing,
        reference: &Reference<'_>,
        today: Date,
    ) -> Option<Self> {
        let levels: Vec<(Level, Date)> = hit.levels.into_iter().filter(|(level, _)| *level <= rule.level).collect();
        let (level, since) = *levels.last()?;
        let (_, raised) = *levels.first()?;
        if !rule.holds_on(raised) {
            return None;
        }
        let said = hearing.about(&key);
        let answer_until = if level == Level::Prompt {
            None
        } else {
            reference.calendar.deadline(since, reference.defaults.supervision.reply_to_warning_within).ok()
        };
        let state = state(level, &said, answer_until, today);
        let mut alert = Self {
            key,
            kind: rule.kind,
            name: rule.name.clone(),
            text: rule.text.clone(),
            basis: rule.basis.clone(),
            level,
            levels,
            office: hit.office,
            person: hit.person,
            words: hit.words,
            due: hit.due,
            delay: hit.delay,
            division: hit.division,
            points: 0,
            answer_until,
            state,
            said,
        };
        alert.points = alert.points(rule);
        Some(alert)
    }

    /// Points by the rule. None for a revoked alert, nor where no day is charged to person or office.
    fn points(&self, rule: &Rule) -> u32 {
        let is_over = self.delay.is_some()
            || !matches!(
                rule.when,
                Condition::Promised | Condition::Statutory | Condition::Stage | Condition::Answer(_)
            );
        if self.state == AlertState::Revoked || self.level < rule.level || !is_over {
            return 0;
        }
        let days = match &self.division {
            Some(division) if division.costly() == 0 => return 0,
            Some(division) => division.costly(),
            None => 0,
        };
        rule.points.saturating_add(rule.points_per_day.saturating_mul(days)).min(rule.points_most)
    }
}

/// What became of an appeal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Appeal {
    None,
    Open,
    Upheld,
}

/// Where the appeals against an alert stand. The supervisor may also uphold an alert against which nobody has appealed,
/// which answers no appeal that comes later; but no station upholds it twice without an appeal between.
fn appeal(said: &[Said]) -> Appeal {
    let (mut appeal, mut ruled) = (Appeal::None, Lives::default());
    in_turn(said, |said| match said.saying {
        Saying::Appeal => {
            (appeal, ruled) = (Appeal::Open, Lives::default());
            true
        }
        Saying::Review { revoked: false } => {
            if appeal == Appeal::Open {
                appeal = Appeal::Upheld;
            }
            ruled.note(said.log.key)
        }
        Saying::Answer | Saying::Review { revoked: true } => true,
    });
    appeal
}

fn state(level: Level, said: &[Said], answer_until: Option<Date>, today: Date) -> AlertState {
    // Nobody says anything more about a revoked alert, so what seems to come later came before.
    if said.iter().any(|said| said.saying == Saying::Review { revoked: true }) {
        return AlertState::Revoked;
    }
    match appeal(said) {
        Appeal::Upheld => return AlertState::Upheld,
        Appeal::Open => return AlertState::Appealed,
        Appeal::None => {}
    }
    let answered = said.iter().any(|said| said.saying == Saying::Answer && said.level >= Some(level));
    if answered {
        AlertState::Answered
    } else if level == Level::Prompt {
        AlertState::Reminder
    } else if answer_until.is_some_and(|until| today > until) {
        AlertState::Overdue
    } else {
        AlertState::Unanswered
    }
}

/// An order (督办单) on a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The entry that issued it, by which it is known; its words are sealed.
    pub hash: Hash,
    /// The log it stands in.
    pub log: LogId,
    /// Its position there.
    pub seq: u64,
    /// When.
    pub time: HybridTime,
    /// The station that issued it.
    pub writer: StationCode,
    /// Who issued it.
    pub by: Option<Person>,
    /// The office that must answer.
    pub office: Office,
    /// Last day to answer.
    pub until: Date,
    /// The answers, by time.
    pub answers: Vec<OrderAnswer>,
}

/// An answer to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderAnswer {
    /// The entry; its words are sealed.
    pub hash: Hash,
    /// The log it stands in.
    pub log: LogId,
    /// Its position there.
    pub seq: u64,
    /// When.
    pub time: HybridTime,
    /// The station that wrote it.
    pub writer: StationCode,
    /// Who answered.
    pub by: Option<Person>,
}

impl Order {
    /// In words: 待反馈, 逾期未反馈, 已反馈, 逾期反馈.
    #[must_use]
    pub fn state(&self, today: Date) -> &'static str {
        let answered =
            self.answers.first().map(|answer| local_date(i64::try_from(answer.time.millis()).unwrap_or(i64::MAX)));
        match answered {
            Some(day) if day > self.until => "逾期反馈",
            Some(_) => "已反馈",
            None if today > self.until => "逾期未反馈",
            None => "待反馈",
        }
    }
}

/// The orders on a case, by time.
#[must_use]
pub fn orders(case: &Case) -> Vec<Order> {
    let issued = case.said(|event| matches!(event, SideEvent::OrderIssued { .. })).into_iter();
    let mut orders: Vec<Order> = issued
        .filter_map(|facts| match &facts.body.event {
            SideEvent::OrderIssued { office, until } => Some(Order {
                hash: facts.hash,
                log: facts.log,
                seq: facts.seq,
                time: facts.time,
                writer: facts.writer,
                by: speaker(facts),
                office: office.clone(),
                until: *until,
                answers: Vec::new(),
            }),
            _ => None,
        })
        .collect();
    for facts in case.said(|event| matches!(event, SideEvent::OrderAnswered { .. })) {
        let SideEvent::OrderAnswered { order } = &facts.body.event else { continue };
        let answer = OrderAnswer {
            hash: facts.hash,
            log: facts.log,
            seq: facts.seq,
            time: facts.time,
            writer: facts.writer,
            by: speaker(facts),
        };
        if let Some(order) = orders.iter_mut().find(|known| known.hash == *order) {
            order.answers.push(answer);
        }
    }
    orders
}

//! Departments, townships and people compared over a month or a quarter. Every number is a sum of what single cases
//! contribute, so each can be traced to its cases: [`contributions`] says what one case adds, [`rank`] adds it up.
//!
//! A case counts in the period in which it was closed, an alert in the one in which it reached its level. Whoever had
//! a hand in a case was on time in it where no day of a delay is charged to them; the delay of others is not theirs.
//! The time that cases take is told for whoever leads them: a department, or a township that closed them alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::ToSpan;
use jiff::civil::Date;
use sanji_log::{StationCode, Tier};

use super::alert::AlertState;
use super::course::Office;
use super::digest::{AlertDigest, Digest, Turn};
use super::rule::Level;
use crate::code::{DepartmentCode, StaffId};
use crate::limit::Unit;

/// Whom a row is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A department of the district.
    Department(DepartmentCode),
    /// A township, its villages included.
    Township(StationCode),
    /// A person.
    Staff(StaffId),
}

impl Subject {
    /// The subject that answers for an office.
    #[must_use]
    pub fn of(office: &Office) -> Self {
        match office.station.at_tier(Tier::Township) {
            Some(township) if office.station.tier() != Tier::District => Self::Township(township),
            _ => Self::Department(office.department.clone()),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Department(code) => write!(f, "{code}"),
            Self::Township(code) => write!(f, "{code}"),
            Self::Staff(id) => write!(f, "{id}"),
        }
    }
}

/// A span of days, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first day.
    pub from: Date,
    /// Its last day.
    pub to: Date,
}

impl Period {
    /// Reads `2026-07`, `2026-Q3` or `2026`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, part) = text.split_once('-').map_or((text, None), |(year, part)| (year, Some(part)));
        let year: i16 = year.parse().ok().filter(|year| (1..=9998).contains(year))?;
        let (first, months): (i8, i32) = match part {
            None => (1, 12),
            Some(part) => match part.strip_prefix('Q') {
                Some(quarter) => (quarter.parse::<i8>().ok().filter(|quarter| (1..=4).contains(quarter))? * 3 - 2, 3),
                None if part.len() == 2 => (part.parse().ok()?, 1),
                None => return None,
            },
        };
        let from = Date::new(year, first, 1).ok()?;
        let to = from.checked_add(months.months()).ok()?.yesterday().ok()?;
        Some(Self { from, to })
    }

    /// The month of a day.
    #[must_use]
    pub fn month_of(day: Date) -> Self {
        Self { from: day.first_of_month(), to: day.last_of_month() }
    }

    /// Whether a day lies in it.
    #[must_use]
    pub fn has(&self, day: Date) -> bool {
        self.from <= day && day <= self.to
    }
}

/// What a case adds to a subject's row, or what many have added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contribution {
    /// Cases closed in which the subject had a hand.
    pub cases: u32,
    /// Of these, those in which no day of a delay is charged to the subject.
    pub on_time: u32,
    /// Cases closed that the subject leads and whose promise counts days.
    pub led: u32,
    /// Days that these used.
    pub used_days: u32,
    /// Days that were promised for them.
    pub promised_days: u32,
    /// Of these cases, those with a limit by law.
    pub led_by_law: u32,
    /// Days by law for them.
    pub statutory_days: u32,
    /// Alerts that were not revoked: prompt, yellow, red.
    pub alerts: [u32; 3],
    /// Alerts that were revoked.
    pub revoked: u32,
    /// Points taken.
    pub points: u32,
    /// Ratings.
    pub ratings: u32,
    /// Their sum, each 1 to 5.
    pub rating_sum: u32,
}

impl Contribution {
    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.cases, other.cases),
            (&mut self.on_time, other.on_time),
            (&mut self.led, other.led),
            (&mut self.used_days, other.used_days),
            (&mut self.promised_days, other.promised_days),
            (&mut self.led_by_law, other.led_by_law),
            (&mut self.statutory_days, other.statutory_days),
            (&mut self.revoked, other.revoked),
            (&mut self.points, other.points),
            (&mut self.ratings, other.ratings),
            (&mut self.rating_sum, other.rating_sum),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
        for (sum, more) in self.alerts.iter_mut().zip(other.alerts) {
            *sum = sum.saturating_add(more);
        }
    }

    /// Cases on time, in thousandths; none without a case.
    #[must_use]
    pub fn on_time_permille(&self) -> Option<u32> {
        permille(self.on_time, self.cases)
    }

    /// Days used of those promised, in thousandths; none where nothing was promised.
    #[must_use]
    pub fn used_permille(&self) -> Option<u32> {
        permille(self.used_days, self.promised_days)
    }
}

fn permille(part: u32, whole: u32) -> Option<u32> {
    let permille = (u64::from(part) * 1000).checked_div(u64::from(whole))?;
    Some(u32::try_from(permille).unwrap_or(u32::MAX))
}

/// What a case adds to the rows of a period. Empty: nothing.
#[must_use]
pub fn contributions(digest: &Digest, period: Period) -> BTreeMap<Subject, Contribution> {
    let mut rows: BTreeMap<Subject, Contribution> = BTreeMap::new();
    if digest.closed.is_some_and(|closed| period.has(closed)) {
        closed(digest, &mut rows);
    }
    for alert in digest.alerts.iter().filter(|alert| period.has(alert.since)) {
        for subject in concerned(alert) {
            raised(alert, rows.entry(subject).or_default());
        }
    }
    rows
}

fn subjects(turn: &Turn) -> impl Iterator<Item = Subject> {
    turn.person.clone().map(Subject::Staff).into_iter().chain([Subject::of(&turn.office)])
}

fn closed(digest: &Digest, rows: &mut BTreeMap<Subject, Contribution>) {
    let counts = |alert: &&AlertDigest| alert.state != AlertState::Revoked && alert.level == Level::Red;
    let late: BTreeSet<Subject> =
        digest.alerts.iter().filter(counts).flat_map(|alert| alert.late.iter().flat_map(subjects)).collect();
    let hands: BTreeSet<Subject> = digest.turns.iter().flat_map(subjects).collect();
    for subject in hands {
        let on_time = u32::from(!late.contains(&subject));
        let row = rows.entry(subject).or_default();
        (row.cases, row.on_time) = (1, on_time);
        if let Some(rating) = digest.rating {
            (row.ratings, row.rating_sum) = (1, rating);
        }
    }
    if digest.promised.unit == Unit::OnTheSpot {
        return;
    }
    let at_district = digest.turns.iter().any(|turn| turn.office.station.tier() == Tier::District);
    let leader = match digest.township().filter(|_| !at_district) {
        Some(township) => Subject::Township(township),
        None => Subject::Department(digest.lead.clone()),
    };
    let row = rows.entry(leader).or_default();
    (row.led, row.used_days, row.promised_days) = (1, digest.used_days, digest.promised.days);
    if let Some(statutory) = digest.statutory.filter(|statutory| statutory.unit == digest.promised.unit) {
        (row.led_by_law, row.statutory_days) = (1, statutory.days);
    }
}

/// Whom an alert is counted for: its office, and its person.
fn concerned(alert: &AlertDigest) -> impl Iterator<Item = Subject> {
    alert.person.clone().map(Subject::Staff).into_iter().chain([Subject::of(&alert.office)])
}

fn raised(alert: &AlertDigest, row: &mut Contribution) {
    if alert.state == AlertState::Revoked {
        row.revoked += 1;
        return;
    }
    let place = match alert.level {
        Level::Prompt => 0,
        Level::Yellow => 1,
        Level::Red => 2,
    };
    if let Some(count) = row.alerts.get_mut(place) {
        *count += 1;
    }
    row.points = row.points.saturating_add(alert.points);
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its place, from 1; those alike share one. 0: it has closed no case, so it is not ranked.
    pub place: u32,
    /// Whom it is about.
    pub subject: Subject,
    /// The sums.
    pub sum: Contribution,
}

/// Orders rows: more cases on time first, then fewer points, then less of the promised time used.
#[must_use]
pub fn rank(rows: BTreeMap<Subject, Contribution>) -> Vec<Row> {
    // Without a case closed nobody is the best.
    let order = |sum: &Contribution| {
        let on_time = sum.on_time_permille();
        (on_time.is_none(), std::cmp::Reverse(on_time), sum.points, sum.used_permille().unwrap_or(u32::MAX))
    };
    let mut ranked: Vec<Row> = rows.into_iter().map(|(subject, sum)| Row { place: 0, subject, sum }).collect();
    ranked.sort_by(|one, other| order(&one.sum).cmp(&order(&other.sum)).then_with(|| one.subject.cmp(&other.subject)));
    let mut last = None;
    for (at, row) in (1_u32..).zip(ranked.iter_mut()).filter(|(_, row)| row.sum.cases > 0) {
        let key = order(&row.sum);
        row.place = match last {
            Some((place, same)) if same == key => place,
            _ => at,
        };
        last = Some((row.place, key));
    }
    ranked
}

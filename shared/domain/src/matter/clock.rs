//! When something is due in a matter: a pure function of its entries, the calendar and the district's rules.

use jiff::civil::Date;

use super::state::{Matter, MatterState};
use crate::calendar::{MissingYear, local_date};
use crate::case::Reference;
use crate::limit::Limit;

/// How long the district has to answer a question. No rule of the district says so; it is what 行政许可法 art. 30
/// ("应当说明、解释，提供准确、可靠的信息") leaves open, and the same time that the first answer to an application has.
pub const ANSWER_WITHIN: Limit = Limit::working_days(5);

/// The next deadline of a matter; none where nothing is awaited.
///
/// # Errors
/// [`MissingYear`] where the calendar lacks a year.
pub fn due(matter: &Matter, reference: &Reference<'_>) -> Result<Option<Date>, MissingYear> {
    let rules = &reference.defaults.complaint;
    let Some(opening) = matter.opening() else { return Ok(None) };
    let opened_ms = matter.complaint().map_or_else(|| opening.time.millis(), |complaint| complaint.registered_ms);
    let opened = local_date(i64::try_from(opened_ms).unwrap_or(i64::MAX));
    let within = |limit| reference.calendar.deadline(opened, limit).map(Some);
    match matter.state() {
        MatterState::Registered | MatterState::Sent => within(rules.accept_within),
        MatterState::Accepted | MatterState::Assigned | MatterState::Investigated => within(rules.finish_within),
        MatterState::Asked => within(ANSWER_WITHIN),
        MatterState::Issued | MatterState::SentBack => Ok(matter.rectify_until()),
        MatterState::Running => Ok(matter.survey().map(|survey| survey.until)),
        _ => Ok(None),
    }
}

/// Whether a deadline has passed on a day.
#[must_use]
pub fn is_overdue(due: Option<Date>, today: Date) -> bool {
    due.is_some_and(|due| today > due)
}

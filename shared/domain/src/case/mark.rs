//! 急办、重点项目: marks that put a case first.

use jiff::civil::Date;
use sanji_log::{Hash, HybridTime};

use super::action::Action;
use super::beside::{Lives, in_turn};
use super::body::{Mark, SideEvent, StepEvent};
use super::clock;
use super::command::Draft;
use super::handling::{Handling, not_entitled};
use super::input::{self, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::state::Case;
use super::words::date_words;

/// A mark that a case bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// Who set it.
    pub by: String,
    /// When.
    pub since: HybridTime,
    /// The entry that set it.
    pub entry: Hash,
    /// The day until which the case shall be finished.
    pub until: Option<Date>,
}

impl Case {
    /// A mark, if the case bears it: of what was said of it the latest counts. A removal that finds no mark to remove
    /// was written by a station that saw one.
    #[must_use]
    pub fn marked(&self, mark: Mark) -> Option<Marked> {
        let mut borne = self.filed_as_urgent().filter(|_| mark == Mark::Urgent);
        let mut removed = Lives::default();
        let said = self.said(|event| matches!(event, SideEvent::Marked { mark: of, .. } if *of == mark));
        in_turn(said, |facts| {
            let SideEvent::Marked { set, until, .. } = facts.body.event else { return true };
            if set {
                let (by, since) = (facts.body.actor.name.clone(), facts.time);
                borne = Some(Marked { by, since, entry: facts.hash, until });
                removed = Lives::default();
                return true;
            }
            if borne.take().is_some() {
                removed = Lives::begin(facts.log.key);
                return true;
            }
            !removed.is_empty() && removed.note(facts.log.key)
        });
        borne
    }

    fn filed_as_urgent(&self) -> Option<Marked> {
        let opening = self.steps().next()?;
        let StepEvent::Submitted(submitted) = &opening.body.event else { return None };
        let name = || opening.body.actor.name.clone();
        let marked = || Marked { by: name(), since: opening.time, entry: opening.hash, until: None };
        submitted.urgent.then(marked)
    }

    /// How far to the front of a work list it goes: urgent before key projects before what came back corrected.
    #[must_use]
    pub fn rank(&self) -> u8 {
        if self.marked(Mark::Urgent).is_some() {
            3
        } else if self.marked(Mark::Priority).is_some() {
            2
        } else {
            u8::from(self.ahead())
        }
    }
}

/// 标注
pub(super) fn set(
    handling: &Handling<'_>,
    mark: Mark,
    remove: bool,
    until: Option<Date>,
    reason: &str,
) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::SetMark)?;
    match mark {
        Mark::Unknown => {
            return Err(Refusal::new(RefusalCode::InvalidInput, "请选择紧急件或者重点项目件。").at("mark"));
        }
        // Which projects are important is for those who lead, not for whoever takes the case in.
        Mark::Priority if !handling.leads() => return Err(not_entitled()),
        Mark::Urgent | Mark::Priority => {}
    }
    if remove && handling.case.marked(mark).is_none() {
        return Err(Refusal::new(RefusalCode::AlreadyDone, "该办件没有这个标注。"));
    }
    let reason = input::required(reason, "reason", LONGEST_TEXT, || {
        input::reason_missing("标注或者取消急办、重点件要写明理由。")
    })?;
    let until = until.filter(|_| !remove);
    if let Some(until) = until {
        shortens(handling, until)?;
    }
    let event = SideEvent::Marked { mark, set: !remove, until };
    Ok(handling.say(event, Private::of_words(reason)))
}

/// A mark may shorten the promise, never lengthen it.
fn shortens(handling: &Handling<'_>, until: Date) -> Result<(), Refusal> {
    let reference = &handling.context.reference;
    let (calendar, defaults) = (reference.calendar, reference.defaults);
    let clock = clock::case_clock(handling.case, handling.item, calendar, defaults, handling.today);
    let sentence = match clock.promised_until {
        Some(promised) if until > promised => {
            format!("要求办结的日期不能晚于承诺期限（{}）。", date_words(promised))
        }
        _ if until < handling.today => "要求办结的日期不能早于今天。".to_owned(),
        _ => return Ok(()),
    };
    Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("until"))
}

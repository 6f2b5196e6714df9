//! What a case still owes: 容缺 materials that were to follow, and what a variant leaves to be made up afterwards. Both
//! stay open until somebody records that they are done, also after the case is concluded.

use std::collections::BTreeMap;

use jiff::civil::Date;
use sanji_log::{HybridTime, Tier};

use super::action::Action;
use super::body::{MaterialProvided, SideEvent, StepEvent, Tolerated};
use super::command::{Draft, StoredAttachment};
use super::handling::Handling;
use super::input::{self, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::state::Case;
use super::summary::Outcome;
use super::variant;
use crate::calendar::{Calendar, local_date};
use crate::catalogue::Item;

/// Something that is to be made up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDuty {
    /// The material, by its position in the item's list; none: what the variant leaves.
    pub material: Option<u32>,
    /// What, in words.
    pub words: String,
    /// Last day; none: it does not run yet, or the calendar lacks the year.
    pub until: Option<Date>,
    /// When it was done.
    pub done: Option<HybridTime>,
}

impl Case {
    /// Materials that were accepted missing.
    #[must_use]
    pub fn tolerated(&self) -> &[Tolerated] {
        let accepted = self.steps().find_map(|facts| match &facts.body.event {
            StepEvent::Accepted { tolerated, .. } => Some(tolerated.as_slice()),
            _ => None,
        });
        accepted.unwrap_or_default()
    }

    /// Materials that followed beside the route, by their position: of several the first by time, then by hash.
    #[must_use]
    pub fn followed(&self) -> BTreeMap<u32, (HybridTime, &MaterialProvided)> {
        let mut sides: Vec<_> = self.sides().map(|facts| (facts.time, facts.hash, &facts.body.event)).collect();
        sides.sort_by_key(|(time, hash, _)| (*time, *hash));
        let mut followed = BTreeMap::new();
        for (time, _, event) in sides {
            if let SideEvent::DutyDone { materials, .. } = event {
                for material in materials.iter().filter(|material| material.is_there()) {
                    followed.entry(material.material).or_insert((time, material));
                }
            }
        }
        followed
    }

    /// When the material was handed in after acceptance.
    fn handed_in(&self, material: u32) -> Option<HybridTime> {
        let brings = |materials: &[MaterialProvided]| {
            materials.iter().any(|given| given.material == material && given.is_there())
        };
        let steps = self.steps().skip_while(|facts| !matches!(facts.body.event, StepEvent::Accepted { .. }));
        let by_step = steps.filter(|facts| brings(facts.body.event.materials())).map(|facts| facts.time).min();
        let beside = self.followed().get(&material).map(|(time, _)| *time);
        by_step.into_iter().chain(beside).min()
    }
}

/// Everything that is, or was, to be made up. Nothing once the case ended without an approval.
#[must_use]
pub fn duties(case: &Case, item: &Item, calendar: &Calendar) -> Vec<OpenDuty> {
    if case.outcome().is_some_and(|outcome| outcome != Outcome::Approved) {
        return Vec::new();
    }
    let name = |material: u32| {
        let listed = usize::try_from(material).ok().and_then(|at| item.materials.get(at));
        listed.map_or_else(|| format!("材料{}", material + 1), |material| material.name.clone())
    };
    let follows = |tolerated: &Tolerated| OpenDuty {
        material: Some(tolerated.material),
        words: format!("补交“{}”", name(tolerated.material)),
        until: Some(tolerated.until),
        done: case.handed_in(tolerated.material),
    };
    let mut duties: Vec<OpenDuty> = case.tolerated().iter().map(follows).collect();
    if let Some(after) = variant::chosen(case, item).and_then(|variant| variant.after.as_ref()) {
        // It runs from the day on which the easier procedure has done its work.
        let from = case.decision().map(|decision| decision.time.millis());
        let from = from.map(|millis| local_date(i64::try_from(millis).unwrap_or(i64::MAX)));
        let done = case.sides().filter_map(|facts| match facts.body.event {
            SideEvent::DutyDone { variant: true, .. } => Some(facts.time),
            _ => None,
        });
        duties.push(OpenDuty {
            material: None,
            words: after.text.clone(),
            until: from.and_then(|from| calendar.deadline(from, after.limit).ok()),
            done: done.min(),
        });
    }
    duties
}

impl Handling<'_> {
    fn open_duties(&self) -> Vec<OpenDuty> {
        let mut duties = duties(self.case, self.item, self.context.reference.calendar);
        duties.retain(|duty| duty.done.is_none());
        duties
    }

    /// Whether something is left to be made up, and the actor may record it: an agent only within the mandate.
    pub(super) fn duty_fits(&self) -> Result<(), Refusal> {
        if self.open_duties().is_empty() {
            return Err(Refusal::new(RefusalCode::WrongStage, "该办件没有需要补齐的材料或者手续。"));
        }
        let may = |mandate: &super::body::Mandate| mandate.may_correct && mandate.holds_on(self.today);
        if self.context.station.tier() == Tier::Village && !self.case.mandate().is_none_or(may) {
            let sentence = "委托书没有写明可以代为补正，或者委托期限已过，请申请人本人到窗口补交或者重新委托。";
            return Err(Refusal::new(RefusalCode::MandateExceeded, sentence));
        }
        Ok(())
    }

    /// An approval waits for what was tolerated missing.
    pub(super) fn nothing_follows(&self) -> Result<(), Refusal> {
        let open: Vec<String> =
            self.open_duties().into_iter().filter(|duty| duty.material.is_some()).map(|duty| duty.words).collect();
        if open.is_empty() {
            return Ok(());
        }
        let sentence = format!("容缺受理的材料还没有补齐（{}），补齐后才能作出准予决定。", open.join("、"));
        Err(Refusal::new(RefusalCode::MaterialOutstanding, sentence))
    }
}

/// 补齐
pub(super) fn finish(
    handling: &Handling<'_>,
    variant: bool,
    words: &str,
    materials: &[MaterialProvided],
    attachments: &[StoredAttachment],
) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::FinishDuty)?;
    input::materials(materials, handling.item, attachments)?;
    let open = handling.open_duties();
    let owed = |material: &MaterialProvided| open.iter().any(|duty| duty.material == Some(material.material));
    if !materials.iter().all(owed) {
        let sentence = "只能补交容缺受理时约定补交的材料，请核对。";
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("materials"));
    }
    if variant && !open.iter().any(|duty| duty.material.is_none()) {
        let sentence = "该办件没有需要补办的手续，或者已经补办。";
        return Err(Refusal::new(RefusalCode::AlreadyDone, sentence).at("variant"));
    }
    if !variant && !materials.iter().any(MaterialProvided::is_there) {
        return Err(Refusal::new(RefusalCode::InvalidInput, "请登记补交的材料。").at("materials"));
    }
    let words = if variant {
        input::required(words, "words", LONGEST_TEXT, || {
            Refusal::new(RefusalCode::InvalidInput, "请写明补办了哪些手续。")
        })?
    } else {
        input::optional(words, "words", LONGEST_TEXT)?
    };
    let event = SideEvent::DutyDone { variant, materials: materials.to_vec() };
    let private = Private { words, attachment_names: input::names(attachments), ..Private::default() };
    Ok(handling.say_with(event, private, attachments))
}

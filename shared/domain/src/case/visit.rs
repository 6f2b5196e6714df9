//! 联合踏勘: one appointment for all departments of a joint case, and one set of minutes.

use super::action::Action;
use super::body::{SideEvent, Visit};
use super::command::{Draft, StoredAttachment};
use super::handling::{Handling, ended};
use super::input::{self, LONGEST_NAME, LONGEST_TEXT};
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use crate::catalogue::CaseType;

impl Handling<'_> {
    /// Whether the actor may arrange a visit: whoever leads, or whose turn it is.
    pub(super) fn may_arrange(&self) -> bool {
        self.leads() || self.is_todo()
    }

    /// A joint case that is being examined.
    pub(super) fn visit_fits(&self) -> Result<(), Refusal> {
        if self.item.case_type != CaseType::Joint {
            return Err(Refusal::new(RefusalCode::WrongStage, "只有联办件组织联合踏勘。"));
        }
        if !self.case.is_open() || self.case.outcome().is_some() {
            return Err(ended());
        }
        if self.case.accepted_at().is_none() {
            return Err(Refusal::new(RefusalCode::WrongStage, "受理后才能组织联合踏勘。"));
        }
        Ok(())
    }
}

/// 约定、记录联合踏勘
pub(super) fn record(
    handling: &Handling<'_>,
    visit: &Visit,
    words: &str,
    attachments: &[StoredAttachment],
) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::RecordVisit)?;
    let place = input::optional(&visit.place, "place", LONGEST_NAME)?;
    input::at_most(&visit.departments, "departments")?;
    input::at_most(&visit.attended, "attended")?;
    input::attachments(&visit.attachments, attachments, "attachments")?;
    let organisation = handling.context.reference.organisation;
    let invalid = |sentence: &str, field: &str| Err(Refusal::new(RefusalCode::InvalidInput, sentence).at(field));
    if visit.departments.iter().any(|code| organisation.department(code).is_none()) {
        return invalid("有部门代码不正确，请从列表中选择。", "departments");
    }
    let words = if visit.held {
        if visit.on > handling.today {
            return invalid("踏勘日期不能晚于今天。", "on");
        }
        let wanted = handling.context.reference.defaults.decision.site_visit_min_staff as usize;
        if visit.attended.len() < wanted {
            let sentence = format!("实地核查应当由{wanted}名以上工作人员进行，请填写到场人员。");
            let refusal = Refusal::new(RefusalCode::TooFewVisitors, sentence).at("attended");
            return Err(refusal.because_of("《行政许可法》第三十四条第三款"));
        }
        input::required(words, "words", LONGEST_TEXT, || {
            Refusal::new(RefusalCode::InvalidInput, "请填写踏勘记录，各部门共用一份。")
        })?
    } else {
        if visit.on < handling.today {
            return invalid("约定的日期不能早于今天。", "on");
        }
        if place.is_empty() {
            return invalid("请填写踏勘地点。", "place");
        }
        if visit.departments.is_empty() {
            return invalid("请选择参加踏勘的部门。", "departments");
        }
        input::optional(words, "words", LONGEST_TEXT)?
    };
    let event = SideEvent::Visit(Visit { place, ..visit.clone() });
    let private = Private { words, attachment_names: input::names(attachments), ..Private::default() };
    Ok(handling.say_with(event, private, attachments))
}

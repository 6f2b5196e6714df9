//! Who may do what with a matter now. Every command asks here first, and so does the desk for its buttons.

use sanji_log::Tier;

use super::body::MatterKind;
use super::command::MatterAction;
use super::context::MatterContext;
use super::sight::{MatterSight, OFFICE_ROLES, answers_for, has, investigates, is_desk, may_see};
use super::state::{Matter, MatterState};
use crate::case::{Refusal, RefusalCode};
use crate::organisation::{Role, Staff};

/// The actions that the person may take now, in the order in which a desk offers them.
#[must_use]
pub fn available(matter: &Matter, context: &MatterContext<'_>) -> Vec<MatterAction> {
    MatterAction::ALL.iter().copied().filter(|action| permits(*action, matter, context).is_ok()).collect()
}

/// Whether the matter waits for this person: it belongs on top of their list.
#[must_use]
pub fn is_todo(matter: &Matter, context: &MatterContext<'_>) -> bool {
    let moves_on = |action: &MatterAction| {
        !matches!(action, MatterAction::Note | MatterAction::Remind | MatterAction::Rate | MatterAction::Cancel)
    };
    let survey = matter.kind() == Some(MatterKind::Survey);
    !survey && available(matter, context).iter().any(moves_on)
}

/// Whether the actor may take an action now.
///
/// # Errors
/// The refusal that says why not.
pub(super) fn permits(action: MatterAction, matter: &Matter, context: &MatterContext<'_>) -> Result<(), Refusal> {
    if matter.kind().is_none() {
        return Err(Refusal::new(RefusalCode::NotHereYet, "该事务的登记信息尚未传到本站，请稍后再办理。"));
    }
    if !fits(action, matter) {
        return Err(not_now(matter));
    }
    // Whoever complained or asked says with the query code whether they are content; the caller has checked it.
    let Some(staff) = context.actor else {
        return if action == MatterAction::Rate { Ok(()) } else { Err(not_theirs()) };
    };
    if may_see(matter, context) == MatterSight::None || !entitled(action, matter, staff, context) {
        return Err(not_theirs());
    }
    if moves_chain(action) && matter.holder() != Some(context.station) {
        return Err(Refusal::new(RefusalCode::NotHolder, "该事务现由其他站点办理，本站不能办理。"));
    }
    Ok(())
}

/// Whether an action is a step, which only the holder takes.
fn moves_chain(action: MatterAction) -> bool {
    !matches!(action, MatterAction::Note | MatterAction::Remind | MatterAction::Rate | MatterAction::Cancel)
}

/// Whether the matter's kind and state know the action at all.
fn fits(action: MatterAction, matter: &Matter) -> bool {
    use MatterState as State;
    let (state, kind) = (matter.state(), matter.kind());
    match action {
        MatterAction::Accept | MatterAction::Refuse => state == State::Registered,
        MatterAction::Assign => matches!(state, State::Accepted | State::Assigned | State::Investigated),
        MatterAction::Investigate => state == State::Assigned,
        MatterAction::Conclude => matches!(state, State::Accepted | State::Investigated),
        MatterAction::OpenLetter => state == State::Sent,
        MatterAction::Answer => state == State::Asked,
        MatterAction::Report => matches!(state, State::Issued | State::SentBack),
        MatterAction::SendBack | MatterAction::Close => state == State::Reported,
        MatterAction::CloseSurvey => state == State::Running,
        MatterAction::Rate => {
            matches!(state, State::Concluded(_) | State::Refused | State::Answered) && matter.rated().is_none()
        }
        MatterAction::Remind => {
            matter.is_open() && matches!(kind, Some(MatterKind::Complaint | MatterKind::Rectification))
        }
        // A letter has no key of its own to seal words with.
        MatterAction::Note => kind != Some(MatterKind::Letter) && kind != Some(MatterKind::Survey),
        MatterAction::Cancel => {
            matter.is_open() && matches!(kind, Some(MatterKind::Rectification | MatterKind::Survey))
        }
    }
}

fn entitled(action: MatterAction, matter: &Matter, staff: &Staff, context: &MatterContext<'_>) -> bool {
    match matter.kind() {
        Some(MatterKind::Complaint) => {
            let desk = matter.complaint().is_some_and(|complaint| is_desk(complaint, staff, &context.reference));
            match action {
                MatterAction::Investigate => investigates(matter, staff),
                MatterAction::Note => desk || investigates(matter, staff),
                MatterAction::Remind => desk || has(staff, &[Role::Supervisor]),
                _ => desk,
            }
        }
        // Where the desk itself is complained about, which only the opened letter tells, it is passed on by then.
        Some(MatterKind::Letter) => {
            staff.place.tier() == Tier::District && has(staff, &[Role::ComplaintDesk, Role::Supervisor])
        }
        Some(MatterKind::Question) => match action {
            MatterAction::Answer => {
                has(staff, &[Role::ComplaintDesk])
                    || answers_for(matter, staff, &context.reference)
                    || staff.place.tier() != Tier::District
            }
            _ => true,
        },
        Some(MatterKind::Rectification) => {
            let issuer = matter.rectification().map(|issued| issued.issuer) == Some(staff.place);
            let issues = issuer && has(staff, &[Role::Supervisor]);
            match action {
                MatterAction::Report => has(staff, OFFICE_ROLES) && !issues,
                MatterAction::Note => true,
                MatterAction::Remind => has(staff, &[Role::Supervisor]),
                _ => issues,
            }
        }
        Some(MatterKind::Survey) => {
            matter.opening().is_some_and(|opening| opening.writer == staff.place)
                && has(staff, &[Role::Supervisor, Role::Administrator])
        }
        None => false,
    }
}

fn not_now(matter: &Matter) -> Refusal {
    let sentence = format!("该事务目前是“{}”，不能这样办理，请刷新页面。", matter.state().words());
    Refusal::new(RefusalCode::WrongStage, sentence)
}

fn not_theirs() -> Refusal {
    Refusal::new(RefusalCode::NotEntitled, "您的岗位不能办理这项事务。")
}

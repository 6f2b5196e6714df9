//! Who may see what of a matter. Of whoever complains, only the complaints desk sees who it is; those complained about
//! see nothing at all.

use sanji_log::{StationCode, Tier};

use super::body::{ComplaintRegistered, MatterKind};
use super::context::MatterContext;
use super::state::Matter;
use crate::case::Reference;
use crate::organisation::{DepartmentKind, Role, Staff};

/// How much of a matter a person may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatterSight {
    /// Not even that it exists.
    None,
    /// Steps and times, but no words.
    Process,
    /// What it is about, but not who complains or asks.
    Content,
    /// Everything.
    Full,
}

/// Roles that deal with residents or decide.
pub(super) const OFFICE_ROLES: &[Role] = &[
    Role::Agent,
    Role::FullCourseAgent,
    Role::Window,
    Role::Reviewer,
    Role::ChiefRepresentative,
    Role::Approver,
    Role::JointCoordinator,
    Role::ComplaintDesk,
];

/// What a member of staff may see of a matter.
#[must_use]
pub fn may_see(matter: &Matter, context: &MatterContext<'_>) -> MatterSight {
    let Some(staff) = context.actor.filter(|staff| staff.place == context.station) else { return MatterSight::None };
    let (Some(kind), Some(home)) = (matter.kind(), matter.id().home()) else { return MatterSight::None };
    if !home.within(staff.place) {
        return MatterSight::None;
    }
    match kind {
        MatterKind::Complaint => of_complaint(matter, staff, &context.reference),
        MatterKind::Letter => of_letter(home, staff),
        MatterKind::Question => of_question(matter, home, staff, &context.reference),
        MatterKind::Rectification => of_rectification(matter, home, staff),
        MatterKind::Survey if has(staff, &[Role::Supervisor, Role::Administrator, Role::ComplaintDesk]) => {
            MatterSight::Full
        }
        MatterKind::Survey => MatterSight::None,
    }
}

pub(super) fn has(staff: &Staff, roles: &[Role]) -> bool {
    staff.roles.iter().any(|role| roles.contains(role))
}

/// Whether a person handles a complaint as the desk for complaints does. Where the district's own centre is complained
/// about, the supervisors do.
pub(super) fn is_desk(complaint: &ComplaintRegistered, staff: &Staff, reference: &Reference<'_>) -> bool {
    if staff.place.tier() != Tier::District || complaint.against.concerns(staff) {
        return false;
    }
    has(staff, &[Role::ComplaintDesk])
        || has(staff, &[Role::Supervisor]) && is_about_centre(complaint, staff.place, reference)
}

fn is_about_centre(complaint: &ComplaintRegistered, district: StationCode, reference: &Reference<'_>) -> bool {
    let department = complaint.against.department.as_ref();
    let department = department.and_then(|code| reference.organisation.department(code));
    complaint.against.station == Some(district)
        && department.is_none_or(|department| department.kind == DepartmentKind::Hub)
}

fn of_complaint(matter: &Matter, staff: &Staff, reference: &Reference<'_>) -> MatterSight {
    let Some(complaint) = matter.complaint() else { return MatterSight::None };
    if complaint.against.concerns(staff) {
        MatterSight::None
    } else if is_desk(complaint, staff, reference) {
        MatterSight::Full
    } else if has(staff, &[Role::Supervisor]) || investigates(matter, staff) {
        MatterSight::Content
    } else {
        MatterSight::None
    }
}

/// Whether a person belongs to the department that looks into a complaint, and may act for it.
pub(super) fn investigates(matter: &Matter, staff: &Staff) -> bool {
    matter.assigned() == Some(&staff.department)
        && staff.place.tier() == Tier::District
        && has(
            staff,
            &[Role::ChiefRepresentative, Role::Approver, Role::Reviewer, Role::Supervisor, Role::ComplaintDesk],
        )
}

/// At the station that sent it people know that it is under way; what it says, nobody can read below the district.
fn of_letter(home: StationCode, staff: &Staff) -> MatterSight {
    let sender = home == staff.place && has(staff, OFFICE_ROLES);
    let desk = staff.place.tier() == Tier::District && has(staff, &[Role::ComplaintDesk, Role::Supervisor]);
    if sender || desk { MatterSight::Process } else { MatterSight::None }
}

fn of_question(matter: &Matter, home: StationCode, staff: &Staff, reference: &Reference<'_>) -> MatterSight {
    if !has(staff, OFFICE_ROLES) {
        return MatterSight::None;
    }
    let desk = has(staff, &[Role::ComplaintDesk]);
    let at_home = home == staff.place && home.tier() != Tier::District;
    if desk || at_home || staff.place.tier() == Tier::District && answers_for(matter, staff, reference) {
        MatterSight::Full
    } else {
        MatterSight::None
    }
}

/// Whether a question is about an item of the person's department.
pub(super) fn answers_for(matter: &Matter, staff: &Staff, reference: &Reference<'_>) -> bool {
    let item = matter.question().and_then(|question| question.item.as_ref());
    let item = item.and_then(|code| reference.catalogue.latest(code));
    item.is_some_and(|(_, item)| item.department == staff.department)
}

fn of_rectification(matter: &Matter, home: StationCode, staff: &Staff) -> MatterSight {
    let Some(issued) = matter.rectification() else { return MatterSight::None };
    let watches = has(staff, &[Role::Supervisor]);
    let department = issued.department.as_ref();
    let concerned = home == staff.place
        && department.is_none_or(|department| *department == staff.department)
        && has(staff, OFFICE_ROLES);
    if watches || concerned { MatterSight::Full } else { MatterSight::None }
}

//! Who may see what of a case (requirement: only what is theirs).

use sanji_log::{StationCode, Tier};

use super::context::Context;
use super::route::Route;
use super::state::Case;
use crate::organisation::{Role, Staff};

/// How much of a case a person may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sight {
    /// Not even that it exists.
    None,
    /// Steps and times, but no personal data and no words.
    Process,
    /// Everything.
    Full,
}

/// What a person may see of a case: an agent the cases of the own village; a township's centre those of its scope; an
/// office or a department those whose route names it; supervisors, the complaints desk and coordinators how they run;
/// administrators none.
#[must_use]
pub fn may_see(case: &Case, context: &Context<'_>) -> Sight {
    let Some(home) = case.home() else { return Sight::None };
    let actor = context.actor;
    if actor.place != context.station || !home.within(actor.place) {
        return Sight::None;
    }
    // A substitute sees the cases of those for whom they stand in (顶岗), as long as they do.
    if context.powers().any(|staff| on_the_route(case, home, staff, context)) {
        Sight::Full
    } else if watches(actor) || collects(case, actor) {
        Sight::Process
    } else {
        Sight::None
    }
}

/// The fee window sees how a case runs for which something is to be paid.
fn collects(case: &Case, actor: &Staff) -> bool {
    actor.roles.contains(&Role::Cashier) && !case.fees().notices.is_empty()
}

fn on_the_route(case: &Case, home: StationCode, actor: &Staff, context: &Context<'_>) -> bool {
    if !actor.roles.iter().any(|role| handles(*role)) {
        return false;
    }
    if actor.place.tier() == Tier::Village {
        return true;
    }
    // The fee window collects on a notice alone: before there is one, the case is none of its business.
    if actor.roles.contains(&Role::Cashier) && case.fees().notices.is_empty() {
        return false;
    }
    let Ok(item) = context.reference.item_of(case) else { return false };
    let organisation = context.reference.organisation;
    let Some(route) = Route::of(case, item, organisation, context.today()) else { return false };
    let takes_in = home == actor.place && route.receives(actor);
    takes_in || route.centre_of(actor.place, &actor.department) || route.involves(actor)
}

/// Roles that handle cases.
fn handles(role: Role) -> bool {
    matches!(
        role,
        Role::Agent
            | Role::FullCourseAgent
            | Role::Window
            | Role::Reviewer
            | Role::ChiefRepresentative
            | Role::Approver
            | Role::JointCoordinator
            | Role::Cashier
    )
}

/// Roles that watch how cases run.
fn watches(staff: &Staff) -> bool {
    staff.roles.iter().any(|role| matches!(role, Role::Supervisor | Role::ComplaintDesk | Role::JointCoordinator))
}

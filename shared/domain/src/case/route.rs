//! The way of a case through the stations: which stage follows, where it is handled, and who may act there.
//!
//! The route is the item's list of stages, without those that the chosen variant leaves out; this module only says
//! what it means for a case that was opened at a certain station. Which of the stages that run in parallel are still
//! open is for [`Round`](super::round::Round) to say.

use jiff::civil::Date;
use sanji_log::{StationCode, Tier};

use super::state::Case;
use super::variant;
use crate::catalogue::{DELIVERY_STAGE, Item, Stage, SupervisedLink};
use crate::code::{DepartmentCode, StageId};
use crate::organisation::{DepartmentKind, Organisation, Role, Staff, StageTier};

/// Id of a stage in which the application is only taken in and sent up: submitting does just that.
pub(super) const REGISTRATION_STAGE: &str = "apply";
/// Code of a township's own centre.
const TOWNSHIP: &str = "township";
/// Code of a village's own station.
const VILLAGE: &str = "village";

/// Who has to act: anyone at this station, of this department, in this role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// The station.
    pub station: StationCode,
    /// The department or the station's own office.
    pub department: DepartmentCode,
    /// The role.
    pub role: Role,
    /// An outside body acts; the duty is to record when it was sent there and what came back.
    pub external: bool,
}

/// The route of an item for the cases of one home.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route<'a> {
    pub(super) item: &'a Item,
    pub(super) home: StationCode,
    pub(super) organisation: &'a Organisation,
    /// The day on which it is asked who may act.
    pub(super) today: Date,
    /// Stages that the case leaves out.
    pub(super) skip: &'a [StageId],
}

impl<'a> Route<'a> {
    /// The route of a case; none before its opening has come.
    pub(super) fn of(case: &Case, item: &'a Item, organisation: &'a Organisation, today: Date) -> Option<Self> {
        let skip = variant::chosen(case, item).map_or(&[][..], |variant| &variant.skip);
        Some(Self { item, home: case.home()?, organisation, skip, today })
    }

    /// The stage after the opening: taking in and sending up is done by opening the case, at its tier or above.
    pub(super) fn first(&self) -> Option<usize> {
        self.item.stages.iter().position(|stage| !self.done_by_opening(stage))
    }

    fn done_by_opening(&self, stage: &Stage) -> bool {
        let tier = stage.tier.station_tier();
        stage.link == SupervisedLink::Application
            && stage.id.as_str() == REGISTRATION_STAGE
            && tier.is_some_and(|tier| self.home.tier() <= tier)
    }

    fn is_left_out(&self, position: usize) -> bool {
        self.stage(position).is_some_and(|stage| self.skip.contains(&stage.id))
    }

    /// The stage after another, or after all that run in parallel with it.
    pub(super) fn after(&self, position: usize) -> Option<usize> {
        let last = self.beside(position).into_iter().last().unwrap_or(position).max(position);
        (last + 1..self.item.stages.len()).find(|next| !self.is_left_out(*next))
    }

    /// Where a case goes back to when somebody objects to a public notice: the stage before it.
    pub(super) fn before(&self, position: usize) -> usize {
        (0..position).rev().find(|before| !self.is_left_out(*before)).unwrap_or(0)
    }

    /// The next stage after another that decides.
    pub(super) fn next_decision(&self, position: usize) -> Option<usize> {
        let after = self.after(position)?;
        let decides = |at: &usize| self.stage(*at).is_some_and(|stage| stage.link == SupervisedLink::Approval);
        (after..self.item.stages.len()).filter(|at| !self.is_left_out(*at)).find(decides)
    }

    /// The stages that run in parallel with one, that one included; just that one where none do.
    pub(super) fn beside(&self, position: usize) -> Vec<usize> {
        let group = self.stage(position).and_then(|stage| stage.group.as_ref());
        let same = |at: &usize| self.stage(*at).is_some_and(|stage| stage.group.as_ref() == group);
        match group {
            None => vec![position],
            Some(_) => (0..self.item.stages.len()).filter(same).filter(|at| !self.is_left_out(*at)).collect(),
        }
    }

    /// The stage in which the answer is handed over.
    pub(super) fn delivery(&self) -> Option<usize> {
        self.item.stages.iter().position(|stage| stage.id.as_str() == DELIVERY_STAGE)
    }

    /// The stage in which it is accepted; for items that are done at once, the one in which it is decided.
    pub(super) fn acceptance(&self) -> Option<usize> {
        let of = |link| self.item.stages.iter().position(|stage| stage.link == link);
        of(SupervisedLink::Acceptance).or_else(|| of(SupervisedLink::Approval))
    }

    pub(super) fn stage(&self, position: usize) -> Option<&'a Stage> {
        self.item.stages.get(position)
    }

    /// The station that handles a stage. What an outside body does is recorded where the case was before; delivery
    /// is the village's where its agent may receive for the applicant.
    pub(super) fn station(&self, position: usize, agent_receives: bool) -> StationCode {
        let Some(stage) = self.stage(self.recorded_by(position)) else { return self.home };
        if stage.id.as_str() == DELIVERY_STAGE && agent_receives && self.home.tier() == Tier::Village {
            return self.home;
        }
        stage.tier.station_tier().and_then(|tier| self.home.at_tier(tier)).unwrap_or(self.home)
    }

    /// The stage whose people act or, for an outside body, record: the nearest before it that is not outside.
    fn recorded_by(&self, position: usize) -> usize {
        (0..=position)
            .rev()
            .find(|at| self.stage(*at).is_some_and(|stage| !self.is_external(stage)))
            .unwrap_or(position)
    }

    fn is_external(&self, stage: &Stage) -> bool {
        stage.tier == StageTier::Higher || self.kind(&stage.department) == Some(DepartmentKind::External)
    }

    fn kind(&self, department: &DepartmentCode) -> Option<DepartmentKind> {
        self.organisation.department(department).map(|department| department.kind)
    }

    /// Who acts in a stage when the case is at this station.
    pub(super) fn duty(&self, position: usize, station: StationCode) -> Option<Duty> {
        let external = self.is_external(self.stage(position)?);
        let stage = self.stage(self.recorded_by(position))?;
        let (department, role) = match station.tier() {
            // Money is a fee window's, wherever the stage is.
            Tier::Village if stage.role == Role::Cashier => (stage.department.clone(), Role::Cashier),
            Tier::Village => (VILLAGE.parse().ok()?, Role::Agent),
            Tier::Township => (self.township_office(stage)?, township_role(stage.role)),
            Tier::District => (self.district_department(stage)?, district_role(stage.role)),
        };
        Some(Duty { station, department, role, external })
    }

    /// The township's office for a stage; the township's own centre where the stage is a lower station's.
    fn township_office(&self, stage: &Stage) -> Option<DepartmentCode> {
        let own = stage.tier == StageTier::Township && self.kind(&stage.department) == Some(DepartmentKind::Station);
        if own { Some(stage.department.clone()) } else { TOWNSHIP.parse().ok() }
    }

    /// The district's department for a stage; the item's lead where the stage is a lower station's.
    fn district_department(&self, stage: &Stage) -> Option<DepartmentCode> {
        let of_district = |department: &&DepartmentCode| {
            matches!(self.kind(department), Some(DepartmentKind::District | DepartmentKind::Hub))
        };
        let named = [&stage.department, &self.item.department].into_iter().find(of_district);
        named.cloned().or_else(|| self.hall())
    }

    /// The office that runs the district's hall.
    fn hall(&self) -> Option<DepartmentCode> {
        let hall = self.organisation.departments.iter().find(|department| department.kind == DepartmentKind::Hub);
        hall.map(|department| department.code.clone())
    }

    /// Whether a person may act where this duty is.
    pub(super) fn performs(&self, staff: &Staff, duty: &Duty) -> bool {
        let authorised = self.organisation.authorisations.word_on(&self.item.code, duty.role, staff, self.today);
        if staff.place != duty.station || !authorised.unwrap_or_else(|| holds(staff, duty.role)) {
            return false;
        }
        // A general window (综合窗口) takes in and hands over for the departments that it serves.
        if duty.role == Role::Window && staff.serves.contains(&duty.department) {
            return true;
        }
        match duty.station.tier() {
            Tier::Village => true,
            Tier::Township if duty.role == Role::Cashier => true,
            // The township's centre stands in for offices that keep no person with that role there.
            Tier::Township => staff.department == duty.department || staff.department.as_str() == TOWNSHIP,
            // The hall's general window serves all departments unless its people's records name some.
            Tier::District => {
                let of_hall = Some(&staff.department) == self.hall().as_ref();
                let general = duty.role == Role::Window && of_hall && staff.serves.is_empty();
                staff.department == duty.department || general
            }
        }
    }

    /// Who takes in applications at the home, and corrects, withdraws and rates for applicants there.
    pub(super) fn reception(&self) -> Option<Duty> {
        let duty = self.duty(self.acceptance()?, self.home)?;
        let role = if self.home.tier() == Tier::Village { duty.role } else { Role::Window };
        Some(Duty { role, ..duty })
    }

    /// Whether a person is one of those. A township's full-course agent (全程代办) takes in what goes up.
    pub(super) fn receives(&self, staff: &Staff) -> bool {
        let full_course = self.home.tier() == Tier::Township
            && staff.place == self.home
            && staff.roles.contains(&Role::FullCourseAgent);
        full_course || self.reception().is_some_and(|duty| self.performs(staff, &duty))
    }

    /// Whether a person has a part in the route: their department leads it or acts in a stage, or they may act in one.
    /// A stage of payment brings the case to the fee window, and to nobody else of the treasury.
    pub(super) fn involves(&self, staff: &Staff) -> bool {
        let collects = staff.roles.contains(&Role::Cashier);
        let duties = (0..self.item.stages.len()).filter_map(|at| self.duty(at, self.station(at, false)));
        let mut theirs = duties.filter(|duty| collects || duty.role != Role::Cashier);
        self.item.department == staff.department
            || theirs.any(|duty| duty.department == staff.department || self.performs(staff, &duty))
    }

    /// Departments of a station's tier that have a part in the route: those to which a stage may be handed over there.
    /// Whoever only collects the money decides and examines nothing.
    pub(super) fn departments_at(&self, station: StationCode) -> Vec<DepartmentCode> {
        let wanted = |code: &&DepartmentCode| match station.tier() {
            Tier::District => {
                matches!(self.kind(code), Some(DepartmentKind::District | DepartmentKind::Hub))
            }
            Tier::Township => self.kind(code) == Some(DepartmentKind::Station) && code.as_str() != VILLAGE,
            Tier::Village => false,
        };
        let handled = self.item.stages.iter().filter(|stage| stage.role != Role::Cashier);
        let of_stages = handled.map(|stage| &stage.department);
        let of_parts = self.item.parts.iter().map(|part| &part.department);
        let named =
            [&self.item.department].into_iter().chain(&self.item.co_departments).chain(of_stages).chain(of_parts);
        let mut departments: Vec<DepartmentCode> = named.filter(wanted).cloned().collect();
        departments.extend(match station.tier() {
            Tier::District => self.hall(),
            Tier::Township => TOWNSHIP.parse().ok(),
            Tier::Village => None,
        });
        departments.sort();
        departments.dedup();
        departments
    }

    /// Whether a department is the own centre of a township, which answers for all cases of its scope.
    pub(super) fn centre_of(&self, station: StationCode, department: &DepartmentCode) -> bool {
        station.tier() == Tier::Township && department.as_str() == TOWNSHIP
    }

    /// The position of a stage.
    pub(super) fn position(&self, stage: &StageId) -> Option<usize> {
        self.item.position(stage)
    }
}

/// In a township the window does what agents and coordinators do elsewhere, and there is no chief representative.
fn township_role(role: Role) -> Role {
    match role {
        Role::Agent | Role::JointCoordinator => Role::Window,
        Role::ChiefRepresentative => Role::Approver,
        other => other,
    }
}

fn district_role(role: Role) -> Role {
    if role == Role::Agent { Role::Window } else { role }
}

/// Whether a person has a role. A department's chief representative at the district holds its power to decide
/// (两集中、两到位).
fn holds(staff: &Staff, role: Role) -> bool {
    let has = |role: Role| staff.roles.contains(&role);
    match role {
        Role::Approver | Role::ChiefRepresentative if staff.place.tier() == Tier::District => {
            has(Role::Approver) || has(Role::ChiefRepresentative)
        }
        other => has(other),
    }
}

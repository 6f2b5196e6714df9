//! Absences (离岗), and for whom a person acts meanwhile: the substitute does the work of the one who is away, on
//! record (A、B角).
//!
//! Seat B decides while seat A is away. A is exempt from attendance, so nobody can be asked to record each hour: A
//! counts as away unless A is on duty, which the station knows from whoever is logged in there today. A recorded
//! absence always counts, and hands over the whole work of the person; not being on duty only lets B decide.

use std::collections::BTreeMap;

use sanji_log::StationCode;

use crate::code::StaffId;
use crate::organisation::{Role, Roles, Seat, Staff};

/// Names an absence.
pub type AbsenceId = [u8; 16];

/// A member of staff is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// Names it: a later record of the same id replaces it.
    pub id: AbsenceId,
    /// Who.
    pub staff: StaffId,
    /// The station that it was recorded for. It counts only while the person works there.
    pub place: StationCode,
    /// From when: milliseconds since 1970-01-01 UTC.
    pub from_ms: u64,
    /// The moment of return; no longer part of it.
    pub until_ms: u64,
    /// Why.
    pub reason: String,
    /// Who does the work; none: the person's own substitute.
    pub substitute: Option<StaffId>,
}

impl Absence {
    /// Whether the person is away at a moment.
    #[must_use]
    pub fn runs(&self, now_ms: u64) -> bool {
        self.from_ms <= now_ms && now_ms < self.until_ms
    }
}

/// All absences that are known, by person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Absences(BTreeMap<StaffId, BTreeMap<(StationCode, AbsenceId), Absence>>);

impl Absences {
    /// Takes an absence in, in place of one of the same station with the same id.
    pub fn insert(&mut self, absence: Absence) {
        self.0.entry(absence.staff.clone()).or_default().insert((absence.place, absence.id), absence);
    }

    /// The absence of a person that runs: of several, the one that ends last.
    #[must_use]
    pub fn running(&self, staff: &Staff, now_ms: u64) -> Option<&Absence> {
        let all = self.0.get(&staff.id)?.values().filter(|absence| absence.place == staff.place);
        all.filter(|absence| absence.runs(now_ms)).max_by_key(|absence| (absence.until_ms, absence.id))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Absence> {
        self.0.values().flat_map(BTreeMap::values)
    }
}

/// Why a person's work is done by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ground {
    /// Recorded absence.
    Absent,
    /// 停职、待岗
    Suspended,
}

/// Somebody for whom a person acts now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    /// Whose powers.
    pub staff: Staff,
    /// Why.
    pub ground: Ground,
}

/// A person of the same place, as the choice of substitutes looks at them.
#[derive(Debug, Clone, Copy)]
pub struct Colleague<'a> {
    /// The person.
    pub staff: &'a Staff,
    /// 停职、待岗
    pub suspended: bool,
    /// Logged in today.
    pub on_duty: bool,
}

/// What a person's standing adds to, or takes from, their own powers at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whose work the person does besides their own.
    pub for_others: Vec<StandIn>,
    /// The person is recorded as away.
    pub away: bool,
    /// The person sits in seat B, and A is on duty: A decides.
    pub principal_on_duty: bool,
}

impl Standing {
    /// The standing of a person among their colleagues.
    #[must_use]
    pub fn of<'a>(
        actor: &Staff,
        colleagues: impl Iterator<Item = Colleague<'a>>,
        absences: &Absences,
        roles: &Roles,
        now_ms: u64,
    ) -> Self {
        let mut standing = Self { away: absences.running(actor, now_ms).is_some(), ..Self::default() };
        for Colleague { staff, suspended, on_duty } in colleagues.filter(|of| of.staff.id != actor.id) {
            let running = absences.running(staff, now_ms);
            if let Some(ground) = ground(actor, staff, suspended, running)
                && may_stand_in(actor, staff, roles)
            {
                standing.for_others.push(StandIn { staff: staff.clone(), ground });
            }
            let principal = actor.seat == Some(Seat::B) && actor.backup.as_ref() == Some(&staff.id);
            standing.principal_on_duty |= principal && on_duty && !suspended && running.is_none();
        }
        standing
    }
}

fn ground(actor: &Staff, staff: &Staff, suspended: bool, running: Option<&Absence>) -> Option<Ground> {
    let backup = staff.backup.as_ref() == Some(&actor.id);
    match running {
        _ if staff.place != actor.place => None,
        _ if suspended => backup.then_some(Ground::Suspended),
        Some(absence) => {
            let named = absence.substitute.as_ref().map(|substitute| *substitute == actor.id);
            named.unwrap_or(backup).then_some(Ground::Absent)
        }
        None => None,
    }
}

/// Whether one person may do another's work: together their roles must not exclude each other, and nobody gets hold
/// of money or of supervision by standing in.
#[must_use]
pub fn may_stand_in(actor: &Staff, principal: &Staff, roles: &Roles) -> bool {
    let together: Vec<Role> = actor.roles.iter().chain(&principal.roles).copied().collect();
    let guarded = [Role::Cashier, Role::Supervisor, Role::Administrator];
    let gains = |role: &Role| principal.roles.contains(role) && !actor.roles.contains(role);
    roles.conflict(&together).is_none() && !guarded.iter().any(gains)
}

/// Nobody else's work, nobody in the way.
pub static ALONE: Standing = Standing { for_others: Vec::new(), away: false, principal_on_duty: false };

//! Who acts on a case, and how soon.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sanji_domain::case::Duty;
use sanji_domain::organisation::Seat;
use sanji_domain::{Role, Staff, StaffId};
use sanji_log::{StationCode, Tier};

/// One in so many members of staff is slow all year.
const SLOW_ONE_IN: u32 = 25;
/// How much longer a slow person takes.
const SLOW_BY: f64 = 3.0;
/// Share of weeks in which a person is away.
const AWAY: f64 = 0.04;
/// Share of a stage's limit that people take, on average.
const USUAL_SHARE: f64 = 0.35;

/// The staff of a district, by where they work.
pub struct People {
    by_place: BTreeMap<StationCode, Vec<Arc<Staff>>>,
    seed: u64,
}

impl People {
    /// Everybody who may act.
    pub fn new(staff: impl Iterator<Item = Arc<Staff>>, seed: u64) -> Self {
        let mut by_place: BTreeMap<StationCode, Vec<Arc<Staff>>> = BTreeMap::new();
        for person in staff {
            by_place.entry(person.place).or_default().push(person);
        }
        Self { by_place, seed }
    }

    /// Those at a station.
    #[must_use]
    pub fn at(&self, station: StationCode) -> &[Arc<Staff>] {
        self.by_place.get(&station).map_or(&[], Vec::as_slice)
    }

    /// Who takes applications in at a station today.
    #[must_use]
    pub fn reception(&self, station: StationCode, day: Date) -> Option<Arc<Staff>> {
        let role = if station.tier() == Tier::Village { Role::Agent } else { Role::Window };
        let here = self.at(station).iter().filter(|person| person.roles.contains(&role));
        here.clone().find(|person| !self.is_away(&person.id, day)).or_else(|| here.clone().next()).cloned()
    }

    /// Those who may do a duty, the likeliest first; who is away comes last.
    #[must_use]
    pub fn candidates(&self, duty: &Duty, day: Date) -> Vec<Arc<Staff>> {
        let mut found: Vec<_> = self.at(duty.station).iter().filter(|person| fits(person, duty)).cloned().collect();
        // Seat A decides while it is there; in an office the own people come before the centre's.
        found.sort_by_key(|person| {
            (
                self.is_away(&person.id, day),
                person.department != duty.department,
                person.seat == Some(Seat::B),
                person.id.to_string(),
            )
        });
        found
    }

    /// Whether a person is away in the week of a day.
    #[must_use]
    pub fn is_away(&self, person: &StaffId, day: Date) -> bool {
        self.lot(person, u64::from(day.iso_week_date().week().unsigned_abs())).random_bool(AWAY)
    }

    /// How many days of a stage's limit a person takes for it, 0 for at once.
    #[must_use]
    pub fn days_taken(&self, person: &StaffId, limit_days: u32, random: &mut StdRng) -> u32 {
        let slow = self.lot(person, u64::MAX).random_ratio(1, SLOW_ONE_IN);
        let factor = if slow { SLOW_BY } else { 1.0 };
        // Most are soon done, some take long: the shape of an exponential.
        let share = -(1.0 - random.random::<f64>()).ln() * USUAL_SHARE * factor;
        (f64::from(limit_days) * share).round().min(120.0) as u32
    }

    /// What fell to a person, the same whenever it is asked.
    fn lot(&self, person: &StaffId, salt: u64) -> StdRng {
        let hash = blake3::hash(person.as_str().as_bytes());
        let mut bytes = [0; 8];
        bytes.copy_from_slice(hash.as_bytes().get(..8).unwrap_or(&[0; 8]));
        StdRng::seed_from_u64(u64::from_le_bytes(bytes) ^ self.seed ^ salt.rotate_left(17))
    }
}

/// Whether the rules are likely to let a person do a duty; the rules themselves have the last word.
fn fits(person: &Staff, duty: &Duty) -> bool {
    let has = |role: Role| person.roles.contains(&role);
    let deciding = [Role::Approver, Role::ChiefRepresentative];
    let role = has(duty.role)
        || (duty.station.tier() == Tier::District && deciding.contains(&duty.role) && deciding.into_iter().any(has));
    role && match duty.station.tier() {
        Tier::Village => true,
        Tier::Township => person.department == duty.department || person.department.as_str() == "township",
        Tier::District => person.department == duty.department,
    }
}

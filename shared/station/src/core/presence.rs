//! Who uses the desk of this station, for the seats: B decides only while A is not there. In memory, as sessions are.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sanji_domain::StaffId;

use crate::accounts::sessions::IDLE_MS;

/// When each person was last seen.
#[derive(Debug, Default)]
pub(crate) struct Presence(Mutex<BTreeMap<StaffId, u64>>);

impl Presence {
    /// A person has used a session or a token.
    pub(crate) fn seen(&self, staff: &StaffId, now_ms: u64) {
        let mut seen = self.table();
        match seen.get_mut(staff) {
            Some(last) => *last = now_ms,
            None => drop(seen.insert(staff.clone(), now_ms)),
        }
    }

    /// A person has logged out.
    pub(crate) fn gone(&self, staff: &StaffId) {
        self.table().remove(staff);
    }

    /// Whether a person is on duty: seen within the time for which an idle session lives.
    pub(crate) fn is_there(&self, staff: &StaffId, now_ms: u64) -> bool {
        self.table().get(staff).is_some_and(|last| now_ms.saturating_sub(*last) < IDLE_MS)
    }

    /// The table holds no invariant that a panic elsewhere could break.
    fn table(&self) -> MutexGuard<'_, BTreeMap<StaffId, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_person_is_there_until_idle_or_gone() {
        let presence = Presence::default();
        let staff: StaffId = "mz-01".parse().unwrap();
        assert!(!presence.is_there(&staff, 0));
        presence.seen(&staff, 1000);
        assert!(presence.is_there(&staff, 999 + IDLE_MS) && !presence.is_there(&staff, 1000 + IDLE_MS));
        presence.seen(&staff, 2000);
        presence.gone(&staff);
        assert!(!presence.is_there(&staff, 2000));
    }
}

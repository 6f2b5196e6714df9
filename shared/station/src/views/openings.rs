//! How many complaints and questions one address may hand in, so that nobody fills the district's disk.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::accounts::attempts::{Attempts, Limit};
use crate::error::Failure;

/// A whole hall may sit behind one address, so this is more than one person would hand in.
const CLIENT_LIMIT: Limit = Limit { attempts: 20, window_ms: 60 * 60 * 1000 };

/// What was handed in of late. In memory: a restart forgives.
#[derive(Debug)]
pub(crate) struct Openings(Mutex<Attempts>);

impl Default for Openings {
    fn default() -> Self {
        Self(Mutex::new(Attempts::new(CLIENT_LIMIT)))
    }
}

impl Openings {
    /// Counts one, or refuses it.
    pub(crate) fn check(&self, client: IpAddr, now_ms: u64) -> Result<(), Failure> {
        self.check_locked(client, now_ms)?;
        self.note(client, now_ms);
        Ok(())
    }

    /// Refuses where there were too many.
    pub(crate) fn check_locked(&self, client: IpAddr, now_ms: u64) -> Result<(), Failure> {
        match self.lock().locked_for_ms(&client.to_canonical().to_string(), now_ms) {
            Some(retry_after_ms) => Err(Failure::TooManyAttempts { retry_after_ms }),
            None => Ok(()),
        }
    }

    /// Counts one.
    pub(crate) fn note(&self, client: IpAddr, now_ms: u64) {
        self.lock().wrong(&client.to_canonical().to_string(), now_ms);
    }

    fn lock(&self) -> MutexGuard<'_, Attempts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_hands_in_so_many_an_hour() {
        let openings = Openings::default();
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let taken = (0..30).filter(|at| openings.check(one, 1_000_000 + at).is_ok()).count();
        assert_eq!(taken, CLIENT_LIMIT.attempts);
        assert!(openings.check(other, 1_000_000).is_ok());
        assert!(openings.check(one, 1_000_100 + CLIENT_LIMIT.window_ms).is_ok(), "an hour later");
    }
}

//! Accounts of the staff at this station: passwords, sessions, lockout.
//!
//! The staff and their password hashes come from the station's logs, so a login needs no line. What is here
//! knows neither logs nor cases: [`crate::station`] asks it and writes what must be on record.

pub mod attempts;
mod login;
pub mod password;
pub mod sessions;

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use attempts::{Attempts, Limit};
pub use sessions::SessionToken;
use sessions::Sessions;

const MINUTE_MS: u64 = 60_000;
/// Wrong passwords for one account.
const ACCOUNT_LIMIT: Limit = Limit { attempts: 5, window_ms: 15 * MINUTE_MS };
/// Wrong passwords from one address. More than for one account: a whole hall may sit behind one address.
const ADDRESS_LIMIT: Limit = Limit { attempts: 30, window_ms: 15 * MINUTE_MS };
/// Passwords hashed at once: the others wait here and hold no thread.
const HASHES_AT_ONCE: usize = 1;

/// Why a login is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginFailure {
    /// Account or password is wrong; which, is not said.
    Wrong,
    /// Too many wrong attempts.
    Locked {
        /// Until the next attempt is looked at; at least 1.
        minutes: u64,
    },
    /// The account is of another station.
    NotHere,
    /// The new password will not do; the sentence is for the person.
    Weak(&'static str),
    /// The station can't look right now, for example because its store takes no writes.
    Unavailable,
}

impl LoginFailure {
    /// One Chinese sentence for the person.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Wrong => "工号或密码不正确。".to_owned(),
            Self::Locked { minutes } => format!("密码错误次数过多，请在{minutes}分钟后再试。"),
            Self::NotHere => "该工号不在本站点，请到所在站点登录。".to_owned(),
            Self::Weak(sentence) => (*sentence).to_owned(),
            Self::Unavailable => "系统暂时无法登录，请稍后再试。".to_owned(),
        }
    }
}

/// What an attempt to log in came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The password is right.
    Right,
    /// It is not.
    Failed {
        /// Why, for the person.
        failure: LoginFailure,
        /// True for the attempt that locks the account: it goes on record.
        locks: bool,
    },
}

/// Sessions and attempts of one station.
#[derive(Debug)]
pub struct Accounts {
    sessions: Mutex<Sessions>,
    by_account: Mutex<Attempts>,
    by_address: Mutex<Attempts>,
    hashing: Semaphore,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            sessions: Mutex::default(),
            by_account: Mutex::new(Attempts::new(ACCOUNT_LIMIT)),
            by_address: Mutex::new(Attempts::new(ADDRESS_LIMIT)),
            hashing: Semaphore::new(HASHES_AT_ONCE),
        }
    }
}

impl Accounts {
    /// Checks a password. `hash` is that of the account, none where the account is not known here or may not
    /// log in. A locked account answers without looking at the password, so that guessing gains nothing.
    pub async fn attempt(
        &self,
        staff: &str,
        password: &str,
        hash: Option<String>,
        client: Option<IpAddr>,
        now_ms: u64,
    ) -> Attempt {
        let address = client.map(|client| client.to_canonical().to_string());
        if let Some(locked) = self.locked(staff, address.as_deref(), now_ms) {
            return locked;
        }
        let unavailable = Attempt::Failed { failure: LoginFailure::Unavailable, locks: false };
        let Ok(_turn) = self.hashing.acquire().await else { return unavailable };
        // Once more: many may have come at a time, and those before in the line were wrong.
        if let Some(locked) = self.locked(staff, address.as_deref(), now_ms) {
            return locked;
        }
        match matches(password, hash).await {
            Some(true) => {
                lock(&self.by_account).right(staff);
                Attempt::Right
            }
            Some(false) => {
                let locks_account = lock(&self.by_account).wrong(staff, now_ms);
                let locks_address = address.is_some_and(|address| lock(&self.by_address).wrong(&address, now_ms));
                let locks = locks_account || locks_address;
                Attempt::Failed { failure: LoginFailure::Wrong, locks }
            }
            None => unavailable,
        }
    }

    fn locked(&self, staff: &str, address: Option<&str>, now_ms: u64) -> Option<Attempt> {
        let by_account = lock(&self.by_account).locked_for_ms(staff, now_ms);
        let by_address = address.and_then(|address| lock(&self.by_address).locked_for_ms(address, now_ms));
        let minutes = by_account.max(by_address)?.div_ceil(MINUTE_MS).max(1);
        Some(Attempt::Failed { failure: LoginFailure::Locked { minutes }, locks: false })
    }

    /// Hashes a new password beside the running tasks; none where that failed.
    pub async fn hash(&self, password: &str) -> Option<String> {
        let _turn = self.hashing.acquire().await.ok()?;
        let password = zeroize::Zeroizing::new(password.to_owned());
        tokio::task::spawn_blocking(move || password::hash(&password)).await.ok()?.ok()
    }

    /// The table of sessions.
    pub fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
    }
}

async fn matches(password: &str, hash: Option<String>) -> Option<bool> {
    let password = zeroize::Zeroizing::new(password.to_owned());
    tokio::task::spawn_blocking(move || password::matches(&password, hash.as_deref())).await.ok()
}

/// The tables hold no invariant that a panic elsewhere could break; and a panic ends the process anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::net::Ipv4Addr;

    use super::*;

    const CLIENT: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));

    fn failed(failure: LoginFailure, locks: bool) -> Attempt {
        Attempt::Failed { failure, locks }
    }

    #[tokio::test]
    async fn guesses_that_come_all_at_once_are_no_more_than_guesses_one_by_one() {
        let accounts = std::sync::Arc::new(Accounts::default());
        let hash = accounts.hash("the right one").await;
        let guesses: Vec<_> = (0..12)
            .map(|_| {
                let (accounts, hash) = (accounts.clone(), hash.clone());
                tokio::spawn(async move { accounts.attempt("mz-01", "a wrong one", hash, CLIENT, 2).await })
            })
            .collect();
        let mut looked_at = 0;
        for guess in guesses {
            looked_at +=
                usize::from(matches!(guess.await.unwrap(), Attempt::Failed { failure: LoginFailure::Wrong, .. }));
        }
        assert!((5..5 + HASHES_AT_ONCE).contains(&looked_at), "{looked_at}");
    }

    #[tokio::test]
    async fn the_fifth_wrong_password_locks_even_the_right_one_out() {
        let accounts = Accounts::default();
        let hash = accounts.hash("the right one").await;
        assert_eq!(accounts.attempt("mz-01", "the right one", hash.clone(), CLIENT, 1).await, Attempt::Right);
        for number in 1..=5 {
            let attempt = accounts.attempt("mz-01", "a wrong one", hash.clone(), CLIENT, 2).await;
            assert_eq!(attempt, failed(LoginFailure::Wrong, number == 5));
        }
        let locked = failed(LoginFailure::Locked { minutes: 15 }, false);
        assert_eq!(accounts.attempt("mz-01", "the right one", hash.clone(), CLIENT, 3).await, locked);
        let later = 3 + 15 * MINUTE_MS;
        assert_eq!(accounts.attempt("mz-01", "the right one", hash, CLIENT, later).await, Attempt::Right);
    }

    #[tokio::test]
    async fn an_unknown_account_is_answered_like_a_known_one() {
        let accounts = Accounts::default();
        for number in 1..=5 {
            let attempt = accounts.attempt("nobody", "x", None, CLIENT, 1).await;
            assert_eq!(attempt, failed(LoginFailure::Wrong, number == 5));
        }
        assert_eq!(
            accounts.attempt("nobody", "x", None, CLIENT, 1).await,
            failed(LoginFailure::Locked { minutes: 15 }, false)
        );
    }
}

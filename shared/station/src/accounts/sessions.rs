//! Who is logged in at the desk. In memory: a restart asks everybody to log in again.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;

/// A session ends after this long without a request, in milliseconds.
pub const IDLE_MS: u64 = 30 * 60 * 1000;
/// A session ends this long after the login, in milliseconds.
pub const ABSOLUTE_MS: u64 = 12 * 60 * 60 * 1000;
/// Most sessions at once; beyond it the one that was idle longest ends.
const SESSIONS_MAX: usize = 4096;

/// What a browser shows to say who it is: 32 random bytes, 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionToken([u8; 32]);

impl SessionToken {
    /// A token that nobody can guess.
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn invent() -> Result<Self, getrandom::Error> {
        let mut token = [0; 32];
        getrandom::fill(&mut token)?;
        Ok(Self(token))
    }

    /// The table is searched by this, so that the time of a search tells nothing of the tokens in it.
    fn digest(&self) -> [u8; 32] {
        *blake3::hash(&self.0).as_bytes()
    }
}

impl fmt::Display for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// The text is not a session token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a session token")]
pub struct NotAToken;

impl FromStr for SessionToken {
    type Err = NotAToken;
    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| NotAToken)?;
        bytes.try_into().map(Self).map_err(|_| NotAToken)
    }
}

#[derive(Debug)]
struct Session {
    staff: String,
    began_ms: u64,
    used_ms: u64,
}

/// The table of sessions.
#[derive(Debug, Default)]
pub struct Sessions(BTreeMap<[u8; 32], Session>);

impl Sessions {
    /// Begins a session of a member of staff.
    pub fn begin(&mut self, token: &SessionToken, staff: &str, now_ms: u64) {
        self.0.retain(|_, session| session.lives(now_ms));
        if self.0.len() >= SESSIONS_MAX {
            let idlest = self.0.iter().min_by_key(|(_, session)| session.used_ms).map(|(digest, _)| *digest);
            idlest.and_then(|digest| self.0.remove(&digest));
        }
        self.0.insert(token.digest(), Session { staff: staff.to_owned(), began_ms: now_ms, used_ms: now_ms });
    }

    /// Whose session it is; none where it has ended. Counts as use.
    pub fn staff(&mut self, token: &SessionToken, now_ms: u64) -> Option<String> {
        let session = self.0.get_mut(&token.digest()).filter(|session| session.lives(now_ms))?;
        session.used_ms = now_ms;
        Some(session.staff.clone())
    }

    /// Ends a session.
    pub fn end(&mut self, token: &SessionToken) {
        self.0.remove(&token.digest());
    }

    /// Ends all sessions of a member of staff.
    pub fn end_all(&mut self, staff: &str) {
        self.0.retain(|_, session| session.staff != staff);
    }

    /// Ends all sessions of a member of staff but the one that was used last: after a change of password.
    pub fn end_others(&mut self, staff: &str) {
        let own = self.0.iter().filter(|(_, session)| session.staff == staff);
        let kept = own.max_by_key(|(_, session)| session.used_ms).map(|(digest, _)| *digest);
        self.0.retain(|digest, session| session.staff != staff || Some(*digest) == kept);
    }
}

impl Session {
    fn lives(&self, now_ms: u64) -> bool {
        now_ms < self.used_ms + IDLE_MS && now_ms < self.began_ms + ABSOLUTE_MS
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sessions_end_when_idle_and_at_the_end_of_the_day() {
        let mut sessions = Sessions::default();
        let token = SessionToken::invent().unwrap();
        sessions.begin(&token, "mz-01", 0);
        assert_eq!(sessions.staff(&token, IDLE_MS - 1).as_deref(), Some("mz-01"));
        assert_eq!(sessions.staff(&token, 2 * IDLE_MS - 1), None, "idle for half an hour");
        sessions.begin(&token, "mz-01", 0);
        let mut now = 0;
        while now + IDLE_MS / 2 < ABSOLUTE_MS {
            now += IDLE_MS / 2;
            assert_eq!(sessions.staff(&token, now.min(ABSOLUTE_MS - 1)).as_deref(), Some("mz-01"));
        }
        assert_eq!(sessions.staff(&token, ABSOLUTE_MS), None, "twelve hours after the login");
    }

    #[test]
    fn a_token_is_read_back_and_says_nothing_in_a_log() {
        let token = SessionToken::invent().unwrap();
        assert_eq!(token.to_string().parse(), Ok(token.clone()));
        assert_eq!(format!("{token:?}"), "SessionToken(…)");
        assert_eq!("0123".parse::<SessionToken>(), Err(NotAToken));
    }

    #[test]
    fn the_other_sessions_of_a_person_can_be_ended() {
        let mut sessions = Sessions::default();
        let [here, there, other] = [(); 3].map(|()| SessionToken::invent().unwrap());
        sessions.begin(&here, "mz-01", 0);
        sessions.begin(&there, "mz-01", 0);
        sessions.begin(&other, "mz-02", 0);
        assert!(sessions.staff(&here, 1).is_some());
        sessions.end_others("mz-01");
        assert!(sessions.staff(&here, 2).is_some() && sessions.staff(&other, 2).is_some());
        assert_eq!(sessions.staff(&there, 2), None);
    }
}

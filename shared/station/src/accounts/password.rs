//! Passwords: Argon2id, kept in PHC format inside staff records.

use std::sync::LazyLock;

use argon2::password_hash::{self, PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

/// Shortest password that a person may choose, in characters.
pub const MIN_CHARACTERS: usize = 8;
/// Longest password that is looked at, in bytes.
pub const MAX_BYTES: usize = 256;

/// OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, two passes, one lane.
fn hasher() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or(Params::DEFAULT);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Hashes a password with a salt of its own. Takes some 20 ms and 19 MiB.
///
/// # Errors
/// Where the password is longer than Argon2 takes.
pub fn hash(password: &str) -> Result<String, password_hash::Error> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| password_hash::Error::Crypto)?;
    let salt = SaltString::encode_b64(&salt)?;
    Ok(hasher().hash_password(password.as_bytes(), &salt)?.to_string())
}

/// Whether a password is the one that was hashed. Without a hash, which is an account that is not known or has
/// no password, it takes as long and answers no, so that the time tells nothing.
#[must_use]
pub fn matches(password: &str, phc: Option<&str>) -> bool {
    static DECOY: LazyLock<String> = LazyLock::new(|| hash("nobody's password").unwrap_or_default());
    let known = phc.filter(|phc| !phc.is_empty());
    let right = PasswordHash::new(known.unwrap_or(&DECOY))
        .is_ok_and(|hash| hasher().verify_password(password.as_bytes(), &hash).is_ok());
    known.is_some() && password.len() <= MAX_BYTES && right
}

/// What is wrong with a password that a person wants from now on, in Chinese; none if it will do.
#[must_use]
pub fn weakness(password: &str, staff: &str) -> Option<&'static str> {
    if password.chars().count() < MIN_CHARACTERS {
        Some("新密码至少8个字符。")
    } else if password.len() > MAX_BYTES {
        Some("新密码过长。")
    } else if password == staff {
        Some("新密码不能与工号相同。")
    } else {
        None
    }
}

/// A password to be handed to a person on paper: twelve characters that can't be taken for one another.
///
/// # Errors
/// Where the system has no randomness.
pub fn invent() -> Result<String, getrandom::Error> {
    const CHARACTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0; 12];
    getrandom::fill(&mut random)?;
    Ok(random.iter().map(|byte| char::from(CHARACTERS[usize::from(byte % 32)])).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_right_password_matches() {
        let first = hash("correct horse").unwrap();
        assert_ne!(first, hash("correct horse").unwrap(), "each hash has its own salt");
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert!(matches("correct horse", Some(&first)));
        assert!(!matches("correct horsf", Some(&first)));
        assert!(!matches("", Some("")));
        assert!(!matches("nobody's password", None));
        assert!(!matches("x", Some("not a hash")));
    }

    #[test]
    fn invented_passwords_are_strong_and_differ() {
        let password = invent().unwrap();
        assert_eq!(weakness(&password, "mz-01"), None);
        assert_ne!(password, invent().unwrap());
        assert!(weakness("mz-01", "mz-01").is_some());
        assert!(weakness("staff-0001", "staff-0001").is_some());
    }
}

//! Passwords: Argon2id, kept in PHC format inside staff records.

use std::sync::{LazyLock, Mutex, PoisonError};

use argon2::password_hash::{
    self, Decimal, Ident, Output, ParamsString, PasswordHash, PasswordHasher, PasswordVerifier as _, Salt, SaltString,
};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// Shortest password that a person may choose, in characters.
pub const MIN_CHARACTERS: usize = 8;
/// Longest password that is looked at, in bytes.
pub const MAX_BYTES: usize = 256;

/// A hash asks for so much memory, though it touches only what it needs: glibc gives blocks of 32 MiB and more back to the
/// system when they are freed. Smaller ones it keeps, in every thread that ever hashed: a hub at which 400 stations had
/// enrolled held 2 GB of them.
const GIVEN_BACK_BYTES: usize = 33 << 20;

/// Held by whoever hashes, so that nobody makes a station take the memory of many hashes by asking for them at once.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Argon2 whose memory is given back.
struct Hasher(Argon2<'static>);

/// OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, two passes, one lane.
fn hasher() -> Hasher {
    let params = Params::new(19 * 1024, 2, 1, None).unwrap_or(Params::DEFAULT);
    Hasher(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

impl PasswordHasher for Hasher {
    type Params = Params;

    fn hash_password<'a>(&self, password: &[u8], salt: impl Into<Salt<'a>>) -> password_hash::Result<PasswordHash<'a>> {
        self.hash_password_customized(password, None, None, self.0.params().clone(), salt)
    }

    fn hash_password_customized<'a>(
        &self,
        password: &[u8],
        algorithm: Option<Ident<'a>>,
        version: Option<Decimal>,
        params: Params,
        salt: impl Into<Salt<'a>>,
    ) -> password_hash::Result<PasswordHash<'a>> {
        let algorithm = algorithm.map_or(Ok(Algorithm::Argon2id), Algorithm::try_from)?;
        let version = version.map_or(Ok(Version::V0x13), Version::try_from)?;
        let salt = salt.into();
        let mut salt_bytes = [0; Salt::MAX_LENGTH];
        let salt_bytes = salt.decode_b64(&mut salt_bytes)?;
        let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);

        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let mut memory = Vec::with_capacity(GIVEN_BACK_BYTES / Block::SIZE);
        memory.resize(params.block_count(), Block::new());
        let argon2 = Argon2::new(algorithm, version, params);
        let output = Output::init_with(length, |output| {
            Ok(argon2.hash_password_into_with_memory(password, salt_bytes, output, &mut memory)?)
        })?;
        Ok(PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: ParamsString::try_from(argon2.params())?,
            salt: Some(salt),
            hash: Some(output),
        })
    }
}

/// Hashes a password with a salt of its own. Takes some 20 ms and 19 MiB, and waits for others that do the same.
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
        // Made by the reference implementation.
        let reference =
            "$argon2id$v=19$m=19456,t=2,p=1$c2FuamkgdGVzdCBzYWx0$OeQJfGanIWmmJHa1BH+QRzpWxGuShmjCVRDvptjgc6I";
        assert!(matches("correct horse", Some(reference)) && !matches("correct horsf", Some(reference)));
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

//! The one-time code that a person carries from the hub to a new station.
//!
//! `XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX` in Crockford's base 32: 12 characters of secret (60 bits, used once and
//! with few attempts), 15 characters of the authority's fingerprint (75 bits: nobody finds another authority
//! with the same), one check character. It is read out over the phone and typed by hand, so the check
//! character finds every single wrong character and every swap of two, before anything is dialed.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// Characters of the secret.
pub const SECRET_CHARACTERS: usize = 12;
/// Characters of the fingerprint.
pub const FINGERPRINT_CHARACTERS: usize = 15;
const CHARACTERS: usize = SECRET_CHARACTERS + FINGERPRINT_CHARACTERS + 1;
const GROUP: usize = 4;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A one-time code. `Display` gives the form to hand out, `FromStr` reads what a person typed: lower case,
/// spaces, missing dashes, O for 0 and I or L for 1 are forgiven.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentCode {
    /// Known to the hub and whoever was given the code: 12 characters.
    pub secret: String,
    /// Of the district's authority, see [`crate::Authority::fingerprint`]: 15 characters.
    pub fingerprint: String,
}

impl fmt::Debug for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrolmentCode").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl EnrolmentCode {
    /// Draws a new secret for the authority with this fingerprint.
    ///
    /// # Errors
    /// [`Error::Io`] where the system gives no randomness; [`Error::EnrolmentCode`] for a malformed fingerprint.
    pub fn generate(fingerprint: &str) -> Result<Self> {
        if fingerprint.len() != FINGERPRINT_CHARACTERS || !fingerprint.bytes().all(|byte| ALPHABET.contains(&byte)) {
            return Err(Error::EnrolmentCode { problem: "the fingerprint is not 15 characters of base 32" });
        }
        let mut random = [0_u8; SECRET_CHARACTERS];
        getrandom::fill(&mut random)
            .map_err(|source| Error::Io { operation: "draw a secret", source: source.into() })?;
        let secret = random.iter().map(|byte| letter(byte % 32)).collect();
        Ok(Self { secret, fingerprint: fingerprint.to_owned() })
    }
}

impl fmt::Display for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let check = letter(check(self.secret.bytes().chain(self.fingerprint.bytes()).filter_map(value)));
        let characters = self.secret.chars().chain(self.fingerprint.chars()).chain([check]);
        for (place, character) in characters.enumerate() {
            if place > 0 && place % GROUP == 0 {
                f.write_str("-")?;
            }
            write!(f, "{character}")?;
        }
        Ok(())
    }
}

impl FromStr for EnrolmentCode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let values = text
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace() && *byte != b'-')
            .map(|byte| value(byte).ok_or(Error::EnrolmentCode { problem: "a character is neither letter nor digit" }))
            .collect::<Result<Vec<u8>>>()?;
        if values.len() != CHARACTERS {
            return Err(Error::EnrolmentCode { problem: "it does not have 28 characters" });
        }
        let (content, last) = values.split_at(CHARACTERS - 1);
        if last != [check(content.iter().copied())] {
            return Err(Error::EnrolmentCode { problem: "it is mistyped" });
        }
        let (secret, fingerprint) = content.split_at(SECRET_CHARACTERS);
        let write = |values: &[u8]| values.iter().copied().map(letter).collect();
        Ok(Self { secret: write(secret), fingerprint: write(fingerprint) })
    }
}

/// The first 75 bits of BLAKE3 over the authority's certificate.
pub(crate) fn fingerprint(authority_der: &[u8]) -> String {
    let hash = blake3::hash(authority_der);
    let mut bits = 0_u128;
    for byte in &hash.as_bytes()[..16] {
        bits = bits << 8 | u128::from(*byte);
    }
    (0..FINGERPRINT_CHARACTERS).map(|place| letter((bits >> (123 - 5 * place)) as u8 & 31)).collect()
}

fn letter(value: u8) -> char {
    char::from(ALPHABET[usize::from(value % 32)])
}

fn value(byte: u8) -> Option<u8> {
    let upper = match byte.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    ALPHABET.iter().position(|letter| *letter == upper).map(|place| place as u8)
}

/// The sum of the characters, each times another power of x, in the field of 32 elements modulo x⁵ + x² + 1
/// (Horner's rule). The powers are x¹ to x²⁷, which all differ; the check character stands for x⁰. So one wrong
/// character or two swapped ones can't cancel out.
fn check(values: impl Iterator<Item = u8>) -> u8 {
    values.fold(0, |sum, value| {
        let doubled = (sum ^ value) << 1;
        if doubled & 32 == 0 { doubled } else { doubled ^ 0b10_0101 }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const FINGERPRINT: &str = "0123456789ABCDE";

    #[test]
    fn what_is_handed_out_can_be_typed_in_sloppily() {
        let code = EnrolmentCode::generate(FINGERPRINT).unwrap();
        let text = code.to_string();
        assert_eq!((text.len(), text.matches('-').count()), (34, 6), "{text}");
        for typed in [
            text.clone(),
            text.to_lowercase(),
            text.replace('-', ""),
            format!("  {} \n", text.replace('-', " ")),
            text.replace('0', "o").replace('1', "l"),
            text.replace('0', "O").replace('1', "I"),
        ] {
            assert_eq!(typed.parse::<EnrolmentCode>().unwrap(), code, "{typed}");
        }
    }

    #[test]
    fn every_wrong_character_and_every_swap_is_found() {
        let code = EnrolmentCode { secret: "7ZK0M4P2Q9XA".into(), fingerprint: FINGERPRINT.into() };
        let good: Vec<char> = code.to_string().replace('-', "").chars().collect();
        let parse = |characters: &[char]| characters.iter().collect::<String>().parse::<EnrolmentCode>();
        assert_eq!(parse(&good).unwrap(), code);
        for place in 0..good.len() {
            for letter in ALPHABET.iter().map(|byte| char::from(*byte)).filter(|letter| *letter != good[place]) {
                let mut wrong = good.clone();
                wrong[place] = letter;
                assert!(parse(&wrong).is_err(), "{letter} at {place}");
            }
            for other in place + 1..good.len() {
                let mut wrong = good.clone();
                wrong.swap(place, other);
                assert_eq!(parse(&wrong).is_err(), good[place] != good[other], "{place} and {other}");
            }
        }
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "0", "0000-0000-0000-0000-0000-0000-000U", "编号", &"0".repeat(27), &"0".repeat(29)] {
            assert!(text.parse::<EnrolmentCode>().is_err(), "{text}");
        }
    }
}

//! Numbers that name a person or a body: citizen identity numbers (GB 11643) and unified social credit codes
//! (GB 32100). A value of these types has passed every check; forms first go through [`normalise`].

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Why a number is not valid. Shown to the person at the desk through [`IdentityFault::sentence`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityFault {
    /// Nothing was entered.
    #[error("empty")]
    Empty,
    /// An identity number of 15 digits, no longer valid since 2013.
    #[error("a number of 15 digits")]
    OldNumber,
    /// Not 18 characters.
    #[error("not 18 characters")]
    Length,
    /// A character that has no place there.
    #[error("character {place} is not allowed")]
    Character {
        /// Which one, from 1.
        place: usize,
    },
    /// The date of birth does not exist.
    #[error("no such date of birth")]
    BirthDate,
    /// The date of birth lies in the future.
    #[error("born in the future")]
    Future,
    /// The sequence number 000 is not used.
    #[error("sequence number 000")]
    Sequence,
    /// The check character does not fit.
    #[error("wrong check character")]
    Check,
}

impl IdentityFault {
    /// One sentence for the person at the desk.
    #[must_use]
    pub fn sentence(self) -> String {
        match self {
            Self::Empty => "请填写证件号码。".into(),
            Self::OldNumber => "这是15位旧号码，请按现行居民身份证填写18位号码。".into(),
            Self::Length => "号码应当是18位，请核对。".into(),
            Self::Character { place } => format!("第{place}位的字符不对，请核对。"),
            Self::BirthDate => "号码中的出生日期不存在，请核对。".into(),
            Self::Future => "号码中的出生日期在将来，请核对。".into(),
            Self::Sequence => "号码中的顺序码不对，请核对。".into(),
            Self::Check => "号码的校验位不对，可能输错了一位，请核对。".into(),
        }
    }
}

/// A number as typed, brought to its plain form: full-width digits and letters narrowed, small letters raised, blanks
/// at both ends removed. Blanks inside are left: they are a sign of a mistake.
#[must_use]
pub fn normalise(typed: &str) -> String {
    typed.trim().chars().map(narrow).map(|letter| letter.to_ascii_uppercase()).collect()
}

/// The plain form of a full-width digit or letter (U+FF01 to U+FF5E stand 0xFEE0 above ASCII).
fn narrow(letter: char) -> char {
    match letter {
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => {
            u32::from(letter).checked_sub(0xFEE0).and_then(char::from_u32).unwrap_or(letter)
        }
        _ => letter,
    }
}

/// A citizen identity number (公民身份号码).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CitizenId(String);

const CITIZEN_WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CITIZEN_CHECKS: &[u8; 11] = b"10X98765432";

impl CitizenId {
    /// Reads a number in its plain form. `today` is the day of entry: nobody is born after it.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str, today: Date) -> Result<Self, IdentityFault> {
        let number: Self = text.parse()?;
        if number.birth_date().is_some_and(|birth| birth > today) { Err(IdentityFault::Future) } else { Ok(number) }
    }

    /// The number, 18 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The date of birth. Always present in a number that passed the check.
    #[must_use]
    pub fn birth_date(&self) -> Option<Date> {
        birth_date(&self.0)
    }

    /// Whether the number is a man's.
    #[must_use]
    pub fn is_male(&self) -> bool {
        self.0.as_bytes().get(16).is_some_and(|digit| digit % 2 == 1)
    }
}

fn birth_date(number: &str) -> Option<Date> {
    number.get(6..14)?.parse().ok().and_then(crate::calendar::date_of_number)
}

impl FromStr for CitizenId {
    type Err = IdentityFault;
    /// Every check but that against today.
    fn from_str(text: &str) -> Result<Self, IdentityFault> {
        if text.is_empty() {
            return Err(IdentityFault::Empty);
        }
        if text.len() == 15 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(IdentityFault::OldNumber);
        }
        check_characters(text, |place, byte| byte.is_ascii_digit() || (place == 18 && byte == b'X'))?;
        birth_date(text).ok_or(IdentityFault::BirthDate)?;
        if text.get(14..17) == Some("000") {
            return Err(IdentityFault::Sequence);
        }
        let sum: u32 = text.bytes().zip(CITIZEN_WEIGHTS).map(|(byte, weight)| u32::from(byte - b'0') * weight).sum();
        let check = CITIZEN_CHECKS.get(sum as usize % 11);
        if text.as_bytes().last() == check { Ok(Self(text.to_owned())) } else { Err(IdentityFault::Check) }
    }
}

/// A unified social credit code (统一社会信用代码).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CreditCode(String);

/// The characters of a credit code in the order of their values: no I, O, S, V, Z.
const CREDIT_CHARACTERS: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const CREDIT_WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
/// Weights of the organisation code inside it (GB 11714).
const ORGANISATION_WEIGHTS: [usize; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

fn credit_value(byte: u8) -> Option<usize> {
    CREDIT_CHARACTERS.iter().position(|character| *character == byte)
}

impl CreditCode {
    /// Reads a code in its plain form.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, IdentityFault> {
        if text.is_empty() {
            return Err(IdentityFault::Empty);
        }
        check_characters(text, |place, byte| {
            credit_value(byte).is_some() && (!(3..=8).contains(&place) || byte.is_ascii_digit())
        })?;
        let values = text.bytes().filter_map(credit_value);
        let sum: usize = values.zip(CREDIT_WEIGHTS).map(|(value, weight)| value * weight).sum();
        let check = CREDIT_CHARACTERS.get((31 - sum % 31) % 31);
        if text.as_bytes().last() == check { Ok(Self(text.to_owned())) } else { Err(IdentityFault::Check) }
    }

    /// The code, 18 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the organisation code inside satisfies its own check (GB 11714). Some registered codes don't: a
    /// failure is worth a second look at the paper, and no reason to refuse.
    #[must_use]
    pub fn organisation_code_holds(&self) -> bool {
        // GB 11714 gives letters the values A = 10 to Z = 35.
        let value = |byte: u8| usize::from(if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' + 10 });
        let Some(([.., check], digits)) = self.0.as_bytes().get(8..17).map(|code| (code, &code[..8])) else {
            return false;
        };
        let sum: usize = digits.iter().zip(ORGANISATION_WEIGHTS).map(|(byte, weight)| value(*byte) * weight).sum();
        let expected = match 11 - sum % 11 {
            10 => b'X',
            11 => b'0',
            digit => b'0' + digit as u8,
        };
        *check == expected
    }
}

impl FromStr for CreditCode {
    type Err = IdentityFault;
    fn from_str(text: &str) -> Result<Self, IdentityFault> {
        Self::parse(text)
    }
}

/// Eighteen characters, each allowed in its place (from 1).
fn check_characters(text: &str, allowed: impl Fn(usize, u8) -> bool) -> Result<(), IdentityFault> {
    let wrong = text.chars().enumerate().find(|(index, letter)| {
        // Places after the 18th are a matter of length.
        *index < 18 && !u8::try_from(*letter).is_ok_and(|byte| byte.is_ascii() && allowed(index + 1, byte))
    });
    match wrong {
        Some((index, _)) => Err(IdentityFault::Character { place: index + 1 }),
        None if text.len() != 18 => Err(IdentityFault::Length),
        None => Ok(()),
    }
}

/// Who applies: a person or a body.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SubjectId {
    /// A person.
    Citizen(CitizenId),
    /// A body.
    Body(CreditCode),
}

impl SubjectId {
    /// Reads a number as typed. The eighteen characters tell which it is: an identity number is all digits but the
    /// last, and its seventh to fourteenth are a date; where both could be meant, a person is.
    ///
    /// # Errors
    /// What is wrong with it as the kind of number it looks like.
    pub fn parse(typed: &str, today: Date) -> Result<Self, IdentityFault> {
        let text = normalise(typed);
        let citizen = CitizenId::parse(&text, today);
        if citizen.is_ok() {
            return citizen.map(Self::Citizen);
        }
        if let Ok(code) = CreditCode::parse(&text) {
            return Ok(Self::Body(code));
        }
        let looks_like_body = text.chars().take(17).any(|letter| letter.is_ascii_alphabetic());
        if looks_like_body { CreditCode::parse(&text).map(Self::Body) } else { citizen.map(Self::Citizen) }
    }

    /// The number, 18 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Citizen(number) => number.as_str(),
            Self::Body(code) => code.as_str(),
        }
    }
}

macro_rules! text_number {
    ($($name:ident)+) => {$(
        impl TryFrom<String> for $name {
            type Error = IdentityFault;
            fn try_from(text: String) -> Result<Self, IdentityFault> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(number: $name) -> Self {
                number.0
            }
        }
    )+};
}

text_number!(CitizenId CreditCode);

/// Numbers are personal data: logs get the masked form.
impl fmt::Debug for CitizenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::mask::number(&self.0))
    }
}

impl fmt::Debug for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::mask::number(&self.0))
    }
}

impl fmt::Debug for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::mask::number(self.as_str()))
    }
}

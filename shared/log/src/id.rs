//! Names of things: logs, keys, hashes, cases, attachments, requests.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use sanji_proto::v1 as proto;
use serde::{Deserialize, Serialize};

use crate::{Error, StationCode, field};

macro_rules! bytes_newtype {
    ($(#[$doc:meta])* $name:ident, $length:literal, $message:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// The bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// Lower-case hexadecimal.
            #[must_use]
            pub fn to_hex(&self) -> String {
                HEXLOWER.encode(&self.0)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = Error;
            fn try_from(bytes: &[u8]) -> Result<Self, Error> {
                bytes.try_into().map(Self).map_err(|_| field($message, "bytes", "has a wrong length"))
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                let bytes = HEXLOWER
                    .decode(text.as_bytes())
                    .map_err(|_| field($message, "text", "is not lower-case hexadecimal"))?;
                Self::try_from(bytes.as_slice())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0[..4]))
            }
        }
    };
}

bytes_newtype!(
    /// BLAKE3 hash of an entry.
    Hash, 32, "hash"
);
bytes_newtype!(
    /// Ed25519 public key of a station: one life of it.
    PublicKey, 32, "key"
);
bytes_newtype!(
    /// Root hash of an attachment's encrypted content; see `AttachmentRef` in log.proto.
    AttachmentId, 32, "attachment id"
);
bytes_newtype!(
    /// Chosen by a caller so that a command sent twice is carried out once.
    RequestId, 16, "request"
);
bytes_newtype!(
    /// Id of a case: home (5 bytes, big endian), day (2, days since 2000-01-01), number of the day (2), and
    /// 7 random bytes. The first nine are its [`CaseNumber`]; the rest keeps two lives of one station apart
    /// should both give the same number on the same day.
    CaseId, 16, "case id"
);

/// Whether a log's content concerns people or everybody; see `Reach` in log.proto.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reach {
    /// Catalogue, directory, calendar, notices. Sorts first: it is sent first.
    Public,
    /// Cases, staff and their credentials.
    Private,
}

impl Reach {
    /// The byte that seals and receipts sign; equal to the value in log.proto.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Private => 1,
            Self::Public => 2,
        }
    }

    /// Reads the value of log.proto.
    ///
    /// # Errors
    /// [`Error::Field`] for any other value.
    pub fn from_number(number: i32) -> Result<Self, Error> {
        match number {
            1 => Ok(Self::Private),
            2 => Ok(Self::Public),
            _ => Err(field("LogId", "reach", "is not a known value")),
        }
    }
}

/// Names one log: its home, its reach, and the key of its only writer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogId {
    /// Public logs sort before private ones.
    pub reach: Reach,
    /// The station that the content concerns.
    pub home: StationCode,
    /// The signing key of the only writer.
    pub key: PublicKey,
}

impl LogId {
    /// Whether a station holds this log, which follows from home and reach alone: a private log is held by
    /// its home and the stations above; a public one by those and by all stations below its home. (The
    /// stations above carry public logs too, since the hub's word about a village passes its township.)
    #[must_use]
    pub fn held_by(&self, station: StationCode) -> bool {
        let above = self.home.within(station);
        match self.reach {
            Reach::Private => above,
            Reach::Public => above || station.within(self.home),
        }
    }

    /// Whether the owner of the log's key, a station, may write it at all: the home or a station above it.
    #[must_use]
    pub fn writable_by(&self, station: StationCode) -> bool {
        self.home.within(station)
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reach = match self.reach {
            Reach::Private => "private",
            Reach::Public => "public",
        };
        write!(f, "{}/{reach}/{}", self.home, self.key)
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:?}/{:?}", self.home, self.reach, self.key)
    }
}

impl From<LogId> for proto::LogId {
    fn from(log: LogId) -> Self {
        Self { home: log.home.number(), reach: i32::from(log.reach.number()), key: log.key.0.to_vec() }
    }
}

impl TryFrom<proto::LogId> for LogId {
    type Error = Error;
    fn try_from(message: proto::LogId) -> Result<Self, Error> {
        Ok(Self {
            home: StationCode::from_number(message.home)?,
            reach: Reach::from_number(message.reach)?,
            key: PublicKey::try_from(message.key.as_slice())?,
        })
    }
}

impl CaseId {
    /// Composes an id. `day` counts from 2000-01-01; `serial` is the number of the day, 1 to 9999;
    /// `random` comes from the caller.
    ///
    /// # Errors
    /// [`Error::Field`] where the serial is not in 1..=9999.
    pub fn new(home: StationCode, day: u16, serial: u16, random: [u8; 7]) -> Result<Self, Error> {
        if !(1..=9999).contains(&serial) {
            return Err(field("CaseId", "serial", "is not in 1..=9999"));
        }
        let mut id = [0; 16];
        id[..5].copy_from_slice(&home.number().to_be_bytes()[3..]);
        id[5..7].copy_from_slice(&day.to_be_bytes());
        id[7..9].copy_from_slice(&serial.to_be_bytes());
        id[9..].copy_from_slice(&random);
        Ok(Self(id))
    }

    /// Parses and checks the bytes of a message: home and serial must be possible.
    ///
    /// # Errors
    /// [`Error::Field`] or [`Error::StationCode`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let id = Self::try_from(bytes)?;
        StationCode::from_number(id.home_number())?;
        if !(1..=9999).contains(&id.serial()) {
            return Err(field("CaseId", "serial", "is not in 1..=9999"));
        }
        Ok(id)
    }

    fn home_number(&self) -> u64 {
        let [a, b, c, d, e, ..] = self.0;
        u64::from_be_bytes([0, 0, 0, a, b, c, d, e])
    }

    /// The station where the case was opened. None only for bytes that never were an id.
    #[must_use]
    pub fn home(&self) -> Option<StationCode> {
        StationCode::from_number(self.home_number()).ok()
    }

    /// Day of opening, counted from 2000-01-01.
    #[must_use]
    pub fn day(&self) -> u16 {
        u16::from_be_bytes([self.0[5], self.0[6]])
    }

    /// Number of the day, from 1.
    #[must_use]
    pub fn serial(&self) -> u16 {
        u16::from_be_bytes([self.0[7], self.0[8]])
    }

    /// The first nine bytes, which the number gives; all ids with one number share them.
    #[must_use]
    pub fn number_prefix(&self) -> [u8; 9] {
        let mut prefix = [0; 9];
        prefix.copy_from_slice(&self.0[..9]);
        prefix
    }

    /// The case number that people read.
    #[must_use]
    pub fn number(&self) -> CaseNumber {
        let (year, month, day) = civil_from_day(self.day());
        let date = (year * 10_000 + month * 100 + day).unsigned_abs();
        let parts = [(self.home_number(), 12), (date, 8), (u64::from(self.serial()), 4)];
        let mut digits = [b'0'; CaseNumber::DIGITS];
        let mut place = 0;
        for (mut number, width) in parts {
            for digit in digits[place..place + width].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
            place += width;
        }
        digits[place] = check_digit(&digits[..place]);
        CaseNumber { digits, prefix: self.number_prefix() }
    }
}

/// 办件编号: division code (12), date (8), number of the day (4), check digit (1).
///
/// The check digit is ISO/IEC 7064 MOD 11,10: it finds every single wrong digit and nearly every swap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseNumber {
    /// ASCII.
    digits: [u8; Self::DIGITS],
    prefix: [u8; 9],
}

impl CaseNumber {
    const DIGITS: usize = 25;

    /// The 25 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Digits are ASCII, so it never is empty.
        std::str::from_utf8(&self.digits).unwrap_or_default()
    }

    /// What the ids of cases with this number begin with.
    #[must_use]
    pub fn prefix(&self) -> [u8; 9] {
        self.prefix
    }

    /// All ids with this number, in their order: whatever is sorted by id has them side by side.
    #[must_use]
    pub fn case_ids(&self) -> std::ops::RangeInclusive<CaseId> {
        let with = |rest: u8| {
            let mut id = [rest; 16];
            id[..9].copy_from_slice(&self.prefix);
            CaseId(id)
        };
        with(0)..=with(u8::MAX)
    }
}

impl fmt::Debug for CaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaseNumber({self})")
    }
}

impl fmt::Display for CaseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CaseNumber {
    type Err = Error;

    /// Reads 25 digits; blanks between them are allowed, since people type them in groups.
    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |why| Error::CaseNumber(text.chars().take(40).collect(), why);
        let mut digits = [0; Self::DIGITS];
        let mut count = 0;
        for character in text.chars().filter(|character| !character.is_whitespace()) {
            let digit = u8::try_from(character).ok().filter(u8::is_ascii_digit);
            match (digit, digits.get_mut(count)) {
                (Some(digit), Some(place)) => *place = digit,
                _ => return Err(bad("it must have 25 digits")),
            }
            count += 1;
        }
        if count != Self::DIGITS {
            return Err(bad("it must have 25 digits"));
        }
        let number = |range: std::ops::Range<usize>| {
            digits[range].iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
        };
        if check_digit(&digits[..24]) != digits[24] {
            return Err(bad("the check digit is wrong"));
        }
        let home =
            StationCode::from_number(number(0..12)).map_err(|_| bad("it does not begin with a division code"))?;
        let day = day_from_civil(number(12..16), number(16..18), number(18..20))
            .ok_or_else(|| bad("its date does not exist"))?;
        let serial = u16::try_from(number(20..24)).unwrap_or(0);
        let id = CaseId::new(home, day, serial, [0; 7]).map_err(|_| bad("its number of the day is 0"))?;
        Ok(id.number())
    }
}

/// ISO/IEC 7064 MOD 11,10 over decimal digits.
fn check_digit(digits: &[u8]) -> u8 {
    let mut product = 10u32;
    for digit in digits {
        let sum = (product + u32::from(digit - b'0')) % 10;
        product = if sum == 0 { 10 } else { sum } * 2 % 11;
    }
    b'0' + ((11 - product) % 10) as u8
}

// Day arithmetic after Howard Hinnant, "chrono-compatible low-level date algorithms"; a calendar crate
// would be the only other thing this crate needs one for.
const DAY_2000: i64 = 10_957;

fn civil_from_day(day: u16) -> (i64, i64, i64) {
    let z = i64::from(day) + DAY_2000 + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

fn day_from_civil(year: u64, month: u64, day: u64) -> Option<u16> {
    let (y, m, d) = (i64::try_from(year).ok()?, i64::try_from(month).ok()?, i64::try_from(day).ok()?);
    if !(1..=12).contains(&m) || !(1..=31).contains(&d) {
        return None;
    }
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + d - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    let number = u16::try_from(era * 146_097 + doe - 719_468 - DAY_2000).ok()?;
    (civil_from_day(number) == (i64::try_from(year).ok()?, m, d)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(day: u16, serial: u16) -> CaseId {
        CaseId::new("990106101203".parse().expect("code"), day, serial, [7; 7]).expect("id")
    }

    #[test]
    fn the_number_of_a_case_can_be_read_back() {
        let case = id(9678, 42);
        let number = case.number();
        assert!(number.as_str().starts_with("990106101203202607010042"), "{number}");
        assert_eq!(number.as_str().parse::<CaseNumber>().expect("number").prefix(), case.number_prefix());
        assert_eq!(case.home().map(|home| home.to_string()).as_deref(), Some("990106101203"));
        for day in 0..=u16::MAX {
            let (year, month, of_month) = civil_from_day(day);
            assert_eq!(day_from_civil(year as u64, month as u64, of_month as u64), Some(day));
        }
    }

    #[test]
    fn a_mistyped_number_is_refused() {
        let number = id(9678, 42).number().to_string();
        for place in 0..25 {
            for digit in '0'..='9' {
                let mut wrong: Vec<char> = number.chars().collect();
                if wrong[place] != digit {
                    wrong[place] = digit;
                    let wrong: String = wrong.into_iter().collect();
                    assert!(wrong.parse::<CaseNumber>().is_err(), "{wrong}");
                }
            }
        }
        for wrong in ["", "12", "990106101203202602300001x", "９９０１０６１０１２０３２０２６０７０１００４２０"]
        {
            assert!(wrong.parse::<CaseNumber>().is_err(), "{wrong}");
        }
    }
}

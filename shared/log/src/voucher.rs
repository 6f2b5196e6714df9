//! Vouchers (凭证): the signed line on a printed paper, short enough for a QR code and for a patient typist.
//!
//! ```text
//! SJ + base32 (RFC 4648, no padding) of:
//!   version 1 · paper 1 · case 16 · station 5 · time_ms 6 · entry 32 · item 1 + n · key 8 · signature 64
//! ```
//!
//! Numbers are big endian. The signature is Ed25519 over the 16 bytes `sanji voucher v1` and all that stands before it.
//! `key` is the beginning of the signing key: it tells a key that nobody knows from a text that was altered. Signing is
//! deterministic, so a paper that is printed again carries the same line.

use data_encoding::BASE32_NOPAD;
use ed25519_dalek::Signer;

use crate::seal::{SigningKey, public_key, verify};
use crate::{CaseId, Error, Hash, PublicKey, StationCode, field};

/// What the text begins with.
pub const PREFIX: &str = "SJ";
/// Longest code of an item, in bytes.
pub const ITEM_MAX_BYTES: usize = 40;
/// Longest text that is looked at, in characters: a voucher with a link before it.
const TEXT_MAX_CHARS: usize = 1024;

const CONTEXT: &[u8; 16] = b"sanji voucher v1";
const VERSION: u8 = 1;
const FIXED_BYTES: usize = 1 + 1 + 16 + 5 + 6 + 32;
const HINT_BYTES: usize = 8;
const SIGNATURE_BYTES: usize = 64;

/// A station's signed word that a paper of a case rests on an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voucher {
    /// Which kind of paper; the numbers are the domain's.
    pub paper: u8,
    /// The case.
    pub case: CaseId,
    /// The station that printed the paper.
    pub station: StationCode,
    /// When the entry was written, by its writer's clock: milliseconds since 1970-01-01 UTC, 48 bits.
    pub time_ms: u64,
    /// The entry on which the paper rests.
    pub entry: Hash,
    /// Code of the item; ASCII.
    pub item: String,
    /// The beginning of the key that signed.
    pub key_hint: [u8; HINT_BYTES],
    /// By the printing station's key.
    pub signature: [u8; SIGNATURE_BYTES],
}

/// What a voucher says, before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoucherDraft {
    /// As in [`Voucher`].
    pub paper: u8,
    /// As in [`Voucher`].
    pub case: CaseId,
    /// As in [`Voucher`].
    pub station: StationCode,
    /// As in [`Voucher`]; cut to 48 bits.
    pub time_ms: u64,
    /// As in [`Voucher`].
    pub entry: Hash,
    /// As in [`Voucher`].
    pub item: String,
}

impl VoucherDraft {
    /// Signs.
    ///
    /// # Errors
    /// [`Error::Field`] where the code of the item is none.
    pub fn sign(self, key: &SigningKey) -> Result<Voucher, Error> {
        if !is_item(self.item.as_bytes()) {
            return Err(field("Voucher", "item", "is not a code"));
        }
        let mut key_hint = [0; HINT_BYTES];
        key_hint.copy_from_slice(&public_key(key).0[..HINT_BYTES]);
        let Self { paper, case, station, time_ms, entry, item } = self;
        let time_ms = time_ms & ((1 << 48) - 1);
        let signature = [0; SIGNATURE_BYTES];
        let mut voucher = Voucher { paper, case, station, time_ms, entry, item, key_hint, signature };
        voucher.signature = key.sign(&voucher.signed_bytes()).to_bytes();
        Ok(voucher)
    }
}

impl Voucher {
    /// Reads a text: blanks and hyphens are passed over, small letters taken for capitals, and so is a link before it.
    ///
    /// # Errors
    /// [`Error::Field`]: it is not the text of a voucher, or one of a later release.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let unreadable = || field("Voucher", "text", "is not that of a voucher");
        if text.chars().count() > TEXT_MAX_CHARS {
            return Err(unreadable());
        }
        let own = text.rsplit(['/', '=']).next().unwrap_or_default();
        let own = own.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
        let own = own.collect::<String>().to_ascii_uppercase();
        let body = own.strip_prefix(PREFIX).ok_or_else(unreadable)?;
        let bytes = BASE32_NOPAD.decode(body.as_bytes()).map_err(|_| unreadable())?;
        Self::from_bytes(&bytes)
    }

    /// The text that is printed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut bytes = self.content();
        bytes.extend_from_slice(&self.signature);
        format!("{PREFIX}{}", BASE32_NOPAD.encode(&bytes))
    }

    /// Whether a key may be the one that signed.
    #[must_use]
    pub fn may_be_by(&self, key: &PublicKey) -> bool {
        key.0.starts_with(&self.key_hint)
    }

    /// Checks the signature. Whether the key is that of the station is for the directory to say.
    ///
    /// # Errors
    /// [`Error::Signature`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), Error> {
        verify(key, &self.signed_bytes(), &self.signature, "voucher")
    }

    fn content(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED_BYTES + 1 + self.item.len() + HINT_BYTES + SIGNATURE_BYTES);
        bytes.extend_from_slice(&[VERSION, self.paper]);
        bytes.extend_from_slice(self.case.as_bytes());
        bytes.extend_from_slice(&self.station.number().to_be_bytes()[3..]);
        bytes.extend_from_slice(&self.time_ms.to_be_bytes()[2..]);
        bytes.extend_from_slice(self.entry.as_bytes());
        bytes.push(u8::try_from(self.item.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(self.item.as_bytes());
        bytes.extend_from_slice(&self.key_hint);
        bytes
    }

    fn signed_bytes(&self) -> Vec<u8> {
        [&CONTEXT[..], &self.content()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let unreadable = || field("Voucher", "text", "is not that of a voucher");
        let (fixed, rest) = bytes.split_first_chunk::<FIXED_BYTES>().ok_or_else(unreadable)?;
        if fixed[0] != VERSION {
            return Err(field("Voucher", "version", "is of a later release"));
        }
        let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let (length, rest) = rest.split_first().ok_or_else(unreadable)?;
        let (item, rest) = rest.split_at_checked(usize::from(*length)).ok_or_else(unreadable)?;
        let (key_hint, rest) = rest.split_first_chunk::<HINT_BYTES>().ok_or_else(unreadable)?;
        let signature: [u8; SIGNATURE_BYTES] = rest.try_into().map_err(|_| unreadable())?;
        if !is_item(item) {
            return Err(unreadable());
        }
        Ok(Self {
            paper: fixed[1],
            case: CaseId::from_bytes(&fixed[2..18])?,
            station: StationCode::from_number(number(&fixed[18..23]))?,
            time_ms: number(&fixed[23..29]),
            entry: Hash::try_from(&fixed[29..])?,
            item: String::from_utf8_lossy(item).into_owned(),
            key_hint: *key_hint,
            signature,
        })
    }
}

fn is_item(bytes: &[u8]) -> bool {
    (1..=ITEM_MAX_BYTES).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)]
    use super::*;

    fn voucher(item: &str) -> (SigningKey, Voucher) {
        let key = SigningKey::from_bytes(&[5; 32]);
        let station: StationCode = "990106101203".parse().expect("code");
        let case = CaseId::new(station, 9678, 42, [7; 7]).expect("id");
        let draft = VoucherDraft {
            paper: 1,
            case,
            station,
            time_ms: 1_782_871_200_000,
            entry: Hash([9; 32]),
            item: item.to_owned(),
        };
        let voucher = draft.sign(&key).expect("voucher");
        (key, voucher)
    }

    #[test]
    fn a_voucher_is_read_back_however_it_was_typed() {
        let (key, voucher) = voucher("mz-dibao");
        let text = voucher.text();
        assert!(text.len() < 240, "{} characters", text.len());
        assert!(
            text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()),
            "fits a QR code's letters"
        );
        let spaced: String = text.chars().flat_map(|letter| [letter, ' ']).collect();
        for typed in [&text, &text.to_lowercase(), &spaced, &format!("HTTPS://HUB.EXAMPLE/V/{text}")] {
            let read = Voucher::parse(typed).expect("voucher");
            assert_eq!(read, voucher);
            read.verify(&public_key(&key)).expect("genuine");
        }
        assert!(voucher.may_be_by(&public_key(&key)));
        assert!(!voucher.may_be_by(&public_key(&SigningKey::from_bytes(&[6; 32]))));
    }

    #[test]
    fn no_letter_can_be_changed() {
        let (key, voucher) = voucher("cun-juzhu");
        let text = voucher.text();
        for place in 0..text.len() {
            for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".chars() {
                let mut altered: Vec<char> = text.chars().collect();
                if altered[place] == letter {
                    continue;
                }
                altered[place] = letter;
                let altered: String = altered.into_iter().collect();
                let genuine = Voucher::parse(&altered).is_ok_and(|read| read.verify(&public_key(&key)).is_ok());
                assert!(!genuine, "{letter} at {place}");
            }
        }
    }

    #[test]
    fn what_is_no_voucher_is_refused() {
        let (_, voucher) = voucher("mz-dibao");
        let text = voucher.text();
        for wrong in
            ["", "SJ", "9901061012032026070100427 123456", &text[1..], &text[..text.len() - 2], &(text.clone() + "AA")]
        {
            assert!(Voucher::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Voucher::parse(&text.repeat(9)).is_err());
        let (key, _) = self::voucher("a");
        let long = VoucherDraft { item: "a".repeat(41), ..draft_of(&voucher) };
        assert!(long.sign(&key).is_err());
    }

    fn draft_of(voucher: &Voucher) -> VoucherDraft {
        let Voucher { paper, case, station, time_ms, entry, item, .. } = voucher.clone();
        VoucherDraft { paper, case, station, time_ms, entry, item }
    }
}

//! Sealed letters: a few kilobytes that a station writes into its log for another station alone. Whoever relays the
//! log can't read them. The age format, as for bundles, to every key under which the receiver lives.

use std::io::{Read, Write};
use std::iter;

use age::{Decryptor, Encryptor};
use sanji_log::{PublicKey, SigningKey};

use crate::bundle::cipher::{identity, recipient};
use crate::{Error, Flaw, Result};

/// Longest letter, in bytes: it stands in the body of one entry.
pub const LETTER_MAX_BYTES: usize = 128 << 10;

/// Encrypts a letter.
///
/// # Errors
/// [`Error::Encrypt`] where no usable key is given, or the letter is too long.
pub fn seal(plain: &[u8], to: &[PublicKey]) -> Result<Vec<u8>> {
    if plain.len() > LETTER_MAX_BYTES {
        return Err(Error::bundle("can't be encrypted: the letter is too long"));
    }
    let recipients = to.iter().map(|key| recipient(*key)).collect::<Result<Vec<_>>>()?;
    let encryptor = Encryptor::with_recipients(recipients.iter().map(|recipient| recipient as &dyn age::Recipient))
        .map_err(|source| Error::Encrypt { source })?;
    let written = |source| Error::Io { operation: "seal a letter", source };
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(written)?;
    writer.write_all(plain).map_err(written)?;
    writer.finish().map_err(written)?;
    Ok(sealed)
}

/// Opens a letter with the key to which it was written.
///
/// # Errors
/// Where it was written to another key, or was altered.
pub fn open(sealed: &[u8], key: &SigningKey) -> Result<Vec<u8>> {
    let identity = identity(key)?;
    let other = |_| Error::flawed(Flaw::OtherKey, "is a letter to another key of this station, or damaged");
    let reader = Decryptor::new(sealed)
        .and_then(|decryptor| decryptor.decrypt(iter::once(&identity as &dyn age::Identity)))
        .map_err(other)?;
    let mut plain = Vec::new();
    let read = reader.take(LETTER_MAX_BYTES as u64 + 1).read_to_end(&mut plain);
    read.map_err(|source| Error::Io { operation: "open a letter", source })?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use sanji_log::seal::public_key;

    use super::*;

    #[test]
    fn a_letter_opens_with_any_of_its_keys_and_with_no_other() {
        let [old, new, other] = [1, 2, 3].map(|seed| SigningKey::from_bytes(&[seed; 32]));
        let sealed = seal("有人投诉".as_bytes(), &[public_key(&old), public_key(&new)]).unwrap();
        for key in [&old, &new] {
            assert_eq!(open(&sealed, key).unwrap(), "有人投诉".as_bytes());
        }
        assert!(open(&sealed, &other).is_err());
        for place in [0, sealed.len() / 2, sealed.len() - 1] {
            let mut altered = sealed.clone();
            altered[place] ^= 1;
            assert!(open(&altered, &old).is_err(), "{place}");
        }
        assert!(seal(b"x", &[]).is_err(), "to nobody");
        assert!(seal(&vec![0; LETTER_MAX_BYTES + 1], &[public_key(&old)]).is_err());
    }
}

//! The vault: everything that this station encrypts or decrypts.
//!
//! ```text
//! master key ──wraps──▶ case key ──encrypts──▶ the private part of a case's entries
//! (file, this station)  (store, every holder)  └▶ the case's attachments
//! ```
//!
//! One cipher throughout: XChaCha20-Poly1305. A case whose key is destroyed stays in the chain and can't be
//! read again. Not here: who may read; where keys lie.

pub mod attachment;
pub(crate) mod bare;
mod master;

use chacha20poly1305::aead::{Aead, AeadInPlace, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use sanji_log::CaseId;
use sanji_proto::v1 as proto;
use zeroize::Zeroizing;

pub use master::MasterKey;

use crate::compression::{Dictionary, Effort, compress, decompress};

/// `Sealed.method` of body.proto: zstd, then XChaCha20-Poly1305.
const PLAIN: u32 = 1;
/// The same, and zstd knows the first dictionary of forms.
const FORMS: u32 = 2;
/// Bytes of an XChaCha20 nonce.
pub const NONCE_BYTES: usize = 24;
/// Bytes that encrypting adds: the tag of Poly1305.
const TAG_BYTES: usize = 16;
/// Longest private part after decompression, in bytes: what a body could hold uncompressed, several times over.
const PRIVATE_MAX_BYTES: usize = 1 << 20;

/// Why something can't be decrypted or encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The key is another one, or the bytes are not what was encrypted.
    #[error("the bytes can't be decrypted with this key")]
    Unreadable,
    /// The bytes were encrypted in a way that this release does not know.
    #[error("encryption method {0} is not known")]
    Method(u32),
    /// The content is too long to be encrypted.
    #[error("the content is too long to be encrypted")]
    TooLong,
}

/// The key of one case.
#[derive(Clone, PartialEq, Eq)]
pub struct CaseKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for CaseKey {
    /// Never shows the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CaseKey")
    }
}

impl CaseKey {
    /// From 32 bytes: random ones for a new case, or as they came over the link.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, to be handed over inside an encrypted link.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        *self.0
    }

    /// Encrypts the encoded private part of an entry. `nonce` must be random and used once.
    ///
    /// # Errors
    /// [`Error::TooLong`] above a mebibyte.
    pub(crate) fn seal(
        &self,
        case: &CaseId,
        plain: &[u8],
        nonce: [u8; NONCE_BYTES],
        effort: Effort,
    ) -> Result<proto::Sealed, Error> {
        if plain.len() > PRIVATE_MAX_BYTES {
            return Err(Error::TooLong);
        }
        let mut bytes = compress(plain, Dictionary::Forms, effort).map_err(|_| Error::TooLong)?;
        encrypt(&self.0, &nonce, &mut bytes, case.as_bytes())?;
        Ok(proto::Sealed { method: FORMS, nonce: nonce.to_vec().into(), ciphertext: bytes.into() })
    }

    /// Decrypts the private part of an entry of `case`.
    ///
    /// # Errors
    /// [`Error::Unreadable`], [`Error::Method`].
    pub fn open(&self, case: &CaseId, sealed: &proto::Sealed) -> Result<Vec<u8>, Error> {
        let (compressed, dictionary) = self.open_compressed(case, sealed)?;
        decompress(&compressed, dictionary, PRIVATE_MAX_BYTES).map_err(|_| Error::Unreadable)
    }

    /// Whether this is the key of a private part.
    ///
    /// # Errors
    /// [`Error::Unreadable`], [`Error::Method`].
    pub fn check(&self, case: &CaseId, sealed: &proto::Sealed) -> Result<(), Error> {
        self.open_compressed(case, sealed).map(|_| ())
    }

    fn open_compressed(&self, case: &CaseId, sealed: &proto::Sealed) -> Result<(Vec<u8>, Dictionary), Error> {
        let dictionary = match sealed.method {
            PLAIN => Dictionary::None,
            FORMS => Dictionary::Forms,
            other => return Err(Error::Method(other)),
        };
        let nonce = <[u8; NONCE_BYTES]>::try_from(&*sealed.nonce).map_err(|_| Error::Unreadable)?;
        Ok((decrypt(&self.0, &nonce, &sealed.ciphertext, case.as_bytes())?, dictionary))
    }
}

/// In place: most of what is encrypted is an entry's, and many are written at once.
fn encrypt(key: &[u8; 32], nonce: &[u8; NONCE_BYTES], bytes: &mut Vec<u8>, context: &[u8]) -> Result<(), Error> {
    XChaCha20Poly1305::new(key.into())
        .encrypt_in_place(XNonce::from_slice(nonce), context, bytes)
        .map_err(|_| Error::TooLong)
}

fn decrypt(key: &[u8; 32], nonce: &[u8; NONCE_BYTES], bytes: &[u8], context: &[u8]) -> Result<Vec<u8>, Error> {
    XChaCha20Poly1305::new(key.into())
        .decrypt(XNonce::from_slice(nonce), Payload { msg: bytes, aad: context })
        .map_err(|_| Error::Unreadable)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn case(serial: u16) -> CaseId {
        CaseId::new("990106101203".parse().unwrap(), 9678, serial, [1; 7]).unwrap()
    }

    #[test]
    fn a_private_part_opens_with_its_key_and_case_only() {
        let key = CaseKey::from_bytes([3; 32]);
        let plain = "赵小明 990106197001010016".repeat(20);
        let sealed = key.seal(&case(1), plain.as_bytes(), [9; NONCE_BYTES], Effort::Much).unwrap();
        assert_eq!(key.open(&case(1), &sealed).unwrap(), plain.as_bytes());
        assert!(sealed.ciphertext.len() < plain.len(), "compressed first");
        assert_eq!(key.open(&case(2), &sealed), Err(Error::Unreadable));
        assert_eq!(CaseKey::from_bytes([4; 32]).open(&case(1), &sealed), Err(Error::Unreadable));
        for place in 0..sealed.ciphertext.len() {
            let mut wrong = sealed.ciphertext.to_vec();
            wrong[place] ^= 1;
            let wrong = proto::Sealed { ciphertext: wrong.into(), ..sealed.clone() };
            assert_eq!(key.open(&case(1), &wrong), Err(Error::Unreadable));
        }
        let later = proto::Sealed { method: 3, ..sealed };
        assert_eq!(key.open(&case(1), &later), Err(Error::Method(3)));
    }

    #[test]
    fn what_was_sealed_without_a_dictionary_stays_readable() {
        let key = CaseKey::from_bytes([3; 32]);
        let mut ciphertext = compress("赵小明".as_bytes(), Dictionary::None, Effort::Little).unwrap();
        encrypt(&key.0, &[9; NONCE_BYTES], &mut ciphertext, case(1).as_bytes()).unwrap();
        let sealed = proto::Sealed { method: 1, nonce: vec![9; NONCE_BYTES].into(), ciphertext: ciphertext.into() };
        assert_eq!(key.open(&case(1), &sealed).unwrap(), "赵小明".as_bytes());
    }

    #[test]
    fn too_much_is_refused_before_it_is_encrypted() {
        let long = vec![0; PRIVATE_MAX_BYTES + 1];
        assert_eq!(CaseKey::from_bytes([3; 32]).seal(&case(1), &long, [9; 24], Effort::Little), Err(Error::TooLong));
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(format!("{:?}", CaseKey::from_bytes([3; 32])), "CaseKey");
        assert_eq!(format!("{:?}", MasterKey::from_bytes([3; 32])), "MasterKey");
    }
}

//! Attachments under the key of their case.
//!
//! Layout of the encrypted content: 19 bytes of nonce, then segments of at most [`SEGMENT_BYTES`] of the plain
//! content, each with its 16-byte tag. Nonces follow the STREAM construction (Hoang, Reyhanitabar, Rogaway,
//! Vizár 2015): the prefix, the segment's number, and a mark on the last one, so that no segment can be cut off,
//! doubled or moved. The prefix is derived from key and content: the same file in one case gives the same bytes,
//! hence the same id, and nothing is stored twice; in two cases it gives different ones, so nobody can tell.

use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::KeyInit;
use chacha20poly1305::aead::stream::{DecryptorBE32, EncryptorBE32};

use super::{CaseKey, Error};

/// Plain bytes of every segment but the last. With 50 of them the tags stay within the 1024 bytes that
/// log.proto leaves for the cipher's frame.
const SEGMENT_BYTES: usize = 1 << 20;
const TAG_BYTES: usize = 16;
const PREFIX_BYTES: usize = 19;
const NONCE_CONTEXT: &str = "sanji 2026 attachment nonce v1";

impl CaseKey {
    /// Encrypts the content of an attachment.
    ///
    /// # Errors
    /// [`Error::TooLong`] where it has no bytes or more segments than can be numbered.
    pub fn encrypt_attachment(&self, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let prefix = self.attachment_nonce(plain);
        let mut cipher = EncryptorBE32::from_aead(XChaCha20Poly1305::new((&*self.0).into()), prefix.as_slice().into());
        let mut segments = plain.chunks(SEGMENT_BYTES);
        let last = segments.next_back().ok_or(Error::TooLong)?;
        let mut bytes = Vec::with_capacity(plain.len() + PREFIX_BYTES + (segments.len() + 1) * TAG_BYTES);
        bytes.extend(prefix);
        for segment in segments {
            bytes.extend(cipher.encrypt_next(segment).map_err(|_| Error::TooLong)?);
        }
        bytes.extend(cipher.encrypt_last(last).map_err(|_| Error::TooLong)?);
        Ok(bytes)
    }

    /// Decrypts the whole content of an attachment.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn decrypt_attachment(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let (prefix, bytes) = bytes.split_first_chunk::<PREFIX_BYTES>().ok_or(Error::Unreadable)?;
        let mut cipher = DecryptorBE32::from_aead(XChaCha20Poly1305::new((&*self.0).into()), prefix.as_slice().into());
        let mut segments = bytes.chunks(SEGMENT_BYTES + TAG_BYTES);
        let last = segments.next_back().ok_or(Error::Unreadable)?;
        let mut plain = Vec::with_capacity(bytes.len());
        for segment in segments {
            plain.extend(cipher.decrypt_next(segment).map_err(|_| Error::Unreadable)?);
        }
        plain.extend(cipher.decrypt_last(last).map_err(|_| Error::Unreadable)?);
        Ok(plain)
    }

    fn attachment_nonce(&self, plain: &[u8]) -> [u8; PREFIX_BYTES] {
        let mut hasher = blake3::Hasher::new_derive_key(NONCE_CONTEXT);
        hasher.update(&*self.0).update(blake3::hash(plain).as_bytes());
        let mut nonce = [0; PREFIX_BYTES];
        hasher.finalize_xof().fill(&mut nonce);
        nonce
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use sanji_log::entry::ATTACHMENT_MAX_BYTES;

    use super::*;

    #[test]
    fn any_length_comes_back() {
        let key = CaseKey::from_bytes([3; 32]);
        for length in [1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES + 7] {
            let plain: Vec<u8> = (0..length).map(|place| place as u8).collect();
            let bytes = key.encrypt_attachment(&plain).unwrap();
            assert_eq!(key.decrypt_attachment(&bytes).unwrap(), plain, "{length}");
            assert_eq!(key.encrypt_attachment(&plain).unwrap(), bytes, "the same file has the same id");
            assert_ne!(CaseKey::from_bytes([4; 32]).encrypt_attachment(&plain).unwrap(), bytes);
        }
        assert_eq!(key.encrypt_attachment(&[]), Err(Error::TooLong));
    }

    #[test]
    fn what_was_cut_moved_or_changed_is_not_read() {
        let key = CaseKey::from_bytes([3; 32]);
        let bytes = key.encrypt_attachment(&vec![1; 2 * SEGMENT_BYTES + 7]).unwrap();
        let segment = SEGMENT_BYTES + TAG_BYTES;
        let cut = &bytes[..PREFIX_BYTES + 2 * segment];
        let swapped = [
            &bytes[..PREFIX_BYTES],
            &bytes[PREFIX_BYTES + segment..PREFIX_BYTES + 2 * segment],
            &bytes[PREFIX_BYTES..PREFIX_BYTES + segment],
            &bytes[PREFIX_BYTES + 2 * segment..],
        ]
        .concat();
        for wrong in [cut, &swapped, &bytes[..10], &[]] {
            assert_eq!(key.decrypt_attachment(wrong), Err(Error::Unreadable));
        }
        assert_eq!(CaseKey::from_bytes([4; 32]).decrypt_attachment(&bytes), Err(Error::Unreadable));
    }

    #[test]
    fn the_largest_file_fits_the_limit_of_the_contract() {
        let plain_max: usize = 52_428_800;
        let frame = PREFIX_BYTES + plain_max.div_ceil(SEGMENT_BYTES) * TAG_BYTES;
        assert!((plain_max + frame) as u64 <= ATTACHMENT_MAX_BYTES);
    }
}

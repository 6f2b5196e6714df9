//! Attachments under the key of their case.
//!
//! Layout of the encrypted content: 19 bytes of nonce, then segments of at most `SEGMENT_BYTES` of the plain
//! content, each with its 16-byte tag. Nonces follow the STREAM construction (Hoang, Reyhanitabar, Rogaway,
//! Vizár 2015): the prefix, the segment's number, and a mark on the last one, so that no segment can be cut off,
//! doubled or moved. The prefix is derived from key and content: the same file in one case gives the same bytes,
//! hence the same id, and nothing is stored twice; in two cases it gives different ones, so nobody can tell.

use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::KeyInit;
use chacha20poly1305::aead::stream::{DecryptorBE32, EncryptorBE32};

use super::{CaseKey, Error, TAG_BYTES};

/// Plain bytes of every segment but the last. With 50 of them the tags stay within the 1024 bytes that
/// log.proto leaves for the cipher's frame.
const SEGMENT_BYTES: usize = 1 << 20;
const PREFIX_BYTES: usize = 19;
const NONCE_CONTEXT: &str = "sanji 2026 attachment nonce v1";

impl CaseKey {
    /// Encrypts the content of an attachment, part by part: memory for one segment is enough.
    ///
    /// # Errors
    /// [`Error::TooLong`] where it has no bytes.
    pub fn encrypt_attachment<'a>(&self, plain: &'a [u8]) -> Result<Encrypting<'a>, Error> {
        if plain.is_empty() {
            return Err(Error::TooLong);
        }
        let prefix = self.attachment_nonce(plain);
        let cipher = EncryptorBE32::from_aead(XChaCha20Poly1305::new((&*self.0).into()), prefix.as_slice().into());
        Ok(Encrypting { prefix: Some(prefix), cipher: Some(cipher), rest: plain })
    }

    /// Begins to decrypt an attachment whose encrypted content has `size` bytes.
    #[must_use]
    pub fn decrypt_attachment(&self, size: u64) -> Decrypting {
        let key = self.clone();
        Decrypting { key, cipher: None, left: size, buffer: Vec::new() }
    }

    fn attachment_nonce(&self, plain: &[u8]) -> [u8; PREFIX_BYTES] {
        let mut hasher = blake3::Hasher::new_derive_key(NONCE_CONTEXT);
        hasher.update(&*self.0).update(blake3::hash(plain).as_bytes());
        let mut nonce = [0; PREFIX_BYTES];
        hasher.finalize_xof().fill(&mut nonce);
        nonce
    }
}

/// Size of the plain content of an attachment, from that of its encrypted content; both in bytes.
#[must_use]
pub fn plain_size(encrypted: u64) -> u64 {
    let sealed = encrypted.saturating_sub(PREFIX_BYTES as u64);
    sealed.saturating_sub(sealed.div_ceil((SEGMENT_BYTES + TAG_BYTES) as u64) * TAG_BYTES as u64)
}

/// The parts of the encrypted content, in order.
pub struct Encrypting<'a> {
    prefix: Option<[u8; PREFIX_BYTES]>,
    cipher: Option<EncryptorBE32<XChaCha20Poly1305>>,
    rest: &'a [u8],
}

impl Iterator for Encrypting<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if let Some(prefix) = self.prefix.take() {
            return Some(prefix.to_vec());
        }
        let (segment, rest) = self.rest.split_at(self.rest.len().min(SEGMENT_BYTES));
        self.rest = rest;
        // The cipher fails only for segments beyond what an attachment may have: the store refuses what is cut off.
        if rest.is_empty() {
            self.cipher.take()?.encrypt_last(segment).ok()
        } else {
            self.cipher.as_mut()?.encrypt_next(segment).ok()
        }
    }
}

/// Decrypts what comes in any parts; memory for one segment is enough.
pub struct Decrypting {
    key: CaseKey,
    /// None before the prefix has come, and after the last segment.
    cipher: Option<DecryptorBE32<XChaCha20Poly1305>>,
    /// Encrypted bytes that have not come.
    left: u64,
    buffer: Vec<u8>,
}

impl Decrypting {
    /// Takes the next encrypted bytes, and gives the plain ones that they complete.
    ///
    /// # Errors
    /// [`Error::Unreadable`]; what came before was right.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let mut bytes = bytes;
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(Error::Unreadable)?;
        if self.cipher.is_none() {
            let (prefix, rest) = bytes.split_first_chunk::<PREFIX_BYTES>().ok_or(Error::Unreadable)?;
            let cipher = XChaCha20Poly1305::new((&*self.key.0).into());
            self.cipher = Some(DecryptorBE32::from_aead(cipher, prefix.as_slice().into()));
            bytes = rest;
        }
        let mut plain = Vec::new();
        while !bytes.is_empty() {
            let room = SEGMENT_BYTES + TAG_BYTES - self.buffer.len();
            let (part, rest) = bytes.split_at(bytes.len().min(room));
            self.buffer.extend_from_slice(part);
            bytes = rest;
            let is_last = bytes.is_empty() && self.left == 0;
            let segment = self.buffer.as_slice();
            let opened = match &mut self.cipher {
                Some(_) if is_last => self.cipher.take().map(|cipher| cipher.decrypt_last(segment)),
                Some(cipher) if segment.len() == SEGMENT_BYTES + TAG_BYTES => Some(cipher.decrypt_next(segment)),
                _ => None,
            };
            if let Some(opened) = opened {
                plain.extend(opened.map_err(|_| Error::Unreadable)?);
                self.buffer.clear();
            }
        }
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use sanji_log::entry::ATTACHMENT_MAX_BYTES;

    use super::*;

    fn encrypt(key: &CaseKey, plain: &[u8]) -> Vec<u8> {
        key.encrypt_attachment(plain).unwrap().flatten().collect()
    }

    /// Decrypts in parts of the length of a chunk.
    fn decrypt(key: &CaseKey, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let mut decrypting = key.decrypt_attachment(bytes.len() as u64);
        let parts = bytes.chunks(sanji_log::attachment::CHUNK_BYTES).map(|part| decrypting.next(part));
        parts.collect::<Result<Vec<_>, _>>().map(|parts| parts.concat())
    }

    #[test]
    fn any_length_comes_back() {
        let key = CaseKey::from_bytes([3; 32]);
        for length in [1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES + 7] {
            let plain: Vec<u8> = (0..length).map(|place| place as u8).collect();
            let bytes = encrypt(&key, &plain);
            assert!(decrypt(&key, &bytes).unwrap() == plain, "{length}");
            assert_eq!(plain_size(bytes.len() as u64), length as u64);
            assert!(encrypt(&key, &plain) == bytes, "the same file has the same id");
            assert!(encrypt(&CaseKey::from_bytes([4; 32]), &plain) != bytes);
        }
        assert_eq!(key.encrypt_attachment(&[]).err(), Some(Error::TooLong));
    }

    #[test]
    fn what_was_cut_moved_or_changed_is_not_read() {
        let key = CaseKey::from_bytes([3; 32]);
        let bytes = encrypt(&key, &vec![1; 2 * SEGMENT_BYTES + 7]);
        let segment = SEGMENT_BYTES + TAG_BYTES;
        let cut = &bytes[..PREFIX_BYTES + 2 * segment];
        let swapped = [
            &bytes[..PREFIX_BYTES],
            &bytes[PREFIX_BYTES + segment..PREFIX_BYTES + 2 * segment],
            &bytes[PREFIX_BYTES..PREFIX_BYTES + segment],
            &bytes[PREFIX_BYTES + 2 * segment..],
        ]
        .concat();
        for wrong in [cut, &swapped, &bytes[..10]] {
            assert_eq!(decrypt(&key, wrong).err(), Some(Error::Unreadable));
        }
        assert_eq!(decrypt(&CaseKey::from_bytes([4; 32]), &bytes).err(), Some(Error::Unreadable));
    }

    #[test]
    fn the_largest_file_fits_the_limit_of_the_contract() {
        let plain_max: usize = 52_428_800;
        let frame = PREFIX_BYTES + plain_max.div_ceil(SEGMENT_BYTES) * TAG_BYTES;
        assert!((plain_max + frame) as u64 <= ATTACHMENT_MAX_BYTES);
    }
}

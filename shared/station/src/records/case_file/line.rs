//! The last line of a case file: the hash of all bytes before it, and the signature over the hash.

use std::io::{self, Read, Write};

use data_encoding::HEXLOWER;
use sanji_log::attest::{Attested, SIGNATURE_BYTES};
use sanji_log::{PublicKey, SigningKey};

const WORDS: &str = "sanji case file 1 ";
/// Bytes of the line.
pub(super) const LINE_BYTES: usize = WORDS.len() + 64 + 1 + 2 * SIGNATURE_BYTES;

/// The line as it stood in a file.
pub(super) struct Line {
    pub(super) hash: [u8; 32],
    pub(super) signature: [u8; SIGNATURE_BYTES],
}

impl Line {
    /// None: not such a line.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?.strip_prefix(WORDS)?;
        let (hash, signature) = text.split_once(' ')?;
        let bytes = |hex: &str| HEXLOWER.decode(hex.as_bytes()).ok();
        Some(Self { hash: bytes(hash)?.try_into().ok()?, signature: bytes(signature)?.try_into().ok()? })
    }

    pub(super) fn is_signed_by(&self, key: &PublicKey) -> bool {
        Attested::CaseFile.verify(key, &self.hash, &self.signature).is_ok()
    }

    fn write(&self) -> String {
        format!("{WORDS}{} {}", HEXLOWER.encode(&self.hash), HEXLOWER.encode(&self.signature))
    }
}

/// What stands in the place of the line until it is known.
pub(super) fn blank() -> Vec<u8> {
    vec![b' '; LINE_BYTES]
}

/// Hashes what goes through, and keeps the last [`LINE_BYTES`] back, which are the [`blank`].
pub(super) struct Hashing<W> {
    inner: W,
    hasher: blake3::Hasher,
    kept: Vec<u8>,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, hasher: blake3::Hasher::new(), kept: Vec::new() }
    }

    /// Writes the line in place of the blank.
    pub(super) fn finish(mut self, key: &SigningKey) -> io::Result<()> {
        let hash = *self.hasher.finalize().as_bytes();
        let line = Line { hash, signature: Attested::CaseFile.sign(key, &hash) };
        self.inner.write_all(line.write().as_bytes())?;
        self.inner.flush()
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.kept.extend_from_slice(bytes);
        let known = self.kept.len().saturating_sub(LINE_BYTES);
        if let Some(known) = self.kept.get(..known) {
            self.hasher.update(known);
            self.inner.write_all(known)?;
        }
        self.kept.drain(..known);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The hash of the next `length` bytes.
pub(super) fn hash_of(from: &mut impl Read, length: u64) -> io::Result<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(from.take(length))?;
    Ok(*hasher.finalize().as_bytes())
}

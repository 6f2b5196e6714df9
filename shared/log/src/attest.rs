//! What a station signs beside its logs, each kind under a context of its own, so that a signature given for one thing
//! never stands for another.

use ed25519_dalek::Signer;

use crate::seal::{self, SigningKey};
use crate::{Error, PublicKey};

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// What the signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attested {
    /// The manifest of a case file.
    Manifest,
    /// The BLAKE3 hash of a case file, from its first byte to its last but the signature's own line.
    CaseFile,
}

impl Attested {
    fn context(self) -> &'static [u8; 16] {
        match self {
            Self::Manifest => b"sanji manifest 1",
            Self::CaseFile => b"sanji casefile 1",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::CaseFile => "case file",
        }
    }

    fn bytes(self, content: &[u8]) -> Vec<u8> {
        [self.context(), content].concat()
    }

    /// Signs. Deterministic.
    #[must_use]
    pub fn sign(self, key: &SigningKey, content: &[u8]) -> [u8; SIGNATURE_BYTES] {
        key.sign(&self.bytes(content)).to_bytes()
    }

    /// Checks.
    ///
    /// # Errors
    /// [`Error::Signature`].
    pub fn verify(self, key: &PublicKey, content: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> Result<(), Error> {
        seal::verify(key, &self.bytes(content), signature, self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_stands_for_one_thing() {
        let key = SigningKey::from_bytes(&[5; 32]);
        let public = seal::public_key(&key);
        let signature = Attested::Manifest.sign(&key, b"content");
        assert_eq!(Attested::Manifest.verify(&public, b"content", &signature), Ok(()));
        assert!(Attested::CaseFile.verify(&public, b"content", &signature).is_err());
        assert!(Attested::Manifest.verify(&public, b"content.", &signature).is_err());
    }
}

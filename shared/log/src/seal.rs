//! Seals and receipts: what a station signs.

use ed25519_dalek::{Signature, Signer, VerifyingKey};
use sanji_proto::v1 as proto;

use crate::entry::SEQ_MAX;
use crate::{Error, Hash, Head, LogId, PublicKey, StationCode, field};

/// A station's signing key: the private half of its [`PublicKey`].
pub use ed25519_dalek::SigningKey;

const SEAL_CONTEXT: &[u8; 16] = b"sanji seal v1\0\0\0";
const RECEIPT_CONTEXT: &[u8; 16] = b"sanji receipt v1";

/// The writer's signature over the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// Position of the last entry covered.
    pub seq: u64,
    /// Hash of that entry.
    pub hash: Hash,
    /// Ed25519 signature.
    pub signature: [u8; 64],
}

fn head_bytes(context: &[u8; 16], log: &LogId, seq: u64, hash: &Hash) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(context);
    bytes.extend_from_slice(&log.home.number().to_le_bytes());
    bytes.push(log.reach.number());
    bytes.extend_from_slice(&log.key.0);
    bytes.extend_from_slice(&seq.to_le_bytes());
    bytes.extend_from_slice(&hash.0);
    bytes
}

/// Checks a signature the strict way: no weak keys, one valid form only.
pub(crate) fn verify(key: &PublicKey, bytes: &[u8], signature: &[u8; 64], what: &'static str) -> Result<(), Error> {
    VerifyingKey::from_bytes(&key.0)
        .and_then(|key| key.verify_strict(bytes, &Signature::from_bytes(signature)))
        .map_err(|_| Error::Signature(what))
}

/// The public half of a signing key.
#[must_use]
pub fn public_key(key: &SigningKey) -> PublicKey {
    PublicKey(key.verifying_key().to_bytes())
}

impl Seal {
    /// Seals a log at a position.
    #[must_use]
    pub fn sign(key: &SigningKey, log: &LogId, seq: u64, hash: Hash) -> Self {
        let signature = key.sign(&head_bytes(SEAL_CONTEXT, log, seq, &hash)).to_bytes();
        Self { seq, hash, signature }
    }

    /// Checks the signature by the key of the log.
    ///
    /// # Errors
    /// [`Error::Signature`].
    pub fn verify(&self, log: &LogId) -> Result<(), Error> {
        verify(&log.key, &head_bytes(SEAL_CONTEXT, log, self.seq, &self.hash), &self.signature, "seal")
    }
}

impl From<Seal> for proto::Seal {
    fn from(seal: Seal) -> Self {
        Self { seq: seal.seq, hash: seal.hash.0.to_vec(), signature: seal.signature.to_vec() }
    }
}

impl TryFrom<proto::Seal> for Seal {
    type Error = Error;
    fn try_from(message: proto::Seal) -> Result<Self, Error> {
        if message.seq == 0 || message.seq >= SEQ_MAX {
            return Err(field("Seal", "seq", "is 0 or too large"));
        }
        Ok(Self {
            seq: message.seq,
            hash: Hash::try_from(message.hash.as_slice())?,
            signature: message
                .signature
                .as_slice()
                .try_into()
                .map_err(|_| field("Seal", "signature", "has a wrong length"))?,
        })
    }
}

/// A station's signed word that it has made a log durable up to a position, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The log and how far it is durable.
    pub head: Head,
    /// The station that says so.
    pub station: StationCode,
    /// Its signing key.
    pub key: PublicKey,
    /// When, by its clock: milliseconds since 1970-01-01 UTC.
    pub time_ms: u64,
    /// Ed25519 signature.
    pub signature: [u8; 64],
}

impl Receipt {
    /// Signs a receipt.
    #[must_use]
    pub fn sign(key: &SigningKey, station: StationCode, head: Head, time_ms: u64) -> Self {
        let bytes = Self::signed_bytes(&head, station, time_ms);
        Self { head, station, key: public_key(key), time_ms, signature: key.sign(&bytes).to_bytes() }
    }

    /// Checks the signature by the receipt's own key. Whether that key is the station's is for the
    /// directory to say.
    ///
    /// # Errors
    /// [`Error::Signature`].
    pub fn verify(&self) -> Result<(), Error> {
        let bytes = Self::signed_bytes(&self.head, self.station, self.time_ms);
        verify(&self.key, &bytes, &self.signature, "receipt")
    }

    fn signed_bytes(head: &Head, station: StationCode, time_ms: u64) -> Vec<u8> {
        let mut bytes = head_bytes(RECEIPT_CONTEXT, &head.log, head.seq, &head.hash);
        bytes.extend_from_slice(&station.number().to_le_bytes());
        bytes.extend_from_slice(&time_ms.to_le_bytes());
        bytes
    }
}

impl From<Receipt> for proto::Receipt {
    fn from(receipt: Receipt) -> Self {
        Self {
            head: Some(receipt.head.into()),
            station: receipt.station.number(),
            key: receipt.key.0.to_vec(),
            time_ms: receipt.time_ms,
            signature: receipt.signature.to_vec(),
        }
    }
}

impl TryFrom<proto::Receipt> for Receipt {
    type Error = Error;
    fn try_from(message: proto::Receipt) -> Result<Self, Error> {
        let head: Head = message.head.ok_or(field("Receipt", "head", "is missing"))?.try_into()?;
        Ok(Self {
            head,
            station: StationCode::from_number(message.station)?,
            key: PublicKey::try_from(message.key.as_slice())?,
            time_ms: message.time_ms,
            signature: message
                .signature
                .as_slice()
                .try_into()
                .map_err(|_| field("Receipt", "signature", "has a wrong length"))?,
        })
    }
}

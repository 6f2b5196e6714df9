//! How a station becomes part of the district: it trades a one-time code for a certificate over its own key and
//! for what it must hold to begin.
//!
//! The hub's decision stays with the hub (an [`Enroller`]); here are the code, the messages and the proof that
//! each side is who it says: the hub by the fingerprint in the code, the station by a signature of its new key.
//!
//! | module | holds |
//! | --- | --- |
//! | [`code`] | the one-time code |
//! | `station`, `hub` | over a line |
//! | `medium` | by files, for a station without a line |

pub mod code;
mod hub;
mod medium;
mod station;

use std::time::Duration;

use ed25519_dalek::{Signature, Signer, VerifyingKey};
use sanji_log::seal::public_key;
use sanji_log::{PublicKey, Run, SigningKey, StationCode};
use sanji_proto::v1 as proto;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

pub use code::EnrolmentCode;
pub use hub::{Enroller, serve_enrolment};
pub use medium::{Invitation, read_answer, read_request, write_request};
pub use station::enrol;

/// Longest name of a software version, in bytes.
const SOFTWARE_MAX_BYTES: usize = 64;
const CONTEXT: &[u8; 16] = b"sanji enrol v1\0\0";

/// A request whose form and signature were checked: whoever sent it holds the private half of `key`.
#[derive(Clone, PartialEq, Eq)]
pub struct CheckedEnrolRequest {
    /// The station it asks to be.
    pub station: StationCode,
    /// Secret half of the one-time code: 12 characters. Compare in constant time.
    pub secret: String,
    /// Its new signing key.
    pub key: PublicKey,
    /// Version of its software, for people.
    pub software: String,
}

impl std::fmt::Debug for CheckedEnrolRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckedEnrolRequest")
            .field("station", &self.station)
            .field("key", &self.key)
            .field("software", &self.software)
            .finish_non_exhaustive()
    }
}

/// What a station is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolReply {
    /// Its certificate, X.509 in DER.
    pub certificate: Vec<u8>,
    /// The district's authority, X.509 in DER.
    pub authority: Vec<u8>,
    /// Signing key of the hub.
    pub hub_key: PublicKey,
    /// The district.
    pub district: StationCode,
    /// Where the station links to, "host:port"; none where the hub does not know.
    pub upstream: Option<String>,
    /// Where it links to while the station above it is away, "host:port".
    pub detour: Option<String>,
    /// What it holds from its first hour; runs of one log in order.
    pub runs: Vec<Run>,
}

/// Why a hub does not enrol a station.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request is not what it should be.
    #[error("the request is malformed: {problem}")]
    Malformed {
        /// What is wrong with it.
        problem: String,
    },
    /// Wrong, used or expired code, or a code for another station: one answer for all.
    #[error("the code is wrong, used, expired or for another station")]
    Denied,
    /// Too many attempts.
    #[error("too many attempts; try again in {} s", retry_after.as_secs())]
    TooManyAttempts {
        /// When to try again.
        retry_after: Duration,
    },
    /// The hub can't enrol anybody now, for example because its disk is full.
    #[error("the hub can't enrol a station now")]
    Unavailable,
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Malformed { .. } => Self::invalid_argument(message),
            Refusal::Denied => Self::permission_denied(message),
            Refusal::TooManyAttempts { retry_after } => Self::with_error_details(
                Code::ResourceExhausted,
                message,
                ErrorDetails::with_retry_info(Some(retry_after)),
            ),
            Refusal::Unavailable => Self::unavailable(message),
        }
    }
}

impl Refusal {
    /// Reads a hub's status; none where it is no answer to an enrolment.
    fn from_status(status: &Status) -> Option<Self> {
        match status.code() {
            Code::InvalidArgument => Some(Self::Malformed { problem: status.message().to_owned() }),
            Code::PermissionDenied => Some(Self::Denied),
            Code::ResourceExhausted => {
                let retry_after = status.get_details_retry_info()?.retry_delay?;
                Some(Self::TooManyAttempts { retry_after })
            }
            _ => None,
        }
    }
}

/// The request of a new station.
fn signed_request(station: StationCode, code: &EnrolmentCode, key: &SigningKey, software: &str) -> proto::EnrolRequest {
    let public = public_key(key);
    proto::EnrolRequest {
        station: station.number(),
        secret: code.secret.clone(),
        key: public.0.to_vec(),
        signature: key.sign(&signed_bytes(station, &code.secret, &public)).to_bytes().to_vec(),
        software: software.chars().filter(char::is_ascii).take(SOFTWARE_MAX_BYTES).collect(),
    }
}

impl TryFrom<proto::EnrolRequest> for CheckedEnrolRequest {
    type Error = Refusal;

    fn try_from(message: proto::EnrolRequest) -> Result<Self, Refusal> {
        let malformed = |problem: &str| Refusal::Malformed { problem: problem.to_owned() };
        let station = StationCode::from_number(message.station).map_err(|error| malformed(&error.to_string()))?;
        let key = PublicKey::try_from(message.key.as_slice()).map_err(|error| malformed(&error.to_string()))?;
        if message.secret.len() != code::SECRET_CHARACTERS {
            return Err(malformed("the secret does not have 12 characters"));
        }
        if message.software.len() > SOFTWARE_MAX_BYTES {
            return Err(malformed("the software version is too long"));
        }
        Signature::from_slice(&message.signature)
            .and_then(|signature| {
                let bytes = signed_bytes(station, &message.secret, &key);
                VerifyingKey::from_bytes(&key.0)?.verify_strict(&bytes, &signature)
            })
            .map_err(|_| malformed("the signature does not hold"))?;
        Ok(Self { station, secret: message.secret, key, software: message.software })
    }
}

/// As `EnrolRequest.signature` in enrolment.proto says.
fn signed_bytes(station: StationCode, secret: &str, key: &PublicKey) -> Vec<u8> {
    [CONTEXT, station.number().to_le_bytes().as_slice(), secret.as_bytes(), key.as_bytes()].concat()
}

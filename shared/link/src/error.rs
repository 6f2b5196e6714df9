//! Why a certificate, a handshake, an enrolment or a link fails.

use std::io;

use rustls::{AlertDescription, CertificateError};
use sanji_log::StationCode;

use crate::connect::CONNECT;
use crate::enrolment::Refusal;

/// The crate's error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate or a key could not be made or read.
    #[error("can't {operation}")]
    Issue {
        /// What was tried.
        operation: &'static str,
        /// The library's reason.
        source: rcgen::Error,
    },
    /// The station's signing key can't be encoded for TLS.
    #[error("can't encode the signing key")]
    Key {
        /// The encoder's reason.
        source: ed25519_dalek::pkcs8::Error,
    },
    /// A certificate is not one that this district gives.
    #[error("the certificate is refused: it {problem}")]
    Certificate {
        /// Completes the sentence "the certificate …".
        problem: &'static str,
    },
    /// TLS can't be set up with this identity.
    #[error("can't {operation}")]
    Tls {
        /// What was tried.
        operation: &'static str,
        /// The library's reason.
        source: rustls::Error,
    },
    /// The network failed, or the peer broke the handshake off.
    #[error("can't {operation}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The peer did not answer in time.
    #[error("no answer in time: {operation}")]
    Timeout {
        /// What was tried.
        operation: &'static str,
    },
    /// HTTP/2 failed.
    #[error("can't {operation}")]
    Transport {
        /// What was tried.
        operation: &'static str,
        /// The library's reason.
        source: tonic::transport::Error,
    },
    /// The peer ended the call.
    #[error("the peer ended the call")]
    Status {
        /// Its status.
        #[source]
        source: Box<tonic::Status>,
    },
    /// The text is not a one-time code.
    #[error("not an enrolment code: {problem}")]
    EnrolmentCode {
        /// What is wrong with it, in English.
        problem: &'static str,
    },
    /// Who answers is not the hub that the one-time code speaks of. The secret was not sent.
    #[error("the enrolment port belongs to another district than the code")]
    WrongAuthority,
    /// The hub refused the enrolment.
    #[error("the hub refuses the enrolment")]
    EnrolmentRefused {
        /// Its reason.
        #[source]
        source: Refusal,
    },
    /// A file of an enrolment without a line is not what it should be.
    #[error("the file {problem}")]
    EnrolmentFile {
        /// Completes the sentence "the file …".
        problem: String,
    },
    /// The peer answered with something that can't be right.
    #[error("the peer's answer is not usable: {problem}")]
    Answer {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A message of the peer is malformed.
    #[error("the peer's message is malformed")]
    Message {
        /// Which field, and why.
        source: sanji_replication::Error,
    },
    /// A run that the hub gave is not one.
    #[error("a log in the peer's answer is malformed")]
    Run {
        /// Which field, and why.
        source: sanji_log::Error,
    },
    /// This station failed, for example its disk.
    #[error("can't {operation}")]
    Host {
        /// What was tried.
        operation: &'static str,
        /// The station's reason.
        source: crate::HostError,
    },
    /// A file is not a bundle that this station can take or write.
    #[error("the bundle {problem}")]
    Bundle {
        /// What people have to do about it.
        flaw: Flaw,
        /// Completes the sentence "the bundle …".
        problem: String,
    },
    /// A bundle was carried to the wrong station.
    #[error("the bundle is for {receiver}, not for this station")]
    BundleForAnother {
        /// The station that it is for.
        receiver: StationCode,
    },
    /// A bundle was written by a station that must not any more. Nothing of it was taken.
    #[error("the bundle comes from {sender}, whose key was revoked")]
    BundleRevoked {
        /// The station.
        sender: StationCode,
    },
    /// age can't encrypt.
    #[error("can't encrypt the bundle")]
    Encrypt {
        /// Its reason.
        source: age::EncryptError,
    },
    /// The link was closed for a reason that the peer or this station gave.
    #[error("the link was closed: {reason}")]
    Closed {
        /// The reason given.
        reason: String,
    },
}

/// Why a file can't be taken as a bundle, as far as it makes a difference to whoever carried it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It is another file, or its very beginning is damaged.
    NoBundle,
    /// It is damaged or was cut off: copy it again.
    Damaged,
    /// A later release wrote it: update this station.
    Later,
    /// It is for a former life of this station: have it written again.
    OtherKey,
    /// Anything else.
    Other,
}

/// Why the other side does not take this station's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distrust {
    /// The district has revoked it.
    Revoked,
    /// It has expired, or one of the two clocks is wrong.
    Expired,
}

/// Why an enrolment over a line did not come as far as the hub's decision, as far as it makes a difference to whoever
/// tries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Nobody answers at the address, or the name is unknown.
    Unreachable,
    /// Who answers there is no hub's enrolment.
    NoHub,
    /// The hub is of the code's district, but the station that was named is not.
    OtherDistrict,
    /// By this machine's clock the hub's certificate is not valid.
    Clock,
    /// The connection broke off, or the answer did not come in time.
    BrokeOff,
}

/// What the functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Whether the other side has refused this station's certificate, and why.
    pub(crate) fn distrust(&self) -> Option<Distrust> {
        let Self::Io { source, .. } = self else { return None };
        match source.get_ref()?.downcast_ref()? {
            rustls::Error::AlertReceived(AlertDescription::CertificateRevoked) => Some(Distrust::Revoked),
            rustls::Error::AlertReceived(AlertDescription::CertificateExpired) => Some(Distrust::Expired),
            _ => None,
        }
    }

    /// What stood between a new station and the hub; none where the hub, or what it said, is the reason.
    #[must_use]
    pub fn obstacle(&self) -> Option<Obstacle> {
        match self {
            Self::Io { operation, .. } | Self::Timeout { operation } if *operation == CONNECT => {
                Some(Obstacle::Unreachable)
            }
            Self::Io { source, .. } => Some(match source.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(rustls::Error::InvalidCertificate(
                    CertificateError::Expired
                    | CertificateError::ExpiredContext { .. }
                    | CertificateError::NotValidYet
                    | CertificateError::NotValidYetContext { .. },
                )) => Obstacle::Clock,
                Some(rustls::Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                )) => Obstacle::OtherDistrict,
                Some(_) => Obstacle::NoHub,
                // It hangs up on a handshake, and a hub does not.
                None if source.kind() == io::ErrorKind::UnexpectedEof => Obstacle::NoHub,
                None => Obstacle::BrokeOff,
            }),
            Self::Timeout { .. } | Self::Transport { .. } => Some(Obstacle::BrokeOff),
            Self::Status { source } if source.code() == tonic::Code::Unimplemented => Some(Obstacle::NoHub),
            _ => None,
        }
    }

    /// [`Error::Bundle`] of one kind.
    pub(crate) fn flawed(flaw: Flaw, problem: &str) -> Self {
        Self::Bundle { flaw, problem: problem.to_owned() }
    }

    /// [`Error::Bundle`].
    pub(crate) fn bundle(problem: &str) -> Self {
        Self::flawed(Flaw::Other, problem)
    }
}

impl From<tonic::Status> for Error {
    fn from(status: tonic::Status) -> Self {
        Self::Status { source: Box::new(status) }
    }
}

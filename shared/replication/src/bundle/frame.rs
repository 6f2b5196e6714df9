//! Frames of a bundle in their checked form.

use sanji_log::{PublicKey, StationCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::bundle_frame::Frame as Wire;

use crate::attachment::AttachmentMessage;
use crate::{Error, Message, field};

/// The version of the format that this release writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

const CERTIFICATE_MAX_BYTES: usize = 8192;
/// A host's name has at most 253 bytes, a port five digits.
const UPSTREAM_MAX_BYTES: usize = 260;

/// A frame; see bundle.proto.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The first.
    Head(Head),
    /// As on the link.
    Link(Message),
    /// As on the link's stream for attachments.
    Attachment(AttachmentMessage),
    /// The hub's answer to a station that asked by file to be enrolled; right after the head.
    Enrolment(Enrolment),
    /// The last.
    End {
        /// Frames before it.
        frames: u64,
    },
    /// Of a later release; to be passed over.
    Unknown,
}

/// Who wrote the bundle, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Version of the format.
    pub format: u32,
    /// The sender's certificate, X.509 in DER; not checked here.
    pub certificate: Vec<u8>,
    /// The receiver.
    pub receiver: StationCode,
    /// The receiver's signing key, to which the file is encrypted.
    pub receiver_key: PublicKey,
    /// The sender's clock: milliseconds since 1970-01-01 UTC.
    pub created_ms: u64,
}

/// What makes a station one of the district. The certificates are not checked here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The new station's certificate, X.509 in DER.
    pub certificate: Vec<u8>,
    /// The district's authority, X.509 in DER.
    pub authority: Vec<u8>,
    /// Where the station links to, "host:port"; none: it has no line.
    pub upstream: Option<String>,
}

impl From<Frame> for proto::BundleFrame {
    fn from(frame: Frame) -> Self {
        let frame = match frame {
            Frame::Head(head) => Some(Wire::Head(proto::BundleHead {
                version: head.format,
                certificate: head.certificate,
                receiver: head.receiver.number(),
                receiver_key: head.receiver_key.0.to_vec(),
                created_ms: head.created_ms,
            })),
            Frame::Link(message) => Some(Wire::Link(message.into())),
            Frame::Attachment(message) => Some(Wire::Attachment(message.into())),
            Frame::Enrolment(enrolment) => Some(Wire::Enrolment(proto::BundleEnrolment {
                certificate: enrolment.certificate,
                authority: enrolment.authority,
                upstream: enrolment.upstream.unwrap_or_default(),
            })),
            Frame::End { frames } => Some(Wire::End(proto::BundleEnd { frames })),
            Frame::Unknown => None,
        };
        Self { frame }
    }
}

impl TryFrom<proto::BundleFrame> for Frame {
    type Error = Error;

    fn try_from(frame: proto::BundleFrame) -> Result<Self, Error> {
        let known = match frame.frame {
            Some(Wire::Head(head)) => Ok(Self::Head(head.try_into()?)),
            Some(Wire::Link(message)) => message.try_into().map(Self::Link),
            Some(Wire::Attachment(message)) => message.try_into().map(Self::Attachment),
            Some(Wire::Enrolment(enrolment)) => enrolment.try_into().map(Self::Enrolment),
            Some(Wire::End(end)) => Ok(Self::End { frames: end.frames }),
            None => Ok(Self::Unknown),
        };
        match known {
            Err(Error::Empty) => Ok(Self::Unknown),
            known => known,
        }
    }
}

impl TryFrom<proto::BundleHead> for Head {
    type Error = Error;

    fn try_from(head: proto::BundleHead) -> Result<Self, Error> {
        let wrong = |source| Error::Log { message: "BundleHead", source };
        if head.version == 0 {
            return Err(field("BundleHead", "version", "is missing"));
        }
        Ok(Self {
            format: head.version,
            certificate: certificate("BundleHead", "certificate", head.certificate)?,
            receiver: StationCode::from_number(head.receiver).map_err(wrong)?,
            receiver_key: PublicKey::try_from(head.receiver_key.as_slice()).map_err(wrong)?,
            created_ms: head.created_ms,
        })
    }
}

impl TryFrom<proto::BundleEnrolment> for Enrolment {
    type Error = Error;

    fn try_from(enrolment: proto::BundleEnrolment) -> Result<Self, Error> {
        if enrolment.upstream.len() > UPSTREAM_MAX_BYTES {
            return Err(field("BundleEnrolment", "upstream", "is too long"));
        }
        Ok(Self {
            certificate: certificate("BundleEnrolment", "certificate", enrolment.certificate)?,
            authority: certificate("BundleEnrolment", "authority", enrolment.authority)?,
            upstream: Some(enrolment.upstream).filter(|upstream| !upstream.is_empty()),
        })
    }
}

fn certificate(message: &'static str, name: &'static str, der: Vec<u8>) -> Result<Vec<u8>, Error> {
    if der.is_empty() || der.len() > CERTIFICATE_MAX_BYTES {
        return Err(field(message, name, "is missing or too long"));
    }
    Ok(der)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn frames_come_back_as_they_went_and_later_ones_are_passed_over() {
        let head = Frame::Head(Head {
            format: FORMAT,
            certificate: vec![1; 300],
            receiver: "990106101203".parse().unwrap(),
            receiver_key: PublicKey([7; 32]),
            created_ms: 1_780_000_000_000,
        });
        let enrolment = |upstream| Enrolment { certificate: vec![2; 9], authority: vec![3; 9], upstream };
        for frame in [
            head,
            Frame::Enrolment(enrolment(Some("town.example:7100".to_owned()))),
            Frame::Enrolment(enrolment(None)),
            Frame::Link(Message::Ping { clock_ms: 5 }),
            Frame::End { frames: 9 },
            Frame::Unknown,
        ] {
            assert_eq!(Frame::try_from(proto::BundleFrame::from(frame.clone())), Ok(frame));
        }
        let later = proto::BundleFrame { frame: Some(Wire::Link(proto::LinkMessage { message: None })) };
        assert_eq!(Frame::try_from(later), Ok(Frame::Unknown));
        // As a release reads it that is older than the message: link.proto's field 99, of three bytes.
        let newer = proto::BundleFrame::decode(&[0x12, 6, 0x9a, 0x06, 3, 1, 2, 3][..]).unwrap();
        assert_eq!(Frame::try_from(newer), Ok(Frame::Unknown));
    }

    #[test]
    fn a_head_without_its_fields_is_refused() {
        let good = proto::BundleHead {
            version: 1,
            certificate: vec![1],
            receiver: 990_106_101_203,
            receiver_key: vec![7; 32],
            created_ms: 1,
        };
        assert!(Head::try_from(good.clone()).is_ok());
        let bad = [
            proto::BundleHead { version: 0, ..good.clone() },
            proto::BundleHead { certificate: Vec::new(), ..good.clone() },
            proto::BundleHead { certificate: vec![1; CERTIFICATE_MAX_BYTES + 1], ..good.clone() },
            proto::BundleHead { receiver: 12, ..good.clone() },
            proto::BundleHead { receiver_key: vec![7; 31], ..good },
        ];
        for head in bad {
            assert!(Head::try_from(head.clone()).is_err(), "{head:?}");
        }
    }
}

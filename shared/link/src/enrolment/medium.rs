//! Enrolment of a station that has no line. Three files go where a call would: the hub's invitation comes with the
//! one-time code, the request goes back, and the hub's answer is the station's first bundle.
//!
//! The request is encrypted to the hub, so whoever finds the stick learns no code. The answer needs no secret: the
//! certificate in it is for the new station's key alone.

use std::io::{Read, Write as _};

use pem::Pem;
use sanji_log::seal::public_key;
use sanji_log::{PublicKey, SigningKey, StationCode};
use sanji_proto::prost::Message as _;
use sanji_proto::v1 as proto;
use sanji_replication::bundle::{Frame, Head};

use super::station::check;
use super::{CheckedEnrolRequest, EnrolReply, EnrolmentCode, Refusal, code, signed_request};
use crate::bundle::cipher::{Address, Kind, decrypt, encrypt};
use crate::bundle::frames::FrameReader;
use crate::certificate::check_certificate;
use crate::{Error, Result};

/// A request has a few hundred bytes, encrypted under a thousand.
const REQUEST_MAX_BYTES: u64 = 8192;
/// Label of a certificate in PEM (RFC 7468).
const CERTIFICATE: &str = "CERTIFICATE";

/// What a new station must know of the hub before it can write to it. Public, and proved by the one-time code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The hub's certificate, X.509 in DER.
    pub hub_certificate: Vec<u8>,
    /// The district's authority, X.509 in DER.
    pub authority: Vec<u8>,
}

impl Invitation {
    /// The file that goes with the code: both certificates in PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let certificates = [&self.hub_certificate, &self.authority];
        pem::encode_many(&certificates.map(|der| Pem::new(CERTIFICATE, der.as_slice())))
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::EnrolmentFile`].
    pub fn from_pem(text: &str) -> Result<Self> {
        let unreadable = || Error::EnrolmentFile { problem: "is no invitation".to_owned() };
        let mut certificates = pem::parse_many(text).map_err(|_| unreadable())?.into_iter();
        let mut next = || certificates.next().filter(|pem| pem.tag() == CERTIFICATE).map(Pem::into_contents);
        match (next(), next(), next()) {
            (Some(hub_certificate), Some(authority), None) => Ok(Self { hub_certificate, authority }),
            _ => Err(unreadable()),
        }
    }

    /// The hub's signing key, once the invitation is known to be that of the code's district.
    ///
    /// # Errors
    /// [`Error::WrongAuthority`], [`Error::Certificate`], [`Error::EnrolmentFile`].
    pub fn hub_key(&self, station: StationCode, code: &EnrolmentCode) -> Result<PublicKey> {
        if code::fingerprint(&self.authority) != code.fingerprint {
            return Err(Error::WrongAuthority);
        }
        let hub = check_certificate(&self.hub_certificate, &self.authority, None)?;
        if hub.station != station.district() {
            return Err(Error::EnrolmentFile { problem: "invites to another district than the station's".to_owned() });
        }
        Ok(hub.key)
    }
}

/// The file with which a new station asks to be enrolled. `key` is its new signing key, whose private half signs
/// and goes nowhere.
///
/// # Errors
/// As for [`Invitation::hub_key`].
pub fn write_request(
    invitation: &Invitation,
    station: StationCode,
    code: &EnrolmentCode,
    key: &SigningKey,
    software: &str,
) -> Result<Vec<u8>> {
    let hub_key = invitation.hub_key(station, code)?;
    let address = Address { kind: Kind::Enrolment, sender: station, receiver: station.district() };
    let request = signed_request(station, code, key, software).encode_to_vec();
    let write = |source| Error::Io { operation: "write the request", source };
    let mut output = encrypt(Vec::new(), address, hub_key)?;
    output.write_all(&request).map_err(write)?;
    output.finish().map_err(write)
}

/// Reads a request at the hub. That the code is right is still to be asked.
///
/// # Errors
/// [`Error::Bundle`] and [`Error::BundleForAnother`] where the file is not a request to this hub;
/// [`Error::EnrolmentRefused`] where it is malformed.
pub fn read_request(input: impl Read, hub: StationCode, key: &SigningKey) -> Result<CheckedEnrolRequest> {
    let mut bytes = Vec::new();
    decrypt(input, Kind::Enrolment, hub, key)?
        .take(REQUEST_MAX_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|_| Error::EnrolmentFile { problem: "is damaged or was cut off".to_owned() })?;
    let request = proto::EnrolRequest::decode(bytes.as_slice())
        .map_err(|_| Refusal::Malformed { problem: "it can't be decoded".to_owned() });
    request.and_then(CheckedEnrolRequest::try_from).map_err(|source| Error::EnrolmentRefused { source })
}

/// Reads the hub's answer, all of it: nothing is believed of a file that is damaged further on. `authority` is that
/// of the invitation, X.509 in DER, whose fingerprint was compared with the code's. What else is in the answer is
/// read as any other bundle once there is a station to read it.
///
/// # Errors
/// [`Error::EnrolmentFile`] where the file is a bundle and no answer, [`Error::BundleForAnother`] where it answers
/// another station or an earlier request; [`Error::Bundle`], [`Error::Certificate`], [`Error::Answer`],
/// [`Error::Io`].
pub fn read_answer(input: impl Read, station: StationCode, authority: &[u8], key: &SigningKey) -> Result<EnrolReply> {
    let input = decrypt(input, Kind::Bundle, station, key)?;
    let mut sender = None;
    let mut frames = FrameReader::open(input, |head| {
        let hub = hub_of(head, station, authority, key)?;
        sender = Some((head.certificate.clone(), hub));
        Ok(hub)
    })?;
    let no_answer = || Error::EnrolmentFile { problem: "is no answer to a request for enrolment".to_owned() };
    let (hub_certificate, hub_key) = sender.ok_or_else(no_answer)?;
    let Some(Frame::Enrolment(enrolment)) = frames.next()? else { return Err(no_answer()) };
    while frames.next()?.is_some() {}
    let reply = proto::EnrolReply {
        certificate: enrolment.certificate,
        authority: enrolment.authority,
        hub_key: hub_key.0.to_vec(),
        district: station.district().number(),
        upstream: enrolment.upstream.unwrap_or_default(),
        detour: String::new(),
        runs: Vec::new(),
    };
    check(reply, &hub_certificate, station, &code::fingerprint(authority), public_key(key))
}

/// Who says that he wrote the answer: it must be the district's hub.
fn hub_of(head: &Head, station: StationCode, authority: &[u8], key: &SigningKey) -> Result<PublicKey> {
    if head.receiver != station || head.receiver_key != public_key(key) {
        return Err(Error::BundleForAnother { receiver: head.receiver });
    }
    let sender = check_certificate(&head.certificate, authority, None)?;
    if sender.station != station.district() {
        return Err(Error::EnrolmentFile { problem: "was not written by the district's hub".to_owned() });
    }
    Ok(sender.key)
}

//! What a station's certificate says, and whether the district's authority says it.

use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error as TlsError};
use sanji_log::{PublicKey, StationCode};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::OID_SIG_ED25519;
use x509_parser::prelude::{FromDer, GeneralName};

use crate::{Error, Result, tls};

/// What a certificate says, after the authority's signature was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certified {
    /// The station.
    pub station: StationCode,
    /// Its signing key, which is also the certificate's.
    pub key: PublicKey,
    /// Valid from then on: milliseconds since 1970-01-01 UTC.
    pub not_before_ms: u64,
    /// Valid until then: milliseconds since 1970-01-01 UTC.
    pub not_after_ms: u64,
}

/// The name that a station's certificate carries. `.invalid` (RFC 6761) resolves nowhere: stations are dialed
/// by their configured address and recognised by their code.
#[must_use]
pub fn server_name(station: StationCode) -> String {
    format!("{station}.sanji.invalid")
}

/// Reads a certificate and checks the authority's signature, the names and the key. `now_ms` (milliseconds
/// since 1970-01-01 UTC) is checked against the validity; none ignores it.
///
/// # Errors
/// [`Error::Certificate`] says what is wrong.
pub fn check_certificate(der: &[u8], authority_der: &[u8], now_ms: Option<u64>) -> Result<Certified> {
    let authority = parse(authority_der)?;
    if !authority.is_ca() {
        return refuse("was signed by a certificate that is no authority");
    }
    let certificate = parse(der)?;
    let not_before_ms = millis(certificate.validity().not_before.timestamp());
    let not_after_ms = millis(certificate.validity().not_after.timestamp());
    let judged_at = Duration::from_millis(now_ms.unwrap_or(not_before_ms));
    check_signed(der, authority_der, UnixTime::since_unix_epoch(judged_at))?;
    let station = station(&certificate)?;
    Ok(Certified { station, key: key(&certificate)?, not_before_ms, not_after_ms })
}

/// webpki's judgement: signature, issuer, validity, purpose, and strict DER.
fn check_signed(der: &[u8], authority_der: &[u8], at: UnixTime) -> Result<()> {
    let roots = tls::roots(authority_der)?;
    let algorithms = tls::provider().signature_verification_algorithms;
    ParsedCertificate::try_from(&CertificateDer::from(der))
        .and_then(|parsed| verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], at, algorithms.all))
        .or_else(|error| {
            refuse(match error {
                TlsError::InvalidCertificate(CertificateError::ExpiredContext { .. }) => {
                    "has expired; or is a clock wrong?"
                }
                TlsError::InvalidCertificate(CertificateError::NotValidYetContext { .. }) => {
                    "is not valid yet; is a clock wrong?"
                }
                TlsError::InvalidCertificate(CertificateError::BadEncoding) => "is not X.509 in DER",
                _ => "was not signed by the district's authority",
            })
        })
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => refuse("is not X.509 in DER"),
    }
}

/// The common name is the code; the only alternative name is the server name made of it.
fn station(certificate: &X509Certificate<'_>) -> Result<StationCode> {
    let mut names = certificate.subject().iter_common_name();
    let (Some(name), None) = (names.next(), names.next()) else {
        return refuse("does not have exactly one common name");
    };
    let station: StationCode = name
        .as_str()
        .ok()
        .and_then(|name| name.parse().ok())
        .ok_or(Error::Certificate { problem: "does not name a station" })?;
    match certificate.subject_alternative_name() {
        Ok(Some(names)) => match names.value.general_names.as_slice() {
            [GeneralName::DNSName(name)] if *name == server_name(station) => Ok(station),
            _ => refuse("has another alternative name than its station's"),
        },
        _ => refuse("has no alternative name"),
    }
}

fn key(certificate: &X509Certificate<'_>) -> Result<PublicKey> {
    let info = certificate.public_key();
    if info.algorithm.algorithm != OID_SIG_ED25519 {
        return refuse("has a key that is not Ed25519");
    }
    PublicKey::try_from(info.subject_public_key.data.as_ref())
        .map_err(|_| Error::Certificate { problem: "has a key of a wrong length" })
}

fn millis(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1000)
}

fn refuse<T>(problem: &'static str) -> Result<T> {
    Err(Error::Certificate { problem })
}

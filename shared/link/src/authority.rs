//! The district's certificate authority, kept at the hub.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, PublicKeyData, SerialNumber, SignatureAlgorithm,
};
use rustls::pki_types::CertificateDer;
use sanji_log::{PublicKey, StationCode};
use zeroize::Zeroizing;

use crate::certificate::server_name;
use crate::enrolment::code::fingerprint;
use crate::{Error, Result};

/// For how long a station's certificate is valid unless the hub says otherwise. The renewal travels as an
/// entry, so it must reach a station that was shut for a season.
pub const VALID_DAYS: u32 = 398;
/// For how long the authority itself is valid.
const AUTHORITY_VALID_DAYS: u32 = 20 * 366;
/// The authority is valid from a day before it is made: clocks in villages are wrong.
const BACKDATE_MS: u64 = DAY_MS;
const DAY_MS: u64 = 86_400_000;
/// 2200-01-01 UTC: a clock beyond is broken, and would make dates that X.509 can't hold.
const LATEST_MS: u64 = 7_258_118_400_000;
const OUT_OF_TIME: Error = Error::Certificate { problem: "would not lie between 1970 and 2200; is a clock wrong?" };

/// The authority: its certificate and its private key.
pub struct Authority {
    certificate_der: Vec<u8>,
    /// Since when it is valid: milliseconds since 1970-01-01 UTC.
    since_ms: u64,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new authority for a district. `now_ms`: milliseconds since 1970-01-01 UTC. Also gives the private
    /// key (PKCS #8, PEM), which the hub must keep secret and safe: without it no station can be enrolled.
    ///
    /// # Errors
    /// [`Error::Issue`] where randomness or the encoder fails; [`Error::Certificate`] for an impossible time.
    pub fn generate(district: StationCode, now_ms: u64) -> Result<(Self, Zeroizing<String>)> {
        let issue = |source| Error::Issue { operation: "make the district's authority", source };
        let key = KeyPair::generate_for(&PKCS_ED25519).map_err(issue)?;
        let since_ms = a_day_before(now_ms)?;
        let mut params = params(format!("Sanji {district}"), since_ms, until(now_ms, AUTHORITY_VALID_DAYS)?)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate_der = params.self_signed(&key).map_err(issue)?.der().to_vec();
        let pem = Zeroizing::new(key.serialize_pem());
        Ok((Self { certificate_der, since_ms, issuer: Issuer::new(params, key) }, pem))
    }

    /// Takes up an authority that [`Authority::generate`] made.
    ///
    /// # Errors
    /// [`Error::Issue`] where certificate or key can't be read; [`Error::Certificate`] where they don't belong
    /// together.
    pub fn load(certificate_der: &[u8], private_key_pem: &str) -> Result<Self> {
        let key = KeyPair::from_pem(private_key_pem)
            .map_err(|source| Error::Issue { operation: "read the authority's private key", source })?;
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate_der)
            .map_err(|_| Error::Certificate { problem: "is not X.509 in DER" })?;
        if parsed.public_key().subject_public_key.data != key.public_key_raw() {
            return Err(Error::Certificate { problem: "does not belong to the authority's private key" });
        }
        let since = u64::try_from(parsed.validity().not_before.timestamp()).unwrap_or(0);
        let issuer = Issuer::from_ca_cert_der(&CertificateDer::from(certificate_der), key)
            .map_err(|source| Error::Issue { operation: "read the authority's certificate", source })?;
        Ok(Self { certificate_der: certificate_der.to_vec(), since_ms: since.saturating_mul(1000), issuer })
    }

    /// The authority's own certificate, X.509 in DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// Certifies that a signing key is a station's, until `valid_days` after `now_ms` (milliseconds since 1970-01-01
    /// UTC). The private half stays where it is. X.509 in DER.
    ///
    /// It is valid for as long as the authority itself has been, whenever it is issued: a hub whose clock was ahead for a
    /// while, or a station whose clock is behind, would else have a certificate that is not valid yet, and no link.
    ///
    /// # Errors
    /// [`Error::Issue`] or, for an impossible time, [`Error::Certificate`].
    pub fn issue(&self, station: StationCode, key: PublicKey, now_ms: u64, valid_days: u32) -> Result<Vec<u8>> {
        let issue = |source| Error::Issue { operation: "issue a certificate", source };
        // Where the clock was ahead when the authority was made, a day before the issue is earlier.
        let from_ms = self.since_ms.min(a_day_before(now_ms)?);
        let mut params = params(station.to_string(), from_ms, until(now_ms, valid_days)?)?;
        params.subject_alt_names = CertificateParams::new(vec![server_name(station)]).map_err(issue)?.subject_alt_names;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        Ok(params.signed_by(&StationKey(key), &self.issuer).map_err(issue)?.der().to_vec())
    }

    /// What one-time codes carry of the authority: 15 characters, see [`crate::EnrolmentCode`].
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.certificate_der)
    }
}

fn a_day_before(now_ms: u64) -> Result<u64> {
    now_ms.checked_sub(BACKDATE_MS).ok_or(OUT_OF_TIME)
}

fn until(now_ms: u64, valid_days: u32) -> Result<u64> {
    let until_ms = now_ms.saturating_add(u64::from(valid_days) * DAY_MS);
    if until_ms > LATEST_MS { Err(OUT_OF_TIME) } else { Ok(until_ms) }
}

fn params(common_name: String, from_ms: u64, until_ms: u64) -> Result<CertificateParams> {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let mut params = CertificateParams::default();
    params.not_before = epoch + std::time::Duration::from_millis(from_ms);
    params.not_after = epoch + std::time::Duration::from_millis(until_ms);
    params.serial_number = Some(serial()?);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}

/// 16 random bytes, positive (RFC 5280, 4.1.2.2): two certificates over the same key stay apart.
fn serial() -> Result<SerialNumber> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|source| Error::Io { operation: "draw a serial number", source: source.into() })?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

/// A station's public key as the certificate's subject.
struct StationKey(PublicKey);

impl PublicKeyData for StationKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

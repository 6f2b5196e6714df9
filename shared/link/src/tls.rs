//! TLS 1.3 between stations: who may shake hands with whom.
//!
//! webpki checks chain, validity, purpose and signatures; on top of it a peer must be a station of this
//! district whose key is not revoked, and stand below (for who accepts) or above (for who dials). Sessions
//! are never resumed, since a resumed one would skip these checks.

use std::sync::Arc;

use ed25519_dalek::pkcs8::EncodePrivateKey;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error as TlsError, RootCertStore,
    ServerConfig, SignatureScheme,
};
use sanji_log::{SigningKey, StationCode};

use crate::certificate::{Certified, check_certificate};
use crate::enrolment::code::fingerprint;
use crate::trust::{Identity, Keys};
use crate::{Error, Result};

/// HTTP/2, all that gRPC speaks.
const PROTOCOL: &[u8] = b"h2";

/// For the port on which children are served.
pub(crate) fn accept_config(identity: &Identity, me: StationCode, keys: &Arc<Keys>) -> Result<Arc<ServerConfig>> {
    let webpki = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(&identity.authority_der)?), provider())
        .build()
        .map_err(|error| Error::Tls {
            operation: "set up the check of certificates",
            source: TlsError::General(error.to_string()),
        })?;
    let authority_der = identity.authority_der.clone();
    let verifier = ChildVerifier { webpki, me, authority_der, keys: keys.clone() };
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(setup)?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(vec![certificate(&identity.certificate_der)], private_key(&identity.signing_key)?)
        .map_err(setup)?;
    Ok(Arc::new(without_sessions(config)))
}

/// For the hub's enrolment port: whoever dials has no certificate yet. The authority is sent along, so that the
/// dialing station can compare it with its one-time code.
pub(crate) fn enrolment_config(identity: &Identity) -> Result<Arc<ServerConfig>> {
    let chain = vec![certificate(&identity.certificate_der), certificate(&identity.authority_der)];
    let config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(setup)?
        .with_no_client_auth()
        .with_single_cert(chain, private_key(&identity.signing_key)?)
        .map_err(setup)?;
    Ok(Arc::new(without_sessions(config)))
}

/// For dialing a parent.
pub(crate) fn dial_config(identity: &Identity, me: StationCode, keys: &Arc<Keys>) -> Result<Arc<ClientConfig>> {
    let verifier = ParentVerifier {
        roots: roots(&identity.authority_der)?,
        algorithms: provider().signature_verification_algorithms,
        authority_der: identity.authority_der.clone(),
        me,
        keys: keys.clone(),
    };
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(setup)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(vec![certificate(&identity.certificate_der)], private_key(&identity.signing_key)?)
        .map_err(setup)?;
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

/// For dialing the enrolment port with nothing but the fingerprint of a one-time code.
pub(crate) fn enrol_config(fingerprint: &str) -> Result<Arc<ClientConfig>> {
    let verifier = FingerprintVerifier {
        fingerprint: fingerprint.to_owned(),
        algorithms: provider().signature_verification_algorithms,
    };
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(setup)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(Arc::new(config))
}

fn without_sessions(mut config: ServerConfig) -> ServerConfig {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config
}

/// What signs, encrypts and verifies.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificate(der: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from(der.to_vec())
}

fn private_key(key: &SigningKey) -> Result<PrivateKeyDer<'static>> {
    let der = key.to_pkcs8_der().map_err(|source| Error::Key { source })?;
    Ok(PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der.as_bytes().to_vec())))
}

/// Trust in one authority and nobody else.
pub(crate) fn roots(authority_der: &[u8]) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots
        .add(certificate(authority_der))
        .map_err(|source| Error::Tls { operation: "trust the district's authority", source })?;
    Ok(roots)
}

fn setup(source: TlsError) -> Error {
    Error::Tls { operation: "set up TLS", source }
}

/// What webpki does not know: that the names are a station's.
fn station(der: &[u8], authority_der: &[u8]) -> std::result::Result<Certified, TlsError> {
    Ok(check_certificate(der, authority_der, None).map_err(|_| CertificateError::BadEncoding)?)
}

fn is_expired(error: &TlsError) -> bool {
    let TlsError::InvalidCertificate(problem) = error else { return false };
    matches!(problem, CertificateError::Expired | CertificateError::ExpiredContext { .. })
}

/// Accepts stations below this one.
#[derive(Debug)]
struct ChildVerifier {
    webpki: Arc<dyn ClientCertVerifier>,
    me: StationCode,
    authority_der: Vec<u8>,
    keys: Arc<Keys>,
}

impl ClientCertVerifier for ChildVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.webpki.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> std::result::Result<ClientCertVerified, TlsError> {
        let verified = self.webpki.verify_client_cert(end_entity, intermediates, now);
        // All but validity is checked again, since webpki looks at that first.
        let peer = station(end_entity, &self.authority_der)?;
        let now_ms = now.as_secs().saturating_mul(1000);
        let verified = match verified {
            Err(error) if is_expired(&error) && self.keys.is_certified(&peer.key, now_ms) => {
                ClientCertVerified::assertion()
            }
            verified => verified?,
        };
        // What a revoked station had written it may still hand over.
        if self.keys.is_revoked(&peer.key) && !self.keys.may_deliver(&peer.key) {
            return Err(CertificateError::Revoked.into());
        }
        if peer.station == self.me || !peer.station.within(self.me) {
            return Err(CertificateError::NotValidForName.into());
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        self.webpki.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        self.webpki.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// TLS 1.2 is not offered; should a peer speak it nevertheless, nothing it signs is valid.
fn no_tls12() -> std::result::Result<HandshakeSignatureValid, TlsError> {
    Err(TlsError::PeerIncompatible(rustls::PeerIncompatible::Tls12NotOffered))
}

/// Accepts any station above this one: which of them answers at the configured address is the address's
/// business (a village may link straight to the hub), so the name dialed is not compared.
#[derive(Debug)]
struct ParentVerifier {
    roots: RootCertStore,
    algorithms: WebPkiSupportedAlgorithms,
    authority_der: Vec<u8>,
    me: StationCode,
    keys: Arc<Keys>,
}

impl ServerCertVerifier for ParentVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, TlsError> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, intermediates, now, self.algorithms.all)?;
        let peer = station(end_entity, &self.authority_der)?;
        if self.keys.is_revoked(&peer.key) {
            return Err(CertificateError::Revoked.into());
        }
        if peer.station == self.me || !self.me.within(peer.station) {
            return Err(CertificateError::NotValidForName.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Accepts the district whose authority has the fingerprint.
#[derive(Debug)]
struct FingerprintVerifier {
    fingerprint: String,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for FingerprintVerifier {
    /// # Errors
    /// [`CertificateError::ApplicationVerificationFailure`] where, and only where, the authority is another.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, TlsError> {
        let Some(authority) = intermediates.iter().find(|authority| fingerprint(authority) == self.fingerprint) else {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        };
        let roots = roots(authority).map_err(|_| CertificateError::BadEncoding)?;
        let parsed = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], now, self.algorithms.all)?;
        rustls::client::verify_server_name(&parsed, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

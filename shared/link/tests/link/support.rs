//! A district to test with: an authority and stations with certificates.

use std::time::{Duration, SystemTime};

use sanji_link::{Authority, Identity};
use sanji_log::seal::public_key;
use sanji_log::{PublicKey, SigningKey, StationCode};

pub(crate) const HUB: &str = "990106000000";
pub(crate) const TOWNSHIP: &str = "990106101000";
pub(crate) const VILLAGE: &str = "990106101203";
pub(crate) const DAY_MS: u64 = 86_400_000;

pub(crate) fn code(text: &str) -> StationCode {
    text.parse().unwrap()
}

pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64
}

/// A key that is the same in every run.
pub(crate) fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(crate) fn key(seed: u8) -> PublicKey {
    public_key(&signing_key(seed))
}

pub(crate) fn authority() -> Authority {
    Authority::generate(code(HUB), now_ms()).unwrap().0
}

pub(crate) fn identity(authority: &Authority, station: &str, seed: u8) -> Identity {
    identity_at(authority, station, seed, now_ms(), 30)
}

/// An identity with a certificate that was issued at another time.
pub(crate) fn identity_at(authority: &Authority, station: &str, seed: u8, issued_ms: u64, valid_days: u32) -> Identity {
    Identity {
        certificate_der: authority.issue(code(station), key(seed), issued_ms, valid_days).unwrap(),
        authority_der: authority.certificate_der().to_vec(),
        signing_key: signing_key(seed),
    }
}

/// Fails the test instead of hanging it.
pub(crate) async fn within<T>(seconds: u64, what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(seconds), future).await {
        Ok(value) => value,
        Err(_) => panic!("took longer than {seconds} s: {what}"),
    }
}

//! Who this station is and whom it believes, changeable while links are open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::{ClientConfig, ServerConfig};
use sanji_log::seal::public_key;
use sanji_log::{PublicKey, SigningKey, StationCode};
use tokio::sync::watch;

use crate::certificate::{Certified, check_certificate};
use crate::{Error, Result, tls};

/// What a station shows its peers.
#[derive(Clone)]
pub struct Identity {
    /// The station's certificate, X.509 in DER.
    pub certificate_der: Vec<u8>,
    /// The district's authority, X.509 in DER.
    pub authority_der: Vec<u8>,
    /// The private half of the certificate's key.
    pub signing_key: SigningKey,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("key", &public_key(&self.signing_key)).finish_non_exhaustive()
    }
}

/// The identity and the revoked keys of a running station. A renewed certificate serves from the next handshake
/// on; a revoked key is refused from the next handshake on, and its open connections are cut at once.
#[derive(Debug)]
pub struct Trust {
    current: watch::Sender<Arc<Current>>,
    keys: Arc<Keys>,
}

/// What follows from one identity.
#[derive(Debug)]
struct Current {
    me: Certified,
    authority_der: Vec<u8>,
    accept: Arc<ServerConfig>,
    dial: Arc<ClientConfig>,
    enrolment: Arc<ServerConfig>,
}

impl Trust {
    /// Begins with nothing revoked.
    ///
    /// # Errors
    /// [`Error::Certificate`] where certificate, authority and key don't belong together (validity is for the
    /// peers to judge: this station's clock may be wrong); [`Error::Tls`], [`Error::Key`].
    pub fn new(identity: &Identity) -> Result<Self> {
        let keys = Arc::new(Keys::default());
        let current = Current::new(identity, &keys)?;
        Ok(Self { current: watch::Sender::new(Arc::new(current)), keys })
    }

    /// Replaces the certificate, for example after a renewal.
    ///
    /// # Errors
    /// As for [`Trust::new`]; then the old one stays.
    pub fn set_identity(&self, identity: &Identity) -> Result<()> {
        let current = Current::new(identity, &self.keys)?;
        self.current.send_replace(Arc::new(current));
        Ok(())
    }

    /// Believes a key no longer. There is no way back: a station comes back with a new key.
    pub fn revoke(&self, key: PublicKey) {
        self.keys.revoked.send_if_modified(|keys| keys.insert(key));
    }

    /// A revoked key may still hand over what its station had written: its links are accepted for that, and for nothing
    /// else.
    pub fn let_deliver(&self, key: PublicKey) {
        self.keys.delivering().insert(key);
    }

    /// The district has certified a key until then, in milliseconds since 1970-01-01 UTC. A station that was away while
    /// its certificate was renewed shows the expired one: it is let in, and fetches the new one over that very link.
    pub fn certified(&self, key: PublicKey, until_ms: u64) {
        self.keys.certified().insert(key, until_ms);
    }

    /// Whether a key is revoked and may deliver.
    pub(crate) fn delivers(&self, key: &PublicKey) -> bool {
        self.is_revoked(key) && self.keys.may_deliver(key)
    }

    /// Whether a key was revoked.
    #[must_use]
    pub fn is_revoked(&self, key: &PublicKey) -> bool {
        self.keys.is_revoked(key)
    }

    /// What this station's own certificate says.
    #[must_use]
    pub fn me(&self) -> Certified {
        self.current.borrow().me
    }

    /// The station itself.
    #[must_use]
    pub fn station(&self) -> StationCode {
        self.me().station
    }

    /// The district's authority, X.509 in DER.
    #[must_use]
    pub fn authority_der(&self) -> Vec<u8> {
        self.current.borrow().authority_der.clone()
    }

    /// Reads the certificate that a peer showed.
    pub(crate) fn check(&self, der: &[u8]) -> Result<Certified> {
        let peer = check_certificate(der, &self.current.borrow().authority_der, None)?;
        if self.is_revoked(&peer.key) && !self.delivers(&peer.key) {
            return Err(Error::Certificate { problem: "was revoked" });
        }
        Ok(peer)
    }

    /// Completes when the key is revoked.
    pub(crate) fn revocation_of(&self, key: PublicKey) -> impl Future<Output = ()> + Send + 'static {
        let mut keys = self.keys.revoked.subscribe();
        async move {
            if keys.wait_for(|keys| keys.contains(&key)).await.is_err() {
                // The station is gone, and nobody is left who could revoke.
                std::future::pending::<()>().await;
            }
        }
    }

    pub(crate) fn accept_config(&self) -> Arc<ServerConfig> {
        self.current.borrow().accept.clone()
    }

    pub(crate) fn dial_config(&self) -> Arc<ClientConfig> {
        self.current.borrow().dial.clone()
    }

    pub(crate) fn enrolment_config(&self) -> Arc<ServerConfig> {
        self.current.borrow().enrolment.clone()
    }
}

impl Current {
    fn new(identity: &Identity, keys: &Arc<Keys>) -> Result<Self> {
        let me = check_certificate(&identity.certificate_der, &identity.authority_der, None)?;
        if me.key != public_key(&identity.signing_key) {
            return Err(Error::Certificate { problem: "is not for this station's signing key" });
        }
        Ok(Self {
            me,
            authority_der: identity.authority_der.clone(),
            accept: tls::accept_config(identity, me.station, keys)?,
            dial: tls::dial_config(identity, me.station, keys)?,
            enrolment: tls::enrolment_config(identity)?,
        })
    }
}

/// What the district says of keys beside their certificates.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// No longer believed.
    revoked: watch::Sender<BTreeSet<PublicKey>>,
    /// Of these, who may deliver what it had written.
    delivering: Mutex<BTreeSet<PublicKey>>,
    /// Until when the newest certificate of a key is valid: milliseconds since 1970-01-01 UTC.
    certified: Mutex<BTreeMap<PublicKey, u64>>,
}

impl Keys {
    pub(crate) fn is_revoked(&self, key: &PublicKey) -> bool {
        self.revoked.borrow().contains(key)
    }

    /// Whether a key has a certificate that is valid at a time, whichever its station shows.
    pub(crate) fn is_certified(&self, key: &PublicKey, now_ms: u64) -> bool {
        self.certified().get(key).is_some_and(|until_ms| now_ms <= *until_ms)
    }

    /// Whether a key may deliver though it is revoked.
    pub(crate) fn may_deliver(&self, key: &PublicKey) -> bool {
        self.delivering().contains(key)
    }

    fn delivering(&self) -> MutexGuard<'_, BTreeSet<PublicKey>> {
        self.delivering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn certified(&self) -> MutexGuard<'_, BTreeMap<PublicKey, u64>> {
        self.certified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

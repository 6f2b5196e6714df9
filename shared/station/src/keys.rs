//! What makes a station itself, in the data folder's `keys/`:
//!
//! | file | content |
//! | --- | --- |
//! | `signing.key` | Ed25519, 64 hexadecimal digits: one life of the station |
//! | `master.key` | 32 bytes: wraps the keys of cases |
//! | `certificate.der` | over the signing key, by the district's authority; replaced when it is renewed |
//! | `authority.der` | the district's authority |
//! | `station.json` | the station's place in the district |
//! | `authority.key` | hub only, PKCS#8 PEM: the authority's private half |
//! | `keeper.token` | with which the station's own command line calls it |
//! | `enrolling.key` | until it is enrolled: the signing key that it asks with |
//! | `enrolling.code` | until it is enrolled: the hash of the one-time code that `enrolling.key` asks with |
//! | `asking.json` | until it is enrolled: its place, as far as the invitation said |
//!
//! `signing.key` is written last: a folder that has one is a whole station. A station that has asked by file to be
//! enrolled has `enrolling.key`, `authority.der` and `asking.json`, and waits for the answer. Neither the key that it asks
//! with nor the note on its code goes into a backup: what comes of one asks anew.

use sanji_link::Identity;
use sanji_log::{PublicKey, SigningKey, StationCode};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::folder::{self, DataFolder, Error};
use crate::tokens::{Holder, Tokens};
use crate::vault::MasterKey;

/// A station's place in its district, as enrolment or init said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The station.
    pub station: StationCode,
    /// Signing key of the hub that enrolled it.
    #[serde(with = "hexadecimal")]
    pub hub_key: PublicKey,
    /// Where it links to, "host:port", or "none" for a station that enrolled without a line; none for a hub, or
    /// where the hub did not know.
    pub upstream: Option<String>,
    /// Where a village links to while its township is away: the hub, "host:port".
    #[serde(default)]
    pub detour: Option<String>,
}

/// Everything in `keys/` but the authority's private half and the keeper's token.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The station's place.
    pub membership: Membership,
    /// Certificate, authority and signing key.
    pub identity: Identity,
    /// Wraps the keys of cases.
    pub master: MasterKey,
}

impl Keys {
    /// Reads the keys of a station.
    ///
    /// # Errors
    /// [`Error::Vacant`] where there is none; `command` is what makes one. [`Error::Damaged`], [`Error::Io`].
    pub fn read(data: &DataFolder, command: &'static str) -> Result<Self, Error> {
        let Some(signing_key) = read_signing_key(data, SIGNING)? else {
            return Err(Error::Vacant { path: data.path().to_owned(), command });
        };
        let membership = required(data, STATION).and_then(|json| membership_in(data, &json))?;
        let master = MasterKey::read(&data.keys().join(MASTER)).map_err(|source| Error::Io {
            operation: "read",
            path: data.keys().join(MASTER),
            source,
        })?;
        let identity = Identity {
            certificate_der: required(data, CERTIFICATE)?,
            authority_der: required(data, AUTHORITY)?,
            signing_key,
        };
        Ok(Self { membership, identity, master })
    }

    /// Writes the keys of a new station and issues its keeper's token.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, data: &DataFolder, now_ms: u64) -> Result<(), Error> {
        let keys = data.keys();
        folder::make_private(&keys)?;
        let master = keys.join(MASTER);
        if !master.exists() {
            self.master.write_new(&master).map_err(|source| Error::Io { operation: "write", path: master, source })?;
        }
        folder::replace(&keys.join(AUTHORITY), &self.identity.authority_der)?;
        replace_certificate(data, &self.identity.certificate_der)?;
        let membership =
            serde_json::to_vec_pretty(&self.membership).map_err(|fault| damaged(data, STATION, &fault.to_string()))?;
        folder::replace(&keys.join(STATION), &membership)?;
        let token = Tokens::new(data).issue(Holder::Keeper, now_ms)?;
        folder::replace(&keys.join(KEEPER), token.as_bytes())?;
        write_signing_key(data, SIGNING, &self.identity.signing_key)?;
        folder::remove(&keys.join(ASKING))?;
        folder::remove(&keys.join(ENROLLING)).map(|_| ())
    }
}

const SIGNING: &str = "signing.key";
const ENROLLING: &str = "enrolling.key";
const STATION: &str = "station.json";
const MASTER: &str = "master.key";
const AUTHORITY: &str = "authority.der";
const ASKING: &str = "asking.json";
const CERTIFICATE: &str = "certificate.der";
const KEEPER: &str = "keeper.token";

/// Puts a renewed certificate in place.
///
/// # Errors
/// [`Error::Io`].
pub fn replace_certificate(data: &DataFolder, certificate_der: &[u8]) -> Result<(), Error> {
    folder::replace(&data.keys().join(CERTIFICATE), certificate_der)
}

/// The token with which commands on this machine call the station; none where they may not read it.
#[must_use]
pub fn keeper_token(data: &DataFolder) -> Option<Zeroizing<String>> {
    let bytes = folder::read(&data.keys().join(KEEPER)).ok()??;
    String::from_utf8(bytes).ok().map(|text| Zeroizing::new(text.trim().to_owned()))
}

/// A new signing key, or the one of an enrolment that broke off: the hub answers the same key and code again.
///
/// # Errors
/// [`Error::Io`], [`Error::Damaged`].
pub fn enrolling_key(data: &DataFolder) -> Result<SigningKey, Error> {
    if let Some(key) = read_signing_key(data, ENROLLING)? {
        return Ok(key);
    }
    let key = new_signing_key(data)?;
    write_signing_key(data, ENROLLING, &key)?;
    Ok(key)
}

/// A station that waits for the answer to its request by file.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Its place, as far as the invitation said.
    pub membership: Membership,
    /// The district's authority, X.509 in DER.
    pub authority_der: Vec<u8>,
    /// Its new signing key.
    pub signing_key: SigningKey,
}

impl Asking {
    /// Keeps what the answer is checked against. The key was kept by [`enrolling_key`].
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, data: &DataFolder) -> Result<(), Error> {
        folder::replace(&data.keys().join(AUTHORITY), &self.authority_der)?;
        let json =
            serde_json::to_vec_pretty(&self.membership).map_err(|fault| damaged(data, ASKING, &fault.to_string()))?;
        folder::replace(&data.keys().join(ASKING), &json)
    }

    /// Reads it again.
    ///
    /// # Errors
    /// [`Error::Vacant`] where nothing was asked: `command` is how that is done. [`Error::Damaged`], [`Error::Io`].
    pub fn read(data: &DataFolder, command: &'static str) -> Result<Self, Error> {
        let json = folder::read(&data.keys().join(ASKING))?;
        let (Some(json), Some(signing_key)) = (json, read_signing_key(data, ENROLLING)?) else {
            return Err(Error::Vacant { path: data.path().to_owned(), command });
        };
        let membership = serde_json::from_slice(&json).map_err(|fault| damaged(data, ASKING, &fault.to_string()))?;
        Ok(Self { membership, authority_der: required(data, AUTHORITY)?, signing_key })
    }
}

/// A new signing key from the system's randomness.
///
/// # Errors
/// [`Error::Io`] where there is none.
pub fn new_signing_key(data: &DataFolder) -> Result<SigningKey, Error> {
    random(data).map(|bytes| SigningKey::from_bytes(&bytes))
}

/// The station whose backup is in a data folder, or which is there; none where nothing is.
///
/// # Errors
/// [`Error::Io`], [`Error::Damaged`].
pub fn membership(data: &DataFolder) -> Result<Option<Membership>, Error> {
    let json = folder::read(&data.keys().join(STATION))?;
    json.map(|json| membership_in(data, &json)).transpose()
}

fn membership_in(data: &DataFolder, json: &[u8]) -> Result<Membership, Error> {
    serde_json::from_slice(json).map_err(|fault| damaged(data, STATION, &fault.to_string()))
}

/// The master key of the data folder, which a backup has brought, or a new one.
///
/// # Errors
/// [`Error::Io`].
pub fn master_key(data: &DataFolder) -> Result<MasterKey, Error> {
    let path = data.keys().join(MASTER);
    if !path.exists() {
        return new_master_key(data);
    }
    MasterKey::read(&path).map_err(|source| Error::Io { operation: "read", path, source })
}

/// A new master key from the system's randomness.
///
/// # Errors
/// [`Error::Io`] where there is none.
pub fn new_master_key(data: &DataFolder) -> Result<MasterKey, Error> {
    random(data).map(|bytes| MasterKey::from_bytes(*bytes))
}

fn random(data: &DataFolder) -> Result<Zeroizing<[u8; 32]>, Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut()).map_err(|fault| Error::Io {
        operation: "draw a key for",
        path: data.keys(),
        source: std::io::Error::other(fault),
    })?;
    Ok(bytes)
}

fn read_signing_key(data: &DataFolder, name: &str) -> Result<Option<SigningKey>, Error> {
    let Some(text) = folder::read(&data.keys().join(name))?.map(Zeroizing::new) else { return Ok(None) };
    let bytes = data_encoding::HEXLOWER
        .decode(text.trim_ascii())
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .map(Zeroizing::new)
        .ok_or_else(|| damaged(data, name, "it is not 64 hexadecimal digits"))?;
    Ok(Some(SigningKey::from_bytes(&bytes)))
}

fn write_signing_key(data: &DataFolder, name: &str, key: &SigningKey) -> Result<(), Error> {
    let text = Zeroizing::new(data_encoding::HEXLOWER.encode(key.as_bytes()));
    folder::replace(&data.keys().join(name), text.as_bytes())
}

fn required(data: &DataFolder, name: &str) -> Result<Vec<u8>, Error> {
    folder::read(&data.keys().join(name))?.ok_or_else(|| damaged(data, name, "it is missing"))
}

fn damaged(data: &DataFolder, name: &str, problem: &str) -> Error {
    Error::Damaged { path: data.keys().join(name), problem: problem.to_owned() }
}

/// Keys stand in JSON as people know them.
mod hexadecimal {
    use sanji_log::PublicKey;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(key: &PublicKey, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(key)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PublicKey, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

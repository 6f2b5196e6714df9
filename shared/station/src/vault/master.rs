//! The station's master key, which wraps the keys of cases, and its file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sanji_log::CaseId;
use sanji_store::WrappedKey;
use zeroize::{Zeroize, Zeroizing};

use super::{CaseKey, Error, NONCE_BYTES, TAG_BYTES, decrypt, encrypt};
use crate::folder::folder_of;

const WRAP_CONTEXT: &[u8; 16] = b"sanji case key 1";

/// Wraps the keys of cases; never leaves this station.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for MasterKey {
    /// Never shows the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey")
    }
}

impl MasterKey {
    /// From 32 random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads the key from its file of 32 bytes.
    ///
    /// # Errors
    /// The system's error; [`io::ErrorKind::InvalidData`] where the file has another length.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut bytes = Vec::with_capacity(33);
        File::open(path)?.take(33).read_to_end(&mut bytes)?;
        let key = <[u8; 32]>::try_from(bytes.as_slice())
            .map(Self::from_bytes)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a master key has 32 bytes"));
        bytes.zeroize();
        key
    }

    /// Writes the key into a new file that only its owner reads, durably. Never overwrites: a lost master key is
    /// the loss of all personal data here.
    ///
    /// # Errors
    /// The system's error, [`io::ErrorKind::AlreadyExists`] among them.
    pub fn write_new(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&*self.0)?;
        file.sync_all()?;
        fs::File::open(folder_of(path))?.sync_all()
    }

    /// Encrypts the key of a case for this station's store. `nonce` must be random and used once.
    ///
    /// # Errors
    /// None in practice: the length is fixed.
    pub fn wrap(&self, case: CaseId, key: &CaseKey, nonce: [u8; NONCE_BYTES]) -> Result<WrappedKey, Error> {
        // With room for all of it, so that the key is not left behind where it was copied from.
        let mut encrypted = Vec::with_capacity(key.0.len() + TAG_BYTES);
        encrypted.extend_from_slice(&*key.0);
        encrypt(&self.0, &nonce, &mut encrypted, &context(&case))?;
        Ok(WrappedKey { case, bytes: [&nonce[..], &encrypted].concat() })
    }

    /// Decrypts the key of a case.
    ///
    /// # Errors
    /// [`Error::Unreadable`] where it was wrapped by another station or is damaged.
    pub fn unwrap(&self, wrapped: &WrappedKey) -> Result<CaseKey, Error> {
        let (nonce, bytes) = wrapped.bytes.split_first_chunk::<NONCE_BYTES>().ok_or(Error::Unreadable)?;
        let mut plain = decrypt(&self.0, nonce, bytes, &context(&wrapped.case))?;
        let key = <[u8; 32]>::try_from(plain.as_slice()).map(CaseKey::from_bytes).map_err(|_| Error::Unreadable);
        plain.zeroize();
        key
    }
}

fn context(case: &CaseId) -> [u8; 32] {
    let mut context = [0; 32];
    context[..16].copy_from_slice(WRAP_CONTEXT);
    context[16..].copy_from_slice(case.as_bytes());
    context
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_wrapped_key_belongs_to_its_station_and_case() {
        let case = |serial| CaseId::new("990106101203".parse().unwrap(), 9678, serial, [1; 7]).unwrap();
        let master = MasterKey::from_bytes([1; 32]);
        let key = CaseKey::from_bytes([2; 32]);
        let wrapped = master.wrap(case(1), &key, [5; NONCE_BYTES]).unwrap();
        assert!(master.unwrap(&wrapped).unwrap() == key);
        assert!(!wrapped.bytes.windows(4).any(|bytes| bytes == [2; 4]), "the key itself is not stored");
        assert_eq!(MasterKey::from_bytes([7; 32]).unwrap(&wrapped), Err(Error::Unreadable));
        assert_eq!(master.unwrap(&WrappedKey { case: case(2), ..wrapped }), Err(Error::Unreadable));
        assert_eq!(master.unwrap(&WrappedKey { case: case(1), bytes: vec![0; 5] }), Err(Error::Unreadable));
    }

    #[test]
    fn the_file_is_private_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master");
        let master = MasterKey::from_bytes([1; 32]);
        master.write_new(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(MasterKey::read(&path).unwrap().0, master.0);
        assert_eq!(master.write_new(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        fs::write(&path, [0; 33]).unwrap();
        assert_eq!(MasterKey::read(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}

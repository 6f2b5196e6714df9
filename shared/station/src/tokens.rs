//! Tokens with which programs on this machine call the case service: each stands for one member of staff, or
//! for the keeper of the station.
//!
//! A token is shown once, when it is issued. The disk has only its BLAKE3 hash, as the name of a small file in
//! the data folder's `tokens/`; revoking is removing the file, and the running station notices at the next
//! call. Not in any log: a token is good on the machine that issued it and nowhere else.

use std::path::PathBuf;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::folder::{self, DataFolder, Error};

const PREFIX: &str = "sanji_";

/// For whom a token stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// The station's keeper: status, dump, verify, administration. No cases.
    Keeper,
    /// A member of staff, by id, with this person's rights.
    Staff(String),
}

/// What is known of a token that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// For whom it stands.
    pub holder: Holder,
    /// When: milliseconds since 1970-01-01 UTC.
    pub issued_ms: u64,
}

/// A token and the name by which it can be revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// First 12 hexadecimal digits of the hash.
    pub name: String,
    /// What is known of it.
    pub issued: Issued,
}

/// The tokens of one station.
#[derive(Debug, Clone)]
pub struct Tokens {
    folder: PathBuf,
}

impl Tokens {
    /// The tokens in a data folder.
    #[must_use]
    pub fn new(folder: &DataFolder) -> Self {
        Self { folder: folder.tokens() }
    }

    /// Issues a token. The text is not kept anywhere.
    ///
    /// # Errors
    /// [`Error`] where the file can't be written or the system has no randomness.
    pub fn issue(&self, holder: Holder, now_ms: u64) -> Result<Zeroizing<String>, Error> {
        let mut random = Zeroizing::new([0; 32]);
        getrandom::fill(random.as_mut())
            .map_err(|fault| self.fault("issue a token in", std::io::Error::other(fault)))?;
        let text = Zeroizing::new(format!("{PREFIX}{}", HEXLOWER.encode(random.as_ref())));
        let issued = Issued { holder, issued_ms: now_ms };
        let json = serde_json::to_vec(&issued).map_err(|fault| self.fault("issue a token in", fault.into()))?;
        folder::replace(&self.path(&digest(&text)), &json)?;
        Ok(text)
    }

    /// For whom a token stands; none where it was never issued or is revoked.
    #[must_use]
    pub fn holder(&self, text: &str) -> Option<Holder> {
        // The name of the file is a hash: how long the search takes tells nothing of the token.
        let bytes = folder::read(&self.path(&digest(text))).ok()??;
        serde_json::from_slice::<Issued>(&bytes).ok().map(|issued| issued.holder)
    }

    /// All tokens, oldest first.
    ///
    /// # Errors
    /// [`Error`] where the folder can't be read.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        let mut all = Vec::new();
        for name in self.names()? {
            let Some(bytes) = folder::read(&self.path(&name))? else { continue };
            let issued = serde_json::from_slice(&bytes)
                .map_err(|fault| Error::Damaged { path: self.path(&name), problem: fault.to_string() })?;
            all.push(Listed { name: name.chars().take(12).collect(), issued });
        }
        all.sort_by(|one, other| (one.issued.issued_ms, &one.name).cmp(&(other.issued.issued_ms, &other.name)));
        Ok(all)
    }

    /// Revokes the token whose hash begins with `name`; false where there is none or more than one.
    ///
    /// # Errors
    /// [`Error`] where the folder can't be read or changed.
    pub fn revoke(&self, name: &str) -> Result<bool, Error> {
        let mut matching = self.names()?.into_iter().filter(|full| name.len() >= 4 && full.starts_with(name));
        match (matching.next(), matching.next()) {
            (Some(full), None) => folder::remove(&self.path(&full)),
            _ => Ok(false),
        }
    }

    /// Revokes a token by its text; false where there is none.
    ///
    /// # Errors
    /// [`Error`] where the folder can't be changed.
    pub fn revoke_text(&self, text: &str) -> Result<bool, Error> {
        folder::remove(&self.path(&digest(text)))
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(self.fault("read", source)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|source| self.fault("read", source))?.file_name();
            names.extend(name.to_str().and_then(|name| name.strip_suffix(".json")).map(str::to_owned));
        }
        Ok(names)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name).with_extension("json")
    }

    fn fault(&self, operation: &'static str, source: std::io::Error) -> Error {
        Error::Io { operation, path: self.folder.clone(), source }
    }
}

fn digest(text: &str) -> String {
    HEXLOWER.encode(&blake3::derive_key("sanji 2026 api token v1", text.as_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_lives_until_it_is_revoked() {
        let root = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(&DataFolder::new(root.path()));
        assert_eq!(tokens.list().unwrap(), []);
        let staff = Holder::Staff("mz-01".to_owned());
        let first = tokens.issue(staff.clone(), 1).unwrap();
        let second = tokens.issue(Holder::Keeper, 2).unwrap();
        assert_eq!(tokens.holder(&first), Some(staff));
        assert_eq!(tokens.holder(&second), Some(Holder::Keeper));
        assert_eq!(tokens.holder("sanji_"), None);
        assert_eq!(tokens.holder("../keys/keeper"), None);
        let listed = tokens.list().unwrap();
        assert_eq!(listed.len(), 2);
        assert!(!tokens.revoke("").unwrap(), "an empty name revokes nothing");
        assert!(!tokens.revoke("zzzz").unwrap());
        assert!(tokens.revoke(&listed[0].name).unwrap());
        assert_eq!(tokens.holder(&first), None);
        assert_eq!(tokens.holder(&second), Some(Holder::Keeper));
    }

    #[test]
    fn the_disk_does_not_have_the_token() {
        let root = tempfile::tempdir().unwrap();
        let tokens = Tokens::new(&DataFolder::new(root.path()));
        let text = tokens.issue(Holder::Keeper, 1).unwrap();
        for entry in std::fs::read_dir(root.path().join("tokens")).unwrap() {
            let path = entry.unwrap().path();
            let content = std::fs::read_to_string(&path).unwrap();
            assert!(
                !content.contains(&text[PREFIX.len()..]) && !path.to_string_lossy().contains(&text[PREFIX.len()..])
            );
        }
    }
}

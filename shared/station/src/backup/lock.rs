//! What locks a backup and what opens it.

use std::io::{Read, Write};
use std::path::Path;

use age::secrecy::SecretString;
use age::stream::{StreamReader, StreamWriter};
use age::{Decryptor, Encryptor, scrypt, x25519};
use zeroize::Zeroizing;

use super::Error;

/// Shortest passphrase, in characters: whoever finds the backup may try for years.
const PASSPHRASE_MIN: usize = 12;

/// Locks a backup.
pub enum Lock {
    /// Whoever knows it opens the backup.
    Passphrase(SecretString),
    /// Whoever has its identity opens the backup.
    Recipient(x25519::Recipient),
}

/// Opens a backup.
pub enum Opener {
    /// The passphrase.
    Passphrase(SecretString),
    /// The identity of the recipient.
    Identity(x25519::Identity),
}

impl Lock {
    /// Reads a passphrase: the first line of a file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Secret`] where it is too short.
    pub fn passphrase(file: &Path) -> Result<Self, Error> {
        passphrase(file).map(Self::Passphrase)
    }

    /// Reads a recipient, "age1…".
    ///
    /// # Errors
    /// [`Error::Secret`].
    pub fn recipient(text: &str) -> Result<Self, Error> {
        let problem = "the recipient is not an age recipient (age1…)";
        text.parse().map(Self::Recipient).map_err(|_| Error::Secret { problem })
    }

    pub(super) fn encrypt<W: Write>(self, output: W) -> Result<StreamWriter<W>, Error> {
        let encryptor = match self {
            Self::Passphrase(passphrase) => Encryptor::with_user_passphrase(passphrase),
            Self::Recipient(recipient) => {
                Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))
                    .map_err(|source| Error::Encrypt { source })?
            }
        };
        encryptor.wrap_output(output).map_err(|source| Error::Encrypt { source: source.into() })
    }
}

impl Opener {
    /// Reads a passphrase: the first line of a file.
    ///
    /// # Errors
    /// As for [`Lock::passphrase`].
    pub fn passphrase(file: &Path) -> Result<Self, Error> {
        passphrase(file).map(Self::Passphrase)
    }

    /// Reads an identity file, as `age-keygen` writes it.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Secret`].
    pub fn identity(file: &Path) -> Result<Self, Error> {
        let text = text(file)?;
        let line = text.lines().map(str::trim).find(|line| line.starts_with("AGE-SECRET-KEY-1"));
        let identity = line.and_then(|line| line.parse().ok()).map(Self::Identity);
        identity.ok_or(Error::Secret { problem: "the file has no age identity (AGE-SECRET-KEY-1…)" })
    }

    pub(super) fn decrypt<R: Read>(&self, input: R) -> Result<StreamReader<R>, Error> {
        let decryptor = Decryptor::new(input).map_err(|source| Error::Decrypt { source })?;
        let opened = match self {
            Self::Passphrase(passphrase) => {
                let identity = scrypt::Identity::new(passphrase.clone());
                decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))
            }
            Self::Identity(identity) => decryptor.decrypt(std::iter::once(identity as &dyn age::Identity)),
        };
        opened.map_err(|source| Error::Decrypt { source })
    }
}

fn passphrase(file: &Path) -> Result<SecretString, Error> {
    let text = text(file)?;
    let line = text.lines().next().unwrap_or_default().trim();
    if line.chars().count() < PASSPHRASE_MIN {
        return Err(Error::Secret { problem: "the passphrase has fewer than 12 characters" });
    }
    Ok(SecretString::from(line.to_owned()))
}

fn text(file: &Path) -> Result<Zeroizing<String>, Error> {
    let text = std::fs::read_to_string(file);
    text.map(Zeroizing::new).map_err(|source| Error::Io { operation: "read", path: file.to_owned(), source })
}

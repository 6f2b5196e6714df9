//! Encryption of a bundle: the age format, to the signing key of the receiver.
//!
//! age's X25519 recipient is given the receiver's Ed25519 key in its Montgomery form (as age itself does for SSH
//! keys). So whoever has the directory can write a bundle for any station, a station keeps one secret and not
//! two, and there is no second key to publish, renew and revoke. That one key pair serves for signing and for
//! this key agreement is sound: Thormarker, "On using the same key pair for Ed25519 and an X25519 based KEM"
//! (2021). (age's SSH recipient would do the same conversion, but brings RSA and the readers of SSH keys along.)
//!
//! The names of both stations stand in the header, so that a file which was carried to the wrong place says so;
//! and what the file is, so that a request for enrolment which is read as a bundle says that.

use std::collections::HashSet;
use std::io::{self, Cursor, Read, Write};
use std::iter;
use std::sync::OnceLock;

use age::stream::{StreamReader, StreamWriter};
use age::{DecryptError, Decryptor, EncryptError, Encryptor, x25519};
use age_core::format::{FileKey, Stanza};
use bech32::{Bech32, Hrp};
use ed25519_dalek::VerifyingKey;
use sanji_log::{PublicKey, SigningKey, StationCode};
use zeroize::Zeroizing;

use crate::{Error, Flaw, Result};

/// Largest header: ours has three short stanzas. Read before anything is decoded.
const HEADER_MAX_BYTES: usize = 4096;
/// Ends an age header; the rest of that line is its check.
const HEADER_END: &[u8] = b"\n--- ";

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A bundle.
    Bundle,
    /// A new station's request to be enrolled.
    Enrolment,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Bundle, Self::Enrolment];

    /// Tag of the stanza that holds the address.
    fn tag(self) -> &'static str {
        match self {
            Self::Bundle => "sanji-bundle",
            Self::Enrolment => "sanji-enrolment",
        }
    }
}

/// Between which stations a file travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) kind: Kind,
    pub(crate) sender: StationCode,
    pub(crate) receiver: StationCode,
}

/// Whatever is written to the result can be read by the receiver alone.
pub(crate) fn encrypt<W: Write>(output: W, address: Address, key: PublicKey) -> Result<StreamWriter<W>> {
    let recipient = ToStation { recipient: recipient(key)?, address };
    Encryptor::with_recipients(iter::once(&recipient as &dyn age::Recipient))
        .map_err(|source| Error::Encrypt { source })?
        .wrap_output(output)
        .map_err(|source| Error::Io { operation: "write the bundle", source })
}

/// Opens a file of one kind that is for this station. Every 64 KiB are checked before they are given out.
pub(crate) fn decrypt<R: Read>(
    mut input: R,
    kind: Kind,
    me: StationCode,
    key: &SigningKey,
) -> Result<StreamReader<impl Read + use<R>>> {
    let mut start = vec![0; HEADER_MAX_BYTES];
    let read = fill(&mut input, &mut start).map_err(|source| Error::Io { operation: "read the bundle", source })?;
    start.truncate(read);
    if !start.starts_with(b"age-encryption.org/") || !start.windows(HEADER_END.len()).any(|end| end == HEADER_END) {
        return Err(Error::flawed(Flaw::NoBundle, "is not one, or its beginning is damaged"));
    }
    let identity = AtStation { identity: identity(key)?, address: OnceLock::new() };
    let opened = Decryptor::new(Cursor::new(start).chain(input))
        .and_then(|decryptor| decryptor.decrypt(iter::once(&identity as &dyn age::Identity)));
    let opened = opened.map_err(|error| match (error, identity.address.get()) {
        (DecryptError::Io(source), _) if source.kind() != io::ErrorKind::UnexpectedEof => {
            Error::Io { operation: "read the bundle", source }
        }
        (_, Some(address)) if address.receiver != me => Error::BundleForAnother { receiver: address.receiver },
        (DecryptError::NoMatchingKeys, Some(_)) => {
            Error::flawed(Flaw::OtherKey, "was encrypted for another key of this station")
        }
        (DecryptError::NoMatchingKeys, None) => {
            Error::flawed(Flaw::NoBundle, "is an encrypted file that is not for this station")
        }
        _ => Error::flawed(Flaw::NoBundle, "is not one, or its beginning is damaged"),
    })?;
    match identity.address.get() {
        Some(address) if address.kind == kind => Ok(opened),
        Some(Address { kind: Kind::Enrolment, .. }) => Err(Error::flawed(
            Flaw::NoBundle,
            "is none: the file is a new station's request, to be answered at the hub",
        )),
        Some(Address { kind: Kind::Bundle, .. }) => {
            Err(Error::flawed(Flaw::NoBundle, "is no new station's request: the file is one to be imported"))
        }
        None => Err(Error::bundle("does not say between which stations it travels")),
    }
}

fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

pub(crate) fn recipient(key: PublicKey) -> Result<x25519::Recipient> {
    let unusable = || Error::bundle("can't be encrypted: the receiver's key is unusable");
    let key = VerifyingKey::from_bytes(&key.0).ok().filter(|key| !key.is_weak()).ok_or_else(unusable)?;
    let text = bech32::encode_lower::<Bech32>(Hrp::parse_unchecked("age"), key.to_montgomery().as_bytes());
    text.ok().and_then(|text| text.parse().ok()).ok_or_else(unusable)
}

pub(crate) fn identity(key: &SigningKey) -> Result<x25519::Identity> {
    let scalar = Zeroizing::new(key.to_scalar_bytes());
    let text = bech32::encode_upper::<Bech32>(Hrp::parse_unchecked("AGE-SECRET-KEY-"), scalar.as_slice());
    let text = text.map(Zeroizing::new).ok();
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::bundle("can't be decrypted: this station's key is unusable"))
}

/// age's recipient, and the address beside its stanza.
struct ToStation {
    recipient: x25519::Recipient,
    address: Address,
}

impl age::Recipient for ToStation {
    fn wrap_file_key(&self, file_key: &FileKey) -> std::result::Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let (mut stanzas, labels) = self.recipient.wrap_file_key(file_key)?;
        stanzas.push(Stanza {
            tag: self.address.kind.tag().to_owned(),
            args: vec![self.address.sender.to_string(), self.address.receiver.to_string()],
            body: Vec::new(),
        });
        Ok((stanzas, labels))
    }
}

/// age's identity; notes the address on the way.
struct AtStation {
    identity: x25519::Identity,
    address: OnceLock<Address>,
}

impl age::Identity for AtStation {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<std::result::Result<FileKey, DecryptError>> {
        self.identity.unwrap_stanza(stanza)
    }

    /// The address stands behind the stanza that opens the file, so it is looked for first.
    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<std::result::Result<FileKey, DecryptError>> {
        for stanza in stanzas {
            if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.tag() == stanza.tag)
                && let [sender, receiver] = stanza.args.as_slice()
                && let (Ok(sender), Ok(receiver)) = (sender.parse(), receiver.parse())
            {
                self.address.get_or_init(|| Address { kind, sender, receiver });
            }
        }
        stanzas.iter().find_map(|stanza| self.unwrap_stanza(stanza))
    }
}

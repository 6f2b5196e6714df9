//! The signing key with which a node asks to be enrolled: one for each one-time code.
//!
//! The same code gets the same key again, so that the hub gives an answer again that was lost. Another code gets a new
//! key: the hub may have ended the life that the key before was certified for (`station replace` after a lost answer),
//! and no code makes an ended key good again.

use std::path::PathBuf;

use sanji_link::EnrolmentCode;
use sanji_log::SigningKey;
use sanji_station::accounts::password;
use sanji_station::folder::{self, DataFolder};
use sanji_station::keys;

use crate::error::Error;

/// The key for a code, kept before anybody is asked.
pub(crate) fn signing_key(data: &DataFolder, code: &EnrolmentCode) -> Result<SigningKey, Error> {
    let known = folder::read(&note(data))?.and_then(|hash| String::from_utf8(hash).ok());
    if !password::matches(&code.secret, known.as_deref()) {
        // The old key goes first: were it to break off here, nothing would be taken for the new code's.
        folder::remove(&data.keys().join("enrolling.key"))?;
        let hash =
            password::hash(&code.secret).map_err(|fault| Error::Input(format!("can't keep the code: {fault}")))?;
        folder::replace(&note(data), hash.as_bytes())?;
    }
    Ok(keys::enrolling_key(data)?)
}

/// Forgets the code, once the station is whole.
pub(crate) fn over(data: &DataFolder) -> Result<(), Error> {
    Ok(folder::remove(&note(data)).map(|_| ())?)
}

/// The hash of the code that `enrolling.key` asks with.
fn note(data: &DataFolder) -> PathBuf {
    data.keys().join("enrolling.code")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_code_has_a_key_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let data = DataFolder::new(root.path());
        let [first, second] = [0; 2].map(|_| EnrolmentCode::generate("000000000000000").unwrap());
        let key = signing_key(&data, &first).unwrap();
        assert_eq!(signing_key(&data, &first).unwrap(), key, "the answer was lost: the same is asked again");
        let other = signing_key(&data, &second).unwrap();
        assert_ne!(other, key, "the hub may have ended the first");
        assert_eq!(signing_key(&data, &second).unwrap(), other);
        let kept = std::fs::read_to_string(note(&data)).unwrap();
        assert!(!kept.contains(&second.secret), "{kept}");
        over(&data).unwrap();
        assert!(!note(&data).exists());
    }
}

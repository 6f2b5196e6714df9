//! What a station holds, as its own commands tell it.

use std::collections::BTreeMap;

use sanji_log::StationCode;

use super::District;
use crate::Error;

/// Home, reach, key and seq of an entry.
pub type Place = (StationCode, String, String, u64);

impl District {
    /// Every entry that a station holds, with its hash.
    ///
    /// # Errors
    /// Those of the `dump` command; [`Error::Lost`] where an entry is held twice.
    pub fn dump(&self, station: StationCode) -> Result<BTreeMap<Place, String>, Error> {
        let data = self.data(station).display().to_string();
        let text = self.run(station, ["dump", "--jsonl", "--data", &data])?;
        let mut entries = BTreeMap::new();
        for line in text.lines() {
            let entry: serde_json::Value =
                serde_json::from_str(line).map_err(|source| Error::Json { what: "a dumped entry", source })?;
            let word = |name: &str| entry[name].as_str().map(str::to_owned);
            let place = || Some((word("home")?.parse().ok()?, word("reach")?, word("key")?, entry["seq"].as_u64()?));
            let (Some(place), Some(hash)) = (place(), word("hash")) else {
                return Err(Error::Sample(format!("place and hash in {line}")));
            };
            if entries.insert(place, hash).is_some() {
                return Err(Error::Lost(format!("{station} holds an entry twice: {line}")));
            }
        }
        Ok(entries)
    }

    /// Lets a station check everything that it holds.
    ///
    /// # Errors
    /// Those of the `verify` command.
    pub fn verify(&self, station: StationCode) -> Result<(), Error> {
        let data = self.data(station).display().to_string();
        self.run(station, ["verify", "--data", &data]).map(|_| ())
    }
}

//! Reads a page as those do who can't take it as it comes: with a screen reader, a keyboard, a phone, failing eyes, or
//! no English.

use super::Browser;
use crate::Error;

/// Width and height of the desk's screens.
pub const DESKTOP: (u32, u32) = (1024, 768);
/// Width and height of a resident's telephone.
pub const PHONE: (u32, u32) = (390, 844);

/// Width and height of what an A4 page has between its margins (20 mm and 18 mm).
pub const A4: (u32, u32) = (657, 971);
/// A page as a reader finds it.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Reading {
    /// HTTP status of the answer.
    pub status: u16,
    /// What is wrong, a sentence each.
    pub faults: Vec<String>,
    /// Addresses on this site to which links of the page lead, path and query.
    pub links: Vec<String>,
}

impl Browser {
    /// Reads the open page, with everything that can be unfolded open.
    ///
    /// # Errors
    /// [`Error::Browser`].
    pub async fn read(&self) -> Result<Reading, Error> {
        let read = self.run(include_str!("reader.js")).await?;
        let mut reading: Reading =
            serde_json::from_value(read).map_err(|source| Error::Json { what: "a page that was read", source })?;
        let said = self.console().await?;
        reading.faults.extend(said.into_iter().map(|line| format!("the console says {line}")));
        Ok(reading)
    }

    /// How many pixels the open page is wider than a window of `width`; what sticks out, where it does.
    ///
    /// # Errors
    /// [`Error::Browser`].
    pub async fn sticks_out(&self, width: u32) -> Result<Option<String>, Error> {
        let script = format!("const width = {width}; {}", include_str!("width.js"));
        Ok(self.run(&script).await?.as_str().map(str::to_owned))
    }
}

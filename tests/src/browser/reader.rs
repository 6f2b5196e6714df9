//! Reads a page as those do who can't take it as it comes: with a screen reader, a keyboard, a phone, failing eyes, or
//! no English.

use super::Browser;
use crate::Error;

/// Width and height of the desk's screens.
pub const DESKTOP: (u32, u32) = (1024, 768);
/// Width and height of a resident's telephone.
pub const PHONE: (u32, u32) = (390, 844);
/// Size of the letters that browsers begin with, in pixels.
pub const LETTERS: u32 = 16;
/// The same where somebody has set the largest that browsers offer by name.
pub const LARGE_LETTERS: u32 = 24;
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

    /// What of the open page does not fit a window of `width` pixels with letters of a size, a sentence each. Letters of
    /// another size are a misfit too, so that nothing is found to fit that was not looked at.
    ///
    /// # Errors
    /// [`Error::Browser`].
    pub async fn misfits(&self, width: u32, letters: u32) -> Result<Vec<String>, Error> {
        // The page answers to another size before it is next drawn.
        let script = format!(
            "return new Promise(function (drawn) {{ requestAnimationFrame(function () {{ requestAnimationFrame(drawn); }}); }}) \
             .then(function () {{ const width = {width}, letters = {letters}; {} }});",
            include_str!("width.js")
        );
        let found = self.run(&script).await?;
        serde_json::from_value(found).map_err(|source| Error::Json { what: "what does not fit", source })
    }
}

//! 文号: the numbers of documents. One for each document of an organ, kind and year, rising, without a hole.

use std::collections::BTreeMap;

use sanji_domain::case::{Body, DocumentIssued};
use sanji_store::Row;

use super::Core;
use super::reader::Reader;
use super::rows::row;
use crate::error::{Error, store};

/// The highest number given of each list, staged ones included.
pub(super) type Given = BTreeMap<Vec<u8>, u32>;

impl Core {
    /// Numbers the documents of an entry that is about to be staged: each gets the number after the highest that this
    /// station has given. After a restore those of its earlier life count too.
    pub(super) fn number_documents(&mut self, body: &mut Body) -> Result<(), Error> {
        for document in body.documents_mut() {
            let list = list(document);
            let highest = match self.documents.get(&list) {
                Some(highest) => *highest,
                None => highest(&self.reader, &list)?,
            };
            document.number = highest.saturating_add(1);
            self.documents.insert(list, document.number);
        }
        Ok(())
    }
}

fn highest(reader: &Reader, list: &[u8]) -> Result<u32, Error> {
    let newest = reader.indexed()?.rows(list, None, true, 1).map_err(store("look for the last document number"))?;
    let number = newest.first().and_then(|(key, _)| <[u8; 4]>::try_from(key.as_slice()).ok());
    Ok(number.map_or(0, u32::from_be_bytes))
}

/// What the index keeps of the documents of an entry that this station has written.
pub(super) fn rows(body: &Body) -> impl Iterator<Item = Row> + '_ {
    let numbered = body.documents().iter().filter(|document| document.number > 0);
    numbered.map(|document| row(&list(document), document.number.to_be_bytes().to_vec(), Vec::new()))
}

fn list(document: &DocumentIssued) -> Vec<u8> {
    format!("documents/{}/{}/{}", document.organ, document.kind.number(), document.year).into_bytes()
}

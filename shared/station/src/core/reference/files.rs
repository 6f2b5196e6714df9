//! The district's data files: catalogue, organisation, calendar.

use std::sync::Arc;

use prost::Message;
use sanji_domain::organisation::OrganisationFiles;
use sanji_domain::{Calendar, Defaults, FileFault, Item, Organisation, Rules};
use sanji_log::Entry;
use sanji_proto::v1 as proto;

use super::{Ignored, ReferenceData};
use crate::core::rows::file_key;

const ITEMS: &str = "catalogue/items/";
const DEFAULTS: &str = "catalogue/defaults.toml";
const CALENDAR: &str = "calendar/";
const ORGANISATION: &str = "organisation/";
const RULES: &str = "supervision/rules.toml";
/// Longest path of a file, in bytes: it is the key of a row.
const PATH_MAX_BYTES: usize = 200;

/// The newest version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedFile {
    /// 1, 2, 3 … for its path.
    pub version: u32,
    /// BLAKE3 of its text: whether publishing it again would change anything.
    pub digest: [u8; 32],
    /// The text of a file of the organisation, which is read together with others; empty for others.
    text: Arc<str>,
}

impl ReferenceData {
    /// Older versions of an item stay in the catalogue, since cases keep theirs; older versions of other files don't
    /// count.
    pub(super) fn fold_file(&mut self, entry: &Entry) -> Result<Vec<u8>, Ignored> {
        let file = proto::PublishedFile::decode(entry.body.clone()).map_err(|_| Ignored::Malformed)?;
        if !self.written_by_district(entry) || entry.log.home != entry.log.home.district() {
            return Err(Ignored::NotAuthorised);
        }
        if file.path.len() > PATH_MAX_BYTES || file.version == 0 {
            return Err(Ignored::Malformed);
        }
        let text = std::str::from_utf8(&file.content).map_err(|_| Ignored::Malformed)?;
        let newest = self.files.get(&file.path).is_none_or(|known| known.version < file.version);
        if file.path.starts_with(ITEMS) {
            let item = Item::parse(&file.path, text).map_err(faults)?;
            Arc::make_mut(&mut self.catalogue).insert(file.version, item);
        } else if !newest {
            return Err(Ignored::Superseded);
        } else if file.path == DEFAULTS {
            self.defaults = Some(Arc::new(Defaults::parse(&file.path, text).map_err(faults)?));
        } else if file.path.starts_with(CALENDAR) {
            self.calendar = Arc::new(Calendar::parse(&file.path, text).map_err(faults)?);
        } else if file.path == RULES {
            self.watch_rules = Some(Arc::new(Rules::parse(&file.path, text).map_err(faults)?));
        } else if file.path.starts_with(ORGANISATION) {
            self.organisation_is_old = true;
        }
        if newest {
            let text = if file.path.starts_with(ORGANISATION) { text } else { "" };
            let digest = *blake3::hash(&file.content).as_bytes();
            let published = PublishedFile { version: file.version, digest, text: text.into() };
            Arc::make_mut(&mut self.files).insert(file.path.clone(), published);
        }
        Ok(file_key(&file.path, file.version))
    }

    /// Reads the organisation anew where its files have changed. They are published together, so half of a change
    /// is never shown: until all fit together, the organisation stays as it was.
    pub(in crate::core) fn settle(&mut self) -> Result<(), Ignored> {
        if !std::mem::take(&mut self.organisation_is_old) {
            return Ok(());
        }
        let text = |name: &str| self.files.get(&format!("{ORGANISATION}{name}.toml")).map(|file| &*file.text);
        if let (Some(district), Some(departments), Some(roles), Some(townships), Some(villages)) =
            (text("district"), text("departments"), text("roles"), text("townships"), text("villages"))
        {
            let files = OrganisationFiles { district, departments, roles, townships, villages };
            self.organisation = Some(Arc::new(Organisation::parse(files).map_err(faults)?));
        }
        Ok(())
    }
}

fn faults(faults: Vec<FileFault>) -> Ignored {
    Ignored::File(faults.len(), faults.first().map_or_else(String::new, FileFault::to_string))
}

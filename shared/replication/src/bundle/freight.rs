//! Which attachments go into a bundle: first what the receiver has asked for, from the chunk on at which it
//! stopped; then those of the entries in the bundle. What does not fit is asked for by the receiver's next
//! bundle, and so is what went missing.

use std::collections::{BTreeSet, VecDeque};

use sanji_log::attachment::chunk_count;
use sanji_log::{AttachmentId, CaseId, Run};

use crate::attachment::ChunkRequest;

/// Most attachments noted for one bundle: they are the only thing in memory that grows with it.
pub const ATTACHMENTS_MAX: usize = 65_536;

/// An attachment to be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreightItem {
    /// The case that refers to it.
    pub case: CaseId,
    /// Root hash.
    pub id: AttachmentId,
    /// First chunk that the receiver lacks.
    pub first_chunk: u32,
}

/// The attachments of one bundle, in the order of packing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Freight {
    items: VecDeque<FreightItem>,
    known: BTreeSet<AttachmentId>,
}

impl Freight {
    /// Begins with what the receiver's last bundle asked for.
    #[must_use]
    pub fn new(asked: &[ChunkRequest]) -> Self {
        let mut freight = Self::default();
        for request in asked {
            freight.add(FreightItem { case: request.case, id: request.id, first_chunk: request.first_chunk });
        }
        freight
    }

    /// Notes the attachments of entries that are packed. (Entries that are held were checked when they came.)
    pub fn note(&mut self, run: &Run) {
        for entry in run.entries.iter().filter_map(|bytes| bytes.decode().ok()) {
            let Some(case) = entry.case else { continue };
            for attachment in entry.attachments.iter().filter(|attachment| chunk_count(attachment.size) > 0) {
                self.add(FreightItem { case, id: attachment.id, first_chunk: 0 });
            }
        }
    }

    fn add(&mut self, item: FreightItem) {
        if self.items.len() < ATTACHMENTS_MAX && self.known.insert(item.id) {
            self.items.push_back(item);
        }
    }
}

impl Iterator for Freight {
    type Item = FreightItem;

    fn next(&mut self) -> Option<FreightItem> {
        self.items.pop_front()
    }
}

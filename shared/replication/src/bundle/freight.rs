//! Which attachments go into a bundle: first what the receiver has asked for, from the chunk on at which it
//! stopped; then what it is not known to hold, however its beginning went; then those of the entries in the bundle.
//! What does not fit is asked for by the receiver's next bundle, and so is what went missing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use sanji_log::attachment::chunk_count;
use sanji_log::{AttachmentId, CaseId, Run};

use crate::attachment::{ChunkRequest, WHO_HOLDS};

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
    /// Begins with what the receiver's last bundle asked for, and goes on with what it is not known to hold. Where
    /// both name an attachment, the later chunk counts: the line has brought more since the bundle was written.
    #[must_use]
    pub fn new(asked: &[ChunkRequest], lacking: &[FreightItem]) -> Self {
        let by_line: BTreeMap<_, _> = lacking.iter().map(|item| (item.id, item.first_chunk)).collect();
        let mut freight = Self::default();
        for request in asked.iter().filter(|request| request.first_chunk != WHO_HOLDS) {
            let by_line = by_line.get(&request.id).copied().unwrap_or_default();
            let first_chunk = request.first_chunk.max(by_line);
            freight.add(FreightItem { case: request.case, id: request.id, first_chunk });
        }
        lacking.iter().for_each(|item| freight.add(*item));
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_goes_first_and_nothing_goes_twice() {
        let case = CaseId::new("990106101203".parse().unwrap(), 1, 1, [0; 7]).unwrap();
        let id = |number| AttachmentId([number; 32]);
        let asked = |number, first_chunk| ChunkRequest {
            case,
            id: id(number),
            first_chunk,
            count: 1,
            want_manifest: true,
            urgent: false,
            tell: false,
        };
        let item = |number, first_chunk| FreightItem { case, id: id(number), first_chunk };
        let asked = [asked(1, 7), asked(2, 3), asked(3, WHO_HOLDS)];
        let freight = Freight::new(&asked, &[item(4, 0), item(2, 5), item(1, 0)]);
        assert_eq!(freight.collect::<Vec<_>>(), [item(1, 7), item(2, 5), item(4, 0)]);
    }
}

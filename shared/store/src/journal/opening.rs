//! The segments that are there when a journal is opened. One that is missing or whose header can't be read is lost;
//! the others go on without it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::segment::{Segment, SegmentInfo, file_name, number_of};
use super::{FIRST_SEGMENT_BYTES, Segments};
use crate::contract::Error;
use crate::files::{Folder, failed};

/// Reads the headers of all segments and removes an unfinished one. Goes on in a new segment where there is none, or
/// where the last is lost; `known_last`: the last segment that the index knows of, whether it is there or not.
pub(super) fn open_segments(
    folder: &dyn Folder,
    segment_bytes: u64,
    known_last: u32,
) -> Result<(Segments, Arc<Segment>), Error> {
    let names = folder.names("").map_err(|source| failed("list", folder.path(), source))?;
    for unfinished in names.iter().filter(|name| name.ends_with(".partial")) {
        folder.remove(unfinished).map_err(|source| failed("remove", &folder.path().join(unfinished), source))?;
    }
    let numbers: BTreeSet<u32> = names.iter().filter_map(|name| number_of(name)).collect();
    let mut segments = Segments::default();
    let mut last = None;
    // A journal begins with segment 1.
    let end = numbers.last().copied().unwrap_or(0).max(known_last);
    for number in 1..=end {
        let found = if numbers.contains(&number) { open_one(folder, number)? } else { None };
        match found {
            Some(segment) => {
                segments.known.insert(number, segment.info);
                last = Some(segment).filter(|_| number == end);
            }
            None => {
                tracing::error!(file.name = %file_name(number), "a segment of the journal is lost");
                segments.lost.insert(number);
            }
        }
    }
    let mut last = match last {
        Some(segment) => segment,
        None => Segment::create(folder, next(&segments.known, end, segment_bytes))?,
    };
    last.restore_size()?;
    segments.known.insert(last.info.number, last.info);
    let last = Arc::new(last);
    segments.open.push_back(last.clone());
    Ok((segments, last))
}

fn open_one(folder: &dyn Folder, number: u32) -> Result<Option<Segment>, Error> {
    match Segment::open(folder, number) {
        Err(Error::Damaged { what }) => {
            tracing::error!(%what, "a segment of the journal is damaged");
            Segment::open_without_header(folder, number)
        }
        opened => opened.map(Some),
    }
}

/// A segment after `end`, with a generation that no segment has had.
fn next(known: &BTreeMap<u32, SegmentInfo>, end: u32, segment_bytes: u64) -> SegmentInfo {
    let newest = known.values().map(|info| info.generation).max().unwrap_or(0);
    let lost = u64::from(end) - known.len() as u64;
    let size = if end == 0 { segment_bytes.min(FIRST_SEGMENT_BYTES) } else { segment_bytes };
    SegmentInfo { number: end + 1, size, generation: newest + lost + 1, previous_end: 0 }
}

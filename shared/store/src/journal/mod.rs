//! The journal: the truth on disk. Append-only segments of framed, checksummed records; a commit is one write
//! and one sync.
//!
//! | module | holds |
//! | --- | --- |
//! | `position` | places in the journal |
//! | `frame` | the form of a record |
//! | `segment` | the files |
//! | `scan` | walking over frames; what is torn and what is damaged |

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sanji_log::{CaseId, LogId};

use crate::contract::{Commit, Error};
use crate::files::{Folder, failed};
use crate::record;
use frame::{HEADER_BYTES, Header, Kind, destroyed_payload, frame_bytes, key_payload, parse_key};
use segment::{Found, SEGMENT_HEADER_BYTES, Segment, SegmentInfo, file_name, number_of};

mod frame;
mod position;
mod scan;
mod segment;

pub(crate) use position::Position;
pub(crate) use scan::{Committed, Event};

/// Largest commit, in bytes: offsets in a segment have 32 bits.
const COMMIT_MAX_BYTES: usize = 1 << 31;
/// Segments kept open besides the last.
const OPEN_SEGMENTS: usize = 32;

/// An open journal. Any thread may read while one appends.
pub(crate) struct Journal {
    folder: Box<dyn Folder>,
    segment_bytes: u64,
    segments: Mutex<Segments>,
    tail: Mutex<Tail>,
}

#[derive(Default)]
struct Segments {
    known: BTreeMap<u32, SegmentInfo>,
    open: VecDeque<Arc<Segment>>,
}

struct Tail {
    segment: Arc<Segment>,
    offset: u64,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("folder", &self.folder.path()).finish_non_exhaustive()
    }
}

/// What opening found.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    /// Bytes of a torn write that were cut.
    pub(crate) cut_bytes: u64,
    /// Acknowledged records that can't be read: nothing may be written to this journal.
    pub(crate) damage: Vec<String>,
}

/// Where a commit was put.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    /// Where each run begins, in the order of the commit.
    pub(crate) runs: Vec<Position>,
    pub(crate) keys: Vec<(CaseId, Position)>,
    /// Where its first frame stands.
    pub(crate) write: Position,
    /// Just after it.
    pub(crate) end: Position,
}

impl Journal {
    /// Opens a journal, or makes it, and gives every commit after `from` to `visit`. A torn write at the end is
    /// cut; damage is reported.
    pub(crate) fn open(
        folder: Box<dyn Folder>,
        segment_bytes: u64,
        from: Position,
        visit: &mut dyn FnMut(Committed) -> Result<(), Error>,
    ) -> Result<(Self, Opening), Error> {
        let (mut segments, last) = open_segments(&*folder, segment_bytes)?;
        segments.open.push_back(last.clone());
        let journal = Self {
            folder,
            segment_bytes,
            segments: Mutex::new(segments),
            tail: Mutex::new(Tail { segment: last.clone(), offset: SEGMENT_HEADER_BYTES }),
        };
        let mut opening = Opening::default();
        let end = journal.replay(from, &mut |event| {
            match event {
                Event::Commit(committed) => visit(committed)?,
                Event::DamagedKey(position) => tracing::warn!(journal.position = %position, "a case key can't be read"),
                Event::Damage(what) => opening.damage.push(what),
            }
            Ok(())
        })?;
        if let Some(until) = end.torn_until.filter(|_| opening.damage.is_empty()) {
            opening.cut_bytes = until - end.offset;
            last.blank(end.offset, until)?;
        }
        journal.tail().offset = end.offset;
        Ok((journal, opening))
    }

    /// Where the next commit begins.
    pub(crate) fn end(&self) -> Position {
        let tail = self.tail();
        Position::new(tail.segment.info.number, tail.offset)
    }

    /// Bytes of all segments.
    pub(crate) fn size(&self) -> u64 {
        self.segments().known.values().map(|info| info.size).sum()
    }

    /// Writes a commit and syncs it. [`Error::Full`]: nothing of it is kept, the journal goes on. Any other
    /// error: the end of the journal is unknown until it is opened again.
    pub(crate) fn append(&self, commit: &Commit) -> Result<Appended, Error> {
        let size: usize = commit.extensions.iter().map(|extension| extension.run.size()).sum();
        if size >= COMMIT_MAX_BYTES {
            return Err(Error::Invalid { what: "a commit of 2 GB or more" });
        }
        let (payload, starts) = record::encode(commit);
        let keys: Vec<_> = commit.case_keys.iter().map(|key| (key.case, key_payload(&key.case, &key.bytes))).collect();
        let size = keys.iter().map(|(_, key)| frame_bytes(key.len())).sum::<u64>() + frame_bytes(payload.len());

        let mut tail = self.tail();
        if tail.offset + size > tail.segment.info.size {
            self.roll(&mut tail, size)?;
        }
        let write = Position::new(tail.segment.info.number, tail.offset);
        let generation = tail.segment.info.generation;
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        let mut put = |kind, payload: &[u8]| {
            let position = write.plus(bytes.len() as u64);
            let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            Header { kind, length, generation, position, write }.put_frame(&mut bytes, payload);
            position
        };
        let keys = keys.iter().map(|(case, key)| (*case, put(Kind::CaseKey, key))).collect();
        let frame = put(Kind::Commit, &payload);
        write_and_sync(&tail, &bytes)?;
        tail.offset += size;
        let runs = starts.iter().map(|start| frame.plus(HEADER_BYTES as u64 + u64::from(*start))).collect();
        Ok(Appended { runs, keys, write, end: write.plus(size) })
    }

    /// Goes on in a new segment, large enough for `size` bytes of frames.
    fn roll(&self, tail: &mut Tail, size: u64) -> Result<(), Error> {
        let last = tail.segment.info;
        let info = SegmentInfo {
            number: last.number + 1,
            size: self.segment_bytes.max(SEGMENT_HEADER_BYTES + size),
            generation: last.generation + 1,
            previous_end: tail.offset,
        };
        let segment = Arc::new(Segment::create(&*self.folder, info)?);
        let mut segments = self.segments();
        segments.known.insert(info.number, info);
        segments.keep_open(segment.clone());
        *tail = Tail { segment, offset: SEGMENT_HEADER_BYTES };
        Ok(())
    }

    /// Reads bytes from a place; fails where the segment ends before.
    pub(crate) fn read(&self, position: Position, count: usize) -> Result<Vec<u8>, Error> {
        let bytes = self.segment(position.segment())?.read(position.offset(), count)?;
        if bytes.len() == count { Ok(bytes) } else { Err(damaged(position, "the segment is cut short")) }
    }

    /// Reads the key of a case from its frame. None: it was destroyed.
    pub(crate) fn key(&self, position: Position, case: &CaseId) -> Result<Option<Vec<u8>>, Error> {
        match self.segment(position.segment())?.frame_at(position.offset())? {
            Found::Frame(Header { kind: Kind::CaseKey, .. }, payload) => match parse_key(&payload) {
                Some((found, key)) if found == *case => Ok(key.map(<[u8]>::to_vec)),
                _ => Err(damaged(position, "not the key of this case")),
            },
            _ => Err(damaged(position, "no readable key")),
        }
    }

    /// Overwrites the key of a case in its frame, and syncs. Works on a key that can't be read, too.
    pub(crate) fn destroy_key(&self, position: Position, case: &CaseId) -> Result<(), Error> {
        let segment = self.segment(position.segment())?;
        let header = match segment.frame_at(position.offset())? {
            Found::Frame(header, _) | Found::BadPayload(header) if header.kind == Kind::CaseKey => header,
            _ => return Err(damaged(position, "no key")),
        };
        let mut bytes = Vec::new();
        header.put_frame(&mut bytes, &destroyed_payload(case, header.length as usize));
        segment.write(&bytes, position.offset())?;
        segment.sync()
    }

    /// Walks over all frames from `from` up to the last commit that has returned.
    pub(crate) fn walk(&self, from: Position, visit: &mut dyn FnMut(Event) -> Result<(), Error>) -> Result<(), Error> {
        let last = self.end().segment();
        for number in from.segment().max(self.first_segment())..=last {
            let end = self.end_of(&self.tail(), number);
            scan::walk(&*self.segment(number)?, start_in(number, from), Some(end), visit)?;
        }
        Ok(())
    }

    /// Walks over all frames from `from` on when it is not known yet where they end; tells how the last segment
    /// ends.
    fn replay(&self, from: Position, visit: &mut dyn FnMut(Event) -> Result<(), Error>) -> Result<scan::End, Error> {
        let last = self.end().segment();
        for number in from.segment().max(self.first_segment())..last {
            let end = self.end_of(&self.tail(), number);
            scan::walk(&*self.segment(number)?, start_in(number, from), Some(end), visit)?;
        }
        scan::walk(&*self.segment(last)?, start_in(last, from), None, visit)
    }

    fn first_segment(&self) -> u32 {
        self.segments().known.first_key_value().map_or(1, |(number, _)| *number)
    }

    /// Walks over every frame and every unused byte. `progress` hears the bytes checked so far. Returns the
    /// number of frames. Commits wait only while the unused end of the last segment is read.
    pub(crate) fn check(
        &self,
        visit: &mut dyn FnMut(Event) -> Result<(), Error>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64, Error> {
        let (mut frames, mut checked) = (0, 0);
        let known: Vec<SegmentInfo> = self.segments().known.values().copied().collect();
        for info in known {
            let segment = self.segment(info.number)?;
            if !segment.header_is_intact()? {
                visit(Event::Damage(format!("segment {}: its header has changed", info.number)))?;
            }
            let end = self.end_of(&self.tail(), info.number);
            frames += scan::walk(&segment, SEGMENT_HEADER_BYTES, Some(end), visit)?.frames;
            // Held so that no commit writes where nothing must stand.
            let tail = self.tail();
            if let Some(used) = segment.last_used(self.end_of(&tail, info.number))? {
                visit(Event::Damage(format!("segment {}: bytes after its end, at {}", info.number, used - 1)))?;
            }
            drop(tail);
            checked += info.size;
            progress(checked);
        }
        Ok(frames)
    }

    /// The segments: name, where their frames end, size.
    pub(crate) fn durable(&self) -> Vec<(String, u64, u64)> {
        // Held, so that all of it is of one moment.
        let tail = self.tail();
        let known: Vec<SegmentInfo> = self.segments().known.values().copied().collect();
        known.into_iter().map(|info| (file_name(info.number), self.end_of(&tail, info.number), info.size)).collect()
    }

    /// Where the frames of a segment end.
    fn end_of(&self, tail: &Tail, number: u32) -> u64 {
        if tail.segment.info.number == number {
            return tail.offset;
        }
        self.segments().known.get(&(number + 1)).map_or(SEGMENT_HEADER_BYTES, |next| next.previous_end)
    }

    fn segment(&self, number: u32) -> Result<Arc<Segment>, Error> {
        let mut segments = self.segments();
        if let Some(segment) = segments.open.iter().find(|segment| segment.info.number == number) {
            return Ok(segment.clone());
        }
        let segment = Arc::new(Segment::open(&*self.folder, number)?);
        segments.keep_open(segment.clone());
        Ok(segment)
    }

    fn segments(&self) -> MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Segments {
    fn keep_open(&mut self, segment: Arc<Segment>) {
        self.open.push_back(segment);
        if self.open.len() > OPEN_SEGMENTS {
            self.open.pop_front();
        }
    }
}

/// Where a walk that begins at `from` begins in a segment.
fn start_in(segment: u32, from: Position) -> u64 {
    if segment == from.segment() { from.offset().max(SEGMENT_HEADER_BYTES) } else { SEGMENT_HEADER_BYTES }
}

/// One write and one sync. Where the disk is full, the stretch is blank again afterwards.
fn write_and_sync(tail: &Tail, bytes: &[u8]) -> Result<(), Error> {
    let result = tail.segment.write(bytes, tail.offset).and_then(|()| tail.segment.sync());
    match result {
        Err(full @ Error::Full { .. }) => {
            tail.segment.blank(tail.offset, tail.offset + bytes.len() as u64).map_err(|error| match error {
                Error::Full { source } => {
                    Error::Io { operation: "undo a write to", path: tail.segment.path.clone(), source }
                }
                other => other,
            })?;
            Err(full)
        }
        other => other,
    }
}

/// Reads the headers of all segments, makes the first where there is none, and removes an unfinished one.
fn open_segments(folder: &dyn Folder, segment_bytes: u64) -> Result<(Segments, Arc<Segment>), Error> {
    let names = folder.names().map_err(|source| failed("list", folder.path(), source))?;
    for unfinished in names.iter().filter(|name| name.ends_with(".partial")) {
        folder.remove(unfinished).map_err(|source| failed("remove", &folder.path().join(unfinished), source))?;
    }
    let mut segments = Segments::default();
    let mut last = None;
    for number in names.iter().filter_map(|name| number_of(name)) {
        let expected = segments.known.last_key_value().map_or(number, |(last, _)| last + 1);
        if number != expected {
            return Err(Error::Damaged { what: format!("journal {} is missing", file_name(expected)) });
        }
        let segment = Segment::open(folder, number)?;
        segments.known.insert(number, segment.info);
        last = Some(segment);
    }
    let mut last = match last {
        Some(segment) => segment,
        None => {
            Segment::create(folder, SegmentInfo { number: 1, size: segment_bytes, generation: 1, previous_end: 0 })?
        }
    };
    last.restore_size()?;
    segments.known.insert(last.info.number, last.info);
    Ok((segments, Arc::new(last)))
}

/// A record of the journal that is not what was written.
pub(crate) fn damaged(position: Position, why: &str) -> Error {
    Error::Damaged { what: format!("journal {position}: {why}") }
}

/// The same for an entry, as its log names it.
pub(crate) fn damaged_entry(log: &LogId, seq: u64, why: record::Malformed) -> Error {
    Error::Damaged { what: format!("entry {seq} of log {log}: {}", why.0) }
}

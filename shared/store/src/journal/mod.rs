//! The journal: the truth on disk. Append-only segments of framed, checksummed records; a commit is one write
//! and one sync.
//!
//! | module | holds |
//! | --- | --- |
//! | `position` | places in the journal |
//! | `frame` | the form of a record |
//! | `segment` | the files |
//! | `scan` | walking over frames; what is torn and what is damaged |
//! | `opening` | the segments that are there, and those that are lost |

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sanji_log::{CaseId, LogId};

use crate::contract::{Commit, Error};
use crate::files::Folder;
use crate::record;
use frame::{HEADER_BYTES, Header, Kind, destroyed_payload, frame_bytes, key_payload, parse_key};
use segment::{Found, SEGMENT_HEADER_BYTES, Segment, SegmentInfo, file_name};

mod frame;
mod opening;
mod position;
mod scan;
mod segment;

pub(crate) use position::Position;
pub(crate) use scan::{Committed, Damage, Event};

/// Largest commit, in bytes: offsets in a segment have 32 bits.
const COMMIT_MAX_BYTES: usize = 1 << 31;
/// Segments kept open besides the last.
const OPEN_SEGMENTS: usize = 32;
/// The first segment is no larger: it is filled with zeros while somebody waits for a new station, and hundreds of
/// stations that are set up at once would write tens of gigabytes. Each next one is at most twice as large as the last,
/// since writers wait while it is filled.
pub(crate) const FIRST_SEGMENT_BYTES: u64 = 4 << 20;
/// Bytes that the journal never takes of the disk: what was committed must still get into the index.
pub(crate) const KEPT_FREE_BYTES: u64 = 16 << 20;

/// An open journal. Any thread may read while one appends.
pub(crate) struct Journal {
    folder: Box<dyn Folder>,
    segment_bytes: u64,
    segments: Mutex<Segments>,
    tail: Mutex<Tail>,
    /// What stands after the tail is not known, since a write or a sync failed.
    broken: AtomicBool,
}

#[derive(Default)]
struct Segments {
    known: BTreeMap<u32, SegmentInfo>,
    /// Those that were there once.
    lost: BTreeSet<u32>,
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
    /// Acknowledged records that can't be read.
    pub(crate) damage: Vec<Damage>,
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
    /// cut; damage is reported and stays as it is: the journal goes on in a new segment.
    pub(crate) fn open(
        folder: Box<dyn Folder>,
        segment_bytes: u64,
        from: Position,
        visit: &mut dyn FnMut(Committed) -> Result<(), Error>,
    ) -> Result<(Self, Opening), Error> {
        let (segments, last) = opening::open_segments(&*folder, segment_bytes, from.segment())?;
        let journal = Self {
            folder,
            segment_bytes,
            segments: Mutex::new(segments),
            tail: Mutex::new(Tail { segment: last.clone(), offset: SEGMENT_HEADER_BYTES }),
            broken: AtomicBool::new(false),
        };
        let mut opening = Opening::default();
        let before = journal.segments().lost.range(..from.segment()).copied().collect::<Vec<_>>();
        opening.damage.extend(before.into_iter().map(lost));
        let end = journal.replay(from, &mut |event| {
            match event {
                Event::Commit(committed) => visit(committed)?,
                Event::DamagedKey(position) => tracing::warn!(journal.position = %position, "a case key can't be read"),
                Event::Damage(damage) => opening.damage.push(damage),
            }
            Ok(())
        })?;
        let in_last = |damage: &Damage| damage.until > Position::new(last.info.number, 0);
        if opening.damage.iter().any(in_last) {
            let mut tail = journal.tail();
            tail.offset = end.torn_until.map_or(end.offset, |until| until.max(end.offset));
            match journal.roll(&mut tail, 0) {
                // There is room behind the damage, too.
                Ok(()) | Err(Error::Full { .. }) => {}
                Err(error) => return Err(error),
            }
        } else {
            if let Some(until) = end.torn_until {
                opening.cut_bytes = until - end.offset;
                last.blank(end.offset, until)?;
            }
            journal.tail().offset = end.offset;
        }
        Ok((journal, opening))
    }

    /// Goes on in a new segment, whatever stands in this one: the index knows of more than there is. Where that fails,
    /// nothing can be written before the journal has recovered.
    pub(crate) fn leave_segment(&self) -> Result<(), Error> {
        self.broken.store(true, Ordering::Relaxed);
        self.roll(&mut self.tail(), 0)?;
        self.broken.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Makes the journal writable again after a failed write or sync: nothing that was open then is believed, all that
    /// was acknowledged in the last segment is read from the disk, and the journal goes on in a new segment. Returns
    /// what of it can't be read.
    pub(crate) fn recover(&self) -> Result<Vec<Damage>, Error> {
        let mut tail = self.tail();
        if !self.broken.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        self.segments().open.clear();
        let segment = Arc::new(Segment::open(&*self.folder, tail.segment.info.number)?);
        segment.forget_cached()?;
        let mut damage = Vec::new();
        scan::walk(&segment, SEGMENT_HEADER_BYTES, Some(tail.offset), &mut |event| {
            if let Event::Damage(found) = event {
                damage.push(found);
            }
            Ok(())
        })?;
        // Tidy where it works. Where it does not, the next segment says all the same that nothing there counts.
        if let Ok(Some(until)) = segment.last_used(tail.offset)
            && let Err(error) = segment.blank(tail.offset, until)
        {
            tracing::warn!(%error, "the remains of a failed write stay where they are");
        }
        tail.segment = segment;
        self.roll(&mut tail, 0)?;
        self.broken.store(false, Ordering::Relaxed);
        Ok(damage)
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
    /// error: the end of the journal is unknown until it has recovered.
    pub(crate) fn append(&self, commit: &Commit) -> Result<Appended, Error> {
        self.append_as(Kind::Commit, commit)
    }

    /// Writes runs that stand in place of records which can't be read.
    pub(crate) fn append_healed(&self, commit: &Commit) -> Result<Appended, Error> {
        self.append_as(Kind::Healed, commit)
    }

    fn append_as(&self, kind: Kind, commit: &Commit) -> Result<Appended, Error> {
        let size: usize = commit.extensions.iter().map(|extension| extension.run.size()).sum();
        if size >= COMMIT_MAX_BYTES {
            return Err(Error::Invalid { what: "a commit of 2 GB or more" });
        }
        let (payload, starts) = record::encode(commit);
        let keys: Vec<_> = commit.case_keys.iter().map(|key| (key.case, key_payload(&key.case, &key.bytes))).collect();
        let size = keys.iter().map(|(_, key)| frame_bytes(key.len())).sum::<u64>() + frame_bytes(payload.len());

        let mut tail = self.tail();
        if tail.offset + size > tail.segment.info.size {
            self.roll(&mut tail, size).inspect_err(|error| self.note(error))?;
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
        let frame = put(kind, &payload);
        write_and_sync(&tail, &bytes).inspect_err(|error| self.note(error))?;
        tail.offset += size;
        let runs = starts.iter().map(|start| frame.plus(HEADER_BYTES as u64 + u64::from(*start))).collect();
        Ok(Appended { runs, keys, write, end: write.plus(size) })
    }

    fn note(&self, error: &Error) {
        if !matches!(error, Error::Full { .. }) {
            self.broken.store(true, Ordering::Relaxed);
        }
    }

    /// Goes on in a new segment, large enough for `size` bytes of frames. It grows with the journal, and where the disk is
    /// nearly full, it is as large as there is room.
    fn roll(&self, tail: &mut Tail, size: u64) -> Result<(), Error> {
        let needed = SEGMENT_HEADER_BYTES + size;
        let room = self.folder.room().map_or(u64::MAX, |room| room.free_bytes.saturating_sub(KEPT_FREE_BYTES));
        if room < needed {
            return Err(Error::Full { source: std::io::ErrorKind::StorageFull.into() });
        }
        let last = tail.segment.info;
        let info = SegmentInfo {
            number: last.number + 1,
            size: self.segment_bytes.min(2 * last.size).min(room).max(needed),
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
        for number in from.segment().max(1)..=last {
            self.walk_segment(number, from, visit)?;
        }
        Ok(())
    }

    /// Walks over all frames from `from` on when it is not known yet where they end; tells how the last segment
    /// ends.
    fn replay(&self, from: Position, visit: &mut dyn FnMut(Event) -> Result<(), Error>) -> Result<scan::End, Error> {
        let last = self.end().segment();
        for number in from.segment().max(1)..last {
            self.walk_segment(number, from, visit)?;
        }
        scan::walk(&*self.segment(last)?, start_in(last, from), None, visit)
    }

    fn walk_segment(
        &self,
        number: u32,
        from: Position,
        visit: &mut dyn FnMut(Event) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.segments().lost.contains(&number) {
            return visit(Event::Damage(lost(number)));
        }
        let end = self.end_of(&self.tail(), number);
        scan::walk(&*self.segment(number)?, start_in(number, from), end, visit).map(|_| ())
    }

    /// Walks over every frame and every unused byte. `progress` hears the bytes checked so far. Returns the
    /// number of frames. Commits wait only while the unused end of the last segment is read.
    pub(crate) fn check(
        &self,
        visit: &mut dyn FnMut(Event) -> Result<(), Error>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<u64, Error> {
        let (mut frames, mut checked) = (0, 0);
        let (known, lost) = {
            let segments = self.segments();
            (segments.known.values().copied().collect::<Vec<_>>(), segments.lost.clone())
        };
        for number in lost {
            self.walk_segment(number, Position::default(), visit)?;
        }
        for info in known {
            let segment = self.segment(info.number)?;
            let damage = |what: String| {
                let at = Position::new(info.number, SEGMENT_HEADER_BYTES);
                Event::Damage(Damage { what: format!("segment {}: {what}", info.number), from: at, until: at })
            };
            if !segment.header_is_intact()? {
                visit(damage("its header has changed".to_owned()))?;
            }
            let end = self.end_of(&self.tail(), info.number);
            frames += scan::walk(&segment, SEGMENT_HEADER_BYTES, end, visit)?.frames;
            // Held so that no commit writes where nothing must stand.
            let tail = self.tail();
            if let Some(end) = self.end_of(&tail, info.number)
                && let Some(used) = segment.last_used(end)?
            {
                visit(damage(format!("bytes after its end, at {}", used - 1)))?;
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
        let end = |info: &SegmentInfo| self.end_of(&tail, info.number).unwrap_or(info.size);
        known.into_iter().map(|info| (file_name(info.number), end(&info), info.size)).collect()
    }

    /// Where the frames of a segment end, as the next one says. None: it does not say, since it was damaged.
    fn end_of(&self, tail: &Tail, number: u32) -> Option<u64> {
        if tail.segment.info.number == number {
            return Some(tail.offset);
        }
        self.segments().known.get(&(number + 1)).map(|next| next.previous_end).filter(|end| *end > 0)
    }

    fn segment(&self, number: u32) -> Result<Arc<Segment>, Error> {
        let mut segments = self.segments();
        if let Some(segment) = segments.open.iter().find(|segment| segment.info.number == number) {
            return Ok(segment.clone());
        }
        if segments.lost.contains(&number) {
            return Err(Error::Damaged { what: format!("journal {} is lost", file_name(number)) });
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

/// The damage of a segment that is not there.
fn lost(number: u32) -> Damage {
    let what = format!("{} is lost", file_name(number));
    Damage { what, from: Position::new(number, 0), until: Position::new(number + 1, 0) }
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

/// A record of the journal that is not what was written.
pub(crate) fn damaged(position: Position, why: &str) -> Error {
    Error::Damaged { what: format!("journal {position}: {why}") }
}

/// The same for an entry, as its log names it.
pub(crate) fn damaged_entry(log: &LogId, seq: u64, why: record::Malformed) -> Error {
    Error::Damaged { what: format!("entry {seq} of log {log}: {}", why.0) }
}

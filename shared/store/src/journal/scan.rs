//! Walking over a segment's frames, and telling a write that a power cut tore from damage.
//!
//! A disk writes sectors whole and in any order, so a torn write has lost whole sectors, which are then zero as
//! the segment was made; nothing was written after it, since the next write waits for the sync of this one. What
//! is neither is damage: it is reported and never cut.

use bytes::Bytes;
use sanji_log::CaseId;

use super::frame::{HEADER_BYTES, Header, Kind, MAGIC, parse_key};
use super::position::Position;
use super::segment::{Found, Segment};
use crate::contract::Error;
use crate::record::{self, Record};

/// The smallest unit that a disk writes whole, in bytes.
const SECTOR_BYTES: u64 = 512;
/// A frame ends with a checksum and, before it, with a signature or a key: so many zeros there were never written.
const LOST_END_BYTES: u64 = 8;
const CASE_BYTES: usize = 16;

/// A commit as it stands in the journal.
#[derive(Debug)]
pub(crate) struct Committed {
    /// Where its first frame stands.
    pub(crate) write: Position,
    /// Where its payload begins: places of runs count from here.
    pub(crate) payload: Position,
    /// Just after it.
    pub(crate) end: Position,
    pub(crate) record: Record,
    /// Its runs stand in place of others that can't be read.
    pub(crate) healed: bool,
    /// The key frames of the same write.
    pub(crate) keys: Vec<(CaseId, Position)>,
}

/// What a walk meets.
#[derive(Debug)]
pub(crate) enum Event {
    Commit(Committed),
    /// A key frame that can't be read: a destruction that was cut short, or damage.
    DamagedKey(Position),
    /// Acknowledged records can't be read.
    Damage(Damage),
}

/// A stretch of the journal that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) what: String,
    pub(crate) from: Position,
    /// Just after it.
    pub(crate) until: Position,
}

/// How the frames of a segment end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// Where the next frame goes.
    pub(crate) offset: u64,
    /// Where the remains of a torn write end, which begin at `offset`.
    pub(crate) torn_until: Option<u64>,
    /// Frames read.
    pub(crate) frames: u64,
}

/// Walks over the frames of a segment from `from` on. `known_end`: where they end, as the next segment says;
/// none for the last segment.
pub(crate) fn walk(
    segment: &Segment,
    from: u64,
    known_end: Option<u64>,
    visit: &mut dyn FnMut(Event) -> Result<(), Error>,
) -> Result<End, Error> {
    let mut at = from;
    let mut write_start = from;
    let mut keys = Vec::new();
    let mut frames = 0;
    let position = |offset| Position::new(segment.info.number, offset);
    loop {
        if known_end.is_some_and(|end| at >= end) {
            if !keys.is_empty() {
                let what = format!("{}: a write without its commit", position(write_start));
                visit(Event::Damage(Damage { what, from: position(write_start), until: position(at) }))?;
            }
            return Ok(End { offset: at, torn_until: None, frames });
        }
        let (bad, bad_until) = match segment.frame_at(at)? {
            Found::Frame(header, payload) => {
                frames += 1;
                at = header.end();
                match header.kind {
                    Kind::CaseKey => match parse_key(&payload) {
                        Some((case, _)) => keys.push((case, header.position)),
                        None => visit(Event::DamagedKey(header.position))?,
                    },
                    Kind::Commit | Kind::Healed => {
                        visit(commit(&header, payload, std::mem::take(&mut keys)))?;
                        write_start = at;
                    }
                }
                continue;
            }
            Found::BadPayload(header) => (Some(header), header.end()),
            Found::BadHeader | Found::Blank => (None, at + 1),
        };
        let last_used = match known_end {
            Some(end) => end,
            None => match segment.last_used(at)? {
                Some(last) => last,
                None => {
                    let torn_until = (!keys.is_empty()).then_some(at);
                    return Ok(End { offset: write_start, torn_until, frames });
                }
            },
        };
        let later = next_frame(segment, bad_until, last_used, |write| write > position(write_start))?;
        if later.is_none() && known_end.is_none() && is_torn(segment, at, last_used, bad)? {
            return Ok(End { offset: write_start, torn_until: Some(last_used), frames });
        }
        if let Some(header) = bad.filter(|header| header.kind == Kind::CaseKey) {
            visit(Event::DamagedKey(header.position))?;
            // A destruction that was cut short leaves the case as it was, so it can be found and finished.
            let case = segment.read(at + HEADER_BYTES as u64, CASE_BYTES)?;
            keys.extend(case.try_into().ok().map(|case| (CaseId(case), header.position)));
            at = header.end();
            continue;
        }
        // Of the same write only what can't be read is lost.
        let next = next_frame(segment, bad_until, last_used, |write| write >= position(write_start))?;
        let until = next.map_or(last_used, |(offset, _)| offset);
        let what = format!("{}: no readable frame", position(at));
        visit(Event::Damage(Damage { what, from: position(at), until: position(until) }))?;
        match next {
            Some((next, write)) if write == position(write_start) => at = next,
            Some((next, _)) => {
                keys.clear();
                (at, write_start) = (next, next);
            }
            None => return Ok(End { offset: last_used, torn_until: None, frames }),
        }
    }
}

fn commit(header: &Header, payload: Vec<u8>, keys: Vec<(CaseId, Position)>) -> Event {
    match record::decode(&Bytes::from(payload)) {
        Ok(record) => Event::Commit(Committed {
            write: header.write,
            payload: header.position.plus(HEADER_BYTES as u64),
            end: Position::new(header.position.segment(), header.end()),
            record,
            healed: header.kind == Kind::Healed,
            keys,
        }),
        Err(record::Malformed(why)) => Event::Damage(Damage {
            what: format!("{}: {why}", header.position),
            from: header.write,
            until: Position::new(header.position.segment(), header.end()),
        }),
    }
}

/// Where the first frame after `from` stands that belongs to a wanted write, and to which.
fn next_frame(
    segment: &Segment,
    from: u64,
    until: u64,
    is_wanted: impl Fn(Position) -> bool,
) -> Result<Option<(u64, Position)>, Error> {
    const CHUNK: usize = 1 << 18;
    let mut start = from;
    while start < until {
        // Chunks overlap by a header, so that none is missed at their border.
        let bytes = segment.read(start, CHUNK + HEADER_BYTES)?;
        for (at, window) in bytes.windows(HEADER_BYTES).enumerate() {
            let offset = start + at as u64;
            if offset >= until {
                return Ok(None);
            }
            if !window.starts_with(&MAGIC) {
                continue;
            }
            let header = <&[u8; HEADER_BYTES]>::try_from(window).ok().and_then(Header::parse);
            if let Some(header) = header.filter(|header| segment.owns(header, offset) && is_wanted(header.write)) {
                return Ok(Some((offset, header.write)));
            }
        }
        start += CHUNK as u64;
    }
    Ok(None)
}

/// Whether what stands at `at`, with nothing of a later write behind it, has lost a sector, its own end, or that of the
/// file. A write that failed half-way may end within a sector.
fn is_torn(segment: &Segment, at: u64, last_used: u64, bad: Option<Header>) -> Result<bool, Error> {
    let header_end = at + HEADER_BYTES as u64;
    let end = bad.map_or(header_end.max(last_used), |header| header.end());
    let ends_early = match bad {
        Some(header) => last_used + LOST_END_BYTES <= header.end(),
        None => last_used < header_end,
    };
    if ends_early {
        return Ok(true);
    }
    if segment.cut_at.is_some_and(|cut| cut < bad.map_or(header_end, |header| header.end())) {
        return Ok(true);
    }
    has_lost_sector(segment, at, end)
}

fn has_lost_sector(segment: &Segment, from: u64, until: u64) -> Result<bool, Error> {
    let mut at = from;
    while at < until {
        let end = until.min((at / SECTOR_BYTES + 1) * SECTOR_BYTES);
        let bytes = segment.read(at, usize::try_from(end - at).unwrap_or_default())?;
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(true);
        }
        at = end;
    }
    Ok(false)
}

//! Segments: the files of the journal. A segment is made at its full size, filled with zeros, before its name
//! appears; so appending changes no size, and what was never written is known to be zero.
//!
//! ```text
//! "SjJournl" [8] · version u32 · crc u32 · number u32 · 0 u32 · size u64 · generation u64 · previous end u64 · 0 …  (64 bytes)
//! ```

use std::path::PathBuf;

use super::frame::{HEADER_BYTES, Header, frame_bytes};
use super::position::Position;
use crate::contract::Error;
use crate::files::{File, Folder, failed, read_past_bad_blocks};

/// Bytes before the first frame.
pub(crate) const SEGMENT_HEADER_BYTES: u64 = 64;
const MAGIC: [u8; 8] = *b"SjJournl";
const VERSION: u32 = 1;
const CRC_AT: usize = 12;
static ZEROS: [u8; 1 << 18] = [0; 1 << 18];

/// What a segment's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentInfo {
    pub(crate) number: u32,
    /// Bytes of the file.
    pub(crate) size: u64,
    /// Every use of a file has its own: stale frames carry another.
    pub(crate) generation: u64,
    /// Where the frames of the segment before end; 0 for the first, or where that is not known.
    pub(crate) previous_end: u64,
}

/// An open segment.
pub(crate) struct Segment {
    pub(crate) info: SegmentInfo,
    pub(crate) path: PathBuf,
    /// Where the file ended when it was opened, should it have been cut.
    pub(crate) cut_at: Option<u64>,
    file: Box<dyn File>,
}

/// What stands at a place where a frame should begin.
#[derive(Debug)]
pub(crate) enum Found {
    /// A good frame and its payload.
    Frame(Header, Vec<u8>),
    /// Zeros, or the end of the segment.
    Blank,
    /// No frame header.
    BadHeader,
    /// A good header with a payload that is not what was written.
    BadPayload(Header),
}

pub(crate) fn file_name(number: u32) -> String {
    format!("segment-{number:08}")
}

pub(crate) fn number_of(name: &str) -> Option<u32> {
    name.strip_prefix("segment-").filter(|digits| digits.len() == 8)?.parse().ok()
}

impl Segment {
    /// Makes a segment, durably: whole or not at all.
    pub(crate) fn create(folder: &dyn Folder, info: SegmentInfo) -> Result<Self, Error> {
        let name = file_name(info.number);
        let partial = format!("{name}.partial");
        let path = folder.path().join(&name);
        let make = || {
            let file = folder.create(&partial)?;
            let mut at = 0;
            while at < info.size {
                let count = ZEROS.len().min(usize::try_from(info.size - at).unwrap_or(ZEROS.len()));
                file.write_at(&ZEROS[..count], at)?;
                at += count as u64;
            }
            file.write_at(&info.encode(), 0)?;
            file.sync()?;
            Ok(file)
        };
        let file = make().map_err(|source| {
            if let Err(error) = folder.remove(&partial) {
                tracing::warn!(file.name = %partial, %error, "can't remove an unfinished segment");
            }
            failed("create", &path, source)
        })?;
        // Final, whatever the cause: once the name may be on disk, no commit may go to the segment before.
        folder.rename(&partial, &name).and_then(|()| folder.sync("")).map_err(|source| Error::Io {
            operation: "name",
            path: path.clone(),
            source,
        })?;
        Ok(Self { info, path, cut_at: None, file })
    }

    /// Opens a segment and checks its header.
    pub(crate) fn open(folder: &dyn Folder, number: u32) -> Result<Self, Error> {
        let name = file_name(number);
        let path = folder.path().join(&name);
        let file = folder.open(&name).map_err(|source| failed("open", &path, source))?;
        let mut header = [0; SEGMENT_HEADER_BYTES as usize];
        read_past_bad_blocks(&*file, &mut header, 0).map_err(|source| failed("read", &path, source))?;
        let info = SegmentInfo::parse(&header)
            .filter(|info| info.number == number)
            .ok_or_else(|| Error::Damaged { what: format!("header of journal {name}") })?;
        Ok(Self { info, path, cut_at: None, file })
    }

    /// Opens a segment whose header is damaged: its first frame says what is needed, and the header is written again.
    /// None where there is no such frame.
    pub(crate) fn open_without_header(folder: &dyn Folder, number: u32) -> Result<Option<Self>, Error> {
        let name = file_name(number);
        let path = folder.path().join(&name);
        let file = folder.open(&name).map_err(|source| failed("open", &path, source))?;
        let mut first = [0; HEADER_BYTES];
        let read = read_past_bad_blocks(&*file, &mut first, SEGMENT_HEADER_BYTES);
        read.map_err(|source| failed("read", &path, source))?;
        let first = Header::parse(&first).filter(|first| first.position == Position::new(number, SEGMENT_HEADER_BYTES));
        let Some(Header { generation, .. }) = first else { return Ok(None) };
        let size = file.size().map_err(|source| failed("read", &path, source))?;
        let info = SegmentInfo { number, size, generation, previous_end: 0 };
        let segment = Self { info, path, cut_at: None, file };
        segment.write(&info.encode(), 0)?;
        segment.sync()?;
        Ok(Some(segment))
    }

    /// Reads come from the disk from now on.
    pub(crate) fn forget_cached(&self) -> Result<(), Error> {
        self.file.forget_cached().map_err(|source| failed("read", &self.path, source))
    }

    /// Whether the header on disk is still the one that was read.
    pub(crate) fn header_is_intact(&self) -> Result<bool, Error> {
        Ok(self.read(0, SEGMENT_HEADER_BYTES as usize)? == self.info.encode())
    }

    /// Reads up to `count` bytes; fewer only at the end of the file.
    pub(crate) fn read(&self, offset: u64, count: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; count];
        let read = read_past_bad_blocks(&*self.file, &mut bytes, offset);
        bytes.truncate(read.map_err(|source| failed("read", &self.path, source))?);
        Ok(bytes)
    }

    pub(crate) fn write(&self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        self.file.write_at(bytes, offset).map_err(|source| failed("write", &self.path, source))
    }

    /// Makes what was written durable. A failure is final, whatever its cause: the system may have dropped the
    /// bytes and would report success the next time.
    pub(crate) fn sync(&self) -> Result<(), Error> {
        self.file.sync().map_err(|source| Error::Io { operation: "sync", path: self.path.clone(), source })
    }

    /// Writes zeros over a stretch and syncs.
    pub(crate) fn blank(&self, from: u64, until: u64) -> Result<(), Error> {
        let mut at = from;
        while at < until {
            let count = ZEROS.len().min(usize::try_from(until - at).unwrap_or(ZEROS.len()));
            self.write(&ZEROS[..count], at)?;
            at += count as u64;
        }
        self.sync()
    }

    /// Fills the file up to its full size with zeros, should it have been cut.
    pub(crate) fn restore_size(&mut self) -> Result<(), Error> {
        let size = self.file.size().map_err(|source| failed("read", &self.path, source))?;
        if size < self.info.size {
            self.cut_at = Some(size);
            self.blank(size, self.info.size)?;
        }
        Ok(())
    }

    /// Where the last byte that is not zero stands in `from..`, plus one; none where all are zero.
    pub(crate) fn last_used(&self, from: u64) -> Result<Option<u64>, Error> {
        let (mut at, mut last) = (from, None);
        while at < self.info.size {
            let bytes = self.read(at, ZEROS.len().min(usize::try_from(self.info.size - at).unwrap_or(ZEROS.len())))?;
            if bytes.is_empty() {
                break;
            }
            // Most is blank, and comparing it whole is many times faster than looking at each byte.
            let blank = ZEROS.get(..bytes.len()).is_some_and(|zeros| zeros == bytes);
            if !blank && let Some(place) = bytes.iter().rposition(|byte| *byte != 0) {
                last = Some(at + place as u64 + 1);
            }
            at += bytes.len() as u64;
        }
        Ok(last)
    }

    /// Reads what stands at an offset.
    pub(crate) fn frame_at(&self, offset: u64) -> Result<Found, Error> {
        let bytes = self.read(offset, HEADER_BYTES)?;
        let Ok(bytes) = <[u8; HEADER_BYTES]>::try_from(bytes) else { return Ok(Found::Blank) };
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(Found::Blank);
        }
        let Some(header) = Header::parse(&bytes).filter(|header| self.owns(header, offset)) else {
            return Ok(Found::BadHeader);
        };
        let length = header.length as usize;
        let mut payload = self.read(offset + HEADER_BYTES as u64, length + 4)?;
        let trailer = payload.split_off(length.min(payload.len()));
        if payload.len() == length && trailer == crc32c::crc32c(&payload).to_le_bytes() {
            Ok(Found::Frame(header, payload))
        } else {
            Ok(Found::BadPayload(header))
        }
    }

    /// Whether a header is of this segment, this use of it, and this place.
    pub(crate) fn owns(&self, header: &Header, offset: u64) -> bool {
        header.generation == self.info.generation
            && header.position == Position::new(self.info.number, offset)
            && offset + frame_bytes(header.length as usize) <= self.info.size
    }
}

impl SegmentInfo {
    fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES as usize] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES as usize];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.number.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.size.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.generation.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.previous_end.to_le_bytes());
        let crc = crc32c::crc32c(&bytes);
        bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn parse(bytes: &[u8; SEGMENT_HEADER_BYTES as usize]) -> Option<Self> {
        let u32_at = |at: usize| bytes[at..at + 4].try_into().map(u32::from_le_bytes).unwrap_or_default();
        let u64_at = |at: usize| bytes[at..at + 8].try_into().map(u64::from_le_bytes).unwrap_or_default();
        let info = Self { number: u32_at(16), size: u64_at(24), generation: u64_at(32), previous_end: u64_at(40) };
        (info.encode() == *bytes).then_some(info)
    }
}

//! Frames: the records of a segment. All numbers are little endian.
//!
//! ```text
//! magic u32 · version u8 · kind u8 · 0 u16 · length u32 · header crc u32 · generation u64 · position u64 · write u64
//! payload [length] · payload crc u32
//! ```
//!
//! The header has a checksum of its own, so that a damaged payload can be stepped over. Generation and position
//! tell a frame from bytes that an earlier use of the file left there. `write` is the position of the first
//! frame of the same write: what follows a hole and begins a later write proves that the hole was once whole.

use sanji_log::CaseId;

use super::position::Position;

pub(crate) const HEADER_BYTES: usize = 40;
const TRAILER_BYTES: usize = 4;
/// First four bytes of every frame.
pub(crate) const MAGIC: [u8; 4] = *b"SjF\x01";
const VERSION: u8 = 1;
const CRC_AT: usize = 12;

/// What a frame's payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Runs and receipts; completes the write. See `record`.
    Commit = 1,
    /// The wrapped key of a case; counts once the commit of the same write is there.
    CaseKey = 2,
    /// Runs that stand in place of records which can't be read; completes the write as a commit does.
    Healed = 3,
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    /// Bytes of the payload.
    pub(crate) length: u32,
    pub(crate) generation: u64,
    pub(crate) position: Position,
    /// Where the first frame of the same write stands.
    pub(crate) write: Position,
}

/// Bytes that a frame takes for a payload of `length` bytes.
pub(crate) fn frame_bytes(length: usize) -> u64 {
    (HEADER_BYTES + length + TRAILER_BYTES) as u64
}

impl Header {
    /// Offset just after the frame, in its segment.
    pub(crate) fn end(&self) -> u64 {
        self.position.offset() + frame_bytes(self.length as usize)
    }

    /// Appends a whole frame.
    pub(crate) fn put_frame(&self, out: &mut Vec<u8>, payload: &[u8]) {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, self.kind as u8, 0, 0]);
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&self.position.number().to_le_bytes());
        out.extend_from_slice(&self.write.number().to_le_bytes());
        let crc = crc32c::crc32c(&out[start..]);
        out[start + CRC_AT..start + CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(payload);
        out.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    }

    /// Reads a header. None: these bytes are not one.
    pub(crate) fn parse(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let u32_at = |at: usize| bytes[at..at + 4].try_into().map(u32::from_le_bytes).unwrap_or_default();
        let u64_at = |at: usize| bytes[at..at + 8].try_into().map(u64::from_le_bytes).unwrap_or_default();
        let mut plain = *bytes;
        plain[CRC_AT..CRC_AT + 4].fill(0);
        if bytes[..4] != MAGIC || bytes[4] != VERSION || crc32c::crc32c(&plain) != u32_at(CRC_AT) {
            return None;
        }
        let kind = match bytes[5] {
            1 => Kind::Commit,
            2 => Kind::CaseKey,
            3 => Kind::Healed,
            _ => return None,
        };
        Some(Self {
            kind,
            length: u32_at(8),
            generation: u64_at(16),
            position: Position::from_number(u64_at(24)),
            write: Position::from_number(u64_at(32)),
        })
    }
}

/// The payload of a key frame: case, 1 for a key that is there, key.
pub(crate) fn key_payload(case: &CaseId, key: &[u8]) -> Vec<u8> {
    let mut payload = case.0.to_vec();
    payload.push(1);
    payload.extend_from_slice(key);
    payload
}

/// What [`key_payload`] becomes when the key is destroyed: of the same length, with nothing of the key.
pub(crate) fn destroyed_payload(case: &CaseId, length: usize) -> Vec<u8> {
    let mut payload = case.0.to_vec();
    payload.resize(length.max(17), 0);
    payload
}

/// Reads the payload of a key frame: the case, and the key unless it was destroyed.
pub(crate) fn parse_key(payload: &[u8]) -> Option<(CaseId, Option<&[u8]>)> {
    let (case, rest) = payload.split_at_checked(16)?;
    let (state, key) = rest.split_first()?;
    let case = CaseId(case.try_into().ok()?);
    match state {
        0 => Some((case, None)),
        1 => Some((case, Some(key))),
        _ => None,
    }
}

//! Attachments between two stations: the messages, which chunks to ask for next, and what is checked of the
//! answers.
//!
//! The receiver leads. What it holds on its disk is the whole state of a fetch, so a fetch that was cut goes on
//! at its next chunk with whichever station is reached then.
//!
//! | module | holds |
//! | --- | --- |
//! | here | [`AttachmentMessage`]: the messages, checked |
//! | `fetch` | [`Fetch`]: the chunks of one attachment |
//! | `fetcher` | [`Fetcher`]: all that is fetched over one link, the most urgent first |
//! | `window` | how much is asked for at a time, from how fast it is answered |

mod fetch;
mod fetcher;
mod window;

use bytes::Bytes;
use sanji_log::attachment::{CHUNK_BYTES, CHUNK_HASH_BYTES};
use sanji_log::{AttachmentId, CaseId, StationCode};
use sanji_proto::v1 as proto;
use sanji_proto::v1::attachment_message::Message as Wire;

use crate::{Error, field};
pub use fetch::{Fetch, Piece, Wrong};
pub use fetcher::{Fetcher, Heard, Lacking};
pub use window::WINDOW_MAX_CHUNKS;

/// Most chunks of one request: 2 MiB, so that entries wait for little.
pub const REQUEST_MAX_CHUNKS: u32 = 64;
/// In place of a first chunk: asks for no chunk but for who holds the attachment.
pub const WHO_HOLDS: u32 = u32::MAX;
/// Most requests that a station leaves unanswered on a stream. Whoever sends more is cut.
pub const REQUESTS_WAITING_MAX: usize = 4;

const MANIFEST_MAX_BYTES: usize = 1601 * CHUNK_HASH_BYTES;
/// Most stations that may hold one attachment: those of a line.
const HOLDERS_MAX: usize = 8;

/// A message of the attachments' stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachmentMessage {
    /// Asks for chunks.
    Request(ChunkRequest),
    /// Brings one.
    Reply(ChunkReply),
}

/// Asks for chunks of one attachment of a case that both stations hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRequest {
    /// The case.
    pub case: CaseId,
    /// The attachment.
    pub id: AttachmentId,
    /// First chunk wanted, from 0; or [`WHO_HOLDS`].
    pub first_chunk: u32,
    /// How many at the most, 1 to [`REQUEST_MAX_CHUNKS`].
    pub count: u32,
    /// Whether the hashes of all chunks shall come with the first reply.
    pub want_manifest: bool,
    /// Whether somebody waits for it.
    pub urgent: bool,
    /// Whether the receiver shall reply once more when it knows more.
    pub tell: bool,
}

/// One chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkReply {
    /// The attachment.
    pub id: AttachmentId,
    /// Hashes of all chunks, one after the other; empty where not asked for.
    pub manifest: Vec<u8>,
    /// Size of the whole content in bytes; with the manifest.
    pub size: u64,
    /// Number of the chunk, from 0.
    pub chunk: u32,
    /// Its content; empty: the sender does not hold it yet.
    pub data: Bytes,
    /// Whether this is the last reply to the request.
    pub last: bool,
    /// Stations that hold the whole attachment; in answer to [`WHO_HOLDS`].
    pub held_by: Vec<StationCode>,
    /// The sender has got the chunk since it said that it lacks it.
    pub now_here: bool,
}

impl ChunkReply {
    /// A reply that brings no chunk: the last to its request.
    #[must_use]
    pub fn without_data(id: AttachmentId, chunk: u32) -> Self {
        Self {
            id,
            manifest: Vec::new(),
            size: 0,
            chunk,
            data: Bytes::new(),
            last: true,
            held_by: Vec::new(),
            now_here: false,
        }
    }
}

impl From<AttachmentMessage> for proto::AttachmentMessage {
    fn from(message: AttachmentMessage) -> Self {
        let wire = match message {
            AttachmentMessage::Request(request) => Wire::Request(proto::ChunkRequest {
                case_id: request.case.0.to_vec(),
                attachment_id: request.id.0.to_vec(),
                first_chunk: request.first_chunk,
                count: request.count,
                want_manifest: request.want_manifest,
                urgent: request.urgent,
                tell: request.tell,
            }),
            AttachmentMessage::Reply(reply) => Wire::Reply(proto::ChunkReply {
                attachment_id: reply.id.0.to_vec(),
                manifest: reply.manifest,
                size: reply.size,
                chunk: reply.chunk,
                data: reply.data,
                last: reply.last,
                held_by: reply.held_by.iter().map(|station| station.number()).collect(),
                now_here: reply.now_here,
            }),
        };
        Self { message: Some(wire) }
    }
}

impl TryFrom<proto::AttachmentMessage> for AttachmentMessage {
    type Error = Error;

    fn try_from(message: proto::AttachmentMessage) -> Result<Self, Error> {
        match message.message.ok_or(Error::Empty)? {
            Wire::Request(request) => request_from(&request).map(Self::Request),
            Wire::Reply(reply) => reply_from(reply).map(Self::Reply),
        }
    }
}

fn request_from(request: &proto::ChunkRequest) -> Result<ChunkRequest, Error> {
    let wrong = |source| Error::Log { message: "ChunkRequest", source };
    if !(1..=REQUEST_MAX_CHUNKS).contains(&request.count) {
        return Err(field("ChunkRequest", "count", "is out of range"));
    }
    Ok(ChunkRequest {
        case: CaseId::from_bytes(&request.case_id).map_err(wrong)?,
        id: AttachmentId::try_from(request.attachment_id.as_slice()).map_err(wrong)?,
        first_chunk: request.first_chunk,
        count: request.count,
        want_manifest: request.want_manifest,
        urgent: request.urgent,
        tell: request.tell,
    })
}

fn reply_from(reply: proto::ChunkReply) -> Result<ChunkReply, Error> {
    if reply.manifest.len() > MANIFEST_MAX_BYTES {
        return Err(field("ChunkReply", "manifest", "is too long"));
    }
    if reply.data.len() > CHUNK_BYTES {
        return Err(field("ChunkReply", "data", "is too long"));
    }
    if reply.held_by.len() > HOLDERS_MAX {
        return Err(field("ChunkReply", "held_by", "is too long"));
    }
    let wrong = |source| Error::Log { message: "ChunkReply", source };
    let held_by = reply.held_by.iter().map(|station| StationCode::from_number(*station));
    Ok(ChunkReply {
        held_by: held_by.collect::<Result<_, _>>().map_err(wrong)?,
        id: AttachmentId::try_from(reply.attachment_id.as_slice()).map_err(wrong)?,
        manifest: reply.manifest,
        size: reply.size,
        chunk: reply.chunk,
        data: reply.data,
        last: reply.last,
        now_here: reply.now_here,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_as_they_went() {
        let request = ChunkRequest {
            case: CaseId::new("990106101203".parse().unwrap(), 1, 1, [0; 7]).unwrap(),
            id: AttachmentId([3; 32]),
            first_chunk: WHO_HOLDS,
            count: 1,
            want_manifest: true,
            urgent: true,
            tell: true,
        };
        let reply = ChunkReply {
            size: 9,
            manifest: vec![7; 32],
            data: Bytes::from_static(b"chunk"),
            held_by: vec!["990106101203".parse().unwrap()],
            now_here: true,
            ..ChunkReply::without_data(request.id, 4)
        };
        for message in [AttachmentMessage::Request(request), AttachmentMessage::Reply(reply)] {
            assert_eq!(AttachmentMessage::try_from(proto::AttachmentMessage::from(message.clone())), Ok(message));
        }
    }
}

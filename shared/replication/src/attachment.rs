//! Fetching an attachment: which chunks to ask for next, and what is checked of the answers.
//!
//! The receiver leads. What it holds on its disk is the whole state of a fetch, so a fetch that was cut goes on
//! at its next chunk with whichever station is reached then.

use bytes::Bytes;
use sanji_log::attachment::{CHUNK_BYTES, CHUNK_HASH_BYTES, chunk_count, chunk_hash, chunk_hash_in, chunk_length};
use sanji_log::planted::{Bug, planted};
use sanji_log::{AttachmentId, AttachmentRef, CaseId};
use sanji_proto::v1 as proto;
use sanji_proto::v1::attachment_message::Message as Wire;

use crate::{Error, field};

/// Most chunks of one request: 2 MiB, so that entries wait for little.
pub const REQUEST_MAX_CHUNKS: u32 = 64;

const MANIFEST_MAX_BYTES: usize = 1601 * CHUNK_HASH_BYTES;

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
    /// First chunk wanted, from 0.
    pub first_chunk: u32,
    /// How many at the most, 1 to [`REQUEST_MAX_CHUNKS`].
    pub count: u32,
    /// Whether the hashes of all chunks shall come with the first reply.
    pub want_manifest: bool,
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
}

/// What a reply has brought; to be written in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The hashes of all chunks, checked against the attachment's id.
    Manifest(Vec<u8>),
    /// The next chunk, checked against its hash.
    Chunk {
        /// Its number, from 0.
        chunk: u32,
        /// Its content.
        data: Bytes,
    },
}

/// What is wrong with a reply. The fetch goes on, with another station.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is for another attachment.
    #[error("a reply for another attachment")]
    Attachment,
    /// The hashes are not those that the attachment's id names.
    #[error("a manifest that is not the attachment's")]
    Manifest,
    /// A chunk came before the manifest, or out of turn.
    #[error("a chunk that was not asked for")]
    Turn,
    /// The content is not what the manifest says.
    #[error("a chunk with other content than its hash says")]
    Content,
}

/// The receiver's side of one attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    case: CaseId,
    wanted: AttachmentRef,
    manifest: Option<Vec<u8>>,
    next_chunk: u32,
}

impl Fetch {
    /// A fetch of what an entry of a case refers to, where `chunks` are held from the first on, and the manifest
    /// if it is known.
    #[must_use]
    pub fn new(case: CaseId, wanted: AttachmentRef, chunks: u32, manifest: Option<Vec<u8>>) -> Self {
        Self { case, wanted, manifest, next_chunk: chunks }
    }

    /// What to ask for next; none where all is here.
    #[must_use]
    pub fn request(&self) -> Option<ChunkRequest> {
        let left = chunk_count(self.wanted.size).saturating_sub(self.next_chunk);
        (left > 0).then(|| ChunkRequest {
            case: self.case,
            id: self.wanted.id,
            first_chunk: self.next_chunk,
            count: left.min(REQUEST_MAX_CHUNKS),
            want_manifest: self.manifest.is_none(),
        })
    }

    /// Checks a reply. Nothing comes of a reply whose sender does not hold the chunk yet.
    ///
    /// # Errors
    /// What is wrong with the reply; the fetch stands where it stood.
    pub fn take(&mut self, reply: ChunkReply) -> Result<Vec<Piece>, Wrong> {
        if reply.id != self.wanted.id {
            return Err(Wrong::Attachment);
        }
        let mut pieces = Vec::new();
        if self.manifest.is_none() && !reply.manifest.is_empty() {
            let size = self.wanted.size;
            if reply.size != size || !sanji_log::attachment::manifest_matches(&reply.id, size, &reply.manifest) {
                return Err(Wrong::Manifest);
            }
            self.manifest = Some(reply.manifest.clone());
            pieces.push(Piece::Manifest(reply.manifest));
        }
        if reply.data.is_empty() {
            return Ok(pieces);
        }
        let hash = self.manifest.as_deref().and_then(|manifest| chunk_hash_in(manifest, reply.chunk));
        let hash = hash.filter(|_| reply.chunk == self.next_chunk).ok_or(Wrong::Turn)?;
        let length = chunk_length(self.wanted.size, reply.chunk);
        let same = chunk_hash(&reply.data) == hash || planted(Bug::SkipChunkHash);
        if length != Some(reply.data.len()) || !same {
            return Err(Wrong::Content);
        }
        self.next_chunk += 1;
        if planted(Bug::DropChunk) && self.next_chunk > 1 {
            return Ok(pieces);
        }
        pieces.push(Piece::Chunk { chunk: reply.chunk, data: reply.data });
        Ok(pieces)
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
            }),
            AttachmentMessage::Reply(reply) => Wire::Reply(proto::ChunkReply {
                attachment_id: reply.id.0.to_vec(),
                manifest: reply.manifest,
                size: reply.size,
                chunk: reply.chunk,
                data: reply.data,
                last: reply.last,
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
    })
}

fn reply_from(reply: proto::ChunkReply) -> Result<ChunkReply, Error> {
    if reply.manifest.len() > MANIFEST_MAX_BYTES {
        return Err(field("ChunkReply", "manifest", "is too long"));
    }
    if reply.data.len() > CHUNK_BYTES {
        return Err(field("ChunkReply", "data", "is too long"));
    }
    let id = AttachmentId::try_from(reply.attachment_id.as_slice());
    Ok(ChunkReply {
        id: id.map_err(|source| Error::Log { message: "ChunkReply", source })?,
        manifest: reply.manifest,
        size: reply.size,
        chunk: reply.chunk,
        data: reply.data,
        last: reply.last,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use sanji_log::attachment::{manifest, root};

    use super::*;

    fn content() -> Vec<u8> {
        (0..CHUNK_BYTES * 70 + 9).map(|place| (place / 1000) as u8).collect()
    }

    fn fetch(content: &[u8]) -> Fetch {
        let case = CaseId::new("990106101203".parse().unwrap(), 1, 1, [0; 7]).unwrap();
        let size = content.len() as u64;
        Fetch::new(case, AttachmentRef { id: root(size, &manifest(content)), size }, 0, None)
    }

    fn serve(content: &[u8], request: ChunkRequest) -> Vec<ChunkReply> {
        let end = request.first_chunk + request.count;
        let reply = |chunk: u32| ChunkReply {
            id: request.id,
            manifest: if request.want_manifest && chunk == request.first_chunk { manifest(content) } else { vec![] },
            size: content.len() as u64,
            chunk,
            data: content.chunks(CHUNK_BYTES).nth(chunk as usize).unwrap_or_default().to_vec().into(),
            last: chunk + 1 == end,
        };
        (request.first_chunk..end).map(reply).collect()
    }

    #[test]
    fn a_fetch_asks_until_all_is_there() {
        let content = content();
        let mut fetch = fetch(&content);
        let mut got = Vec::new();
        let mut requests = Vec::new();
        while let Some(request) = fetch.request() {
            requests.push((request.first_chunk, request.count, request.want_manifest));
            for reply in serve(&content, request) {
                let wire = proto::AttachmentMessage::from(AttachmentMessage::Reply(reply.clone()));
                assert_eq!(AttachmentMessage::try_from(wire), Ok(AttachmentMessage::Reply(reply.clone())));
                for piece in fetch.take(reply).unwrap() {
                    if let Piece::Chunk { data, .. } = piece {
                        got.extend_from_slice(&data);
                    }
                }
            }
        }
        assert_eq!(requests, [(0, 64, true), (64, 7, false)]);
        assert!(got == content);
    }

    #[test]
    fn wrong_replies_change_nothing() {
        let content = content();
        let mut fetch = fetch(&content);
        let request = fetch.request().unwrap();
        let [first, second] = serve(&content, request).get(..2).unwrap().to_vec().try_into().unwrap();
        let alter = |reply: &ChunkReply, change: &dyn Fn(&mut ChunkReply)| {
            let mut altered = reply.clone();
            change(&mut altered);
            altered
        };
        assert_eq!(fetch.take(alter(&first, &|reply| reply.id.0[0] ^= 1)), Err(Wrong::Attachment));
        assert_eq!(fetch.take(alter(&first, &|reply| reply.manifest[40] ^= 1)), Err(Wrong::Manifest));
        assert_eq!(fetch.take(alter(&first, &|reply| reply.size += 1)), Err(Wrong::Manifest));
        assert_eq!(fetch.take(second.clone()), Err(Wrong::Turn));
        assert_eq!(fetch.request(), Some(request));
        assert_eq!(fetch.take(first.clone()).unwrap().len(), 2);
        assert_eq!(fetch.take(first), Err(Wrong::Turn));
        assert_eq!(fetch.take(alter(&second, &|reply| reply.data = reply.data.slice(1..))), Err(Wrong::Content));
        assert_eq!(fetch.take(alter(&second, &|reply| reply.data = vec![9; CHUNK_BYTES].into())), Err(Wrong::Content));
        assert_eq!(fetch.take(alter(&second, &|reply| reply.data = Bytes::new())), Ok(vec![]));
        assert_eq!(fetch.take(second).unwrap().len(), 1);
    }
}

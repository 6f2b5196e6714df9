//! One attachment: which chunks to ask for next, and what is checked of the answers.

use bytes::Bytes;
use sanji_log::attachment::{chunk_count, chunk_hash, chunk_hash_in, chunk_length};
use sanji_log::planted::{Bug, planted};
use sanji_log::{AttachmentRef, CaseId};

use super::{ChunkReply, ChunkRequest, REQUEST_MAX_CHUNKS};

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
    manifest: Option<Bytes>,
    next_chunk: u32,
    /// End of what was asked for.
    asked: u32,
}

impl Fetch {
    /// A fetch of what an entry of a case refers to, where `chunks` are held from the first on, and the manifest
    /// if it is known.
    #[must_use]
    pub fn new(case: CaseId, wanted: AttachmentRef, chunks: u32, manifest: Option<Bytes>) -> Self {
        Self { case, wanted, manifest, next_chunk: chunks, asked: chunks }
    }

    /// What to ask for first; none where all is here.
    #[must_use]
    pub fn request(&self) -> Option<ChunkRequest> {
        self.request_from(self.next_chunk, REQUEST_MAX_CHUNKS)
    }

    /// Asks for at most `count` chunks more, after those that were asked for and have not come yet. None where all
    /// was asked for.
    pub fn ask(&mut self, count: u32) -> Option<ChunkRequest> {
        let request = self.request_from(self.asked, count)?;
        self.asked += request.count;
        Some(request)
    }

    /// What was asked for and has not come will not come.
    pub fn forget_asked(&mut self) {
        self.asked = self.next_chunk;
    }

    /// Whether there are chunks that were not asked for.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.asked < chunk_count(self.wanted.size)
    }

    /// Whether every chunk has come.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.next_chunk >= chunk_count(self.wanted.size)
    }

    fn request_from(&self, first_chunk: u32, count: u32) -> Option<ChunkRequest> {
        let left = chunk_count(self.wanted.size).saturating_sub(first_chunk);
        (left > 0).then(|| ChunkRequest {
            case: self.case,
            id: self.wanted.id,
            first_chunk,
            count: left.min(count).clamp(1, REQUEST_MAX_CHUNKS),
            // Only the first request of a fetch: those behind it are answered after it.
            want_manifest: self.manifest.is_none() && first_chunk == self.next_chunk,
            urgent: false,
            tell: false,
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
            self.manifest = Some(Bytes::copy_from_slice(&reply.manifest));
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
        self.asked = self.asked.max(self.next_chunk);
        if planted(Bug::DropChunk) && self.next_chunk > 1 {
            return Ok(pieces);
        }
        pieces.push(Piece::Chunk { chunk: reply.chunk, data: reply.data });
        Ok(pieces)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use sanji_log::attachment::{CHUNK_BYTES, manifest, root};

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
            manifest: if request.want_manifest && chunk == request.first_chunk { manifest(content) } else { vec![] },
            size: content.len() as u64,
            data: content.chunks(CHUNK_BYTES).nth(chunk as usize).unwrap_or_default().to_vec().into(),
            last: chunk + 1 == end,
            ..ChunkReply::without_data(request.id, chunk)
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

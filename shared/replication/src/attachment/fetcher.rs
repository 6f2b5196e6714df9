//! All that is fetched over one link: several requests are on their way at a time, for the most urgent
//! attachments first, and what the peer lacks stands back until the peer says that it has it.
//!
//! The peer answers requests in their order. So the oldest that is open says what a reply belongs to.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use sanji_log::{AttachmentId, AttachmentRef, CaseId, StationCode};

use super::fetch::{Fetch, Piece, Wrong};
use super::window::Window;
use super::{ChunkReply, ChunkRequest, REQUESTS_WAITING_MAX, WHO_HOLDS};

/// Requests for chunks that are open at a time; one place is left for the question who holds an attachment.
const CHUNK_REQUESTS_MAX: usize = REQUESTS_WAITING_MAX - 1;
/// How long an attachment that the peer lacks, or has wrong, stands back. The peer says earlier when it has it.
const STAND_BACK_MS: u64 = 30_000;

/// An attachment that is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// The case that refers to it.
    pub case: CaseId,
    /// What the case's entry says.
    pub reference: AttachmentRef,
    /// Whether somebody waits for it.
    pub urgent: bool,
    /// Chunks held, from the first on.
    pub chunks: u32,
    /// Hashes of all chunks; empty where not known.
    pub manifest: Bytes,
}

/// What a reply has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Pieces of an attachment, to be written in this order.
    Pieces {
        /// The attachment.
        reference: AttachmentRef,
        /// Checked.
        pieces: Vec<Piece>,
        /// Whether these are its last.
        complete: bool,
    },
    /// Which stations hold an attachment that was asked about.
    Holders {
        /// The case that refers to it.
        case: CaseId,
        /// The attachment.
        id: AttachmentId,
        /// The stations that are known to.
        held_by: Vec<StationCode>,
    },
    /// Nothing to be kept.
    Nothing,
    /// The peer's chunk is not the attachment's. The entry itself may be at fault, so others go on.
    Wrong(Wrong),
}

/// The receiver's side of one link.
#[derive(Debug, Default)]
pub struct Fetcher {
    /// The most urgent first.
    fetching: Vec<Fetching>,
    /// Attachments of which is to be known who holds them: their case, and whether the peer was asked. It tells by
    /// itself what it learns later.
    wondering: BTreeMap<AttachmentId, (CaseId, bool)>,
    /// Oldest first.
    open: VecDeque<Open>,
    /// Attachments that stand back, and until when.
    standing_back: BTreeMap<AttachmentId, u64>,
    window: Window,
}

#[derive(Debug)]
struct Fetching {
    reference: AttachmentRef,
    fetch: Fetch,
    urgent: bool,
}

/// A request that is not fully answered.
#[derive(Debug)]
struct Open {
    id: AttachmentId,
    first_chunk: u32,
    count: u32,
    sent_ms: u64,
    /// What is still to come of it is passed over.
    ignored: bool,
}

impl Fetcher {
    /// Whether an attachment is being fetched.
    #[must_use]
    pub fn is_fetching(&self, id: &AttachmentId) -> bool {
        self.fetching.iter().any(|fetching| fetching.reference.id == *id)
    }

    /// What is lacking now, the most urgent first; of what is being fetched already only the order and the urgency
    /// count. What is listed no longer is given up, unless its last chunks are being written.
    pub fn want(&mut self, lacking: Vec<Lacking>) {
        let mut before = std::mem::take(&mut self.fetching);
        for Lacking { case, reference, urgent, chunks, manifest } in lacking {
            let known = before.iter().position(|fetching| fetching.reference.id == reference.id);
            let mut fetching = known.map(|place| before.swap_remove(place)).unwrap_or_else(|| {
                let manifest = Some(manifest).filter(|manifest| !manifest.is_empty());
                Fetching { reference, fetch: Fetch::new(case, reference, chunks, manifest), urgent: false }
            });
            if urgent && !fetching.urgent {
                // The peer is to hear that it is urgent, whether it has it or not.
                self.standing_back.remove(&reference.id);
            }
            fetching.urgent = urgent;
            self.fetching.push(fetching);
        }
        for fetching in before {
            if fetching.fetch.is_complete() {
                self.fetching.push(fetching);
            } else {
                self.ignore(&fetching.reference.id);
            }
        }
        let fetching = &self.fetching;
        self.standing_back.retain(|id, _| fetching.iter().any(|fetching| fetching.reference.id == *id));
    }

    /// An attachment is complete and durable.
    pub fn done(&mut self, id: &AttachmentId) {
        self.fetching.retain(|fetching| fetching.reference.id != *id);
        self.standing_back.remove(id);
    }

    /// Which stations hold these attachments is to be known, and nothing of others any more.
    pub fn wonder(&mut self, attachments: impl IntoIterator<Item = (CaseId, AttachmentId)>) {
        let before = std::mem::take(&mut self.wondering);
        let asked = |id: &AttachmentId| before.get(id).is_some_and(|(_, asked)| *asked);
        self.wondering = attachments.into_iter().map(|(case, id)| (id, (case, asked(&id)))).collect();
    }

    /// How many chunks the next request would ask for; a question counts as one. None: there is nothing to ask now.
    #[must_use]
    pub fn next_count(&self, now_ms: u64) -> Option<u32> {
        if self.may_wonder() && self.wondering.values().any(|(_, asked)| !asked) {
            return Some(1);
        }
        let count = self.room()?;
        self.next_place(now_ms).map(|_| count)
    }

    /// The next request, for at most `count` chunks.
    pub fn next(&mut self, count: u32, now_ms: u64) -> Option<ChunkRequest> {
        let request = match self.question() {
            Some(question) => question,
            None => {
                let count = self.room()?.min(count);
                let place = self.next_place(now_ms)?;
                let fetching = self.fetching.get_mut(place)?;
                let request = fetching.fetch.ask(count)?;
                ChunkRequest { urgent: fetching.urgent, tell: true, ..request }
            }
        };
        self.open.push_back(Open {
            id: request.id,
            first_chunk: request.first_chunk,
            count: request.count,
            sent_ms: now_ms,
            ignored: false,
        });
        Some(request)
    }

    fn question(&mut self) -> Option<ChunkRequest> {
        let may_wonder = self.may_wonder();
        let (id, (case, asked)) = self.wondering.iter_mut().find(|(_, (_, asked))| may_wonder && !asked)?;
        *asked = true;
        let (id, case) = (*id, *case);
        Some(ChunkRequest {
            case,
            id,
            first_chunk: WHO_HOLDS,
            count: 1,
            want_manifest: false,
            urgent: false,
            tell: true,
        })
    }

    /// Takes a reply in.
    ///
    /// # Errors
    /// [`Wrong::Turn`]: the peer answers what it was not asked. The link is of no use then.
    pub fn hear(&mut self, reply: ChunkReply, now_ms: u64) -> Result<Heard, Wrong> {
        if reply.now_here {
            self.standing_back.remove(&reply.id);
            return Ok(Heard::Nothing);
        }
        let asked = self.open.front().map(|open| (open.id, open.first_chunk == WHO_HOLDS, open.ignored));
        let is_told = !reply.held_by.is_empty() && asked.is_none_or(|(id, who, _)| id != reply.id || !who);
        if is_told {
            return Ok(self.holders(reply));
        }
        let (_, who, ignored) = asked.filter(|(id, _, _)| *id == reply.id).ok_or(Wrong::Turn)?;
        // An answer without chunks says nothing about how fast chunks come.
        if reply.last
            && let Some(open) = self.open.pop_front()
            && !who
        {
            self.window.answered(open.count, now_ms.saturating_sub(open.sent_ms));
        }
        if who {
            return Ok(self.holders(reply));
        }
        if ignored { Ok(Heard::Nothing) } else { Ok(self.take(reply, now_ms)) }
    }

    fn holders(&self, reply: ChunkReply) -> Heard {
        match self.wondering.get(&reply.id) {
            Some((case, _)) => Heard::Holders { case: *case, id: reply.id, held_by: reply.held_by },
            None => Heard::Nothing,
        }
    }

    fn take(&mut self, reply: ChunkReply, now_ms: u64) -> Heard {
        let id = reply.id;
        let is_lacking = reply.data.is_empty();
        let Some(fetching) = self.fetching.iter_mut().find(|fetching| fetching.reference.id == id) else {
            return Heard::Nothing;
        };
        let reference = fetching.reference;
        let taken = fetching.fetch.take(reply);
        let complete = fetching.fetch.is_complete();
        if is_lacking || taken.is_err() {
            fetching.fetch.forget_asked();
            self.ignore(&id);
            self.standing_back.insert(id, now_ms.saturating_add(STAND_BACK_MS));
        }
        match taken {
            Ok(pieces) if pieces.is_empty() => Heard::Nothing,
            Ok(pieces) => Heard::Pieces { reference, pieces, complete },
            Err(wrong) => Heard::Wrong(wrong),
        }
    }

    /// Requests that are not fully answered.
    #[must_use]
    pub fn open_requests(&self) -> usize {
        self.open.len()
    }

    /// Attachments that the peer lacks, as far as it has said.
    #[must_use]
    pub fn standing_back(&self) -> usize {
        self.standing_back.len()
    }

    /// When the oldest open request was sent. None: all are answered.
    #[must_use]
    pub fn waits_since_ms(&self) -> Option<u64> {
        self.open.front().map(|open| open.sent_ms)
    }

    fn ignore(&mut self, id: &AttachmentId) {
        for open in self.open.iter_mut().filter(|open| open.id == *id && open.first_chunk != WHO_HOLDS) {
            open.ignored = true;
        }
    }

    fn may_wonder(&self) -> bool {
        self.open.len() < REQUESTS_WAITING_MAX && self.open.iter().all(|open| open.first_chunk != WHO_HOLDS)
    }

    /// Chunks that may be asked for. None: enough are on their way.
    fn room(&self) -> Option<u32> {
        let chunks = self.open.iter().filter(|open| open.first_chunk != WHO_HOLDS);
        let (requests, asked) = chunks.fold((0, 0), |(requests, asked), open| (requests + 1, asked + open.count));
        let window = self.window.chunks();
        let room = window.saturating_sub(asked).min(window.div_ceil(CHUNK_REQUESTS_MAX as u32));
        (requests < CHUNK_REQUESTS_MAX && room > 0).then_some(room)
    }

    fn next_place(&self, now_ms: u64) -> Option<usize> {
        self.fetching.iter().position(|fetching| {
            let stands_back = self.standing_back.get(&fetching.reference.id).is_some_and(|until| *until > now_ms);
            !stands_back && fetching.fetch.has_more()
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use sanji_log::attachment::{CHUNK_BYTES, manifest, root};

    use super::*;

    const SECOND: u64 = 1000;

    fn case() -> CaseId {
        CaseId::new("990106101203".parse().unwrap(), 1, 1, [0; 7]).unwrap()
    }

    /// A content of so many chunks.
    fn content(chunks: usize, fill: u8) -> Vec<u8> {
        (0..chunks * CHUNK_BYTES).map(|place| fill ^ (place / CHUNK_BYTES) as u8).collect()
    }

    fn lacking(content: &[u8], urgent: bool) -> Lacking {
        let size = content.len() as u64;
        let reference = AttachmentRef { id: root(size, &manifest(content)), size };
        Lacking { case: case(), reference, urgent, chunks: 0, manifest: Bytes::new() }
    }

    /// Answers as a peer that holds `held` chunks.
    fn answer(content: &[u8], held: u32, request: ChunkRequest) -> Vec<ChunkReply> {
        let mut replies = Vec::new();
        for chunk in request.first_chunk..request.first_chunk + request.count {
            let data = content.chunks(CHUNK_BYTES).nth(chunk as usize).filter(|_| chunk < held);
            let manifest = request.want_manifest && chunk == request.first_chunk;
            replies.push(ChunkReply {
                manifest: if manifest { sanji_log::attachment::manifest(content) } else { Vec::new() },
                size: content.len() as u64,
                data: Bytes::copy_from_slice(data.unwrap_or_default()),
                last: data.is_none() || chunk + 1 == request.first_chunk + request.count,
                ..ChunkReply::without_data(request.id, chunk)
            });
            if data.is_none() {
                break;
            }
        }
        replies
    }

    fn ask(fetcher: &mut Fetcher, now_ms: u64) -> Vec<ChunkRequest> {
        let mut requests = Vec::new();
        while let Some(count) = fetcher.next_count(now_ms) {
            requests.push(fetcher.next(count, now_ms).unwrap());
        }
        requests
    }

    fn chunks(heard: Heard) -> Vec<u32> {
        let Heard::Pieces { pieces, .. } = heard else { return Vec::new() };
        let chunk = |piece: &Piece| if let Piece::Chunk { chunk, .. } = piece { Some(*chunk) } else { None };
        pieces.iter().filter_map(chunk).collect()
    }

    #[test]
    fn requests_overlap_and_every_chunk_comes_once() {
        let content = content(100, 0);
        let mut fetcher = Fetcher::default();
        fetcher.want(vec![lacking(&content, false)]);
        let (mut got, mut most_open) = (Vec::new(), 0);
        let mut open: VecDeque<ChunkRequest> = VecDeque::new();
        loop {
            open.extend(ask(&mut fetcher, 0));
            most_open = most_open.max(open.len());
            let Some(request) = open.pop_front() else { break };
            for reply in answer(&content, 100, request) {
                got.extend(chunks(fetcher.hear(reply, 0).unwrap()));
            }
        }
        assert_eq!(got, Vec::from_iter(0..100));
        assert_eq!(most_open, CHUNK_REQUESTS_MAX);
        fetcher.done(&lacking(&content, false).reference.id);
        assert_eq!(fetcher.next_count(0), None);
    }

    #[test]
    fn what_the_peer_lacks_stands_back_until_it_says_otherwise() {
        let (half, other) = (content(2, 1), content(1, 2));
        let mut fetcher = Fetcher::default();
        fetcher.want(vec![lacking(&half, false), lacking(&other, false)]);
        let [first] = ask(&mut fetcher, 0)[..] else { panic!("the window begins with one chunk") };
        for reply in answer(&half, 0, first) {
            assert_eq!(chunks(fetcher.hear(reply, 0).unwrap()), Vec::<u32>::new());
        }
        let second = ask(&mut fetcher, 0)[0];
        assert_eq!((second.id, second.tell), (lacking(&other, false).reference.id, true));
        for reply in answer(&other, 1, second) {
            assert_eq!(chunks(fetcher.hear(reply, 0).unwrap()), [0]);
        }
        assert_eq!(ask(&mut fetcher, 29 * SECOND), []);
        let told = ChunkReply { now_here: true, ..ChunkReply::without_data(first.id, 0) };
        assert_eq!(fetcher.hear(told, 29 * SECOND), Ok(Heard::Nothing));
        assert_eq!(ask(&mut fetcher, 29 * SECOND)[0].id, first.id);
    }

    #[test]
    fn after_a_gap_what_was_asked_beyond_it_is_passed_over_and_asked_again() {
        let content = content(12, 3);
        let mut fetcher = Fetcher::default();
        fetcher.want(vec![lacking(&content, false)]);
        let mut got = Vec::new();
        let mut open = VecDeque::from(ask(&mut fetcher, 0));
        while got.len() < 6 {
            for reply in answer(&content, 12, open.pop_front().unwrap()) {
                got.extend(chunks(fetcher.hear(reply, 0).unwrap()));
            }
            open.extend(ask(&mut fetcher, 0));
        }
        // The peer lacks the next chunk when it answers the first of two, and has it when it answers the second.
        assert!(open.len() >= 2);
        let held = open[0].first_chunk;
        for (request, held) in std::mem::take(&mut open).into_iter().zip([held, 12, 12, 12]) {
            for reply in answer(&content, held, request) {
                assert_eq!(chunks(fetcher.hear(reply, 0).unwrap()), Vec::<u32>::new());
            }
        }
        let told = ChunkReply { now_here: true, ..ChunkReply::without_data(lacking(&content, false).reference.id, 0) };
        fetcher.hear(told, 0).unwrap();
        loop {
            open.extend(ask(&mut fetcher, 0));
            let Some(request) = open.pop_front() else { break };
            for reply in answer(&content, 12, request) {
                got.extend(chunks(fetcher.hear(reply, 0).unwrap()));
            }
        }
        assert_eq!(got, Vec::from_iter(0..12));
    }

    #[test]
    fn what_somebody_waits_for_goes_first_and_says_so() {
        let (one, two) = (content(40, 4), content(3, 5));
        let mut fetcher = Fetcher::default();
        fetcher.want(vec![lacking(&one, false), lacking(&two, false)]);
        let first = ask(&mut fetcher, 0)[0];
        assert_eq!((first.id, first.urgent), (lacking(&one, false).reference.id, false));
        fetcher.want(vec![lacking(&two, true), lacking(&one, false)]);
        for reply in answer(&one, 40, first) {
            assert_eq!(chunks(fetcher.hear(reply, 0).unwrap()), [0], "what was asked for is not thrown away");
        }
        let second = ask(&mut fetcher, 0)[0];
        assert_eq!((second.id, second.urgent), (lacking(&two, true).reference.id, true));
    }

    #[test]
    fn who_holds_an_attachment_is_asked_beside_the_chunks_and_told_later() {
        let content = content(2, 6);
        let id = lacking(&content, false).reference.id;
        let holder: StationCode = "990106101000".parse().unwrap();
        let holders = |chunk| ChunkReply { held_by: vec![holder], ..ChunkReply::without_data(id, chunk) };
        let mut fetcher = Fetcher::default();
        fetcher.want(vec![lacking(&content, false)]);
        fetcher.wonder([(case(), id)]);
        let requests = ask(&mut fetcher, 0);
        assert_eq!(requests.iter().map(|request| request.first_chunk).collect::<Vec<_>>(), [WHO_HOLDS, 0]);
        let known = Heard::Holders { case: case(), id, held_by: vec![holder] };
        assert_eq!(fetcher.hear(holders(WHO_HOLDS), 0).as_ref(), Ok(&known));
        assert_eq!(fetcher.hear(holders(WHO_HOLDS), 0).as_ref(), Ok(&known), "told later");
        fetcher.wonder([(case(), id)]);
        assert!(ask(&mut fetcher, 0).is_empty(), "asked once");
        assert_eq!(chunks(fetcher.hear(answer(&content, 2, requests[1]).remove(0), 0).unwrap()), [0]);
        let unasked = ChunkReply::without_data(AttachmentId([1; 32]), 0);
        assert_eq!(fetcher.hear(unasked, 0), Err(Wrong::Turn));
    }
}

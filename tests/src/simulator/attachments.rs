//! Attachments beside the entries: each station asks over each of its links for what it lacks, chunk by chunk, from
//! the first that it does not have.

use prost::Message as _;
use rand::Rng;
use rand::seq::IndexedRandom;
use sanji_log::attachment::{manifest, root};
use sanji_log::{AttachmentId, AttachmentRef, CaseId, StationCode};
use sanji_proto::v1 as proto;
use sanji_replication::attachment::{AttachmentMessage, ChunkReply, ChunkRequest, Fetch, Piece};
use sanji_store::{MemoryStore, Store};

use super::agenda::Happening;
use super::ledger::stands_over;
use super::network::{Freight, StreamId};
use super::station::Station;
use super::world::World;

/// The list of the index that names the attachments which are not here.
const MISSING: &[u8] = b"missing";
/// The list of those that are not known to be at every station of their case's line.
const UNCONFIRMED: &[u8] = b"unconfirmed";
/// Most that a station looks through.
const LIST: usize = 100_000;

/// An attachment that is not complete at a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The case that names it.
    pub case: CaseId,
    /// The attachment.
    pub id: AttachmentId,
    /// Its size, in bytes.
    pub size: u64,
}

/// What a station lacks of cases that a peer may hold.
#[must_use]
pub fn missing(station: &Station, peer: StationCode) -> Vec<Missing> {
    missing_of(station.index(), peer)
}

/// What a store with an index that is up to date lacks of cases that a peer may hold.
#[must_use]
pub fn missing_of(store: &dyn Store, peer: StationCode) -> Vec<Missing> {
    let shared = |missing: &Missing| missing.case.home().is_some_and(|home| stands_over(peer, home));
    listed(store).into_iter().filter(|missing| shared(missing) && !state(store, &missing.id).complete).collect()
}

/// What a store holds of cases that a peer may hold, and does not know to be everywhere.
#[must_use]
pub fn unconfirmed_of(store: &dyn Store, peer: StationCode) -> Vec<Missing> {
    let rows = store.rows(UNCONFIRMED, None, false, LIST).expect("a list can be read");
    let named = rows.iter().filter_map(|(key, _)| named(key, 0));
    let shared = |held: &Missing| held.case.home().is_some_and(|home| stands_over(peer, home));
    named.filter(|held| shared(held) && state(store, &held.id).complete).collect()
}

fn listed(store: &dyn Store) -> Vec<Missing> {
    let rows = store.rows(MISSING, None, false, LIST).expect("a list can be read");
    let read = rows.iter().filter_map(|(key, size)| named(key, u64::from_be_bytes(size.as_slice().try_into().ok()?)));
    read.collect()
}

fn named(key: &[u8], size: u64) -> Option<Missing> {
    let (case, id) = key.split_at_checked(16)?;
    Some(Missing { case: CaseId::from_bytes(case).ok()?, id: AttachmentId::try_from(id).ok()?, size })
}

fn state(store: &dyn Store, id: &AttachmentId) -> sanji_store::AttachmentState {
    store.attachment(id).expect("an attachment can be looked up")
}

/// Whether a complete attachment is what its id says.
#[must_use]
pub fn is_right(store: &MemoryStore, id: &AttachmentId) -> bool {
    let held = state(store, id);
    let chunks = (0..held.chunks).filter_map(|chunk| store.chunk(id, chunk).expect("a chunk can be read"));
    let content: Vec<u8> = chunks.flatten().collect();
    held.complete && root(content.len() as u64, &manifest(&content)) == *id
}

impl World {
    /// Asks for something over every link that asks for nothing.
    pub(super) fn fetch_all(&mut self, at: usize) {
        let ends = self.stations[at].running.iter().flat_map(|running| &running.ends);
        let streams: Vec<_> = ends.filter(|(_, end)| end.fetching.is_none()).map(|(stream, _)| *stream).collect();
        streams.into_iter().for_each(|stream| self.fetch(at, stream));
    }

    fn fetch(&mut self, at: usize, stream: StreamId) {
        let Some(peer) = self.network.stream(stream).map(|stream| self.code(stream.other(at))) else { return };
        let wanted = missing(&self.stations[at], peer);
        let Some(Missing { case, id, size }) = wanted.choose(&mut self.random).copied() else { return };
        let held = state(self.stations[at].store.as_ref(), &id);
        if held.chunks > 0 {
            self.counters.resumed_attachments += 1;
        }
        let known = Some(held.manifest).filter(|manifest| !manifest.is_empty());
        let fetch = Fetch::new(case, AttachmentRef { id, size }, held.chunks, known);
        self.ask_on(at, stream, (id, size, fetch));
    }

    /// Asks for the next chunks, or notes that all are here.
    fn ask_on(&mut self, at: usize, stream: StreamId, (id, size, fetch): (AttachmentId, u64, Fetch)) {
        let Some(request) = fetch.request() else { return };
        let request = ChunkRequest { count: request.count.min(2), ..request };
        let running = self.stations[at].running.as_mut();
        let Some(end) = running.and_then(|running| running.ends.get_mut(&stream)) else { return };
        end.fetching = Some((id, size, fetch));
        self.send_freight(at, stream, AttachmentMessage::Request(request));
    }

    fn send_freight(&mut self, at: usize, stream: StreamId, message: AttachmentMessage) {
        let to = self.network.stream(stream).map_or(at, |stream| stream.other(at));
        let now_ms = self.agenda.now_ms();
        let arrival = self.network.arrival_ms(stream, Freight::Attachments, to, now_ms, &mut self.random);
        if let Some(arrival_ms) = arrival {
            let bytes = proto::AttachmentMessage::from(message).encode_to_vec();
            self.agenda.put_at(arrival_ms, Happening::Freight { stream, at: to, bytes });
        }
    }

    pub(super) fn freight_arrives(&mut self, stream: StreamId, at: usize, bytes: &[u8]) {
        if !self.network.stream(stream).is_some_and(|stream| stream.whole) {
            self.counters.lost_messages += 1;
            return;
        }
        let message = proto::AttachmentMessage::decode(bytes).expect("what was sent can be read");
        match AttachmentMessage::try_from(message).expect("what was sent is in bounds") {
            AttachmentMessage::Request(request) => self.serve(at, stream, request),
            AttachmentMessage::Reply(reply) => self.take_chunk(at, stream, reply),
        }
    }

    /// Answers with the chunks that are here; with an empty one where there is none.
    fn serve(&mut self, at: usize, stream: StreamId, request: ChunkRequest) {
        let running = self.stations[at].running.as_ref();
        let Some(end) = running.and_then(|running| running.ends.get(&stream)) else { return };
        let (peer, store) = (self.code(end.peer), self.stations[at].store.clone());
        if !request.case.home().is_some_and(|home| stands_over(peer, home)) {
            panic!("{peer} asks {} for an attachment that is not its", self.code(at));
        }
        let held = state(store.as_ref(), &request.id);
        for place in 0..request.count {
            let chunk = request.first_chunk + place;
            let data = store.chunk(&request.id, chunk).expect("a chunk can be read");
            let last = data.is_none() || place + 1 == request.count;
            let manifest = if request.want_manifest && place == 0 { held.manifest.to_vec() } else { Vec::new() };
            let mut data: Vec<u8> = data.unwrap_or_default().into();
            if self.is_working() && !data.is_empty() && self.random.random_bool(0.02) {
                data[0] ^= 1;
                self.counters.altered_chunks += 1;
            }
            let without_data = ChunkReply::without_data(request.id, chunk);
            let reply = ChunkReply { manifest, size: held.size, data: data.into(), last, ..without_data };
            self.send_freight(at, stream, AttachmentMessage::Reply(reply));
            if last {
                break;
            }
        }
    }

    fn take_chunk(&mut self, at: usize, stream: StreamId, reply: ChunkReply) {
        let store = self.stations[at].store.clone();
        let running = self.stations[at].running.as_mut();
        let Some(end) = running.and_then(|running| running.ends.get_mut(&stream)) else { return };
        let Some((id, size, mut fetch)) = end.fetching.take() else { return };
        let (is_last, is_empty) = (reply.last, reply.data.is_empty());
        let Ok(pieces) = fetch.take(reply) else { return };
        for piece in pieces {
            match piece {
                Piece::Manifest(manifest) => store.put_manifest(&id, &manifest, size).expect("a manifest is kept"),
                // Over another link the same chunk may have come first.
                Piece::Chunk { chunk, .. } if state(store.as_ref(), &id).chunks != chunk => return,
                Piece::Chunk { chunk, data } => {
                    store.put_chunk(&id, chunk, &data).expect("a chunk is kept");
                    self.counters.chunks += 1;
                }
            }
        }
        if is_empty {
            // Not to be had here, or not yet.
        } else if state(store.as_ref(), &id).complete {
            assert!(is_right(&store, &id), "{} holds another attachment as {id}", self.code(at));
            self.counters.attachments += 1;
            self.finish_attachments(at);
            self.fetch(at, stream);
        } else if is_last {
            self.ask_on(at, stream, (id, size, fetch));
        } else if let Some(running) = self.stations[at].running.as_mut()
            && let Some(end) = running.ends.get_mut(&stream)
        {
            end.fetching = Some((id, size, fetch));
        }
    }

    /// What has become complete is no longer on the list of what is missing.
    pub(super) fn finish_attachments(&mut self, at: usize) {
        let store = self.stations[at].store.clone();
        let (complete, _): (Vec<_>, Vec<_>) = listed(self.stations[at].index())
            .into_iter()
            .partition(|missing| state(store.as_ref(), &missing.id).complete);
        let Some(running) = self.stations[at].running.as_mut().filter(|_| !complete.is_empty()) else { return };
        complete.iter().for_each(|missing| running.core.attachment_complete(&missing.case, &missing.id));
        self.commit_soon(at);
    }
}

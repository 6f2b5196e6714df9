//! Lines between stations and the streams on them. A stream keeps its order; two streams know nothing of one
//! another, so what was sent first may arrive last. Entries and attachments of one link are two streams in this
//! sense, which are cut together.

use std::collections::BTreeMap;

use rand::Rng;
use rand::rngs::StdRng;

/// Names one stream; never used again.
pub type StreamId = u64;

/// A line between a station and one above it.
#[derive(Debug)]
pub struct Line {
    /// The lower end.
    pub child: usize,
    /// The upper end.
    pub parent: usize,
    /// Whether anything passes.
    pub up: bool,
    /// How much slower than usual it is.
    pub slowness: u64,
}

/// A stream on a line.
#[derive(Debug)]
pub struct Stream {
    /// Number of the line.
    pub line: usize,
    /// The station that dialled.
    pub child: usize,
    /// The station that answered.
    pub parent: usize,
    /// Messages still arrive.
    pub whole: bool,
    /// When the last message arrives at the child and at the parent, in milliseconds, of entries and of attachments.
    last_arrival_ms: [[u64; 2]; 2],
}

/// What a message is about: each goes its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freight {
    /// Entries, and what a session says of them.
    Entries,
    /// Chunks of attachments.
    Attachments,
}

impl Stream {
    /// The station at the other end.
    #[must_use]
    pub fn other(&self, at: usize) -> usize {
        if at == self.child { self.parent } else { self.child }
    }
}

/// All lines and streams.
#[derive(Debug, Default)]
pub struct Network {
    /// The lines.
    pub lines: Vec<Line>,
    streams: BTreeMap<StreamId, Stream>,
    last: StreamId,
}

impl Network {
    /// Lays a line.
    pub fn lay(&mut self, child: usize, parent: usize) {
        self.lines.push(Line { child, parent, up: true, slowness: 1 });
    }

    /// The line between two stations.
    #[must_use]
    pub fn line(&self, child: usize, parent: usize) -> Option<usize> {
        self.lines.iter().position(|line| line.child == child && line.parent == parent)
    }

    /// Opens a stream on a line.
    pub fn open(&mut self, line: usize) -> StreamId {
        let Line { child, parent, .. } = self.lines[line];
        self.last += 1;
        self.streams.insert(self.last, Stream { line, child, parent, whole: true, last_arrival_ms: [[0; 2]; 2] });
        self.last
    }

    /// A stream.
    #[must_use]
    pub fn stream(&self, id: StreamId) -> Option<&Stream> {
        self.streams.get(&id)
    }

    /// When a message that is sent now arrives; none where it never does.
    pub fn arrival_ms(
        &mut self,
        id: StreamId,
        freight: Freight,
        to: usize,
        now_ms: u64,
        random: &mut StdRng,
    ) -> Option<u64> {
        let stream = self.streams.get_mut(&id).filter(|stream| stream.whole)?;
        let slowness = self.lines[stream.line].slowness;
        let last = &mut stream.last_arrival_ms[freight as usize][usize::from(to == stream.parent)];
        let usual_ms = match freight {
            Freight::Entries => 2..60,
            Freight::Attachments => 20..400,
        };
        *last = (*last).max(now_ms + random.random_range(usual_ms) * slowness);
        Some(*last)
    }

    /// Nothing arrives on a stream any more. False where that was so before.
    pub fn sever(&mut self, id: StreamId) -> bool {
        self.streams.get_mut(&id).is_some_and(|stream| std::mem::replace(&mut stream.whole, false))
    }

    /// Whole streams of which a condition holds.
    pub fn whole(&self, holds: impl Fn(&Stream) -> bool) -> Vec<StreamId> {
        let streams = self.streams.iter().filter(|(_, stream)| stream.whole && holds(stream));
        streams.map(|(id, _)| *id).collect()
    }
}

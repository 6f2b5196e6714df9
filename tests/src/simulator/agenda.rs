//! What happens next, in virtual time.

use std::collections::BTreeMap;

use sanji_log::LogId;

use super::network::StreamId;

/// Something that is going to happen.
#[derive(Debug)]
pub enum Happening {
    /// A message arrives.
    Arrival {
        /// On this stream.
        stream: StreamId,
        /// At this station.
        at: usize,
        /// When it was sent.
        sent_ms: u64,
        /// As it travels.
        bytes: Vec<u8>,
    },
    /// A message about attachments arrives.
    Freight {
        /// On this stream.
        stream: StreamId,
        /// At this station.
        at: usize,
        /// As it travels.
        bytes: Vec<u8>,
    },
    /// An end of a stream notices that it is broken.
    Broken {
        /// The stream.
        stream: StreamId,
        /// The station at that end.
        at: usize,
    },
    /// A read of the disk is done.
    Loaded {
        /// For this stream.
        stream: StreamId,
        /// At this station.
        at: usize,
        /// The log.
        log: LogId,
        /// First position wanted.
        from: u64,
        /// Most bytes wanted.
        max_bytes: usize,
    },
    /// A station's open group goes to its disk.
    Commit {
        /// The station.
        at: usize,
        /// Which start of the station wanted it.
        start: u32,
    },
    /// A station gets a new key with its certificate, and what the district knows.
    Enrol {
        /// The station.
        at: usize,
    },
    /// A station calls the one above.
    Dial {
        /// The station.
        at: usize,
        /// Which start of the station wanted it.
        start: u32,
    },
    /// Somebody at a station does something.
    Person {
        /// The station.
        at: usize,
    },
    /// A station's timers run.
    Tick {
        /// The station.
        at: usize,
    },
    /// A township falls into wrong hands.
    TakenOver,
    /// The district hears of it.
    Unmasked,
    /// Something goes wrong somewhere.
    Fault,
    /// A line is cut.
    Cut {
        /// Number of the line.
        line: usize,
    },
    /// A disk is as fast as before.
    DiskWell {
        /// The station.
        at: usize,
    },
    /// Somebody writes a bundle and carries it off.
    Courier,
    /// A bundle is read where it was carried to.
    Carried {
        /// Number of the bundle.
        bundle: usize,
        /// At this station.
        at: usize,
    },
    /// A line works again.
    Restored {
        /// Number of the line.
        line: usize,
    },
    /// A crashed station starts again.
    Restarted {
        /// The station.
        at: usize,
    },
}

/// What is going to happen, by time; of the same millisecond, in the order in which it was put down.
#[derive(Debug, Default)]
pub struct Agenda {
    now_ms: u64,
    next: u64,
    happenings: BTreeMap<(u64, u64), Happening>,
}

impl Agenda {
    /// Virtual time since the run began, in milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Puts something down for a time from now.
    pub fn put(&mut self, after_ms: u64, happening: Happening) {
        self.put_at(self.now_ms + after_ms, happening);
    }

    /// Puts something down for a time.
    pub fn put_at(&mut self, at_ms: u64, happening: Happening) {
        self.next += 1;
        self.happenings.insert((at_ms.max(self.now_ms), self.next), happening);
    }

    /// Whether somebody still carries a bundle.
    #[must_use]
    pub fn carries_a_bundle(&self) -> bool {
        self.happenings.values().any(|happening| matches!(happening, Happening::Carried { .. }))
    }

    /// The next happening, unless it lies beyond a time. Time goes on to it.
    pub fn next_until(&mut self, until_ms: u64) -> Option<Happening> {
        let first = self.happenings.first_entry().filter(|first| first.key().0 <= until_ms);
        let Some(first) = first else {
            self.now_ms = self.now_ms.max(until_ms);
            return None;
        };
        let ((at_ms, _), happening) = first.remove_entry();
        self.now_ms = at_ms;
        Some(happening)
    }
}

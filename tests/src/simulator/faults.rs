//! What goes wrong, how often, and what that has led to.

use rand::Rng;

use super::agenda::Happening;
use super::sample::code;
use super::world::World;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// How often each thing happened, in one run or in many.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)+
        }

        impl Counters {
            /// Adds another run's.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)+
            }

            /// Name and number of each.
            #[must_use]
            pub fn each(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)+]
            }
        }
    };
}

counters! {
    /// Lines cut.
    cuts,
    /// Ends of streams that did not notice before their peer was silent for too long.
    silent_ends,
    /// Lines that became slow for a while.
    slow_lines,
    /// Messages that were on their way when their line was cut.
    lost_messages,
    /// Messages that arrived before one that was sent earlier on another stream to the same station.
    overtakings,
    /// Stations that crashed.
    crashes,
    /// Groups that were lost because the station crashed before its disk had them.
    lost_groups,
    /// People who did not hear that what they did was kept, because the station crashed just after.
    unanswered,
    /// Villages that went straight to the district.
    detours,
    /// Runs that had come over another path before.
    duplicates,
    /// Logs refused because the writer's key was not known yet.
    unknown_keys,
    /// Cases opened.
    opened,
    /// Steps taken in cases.
    steps,
    /// Commands that a rule refused.
    refusals,
    /// The same command sent twice.
    repeated,
}

/// For how long a line may be cut, in milliseconds.
const CUT_MS: std::ops::Range<u64> = 500..20_000;
/// For how long a station may be down, in milliseconds.
const DOWN_MS: std::ops::Range<u64> = 500..12_000;

impl World {
    /// Something goes wrong: a line is cut, a line becomes slow, or a station crashes.
    pub(super) fn fault(&mut self) {
        match self.random.random_range(0..10) {
            0..5 => {
                let line = self.random.random_range(0..self.network.lines.len());
                self.cut(line);
            }
            5..7 => {
                let line = self.random.random_range(0..self.network.lines.len());
                self.network.lines[line].slowness = self.random.random_range(5..40);
                self.counters.slow_lines += 1;
                self.note(format_args!("line {line} is slow"));
                let until = self.random.random_range(CUT_MS);
                self.agenda.put(until, Happening::Restored { line });
            }
            _ => {
                let at = self.random.random_range(0..self.stations.len());
                if self.stations[at].is_running() {
                    self.crash(at);
                }
            }
        }
        let next = self.random.random_range(300..4000);
        self.agenda.put(next, Happening::Fault);
    }

    fn cut(&mut self, line: usize) {
        if !std::mem::replace(&mut self.network.lines[line].up, false) {
            return;
        }
        self.counters.cuts += 1;
        self.note(format_args!("line {line} is cut"));
        for stream in self.network.whole(|stream| stream.line == line) {
            self.break_stream(stream);
        }
        let until = self.random.random_range(CUT_MS);
        self.agenda.put(until, Happening::Restored { line });
    }

    /// Power fails at a station: what its disk does not have is gone.
    pub(super) fn crash(&mut self, at: usize) {
        self.counters.crashes += 1;
        self.note(format_args!("{} crashes", code(at)));
        if self.stations[at].crash() {
            self.counters.lost_groups += 1;
        }
        for stream in self.network.whole(|stream| stream.child == at || stream.parent == at) {
            self.break_stream(stream);
        }
        let until = self.random.random_range(DOWN_MS);
        self.agenda.put(until, Happening::Restarted { at });
    }

    /// Nothing passes any more. Each end notices soon, or only by the silence.
    fn break_stream(&mut self, stream: u64) {
        self.network.sever(stream);
        let Some(ends) = self.network.stream(stream).map(|stream| [stream.child, stream.parent]) else { return };
        for at in ends {
            if self.random.random_bool(0.7) {
                let after = self.random.random_range(1..300);
                self.agenda.put(after, Happening::Broken { stream, at });
            } else {
                self.counters.silent_ends += 1;
            }
        }
    }
}

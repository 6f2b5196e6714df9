//! What goes wrong, how often, and what that has led to.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};

use super::agenda::Happening;
use super::sample::parent;
use super::station::Station;
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
    /// Groups of lines cut one by one.
    cut_groups,
    /// Ends of streams that did not notice before their peer was silent for too long.
    silent_ends,
    /// Lines that became slow for a while.
    slow_lines,
    /// Disks that became slow for a while.
    slow_disks,
    /// Messages that were on their way when their line was cut.
    lost_messages,
    /// Messages that arrived before one that was sent earlier on another stream to the same station.
    overtakings,
    /// Stations that crashed.
    crashes,
    /// Stations of two tiers that crashed at once.
    double_crashes,
    /// Groups that were lost because the station crashed before its disk had them.
    lost_groups,
    /// Groups of which the disk had a part when the station crashed.
    split_groups,
    /// Chunks of unfinished attachments that a crash took.
    torn_chunks,
    /// Crashes that took the index along.
    lost_indexes,
    /// People who did not hear that what they did was kept, because the station crashed just after.
    unanswered,
    /// Clocks that jumped by up to 400 days.
    clock_jumps,
    /// Copies made of a data folder.
    backups,
    /// Stations that went on from an older copy under a new key.
    restores,
    /// Stations that got a new disk and a new key.
    replacements,
    /// Data folders that ran twice.
    clones,
    /// Logs found to have forked.
    forks,
    /// Keys that the district believed no longer.
    revocations,
    /// Logs refused because their writer's key was revoked.
    revoked_logs,
    /// Cases that the hub took from a station.
    reclaims,
    /// Steps that came too late: the case had been reclaimed, or a clone was first.
    superseded,
    /// Steps by a station that did not hold the case.
    trespasses,
    /// Villages that went straight to the district.
    detours,
    /// Runs that had come over another path before.
    duplicates,
    /// Runs that were altered on their way.
    altered_runs,
    /// Runs that were refused because seal or chain did not hold.
    refused_forgeries,
    /// Townships that fell into wrong hands.
    takeovers,
    /// Messages by which one of them lied.
    lies,
    /// Alerts that came of lies.
    refused_lies,
    /// Logs refused because the writer's key was not known yet.
    unknown_keys,
    /// Bundles written.
    bundles,
    /// Bundles that never arrived.
    lost_bundles,
    /// Bundles read that had been read before.
    doubled_bundles,
    /// Bundles that arrived after one that was written later.
    overtaken_bundles,
    /// Bundles cut off or altered, and refused for it.
    damaged_bundles,
    /// Bundles refused for another reason: an older key, a revoked sender.
    refused_bundles,
    /// Entries that came in bundles.
    bundled_entries,
    /// Files handed in.
    uploads,
    /// Chunks fetched over links.
    chunks,
    /// Chunks that were altered on their way.
    altered_chunks,
    /// Attachments that became complete over a link.
    attachments,
    /// Attachments that became complete from a bundle.
    bundled_attachments,
    /// Fetches that went on where an earlier one had stopped.
    resumed_attachments,
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
/// For how long a disk may be slow, in milliseconds.
const SLOW_DISK_MS: std::ops::Range<u64> = 2_000..15_000;
/// How long a slow disk takes for a group, in milliseconds.
const SLOW_GROUP_MS: std::ops::Range<u64> = 300..4_000;
/// How far a clock may jump, in milliseconds: 400 days.
const JUMP_MS: i64 = 400 * 24 * 60 * 60 * 1000;

/// Something that can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A line is cut.
    Cut,
    /// Several lines are cut one by one, and work again in another order.
    CutGroup,
    /// A line becomes slow.
    SlowLine,
    /// A disk becomes slow.
    SlowDisk,
    /// A station crashes.
    Crash,
    /// A station and the one above it crash at once.
    DoubleCrash,
    /// A clock jumps.
    ClockJump,
    /// A folder is copied, for later.
    Backup,
    /// A disk dies; the station comes back from a copy, or with nothing.
    DiskDeath,
    /// A folder is copied and both run.
    Clone,
    /// The district believes a key no longer.
    Revoke,
    /// The hub takes a case.
    Reclaim,
    /// A station takes a step in a case that it does not hold.
    Trespass,
}

/// What goes wrong in one run, each as often as it stands here. A run has only some kinds of fault, so that each is
/// also seen without the others.
#[must_use]
pub fn repertoire(random: &mut StdRng) -> Vec<Fault> {
    let always = [Fault::Cut, Fault::Cut, Fault::Crash, Fault::SlowLine];
    let some = [
        (Fault::Cut, 3),
        (Fault::CutGroup, 2),
        (Fault::SlowDisk, 2),
        (Fault::Crash, 2),
        (Fault::DoubleCrash, 1),
        (Fault::ClockJump, 1),
        (Fault::Reclaim, 2),
        (Fault::Trespass, 1),
    ];
    let mut chosen = always.to_vec();
    for (fault, weight) in some {
        if random.random_bool(0.5) {
            chosen.extend([fault].repeat(weight));
        }
    }
    if random.random_bool(0.4) {
        chosen.extend([Fault::Backup, Fault::Backup, Fault::DiskDeath]);
    }
    if random.random_bool(0.2) {
        chosen.push(Fault::Clone);
    }
    if random.random_bool(0.3) {
        chosen.push(Fault::Revoke);
    }
    chosen
}

impl World {
    /// Something goes wrong.
    pub(super) fn fault(&mut self) {
        let fault = *self.repertoire.choose(&mut self.random).expect("something always goes wrong");
        let at = self.random.random_range(0..self.stations.len());
        match fault {
            Fault::Cut => {
                let line = self.random.random_range(0..self.network.lines.len());
                self.cut(line);
            }
            Fault::CutGroup => self.cut_group(),
            Fault::SlowLine => self.slow_line(),
            Fault::SlowDisk => self.slow_disk(at),
            Fault::Crash if self.stations[at].is_running() => self.crash(at),
            Fault::DoubleCrash => self.double_crash(at),
            Fault::ClockJump => self.clock_jump(at),
            Fault::Backup => self.back_up(at),
            Fault::DiskDeath => self.disk_death(at),
            Fault::Clone => self.clone_folder(at),
            Fault::Revoke => self.steal(at),
            Fault::Reclaim => self.reclaim(),
            Fault::Trespass => self.trespass(at),
            Fault::Crash => {}
        }
        let next = self.random.random_range(300..4000);
        self.agenda.put(next, Happening::Fault);
    }

    pub(super) fn cut(&mut self, line: usize) {
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

    fn cut_group(&mut self) {
        let mut lines: Vec<usize> = (0..self.network.lines.len()).collect();
        lines.shuffle(&mut self.random);
        lines.truncate(self.random.random_range(2..5));
        self.counters.cut_groups += 1;
        let mut after = 0;
        for line in lines {
            self.agenda.put(after, Happening::Cut { line });
            after += self.random.random_range(50..1500);
        }
    }

    fn slow_line(&mut self) {
        let line = self.random.random_range(0..self.network.lines.len());
        self.network.lines[line].slowness = self.random.random_range(5..40);
        self.counters.slow_lines += 1;
        self.note(format_args!("line {line} is slow"));
        let until = self.random.random_range(CUT_MS);
        self.agenda.put(until, Happening::Restored { line });
    }

    fn slow_disk(&mut self, at: usize) {
        self.stations[at].disk_ms = SLOW_GROUP_MS;
        self.counters.slow_disks += 1;
        self.note(format_args!("the disk of {} is slow", self.code(at)));
        let until = self.random.random_range(SLOW_DISK_MS);
        self.agenda.put(until, Happening::DiskWell { at });
    }

    fn double_crash(&mut self, at: usize) {
        let Some(above) = parent(self.stations[at].place) else { return };
        if self.stations[at].is_running() && self.stations[above].is_running() {
            self.counters.double_crashes += 1;
            self.crash(at);
            self.crash(above);
        }
    }

    /// A clock is set wrong, or right again.
    fn clock_jump(&mut self, at: usize) {
        let wrong = self.random.random_range(-JUMP_MS..JUMP_MS);
        let was_wrong = self.stations[at].skew_ms.abs() > 3000;
        self.stations[at].skew_ms = if was_wrong { 0 } else { wrong };
        self.counters.clock_jumps += 1;
        let Station { code, skew_ms, .. } = self.stations[at];
        self.note(format_args!("the clock of {code} is off by {skew_ms} ms"));
    }

    /// Power fails at a station: what its disk does not have is gone.
    pub(super) fn crash(&mut self, at: usize) {
        self.counters.crashes += 1;
        self.note(format_args!("{} crashes", self.code(at)));
        self.stop(at);
        let until = self.random.random_range(DOWN_MS);
        self.agenda.put(until, Happening::Restarted { at });
    }

    /// A station runs no more, and its peers will notice.
    pub(super) fn stop(&mut self, at: usize) {
        let crash = self.stations[at].crash(&mut self.random);
        self.ledger.observe(at, &self.stations[at]);
        self.counters.lost_groups += u64::from(crash.lost);
        self.counters.split_groups += u64::from(crash.split);
        self.counters.torn_chunks += crash.torn;
        self.counters.lost_indexes += u64::from(crash.index);
        for stream in self.network.whole(|stream| stream.child == at || stream.parent == at) {
            self.break_stream(stream);
        }
    }

    /// Nothing passes any more. Each end notices soon, or only by the silence.
    pub(super) fn break_stream(&mut self, stream: u64) {
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

//! The store alone: durable commits of 256 entries, up to 2,000,000 entries, and how long opening takes. Each part
//! is a process of its own, so that its memory is that of the store and of who fills it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::RngCore as _;
use sanji_log::seal::public_key;
use sanji_log::{EntryDraft, HybridTime, LogId, Reach, Run, Seal, SigningKey};
use sanji_store::{Commit, DiskStore, Extension, Projection, Store as _};
use serde::{Deserialize, Serialize};

use super::Setting;
use super::sheet::{Row, Sheet};
use crate::{Error, command, machine};

/// Entries of a commit.
const BATCH: usize = 256;
/// Bytes of an entry's body.
const BODY_BYTES: usize = 900;
/// The index is told of so many commits at once, as a station does it.
const PROJECT_EVERY: usize = 64;

const NAME: &str = "store";
const RATE: Row = Row::at_least(NAME, "commits of 256 entries of 1 KB, durable", "entries/s", 150_000.0);
const MEMORY: Row = Row::at_most(NAME, "1,000,000 entries written: peak resident", "MB", 64.0);
const OPEN: Row = Row::at_most(NAME, "opening with 1,000,000 entries", "ms", 50.0);
const FLAT: Row = Row::at_least(NAME, "rate at 2,000,000 entries against that at 10", "", 0.9);
const OPEN_MORE: Row = Row::at_most(NAME, "opening with 2,000,000 entries after a clean stop", "ms", 2000.0);
const MEMORY_MORE: Row = Row::at_most(NAME, "2,000,000 entries written: peak resident", "MB", 64.0);

/// Parts that run in a process of their own.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Part {
    /// Fill the store of a folder
    Fill {
        /// The folder.
        #[arg(long)]
        data: PathBuf,
        /// Entries that it shall have.
        #[arg(long)]
        entries: u64,
    },
    /// Open the store of a folder
    Open {
        /// The folder.
        #[arg(long)]
        data: PathBuf,
    },
}

/// What a part says.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Told {
    entries: u64,
    open_ms: f64,
    seconds: f64,
    first_rate: f64,
    last_rate: f64,
    peak_kib: u64,
}

/// Runs the workload.
///
/// # Errors
/// Where a part fails, or entries are missing.
pub async fn measure(setting: &Setting, sheet: &mut Sheet) -> Result<(), Error> {
    let whole = setting.size(1_000_000, 20_000) as u64;
    for run in 0..setting.runs {
        setting.tell(&format!("store: run {}", run + 1));
        let folder = setting.folder()?;
        let run = |part: &str, entries: Option<u64>| run_part(&setting.program, part, folder.path(), entries);
        let half = run("fill", Some(whole))?;
        sheet.note(RATE, half.entries as f64 / half.seconds);
        sheet.note(MEMORY, half.peak_kib as f64 / 1024.0);
        sheet.note(OPEN, opened(run("open", None)?, whole)?);
        let rest = run("fill", Some(whole * 2))?;
        sheet.note(FLAT, rest.last_rate / half.first_rate);
        sheet.note(MEMORY_MORE, rest.peak_kib as f64 / 1024.0);
        sheet.note(OPEN_MORE, opened(run("open", None)?, whole * 2)?);
    }
    Ok(())
}

fn opened(told: Told, wanted: u64) -> Result<f64, Error> {
    if told.entries == wanted {
        return Ok(told.open_ms);
    }
    Err(Error::Lost(format!("{wanted} entries were stored, {} are there", told.entries)))
}

fn run_part(program: &Path, part: &str, data: &Path, entries: Option<u64>) -> Result<Told, Error> {
    let mut arguments = vec!["store".to_owned(), part.to_owned(), "--data".to_owned(), data.display().to_string()];
    if let Some(entries) = entries {
        arguments.extend(["--entries".to_owned(), entries.to_string()]);
    }
    let told = tokio::task::block_in_place(|| command::run_json(program, arguments))?;
    serde_json::from_value(told).map_err(|source| Error::Json { what: "what a part of the benchmark said", source })
}

/// Carries out a part.
///
/// # Errors
/// [`Error::Store`].
pub fn carry_out(part: &Part) -> Result<Told, Error> {
    let mut told = match part {
        Part::Fill { data, entries } => fill(data, *entries),
        Part::Open { data } => {
            open(data).map(|(store, open_ms)| Told { entries: count(&store), open_ms, ..Told::default() })
        }
    }?;
    told.peak_kib = machine::peak_resident_kib(std::process::id()).unwrap_or_default();
    Ok(told)
}

fn fault(source: sanji_store::Error) -> Error {
    Error::Store { station: "the benchmark".into(), source }
}

fn open(data: &Path) -> Result<(DiskStore, f64), Error> {
    let started = Instant::now();
    let store = DiskStore::open(data, sanji_store::Options::default()).map_err(fault)?;
    // What the index has not heard of yet is told on opening, as a station does it.
    store.unprojected(&mut |_, _| Ok(Projection::default())).map_err(fault)?;
    Ok((store, started.elapsed().as_secs_f64() * 1000.0))
}

fn count(store: &DiskStore) -> u64 {
    store.have().heads().map(|head| head.seq).sum()
}

/// Only the commits are timed: making up entries is not the store's work.
fn fill(data: &Path, wanted: u64) -> Result<Told, Error> {
    let (store, open_ms) = open(data)?;
    let before = count(&store);
    let mut writer = Writer::new(&store)?;
    let (mut times, mut commits) = (Vec::new(), 0usize);
    while count(&store) < wanted {
        let size = BATCH.min(usize::try_from(wanted - count(&store)).unwrap_or(BATCH));
        let commit = writer.next(size);
        commits += 1;
        let started = Instant::now();
        store.commit(&commit).map_err(fault)?;
        if commits.is_multiple_of(PROJECT_EVERY) {
            store.project(&Projection::default()).map_err(fault)?;
        }
        times.push((size, started.elapsed()));
    }
    store.project(&Projection::default()).map_err(fault)?;
    let sample = (times.len() / 10).max(1);
    Ok(Told {
        entries: count(&store) - before,
        open_ms,
        seconds: times.iter().map(|(_, time)| time).sum::<Duration>().as_secs_f64(),
        first_rate: rate(times.iter().take(sample)),
        last_rate: rate(times.iter().rev().take(sample)),
        peak_kib: 0,
    })
}

fn rate<'t>(times: impl Iterator<Item = &'t (usize, Duration)>) -> f64 {
    let (entries, time) = times.fold((0, Duration::ZERO), |(all, sum), (size, time)| (all + size, sum + *time));
    entries as f64 / time.as_secs_f64()
}

/// Writes the log of one village.
struct Writer {
    key: SigningKey,
    log: LogId,
    head: Option<(u64, sanji_log::Hash)>,
    time: HybridTime,
    noise: Vec<u8>,
}

impl Writer {
    /// Goes on where the log ends.
    fn new(store: &DiskStore) -> Result<Self, Error> {
        let key = SigningKey::from_bytes(&[7; 32]);
        let home = "990106101208".parse().map_err(|_| Error::Sample("village".into()))?;
        let log = LogId { home, reach: Reach::Private, key: public_key(&key) };
        let mut noise = vec![0; 1 << 20];
        rand::rng().fill_bytes(&mut noise);
        Ok(Self { head: store.have().get(&log), log, time: HybridTime::default(), key, noise })
    }

    fn next(&mut self, size: usize) -> Commit {
        let now_ms = sanji_station::clock::now_ms();
        let extends = self.head;
        let mut entries = Vec::with_capacity(size);
        for _ in 0..size {
            self.time = self.time.next(now_ms);
            let from = rand::random_range(0..self.noise.len() - BODY_BYTES);
            let body = self.noise.get(from..from + BODY_BYTES).unwrap_or_default();
            let draft = EntryDraft {
                case: None,
                actor: "990106101208-1".to_owned(),
                kind: 1,
                body: Bytes::copy_from_slice(body),
                attachments: Vec::new(),
                opens_case: false,
            };
            let entry = draft.chain(self.log, self.head, self.time);
            self.head = Some((self.head.map_or(1, |(seq, _)| seq + 1), entry.hash()));
            entries.push(entry);
        }
        let extensions = self.head.map(|(seq, hash)| Extension {
            extends,
            run: Run { log: self.log, entries, seal: Seal::sign(&self.key, &self.log, seq, hash) },
        });
        Commit { time_ms: now_ms, extensions: extensions.into_iter().collect(), ..Commit::default() }
    }
}

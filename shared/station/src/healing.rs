//! A new life of a station that had another, after its machine was replaced or restored from a backup: it hears its
//! neighbours before it writes.
//!
//! What its former life wrote since the backup, or all of it, is held by the stations above and below. Were it to go
//! on before it holds that again, it would contradict itself: accept a case twice, or give a number twice. So it
//! takes no submissions until it has heard, in full, one station above it and each living station just below it, or
//! until its keeper decides otherwise. That it waits is kept in `healing.json` until then.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sanji_log::{StationCode, Tier};
use serde::{Deserialize, Serialize};

use crate::core::ReferenceData;
use crate::folder::{self, DataFolder};

/// What `healing.json` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// Milliseconds since 1970-01-01 UTC.
    since_ms: u64,
    /// It is no new life: records of this one were lost, so that its logs may end before they did. Nothing at all may be
    /// written before the neighbours have said how far they hold them.
    #[serde(default)]
    holds_back: bool,
}

/// Notes that the station of a data folder must hear its neighbours before it writes.
///
/// # Errors
/// [`folder::Error::Io`].
pub fn begin(data: &DataFolder, now_ms: u64) -> Result<(), folder::Error> {
    keep(data, Kept { since_ms: now_ms, holds_back: false })
}

/// Notes the same of a station that has lost records of its own life.
///
/// # Errors
/// [`folder::Error::Io`].
pub(crate) fn hold_back(data: &DataFolder, now_ms: u64) -> Result<(), folder::Error> {
    keep(data, Kept { since_ms: now_ms, holds_back: true })
}

fn keep(data: &DataFolder, kept: Kept) -> Result<(), folder::Error> {
    let json = serde_json::to_vec(&kept).unwrap_or_default();
    folder::replace(&data.healing_file(), &json)
}

/// Notes that nothing is waited for.
///
/// # Errors
/// [`folder::Error::Io`].
pub fn end(data: &DataFolder) -> Result<(), folder::Error> {
    folder::remove(&data.healing_file()).map(|_| ())
}

/// What a station waits for. Cheap to ask while it waits for nothing.
#[derive(Debug, Default)]
pub(crate) struct Healing(Mutex<Option<Waiting>>);

/// A wait that has not ended.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    file: PathBuf,
    pub(crate) since_ms: u64,
    pub(crate) heard: BTreeSet<StationCode>,
    /// Nothing at all may be written meanwhile.
    pub(crate) holds_back: bool,
}

impl Healing {
    /// Reads whether the station of a data folder waits.
    pub(crate) fn read(&self, data: &DataFolder) -> Result<(), folder::Error> {
        let file = data.healing_file();
        let Some(bytes) = folder::read(&file)? else { return Ok(()) };
        let kept: Kept = serde_json::from_slice(&bytes)
            .map_err(|fault| folder::Error::Damaged { path: file.clone(), problem: fault.to_string() })?;
        let Kept { since_ms, holds_back } = kept;
        *self.lock() = Some(Waiting { file, since_ms, heard: BTreeSet::new(), holds_back });
        Ok(())
    }

    /// What is waited for; none where the station may write.
    pub(crate) fn waiting(&self) -> Option<Waiting> {
        self.lock().clone()
    }

    /// A neighbour was heard in full. True where the station was waiting for neighbours.
    pub(crate) fn heard(&self, peer: StationCode) -> bool {
        self.lock().as_mut().is_some_and(|waiting| waiting.heard.insert(peer))
    }

    /// Ends the wait, durably.
    pub(crate) fn end(&self) -> Result<(), folder::Error> {
        let mut waiting = self.lock();
        if let Some(ended) = waiting.as_ref() {
            folder::remove(&ended.file)?;
        }
        *waiting = None;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stations that have to be heard yet. Of those above one is enough, since each holds all that concerns the
/// station; below, what a village holds reaches the hub through its township.
pub(crate) fn awaited(me: StationCode, reference: &ReferenceData, heard: &BTreeSet<StationCode>) -> Vec<StationCode> {
    let living = reference.keys().values().filter(|life| life.is_living()).map(|life| life.station);
    let living: BTreeSet<StationCode> = living.filter(|station| *station != me).collect();
    let mut awaited = Vec::new();
    if me.tier() != Tier::District && !heard.iter().any(|station| me.within(*station)) {
        let above = living.iter().filter(|station| me.within(**station));
        // The hub is there, whether its certificate has come yet or not.
        awaited.extend(above.copied().chain([me.district()]).collect::<BTreeSet<_>>());
    }
    let below: Vec<_> = living.iter().filter(|station| station.within(me)).collect();
    let is_next = |station: &StationCode| !below.iter().any(|other| *other != station && station.within(**other));
    awaited.extend(below.iter().filter(|station| is_next(station) && !heard.contains(station)).copied());
    awaited
}

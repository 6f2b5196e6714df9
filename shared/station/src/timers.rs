//! Looks at cases for what is due by itself: when the station starts, after each midnight in China, when the district's
//! data changes, and, for cases that have just come or moved, every few minutes. All limits end with a day, so nothing
//! can become due in between. At the hub, changes of staff that were consented to for a day are made then.
//!
//! A look at all cases reads the open ones once, in pages, beside the work of people. What is due is decided again
//! where it is written, on the case as it is then; so a look may be repeated at any time, and a stop loses nothing.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sanji_domain::calendar::local_date;
use sanji_domain::case::due;
use sanji_log::{CaseId, Tier};
use tokio_util::sync::CancellationToken;

use crate::command::chain;
use crate::core::{AsOf, Core, Reader};
use crate::error::{Error, Failure};
use crate::station::{Station, random};

/// Cases of one page.
const PAGE: usize = 256;
/// Between two pages, so that people are served first.
const BREATH: Duration = Duration::from_millis(5);
/// After the start, so that links come up first.
const FIRST: Duration = Duration::from_secs(15);
/// Between two looks at cases that have changed.
const PAUSE: Duration = Duration::from_mins(5);
/// Changed cases that are remembered; with more, all are looked at.
const CHANGED_MAX: usize = 4096;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// A hub gives a holder that is in sync so many days to write what it owes.
const IN_SYNC_DAYS: u32 = 1;

/// Cases that have changed since they were last looked at.
#[derive(Default)]
pub(crate) struct Changed(Mutex<Set>);

#[derive(Default)]
struct Set {
    cases: BTreeSet<CaseId>,
    /// More than can be remembered, or the district's data has changed.
    all: bool,
}

impl Changed {
    /// Notes what a commit has changed. Called for every commit, so it does no more than that.
    pub(crate) fn note(&self, cases: &[CaseId], reference_changed: bool) {
        let mut set = self.lock();
        set.all |= reference_changed || set.cases.len() + cases.len() > CHANGED_MAX;
        if set.all {
            set.cases.clear();
        } else {
            set.cases.extend(cases.iter().copied());
        }
    }

    /// None: all are to be looked at.
    fn take(&self) -> Option<BTreeSet<CaseId>> {
        let Set { cases, all } = std::mem::take(&mut *self.lock());
        (!all).then_some(cases)
    }

    fn lock(&self) -> MutexGuard<'_, Set> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a look has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looked {
    /// Cases that were looked at.
    pub cases: usize,
    /// Steps that were written.
    pub steps: usize,
}

/// Looks until `shutdown`. `grace_days` is how long a hub waits for a holder that it does not hear.
pub(crate) async fn keep(station: Station, grace_days: u32, shutdown: CancellationToken) {
    let mut looked_on = None;
    let mut pause = FIRST;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.cancelled() => return,
        }
        pause = PAUSE;
        let now_ms = station.trusted_now_ms();
        let today = local_date(i64::try_from(now_ms).unwrap_or(i64::MAX));
        let changed = station.changed().take().filter(|_| looked_on == Some(today));
        let result = match changed {
            Some(cases) => station.look_at(cases.into_iter().collect(), grace_days, now_ms).await,
            None => station.run_timers(grace_days, now_ms).await,
        };
        // What was consented to for a day counts from its first minutes on.
        if let Err(failure) = station.effect_staff_changes(now_ms).await {
            tracing::debug!(reason = chain(&failure), "changes of staff whose day has come are not made now");
        }
        match result {
            Ok(Looked { steps: 0, .. }) => looked_on = Some(today),
            Ok(Looked { cases, steps }) => {
                looked_on = Some(today);
                tracing::info!(cases, steps, "steps that were due were written");
            }
            // Tried again after the pause: a station that is healing or can't write will do so later.
            Err(failure) => {
                looked_on = None;
                tracing::debug!(reason = chain(&failure), "what is due is not written now");
            }
        }
    }
}

impl Station {
    /// Looks at every open case and writes what is due by `now_ms`. The clock comes from the caller, so that a year can
    /// be told in an hour.
    ///
    /// # Errors
    /// [`Failure`] where the station may not write now, or the store can't be read.
    pub async fn run_timers(&self, grace_days: u32, now_ms: u64) -> Result<Looked, Failure> {
        let mut total = Looked::default();
        let mut lists: Vec<_> = self.reader().open_lists().into_iter().collect();
        while let Some(list) = lists.pop() {
            let mut after: Option<Vec<u8>> = None;
            loop {
                let (from, of) = (after.take(), list.clone());
                let page = self.read(move |reader| Ok(reader.open_page(&of, from.as_deref(), PAGE)?)).await?;
                let Some((last, ids)) = page else { break };
                after = Some(last);
                let looked = self.look_at(ids, grace_days, now_ms).await?;
                total = Looked { cases: total.cases + looked.cases, steps: total.steps + looked.steps };
                tokio::time::sleep(BREATH).await;
            }
        }
        Ok(total)
    }

    /// A clock that was compared with none may run ahead, and an approval by silence can't be taken back: then it waits
    /// for as long as a hub waits for a holder that it does not hear.
    fn as_of(&self, grace_days: u32, now_ms: u64) -> AsOf {
        let wait_ms = if self.is_clock_compared() { 0 } else { u64::from(grace_days) * DAY_MS };
        AsOf { trusted_ms: now_ms, silence_ms: now_ms.saturating_sub(wait_ms) }
    }

    async fn look_at(&self, cases: Vec<CaseId>, grace_days: u32, now_ms: u64) -> Result<Looked, Failure> {
        self.check_may_write()?;
        let as_of = self.as_of(grace_days, now_ms);
        let mut looked = Looked { cases: cases.len(), steps: 0 };
        let in_sync = self.in_sync_below();
        let grace = move |reader: &Reader, id: &CaseId| -> Result<u32, Error> {
            let holder = reader.case(id)?.and_then(|case| case.holder());
            let heard = holder.is_some_and(|holder| in_sync.contains(&holder));
            Ok(if heard { IN_SYNC_DAYS.min(grace_days) } else { grace_days })
        };
        let owed = self.read(move |reader| {
            let mut owed = Vec::new();
            for id in cases {
                let grace = grace(reader, &id)?;
                if reader.owes(&id, grace, as_of)? {
                    owed.push((id, grace));
                }
            }
            Ok(owed)
        });
        for (id, grace) in owed.await? {
            let write = move |core: &mut Core, now_ms| core.write_due(&id, grace, as_of, now_ms, &mut random);
            looked.steps += self.committer().write(write).await?.0.len();
        }
        Ok(looked)
    }
}

impl Reader {
    /// Whether something is due at a case that this station writes.
    fn owes(&self, id: &CaseId, grace_days: u32, as_of: AsOf) -> Result<bool, Error> {
        let Some(case) = self.case(id)? else { return Ok(false) };
        let reference = self.reference();
        let Some(rules) = reference.rules() else { return Ok(false) };
        let day = |now_ms: u64| local_date(i64::try_from(now_ms).unwrap_or(i64::MAX));
        let mine = case.holder() == Some(self.me());
        if !mine && self.me().tier() != Tier::District {
            return Ok(false);
        }
        let late = |due: &due::Due| {
            let is_silence = due.what != due::Automatic::DeemedAcceptance;
            let today = day(if is_silence { as_of.silence_ms } else { as_of.trusted_ms });
            let days = due.after.until(today).map_or(0, |late| late.get_days());
            match mine {
                true => days > 0,
                false => due.what == due::Automatic::TacitApproval && i64::from(days) > i64::from(grace_days),
            }
        };
        Ok(due::due(&case, &rules, day(as_of.trusted_ms)).iter().any(late))
    }
}

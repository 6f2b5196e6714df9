//! After a full disk or a failed write the store goes on by itself: this looks whether it can. And it tells links of
//! damaged entries and attachments that peers may hold.

use std::collections::BTreeSet;
use std::time::Duration;

use sanji_log::AttachmentId;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Failure};
use crate::station::Station;

/// How often to look.
const EVERY: Duration = Duration::from_secs(2);

/// Looks until `shutdown`.
///
/// # Errors
/// [`sanji_store::Error::TakenOver`]: nobody must be served from here any more.
pub(crate) async fn recover(station: Station, shutdown: CancellationToken) -> Result<(), sanji_store::Error> {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut halted, mut missing, mut sought) = (false, Vec::new(), BTreeSet::new());
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = shutdown.cancelled() => return Ok(()),
        }
        let found = station.store().missing();
        if found != missing {
            if !found.is_empty() {
                tracing::error!(stretches = found.len(), "entries are damaged; peers are asked for them");
                station.news().damaged();
            }
            missing = found;
        }
        seek_attachments(&station, &mut sought).await;
        let Some(halt) = station.store().read_only() else {
            halted = false;
            continue;
        };
        if !std::mem::replace(&mut halted, true) {
            tracing::error!(reason = %halt, "the station takes no writes; it looks by itself whether it can again");
        }
        match station.recover().await {
            Ok(()) => tracing::info!("the station takes writes again"),
            Err(Failure::Internal(Error::Store { source: taken @ sanji_store::Error::TakenOver, .. })) => {
                return Err(taken);
            }
            Err(failure) => {
                tracing::debug!(reason = &failure as &dyn std::error::Error, "the station takes no writes still");
            }
        }
    }
}

/// Lets links fetch attachments that were found damaged. `sought`: those for which that was done.
async fn seek_attachments(station: &Station, sought: &mut BTreeSet<AttachmentId>) {
    let damaged: BTreeSet<_> = station.store().damaged_attachments().into_iter().collect();
    if damaged.is_subset(sought) {
        return;
    }
    match station.want_again(Some(damaged.clone())).await {
        Ok(wanted) => {
            tracing::error!(attachments = damaged.len(), wanted, "attachments are damaged; peers are asked for them");
            *sought = damaged;
        }
        Err(failure) => {
            tracing::debug!(reason = &failure as &dyn std::error::Error, "damaged attachments can't be asked for yet");
        }
    }
}

impl Station {
    /// Makes the store take writes again, where that is possible.
    async fn recover(&self) -> Result<(), Failure> {
        self.committer().write(|core, _| core.recover().map_err(Failure::Internal)).await.map(|_| ())
    }
}

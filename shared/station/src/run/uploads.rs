//! Removes, again and again, files that were handed in and that no command has named in time.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::command::chain;
use crate::station::Station;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_mins(10);

pub(super) async fn sweep(station: Station, keep: Duration, shutdown: CancellationToken) {
    let keep_ms = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
    loop {
        match station.drop_uploads(keep_ms).await {
            Ok(0) => {}
            Ok(uploads) => tracing::info!(uploads, "files that no command has named were removed"),
            Err(failure) => tracing::warn!(error = chain(&failure), "can't remove files that no command has named"),
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

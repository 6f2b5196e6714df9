//! Certificates renew by themselves: the hub writes new ones in time, stations install them as they arrive. Keys that
//! have not been made known to every station yet are made known by the same look.

use std::time::Duration;

use sanji_station::clock::now_ms;
use sanji_station::command::chain;
use tokio_util::sync::CancellationToken;

use crate::register::Register;

/// A certificate that ends within this time is renewed: a station may be away for a month. In milliseconds.
const WITHIN_MS: u64 = 30 * 24 * 60 * 60 * 1000;
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Looks now and every hour until `shutdown`.
pub(crate) async fn renew(register: Register, shutdown: CancellationToken) {
    let mut hourly = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = hourly.tick() => {}
            () = shutdown.cancelled() => return,
        }
        if let Err(fault) = register.renew(WITHIN_MS, now_ms()).await {
            tracing::error!(error = chain(&fault), "can't renew certificates; tried again in an hour");
        }
        if let Err(fault) = register.announce().await {
            tracing::error!(error = chain(&fault), "can't make keys known; tried again in an hour");
        }
    }
}

//! The directory's word about keys, applied while the station runs: a revoked key is believed no longer, and a
//! renewed certificate of this station is put in place.

use std::sync::Arc;

use sanji_link::{Change, Host as _, Identity, Trust, check_certificate};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::command::chain;
use crate::folder::DataFolder;
use crate::keys;
use crate::station::Station;

/// Applies what the directory says now, and every change of it until `shutdown`.
pub(crate) async fn follow(
    station: Station,
    trust: Arc<Trust>,
    identity: Identity,
    data: DataFolder,
    shutdown: CancellationToken,
) {
    // Subscribed before the first look, so that no change falls between.
    let mut changes = station.subscribe();
    loop {
        apply(&station, &trust, &identity, &data);
        loop {
            let change = tokio::select! {
                change = changes.recv() => change,
                () = shutdown.cancelled() => return,
            };
            match change {
                Ok(Change::Directory) | Err(RecvError::Lagged(_)) => break,
                Ok(_) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}

fn apply(station: &Station, trust: &Trust, identity: &Identity, data: &DataFolder) {
    let reference = station.reference();
    let me = trust.me();
    for (key, life) in reference.keys() {
        if life.revoked && !trust.is_revoked(key) {
            tracing::warn!(peer.station = %life.station, peer.key = ?key, "key revoked");
            trust.revoke(*key);
        }
    }
    let Some(newest) = reference.keys().get(&me.key) else { return };
    if newest.certificate_until_ms <= me.not_after_ms {
        return;
    }
    let renewed = Identity { certificate_der: newest.certificate_der.clone(), ..identity.clone() };
    let checked = check_certificate(&renewed.certificate_der, &renewed.authority_der, None)
        .and_then(|_| trust.set_identity(&renewed));
    match checked {
        Ok(()) => match keys::replace_certificate(data, &renewed.certificate_der) {
            Ok(()) => tracing::info!(certificate.until_ms = newest.certificate_until_ms, "certificate renewed"),
            // In use all the same; the next start finds it in the directory again.
            Err(fault) => tracing::warn!(error = chain(&fault), "can't keep the renewed certificate"),
        },
        Err(fault) => tracing::warn!(error = chain(&fault), "a renewed certificate can't be used"),
    }
}

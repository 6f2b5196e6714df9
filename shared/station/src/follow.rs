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
        if life.revoked {
            trust.let_deliver(*key);
        } else {
            trust.certified(*key, life.certificate_until_ms);
        }
        if !life.may_link() && !trust.is_revoked(key) {
            tracing::warn!(peer.station = %life.station, peer.key = ?key, life.revoked, "links with a key are cut");
            trust.revoke(*key);
        }
    }
    station.admit_rests();
    station.fold_held_again();
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use prost::Message as _;
    use sanji_link::Authority;
    use sanji_log::seal::public_key;
    use sanji_log::{Reach, SigningKey, StationCode};
    use sanji_proto::v1::{self as proto, station_record::Record};
    use sanji_store::MemoryStore;

    use super::*;
    use crate::clock::now_ms;
    use crate::config::Program;
    use crate::core::StationKeys;
    use crate::station::Administrative;
    use crate::vault::MasterKey;

    fn entry(home: StationCode, record: Record) -> Administrative {
        let body = proto::StationRecord { record: Some(record) }.encode_to_vec();
        Administrative { home, reach: Reach::Public, kind: proto::Kind::Station, body }
    }

    #[tokio::test]
    async fn the_directorys_word_is_applied_while_the_station_runs() {
        let root = tempfile::tempdir().unwrap();
        let data = DataFolder::new(root.path());
        let hub: StationCode = "990106000000".parse().unwrap();
        let village: StationCode = "990106101203".parse().unwrap();
        let signing_key = SigningKey::from_bytes(&[1; 32]);
        let (key, lost) = (public_key(&signing_key), public_key(&SigningKey::from_bytes(&[2; 32])));
        let (authority, _) = Authority::generate(hub, now_ms()).unwrap();
        let certificate = |key, days| authority.issue(hub, key, now_ms(), days).unwrap();
        let identity = Identity {
            certificate_der: certificate(key, 10),
            authority_der: authority.certificate_der().to_vec(),
            signing_key: signing_key.clone(),
        };
        let keys = StationKeys {
            station: hub,
            signing: signing_key,
            master: MasterKey::from_bytes([3; 32]),
            authority_der: identity.authority_der.clone(),
        };
        let station = Station::open(Arc::new(MemoryStore::default()), keys, Program::Hub).await.unwrap();
        let trust = Arc::new(Trust::new(&identity).unwrap());
        let shutdown = CancellationToken::new();
        let following = follow(station.clone(), trust.clone(), identity.clone(), data.clone(), shutdown.clone());
        let following = tokio::spawn(following);

        let enrolled = proto::StationEnrolled { key: key.0.to_vec(), certificate: identity.certificate_der.clone() };
        let renewed = certificate(key, 400);
        let issued = proto::CertificateIssued { key: key.0.to_vec(), certificate: renewed.clone() };
        let revoked = proto::StationRevoked { key: lost.0.to_vec(), reason: "stolen".to_owned() };
        let entries = vec![
            entry(hub, Record::Enrolled(enrolled)),
            entry(hub, Record::CertificateIssued(issued)),
            entry(village, Record::Revoked(revoked)),
        ];
        station.administer("", entries).await.unwrap();
        let applied = async {
            while !(trust.is_revoked(&lost) && trust.me().not_after_ms > now_ms() + 399 * 24 * 60 * 60 * 1000) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), applied).await.unwrap();
        shutdown.cancel();
        following.await.unwrap();
        assert_eq!(std::fs::read(data.keys().join("certificate.der")).unwrap(), renewed);
        assert!(!trust.is_revoked(&key));
    }
}

//! The directory: which key is which station's, proved by certificates.

use std::sync::Arc;

use prost::Message;
use sanji_link::check_certificate;
use sanji_log::{Entry, Hash, HybridTime, PublicKey, StationCode};
use sanji_proto::v1::{self as proto, station_record::Record};

use super::{Ignored, ReferenceData, forks};

/// What is known of one key: one life of a station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLife {
    /// The station.
    pub station: StationCode,
    /// Its newest certificate, X.509 in DER; empty where only a revocation is known.
    pub certificate_der: Vec<u8>,
    /// When that certificate ends: milliseconds since 1970-01-01 UTC.
    pub certificate_until_ms: u64,
    /// Whether the key was revoked.
    pub revoked: bool,
    /// When the hub ended this life, for another to follow: milliseconds since 1970-01-01 UTC.
    pub ended_ms: Option<u64>,
}

impl KeyLife {
    /// What everybody may know of it.
    #[must_use]
    pub fn announcement(&self) -> AnnouncedKey {
        AnnouncedKey { station: self.station, revoked: self.revoked, ended_ms: self.ended_ms }
    }

    /// Whether the station lives under this key: it is certified, not revoked, and its life has not ended.
    #[must_use]
    pub fn is_living(&self) -> bool {
        !self.certificate_der.is_empty() && self.may_link()
    }

    /// Whether links with this key are served.
    #[must_use]
    pub fn may_link(&self) -> bool {
        !self.revoked && self.ended_ms.is_none()
    }
}

/// What everybody may know of a key of a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnnouncedKey {
    /// The station that signs with it.
    pub station: StationCode,
    /// Whether it was revoked.
    pub revoked: bool,
    /// When the hub ended this life: milliseconds since 1970-01-01 UTC.
    pub ended_ms: Option<u64>,
}

/// An announcement with what decides which of two is the later one.
pub(super) type Announced = ((HybridTime, Hash), AnnouncedKey);

/// First byte of a row's key. Certificates are read first: the rest needs the hub's key to be known.
const CERTIFIED: u8 = 1;
const REVOKED: u8 = 2;
const ENDED: u8 = 3;
const FORK_DECIDED: u8 = 4;
const REST_DECIDED: u8 = 5;
const ANNOUNCED: u8 = 6;

impl ReferenceData {
    pub(super) fn fold_station(&mut self, entry: &Entry, authority_der: &[u8]) -> Result<Vec<u8>, Ignored> {
        let record = proto::StationRecord::decode(entry.body.clone()).map_err(|_| Ignored::Malformed)?;
        match record.record.ok_or(Ignored::Malformed)? {
            Record::Enrolled(enrolled) => self.certify(entry, &enrolled.key, enrolled.certificate, authority_der),
            Record::CertificateIssued(issued) => self.certify(entry, &issued.key, issued.certificate, authority_der),
            Record::Revoked(revoked) => self.revoke(entry, &revoked.key),
            Record::Ended(ended) => self.end(entry, &ended),
            Record::RestDecided(decided) => Ok(forks::row_of(REST_DECIDED, &self.decide_rest(entry, &decided)?)),
            Record::KeyAnnounced(announced) => self.announce(entry, &announced),
            Record::ForkDecided(decided) => Ok(forks::row_of(FORK_DECIDED, &self.decide_fork(entry, decided)?)),
        }
    }

    /// The certificate is the proof, whoever passed it on. Its period is not asked for: entries signed while it ran
    /// stay valid, and this station's clock may be wrong.
    fn certify(
        &mut self,
        entry: &Entry,
        key: &[u8],
        certificate_der: Vec<u8>,
        authority_der: &[u8],
    ) -> Result<Vec<u8>, Ignored> {
        let key = PublicKey::try_from(key).map_err(|_| Ignored::Malformed)?;
        let certified = check_certificate(&certificate_der, authority_der, None).map_err(Ignored::Certificate)?;
        if certified.key != key || certified.station != entry.log.home {
            return Err(Ignored::NotAuthorised);
        }
        let known = self.keys.get(&key);
        if known.is_some_and(|known| known.certificate_until_ms >= certified.not_after_ms) {
            return Err(Ignored::Superseded);
        }
        let revoked = known.is_some_and(|known| known.revoked);
        let ended_ms = known.and_then(|known| known.ended_ms);
        Arc::make_mut(&mut self.directory).insert(key, certified.station);
        let life = KeyLife {
            station: certified.station,
            certificate_der,
            certificate_until_ms: certified.not_after_ms,
            revoked,
            ended_ms,
        };
        Arc::make_mut(&mut self.keys).insert(key, life);
        Ok(row_key(CERTIFIED, &key))
    }

    fn revoke(&mut self, entry: &Entry, key: &[u8]) -> Result<Vec<u8>, Ignored> {
        let key = PublicKey::try_from(key).map_err(|_| Ignored::Malformed)?;
        if !self.written_by_district(entry) {
            return Err(Ignored::NotAuthorised);
        }
        Arc::make_mut(&mut self.directory).revoke(key);
        self.life(key, entry.log.home).revoked = true;
        Ok(row_key(REVOKED, &key))
    }

    /// What others took of an ended key stays good, so the directory of links goes on believing its seals.
    fn end(&mut self, entry: &Entry, ended: &proto::StationEnded) -> Result<Vec<u8>, Ignored> {
        let key = PublicKey::try_from(ended.key.as_slice()).map_err(|_| Ignored::Malformed)?;
        if !self.written_by_district(entry) {
            return Err(Ignored::NotAuthorised);
        }
        let life = self.life(key, entry.log.home);
        // The first end counts, whatever the order of arrival.
        life.ended_ms = Some(life.ended_ms.map_or(ended.at_ms, |known| known.min(ended.at_ms)));
        Ok(row_key(ENDED, &key))
    }

    /// The district names a key of a station of which nothing else is held here: enough to check what it has signed, and
    /// for nothing more.
    fn announce(&mut self, entry: &Entry, announced: &proto::KeyAnnounced) -> Result<Vec<u8>, Ignored> {
        let key = PublicKey::try_from(announced.key.as_slice()).map_err(|_| Ignored::Malformed)?;
        let station = StationCode::from_number(announced.station).map_err(|_| Ignored::Malformed)?;
        let district = entry.log.home == entry.log.home.district() && station.within(entry.log.home);
        if !district || !self.written_by_district(entry) {
            return Err(Ignored::NotAuthorised);
        }
        let version = (entry.time, entry.hash);
        if self.announced_keys.get(&key).is_some_and(|(known, _)| *known >= version) {
            return Err(Ignored::Superseded);
        }
        let ended_ms = (announced.ended_ms > 0).then_some(announced.ended_ms);
        let announced = AnnouncedKey { station, revoked: announced.revoked, ended_ms };
        Arc::make_mut(&mut self.announced_keys).insert(key, (version, announced));
        Ok(row_key(ANNOUNCED, &key))
    }

    /// A key that the district has announced.
    #[must_use]
    pub fn announced_key(&self, key: &PublicKey) -> Option<AnnouncedKey> {
        self.announced_keys.get(key).map(|(_, announced)| *announced)
    }

    /// Keys with which a station has signed: those of its line by its records, of others as the district announces them.
    pub(crate) fn signing_keys(&self, station: StationCode) -> impl Iterator<Item = (&PublicKey, AnnouncedKey)> {
        let known = self.keys.iter().filter(move |(_, life)| life.station == station);
        let known = known.map(|(key, life)| (key, life.announcement()));
        let announced = self.announced_keys.iter().filter(move |(_, (_, key))| key.station == station);
        let announced = announced.filter(|(key, _)| !self.keys.contains_key(key));
        known.chain(announced.map(|(key, (_, announced))| (key, *announced)))
    }

    /// What is known of a key; little, where its certificate has not come yet.
    fn life(&mut self, key: PublicKey, station: StationCode) -> &mut KeyLife {
        let unknown =
            KeyLife { station, certificate_der: Vec::new(), certificate_until_ms: 0, revoked: false, ended_ms: None };
        Arc::make_mut(&mut self.keys).entry(key).or_insert(unknown)
    }
}

fn row_key(what: u8, key: &PublicKey) -> Vec<u8> {
    let mut row = vec![what];
    row.extend_from_slice(key.as_bytes());
    row
}

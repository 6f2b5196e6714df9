//! The register of the district's stations and its published files: what the hub writes about others. All of it
//! are entries, so every station learns of it by replication.

use std::sync::Arc;

use prost::Message as _;
use sanji_domain::Organisation;
use sanji_link::{Authority, EnrolmentCode, Invitation, VALID_DAYS};
use sanji_log::{Have, PublicKey, Reach, StationCode};
use sanji_proto::v1::{self as proto, Kind, station_record::Record};
use sanji_station::clock::now_ms;
use sanji_station::core::ReferenceData;
use sanji_station::core::reference::KeyLife;
use sanji_station::station::{Administrative, Station};

use crate::codes::{self, Codes};
use crate::error::{Error, Unfit};
use crate::files::DistrictFiles;

/// What the hub's own duties need. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Register {
    pub(crate) station: Station,
    pub(crate) authority: Arc<Authority>,
    pub(crate) codes: Arc<Codes>,
}

/// What a one-time code is issued with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Where stations below will reach its link, "host:port". None: as it was given before.
    pub(crate) link_address: Option<String>,
    /// Where it shall link to, "host:port". None: to the station above it.
    pub(crate) upstream: Option<String>,
    /// Files are carried both ways: it has longer to use the code.
    pub(crate) without_line: bool,
}

/// A one-time code, to be shown once.
pub(crate) struct Issued {
    pub(crate) code: EnrolmentCode,
    pub(crate) until_ms: u64,
}

impl Register {
    /// The hub's own code.
    pub(crate) fn hub(&self) -> StationCode {
        self.station.reader().me()
    }

    /// Makes a one-time code for a station that is new, or was revoked. While it lives, a second machine under the same code
    /// would be a second writer of one home, and would give its numbers again: that takes an end of the first life.
    /// `by` goes on record: id of a member of staff, empty where it was the keeper of the hub.
    pub(crate) async fn add(&self, station: StationCode, terms: Terms, by: &str) -> Result<Issued, Error> {
        if station != self.hub() && living_key(&self.station.reference(), station).is_some() {
            return Err(Unfit::Enrolled(station).into());
        }
        self.invite(station, terms, by).await
    }

    /// Makes a one-time code for a station of the district. One without a line has longer to use it.
    async fn invite(&self, station: StationCode, terms: Terms, by: &str) -> Result<Issued, Error> {
        let hub = self.hub();
        if station == hub || !station.within(hub) {
            return Err(Unfit::NotBelow { station, hub }.into());
        }
        let reference = self.station.reference();
        let listed = reference
            .organisation()
            .is_some_and(|organisation: &Arc<Organisation>| organisation.station(&station).is_some());
        if !listed {
            return Err(Unfit::NotListed(station).into());
        }
        let code = EnrolmentCode::generate(&self.authority.fingerprint())
            .map_err(|source| Error::Certificate { operation: "make a code", source })?;
        let until_ms = now_ms() + if terms.without_line { codes::VALID_WITHOUT_LINE_MS } else { codes::VALID_MS };
        self.codes.issue(station, &code.secret, terms.link_address, terms.upstream, until_ms)?;
        self.station.record("station.invited", by, &station.to_string(), "one-time code issued");
        Ok(Issued { code, until_ms })
    }

    /// What a new station without a line must know of this hub.
    pub(crate) fn invitation(&self) -> Invitation {
        let key = self.station.reader().key();
        let reference = self.station.reference();
        Invitation {
            hub_certificate: reference.keys().get(&key).map(|life| life.certificate_der.clone()).unwrap_or_default(),
            authority: self.authority.certificate_der().to_vec(),
        }
    }

    /// Certifies a key of a station and writes it into the directory; a key that is there already keeps its
    /// certificate. None: the key was revoked or its life has ended, or the station lives under another key.
    pub(crate) async fn enrol(&self, station: StationCode, key: PublicKey) -> Result<Option<Vec<u8>>, Error> {
        if let Some(known) = self.station.reference().keys().get(&key) {
            return Ok(Some(known.certificate_der.clone()).filter(|_| known.station == station && known.is_living()));
        }
        // Asked again: the code may be older than the life.
        if let Some(living) = living_key(&self.station.reference(), station) {
            tracing::warn!(peer.station = %station, peer.key = ?living, "it lives already: use `sanji-hub station replace`");
            return Ok(None);
        }
        let certificate = self.certify(station, key)?;
        let enrolled = proto::StationEnrolled { key: key.0.to_vec(), certificate: certificate.clone() };
        self.write(vec![directory_entry(station, Record::Enrolled(enrolled))], "write into the directory").await?;
        self.station.record("station.enrolled", "", &station.to_string(), "new key certified");
        self.announce_soon().await;
        Ok(Some(certificate))
    }

    /// Revokes every key of a station and its open code. How many keys: 0 where all were revoked before.
    pub(crate) async fn revoke(&self, station: StationCode, reason: &str, by: &str) -> Result<u32, Error> {
        if station == self.hub() {
            return Err(Unfit::RevokesItself.into());
        }
        let reference = self.station.reference();
        let keys: Vec<_> = keys_of(&reference, station).collect();
        let invited = self.codes.of(station).is_some();
        if keys.is_empty() && !invited {
            return Err(Unfit::NeverAdded(station).into());
        }
        self.codes.withdraw(station)?;
        let revocations: Vec<_> = keys
            .into_iter()
            .filter(|(_, life)| !life.revoked)
            .map(|(key, _)| {
                let record = proto::StationRevoked { key: key.0.to_vec(), reason: reason.to_owned() };
                directory_entry(station, Record::Revoked(record))
            })
            .collect();
        let revoked = u32::try_from(revocations.len()).unwrap_or(u32::MAX);
        self.write_by(by, revocations, "write into the directory").await?;
        self.station.record("station.revoked", by, &station.to_string(), reason);
        self.announce_soon().await;
        Ok(revoked)
    }

    /// Ends every life of a station whose machine is lost, and makes a code for its successor.
    pub(crate) async fn replace(
        &self,
        station: StationCode,
        reason: &str,
        terms: Terms,
        by: &str,
    ) -> Result<Issued, Error> {
        if station == self.hub() {
            return Err(Unfit::HubReplaced.into());
        }
        let reference = self.station.reference();
        if keys_of(&reference, station).next().is_none() {
            return Err(Unfit::NeverEnrolled(station).into());
        }
        let have = self.station.store().have();
        let living = keys_of(&reference, station).filter(|(_, life)| life.ended_ms.is_none());
        let ends = living.map(|(key, _)| ending(station, *key, &have, reason, now_ms())).collect();
        self.write_by(by, ends, "write into the directory").await?;
        self.station.record("station.replaced", by, &station.to_string(), reason);
        self.announce_soon().await;
        self.invite(station, terms, by).await
    }

    /// Gives stations whose certificate ends within `within_ms` a new one for the same key. How many.
    pub(crate) async fn renew(&self, within_ms: u64, now_ms: u64) -> Result<usize, Error> {
        let reference = self.station.reference();
        let ending = reference
            .keys()
            .iter()
            .filter(|(_, life)| life.is_living() && life.certificate_until_ms < now_ms + within_ms);
        let mut certificates = Vec::new();
        for (key, life) in ending {
            let certificate = self.certify(life.station, *key)?;
            let issued = proto::CertificateIssued { key: key.0.to_vec(), certificate };
            certificates.push(directory_entry(life.station, Record::CertificateIssued(issued)));
        }
        let renewed = certificates.len();
        self.write(certificates, "write into the directory").await?;
        Ok(renewed)
    }

    /// Makes known which key is whose, and which counts no more, as far as it has not been made known: with it any station
    /// checks a paper of any other. How many keys.
    pub(crate) async fn announce(&self) -> Result<usize, Error> {
        let (reference, hub) = (self.station.reference(), self.hub());
        let news = reference
            .keys()
            .iter()
            .filter(|(key, life)| life.station != hub && reference.announced_key(key) != Some(life.announcement()));
        let entry = |(key, life): (&PublicKey, &KeyLife)| {
            let announced = proto::KeyAnnounced {
                station: life.station.number(),
                key: key.0.to_vec(),
                revoked: life.revoked,
                ended_ms: life.ended_ms.unwrap_or(0),
            };
            directory_entry(hub, Record::KeyAnnounced(announced))
        };
        let entries: Vec<Administrative> = news.map(entry).collect();
        let announced = entries.len();
        self.write(entries, "make keys known").await?;
        Ok(announced)
    }

    /// As [`Register::announce`], where something else has been done already: what is missed is made up for at the next
    /// look.
    async fn announce_soon(&self) {
        if let Err(fault) = self.announce().await {
            tracing::warn!(error = &fault as &dyn std::error::Error, "keys are not made known yet");
        }
    }

    /// Publishes what is new or has changed, after a check of all files together. Paths of what was published.
    pub(crate) async fn publish(&self, files: &DistrictFiles) -> Result<Vec<String>, Error> {
        let organisation = files.check()?.organisation;
        if organisation.district.code != self.hub() {
            return Err(Error::Input(format!("the files are those of district {}", organisation.district.code)));
        }
        let reference = self.station.reference();
        let hold_both: Vec<String> = reference
            .all_staff()
            .values()
            .filter(|person| !person.inactive)
            .filter_map(|person| {
                let (one, other) = organisation.roles.conflict(&person.staff.roles)?;
                Some(format!("{} holds {one} and {other}", person.staff.id))
            })
            .collect();
        if !hold_both.is_empty() {
            let problem = format!("people hold roles that exclude each other: {}", hold_both.join(", "));
            return Err(Error::Input(problem));
        }
        let (mut entries, mut published) = (Vec::new(), Vec::new());
        for (path, text) in files.iter() {
            let known = reference.files().get(path);
            if known.is_some_and(|known| known.digest == *blake3::hash(text.as_bytes()).as_bytes()) {
                continue;
            }
            let version = known.map_or(1, |known| known.version + 1);
            entries.push(file_entry(self.hub(), path, version, text));
            published.push(path.to_owned());
        }
        // Together: files that refer to one another are never half new.
        self.write(entries, "publish the files").await?;
        Ok(published)
    }

    fn certify(&self, station: StationCode, key: PublicKey) -> Result<Vec<u8>, Error> {
        self.authority
            .issue(station, key, now_ms(), VALID_DAYS)
            .map_err(|source| Error::Certificate { operation: "issue a certificate", source })
    }

    pub(crate) async fn write(&self, entries: Vec<Administrative>, operation: &'static str) -> Result<(), Error> {
        self.write_by("", entries, operation).await
    }

    /// The same in the name of a member of staff.
    async fn write_by(&self, by: &str, entries: Vec<Administrative>, operation: &'static str) -> Result<(), Error> {
        if entries.is_empty() {
            return Ok(());
        }
        let written = self.station.administer(by, entries).await;
        written.map(|_| ()).map_err(|source| Error::Write { operation, source })
    }
}

/// An entry of the directory: in a public log of the station that it is about.
pub(crate) fn directory_entry(station: StationCode, record: Record) -> Administrative {
    let body = proto::StationRecord { record: Some(record) }.encode_to_vec();
    Administrative { home: station, reach: Reach::Public, kind: Kind::Station, body }
}

/// The end of a life, with what the hub holds of it.
pub(crate) fn ending(station: StationCode, key: PublicKey, have: &Have, reason: &str, now_ms: u64) -> Administrative {
    let heads = have.heads().filter(|head| head.log.key == key).map(Into::into).collect();
    let ended = proto::StationEnded { key: key.0.to_vec(), at_ms: now_ms, heads, reason: reason.to_owned() };
    directory_entry(station, Record::Ended(ended))
}

/// A published file, in a public log of the district.
pub(crate) fn file_entry(district: StationCode, path: &str, version: u32, text: &str) -> Administrative {
    let file = proto::PublishedFile { path: path.to_owned(), version, content: text.as_bytes().to_vec() };
    Administrative { home: district, reach: Reach::Public, kind: Kind::File, body: file.encode_to_vec() }
}

/// All lives of a station.
pub(crate) fn keys_of(reference: &ReferenceData, station: StationCode) -> impl Iterator<Item = (&PublicKey, &KeyLife)> {
    reference.keys().iter().filter(move |(_, life)| life.station == station)
}

/// The key under which a station lives, if it does.
fn living_key(reference: &ReferenceData, station: StationCode) -> Option<PublicKey> {
    keys_of(reference, station).find(|(_, life)| life.is_living()).map(|(key, _)| *key)
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use sanji_log::SigningKey;
    use sanji_log::seal::public_key;
    use sanji_station::config::Program;
    use sanji_station::core::StationKeys;
    use sanji_station::folder::DataFolder;
    use sanji_station::vault::MasterKey;
    use sanji_store::MemoryStore;

    use super::*;

    const DAY_MS: u64 = 24 * 60 * 60 * 1000;

    /// A hub in memory whose own certificate is good for `valid_days`.
    pub(crate) async fn register(root: &std::path::Path, valid_days: u32) -> Register {
        let hub: StationCode = "990106000000".parse().unwrap();
        let signing = SigningKey::from_bytes(&[1; 32]);
        let (authority, _) = Authority::generate(hub, now_ms()).unwrap();
        let certificate = authority.issue(hub, public_key(&signing), now_ms(), valid_days).unwrap();
        let keys = StationKeys {
            station: hub,
            signing: signing.clone(),
            master: MasterKey::from_bytes([2; 32]),
            authority_der: authority.certificate_der().to_vec(),
        };
        let station = Station::open(Arc::new(MemoryStore::default()), keys, Program::Hub).await.unwrap();
        let enrolled = proto::StationEnrolled { key: public_key(&signing).0.to_vec(), certificate };
        station.administer("", vec![directory_entry(hub, Record::Enrolled(enrolled))]).await.unwrap();
        let codes = Codes::read(&DataFolder::new(root)).unwrap();
        Register { station, authority: Arc::new(authority), codes: Arc::new(codes) }
    }

    #[tokio::test]
    async fn certificates_are_renewed_in_time_and_once() {
        let root = tempfile::tempdir().unwrap();
        let register = register(root.path(), 20).await;
        let village: StationCode = "990106101203".parse().unwrap();
        let (key, revoked) =
            (public_key(&SigningKey::from_bytes(&[3; 32])), public_key(&SigningKey::from_bytes(&[4; 32])));
        for key in [key, revoked] {
            let certificate = register.authority.issue(village, key, now_ms(), 29).unwrap();
            let enrolled = proto::StationEnrolled { key: key.0.to_vec(), certificate };
            register.write(vec![directory_entry(village, Record::Enrolled(enrolled))], "enrol").await.unwrap();
        }
        let record = proto::StationRevoked { key: revoked.0.to_vec(), reason: "lost".to_owned() };
        register.write(vec![directory_entry(village, Record::Revoked(record))], "revoke").await.unwrap();

        assert_eq!(register.renew(10 * DAY_MS, now_ms()).await.unwrap(), 0, "not yet");
        assert_eq!(register.renew(30 * DAY_MS, now_ms()).await.unwrap(), 2, "the hub's own and the village's");
        assert_eq!(register.renew(30 * DAY_MS, now_ms()).await.unwrap(), 0, "once");
        let reference = register.station.reference();
        assert!(reference.keys()[&key].certificate_until_ms > now_ms() + 365 * DAY_MS);
        assert!(reference.keys()[&revoked].certificate_until_ms < now_ms() + 30 * DAY_MS);
    }

    #[tokio::test]
    async fn every_key_is_made_known_once_and_again_when_it_counts_no_more() {
        let root = tempfile::tempdir().unwrap();
        let register = register(root.path(), 365).await;
        let village: StationCode = "990106101203".parse().unwrap();
        let key = public_key(&SigningKey::from_bytes(&[3; 32]));
        register.enrol(village, key).await.unwrap();
        let known = || register.station.reference().announced_key(&key).map(|known| (known.station, known.revoked));
        assert_eq!(known(), Some((village, false)));
        assert_eq!(register.announce().await.unwrap(), 0, "once");
        register.revoke(village, "lost", "").await.unwrap();
        assert_eq!(known(), Some((village, true)));
        assert_eq!(register.announce().await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_key_is_certified_once_and_never_after_it_was_revoked() {
        let root = tempfile::tempdir().unwrap();
        let register = register(root.path(), 365).await;
        let village: StationCode = "990106101203".parse().unwrap();
        let township = village.parent().unwrap();
        let key = public_key(&SigningKey::from_bytes(&[3; 32]));
        let first = register.enrol(village, key).await.unwrap();
        assert!(first.is_some());
        assert_eq!(register.enrol(village, key).await.unwrap(), first);
        assert_eq!(register.enrol(township, key).await.unwrap(), None, "one key is one station");
        assert_eq!(register.revoke(village, "lost", "").await.unwrap(), 1);
        assert_eq!(register.revoke(village, "lost", "").await.unwrap(), 0);
        assert_eq!(register.enrol(village, key).await.unwrap(), None);
    }

    /// What a hub waits for whose backup has these entries.
    async fn awaited_by(entries: Vec<Administrative>) -> Vec<u64> {
        let root = tempfile::tempdir().unwrap();
        let register = register(root.path(), 365).await;
        let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sample");
        register.publish(&DistrictFiles::read(&sample).unwrap()).await.unwrap();
        register.write(entries, "write into the directory").await.unwrap();
        let data = DataFolder::new(root.path());
        sanji_station::healing::begin(&data, now_ms()).unwrap();
        register.station.read_healing(&data).unwrap();
        register.station.healing().map(|waiting| waiting.awaited).unwrap_or_default()
    }

    #[tokio::test]
    async fn a_restored_hub_waits_for_stations_that_its_backup_does_not_know() {
        let hub: StationCode = "990106000000".parse().unwrap();
        let township: StationCode = "990106101000".parse().unwrap();
        let village: StationCode = "990106101203".parse().unwrap();
        let announced = |station: StationCode, seed: u8, ended_ms: u64| {
            let key = public_key(&SigningKey::from_bytes(&[seed; 32])).0.to_vec();
            let announced = proto::KeyAnnounced { station: station.number(), key, revoked: false, ended_ms };
            directory_entry(hub, Record::KeyAnnounced(announced))
        };
        let unknown = awaited_by(Vec::new()).await;
        assert!(unknown.len() > 1 && unknown.contains(&township.number()), "any of the townships: {unknown:?}");
        let lives = vec![announced(township, 3, 0), announced(village, 4, 0)];
        assert_eq!(awaited_by(lives).await, [township.number()], "the village reaches the hub through its township");
        let ended = vec![announced(township, 3, now_ms()), announced(village, 4, 0)];
        assert_eq!(awaited_by(ended).await, [village.number()]);
    }

    #[tokio::test]
    async fn a_station_has_one_living_key() {
        let root = tempfile::tempdir().unwrap();
        let register = register(root.path(), 365).await;
        let village: StationCode = "990106101203".parse().unwrap();
        let [first, second, third] = [3, 4, 5].map(|seed| public_key(&SigningKey::from_bytes(&[seed; 32])));
        assert!(register.enrol(village, first).await.unwrap().is_some());
        assert_eq!(register.enrol(village, second).await.unwrap(), None, "it lives under the first");
        let refused = register.add(village, Terms::default(), "").await.err().unwrap().to_string();
        assert!(refused.contains("use `sanji-hub station replace`"), "{refused}");
        let end = ending(village, first, &register.station.store().have(), "its disk died", now_ms());
        register.write(vec![end], "end").await.unwrap();
        assert!(register.enrol(village, second).await.unwrap().is_some(), "the first has ended");
        register.revoke(village, "stolen", "").await.unwrap();
        assert!(register.enrol(village, third).await.unwrap().is_some(), "the second was revoked");
    }
}

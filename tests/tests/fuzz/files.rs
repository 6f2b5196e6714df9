//! Files that somebody carries on a stick.

use std::sync::Arc;

use prost::Message as _;
use sanji_link::bundle::{Enrolment, ExportOptions, Receiver, export};
use sanji_link::enrolment::{read_answer, read_request, write_request};
use sanji_link::{Authority, EnrolmentCode, Identity, Invitation, check_certificate};
use sanji_log::seal::public_key;
use sanji_log::{Reach, SigningKey, StationCode};
use sanji_proto::v1 as proto;
use sanji_station::bundle::Bundles;
use sanji_station::config::Program;
use sanji_station::core::StationKeys;
use sanji_station::folder::DataFolder;
use sanji_station::station::{Administrative, Station};
use sanji_station::vault::MasterKey;
use sanji_store::MemoryStore;

use crate::input::{fuzz, fuzz_text};
use crate::wire::station;

/// 2026-07-01 in China.
const NOW_MS: u64 = 1_782_871_200_000;

fn hub() -> StationCode {
    station("990106000000")
}

fn village() -> StationCode {
    station("990106101203")
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// A district's authority, and the hub's identity.
struct District {
    authority: Authority,
    hub: Identity,
}

impl District {
    fn new() -> Self {
        let (authority, _) = Authority::generate(hub(), NOW_MS).unwrap();
        let hub = Self::identity(&authority, hub(), 1);
        Self { authority, hub }
    }

    fn identity(authority: &Authority, station: StationCode, seed: u8) -> Identity {
        Identity {
            certificate_der: authority.issue(station, public_key(&signing_key(seed)), NOW_MS, 365).unwrap(),
            authority_der: authority.certificate_der().to_vec(),
            signing_key: signing_key(seed),
        }
    }

    fn invitation(&self) -> Invitation {
        let hub_certificate = self.hub.certificate_der.clone();
        Invitation { hub_certificate, authority: self.authority.certificate_der().to_vec() }
    }

    async fn station(&self, identity: &Identity, code: StationCode) -> Station {
        let keys = StationKeys {
            station: code,
            signing: identity.signing_key.clone(),
            master: MasterKey::from_bytes([2; 32]),
            authority_der: self.authority.certificate_der().to_vec(),
        };
        Station::open(Arc::new(MemoryStore::default()), keys, Program::Node).await.unwrap()
    }
}

fn directory_entry(home: StationCode, seed: u8, certificate: &[u8]) -> Administrative {
    let key = public_key(&signing_key(seed)).0.to_vec();
    let enrolled = proto::StationEnrolled { key, certificate: certificate.to_vec() };
    let record = proto::station_record::Record::Enrolled(enrolled);
    let body = proto::StationRecord { record: Some(record) }.encode_to_vec();
    Administrative { home, reach: Reach::Public, kind: proto::Kind::Station, body }
}

/// A bundle from the hub to the village, with the village's enrolment in it.
async fn bundle(district: &District) -> (Station, Vec<u8>) {
    let station = district.station(&district.hub, hub()).await;
    let certificate = District::identity(&district.authority, village(), 2).certificate_der;
    let entries =
        vec![directory_entry(hub(), 1, &district.hub.certificate_der), directory_entry(village(), 2, &certificate)];
    station.administer("", entries).await.unwrap();
    let enrolment = Enrolment { certificate, authority: district.authority.certificate_der().to_vec(), upstream: None };
    let (host, identity) = (station.clone(), district.hub.clone());
    let file = tokio::task::spawn_blocking(move || {
        let receiver = Receiver { station: village(), key: public_key(&signing_key(2)) };
        let options = ExportOptions { enrolment: Some(enrolment), ..ExportOptions::default() };
        let mut file = Vec::new();
        export(&host, &identity, receiver, &mut file, &options, &mut |_| {}).unwrap();
        file
    });
    (station, file.await.unwrap())
}

#[test]
fn bundles() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let district = District::new();
    let (sender, file) = runtime.block_on(bundle(&district));
    let identity = District::identity(&district.authority, village(), 2);
    let folder = tempfile::tempdir().unwrap();
    let receiver = runtime.block_on(district.station(&identity, village()));
    let bundles = Bundles::new(receiver.clone(), identity, DataFolder::new(folder.path()));
    let _inside = runtime.enter();
    fuzz!(4000, vec![file], |_, bytes: &[u8], edited: bool| {
        let (_, read) = bundles.import("", bytes);
        assert_eq!(read.is_ok(), !edited, "only what was written is taken to its end");
        let store = receiver.store();
        for head in store.have().heads().filter(|head| head.log.key == sender.reader().key()) {
            let written = sender.store().entry(&head.log, head.seq).unwrap().map(|entry| entry.hash());
            assert_eq!(written, Some(head.hash), "nobody but the sender's entries are held");
        }
    });
}

#[test]
fn answers() {
    let district = District::new();
    let (_, file) = tokio::runtime::Runtime::new().unwrap().block_on(bundle(&district));
    fuzz!(4000, vec![file], |_, bytes: &[u8], edited: bool| {
        let read = read_answer(bytes, village(), district.authority.certificate_der(), &signing_key(2));
        assert_eq!(read.is_ok(), !edited);
    });
}

#[test]
fn requests() {
    let district = District::new();
    let code = EnrolmentCode::generate(&district.authority.fingerprint()).unwrap();
    let request = write_request(&district.invitation(), village(), &code, &signing_key(2), "1.0").unwrap();
    fuzz!(1000, vec![request], |_, bytes: &[u8], edited: bool| {
        assert_eq!(read_request(bytes, hub(), &signing_key(1)).is_ok(), !edited);
    });
}

#[test]
fn invitations() {
    let district = District::new();
    let code = EnrolmentCode::generate(&district.authority.fingerprint()).unwrap();
    let text = district.invitation().to_pem();
    fuzz_text!(1000, [text.as_str()], |text: &str| {
        let Ok(invitation) = Invitation::from_pem(text) else { return };
        if let Ok(key) = invitation.hub_key(village(), &code) {
            assert_eq!(key, public_key(&signing_key(1)), "the code proves who invites");
        }
    });
}

#[test]
fn certificates() {
    let district = District::new();
    let authority = district.authority.certificate_der().to_vec();
    let good = check_certificate(&district.hub.certificate_der, &authority, None).unwrap();
    fuzz!(1000, vec![district.hub.certificate_der.clone()], |_, der: &[u8], edited: bool| {
        let read = check_certificate(der, &authority, None);
        assert!(edited || read.is_ok());
        assert!(read.is_ok_and(|read| read == good) || edited);
        if let Ok(read) = check_certificate(der, &authority, None) {
            assert_eq!(read, good, "the authority has signed one certificate");
        }
    });
    fuzz!(1000, vec![authority.clone()], |_, der: &[u8], edited: bool| {
        assert!(check_certificate(&district.hub.certificate_der, der, None).is_ok() || edited);
    });
}

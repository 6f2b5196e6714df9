//! Three stations and a table full of files: whatever is lost, doubled, brought late, cut off, altered or carried to
//! the wrong place, nothing that is held is given up, and the last whole files make all three the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use prost::Message as _;
use sanji_link::{Authority, Identity};
use sanji_log::{Hash, LogId, Reach};
use sanji_proto::v1 as proto;
use sanji_station::bundle::{Bundles, Error};
use sanji_station::config::Program;
use sanji_station::core::StationKeys;
use sanji_station::folder::DataFolder;
use sanji_station::station::{Administrative, Station};
use sanji_store::Store;
use tempfile::TempDir;

use crate::district::{AGENT, District, HUB, Member, TOWNSHIP, VILLAGE, WINDOW, code, dibao, staff};

const STATIONS: [&str; 3] = [HUB, TOWNSHIP, VILLAGE];

/// What happens to the stations and the files on the table. Places wrap around.
#[derive(Debug, Clone)]
enum Event {
    Write {
        at: usize,
        home: usize,
        entries: usize,
    },
    Export {
        from: usize,
        to: usize,
    },
    /// The file stays on the table, so it may come again, and after later ones.
    Import {
        file: usize,
        damage: Damage,
    },
    CarryAstray {
        file: usize,
        at: usize,
    },
    Lose {
        file: usize,
    },
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    None,
    Cut(prop::sample::Index),
    Flipped(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        3 => Just(Damage::None),
        1 => any::<prop::sample::Index>().prop_map(Damage::Cut),
        1 => any::<prop::sample::Index>().prop_map(Damage::Flipped),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let place = 0..3_usize;
    prop_oneof![
        2 => (place.clone(), place.clone(), 1..4_usize).prop_map(|(at, home, entries)| Event::Write { at, home, entries }),
        4 => (place.clone(), 1..3_usize).prop_map(|(from, further)| Event::Export { from, to: (from + further) % 3 }),
        5 => (any::<usize>(), damage()).prop_map(|(file, damage)| Event::Import { file, damage }),
        1 => (any::<usize>(), place).prop_map(|(file, at)| Event::CarryAstray { file, at }),
        1 => any::<usize>().prop_map(|file| Event::Lose { file }),
    ]
}

/// A running station with a data folder for what it notes of bundles.
pub(crate) struct Desk {
    pub(crate) station: Station,
    bundles: Bundles,
    pub(crate) store: Arc<dyn Store>,
    _folder: TempDir,
}

pub(crate) type Heads = BTreeMap<LogId, (u64, Hash)>;

impl Desk {
    pub(crate) async fn open(store: Arc<dyn Store>, keys: StationKeys) -> Self {
        Self::open_in(tempfile::tempdir().unwrap(), store, keys).await
    }

    async fn open_in(folder: TempDir, store: Arc<dyn Store>, keys: StationKeys) -> Self {
        let station = Station::open(store.clone(), keys.clone(), Program::Node).await.unwrap();
        let key = sanji_log::seal::public_key(&keys.signing);
        let identity = Identity {
            certificate_der: station.reference().keys()[&key].certificate_der.clone(),
            authority_der: keys.authority_der,
            signing_key: keys.signing,
        };
        station.read_healing(&DataFolder::new(folder.path())).unwrap();
        let bundles = Bundles::new(station.clone(), identity, DataFolder::new(folder.path()));
        Self { station, bundles, store, _folder: folder }
    }

    async fn write(&self, home: usize, entries: usize) {
        let record = proto::AuditRecord { event: "test".to_owned(), ..proto::AuditRecord::default() };
        let entry = Administrative {
            home: code(STATIONS[home]),
            reach: Reach::Private,
            kind: proto::Kind::Audit,
            body: record.encode_to_vec(),
        };
        self.station.administer("", vec![entry; entries]).await.unwrap();
    }

    pub(crate) async fn export(&self, to: usize) -> (Vec<u8>, u64) {
        let bundles = self.bundles.clone();
        let write = move || {
            let mut file = Vec::new();
            let packed = bundles.export(code(STATIONS[to]), None, &mut file).unwrap();
            (file, packed.entries)
        };
        tokio::task::spawn_blocking(write).await.unwrap()
    }

    pub(crate) async fn import(&self, file: Vec<u8>) -> Result<(), Error> {
        let bundles = self.bundles.clone();
        tokio::task::spawn_blocking(move || bundles.import("", file.as_slice()).1).await.unwrap()
    }

    async fn revoke_village(&self) {
        let key = self.bundles.key_of(code(VILLAGE)).unwrap();
        let revoked = proto::StationRevoked { key: key.0.to_vec(), reason: "stolen".to_owned() };
        let record = proto::StationRecord { record: Some(proto::station_record::Record::Revoked(revoked)) };
        let entry = Administrative {
            home: code(VILLAGE),
            reach: Reach::Public,
            kind: proto::Kind::Station,
            body: record.encode_to_vec(),
        };
        self.station.administer("", vec![entry]).await.unwrap();
    }

    pub(crate) fn heads(&self) -> Heads {
        self.store.have().heads().map(|head| (head.log, (head.seq, head.hash))).collect()
    }

    /// That `earlier` is still held, entry for entry.
    pub(crate) fn still_holds(&self, earlier: &Heads) {
        for (log, (seq, hash)) in earlier {
            let held = self.store.entry(log, *seq).unwrap().map(|entry| entry.hash());
            assert_eq!(held, Some(*hash), "seq {seq} of the log of {}", log.home);
        }
    }
}

/// The district's stores, with a case that only the village holds.
async fn desks() -> (Vec<Desk>, String) {
    let mut district = District::new();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    let District { hub, township, village, .. } = district;
    let mut desks = Vec::new();
    for Member { core, store, keys } in [hub, township, village] {
        drop(core);
        desks.push(Desk::open(store, keys).await);
    }
    (desks, number)
}

async fn play(events: Vec<Event>) {
    let (desks, number) = desks().await;
    let mut table: Vec<(usize, Vec<u8>)> = Vec::new();
    for event in events {
        let before: Vec<Heads> = desks.iter().map(Desk::heads).collect();
        match event {
            Event::Write { at, home, entries } => desks[at].write(at.max(home), entries).await,
            Event::Export { from, to } => table.push((to, desks[from].export(to).await.0)),
            Event::Import { file, damage } if !table.is_empty() => {
                let (to, mut bytes) = table[file % table.len()].clone();
                let whole = matches!(damage, Damage::None);
                match damage {
                    Damage::None => {}
                    Damage::Cut(at) => bytes.truncate(at.index(bytes.len())),
                    Damage::Flipped(at) => {
                        let at = at.index(bytes.len());
                        bytes[at] ^= 0x10;
                    }
                }
                let read = desks[to].import(bytes).await;
                assert_eq!(read.is_ok(), whole, "{damage:?}: {read:?}");
            }
            Event::CarryAstray { file, at } if !table.is_empty() => {
                let (to, bytes) = table[file % table.len()].clone();
                if to != at {
                    desks[at].import(bytes).await.unwrap_err();
                }
            }
            Event::Lose { file } if !table.is_empty() => drop(table.swap_remove(file % table.len())),
            Event::Import { .. } | Event::CarryAstray { .. } | Event::Lose { .. } => {}
        }
        desks.iter().zip(&before).for_each(|(desk, before)| desk.still_holds(before));
    }
    converge(&desks).await;
    let window = desks[1].station.actor(&WINDOW.parse().unwrap()).unwrap();
    let request = proto::GetRequest { case_number: number, unmasked: true };
    let case = desks[1].station.case(&window, request).await.unwrap();
    assert_eq!(case.applicant.unwrap().name, crate::district::NAME, "the key of the case came along");
    for desk in &desks {
        desk.station.close().await;
    }
}

/// Whole files up and down the line: then each holds what it may hold of what the others held.
async fn converge(desks: &[Desk]) {
    let held: Vec<Heads> = desks.iter().map(Desk::heads).collect();
    for (from, to) in [(2, 1), (1, 0), (0, 1), (1, 2)] {
        desks[to].import(desks[from].export(to).await.0).await.unwrap();
    }
    for (desk, station) in desks.iter().zip(STATIONS) {
        for heads in &held {
            let theirs = heads.iter().filter(|(log, _)| log.held_by(code(station)));
            desk.still_holds(&theirs.map(|(log, head)| (*log, *head)).collect());
        }
    }
    // Once the receipts are back, what was confirmed stays at home: packed is what was written since (a note of
    // each import).
    for (from, to) in [(2, 1), (1, 0)] {
        desks[to].import(desks[from].export(to).await.0).await.unwrap();
    }
    for (from, to) in [(2, 1), (1, 2), (1, 0), (0, 1)] {
        let (_, entries) = desks[from].export(to).await;
        assert!(entries <= 4, "{entries} entries from {} to {}", STATIONS[from], STATIONS[to]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_to_the_files_the_stations_converge(events in prop::collection::vec(event(), 1..40)) {
        tokio::runtime::Runtime::new().unwrap().block_on(play(events));
    }
}

/// Another district may have the same codes, a later release another format.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_district_wrote_is_refused_and_changes_nothing() {
    let (ours, _) = desks().await;
    let (theirs, _) = desks().await;
    let before = ours[1].heads();
    let receiver =
        sanji_link::bundle::Receiver { station: code(TOWNSHIP), key: ours[1].bundles.key_of(code(TOWNSHIP)).unwrap() };
    let (authority, _) = Authority::generate(code(HUB), 1_780_000_000_000).unwrap();
    let signing_key = sanji_log::SigningKey::from_bytes(&[3; 32]);
    let key = sanji_log::seal::public_key(&signing_key);
    let stranger = Identity {
        certificate_der: authority.issue(code(VILLAGE), key, 1_780_000_000_000, 365).unwrap(),
        authority_der: authority.certificate_der().to_vec(),
        signing_key,
    };
    let mut file = Vec::new();
    let options = sanji_link::bundle::ExportOptions::default();
    sanji_link::bundle::export(&theirs[2].station, &stranger, receiver, &mut file, &options, &mut |_| {}).unwrap();
    let refused = ours[1].import(file).await.unwrap_err();
    assert!(matches!(refused, Error::Bundle(sanji_link::Error::Certificate { .. })), "{refused:?}");
    ours[1].still_holds(&before);
    let foreign = ours[1].heads().into_keys().find(|log| !before.contains_key(log) && log.home != code(TOWNSHIP));
    assert_eq!(foreign, None);
}

/// A station that lost the end of its journal would contradict itself, were it to go on from there.
#[tokio::test(flavor = "multi_thread")]
async fn a_village_that_has_lost_the_end_of_its_journal_gets_it_back_by_bundles_and_waits_until_then() {
    let mut district = District::new();
    district.submit().unwrap();
    district.sync();
    let left = Member::new(VILLAGE, 3, &district.authority);
    let mut left = Member { keys: district.village.keys.clone(), ..left };
    crate::district::bring(&mut district.village, &mut left, district.now_ms);
    district.differ();
    district.submit().unwrap();
    district.sync();
    let whole: Heads = district.village.store.have().heads().map(|head| (head.log, (head.seq, head.hash))).collect();
    let own = whole.keys().copied().find(|log| log.key == district.village.key()).unwrap();
    assert!(left.store.head(&own).unwrap().0 < whole[&own].0);

    let folder = tempfile::tempdir().unwrap();
    let since_ms = district.now_ms;
    std::fs::write(folder.path().join("healing.json"), format!("{{\"since_ms\":{since_ms},\"holds_back\":true}}"))
        .unwrap();
    let village = Desk::open_in(folder, left.store, left.keys).await;
    let township = Desk::open(district.township.store, district.township.keys).await;

    village.import(township.export(2).await.0).await.unwrap();
    assert!(village.station.healing().is_some(), "the township has left out what it takes for held");
    township.import(village.export(1).await.0).await.unwrap();
    village.import(township.export(2).await.0).await.unwrap();
    village.still_holds(&whole);
    for _ in 0..200 {
        if village.station.healing().is_none() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(village.station.healing(), None);
    for desk in [&village, &township] {
        desk.station.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_village_learns_of_it_by_a_bundle_and_takes_no_new_work() {
    let (desks, _) = desks().await;
    desks[0].write(2, 1).await;
    desks[0].revoke_village().await;
    let log = LogId { home: code(VILLAGE), reach: Reach::Private, key: desks[2].bundles.key_of(code(HUB)).unwrap() };
    let [here, there] = [2, 0].map(|at: usize| desks[at].heads()[&log]);
    assert!(here.0 < there.0, "the hub has something for the village that is private");
    assert!(desks[0].bundles.partners().contains(&code(VILLAGE)), "it can be written for");
    desks[2].write(2, 1).await;
    desks[2].import(desks[0].export(2).await.0).await.unwrap();
    let record = proto::AuditRecord { event: "test".to_owned(), ..proto::AuditRecord::default() };
    let entry = Administrative {
        home: code(VILLAGE),
        reach: Reach::Private,
        kind: proto::Kind::Audit,
        body: record.encode_to_vec(),
    };
    let refused = desks[2].station.administer("", vec![entry]).await;
    assert!(matches!(&refused, Err(sanji_station::Failure::ReadOnly(why)) if why.contains("吊销")), "{refused:?}");
    assert_eq!(desks[2].heads()[&log], here, "it hears nothing private");
    for desk in &desks {
        desk.station.close().await;
    }
}

/// The bundle was read when nothing of it counted. Once it does, it is read again: by itself, where a later bundle that
/// has no attachments brings what was admitted, or where somebody brings the same file.
#[tokio::test(flavor = "multi_thread")]
async fn attachments_of_what_was_admitted_of_a_revoked_village_come_from_its_bundle() {
    for by_itself in [true, false] {
        let (desks, _) = desks().await;
        let [hub, _, village] = &desks[..] else { panic!("three stations") };
        let content = [&[0xFF, 0xD8, 0xFF][..], &[5; 70_000]].concat();
        let head = proto::AttachmentHead {
            request: vec![9; 16],
            file_name: "户口簿.jpg".to_owned(),
            media_type: "image/jpeg".to_owned(),
            size: content.len() as u64,
            ..proto::AttachmentHead::default()
        };
        let agent = village.station.actor(&staff(AGENT)).unwrap();
        let id = village.station.put_attachment(&agent, head, content.into()).await.unwrap();
        let mut request = dibao(&[9; 16]);
        request.materials[2].attachments = vec![id.0.to_vec()];
        village.station.submit(&agent, request).await.unwrap();
        let export = |attachments_max_bytes| {
            let mut file = Vec::new();
            let write = || village.bundles.export(code(HUB), attachments_max_bytes, &mut file).unwrap();
            let packed = tokio::task::block_in_place(write);
            (file, packed.attachments)
        };
        let [(whole, 1), (bare, 0)] = [None, Some(0)].map(export) else { panic!("with it and without") };

        hub.revoke_village().await;
        let aside = hub.import(whole.clone()).await;
        assert!(matches!(aside, Err(Error::Aside { .. })), "{aside:?}");
        let row = hub.station.quarantine().unwrap().remove(0);
        let is_whole = || hub.store.attachment(&id).unwrap().complete;
        assert!(!is_whole(), "nothing of it counts");
        hub.station.decide_rest(&row.id, true, "true", "").await.unwrap();
        hub.import(if by_itself { bare } else { whole }).await.unwrap_err();
        let begun = std::time::Instant::now();
        while !is_whole() {
            assert!(by_itself && begun.elapsed().as_secs() < 20, "it does not come");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        for desk in &desks {
            desk.station.close().await;
        }
    }
}

/// Two machines with one disk, and neither has a line.
#[tokio::test(flavor = "multi_thread")]
async fn a_clone_without_a_line_is_there_to_be_decided() {
    let mut district = District::new();
    let mut clone = Member::new(VILLAGE, 3, &district.authority);
    clone.keys = district.village.keys.clone();
    crate::district::bring(&mut district.village, &mut clone, district.now_ms);
    let log = LogId { home: code(VILLAGE), reach: Reach::Private, key: district.village.key() };
    let township = Desk::open(district.township.store, district.township.keys).await;
    let mut machines = Vec::new();
    for (store, keys, entries) in [(district.village.store, district.village.keys, 3), (clone.store, clone.keys, 2)] {
        let machine = Desk::open(store, keys).await;
        for _ in 0..entries {
            machine.write(2, 1).await;
        }
        machines.push(machine);
    }
    for machine in &machines {
        township.import(machine.export(1).await.0).await.unwrap();
    }
    let forks = township.station.forks();
    assert_eq!(forks.len(), 1, "{forks:?}");
    assert_eq!((forks[0].log.clone(), forks[0].seq), (Some(log.into()), 1));
    let branches = township.station.evidence(&log).unwrap();
    let kept = branches.iter().map(|(entries, _)| entries.len()).max();
    assert!(kept >= Some(2), "{kept:?}");
    for desk in machines.iter().chain([&township]) {
        desk.station.close().await;
    }
}

//! Two stations with nothing but a stick between them.

use std::sync::Arc;

use sanji_link::bundle::{ExportOptions, ExportSummary, ImportSummary, Receiver, export, import, import_aside};
use sanji_link::{Authority, Error, Host, Identity, WantedAttachment};
use sanji_log::attachment::CHUNK_BYTES;
use sanji_log::{AttachmentId, AttachmentRef, CaseId, LogId, Reach};
use sanji_replication::RefusalReason;
use sanji_replication::bundle::FreightItem;

use crate::host::MemoryHost;
use crate::support::{DAY_MS, HUB, TOWNSHIP, VILLAGE, authority, code, identity, identity_at, key, now_ms};

const NEIGHBOUR: &str = "990106101204";
const STATIONS: [(&str, u8); 4] = [(VILLAGE, 7), (TOWNSHIP, 5), (HUB, 3), (NEIGHBOUR, 8)];

/// A station and the stick's reader and writer.
struct Desk {
    host: Arc<MemoryHost>,
    identity: Identity,
}

impl Desk {
    fn new(authority: &Authority, station: &str, seed: u8) -> Self {
        let mut stations = vec![(station, seed)];
        stations.extend(STATIONS.iter().filter(|known| known.0 != station));
        Self { host: MemoryHost::new(&stations), identity: identity(authority, station, seed) }
    }

    fn export(&self, to: &str, seed: u8) -> Vec<u8> {
        self.export_with(to, seed, &ExportOptions::default()).0
    }

    fn export_with(&self, to: &str, seed: u8, options: &ExportOptions) -> (Vec<u8>, ExportSummary) {
        let mut file = Vec::new();
        let receiver = Receiver { station: code(to), key: key(seed) };
        let mut last = ExportSummary::default();
        let summary =
            export(self.host.as_ref(), &self.identity, receiver, &mut file, options, &mut |summary| last = *summary);
        let summary = summary.unwrap();
        assert_eq!((last.entries, last.attachment_bytes), (summary.entries, summary.attachment_bytes));
        (file, summary)
    }

    async fn import(&self, file: &[u8]) -> Result<ImportSummary, Error> {
        let (host, identity, file) = (self.host.clone(), self.identity.clone(), file.to_vec());
        let read = move || import(host.as_ref(), &identity, file.as_slice(), &mut |_| {});
        tokio::task::spawn_blocking(read).await.unwrap()
    }

    async fn import_aside(&self, file: &[u8]) -> Result<ImportSummary, Error> {
        let (host, identity, file) = (self.host.clone(), self.identity.clone(), file.to_vec());
        let read = move || import_aside(host.as_ref(), &identity, file.as_slice());
        tokio::task::spawn_blocking(read).await.unwrap()
    }

    fn cases(&self) -> LogId {
        self.host.log(VILLAGE, Reach::Private)
    }
}

fn pair() -> (Desk, Desk) {
    let authority = authority();
    (Desk::new(&authority, VILLAGE, 7), Desk::new(&authority, TOWNSHIP, 5))
}

#[tokio::test]
async fn both_ways_by_stick_alone_and_nothing_is_sent_twice() {
    let (village, township) = pair();
    village.host.write(VILLAGE, Reach::Private, 3);
    township.host.write(TOWNSHIP, Reach::Public, 2);
    township.host.write(VILLAGE, Reach::Private, 1);
    township.host.write(TOWNSHIP, Reach::Private, 4);

    let taken = township.import(&village.export(TOWNSHIP, 5)).await.unwrap();
    assert_eq!((taken.sender, taken.entries, taken.entries_not_taken), (code(VILLAGE), 3, 0));
    assert_eq!(township.host.seq(&village.cases()), 3);

    let (file, packed) = township.export_with(VILLAGE, 7, &ExportOptions::default());
    assert_eq!((packed.entries, packed.receipts), (3, 1), "the township's own private log stays where it is");
    let taken = village.import(&file).await.unwrap();
    assert_eq!((taken.entries, taken.receipts), (3, 1));
    assert_eq!(village.host.seq(&township.host.log(TOWNSHIP, Reach::Public)), 2);
    assert_eq!(village.host.seq(&township.host.log(TOWNSHIP, Reach::Private)), 0);
    assert_eq!(village.host.held().receipts[0].head.seq, 3, "the village knows what has arrived");

    village.host.write(VILLAGE, Reach::Private, 1);
    let (file, packed) = village.export_with(TOWNSHIP, 5, &ExportOptions::default());
    assert_eq!(packed.entries, 1, "only what the township has not confirmed");
    assert_eq!(township.import(&file).await.unwrap().entries, 1);
    assert_eq!(township.host.seq(&village.cases()), 4);
}

#[tokio::test]
async fn a_bundle_for_a_station_above_says_how_the_sender_was_when_it_was_written() {
    let (village, township) = pair();
    village.host.say(3, &[VILLAGE, TOWNSHIP]);
    township.host.say(1, &[TOWNSHIP, VILLAGE]);
    let file = village.export(TOWNSHIP, 5);
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    township.import(&file).await.unwrap();
    township.import(&file).await.unwrap();
    let heard: Vec<_> = township.host.held().heard.drain(..).map(|(_, condition)| condition).collect();
    assert_eq!(heard.iter().map(|one| (one.station, one.quarantined)).collect::<Vec<_>>(), [(code(VILLAGE), 3); 2]);
    assert!(30 <= heard[0].age_ms && heard[0].age_ms <= heard[1].age_ms, "it has grown old on its way: {heard:?}");
    village.import(&township.export(VILLAGE, 7)).await.unwrap();
    assert!(village.host.held().heard.is_empty(), "nobody below is told");

    township.host.revoke(7);
    assert!(township.import(&file).await.is_err());
    township.import_aside(&file).await.unwrap();
    assert!(township.host.held().heard.is_empty(), "a revoked station is not asked how it is");
}

#[tokio::test]
async fn twice_is_harmless() {
    let (village, township) = pair();
    village.host.write(VILLAGE, Reach::Private, 3);
    let file = village.export(TOWNSHIP, 5);
    township.import(&file).await.unwrap();
    let held = township.host.all_heads();
    let again = township.import(&file).await.unwrap();
    assert_eq!((again.entries, again.entries_not_taken), (0, 3));
    assert_eq!(township.host.all_heads(), held);
    assert!(again.refused.is_empty() && township.host.held().alerts.is_empty());
}

#[tokio::test]
async fn the_later_before_the_earlier_says_what_is_missing() {
    let authority = authority();
    let (village, township) = (Desk::new(&authority, VILLAGE, 7), Desk::new(&authority, TOWNSHIP, 5));
    village.host.write(VILLAGE, Reach::Private, 2);
    let earlier = village.export(TOWNSHIP, 5);
    township.import(&earlier).await.unwrap();
    village.import(&township.export(VILLAGE, 7)).await.unwrap();
    village.host.write(VILLAGE, Reach::Private, 1);
    let later = village.export(TOWNSHIP, 5);

    let emptied = Desk::new(&authority, TOWNSHIP, 5);
    let taken = emptied.import(&later).await.unwrap();
    assert_eq!((taken.entries, taken.refused[0].reason), (0, RefusalReason::Gap));
    assert_eq!(emptied.import(&earlier).await.unwrap().entries, 2);
    assert_eq!(emptied.import(&later).await.unwrap().entries, 1);
    assert_eq!(emptied.host.seq(&village.cases()), 3);
}

#[tokio::test]
async fn damaged_or_cut_off_it_is_refused_and_can_be_brought_again() {
    let (village, township) = pair();
    for _ in 0..40 {
        village.host.write(VILLAGE, Reach::Private, 20);
    }
    let file = village.export(TOWNSHIP, 5);
    assert!(file.len() > 3 * 65_536, "several pieces of the cipher: {}", file.len());
    let places: Vec<_> = (0..file.len()).step_by(file.len() / 24).chain([file.len() - 1]).collect();
    let mut furthest = 0;
    for place in places {
        let mut altered = file.clone();
        altered[place] ^= 1;
        let refused = township.import(&altered).await;
        assert!(matches!(refused, Err(Error::Bundle { .. } | Error::BundleForAnother { .. })), "{place}: {refused:?}");
        let refused = township.import(&file[..place]).await;
        assert!(matches!(refused, Err(Error::Bundle { .. })), "{place}: {refused:?}");
        let seq = township.host.seq(&village.cases());
        assert!(seq >= furthest, "what was taken is never given up");
        furthest = seq;
    }
    assert!(furthest > 0, "what stands before the damage is taken");
    assert!(township.host.held().alerts.is_empty());
    township.import(&file).await.unwrap();
    assert_eq!(township.host.seq(&village.cases()), 800);
}

#[tokio::test]
async fn at_the_wrong_station_it_says_whose_it_is() {
    let authority = authority();
    let township = Desk::new(&authority, TOWNSHIP, 5);
    township.host.write(TOWNSHIP, Reach::Public, 1);
    let file = township.export(VILLAGE, 7);

    let neighbour = Desk::new(&authority, NEIGHBOUR, 8);
    let refused = neighbour.import(&file).await;
    assert!(matches!(refused, Err(Error::BundleForAnother { receiver }) if receiver == code(VILLAGE)), "{refused:?}");
    let replaced = Desk::new(&authority, VILLAGE, 9);
    let refused = replaced.import(&file).await.unwrap_err();
    assert_eq!(refused.to_string(), "the bundle was encrypted for another key of this station");
    for no_bundle in [&b""[..], b"PK\x03\x04", b"age-encryption.org/v1\n-> X25519 x\n\n--- x\n"] {
        let refused = neighbour.import(no_bundle).await.unwrap_err();
        assert_eq!(refused.to_string(), "the bundle is not one, or its beginning is damaged");
    }
    assert!(neighbour.host.all_heads().0.is_empty() && replaced.host.all_heads().0.is_empty());
}

#[tokio::test]
async fn what_a_revoked_station_wrote_is_not_taken_and_supervision_hears_of_it() {
    let (village, township) = pair();
    village.host.write(VILLAGE, Reach::Private, 2);
    let file = village.export(TOWNSHIP, 5);
    township.host.revoke(7);
    let refused = township.import(&file).await;
    assert!(matches!(refused, Err(Error::BundleRevoked { sender }) if sender == code(VILLAGE)), "{refused:?}");
    assert_eq!(township.host.held().alerts, [RefusalReason::Revoked]);
    assert!(township.host.all_heads().0.is_empty());
}

#[tokio::test]
async fn of_a_revoked_station_above_nothing_counts_either() {
    let (village, township) = pair();
    township.host.write(TOWNSHIP, Reach::Public, 2);
    township.host.write(VILLAGE, Reach::Private, 3);
    let file = township.export(VILLAGE, 7);
    let early = village.import_aside(&file).await;
    assert!(matches!(early, Err(Error::Bundle { .. })), "{early:?}");
    village.host.revoke(5);
    let refused = village.import(&file).await;
    assert!(matches!(refused, Err(Error::BundleRevoked { sender }) if sender == code(TOWNSHIP)), "{refused:?}");
    let kept = village.import_aside(&file).await.unwrap();
    assert_eq!((kept.entries, kept.entries_not_taken), (0, 5));
    assert!(village.host.all_heads().0.is_empty(), "it does not count");
    let aside: usize = village.host.held().aside.iter().map(|run| run.entries.len()).sum();
    assert_eq!(aside, 5, "a person decides");
}

#[tokio::test]
async fn attachments_of_what_was_admitted_come_with_the_bundle_that_is_read_again() {
    let (village, township) = pair();
    let content = vec![3; CHUNK_BYTES + 10];
    let id = village.host.attach(&content);
    let case = CaseId::new(code(VILLAGE), 1, 1, [0; 7]).unwrap();
    let size = content.len() as u64;
    village.host.write_case(case, AttachmentRef { id, size });
    village.host.held().lacking_elsewhere.push(FreightItem { case, id, first_chunk: 0 });
    // What it asks for itself, and what it says of others, is worth nothing.
    village.host.want(WantedAttachment { case, id: AttachmentId([9; 32]), size: 9, urgent: false });
    township.host.held().unconfirmed.push((case, id));
    let file = village.export(TOWNSHIP, 5);
    township.host.revoke(7);
    let kept = township.import_aside(&file).await.unwrap();
    assert_eq!((kept.attachments, township.host.held().attachments.len()), (0, 0), "nothing of it counts yet");

    township.host.want(WantedAttachment { case, id, size, urgent: false });
    for taken in [1, 0] {
        let read = township.import_aside(&file).await.unwrap();
        assert_eq!((read.attachments, read.entries), (taken, 0));
        assert!(township.host.attachment_state(&id).unwrap().complete && read.asked.is_empty());
    }
    assert!(township.host.held().holders.is_empty());
}

#[tokio::test]
async fn who_has_lost_the_end_of_a_log_is_sent_it_again_once_it_has_said_so() {
    let (village, township) = pair();
    township.host.write(VILLAGE, Reach::Private, 1);
    township.host.write(VILLAGE, Reach::Private, 1);
    village.host.write(VILLAGE, Reach::Private, 3);
    village.host.write(VILLAGE, Reach::Private, 2);
    village.import(&township.export(VILLAGE, 7)).await.unwrap();
    township.import(&village.export(TOWNSHIP, 5)).await.unwrap();
    let (own, above) = (village.cases(), township.host.log(VILLAGE, Reach::Private));
    village.host.lose(&own, 1);
    village.host.lose(&above, 1);

    // The township can't know yet, and what it leaves out is no news that all is there.
    let before = village.import(&township.export(VILLAGE, 7)).await.unwrap();
    assert_eq!((before.entries, before.entries_lacking), (0, 2 + 1));
    let said = township.import(&village.export(TOWNSHIP, 5)).await.unwrap();
    let last_have = said.last_have.unwrap();
    let (file, _) = township.export_with(VILLAGE, 7, &ExportOptions { last_have, ..ExportOptions::default() });
    let after = village.import(&file).await.unwrap();
    assert_eq!((after.entries, after.entries_lacking), (2 + 1, 0));
    assert_eq!((village.host.seq(&own), village.host.seq(&above)), (5, 2));

    // Once it has said that it is whole, nothing goes again.
    let said = township.import(&village.export(TOWNSHIP, 5)).await.unwrap();
    let options = ExportOptions { last_have: said.last_have.unwrap(), ..ExportOptions::default() };
    assert_eq!(township.export_with(VILLAGE, 7, &options).1.entries, 0);
}

/// The village, a copy of its disk that has gone on by itself, and the township that has read a bundle of each.
async fn cloned(entries: usize, of_clone: usize) -> (Desk, Desk, Desk) {
    let authority = authority();
    let [village, clone] = [7, 7].map(|seed| Desk::new(&authority, VILLAGE, seed));
    let township = Desk::new(&authority, TOWNSHIP, 5);
    village.host.write(VILLAGE, Reach::Private, entries);
    let case = CaseId::new(code(VILLAGE), 1, 1, [0; 7]).unwrap();
    let id = clone.host.attach(b"another");
    clone.host.write_case(case, AttachmentRef { id, size: 7 });
    clone.host.write(VILLAGE, Reach::Private, of_clone - 1);
    township.import(&village.export(TOWNSHIP, 5)).await.unwrap();
    (village, clone, township)
}

#[tokio::test]
async fn what_the_other_machine_of_a_cloned_station_wrote_is_kept_as_evidence() {
    for (entries, of_clone) in [(3, 5), (3, 3), (5, 3)] {
        let (village, clone, township) = cloned(entries, of_clone).await;
        let file = clone.export(TOWNSHIP, 5);
        let taken = township.import(&file).await.unwrap();
        assert_eq!((taken.entries, taken.refused[0].reason), (0, RefusalReason::Fork), "{entries}, {of_clone}");
        assert_eq!(township.host.held().alerts, [RefusalReason::Fork], "{entries}, {of_clone}");
        let kept: usize = township.host.held().branches.iter().map(|run| run.entries.len()).sum();
        assert_eq!(kept, of_clone, "{entries}, {of_clone}");
        assert_eq!(township.host.seq(&village.cases()), entries as u64, "its log stays as it is");
    }
}

#[tokio::test]
async fn a_branch_that_does_not_meet_what_is_held_is_asked_for_from_further_back() {
    let (village, clone, township) = cloned(3, 2).await;
    // The clone reads what was meant for the other machine, and takes it for its own.
    clone.import(&township.export(VILLAGE, 7)).await.unwrap();
    clone.host.write(VILLAGE, Reach::Private, 2);
    let taken = township.import(&clone.export(TOWNSHIP, 5)).await.unwrap();
    assert_eq!((taken.entries, taken.refused[0].reason), (0, RefusalReason::Fork));
    assert!(township.host.held().branches.is_empty());
    let log = village.cases();
    assert_eq!(taken.branches_wanted, [(log, 1)]);

    let options = ExportOptions { branches_wanted: taken.branches_wanted, ..ExportOptions::default() };
    let asked = clone.import(&township.export_with(VILLAGE, 7, &options).0).await.unwrap().branches_asked;
    assert_eq!(asked, [(log, 1)]);
    let options = ExportOptions { branches: asked, ..ExportOptions::default() };
    let taken = township.import(&clone.export_with(TOWNSHIP, 5, &options).0).await.unwrap();
    let kept: usize = township.host.held().branches.iter().map(|run| run.entries.len()).sum();
    assert_eq!((kept, township.host.seq(&log)), (4, 3));
    assert!(taken.entries == 0);
}

#[tokio::test]
async fn who_is_revoked_learns_of_it_and_hears_nothing_private() {
    let (village, township) = pair();
    township.host.write(TOWNSHIP, Reach::Public, 2);
    township.host.write(VILLAGE, Reach::Private, 3);
    village.host.write(VILLAGE, Reach::Private, 1);
    township.import(&village.export(TOWNSHIP, 5)).await.unwrap();
    township.host.revoke(7);
    let content = vec![3; 10];
    let id = township.host.attach(&content);
    let case = CaseId::new(code(VILLAGE), 1, 1, [0; 7]).unwrap();
    township.host.want(WantedAttachment { case, id, size: 9, urgent: false });
    township.host.held().lacking_elsewhere.push(FreightItem { case, id, first_chunk: 0 });
    let (file, packed) = township.export_with(VILLAGE, 7, &ExportOptions::default());
    assert_eq!((packed.entries, packed.receipts, packed.attachments), (2, 0, 0));
    let taken = village.import(&file).await.unwrap();
    assert!(taken.distrusted && taken.asked.is_empty() && taken.last_have.is_none());
    assert_eq!(village.host.seq(&township.host.log(TOWNSHIP, Reach::Public)), 2);
    assert_eq!(village.host.seq(&township.host.log(VILLAGE, Reach::Private)), 0);

    // A life that has ended hears as little, and is not said to be revoked.
    let (village, township) = pair();
    township.host.write(TOWNSHIP, Reach::Public, 2);
    township.host.write(VILLAGE, Reach::Private, 3);
    let options = ExportOptions { only_public: true, ..ExportOptions::default() };
    let taken = village.import(&township.export_with(VILLAGE, 7, &options).0).await.unwrap();
    assert_eq!((taken.entries, taken.distrusted), (2, false));
}

#[tokio::test]
async fn only_stations_of_the_district_that_share_logs_are_believed() {
    let authority = authority();
    let township = Desk::new(&authority, TOWNSHIP, 5);
    let stranger = Desk::new(&super::support::authority(), VILLAGE, 7);
    stranger.host.write(VILLAGE, Reach::Private, 1);
    let refused = township.import(&stranger.export(TOWNSHIP, 5)).await;
    assert!(matches!(refused, Err(Error::Certificate { .. })), "{refused:?}");

    let mut thief = Desk::new(&authority, VILLAGE, 7);
    thief.identity.signing_key = super::support::signing_key(66);
    let refused = township.import(&thief.export(TOWNSHIP, 5)).await.unwrap_err();
    assert_eq!(refused.to_string(), "the bundle has a frame that its sender did not sign");

    let neighbour = Desk::new(&authority, NEIGHBOUR, 8);
    let receiver = Receiver { station: code(VILLAGE), key: key(7) };
    let options = ExportOptions::default();
    let aside = export(neighbour.host.as_ref(), &neighbour.identity, receiver, Vec::new(), &options, &mut |_| {});
    assert!(matches!(aside, Err(Error::Bundle { .. })), "{aside:?}");
    let receiver = Receiver { station: code(TOWNSHIP), key: key(7) };
    let stolen = export(neighbour.host.as_ref(), &neighbour.identity, receiver, Vec::new(), &options, &mut |_| {});
    assert!(matches!(stolen, Err(Error::Bundle { .. })), "{stolen:?}");
    assert!(township.host.all_heads().0.is_empty());
}

#[tokio::test]
async fn a_station_without_a_line_may_have_an_expired_certificate() {
    let (mut village, township) = pair();
    let authority = authority();
    let last_year = now_ms() - 365 * DAY_MS;
    village.identity = identity_at(&authority, VILLAGE, 7, last_year, 30);
    let township = Desk { identity: identity(&authority, TOWNSHIP, 5), ..township };
    village.host.write(VILLAGE, Reach::Private, 1);
    assert_eq!(township.import(&village.export(TOWNSHIP, 5)).await.unwrap().entries, 1);
}

#[tokio::test]
async fn attachments_go_along_as_far_as_there_is_room_and_the_rest_is_asked_for() {
    let (village, township) = pair();
    let content: Vec<u8> = (0..CHUNK_BYTES * 5 + 100).map(|place| (place / 1000) as u8).collect();
    let id = village.host.attach(&content);
    let case = CaseId::new(code(VILLAGE), 1, 1, [0; 7]).unwrap();
    let size = content.len() as u64;
    village.host.write_case(case, AttachmentRef { id, size });
    township.host.want(WantedAttachment { case, id, size, urgent: false });

    let room_for_two = ExportOptions { attachments_max_bytes: 2 * CHUNK_BYTES as u64, ..ExportOptions::default() };
    let (file, packed) = village.export_with(TOWNSHIP, 5, &room_for_two);
    assert_eq!((packed.attachments, packed.attachments_left), (0, 1));
    let taken = township.import(&file).await.unwrap();
    assert_eq!((taken.attachments, taken.attachment_bytes), (0, 2 * CHUNK_BYTES as u64));

    let asked = village.import(&township.export(VILLAGE, 7)).await.unwrap().asked;
    assert_eq!((asked[0].id, asked[0].first_chunk), (id, 2));
    let (file, packed) = village.export_with(TOWNSHIP, 5, &ExportOptions { asked, ..ExportOptions::default() });
    assert_eq!((packed.entries, packed.attachments), (0, 1));
    assert_eq!(packed.attachment_bytes, size - 2 * CHUNK_BYTES as u64, "from the chunk on that is lacking");
    let taken = township.import(&file).await.unwrap();
    assert_eq!(taken.attachments, 1);
    assert_eq!(township.host.held().attachments[&id].chunks.concat(), content);

    let again = township.import(&file).await.unwrap();
    assert_eq!((again.attachments, again.attachment_bytes), (0, 0));
    assert!(village.import(&township.export(VILLAGE, 7)).await.unwrap().asked.is_empty());
}

#[tokio::test]
async fn an_attachment_that_nobody_wants_is_passed_over() {
    let (village, township) = pair();
    let content = vec![3; CHUNK_BYTES + 1];
    let id = village.host.attach(&content);
    let case = CaseId::new(code(VILLAGE), 1, 1, [0; 7]).unwrap();
    village.host.write_case(case, AttachmentRef { id, size: content.len() as u64 });
    let taken = township.import(&village.export(TOWNSHIP, 5)).await.unwrap();
    assert_eq!((taken.entries, taken.attachment_bytes), (1, 0));
    assert!(township.host.held().attachments.is_empty());
}

#[tokio::test]
async fn what_began_on_the_line_is_finished_by_a_bundle() {
    let (village, township) = pair();
    let content: Vec<u8> = (0..CHUNK_BYTES * 5 + 100).map(|place| (place / 1000) as u8).collect();
    let id = village.host.attach(&content);
    let case = CaseId::new(code(VILLAGE), 1, 1, [0; 7]).unwrap();
    let size = content.len() as u64;
    // The entry and three chunks came over the line.
    village.host.write_case(case, AttachmentRef { id, size });
    township.import(&village.export_with(TOWNSHIP, 5, &no_attachments()).0).await.unwrap();
    township.host.want(WantedAttachment { case, id, size, urgent: false });
    township.host.put_manifest(&id, &sanji_log::attachment::manifest(&content), size).unwrap();
    for (chunk, data) in (0..3).zip(content.chunks(CHUNK_BYTES)) {
        township.host.put_chunk(&id, chunk, data).unwrap();
    }
    village.import(&township.export(VILLAGE, 7)).await.unwrap();

    village.host.held().lacking_elsewhere.push(FreightItem { case, id, first_chunk: 2 });
    village.host.held().unconfirmed.push((case, id));
    let (file, packed) = village.export_with(TOWNSHIP, 5, &ExportOptions::default());
    assert_eq!((packed.entries, packed.attachment_bytes), (0, size - 2 * CHUNK_BYTES as u64), "no chunk without need");
    let taken = township.import(&file).await.unwrap();
    assert_eq!((taken.attachments, taken.attachment_bytes), (1, size - 3 * CHUNK_BYTES as u64));
    assert_eq!(township.host.held().attachments[&id].chunks.concat(), content);

    // The next bundle back says who holds it.
    let (file, _) = township.export_with(VILLAGE, 7, &ExportOptions { asked: taken.asked, ..ExportOptions::default() });
    village.import(&file).await.unwrap();
    assert_eq!(village.host.held().holders[&id], [code(TOWNSHIP)]);
}

fn no_attachments() -> ExportOptions {
    ExportOptions { attachments_max_bytes: 0, ..ExportOptions::default() }
}

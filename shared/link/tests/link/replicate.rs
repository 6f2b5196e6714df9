//! Two stations and a line between them that can be cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sanji_link::{AcceptLimits, CancellationToken, Host, LinkState, Trust, WantedAttachment, accept, dial};
use sanji_log::attachment::{CHUNK_BYTES, chunk_count};
use sanji_log::{CaseId, Reach};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::host::MemoryHost;
use crate::support::{HUB, TOWNSHIP, VILLAGE, authority, code, identity, within};

/// Long enough that shaking hands takes as long as on a thin line.
const SILENCE: Duration = Duration::from_millis(200);

/// A township and a village with a line between them.
struct Pair {
    township: Arc<MemoryHost>,
    village: Arc<MemoryHost>,
    line: Line,
    shutdown: CancellationToken,
    accepting: JoinHandle<sanji_link::Result<()>>,
    dialing: JoinHandle<()>,
}

impl Pair {
    async fn new() -> Self {
        let township = MemoryHost::new(&[(TOWNSHIP, 5), (VILLAGE, 7)]);
        let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
        Self::link(township, village, AcceptLimits::default()).await
    }

    async fn link(township: Arc<MemoryHost>, village: Arc<MemoryHost>, limits: AcceptLimits) -> Self {
        Self::link_after(township, village, limits, Duration::ZERO).await
    }

    /// Each connection carries nothing at first.
    async fn link_after(
        township: Arc<MemoryHost>,
        village: Arc<MemoryHost>,
        limits: AcceptLimits,
        silence: Duration,
    ) -> Self {
        let authority = authority();
        let above = Arc::new(Trust::new(&identity(&authority, TOWNSHIP, 5)).unwrap());
        let below = Arc::new(Trust::new(&identity(&authority, VILLAGE, 7)).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = Line::to(listener.local_addr().unwrap().to_string(), silence).await;
        let shutdown = CancellationToken::new();
        let accepting = tokio::spawn(accept(listener, above, township.clone(), limits, shutdown.clone()));
        let dialing = tokio::spawn(dial(line.address.clone(), below, village.clone(), shutdown.clone()));
        Self { township, village, line, shutdown, accepting, dialing }
    }

    /// Both ends stop in good time, and nothing is left running.
    async fn stop(self) {
        self.shutdown.cancel();
        within(10, "the village stops", self.dialing).await.unwrap();
        within(10, "the township stops", self.accepting).await.unwrap().unwrap();
    }

    async fn until_in_sync(&self) {
        self.village.until("the village is in sync", |village| village.link().in_sync).await;
        self.township.until("the township is in sync", |township| township.link().in_sync).await;
    }
}

/// A line through which every byte goes, and which can break.
struct Line {
    address: String,
    cut: tokio::sync::watch::Sender<u64>,
    /// Bytes towards the child after which the line breaks by itself.
    bytes_left: Arc<AtomicU64>,
}

impl Line {
    async fn to(target: String, silence: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let cut = tokio::sync::watch::Sender::new(0_u64);
        let bytes_left = Arc::new(AtomicU64::new(u64::MAX));
        let (cuts, left) = (cut.clone(), bytes_left.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&target).await else { continue };
                let mut cuts = cuts.subscribe();
                let left = left.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(silence).await;
                    let (near_in, near_out) = near.into_split();
                    let (far_in, far_out) = far.into_split();
                    let unlimited = Arc::new(AtomicU64::new(u64::MAX));
                    tokio::select! {
                        () = carry(near_in, far_out, unlimited) => {}
                        () = carry(far_in, near_out, left) => {}
                        _ = cuts.changed() => {}
                    }
                });
            }
        });
        Self { address, cut, bytes_left }
    }

    fn break_now(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, bytes_left: Arc<AtomicU64>) {
    let mut buffer = vec![0; 16384];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let left = bytes_left.load(Ordering::SeqCst);
        if left < count as u64 {
            // Only once: the next connection is good again.
            bytes_left.store(u64::MAX, Ordering::SeqCst);
            return;
        }
        if left != u64::MAX {
            bytes_left.store(left - count as u64, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_village_says_how_it_is_as_soon_as_it_is_linked() {
    let township = MemoryHost::new(&[(TOWNSHIP, 5), (VILLAGE, 7)]);
    let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
    village.say(3, &[VILLAGE, TOWNSHIP]);
    township.say(1, &[TOWNSHIP, VILLAGE]);
    let pair = Pair::link(township, village, AcceptLimits::default()).await;
    pair.township.until("the village was heard", |township| !township.held().heard.is_empty()).await;
    pair.until_in_sync().await;
    let heard: Vec<_> = pair.township.held().heard.drain(..).collect();
    assert_eq!(heard.len(), 1, "it speaks for itself alone, and once: {heard:?}");
    assert_eq!((heard[0].0, heard[0].1.station, heard[0].1.quarantined), (code(VILLAGE), code(VILLAGE), 3));
    assert!(pair.village.held().heard.is_empty(), "nobody above tells a village how others are");
    // A new link knows nothing of what the last one has told.
    pair.line.break_now();
    pair.township.until("the village was heard again", |township| !township.held().heard.is_empty()).await;
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_far_a_clock_is_off_is_known_before_the_first_entries_are_kept() {
    for _ in 0..5 {
        let township = MemoryHost::new(&[(TOWNSHIP, 5), (VILLAGE, 7)]);
        let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
        village.write(VILLAGE, Reach::Private, 3);
        let cases = village.log(VILLAGE, Reach::Private);
        let pair = Pair::link(township, village, AcceptLimits::default()).await;
        pair.township.until("the backlog comes", |township| township.seq(&cases) == 3).await;
        let known = pair.township.held().offset_then;
        assert!(matches!(known, Some(Some(_))), "{known:?}");
        pair.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_each_side_holds_reaches_the_other_and_is_receipted() {
    let township = MemoryHost::new(&[(TOWNSHIP, 5), (VILLAGE, 7)]);
    let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
    // More than one batch and more than the window.
    for _ in 0..60 {
        village.write(VILLAGE, Reach::Private, 300);
    }
    township.write(TOWNSHIP, Reach::Public, 40);
    township.write(TOWNSHIP, Reach::Private, 3);
    let pair = Pair::link(township, village, AcceptLimits::default()).await;
    let cases = pair.village.log(VILLAGE, Reach::Private);
    let notices = pair.township.log(TOWNSHIP, Reach::Public);
    pair.township.until("the backlog arrives", |township| township.seq(&cases) == 18_000).await;
    pair.village.until("notices arrive", |village| village.seq(&notices) == 40).await;

    // Live, both ways, and a receipt for the newest.
    pair.village.write(VILLAGE, Reach::Private, 1);
    pair.township.write(VILLAGE, Reach::Private, 2);
    let decisions = pair.township.log(VILLAGE, Reach::Private);
    pair.township.until("a new entry arrives", |township| township.seq(&cases) == 18_001).await;
    pair.village.until("a decision arrives", |village| village.seq(&decisions) == 2).await;
    pair.village
        .until("the newest entry is receipted", |village| {
            let held = village.held();
            held.receipts.iter().any(|receipt| {
                receipt.head.log == cases && receipt.head.seq == 18_001 && receipt.station == code(TOWNSHIP)
            })
        })
        .await;
    pair.until_in_sync().await;

    let neighbours = pair.township.log(TOWNSHIP, Reach::Private);
    assert_eq!(pair.village.seq(&neighbours), 0, "the township's private log is not the village's");
    assert_eq!(
        pair.village.held().logs.get(&cases),
        pair.township.held().logs.get(&cases).map(Vec::as_ref).map(<[_]>::to_vec).as_ref()
    );
    assert!(pair.township.held().alerts.is_empty() && pair.village.held().alerts.is_empty());
    assert!(pair.village.link().clock_offset_ms.unwrap().abs() < 5000);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_line_costs_nothing_but_time() {
    let pair = Pair::new().await;
    let cases = pair.village.log(VILLAGE, Reach::Private);
    let notices = pair.township.log(TOWNSHIP, Reach::Public);
    for round in 1..=3 {
        pair.village.write(VILLAGE, Reach::Private, 10);
        pair.township.until("entries arrive", |township| township.seq(&cases) == round * 20 - 10).await;
        pair.line.break_now();
        pair.village.until("the village notices", |village| !village.link().connected).await;
        // On either side, while nobody hears it.
        pair.village.write(VILLAGE, Reach::Private, 10);
        pair.township.write(TOWNSHIP, Reach::Public, 5);
        pair.township.until("entries arrive after the cut", |township| township.seq(&cases) == round * 20).await;
        pair.village.until("notices arrive after the cut", |village| village.seq(&notices) == round * 5).await;
    }
    pair.until_in_sync().await;
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_are_laid_bare_on_a_thin_line_for_a_peer_that_can_undo_it() {
    let cases = [(Some(1), Some(1), true), (Some(1), Some(2), false), (None, Some(1), false)];
    for (above, below, is_bare) in cases {
        let township = MemoryHost::new(&[(TOWNSHIP, 5), (VILLAGE, 7)]);
        let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
        (township.held().compression, village.held().compression) = (above, below);
        // Waits for the link, and goes before it can show that it is not thin.
        village.write(VILLAGE, Reach::Private, 20);
        let pair = Pair::link_after(township, village, AcceptLimits::default(), SILENCE).await;
        let cases = pair.village.log(VILLAGE, Reach::Private);
        pair.township.until("entries arrive", |township| township.seq(&cases) == 20).await;
        pair.until_in_sync().await;
        let [bared, ..] = pair.village.held().bare;
        assert_eq!((bared > 0, pair.township.held().bare), (is_bare, [0, bared, 0]), "{above:?}, {below:?}");
        assert_eq!(pair.village.held().logs.get(&cases), pair.township.held().logs.get(&cases));
        pair.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_undone_is_sent_as_it_is_over_the_next_link() {
    let township = MemoryHost::new(&[(TOWNSHIP, 5), (VILLAGE, 7)]);
    let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
    (township.held().compression, village.held().compression) = (Some(1), Some(1));
    township.held().is_another_library = true;
    village.write(VILLAGE, Reach::Private, 20);
    let pair = Pair::link_after(township, village, AcceptLimits::default(), SILENCE).await;
    let cases = pair.village.log(VILLAGE, Reach::Private);
    pair.township.until("entries arrive", |township| township.seq(&cases) == 20).await;
    pair.until_in_sync().await;
    assert_eq!((pair.village.held().bare, pair.township.held().bare), ([1, 0, 0], [0, 0, 1]));
    assert!(pair.township.held().alerts.is_empty());
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_falls_behind_loses_nothing() {
    let township = MemoryHost::with_change_queue(&[(TOWNSHIP, 5), (VILLAGE, 7)], 1);
    let village = MemoryHost::with_change_queue(&[(VILLAGE, 7), (TOWNSHIP, 5)], 1);
    let pair = Pair::link(township, village, AcceptLimits::default()).await;
    pair.until_in_sync().await;
    for _ in 0..500 {
        pair.village.write(VILLAGE, Reach::Private, 1);
        pair.village.write(VILLAGE, Reach::Public, 1);
    }
    let logs = [pair.village.log(VILLAGE, Reach::Private), pair.village.log(VILLAGE, Reach::Public)];
    pair.township.until("all arrive", |township| logs.iter().all(|log| township.seq(log) == 500)).await;
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_word_of_a_peer_is_told_before_all_is_in_sync() {
    let pair = Pair::new().await;
    pair.until_in_sync().await;
    for host in [&pair.township, &pair.village] {
        let is_told = |link: &LinkState| link.connected && link.last_heard_ms > 0 && !link.in_sync;
        let links = host.held().links.clone();
        assert!(links.iter().any(|(_, link)| is_told(link)), "{links:?}");
    }
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_station_says_goodbye() {
    let pair = Pair::new().await;
    pair.until_in_sync().await;
    let village = pair.village.clone();
    pair.stop().await;
    assert_eq!(village.link().last_error.as_deref(), Some("the station stops"));
    assert!(!village.link().connected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_too_many_catch_up_a_child_is_told_to_come_back() {
    let limits = AcceptLimits { catch_ups: 0, ..AcceptLimits::default() };
    let township = MemoryHost::new(&[(TOWNSHIP, 5), (VILLAGE, 7)]);
    let village = MemoryHost::new(&[(VILLAGE, 7), (TOWNSHIP, 5)]);
    village.write(VILLAGE, Reach::Private, 1);
    let pair = Pair::link(township, village, limits).await;
    let turned_away = |village: &MemoryHost| {
        village.link().last_error.is_some_and(|error| error.contains("too many stations catch up"))
    };
    pair.village.until("the village is turned away", turned_away).await;
    assert_eq!(pair.township.seq(&pair.village.log(VILLAGE, Reach::Private)), 0);
    let attempts = pair.village.held().links.len();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(pair.village.held().links.len(), attempts, "it stays away for two seconds at least");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_that_can_not_commit_receipts_nothing_and_catches_up_later() {
    let pair = Pair::new().await;
    pair.until_in_sync().await;
    pair.township.held().is_broken = true;
    pair.village.write(VILLAGE, Reach::Private, 4);
    pair.village.until("the link goes down", |village| !village.link().connected).await;
    assert!(pair.village.held().receipts.is_empty());
    pair.township.held().is_broken = false;
    let cases = pair.village.log(VILLAGE, Reach::Private);
    pair.township.until("entries arrive once the disk is back", |township| township.seq(&cases) == 4).await;
    pair.village.until("and are receipted", |village| !village.held().receipts.is_empty()).await;
    pair.stop().await;
}

fn content(bytes: usize) -> Vec<u8> {
    // Does not compress, so that bytes on the line can be counted.
    let mut output = vec![0; bytes];
    blake3::Hasher::new().finalize_xof().fill(&mut output);
    output
}

fn wanted(id: sanji_log::AttachmentId, size: usize) -> WantedAttachment {
    let case = CaseId::new(code(VILLAGE), 9678, 1, [7; 7]).unwrap();
    WantedAttachment { case, id, size: size as u64, urgent: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachments_travel_both_ways_behind_the_entries() {
    let pair = Pair::new().await;
    let (photo, notice) = (content(20 * CHUNK_BYTES + 17), content(100));
    let up = pair.village.attach(&photo);
    let down = pair.township.attach(&notice);
    pair.township.want(wanted(up, photo.len()));
    pair.village.want(wanted(down, notice.len()));
    let has = |host: &MemoryHost, id, content: &[u8]| {
        host.held().attachments.get(id).is_some_and(|held| held.chunks.concat() == content)
    };
    pair.township.until("the photo arrives", |township| has(township, &up, &photo)).await;
    pair.village.until("the notice arrives", |village| has(village, &down, &notice)).await;
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attachment_goes_on_at_the_last_chunk_after_a_cut() {
    let pair = Pair::new().await;
    pair.until_in_sync().await;
    let scan = content(40 * CHUNK_BYTES);
    let id = pair.township.attach(&scan);
    pair.line.bytes_left.store(25 * CHUNK_BYTES as u64, Ordering::SeqCst);
    pair.village.want(wanted(id, scan.len()));
    pair.village.until("the line breaks", |village| !village.link().connected).await;
    let before = pair.village.held().attachments[&id].chunks.len() as u32;
    let served_before = pair.township.held().served.len();
    assert!((1..40).contains(&before), "{before} chunks before the cut");

    pair.village
        .until("the rest arrives", |village| {
            village.held().attachments[&id].chunks.len() == chunk_count(scan.len() as u64) as usize
        })
        .await;
    assert_eq!(pair.village.held().attachments[&id].chunks.concat(), scan);
    let served = pair.township.held().served[served_before..].to_vec();
    assert_eq!(served, (before..40).collect::<Vec<_>>(), "nothing is sent a second time that was kept");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_false_or_missing_attachment_does_not_hold_up_others() {
    let pair = Pair::new().await;
    let (good, false_size, changed) = (content(3000), content(4000), content(2 * CHUNK_BYTES));
    let good_id = pair.township.attach(&good);
    let false_id = pair.township.attach(&false_size);
    let changed_id = pair.township.attach(&changed);
    pair.township.held().attachments.get_mut(&changed_id).unwrap().chunks[1][5] ^= 1;
    let missing_id = sanji_log::AttachmentId([9; 32]);
    for (id, size) in [(missing_id, 10), (false_id, 4001), (changed_id, changed.len()), (good_id, good.len())] {
        pair.village.want(wanted(id, size));
    }
    pair.village.until("the good one arrives", |village| village.held().attachments.contains_key(&good_id)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let chunks = |id| pair.village.held().attachments.get(id).map(|content| content.chunks.len());
    assert_eq!((chunks(&missing_id), chunks(&false_id)), (None, None));
    assert_eq!(chunks(&changed_id), Some(1), "the changed chunk is not kept");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_still_coming_in_is_passed_on_at_once() {
    let pair = Pair::new().await;
    pair.until_in_sync().await;
    let scan = content(12 * CHUNK_BYTES);
    let id = pair.township.attach(&scan);
    let rest = pair.township.held().attachments.get_mut(&id).unwrap().chunks.split_off(3);
    pair.village.want(wanted(id, scan.len()));
    let holds = |village: &MemoryHost, chunks| {
        village.held().attachments.get(&id).is_some_and(|content| content.chunks.len() == chunks)
    };
    pair.village.until("what is there arrives", |village| holds(village, 3)).await;
    for (chunk, data) in (3..).zip(rest) {
        let came = std::time::Instant::now();
        pair.township.put_chunk(&id, chunk, &data).unwrap();
        pair.village.until("the next chunk follows", |village| holds(village, chunk as usize + 1)).await;
        assert!(came.elapsed() < Duration::from_secs(2), "chunk {chunk} took {:?}", came.elapsed());
    }
    assert_eq!(pair.village.held().attachments[&id].chunks.concat(), scan);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_waits_for_is_asked_for_first_all_the_way() {
    let pair = Pair::new().await;
    pair.until_in_sync().await;
    let id = sanji_log::AttachmentId([9; 32]);
    pair.village.want(wanted(id, 3000));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(pair.township.held().wanted_first, []);
    pair.village.want_first(wanted(id, 3000).case, id);
    pair.township.until("it is told", |township| township.held().wanted_first == [id]).await;
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_an_attachment_is_told_when_it_changes() {
    let pair = Pair::new().await;
    let scan = content(3 * CHUNK_BYTES);
    let id = pair.village.attach(&scan);
    let case = wanted(id, scan.len()).case;
    pair.village.held().unconfirmed.push((case, id));
    pair.until_in_sync().await;
    let known = |village: &MemoryHost| village.held().holders.get(&id).cloned().unwrap_or_default();
    pair.township.want(wanted(id, scan.len()));
    pair.village.until("the township says that it has it", |village| known(village) == [code(TOWNSHIP)]).await;
    pair.township.keep_holders(case, id, vec![code(HUB)]);
    let both = [code(HUB), code(TOWNSHIP)];
    pair.village.until("and that the hub has", |village| known(village) == both).await;
    pair.stop().await;
}

//! A village whose township is away.

use std::sync::Arc;
use std::time::Duration;

use sanji_link::{AcceptLimits, CancellationToken, Detour, Trust, accept, dial_with_detour};
use sanji_log::Reach;
use tokio::net::TcpListener;

use crate::host::MemoryHost;
use crate::support::{HUB, TOWNSHIP, VILLAGE, authority, code, identity, within};

const STATIONS: [(&str, u8); 3] = [(HUB, 3), (TOWNSHIP, 5), (VILLAGE, 7)];

fn host_of(me: &str) -> Arc<MemoryHost> {
    let mut stations = STATIONS;
    stations.sort_by_key(|(station, _)| *station != me);
    MemoryHost::new(&stations)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_village_links_round_its_township_and_goes_back() {
    let authority = authority();
    let trust = |station, seed| Arc::new(Trust::new(&identity(&authority, station, seed)).unwrap());
    let (hub, township, village) = (host_of(HUB), host_of(TOWNSHIP), host_of(VILLAGE));
    let cases = village.log(VILLAGE, Reach::Private);
    let stop = CancellationToken::new();
    let at_hub = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let detour = Detour { address: at_hub.local_addr().unwrap().to_string(), after: Duration::from_millis(700) };
    tokio::spawn(accept(at_hub, trust(HUB, 3), hub.clone(), AcceptLimits::default(), stop.clone()));
    // Nobody listens at the township's address yet.
    let place = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let dialing = dial_with_detour(place.to_string(), detour, trust(VILLAGE, 7), village.clone(), stop.clone());
    let dialing = tokio::spawn(dialing);
    village.write(VILLAGE, Reach::Private, 3);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(hub.seq(&cases), 0, "not before the stated time");
    hub.until("the entries come round", |hub| hub.seq(&cases) == 3).await;

    let at_township = TcpListener::bind(place).await.unwrap();
    tokio::spawn(accept(at_township, trust(TOWNSHIP, 5), township.clone(), AcceptLimits::default(), stop.clone()));
    township.until("the township catches up", |township| township.seq(&cases) == 3).await;
    let left = |host: &MemoryHost| {
        host.held().links.last().is_some_and(|(peer, link)| *peer == code(VILLAGE) && !link.connected)
    };
    hub.until("the village leaves the hub", left).await;
    village.write(VILLAGE, Reach::Private, 2);
    township.until("the township has the newest", |township| township.seq(&cases) == 5).await;
    assert_eq!(hub.seq(&cases), 3, "the village links to its township alone");
    stop.cancel();
    within(10, "the village stops", dialing).await.unwrap();
}

/// A village below a township that links to it and to the hub, once it has written at a township in this state.
async fn goes_round(is_broken: bool, has_ended: bool) {
    let authority = authority();
    let trust = |station, seed| Arc::new(Trust::new(&identity(&authority, station, seed)).unwrap());
    let (hub, township, village) = (host_of(HUB), host_of(TOWNSHIP), host_of(VILLAGE));
    let cases = village.log(VILLAGE, Reach::Private);
    let stop = CancellationToken::new();
    let at_hub = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at_township = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = at_township.local_addr().unwrap().to_string();
    let detour = Detour { address: at_hub.local_addr().unwrap().to_string(), after: Duration::from_millis(1500) };
    tokio::spawn(accept(at_hub, trust(HUB, 3), hub.clone(), AcceptLimits::default(), stop.clone()));
    tokio::spawn(accept(at_township, trust(TOWNSHIP, 5), township.clone(), AcceptLimits::default(), stop.clone()));
    let dialing = dial_with_detour(place, detour, trust(VILLAGE, 7), village.clone(), stop.clone());
    let dialing = tokio::spawn(dialing);
    village.write(VILLAGE, Reach::Private, 1);
    township.until("all is well", |township| township.seq(&cases) == 1).await;
    {
        let mut held = township.held();
        (held.is_broken, held.has_ended) = (is_broken, has_ended);
    }
    village.write(VILLAGE, Reach::Private, 1);
    hub.until("the entries come round", |hub| hub.seq(&cases) == 2).await;
    stop.cancel();
    within(10, "the village stops", dialing).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_township_that_answers_and_can_keep_nothing_is_away_all_the_same() {
    goes_round(true, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_township_of_which_the_hub_takes_nothing_any_more_lets_its_villages_go() {
    goes_round(false, true).await;
}

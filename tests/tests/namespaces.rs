//! Village, township and hub on three hosts of their own, with a thin and lossy line in between that is cut: packets
//! vanish, and nobody is told. Needs root, `ip` and `tc` (iproute2) and `nft` (nftables); `tests/run` installs them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use sanji_tests::binaries::Binaries;
use sanji_tests::client::Client;
use sanji_tests::district::{District, Plan};
use sanji_tests::namespace::{HUB, Network, TOWNSHIP};
use sanji_tests::{Error, story};

/// The village's line: packets of 1,500 bytes take 94 ms, and one in twenty vanishes.
const BITS_PER_SECOND: u64 = 128_000;
const LOSS_PERCENT: u32 = 5;
/// What may be waited for on such a line.
const PATIENCE: Duration = Duration::from_secs(90);
/// As the village's configuration says.
const DETOUR_AFTER: &str = "[detour]\nafter_seconds = 3\n";
/// A photograph that takes the line 16 seconds.
const PHOTOGRAPH_BYTES: usize = 256 << 10;

struct Scene {
    district: District,
    network: Network,
    hub: StationCode,
    township: StationCode,
    village: StationCode,
    _folder: tempfile::TempDir,
}

/// Runs what a program at a station does, where the station is.
fn at<T: Send>(scene: &Scene, station: StationCode, work: impl AsyncFnOnce() -> T + Send) -> T {
    let here = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| Error::Io { operation: "start a runtime", source })?;
        Ok(runtime.block_on(work()))
    };
    scene.district.at(station, here).unwrap()
}

impl Scene {
    fn start() -> Self {
        let network = Network::make().unwrap();
        let plan = Plan::line().unwrap();
        let (hub, township, village) = (plan.hub, plan.townships[0], plan.villages[0]);
        let folder = tempfile::tempdir().unwrap();
        let mut district = District::new(folder.path(), plan, Binaries::build(true).unwrap()).unwrap();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        district.place(hub, network.hub.clone(), address(HUB));
        district.place(township, network.township.clone(), address(TOWNSHIP));
        district.place(village, network.village.clone(), address("10.203.1.2"));
        district.start(&|_| ()).unwrap();
        district.configure(village, DETOUR_AFTER).unwrap();
        district.stop(village).unwrap();
        district.serve(village).unwrap();
        Self { district, network, hub, township, village, _folder: folder }
    }

    /// Opens cases at the village; their numbers. The first has a photograph where there is one.
    fn submit(&self, cases: usize, photograph: Option<&[u8]>) -> Vec<String> {
        at(self, self.village, async || {
            let mut agent = self.district.client(self.village, "village", "代办员").await.unwrap();
            let mut numbers = Vec::new();
            for case in 0..cases {
                let mut application =
                    story::application(&self.district, &mut agent, self.village, "rs-canbao").await.unwrap();
                if let Some(content) = photograph.filter(|_| case == 0) {
                    let head = proto::AttachmentHead {
                        request: application.request.clone(),
                        case_number: String::new(),
                        file_name: "身份证.jpg".into(),
                        media_type: "image/jpeg".into(),
                        size: content.len() as u64,
                    };
                    let id = agent.put_attachment(head, content).await.unwrap();
                    application.materials[0].attachments.push(id);
                }
                numbers.push(agent.cases.submit(application).await.unwrap().into_inner().case_number);
            }
            numbers
        })
    }

    /// Waits until the department at the hub has all of these cases; how they look when the last has come.
    fn at_hub(&self, numbers: &[String]) -> Vec<proto::CaseView> {
        at(self, self.hub, async || {
            let mut department = self.district.client(self.hub, "rs", "审批").await.unwrap();
            let mut views = Vec::new();
            for number in numbers {
                story::until(&format!("{number} at the hub"), PATIENCE, async || department.get(number).await.ok())
                    .await
                    .unwrap();
            }
            for number in numbers {
                views.push(department.get(number).await.unwrap());
            }
            views
        })
    }

    fn in_sync(&self, station: StationCode) {
        at(self, station, async || self.district.in_sync(station, PATIENCE).await).unwrap();
    }

    /// The station to which the village is linked now.
    fn upstream(&self, wanted: StationCode) {
        at(self, self.village, async || {
            let mut keeper: Client = self.district.keeper(self.village).await.unwrap();
            story::until(&format!("the village linked to {wanted}"), PATIENCE, async || {
                let status = keeper.health.status(proto::StatusRequest {}).await.ok()?.into_inner();
                status.upstream.filter(|link| link.connected && link.station == wanted.number()).map(|_| ())
            })
            .await
            .unwrap();
        });
    }
}

fn bytes_here(view: &proto::CaseView) -> (u64, u64) {
    let attachment = view.materials.iter().flat_map(|material| &material.attachments).next().unwrap();
    (attachment.size_here, attachment.size)
}

#[test]
fn over_a_thin_lossy_line_that_is_cut_everything_arrives_once_and_small_things_first() {
    let mut scene = Scene::start();
    scene.network.thin(BITS_PER_SECOND, LOSS_PERCENT).unwrap();

    // Cases overtake the photograph that was handed in before them.
    let mut photograph = vec![0; PHOTOGRAPH_BYTES];
    blake3::Hasher::new_keyed(&[7; 32]).finalize_xof().fill(&mut photograph);
    photograph.splice(..3, [0xff, 0xd8, 0xff]);
    let mut numbers = scene.submit(8, Some(&photograph));
    let views = scene.at_hub(&numbers);
    let (here, size) = bytes_here(&views[0]);
    assert!(here < size, "the photograph was there before the cases: {here} of {size} bytes");

    // The line dies in the middle of it, the village goes on; nobody is told that the line is back.
    scene.network.cut().unwrap();
    numbers.extend(scene.submit(3, None));
    std::thread::sleep(Duration::from_secs(8));
    scene.network.mend().unwrap();
    scene.at_hub(&numbers);
    scene.in_sync(scene.village);
    scene.in_sync(scene.township);
    let (here, size) = bytes_here(&scene.at_hub(&numbers)[0]);
    assert_eq!(here, size, "the photograph has not arrived");

    // The township's program is away and its host is not: the village goes round it, and comes back.
    scene.district.kill(scene.township);
    numbers.extend(scene.submit(2, None));
    scene.upstream(scene.hub);
    scene.at_hub(&numbers);
    scene.district.serve(scene.township).unwrap();
    scene.upstream(scene.township);
    scene.in_sync(scene.village);
    scene.in_sync(scene.township);

    scene.district.stop_all().unwrap();
    let [hub, township, village] =
        [scene.hub, scene.township, scene.village].map(|station| scene.district.dump(station).unwrap());
    let private = |held: &std::collections::BTreeMap<_, String>| -> BTreeSet<_> {
        let theirs = |place: &&(StationCode, String, String, u64)| place.0 == scene.village && place.1 == "private";
        held.keys().filter(theirs).cloned().collect()
    };
    assert!(private(&village).len() >= numbers.len(), "the village holds too little");
    assert_eq!(private(&village), private(&township));
    assert_eq!(private(&village), private(&hub));
    for (place, hash) in &village {
        assert_eq!(hub.get(place), Some(hash), "the village holds {place:?}, the hub does not");
    }
    for station in [scene.hub, scene.township, scene.village] {
        scene.district.verify(station).unwrap();
    }
}

//! The same on a disk: what lies there names nobody, and its index can be thrown away.

use std::path::Path;
use std::sync::Arc;

use sanji_station::core::Core;
use sanji_store::{DiskStore, Options, Store};

use crate::district::{AGENT, District, ID_NUMBER, NAME, VILLAGE, missing, noise};

fn on_disk(district: &mut District, folder: &Path) {
    let store: Arc<dyn Store> = Arc::new(DiskStore::open(folder, Options::default()).unwrap());
    district.village.store = store.clone();
    district.village.core = Core::open(store, district.village.keys.clone()).unwrap();
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

#[test]
fn a_data_folder_names_no_resident_and_outlives_its_index() {
    let folder = tempfile::tempdir().unwrap();
    let mut district = District::new();
    on_disk(&mut district, folder.path());
    let runs = missing(&district.hub, &district.village).into_iter().map(|(run, _)| run).collect();
    let now_ms = district.now_ms;
    district.village.core.adopt(runs, &[], now_ms, &mut noise(&mut 1)).unwrap();
    district.village.core.commit(now_ms).unwrap();
    let number = district.submit().unwrap().case.unwrap().number().to_string();
    district.sync();
    let photograph = district.photograph(VILLAGE, AGENT, &number);
    assert!(district.village.store.attachment(&photograph).unwrap().complete);
    let before = district.view(VILLAGE, AGENT, &number).unwrap();
    assert!(before.delivery.unwrap().district_ms > 0);

    // The store must be closed before its files are touched.
    let drop_store = |district: &mut District| {
        district.village.store = Arc::new(sanji_store::MemoryStore::new());
        district.village.reopen();
    };
    drop_store(&mut district);
    let all = files(folder.path());
    assert!(all.iter().any(|(_, bytes)| bytes.windows(8).any(|window| window == b"mz-dibao")), "the search works");
    for secret in [NAME, ID_NUMBER, "13812340000", "三口人"] {
        for (path, bytes) in &all {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{path} holds '{secret}'");
        }
    }
    std::fs::remove_dir_all(folder.path().join("index")).unwrap();
    on_disk(&mut district, folder.path());
    assert_eq!(district.view(VILLAGE, AGENT, &number).unwrap(), before);
    assert_eq!(district.village.core.reader().open_cases().unwrap(), 1);
    assert!(district.village.store.verify(&mut |_, _| {}).unwrap().faults.is_empty());
}

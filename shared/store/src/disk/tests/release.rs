//! A data folder as the first release wrote it, frozen: today's code opens it, checks it and goes on with it.
//!
//! `ADD_FROZEN=1 cargo test -p sanji-store release` makes it where it is missing. Nobody may change it.

use std::fs;

use super::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/disk/tests/release-1");
const FILES: [&str; 3] = ["FORMAT", "journal/segment-00000001", "journal/segment-00000002"];
/// Few bytes: the folder is part of the sources.
const SMALL: Options = Options { segment_bytes: 2 << 10, ..OPTIONS };

/// What the village of the frozen folder had written.
fn written(store: &DiskStore) -> Writer {
    let mut writer = Writer::new(1);
    for serial in 1..=3 {
        let commit = rich_commit(&mut writer, serial, 2, 60);
        store.commit(&commit).unwrap();
    }
    store.destroy_case_key(&case(3)).unwrap();
    writer
}

fn frozen() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("journal")).unwrap();
    for file in FILES {
        let path = Path::new(FOLDER).join(file);
        fs::copy(&path, folder.path().join(file)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    folder
}

#[test]
fn the_data_folder_of_the_first_release_opens_and_goes_on() {
    if std::env::var_os("ADD_FROZEN").is_some() && !Path::new(FOLDER).exists() {
        let folder = TempDir::new().unwrap();
        written(&DiskStore::open(folder.path(), SMALL).unwrap());
        fs::create_dir_all(Path::new(FOLDER).join("journal")).unwrap();
        for file in FILES {
            fs::copy(folder.path().join(file), Path::new(FOLDER).join(file)).unwrap();
        }
    }
    let today = TempDir::new().unwrap();
    let fresh = DiskStore::open(today.path(), SMALL).unwrap();
    let mut writer = written(&fresh);
    let folder = frozen();
    let store = DiskStore::open(folder.path(), SMALL).unwrap();
    assert_eq!(store.have().get(&writer.log()), writer.head());
    assert_eq!(store.read(&writer.log(), 1, usize::MAX).unwrap(), fresh.read(&writer.log(), 1, usize::MAX).unwrap());
    for serial in 1..=3 {
        assert_eq!(store.case_entries(&case(serial)).unwrap(), fresh.case_entries(&case(serial)).unwrap());
        assert_eq!(store.case_key(&case(serial)).unwrap().here().is_some(), serial < 3);
    }
    assert_eq!(catch_up(&store), 3);
    keep(&store, &rich_commit(&mut writer, 1, 1, 60));
    assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults, Vec::<String>::new());
}

#[test]
fn the_first_release_wrote_the_very_bytes_that_are_written_today() {
    let folder = TempDir::new().unwrap();
    written(&DiskStore::open(folder.path(), SMALL).unwrap());
    let frozen = frozen();
    for file in FILES {
        let [today, then] = [&folder, &frozen].map(|folder| fs::read(folder.path().join(file)).unwrap());
        assert!(today == then, "{file}");
    }
}

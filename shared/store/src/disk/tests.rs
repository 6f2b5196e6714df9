//! The engine on a real disk.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use tempfile::TempDir;

use super::*;
use crate::conformance;

/// Small segments, so that tests cross their borders.
const OPTIONS: Options =
    Options { segment_bytes: 32 << 10, cache_bytes: 1 << 20, index_open_timeout: Duration::from_secs(60) };

#[test]
fn the_disk_engine_conforms() {
    let mut folders = Vec::new();
    conformance::check_all(&mut || {
        let folder = TempDir::new().unwrap();
        let store = DiskStore::open(folder.path(), OPTIONS).unwrap();
        folders.push(folder);
        Box::new(store)
    });
}

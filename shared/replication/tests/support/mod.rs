//! Stations for tests: true logs, stores that hold a part of them, and a link that a test plays by hand.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod link;
pub mod truth;

use sanji_log::seal::public_key;
use sanji_log::{PublicKey, SigningKey, StationCode};
use sanji_replication::Directory;

pub const HUB: &str = "990106000000";
pub const TOWNSHIP: &str = "990106101000";
pub const VILLAGE: &str = "990106101203";
pub const NEIGHBOUR: &str = "990106101204";

pub fn code(text: &str) -> StationCode {
    text.parse().unwrap()
}

/// The signing key of a station: one for each code.
pub fn key_of(station: &str) -> SigningKey {
    let mut seed = [0; 32];
    seed[..12].copy_from_slice(station.as_bytes());
    SigningKey::from_bytes(&seed)
}

pub fn public(station: &str) -> PublicKey {
    public_key(&key_of(station))
}

pub fn directory() -> Directory {
    let mut directory = Directory::default();
    for station in [HUB, TOWNSHIP, VILLAGE, NEIGHBOUR] {
        directory.insert(public(station), code(station));
    }
    directory
}

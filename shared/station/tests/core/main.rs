//! The core on stores in memory: a hub, a township and a village that replicate by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod asides;
mod behind;
mod bundles;
mod conditions;
mod crash;
mod deadlines;
mod disk;
mod district;
mod fire;
mod flow;
mod forks;
mod journey;
mod ledgers;
mod lives;
mod matters;
mod offices;
mod people;
mod receive;
mod records;
mod scan;
mod secrecy;
mod supervision;
mod told;
mod writers;

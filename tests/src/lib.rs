//! The district harness and what is built on it: a district of real processes that the demo, the end-to-end
//! tests, the crash tests, the browser journey and the benchmarks share.
//!
//! | module | holds |
//! | --- | --- |
//! | [`binaries`] | builds and finds `sanji-hub` and `sanji-node` |
//! | [`command`] | runs one of their commands and reads what it prints |
//! | [`process`] | a serving station: start, stop, kill |
//! | [`district`] | a whole district: initialised, enrolled, linked |
//! | [`browser`] | headless Chromium |
//! | [`forms`] | a browser without a window |
//! | [`client`] | a program at a station's gRPC service, with a token |
//! | [`machine`] | facts of the machine, memory and processor time of a process |
//! | [`mod@bench`] | how fast all of it is: a file a workload |
//! | [`namespace`] | hosts of their own for stations, and real lines between them |
//! | [`thin_line`] | a bad line: rate, delay, loss, cuts |
//! | [`postgres`] | a PostgreSQL server of a test's own |
//! | [`story`] | scripted cases, told hop by hop |
//! | [`simulator`] | a district in one thread, driven by a seed (`sim` plays many) |
//! | [`year`] | a generated year of a whole district (the program `year` makes one) |
//! | [`sample`] | the sample district's files and people |
//!
//! Nothing in the product depends on this crate.

pub mod bench;
pub mod binaries;
pub mod browser;
pub mod client;
pub mod command;
pub mod district;
pub mod error;
pub mod forms;
pub mod machine;
pub mod namespace;
pub mod postgres;
pub mod process;
pub mod sample;
pub mod simulator;
pub mod story;
pub mod thin_line;
pub mod year;

pub use error::Error;

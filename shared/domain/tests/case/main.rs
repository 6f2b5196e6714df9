//! The case, on the data of the sample district.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod clock;
mod codec;
mod deadlines;
mod district;
mod journey;
mod limits;
mod order;
mod refusals;
mod sight;
mod supervision;
mod turns;
mod walks;

//! The case, on the data of the sample district.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod beside;
mod charges;
mod clock;
mod codec;
mod deadlines;
mod district;
mod fees;
mod flow;
mod follow_up;
mod journey;
mod limits;
mod order;
mod overruns;
mod parts;
mod refusals;
mod seats;
mod sight;
mod supervision;
mod turns;
mod walks;

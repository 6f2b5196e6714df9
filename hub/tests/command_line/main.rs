//! `sanji-hub` as its keeper and scripts meet it: one line for bad input, exit status, what a running hub answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod enrolment;
mod running;
mod stopped;
mod support;

//! Model checks: every order of events among three stations, within bounds, over the product's own rules.
//!
//! | module | question |
//! | --- | --- |
//! | [`holder`] | who may move a case on: passing on, returning, reclaiming, late steps of an old term |
//! | [`lives`] | what a replaced or restored station may write, and what is still believed of its former key |
//!
//! The simulator plays long stories at random; here short ones are played in every order. Each check says how many
//! states there are, so that one that explores less than before is noticed; and each is run again with mistakes in
//! the actions, which it must find.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod holder;
mod lives;

use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, HasDiscoveries, Model};

/// Explores a model to its end; all its properties must hold. Returns the number of different states.
fn explore<M>(model: M) -> usize
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + Send + Sync + PartialEq,
    M::Action: Clone + Debug + Send + Sync + PartialEq,
{
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let checker = model.checker().threads(threads).spawn_bfs().join();
    checker.assert_properties();
    assert!(checker.is_done(), "the whole space was explored");
    println!("{} states", checker.unique_state_count());
    checker.unique_state_count()
}

/// Explores a model with a mistake until it breaks a property; returns the name of the property.
fn broken_by<M>(model: M) -> Option<&'static str>
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + Send + Sync + PartialEq,
    M::Action: Clone + Debug + Send + Sync + PartialEq,
{
    let always: Vec<&'static str> = model
        .properties()
        .into_iter()
        .filter(|property| matches!(property.expectation, stateright::Expectation::Always))
        .map(|property| property.name)
        .collect();
    let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let broken = always.into_iter().find(|name| checker.discovery(name).is_some());
    if let Some(name) = broken {
        println!("'{name}' is broken by {:?}", checker.discovery(name).map(|path| path.into_actions()));
    }
    broken
}

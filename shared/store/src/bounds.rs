//! What every engine asks of a commit, whatever it holds already.

use std::collections::BTreeSet;

use sanji_log::Hash;

use crate::contract::{Commit, Error, Extension, Projection};

/// Longest wrapped key, in bytes.
pub const WRAPPED_KEY_MAX_BYTES: usize = 256;
/// Longest name of a list, in bytes.
pub const LIST_MAX_BYTES: usize = 64;
/// Longest key of a row, in bytes.
pub const ROW_KEY_MAX_BYTES: usize = 512;
/// Longest value of a row, in bytes.
pub const ROW_VALUE_MAX_BYTES: usize = 4096;
/// Longest addition to a snapshot, in bytes: one row of the index.
pub const ADDITION_MAX_BYTES: usize = 3500;

/// Checks the bounds of a commit.
pub(crate) fn check_bounds(commit: &Commit) -> Result<(), Error> {
    let logs: BTreeSet<_> = commit.extensions.iter().map(|extension| extension.run.log).collect();
    if logs.len() != commit.extensions.len() {
        return Err(Error::Invalid { what: "two extensions of one log" });
    }
    if commit.extensions.iter().any(|extension| extension.run.entries.is_empty()) {
        return Err(Error::Invalid { what: "a run without entries" });
    }
    if commit.case_keys.iter().any(|key| key.bytes.len() > WRAPPED_KEY_MAX_BYTES) {
        return Err(Error::Invalid { what: "a wrapped key that is too long" });
    }
    Ok(())
}

/// Checks the bounds of an index change.
pub(crate) fn check_projection(projection: &Projection) -> Result<(), Error> {
    if projection.cases.iter().any(|case| case.is_addition && case.bytes.len() > ADDITION_MAX_BYTES) {
        return Err(Error::Invalid { what: "an addition to a snapshot that is too long" });
    }
    for row in &projection.rows {
        if row.list.len() > LIST_MAX_BYTES || row.list.contains(&0) {
            return Err(Error::Invalid { what: "a list's name that is too long or has a byte 0" });
        }
        if row.key.len() > ROW_KEY_MAX_BYTES {
            return Err(Error::Invalid { what: "a row's key that is too long" });
        }
        if row.value.as_ref().is_some_and(|value| value.len() > ROW_VALUE_MAX_BYTES) {
            return Err(Error::Invalid { what: "a row's value that is too long" });
        }
    }
    Ok(())
}

/// Checks that an extension follows the head that the store holds.
pub(crate) fn check_head(extension: &Extension, head: Option<(u64, Hash)>) -> Result<(), Error> {
    let (expected, found) = (extension.extends.map_or(0, |(seq, _)| seq), head.map_or(0, |(seq, _)| seq));
    if extension.extends != head {
        return Err(Error::HeadMoved { log: extension.run.log, expected, found });
    }
    if extension.run.first_seq() != expected + 1 {
        return Err(Error::Invalid { what: "a run that does not follow the head it extends" });
    }
    Ok(())
}

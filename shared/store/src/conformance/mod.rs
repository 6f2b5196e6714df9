//! One suite of checks that every engine passes. A check panics where the engine does not do what
//! [`Store`] says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::contract::Store;

mod copies;
mod files;
mod logs;
mod projections;
mod writer;

pub use copies::{fill, same};
pub use writer::{Writer, case};

/// Runs all checks. `open` gives a new, empty store each time.
pub fn check_all(open: &mut dyn FnMut() -> Box<dyn Store>) {
    let checks: [fn(&dyn Store); 18] = [
        logs::an_empty_store_has_nothing,
        logs::reads_give_the_very_bytes,
        logs::a_read_ends_under_a_seal_and_within_its_limit,
        logs::a_commit_on_an_old_head_is_refused_whole,
        logs::a_commit_beyond_the_bounds_is_refused_whole,
        logs::the_entries_of_a_case_come_in_order_of_arrival,
        logs::a_destroyed_key_is_gone_and_its_entries_stay,
        logs::the_furthest_receipt_is_kept,
        logs::verify_counts_what_it_checks,
        projections::rows_come_in_order_and_lists_do_not_mix,
        projections::a_snapshot_of_any_size_replaces_the_one_before,
        projections::what_is_added_to_a_snapshot_stands_behind_it_until_another_replaces_it,
        projections::a_part_shows_and_what_was_committed_is_asked_for_all_the_same,
        projections::a_replay_that_breaks_off_begins_after_what_it_has_shown,
        projections::a_projection_beyond_the_bounds_is_refused_whole,
        projections::nothing_is_unprojected_in_a_store_that_lost_nothing,
        files::an_attachment_grows_chunk_by_chunk,
        files::an_upload_waits_until_it_is_named_or_dropped,
    ];
    for check in checks {
        check(&*open());
    }
}

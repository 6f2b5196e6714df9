//! Bounds of the link. What a peer may make this station hold is bounded by these and by nothing the peer says.

use sanji_log::run::RUN_MAX_BYTES;

/// Oldest version of the protocol that this release speaks.
pub const PROTOCOL_MIN: u32 = 1;
/// Newest version of the protocol that this release speaks.
pub const PROTOCOL_MAX: u32 = 6;
/// From this version on a peer can be asked for its branch of a forked log.
pub const PROTOCOL_BRANCHES: u32 = 2;
/// From this version on a peer can be asked for entries that were held here and are damaged.
pub const PROTOCOL_ENTRIES_AGAIN: u32 = 3;
/// From this version on a peer understands messages that are packed.
pub const PROTOCOL_PACKED: u32 = 4;
/// From this version on a peer that compresses like this station takes private parts laid bare.
pub const PROTOCOL_BARE: u32 = 5;
/// From this version on a peer understands how stations are.
pub const PROTOCOL_CONDITIONS: u32 = 6;
/// Most reads of branches and of entries again that a peer may ask for on one link.
pub const BRANCHES_MAX: u32 = 4096;

/// A revoked station that has delivered what it had is let go when it has been silent for this long, in milliseconds …
pub const DELIVERED_MS: u64 = 5_000;
/// One that has said that it has more is waited for so long after each batch, in milliseconds: on a thin line a batch
/// takes longer than those who have delivered all may be silent.
pub const DELIVERING_MS: u64 = 300_000;
/// Attachments that are wanted of a revoked station keep its link open for so long, in milliseconds: it may have lost
/// them, or its line may be too thin for them, and the next link goes on where this one ends.
pub const DELIVERING_FILES_MS: u64 = 1_800_000;
/// … and does not come back for this long.
pub const DELIVERED_COME_BACK_MS: u64 = COME_BACK_MAX_MS;

/// A log that could not be read is tried again after so long, in milliseconds.
pub const UNREADABLE_MS: u64 = 60_000;

/// Most bytes of entries in one `Entries` message of more than one run.
pub const BATCH_MAX_BYTES: usize = 1 << 20;
/// Most bytes of entries that a sender may have unacknowledged; a receiver closes the link beyond it. A single
/// run may be larger than any window, so it has room for one on top.
pub const WINDOW_MAX_BYTES: usize = 8 << 20;
/// Most bytes that a peer may make this station hold unstored.
pub const RECEIVING_MAX_BYTES: usize = WINDOW_MAX_BYTES + RUN_MAX_BYTES;
/// Most runs in one `Entries` message.
pub const BATCH_MAX_RUNS: usize = 1024;
/// Most keys of cases in one `Entries` message.
pub const BATCH_MAX_CASE_KEYS: usize = 16_384;
/// Most batches that a sender may have unacknowledged.
pub const BATCHES_IN_FLIGHT_MAX: usize = 1024;
/// Most heads in one `Have`. A district has about 400 stations with a handful of logs each.
pub const HAVE_MAX_HEADS: usize = 65_536;
/// Most receipts in one message.
pub const RECEIPTS_MAX: usize = 4096;
/// Most stations in one `Conditions`: a township and all the villages that its code has room for.
pub const CONDITIONS_MAX: usize = 1000;
/// Longest software version, in bytes.
pub const SOFTWARE_MAX_BYTES: usize = 64;
/// Longest text for people in a message, in bytes.
pub const TEXT_MAX_BYTES: usize = 512;
/// Longest time for which a peer may ask this station to stay away, in milliseconds.
pub const COME_BACK_MAX_MS: u64 = 3_600_000;
/// Largest encoded message of the link, in bytes: the largest run, its keys and the fields around them. The
/// transport refuses larger ones before they are decoded.
pub const MESSAGE_MAX_BYTES: usize = 8 << 20;

/// A text cut to a number of bytes, at a character's border.
pub(crate) fn cut(mut text: String, max_bytes: usize) -> String {
    if text.len() > max_bytes {
        let end = (0..=max_bytes).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

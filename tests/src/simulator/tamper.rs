//! Entries altered on their way, as by a station that was taken over: nothing of it may be believed.

use bytes::Bytes;
use rand::Rng;
use rand::rngs::StdRng;
use sanji_log::{EntryBytes, EntryDraft, Run, Seal, SigningKey};

/// Alters one run so that it still looks like one. False where it can't be.
pub fn alter(run: &mut Run, random: &mut StdRng) -> bool {
    if run.entries.len() > 1 && random.random_bool(0.5) {
        return rewrite(run, 0);
    }
    let last = run.entries.len() - 1;
    if !rewrite(run, last) {
        return false;
    }
    // Somebody who has no key of the writer seals with one of his own.
    let (key, hash) = (SigningKey::from_bytes(&[0xEE; 32]), run.entries[last].hash());
    run.seal = Seal::sign(&key, &run.log, run.seal.seq, hash);
    true
}

/// The entry at the same place with other words.
fn rewrite(run: &mut Run, index: usize) -> bool {
    let Ok(entry) = run.entries[index].decode() else { return false };
    let mut body = entry.body.to_vec();
    let Some(byte) = body.last_mut() else { return false };
    *byte ^= 1;
    let draft = EntryDraft {
        case: entry.case,
        actor: entry.actor,
        kind: entry.kind,
        body: Bytes::from(body),
        attachments: entry.attachments,
        opens_case: entry.opens_case,
    };
    let before = entry.prev.map(|hash| (entry.seq - 1, hash));
    let altered: EntryBytes = draft.chain(run.log, before, entry.time);
    std::mem::replace(&mut run.entries[index], altered.clone()) != altered
}

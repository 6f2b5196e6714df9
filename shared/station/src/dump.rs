//! What a store holds, as the contract says it: every entry without its content, its durable files, its faults.

use sanji_domain::case::codec;
use sanji_proto::v1 as proto;
use sanji_store::{Error, Store};

/// Bytes of entries read at once.
const READ_BYTES: usize = 1 << 20;

/// Calls `visit` for every entry, log by log, in the order of seq, until it answers false.
///
/// # Errors
/// Where a log can't be read.
pub fn dump(store: &dyn Store, visit: &mut dyn FnMut(proto::DumpedEntry) -> bool) -> Result<(), Error> {
    for head in store.have().heads() {
        let mut from = 1;
        while let Some(run) = store.read(&head.log, from, READ_BYTES)? {
            from = run.head().seq + 1;
            for bytes in &run.entries {
                let entry = bytes
                    .decode()
                    .map_err(|fault| Error::Damaged { what: format!("an entry of log {}: {fault}", head.log) })?;
                let dumped = proto::DumpedEntry {
                    log: Some(entry.log.into()),
                    seq: entry.seq,
                    hash: entry.hash.0.to_vec(),
                    case_number: entry.case.map_or_else(String::new, |case| case.number().to_string()),
                    kind: codec::kind_name(entry.kind, &entry.body),
                };
                if !visit(dumped) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// The files that hold what is durable.
///
/// # Errors
/// Those of the disk.
pub fn checkpoint(store: &dyn Store) -> Result<proto::CheckpointReply, Error> {
    let files = store.durable_files()?.into_iter();
    let files = files.map(|file| proto::DurableFile {
        path: file.path.to_string_lossy().into_owned(),
        bytes: file.bytes,
        size: file.size,
    });
    Ok(proto::CheckpointReply { files: files.collect(), entries: store.have().heads().map(|head| head.seq).sum() })
}

/// What a check found, as the contract says it.
#[must_use]
pub fn verify_reply(found: sanji_store::Faults) -> proto::VerifyReply {
    proto::VerifyReply {
        frames: found.frames,
        logs: found.logs,
        entries: found.entries,
        seals: found.seals,
        attachments: found.attachments,
        faults: found.faults,
    }
}

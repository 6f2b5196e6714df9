//! Attachments.

use sanji_log::attachment::{CHUNK_BYTES, manifest, root};

use crate::contract::{AttachmentState, Error, Store};

pub(super) fn an_attachment_grows_chunk_by_chunk(store: &dyn Store) {
    let content: Vec<u8> = (0..CHUNK_BYTES * 2 + 77).map(|at| (at % 253) as u8).collect();
    let size = content.len() as u64;
    let manifest = manifest(&content);
    let id = root(size, &manifest);
    let chunks: Vec<&[u8]> = content.chunks(CHUNK_BYTES).collect();
    let damaged = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Damaged { .. })), "{result:?}");

    assert_eq!(store.attachment(&id).unwrap(), AttachmentState::default());
    damaged(store.put_chunk(&id, 0, chunks[0]));
    damaged(store.put_manifest(&id, &manifest, size + 1));
    store.put_manifest(&id, &manifest, size).unwrap();
    store.put_manifest(&id, &manifest, size).unwrap();
    let state = |chunks, complete| AttachmentState { chunks, size, manifest: manifest.clone(), complete };
    assert_eq!(store.attachment(&id).unwrap(), state(0, false));

    damaged(store.put_chunk(&id, 1, chunks[1]));
    damaged(store.put_chunk(&id, 0, chunks[1]));
    damaged(store.put_chunk(&id, 0, &chunks[0][1..]));
    assert_eq!(store.chunk(&id, 0).unwrap(), None);
    store.put_chunk(&id, 0, chunks[0]).unwrap();
    damaged(store.put_chunk(&id, 0, chunks[0]));
    assert_eq!(store.attachment(&id).unwrap(), state(1, false));
    assert_eq!(store.chunk(&id, 0).unwrap().as_deref(), Some(chunks[0]));
    assert_eq!(store.chunk(&id, 1).unwrap(), None);
    store.put_chunk(&id, 1, chunks[1]).unwrap();
    assert_eq!(store.verify(&mut |_, _| ()).unwrap().attachments, 0);
    store.put_chunk(&id, 2, chunks[2]).unwrap();
    assert_eq!(store.attachment(&id).unwrap(), state(3, true));
    for (chunk, data) in (0..).zip(&chunks) {
        assert_eq!(store.chunk(&id, chunk).unwrap().as_deref(), Some(*data));
    }
    assert_eq!(store.chunk(&id, 3).unwrap(), None);
    let found = store.verify(&mut |_, _| ()).unwrap();
    assert_eq!((found.attachments, found.faults), (1, vec![]));
}

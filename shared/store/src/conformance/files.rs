//! Attachments.

use sanji_log::attachment::{CHUNK_BYTES, manifest, root};

use crate::contract::{AttachmentState, Error, Store};

pub(super) fn an_attachment_grows_chunk_by_chunk(store: &dyn Store) {
    let content: Vec<u8> = (0..CHUNK_BYTES * 2 + 77).map(|at| (at % 253) as u8).collect();
    let size = content.len() as u64;
    let manifest = manifest(&content);
    let id = root(size, &manifest);
    let chunks: Vec<&[u8]> = content.chunks(CHUNK_BYTES).collect();
    let damaged = |result: Result<bool, Error>| assert!(matches!(result, Err(Error::Damaged { .. })), "{result:?}");

    assert_eq!(store.attachment(&id).unwrap(), AttachmentState::default());
    damaged(store.put_chunk(&id, 0, chunks[0]));
    damaged(store.put_manifest(&id, &manifest, size + 1).map(|()| true));
    store.put_manifest(&id, &manifest, size).unwrap();
    store.put_manifest(&id, &manifest, size).unwrap();
    let state = |chunks, complete| AttachmentState { chunks, size, manifest: manifest.clone().into(), complete };
    assert_eq!(store.attachment(&id).unwrap(), state(0, false));

    damaged(store.put_chunk(&id, 1, chunks[1]));
    damaged(store.put_chunk(&id, 0, chunks[1]));
    damaged(store.put_chunk(&id, 0, &chunks[0][1..]));
    assert_eq!(store.chunk(&id, 0).unwrap(), None);
    assert!(!store.put_chunk(&id, 0, chunks[0]).unwrap());
    assert!(!store.put_chunk(&id, 0, chunks[0]).unwrap(), "over another path");
    assert_eq!(store.attachment(&id).unwrap(), state(1, false));
    assert_eq!(store.chunk(&id, 0).unwrap().as_deref(), Some(chunks[0]));
    assert_eq!(store.chunk(&id, 1).unwrap(), None);
    store.put_chunk(&id, 1, chunks[1]).unwrap();
    assert_eq!(store.verify(&mut |_, _| ()).unwrap().attachments, 0);
    assert!(store.put_chunk(&id, 2, chunks[2]).unwrap());
    assert_eq!(store.attachment(&id).unwrap(), state(3, true));
    assert!(store.put_chunk(&id, 2, chunks[2]).unwrap());
    for (chunk, data) in (0..).zip(&chunks) {
        assert_eq!(store.chunk(&id, chunk).unwrap().as_deref(), Some(*data));
    }
    assert_eq!(store.chunk(&id, 3).unwrap(), None);
    let found = store.verify(&mut |_, _| ()).unwrap();
    assert_eq!((found.attachments, found.faults), (1, vec![]));
}

pub(super) fn an_upload_waits_until_it_is_named_or_dropped(store: &dyn Store) {
    let content: Vec<u8> = (0..CHUNK_BYTES * 3 + 77).map(|at| (at % 251) as u8).collect();
    // Parts of any length give the same attachment.
    let parts = |sizes: [usize; 3]| {
        let mut rest = content.clone();
        let mut parts: Vec<Vec<u8>> = sizes.into_iter().map(|size| rest.drain(..size).collect()).collect();
        parts.push(rest);
        parts
    };
    let (size, manifest) = (content.len() as u64, manifest(&content));
    let id = root(size, &manifest);
    for sizes in [[0, 1, CHUNK_BYTES], [CHUNK_BYTES - 1, 1, 2], [2 * CHUNK_BYTES + 5, 3, CHUNK_BYTES - 9]] {
        let kept = store.put_upload(&mut parts(sizes).into_iter(), b"case 1").unwrap();
        assert_eq!((kept.id, kept.size), (id, size));
        assert!(store.attachment(&id).unwrap().complete);
        assert_eq!(store.chunk(&id, 3).unwrap().as_deref(), Some(&content[CHUNK_BYTES * 3..]));
        let waiting: Vec<_> = store.uploads().unwrap().into_iter().map(|upload| (upload.id, upload.note)).collect();
        assert_eq!(waiting, [(id, b"case 1".to_vec())]);
        store.drop_upload(&id, b"case 1").unwrap();
        assert_eq!(store.attachment(&id).unwrap(), AttachmentState::default());
        assert_eq!(store.uploads().unwrap(), []);
    }

    store.put_upload(&mut parts([1, 2, 3]).into_iter(), b"case 1").unwrap();
    store.upload_named(&id, b"case 1").unwrap();
    assert_eq!(store.uploads().unwrap(), []);
    // The same bytes again are no upload: what was named is never dropped.
    store.put_upload(&mut parts([1, 2, 3]).into_iter(), b"case 1").unwrap();
    assert_eq!(store.uploads().unwrap(), []);
    let nothing = store.put_upload(&mut std::iter::empty(), b"case 1");
    assert!(matches!(nothing, Err(Error::Invalid { .. })), "{nothing:?}");
}

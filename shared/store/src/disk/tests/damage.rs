//! Bytes on disk that are not what was written.

use std::fs;
use std::os::unix::fs::FileExt;

use super::*;

struct Written {
    folder: TempDir,
    /// Just after each commit, and the head then.
    ends: Vec<(Position, Option<(u64, sanji_log::Hash)>)>,
    writer: Writer,
}

/// A folder with some commits over several segments; the store is closed.
fn written(commits: usize) -> Written {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let mut writer = Writer::new(1);
    let mut ends = Vec::new();
    for round in 0..commits {
        keep(&store, &rich_commit(&mut writer, 1, round % 3 + 1, 150 * (round % 5)));
        ends.push((store.journal.end(), writer.head()));
    }
    Written { folder, ends, writer }
}

fn segment(folder: &TempDir, number: u32) -> PathBuf {
    folder.path().join(format!("journal/segment-{number:08}"))
}

fn flip(path: &Path, offset: u64) {
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], offset).unwrap();
}

fn faults(store: &DiskStore) -> Vec<String> {
    store.verify(&mut |_, _| ()).unwrap().faults
}

#[test]
fn a_segment_cut_anywhere_keeps_every_commit_before() {
    let written = written(30);
    let (last, _) = written.ends[29];
    assert!(last.segment() > 1);
    let in_last = written.ends.iter().filter(|(end, _)| end.segment() == last.segment()).count();
    assert!(in_last > 1);
    let path = segment(&written.folder, last.segment());
    let whole = fs::read(&path).unwrap();
    for cut in (64..last.offset()).step_by(97).chain([last.offset() - 1, last.offset()]) {
        fs::write(&path, &whole[..cut as usize]).unwrap();
        index::remove(&written.folder.path().join("index")).unwrap();
        let store = open(&written.folder);
        assert_eq!(store.read_only(), None, "cut at {cut}");
        let kept = written.ends.iter().rev().find(|(end, _)| *end <= Position::new(last.segment(), cut)).unwrap();
        assert_eq!(store.have().get(&written.writer.log()), kept.1, "cut at {cut}");
        assert_eq!(store.journal.end().max(kept.0), store.journal.end());
        assert_eq!(faults(&store), Vec::<String>::new());
    }
}

#[test]
fn a_journal_that_lacks_what_the_index_knows_takes_no_writes() {
    let mut written = written(10);
    let (last, _) = written.ends[9];
    let path = segment(&written.folder, last.segment());
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..last.offset() as usize - 10]).unwrap();
    let store = open(&written.folder);
    assert!(store.read_only().unwrap().contains("the index knows"), "{:?}", store.read_only());
    let refused = store.commit(&rich_commit(&mut written.writer, 1, 1, 10));
    assert!(matches!(refused, Err(Error::ReadOnly { .. })));
}

#[test]
fn one_changed_byte_anywhere_in_a_segment_is_found() {
    let written = written(12);
    let store = open(&written.folder);
    assert_eq!(faults(&store), Vec::<String>::new());
    for number in 1..=store.journal.end().segment() {
        let path = segment(&written.folder, number);
        let size = fs::metadata(&path).unwrap().len();
        for offset in (0..size).step_by(61).chain(0..64) {
            flip(&path, offset);
            assert_ne!(faults(&store), Vec::<String>::new(), "segment {number} offset {offset}");
            flip(&path, offset);
        }
    }
    assert_eq!(faults(&store), Vec::<String>::new());
}

#[test]
fn damage_is_reported_on_opening_and_never_cut() {
    let written = written(12);
    let (last, head) = written.ends[11];
    for number in 1..=last.segment() {
        let path = segment(&written.folder, number);
        let end = written.ends.iter().rev().find(|(end, _)| end.segment() == number).unwrap().0.offset();
        for offset in (64..end).step_by(173).chain([end - 1]) {
            flip(&path, offset);
            index::remove(&written.folder.path().join("index")).unwrap();
            let store = open(&written.folder);
            // A changed key costs that key only, and the entries go on.
            let costs_a_key = matches!(store.case_key(&case(1)), Ok(None))
                || faults(&store).iter().all(|fault| fault.contains("no readable key"));
            assert!(store.read_only().is_some() || costs_a_key, "segment {number} offset {offset}");
            if store.read_only().is_none() {
                assert_eq!(store.have().get(&written.writer.log()), head);
            }
            assert_ne!(faults(&store), Vec::<String>::new());
            drop(store);
            flip(&path, offset);
            index::remove(&written.folder.path().join("index")).unwrap();
            let store = open(&written.folder);
            assert_eq!(store.have().get(&written.writer.log()), head, "something was cut");
            assert_eq!(faults(&store), Vec::<String>::new());
        }
    }
}

#[test]
fn a_damaged_entry_is_found_when_it_is_read_and_the_others_are_not_lost() {
    let written = written(6);
    let store = open(&written.folder);
    let log = written.writer.log();
    let path = segment(&written.folder, 1);
    let entry = store.entry(&log, 3).unwrap().unwrap();
    let bytes = fs::read(&path).unwrap();
    let at = bytes.windows(entry.0.len()).position(|window| window == &entry.0[..]).unwrap();
    flip(&path, at as u64 + 5);
    assert!(matches!(store.entry(&log, 3), Err(Error::Damaged { .. })));
    assert!(matches!(store.read(&log, 1, usize::MAX), Err(Error::Damaged { .. })));
    assert!(store.entry(&log, 2).unwrap().is_some());
    assert!(store.entry(&log, 4).unwrap().is_some());
    assert_eq!(store.read_only(), None);
}

#[test]
fn a_destroyed_key_leaves_no_trace_in_the_journal() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let mut writer = Writer::new(1);
    let secret: Vec<u8> = (100..172).collect();
    let mut commit = writer.commit(Some(case(1)), 2, 100);
    commit.case_keys.push(WrappedKey { case: case(1), bytes: secret.clone() });
    store.commit(&commit).unwrap();
    store.commit(&writer.commit(Some(case(1)), 1, 100)).unwrap();
    let holds = || fs::read(segment(&folder, 1)).unwrap().windows(secret.len()).any(|window| window == secret);
    assert!(holds());
    store.destroy_case_key(&case(1)).unwrap();
    assert!(!holds());
    drop(store);
    let store = DiskStore::rebuild(folder.path(), OPTIONS).unwrap();
    assert_eq!(store.case_key(&case(1)).unwrap(), None);
    assert_eq!(store.case_entries(&case(1)).unwrap().len(), 3);
    assert_eq!(faults(&store), Vec::<String>::new());
}

#[test]
fn an_index_that_cannot_be_opened_is_built_again() {
    let written = written(12);
    let head = written.ends[11].1;
    let conf = written.folder.path().join("index/conf");
    let db = written.folder.path().join("index/db");
    for (file, content) in [(&conf, b"half of i".as_slice()), (&db, &[0x5a; 4096])] {
        fs::write(file, content).unwrap();
        let store = open(&written.folder);
        assert_eq!(store.read_only(), None);
        assert_eq!(store.have().get(&written.writer.log()), head);
        assert_eq!(catch_up(&store), 12);
        assert_eq!(faults(&store), Vec::<String>::new());
    }
}

#[test]
fn a_changed_attachment_is_found() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let content = vec![3; 40_000];
    let manifest = sanji_log::attachment::manifest(&content);
    let id = sanji_log::attachment::root(40_000, &manifest);
    store.put_manifest(&id, &manifest, 40_000).unwrap();
    store.put_chunk(&id, 0, &content[..32_768]).unwrap();
    drop(store);

    // The rest comes after a restart; of the partial file only what is good counts.
    let path = folder.path().join("attachments").join(&id.to_hex()[..2]);
    flip(&path.join(format!("{id}.partial")), 9);
    let store = open(&folder);
    assert_eq!(store.attachment(&id).unwrap().chunks, 0);
    store.put_chunk(&id, 0, &content[..32_768]).unwrap();
    store.put_chunk(&id, 1, &content[32_768..]).unwrap();
    assert!(store.attachment(&id).unwrap().complete);
    assert_eq!(faults(&store), Vec::<String>::new());

    flip(&path.join(id.to_hex()), 33_000);
    assert_eq!(faults(&store).len(), 1);
    assert!(matches!(store.chunk(&id, 1), Err(Error::Damaged { .. })));
    assert!(store.chunk(&id, 0).unwrap().is_some());
    flip(&path.join(id.to_hex()), 33_000);
    flip(&path.join(format!("{id}.manifest")), 20);
    assert_eq!(faults(&store).len(), 1);
}

#[test]
fn a_manifest_that_a_power_cut_has_torn_is_made_again() {
    let folder = TempDir::new().unwrap();
    let content = vec![3; 40_000];
    let store = open(&folder);
    let id = store.put_upload(&mut [content.clone()].into_iter(), b"").unwrap().id;
    drop(store);
    let path = folder.path().join("attachments").join(&id.to_hex()[..2]);
    let manifest = path.join(format!("{id}.manifest"));

    fs::write(&manifest, [0; 72]).unwrap();
    let store = open(&folder);
    assert_eq!(store.chunk(&id, 1).unwrap().as_deref(), Some(&content[32_768..]));
    assert_eq!(faults(&store), Vec::<String>::new());
    drop(store);

    // Of one that is not whole the manifest comes again with the chunks.
    fs::rename(path.join(id.to_hex()), path.join(format!("{id}.partial"))).unwrap();
    fs::remove_file(&manifest).unwrap();
    let store = open(&folder);
    assert_eq!(store.attachment(&id).unwrap().chunks, 0);
    store.put_manifest(&id, &sanji_log::attachment::manifest(&content), 40_000).unwrap();
    assert_eq!(store.attachment(&id).unwrap().chunks, 1);
    assert!(store.put_chunk(&id, 1, &content[32_768..]).unwrap());

    // What was being uploaded when the process ended is gone.
    let uploads = folder.path().join("attachments/uploads");
    fs::write(uploads.join("7.partial"), b"half").unwrap();
    drop(store);
    let store = open(&folder);
    assert_eq!(fs::read_dir(uploads).unwrap().count(), 1);
    assert_eq!(store.uploads().unwrap().len(), 1);
}

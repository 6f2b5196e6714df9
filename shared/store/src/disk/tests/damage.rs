//! Bytes on disk that are not what was written.

use std::fs;
use std::os::unix::fs::FileExt;

use sanji_log::attachment::{CHUNK_BYTES, manifest, root};

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

fn copy_of(folder: &Path) -> TempDir {
    fn copy(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).unwrap() {
            let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
            if from.is_dir() {
                fs::create_dir(&to).unwrap();
                copy(&from, &to);
            } else if !from.ends_with("RESERVE") {
                fs::copy(&from, &to).unwrap();
            }
        }
    }
    let copied = TempDir::new().unwrap();
    copy(folder, copied.path());
    copied
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
fn what_the_index_knows_and_the_journal_lacks_is_missing_and_never_written_again() {
    let mut written = written(10);
    let (last, head) = written.ends[9];
    let path = segment(&written.folder, last.segment());
    let whole = fs::read(&path).unwrap();
    let lost = Run { ..open(&written.folder).read(&written.writer.log(), head.unwrap().0, 1).unwrap().unwrap() };
    fs::write(&path, &whole[..last.offset() as usize - 10]).unwrap();
    let store = open(&written.folder);
    assert_eq!((store.read_only(), store.may_lack()), (None, false));
    assert_eq!(store.have().get(&written.writer.log()), head, "a position must not be given twice");
    let log = written.writer.log();
    assert_eq!(store.missing(), [Stretch { log, from: lost.first_seq(), until: head.unwrap().0 }]);
    assert!(matches!(store.entry(&log, head.unwrap().0), Err(Error::Damaged { .. })));
    keep(&store, &rich_commit(&mut written.writer, 1, 1, 10));
    assert!(store.heal(&lost, 7).unwrap());
    assert_eq!(store.missing(), []);
    drop(store);
    for rebuilt in [false, true] {
        let store =
            if rebuilt { DiskStore::rebuild(written.folder.path(), OPTIONS).unwrap() } else { open(&written.folder) };
        assert_eq!(store.have().get(&log), written.writer.head());
        store.read(&log, 1, usize::MAX).unwrap().unwrap().verify(None).unwrap();
        assert_eq!(store.missing(), []);
        assert_eq!(faults(&store), Vec::<String>::new());
    }
}

#[test]
fn one_changed_byte_anywhere_in_a_segment_is_found() {
    let written = written(12);
    let (last, _) = written.ends[11];
    let pristine = copy_of(written.folder.path());
    let mut folder = copy_of(pristine.path());
    let mut store = open(&folder);
    assert_eq!(faults(&store), Vec::<String>::new());
    for number in 1..=last.segment() {
        let size = fs::metadata(segment(&folder, number)).unwrap().len();
        for offset in (0..size).step_by(61).chain(0..64) {
            flip(&segment(&folder, number), offset);
            assert_ne!(faults(&store), Vec::<String>::new(), "segment {number} offset {offset}");
            flip(&segment(&folder, number), offset);
            if store.journal.end() != last {
                // What can be read all the same was written again: then damage in its old place is none.
                folder = copy_of(pristine.path());
                store = open(&folder);
            }
        }
    }
    assert_eq!(faults(&store), Vec::<String>::new());
}

/// The runs of a log, as a peer holds them.
fn at_a_peer(store: &DiskStore, log: &LogId) -> crate::MemoryStore {
    let peer = crate::MemoryStore::new();
    let mut extends = None;
    while let Some(run) = store.read(log, extends.map_or(1, |(seq, _)| seq + 1), 3000).unwrap() {
        let head = (run.seal.seq, run.seal.hash);
        let extension = crate::Extension { extends, run };
        peer.commit(&Commit { time_ms: 5, extensions: vec![extension], ..Commit::default() }).unwrap();
        extends = Some(head);
    }
    peer
}

/// Gets what is missing from a peer, as a station does it.
fn heal(store: &DiskStore, peer: &crate::MemoryStore) {
    for _ in 0..1000 {
        let Some(stretch) = store.missing().first().copied() else { return };
        let mut run: Option<Run> = None;
        loop {
            let next = run.as_ref().map_or(stretch.from, |run| run.seal.seq + 1);
            let more = peer.read(&stretch.log, next, 3000).unwrap().unwrap();
            match &mut run {
                None => run = Some(more),
                Some(run) => {
                    run.entries.extend(more.entries);
                    run.seal = more.seal;
                }
            }
            if store.heal(run.as_ref().unwrap(), 7).unwrap() {
                break;
            }
        }
    }
    panic!("it does not come to an end");
}

#[test]
fn damage_anywhere_does_not_stop_opening_and_is_healed_by_what_a_peer_holds() {
    let written = written(12);
    let (last, head) = written.ends[11];
    let log = written.writer.log();
    let store = open(&written.folder);
    let (peer, before) = (at_a_peer(&store, &log), store.read(&log, 1, usize::MAX).unwrap());
    drop(store);
    let pristine = copy_of(written.folder.path());
    for number in 1..=last.segment() {
        let end = written.ends.iter().rev().find(|(end, _)| end.segment() == number).unwrap().0.offset();
        for (turn, offset) in (0..end).step_by(173).chain([end - 1]).enumerate() {
            for rebuilt in [false, true] {
                let folder = copy_of(pristine.path());
                flip(&segment(&folder, number), offset);
                if rebuilt {
                    index::remove(&folder.path().join("index")).unwrap();
                }
                let store = open(&folder);
                let at = format!("segment {number} offset {offset} rebuilt {rebuilt}");
                assert_eq!(store.read_only(), None, "{at}");
                if turn % 2 == 0 {
                    // Found by reading.
                    drop(store.read(&log, 1, usize::MAX));
                    (1..=head.unwrap().0).for_each(|seq| drop(store.entry(&log, seq)));
                }
                if !rebuilt {
                    assert_eq!(store.have().get(&log), head, "{at}");
                }
                let faults_before = faults(&store);
                let lacks_end = store.have().get(&log) != head;
                assert!(!lacks_end || store.may_lack(), "{at}");
                if lacks_end {
                    // The end of a log comes back as any entries do.
                    let held = store.have().get(&log);
                    let more = peer.read(&log, held.map_or(1, |(seq, _)| seq + 1), usize::MAX).unwrap().unwrap();
                    let extension = crate::Extension { extends: held, run: more };
                    store.commit(&Commit { extensions: vec![extension], ..Commit::default() }).unwrap();
                }
                heal(&store, &peer);
                let read = store.read(&log, 1, usize::MAX).unwrap();
                let seq = |run: &Option<Run>| run.as_ref().map(|run| run.seal.seq);
                assert_eq!((seq(&read), read == before), (seq(&before), true), "{at}");
                assert!(faults_before.is_empty() || faults(&store).len() <= faults_before.len(), "{at}");
                drop(store);
                let store = DiskStore::rebuild(folder.path(), OPTIONS).unwrap();
                if !lacks_end {
                    assert_eq!(store.missing(), [], "{at}");
                    assert_eq!(store.read(&log, 1, usize::MAX).unwrap(), before, "{at}");
                }
            }
        }
    }
}

#[test]
fn a_lost_segment_does_not_stop_opening_and_is_healed() {
    let written = written(30);
    let (last, head) = written.ends[29];
    let log = written.writer.log();
    assert!(last.segment() >= 3);
    let store = open(&written.folder);
    let (peer, before) = (at_a_peer(&store, &log), store.read(&log, 1, usize::MAX).unwrap());
    let cases: Vec<_> = store.case_entries(&case(1)).unwrap().into_iter().map(|held| held.entry).collect();
    drop(store);
    let pristine = copy_of(written.folder.path());
    for number in 1..=last.segment() {
        for how in ["removed", "emptied", "header"] {
            let folder = copy_of(pristine.path());
            let path = segment(&folder, number);
            match how {
                "removed" => fs::remove_file(&path).unwrap(),
                "emptied" => fs::write(&path, b"").unwrap(),
                _ => flip(&path, 9),
            }
            let at = format!("segment {number} {how}");
            let store = open(&folder);
            assert_eq!((store.read_only(), store.have().get(&log)), (None, head), "{at}");
            if how == "header" {
                assert_eq!(store.missing(), [], "{at}: what stands in it can be read");
                assert_eq!(faults(&store), Vec::<String>::new(), "{at}");
            } else {
                assert!(!store.missing().is_empty(), "{at}");
                assert!(matches!(store.read(&log, store.missing()[0].from, 10), Err(Error::Damaged { .. })), "{at}");
                let remembered = store.missing();
                drop(store);
                let store = open(&folder);
                assert_eq!(store.missing(), remembered, "{at}: it is remembered");
                // The station goes on meanwhile.
                let mut writer = written.writer.clone();
                keep(&store, &rich_commit(&mut writer, 2, 2, 100));
                heal(&store, &peer);
                let mut read = store.read(&log, 1, usize::MAX).unwrap().unwrap();
                assert_eq!(read.seal.seq, writer.head().unwrap().0, "{at}");
                read.verify(None).unwrap();
                read.entries.truncate(before.as_ref().unwrap().entries.len());
                assert_eq!(read.entries, before.as_ref().unwrap().entries, "{at}");
                let mut healed: Vec<_> =
                    store.case_entries(&case(1)).unwrap().into_iter().map(|held| held.entry).collect();
                let mut expected = cases.clone();
                healed.sort_by_key(|entry| entry.hash());
                expected.sort_by_key(|entry| entry.hash());
                assert_eq!(healed, expected, "{at}: each entry of the case once");
                drop(store);
                let store = DiskStore::rebuild(folder.path(), OPTIONS).unwrap();
                assert_eq!((store.missing(), store.have().get(&log)), (vec![], writer.head()), "{at}");
                store.read(&log, 1, usize::MAX).unwrap().unwrap().verify(None).unwrap();
            }
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
    let before = store.read(&log, 1, usize::MAX).unwrap().unwrap();
    assert!(before.seal.seq < 3, "as far as it goes");
    assert!(matches!(store.read(&log, before.seal.seq + 1, usize::MAX), Err(Error::Damaged { .. })));
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
    assert_eq!(store.case_key(&case(1)).unwrap(), HeldKey::Destroyed);
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
fn an_index_that_is_damaged_anywhere_opens_as_the_journal_says() {
    let written = written(40);
    let store = open(&written.folder);
    catch_up(&store);
    let before = all_reads(&store);
    store.index().rest_for_tests();
    drop(store);
    let size = fs::metadata(written.folder.path().join("index/db")).unwrap().len();
    for block in (0..size).step_by(5 * 4096) {
        let copied = copy_of(written.folder.path());
        let file = fs::File::options().write(true).open(copied.path().join("index/db")).unwrap();
        file.write_all_at(&[0x5a; 4096], block).unwrap();
        let store = open(&copied);
        catch_up(&store);
        assert_eq!(all_reads(&store), before, "block {block}");
        assert_eq!(store.read_only(), None);
    }
}

#[test]
fn an_index_that_is_damaged_while_it_is_open_is_begun_anew_once_the_damage_is_read() {
    let written = written(3);
    let store = open(&written.folder);
    catch_up(&store);
    // More than sled keeps at hand, in a list that follows from nothing.
    let row = |number: u32| crate::Row {
        list: b"many".to_vec(),
        key: number.to_be_bytes().to_vec(),
        value: Some(blake3::hash(&number.to_be_bytes()).as_bytes().repeat(60)),
    };
    for part in 0..20 {
        let rows = (part * 200..(part + 1) * 200).map(row).collect();
        store.project_part(&Projection { rows, ..Projection::default() }).unwrap();
    }
    let before = all_reads(&store);
    store.index().rest_for_tests();
    let db = written.folder.path().join("index/db");
    let file = fs::File::options().write(true).open(&db).unwrap();
    for block in (0..fs::metadata(&db).unwrap().len()).step_by(4096) {
        file.write_all_at(&[0x5a; 4096], block).unwrap();
    }
    let read = (0..4000).try_for_each(|number: u32| store.row(b"many", &number.to_be_bytes()).map(drop));
    assert!(matches!(read, Err(Error::Index { .. })), "{read:?}");
    store.recover().unwrap();
    assert_eq!((store.read_only(), catch_up(&store)), (None, 3));
    assert_eq!(all_reads(&store), before);
    keep(&store, &rich_commit(&mut written.writer.clone(), 1, 1, 10));
    assert_eq!(faults(&store), Vec::<String>::new());
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

    flip(&path.join(format!("{id}.manifest")), 20);
    assert_eq!(faults(&store), Vec::<String>::new(), "a manifest can be made again");
    flip(&path.join(id.to_hex()), 33_000);
    assert_eq!(faults(&store).len(), 1);
    assert!(store.chunk(&id, 0).unwrap().is_some());

    // From then on it is one that has come in part, and is completed as any other.
    let state = store.attachment(&id).unwrap();
    assert_eq!((state.chunks, state.complete), (1, false));
    assert_eq!(store.chunk(&id, 1).unwrap(), None);
    assert!(store.put_chunk(&id, 1, &content[32_768..]).unwrap());
    assert_eq!(store.chunk(&id, 1).unwrap().as_deref(), Some(&content[32_768..]));
    assert_eq!(faults(&store), Vec::<String>::new());
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

#[test]
fn a_damaged_attachment_is_remembered_until_it_has_come_again() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let content: Vec<u8> = (0..CHUNK_BYTES * 3 + 77).map(|at| (at % 253) as u8).collect();
    let (size, manifest) = (content.len() as u64, manifest(&content));
    let id = root(size, &manifest);
    let chunks: Vec<&[u8]> = content.chunks(CHUNK_BYTES).collect();
    let name = id.to_hex();
    let file = folder.path().join("attachments").join(&name[..2]).join(&name);
    let bring = |store: &DiskStore| {
        store.put_manifest(&id, &manifest, size).unwrap();
        let held = store.attachment(&id).unwrap().chunks;
        (held..4)
            .for_each(|chunk| assert_eq!(store.put_chunk(&id, chunk, chunks[chunk as usize]).unwrap(), chunk == 3));
        assert!(store.attachment(&id).unwrap().complete);
        held
    };
    bring(&store);
    assert_eq!(store.damaged_attachments(), []);
    let damage = |place: usize| {
        let file = fs::File::options().write(true).open(&file).unwrap();
        file.write_all_at(&[content[place] ^ 1], place as u64).unwrap();
    };

    // Met by a reader; a restart does not forget it. Of its beginning, what is good stays.
    damage(2 * CHUNK_BYTES + 9);
    assert!(matches!(store.chunk(&id, 2), Err(Error::Damaged { .. })));
    drop(store);
    let store = open(&folder);
    assert_eq!(store.damaged_attachments(), [id]);
    assert!(!store.attachment(&id).unwrap().complete);
    assert_eq!(bring(&store), 2);
    assert_eq!(store.damaged_attachments(), []);

    // Met by a check.
    damage(5);
    assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults.len(), 1);
    assert_eq!(store.damaged_attachments(), [id]);
    assert_eq!(store.verify(&mut |_, _| ()).unwrap().faults.len(), 1);
    store.put_upload(&mut std::iter::once(content.clone()), b"note").unwrap();
    assert_eq!(store.damaged_attachments(), []);

    // With the manifest gone too it is as if it had never come.
    damage(5);
    fs::remove_file(file.with_extension("manifest")).unwrap();
    drop(store);
    let store = open(&folder);
    assert_eq!(store.attachment(&id).unwrap(), crate::AttachmentState::default());
    assert_eq!(store.damaged_attachments(), [id]);
    bring(&store);
    drop(store);
    assert_eq!(open(&folder).damaged_attachments(), []);
}

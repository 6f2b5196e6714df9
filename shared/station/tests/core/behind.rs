//! What is committed shows at once, however far the index is behind, and whoever folds, reads and projects meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use sanji_log::CaseId;
use sanji_proto::v1::{self as proto, act_request::Action};

use crate::crash::{Filling, Moment};
use crate::district::{AGENT, District, HUB, TOWNSHIP, VILLAGE, bring, dibao};

fn note(words: &str) -> Action {
    Action::AddNote(proto::AddNote { words: words.to_owned() })
}

#[test]
fn a_case_shows_all_that_is_committed_while_others_read_and_project() {
    let mut district = District::new();
    let id = district.submit().unwrap().case.unwrap();
    let number = id.number().to_string();
    let reader = district.village.core.reader().clone();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (reading, projecting) = (reader.clone(), reader.clone());
        let stop = &stop;
        let reads = scope.spawn(move || {
            let mut seen = 0;
            while !stop.load(Ordering::Relaxed) {
                let notes = reading.case(&id).unwrap().unwrap().sides().count();
                assert!(notes >= seen, "{notes} after {seen}: a reader sees no step back");
                seen = notes;
            }
        });
        let projects = scope.spawn(move || {
            // Most of it, while entries come that it does not show; now and then all of it.
            for round in 0_u32.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                if round % 8 == 0 { projecting.project() } else { projecting.project_most() }.unwrap();
            }
        });
        for written in 1..=200 {
            district.act(VILLAGE, AGENT, &number, note("第一次")).unwrap();
            assert_eq!(reader.case(&id).unwrap().unwrap().sides().count(), written);
            assert_eq!(reader.find(&id.number()).unwrap(), [id]);
        }
        stop.store(true, Ordering::Relaxed);
        reads.join().unwrap();
        projects.join().unwrap();
    });
    district.village.reopen();
    assert_eq!(district.village.core.reader().case(&id).unwrap().unwrap().sides().count(), 200);
}

#[test]
fn what_nobody_looked_at_is_counted_listed_and_kept_all_the_same() {
    let mut district = District::new();
    let ids: Vec<_> = (0..3).map(|_| district.submit().unwrap().case.unwrap()).collect();
    for id in &ids {
        district.act(VILLAGE, AGENT, &id.number().to_string(), note("补充说明")).unwrap();
    }
    district.now_ms += 1000;
    bring(&mut district.village, &mut district.township, district.now_ms);
    let reader = district.township.core.reader().clone();
    assert!(reader.store().snapshot(&ids[0]).unwrap().is_none(), "nothing was folded to take the entries in");
    assert_eq!(reader.open_cases().unwrap(), 3);
    assert_eq!(district.todo(TOWNSHIP, crate::district::WINDOW).len(), 3);
    assert!(reader.store().snapshot(&ids[0]).unwrap().is_some(), "a work list asks for all");

    bring(&mut district.township, &mut district.hub, district.now_ms);
    // Stopped before anything was folded: it is made up for when the station opens.
    district.hub.reopen();
    let reader = district.hub.core.reader();
    assert_eq!(reader.open_cases().unwrap(), 3);
    for id in &ids {
        let case = reader.case(id).unwrap().unwrap();
        assert_eq!((case.rev(), case.sides().count()), (1, 1));
    }
    assert!(district.view(HUB, crate::district::APPROVER, &ids[0].number().to_string()).is_ok());
}

#[test]
fn a_projection_that_breaks_off_half_way_loses_and_doubles_nothing() {
    let mut district = District::new();
    let submit = |number: u16| dibao(&[&[200; 14][..], &number.to_be_bytes()].concat());
    let ids: Vec<CaseId> = (0..700).map(|at| district.submit_as(submit(at)).unwrap().case.unwrap()).collect();
    let filling = Filling::of(&district.township.store, false);
    district.township.store = filling.clone();
    district.township.reopen();

    bring(&mut district.village, &mut district.township, district.now_ms);
    let break_off = |district: &District| {
        filling.full.store(true, Ordering::Relaxed);
        assert!(district.township.core.reader().project().is_err());
        filling.full.store(false, Ordering::Relaxed);
    };
    break_off(&district);
    let reader = district.township.core.reader().clone();
    let shown = ids.iter().filter(|id| reader.store().snapshot(id).unwrap().is_some()).count();
    assert!((256..700).contains(&shown), "{shown}: the pieces before the last are shown");
    let (first, last) = (ids[0].number().to_string(), ids[699].number().to_string());
    // The first is in the index by now, so this is added to it, and twice.
    for _ in 0..2 {
        district.act(TOWNSHIP, crate::district::WINDOW, &first, note("材料已核对")).unwrap();
        break_off(&district);
    }
    drop(reader);

    let open = |district: &mut District| {
        let reader = district.township.core.reader().clone();
        let revs = ids.iter().map(|id| reader.case(id).unwrap().map(|case| (case.rev(), case.sides().count())));
        assert!(revs.enumerate().all(|(at, case)| case == Some((1, if at == 0 { 2 } else { 0 }))));
        reader.project().unwrap();
        assert_eq!(reader.open_cases().unwrap(), 700);
        let listed = reader.store().rows(b"open", None, false, 1000).unwrap();
        assert_eq!(listed.len(), 700);
    };
    // Whether the process ends there or not.
    let before = district.view(TOWNSHIP, crate::district::WINDOW, &first).unwrap();
    district.township.reopen();
    open(&mut district);
    assert_eq!(district.view(TOWNSHIP, crate::district::WINDOW, &first).unwrap(), before);
    district.act(TOWNSHIP, crate::district::WINDOW, &last, note("材料已核对")).unwrap();
    district.township.reopen();
    assert_eq!(district.township.core.reader().case(&ids[699]).unwrap().unwrap().sides().count(), 1);
}

#[test]
fn an_entry_that_comes_while_its_case_is_told_is_not_forgotten() {
    let mut district = District::new();
    let mut ids: Vec<_> = (0..2).map(|_| district.submit().unwrap().case.unwrap()).collect();
    ids.sort();
    district.now_ms += 1000;
    let filling = Filling::of(&district.township.store, false);
    district.township.store = filling.clone();
    district.township.reopen();
    bring(&mut district.village, &mut district.township, district.now_ms);
    let reader = district.township.core.reader().clone();
    let (told, other) = (ids[0], ids[1]);

    let (write, written) = (mpsc::sync_channel(0), mpsc::sync_channel(0));
    let (read, was_read) = (mpsc::sync_channel(0), mpsc::sync_channel(1));
    let (write_now, read_now) = (write.0, read.0);
    *filling.meanwhile.lock().unwrap() = Some(Box::new(move |moment| match moment {
        // The first case is prepared by then, and nothing is told yet.
        Moment::Reads(case) if case == other => {
            write_now.send(()).unwrap();
            written.1.recv().unwrap();
        }
        Moment::Reads(_) => {}
        // Whoever reads now has to wait, so this does not wait for long.
        Moment::Shows => {
            read_now.send(()).unwrap();
            let _ = was_read.1.recv_timeout(Duration::from_millis(300));
        }
    }));
    std::thread::scope(|scope| {
        let (projecting, reading) = (reader.clone(), reader.clone());
        let projects = scope.spawn(move || projecting.project_most().unwrap());
        scope.spawn(move || {
            read.1.recv().unwrap();
            assert_eq!(reading.case(&told).unwrap().unwrap().sides().count(), 1);
            let _ = was_read.0.send(());
        });
        write.1.recv().unwrap();
        let number = told.number().to_string();
        district.act(TOWNSHIP, crate::district::WINDOW, &number, note("材料已核对")).unwrap();
        written.0.send(()).unwrap();
        projects.join().unwrap();
    });
    *filling.meanwhile.lock().unwrap() = None;
    let sides = |district: &District| district.township.core.reader().case(&told).unwrap().unwrap().sides().count();
    assert_eq!(sides(&district), 1);
    reader.project().unwrap();
    drop(reader);
    assert_eq!(sides(&district), 1);
    district.township.reopen();
    assert_eq!(sides(&district), 1);
}

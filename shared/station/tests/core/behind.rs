//! What is committed shows at once, however far the index is behind, and whoever folds, reads and projects meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use sanji_proto::v1::{self as proto, act_request::Action};

use crate::district::{AGENT, District, HUB, TOWNSHIP, VILLAGE, bring};

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
            while !stop.load(Ordering::Relaxed) {
                projecting.project().unwrap();
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

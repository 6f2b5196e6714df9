//! A bad rating opens a follow-up beside the case's route.

use sanji_domain::case::{Action, Command, FollowUp, Mandate, RefusalCode, rate_as_applicant};
use sanji_domain::matter::follow_up::{bad_rating, is_due};

use crate::journey::Journey;

const AGENT: &str = "990106101203-1";
const WINDOW: &str = "990106101-03";

fn follow_up(what: FollowUp) -> Command {
    Command::FollowUp { what, words: "已电话联系".into() }
}

/// A case that has ended.
fn ended() -> Journey {
    let mandate = Mandate {
        may_submit: true,
        may_correct: true,
        may_sign_for_documents: true,
        may_collect_result: true,
        until: None,
    };
    let mut journey = Journey::open("mz-laonian", AGENT, Some(mandate)).unwrap();
    while journey.forward().is_some() {}
    journey
}

#[test]
fn a_bad_rating_is_followed_up_until_it_is_put_right() {
    let mut journey = ended();
    let defaults = &journey.district.defaults;
    assert!(!journey.case.is_open());
    assert_eq!(journey.act(WINDOW, follow_up(FollowUp::Contacted)).unwrap_err().code, RefusalCode::WrongStage);
    journey.act(AGENT, Command::Rate { satisfaction: 2, words: "等了太久".into() }).unwrap();
    let bad = bad_rating(&journey.case, defaults).unwrap();
    assert_eq!((bad.satisfaction, bad.contacted, bad.settled), (2, None, None));
    let rated = sanji_domain::calendar::local_date(bad.rated.millis() as i64);
    let calendar = &journey.district.calendar;
    for (limit, until) in [(1, bad.contact_until(defaults, calendar)), (5, bad.rectify_until(defaults, calendar))] {
        assert_eq!(calendar.working_days_between(rated, until.unwrap()).unwrap(), limit);
    }
    // Who handled it, and the complaints desk, though that sees the process only.
    let desk = journey.district.person("sp-04");
    assert!(journey.names(desk).contains(&Action::FollowUp.name()));
    assert!(!journey.names(journey.district.person("sp-06")).contains(&Action::FollowUp.name()));
    journey.act(WINDOW, follow_up(FollowUp::NotReached)).unwrap();
    assert_eq!(bad_rating(&journey.case, defaults).unwrap().contacted, None, "nobody was spoken to");
    journey.act("sp-04", follow_up(FollowUp::Contacted)).unwrap();
    assert!(bad_rating(&journey.case, defaults).unwrap().contacted.is_some());
    assert!(is_due(&journey.case, defaults), "it is not put right yet");
    journey.act(WINDOW, follow_up(FollowUp::Rectified)).unwrap();
    assert!(!is_due(&journey.case, defaults));
    assert_eq!(journey.act(WINDOW, follow_up(FollowUp::Contacted)).unwrap_err().code, RefusalCode::WrongStage);
}

#[test]
fn good_ratings_and_applicants_ratings() {
    let mut journey = ended();
    for (satisfaction, expect) in [(0, false), (6, false), (3, true)] {
        assert_eq!(rate_as_applicant(&journey.case, satisfaction, "").is_ok(), expect, "{satisfaction}");
    }
    journey.act(AGENT, Command::Rate { satisfaction: 3, words: String::new() }).unwrap();
    assert!(!is_due(&journey.case, &journey.district.defaults), "基本满意 is not bad");
    assert_eq!(rate_as_applicant(&journey.case, 1, "").err().unwrap().code, RefusalCode::AlreadyDone);
    let open = Journey::open_at("mz-dibao", WINDOW, None, crate::district::MONDAY).unwrap();
    assert_eq!(rate_as_applicant(&open.case, 5, "").err().unwrap().code, RefusalCode::WrongStage);
}

//! Rectifications, questions, surveys, notices and call-backs.

use jiff::civil::date;
use proptest::prelude::*;
use sanji_domain::case::RefusalCode;
use sanji_domain::matter::notice::{self, Notice, NoticeInput, NoticeKind, Notices};
use sanji_domain::matter::{
    self, MatterCommand, MatterState, QuestionInput, SurveyGroup, SurveyInput, Way, clock, follow_up, is_todo,
};
use sanji_log::{Hash, HybridTime, RequestId};

use crate::district::{DISTRICT, TOWNSHIP, VILLAGE, code, district};
use crate::world::{DESK, SUPERVISOR, TOWNSHIP_SUPERVISOR, WINDOW, World, order};

fn report() -> MatterCommand {
    MatterCommand::Report { words: "已安排双岗".into(), evidence: Vec::new(), attachments: Vec::new() }
}

#[test]
fn what_was_wrong_is_put_right_and_accepted() {
    let mut world = World::rectification();
    assert_eq!(world.matter.holder(), Some(code(TOWNSHIP)), "the station has to act");
    let (window, supervisor) = (world.person(WINDOW), world.person(SUPERVISOR));
    assert!(is_todo(&world.matter, &world.context(Some(window))));
    assert!(!is_todo(&world.matter, &world.context(Some(supervisor))));
    assert!(world.act(SUPERVISOR, &MatterCommand::Close { words: "好".into() }).is_err(), "nothing was reported");

    world.act(WINDOW, &report()).unwrap();
    assert_eq!(world.matter.holder(), Some(code(DISTRICT)));
    assert!(is_todo(&world.matter, &world.context(Some(supervisor))));
    let back = |until| MatterCommand::SendBack { until, words: "仍有空岗".into() };
    assert!(world.act(SUPERVISOR, &back(Some(date(2026, 3, 1)))).is_err(), "yesterday");
    world.act(SUPERVISOR, &back(Some(date(2026, 3, 20)))).unwrap();
    assert_eq!(clock::due(&world.matter, &world.district.reference()).unwrap(), Some(date(2026, 3, 20)));

    world.act(WINDOW, &report()).unwrap();
    assert!(world.act(WINDOW, &MatterCommand::Close { words: "好".into() }).is_err(), "not by themselves");
    assert!(world.act(TOWNSHIP_SUPERVISOR, &MatterCommand::Close { words: "好".into() }).is_err(), "not the issuer");
    world.act(SUPERVISOR, &MatterCommand::Close { words: "现场核验合格".into() }).unwrap();
    assert_eq!(world.matter.state(), MatterState::Closed);
}

#[test]
fn orders_go_down_and_may_be_taken_back_by_their_issuer() {
    let mut world = World::rectification();
    let cancel = MatterCommand::Cancel { reason: "查明有误".into() };
    assert!(world.act(WINDOW, &cancel).is_err());
    world.act(SUPERVISOR, &cancel).unwrap();
    assert_eq!((world.matter.state(), world.matter.is_open()), (MatterState::Cancelled, false));
    let township = world.person(TOWNSHIP_SUPERVISOR);
    let context = world.context(Some(township));
    let mut upwards = order();
    upwards.station = code(DISTRICT);
    assert_eq!(matter::issue(None, &upwards, &context).err().unwrap().fields[0].field, "station");
    let mut to_village = order();
    to_village.station = code(VILLAGE);
    assert!(matter::issue(None, &to_village, &context).is_ok());
    let window = world.person(WINDOW);
    assert_eq!(
        matter::issue(None, &to_village, &world.context(Some(window))).err().unwrap().code,
        RefusalCode::NotEntitled
    );
}

#[test]
fn a_question_is_answered_and_published_without_personal_data() {
    let mut world = World::new(DISTRICT);
    let input = QuestionInput {
        item: "mz-dibao".into(),
        words: "低保多久能办下来".into(),
        query_code: "012345".into(),
        ..QuestionInput::default()
    };
    // Somebody of the public asks online, whatever they say of the way.
    let mut drafts = matter::ask(None, input, &world.context(None)).unwrap();
    assert_eq!(drafts.len(), 1);
    world.write(drafts.remove(0), code(DISTRICT));
    assert_eq!(world.matter.question().unwrap().way, Way::Online);
    let answer = |question: &str, answer: &str| MatterCommand::Answer {
        reply: "二十个工作日".into(),
        public_question: question.into(),
        public_answer: answer.into(),
    };
    for (question, text) in [("多久", ""), ("", "很快"), ("多久", "请拨13800000000")] {
        assert_eq!(world.act(DESK, &answer(question, text)).unwrap_err().fields[0].field, "public_answer");
    }
    assert!(world.act("rs-04", &answer("", "")).is_err(), "not their item");
    world.act("mz-04", &answer("多久", "承诺二十个工作日")).unwrap();
    assert_eq!(world.matter.published(), Some(("多久", "承诺二十个工作日")));
}

fn survey() -> SurveyInput {
    SurveyInput {
        title: "年度评议".into(),
        groups: vec![
            SurveyGroup { name: "部门".into(), units: vec!["民政局".into(), "人社局".into()] },
            SurveyGroup { name: "乡镇".into(), units: vec!["枫溪镇".into()] },
        ],
        questions: vec!["态度".into(), "效率".into()],
        from: Some(date(2026, 3, 1)),
        until: Some(date(2026, 3, 10)),
        code_hashes: (1..=3).map(|code| Hash([code; 32])).collect(),
    }
}

#[test]
fn a_survey_counts_one_questionnaire_a_code() {
    let mut world = World::new(DISTRICT);
    let supervisor = world.person(SUPERVISOR);
    let draft = matter::open_survey(None, survey(), &world.context(Some(supervisor))).unwrap();
    world.write(draft, code(DISTRICT));
    let answer = |world: &mut World, code_number: u8, marks: &[u8]| {
        let draft = matter::answer_survey(&world.matter, Hash([code_number; 32]), marks.to_vec(), &world.context(None));
        draft.map(|draft| world.write(draft, code(DISTRICT)))
    };
    answer(&mut world, 1, &[5, 4, 3, 3, 0, 0]).unwrap();
    answer(&mut world, 2, &[5, 5, 4, 4, 2, 2]).unwrap();
    assert_eq!(answer(&mut world, 2, &[1; 6]).unwrap_err().code, RefusalCode::AlreadyDone);
    for (number, marks) in [(9, &[5; 6][..]), (3, &[5; 5]), (3, &[6; 6]), (3, &[0; 6])] {
        assert_eq!(
            answer(&mut world, number, marks).unwrap_err().code,
            RefusalCode::InvalidInput,
            "{number} {marks:?}"
        );
    }
    let results: Vec<_> =
        matter::results(&world.matter).into_iter().map(|row| (row.unit, row.answers, row.mean, row.place)).collect();
    let expect = [("民政局", 2, 475, 1), ("人社局", 2, 350, 2), ("枫溪镇", 1, 200, 1)];
    assert_eq!(results, expect.map(|(unit, answers, mean, place)| (unit.to_owned(), answers, mean, place)));

    let close = MatterCommand::CloseSurvey { called_in: vec!["人社局".into()] };
    assert_eq!(world.act(SUPERVISOR, &close).unwrap_err().code, RefusalCode::WindowClosed, "it still runs");
    world.days_pass(10);
    assert!(answer(&mut world, 3, &[5; 6]).is_err(), "it is over");
    let unknown = MatterCommand::CloseSurvey { called_in: vec!["教育局".into()] };
    assert_eq!(world.act(SUPERVISOR, &unknown).unwrap_err().fields[0].field, "called_in");
    world.act(SUPERVISOR, &close).unwrap();
    assert_eq!(world.matter.called_in(), ["人社局"]);
}

fn published(title: &str, said_ms: u64, withdrawn: bool) -> Notice {
    Notice {
        id: RequestId([1; 16]),
        kind: NoticeKind::Public,
        title: title.into(),
        text: "正文".into(),
        from: date(2026, 3, 1),
        until: date(2026, 3, 10),
        withdrawn,
        actor_name: String::new(),
        station: code(DISTRICT),
        said: (HybridTime::from_millis(said_ms), Hash([said_ms as u8; 32])),
    }
}

#[test]
fn a_notice_is_shown_for_its_period_until_it_is_taken_back() {
    let notice = published("一", 1, false);
    for (day, expect) in [(28, false), (1, true), (10, true), (11, false)] {
        let today = if day == 28 { date(2026, 2, 28) } else { date(2026, 3, day) };
        assert_eq!(notice.is_shown(today), expect, "{today}");
    }
    let world = World::new(DISTRICT);
    let input = NoticeInput {
        id: RequestId([2; 16]),
        kind: NoticeKind::Public,
        title: "公告".into(),
        text: "正文".into(),
        from: Some(date(2026, 3, 1)),
        until: Some(date(2026, 3, 10)),
    };
    for (id, expect) in [("sp-06", true), (SUPERVISOR, true), ("mz-04", false), (DESK, false)] {
        let person = world.person(id);
        assert_eq!(notice::publish(input.clone(), &world.context(Some(person))).is_ok(), expect, "{id}");
    }
    let supervisor = world.person(TOWNSHIP_SUPERVISOR);
    let context = world.context(Some(supervisor));
    assert_eq!(notice::withdraw(&notice, &context).unwrap_err().code, RefusalCode::NotCompetent, "the district's");
}

proptest! {
    #[test]
    fn of_a_notice_the_latest_entry_counts(order in Just(vec![1_u64, 2, 3, 4]).prop_shuffle()) {
        let mut notices = Notices::default();
        for said in order {
            notices.take(published(&said.to_string(), said, said == 4));
        }
        let all = notices.all();
        prop_assert_eq!(all.len(), 1);
        prop_assert_eq!((all[0].title.as_str(), all[0].withdrawn), ("4", true));
    }
}

#[test]
fn the_districts_rules_say_which_ratings_are_bad() {
    let defaults = &district().defaults;
    let bad: Vec<u32> = (0..=6).filter(|mark| follow_up::is_bad(*mark, defaults)).collect();
    assert_eq!(bad, [1, 2]);
}

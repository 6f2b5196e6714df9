//! What is said beside the route by stations whose clocks differ: no answer is lost because it bears an earlier time than
//! what it answers, and none answers what it was not about.

use proptest::prelude::*;
use sanji_domain::case::fee::Notice;
use sanji_domain::case::{
    Action, ActorFacts, Body, Case, CaseEntry, Command, Mark, RefusalCode, Side, SideEvent, TimeNoted,
};
use sanji_domain::supervision::AlertState;
use sanji_log::{HybridTime, StationCode};

use crate::district::{DAY, DISTRICT, TOWNSHIP, VILLAGE, code};
use crate::fees::{issue, line, road};
use crate::journey::{FULL_MANDATE, Journey, hash, log};
use crate::supervision::{SUPERVISOR, at, folded, late};

const HOUR: u64 = 3_600_000;

/// A case, and what was said of it after it stood so.
struct Story {
    journey: Journey,
    said: Vec<CaseEntry>,
}

impl Story {
    fn of(journey: Journey) -> Self {
        Self { journey, said: Vec::new() }
    }

    /// Something is said `later` than now, by a clock that is `fast` by so much.
    fn say(&mut self, station: &str, later: u64, fast: u64, event: SideEvent) -> &mut Self {
        let (station, number) = (code(station), 500 + self.said.len() as u64);
        self.said.push(CaseEntry {
            hash: hash(number),
            log: log(self.journey.case.home().unwrap(), station),
            seq: number,
            writer: station,
            time: HybridTime::from_millis(self.journey.now_ms + later + fast),
            actor: format!("somebody-{number}"),
            body: Body::Side(Side { actor: ActorFacts::default(), request: None, event }),
        });
        self
    }

    /// The district notes by how much the clock is off from which the last entry has come.
    fn noted(&mut self, later: u64, fast: u64) -> &mut Self {
        let last = self.said.last().unwrap();
        let (entry, from) = (last.hash, last.writer);
        let received_ms = self.journey.now_ms + later;
        let offset_ms = i64::try_from(fast).unwrap();
        self.say(DISTRICT, later, 0, SideEvent::TimeNoted(TimeNoted { entry, received_ms, from, offset_ms }))
    }

    fn entries(&self) -> Vec<CaseEntry> {
        self.journey.entries.iter().chain(&self.said).cloned().collect()
    }

    fn case(&self) -> Case {
        folded(&self.entries())
    }
}

fn asked(amount_fen: u64) -> SideEvent {
    SideEvent::RefundRequested { notice: 1, amount_fen }
}

fn decided(approved: bool) -> SideEvent {
    SideEvent::RefundDecided { notice: 1, approved }
}

fn paid_back() -> SideEvent {
    SideEvent::RefundPaid { notice: 1, receipt_number: "R-1".into() }
}

fn marked(set: bool) -> SideEvent {
    SideEvent::Marked { mark: Mark::Urgent, set, until: None }
}

/// A case of which one fee is paid.
fn paid() -> Journey {
    let mut journey = road();
    issue(&mut journey, vec![line("cg-zyf", 100)]).unwrap();
    journey.act("cz-01", journey.approving(Action::RegisterPayment)).unwrap();
    journey
}

fn notice(case: &Case) -> Notice {
    case.fees().notices.remove(0)
}

/// The township's clock is a day fast. It asks for a refund, which the district refuses an hour later; it asks again for
/// less, and the district approves and pays.
fn refunds(noted: bool) -> Story {
    let mut story = Story::of(paid());
    for (hour, amount_fen, approved) in [(0, 3000, false), (2, 1000, true)] {
        story.say(TOWNSHIP, hour * HOUR, DAY, asked(amount_fen));
        if noted {
            story.noted(hour * HOUR + 1000, DAY);
        }
        story.say(DISTRICT, (hour + 1) * HOUR, 0, decided(approved));
    }
    story.say(DISTRICT, 4 * HOUR, 0, paid_back());
    story
}

#[test]
fn a_refund_is_decided_though_the_clock_of_who_asked_is_fast() {
    for noted in [true, false] {
        let mut story = Story::of(paid());
        story.say(TOWNSHIP, 0, DAY, asked(3000));
        if noted {
            story.noted(1000, DAY);
        }
        assert_eq!(notice(&story.case()).words(), "退付待审批");
        story.say(DISTRICT, HOUR, 0, decided(true));
        assert_eq!(notice(&story.case()).words(), "退付已批准", "noted: {noted}");

        let refund = notice(&refunds(noted).case()).refund.unwrap();
        assert_eq!((refund.words(), refund.amount_fen), ("已退付", 1000), "noted: {noted}");
    }
}

#[test]
fn a_decision_too_many_does_not_decide_the_next_request() {
    // Two decide at once, neither knowing of the other; whose decision comes later counts for nothing.
    let mut story = Story::of(paid());
    story.say(TOWNSHIP, 0, 0, asked(3000));
    story.say(DISTRICT, HOUR, 0, decided(false)).say(VILLAGE, HOUR + 1, 0, decided(true));
    assert_eq!(notice(&story.case()).words(), "退付未批准");
    story.say(TOWNSHIP, 2 * HOUR, 0, asked(1000));
    assert_eq!(notice(&story.case()).words(), "退付待审批");
    story.say(DISTRICT, 3 * HOUR, 0, decided(true));
    assert_eq!(notice(&story.case()).words(), "退付已批准");
    // Two ask at once: that is one request, also after it was refused.
    let mut story = Story::of(paid());
    story.say(TOWNSHIP, 0, 0, asked(3000)).say(VILLAGE, 1, 0, asked(2000)).say(DISTRICT, HOUR, 0, decided(false));
    assert_eq!(notice(&story.case()).words(), "退付未批准");
    // Money that went out counts before its approval has come.
    let mut story = Story::of(paid());
    story.say(DISTRICT, HOUR, 0, paid_back()).say(TOWNSHIP, 0, DAY, asked(3000));
    assert_eq!(notice(&story.case()).words(), "已退付");
}

#[test]
fn a_mark_is_removed_though_the_clock_of_who_set_it_is_fast() {
    for noted in [true, false] {
        let mut story = Story::of(Journey::open("mz-dibao", "990106101203-1", Some(FULL_MANDATE)).unwrap());
        story.say(TOWNSHIP, 0, DAY, marked(true));
        if noted {
            story.noted(1000, DAY);
        }
        assert!(story.case().marked(Mark::Urgent).is_some());
        story.say(DISTRICT, HOUR, 0, marked(false));
        assert_eq!((story.case().marked(Mark::Urgent), story.case().rank()), (None, 0), "noted: {noted}");
        // One removal too many removes no mark that comes later.
        story.say(VILLAGE, HOUR + 1, 0, marked(false)).say(TOWNSHIP, 2 * HOUR, DAY, marked(true));
        if noted {
            story.noted(2 * HOUR + 1000, DAY);
        }
        assert!(story.case().marked(Mark::Urgent).is_some(), "noted: {noted}");
        // Of a station that removes it again a mark is known that it must have seen.
        story.say(DISTRICT, 3 * HOUR, 0, marked(false));
        assert_eq!(story.case().marked(Mark::Urgent), None, "noted: {noted}");
    }
}

#[test]
fn an_appeal_is_ruled_on_though_the_clock_of_who_appealed_is_fast() {
    const KEY: &str = "over-promised.-.1";
    let appealed = |fast: bool, noted: bool| {
        let mut journey = late();
        let surveyor = journey.entries[2].actor.clone();
        journey.act(&surveyor, Command::AppealAlert { alert: KEY.into(), words: "农忙".into() }).unwrap();
        let mut appeal = journey.entries.pop().unwrap();
        let (entry, from): (_, StationCode) = (appeal.hash, appeal.writer);
        let received_ms = appeal.time.millis() + 1000;
        if fast {
            appeal.time = HybridTime::from_millis(appeal.time.millis() + DAY);
        }
        journey.entries.push(appeal);
        journey.case = folded(&journey.entries);
        let mut story = Story::of(journey);
        if noted {
            let offset_ms = i64::try_from(DAY).unwrap();
            story.say(DISTRICT, 1000, 0, SideEvent::TimeNoted(TimeNoted { entry, received_ms, from, offset_ms }));
        }
        story.journey.case = story.case();
        story.journey.entries = story.entries();
        story.journey.now_ms += HOUR;
        story.journey
    };
    let state = |journey: &Journey| {
        let mut alerts = at(&journey.case, journey.today()).into_iter();
        alerts.find(|alert| alert.key.to_string() == KEY).unwrap().state
    };
    let uphold = || Command::ReviewAlert { alert: KEY.into(), revoked: false, words: "已核实".into() };
    for (fast, noted) in [(true, true), (false, false)] {
        let mut journey = appealed(fast, noted);
        assert_eq!(state(&journey), AlertState::Appealed);
        journey.act(SUPERVISOR, uphold()).unwrap();
        assert_eq!(state(&journey), AlertState::Upheld, "fast: {fast}");
        let again = journey.act(SUPERVISOR, uphold()).unwrap_err();
        assert_eq!(again.code, RefusalCode::AlreadyDone, "nobody has appealed since");
    }
    // Nobody has noted it: the ruling may be one on an alert without an appeal, but the second can't.
    let mut journey = appealed(true, false);
    journey.act(SUPERVISOR, uphold()).unwrap();
    journey.act(SUPERVISOR, uphold()).unwrap();
    assert_eq!(state(&journey), AlertState::Upheld);
    journey.act(SUPERVISOR, Command::ReviewAlert { alert: KEY.into(), revoked: true, words: "复查".into() }).unwrap();
    assert_eq!(state(&journey), AlertState::Revoked);
}

/// All stories at once, in whatever order the entries come.
fn stories() -> Vec<Story> {
    let mut marks = Story::of(paid());
    marks.say(TOWNSHIP, 0, DAY, marked(true)).say(DISTRICT, HOUR, 0, marked(false));
    marks.say(VILLAGE, HOUR, 0, marked(false)).say(TOWNSHIP, 2 * HOUR, DAY, marked(true)).noted(3 * HOUR, DAY);
    vec![refunds(true), refunds(false), marks]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_was_said_does_not_depend_on_the_order_of_arrival(
        which in 0..3usize,
        order in Just((0..40usize).collect::<Vec<_>>()).prop_shuffle(),
        lacking in 0..40usize,
    ) {
        let mut entries = stories().remove(which).entries();
        if lacking < entries.len() {
            entries.remove(lacking);
        }
        let mut shuffled = Case::new(stories()[which].journey.case.id());
        for at in order.into_iter().filter(|at| *at < entries.len()) {
            shuffled.apply(&entries[at]);
        }
        let straight = folded(&entries);
        prop_assert_eq!(shuffled.fees(), straight.fees());
        prop_assert_eq!(shuffled.marked(Mark::Urgent), straight.marked(Mark::Urgent));
    }
}

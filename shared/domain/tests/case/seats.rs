//! Seats A and B, substitutes, absences: the work goes to whoever stands in and comes back, and the record says for whom.

use sanji_domain::Role;
use sanji_domain::case::{Action, RefusalCode, Sight, decide, is_todo, may_open, may_see};
use sanji_domain::organisation::{
    Absence, Absences, Authorisations, Colleague, DutyRota, Ground, Seat, Staff, Standing, may_stand_in,
};

use crate::district::{DAY, MONDAY, code, district};
use crate::journey::{FULL_MANDATE, Journey};

const HOUR: u64 = 3_600_000;

/// The sample's people, some of them away, suspended or on duty.
#[derive(Default)]
struct Day {
    absences: Absences,
    suspended: Vec<&'static str>,
    on_duty: Vec<&'static str>,
}

impl Day {
    fn away(mut self, staff: &str, from_ms: u64, until_ms: u64, substitute: Option<&str>) -> Self {
        let id = [u8::try_from(self.absences.iter().count() + 1).unwrap(); 16];
        let substitute = substitute.map(|id| id.parse().unwrap());
        let reason = "参加会议".to_owned();
        let place = district().person(staff).place;
        let staff = staff.parse().unwrap();
        self.absences.insert(Absence { id, staff, place, from_ms, until_ms, reason, substitute });
        self
    }

    fn standing(&self, actor: &Staff, now_ms: u64) -> Standing {
        let colleagues = district().people_at(actor.place).map(|staff| Colleague {
            staff,
            suspended: self.suspended.contains(&staff.id.as_str()),
            on_duty: self.on_duty.contains(&staff.id.as_str()),
        });
        Standing::of(actor, colleagues, &self.absences, &district().organisation.roles, now_ms)
    }

    fn todo(&self, journey: &Journey, actor: &str, now_ms: u64) -> bool {
        let actor = district().person(actor);
        let standing = self.standing(actor, now_ms);
        is_todo(&journey.case, &district().at_desk_as(actor, &standing, now_ms))
    }

    fn act(&self, journey: &Journey, actor: &str, action: Action) -> Result<String, RefusalCode> {
        let actor = district().person(actor);
        let standing = self.standing(actor, journey.now_ms);
        let context = district().at_desk_as(actor, &standing, journey.now_ms);
        match decide(&journey.case, None, journey.approving(action), &context) {
            Ok(drafts) => match &drafts[0].body {
                sanji_domain::case::Body::Step(step) => Ok(step.actor.acting_for.clone()),
                sanji_domain::case::Body::Side(side) => Ok(side.actor.acting_for.clone()),
            },
            Err(refusal) => Err(refusal.code),
        }
    }
}

fn before_decision() -> Journey {
    let mut journey = Journey::open("mz-dibao", "990106101203-1", Some(FULL_MANDATE)).unwrap();
    journey.until(Action::Decide);
    journey
}

#[test]
fn b_decides_while_a_is_away_and_not_while_a_is_there() {
    let journey = before_decision();
    let now = journey.now_ms;
    let there = Day { on_duty: vec!["mz-01"], ..Day::default() };
    assert_eq!(there.act(&journey, "mz-02", Action::Decide), Err(RefusalCode::PrincipalOnDuty));
    assert_eq!(there.act(&journey, "mz-01", Action::Decide), Ok(String::new()));
    // Nobody has seen A today: A is exempt from attendance, so B decides and the record says for whom.
    assert_eq!(Day::default().act(&journey, "mz-02", Action::Decide), Ok("mz-01".to_owned()));
    // A is recorded as away, though a session of A is still open.
    let away = Day { on_duty: vec!["mz-01"], ..Day::default() }.away("mz-01", now - HOUR, now + HOUR, None);
    assert_eq!(away.act(&journey, "mz-02", Action::Decide), Ok("mz-01".to_owned()));
    assert_eq!(away.act(&journey, "mz-01", Action::Decide), Err(RefusalCode::Away));
    let suspended = Day { on_duty: vec!["mz-01"], suspended: vec!["mz-01"], ..Day::default() };
    assert_eq!(suspended.act(&journey, "mz-02", Action::Decide), Ok("mz-01".to_owned()));
}

#[test]
fn an_absence_switches_the_work_list_over_midnight_and_back() {
    // A reviewer without a seat: the substitute has the role of another office.
    let mut journey = Journey::open("zr-zhaijidi", "990106101203-1", Some(FULL_MANDATE)).unwrap();
    let theirs = |journey: &Journey| Day::default().todo(journey, "990106101-07", journey.now_ms);
    while !theirs(&journey) {
        assert!(journey.forward().is_some());
    }
    // Monday 18:00 until Tuesday 0:00 in China, then Tuesday until Wednesday.
    let (evening, midnight) = (MONDAY + 9 * HOUR, MONDAY + 15 * HOUR);
    let day = Day::default().away("990106101-07", evening, midnight + DAY, Some("990106101-12"));
    let (absent, substitute) = ("990106101-07", "990106101-12");
    for (now, who, expected) in [
        (evening - 1, absent, true),
        (evening - 1, substitute, false),
        (evening, absent, false),
        (evening, substitute, true),
        (midnight - 1, substitute, true),
        (midnight, substitute, true),
        (midnight + DAY - 1, substitute, true),
        (midnight + DAY - 1, absent, false),
        (midnight + DAY, substitute, false),
        (midnight + DAY, absent, true),
    ] {
        assert_eq!(day.todo(&journey, who, now), expected, "{who} at {now}");
    }
    journey.now_ms = midnight;
    assert_eq!(day.act(&journey, substitute, Action::FinishStage), Ok(absent.to_owned()));
    // The substitute sees the case as long as they stand in.
    let sight = |now| {
        let actor = district().person(substitute);
        let standing = day.standing(actor, now);
        may_see(&journey.case, &district().at_desk_as(actor, &standing, now))
    };
    assert_eq!((sight(evening - 1), sight(midnight), sight(midnight + DAY)), (Sight::None, Sight::Full, Sight::None));
}

#[test]
fn who_is_away_opens_nothing_and_the_substitute_does() {
    let item = district().item("mz-dibao");
    let window = district().person("990106101-03");
    let day = Day::default().away("990106101-03", MONDAY, MONDAY + HOUR, None);
    let standing = day.standing(window, MONDAY);
    let refusal = may_open(item, &district().at_desk_as(window, &standing, MONDAY)).unwrap_err();
    assert_eq!((refusal.code, standing.away), (RefusalCode::Away, true));
    let backup = district().person("990106101-04");
    let standing = day.standing(backup, MONDAY);
    assert_eq!((standing.for_others.len(), standing.for_others[0].ground), (1, Ground::Absent));
    assert!(may_open(item, &district().at_desk_as(backup, &standing, MONDAY)).is_ok());
}

#[test]
fn a_substitute_never_gets_roles_that_exclude_each_other() {
    let roles = &district().organisation.roles;
    let person = |roles: &[Role]| Staff { roles: roles.to_vec(), seat: None, ..district().person("cz-01").clone() };
    let mut pairs = 0;
    for own in Role::ALL {
        for other in Role::ALL {
            let allowed = may_stand_in(&person(&[*own]), &person(&[*other]), roles);
            let excluded = roles.conflict(&[*own, *other]).is_some();
            let guarded = [Role::Cashier, Role::Supervisor, Role::Administrator].contains(other) && own != other;
            assert_eq!(allowed, !excluded && !guarded, "{own} for {other}");
            pairs += usize::from(excluded);
        }
    }
    assert_eq!(pairs, 2 * 4, "each pair of roles.toml, both ways");
}

#[test]
fn every_seat_b_of_the_sample_waits_for_its_a() {
    let mut seats = 0;
    for b in district().staff.iter().filter(|staff| staff.seat == Some(Seat::B)) {
        let a = b.backup.clone().unwrap();
        let day = Day { on_duty: vec![district().person(a.as_str()).id.as_str()], ..Day::default() };
        assert!(day.standing(b, MONDAY).principal_on_duty, "{}", b.id);
        assert!(!day.standing(district().person(a.as_str()), MONDAY).principal_on_duty);
        assert!(!Day::default().standing(b, MONDAY).principal_on_duty);
        seats += 1;
    }
    assert!(seats > 30);
}

#[test]
fn an_authorisation_of_the_district_says_who_may() {
    let text = "schema = 1\n[[authorisation]]\nitem = \"mz-dibao\"\npower = \"决定\"\ndepartment = \"mz\"\n\
        staff = [\"mz-02\", \"mz-04\"]\nfrom = 2026-03-01\nuntil = 2026-03-31\ndocument = \"澄民授〔2026〕1号\"\n";
    let authorisations = Authorisations::parse("authorisations.toml", text).unwrap();
    let organisation = district().organisation.clone().with_authorisations(authorisations.clone());
    let mut journey = before_decision();
    let may = |journey: &Journey, id: &str| {
        let actor = district().person(id);
        let mut context = district().at_desk(actor, journey.now_ms);
        context.reference.organisation = &organisation;
        decide(&journey.case, None, journey.approving(Action::Decide), &context).is_ok()
    };
    let may_all = |journey: &Journey| ["mz-01", "mz-02", "mz-04", "mz-05"].map(|id| may(journey, id));
    assert_eq!(may_all(&journey), [false, true, true, false], "those named, and nobody else");
    journey.now_ms = MONDAY + 40 * DAY;
    assert_eq!(may_all(&journey), [true, true, false, false], "afterwards what follows from the roles");
    for (wrong, reason) in [("power = \"盖章\"", "power"), ("staff = []", "staff"), ("until = 2026-02-01", "until")] {
        let field = reason;
        let broken: Vec<String> =
            text.lines().map(|line| if line.starts_with(field) { wrong.to_owned() } else { line.to_owned() }).collect();
        let faults = Authorisations::parse("authorisations.toml", &broken.join("\n")).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
    }
    let cashier = Staff { roles: vec![Role::Cashier], ..district().person("mz-04").clone() };
    let on = "2026-03-02".parse().unwrap();
    let item = "mz-dibao".parse().unwrap();
    assert_eq!(authorisations.word_on(&item, Role::Approver, &cashier, on), Some(false), "never the fee window");
}

#[test]
fn a_general_window_serves_the_departments_that_its_record_names() {
    let item = district().item("sc-shipin");
    let open = |staff: &Staff| may_open(item, &district().at_desk(staff, MONDAY)).is_ok();
    let hall = district().person("sp-08").clone();
    assert!(open(&hall), "without a word it serves all");
    assert!(!open(&Staff { serves: vec!["mz".parse().unwrap()], ..hall.clone() }));
    assert!(open(&Staff { serves: vec!["mz".parse().unwrap(), "sc".parse().unwrap()], ..hall }));
    let other = district().person("mz-05").clone();
    assert!(!open(&other));
    assert!(open(&Staff { serves: vec!["sc".parse().unwrap()], ..other }));
}

#[test]
fn the_rota_says_who_leads_today() {
    let text = "schema = 1\n[[turn]]\nfrom = 2026-03-02\nuntil = 2026-03-06\nstaff = \"mz-01\"\nname = \"郑玲凡\"\n\
        [[turn]]\nfrom = 2026-03-06\nuntil = 2026-03-08\nstaff = \"rs-01\"\nname = \"熊海华\"\nnote = \"周末\"\n";
    let rota = DutyRota::parse("rota.toml", text).unwrap();
    let on = |day: &str| rota.on(day.parse().unwrap()).map(|turn| turn.name.clone()).collect::<Vec<_>>();
    assert_eq!(on("2026-03-01"), Vec::<String>::new());
    assert_eq!(on("2026-03-02"), ["郑玲凡"]);
    assert_eq!(on("2026-03-06"), ["郑玲凡", "熊海华"]);
    assert_eq!(district().person("mz-01").place, code(crate::district::DISTRICT));
    assert!(DutyRota::parse("rota.toml", &text.replace("until = 2026-03-06", "until = 2026-03-01")).is_err());
}

//! Changes of staff (工作时间必须满两年；提前提出申请，经同意后方可调用或更换): the office asks, the district's centre
//! consents, and only then is a person somewhere else or somebody else.

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use sanji_log::{StationCode, Tier};

use super::{Organisation, Role, Staff, Standing};

/// How long a person stays in a post before a change goes against the rule.
fn term_of_office() -> Span {
    2.years()
}

/// Whether one heads the office in which the other works: the department at the same place, or the centre above it. Seat
/// B heads it as A does.
#[must_use]
pub fn heads_office_of(head: &Staff, person: &Staff) -> bool {
    let heads = head.roles.contains(&Role::ChiefRepresentative)
        || (head.roles.contains(&Role::Approver) && head.seat.is_some());
    let centre = head.department.as_str() == "township";
    let here = head.place == person.place && (centre || head.department == person.department);
    let below = centre && person.place != head.place && person.place.within(head.place);
    heads && (here || below)
}

/// Whether a person keeps the records of the people of a place.
#[must_use]
pub fn administers(actor: &Staff, place: StationCode) -> bool {
    actor.roles.contains(&Role::Administrator) && place.within(actor.place)
}

/// Whether somebody may ask that a person be changed: the head of the person's office, or who keeps its records. Nobody
/// for themselves.
#[must_use]
pub fn asks_for_change(actor: &Staff, person: &Staff) -> bool {
    actor.id != person.id && (heads_office_of(actor, person) || administers(actor, person.place))
}

/// Whether somebody who asks as a deputy (seat B) leaves it to the head: the head is on duty. Who keeps the records asks
/// at any time.
#[must_use]
pub fn leaves_to_principal(actor: &Staff, person: &Staff, standing: &Standing) -> bool {
    standing.principal_on_duty && !administers(actor, person.place)
}

/// Whether somebody consents to changes of staff: the district's centre, by those who run the hall.
#[must_use]
pub fn consents_to_changes(actor: &Staff) -> bool {
    actor.place.tier() == Tier::District && actor.roles.contains(&Role::JointCoordinator)
}

/// Whether what was asked for is another post: who stands in for a person and for whom a window takes in are not.
#[must_use]
pub fn is_change_of_post(before: &Staff, after: &Staff) -> bool {
    post(before) != post(after) || before.seat != after.seat
}

/// Whether two records are of the same post.
#[must_use]
pub fn is_same_post(one: &Staff, other: &Staff) -> bool {
    post(one) == post(other)
}

fn post(staff: &Staff) -> (&[Role], &str, &str, StationCode) {
    (&staff.roles, &staff.post, staff.department.as_str(), staff.place)
}

/// Whether somebody who has had a post since a day has had it for two years on another.
#[must_use]
pub fn has_served_term(since: Date, on: Date) -> bool {
    since.checked_add(term_of_office()).is_ok_and(|until| until <= on)
}

/// How far ahead the day may lie from which a consent counts.
fn farthest_ahead() -> Span {
    1.year()
}

/// Whether a consent may count from a day on: today, or later within a year.
#[must_use]
pub fn may_begin(day: Date, today: Date) -> bool {
    today <= day && today.checked_add(farthest_ahead()).is_ok_and(|last| day <= last)
}

/// What a field says of a person.
type Text<'a> = dyn Fn(&Staff) -> String + 'a;

/// What of a person would change: name of the field, before, after.
#[must_use]
pub fn differences(
    before: &Staff,
    after: &Staff,
    leaves: bool,
    organisation: &Organisation,
) -> Vec<(&'static str, String, String)> {
    let department = |staff: &Staff| {
        let known = organisation.department(&staff.department);
        known.map_or_else(|| staff.department.to_string(), |known| known.name.clone())
    };
    let place = |staff: &Staff| {
        let known = organisation.station(&staff.place);
        known.map_or_else(|| staff.place.to_string(), |known| known.full_name.clone())
    };
    let roles = |staff: &Staff| staff.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join("、");
    let seat = |staff: &Staff| staff.seat.map_or_else(String::new, |seat| format!("{seat}角"));
    let backup = |staff: &Staff| staff.backup.as_ref().map_or_else(String::new, ToString::to_string);
    let serves = |staff: &Staff| staff.serves.iter().map(ToString::to_string).collect::<Vec<_>>().join("、");
    let texts: [(&'static str, &Text<'_>); 7] = [
        ("岗位角色", &roles),
        ("职务", &|staff: &Staff| staff.post.clone()),
        ("部门", &department),
        ("机构", &place),
        ("席位", &seat),
        ("替补", &backup),
        ("兼办部门", &serves),
    ];
    let mut changed: Vec<_> = texts
        .iter()
        .map(|(name, text)| (*name, text(before), text(after)))
        .filter(|(_, before, after)| before != after)
        .collect();
    if leaves {
        changed.push(("任职", "在岗".to_owned(), "离任".to_owned()));
    }
    changed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::organisation::{Seat, StageTier};

    fn person(id: &str, place: &str, department: &str, roles: &[Role], seat: Option<Seat>) -> Staff {
        Staff {
            id: id.parse().unwrap(),
            name: id.to_owned(),
            roles: roles.to_vec(),
            post: "科员".to_owned(),
            tier: StageTier::District,
            department: department.parse().unwrap(),
            place: place.parse().unwrap(),
            seat,
            backup: None,
            serves: Vec::new(),
        }
    }

    #[test]
    fn the_office_asks_and_the_centre_consents() {
        let (hub, town, village) = ("990106000000", "990106101000", "990106101203");
        let clerk = person("mz-05", hub, "mz", &[Role::Window], None);
        let agent = person("990106101203-1", village, "village", &[Role::Agent], Some(Seat::A));
        let head = person("mz-01", hub, "mz", &[Role::ChiefRepresentative, Role::Approver], Some(Seat::A));
        let deputy = person("990106101-02", town, "township", &[Role::Reviewer, Role::Approver], Some(Seat::B));
        let police = person("990106101-12", town, "ga-station", &[Role::Window, Role::Approver], None);
        let keeper = person("990106101-11", town, "township", &[Role::Administrator], None);
        let director = person("sp-01", hub, "sp", &[Role::JointCoordinator], None);
        for (actor, of, asks) in [
            (&head, &clerk, true),
            (&head, &head, false),
            (&head, &agent, false),
            (&deputy, &agent, true),
            (&deputy, &police, true),
            (&police, &agent, false),
            (&keeper, &agent, true),
            (&keeper, &clerk, false),
            (&director, &clerk, false),
            (&clerk, &head, false),
        ] {
            assert_eq!(asks_for_change(actor, of), asks, "{} for {}", actor.id, of.id);
        }
        let beside = Standing { principal_on_duty: true, ..Standing::default() };
        assert!(leaves_to_principal(&deputy, &agent, &beside), "seat B waits while A is there");
        assert!(!leaves_to_principal(&deputy, &agent, &Standing::default()));
        assert!(!leaves_to_principal(&keeper, &agent, &beside), "the records are kept at any time");
        assert!(consents_to_changes(&director));
        assert!(![&head, &deputy, &keeper, &clerk].into_iter().any(consents_to_changes));
    }

    #[test]
    fn a_substitute_is_no_post_two_years_are_two_years_and_a_consent_looks_ahead() {
        let before = person("mz-05", "990106000000", "mz", &[Role::Window], None);
        let substitute = Staff { backup: Some("mz-04".parse().unwrap()), ..before.clone() };
        assert!(!is_change_of_post(&before, &substitute));
        for after in [
            Staff { roles: vec![Role::Reviewer], ..before.clone() },
            Staff { post: "股长".to_owned(), ..before.clone() },
            Staff { department: "rs".parse().unwrap(), ..before.clone() },
            Staff { place: "990106101000".parse().unwrap(), ..before.clone() },
            Staff { seat: Some(Seat::B), ..before.clone() },
        ] {
            assert!(is_change_of_post(&before, &after), "{after:?}");
        }
        let today: Date = "2026-07-01".parse().unwrap();
        for (day, may) in [("2026-06-30", false), ("2026-07-01", true), ("2027-07-01", true), ("2027-07-02", false)] {
            assert_eq!(may_begin(day.parse().unwrap(), today), may, "{day}");
        }
        let since: Date = "2024-02-29".parse().unwrap();
        for (on, served) in [("2026-02-27", false), ("2026-02-28", true), ("2027-01-01", true), ("2024-02-29", false)] {
            assert_eq!(has_served_term(since, on.parse().unwrap()), served, "{on}");
        }
    }
}

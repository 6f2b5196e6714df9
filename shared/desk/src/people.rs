//! The people of the station: who is here, who is away and who acts for whom; absences are recorded and ended here,
//! with or without a line. Administrators of the hub suspend and reinstate.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use sanji_proto::v1 as proto;

use crate::frame::{Frame, Tab};
use crate::guard::{Person, Posted};
use crate::office::Failure;
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::station::administers;
use crate::words;

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    frame: Frame,
    people: proto::ListStaffReply,
    ledger: Vec<proto::AbsenceView>,
    /// Id of the person at the desk.
    me: String,
    /// Whether the person may suspend others.
    administers: bool,
    /// What went wrong; empty: nothing.
    refusal: String,
}

impl PeoplePage {
    fn somebody_is_away(&self) -> bool {
        self.people.staff.iter().any(|one| one.absence.is_some())
    }
}

/// `GET /desk/people`
pub(crate) async fn show(State(desk): State<Desk>, person: Person) -> Result<Response, Problem> {
    people_page(&desk, &person, String::new()).await
}

async fn people_page(desk: &Desk, person: &Person, refusal: String) -> Result<Response, Problem> {
    let mut people = desk.office().people(&person.actor)?;
    name_others(desk, &mut people.staff);
    let ledger = desk.office().absences(&person.actor).await?.absences;
    let district = desk.station().tier() == sanji_log::Tier::District;
    let administers = person.actor.staff.roles.iter().any(|role| role.term() == "管理员") && district;
    let frame = Frame::staff(desk, person, Tab::People).await;
    let me = person.actor.staff.id.to_string();
    page(&PeoplePage { frame, people, ledger, me, administers, refusal })
}

/// Puts names in the place of ids and codes of others.
fn name_others(desk: &Desk, staff: &mut [proto::StaffView]) {
    let names: BTreeMap<String, String> = staff.iter().map(|one| (one.id.clone(), one.name.clone())).collect();
    let name = |id: &mut String| {
        if let Some(name) = names.get(id.as_str()) {
            *id = format!("{name}（{id}）");
        }
    };
    for one in staff {
        name(&mut one.backup);
        one.acts_for.iter_mut().for_each(name);
        one.serves.iter_mut().for_each(|code| *code = desk.office().department_name(code));
    }
}

/// `POST /desk/people/absence`
pub(crate) async fn absent(State(desk): State<Desk>, posted: Posted) -> Result<Response, Problem> {
    let Posted { person, form } = posted;
    let from_ms = if form.value("from").is_empty() { Some(0) } else { words::read_time(form.value("from")) };
    let (Some(from_ms), Some(until_ms)) = (from_ms, words::read_time(form.value("until"))) else {
        return people_page(&desk, &person, "请填写离岗和返岗的时间。".to_owned()).await;
    };
    let request = proto::RecordAbsenceRequest {
        staff: form.value("staff").to_owned(),
        from_ms,
        until_ms,
        reason: form.value("reason").to_owned(),
        substitute: form.value("substitute").to_owned(),
    };
    let done = desk.office().record_absence(&person.actor, request).await;
    answer(&desk, &person, done.map(|_| ())).await
}

/// `POST /desk/people/back`
pub(crate) async fn back(State(desk): State<Desk>, posted: Posted) -> Result<Response, Problem> {
    let Posted { person, form } = posted;
    let request = proto::EndAbsenceRequest { id: Vec::new(), staff: form.value("staff").to_owned() };
    let done = desk.office().end_absence(&person.actor, request).await;
    answer(&desk, &person, done.map(|_| ())).await
}

/// `POST /desk/people/suspend`: or back to work.
pub(crate) async fn suspend(State(desk): State<Desk>, posted: Posted) -> Result<Response, Problem> {
    let Posted { person, form } = posted;
    let (staff, reason) = (form.value("staff").to_owned(), form.value("reason").to_owned());
    let done = if form.value("what") == "reinstate" {
        desk.office().reinstate(&person.actor, proto::ReinstateStaffRequest { staff, reason }).await
    } else {
        desk.office().suspend(&person.actor, proto::SuspendStaffRequest { staff, reason }).await
    };
    answer(&desk, &person, done.map(|_| ())).await
}

async fn answer(desk: &Desk, person: &Person, done: Result<(), Failure>) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(Redirect::to("/desk/people").into_response()),
        Err(Failure::Refused(refusal)) => people_page(desk, person, refusal.sentence).await,
        Err(failure) => Err(failure.into()),
    }
}

#[derive(Template)]
#[template(path = "stations.html")]
struct StationsPage {
    frame: Frame,
    stations: Vec<proto::RegisteredStation>,
    /// Whether the person looks after the stations of the district, and does it here.
    administers: bool,
}

/// `GET /desk/stations`: the register of stations.
pub(crate) async fn stations(State(desk): State<Desk>, person: Person) -> Result<Response, Problem> {
    let stations = desk.office().station_register().await?.stations;
    let frame = Frame::staff(&desk, &person, Tab::Station).await;
    let administers = administers(&desk, &person);
    page(&StationsPage { frame, stations, administers })
}

#[derive(Template)]
#[template(path = "upward.html")]
struct UpwardPage {
    frame: Frame,
    cases: Vec<proto::UpwardCase>,
}

/// `GET /desk/upward`: the full-course agent's list.
pub(crate) async fn upward(State(desk): State<Desk>, person: Person) -> Result<Response, Problem> {
    let cases = desk.office().upward_cases(&person.actor).await?.cases;
    let frame = Frame::staff(&desk, &person, Tab::Cases).await;
    page(&UpwardPage { frame, cases })
}

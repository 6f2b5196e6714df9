//! 站点管理: every station of the district, what is to be done about it, and its one-time codes. For administrators of
//! the district, at the hub.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use sanji_proto::v1::{self as proto, StationState};
use sanji_station::config::is_host_port;
use serde::Deserialize;

use crate::Administration;
use crate::apply::add_refusal;
use crate::bundles;
use crate::form::{Faults, Form};
use crate::frame::{Frame, Tab};
use crate::guard::{Person, Posted};
use crate::office::{Actor, Failure};
use crate::problem::{Problem, again, page};
use crate::standing::{Standing, standing};
use crate::state::Desk;
use crate::words;

#[derive(Template)]
#[template(path = "administration.html")]
struct AdministrationPage {
    frame: Frame,
    /// How many there are, and how many of each state.
    counted: String,
    /// What was looked for; empty: nothing.
    words: String,
    found: Vec<Standing>,
    urgent: Vec<Standing>,
    townships: Vec<Township>,
    /// What is wrong with the request that was to be answered.
    faults: Faults,
}

impl AdministrationPage {
    fn fault(&self, _: &str, field: &str) -> String {
        self.faults.of(field)
    }
}

/// A township with its villages.
struct Township {
    name: String,
    /// How many, and how they are.
    counted: String,
    stations: Vec<Standing>,
}

/// What is looked for.
#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    words: String,
}

fn administration(desk: &Desk) -> Result<&dyn Administration, Problem> {
    desk.options().administration.as_deref().ok_or_else(Problem::not_found)
}

/// All stations with what is known of them.
async fn standings(desk: &Desk, actor: &Actor) -> Result<Vec<Standing>, Problem> {
    let rows = administration(desk)?.stations(actor).await?;
    let status = desk.office().status().await;
    let history = desk.exchange().history(rows.len()).await.into_iter();
    let carried: BTreeMap<u64, u64> =
        history.filter_map(|(station, last, _)| Some((station.number(), last.imported?.time_ms))).collect();
    let one = |row| standing(row, &status, carried.get(&row.station).copied());
    Ok(rows.iter().filter_map(one).collect())
}

/// `GET /desk/administration`
pub(crate) async fn list(
    State(desk): State<Desk>,
    Query(asked): Query<Asked>,
    person: Person,
) -> Result<Response, Problem> {
    page(&list_page(&desk, &person, asked.words.trim(), Faults::default()).await?)
}

async fn list_page(desk: &Desk, person: &Person, words: &str, faults: Faults) -> Result<AdministrationPage, Problem> {
    let all = standings(desk, &person.actor).await?;
    let meant = |one: &&Standing| !words.is_empty() && (one.name.contains(words) || one.code.starts_with(words));
    let frame = Frame::staff(desk, person, Tab::Station).await;
    let urgent = all.iter().filter(|one| one.urgent).cloned().collect();
    let (words, found) = (words.to_owned(), all.iter().filter(meant).cloned().collect());
    let counted = format!("本区共有{}个站点：{}。", all.len(), counted(&all));
    Ok(AdministrationPage { frame, counted, words, found, urgent, townships: by_township(all), faults })
}

fn counted(stations: &[Standing]) -> String {
    let number = |state: StationState| stations.iter().filter(|one| one.is == state).count();
    let states = [
        ("已开通", number(StationState::Enrolled)),
        ("等待注册", number(StationState::Invited)),
        ("等待新电脑注册", number(StationState::Ended)),
        ("已吊销", number(StationState::Revoked)),
        ("未开通", number(StationState::Unspecified)),
    ];
    let told = states.iter().filter(|(_, number)| *number > 0);
    told.map(|(state, number)| format!("{state}{number}个")).collect::<Vec<_>>().join("，")
}

fn by_township(stations: Vec<Standing>) -> Vec<Township> {
    let mut townships: Vec<Township> = Vec::new();
    let mut last = None;
    for one in stations {
        if last != Some(one.township) {
            last = Some(one.township);
            townships.push(Township { name: one.name.clone(), counted: String::new(), stations: Vec::new() });
        }
        if let Some(township) = townships.last_mut() {
            township.stations.push(one);
        }
    }
    for township in &mut townships {
        township.counted = counted(&township.stations);
        let urgent = township.stations.iter().filter(|one| one.urgent).count();
        if urgent > 0 {
            township.counted.push_str(&format!("；需要处理{urgent}个"));
        }
    }
    townships
}

#[derive(Template)]
#[template(path = "administration_station.html")]
struct StationPage {
    frame: Frame,
    one: Standing,
    /// What was just done; empty: nothing.
    done: &'static str,
    /// The form that was sent: "code", "replace" or "revoke"; empty: none.
    sent: String,
    form: Form,
    faults: Faults,
}

impl StationPage {
    /// Whether what was sent is about the form with this prefix.
    fn is_sent(&self, prefix: &str) -> bool {
        prefix.strip_suffix('-') == Some(&self.sent)
    }

    fn kept(&self, prefix: &str, field: &str) -> &str {
        if self.is_sent(prefix) { self.form.value(field) } else { "" }
    }

    fn chosen(&self, prefix: &str, field: &str, value: &str) -> bool {
        self.kept(prefix, field) == value
    }

    fn fault(&self, prefix: &str, field: &str) -> String {
        if self.is_sent(prefix) { self.faults.of(field) } else { String::new() }
    }

    /// Where the summary of what is wrong leads to.
    fn prefix(&self) -> String {
        format!("{}-", self.sent)
    }
}

/// What was just done.
#[derive(Deserialize)]
pub(crate) struct Done {
    #[serde(default)]
    done: String,
}

/// `GET /desk/administration/{station}`
pub(crate) async fn show(
    State(desk): State<Desk>,
    Path(station): Path<String>,
    Query(done): Query<Done>,
    person: Person,
) -> Result<Response, Problem> {
    let shown = station_page(&desk, &person, &station).await?;
    let done = match done.done.as_str() {
        // An address can be kept, and the station be enrolled again.
        "revoke" if !shown.one.may_revoke => "已吊销。该站点不能再连接，之后写下的记录各级都不再接收。",
        _ => "",
    };
    page(&StationPage { done, ..shown })
}

async fn station_page(desk: &Desk, person: &Person, station: &str) -> Result<StationPage, Problem> {
    let mut all = standings(desk, &person.actor).await?.into_iter();
    let one = all.find(|one| one.code == station).ok_or_else(Problem::not_found)?;
    let frame = Frame::staff(desk, person, Tab::Station).await;
    let (done, sent, form, faults) = Default::default();
    Ok(StationPage { frame, one, done, sent, form, faults })
}

#[derive(Template)]
#[template(path = "administration_code.html")]
struct CodePage {
    frame: Frame,
    one: Standing,
    /// The code in its groups: shown here and never again.
    groups: Vec<String>,
    until_ms: u64,
    enrolment_address: String,
    without_line: bool,
    /// Whether the station had another machine before.
    replaced: bool,
}

/// `POST /desk/administration/{station}/{action}`
pub(crate) async fn act(
    State(desk): State<Desk>,
    Path((station, action)): Path<(String, String)>,
    Posted { person, form }: Posted,
) -> Result<Response, Problem> {
    let shown = station_page(&desk, &person, &station).await?;
    if action == "invitation" {
        return invitation(&desk, &person, &shown.one);
    }
    let mut faults = check(&action, &form)?;
    let without_line = form.ticked("without_line");
    let (code, link_address) = (shown.one.number, form.value("link_address").to_owned());
    let (reason, upstream) = (form.value("reason").to_owned(), String::new());
    let administration = administration(&desk)?;
    let done = match action.as_str() {
        _ if !faults.is_empty() => Err(None),
        "revoke" => {
            let request = proto::RevokeStationRequest { station: code, reason };
            administration.revoke(&person.actor, request).await.map(|()| None).map_err(Some)
        }
        "replace" => {
            let request = proto::ReplaceStationRequest { station: code, reason, link_address, upstream };
            administration.replace(&person.actor, request, without_line).await.map(Some).map_err(Some)
        }
        _ => {
            let request = proto::AddStationRequest { station: code, link_address, upstream, without_line };
            administration.issue(&person.actor, request).await.map(Some).map_err(Some)
        }
    };
    match done {
        Ok(Some(reply)) => page(&CodePage {
            groups: groups(&reply.code),
            until_ms: reply.until_ms,
            enrolment_address: reply.enrolment_address,
            without_line,
            replaced: action == "replace",
            frame: shown.frame,
            one: shown.one,
        }),
        Ok(None) => Ok(Redirect::to(&format!("/desk/administration/{station}?done=revoke")).into_response()),
        Err(None) => again(&StationPage { sent: action, form, faults, ..shown }),
        Err(Some(Failure::Refused(refusal))) => {
            add_refusal(&mut faults, &refusal);
            again(&StationPage { sent: action, form, faults, ..shown })
        }
        Err(Some(failure)) => Err(failure.into()),
    }
}

/// What can be said of a form before anything is asked of the register.
fn check(action: &str, form: &Form) -> Result<Faults, Problem> {
    let mut faults = Faults::default();
    if !matches!(action, "code" | "replace" | "revoke") {
        return Err(Problem::not_found());
    }
    if action != "code" && form.value("reason").is_empty() {
        faults.add("reason", "请填写原因，原因会留存备查。");
    }
    let link_address = form.value("link_address");
    if !link_address.is_empty() && !is_host_port(link_address) {
        faults.add("link_address", "请写成“地址:端口”，例如 10.6.1.2:7100。");
    }
    if action == "revoke" && !form.ticked("sure") {
        faults.add("sure", "吊销后不能撤回。请核对站点名称，确认后勾选。");
    }
    Ok(faults)
}

/// The groups of a code, each but the last with its dash: a line may break between them.
fn groups(code: &str) -> Vec<String> {
    code.split_inclusive('-').map(str::to_owned).collect()
}

/// The file that goes with the code of a station without a line.
fn invitation(desk: &Desk, person: &Person, one: &Standing) -> Result<Response, Problem> {
    let invitation = administration(desk)?.invitation(&person.actor)?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file")),
        (CONTENT_DISPOSITION, words::saved_as(&format!("邀请文件-{}.pem", one.name))),
    ];
    Ok((headers, invitation).into_response())
}

/// `POST /desk/administration/answer`: the answer to a request that came in a file, for the browser to save.
pub(crate) async fn answer(State(desk): State<Desk>, Posted { person, mut form }: Posted) -> Result<Response, Problem> {
    let administration = administration(&desk)?;
    let mut faults = Faults::default();
    match form.take_files().into_iter().next() {
        None => faults.add("file", "请先选择站点带来的请求文件。"),
        Some(file) => match administration.answer(&person.actor, file.content.to_vec()).await {
            Ok(parts) => {
                let at = words::stamp(desk.office().status().await.clock_ms);
                return bundles::save(parts, &format!("注册答复-{at}.sanji")).await;
            }
            Err(Failure::Refused(refusal)) => add_refusal(&mut faults, &refusal),
            Err(failure) => return Err(failure.into()),
        },
    }
    again(&list_page(&desk, &person, "", faults).await?)
}

/// `GET` of the address of a form, after a login: there is nothing to show but the station.
pub(crate) async fn back(Path((station, _)): Path<(String, String)>, _: Person) -> Redirect {
    let station: String = form_urlencoded::byte_serialize(station.as_bytes()).collect();
    Redirect::to(&format!("/desk/administration/{station}"))
}

/// The same of the form for requests in files.
pub(crate) async fn back_to_list(_: Person) -> Redirect {
    Redirect::to("/desk/administration")
}

//! The catalogue: the picker for a new case, and the guide of an item (六公开), at the desk and in public.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use sanji_domain::Item;
use sanji_proto::v1 as proto;
use serde::Deserialize;

use crate::frame::{Frame, Tab};
use crate::guard::Person;
use crate::problem::{Problem, page};
use crate::state::Desk;

#[derive(Template)]
#[template(path = "items.html")]
struct ItemsPage {
    frame: Frame,
    title: &'static str,
    /// Address of this list.
    action: &'static str,
    /// Address under which guides are found.
    guide: &'static str,
    words: String,
    /// Whether cases can be opened from here.
    picking: bool,
    groups: Vec<Group>,
}

struct Group {
    department: String,
    items: Vec<proto::ItemRow>,
}

/// What to search for.
#[derive(Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    q: String,
}

/// `GET /desk/new`
pub(crate) async fn pick(
    State(desk): State<Desk>,
    Query(search): Query<Search>,
    person: Person,
) -> Result<Response, Problem> {
    let words = search.q.trim().to_owned();
    let groups = grouped(&desk, desk.office().items(&person.actor, &words));
    let frame = Frame::staff(&desk, &person, Tab::NewCase).await;
    page(&ItemsPage {
        frame,
        title: "新办件：选择事项",
        action: "/desk/new",
        guide: "/desk/items",
        words,
        picking: true,
        groups,
    })
}

/// `GET /desk/items`
pub(crate) async fn list(
    State(desk): State<Desk>,
    Query(search): Query<Search>,
    person: Person,
) -> Result<Response, Problem> {
    let words = search.q.trim().to_owned();
    let groups = grouped(&desk, desk.office().items(&person.actor, &words));
    let frame = Frame::staff(&desk, &person, Tab::Items).await;
    page(&ItemsPage {
        frame,
        title: "办事指南",
        action: "/desk/items",
        guide: "/desk/items",
        words,
        picking: false,
        groups,
    })
}

/// `GET /items`
pub(crate) async fn public_list(State(desk): State<Desk>, Query(search): Query<Search>) -> Result<Response, Problem> {
    let words = search.q.trim().to_owned();
    let rows = desk.office().published_items(&words);
    let groups = grouped(&desk, rows);
    let frame = Frame::public(&desk, String::new(), Tab::Items);
    page(&ItemsPage { frame, title: "办事指南", action: "/items", guide: "/items", words, picking: false, groups })
}

fn grouped(desk: &Desk, items: Vec<proto::ItemRow>) -> Vec<Group> {
    let mut groups: BTreeMap<String, Vec<proto::ItemRow>> = BTreeMap::new();
    for item in items {
        groups.entry(item.department.clone()).or_default().push(item);
    }
    groups.into_iter().map(|(code, items)| Group { department: desk.office().department_name(&code), items }).collect()
}

#[derive(Template)]
#[template(path = "guide.html")]
struct GuidePage {
    frame: Frame,
    item: Arc<Item>,
    department: String,
    co_departments: String,
    /// The item as the person may open cases of it. None: in public.
    row: Option<proto::ItemRow>,
}

/// `GET /desk/items/{code}`
pub(crate) async fn guide(
    State(desk): State<Desk>,
    Path(code): Path<String>,
    person: Person,
) -> Result<Response, Problem> {
    let frame = Frame::staff(&desk, &person, Tab::Items).await;
    let row = desk.office().items(&person.actor, "").into_iter().find(|row| row.code == code);
    show(&desk, frame, &code, row)
}

/// `GET /items/{code}`
pub(crate) async fn public_guide(State(desk): State<Desk>, Path(code): Path<String>) -> Result<Response, Problem> {
    let frame = Frame::public(&desk, String::new(), Tab::Items);
    show(&desk, frame, &code, None)
}

fn show(desk: &Desk, frame: Frame, code: &str, row: Option<proto::ItemRow>) -> Result<Response, Problem> {
    let (_, item) = desk.office().item(code, 0).ok_or_else(Problem::not_found)?;
    let name = |code: &sanji_domain::DepartmentCode| desk.office().department_name(code.as_str());
    let department = name(&item.department);
    let co_departments = item.co_departments.iter().map(name).collect::<Vec<_>>().join("、");
    page(&GuidePage { frame, item, department, co_departments, row })
}

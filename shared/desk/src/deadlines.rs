//! Deadlines that a new calendar has moved, and steps that were superseded and wait for a person.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use sanji_proto::v1 as proto;
use serde::Deserialize;

use crate::frame::{Frame, Tab};
use crate::guard::Person;
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::words;

/// Rows of one list.
const ROWS: u32 = 50;

#[derive(Template)]
#[template(path = "deadlines.html")]
struct DeadlinesPage {
    frame: Frame,
    moved: proto::ListMovedReply,
    superseded: Vec<proto::SupersededCase>,
    superseded_next: String,
}

/// From where on.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    moved: String,
    #[serde(default)]
    superseded: String,
}

/// `GET /desk/deadlines`
pub(crate) async fn show(
    State(desk): State<Desk>,
    Query(wanted): Query<Wanted>,
    person: Person,
) -> Result<Response, Problem> {
    let request = proto::ListMovedRequest { since_version: 0, limit: ROWS, after: wanted.moved };
    let moved = desk.office().moved_deadlines(&person.actor, request).await?;
    let request = proto::ListSupersededRequest { limit: ROWS, after: wanted.superseded };
    let superseded = desk.office().superseded(&person.actor, request).await?;
    let frame = Frame::staff(&desk, &person, Tab::Cases).await;
    page(&DeadlinesPage { frame, moved, superseded: superseded.cases, superseded_next: superseded.next })
}

/// An old and a new last day in words.
pub(crate) fn change(moved: &Option<proto::MovedDeadline>) -> String {
    let day = |day: u32| if day == 0 { "未定".to_owned() } else { words::day(&day) };
    moved.as_ref().map_or_else(|| "不变".to_owned(), |moved| format!("{} → {}", day(moved.old), day(moved.new)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_with_both_days() {
        let moved = |old, new| Some(proto::MovedDeadline { old, new });
        assert_eq!(change(&None), "不变");
        assert_eq!(change(&moved(0, 20_270_105)), "未定 → 2027年1月5日");
        assert_eq!(change(&moved(20_270_105, 20_270_106)), "2027年1月5日 → 2027年1月6日");
    }
}

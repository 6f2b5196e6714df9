//! The state of this station and its lines, in plain words.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use sanji_log::StationCode;
use sanji_proto::v1 as proto;

use crate::frame::{Frame, Tab};
use crate::guard::Person;
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::words;

#[derive(Template)]
#[template(path = "station.html")]
struct StationPage {
    frame: Frame,
    status: proto::StatusReply,
    /// The line up first.
    links: Vec<Line>,
    /// Logs that were refused, a sentence each.
    refused: Vec<String>,
}

struct Line {
    name: String,
    above: bool,
    status: proto::LinkStatus,
    offset: String,
}

/// `GET /desk/station`
pub(crate) async fn show(State(desk): State<Desk>, person: Person) -> Result<Response, Problem> {
    let frame = Frame::staff(&desk, &person, Tab::Station).await;
    let status = desk.office().status().await;
    let line = |status: &proto::LinkStatus, above: bool| Line {
        name: name(&desk, status.station),
        above,
        offset: offset(status.clock_offset_ms),
        status: status.clone(),
    };
    let links = status
        .upstream
        .iter()
        .map(|upstream| line(upstream, true))
        .chain(status.downstream.iter().map(|downstream| line(downstream, false)))
        .collect();
    let refused = status
        .refused
        .iter()
        .map(|log| {
            let home = log.log.as_ref().map(|log| name(&desk, log.home)).unwrap_or_default();
            format!("{home}：第{}条起（{}），{}", log.seq, log.reason, words::time(&log.time_ms))
        })
        .collect();
    page(&StationPage { frame, status, links, refused })
}

fn name(desk: &Desk, station: u64) -> String {
    StationCode::from_number(station).map(|code| desk.office().station_name(code)).unwrap_or_default()
}

/// The difference of two clocks: below two seconds nobody needs to care.
fn offset(offset_ms: i64) -> String {
    let seconds = offset_ms.unsigned_abs().div_ceil(1000);
    match offset_ms {
        _ if offset_ms.unsigned_abs() < 2000 => "正常".to_owned(),
        1.. => format!("对方快{seconds}秒"),
        _ => format!("对方慢{seconds}秒"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_compared_in_words() {
        assert_eq!(offset(0), "正常");
        assert_eq!(offset(-1999), "正常");
        assert_eq!(offset(90_000), "对方快90秒");
        assert_eq!(offset(-90_500), "对方慢91秒");
    }
}

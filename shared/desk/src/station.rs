//! The state of this station and its lines, in plain words.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use sanji_log::StationCode;
use sanji_proto::v1 as proto;

use crate::condition::{Said, clock};
use crate::frame::{Frame, Tab};
use crate::guard::Person;
use crate::problem::{Problem, page};
use crate::quarantine::why;
use crate::state::Desk;
use crate::words;

#[derive(Template)]
#[template(path = "station.html")]
struct StationPage {
    frame: Frame,
    status: proto::StatusReply,
    /// What this station says of itself.
    said: Said,
    /// The line up first.
    links: Vec<Line>,
    /// Logs that were refused, a sentence each.
    refused: Vec<String>,
    /// Data folders that run on two machines and nobody has decided on, a sentence each.
    cloned: Vec<String>,
    /// Whether the person may see what was set aside.
    looks_into_quarantine: bool,
    /// Whether the person looks after the stations of the district, and does it here.
    administers: bool,
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
            format!("{home}：第{}条起（{}），{}", log.seq, why(&log.reason), words::time(&log.time_ms))
        })
        .collect();
    let undecided = status.forks.iter().filter(|fork| fork.decided.is_empty());
    let cloned = undecided.map(|fork| cloned(&name(&desk, fork.station), fork));
    let cloned = cloned.collect();
    let looks_into_quarantine = person.actor.may_look_into_quarantine();
    let administers = administers(&desk, &person);
    let said = status.condition.as_ref().map_or_else(Said::default, |condition| Said::of(condition, status.clock_ms));
    page(&StationPage { frame, status, said, links, refused, cloned, looks_into_quarantine, administers })
}

/// Whether the person finds the register of stations at this desk.
pub(crate) fn administers(desk: &Desk, person: &Person) -> bool {
    desk.options().administration.is_some() && person.actor.administers_district()
}

fn name(desk: &Desk, station: u64) -> String {
    StationCode::from_number(station).map(|code| desk.office().station_name(code)).unwrap_or_default()
}

/// Two machines that write as one station.
fn cloned(station: &str, fork: &proto::Fork) -> String {
    let what = match fork.seq {
        0 => "有两台电脑轮流以该站点名义连接，请立即停用其中一台".to_owned(),
        seq => format!("有两台电脑各自办理，从第{seq}条记录起不一致，等待区中心裁定"),
    };
    format!("{station}：{what}（{}发现）", words::time(&fork.seen_ms))
}

/// The difference of two clocks, seen from this one.
fn offset(offset_ms: i64) -> String {
    let words = clock(offset_ms);
    if words == clock(0) { words } else { format!("对方{words}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_is_told_before_and_after_it_has_done_harm() {
        let fork = |seq| proto::Fork { seq, seen_ms: 1_782_869_400_000, ..proto::Fork::default() };
        assert!(cloned("赵家溪村", &fork(0)).starts_with("赵家溪村：有两台电脑轮流"));
        assert!(cloned("赵家溪村", &fork(12)).contains("从第12条记录起不一致"));
    }

    #[test]
    fn clocks_are_compared_in_words() {
        assert_eq!(offset(0), "正常");
        assert_eq!(offset(-1999), "正常");
        assert_eq!(offset(90_000), "对方快90秒");
        assert_eq!(offset(-90_500), "对方慢91秒");
    }
}

//! Delivery ticks (送达标记): which stations hold the newest entry of a case.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use sanji_log::{StationCode, Tier};
use sanji_proto::v1 as proto;

use crate::guard::Person;
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::words;

/// The ticks of one case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ticks {
    pub(crate) rev: u32,
    pub(crate) rows: Vec<Tick>,
    /// How far the case's files have come to this station; empty: all are here.
    pub(crate) files: String,
}

/// One station's tick.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    pub(crate) done: bool,
    /// ✓, ✓✓ or ✓✓✓ once done.
    pub(crate) marks: &'static str,
    pub(crate) words: &'static str,
    /// When the other station confirmed; empty: not yet, or this station.
    pub(crate) time: String,
}

impl Ticks {
    /// Ticks as they are seen at station `here` of a case that was opened at `home`.
    pub(crate) fn new(here: StationCode, home: u64, rev: u32, delivery: &proto::Delivery) -> Self {
        let home = StationCode::from_number(home).map_or(Tier::District, StationCode::tier);
        let mut rows = vec![Tick { done: true, marks: "✓", words: "已存本站", time: String::new() }];
        let others = [
            (Tier::Village, delivery.home_ms, "村站已收", "村站待收"),
            (Tier::Township, delivery.township_ms, "乡镇已收", "乡镇待收"),
            (Tier::District, delivery.district_ms, "区中心已收", "区中心待收"),
        ];
        let concerned = |tier: Tier| tier != here.tier() && tier <= home;
        for (tier, time_ms, done, waiting) in others {
            if !concerned(tier) {
                continue;
            }
            let time_ms = if tier == home { time_ms.max(delivery.home_ms) } else { time_ms };
            let marks = match (time_ms, tier) {
                (0, _) => "○",
                (_, Tier::District) => "✓✓✓",
                (_, Tier::Township | Tier::Village) => "✓✓",
            };
            let words = if time_ms == 0 { waiting } else { done };
            rows.push(Tick { done: time_ms != 0, marks, words, time: words::time(&time_ms) });
        }
        Self { rev, rows, files: String::new() }
    }

    /// Ticks of a case that is shown, with how far its files have come.
    pub(crate) fn of(here: StationCode, case: &proto::CaseView) -> Self {
        let ticks = Self::new(here, case.home, case.rev, &case.delivery.unwrap_or_default());
        Self { files: files(case), ..ticks }
    }

    /// The highest mark, for a row of a list.
    pub(crate) fn mark(&self) -> &'static str {
        self.rows.iter().filter(|tick| tick.done).map(|tick| tick.marks).max_by_key(|marks| marks.len()).unwrap_or("")
    }

    /// The mark in words, for people who don't see it.
    pub(crate) fn summary(&self) -> String {
        let words: Vec<_> = self.rows.iter().map(|tick| tick.words).collect();
        words.join("，")
    }
}

/// Files that are not here yet, in words.
fn files(case: &proto::CaseView) -> String {
    let all = || case.materials.iter().flat_map(|material| &material.attachments);
    let waiting = all().filter(|file| file.size_here < file.size).count();
    if waiting == 0 {
        return String::new();
    }
    let (here, size) = all().fold((0, 0), |(here, size), file| (here + file.size_here, size + file.size));
    format!("照片和扫描件还有{waiting}个没有到齐（{}／{}）", words::size(&here), words::size(&size))
}

#[derive(Template)]
#[template(path = "ticks.html")]
struct TicksFragment {
    ticks: Ticks,
}

/// `GET /desk/case/{number}/ticks`: the list alone, for a page that is open.
pub(crate) async fn fragment(
    State(desk): State<Desk>,
    person: Person,
    Path(number): Path<String>,
) -> Result<Response, Problem> {
    let request = proto::GetRequest { case_number: words::digits(&number), unmasked: false };
    let case = desk.office().case(&person.actor, request).await?;
    let ticks = Ticks::of(desk.station(), &case);
    page(&TicksFragment { ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VILLAGE: u64 = 990_106_101_203;
    const TOWNSHIP: u64 = 990_106_101_000;
    const DISTRICT: u64 = 990_106_000_000;

    fn rows(here: u64, home: u64, delivery: proto::Delivery) -> Vec<(&'static str, &'static str)> {
        let here = StationCode::from_number(here).unwrap_or_else(|_| unreachable!("a known code"));
        Ticks::new(here, home, 1, &delivery).rows.iter().map(|tick| (tick.marks, tick.words)).collect()
    }

    #[test]
    fn a_village_sees_its_case_travel_up() {
        let nowhere = proto::Delivery { here: true, ..Default::default() };
        assert_eq!(rows(VILLAGE, VILLAGE, nowhere), [("✓", "已存本站"), ("○", "乡镇待收"), ("○", "区中心待收")]);
        let everywhere = proto::Delivery { here: true, township_ms: 1, district_ms: 2, home_ms: 0 };
        assert_eq!(rows(VILLAGE, VILLAGE, everywhere), [("✓", "已存本站"), ("✓✓", "乡镇已收"), ("✓✓✓", "区中心已收")]);
    }

    #[test]
    fn files_that_are_on_their_way_are_counted() {
        let file = |size_here| proto::AttachmentView { size: 2 << 20, size_here, ..Default::default() };
        let materials =
            vec![proto::MaterialView { attachments: vec![file(2 << 20), file(1 << 20)], ..Default::default() }];
        let case = proto::CaseView { home: VILLAGE, materials, ..Default::default() };
        let here = StationCode::from_number(DISTRICT).unwrap_or_else(|_| unreachable!("a known code"));
        assert_eq!(Ticks::of(here, &case).files, "照片和扫描件还有1个没有到齐（3.0 MB／4.0 MB）");
        assert_eq!(Ticks::of(here, &proto::CaseView::default()).files, "");
    }

    #[test]
    fn stations_above_see_whether_the_answer_has_come_down() {
        let delivery = proto::Delivery { here: true, township_ms: 0, district_ms: 2, home_ms: 3 };
        assert_eq!(rows(TOWNSHIP, VILLAGE, delivery), [("✓", "已存本站"), ("✓✓", "村站已收"), ("✓✓✓", "区中心已收")]);
        assert_eq!(rows(DISTRICT, TOWNSHIP, delivery), [("✓", "已存本站"), ("✓✓", "乡镇已收")]);
        assert_eq!(rows(DISTRICT, DISTRICT, delivery), [("✓", "已存本站")]);
    }
}

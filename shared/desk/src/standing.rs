//! How a station of the district stands, in plain words: its state, its line, its clock, and what is to be done.

use sanji_log::{StationCode, Tier};
use sanji_proto::v1::{self as proto, StationState};

use crate::condition::{CLOCK_OFF_MS, Said, clock};
use crate::words;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// A station that was heard within this time needs nobody.
const QUIET_MS: u64 = DAY_MS;
/// The same of one that has no line, and whose files somebody carries.
const QUIET_BY_FILES_MS: u64 = 7 * DAY_MS;
/// The same of a village whose township passes on how it is: its agent is not there every day.
const QUIET_VILLAGE_MS: u64 = 3 * DAY_MS;
/// A certificate is renewed a month before it ends; one that ends so soon was not, or did not arrive.
const ENDS_SOON_MS: u64 = 14 * DAY_MS;
/// Until then after the hub's start stations that are well may not have come back: all of them try within half a minute, and
/// where they are many some are asked to wait. A link that has been up for so long has said how those below it are.
const START_MS: u64 = 2 * 60 * 1000;

/// What is known of a station and what is to be done about it, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) number: u64,
    /// The division code, twelve digits.
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) tier: &'static str,
    pub(crate) is_township: bool,
    /// Code of its township: its own, where it is one.
    pub(crate) township: Option<StationCode>,
    pub(crate) is: StationState,
    pub(crate) state: &'static str,
    /// Until when what was said of the state holds; empty: for good.
    pub(crate) until: String,
    /// Whether it is linked, or how; and when it was heard.
    pub(crate) line: &'static str,
    pub(crate) heard: String,
    pub(crate) offset: String,
    /// What it says of itself. None: it has not, or is not enrolled.
    pub(crate) said: Option<Said>,
    /// The day on which the certificate ends; empty: it has none.
    pub(crate) certificate: String,
    /// Where stations below reach its link; empty: unknown.
    pub(crate) link_address: String,
    /// What is to be done; empty: nothing.
    pub(crate) todo: String,
    /// Whether that is a trouble, and not the next step.
    pub(crate) urgent: bool,
    pub(crate) may_issue: bool,
    pub(crate) may_replace: bool,
    pub(crate) may_revoke: bool,
}

/// How a station stands, by what the hub knows; `carried_ms` is when the last bundle of the station was read. None: it
/// is no station.
pub(crate) fn standing(row: &proto::StationRow, hub: &proto::StatusReply, carried_ms: Option<u64>) -> Option<Standing> {
    let code = StationCode::from_number(row.station).ok()?;
    let (is, open, now) = (row.state(), row.code_until_ms != 0, hub.clock_ms);
    let is_township = code.tier() == Tier::Township;
    let link_of = |station: u64| hub.downstream.iter().find(|link| link.station == station);
    // A village that has lost its township comes here for a while, and goes back.
    let link = link_of(row.station).filter(|link| is_township || link.connected);
    let link_of_township = code.parent().filter(|_| !is_township).and_then(|township| link_of(township.number()));
    let said = hub.conditions_below.iter().find(|condition| condition.station == row.station);
    let said = said.filter(|_| is == StationState::Enrolled).map(|condition| Said::of(condition, now));
    let cloned = hub.forks.iter().any(|fork| fork.station == row.station && fork.decided.is_empty());
    let enrolled = is == StationState::Enrolled;
    let state = match (is, open) {
        (StationState::Unspecified, _) => "未开通",
        (StationState::Invited, true) => "已发注册码",
        (StationState::Invited, false) => "注册码已失效",
        (StationState::Enrolled, _) => "已开通",
        (StationState::Revoked, _) => "已吊销",
        (StationState::Ended, _) => "等待新电脑注册",
    };
    let until = if open { format!("注册码有效期至{}", words::time(&row.code_until_ms)) } else { String::new() };
    let linked_ms = link.map_or(0, |link| link.last_heard_ms);
    let said_ms = said.as_ref().map_or(0, |said| said.at_ms);
    // Where files came last, nobody waits for the line.
    let carried_ms = carried_ms
        .filter(|carried_ms| *carried_ms > linked_ms.max(said_ms) && !link.is_some_and(|link| link.connected));
    let line = match link.map(|link| link.connected) {
        _ if !enrolled => "—",
        _ if carried_ms.is_some() => "用离线包",
        Some(true) => "已连接",
        Some(false) => "未连接",
        None if is_township => "未连接",
        None => "经乡镇报送",
    };
    let heard_ms = carried_ms.unwrap_or(linked_ms.max(said_ms));
    let known = Known { row, link, link_of_township, carried_ms, said: said.as_ref(), cloned, hub };
    let (todo, urgent) = todo(&known);
    let of = |known: bool, words: String| if known { words } else { String::new() };
    Some(Standing {
        number: row.station,
        code: code.to_string(),
        name: row.name.clone(),
        tier: if is_township { "乡镇（街道）" } else { "村（社区）" },
        is_township,
        township: if is_township { Some(code) } else { code.parent() },
        is,
        state,
        until,
        line,
        heard: of(enrolled, words::time(&heard_ms)),
        offset: match link.filter(|link| enrolled && link.connected) {
            Some(link) => clock(link.clock_offset_ms),
            None => said.as_ref().map_or_else(String::new, |said| said.clock.clone()),
        },
        said,
        certificate: of(enrolled, words::day_of(&row.certificate_until_ms)),
        link_address: row.link_address.clone(),
        todo,
        urgent,
        may_issue: !enrolled,
        may_replace: enrolled,
        may_revoke: open || matches!(is, StationState::Enrolled | StationState::Ended),
    })
}

/// What is known of a station, beside what the register says.
struct Known<'a> {
    row: &'a proto::StationRow,
    link: Option<&'a proto::LinkStatus>,
    /// Its township's, of a village.
    link_of_township: Option<&'a proto::LinkStatus>,
    carried_ms: Option<u64>,
    said: Option<&'a Said>,
    cloned: bool,
    hub: &'a proto::StatusReply,
}

/// What is to be done about a station, and whether that is a trouble.
fn todo(known: &Known<'_>) -> (String, bool) {
    let trouble = |sentence: &str| (sentence.to_owned(), true);
    let step = |sentence: &str| (sentence.to_owned(), false);
    let (row, now_ms) = (known.row, known.hub.clock_ms);
    let open = row.code_until_ms != 0;
    match row.state() {
        StationState::Unspecified => return step("需要开通时，请发放注册码。"),
        StationState::Invited if open => return step("请站点输入注册码。"),
        StationState::Invited => return trouble("注册码没有使用，已过期或者已收回。需要开通的，请重新发放。"),
        StationState::Ended if open => return step("请站点在新电脑上输入注册码。"),
        StationState::Ended => return trouble("新电脑还没有注册，注册码已失效。请重新发放注册码。"),
        StationState::Revoked if open => return step("请站点输入注册码。"),
        StationState::Revoked => return step("恢复使用时，请发放注册码。"),
        StationState::Enrolled => {}
    }
    if known.cloned {
        return trouble("有两台电脑在用该站点的数据。请让站点立即停用其中一台，并联系系统维护人员。");
    }
    if row.certificate_until_ms < now_ms {
        return trouble("证书已过期。请站点开机联网；仍不能连接的，请按“更换电脑”重新注册。");
    }
    if row.certificate_until_ms < now_ms + ENDS_SOON_MS && !known.is_connected() {
        return trouble("证书快到期了。请站点尽快开机联网，证书会自动更新；没有线路的，请交换一次离线包。");
    }
    if let Some(silence) = silence(known) {
        return silence;
    }
    let is_clock_wrong = match known.link.filter(|link| link.connected) {
        Some(link) => link.clock_offset_ms.unsigned_abs() > CLOCK_OFF_MS,
        None => known.said.is_some_and(|said| said.is_clock_wrong),
    };
    if is_clock_wrong {
        return trouble("电脑时间不准。请站点核对本机时间，并设为自动对时。");
    }
    match known.said {
        Some(said) if !said.trouble.is_empty() => trouble(&said.trouble),
        Some(said) => step(&said.update(&known.hub.software)),
        // Whoever is linked says at once how it is, if it can.
        None if known.link.is_some_and(|link| is_settled(link, now_ms)) => {
            step("软件较旧，还不能报告磁盘、版本等情况。请在方便时安排升级。")
        }
        None => step(""),
    }
}

/// What is to be done about a station that is not heard; none where it is heard often enough.
fn silence(known: &Known<'_>) -> Option<(String, bool)> {
    let trouble = |sentence: &str| Some((sentence.to_owned(), true));
    let now_ms = known.hub.clock_ms;
    let ask = |days: u64| format!("已有{days}天没有联系。请电话询问站点是否开机、网络是否正常。");
    if let Some(carried_ms) = known.carried_ms {
        let quiet_ms = now_ms.saturating_sub(carried_ms);
        let days = quiet_ms / DAY_MS;
        let sentence = format!("已有{days}天没有带来离线包。请与站点联系，尽快交换一次。");
        return (quiet_ms > QUIET_BY_FILES_MS).then_some((sentence, true));
    }
    let Some(link) = known.link else {
        let is_township = StationCode::from_number(known.row.station).is_ok_and(|code| code.tier() == Tier::Township);
        if is_township {
            return match now_ms.saturating_sub(known.hub.started_ms) < START_MS {
                true => Some(("区中心刚刚启动，请等待站点自动连接。".to_owned(), false)),
                false => trouble("区中心本次启动以来没有联系过。请电话询问站点是否开机、网络是否正常。"),
            };
        }
        // While its township is away nobody can say how a village is, and a township that has just come back has yet to.
        let said = known.said.filter(|_| known.link_of_township.is_some_and(|link| is_settled(link, now_ms)))?;
        let quiet_ms = now_ms.saturating_sub(said.at_ms);
        return (quiet_ms > QUIET_VILLAGE_MS).then(|| (ask(quiet_ms / DAY_MS), true));
    };
    let quiet_ms = now_ms.saturating_sub(link.last_heard_ms);
    match link.connected {
        true => None,
        false if link.last_heard_ms == 0 => trouble("还没有联系过。请电话询问站点是否开机、网络是否正常。"),
        false => (quiet_ms > QUIET_MS).then(|| (ask(quiet_ms / DAY_MS), true)),
    }
}

/// Whether a link has been up for so long that the other station has said how it and those below it are.
fn is_settled(link: &proto::LinkStatus, now_ms: u64) -> bool {
    link.connected && now_ms.saturating_sub(link.since_ms) > START_MS
}

impl Known<'_> {
    fn is_connected(&self) -> bool {
        self.link.is_some_and(|link| link.connected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_782_869_400_000;
    const TOWNSHIP: u64 = 990_106_101_000;
    const VILLAGE: u64 = 990_106_101_203;

    fn row(station: u64, state: StationState) -> proto::StationRow {
        let certificate_until_ms = NOW_MS + 300 * DAY_MS;
        proto::StationRow { station, state: state.into(), certificate_until_ms, ..Default::default() }
    }

    fn link(connected: bool, heard_ms: u64, clock_offset_ms: i64) -> proto::LinkStatus {
        proto::LinkStatus {
            station: TOWNSHIP,
            connected,
            last_heard_ms: heard_ms,
            clock_offset_ms,
            ..Default::default()
        }
    }

    /// A station that was well so many milliseconds ago.
    fn said(station: u64, age_ms: u64) -> proto::StationCondition {
        proto::StationCondition {
            station,
            age_ms,
            writable: true,
            disk_free_bytes: 50 << 30,
            disk_total_bytes: 100 << 30,
            ..Default::default()
        }
    }

    fn told(row: &proto::StationRow, links: Vec<proto::LinkStatus>) -> Standing {
        let hub = proto::StatusReply { clock_ms: NOW_MS, downstream: links, ..Default::default() };
        standing(row, &hub, None).unwrap()
    }

    #[test]
    fn a_state_says_what_is_next_and_a_code_that_was_not_used_is_a_trouble() {
        for (state, open, words, todo, urgent) in [
            (StationState::Unspecified, false, "未开通", "发放注册码", false),
            (StationState::Invited, true, "已发注册码", "请站点输入", false),
            (StationState::Invited, false, "注册码已失效", "重新发放", true),
            (StationState::Ended, true, "等待新电脑注册", "新电脑上输入", false),
            (StationState::Ended, false, "等待新电脑注册", "重新发放", true),
            (StationState::Revoked, false, "已吊销", "恢复使用", false),
        ] {
            let code_until_ms = if open { NOW_MS + DAY_MS } else { 0 };
            let one = told(&proto::StationRow { code_until_ms, ..row(VILLAGE, state) }, Vec::new());
            assert_eq!((one.state, one.urgent, one.until.is_empty()), (words, urgent, !open), "{state:?}");
            assert!(one.todo.contains(todo), "{state:?}: {}", one.todo);
            assert!(one.may_issue && !one.may_replace && one.may_revoke == (open || state == StationState::Ended));
        }
    }

    #[test]
    fn of_a_station_that_works_nothing_is_asked() {
        let hub = || proto::StatusReply {
            clock_ms: NOW_MS,
            downstream: vec![link(true, NOW_MS, 1200)],
            conditions_below: vec![said(TOWNSHIP, 0)],
            ..Default::default()
        };
        let one = standing(&row(TOWNSHIP, StationState::Enrolled), &hub(), None).unwrap();
        assert_eq!((one.line, one.offset.as_str(), one.todo.as_str()), ("已连接", "正常", ""));
        assert!(!one.may_issue && one.may_replace && one.may_revoke && !one.urgent);
        let former = proto::LinkStatus { station: VILLAGE, ..link(false, 1, 0) };
        let village = told(&row(VILLAGE, StationState::Enrolled), vec![former]);
        assert_eq!((village.line, village.todo.as_str()), ("经乡镇报送", ""), "the hub hears nothing of it itself");
    }

    #[test]
    fn silence_a_wrong_clock_a_clone_and_an_old_certificate_are_troubles() {
        let enrolled = row(TOWNSHIP, StationState::Enrolled);
        for (link, words) in [
            (link(false, NOW_MS - 3 * DAY_MS, 0), "已有3天没有联系"),
            (link(false, 0, 0), "没有联系过"),
            (link(true, NOW_MS, -90_000), "时间不准"),
        ] {
            let one = told(&enrolled, vec![link]);
            assert!(one.urgent && one.todo.contains(words), "{words}: {}", one.todo);
        }
        assert_eq!(told(&enrolled, vec![link(false, NOW_MS - DAY_MS / 2, 90_000)]).todo, "");
        for (days, connected, words) in [(7, false, "快到期"), (7, true, ""), (40, false, "")] {
            let ending = proto::StationRow { certificate_until_ms: NOW_MS + days * DAY_MS, ..enrolled.clone() };
            let one = told(&ending, vec![link(connected, NOW_MS, 0)]);
            assert!(one.todo.contains(words) && one.urgent != words.is_empty(), "{days}: {}", one.todo);
        }
        let ended = proto::StationRow { certificate_until_ms: NOW_MS - 1, ..enrolled.clone() };
        assert!(told(&ended, Vec::new()).todo.contains("证书已过期"));
        assert!(told(&enrolled, Vec::new()).todo.contains("本次启动以来没有联系过"));
        for (minutes, urgent, todo) in [(1, false, "请等待站点自动连接"), (2, true, "没有联系过")] {
            let hub =
                proto::StatusReply { clock_ms: NOW_MS, started_ms: NOW_MS - minutes * 60_000, ..Default::default() };
            let one = standing(&enrolled, &hub, None).unwrap();
            assert!(one.urgent == urgent && one.todo.contains(todo), "{minutes}: {}", one.todo);
        }
        let fork = proto::Fork { station: TOWNSHIP, ..Default::default() };
        let hub = proto::StatusReply { clock_ms: NOW_MS, forks: vec![fork], ..Default::default() };
        assert!(standing(&enrolled, &hub, None).unwrap().todo.contains("两台电脑"));
    }

    #[test]
    fn of_a_station_without_a_line_the_last_bundle_counts() {
        let enrolled = row(TOWNSHIP, StationState::Enrolled);
        let hub = proto::StatusReply { clock_ms: NOW_MS, ..Default::default() };
        for (days, line, words) in [(2, "用离线包", ""), (9, "用离线包", "已有9天没有带来离线包")] {
            let one = standing(&enrolled, &hub, Some(NOW_MS - days * DAY_MS)).unwrap();
            assert!(one.line == line && one.todo.contains(words) && one.urgent != words.is_empty(), "{}", one.todo);
        }
        let hub = proto::StatusReply { downstream: vec![link(true, NOW_MS - 1, 0)], ..hub };
        assert_eq!(standing(&enrolled, &hub, Some(NOW_MS)).unwrap().line, "已连接");
    }

    #[test]
    fn a_village_is_seen_through_its_township() {
        let enrolled = row(VILLAGE, StationState::Enrolled);
        let hub = |condition, link| proto::StatusReply {
            clock_ms: NOW_MS,
            software: "0.2.0".to_owned(),
            downstream: vec![link],
            conditions_below: vec![condition],
            ..Default::default()
        };
        let township = || link(true, NOW_MS, 0);
        let one = standing(&enrolled, &hub(said(VILLAGE, 60_000), township()), None).unwrap();
        assert_eq!((one.line, one.heard.as_str(), one.todo.as_str()), ("经乡镇报送", "2026年7月1日 09:29", ""));
        let now = || link(true, NOW_MS, 0);
        let just_back = || proto::LinkStatus { since_ms: NOW_MS - START_MS, ..township() };
        for (days, link, words) in [
            (2, now(), ""),
            (5, now(), "已有5天没有联系"),
            (5, just_back(), ""),
            (5, link(false, NOW_MS - 60_000, 0), ""),
        ] {
            let one = standing(&enrolled, &hub(said(VILLAGE, days * DAY_MS + 1), link), None).unwrap();
            assert!(one.todo.contains(words) && one.urgent != words.is_empty(), "{days}: {}", one.todo);
        }
        let full = proto::StationCondition { disk_free_bytes: 1 << 20, ..said(VILLAGE, 0) };
        let fast = proto::StationCondition { clock_offset_ms: Some(90_000), ..said(VILLAGE, 0) };
        let old = proto::StationCondition { software: "0.1.0".to_owned(), ..said(VILLAGE, 0) };
        for (condition, urgent, words) in
            [(full, true, "磁盘只剩1.0 MB"), (fast, true, "时间不准"), (old, false, "比区中心的0.2.0版旧")]
        {
            let one = standing(&enrolled, &hub(condition, township()), None).unwrap();
            assert!(one.todo.contains(words) && one.urgent == urgent, "{words}: {}", one.todo);
        }
        let revoked = row(VILLAGE, StationState::Revoked);
        assert_eq!(standing(&revoked, &hub(said(VILLAGE, 0), township()), None).unwrap().said, None);
    }

    #[test]
    fn who_is_linked_and_says_nothing_has_old_software() {
        let enrolled = row(TOWNSHIP, StationState::Enrolled);
        for (since_ms, words) in [(NOW_MS - 60_000, ""), (NOW_MS - 10 * 60_000, "软件较旧")] {
            let one = told(&enrolled, vec![proto::LinkStatus { since_ms, ..link(true, NOW_MS, 0) }]);
            assert!(one.todo.contains(words) && !one.urgent && one.todo.is_empty() == words.is_empty(), "{}", one.todo);
        }
    }

    #[test]
    fn a_file_says_how_a_station_was_and_the_line_counts_once_it_is_newer() {
        let enrolled = row(VILLAGE, StationState::Enrolled);
        let hub = |age_ms| proto::StatusReply {
            clock_ms: NOW_MS,
            conditions_below: vec![proto::StationCondition { writable: false, ..said(VILLAGE, age_ms) }],
            ..Default::default()
        };
        for (age_ms, line) in [(3 * DAY_MS, "用离线包"), (60_000, "经乡镇报送")] {
            let one = standing(&enrolled, &hub(age_ms), Some(NOW_MS - 2 * DAY_MS)).unwrap();
            assert_eq!(one.line, line);
            assert!(one.urgent && one.todo.contains("不能保存"), "{}", one.todo);
        }
    }
}

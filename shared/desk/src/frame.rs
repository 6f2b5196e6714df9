//! What stands around every page: the station's name, the person, the state of the line, the menu.

use sanji_domain::Role;
use sanji_log::Tier;
use sanji_proto::v1 as proto;

use crate::guard::{Person, Visitor};
use crate::office::StationSummary;
use crate::state::Desk;
use crate::words;

/// Head and menu of a page.
pub(crate) struct Frame {
    pub(crate) station: String,
    pub(crate) district: String,
    /// None: nobody is logged in.
    pub(crate) person: Option<Signed>,
    /// Value for the hidden field of every form on the page.
    pub(crate) csrf: String,
    pub(crate) line: Option<Line>,
    /// The station's clock; 0 where nobody is logged in.
    pub(crate) clock_ms: u64,
    pub(crate) tab: Tab,
    /// Whether the person supervises.
    pub(crate) supervisor: bool,
    /// Whether the desk is the district's.
    pub(crate) is_district: bool,
    /// Whether the station has no line up: bundles carry what is done here, and nothing goes by itself.
    pub(crate) by_bundles: bool,
    /// Why the station takes nothing new, for good; none while its life goes on.
    pub(crate) over: Option<String>,
    /// Whether the page belongs to the public site.
    pub(crate) public: bool,
}

/// The person at the desk.
pub(crate) struct Signed {
    pub(crate) name: String,
    pub(crate) post: String,
}

/// The entry of the menu that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Cases,
    NewCase,
    Items,
    Bundles,
    Ledgers,
    Voucher,
    Alerts,
    Supervision,
    People,
    Station,
    /// 事务
    Matters,
    /// Of the public site: 投诉.
    Complain,
    /// Of the public site: 咨询.
    Answers,
    /// Of the public site: 公告.
    Notices,
    /// Of the public site: 调查.
    Surveys,
    None,
}

/// The state of the line, as of a time.
pub(crate) struct Line {
    /// Class of the strip: `up`, `down` or `stopped`.
    pub(crate) class: &'static str,
    pub(crate) words: String,
    /// "As of", in words.
    pub(crate) as_of: String,
    /// Whether the person is to go on to the page of bundles.
    pub(crate) to_bundles: bool,
}

impl Frame {
    /// A page for a member of staff.
    pub(crate) async fn staff(desk: &Desk, person: &Person, tab: Tab) -> Self {
        let (info, status) = (desk.office().info(), desk.office().status().await);
        let staff = &person.actor.staff;
        Self {
            person: Some(Signed { name: staff.name.clone(), post: staff.post.clone() }),
            csrf: person.csrf.clone(),
            line: Some(Line::new(&info, &status)),
            clock_ms: status.clock_ms,
            tab,
            supervisor: staff.roles.contains(&Role::Supervisor),
            ..Self::nobody(desk)
        }
    }

    /// The login page.
    pub(crate) fn visitor(desk: &Desk, visitor: &Visitor) -> Self {
        Self { csrf: visitor.csrf.clone(), ..Self::nobody(desk) }
    }

    /// A page of the public site.
    pub(crate) fn public(desk: &Desk, csrf: String, tab: Tab) -> Self {
        Self { csrf, public: true, tab, ..Self::nobody(desk) }
    }

    /// A page that knows nobody.
    pub(crate) fn nobody(desk: &Desk) -> Self {
        let info = desk.office().info();
        Self {
            station: words::official_name(&info.name, info.tier),
            district: info.district_name,
            person: None,
            csrf: String::new(),
            line: None,
            clock_ms: 0,
            tab: Tab::None,
            supervisor: false,
            is_district: info.tier == Tier::District,
            by_bundles: info.by_bundles,
            over: info.over,
            public: false,
        }
    }

    /// A page of a machine that is no station yet.
    pub(crate) fn first(csrf: String) -> Self {
        Self {
            station: "新站点".to_owned(),
            district: String::new(),
            person: None,
            csrf,
            line: None,
            clock_ms: 0,
            tab: Tab::None,
            supervisor: false,
            is_district: false,
            by_bundles: false,
            over: None,
            public: false,
        }
    }

    /// What became of something that was just done: nothing is above the district to which it could be sent, and without
    /// a line somebody has to carry it.
    pub(crate) fn saved(&self) -> &'static str {
        match (self.is_district, self.by_bundles) {
            (true, _) => "已存本站",
            (false, true) => "已存本站，待用离线包带到上级",
            (false, false) => "已存本站，将自动报送",
        }
    }

    /// `aria-current` of a menu entry.
    pub(crate) fn current(&self, tab: &str) -> &'static str {
        let open = match self.tab {
            Tab::Cases => "cases",
            Tab::NewCase => "new",
            Tab::Items => "items",
            Tab::Bundles => "bundles",
            Tab::Ledgers => "ledgers",
            Tab::Voucher => "voucher",
            Tab::Alerts => "alerts",
            Tab::Supervision => "supervision",
            Tab::People => "people",
            Tab::Station => "station",
            Tab::Matters => "matters",
            Tab::Complain => "complain",
            Tab::Answers => "answers",
            Tab::Notices => "notices",
            Tab::Surveys => "surveys",
            Tab::None => "",
        };
        if open == tab { " aria-current=\"page\"" } else { "" }
    }
}

impl Line {
    /// Says in plain words what the line means for the person's work.
    pub(crate) fn new(info: &StationSummary, status: &proto::StatusReply) -> Self {
        let now = words::time(&status.clock_ms);
        let say = |class, words: String| Self { class, words, as_of: now.clone(), to_bundles: false };
        // For good: whoever reads "for the moment" would ask the applicant to come again.
        if let Some(over) = &info.over {
            return say("stopped", over.clone());
        }
        if !status.writable {
            return say("stopped", format!("本站暂时不能保存新的办理，仍可查阅：{}", status.read_only_reason));
        }
        let Some(upstream) = status.upstream.as_ref().filter(|_| !info.by_bundles) else {
            if info.tier != Tier::District {
                return Self { to_bundles: true, ..Self::by_bundles(status.entries_unconfirmed, now) };
            }
            let connected = status.downstream.iter().filter(|link| link.connected).count();
            return say("up", format!("区中心运行正常，当前有{connected}个下级站点在线"));
        };
        // Also while the line is up: over it nothing more is done than to hand over what was written before.
        if let Some(words) = words::distrusted(upstream) {
            return say("stopped", words.to_owned());
        }
        if upstream.connected {
            let words = match status.entries_unconfirmed {
                0 => "与上级连接正常，本站数据已全部报送".to_owned(),
                waiting => format!("与上级连接正常，{waiting}条记录正在报送"),
            };
            return say("up", words);
        }
        let mut words = "线路中断，可照常办理，数据已存本站，待恢复后自动报送".to_owned();
        if status.entries_unconfirmed > 0 {
            words.push_str(&format!("（待报送{}条）", status.entries_unconfirmed));
        }
        let heard = match upstream.last_heard_ms {
            0 => now,
            last => format!("{now}，上次联系{}", words::time(&last)),
        };
        Self { class: "down", words, as_of: heard, to_bundles: false }
    }

    /// Without a line nothing is wrong, but what waits has to be carried.
    fn by_bundles(waiting: u64, as_of: String) -> Self {
        let (class, words) = match waiting {
            0 => ("up", "本站没有与上级的线路，用离线包（U盘）交换；上级已全部收到本站数据".to_owned()),
            waiting => (
                "down",
                format!("本站没有与上级的线路，可照常办理，数据已存本站；有{waiting}条记录待用离线包（U盘）带到上级"),
            ),
        };
        Self { class, words, as_of, to_bundles: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(tier: Tier) -> StationSummary {
        let code = match tier {
            Tier::District => 990_106_000_000,
            Tier::Township => 990_106_101_000,
            Tier::Village => 990_106_101_203,
        };
        StationSummary {
            code: sanji_log::StationCode::from_number(code).unwrap(),
            name: String::new(),
            tier,
            district_name: String::new(),
            read_only: None,
            over: None,
            by_bundles: false,
        }
    }

    fn line(status: &proto::StatusReply) -> (&'static str, String) {
        let line = Line::new(&info(Tier::Village), status);
        (line.class, line.words)
    }

    #[test]
    fn the_line_is_told_in_plain_words() {
        let upstream = proto::LinkStatus { connected: true, last_heard_ms: 1_783_017_000_000, ..Default::default() };
        let mut status = proto::StatusReply { writable: true, upstream: Some(upstream), ..Default::default() };
        assert_eq!(line(&status), ("up", "与上级连接正常，本站数据已全部报送".to_owned()));

        status.entries_unconfirmed = 3;
        status.upstream =
            Some(proto::LinkStatus { connected: false, last_heard_ms: 1_783_017_000_000, ..upstream_of(&status) });
        let (class, words) = line(&status);
        assert_eq!(class, "down");
        assert!(words.contains("可照常办理") && words.contains("待报送3条"), "{words}");
        assert!(Line::new(&info(Tier::Village), &status).as_of.contains("2026年7月3日 02:30"));

        let mut distrusted = status.clone();
        distrusted.upstream.as_mut().unwrap().set_distrust(proto::Distrust::Revoked);
        for connected in [false, true] {
            distrusted.upstream.as_mut().unwrap().connected = connected;
            assert!(line(&distrusted).1.contains("吊销") && line(&distrusted).0 == "stopped");
        }

        status.writable = false;
        "磁盘已满".clone_into(&mut status.read_only_reason);
        assert!(line(&status).1.contains("磁盘已满"));
    }

    #[test]
    fn a_station_without_a_line_is_told_what_waits_to_be_carried_and_nothing_of_sending() {
        let mut status = proto::StatusReply { writable: true, entries_unconfirmed: 12, ..Default::default() };
        for tier in [Tier::Village, Tier::Township] {
            let line = Line::new(&info(tier), &status);
            assert!(line.to_bundles && line.class == "down");
            assert!(line.words.contains("12条记录待用离线包") && !line.words.contains("自动"), "{}", line.words);
        }
        status.entries_unconfirmed = 0;
        let line = Line::new(&info(Tier::Village), &status);
        assert!(line.class == "up" && line.words.contains("已全部收到") && !line.words.contains("自动"));
        let district = Line::new(&info(Tier::District), &status);
        assert!(!district.to_bundles && district.words.contains("0个下级站点在线"));
    }

    #[test]
    fn a_life_that_is_over_is_not_told_as_something_that_passes() {
        let status = proto::StatusReply { read_only_reason: "磁盘已满".to_owned(), ..Default::default() };
        let over = Some("本站证书已被区中心吊销，不再受理和办理业务。".to_owned());
        let line = Line::new(&StationSummary { over: over.clone(), ..info(Tier::Village) }, &status);
        assert_eq!((line.class, Some(line.words)), ("stopped", over));
    }

    fn upstream_of(status: &proto::StatusReply) -> proto::LinkStatus {
        status.upstream.clone().unwrap_or_default()
    }
}

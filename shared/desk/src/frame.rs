//! What stands around every page: the station's name, the person, the state of the line, the menu.

use sanji_domain::Role;
use sanji_log::Tier;
use sanji_proto::v1 as proto;

use crate::guard::{Person, Visitor};
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
}

impl Frame {
    /// A page for a member of staff.
    pub(crate) async fn staff(desk: &Desk, person: &Person, tab: Tab) -> Self {
        let status = desk.office().status().await;
        let staff = &person.actor.staff;
        Self {
            person: Some(Signed { name: staff.name.clone(), post: staff.post.clone() }),
            csrf: person.csrf.clone(),
            line: Some(Line::new(&status, desk.station().tier())),
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
            public: false,
        }
    }

    /// What became of something that was just done: nothing is above the district to which it could be sent.
    pub(crate) fn saved(&self) -> &'static str {
        if self.is_district { "已存本站" } else { "已存本站，将自动报送" }
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
    pub(crate) fn new(status: &proto::StatusReply, tier: Tier) -> Self {
        let now = words::time(&status.clock_ms);
        if !status.writable {
            let words = format!("本站暂时不能保存新的办理，仍可查阅：{}", status.read_only_reason);
            return Self { class: "stopped", words, as_of: now };
        }
        let Some(upstream) = &status.upstream else {
            let connected = status.downstream.iter().filter(|link| link.connected).count();
            let words = if tier == Tier::District {
                format!("区中心运行正常，当前有{connected}个下级站点在线")
            } else {
                "本站未与上级连线，可照常办理，数据已存本站；连线后自动报送，也可用离线包（U盘）带去".to_owned()
            };
            let class = if tier == Tier::District { "up" } else { "down" };
            return Self { class, words, as_of: now };
        };
        // Also while the line is up: over it nothing more is done than to hand over what was written before.
        if let Some(words) = words::distrusted(upstream) {
            return Self { class: "stopped", words: words.to_owned(), as_of: now };
        }
        if upstream.connected {
            let words = match status.entries_unconfirmed {
                0 => "与上级连接正常，本站数据已全部报送".to_owned(),
                waiting => format!("与上级连接正常，{waiting}条记录正在报送"),
            };
            return Self { class: "up", words, as_of: now };
        }
        let mut words = "线路中断，可照常办理，数据已存本站，待恢复后自动报送".to_owned();
        if status.entries_unconfirmed > 0 {
            words.push_str(&format!("（待报送{}条）", status.entries_unconfirmed));
        }
        let heard = match upstream.last_heard_ms {
            0 => now,
            last => format!("{now}，上次联系{}", words::time(&last)),
        };
        Self { class: "down", words, as_of: heard }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(status: &proto::StatusReply) -> (&'static str, String) {
        let line = Line::new(status, Tier::Village);
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
        assert!(Line::new(&status, Tier::Village).as_of.contains("2026年7月3日 02:30"));

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

    fn upstream_of(status: &proto::StatusReply) -> proto::LinkStatus {
        status.upstream.clone().unwrap_or_default()
    }
}

//! 公告 and 通报: published by the district or a township in its public log, shown for a period. A 公告 is for
//! everybody; a 通报 for the staff of the stations that hold the log, which are those below.

use std::collections::BTreeMap;

use jiff::civil::Date;
use prost::Message;
use sanji_log::{Entry, Hash, HybridTime, RequestId, StationCode};
use sanji_proto::v1 as proto;

use super::complaint::{fault, input_fault};
use super::context::MatterContext;
use crate::calendar::{date_number, date_of_number};
use crate::case::input::{LONGEST_NAME, required};
use crate::case::numbered::numbered;
use crate::case::{Refusal, RefusalCode};
use crate::organisation::Role;

/// Longest text, in characters.
const LONGEST_NOTICE: usize = 10_000;
/// Whoever publishes.
const PUBLISHES: &[Role] = &[Role::Administrator, Role::Supervisor];

numbered! {
    /// Whom a notice is for.
    pub enum NoticeKind {
        /// Everybody.
        Public = 1 "公告",
        /// The staff.
        Circular = 2 "通报",
    }
}

/// A notice as its latest entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Chosen by whoever published it.
    pub id: RequestId,
    /// Whom it is for.
    pub kind: NoticeKind,
    /// One line.
    pub title: String,
    /// All of it.
    pub text: String,
    /// First day.
    pub from: Date,
    /// Last day.
    pub until: Date,
    /// Taken back.
    pub withdrawn: bool,
    /// Who published it.
    pub actor_name: String,
    /// The station that says so.
    pub station: StationCode,
    /// When it was said last, and the entry.
    pub said: (HybridTime, Hash),
}

impl Notice {
    /// Whether it is shown on a day.
    #[must_use]
    pub fn is_shown(&self, today: Date) -> bool {
        !self.withdrawn && self.from <= today && today <= self.until
    }

    /// The body of its entry.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        proto::Notice {
            id: self.id.0.to_vec(),
            kind: self.kind.number(),
            title: self.title.clone(),
            text: self.text.clone(),
            from: date_number(self.from),
            until: date_number(self.until),
            withdrawn: self.withdrawn,
            actor_name: self.actor_name.clone(),
        }
        .encode_to_vec()
    }

    /// Reads an entry. None: it is no notice, or not its own station's.
    #[must_use]
    pub fn read(entry: &Entry, writer: StationCode) -> Option<Self> {
        if entry.kind != proto::Kind::Notice as u32 || writer != entry.log.home {
            return None;
        }
        let message = proto::Notice::decode(entry.body.clone()).ok()?;
        Some(Self {
            id: RequestId::try_from(message.id.as_slice()).ok()?,
            kind: NoticeKind::from_number(message.kind),
            title: message.title,
            text: message.text,
            from: date_of_number(message.from)?,
            until: date_of_number(message.until)?,
            withdrawn: message.withdrawn,
            actor_name: message.actor_name,
            station: writer,
            said: (entry.time, entry.hash),
        })
    }
}

/// All notices that are held: of each the latest entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notices(BTreeMap<(StationCode, RequestId), Notice>);

impl Notices {
    /// Takes a notice in, in any order. Whether it is the latest of its id.
    pub fn take(&mut self, notice: Notice) -> bool {
        let place = (notice.station, notice.id);
        if self.0.get(&place).is_some_and(|known| known.said >= notice.said) {
            return false;
        }
        self.0.insert(place, notice);
        true
    }

    /// Every one, newest first.
    #[must_use]
    pub fn all(&self) -> Vec<&Notice> {
        let mut all: Vec<&Notice> = self.0.values().collect();
        all.sort_by_key(|notice| std::cmp::Reverse((notice.from, notice.said)));
        all
    }

    /// One of a station.
    #[must_use]
    pub fn get(&self, station: StationCode, id: &RequestId) -> Option<&Notice> {
        self.0.get(&(station, *id))
    }
}

/// What somebody wants to publish.
#[derive(Debug, Clone)]
pub struct NoticeInput {
    /// Chosen by the caller, so that a notice that is sent twice is published once.
    pub id: RequestId,
    /// Whom it is for.
    pub kind: NoticeKind,
    /// One line.
    pub title: String,
    /// All of it.
    pub text: String,
    /// First day; none: not a day.
    pub from: Option<Date>,
    /// Last day; none: not a day.
    pub until: Option<Date>,
}

/// Publishes a notice of this station. `said` is filled in where it is written.
///
/// # Errors
/// A refusal that says what is missing, or that the person may not.
pub fn publish(input: NoticeInput, context: &MatterContext<'_>) -> Result<Notice, Refusal> {
    let staff = context.with_role(PUBLISHES, "公告和通报由管理员或监察人员发布。")?;
    if input.kind == NoticeKind::Unknown {
        return Err(fault("kind", "请选择公告（对外）或通报（对内）。"));
    }
    let title = required(&input.title, "title", LONGEST_NAME, || input_fault("请填写标题。"))?;
    let text = required(&input.text, "text", LONGEST_NOTICE, || input_fault("请填写正文。"))?;
    let (Some(from), Some(until)) = (input.from, input.until) else {
        return Err(fault("until", "请填写公布的起止日期。"));
    };
    if until < from || until < context.today() {
        return Err(fault("until", "截止日期不能早于开始日期，也不能早于今天。"));
    }
    Ok(Notice {
        id: input.id,
        kind: input.kind,
        title,
        text,
        from,
        until,
        withdrawn: false,
        actor_name: staff.name.clone(),
        station: context.station,
        said: (HybridTime::default(), Hash([0; 32])),
    })
}

/// Takes a notice of this station back.
///
/// # Errors
/// A refusal where the person may not, or it is another station's or back already.
pub fn withdraw(notice: &Notice, context: &MatterContext<'_>) -> Result<Notice, Refusal> {
    let staff = context.with_role(PUBLISHES, "公告和通报由管理员或监察人员撤下。")?;
    if notice.station != context.station {
        return Err(Refusal::new(RefusalCode::NotCompetent, "只能撤下本站发布的公告或通报。"));
    }
    if notice.withdrawn {
        return Err(Refusal::new(RefusalCode::AlreadyDone, "这份公告或通报已经撤下。"));
    }
    Ok(Notice { withdrawn: true, actor_name: staff.name.clone(), ..notice.clone() })
}

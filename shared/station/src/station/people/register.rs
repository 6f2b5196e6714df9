//! The register of stations, and what a township has to send up.

use std::collections::BTreeSet;

use sanji_domain::calendar::{date_number, local_date};
use sanji_domain::case::{self, Case, Sight, may_see, offers};
use sanji_domain::organisation::{Role, Seat, StationInfo};
use sanji_domain::{Item, StageTier};
use sanji_log::{StationCode, Tier};
use sanji_proto::v1 as proto;

use super::not_entitled;
use crate::core::rows::{Work, case_of_work_key, shelves};
use crate::core::{Reader, ReferenceData, context};
use crate::error::{Error, Failure, store, stored};
use crate::station::{Actor, Station};

/// Most cases that the list of what goes up looks at.
const LOOKED_AT_MAX: usize = 5000;
const PAGE: usize = 500;
/// Services that the register names; it counts all.
const NAMED_MAX: usize = 60;

impl Station {
    /// What is known of each station of this one's scope and line.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the store can't be read.
    pub async fn station_register(&self) -> Result<proto::StationRegisterReply, Failure> {
        let reference = self.reference();
        self.read(move |reader| {
            let Some(organisation) = reference.organisation() else { return Err(Failure::NotHereYet) };
            let me = reader.me();
            let shown = organisation.stations().filter(|info| info.code.within(me) || me.within(info.code));
            let stations = shown.map(|info| registered(reader, &reference, info)).collect::<Result<_, Error>>()?;
            Ok(proto::StationRegisterReply { stations })
        })
        .await
    }

    /// 全程代办: the cases of a township that are decided at the district or above, with where they stand. For its
    /// full-course agent, and for those of its centre who see them anyway.
    ///
    /// # Errors
    /// [`Failure::Refused`] elsewhere than at a township.
    pub async fn upward_cases(
        &self,
        actor: &Actor,
        request: proto::UpwardCasesRequest,
    ) -> Result<proto::UpwardCasesReply, Failure> {
        if self.reader().me().tier() != Tier::Township {
            return Err(not_entitled("全程代办清单由乡镇（街道）便民服务中心使用。"));
        }
        let roles = [Role::FullCourseAgent, Role::Window, Role::Approver, Role::Reviewer, Role::Supervisor];
        if !actor.staff.roles.iter().any(|role| roles.contains(role)) {
            return Err(not_entitled("全程代办清单由全程代办员和中心工作人员查看，您没有这项权限。"));
        }
        let (staff, now) = (actor.staff.clone(), self.now_ms());
        self.read(move |reader| {
            let mut cases = upward(reader, &staff, Work::Open, now)?;
            if request.closed {
                cases.extend(upward(reader, &staff, Work::Closed, now)?);
            }
            Ok(proto::UpwardCasesReply { cases })
        })
        .await
    }
}

fn registered(
    reader: &Reader,
    reference: &ReferenceData,
    info: &StationInfo,
) -> Result<proto::RegisteredStation, Error> {
    let lives: Vec<_> = reference.keys().iter().filter(|(_, life)| life.station == info.code).collect();
    let state = match (lives.is_empty(), lives.iter().any(|(_, life)| life.is_living())) {
        (true, _) => "未启用",
        (false, true) => "运行中",
        (false, false) => "已停用",
    };
    let mut last_activity_ms = 0;
    for head in reader.store().have().heads().filter(|head| lives.iter().any(|(key, _)| **key == head.log.key)) {
        if let Some(bytes) = reader.store().entry(&head.log, head.seq).map_err(store("read an entry"))? {
            last_activity_ms = last_activity_ms.max(bytes.decode().map_err(stored("entry"))?.time.millis());
        }
    }
    let here = reference.all_staff().values().filter(|entry| entry.staff.place == info.code && !entry.inactive);
    let leads = here.filter(|entry| match info.code.tier() {
        Tier::Village => entry.staff.roles.contains(&Role::Agent),
        Tier::Township => entry.staff.roles.contains(&Role::Approver) && entry.staff.seat == Some(Seat::A),
        Tier::District => entry.staff.roles.contains(&Role::JointCoordinator),
    });
    let people = leads.map(|entry| format!("{}（{}）", entry.staff.name, entry.staff.post)).collect();
    let services: Vec<&Item> =
        reference.catalogue().iter().map(|(_, item)| item).filter(|item| offers(item, info.code.tier())).collect();
    Ok(proto::RegisteredStation {
        station: info.code.number(),
        name: uniform_name(&info.full_name, info.code.tier()),
        kind: info.kind.to_string(),
        state: state.to_owned(),
        last_activity_ms,
        opening_hours: info.open.clone().unwrap_or_default(),
        link: info.link.map(|link| link.to_string()).unwrap_or_default(),
        people,
        services: u32::try_from(services.len()).unwrap_or(u32::MAX),
        service_names: services.iter().take(NAMED_MAX).map(|item| item.short_name.clone()).collect(),
    })
}

/// 统一名称标识
fn uniform_name(place: &str, tier: Tier) -> String {
    let office = match tier {
        Tier::Village => "便民服务站",
        Tier::Township => "便民服务中心",
        Tier::District => "政务服务中心",
    };
    format!("{place}{office}")
}

fn upward(
    reader: &Reader,
    staff: &sanji_domain::Staff,
    work: Work,
    now: u64,
) -> Result<Vec<proto::UpwardCase>, Failure> {
    let reference = reader.reference();
    let standing = reader.standing(&reference, staff, now);
    let context = context(&reference, reader.me(), staff, &standing, now)?;
    let mut found = Vec::new();
    let lists: BTreeSet<Vec<u8>> = shelves(reader, work, |_| true);
    for list in lists {
        let mut after: Option<Vec<u8>> = None;
        for _ in 0..LOOKED_AT_MAX / PAGE {
            let page =
                reader.indexed()?.rows(&list, after.as_deref(), true, PAGE).map_err(store("read a work list"))?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, _) in page {
                let case = match case_of_work_key(&key) {
                    Some(id) => reader.case(&id)?,
                    None => None,
                };
                let Some(case) = case.filter(|case| may_see(case, &context) != Sight::None) else { continue };
                found.extend(goes_up(reader, &reference, &case, now));
            }
        }
    }
    Ok(found)
}

/// A case that a higher station decides; none where it is finished below.
fn goes_up(reader: &Reader, reference: &ReferenceData, case: &Case, now_ms: u64) -> Option<proto::UpwardCase> {
    let (code, version) = case.item()?;
    let item = reference.catalogue().get(code, version)?;
    if !matches!(item.decide_tier, StageTier::District | StageTier::Higher) {
        return None;
    }
    let holder = case.holder()?;
    let above = |station: StationCode| station != reader.me() && reader.me().within(station);
    let was_above = case.steps().any(|facts| above(facts.body.holder));
    let progress = match (above(holder), was_above) {
        (true, _) => "已报送",
        (false, true) => "已返回",
        (false, false) => "未报送",
    };
    let today = local_date(i64::try_from(now_ms).unwrap_or(i64::MAX));
    let clock =
        reference.defaults().map(|defaults| case::case_clock(case, item, reference.calendar(), defaults, today));
    Some(proto::UpwardCase {
        case_number: case.id().number().to_string(),
        item_name: item.name.clone(),
        state: case.state().words().to_owned(),
        stage_name: case.stage().and_then(|id| item.stage(id)).map(|stage| stage.name.clone()).unwrap_or_default(),
        holder_name: reference.station_name(holder),
        decided_by: item.decide_tier.to_string(),
        submitted_ms: case.submitted_at().map_or(0, |time| time.millis()),
        stage_until: clock.and_then(|clock| clock.stage_until).map_or(0, date_number),
        progress: progress.to_owned(),
    })
}

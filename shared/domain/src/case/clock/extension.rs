//! Extension of the limits: by how much an item allows it, who approves it, and which extension counts.
//!
//! An extension is said beside the route, since whoever approves it need not sit where the case is. It counts if it was
//! written, and the applicant told, before the promise had ended; of several only the first counts.

use jiff::civil::Date;
use sanji_log::Tier;

use super::{Notes, Reading};
use crate::calendar::local_date;
use crate::case::body::{Extended, SideEvent};
use crate::catalogue::{CaseType, Defaults, Item};
use crate::limit::Limit;
use crate::organisation::{Role, StageTier};

/// Words by which the catalogue says that a government approves.
const GOVERNMENT: &str = "人民政府负责人";
const ART_42: &str = "《行政许可法》第四十二条";

/// By how much the limits of an item may be extended, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionRule {
    /// By how much.
    pub limit: Limit,
    /// Who approves it, in the catalogue's words.
    pub approver: String,
    /// On what ground; empty: none is named.
    pub ground: String,
    /// The role that records it.
    pub role: Role,
    /// A government above the office approves it, so that the number of its approval is needed.
    pub by_government: bool,
    /// Title and article.
    pub basis: String,
}

/// The rule of an item: its own, or for joint items the common one. None: its limits can't be extended.
///
/// The head of an office is its approver or chief representative; they sit where the item is decided. What the
/// district's government approves the coordinator of the hall records; a township's approver signs for its government.
#[must_use]
pub fn extension_rule(item: &Item, defaults: &Defaults) -> Option<ExtensionRule> {
    let joint = item.case_type == CaseType::Joint;
    let (limit, approver, ground) = match &item.limits.extension {
        Some(own) => (own.limit, own.approver.clone(), own.reason.clone()),
        None if joint => {
            let (limit, approver) = defaults.joint.extension.clone()?;
            (limit, approver, String::new())
        }
        None => return None,
    };
    let of_district = item.decide_tier != StageTier::Township && item.decide_tier != StageTier::Village;
    let by_government = approver.contains(GOVERNMENT) && of_district;
    let role = if by_government { Role::JointCoordinator } else { Role::Approver };
    let law = item.limits.extension.as_ref().and(item.legal_basis.first());
    let basis = match law {
        // The item's file says which article of which law allows it, or stands on the general one.
        Some(law) if !ground.contains("行政许可法") => format!("《{}》", law.title),
        _ if joint => format!("{ART_42}第二款"),
        _ => format!("{ART_42}第一款"),
    };
    Some(ExtensionRule { limit, approver, ground, role, by_government, basis })
}

impl ExtensionRule {
    /// The tier of the station where whoever records it sits.
    #[must_use]
    pub fn tier(&self, item: &Item) -> Tier {
        if self.by_government {
            return Tier::District;
        }
        item.decide_tier.station_tier().unwrap_or(Tier::District)
    }
}

impl<'a> Reading<'a> {
    /// The extension that counts. `until` gives the promise without it, as it was known on a day.
    pub(super) fn extension(&self, until: impl Fn(Date) -> Option<Date>) -> Option<(&'a Extended, Limit)> {
        let rule = extension_rule(self.item, self.defaults)?;
        let notes = Notes::of(self.case);
        let said = self.case.sides().filter_map(|facts| match &facts.body.event {
            SideEvent::Extended(extended) => {
                let time_ms = notes.time(&facts.hash, facts.time, facts.writer);
                Some((time_ms, facts.hash, extended))
            }
            _ => None,
        });
        let in_time = said.filter(|(time_ms, _, extended)| {
            let day = local_date(i64::try_from(*time_ms).unwrap_or(i64::MAX));
            until(day).is_none_or(|until| day <= until && extended.told_on <= until)
        });
        let (_, _, first) = in_time.min_by_key(|(time_ms, hash, _)| (*time_ms, *hash))?;
        // Never by more than the item allows, whatever a station of another release has written.
        let days =
            if first.limit.unit == rule.limit.unit { first.limit.days.min(rule.limit.days) } else { rule.limit.days };
        Some((first, Limit { days, unit: rule.limit.unit }))
    }
}

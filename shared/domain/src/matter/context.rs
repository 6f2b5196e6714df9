//! Who acts on a matter, where, when.

use jiff::civil::Date;
use sanji_log::{StationCode, Tier};

use super::{MatterKind, complaint, rectification, sight, survey};
use crate::calendar::local_date;
use crate::case::{ActorFacts, Reference, Refusal, RefusalCode};
use crate::organisation::{Role, Staff};

/// Whether a member of staff opens matters of a kind. What is said in one is checked when it is opened.
#[must_use]
pub fn may_open(kind: MatterKind, staff: &Staff) -> bool {
    let (roles, here) = match kind {
        MatterKind::Complaint | MatterKind::Letter => (complaint::TAKES_DOWN, true),
        MatterKind::Question => (sight::OFFICE_ROLES, true),
        MatterKind::Rectification => (rectification::ISSUES, true),
        MatterKind::Survey => (survey::PUBLISHES, staff.place.tier() == Tier::District),
    };
    here && staff.roles.iter().any(|role| roles.contains(role))
}

/// Who acts, where, when.
#[derive(Debug, Clone, Copy)]
pub struct MatterContext<'a> {
    /// The station's clock, in milliseconds since 1970-01-01 UTC.
    pub now_ms: u64,
    /// The station where it happens.
    pub station: StationCode,
    /// The member of staff; none: somebody of the public.
    pub actor: Option<&'a Staff>,
    /// The district's data.
    pub reference: Reference<'a>,
}

impl<'a> MatterContext<'a> {
    /// The day in China.
    #[must_use]
    pub fn today(&self) -> Date {
        local_date(i64::try_from(self.now_ms).unwrap_or(i64::MAX))
    }

    /// The member of staff, where one of these roles is theirs.
    pub(super) fn with_role(&self, roles: &[Role], sentence: &str) -> Result<&'a Staff, Refusal> {
        self.actor
            .filter(|staff| staff.place == self.station && staff.roles.iter().any(|role| roles.contains(role)))
            .ok_or_else(|| Refusal::new(RefusalCode::NotEntitled, sentence))
    }

    /// The acting person as they stand now; the role is the first of those that count.
    pub(super) fn facts(&self, roles: &[Role]) -> ActorFacts {
        let Some(staff) = self.actor else { return ActorFacts::default() };
        let role = roles.iter().find(|role| staff.roles.contains(role)).or(staff.roles.first());
        ActorFacts {
            name: staff.name.clone(),
            department: staff.department.to_string(),
            role: role.map(ToString::to_string).unwrap_or_default(),
            acting_for: String::new(),
        }
    }
}

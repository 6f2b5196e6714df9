//! Who acts in a stage: the tier and the role.

use sanji_log::Tier;

use crate::term::terms;

terms! {
    /// The level that acts in a stage or that a member of staff belongs to.
    pub enum StageTier ("层级") {
        /// A village station.
        Village = "村",
        /// A township centre.
        Township = "乡镇",
        /// The district hall and the district's departments.
        District = "区县",
        /// City and province: they don't log in here; the station that sent the case up records their answer.
        Higher = "上级",
    }
}

impl StageTier {
    /// The tier of the station that acts; none above the district.
    #[must_use]
    pub fn station_tier(self) -> Option<Tier> {
        match self {
            Self::Village => Some(Tier::Village),
            Self::Township => Some(Tier::Township),
            Self::District => Some(Tier::District),
            Self::Higher => None,
        }
    }
}

impl From<Tier> for StageTier {
    fn from(tier: Tier) -> Self {
        match tier {
            Tier::Village => Self::Village,
            Tier::Township => Self::Township,
            Tier::District => Self::District,
        }
    }
}

terms! {
    /// What a person may do, after `roles.toml`.
    pub enum Role ("岗位角色") {
        /// A resident or a firm: sees their own cases.
        Applicant = "申请人",
        /// Registers and submits for residents at a village station.
        Agent = "代办员",
        /// Follows a township's cases at the district and above.
        FullCourseAgent = "全程代办",
        /// Accepts, refuses, asks for corrections, delivers.
        Window = "窗口受理",
        /// Examines material and conditions.
        Reviewer = "审核",
        /// Heads a department's window, in seat A or B.
        ChiefRepresentative = "首席代表",
        /// Decides.
        Approver = "审批",
        /// Brings the departments of a joint case together.
        JointCoordinator = "联办协调",
        /// Records payments.
        Cashier = "收费",
        /// Handles complaints.
        ComplaintDesk = "投诉受理",
        /// Watches limits, procedure and fees.
        Supervisor = "监察",
        /// City, province, appraisers, banks.
        HigherAuthority = "上级机关",
        /// Keeps organisation, staff, catalogue and nodes; sees no case.
        Administrator = "管理员",
    }
}

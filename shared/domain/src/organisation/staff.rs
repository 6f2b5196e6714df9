//! Members of staff.

use sanji_log::StationCode;
use serde::{Deserialize, Serialize};

use crate::code::{DepartmentCode, StaffId};
use crate::organisation::{Role, StageTier};
use crate::term::terms;

terms! {
    /// The seat of a chief representative: B acts with the same powers while A is away, on record.
    pub enum Seat ("A、B角") {
        /// The deputy head of the department.
        A = "A",
        /// The head of the window.
        B = "B",
    }
}

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    /// The person's id.
    pub id: StaffId,
    /// The person's name.
    pub name: String,
    /// What they may do; never two roles that exclude each other.
    pub roles: Vec<Role>,
    /// Their post, in words.
    pub post: String,
    /// The level they belong to.
    pub tier: StageTier,
    /// Their department.
    pub department: DepartmentCode,
    /// The station where they work.
    pub place: StationCode,
    /// Seat A or B of a chief representative.
    pub seat: Option<Seat>,
    /// Who stands in for them.
    pub backup: Option<StaffId>,
}

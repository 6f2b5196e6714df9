//! What people see. Every look asks the domain first who may see what; numbers and names are masked unless asked
//! for otherwise.
//!
//! | module | shows |
//! | --- | --- |
//! | `assessment`, `assessment_file` | scores and grades, on the screen and for the personnel office |
//! | `case` | one case |
//! | `delivery` | the ticks: which stations hold its newest entries |
//! | `fees` | payment notices |
//! | `list` | work lists and the catalogue |
//! | `timing` | a case's clock: ledger, open stages, superseded steps |
//! | `deadlines` | deadlines that moved; superseded steps that wait |
//! | `query` | what an applicant may know |
//! | `matter` | one matter and lists of them |
//! | `matter_public`, `openings` | what the public may know of matters, and how many it may open |

mod assessment;
mod assessment_file;
mod case;
mod deadlines;
mod delivery;
mod fees;
mod flow;
mod list;
mod matter;
mod matter_public;
mod openings;
mod query;
mod timing;

use std::sync::Arc;

use sanji_domain::case::{Case, Sight, may_see};
use sanji_domain::organisation::Staff;
use sanji_log::{CaseId, CaseNumber};

pub use assessment_file::assessment_file;
pub use case::Look;
pub(crate) use case::{attachment_names, clock, item_of, names_attachment, refers_to};
pub(crate) use delivery::delivery;
pub(crate) use list::looks_at;
pub(crate) use matter::{against_unit, department_name, matter_attachment, matter_context};
pub(crate) use openings::Openings;
pub use query::WrongCodes;

use crate::core::{Reader, context};
use crate::error::Failure;

/// The case of a number that a person may see, and how much of it.
pub(crate) fn find(
    reader: &Reader,
    staff: &Staff,
    number: &CaseNumber,
    now_ms: u64,
) -> Result<(Arc<Case>, Sight), Failure> {
    let reference = reader.reference();
    let standing = reader.standing(&reference, staff, now_ms);
    let context = context(&reference, reader.me(), staff, &standing, now_ms)?;
    for id in reader.find(number)? {
        let Some(case) = reader.case(&id)? else { continue };
        let sight = may_see(&case, &context);
        if sight != Sight::None {
            return Ok((case, sight));
        }
    }
    Err(Failure::NotFound)
}

/// A case, where the person may see that it exists.
pub(crate) fn visible(reader: &Reader, staff: &Staff, id: &CaseId, now_ms: u64) -> Result<Option<Arc<Case>>, Failure> {
    let reference = reader.reference();
    let standing = reader.standing(&reference, staff, now_ms);
    let context = context(&reference, reader.me(), staff, &standing, now_ms)?;
    Ok(reader.case(id)?.filter(|case| may_see(case, &context) != Sight::None))
}

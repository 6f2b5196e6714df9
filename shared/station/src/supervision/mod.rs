//! Electronic supervision over the cases that this station holds: the board, alerts, orders, ranking. Everything is
//! reckoned when it is asked for; what was reckoned of a case is remembered until the case, the day or the district's
//! data change.
//!
//! | module | holds |
//! | --- | --- |
//! | `digests` | cases in short, remembered |
//! | `arrivals` | when a case was at the station it was handed to |
//! | `names` | offices and people in words; who heads an office |
//! | `board`, `list`, `alert`, `orders`, `ranking`, `responsible` | what is shown, and to whom |

mod alert;
mod arrivals;
mod board;
mod digests;
mod list;
mod names;
mod orders;
mod ranking;
mod responsible;
mod rules;

use jiff::civil::Date;
use sanji_domain::calendar::local_date;
use sanji_domain::case::{Refusal, RefusalCode};
use sanji_domain::organisation::{Role, Staff};
use sanji_domain::supervision::{AlertDigest, say::concerns};
use sanji_log::StationCode;

pub use digests::Digests;
pub(crate) use list::millis;
pub(crate) use names::level_word;

use crate::error::Failure;

/// Rows of one page.
const ROWS: usize = 100;
/// Most rows of one page.
const ROWS_MAX: usize = 500;

fn today(now_ms: u64) -> Date {
    local_date(i64::try_from(now_ms).unwrap_or(i64::MAX))
}

fn limit(asked: u32) -> usize {
    match usize::try_from(asked).unwrap_or(ROWS_MAX) {
        0 => ROWS,
        asked => asked.min(ROWS_MAX),
    }
}

/// Whether a person supervises the cases of their station and those below it.
fn supervises(staff: &Staff, me: StationCode) -> bool {
    staff.place == me && staff.roles.contains(&Role::Supervisor)
}

fn only_supervisors(staff: &Staff, me: StationCode) -> Result<(), Failure> {
    if supervises(staff, me) {
        return Ok(());
    }
    let sentence = "只有监察人员可以查看监察看板、排名和责任认定。";
    Err(Failure::Refused(Refusal::new(RefusalCode::NotEntitled, sentence)))
}

fn is_theirs(staff: &Staff, alert: &AlertDigest) -> bool {
    concerns(staff, &alert.office, alert.person.as_ref())
}

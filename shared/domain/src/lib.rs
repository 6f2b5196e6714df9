//! Pure: what the service hall knows and decides. No I/O, clock or randomness: files come as text, times and
//! dates from the caller.
//!
//! | module | holds |
//! | --- | --- |
//! | [`catalogue`] | service items, their routes and limits, and the rules common to all items |
//! | [`organisation`] | the district, its stations, departments, roles and staff |
//! | [`calendar`] | working days, deadlines, the district's local date |
//! | [`case`] | the case: state, commands, refusals, route, clock |
//! | [`supervision`] | rules, alerts, how a delay divides, ranking |
//! | [`identity`] | citizen identity numbers and unified social credit codes |
//! | [`mask`] | what of a person may stand on a screen |
//! | [`limit`] | a period of time as the law writes it |
//! | [`code`] | codes of items, departments, stages and staff |
//! | [`toml_file`] | data files and their faults, by line |

mod term;

pub mod calendar;
pub mod case;
pub mod catalogue;
pub mod code;
pub mod identity;
pub mod limit;
pub mod mask;
pub mod organisation;
pub mod supervision;
pub mod toml_file;

pub use calendar::Calendar;
pub use catalogue::{Catalogue, Defaults, Item};
pub use code::{DepartmentCode, ItemCode, RuleId, StaffId, StageId};
pub use identity::{CitizenId, CreditCode, SubjectId};
pub use limit::{Limit, Unit};
pub use organisation::{Organisation, Role, Staff, StageTier};
pub use supervision::Rules;
pub use toml_file::FileFault;

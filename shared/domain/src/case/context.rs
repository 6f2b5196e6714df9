//! What a rule may look at besides the case: who acts, where, when, and the district's data.

use jiff::civil::Date;
use sanji_log::StationCode;

use crate::calendar::{Calendar, local_date};
use crate::catalogue::{Catalogue, Defaults, Item};
use crate::organisation::{Organisation, Staff};
use crate::supervision::Rules;

use super::refusal::{Refusal, RefusalCode};
use super::state::Case;

/// The data of the district as the station holds it.
#[derive(Debug, Clone, Copy)]
pub struct Reference<'a> {
    /// All versions of all items.
    pub catalogue: &'a Catalogue,
    /// Departments and stations.
    pub organisation: &'a Organisation,
    /// Working days.
    pub calendar: &'a Calendar,
    /// Rules common to all items.
    pub defaults: &'a Defaults,
    /// Rules of supervision.
    pub rules: &'a Rules,
}

impl<'a> Reference<'a> {
    /// The version of the item that a case keeps.
    ///
    /// # Errors
    /// A refusal where the opening of the case or that version has not arrived here.
    pub fn item_of(&self, case: &Case) -> Result<&'a Item, Refusal> {
        let (code, version) = case
            .item()
            .ok_or_else(|| Refusal::new(RefusalCode::NotHereYet, "该办件的登记信息尚未传到本站，请稍后再办理。"))?;
        self.catalogue.get(code, version).ok_or_else(|| {
            let sentence = format!("本站还没有事项“{code}”第{version}版的目录，请在同步后再办理。");
            Refusal::new(RefusalCode::NotHereYet, sentence)
        })
    }
}

/// Who acts, where, when.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The station's clock, in milliseconds since 1970-01-01 UTC.
    pub now_ms: u64,
    /// The station where the person acts.
    pub station: StationCode,
    /// The person.
    pub actor: &'a Staff,
    /// The district's data.
    pub reference: Reference<'a>,
}

impl Context<'_> {
    /// The day in China.
    #[must_use]
    pub fn today(&self) -> Date {
        local_date(i64::try_from(self.now_ms).unwrap_or(i64::MAX))
    }
}

//! From an item's file to an [`Item`].

use std::str::FromStr;

use super::check;
use super::item::{ApplyWindow, DayOfYear, Extension, Item, LegalBasis, Limits};
use super::material::{Fee, Material, ResultDocument};
use super::stage::{Part, Publicity, Special, Stage, Variant};
use crate::limit::Limit;
use crate::toml_file::{FileFault, Section, read_file};

impl Item {
    /// Reads an item's file and checks it against itself. What it says of departments and other items is checked by
    /// [`Catalogue::check`](super::Catalogue::check).
    ///
    /// `file_name` may be a path: its last part without `.toml` must be the item's code.
    ///
    /// # Errors
    /// Everything that is wrong with the file, by line. The rules that tie fields together are checked once every
    /// field is readable.
    pub fn parse(file_name: &str, toml_text: &str) -> Result<Self, Vec<FileFault>> {
        read_file(file_name, toml_text, |section| {
            let item = Self::read(section)?;
            check::file_name(&item, file_name, section);
            check::route(&item, section);
            check::limits(&item, section);
            Some(item)
        })
    }

    fn read(section: &mut Section<'_>) -> Option<Self> {
        let (code, name, short_name) = (section.code("code"), section.text("name"), section.text("short_name"));
        let aliases = section.texts("aliases");
        let (item_type, case_type) = (section.term("item_type"), section.term("case_type"));
        let subjects = section.some_texts("subjects");
        let (department, co_departments) = (section.code("department"), section.codes("co_departments"));
        let (accept_tier, decide_tier) = (section.term("accept_tier"), section.term("decide_tier"));
        let (agent_allowed, agent_limits) = (section.flag("agent_allowed"), section.optional_text("agent_limits"));
        let (apply_by, channels) = (section.some_texts("apply_by"), section.some_texts("channels"));
        let summary = section.text("summary");
        let (conditions, refuse_when) = (section.texts("conditions"), section.texts("refuse_when"));
        let limits = section.section("limits", Limits::read);
        let legal_basis = section.some_sections("legal_basis", LegalBasis::read);
        let stages = section.some_sections("stage", Stage::read);
        let special = section.sections("special", Special::read);
        let publicity = section.sections("publicity", Publicity::read);
        let materials = section.some_sections("material", Material::read);
        let fee = section.section("fee", Fee::read);
        let result = section.section("result", ResultDocument::read);
        let variants = section.sections("variant", Variant::read);
        let parts = Part::read_all(section);
        let apply_window = section.optional_section("apply_window", ApplyWindow::read);
        let publicity_note = section.optional_text("publicity_note");
        let post_supervision = section.optional_text("post_supervision");
        Some(Self {
            code: code?,
            name: name?,
            short_name: short_name?,
            aliases: aliases?,
            item_type: item_type?,
            case_type: case_type?,
            subjects: subjects?,
            department: department?,
            co_departments: co_departments?,
            accept_tier: accept_tier?,
            decide_tier: decide_tier?,
            agent_allowed: agent_allowed?,
            agent_limits,
            apply_by: apply_by?,
            channels: channels?,
            summary: summary?,
            conditions: conditions?,
            refuse_when: refuse_when?,
            limits: limits?,
            legal_basis: legal_basis?,
            stages: stages?,
            special: special?,
            publicity: publicity?,
            materials: materials?,
            fee: fee?,
            result: result?,
            variants: variants?,
            parts: parts?,
            apply_window,
            publicity_note,
            post_supervision,
        })
    }
}

impl Limits {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let statutory = section.optional_section("statutory", Limit::read);
        let statutory_from = section.optional_text("statutory_from");
        let promised = section.section("promised", Limit::read);
        let extension = section.optional_section("extension", Extension::read);
        let text = section.text("text");
        let (tacit_approval, tacit_reason) = (section.flag("tacit_approval"), section.text("tacit_reason"));
        let limits = Self {
            statutory,
            statutory_from,
            promised: promised?,
            extension,
            text: text?,
            tacit_approval: tacit_approval?,
            tacit_reason: tacit_reason?,
        };
        let from_acceptance = limits.statutory.filter(|_| limits.statutory_from.is_none());
        let longer =
            |statutory: &Limit| statutory.unit == limits.promised.unit && statutory.days < limits.promised.days;
        if from_acceptance.as_ref().is_some_and(longer) {
            section.fault("promised", "承诺期限不能长于法定期限");
        }
        Some(limits)
    }
}

impl Extension {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let limit = Limit::read(section);
        let (approver, reason) = (section.text("approver"), section.text("reason"));
        Some(Self { limit: limit?, approver: approver?, reason: reason? })
    }
}

impl LegalBasis {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let (title, document_number) = (section.text("title"), section.optional_text("doc_no"));
        let (articles, note) = (section.optional_texts("articles"), section.optional_text("note"));
        Some(Self { title: title?, document_number, articles, note })
    }
}

impl ApplyWindow {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let (from, to, text) = (section.code("from"), section.code("to"), section.text("text"));
        Some(Self { from: from?, to: to?, text: text? })
    }
}

/// Text that is not of the form 每年3月31日.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a day of every year, as in 每年3月31日")]
pub struct InvalidDayOfYear;

impl FromStr for DayOfYear {
    type Err = InvalidDayOfYear;
    fn from_str(text: &str) -> Result<Self, InvalidDayOfYear> {
        let parts = text.strip_prefix("每年").and_then(|rest| rest.strip_suffix("日")?.split_once("月"));
        let (month, day) = parts.ok_or(InvalidDayOfYear)?;
        let (month, day) = (month.parse().map_err(|_| InvalidDayOfYear)?, day.parse().map_err(|_| InvalidDayOfYear)?);
        // A leap year knows every day that any year knows.
        jiff::civil::Date::new(2024, month, day).map_err(|_| InvalidDayOfYear)?;
        Ok(Self { month, day })
    }
}

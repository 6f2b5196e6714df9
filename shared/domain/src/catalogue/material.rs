//! What goes in and what comes out: material, fees, the result.

use jiff::civil::Date;

use crate::term::terms;
use crate::toml_file::Section;

terms! {
    /// In which form a material is handed in.
    pub enum MaterialForm ("材料形式") {
        /// A form, filled in.
        FilledIn = "填写",
        /// The original is kept.
        Original = "原件",
        /// A copy is kept.
        Copy = "复印件",
        /// The original is looked at, a copy is kept.
        CheckedCopy = "核验原件、留复印件",
        /// Fetched from another office: the applicant hands in nothing.
        Shared = "数据共享（免提交）",
    }
}

/// A material (材料) of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Material {
    /// Its name.
    pub name: String,
    /// Its form.
    pub form: MaterialForm,
    /// How many originals are kept.
    pub originals: u32,
    /// How many copies are kept.
    pub copies: u32,
    /// Whether every case needs it.
    pub mandatory: bool,
    /// The case in which an optional one becomes necessary.
    pub when: Option<String>,
    /// Who issues it.
    pub issuer: String,
    /// A remark.
    pub note: Option<String>,
}

/// What an item costs. Charging for a free one is a violation that supervision reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fee {
    /// Nothing.
    Free,
    /// The fees listed.
    Charged(Charges),
}

impl Fee {
    /// Whether anything is charged.
    #[must_use]
    pub fn is_charged(&self) -> bool {
        matches!(self, Self::Charged(_))
    }

    /// What may be charged; empty for a free item.
    #[must_use]
    pub fn items(&self) -> &[FeeItem] {
        match self {
            Self::Free => &[],
            Self::Charged(charges) => &charges.items,
        }
    }
}

/// The fees of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charges {
    /// Who pays.
    pub payer: String,
    /// At which moment.
    pub when: String,
    /// What is charged; never empty.
    pub items: Vec<FeeItem>,
}

/// One fee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeItem {
    /// Its code, unique in the catalogue.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Price of one unit in fen; 1 yuan = 100 fen.
    pub amount_fen: u64,
    /// What is counted, for example 证 or 平方米.
    pub unit: String,
    /// The document that allows it.
    pub basis: String,
    /// Who is exempt.
    pub waive: Vec<String>,
    /// First day on which it may be charged; none: it always could.
    pub from: Option<Date>,
    /// Last day on which it may be charged; none: it has not been cancelled.
    pub until: Option<Date>,
}

impl FeeItem {
    /// Whether it may be charged on a day.
    #[must_use]
    pub fn is_in_force(&self, on: Date) -> bool {
        self.from.is_none_or(|from| from <= on) && self.until.is_none_or(|until| on <= until)
    }
}

/// The document that the applicant gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultDocument {
    /// Its name.
    pub name: String,
    /// What it is, for example 证照.
    pub kind: String,
    /// How long it is valid, in words.
    pub validity: String,
    /// How it may reach the applicant.
    pub delivery: Vec<String>,
    /// Whether even its existence is confidential.
    pub confidential: bool,
}

impl Material {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let (name, form) = (section.text("name"), section.term("form"));
        let (originals, copies) = (section.number("originals"), section.number("copies"));
        let (mandatory, when) = (section.flag("mandatory"), section.optional_text("when"));
        let (issuer, note) = (section.text("issuer"), section.optional_text("note"));
        Some(Self {
            name: name?,
            form: form?,
            originals: originals?,
            copies: copies?,
            mandatory: mandatory?,
            when,
            issuer: issuer?,
            note,
        })
    }
}

impl Fee {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        // The other fields of a free item are refused as unknown.
        if section.flag("charged")? { Charges::read(section).map(Self::Charged) } else { Some(Self::Free) }
    }
}

impl Charges {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let (payer, when) = (section.text("payer"), section.text("when"));
        let items = section.some_sections("item", FeeItem::read);
        Some(Self { payer: payer?, when: when?, items: items? })
    }
}

impl FeeItem {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let (code, name) = (section.text("code"), section.text("name"));
        let (amount_fen, unit) = (section.number("amount_fen"), section.text("unit"));
        let (basis, waive) = (section.text("basis"), section.texts("waive"));
        let from = section.has("from").then(|| section.date("from"));
        let until = section.has("until").then(|| section.date("until"));
        let (from, until) =
            (from.map_or(Some(None), |day| day.map(Some)), until.map_or(Some(None), |day| day.map(Some)));
        let fee = Self {
            code: code?,
            name: name?,
            amount_fen: amount_fen?,
            unit: unit?,
            basis: basis?,
            waive: waive?,
            from: from?,
            until: until?,
        };
        if fee.from.zip(fee.until).is_some_and(|(from, until)| until < from) {
            section.fault("until", "收费标准的最后一天早于第一天");
        }
        Some(fee)
    }
}

impl ResultDocument {
    pub(super) fn read(section: &mut Section<'_>) -> Option<Self> {
        let (name, kind, validity) = (section.text("name"), section.text("kind"), section.text("validity"));
        let (delivery, confidential) = (section.some_texts("delivery"), section.optional_flag("confidential"));
        Some(Self { name: name?, kind: kind?, validity: validity?, delivery: delivery?, confidential })
    }
}

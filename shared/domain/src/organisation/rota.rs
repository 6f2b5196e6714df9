//! The duty rota (带班): which leaders sit in the hall, and when.

use jiff::civil::Date;

use super::Organisation;
use crate::code::StaffId;
use crate::toml_file::{FileFault, read_file};

/// One turn of duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyTurn {
    /// First day.
    pub from: Date,
    /// Last day.
    pub until: Date,
    /// Who.
    pub staff: StaffId,
    /// The name that people see.
    pub name: String,
    /// A remark; empty: none.
    pub note: String,
}

/// The rota of the district's hall.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DutyRota(Vec<DutyTurn>);

impl DutyRota {
    /// Reads `rota.toml`.
    ///
    /// # Errors
    /// Everything that is wrong with the file, by line.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<FileFault>> {
        read_file(file, text, |section| {
            let turns = section.sections("turn", |section| {
                let (from, until, staff) = (section.date("from"), section.date("until"), section.code("staff"));
                let (name, note) = (section.text("name"), section.optional_text("note"));
                let turn =
                    DutyTurn { from: from?, until: until?, staff: staff?, name: name?, note: note.unwrap_or_default() };
                if turn.until < turn.from {
                    section.fault("until", "带班的最后一天早于第一天");
                }
                Some(turn)
            });
            turns.map(Self)
        })
    }

    /// Who is on duty on a day.
    pub fn on(&self, day: Date) -> impl Iterator<Item = &DutyTurn> {
        self.0.iter().filter(move |turn| turn.from <= day && day <= turn.until)
    }
}

impl Organisation {
    /// This organisation with the rota of its hall.
    #[must_use]
    pub fn with_rota(mut self, rota: DutyRota) -> Self {
        self.rota = rota;
        self
    }
}

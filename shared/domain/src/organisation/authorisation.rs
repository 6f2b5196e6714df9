//! Full authorisation (两集中、两到位): for an item, who may accept, review and decide. Without a word of the district it
//! follows from the roles; `authorisations.toml` says otherwise, with dates, so that what held when can be read later.

use jiff::civil::Date;
use sanji_log::StationCode;

use super::{Organisation, Role, Staff};
use crate::code::{DepartmentCode, ItemCode, StaffId};
use crate::term::terms;
use crate::toml_file::{FileFault, Section, read_file};

terms! {
    /// What a department gives its window the right to do.
    pub enum Power ("授权") {
        /// Takes in, accepts, delivers.
        Accept = "受理",
        /// Examines.
        Review = "审核",
        /// Decides.
        Decide = "决定",
    }
}

impl Power {
    /// The power that a role stands for where nothing else is said.
    #[must_use]
    pub fn of(role: Role) -> Option<Self> {
        match role {
            Role::Window => Some(Self::Accept),
            Role::Reviewer => Some(Self::Review),
            Role::Approver | Role::ChiefRepresentative => Some(Self::Decide),
            _ => None,
        }
    }

    /// Roles whose holders never get it: they watch, collect or administer.
    const NEVER: [Role; 3] = [Role::Cashier, Role::Supervisor, Role::Administrator];
}

/// One authorisation, as a line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorisation {
    /// For which item.
    pub item: ItemCode,
    /// To do what.
    pub power: Power,
    /// In which department or office.
    pub department: DepartmentCode,
    /// Of which station; none: of the district.
    pub place: Option<StationCode>,
    /// Who: nobody else of that office may then.
    pub staff: Vec<StaffId>,
    /// From this day on.
    pub from: Date,
    /// Last day; none: until further notice.
    pub until: Option<Date>,
    /// The document that authorises.
    pub document: String,
}

/// All authorisations of a district, in the file's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authorisations(Vec<Authorisation>);

impl Authorisations {
    /// Reads `authorisations.toml`.
    ///
    /// # Errors
    /// Everything that is wrong with the file, by line.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<FileFault>> {
        read_file(file, text, |section| section.sections("authorisation", Authorisation::read).map(Self))
    }

    /// What holds for an item and a power on a day.
    pub fn in_force<'a>(
        &'a self,
        item: &'a ItemCode,
        power: Power,
        on: Date,
    ) -> impl Iterator<Item = &'a Authorisation> {
        self.0.iter().filter(move |one| {
            one.item == *item && one.power == power && one.from <= on && one.until.is_none_or(|until| on <= until)
        })
    }

    /// All of them: the history.
    pub fn iter(&self) -> impl Iterator<Item = &Authorisation> {
        self.0.iter()
    }

    /// Whether a person may do what a role stands for; none where the district has said nothing for the person's
    /// office, so that it follows from the roles.
    #[must_use]
    pub fn word_on(&self, item: &ItemCode, role: Role, staff: &Staff, on: Date) -> Option<bool> {
        let theirs = |one: &&Authorisation| {
            one.department == staff.department && one.place.unwrap_or(staff.place.district()) == staff.place
        };
        let newest = self.in_force(item, Power::of(role)?, on).filter(theirs).max_by_key(|one| one.from)?;
        let excluded = staff.roles.iter().any(|role| Power::NEVER.contains(role));
        Some(newest.staff.contains(&staff.id) && !excluded)
    }
}

impl Authorisation {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let (item, power, staff) = (section.code("item"), section.term("power"), section.codes("staff"));
        let (department, place) = (section.code("department"), section.optional_code("place"));
        let (from, document) = (section.date("from"), section.text("document"));
        let until = section.has("until").then(|| section.date("until"));
        let found = Self {
            item: item?,
            power: power?,
            department: department?,
            place,
            staff: staff?,
            from: from?,
            until: match until {
                Some(until) => Some(until?),
                None => None,
            },
            document: document?,
        };
        if found.staff.is_empty() {
            section.fault("staff", "授权须写明被授权的人员");
        }
        if found.until.is_some_and(|until| until < found.from) {
            section.fault("until", "授权的最后一天早于第一天");
        }
        Some(found)
    }
}

impl Organisation {
    /// This organisation with the district's authorisations.
    #[must_use]
    pub fn with_authorisations(mut self, authorisations: Authorisations) -> Self {
        self.authorisations = authorisations;
        self
    }
}

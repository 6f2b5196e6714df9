//! Reference data: what every case needs and no case changes. Keys of stations, staff, catalogue, organisation
//! and calendar, folded from their entries and kept in memory once.
//!
//! Whatever the order of arrival, the same set of entries gives the same data: keys are self-proving, of staff
//! the latest record counts, of files the highest version. Each entry that counts has one row in the index, so
//! that opening a station reads these entries and no others.

mod absences;
pub(crate) mod asides;
mod files;
pub(crate) mod forks;
mod keys;
mod notices;
mod staff;
mod staff_requests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use sanji_domain::matter::notice::Notices;
use sanji_domain::organisation::{AbsenceId, Absences};
use sanji_domain::{Calendar, Catalogue, Defaults, Organisation, Rules, StaffId};
use sanji_log::{Entry, LogId, PublicKey, StationCode};
use sanji_proto::v1::Kind;
use sanji_replication::Directory;

use super::rows::{ABSENCES, ASIDES, FILES, FORKS, KEYS, NOTICES, STAFF, STAFF_REQUESTS};
pub use absences::AbsenceEntry;
pub use asides::{AsideFacts, RestDecision};
pub use files::PublishedFile;
pub use forks::Fork;
pub use keys::{AnnouncedKey, KeyLife};
pub(crate) use staff::staff_of;
pub use staff::{Assignment, StaffEntry};
pub use staff_requests::{StaffDecision, StaffRequest, StaffRequestId};

/// What every case needs. Cheap to clone: the parts are shared.
#[derive(Debug, Clone, Default)]
pub struct ReferenceData {
    directory: Arc<Directory>,
    keys: Arc<BTreeMap<PublicKey, KeyLife>>,
    announced_keys: Arc<BTreeMap<PublicKey, keys::Announced>>,
    staff: Arc<BTreeMap<StaffId, StaffEntry>>,
    staff_records: Arc<BTreeMap<StaffId, staff::Records>>,
    staff_requests: Arc<BTreeMap<(StationCode, StaffRequestId), staff_requests::Known>>,
    absences: Arc<Absences>,
    absence_entries: Arc<BTreeMap<(StationCode, AbsenceId), AbsenceEntry>>,
    /// Whose work a person may ever have been asked to do: of these the facts are looked at.
    substitutes: Arc<BTreeMap<StaffId, BTreeSet<StaffId>>>,
    catalogue: Arc<Catalogue>,
    organisation: Option<Arc<Organisation>>,
    calendar: Arc<Calendar>,
    defaults: Option<Arc<Defaults>>,
    /// None: the district has published none of its own.
    watch_rules: Option<Arc<Rules>>,
    files: Arc<BTreeMap<String, PublishedFile>>,
    forks: Arc<BTreeMap<LogId, Fork>>,
    asides: Arc<BTreeMap<asides::AsideKey, AsideFacts>>,
    rests: Arc<BTreeMap<LogId, RestDecision>>,
    notices: Arc<Notices>,
    /// Files of the organisation came since it was last read.
    organisation_is_old: bool,
}

/// Why an entry of the reference data does not count.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ignored {
    /// Not a message of its kind.
    #[error("it is not what its kind says")]
    Malformed,
    /// Written by a station that may not say so.
    #[error("its writer may not say this")]
    NotAuthorised,
    /// A certificate that the district's authority did not give, or for something else.
    #[error("its certificate does not hold")]
    Certificate(#[source] sanji_link::Error),
    /// A data file with faults.
    #[error("the file has {0} faults, the first: {1}")]
    File(usize, String),
    /// An entry that counts already says more.
    #[error("it is older than what is known")]
    Superseded,
}

impl ReferenceData {
    /// Which key belongs to which station.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Every key that the district has certified.
    #[must_use]
    pub fn keys(&self) -> &BTreeMap<PublicKey, KeyLife> {
        &self.keys
    }

    /// A member of staff.
    #[must_use]
    pub fn staff(&self, id: &StaffId) -> Option<&StaffEntry> {
        self.staff.get(id)
    }

    /// Everybody whose record is held here.
    #[must_use]
    pub fn all_staff(&self) -> &BTreeMap<StaffId, StaffEntry> {
        &self.staff
    }

    /// The items, every version.
    #[must_use]
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// Stations, departments and roles; none before the district has published them.
    #[must_use]
    pub fn organisation(&self) -> Option<&Arc<Organisation>> {
        self.organisation.as_ref()
    }

    /// Working days.
    #[must_use]
    pub fn calendar(&self) -> &Arc<Calendar> {
        &self.calendar
    }

    /// Rules common to all items; none before the district has published them.
    #[must_use]
    pub fn defaults(&self) -> Option<&Arc<Defaults>> {
        self.defaults.as_ref()
    }

    /// Published files by path, newest version.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, PublishedFile> {
        &self.files
    }

    /// 公告 and 通报 that are held here.
    #[must_use]
    pub fn notices(&self) -> &Notices {
        &self.notices
    }

    /// What the rules of cases need; none before the district has published it all.
    #[must_use]
    pub fn rules(&self) -> Option<sanji_domain::case::Reference<'_>> {
        Some(sanji_domain::case::Reference {
            catalogue: &self.catalogue,
            organisation: self.organisation.as_deref()?,
            calendar: &self.calendar,
            defaults: self.defaults.as_deref()?,
            rules: self.watch_rules(),
        })
    }

    /// Rules of supervision: the district's, or the built-in ones.
    #[must_use]
    pub fn watch_rules(&self) -> &Rules {
        static BUILT_IN: LazyLock<Rules> = LazyLock::new(Rules::built_in);
        self.watch_rules.as_deref().unwrap_or(&BUILT_IN)
    }

    /// Whether all that the state of cases is reckoned with is the same; staff and keys aside.
    pub(crate) fn reckons_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.catalogue, &other.catalogue)
            && Arc::ptr_eq(&self.calendar, &other.calendar)
            && Arc::ptr_eq(&self.forks, &other.forks)
            && Arc::ptr_eq(&self.rests, &other.rests)
            && self.defaults.as_ref().map(Arc::as_ptr) == other.defaults.as_ref().map(Arc::as_ptr)
            && self.organisation.as_ref().map(Arc::as_ptr) == other.organisation.as_ref().map(Arc::as_ptr)
            && self.watch_rules.as_ref().map(Arc::as_ptr) == other.watch_rules.as_ref().map(Arc::as_ptr)
    }

    /// The full name of a station, or its code where the organisation does not know it.
    #[must_use]
    pub fn station_name(&self, code: StationCode) -> String {
        let info = self.organisation.as_deref().and_then(|organisation| organisation.station(&code));
        info.map_or_else(|| code.to_string(), |info| info.full_name.clone())
    }

    /// Takes an entry in. The result is the row that will point to it: list and key.
    pub(super) fn fold(&mut self, entry: &Entry, authority_der: &[u8]) -> Result<(&'static [u8], Vec<u8>), Ignored> {
        match Kind::try_from(i32::try_from(entry.kind).unwrap_or(0)) {
            Ok(Kind::Station) => Ok((KEYS, self.fold_station(entry, authority_der)?)),
            Ok(Kind::Staff) => Ok((STAFF, self.fold_staff(entry)?)),
            Ok(Kind::Absence) => Ok((ABSENCES, self.fold_absence(entry)?)),
            Ok(Kind::StaffRequest) => Ok((STAFF_REQUESTS, self.fold_staff_request(entry)?)),
            Ok(Kind::File) => Ok((FILES, self.fold_file(entry)?)),
            Ok(Kind::Fork) => Ok((FORKS, self.fold_fork(entry)?)),
            Ok(Kind::Aside) => Ok((ASIDES, self.fold_aside(entry)?)),
            Ok(Kind::Notice) => Ok((NOTICES, self.fold_notice(entry)?)),
            _ => Err(Ignored::Malformed),
        }
    }

    /// Whether an entry is reference data. None of a case is.
    pub(super) fn concerns(entry: &Entry) -> bool {
        let of_people = [Kind::Staff, Kind::Absence, Kind::StaffRequest];
        let known = [Kind::Station, Kind::File, Kind::Fork, Kind::Aside, Kind::Notice];
        entry.case.is_none() && known.iter().chain(&of_people).any(|known| *known as i32 as u32 == entry.kind)
    }

    /// The station that writes with the key of the entry's log, revoked or not; none where it is not known.
    fn writer(&self, entry: &Entry) -> Option<StationCode> {
        self.directory.get(&entry.log.key).map(|record| record.station)
    }

    fn written_by_district(&self, entry: &Entry) -> bool {
        self.writer(entry) == Some(entry.log.home.district())
    }
}

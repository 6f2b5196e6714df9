//! The small district of the simulation: one hub, two townships, four villages, three items. Files and people are
//! those of the sample district, cut down to these stations.

use std::sync::OnceLock;

use ed25519_dalek::SigningKey;
use sanji_link::{Authority, Identity};
use sanji_log::seal::public_key;
use sanji_log::{PublicKey, StationCode};
use sanji_proto::v1 as proto;
use sanji_station::core::StationKeys;
use sanji_station::vault::MasterKey;

use crate::sample::{Sample, folder};

/// 2026-07-01 09:00 in China, in milliseconds since 1970-01-01 UTC: when a run begins.
pub const EPOCH_MS: u64 = 1_782_867_600_000;
/// The stations; each village's township stands before it.
pub const STATIONS: [&str; 7] =
    ["990106000000", "990106101000", "990106102000", "990106101200", "990106101203", "990106102200", "990106102207"];
/// The hub among them.
pub const HUB: usize = 0;
/// The items: done on the spot in the village, in the township, and through all three tiers.
pub const ITEMS: [&str; 3] = ["cun-juzhu", "mz-laonian", "mz-dibao"];

/// Most lives (keys) that one station has in a run.
pub const LIVES: usize = 4;

/// What does not change from run to run.
pub struct District {
    /// Published files: path and text.
    pub files: Vec<(String, String)>,
    /// Members of staff of these stations.
    pub staff: Vec<proto::StaffRecord>,
    /// Names and identity numbers of residents.
    pub residents: Vec<(String, String)>,
    authority_der: Vec<u8>,
    /// By station and life.
    certificates: Vec<Vec<Vec<u8>>>,
}

impl District {
    /// Read and certified once a process: certificates have random serial numbers.
    pub fn get() -> &'static Self {
        static DISTRICT: OnceLock<District> = OnceLock::new();
        DISTRICT.get_or_init(Self::read)
    }

    fn read() -> Self {
        let (authority, _) = Authority::generate(code(HUB), EPOCH_MS).expect("an authority");
        let issue =
            |place, life| authority.issue(code(place), public(place, life), EPOCH_MS, 365).expect("a certificate");
        let certificates = |place| (0..LIVES).map(|life| issue(place, life)).collect();
        let people = Sample::load().expect("the sample's people");
        Self {
            files: files(),
            staff: staff(),
            residents: people.residents.into_iter().map(|person| (person.name, person.id_number)).collect(),
            authority_der: authority.certificate_der().to_vec(),
            certificates: (0..STATIONS.len()).map(certificates).collect(),
        }
    }

    /// The keys of one life of a station.
    #[must_use]
    pub fn keys(&self, place: usize, life: usize) -> StationKeys {
        StationKeys {
            station: code(place),
            signing: signing_key(place, life),
            master: MasterKey::from_bytes([100 + place as u8; 32]),
            authority_der: self.authority_der.clone(),
        }
    }

    /// What a life of a station shows its peers.
    #[must_use]
    pub fn identity(&self, place: usize, life: usize) -> Identity {
        Identity {
            certificate_der: self.certificates[place][life].clone(),
            authority_der: self.authority_der.clone(),
            signing_key: signing_key(place, life),
        }
    }

    /// What the hub writes when it enrols a station.
    #[must_use]
    pub fn enrolled(&self, place: usize, life: usize) -> proto::StationRecord {
        let key = public(place, life).0.to_vec();
        let enrolled = proto::StationEnrolled { key, certificate: self.certificates[place][life].clone() };
        proto::StationRecord { record: Some(proto::station_record::Record::Enrolled(enrolled)) }
    }

    /// What the hub writes when it believes a key no longer.
    #[must_use]
    pub fn revoked(&self, key: PublicKey) -> proto::StationRecord {
        let revoked = proto::StationRevoked { key: key.0.to_vec(), reason: "stolen".to_owned() };
        proto::StationRecord { record: Some(proto::station_record::Record::Revoked(revoked)) }
    }
}

/// Code of a station.
#[must_use]
pub fn code(place: usize) -> StationCode {
    STATIONS[place].parse().expect("a division code")
}

/// The station above; none for the hub.
#[must_use]
pub fn parent(place: usize) -> Option<usize> {
    let parent = code(place).parent()?;
    (0..STATIONS.len()).find(|other| code(*other) == parent)
}

/// The public key of one life of a station.
#[must_use]
pub fn public(place: usize, life: usize) -> PublicKey {
    public_key(&signing_key(place, life))
}

/// The signing key of one life of a station.
#[must_use]
pub fn signing_key(place: usize, life: usize) -> SigningKey {
    let mut seed = [1 + place as u8; 32];
    seed[31] = life as u8;
    SigningKey::from_bytes(&seed)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(folder().join(path)).expect(path)
}

fn files() -> Vec<(String, String)> {
    let mut paths = vec!["calendar/cn-workdays.toml".to_owned(), "catalogue/defaults.toml".to_owned()];
    paths.extend(["district", "departments", "roles"].map(|name| format!("organisation/{name}.toml")));
    paths.extend(ITEMS.map(|item| format!("catalogue/items/{item}.toml")));
    let mut files: Vec<_> = paths.into_iter().map(|path| (path.clone(), read(&path))).collect();
    for list in ["townships", "villages"] {
        let path = format!("organisation/{list}.toml");
        let mut table: toml::Table = toml::from_str(&read(&path)).expect("a readable file");
        if let Some(rows) = table.get_mut(list).and_then(toml::Value::as_array_mut) {
            rows.retain(|row| {
                row.get("code").and_then(toml::Value::as_str).is_some_and(|code| STATIONS.contains(&code))
            });
        }
        files.push((path, table.to_string()));
    }
    files
}

/// Everybody of the townships and villages, and at the district those of the items' departments.
fn staff() -> Vec<proto::StaffRecord> {
    let table: toml::Table = toml::from_str(&read("organisation/staff.toml")).expect("a readable file");
    let rows = table.get("staff").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let text =
        |row: &toml::Value, name: &str| row.get(name).and_then(toml::Value::as_str).unwrap_or_default().to_owned();
    let records = rows.iter().map(|row| proto::StaffRecord {
        id: text(row, "id"),
        name: text(row, "name"),
        roles: row
            .get("roles")
            .and_then(toml::Value::as_array)
            .map(|roles| roles.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default(),
        post: text(row, "post"),
        tier: text(row, "tier"),
        department: text(row, "department"),
        place: text(row, "place").parse().unwrap_or(0),
        seat: text(row, "seat"),
        backup: text(row, "backup"),
        password_hash: String::new(),
        inactive: false,
        ..proto::StaffRecord::default()
    });
    let here = |record: &proto::StaffRecord| STATIONS.contains(&record.place.to_string().as_str());
    records.filter(|record| here(record) && (record.place != code(HUB).number() || record.department == "mz")).collect()
}

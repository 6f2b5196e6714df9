//! The stations of the year: the hub on its disk, the others in memory, lines that are function calls.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use prost::Message as _;
use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};
use sanji_domain::organisation::OrganisationFiles;
use sanji_domain::{Organisation, Staff};
use sanji_link::{Authority, Identity};
use sanji_log::attachment::{chunk_count, chunk_hash};
use sanji_log::seal::public_key;
use sanji_log::{AttachmentId, CaseId, Reach, Run, SigningKey, StationCode};
use sanji_proto::v1::{self as proto, Kind, station_record::Record};
use sanji_replication::{CaseKeyMessage, VerifiedRun};
use sanji_station::accounts::password;
use sanji_station::core::{Core, StationKeys};
use sanji_station::folder::{self, DataFolder};
use sanji_station::keys::{self, Keys, Membership};
use sanji_station::run::station_keys;
use sanji_station::vault::MasterKey;
use sanji_store::{DiskStore, MemoryStore, Store};

use super::Order;
use crate::Error;
use crate::district::PASSWORD;

/// Certificates of a station are good for longer than the year and what follows it.
const VALID_DAYS: u32 = 3 * 365;
/// Most bytes of one run that is carried.
const RUN_BYTES: usize = 1 << 20;

/// A station.
pub struct Member {
    /// Its state and commit path.
    pub core: Core,
    store: Arc<dyn Store>,
    /// Attachments that the station above does not have yet.
    uncarried: Vec<AttachmentId>,
}

/// All stations of a district.
pub struct District {
    members: BTreeMap<StationCode, Member>,
    /// The hub.
    pub hub: StationCode,
    noise: StdRng,
}

impl District {
    /// Founds the district: keys, certificates, files and staff, on the day before the year begins.
    ///
    /// # Errors
    /// Where a file of the district is missing or wrong, or the folder can't be used.
    pub fn found(order: &Order) -> Result<Self, Error> {
        let now_ms = super::play::moment(order.from, 0).saturating_sub(86_400_000);
        let files = Files::read(&order.sample)?;
        let (organisation, staff) = files.people()?;
        let hub = organisation.district.code;
        let mut noise = StdRng::seed_from_u64(order.seed);
        let data = DataFolder::new(&order.data);
        data.create().map_err(failed("make the hub's folder"))?;
        let (authority, authority_key) = Authority::generate(hub, now_ms).map_err(failed("make an authority"))?;
        let keys = hub_keys(&data, hub, &authority, now_ms)?;
        let pem = data.keys().join("authority.key");
        folder::replace(&pem, authority_key.as_bytes()).map_err(failed("keep the authority's key"))?;
        keys.write(&data, now_ms).map_err(failed("keep the hub's keys"))?;

        let disk = DiskStore::open(data.path(), sanji_store::Options::default());
        let disk: Arc<dyn Store> = Arc::new(disk.map_err(failed("open the hub's store"))?);
        let mut members = BTreeMap::new();
        let mut enrolled = vec![(hub, keys.identity.certificate_der.clone(), keys.membership.hub_key)];
        for station in organisation.stations().filter(|station| station.code != hub) {
            let mut secret = [0; 32];
            noise.fill_bytes(&mut secret);
            let signing = SigningKey::from_bytes(&secret);
            noise.fill_bytes(&mut secret);
            let key = public_key(&signing);
            let certificate = authority.issue(station.code, key, now_ms, VALID_DAYS);
            enrolled.push((station.code, certificate.map_err(failed("issue a certificate"))?, key));
            let keys = StationKeys {
                station: station.code,
                signing,
                master: MasterKey::from_bytes(secret),
                authority_der: authority.certificate_der().to_vec(),
            };
            members.insert(station.code, Member::open(Arc::new(MemoryStore::new()), keys)?);
        }
        members.insert(hub, Member::open(disk, station_keys(&keys))?);
        let mut district = Self { members, hub, noise };

        let mut first = Vec::new();
        for (station, certificate, key) in enrolled {
            let enrolled = proto::StationEnrolled { key: key.0.to_vec(), certificate };
            let record = proto::StationRecord { record: Some(Record::Enrolled(enrolled)) };
            first.push((station, Reach::Public, Kind::Station, record.encode_to_vec()));
        }
        for (path, text) in files.published() {
            let file = proto::PublishedFile { path: path.to_owned(), version: 1, content: text.as_bytes().to_vec() };
            first.push((hub, Reach::Public, Kind::File, file.encode_to_vec()));
        }
        // One hash for all: hundreds of them would take longer than a week of the year.
        let password_hash = password::hash(PASSWORD).map_err(|fault| Error::Sample(format!("password: {fault}")))?;
        for person in &staff {
            let record = staff_record(person, &password_hash).encode_to_vec();
            first.push((person.place, Reach::Private, Kind::Staff, record));
        }
        let core = &mut district.member(hub)?.core;
        for (home, reach, kind, body) in first {
            if core.is_full() {
                core.commit(now_ms).map_err(failed("commit the district's first entries"))?;
            }
            core.write(home, reach, "", kind as u32, body, now_ms).map_err(failed("write the first entries"))?;
        }
        core.commit(now_ms).map_err(failed("commit the district's first entries"))?;
        let below: Vec<StationCode> = district.members.keys().copied().filter(|code| *code != hub).collect();
        // Townships come before their villages in the order of codes.
        for station in below {
            let above = station.parent().unwrap_or(hub);
            let runs = district.missing(above, station)?.into_iter().map(|(run, _)| run).collect();
            let mut random = district.noise.clone();
            let core = &mut district.member(station)?.core;
            core.adopt(runs, &[], now_ms, &mut |bytes| random.fill_bytes(bytes)).map_err(failed("enrol a station"))?;
            core.commit(now_ms).map_err(failed("enrol a station"))?;
        }
        Ok(district)
    }

    /// Every station, by code.
    pub fn stations(&self) -> impl Iterator<Item = StationCode> + '_ {
        self.members.keys().copied()
    }

    /// A station.
    ///
    /// # Errors
    /// [`Error::Sample`] where there is none with that code.
    pub fn member(&mut self, station: StationCode) -> Result<&mut Member, Error> {
        self.members.get_mut(&station).ok_or_else(|| Error::Sample(format!("station {station}")))
    }

    /// Makes durable what a station has staged; the cases that have changed there.
    ///
    /// # Errors
    /// Where its store fails.
    pub fn commit(&mut self, station: StationCode, now_ms: u64) -> Result<Vec<CaseId>, Error> {
        self.member(station)?.core.commit(now_ms).map(|committed| committed.cases).map_err(failed("commit"))
    }

    /// The line between a station and the one above it carries what each lacks of the other, with receipts. Gives the
    /// cases that have changed, with the end where they did.
    ///
    /// # Errors
    /// Where a store fails, or a station refuses what another sent: that never happens in a year.
    pub fn exchange(&mut self, station: StationCode, now_ms: u64) -> Result<Vec<(StationCode, CaseId)>, Error> {
        let Some(above) = station.parent() else { return Ok(Vec::new()) };
        let up = self.bring(station, above, now_ms)?;
        let down = self.bring(above, station, now_ms)?;
        self.carry_attachments(station, above)?;
        let changed = up.into_iter().map(|case| (above, case)).chain(down.into_iter().map(|case| (station, case)));
        Ok(changed.collect())
    }

    fn bring(&mut self, from: StationCode, to: StationCode, now_ms: u64) -> Result<Vec<CaseId>, Error> {
        let missing = self.missing(from, to)?;
        let mut random = StdRng::from_rng(&mut self.noise);
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let receiver = self.member(to)?;
        let mut changed = Vec::new();
        for (run, keys) in missing {
            if receiver.core.is_full() {
                changed.extend(receiver.core.commit(now_ms).map_err(failed("commit"))?.cases);
            }
            let runs = vec![verified(run)?];
            let outcome = receiver.core.receive(from, runs, &keys, now_ms, &mut |bytes| random.fill_bytes(bytes));
            let outcome = outcome.map_err(failed("receive"))?;
            if let Some(refused) = outcome.refused.first() {
                return Err(Error::Lost(format!("{to} refused what {from} sent: {refused:?}")));
            }
        }
        let committed = receiver.core.commit(now_ms).map_err(failed("commit"))?;
        changed.extend(committed.cases);
        let sender = self.member(from)?;
        sender.core.keep_receipts(committed.receipts);
        sender.core.commit(now_ms).map_err(failed("keep receipts"))?;
        Ok(changed)
    }

    /// Runs that `to` lacks, with the keys of the cases that they open.
    fn missing(&mut self, from: StationCode, to: StationCode) -> Result<Vec<(Run, Vec<CaseKeyMessage>)>, Error> {
        let theirs = self.member(to)?.store.have();
        let sender = self.member(from)?;
        let mut runs = Vec::new();
        for gap in sender.store.have().held_by(to).missing_in(&theirs) {
            let mut next = gap.from;
            while let Some(run) = sender.store.read(&gap.log, next, RUN_BYTES).map_err(failed("read a log"))? {
                next = run.head().seq + 1;
                let mut keys = Vec::new();
                for bytes in &run.entries {
                    let entry = bytes.decode().map_err(failed("read an entry"))?;
                    let Some(case) = entry.case.filter(|_| entry.opens_case) else { continue };
                    if let Some(key) = sender.core.reader().case_key(&case).map_err(failed("read a key"))? {
                        keys.push(CaseKeyMessage { case, key: Some(key.bytes()) });
                    }
                }
                runs.push((run, keys));
            }
        }
        Ok(runs)
    }

    fn carry_attachments(&mut self, from: StationCode, to: StationCode) -> Result<(), Error> {
        let sender = self.member(from)?;
        let files = std::mem::take(&mut sender.uncarried);
        let source = sender.store.clone();
        let receiver = self.member(to)?;
        for id in &files {
            let state = source.attachment(id).map_err(failed("look an attachment up"))?;
            let chunks = chunk_count(state.size);
            for chunk in 0..chunks {
                let Some(data) = source.chunk(id, chunk).map_err(failed("read a chunk"))? else { continue };
                if chunk == 0 {
                    let manifest = manifest_of(&source, id, chunks)?;
                    receiver.store.put_manifest(id, &manifest, state.size).map_err(failed("write a manifest"))?;
                }
                receiver.store.put_chunk(id, chunk, &data).map_err(failed("write a chunk"))?;
            }
        }
        receiver.uncarried.extend(files);
        Ok(())
    }

    /// Stores a photograph at a station for an action on a case; its id.
    ///
    /// # Errors
    /// Where it is not taken.
    pub fn photograph(
        &mut self,
        station: StationCode,
        staff: &Staff,
        case_number: &str,
        now_ms: u64,
    ) -> Result<AttachmentId, Error> {
        let mut random = StdRng::from_rng(&mut self.noise);
        let member = self.member(station)?;
        let content = [&[0xFF, 0xD8, 0xFF, 0xE0][..], case_number.as_bytes()].concat();
        let head = proto::AttachmentHead {
            case_number: case_number.to_owned(),
            file_name: "照片.jpg".to_owned(),
            media_type: "image/jpeg".to_owned(),
            size: content.len() as u64,
            ..Default::default()
        };
        let (reader, pending) = (member.core.reader().clone(), member.core.pending().clone());
        let put = reader.put_attachment(&pending, staff, head, &content, now_ms, &mut |bytes| random.fill_bytes(bytes));
        let id = put.map_err(failed("keep a photograph"))?;
        member.uncarried.push(id);
        Ok(id)
    }

    /// Entries that a station holds.
    ///
    /// # Errors
    /// [`Error::Sample`] where there is no such station.
    pub fn entries(&mut self, station: StationCode) -> Result<u64, Error> {
        Ok(self.member(station)?.store.have().heads().map(|head| head.seq).sum())
    }
}

impl Member {
    fn open(store: Arc<dyn Store>, keys: StationKeys) -> Result<Self, Error> {
        let core = Core::open(store.clone(), keys).map_err(failed("open a station"))?;
        Ok(Self { core, store, uncarried: Vec::new() })
    }
}

fn hub_keys(data: &DataFolder, hub: StationCode, authority: &Authority, now_ms: u64) -> Result<Keys, Error> {
    let signing_key = keys::new_signing_key(data).map_err(failed("make a key"))?;
    let hub_key = public_key(&signing_key);
    let certificate = authority.issue(hub, hub_key, now_ms, VALID_DAYS);
    Ok(Keys {
        membership: Membership { station: hub, hub_key, upstream: None, detour: None },
        identity: Identity {
            certificate_der: certificate.map_err(failed("issue a certificate"))?,
            authority_der: authority.certificate_der().to_vec(),
            signing_key,
        },
        master: keys::new_master_key(data).map_err(failed("make a key"))?,
    })
}

fn verified(run: Run) -> Result<VerifiedRun, Error> {
    let first = run.entries.first().map(sanji_log::EntryBytes::decode).transpose().map_err(failed("read an entry"))?;
    let extends = first.and_then(|entry| entry.prev.map(|prev| (entry.seq - 1, prev)));
    let entries = run.verify(extends).map_err(failed("verify a run"))?;
    Ok(VerifiedRun { extends, run, entries })
}

/// The hashes of an attachment's chunks, from the chunks themselves.
fn manifest_of(store: &Arc<dyn Store>, id: &AttachmentId, chunks: u32) -> Result<Vec<u8>, Error> {
    let mut manifest = Vec::new();
    for chunk in 0..chunks {
        let data = store.chunk(id, chunk).map_err(failed("read a chunk"))?.unwrap_or_default();
        manifest.extend_from_slice(&chunk_hash(&data));
    }
    Ok(manifest)
}

fn staff_record(person: &Staff, password_hash: &str) -> proto::StaffRecord {
    proto::StaffRecord {
        id: person.id.to_string(),
        name: person.name.clone(),
        roles: person.roles.iter().map(ToString::to_string).collect(),
        post: person.post.clone(),
        tier: person.tier.to_string(),
        department: person.department.to_string(),
        place: person.place.number(),
        seat: person.seat.map_or_else(String::new, |seat| seat.to_string()),
        backup: person.backup.as_ref().map_or_else(String::new, ToString::to_string),
        password_hash: password_hash.to_owned(),
        ..Default::default()
    }
}

/// The district's files as a hub publishes them, and its staff.
struct Files {
    texts: BTreeMap<String, String>,
}

impl Files {
    fn read(folder: &Path) -> Result<Self, Error> {
        let mut texts = BTreeMap::new();
        for part in ["calendar", "catalogue", "catalogue/items", "organisation", "supervision"] {
            let Ok(files) = std::fs::read_dir(folder.join(part)) else { continue };
            for file in files {
                let io = |source| Error::Io { operation: "read a file of the district", source };
                let path = file.map_err(io)?.path();
                if path.extension().is_none_or(|extension| extension != "toml") {
                    continue;
                }
                let text = std::fs::read_to_string(&path).map_err(io)?;
                let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                texts.insert(name, text);
            }
        }
        Ok(Self { texts })
    }

    fn text(&self, path: &str) -> Result<&str, Error> {
        self.texts.get(path).map(String::as_str).ok_or_else(|| Error::Sample(format!("file {path}")))
    }

    /// What a hub publishes: everything but the staff, residents and tables for tests.
    fn published(&self) -> impl Iterator<Item = (&str, &str)> {
        let private = |path: &str| {
            ["staff", "residents-sample", "identifier-cases"]
                .iter()
                .any(|name| path.ends_with(&format!("/{name}.toml")))
        };
        self.texts.iter().filter(move |(path, _)| !private(path)).map(|(path, text)| (path.as_str(), text.as_str()))
    }

    fn people(&self) -> Result<(Organisation, Vec<Staff>), Error> {
        let organisation = Organisation::parse(OrganisationFiles {
            district: self.text("organisation/district.toml")?,
            departments: self.text("organisation/departments.toml")?,
            roles: self.text("organisation/roles.toml")?,
            townships: self.text("organisation/townships.toml")?,
            villages: self.text("organisation/villages.toml")?,
        });
        let faults = |faults: Vec<sanji_domain::FileFault>| Error::Sample(format!("good organisation: {faults:?}"));
        let organisation = organisation.map_err(faults)?;
        let staff = Staff::parse_all("staff.toml", self.text("organisation/staff.toml")?, &organisation);
        Ok((organisation, staff.map_err(faults)?))
    }
}

fn failed<E: std::error::Error + Send + Sync + 'static>(operation: &'static str) -> impl Fn(E) -> Error {
    move |source| Error::Year { operation, source: Box::new(source) }
}

//! A new life of a station that had another, after its machine was replaced or restored from a backup: it hears its
//! neighbours before it writes.
//!
//! What its former life wrote since the backup, or all of it, is held by the stations above and below. Were it to go
//! on before it holds that again, it would contradict itself: accept a case twice, or give a number twice. So it
//! takes no submissions until it has heard, in full, one station above it and each living station just below it, or
//! until its keeper decides otherwise. That it waits is kept in `healing.json` until then.
//!
//! Which stations live is known from what is held, and that may be old: a hub's backup knows none that enrolled after it.
//! What the first neighbour brings names the others, so a hub that knows of none waits for that one.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sanji_log::{StationCode, Tier};
use serde::{Deserialize, Serialize};

use crate::core::ReferenceData;
use crate::folder::{self, DataFolder};

/// What `healing.json` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// Milliseconds since 1970-01-01 UTC.
    since_ms: u64,
    /// It is no new life: records of this one were lost, so that its logs may end before they did. Nothing at all may be
    /// written before the neighbours have said how far they hold them.
    #[serde(default)]
    holds_back: bool,
}

/// Notes that the station of a data folder must hear its neighbours before it writes.
///
/// # Errors
/// [`folder::Error::Io`].
pub fn begin(data: &DataFolder, now_ms: u64) -> Result<(), folder::Error> {
    keep(data, Kept { since_ms: now_ms, holds_back: false })
}

/// Notes the same of a station that has lost records of its own life.
///
/// # Errors
/// [`folder::Error::Io`].
pub(crate) fn hold_back(data: &DataFolder, now_ms: u64) -> Result<(), folder::Error> {
    keep(data, Kept { since_ms: now_ms, holds_back: true })
}

fn keep(data: &DataFolder, kept: Kept) -> Result<(), folder::Error> {
    let json = serde_json::to_vec(&kept).unwrap_or_default();
    folder::replace(&data.healing_file(), &json)
}

/// Notes that nothing is waited for.
///
/// # Errors
/// [`folder::Error::Io`].
pub fn end(data: &DataFolder) -> Result<(), folder::Error> {
    folder::remove(&data.healing_file()).map(|_| ())
}

/// What a station waits for. Cheap to ask while it waits for nothing.
#[derive(Debug, Default)]
pub(crate) struct Healing(Mutex<Option<Waiting>>);

/// A wait that has not ended.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    file: PathBuf,
    pub(crate) since_ms: u64,
    pub(crate) heard: BTreeSet<StationCode>,
    /// Nothing at all may be written meanwhile.
    pub(crate) holds_back: bool,
}

impl Healing {
    /// Reads whether the station of a data folder waits.
    pub(crate) fn read(&self, data: &DataFolder) -> Result<(), folder::Error> {
        let file = data.healing_file();
        let Some(bytes) = folder::read(&file)? else { return Ok(()) };
        let kept: Kept = serde_json::from_slice(&bytes)
            .map_err(|fault| folder::Error::Damaged { path: file.clone(), problem: fault.to_string() })?;
        let Kept { since_ms, holds_back } = kept;
        *self.lock() = Some(Waiting { file, since_ms, heard: BTreeSet::new(), holds_back });
        Ok(())
    }

    /// What is waited for; none where the station may write.
    pub(crate) fn waiting(&self) -> Option<Waiting> {
        self.lock().clone()
    }

    /// A neighbour was heard in full. True where the station was waiting for neighbours.
    pub(crate) fn heard(&self, peer: StationCode) -> bool {
        self.lock().as_mut().is_some_and(|waiting| waiting.heard.insert(peer))
    }

    /// Ends the wait, durably.
    pub(crate) fn end(&self) -> Result<(), folder::Error> {
        let mut waiting = self.lock();
        if let Some(ended) = waiting.as_ref() {
            folder::remove(&ended.file)?;
        }
        *waiting = None;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stations that have to be heard yet. Of those above one is enough, since each holds all that concerns the
/// station; below, what a village holds reaches the hub through its township.
pub(crate) fn awaited(me: StationCode, reference: &ReferenceData, heard: &BTreeSet<StationCode>) -> Vec<StationCode> {
    let living = living(me, reference);
    let mut awaited = Vec::new();
    if me.tier() != Tier::District && !heard.iter().any(|station| me.within(*station)) {
        let above = living.iter().filter(|station| me.within(**station));
        // The hub is there, whether its certificate has come yet or not.
        awaited.extend(above.copied().chain([me.district()]).collect::<BTreeSet<_>>());
    }
    let below: Vec<_> = living.iter().filter(|station| station.within(me)).collect();
    if me.tier() == Tier::District && below.is_empty() && !heard.iter().any(|station| station.within(me)) {
        // One of them, which says who else lives. A district that lists none has nobody to wait for.
        return reference
            .organisation()
            .map_or_else(Vec::new, |listed| listed.children(me).map(|of| of.code).collect());
    }
    let is_next = |station: &StationCode| !below.iter().any(|other| *other != station && station.within(**other));
    awaited.extend(below.iter().filter(|station| is_next(station) && !heard.contains(station)).copied());
    awaited
}

/// The other stations that live as far as is known here: by their certificates, and those below also by what the district
/// has announced, which every station holds and brings.
fn living(me: StationCode, reference: &ReferenceData) -> BTreeSet<StationCode> {
    let certified = reference.keys().values().filter(|life| life.is_living()).map(|life| life.station);
    let certified: BTreeSet<StationCode> = certified.filter(|station| *station != me).collect();
    let listed = reference.organisation().into_iter().flat_map(|organisation| organisation.stations());
    let below = listed.map(|station| station.code).filter(|code| *code != me && code.within(me));
    let is_announced = |code: &StationCode| {
        !certified.contains(code)
            && reference.signing_keys(*code).any(|(_, key)| !key.revoked && key.ended_ms.is_none())
    };
    let announced: Vec<_> = below.filter(is_announced).collect();
    certified.into_iter().chain(announced).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use prost::Message as _;
    use sanji_link::Authority;
    use sanji_log::seal::public_key;
    use sanji_log::{Reach, SigningKey};
    use sanji_proto::v1::{self as proto, Kind, station_record::Record};
    use sanji_store::MemoryStore;

    use super::*;
    use crate::clock::now_ms;
    use crate::core::{Core, StationKeys};
    use crate::vault::MasterKey;

    const LISTED: [&str; 5] = ["departments", "district", "roles", "townships", "villages"];

    /// A hub that holds the sample's organisation, and what it has announced of stations below.
    fn hub(announced: &[StationCode]) -> Arc<ReferenceData> {
        let hub: StationCode = "990106000000".parse().unwrap();
        let signing = SigningKey::from_bytes(&[1; 32]);
        let (authority, _) = Authority::generate(hub, now_ms()).unwrap();
        let certificate = authority.issue(hub, public_key(&signing), now_ms(), 365).unwrap();
        let key = public_key(&signing).0.to_vec();
        let authority_der = authority.certificate_der().to_vec();
        let keys = StationKeys { station: hub, signing, master: MasterKey::from_bytes([2; 32]), authority_der };
        let mut core = Core::open(Arc::new(MemoryStore::default()), keys).unwrap();
        let record = |record| proto::StationRecord { record: Some(record) }.encode_to_vec();
        let mut entries = vec![(Kind::Station, record(Record::Enrolled(proto::StationEnrolled { key, certificate })))];
        for name in LISTED {
            let path = format!("organisation/{name}.toml");
            let content = std::fs::read(format!("{}/../../tests/sample/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            entries.push((Kind::File, proto::PublishedFile { path, version: 1, content }.encode_to_vec()));
        }
        for (seed, station) in announced.iter().enumerate() {
            let key = public_key(&SigningKey::from_bytes(&[10 + u8::try_from(seed).unwrap(); 32])).0.to_vec();
            let known = proto::KeyAnnounced { station: station.number(), key, revoked: false, ended_ms: 0 };
            entries.push((Kind::Station, record(Record::KeyAnnounced(known))));
        }
        for (kind, body) in entries {
            core.write(hub, Reach::Public, "", kind as u32, body, now_ms()).unwrap();
        }
        core.commit(now_ms()).unwrap();
        let reference = core.reader().reference();
        assert!(reference.organisation().is_some());
        reference
    }

    #[test]
    fn a_hub_that_knows_of_nobody_waits_for_one_and_then_for_those_who_are_announced() {
        let me: StationCode = "990106000000".parse().unwrap();
        let [first, second] = ["990106101000", "990106102000"].map(|code| code.parse::<StationCode>().unwrap());
        let heard = |stations: &[StationCode]| stations.iter().copied().collect::<BTreeSet<_>>();
        let knows_nobody = hub(&[]);
        let any = awaited(me, &knows_nobody, &heard(&[]));
        assert!(any.contains(&first) && any.contains(&second), "any of the townships that are listed: {any:?}");
        assert!(awaited(me, &knows_nobody, &heard(&[first])).is_empty(), "the one brought word of no other");
        let told = hub(&[first, second]);
        assert_eq!(awaited(me, &told, &heard(&[first])), [second], "the one has brought word of another");
        assert!(awaited(me, &told, &heard(&[first, second])).is_empty());
    }
}

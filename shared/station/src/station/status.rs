//! How the station is.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use sanji_log::{StationCode, Stretch, Tier};
use sanji_proto::v1 as proto;
use sanji_replication::StationCondition;
use sanji_store::Halt;

use super::Station;
use crate::clock::now_ms;
use crate::error::Error;

/// What the head of every page says of the station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StationSummary {
    /// Its code.
    pub code: StationCode,
    /// Its full name; the code where the organisation has not arrived.
    pub name: String,
    /// Its level.
    pub tier: Tier,
    /// The district's name; empty where the organisation has not arrived.
    pub district_name: String,
    /// Why the station takes no writes, in Chinese; none while it does.
    pub read_only: Option<String>,
    /// Why this life of the station writes no more, in Chinese: that does not pass, unlike a full disk. None: it lives.
    pub over: Option<String>,
    /// Whether bundles alone carry its work up, since no line does.
    pub by_bundles: bool,
}

impl Station {
    /// What the head of every page says of the station.
    #[must_use]
    pub fn info(&self) -> StationSummary {
        let reference = self.reference();
        let code = self.0.reader.me();
        let organisation = reference.organisation();
        StationSummary {
            code,
            name: reference.station_name(code),
            tier: code.tier(),
            district_name: organisation.map_or_else(String::new, |organisation| organisation.district.name.clone()),
            read_only: self.read_only_reason(),
            over: self.is_over(),
            by_bundles: self.lives_by_bundles(),
        }
    }

    /// Whether no line leads up from here.
    pub(crate) fn lives_by_bundles(&self) -> bool {
        self.0.by_bundles.load(Ordering::Relaxed)
    }

    /// Notes that no line leads to the station above.
    pub fn live_by_bundles(&self) {
        self.0.by_bundles.store(true, Ordering::Relaxed);
    }

    /// The state of the station, for its keeper and for scripts.
    pub async fn status(&self) -> proto::StatusReply {
        let station = self.clone();
        let counted = tokio::task::spawn_blocking(move || station.count()).await;
        let counts = counted.ok().and_then(Result::ok).unwrap_or_default();
        let (reader, reference, info) = (&self.0.reader, self.reference(), self.info());
        let me = reader.me();
        let condition = counts.condition;
        let certificate = reference.keys().get(&reader.key());
        let downstream = self.0.links.statuses(|peer| !me.within(peer));
        proto::StatusReply {
            station: me.number(),
            name: info.name,
            program: self.0.program.name().to_owned(),
            software: env!("CARGO_PKG_VERSION").to_owned(),
            key: reader.key().0.to_vec(),
            clock_ms: now_ms(),
            started_ms: self.0.started_ms,
            writable: info.read_only.is_none(),
            read_only_reason: info.read_only.unwrap_or_default(),
            upstream: self.0.links.upstream(me).map(|link| self.heard_before(link)),
            downstream: downstream.into_iter().map(|link| self.heard_before(link)).collect(),
            logs: counts.logs,
            entries: counts.entries,
            open_cases: counts.open_cases,
            attachments_missing: condition.as_ref().map_or(0, |condition| condition.attachments_missing),
            certificate_until_ms: certificate.map_or(0, |life| life.certificate_until_ms),
            entries_unconfirmed: condition.as_ref().map_or(0, |condition| condition.entries_unconfirmed),
            refused: self.0.links.all_refused(),
            healing: self.healing(),
            forks: self.forks(),
            missing: self.missing_entries(),
            quarantined: condition.as_ref().map_or(0, |condition| condition.quarantined),
            condition: condition.map(Into::into),
            conditions_below: self.conditions_below().into_iter().map(Into::into).collect(),
        }
    }

    /// A process that has not heard a peer yet still has what the peer signed before: its newest receipt for this
    /// station's work says when it was there. A peer's clock may be ahead, but nobody was heard in the future.
    fn heard_before(&self, link: proto::LinkStatus) -> proto::LinkStatus {
        if link.last_heard_ms != 0 {
            return link;
        }
        let receipt_ms = self.newest_receipts().get(&link.station).copied().unwrap_or(0);
        proto::LinkStatus { last_heard_ms: receipt_ms.min(now_ms()), ..link }
    }

    /// When each station last confirmed something of this station's, by its own clock.
    fn newest_receipts(&self) -> BTreeMap<u64, u64> {
        let (store, key) = (self.0.reader.store(), self.0.reader.key());
        let have = store.have();
        let own = have.heads().filter(|head| head.log.key == key);
        let mut newest = BTreeMap::new();
        for receipt in own.flat_map(|head| store.receipts(&head.log)) {
            let at = newest.entry(receipt.station.number()).or_insert(0);
            *at = receipt.time_ms.max(*at);
        }
        newest
    }

    /// Entries that were found damaged and have not come again.
    fn missing_entries(&self) -> Vec<proto::MissingEntries> {
        let missing = self.0.reader.store().missing().into_iter();
        missing
            .map(|Stretch { log, from, until }| proto::MissingEntries { log: Some(log.into()), from, until })
            .collect()
    }

    fn read_only_reason(&self) -> Option<String> {
        let Some(halt) = self.0.reader.store().read_only() else {
            return self.is_over().or_else(|| self.waits());
        };
        Some(halted(&halt).to_owned())
    }

    fn count(&self) -> Result<Counts, Error> {
        let open_cases = self.0.reader.open_cases()?;
        let mut counts = Counts { open_cases, condition: Some(self.condition()), ..Counts::default() };
        for head in self.0.reader.store().have().heads() {
            counts.logs += 1;
            counts.entries += head.seq;
        }
        Ok(counts)
    }
}

/// Why nothing can be saved, and what to do, in words for the desk.
fn halted(halt: &Halt) -> &'static str {
    match halt {
        Halt::Full => {
            "本站磁盘空间已满，已保存的办件不受影响，仍可查阅。请联系系统维护人员清理磁盘，腾出空间后会自动恢复办理。"
        }
        Halt::Failed { .. } => {
            "本站数据写入失败，已保存的办件不受影响，仍可查阅。系统正在自动检查恢复；如几分钟后仍未恢复，请联系系统维护人员检查硬盘。"
        }
    }
}

#[derive(Default)]
struct Counts {
    logs: u64,
    entries: u64,
    open_cases: u64,
    condition: Option<StationCondition>,
}

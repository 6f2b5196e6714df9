//! Forked logs: their branches as the hub has them, and the decision which one counts.

use prost::Message as _;
use sanji_domain::case::codec;
use sanji_log::{EntryBytes, Hash, LogId};
use sanji_proto::v1::{self as proto, station_record::Record};
use sanji_station::clock::now_ms;

use crate::error::Error;
use crate::register::{Register, directory_entry, ending};

/// Bytes of a log read at once.
const READ_BYTES: usize = 1 << 20;

impl Register {
    /// The branches of a forked log: the one in the log first, then those in evidence.
    pub(crate) fn fork(&self, log: &LogId) -> Result<proto::ShowForkReply, Error> {
        let fork = self.station.forks().into_iter().find(|fork| fork.log == Some((*log).into()));
        let fork = fork.ok_or_else(|| Error::Input(format!("log {log} has not forked")))?;
        let store = self.station.store();
        let read = |source| Error::Store { source };
        let mut branches = Vec::new();
        let (mut held, mut runs, mut from) = (Vec::new(), Vec::new(), fork.seq.max(1));
        while let Some(run) = store.read(log, from, READ_BYTES).map_err(read)?.filter(|_| fork.seq > 0) {
            from = run.seal.seq + 1;
            held.extend(run.entries.iter().cloned());
            runs.push(proto::Run::from(run).encode_to_vec());
        }
        branches.extend(branch(log, true, &held, runs));
        for (entries, runs) in
            self.station.evidence(log).map_err(|source| Error::Station { operation: "read the evidence", source })?
        {
            branches.extend(branch(log, false, &entries, runs));
        }
        Ok(proto::ShowForkReply { fork: Some(fork), branches })
    }

    /// Writes the decision into the directory, with the end of the life whose key two machines use.
    pub(crate) async fn decide_fork(&self, log: &LogId, hash: Hash, reason: &str) -> Result<(), Error> {
        let shown = self.fork(log)?;
        let fork = shown.fork.unwrap_or_default();
        if !fork.decided.is_empty() {
            return Err(Error::Input("it was decided before".to_owned()));
        }
        if !shown.branches.iter().any(|branch| branch.hash == hash.0) {
            return Err(Error::Input(format!("no branch begins with {}", hash.to_hex())));
        }
        let reference = self.station.reference();
        let writer = reference.keys().get(&log.key).map(|life| (life.station, life.ended_ms.is_none()));
        let (station, lives) = writer.unwrap_or((log.home, false));
        let decided = proto::ForkDecided {
            log: Some((*log).into()),
            seq: fork.seq,
            hash: hash.0.to_vec(),
            reason: reason.to_owned(),
        };
        let mut entries = vec![directory_entry(station, Record::ForkDecided(decided))];
        if lives && station != self.hub() {
            entries.push(ending(station, log.key, &self.station.store().have(), reason, now_ms()));
        }
        self.write(entries, "write into the directory").await?;
        self.station.record("fork.decided", "", &log.to_string(), reason);
        Ok(())
    }
}

fn branch(log: &LogId, held: bool, entries: &[EntryBytes], runs: Vec<Vec<u8>>) -> Option<proto::ForkBranch> {
    let first = entries.first()?;
    let decoded = entries.iter().filter_map(|bytes| bytes.decode().ok());
    let entries = decoded.map(|entry| proto::DumpedEntry {
        log: Some((*log).into()),
        seq: entry.seq,
        hash: entry.hash.0.to_vec(),
        case_number: entry.case.map_or_else(String::new, |case| case.number().to_string()),
        kind: codec::kind_name(entry.kind, &entry.body),
    });
    Some(proto::ForkBranch { hash: first.hash().0.to_vec(), held, entries: entries.collect(), runs })
}

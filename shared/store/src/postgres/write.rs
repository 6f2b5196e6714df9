//! Writing: in the one session that holds the lock.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use sanji_log::{CaseId, LogId, Receipt, StationCode};
use tokio_postgres::Row;

use super::session::{Connection, Parameter, get};
use super::{Log, PostgresStore, Writer, heads, signed};
use crate::bounds::{check_bounds, check_head, check_projection};
use crate::contract::{Commit, Error, Halt, Projection};
use crate::receipts::Receipts;
use crate::record;

const COMMIT: &str = "
WITH heads AS (
    INSERT INTO log (id, home, reach, key, seq, hash)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::bytea[], $5::bigint[], $6::bytea[])
    ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash
), runs AS (
    INSERT INTO run (position, log, first_seq, last_seq, hash, signature, arrived_ms, bytes)
    SELECT position, log, first_seq, last_seq, hash, signature, $10::bigint, bytes
    FROM unnest($7::bigint[], $1::bigint[], $8::bigint[], $5::bigint[], $6::bytea[], $9::bytea[], $11::bigint[])
        AS new (position, log, first_seq, last_seq, hash, signature, bytes)
), entries AS (
    INSERT INTO entry (log, seq, position, case_id, bytes)
    SELECT * FROM unnest($12::bigint[], $13::bigint[], $14::bigint[], $15::bytea[], $16::bytea[])
), keys AS (
    INSERT INTO case_key (case_id, wrapped)
    SELECT * FROM unnest($17::bytea[], $18::bytea[])
    ON CONFLICT (case_id) DO UPDATE SET wrapped = excluded.wrapped
), receipts AS (
    INSERT INTO receipt (home, reach, key, station, receipt)
    SELECT * FROM unnest($19::bigint[], $20::smallint[], $21::bytea[], $22::bigint[], $23::bytea[])
    ON CONFLICT (home, reach, key, station) DO UPDATE SET receipt = excluded.receipt
)
SELECT 1";

const SHOW: &str = "
WITH replaced AS (
    DELETE FROM snapshot USING unnest($1::bytea[]) AS whole (id) WHERE case_id = whole.id AND part > 0
), whole AS (
    INSERT INTO snapshot (case_id, part, bytes) SELECT id, 0, bytes FROM unnest($1::bytea[], $2::bytea[]) AS new (id, bytes)
    ON CONFLICT (case_id, part) DO UPDATE SET bytes = excluded.bytes
), added AS (
    INSERT INTO snapshot (case_id, part, bytes)
    SELECT id, (SELECT max(part) + 1 FROM snapshot WHERE case_id = id), bytes
    FROM unnest($3::bytea[], $4::bytea[]) AS new (id, bytes)
), removed AS (
    DELETE FROM list_row USING unnest($5::bytea[], $6::bytea[]) AS gone (list, key)
    WHERE list_row.list = gone.list AND list_row.key = gone.key
), rows AS (
    INSERT INTO list_row (list, key, value) SELECT * FROM unnest($7::bytea[], $8::bytea[], $9::bytea[])
    ON CONFLICT (list, key) DO UPDATE SET value = excluded.value
)
UPDATE sanji SET projected = $10";

/// How many of these cases have no snapshot.
const LACKING: &str = "
SELECT count(*) FROM unnest($1::bytea[]) AS wanted (id)
WHERE NOT EXISTS (SELECT FROM snapshot WHERE case_id = wanted.id)";

/// Takes back every run behind a position.
const TAKE_BACK: &str = "
WITH gone AS (
    DELETE FROM run WHERE position > $1 RETURNING log
), entries AS (
    DELETE FROM entry USING gone WHERE entry.log = gone.log AND entry.position > $1
), heads AS (
    UPDATE log SET seq = last.last_seq, hash = last.hash
    FROM (SELECT DISTINCT ON (log) log, last_seq, hash FROM run WHERE position <= $1 AND log IN (SELECT log FROM gone)
          ORDER BY log, last_seq DESC) AS last
    WHERE log.id = last.log
), begun AS (
    DELETE FROM log WHERE id IN (SELECT log FROM gone)
        AND NOT EXISTS (SELECT FROM run WHERE run.log = log.id AND position <= $1)
)
SELECT count(*) FROM gone";

impl PostgresStore {
    /// Lets the session that holds the lock do a statement.
    pub(super) fn write(
        &self,
        writer: &Writer,
        operation: &'static str,
        sql: &'static str,
        parameters: Vec<Parameter>,
    ) -> Result<Vec<Row>, Error> {
        let connection = writer.connection.clone();
        let done = self.session.wait(async move { connection.rows(operation, sql, &parameters).await });
        done.map_err(|error| self.note_failure(error))
    }

    /// Fails where an earlier failure is final. A full disk is none.
    pub(super) fn check_writable(&self) -> Result<(), Error> {
        match &*self.halt() {
            Some(Halt::Failed { reason }) => Err(Error::ReadOnly { reason: reason.clone() }),
            Some(Halt::Full) | None => Ok(()),
        }
    }

    fn note_failure(&self, error: Error) -> Error {
        let halt = match &error {
            Error::Full { .. } => Halt::Full,
            Error::Database { source, .. } => {
                let mut reason = format!("{error}: {source}");
                let mut cause = source.source();
                while let Some(why) = cause {
                    reason = format!("{reason}: {why}");
                    cause = why.source();
                }
                Halt::Failed { reason }
            }
            _ => return error,
        };
        let mut known = self.halt();
        if !matches!(*known, Some(Halt::Failed { .. })) {
            *known = Some(halt);
        }
        error
    }

    pub(super) fn write_commit(&self, commit: &Commit) -> Result<(), Error> {
        check_bounds(commit)?;
        let mut writer = self.writer();
        self.check_writable()?;
        for extension in &commit.extensions {
            let held = self.logs().get(&extension.run.log).map(|held| (held.seq, held.hash));
            check_head(extension, held)?;
        }
        if commit.extensions.is_empty() && commit.case_keys.is_empty() && commit.receipts.is_empty() {
            return Ok(());
        }
        let receipts = self.furthest(&commit.receipts);
        let (changed, end, next_log) = self.changed(commit, &writer);
        let parameters = parameters(commit, &changed, &receipts, &writer);
        self.write(&writer, "commit", COMMIT, parameters)?;
        writer.end = end;
        writer.next_log = next_log;
        self.logs.write().unwrap_or_else(PoisonError::into_inner).extend(changed);
        let mut kept = self.receipts.write().unwrap_or_else(PoisonError::into_inner);
        for receipt in receipts.values() {
            kept.keep(receipt);
        }
        *self.halt() = None;
        Ok(())
    }

    /// The heads that a commit moves, in its order, where it ends, and the number of the next new log.
    fn changed(&self, commit: &Commit, writer: &Writer) -> (Vec<(LogId, Log)>, i64, i64) {
        let logs = self.logs();
        let mut next_log = writer.next_log;
        let changed: Vec<_> = commit
            .extensions
            .iter()
            .map(|extension| {
                let (log, seal) = (extension.run.log, extension.run.seal);
                let id = logs.get(&log).map_or(next_log, |held| held.id);
                next_log = next_log.max(id + 1);
                (log, Log { id, seq: seal.seq, hash: seal.hash })
            })
            .collect();
        let end = writer.end + signed(changed.len() as u64);
        (changed, end, next_log)
    }

    /// The receipts that are to be kept: of each log and station the one that the rules leave.
    fn furthest(&self, receipts: &[Receipt]) -> BTreeMap<(LogId, StationCode), Receipt> {
        let held = self.receipts.read().unwrap_or_else(PoisonError::into_inner);
        let mut kept = Receipts::default();
        for log in receipts.iter().map(|receipt| receipt.head.log) {
            for receipt in held.of(&log) {
                kept.keep(&receipt);
            }
        }
        let new = receipts.iter().filter(|receipt| kept.keep(receipt));
        new.map(|receipt| ((receipt.head.log, receipt.station), receipt.clone())).collect()
    }

    /// Shows a projection; afterwards what `until` says is projected.
    pub(super) fn show(&self, projection: &Projection, until: impl Fn(&Writer) -> i64) -> Result<(), Error> {
        check_projection(projection)?;
        // Held, so that no commit comes between that is not in the projection.
        let mut writer = self.writer();
        self.check_writable()?;
        let (mut whole, mut added) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        for snapshot in &projection.cases {
            let (cases, bytes) = if snapshot.is_addition { &mut added } else { &mut whole };
            cases.push(snapshot.case.as_bytes().to_vec());
            bytes.push(snapshot.bytes.clone());
        }
        if !added.0.is_empty() {
            let lacking = self.write(&writer, "look at snapshots", LACKING, vec![Box::new(added.0.clone())])?;
            if lacking.first().map_or(Ok(0), |row| get::<i64>(row, 0))? > 0 {
                return Err(Error::Invalid { what: "an addition to a snapshot that is not there" });
            }
        }
        // The last word on each row counts.
        let last: BTreeMap<_, _> = projection.rows.iter().map(|row| ((&row.list, &row.key), &row.value)).collect();
        let (mut removed, mut set) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new(), Vec::new()));
        for ((list, key), value) in last {
            match value {
                None => {
                    removed.0.push(list.clone());
                    removed.1.push(key.clone());
                }
                Some(value) => {
                    set.0.push(list.clone());
                    set.1.push(key.clone());
                    set.2.push(value.clone());
                }
            }
        }
        let projected = until(&writer);
        let parameters: Vec<Parameter> = vec![
            Box::new(whole.0),
            Box::new(whole.1),
            Box::new(added.0),
            Box::new(added.1),
            Box::new(removed.0),
            Box::new(removed.1),
            Box::new(set.0),
            Box::new(set.1),
            Box::new(set.2),
            Box::new(projected),
        ];
        self.write(&writer, "show what was committed", SHOW, parameters)?;
        writer.projected = projected;
        Ok(())
    }

    /// The row is overwritten at once; the server's log of changes and its backups have the encrypted key for as long as
    /// the administrator keeps them.
    pub(super) fn destroy_key(&self, case: &CaseId) -> Result<(), Error> {
        const DESTROY: &str = "destroy the key of a case";
        let writer = self.writer();
        self.check_writable()?;
        let sql = "UPDATE case_key SET wrapped = NULL WHERE case_id = $1";
        self.write(&writer, DESTROY, sql, vec![Box::new(case.as_bytes().to_vec())])?;
        let connection = writer.connection.clone();
        // Or the old row would lie in the table's file until the server finds the time.
        let cleaned = self.session.wait(async move { connection.batch(DESTROY, "VACUUM case_key").await });
        cleaned.map_err(|error| self.note_failure(error))
    }

    /// Looks whether it may write again, after the session was lost or a statement failed.
    pub(super) fn try_again(&self) -> Result<(), Error> {
        let Some(halt) = self.halted() else { return Ok(()) };
        // Held, so that nobody commits meanwhile.
        let mut writer = self.writer();
        if matches!(halt, Halt::Failed { .. }) {
            let mut connection = writer.connection.clone();
            if connection.is_closed() {
                connection = self.session.connect()?;
            }
            let (epoch, end, begun) = (writer.epoch, writer.end, connection.clone());
            let (logs, projected) = self.session.wait(async move { begin_again(&begun, epoch, end).await })?;
            writer.connection = connection;
            writer.projected = projected;
            *self.logs.write().unwrap_or_else(PoisonError::into_inner) = logs;
            tracing::info!(position = writer.end, "the database takes writes again");
        }
        *self.halt() = None;
        Ok(())
    }
}

/// Takes the lock again, and takes back what was committed without anybody having been told. A projection whose answer was
/// lost stays: what is projected is read anew.
async fn begin_again(connection: &Arc<Connection>, epoch: i64, end: i64) -> Result<(BTreeMap<LogId, Log>, i64), Error> {
    look_again(connection, epoch).await?;
    // A session that has the lock may ask for it twice.
    if !connection.claim().await? {
        return Err(Error::DatabaseInUse);
    }
    let projected = look_again(connection, epoch).await?;
    super::durable(connection).await?;
    let taken_back = connection.rows("take a commit back", TAKE_BACK, &[Box::new(end)]).await?;
    let runs: i64 = taken_back.first().map_or(Ok(0), |row| get(row, 0))?;
    if runs > 0 {
        tracing::warn!(runs, "a commit was taken back: its answer had been lost");
    }
    Ok((heads(connection).await?, projected))
}

/// What is projected, as long as nobody else has begun to write.
async fn look_again(connection: &Connection, epoch: i64) -> Result<i64, Error> {
    let found = connection.rows("look who has written", "SELECT epoch, projected FROM sanji", &[]).await?;
    let found = found.first().ok_or(Error::TakenOver)?;
    if get::<i64>(found, 0)? == epoch { get(found, 1) } else { Err(Error::TakenOver) }
}

fn parameters(
    commit: &Commit,
    changed: &[(LogId, Log)],
    receipts: &BTreeMap<(LogId, StationCode), Receipt>,
    writer: &Writer,
) -> Vec<Parameter> {
    let runs = || commit.extensions.iter().map(|extension| &extension.run);
    let positions: Vec<i64> = (writer.end + 1..).take(changed.len()).collect();
    let each = || {
        runs().zip(changed).zip(&positions).flat_map(|((run, (_, log)), position)| {
            (run.first_seq()..).zip(&run.entries).map(move |(seq, entry)| (log.id, seq, *position, entry))
        })
    };
    // Of two keys of one case the later one counts.
    let keys: BTreeMap<_, _> = commit.case_keys.iter().map(|key| (key.case, key.bytes.clone())).collect();
    vec![
        Box::new(changed.iter().map(|(_, log)| log.id).collect::<Vec<_>>()),
        Box::new(changed.iter().map(|(log, _)| signed(log.home.number())).collect::<Vec<_>>()),
        Box::new(changed.iter().map(|(log, _)| i16::from(log.reach.number())).collect::<Vec<_>>()),
        Box::new(changed.iter().map(|(log, _)| log.key.as_bytes().to_vec()).collect::<Vec<_>>()),
        Box::new(changed.iter().map(|(_, log)| signed(log.seq)).collect::<Vec<_>>()),
        Box::new(changed.iter().map(|(_, log)| log.hash.as_bytes().to_vec()).collect::<Vec<_>>()),
        Box::new(positions.clone()),
        Box::new(runs().map(|run| signed(run.first_seq())).collect::<Vec<_>>()),
        Box::new(runs().map(|run| run.seal.signature.to_vec()).collect::<Vec<_>>()),
        Box::new(signed(commit.time_ms)),
        Box::new(runs().map(|run| signed(run.size() as u64)).collect::<Vec<_>>()),
        Box::new(each().map(|(log, ..)| log).collect::<Vec<_>>()),
        Box::new(each().map(|(_, seq, ..)| signed(seq)).collect::<Vec<_>>()),
        Box::new(each().map(|(_, _, position, _)| position).collect::<Vec<_>>()),
        Box::new(each().map(|(.., entry)| entry.case().case.map(|case| case.as_bytes().to_vec())).collect::<Vec<_>>()),
        Box::new(each().map(|(.., entry)| entry.0.to_vec()).collect::<Vec<_>>()),
        Box::new(keys.keys().map(|case| case.as_bytes().to_vec()).collect::<Vec<_>>()),
        Box::new(keys.into_values().collect::<Vec<_>>()),
        Box::new(receipts.keys().map(|(log, _)| signed(log.home.number())).collect::<Vec<_>>()),
        Box::new(receipts.keys().map(|(log, _)| i16::from(log.reach.number())).collect::<Vec<_>>()),
        Box::new(receipts.keys().map(|(log, _)| log.key.as_bytes().to_vec()).collect::<Vec<_>>()),
        Box::new(receipts.keys().map(|(_, station)| signed(station.number())).collect::<Vec<_>>()),
        Box::new(receipts.values().map(record::encode_receipt).collect::<Vec<_>>()),
    ]
}

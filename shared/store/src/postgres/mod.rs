//! A hub's store in PostgreSQL: for a district that outgrows one machine, or wants a second one to take over.
//!
//! The tables are in `schema.sql`. A commit is one statement, and so is a projection: each is there whole or not at all,
//! and durable when it returns. The server must make writes durable (`fsync`, `full_page_writes`), or it is not used.
//!
//! **One hub process writes at a time.** A log has one writer, so several that write would part it. The process holds an
//! advisory lock in the very session in which it writes: when the session ends, the lock is free, and nothing can be
//! written with it any more. Others wait ([`PostgresStore::open`]) and take over. One that has lost its session looks,
//! before it writes again, whether somebody has written meanwhile (`epoch`); then it must be started anew.
//!
//! A commit whose answer was lost with the session may have been done. Nobody was told so, so it is taken back before the
//! store takes writes again.
//!
//! | module | holds |
//! | --- | --- |
//! | `session` | connections, for callers that block |
//! | `write` | commits, projections, taking back |
//! | `read` | entries, cases, lists, checks |
//! | `attachments` | contents in chunks, uploads |

mod attachments;
mod read;
mod session;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use sanji_log::{
    AttachmentId, AttachmentRef, CaseId, EntryBytes, Hash, Have, Head, LogId, PublicKey, Reach, Receipt, Run,
    StationCode,
};
use tokio_postgres::Row;

use crate::contract::{
    AttachmentState, CaseEntry, Commit, Error, Faults, Halt, HeldKey, HeldSnapshot, Projection, Replay, Store, Upload,
    Visit,
};
use crate::receipts::Receipts;
use crate::record;
pub use session::Options;
use session::{Connection, Session, database, get};

/// Version of the tables.
const FORMAT: i32 = 1;

/// A store in PostgreSQL.
pub struct PostgresStore {
    session: Session,
    writer: Mutex<Writer>,
    logs: RwLock<BTreeMap<LogId, Log>>,
    receipts: RwLock<Receipts>,
    halt: Mutex<Option<Halt>>,
}

/// What only the one that writes needs.
struct Writer {
    connection: Arc<Connection>,
    epoch: i64,
    /// Position of the last run.
    end: i64,
    /// Of the last run whose consequences are shown.
    projected: i64,
    /// Number of the next new log.
    next_log: i64,
}

#[derive(Debug, Clone, Copy)]
struct Log {
    id: i64,
    seq: u64,
    hash: Hash,
}

/// What is known of the tables when somebody begins to write.
struct Known {
    writer: Writer,
    logs: BTreeMap<LogId, Log>,
    receipts: Receipts,
}

impl PostgresStore {
    /// Opens the store; makes its tables in an empty database. Where another process writes, `may_wait` is asked about
    /// once a second: while it says yes, this one waits to take over.
    ///
    /// # Errors
    /// [`Error::DatabaseInUse`] where it may not wait; [`Error::Moved`]; [`Error::Format`]; [`Error::Database`], also where
    /// the server does not make writes durable.
    pub fn open(options: &Options, may_wait: &mut dyn FnMut() -> bool) -> Result<Self, Error> {
        let session = Session::start(options)?;
        let connection = session.connect()?;
        loop {
            let claiming = connection.clone();
            if session.wait(async move { claiming.claim().await })? {
                break;
            }
            if !may_wait() {
                return Err(Error::DatabaseInUse);
            }
        }
        let known = session.wait(async move { begin(connection).await })?;
        Ok(Self {
            session,
            writer: Mutex::new(known.writer),
            logs: RwLock::new(known.logs),
            receipts: RwLock::new(known.receipts),
            halt: Mutex::default(),
        })
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn logs(&self) -> RwLockReadGuard<'_, BTreeMap<LogId, Log>> {
        self.logs.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn halt(&self) -> MutexGuard<'_, Option<Halt>> {
        self.halt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn halted(&self) -> Option<Halt> {
        // A session that is lost may let another process write, so nobody waits for the next commit to find out.
        let is_lost = self.writer.try_lock().is_ok_and(|writer| writer.connection.is_closed());
        let lost = || Halt::Failed { reason: "the connection to the database is lost".to_owned() };
        self.halt().clone().or_else(|| is_lost.then(lost))
    }

    fn heads(&self, wanted: impl Fn(&LogId) -> bool) -> Have {
        let logs = self.logs();
        let wanted = logs.iter().filter(|(log, _)| wanted(log));
        wanted.map(|(log, held)| Head { log: *log, seq: held.seq, hash: held.hash }).collect()
    }
}

/// Makes the tables where there are none, checks the server, and begins a new epoch.
async fn begin(connection: Arc<Connection>) -> Result<Known, Error> {
    durable(&connection).await?;
    const LOOK: &str = "look at the database's tables";
    let tables = connection.rows(LOOK, "SELECT to_regclass('sanji') IS NOT NULL", &[]).await?;
    if !tables.first().map_or(Ok(false), |row| get(row, 0))? {
        let schema = concat!("BEGIN;", include_str!("schema.sql"), "COMMIT");
        connection.batch("make the database's tables", schema).await?;
    }
    let found = connection.rows(LOOK, "SELECT format, moved FROM sanji", &[]).await?;
    let found = found.first().ok_or_else(|| database(LOOK, "they are not those of a hub"))?;
    let format: i32 = get(found, 0)?;
    if format != FORMAT {
        let found = u32::try_from(format).unwrap_or_default();
        return Err(Error::Format { path: "the database".into(), found, readable: FORMAT.unsigned_abs() });
    }
    if let Some(to) = get(found, 1)? {
        return Err(Error::Moved { to });
    }
    const BEGIN: &str = "begin to write";
    let begun = connection.rows(BEGIN, "UPDATE sanji SET epoch = epoch + 1 RETURNING epoch, projected", &[]).await?;
    let begun = begun.first().ok_or_else(|| database(BEGIN, "the table sanji is empty"))?;
    let (epoch, projected) = (get(begun, 0)?, get(begun, 1)?);
    let end = connection.rows(LOOK, "SELECT coalesce(max(position), 0) FROM run", &[]).await?;
    let end = end.first().map_or(Ok(0), |row| get(row, 0))?;
    let logs = heads(&connection).await?;
    let next_log = logs.values().map(|log| log.id + 1).max().unwrap_or(1);
    let mut receipts = Receipts::default();
    for row in connection.rows("read the receipts", "SELECT receipt FROM receipt", &[]).await? {
        let receipt = record::decode_receipt(get(&row, 0)?);
        receipts.keep(&receipt.map_err(|fault| Error::Damaged { what: format!("a receipt: {}", fault.0) })?);
    }
    Ok(Known { writer: Writer { connection, epoch, end, projected, next_log }, logs, receipts })
}

/// Fails where what the server has confirmed could be lost.
async fn durable(connection: &Connection) -> Result<(), Error> {
    const LOOK: &str = "use the database";
    let settings = "SELECT current_setting('fsync'), current_setting('full_page_writes'), \
                    current_setting('synchronous_commit')";
    let rows = connection.rows(LOOK, settings, &[]).await?;
    let row = rows.first().ok_or_else(|| database(LOOK, "it does not say whether it makes writes durable"))?;
    if [get::<&str>(row, 0)?, get(row, 1)?].contains(&"off") {
        return Err(database(LOOK, "it does not make writes durable: set fsync and full_page_writes to on"));
    }
    // Where the administrator wants more than that, another server, it stays so.
    if ["off", "local"].contains(&get(row, 2)?) {
        connection.batch(LOOK, "SET synchronous_commit = on").await?;
    }
    Ok(())
}

async fn heads(connection: &Connection) -> Result<BTreeMap<LogId, Log>, Error> {
    let rows =
        connection.rows("read the heads of logs", "SELECT home, reach, key, id, seq, hash FROM log", &[]).await?;
    rows.iter()
        .map(|row| Ok((log_of(row)?, Log { id: get(row, 3)?, seq: unsigned(row, 4)?, hash: hash(row, 5)? })))
        .collect()
}

/// A log's name from the first three columns.
fn log_of(row: &Row) -> Result<LogId, Error> {
    let wrong = |_| Error::Damaged { what: "the name of a log".to_owned() };
    let home = StationCode::from_number(unsigned(row, 0)?).map_err(wrong)?;
    let reach = Reach::from_number(get::<i16>(row, 1)?.into()).map_err(wrong)?;
    Ok(LogId { reach, home, key: PublicKey::try_from(get::<&[u8]>(row, 2)?).map_err(wrong)? })
}

fn hash(row: &Row, column: usize) -> Result<Hash, Error> {
    Hash::try_from(get::<&[u8]>(row, column)?).map_err(|_| Error::Damaged { what: "a hash".to_owned() })
}

fn unsigned(row: &Row, column: usize) -> Result<u64, Error> {
    u64::try_from(get::<i64>(row, column)?).map_err(|_| Error::Damaged { what: "a number below zero".to_owned() })
}

/// As PostgreSQL counts; nothing that is stored comes near its end.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Store for PostgresStore {
    fn commit(&self, commit: &Commit) -> Result<(), Error> {
        self.write_commit(commit)
    }

    fn project(&self, projection: &Projection) -> Result<(), Error> {
        self.show(projection, |writer| writer.end)
    }

    fn project_part(&self, part: &Projection) -> Result<(), Error> {
        self.show(part, |writer| writer.projected)
    }

    fn have(&self) -> Have {
        self.heads(|_| true)
    }

    fn have_for(&self, station: StationCode) -> Have {
        self.heads(|log| log.held_by(station))
    }

    fn head(&self, log: &LogId) -> Option<(u64, Hash)> {
        self.logs().get(log).map(|held| (held.seq, held.hash))
    }

    fn read(&self, log: &LogId, from: u64, max_bytes: usize) -> Result<Option<Run>, Error> {
        self.read_run(log, from.max(1), max_bytes)
    }

    fn entry(&self, log: &LogId, seq: u64) -> Result<Option<EntryBytes>, Error> {
        self.read_entry(log, seq)
    }

    fn case_entries(&self, case: &CaseId) -> Result<Vec<CaseEntry>, Error> {
        self.read_case(case)
    }

    fn case_key(&self, case: &CaseId) -> Result<HeldKey, Error> {
        self.read_key(case)
    }

    fn destroy_case_key(&self, case: &CaseId) -> Result<(), Error> {
        self.destroy_key(case)
    }

    fn receipts(&self, log: &LogId) -> Vec<Receipt> {
        self.receipts.read().unwrap_or_else(PoisonError::into_inner).of(log)
    }

    fn snapshot(&self, case: &CaseId) -> Result<Option<HeldSnapshot>, Error> {
        self.read_snapshot(case)
    }

    fn cases_with_prefix(&self, prefix: &[u8], limit: usize) -> Result<Vec<CaseId>, Error> {
        self.read_cases(prefix, limit)
    }

    fn rows(
        &self,
        list: &[u8],
        after: Option<&[u8]>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        self.read_rows(list, after, newest_first, limit)
    }

    fn row(&self, list: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.read_row(list, key)
    }

    fn unprojected(&self, replay: &mut dyn Replay) -> Result<u64, Error> {
        self.replay_unprojected(replay)
    }

    fn for_each_run(&self, visit: &mut Visit<'_>) -> Result<Vec<String>, Error> {
        self.each_run_after(0, visit).map(|()| Vec::new())
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Faults, Error> {
        self.verify_all(progress)
    }

    fn read_only(&self) -> Option<Halt> {
        self.halted()
    }

    fn recover(&self) -> Result<(), Error> {
        self.try_again()
    }

    fn mark_moved(&self, to: &str) -> Result<(), Error> {
        let writer = self.writer();
        self.check_writable()?;
        self.write(
            &writer,
            "note that the records are moved",
            "UPDATE sanji SET moved = $1",
            vec![Box::new(to.to_owned())],
        )
        .map(|_| ())
    }

    fn attachment(&self, id: &AttachmentId) -> Result<AttachmentState, Error> {
        self.attachment_state(id)
    }

    fn put_manifest(&self, id: &AttachmentId, manifest: &[u8], size: u64) -> Result<(), Error> {
        self.keep_manifest(id, manifest, size)
    }

    fn put_chunk(&self, id: &AttachmentId, chunk: u32, data: &[u8]) -> Result<bool, Error> {
        self.keep_chunk(id, chunk, data)
    }

    fn chunk(&self, id: &AttachmentId, chunk: u32) -> Result<Option<Bytes>, Error> {
        self.read_chunk(id, chunk)
    }

    fn put_upload(&self, parts: &mut dyn Iterator<Item = Vec<u8>>, note: &[u8]) -> Result<AttachmentRef, Error> {
        self.keep_upload(parts, note)
    }

    fn uploads(&self) -> Result<Vec<Upload>, Error> {
        self.waiting_uploads()
    }

    fn upload_named(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error> {
        self.name_upload(id, note)
    }

    fn drop_upload(&self, id: &AttachmentId, note: &[u8]) -> Result<(), Error> {
        self.forget_upload(id, note)
    }
}

//! Connections to the database, for callers that block: a thread of its own drives them.

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::contract::Error;

/// A server that does not answer for this long is not there.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A server that has gone without a word is noticed within half a minute, whether it owes an answer or not.
const SILENT_FOR: Duration = Duration::from_secs(10);
const ASK_EVERY: Duration = Duration::from_secs(5);
const ASK_TIMES: u32 = 3;
const ANSWER_WITHIN: Duration = Duration::from_secs(25);
/// Where a server on this machine listens, if the address names no host.
const SOCKETS: &str = "/var/run/postgresql";
/// The advisory lock of the hub process that writes: "sanji".
const LOCK: i64 = 0x0073_616e_6a69;
/// Every statement looks rows up by their keys. The server may guess that one does more, and compile it for half a second.
const EVERY_CONNECTION: &str = "SET jit = off";
/// A lock is waited for, but not for ever.
const CLAIMING: &str = "SET lock_timeout = '1s'";
/// The server notices within half a minute that the machine of the writing process is gone, and lets another one write.
const WRITING: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; \
                       SET lock_timeout = 0";

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// A connection string of PostgreSQL, for example `postgresql://sanji@db.example/sanji`.
    pub url: String,
    /// File with the certificates, in PEM, of the authority that vouches for the server. None: the database is on this
    /// machine, and the connection is not encrypted.
    pub authority: Option<PathBuf>,
}

/// A parameter of a statement.
pub(super) type Parameter = Box<dyn ToSql + Sync + Send>;

/// The thread with the connections. Whoever drops it waits until they are closed.
pub(super) struct Session {
    target: Arc<Target>,
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    reading: Mutex<Option<Arc<Connection>>>,
}

/// Where to connect to, checked.
struct Target {
    config: tokio_postgres::Config,
    tls: Option<MakeRustlsConnect>,
}

/// One connection with the statements that it knows.
pub(super) struct Connection {
    client: Client,
    prepared: tokio::sync::Mutex<HashMap<&'static str, Statement>>,
}

impl Session {
    /// Checks the options and starts the thread; connects nowhere yet.
    pub(super) fn start(options: &Options) -> Result<Self, Error> {
        let target = Arc::new(Target::new(options)?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| database("start the database's thread", source))?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let run = move || drop(runtime.block_on(stopped));
        let thread = std::thread::Builder::new().name("store-database".to_owned()).spawn(run);
        let thread = thread.map_err(|source| database("start the database's thread", source))?;
        Ok(Self { target, handle, stop: Some(stop), thread: Some(thread), reading: Mutex::default() })
    }

    /// Waits for what the thread does. A task of another runtime may wait, too, as it would for a disk.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (tell, told) = mpsc::sync_channel(1);
        self.handle.spawn(async move { drop(tell.send(work.await)) });
        told.recv().unwrap_or_else(|_| Err(database("ask the database", "its thread has ended")))
    }

    /// A new connection.
    pub(super) fn connect(&self) -> Result<Arc<Connection>, Error> {
        let target = self.target.clone();
        self.wait(async move { target.connect().await.map(Arc::new) })
    }

    /// The rows that a query finds, over the connection that all readers share. One that was lost is made anew.
    pub(super) fn query(
        &self,
        operation: &'static str,
        sql: &'static str,
        parameters: Vec<Parameter>,
    ) -> Result<Vec<Row>, Error> {
        let known = self.reading.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let target = self.target.clone();
        let (connection, found) = self.wait(async move {
            if let Some(connection) = known.filter(|connection| !connection.is_closed()) {
                let found = connection.rows(operation, sql, &parameters).await;
                if found.is_ok() || !connection.is_closed() {
                    return Ok((connection, found));
                }
            }
            let connection = Arc::new(target.connect().await?);
            let found = connection.rows(operation, sql, &parameters).await;
            Ok((connection, found))
        })?;
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        found
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Target {
    fn new(options: &Options) -> Result<Self, Error> {
        const READ: &str = "read the database's address";
        let mut config: tokio_postgres::Config = options.url.parse().map_err(|source| database(READ, source))?;
        config.application_name("sanji-hub").tcp_user_timeout(ANSWER_WITHIN);
        config.keepalives_idle(SILENT_FOR).keepalives_interval(ASK_EVERY).keepalives_retries(ASK_TIMES);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_WITHIN);
        }
        if config.get_hosts().is_empty() {
            config.host_path(SOCKETS);
        }
        let is_here = |host: &Host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) => {
                name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        };
        let Some(authority) = &options.authority else {
            let are_here = config.get_hosts().iter().all(is_here);
            return match are_here && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback) {
                true => Ok(Self { config, tls: None }),
                false => Err(database(
                    READ,
                    "it is on another machine, so the connection must be encrypted: name the authority that has issued \
                     the server's certificate",
                )),
            };
        };
        const TRUST: &str = "read the authority of the database's certificate";
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(authority).map_err(|source| database(TRUST, source))? {
            let certificate = certificate.map_err(|source| database(TRUST, source))?;
            roots.add(certificate).map_err(|source| database(TRUST, source))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|source| database("prepare TLS", source))?;
        let tls = builder.with_root_certificates(roots).with_no_client_auth();
        config.ssl_mode(SslMode::Require);
        Ok(Self { config, tls: Some(MakeRustlsConnect::new(tls)) })
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let fault = |source| database("connect to the database", source);
        let client = match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(fault)?;
                tokio::spawn(connection);
                client
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(fault)?;
                tokio::spawn(connection);
                client
            }
        };
        let connection = Connection { client, prepared: tokio::sync::Mutex::default() };
        connection.batch("set the connection up", EVERY_CONNECTION).await?;
        Ok(connection)
    }
}

impl Connection {
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The rows that a statement gives.
    pub(super) async fn rows(
        &self,
        operation: &'static str,
        sql: &'static str,
        parameters: &[Parameter],
    ) -> Result<Vec<Row>, Error> {
        let statement = self.statement(sql).await.map_err(|fault| failed(operation, fault))?;
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|value| &**value as _).collect();
        self.client.query(&statement, &parameters).await.map_err(|fault| failed(operation, fault))
    }

    /// Several statements without parameters.
    pub(super) async fn batch(&self, operation: &'static str, sql: &str) -> Result<(), Error> {
        self.client.batch_execute(sql).await.map_err(|fault| failed(operation, fault))
    }

    /// Asks to be the only one that writes, and keeps that until the connection ends. Where another process is, it stands
    /// in line for a second. False: the other still is.
    pub(super) async fn claim(&self) -> Result<bool, Error> {
        const CLAIM: &str = "ask for the right to write";
        self.batch(CLAIM, CLAIMING).await?;
        match self.rows(CLAIM, "SELECT pg_advisory_lock($1)", &[Box::new(LOCK)]).await {
            Ok(_) => self.batch(CLAIM, WRITING).await.map(|()| true),
            Err(Error::DatabaseInUse) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn statement(&self, sql: &'static str) -> Result<Statement, tokio_postgres::Error> {
        let mut prepared = self.prepared.lock().await;
        if let Some(known) = prepared.get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).await?;
        prepared.insert(sql, statement.clone());
        Ok(statement)
    }
}

/// A column of a row.
pub(super) fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, Error> {
    row.try_get(column).map_err(|source| database("read a row of the database", source))
}

/// What the database says of a statement that it did not do.
fn failed(operation: &'static str, fault: tokio_postgres::Error) -> Error {
    match fault.code() {
        Some(&SqlState::LOCK_NOT_AVAILABLE) => Error::DatabaseInUse,
        Some(&SqlState::DISK_FULL) => Error::Full { source: std::io::Error::other(fault) },
        _ => database(operation, fault),
    }
}

pub(super) fn database(operation: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Database { operation, source: source.into() }
}

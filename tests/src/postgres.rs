//! A PostgreSQL server of a test's own: its data and its socket lie in a folder, nobody else reaches it.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::{Uid, User};

use crate::Error;

/// Where Debian puts the server's programs, by version.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Who owns the databases.
const OWNER: &str = "sanji";
/// Names the socket; nobody listens there.
const PORT: u16 = 5432;
const READY_WITHIN: Duration = Duration::from_secs(30);

/// The server; it ends with the value.
#[derive(Debug)]
pub struct Server {
    programs: PathBuf,
    folder: tempfile::TempDir,
    settings: Vec<String>,
    port: u16,
    running: Option<Child>,
}

impl Server {
    /// Makes a server with these settings, for example `fsync=on`, and starts it.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Command`] where it does not start, or is not installed (`tests/run --install`).
    pub fn start(settings: &[&str]) -> Result<Self, Error> {
        let io = |operation| move |source| Error::Io { operation, source };
        let folder = tempfile::Builder::new().prefix("pg").tempdir().map_err(io("make a folder"))?;
        // Its user is another one than that of the tests, if these run as root.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))
            .map_err(io("open a folder to others"))?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data).map_err(io("make a folder"))?;
        if let Some(user) = other_user()? {
            for path in [folder.path(), &data] {
                chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(io("give a folder away"))?;
            }
        }
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        let mut server = Self { programs: programs()?, folder, settings, port: PORT, running: None };
        let mut initdb = server.command("initdb")?;
        initdb.arg("-D").arg(&data).args(["-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
        finish(initdb)?;
        server.serve()?;
        Ok(server)
    }

    /// The folder, with the data in `data`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Changes a setting from the next start on.
    pub fn set(&mut self, setting: &str) {
        self.settings.push(setting.to_owned());
    }

    /// Listens on a port of this machine from the next start on, with this certificate and its key, in PEM.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn listen(&mut self, port: u16, certificate: &str, key: &str) -> Result<(), Error> {
        for (name, content) in [("server.crt", certificate), ("server.key", key)] {
            let io = |source| Error::Io { operation: "write a certificate", source };
            let path = self.folder().join("data").join(name);
            std::fs::write(&path, content).map_err(io)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(io)?;
            if let Some(user) = other_user()? {
                chown(&path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(io)?;
            }
        }
        self.port = port;
        self.set("ssl=on");
        self.set("listen_addresses=localhost");
        Ok(())
    }

    /// Starts the server again and waits until it answers.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Command`].
    pub fn serve(&mut self) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            let mut command = self.command("postgres")?;
            command.arg("-D").arg(self.folder().join("data")).arg("-k").arg(self.folder());
            command.args(["-c", "listen_addresses=", "-c", "max_connections=20", "-p", &self.port.to_string()]);
            command.args(self.settings.iter().flat_map(|setting| ["-c", setting]));
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().map_err(|source| Error::Io { operation: "start PostgreSQL", source })?;
            // After a kill, processes of the former one may still hold its memory: then it ends at once.
            while child.try_wait().is_ok_and(|ended| ended.is_none()) && started.elapsed() < READY_WITHIN {
                if self.sql("postgres", "SELECT 1").is_ok() {
                    self.running = Some(child);
                    return Ok(());
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            end(&mut child);
            if started.elapsed() >= READY_WITHIN {
                let said = "it did not answer in time".to_owned();
                return Err(Error::Command { program: "postgres".to_owned(), said });
            }
        }
    }

    /// Kills the server as a power cut would end it.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            end(&mut child);
        }
    }

    /// Makes a database; its address.
    ///
    /// # Errors
    /// [`Error::Command`].
    pub fn database(&self, name: &str) -> Result<String, Error> {
        self.sql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(format!("postgresql:///{name}?user={OWNER}&host={}", self.folder().display()))
    }

    /// What a statement gives, one row a line.
    ///
    /// # Errors
    /// [`Error::Command`].
    pub fn sql(&self, database: &str, statement: &str) -> Result<String, Error> {
        let mut psql = self.command("psql")?;
        psql.arg("-h").arg(self.folder()).args([
            "-p",
            &self.port.to_string(),
            "-U",
            OWNER,
            "-d",
            database,
            "-X",
            "-At",
            "-v",
            "ON_ERROR_STOP=1",
        ]);
        psql.args(["-c", statement]);
        finish(psql)
    }

    fn command(&self, program: &str) -> Result<Command, Error> {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.folder());
        if let Some(user) = other_user()? {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        Ok(command)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The newest server that is installed.
fn programs() -> Result<PathBuf, Error> {
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let newest = versions.map(|version| version.path()).max().map(|version| version.join("bin"));
    let missing = || Error::Command {
        program: "postgres".to_owned(),
        said: "it is not installed: run tests/run --install".to_owned(),
    };
    newest.ok_or_else(missing)
}

/// PostgreSQL does not run as root.
fn other_user() -> Result<Option<User>, Error> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    User::from_name("postgres").map_err(|source| Error::Io { operation: "find a user", source: source.into() })
}

fn finish(mut command: Command) -> Result<String, Error> {
    let output = command.output().map_err(|source| Error::Io { operation: "run a program of PostgreSQL", source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    let program = command.get_program().to_string_lossy().into_owned();
    Err(Error::Command { program, said: String::from_utf8_lossy(&output.stderr).trim_end().to_owned() })
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

//! A village's station with writers in the same process.
//!
//! A call over gRPC costs more than the entry that it writes, so a benchmark of the relay that went over calls would
//! measure the calls. Here the bench program itself is the village's station, put together as `sanji-node serve`
//! does it, and its writers use the station's own commit path: decide → encrypt → seal → store → answer → offer. They
//! take orders on a socket beside the data folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use prost::Message as _;
use sanji_desk::DeskOptions;
use sanji_domain::StaffId;
use sanji_proto::v1::{self as proto, act_request::Action};
use sanji_station::config::Program;
use sanji_station::run::{self, Arguments, Run};
use sanji_station::{Actor, Station};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use super::text;
use crate::Error;

/// What the writers are told to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Order {
    /// Who writes from now on, and what their applications look like.
    Begin {
        /// Staff id.
        staff: String,
        /// An encoded `SubmitRequest`; each application gets a request id of its own.
        application: Vec<u8>,
    },
    /// Open so many cases.
    Open {
        /// How many.
        cases: usize,
        /// How many of them wait for their answer at once.
        writers: usize,
    },
    /// Make up so many notes for the open cases, to be written by the next [`Order::Write`].
    Prepare {
        /// How many.
        notes: usize,
        /// Characters of each.
        characters: usize,
    },
    /// Write the notes.
    Write {
        /// How many writers there are.
        writers: usize,
        /// How many notes each hands over at once.
        together: usize,
    },
}

/// What became of an order.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Done {
    /// Entries that are durable at the village.
    pub written: usize,
    /// From the order until the last was.
    pub seconds: f64,
}

/// Where the writers of a data folder take their orders.
#[must_use]
pub fn socket_of(data: &Path) -> PathBuf {
    data.with_extension("writers")
}

/// Runs the station of a data folder as `sanji-node serve` does, with its writers.
///
/// # Errors
/// [`run::Error`].
pub async fn serve(arguments: Arguments) -> Result<(), run::Error> {
    let socket = socket_of(&arguments.data);
    let mut run = Run::open(Program::Node, arguments).await?;
    run.link().await?;
    run.services(|_, routes| routes).await?;
    let (bundles, options) = (run.bundles.clone(), DeskOptions::default());
    run.desk(|station, listener, shutdown| sanji_desk::serve(station, bundles, listener, options, shutdown)).await?;
    // One that a killed process left behind; where there is none, nothing is removed.
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).map_err(|source| run::Error::Listen { what: "orders", source })?;
    let (mut writers, shutdown) = (Writers::new(run.station.clone()), run.shutdown.clone());
    run.part("writers", async move {
        tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            taken = take_orders(&listener, &mut writers) => taken.map_err(|source| run::Error::Listen { what: "orders", source }),
        }
    });
    run.until_stopped().await
}

/// One that gives orders after the other.
async fn take_orders(listener: &UnixListener, writers: &mut Writers) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        while let Some(line) = lines.next_line().await? {
            let answer = match serde_json::from_str(&line) {
                Ok(order) => writers.carry_out(order).await,
                Err(_) => Err("the order is not known".to_owned()),
            };
            let mut answer = serde_json::to_string(&answer)?;
            answer.push('\n');
            write.write_all(answer.as_bytes()).await?;
        }
    }
}

struct Writers {
    station: Station,
    actor: Option<Actor>,
    application: proto::SubmitRequest,
    cases: Vec<String>,
    notes: Vec<proto::ActRequest>,
}

impl Writers {
    fn new(station: Station) -> Self {
        Self {
            station,
            actor: None,
            application: proto::SubmitRequest::default(),
            cases: Vec::new(),
            notes: Vec::new(),
        }
    }

    async fn carry_out(&mut self, order: Order) -> Result<Done, String> {
        let started = Instant::now();
        let written = match order {
            Order::Begin { staff, application } => self.begin(&staff, &application),
            Order::Open { cases, writers } => self.open(cases, writers).await,
            Order::Prepare { notes, characters } => self.prepare(notes, characters),
            Order::Write { writers, together } => self.write(writers, together).await,
        }?;
        Ok(Done { written, seconds: started.elapsed().as_secs_f64() })
    }

    fn begin(&mut self, staff: &str, application: &[u8]) -> Result<usize, String> {
        let staff: StaffId = staff.parse().map_err(|_| "that is no staff id".to_owned())?;
        self.actor = Some(self.station.actor(&staff).ok_or("nobody works here under that id")?);
        self.application = proto::SubmitRequest::decode(application).map_err(|fault| fault.to_string())?;
        Ok(0)
    }

    fn actor(&self) -> Result<Actor, String> {
        self.actor.clone().ok_or_else(|| "nobody has begun".to_owned())
    }

    async fn open(&mut self, cases: usize, writers: usize) -> Result<usize, String> {
        let mut running = JoinSet::new();
        for writer in 0..writers {
            let mine = cases / writers + usize::from(writer < cases % writers);
            let (station, actor, application) = (self.station.clone(), self.actor()?, self.application.clone());
            running.spawn(async move {
                let mut opened = Vec::with_capacity(mine);
                for _ in 0..mine {
                    let request = proto::SubmitRequest { request: request_id(), ..application.clone() };
                    let reply = station.submit(&actor, request).await.map_err(|failure| failure.to_string())?;
                    opened.push(reply.case_number);
                }
                Ok::<_, String>(opened)
            });
        }
        while let Some(opened) = running.join_next().await {
            self.cases.extend(opened.map_err(|fault| fault.to_string())??);
        }
        Ok(cases)
    }

    fn prepare(&mut self, notes: usize, characters: usize) -> Result<usize, String> {
        if self.cases.is_empty() {
            return Err("no case is open".to_owned());
        }
        let note = |(case_number, seed): (&String, u64)| proto::ActRequest {
            request: request_id(),
            case_number: case_number.clone(),
            expected_rev: 0,
            action: Some(Action::AddNote(proto::AddNote { words: text::words(characters, seed) })),
        };
        let first = rand::random::<u32>();
        self.notes = self.cases.iter().cycle().zip(u64::from(first)..).take(notes).map(note).collect();
        Ok(0)
    }

    async fn write(&mut self, writers: usize, together: usize) -> Result<usize, String> {
        let notes = std::mem::take(&mut self.notes);
        let all = notes.len();
        let mut shares: Vec<Vec<proto::ActRequest>> = (0..writers).map(|_| Vec::new()).collect();
        for (at, note) in notes.into_iter().enumerate() {
            if let Some(share) = shares.get_mut(at % writers) {
                share.push(note);
            }
        }
        let mut running = JoinSet::new();
        for share in shares {
            running.spawn(write_share(self.station.clone(), self.actor()?, share, together));
        }
        while let Some(written) = running.join_next().await {
            written.map_err(|fault| fault.to_string())??;
        }
        Ok(all)
    }
}

/// One writer: the next is handed over once the one before is durable.
async fn write_share(
    station: Station,
    actor: Actor,
    share: Vec<proto::ActRequest>,
    together: usize,
) -> Result<(), String> {
    let mut share = share.into_iter();
    loop {
        let next: Vec<_> = share.by_ref().take(together).collect();
        match <[_; 1]>::try_from(next) {
            Ok([note]) => drop(station.act(&actor, note).await.map_err(|failure| failure.to_string())?),
            Err(none) if none.is_empty() => return Ok(()),
            Err(several) => {
                let replies = station.act_together(&actor, several).await.map_err(|failure| failure.to_string())?;
                replies.into_iter().collect::<Result<Vec<_>, _>>().map_err(|failure| failure.to_string())?;
            }
        }
    }
}

fn request_id() -> Vec<u8> {
    rand::random::<[u8; 16]>().to_vec()
}

/// Gives orders to the writers of a village.
#[derive(Debug, Clone)]
pub struct Foreman {
    socket: Arc<Path>,
}

impl Foreman {
    /// Of the station of a data folder.
    #[must_use]
    pub fn of(data: &Path) -> Self {
        Self { socket: socket_of(data).into() }
    }

    /// Gives an order and waits until it is carried out.
    ///
    /// # Errors
    /// [`Error::Io`] where nobody takes it, [`Error::Writers`] where it fails.
    pub async fn order(&self, order: &Order) -> Result<Done, Error> {
        let io = |source| Error::Io { operation: "give an order to a village's writers", source };
        let json = |source| Error::Json { what: "an order to a village's writers", source };
        let (read, mut write) = UnixStream::connect(&self.socket).await.map_err(io)?.into_split();
        let mut line = serde_json::to_string(order).map_err(json)?;
        line.push('\n');
        write.write_all(line.as_bytes()).await.map_err(io)?;
        let answer = BufReader::new(read).lines().next_line().await.map_err(io)?.unwrap_or_default();
        serde_json::from_str::<Result<Done, String>>(&answer).map_err(json)?.map_err(Error::Writers)
    }
}

//! The commands `fork`: what to do when two machines run one data folder.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use sanji_log::{Hash, LogId};
use sanji_proto::v1 as proto;
use sanji_station::command::{At, Client, Output, print_line, words};
use serde_json::{Value, json};

use crate::error::Error;

/// Commands on forks.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the logs that two machines write, and keys that two machines use
    #[command(after_help = "Example:\n  sanji-hub fork list --data hub --json")]
    List {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Show the branches of a forked log, entry by entry; with --export, keep them as proof
    #[command(after_help = "Example:\n  sanji-hub fork show 990106101203/private/5f0c… --export evidence --data hub")]
    Show {
        /// The log, as `fork list` names it; the beginning of its name is enough.
        log: String,
        /// Write each branch, word for word with its seals, to a file of this new folder.
        #[arg(long, value_name = "DIR")]
        export: Option<PathBuf>,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Decide which branch counts: all stations follow, the other stays as evidence and is never applied
    ///
    /// It ends the life of the station that was cloned: `sanji-hub station replace` gives it the code for the next.
    #[command(
        after_help = "Example:\n  sanji-hub fork decide 990106101203/private/5f0c… --branch 1d9a… --reason 'the PC at the counter' --data hub"
    )]
    Decide {
        /// The log, as `fork list` names it; the beginning of its name is enough.
        log: String,
        /// The branch that counts, as `fork show` names it; the beginning of its name is enough.
        #[arg(long, value_name = "HASH")]
        branch: String,
        /// Why; goes on record.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Error> {
        match self {
            Self::List { at, output } => {
                for fork in forks(&at.connect().await?).await? {
                    output.print(&listed(&fork), |_| words::fork(&fork))?;
                }
                Ok(())
            }
            Self::Show { log, export, at, output } => {
                let client = at.connect().await?;
                let shown = show(&client, named(&client, &log).await?).await?;
                if let Some(folder) = &export {
                    keep(folder, &shown)?;
                }
                for branch in &shown.branches {
                    output.print(&branch_listed(&shown, branch), |_| branch_told(&shown, branch))?;
                }
                Ok(())
            }
            Self::Decide { log, branch, reason, at, output } => {
                let client = at.connect().await?;
                let log = named(&client, &log).await?;
                let shown = show(&client, log).await?;
                let mut meant = shown.branches.iter().filter(|known| hex(&known.hash).starts_with(&branch));
                let (Some(chosen), None) = (meant.next(), meant.next()) else {
                    return Err(Error::Input(format!("'{branch}' names no branch, or more than one")));
                };
                let request = proto::DecideForkRequest { log: Some(log.into()), hash: chosen.hash.clone(), reason };
                client.administration().decide_fork(request).await?;
                let station = shown.fork.map_or(0, |fork| fork.station);
                let line = json!({ "log": log.to_string(), "branch": hex(&chosen.hash) });
                Ok(output.print(&line, |_| {
                    format!("decided; now the station needs a new life: sanji-hub station replace {station:012} …")
                })?)
            }
        }
    }
}

async fn forks(client: &Client) -> Result<Vec<proto::Fork>, Error> {
    Ok(client.health().status(proto::StatusRequest {}).await?.into_inner().forks)
}

async fn named(client: &Client, name: &str) -> Result<LogId, Error> {
    let logs = forks(client).await?.into_iter().filter_map(|fork| LogId::try_from(fork.log?).ok());
    let mut meant = logs.filter(|log| log.to_string().starts_with(name));
    match (meant.next(), meant.next()) {
        (Some(log), None) => Ok(log),
        _ => Err(Error::Input(format!("'{name}' names no forked log, or more than one"))),
    }
}

async fn show(client: &Client, log: LogId) -> Result<proto::ShowForkReply, Error> {
    let request = proto::ShowForkRequest { log: Some(log.into()) };
    Ok(client.administration().show_fork(request).await?.into_inner())
}

/// One file a branch: the length of a run in decimal digits, a line feed, the run, and so on.
fn keep(folder: &Path, shown: &proto::ShowForkReply) -> Result<(), Error> {
    let fault = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { operation: "write", path, source }
    };
    std::fs::create_dir(folder).map_err(fault(folder))?;
    for branch in &shown.branches {
        let mut bytes = Vec::new();
        for run in &branch.runs {
            bytes.extend(format!("{}\n", run.len()).into_bytes());
            bytes.extend_from_slice(run);
        }
        let path = folder.join(format!("{}.runs", hex(&branch.hash)));
        std::fs::write(&path, bytes).map_err(fault(&path))?;
    }
    print_line(&format!("{} branches are in {}", shown.branches.len(), folder.display()))?;
    Ok(())
}

fn listed(fork: &proto::Fork) -> Value {
    let log = fork.log.clone().and_then(|log| LogId::try_from(log).ok());
    json!({
        "log": log.map_or_else(String::new, |log| log.to_string()),
        "station": format!("{:012}", fork.station),
        "seq": fork.seq,
        "seen_ms": fork.seen_ms,
        "decided": if fork.decided.is_empty() { Value::Null } else { hex(&fork.decided).into() },
    })
}

/// What became of a branch.
fn fate(shown: &proto::ShowForkReply, branch: &proto::ForkBranch) -> &'static str {
    match shown.fork.as_ref().map(|fork| fork.decided.as_slice()) {
        Some([]) | None => "undecided",
        Some(decided) if Hash::try_from(decided).is_ok_and(|hash| hash.0 == branch.hash.as_slice()) => "counts",
        Some(_) => "evidence",
    }
}

fn branch_listed(shown: &proto::ShowForkReply, branch: &proto::ForkBranch) -> Value {
    let entries = branch.entries.iter();
    let entries = entries.map(
        |entry| json!({ "seq": entry.seq, "hash": hex(&entry.hash), "case": entry.case_number, "kind": entry.kind }),
    );
    json!({
        "branch": hex(&branch.hash),
        "held": branch.held,
        "fate": fate(shown, branch),
        "entries": entries.collect::<Vec<_>>(),
    })
}

fn branch_told(shown: &proto::ShowForkReply, branch: &proto::ForkBranch) -> String {
    let place = if branch.held { "in the log" } else { "in evidence" };
    let mut lines = vec![format!("branch {}  {place}  {}", hex(&branch.hash), fate(shown, branch))];
    lines.extend(
        branch.entries.iter().map(|entry| format!("  {:>8}  {}  {}", entry.seq, entry.kind, entry.case_number)),
    );
    lines.join("\n")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

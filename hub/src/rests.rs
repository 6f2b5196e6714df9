//! The commands `rest`: what a revoked station had written and not delivered is admitted or rejected.

use clap::{Args, Subcommand};
use sanji_proto::v1 as proto;
use sanji_station::command::{At, Output};
use serde_json::json;

use crate::error::Error;

/// Commands on rests. `quarantine list` shows them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Admit the entries: they count from now on, everywhere
    #[command(after_help = "Example:\n  sanji-hub rest admit 5f0c2a --reason 'checked with the agent' --data hub")]
    Admit(Decision),
    /// Reject the entries: they stay as evidence and count nowhere
    #[command(after_help = "Example:\n  sanji-hub rest reject 5f0c2a --reason 'written by the thief' --data hub")]
    Reject(Decision),
}

/// Which, and why.
#[derive(Debug, Args)]
pub(crate) struct Decision {
    /// The row, as `quarantine list` names it; the beginning of its id is enough.
    id: String,
    /// Why; goes on record.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    output: Output,
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Error> {
        let (admit, Decision { id, reason, at, output }) = match self {
            Self::Admit(decision) => (true, decision),
            Self::Reject(decision) => (false, decision),
        };
        let request = proto::DecideRestRequest { id, admit, reason };
        let decided = at.connect().await?.administration().decide_rest(request).await?.into_inner();
        let what = if admit { "count from now on" } else { "stay aside as evidence" };
        let line = json!({ "entries": decided.entries, "admitted": admit });
        Ok(output.print(&line, |_| format!("{} entries {what}", decided.entries))?)
    }
}

//! What was sent here and does not count: list, show, try again, settle.

use clap::Subcommand;
use sanji_log::LogId;
use sanji_proto::v1 as proto;
use serde_json::json;

use super::words::time;
use super::{At, Error, Output, json};

/// Commands on the quarantine.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what is in quarantine: why, since when, from whom
    #[command(after_help = "Example:\n  sanji-node quarantine list --data township --json")]
    List {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Show one with its entries, without their content
    #[command(after_help = "Example:\n  sanji-node quarantine show 5f0c2a --data township")]
    Show {
        /// As `quarantine list` names it; the beginning is enough.
        id: String,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Try again; this also happens by itself when what was lacking arrives
    #[command(after_help = "Example:\n  sanji-node quarantine redrive --data township\n  \
        sanji-node quarantine redrive 5f0c2a --data township")]
    Redrive {
        /// As `quarantine list` names it; without it, all.
        id: Option<String>,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Settle one: it is not shown any more; what is kept stays as evidence
    #[command(after_help = "Example:\n  sanji-node quarantine drop 5f0c2a --reason 'a test machine' --data township")]
    Drop {
        /// As `quarantine list` names it; the beginning is enough.
        id: String,
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
    pub(super) async fn run(self) -> Result<(), Error> {
        match self {
            Self::List { at, output } => {
                let request = proto::ListQuarantineRequest {};
                let reply = at.connect().await?.keeper().list_quarantine(request).await?.into_inner();
                for row in reply.rows {
                    output.print(&json::show("Quarantined", &row)?, |_| told(&row))?;
                }
                Ok(())
            }
            Self::Show { id, at, output } => {
                let request = proto::ShowQuarantinedRequest { id };
                let shown = at.connect().await?.keeper().show_quarantined(request).await?.into_inner();
                output.print(&json::show("ShowQuarantinedReply", &shown)?, |_| {
                    let mut lines: Vec<_> = shown.row.iter().map(told).collect();
                    lines.extend(
                        shown
                            .entries
                            .iter()
                            .map(|entry| format!("  {:>8}  {}  {}", entry.seq, entry.kind, entry.case_number)),
                    );
                    lines.join("\n")
                })
            }
            Self::Redrive { id, at, output } => {
                let request = proto::RedriveQuarantinedRequest { id: id.unwrap_or_default() };
                let reply = at.connect().await?.keeper().redrive_quarantined(request).await?.into_inner();
                let line = json!({ "tried": reply.tried, "settled": reply.settled });
                output.print(&line, |_| format!("{} tried again, {} settled by it", reply.tried, reply.settled))
            }
            Self::Drop { id, reason, at, output } => {
                let request = proto::DropQuarantinedRequest { id: id.clone(), reason };
                at.connect().await?.keeper().drop_quarantined(request).await?;
                output.print(&json!({ "dropped": id }), |_| format!("settled {id}"))
            }
        }
    }
}

fn told(row: &proto::Quarantined) -> String {
    let kind = row.kind().as_str_name().trim_start_matches("QUARANTINE_KIND_").to_owned();
    let log = row.log.clone().and_then(|log| LogId::try_from(log).ok()).map_or_else(String::new, |log| log.to_string());
    let place = match (log.is_empty(), row.until > row.seq) {
        (true, _) => String::new(),
        (false, true) => format!("entries {} to {} of log {log}", row.seq, row.until),
        (false, false) => format!("entry {} of log {log}", row.seq),
    };
    format!(
        "{}  {kind} {}  {place} {}  from {:012}, since {}  {}",
        row.id,
        row.reason,
        row.case_number,
        row.from,
        time(row.seen_ms),
        row.detail
    )
}

//! Deadlines from the command line.

use clap::Subcommand;
use sanji_proto::v1 as proto;

use super::{At, Error, Output, json};

/// Commands on deadlines.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what a new calendar has moved, and steps that were superseded
    #[command(subcommand)]
    Deadlines(Deadlines),
}

/// What is shown.
#[derive(Debug, Subcommand)]
pub enum Deadlines {
    /// List open cases whose deadlines a new calendar has moved: old and new days
    ///
    /// Compares the newest calendar with the one before it, or with the version named. From November on it also says
    /// when next year's calendar is still missing.
    #[command(after_help = "Example:\n  sanji-hub deadlines moved --data hub --token sanji_… --json")]
    Moved {
        #[command(flatten)]
        at: At,
        /// Version of the calendar to compare with; 0: the one before the newest.
        #[arg(long, value_name = "N", default_value_t = 0)]
        since: u32,
        /// At most this many, 1 to 200.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// Go on after an earlier list: its "next".
        #[arg(long, value_name = "NEXT", default_value = "")]
        after: String,
        #[command(flatten)]
        output: Output,
    },
    /// List cases with superseded steps at which nobody has looked (待核对)
    ///
    /// `act CASE check_superseded` says of one step what was found.
    #[command(after_help = "Example:\n  sanji-node deadlines superseded --data township --token sanji_…")]
    Superseded {
        #[command(flatten)]
        at: At,
        /// At most this many, 1 to 200.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        limit: u32,
        /// Go on after an earlier list: its "next".
        #[arg(long, value_name = "NEXT", default_value = "")]
        after: String,
        #[command(flatten)]
        output: Output,
    },
}

impl Command {
    pub(super) async fn run(self) -> Result<(), Error> {
        match self {
            Self::Deadlines(Deadlines::Moved { at, since, limit, after, output }) => {
                let request = proto::ListMovedRequest { since_version: since, limit, after };
                let reply = at.connect().await?.deadlines().list_moved(request).await?.into_inner();
                output.print(&json::show("ListMovedReply", &reply)?, |_| moved_table(&reply))
            }
            Self::Deadlines(Deadlines::Superseded { at, limit, after, output }) => {
                let request = proto::ListSupersededRequest { limit, after };
                let reply = at.connect().await?.deadlines().list_superseded(request).await?.into_inner();
                output.print(&json::show("ListSupersededReply", &reply)?, |_| superseded_table(&reply))
            }
        }
    }
}

fn moved_table(reply: &proto::ListMovedReply) -> String {
    let mut lines = Vec::new();
    if reply.missing_year != 0 {
        lines.push(format!("the calendar has no year {}: publish it once it is announced", reply.missing_year));
    }
    if reply.since_version == 0 {
        lines.push("the calendar was published once; there is nothing to compare with".to_owned());
        return lines.join("\n");
    }
    lines.push(format!("calendar {} against {}", reply.version, reply.since_version));
    let day = |day: u32| if day == 0 { "unknown".to_owned() } else { day.to_string() };
    let change = |name: &str, moved: &Option<proto::MovedDeadline>| {
        moved.as_ref().map(|moved| format!("  {name} {} -> {}", day(moved.old), day(moved.new))).unwrap_or_default()
    };
    for case in &reply.cases {
        let changes = [("promised", &case.promised), ("statutory", &case.statutory), ("stage", &case.stage)];
        let changes: String = changes.into_iter().map(|(name, moved)| change(name, moved)).collect();
        lines.push(format!("{}  {}{changes}", case.case_number, case.item_name));
    }
    if reply.cases.is_empty() {
        lines.push("no deadline has moved".to_owned());
    }
    lines.extend(more(&reply.next));
    lines.join("\n")
}

fn superseded_table(reply: &proto::ListSupersededReply) -> String {
    let row = |case: &proto::SupersededCase| {
        format!(
            "{}  {}  {}  {}  {} to check",
            case.case_number, case.state, case.item_name, case.holder_name, case.unchecked
        )
    };
    let mut lines: Vec<_> = reply.cases.iter().map(row).collect();
    if lines.is_empty() {
        lines.push("nothing to check".to_owned());
    }
    lines.extend(more(&reply.next));
    lines.join("\n")
}

fn more(next: &str) -> Option<String> {
    (!next.is_empty()).then(|| format!("more: --after {next}"))
}

//! What the keeper of a station does: look after it, check it, hand out tokens.

use std::path::PathBuf;

use clap::Subcommand;
use sanji_log::{LogId, Reach};
use sanji_proto::v1 as proto;
use serde_json::{Value, json};

use super::{At, Error, Output, json, print_line, stopped, words};
use crate::config::{Config, Program};
use crate::tokens::{Holder, Listed, Tokens};

/// Commands on the station itself.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show how a running station is: links, unsent entries, certificate
    #[command(after_help = "Example:\n  sanji-node status --data village --json")]
    Status {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Print every entry that the station holds, without its content
    ///
    /// One line of JSON an entry: home, reach, key, seq, hash, case, kind. Works on a running station and on the
    /// data folder of a stopped one.
    #[command(after_help = "Example:\n  sanji-node dump --jsonl --data village")]
    Dump {
        #[command(flatten)]
        at: At,
        /// Lines of JSON: the only form there is.
        #[arg(long)]
        jsonl: bool,
    },
    /// Show how far attachments have come: those not complete here, and those not known to be complete elsewhere
    #[command(after_help = "Example:\n  sanji-node attachments --data village --json")]
    Attachments {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Check everything that the station holds: frames, chains, seals, attachments
    ///
    /// Exit status 1 where there are faults. Works on a running station and on the data folder of a stopped one.
    #[command(after_help = "Example:\n  sanji-node verify --data village")]
    Verify {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Show what a replaced or restored station waits for, or let it go on without
    ///
    /// It takes submissions once it has heard a station above it and every living station just below it in full.
    /// With --end it does so now: what a station that was not heard alone still holds may then be contradicted.
    #[command(after_help = "Example:\n  sanji-node healing --data township\n  \
        sanji-node healing --end --reason 'the village PC is lost too' --data township")]
    Healing {
        /// Wait no longer.
        #[arg(long, requires = "reason")]
        end: bool,
        /// Why; goes on record.
        #[arg(long, requires = "end")]
        reason: Option<String>,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Issue, list and revoke tokens with which programs call this station
    #[command(subcommand)]
    Token(TokenCommand),
    /// Check a configuration file, or print a documented one
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// Commands on tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Issue a token for a member of staff of this station, or for the keeper; it is shown once
    #[command(after_help = "Example:\n  sanji-node token issue 990106101-03 --data township\n  \
        sanji-node token issue keeper --data township")]
    Issue {
        /// Staff id, or "keeper".
        staff: String,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// List the tokens that are valid
    #[command(after_help = "Example:\n  sanji-node token list --data township")]
    List {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Revoke a token; the running station refuses it from the next call on
    #[command(after_help = "Example:\n  sanji-node token revoke 3f9a0c71d2b4 --data township")]
    Revoke {
        /// Name of the token, as `token list` shows it.
        name: String,
        #[command(flatten)]
        at: At,
    },
}

/// Commands on configuration files.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a file: exit status 1 and one line with the fault
    #[command(after_help = "Example:\n  sanji-node config check village/sanji.toml")]
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Print a file with every field, its default and what it means
    #[command(after_help = "Example:\n  sanji-node config example > village/sanji.toml")]
    Example,
}

impl Command {
    pub(super) async fn run(self, program: Program) -> Result<(), Error> {
        match self {
            Self::Status { at, output } => {
                let status = at.connect().await?.health().status(proto::StatusRequest {}).await?.into_inner();
                output.print(&json::show("StatusReply", &status)?, |_| words::status(&status))
            }
            Self::Attachments { at, output } => {
                let request = proto::AttachmentsRequest {};
                let mut rows = at.connect().await?.health().attachments(request).await?.into_inner();
                while let Some(row) = rows.message().await? {
                    output.print(&json::show("AttachmentProgress", &row)?, |_| words::attachment(&row))?;
                }
                Ok(())
            }
            Self::Dump { at, jsonl: _ } => match at.connect_if_running().await? {
                Some(client) => {
                    let mut entries = client.health().dump(proto::DumpRequest {}).await?.into_inner();
                    while let Some(entry) = entries.message().await? {
                        print_line(&dump_line(entry)?)?;
                    }
                    Ok(())
                }
                None => stopped::dump(&at.folder()?, program, |entry| print_line(&dump_line(entry)?)),
            },
            Self::Verify { at, output } => {
                let reply = match at.connect_if_running().await? {
                    Some(client) => client.health().verify(proto::VerifyRequest {}).await?.into_inner(),
                    None => stopped::verify(&at.folder()?, program)?,
                };
                output.print(&json::show("VerifyReply", &reply)?, |_| words::verify(&reply))?;
                if reply.faults.is_empty() { Ok(()) } else { Err(Error::Faults(reply.faults.len())) }
            }
            Self::Healing { end: true, reason, at, output } => {
                let request = proto::EndHealingRequest { reason: reason.unwrap_or_default() };
                let reply = at.connect().await?.keeper().end_healing(request).await?.into_inner();
                output.print(&json::show("EndHealingReply", &reply)?, |_| words::healing_ended(&reply))
            }
            Self::Healing { at, output, .. } => {
                let status = at.connect().await?.health().status(proto::StatusRequest {}).await?.into_inner();
                let healing = status.healing.unwrap_or_default();
                output.print(&json::show("Healing", &healing)?, |_| words::healing(&healing))
            }
            Self::Token(command) => command.run(program).await,
            Self::Config(ConfigCommand::Check { file }) => {
                Config::read(&file, program)?;
                print_line(&format!("{}: no faults", file.display()))
            }
            Self::Config(ConfigCommand::Example) => print_line(program.example().trim_end()),
        }
    }
}

impl TokenCommand {
    async fn run(self, program: Program) -> Result<(), Error> {
        match self {
            Self::Issue { staff, at, output } => {
                let holder = if staff == "keeper" { Holder::Keeper } else { Holder::Staff(staff) };
                let token = match at.connect_if_running().await? {
                    Some(client) => {
                        let staff = match &holder {
                            Holder::Keeper => String::new(),
                            Holder::Staff(staff) => staff.clone(),
                        };
                        client.keeper().issue_token(proto::IssueTokenRequest { staff }).await?.into_inner().token
                    }
                    None => stopped::issue_token(&at.folder()?, program, holder)?.to_string(),
                };
                output.print(&json!({ "token": token }), |_| token.clone())
            }
            Self::List { at, output } => {
                for token in Tokens::new(&at.folder()?).list()? {
                    output.print(&listed(&token), |_| words::token(&token))?;
                }
                Ok(())
            }
            Self::Revoke { name, at } => match Tokens::new(&at.folder()?).revoke(&name)? {
                true => print_line(&format!("revoked {name}")),
                false => Err(Error::Input(format!("'{name}' names no token, or more than one"))),
            },
        }
    }
}

fn listed(token: &Listed) -> Value {
    let holder = match &token.issued.holder {
        Holder::Keeper => "keeper",
        Holder::Staff(staff) => staff,
    };
    json!({ "name": token.name, "holder": holder, "issued_ms": token.issued.issued_ms })
}

fn dump_line(entry: proto::DumpedEntry) -> Result<String, Error> {
    let log = entry
        .log
        .and_then(|log| LogId::try_from(log).ok())
        .ok_or_else(|| Error::Input("the station sent an entry without a log".to_owned()))?;
    let reach = match log.reach {
        Reach::Private => "private",
        Reach::Public => "public",
    };
    let line = json!({
        "home": log.home.to_string(),
        "reach": reach,
        "key": log.key.to_hex(),
        "seq": entry.seq,
        "hash": data_encoding::HEXLOWER.encode(&entry.hash),
        "case": entry.case_number,
        "kind": entry.kind,
    });
    Ok(line.to_string())
}

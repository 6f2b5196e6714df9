//! The commands `station` and `publish`: calls to the running hub.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use sanji_station::command::{self, At, Output, print_line, receive, words, write_new};
use serde_json::{Value, json};

use crate::error::Error;
use crate::files::DistrictFiles;

/// Commands on stations.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a one-time code with which a station can enrol; it is shown once and good for 72 hours
    ///
    /// For a station without a line, --invitation writes the file that goes there with the code, which is good for
    /// 30 days then; the station answers with a request (`sanji-node enrol-by-file`).
    /// A station that is enrolled already is not added again: see `replace`.
    #[command(
        after_help = "Example:\n  sanji-hub station add 990106101000 --link-address township.example:7100 --data hub\n  \
        sanji-hub station add 990106101203 --data hub\n  \
        sanji-hub station add 990106101203 --invitation /media/usb/invitation.pem --data hub"
    )]
    Add {
        /// Division code of the station, 12 digits.
        station: StationCode,
        /// Where villages will reach the link of this township. Remembered until it is given again.
        #[arg(long, value_name = "HOST:PORT")]
        link_address: Option<String>,
        /// Where the station shall link to. Without it: its township's link address, or the hub.
        #[arg(long, value_name = "HOST:PORT")]
        upstream: Option<String>,
        /// The station has no line: write an invitation for it to this new file.
        #[arg(long, value_name = "FILE")]
        invitation: Option<PathBuf>,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Answer a station that asks by file to be enrolled: writes its first bundle
    ///
    /// Harmless twice: the same request gets the same certificate while its code is good.
    #[command(after_help = "Example:\n  sanji-hub station answer --request /media/usb/request.sanji \
        --file /media/usb/answer.sanji --data hub")]
    Answer {
        /// The station's request.
        #[arg(long, value_name = "FILE")]
        request: PathBuf,
        /// The answer, which must not be there yet.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Replace a station whose machine is lost: ends its former life and makes a one-time code for the new machine
    ///
    /// From now on no link with the former machine is served. The new one fetches what the stations above and below
    /// it hold, and takes submissions after that. Where it has a backup, it begins with `restore` instead of `enrol`.
    /// For a station without a line, --invitation writes the file that goes there with the code, as for `add`.
    #[command(after_help = "Example:\n  sanji-hub station replace 990106101203 --reason 'disk died' --data hub\n  \
        sanji-hub station replace 990106101203 --reason 'disk died' --invitation /media/usb/invitation.pem --data hub")]
    Replace {
        /// Division code of the station, 12 digits.
        station: StationCode,
        /// Why; goes on record.
        #[arg(long)]
        reason: String,
        /// Where villages will reach the link of this township, where that changes.
        #[arg(long, value_name = "HOST:PORT")]
        link_address: Option<String>,
        /// Where the station shall link to. Without it: its township's link address, or the hub.
        #[arg(long, value_name = "HOST:PORT")]
        upstream: Option<String>,
        /// The station has no line: write an invitation for it to this new file.
        #[arg(long, value_name = "FILE")]
        invitation: Option<PathBuf>,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Revoke a station: its link is cut, nothing that it writes is taken any more
    #[command(after_help = "Example:\n  sanji-hub station revoke 990106101203 --reason 'PC stolen' --data hub")]
    Revoke {
        /// Division code of the station, 12 digits.
        station: StationCode,
        /// Why; goes on record.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// List the stations that were added
    #[command(after_help = "Example:\n  sanji-hub station list --data hub --json")]
    List {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
}

/// Publish new versions of the district's files that have changed
///
/// The folder is the district's whole: catalogue/, organisation/ and calendar/. All files are checked together
/// before the first is published.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sanji-hub publish tests/sample --data hub")]
pub(crate) struct Publish {
    /// The folder.
    folder: PathBuf,
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    output: Output,
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Error> {
        match self {
            Self::Add { station, link_address, upstream, invitation, at, output } => {
                let request = proto::AddStationRequest {
                    station: station.number(),
                    link_address: link_address.unwrap_or_default(),
                    upstream: upstream.unwrap_or_default(),
                    without_line: invitation.is_some(),
                };
                let client = at.connect().await?;
                let add = async || Ok(client.administration().add_station(request).await?.into_inner());
                let reply = with_invitation(invitation.as_deref(), add).await?;
                print_code(station, &reply, invitation.as_deref(), &output)
            }
            Self::Replace { station, reason, link_address, upstream, invitation, at, output } => {
                let request = proto::ReplaceStationRequest {
                    station: station.number(),
                    reason,
                    link_address: link_address.unwrap_or_default(),
                    upstream: upstream.unwrap_or_default(),
                };
                // The same once more for the code that is carried, which is good for longer: no life is in its way now.
                let carried = invitation.is_some().then(|| proto::AddStationRequest {
                    station: request.station,
                    link_address: request.link_address.clone(),
                    upstream: request.upstream.clone(),
                    without_line: true,
                });
                let client = at.connect().await?;
                let replace = async || {
                    let replaced = client.administration().replace_station(request).await?;
                    let reply = match carried {
                        None => replaced,
                        Some(carried) => client.administration().add_station(carried).await?,
                    };
                    Ok(reply.into_inner())
                };
                let reply = with_invitation(invitation.as_deref(), replace).await?;
                print_code(station, &reply, invitation.as_deref(), &output)
            }
            Self::Answer { request, file, at, output } => {
                let fault = |source| Error::File { operation: "read", path: request.clone(), source };
                let request = proto::AnswerEnrolmentRequest { file: std::fs::read(&request).map_err(fault)? };
                let client = at.connect().await?;
                let written = write_new(&file, async |path| {
                    let parts = client.administration().answer_enrolment(request).await?.into_inner();
                    receive(parts, path).await
                })
                .await?;
                let line = json!({ "entries": written.entries, "attachments": written.attachments });
                Ok(output.print(&line, |_| answered(&file, &written))?)
            }
            Self::Revoke { station, reason, at, output } => {
                let request = proto::RevokeStationRequest { station: station.number(), reason };
                let keys = at.connect().await?.administration().revoke_station(request).await?.into_inner().keys;
                let line = json!({ "station": station.to_string(), "keys": keys });
                Ok(output.print(&line, |_| format!("revoked {keys} keys of {station}"))?)
            }
            Self::List { at, output } => {
                let request = proto::ListStationsRequest {};
                let client = at.connect().await?;
                let reply = client.administration().list_stations(request).await?.into_inner();
                let status = client.health().status(proto::StatusRequest {}).await?.into_inner();
                for row in &reply.stations {
                    let said = status.conditions_below.iter().find(|condition| condition.station == row.station);
                    output.print(&listed(row, said), |_| told(row, said))?;
                }
                Ok(())
            }
        }
    }
}

impl Publish {
    pub(crate) async fn run(self) -> Result<(), Error> {
        let files = DistrictFiles::read(&self.folder)?;
        // The hub checks again: this is for a quick answer.
        files.check()?;
        let files = files
            .iter()
            .map(|(path, text)| proto::FileToPublish { path: path.to_owned(), content: text.as_bytes().to_vec() })
            .collect();
        let request = proto::PublishRequest { files };
        let published = self.at.connect().await?.administration().publish(request).await?.into_inner().published;
        if published.is_empty() && !self.output.json {
            return Ok(print_line("nothing has changed")?);
        }
        Ok(self.output.print(&json!({ "published": published }), |_| published.join("\n"))?)
    }
}

/// Asks for a code, and writes the invitation that goes with it, where one shall be: nothing is asked for where the file
/// is there already.
async fn with_invitation(
    file: Option<&Path>,
    ask: impl AsyncFnOnce() -> Result<proto::AddStationReply, command::Error>,
) -> Result<proto::AddStationReply, command::Error> {
    match file {
        None => ask().await,
        Some(file) => write_new(file, async |path| write_invitation(ask().await?, path)).await,
    }
}

fn write_invitation(reply: proto::AddStationReply, path: &Path) -> Result<proto::AddStationReply, command::Error> {
    let fault = |source| command::Error::File { operation: "write", path: path.to_owned(), source };
    std::fs::write(path, &reply.invitation).map_err(fault)?;
    Ok(reply)
}

fn answered(file: &Path, written: &proto::ExportedBundle) -> String {
    format!(
        "{} entries; at the station:\n  sanji-node enrol-by-file open --data DIR --answer {}",
        written.entries,
        file.display()
    )
}

fn invited(station: StationCode, reply: &proto::AddStationReply, invitation: Option<&Path>) -> String {
    if let Some(invitation) = invitation {
        return format!(
            "{}\n\nuntil {}; at the station:\n  sanji-node enrol-by-file request --data DIR --station {station} \
             --invitation {} --code {} --request FILE",
            reply.code,
            words::time(reply.until_ms),
            invitation.display(),
            reply.code,
        );
    }
    let hub = if reply.enrolment_address.is_empty() { "HOST:PORT" } else { &reply.enrolment_address };
    format!(
        "{}\n\nuntil {}; at the station:\n  sanji-node enrol --data DIR --station {station} --hub {hub} --code {}",
        reply.code,
        words::time(reply.until_ms),
        reply.code,
    )
}

fn print_code(
    station: StationCode,
    reply: &proto::AddStationReply,
    invitation: Option<&Path>,
    output: &Output,
) -> Result<(), Error> {
    let line = json!({
        "station": station.to_string(),
        "code": reply.code,
        "until_ms": reply.until_ms,
        "enrolment_address": reply.enrolment_address,
    });
    Ok(output.print(&line, |_| invited(station, reply, invitation))?)
}

fn state(row: &proto::StationRow) -> &'static str {
    match row.state() {
        proto::StationState::Invited => "invited",
        proto::StationState::Enrolled => "enrolled",
        proto::StationState::Revoked => "revoked",
        proto::StationState::Ended => "ended",
        proto::StationState::Unspecified => "unknown",
    }
}

fn listed(row: &proto::StationRow, said: Option<&proto::StationCondition>) -> Value {
    json!({
        "station": format!("{:012}", row.station),
        "name": row.name,
        "state": state(row),
        "key": row.key.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "certificate_until_ms": row.certificate_until_ms,
        "code_until_ms": row.code_until_ms,
        "link_address": row.link_address,
        "linked": row.linked,
        "condition": said.map(condition),
    })
}

/// How a station said that it is. Spans are in milliseconds.
fn condition(said: &proto::StationCondition) -> Value {
    json!({
        "age_ms": said.age_ms,
        "software": said.software,
        "entries_unconfirmed": said.entries_unconfirmed,
        "unconfirmed_for_ms": said.unconfirmed_for_ms,
        "attachments_missing": said.attachments_missing,
        "attachments_unconfirmed": said.attachments_unconfirmed,
        "attachment_bytes": said.attachment_bytes,
        "disk_free_bytes": said.disk_free_bytes,
        "disk_total_bytes": said.disk_total_bytes,
        "clock_offset_ms": said.clock_offset_ms,
        "writable": said.writable,
        "quarantined": said.quarantined,
        "linked_for_ms": said.linked_for_ms,
    })
}

fn told(row: &proto::StationRow, said: Option<&proto::StationCondition>) -> String {
    let mut line = format!("{:012}  {:8}  {}", row.station, state(row), row.name);
    if row.certificate_until_ms > 0 {
        line.push_str(&format!("  certificate until {}", words::time(row.certificate_until_ms)));
    }
    if row.code_until_ms > 0 {
        line.push_str(&format!("  code until {}", words::time(row.code_until_ms)));
    }
    if row.linked {
        line.push_str("  linked");
    }
    if let Some(said) = said {
        line.push_str(&format!("  {}", words::condition(said)));
    }
    line
}

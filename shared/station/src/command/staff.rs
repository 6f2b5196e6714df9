//! The people of a station from the command line: absences, the ledger of substitutes, suspension, changes and who
//! consents to them, powers.

use clap::Subcommand;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use sanji_domain::calendar::{date_number, date_of_number};
use sanji_domain::case::words::date_words;
use sanji_log::StationCode;
use sanji_proto::v1 as proto;

use super::output::pretty;
use super::{At, Error, Output, json, words};

/// China has had one time without daylight saving since 1991.
const CHINA: Offset = Offset::constant(8);

/// Commands on people.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the people of a station: who is here, away or suspended, and who acts for whom
    #[command(after_help = "Example:\n  sanji-node staff list --data township --token sanji_…")]
    List {
        /// Division code of another station; with the keeper's token, or an administrator's.
        #[arg(long, value_name = "CODE")]
        place: Option<StationCode>,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Record that somebody is away; the substitute does the work from then until the return
    ///
    /// Works without a line. A day stands for its beginning, so --until names the day of return.
    #[command(
        after_help = "Example:\n  sanji-node staff absent --until 2026-07-06 --reason '参加培训' --data township \
        --token sanji_…\n  sanji-node staff absent --staff 990106101-03 --from 2026-07-03T14:00 --until 2026-07-06 \
        --reason '病假' --data township"
    )]
    Absent {
        /// Staff id; without it, oneself.
        #[arg(long, default_value = "")]
        staff: String,
        /// A day or a time in China; without it, now.
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// The time of return.
        #[arg(long, value_name = "TIME")]
        until: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Who does the work; without it, the substitute of the person's record.
        #[arg(long, default_value = "")]
        substitute: String,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// End an absence early: the person is back
    #[command(after_help = "Example:\n  sanji-node staff back --data township --token sanji_…")]
    Back {
        /// Staff id; without it, oneself.
        #[arg(long, default_value = "")]
        staff: String,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// The ledger of substitutes: who was away, who acted, on which cases
    #[command(after_help = "Example:\n  sanji-hub staff absences --from 2026-07-01 --data hub --json")]
    Absences {
        /// From this day on.
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Until this day.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Suspend a person from work (停职、待岗), at the hub: no login, no work, from now on
    #[command(after_help = "Example:\n  sanji-hub staff suspend mz-05 --reason '投诉查实' --data hub")]
    Suspend {
        /// Staff id.
        staff: String,
        /// Why; goes on record.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Let a suspended person work again, at the hub
    #[command(after_help = "Example:\n  sanji-hub staff reinstate mz-05 --reason '整改合格' --data hub")]
    Reinstate {
        /// Staff id.
        staff: String,
        /// Why; goes on record.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Change who stands in for a person, or the departments that their window serves, at the hub
    ///
    /// What is not named stays; "-" takes away. Another post is asked for: see `staff ask`.
    #[command(
        after_help = "Example:\n  sanji-hub staff change mz-05 --backup mz-04 --reason '替补调整' --data hub\n  \
        sanji-hub staff change sp-08 --serves mz --serves rs --reason '综合窗口' --data hub"
    )]
    Change {
        /// Staff id.
        staff: String,
        /// Staff id of the substitute, or -.
        #[arg(long, default_value = "")]
        backup: String,
        /// A department that the person's window serves; may be repeated.
        #[arg(long = "serves", value_name = "DEPARTMENT")]
        serves: Vec<String>,
        /// Why; goes on record.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Ask for another post, department, place or seat of a person, or that they leave
    ///
    /// Counts once the district's centre has consented. What is not named stays; "-" takes away. Works without a line.
    #[command(
        after_help = "Example:\n  sanji-hub staff ask mz-05 --role 审核 --post 审批股科员 --reason '轮岗' --data hub \
        --token sanji_…\n  sanji-node staff ask 990106101-03 --leaves --reason '退休' --data township --token sanji_…"
    )]
    Ask {
        /// Staff id.
        staff: String,
        /// A role of roles.toml; may be repeated: all that the person has then.
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// The post in words.
        #[arg(long, default_value = "")]
        post: String,
        /// Code of a department.
        #[arg(long, default_value = "")]
        department: String,
        /// Division code of another station.
        #[arg(long, value_name = "CODE")]
        place: Option<StationCode>,
        /// A, B or -.
        #[arg(long, default_value = "")]
        seat: String,
        /// Staff id of the substitute, or -.
        #[arg(long, default_value = "")]
        backup: String,
        /// The person leaves.
        #[arg(long)]
        leaves: bool,
        /// Why; goes on record.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Changes of staff that were asked for, and what became of them
    #[command(after_help = "Example:\n  sanji-hub staff requests --open --data hub")]
    Requests {
        /// Only those that wait for an answer.
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Consent to a change of staff, or refuse it, at the hub; with the token of somebody who runs the hall
    #[command(
        after_help = "Example:\n  sanji-hub staff decide 5f0c… --number '澄政务〔2026〕7号' --data hub --token sanji_…\n  \
        sanji-hub staff decide 5f0c… --from 2026-12-01 --data hub --token sanji_…\n  \
        sanji-hub staff decide 5f0c… --refuse --words '任职不满两年' --data hub --token sanji_…"
    )]
    Decide {
        /// The id that `staff requests` shows.
        #[arg(value_parser = request_id)]
        id: [u8; 16],
        /// Refuse it.
        #[arg(long, requires = "words")]
        refuse: bool,
        /// Why.
        #[arg(long, default_value = "")]
        words: String,
        /// Number of the document of consent.
        #[arg(long, default_value = "")]
        number: String,
        /// From which day on it counts; without it, at once.
        #[arg(long, value_name = "DATE", conflicts_with = "refuse")]
        from: Option<Date>,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Take back what one has asked for, as long as the district's centre has not answered
    #[command(after_help = "Example:\n  sanji-node staff withdraw 5f0c… --data township --token sanji_…")]
    Withdraw {
        /// The id that `staff requests` shows.
        #[arg(value_parser = request_id)]
        id: [u8; 16],
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// The assignment history of a person
    #[command(after_help = "Example:\n  sanji-hub staff history mz-05 --data hub")]
    History {
        /// Staff id.
        staff: String,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// Who may accept, review and decide an item at this station, or every item; or what one person may do
    #[command(after_help = "Example:\n  sanji-hub staff powers mz-dibao --data hub\n  \
        sanji-hub staff powers --staff mz-05 --data hub")]
    Powers {
        /// Code of the item; without it, every item.
        #[arg(conflicts_with = "staff")]
        item: Option<String>,
        /// What this person may do.
        #[arg(long, default_value = "")]
        staff: String,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// The register of stations: in operation or not, agent, opening hours, last activity, services
    #[command(after_help = "Example:\n  sanji-hub staff stations --data hub --json")]
    Stations {
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
    /// The full-course agent's list: what the township has to send to the district or higher, with its state
    #[command(after_help = "Example:\n  sanji-node staff upward --data township --token sanji_…")]
    Upward {
        /// Closed cases too.
        #[arg(long)]
        closed: bool,
        #[command(flatten)]
        at: At,
        #[command(flatten)]
        output: Output,
    },
}

impl Command {
    #[allow(clippy::too_many_lines)]
    pub(super) async fn run(self) -> Result<(), Error> {
        match self {
            Self::List { place, at, output } => {
                let request =
                    proto::ListStaffRequest { place: place.map_or(0, StationCode::number), ..Default::default() };
                let reply = at.connect().await?.staff().list_staff(request).await?.into_inner();
                output.print(&json::show("ListStaffReply", &reply)?, |_| people(&reply))
            }
            Self::Absent { staff, from, until, reason, substitute, at, output } => {
                let from_ms = from.as_deref().map_or(Ok(0), time)?;
                let request =
                    proto::RecordAbsenceRequest { staff, from_ms, until_ms: time(&until)?, reason, substitute };
                let reply = at.connect().await?.staff().record_absence(request).await?.into_inner();
                output.print(&json::show("AbsenceView", &reply)?, |_| absence(&reply))
            }
            Self::Back { staff, at, output } => {
                let request = proto::EndAbsenceRequest { id: Vec::new(), staff };
                let reply = at.connect().await?.staff().end_absence(request).await?.into_inner();
                output.print(&json::show("AbsenceView", &reply)?, |_| absence(&reply))
            }
            Self::Absences { from, until, at, output } => {
                let from_ms = from.as_deref().map_or(Ok(0), time)?;
                let until_ms = until.as_deref().map_or(Ok(0), time)?;
                let request = proto::ListAbsencesRequest { from_ms, until_ms };
                let reply = at.connect().await?.staff().list_absences(request).await?.into_inner();
                let told = |_: &_| reply.absences.iter().map(absence).collect::<Vec<_>>().join("\n");
                output.print(&json::show("ListAbsencesReply", &reply)?, told)
            }
            Self::Suspend { staff, reason, at, output } => {
                let request = proto::SuspendStaffRequest { staff, reason };
                let reply = at.connect().await?.staff().suspend_staff(request).await?.into_inner();
                output.print(&json::show("StaffView", &reply)?, |_| person(&reply))
            }
            Self::Reinstate { staff, reason, at, output } => {
                let request = proto::ReinstateStaffRequest { staff, reason };
                let reply = at.connect().await?.staff().reinstate_staff(request).await?.into_inner();
                output.print(&json::show("StaffView", &reply)?, |_| person(&reply))
            }
            Self::Change { staff, backup, serves, reason, at, output } => {
                let request = proto::ChangeStaffRequest { staff, backup, serves, reason, ..Default::default() };
                let reply = at.connect().await?.staff().change_staff(request).await?.into_inner();
                let told = |_: &_| reply.staff.as_ref().map(person).unwrap_or_default();
                output.print(&json::show("ChangeStaffReply", &reply)?, told)
            }
            Self::Ask { staff, roles, post, department, place, seat, backup, leaves, reason, at, output } => {
                let place = place.map_or(0, StationCode::number);
                let change = proto::ChangeStaffRequest {
                    staff,
                    roles,
                    post,
                    department,
                    place,
                    seat,
                    backup,
                    leaves,
                    reason,
                    ..Default::default()
                };
                let request = proto::AskStaffChangeRequest { change: Some(change) };
                let reply = at.connect().await?.staff().ask_staff_change(request).await?.into_inner();
                output.print(&json::show("StaffRequestView", &reply)?, |_| staff_request(&reply))
            }
            Self::Requests { open, at, output } => {
                let request = proto::ListStaffRequestsRequest { open, staff: String::new() };
                let reply = at.connect().await?.staff().list_staff_requests(request).await?.into_inner();
                let told = |_: &_| reply.requests.iter().map(staff_request).collect::<Vec<_>>().join("\n");
                output.print(&json::show("ListStaffRequestsReply", &reply)?, told)
            }
            Self::Decide { id, refuse, words, number, from, at, output } => {
                let (id, approved, from) = (id.to_vec(), !refuse, from.map_or(0, date_number));
                let request = proto::DecideStaffChangeRequest { id, approved, words, number, from };
                let reply = at.connect().await?.staff().decide_staff_change(request).await?.into_inner();
                output.print(&json::show("StaffRequestView", &reply)?, |_| staff_request(&reply))
            }
            Self::Withdraw { id, at, output } => {
                let request = proto::WithdrawStaffChangeRequest { id: id.to_vec() };
                let reply = at.connect().await?.staff().withdraw_staff_change(request).await?.into_inner();
                output.print(&json::show("StaffRequestView", &reply)?, |_| staff_request(&reply))
            }
            Self::History { staff, at, output } => {
                let reply =
                    at.connect().await?.staff().staff_history(proto::StaffHistoryRequest { staff }).await?.into_inner();
                output.print(&json::show("StaffHistoryReply", &reply)?, |_| history(&reply))
            }
            Self::Powers { item: None, staff, at, output } => {
                let request = proto::ListAuthorisationsRequest { staff };
                let reply = at.connect().await?.staff().list_authorisations(request).await?.into_inner();
                output.print(&json::show("ListAuthorisationsReply", &reply)?, |_| all_powers(&reply))
            }
            Self::Powers { item: Some(item), at, output, .. } => {
                let reply = at
                    .connect()
                    .await?
                    .staff()
                    .authorisations(proto::AuthorisationsRequest { item })
                    .await?
                    .into_inner();
                output.print(&json::show("AuthorisationsReply", &reply)?, |_| powers(&reply))
            }
            Self::Stations { at, output } => {
                let request = proto::StationRegisterRequest {};
                let reply = at.connect().await?.staff().station_register(request).await?.into_inner();
                output.print(&json::show("StationRegisterReply", &reply)?, |_| stations(&reply))
            }
            Self::Upward { closed, at, output } => {
                let request = proto::UpwardCasesRequest { closed };
                let reply = at.connect().await?.staff().upward_cases(request).await?.into_inner();
                output.print(&json::show("UpwardCasesReply", &reply)?, pretty)
            }
        }
    }
}

/// Milliseconds since 1970-01-01 UTC of a day or a time in China.
fn time(text: &str) -> Result<u64, Error> {
    let at = text
        .parse::<DateTime>()
        .or_else(|_| text.parse::<Date>().map(|day| day.to_datetime(jiff::civil::Time::midnight())));
    let at = at.ok().and_then(|at| TimeZone::fixed(CHINA).to_timestamp(at).ok());
    at.and_then(|at| u64::try_from(at.as_millisecond()).ok())
        .ok_or_else(|| Error::Input(format!("'{text}' is not a day (2026-07-03) or a time (2026-07-03T14:00)")))
}

fn person(person: &proto::StaffView) -> String {
    let mut line = format!(
        "{}  {}  {}  {}  {}",
        person.id,
        person.state,
        person.name,
        person.roles.join("、"),
        person.department_name
    );
    if !person.seat.is_empty() {
        line.push_str(&format!("  {}角", person.seat));
    }
    if !person.acts_for.is_empty() {
        line.push_str(&format!("  顶岗：{}", person.acts_for.join("、")));
    }
    if !person.suspended_reason.is_empty() {
        line.push_str(&format!("  原因：{}", person.suspended_reason));
    }
    line
}

fn people(reply: &proto::ListStaffReply) -> String {
    let mut lines: Vec<String> = reply.staff.iter().map(person).collect();
    if !reply.on_duty_today.is_empty() {
        lines.push(format!("今日带班：{}", reply.on_duty_today.join("、")));
    }
    lines.join("\n")
}

fn absence(absence: &proto::AbsenceView) -> String {
    let (from, until) = (words::time(absence.from_ms), words::time(absence.until_ms));
    let mut line = format!("{}  {}  {from} — {until}  {}", absence.staff, absence.staff_name, absence.reason);
    if !absence.substitute.is_empty() {
        line.push_str(&format!("  顶岗：{} {}", absence.substitute, absence.substitute_name));
    }
    if !absence.cases.is_empty() {
        line.push_str(&format!("  办件：{}", absence.cases.join("、")));
    }
    line
}

/// The id of a request as `staff requests` shows it.
fn request_id(text: &str) -> Result<[u8; 16], String> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok();
    let id = bytes.and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    id.ok_or_else(|| "not the id of a request: 32 hexadecimal digits".to_owned())
}

fn staff_request(request: &proto::StaffRequestView) -> String {
    let change = |change: &proto::StaffDifference| format!("{}：{} → {}", change.field, change.before, change.after);
    let changes: Vec<String> = request.changes.iter().map(change).collect();
    let mut line = format!(
        "{}  {}  {} {}  {}  {}  申请人：{}  {}",
        data_encoding::HEXLOWER.encode(&request.id),
        request.state,
        request.staff,
        request.staff_name,
        changes.join("；"),
        request.reason,
        request.asked_by_name,
        words::time(request.asked_ms)
    );
    if request.decided_ms > 0 {
        line.push_str(&format!("  答复：{} {} {}", request.decided_by_name, request.number, request.words));
    }
    if let Some(from) = date_of_number(request.from) {
        line.push_str(&format!("  自{}起生效", date_words(from)));
    }
    if !request.hindered.is_empty() {
        line.push_str(&format!("  未能生效：{}", request.hindered));
    }
    line.extend(request.warnings.iter().map(|warning| format!("  注意：{warning}")));
    line
}

fn all_powers(reply: &proto::ListAuthorisationsReply) -> String {
    let line = |row: &proto::ItemAuthorisation| {
        let power = row.power.clone().unwrap_or_default();
        let (staff, document) = (power.staff.join("、"), power.document);
        format!("{}  {}  {}  {}  {staff}  {document}", row.item, row.item_name, power.power, power.source)
    };
    reply.rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn history(reply: &proto::StaffHistoryReply) -> String {
    let line = |row: &proto::StaffHistoryRow| {
        let staff = row.staff.as_ref().map(person).unwrap_or_default();
        format!("{}  {staff}  {}  {}", words::time(row.from_ms), row.reason, row.consent)
    };
    reply.rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn powers(reply: &proto::AuthorisationsReply) -> String {
    let line = |power: &proto::AuthorisationView| {
        format!("{}  {}  {}  {}", power.power, power.source, power.staff.join("、"), power.document)
    };
    reply.powers.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn stations(reply: &proto::StationRegisterReply) -> String {
    let line = |station: &proto::RegisteredStation| {
        let heard =
            if station.last_activity_ms == 0 { "—".to_owned() } else { words::time(station.last_activity_ms) };
        format!(
            "{:012}  {}  {}  {}  {heard}  {}  {}项",
            station.station,
            station.state,
            station.name,
            station.people.join("、"),
            station.opening_hours,
            station.services
        )
    };
    reply.stations.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_day_stands_for_its_beginning_in_china() {
        assert_eq!(time("1970-01-02").unwrap(), 16 * 60 * 60 * 1000);
        assert_eq!(time("1970-01-02T14:30").unwrap(), (16 * 60 + 14 * 60 + 30) * 60 * 1000);
        for wrong in ["", "明天", "2026-02-30", "1969-12-31"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_id_of_a_request_is_read_as_it_is_shown() {
        let shown = data_encoding::HEXLOWER.encode(&[0xab; 16]);
        assert_eq!(request_id(&shown).unwrap(), [0xab; 16]);
        assert!(["", "ab", "5f0c…", &shown[1..]].iter().all(|wrong| request_id(wrong).is_err()));
    }
}

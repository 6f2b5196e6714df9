//! Answers in words, for a keeper who reads them.

use sanji_log::StationCode;
use sanji_proto::v1 as proto;

use crate::tokens::{Holder, Listed};

const MINUTE_MS: u64 = 60_000;

/// A time as people read it: seconds, UTC.
#[must_use]
pub fn time(millis: u64) -> String {
    let moment = i64::try_from(millis).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    moment.map_or_else(|| millis.to_string(), |moment| format!("{moment:.0}"))
}

pub(super) fn status(status: &proto::StatusReply) -> String {
    let mut lines = vec![
        format!("station      {:012} {} ({} {})", status.station, status.name, status.program, status.software),
        format!("key          {}", data_encoding::HEXLOWER.encode(&status.key)),
        format!("clock        {}", time(status.clock_ms)),
        format!("certificate  until {}", time(status.certificate_until_ms)),
        format!("holds        {} entries in {} logs, {} open cases", status.entries, status.logs, status.open_cases),
        format!("unconfirmed  {} entries", status.entries_unconfirmed),
        format!("missing      {} attachments", status.attachments_missing),
    ];
    lines.extend(status.condition.iter().map(|own| format!("condition    {}", condition(own))));
    if !status.writable {
        lines.push(format!("READ-ONLY    {}", status.read_only_reason));
    }
    lines.extend(status.healing.as_ref().map(|waiting| format!("healing      {}", healing(waiting))));
    lines.extend(status.forks.iter().map(|seen| format!("CLONED       {}", fork(seen))));
    for missing in &status.missing {
        let log = missing.log.clone().and_then(|log| sanji_log::LogId::try_from(log).ok());
        let log = log.map_or_else(String::new, |log| log.to_string());
        lines.push(format!("DAMAGED      entries {} to {} of log {log}; asked for again", missing.from, missing.until));
    }
    if status.quarantined > 0 {
        lines.push(format!("QUARANTINE   {} to be settled: see `quarantine list`", status.quarantined));
    }
    lines.extend(status.upstream.iter().map(|upstream| link("upstream  ", upstream)));
    lines.extend(status.downstream.iter().map(|downstream| link("downstream", downstream)));
    let below = status.conditions_below.iter();
    lines.extend(below.map(|below| format!("below        {:012} {}", below.station, condition(below))));
    for refused in &status.refused {
        let home = refused.log.as_ref().map_or(0, |log| log.home);
        let when = time(refused.time_ms);
        lines.push(format!(
            "refused      log of {home:012} at seq {}: {} {} ({when})",
            refused.seq, refused.reason, refused.detail
        ));
    }
    lines.join("\n")
}

/// How a station said that it is, in one line.
#[must_use]
pub fn condition(said: &proto::StationCondition) -> String {
    let mut parts = vec![format!("software {}", said.software)];
    if said.disk_total_bytes > 0 {
        parts.push(format!("{} of {} MB of the disk free", said.disk_free_bytes >> 20, said.disk_total_bytes >> 20));
    }
    if said.entries_unconfirmed > 0 {
        let minutes = said.unconfirmed_for_ms / MINUTE_MS;
        parts.push(format!("{} entries unconfirmed, the oldest for {minutes} min", said.entries_unconfirmed));
    }
    for (count, how) in [(said.attachments_missing, "missing"), (said.attachments_unconfirmed, "unconfirmed")] {
        if count > 0 {
            parts.push(format!("{count} attachments {how}"));
        }
    }
    if !said.writable {
        parts.push("READ-ONLY".to_owned());
    }
    if said.age_ms > 0 {
        parts.push(format!("{} min ago", said.age_ms / MINUTE_MS));
    }
    parts.join("; ")
}

pub(super) fn healing(healing: &proto::Healing) -> String {
    if healing.since_ms == 0 {
        return "waits for nobody".to_owned();
    }
    format!(
        "since {}; heard in full: {}; awaited: {}",
        time(healing.since_ms),
        stations(&healing.heard),
        stations(&healing.awaited)
    )
}

pub(super) fn healing_ended(reply: &proto::EndHealingReply) -> String {
    format!("goes on; not heard: {}", stations(&reply.unheard))
}

/// A fork in one line.
#[must_use]
pub fn fork(fork: &proto::Fork) -> String {
    let what = match (fork.seq, fork.decided.is_empty()) {
        (0, _) => "two machines are linked with one key, nothing is contradicted yet".to_owned(),
        (seq, true) => format!("two machines write, they differ from seq {seq} on; to be decided"),
        (seq, false) => format!("two machines wrote, they differ from seq {seq} on; decided"),
    };
    let log = fork.log.clone().and_then(|log| sanji_log::LogId::try_from(log).ok());
    let log = log.map_or_else(String::new, |log| log.to_string());
    format!("{:012}: {what}; since {}; log {log}", fork.station, time(fork.seen_ms))
}

fn stations(codes: &[u64]) -> String {
    let codes: Vec<_> = codes.iter().map(|code| format!("{code:012}")).collect();
    if codes.is_empty() { "none".to_owned() } else { codes.join(", ") }
}

fn link(direction: &str, link: &proto::LinkStatus) -> String {
    let state = match (link.connected, link.since_ms) {
        (true, since) => format!("up since {}, clock {:+} ms", time(since), link.clock_offset_ms),
        (false, 0) => "never up".to_owned(),
        (false, since) => format!("down since {}", time(since)),
    };
    let why = if link.last_error.is_empty() { String::new() } else { format!(" ({})", link.last_error) };
    format!("{direction}   {:012} {state}{why}", link.station)
}

pub(super) fn attachment(progress: &proto::AttachmentProgress) -> String {
    let id = data_encoding::BASE64.encode(&progress.id);
    let lacking: Vec<_> = progress.lacking_at.iter().map(|station| format!("{station:012}")).collect();
    let urgent = if progress.urgent { ", somebody waits for it" } else { "" };
    format!(
        "{}  {id}  {} of {} bytes here; not complete at {}{urgent}",
        progress.case_number,
        progress.size_here,
        progress.size,
        lacking.join(", ")
    )
}

pub(super) fn exported(exported: &proto::ExportedBundle, to: StationCode) -> String {
    let mut line = format!(
        "for {to}: {} entries, {} receipts, {} attachments ({} bytes)",
        exported.entries, exported.receipts, exported.attachments, exported.attachment_bytes
    );
    if exported.attachments_left > 0 {
        line.push_str(&format!("; {} attachments are left for a later bundle", exported.attachments_left));
    }
    line
}

pub(super) fn imported(reply: &proto::ImportBundleReply) -> String {
    if reply.sender == 0 {
        return "nothing was taken".to_owned();
    }
    let mut lines = vec![format!(
        "from {:012}, written {}: {} entries taken, {} passed over, {} receipts, {} attachments made complete",
        reply.sender,
        time(reply.created_ms),
        reply.entries,
        reply.entries_not_taken,
        reply.receipts,
        reply.attachments
    )];
    for refused in &reply.refused_logs {
        let home = refused.log.as_ref().map_or(0, |log| log.home);
        let (seq, reason, detail) = (refused.seq, &refused.reason, &refused.detail);
        lines.push(format!("refused      log of {home:012} at seq {seq}: {reason} {detail}"));
    }
    lines.join("\n")
}

pub(super) fn verify(reply: &proto::VerifyReply) -> String {
    let mut lines = vec![format!(
        "checked {} frames, {} logs, {} entries, {} seals, {} attachments: {} faults",
        reply.frames,
        reply.logs,
        reply.entries,
        reply.seals,
        reply.attachments,
        reply.faults.len()
    )];
    lines.extend(reply.faults.iter().cloned());
    lines.join("\n")
}

pub(super) fn token(token: &Listed) -> String {
    let holder = match &token.issued.holder {
        Holder::Keeper => "keeper",
        Holder::Staff(staff) => staff,
    };
    format!("{}  {holder}  issued {}", token.name, time(token.issued.issued_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_one_line_of_what_matters() {
        let well = proto::StationCondition { software: "0.2.0".to_owned(), writable: true, ..Default::default() };
        assert_eq!(condition(&well), "software 0.2.0");
        let waiting = proto::StationCondition {
            age_ms: 3 * MINUTE_MS,
            entries_unconfirmed: 7,
            unconfirmed_for_ms: 90 * MINUTE_MS,
            attachments_unconfirmed: 2,
            disk_free_bytes: 5 << 30,
            disk_total_bytes: 64 << 30,
            writable: false,
            ..well
        };
        assert_eq!(
            condition(&waiting),
            "software 0.2.0; 5120 of 65536 MB of the disk free; 7 entries unconfirmed, the oldest for 90 min; \
             2 attachments unconfirmed; READ-ONLY; 3 min ago"
        );
    }
}

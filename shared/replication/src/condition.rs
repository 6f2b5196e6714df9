//! How a station is, by its own word (站点情况), as it goes up from link to link.

use sanji_log::StationCode;
use sanji_proto::v1 as proto;

use crate::limits::SOFTWARE_MAX_BYTES;
use crate::limits::cut;

/// Entries that wait no longer than this are on their way, in milliseconds: nobody needs to hear of them.
const ON_THE_WAY_MS: u64 = 60_000;
/// By how much the difference of two clocks must have changed to be worth a message, in milliseconds.
const CLOCK_CHANGE_MS: u64 = 10_000;
/// Which part of a disk must have been filled or freed to be worth a message: one in so many.
const DISK_PARTS: u64 = 20;

/// How a station is, by its own word; see `StationCondition` in link.proto.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StationCondition {
    /// The station.
    pub station: StationCode,
    /// How long ago it said so, in milliseconds.
    pub age_ms: u64,
    /// Its software's version, for people; empty: not told.
    pub software: String,
    /// Own entries that no station above had confirmed.
    pub entries_unconfirmed: u64,
    /// How long ago it had written the oldest of them, in milliseconds.
    pub unconfirmed_for_ms: u64,
    /// Attachments known by an entry and not complete there.
    pub attachments_missing: u64,
    /// Attachments that are complete there and that no station above was known to hold.
    pub attachments_unconfirmed: u64,
    /// Bytes of all these attachments.
    pub attachment_bytes: u64,
    /// Bytes that may still be written to the file system with its data.
    pub disk_free_bytes: u64,
    /// Bytes of that file system in all; 0: not known.
    pub disk_total_bytes: u64,
    /// Its clock minus that of the station above, in milliseconds; none where they were not compared.
    pub clock_offset_ms: Option<i64>,
    /// Whether its store took writes.
    pub writable: bool,
    /// What was in quarantine there and not settled.
    pub quarantined: u64,
    /// For how long its link to the station above had been up, in milliseconds; 0: it was not.
    pub linked_for_ms: u64,
}

impl StationCondition {
    /// The same after it was held for so long, in milliseconds.
    #[must_use]
    pub fn held_for(mut self, span_ms: u64) -> Self {
        self.age_ms = self.age_ms.saturating_add(span_ms);
        self
    }

    /// Whether somebody should hear of it before it is told anew anyway. What comes and goes within a minute, as entries
    /// on their way do, is not worth a message on a thin line.
    #[must_use]
    pub fn differs_noticeably(&self, told: &Self) -> bool {
        let waiting = |one: &Self| match one.unconfirmed_for_ms {
            ..ON_THE_WAY_MS => 0,
            _ => one.entries_unconfirmed,
        };
        let attachments = |one: &Self| one.attachments_missing.saturating_add(one.attachments_unconfirmed);
        let disk_part = self.disk_total_bytes / DISK_PARTS;
        let clocks = match (self.clock_offset_ms, told.clock_offset_ms) {
            (Some(now), Some(then)) => now.abs_diff(then) >= CLOCK_CHANGE_MS,
            (now, then) => now.is_some() != then.is_some(),
        };
        self.software != told.software
            || self.writable != told.writable
            || self.quarantined != told.quarantined
            || clocks
            || is_another_size(waiting(self), waiting(told))
            || is_another_size(attachments(self), attachments(told))
            || self.disk_total_bytes != told.disk_total_bytes
            || is_another_size(self.disk_free_bytes, told.disk_free_bytes)
            || self.disk_free_bytes.abs_diff(told.disk_free_bytes) > disk_part
    }
}

/// Whether something has at least doubled or halved, or has come or gone.
fn is_another_size(now: u64, then: u64) -> bool {
    now != then && (now >= then.saturating_mul(2) || then >= now.saturating_mul(2))
}

impl From<StationCondition> for proto::StationCondition {
    fn from(condition: StationCondition) -> Self {
        Self {
            station: condition.station.number(),
            age_ms: condition.age_ms,
            software: cut(condition.software, SOFTWARE_MAX_BYTES),
            entries_unconfirmed: condition.entries_unconfirmed,
            unconfirmed_for_ms: condition.unconfirmed_for_ms,
            attachments_missing: condition.attachments_missing,
            attachments_unconfirmed: condition.attachments_unconfirmed,
            attachment_bytes: condition.attachment_bytes,
            disk_free_bytes: condition.disk_free_bytes,
            disk_total_bytes: condition.disk_total_bytes,
            clock_offset_ms: condition.clock_offset_ms,
            writable: condition.writable,
            quarantined: condition.quarantined,
            linked_for_ms: condition.linked_for_ms,
        }
    }
}

impl TryFrom<proto::StationCondition> for StationCondition {
    type Error = sanji_log::Error;

    fn try_from(condition: proto::StationCondition) -> Result<Self, sanji_log::Error> {
        // It is shown to people, on terminals too.
        let software: String = condition.software.chars().filter(|letter| !letter.is_control()).collect();
        Ok(Self {
            station: StationCode::from_number(condition.station)?,
            age_ms: condition.age_ms,
            software: cut(software, SOFTWARE_MAX_BYTES),
            entries_unconfirmed: condition.entries_unconfirmed,
            unconfirmed_for_ms: condition.unconfirmed_for_ms,
            attachments_missing: condition.attachments_missing,
            attachments_unconfirmed: condition.attachments_unconfirmed,
            attachment_bytes: condition.attachment_bytes,
            disk_free_bytes: condition.disk_free_bytes,
            disk_total_bytes: condition.disk_total_bytes,
            clock_offset_ms: condition.clock_offset_ms,
            writable: condition.writable,
            quarantined: condition.quarantined,
            linked_for_ms: condition.linked_for_ms,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;
    use crate::Message;
    use crate::limits::CONDITIONS_MAX;

    const GB: u64 = 1 << 30;

    pub(crate) fn condition(station: &str) -> StationCondition {
        StationCondition {
            station: station.parse().unwrap(),
            age_ms: 0,
            software: "1.2.3".to_owned(),
            entries_unconfirmed: 0,
            unconfirmed_for_ms: 0,
            attachments_missing: 0,
            attachments_unconfirmed: 0,
            attachment_bytes: 0,
            disk_free_bytes: 60 * GB,
            disk_total_bytes: 100 * GB,
            clock_offset_ms: Some(500),
            writable: true,
            quarantined: 0,
            linked_for_ms: 0,
        }
    }

    #[test]
    fn what_comes_and_goes_by_itself_is_no_news() {
        let told = condition("990106101203");
        let same = StationCondition { age_ms: 9000, linked_for_ms: 600_000, ..told.clone() };
        let on_its_way = StationCondition { entries_unconfirmed: 40, unconfirmed_for_ms: 900, ..told.clone() };
        let written = StationCondition { disk_free_bytes: 58 * GB, clock_offset_ms: Some(-4000), ..told.clone() };
        for quiet in [same, on_its_way, written] {
            assert!(!quiet.differs_noticeably(&told), "{quiet:?}");
            assert!(!told.differs_noticeably(&quiet), "{quiet:?}");
        }
        let stuck = StationCondition { entries_unconfirmed: 40, unconfirmed_for_ms: 90_000, ..told.clone() };
        for news in [
            stuck.clone(),
            StationCondition { attachments_unconfirmed: 1, ..told.clone() },
            StationCondition { attachments_missing: 1, ..told.clone() },
            StationCondition { disk_free_bytes: 54 * GB, ..told.clone() },
            StationCondition { clock_offset_ms: None, ..told.clone() },
            StationCondition { clock_offset_ms: Some(90_000), ..told.clone() },
            StationCondition { software: "1.2.4".to_owned(), ..told.clone() },
            StationCondition { writable: false, ..told.clone() },
            StationCondition { quarantined: 1, ..told.clone() },
        ] {
            assert!(news.differs_noticeably(&told) && told.differs_noticeably(&news), "{news:?}");
        }
        let fewer = StationCondition { entries_unconfirmed: 30, ..stuck.clone() };
        let half = StationCondition { entries_unconfirmed: 20, ..stuck.clone() };
        assert!(!fewer.differs_noticeably(&stuck) && half.differs_noticeably(&stuck));
        let small = |free| StationCondition { disk_free_bytes: free, ..told.clone() };
        assert!(small(GB).differs_noticeably(&small(2 * GB)), "of a disk that is nearly full less is news");
    }

    #[test]
    fn a_message_has_bounds_and_its_texts_are_fit_to_be_shown() {
        let wire = |stations| proto::LinkMessage {
            message: Some(proto::link_message::Message::Conditions(proto::Conditions { stations })),
        };
        let one = condition("990106101203");
        let sent = proto::LinkMessage::from(Message::Conditions(vec![one.clone()]));
        assert_eq!(Message::try_from(sent), Ok(Message::Conditions(vec![one.clone()])));
        let good = proto::StationCondition::from(one);
        let many = |count| wire(vec![good.clone(); count]);
        assert!(Message::try_from(many(CONDITIONS_MAX)).is_ok());
        assert!(Message::try_from(many(CONDITIONS_MAX + 1)).is_err());
        let nowhere = proto::StationCondition { station: 12, ..good.clone() };
        assert!(Message::try_from(wire(vec![nowhere])).is_err());
        let long = proto::StationCondition { software: format!("\u{1b}[2J{}", "村".repeat(40)), ..good };
        let told = StationCondition::try_from(long).unwrap();
        assert!(told.software.starts_with("[2J村") && told.software.len() <= SOFTWARE_MAX_BYTES, "{}", told.software);
        assert_eq!(told.held_for(u64::MAX).held_for(1).age_ms, u64::MAX);
    }
}

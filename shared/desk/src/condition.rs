//! What a station says of itself (站点情况), in plain words: what waits to be sent, its computer, and what is to be done
//! about it.

use sanji_proto::v1 as proto;

use crate::words;

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;
const GB: u64 = 1 << 30;
/// A line that was up for so long has had the time to carry what waited, even a thin one: what waits still is stuck.
const LINKED_LONG_MS: u64 = HOUR_MS;
/// Whoever has less room than the least, and less than one part in so many of a disk that is not large, is told before it
/// is too late: a day's photographs take some hundred megabytes.
const DISK_LEAST_BYTES: u64 = GB;
const DISK_PARTS: u64 = 20;
const DISK_MOST_BYTES: u64 = 10 * GB;
/// A clock that is further off is to be set: deadlines and the order of steps are told by it.
pub(crate) const CLOCK_OFF_MS: u64 = 60 * 1000;

/// What a station has said of itself, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// When it said so, by the reader's clock: milliseconds since 1970-01-01 UTC.
    pub(crate) at_ms: u64,
    /// Entries and attachments that no station above has; empty: none.
    pub(crate) unsent: String,
    /// Attachments that it waits for; empty: none.
    pub(crate) awaited: String,
    /// Room on its disk; empty: not known.
    pub(crate) disk: String,
    pub(crate) is_disk_low: bool,
    /// How much room there should be.
    pub(crate) needed: String,
    /// Its clock against that of the station above; empty: not known.
    pub(crate) clock: String,
    pub(crate) is_clock_wrong: bool,
    pub(crate) software: String,
    /// What is in quarantine there.
    pub(crate) quarantined: u64,
    /// What is to be done about a trouble; empty: there is none.
    pub(crate) trouble: String,
}

impl Said {
    /// What a condition says, as of `now_ms` on the reader's clock.
    pub(crate) fn of(condition: &proto::StationCondition, now_ms: u64) -> Self {
        let at_ms = now_ms.saturating_sub(condition.age_ms);
        let offset_ms = condition.clock_offset_ms;
        let said = Self {
            at_ms,
            unsent: unsent(condition, at_ms),
            awaited: files(condition.attachments_missing),
            disk: disk(condition),
            is_disk_low: condition.disk_total_bytes > 0 && condition.disk_free_bytes < needed_bytes(condition),
            needed: words::size(&needed_bytes(condition)),
            clock: offset_ms.map_or_else(String::new, clock),
            is_clock_wrong: offset_ms.is_some_and(|offset_ms| offset_ms.unsigned_abs() > CLOCK_OFF_MS),
            software: condition.software.clone(),
            quarantined: condition.quarantined,
            trouble: String::new(),
        };
        Self { trouble: trouble(condition, &said), ..said }
    }

    /// What is to be done about its software, where it is another than that of the district's hub; empty: nothing.
    pub(crate) fn update(&self, of_hub: &str) -> String {
        let numbers = |version: &str| -> Vec<u64> { version.split('.').map_while(|part| part.parse().ok()).collect() };
        match (&self.software, numbers(&self.software).cmp(&numbers(of_hub))) {
            (software, _) if software.is_empty() || software == of_hub => String::new(),
            (software, std::cmp::Ordering::Greater) => {
                format!("该站点的软件是{software}版，比区中心的{of_hub}版新。请安排升级区中心的软件。")
            }
            (software, _) => format!("软件是{software}版，比区中心的{of_hub}版旧。请在方便时安排升级。"),
        }
    }
}

/// How a station's clock is, by its difference from another: below two seconds nobody needs to care.
pub(crate) fn clock(offset_ms: i64) -> String {
    let seconds = offset_ms.unsigned_abs().div_ceil(1000);
    match offset_ms {
        _ if offset_ms.unsigned_abs() < 2000 => "正常".to_owned(),
        1.. => format!("快{seconds}秒"),
        _ => format!("慢{seconds}秒"),
    }
}

fn files(count: u64) -> String {
    if count == 0 { String::new() } else { format!("{count}个附件") }
}

fn unsent(condition: &proto::StationCondition, at_ms: u64) -> String {
    let entries = match condition.entries_unconfirmed {
        0 => String::new(),
        count if condition.unconfirmed_for_ms == 0 => format!("{count}条记录"),
        count => {
            let oldest_ms = at_ms.saturating_sub(condition.unconfirmed_for_ms);
            format!("{count}条记录（最早{}）", words::time(&oldest_ms))
        }
    };
    let mut parts = vec![entries, files(condition.attachments_unconfirmed)];
    parts.retain(|part| !part.is_empty());
    parts.join("，")
}

fn disk(condition: &proto::StationCondition) -> String {
    let (free, total) = (&condition.disk_free_bytes, &condition.disk_total_bytes);
    if *total == 0 {
        return String::new();
    }
    format!("剩余{}，共{}", words::size(free), words::size(total))
}

fn needed_bytes(condition: &proto::StationCondition) -> u64 {
    (condition.disk_total_bytes / DISK_PARTS).clamp(DISK_LEAST_BYTES, DISK_MOST_BYTES)
}

/// `said` is the rest of it.
fn trouble(condition: &proto::StationCondition, said: &Said) -> String {
    if said.is_disk_low {
        let (free, needed) = (words::size(&condition.disk_free_bytes), &said.needed);
        return if condition.writable {
            format!(
                "磁盘只剩{free}，不足{needed}；写满以后就不能保存办件了。请站点清理磁盘，或者联系系统维护人员扩容。"
            )
        } else {
            format!(
                "磁盘只剩{free}，已经不能保存新的办件。请站点清理磁盘，或者联系系统维护人员；腾出空间后会自动恢复。"
            )
        };
    }
    if !condition.writable {
        return "现在不能保存新的办件。请站点打开“站点状态”查看原因，并联系系统维护人员。".to_owned();
    }
    let is_stuck = condition.unconfirmed_for_ms > DAY_MS && condition.linked_for_ms > LINKED_LONG_MS;
    if is_stuck && condition.entries_unconfirmed > 0 {
        let (count, days) = (condition.entries_unconfirmed, condition.unconfirmed_for_ms / DAY_MS);
        return format!(
            "线路是通的，但有{count}条记录超过{days}天没有报送上来。请站点打开“站点状态”查看原因，并联系系统维护人员。"
        );
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-07-01 09:30 in China.
    const NOW_MS: u64 = 1_782_869_400_000;

    fn well() -> proto::StationCondition {
        proto::StationCondition {
            station: 990_106_101_203,
            age_ms: 120_000,
            software: "0.2.0".to_owned(),
            disk_free_bytes: 60 * GB,
            disk_total_bytes: 200 * GB,
            clock_offset_ms: Some(300),
            writable: true,
            linked_for_ms: 2 * HOUR_MS,
            ..Default::default()
        }
    }

    #[test]
    fn a_station_that_is_well_asks_for_nothing() {
        let said = Said::of(&well(), NOW_MS);
        assert_eq!(said.at_ms, NOW_MS - 120_000);
        assert_eq!((said.unsent.as_str(), said.awaited.as_str(), said.trouble.as_str()), ("", "", ""));
        assert_eq!((said.disk.as_str(), said.clock.as_str()), ("剩余60 GB，共200 GB", "正常"));
        assert!(!said.is_disk_low && !said.is_clock_wrong);
        let unknown = Said::of(&proto::StationCondition { disk_total_bytes: 0, ..well() }, NOW_MS);
        assert!(unknown.disk.is_empty() && !unknown.is_disk_low, "nothing is known of its disk");
        assert_eq!([-1999, 90_000, -90_500].map(clock), ["正常", "快90秒", "慢91秒"]);
    }

    #[test]
    fn what_waits_is_told_with_the_time_of_the_oldest() {
        let waiting = proto::StationCondition {
            entries_unconfirmed: 12,
            unconfirmed_for_ms: HOUR_MS,
            attachments_unconfirmed: 3,
            attachments_missing: 2,
            ..well()
        };
        let said = Said::of(&waiting, NOW_MS);
        assert_eq!(said.unsent, "12条记录（最早2026年7月1日 08:28），3个附件");
        assert_eq!((said.awaited.as_str(), said.trouble.as_str()), ("2个附件", ""));
    }

    #[test]
    fn a_disk_that_fills_up_is_a_trouble_before_it_is_full() {
        for (free, total, low) in [
            (GB - 1, 200 * GB, "不足10 GB"),
            (9 * GB, 200 * GB, "不足10 GB"),
            (10 * GB, 200 * GB, ""),
            (10 * GB - 1, 4000 * GB, "不足10 GB"),
            (3 * GB, 64 * GB, "不足3.1 GB"),
            (4 * GB, 64 * GB, ""),
            (GB, 8 * GB, ""),
            (GB - 1, 8 * GB, "不足1.0 GB"),
        ] {
            let disk = proto::StationCondition { disk_free_bytes: free, disk_total_bytes: total, ..well() };
            let said = Said::of(&disk, NOW_MS);
            assert_eq!(said.is_disk_low, !low.is_empty(), "{free} of {total}");
            assert!(said.trouble.contains(low) && said.trouble.is_empty() == low.is_empty(), "{}", said.trouble);
        }
        let full = proto::StationCondition { disk_free_bytes: 9 << 20, writable: false, ..well() };
        assert!(Said::of(&full, NOW_MS).trouble.starts_with("磁盘只剩9.0 MB，已经不能保存"));
    }

    #[test]
    fn a_store_that_takes_no_writes_and_work_that_is_stuck_are_troubles() {
        let halted = proto::StationCondition { writable: false, ..well() };
        assert!(Said::of(&halted, NOW_MS).trouble.starts_with("现在不能保存新的办件"));
        for (linked_for_ms, unconfirmed_for_ms, words) in [
            (2 * HOUR_MS, 3 * DAY_MS, "有7条记录超过3天没有报送"),
            (HOUR_MS / 2, 3 * DAY_MS, ""),
            (0, 3 * DAY_MS, ""),
            (2 * HOUR_MS, DAY_MS / 2, ""),
        ] {
            let stuck = proto::StationCondition { entries_unconfirmed: 7, linked_for_ms, unconfirmed_for_ms, ..well() };
            let trouble = Said::of(&stuck, NOW_MS).trouble;
            assert!(trouble.contains(words) && trouble.is_empty() == words.is_empty(), "{linked_for_ms}: {trouble}");
        }
    }

    #[test]
    fn another_version_than_the_hubs_is_the_next_step() {
        let said = Said::of(&well(), NOW_MS);
        for (of_hub, words) in [
            ("0.2.0", ""),
            ("0.10.0", "比区中心的0.10.0版旧"),
            ("0.1.9", "请安排升级区中心的软件"),
            ("0.2.0-rc", "比区中心的0.2.0-rc版"),
        ] {
            let update = said.update(of_hub);
            assert!(update.contains(words) && update.is_empty() == words.is_empty(), "{of_hub}: {update}");
        }
        assert_eq!(Said::default().update("0.2.0"), "", "it did not say");
    }
}

//! Numbers of cases and matters: one for each of a station and day, rising, never twice.

use std::ops::RangeInclusive;

use sanji_domain::calendar::local_date;
use sanji_domain::case::{Refusal, RefusalCode};
use sanji_log::{CaseId, Tier};

use super::Core;
use super::reference::KeyLife;
use crate::error::{Error, Failure, store};

/// 1 January 2000, from which the days in a case id are counted.
const FIRST_DAY: jiff::civil::Date = jiff::civil::date(2000, 1, 1);
/// Numbers of a day that cases get.
const CASES: RangeInclusive<u16> = 1..=6999;

/// Numbers of a day that are left to each former life of the station that may have given some on that day …
const LEFT_TO_A_FORMER_LIFE: u16 = 1000;
/// … and the same for matters, which have fewer.
const MATTERS_LEFT_TO_A_FORMER_LIFE: u16 = 100;
/// Numbers are left to as many former lives at most: the station itself needs some.
const MOST_FORMER_LIVES: u16 = 5;

/// Numbers of a day that matters get, by the tier that opens them: an order to a station is numbered above it, where
/// nobody may have heard yet what the station has numbered itself.
pub(super) const fn matter_serials(opened_at: Tier) -> RangeInclusive<u16> {
    match opened_at {
        Tier::Village => 7001..=7999,
        Tier::Township => 8001..=8999,
        Tier::District => 9001..=9999,
    }
}

impl Core {
    /// A new id: this station, the day in China, the number after the highest that is held, those of former lives
    /// included.
    pub(super) fn next_case(&mut self, now_ms: u64, random: [u8; 7]) -> Result<CaseId, Failure> {
        let day = day_number(now_ms);
        let highest = match self.last_serial {
            Some((cached_day, serial)) if cached_day == day => serial,
            _ => self.highest_serial(day)?,
        };
        if highest >= *CASES.end() {
            return Err(day_is_full());
        }
        let id = CaseId::new(self.reader.me(), day, highest + 1, random)
            .map_err(|_| Error::Entry { problem: "its case has no possible number" })?;
        self.last_serial = Some((day, highest + 1));
        Ok(id)
    }

    fn highest_serial(&self, day: u16) -> Result<u16, Error> {
        let probe =
            |serial: u16| CaseId::new(self.reader.me(), day, serial.max(1), [0; 7]).map(|id| id.number_prefix());
        let prefix = probe(1).map_err(|_| Error::Entry { problem: "its case has no possible number" })?;
        let held = self
            .reader
            .indexed()?
            .cases_with_prefix(&prefix[..7], usize::from(*CASES.end()) * 2)
            .map_err(store("look for the day's cases"))?;
        let held = held.iter().map(CaseId::serial).filter(|serial| CASES.contains(serial)).max();
        Ok(held.unwrap_or(0).max(self.former_lives_on(day).saturating_mul(LEFT_TO_A_FORMER_LIFE)))
    }

    /// The first number that this tier may give to a matter of the day.
    pub(super) fn first_matter_serial(&self, day: u16) -> u16 {
        let first = *matter_serials(self.reader.me().tier()).start();
        first + self.former_lives_on(day).saturating_mul(MATTERS_LEFT_TO_A_FORMER_LIFE)
    }

    /// How many former lives of this station may have given numbers on a day. Not all of what they wrote need have come
    /// back: it may have gone straight to the hub, which the township has not heard since, or the keeper may have decided
    /// not to wait for it.
    fn former_lives_on(&self, day: u16) -> u16 {
        let (me, key, reference) = (self.reader.me(), self.reader.key(), self.reference());
        let former = reference.keys().iter().filter(|(other, life)| life.station == me && **other != key);
        let count = former.filter(|(_, life)| may_have_written_on(life, day)).count();
        u16::try_from(count).unwrap_or(u16::MAX).min(MOST_FORMER_LIVES)
    }
}

/// Whether a former life may have given numbers on a day: one that ended, until then or, should a clock have been ahead,
/// later. A revoked one goes on as long as nobody has told it, and what it writes may be admitted: until its certificate
/// ends.
fn may_have_written_on(life: &KeyLife, day: u16) -> bool {
    let revoked_until_ms = life.revoked.then_some(life.certificate_until_ms);
    life.ended_ms.or(revoked_until_ms).is_some_and(|until_ms| day_number(until_ms) >= day)
}

/// All numbers of the day have been given.
pub(super) fn day_is_full() -> Failure {
    let sentence = "本站今天的编号已经用完，请明天再登记，或到上级便民服务中心办理。";
    Failure::Refused(Refusal::new(RefusalCode::NotCompetent, sentence))
}

/// Days since [`FIRST_DAY`] in China; a clock before that day counts as that day.
pub(crate) fn day_number(now_ms: u64) -> u16 {
    let today = local_date(i64::try_from(now_ms).unwrap_or(i64::MAX));
    let days = FIRST_DAY.until(today).map_or(0, |span| span.get_days());
    u16::try_from(days.max(0)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_left_to_who_may_still_give_some() {
        let (noon, day_ms) = (1_782_835_200_000 + 43_200_000, 86_400_000);
        let life = |revoked, ended_ms| KeyLife {
            station: "990106101203".parse().expect("a code"),
            certificate_der: vec![1],
            certificate_until_ms: noon + 10 * day_ms,
            revoked,
            ended_ms,
        };
        let writes = |life: KeyLife, days: u64| may_have_written_on(&life, day_number(noon + days * day_ms));
        assert!(!writes(life(false, None), 0), "it is no former life");
        assert!(writes(life(false, Some(noon)), 0) && !writes(life(false, Some(noon)), 1));
        assert!(writes(life(true, None), 10), "nobody has told the revoked one yet");
        assert!(!writes(life(true, None), 11), "its certificate has ended");
        assert!(!writes(life(true, Some(noon)), 1), "it was replaced");
    }

    #[test]
    fn the_day_changes_at_midnight_in_china() {
        // 2026-07-01 00:00 in China is 2026-06-30 16:00 UTC.
        let midnight = 1_782_835_200_000;
        assert_eq!(day_number(midnight), 9678);
        assert_eq!(day_number(midnight - 1), 9677);
        assert_eq!(day_number(0), 0);
    }
}

//! How a new life of a station waits for what its former life wrote.

use sanji_log::StationCode;
use sanji_proto::v1 as proto;

use super::Station;
use crate::clock::now_ms;
use crate::command::chain;
use crate::error::Failure;
use crate::folder::{self, DataFolder};
use crate::healing::{Waiting, awaited, hold_back};

/// Stations named in a sentence for people.
const NAMED: usize = 5;

impl Station {
    /// Reads whether the station has to hear its neighbours before it writes.
    ///
    /// # Errors
    /// [`folder::Error`].
    pub fn read_healing(&self, data: &DataFolder) -> Result<(), folder::Error> {
        self.0.healing.read(data)?;
        self.tell_whether_silent();
        self.heal_if_all_are_heard();
        Ok(())
    }

    /// Records of this life were lost, and nobody here knows which: the neighbours are heard first.
    pub(crate) fn hold_back(&self, data: &DataFolder) -> Result<(), folder::Error> {
        tracing::error!("records are lost; nothing is written before the neighbours have said how far they hold them");
        hold_back(data, now_ms())
    }

    /// Queued, so it is before anything that is written later.
    fn tell_whether_silent(&self) {
        let silent = self.0.healing.waiting().is_some_and(|waiting| waiting.holds_back);
        self.0.committer.write_soon(move |core, _| {
            core.be_silent(silent);
            Ok(())
        });
    }

    /// What the station waits for; none where it may write.
    #[must_use]
    pub fn healing(&self) -> Option<proto::Healing> {
        let waiting = self.0.healing.waiting()?;
        Some(proto::Healing {
            since_ms: waiting.since_ms,
            awaited: self.awaited(&waiting).into_iter().map(StationCode::number).collect(),
            heard: waiting.heard.into_iter().map(StationCode::number).collect(),
        })
    }

    /// A neighbour and this station have told each other everything.
    pub(crate) fn heard(&self, peer: StationCode) {
        if !self.0.healing.heard(peer) {
            return;
        }
        tracing::info!(peer.station = %peer, "heard a neighbour in full after a new beginning");
        // The answer rests on the disk.
        let station = self.clone();
        drop(tokio::task::spawn_blocking(move || station.heal_if_all_are_heard()));
    }

    fn heal_if_all_are_heard(&self) {
        let Some(waiting) = self.0.healing.waiting() else { return };
        if !self.awaited(&waiting).is_empty() {
            return;
        }
        match self.0.healing.end() {
            Ok(()) => {
                self.tell_whether_silent();
                self.record("station.healed", "", &self.reader().me().to_string(), "");
            }
            Err(fault) => tracing::error!(error = chain(&fault), "can't note that the station has healed"),
        }
    }

    /// The keeper's decision to go on without those that were not heard: they are returned, and it goes on record.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where nothing is waited for; [`Failure::ReadOnly`] where that can't be noted.
    pub fn end_healing(&self, reason: &str) -> Result<Vec<StationCode>, Failure> {
        let waiting = self.0.healing.waiting().ok_or(Failure::NotFound)?;
        let unheard = self.awaited(&waiting);
        self.0.healing.end().map_err(|fault| {
            tracing::error!(error = chain(&fault), "can't note that nothing is waited for");
            Failure::ReadOnly("本站数据写入失败，请立即联系系统维护人员。".to_owned())
        })?;
        self.tell_whether_silent();
        let named: Vec<_> = unheard.iter().map(ToString::to_string).collect();
        self.record("station.healing-ended", "", &self.reader().me().to_string(), &format!("{reason}: {named:?}"));
        Ok(unheard)
    }

    /// Refused while the station waits, and once its life is over.
    pub(crate) fn check_may_write(&self) -> Result<(), Failure> {
        self.is_over().or_else(|| self.waits()).map_or(Ok(()), |words| Err(Failure::ReadOnly(words)))
    }

    /// That it waits, in words for the desk.
    pub(crate) fn waits(&self) -> Option<String> {
        self.0.healing.waiting().map(|waiting| self.waits_words(&waiting))
    }

    fn waits_words(&self, waiting: &Waiting) -> String {
        let names = self.awaited(waiting).into_iter().map(|station| self.station_name(station)).collect();
        waits_words(waiting.holds_back, names, self.lives_by_bundles())
    }

    fn awaited(&self, waiting: &Waiting) -> Vec<StationCode> {
        awaited(self.reader().me(), &self.reference(), &waiting.heard)
    }
}

/// That a station waits for others, why, and what the person can do: look after the line, or, where there is none, have
/// the others write bundles for this life of the station.
fn waits_words(holds_back: bool, mut names: Vec<String>, by_bundles: bool) -> String {
    let count = names.len();
    names.truncate(NAMED);
    if count > NAMED {
        names.push(format!("等{count}个站点"));
    }
    let why = if holds_back { "本站部分数据损坏" } else { "本站更换过电脑或从备份恢复" };
    let whom = if names.is_empty() { "核对完成".to_owned() } else { names.join("、") };
    let todo = if by_bundles {
        "请让对方为本站重新导出离线包，带来后在“离线包”导入；如长期等不到"
    } else {
        "请检查线路；如对方长期不能连接"
    };
    format!("{why}，正在取回以前的办理记录，取回后自动恢复办理。正在等待：{whom}。{todo}，请联系系统维护人员处理。")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_no_line_is_told_to_fetch_a_bundle_and_not_to_look_after_the_line() {
        let named = |count: usize| vec!["枫溪镇便民服务中心".to_owned(); count];
        let with_a_line = waits_words(false, named(1), false);
        assert!(with_a_line.contains("更换过电脑") && with_a_line.contains("请检查线路；如对方长期不能连接，请联系"));
        let by_bundles = waits_words(true, named(1), true);
        assert!(by_bundles.contains("数据损坏") && by_bundles.contains("重新导出离线包"), "{by_bundles}");
        assert!(!by_bundles.contains("线路"), "{by_bundles}");
    }

    #[test]
    fn of_many_stations_a_few_are_named() {
        let names: Vec<String> = (1..=7).map(|number| format!("{number}村")).collect();
        assert!(waits_words(false, names, false).contains("正在等待：1村、2村、3村、4村、5村、等7个站点。"));
        assert!(waits_words(false, Vec::new(), false).contains("正在等待：核对完成。"));
    }
}

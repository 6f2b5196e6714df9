//! What this station was sent and does not count: listed, tried again, settled.

use prost::Message as _;
use sanji_domain::Role;
use sanji_domain::case::{Refusal, RefusalCode, codec};
use sanji_log::{CaseNumber, EntryBytes, LogId, Reach, StationCode, Tier};
use sanji_proto::v1::{self as proto, QuarantineKind};
use sanji_replication::RefusalReason;

use super::{Actor, Administrative, Station};
use crate::core::reference::AsideFacts;
use crate::core::reference::asides::REVOKED;
use crate::core::rows::UNFILED;
use crate::core::{Core, held_reason};
use crate::error::{Error, Failure, store};
use crate::views::visible;

/// Rows that are listed.
const LISTED_MAX: usize = 1000;
/// Hexadecimal digits of an id.
const ID_DIGITS: usize = 16;

impl Station {
    /// What is in quarantine and not settled, newest first.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the store can't be read.
    pub fn quarantine(&self) -> Result<Vec<proto::Quarantined>, Failure> {
        let mut rows = self.asides();
        rows.extend(self.held_and_not_counted()?);
        rows.extend(self.waiting_cases()?);
        rows.sort_by(|one, other| other.seen_ms.cmp(&one.seen_ms).then_with(|| one.id.cmp(&other.id)));
        rows.truncate(LISTED_MAX);
        Ok(rows)
    }

    /// How many there are, counted cheaply: cases that wait are counted as of a moment ago, so that whoever reads the
    /// status often does not have every case folded each time.
    pub(super) fn quarantined(&self) -> Result<u64, Error> {
        let noted = self.reader().noted()?;
        let count = |list: &[u8]| noted.rows(list, None, false, LISTED_MAX).map_err(store("read a list"));
        let held = count(crate::core::rows::QUARANTINE)?.len() + count(UNFILED)?.len();
        Ok((self.asides().len() + held) as u64)
    }

    /// One row by the beginning of its id.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where none or several begin so.
    pub fn quarantined_row(&self, id: &str) -> Result<proto::Quarantined, Failure> {
        let mut meant = self.quarantine()?.into_iter().filter(|row| !id.is_empty() && row.id.starts_with(id));
        match (meant.next(), meant.next()) {
            (Some(row), None) => Ok(row),
            _ => Err(Failure::NotFound),
        }
    }

    /// One row with its entries.
    ///
    /// # Errors
    /// As for [`Station::quarantined_row`].
    pub fn show_quarantined(&self, id: &str) -> Result<proto::ShowQuarantinedReply, Failure> {
        let row = self.quarantined_row(id)?;
        let Some(log) = log_of(&row) else {
            return Ok(proto::ShowQuarantinedReply { row: Some(row), ..Default::default() });
        };
        let (mut entries, mut runs) = (Vec::new(), Vec::new());
        match row.kind() {
            QuarantineKind::Rest => {
                let reference = self.reference();
                let facts = reference.asides().get(&(log, REVOKED.to_owned()));
                let pieces = facts.map(|facts| facts.following(self.before(facts, &log))).unwrap_or_default();
                for run in self.reader().aside_runs(&log, &pieces)? {
                    entries.extend(run.entries.iter().filter_map(dumped));
                    runs.push(proto::Run::from(run).encode_to_vec());
                }
            }
            QuarantineKind::Rejected | QuarantineKind::Unreadable => {
                let entry = self.reader().store().entry(&log, row.seq).map_err(store("read an entry"))?;
                entries.extend(entry.as_ref().and_then(dumped));
            }
            _ => {}
        }
        Ok(proto::ShowQuarantinedReply { row: Some(row), entries, runs })
    }

    /// Tries again what an id names, or all. How many were tried, and how many are settled by it.
    ///
    /// # Errors
    /// As for [`Station::quarantined_row`].
    pub async fn redrive(&self, id: &str) -> Result<(u32, u32), Failure> {
        let rows = if id.is_empty() { self.quarantine()? } else { vec![self.quarantined_row(id)?] };
        let mut tried = 0;
        let mut ids = Vec::new();
        for row in rows {
            let log = log_of(&row);
            match (row.kind(), log) {
                (QuarantineKind::Refused, Some(log)) => self.news().ask_again(log),
                (QuarantineKind::Rest, _) => self.admit_rests(),
                (QuarantineKind::Rejected | QuarantineKind::Unreadable, Some(log)) => {
                    let seq = row.seq;
                    let again = move |core: &mut Core, _| Ok(core.fold_again(&log, seq)?);
                    self.committer().write(again).await?;
                }
                (QuarantineKind::Waiting, _) => self.reader().file_again(),
                _ => continue,
            }
            tried += 1;
            ids.push(row.id);
        }
        let left = self.quarantine()?;
        let settled = ids.iter().filter(|id| !left.iter().any(|row| row.id == **id)).count();
        Ok((tried, u32::try_from(settled).unwrap_or(u32::MAX)))
    }

    /// A person settles a row: it is not shown any more, and that is on record.
    ///
    /// # Errors
    /// As for [`Station::quarantined_row`]; [`Failure::Refused`] for what can't be settled so.
    pub async fn drop_quarantined(&self, id: &str, why: &str, actor: &str) -> Result<(), Failure> {
        let row = self.quarantined_row(id)?;
        let sentence = match row.kind() {
            QuarantineKind::Rest => "已注销站点的记录要由区政务服务中心决定采纳还是不采纳，不能直接移出。",
            QuarantineKind::Waiting => "这个办件在等待事项目录，目录到达后自动恢复，不能移出。",
            _ => "",
        };
        let Some(log) = log_of(&row).filter(|_| sentence.is_empty()) else {
            return Err(crate::core::input_fault("id", sentence));
        };
        let (why, actor, subject) = (why.to_owned(), actor.to_owned(), format!("{log}/{}", row.seq));
        self.record("quarantine.dropped", &actor, &subject, &format!("{}: {why}", row.reason));
        let settle = move |core: &mut Core, now| {
            if row.kind() == QuarantineKind::Refused {
                core.settle_aside(log, row.seq, &row.reason, &why, &actor, now)?;
            } else {
                core.settle_aside(log, row.seq, &held_reason(row.seq), &why, &actor, now)?;
                core.leave_out(&log, row.seq);
            }
            Ok(())
        };
        self.committer().write(settle).await.map(|_| ())
    }

    /// The district decides on what a revoked station had written and not delivered. How many entries it is about.
    ///
    /// # Errors
    /// As for [`Station::quarantined_row`]; [`Failure::Refused`] at another station than the district's.
    pub async fn decide_rest(&self, id: &str, admit: bool, reason: &str, actor: &str) -> Result<u64, Failure> {
        let me = self.reader().me();
        if me != me.district() {
            let sentence = "是否采纳已注销站点的记录，由区政务服务中心决定。";
            return Err(not_entitled(sentence));
        }
        let (station, named) = (self.clone(), id.to_owned());
        let row = tokio::task::spawn_blocking(move || station.quarantined_row(&named)).await;
        let row = row.map_err(|_| Error::Stopped)??;
        let log = log_of(&row).filter(|_| row.kind() == QuarantineKind::Rest).ok_or(Failure::NotFound)?;
        let held = self.reader().store().head(&log).map_or(0, |(seq, _)| seq);
        let record = proto::station_record::Record::RestDecided(proto::RestDecided {
            log: row.log,
            from: held + 1,
            until: row.until,
            hash: row.hash,
            admitted: admit,
            reason: reason.to_owned(),
        });
        let home = self.reference().keys().get(&log.key).map_or(log.home, |life| life.station);
        let body = proto::StationRecord { record: Some(record) }.encode_to_vec();
        let entry = Administrative { home, reach: Reach::Public, kind: proto::Kind::Station, body };
        self.administer(actor, vec![entry]).await?;
        let event = if admit { "rest.admitted" } else { "rest.rejected" };
        self.record(event, actor, &log.to_string(), reason);
        Ok((row.until + 1).saturating_sub(row.seq))
    }

    /// The quarantine, for a person at the desk: an administrator sees all of it, a village's agent what concerns the
    /// village.
    ///
    /// # Errors
    /// [`Failure::Refused`] for anybody else; [`Failure::Internal`].
    pub async fn quarantine_for(&self, actor: &Actor) -> Result<Vec<proto::Quarantined>, Failure> {
        if !actor.may_look_into_quarantine() {
            return Err(not_entitled("隔离区由系统管理员查看和处理；村（社区）由代办员查看。"));
        }
        let (station, actor) = (self.clone(), actor.clone());
        tokio::task::spawn_blocking(move || {
            let mut theirs = Vec::new();
            for row in station.quarantine()? {
                if actor.is_administrator() || station.is_of_the_village(&row, &actor)? {
                    theirs.push(row);
                }
            }
            Ok(theirs)
        })
        .await
        .map_err(|_| Error::Stopped)?
    }

    /// Whether a row is about what an agent may see anyway: what is public, what lies in the village's own logs, and of
    /// cases those that are not hidden from the person.
    fn is_of_the_village(&self, row: &proto::Quarantined, actor: &Actor) -> Result<bool, Failure> {
        let (reader, me) = (self.reader(), self.reader().me());
        if log_of(row).is_some_and(|log| log.reach != Reach::Public && log.home != me) {
            return Ok(false);
        }
        let Ok(number) = row.case_number.parse::<CaseNumber>() else { return Ok(row.case_number.is_empty()) };
        for id in reader.find(&number)? {
            // One whose opening can't be read is nobody's yet; where it belongs stands in its number.
            let is_opened = reader.case(&id)?.is_some_and(|case| case.home().is_some());
            if is_opened && visible(reader, &actor.staff, &id, self.trusted_now_ms())?.is_none() {
                return Ok(false);
            }
        }
        Ok(number.as_str().starts_with(&me.to_string()))
    }

    /// Does with a row what a person at the desk wants. Who only looks may try again what they see, and no more: what is
    /// moved out is moved out for the whole station.
    ///
    /// # Errors
    /// [`Failure::Refused`] for anybody else, or without a reason where one is needed; those of the act.
    pub async fn settle_quarantined(&self, actor: &Actor, id: &str, settling: Settling) -> Result<(), Failure> {
        let mut named = id.to_owned();
        if !actor.is_administrator() {
            let mut theirs = self.quarantine_for(actor).await?.into_iter();
            if settling != Settling::Redrive {
                return Err(not_entitled("移出隔离区由系统管理员处理，请联系区政务服务中心。"));
            }
            named = theirs.find(|row| row.id == id).ok_or(Failure::NotFound)?.id;
        }
        let by = actor.staff.id.to_string();
        if let Settling::Drop(why) | Settling::Admit(why) | Settling::Reject(why) = &settling
            && why.trim().is_empty()
        {
            return Err(crate::core::input_fault("reason", "请填写原因，原因会留存备查。"));
        }
        match settling {
            Settling::Redrive => self.redrive(&named).await.map(|_| ()),
            Settling::Drop(why) => self.drop_quarantined(&named, why.trim(), &by).await,
            Settling::Admit(why) => self.decide_rest(&named, true, why.trim(), &by).await.map(|_| ()),
            Settling::Reject(why) => self.decide_rest(&named, false, why.trim(), &by).await.map(|_| ()),
        }
    }

    /// Puts what the district has admitted of revoked stations into their logs, where it is kept here.
    pub(crate) fn admit_rests(&self) {
        if self.reference().rests().is_empty() {
            return;
        }
        for log in Core::admitted(self.reader()) {
            self.committer().write_soon(move |core, now| {
                let entries = core.admit(log, now)?;
                tracing::info!(log = %log, entries, "what was admitted counts from now on");
                Ok(())
            });
        }
    }

    /// Held entries that could not be read are tried again, since what they waited for may have come.
    pub(crate) fn fold_held_again(&self) {
        let held = self.held_and_not_counted().unwrap_or_default().into_iter();
        for row in held.filter(|row| row.kind() == QuarantineKind::Unreadable) {
            let Some(log) = log_of(&row) else { continue };
            self.committer().write_soon(move |core, _| Ok(core.fold_again(&log, row.seq)?));
        }
    }

    /// What was not taken: refused, or kept of revoked stations.
    fn asides(&self) -> Vec<proto::Quarantined> {
        let reference = self.reference();
        let all = reference.asides().iter().filter(|(_, facts)| !facts.is_settled());
        let rows = all.filter_map(|((log, reason), facts)| {
            if reason != REVOKED || !facts.is_kept() {
                // What has come since is not refused any more.
                let held = self.reader().store().head(log).is_some_and(|(seq, _)| seq >= facts.seq);
                let passed = held && *reason != reason_of(RefusalReason::Fork);
                return (!passed).then(|| row(QuarantineKind::Refused, log, reason, facts));
            }
            let line = facts.following(self.before(facts, log));
            let (first, last) = (line.first()?.first.0, line.last()?.last);
            let decided = reference.rests().get(log).is_some_and(|rest| rest.until.0 >= last.0);
            let row = row(QuarantineKind::Rest, log, reason, facts);
            (!decided).then(|| proto::Quarantined { seq: first, until: last.0, hash: last.1.0.to_vec(), ..row })
        });
        rows.collect()
    }

    /// Where a log ends here, from where a rest may go on; where it does not, the rest is shown from its beginning.
    fn before(&self, facts: &AsideFacts, log: &LogId) -> Option<(u64, sanji_log::Hash)> {
        let head = self.reader().store().head(log);
        if facts.following(head).is_empty() { facts.beginning() } else { head }
    }

    /// Entries that are held and don't count.
    fn held_and_not_counted(&self) -> Result<Vec<proto::Quarantined>, Error> {
        let reader = self.reader();
        let found = reader.indexed()?.rows(crate::core::rows::QUARANTINE, None, false, LISTED_MAX);
        let mut rows = Vec::new();
        for (key, value) in found.map_err(store("read a list"))? {
            let held: Option<crate::core::rows::NotCounted> = postcard::from_bytes(&value).ok();
            let Some(held) = held.filter(|_| !key.is_empty()) else { continue };
            let log = held.place.log;
            let kind = if held.rejected { QuarantineKind::Rejected } else { QuarantineKind::Unreadable };
            rows.push(proto::Quarantined {
                id: id_of(&[&[kind as u8], &key]),
                kind: kind.into(),
                log: Some(log.into()),
                seq: held.place.seq,
                until: held.place.seq,
                hash: held.hash.0.to_vec(),
                reason: held.reason,
                detail: String::new(),
                seen_ms: held.time_ms,
                from: held.writer.map_or(0, StationCode::number),
                case_number: held.case.map_or_else(String::new, |case| case.number().to_string()),
            });
        }
        Ok(rows)
    }

    /// Cases whose item has not come yet.
    fn waiting_cases(&self) -> Result<Vec<proto::Quarantined>, Error> {
        let rows = self.reader().indexed()?.rows(UNFILED, None, false, LISTED_MAX).map_err(store("read a list"))?;
        let mut waiting = Vec::new();
        for (key, _) in rows {
            let Ok(id) = sanji_log::CaseId::from_bytes(&key) else { continue };
            let Some(case) = self.reader().case(&id)? else { continue };
            let Some((item, version)) = case.item() else { continue };
            waiting.push(proto::Quarantined {
                id: id_of(&[&[QuarantineKind::Waiting as u8], &key]),
                kind: QuarantineKind::Waiting.into(),
                reason: "NO_ITEM".to_owned(),
                detail: format!("version {version} of item {item} is not in the catalogue here"),
                seen_ms: case.submitted_at().map_or(0, |time| time.millis()),
                from: id.home().map_or(0, StationCode::number),
                case_number: id.number().to_string(),
                ..proto::Quarantined::default()
            });
        }
        Ok(waiting)
    }
}

/// What an administrator can do with a row; with the reason, where it goes on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settling {
    /// Try again.
    Redrive,
    /// It is not shown any more.
    Drop(String),
    /// The entries of a revoked station count.
    Admit(String),
    /// They do not.
    Reject(String),
}

impl Actor {
    /// Whether the desk shows the person the quarantine. A village has no administrator, so that nobody else there
    /// would learn what has not arrived.
    #[must_use]
    pub fn may_look_into_quarantine(&self) -> bool {
        let is_village_agent = self.staff.roles.contains(&Role::Agent) && self.staff.place.tier() == Tier::Village;
        self.is_administrator() || is_village_agent
    }

    /// Whether the person looks after the station's program, and settles what is in quarantine.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.staff.roles.contains(&Role::Administrator)
    }

    /// Whether the person looks after the stations of the district: has them enrolled, replaced and revoked.
    #[must_use]
    pub fn administers_district(&self) -> bool {
        self.is_administrator() && self.staff.place.tier() == Tier::District
    }
}

fn not_entitled(sentence: &str) -> Failure {
    Failure::Refused(Refusal::new(RefusalCode::NotEntitled, sentence))
}

fn reason_of(reason: RefusalReason) -> String {
    super::reason_name(reason)
}

fn row(kind: QuarantineKind, log: &LogId, reason: &str, facts: &AsideFacts) -> proto::Quarantined {
    proto::Quarantined {
        id: id_of(&[&[kind as u8], log.to_string().as_bytes(), reason.as_bytes()]),
        kind: kind.into(),
        log: Some((*log).into()),
        seq: facts.seq,
        until: facts.seq,
        reason: reason.to_owned(),
        detail: facts.detail.clone(),
        seen_ms: facts.seen_ms,
        from: facts.from.map_or(0, StationCode::number),
        ..proto::Quarantined::default()
    }
}

fn id_of(parts: &[&[u8]]) -> String {
    let mut id = blake3::hash(&parts.concat()).to_hex().to_string();
    id.truncate(ID_DIGITS);
    id
}

fn log_of(row: &proto::Quarantined) -> Option<LogId> {
    LogId::try_from(row.log.clone()?).ok()
}

fn dumped(bytes: &EntryBytes) -> Option<proto::DumpedEntry> {
    let entry = bytes.decode().ok()?;
    Some(proto::DumpedEntry {
        log: Some(entry.log.into()),
        seq: entry.seq,
        hash: entry.hash.0.to_vec(),
        case_number: entry.case.map_or_else(String::new, |case| case.number().to_string()),
        kind: codec::kind_name(entry.kind, &entry.body),
    })
}

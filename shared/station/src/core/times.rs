//! Times that can't be right: a station that receives an entry from below says so where the entry's time lies in the
//! future, or where the clock of whoever hands it over is off. See [`sanji_domain::case::clock`] for what follows.
//!
//! And cases that come late: a station that is handed a case on a later day than the step was written says when it came.
//! Receipts don't tell: of each log only the furthest is kept, and one covers whatever came in one go. So no day on which
//! a case lay on a dead line is charged to the people who could not see it.

use sanji_domain::calendar::local_date;
use sanji_domain::case::clock::TOLERANCE_MS;
use sanji_domain::case::{ActorFacts, Body, Side, SideEvent, TimeNoted, codec};
use sanji_log::{CaseId, Entry, EntryDraft, Hash, Reach, StationCode};
use sanji_proto::v1::Kind;
use sanji_replication::VerifiedRun;

use super::Core;
use crate::error::Error;
use crate::supervision::millis;

/// An entry of a case whose time is in doubt, or that came late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubtful {
    case: CaseId,
    entry: Hash,
}

impl Core {
    /// The entries of a peer below whose times can't be right, and those of any peer that hand a case over to this station
    /// and came on a later day than they were written. `offset_ms` is the peer's clock minus this station's.
    #[must_use]
    pub fn doubtful(&self, peer: StationCode, runs: &[VerifiedRun], offset_ms: i64, now_ms: u64) -> Vec<Doubtful> {
        let me = self.reader.me();
        let below = peer != me && peer.within(me);
        let off = offset_ms.unsigned_abs() > TOLERANCE_MS;
        let latest = now_ms.saturating_add(TOLERANCE_MS);
        let today_ms = millis(local_date(i64::try_from(now_ms).unwrap_or(i64::MAX)));
        let entries = runs.iter().flat_map(|run| &run.entries);
        let wrong = |entry: &Entry| below && (off || entry.time.millis() > latest) && bears_on_limits(entry);
        let late = |entry: &Entry| entry.time.millis() < today_ms && hands_over_to(entry, me);
        entries
            .filter(|entry| wrong(entry) || late(entry))
            .filter_map(|entry| Some(Doubtful { case: entry.case?, entry: entry.hash }))
            .collect()
    }

    /// Stages what this station notes of them. Of an entry for which it has noted something before, nothing.
    ///
    /// # Errors
    /// [`Error`] where an entry would break a rule of the logs, or a case can't be read.
    pub fn note_times(
        &mut self,
        peer: StationCode,
        doubtful: &[Doubtful],
        offset_ms: i64,
        now_ms: u64,
    ) -> Result<usize, Error> {
        let me = self.reader.me();
        // Clocks that agree as well as links can measure are not compared.
        let offset_ms = if offset_ms.unsigned_abs() > TOLERANCE_MS { offset_ms } else { 0 };
        let mut noted = 0;
        for Doubtful { case: id, entry } in doubtful {
            let Some(case) = self.group.fold.case(&self.reader, id)? else { continue };
            let Some(home) = case.home() else { continue };
            let known = case.sides().any(|facts| {
                facts.writer == me && matches!(&facts.body.event, SideEvent::TimeNoted(noted) if noted.entry == *entry)
            });
            if known {
                continue;
            }
            let event = SideEvent::TimeNoted(TimeNoted { entry: *entry, received_ms: now_ms, from: peer, offset_ms });
            let side = Side { actor: ActorFacts::default(), request: None, event };
            let (kind, body) = codec::encode(&Body::Side(side), None);
            let draft = EntryDraft {
                case: Some(*id),
                actor: String::new(),
                kind,
                body: body.into(),
                attachments: Vec::new(),
                opens_case: false,
            };
            drop(case);
            self.stage(self.own_log(home, Reach::Private), &draft, now_ms)?;
            noted += 1;
        }
        Ok(noted)
    }
}

/// Whether an entry is a step by which another station hands a case over to this one.
fn hands_over_to(entry: &Entry, me: StationCode) -> bool {
    entry.kind == Kind::CaseStep as u32
        && matches!(
            codec::decode(entry.kind, &entry.body),
            Ok(Some(codec::Decoded { body: Body::Step(step), .. })) if step.holder == me
        )
}

/// Steps and what is said of limits; what is noted of times is compared hop by hop and needs no note of its own.
fn bears_on_limits(entry: &Entry) -> bool {
    if entry.kind == Kind::CaseStep as u32 {
        return true;
    }
    entry.kind == Kind::CaseSide as u32
        && !matches!(
            codec::decode(entry.kind, &entry.body),
            Ok(Some(codec::Decoded { body: Body::Side(Side { event: SideEvent::TimeNoted(_), .. }), .. }))
        )
}

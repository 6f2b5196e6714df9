//! Steps that the station writes by itself: what is due at a case is for the domain to say, and each is written once.

use sanji_domain::case::due::{self, Automatic};
use sanji_domain::case::{Case, Draft};
use sanji_log::{CaseId, RequestId};

use super::cases::Random;
use super::{Core, Written};
use crate::error::Failure;

/// Nothing is due so often in a row; what is left waits for the next look.
const MOST_AT_ONCE: usize = 8;

/// By which times it is decided what is due, in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    /// This station's clock, put right where that of a station above is known.
    pub trusted_ms: u64,
    /// The same for what nobody can take back, that silence counts as a yes: earlier where the clock was compared with
    /// none, so that one that runs ahead decides nothing.
    pub silence_ms: u64,
}

impl AsOf {
    /// By a clock that is right.
    #[must_use]
    pub fn right(now_ms: u64) -> Self {
        Self { trusted_ms: now_ms, silence_ms: now_ms }
    }
}

impl Core {
    /// Writes what is due at a case: as its holder, or, where a station below owes a tacit approval for longer than
    /// `grace_days`, as the hub that takes the case. The names of the steps. The entries bear the time
    /// `now_ms` of this station's own clock, as all its entries do: whoever receives them puts it right.
    ///
    /// # Errors
    /// [`Failure`]; what was staged before stays.
    pub fn write_due(
        &mut self,
        id: &CaseId,
        grace_days: u32,
        as_of: AsOf,
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<Vec<&'static str>, Failure> {
        let mut written = Vec::new();
        while written.len() < MOST_AT_ONCE {
            let Some(case) = self.group.fold.case(&self.reader, id)? else { break };
            let Some((what, draft)) = self.due(&case, grace_days, as_of) else { break };
            drop(case);
            let Written { rev, .. } = self.write_drafts(*id, "", vec![draft], None, now_ms, random)?;
            tracing::info!(case = %id.number(), case.rev = rev, step = what, "a step was due and nobody had taken it");
            written.push(what);
        }
        Ok(written)
    }

    fn due(&self, case: &Case, grace_days: u32, as_of: AsOf) -> Option<(&'static str, Draft)> {
        let reference = self.reference();
        let (rules, me) = (reference.rules()?, self.reader.me());
        let request = |what: &Automatic| request(case, what);
        let due_by = |now_ms: u64| due::write_due(case, &rules, me, now_ms, request);
        let deemed = due_by(as_of.trusted_ms).filter(|(what, _)| *what == Automatic::DeemedAcceptance);
        if let Some((what, draft)) = deemed.or_else(|| due_by(as_of.silence_ms)) {
            return Some((what.name(), draft));
        }
        let draft = due::write_reclaim(case, &rules, me, as_of.silence_ms, grace_days, request)?;
        Some((Automatic::Reclaim.name(), draft))
    }
}

/// The same step of the same case is always the same request, so that it is written once whatever happens in between.
fn request(case: &Case, what: &Automatic) -> RequestId {
    let mut hasher = blake3::Hasher::new_derive_key("sanji 2026 automatic step of a case");
    hasher.update(case.id().as_bytes());
    hasher.update(&case.rev().to_be_bytes());
    hasher.update(what.name().as_bytes());
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    RequestId(bytes)
}

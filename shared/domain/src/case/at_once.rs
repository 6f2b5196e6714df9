//! 当场办结 (即时办理制): an item that is done at once is accepted, decided and, where the applicant waits for it,
//! delivered by one command. It writes the same steps that the actions one by one would, each by the same rules, as far
//! as all of it is the actor's.

use sanji_log::{Hash, HybridTime, RequestId};

use super::action::Action;
use super::body::{DeliveryMethod, Opinion};
use super::command::{Command, Draft};
use super::context::Context;
use super::decide::decide_one;
use super::facts::CaseEntry;
use super::handling::Handling;
use super::refusal::Refusal;
use super::state::Case;
use super::turn::Turn;
use crate::catalogue::CaseType;

/// More steps than an item that is done at once can have.
const MOST_STEPS: usize = 32;

/// What is known of a case that is done at once.
pub(super) struct AtOnce<'a> {
    pub(super) words: &'a str,
    pub(super) document_number: &'a str,
    /// Empty: delivered later.
    pub(super) receiver: &'a str,
    pub(super) method: DeliveryMethod,
}

impl Turn<'_> {
    /// Whether the rest of the case can be done in one go.
    pub(super) fn finishes_at_once(&self) -> bool {
        self.handling.item.case_type == CaseType::OnTheSpot
            && self.case().outcome().is_none()
            && !self.duty.external
            && (self.accepts() || self.decides())
    }
}

/// The steps, in order; at least one.
pub(super) fn finish(
    handling: &Handling<'_>,
    request: Option<RequestId>,
    at_once: &AtOnce<'_>,
) -> Result<Vec<Draft>, Refusal> {
    handling.turn(Action::FinishAtOnce, None)?;
    let context = handling.context;
    let mut case = handling.case.clone();
    let mut drafts = Vec::new();
    while let Some(command) = next(&case, context, at_once).filter(|_| drafts.len() < MOST_STEPS) {
        let draft = decide_one(&case, request, &command, context)?;
        suppose(&mut case, &draft, context);
        drafts.push(draft);
    }
    Ok(drafts)
}

/// What comes next towards the end that the actor may do. The action has been offered, so the first is never missing.
fn next(case: &Case, context: &Context<'_>, at_once: &AtOnce<'_>) -> Option<Command> {
    let handling = Handling::open(case, None, context).ok()?;
    let may = |action: Action| handling.turn(action, None).is_ok();
    let words = if at_once.words.trim().is_empty() { "材料齐全，符合规定。" } else { at_once.words };
    if may(Action::Accept) {
        Some(Command::Accept { tolerated: Vec::new() })
    } else if may(Action::Decide) {
        Some(Command::Decide {
            approved: true,
            reason: words.to_owned(),
            basis: String::new(),
            ground: 0,
            document_number: at_once.document_number.to_owned(),
            answered_on: None,
            stage: None,
        })
    } else if may(Action::Deliver) && !at_once.receiver.trim().is_empty() {
        let method = match at_once.method {
            DeliveryMethod::Unknown => DeliveryMethod::InPerson,
            method => method,
        };
        Some(Command::Deliver { method, receiver: at_once.receiver.to_owned(), signed_on: None })
    } else if may(Action::FinishStage) && case.outcome().is_none() {
        Some(Command::FinishStage {
            opinion: Opinion::Agree,
            words: words.to_owned(),
            outside_number: String::new(),
            together_with: Vec::new(),
            materials: Vec::new(),
            attachments: Vec::new(),
            answered_on: None,
            stage: None,
        })
    } else {
        None
    }
}

/// The case as if the draft had been written. The hash is none that an entry can have; whoever writes the drafts puts
/// the true one in its place.
fn suppose(case: &mut Case, draft: &Draft, context: &Context<'_>) {
    let Some(last) = case.steps().next_back() else { return };
    let mut hash = [0xff; 32];
    if let Some((place, _)) = hash.split_first_chunk_mut::<4>() {
        *place = case.rev().to_be_bytes();
    }
    let entry = CaseEntry {
        hash: Hash(hash),
        log: last.log,
        seq: last.seq + 1,
        writer: context.station,
        time: HybridTime::from_millis(context.now_ms.max(last.time.millis())),
        actor: context.actor.id.to_string(),
        body: draft.body.clone(),
    };
    case.take(&entry.into());
}

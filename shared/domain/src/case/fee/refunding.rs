//! What became of the refunds of a notice: asked for, decided, paid back; after a refusal asked for again. None of it
//! names the request that it is about, so it is told from the order, and what comes too early waits (see
//! [`beside`](crate::case::beside)).

use sanji_log::PublicKey;

use super::notice::{Refund, Registered};
use crate::case::beside::{Lives, in_turn};
use crate::case::body::SideEvent;
use crate::case::facts::SideFacts;

/// One refund after the other.
#[derive(Default)]
struct Refunding {
    /// The last.
    refund: Option<Refund>,
    /// Who has asked for it.
    asked: Lives,
    /// Who has decided on it.
    decided: Lives,
}

/// The last refund of a notice, from all that was said of refunds, in order.
pub(super) fn refund<'a>(said: impl Iterator<Item = &'a SideFacts>, notice: u32) -> Option<Refund> {
    let mut refunding = Refunding::default();
    let said = said.filter(|facts| about(&facts.body.event) == Some(notice));
    let waiting = in_turn(said, |facts| refunding.take(facts));
    let mut refund = refunding.refund?;
    // Money that went out counts, also where its approval has not come.
    if refund.decided.is_none() {
        refund.paid = waiting.into_iter().find_map(paid_back);
    }
    Some(refund)
}

fn about(event: &SideEvent) -> Option<u32> {
    match event {
        SideEvent::RefundRequested { notice, .. }
        | SideEvent::RefundDecided { notice, .. }
        | SideEvent::RefundPaid { notice, .. } => Some(*notice),
        _ => None,
    }
}

fn paid_back(facts: &SideFacts) -> Option<(String, Registered)> {
    let SideEvent::RefundPaid { receipt_number, .. } = &facts.body.event else { return None };
    Some((receipt_number.clone(), Registered::of(facts)))
}

impl Refunding {
    fn take(&mut self, facts: &SideFacts) -> bool {
        let life = facts.log.key;
        match &facts.body.event {
            SideEvent::RefundRequested { amount_fen, .. } => self.ask(*amount_fen, life, Registered::of(facts)),
            SideEvent::RefundDecided { approved, .. } => self.decide(*approved, life, Registered::of(facts)),
            _ => self.pay_back(facts),
        }
    }

    fn ask(&mut self, amount_fen: u64, life: PublicKey, by: Registered) -> bool {
        if self.refund.as_ref().is_some_and(|refund| !refund.is_refused()) {
            return self.asked.note(life);
        }
        self.refund = Some(Refund { amount_fen, asked: by, decided: None, paid: None });
        (self.asked, self.decided) = (Lives::begin(life), Lives::default());
        true
    }

    fn decide(&mut self, approved: bool, life: PublicKey, by: Registered) -> bool {
        let Some(refund) = &mut self.refund else { return false };
        if refund.decided.is_none() {
            refund.decided = Some((approved, by));
        }
        self.decided.note(life)
    }

    fn pay_back(&mut self, facts: &SideFacts) -> bool {
        let approved = |refund: &&mut Refund| matches!(refund.decided, Some((true, _))) && refund.paid.is_none();
        let Some(refund) = self.refund.as_mut().filter(approved) else { return false };
        refund.paid = paid_back(facts);
        true
    }
}

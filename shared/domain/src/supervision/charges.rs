//! Rules about money. What was charged and paid is read off the entries here, so that the rules below speak of
//! charges and payments only.

use jiff::civil::Date;
use sanji_log::HybridTime;

use super::course::Office;
use super::limits::is_handed_over;
use super::rule::Level;
use super::run::Run;
use super::watch::{Hit, Watch};
use crate::calendar::{MissingYear, local_date};
use crate::case::fee::{Notice, NoticeState, known_fees};
use crate::case::words::date_words;
use crate::case::{Outcome, StepEvent, StepFacts};
use crate::code::StageId;
use crate::limit::Limit;
use crate::organisation::Role;

/// Money asked for.
struct Charged<'a> {
    step: usize,
    facts: &'a StepFacts,
    /// Code of the fee; empty where the entry names none.
    code: &'a str,
    /// How many units.
    quantity: u64,
    /// In fen.
    amount_fen: u64,
}

impl Charged<'_> {
    /// What is wrong with it: the department's that asked for the money, wherever the case waited for it.
    fn wrong(&self, watch: &Watch<'_>, words: String) -> Hit {
        let hit = watch.wrong(self.step, self.facts, self.facts.body.stage.clone(), words);
        let department = self.facts.body.actor.department.parse();
        let office = department.map(|department| Office { station: self.facts.writer, department });
        Hit { office: office.unwrap_or_else(|_| hit.office.clone()), ..hit }
    }
}

/// What the notices of a case charge, waivers aside.
fn charged<'a>(watch: &Watch<'a>) -> Vec<Charged<'a>> {
    let notices = watch.case.steps().enumerate().filter_map(|(step, facts)| match &facts.body.event {
        StepEvent::FeeIssued(issued) => Some((step, facts, issued)),
        _ => None,
    });
    let lines = notices.flat_map(|(step, facts, issued)| {
        issued.lines.iter().map(move |line| Charged {
            step,
            facts,
            code: &line.code,
            quantity: line.quantity,
            amount_fen: line.quantity.saturating_mul(line.price_fen),
        })
    });
    lines.collect()
}

/// When everything that was charged had been paid or waived; in cases of before there were notices, when the fee window
/// finished the stage with the number of a receipt.
fn paid_at(watch: &Watch<'_>) -> Option<HybridTime> {
    let fees = watch.case.fees();
    if fees.is_settled() {
        let counts = |notice: &&Notice| matches!(notice.state(), NoticeState::Paid | NoticeState::Waived);
        let settled = |notice: &Notice| notice.payment.as_ref().map_or(notice.by.time, |(_, by)| by.time);
        return fees.notices.iter().filter(counts).map(settled).max();
    }
    let confirms = |facts: &&StepFacts| match &facts.body.event {
        StepEvent::StageFinished { stage, outside_number, .. } => {
            is_payment(watch, stage) && !outside_number.is_empty()
        }
        _ => false,
    };
    watch.case.steps().rfind(confirms).map(|facts| facts.time)
}

/// The last step that is not later than a moment, and the day of the moment.
fn day_of(watch: &Watch<'_>, time: HybridTime) -> (usize, Date) {
    let at = watch.case.steps().take_while(|facts| facts.time <= time).count().saturating_sub(1);
    let is_step = watch.case.steps().nth(at).is_some_and(|facts| facts.time == time);
    let said = || local_date(i64::try_from(time.millis()).unwrap_or(i64::MAX));
    (at, if is_step { watch.day(at) } else { said() })
}

fn is_payment(watch: &Watch<'_>, stage: &StageId) -> bool {
    watch.item.stage(stage).is_some_and(|stage| stage.role == Role::Cashier)
}

/// 收费项目不在目录内
pub(super) fn unlisted(watch: &Watch<'_>) -> Vec<Hit> {
    let known = known_fees(watch.item, watch.reference.catalogue);
    let wrong = |charge: Charged<'_>| {
        let outside = !known.is_empty() && known.iter().all(|fee| fee.code != charge.code);
        outside.then(|| charge.wrong(watch, format!("收取了目录以外的费用（{}）", charge.code)))
    };
    charged(watch).into_iter().filter_map(wrong).collect()
}

/// 金额与标准不符
pub(super) fn amount(watch: &Watch<'_>) -> Vec<Hit> {
    let known = known_fees(watch.item, watch.reference.catalogue);
    let wrong = |charge: Charged<'_>| {
        let fee = known.iter().find(|fee| fee.code == charge.code)?;
        let standard = fee.amount_fen.saturating_mul(charge.quantity);
        (charge.amount_fen != standard).then(|| {
            let words = format!("“{}”应收{}，实收{}", fee.name, yuan(standard), yuan(charge.amount_fen));
            charge.wrong(watch, words)
        })
    };
    charged(watch).into_iter().filter_map(wrong).collect()
}

/// 免费事项收费
pub(super) fn of_free(watch: &Watch<'_>) -> Vec<Hit> {
    if !known_fees(watch.item, watch.reference.catalogue).is_empty() {
        return Vec::new();
    }
    let wrong = |charge: Charged<'_>| charge.wrong(watch, format!("本事项不收费，却收取了{}", yuan(charge.amount_fen)));
    charged(watch).into_iter().map(wrong).collect()
}

/// 未缴款先发证: handed over before the fee window had confirmed the payment that the route asks for.
pub(super) fn issued_unpaid(watch: &Watch<'_>) -> Vec<Hit> {
    let pays = watch.item.stages.iter().find(|stage| stage.role == Role::Cashier);
    let (Some(pays), true) = (pays, is_handed_over(watch)) else { return Vec::new() };
    let paid = paid_at(watch);
    let delivered = watch.case.steps().enumerate();
    let delivered = delivered.filter(|(_, facts)| matches!(facts.body.event, StepEvent::Delivered { .. }));
    let unpaid = delivered.filter(|(_, facts)| paid.is_none_or(|paid| paid > facts.time));
    let words = "没有登记缴款就发证、送达";
    unpaid.map(|(at, facts)| watch.wrong(at, facts, Some(pays.id.clone()), words.to_owned())).collect()
}

/// 已缴款不发证: paid and approved, and not handed over in time.
pub(super) fn paid_unissued(watch: &Watch<'_>, within: Limit) -> Result<Vec<Hit>, MissingYear> {
    let Some((at, paid)) = paid_at(watch).map(|time| day_of(watch, time)) else { return Ok(Vec::new()) };
    let approves = |facts: &StepFacts| {
        matches!(facts.body.event, StepEvent::Decided { approved: true, .. } | StepEvent::TacitlyApproved { .. })
    };
    let approved = watch.case.steps().position(approves);
    let (Some(approved), Some(Outcome::Approved)) = (approved, watch.case.outcome()) else { return Ok(Vec::new()) };
    let due = watch.reference.calendar.deadline(paid.max(watch.day(approved)), within)?;
    let handed_over = watch.case.steps().position(|facts| matches!(facts.body.event, StepEvent::Delivered { .. }));
    let handed_over = handed_over.map(|at| watch.day(at));
    let run = Run { limit: within, due, ended: handed_over };
    if run.last(watch.today) <= due {
        return Ok(Vec::new());
    }
    let visit = watch.visits.last();
    let stage = watch.case.steps().nth(at).and_then(|facts| facts.body.stage.clone());
    let office = match visit {
        Some(visit) => visit.office.clone(),
        None => return Ok(Vec::new()),
    };
    Ok(vec![Hit {
        stage,
        levels: vec![(Level::Red, due.tomorrow().unwrap_or(due))],
        office,
        person: visit.and_then(|visit| visit.ended_by().cloned()),
        words: format!("已缴款并准予，应当在{}前发证、送达", date_words(due)),
        due: Some(due),
        delay: None,
        division: None,
    }])
}

fn yuan(fen: u64) -> String {
    format!("{}.{:02}元", fen / 100, fen % 100)
}

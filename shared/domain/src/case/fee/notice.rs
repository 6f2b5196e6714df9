//! What entries say of fees, and what follows from them: the notices of a case, in any order of arrival.

use jiff::civil::Date;
use sanji_log::HybridTime;
use serde::{Deserialize, Serialize};

use super::refunding;
use crate::case::body::{SideEvent, StepEvent};
use crate::case::facts::{SideFacts, StepFacts};
use crate::case::state::Case;
use crate::code::DepartmentCode;

/// 缴款通知 as it was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeIssued {
    /// 1, 2, 3 … within the case.
    pub number: u32,
    /// What is charged.
    pub lines: Vec<FeeLine>,
    /// Last day to pay; none where the item sets none or the calendar does not know the year.
    pub until: Option<Date>,
    /// The department that charges.
    pub department: DepartmentCode,
}

/// One fee of the catalogue on a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeLine {
    /// Its code in the catalogue.
    pub code: String,
    /// Units.
    pub quantity: u64,
    /// Price of one unit, in fen.
    pub price_fen: u64,
    /// What is waived of quantity times price, in fen.
    pub waived_fen: u64,
    /// Ground of the waiver; empty: nothing is waived.
    pub ground: String,
}

impl FeeLine {
    /// What is to be paid for it, in fen.
    #[must_use]
    pub fn payable_fen(&self) -> u64 {
        self.quantity.saturating_mul(self.price_fen).saturating_sub(self.waived_fen)
    }
}

impl FeeIssued {
    /// What is to be paid, in fen.
    #[must_use]
    pub fn payable_fen(&self) -> u64 {
        self.lines.iter().fold(0, |sum, line| sum.saturating_add(line.payable_fen()))
    }
}

/// 缴款回执 as the fee window has registered it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Number of the notice.
    pub notice: u32,
    /// 票据号码
    pub receipt_number: String,
    /// In fen.
    pub amount_fen: u64,
    /// When it was paid: milliseconds since 1970-01-01 UTC.
    pub paid_ms: u64,
    /// The bank.
    pub bank: String,
    /// The bank's serial number.
    pub serial: String,
}

/// Who did something with a notice, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Staff id.
    pub by: String,
    /// Name as it stood then.
    pub name: String,
    /// When, by the writer's clock.
    pub time: HybridTime,
}

impl Registered {
    pub(super) fn of(facts: &SideFacts) -> Self {
        Self { by: facts.actor.clone(), name: facts.body.actor.name.clone(), time: facts.time }
    }
}

/// Where a notice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeState {
    /// Waits for the money.
    Open,
    /// Everything is waived.
    Waived,
    /// The money has come.
    Paid,
    /// Counts no more.
    Voided,
    /// Was not paid in time.
    Abandoned,
}

impl NoticeState {
    /// The words on screens.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Open => "待缴款",
            Self::Waived => "免缴",
            Self::Paid => "已缴款",
            Self::Voided => "已作废",
            Self::Abandoned => "逾期未缴，视为放弃",
        }
    }
}

/// 退付 of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// In fen.
    pub amount_fen: u64,
    /// Who asked for it.
    pub asked: Registered,
    /// Whether it was approved, and by whom; none: not decided yet.
    pub decided: Option<(bool, Registered)>,
    /// Number of the bank's receipt, and who registered it.
    pub paid: Option<(String, Registered)>,
}

impl Refund {
    /// Whether it was refused, so that it may be asked for again.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.decided, Some((false, _)))
    }

    /// The words on screens.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match (&self.decided, &self.paid) {
            (_, Some(_)) => "已退付",
            (None, None) => "退付待审批",
            (Some((true, _)), None) => "退付已批准",
            (Some((false, _)), None) => "退付未批准",
        }
    }
}

/// A notice with what has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// As issued.
    pub issued: FeeIssued,
    /// By whom.
    pub by: Registered,
    /// The payment; of several, the one that moved the case on, else the first by time and hash.
    pub payment: Option<(Payment, Registered)>,
    /// Its refund: the last that was asked for.
    pub refund: Option<Refund>,
    ended: Option<(NoticeState, HybridTime)>,
}

impl Notice {
    /// Where it stands. Money that has come counts, whatever else was said of the notice.
    #[must_use]
    pub fn state(&self) -> NoticeState {
        let payable = self.issued.payable_fen();
        match (&self.payment, self.ended) {
            (Some((payment, _)), _) if payment.amount_fen == payable => NoticeState::Paid,
            (_, Some((ended, _))) => ended,
            _ if payable == 0 => NoticeState::Waived,
            _ => NoticeState::Open,
        }
    }

    /// The words on screens for where it stands, its refund included.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match &self.refund {
            Some(refund) if refund.paid.is_some() && refund.amount_fen < self.issued.payable_fen() => "已部分退付",
            Some(refund) => refund.words(),
            None => self.state().words(),
        }
    }

    /// When it was voided or given up.
    #[must_use]
    pub fn ended_at(&self) -> Option<HybridTime> {
        self.ended.map(|(_, at)| at)
    }
}

/// The fees of a case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fees {
    /// In the order of their numbers.
    pub notices: Vec<Notice>,
}

impl Fees {
    /// The fees as they follow from the entries of a case.
    #[must_use]
    pub fn of(case: &Case) -> Self {
        let mut fees = Self::default();
        for facts in case.steps() {
            fees.take_step(facts);
        }
        for facts in case.said(|event| matches!(event, SideEvent::FeePaid(_))) {
            if let SideEvent::FeePaid(payment) = &facts.body.event {
                fees.pay(payment, Registered::of(facts));
            }
        }
        let of_refunds = case.said(is_of_refunds);
        for notice in &mut fees.notices {
            notice.refund = refunding::refund(of_refunds.iter().copied(), notice.issued.number);
        }
        fees
    }

    fn take_step(&mut self, facts: &StepFacts) {
        let by = || Registered { by: facts.actor.clone(), name: facts.body.actor.name.clone(), time: facts.time };
        match &facts.body.event {
            StepEvent::FeeIssued(issued) => {
                let issued = issued.clone();
                self.notices.push(Notice { issued, by: by(), payment: None, refund: None, ended: None });
            }
            StepEvent::FeePaid(payment) => self.pay(payment, by()),
            StepEvent::FeeVoided { notice, .. } => self.end(*notice, (NoticeState::Voided, facts.time)),
            StepEvent::FeeAbandoned { notice } => self.end(*notice, (NoticeState::Abandoned, facts.time)),
            _ => {}
        }
    }

    fn pay(&mut self, payment: &Payment, by: Registered) {
        if let Some(notice) = self.notice_mut(payment.notice).filter(|notice| notice.payment.is_none()) {
            notice.payment = Some((payment.clone(), by));
        }
    }

    fn end(&mut self, number: u32, ended: (NoticeState, HybridTime)) {
        if let Some(notice) = self.notice_mut(number) {
            notice.ended.get_or_insert(ended);
        }
    }

    fn notice_mut(&mut self, number: u32) -> Option<&mut Notice> {
        self.notices.iter_mut().find(|notice| notice.issued.number == number)
    }

    /// A notice by its number.
    #[must_use]
    pub fn notice(&self, number: u32) -> Option<&Notice> {
        self.notices.iter().find(|notice| notice.issued.number == number)
    }

    /// The notice that waits for money: at most one does.
    #[must_use]
    pub fn open(&self) -> Option<&Notice> {
        self.notices.iter().find(|notice| notice.state() == NoticeState::Open)
    }

    /// Whether a notice was issued that counts, and none waits for money.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let settled = |notice: &Notice| matches!(notice.state(), NoticeState::Paid | NoticeState::Waived);
        self.notices.iter().any(settled) && self.open().is_none()
    }

    /// The number of the next notice.
    #[must_use]
    pub fn next_number(&self) -> u32 {
        self.notices.iter().map(|notice| notice.issued.number).max().unwrap_or(0).saturating_add(1)
    }
}

impl Case {
    /// Its fees.
    #[must_use]
    pub fn fees(&self) -> Fees {
        Fees::of(self)
    }

    /// 缴款通知编号: the case's number with that of the notice, so that no two stations give the same.
    #[must_use]
    pub fn notice_number(&self, notice: u32) -> String {
        format!("{}-{notice:02}", self.id().number())
    }

    /// 缴款码: the digits of the notice's number with a check digit, as a bank's counter types it.
    #[must_use]
    pub fn payment_code(&self, notice: u32) -> String {
        let digits = format!("{}{notice:02}", self.id().number());
        format!("{digits}{}", check_digit(&digits))
    }
}

/// Luhn's check digit: finds a wrong digit and most transpositions.
fn check_digit(digits: &str) -> u32 {
    let figures = digits.chars().rev().filter_map(|digit| digit.to_digit(10));
    let sum: u32 = figures
        .enumerate()
        .map(|(at, figure)| if at % 2 == 0 { figure * 2 / 10 + figure * 2 % 10 } else { figure })
        .sum();
    (10 - sum % 10) % 10
}

fn is_of_refunds(event: &SideEvent) -> bool {
    matches!(event, SideEvent::RefundRequested { .. } | SideEvent::RefundDecided { .. } | SideEvent::RefundPaid { .. })
}

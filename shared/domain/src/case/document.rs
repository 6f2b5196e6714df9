//! 文号: the numbers of documents that a case issues.
//!
//! A number belongs to an organ, a kind of document and a year, and runs on, without a hole as long as the station keeps
//! its machine. An organ works at one station only, so the station that writes the step numbers its documents from what
//! it has issued itself: without a line, and without a collision. Here stands what a step issues and what the numbers
//! look like; counting is the station's.

use std::fmt;

use jiff::civil::Date;
use sanji_log::{Hash, StationCode, Tier};
use serde::{Deserialize, Serialize};

use super::action::Action;
use super::body::{Body, Side, SideEvent, StepEvent};
use super::command::Draft;
use super::facts::Facts;
use super::handling::Handling;
use super::input::{self, LONGEST_TEXT};
use super::numbered::numbered;
use super::private::Private;
use super::refusal::{Refusal, RefusalCode};
use super::state::Case;
use crate::catalogue::{CaseType, Item};
use crate::code::DepartmentCode;
use crate::organisation::Organisation;

numbered! {
    /// A kind of document that carries a number.
    pub enum DocumentKind {
        /// 承诺件: states the deadline.
        Accepted = 1 "受理通知书",
        /// With reason and competent office.
        NotAccepted = 2 "不予受理通知书",
        /// Lists everything that is missing.
        Correction = 3 "一次性告知书",
        /// With reason, basis and what to do now.
        Returned = 4 "退回件通知书",
        /// Names lead and consulted departments.
        Joint = 5 "联办件通知书",
        /// To the consulted departments.
        Copy = 6 "抄告单",
        /// A special procedure stops the clock.
        Special = 7 "特别程序告知书",
        /// The promise is extended.
        Extension = 8 "延长办理期限通知书",
        /// 准予
        Approved = 9 "准予决定书",
        /// 不予
        Denied = 10 "不予批准决定书",
    }
}

impl DocumentKind {
    /// The word of the kind (文种字) in a number.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "受",
            Self::NotAccepted => "不受",
            Self::Correction => "补",
            Self::Returned => "退",
            Self::Joint => "联",
            Self::Copy => "抄",
            Self::Special => "特",
            Self::Extension => "延",
            Self::Approved => "准",
            Self::Denied => "不准",
            Self::Unknown => "文",
        }
    }
}

/// A document with its number. Displays as 澄民政受字〔2026〕128号.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DocumentIssued {
    /// What it is.
    pub kind: DocumentKind,
    /// Word of the organ (机关代字).
    pub organ: String,
    /// Year in which it was issued.
    pub year: u32,
    /// From 1; 0: not numbered yet.
    pub number: u32,
}

impl fmt::Display for DocumentIssued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}字〔{}〕{}号", self.organ, self.kind.word(), self.year, self.number)
    }
}

/// The documents that a step issues, not numbered yet.
pub(super) fn issued_by(event: &StepEvent, item: &Item, organ: &str, today: Date) -> Vec<DocumentIssued> {
    let kinds: &[DocumentKind] = match event {
        StepEvent::Accepted { .. } if item.case_type == CaseType::Joint => {
            &[DocumentKind::Accepted, DocumentKind::Joint, DocumentKind::Copy]
        }
        StepEvent::Accepted { .. } => &[DocumentKind::Accepted],
        StepEvent::NotAccepted { .. } => &[DocumentKind::NotAccepted],
        StepEvent::CorrectionRequested { .. } => &[DocumentKind::Correction],
        StepEvent::Returned { .. } | StepEvent::Withdrawn { .. } => &[DocumentKind::Returned],
        StepEvent::Suspended { .. } => &[DocumentKind::Special],
        // An outside body numbers its decisions itself.
        StepEvent::Decided { answered_on: Some(_), .. } => &[],
        StepEvent::Decided { approved: true, .. } => &[DocumentKind::Approved],
        StepEvent::Decided { approved: false, .. } => &[DocumentKind::Denied],
        _ => &[],
    };
    let year = u32::try_from(today.year()).unwrap_or_default();
    let issued = |kind: &DocumentKind| DocumentIssued { kind: *kind, organ: organ.to_owned(), year, number: 0 };
    kinds.iter().map(issued).collect()
}

/// A document of a case as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseDocument {
    /// The entry of the step that issued it.
    pub step: Hash,
    /// The station that issued it.
    pub writer: StationCode,
    /// The department whose person issued it; empty: the station itself.
    pub department: String,
    /// With its number.
    pub document: DocumentIssued,
    /// 作废
    pub void: bool,
}

impl Case {
    /// Every document that it has issued, those that are void included, in the order of the steps.
    #[must_use]
    pub fn documents(&self) -> Vec<CaseDocument> {
        let mut documents = Vec::new();
        for facts in self.steps() {
            for document in &facts.body.documents {
                let issued = |document: &DocumentIssued| CaseDocument {
                    step: facts.hash,
                    writer: facts.writer,
                    department: facts.body.actor.department.clone(),
                    document: document.clone(),
                    void: false,
                };
                let mut of_step = vec![issued(document)];
                for replacement in self.voided(&facts.hash, document.kind) {
                    of_step.last_mut().into_iter().for_each(|former| former.void = true);
                    of_step.extend(replacement.map(issued));
                }
                documents.extend(of_step);
            }
        }
        documents
    }

    /// How often a document of a step was made void, by time, then by hash, and what took its place each time.
    fn voided(&self, of: &Hash, of_kind: DocumentKind) -> Vec<Option<&DocumentIssued>> {
        let voided = self.sides().filter_map(|facts| match &facts.body.event {
            SideEvent::DocumentVoided { step, kind, replacement } if step == of && *kind == of_kind => {
                Some((facts.time, facts.hash, replacement.as_ref()))
            }
            _ => None,
        });
        let mut voided: Vec<_> = voided.collect();
        voided.sort_by_key(|(time, hash, _)| (*time, *hash));
        voided.into_iter().map(|(_, _, replacement)| replacement).collect()
    }
}

impl Body {
    /// The documents that it issues and that the writing station is to number.
    pub fn documents_mut(&mut self) -> &mut [DocumentIssued] {
        match self {
            Self::Step(step) => &mut step.documents,
            Self::Side(Side { event: SideEvent::DocumentVoided { replacement, .. }, .. }) => replacement.as_mut_slice(),
            Self::Side(_) => &mut [],
        }
    }

    /// The documents that it issues.
    #[must_use]
    pub fn documents(&self) -> &[DocumentIssued] {
        match self {
            Self::Step(step) => &step.documents,
            Self::Side(side) => side.documents(),
        }
    }
}

impl Facts {
    /// The documents that the entry issues.
    #[must_use]
    pub fn documents(&self) -> &[DocumentIssued] {
        match self {
            Self::Step(facts) => &facts.body.documents,
            Self::Side(facts) => facts.body.documents(),
        }
    }
}

impl Side {
    fn documents(&self) -> &[DocumentIssued] {
        match &self.event {
            SideEvent::DocumentVoided { replacement, .. } => replacement.as_slice(),
            _ => &[],
        }
    }
}

impl Handling<'_> {
    /// Whether some document of this station can be made void.
    pub(super) fn document_fits(&self) -> Result<(), Refusal> {
        let here = self.context.station;
        let documents = self.case.documents();
        let mut open = documents.iter().filter(|document| document.writer == here && !document.void).peekable();
        if open.peek().is_none() {
            return Err(Refusal::new(RefusalCode::WrongStage, "该办件没有本站出具的编号文书。"));
        }
        if open.any(|document| self.issues(document)) { Ok(()) } else { Err(not_the_issuer()) }
    }

    /// Whether a document is of the actor's own office: no department makes another's void. A township's centre answers
    /// for its offices.
    fn issues(&self, document: &CaseDocument) -> bool {
        let tier = self.context.station.tier();
        self.context.powers().any(|staff| {
            tier == Tier::Village
                // What the station wrote by itself is nobody's in particular.
                || document.department.is_empty()
                || staff.department.as_str() == document.department
                || self.route.centre_of(self.context.station, &staff.department)
        })
    }
}

/// 作废: the number stays on record and is never used again.
pub(super) fn void(
    handling: &Handling<'_>,
    step: &Hash,
    kind: DocumentKind,
    reason: &str,
    replace: bool,
) -> Result<Draft, Refusal> {
    handling.permits_aside(Action::VoidDocument)?;
    let documents = handling.case.documents();
    let is_meant = |document: &&CaseDocument| {
        document.step == *step && document.document.kind == kind && document.writer == handling.context.station
    };
    let Some(newest) = documents.iter().rfind(is_meant) else {
        let sentence = "只能作废本站出具的文书，请从列表中选择。";
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("kind"));
    };
    if !handling.issues(newest) {
        return Err(not_the_issuer());
    }
    if newest.void {
        return Err(Refusal::new(RefusalCode::AlreadyDone, "该文书已经作废。"));
    }
    let reason = input::required(reason, "reason", LONGEST_TEXT, || {
        input::reason_missing("文书作废要写明理由，作废的文号保留备查。")
    })?;
    let year = u32::try_from(handling.today.year()).unwrap_or_default();
    let replacement = replace.then(|| DocumentIssued { year, number: 0, ..newest.document.clone() });
    let event = SideEvent::DocumentVoided { step: *step, kind, replacement };
    Ok(handling.say(event, Private::of_words(reason)))
}

fn not_the_issuer() -> Refusal {
    Refusal::new(RefusalCode::NotEntitled, "文书由出具文书的部门作废，您没有这项权限。")
}

/// The word of an organ: the district's first character, then the organ's name without what all organs share. No two
/// organs of a district have the same, since a village carries its township's name.
#[must_use]
pub fn organ_word(organisation: &Organisation, station: StationCode, department: &DepartmentCode) -> String {
    let district = &organisation.district.name;
    let first: String = district.chars().take(1).collect();
    let name_of =
        |code: &StationCode| organisation.station(code).map_or_else(|| code.to_string(), |own| own.name.clone());
    let office = organisation.department(department).map_or_else(|| department.to_string(), |own| own.name.clone());
    match station.tier() {
        Tier::District => format!("{first}{}", short(office.strip_prefix(district.as_str()).unwrap_or(&office))),
        Tier::Township if department.as_str() == "township" => format!("{first}{}", name_of(&station)),
        Tier::Township => {
            format!("{first}{}{}", name_of(&station), short(office.strip_prefix("乡镇").unwrap_or(&office)))
        }
        Tier::Village => format!(
            "{first}{}{}",
            station.parent().map_or_else(String::new, |parent| name_of(&parent)),
            name_of(&station)
        ),
    }
}

/// A name without what stands in brackets and without the word for the kind of office.
fn short(name: &str) -> &str {
    let name = name.split('（').next().unwrap_or(name);
    ["服务机构", "委员会", "局", "所", "窗口"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

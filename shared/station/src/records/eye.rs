//! A case as a ledger looks at it: for one person, who may see all of it or only how it runs.

use std::cell::OnceCell;

use sanji_domain::case::{Case, CaseClock, CaseState, Private, SideEvent, Sight, StepEvent, StepFacts};
use sanji_domain::organisation::Staff;
use sanji_domain::{DepartmentCode, Item, StageId, mask};
use sanji_log::{LogId, StationCode};

use super::times;
use crate::core::{Reader, ReferenceData};
use crate::error::Error;
use crate::vault::CaseKey;
use crate::views;

/// What stands in place of a name that the person may not see.
const HIDDEN: &str = "（无权查看）";
/// What stands in place of a name whose key has not come, or was destroyed.
const UNREADABLE: &str = "（未传到或已销毁）";

/// One case and its reader.
pub(crate) struct Eye<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) reference: &'a ReferenceData,
    pub(crate) case: &'a Case,
    pub(crate) item: &'a Item,
    /// Who looks; none: everybody.
    pub(crate) staff: Option<&'a Staff>,
    pub(crate) now_ms: u64,
    sight: Sight,
    unmasked: bool,
    key: OnceCell<Option<CaseKey>>,
    clock: OnceCell<CaseClock>,
}

impl<'a> Eye<'a> {
    /// `by`: who looks, and how much of the case they see; none: everybody, who sees nothing personal. None: nobody knows
    /// the case's item here.
    pub(crate) fn new(
        reader: &'a Reader,
        reference: &'a ReferenceData,
        case: &'a Case,
        by: Option<(&'a Staff, Sight)>,
        unmasked: bool,
        now_ms: u64,
    ) -> Option<Self> {
        let item = views::item_of(reference, case)?;
        let (key, clock) = (OnceCell::new(), OnceCell::new());
        let (staff, sight) = (by.map(|(staff, _)| staff), by.map_or(Sight::Process, |(_, sight)| sight));
        Some(Self { reader, reference, case, item, staff, now_ms, sight, unmasked, key, clock })
    }

    /// Whether the person may see that the case exists.
    pub(crate) fn sees(&self) -> bool {
        self.sight != Sight::None
    }

    /// The applicant's name, masked unless asked for otherwise.
    pub(crate) fn applicant(&self) -> Result<String, Error> {
        let Some(opening) = self.case.steps().next() else { return Ok(String::new()) };
        self.name(&opening.log, opening.seq, |private| {
            private.applicant.as_ref().map(|applicant| applicant.name.clone()).unwrap_or_default()
        })
    }

    /// A name in the private part of an entry, masked unless asked for otherwise.
    pub(crate) fn name(&self, log: &LogId, seq: u64, of: impl Fn(&Private) -> String) -> Result<String, Error> {
        if self.sight != Sight::Full {
            return Ok(HIDDEN.to_owned());
        }
        let Some(private) = self.private(log, seq)? else { return Ok(UNREADABLE.to_owned()) };
        let name = of(&private);
        Ok(if self.unmasked { name } else { mask::name(&name) })
    }

    /// The private part of an entry; none where the person may not read it, or nobody here can.
    pub(crate) fn private(&self, log: &LogId, seq: u64) -> Result<Option<Private>, Error> {
        if self.sight != Sight::Full {
            return Ok(None);
        }
        let id = self.case.id();
        if self.key.get().is_none() {
            // Set only here, so it can't be set already.
            let _ = self.key.set(self.reader.case_key(&id)?);
        }
        match self.key.get().and_then(Option::as_ref) {
            Some(key) => self.reader.private(&id, key, log, seq),
            None => Ok(None),
        }
    }

    /// The step that ended the case, for better or worse; none while there is no answer.
    pub(crate) fn answer(&self) -> Option<&'a StepFacts> {
        let answered = !self.case.is_open() || matches!(self.case.state(), CaseState::AwaitingDelivery(_));
        let answers = |facts: &&StepFacts| {
            matches!(
                facts.body.event,
                StepEvent::Decided { .. }
                    | StepEvent::TacitlyApproved { .. }
                    | StepEvent::NotAccepted { .. }
                    | StepEvent::Returned { .. }
                    | StepEvent::Withdrawn { .. }
            )
        };
        self.case.steps().rfind(answers).filter(|_| answered)
    }

    /// The clock as it stood when the case was answered, or stands now.
    pub(crate) fn clock(&self) -> &CaseClock {
        self.clock.get_or_init(|| {
            let at = self.answer().map_or(self.now_ms, |facts| facts.time.millis());
            views::clock(self.reference, self.case, Some(self.item), at).unwrap_or_default()
        })
    }

    /// Whether the promised limit was or is exceeded: more days are used than were promised, an extension that counts
    /// included.
    pub(crate) fn is_overdue(&self) -> bool {
        let extensions = self.case.sides().filter_map(|facts| match &facts.body.event {
            SideEvent::Extended(extended) => Some((facts.time, facts.hash, extended.limit.days)),
            _ => None,
        });
        let counts = self.clock().extended_from.is_some();
        let extended = extensions.min().filter(|_| counts).map_or(0, |(_, _, days)| days);
        self.clock().used_days > self.item.limits.promised.days + extended
    }

    /// The full name of a station.
    pub(crate) fn station(&self, code: StationCode) -> String {
        self.reference.station_name(code)
    }

    /// The name of a department, or its code.
    pub(crate) fn department(&self, code: &DepartmentCode) -> String {
        let known = self.reference.organisation().and_then(|organisation| organisation.department(code));
        known.map_or_else(|| code.to_string(), |department| department.name.clone())
    }

    /// The name of a stage of the item, or its id.
    pub(crate) fn stage(&self, id: &StageId) -> String {
        self.item.stage(id).map_or_else(|| id.to_string(), |stage| stage.name.clone())
    }

    /// What was handed in at first: `户口簿（原件1、复印件1）、申请表（附件2）`.
    pub(crate) fn handed_in(&self) -> String {
        let Some(StepEvent::Submitted(submitted)) = self.case.steps().next().map(|facts| &facts.body.event) else {
            return String::new();
        };
        let one = |material: &sanji_domain::case::MaterialProvided| {
            let listed = usize::try_from(material.material).ok().and_then(|at| self.item.materials.get(at));
            let name = listed.map_or("其他材料", |material| material.name.as_str());
            let counts = [
                ("原件", material.originals as usize),
                ("复印件", material.copies as usize),
                ("附件", material.attachments.len()),
            ];
            let counts = counts.iter().filter(|(_, count)| *count > 0);
            let counts: Vec<_> = counts.map(|(what, count)| format!("{what}{count}")).collect();
            format!("{name}（{}）", counts.join("、"))
        };
        submitted.materials.iter().filter(|material| material.is_there()).map(one).collect::<Vec<_>>().join("、")
    }

    /// What whoever reads the ledger should know of corrections: nothing is deleted, and this says where to look.
    pub(crate) fn remarks(&self) -> String {
        let case = self.case;
        let mut remarks = Vec::new();
        if case.acceptance_deemed() {
            remarks.push("依法视为受理".to_owned());
        }
        if case.correction_rounds() > 0 {
            remarks.push(format!("补正{}次", case.correction_rounds()));
        }
        if case.term() > 0 {
            remarks.push(format!("收回{}次", case.term()));
        }
        for (count, what) in [
            (case.superseded().count(), "被取代的"),
            (case.rejected().count(), "不符合规则的"),
            (case.waiting().count(), "等待前序的"),
        ] {
            if count > 0 {
                remarks.push(format!("另存有{count}条{what}记录"));
            }
        }
        remarks.join("；")
    }

    /// `2026-07-01 10:00`
    pub(crate) fn minute(&self, facts: &StepFacts) -> String {
        times::minute(facts.time.millis())
    }
}

//! Exchange (requirement 97): cases in the data sets of GB/T 39046-2020, one way, for the platform above.
//!
//! The standard names data items in Chinese; so do the records here. Its text is not in this repository: the names of
//! the data sets and the codes (办件类型 1 即办件, 2 承诺件, 9 其他; 特别程序 1 延长审批, 2 其他; 满意度 1 to 5; division codes
//! of nine digits) are those of the requirement, the names of single items are plain words that must be compared with
//! the standard, or with the table that the platform above asks for, before the first delivery. 退回 and 补办 are
//! outcomes here and not types.
//!
//! Where an export ended is told by the heads of the logs that it read, and so is where the next begins: nothing is
//! kept at the station, an export that was lost is simply made again, and a record that comes twice has the same key
//! (办件编号 and 序号). A complaint's 序号 is its own number.

mod oversight;

use std::collections::BTreeSet;

use sanji_domain::calendar::date_of_number;
use sanji_domain::case::{Applicant, Case, Outcome, Private, SideEvent, StepEvent, StepFacts, words};
use sanji_domain::catalogue::CaseType;
use sanji_domain::matter::MatterKind;
use sanji_domain::{DepartmentCode, Item};
use sanji_log::{CaseId, Have, Head, Reach, StationCode};
use sanji_proto::v1::{self as proto, exchange_part::Part};

use super::times::{DAY_MS, begin_ms, second};
use crate::core::{Reader, ReferenceData, Scan, input_fault};
use crate::error::{Error, Failure, store, stored};
use crate::vault::CaseKey;
use crate::views;

/// Bytes of a log read at once.
const READ_BYTES: usize = 1 << 20;

/// One record while it is put together.
struct Record(proto::ExchangeRecord);

impl Record {
    fn new(data_set: &str, case: &Case, number: usize) -> Self {
        Self::numbered(data_set, case.id().number().to_string(), number.to_string())
    }

    fn numbered(data_set: &str, case: String, number: String) -> Self {
        let record = proto::ExchangeRecord { data_set: data_set.to_owned(), fields: Vec::new() };
        Self(record).with("办件编号", case).with("序号", number)
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.fields.push(proto::ExchangeField { name: name.to_owned(), value: value.into() });
        self
    }
}

impl Reader {
    /// Hands on every record of the cases and complaints that have changed since, then where the export ended.
    ///
    /// # Errors
    /// [`Failure::Refused`] for a request that is none; [`Failure::Internal`] where the store can't be read, and that
    /// of `take`.
    pub fn export_exchange(
        &self,
        request: proto::ExportExchangeRequest,
        now_ms: u64,
        take: &mut dyn FnMut(proto::ExchangePart) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let bound = |field: &str, number: u32| match number {
            0 => Ok(None),
            number => date_of_number(number)
                .map(|day| Some(begin_ms(day)))
                .ok_or_else(|| input_fault(field, "日期不正确，应为8位数字，例如20260701。")),
        };
        let from_ms = bound("from", request.from)?.unwrap_or(0);
        let until_ms = bound("until", request.until)?.map_or(u64::MAX, |until| until.saturating_add(DAY_MS));
        let since = read_have(request.since)?;
        // Read before the cases are: what comes meanwhile is in the next export, again where it is in this one too.
        let have = self.store().have();
        let reference = self.reference();
        let changed = if since.0.is_empty() { BTreeSet::new() } else { self.changed_since(&since, &have)? };
        let mut cases = 0;
        let mut export = |case: &Case| {
            let opened = case.submitted_at().map_or(0, |time| time.millis());
            // A draft is no application yet: nothing was filed that the platform above could count.
            let filed = case.rev() > 0 && case.preliminary().is_none();
            if !filed || !(from_ms..until_ms).contains(&opened) {
                return Ok(());
            }
            cases += 1;
            self.records(&reference, case, now_ms)?
                .into_iter()
                .try_for_each(|record| take(proto::ExchangePart { part: Some(Part::Record(record.0)) }))
        };
        if since.0.is_empty() {
            let scan = Scan { from_ms, until_ms, ..Scan::all(self.me()) };
            for case in self.scan(scan) {
                export(&*case?)?;
            }
        } else {
            for id in &changed {
                if let Some(case) = self.case(id)? {
                    export(&case)?;
                }
            }
        }
        let complaints = if since.0.is_empty() {
            [self.all_matters(MatterKind::Complaint, true)?, self.all_matters(MatterKind::Complaint, false)?].concat()
        } else {
            changed.into_iter().collect()
        };
        for id in complaints {
            let Some(matter) = self.matter(&id)? else { continue };
            let within = |registered: u64| (from_ms..until_ms).contains(&registered);
            if matter.complaint().is_some_and(|complaint| within(complaint.registered_ms)) {
                let record = self.complaint_record(&reference, &matter);
                record.map_or(Ok(()), |record| take(proto::ExchangePart { part: Some(Part::Record(record.0)) }))?;
            }
        }
        let heads = have.heads().filter(|head| head.log.reach == Reach::Private).map(Into::into).collect();
        take(proto::ExchangePart { part: Some(Part::End(proto::ExchangeEnd { heads, cases })) })
    }

    /// The cases and matters of the entries that came since; each once.
    fn changed_since(&self, since: &Have, have: &Have) -> Result<BTreeSet<CaseId>, Error> {
        let mut changed = BTreeSet::new();
        for head in have.heads().filter(|head| head.log.reach == Reach::Private) {
            let mut next = since.get(&head.log).map_or(1, |(seq, _)| seq + 1);
            while next <= head.seq {
                let run = self.store().read(&head.log, next, READ_BYTES).map_err(store("read a log"))?;
                let Some(run) = run else { break };
                next = run.head().seq + 1;
                for bytes in &run.entries {
                    changed.extend(bytes.decode().map_err(stored("entry"))?.case);
                }
            }
        }
        Ok(changed)
    }

    /// Everything that the data sets have of a case.
    fn records(&self, reference: &ReferenceData, case: &Case, now_ms: u64) -> Result<Vec<Record>, Error> {
        let Some(item) = views::item_of(reference, case) else { return Ok(Vec::new()) };
        let key = self.case_key(&case.id())?;
        let sight = Sighted { reader: self, reference, case, item, key, now_ms };
        let mut records = vec![sight.application()?];
        records.extend(sight.acceptance());
        records.extend(sight.handling()?);
        records.extend(sight.special_procedures());
        records.extend(sight.conclusion()?);
        records.extend(sight.ratings());
        records.extend(sight.alerts());
        Ok(records)
    }
}

fn read_have(heads: Vec<proto::Head>) -> Result<Have, Failure> {
    let mut have = Have::default();
    for head in heads {
        let head: Head = head.try_into().map_err(|_| input_fault("since", "上次交换的位置不正确，请重新全量导出。"))?;
        have.0.insert(head.log, (head.seq, head.hash));
    }
    Ok(have)
}

/// One case with what is needed to tell it.
struct Sighted<'a> {
    reader: &'a Reader,
    reference: &'a ReferenceData,
    case: &'a Case,
    item: &'a Item,
    key: Option<CaseKey>,
    now_ms: u64,
}

impl Sighted<'_> {
    fn private(&self, facts: &StepFacts) -> Result<Private, Error> {
        let Some(key) = &self.key else { return Ok(Private::default()) };
        Ok(self.reader.private(&self.case.id(), key, &facts.log, facts.seq)?.unwrap_or_default())
    }

    fn department(&self, code: &DepartmentCode) -> String {
        let known = self.reference.organisation().and_then(|organisation| organisation.department(code));
        known.map_or_else(|| code.to_string(), |department| department.name.clone())
    }

    fn record(&self, data_set: &str, number: usize, facts: &StepFacts) -> Record {
        Record::new(data_set, self.case, number)
            .with("行政区划代码", division(facts.writer))
            .with("办理机构名称", self.reference.station_name(facts.writer))
            .with("办理人员", facts.body.actor.name.clone())
            .with("办理时间", second(facts.time.millis()))
    }

    fn application(&self) -> Result<Record, Error> {
        let opening = self.case.steps().next();
        let applicant = match opening {
            Some(facts) => self.private(facts)?.applicant,
            None => None,
        };
        let of = |read: fn(&Applicant) -> &String| applicant.as_ref().map(read).cloned().unwrap_or_default();
        let home = self.case.home();
        Ok(Record::new("申请", self.case, 1)
            .with("行政区划代码", home.map(division).unwrap_or_default())
            .with("事项编码", self.item.code.to_string())
            .with("事项版本", self.case.item().map_or(0, |(_, version)| version).to_string())
            .with("事项名称", self.item.name.clone())
            .with("办件类型", case_type(self.item.case_type))
            .with("申请来源", self.case.channel().term())
            .with("申请人名称", of(|applicant| &applicant.name))
            .with("申请人证件号码", of(|applicant| &applicant.id_number))
            .with("申请人联系电话", of(|applicant| &applicant.telephone))
            .with("是否代办", if self.case.mandate().is_some() { "1" } else { "0" })
            .with("收件机构名称", home.map(|home| self.reference.station_name(home)).unwrap_or_default())
            .with("申请时间", second(self.filed_ms())))
    }

    /// When it was filed: what began as a draft, when it became an application.
    fn filed_ms(&self) -> u64 {
        let files = |facts: &&StepFacts| matches!(facts.body.event, StepEvent::PreliminarySubmitted { .. });
        let filed = self.case.steps().find(files).map(|facts| facts.time);
        filed.or(self.case.submitted_at()).map_or(0, |time| time.millis())
    }

    fn acceptance(&self) -> Vec<Record> {
        let accepts = |facts: &&StepFacts| match &facts.body.event {
            StepEvent::Accepted { .. } | StepEvent::NotAccepted { .. } => true,
            // What is decided at once is accepted with it.
            StepEvent::Decided { .. } => self.case.accepted_at() == Some(facts.time),
            _ => false,
        };
        let record = |(number, facts): (usize, &StepFacts)| {
            let (result, basis) = match &facts.body.event {
                StepEvent::NotAccepted { basis, .. } => ("不予受理", basis.as_str()),
                StepEvent::Accepted { deemed: true, .. } => ("视为受理", ""),
                _ => ("受理", ""),
            };
            self.record("受理", number, facts)
                .with("受理部门", self.department(&self.item.department))
                .with("受理结果", result)
                .with("不予受理依据", basis)
                .with("补正次数", self.case.correction_rounds().to_string())
        };
        (1..).zip(self.case.steps().filter(accepts)).map(record).collect()
    }

    /// Every step but the first and those that have a data set of their own.
    fn handling(&self) -> Result<Vec<Record>, Error> {
        let mut records = Vec::new();
        for facts in self.case.steps().skip(1) {
            if matches!(facts.body.event, StepEvent::Suspended { .. } | StepEvent::Resumed { .. }) {
                continue;
            }
            let words = self.private(facts)?.words;
            let record = self
                .record("办理", records.len() + 1, facts)
                .with("环节名称", words::step_title(&facts.body, Some(self.item)))
                .with("办理意见", words);
            records.push(record);
        }
        Ok(records)
    }

    fn special_procedures(&self) -> Vec<Record> {
        let mut records: Vec<Record> = Vec::new();
        let steps: Vec<&StepFacts> = self.case.steps().collect();
        for (at, facts) in steps.iter().enumerate() {
            let StepEvent::Suspended { kind, .. } = &facts.body.event else { continue };
            let ends = |later: &&&StepFacts| matches!(later.body.event, StepEvent::Resumed { .. });
            let resumed = steps.iter().skip(at).find(ends);
            let record = self
                .record("特别程序", records.len() + 1, facts)
                .with("特别程序种类", "2")
                .with("特别程序名称", kind.clone())
                .with("开始时间", second(facts.time.millis()))
                .with("结束时间", resumed.map(|facts| second(facts.time.millis())).unwrap_or_default());
            records.push(record);
        }
        for facts in self.case.sides() {
            let SideEvent::Extended(extended) = &facts.body.event else { continue };
            let record = Record::new("特别程序", self.case, records.len() + 1)
                .with("行政区划代码", division(facts.writer))
                .with("办理机构名称", self.reference.station_name(facts.writer))
                .with("办理人员", facts.body.actor.name.clone())
                .with("办理时间", second(facts.time.millis()))
                .with("特别程序种类", "1")
                .with("特别程序名称", "延长审批")
                .with("开始时间", second(facts.time.millis()))
                .with("结束时间", extended.extended_until.map(|until| until.to_string()).unwrap_or_default());
            records.push(record);
        }
        records
    }

    fn conclusion(&self) -> Result<Vec<Record>, Error> {
        let Some(outcome) = self.case.outcome() else { return Ok(Vec::new()) };
        let ends = |facts: &&StepFacts| {
            matches!(
                facts.body.event,
                StepEvent::Decided { .. }
                    | StepEvent::TacitlyApproved { .. }
                    | StepEvent::NotAccepted { .. }
                    | StepEvent::Returned { .. }
                    | StepEvent::Withdrawn { .. }
            )
        };
        let Some(facts) = self.case.steps().rfind(ends) else { return Ok(Vec::new()) };
        let delivered = self.case.delivered();
        let record = self
            .record("办结", 1, facts)
            .with("办结结果", outcome_words(outcome))
            .with("办结依据", facts.body.event.basis())
            .with("办结意见", self.private(facts)?.words)
            .with("结果名称", if outcome == Outcome::Approved { self.item.result.name.as_str() } else { "" })
            .with("结果编号", self.case.decision().map(|decision| decision.document_number.clone()).unwrap_or_default())
            .with("送达方式", delivered.map_or("", |delivered| delivered.method.term()))
            .with("签收日期", delivered.map(|delivered| delivered.signed_on.to_string()).unwrap_or_default());
        Ok(vec![record])
    }

    fn ratings(&self) -> Vec<Record> {
        let rated = self.case.sides().filter_map(|facts| match facts.body.event {
            SideEvent::Rating { satisfaction } => Some((facts.time, facts.hash, satisfaction)),
            _ => None,
        });
        let first = rated.min().map(|(time, _, satisfaction)| {
            Record::new("评价", self.case, 1)
                .with("满意度", satisfaction.to_string())
                .with("满意度名称", words::satisfaction(satisfaction))
                .with("评价时间", second(time.millis()))
        });
        first.into_iter().collect()
    }
}

/// Nine digits: district and township.
fn division(station: StationCode) -> String {
    station.to_string().chars().take(9).collect()
}

/// 1 即办件, 2 承诺件, 9 其他.
fn case_type(case_type: CaseType) -> &'static str {
    match case_type {
        CaseType::OnTheSpot => "1",
        CaseType::Promised => "2",
        CaseType::Joint | CaseType::Referred => "9",
    }
}

fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Approved => "准予",
        Outcome::Denied => "不予",
        Outcome::NotAccepted => "不予受理",
        Outcome::Returned => "退回",
        Outcome::Withdrawn => "撤回",
    }
}

//! What a person's command does: decide by the rules of the domain, seal the private parts, stage the entries.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use sanji_domain::StaffId;
use sanji_domain::case::{self, Body, Case, Context, Draft, Refusal, RefusalCode, Sight, codec};
use sanji_domain::organisation::{Staff, Standing};
use sanji_log::planted::{Bug, planted};
use sanji_log::{CaseId, CaseNumber, Entry, EntryDraft, Reach};
use sanji_proto::v1 as proto;

use super::commands::{command, named_by_act, named_by_submit, request, submission};
use super::reader::open_private;
use super::{Core, ReferenceData, Written};
use crate::compression::Effort;
use crate::error::{Error, Failure};
use crate::pending::Purpose;
use crate::vault::CaseKey;

/// Where randomness comes from.
pub type Random<'a> = &'a mut dyn FnMut(&mut [u8]);

impl Core {
    /// Opens a case. The same request again gives the first result.
    ///
    /// # Errors
    /// [`Failure`]; nothing is staged then.
    pub fn submit(
        &mut self,
        actor: &StaffId,
        message: proto::SubmitRequest,
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<Written, Failure> {
        let request = request(&message.request).map_err(Failure::Refused)?;
        if let Some(case) = self.case_of_request(&request)?.filter(|_| !planted(Bug::RepeatRequest)) {
            return self.opened_before(&case, actor);
        }
        let reference = self.reference();
        let staff = acting(&reference, actor)?;
        let purpose = Purpose::Submit(actor.clone(), request);
        let named = named_by_submit(&message);
        let waiting = self.pending.named(&purpose, &named);
        let (key, attachments) = match waiting {
            Some((key, attachments)) => (key, attachments),
            None => (CaseKey::from_bytes(bytes(random)), Vec::new()),
        };
        let submission = submission(request, message, query_code(random), attachments).map_err(Failure::Refused)?;
        let code = submission.query_code.clone();
        let standing = self.reader.standing(&reference, &staff, now_ms);
        let context = self.context(&reference, &staff, &standing, now_ms)?;
        let drafts = case::submit(submission, &context).map_err(Failure::Refused)?;
        let id = self.next_case(now_ms, bytes(random))?;
        let wrapped = self
            .reader
            .master()
            .wrap(id, &key, bytes(random))
            .map_err(|source| Error::Vault { operation: "wrap the key of a case", source })?;
        let written = self.write_drafts(id, actor.as_str(), drafts, Some(&key), now_ms, random)?;
        self.stage_key(wrapped, key);
        self.note_used(purpose, named);
        Ok(Written { query_code: code, ..written })
    }

    /// Moves a case on, or says something beside its route. The same request again gives the first result.
    ///
    /// # Errors
    /// [`Failure`]; nothing is staged then.
    pub fn act(
        &mut self,
        actor: &StaffId,
        message: proto::ActRequest,
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<Written, Failure> {
        let request = request(&message.request).map_err(Failure::Refused)?;
        let reference = self.reference();
        let staff = acting(&reference, actor)?;
        let standing = self.reader.standing(&reference, &staff, now_ms);
        let context = self.context(&reference, &staff, &standing, now_ms)?;
        let case = self.visible_case(&message.case_number, &request, &context)?;
        if let Some((rev, hash)) = case.request(&request) {
            return already(&case, rev, &hash);
        }
        if message.expected_rev != 0 && message.expected_rev != case.rev() {
            return Err(Failure::Stale);
        }
        let Some(action) = message.action else {
            return Err(input_fault("action", "请选择要办理的操作。"));
        };
        let purpose = Purpose::Act(actor.clone(), case.id());
        let named = named_by_act(&action);
        let waiting = if named.is_empty() { None } else { self.pending.named(&purpose, &named) };
        let attachments = waiting.map(|(_, attachments)| attachments).unwrap_or_default();
        let command = command(action, attachments).map_err(Failure::Refused)?;
        let drafts = case::decide(&case, Some(request), command, &context).map_err(Failure::Refused)?;
        let id = case.id();
        // Nobody else holds the case now, so that it is changed in place.
        drop(case);
        let key = self.key_of(&id)?;
        let written = self.write_drafts(id, actor.as_str(), drafts, key.as_ref(), now_ms, random)?;
        if !named.is_empty() {
            self.note_used(purpose, named);
        }
        Ok(written)
    }

    /// The applicant, who has shown the query code, rates a case that has ended.
    ///
    /// # Errors
    /// [`Failure`]; nothing is staged then.
    pub fn rate_case(
        &mut self,
        id: &CaseId,
        satisfaction: u32,
        words: &str,
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<(), Failure> {
        let case = self.group.fold.case(&self.reader, id)?.ok_or(Failure::NotFound)?;
        let draft = case::rate_as_applicant(&case, satisfaction, words).map_err(Failure::Refused)?;
        drop(case);
        let key = self.key_of(id)?;
        self.write_drafts(*id, "", vec![draft], key.as_ref(), now_ms, random).map(|_| ())
    }

    fn context<'a>(
        &self,
        reference: &'a ReferenceData,
        actor: &'a Staff,
        standing: &'a Standing,
        now_ms: u64,
    ) -> Result<Context<'a>, Failure> {
        context(reference, self.reader.me(), actor, standing, self.trusted(now_ms))
    }

    pub(super) fn case_of_request(&self, request: &sanji_log::RequestId) -> Result<Option<CaseId>, Error> {
        match self.group.fold.case_of_request(request) {
            Some(case) => Ok(Some(case)),
            None => self.reader.case_of_request(request),
        }
    }

    /// The case of a number that the actor may see, the open group included. Where two machines of a cloned station gave the
    /// same number, the one in which the request was carried out before: sent again, it must not be carried out in the other.
    fn visible_case(
        &mut self,
        number: &str,
        request: &sanji_log::RequestId,
        context: &Context<'_>,
    ) -> Result<Arc<Case>, Failure> {
        let number: CaseNumber = number.parse().map_err(|_| wrong_number())?;
        let held = self.cases_of_number(&number)?;
        let ids: BTreeSet<CaseId> = held.into_iter().chain(self.group.fold.cases_of_number(&number)).collect();
        let mut first = None;
        for id in ids {
            let case = self.group.fold.case(&self.reader, &id)?;
            let Some(case) = case.filter(|case| case::may_see(case, context) != Sight::None) else { continue };
            if case.request(request).is_some() {
                return Ok(case);
            }
            first.get_or_insert(case);
        }
        first.ok_or(Failure::NotFound)
    }

    /// As [`Reader::find`](super::Reader::find): writers come back to the same cases.
    fn cases_of_number(&mut self, number: &CaseNumber) -> Result<Vec<CaseId>, Error> {
        if let Some(only) = self.numbers.get(&number.prefix()) {
            return Ok(vec![*only]);
        }
        let held = self.reader.find(number)?;
        if let [only] = held[..] {
            self.numbers.put(number.prefix(), only);
        }
        Ok(held)
    }

    /// What the same request has opened before; for whoever sent it, since it tells number and query code.
    fn opened_before(&mut self, id: &CaseId, actor: &StaffId) -> Result<Written, Failure> {
        let case = self.group.fold.case(&self.reader, id)?.ok_or(Failure::NotFound)?;
        let opening = case.steps().next().cloned().ok_or(Failure::NotHereYet)?;
        if opening.actor != actor.as_str() {
            return Err(request_of_another());
        }
        let key = self.key_of(id)?;
        let private = match &key {
            Some(key) => match self.staged_entry(&opening.log, opening.seq) {
                Some(bytes) => open_private(id, key, bytes)?,
                None => self.reader.private(id, key, &opening.log, opening.seq)?,
            },
            None => None,
        };
        Ok(Written {
            case: Some(*id),
            log: opening.log,
            seq: opening.seq,
            hash: opening.hash,
            rev: opening.rev,
            query_code: private.map_or_else(String::new, |private| private.query_code.clone()),
            already: true,
        })
    }

    /// Seals and stages what a rule has decided. Everything that can fail comes before the first entry is staged.
    pub(super) fn write_drafts(
        &mut self,
        id: CaseId,
        actor: &str,
        drafts: Vec<Draft>,
        key: Option<&CaseKey>,
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<Written, Failure> {
        let home = id.home().ok_or(Error::Entry { problem: "its case has no home" })?;
        let log = self.own_log(home, Reach::Private);
        let mut rev = self.group.fold.case(&self.reader, &id)?.map_or(0, |case| case.rev());
        let sealing = Sealing { case: &id, key, effort: self.effort() };
        let sealed = drafts.into_iter().map(|draft| sealing.seal(draft, random)).collect::<Result<Vec<_>, _>>()?;
        let mut last: Option<Entry> = None;
        for Sealed { mut draft, private, encoded } in sealed {
            if let Body::Step(step) = &mut draft.body {
                // Of several steps decided at once, each follows the one before it.
                step.previous = last.as_ref().map_or(step.previous, |entry| Some(entry.hash));
                rev += 1;
                step.rev = rev;
            }
            self.number_documents(draft.body.documents_mut())?;
            let is_final = matches!(draft.body, Body::Side(_)) && draft.body.documents().is_empty();
            let (kind, body) = if is_final { encoded } else { codec::encode(&draft.body, private) };
            let entry = EntryDraft {
                case: Some(id),
                actor: actor.to_owned(),
                kind,
                body: Bytes::from(body),
                attachments: draft.attachments,
                opens_case: draft.opens_case,
            };
            last = Some(self.stage(log, &entry, now_ms)?);
        }
        let last = last.ok_or(Error::Entry { problem: "a rule has decided nothing" })?;
        Ok(Written {
            case: Some(id),
            log,
            seq: last.seq,
            hash: last.hash,
            rev,
            query_code: String::new(),
            already: false,
        })
    }
}

/// A request is known by its number alone, and whoever knows another's gets nothing for it.
pub(super) fn request_of_another() -> Failure {
    let sentence = "这个请求编号已被其他人员使用，请刷新页面后重新提交。";
    Failure::Refused(Refusal::new(RefusalCode::NotEntitled, sentence).at("request"))
}

/// A draft with its private part encrypted.
struct Sealed {
    draft: Draft,
    private: Option<proto::Sealed>,
    /// Kind and body. Not final where it is a step or has documents: what it follows and their numbers are not known yet.
    encoded: (u32, Vec<u8>),
}

/// How private parts of a case are encrypted.
struct Sealing<'a> {
    case: &'a CaseId,
    key: Option<&'a CaseKey>,
    effort: Effort,
}

impl Sealing<'_> {
    /// Encrypts the private part of a draft; refused where the entry would be too long.
    fn seal(&self, mut draft: Draft, random: Random<'_>) -> Result<Sealed, Failure> {
        let private = match (draft.private.take(), self.key) {
            (None, _) => None,
            (Some(_), None) => return Err(Failure::NotHereYet),
            (Some(private), Some(key)) => {
                let plain = codec::encode_private(private);
                let sealed = key.seal(self.case, &plain, bytes(random), self.effort);
                Some(sealed.map_err(|source| Error::Vault { operation: "seal a private part", source })?)
            }
        };
        let encoded = codec::encode(&draft.body, private.clone());
        // A step that follows another of the same decision gets 34 bytes more: the hash of that one. Numbers of
        // documents are not known yet either, 6 bytes each.
        if encoded.1.len() + 64 > sanji_log::entry::BODY_MAX_BYTES {
            let sentence = "填写的内容过长，请精简后重新提交；较长的材料请作为附件上传。";
            return Err(Failure::Refused(Refusal::new(RefusalCode::InvalidInput, sentence)));
        }
        Ok(Sealed { draft, private, encoded })
    }
}

/// The person as their record stands; refused where they have left.
pub(crate) fn acting(reference: &ReferenceData, id: &StaffId) -> Result<Arc<Staff>, Failure> {
    match reference.staff(id) {
        Some(person) if !person.inactive => Ok(person.staff.clone()),
        Some(person) if person.is_suspended() => {
            let sentence = "您已停职（待岗），业务由替补人员办理；有异议请向区中心提出。";
            Err(Failure::Refused(Refusal::new(RefusalCode::NotEntitled, sentence)))
        }
        _ => Err(Failure::Refused(Refusal::new(RefusalCode::NotEntitled, "您的账号已停用，不能办理业务。"))),
    }
}

/// What rules may look at.
pub(crate) fn context<'a>(
    reference: &'a ReferenceData,
    station: sanji_log::StationCode,
    actor: &'a Staff,
    standing: &'a Standing,
    now_ms: u64,
) -> Result<Context<'a>, Failure> {
    let rules = reference.rules().ok_or_else(|| {
        Failure::Refused(Refusal::new(
            RefusalCode::NotHereYet,
            "本站还没有收到区中心下发的事项目录和机构资料，请稍候再办理。",
        ))
    })?;
    Ok(Context { now_ms, station, actor, standing, reference: rules })
}

/// What a person is told who mistypes a case number.
pub(crate) fn wrong_number() -> Failure {
    input_fault("case_number", "办件编号不正确，请核对25位编号。")
}

/// Something that was entered will not do.
pub(crate) fn input_fault(field: &str, sentence: &str) -> Failure {
    Failure::Refused(Refusal::new(RefusalCode::InvalidInput, sentence).at(field))
}

fn already(case: &Case, rev: u32, hash: &sanji_log::Hash) -> Result<Written, Failure> {
    let steps = case.steps().map(|facts| (facts.hash, facts.log, facts.seq));
    let sides = case.sides().map(|facts| (facts.hash, facts.log, facts.seq));
    let found = steps.chain(sides).find(|(of, _, _)| of == hash);
    let (hash, log, seq) = found.ok_or(Failure::Stale)?;
    Ok(Written { case: Some(case.id()), log, seq, hash, rev, query_code: String::new(), already: true })
}

pub(super) fn bytes<const N: usize>(random: Random<'_>) -> [u8; N] {
    let mut bytes = [0; N];
    random(&mut bytes);
    bytes
}

/// Six digits, each code as likely as any other.
pub(super) fn query_code(random: Random<'_>) -> String {
    const CODES: u32 = 1_000_000;
    const FAIR: u32 = u32::MAX - u32::MAX % CODES;
    loop {
        let number = u32::from_le_bytes(bytes(random));
        if number < FAIR {
            return format!("{:06}", number % CODES);
        }
    }
}

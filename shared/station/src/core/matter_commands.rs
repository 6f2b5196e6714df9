//! What a command on a matter does: decide by the rules of the domain, seal the private parts, stage the entries.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use sanji_domain::StaffId;
use sanji_domain::matter::{
    self, ComplaintInput, Matter, MatterBody, MatterCommand, MatterDraft, Origin, codec, notice,
};
use sanji_domain::organisation::Staff;
use sanji_log::{CaseId, CaseNumber, EntryDraft, Hash, Reach, RequestId, StationCode, Tier};
use sanji_proto::v1::{self as proto, act_matter_request::Action, open_matter_request::Opening};

use super::cases::{acting, bytes, query_code, request_of_another};
use super::commands::request;
use super::matter_messages::{self as messages, letter_message};
use super::serial::{day_is_full, day_number, matter_serials};
use super::{Core, Random, ReferenceData, input_fault, wrong_number};
use crate::error::{Error, Failure};
use crate::pending::Purpose;
use crate::vault::{CaseKey, NONCE_BYTES};
use crate::views::matter_context;

/// What a command on a matter has written, or had written before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatterWritten {
    /// The matter.
    pub matter: CaseId,
    /// Its rev.
    pub rev: u32,
    /// Six digits for whoever complained or asked; only for an opening that was not there before.
    pub query_code: String,
    /// Codes of a survey; only for its opening.
    pub codes: Vec<String>,
}

/// Characters of survey codes: none that are mistaken for one another.
const CODE_LETTERS: &[u8] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
const CODE_LENGTH: usize = 8;
const CODES_MAX: u32 = 2000;

/// The hash under which a survey knows a code.
#[must_use]
pub fn survey_code_hash(code: &str) -> Hash {
    Hash(blake3::derive_key("sanji 2026 survey code v1", code.trim().to_ascii_uppercase().as_bytes()))
}

impl Core {
    /// Opens a matter. Without an actor it is somebody of the public. The same request again gives the first result.
    ///
    /// # Errors
    /// [`Failure`]; nothing is staged then.
    pub fn open_matter(
        &mut self,
        actor: Option<&StaffId>,
        message: proto::OpenMatterRequest,
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<MatterWritten, Failure> {
        let request = request(&message.request).map_err(Failure::Refused)?;
        if let Some(id) = self.case_of_request(&request)? {
            let matter = self.matter(&id)?.ok_or(Failure::Stale)?;
            let opened_by = matter.opening().map(|opening| opening.actor.as_str());
            if opened_by != Some(actor.map_or("", StaffId::as_str)) {
                return Err(request_of_another());
            }
            return Ok(MatterWritten { matter: id, rev: matter.rev(), query_code: String::new(), codes: Vec::new() });
        }
        let reference = self.reference();
        let staff = actor.map(|actor| acting(&reference, actor)).transpose()?;
        let context = matter_context(&reference, self.reader().me(), staff.as_deref(), now_ms)?;
        let code = query_code(random);
        let me = self.reader().me();
        let mut codes = Vec::new();
        let (home, drafts) = match message.opening.ok_or_else(|| input_fault("opening", "请选择要登记的事务。"))?
        {
            Opening::Complaint(complaint) => {
                let mut input = messages::complaint(complaint, code.clone())?;
                know_person(&mut input, &reference);
                if me.tier() == Tier::District {
                    let draft = matter::register_complaint(Some(request), input, None, &context);
                    (me, vec![draft.map_err(Failure::Refused)?])
                } else {
                    let input = matter::check_complaint(input, &context).map_err(Failure::Refused)?;
                    let sealed = seal_letter(&reference, me, &input)?;
                    (me, vec![matter::send_letter(Some(request), sealed, &context).map_err(Failure::Refused)?])
                }
            }
            Opening::Question(question) => {
                let input = messages::question(question, code.clone());
                (me, matter::ask(Some(request), input, &context).map_err(Failure::Refused)?)
            }
            Opening::Rectification(order) => {
                let input = messages::rectification(order)?;
                let draft = matter::issue(Some(request), &input, &context).map_err(Failure::Refused)?;
                (input.station, vec![draft])
            }
            Opening::Survey(survey) => {
                codes = (0..survey.codes.min(CODES_MAX)).map(|_| survey_code(random)).collect();
                let hashes = codes.iter().map(|code| survey_code_hash(code)).collect();
                let input = messages::survey(survey, hashes);
                (me, vec![matter::open_survey(Some(request), input, &context).map_err(Failure::Refused)?])
            }
        };
        let id = self.next_matter(home, now_ms, bytes(random))?;
        let rev = self.write_matter(id, actor, drafts, None, now_ms, random)?;
        Ok(MatterWritten { matter: id, rev, query_code: code, codes })
    }

    /// Moves a matter on, or says something beside its chain. The same request again gives the first result.
    ///
    /// # Errors
    /// [`Failure`]; nothing is staged then.
    pub fn act_matter(
        &mut self,
        actor: &StaffId,
        message: proto::ActMatterRequest,
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<MatterWritten, Failure> {
        let request = request(&message.request).map_err(Failure::Refused)?;
        let reference = self.reference();
        let staff = acting(&reference, actor)?;
        let matter = self.visible_matter(&message.number, &reference, &staff, now_ms)?;
        if let Some((rev, _)) = matter.request(&request) {
            return Ok(done(&matter, rev));
        }
        if message.expected_rev != 0 && message.expected_rev != matter.rev() {
            return Err(Failure::Stale);
        }
        let Some(action) = message.action else {
            return Err(input_fault("action", "请选择要办理的操作。"));
        };
        let named = messages::named(&action);
        let purpose = Purpose::Act(actor.clone(), matter.id());
        let waiting = if named.is_empty() { None } else { self.pending().named(&purpose, &named) };
        let opens_letter = matches!(action, Action::OpenLetter(_));
        let command = messages::command(action, waiting.map(|(_, attachments)| attachments).unwrap_or_default())?;
        let written = if opens_letter {
            self.open_letter(&matter, request, &reference, &staff, now_ms, random)?
        } else {
            self.carry_out(&matter, Some(request), &command, &reference, Some(&staff), now_ms, random)?
        };
        if !named.is_empty() {
            self.note_used(purpose, named);
        }
        Ok(written)
    }

    /// Carries out a command on a matter, for a member of staff or somebody of the public whose code was checked.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn carry_out(
        &mut self,
        matter: &Matter,
        request: Option<RequestId>,
        command: &MatterCommand,
        reference: &ReferenceData,
        staff: Option<&Staff>,
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<MatterWritten, Failure> {
        let context = matter_context(reference, self.reader().me(), staff, now_ms)?;
        let draft = matter::decide(matter, request, command, &context).map_err(Failure::Refused)?;
        let key = self.key_of(&matter.id())?;
        let rev = self.write_matter(matter.id(), staff.map(|staff| &staff.id), vec![draft], key, now_ms, random)?;
        Ok(done(matter, rev))
    }

    /// Somebody of the public rates a matter whose query code they have shown.
    ///
    /// # Errors
    /// [`Failure`]; nothing is staged then.
    pub fn rate_matter(
        &mut self,
        id: &CaseId,
        satisfied: bool,
        words: String,
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<(), Failure> {
        let reference = self.reference();
        let matter = self.matter(id)?.ok_or(Failure::NotFound)?;
        let command = MatterCommand::Rate { satisfied, words };
        self.carry_out(&matter, None, &command, &reference, None, now_ms, random).map(|_| ())
    }

    /// Takes a questionnaire in.
    ///
    /// # Errors
    /// [`Failure`]; nothing is staged then.
    pub fn answer_survey(
        &mut self,
        message: &proto::AnswerSurveyRequest,
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<(), Failure> {
        let number: CaseNumber = message.number.parse().map_err(|_| wrong_number())?;
        let reference = self.reference();
        let context = matter_context(&reference, self.reader().me(), None, now_ms)?;
        for id in self.reader().find_matters(&number)? {
            let Some(matter) = self.matter(&id)?.filter(|matter| matter.survey().is_some()) else { continue };
            let hash = survey_code_hash(&message.code);
            let draft = matter::answer_survey(&matter, hash, message.marks.clone(), &context);
            return self
                .write_matter(id, None, vec![draft.map_err(Failure::Refused)?], None, now_ms, random)
                .map(|_| ());
        }
        Err(Failure::NotFound)
    }

    /// Publishes a notice in this station's public log, or takes one back.
    ///
    /// # Errors
    /// [`Failure`]; nothing is staged then.
    pub fn notify(&mut self, actor: &StaffId, message: NoticeMessage, now_ms: u64) -> Result<notice::Notice, Failure> {
        let reference = self.reference();
        let staff = acting(&reference, actor)?;
        let me = self.reader().me();
        let context = matter_context(&reference, me, Some(&staff), now_ms)?;
        let notice = match message {
            NoticeMessage::Publish(input) => {
                if let Some(known) = reference.notices().get(me, &input.id) {
                    return Ok(known.clone());
                }
                notice::publish(input, &context)
            }
            NoticeMessage::Withdraw(id) => {
                notice::withdraw(reference.notices().get(me, &id).ok_or(Failure::NotFound)?, &context)
            }
        };
        let notice = notice.map_err(Failure::Refused)?;
        let kind = proto::Kind::Notice as u32;
        self.write(me, Reach::Public, actor.as_str(), kind, notice.encode(), now_ms)?;
        Ok(notice)
    }

    /// The district opens a letter: its chain ends, and the complaint goes on in a log of the district.
    fn open_letter(
        &mut self,
        letter: &Matter,
        request: RequestId,
        reference: &ReferenceData,
        staff: &Staff,
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<MatterWritten, Failure> {
        let context = matter_context(reference, self.reader().me(), Some(staff), now_ms)?;
        let opened = matter::decide(letter, Some(request), &MatterCommand::OpenLetter, &context);
        let opened = opened.map_err(Failure::Refused)?;
        let opening = letter.opening().ok_or(Failure::NotHereYet)?;
        let matter::MatterEvent::LetterSent { sealed } = &opening.body.event else { return Err(Failure::Stale) };
        let plain = sanji_link::letter::open(sealed, self.signing()).map_err(|error| {
            tracing::warn!(reason = &error as &dyn std::error::Error, "a letter can't be opened");
            input_fault("number", "这份密封件无法启封：它是写给区中心更换密钥之前的，请联系登记的站点重新登记。")
        })?;
        let message = proto::Letter::decode(plain.as_slice())
            .map_err(|_| input_fault("number", "这份密封件的内容无法识别，请联系登记的站点重新登记。"))?;
        let mut input = messages::of_letter(message)?;
        know_person(&mut input, reference);
        let origin =
            Origin { letter: letter.id(), station: opening.writer, time_ms: opening.time.millis().min(now_ms) };
        let complaint = matter::register_complaint(None, input, Some(origin), &context).map_err(Failure::Refused)?;
        let me = self.reader().me();
        let id = self.next_matter(me, now_ms, bytes(random))?;
        self.write_matter(letter.id(), Some(&staff.id), vec![opened], None, now_ms, random)?;
        let rev = self.write_matter(id, Some(&staff.id), vec![complaint], None, now_ms, random)?;
        Ok(MatterWritten { matter: id, rev, query_code: String::new(), codes: Vec::new() })
    }

    /// A matter, the open group included.
    pub(super) fn matter(&mut self, id: &CaseId) -> Result<Option<Arc<Matter>>, Error> {
        match self.group_matter(id) {
            Some(matter) => Ok(Some(matter)),
            None => self.reader().matter(id),
        }
    }

    fn visible_matter(
        &mut self,
        number: &str,
        reference: &ReferenceData,
        staff: &Staff,
        now_ms: u64,
    ) -> Result<Arc<Matter>, Failure> {
        let number: CaseNumber = messages::digits(number).parse().map_err(|_| wrong_number())?;
        let context = matter_context(reference, self.reader().me(), Some(staff), now_ms)?;
        let staged = self.staged_matters().filter(|id| id.number_prefix() == number.prefix());
        let ids: BTreeSet<CaseId> = staged.chain(self.reader().find_matters(&number)?).collect();
        for id in ids {
            if let Some(matter) = self.matter(&id)?
                && matter::may_see(&matter, &context) != matter::MatterSight::None
            {
                return Ok(matter);
            }
        }
        Err(Failure::NotFound)
    }

    /// A new id: its home, the day in China, the number after the highest that this tier has given.
    fn next_matter(&mut self, home: StationCode, now_ms: u64, random: [u8; 7]) -> Result<CaseId, Failure> {
        let day = day_number(now_ms);
        let serials = matter_serials(self.reader().me().tier());
        let staged = self.staged_matters().filter(|id| id.home() == Some(home) && id.day() == day);
        let staged = staged.map(|id| id.serial()).filter(|serial| serials.contains(serial)).max();
        let highest = staged.max(self.reader().highest_matter(home, day, &serials)?);
        let serial = highest.map_or(0, |highest| highest + 1).max(self.first_matter_serial(day));
        if serial > *serials.end() {
            return Err(day_is_full());
        }
        Ok(CaseId::new(home, day, serial, random)
            .map_err(|_| Error::Entry { problem: "its matter has no possible number" })?)
    }

    /// Seals and stages what a rule has decided; with its own key where the first opens the matter. The rev after it.
    fn write_matter(
        &mut self,
        id: CaseId,
        actor: Option<&StaffId>,
        drafts: Vec<MatterDraft>,
        key: Option<CaseKey>,
        now_ms: u64,
        random: Random<'_>,
    ) -> Result<u32, Failure> {
        let home = id.home().ok_or(Error::Entry { problem: "its matter has no home" })?;
        let log = self.own_log(home, Reach::Private);
        let opens = drafts.first().is_some_and(|draft| draft.opens);
        let key = if opens { Some(CaseKey::from_bytes(bytes(random))) } else { key };
        let mut sealed_drafts = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let sealed = match (&key, draft.private.is_empty()) {
                (_, true) => None,
                (None, false) => return Err(Failure::NotHereYet),
                (Some(key), false) => {
                    let sealed = key.seal(&id, &draft.private.encode(), bytes::<NONCE_BYTES>(random), self.effort());
                    Some(sealed.map_err(|source| Error::Vault { operation: "seal a private part", source })?)
                }
            };
            let (_, body) = codec::encode(&draft.body, sealed.clone());
            if body.len() + 64 > sanji_log::entry::BODY_MAX_BYTES {
                return Err(input_fault("words", "填写的内容过长，请精简后重新提交。"));
            }
            sealed_drafts.push((draft, sealed));
        }
        if opens && let Some(key) = key {
            let wrapped = self.reader().master().wrap(id, &key, bytes(random));
            self.stage_key(
                wrapped.map_err(|source| Error::Vault { operation: "wrap the key of a matter", source })?,
                key,
            );
        }
        let mut last: Option<(u32, Hash)> = None;
        let mut rev = self.matter(&id)?.map_or(0, |matter| matter.rev());
        for (mut draft, sealed) in sealed_drafts {
            if let MatterBody::Step(step) = &mut draft.body {
                // Of several steps decided at once, each follows the one before it.
                if let Some((before, hash)) = last {
                    (step.rev, step.previous) = (before + 1, Some(hash));
                }
                rev = step.rev;
            }
            let (kind, body) = codec::encode(&draft.body, sealed);
            let entry = EntryDraft {
                case: Some(id),
                actor: actor.map_or_else(String::new, ToString::to_string),
                kind,
                body: Bytes::from(body),
                attachments: draft.attachments.iter().map(|attachment| attachment.reference).collect(),
                opens_case: draft.opens,
            };
            let entry = self.stage(log, &entry, now_ms)?;
            last = Some((rev, entry.hash));
        }
        Ok(rev)
    }
}

/// What is asked of notices.
#[derive(Debug, Clone)]
pub enum NoticeMessage {
    /// 发布
    Publish(notice::NoticeInput),
    /// 撤下
    Withdraw(RequestId),
}

fn done(matter: &Matter, rev: u32) -> MatterWritten {
    MatterWritten { matter: matter.id(), rev, query_code: String::new(), codes: Vec::new() }
}

/// Where the person complained about is known here, their office is: the complaint is about it too.
fn know_person(input: &mut ComplaintInput, reference: &ReferenceData) {
    let known = input.against.person.as_ref().and_then(|id| reference.staff(id));
    if let Some(person) = known {
        input.against.station = Some(person.staff.place);
        input.against.department = Some(person.staff.department.clone());
    }
}

/// Encrypts a complaint to every key under which the district lives.
fn seal_letter(reference: &ReferenceData, me: StationCode, input: &ComplaintInput) -> Result<Vec<u8>, Failure> {
    let district = me.district();
    let living = reference.keys().iter().filter(|(_, life)| life.station == district && life.is_living());
    let keys: Vec<_> = living.map(|(key, _)| *key).collect();
    let sealed = sanji_link::letter::seal(&letter_message(input).encode_to_vec(), &keys);
    sealed.map_err(|error| {
        tracing::error!(reason = &error as &dyn std::error::Error, "a letter can't be sealed");
        Failure::NotHereYet
    })
}

fn survey_code(random: Random<'_>) -> String {
    // 31 letters: of 256 values, those from 248 on would make some letters likelier.
    let mut code = String::with_capacity(CODE_LENGTH);
    while code.len() < CODE_LENGTH {
        let [byte] = bytes::<1>(random);
        if usize::from(byte) < 256 / CODE_LETTERS.len() * CODE_LETTERS.len() {
            code.push(char::from(CODE_LETTERS[usize::from(byte) % CODE_LETTERS.len()]));
        }
    }
    code
}

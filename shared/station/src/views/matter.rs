//! One matter, and lists of matters, as a person may see them.

use std::sync::Arc;

use sanji_domain::DepartmentCode;
use sanji_domain::calendar::date_number;
use sanji_domain::case::words::date_words;
use sanji_domain::case::{AttachmentName, RefusalCode};
use sanji_domain::mask;
use sanji_domain::matter::{
    self, Against, Matter, MatterContext, MatterEvent, MatterKind, MatterPrivate, MatterSideEvent, MatterSight,
    MatterState, clock, words,
};
use sanji_domain::organisation::Staff;
use sanji_log::{AttachmentId, CaseId, CaseNumber, LogId, StationCode, Tier};
use sanji_proto::v1 as proto;

use crate::core::matters::{list_of, of_list_key};
use crate::core::{Reader, ReferenceData, digits, input_fault, wrong_number};
use crate::error::{Error, Failure, store};
use crate::vault::CaseKey;

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
/// Most matters looked at for one page.
const LOOKED_AT_MAX: usize = 1000;

/// What rules of matters may look at.
pub(crate) fn matter_context<'a>(
    reference: &'a ReferenceData,
    station: StationCode,
    actor: Option<&'a Staff>,
    now_ms: u64,
) -> Result<MatterContext<'a>, Failure> {
    let rules = reference.rules().ok_or_else(|| {
        let sentence = "本站还没有收到区中心下发的事项目录和机构资料，请稍候再办理。";
        Failure::Refused(sanji_domain::case::Refusal::new(RefusalCode::NotHereYet, sentence))
    })?;
    Ok(MatterContext { now_ms, station, actor, reference: rules })
}

impl Reader {
    /// One matter, and whether the look at it goes on record: somebody has seen who complains or asks.
    ///
    /// # Errors
    /// [`Failure::NotFound`] also where it is not theirs.
    pub fn matter_view(
        &self,
        staff: &Staff,
        request: &proto::GetMatterRequest,
        now_ms: u64,
    ) -> Result<(proto::MatterView, bool), Failure> {
        let number: CaseNumber = digits(&request.number).parse().map_err(|_| wrong_number())?;
        let reference = self.reference();
        let context = matter_context(&reference, self.me(), Some(staff), now_ms)?;
        for id in self.find_matters(&number)? {
            let Some(matter) = self.matter(&id)? else { continue };
            let sight = matter::may_see(&matter, &context);
            if sight != MatterSight::None {
                let unmasked = request.unmasked && sight == MatterSight::Full;
                return Ok((self.view(&matter, sight, unmasked, &reference, &context)?, unmasked));
            }
        }
        Err(Failure::NotFound)
    }

    /// The matter of a number that a person may see in full, for its attachments.
    pub(crate) fn matter_in_full(
        &self,
        staff: &Staff,
        number: &CaseNumber,
        now_ms: u64,
    ) -> Result<Arc<Matter>, Failure> {
        let reference = self.reference();
        let context = matter_context(&reference, self.me(), Some(staff), now_ms)?;
        for id in self.find_matters(number)? {
            if let Some(matter) = self.matter(&id)?
                && matter::may_see(&matter, &context) >= MatterSight::Content
            {
                return Ok(matter);
            }
        }
        Err(Failure::NotFound)
    }

    fn view(
        &self,
        matter: &Matter,
        sight: MatterSight,
        unmasked: bool,
        reference: &ReferenceData,
        context: &MatterContext<'_>,
    ) -> Result<proto::MatterView, Failure> {
        let said = Said { reader: self, id: matter.id(), key: self.case_key(&matter.id())?, sight };
        let row = matter_row(matter, &said, reference, context)?;
        let opening = said.opening(matter)?;
        Ok(proto::MatterView {
            number: row.number,
            kind: row.kind,
            kind_name: row.kind_name,
            state: row.state,
            title: row.title,
            rev: matter.rev(),
            open: matter.is_open(),
            holder: matter.holder().map_or(0, StationCode::number),
            holder_name: row.holder_name,
            opened_ms: row.opened_ms,
            due: row.due,
            overdue: row.overdue,
            facts: facts(matter, &opening, sight, unmasked, reference),
            steps: steps(matter, &said, reference)?,
            actions: matter::available(matter, context).into_iter().map(|action| action.name().to_owned()).collect(),
            masked: !unmasked,
            results: survey_rows(matter),
        })
    }

    /// A list of matters, newest first; those that wait for the person on top of a page.
    ///
    /// # Errors
    /// [`Failure::Refused`] for a request that is none.
    pub fn matters(
        &self,
        staff: &Staff,
        request: &proto::ListMattersRequest,
        now_ms: u64,
    ) -> Result<proto::ListMattersReply, Failure> {
        let reference = self.reference();
        let context = matter_context(&reference, self.me(), Some(staff), now_ms)?;
        let kinds: Vec<MatterKind> = match request.kind.as_str() {
            "" => MatterKind::ALL.to_vec(),
            "complaint" => vec![MatterKind::Complaint, MatterKind::Letter],
            name => vec![MatterKind::from_name(name).ok_or_else(|| input_fault("kind", "没有这一类事务。"))?],
        };
        let limit = match usize::try_from(request.limit).unwrap_or(LIMIT_MAX) {
            0 => LIMIT_DEFAULT,
            limit => limit.min(LIMIT_MAX),
        };
        let mut after = (!request.after.is_empty()).then(|| request.after.clone());
        let (mut rows, mut looked_at, mut upheld) = (Vec::new(), 0, 0);
        loop {
            let page = self.newest_matters(&kinds, !request.closed, after.as_deref(), limit)?;
            let last_page = page.len() < limit;
            for key in page {
                let id = of_list_key(&key).map(|(id, _)| id);
                after = Some(key);
                looked_at += 1;
                let Some(matter) = id.map(|id| self.matter(&id)).transpose()?.flatten() else { continue };
                let sight = matter::may_see(&matter, &context);
                if sight != MatterSight::None {
                    upheld += u32::from(matches!(matter.state(), MatterState::Concluded(found) if found.is_upheld()));
                    let said = Said { reader: self, id: matter.id(), key: self.case_key(&matter.id())?, sight };
                    rows.push(matter_row(&matter, &said, &reference, &context)?);
                }
                if rows.len() == limit {
                    break;
                }
            }
            if last_page || rows.len() == limit || looked_at >= LOOKED_AT_MAX {
                let next = if last_page && rows.len() < limit { None } else { after };
                rows.sort_by_key(|row| (!row.todo, std::cmp::Reverse(row.opened_ms)));
                return Ok(proto::ListMattersReply { rows, next: next.unwrap_or_default(), upheld });
            }
        }
    }

    /// The complaints about a case that a person may see, oldest first.
    ///
    /// # Errors
    /// [`Failure::Refused`] for a number that is none.
    pub fn complaints_of(
        &self,
        staff: &Staff,
        case_number: &str,
        now_ms: u64,
    ) -> Result<Vec<proto::MatterRow>, Failure> {
        let case: CaseNumber = digits(case_number).parse().map_err(|_| wrong_number())?;
        let reference = self.reference();
        let context = matter_context(&reference, self.me(), Some(staff), now_ms)?;
        let mut rows = Vec::new();
        for id in self.complaints_about(&case)? {
            let Some(matter) = self.matter(&id)? else { continue };
            let sight = matter::may_see(&matter, &context);
            if sight != MatterSight::None {
                let said = Said { reader: self, id, key: self.case_key(&id)?, sight };
                rows.push(matter_row(&matter, &said, &reference, &context)?);
            }
        }
        Ok(rows)
    }

    /// The newest keys of several lists together.
    pub(crate) fn newest_matters(
        &self,
        kinds: &[MatterKind],
        open: bool,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let mut keys = Vec::new();
        for kind in kinds {
            let rows =
                self.looked_at()?.rows(&list_of(*kind, open), after, true, limit).map_err(store("read a list"))?;
            keys.extend(rows.into_iter().map(|(key, _)| key));
        }
        keys.sort_by(|one, other| other.cmp(one));
        keys.truncate(limit);
        Ok(keys)
    }
}

/// What is said under seal in a matter, as far as somebody may read it.
pub(super) struct Said<'a> {
    pub(super) reader: &'a Reader,
    pub(super) id: CaseId,
    pub(super) key: Option<CaseKey>,
    pub(super) sight: MatterSight,
}

impl Said<'_> {
    pub(super) fn at(&self, log: &LogId, seq: u64) -> Result<MatterPrivate, Failure> {
        let Some(key) = self.key.as_ref().filter(|_| self.sight >= MatterSight::Content) else {
            return Ok(MatterPrivate::default());
        };
        let mut private = self.reader.matter_private(&self.id, key, log, seq)?.unwrap_or_default();
        // Content is all but who complains or asks.
        if self.sight < MatterSight::Full {
            (private.name, private.telephone, private.address) = Default::default();
        }
        private.query_code = String::new();
        Ok(private)
    }

    fn opening(&self, matter: &Matter) -> Result<MatterPrivate, Failure> {
        matter.opening().map_or_else(|| Ok(MatterPrivate::default()), |opening| self.at(&opening.log, opening.seq))
    }
}

fn matter_row(
    matter: &Matter,
    said: &Said<'_>,
    reference: &ReferenceData,
    context: &MatterContext<'_>,
) -> Result<proto::MatterRow, Failure> {
    let due = clock::due(matter, &context.reference).ok().flatten();
    let kind = matter.kind();
    Ok(proto::MatterRow {
        number: matter.id().number().to_string(),
        kind: kind.map(MatterKind::name).unwrap_or_default().to_owned(),
        kind_name: kind.map(MatterKind::term).unwrap_or_default().to_owned(),
        title: title(matter, said, reference)?,
        state: state_words(matter),
        holder_name: matter.holder().map(|holder| reference.station_name(holder)).unwrap_or_default(),
        opened_ms: matter
            .complaint()
            .map(|complaint| complaint.registered_ms)
            .or_else(|| matter.opening().map(|opening| opening.time.millis()))
            .unwrap_or_default(),
        due: due.map_or(0, date_number),
        overdue: matter.is_open() && clock::is_overdue(due, context.today()),
        todo: matter::is_todo(matter, context),
    })
}

fn state_words(matter: &Matter) -> String {
    match matter.state() {
        MatterState::Concluded(finding) => format!("{}（{}）", matter.state().words(), finding.term()),
        state => state.words().to_owned(),
    }
}

/// One line: what it is about.
fn title(matter: &Matter, said: &Said<'_>, reference: &ReferenceData) -> Result<String, Failure> {
    if let Some(issued) = matter.rectification() {
        return Ok(issued.title.clone());
    }
    if let Some(survey) = matter.survey() {
        return Ok(survey.title.clone());
    }
    if matter.kind() == Some(MatterKind::Letter) {
        return Ok("内容已密封，只有区中心能够启封".to_owned());
    }
    if matter.complaint().is_some() && said.sight >= MatterSight::Content {
        let whom = against_words(matter, &said.opening(matter)?.against, reference);
        return Ok(format!("投诉{whom}"));
    }
    const SHOWN: usize = 40;
    let opening = said.opening(matter)?.words;
    let shown: String = opening.chars().take(SHOWN).collect();
    Ok(if opening.chars().count() > SHOWN { format!("{shown}…") } else { shown })
}

/// Whom a complaint is about, in words.
fn against_words(matter: &Matter, as_called: &str, reference: &ReferenceData) -> String {
    let Some(complaint) = matter.complaint() else { return String::new() };
    let parts = [against_unit(&complaint.against, reference), as_called.to_owned()];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

/// Office and person that a complaint is about, as far as they were chosen and not described.
pub(crate) fn against_unit(against: &Against, reference: &ReferenceData) -> String {
    let person = against.person.as_ref().and_then(|id| reference.staff(id)).map(|person| person.staff.name.clone());
    let parts = [
        // A department of the district says itself where it is.
        against
            .station
            .filter(|station| against.department.is_none() || station.tier() != Tier::District)
            .map(|station| reference.station_name(station)),
        against.department.as_ref().map(|department| department_name(department, reference)),
        person,
    ];
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

pub(crate) fn department_name(code: &DepartmentCode, reference: &ReferenceData) -> String {
    let known = reference.organisation().and_then(|organisation| organisation.department(code));
    known.map_or_else(|| code.to_string(), |department| department.name.clone())
}

fn facts(
    matter: &Matter,
    opening: &MatterPrivate,
    sight: MatterSight,
    unmasked: bool,
    reference: &ReferenceData,
) -> Vec<proto::Answer> {
    let mut facts = Vec::new();
    let item_name = |code: &sanji_domain::ItemCode| {
        reference.catalogue().latest(code).map_or_else(|| code.to_string(), |(_, item)| item.name.clone())
    };
    let who = if matter.question().is_some() { "咨询人" } else { "投诉人" };
    if sight == MatterSight::Full && matter.rectification().is_none() && matter.survey().is_none() {
        let shown = |value: &str, mask: fn(&str) -> String| {
            if unmasked || value.is_empty() { value.to_owned() } else { mask(value) }
        };
        facts.push((who, shown(&opening.name, mask::name)));
        facts.push(("电话", shown(&opening.telephone, mask::phone)));
        facts.push(("住址", if unmasked { opening.address.clone() } else { String::new() }));
    }
    if let Some(complaint) = matter.complaint() {
        let who = if complaint.anonymous { "匿名" } else { "实名" };
        facts.push(("投诉方式", format!("{}，{who}", complaint.way.term())));
        facts.push(("登记站点", reference.station_name(complaint.registered_at)));
        if sight >= MatterSight::Content {
            facts.push(("被投诉方", against_words(matter, &opening.against, reference)));
            facts.push(("关联办件", complaint.case.as_ref().map(ToString::to_string).unwrap_or_default()));
            facts
                .push(("承办单位", matter.assigned().map(|code| department_name(code, reference)).unwrap_or_default()));
        }
    }
    if let Some(question) = matter.question() {
        facts.push(("咨询方式", question.way.term().to_owned()));
        facts.push(("事项", question.item.as_ref().map(item_name).unwrap_or_default()));
        if let Some((public_question, public_answer)) = matter.published() {
            facts.push(("公开的问题", public_question.to_owned()));
            facts.push(("公开的答复", public_answer.to_owned()));
        }
    }
    if let Some(issued) = matter.rectification() {
        facts.push(("问题来源", issued.source.term().to_owned()));
        facts.push(("整改单位", matter.id().home().map(|home| reference.station_name(home)).unwrap_or_default()));
        facts.push((
            "整改部门",
            issued.department.as_ref().map(|code| department_name(code, reference)).unwrap_or_default(),
        ));
        facts.push(("下发单位", reference.station_name(issued.issuer)));
        facts.push(("关联编号", issued.concerns.clone()));
    }
    if let Some(survey) = matter.survey() {
        let answered = matter.sides().filter(|side| matches!(side.body.event, MatterSideEvent::SurveyAnswered { .. }));
        facts.push(("调查期间", format!("{}至{}", date_words(survey.from), date_words(survey.until))));
        facts.push(("发放问卷码", survey.code_hashes.len().to_string()));
        facts.push(("已收到问卷", answered.count().to_string()));
        facts.push(("问题", survey.questions.join("；")));
    }
    if let Some(satisfied) = matter.rated() {
        facts.push(("是否满意", if satisfied { "满意" } else { "不满意" }.to_owned()));
    }
    let given = facts.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(field, value)| proto::Answer { field: field.to_owned(), value }).collect()
}

fn steps(matter: &Matter, said: &Said<'_>, reference: &ReferenceData) -> Result<Vec<proto::MatterStepView>, Failure> {
    let mut steps = Vec::new();
    for step in matter.steps() {
        let private = said.at(&step.log, step.seq)?;
        let mut title = words::title(&step.body.event);
        if let MatterEvent::ComplaintAssigned { department } = &step.body.event {
            title = format!("{title}{}", department_name(department, reference));
        }
        steps.push((
            step.time,
            view_of(title, &step.body.actor.name, step.time.millis(), step.writer, private, said, reference),
        ));
    }
    for side in matter.sides() {
        let Some(title) = words::side_title(&side.body.event) else { continue };
        let private = said.at(&side.log, side.seq)?;
        let title = title.to_owned();
        steps.push((
            side.time,
            view_of(title, &side.body.actor.name, side.time.millis(), side.writer, private, said, reference),
        ));
    }
    steps.sort_by_key(|(time, _)| *time);
    Ok(steps.into_iter().map(|(_, step)| step).collect())
}

fn view_of(
    title: String,
    name: &str,
    time_ms: u64,
    writer: StationCode,
    private: MatterPrivate,
    said: &Said<'_>,
    reference: &ReferenceData,
) -> proto::MatterStepView {
    let attachment = |name: AttachmentName| proto::AttachmentName {
        id: name.id.0.to_vec(),
        file_name: name.file_name,
        media_type: name.media_type,
    };
    proto::MatterStepView {
        title,
        name: name.to_owned(),
        time_ms,
        station_name: reference.station_name(writer),
        words: private.words,
        reply: private.reply,
        attachments: private.attachment_names.into_iter().map(attachment).collect(),
        hidden: said.sight < MatterSight::Content,
    }
}

pub(super) fn survey_rows(matter: &Matter) -> Vec<proto::SurveyRow> {
    let row = |result: matter::SurveyResult| proto::SurveyRow {
        group: result.group,
        unit: result.unit,
        answers: result.answers,
        mean: result.mean,
        place: result.place,
    };
    matter::results(matter).into_iter().map(row).collect()
}

/// The name of an attachment of a matter.
///
/// # Errors
/// [`Failure::NotFound`] where no step of the matter names it.
pub(crate) fn matter_attachment(
    reader: &Reader,
    matter: &Matter,
    key: &CaseKey,
    id: &AttachmentId,
) -> Result<Option<AttachmentName>, Failure> {
    for step in matter.steps() {
        let MatterEvent::RectificationReported { evidence } = &step.body.event else { continue };
        if evidence.contains(id) {
            let private = reader.matter_private(&matter.id(), key, &step.log, step.seq)?.unwrap_or_default();
            return Ok(private.attachment_names.into_iter().find(|name| name.id == *id));
        }
    }
    Err(Failure::NotFound)
}

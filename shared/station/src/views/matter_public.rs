//! What the public may know of matters: how one's own complaint or question stands, published answers, notices,
//! questionnaires; and the list of people to call back.

use std::net::IpAddr;

use sanji_domain::calendar::date_number;
use sanji_domain::case::{Sight, may_see};
use sanji_domain::matter::notice::{Notice, NoticeKind};
use sanji_domain::matter::{
    Matter, MatterAction, MatterKind, MatterSight, MatterState, clock, codec, follow_up, words,
};
use sanji_domain::organisation::Staff;
use sanji_log::{CaseId, CaseNumber};
use sanji_proto::v1 as proto;
use subtle::ConstantTimeEq;

use super::matter::{Said, matter_context, survey_rows};
use super::query::WrongCodes;
use crate::core::matters::{CALL_BACKS, Published, list_of};
use crate::core::rows::case_of_work_key;
use crate::core::{Reader, context, digits, wrong_number};
use crate::error::{Failure, store};

const ANSWERS_DEFAULT: usize = 50;
const ANSWERS_MAX: usize = 200;
/// Most answers and cases looked at for one list.
const LOOKED_AT_MAX: usize = 5000;

impl Reader {
    /// The matter of a number whose query code somebody knows. Wrong numbers and wrong codes are counted alike.
    ///
    /// # Errors
    /// [`Failure::TooManyAttempts`], [`Failure::NotFound`].
    pub(crate) fn matter_of_code(
        &self,
        wrong_codes: &WrongCodes,
        number: &str,
        code: &str,
        client: IpAddr,
        now_ms: u64,
    ) -> Result<CaseId, Failure> {
        let number: CaseNumber = digits(number).parse().map_err(|_| wrong_number())?;
        let client = client.to_canonical().to_string();
        if let Some(retry_after_ms) = wrong_codes.locked_for_ms(number.as_str(), &client, now_ms) {
            return Err(Failure::TooManyAttempts { retry_after_ms });
        }
        for id in self.find_matters(&number)? {
            // Who complained in a village has the number of the letter; the complaint in it has the code.
            let id = self.complaint_of_letter(&id)?.unwrap_or(id);
            let (Some(matter), Some(key)) = (self.matter(&id)?, self.case_key(&id)?) else { continue };
            let Some(opening) = matter.opening() else { continue };
            let private = self.matter_private(&id, &key, &opening.log, opening.seq)?.unwrap_or_default();
            let known = private.query_code.as_bytes();
            if !known.is_empty() && bool::from(known.ct_eq(digits(code).as_bytes())) {
                return Ok(id);
            }
        }
        wrong_codes.wrong(number.as_str(), &client, now_ms);
        Err(Failure::NotFound)
    }

    /// How a complaint or a question stands.
    ///
    /// # Errors
    /// [`Failure::TooManyAttempts`], [`Failure::NotFound`].
    pub fn query_matter(
        &self,
        wrong_codes: &WrongCodes,
        request: &proto::QueryMatterRequest,
        client: IpAddr,
        now_ms: u64,
    ) -> Result<proto::QueryMatterReply, Failure> {
        let id = self.matter_of_code(wrong_codes, &request.number, &request.query_code, client, now_ms)?;
        let matter = self.matter(&id)?.ok_or(Failure::NotFound)?;
        let reference = self.reference();
        let said = Said { reader: self, id, key: self.case_key(&id)?, sight: MatterSight::Full };
        let context = matter_context(&reference, self.me(), None, now_ms)?;
        let mut reply = String::new();
        let mut steps = Vec::new();
        for step in matter.steps() {
            let private = said.at(&step.log, step.seq)?;
            if !private.reply.is_empty() {
                reply = private.reply;
            }
            // What was found inside, and who looks into it, is told in the reply and not before.
            steps.push(proto::MatterStepView {
                title: words::public_title(&step.body.event).to_owned(),
                time_ms: step.time.millis(),
                station_name: reference.station_name(step.writer),
                ..proto::MatterStepView::default()
            });
        }
        Ok(proto::QueryMatterReply {
            number: matter.id().number().to_string(),
            kind_name: matter.kind().map(MatterKind::term).unwrap_or_default().to_owned(),
            state: matter.state().words().to_owned(),
            due: clock::due(&matter, &context.reference).ok().flatten().map_or(0, date_number),
            reply,
            steps,
            may_rate: sanji_domain::matter::available(&matter, &context).contains(&MatterAction::Rate),
        })
    }

    /// Published answers, newest first, with all of the words that are looked for.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the index can't be read.
    pub fn answers(&self, request: &proto::AnswersRequest) -> Result<proto::AnswersReply, Failure> {
        const PAGE: usize = 500;
        let limit = match usize::try_from(request.limit).unwrap_or(ANSWERS_MAX) {
            0 => ANSWERS_DEFAULT,
            limit => limit.min(ANSWERS_MAX),
        };
        let reference = self.reference();
        let wanted: Vec<&str> = request.words.split_whitespace().collect();
        let list = list_of(MatterKind::Question, false);
        let (mut answers, mut after, mut looked_at) = (Vec::new(), None::<Vec<u8>>, 0);
        while looked_at < LOOKED_AT_MAX && answers.len() < limit {
            let page = self.indexed()?.rows(&list, after.as_deref(), true, PAGE).map_err(store("read a list"))?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            looked_at += page.len();
            for (key, value) in page {
                let Ok(published) = postcard::from_bytes::<Published>(&value) else { continue };
                let item = published.item.parse().ok();
                let item = item.and_then(|code| reference.catalogue().latest(&code));
                let item_name = item.map(|(_, item)| item.name.clone()).unwrap_or_default();
                let has = |words: &&str| {
                    [&published.question, &published.answer, &item_name].iter().any(|text| text.contains(words))
                };
                let of_item = request.item.is_empty() || request.item == published.item;
                if of_item && wanted.iter().all(has) && answers.len() < limit {
                    answers.push(proto::PublishedAnswer {
                        item: published.item,
                        item_name,
                        question: published.question,
                        answer: published.answer,
                        time_ms: crate::core::matters::of_list_key(&key).map_or(0, |(_, time_ms)| time_ms),
                    });
                }
            }
        }
        Ok(proto::AnswersReply { answers })
    }

    /// Notices: for everybody the public ones of today, for staff whatever they ask for.
    #[must_use]
    pub fn notice_views(
        &self,
        staff: Option<&Staff>,
        request: &proto::NoticesRequest,
        now_ms: u64,
    ) -> proto::NoticesReply {
        let reference = self.reference();
        let today = sanji_domain::calendar::local_date(i64::try_from(now_ms).unwrap_or(i64::MAX));
        let wanted = |notice: &&Notice| {
            let kind = notice.kind == NoticeKind::Public || staff.is_some() && request.circulars;
            kind && (notice.is_shown(today) || staff.is_some() && request.all)
        };
        let all = reference.notices().all();
        let notices = all.into_iter().filter(wanted).map(|notice| self.notice_view(notice, staff)).collect();
        proto::NoticesReply { notices }
    }

    /// One notice.
    #[must_use]
    pub fn notice_view(&self, notice: &Notice, staff: Option<&Staff>) -> proto::NoticeView {
        use sanji_domain::organisation::Role;
        let publishes = |staff: &Staff| {
            staff.place == notice.station
                && staff.roles.iter().any(|role| matches!(role, Role::Administrator | Role::Supervisor))
        };
        proto::NoticeView {
            id: notice.id.0.to_vec(),
            kind: notice.kind.number(),
            title: notice.title.clone(),
            text: notice.text.clone(),
            from: date_number(notice.from),
            until: date_number(notice.until),
            withdrawn: notice.withdrawn,
            station_name: self.reference().station_name(notice.station),
            station: notice.station.number(),
            actor_name: notice.actor_name.clone(),
            time_ms: notice.said.0.millis(),
            mine: !notice.withdrawn && staff.is_some_and(publishes),
        }
    }

    /// Surveys that run now or whose result is public; or one of them.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the index can't be read.
    pub fn questionnaires(
        &self,
        request: &proto::QuestionnaireRequest,
        now_ms: u64,
    ) -> Result<proto::QuestionnaireReply, Failure> {
        const SHOWN: usize = 20;
        let today = sanji_domain::calendar::local_date(i64::try_from(now_ms).unwrap_or(i64::MAX));
        let mut surveys = Vec::new();
        for open in [true, false] {
            for key in self.newest_matters(&[MatterKind::Survey], open, None, SHOWN)? {
                let id = crate::core::matters::of_list_key(&key).map(|(id, _)| id);
                let Some(matter) = id.map(|id| self.matter(&id)).transpose()?.flatten() else { continue };
                let runs = matter.survey().is_some_and(|survey| survey.from <= today && today <= survey.until);
                let shown = runs && matter.state() == MatterState::Running || matter.state() == MatterState::Published;
                let number = matter.id().number().to_string();
                if shown && (request.number.is_empty() || digits(&request.number) == number) {
                    surveys.extend(questionnaire(&matter, number));
                }
            }
        }
        Ok(proto::QuestionnaireReply { surveys })
    }

    /// Cases with a bad rating that nobody has put right yet, as far as the person may see them.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn call_backs(
        &self,
        staff: &Staff,
        request: &proto::CallBacksRequest,
        now_ms: u64,
    ) -> Result<proto::CallBacksReply, Failure> {
        let limit = match usize::try_from(request.limit).unwrap_or(ANSWERS_MAX) {
            0 => ANSWERS_DEFAULT,
            limit => limit.min(ANSWERS_MAX),
        };
        let reference = self.reference();
        let standing = self.standing(&reference, staff, now_ms);
        let context = context(&reference, self.me(), staff, &standing, now_ms)?;
        let rules = context.reference;
        let rows = self.indexed()?.rows(CALL_BACKS, None, true, LOOKED_AT_MAX).map_err(store("read a list"))?;
        let mut found = Vec::new();
        for id in rows.into_iter().filter_map(|(key, _)| case_of_work_key(&key)) {
            let Some(case) = self.case(&id)?.filter(|case| may_see(case, &context) != Sight::None) else { continue };
            let Some(bad) = follow_up::bad_rating(&case, rules.defaults) else { continue };
            let contact_until = bad.contact_until(rules.defaults, rules.calendar).ok();
            let rectify_until = bad.rectify_until(rules.defaults, rules.calendar).ok();
            let due = if bad.contacted.is_some() { rectify_until } else { contact_until };
            let item = case.item().and_then(|(code, version)| reference.catalogue().get(code, version));
            found.push(proto::CallBackRow {
                case_number: case.id().number().to_string(),
                item_name: item.map(|item| item.name.clone()).unwrap_or_default(),
                satisfaction: bad.satisfaction,
                rated_ms: bad.rated.millis(),
                contact_until: contact_until.map_or(0, date_number),
                rectify_until: rectify_until.map_or(0, date_number),
                contacted: bad.contacted.is_some(),
                overdue: clock::is_overdue(due, context.today()),
            });
            if found.len() == limit {
                break;
            }
        }
        found.sort_by_key(|row| (!row.overdue, row.rated_ms));
        Ok(proto::CallBacksReply { rows: found })
    }
}

fn questionnaire(matter: &Matter, number: String) -> Option<proto::Questionnaire> {
    let survey = matter.survey()?;
    let closed = matter.state() == MatterState::Published;
    Some(proto::Questionnaire {
        number,
        title: survey.title.clone(),
        groups: codec::group_messages(&survey.groups),
        questions: survey.questions.clone(),
        from: date_number(survey.from),
        until: date_number(survey.until),
        results: if closed { survey_rows(matter) } else { Vec::new() },
        called_in: matter.called_in().to_vec(),
        closed,
    })
}

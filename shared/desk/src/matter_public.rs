//! 投诉, 咨询, 评价, 公告 and 调查 for everybody, on the hub.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use sanji_proto::v1 as proto;
use serde::Deserialize;

use crate::apply::add_refusal;
use crate::form::Faults;
use crate::frame::{Frame, Tab};
use crate::guard::{ClientAddress, PostedByAnyone, Visitor};
use crate::matter_form::{self, MatterForm};
use crate::office::Failure;
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::words;

#[derive(Template)]
#[template(path = "public_tell.html")]
struct TellPage {
    frame: Frame,
    kind: &'static str,
    form: MatterForm,
}

#[derive(Template)]
#[template(path = "public_told.html")]
struct ToldPage {
    frame: Frame,
    kind: &'static str,
    reply: proto::MatterReply,
}

#[derive(Template)]
#[template(path = "public_matter.html")]
struct MatterPage {
    frame: Frame,
    wrong: String,
    number: String,
    /// As it was typed, for the form with which the answer is rated.
    code: String,
    matter: Option<proto::QueryMatterReply>,
}

#[derive(Template)]
#[template(path = "public_thanks.html")]
struct ThanksPage {
    frame: Frame,
    sentence: &'static str,
}

#[derive(Template)]
#[template(path = "public_answers.html")]
struct AnswersPage {
    frame: Frame,
    words: String,
    answers: Vec<proto::PublishedAnswer>,
}

#[derive(Template)]
#[template(path = "public_notices.html")]
struct NoticesPage {
    frame: Frame,
    notices: Vec<proto::NoticeView>,
}

#[derive(Template)]
#[template(path = "public_surveys.html")]
struct SurveysPage {
    frame: Frame,
    surveys: Vec<proto::Questionnaire>,
}

#[derive(Template)]
#[template(path = "public_survey.html")]
struct SurveyPage {
    frame: Frame,
    wrong: String,
    code: String,
    survey: proto::Questionnaire,
    groups: Vec<Group>,
}

/// A group of units with the names of their inputs.
struct Group {
    name: String,
    units: Vec<Unit>,
}

struct Unit {
    name: String,
    /// Question, and position of its mark.
    questions: Vec<(String, usize)>,
}

/// Words to look for.
#[derive(Deserialize)]
pub(crate) struct Words {
    #[serde(default)]
    words: String,
}

async fn tell(desk: Desk, visitor: Visitor, kind: &'static str, tab: Tab) -> Result<Response, Problem> {
    let form = matter_form::opening(&desk, kind, true).ok_or_else(Problem::not_found)?;
    let frame = Frame::public(&desk, visitor.csrf.clone(), tab);
    Ok((visitor.cookie(&desk), page(&TellPage { frame, kind, form })?).into_response())
}

async fn told(
    desk: Desk,
    client: std::net::IpAddr,
    posted: PostedByAnyone,
    kind: &'static str,
    tab: Tab,
) -> Result<Response, Problem> {
    let PostedByAnyone { form, visitor } = posted;
    let request = form.request()?;
    let opening = matter_form::read_opening(kind, &form);
    let message = proto::OpenMatterRequest { request: request.as_bytes().to_vec(), opening };
    let opened = desk.office().open_matter(None, message, client).await;
    let frame = Frame::public(&desk, visitor.csrf.clone(), tab);
    match opened {
        Ok(reply) => page(&ToldPage { frame, kind, reply }),
        Err(Failure::Refused(refusal)) => {
            let mut faults = Faults::default();
            add_refusal(&mut faults, &refusal);
            let empty = matter_form::opening(&desk, kind, true).ok_or_else(Problem::not_found)?;
            let again = TellPage { frame, kind, form: empty.again(&form, &faults) };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, visitor.cookie(&desk), Html(again.render()?)).into_response())
        }
        Err(failure) => Err(failure.into()),
    }
}

/// `GET /complain`
pub(crate) async fn complain(State(desk): State<Desk>, visitor: Visitor) -> Result<Response, Problem> {
    tell(desk, visitor, "complaint", Tab::Complain).await
}

/// `POST /complain`
pub(crate) async fn complained(
    State(desk): State<Desk>,
    ClientAddress(client): ClientAddress,
    posted: PostedByAnyone,
) -> Result<Response, Problem> {
    told(desk, client, posted, "complaint", Tab::Complain).await
}

/// `GET /ask`
pub(crate) async fn ask(State(desk): State<Desk>, visitor: Visitor) -> Result<Response, Problem> {
    tell(desk, visitor, "question", Tab::Answers).await
}

/// `POST /ask`
pub(crate) async fn asked(
    State(desk): State<Desk>,
    ClientAddress(client): ClientAddress,
    posted: PostedByAnyone,
) -> Result<Response, Problem> {
    told(desk, client, posted, "question", Tab::Answers).await
}

/// `GET /matter`: how a complaint or a question stands.
pub(crate) async fn matter(State(desk): State<Desk>, visitor: Visitor) -> Result<Response, Problem> {
    let frame = Frame::public(&desk, visitor.csrf.clone(), Tab::Complain);
    let empty = MatterPage { frame, wrong: String::new(), number: String::new(), code: String::new(), matter: None };
    Ok((visitor.cookie(&desk), page(&empty)?).into_response())
}

/// `POST /matter`. The answer comes at once and not after a redirect: number and code belong into no address.
pub(crate) async fn looked_up(
    State(desk): State<Desk>,
    ClientAddress(client): ClientAddress,
    PostedByAnyone { form, visitor }: PostedByAnyone,
) -> Result<Response, Problem> {
    let number = words::digits(form.value("number"));
    let code = words::digits(form.value("code"));
    let request = proto::QueryMatterRequest { number: number.clone(), query_code: code.clone() };
    let frame = Frame::public(&desk, visitor.csrf.clone(), Tab::Complain);
    let wrong = match desk.office().query_matter(request, client).await {
        Ok(matter) => return page(&MatterPage { frame, wrong: String::new(), number, code, matter: Some(matter) }),
        Err(Failure::NotFound) => {
            "没有找到，请核对编号和查询码。在村、乡镇登记的投诉，区中心启封后才能查到。".to_owned()
        }
        Err(failure @ (Failure::Refused(_) | Failure::TooManyAttempts { .. })) => {
            Problem::from(failure).sentence().to_owned()
        }
        Err(failure) => return Err(failure.into()),
    };
    let again = MatterPage { frame, wrong, number, code: String::new(), matter: None };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, visitor.cookie(&desk), Html(again.render()?)).into_response())
}

/// `POST /rate`: a case, a complaint or a question.
pub(crate) async fn rate(
    State(desk): State<Desk>,
    ClientAddress(client): ClientAddress,
    PostedByAnyone { form, visitor }: PostedByAnyone,
) -> Result<Response, Problem> {
    let request = proto::RateAsPublicRequest {
        request: Vec::new(),
        number: words::digits(form.value("number")),
        query_code: words::digits(form.value("code")),
        satisfaction: form.number("satisfaction"),
        words: form.value("words").to_owned(),
        matter: form.ticked("matter"),
    };
    let bad = request.satisfaction < 3;
    desk.office().rate_as_public(request, client).await?;
    let frame = Frame::public(&desk, visitor.csrf.clone(), Tab::Cases);
    let sentence = if bad {
        "您的评价已收到。我们会在1个工作日内与您联系，5个工作日内整改并反馈。"
    } else {
        "您的评价已收到，谢谢。"
    };
    page(&ThanksPage { frame, sentence })
}

/// `GET /answers`: questions that others have asked.
pub(crate) async fn answers(State(desk): State<Desk>, Query(wanted): Query<Words>) -> Result<Response, Problem> {
    let request = proto::AnswersRequest { words: wanted.words.clone(), item: String::new(), limit: 50 };
    let answers = desk.office().answers(request).await?.answers;
    let frame = Frame::public(&desk, String::new(), Tab::Answers);
    page(&AnswersPage { frame, words: wanted.words, answers })
}

/// `GET /notices`
pub(crate) async fn notices(State(desk): State<Desk>) -> Result<Response, Problem> {
    let notices = desk.office().notices(None, &proto::NoticesRequest::default()).notices;
    let frame = Frame::public(&desk, String::new(), Tab::Notices);
    page(&NoticesPage { frame, notices })
}

/// `GET /surveys`
pub(crate) async fn surveys(State(desk): State<Desk>) -> Result<Response, Problem> {
    let surveys = desk.office().questionnaires(proto::QuestionnaireRequest::default()).await?.surveys;
    let frame = Frame::public(&desk, String::new(), Tab::Surveys);
    page(&SurveysPage { frame, surveys })
}

/// `GET /surveys/{number}`
pub(crate) async fn survey(
    State(desk): State<Desk>,
    Path(number): Path<String>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let shown = survey_page(&desk, &number, &visitor, String::new(), String::new()).await?;
    Ok((visitor.cookie(&desk), page(&shown)?).into_response())
}

/// `POST /surveys/{number}`
pub(crate) async fn answered(
    State(desk): State<Desk>,
    Path(number): Path<String>,
    ClientAddress(client): ClientAddress,
    PostedByAnyone { form, visitor }: PostedByAnyone,
) -> Result<Response, Problem> {
    let code = form.value("code").to_owned();
    let shown = survey_page(&desk, &number, &visitor, String::new(), code.clone()).await?;
    let positions = shown.groups.iter().flat_map(|group| &group.units).flat_map(|unit| &unit.questions);
    let mark = |position: &usize| u8::try_from(form.number(&format!("mark-{position}"))).unwrap_or(u8::MAX);
    let marks = positions.map(|(_, position)| mark(position)).collect();
    let request = proto::AnswerSurveyRequest { number: words::digits(&number), code, marks };
    match desk.office().answer_survey(request, client).await {
        Ok(()) => {
            let frame = Frame::public(&desk, visitor.csrf.clone(), Tab::Surveys);
            page(&ThanksPage { frame, sentence: "您的问卷已收到，谢谢。问卷不记名。" })
        }
        Err(Failure::Refused(refusal)) => {
            let again = SurveyPage { wrong: refusal.sentence, ..shown };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, visitor.cookie(&desk), Html(again.render()?)).into_response())
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn survey_page(
    desk: &Desk,
    number: &str,
    visitor: &Visitor,
    wrong: String,
    code: String,
) -> Result<SurveyPage, Problem> {
    let request = proto::QuestionnaireRequest { number: words::digits(number) };
    let found = desk.office().questionnaires(request).await?.surveys.into_iter().next();
    let survey = found.ok_or_else(Problem::not_found)?;
    let mut position = 0;
    let mut unit = |name: &String| {
        let ask = |question: &String| {
            position += 1;
            (question.clone(), position - 1)
        };
        Unit { name: name.clone(), questions: survey.questions.iter().map(ask).collect() }
    };
    let groups = survey.groups.iter();
    let groups =
        groups.map(|group| Group { name: group.name.clone(), units: group.units.iter().map(&mut unit).collect() });
    let groups = groups.collect();
    let frame = Frame::public(desk, visitor.csrf.clone(), Tab::Surveys);
    Ok(SurveyPage { frame, wrong, code, survey, groups })
}

/// A mean mark as it is kept, in hundredths.
pub(crate) fn mean(value: &u32) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

//! Matters: complaints, questions, rectifications, surveys, notices; what the public may do with them.

use std::net::IpAddr;

use sanji_domain::calendar::date_of_number;
use sanji_domain::case::{Refusal, RefusalCode};
use sanji_domain::matter::notice::{NoticeInput, NoticeKind};
use sanji_log::{RequestId, Tier};
use sanji_proto::v1 as proto;

use super::{Actor, Station, random};
use crate::clock::now_ms;
use crate::core::{MatterWritten, NoticeMessage, digits, input_fault};
use crate::error::Failure;

/// A bad mark of one's own complaint or question begins below this.
const CONTENT_FROM: u32 = 3;

impl Station {
    /// Opens a matter. Durable when it returns.
    ///
    /// # Errors
    /// [`Failure`]; nothing was written then.
    pub async fn open_matter(
        &self,
        actor: &Actor,
        request: proto::OpenMatterRequest,
    ) -> Result<proto::MatterReply, Failure> {
        self.check_may_write()?;
        let staff = actor.staff.id.clone();
        let write = self.committer().write(move |core, now| core.open_matter(Some(&staff), request, now, &mut random));
        write.await.map(|(written, _)| reply(written))
    }

    /// Opens a complaint or a question for somebody of the public. Durable when it returns.
    ///
    /// # Errors
    /// [`Failure::TooManyAttempts`] for an address that opens too many; nothing was written then.
    pub async fn open_matter_as_public(
        &self,
        request: proto::OpenMatterRequest,
        client: IpAddr,
    ) -> Result<proto::MatterReply, Failure> {
        self.check_may_write()?;
        self.check_is_public()?;
        use proto::open_matter_request::Opening;
        if !matches!(request.opening, Some(Opening::Complaint(_) | Opening::Question(_))) {
            return Err(input_fault("opening", "网上只能提交投诉或咨询。"));
        }
        self.openings().check(client, now_ms())?;
        let write = self.committer().write(move |core, now| core.open_matter(None, request, now, &mut random));
        write.await.map(|(written, _)| reply(written))
    }

    /// Moves a matter on, or says something beside its chain. Durable when it returns.
    ///
    /// # Errors
    /// [`Failure`]; nothing was written then.
    pub async fn act_matter(
        &self,
        actor: &Actor,
        request: proto::ActMatterRequest,
    ) -> Result<proto::MatterReply, Failure> {
        self.check_may_write()?;
        let staff = actor.staff.id.clone();
        let write = self.committer().write(move |core, now| core.act_matter(&staff, request, now, &mut random));
        write.await.map(|(written, _)| reply(written))
    }

    /// Rates a case, a complaint or a question by its number and query code. Durable when it returns.
    ///
    /// # Errors
    /// [`Failure::TooManyAttempts`]; [`Failure::NotFound`] for a wrong number and a wrong code alike.
    pub async fn rate_as_public(&self, request: proto::RateAsPublicRequest, client: IpAddr) -> Result<(), Failure> {
        self.check_may_write()?;
        self.check_is_public()?;
        let station = self.clone();
        let (number, code, of_matter) = (request.number.clone(), request.query_code.clone(), request.matter);
        let id = self
            .read(move |reader| {
                if !of_matter {
                    let query = proto::QueryRequest { case_number: digits(&number), query_code: digits(&code) };
                    return reader.case_of_code(station.wrong_codes(), &query, client, now_ms());
                }
                reader.matter_of_code(station.wrong_codes(), &number, &code, client, now_ms())
            })
            .await?;
        let (satisfaction, words) = (request.satisfaction, request.words);
        if !(1..=5).contains(&satisfaction) {
            return Err(input_fault("satisfaction", "请从“非常满意”到“非常不满意”中选择一项评价。"));
        }
        let write = self.committer().write(move |core, now| {
            if of_matter {
                core.rate_matter(&id, satisfaction >= CONTENT_FROM, words, now, &mut random)
            } else {
                core.rate_case(&id, satisfaction, &words, now, &mut random)
            }
        });
        write.await.map(|_| ())
    }

    /// Takes a questionnaire in. Durable when it returns.
    ///
    /// # Errors
    /// [`Failure`]; nothing was written then.
    pub async fn answer_survey(&self, request: proto::AnswerSurveyRequest, client: IpAddr) -> Result<(), Failure> {
        self.check_may_write()?;
        self.check_is_public()?;
        self.openings().check_locked(client, now_ms())?;
        let write = self.committer().write(move |core, now| core.answer_survey(&request, now, &mut random));
        let answered = write.await.map(|_| ());
        // Codes must not be guessed.
        if matches!(&answered, Err(Failure::Refused(refusal)) if refusal.code == RefusalCode::InvalidInput) {
            self.openings().note(client, now_ms());
        }
        answered
    }

    /// Publishes a notice. Durable when it returns.
    ///
    /// # Errors
    /// [`Failure`]; nothing was written then.
    pub async fn publish_notice(
        &self,
        actor: &Actor,
        request: proto::PublishNoticeRequest,
    ) -> Result<proto::NoticeView, Failure> {
        let input = NoticeInput {
            id: RequestId::try_from(request.request.as_slice())
                .map_err(|_| input_fault("request", "请求编号缺失或长度不对，请刷新页面后重新提交。"))?,
            kind: NoticeKind::from_number(request.kind),
            title: request.title,
            text: request.text,
            from: date_of_number(request.from),
            until: date_of_number(request.until),
        };
        self.notify(actor, NoticeMessage::Publish(input)).await
    }

    /// Takes a notice back. Durable when it returns.
    ///
    /// # Errors
    /// [`Failure`]; nothing was written then.
    pub async fn withdraw_notice(&self, actor: &Actor, id: &[u8]) -> Result<proto::NoticeView, Failure> {
        let id = RequestId::try_from(id).map_err(|_| Failure::NotFound)?;
        self.notify(actor, NoticeMessage::Withdraw(id)).await
    }

    async fn notify(&self, actor: &Actor, message: NoticeMessage) -> Result<proto::NoticeView, Failure> {
        self.check_may_write()?;
        let staff = actor.staff.id.clone();
        let write = self.committer().write(move |core, now| core.notify(&staff, message, now));
        let (notice, _) = write.await?;
        Ok(self.reader().notice_view(&notice, Some(&actor.staff)))
    }

    /// One matter as the person may see it; a look at who complains or asks goes on record.
    ///
    /// # Errors
    /// [`Failure::NotFound`] also where it is not theirs.
    pub async fn matter(&self, actor: &Actor, request: proto::GetMatterRequest) -> Result<proto::MatterView, Failure> {
        let staff = actor.staff.clone();
        let (view, on_record) = self.read(move |reader| reader.matter_view(&staff, &request, now_ms())).await?;
        if on_record {
            self.record("private.read", actor.staff.id.as_str(), &view.number, "unmasked, a matter");
        }
        Ok(view)
    }

    /// A list of matters.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn matters(
        &self,
        actor: &Actor,
        request: proto::ListMattersRequest,
    ) -> Result<proto::ListMattersReply, Failure> {
        let staff = actor.staff.clone();
        self.read(move |reader| reader.matters(&staff, &request, now_ms())).await
    }

    /// The complaints about a case that the person may see.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn complaints_of(&self, actor: &Actor, case_number: &str) -> Result<Vec<proto::MatterRow>, Failure> {
        let (staff, case_number) = (actor.staff.clone(), case_number.to_owned());
        self.read(move |reader| reader.complaints_of(&staff, &case_number, now_ms())).await
    }

    /// How a complaint or a question stands, by number and query code.
    ///
    /// # Errors
    /// [`Failure::TooManyAttempts`]; [`Failure::NotFound`] for a wrong number and a wrong code alike.
    pub async fn query_matter(
        &self,
        request: proto::QueryMatterRequest,
        client: IpAddr,
    ) -> Result<proto::QueryMatterReply, Failure> {
        let station = self.clone();
        self.read(move |reader| reader.query_matter(station.wrong_codes(), &request, client, now_ms())).await
    }

    /// Published answers.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn answers(&self, request: proto::AnswersRequest) -> Result<proto::AnswersReply, Failure> {
        self.read(move |reader| reader.answers(&request)).await
    }

    /// 公告; 通报 too for staff who ask for them.
    #[must_use]
    pub fn notices(&self, actor: Option<&Actor>, request: &proto::NoticesRequest) -> proto::NoticesReply {
        self.reader().notice_views(actor.map(|actor| &*actor.staff), request, now_ms())
    }

    /// Questionnaires that run, and results that are public.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn questionnaires(
        &self,
        request: proto::QuestionnaireRequest,
    ) -> Result<proto::QuestionnaireReply, Failure> {
        self.read(move |reader| reader.questionnaires(&request, now_ms())).await
    }

    /// Cases with a bad rating that wait for somebody.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn call_backs(
        &self,
        actor: &Actor,
        request: proto::CallBacksRequest,
    ) -> Result<proto::CallBacksReply, Failure> {
        let staff = actor.staff.clone();
        self.read(move |reader| reader.call_backs(&staff, &request, now_ms())).await
    }

    /// Scores and grades of a period.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn assess(&self, actor: &Actor, request: proto::AssessRequest) -> Result<proto::Assessment, Failure> {
        self.supervise(actor, move |reader, digests, staff| reader.assess(digests, staff, &request, now_ms())).await
    }

    /// The public is served by the district alone.
    fn check_is_public(&self) -> Result<(), Failure> {
        if self.reader().me().tier() == Tier::District {
            return Ok(());
        }
        Err(Failure::Refused(Refusal::new(RefusalCode::NotCompetent, "网上办理请使用区中心的公开页面。")))
    }
}

fn reply(written: MatterWritten) -> proto::MatterReply {
    proto::MatterReply {
        number: written.matter.number().to_string(),
        query_code: written.query_code,
        rev: written.rev,
        codes: written.codes,
    }
}

//! 查验凭证: is the signed line of a paper genuine? For everybody on the hub, for the staff at every desk.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use sanji_proto::v1::{self as proto, VoucherCase, VoucherVerdict};

use crate::frame::{Frame, Tab};
use crate::guard::{Person, Posted, PostedByAnyone, Visitor};
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::words;

#[derive(Template)]
#[template(path = "voucher.html")]
struct VoucherPage {
    frame: Frame,
    /// Where the form goes.
    action: &'static str,
    text: String,
    answer: Option<Answer>,
}

struct Answer {
    /// Class of the box: `good`, `warn` or `bad`.
    class: &'static str,
    title: &'static str,
    reply: proto::CheckVoucherReply,
    number: String,
}

impl Answer {
    async fn of(desk: &Desk, text: &str) -> Result<Option<Self>, Problem> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let request = proto::CheckVoucherRequest { text: text.to_owned() };
        let reply = desk.office().records().check_voucher(request).await?;
        let (class, title) = match (reply.verdict(), reply.held()) {
            (VoucherVerdict::Genuine | VoucherVerdict::KeyEnded, VoucherCase::Unchanged) => {
                ("good", "凭证真实，记录一致")
            }
            (VoucherVerdict::KeyRevoked, VoucherCase::Unchanged) => ("good", "记录一致"),
            (VoucherVerdict::Genuine | VoucherVerdict::KeyEnded, VoucherCase::NotHere) => {
                ("good", "凭证真实，本站尚无该办件")
            }
            (VoucherVerdict::Genuine | VoucherVerdict::KeyEnded, _) => ("warn", "凭证真实，但记录已变化"),
            (VoucherVerdict::KeyRevoked, _) => ("warn", "签名密钥已吊销，不能认定"),
            (VoucherVerdict::UnknownKey, _) => ("bad", "无法认定：签名密钥没有登记"),
            (VoucherVerdict::Altered, _) => ("bad", "凭证被改动，不能认定"),
            _ => ("bad", "无法识别"),
        };
        let number = words::grouped(&reply.case_number);
        Ok(Some(Self { class, title, reply, number }))
    }
}

/// `GET /desk/voucher`
pub(crate) async fn show(State(desk): State<Desk>, person: Person) -> Result<Response, Problem> {
    let frame = Frame::staff(&desk, &person, Tab::Voucher).await;
    page(&VoucherPage { frame, action: "/desk/voucher", text: String::new(), answer: None })
}

/// `POST /desk/voucher`
pub(crate) async fn check(State(desk): State<Desk>, posted: Posted) -> Result<Response, Problem> {
    let frame = Frame::staff(&desk, &posted.person, Tab::Voucher).await;
    let text = posted.form.value("text").to_owned();
    let answer = Answer::of(&desk, &text).await?;
    page(&VoucherPage { frame, action: "/desk/voucher", text, answer })
}

/// `GET /voucher`
pub(crate) async fn public_show(State(desk): State<Desk>, visitor: Visitor) -> Result<Response, Problem> {
    public_page(&desk, &visitor, String::new()).await
}

/// `POST /voucher`
pub(crate) async fn public_check(
    State(desk): State<Desk>,
    PostedByAnyone { form, visitor }: PostedByAnyone,
) -> Result<Response, Problem> {
    public_page(&desk, &visitor, form.value("text").to_owned()).await
}

/// `GET /V/{text}`: the link of a code. It tells nothing that the paper does not say, so it may stand in an address.
pub(crate) async fn public_link(
    State(desk): State<Desk>,
    Path(text): Path<String>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    public_page(&desk, &visitor, text).await
}

async fn public_page(desk: &Desk, visitor: &Visitor, text: String) -> Result<Response, Problem> {
    let frame = Frame::public(desk, visitor.csrf.clone(), Tab::Voucher);
    let answer = Answer::of(desk, &text).await?;
    let shown = page(&VoucherPage { frame, action: "/voucher", text, answer })?;
    Ok((visitor.cookie(desk), shown).into_response())
}

//! 隔离区: what others sent to this station and does not count, in plain words: what happened, and what to do.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use sanji_log::{StationCode, Tier};
use sanji_proto::v1::{self as proto, QuarantineKind};
use serde::Deserialize;

use crate::frame::{Frame, Tab};
use crate::guard::{Person, Posted};
use crate::office::{Failure, Settling};
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::words;

#[derive(Template)]
#[template(path = "quarantine.html")]
struct QuarantinePage {
    frame: Frame,
    rows: Vec<Row>,
    /// What became of what was just done; empty: nothing was.
    outcome: String,
    /// Whether the outcome is that nothing is left to do.
    settled: bool,
    /// Whether the person settles rows, and does not only look and try again.
    administers: bool,
}

struct Row {
    id: String,
    title: &'static str,
    /// What happened.
    what: String,
    /// What to do.
    todo: &'static str,
    from: String,
    since: String,
    case_number: String,
    can_redrive: bool,
    can_drop: bool,
    /// The district decides whether the entries count.
    can_decide: bool,
    /// What the entries are about that are to be decided on, a line each.
    about: Vec<String>,
}

/// Cases that are named, of those that a revoked station's entries are about; the others are counted.
const CASES_NAMED: usize = 100;

/// What was just done.
#[derive(Deserialize)]
pub(crate) struct Done {
    /// "redrive", "drop", "admit" or "reject"; empty: nothing.
    #[serde(default)]
    done: String,
    /// The row that it was done with.
    #[serde(default)]
    id: String,
}

/// `GET /desk/quarantine`
pub(crate) async fn show(
    State(desk): State<Desk>,
    Query(done): Query<Done>,
    person: Person,
) -> Result<Response, Problem> {
    let rows = desk.office().quarantine_for(&person.actor).await?;
    let frame = Frame::staff(&desk, &person, Tab::Station).await;
    let is_district = desk.station().tier() == Tier::District;
    let name = |code: u64| {
        StationCode::from_number(code)
            .map(|code| desk.office().station_name(code))
            .unwrap_or_else(|_| "不详".to_owned())
    };
    let left = rows.iter().find(|row| row.id == done.id);
    let outcome = outcome(&done, left, frame.by_bundles);
    let (settled, administers) = (left.is_none(), person.actor.is_administrator());
    let may = May { administers, is_district };
    let mut shown = Vec::new();
    for row in &rows {
        let about = if administers { about(&desk, row).await? } else { Vec::new() };
        shown.push(Row { about, ..told(row, name(row.from), &may) });
    }
    page(&QuarantinePage { frame, rows: shown, outcome, settled, administers })
}

/// What a revoked station's entries are about, so that nobody decides on them blind.
async fn about(desk: &Desk, row: &proto::Quarantined) -> Result<Vec<String>, Problem> {
    if row.kind() != QuarantineKind::Rest {
        return Ok(Vec::new());
    }
    match desk.office().quarantined_entries(&row.id).await {
        // Somebody has settled it since the rows were listed.
        Err(Failure::NotFound) => Ok(Vec::new()),
        entries => Ok(named(&entries?)),
    }
}

/// The cases of entries in the order in which they come: which are opened by them, and how many entries are about each.
fn named(entries: &[proto::DumpedEntry]) -> Vec<String> {
    struct About<'a> {
        number: &'a str,
        opens: bool,
        is_case: bool,
        entries: usize,
    }
    let (mut all, mut beside): (Vec<About<'_>>, usize) = (Vec::new(), 0);
    let mut places = BTreeMap::new();
    for entry in entries {
        let number = entry.case_number.as_str();
        if number.is_empty() {
            beside += 1;
            continue;
        }
        let place = *places.entry(number).or_insert(all.len());
        if place == all.len() {
            let is_case = !entry.kind.starts_with("matter");
            all.push(About { number, opens: false, is_case, entries: 0 });
        }
        if let Some(about) = all.get_mut(place) {
            about.opens |= entry.kind == "step.submitted";
            about.entries += 1;
        }
    }
    let line = |about: &About<'_>| {
        let what = match (about.is_case, about.opens) {
            (true, true) => "新登记的办件",
            (true, false) => "已登记过的办件",
            (false, _) => "投诉、咨询等事项",
        };
        format!("{}：{what}，{}条记录", words::grouped(about.number), about.entries)
    };
    let mut lines: Vec<_> = all.iter().take(CASES_NAMED).map(line).collect();
    let more = all.len().saturating_sub(CASES_NAMED);
    if more > 0 {
        lines.push(format!("另有{more}件，可用命令 quarantine show 查看全部"));
    }
    if beside > 0 {
        lines.push(format!("不属于办件的记录（如人员、资料），{beside}条"));
    }
    lines
}

/// What became of it: whether the row is still there says whether trying again was of use.
fn outcome(done: &Done, left: Option<&proto::Quarantined>, by_bundles: bool) -> String {
    let words = match (done.done.as_str(), left.map(|row| (row, row.kind()))) {
        ("redrive", None) => "已再试一次：这一项已经处理好，不在隔离区了。",
        ("redrive", Some((_, QuarantineKind::Refused))) if by_bundles => {
            "本站没有线路，不能直接向对方重新索取。请让对方重新导出离线包，带来后在“离线包”导入；通过核对后，这一项会自动消失。"
        }
        ("redrive", Some((_, QuarantineKind::Refused))) => {
            "已请对方重新发送。收到并通过核对后，这一项会自动消失，请稍后刷新查看；一直不消失的，说明仍没有通过核对。"
        }
        ("redrive", Some((_, QuarantineKind::Waiting))) => "已再试一次：所用的事项目录仍没有到，目录到达后会自动恢复。",
        ("redrive", Some((_, QuarantineKind::Unreadable))) => "已再试一次：仍然读不懂，所缺资料到达后会自动重试。",
        ("redrive", Some((row, _))) => return format!("已再试一次：仍不能计入办理（{}）。", why(&row.reason)),
        ("drop", None) => "已移出隔离区，原因已留存备查。",
        ("admit", None) => "已采纳，这些记录各级都会计入办理。",
        ("reject", None) => "已决定不采纳，这些记录作为证据留存。",
        _ => "",
    };
    words.to_owned()
}

/// What the person may do.
struct May {
    /// Settle rows.
    administers: bool,
    /// Decide whether a revoked station's entries count.
    is_district: bool,
}

/// `POST /desk/quarantine`
pub(crate) async fn settle(State(desk): State<Desk>, posted: Posted) -> Result<Response, Problem> {
    let (id, reason) = (posted.form.value("id"), posted.form.value("reason").to_owned());
    let done = posted.form.value("settling");
    let settling = match done {
        "redrive" => Settling::Redrive,
        "drop" => Settling::Drop(reason),
        "admit" => Settling::Admit(reason),
        "reject" => Settling::Reject(reason),
        _ => return Err(Problem::bad_request("请选择要进行的处理。")),
    };
    desk.office().settle_quarantined(&posted.person.actor, id, settling).await?;
    let query =
        form_urlencoded::Serializer::new(String::new()).append_pair("done", done).append_pair("id", id).finish();
    Ok(Redirect::to(&format!("/desk/quarantine?{query}")).into_response())
}

fn told(row: &proto::Quarantined, from: String, may: &May) -> Row {
    let kind = row.kind();
    let (title, what, todo) = match kind {
        QuarantineKind::Refused => (
            "没有接收",
            format!("{from}送来的第{}条起的记录没有通过核对（{}），没有接收。", row.seq, why(&row.reason)),
            match (row.reason.as_str(), may.administers) {
                ("FORK", _) => {
                    "可能有两台电脑在用同一站点的密钥各自办理。请不要再导入该站点的离线包，立即联系区政务服务中心管理员。"
                }
                (_, true) => "请核实对方电脑和软件是否正常；处理好后点“再试一次”。确认不需要的，可填写原因后移出。",
                (_, false) => "请联系上级核实对方电脑和软件是否正常；处理好后点“再试一次”。",
            },
        ),
        QuarantineKind::Rest => (
            "已注销站点没有报送的记录",
            format!("该站点注销前写下、注销后才送到的{}记录，已原样封存，没有计入办理。", stretch(row)),
            "请向该站点代办员核实。属实的采纳，采纳后各级都计入；不属实的不采纳，作为证据留存。由区中心决定。",
        ),
        QuarantineKind::Rejected => (
            "不符合办理规则",
            format!("{from}写下的一条办理记录不符合规则（{}），已留存，没有计入办件。", why(&row.reason)),
            if may.administers {
                "请打开该办件核对。一般不需要处理；确认无误后可填写原因移出。"
            } else {
                "请打开该办件核对。一般不需要处理；有疑问的联系区政务服务中心管理员。"
            },
        ),
        QuarantineKind::Unreadable => (
            "读不懂的记录",
            format!("{from}写下的一条记录本站读不懂（{}），已原样留存并照常转送。", why(&row.reason)),
            "所缺资料到达后会自动重试；也可升级软件后点“再试一次”。",
        ),
        QuarantineKind::Waiting | QuarantineKind::Unspecified => (
            "等待事项目录",
            "本站还没有收到这个办件所用的事项目录，暂时不能列入待办。".to_owned(),
            "目录到达后自动恢复；线路不通时请导入上级的离线包。",
        ),
    };
    let is_rest = kind == QuarantineKind::Rest;
    Row {
        id: row.id.clone(),
        title,
        what,
        todo,
        from,
        since: words::time(&row.seen_ms),
        case_number: row.case_number.clone(),
        can_redrive: !is_rest,
        can_drop: may.administers && !is_rest && kind != QuarantineKind::Waiting,
        can_decide: may.administers && is_rest && may.is_district,
        about: Vec::new(),
    }
}

/// Which entries a row is about.
fn stretch(row: &proto::Quarantined) -> String {
    if row.seq == row.until { format!("第{}条", row.seq) } else { format!("第{}条至第{}条", row.seq, row.until) }
}

/// Why what another station sent does not count, by the name that the program has for it.
pub(crate) fn why(reason: &str) -> &'static str {
    // What stands behind a colon is for whoever looks after the program.
    match reason.split(':').next().unwrap_or_default() {
        "NOT_YOURS" => "不该由本站保存，或者对方无权书写",
        "UNKNOWN_KEY" => "书写的站点还不认识",
        "REVOKED" => "书写的站点已注销",
        "BAD_SEAL" => "签章不对",
        "FORK" => "与本站已有的记录不一致",
        "GAP" => "前面的记录没有到",
        "MALFORMED" | "Malformed" => "内容损坏",
        "UnknownWriter" => "书写的站点还不认识",
        "NotAuthorised" => "书写的站点无权这样写",
        "Certificate" => "所带的站点证书不对",
        "File" => "所带的资料文件有错误",
        "OtherHome" => "写在了别的站点的办件里",
        "NotAnOpening" => "办件还没有登记",
        "WrongRev" | "WrongTerm" => "与前一步接不上",
        "OpensAgain" => "办件已经登记过",
        "NotHolder" => "书写时办件不在该站点手中",
        "WrongReclaim" => "不符合收回的条件",
        "OffTheWay" => "移交给了不经办该件的站点",
        "FollowsRejected" => "前一步不符合规则",
        _ => "原因不详",
    }
}

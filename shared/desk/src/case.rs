//! The page of a case: state, deadline, ticks, what happened, materials, and the actions that the station
//! offers this person.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use sanji_domain::Item;
use sanji_domain::catalogue::{LegalBasis, Material, Publicity, Special, SpecialClock, Variant};
use sanji_log::StationCode;
use sanji_proto::v1 as proto;
use serde::Deserialize;

use crate::agency;
use crate::case_actions as actions;
use crate::form::{Faults, Form};
use crate::frame::{Frame, Tab};
use crate::guard::Person;
use crate::materials::{self, KeptFile, MaterialField};
use crate::paper::{self, Paper};
use crate::problem::{Problem, page};
use crate::state::Desk;
use crate::ticks::Ticks;
use crate::words;

/// `FaultKind` in words.
pub(crate) const FAULT_KINDS: [(&str, &str); 5] =
    [("1", "缺少"), ("2", "过期"), ("3", "不清"), ("4", "未签章"), ("5", "前后不一")];
/// `ReturnReason` in words.
pub(crate) const RETURN_REASONS: [(&str, &str); 4] =
    [("1", "不属于本级职权"), ("2", "不符合规定条件"), ("3", "逾期未补正"), ("4", "重复申请")];
/// `DeliveryMethod` in words.
pub(crate) const DELIVERY_METHODS: [(&str, &str); 6] = [
    ("1", "直接送达"),
    ("2", "委托代办员送达"),
    ("3", "邮寄送达"),
    ("4", "电子送达"),
    ("5", "留置送达"),
    ("6", "公告送达"),
];
/// Levels of `Rate.satisfaction`, best first.
pub(crate) const RATINGS: [(&str, &str); 5] =
    [("5", "非常满意"), ("4", "满意"), ("3", "基本满意"), ("2", "不满意"), ("1", "非常不满意")];

/// `FollowUp` in words.
pub(crate) const FOLLOW_UPS: [(&str, &str); 4] =
    [("1", "已联系"), ("2", "未联系上"), ("3", "已整改"), ("4", "核实后不属实")];

#[derive(Template)]
#[template(path = "case.html")]
pub(crate) struct CasePage {
    frame: Frame,
    case: proto::CaseView,
    clock: proto::ClockView,
    ticks: Ticks,
    /// This station.
    here: StationCode,
    /// Newest first.
    steps: Vec<proto::StepView>,
    papers: Vec<Paper>,
    /// Complaints about it that the person may see.
    complaints: Vec<proto::MatterRow>,
    /// Whether there is a record of who is responsible for a delay, and the person may see it.
    late: bool,
    route: Vec<StageLine>,
    /// Whether personal data is shown in full.
    full: bool,
    /// Title of the action that has just been carried out; empty: none.
    done: String,

    // The forms of the actions.
    materials: Vec<MaterialField>,
    correctable: Vec<Correctable>,
    bases: Vec<String>,
    grounds: Vec<Ground>,
    specials: Vec<Special>,
    publicity: Option<Publicity>,
    photographs: Vec<KeptFile>,
    /// Optional materials that are missing: they may follow.
    tolerable: Vec<Ground>,
    variants: Vec<VariantChoice>,
    /// The other stations between the case's home and the district: code and name.
    line: Vec<(String, String)>,

    // An action that was refused.
    failed: String,
    form: Form,
    faults: Faults,
    /// The case has moved on since the person saw it.
    stale: bool,
    /// The rev that the person saw; steps after it are marked. 0: none are.
    fresh_from: u32,
}

/// A line of the route.
struct StageLine {
    name: String,
    who: String,
    /// `past`, `now` or `next`.
    class: &'static str,
}

/// A row of the correction notice.
struct Correctable {
    /// As in `FaultInput.material`.
    index: u32,
    name: String,
    kind_field: String,
    requirement_field: String,
}

/// A ground of refusal of the item.
struct Ground {
    number: String,
    words: String,
}

/// An easier or urgent procedure of the item.
struct VariantChoice {
    /// From 1.
    number: String,
    name: String,
    when: String,
    effect: String,
}

/// A document that this station may make void.
struct DocumentChoice {
    /// Hash of its step and its kind, as the form carries them.
    value: String,
    name: String,
}

/// An action that the station refused, with what had been typed.
pub(crate) struct Failed {
    pub(crate) action: String,
    pub(crate) form: Form,
    pub(crate) faults: Faults,
    pub(crate) stale: bool,
}

/// How to show the case.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    full: String,
    #[serde(default)]
    done: String,
}

/// `GET /desk/case/{number}`
pub(crate) async fn show(
    State(desk): State<Desk>,
    Path(number): Path<String>,
    Query(wanted): Query<Wanted>,
    person: Person,
) -> Result<Response, Problem> {
    let full = !wanted.full.is_empty();
    let mut case_page = build(&desk, &person, &number, full, None).await?;
    case_page.done = actions::title(&wanted.done).to_owned();
    page(&case_page)
}

/// The page again after an action was refused, with the form open and filled in.
pub(crate) async fn show_failed(
    desk: &Desk,
    person: &Person,
    number: &str,
    failed: Failed,
) -> Result<Response, Problem> {
    let status = if failed.stale { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
    let case_page = build(desk, person, number, false, Some(failed)).await?;
    Ok((status, Html(case_page.render()?)).into_response())
}

async fn build(
    desk: &Desk,
    person: &Person,
    number: &str,
    full: bool,
    failed: Option<Failed>,
) -> Result<CasePage, Problem> {
    let request = proto::GetRequest { case_number: words::digits(number), unmasked: full };
    let case = desk.office().case(&person.actor, request).await?;
    let item = desk.office().item(&case.item, case.item_version).map(|(_, item)| item);
    let failed = failed.unwrap_or_else(|| Failed {
        action: String::new(),
        form: Form::default(),
        faults: Faults::default(),
        stale: false,
    });
    let complaints = desk.office().complaints_of(&person.actor, &case.case_number).await?;
    let request = proto::ResponsibilityRequest { case_number: case.case_number.clone() };
    let watched = person.actor.staff.roles.contains(&sanji_domain::Role::Supervisor) && !case.alerts.is_empty();
    let late = watched && desk.office().responsibility(&person.actor, request).await.is_ok();
    // A paper names the applicant: who may not know them has none to print.
    let papers = if case.applicant.is_some() { Paper::of(&case) } else { Vec::new() };
    let mut steps = case.steps.clone();
    steps.reverse();
    Ok(CasePage {
        frame: Frame::staff(desk, person, Tab::Cases).await,
        clock: case.clock.clone().unwrap_or_default(),
        ticks: Ticks::of(desk.station(), &case),
        here: desk.station(),
        steps,
        papers,
        complaints,
        late,
        route: item.as_deref().map(|item| route(item, &case)).unwrap_or_default(),
        full,
        done: String::new(),
        materials: item.as_deref().map(|item| materials::fields(item, &failed.form, false)).unwrap_or_default(),
        correctable: item.as_deref().map(correctable).unwrap_or_default(),
        bases: item.as_deref().map(bases).unwrap_or_default(),
        grounds: item.as_deref().map(grounds).unwrap_or_default(),
        specials: item.as_deref().map(|item| specials(item, &case.stage)).unwrap_or_default(),
        publicity: item.as_ref().and_then(|item| publicity(item, &case.stage)),
        photographs: materials::kept_files(&failed.form, "photographs"),
        tolerable: item.as_deref().map(|item| tolerable(item, &case)).unwrap_or_default(),
        variants: item.as_deref().map(variants).unwrap_or_default(),
        line: line(desk, &case),
        fresh_from: if failed.stale { failed.form.number("rev") } else { 0 },
        failed: failed.action,
        form: failed.form,
        faults: failed.faults,
        stale: failed.stale,
        case,
    })
}

impl CasePage {
    /// Whether there is an action with a form in the list; those of supervision have their own places. A station that is over
    /// would refuse them all.
    fn has_forms(&self) -> bool {
        self.frame.over.is_none() && self.case.actions.iter().any(|offered| actions::has_form(offered))
    }

    /// The actions that are folded away below those that the case waits for.
    fn folded(&self) -> Vec<actions::Folded> {
        actions::folded(&self.case.actions, &self.failed)
    }

    fn can(&self, action: &str) -> bool {
        self.case.actions.iter().any(|offered| offered == action)
    }

    /// Which other stations of the case's line hold a file; empty where all do.
    fn whereabouts(&self, file: &proto::AttachmentView) -> String {
        materials::whereabouts(self.here, self.case.home, &file.held_by)
    }

    /// An action is open where it failed, or where it is the first thing that the case waits for.
    fn opened(&self, action: &str) -> bool {
        if self.failed.is_empty() { actions::first(&self.case.actions) == Some(action) } else { self.failed == action }
    }

    fn failed_prefix(&self) -> String {
        format!("{}-", self.failed)
    }

    fn mine(&self, prefix: &str) -> bool {
        prefix.strip_suffix('-') == Some(&self.failed)
    }

    fn kept(&self, prefix: &str, field: &str) -> &str {
        if self.mine(prefix) { self.form.value(field) } else { "" }
    }

    fn chosen(&self, prefix: &str, field: &str, value: &str) -> bool {
        self.mine(prefix) && self.form.all(field).any(|sent| sent == value)
    }

    fn fault(&self, prefix: &str, field: &str) -> String {
        if self.mine(prefix) { self.faults.of(field) } else { String::new() }
    }

    /// Whether the variant of the case leaves something that has not been made up.
    fn owes_variant(&self) -> bool {
        self.case.duties.iter().any(|duty| duty.variant && !duty.done)
    }

    /// Whether an outside body decides or answers now.
    fn is_outside(&self) -> bool {
        self.case.outside.as_ref().is_some_and(|outside| outside.answered_on == 0)
    }

    /// Documents that were issued here and are not void.
    fn own_documents(&self) -> Vec<DocumentChoice> {
        let own = self.case.steps.iter().filter(|step| step.station == self.here.number());
        let choice = |step: &proto::StepView, document: &proto::DocumentView| DocumentChoice {
            value: format!("{} {}", words::hex(&step.hash), document.kind),
            name: format!("{}　{}", paper::document_name(document.kind), document.number),
        };
        own.flat_map(|step| step.documents.iter().filter(|issued| !issued.void).map(move |issued| choice(step, issued)))
            .collect()
    }

    /// The other stations between the case's home and the district: code and name.
    fn line(&self) -> &[(String, String)] {
        &self.line
    }

    fn finish_title(&self) -> String {
        format!("完成环节：{}", self.case.stage_name)
    }
}

/// What a limit did in a span of the ledger.
pub(crate) fn counting(name: &str) -> &'static str {
    match name {
        "runs" => "计时",
        "stands" => "不计时",
        _ => "—",
    }
}

fn line(desk: &Desk, case: &proto::CaseView) -> Vec<(String, String)> {
    let home = StationCode::from_number(case.home).ok();
    let line = std::iter::successors(home, |station| station.parent());
    let others = line.filter(|station| *station != desk.station());
    others.map(|station| (station.to_string(), desk.office().station_name(station))).collect()
}

/// The rights of a mandate in words.
pub(crate) fn rights(mandate: &proto::Mandate) -> String {
    agency::Agency::of(Some(mandate), None).may.join("、")
}

/// What a mandate leaves to the applicant.
pub(crate) fn not_given(mandate: &proto::Mandate) -> String {
    agency::own_acts(&agency::Agency::of(Some(mandate), None).may_not)
}

fn route(item: &Item, case: &proto::CaseView) -> Vec<StageLine> {
    let current = item.stages.iter().position(|stage| stage.id.as_str() == case.stage);
    let line = |(index, stage): (usize, &sanji_domain::catalogue::Stage)| StageLine {
        name: stage.name.clone(),
        who: format!("{}　{}", stage.tier, stage.role),
        class: match current {
            Some(current) if index == current => "now",
            Some(current) if index > current => "next",
            _ => "past",
        },
    };
    item.stages.iter().enumerate().map(line).collect()
}

fn correctable(item: &Item) -> Vec<Correctable> {
    let row = |index: u32, name: &str| Correctable {
        index,
        name: name.to_owned(),
        kind_field: format!("kind-{index}"),
        requirement_field: format!("requirement-{index}"),
    };
    let mut rows = vec![row(u32::MAX, "申请表填写内容")];
    rows.extend((0..).zip(&item.materials).map(|(index, material)| row(index, &material.name)));
    rows
}

/// Each article of the item's legal basis as a choice.
fn bases(item: &Item) -> Vec<String> {
    let choices = |basis: &LegalBasis| -> Vec<String> {
        if basis.articles.is_empty() {
            let number = basis.document_number.as_deref().map(|number| format!("（{number}）")).unwrap_or_default();
            return vec![format!("《{}》{number}", basis.title)];
        }
        basis.articles.iter().map(|article| format!("《{}》{article}", basis.title)).collect()
    };
    item.legal_basis.iter().flat_map(choices).collect()
}

fn tolerable(item: &Item, case: &proto::CaseView) -> Vec<Ground> {
    let here = |index: u32| case.materials.iter().any(|material| material.material == index);
    let optional = (0..).zip(&item.materials).filter(|(index, material)| !material.mandatory && !here(*index));
    let words = |material: &Material| match &material.when {
        Some(when) => format!("{}（{when}）", material.name),
        None => material.name.clone(),
    };
    optional.map(|(index, material): (u32, _)| Ground { number: index.to_string(), words: words(material) }).collect()
}

fn variants(item: &Item) -> Vec<VariantChoice> {
    let choice = |(number, variant): (u32, &Variant)| VariantChoice {
        number: number.to_string(),
        name: variant.name.clone(),
        when: variant.when.clone(),
        effect: variant.effect.clone(),
    };
    (1..).zip(&item.variants).map(choice).collect()
}

fn grounds(item: &Item) -> Vec<Ground> {
    (1..)
        .zip(&item.refuse_when)
        .map(|(number, words): (u32, _)| Ground { number: number.to_string(), words: words.clone() })
        .collect()
}

/// Special procedures of the stage that stop the clock.
fn specials(item: &Item, stage: &str) -> Vec<Special> {
    let here = |special: &&Special| special.stage.as_str() == stage && special.clock == SpecialClock::Paused;
    item.special.iter().filter(here).cloned().collect()
}

fn publicity(item: &Arc<Item>, stage: &str) -> Option<Publicity> {
    item.publicity.iter().find(|publicity| publicity.stage.as_str() == stage).cloned()
}

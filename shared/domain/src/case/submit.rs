//! Opening a case: who may take in an application where, and what must be there.

use jiff::civil::Date;
use sanji_log::{StationCode, Tier};

use super::body::{Body, Channel, Mandate, MaterialProvided, Step, StepEvent, Submitted};
use super::command::{ApplicantInput, Draft, Submission};
use super::context::Context;
use super::handling::{actor_facts, draft, present};
use super::input::{self, LONGEST_NAME, LONGEST_TEXT};
use super::private::{Applicant, Private};
use super::refusal::{FieldFault, Refusal, RefusalCode};
use super::route::Route;
use super::variant;
use super::words::date_words;
use crate::catalogue::{Item, MaterialForm};
use crate::identity::{SubjectId, normalise};
use crate::organisation::{Role, StageTier};

/// Name that the paper of the mandate has among the materials of every item that agents may file.
const MANDATE_PAPER: &str = "委托代办书";
/// Words by which the channels of an item name a township's windows, and the district's.
const TOWNSHIP_CHANNELS: [&str; 3] = ["乡镇", "街道", "派出所"];
const DISTRICT_CHANNEL: &str = "区窗口";
/// The subject that has an identity number and no credit code.
const NATURAL_PERSON: &str = "自然人";

/// Opens a case. Gives the entry that opens it.
///
/// # Errors
/// A [`Refusal`] that names everything that is wrong or missing.
pub fn submit(submission: Submission, context: &Context<'_>) -> Result<Vec<Draft>, Refusal> {
    let (version, item) = context.reference.catalogue.latest(&submission.item).ok_or_else(|| {
        let sentence = format!("事项目录里没有“{}”，请重新选择事项。", submission.item);
        Refusal::new(RefusalCode::ItemUnknown, sentence).at("item")
    })?;
    may_open(item, context)?;
    check_mandate(submission.mandate.as_ref(), context)?;
    let applicant = check_applicant(&submission.applicant, item, context)?;
    let answers = input::answers(&submission.answers)?;
    input::materials(&submission.materials, item, &submission.attachments)?;
    if !submission.preliminary {
        check_mandatory(&submission.materials, item, submission.mandate.is_some())?;
    }
    if submission.variant > 0 && variant::listed(item, submission.variant).is_none() {
        let sentence = "本事项没有您选择的简易或者紧急程序，请重新选择。";
        return Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("variant"));
    }
    let urgent_reason = input::optional(&submission.urgent_reason, "urgent_reason", LONGEST_TEXT)?;

    let home = context.station;
    let route = Route { item, home, organisation: context.reference.organisation, skip: &[], today: context.today() };
    // A draft goes to whoever would accept it, and takes the route from its beginning once it is submitted.
    let first = if submission.preliminary { route.acceptance() } else { route.first() };
    let first = first.and_then(|position| Some((position, route.stage(position)?)));
    let Some((position, stage)) = first else {
        return Err(Refusal::new(RefusalCode::NotCompetent, "该事项没有办理环节，请联系区中心更正事项目录。"));
    };
    let step = Step {
        rev: 1,
        term: 0,
        previous: None,
        holder: route.station(position, false),
        stage: Some(stage.id.clone()),
        request: Some(submission.request),
        documents: Vec::new(),
        actor: actor_facts(context, Some(role_at(home, context))),
        event: StepEvent::Submitted(Submitted {
            item: item.code.clone(),
            item_version: version,
            channel: channel_of(home),
            mandate: submission.mandate,
            village: check_village(submission.village, home)?,
            materials: submission.materials,
            variant: submission.variant,
            urgent: !urgent_reason.is_empty(),
            preliminary: submission.preliminary,
        }),
    };
    let private = Private {
        applicant: Some(applicant),
        answers,
        query_code: submission.query_code,
        words: urgent_reason,
        attachment_names: input::names(&submission.attachments),
        witnesses: input::optional(&submission.witnesses, "witnesses", LONGEST_NAME)?,
        ..Private::default()
    };
    let opening = draft(Body::Step(step), private, &submission.attachments);
    Ok(vec![Draft { opens_case: true, ..opening }])
}

/// Whether the actor may open a case of an item at this station today.
///
/// # Errors
/// A [`Refusal`] that says where the applicant should go, or who may take the application.
pub fn may_open(item: &Item, context: &Context<'_>) -> Result<(), Refusal> {
    present(context)?;
    let home = context.station;
    let channels = item.channels.join("、");
    if home.tier() == Tier::Village && !item.agent_allowed {
        let sentence = format!("“{}”不能由代办员代办，请申请人本人到{channels}办理。", item.name);
        return Err(Refusal::new(RefusalCode::AgentNotAllowed, sentence));
    }
    if !takes_in(item, home.tier()) {
        let sentence = format!("本站不受理“{}”，请到{channels}办理。", item.name);
        return Err(Refusal::new(RefusalCode::NotCompetent, sentence));
    }
    let route = Route { item, home, organisation: context.reference.organisation, skip: &[], today: context.today() };
    if context.actor.place != home || !context.powers().any(|staff| route.receives(staff)) {
        let who = match home.tier() {
            Tier::Village => "代办员",
            Tier::Township | Tier::District => "受理窗口人员",
        };
        let sentence = format!("“{}”的申请由本站{who}登记，您没有这项权限。", item.name);
        return Err(Refusal::new(RefusalCode::NotEntitled, sentence));
    }
    check_window(item, context.today())
}

/// Some applications are taken in one part of the year only.
pub(super) fn check_window(item: &Item, today: Date) -> Result<(), Refusal> {
    match &item.apply_window {
        Some(window) if !window.is_open(today) => {
            let opens = window.next_open_day(today).map(|day| format!("；下一次{}起受理", date_words(day)));
            let opens = opens.unwrap_or_default();
            let sentence = format!("“{}”现在不在申报期内：{}{opens}。", item.name, window.text);
            Err(Refusal::new(RefusalCode::WindowClosed, sentence))
        }
        _ => Ok(()),
    }
}

/// Whether stations of a tier take in applications for an item at all: the services that they offer.
#[must_use]
pub fn offers(item: &Item, tier: Tier) -> bool {
    takes_in(item, tier) && (tier != Tier::Village || item.agent_allowed)
}

/// A village sends everything up that agents may file; the others take in what is accepted at their tier or names
/// their windows among its channels.
fn takes_in(item: &Item, tier: Tier) -> bool {
    let named = |words: &[&str]| item.channels.iter().any(|channel| words.iter().any(|word| channel.contains(word)));
    match tier {
        Tier::Village => true,
        Tier::Township => item.accept_tier == StageTier::Township || named(&TOWNSHIP_CHANNELS),
        Tier::District => {
            matches!(item.accept_tier, StageTier::District | StageTier::Higher) || named(&[DISTRICT_CHANNEL])
        }
    }
}

fn role_at(home: StationCode, context: &Context<'_>) -> Role {
    let has = |role| context.actor.roles.contains(&role);
    match home.tier() {
        Tier::Village => Role::Agent,
        Tier::Township if !has(Role::Window) => Role::FullCourseAgent,
        Tier::Township | Tier::District => Role::Window,
    }
}

fn channel_of(home: StationCode) -> Channel {
    match home.tier() {
        Tier::Village => Channel::Village,
        Tier::Township => Channel::Township,
        Tier::District => Channel::District,
    }
}

fn check_mandate(mandate: Option<&Mandate>, context: &Context<'_>) -> Result<(), Refusal> {
    let required = context.reference.defaults.agent.consent_required && context.station.tier() == Tier::Village;
    match mandate {
        None if required => {
            let sentence = "代办员代办须由群众自愿委托，请先登记委托代办书，并勾选代为提交申请。";
            Err(Refusal::new(RefusalCode::MandateMissing, sentence).at("mandate"))
        }
        Some(mandate) if !mandate.may_submit => {
            let sentence = "委托书没有写明可以代为提交申请，请申请人补充委托权限。";
            Err(Refusal::new(RefusalCode::MandateExceeded, sentence).at("mandate.may_submit"))
        }
        Some(mandate) if !mandate.holds_on(context.today()) => {
            let sentence = "委托期限已过，请申请人重新委托。";
            Err(Refusal::new(RefusalCode::MandateExceeded, sentence).at("mandate.until"))
        }
        _ => Ok(()),
    }
}

fn check_applicant(given: &ApplicantInput, item: &Item, context: &Context<'_>) -> Result<Applicant, Refusal> {
    let mut faults = Vec::new();
    let mut fault = |field: &str, sentence: String| faults.push(FieldFault { field: field.to_owned(), sentence });
    let (name, address) = (given.name.trim(), given.address.trim());
    if name.is_empty() {
        fault("applicant.name", "请填写申请人姓名或者单位全称。".to_owned());
    } else if name.chars().count() > LONGEST_NAME {
        fault("applicant.name", format!("申请人姓名或者单位名称最多{LONGEST_NAME}个字，请核对。"));
    }
    let id_number = normalise(&given.id_number);
    match SubjectId::parse(&id_number, context.today()) {
        Err(problem) => fault("applicant.id_number", problem.sentence()),
        Ok(SubjectId::Body(_)) if item.subjects.iter().all(|subject| subject.starts_with(NATURAL_PERSON)) => {
            fault("applicant.id_number", "本事项由个人申请，请填写公民身份号码。".to_owned());
        }
        Ok(_) => {}
    }
    let telephone = normalise(&given.telephone);
    let digits = telephone.bytes().filter(u8::is_ascii_digit).count();
    let other = telephone.chars().any(|letter| !letter.is_ascii_digit() && !matches!(letter, '-' | '+' | ' '));
    if !telephone.is_empty() && (other || !(7..=16).contains(&digits)) {
        fault("applicant.telephone", "联系电话不对，请填写手机号码或者带区号的固定电话。".to_owned());
    }
    if address.chars().count() > LONGEST_TEXT {
        fault("applicant.address", "住址太长，请精简。".to_owned());
    }
    if !faults.is_empty() {
        return Err(Refusal::of_fields(RefusalCode::InvalidInput, faults));
    }
    Ok(Applicant { name: name.to_owned(), id_number, telephone, address: address.to_owned() })
}

/// Every case needs these. What other offices share need not be handed in, and a mandate that is recorded is there.
pub(super) fn check_mandatory(given: &[MaterialProvided], item: &Item, mandate: bool) -> Result<(), Refusal> {
    let provided = |at: usize| given.iter().any(|given| usize::try_from(given.material) == Ok(at) && given.is_there());
    let mut faults = Vec::new();
    for (at, material) in item.materials.iter().enumerate() {
        let exempt = material.form == MaterialForm::Shared || (mandate && material.name.contains(MANDATE_PAPER));
        if material.mandatory && !exempt && !provided(at) {
            let sentence = format!("缺少必要材料“{}”（{}）。", material.name, material.form.term());
            faults.push(FieldFault { field: format!("materials[{at}]"), sentence });
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Refusal::of_fields(RefusalCode::MaterialMissing, faults))
}

fn check_village(given: Option<StationCode>, home: StationCode) -> Result<Option<StationCode>, Refusal> {
    match given {
        None => Ok(Some(home).filter(|home| home.tier() == Tier::Village)),
        Some(village) if village.tier() == Tier::Village && village.district() == home.district() => Ok(Some(village)),
        Some(_) => {
            let sentence = "申请人所在村（社区）的代码不对，请从列表中选择。";
            Err(Refusal::new(RefusalCode::InvalidInput, sentence).at("village"))
        }
    }
}

//! What is refused, in the very words that the person at the desk reads.

use std::fmt::Write;

use expect_test::{Expect, expect};
use sanji_domain::case::{
    Action, Command, DeliveryMethod, FaultInput, FaultKind, Mandate, Opinion, Refusal, Submission, codec, decide,
};
use sanji_log::AttachmentId;
use sanji_log::entry::BODY_MAX_BYTES;

use crate::district::{DAY, MONDAY, district};
use crate::journey::{FULL_MANDATE, Journey, application, photograph};

const AGENT: &str = "990106101203-1";
const WINDOW: &str = "990106101-03";
const REVIEWER: &str = "990106101-05";

fn said(refusal: Refusal) -> String {
    let mut text = format!("{} {:?}\n{}\n", refusal.code, refusal.code.class(), refusal.sentence);
    for field in refusal.fields {
        writeln!(text, "  {}: {}", field.field, field.sentence).unwrap();
    }
    if let Some(basis) = refusal.basis {
        writeln!(text, "  依据 {basis}").unwrap();
    }
    text
}

fn submitting(change: impl FnOnce(&mut Submission), expected: Expect) {
    let item = district().item("mz-dibao");
    let mut submission = application(item, Some(FULL_MANDATE));
    change(&mut submission);
    let refusal = Journey::open_with(item, district().person(AGENT), submission).err().expect("refused");
    expected.assert_eq(&said(refusal));
}

fn opening(item: &str, actor: &str, expected: Expect) {
    let refusal = Journey::open(item, actor, Some(FULL_MANDATE)).err().expect("refused");
    expected.assert_eq(&said(refusal));
}

fn acting(journey: &Journey, actor: &str, command: Command, expected: Expect) {
    let refusal = journey.clone().act(actor, command).expect_err("refused");
    expected.assert_eq(&said(refusal));
}

/// A case of 低保 from the village, in a stage.
fn dibao(stage: &str) -> Journey {
    let mut journey = Journey::open("mz-dibao", AGENT, Some(FULL_MANDATE)).unwrap();
    while journey.stage() != stage {
        journey.forward().expect("the stage comes");
    }
    journey
}

fn denial(reason: &str, basis: &str, ground: u32) -> Command {
    let (reason, basis) = (reason.to_owned(), basis.to_owned());
    Command::Decide {
        approved: false,
        reason,
        basis,
        ground,
        document_number: String::new(),
        answered_on: None,
        stage: None,
    }
}

fn correction(faults: &[(u32, FaultKind, &str)]) -> Command {
    let fault = |(material, kind, requirement): &(u32, FaultKind, &str)| FaultInput {
        material: *material,
        kind: *kind,
        requirement: (*requirement).to_owned(),
    };
    Command::RequestCorrection { faults: faults.iter().map(fault).collect() }
}

fn finding(opinion: Opinion, words: &str, outside_number: &str) -> Command {
    Command::FinishStage {
        opinion,
        words: words.to_owned(),
        outside_number: outside_number.to_owned(),
        together_with: Vec::new(),
        materials: Vec::new(),
        attachments: Vec::new(),
        answered_on: None,
        stage: None,
    }
}

#[test]
fn an_application_with_mistakes() {
    submitting(
        |it| it.applicant.id_number = "990106195201211290".into(),
        expect![[r#"
        invalid_input Input
        号码的校验位不对，可能输错了一位，请核对。
          applicant.id_number: 号码的校验位不对，可能输错了一位，请核对。
    "#]],
    );
    submitting(
        |it| {
            it.applicant.name = " ".into();
            it.applicant.telephone = "不知道".into();
            it.applicant.id_number = "99010619520121".into();
        },
        expect![[r#"
            invalid_input Input
            有3处需要更正：请填写申请人姓名或者单位全称；号码应当是18位，请核对；联系电话不对，请填写手机号码或者带区号的固定电话。
              applicant.name: 请填写申请人姓名或者单位全称。
              applicant.id_number: 号码应当是18位，请核对。
              applicant.telephone: 联系电话不对，请填写手机号码或者带区号的固定电话。
        "#]],
    );
    submitting(
        |it| it.applicant.id_number = "91990106MA00000000".into(),
        expect![[r#"
        invalid_input Input
        号码的校验位不对，可能输错了一位，请核对。
          applicant.id_number: 号码的校验位不对，可能输错了一位，请核对。
    "#]],
    );
    submitting(
        |it| it.materials.retain(|given| given.material != 2 && given.material != 3),
        expect![[r#"
        material_missing Input
        有2处需要更正：缺少必要材料“居民户口簿”（核验原件、留复印件）；缺少必要材料“家庭收入和财产申报表”（填写）。
          materials[2]: 缺少必要材料“居民户口簿”（核验原件、留复印件）。
          materials[3]: 缺少必要材料“家庭收入和财产申报表”（填写）。
    "#]],
    );
    submitting(
        |it| it.materials[1].material = it.materials[0].material,
        expect![[r#"
        invalid_input Input
        “最低生活保障申请表（含诚信承诺与核对授权）”登记了两次，请合并成一项。
          materials[1]: “最低生活保障申请表（含诚信承诺与核对授权）”登记了两次，请合并成一项。
    "#]],
    );
    submitting(
        |it| it.materials[0].material = 99,
        expect![[r#"
        invalid_input Input
        材料目录里没有这一项，请重新选择。
          materials[0]: 材料目录里没有这一项，请重新选择。
    "#]],
    );
    submitting(
        |it| it.materials[0].attachments = vec![AttachmentId([8; 32])],
        expect![[r#"
        attachment_unknown Input
        有附件没有上传成功，请重新上传后再提交。
          materials: 有附件没有上传成功，请重新上传后再提交。
    "#]],
    );
    submitting(
        |it| it.answers.push(("家庭人口".into(), "4".into())),
        expect![[r#"
        invalid_input Input
        表单中的“家庭人口”填写了两次，请只保留一次。
          answers[1]: 表单中的“家庭人口”填写了两次，请只保留一次。
    "#]],
    );
    submitting(
        |it| it.village = Some("990107101203".parse().unwrap()),
        expect![[r#"
        invalid_input Input
        申请人所在村（社区）的代码不对，请从列表中选择。
          village: 申请人所在村（社区）的代码不对，请从列表中选择。
    "#]],
    );
    submitting(
        |it| it.item = "mz-nichts".parse().unwrap(),
        expect![[r#"
        item_unknown Input
        事项目录里没有“mz-nichts”，请重新选择事项。
          item: 事项目录里没有“mz-nichts”，请重新选择事项。
    "#]],
    );
}

#[test]
fn an_application_that_no_entry_could_hold() {
    let rows = |count: usize, letters: usize| -> Vec<(String, String)> {
        (0..count).map(|row| (format!("栏目{row}"), "长".repeat(letters))).collect()
    };
    submitting(
        |it| it.answers = rows(101, 1),
        expect![[r#"
        invalid_input Input
        一次最多填写100项，请分开办理。
          answers: 一次最多填写100项，请分开办理。
    "#]],
    );
    submitting(
        |it| it.answers = rows(11, 2000),
        expect![[r#"
        invalid_input Input
        填写的内容合计超过20000个字，请精简，或者作为附件上传。
          answers: 填写的内容合计超过20000个字，请精简，或者作为附件上传。
    "#]],
    );
    submitting(
        |it| {
            it.attachments = vec![photograph(8)];
            it.materials[0].attachments = vec![AttachmentId([8; 32]); 65];
        },
        expect![[r#"
            invalid_input Input
            一次最多上传64个附件，请分次办理。
              materials: 一次最多上传64个附件，请分次办理。
        "#]],
    );
}

#[test]
fn the_largest_application_fits_an_entry() {
    let item = district().item("mz-dibao");
    let mut largest = application(item, Some(FULL_MANDATE));
    largest.answers = (0..100).map(|row| (format!("{row:长>100}"), "长".repeat(200))).collect();
    largest.attachments = (0..64).map(photograph).collect();
    largest.materials[0].attachments = (0..64).map(|number| AttachmentId([number; 32])).collect();
    let journey = Journey::open_with(item, district().person(AGENT), largest).unwrap();
    let draft = &journey.drafts[0];
    let (_, clear) = codec::encode(&draft.body, None);
    let sealed = codec::encode_private(draft.private.clone().unwrap());
    assert!(clear.len() + sealed.len() < BODY_MAX_BYTES * 2 / 3, "{} + {}", clear.len(), sealed.len());
}

#[test]
fn an_agent_without_a_mandate() {
    submitting(
        |it| it.mandate = None,
        expect![[r#"
        mandate_missing Right
        代办员代办须由群众自愿委托，请先登记委托代办书，并勾选代为提交申请。
          mandate: 代办员代办须由群众自愿委托，请先登记委托代办书，并勾选代为提交申请。
    "#]],
    );
    submitting(
        |it| it.mandate = Some(Mandate { may_correct: true, ..Mandate::default() }),
        expect![[r#"
        mandate_exceeded Right
        委托书没有写明可以代为提交申请，请申请人补充委托权限。
          mandate.may_submit: 委托书没有写明可以代为提交申请，请申请人补充委托权限。
    "#]],
    );
    let over = Mandate { until: Some("2026-03-01".parse().unwrap()), ..FULL_MANDATE };
    submitting(
        |it| it.mandate = Some(over),
        expect![[r#"
        mandate_exceeded Right
        委托期限已过，请申请人重新委托。
          mandate.until: 委托期限已过，请申请人重新委托。
    "#]],
    );
}

#[test]
fn an_item_that_is_not_taken_in_here_or_not_by_this_person() {
    opening(
        "ga-sfz",
        AGENT,
        expect![[r#"
        agent_not_allowed Rule
        “居民身份证换领、补领”不能由代办员代办，请申请人本人到派出所（乡镇窗口）、区窗口办理。
    "#]],
    );
    opening(
        "mz-dibao",
        "mz-05",
        expect![[r#"
        not_competent Rule
        本站不受理“最低生活保障审核确认”，请到村站、乡镇窗口、网上办理。
    "#]],
    );
    opening(
        "cun-juzhu",
        WINDOW,
        expect![[r#"
        not_competent Rule
        本站不受理“村（社区）居住情况说明”，请到村站办理。
    "#]],
    );
    opening(
        "mz-dibao",
        REVIEWER,
        expect![[r#"
        not_entitled Right
        “最低生活保障审核确认”的申请由本站受理窗口人员登记，您没有这项权限。
    "#]],
    );
    opening(
        "mz-dibao",
        "990106101-11",
        expect![[r#"
        not_entitled Right
        “最低生活保障审核确认”的申请由本站受理窗口人员登记，您没有这项权限。
    "#]],
    );
    let item = district().item("wj-jiangfu");
    let late = district().at_desk(district().person(AGENT), crate::district::MONDAY + 60 * DAY);
    let refusal = sanji_domain::case::submit(application(item, Some(FULL_MANDATE)), &late).unwrap_err();
    expect![[r#"
        window_closed Rule
        “农村部分计划生育家庭奖励扶助对象确认”现在不在申报期内：集中申报，逾期并入下一年度；下一次2027年1月1日起受理。
    "#]]
    .assert_eq(&said(refusal));
}

#[test]
fn acceptance_and_correction() {
    let journey = dibao("accept");
    acting(
        &journey,
        AGENT,
        Command::Accept { tolerated: Vec::new() },
        expect![[r#"
        not_holder Rule
        该办件现在由枫溪镇办理，本站不能办理。
    "#]],
    );
    acting(
        &journey,
        REVIEWER,
        Command::Accept { tolerated: Vec::new() },
        expect![[r#"
        not_entitled Right
        当前环节“受理”由乡镇人民政府（街道办事处）便民服务中心的窗口受理人员办理，您没有这项权限。
    "#]],
    );
    acting(
        &journey,
        WINDOW,
        finding(Opinion::Agree, "同意", ""),
        expect![[r#"
        wrong_stage Rule
        当前环节是“受理”，不能办理“完成本环节”。
    "#]],
    );
    acting(
        &journey,
        WINDOW,
        correction(&[]),
        expect![[r#"
        invalid_input Input
        请一次列明需要补正的全部内容。
          faults: 请一次列明需要补正的全部内容。
          依据 《行政许可法》第三十二条第一款第（四）项
    "#]],
    );
    acting(
        &journey,
        WINDOW,
        correction(&[(0, FaultKind::Unsigned, " "), (77, FaultKind::Missing, "补"), (1, FaultKind::Unknown, "补")]),
        expect![[r#"
            invalid_input Input
            有3处需要更正：请写明申请人应当怎样补正；材料目录里没有这一项，请重新选择；请选择材料存在的问题：缺少、过期、不清、未签章或前后不一。
              faults[0]: 请写明申请人应当怎样补正。
              faults[1]: 材料目录里没有这一项，请重新选择。
              faults[2]: 请选择材料存在的问题：缺少、过期、不清、未签章或前后不一。
              依据 《行政许可法》第三十二条第一款第（四）项
        "#]],
    );
    let refusing = |reason: &str, basis: &str| Command::RefuseAcceptance {
        reason: reason.to_owned(),
        basis: basis.to_owned(),
        competent_office: String::new(),
    };
    acting(
        &journey,
        WINDOW,
        refusing("", "第三十二条"),
        expect![[r#"
        reason_missing Input
        不予受理应当向申请人说明理由，请填写理由。
          reason: 不予受理应当向申请人说明理由，请填写理由。
          依据 《行政许可法》第三十二条
    "#]],
    );
    acting(
        &journey,
        WINDOW,
        refusing("不属于本机关职权", ""),
        expect![[r#"
        basis_missing Input
        不予受理应当有法律依据，请填写法律名称和条款。
          basis: 不予受理应当有法律依据，请填写法律名称和条款。
          依据 《行政许可法》第三十二条
    "#]],
    );

    let mut correcting = journey.clone();
    let faults =
        [(0, FaultKind::Unsigned, "申请人签名"), (2, FaultKind::Unclear, "重新复印"), (2, FaultKind::Expired, "换新")];
    correcting.act(WINDOW, correction(&faults)).unwrap();
    acting(
        &correcting,
        WINDOW,
        Command::Accept { tolerated: Vec::new() },
        expect![[r#"
        not_holder Rule
        该办件现在由枫溪镇赵家溪村办理，本站不能办理。
    "#]],
    );
    acting(
        &correcting,
        AGENT,
        correcting.approving(Action::SupplyCorrection),
        expect![[r#"
        correction_incomplete Input
        “居民户口簿”还没有补正。
          materials[2]: “居民户口簿”还没有补正。
    "#]],
    );
    acting(
        &correcting,
        AGENT,
        correcting.approving(Action::Return),
        expect![[r#"
        correction_running Rule
        补正期限到2026年3月23日为止，期限内不能退回。
    "#]],
    );
    let mut late = correcting.clone();
    late.days_pass(40);
    acting(
        &late,
        AGENT,
        late.approving(Action::SupplyCorrection),
        expect![[r#"
        correction_overdue Rule
        补正期限已于2026年3月23日届满，应当作退回件处理；申请人可以重新申请。
    "#]],
    );

    let mut corrected = journey.clone();
    corrected.act(WINDOW, correction(&[(0, FaultKind::Unsigned, "申请人签名")])).unwrap();
    corrected.act(AGENT, corrected.approving(Action::SupplyCorrection)).unwrap();
    acting(
        &corrected,
        WINDOW,
        correction(&[(1, FaultKind::Unclear, "重新复印")]),
        expect![[r#"
            second_correction Rule
            补正内容已经一次性告知过，不能再次要求补正；确需再次补正的，须经首席代表批准，并报监察。
              依据 《行政许可法》第三十二条第一款第（四）项
        "#]],
    );

    let mut silent = journey.clone();
    silent.days_pass(8);
    acting(
        &silent,
        WINDOW,
        silent.approving(Action::Return),
        expect![[r#"
        acceptance_deemed Rule
        收到申请材料已超过5个工作日，依法自收到之日起视为受理，不能再要求补正、不予受理或者退回。
          依据 《行政许可法》第三十二条
    "#]],
    );
    acting(
        &silent,
        WINDOW,
        silent.approving(Action::RequestCorrection),
        expect![[r#"
        acceptance_deemed Rule
        收到申请材料已超过5个工作日，依法自收到之日起视为受理，不能再要求补正、不予受理或者退回。
          依据 《行政许可法》第三十二条
    "#]],
    );
}

#[test]
fn a_correction_that_the_mandate_does_not_cover() {
    let until = Some("2026-03-03".parse().unwrap());
    let mut journey = Journey::open("mz-dibao", AGENT, Some(Mandate { until, ..FULL_MANDATE })).unwrap();
    journey.act(WINDOW, correction(&[(0, FaultKind::Unsigned, "申请人签名")])).unwrap();
    journey.days_pass(2);
    acting(
        &journey,
        AGENT,
        journey.approving(Action::SupplyCorrection),
        expect![[r#"
        mandate_exceeded Right
        委托期限已过，代办员不能代为补正，请申请人重新委托。
    "#]],
    );

    // An agent who may not correct at all is passed by: the applicant comes to the window.
    let mandate = Mandate { may_correct: false, ..FULL_MANDATE };
    let mut journey = Journey::open("mz-dibao", AGENT, Some(mandate)).unwrap();
    journey.act(WINDOW, correction(&[(0, FaultKind::Unsigned, "申请人签名")])).unwrap();
    acting(
        &journey,
        AGENT,
        journey.approving(Action::SupplyCorrection),
        expect![[r#"
        not_holder Rule
        该办件现在由枫溪镇办理，本站不能办理。
    "#]],
    );
    journey.act(WINDOW, journey.approving(Action::SupplyCorrection)).unwrap();
    journey.act(WINDOW, Command::Accept { tolerated: Vec::new() }).unwrap();
}

#[test]
fn stages_and_notices() {
    let journey = dibao("survey");
    acting(
        &journey,
        REVIEWER,
        finding(Opinion::Unknown, "", ""),
        expect![[r#"
        invalid_input Input
        请选择意见：同意、不同意、同意但需报上级批准，或者无需意见。
          opinion: 请选择意见：同意、不同意、同意但需报上级批准，或者无需意见。
    "#]],
    );
    acting(
        &journey,
        REVIEWER,
        finding(Opinion::Disagree, "", ""),
        expect![[r#"
        reason_missing Input
        请写明审查意见，审查意见要存档备查。
          words: 请写明审查意见，审查意见要存档备查。
    "#]],
    );
    acting(
        &journey,
        REVIEWER,
        finding(Opinion::Agree, &"很".repeat(2001), ""),
        expect![[r#"
        invalid_input Input
        填写的内容太长，最多2000个字，请精简后重新填写。
          words: 填写的内容太长，最多2000个字，请精简后重新填写。
    "#]],
    );

    let mut journey = dibao("notice");
    let posting = |photographs: &[u8]| Command::PostPublicity {
        place: String::new(),
        photographs: photographs.iter().map(|number| AttachmentId([*number; 32])).collect(),
        attachments: vec![photograph(5)],
    };
    acting(
        &journey,
        WINDOW,
        posting(&[]),
        expect![[r#"
        photograph_missing Input
        请上传公示张贴后的照片；没有照片的不能进入下一环节。
          photographs: 请上传公示张贴后的照片；没有照片的不能进入下一环节。
    "#]],
    );
    acting(
        &journey,
        WINDOW,
        posting(&[6]),
        expect![[r#"
        attachment_unknown Input
        有附件没有上传成功，请重新上传后再提交。
          photographs: 有附件没有上传成功，请重新上传后再提交。
    "#]],
    );
    journey.act(WINDOW, posting(&[5])).unwrap();
    journey.days_pass(7);
    acting(
        &journey,
        WINDOW,
        journey.approving(Action::EndPublicity),
        expect![[r#"
        publicity_running Rule
        公示期到2026年3月9日为止，期满后才能进入下一环节。
    "#]],
    );
    acting(
        &journey,
        WINDOW,
        journey.approving(Action::FinishStage),
        expect![[r#"
        wrong_stage Rule
        该办件正在公示，公示期满后再办理。
    "#]],
    );
    journey.days_pass(1);
    acting(
        &journey,
        WINDOW,
        Command::EndPublicity { objection: true, words: String::new() },
        expect![[r#"
        reason_missing Input
        有异议的，请写明异议内容，以便重新调查。
          words: 有异议的，请写明异议内容，以便重新调查。
    "#]],
    );

    let mut visit = Journey::open("ly-caifa", "990106101-03", None).unwrap();
    while visit.stage() != "site" {
        visit.forward();
    }
    acting(
        &visit,
        "ly-03",
        finding(Opinion::Agree, "已查验", ""),
        expect![[r#"
        too_few_visitors Input
        实地核查应当由2名以上工作人员进行，请填写一同核查的人员。
          together_with: 实地核查应当由2名以上工作人员进行，请填写一同核查的人员。
          依据 《行政许可法》第三十四条第三款
    "#]],
    );
    acting(
        &visit,
        "ly-03",
        Command::Suspend { kind: "听证".into(), reason: "有争议".into(), expected_days: 0, told_on: None },
        expect![[r#"
        invalid_input Input
        本环节可以进入的特别程序是：现场勘查，请选择。
          kind: 本环节可以进入的特别程序是：现场勘查，请选择。
    "#]],
    );
    acting(
        &visit,
        "ly-03",
        Command::Suspend { kind: "现场勘查".into(), reason: String::new(), expected_days: 0, told_on: None },
        expect![[r#"
        reason_missing Input
        特别程序要书面告知申请人原因和所需时间，请填写原因。
          reason: 特别程序要书面告知申请人原因和所需时间，请填写原因。
          依据 《行政许可法》第四十五条
    "#]],
    );
    visit.act("ly-03", visit.approving(Action::Suspend)).unwrap();
    acting(
        &visit,
        "ly-03",
        visit.approving(Action::FinishStage),
        expect![[r#"
        wrong_stage Rule
        该办件正在进行特别程序（现场勘查），恢复计时后再办理。
    "#]],
    );
    visit.act("ly-03", visit.approving(Action::Resume)).unwrap();
    acting(
        &visit,
        "ly-03",
        visit.approving(Action::Suspend),
        expect![[r#"
        wrong_stage Rule
        当前环节是“伐前查验”，不能办理“进入特别程序”。
    "#]],
    );
}

#[test]
fn payments_and_outside_bodies() {
    let mut journey = Journey::open("cg-zhanyong", AGENT, Some(FULL_MANDATE)).unwrap();
    while journey.stage() != "pay" {
        journey.forward();
    }
    acting(
        &journey,
        "cz-01",
        finding(Opinion::NoOpinion, "", " "),
        expect![[r#"
        not_entitled Right
        当前环节“缴纳占用费”由澄川区城市管理局的窗口受理人员办理，您没有这项权限。
    "#]],
    );
    acting(
        &journey,
        "cg-01",
        journey.approving(Action::RegisterPayment),
        expect![[r#"
        not_entitled Right
        缴款由收费窗口凭银行到账登记，审核、审批、开单人员不得经手。
          依据 《行政许可法》第五十八条、第五十九条
    "#]],
    );

    let mut journey = Journey::open("tj-youdai", AGENT, Some(FULL_MANDATE)).unwrap();
    while journey.stage() != "upper" {
        journey.forward();
    }
    acting(
        &journey,
        "tj-01",
        journey.approving(Action::Decide),
        expect![[r#"
            wrong_stage Rule
            “市、省逐级审核备案”由外部单位办理，请先登记报送时间和报送单位，再登记答复。
        "#]],
    );
    journey.do_it(journey.approving(Action::SendUp));
    let approval = Command::Decide {
        approved: true,
        reason: String::new(),
        basis: String::new(),
        ground: 0,
        document_number: String::new(),
        answered_on: None,
        stage: None,
    };
    acting(
        &journey,
        "tj-01",
        approval,
        expect![[r#"
            outside_number_missing Input
            本环节由外部单位决定，请填写其答复的文号。
              document_number: 本环节由外部单位决定，请填写其答复的文号。
        "#]],
    );
    while journey.stage() != "make" {
        journey.forward();
    }
    journey.do_it(journey.approving(Action::SendUp));
    acting(
        &journey,
        "tj-01",
        finding(Opinion::NoOpinion, "", ""),
        expect![[r#"
            outside_number_missing Input
            请填写外部单位答复的文号或者编号。
              outside_number: 请填写外部单位答复的文号或者编号。
        "#]],
    );
}

#[test]
fn decisions_and_delivery() {
    let mut journey = dibao("approve");
    acting(
        &journey,
        "mz-01",
        denial("", "办法第九条", 1),
        expect![[r#"
        reason_missing Input
        作出不予批准的决定应当说明理由，请填写理由。
          reason: 作出不予批准的决定应当说明理由，请填写理由。
          依据 《行政许可法》第三十八条第二款
    "#]],
    );
    acting(
        &journey,
        "mz-01",
        denial("收入超标", " ", 1),
        expect![[r#"
        basis_missing Input
        作出不予批准的决定应当有法律依据，请填写法律名称和条款。
          basis: 作出不予批准的决定应当有法律依据，请填写法律名称和条款。
          依据 《行政许可法》第三十八条第二款
    "#]],
    );
    acting(
        &journey,
        "mz-01",
        denial("收入超标", "办法第九条", 4),
        expect![[r#"
        invalid_input Input
        本事项列明的不予批准情形只有3项，请重新选择。
          ground: 本事项列明的不予批准情形只有3项，请重新选择。
    "#]],
    );
    acting(
        &journey,
        "mz-03",
        denial("收入超标", "办法第九条", 3),
        expect![[r#"
        not_entitled Right
        当前环节“审核确认”由澄川区民政局的审批人员办理，您没有这项权限。
    "#]],
    );
    acting(
        &journey,
        "cl-01",
        denial("收入超标", "办法第九条", 3),
        expect![[r#"
        not_entitled Right
        当前环节“审核确认”由澄川区民政局的审批人员办理，您没有这项权限。
    "#]],
    );
    journey.act("mz-02", denial("收入超标", "办法第九条", 3)).unwrap();
    let delivering = |receiver: &str, signed_on: Option<&str>| Command::Deliver {
        method: DeliveryMethod::Agent,
        receiver: receiver.to_owned(),
        signed_on: signed_on.map(|day| day.parse().unwrap()),
    };
    acting(
        &journey,
        WINDOW,
        delivering("丁波刚", None),
        expect![[r#"
        not_holder Rule
        该办件现在由枫溪镇赵家溪村办理，本站不能办理。
    "#]],
    );
    acting(
        &journey,
        AGENT,
        delivering("", None),
        expect![[r#"
        invalid_input Input
        请填写签收人姓名。
          receiver: 请填写签收人姓名。
    "#]],
    );
    acting(
        &journey,
        AGENT,
        delivering("丁波刚", Some("2026-03-01")),
        expect![[r#"
        invalid_input Input
        签收日期不能晚于今天，也不能早于作出答复的日期，请核对。
          signed_on: 签收日期不能晚于今天，也不能早于作出答复的日期，请核对。
    "#]],
    );
    acting(
        &journey,
        AGENT,
        Command::RequestWithdrawal { words: String::new() },
        expect![[r#"
        wrong_stage Rule
        该办件已经作出决定，不能再撤回。
    "#]],
    );
    journey.act(AGENT, delivering("丁波刚", None)).unwrap();
    acting(
        &journey,
        AGENT,
        delivering("丁波刚", None),
        expect![[r#"
        case_ended Rule
        该办件已经办结，不能再办理。
    "#]],
    );
    acting(
        &journey,
        AGENT,
        Command::Remind,
        expect![[r#"
        case_ended Rule
        该办件已经办结，不能再办理。
    "#]],
    );
    acting(
        &journey,
        AGENT,
        Command::Rate { satisfaction: 6, words: String::new() },
        expect![[r#"
        invalid_input Input
        请从“非常满意”到“非常不满意”中选择一项评价。
          satisfaction: 请从“非常满意”到“非常不满意”中选择一项评价。
    "#]],
    );
    journey.act(AGENT, journey.approving(Action::Rate)).unwrap();
    acting(
        &journey,
        AGENT,
        journey.approving(Action::Rate),
        expect![[r#"
        already_done Rule
        该办件已经评价过了。
    "#]],
    );

    let only_submit = Mandate { may_submit: true, ..Mandate::default() };
    let mut journey = Journey::open("mz-laonian", AGENT, Some(only_submit)).unwrap();
    journey.act(WINDOW, journey.approving(Action::Decide)).unwrap();
    acting(
        &journey,
        WINDOW,
        delivering("薛佳琳", None),
        expect![[r#"
        mandate_exceeded Right
        委托书没有写明可以代为签收文书或者领取证照，请改为本人签收或者补办委托。
          method: 委托书没有写明可以代为签收文书或者领取证照，请改为本人签收或者补办委托。
    "#]],
    );
}

#[test]
fn withdrawal_notes_and_what_is_not_theirs() {
    let mut journey = dibao("survey");
    acting(
        &journey,
        REVIEWER,
        Command::ConfirmWithdrawal { materials_back: Vec::new() },
        expect![[r#"
        no_withdrawal_request Rule
        申请人没有申请撤回，不能办理撤回。
    "#]],
    );
    acting(
        &journey,
        REVIEWER,
        Command::RequestWithdrawal { words: String::new() },
        expect![[r#"
        not_entitled Right
        该办件不在您的办理范围内，您没有这项权限。
    "#]],
    );
    journey.act(AGENT, journey.approving(Action::RequestWithdrawal)).unwrap();
    acting(
        &journey,
        AGENT,
        journey.approving(Action::RequestWithdrawal),
        expect![[r#"
        already_done Rule
        已经申请撤回，请等待办理站点确认。
    "#]],
    );
    acting(
        &journey,
        AGENT,
        Command::AddNote { words: "  ".into() },
        expect![[r#"
        invalid_input Input
        请填写备注内容。
          words: 请填写备注内容。
    "#]],
    );
    acting(
        &journey,
        AGENT,
        Command::Rate { satisfaction: 5, words: String::new() },
        expect![[r#"
        wrong_stage Rule
        办件办结送达后才能评价。
    "#]],
    );
    acting(
        &journey,
        "990106101204-1",
        journey.approving(Action::AddNote),
        expect![[r#"
        not_entitled Right
        该办件不在您的办理范围内，您没有这项权限。
    "#]],
    );
    acting(
        &journey,
        "990106101-11",
        Command::Remind,
        expect![[r#"
        not_entitled Right
        该办件不在您的办理范围内，您没有这项权限。
    "#]],
    );
    expect![[r#"
        stale Stale
        该办件刚刚有了新的进展，请刷新后再办理。
    "#]]
    .assert_eq(&said(Refusal::stale()));
}

#[test]
fn a_case_or_a_calendar_that_is_not_here_yet() {
    let journey = dibao("survey");
    let empty = sanji_domain::case::Case::new(journey.case.id());
    let context = district().at_desk(district().person(REVIEWER), journey.now_ms);
    let refusal = decide(&empty, None, Command::Accept { tolerated: Vec::new() }, &context).unwrap_err();
    expect![[r#"
        not_here_yet Rule
        该办件的登记信息尚未传到本站，请稍后再办理。
    "#]]
    .assert_eq(&said(refusal));

    let catalogue = sanji_domain::Catalogue::default();
    let mut older = context;
    older.reference.catalogue = &catalogue;
    let refusal = decide(&journey.case, None, Command::Accept { tolerated: Vec::new() }, &older).unwrap_err();
    expect![[r#"
        not_here_yet Rule
        本站还没有事项“mz-dibao”第1版的目录，请在同步后再办理。
    "#]]
    .assert_eq(&said(refusal));
}

#[test]
fn a_year_that_was_not_announced_stops_nobody_but_who_takes_a_right_away() {
    let mut journey = Journey::open_at("mz-dibao", AGENT, Some(FULL_MANDATE), MONDAY + 288 * DAY).unwrap();
    journey.act(WINDOW, journey.approving(Action::RequestCorrection)).unwrap();
    assert_eq!(journey.case.correction().unwrap().until, None);
    acting(
        &journey,
        AGENT,
        journey.approving(Action::Return),
        expect![[r#"
        calendar_missing Rule
        本站还没有2027年的工作日历，暂时算不出期限，请联系区中心发布日历后再办理。
    "#]],
    );
    journey.act(AGENT, journey.approving(Action::SupplyCorrection)).unwrap();

    let mut notice = Journey::open("zr-sheshi", AGENT, Some(FULL_MANDATE)).unwrap();
    notice.now_ms = MONDAY + 302 * DAY;
    assert_eq!(notice.stage(), "notice");
    notice.do_it(notice.approving(Action::PostPublicity));
    assert_eq!(notice.case.publicity().unwrap().until, None);
    let actor = notice.offered(Action::EndPublicity);
    assert!(actor.is_none());
}

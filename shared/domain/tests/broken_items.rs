//! Broken item files: each is refused at the right line with a reason that a clerk understands.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sanji_domain::{Defaults, Item};

/// A small item: one line a field, so that a test can name its lines.
const SOUND: &str = r#"schema = 1
code = "ly-demo"
name = "林木采伐示例"
short_name = "采伐"
aliases = []
item_type = "行政许可"
case_type = "承诺件"
subjects = ["自然人"]
department = "ly"
co_departments = []
accept_tier = "乡镇"
decide_tier = "区县"
agent_allowed = true
apply_by = ["申请人"]
channels = ["乡镇窗口"]
summary = "示例。"
conditions = ["有林权"]
refuse_when = ["无林权"]

[limits]
statutory = { days = 20, unit = "工作日" }
promised = { days = 8, unit = "工作日" }
text = "不超过20个工作日"
tacit_approval = false
tacit_reason = "涉及公共利益"

[[legal_basis]]
title = "森林法"

[[stage]]
id = "accept"
name = "受理"
link = "受理"
tier = "乡镇"
department = "township"
role = "窗口受理"
days = 5
unit = "工作日"
counted = false
output = "受理通知书"

[[stage]]
id = "site"
name = "现场查验"
link = "审核"
tier = "区县"
department = "ly"
role = "审核"
days = 3
unit = "工作日"
counted = true
group = "a"
output = "查验表"

[[stage]]
id = "map"
name = "图件审查"
link = "审核"
tier = "区县"
department = "ly"
role = "审核"
days = 4
unit = "工作日"
counted = true
group = "a"
output = "审查意见"

[[stage]]
id = "approve"
name = "决定"
link = "批准"
tier = "区县"
department = "ly"
role = "审批"
days = 4
unit = "工作日"
counted = true
output = "采伐许可证"

[[stage]]
id = "deliver"
name = "送达"
link = "办结"
tier = "乡镇"
department = "township"
role = "窗口受理"
days = 1
unit = "工作日"
counted = false
output = "送达回证"

[[special]]
kind = "公示"
stage = "site"
max_days = 5
unit = "工作日"
clock = "暂停"

[[publicity]]
stage = "map"
where = "村公开栏"
days = 5
unit = "工作日"
show = ["申请人"]
hide = ["联系电话"]
objection = "向乡镇提出"

[[material]]
name = "申请表"
form = "填写"
originals = 1
copies = 0
mandatory = true
issuer = "区林业局"

[fee]
charged = true
payer = "申请人"
when = "发证前"

[[fee.item]]
code = "ly-demo-fee"
name = "工本费"
amount_fen = 1000
unit = "本"
basis = "某号文件"
waive = []

[result]
name = "采伐许可证"
kind = "许可证件"
validity = "1年"
delivery = ["现场领取"]

[[variant]]
name = "小额采伐"
when = "不超过15立方米"
effect = "精简查验"
skip = ["site"]

[[part]]
name = "查验"
department = "ly"
days = 1
unit = "工作日"
after = []
"#;

/// The sound item with one passage replaced, its faults as `line:reason`.
fn faults(passage: &str, replacement: &str) -> Vec<String> {
    assert_eq!(SOUND.matches(passage).count(), 1, "'{passage}' must name one place");
    faults_of(&SOUND.replace(passage, replacement))
}

fn faults_of(text: &str) -> Vec<String> {
    let faults = Item::parse("ly-demo.toml", text).expect_err("must be refused");
    assert!(faults.iter().all(|fault| fault.file == "ly-demo.toml"));
    faults.into_iter().map(|fault| format!("{}:{}", fault.line, fault.reason)).collect()
}

/// The line, from 1, on which a passage begins.
fn line(passage: &str) -> usize {
    SOUND[..SOUND.find(passage).expect(passage)].lines().count() + 1
}

#[test]
fn the_sound_item_is_sound() {
    let item = Item::parse("catalogue/items/ly-demo.toml", SOUND).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!(item.stages.len(), 5);
}

#[test]
fn stages_that_run_in_parallel_must_be_neighbours() {
    let passage = "output = \"送达回证\"";
    let apart = faults(passage, &format!("group = \"a\"\n{passage}"));
    assert_eq!(apart, [format!("{}:并行环节“a”应当相邻", line(passage))]);
}

#[test]
fn a_broken_field_is_refused_at_its_line() {
    let cases = [
        ("schema = 1", "schema = 2", "本软件只认识 schema = 1 的文件"),
        ("code = \"ly-demo\"", "code = \"ly-other\"", "代码“ly-other”与文件名不一致"),
        ("code = \"ly-demo\"", "code = \"LY\"", "“LY”不是有效的代码（“code”）"),
        ("short_name = \"采伐\"", "short_name = \" \"", "“short_name”不能为空"),
        ("summary = \"示例。\"", "summary = 3", "“summary”应当是文字"),
        ("subjects = [\"自然人\"]", "subjects = []", "“subjects”至少要有一项"),
        ("agent_allowed = true", "agent_allowed = \"是\"", "“agent_allowed”应当是 true 或 false"),
        (
            "case_type = \"承诺件\"",
            "case_type = \"退回件\"",
            "“退回件”不是办件类型，可以是：即办件、承诺件、联办件、报批件",
        ),
        ("decide_tier = \"区县\"", "decide_tier = \"市\"", "“市”不是层级，可以是：村、乡镇、区县、上级"),
        (
            "promised = { days = 8, unit = \"工作日\" }",
            "promised = { days = 8, unit = \"天\" }",
            "“天”不是期限单位，可以是：工作日、自然日、当场",
        ),
        ("promised = { days = 8, unit = \"工作日\" }", "promised = { days = -8, unit = \"工作日\" }", "“days”超出范围"),
        (
            "promised = { days = 8, unit = \"工作日\" }",
            "promised = { days = 21, unit = \"工作日\" }",
            "承诺期限不能长于法定期限",
        ),
        ("originals = 1", "originals = \"一\"", "“originals”应当是整数"),
        ("hide = [\"联系电话\"]", "hide = [\"申请人\"]", "“申请人”不能既公示又隐去"),
        ("clock = \"暂停\"", "clock = \"停\"", "“停”不是计时方式，可以是：暂停、照计"),
        ("id = \"map\"", "id = \"map\"\ncolour = \"red\"", "不认识的字段“colour”"),
        ("stage = \"site\"", "stage = \"nowhere\"", "没有名为“nowhere”的环节"),
        ("stage = \"map\"", "stage = \"nowhere\"", "没有名为“nowhere”的环节"),
        ("skip = [\"site\"]", "skip = [\"site\", \"nowhere\"]", "没有名为“nowhere”的环节"),
        ("link = \"办结\"", "link = \"审核\"", "送达环节应属于“办结”"),
        ("link = \"办结\"", "link = \"结束\"", "“结束”不是监察环节，可以是：申请、受理、审核、批准、办结"),
        ("after = []", "after = [\"查验\"]", "“查验”不是排在前面的联办部分"),
    ];
    for (passage, replacement, reason) in cases {
        let found = faults(passage, replacement);
        // A field that was added stands one line further down.
        let line = line(passage) + replacement.matches('\n').count();
        assert_eq!(found, [format!("{line}:{reason}")], "{replacement}");
    }
}

#[test]
fn an_unknown_role_is_told_with_the_roles_there_are() {
    let found = faults("role = \"审批\"", "role = \"局长\"");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with(&format!("{}:“局长”不是岗位角色，可以是：申请人、代办员", line("role = \"审批\""))));
}

#[test]
fn a_missing_field_is_refused_where_its_table_begins() {
    assert_eq!(faults("short_name = \"采伐\"\n", ""), ["1:缺少“short_name”"]);
    assert_eq!(faults("tacit_approval = false\n", ""), [format!("{}:缺少“tacit_approval”", line("[limits]"))]);
    assert_eq!(faults("form = \"填写\"\n", ""), [format!("{}:缺少“form”", line("[[material]]"))]);
    assert_eq!(faults("title = \"森林法\"\n", ""), [format!("{}:缺少“title”", line("[[legal_basis]]"))]);
}

#[test]
fn counted_stages_must_fit_into_the_promise() {
    let limits = line("[limits]");
    // The group counts by its longest, 4, and the decision takes 4.
    assert_eq!(
        faults("promised = { days = 8,", "promised = { days = 7,"),
        [format!("{limits}:计入期限的环节共 8 天，超过承诺期限 7 天（并行环节按最长的计）")]
    );
    let natural = faults("promised = { days = 8, unit = \"工作日\" }", "promised = { days = 8, unit = \"自然日\" }");
    assert_eq!(natural.len(), 3);
    assert!(natural.iter().all(|fault| fault.ends_with("计入期限的环节也应按自然日计算")));
    assert_eq!(
        faults("promised = { days = 8, unit = \"工作日\" }", "promised = { days = 8, unit = \"当场\" }"),
        [format!("{}:“当场”的天数应为 0", line("promised"))]
    );
}

#[test]
fn stages_are_told_apart_by_their_id() {
    let (stage, publicity) = (line("id = \"map\""), line("stage = \"map\""));
    assert_eq!(
        faults("id = \"map\"", "id = \"site\""),
        [format!("{stage}:环节“site”重复"), format!("{publicity}:没有名为“map”的环节")]
    );
}

#[test]
fn a_route_needs_a_decision_and_a_delivery() {
    let stages = line("[[stage]]");
    assert_eq!(faults("link = \"批准\"", "link = \"审核\""), [format!("{stages}:至少要有一个“批准”环节")]);
    assert_eq!(faults("id = \"deliver\"", "id = \"hand-over\""), [format!("{stages}:缺少送达环节“deliver”")]);
}

#[test]
fn a_fee_is_charged_with_its_price_and_basis_or_not_at_all() {
    let fee = line("[fee]");
    let start = SOUND.find("[[fee.item]]").unwrap();
    let end = SOUND.find("[result]").unwrap();
    assert_eq!(faults(&SOUND[start..end], ""), [format!("{fee}:“item”至少要有一项")]);
    assert_eq!(faults("basis = \"某号文件\"\n", ""), [format!("{}:缺少“basis”", line("[[fee.item]]"))]);
    let free = faults("charged = true", "charged = false");
    assert_eq!(free.len(), 3);
    assert!(free.iter().all(|fault| fault.contains("不认识的字段")), "{free:?}");
}

#[test]
fn every_fault_is_told_at_once() {
    let text = SOUND
        .replace("name = \"决定\"\n", "")
        .replace("form = \"填写\"", "form = \"口头\"")
        .replace("validity = \"1年\"", "validty = \"1年\"");
    let found = faults_of(&text);
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found[0].ends_with("缺少“name”"));
    assert!(found[1].contains("“口头”不是材料形式"));
    assert!(found[2].ends_with("缺少“validity”"));
    assert!(found[3].ends_with("不认识的字段“validty”"));
}

#[test]
fn text_that_is_not_toml_is_refused_at_its_line() {
    let found = faults("short_name = \"采伐\"", "short_name = 采伐");
    assert!(found[0].starts_with(&format!("{}:格式有误：", line("short_name"))), "{found:?}");
    let twice = faults("short_name = \"采伐\"", "short_name = \"采伐\"\nshort_name = \"伐木\"");
    assert!(twice[0].starts_with(&format!("{}:格式有误：", line("short_name") + 1)), "{twice:?}");
}

#[test]
fn a_misspelt_rule_in_the_defaults_is_refused() {
    let faults = Defaults::parse("defaults.toml", "schema = 1\n[acceptance]\ndecide_in = 5\n").unwrap_err();
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(told.contains(&"defaults.toml 第 3 行：不认识的字段“decide_in”".to_owned()), "{told:?}");
    assert!(told.contains(&"defaults.toml 第 2 行：缺少“decide_within”".to_owned()), "{told:?}");
    assert!(told.contains(&"defaults.toml 第 1 行：缺少“correction”".to_owned()), "{told:?}");
}

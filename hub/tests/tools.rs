//! The commands that need no station, as a script runs them. Expected dates were counted by hand from the notices of
//! the State Council on public holidays.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const SPOILT: &str = "catalogue/items/mz-dibao.toml";

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sample")
}

fn hub(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sanji-hub"));
    command.args(arguments.split_whitespace());
    command
}

/// With the sample district for its folder.
fn on_sample(arguments: &str) -> Output {
    hub(arguments).arg("--folder").arg(sample()).output().unwrap()
}

fn printed(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

fn printed_json(output: Output) -> Value {
    serde_json::from_str(&printed(output)).unwrap()
}

/// What stands on standard error: one line.
fn refused(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!output.status.success() && said.lines().count() == 1 && said.starts_with("error: "), "{said}");
    said.trim().trim_start_matches("error: ").to_owned()
}

/// A folder like the sample that may be spoilt.
fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["catalogue", "catalogue/items", "organisation", "calendar"] {
        fs::create_dir(folder.path().join(part)).unwrap();
        for entry in fs::read_dir(sample().join(part)).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), folder.path().join(part).join(entry.file_name())).unwrap();
            }
        }
    }
    folder
}

fn spoil(folder: &Path, file: &str, good: &str, bad: &str) {
    let text = fs::read_to_string(folder.join(file)).unwrap();
    assert!(text.contains(good), "{file}");
    fs::write(folder.join(file), text.replacen(good, bad, 1)).unwrap();
}

#[test]
fn a_year_is_told_by_months_holidays_and_made_up_days() {
    let year = printed_json(on_sample("calendar 2026 --json"));
    assert_eq!(year["working_days"], 248);
    assert_eq!(year["working_days_by_month"], json!([21, 16, 22, 21, 19, 21, 23, 21, 22, 18, 21, 23]));
    assert_eq!(year["holidays"].as_array().unwrap().len(), 7);
    assert_eq!(year["holidays"][1], json!({ "name": "春节", "from": "2026-02-15", "to": "2026-02-23" }));
    let made_up = ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"];
    assert_eq!(year["makeup_days"], json!(made_up));
    let words = printed(on_sample("calendar 2026"));
    assert!(words.starts_with("2026年：248个工作日\n") && words.contains("  2026年2月14日  星期六\n"), "{words}");
    assert_eq!(printed(on_sample("calendar --json")).lines().count(), 3);
}

#[test]
fn deadlines_count_as_the_law_counts() {
    for (from, days, unit, until) in [
        // 11–14, 24–28 February (14 and 28 are made-up Saturdays), 2–6, 9–13, 16 March.
        ("2026-02-10", 20, "工作日", "2026-03-16"),
        ("2026-02-10", 20, "自然日", "2026-03-02"),
        ("2026-02-10", 0, "当场", "2026-02-10"),
        // 10 October is a made-up Saturday after eight days off.
        ("2026-09-30", 3, "工作日", "2026-10-10"),
        ("2026-10-03", 0, "工作日", "2026-10-03"),
    ] {
        let command = format!("calendar deadline --from {from} --days {days} --unit {unit}");
        assert_eq!(printed(on_sample(&command)).trim(), until, "{command}");
        let told = json!({ "from": from, "days": days, "unit": unit, "until": until });
        assert_eq!(printed_json(on_sample(&format!("{command} --json"))), told);
    }
}

#[test]
fn what_the_calendar_cannot_mean_is_refused_in_one_line() {
    for (command, reason) in [
        ("calendar 2031", "no year 2031"),
        ("calendar deadline --from 2026-12-30 --days 5 --unit 工作日", "no year 2027"),
        ("calendar deadline --from 2026-02-30 --days 5 --unit 工作日", "2026-02-30"),
        ("calendar deadline --from 2026-02-10 --days 5 --unit 天", "工作日, 自然日, 当场"),
        ("calendar deadline --from 2026-02-10 --days 5 --unit 当场", "--days is 0"),
        ("calendar deadline --from 2026-02-10 --days 99999 --unit 自然日", "99999"),
        ("calendar deadline --from 2026-02-10 --days -1 --unit 自然日", "-1"),
    ] {
        let said = refused(&on_sample(command));
        assert!(said.contains(reason), "{command}: {said}");
    }
    assert!(refused(&hub("calendar 2026").output().unwrap()).contains("--folder"));
    assert!(refused(&hub("calendar 2026 --folder nowhere").output().unwrap()).contains("calendar/cn-workdays.toml"));
}

#[test]
fn a_sound_folder_has_no_faults() {
    let output = hub("catalogue check --json").arg(sample()).output().unwrap();
    let mut told = printed_json(output);
    let remarks = told.as_object_mut().unwrap().remove("remarks").unwrap();
    assert_eq!(told, json!({ "files": 52, "faults": [] }));
    // What is allowed and will hardly have been meant is named with its line, and fails nothing.
    let remark = |remark: &Value| remark["file"] == "catalogue/items/lh-chusheng.toml" && remark["line"] == 222;
    let remark = remarks.as_array().unwrap().iter().find(|one| remark(one)).unwrap_or_else(|| panic!("{remarks:#}"));
    assert!(remark["reason"].as_str().unwrap().contains("没有对应的环节"), "{remark}");
}

#[test]
fn every_fault_is_told_with_file_line_and_reason() {
    let folder = copy();
    spoil(folder.path(), SPOILT, "case_type = \"承诺件\"", "case_type = \"慢办件\"");
    spoil(folder.path(), SPOILT, "charged = false", "charged = maybe");
    spoil(folder.path(), "catalogue/items/lh-chusheng.toml", "\"wj-clinic\"", "\"nobody\"");
    spoil(folder.path(), "catalogue/defaults.toml", "max_rounds", "max_round");
    spoil(folder.path(), "calendar/cn-workdays.toml", "working_days = 251", "working_days = 252");
    spoil(folder.path(), "organisation/staff.toml", "[\"首席代表\", \"审批\"]", "[\"监察\", \"审批\"]");
    fs::remove_file(folder.path().join("catalogue/items/wj-shengyu.toml")).unwrap();

    let output = hub("catalogue check --json").arg(folder.path()).output().unwrap();
    let faults: Value = serde_json::from_slice(&output.stdout).unwrap();
    let faults = faults["faults"].as_array().unwrap();
    let told = |file: &str, line: &str, reason: &str| {
        let text = fs::read_to_string(folder.path().join(file)).unwrap();
        faults.iter().any(|fault| {
            let at = usize::try_from(fault["line"].as_u64().unwrap()).unwrap() - 1;
            fault["file"] == file
                && text.lines().nth(at).unwrap().contains(line)
                && fault["reason"].as_str().unwrap().contains(reason)
        })
    };
    // A file whose grammar is broken is told for that alone.
    assert!(told(SPOILT, "charged = maybe", "格式有误"), "{faults:#?}");
    assert!(told("catalogue/items/lh-chusheng.toml", "department = \"nobody\"", "没有代码为“nobody”的部门"));
    assert!(told("catalogue/items/lh-chusheng.toml", "\"wj-shengyu\"", "不在事项目录中"));
    assert!(told("catalogue/defaults.toml", "max_round", "不认识的字段"));
    assert!(told("calendar/cn-workdays.toml", "working_days = 252", "251"));
    assert!(told("organisation/staff.toml", "监察", "不得由同一人兼任"));
    let said = refused(&output);
    assert_eq!(said, format!("{} faults found", faults.len()));

    let words = hub("catalogue check").arg(folder.path()).output().unwrap();
    let words = String::from_utf8(words.stdout).unwrap();
    assert_eq!(words.lines().filter(|line| !line.starts_with("提示：")).count(), faults.len());
    assert!(refused(&hub("catalogue check nowhere").output().unwrap()).contains("nowhere"));
}

#[test]
fn a_walk_tells_who_acts_until_when() {
    let walk = printed_json(on_sample("catalogue walk mz-dibao --on 2026-03-02 --home 990106101203 --json"));
    let steps: Vec<[&str; 6]> = walk["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            ["action", "on", "until", "station", "department", "role"].map(|key| step[key].as_str().unwrap_or(""))
        })
        .collect();
    let (village, township, district) = ("990106101203", "990106101000", "990106000000");
    // 4 to 6 April are days off. The notice hangs for seven days from 26 March.
    assert_eq!(
        steps,
        [
            ["submit", "2026-03-02", "", village, "village", "代办员"],
            ["accept", "2026-03-09", "2026-03-09", township, "township", "窗口受理"],
            ["finish_stage", "2026-03-23", "2026-03-23", township, "township", "审核"],
            ["finish_stage", "2026-03-25", "2026-03-25", township, "township", "审核"],
            ["post_publicity", "2026-03-25", "2026-04-01", township, "township", "窗口受理"],
            ["end_publicity", "2026-04-02", "2026-04-01", township, "township", "窗口受理"],
            ["finish_stage", "2026-04-03", "2026-04-03", township, "township", "窗口受理"],
            ["decide", "2026-04-13", "2026-04-13", district, "mz", "审批"],
            ["deliver", "2026-04-16", "2026-04-16", village, "village", "代办员"],
        ]
    );
    assert_eq!((&walk["promised_until"], &walk["within_promise"]), (&json!("2026-04-14"), &json!(true)));
    assert_eq!((&walk["statutory_until"], &walk["state"]), (&json!("2026-04-21"), &json!("已办结")));
    assert_eq!(walk["steps"][7]["documents"], json!(["审核确认意见"]));
    assert!(walk["steps"][0]["documents"].as_array().unwrap().contains(&json!("居民户口簿")));
    assert_eq!(walk["steps"][8]["people"], json!(["990106101203-1"]));
}

#[test]
fn branches_end_where_they_must() {
    for (branch, end) in [
        ("deny", "结果：不予批准；受理2026年3月9日；决定2026年4月13日"),
        ("return", "结果：已退回"),
        ("withdraw", "结果：已撤回；受理2026年3月9日"),
        // The correction is asked for on 9 March and supplied 15 working days later; then acceptance has five more.
        ("correct", "结果：已办结；受理2026年4月7日"),
    ] {
        let words = printed(on_sample(&format!("catalogue walk mz-dibao --on 2026-03-02 --branch {branch}")));
        assert!(words.lines().last().unwrap().starts_with(end), "{words}");
    }
}

#[test]
fn a_walk_that_rules_forbid_is_refused_in_one_line() {
    for (walk, reason) in [
        ("no-such-item --on 2026-03-02", "no item 'no-such-item'"),
        ("mz-dibao --on 2026-03-02 --home 990106101999", "no station 990106101999"),
        ("ga-sfz --on 2026-03-02 --home 990106101203", "不能由代办员代办"),
        ("wj-jiangfu --on 2026-05-20", "不在申报期内"),
        ("mz-dibao --on 2026-12-01", "no year 2027"),
        ("mz-dibao --on 2026-03-02 --branch perhaps", "perhaps"),
        ("mz-dibao", "--on"),
    ] {
        let said = refused(&on_sample(&format!("catalogue walk {walk}")));
        assert!(said.contains(reason), "{walk}: {said}");
    }
    let folder = copy();
    spoil(folder.path(), SPOILT, "schema = 1", "schema = 2");
    let command = hub("catalogue walk mz-dibao --on 2026-03-02 --folder").arg(folder.path()).output().unwrap();
    assert!(refused(&command).starts_with("catalogue/items/mz-dibao.toml 第 2 行"));
}

#[test]
fn numbers_are_checked_with_their_reason() {
    let output = hub("id check --json 11010519491231002X 91350100M000100Y43 91990106648104398h").output().unwrap();
    let rows: Vec<Value> = printed(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&Value> = rows.iter().map(|row| &row["kind"]).collect();
    assert_eq!(kinds, ["公民身份号码", "统一社会信用代码", "统一社会信用代码"]);
    assert!(rows.iter().all(|row| row["valid"] == true));

    let output = hub("id check 990106198102290010 990106800101001 11010519491231002X").output().unwrap();
    let words = String::from_utf8(output.stdout.clone()).unwrap();
    let lines: Vec<&str> = words.lines().collect();
    assert_eq!(lines[0], "990106198102290010  不正确：号码中的出生日期不存在，请核对。");
    assert!(lines[1].contains("15位旧号码"));
    assert_eq!(lines[2], "11010519491231002X  公民身份号码");
    assert_eq!(refused(&output), "2 of 3 numbers are wrong");
}

#[test]
fn numbers_come_from_standard_input_too() {
    let mut command = hub("id check -");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all("11010519491231002X\n\n１１０１０５１９４９１２３１００２ｘ\n".as_bytes())
        .unwrap();
    let words = printed(child.wait_with_output().unwrap());
    assert_eq!(words, "11010519491231002X  公民身份号码\n".repeat(2));
}

#[test]
fn every_command_helps_with_an_example() {
    for command in ["calendar", "calendar deadline", "catalogue check", "catalogue walk", "id check"] {
        let help = printed(hub(&format!("{command} --help")).output().unwrap());
        assert!(help.contains("Example") && help.contains(&format!("sanji-hub {command}")), "{help}");
    }
}

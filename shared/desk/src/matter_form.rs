//! The forms of matters as data: what is asked for each opening and each action, and how it becomes a message.

use sanji_proto::v1::{self as proto, act_matter_request::Action, open_matter_request::Opening};

use crate::form::{Faults, Form};
use crate::state::Desk;
use crate::words;

/// One input.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) hint: &'static str,
    /// text, area, date, number, select, check or file.
    pub(crate) control: &'static str,
    pub(crate) required: bool,
    /// Of a select: value and words.
    pub(crate) options: Vec<(String, String)>,
    pub(crate) value: String,
    /// What is wrong with it.
    pub(crate) fault: String,
}

/// A form with what was typed into it.
pub(crate) struct MatterForm {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What the person should know before.
    pub(crate) about: &'static str,
    pub(crate) button: &'static str,
    pub(crate) fields: Vec<Field>,
    /// What is wrong with no single field.
    pub(crate) faults: Vec<String>,
}

const WAYS: [(&str, &str); 4] = [("3", "来访"), ("2", "电话"), ("4", "意见箱"), ("1", "网上")];
const FINDINGS: [(&str, &str); 3] = [("1", "属实"), ("2", "部分属实"), ("3", "不属实")];
const SOURCES: [(&str, &str); 5] =
    [("1", "日常巡查"), ("2", "暗访检查"), ("3", "投诉"), ("4", "领导交办"), ("5", "群众评议")];

fn field(control: &'static str, name: &'static str, label: &'static str, hint: &'static str) -> Field {
    let (required, options) = (false, Vec::new());
    Field { name, label, hint, control, required, options, value: String::new(), fault: String::new() }
}

fn must(field: Field) -> Field {
    Field { required: true, ..field }
}

fn select(name: &'static str, label: &'static str, hint: &'static str, options: Vec<(String, String)>) -> Field {
    Field { options, ..field("select", name, label, hint) }
}

fn choices(options: &[(&str, &str)]) -> Vec<(String, String)> {
    options.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect()
}

/// The form that opens a kind of matter. None: there is no such kind.
pub(crate) fn opening(desk: &Desk, kind: &str, public: bool) -> Option<MatterForm> {
    let way = || if public { None } else { Some(must(select("way", "方式", "", choices(&WAYS)))) };
    let (name, title, about, button, fields) = match kind {
        "complaint" => (
            "complaint",
            if public { "网上投诉" } else { "登记投诉" },
            "可以匿名。投诉人的信息只有区中心投诉受理人员能看到，被投诉的单位和个人看不到。5个工作日内告知是否受理，15个工作日内办结。",
            if public { "提交投诉" } else { "登记" },
            way()
                .into_iter()
                .chain([
                    select("station", "被投诉的站点", "不清楚的可以不选，在下面写明", desk.office().stations(true)),
                    select(
                        "department",
                        "被投诉的区级部门",
                        "投诉区级部门或窗口的，请选择",
                        desk.office().departments(),
                    ),
                    field("text", "against_words", "被投诉的窗口或人员", "例如：二楼3号窗口、姓名或工号"),
                ])
                .chain((!public).then(|| field("text", "person", "被投诉人员工号", "知道工号的填写，便于核实")))
                .chain([
                    field("text", "case_number", "关联办件编号", "与某个办件有关的，填写25位编号"),
                    must(field("area", "words", "投诉内容", "请写明时间、地点和经过，最多1200字")),
                    field("text", "name", "姓名", "不愿留名的不填"),
                    field("text", "telephone", "联系电话", "实名投诉必须留下电话或住址，以便答复"),
                    field("text", "address", "住址", ""),
                ])
                .collect(),
        ),
        "question" => (
            "question",
            if public { "网上咨询" } else { "登记咨询" },
            "当场能答复的，直接填写答复；不能当场答复的，由区中心在5个工作日内答复。",
            if public { "提交咨询" } else { "登记" },
            way()
                .into_iter()
                .chain([
                    select(
                        "item",
                        "有关事项",
                        "不清楚的可以不选",
                        desk.office().published_items("").into_iter().map(|item| (item.code, item.name)).collect(),
                    ),
                    must(field("area", "words", "咨询的问题", "最多1200字")),
                ])
                .chain((!public).then(|| field("area", "answer", "当场答复", "填写后即为已答复，不再上报")))
                .chain([field("text", "name", "姓名", "可以不填"), field("text", "telephone", "联系电话", "可以不填")])
                .collect(),
        ),
        "rectification" if !public => (
            "rectification",
            "下发督办整改",
            "写明查明的问题、整改要求和期限。整改单位报送情况后，由下发单位验收销号。",
            "下发",
            vec![
                must(select("source", "问题来源", "", choices(&SOURCES))),
                must(select("station", "整改单位", "", desk.office().stations(false))),
                select("department", "整改部门", "区级部门整改的请选择", desk.office().departments()),
                must(field("date", "until", "整改期限", "最后一天")),
                must(field("text", "title", "问题", "一句话，不写群众个人信息")),
                must(field("area", "words", "查明的情况和整改要求", "")),
                field("text", "concerns", "关联编号", "有关的办件或投诉编号"),
            ],
        ),
        "survey" if !public => (
            "survey",
            "发起调查",
            "按类别列出被评议的单位。系统生成不记名的问卷码，每码填写一次；问卷码只显示这一次，请及时打印发放。",
            "发起并生成问卷码",
            vec![
                must(field("text", "title", "名称", "例如：2026年度群众评议")),
                must(field("area", "groups", "类别和单位", "每行一类，例如：区直部门：民政局，人社局，医保局")),
                must(field("area", "questions", "问题", "每行一个，每个单位按1到5分评议")),
                must(field("date", "from", "开始日期", "")),
                must(field("date", "until", "截止日期", "")),
                must(field("number", "codes", "问卷码数量", "1到2000")),
            ],
        ),
        _ => return None,
    };
    Some(MatterForm { name, title, about, button, fields, faults: Vec::new() })
}

/// The message of a form that opens a matter.
pub(crate) fn read_opening(kind: &str, form: &Form) -> Option<Opening> {
    let text = |field: &str| form.value(field).to_owned();
    let way = i32::try_from(form.number("way")).unwrap_or_default();
    Some(match kind {
        "complaint" => Opening::Complaint(proto::OpenComplaint {
            way,
            against: Some(proto::Against {
                station: form.value("station").parse().unwrap_or_default(),
                department: text("department"),
                person: text("person"),
            }),
            against_words: text("against_words"),
            case_number: words::digits(form.value("case_number")),
            name: text("name"),
            telephone: text("telephone"),
            address: text("address"),
            words: text("words"),
        }),
        "question" => Opening::Question(proto::OpenQuestion {
            way,
            item: text("item"),
            name: text("name"),
            telephone: text("telephone"),
            words: text("words"),
            answer: text("answer"),
        }),
        "rectification" => Opening::Rectification(proto::OpenRectification {
            source: i32::try_from(form.number("source")).unwrap_or_default(),
            station: form.value("station").parse().unwrap_or_default(),
            department: text("department"),
            until: words::read_day(form.value("until")).unwrap_or_default(),
            concerns: text("concerns"),
            title: text("title"),
            words: text("words"),
        }),
        "survey" => Opening::Survey(proto::OpenSurvey {
            title: text("title"),
            groups: groups(form.value("groups")),
            questions: lines(form.value("questions")),
            from: words::read_day(form.value("from")).unwrap_or_default(),
            until: words::read_day(form.value("until")).unwrap_or_default(),
            codes: form.number("codes"),
        }),
        _ => return None,
    })
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// One group a line: its name, a colon, its units between commas.
fn groups(text: &str) -> Vec<proto::SurveyGroup> {
    let group = |line: String| {
        let (name, units) = line.split_once(['：', ':']).unwrap_or((line.as_str(), ""));
        let units = units.split(['，', ',', '、', ';', '；']).map(str::trim).filter(|unit| !unit.is_empty());
        proto::SurveyGroup { name: name.trim().to_owned(), units: units.map(str::to_owned).collect() }
    };
    lines(text).into_iter().map(group).collect()
}

/// The form of an action. None: there is no such action.
pub(crate) fn action(desk: &Desk, name: &str) -> Option<MatterForm> {
    let words = |label: &'static str| must(field("area", "words", label, ""));
    let finding = || must(select("finding", "调查结果", "", choices(&FINDINGS)));
    let (name, title, about, fields) = match name {
        "accept" => ("accept", "受理", "受理后请告知投诉人。自登记之日起15个工作日内办结。", Vec::new()),
        "refuse" => (
            "refuse",
            "不予受理",
            "理由会告知投诉人。",
            vec![must(field("area", "reason", "理由", "并告知应当向哪里反映"))],
        ),
        "assign" => (
            "assign",
            "交办",
            "不能交给被投诉的单位。承办单位看不到投诉人的信息，请不要在交办意见里写投诉人是谁。",
            vec![
                must(select("department", "承办单位", "", desk.office().departments())),
                field("area", "words", "交办意见", ""),
            ],
        ),
        "investigate" => ("investigate", "报送调查结果", "", vec![finding(), words("调查核实的情况")]),
        "conclude" => (
            "conclude",
            "办结",
            "实名投诉必须答复投诉人。",
            vec![
                finding(),
                words("处理意见"),
                field("area", "reply", "给投诉人的答复", "投诉人凭编号和查询码可以看到"),
                field("check", "propose_suspension", "建议被投诉人待岗（一次投诉查实待岗制）", ""),
            ],
        ),
        "open_letter" => ("open_letter", "启封登记", "启封后在区中心另行登记办理，只有区中心能看到内容。", Vec::new()),
        "answer" => (
            "answer",
            "答复",
            "公开的问题和答复任何人都能看到，请不要写个人信息。",
            vec![
                must(field("area", "reply", "给咨询人的答复", "")),
                field("text", "public_question", "公开的问题", "不公开的不填"),
                field("area", "public_answer", "公开的答复", "最多800字，不公开的不填"),
            ],
        ),
        "report" => (
            "report",
            "报送整改情况",
            "",
            vec![words("整改措施和结果"), field("file", "evidence.files", "佐证照片或文件", "JPG、PNG或PDF，可选多个")],
        ),
        "send_back" => (
            "send_back",
            "退回重改",
            "",
            vec![must(field("date", "until", "新的期限", "最后一天")), words("哪里还不符合要求")],
        ),
        "close" => ("close", "验收销号", "", vec![words("验收情况")]),
        "close_survey" => (
            "close_survey",
            "公布结果",
            "公布后任何人都能在公开页面看到结果。",
            vec![field("area", "called_in", "约谈的单位", "每行一个，一般为各类排名靠后的单位")],
        ),
        "rate" => (
            "rate",
            "登记是否满意",
            "",
            vec![
                must(select("satisfied", "是否满意", "", choices(&[("1", "满意"), ("0", "不满意")]))),
                field("area", "words", "反映人的意见", ""),
            ],
        ),
        "remind" => ("remind", "催办", "催办会留下记录。", Vec::new()),
        "note" => ("note", "备注", "", vec![words("备注内容")]),
        "cancel" => ("cancel", "撤销", "", vec![must(field("area", "reason", "撤销的理由", ""))]),
        _ => return None,
    };
    Some(MatterForm { name, title, about, button: title, fields, faults: Vec::new() })
}

/// The message of an action's form.
pub(crate) fn read_action(name: &str, form: &Form) -> Option<Action> {
    let text = |field: &str| form.value(field).to_owned();
    let finding = i32::try_from(form.number("finding")).unwrap_or_default();
    Some(match name {
        "accept" => Action::Accept(proto::AcceptComplaint {}),
        "refuse" => Action::Refuse(proto::RefuseComplaint { reason: text("reason") }),
        "assign" => Action::Assign(proto::AssignComplaint { department: text("department"), words: text("words") }),
        "investigate" => Action::Investigate(proto::InvestigateComplaint { finding, words: text("words") }),
        "conclude" => Action::Conclude(proto::ConcludeComplaint {
            finding,
            words: text("words"),
            reply: text("reply"),
            propose_suspension: form.ticked("propose_suspension"),
        }),
        "open_letter" => Action::OpenLetter(proto::OpenLetter {}),
        "answer" => Action::Answer(proto::AnswerQuestion {
            reply: text("reply"),
            public_question: text("public_question"),
            public_answer: text("public_answer"),
        }),
        "report" => {
            let kept = form.all("evidence.kept").filter_map(|kept| kept.split('|').next());
            let evidence = kept.filter_map(|id| data_encoding::HEXLOWER.decode(id.as_bytes()).ok()).collect();
            Action::Report(proto::ReportRectification { words: text("words"), evidence })
        }
        "send_back" => Action::SendBack(proto::SendBackRectification {
            until: words::read_day(form.value("until")).unwrap_or_default(),
            words: text("words"),
        }),
        "close" => Action::Close(proto::CloseRectification { words: text("words") }),
        "close_survey" => Action::CloseSurvey(proto::CloseSurvey { called_in: lines(form.value("called_in")) }),
        "rate" => Action::Rate(proto::RateMatter { satisfied: form.value("satisfied") == "1", words: text("words") }),
        "remind" => Action::Remind(proto::RemindMatter {}),
        "note" => Action::Note(proto::NoteMatter { words: text("words") }),
        "cancel" => Action::Cancel(proto::CancelMatter { reason: text("reason") }),
        _ => return None,
    })
}

impl MatterForm {
    /// The form as it was sent, with what is wrong with it.
    pub(crate) fn again(mut self, form: &Form, faults: &Faults) -> Self {
        let of = |sent: &str| sent.trim_start_matches("against.").to_owned();
        for field in &mut self.fields {
            form.value(field.name).clone_into(&mut field.value);
            let name = field.name.trim_end_matches(".files");
            let wrong = faults.iter().filter(|fault| of(&fault.field) == name);
            field.fault = wrong.map(|fault| fault.sentence.as_str()).collect();
        }
        let known = |sent: &str| self.fields.iter().any(|field| field.name.trim_end_matches(".files") == of(sent));
        let others = faults.iter().filter(|fault| !known(&fault.field)).map(|fault| fault.sentence.clone());
        self.faults = others.collect();
        self
    }

    /// Whether anything is wrong with it.
    pub(crate) fn is_wrong(&self) -> bool {
        !self.faults.is_empty() || self.fields.iter().any(|field| !field.fault.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_as_people_write_them() {
        let read = groups("区直部门：民政局，人社局、医保局\n\n 乡镇: 枫溪镇 ,青岚镇\n没有单位");
        let shown: Vec<(&str, usize)> = read.iter().map(|group| (group.name.as_str(), group.units.len())).collect();
        assert_eq!(shown, [("区直部门", 3), ("乡镇", 2), ("没有单位", 0)]);
        assert_eq!(read[1].units, ["枫溪镇", "青岚镇"]);
    }

    #[test]
    fn every_action_has_its_message() {
        let form = Form::default();
        for name in sanji_domain::matter::MatterAction::ALL.iter().map(|action| action.name()) {
            assert!(read_action(name, &form).is_some(), "{name}");
        }
        assert!(read_action("unheard", &form).is_none() && read_opening("unheard", &form).is_none());
    }
}

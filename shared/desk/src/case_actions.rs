//! Where the forms of actions stand on the page of a case: first what the case waits for, in the order of the work and with
//! the first of it open; the rest is folded away under plain names. Actions of supervision have places of their own.

/// What a case waits for, with titles. The templates have the same order.
const COURSE: [(&str, &str); 30] = [
    ("finish_at_once", "当场办结"),
    ("submit_preliminary", "转为正式申请"),
    ("answer_preliminary", "答复预申报"),
    ("supply_correction", "补正提交"),
    ("accept", "受理"),
    ("correct_at_once", "当场更正"),
    ("request_correction", "一次性告知补正"),
    ("refuse_acceptance", "不予受理"),
    ("sign_for_copy", "签收抄告单"),
    ("answer_copy", "抄告反馈"),
    ("register_payment", "登记缴款"),
    ("issue_fee", "开具缴款通知"),
    ("decide_refund", "审批退付"),
    ("register_refund", "登记退付"),
    ("send_up", "登记报送"),
    ("register_answer", "登记批复"),
    ("chase", "登记对外催办"),
    ("post_publicity", "张贴公示"),
    ("end_publicity", "登记公示结果"),
    ("resume", "恢复计时"),
    ("finish_stage", "完成环节"),
    ("decide", "作出决定"),
    ("consult_again", "重新征求意见"),
    ("record_visit", "登记联合踏勘"),
    ("deliver", "送达"),
    ("confirm_withdrawal", "确认撤回"),
    ("follow_up", "回访"),
    ("answer_review", "答复复核"),
    ("check_superseded", "核对被取代的步骤"),
    ("finish_duty", "补齐材料、手续"),
];
/// What is done to a case off its usual course.
const OTHER: [(&str, &str); 15] = [
    ("return", "退回"),
    ("suspend", "进入特别程序"),
    ("extend", "延长办理期限"),
    ("transfer", "转其他窗口办理"),
    ("choose_variant", "选用程序"),
    ("allow_second_correction", "批准再次补正"),
    ("set_mark", "标注急办、重点"),
    ("hand_over", "移交其他站点"),
    ("reclaim", "收回"),
    ("ask_review", "申请复核"),
    ("request_withdrawal", "提出撤回申请"),
    ("void_document", "文书作废"),
    ("void_fee", "作废缴款通知"),
    ("abandon_fee", "逾期未缴，视为放弃"),
    ("request_refund", "申请退付"),
];
/// What is said beside its course.
const BESIDE: [(&str, &str); 3] = [("add_note", "备注"), ("remind", "催办"), ("rate", "满意度评价")];
/// Orders stand in a place beside the case; alerts have pages of their own.
const ORDERS: [(&str, &str); 2] = [("issue_order", "发督办单"), ("answer_order", "督办反馈")];

/// Actions that are folded away together.
pub(crate) struct Folded {
    pub(crate) title: &'static str,
    /// Titles of the actions.
    pub(crate) names: String,
    pub(crate) beside: bool,
    /// Whether an action among them was refused and has to be filled in again.
    pub(crate) open: bool,
}

/// The title of an action; empty for an unknown one.
pub(crate) fn title(action: &str) -> &'static str {
    let mut all = COURSE.iter().chain(&OTHER).chain(&BESIDE).chain(&ORDERS);
    all.find(|(name, _)| *name == action).map_or("", |(_, title)| title)
}

/// Whether an action has its form in the list of a case's actions.
pub(crate) fn has_form(action: &str) -> bool {
    COURSE.iter().chain(&OTHER).chain(&BESIDE).any(|(name, _)| *name == action)
}

/// The first of the offered actions that a case waits for.
pub(crate) fn first(offered: &[String]) -> Option<&'static str> {
    COURSE.iter().map(|(name, _)| *name).find(|name| offered.iter().any(|action| action == name))
}

/// The groups of offered actions that are folded away.
pub(crate) fn folded(offered: &[String], failed: &str) -> Vec<Folded> {
    let group = |title, actions: &[(&'static str, &'static str)], beside| {
        let here = || actions.iter().filter(|(name, _)| offered.iter().any(|action| action == name));
        let names: Vec<&str> = here().map(|(_, title)| *title).collect();
        let open = here().any(|(name, _)| *name == failed);
        (!names.is_empty()).then(|| Folded { title, names: names.join("、"), beside, open })
    };
    [group("其他处理", &OTHER, false), group("记录与提醒", &BESIDE, true)].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_case_waits_for_comes_first_and_the_rest_is_folded_by_name() {
        let offered =
            ["add_note", "return", "issue_order", "request_correction", "accept", "extend"].map(str::to_owned);
        assert_eq!(first(&offered), Some("accept"));
        let groups = folded(&offered, "extend");
        let shown: Vec<_> = groups.iter().map(|group| (group.title, group.names.as_str(), group.open)).collect();
        assert_eq!(shown, [("其他处理", "退回、延长办理期限", true), ("记录与提醒", "备注", false)]);
        assert!(!has_form("issue_order") && first(&offered[..3]).is_none());
    }

    #[test]
    fn every_action_has_one_form_and_the_templates_have_the_order_of_the_list() {
        let parts = [
            include_str!("../templates/case_actions_intake.html"),
            include_str!("../templates/case_actions_fees.html"),
            include_str!("../templates/case_actions_course.html"),
            include_str!("../templates/case_actions_other.html"),
            include_str!("../templates/case_actions_beside.html"),
        ];
        let text = parts.concat();
        let forms: Vec<&str> =
            text.split("{% call open(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let listed: Vec<&str> = COURSE.iter().chain(&OTHER).chain(&BESIDE).map(|(name, _)| *name).collect();
        assert_eq!(forms, listed);
    }
}

//! 代办权限 (requirement 20: 群众自愿和代办权限范围): what an agent may and may not do for somebody, as whoever files through one
//! is told, at the desk and on the mandate.

use sanji_domain::Item;
use sanji_proto::v1 as proto;

/// The rights of a mandate, in the order in which they stand on the form.
const RIGHTS: [&str; 4] = ["代为提交申请", "代为补正", "代为签收文书", "代为领取证照"];
/// What no agent does, whatever a mandate says.
const NEVER: [&str; 3] = [
    "代替申请人作出真实性承诺、放弃权利或者变更申请事项",
    "收取代办费、劳务费或者代收规费",
    "超出委托权限或者委托期限办理",
];

/// What no agent may do, in one sentence.
pub(crate) fn never() -> String {
    NEVER.join("；")
}

/// What is left to the applicant, as their own act: 代为补正 is 补正 then.
pub(crate) fn own_acts(rights: &[&str]) -> String {
    let own: Vec<&str> = rights.iter().map(|right| right.trim_start_matches("代为")).collect();
    own.join("、")
}

/// 代办权限: what an agent may and may not do for somebody, as whoever files through one is told.
pub(crate) struct Agency {
    pub(crate) may: Vec<&'static str>,
    /// What this mandate leaves to the applicant.
    pub(crate) may_not: Vec<&'static str>,
    /// What no agent may do.
    pub(crate) never: [&'static str; 3],
    /// What the item says of agents; empty: nothing.
    pub(crate) limits: String,
}

impl Agency {
    /// Without a mandate: nothing was given.
    pub(crate) fn of(mandate: Option<&proto::Mandate>, item: Option<&Item>) -> Self {
        let given = mandate.map_or([false; 4], |mandate| {
            [mandate.may_submit, mandate.may_correct, mandate.may_sign_for_documents, mandate.may_collect_result]
        });
        let (may, may_not): (Vec<_>, Vec<_>) = RIGHTS.into_iter().zip(given).partition(|(_, given)| *given);
        let words = |rights: Vec<(&'static str, bool)>| rights.into_iter().map(|(right, _)| right).collect();
        let limits = item.and_then(|item| item.agent_limits.clone()).unwrap_or_default();
        Self { may: words(may), may_not: words(may_not), never: NEVER, limits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mandate_does_not_give_is_the_applicants_own() {
        let mandate = proto::Mandate { may_submit: true, may_sign_for_documents: true, ..Default::default() };
        let agency = Agency::of(Some(&mandate), None);
        assert_eq!(agency.may, ["代为提交申请", "代为签收文书"]);
        assert_eq!(own_acts(&agency.may_not), "补正、领取证照");
        assert_eq!(Agency::of(None, None).may_not.len(), 4);
    }
}

//! Rules common to all items, from `defaults.toml`. A value in an item's file wins over them.

use crate::limit::Limit;
use crate::toml_file::{FileFault, Section, read_file};

/// The rules common to all items, as far as cases use them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// Acceptance and the one-time notice (行政许可法 art. 32).
    pub acceptance: AcceptanceRules,
    /// Correction of an application.
    pub correction: CorrectionRules,
    /// Filing through a village agent.
    pub agent: AgentRules,
    /// Examination and decision.
    pub decision: DecisionRules,
    /// Joint cases (行政许可法 art. 42 para. 2).
    pub joint: JointRules,
    /// Electronic supervision.
    pub supervision: SupervisionRules,
    /// Complaints.
    pub complaint: ComplaintRules,
    /// Ratings.
    pub evaluation: EvaluationRules,
}

/// `[acceptance]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptanceRules {
    /// From receipt of the application to the answer; later silence counts as acceptance on the day of receipt.
    pub decide_within: Limit,
}

/// `[correction]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectionRules {
    /// How long the applicant has to hand in what is missing.
    pub reply_within: Limit,
    /// How often a correction may be asked for without leave of the chief representative.
    pub max_rounds: u32,
}

/// `[agent]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRules {
    /// From receipt at the village to the township.
    pub forward_within: Limit,
    /// Longest interval between two carriages of a medium from a village without a line.
    pub carry_max: Limit,
    /// Whether the resident must have signed a mandate.
    pub consent_required: bool,
    /// Whether the agent may charge nothing.
    pub free_of_charge: bool,
}

/// `[decision]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionRules {
    /// How many members of staff a site visit needs (行政许可法 art. 34).
    pub site_visit_min_staff: u32,
    /// What a refusal must state.
    pub refusal_needs: Vec<String>,
    /// From the decision to delivery (行政许可法 art. 44).
    pub deliver_within: Limit,
    /// How often a case may be extended.
    pub extension_max_times: u32,
}

/// `[joint]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JointRules {
    /// The longest a joint case may take.
    pub limit: Limit,
    /// By how much it may be extended, and who approves that, in words; none: not at all.
    pub extension: Option<(Limit, String)>,
    /// From acceptance to the notice to the consulted departments.
    pub copy_within: Limit,
    /// How long a consulted department has to answer.
    pub consult_reply: Limit,
    /// The answers it may give.
    pub consult_answers: Vec<String>,
}

/// `[supervision]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupervisionRules {
    /// How long before a deadline the handler is reminded.
    pub prompt_before_deadline: Limit,
    /// The share of the promise, in percent, after which an open case is yellow.
    pub yellow_at_percent: u32,
    /// How long an office has to answer an alert.
    pub reply_to_warning_within: Limit,
    /// Grades of the evaluation, best first.
    pub grades: Vec<String>,
}

/// `[complaint]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComplaintRules {
    /// From the complaint to the answer whether it is taken up.
    pub accept_within: Limit,
    /// From the complaint to its end.
    pub finish_within: Limit,
}

/// `[evaluation]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluationRules {
    /// Levels of satisfaction, best first.
    pub levels: Vec<String>,
    /// The levels that must be followed up.
    pub bad_levels: Vec<String>,
    /// From a bad rating to the first call.
    pub contact_within: Limit,
    /// From a bad rating to its remedy.
    pub rectify_within: Limit,
}

impl Defaults {
    /// Reads `defaults.toml`.
    ///
    /// # Errors
    /// Everything that is wrong with the file, by line.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<FileFault>> {
        read_file(file, text, |section| {
            // Texts for people, and what the rules of the case have in their own form.
            section.skip(&["forward", "special", "remedy", "case_kinds", "regimes"]);
            let acceptance = section.section("acceptance", AcceptanceRules::read);
            let correction = section.section("correction", CorrectionRules::read);
            let agent = section.section("agent", AgentRules::read);
            let decision = section.section("decision", DecisionRules::read);
            let joint = section.section("joint", JointRules::read);
            let supervision = section.section("supervision", SupervisionRules::read);
            let complaint = section.section("complaint", ComplaintRules::read);
            let evaluation = section.section("evaluation", EvaluationRules::read);
            Some(Self {
                acceptance: acceptance?,
                correction: correction?,
                agent: agent?,
                decision: decision?,
                joint: joint?,
                supervision: supervision?,
                complaint: complaint?,
                evaluation: evaluation?,
            })
        })
    }
}

impl AcceptanceRules {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        section.skip(&[
            "overdue_effect",
            "onsite_correction",
            "one_time_notice",
            "not_in_competence",
            "written_receipt",
        ]);
        Some(Self { decide_within: section.section("decide_within", Limit::read)? })
    }
}

impl CorrectionRules {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        section.skip(&["clock", "overdue_effect", "resubmit_to"]);
        let (reply_within, max_rounds) = (section.section("reply_within", Limit::read), section.number("max_rounds"));
        Some(Self { reply_within: reply_within?, max_rounds: max_rounds? })
    }
}

impl AgentRules {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        section.skip(&["urgent_forward"]);
        let forward_within = section.section("forward_within", Limit::read);
        let carry_max = section.section("carry_max", Limit::read);
        let (consent_required, free_of_charge) = (section.flag("consent_required"), section.flag("free_of_charge"));
        Some(Self {
            forward_within: forward_within?,
            carry_max: carry_max?,
            consent_required: consent_required?,
            free_of_charge: free_of_charge?,
        })
    }
}

impl DecisionRules {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        section.skip(&["extension_needs"]);
        let site_visit_min_staff = section.number("site_visit_min_staff");
        let refusal_needs = section.texts("refusal_needs");
        let deliver_within = section.section("deliver_within", Limit::read);
        let extension_max_times = section.number("extension_max_times");
        Some(Self {
            site_visit_min_staff: site_visit_min_staff?,
            refusal_needs: refusal_needs?,
            deliver_within: deliver_within?,
            extension_max_times: extension_max_times?,
        })
    }
}

impl JointRules {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        let extension = section.optional_section("extension", |section| {
            let (limit, approver) = (Limit::read(section), section.text("approver"));
            Some((limit?, approver?))
        });
        let (limit, copy_within) = (section.section("limit", Limit::read), section.section("copy_within", Limit::read));
        let consult_reply = section.section("consult_default_reply", Limit::read);
        let consult_answers = section.some_texts("consult_answers");
        Some(Self {
            limit: limit?,
            extension,
            copy_within: copy_within?,
            consult_reply: consult_reply?,
            consult_answers: consult_answers?,
        })
    }
}

impl SupervisionRules {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        section.skip(&["red_when", "watch", "watch_rules", "evaluation_cycle"]);
        let prompt_before_deadline = section.section("prompt_before_deadline", Limit::read);
        let yellow_at_percent = section.number("yellow_at_percent");
        if yellow_at_percent.is_some_and(|percent| percent > 100) {
            section.fault("yellow_at_percent", "百分比不能超过 100");
        }
        let reply_to_warning_within = section.section("reply_to_warning_within", Limit::read);
        let grades = section.some_texts("grades");
        Some(Self {
            prompt_before_deadline: prompt_before_deadline?,
            yellow_at_percent: yellow_at_percent?,
            reply_to_warning_within: reply_to_warning_within?,
            grades: grades?,
        })
    }
}

impl ComplaintRules {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        section.skip(&["real_name_reply"]);
        let accept_within = section.section("accept_within", Limit::read);
        let finish_within = section.section("finish_within", Limit::read);
        Some(Self { accept_within: accept_within?, finish_within: finish_within? })
    }
}

impl EvaluationRules {
    fn read(section: &mut Section<'_>) -> Option<Self> {
        section.skip(&["real_name_callback_percent"]);
        let (levels, bad_levels) = (section.some_texts("levels"), section.texts("bad_levels"));
        let contact_within = section.section("contact_within", Limit::read);
        let rectify_within = section.section("rectify_within", Limit::read);
        let rules = Self {
            levels: levels?,
            bad_levels: bad_levels?,
            contact_within: contact_within?,
            rectify_within: rectify_within?,
        };
        if let Some(level) = rules.bad_levels.iter().find(|level| !rules.levels.contains(level)) {
            section.fault("bad_levels", format!("“{level}”不在评价等级中"));
        }
        Some(rules)
    }
}

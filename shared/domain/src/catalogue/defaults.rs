//! Rules common to all items, from `defaults.toml`. A value in an item's file wins over them.

use crate::limit::Limit;

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

//! `catalogue walk`: what happens to a case of an item, step by step, if everybody takes the time that they have.

use std::fmt::Write as _;

use clap::Args;
use jiff::civil::Date;
use sanji_domain::case::words::date_words;
use sanji_domain::case::{Action, Outcome};
use sanji_domain::organisation::{Authorisations, Organisation};
use sanji_domain::{Item, ItemCode, StageTier};
use sanji_log::StationCode;
use sanji_station::command::Output;
use serde::Serialize;
use serde_json::json;

use super::Folder;
use super::dry_run::{Branch, DryRun, Taken, lowest_home};
use crate::error::Error;
use crate::files::{DistrictFiles, read_staff_if_any};

/// Walk a case of an item through its route without opening one: who acts where, until when, with which documents
///
/// Each step is taken on the last working day of its limit, by the rules that decide real cases.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sanji-hub catalogue walk mz-dibao --on 2026-03-02 --folder tests/sample\n  \
    sanji-hub catalogue walk mz-dibao --on 2026-03-02 --branch deny --home 990106101000 --folder tests/sample --json")]
pub(crate) struct Arguments {
    /// Code of the item.
    item: ItemCode,
    /// The day of the application, as 2026-03-02.
    #[arg(long, value_name = "DATE")]
    on: Date,
    /// Which way it goes where the rules leave a choice.
    #[arg(long, value_enum, default_value_t = Branch::Approve)]
    branch: Branch,
    /// Station where the application is handed in; without it, the first village, township or district hall that
    /// takes it.
    #[arg(long, value_name = "CODE")]
    home: Option<StationCode>,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    output: Output,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Error> {
        let mut district = DistrictFiles::read(&self.folder.path)?.check()?;
        // Stand-ins act by their role alone: nobody has authorised them by name.
        district.organisation = district.organisation.with_authorisations(Authorisations::default());
        let staff = read_staff_if_any(&self.folder.path, &district.organisation)?.unwrap_or_default();
        let reference = district.reference();
        let (_, item) = district
            .catalogue
            .latest(&self.item)
            .ok_or_else(|| Error::Input(format!("the catalogue has no item '{}'", self.item)))?;
        let home = self.home.map_or_else(|| lowest_home(reference, item, self.on), Ok)?;
        if district.organisation.station(&home).is_none() {
            return Err(Error::Input(format!("the district has no station {home}")));
        }
        let run = DryRun::walk(reference, &staff, item, home, self.on, self.branch)?;
        let walk = Walk::of(&run, item, &district.organisation);
        Ok(self.output.print(&json!(walk), |_| walk.words())?)
    }
}

/// A walk as it is told.
#[derive(Debug, Serialize)]
struct Walk<'a> {
    item: &'a ItemCode,
    name: &'a str,
    home: String,
    home_name: &'a str,
    /// The limits in words.
    statutory: Option<String>,
    promised: String,
    accepted_on: Option<Date>,
    statutory_until: Option<Date>,
    promised_until: Option<Date>,
    /// The day of the decision; the last one's where several stages decide.
    decided_on: Option<Date>,
    /// Whether the last decision came within the promise; none without a decision.
    within_promise: Option<bool>,
    /// Where the case ends, in words.
    state: &'static str,
    steps: Vec<Step<'a>>,
}

/// A step as it is told.
#[derive(Debug, Serialize)]
struct Step<'a> {
    /// Name as in `ActRequest.action`; `submit` for the first.
    action: &'static str,
    title: &'static str,
    stage: Option<&'a str>,
    stage_name: Option<&'a str>,
    tier: &'static str,
    station: String,
    station_name: &'a str,
    department: String,
    department_name: &'a str,
    role: &'static str,
    /// An outside body acts; the duty is to record it.
    external: bool,
    on: Date,
    until: Option<Date>,
    documents: Vec<&'a str>,
    /// Ids of the staff who could take it.
    people: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn of(run: &'a DryRun<'a>, item: &'a Item, organisation: &'a Organisation) -> Self {
        let (case, clock) = (run.case(), run.clock());
        let decided = run.taken().iter().rev().find(|taken| taken.action == Some(Action::Decide));
        let decided_on = decided.map(|taken| taken.on);
        let home = run.taken().first().map(|opening| opening.duty.station);
        Self {
            item: &item.code,
            name: &item.name,
            home: home.map_or_else(String::new, |home| home.to_string()),
            home_name: home.map_or("", |home| station_name(organisation, home)),
            statutory: item.limits.statutory.map(|limit| limit.to_string()),
            promised: item.limits.promised.to_string(),
            accepted_on: clock.accepted_on,
            statutory_until: clock.statutory_until,
            promised_until: clock.promised_until,
            decided_on,
            within_promise: decided_on.zip(clock.promised_until).map(|(decided, until)| decided <= until),
            state: case.state().words(),
            steps: run.taken().iter().map(|taken| Step::of(taken, item, organisation, case.outcome())).collect(),
        }
    }

    fn words(&self) -> String {
        let mut words = format!("{}（{}），{}（{}）收件\n", self.name, self.item, self.home_name, self.home);
        let statutory = self.statutory.as_deref().unwrap_or("无");
        let _ = writeln!(words, "法定期限：{statutory}；承诺期限：{}", self.promised);
        for (step, number) in self.steps.iter().zip(1..) {
            let stage = step.stage_name.map_or_else(String::new, |stage| format!("{stage}："));
            let until = step.until.map_or_else(String::new, |until| format!("（期限{}）", date_words(until)));
            let _ = writeln!(words, "{number:>3}. {}  {stage}{}{until}", date_words(step.on), step.title);
            let people = if step.people.is_empty() { "无人".to_owned() } else { format!("{}人", step.people.len()) };
            let outside = if step.external { "，登记外部单位的答复" } else { "" };
            let _ = writeln!(
                words,
                "     {} {}  {}  {}（{people}可办{outside}）",
                step.tier, step.station_name, step.department_name, step.role
            );
            if !step.documents.is_empty() {
                let _ = writeln!(words, "     文书材料：{}", step.documents.join("；"));
            }
        }
        let mut last = format!("结果：{}", self.state);
        for (what, day) in [
            ("受理", self.accepted_on),
            ("决定", self.decided_on),
            ("承诺期限至", self.promised_until),
            ("法定期限至", self.statutory_until),
        ] {
            last += &day.map_or_else(String::new, |day| format!("；{what}{}", date_words(day)));
        }
        if self.within_promise == Some(false) {
            last += "；各环节用足期限将超过承诺期限";
        }
        words + &last
    }
}

impl<'a> Step<'a> {
    fn of(taken: &'a Taken, item: &'a Item, organisation: &'a Organisation, outcome: Option<Outcome>) -> Self {
        let stage = taken.stage.as_ref().and_then(|stage| item.stage(stage));
        let department = organisation.department(&taken.duty.department);
        Self {
            action: taken.action.map_or("submit", Action::name),
            title: taken.action.map_or("登记申请", Action::title),
            stage: stage.map(|stage| stage.id.as_str()),
            stage_name: stage.map(|stage| stage.name.as_str()),
            tier: StageTier::from(taken.duty.station.tier()).term(),
            station: taken.duty.station.to_string(),
            station_name: station_name(organisation, taken.duty.station),
            department: taken.duty.department.to_string(),
            department_name: department.map_or(taken.duty.department.as_str(), |department| department.name.as_str()),
            role: taken.duty.role.term(),
            external: taken.duty.external,
            on: taken.on,
            until: taken.until,
            documents: documents(taken, item, outcome),
            people: taken.people.iter().map(|id| id.as_str()).collect(),
        }
    }
}

/// What is handed in or must be left by a step.
fn documents<'a>(taken: &Taken, item: &'a Item, outcome: Option<Outcome>) -> Vec<&'a str> {
    let output = taken.stage.as_ref().and_then(|stage| item.stage(stage)).map(|stage| stage.output.as_str());
    match taken.action {
        None => {
            let mandatory = item.materials.iter().filter(|material| material.mandatory);
            mandatory.map(|material| material.name.as_str()).collect()
        }
        Some(Action::RequestCorrection) => vec!["一次性告知书"],
        Some(Action::SupplyCorrection) => vec!["补正材料"],
        Some(Action::Return) => vec!["退回件通知书"],
        Some(Action::SendUp) => vec!["报送登记"],
        Some(Action::PostPublicity) => vec!["公示照片"],
        Some(Action::ConfirmWithdrawal) => vec!["撤回申请"],
        Some(Action::Deliver) if outcome == Some(Outcome::Approved) => {
            output.into_iter().chain([item.result.name.as_str()]).collect()
        }
        Some(_) => output.into_iter().collect(),
    }
}

fn station_name(organisation: &Organisation, code: StationCode) -> &str {
    organisation.station(&code).map_or("", |station| station.full_name.as_str())
}

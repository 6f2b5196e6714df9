//! A case that nobody applied for, walked through its item's route by the rules of real cases: the same `submit`,
//! `decide` and `apply`, a clock that only knows days, and for each step a person with just the duty's role.
//!
//! Everybody takes the time that the rules give: a step is done on the last working day of its limit. So the walk
//! shows whether the stages fit into the promise. Only a public notice is posted on the day the case comes, for it
//! takes the whole limit to hang.

use jiff::civil::Date;
use jiff::tz;
use sanji_domain::case::fee::{FeeInput, PaymentInput, chargeable};
use sanji_domain::case::{
    Action, Body, Case, CaseClock, CaseEntry, Command, Context, Draft, Duty, Reference, Refusal, RefusalCode,
    available, case_clock, decide, duty_at, is_todo, may_open, my_stages, responsible, submit,
};
use sanji_domain::catalogue::FeeItem;
use sanji_domain::organisation::ALONE;
use sanji_domain::{Item, Staff, StaffId, StageId};
use sanji_log::{CaseId, Hash, HybridTime, LogId, PublicKey, Reach, RequestId, StationCode, Tier};

use super::stand_in::{self, person, reception};
use crate::error::Error;

/// No route of a catalogue comes near so many steps.
const MOST_STEPS: usize = 500;
/// China's hour at which everybody acts.
const OFFICE_HOUR: i8 = 10;

/// Which way the case goes where the rules leave a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Branch {
    /// Everybody agrees.
    Approve,
    /// The first who decides says no.
    Deny,
    /// A correction is asked for and supplied before acceptance; then everybody agrees.
    Correct,
    /// It is returned instead of accepted.
    Return,
    /// The applicant withdraws as late as possible.
    Withdraw,
}

/// One step of the walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    /// What was done; none: the application came in.
    pub(super) action: Option<Action>,
    /// In which stage.
    pub(super) stage: Option<StageId>,
    /// By whom.
    pub(super) duty: Duty,
    /// On which day.
    pub(super) on: Date,
    /// The last day of the stage when the step was taken; none: it has no limit.
    pub(super) until: Option<Date>,
    /// Members of the folder's staff who could have taken it.
    pub(super) people: Vec<StaffId>,
}

/// The walk so far.
pub(super) struct DryRun<'a> {
    reference: Reference<'a>,
    staff: &'a [Staff],
    item: &'a Item,
    home: StationCode,
    branch: Branch,
    case: Case,
    today: Date,
    written: u64,
    taken: Vec<Taken>,
}

impl<'a> DryRun<'a> {
    /// Opens a case at its home and walks it to its end.
    pub(super) fn walk(
        reference: Reference<'a>,
        staff: &'a [Staff],
        item: &'a Item,
        home: StationCode,
        on: Date,
        branch: Branch,
    ) -> Result<Self, Error> {
        let case = CaseId::new(home, 0, 1, [0; 7]).map_err(|fault| Error::Input(fault.to_string()))?;
        let (case, taken) = (Case::new(case), Vec::new());
        let mut run = Self { reference, staff, item, home, branch, case, today: on, written: 0, taken };
        run.open()?;
        while run.case.stage().is_some() && run.taken.len() < MOST_STEPS {
            run.step()?;
        }
        if run.case.stage().is_some() {
            return Err(Error::Input(format!("the route of '{}' does not end", item.code)));
        }
        let Some(turning) = run.turning() else { return Ok(run) };
        if run.taken.iter().any(|taken| taken.action == Some(turning)) {
            return Ok(run);
        }
        Err(Error::Input(format!("no stage of '{}' offers {}（{}）", item.code, turning.name(), turning.title())))
    }

    /// The case at its end.
    pub(super) fn case(&self) -> &Case {
        &self.case
    }

    /// The steps, in order.
    pub(super) fn taken(&self) -> &[Taken] {
        &self.taken
    }

    /// The clock of the case, today.
    pub(super) fn clock(&self) -> CaseClock {
        let Reference { calendar, defaults, .. } = self.reference;
        case_clock(&self.case, self.item, calendar, defaults, self.today)
    }

    /// The action without which the branch is not the branch.
    fn turning(&self) -> Option<Action> {
        match self.branch {
            Branch::Approve => None,
            Branch::Deny => Some(Action::Decide),
            Branch::Correct => Some(Action::RequestCorrection),
            Branch::Return => Some(Action::Return),
            Branch::Withdraw => Some(Action::ConfirmWithdrawal),
        }
    }

    fn open(&mut self) -> Result<(), Error> {
        let duty = reception(&self.reference, self.item, self.home);
        let actor = person(&duty)?;
        let context = self.at(&actor)?;
        let drafts = submit(stand_in::application(self.item, self.home), &context).map_err(refused)?;
        let able = |staff: &&Staff| self.at(staff).is_ok_and(|context| may_open(self.item, &context).is_ok());
        let people = self.people(self.home, able);
        self.write(drafts, &actor)?;
        self.taken.push(Taken { action: None, stage: None, duty, on: self.today, until: None, people });
        Ok(())
    }

    /// The next step, on the last day on which it may be taken.
    fn step(&mut self) -> Result<(), Error> {
        let (duty, until) = self.turn()?;
        let actor = person(&duty)?;
        let until = until.ok_or_else(|| Error::Input(self.unreckoned()))?;
        if self.withdraws_now(&actor)? {
            let resident = person(&reception(&self.reference, self.item, self.home))?;
            self.act(&resident, Command::RequestWithdrawal { words: "不再申请".to_owned() })?;
        }
        let posts = self.offered(&actor)?.contains(&Action::PostPublicity.name());
        if self.case.publicity().is_some() {
            self.today = self.working_day_after(until)?;
        } else if !posts {
            self.today = self.last_working_day(until)?;
        }
        let offered = self.offered(&actor)?;
        let command = self.choose(&offered).ok_or_else(|| {
            let stage = self.case.stage().map_or("", StageId::as_str);
            Error::Input(format!("nobody can go on in stage '{stage}' of '{}'", self.item.code))
        })?;
        // Of stages that run in parallel this person has one, not always the first.
        let stage = my_stages(&self.case, &self.at(&actor)?).into_iter().next();
        let action = command.action();
        let able = |staff: &&Staff| self.at(staff).is_ok_and(|context| is_todo(&self.case, &context));
        let people = self.people(duty.station, able);
        self.act(&actor, command)?;
        self.taken.push(Taken { action: Some(action), stage, duty, on: self.today, until: Some(until), people });
        Ok(())
    }

    /// Whose turn it is, and until when: of stages that run in parallel, the one that ends first.
    fn turn(&self) -> Result<(Duty, Option<Date>), Error> {
        let clock = self.clock();
        let mut open = clock.open_stages;
        open.sort_by_key(|open| (open.until.is_none(), open.until));
        for open in open.iter().filter(|_| open.len() > 1) {
            let holder = self.case.holder().unwrap_or(self.home);
            let Some(duty) = duty_at(&self.case, &self.reference, &open.stage, holder) else { continue };
            let actor = person(&duty)?;
            if my_stages(&self.case, &self.at(&actor)?).contains(&open.stage) {
                return Ok((duty, open.until));
            }
        }
        Ok((self.duty()?, clock.stage_until))
    }

    fn duty(&self) -> Result<Duty, Error> {
        responsible(&self.case, &self.reference).ok_or_else(|| {
            let stage = self.case.stage().map_or("", StageId::as_str);
            Error::Input(format!("stage '{stage}' of '{}' is nobody's", self.item.code))
        })
    }

    fn unreckoned(&self) -> String {
        format!("the walk can't go on after {}: {}", self.today, self.clock().words)
    }

    /// The action of the branch where it is offered, else one towards approval.
    fn choose(&self, offered: &[&str]) -> Option<Command> {
        const TOWARDS: [Action; 11] = [
            Action::RegisterPayment,
            Action::ConfirmWithdrawal,
            Action::SupplyCorrection,
            Action::EndPublicity,
            Action::Accept,
            Action::SendUp,
            Action::FinishStage,
            Action::PostPublicity,
            Action::Decide,
            Action::Deliver,
            Action::IssueFee,
        ];
        let is_offered = |action: &Action| offered.contains(&action.name());
        let turning = self.turning().filter(|_| self.case.correction_rounds() == 0).filter(is_offered);
        turning.or_else(|| TOWARDS.into_iter().find(is_offered)).and_then(|action| self.typed(action))
    }

    fn typed(&self, action: Action) -> Option<Command> {
        match action {
            Action::IssueFee => return Some(self.notice()),
            Action::RegisterPayment => return self.receipt(),
            _ => {}
        }
        let visitors = self.reference.defaults.decision.site_visit_min_staff;
        stand_in::command(action, self.branch != Branch::Deny, visitors)
    }

    /// A notice over one unit of the first fee that may be charged.
    fn notice(&self) -> Command {
        let fees = chargeable(self.item, self.reference.catalogue, self.today).into_iter().take(1);
        let line =
            |fee: &FeeItem| FeeInput { code: fee.code.clone(), quantity: 1, waived_fen: 0, ground: String::new() };
        Command::IssueFee { lines: fees.map(line).collect() }
    }

    /// What the bank says of the notice that is open.
    fn receipt(&self) -> Option<Command> {
        let fees = self.case.fees();
        let amount_fen = fees.open()?.issued.payable_fen();
        let text = || "试走".to_owned();
        let paid_ms = moment(self.today).ok()?;
        let (receipt_number, bank, serial) = (text(), text(), text());
        Some(Command::RegisterPayment(PaymentInput { notice: 0, receipt_number, amount_fen, paid_ms, bank, serial }))
    }

    /// Whether the applicant withdraws before the next step: at the last moment, before a decision.
    fn withdraws_now(&self, actor: &Staff) -> Result<bool, Error> {
        let decides = self.offered(actor)?.contains(&Action::Decide.name());
        Ok(self.branch == Branch::Withdraw && decides && !self.case.withdrawal_requested())
    }

    // ------------------------------------------------------------------------------------------------- people

    fn at<'b>(&self, actor: &'b Staff) -> Result<Context<'b>, Error>
    where
        'a: 'b,
    {
        Ok(Context {
            now_ms: moment(self.today)?,
            station: actor.place,
            actor,
            standing: &ALONE,
            reference: self.reference,
        })
    }

    fn offered(&self, actor: &Staff) -> Result<Vec<&'static str>, Error> {
        Ok(available(&self.case, &self.at(actor)?))
    }

    fn people(&self, station: StationCode, able: impl Fn(&&Staff) -> bool) -> Vec<StaffId> {
        let there = self.staff.iter().filter(|staff| staff.place == station);
        there.filter(able).map(|staff| staff.id.clone()).collect()
    }

    // ------------------------------------------------------------------------------------------------- days

    /// The last working day up to the end of a limit; today where there is none.
    fn last_working_day(&self, until: Date) -> Result<Date, Error> {
        let mut day = until;
        while day > self.today && !self.works(day)? {
            day = day.yesterday().map_err(|_| out_of_range(day))?;
        }
        Ok(day.max(self.today))
    }

    fn working_day_after(&self, until: Date) -> Result<Date, Error> {
        let mut day = until.tomorrow().map_err(|_| out_of_range(until))?;
        while !self.works(day)? {
            day = day.tomorrow().map_err(|_| out_of_range(day))?;
        }
        Ok(day)
    }

    fn works(&self, day: Date) -> Result<bool, Error> {
        self.reference.calendar.is_working_day(day).map_err(super::calendar::no_year)
    }

    // ------------------------------------------------------------------------------------------------- entries

    fn act(&mut self, actor: &Staff, command: Command) -> Result<(), Error> {
        let request = RequestId([0; 16]);
        let drafts = decide(&self.case, Some(request), command, &self.at(actor)?).map_err(refused)?;
        self.write(drafts, actor)
    }

    /// Applies drafts as a station would that had written them.
    fn write(&mut self, drafts: Vec<Draft>, actor: &Staff) -> Result<(), Error> {
        for Draft { body, .. } in drafts {
            self.written += 1;
            let entry = self.entry(body, actor)?;
            self.case.apply(&entry);
        }
        Ok(())
    }

    /// A number stands for the hash: in a chain of one writer after the other nothing more is asked of it.
    fn entry(&self, body: Body, actor: &Staff) -> Result<CaseEntry, Error> {
        let mut hash = [0; 32];
        hash[24..].copy_from_slice(&self.written.to_be_bytes());
        Ok(CaseEntry {
            hash: Hash(hash),
            log: LogId { reach: Reach::Private, home: self.home, key: PublicKey([0; 32]) },
            seq: self.written,
            writer: actor.place,
            time: HybridTime::from_millis(moment(self.today)? + self.written),
            actor: actor.id.to_string(),
            body,
        })
    }
}

/// The lowest station, by code, whose people take applications for an item on a day.
pub(super) fn lowest_home(reference: Reference<'_>, item: &Item, on: Date) -> Result<StationCode, Error> {
    let mut refusal = None;
    for tier in [Tier::Village, Tier::Township, Tier::District] {
        let stations = reference.organisation.stations().map(|station| station.code);
        let Some(home) = stations.into_iter().find(|code| code.tier() == tier) else { continue };
        let actor = person(&reception(&reference, item, home))?;
        let context = Context { now_ms: moment(on)?, station: home, actor: &actor, standing: &ALONE, reference };
        match may_open(item, &context) {
            Ok(()) => return Ok(home),
            // That it is the wrong time of the year says more than that a higher station is not the place.
            Err(found) if refusal.is_none() || found.code == RefusalCode::WindowClosed => refusal = Some(found),
            Err(_) => {}
        }
    }
    Err(refusal.map_or_else(|| Error::Input("the district has no stations".to_owned()), refused))
}

/// Milliseconds since 1970-01-01 UTC when people act on a day.
fn moment(day: Date) -> Result<u64, Error> {
    let moment = tz::offset(8).to_timestamp(day.at(OFFICE_HOUR, 0, 0, 0)).map_err(|_| out_of_range(day))?;
    u64::try_from(moment.as_millisecond()).map_err(|_| out_of_range(day))
}

fn out_of_range(day: Date) -> Error {
    Error::Input(format!("{day} is not a day on which a case can be handled"))
}

fn refused(refusal: Refusal) -> Error {
    Error::Input(refusal.sentence)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use sanji_domain::case::CaseState;

    use super::*;
    use crate::files::{District, DistrictFiles, read_staff};

    const TIERS: [&str; 3] = ["990106101203", "990106101000", "990106000000"];

    fn sample() -> (District, Vec<Staff>) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sample");
        let district = DistrictFiles::read(&folder).unwrap().check().unwrap();
        let staff = read_staff(&folder, &district.organisation).unwrap();
        (district, staff)
    }

    fn end_of(branch: Branch) -> CaseState {
        match branch {
            Branch::Approve | Branch::Correct => CaseState::Concluded,
            Branch::Deny => CaseState::Denied,
            Branch::Return => CaseState::Returned,
            Branch::Withdraw => CaseState::Withdrawn,
        }
    }

    #[test]
    fn every_item_ends_as_its_branch_says_in_time_and_with_people_who_can_act() {
        let (district, staff) = sample();
        let reference = district.reference();
        let monday: Date = "2026-03-02".parse().unwrap();
        let mut walks = 0;
        for (_, item) in district.catalogue.iter() {
            for home in TIERS.map(|code| code.parse().unwrap()) {
                let actor = person(&reception(&reference, item, home)).unwrap();
                let context = Context {
                    now_ms: moment(monday).unwrap(),
                    station: home,
                    actor: &actor,
                    standing: &ALONE,
                    reference,
                };
                let open = may_open(item, &context).is_ok();
                for branch in [Branch::Approve, Branch::Deny, Branch::Correct, Branch::Return, Branch::Withdraw] {
                    let run = DryRun::walk(reference, &staff, item, home, monday, branch);
                    assert_eq!(run.is_ok(), open, "{} {home} {branch:?}", item.code);
                    let Ok(run) = run else { continue };
                    walks += 1;
                    assert_eq!(run.case().state(), end_of(branch), "{} {home} {branch:?}", item.code);
                    assert!(run.taken().is_sorted_by_key(|taken| taken.on));
                    for taken in run.taken() {
                        let late = taken.until.is_some_and(|until| taken.on > until);
                        assert_eq!(late, taken.action == Some(Action::EndPublicity), "{} {taken:?}", item.code);
                        assert!(district.calendar.is_working_day(taken.on).unwrap(), "{} {taken:?}", item.code);
                        assert!(!taken.people.is_empty(), "{} {taken:?}", item.code);
                    }
                }
            }
        }
        // So many items are taken in at villages, townships and the district's hall.
        assert_eq!(walks, (40 + 41 + 15) * 5);
    }

    #[test]
    fn the_lowest_station_that_takes_an_item_is_its_home() {
        let (district, _) = sample();
        let home = |code: &str, day: &str| {
            let (_, item) = district.catalogue.latest(&code.parse().unwrap()).unwrap();
            lowest_home(district.reference(), item, day.parse().unwrap())
        };
        assert_eq!(home("mz-dibao", "2026-03-02").unwrap().tier(), Tier::Village);
        assert_eq!(home("ga-sfz", "2026-03-02").unwrap().tier(), Tier::Township);
        assert_eq!(home("ly-lindi", "2026-03-02").unwrap().tier(), Tier::District);
        let closed = home("wj-jiangfu", "2026-05-20").unwrap_err().to_string();
        assert!(closed.contains("不在申报期内"), "{closed}");
    }
}

//! `calendar`: the working days of a year, and deadlines that count them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use sanji_domain::calendar::MissingYear;
use sanji_domain::case::words::date_words;
use sanji_domain::limit::LONGEST_LIMIT_DAYS;
use sanji_domain::{Calendar, Limit, Unit};
use sanji_station::command::Output;
use serde::Serialize;
use serde_json::json;

use super::Folder;
use crate::error::Error;
use crate::files::read_calendar;

/// Working days of a year by month, its holidays and its make-up days
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Examples:\n  sanji-hub calendar 2026 --folder tests/sample\n  \
    sanji-hub calendar deadline --from 2026-02-10 --days 20 --unit 工作日 --folder tests/sample")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The year; without it, every year that the calendar knows.
    year: Option<i16>,
    // Optional for the parser alone: a subcommand has a folder of its own.
    /// Folder of the district's data files: catalogue/, organisation/, calendar/.
    #[arg(long, value_name = "DIR", required = true)]
    folder: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum Command {
    Deadline(Deadline),
}

/// Print the last day of a limit
///
/// The starting day is not counted, and the limit ends with the end of the day that is printed.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    sanji-hub calendar deadline --from 2026-02-10 --days 20 --unit 工作日 --folder tests/sample")]
struct Deadline {
    /// The starting day, for example that of acceptance, as 2026-02-10.
    #[arg(long, value_name = "DATE")]
    from: Date,
    /// How many days; 0 for 当场.
    #[arg(long, value_parser = clap::value_parser!(u32).range(..=i64::from(LONGEST_LIMIT_DAYS)))]
    days: u32,
    /// Working days, consecutive days, or on the spot.
    #[arg(long, value_name = "工作日|自然日|当场", value_parser = unit)]
    unit: Unit,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    output: Output,
}

fn unit(word: &str) -> Result<Unit, String> {
    Unit::from_term(word).ok_or_else(|| {
        let words: Vec<&str> = Unit::ALL.iter().map(|unit| unit.term()).collect();
        format!("it is one of {}", words.join(", "))
    })
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Error> {
        match (self.command, self.folder) {
            (Some(Command::Deadline(deadline)), _) => deadline.run(),
            (None, folder) => show_years(&folder.unwrap_or_default(), self.year, self.output),
        }
    }
}

fn show_years(folder: &Path, year: Option<i16>, output: Output) -> Result<(), Error> {
    let calendar = read_calendar(folder)?;
    let years: Vec<i16> = year.map_or_else(|| calendar.years().collect(), |year| vec![year]);
    let years = years.into_iter().map(|year| Year::of(&calendar, year));
    for year in years.collect::<Result<Vec<_>, _>>().map_err(no_year)? {
        output.print(&json!(year), |_| year.words())?;
    }
    Ok(())
}

impl Deadline {
    fn run(self) -> Result<(), Error> {
        let until = self.until(&read_calendar(&self.folder.path)?)?;
        let line = json!({ "from": self.from, "days": self.days, "unit": self.unit.term(), "until": until });
        Ok(self.output.print(&line, |_| until.to_string())?)
    }

    fn until(&self, calendar: &Calendar) -> Result<Date, Error> {
        if self.unit == Unit::OnTheSpot && self.days > 0 {
            return Err(Error::Input(format!("--days is 0 where --unit is {}", self.unit)));
        }
        calendar.deadline(self.from, Limit { days: self.days, unit: self.unit }).map_err(no_year)
    }
}

/// Nobody may guess the holidays of a year that has not been announced.
pub(super) fn no_year(missing: MissingYear) -> Error {
    Error::Input(format!("{missing}: its public holidays are not in the calendar file"))
}

/// A year as the calendar has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Year {
    year: i16,
    working_days: usize,
    working_days_by_month: Vec<usize>,
    holidays: Vec<Holiday>,
    makeup_days: Vec<Date>,
}

/// A public holiday, as far as it lies in the year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Holiday {
    name: String,
    from: Date,
    to: Date,
}

impl Year {
    fn of(calendar: &Calendar, year: i16) -> Result<Self, MissingYear> {
        let first = Date::new(year, 1, 1).map_err(|_| MissingYear(year))?;
        let mut view = Self {
            year,
            working_days: 0,
            working_days_by_month: vec![0; 12],
            holidays: Vec::new(),
            makeup_days: Vec::new(),
        };
        for date in first.series(1.day()).take_while(|date| date.year() == year) {
            let works = calendar.is_working_day(date)?;
            if works {
                view.working_days += 1;
                let month = usize::from(date.month().unsigned_abs()) - 1;
                view.working_days_by_month.get_mut(month).into_iter().for_each(|days| *days += 1);
            }
            if works && is_weekend(date) {
                view.makeup_days.push(date);
            }
            if let Some(name) = calendar.holiday(date) {
                view.day_off(name, date);
            }
        }
        Ok(view)
    }

    fn day_off(&mut self, name: &str, date: Date) {
        match self.holidays.last_mut() {
            Some(last) if last.name == name && last.to.tomorrow().is_ok_and(|next| next == date) => last.to = date,
            _ => self.holidays.push(Holiday { name: name.to_owned(), from: date, to: date }),
        }
    }

    fn words(&self) -> String {
        let mut words = format!("{}年：{}个工作日\n", self.year, self.working_days);
        for (month, days) in (1..).zip(&self.working_days_by_month) {
            let _ = writeln!(words, "  {month:>2}月 {days:>3}");
        }
        words.push_str("放假\n");
        for Holiday { name, from, to } in &self.holidays {
            let _ = writeln!(words, "  {}至{}  {name}", date_words(*from), date_words(*to));
        }
        words.push_str("调休上班\n");
        for date in &self.makeup_days {
            let day = if date.weekday() == Weekday::Saturday { "星期六" } else { "星期日" };
            let _ = writeln!(words, "  {}  {day}", date_words(*date));
        }
        words
    }
}

fn is_weekend(date: Date) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

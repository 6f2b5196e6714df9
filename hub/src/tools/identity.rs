//! `id check`: identity numbers and credit codes, checked as every form checks them.

use std::io::BufRead as _;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use sanji_domain::SubjectId;
use sanji_domain::calendar::local_date;
use sanji_domain::identity::{IdentityFault, normalise};
use sanji_station::clock::now_ms;
use sanji_station::command::Output;
use serde_json::{Value, json};

use crate::error::Error;

/// Commands on numbers.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(Check),
}

/// Check identity numbers (公民身份号码) and unified social credit codes (统一社会信用代码)
///
/// The exit status is not zero where a number is wrong. Numbers on a command line stay in the shell's history: real
/// ones are better piped in.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sanji-hub id check 11010519491231002X 91350100M000100Y43\n  \
    sanji-hub id check - --json < numbers.txt")]
pub(crate) struct Check {
    /// The numbers; a lone - reads them from standard input, one a line.
    #[arg(required = true, value_name = "NUMBER")]
    numbers: Vec<String>,
    #[command(flatten)]
    output: Output,
}

impl Command {
    pub(crate) fn run(self) -> Result<(), Error> {
        let Self::Check(check) = self;
        check.run()
    }
}

impl Check {
    fn run(self) -> Result<(), Error> {
        let numbers = if self.numbers == ["-"] { from_standard_input()? } else { self.numbers };
        let today = local_date(i64::try_from(now_ms()).unwrap_or(i64::MAX));
        let mut wrong = 0;
        for typed in &numbers {
            let finding = Finding::of(typed, today);
            wrong += usize::from(finding.subject.is_err());
            self.output.print(&finding.row(), |_| finding.words())?;
        }
        if wrong == 0 { Ok(()) } else { Err(Error::Input(format!("{wrong} of {} numbers are wrong", numbers.len()))) }
    }
}

fn from_standard_input() -> Result<Vec<String>, Error> {
    let fault = |source| Error::File { operation: "read", path: "standard input".into(), source };
    let mut numbers: Vec<String> = std::io::stdin().lock().lines().collect::<Result<_, _>>().map_err(fault)?;
    numbers.retain(|line| !line.trim().is_empty());
    Ok(numbers)
}

/// What there is to say of a number.
struct Finding {
    number: String,
    subject: Result<SubjectId, IdentityFault>,
}

impl Finding {
    fn of(typed: &str, today: Date) -> Self {
        Self { number: normalise(typed), subject: SubjectId::parse(typed, today) }
    }

    fn kind(&self) -> Option<&'static str> {
        match &self.subject {
            Ok(SubjectId::Citizen(_)) => Some("公民身份号码"),
            Ok(SubjectId::Body(_)) => Some("统一社会信用代码"),
            Err(_) => None,
        }
    }

    /// Why it is wrong, or what about it is worth a second look.
    fn reason(&self) -> Option<String> {
        match &self.subject {
            Err(fault) => Some(fault.sentence()),
            Ok(SubjectId::Body(code)) if !code.organisation_code_holds() => {
                Some("其中的组织机构代码校验位不符，请与证照核对。".to_owned())
            }
            Ok(_) => None,
        }
    }

    fn row(&self) -> Value {
        json!({
            "number": self.number,
            "valid": self.subject.is_ok(),
            "kind": self.kind(),
            "reason": self.reason(),
        })
    }

    fn words(&self) -> String {
        let verdict = self.kind().unwrap_or("不正确");
        let reason = self.reason().map_or_else(String::new, |reason| format!("：{reason}"));
        format!("{}  {verdict}{reason}", self.number)
    }
}

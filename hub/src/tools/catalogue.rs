//! `catalogue`: what is wrong with a folder of data files.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sanji_domain::FileFault;
use sanji_station::command::{self, Output, print_line};
use serde_json::{Value, json};

use super::walk;
use crate::error::Error;
use crate::files::{DistrictFiles, read_staff_if_any};

/// Commands on a catalogue.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(Check),
    Walk(walk::Arguments),
}

/// Print every fault of a folder of data files, with file, line and reason
///
/// Items, defaults, organisation, calendar and, where there are any, staff are read, each for itself and then
/// together. The exit status is not zero where anything is wrong. Remarks (提示) name what is allowed and will hardly have
/// been meant, such as a part of a joint item that no stage does.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  sanji-hub catalogue check tests/sample")]
pub(crate) struct Check {
    /// Folder of the district's data files: catalogue/, organisation/, calendar/.
    folder: PathBuf,
    #[command(flatten)]
    output: Output,
}

impl Command {
    pub(crate) fn run(self) -> Result<(), Error> {
        match self {
            Self::Check(check) => check.run(),
            Self::Walk(arguments) => arguments.run(),
        }
    }
}

impl Check {
    fn run(self) -> Result<(), Error> {
        let files = DistrictFiles::read(&self.folder)?;
        let (faults, remarks) = (self.faults(&files)?, files.remarks());
        if self.output.json {
            let told = |faults: &[FileFault]| faults.iter().map(row).collect::<Vec<Value>>();
            let told = json!({ "files": files.iter().count(), "faults": told(&faults), "remarks": told(&remarks) });
            print_line(&told.to_string())?;
        } else {
            for fault in &faults {
                print_line(&fault.to_string())?;
            }
            for remark in &remarks {
                print_line(&format!("提示：{remark}"))?;
            }
        }
        match faults.len() {
            0 if self.output.json => Ok(()),
            0 => Ok(print_line(&format!("{}个文件，没有错误", files.iter().count()))?),
            count => Err(command::Error::Faults(count).into()),
        }
    }

    /// What is wrong with the published files, and with the staff as soon as the organisation can be read.
    fn faults(&self, files: &DistrictFiles) -> Result<Vec<FileFault>, Error> {
        let mut faults = of(files.check())?;
        if let Some(organisation) = files.organisation(&mut Vec::new()) {
            faults.extend(of(read_staff_if_any(&self.folder, &organisation))?);
        }
        Ok(faults)
    }
}

fn of<T>(checked: Result<T, Error>) -> Result<Vec<FileFault>, Error> {
    match checked {
        Ok(_) => Ok(Vec::new()),
        Err(Error::Faults(faults)) => Ok(faults),
        Err(other) => Err(other),
    }
}

fn row(fault: &FileFault) -> Value {
    json!({ "file": fault.file, "line": fault.line, "reason": fault.reason })
}

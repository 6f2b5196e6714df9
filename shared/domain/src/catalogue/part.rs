//! Which stage of a joint item does which of its parts. The file names both and does not tie them together.

use super::item::Item;
use super::stage::{Part, PartWork, Stage, SupervisedLink};
use crate::code::DepartmentCode;

/// Whether a stage does a part.
type Tied = dyn Fn(&Part, &Stage) -> bool;

impl Item {
    /// The parts with the stages that do them, both by position. A part is done by the first stage that reviews or decides,
    /// does no part before it, and bears the part's name; else is its department's; else is that of a station which its
    /// department keeps in the townships (`ga-station` is one of `ga`).
    #[must_use]
    pub fn parts_by_stage(&self) -> Vec<(usize, usize)> {
        let ties: [&Tied; 3] = [
            &|part, stage| matches!(&part.work, PartWork::Named(name) if *name == stage.name),
            &|part, stage| part.department == stage.department,
            &|part, stage| keeps(&part.department, &stage.department),
        ];
        let mut found: Vec<(usize, usize)> = Vec::new();
        for tied in ties {
            for (at, part) in self.parts.iter().enumerate() {
                if found.iter().any(|(known, _)| *known == at) {
                    continue;
                }
                let free = |stage: &usize| !found.iter().any(|(_, taken)| taken == stage);
                let does = self.stages.iter().enumerate().filter(|(_, stage)| works(stage) && tied(part, stage));
                if let Some(stage) = does.map(|(stage, _)| stage).find(free) {
                    found.push((at, stage));
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Parts that no stage does. The case runs all the same; what a part says of time and order is not asked of anybody.
    pub fn parts_without_stage(&self) -> impl Iterator<Item = &Part> {
        let found = self.parts_by_stage();
        let done = move |at: usize| found.iter().any(|(part, _)| *part == at);
        self.parts.iter().enumerate().filter(move |(at, _)| !done(*at)).map(|(_, part)| part)
    }
}

fn works(stage: &Stage) -> bool {
    matches!(stage.link, SupervisedLink::Review | SupervisedLink::Approval)
}

fn keeps(department: &DepartmentCode, station: &DepartmentCode) -> bool {
    station.as_str().strip_prefix(department.as_str()).is_some_and(|rest| rest.starts_with('-'))
}

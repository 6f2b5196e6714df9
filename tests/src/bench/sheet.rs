//! What was measured: rows with their targets, filled run by run, printed as a table and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::median;

/// What a figure must reach.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

/// One figure of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Row {
    /// Name of the workload, as `--only` takes it.
    pub workload: &'static str,
    /// What is measured.
    pub what: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What it must reach; none where it is only told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

impl Row {
    /// A figure that is only told.
    #[must_use]
    pub const fn told(workload: &'static str, what: &'static str, unit: &'static str) -> Self {
        Self { workload, what, unit, target: None }
    }

    /// A figure that must reach this or more.
    #[must_use]
    pub const fn at_least(workload: &'static str, what: &'static str, unit: &'static str, least: f64) -> Self {
        Self { workload, what, unit, target: Some(Target::AtLeast(least)) }
    }

    /// A figure that must stay at or below this.
    #[must_use]
    pub const fn at_most(workload: &'static str, what: &'static str, unit: &'static str, most: f64) -> Self {
        Self { workload, what, unit, target: Some(Target::AtMost(most)) }
    }
}

/// A row and its value in each run.
#[derive(Debug, Clone, Serialize)]
struct Figure {
    #[serde(flatten)]
    row: Row,
    median: f64,
    values: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
}

impl Figure {
    fn smallest(&self) -> f64 {
        self.values.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn largest(&self) -> f64 {
        self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// All rows, in the order in which they were first filled, and the workloads that failed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sheet {
    figures: Vec<Figure>,
    failed: Vec<Failed>,
}

#[derive(Debug, Clone, Serialize)]
struct Failed {
    workload: String,
    why: String,
}

impl Sheet {
    /// Notes a row's value in one run.
    pub fn note(&mut self, row: Row, value: f64) {
        let place = self.figures.iter().position(|figure| figure.row == row).unwrap_or_else(|| {
            self.figures.push(Figure { row, median: value, values: Vec::new(), met: None });
            self.figures.len() - 1
        });
        let Some(figure) = self.figures.get_mut(place) else { return };
        figure.values.push(value);
        figure.median = median(&mut figure.values.clone());
        figure.met = row.target.map(|target| target.is_met(figure.median));
    }

    /// Notes that a workload could not be measured, or that something was lost or doubled in it.
    pub fn fail(&mut self, workload: &str, why: String) {
        self.failed.push(Failed { workload: workload.to_owned(), why });
    }

    /// Whether every workload that was asked for has run and was right.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.failed.is_empty()
    }

    /// The table as text: median, smallest and largest of the runs, the target and whether the median meets it.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!("{:<12} {:<58} {:>12} {:>21}  target\n", "workload", "figure", "median", "min – max");
        for figure in &self.figures {
            let Row { workload, what, unit, target } = figure.row;
            let target = match (target, figure.met) {
                (Some(Target::AtLeast(least)), met) => format!("≥ {} {}", short(least), mark(met)),
                (Some(Target::AtMost(most)), met) => format!("≤ {} {}", short(most), mark(met)),
                (None, _) => String::new(),
            };
            let range = match figure.values.len() {
                1 => String::new(),
                _ => format!("{} – {}", short(figure.smallest()), short(figure.largest())),
            };
            // Writing to a string can't fail.
            let _ = writeln!(
                text,
                "{workload:<12} {:<58} {:>12} {range:>21}  {target}",
                if unit.is_empty() { what.to_owned() } else { format!("{what}, {unit}") },
                short(figure.median)
            );
        }
        for Failed { workload, why } in &self.failed {
            let _ = writeln!(text, "{workload:<12} FAILED: {why}");
        }
        text
    }
}

fn mark(met: Option<bool>) -> &'static str {
    if met == Some(true) { "met" } else { "MISSED" }
}

/// Three digits that matter; thousands in full.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_the_median_of_its_runs_and_whether_that_meets_the_target() {
        let (fast, small) = (Row::at_least("relay", "rate", "/s", 100.0), Row::at_most("relay", "size", "KB", 2.0));
        let mut sheet = Sheet::default();
        for (rate, size) in [(90.0, 1.0), (150.0, 3.0), (110.0, 2.5)] {
            sheet.note(fast, rate);
            sheet.note(small, size);
        }
        let table = sheet.table();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(
            lines[1].contains("110") && lines[1].contains("90.0 – 150") && lines[1].ends_with("≥ 100 met"),
            "{table}"
        );
        assert!(lines[2].contains("2.50") && lines[2].ends_with("≤ 2.00 MISSED"), "{table}");
        assert!(sheet.is_whole());
        sheet.fail("thin", "an entry was lost".into());
        assert!(!sheet.is_whole() && sheet.table().contains("FAILED: an entry was lost"));
    }
}

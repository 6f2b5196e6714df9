//! 考核: scores from what a unit or a person did, and grades with a quota for the best of them.
//!
//! A score begins at 100. Late cases take off up to 50 (their share of all cases), bad ratings up to 30 (their share
//! of all ratings), each upheld complaint 5, and the points that supervision took for each hundred cases.
//!
//! 优秀 goes to at most 15 % of a group, rounded down, to the highest scores of 85 and more without an upheld
//! complaint. A quota is a ceiling: where several with the same score stand at its edge and not all of them fit in,
//! none of these gets it. A group of fewer than seven has therefore none. Who has no case is not graded.

use std::cmp::Reverse;

/// Share of a group that may be 优秀, in percent.
const BEST_PERCENT: usize = 15;
/// Lowest scores of the grades, in tenths.
const BEST_FROM: u32 = 850;
const GOOD_FROM: u32 = 750;
const PASSED_FROM: u32 = 600;
/// What is taken off, in tenths.
const LATE_ALL: u64 = 500;
const BAD_ALL: u64 = 300;
const UPHELD_EACH: u32 = 50;

/// What is counted of one that is assessed, within the period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Code or id.
    pub code: String,
    /// Cases that were answered.
    pub cases: u32,
    /// Of these, within the promised limit.
    pub on_time: u32,
    /// Ratings.
    pub ratings: u32,
    /// Of these, bad ones.
    pub bad_ratings: u32,
    /// Complaints that were upheld in full or in part.
    pub upheld_complaints: u32,
    /// Points that supervision took for each hundred cases, in tenths.
    pub points_off: u32,
}

/// 优秀, 良好, 合格, 不合格
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// 优秀
    Excellent,
    /// 良好
    Good,
    /// 合格
    Passed,
    /// 不合格
    Failed,
}

impl Grade {
    /// The word on the table (defaults.toml `[supervision].grades`).
    #[must_use]
    pub fn term(self) -> &'static str {
        match self {
            Self::Excellent => "优秀",
            Self::Good => "良好",
            Self::Passed => "合格",
            Self::Failed => "不合格",
        }
    }
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessed {
    /// What was counted.
    pub record: Record,
    /// In tenths, at most 1000.
    pub score: u32,
    /// Place in its group, from 1; equal scores share one. 0: not graded.
    pub place: u32,
    /// None: no case, so not graded.
    pub grade: Option<Grade>,
}

/// The score of a record, in tenths.
#[must_use]
pub fn score(record: &Record) -> u32 {
    let share = |part: u32, all: u32, weight: u64| match all {
        0 => 0,
        all => u32::try_from(u64::from(part.min(all)) * weight / u64::from(all)).unwrap_or(u32::MAX),
    };
    let late = share(record.cases.saturating_sub(record.on_time), record.cases, LATE_ALL);
    let bad = share(record.bad_ratings, record.ratings, BAD_ALL);
    let off = late
        .saturating_add(bad)
        .saturating_add(record.upheld_complaints.saturating_mul(UPHELD_EACH))
        .saturating_add(record.points_off);
    1000_u32.saturating_sub(off)
}

/// How many of a group may be 优秀.
#[must_use]
pub fn quota(graded: usize) -> usize {
    graded * BEST_PERCENT / 100
}

/// Assesses a group: best first, those that are not graded last; equal scores by code.
#[must_use]
pub fn assess(records: Vec<Record>) -> Vec<Assessed> {
    let line = |record: Record| Assessed { score: score(&record), record, place: 0, grade: None };
    let mut table: Vec<Assessed> = records.into_iter().map(line).collect();
    table.sort_by(|one, other| {
        let key = |assessed: &Assessed| (assessed.record.cases == 0, Reverse(assessed.score));
        key(one).cmp(&key(other)).then_with(|| one.record.code.cmp(&other.record.code))
    });
    let graded = table.iter().filter(|assessed| assessed.record.cases > 0).count();
    let may_be_best = |assessed: &Assessed| assessed.score >= BEST_FROM && assessed.record.upheld_complaints == 0;
    let candidates: Vec<u32> =
        table[..graded].iter().filter(|assessed| may_be_best(assessed)).map(|a| a.score).collect();
    // The lowest score that gets it: the last one within the quota whose equals fit in as well.
    let fits = |score: u32| candidates.iter().filter(|other| **other >= score).count() <= quota(graded);
    let edge = candidates.iter().copied().filter(|score| fits(*score)).min();
    let scores: Vec<u32> = table[..graded].iter().map(|assessed| assessed.score).collect();
    for assessed in &mut table[..graded] {
        let better = scores.iter().filter(|score| **score > assessed.score).count();
        assessed.place = u32::try_from(better).unwrap_or(u32::MAX).saturating_add(1);
        let best = may_be_best(assessed) && edge.is_some_and(|edge| assessed.score >= edge);
        assessed.grade = Some(match assessed.score {
            _ if best => Grade::Excellent,
            GOOD_FROM.. => Grade::Good,
            PASSED_FROM.. => Grade::Passed,
            _ => Grade::Failed,
        });
    }
    table
}

//! Ledgers (台账): rows that follow from the entries of cases. Nobody types them in, nothing is deleted, and each row
//! names its case and the entry on which it rests.
//!
//! A ledger is a table of its name, its columns and a function from a case to rows; see `LEDGERS`. Rows come in the
//! order in which their cases were opened, so that however many there are, one case is in memory. Two are about no case:
//! complaints and substitutions. Of those there are few, and all are in memory.

mod acceptance;
mod agency;
mod alerts;
mod complaints;
mod delivery;
mod fees;
mod publicity;
mod substitutions;

use std::collections::BTreeSet;
use std::io::Write;

use sanji_domain::calendar::date_of_number;
use sanji_domain::case::{Case, may_see};
use sanji_domain::organisation::Staff;
use sanji_domain::{DepartmentCode, ItemCode};
use sanji_log::{CaseId, Hash, StationCode};
use sanji_proto::v1::{self as proto, LedgerFormat, LedgerState};

use super::eye::Eye;
use super::sheet::sheet;
use super::times::{DAY_MS, begin_ms, date, day, in_words};
use crate::core::{Reader, Scan, Which, context, input_fault};
use crate::error::{Error, Failure};
use crate::views::looks_at;

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
/// Most cases looked at for one page: a filter may let few of them through.
const LOOKED_AT_MAX: usize = 2000;
/// Digits of a hash that people compare.
const SHORT_HASH: usize = 12;

/// One ledger.
pub(super) struct Ledger {
    /// For programs.
    pub(super) name: &'static str,
    /// 统一受理台账 …
    pub(super) title: &'static str,
    /// What its period is about.
    pub(super) period_of: &'static str,
    /// Whether that is the opening of the case: then cases outside the period are not looked at.
    pub(super) by_opening: bool,
    /// Its first column: the number of what a row is about.
    pub(super) number: &'static str,
    /// Its own columns; see [`Ledger::all_columns`].
    pub(super) columns: &'static [&'static str],
    /// Where its rows come from.
    pub(super) rows: Rows,
}

/// Where the rows of a ledger come from.
#[derive(Clone, Copy)]
pub(super) enum Rows {
    /// Those that a case gives.
    OfCase(fn(&Eye<'_>) -> Result<Vec<Row>, Error>),
    /// All that a person may see and the filter lets through, oldest first.
    Beside(fn(&Asks<'_>) -> Result<Vec<NumberedRow>, Failure>),
}

/// Who asks for a ledger that is about no case, and for what of it.
pub(super) struct Asks<'a> {
    pub(super) reader: &'a Reader,
    pub(super) staff: &'a Staff,
    pub(super) filter: &'a Filter,
    pub(super) now_ms: u64,
}

/// A row of a ledger that is about no case.
pub(super) struct NumberedRow {
    /// What stands in the first column.
    pub(super) number: String,
    /// Number of the matter that it is about; empty: none.
    pub(super) matter: String,
    /// The entry on which it rests; none: on several.
    pub(super) entry: Option<Hash>,
    /// As in [`Row`].
    pub(super) at_ms: u64,
    /// As in [`Row`].
    pub(super) overdue: bool,
    /// As in [`Row`].
    pub(super) cells: Vec<String>,
}

/// One row.
pub(super) struct Row {
    /// The entry on which it rests.
    pub(super) entry: Hash,
    /// When, for the ledger's period: milliseconds since 1970-01-01 UTC.
    pub(super) at_ms: u64,
    /// Later than promised.
    pub(super) overdue: bool,
    /// One for each of the ledger's own columns.
    pub(super) cells: Vec<String>,
}

/// Every ledger that is kept.
pub(super) static LEDGERS: &[&Ledger] = &[
    &acceptance::LEDGER,
    &delivery::LEDGER,
    &agency::LEDGER,
    &publicity::LEDGER,
    &fees::LEDGER,
    &alerts::LEDGER,
    &complaints::LEDGER,
    &substitutions::LEDGER,
];

impl Ledger {
    fn named(name: &str) -> Result<&'static Self, Failure> {
        let found = LEDGERS.iter().find(|ledger| ledger.name == name).copied();
        found.ok_or_else(|| input_fault("ledger", "没有这种台账，请重新选择。"))
    }

    /// What it is about first, what proves the row last.
    fn all_columns(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.number).chain(self.columns.iter().copied()).chain(std::iter::once("记录校验码"))
    }
}

/// Which rows are wanted.
pub(super) struct Filter {
    pub(super) from_ms: u64,
    pub(super) until_ms: u64,
    pub(super) within: StationCode,
    pub(super) item: Option<ItemCode>,
    pub(super) departments: Option<BTreeSet<DepartmentCode>>,
    pub(super) state: LedgerState,
}

impl Filter {
    /// Parses the filter of a request. `me` holds the cases.
    pub(super) fn parse(filter: Option<&proto::LedgerFilter>, me: StationCode) -> Result<Self, Failure> {
        let nothing = proto::LedgerFilter::default();
        let filter = filter.unwrap_or(&nothing);
        let bound = |field: &str, number: u32| match number {
            0 => Ok(None),
            number => date_of_number(number)
                .map(|day| Some(begin_ms(day)))
                .ok_or_else(|| input_fault(field, "日期不正确，请重新选择。")),
        };
        let within = match filter.station {
            0 => me,
            number => StationCode::from_number(number)
                .ok()
                .filter(|station| station.within(me))
                .ok_or_else(|| input_fault("station", "只能查询本站及下级站点的台账。"))?,
        };
        let item = match filter.item.as_str() {
            "" => None,
            code => Some(code.parse().map_err(|_| input_fault("item", "没有这个事项，请重新选择。"))?),
        };
        let departments = match filter.department.as_str() {
            "" => None,
            code => {
                let code: DepartmentCode =
                    code.parse().map_err(|_| input_fault("department", "没有这个部门，请重新选择。"))?;
                Some(BTreeSet::from([code]))
            }
        };
        let until_ms = bound("until", filter.until)?.map_or(u64::MAX, |until| until.saturating_add(DAY_MS));
        let from_ms = bound("from", filter.from)?.unwrap_or(0);
        if from_ms >= until_ms {
            return Err(input_fault("until", "截止日期早于起始日期，请重新选择。"));
        }
        Ok(Self { from_ms, until_ms, within, item, departments, state: filter.state() })
    }

    /// The cases that may give such rows.
    pub(super) fn scan(&self, by_opening: bool, newest_first: bool) -> Scan {
        Scan {
            from_ms: if by_opening { self.from_ms } else { 0 },
            until_ms: self.until_ms,
            which: match self.state {
                LedgerState::Open => Which::Open,
                LedgerState::Closed => Which::Closed,
                LedgerState::Overdue | LedgerState::Unspecified => Which::All,
            },
            within: self.within,
            departments: self.departments.clone(),
            newest_first,
            after: None,
        }
    }

    pub(super) fn wants_case(&self, case: &Case) -> bool {
        self.item.as_ref().is_none_or(|wanted| case.item().is_some_and(|(code, _)| code == wanted))
    }

    pub(super) fn wants_row(&self, at_ms: u64, overdue: bool) -> bool {
        (self.from_ms..self.until_ms).contains(&at_ms) && (self.state != LedgerState::Overdue || overdue)
    }
}

/// Takes the rows of a case; answers whether the walk shall go on.
type Take<'t> = dyn FnMut(&Case, Vec<Row>) -> Result<bool, Failure> + 't;

impl Reader {
    /// Every ledger and its columns.
    #[must_use]
    pub fn ledgers(&self) -> Vec<proto::LedgerKind> {
        let kind = |ledger: &&Ledger| proto::LedgerKind {
            name: ledger.name.to_owned(),
            title: ledger.title.to_owned(),
            columns: ledger.all_columns().map(str::to_owned).collect(),
            period_of: ledger.period_of.to_owned(),
        };
        LEDGERS.iter().map(kind).collect()
    }

    /// A page of a ledger as a person may see it, newest cases first; names are masked.
    ///
    /// # Errors
    /// [`Failure::Refused`] for a request that is none.
    pub fn read_ledger(
        &self,
        staff: &Staff,
        request: &proto::ReadLedgerRequest,
        now_ms: u64,
    ) -> Result<proto::LedgerPage, Failure> {
        let ledger = Ledger::named(&request.ledger)?;
        let filter = Filter::parse(request.filter.as_ref(), self.me())?;
        let limit = page_limit(request.limit);
        let mut scan = filter.scan(ledger.by_opening, true);
        let mut page = proto::LedgerPage {
            title: ledger.title.to_owned(),
            columns: ledger.all_columns().map(str::to_owned).collect(),
            rows: Vec::new(),
            next: String::new(),
        };
        if let Rows::Beside(rows) = ledger.rows {
            let rows = rows(&Asks { reader: self, staff, filter: &filter, now_ms })?;
            let passed = passed(&request.after)?;
            let row = |row: NumberedRow| proto::LedgerRow {
                entry: row.entry.map_or_else(Vec::new, |entry| entry.0.to_vec()),
                matter_number: row.matter.clone(),
                cells: beside(row, short),
                ..proto::LedgerRow::default()
            };
            let more = rows.len() > passed.saturating_add(limit);
            page.rows = rows.into_iter().rev().skip(passed).take(limit).map(row).collect();
            page.next = if more { format!("{}", passed + limit) } else { String::new() };
            return Ok(page);
        }
        scan.after = position(&request.after)?;
        let mut looked_at = 0;
        self.walk_ledger(staff, ledger, &filter, scan, false, now_ms, &mut |case, rows| {
            looked_at += 1;
            page.rows.extend(rows.into_iter().map(|row| proto::LedgerRow {
                case_number: case.id().number().to_string(),
                entry: row.entry.0.to_vec(),
                cells: cells(case, row, short),
                matter_number: String::new(),
            }));
            if page.rows.len() >= limit || looked_at == LOOKED_AT_MAX {
                page.next = token(case);
            }
            Ok(page.next.is_empty())
        })?;
        Ok(page)
    }

    /// Writes a whole ledger, oldest cases first. Who took it stands in its last line.
    ///
    /// # Errors
    /// [`Failure::Refused`] for a request that is none; [`Failure::Internal`] where it can't be read or written.
    pub fn export_ledger(
        &self,
        staff: &Staff,
        request: &proto::ExportLedgerRequest,
        now_ms: u64,
        output: &mut (dyn Write + Send),
    ) -> Result<proto::RecordFile, Failure> {
        let ledger = Ledger::named(&request.ledger)?;
        let filter = Filter::parse(request.filter.as_ref(), self.me())?;
        let columns: Vec<&str> = std::iter::once("序号").chain(ledger.all_columns()).collect();
        let format = match request.format() {
            LedgerFormat::Unspecified => LedgerFormat::Csv,
            format => format,
        };
        let taken = self.taken_by(staff, request.unmasked, now_ms);
        let mut sheet = sheet(format, ledger.title, &columns, &taken, output)?;
        let mut written = 0_u64;
        let scan = filter.scan(ledger.by_opening, false);
        if let Rows::Beside(rows) = ledger.rows {
            for row in rows(&Asks { reader: self, staff, filter: &filter, now_ms })? {
                written += 1;
                let mut line = vec![written.to_string()];
                line.extend(beside(row, Hash::to_hex));
                sheet.row(&line)?;
            }
        }
        self.walk_ledger(staff, ledger, &filter, scan, request.unmasked, now_ms, &mut |case, rows| {
            for row in rows {
                written += 1;
                let mut line = vec![written.to_string()];
                line.extend(cells(case, row, Hash::to_hex));
                sheet.row(&line)?;
            }
            Ok(true)
        })?;
        sheet.finish()?;
        let (ending, media_type) = match format {
            LedgerFormat::Xlsx => ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            LedgerFormat::Json => ("jsonl", "application/x-ndjson"),
            LedgerFormat::Csv | LedgerFormat::Unspecified => ("csv", "text/csv; charset=utf-8"),
        };
        let file_name = format!("{}-{}-{}.{ending}", ledger.title, self.me(), day(now_ms));
        Ok(proto::RecordFile { file_name, media_type: media_type.to_owned(), rows: written })
    }

    /// Hands the rows of every case on that the person may see, until `take` answers false.
    #[allow(clippy::too_many_arguments)]
    fn walk_ledger(
        &self,
        staff: &Staff,
        ledger: &Ledger,
        filter: &Filter,
        mut scan: Scan,
        unmasked: bool,
        now_ms: u64,
        take: &mut Take<'_>,
    ) -> Result<(), Failure> {
        let Rows::OfCase(rows_of) = ledger.rows else { return Ok(()) };
        let reference = self.reference();
        let standing = self.standing(&reference, staff, now_ms);
        let context = context(&reference, self.me(), staff, &standing, now_ms)?;
        if scan.departments.is_none() {
            let all = crate::core::rows::departments(&reference);
            scan.departments = Some(all.filter(|lead| looks_at(&reference, staff, lead)).cloned().collect());
        }
        for case in self.scan(scan) {
            let case = case?;
            if !filter.wants_case(&case) {
                continue;
            }
            let sight = may_see(&case, &context);
            let rows = match Eye::new(self, &reference, &case, Some((staff, sight)), unmasked, now_ms) {
                Some(eye) if eye.sees() => rows_of(&eye)?,
                _ => Vec::new(),
            };
            let rows = rows.into_iter().filter(|row| filter.wants_row(row.at_ms, row.overdue)).collect();
            if !take(&case, rows)? {
                break;
            }
        }
        Ok(())
    }

    /// Who took a copy, and when: a line that goes with it.
    pub(super) fn taken_by(&self, staff: &Staff, unmasked: bool, now_ms: u64) -> String {
        let masked = if unmasked { "含完整个人信息，请妥善保管" } else { "个人信息已遮盖" };
        let station = self.reference().station_name(self.me());
        format!("导出人：{}（{}，{station}），导出时间：{}，{masked}", staff.name, staff.id, in_words(now_ms))
    }
}

/// All cells of a row; `proof` writes the hash of the entry on which it rests.
fn cells(case: &Case, row: Row, proof: impl Fn(&Hash) -> String) -> Vec<String> {
    let mut cells = vec![grouped(case)];
    cells.extend(row.cells);
    cells.push(proof(&row.entry));
    cells
}

/// The same of a row that is about no case.
fn beside(row: NumberedRow, proof: impl Fn(&Hash) -> String) -> Vec<String> {
    let mut cells = vec![row.number];
    cells.extend(row.cells);
    cells.push(row.entry.as_ref().map(proof).unwrap_or_default());
    cells
}

/// How many rows a page begins behind.
fn passed(token: &str) -> Result<usize, Failure> {
    if token.is_empty() {
        return Ok(0);
    }
    token.parse().map_err(|_| input_fault("after", "翻页标记不正确，请重新查询。"))
}

fn grouped(case: &Case) -> String {
    in_groups(case.id().number().as_str())
}

/// A number of 25 digits in groups: a spreadsheet would take it for a number, and round it.
pub(super) fn in_groups(number: &str) -> String {
    [0..12, 12..20, 20..25].map(|range| number.get(range).unwrap_or_default()).join(" ")
}

/// The beginning of a hash.
pub(super) fn short(hash: &Hash) -> String {
    hash.to_hex().chars().take(SHORT_HASH).collect()
}

/// Rows of one page.
pub(super) fn page_limit(asked: u32) -> usize {
    match usize::try_from(asked).unwrap_or(LIMIT_MAX) {
        0 => LIMIT_DEFAULT,
        limit => limit.min(LIMIT_MAX),
    }
}

/// Where the next page begins.
pub(super) fn token(case: &Case) -> String {
    format!("{}-{}", case.submitted_at().map_or(0, |time| time.millis()), data_encoding::HEXLOWER.encode(&case.id().0))
}

/// Reads what [`token`] wrote; none for the empty text.
pub(super) fn position(token: &str) -> Result<Option<(u64, CaseId)>, Failure> {
    if token.is_empty() {
        return Ok(None);
    }
    let read = token.split_once('-').and_then(|(time, id)| {
        let id = data_encoding::HEXLOWER.decode(id.as_bytes()).ok()?;
        Some((time.parse().ok()?, CaseId::from_bytes(&id).ok()?))
    });
    read.map(Some).ok_or_else(|| input_fault("after", "翻页标记不正确，请重新查询。"))
}

/// The first and last day of a period in a request, for whoever asks without one: this month so far.
#[must_use]
pub fn this_month(now_ms: u64) -> (u32, u32) {
    let today = date(now_ms);
    let first = sanji_domain::calendar::date_number(today.first_of_month());
    (first, sanji_domain::calendar::date_number(today))
}

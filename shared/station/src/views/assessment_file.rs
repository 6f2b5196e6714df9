//! The table of an assessment as a file, for the personnel office.

use sanji_proto::v1::{self as proto, LedgerFormat};

use crate::error::Failure;
use crate::records::{sheet, time_words};

const COLUMNS: [&str; 12] =
    ["类别", "编号", "名称", "名次", "得分", "等次", "办件", "按期", "评价", "差评", "查实投诉", "每百件扣分"];

/// The table with its remarks below it; `taken` says who takes it.
///
/// # Errors
/// [`Failure::Internal`] where it can't be written.
pub fn assessment_file(table: &proto::Assessment, format: LedgerFormat, taken: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let last = format!("截至{}。{taken}", time_words(table.as_of_ms));
    let mut sheet = sheet(format, "考核", &COLUMNS, &last, &mut bytes)?;
    for row in &table.rows {
        let place = if row.place == 0 { String::new() } else { row.place.to_string() };
        let counts = [row.cases, row.on_time, row.ratings, row.bad_ratings, row.upheld_complaints];
        let mut cells = vec![group_words(&row.group).to_owned(), row.code.clone(), row.name.clone(), place];
        cells.extend([tenths(row.score), row.grade.clone()]);
        cells.extend(counts.map(|count| count.to_string()));
        cells.push(tenths(row.points_off));
        sheet.row(&cells)?;
    }
    for remark in &table.remarks {
        sheet.row(std::slice::from_ref(remark))?;
    }
    sheet.finish()?;
    Ok(bytes)
}

/// A score or points as they are kept, in tenths.
fn tenths(value: u32) -> String {
    format!("{}.{}", value / 10, value % 10)
}

fn group_words(group: &str) -> &'static str {
    match group {
        "staff" => "工作人员",
        "department" => "部门",
        _ => "乡镇（街道）",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Cursor;

    use calamine::{Data, Reader as _, Xlsx};

    use super::*;

    fn table() -> proto::Assessment {
        let row = proto::AssessedRow {
            group: "staff".into(),
            code: "mz-01".into(),
            name: "=1+1,\"x\"".into(),
            score: 985,
            grade: "良好".into(),
            place: 1,
            cases: 3,
            on_time: 3,
            ..proto::AssessedRow::default()
        };
        proto::Assessment {
            rows: vec![row], remarks: vec!["参评办件不足".into()], ..proto::Assessment::default()
        }
    }

    #[test]
    fn a_table_is_read_by_a_spreadsheet_and_runs_no_formula() {
        let csv = String::from_utf8(assessment_file(&table(), LedgerFormat::Csv, "导出人：张三").unwrap()).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert!(lines[0].starts_with("\u{feff}类别,编号"));
        assert_eq!(lines[1], "工作人员,mz-01,\"'=1+1,\"\"x\"\"\",1,98.5,良好,3,3,0,0,0,0.0");
        assert_eq!(lines[2], "参评办件不足");
        assert!(lines[3].ends_with("导出人：张三"));
    }

    #[test]
    fn an_xlsx_has_the_same_rows() {
        let bytes = assessment_file(&table(), LedgerFormat::Xlsx, "导出人：张三").unwrap();
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
        let range = book.worksheet_range("考核").unwrap();
        assert_eq!(range.height(), 4);
        assert_eq!(range.get((1, 4)), Some(&Data::String("98.5".into())));
        assert_eq!(range.get((2, 0)), Some(&Data::String("参评办件不足".into())));
    }
}

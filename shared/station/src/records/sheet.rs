//! A table as a file: CSV, XLSX or lines of JSON, written row by row.
//!
//! What people typed may begin like a formula; a spreadsheet program that opens a CSV would run it. Such cells get an
//! apostrophe before them, as OWASP advises, and so do long numbers, which it would round. In XLSX every cell is text.

use std::io::{Seek as _, SeekFrom, Write};

use rust_xlsxwriter::{DocProperties, Format, FormatBorder, Workbook, Worksheet, XlsxError};
use sanji_domain::case::{Refusal, RefusalCode};
use sanji_proto::v1::LedgerFormat;
use serde_json::{Map, Value};

use crate::error::{Error, Failure};

/// Digits that a spreadsheet keeps exactly.
const EXACT_DIGITS: usize = 11;
/// Rows of a worksheet, its head and last line included.
const XLSX_ROWS_MAX: u32 = 1_048_576;

/// A table that is being written.
pub(crate) trait Sheet {
    /// Writes a row; as many cells as columns.
    fn row(&mut self, cells: &[String]) -> Result<(), Failure>;
    /// Writes who took it, and ends.
    fn finish(self: Box<Self>) -> Result<(), Failure>;
}

/// Begins a table. `taken` says who takes it.
pub(crate) fn sheet<'o>(
    format: LedgerFormat,
    title: &str,
    columns: &[&str],
    taken: &str,
    output: &'o mut (dyn Write + Send),
) -> Result<Box<dyn Sheet + 'o>, Failure> {
    Ok(match format {
        LedgerFormat::Xlsx => Box::new(Xlsx::new(title, columns, taken, output)?),
        LedgerFormat::Json => Box::new(Lines::new(columns, taken, output)),
        LedgerFormat::Csv | LedgerFormat::Unspecified => Box::new(Csv::new(columns, taken, output)?),
    })
}

fn not_written(source: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Error::Output { what: "a table", source: Box::new(source) }.into()
}

struct Csv<'o> {
    writer: csv::Writer<&'o mut (dyn Write + Send)>,
    taken: String,
}

impl<'o> Csv<'o> {
    fn new(columns: &[&str], taken: &str, output: &'o mut (dyn Write + Send)) -> Result<Self, Failure> {
        // The mark by which spreadsheet programs know UTF-8.
        output.write_all("\u{feff}".as_bytes()).map_err(not_written)?;
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).flexible(true).from_writer(output);
        writer.write_record(columns).map_err(not_written)?;
        Ok(Self { writer, taken: taken.to_owned() })
    }
}

impl Sheet for Csv<'_> {
    fn row(&mut self, cells: &[String]) -> Result<(), Failure> {
        self.writer.write_record(cells.iter().map(|cell| harmless(cell))).map_err(not_written)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        self.writer.write_record([harmless(&self.taken)]).map_err(not_written)?;
        self.writer.flush().map_err(not_written)
    }
}

/// A cell that no spreadsheet program takes for a formula or rounds.
fn harmless(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let long_number = cell.len() > EXACT_DIGITS && cell.bytes().all(|byte| byte.is_ascii_digit());
    if formula || long_number { format!("'{cell}") } else { cell.to_owned() }
}

struct Xlsx<'o> {
    workbook: Workbook,
    border: Format,
    next: u32,
    taken: String,
    output: &'o mut (dyn Write + Send),
}

impl<'o> Xlsx<'o> {
    fn new(title: &str, columns: &[&str], taken: &str, output: &'o mut (dyn Write + Send)) -> Result<Self, Failure> {
        let mut workbook = Workbook::new();
        workbook.set_properties(&DocProperties::new().set_title(title).set_comment(taken));
        let border = Format::new().set_border(FormatBorder::Thin).set_text_wrap();
        let head = border.clone().set_bold();
        let worksheet = workbook.add_worksheet_with_constant_memory().map_err(not_written)?;
        (|| -> Result<(), XlsxError> {
            worksheet.set_name(title)?;
            worksheet.set_landscape().set_paper_size(9).set_print_fit_to_pages(1, 0);
            worksheet.set_repeat_rows(0, 0)?;
            worksheet.set_header(format!("&C{title}")).set_footer("&L&8第&P页，共&N页");
            worksheet.set_freeze_panes(1, 0)?;
            for (at, column) in (0..).zip(columns) {
                worksheet.set_column_width(at, if *column == "办件编号" { 30 } else { 16 })?;
                worksheet.write_string_with_format(0, at, *column, &head)?;
            }
            Ok(())
        })()
        .map_err(not_written)?;
        Ok(Self { workbook, border, next: 1, taken: taken.to_owned(), output })
    }

    fn worksheet(&mut self) -> Result<&mut Worksheet, Failure> {
        self.workbook.worksheet_from_index(0).map_err(not_written)
    }
}

impl Sheet for Xlsx<'_> {
    fn row(&mut self, cells: &[String]) -> Result<(), Failure> {
        let (row, border) = (self.next, self.border.clone());
        if row + 1 >= XLSX_ROWS_MAX {
            let sentence = "行数超过表格文件的上限，请缩小时间范围，或者改用CSV格式。";
            return Err(Failure::Refused(Refusal::new(RefusalCode::InvalidInput, sentence).at("format")));
        }
        let worksheet = self.worksheet()?;
        for (at, cell) in (0..).zip(cells) {
            worksheet.write_string_with_format(row, at, cell, &border).map_err(not_written)?;
        }
        self.next += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        let (row, taken) = (self.next, std::mem::take(&mut self.taken));
        self.worksheet()?.write_string(row, 0, taken).map_err(not_written)?;
        // The format wants to be written back and forth, which a stream can't.
        let mut file = tempfile::tempfile().map_err(not_written)?;
        self.workbook.save_to_writer(&mut file).map_err(not_written)?;
        file.seek(SeekFrom::Start(0)).map_err(not_written)?;
        std::io::copy(&mut file, self.output).map_err(not_written)?;
        self.output.flush().map_err(not_written)
    }
}

struct Lines<'o> {
    columns: Vec<String>,
    taken: String,
    output: &'o mut (dyn Write + Send),
}

impl<'o> Lines<'o> {
    fn new(columns: &[&str], taken: &str, output: &'o mut (dyn Write + Send)) -> Self {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Self { columns, taken: taken.to_owned(), output }
    }

    fn line(&mut self, object: Map<String, Value>) -> Result<(), Failure> {
        writeln!(self.output, "{}", Value::Object(object)).map_err(not_written)
    }
}

impl Sheet for Lines<'_> {
    fn row(&mut self, cells: &[String]) -> Result<(), Failure> {
        let pairs = self.columns.iter().zip(cells);
        let object = pairs.map(|(column, cell)| (column.clone(), Value::String(cell.clone()))).collect();
        self.line(object)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Failure> {
        let taken = std::mem::take(&mut self.taken);
        self.line(Map::from_iter([("导出说明".to_owned(), Value::String(taken))]))?;
        self.output.flush().map_err(not_written)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Cursor;

    use calamine::{Data, Reader as _, Xlsx as Read};

    use super::*;

    const HOSTILE: [&str; 6] =
        ["=HYPERLINK(\"http://x\")", "+1", "-2+3", "@SUM(A1)", "\t=1", "9901061012032026070100427"];

    fn written(format: LedgerFormat) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut table = sheet(format, "统一受理台账", &["序号", "内容"], "导出人：张三", &mut bytes).unwrap();
        for (number, cell) in (1..).zip(HOSTILE) {
            table.row(&[number.to_string(), cell.to_owned()]).unwrap();
        }
        table.row(&["7".to_owned(), "户口簿，\"新\"\n两页".to_owned()]).unwrap();
        table.finish().unwrap();
        bytes
    }

    #[test]
    fn a_csv_is_read_back_and_runs_nothing() {
        let bytes = written(LedgerFormat::Csv);
        let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap();
        let mut read = csv::ReaderBuilder::new().flexible(true).from_reader(text);
        assert_eq!(read.headers().unwrap(), vec!["序号", "内容"]);
        let rows: Vec<csv::StringRecord> = read.records().collect::<Result<_, _>>().unwrap();
        for (row, cell) in rows.iter().zip(HOSTILE) {
            assert_eq!(&row[1], format!("'{cell}"));
        }
        assert_eq!(&rows[6][1], "户口簿，\"新\"\n两页");
        assert_eq!(rows.last().unwrap(), vec!["导出人：张三"]);
    }

    #[test]
    fn an_xlsx_is_read_back_as_text() {
        let mut book: Read<_> = Read::new(Cursor::new(written(LedgerFormat::Xlsx))).unwrap();
        let range = book.worksheet_range("统一受理台账").unwrap();
        assert_eq!(range.height(), 9);
        for (row, cell) in range.rows().skip(1).zip(HOSTILE) {
            assert_eq!(row[1], Data::String(cell.to_owned()), "text, so nothing runs and nothing is rounded");
        }
        assert_eq!(range.rows().next_back().unwrap()[0], Data::String("导出人：张三".to_owned()));
    }

    #[test]
    fn lines_of_json_say_each_column() {
        let bytes = written(LedgerFormat::Json);
        let lines: Vec<Value> =
            String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[5]["内容"], HOSTILE[5]);
        assert_eq!(lines.last().unwrap()["导出说明"], "导出人：张三");
    }
}

//! Data files that people edit by hand (TOML). A clerk is told everything that is wrong with a file at once, by line,
//! so reading goes on after a fault: readers give `None` for what could not be read, having noted why.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::term::Term;

mod value;

use value::{Reader, code, date, flag, list, number, term, text, wrong};

/// Something wrong in a data file. The reason is Chinese: it is for the clerk who edits the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileFault {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} 第 {} 行：{}", self.file, self.line, self.reason)
    }
}

impl std::error::Error for FileFault {}

/// The version of the files' layout that this program reads.
const SCHEMA: u32 = 1;

/// Reads a whole file. Faults come in the order of their lines; the value only if there is none.
pub(crate) fn read_file<T>(
    file: &str,
    text: &str,
    read: impl FnOnce(&mut Section<'_>) -> Option<T>,
) -> Result<T, Vec<FileFault>> {
    let notes = Notes { file, text, faults: RefCell::default() };
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in errors {
            notes.add(notes.line(error.span().map_or(0, |span| span.start)), format!("格式有误：{}", error.message()));
        }
        return Err(notes.sorted());
    }
    let mut section = Section { table: root.get_ref(), start: 0, notes: &notes, known: BTreeSet::new() };
    if section.number("schema").is_some_and(|schema: u32| schema != SCHEMA) {
        section.fault("schema", format!("本软件只认识 schema = {SCHEMA} 的文件"));
    }
    let value = read(&mut section);
    section.refuse_unknown();
    let faults = notes.sorted();
    match value {
        Some(value) if faults.is_empty() => Ok(value),
        _ => Err(faults),
    }
}

/// The faults of a file, as they are found.
struct Notes<'t> {
    file: &'t str,
    text: &'t str,
    faults: RefCell<Vec<FileFault>>,
}

impl Notes<'_> {
    fn line(&self, offset: usize) -> u32 {
        let before = self.text.as_bytes().iter().take(offset);
        before.filter(|byte| **byte == b'\n').count() as u32 + 1
    }

    fn add(&self, line: u32, reason: String) {
        self.faults.borrow_mut().push(FileFault { file: self.file.to_owned(), line, reason });
    }

    fn sorted(self) -> Vec<FileFault> {
        let mut faults = self.faults.into_inner();
        faults.sort();
        faults
    }
}

/// A table of the file. Every field must be asked for or skipped by name; the rest is refused as unknown.
pub(crate) struct Section<'t> {
    table: &'t DeTable<'t>,
    start: usize,
    notes: &'t Notes<'t>,
    known: BTreeSet<&'static str>,
}

impl<'t> Section<'t> {
    /// The line where the table begins.
    pub(crate) fn line(&self) -> u32 {
        self.notes.line(self.start)
    }

    /// The line of a field; of the table where it has none.
    pub(crate) fn line_of(&self, field: &str) -> u32 {
        self.notes.line(self.table.get(field).map_or(self.start, |value| value.span().start))
    }

    /// The line of a field of a table in a list.
    pub(crate) fn line_in(&self, list: &str, index: usize, field: &str) -> u32 {
        let element = self.table.get(list).and_then(|list| list.get_ref().as_array()?.get(index));
        let Some(element) = element else { return self.line_of(list) };
        let value = element.get_ref().as_table().and_then(|table| table.get(field));
        self.notes.line(value.map_or(element.span().start, |value| value.span().start))
    }

    /// Notes that a field is wrong.
    pub(crate) fn fault(&self, field: &str, reason: impl Into<String>) {
        self.fault_at(self.line_of(field), reason);
    }

    /// Notes that a line is wrong.
    pub(crate) fn fault_at(&self, line: u32, reason: impl Into<String>) {
        self.notes.add(line, reason.into());
    }

    /// Fields that the file has for its readers and that the program does not use.
    pub(crate) fn skip(&mut self, fields: &[&'static str]) {
        self.known.extend(fields);
    }

    /// Whether the table has a field.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.table.contains_key(field)
    }

    fn refuse_unknown(&self) {
        for key in self.table.keys().filter(|key| !self.known.contains(key.get_ref().as_ref())) {
            self.fault_at(self.notes.line(key.span().start), format!("不认识的字段“{}”", key.get_ref()));
        }
    }

    fn find(&mut self, field: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.known.insert(field);
        self.table.get(field)
    }

    fn require(&mut self, field: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        let value = self.find(field);
        if value.is_none() {
            self.fault_at(self.line(), format!("缺少“{field}”"));
        }
        value
    }

    fn note<T>(&self, span: &Range<usize>, outcome: Result<T, String>) -> Option<T> {
        outcome.map_err(|reason| self.fault_at(self.notes.line(span.start), reason)).ok()
    }

    fn one<T>(&self, field: &str, value: &Spanned<DeValue<'_>>, read: Reader<T>) -> Option<T> {
        self.note(&value.span(), read(field, value.get_ref()))
    }

    fn many<T>(&self, field: &str, value: &Spanned<DeValue<'_>>, read: Reader<T>) -> Option<Vec<T>> {
        let list = self.note(&value.span(), list(field, value.get_ref()))?;
        // Not collect: every element is read, so that every fault is noted.
        let read: Vec<Option<T>> = list.iter().map(|element| self.one(field, element, read)).collect();
        read.into_iter().collect()
    }

    /// Mandatory text that is not blank.
    pub(crate) fn text(&mut self, field: &'static str) -> Option<String> {
        let value = self.require(field)?;
        self.one(field, value, text)
    }

    /// Text that may be absent, but not blank.
    pub(crate) fn optional_text(&mut self, field: &'static str) -> Option<String> {
        let value = self.find(field)?;
        self.one(field, value, text)
    }

    /// A mandatory list of texts, possibly empty.
    pub(crate) fn texts(&mut self, field: &'static str) -> Option<Vec<String>> {
        let value = self.require(field)?;
        self.many(field, value, text)
    }

    /// A mandatory list of at least one text.
    pub(crate) fn some_texts(&mut self, field: &'static str) -> Option<Vec<String>> {
        let texts = self.texts(field)?;
        if texts.is_empty() {
            self.fault(field, format!("“{field}”至少要有一项"));
        }
        Some(texts)
    }

    /// A list of texts; empty where absent.
    pub(crate) fn optional_texts(&mut self, field: &'static str) -> Vec<String> {
        self.find(field).and_then(|value| self.many(field, value, text)).unwrap_or_default()
    }

    /// A mandatory true or false.
    pub(crate) fn flag(&mut self, field: &'static str) -> Option<bool> {
        let value = self.require(field)?;
        self.one(field, value, flag)
    }

    /// True or false; false where absent.
    pub(crate) fn optional_flag(&mut self, field: &'static str) -> bool {
        self.find(field).and_then(|value| self.one(field, value, flag)).unwrap_or_default()
    }

    /// A mandatory whole number that fits the type.
    pub(crate) fn number<T: TryFrom<i64>>(&mut self, field: &'static str) -> Option<T> {
        let value = self.require(field)?;
        self.one(field, value, number)
    }

    /// A mandatory list of whole numbers.
    pub(crate) fn numbers<T: TryFrom<i64>>(&mut self, field: &'static str) -> Option<Vec<T>> {
        let value = self.require(field)?;
        self.many(field, value, number)
    }

    /// A mandatory term of a closed list.
    pub(crate) fn term<T: Term>(&mut self, field: &'static str) -> Option<T> {
        let value = self.require(field)?;
        self.one(field, value, term)
    }

    /// A term of a closed list that may be absent.
    pub(crate) fn optional_term<T: Term>(&mut self, field: &'static str) -> Option<T> {
        let value = self.find(field)?;
        self.one(field, value, term)
    }

    /// A mandatory list of terms.
    pub(crate) fn terms<T: Term>(&mut self, field: &'static str) -> Option<Vec<T>> {
        let value = self.require(field)?;
        self.many(field, value, term)
    }

    /// A mandatory list of lists of terms.
    pub(crate) fn term_lists<T: Term>(&mut self, field: &'static str) -> Option<Vec<Vec<T>>> {
        let value = self.require(field)?;
        let lists = self.note(&value.span(), list(field, value.get_ref()))?;
        let read: Vec<Option<Vec<T>>> = lists.iter().map(|element| self.many(field, element, term)).collect();
        read.into_iter().collect()
    }

    /// A mandatory code in the grammar of its type.
    pub(crate) fn code<T: FromStr>(&mut self, field: &'static str) -> Option<T> {
        let value = self.require(field)?;
        self.one(field, value, code)
    }

    /// A code that may be absent.
    pub(crate) fn optional_code<T: FromStr>(&mut self, field: &'static str) -> Option<T> {
        let value = self.find(field)?;
        self.one(field, value, code)
    }

    /// A mandatory list of codes, possibly empty.
    pub(crate) fn codes<T: FromStr>(&mut self, field: &'static str) -> Option<Vec<T>> {
        let value = self.require(field)?;
        self.many(field, value, code)
    }

    /// A list of codes; empty where absent.
    pub(crate) fn optional_codes<T: FromStr>(&mut self, field: &'static str) -> Vec<T> {
        self.find(field).and_then(|value| self.many(field, value, code)).unwrap_or_default()
    }

    /// A mandatory date.
    pub(crate) fn date(&mut self, field: &'static str) -> Option<Date> {
        let value = self.require(field)?;
        self.one(field, value, date)
    }

    /// A mandatory list of dates.
    pub(crate) fn dates(&mut self, field: &'static str) -> Option<Vec<Date>> {
        let value = self.require(field)?;
        self.many(field, value, date)
    }

    /// A mandatory table.
    pub(crate) fn section<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Section<'t>) -> Option<T>,
    ) -> Option<T> {
        let value = self.require(field)?;
        self.inner(field, value, read)
    }

    /// A table that may be absent.
    pub(crate) fn optional_section<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Section<'t>) -> Option<T>,
    ) -> Option<T> {
        let value = self.find(field)?;
        self.inner(field, value, read)
    }

    /// The tables of a list; none where absent.
    pub(crate) fn sections<T>(
        &mut self,
        field: &'static str,
        mut read: impl FnMut(&mut Section<'t>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(value) = self.find(field) else { return Some(Vec::new()) };
        let tables = self.note(&value.span(), list(field, value.get_ref()))?;
        let read: Vec<Option<T>> = tables.iter().map(|table| self.inner(field, table, &mut read)).collect();
        read.into_iter().collect()
    }

    /// The tables of a list that must have one at least.
    pub(crate) fn some_sections<T>(
        &mut self,
        field: &'static str,
        read: impl FnMut(&mut Section<'t>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let sections = self.sections(field, read)?;
        if sections.is_empty() {
            self.fault(field, format!("“{field}”至少要有一项"));
        }
        Some(sections)
    }

    fn inner<T>(
        &self,
        field: &str,
        value: &'t Spanned<DeValue<'t>>,
        read: impl FnOnce(&mut Section<'t>) -> Option<T>,
    ) -> Option<T> {
        let span = value.span();
        let table = self.note(&span, value.get_ref().as_table().ok_or_else(|| wrong(field, "一组字段")))?;
        let mut section = Section { table, start: span.start, notes: self.notes, known: BTreeSet::new() };
        let value = read(&mut section);
        section.refuse_unknown();
        value
    }
}

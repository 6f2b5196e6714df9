//! One value of a field: read, or refused with a Chinese reason.

use std::str::FromStr;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::DeValue;

use crate::term::Term;

/// Reads one value of a field, or says why not.
pub(super) type Reader<T> = fn(&str, &DeValue<'_>) -> Result<T, String>;

pub(super) fn wrong(field: &str, expected: &str) -> String {
    format!("“{field}”应当是{expected}")
}

pub(super) fn text(field: &str, value: &DeValue<'_>) -> Result<String, String> {
    let text = value.as_str().ok_or_else(|| wrong(field, "文字"))?;
    if text.trim().is_empty() { Err(format!("“{field}”不能为空")) } else { Ok(text.to_owned()) }
}

pub(super) fn flag(field: &str, value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| wrong(field, " true 或 false"))
}

pub(super) fn number<T: TryFrom<i64>>(field: &str, value: &DeValue<'_>) -> Result<T, String> {
    let integer = value.as_integer().ok_or_else(|| wrong(field, "整数"))?;
    i64::from_str_radix(integer.as_str(), integer.radix())
        .ok()
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("“{field}”超出范围"))
}

pub(super) fn term<T: Term>(field: &str, value: &DeValue<'_>) -> Result<T, String> {
    let word = text(field, value)?;
    T::TERMS.iter().copied().find(|term| term.word() == word).ok_or_else(|| {
        let words: Vec<&str> = T::TERMS.iter().map(|term| term.word()).collect();
        format!("“{word}”不是{}，可以是：{}", T::WHAT, words.join("、"))
    })
}

pub(super) fn code<T: FromStr>(field: &str, value: &DeValue<'_>) -> Result<T, String> {
    let text = text(field, value)?;
    text.parse().map_err(|_| format!("“{text}”不是有效的代码（“{field}”）"))
}

pub(super) fn date(field: &str, value: &DeValue<'_>) -> Result<Date, String> {
    let expected = || wrong(field, "日期，如 2026-01-31");
    let datetime = value.as_datetime().ok_or_else(expected)?;
    let (Some(date), None) = (datetime.date, datetime.time) else { return Err(expected()) };
    let parts = (i16::try_from(date.year), i8::try_from(date.month), i8::try_from(date.day));
    let (Ok(year), Ok(month), Ok(day)) = parts else { return Err(expected()) };
    Date::new(year, month, day).map_err(|_| expected())
}

pub(super) fn list<'v, 't>(field: &str, value: &'v DeValue<'t>) -> Result<&'v [Spanned<DeValue<'t>>], String> {
    value.as_array().map(|array| &array[..]).ok_or_else(|| wrong(field, "列表"))
}

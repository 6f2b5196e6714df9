//! What this station holds, for the record: read from the entries, never typed in again.
//!
//! | module | holds |
//! | --- | --- |
//! | [`ledger`] | 台账: the table of ledgers, pages of them, whole ones as files |
//! | [`excerpt`] | what of the ledger of acceptance everybody may read |
//! | `eye` | a case as a ledger looks at it: names masked, days and offices in words |
//! | `sheet` | CSV, XLSX and JSON lines |
//! | [`voucher`] | 凭证: the signed line on a paper, and whether one is genuine |
//! | [`case_file`] | 案卷: a case in one archive that proves itself |
//! | [`exchange`] | cases in the data sets of GB/T 39046-2020 |
//! | [`parts`] | a file as a stream of parts |
//!
//! Not here: who may see a case (`sanji-domain`), what pages look like (`sanji-desk`).

pub mod case_file;
pub mod excerpt;
pub mod exchange;
mod eye;
pub mod ledger;
pub mod parts;
mod sheet;
mod times;
pub mod voucher;

pub(crate) use sheet::sheet;

/// A time as it stands in a sentence.
pub(crate) fn time_words(time_ms: u64) -> String {
    times::in_words(time_ms)
}

//! Exchange with the platform above: cases in the data sets of GB/T 39046-2020, a folder of files for each export.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use sanji_proto::v1 as proto;
use sanji_proto::v1::exchange_part::Part;
use serde_json::{Map, Value, json};

use super::{At, Error, Output, json};

/// Where an export ended.
const HEADS: &str = "heads.json";

/// Commands of the exchange.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write what the platform above shall have: a CSV and a file of JSON lines for each data set
    ///
    /// The folder's heads.json says where the export ended; --since FOLDER goes on from there, so that only cases that
    /// have changed are written. A record that comes again (same 办件编号 and 序号) replaces the former. An export that was
    /// lost is made again with the same --since. Names and numbers are in full: keep the folder safe.
    #[command(after_help = "Example:\n  sanji-hub exchange export --out 交换/0701 --data hub\n  \
        sanji-hub exchange export --since 交换/0701 --out 交换/0702 --data hub")]
    Export {
        /// The hub.
        #[command(flatten)]
        at: At,
        /// The folder, which must not be there yet.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Folder of the export before.
        #[arg(long, value_name = "DIR")]
        since: Option<PathBuf>,
        /// Only cases opened from this day on, YYYYMMDD.
        #[arg(long, value_name = "DAY", default_value_t = 0, hide_default_value = true)]
        from: u32,
        /// Only cases opened up to this day, YYYYMMDD.
        #[arg(long, value_name = "DAY", default_value_t = 0, hide_default_value = true)]
        until: u32,
        /// How to answer.
        #[command(flatten)]
        output: Output,
    },
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn run(self) -> Result<(), Error> {
        let Self::Export { at, out, since, from, until, output } = self;
        let since = since.map(|folder| read_heads(&folder)).transpose()?.unwrap_or_default();
        let request = proto::ExportExchangeRequest { since: since.heads, from, until };
        let mut parts = at.connect().await?.records().export_exchange(request).await?.into_inner();
        if out.exists() {
            return Err(Error::Input(format!("{} is there already", out.display())));
        }
        let mut name = out.as_os_str().to_owned();
        name.push(".partial");
        let beside = PathBuf::from(name);
        let mut folder = Folder::new(&beside)?;
        let end = loop {
            match parts.message().await?.and_then(|part| part.part) {
                Some(Part::Record(record)) => folder.write(&record)?,
                Some(Part::End(end)) => break end,
                None => return Err(Error::Input("the station broke off; the export is not complete".to_owned())),
            }
        };
        let records = folder.finish(&end)?;
        std::fs::rename(&beside, &out).map_err(fault("write", &out))?;
        let value = json!({ "folder": out.display().to_string(), "cases": end.cases, "records": records });
        output.print(&value, |_| {
            let counts: Vec<String> = records.iter().map(|(name, count)| format!("{name}{count}条")).collect();
            format!("{}：办件{}件；{}", out.display(), end.cases, counts.join("，"))
        })
    }
}

fn fault(operation: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::File { operation, path: path.clone(), source }
}

fn read_heads(folder: &Path) -> Result<proto::ExchangeEnd, Error> {
    let path = folder.join(HEADS);
    let text = std::fs::read_to_string(&path).map_err(fault("read", &path))?;
    let value = serde_json::from_str(&text).map_err(|fault| Error::Input(format!("{}: {fault}", path.display())))?;
    json::read("ExchangeEnd", value)
}

/// A folder that is being written.
struct Folder {
    path: PathBuf,
    sets: BTreeMap<String, DataSet>,
}

struct DataSet {
    csv: csv::Writer<File>,
    lines: BufWriter<File>,
    records: u64,
}

impl Folder {
    fn new(path: &Path) -> Result<Self, Error> {
        // What a former attempt left is no export.
        if path.exists() {
            std::fs::remove_dir_all(path).map_err(fault("remove", path))?;
        }
        std::fs::create_dir_all(path).map_err(fault("create", path))?;
        Ok(Self { path: path.to_owned(), sets: BTreeMap::new() })
    }

    fn write(&mut self, record: &proto::ExchangeRecord) -> Result<(), Error> {
        let path = &self.path;
        if !self.sets.contains_key(&record.data_set) {
            let create = |ending: &str| {
                let file = path.join(format!("{}.{ending}", record.data_set));
                File::create_new(&file).map_err(fault("write", &file))
            };
            let mut set = DataSet {
                csv: csv::Writer::from_writer(create("csv")?),
                lines: BufWriter::new(create("jsonl")?),
                records: 0,
            };
            let names = record.fields.iter().map(|field| &field.name);
            set.csv.write_record(names).map_err(|error| fault("write", path)(error.into()))?;
            self.sets.insert(record.data_set.clone(), set);
        }
        let Some(set) = self.sets.get_mut(&record.data_set) else { return Ok(()) };
        let values = record.fields.iter().map(|field| &field.value);
        set.csv.write_record(values).map_err(|error| fault("write", path)(error.into()))?;
        let pairs = record.fields.iter();
        let object: Map<String, Value> =
            pairs.map(|field| (field.name.clone(), Value::String(field.value.clone()))).collect();
        writeln!(set.lines, "{}", Value::Object(object)).map_err(fault("write", path))?;
        set.records += 1;
        Ok(())
    }

    /// Everything is on the disk when it returns: how many records of each data set.
    fn finish(self, end: &proto::ExchangeEnd) -> Result<BTreeMap<String, u64>, Error> {
        let fault = fault("write", &self.path);
        let mut records = BTreeMap::new();
        for (name, mut set) in self.sets {
            set.csv.flush().map_err(&fault)?;
            set.csv.get_ref().sync_all().map_err(&fault)?;
            let lines = set.lines.into_inner().map_err(|error| fault(error.into_error()))?;
            lines.sync_all().map_err(&fault)?;
            records.insert(name, set.records);
        }
        let heads = json::show("ExchangeEnd", end)?.to_string();
        std::fs::write(self.path.join(HEADS), heads).map_err(&fault)?;
        Ok(records)
    }
}

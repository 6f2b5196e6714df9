//! Makes the dictionary with which private parts of entries are compressed: `cargo run --release --bin dictionary -- FILE`.
//!
//! Forms are made up of the words of `forms.txt` and of the sample's files, and zstd learns from them what recurs. No
//! resident's data is in it. A dictionary that has been used to seal anything never changes: another one is another
//! `Sealed.method` of body.proto.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use prost::Message as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use sanji_proto::v1::{Answer, Applicant, Private};
use sanji_tests::Error;

/// Size of the dictionary, in bytes.
const BYTES: usize = 32 << 10;
/// Forms made up.
const FORMS: usize = 4000;
/// How many words in a hundred are of `forms.txt`, the others of the sample.
const COMMON: u32 = 60;

/// Makes the dictionary of forms anew. The same words give the same bytes with the same release of zstd.
#[derive(Parser)]
#[command(after_help = "Example: dictionary shared/station/src/compression/forms-1.dictionary")]
struct Arguments {
    /// Where it is written.
    file: PathBuf,
}

fn main() -> ExitCode {
    match make(&Arguments::parse().file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error);
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr)]
fn tell(error: &Error) {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    eprintln!("{error}{}", cause.unwrap_or_default());
}

fn make(file: &Path) -> Result<(), Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let common = read(&root.join("../shared/station/src/compression/forms.txt"))?;
    let common: Vec<&str> = common.lines().filter(|line| !line.starts_with('#')).collect();
    let mut files = Vec::new();
    files_below(&root.join("sample"), &mut files)?;
    let texts = files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    let mut sample: Vec<&str> = texts.iter().flat_map(|text| texts_in_quotes(text)).collect();
    sample.sort_unstable();
    sample.dedup();

    let mut random = StdRng::seed_from_u64(1);
    let forms: Vec<Vec<u8>> = (0..FORMS).map(|_| form(&common, &sample, &mut random).encode_to_vec()).collect();
    let learnt = zstd::dict::from_samples(&forms, BYTES);
    let dictionary = learnt.map_err(|source| Error::Io { operation: "learn from the forms", source })?;
    std::fs::write(file, dictionary).map_err(|source| Error::Io { operation: "write the dictionary", source })
}

fn read(file: &Path) -> Result<String, Error> {
    std::fs::read_to_string(file).map_err(|source| Error::Io { operation: "read words", source })
}

/// All files, in an order that does not depend on the disk.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::Io { operation: "list the sample", source };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort_unstable();
    for path in paths {
        if path.is_dir() { files_below(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

/// Texts in double quotes that have Chinese characters.
fn texts_in_quotes(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.lines().flat_map(|line| line.split('"').skip(1).step_by(2));
    quoted.filter(|text| text.chars().any(|character| ('\u{4E00}'..='\u{9FFF}').contains(&character)))
}

/// A form of the shape that agents hand in.
fn form(common: &[&str], sample: &[&str], random: &mut StdRng) -> Private {
    let applicant = Applicant {
        name: word(common, sample, random).chars().take(3).collect(),
        id_number: format!("990106{}0101{:04}", random.random_range(1940..2010), random.random_range(0..9999)),
        telephone: format!("1{:010}", random.random_range(3_000_000_000_u64..9_999_999_999)),
        address: String::new(),
    };
    let answers = (0..random.random_range(5..=10)).map(|_| answer(common, sample, random)).collect();
    let query_code = format!("{:06}", random.random_range(0..1_000_000));
    Private { applicant: Some(applicant), answers, query_code, ..Private::default() }
}

fn answer(common: &[&str], sample: &[&str], random: &mut StdRng) -> Answer {
    let field = word(common, sample, random).chars().take(12).collect();
    let mut value = String::new();
    for _ in 0..random.random_range(1..=6) {
        value.push_str(word(common, sample, random));
        value.push_str(["", "，", "；", "。"].choose(random).copied().unwrap_or_default());
    }
    if random.random_ratio(2, 5) {
        let digits = random.random_range(1..=18);
        value.extend((0..digits).map(|_| char::from(b'0' + random.random_range(0..10u8))));
    }
    Answer { field, value }
}

fn word<'w>(common: &[&'w str], sample: &[&'w str], random: &mut StdRng) -> &'w str {
    let words = if random.random_ratio(COMMON, 100) { common } else { sample };
    words.choose(random).copied().unwrap_or_default()
}

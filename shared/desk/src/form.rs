//! What a browser sent: the values of a form and its files, in one shape for both encodings.

use std::fmt::Write as _;

use axum::body::Bytes;
use axum::extract::multipart::{Multipart, MultipartError};
use data_encoding::HEXLOWER;
use sanji_log::RequestId;

use crate::problem::Problem;

/// Largest form with files: the largest file of `AttachmentHead.size`, 50 MB, and a photograph more.
pub(crate) const FORM_LIMIT_BYTES: usize = 64 * 1024 * 1024;
/// Most fields and files of one form. The longest form of the desk has about a hundred.
const PARTS_LIMIT: usize = 500;

/// The values of a form in the order in which they came, without surrounding blanks.
#[derive(Debug, Default, Clone)]
pub(crate) struct Form {
    values: Vec<(String, String)>,
    files: Vec<Upload>,
}

/// A file that was handed in, of a type that the desk takes.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    /// Name of the input.
    pub(crate) field: String,
    /// Name on the person's disk, without folders.
    pub(crate) file_name: String,
    /// By its first bytes, whatever its name says. None: not a type that the desk takes.
    pub(crate) media_type: Option<&'static str>,
    pub(crate) content: Bytes,
}

impl Form {
    /// A form from name and value pairs.
    pub(crate) fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let values = pairs.into_iter().map(|(name, value)| (name, value.trim().to_owned())).collect();
        Self { values, files: Vec::new() }
    }

    /// Reads `multipart/form-data`.
    pub(crate) async fn from_multipart(mut parts: Multipart) -> Result<Self, Problem> {
        let mut form = Self::default();
        while let Some(part) = parts.next_field().await.map_err(unreadable)? {
            if form.values.len() + form.files.len() >= PARTS_LIMIT {
                return Err(Problem::bad_request("表单内容过多，请分次提交。"));
            }
            let field = part.name().unwrap_or_default().to_owned();
            let Some(file_name) = part.file_name().map(plain_file_name) else {
                let value = part.text().await.map_err(unreadable)?;
                form.values.push((field, value.trim().to_owned()));
                continue;
            };
            let content = part.bytes().await.map_err(unreadable)?;
            if content.is_empty() {
                continue; // a file input left empty
            }
            form.files.push(Upload { field, file_name, media_type: media_type(&content), content });
        }
        Ok(form)
    }

    /// The first value of a field; empty where it was not sent.
    pub(crate) fn value(&self, field: &str) -> &str {
        self.values.iter().find(|(name, _)| name == field).map_or("", |(_, value)| value.as_str())
    }

    /// Every value of a field.
    pub(crate) fn all<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(name, _)| name == field).map(|(_, value)| value.as_str())
    }

    /// Whether a box was ticked.
    pub(crate) fn ticked(&self, field: &str) -> bool {
        !self.value(field).is_empty()
    }

    /// A number; 0 where the field is empty or not a number.
    pub(crate) fn number(&self, field: &str) -> u32 {
        self.value(field).parse().unwrap_or_default()
    }

    /// Every value but those that belong to one sending of the form only.
    pub(crate) fn lasting(&self) -> impl Iterator<Item = &(String, String)> {
        self.values.iter().filter(|(name, _)| !matches!(name.as_str(), "csrf" | "step"))
    }

    /// Adds a value.
    pub(crate) fn push(&mut self, field: String, value: String) {
        self.values.push((field, value));
    }

    /// Takes the files out.
    pub(crate) fn take_files(&mut self) -> Vec<Upload> {
        std::mem::take(&mut self.files)
    }

    /// The id under which this sending is carried out once.
    pub(crate) fn request(&self) -> Result<RequestId, Problem> {
        self.value("request").parse().map_err(|_| Problem::bad_request("页面已失效，请返回上一页刷新后重试。"))
    }
}

fn unreadable(error: MultipartError) -> Problem {
    if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        Problem::too_large()
    } else {
        Problem::bad_request("提交的内容没有完整收到，请返回上一页重试。")
    }
}

/// A fresh id for a form, 32 hexadecimal digits. Without randomness it is empty, and the form is refused when
/// it comes back.
pub(crate) fn fresh_request() -> String {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => HEXLOWER.encode(&bytes),
        Err(_) => String::new(),
    }
}

/// The type of a file by its first bytes: the three types that a case may hold.
fn media_type(content: &[u8]) -> Option<&'static str> {
    const SIGNATURES: [(&[u8], &str); 3] =
        [(&[0xff, 0xd8, 0xff], "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"%PDF-", "application/pdf")];
    SIGNATURES.iter().find(|(signature, _)| content.starts_with(signature)).map(|(_, name)| *name)
}

/// Old browsers send whole paths. Control characters and what is longer than 255 bytes go.
fn plain_file_name(sent: &str) -> String {
    let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut plain = String::new();
    for character in name.chars().filter(|character| !character.is_control()) {
        if plain.len() + character.len_utf8() > 255 {
            break;
        }
        plain.push(character);
    }
    if plain.is_empty() { "附件".to_owned() } else { plain }
}

/// What is wrong with a form: shown on top with links, and again at each field.
#[derive(Debug, Default, Clone)]
pub(crate) struct Faults(Vec<Fault>);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Name of the input; empty where no single input is at fault.
    pub(crate) field: String,
    pub(crate) sentence: String,
}

impl Faults {
    /// Adds one.
    pub(crate) fn add(&mut self, field: impl Into<String>, sentence: impl Into<String>) {
        self.0.push(Fault { field: field.into(), sentence: sentence.into() });
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order of the form.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }

    /// The sentences for one input, joined; empty where it is right.
    pub(crate) fn of(&self, field: &str) -> String {
        let mut sentences = String::new();
        for fault in self.0.iter().filter(|fault| fault.field == field) {
            // Writing to a String can't fail.
            let _ = write!(sentences, "{}", fault.sentence);
        }
        sentences
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn files_are_what_their_first_bytes_say() {
        assert_eq!(media_type(b"\xff\xd8\xff\xe0rest"), Some("image/jpeg"));
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\nrest"), Some("image/png"));
        assert_eq!(media_type(b"%PDF-1.7"), Some("application/pdf"));
        for not_taken in [b"<html>".as_slice(), b"GIF89a", b"MZ", b"", b"\xff\xd8"] {
            assert_eq!(media_type(not_taken), None, "{not_taken:?}");
        }
    }

    #[test]
    fn file_names_lose_folders_and_control_characters() {
        assert_eq!(plain_file_name("C:\\照片\\户口簿.jpg"), "户口簿.jpg");
        assert_eq!(plain_file_name("../../etc/passwd"), "passwd");
        assert_eq!(plain_file_name("a\r\nb.png"), "ab.png");
        assert_eq!(plain_file_name("/"), "附件");
        assert!(plain_file_name(&"户".repeat(300)).len() <= 255);
    }

    #[test]
    fn values_are_trimmed_and_lasting_ones_survive() {
        let form = Form::from_pairs(
            [("csrf", "secret"), ("name", " 张三 "), ("tick", "1"), ("step", "review"), ("pages", "3")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        assert_eq!(form.value("name"), "张三");
        assert!(form.ticked("tick") && !form.ticked("other"));
        assert_eq!(form.number("pages"), 3);
        let lasting: Vec<_> = form.lasting().map(|(name, _)| name.as_str()).collect();
        assert_eq!(lasting, ["name", "tick", "pages"]);
    }

    #[test]
    fn every_form_gets_an_id_of_its_own() {
        let (one, two) = (fresh_request(), fresh_request());
        assert_ne!(one, two);
        assert!(one.parse::<RequestId>().is_ok());
        assert!(Form::default().request().is_err());
    }
}

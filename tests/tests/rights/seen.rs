//! What an answer lets somebody see of a case or a matter: told by bytes that stand nowhere else.

use memchr::memmem;
use tonic::{Code, Status};

use crate::table::Outcome;
use crate::wire::Messages;

/// The marks by which one case or matter is known in an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    /// Its number, and whatever else only says that it is there.
    pub(crate) shows: Vec<Vec<u8>>,
    /// Words that were said in it.
    pub(crate) content: Vec<Vec<u8>>,
    /// Personal data as it is masked.
    pub(crate) masked: Vec<Vec<u8>>,
    /// Personal data.
    pub(crate) plain: Vec<Vec<u8>>,
}

pub(crate) fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

impl Marks {
    /// The most that an answer shows.
    pub(crate) fn seen(&self, answer: &Messages) -> Outcome {
        let holds = |marks: &[Vec<u8>]| {
            marks.iter().any(|mark| answer.iter().any(|message| memmem::find(message, mark).is_some()))
        };
        if holds(&self.plain) {
            Outcome::Plain
        } else if holds(&self.masked) {
            Outcome::Masked
        } else if holds(&self.content) {
            Outcome::Content
        } else if holds(&self.shows) {
            Outcome::Process
        } else {
            Outcome::Empty
        }
    }
}

/// What a status that is not OK says of rights.
fn refusal(status: &Status) -> Option<Outcome> {
    Some(match status.code() {
        Code::Unauthenticated => Outcome::Login,
        Code::PermissionDenied => Outcome::Refused,
        Code::NotFound => Outcome::Unknown,
        Code::Unimplemented => Outcome::Elsewhere,
        Code::InvalidArgument => Outcome::Wrong,
        Code::FailedPrecondition => Outcome::Rule,
        _ => return None,
    })
}

/// Whether an answer is what was expected; else what it was.
pub(crate) fn compare(expected: Outcome, marks: &Marks, answer: &Result<Messages, Status>) -> Result<(), String> {
    match answer {
        Ok(messages) => {
            let seen = marks.seen(messages);
            let fits = match expected {
                Outcome::Ok => matches!(seen, Outcome::Empty | Outcome::Process),
                Outcome::Passes => seen == Outcome::Empty,
                expected => seen == expected,
            };
            if fits { Ok(()) } else { Err(format!("expected {expected:?}, was answered with {seen:?}")) }
        }
        Err(status) => {
            let came = refusal(status);
            let fits = match expected {
                Outcome::Passes => matches!(came, Some(Outcome::Wrong | Outcome::Rule | Outcome::Unknown)),
                expected => came == Some(expected),
            };
            let told = || format!("expected {expected:?}, was {:?}: {}", status.code(), status.message());
            if fits { Ok(()) } else { Err(told()) }
        }
    }
}

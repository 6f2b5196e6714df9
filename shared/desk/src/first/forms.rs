//! The three forms of the first page: by the line, the request for the stick, the answer from the stick.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::CookieJar;
use tokio::sync::watch;

use super::pages::PAGE;
use super::{Failed, First, Hindrance, Way};
use crate::form::Form;
use crate::guard::{Visitor, check_token, read_form};
use crate::incoming::Incoming;
use crate::problem::Problem;

/// How long the browser waits for the end of an attempt before it is shown that it goes on.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest text that is shown again.
const TYPED_CHARACTERS: usize = 100;
/// Longest invitation: two certificates in PEM.
const INVITATION_MAX_BYTES: usize = 64 * 1024;

/// `POST /desk/enrol`
pub(super) async fn by_line(State(first): State<First>, cookies: CookieJar, request: Request) -> Response {
    let Some(place) = first.begin() else { return Redirect::to(PAGE).into_response() };
    let visitor = first.visitor(&cookies);
    let form = match posted(request, &visitor).await {
        Ok(form) => form,
        Err(problem) => return problem.into_response(),
    };
    let [station, hub, code] = ["station", "hub", "code"].map(|field| tidy(form.value(field)));
    // Another code asks with another key: the request that was made before may be worth nothing from now on.
    first.forget_request();
    let enrolling = first.0.enrolling.clone();
    let work = {
        let (station, hub) = (without_blanks(&station), without_blanks(&hub));
        async move { enrolling.enrol(&station, &hub, &code).await.map(Some) }
    };
    let ended = first.attempt(place, Failed::of(Way::Line, station, hub), work);
    first.answer(&visitor, ended).await
}

/// `POST /desk/enrol/request`
pub(super) async fn request(State(first): State<First>, cookies: CookieJar, request: Request) -> Response {
    let Some(place) = first.begin() else { return Redirect::to(PAGE).into_response() };
    let visitor = first.visitor(&cookies);
    let mut form = match posted(request, &visitor).await {
        Ok(form) => form,
        Err(problem) => return problem.into_response(),
    };
    let [station, code] = ["station", "code"].map(|field| tidy(form.value(field)));
    let file = form.take_files().into_iter().find(|file| file.field == "invitation.files");
    let text = file.map(|file| file.content).filter(|content| content.len() <= INVITATION_MAX_BYTES);
    let invitation = text.and_then(|content| String::from_utf8(content.to_vec()).ok());
    let making = first.clone();
    let work = {
        let station = without_blanks(&station);
        async move {
            let invitation = invitation.ok_or(Hindrance::NoInvitation)?;
            making.keep(making.0.enrolling.request(&station, &code, &invitation).await?);
            Ok(None)
        }
    };
    let ended = first.attempt(place, Failed::of(Way::Request, station, String::new()), work);
    first.answer(&visitor, ended).await
}

/// `POST /desk/enrol/answer`: the file is kept as it comes, so its size costs no memory.
pub(super) async fn answer(State(first): State<First>, cookies: CookieJar, request: Request) -> Response {
    let Some(place) = first.begin() else { return Redirect::to(PAGE).into_response() };
    let visitor = first.visitor(&cookies);
    let kept = match first.keep_upload(&visitor, request).await {
        Ok(kept) => kept,
        Err(problem) => return problem.into_response(),
    };
    let enrolling = first.0.enrolling.clone();
    let work = async move {
        kept?;
        enrolling.open_answer().await.map(Some)
    };
    let ended = first.attempt(place, Failed::of(Way::Answer, String::new(), String::new()), work);
    first.answer(&visitor, ended).await
}

impl First {
    /// Keeps the file of a form whose first field is the form's token.
    async fn keep_upload(&self, visitor: &Visitor, request: Request) -> Result<Result<(), Hindrance>, Problem> {
        let mut incoming = Incoming::of(request, &visitor.csrf).await?;
        let Some(upload) = incoming.file().await? else {
            return Ok(Err(Hindrance::NoFile));
        };
        Ok(self.0.enrolling.keep_answer(upload).await)
    }

    /// What the browser is shown once an attempt has ended, or has not for a while.
    async fn answer(&self, visitor: &Visitor, mut ended: watch::Receiver<bool>) -> Response {
        let waited = tokio::time::timeout(PATIENCE, ended.wait_for(|ended| *ended)).await;
        match self.failed() {
            Some(failed) if waited.is_ok() => self.again(visitor, failed),
            _ => Redirect::to(PAGE).into_response(),
        }
    }
}

impl Failed {
    /// What was typed, so that it stands in the form again should the attempt fail.
    fn of(way: Way, station: String, hub: String) -> Self {
        let [station, hub] = [station, hub].map(|typed| typed.chars().take(TYPED_CHARACTERS).collect());
        Self { way, station, hub, hindrance: Hindrance::BrokeOff }
    }
}

async fn posted(request: Request, visitor: &Visitor) -> Result<Form, Problem> {
    let form = read_form(request).await?;
    check_token(form.value("csrf"), &visitor.csrf)?;
    Ok(form)
}

/// What a Chinese keyboard makes of letters, digits, colons, full stops and dashes is taken for what was meant.
fn tidy(typed: &str) -> String {
    let narrow = |character: char| match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(character as u32 - 0xfee0).unwrap_or(character),
        '\u{3000}' => ' ',
        '。' => '.',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        other => other,
    };
    typed.chars().map(narrow).collect::<String>().trim().to_owned()
}

fn without_blanks(typed: &str) -> String {
    typed.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_chinese_keyboard_types_is_taken_for_what_was_meant() {
        assert_eq!(tidy("　９９０１０６　１０１２０３ "), "990106 101203");
        assert_eq!(tidy("hub。example：7101"), "hub.example:7101");
        assert_eq!(tidy("３ｋ８ｑ—ABCD－efgh–0000"), "3k8q-ABCD-efgh-0000");
        assert_eq!(without_blanks("990106 101 203"), "990106101203");
    }
}

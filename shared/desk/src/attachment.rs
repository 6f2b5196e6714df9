//! Attachments of a case or a matter, decrypted, for the person who may see it.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use sanji_log::AttachmentId;
use tokio_stream::wrappers::ReceiverStream;

use crate::guard::Person;
use crate::problem::Problem;
use crate::state::Desk;
use crate::words;

/// Types that a browser may show; anything else is saved.
const SHOWN: [&str; 3] = ["image/jpeg", "image/png", "application/pdf"];
/// The file is somebody else's: it may run nothing and load nothing. The viewer of PDF files is a part of the
/// browser and needs its own style.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'none'";

/// `GET /desk/case/{number}/attachment/{id}`
pub(crate) async fn show(
    State(desk): State<Desk>,
    Path((number, id)): Path<(String, String)>,
    person: Person,
) -> Result<Response, Problem> {
    answer(&desk, &person, &words::digits(&number), &id).await
}

/// `GET /desk/matter/{number}/attachment/{id}`
pub(crate) async fn show_of_matter(
    State(desk): State<Desk>,
    Path((number, id)): Path<(String, String)>,
    person: Person,
) -> Result<Response, Problem> {
    answer(&desk, &person, &format!("M{}", words::digits(&number)), &id).await
}

async fn answer(desk: &Desk, person: &Person, number: &str, id: &str) -> Result<Response, Problem> {
    let id: AttachmentId = id.parse().map_err(|_| Problem::not_found())?;
    let content = desk.office().attachment(&person.actor, number, &id).await?;
    let shown = SHOWN.iter().find(|shown| **shown == content.media_type);
    let name: String = form_urlencoded::byte_serialize(content.file_name.as_bytes()).collect();
    // RFC 6266, 8187: a blank is %20 there, and + is itself.
    let disposition = format!(
        "{}; filename*=UTF-8''{}",
        if shown.is_some() { "inline" } else { "attachment" },
        name.replace('+', "%20")
    );
    let disposition = HeaderValue::from_str(&disposition).unwrap_or(HeaderValue::from_static("attachment"));
    let media_type = HeaderValue::from_static(shown.copied().unwrap_or("application/octet-stream"));
    let headers = [
        (CONTENT_TYPE, media_type),
        (CONTENT_LENGTH, HeaderValue::from(content.size)),
        (CONTENT_DISPOSITION, disposition),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(content.parts))).into_response())
}

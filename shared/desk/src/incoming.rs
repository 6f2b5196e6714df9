//! A form whose file is taken as it comes, so that its size costs no memory.

use std::io;

use axum::extract::multipart::{Multipart, MultipartError, MultipartRejection};
use axum::extract::{FromRequest as _, Request};
use tokio_stream::StreamExt as _;

use crate::exchange::Upload;
use crate::guard::check_token;
use crate::problem::Problem;

/// A form with its token and then a file. The token was right.
pub(crate) struct Incoming(Multipart);

impl Incoming {
    /// Reads the form as far as its token.
    pub(crate) async fn of(request: Request, csrf: &str) -> Result<Self, Problem> {
        let parts: Result<Multipart, MultipartRejection> = Multipart::from_request(request, &()).await;
        // A form of another kind has no token of this desk.
        let mut parts = parts.map_err(|_| Problem::forged())?;
        let token = match parts.next_field().await.map_err(unreadable)? {
            Some(field) if field.name() == Some("csrf") => field.text().await.map_err(unreadable)?,
            _ => String::new(),
        };
        check_token(&token, csrf)?;
        Ok(Self(parts))
    }

    /// The file that follows. None: none was chosen.
    pub(crate) async fn file(&mut self) -> Result<Option<Upload<'_>>, Problem> {
        let file = self.0.next_field().await.map_err(unreadable)?;
        let file = file.filter(|file| file.file_name().is_some_and(|name| !name.is_empty()));
        Ok(file.map(|file| Box::pin(file.map(|part| part.map_err(io::Error::other))) as Upload<'_>))
    }
}

fn unreadable(_: MultipartError) -> Problem {
    Problem::bad_request("文件没有完整收到，请重试。")
}

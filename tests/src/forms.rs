//! A browser without a window: keeps cookies, reads hidden fields, sends forms over plain HTTP.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Error;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
const BOUNDARY: &str = "sanji-tests-boundary";

/// Somebody at a site.
#[derive(Debug)]
pub struct Visitor {
    site: SocketAddr,
    cookies: BTreeMap<String, String>,
}

/// What the site answered.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Where it sends the browser; empty: nowhere.
    pub location: String,
    /// The page or the file.
    pub body: Vec<u8>,
}

impl Answer {
    /// The page.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of the first input of a name; empty where there is none.
    #[must_use]
    pub fn field(&self, name: &str) -> String {
        let text = self.text();
        let value = text.split(&format!("name=\"{name}\"")).nth(1).and_then(|rest| rest.split("value=\"").nth(1));
        value.and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
    }
}

impl Visitor {
    /// Nobody whom the site knows.
    #[must_use]
    pub fn new(site: SocketAddr) -> Self {
        Self { site, cookies: BTreeMap::new() }
    }

    /// Opens a page.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn get(&mut self, path: &str) -> Result<Answer, Error> {
        self.ask("GET", path, "text/plain", &[])
    }

    /// Sends a form: names and values, and at most one file.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn post(&mut self, path: &str, values: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Result<Answer, Error> {
        let mut body = Vec::new();
        for (name, value) in values {
            body.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").bytes());
            body.extend(format!("{value}\r\n").bytes());
        }
        if let Some((name, content)) = file {
            let head = format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"");
            body.extend(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").bytes());
            body.extend(content);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{BOUNDARY}--\r\n").bytes());
        self.ask("POST", path, &format!("multipart/form-data; boundary={BOUNDARY}"), &body)
    }

    fn ask(&mut self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Result<Answer, Error> {
        let io = |operation| move |source| Error::Io { operation, source };
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nOrigin: http://{}\r\nConnection: close\r\nCookie: {}\r\n\
             Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            self.site,
            self.site,
            cookies.join("; "),
            body.len()
        );
        let mut stream = TcpStream::connect(self.site).map_err(io("connect to a desk"))?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(io("connect to a desk"))?;
        stream.write_all(&[head.as_bytes(), body].concat()).map_err(io("send a form"))?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(io("read a page"))?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(answer.len());
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let body = answer.get(end + 4..).unwrap_or_default().to_vec();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let mut location = String::new();
        for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
            match name.to_ascii_lowercase().as_str() {
                "set-cookie" => {
                    let pair = value.split(';').next().unwrap_or_default();
                    let (name, value) = pair.split_once('=').unwrap_or_default();
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
                "location" => value.clone_into(&mut location),
                _ => {}
            }
        }
        Ok(Answer { status, location, body })
    }
}

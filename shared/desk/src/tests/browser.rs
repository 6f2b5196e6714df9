//! A browser for tests: keeps cookies, reads hidden fields, sends forms.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use tower::ServiceExt;

use super::fake::{FakeExchange, FakeOffice, Memory, TOKEN};
use super::fake_administration::FakeAdministration;
use crate::routes;
use crate::state::Desk;
use crate::{Administration, DeskOptions};

pub(super) struct Browser {
    router: Router,
    cookies: BTreeMap<String, String>,
    pub(super) memory: Arc<Mutex<Memory>>,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Browser {
    /// Somebody whom the desk does not know.
    pub(super) fn stranger() -> Self {
        let memory = Arc::new(Mutex::new(Memory::default()));
        let administration = FakeAdministration { memory: Arc::clone(&memory) };
        let administration: Option<Arc<dyn Administration>> = Some(Arc::new(administration));
        Self::at(memory, DeskOptions { public_pages: true, administration, ..DeskOptions::default() })
    }

    /// The same at a desk that is no hub's.
    pub(super) fn at_a_node() -> Self {
        Self::at(Arc::default(), DeskOptions::default())
    }

    fn at(memory: Arc<Mutex<Memory>>, options: DeskOptions) -> Self {
        let office = FakeOffice::new(Arc::clone(&memory));
        let exchange = FakeExchange { memory: Arc::clone(&memory) };
        let desk = Desk::new(Box::new(office), Box::new(exchange), options).unwrap();
        Self { router: routes::router(desk), cookies: BTreeMap::new(), memory }
    }

    /// Somebody at other pages than a desk's.
    pub(super) fn over(router: Router) -> Self {
        Self { router, cookies: BTreeMap::new(), memory: Arc::default() }
    }

    /// An agent who has logged in.
    pub(super) fn agent() -> Self {
        Self::stranger().logged_in()
    }

    /// The same person after a login.
    pub(super) fn logged_in(mut self) -> Self {
        self.cookies.insert("sanji-session-990106101203".to_owned(), TOKEN.to_owned());
        self
    }

    pub(super) fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn post(&mut self, path: &str, values: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(values).finish();
        let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Sends a form with one file.
    pub(super) async fn upload(&mut self, path: &str, values: &[(&str, &str)], file: (&str, &str, &[u8])) -> Answer {
        self.send_raw(path, MULTIPART, multipart(values, file)).await
    }

    /// Sends whatever bytes.
    pub(super) async fn send_raw(&mut self, path: &str, content_type: &str, body: Vec<u8>) -> Answer {
        let request = Request::post(path).header(CONTENT_TYPE, content_type);
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(super) async fn send(&mut self, mut request: Request<Body>) -> Answer {
        request.headers_mut().entry(HOST).or_insert(HeaderValue::from_static("127.0.0.1:7180"));
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        request.headers_mut().insert(COOKIE, cookies.join("; ").parse().unwrap());
        let response = self.router.clone().oneshot(request).await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&bytes).into_owned() }
    }
}

pub(super) const MULTIPART: &str = "multipart/form-data; boundary=B";

/// A form with one file, as a browser sends it.
pub(super) fn multipart(values: &[(&str, &str)], (field, file_name, content): (&str, &str, &[u8])) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in values {
        body.extend(format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    let head = format!("--B\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{file_name}\"\r\n");
    body.extend(head.bytes());
    body.extend(b"Content-Type: text/html\r\n\r\n");
    body.extend(content);
    body.extend(b"\r\n--B--\r\n");
    body
}

impl Answer {
    /// The value of the first input of a name, as it stands in the page.
    pub(super) fn field(&self, name: &str) -> &str {
        let start = self.body.find(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no field {name}"));
        let value = &self.body[start + name.len() + 15..];
        &value[..value.find('"').unwrap()]
    }

    pub(super) fn location(&self) -> &str {
        self.headers.get(LOCATION).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    #[track_caller]
    pub(super) fn shows(&self, expected: &[&str]) {
        for text in expected {
            assert!(self.body.contains(text), "{} lacks {text:?}:\n{}", self.status, self.body);
        }
    }

    #[track_caller]
    pub(super) fn hides(&self, unexpected: &[&str]) {
        for text in unexpected {
            assert!(!self.body.contains(text), "{} has {text:?}:\n{}", self.status, self.body);
        }
    }
}

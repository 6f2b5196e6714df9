//! Whatever a browser, or something that calls itself one, sends: it is never a fault of the desk, and nothing is done
//! of it that a person did not send. Longer: `BOLERO_RANDOM_ITERATIONS=100000 cargo test -p sanji-desk fuzz`.

use std::panic::AssertUnwindSafe;
use std::sync::Mutex;

use axum::http::header::CONTENT_TYPE;

use super::browser::{Browser, MULTIPART, multipart};

const URLENCODED: &str = "application/x-www-form-urlencoded";
/// Forms of every sort: with files, with a bundle, with words only, of strangers.
const PATHS: [&str; 5] =
    ["/desk/new/mz-dibao", "/desk/bundles/import", "/desk/bundles/export", "/desk/password", "/desk/login"];

/// Some bytes of a form become others, are lost, or the rest is.
fn edit(mut body: Vec<u8>, edits: &[(u16, u8, u8)]) -> Vec<u8> {
    for (place, what, byte) in edits.iter().take(4) {
        let at = usize::from(*place) % body.len().max(1);
        match what % 4 {
            0 => body.truncate(at),
            1 if at < body.len() => drop(body.remove(at)),
            2 => body.insert(at.min(body.len()), *byte),
            _ => body.get_mut(at).into_iter().for_each(|old| *old = *byte),
        }
    }
    body
}

#[test]
fn no_form_is_a_fault_of_the_desk() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut browser = Browser::agent();
    let csrf = runtime.block_on(browser.get("/desk/bundles")).field("csrf").to_owned();
    let values = [("csrf", csrf.as_str()), ("request", "00"), ("to", "990106101000"), ("applicant.name", "赵德明")];
    let file = ("materials[0].files", "C:\\照片\\a.jpg", &b"\xff\xd8\xff\xe0 photograph"[..]);
    let parts = multipart(&values, file);
    let words = form_urlencoded::Serializer::new(String::new()).extend_pairs(values).finish().into_bytes();
    // One thread looks at the browser, and a failed law ends the test.
    let desk = AssertUnwindSafe((runtime, Mutex::new(browser)));
    bolero::check!().with_iterations(600).with_type::<(u8, bool, Vec<(u16, u8, u8)>)>().for_each(
        |(path, in_parts, edits)| {
            let desk = &desk;
            let (runtime, browser) = &desk.0;
            let mut browser = browser.lock().unwrap();
            let path = PATHS[usize::from(*path) % PATHS.len()];
            let (content_type, body) = if *in_parts { (MULTIPART, &parts) } else { (URLENCODED, &words) };
            let answer = runtime.block_on(browser.send_raw(path, content_type, edit(body.clone(), edits)));
            assert!(!answer.status.is_server_error(), "{path} {content_type}: {}", answer.status);
            assert!(answer.headers.contains_key(CONTENT_TYPE) || answer.status.is_redirection(), "{path}");
            let memory = browser.memory();
            assert!(memory.submitted.is_empty() && memory.acted.is_empty(), "{path}: done without a whole form");
        },
    );
}

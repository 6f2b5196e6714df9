//! Somebody who opens one page after another, on a desktop and on a telephone, and remembers what was wrong.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use sanji_tests::browser::Browser;
use sanji_tests::browser::devtools::TALLEST;
use sanji_tests::browser::reader::{A4, DESKTOP, LARGE_LETTERS, LETTERS, PHONE};
use sanji_tests::district::PASSWORD;

/// Answers that are no pages of their own: parts that a page fetches, files, what the browser loads by itself.
const PARTS: [&str; 6] = [
    "/assets/desk.css",
    "/assets/desk.js",
    "/desk/supervision/live",
    "/desk/case/{number}/ticks",
    "/desk/case/{number}/attachment/{id}",
    "/desk/matter/{number}/attachment/{id}",
];

/// What differs from person to person.
const OWN: [&str; 3] = ["/desk?", "/desk/case/", "/desk/matter/"];
/// How often a page is opened by all people together before nobody needs to any more.
const OTHERS_ENOUGH: usize = 3;

pub(crate) struct Walk {
    pub(crate) browser: Browser,
    /// How often each address that can be opened has been.
    pub(crate) opened: BTreeMap<String, usize>,
    /// What was wrong, and where.
    pub(crate) faults: BTreeSet<String>,
    /// Address of the desk at which the walk is, and who walks.
    base: String,
    who: String,
    pictures: Option<PathBuf>,
    taken: usize,
}

/// The addresses of the desk that can be opened, as its table of routes has them.
fn routes() -> Vec<String> {
    let table = include_str!("../../../shared/desk/src/routes.rs");
    let entries =
        table.split("route(\"").skip(1).filter(|entry| entry.split("route(").next().unwrap().contains(" get("));
    entries.map(|entry| entry.split('"').next().unwrap().to_owned()).collect()
}

/// Whether an address is one of a route's; the route's braces stand for a piece of any kind.
fn fits(route: &str, path: &str) -> bool {
    let (route, path): (Vec<_>, Vec<_>) = (route.split('/').collect(), path.split('/').collect());
    route.len() == path.len() && route.iter().zip(&path).all(|(route, piece)| route.starts_with('{') || route == piece)
}

impl Walk {
    pub(crate) async fn begin() -> Self {
        Self {
            browser: Browser::open(DESKTOP.0, DESKTOP.1).await.unwrap(),
            opened: routes().into_iter().map(|route| (route, 0)).collect(),
            faults: BTreeSet::new(),
            base: String::new(),
            who: String::new(),
            pictures: std::env::var_os("SCREENSHOTS").map(PathBuf::from),
            taken: 0,
        }
    }

    /// Goes to a desk, as nobody in particular.
    pub(crate) async fn visit(&mut self, base: &str, who: &str) {
        (self.base, self.who) = (base.to_owned(), who.to_owned());
        self.browser.go(&format!("{base}/assets/desk.css")).await.unwrap();
        self.browser.window.delete_all_cookies().await.unwrap();
        // A file that is no page asks for an icon that is not there.
        self.browser.console().await.unwrap();
    }

    /// Goes to a desk and logs in.
    pub(crate) async fn log_in(&mut self, base: &str, staff: &str) {
        self.visit(base, staff).await;
        self.see("/desk/login").await;
        self.send("/desk/login", "/desk/login", &[("staff", staff), ("password", PASSWORD)]).await;
    }

    /// The route of an address; where two fit, the one with fewer braces.
    fn route(&self, path: &str) -> Option<String> {
        let path = path.split('?').next().unwrap();
        let fitting = self.opened.keys().filter(|route| fits(route, path));
        fitting.min_by_key(|route| route.matches('{').count()).cloned()
    }

    fn wrong(&mut self, path: &str, faults: impl IntoIterator<Item = String>) {
        self.faults.extend(faults.into_iter().map(|fault| format!("{} at {path}: {fault}", self.who)));
    }

    /// Opens a page and reads it; the links on it.
    pub(crate) async fn see(&mut self, path: &str) -> Vec<String> {
        self.see_answered(path, 200).await
    }

    /// The same, of a page that is answered with another status.
    pub(crate) async fn see_answered(&mut self, path: &str, status: u16) -> Vec<String> {
        let route = self.route(path);
        if let Some(route) = &route {
            *self.opened.get_mut(route).unwrap() += 1;
        } else if status == 200 {
            self.wrong(path, ["a link that leads nowhere".to_owned()]);
        }
        if route.is_some_and(|route| PARTS.contains(&route.as_str())) || path.contains("file=") {
            let answered = self.browser.fetched(path).await.unwrap();
            if answered != status {
                self.wrong(path, [format!("answered {answered}")]);
            }
            return Vec::new();
        }
        self.browser.go(&format!("{}{path}", self.base)).await.unwrap();
        self.read(path, status).await
    }

    /// Reads the page that is open.
    pub(crate) async fn read(&mut self, path: &str, status: u16) -> Vec<String> {
        self.picture(path, "desktop").await;
        let reading = self.browser.read().await.unwrap();
        if reading.status != status {
            self.wrong(path, [format!("answered {}", reading.status)]);
        }
        // The console repeats the status of every answer that is not 200.
        let expected = |fault: &String| status != 200 && fault.starts_with("the console says");
        self.wrong(path, reading.faults.into_iter().filter(|fault| !expected(fault)));
        self.fits(path, DESKTOP.0, LETTERS, "on a desktop").await;
        if self.pictures.is_some() {
            self.browser.resize(DESKTOP.0, TALLEST, false).await.unwrap();
        }
        self.browser.letters(LARGE_LETTERS).await.unwrap();
        self.fits(path, DESKTOP.0, LARGE_LETTERS, "on a desktop with large letters").await;
        self.picture(path, "large").await;
        self.browser.letters(LETTERS).await.unwrap();
        self.browser.resize(PHONE.0, PHONE.1, true).await.unwrap();
        self.fits(path, PHONE.0, LETTERS, "on a telephone").await;
        self.picture(path, "phone").await;
        self.browser.resize(DESKTOP.0, DESKTOP.1, false).await.unwrap();
        if path.contains("/paper/") {
            self.print(path).await;
        }
        reading.links
    }

    async fn fits(&mut self, path: &str, width: u32, letters: u32, place: &str) {
        let misfits = self.browser.misfits(width, letters).await.unwrap();
        self.wrong(path, misfits.into_iter().map(|misfit| format!("{place} {misfit}")));
    }

    /// Reads the open page as it comes out of the printer.
    async fn print(&mut self, path: &str) {
        self.browser.window.refresh().await.unwrap();
        self.browser.resize(A4.0, A4.1, false).await.unwrap();
        self.browser.on_paper(true).await.unwrap();
        self.fits(path, A4.0, LETTERS, "on paper").await;
        self.picture(path, "paper").await;
        self.browser.on_paper(false).await.unwrap();
        self.browser.resize(DESKTOP.0, DESKTOP.1, false).await.unwrap();
    }

    /// Opens everything that links lead to, from these pages on, but of each route no more than `each`, and of those
    /// that others have opened before only what is the person's own: a case, a paper, a matter.
    pub(crate) async fn wander(&mut self, from: &[&str], each: usize) {
        let mut waiting: VecDeque<String> = from.iter().map(|path| (*path).to_owned()).collect();
        let mut known: BTreeSet<String> = waiting.iter().cloned().collect();
        let mut times: BTreeMap<Option<String>, usize> = BTreeMap::new();
        while let Some(path) = waiting.pop_front() {
            let route = self.route(&path);
            let others = route.as_ref().and_then(|route| self.opened.get(route)).copied().unwrap_or(0);
            let own = OWN.iter().any(|start| path.starts_with(start));
            let seen = times.entry(route).or_default();
            let enough = *seen >= each || !own && *seen + OTHERS_ENOUGH <= others;
            if enough && !from.contains(&path.as_str()) {
                continue;
            }
            *seen += 1;
            for link in self.see(&path).await {
                if known.insert(link.clone()) {
                    waiting.push_back(link);
                }
            }
        }
    }

    /// Fills in the form with this address on a page, sends it, and reads what comes back.
    pub(crate) async fn send(&mut self, path: &str, action: &str, values: &[(&str, &str)]) -> Vec<String> {
        self.send_answered(path, action, values, 200).await
    }

    /// The same with something that is missing or wrong.
    pub(crate) async fn send_wrong(&mut self, path: &str, action: &str, values: &[(&str, &str)]) -> Vec<String> {
        self.send_answered(path, action, values, 422).await
    }

    async fn send_answered(&mut self, path: &str, action: &str, values: &[(&str, &str)], status: u16) -> Vec<String> {
        self.browser.go(&format!("{}{path}", self.base)).await.unwrap();
        let sent = self.browser.send_form(action, values).await;
        sent.unwrap_or_else(|fault| panic!("the form {action} at {path} can't be sent: {fault:?}"));
        self.read(&format!("{path} → {action}"), status).await
    }

    /// Opens the first file that a page links to.
    pub(crate) async fn see_file(&mut self, links: &[String]) {
        let file = links.iter().find(|link| link.contains("/attachment/")).expect("a link to a file");
        self.see(file).await;
    }

    pub(crate) async fn text(&self) -> String {
        self.browser.text().await.unwrap()
    }

    async fn picture(&mut self, path: &str, size: &str) {
        if let Some(folder) = &self.pictures {
            if size == "desktop" {
                self.taken += 1;
            }
            let named: String =
                path.chars().map(|one| if one.is_alphanumeric() { one } else { '-' }).take(70).collect();
            let name = format!("{:03}-{}{named}-{size}.png", self.taken, self.who);
            self.browser.picture(&folder.join(name)).await.unwrap();
        }
    }
}

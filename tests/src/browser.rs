//! A real browser: headless Chromium, driven over WebDriver.

pub mod devtools;
pub mod reader;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::wd::TimeoutConfiguration;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;

use crate::Error;

/// Chromium's driver with one window of its own. Both end with the value.
#[derive(Debug)]
pub struct Browser {
    _driver: Driver,
    /// The window.
    pub window: Client,
}

/// How often the driver is started before that counts as a fault: it takes a free port of one kind of address
/// and ends where the same port of the other kind is in use.
const STARTS: usize = 5;

/// The driver's process; it ends with the value, also where no window could be opened.
#[derive(Debug)]
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the driver. None: it ended without naming a port.
fn start_driver() -> Result<Option<(Driver, u16)>, Error> {
    let mut driver = Command::new("chromedriver")
        .args(["--port=0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map(Driver)
        .map_err(|source| Error::Io { operation: "start chromedriver", source })?;
    let port = driver.0.stdout.take().and_then(|output| {
        BufReader::new(output).lines().map_while(Result::ok).find_map(|line| {
            let port = line.split("successfully on port ").nth(1)?;
            port.trim_end_matches('.').parse::<u16>().ok()
        })
    });
    Ok(port.map(|port| (driver, port)))
}

fn broken(what: &'static str) -> impl Fn(fantoccini::error::CmdError) -> Error {
    move |source| Error::Browser { what, source: Box::new(source) }
}

impl Browser {
    /// Starts the driver on a free port and opens a window of `width` × `height` pixels.
    ///
    /// # Errors
    /// [`Error::Io`] where `chromedriver` is not installed (tests/run installs it), [`Error::NotReady`] where it
    /// does not start.
    pub async fn open(width: u32, height: u32) -> Result<Self, Error> {
        let not_ready = |why: String| Error::NotReady { station: "chromedriver".into(), why };
        let mut started = None;
        for _ in 0..STARTS {
            started = start_driver()?;
            if started.is_some() {
                break;
            }
        }
        let Some((driver, port)) = started else { return Err(not_ready("it named no port".into())) };
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--lang=zh-CN",
            &format!("--window-size={width},{height}"),
        ];
        let options = json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let capabilities = options.as_object().cloned().unwrap_or_default();
        let window = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .map_err(|source| not_ready(source.to_string()))?;
        let waits = TimeoutConfiguration::new(None, Some(Duration::from_secs(30)), Some(Duration::from_secs(1)));
        window.update_timeouts(waits).await.map_err(broken("set its patience"))?;
        Ok(Self { _driver: driver, window })
    }

    /// Goes to an address.
    ///
    /// # Errors
    /// [`Error::Browser`].
    pub async fn go(&self, address: &str) -> Result<(), Error> {
        self.window.goto(address).await.map_err(broken("go to an address"))
    }

    /// Types into the field with this `name`, after clearing it.
    ///
    /// # Errors
    /// [`Error::Browser`] where there is none.
    pub async fn fill(&self, name: &str, text: &str) -> Result<(), Error> {
        let field =
            self.window.find(Locator::Css(&format!("[name='{name}']"))).await.map_err(broken("find a field"))?;
        if field.attr("type").await.map_err(broken("read a field"))?.as_deref() != Some("file") {
            field.clear().await.map_err(broken("clear a field"))?;
        }
        field.send_keys(text).await.map_err(broken("fill a field"))
    }

    /// Clicks the first element that a CSS selector finds.
    ///
    /// # Errors
    /// [`Error::Browser`] where there is none.
    pub async fn click(&self, selector: &str) -> Result<(), Error> {
        let element = self.window.find(Locator::Css(selector)).await.map_err(broken("find an element"))?;
        element.click().await.map_err(broken("click an element"))
    }

    /// Clicks a button or link that leads to another page, and waits until that page is there.
    ///
    /// # Errors
    /// [`Error::Browser`] where there is none; [`Error::Timeout`] where the page stays.
    pub async fn follow(&self, selector: &str) -> Result<(), Error> {
        self.run("window.left = false").await?;
        self.click(selector).await?;
        self.arrive(selector).await
    }

    /// Waits until the page has given way to the one behind `what`.
    async fn arrive(&self, what: &str) -> Result<(), Error> {
        for _ in 0..200 {
            let arrived = self.run("return window.left === undefined && document.readyState === 'complete'").await;
            // While one page gives way to the next, the driver may find neither.
            if arrived.is_ok_and(|arrived| arrived == true) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(Error::Timeout { what: format!("the page behind {what}"), seconds: 10 })
    }

    /// Fills in the form of the open page that is sent to `action`, sends it, and waits for the next page. A value for
    /// a tick box ticks it; one for a file is the file's path.
    ///
    /// # Errors
    /// [`Error::Browser`] where there is no such form or field; [`Error::Timeout`] where the page stays.
    pub async fn send_form(&self, action: &str, values: &[(&str, &str)]) -> Result<(), Error> {
        for (name, path) in values.iter().filter(|(name, _)| name.ends_with("files")) {
            let file = format!("form[action='{action}'] [name='{name}']");
            let file = self.window.find(Locator::Css(&file)).await.map_err(broken("find a file's field"))?;
            file.send_keys(path).await.map_err(broken("choose a file"))?;
        }
        let typed = values.iter().filter(|(name, _)| !name.ends_with("files"));
        let typed: Vec<[&str; 2]> = typed.map(|(name, value)| [*name, *value]).collect();
        self.run("window.left = false").await?;
        let sent = self.window.execute(include_str!("browser/send.js"), vec![json!(action), json!(typed)]).await;
        sent.map_err(broken("fill in a form"))?;
        self.arrive(action).await
    }

    /// HTTP status of an address of this site, fetched and not opened.
    ///
    /// # Errors
    /// [`Error::Browser`].
    pub async fn fetched(&self, path: &str) -> Result<u16, Error> {
        let script = "const call = new XMLHttpRequest(); call.open('GET', arguments[0], false); call.send(); \
                      return call.status;";
        let status = self.window.execute(script, vec![json!(path)]).await.map_err(broken("fetch an address"))?;
        Ok(status.as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default())
    }

    async fn run(&self, script: &str) -> Result<serde_json::Value, Error> {
        self.window.execute(script, Vec::new()).await.map_err(broken("run a script"))
    }

    /// What the page says.
    ///
    /// # Errors
    /// [`Error::Browser`].
    pub async fn text(&self) -> Result<String, Error> {
        let text = self.run("return document.body.innerText").await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Loads the page again until it says `words`.
    ///
    /// # Errors
    /// [`Error::Timeout`] with what it says instead.
    pub async fn wait_for(&self, words: &str) -> Result<(), Error> {
        let mut said = String::new();
        for _ in 0..60 {
            said = self.text().await?;
            if said.contains(words) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
            self.window.refresh().await.map_err(broken("load a page again"))?;
        }
        Err(Error::Timeout { what: format!("the page to say {words}; it says: {said}"), seconds: 15 })
    }

    /// Keeps a picture of the window.
    ///
    /// # Errors
    /// [`Error::Browser`], [`Error::Io`].
    pub async fn screenshot(&self, file: &Path) -> Result<(), Error> {
        let picture = self.window.screenshot().await.map_err(broken("take a picture"))?;
        std::fs::write(file, picture).map_err(|source| Error::Io { operation: "keep a picture", source })
    }

    /// Closes window and driver.
    ///
    /// # Errors
    /// [`Error::Browser`].
    pub async fn close(self) -> Result<(), Error> {
        self.window.clone().close().await.map_err(broken("close the window"))
    }
}

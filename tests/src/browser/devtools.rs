//! What Chromium's driver can do beyond WebDriver: windows as small as a phone, whole pages, paper, the console.

use std::path::Path;

use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

use super::{Browser, broken};
use crate::Error;

/// Taller pictures than this are of no use to anybody, in pixels.
pub const TALLEST: u32 = 4000;

/// A command of the driver's own, at an address below the session.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    async fn extension(&self, path: &'static str, body: Value, what: &'static str) -> Result<Value, Error> {
        self.window.issue_cmd(Extension { path, body }).await.map_err(broken(what))
    }

    async fn devtools(&self, command: &str, parameters: Value, what: &'static str) -> Result<Value, Error> {
        self.extension("goog/cdp/execute", json!({ "cmd": command, "params": parameters }), what).await
    }

    /// Shows pages `width` × `height` pixels large from now on; `phone`: as a phone does, by the page's own viewport.
    ///
    /// # Errors
    /// [`Error::Browser`].
    pub async fn resize(&self, width: u32, height: u32, phone: bool) -> Result<(), Error> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        self.devtools("Emulation.setDeviceMetricsOverride", size, "change its size").await.map(|_| ())
    }

    /// Shows pages from now on as to somebody who has set the browser's letters to a size in pixels.
    ///
    /// # Errors
    /// [`Error::Browser`].
    pub async fn letters(&self, size: u32) -> Result<(), Error> {
        let sizes = json!({ "fontSizes": { "standard": size, "fixed": size } });
        self.devtools("Page.setFontSizes", sizes, "change the letters' size").await.map(|_| ())
    }

    /// Shows pages as they are printed, or on the screen again.
    ///
    /// # Errors
    /// [`Error::Browser`].
    pub async fn on_paper(&self, paper: bool) -> Result<(), Error> {
        let media = json!({ "media": if paper { "print" } else { "" } });
        self.devtools("Emulation.setEmulatedMedia", media, "show paper").await.map(|_| ())
    }

    /// Keeps a picture of the whole page. Letters have their usual size again afterwards, and in the picture too where
    /// the page is taller than the window.
    ///
    /// # Errors
    /// [`Error::Browser`], [`Error::Io`].
    pub async fn picture(&self, file: &Path) -> Result<(), Error> {
        let size = self.run("return [innerWidth, innerHeight, Math.ceil(document.body.offsetHeight)]").await?;
        let pixels = |at: usize| size[at].as_u64().unwrap_or(0);
        let (width, window, height) = (pixels(0), pixels(1), pixels(2).clamp(1, TALLEST.into()));
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        // Beyond the window, Chromium draws with its own settings, and keeps them.
        let wanted = json!({ "format": "png", "captureBeyondViewport": height > window, "clip": clip });
        let picture = self.devtools("Page.captureScreenshot", wanted, "take a picture").await?;
        let coded = picture["data"].as_str().unwrap_or_default();
        let bytes = data_encoding::BASE64.decode(coded.as_bytes()).unwrap_or_default();
        std::fs::write(file, bytes).map_err(|source| Error::Io { operation: "keep a picture", source })
    }

    /// What the console has said since it was last asked.
    ///
    /// # Errors
    /// [`Error::Browser`].
    pub async fn console(&self) -> Result<Vec<String>, Error> {
        let said = self.extension("se/log", json!({ "type": "browser" }), "read the console").await?;
        let lines = said.as_array().into_iter().flatten();
        Ok(lines.filter_map(|line| line["message"].as_str().map(str::to_owned)).collect())
    }
}

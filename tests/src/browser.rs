//! A real, headless Chromium, driven over WebDriver: its commands are JSON over HTTP. What WebDriver has
//! no command for (width, colours, no JavaScript) goes by Chromium's own, which no client library knows.

use std::{path::PathBuf, process::Stdio};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use crate::until;

/// As `deploy/browser.sh` fetches it.
const AXE: &str = "axe-core-4.10.3/axe.min.js";
const TAB: &str = "\u{e004}";
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One browser with a profile of its own; dropped, it is stopped.
pub struct Browser {
    client: Client,
    session: String,
    site: String,
    _driver: Child,
}

impl Browser {
    /// # Panics
    /// If Chromium or its driver is not there: `deploy/browser.sh` installs them.
    pub async fn start(site: &str) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver starts: deploy/browser.sh installs it");
        let mut lines = BufReader::new(driver.stdout.take().expect("piped")).lines();
        let port = loop {
            let line = lines.next_line().await.expect("stdout is read").expect("chromedriver says its port");
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        let client = crate::rest::client();
        // Nothing leaves the machine: a page that wants a font from elsewhere does not wait for it.
        let here = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost";
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", here];
        let chrome = json!({"browserName": "chrome", "goog:chromeOptions": {"args": arguments}});
        let sessions = format!("http://127.0.0.1:{port}/session");
        let made = client.post(&sessions).json(&json!({"capabilities": {"alwaysMatch": chrome}}));
        let made: Value = made.send().await.expect("the driver answers").json().await.expect("JSON");
        let id = made["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("no browser: {made}"));
        let session = format!("{sessions}/{id}");
        Self { client, session, site: site.to_owned(), _driver: driver }
    }

    async fn try_command(&self, method: Method, path: &str, body: &Value) -> Result<Value, Value> {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.session));
        if method == Method::POST {
            request = request.json(body);
        }
        let response = request.send().await.expect("the driver answers");
        let succeeded = response.status().is_success();
        let mut answer: Value = response.json().await.expect("JSON");
        if succeeded { Ok(answer["value"].take()) } else { Err(answer) }
    }

    async fn command(&self, path: &str, body: &Value) -> Value {
        self.try_command(Method::POST, path, body).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn chromium(&self, command: &str, parameters: &Value) -> Value {
        self.command("/goog/cdp/execute", &json!({"cmd": command, "params": parameters})).await
    }

    pub async fn without_javascript(&self) {
        self.chromium("Emulation.setScriptExecutionDisabled", &json!({"value": true})).await;
    }

    pub async fn width(&self, width: u32) {
        let size = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600});
        self.chromium("Emulation.setDeviceMetricsOverride", &size).await;
        // Pictures show the page to its edge.
        self.chromium("Emulation.setScrollbarsHidden", &json!({"hidden": true})).await;
    }

    pub async fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": value}]);
        self.chromium("Emulation.setEmulatedMedia", &json!({"features": features})).await;
    }

    /// Opens a page of the site.
    pub async fn go(&self, path: &str) {
        self.command("/url", &json!({"url": format!("{}{path}", self.site)})).await;
    }

    /// The path and query of the page that is shown.
    ///
    /// # Panics
    /// If the browser is gone.
    pub async fn path(&self) -> String {
        let url = self.try_command(Method::GET, "/url", &Value::Null).await.expect("a page is open");
        url.as_str().expect("a text").strip_prefix(&self.site).expect("it never leaves the site").to_owned()
    }

    /// The value of one of the site's cookies, also of one that scripts don't see.
    pub async fn cookie(&self, name: &str) -> Option<String> {
        let found = self.try_command(Method::GET, &format!("/cookie/{name}"), &Value::Null).await.ok()?;
        found["value"].as_str().map(str::to_owned)
    }

    async fn find(&self, css: &str) -> Option<String> {
        let by = json!({"using": "css selector", "value": css});
        let found = self.try_command(Method::POST, "/element", &by).await.ok()?;
        Some(found[ELEMENT].as_str()?.to_owned())
    }

    /// The element, once it is there.
    async fn element(&self, css: &str) -> String {
        until(css, || self.find(css)).await
    }

    pub async fn is_there(&self, css: &str) -> bool {
        self.find(css).await.is_some()
    }

    pub async fn click(&self, css: &str) {
        let element = self.element(css).await;
        self.command(&format!("/element/{element}/click"), &json!({})).await;
    }

    /// Signs in and waits for the page after it: leaving earlier would undo the sign-in.
    pub async fn sign_in(&self, token: &str) {
        self.go("/dang-nhap").await;
        self.click("#by-token summary").await;
        self.fill("#token", token).await;
        self.click("#by-token button").await;
        until("the page after the sign-in", || async { (!self.is_there("#token").await).then_some(()) })
            .await;
    }

    /// Types into an element; what it held stays before it.
    pub async fn fill(&self, css: &str, text: &str) {
        let element = self.element(css).await;
        self.command(&format!("/element/{element}/value"), &json!({"text": text})).await;
    }

    /// Types to whatever has the focus.
    pub async fn press(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| {
            [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
        });
        let strokes: Vec<Value> = strokes.collect();
        let actions = json!([{"type": "key", "id": "keys", "actions": strokes}]);
        self.command("/actions", &json!({"actions": actions})).await;
    }

    /// Presses the tabulator until the script says yes; what has the focus is always seen.
    ///
    /// # Panics
    /// If the keyboard does not get there, or nothing shows where it is.
    pub async fn tab_to(&self, script: &str) {
        for _ in 0..80 {
            if self.run(script).await == true {
                return;
            }
            self.press(TAB).await;
            let seen = "const e = document.activeElement;
                return e === document.body || getComputedStyle(e).outlineStyle !== 'none' || e.id === 'main'";
            assert_eq!(self.run(seen).await, json!(true), "the focus is seen");
        }
        panic!("the keyboard does not reach: {script}");
    }

    /// [`Self::tab_to`] the element.
    pub async fn tab_to_css(&self, css: &str) {
        self.tab_to(&format!("return document.activeElement.matches({})", json!(css))).await;
    }

    /// The text that an element shows, once it is there; looked for anew if its page is left meanwhile.
    pub async fn text(&self, css: &str) -> String {
        until(css, || async {
            let element = self.find(css).await?;
            let path = format!("/element/{element}/text");
            let text = self.try_command(Method::GET, &path, &Value::Null).await.ok()?;
            Some(text.as_str()?.to_owned())
        })
        .await
    }

    /// Waits until an element shows that text.
    pub async fn shows(&self, css: &str, text: &str) {
        until(text, || async { self.text(css).await.contains(text).then_some(()) }).await;
    }

    /// What a script returns.
    pub async fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({"script": script, "args": []})).await
    }

    /// [`Self::axe`], and a picture of the whole page in [`pictures`], named by its language, width and colours.
    pub async fn look(&self, name: &str) -> Vec<String> {
        self.keep_picture(name).await;
        self.axe().await
    }

    /// What axe-core finds that is serious or critical.
    ///
    /// # Panics
    /// If axe-core is not there: `deploy/browser.sh` fetches it.
    pub async fn axe(&self) -> Vec<String> {
        let file: PathBuf = local::parts::default_dir().join(AXE);
        let axe = std::fs::read_to_string(&file);
        let axe = axe.unwrap_or_else(|error| panic!("run deploy/browser.sh: {}: {error}", file.display()));
        self.chromium("Runtime.evaluate", &json!({"expression": axe})).await;
        let script = "const done = arguments[0]; axe.run().then((found) => done(found.violations));";
        let found = self.command("/execute/async", &json!({"script": script, "args": []})).await;
        let found = found.as_array().expect("a list").iter();
        let serious = found.filter(|v| v["impact"] == "serious" || v["impact"] == "critical");
        serious.map(|v| format!("{}: {}", v["id"], v["nodes"][0]["html"])).collect()
    }

    async fn keep_picture(&self, name: &str) {
        let look = "const dark = matchMedia('(prefers-color-scheme: dark)').matches ? '-dark' : '';
                    return '-' + document.documentElement.lang + '-' + innerWidth + dark";
        let look = self.run(look).await;
        let size = self.chromium("Page.getLayoutMetrics", &json!({})).await["cssContentSize"].take();
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        let taken = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = self.chromium("Page.captureScreenshot", &taken).await;
        let bytes = BASE64_STANDARD.decode(picture["data"].as_str().expect("a picture")).expect("base64");
        let name = format!("{name}{}.png", look.as_str().expect("a text"));
        let folder = pictures();
        std::fs::create_dir_all(&folder).expect("the folder is made");
        std::fs::write(folder.join(name), bytes).expect("the picture is written");
    }

    /// # Panics
    /// If it does not end.
    pub async fn stop(self) {
        self.try_command(Method::DELETE, "", &Value::Null).await.expect("the browser ends");
    }
}

/// Where the pictures of pages lie, those of the last run over those before.
pub fn pictures() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from);
    target.join("pages")
}

//! A company with a server over it, and what a person does in a browser.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::Running;

pub(crate) const DARK: &str = "--blink-settings=preferredColorScheme=0";
pub(crate) const LIGHT: &str = "--blink-settings=preferredColorScheme=1";
pub(crate) const WITHOUT_SCRIPTS: &str = "--blink-settings=scriptEnabled=false";
/// Widths of windows.
const NARROW: u32 = 320;
const WIDE: u32 = 1200;

fn provost(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
    command.current_dir(folder).env("NO_COLOR", "1").env("USER", "tester").env_remove("PROVOST_NOW");
    command
}

/// A folder with sandboxes, and a server over it.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    _server: Running,
}

impl World {
    pub(crate) fn open() -> Self {
        Self::open_with(&[])
    }

    /// With these parts of the configuration replaced by others.
    pub(crate) fn open_with(edits: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let made = provost(folder.path()).args(["init", "--sandbox", "--people", "12", "--quiet"]).status().expect("the binary runs");
        assert!(made.success());
        let file = folder.path().join("provost.toml");
        let mut config = std::fs::read_to_string(&file).expect("the configuration");
        for (from, to) in edits {
            assert!(config.contains(from), "the configuration that init makes has {from:?}");
            config = config.replacen(from, to, 1);
        }
        std::fs::write(&file, config).expect("the configuration is written");
        let mut server = Running::start(provost(folder.path()).args(["serve", "--listen", "127.0.0.1:0"])).expect("the binary runs");
        let url = server.line(|line| Some(line.split_once("the console is ")?.1.trim_end_matches('/').to_owned()));
        Self { folder, url, _server: server }
    }

    /// What the command says, beside the server.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = provost(self.folder.path()).args(args).args(["--format", "json"]).output().expect("the binary runs");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {output:?}"))
    }

    /// Changes the roster.
    pub(crate) fn roster(&self, change: impl FnOnce(String) -> String) {
        let file = self.folder.path().join("roster.csv");
        let rows = std::fs::read_to_string(&file).expect("the roster");
        std::fs::write(&file, change(rows)).expect("it is written");
    }

    /// Opens a page.
    pub(crate) async fn go(&self, page: &Client, path: &str) {
        page.goto(&format!("{}{path}", self.url)).await.expect("the server is there");
        see(page, "main h1").await;
    }

    /// Logs a browser in by a link.
    pub(crate) async fn log_in(&self, page: &Client) {
        self.log_in_as(page, "tester").await;
    }

    /// The same as somebody of this name.
    pub(crate) async fn log_in_as(&self, page: &Client, name: &str) {
        let made = provost(self.folder.path()).env("USER", name).args(["token", "link", "--format", "json"]).output();
        let made: Value = serde_json::from_slice(&made.expect("the binary runs").stdout).expect("JSON");
        let link = made["link"].as_str().expect("a link").to_owned();
        let secret = link.split_once("?link=").expect("with its secret").1;
        page.goto(&format!("{}/log-in?link={secret}", self.url)).await.expect("the page to log in");
        press(page, "form[action='/log-in'] button").await;
        see(page, "form[action='/log-out']").await;
    }
}

/// Presses what leads to another page, and waits until this one is gone: what is looked for next is never found on the old one.
pub(crate) async fn press(page: &Client, what: &str) {
    see(page, what).await;
    let here = page.find(Locator::Css("html")).await.expect("a page");
    tick(page, what).await;
    for _ in 0..600 {
        if here.tag_name().await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what} leads nowhere: {}", text(page).await);
}

/// Presses what stays on the page.
pub(crate) async fn tick(page: &Client, what: &str) {
    see(page, what).await;
    page.find(Locator::Css(what)).await.expect("it is there").click().await.expect("it can be pressed");
}

/// Waits for something to be on the page.
pub(crate) async fn see(page: &Client, what: &str) {
    if page.wait().at_most(Duration::from_secs(60)).for_element(Locator::Css(what)).await.is_err() {
        let address = page.current_url().await.expect("there is a page");
        panic!("{address} does not come to have {what}:\n{}", text(page).await);
    }
}

pub(crate) async fn text(page: &Client) -> String {
    // Another page may come while this one is read.
    for _ in 0..20 {
        if let Ok(body) = page.find(Locator::Css("body")).await
            && let Ok(text) = body.text().await
        {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no page stays long enough to be read");
}

/// Waits for these words to be on the page.
pub(crate) async fn reads(page: &Client, words: &str) {
    for _ in 0..600 {
        if text(page).await.contains(words) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{words:?} does not come: {}", text(page).await);
}

pub(crate) async fn has(page: &Client, what: &str) -> bool {
    page.find(Locator::Css(what)).await.is_ok()
}

/// The page breaks no rule of axe, and nothing of it lies beyond the width of the window, be that narrow or wide.
pub(crate) async fn is_fit(page: &Client) {
    let axe = std::fs::read_to_string(xtask::outside::node().join("node_modules/axe-core/axe.min.js")).expect("axe-core is installed");
    page.execute(&axe, Vec::new()).await.expect("axe can be loaded");
    let script = "const done = arguments[arguments.length - 1]; axe.run().then(found => done(found.violations.map(one => \
                  one.id + ': ' + one.help + ': ' + one.nodes.map(node => node.html).join(' ; '))));";
    for width in [NARROW, WIDE] {
        page.set_window_size(width, 900).await.expect("it has a window");
        let broken = page.execute_async(script, Vec::new()).await.expect("axe runs");
        let address = page.current_url().await.expect("there is a page");
        assert_eq!(broken, json!([]), "{address}, {width} wide");
        let beyond =
            page.execute("return document.documentElement.scrollWidth - document.documentElement.clientWidth", Vec::new()).await;
        assert_eq!(beyond.expect("it can be measured"), json!(0), "{address} is wider than a window of {width}");
    }
}

/// Keeps what the page looks like, where `cargo xtask screenshots` asked for it: wide when light, narrow when dark.
pub(crate) async fn shot(page: &Client, name: &str) {
    if let Some(folder) = std::env::var_os("PROVOST_TEST_SCREENSHOTS") {
        let width = if name.ends_with("dark") { NARROW } else { WIDE };
        page.set_window_size(width, 900).await.expect("it has a window");
        let picture = page.screenshot().await.expect("the browser makes one");
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), picture).expect("it is written");
    }
}

/// Plans, until a plan is on the page: the open one, where there are several.
pub(crate) async fn plan(page: &Client) {
    press(page, "form[action='/plan'] button").await;
    to_the_plan(page).await;
}

/// Waits until a plan that can be approved is on the page; where several are listed, it is the first of them.
pub(crate) async fn to_the_plan(page: &Client) {
    see(page, "form[action$='/approve'], main a[href^='/plans/']").await;
    for _ in 0..600 {
        if has(page, "form[action$='/approve']").await {
            return;
        }
        // The page that listed it may be gone by now, and the plan be there by itself.
        if let Ok(listed) = page.find(Locator::Css("main a[href^='/plans/']")).await {
            let _ = listed.click().await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no plan can be approved: {}", text(page).await);
}

/// Plans once more, and waits for what comes of it.
pub(crate) async fn plan_once_more(page: &Client) {
    press(page, "form[action='/plan'] button").await;
    see(page, "main p + p a[href='/']").await;
    reads(page, "nothing to do").await;
}

/// Says yes to the plan on the page, carries it out, and waits for its report.
pub(crate) async fn approve_and_run(page: &Client) {
    press(page, "form[action$='/approve'] button").await;
    press(page, "form[action$='/run'] button").await;
    see(page, "#report").await;
    reads(page, "finished").await;
}

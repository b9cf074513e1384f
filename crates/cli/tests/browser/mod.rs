//! What tests with a real browser share: Debian's `chromium`, driven by `chromedriver`, which `cargo xtask test` installs.

use std::io::{BufRead, BufReader, Lines, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;

/// A program that ends with its handle.
pub(crate) struct Running(pub(crate) Child, pub(crate) Lines<BufReader<ChildStdout>>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Running {
    /// Starts it.
    ///
    /// # Errors
    /// It is not there.
    pub(crate) fn start(command: &mut Command) -> std::io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Ok(Self(child, lines))
    }

    /// The first line that `pick` takes something from.
    ///
    /// # Panics
    /// When it ends before.
    pub(crate) fn line<T>(&mut self, pick: impl Fn(&str) -> Option<T>) -> T {
        self.line_if_any(pick).unwrap_or_else(|said| panic!("it ended without the line that was waited for:\n{said}"))
    }

    /// The same.
    ///
    /// # Errors
    /// It ends before: all that it said.
    fn line_if_any<T>(&mut self, pick: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let mut seen = String::new();
        for line in self.1.by_ref().map_while(Result::ok) {
            if let Some(found) = pick(&line) {
                return Ok(found);
            }
            seen.push_str(&line);
            seen.push('\n');
        }
        Err(format!("{seen}\n{}", self.told()))
    }

    /// What else it told.
    ///
    /// # Panics
    /// When that is no text.
    pub(crate) fn told(&mut self) -> String {
        let mut told = String::new();
        self.0.stderr.take().expect("piped").read_to_string(&mut told).expect("UTF-8");
        told
    }
}

/// A browser without a window, and the program that drives it.
pub(crate) struct Browser {
    /// What drives it.
    pub(crate) client: Client,
    _driver: Running,
    _profile: TempDir,
}

impl Browser {
    /// Opens one with a profile of its own, and these arguments beside the usual ones.
    ///
    /// # Panics
    /// When it is not installed.
    pub(crate) async fn open_with(more: &[&str]) -> Self {
        let (driver, port) = driver();
        let profile = tempfile::tempdir().expect("a folder for the browser");
        let folder = format!("--user-data-dir={}", profile.path().display());
        let args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", folder.as_str()];
        let args = [&args[..], more].concat();
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": { "args": args } });
        let wanted = wanted.as_object().expect("it is one").clone();
        let client = ClientBuilder::new(HttpConnector::new()).capabilities(wanted).connect(&format!("http://127.0.0.1:{port}")).await;
        let client = client.expect("chromedriver starts Debian's chromium: install both, as `cargo xtask test` does");
        Self { client, _driver: driver, _profile: profile }
    }

    /// Ends it.
    ///
    /// # Panics
    /// When it does not end.
    pub(crate) async fn close(self) {
        self.client.close().await.expect("the browser closes");
    }
}

/// The program that drives browsers, and its port.
fn driver() -> (Running, String) {
    let mut said = String::new();
    // It takes a port that is free for one of the machine's two addresses, and ends where another program has it for the other.
    for _ in 0..20 {
        let mut driver = Running::start(Command::new("chromedriver").arg("--port=0")).unwrap_or_else(|error| {
            panic!(
                "chromedriver cannot be started ({error}): install Debian's chromium and chromium-driver, as `cargo xtask test` does"
            )
        });
        match driver.line_if_any(|line| line.split_once("successfully on port ").map(|(_, rest)| rest.trim_end_matches('.').to_owned()))
        {
            Ok(port) => return (driver, port),
            Err(all) => said = all,
        }
    }
    panic!("chromedriver finds no port:\n{said}");
}

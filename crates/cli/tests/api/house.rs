//! A house of one's own: a folder with sandboxes, `provost serve`, a token of every role, and a small client.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The roles, the least first.
pub(crate) const ROLES: [&str; 4] = ["viewer", "operator", "approver", "admin"];

/// A server that runs.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) server: Child,
    /// `127.0.0.1:PORT`.
    pub(crate) host: String,
    /// A token of each role, each under the role's name.
    pub(crate) tokens: BTreeMap<&'static str, String>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    headers: String,
    pub(crate) body: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.lines().find_map(|line| line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name)));
        found.map(|(_, value)| value.trim())
    }

    /// A problem document of this status and kind, which says this.
    pub(crate) fn is_problem(&self, status: u16, kind: &str, told: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let said = self.json();
        assert_eq!((&said["status"], &said["type"]), (&status.into(), &format!("/api/v1/problems/{kind}").into()), "{self:?}");
        assert!(said["title"].as_str().is_some_and(|title| !title.is_empty()), "{self:?}");
        assert!(said["detail"].as_str().is_some_and(|detail| detail.contains(told)), "{told}: {self:?}");
    }
}

impl House {
    /// With so many people, and this added to the configuration.
    pub(crate) fn new(people: u32, more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let made = provost(folder.path(), &["init", "--sandbox", "--people", &people.to_string(), "--quiet"]);
        assert!(made.status.success(), "{made:?}");
        let file = folder.path().join("provost.toml");
        let config = std::fs::read_to_string(&file).expect("the configuration");
        std::fs::write(&file, format!("{config}\n{more}\n")).expect("the configuration is written");
        let token = |role: &'static str| {
            let made = provost(folder.path(), &["token", "create", "--name", role, "--role", role, "--quiet"]);
            let token = String::from_utf8_lossy(&made.stdout).trim().to_owned();
            assert!(token.starts_with("pvt_"), "{made:?}");
            (role, token)
        };
        let tokens = ROLES.into_iter().map(token).collect();
        let (server, host) = serve(folder.path());
        Self { folder, server, host, tokens }
    }

    /// Control-C; it has to end well.
    pub(crate) fn stop(&mut self) {
        let told = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status().expect("kill runs");
        assert!(told.success());
        assert!(self.server.wait().expect("it ends").success());
    }

    /// Ends the server in the middle of whatever it does, and starts it again on the same store.
    pub(crate) fn killed(&mut self) {
        self.server.kill().expect("it is killed");
        self.server.wait().expect("it ends");
        (self.server, self.host) = serve(self.folder.path());
    }

    /// The same binary with other words, beside the server.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        provost(self.folder.path(), args)
    }

    pub(crate) fn get(&self, role: &str, path: &str) -> Said {
        self.send(role, "GET", path, &[], None)
    }

    pub(crate) fn post(&self, role: &str, path: &str, body: &Value) -> Said {
        self.send(role, "POST", path, &[], Some(body))
    }

    /// As somebody of this role; as nobody where it is none.
    pub(crate) fn send(&self, role: &str, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Said {
        let mut all: Vec<(&str, String)> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        all.extend(self.tokens.get(role).map(|token| ("Authorization", format!("Bearer {token}"))));
        if body.is_some() && !headers.iter().any(|(name, _)| *name == "Content-Type") {
            all.push(("Content-Type", "application/json".to_owned()));
        }
        self.raw(method, path, &all, body.map(Value::to_string).unwrap_or_default().as_bytes())
    }

    /// Whatever is wanted.
    pub(crate) fn raw(&self, method: &str, path: &str, headers: &[(&str, String)], body: &[u8]) -> Said {
        let mut stream = TcpStream::connect(&self.host).expect("it listens");
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.host);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        // A server that refuses early may not read to the end.
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        let mut answer = Vec::new();
        if let Err(error) = stream.read_to_end(&mut answer) {
            assert!(!answer.is_empty(), "{error}, {sent:?}");
        }
        let answer = String::from_utf8(answer).expect("UTF-8");
        let (headers, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        let status = headers.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Said { status, headers: headers.to_owned(), body: body.to_owned() }
    }

    /// Begins a job, and waits for its end by its events.
    pub(crate) fn job(&self, role: &str, path: &str, body: Option<&Value>) -> Value {
        let begun = self.send(role, "POST", path, &[], body);
        assert_eq!(begun.status, 202, "{begun:?}");
        let at = begun.header("location").expect("it says where").to_owned();
        // The stream ends when the job does.
        let events = self.get("viewer", &format!("{at}/events"));
        assert_eq!((events.status, events.header("content-type")), (200, Some("text/event-stream")), "{events:?}");
        assert!(events.body.contains("event: job"), "{events:?}");
        let job = self.get("viewer", &at).json();
        assert!(job["ended"].is_string(), "{job}");
        job
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

fn serve(folder: &Path) -> (Child, String) {
    serve_with(&mut command(folder, &["serve", "--listen", "127.0.0.1:0", "--format", "json", "--quiet"]))
}

/// Starts a server, and waits until it says where it listens.
pub(crate) fn serve_with(command: &mut Command) -> (Child, String) {
    let mut server = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut said = String::new();
    let mut out = BufReader::new(server.stdout.take().expect("its output"));
    while serde_json::from_str::<Value>(&said).is_err() {
        assert!(out.read_line(&mut said).expect("it says where it listens") > 0, "it ended: {said}");
    }
    let said: Value = serde_json::from_str(&said).expect("JSON");
    (server, said["listen"].as_str().expect("an address").to_owned())
}

fn provost(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().expect("the binary runs")
}

pub(crate) fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
    for variable in ["PROVOST_NOW", "PROVOST_KEY"] {
        command.env_remove(variable);
    }
    command.current_dir(folder).env("USER", "tester").args(args);
    command
}

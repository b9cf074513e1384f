//! A folder with sandboxes, and a server over it that people log in to through a provider.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::browser::Running;

/// The secret that Provost has at the provider.
pub(crate) const SECRET: &str = "provosts-own-secret";

pub(crate) fn provost(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
    command.current_dir(folder).env("NO_COLOR", "1").env("USER", "tester").env("OIDC_SECRET", SECRET);
    command.env_remove("PROVOST_NOW").env_remove("PROVOST_KEY");
    command
}

/// A server over a folder.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    server: Running,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Said {
    /// The values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    /// Where it leads.
    pub(crate) fn location(&self) -> &str {
        self.all("location").first().copied().unwrap_or_default()
    }

    /// The cookie of this name that it sets.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let set = self.all("set-cookie").into_iter().filter_map(|cookie| cookie.split(';').next());
        let mut set = set.filter_map(|pair| pair.split_once('='));
        set.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value.to_owned())
    }
}

impl World {
    /// With this provider, these lines in `[serve.oidc]`, and these in `[approval]`.
    pub(crate) fn open(issuer: &str, oidc: &str, approval: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let made = provost(folder.path()).args(["init", "--sandbox", "--people", "12", "--quiet"]).status().expect("the binary runs");
        assert!(made.success());
        let file = folder.path().join("provost.toml");
        let config = std::fs::read_to_string(&file).expect("the configuration");
        let serve = format!(
            "[serve.oidc]\nissuer = \"{issuer}\"\nclient_id = \"provost\"\nclient_secret = {{ env = \"OIDC_SECRET\" }}\n{oidc}\n"
        );
        assert!(config.contains("[approval]\n"), "init writes another block now:\n{config}");
        let config = config.replacen("[approval]\n", &format!("[approval]\n{approval}\n"), 1);
        std::fs::write(&file, format!("{config}\n{serve}")).expect("the configuration is written");
        let mut server = Running::start(provost(folder.path()).args(["serve", "--listen", "127.0.0.1:0"])).expect("the binary runs");
        let url = server.line(|line| Some(line.split_once("the console is ")?.1.trim_end_matches('/').to_owned()));
        Self { folder, url, server }
    }

    /// Ends the server in order, and gives what it noted.
    pub(crate) fn stop(mut self) -> String {
        let told = Command::new("kill").args(["-INT", &self.server.0.id().to_string()]).status().expect("kill runs");
        assert!(told.success());
        let noted = self.server.told();
        assert!(self.server.0.wait().expect("it ends").success());
        noted
    }

    /// Looks at a page, with these cookies.
    pub(crate) fn get(&self, path: &str, cookies: &str) -> Said {
        let host = self.url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).expect("it listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {cookies}\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (headers, body) = answer.split_once("\r\n\r\n").expect("HTTP");
        let status = headers.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Said { status, headers: headers.to_owned(), body: body.to_owned() }
    }
}

//! A server of one's own: a folder, `provost serve`, a token, and a small client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// What the server is configured with; the last section is that of the source that pushes.
pub(crate) const CONFIG: &str = r#"
[organization]
name = "Acme"
time_zone = "UTC"

[serve]
listen = "127.0.0.1:0"

[source.hr]
role = "employment"
kind = "file"
path = "roster.csv"
key = "employee_id"

# Where nobody answers: what is planned is none of these tests' business.
[app.lessonly]
connector = "lessonly"
base_url = "http://127.0.0.1:9/api/v1"
subdomain = "acme"
api_key = { file = "key" }

[app.lessonly.accounts]
who = 'person.active'
match = ["email == person.email"]
leave = "archive"

[app.lessonly.set]
email = 'person.email'

[source.okta]
role = "idp"
kind = "scim"
join = "person.email == record.userName"
"#;

/// How a server is started.
const SERVE: [&str; 4] = ["serve", "--format", "json", "--quiet"];

/// A server that runs.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    server: Child,
    pub(crate) url: String,
    pub(crate) token: String,
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

    /// An error document of this status and, where one is wanted, this word.
    pub(crate) fn is_error(&self, status: u16, word: Option<&str>) {
        let said = self.json();
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(said["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{self:?}");
        assert_eq!(said["status"], json!(status.to_string()));
        assert_eq!(said["scimType"].as_str(), word, "{self:?}");
        assert!(said["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/scim+json"));
    }
}

impl Desk {
    /// With a source that speaks this dialect.
    pub(crate) fn new(dialect: &str) -> Self {
        Self::with(&format!("{CONFIG}dialect = \"{dialect}\"\n"))
    }

    pub(crate) fn with(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("provost.toml"), config).expect("the configuration is written");
        std::fs::write(folder.path().join("roster.csv"), "employee_id,first_name,last_name,email,status\n").expect("a roster");
        std::fs::write(folder.path().join("key"), "nobody's").expect("a key");
        let made = provost(folder.path(), &["token", "create", "--source", "okta", "--quiet"]);
        let token = String::from_utf8_lossy(&made.stdout).trim().to_owned();
        assert!(token.starts_with("pvt_"), "{made:?}");
        let (server, url) = serve(command(folder.path(), &SERVE));
        Self { folder, server, url, token }
    }

    /// Ends the server as a user does, and starts it again on the same store.
    pub(crate) fn again(&mut self) {
        self.stop();
        (self.server, self.url) = serve(command(self.folder.path(), &SERVE));
    }

    /// The same, with a log of every request, which goes into a pipe that nobody reads.
    pub(crate) fn again_unread(&mut self) {
        self.stop();
        let mut command = command(self.folder.path(), &SERVE);
        command.env("PROVOST_LOG_LEVEL", "debug").stderr(Stdio::piped());
        (self.server, self.url) = serve(command);
    }

    /// Control-C; it has to end well.
    pub(crate) fn stop(&mut self) {
        let told = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status().expect("kill runs");
        assert!(told.success());
        assert!(self.server.wait().expect("it ends").success());
    }

    /// The same binary with other words, beside the server.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        provost(self.folder.path(), args)
    }

    pub(crate) fn get(&self, path: &str) -> Said {
        self.send("GET", path, &[], None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Said {
        self.send("POST", path, &[], Some(body))
    }

    pub(crate) fn patch(&self, path: &str, operations: &Value) -> Said {
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
        self.send("PATCH", path, &[], Some(&body))
    }

    /// A user; gives the id.
    pub(crate) fn user(&self, name: &str) -> String {
        let said = self.post("/Users", &user(name));
        assert_eq!(said.status, 201, "{said:?}");
        said.json()["id"].as_str().expect("an id").to_owned()
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Said {
        let bytes = body.map(Value::to_string).unwrap_or_default();
        let mut all = vec![("Authorization", format!("Bearer {}", self.token))];
        if body.is_some() {
            all.push(("Content-Type", "application/scim+json".to_owned()));
        }
        let given = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
        all.retain(|(name, _)| !headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
        all.extend(given);
        self.raw(method, path, &all, bytes.as_bytes())
    }

    /// Whatever is wanted, below the gateway's address.
    pub(crate) fn raw(&self, method: &str, path: &str, headers: &[(&str, String)], body: &[u8]) -> Said {
        let rest = self.url.strip_prefix("http://").expect("an address");
        let (host, base) = rest.split_once('/').expect("a path");
        let mut stream = TcpStream::connect(host).expect("it listens");
        let mut head = format!("{method} /{base}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        // A server that refuses early may not read to the end.
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap_or_else(|error| panic!("{error}, {sent:?}"));
        let answer = String::from_utf8(answer).expect("UTF-8");
        let (headers, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        let status = headers.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Said { status, headers: headers.to_owned(), body: body.to_owned() }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

/// A user as Okta makes one.
pub(crate) fn user(name: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "externalId": format!("00u-{name}"),
        "name": { "givenName": "Given", "familyName": "Family" },
        "emails": [{ "value": name, "type": "work", "primary": true }],
        "displayName": format!("Given {name}"),
        "active": true,
        "password": "never-to-be-seen",
    })
}

fn serve(mut command: Command) -> (Child, String) {
    let mut server = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let mut said = String::new();
    let mut out = BufReader::new(server.stdout.take().expect("its output"));
    while serde_json::from_str::<Value>(&said).is_err() {
        assert!(out.read_line(&mut said).expect("it says where it listens") > 0, "it ended: {said}");
    }
    let said: Value = serde_json::from_str(&said).expect("JSON");
    (server, said["scim"].as_str().expect("an address").to_owned())
}

fn provost(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().expect("the binary runs")
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
    for variable in ["PROVOST_NOW", "PROVOST_KEY"] {
        command.env_remove(variable);
    }
    command.current_dir(folder).env("USER", "tester").args(args);
    command
}

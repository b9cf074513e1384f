//! Lessonly's sandbox for the tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use connector::conformance::{Bench, Hand, Opened, Rig};
use connector::{Broken, Transport};
use model::{Attributes, Content, Value};
use sandbox::lessonly::{Config, PROFILES, Sandbox};
use sandbox::{Faults, Limit, Options};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use vendors::registry::Settings;

use super::{InProcess, api_changes, open, settings};

/// The right credentials of a sandbox.
pub const CREDENTIALS: [(&str, &str); 2] = [("subdomain", "acme"), ("api_key", "lessonly-sandbox-key")];

/// A sandbox with its ledger.
pub struct Lessonly {
    pub sandbox: Sandbox,
    pub dir: TempDir,
    /// Every write that the connector sent, as `METHOD path body`.
    pub sent: Arc<Mutex<Vec<String>>>,
    /// The reading that it answers by.
    pub profile: &'static str,
}

impl Lessonly {
    /// A fresh one; `change` sets further options.
    pub fn fresh(profile: &str, people: usize, change: impl FnOnce(&mut Config)) -> Self {
        let profile = PROFILES.iter().find(|known| known.name == profile).expect("the sandbox has this profile");
        let dir = TempDir::new().expect("a temporary folder");
        let ledger = Some(dir.path().join("ledger.jsonl"));
        let access_log = Some(dir.path().join("access.jsonl"));
        let options = Options { people: Some(people), seed: Some(7), limit: Limit::Off, ledger, access_log, ..Options::default() };
        let mut config = Config { options, profile, ..Config::default() };
        change(&mut config);
        Self { sandbox: Sandbox::open(config).expect("a sandbox opens"), dir, sent: Arc::default(), profile: profile.name }
    }

    /// What was changed over the API.
    pub fn changes(&self) -> Vec<sandbox::ledger::Entry> {
        api_changes(&self.dir.path().join("ledger.jsonl"))
    }

    /// Every request so far, as `METHOD path`.
    pub fn requests(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.dir.path().join("access.jsonl")).expect("the access log is there");
        let lines = text.lines().map(|line| serde_json::from_str::<sandbox::access::Access>(line).expect("JSON lines"));
        lines.map(|line| format!("{} {}", line.method, line.path)).collect()
    }

    /// The record of a user.
    pub fn user(&self, id: &str) -> Json {
        let found = self.sandbox.users().into_iter().find(|user| user["id"] == number(id));
        found.unwrap_or_else(|| panic!("no user {id}"))
    }

    /// Changes a user by hand.
    pub fn by_hand(&self, id: &str, fields: Json) {
        self.sandbox.update_user(number(id), fields).expect("the sandbox takes it");
    }
}

/// An id as the sandbox has it.
pub fn number(id: &str) -> u64 {
    id.parse().expect("ids are numbers")
}

impl Hand for Lessonly {
    fn accounts(&self) -> Vec<String> {
        self.sandbox.users().iter().map(|user| user["id"].to_string()).collect()
    }

    fn record(&self, account: &str) -> Json {
        self.user(account)
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["updated_at"]
    }

    fn writes(&self) -> usize {
        self.changes().len()
    }

    fn writing_calls(&self) -> usize {
        self.changes().iter().map(|entry| entry.call).collect::<BTreeSet<_>>().len()
    }

    fn values(&self, n: usize) -> Attributes {
        let values = [
            ("name", format!("Conny Suite {n}")),
            ("email", format!("conny{n}@acme.example")),
            ("role", "learner".to_owned()),
            ("ext_uid", format!("C{n:05}")),
            ("job_title", "Tester".to_owned()),
            ("hire_date", "2024-02-29".to_owned()),
        ];
        values.into_iter().map(|(name, value)| (name.to_owned(), Value::Text(value.into()))).collect()
    }

    fn plain(&self) -> &'static str {
        "job_title"
    }

    fn nobody(&self) -> String {
        "987654321".to_owned()
    }

    fn set_plain(&self, account: &str, value: &str) {
        self.by_hand(account, json!({ "job_title": value }));
    }

    fn make_group(&self, name: &str) -> Option<String> {
        Some(self.sandbox.create_group(name).expect("the sandbox takes it").to_string())
    }

    fn put_into(&self, account: &str, group: &str) {
        let mut groups: Vec<Json> = self.user(account)["group_ids"].as_array().cloned().unwrap_or_default();
        groups.push(number(group).into());
        self.by_hand(account, json!({ "group_ids": groups }));
    }

    fn groups_of(&self, account: &str) -> Vec<String> {
        let groups = self.user(account)["group_ids"].as_array().cloned().unwrap_or_default();
        let mut ids: Vec<String> = groups.iter().map(ToString::to_string).collect();
        ids.sort();
        ids
    }

    fn complete(&self, account: &str, content: &Content) {
        let (kind, id) = content.id.split_once('/').expect("content ids have a kind");
        let kinds = BTreeMap::from([("lesson", "Lesson"), ("path", "LearningPaths::Path"), ("course", "Course")]);
        let assignment = self.sandbox.assign(number(account), kinds[kind], number(id)).expect("the sandbox takes it");
        self.sandbox.complete(assignment, 93).expect("the sandbox takes it");
    }

    fn history(&self, account: &str) -> Vec<String> {
        let all = self.sandbox.assignments().into_iter();
        all.filter(|one| one["assignee_id"] == number(account) && !one["completed_at"].is_null()).map(|one| one.to_string()).collect()
    }

    fn pass_time(&self, time: Duration) {
        let clock = self.sandbox.clock();
        clock.set(clock.now() + time);
    }
}

/// Keeps what is written.
struct Recording(InProcess, Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Transport for Recording {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        if request.method() != http::Method::GET {
            let body = String::from_utf8_lossy(request.body()).into_owned();
            let line = format!("{} {} {body}", request.method(), request.uri().path());
            self.1.lock().expect("no test panics while it holds this").push(line);
        }
        self.0.send(request).await
    }
}

/// One request as anybody would send it, to a path below the host.
pub async fn send(sandbox: &Lessonly, method: &str, path: &str, authorization: &str, body: Option<Json>) -> (u16, Json) {
    let request = http::Request::builder()
        .method(method)
        .uri(format!("http://127.0.0.1:1{path}"))
        .header("authorization", authorization)
        .body(body.map(|json| Bytes::from(json.to_string())).unwrap_or_default())
        .expect("a request");
    let answer = InProcess::new(sandbox.sandbox.router()).send(request).await.expect("the sandbox answers");
    (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or_default())
}

/// The value of an Authorization header.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The naive client: right credentials, and no thought beyond the next request.
pub async fn naive(sandbox: &Lessonly, method: &str, path: &str, body: Option<Json>) -> (u16, Json) {
    let path = format!("/api/v1{path}");
    send(sandbox, method, &path, &basic(CREDENTIALS[0].1, CREDENTIALS[1].1), body).await
}

/// The connector on a sandbox, with the right credentials; `change` sets further settings.
pub async fn ours(sandbox: &Arc<Lessonly>, change: impl FnOnce(&mut Settings)) -> Bench {
    let mut settings = settings("http://127.0.0.1:1", &CREDENTIALS);
    settings.profile = sandbox.profile.to_owned();
    change(&mut settings);
    let (target, base) = open("lessonly", settings).expect("the settings are right");
    let transport = Arc::new(Recording(InProcess::new(sandbox.sandbox.router()), Arc::clone(&sandbox.sent)));
    let opened = Opened { target, wrong: Vec::new(), transport, base, hand: Arc::clone(sandbox) as _ };
    Bench::over(opened).await.expect("the connector logs in")
}

/// Opens Lessonly for the suite, in a profile, with these faults.
pub struct LessonlyRig(pub &'static str, pub &'static str);

#[async_trait]
impl Rig for LessonlyRig {
    async fn open(&self, people: usize, limited: bool) -> Opened {
        let limit = if limited { Limit::PerPeriod(100) } else { Limit::Off };
        let faults = if self.1.is_empty() { Faults::default() } else { self.1.parse().expect("the suite's faults can be read") };
        let hand = Arc::new(Lessonly::fresh(self.0, people, |config| {
            config.options.limit = limit;
            config.options.faults = faults;
        }));
        let transport = Arc::new(InProcess::new(hand.sandbox.router()));
        let with = |credentials: [(&str, &str); 2]| {
            let settings = Settings { profile: self.0.to_owned(), ..settings("http://127.0.0.1:1", &credentials) };
            open("lessonly", settings).expect("the settings are right")
        };
        let (target, base) = with(CREDENTIALS);
        let [subdomain, api_key] = CREDENTIALS;
        let wrong = vec![
            ("subdomain", with([("subdomain", "acne"), api_key]).0),
            ("api_key", with([subdomain, ("api_key", "some-other-key")]).0),
        ];
        Opened { target, wrong, transport, base, hand }
    }
}

//! An Absorb sandbox for the connector's own tests: reached in the process, every request counted, answers lost or changed on demand.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use connector::conformance::{CountingRandom, SkippingClock, approve, step};
use connector::{Body, Broken, Outcome, Pace, Read, Session, Sleep as _, Target, Transport, Wire, Write};
use model::{Account, Change, Kind, Secret, Step, Tenant, Value, Verb};
use sandbox::absorb::{Config, Sandbox};
use sandbox::{InProcess, Limit, Options};
use serde_json::{Value as Json, json};
use vendors::registry::{Settings, entry};

/// The profiles, one after the other; the one that a test fails in is the last that it named.
pub(crate) fn profiles() -> impl Iterator<Item = &'static str> {
    ["guide", "vendor"].into_iter().inspect(|profile| eprintln!("in the profile {profile}:"))
}

/// Of the sandbox's own admin and portal.
pub(crate) const PASSWORD: &str = "absorb-sandbox-password";
/// Of the sandbox's own portal.
pub(crate) const API_KEY: &str = "absorb-sandbox-key";

/// What happens to a request instead of what should.
pub(crate) enum Mischief {
    /// It never arrives, and nobody knows.
    Lost,
    /// It arrives, and its answer does not.
    AnswerLost,
    /// It never arrives, and this is the answer.
    Answer(u16, String),
    /// It arrives, and this is the answer.
    AnswerAfter(u16, String),
}

type Trick = Box<dyn FnMut(&http::Request<Bytes>) -> Option<Mischief> + Send>;

/// The way to the sandbox.
pub(crate) struct Way {
    portal: InProcess,
    pub(crate) requests: Mutex<Vec<String>>,
    pub(crate) headers: Mutex<Vec<http::HeaderMap>>,
    trick: Mutex<Option<Trick>>,
    without_date: AtomicBool,
}

#[async_trait]
impl Transport for Way {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        self.requests.lock().unwrap().push(format!("{} {path}", request.method()));
        self.headers.lock().unwrap().push(request.headers().clone());
        let mischief = self.trick.lock().unwrap().as_mut().and_then(|trick| trick(&request));
        let lost = || Err(Broken::NoAnswer("the connection was closed".to_owned()));
        let instead = |status, body: String| Ok(http::Response::builder().status(status).body(Bytes::from(body)).unwrap());
        match mischief {
            None => self.pass(request).await,
            Some(Mischief::Lost) => lost(),
            Some(Mischief::AnswerLost) => {
                self.pass(request).await?;
                lost()
            }
            Some(Mischief::Answer(status, body)) => instead(status, body),
            Some(Mischief::AnswerAfter(status, body)) => {
                self.pass(request).await?;
                instead(status, body)
            }
        }
    }
}

impl Way {
    /// From now on answers do not say the vendor's time.
    pub(crate) fn without_date(&self) {
        self.without_date.store(true, Ordering::Relaxed);
    }

    async fn pass(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let mut answer = self.portal.send(request).await.map_err(|none| Broken::NoAnswer(none.to_string()))?;
        if self.without_date.load(Ordering::Relaxed) {
            answer.headers_mut().remove("date");
        }
        Ok(answer)
    }
}

/// A sandbox, and what it did.
pub(crate) struct Portal {
    pub(crate) sandbox: Sandbox,
    pub(crate) way: Arc<Way>,
    pub(crate) config: Config,
    folder: tempfile::TempDir,
}

impl Portal {
    /// A fresh one that speaks this profile; `change` sets further options.
    pub(crate) fn open(profile: &str, people: usize, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Some(folder.path().join("ledger.jsonl"));
        let options = Options { people: Some(people), seed: Some(3), limit: Limit::Off, ledger, ..Options::default() };
        let profile = sandbox::absorb::PROFILES.iter().find(|known| known.name == profile).expect("a profile of the sandbox");
        let mut config = Config { options, profile, ..Config::default() };
        change(&mut config);
        let sandbox = Sandbox::open(config.clone()).unwrap();
        let way = Way {
            portal: InProcess::new(sandbox.router()),
            requests: Mutex::default(),
            headers: Mutex::default(),
            trick: Mutex::new(None),
            without_date: AtomicBool::new(false),
        };
        Self { sandbox, way: Arc::new(way), config, folder }
    }

    /// From now on this happens to requests.
    pub(crate) fn trick(&self, trick: impl FnMut(&http::Request<Bytes>) -> Option<Mischief> + Send + 'static) {
        *self.way.trick.lock().unwrap() = Some(Box::new(trick));
    }

    /// Once, to the first request that begins so.
    pub(crate) fn once(&self, begins: &'static str, mischief: Mischief) {
        let mut mischief = Some(mischief);
        self.trick(move |request| {
            let line = format!("{} {}", request.method(), request.uri().path_and_query().map_or("/", |path| path.as_str()));
            if line.starts_with(begins) { mischief.take() } else { None }
        });
    }

    pub(crate) fn no_trick(&self) {
        *self.way.trick.lock().unwrap() = None;
    }

    /// Requests since the last time, without their queries' values.
    pub(crate) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.way.requests.lock().unwrap())
    }

    pub(crate) fn settings(&self) -> Settings {
        let username = self.config.admins[0].username.as_str();
        let credentials = [("username", username), ("password", PASSWORD), ("api_key", API_KEY)];
        Settings {
            base_url: "https://rest.myabsorb.example".to_owned(),
            credentials: credentials.map(|(name, value)| (name.to_owned(), Secret::new(value))).into(),
            options: BTreeMap::new(),
            declared: BTreeSet::new(),
            scope_all: true,
            profile: "auto".to_owned(),
            protect: BTreeSet::new(),
        }
    }

    pub(crate) fn target(&self, settings: Settings) -> Arc<dyn Target> {
        (entry("absorb").unwrap().build)(settings).unwrap()
    }

    /// A wire to it, and the wire's clock.
    pub(crate) fn wire(&self) -> (Wire, Arc<SkippingClock>) {
        let clock = Arc::new(SkippingClock::default());
        let limit = vendors::absorb::MANIFEST.limit;
        let pace = Arc::new(Pace::new(limit, Arc::clone(&clock) as _, Arc::clone(&clock) as _));
        let transport = Arc::clone(&self.way) as Arc<dyn Transport>;
        (
            Wire::new(transport, Arc::clone(&clock) as _, Arc::new(CountingRandom::default()), pace, "https://rest.myabsorb.example"),
            clock,
        )
    }

    /// Our way in: the connector, logged in.
    pub(crate) async fn client(&self) -> Client {
        let target = self.target(self.settings());
        let (wire, clock) = self.wire();
        let session = target.log_in(&wire, None).await.unwrap();
        self.requests();
        Client { target, wire, clock, session }
    }

    /// The naive way in: a token by hand.
    pub(crate) async fn token(&self) -> String {
        let (status, answer) = self.raw("", "POST", self.token_path(), Some(self.log_in(PASSWORD))).await;
        assert_eq!(status, 200, "{answer}");
        answer.as_str().or_else(|| answer["token"].as_str()).unwrap().to_owned()
    }

    fn is_vendor(&self) -> bool {
        self.config.profile.name == "vendor"
    }

    /// One of two, by the profile.
    pub(crate) fn by<T>(&self, guide: T, vendor: T) -> T {
        if self.is_vendor() { vendor } else { guide }
    }

    /// Where a token is asked for.
    pub(crate) fn token_path(&self) -> &'static str {
        self.by("/authentication", "/authenticate")
    }

    /// Where many users are written.
    pub(crate) fn batch_path(&self) -> &'static str {
        self.by("/users/batch", "/users/upload")
    }

    /// As [`Portal::once`] takes it.
    pub(crate) fn post_batch(&self) -> &'static str {
        self.by("POST /users/batch", "POST /users/upload")
    }

    /// What the first admin logs in with by hand.
    pub(crate) fn log_in(&self, password: &str) -> Json {
        json!({"username": self.config.admins[0].username, "password": password, "privateKey": API_KEY})
    }

    /// Many users as they are written at once.
    pub(crate) fn batch(&self, users: Json) -> Json {
        if self.is_vendor() { users } else { json!({"users": users}) }
    }

    /// `activeStatus` of an account that may log in, or may not.
    pub(crate) fn status(&self, active: bool) -> Json {
        self.by(json!(if active { "Active" } else { "Inactive" }), json!(i32::from(!active)))
    }

    /// A call by hand, past the way that is counted.
    pub(crate) async fn raw(&self, token: &str, method: &str, path: &str, body: Option<Json>) -> (u16, Json) {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("x-api-key", API_KEY)
            .header("authorization", token)
            .body(Bytes::from(body.map(|body| body.to_string()).unwrap_or_default()))
            .unwrap();
        let answer = self.way.pass(request).await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or(Json::Null))
    }

    /// The record of the user that this is true of.
    pub(crate) fn user(&self, member: &str, value: &str) -> Json {
        self.users(member, value).pop().unwrap_or_else(|| panic!("nobody has {member} {value}"))
    }

    pub(crate) fn users(&self, member: &str, value: &str) -> Vec<Json> {
        self.sandbox.users().into_iter().filter(|user| user[member] == value).collect()
    }

    /// Those who may not log in.
    pub(crate) fn inactive(&self) -> Vec<Json> {
        let status = self.status(false);
        self.sandbox.users().into_iter().filter(|user| user["activeStatus"] == status).collect()
    }

    /// Lines of the ledger that came over the API.
    pub(crate) fn changes(&self) -> usize {
        let text = std::fs::read_to_string(self.folder.path().join("ledger.jsonl")).unwrap_or_default();
        text.lines().filter(|line| !line.contains("\"ADMIN\"")).count()
    }

    pub(crate) fn department(&self, name: &str) -> String {
        let departments = self.sandbox.departments();
        let found = departments.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("no department {name}"));
        found["id"].as_str().unwrap().to_owned()
    }
}

/// The connector on a portal.
pub(crate) struct Client {
    pub(crate) target: Arc<dyn Target>,
    pub(crate) wire: Wire,
    pub(crate) clock: Arc<SkippingClock>,
    pub(crate) session: Session,
}

impl Client {
    pub(crate) fn read(&self) -> Read {
        Read::new(self.wire.clone(), self.session.clone())
    }

    pub(crate) async fn log_in_again(&mut self) {
        self.session = self.target.log_in(&self.wire, Some(&self.session)).await.unwrap();
    }

    pub(crate) async fn apply(&self, steps: Vec<Step>) -> Vec<Outcome> {
        let count = steps.len();
        let outcomes = self.target.apply(&Write::new(self.read()), &approve(steps)).await;
        assert_eq!(outcomes.len(), count);
        outcomes
    }

    pub(crate) async fn one(&self, step: Step) -> Outcome {
        self.apply(vec![step]).await.remove(0)
    }

    pub(crate) async fn accounts(&self) -> Vec<Account> {
        let mut accounts = Vec::new();
        let mut after = None;
        loop {
            let page = self.target.read(&self.read(), Kind::Accounts, after).await.unwrap();
            accounts.extend(page.records.into_iter().map(|record| match record.body {
                Body::Account(account) => account,
                other => panic!("{other:?}"),
            }));
            after = page.next;
            if after.is_none() {
                return accounts;
            }
        }
    }

    /// Active accounts that plans may touch.
    pub(crate) async fn people(&self) -> Vec<Account> {
        self.accounts().await.into_iter().filter(|account| account.active && account.protected.is_none()).collect()
    }

    /// What a probe finds.
    pub(crate) async fn tenant(&self) -> Tenant {
        self.target.probe(&self.read()).await.unwrap()
    }

    pub(crate) async fn wait(&self, seconds: u64) {
        self.clock.sleep(std::time::Duration::from_secs(seconds)).await;
    }
}

/// A step that makes the `n`th new account.
pub(crate) fn create(n: usize, department: &str) -> Step {
    let mut create = step(Verb::Create, None);
    create.label = format!("New {n}").into();
    let values = [
        ("username", format!("new{n}@acme.example")),
        ("firstName", "New".to_owned()),
        ("lastName", format!("Person {n}")),
        ("emailAddress", format!("new{n}@acme.example")),
        ("externalId", format!("N{n:05}")),
        ("jobTitle", "Clerk".to_owned()),
        ("department", department.to_owned()),
    ];
    for (name, value) in values {
        create.set.insert(name.to_owned(), Change { before: Value::Null, after: Value::text(value) });
    }
    create
}

/// A step of this verb that changes one attribute from what the account has.
pub(crate) fn set(verb: Verb, account: &Account, attribute: &str, after: &str) -> Step {
    let mut change = step(verb, Some(account.id.as_str()));
    let before = account.attributes.get(attribute).cloned().unwrap_or_default();
    change.set.insert(attribute.to_owned(), Change { before, after: Value::text(after) });
    change
}

/// How many of the requests begin so.
pub(crate) fn count(requests: &[String], begins: &str) -> usize {
    requests.iter().filter(|request| request.starts_with(begins)).count()
}

/// Runs a call that never waits, from where there is no awaiting.
pub(crate) fn at_once<T: Send, E: std::fmt::Debug + Send>(call: impl Future<Output = Result<T, E>> + Send) -> T {
    std::thread::scope(|scope| {
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        scope.spawn(move || runtime().block_on(call)).join().unwrap().unwrap()
    })
}

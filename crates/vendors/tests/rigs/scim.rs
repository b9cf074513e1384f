//! SCIM applications for the tests: tenants of servers that others wrote.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connector::conformance::{Hand, Opened, Rig};
use connector::{Broken, Transport};
use model::{Attributes, Content, Value};
use sandbox::{Limit, Options, Running, absorb, lessonly};
use serde_json::{Value as Json, json};
use vendors::registry::Settings;

use super::outside::{Server, TOKEN, back, exchange};
use super::{open, settings};

/// The way to one of them, which counts what was written.
#[derive(Default)]
pub struct Way {
    written: AtomicUsize,
}

impl Way {
    /// Requests with effects that went well.
    pub fn written(&self) -> usize {
        self.written.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Transport for Way {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let (url, method) = (request.uri().to_string(), request.method().to_string());
        let pairs = request.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        let (headers, body) = (pairs.collect::<BTreeMap<_, _>>(), request.body().clone());
        let wrote = method != "GET";
        let came = tokio::task::spawn_blocking(move || exchange(&url, &method, &headers, &body)).await;
        let (status, headers, body) = came.expect("it does not panic").map_err(|error| Broken::NoAnswer(error.to_string()))?;
        if wrote && (200..300).contains(&status) {
            self.written.fetch_add(1, Ordering::SeqCst);
        }
        let mut answer = http::Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(name, value);
        }
        answer.body(Bytes::from(body)).map_err(|error| Broken::NotSent(error.to_string()))
    }
}

/// A tenant of a server.
pub struct Tenant {
    pub base: String,
    pub way: Arc<Way>,
    /// What serves it, where it is ours: it serves as long as this is there.
    _running: Option<Running>,
}

/// A user as somebody else made them.
pub fn user(n: usize) -> Json {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "userName": format!("person{n}@acme.example"),
        "externalId": format!("P{n:05}"),
        "name": { "givenName": "Pat", "familyName": format!("Person {n}"), "honorificPrefix": "Dr" },
        "displayName": format!("Pat Person {n}"),
        "title": "Learner",
        "nickName": format!("Patty {n}"),
        "active": true,
        "emails": [
            { "type": "home", "value": format!("pat{n}@home.example") },
            { "type": "work", "value": format!("person{n}@acme.example"), "primary": true },
        ],
        "phoneNumbers": [{ "type": "mobile", "value": format!("+1-201-555-{n:04}") }],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "employeeNumber": format!("{n}"), "department": "Sales" },
    })
}

impl Tenant {
    pub fn fresh(server: Server, people: usize) -> Self {
        let users: Vec<Json> = (1..=people).map(user).collect();
        Self { base: server.tenant(&users), way: Arc::default(), _running: None }
    }

    /// A vendor's sandbox as an application with SCIM, in a profile of its own.
    pub async fn sandbox(vendor: &str, profile: &str, people: usize) -> Self {
        let options = Options { people: Some(0), limit: Limit::Off, ..Options::default() };
        let running = if vendor == "absorb" {
            let profile = absorb::PROFILES.iter().find(|known| known.name == profile).expect("it has this profile");
            let scim = absorb::Scim { token: TOKEN.into(), ..absorb::Scim::default().available() };
            let config = absorb::Config { options, profile, scim, ..absorb::Config::default() };
            absorb::Sandbox::open(config).expect("a sandbox opens").start().await
        } else {
            let profile = lessonly::PROFILES.iter().find(|known| known.name == profile).expect("it has this profile");
            let scim = lessonly::Scim { key: TOKEN.into(), ..lessonly::Scim::default().available() };
            let config = lessonly::Config { options, profile, scim, ..lessonly::Config::default() };
            lessonly::Sandbox::open(config).expect("a sandbox opens").start().await
        };
        let running = running.expect("it starts");
        let tenant = Self { base: format!("{}/scim/v2", running.url()), way: Arc::default(), _running: Some(running) };
        tokio::task::spawn_blocking(move || {
            (1..=people).for_each(|n| drop(tenant.back("POST", "/Users", Some(user(n)))));
            tenant
        })
        .await
        .expect("it does not panic")
    }

    /// One request that is not the connector's, which has to go well.
    pub fn back(&self, method: &str, path: &str, body: Option<Json>) -> Json {
        let (status, said) = back(&self.base, method, path, body.as_ref());
        assert!((200..300).contains(&status), "{method} {path}: {status} {said}");
        said
    }

    fn all(&self, list: &str) -> Vec<Json> {
        let mut all: Vec<Json> = Vec::new();
        loop {
            let page = self.back("GET", &format!("{list}?startIndex={}&count=500", all.len() + 1), None);
            let some = page["Resources"].as_array().cloned().unwrap_or_default();
            all.extend(some.iter().cloned());
            if some.is_empty() || all.len() as u64 >= page["totalResults"].as_u64().expect("it counts") {
                return all;
            }
        }
    }

    fn patch(&self, path: &str, operation: Json) {
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation] });
        self.back("PATCH", path, Some(body));
    }
}

fn text(json: &Json) -> String {
    json.as_str().expect("it is text").to_owned()
}

/// What the suite gives an account.
pub fn values(n: usize) -> Attributes {
    let values = [
        ("userName", format!("conny{n}@acme.example")),
        ("externalId", format!("C{n:05}")),
        ("name.givenName", "Conny".to_owned()),
        ("name.familyName", format!("Suite {n}")),
        ("displayName", format!("Conny \"the\" Suite {n}")),
        ("emails.work", format!("conny{n}@acme.example")),
        ("phoneNumbers.mobile", format!("+1-201-556-{n:04}")),
        ("addresses.work.locality", "Köln".to_owned()),
        ("title", "Tester".to_owned()),
        ("department", "Quality".to_owned()),
        ("employeeNumber", format!("C{n}")),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), Value::Text(value.into()))).collect()
}

impl Hand for Tenant {
    fn accounts(&self) -> Vec<String> {
        self.all("/Users").iter().map(|user| text(&user["id"])).collect()
    }

    fn record(&self, account: &str) -> Json {
        let mut record = self.back("GET", &format!("/Users/{account}"), None);
        record["memberships"] = json!(self.groups_of(account));
        record
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["meta"]
    }

    fn writes(&self) -> usize {
        self.way.written()
    }

    fn writing_calls(&self) -> usize {
        self.way.written()
    }

    fn values(&self, n: usize) -> Attributes {
        values(n)
    }

    fn plain(&self) -> &'static str {
        "title"
    }

    fn nobody(&self) -> String {
        "11111111-2222-4333-8444-555555555555".to_owned()
    }

    fn set_plain(&self, account: &str, value: &str) {
        self.patch(&format!("/Users/{account}"), json!({ "op": "replace", "path": "title", "value": value }));
    }

    fn make_group(&self, name: &str) -> Option<String> {
        let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name });
        if back(&self.base, "GET", "/Groups", None).0 == 404 {
            return None;
        }
        Some(text(&self.back("POST", "/Groups", Some(body))["id"]))
    }

    fn put_into(&self, account: &str, group: &str) {
        self.patch(&format!("/Groups/{group}"), json!({ "op": "add", "path": "members", "value": [{ "value": account }] }));
    }

    fn groups_of(&self, account: &str) -> Vec<String> {
        if back(&self.base, "GET", "/Groups", None).0 == 404 {
            return Vec::new();
        }
        let all = self.all("/Groups").into_iter();
        let mine = all.filter(|group| group["members"].as_array().into_iter().flatten().any(|member| member["value"] == account));
        let mut ids: Vec<String> = mine.map(|group| text(&group["id"])).collect();
        ids.sort();
        ids
    }

    fn complete(&self, _: &str, content: &Content) {
        panic!("there is nothing to learn, and so no {}", content.name);
    }

    fn history(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn pass_time(&self, _: Duration) {}
}

/// Says "slow down" to every request from this one on.
struct Limited(Arc<dyn Transport>, AtomicUsize);

#[async_trait]
impl Transport for Limited {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        if self.1.fetch_add(1, Ordering::SeqCst) < 100 {
            return self.0.send(request).await;
        }
        answer(429, "")
    }
}

fn answer(status: u16, body: &'static str) -> Result<http::Response<Bytes>, Broken> {
    let answer = http::Response::builder().status(status).header("retry-after", "1").body(Bytes::from_static(body.as_bytes()));
    answer.map_err(|error| Broken::NotSent(error.to_string()))
}

/// Fails every third request, in another way each time: before it is carried out, or after.
pub struct Unsteady(pub Arc<dyn Transport>, pub AtomicU64);

#[async_trait]
impl Transport for Unsteady {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        // As random as the suite needs, and the same each time.
        let step = |seed: u64| seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let seed = self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |seed| Some(step(seed))).expect("it always gives one");
        let chance = seed >> 33;
        if !chance.is_multiple_of(3) {
            return self.0.send(request).await;
        }
        match (chance / 3) % 10 {
            0 => answer(429, ""),
            1 => answer(500, "{}"),
            2 => answer(200, "<html>Please log in</html>"),
            3 => Err(Broken::NoAnswer("connection reset".to_owned())),
            4 => Err(Broken::NotSent("connection refused".to_owned())),
            5 => self.0.send(request).await.and_then(|_| answer(503, "")),
            6 => self.0.send(request).await.and_then(|_| Err(Broken::NoAnswer("connection reset".to_owned()))),
            7 => self.0.send(request).await.and_then(|_| answer(502, "<html>Bad gateway</html>")),
            8 => self.0.send(request).await.and_then(|_| answer(200, "<html>Please log in</html>")),
            // Cut short: whatever it was, it cannot be read any more.
            _ => self.0.send(request).await.map(|came| {
                let half = came.body().slice(..came.body().len() / 2);
                came.map(|_| half)
            }),
        }
    }
}

/// What serves a rig's applications.
#[derive(Clone, Copy, Debug)]
pub enum Served {
    /// A server that others wrote.
    By(Server),
    /// A vendor's sandbox, in a profile of its own.
    Sandbox(&'static str, &'static str),
}

/// Opens an application for the suite, in a profile of the connector; with a seed it is reached over a way that fails.
pub struct ScimRig(pub Served, pub &'static str, pub Option<u64>);

impl ScimRig {
    /// The connector for a tenant, with this token.
    pub fn target(&self, tenant: &Tenant, token: &str) -> (Arc<dyn connector::Target>, String) {
        let settings = Settings { profile: self.1.to_owned(), ..settings(&tenant.base, &[("token", token)]) };
        open("scim", settings).expect("the settings are right")
    }
}

#[async_trait]
impl Rig for ScimRig {
    async fn open(&self, people: usize, limited: bool) -> Opened {
        let tenant = match self.0 {
            Served::By(server) => tokio::task::spawn_blocking(move || Tenant::fresh(server, people)).await.expect("it does not panic"),
            Served::Sandbox(vendor, profile) => Tenant::sandbox(vendor, profile, people).await,
        };
        // The suite reads every kind, and expects one of each.
        if !self.1.contains("users") {
            tenant.make_group("Everybody's");
        }
        let hand = Arc::new(tenant);
        let mut transport: Arc<dyn Transport> = Arc::clone(&hand.way) as _;
        if limited {
            transport = Arc::new(Limited(transport, AtomicUsize::default()));
        }
        if let Some(seed) = self.2 {
            transport = Arc::new(Unsteady(transport, AtomicU64::new(seed)));
        }
        let (target, base) = self.target(&hand, TOKEN);
        let wrong = vec![("token", self.target(&hand, "some-other-token").0)];
        Opened { target, wrong, transport, base, hand }
    }
}

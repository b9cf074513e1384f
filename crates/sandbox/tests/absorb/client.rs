//! A client of the Absorb sandbox for its tests: requests in this process, nothing assumed about the answers.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use jiff::Timestamp;
use sandbox::absorb::{Admin, Config, Rule, Sandbox};
use sandbox::{Clock, Limit};
use serde_json::{Value, json};
use tower::ServiceExt;

/// The admin who sees everyone.
pub(crate) const ALL: &str = "all@acme.example";
/// The admin who sees Sales, Support and what is below them.
pub(crate) const HALF: &str = "half@acme.example";

/// An instant.
pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// Two admins, no limit, a clock that stands.
pub(crate) fn config(people: usize) -> Config {
    let admin = |username: &str, departments| Admin { username: username.to_owned(), password: "pw".into(), departments };
    let mut config = Config {
        api_key: "key".into(),
        admins: vec![admin(ALL, None), admin(HALF, Some(vec!["sales".to_owned(), "Support".to_owned()]))],
        ..Config::default()
    };
    config.options.people = Some(people);
    config.options.limit = Limit::Off;
    config.options.now = Clock::Fixed(at("2026-03-02T08:00:00Z"));
    config
}

/// The same with the vendor's reading of the API.
pub(crate) fn vendor(people: usize) -> Config {
    Config { profile: &sandbox::absorb::VENDOR, ..config(people) }
}

/// A rule of the portal.
pub(crate) fn rule(department: &str, course: &str, re_enroll: bool) -> Rule {
    Rule { department: department.to_owned(), course: course.to_owned(), re_enroll }
}

/// Opens it.
pub(crate) fn open(config: Config) -> Sandbox {
    Sandbox::open(config).expect("a sandbox that opens")
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    /// The code of an error.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The users of a list.
    pub(crate) fn users(&self) -> Vec<Value> {
        self.body["users"].as_array().unwrap_or_else(|| panic!("no list: {} {}", self.status, self.text)).clone()
    }

    /// Their user names, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.users().iter().map(|user| user["username"].as_str().expect("a user name").to_owned()).collect()
    }
}

/// Calls with the portal's key and, once logged in, a token.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
    pub(crate) token: Option<String>,
}

impl Client {
    pub(crate) fn new(sandbox: &Sandbox) -> Self {
        Self { router: sandbox.router(), token: None }
    }

    /// The same client with a token of that admin.
    pub(crate) async fn log_in(&self, username: &str) -> Self {
        let answer = self.post("/authentication", json!({"username": username, "password": "pw"})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Self { router: self.router.clone(), token: answer.body["token"].as_str().map(str::to_owned) }
    }

    /// The same client with a token of that admin, asked for as the vendor's pages say.
    pub(crate) async fn authenticate(&self, username: &str) -> Self {
        let body = json!({"username": username, "password": "pw", "privateKey": "key"});
        let answer = self.post("/authenticate", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Self { router: self.router.clone(), token: answer.body.as_str().map(str::to_owned) }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(body.to_string())).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(body.to_string())).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<String>) -> Answer {
        self.raw(Some("key"), self.token.as_deref(), method, path, body).await
    }

    /// A call with these headers and no others.
    pub(crate) async fn with(&self, key: Option<&str>, token: Option<&str>, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.raw(key, token, method, path, body.map(Value::to_string)).await
    }

    async fn raw(&self, key: Option<&str>, token: Option<&str>, method: &str, path: &str, body: Option<String>) -> Answer {
        let headers = [("x-api-key", key), ("authorization", token)];
        let headers: Vec<_> = headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        self.call(method, path, &headers, body).await
    }

    /// A call with just these headers.
    pub(crate) async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.map_or_else(Body::empty, Body::from)).expect("a request");
        let (parts, body) = self.router.clone().oneshot(request).await.expect("never fails").into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body in memory");
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, text, body }
    }

    /// Makes a user in the root department and gives the id.
    pub(crate) async fn make(&self, username: &str, more: Value) -> String {
        let mut body = json!({"firstName": "F", "lastName": "L", "username": username, "password": "pw"});
        body["departmentId"] = json!(self.department("Acme").await);
        for (name, value) in more.as_object().expect("members") {
            body[name] = value.clone();
        }
        let answer = self.post("/users", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body["id"].as_str().expect("an id").to_owned()
    }

    /// The id of a department.
    pub(crate) async fn department(&self, name: &str) -> String {
        self.named("departments", name).await
    }

    /// The id of a course.
    pub(crate) async fn course(&self, name: &str) -> String {
        self.named("courses", name).await
    }

    async fn named(&self, list: &str, name: &str) -> String {
        let answer = self.get(&format!("/{list}?_limit=1000")).await;
        let found = answer.body[list].as_array().expect("a list").iter().find(|one| one["name"] == name).cloned();
        found.unwrap_or_else(|| panic!("no {name} in {list}"))["id"].as_str().expect("an id").to_owned()
    }
}

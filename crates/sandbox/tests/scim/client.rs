//! A SCIM client in the same process, for both vendors.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use base64::Engine as _;
use sandbox::ledger::Entry;
use sandbox::{Clock, Limit, Options};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
pub(crate) const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

pub(crate) fn options() -> Options {
    let noon = "2026-03-02T08:00:00Z".parse().expect("an instant");
    Options { limit: Limit::Off, now: Clock::Fixed(noon), ..Options::default() }
}

pub(crate) fn basic(text: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn id(&self) -> String {
        assert!(self.status < 300, "{} {}", self.status, self.body);
        self.body["id"].as_str().expect("an id").to_owned()
    }

    /// The user names of a list, in its order.
    pub(crate) fn names(&self) -> Vec<&str> {
        let all = self.body["Resources"].as_array().unwrap_or_else(|| panic!("no list: {}", self.body));
        all.iter().map(|one| one["userName"].as_str().expect("a user name")).collect()
    }

    /// It is an error of this status and kind, said as SCIM says it.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, kind: &str) -> &Self {
        assert_eq!((self.status, &self.body["schemas"][0]), (status, &json!(ERROR)), "{}", self.body);
        assert_eq!(self.body["status"], status.to_string());
        assert_eq!(self.body["scimType"].as_str().unwrap_or_default(), kind, "{}", self.body);
        assert!(self.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/scim+json");
        let methods = self.headers.get("allow").map(|methods| methods.to_str().expect("ASCII"));
        assert_eq!(methods.is_some_and(|methods| !methods.is_empty()), status == 405, "{:?}", self.headers);
        self
    }
}

pub(crate) struct Client {
    router: Router,
    pub(crate) authorization: String,
}

impl Client {
    pub(crate) fn new(router: Router, authorization: &str) -> Self {
        Self { router, authorization: authorization.to_owned() }
    }

    /// A request below `/scim/v2`.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        let headers = [("authorization", self.authorization.as_str()), ("host", "scim.test")];
        self.raw(method, &format!("/scim/v2{path}"), &headers, body).await
    }

    /// Any request.
    pub(crate) async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/scim+json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let answer = self.router.clone().oneshot(request.body(body).expect("a request")).await.expect("never fails");
        let (parts, body) = answer.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a body in memory");
        Answer { status: parts.status.as_u16(), headers: parts.headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Value::Null).await
    }

    pub(crate) async fn filter(&self, filter: &str) -> Answer {
        let query: String = filter.bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.get(&format!("/Users?filter={query}")).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, operations: Value) -> Answer {
        self.send("PATCH", path, json!({"schemas": [PATCH], "Operations": operations})).await
    }
}

/// A user with these members besides.
pub(crate) fn user(name: &str, more: Value) -> Value {
    let mut user = json!({"schemas": [USER], "userName": name, "name": {"givenName": "Ada", "familyName": "King"}});
    for (member, value) in more.as_object().expect("members") {
        user[member] = value.clone();
    }
    user
}

/// The lines of a ledger.
pub(crate) fn lines(path: &std::path::Path) -> Vec<Entry> {
    let text = std::fs::read_to_string(path).expect("a ledger");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of the ledger")).collect()
}

//! A small client of the Lessonly sandbox in the same process.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use base64::Engine as _;
use sandbox::lessonly::{Config, Sandbox, VENDOR};
use sandbox::{Clock, Limit, Options};
use serde_json::Value;
use tower::ServiceExt as _;

/// The instant at which the tests' sandboxes stand.
pub const NOON: &str = "2025-06-01T12:00:00Z";

pub struct Api {
    pub sandbox: Sandbox,
    router: Router,
    pub authorization: Option<String>,
    pub accept: Option<&'static str>,
}

pub fn options() -> Options {
    Options { limit: Limit::Off, now: Clock::Fixed(NOON.parse().unwrap()), ..Options::default() }
}

pub fn basic(text: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
}

impl Api {
    pub fn new() -> Self {
        Self::with(Config { options: options(), ..Config::default() })
    }

    pub fn with(config: Config) -> Self {
        let sandbox = Sandbox::open(config).unwrap();
        let router = sandbox.router();
        Self { sandbox, router, authorization: Some(basic("acme:lessonly-sandbox-key")), accept: None }
    }

    /// A new company that answers by the vendor's own reading.
    pub fn vendor() -> Self {
        Self::vendor_with(options())
    }

    pub fn vendor_with(options: Options) -> Self {
        Self::with(Config { options, profile: &VENDOR, ..Config::default() })
    }

    /// Any call with a body of any kind, the answer read as JSON where it is.
    pub async fn raw(&self, method: &str, path: &str, kind: &str, body: impl Into<Vec<u8>>) -> (u16, Value) {
        let (status, text) = self.send(method, path, kind, body.into()).await;
        (status.as_u16(), serde_json::from_slice(&text).unwrap_or(Value::Null))
    }

    /// A read below `/api/v1.1`.
    pub async fn richer(&self, path: &str) -> (u16, Value) {
        self.raw("GET", &format!("/api/v1.1{path}"), "", "").await
    }

    pub async fn send(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> (StatusCode, Vec<u8>) {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        for (name, value) in [("authorization", self.authorization.as_deref()), ("accept", self.accept)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        let answer = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = answer.status();
        (status, axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap().to_vec())
    }

    /// A call with a JSON body below `/api/v1`.
    pub async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let path = format!("/api/v1{path}");
        let (status, text) = self.send(method, &path, "application/json", body.to_string().into_bytes()).await;
        (status.as_u16(), serde_json::from_slice(&text).unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let (status, text) = self.send("GET", &format!("/api/v1{path}"), "", Vec::new()).await;
        (status.as_u16(), serde_json::from_slice(&text).unwrap_or(Value::Null))
    }

    /// Makes a user, and gives its id.
    pub async fn user(&self, name: &str, email: &str) -> u64 {
        let (status, user) = self.call("POST", "/users", serde_json::json!({ "name": name, "email": email })).await;
        assert_eq!(status, 201, "{user}");
        user["id"].as_u64().unwrap()
    }

    pub async fn group(&self, name: &str) -> u64 {
        let (status, group) = self.call("POST", "/groups", serde_json::json!({ "name": name })).await;
        assert_eq!(status, 201, "{group}");
        group["id"].as_u64().unwrap()
    }
}

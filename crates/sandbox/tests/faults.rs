//! Faults on demand: what a client sees, what the sandbox did, and what its files say.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use bytes::Bytes;
use jiff::SignedDuration;
use sandbox::absorb;
use sandbox::access::Access;
use sandbox::ledger::Entry;
use sandbox::lessonly::{Config, Sandbox};
use sandbox::{Clock, InProcess, Limit, NoAnswer, Options, Slow};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

const NOON: &str = "2025-06-01T12:00:00Z";

fn options() -> Options {
    Options { limit: Limit::Off, now: Clock::Fixed(NOON.parse().unwrap()), ..Options::default() }
}

fn authorization() -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("acme:lessonly-sandbox-key"))
}

struct World {
    sandbox: Sandbox,
    dir: TempDir,
}

/// What came back: status, `Retry-After`, `Location`, body; None for no answer.
type Seen = Option<(u16, Option<String>, Option<String>, Vec<u8>)>;

fn lines<T: DeserializeOwned>(path: &Path) -> Vec<T> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl World {
    fn with(faults: &str, people: usize) -> Self {
        let dir = TempDir::new().unwrap();
        let (ledger, access_log) = (Some(dir.path().join("ledger")), Some(dir.path().join("access")));
        let options = Options { faults: faults.parse().unwrap(), people: Some(people), ledger, access_log, ..options() };
        Self { sandbox: Sandbox::open(Config { options, ..Config::default() }).unwrap(), dir }
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Seen {
        let request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        let request = request.header("authorization", authorization());
        let body = body.map_or_else(Bytes::new, |json| Bytes::from(json.to_string()));
        let answer = InProcess::new(self.sandbox.router()).send(request.body(body).unwrap()).await.ok()?;
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (status, after, location) = (answer.status().as_u16(), header("retry-after"), header("location"));
        Some((status, after, location, answer.into_body().to_vec()))
    }

    /// Makes a user; the status that was answered.
    async fn create(&self, name: &str) -> Option<u16> {
        let body = json!({ "name": name, "email": format!("{name}@acme.example") });
        self.send("POST", "/users", Some(body)).await.map(|seen| seen.0)
    }

    fn access(&self) -> Vec<Access> {
        lines(&self.dir.path().join("access"))
    }

    fn ledger(&self) -> Vec<Entry> {
        lines(&self.dir.path().join("ledger"))
    }

    fn names(&self) -> Vec<String> {
        self.sandbox.users().iter().skip(1).map(|user| user["name"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn every_fault_is_seen_done_or_not_and_logged() {
    for (fault, seen, done) in [
        ("429", Some(429), false),
        ("429:7s", Some(429), false),
        ("throttle", Some(429), false),
        ("500-before", Some(500), false),
        ("503-before:3s", Some(503), false),
        ("502-after", Some(502), true),
        ("reset-before", None, false),
        ("reset-after", None, true),
        ("html-before", Some(200), false),
        ("html-after:502", Some(502), true),
        ("redirect", Some(307), false),
        ("redirect:same", Some(307), false),
        ("slow:1ms", Some(201), true),
        ("truncated", Some(201), true),
        ("garbled", Some(201), true),
    ] {
        let world = World::with(&format!("{fault}@POST /users#2"), 0);
        assert_eq!(world.create("one").await, Some(201));
        assert_eq!(world.create("two").await, seen, "{fault}");
        assert_eq!(world.create("three").await, Some(201));
        let names: &[&str] = if done { &["one", "two", "three"] } else { &["one", "three"] };
        assert_eq!(world.names(), names, "{fault}");
        let told: Vec<_> = world.access().into_iter().map(|line| (line.status, line.fault)).collect();
        assert_eq!(told, [(201, None), (seen.unwrap_or(0), Some(fault.to_owned())), (201, None)]);
        let calls: Vec<u64> = world.ledger().iter().map(|entry| entry.call).collect();
        assert_eq!(calls, if done { vec![1, 2, 3] } else { vec![1, 3] }, "{fault}: the ledger has what was done");
    }
}

#[tokio::test]
async fn answers_are_what_proxies_and_broken_servers_send() {
    let world = World::with("429:7s#1, html-before#2, redirect#3, redirect:same#4, truncated#5, garbled#6", 5);
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(world.send("GET", "/users?page=1", None).await.unwrap());
    }
    let [throttled, html, other, same, truncated, garbled] = seen.as_slice() else { panic!("six were asked for") };
    assert_eq!(throttled.1.as_deref(), Some("7"));
    assert!(html.3.starts_with(b"<!DOCTYPE html>"));
    assert_eq!(other.2.as_deref(), Some("https://elsewhere.invalid/api/v1/users?page=1"));
    assert_eq!(same.2.as_deref(), Some("/api/v1/users?page=1"));
    for spoiled in [truncated, garbled] {
        assert!(spoiled.0 == 200 && serde_json::from_slice::<Value>(&spoiled.3).is_err());
    }
}

#[tokio::test]
async fn a_late_effect_comes_by_the_sandbox_s_clock_and_is_the_same_call() {
    for (fault, seen) in [("504-late:2s", Some(504)), ("reset-late", None)] {
        let world = World::with(&format!("{fault}@POST#1"), 0);
        assert_eq!(world.create("one").await, seen);
        world.send("GET", "/ping", None).await;
        assert!(world.names().is_empty(), "nothing was done yet");
        let clock = world.sandbox.clock();
        clock.set(clock.now() + SignedDuration::from_secs(2));
        world.send("GET", "/ping", None).await;
        assert_eq!((world.names(), world.ledger()[0].call), (vec!["one".to_owned()], 1));
        assert_eq!(world.ledger().len(), 1);
        assert_eq!(world.access()[0].fault.as_deref(), Some(fault));
    }
}

#[tokio::test]
async fn who_calls_in_the_process_keeps_the_time() {
    let world = World::with("slow:48h@GET#1, reset-late:10s@POST#1", 0);
    let way = InProcess::new(world.sandbox.router());
    let request = |method: &str, path: &str, body: &'static str| {
        let request = Request::builder().method(method).uri(format!("/api/v1{path}")).header("authorization", authorization());
        request.body(Bytes::from(body)).unwrap()
    };
    let slow = way.send(request("GET", "/ping", "")).await.unwrap();
    assert_eq!(slow.extensions().get(), Some(&Slow(std::time::Duration::from_secs(48 * 3600))), "told, not waited for");
    let put_off = request("POST", "/users", r#"{"name":"one","email":"one@acme.example"}"#);
    assert_eq!(way.send(put_off).await.unwrap_err(), NoAnswer);
    let clock = world.sandbox.clock();
    clock.set(clock.now() + SignedDuration::from_secs(10));
    assert!(world.names().is_empty(), "nothing happens by itself");
    assert!(way.send(request("GET", "/ping", "")).await.unwrap().extensions().get::<Slow>().is_none());
    assert_eq!(world.names(), ["one"], "the next request carried it out");
}

#[tokio::test]
async fn l03_a_record_moves_between_pages_and_the_ledger_has_no_word_of_it() {
    let world = World::with("moved@GET /users#2", 160);
    let walk = async || {
        let mut ids = Vec::new();
        for page in 1.. {
            let (_, _, _, body) = world.send("GET", &format!("/users?page={page}"), None).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            let users = body["users"].as_array().unwrap();
            ids.extend(users.iter().map(|user| user["id"].as_u64().unwrap()));
            if users.len() < 50 {
                return ids;
            }
        }
        unreachable!("pages end")
    };
    let all = world.sandbox.users().len();
    let distinct = |ids: &[u64]| ids.iter().collect::<std::collections::BTreeSet<_>>().len();
    let during = walk().await;
    assert_eq!((during.len(), distinct(&during)), (all, all - 1), "one twice, one not at all");
    let after = walk().await;
    assert_eq!((after.len(), distinct(&after)), (all, all));
    assert!(!during.contains(&after[0]), "the first page shows what moved, and who looks at it again sees that");
    assert!(world.ledger().is_empty());
    let faults: Vec<_> = world.access().iter().filter(|line| line.fault.as_deref() == Some("moved")).map(|line| line.seq).collect();
    assert_eq!(faults, [2]);
}

#[tokio::test]
async fn a02_a_rival_kills_the_token_that_the_request_carries() {
    let options = Options { faults: "rival@GET#2".parse().unwrap(), ..options() };
    let sandbox = absorb::Sandbox::open(absorb::Config { options, ..absorb::Config::default() }).unwrap();
    let send = async |request: axum::http::request::Builder, body: Body| {
        let request = request.header("x-api-key", "absorb-sandbox-key").body(body).unwrap();
        let answer = sandbox.router().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        (status, axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap())
    };
    let credentials = json!({ "username": "api@acme.example", "password": "absorb-sandbox-password" });
    let (_, body) = send(Request::post("/authentication"), Body::from(credentials.to_string())).await;
    let token = serde_json::from_slice::<Value>(&body).unwrap()["token"].as_str().unwrap().to_owned();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(send(Request::get("/users").header("authorization", &token), Body::empty()).await.0);
    }
    assert_eq!(statuses, [200, 401, 401]);
}

#[test]
fn a_rule_that_cannot_be_is_refused_where_the_sandbox_opens() {
    let options = Options { faults: "rival=5%".parse().unwrap(), ..options() };
    let refused = Sandbox::open(Config { options, ..Config::default() }).expect_err("Lessonly has no tokens");
    assert!(refused.to_string().contains("`rival`"), "{refused}");
}

#[tokio::test]
async fn the_clock_is_as_far_off_as_was_asked_for() {
    for (text, off) in [("clock=+90s", 90), ("clock=-1h", -3600)] {
        let world = World::with(text, 0);
        let noon: jiff::Timestamp = NOON.parse().unwrap();
        assert_eq!(world.sandbox.clock().now(), noon + SignedDuration::from_secs(off));
        world.send("GET", "/ping", None).await;
        assert_eq!(world.access()[0].time, noon + SignedDuration::from_secs(off));
    }
}

#[tokio::test]
async fn the_same_seed_and_requests_have_the_same_faults() {
    let faults = async |seed: u64| {
        let world = World::with(&format!("500-after=10%, reset-before=10%, garbled=10%, seed={seed}"), 0);
        for number in 0..60 {
            world.create(&format!("n{number}")).await;
        }
        (world.access().into_iter().map(|line| line.fault).collect::<Vec<_>>(), world.names())
    };
    let first = faults(7).await;
    assert!((8..30).contains(&first.0.iter().flatten().count()), "{:?}", first.0);
    assert_eq!(first, faults(7).await);
    assert_ne!(first.0, faults(8).await.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_a_socket_a_reset_ends_the_connection_without_a_byte() {
    let world = World::with("reset-after@POST#1", 0);
    let running = world.sandbox.start().await.unwrap();
    let body = r#"{"name":"one","email":"one@acme.example"}"#;
    let request = format!(
        "POST /api/v1/users HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Length: {}\r\n\r\n{body}",
        authorization(),
        body.len()
    );
    let address = running.address;
    let exchange = move |request: String| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut seen = Vec::new();
        let end = stream.read_to_end(&mut seen).err().map(|error| error.kind());
        (seen, end)
    };
    let (seen, end) = tokio::task::spawn_blocking(move || exchange(request)).await.unwrap();
    assert_eq!((seen.len(), end), (0, Some(std::io::ErrorKind::ConnectionReset)));
    assert_eq!(world.names(), ["one"]);
    let ping = format!("GET /api/v1/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {}\r\n\r\n", authorization());
    let (seen, end) = tokio::task::spawn_blocking(move || exchange(ping)).await.unwrap();
    assert!(seen.starts_with(b"HTTP/1.1 200") && end.is_none(), "the next connection is served");
    running.stop().await;
}

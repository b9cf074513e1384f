//! The Lessonly sandbox where requests are unusual, and files that are somebody else's.

#[allow(dead_code, unreachable_pub)]
mod api;

use api::{Api, NOON, options};
use sandbox::lessonly::{Config, Sandbox};
use sandbox::{Clock, Options};
use serde_json::{Value, json};

#[tokio::test]
async fn what_names_nothing_is_as_if_it_were_not_there() {
    let mut api = Api::new();
    let (status, user) = api.call("POST", "/users", json!({ "name": "Jane Doe", "email": "jane@example.com", "role": null })).await;
    assert_eq!((status, &user["role"]), (201, &json!("learner")));
    let id = user["id"].as_u64().unwrap();
    assert_eq!(api.call("PUT", &format!("/users/{id}"), json!({ "role": "manager" })).await.1["role"], "manager");
    assert_eq!(api.call("PUT", &format!("/users/{id}"), json!({ "role": null })).await.1["role"], "manager");
    api.accept = Some("");
    assert_eq!(api.get("/ping").await.0, 200);
}

#[tokio::test]
async fn a_body_too_large_is_413_with_an_error() {
    let api = Api::new();
    let (status, text) = api.send("POST", "/api/v1/users", "application/json", vec![b'x'; (16 << 20) + 1]).await;
    let body: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!((status.as_u16(), body), (413, json!({ "error": "Payload Too Large" })));
}

#[tokio::test]
async fn a_path_that_is_no_text_is_an_error_like_others() {
    let api = Api::new();
    for path in ["/users/%FF", "/groups/%FF", "/lessons/%FF/assignments", "/assignments/%FF"] {
        let (status, body) = api.get(path).await;
        assert_eq!((status, body["error"].is_string()), (400, true), "{path} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_is_no_request_too_large() {
    use std::io::Write as _;
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let sandbox =
        Sandbox::open(Config { options: Options { access_log: Some(log.clone()), ..options() }, ..Config::default() }).unwrap();
    let running = sandbox.start().await.unwrap();
    let mut stream = std::net::TcpStream::connect(running.address).unwrap();
    stream.write_all(b"POST /api/v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"name\":").unwrap();
    drop(stream);
    let mut lines = String::new();
    for _ in 0..500 {
        lines = std::fs::read_to_string(&log).unwrap();
        if lines.ends_with('\n') {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let line: Value = serde_json::from_str(&lines).unwrap();
    assert_eq!((&line["status"], &line["seq"]), (&json!(400), &json!(1)), "{line}");
    assert_eq!(sandbox.users().len(), 1);
    running.stop().await;
}

#[tokio::test]
async fn the_company_is_newest_first_by_its_dates_too() {
    let api = Api::with(Config { options: Options { people: Some(60), ..options() }, ..Config::default() });
    let mut created = Vec::new();
    for page in [1, 2] {
        let (_, list) = api.get(&format!("/users?page={page}")).await;
        for user in list["users"].as_array().unwrap() {
            let (_, shown) = api.get(&format!("/users/{}", user["id"])).await;
            created.push(shown["created_at"].as_str().unwrap().to_owned());
            let archived = user["archived_at"].as_str();
            assert!(archived.is_none_or(|at| at > created[created.len() - 1].as_str()), "nobody left before the account was made");
        }
    }
    assert_eq!(created.len(), 61);
    assert!(created.is_sorted_by(|a, b| a > b), "{created:?}");

    let (_, list) = api.get("/assignments").await;
    let assigned: Vec<_> = list["assignments"].as_array().unwrap().iter().map(|one| one["assigned_at"].as_str().unwrap()).collect();
    assert!(assigned.is_sorted_by(|a, b| a >= b), "{assigned:?}");
    let due = list["assignments"][0]["due_by"].as_str().unwrap();
    assert!(due.ends_with("T00:00:00Z"), "{due}");
}

#[tokio::test]
async fn answers_carry_the_sandbox_s_own_date() {
    use tower::ServiceExt as _;
    let sandbox =
        Sandbox::open(Config { options: Options { now: Clock::Fixed(NOON.parse().unwrap()), ..options() }, ..Config::default() });
    let request = axum::http::Request::get("/nowhere").body(axum::body::Body::empty()).unwrap();
    let answer = sandbox.unwrap().router().oneshot(request).await.unwrap();
    assert_eq!(answer.headers()["date"], "Sun, 01 Jun 2025 12:00:00 GMT");
}

#[test]
fn a_file_has_one_writer() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    let open = |ledger: &std::path::Path, access_log: &std::path::Path| {
        let options = Options { ledger: Some(ledger.to_owned()), access_log: Some(access_log.to_owned()), ..options() };
        Sandbox::open(Config { options, ..Config::default() })
    };
    let refused = |error: sandbox::Error| assert!(error.to_string().contains("is being written to"), "{error}");
    refused(open(&one, &one).expect_err("ledger and access log in one"));
    let first = open(&one, &two).unwrap();
    refused(open(&one, &dir.path().join("three")).expect_err("the ledger of another sandbox"));
    drop(first);
    open(&one, &two).unwrap();
    let data = dir.path().join("data");
    let options = Options { ledger: Some(data.join("ledger.jsonl")), data: Some(data), ..options() };
    refused(Sandbox::open(Config { options, ..Config::default() }).expect_err("the copy is the original"));
}

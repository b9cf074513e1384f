//! The Absorb sandbox's ledger, restarts and speed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::client::{ALL, Client, config, open, rule};
use sandbox::absorb::Config;
use sandbox::ledger::Entry;
use serde_json::{Value, json};

fn lines(path: &Path) -> Vec<Entry> {
    let text = std::fs::read_to_string(path).expect("a ledger");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of the ledger")).collect()
}

fn with_files(dir: &Path) -> Config {
    let mut config = config(30);
    config.rules = vec![rule("Sales", "Selling with Acme", false)];
    config.options.data = Some(dir.join("data"));
    config.options.ledger = Some(dir.join("ledger.jsonl"));
    config.options.access_log = Some(dir.join("access.jsonl"));
    config
}

/// Everything that the API shows of people, departments and enrollments.
async fn everything(client: &Client) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for path in ["/users?_limit=1000", "/departments?_limit=1000", "/users?_sort=-dateEdited&_limit=1000"] {
        all.insert(path.to_owned(), client.get(path).await.text);
    }
    for user in client.get("/users?_limit=1000").await.users() {
        let path = format!("/users/{}/enrollments", user["id"].as_str().expect("an id"));
        let text = client.get(&path).await.text;
        all.insert(path, text);
    }
    all
}

#[tokio::test]
async fn a_batch_has_a_line_for_every_changed_object_and_no_password() {
    let dir = tempfile::tempdir().expect("a folder");
    let sandbox = open(with_files(dir.path()));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let (root, sales) = (client.department("Acme").await, client.department("Sales").await);
    let known = client.get("/users?externalId=E00003").await.users()[0].clone();
    let mut same = known.clone();
    same["password"] = Value::Null;
    let items = json!([
        {"firstName": "A", "lastName": "B", "username": "a", "password": "s3cret-value", "departmentId": root},
        {"firstName": "A", "lastName": "B", "username": "b", "password": "s3cret-value", "departmentId": sales},
        {"firstName": "A", "lastName": "B", "username": "c"},
        same,
        {"id": known["id"], "firstName": "Changed"},
        {"username": "a", "jobTitle": "Boss"},
    ]);
    let answer = client.post("/users/batch", json!({"users": items})).await;
    assert_eq!(answer.body["errors"].as_array().map(Vec::len), Some(1), "{}", answer.text);

    let lines = lines(&dir.path().join("ledger.jsonl"));
    let kinds: Vec<_> = lines.iter().map(|line| line.object.split('/').next().unwrap_or_default()).collect();
    assert_eq!(kinds, ["user", "user", "enrollment", "user"]);
    assert!(lines.iter().all(|line| line.call == lines[0].call && line.body_digest.len() == 64));
    assert!(lines.iter().all(|line| (line.method.as_str(), line.path.as_str()) == ("POST", "/users/batch")));
    assert_eq!(lines.iter().map(|line| line.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!((&lines[0].before, &lines[0].after["jobTitle"]), (&Value::Null, &json!("Boss")), "one line, its last state");
    assert_eq!(lines[0].after["passwordsSet"], 1);
    assert_eq!((&lines[3].before["firstName"], &lines[3].after["firstName"]), (&known["firstName"], &json!("Changed")));
    for name in ["ledger.jsonl", "access.jsonl", "data/ledger.jsonl"] {
        let text = std::fs::read_to_string(dir.path().join(name)).expect("a file");
        assert!(!text.contains("s3cret-value"), "{name}");
    }
}

#[tokio::test]
async fn what_changes_nothing_has_no_line_and_a_new_password_has_one() {
    let dir = tempfile::tempdir().expect("a folder");
    let sandbox = open(with_files(dir.path()));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let ledger = dir.path().join("ledger.jsonl");
    let user = client.get("/users?externalId=E00003").await.users()[0].clone();
    let path = format!("/users/{}", user["id"].as_str().expect("an id"));
    assert_eq!(client.put(&path, user.clone()).await.status, 200);
    assert_eq!(client.put(&path, json!({"departmentId": "x"})).await.status, 422);
    assert_eq!(client.post("/users", json!({})).await.status, 422);
    assert_eq!(lines(&ledger), []);
    let mut with_password = user.clone();
    with_password["password"] = json!("n3w-password");
    assert_eq!(client.put(&path, with_password).await.status, 200);
    let lines = lines(&ledger);
    assert_eq!((lines.len(), &lines[0].before["passwordsSet"], &lines[0].after["passwordsSet"]), (1, &json!(1), &json!(2)));
}

#[tokio::test]
async fn a_restart_gives_the_same_state_and_ends_the_tokens() {
    let dir = tempfile::tempdir().expect("a folder");
    let (before, old) = {
        let sandbox = open(with_files(dir.path()));
        let client = Client::new(&sandbox).log_in(ALL).await;
        let sales = client.post("/departments", json!({"name": "Field Sales", "externalId": "D9"})).await.body["id"].clone();
        let id = client.make("a", json!({"departmentId": sales, "customFields": {"string1": "x"}})).await;
        client.make("b", json!({"supervisorId": id, "externalId": "KB"})).await;
        client.put(&format!("/users/{id}"), json!({"departmentId": client.department("Sales").await})).await;
        let course = client.course("Security Basics").await;
        client.post("/enrollments", json!({"userId": id, "courseId": course})).await;
        client.post("/enrollments", json!({"userId": id, "courseId": course, "reEnroll": true})).await;
        sandbox.put_enrollment(id.parse().expect("a UUID"), "Selling with Acme", 3).expect("by the rule");
        sandbox.put_department("Below", Some("Field Sales")).expect("a parent");
        (everything(&client).await, client)
    };
    let token = old.token.clone();
    drop(old);
    let ledger = std::fs::read(dir.path().join("ledger.jsonl")).expect("a ledger");
    assert_eq!(ledger, std::fs::read(dir.path().join("data/ledger.jsonl")).expect("a ledger"));

    let sandbox = open(with_files(dir.path()));
    let client = Client::new(&sandbox);
    assert_eq!(client.with(Some("key"), token.as_deref(), "GET", "/users", None).await.status, 401);
    let client = client.log_in(ALL).await;
    assert_ne!(client.token, token);
    assert_eq!(everything(&client).await, before);
    let made = client.make("after", json!({})).await;
    assert!(!before.values().any(|text| text.contains(&made)), "ids go on");
}

#[tokio::test]
async fn the_same_requests_give_the_same_ledger() {
    let run = async || {
        let dir = tempfile::tempdir().expect("a folder");
        let sandbox = open(with_files(dir.path()));
        let client = Client::new(&sandbox).log_in(ALL).await;
        let id = client.make("a", json!({})).await;
        client.put(&format!("/users/{id}"), json!({"departmentId": client.department("Sales").await})).await;
        sandbox.put_user(json!({"id": id, "jobTitle": "By hand"})).expect("a known user");
        let lines = lines(&dir.path().join("ledger.jsonl"));
        assert_eq!(lines.last().map(|line| (line.method.as_str(), line.call)), Some(("ADMIN", 0)));
        std::fs::read_to_string(dir.path().join("ledger.jsonl")).expect("a ledger")
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test]
async fn ten_thousand_users_are_quick() {
    let sandbox = open(config(10_000));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let root = client.department("Acme").await;
    let (mut page, mut batch) = (Duration::MAX, Duration::MAX);
    for round in 0..5 {
        let begun = Instant::now();
        let answer = client.get("/users?_limit=1000&_offset=9000").await;
        page = page.min(begun.elapsed());
        assert_eq!(answer.body["returnedItems"], 1000);

        let new = |n: usize| {
            json!({"firstName": "F", "lastName": "L", "username": format!("u{round}-{n}"), "externalId": format!("K{round}-{n}"),
                "emailAddress": format!("u{round}-{n}@x.example"), "password": "pw", "departmentId": root})
        };
        let users: Vec<Value> = (0..200).map(new).collect();
        let begun = Instant::now();
        let answer = client.post("/users/batch", json!({"users": users})).await;
        batch = batch.min(begun.elapsed());
        assert_eq!(answer.body["succeeded"], 200);
    }
    println!("page {page:?} batch {batch:?}");
    // The best of five, so that a busy machine does not matter; each is a tenth of this without optimization.
    assert!(page < Duration::from_millis(500), "{page:?}");
    assert!(batch < Duration::from_millis(500), "{batch:?}");
}

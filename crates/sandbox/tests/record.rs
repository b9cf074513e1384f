//! What a sandbox writes down: the effect ledger, the access log, the data folder.

#[allow(dead_code, unreachable_pub)]
mod api;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use api::{Api, NOON, options};
use sandbox::access::Access;
use sandbox::ledger::Entry;
use sandbox::lessonly::{Config, Sandbox};
use sandbox::{Error, Options};
use serde_json::{Value, json};

fn config(change: impl FnOnce(&mut Options)) -> Config {
    let mut options = options();
    change(&mut options);
    Config { options, ..Config::default() }
}

fn lines<T: serde::de::DeserializeOwned>(path: &Path) -> Vec<T> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn story(api: &Api) -> u64 {
    let group = api.group("Sales").await;
    let id = api.user("Jane Doe", "jane@example.com").await;
    api.call("PUT", &format!("/users/{id}"), json!({ "group_ids": [group], "job_title": "Buyer" })).await;
    let assignments = json!({ "assignments": [{ "assignee_id": id }, { "assignee_id": 100 }] });
    api.call("POST", "/lessons/1/assignments?x=1", assignments).await;
    api.call("PUT", &format!("/users/{id}/archive"), json!({})).await;
    id
}

fn state(sandbox: &Sandbox) -> Value {
    json!([sandbox.users(), sandbox.groups(), sandbox.assignments()])
}

#[tokio::test]
async fn the_ledger_has_a_line_for_every_changed_object_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, log) = (dir.path().join("ledger"), dir.path().join("access"));
    let api = Api::with(config(|o| {
        o.ledger = Some(ledger.clone());
        o.access_log = Some(log.clone());
    }));
    let id = story(&api).await;
    let before = lines::<Entry>(&ledger).len();
    api.call("PUT", &format!("/users/{id}/archive"), json!({})).await;
    api.call("PUT", &format!("/users/{id}"), json!({ "job_title": "Buyer" })).await;
    api.call("POST", "/users", json!({ "name": "x", "email": "jane@example.com" })).await;
    api.get("/users").await;
    assert_eq!(lines::<Entry>(&ledger).len(), before, "nothing changed, no line");
    api.sandbox.update_user(id, json!({ "job_title": "By Hand" })).unwrap();

    let entries: Vec<Entry> = lines(&ledger);
    let told: Vec<_> = entries.iter().map(|e| (e.seq, e.call, e.method.as_str(), e.object.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, 1, "POST", "group/2"),
            (2, 2, "POST", "user/101"),
            (3, 3, "PUT", "user/101"),
            (4, 4, "POST", "assignment/1"),
            (5, 4, "POST", "assignment/2"),
            (6, 5, "PUT", "user/101"),
            (7, 5, "PUT", "assignment/1"),
            (8, 0, "ADMIN", "user/101"),
        ]
    );
    assert_eq!(entries[1].before, Value::Null);
    assert_eq!(entries[2].before, entries[1].after, "each state follows from the one before");
    assert_eq!(entries[2].after["group_ids"], json!([2]));
    assert_eq!(entries[3].path, "/api/v1/lessons/1/assignments?x=1");
    assert_eq!(entries[3].time.to_string(), NOON);
    assert_eq!(entries[3].body_digest.len(), 64);
    assert_eq!(entries[3].body_digest, entries[4].body_digest);
    assert_eq!(entries[6].after["ended_at"], NOON);
    assert_eq!(entries[7].body_digest, "");
    // SHA-256 of `{"name":"Sales"}`.
    assert_eq!(entries[0].body_digest, "79cc9ebc60c314014e92afafd2aab6b14645e1643f6cd728b71fe64ee248be9c");

    let log: Vec<Access> = lines(&log);
    assert_eq!(log.iter().map(|l| l.seq).collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
    assert_eq!(log.iter().map(|l| l.status).collect::<Vec<_>>(), [201, 201, 200, 201, 200, 200, 200, 400, 200]);
    assert!(log[8].path == "/api/v1/users" && log[8].method == "GET" && log[8].bytes > 500);
}

#[tokio::test]
async fn refused_requests_are_in_the_access_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access");
    let mut api = Api::with(config(|o| {
        o.access_log = Some(path.clone());
        o.limit = sandbox::Limit::PerPeriod(30);
    }));
    api.send("GET", "/users?a=b", "", Vec::new()).await;
    api.authorization = None;
    api.get("/users").await;
    api.get("/users").await;
    api.get("/users").await;
    let told: Vec<_> = lines::<Access>(&path).iter().map(|l| (l.seq, l.status, l.bytes > 0)).collect();
    assert_eq!(told, [(1, 404, true), (2, 401, true), (3, 401, true), (4, 429, true)]);
}

#[tokio::test]
async fn a_data_folder_gives_back_the_same_state() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("lessonly");
    let (copy, log) = (dir.path().join("copy"), dir.path().join("access"));
    let open = |people: Option<usize>, copied: bool| {
        config(|o| {
            o.data = Some(data.clone());
            o.people = people;
            o.access_log = Some(log.clone());
            o.ledger = copied.then(|| copy.clone());
        })
    };
    let api = Api::with(open(Some(30), false));
    let id = story(&api).await;
    api.sandbox.update_user(id, json!({ "job_title": "By Hand" })).unwrap();
    let kept = state(&api.sandbox);
    drop(api);

    // People are as recorded, numbers go on, and a copy asked for later is whole.
    let api = Api::with(open(None, true));
    assert_eq!(state(&api.sandbox), kept);
    assert!(api.sandbox.notes().is_empty());
    api.user("New Person", "new@example.com").await;
    let own = fs::read(data.join("ledger.jsonl")).unwrap();
    assert_eq!(own, fs::read(&copy).unwrap());
    let entries: Vec<Entry> = lines(&copy);
    assert!(entries.iter().map(|e| e.seq).eq(1..=entries.len() as u64));
    assert_eq!(entries.last().unwrap().call, 6, "five calls before, one after");
    assert_eq!(lines::<Access>(&log).last().unwrap().seq, 6);
    drop(api);

    let other = Sandbox::open(open(Some(31), false)).unwrap_err();
    assert!(matches!(&other, Error::OtherOption { option: "people", .. }), "{other}");
    assert!(other.to_string().contains("people = 30, not 31"), "{other}");
    // Another sandbox's ledger is no copy of this one.
    fs::write(data.join("ledger.jsonl"), "").unwrap();
    assert!(Sandbox::open(open(None, true)).unwrap_err().to_string().contains("another sandbox's ledger"));
}

#[tokio::test]
async fn a_torn_last_line_is_cut_off_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("lessonly");
    let open = || config(|o| o.data = Some(data.clone()));
    let api = Api::with(open());
    story(&api).await;
    let kept = state(&api.sandbox);
    drop(api);
    let ledger = data.join("ledger.jsonl");
    let whole = fs::read(&ledger).unwrap();
    let mut file = OpenOptions::new().append(true).open(&ledger).unwrap();
    file.write_all(b"{\"seq\":8,\"call\":6,\"ti").unwrap();

    let api = Api::with(open());
    assert_eq!(api.sandbox.notes().len(), 1);
    assert!(api.sandbox.notes()[0].contains("torn"), "{:?}", api.sandbox.notes());
    assert_eq!(state(&api.sandbox), kept);
    assert_eq!(fs::read(&ledger).unwrap(), whole);
    drop(api);

    // A broken line in the middle is not what a crash leaves.
    let mut broken = b"nonsense\n".to_vec();
    broken.extend(&whole);
    fs::write(&ledger, broken).unwrap();
    let error = Sandbox::open(open()).unwrap_err();
    assert!(matches!(error, Error::Line { line: 1, .. }), "{error}");
    // Nor is one that is missing.
    let first = whole.iter().position(|b| *b == b'\n').unwrap();
    fs::write(&ledger, &whole[first + 1..]).unwrap();
    assert!(Sandbox::open(open()).unwrap_err().to_string().contains("seq 2 follows 0"));
}

#[tokio::test]
async fn a_data_folder_has_one_server_and_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("lessonly");
    let open = || config(|o| o.data = Some(data.clone()));
    assert_eq!(sandbox::running(&data), None);
    let first = Sandbox::open(open()).unwrap();
    assert_eq!(sandbox::running(&data), None, "held, but not listening");
    let server = first.start().await.unwrap();
    assert_eq!(sandbox::running(&data), Some(server.address));
    assert!(server.address.ip().is_loopback());
    let error = Sandbox::open(open()).unwrap_err();
    assert!(matches!(error, Error::InUse { address: Some(_), .. }), "{error}");
    assert!(error.to_string().contains(&server.url()), "{error}");
    server.stop().await;
    assert_eq!(sandbox::running(&data), None);
    drop(first);
    // What a killed server leaves behind misleads nobody.
    fs::write(data.join("address"), "127.0.0.1:9").unwrap();
    assert_eq!(sandbox::running(&data), None);
    Sandbox::open(open()).unwrap();
}

#[tokio::test]
async fn it_answers_over_http_and_stops() {
    let sandbox = Sandbox::open(config(|_| {})).unwrap();
    let server = sandbox.start().await.unwrap();
    let request = format!(
        "GET /api/v1/ping HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\nconnection: close\r\n\r\n",
        api::basic("acme:lessonly-sandbox-key")
    );
    let address = server.address;
    let asked = tokio::task::spawn_blocking(move || {
        let mut connection = std::net::TcpStream::connect(address)?;
        connection.write_all(request.as_bytes())?;
        std::io::read_to_string(connection)
    });
    let answer = asked.await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("{\"response\":\"pong\"}"), "{answer}");
    server.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

/// Not a test of its own: the server that [`a_killed_server_keeps_all_it_answered`] starts in a process to kill.
#[tokio::test]
async fn served_until_killed() {
    let Some(data) = std::env::var_os("SANDBOX_TEST_DATA") else { return };
    let sandbox = Sandbox::open(config(|o| o.data = Some(data.into()))).unwrap();
    let _server = sandbox.start().await.unwrap();
    std::future::pending().await
}

#[tokio::test]
async fn a_killed_server_keeps_all_it_answered() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("lessonly");
    let mut answered = 0;
    for round in 0..3 {
        let mut server = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "served_until_killed"])
            .env("SANDBOX_TEST_DATA", &data)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let begun = std::time::Instant::now();
        let address = loop {
            if let Some(address) = sandbox::running(&data) {
                break address;
            }
            assert!(begun.elapsed().as_secs() < 30, "the server did not start");
            std::thread::sleep(std::time::Duration::from_millis(10));
        };
        let posting =
            std::thread::spawn(move || (0..).take_while(|n| post_user(address, &format!("n{n}.{round}@example.com")).is_ok()).count());
        std::thread::sleep(std::time::Duration::from_millis(150));
        server.kill().unwrap();
        server.wait().unwrap();
        answered += posting.join().unwrap();
        assert_eq!(sandbox::running(&data), None);
        let kept = Sandbox::open(config(|o| o.data = Some(data.clone()))).unwrap().users().len() - 1;
        // The one under way when the process died may have been done without an answer.
        assert!((answered..=answered + round + 1).contains(&kept), "{answered} answered, {kept} kept");
    }
    assert!(answered > 0);
}

/// Makes a user over a connection of its own; an error unless it was answered with 201.
fn post_user(address: std::net::SocketAddr, email: &str) -> std::io::Result<()> {
    let body = json!({ "name": "Some Body", "email": email }).to_string();
    let request = format!(
        "POST /api/v1/users HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-length: {}\r\n\
         content-type: application/json\r\nconnection: close\r\n\r\n{body}",
        api::basic("acme:lessonly-sandbox-key"),
        body.len()
    );
    let mut connection = std::net::TcpStream::connect(address)?;
    connection.write_all(request.as_bytes())?;
    match std::io::read_to_string(connection)?.starts_with("HTTP/1.1 201") {
        true => Ok(()),
        false => Err(std::io::Error::other("refused")),
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_cannot_be_written_down_is_not_done() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("lessonly");
    // Writing to this device always finds the disk full; the folder's own ledger must take its line back.
    let api = Api::with(config(|o| {
        o.data = Some(data.clone());
        o.ledger = Some("/dev/full".into());
    }));
    let before = state(&api.sandbox);
    for _ in 0..2 {
        let (status, body) = api.call("POST", "/users", json!({ "name": "x", "email": "x@example.com" })).await;
        assert_eq!(status, 500);
        assert!(body["error"].as_str().unwrap().contains("/dev/full"), "{body}");
    }
    assert!(api.sandbox.create_group("Sales").is_err());
    assert_eq!(state(&api.sandbox), before);
    assert_eq!(fs::read(data.join("ledger.jsonl")).unwrap(), b"");
}

#[tokio::test]
async fn the_same_seed_gives_the_same_company() {
    let open = |seed| Sandbox::open(config(|o| (o.people, o.seed) = (Some(300), Some(seed)))).unwrap();
    assert_eq!(state(&open(5)).to_string(), state(&open(5)).to_string());
    assert_ne!(state(&open(5)), state(&open(6)));
    let users = open(5).users();
    assert_eq!(users.len(), 301);
    assert!(users.iter().any(|user| !user["archived_at"].is_null()));
    assert_eq!(open(5).groups().len(), 9);
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused() {
    let error = Sandbox::open(Config { subdomain: "a:b".to_owned(), ..Config::default() }).unwrap_err();
    assert!(error.to_string().contains("a:b"));
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Sandbox::open(config(|o| o.data = Some(file.path().to_owned()))).unwrap_err();
    assert!(error.to_string().contains(file.path().to_str().unwrap()), "{error}");
    assert!("0".parse::<sandbox::Limit>().is_err());
    assert_eq!("off".parse(), Ok(sandbox::Limit::Off));
    assert!(!format!("{:?}", Config::default()).contains("sandbox-key"), "the key does not print");
}

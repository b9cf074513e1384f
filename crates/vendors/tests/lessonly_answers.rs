//! What Lessonly's answers mean: throttling (L04), another host (L06), another shape (A16), and the same over a real socket.

mod rigs;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use bytes::Bytes;
use connector::conformance::{Bench, Hand as _, Opened, step};
use connector::{Broken, Fault, Key, Scope, Transport};
use model::{Kind, Verb};
use rigs::lessonly::{Lessonly, naive, ours};
use serde_json::{Value as Json, json};

#[tokio::test]
async fn l04_both_ways_to_throttle_are_waits_and_a_plain_403_is_a_refusal() {
    for (status, body) in [(429, ""), (403, "Forbidden (Rate Limit Exceeded)"), (403, r#"{"error":"Rate Limit Exceeded"}"#)] {
        let (target, read) = rigs::canned::lessonly(status, body.to_owned()).await;
        let fault = target.probe(&read).await.err();
        assert!(matches!(fault, Some(Fault::Wait { .. })), "{status} {body}: {fault:?}");
    }
    let (target, read) = rigs::canned::lessonly(403, r#"{"error":"no privilege"}"#.to_owned()).await;
    match target.probe(&read).await {
        Err(Fault::Denied { scope: Scope::Object(text) }) => assert!(text.contains("no privilege"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a16_an_answer_of_another_shape_is_garbled_and_names_the_member() {
    for (changed, member) in [
        (json!({ "type": "person" }), "type"),
        (json!({ "id": "101" }), "user.id"),
        (json!({ "id": 10.5 }), "user.id"),
        (json!({ "email": null }), "user.email"),
        (json!({ "role": 4 }), "user.role"),
        (json!({ "archived_at": true }), "user.archived_at"),
        (json!({ "archived_at": "yesterday" }), "user.archived_at"),
        (json!({ "custom_user_field_data": {} }), "user.custom_user_field_data"),
        (json!({ "custom_user_field_data": [{ "name": "a", "value": 1 }] }), "user.custom_user_field_data[0].value"),
    ] {
        match rigs::canned::read_user(&changed).await {
            Err(Fault::Garbled { detail }) => assert!(detail.starts_with(member), "{changed}: {detail}"),
            other => panic!("{changed}: {other:?}"),
        }
    }
    // Without archived_at nobody can tell who is active: that is not guessed either.
    let mut user = rigs::canned::user(&Json::Null);
    user.as_object_mut().expect("an object").remove("archived_at");
    let (target, read) =
        rigs::canned::lessonly(200, json!({ "type": "users", "users": [rigs::canned::user(&Json::Null), user] }).to_string()).await;
    match target.read(&read, Kind::Accounts, None).await {
        Err(Fault::Garbled { detail }) => assert_eq!(detail, "users[1].archived_at should be a time or null, and is nothing"),
        other => panic!("{other:?}"),
    }
    for (kind, body) in [
        (Kind::Accounts, json!({ "type": "users", "users": {} })),
        (Kind::Accounts, json!({ "users": [] })),
        (Kind::Accounts, json!([])),
        (Kind::Groups, json!({ "type": "groups", "groups": [{ "id": 5 }] })),
        (Kind::Content, json!({ "lessons": [{ "title": "No id" }] })),
    ] {
        let (target, read) = rigs::canned::lessonly(200, body.to_string()).await;
        let fault = target.read(&read, kind, None).await.err();
        assert!(matches!(fault, Some(Fault::Garbled { .. })), "{body}: {fault:?}");
    }
}

#[tokio::test]
async fn the_group_of_the_guides_own_example_is_read() {
    let (target, read) = rigs::canned::lessonly(200, r#"{"type":"groups","groups":[{"id":5,"name":"Sales Team"}]}"#.to_owned()).await;
    let page = target.read(&read, Kind::Groups, None).await.expect("a page");
    assert!(matches!(&page.records[0].body, connector::Body::Group(group) if group.writable && group.id == "5"));
}

#[tokio::test]
async fn an_archived_group_is_not_made_again_and_takes_nobody() {
    let sandbox = Arc::new(Lessonly::fresh("guide", 3, |_| {}));
    let group = sandbox.make_group("Alumni").expect("groups are written here");
    naive(&sandbox, "PUT", &format!("/groups/{group}/archive"), None).await;
    let bench = ours(&sandbox, |_| {}).await;
    let found = bench.find(Kind::Groups, "name", "Alumni").await.expect("found");
    assert!(matches!(&found[0].body, connector::Body::Group(group) if !group.writable));
    let mut make = step(Verb::CreateGroup, None);
    make.label = "Alumni".into();
    match bench.apply(make).await {
        Err(Fault::Refused { detail, .. }) => assert!(detail.contains(&group) && detail.contains("archived"), "{detail}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn accounts_named_in_protect_are_told_and_left_alone() {
    let sandbox = Arc::new(Lessonly::fresh("guide", 3, |_| {}));
    let email = sandbox.user("101")["email"].as_str().expect("an e-mail").to_uppercase();
    let bench = ours(&sandbox, |settings| settings.protect = [email].into()).await;
    let protected = bench.account("101").await.expect("there").protected;
    assert_eq!(protected.as_deref(), Some("named in `protect`"));
    assert_eq!(bench.account("102").await.expect("there").protected, None);
    let outcome = bench.apply(step(Verb::Leave, Some("101"))).await;
    assert!(matches!(outcome, Err(Fault::Drift { .. })), "{outcome:?}");
    assert_eq!(sandbox.writes(), 0);
}

#[tokio::test]
async fn a_list_without_the_declared_fields_is_not_read_as_empty_ones() {
    let sandbox = Arc::new(Lessonly::fresh("guide", 3, |_| {}));
    let bench = ours(&sandbox, |_| {}).await;
    let key = Key::one("custom.shoe size", "41");
    let fault = bench.target.find(&bench.read, Kind::Accounts, &key).await.err();
    assert!(matches!(fault, Some(Fault::Unsupported { .. })), "an undeclared field is in no list: {fault:?}");

    let mut settings = rigs::settings("http://127.0.0.1:1", &rigs::lessonly::CREDENTIALS);
    settings.declared.insert("shoe size".to_owned());
    let (target, _) = rigs::open("lessonly", settings).expect("right settings");
    // Read from v1 all the same, whose list has no custom fields.
    let fault = target.read(&bench.read, Kind::Accounts, None).await.err();
    assert!(matches!(&fault, Some(Fault::Garbled { detail }) if detail.contains("v1.1")), "{fault:?}");
}

#[test]
fn profiles_that_there_are_not_are_refused() {
    for (profile, expected) in [("guild", "no profile here"), ("Vendor", "\"auto\"")] {
        let mut settings = rigs::settings("https://api.lessonly.com", &rigs::lessonly::CREDENTIALS);
        settings.profile = profile.to_owned();
        let error = rigs::open("lessonly", settings).err().expect("refused").to_string();
        assert!(error.starts_with("profile ") && error.contains(expected), "{error}");
    }
}

/// HTTP/1.1 over a socket, one connection a request.
struct Loopback;

#[async_trait::async_trait]
impl Transport for Loopback {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let call = tokio::task::spawn_blocking(move || exchange(&request));
        call.await.map_err(|error| Broken::NoAnswer(error.to_string()))?
    }
}

fn exchange(request: &http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
    let lost = |error: std::io::Error| Broken::NoAnswer(error.to_string());
    let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let mut socket = TcpStream::connect(&authority).map_err(|error| Broken::NotSent(error.to_string()))?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut head = format!("{} {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n", request.method());
    head += &format!("content-length: {}\r\n", request.body().len());
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    socket.write_all(format!("{head}\r\n").as_bytes()).map_err(lost)?;
    socket.write_all(request.body()).map_err(lost)?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).map_err(lost)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| Broken::NoAnswer("no head".to_owned()))?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let mut response = http::Response::builder().status(status);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        response = response.header(name, value);
    }
    response.body(Bytes::from(body.to_owned())).map_err(|error| Broken::NoAnswer(error.to_string()))
}

#[tokio::test]
async fn the_same_over_a_real_socket() {
    let sandbox = Arc::new(Lessonly::fresh("guide", 60, |_| {}));
    let server = sandbox.sandbox.start().await.expect("it listens");
    let (target, base) = rigs::open("lessonly", rigs::settings(&server.url(), &rigs::lessonly::CREDENTIALS)).expect("right settings");
    let opened = Opened { target, wrong: Vec::new(), transport: Arc::new(Loopback), base, hand: sandbox.clone() };
    let bench = Bench::over(opened).await.expect("logged in");

    let tenant = bench.target.probe(&bench.read).await.expect("a server of our own");
    assert!(tenant.clock_ahead_ms.abs() < 60_000, "the clocks agree: {} ms", tenant.clock_ahead_ms);
    assert_eq!(bench.everything(Kind::Accounts).await.map(|all| all.len()), Ok(61));
    let made = bench.done(bench.create(1), true).await.expect("made").receipt.account.expect("an id");
    bench.done(step(Verb::Leave, Some(made.as_str())), true).await.expect("archived");
    let found = bench.target.find(&bench.read, Kind::Accounts, &Key::one("ext_uid", "C00001")).await.expect("found");
    assert_eq!(found.len(), 1);
    assert_eq!(sandbox.writes(), 2);
    server.stop().await;
    let fault = bench.target.probe(&bench.read).await.err();
    assert!(matches!(fault, Some(Fault::Unreachable { .. })), "nobody answers any more: {fault:?}");
}

#[tokio::test]
async fn logging_in_tells_the_profile_and_a_wrong_one_is_not_read_through() {
    for (profile, other) in [("guide", "vendor"), ("vendor", "guide")] {
        let sandbox = Arc::new(Lessonly::fresh(profile, 60, |_| {}));
        let told = ours(&sandbox, |settings| settings.profile = "auto".to_owned()).await;
        assert_eq!((told.read.profile(), sandbox.requests().len()), (profile, 1), "one request tells it");
        assert_eq!(told.target.probe(&told.read).await.expect("probed").profile, profile);
        let pinned = ours(&sandbox, |_| {}).await;
        assert_eq!((pinned.read.profile(), sandbox.requests().len()), (profile, 2), "pinned, it needs none: that was the probe");
        // Pinned to the other reading: the answers do not fit, and nothing is guessed.
        let wrong = ours(&sandbox, |settings| settings.profile = other.to_owned()).await;
        if other == "vendor" {
            let fault = wrong.target.read(&wrong.read, Kind::Accounts, None).await.err();
            assert!(matches!(&fault, Some(Fault::Garbled { detail }) if detail.contains("total_users")), "{fault:?}");
        } else {
            let fault = wrong.apply(wrong.create(1)).await.err();
            assert!(matches!(&fault, Some(Fault::Unknown { why }) if why.contains("create_user")), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn p6_a_create_whose_groups_were_not_heard_of_is_completed_and_not_repeated() {
    let sandbox = Arc::new(Lessonly::fresh("vendor", 3, |_| {}));
    let group = sandbox.make_group("Alumni").expect("groups are written here");
    let bench = ours(&sandbox, |_| {}).await;
    // The first of the two calls was made, and the answer to the second never came.
    let made = bench.done(bench.create(1), true).await.expect("made").receipt.account.expect("an id");
    let mut whole = bench.create(1);
    whole.add_groups.insert(model::Ref::Id(group.clone().into()));
    let accounts = sandbox.accounts().len();
    let again = bench.done(whole.clone(), true).await.expect("completed").receipt;
    assert_eq!((again.account.as_ref(), sandbox.accounts().len()), (Some(&made), accounts));
    assert_eq!(sandbox.groups_of(made.as_str()), [group]);
    assert!(again.before.expect("an image")["memberships"].as_array().is_some_and(Vec::is_empty), "what it was before is kept");
    bench.done(whole, false).await.expect("already");
}

#[tokio::test]
async fn p6_a_refusal_whose_reason_was_lost_is_no_refusal() {
    for (body, unknown) in
        [(r#"{"error":"email has already been taken"}"#, false), (r#"{"error":""#, true), ("<html>Bad Request</html>", true)]
    {
        let (target, read) = rigs::canned::lessonly(400, body.to_owned()).await;
        let write = connector::Write::new(read);
        let mut create = step(Verb::Create, None);
        for (name, value) in [("name", "Jo"), ("email", "jo@acme.example")] {
            create.set.insert(name.to_owned(), model::Change { before: model::Value::Null, after: value.into() });
        }
        let fault = target.apply(&write, &connector::conformance::approve(vec![create])).await.remove(0).expect_err("it is no success");
        assert_eq!(matches!(fault, Fault::Unknown { .. }), unknown, "{body}: {fault:?}");
    }
}

//! Webhooks: all six events, signed, tried again, and astray where faults ask for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::client::{ALL, Client, config, open, rule};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use sandbox::absorb::{Config, Event, Sandbox, Webhooks};
use serde_json::{Value, json};
use sha2::Sha256;

/// What came: signature and body, in order.
type Came = Arc<Mutex<Vec<(String, String)>>>;

/// A listener that refuses the first so many requests.
async fn listener(refuses: usize) -> (String, Came) {
    let came = Came::default();
    let (kept, left) = (came.clone(), Arc::new(Mutex::new(refuses)));
    let take = move |headers: HeaderMap, body: Bytes| async move {
        let signature = headers.get("x-absorb-signature").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        kept.lock().unwrap().push((signature, String::from_utf8(body.to_vec()).unwrap()));
        let mut left = left.lock().unwrap();
        if *left == 0 {
            return StatusCode::NO_CONTENT;
        }
        *left -= 1;
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/absorb", socket.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(socket, Router::new().route("/hooks/absorb", post(take))).await });
    (url, came)
}

fn told(mut config: Config, url: &str) -> Sandbox {
    config.webhooks = Some(Webhooks { pause: Duration::from_millis(5), ..Webhooks::to(url, "s3cret") });
    open(config)
}

/// Waits until every event was taken or dropped.
async fn settled(sandbox: &Sandbox, events: u64) {
    loop {
        let all = sandbox.deliveries();
        if all.events == events && all.taken + all.dropped >= events {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn bodies(came: &Came) -> Vec<Value> {
    came.lock().unwrap().iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
}

#[tokio::test]
async fn all_six_events_are_told_signed_and_lean() {
    let (url, came) = listener(0).await;
    let mut plain = config(3);
    plain.rules = vec![rule("Sales", "Selling with Acme", false)];
    let sandbox = told(plain, &url);
    let running = sandbox.start().await.unwrap();
    let client = Client::new(&sandbox).log_in(ALL).await;
    let sales = client.department("Sales").await;
    let made = client
        .post("/users", json!({"firstName": "A", "lastName": "B", "username": "a", "password": "pw", "departmentId": sales}))
        .await;
    let user = made.body["id"].as_str().unwrap().parse().unwrap();
    sandbox.put_enrollment(user, "Selling with Acme", 3).unwrap();
    let course = client.get("/courses").await.body["courses"][0]["id"].as_str().unwrap().parse().unwrap();
    for event in
        [Event::CourseCreated { course }, Event::CompetencyGained { user, competency: course }, Event::SessionStarted { user, course }]
    {
        sandbox.announce(&event);
    }
    settled(&sandbox, 6).await;
    let bodies = bodies(&came);
    let names: BTreeMap<&str, &Value> = bodies.iter().map(|body| (body["eventType"].as_str().unwrap(), body)).collect();
    let wanted = ["CompetencyGained", "CourseCompleted", "CourseCreated", "CourseEnrollmentCreated", "SessionStarted", "UserCreated"];
    assert_eq!(names.keys().copied().collect::<Vec<_>>(), wanted);
    let created = names["UserCreated"];
    assert_eq!(created["userId"], made.body["id"]);
    let admin = client.get(&format!("/users?username={ALL}")).await.users()[0]["id"].clone();
    assert_eq!(created["adminId"], admin, "who called is told");
    assert_eq!(created["timestamp"], "2026-03-02T08:00:00Z");
    assert!(!created.to_string().contains("\"a\""), "no value is in it: {created}");
    for (signature, body) in came.lock().unwrap().iter() {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"s3cret").unwrap();
        mac.update(body.as_bytes());
        let wanted: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(*signature, wanted);
    }
    let ids: std::collections::BTreeSet<String> = bodies.iter().map(|body| body["correlationId"].to_string()).collect();
    assert_eq!(ids.len(), 6);
    // Nobody is told any more.
    sandbox.set_webhooks(None).unwrap();
    sandbox.announce(&Event::CourseCreated { course });
    assert_eq!(sandbox.deliveries().events, 6);
    running.stop().await;
}

#[tokio::test]
async fn what_is_not_taken_is_told_again_with_the_same_bytes_and_dropped_in_the_end() {
    let (url, came) = listener(2).await;
    let sandbox = told(config(0), &url);
    let running = sandbox.start().await.unwrap();
    let course = uuid::Uuid::nil();
    sandbox.announce(&Event::CourseCreated { course });
    settled(&sandbox, 1).await;
    let all = came.lock().unwrap().clone();
    assert!(all.len() == 3 && all.iter().all(|one| *one == all[0]), "{all:?}");
    assert_eq!((sandbox.deliveries().taken, sandbox.deliveries().sent), (1, 3));
    let (url, came) = listener(100).await;
    sandbox.set_webhooks(Some(Webhooks { pause: Duration::from_millis(1), ..Webhooks::to(&url, "s3cret") })).unwrap();
    sandbox.announce(&Event::CourseCreated { course });
    settled(&sandbox, 2).await;
    assert_eq!((came.lock().unwrap().len(), sandbox.deliveries().dropped), (6, 1));
    running.stop().await;
}

#[tokio::test]
async fn webhooks_come_twice_late_and_out_of_order_where_faults_ask_for_it() {
    let (url, came) = listener(0).await;
    let mut astray = config(0);
    astray.options.faults = "hook-twice#1, hook-shuffled#2, hook-late:300ms#4".parse().unwrap();
    let sandbox = told(astray, &url);
    let running = sandbox.start().await.unwrap();
    for n in 1..=5_u128 {
        sandbox.announce(&Event::CourseCreated { course: uuid::Uuid::from_u128(n) });
        // One after the other, so that their order is the faults' doing.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    while sandbox.deliveries().taken < 6 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let order: Vec<char> = bodies(&came).iter().map(|body| body["courseId"].as_str().unwrap().chars().last().unwrap()).collect();
    let first = |wanted: char| order.iter().position(|one| *one == wanted).unwrap();
    assert_eq!(order.iter().filter(|one| **one == '1').count(), 2, "{order:?}");
    assert_eq!(order.last(), Some(&'4'), "{order:?}");
    assert!(first('2') >= 2 && first('2') < first('5'), "{order:?}");
    assert_eq!(sandbox.faults_met().values().sum::<u64>(), 3);
    running.stop().await;
}

#[test]
fn webhooks_go_to_this_machine_only_and_carry_a_secret() {
    for url in ["https://127.0.0.1/x", "http://example.com/hooks", "127.0.0.1:80", ""] {
        let refused = Sandbox::open(Config { webhooks: Some(Webhooks::to(url, "s3cret")), ..config(0) });
        assert!(refused.is_err_and(|error| error.to_string().contains("this machine")), "{url}");
    }
    assert!(Sandbox::open(Config { webhooks: Some(Webhooks::to("http://127.0.0.1:1/", "")), ..config(0) }).is_err());
}

//! Lessonly's answers as somebody wrote them down, for what the sandbox never says.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use connector::conformance::{CountingRandom, SkippingClock};
use connector::{Body, Broken, Fault, Key, Pace, Read, Record, Source, Target, Transport, Wire};
use model::{Account, Kind};
use serde_json::{Value as Json, json};

/// Answers everything alike.
pub struct Canned {
    pub status: u16,
    pub body: String,
}

#[async_trait]
impl Transport for Canned {
    async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let answer = http::Response::builder().status(self.status).body(Bytes::from(self.body.clone()));
        answer.map_err(|error| Broken::NotSent(error.to_string()))
    }
}

/// The connector, reading from a transport that answers everything so.
pub async fn lessonly(status: u16, body: String) -> (Arc<dyn Target>, Read) {
    let (target, base) =
        super::open("lessonly", super::settings("http://127.0.0.1:1", &super::lessonly::CREDENTIALS)).expect("the settings are right");
    let clock = Arc::new(SkippingClock::default());
    let pace = Arc::new(Pace::new(None, Arc::clone(&clock) as _, Arc::clone(&clock) as _));
    let wire = Wire::new(Arc::new(Canned { status, body }), clock, Arc::new(CountingRandom::default()), pace, &base);
    let session = Source::log_in(target.as_ref(), &wire, None).await.expect("the log-in needs no request");
    (target, Read::new(wire, session))
}

/// A user as the guide shows one, with these members changed.
pub fn user(changed: &Json) -> Json {
    let mut user = json!({
        "type": "user", "id": 101, "name": "Jane Doe", "email": "jane@example.com", "role": "learner", "ext_uid": "E1",
        "archived_at": null, "group_ids": [5, 12], "custom_user_field_data": [],
    });
    if let (Json::Object(user), Json::Object(changed)) = (&mut user, changed) {
        user.extend(changed.clone());
    }
    user
}

/// Reads a user with these members changed.
pub async fn read_user(changed: &Json) -> Result<Account, Fault> {
    let (target, read) = lessonly(200, user(changed).to_string()).await;
    let found = target.find(&read, Kind::Accounts, &Key::one("id", "101")).await?;
    match found.into_iter().next().map(|record| record.body) {
        Some(Body::Account(account)) => Ok(account),
        other => panic!("not an account: {other:?}"),
    }
}

/// Reads an assignment of this status.
pub async fn read_assignment(status: &str, completed_at: &Json) -> Result<Record, Fault> {
    let one = json!({
        "id": 9, "assignee_id": 101, "assignable_type": "Lesson", "assignable_id": 3, "status": status, "completed_at": completed_at,
    });
    let (target, read) = lessonly(200, json!({ "type": "assignments", "assignments": [one] }).to_string()).await;
    let found = target.find(&read, Kind::Enrolments, &Key::one("account", "101")).await?;
    Ok(found.into_iter().next().expect("one assignment"))
}

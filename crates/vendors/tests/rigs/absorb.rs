//! Absorb's sandbox for the tests.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connector::conformance::{Hand, Opened, Rig};
use model::{Attributes, Content, Value};
use sandbox::absorb::{Config, PROFILES, Sandbox};
use sandbox::{Faults, Limit, Options};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use vendors::registry::Settings;

use super::{InProcess, api_changes, open, settings};

/// The right credentials of a sandbox.
pub const CREDENTIALS: [(&str, &str); 3] =
    [("username", "api@acme.example"), ("password", "absorb-sandbox-password"), ("api_key", "absorb-sandbox-key")];

/// A sandbox with its ledger.
pub struct Absorb {
    pub sandbox: Sandbox,
    pub dir: TempDir,
}

impl Absorb {
    fn fresh(profile: &str, people: usize, limit: Limit, faults: &str) -> Self {
        let profile = PROFILES.iter().find(|known| known.name == profile).expect("the sandbox has this profile");
        let faults = if faults.is_empty() { Faults::default() } else { faults.parse().expect("the suite's faults can be read") };
        let dir = TempDir::new().expect("a temporary folder");
        let ledger = Some(dir.path().join("ledger.jsonl"));
        let options = Options { people: Some(people), seed: Some(7), limit, faults, ledger, ..Options::default() };
        let sandbox = Sandbox::open(Config { options, profile, ..Config::default() }).expect("a sandbox opens");
        Self { sandbox, dir }
    }

    fn user(&self, id: &str) -> Json {
        self.sandbox.users().into_iter().find(|user| user["id"] == id).unwrap_or_else(|| panic!("no user {id}"))
    }

    fn enrollments(&self, account: &str) -> impl Iterator<Item = Json> {
        self.sandbox.enrollments().into_iter().filter(move |one| one["userId"] == account)
    }
}

impl Hand for Absorb {
    fn accounts(&self) -> Vec<String> {
        self.sandbox.users().iter().filter_map(|user| user["id"].as_str().map(str::to_owned)).collect()
    }

    fn record(&self, account: &str) -> Json {
        self.user(account)
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["dateEdited"]
    }

    fn writes(&self) -> usize {
        api_changes(&self.dir.path().join("ledger.jsonl")).len()
    }

    fn writing_calls(&self) -> usize {
        api_changes(&self.dir.path().join("ledger.jsonl")).iter().map(|entry| entry.call).collect::<BTreeSet<_>>().len()
    }

    fn values(&self, n: usize) -> Attributes {
        let departments = self.sandbox.departments();
        let department = departments.last().and_then(|one| one["id"].as_str()).expect("there is always the root").to_owned();
        let values = [
            ("username", format!("conny{n}@acme.example")),
            ("firstName", "Conny".to_owned()),
            ("lastName", format!("Suite {n}")),
            ("emailAddress", format!("conny{n}@acme.example")),
            ("externalId", format!("C{n:05}")),
            ("department", department),
            ("jobTitle", "Tester".to_owned()),
            ("dateHired", "2024-02-29".to_owned()),
        ];
        values.into_iter().map(|(name, value)| (name.to_owned(), Value::Text(value.into()))).collect()
    }

    fn plain(&self) -> &'static str {
        "jobTitle"
    }

    fn nobody(&self) -> String {
        "11111111-2222-4333-8444-555555555555".to_owned()
    }

    fn set_plain(&self, account: &str, value: &str) {
        self.sandbox.put_user(json!({ "id": account, "jobTitle": value })).expect("the sandbox takes it");
    }

    fn make_group(&self, _: &str) -> Option<String> {
        None
    }

    fn put_into(&self, _: &str, group: &str) {
        panic!("there is no group {group}: groups cannot be written");
    }

    fn groups_of(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn complete(&self, account: &str, content: &Content) {
        let user = account.parse().expect("ids are UUIDs");
        self.sandbox.put_enrollment(user, &content.name, 3).expect("the sandbox takes it");
    }

    fn history(&self, account: &str) -> Vec<String> {
        self.enrollments(account).filter(|one| one["status"] == 3).map(|one| one.to_string()).collect()
    }

    fn pass_time(&self, time: Duration) {
        let clock = self.sandbox.clock();
        clock.set(clock.now() + time);
    }
}

/// Opens Absorb for the suite, in this profile, with these faults.
pub struct AbsorbRig(pub &'static str, pub &'static str);

#[async_trait]
impl Rig for AbsorbRig {
    async fn open(&self, people: usize, limited: bool) -> Opened {
        let limit = if limited { Limit::PerPeriod(2) } else { Limit::Off };
        let hand = Arc::new(Absorb::fresh(self.0, people, limit, self.1));
        let transport = Arc::new(InProcess::new(hand.sandbox.router()));
        let with = |credentials: [(&str, &str); 3]| {
            let settings = settings("http://127.0.0.1:1", &credentials);
            open("absorb", Settings { profile: self.0.to_owned(), ..settings }).expect("the settings are right")
        };
        let (target, base) = with(CREDENTIALS);
        let [username, password, api_key] = CREDENTIALS;
        let wrong = vec![
            ("username", with([("username", "nobody@acme.example"), password, api_key]).0),
            ("password", with([username, ("password", "another-password"), api_key]).0),
            ("api_key", with([username, password, ("api_key", "some-other-key")]).0),
        ];
        Opened { target, wrong, transport, base, hand }
    }
}

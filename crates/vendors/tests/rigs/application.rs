//! SCIM applications for the tests, in the process: nobody's, and Lessonly as a live tenant answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connector::conformance::{Hand, Opened, Rig};
use connector::{Broken, Transport};
use model::{Attributes, Content};
use sandbox::application::{Abilities, Config, Sandbox};
use sandbox::{Limit, Options};
use serde_json::{Value as Json, json};
use vendors::registry::Settings;

use super::lessonly::Lessonly;
use super::scim::{Unsteady, user, values};
use super::{InProcess, open, settings};

const TOKEN: &str = "application-sandbox-token";

/// An application, and who changes it by hand.
pub struct Application {
    sandbox: Sandbox,
    way: Arc<Counting>,
}

/// The way to it, which counts what was written.
struct Counting(InProcess, AtomicUsize);

#[async_trait]
impl Transport for Counting {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let writes = request.method() != http::Method::GET;
        let answer = self.0.send(request).await?;
        if writes && answer.status().is_success() {
            self.1.fetch_add(1, Ordering::SeqCst);
        }
        Ok(answer)
    }
}

impl Application {
    fn one(&self, account: &str) -> Json {
        let found = self.sandbox.users().into_iter().find(|user| user["id"] == account);
        found.unwrap_or_else(|| panic!("no user {account}"))
    }
}

impl Hand for Application {
    fn accounts(&self) -> Vec<String> {
        self.sandbox.users().iter().filter_map(|user| user["id"].as_str().map(str::to_owned)).collect()
    }

    fn record(&self, account: &str) -> Json {
        let mut record = self.one(account);
        record["memberships"] = json!(self.groups_of(account));
        record
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["meta"]
    }

    fn writes(&self) -> usize {
        self.way.1.load(Ordering::SeqCst)
    }

    fn writing_calls(&self) -> usize {
        self.writes()
    }

    fn values(&self, n: usize) -> Attributes {
        values(n)
    }

    fn plain(&self) -> &'static str {
        "title"
    }

    fn nobody(&self) -> String {
        "11111111-2222-4333-8444-555555555555".to_owned()
    }

    fn set_plain(&self, account: &str, value: &str) {
        self.sandbox.put_user(json!({ "id": account, "title": value })).expect("it is put");
    }

    fn make_group(&self, name: &str) -> Option<String> {
        let schema = "urn:ietf:params:scim:schemas:core:2.0:Group";
        Some(self.sandbox.put_group(json!({ "schemas": [schema], "displayName": name })).expect("it is put"))
    }

    fn put_into(&self, account: &str, group: &str) {
        let found = self.sandbox.groups().into_iter().find(|one| one["id"] == group).expect("it is there");
        let mut members = found["members"].as_array().cloned().unwrap_or_default();
        members.push(json!({ "value": account }));
        self.sandbox.put_group(json!({ "id": group, "members": members })).expect("it is put");
    }

    fn groups_of(&self, account: &str) -> Vec<String> {
        let has = |group: &Json| group["members"].as_array().into_iter().flatten().any(|member| member["value"] == account);
        let mine = self.sandbox.groups().into_iter().filter(has);
        mine.filter_map(|group| group["id"].as_str().map(str::to_owned)).collect()
    }

    fn complete(&self, _: &str, content: &Content) {
        panic!("there is nothing to learn, and so no {}", content.name);
    }

    fn history(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn pass_time(&self, time: Duration) {
        let clock = self.sandbox.clock();
        clock.set(clock.now() + time);
    }
}

/// Opens an application that can do this for the suite; with a seed it is reached over a way that fails.
pub struct ApplicationRig(pub Abilities, pub Option<u64>);

#[async_trait]
impl Rig for ApplicationRig {
    async fn open(&self, people: usize, limited: bool) -> Opened {
        let limit = if limited { Limit::PerPeriod(100) } else { Limit::Off };
        let options = Options { limit, ..Options::default() };
        let config = Config { options, abilities: self.0.clone(), ..Config::default() };
        let sandbox = Sandbox::open(config).expect("a sandbox opens");
        (1..=people).for_each(|n| drop(sandbox.put_user(user(n)).expect("it is put")));
        let way = Arc::new(Counting(InProcess::new(sandbox.router()), AtomicUsize::new(0)));
        let hand = Arc::new(Application { sandbox, way });
        // The suite reads every kind, and expects one of each.
        hand.make_group("Everybody's");
        let mut transport: Arc<dyn Transport> = Arc::clone(&hand.way) as _;
        if let Some(seed) = self.1 {
            transport = Arc::new(Unsteady(transport, seed.into()));
        }
        let with = |token| {
            let settings = settings("http://127.0.0.1:1/scim/v2", &[("token", token)]);
            open("scim", Settings { profile: "auto".to_owned(), ..settings }).expect("the settings are right")
        };
        let (target, base) = with(TOKEN);
        let wrong = vec![("token", with("some-other-token").0)];
        Opened { target, wrong, transport, base, hand }
    }
}

/// Lessonly as a live tenant answers over SCIM, changed by hand through its own pages: an id, an e-mail, two names and whether somebody is active.
pub struct LessonlyByScim(Lessonly, Arc<Counting>);

impl LessonlyByScim {
    fn family(name: &str) -> &str {
        name.split_once(' ').map_or("", |(_, family)| family)
    }
}

impl Hand for LessonlyByScim {
    fn accounts(&self) -> Vec<String> {
        self.0.accounts()
    }

    fn record(&self, account: &str) -> Json {
        let mut record = self.0.record(account);
        record["name.familyName"] = Self::family(record["name"].as_str().unwrap_or_default()).into();
        record
    }

    fn volatile(&self) -> &'static [&'static str] {
        &["updated_at", "name", "scim"]
    }

    fn writes(&self) -> usize {
        self.1.1.load(Ordering::SeqCst)
    }

    fn writing_calls(&self) -> usize {
        self.writes()
    }

    fn values(&self, n: usize) -> Attributes {
        let kept = ["userName", "emails.work", "name.givenName", "name.familyName"];
        values(n).into_iter().filter(|(name, _)| kept.contains(&name.as_str())).collect()
    }

    fn plain(&self) -> &'static str {
        "name.familyName"
    }

    fn nobody(&self) -> String {
        self.0.nobody()
    }

    fn set_plain(&self, account: &str, value: &str) {
        let name = self.0.user(account)["name"].as_str().unwrap_or_default().to_owned();
        let given = name.split(' ').next().unwrap_or_default();
        self.0.by_hand(account, json!({ "name": format!("{given} {value}") }));
    }

    fn make_group(&self, _: &str) -> Option<String> {
        None
    }

    fn put_into(&self, _: &str, group: &str) {
        panic!("there is no group {group} over SCIM");
    }

    fn groups_of(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn complete(&self, account: &str, content: &Content) {
        self.0.complete(account, content);
    }

    fn history(&self, account: &str) -> Vec<String> {
        self.0.history(account)
    }

    fn pass_time(&self, time: Duration) {
        self.0.pass_time(time);
    }
}

/// Opens a live tenant of Lessonly for the suite; with a seed it is reached over a way that fails.
pub struct LessonlyByScimRig(pub Option<u64>);

#[async_trait]
impl Rig for LessonlyByScimRig {
    async fn open(&self, people: usize, limited: bool) -> Opened {
        let lessonly = Lessonly::fresh("vendor", people, |config| {
            config.options.limit = if limited { Limit::PerPeriod(100) } else { Limit::Off };
            config.scim = config.scim.clone().available();
        });
        let way = Arc::new(Counting(InProcess::new(lessonly.sandbox.router()), AtomicUsize::new(0)));
        let hand = Arc::new(LessonlyByScim(lessonly, Arc::clone(&way)));
        let mut transport: Arc<dyn Transport> = way;
        if let Some(seed) = self.0 {
            transport = Arc::new(Unsteady(transport, seed.into()));
        }
        let with = |key| {
            let settings = settings("http://127.0.0.1:1/scim/v2", &[("username", "acme"), ("password", key)]);
            open("scim", Settings { profile: "bare-users".to_owned(), ..settings }).expect("the settings are right")
        };
        let (target, base) = with("lessonly-sandbox-scim-key");
        let wrong = vec![("password", with("lessonly-sandbox-key").0)];
        Opened { target, wrong, transport, base, hand }
    }
}

//! SCIM applications as they are met: what the servers of `scim.rs`, which keep to the RFCs, never do.

mod rigs;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use connector::conformance::{CountingRandom, SkippingClock, approve, step};
use connector::{Broken, Done, Fault, Key, Pace, Read, Target, Transport, Wire, Write};
use model::{Change, Kind, Step, Value, Verb};
use serde_json::{Value as Json, json};
use vendors::registry::Settings;

/// How an application is peculiar.
#[derive(Clone, Copy, Debug, Default)]
struct Peculiar {
    /// PATCH takes `{"active": …}` in one operation without a path, and nothing else; there is no discovery, ids are numbers, and a POST
    /// of an e-mail that is there changes who is there (as one vendor's own reading has it).
    status_only: bool,
    /// Every page has this many at most.
    cap: Option<usize>,
    /// Pages go by cursor.
    cursor: bool,
    /// Every page is the first one.
    repeats: bool,
    /// Every filter finds everybody.
    ignores_filters: bool,
    /// Every filter finds nobody.
    finds_nobody: bool,
    /// A PUT loses what it does not know.
    loses: bool,
    /// Writes want the entity tag of another time.
    changed: bool,
    /// PATCH says yes and does nothing.
    ignores_patch: bool,
    /// What its schema of users has; it shows no schemas where this is empty.
    attributes: &'static [&'static str],
}

/// It, in memory.
struct App {
    how: Peculiar,
    users: Mutex<Vec<Json>>,
    sent: Mutex<Vec<String>>,
}

fn refused(status: u16, kind: &str, detail: &str) -> (u16, Json) {
    (
        status,
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": status.to_string(), "scimType": kind, "detail": detail }),
    )
}

impl App {
    fn new(how: Peculiar, people: usize) -> Arc<Self> {
        let user = |n: usize| {
            let mut user = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": n.to_string(), "userName": format!("p{n}@acme.example"),
                "externalId": format!("P{n}"), "name": { "givenName": "Pat", "familyName": format!("Person {n}") },
                "emails": [{ "value": format!("p{n}@acme.example"), "primary": true }], "title": "Learner", "active": true,
                "x-of-its-own": { "kept": n }, "nickName": format!("N{n}"), "meta": { "version": format!("W/\"{n}\"") },
            });
            if how.status_only {
                user["id"] = n.into();
                user.as_object_mut().expect("an object").remove("meta");
            }
            user
        };
        Arc::new(Self { how, users: Mutex::new((1..=people).map(user).collect()), sent: Mutex::default() })
    }

    fn users(&self) -> Vec<Json> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn user(&self, n: usize) -> Json {
        self.users()[n - 1].clone()
    }

    /// Requests with effects, as `METHOD path body`.
    fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn list(&self, query: &BTreeMap<String, String>) -> (u16, Json) {
        let mut all = self.users();
        if let Some(filter) = query.get("filter") {
            let (name, value) = filter.split_once(" eq ").expect("the connector asks for what is equal");
            let value: String = serde_json::from_str(value).expect("a JSON string");
            if self.how.status_only && !["userName", "email", "givenName", "familyName"].contains(&name) {
                return refused(400, "invalidFilter", "no such filter");
            }
            let holds = |user: &Json| match name {
                "email" | "emails.value" => user["emails"][0]["value"] == value,
                name => user[name] == value,
            };
            all.retain(|user| self.how.ignores_filters || (!self.how.finds_nobody && holds(user)));
        }
        let total = all.len();
        let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
        let start = if self.how.repeats { 0 } else { number("startIndex").or(number("cursor")).unwrap_or(1) - 1 };
        let count = number("count").unwrap_or(100).min(self.how.cap.unwrap_or(100));
        let page: Vec<Json> = all.into_iter().skip(start).take(count).collect();
        let mut answer = json!({ "totalResults": total, "Resources": page });
        if self.how.cursor {
            if query.contains_key("startIndex") {
                return refused(400, "invalidValue", "by cursor only");
            }
            if start + count < total {
                answer["nextCursor"] = (start + count + 1).to_string().into();
            }
        }
        (200, answer)
    }

    fn answer(&self, method: &str, path: &str, query: &BTreeMap<String, String>, body: &Json) -> (u16, Json) {
        let id = path.strip_prefix("/Users/");
        let found = || {
            self.users().iter().position(|user| {
                id.is_some_and(|id| user["id"] == id || user["id"].as_u64().is_some_and(|number| id.parse() == Ok(number)))
            })
        };
        let at = found();
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        match (method, path, at) {
            ("GET", "/Users", _) => {
                drop(users);
                self.list(query)
            }
            ("GET", "/ServiceProviderConfig", _) if !self.how.status_only => {
                (200, json!({ "patch": { "supported": "true" }, "filter": { "supported": true, "maxResults": 200 } }))
            }
            ("GET", _, Some(at)) => (200, users[at].clone()),
            ("GET", "/Schemas", _) if !self.how.attributes.is_empty() => {
                let attributes: Vec<Json> = self.how.attributes.iter().map(|name| json!({ "name": name })).collect();
                let user = json!({ "id": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": attributes });
                (200, json!({ "totalResults": 1, "Resources": [user] }))
            }
            ("POST", "/Users", _) if self.how.status_only => {
                let email = body["emails"][0]["value"].clone();
                if let Some(there) = users.iter_mut().find(|user| user["emails"][0]["value"] == email) {
                    there["title"] = body["title"].clone();
                    return (201, there.clone());
                }
                let mut made = body.clone();
                made["id"] = (users.len() + 1).into();
                users.push(made.clone());
                (201, made)
            }
            (_, _, Some(_)) if self.how.changed => refused(412, "", "it changed"),
            ("PUT", _, Some(at)) => {
                users[at] = body.clone();
                if self.how.loses {
                    users[at].as_object_mut().expect("an object").remove("nickName");
                }
                (200, users[at].clone())
            }
            ("PATCH", _, Some(at)) => {
                let operation = &body["Operations"][0];
                let active = operation["value"]["active"].as_bool().filter(|_| operation.get("path").is_none());
                match active {
                    _ if self.how.ignores_patch => (200, users[at].clone()),
                    Some(active) if operation["value"].as_object().is_some_and(|value| value.len() == 1) => {
                        users[at]["active"] = active.into();
                        (204, Json::Null)
                    }
                    _ => refused(422, "", "no such PATCH"),
                }
            }
            ("DELETE", _, Some(at)) => {
                users.remove(at);
                (204, Json::Null)
            }
            _ => refused(404, "", "no such thing"),
        }
    }
}

struct Way(Arc<App>);

#[async_trait]
impl Transport for Way {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
        let body = serde_json::from_slice(request.body()).unwrap_or_default();
        let (method, path) = (request.method().as_str(), request.uri().path().trim_start_matches("/scim"));
        if method != "GET" {
            self.0.sent.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{method} {path} {body}"));
        }
        let (status, body) = self.0.answer(method, path, &query, &body);
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        http::Response::builder().status(status).body(body).map_err(|error| Broken::NotSent(error.to_string()))
    }
}

struct Ours {
    target: Arc<dyn Target>,
    read: Read,
    write: Write,
}

impl Ours {
    async fn on(app: &Arc<App>, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = rigs::settings("http://127.0.0.1:1/scim", &[("token", "a-token")]);
        settings.profile = "auto".to_owned();
        change(&mut settings);
        let (target, base) = rigs::open("scim", settings).expect("the settings are right");
        let clock = Arc::new(SkippingClock::default());
        let pace = Arc::new(Pace::new(None, Arc::clone(&clock) as _, Arc::clone(&clock) as _));
        let wire = Wire::new(Arc::new(Way(Arc::clone(app))), clock, Arc::new(CountingRandom::default()), pace, &base);
        let session = target.log_in(&wire, None).await.expect("it logs in");
        let read = Read::new(wire, session);
        Self { target, write: Write::new(read.clone()), read }
    }

    async fn apply(&self, step: Step) -> Result<Done, Fault> {
        self.target.apply(&self.write, &approve(vec![step])).await.remove(0)
    }

    /// Ids, page after page, and the total.
    async fn all(&self) -> (Vec<String>, Option<u64>) {
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = self.target.read(&self.read, Kind::Accounts, after).await.expect("a page");
            ids.extend(page.records.into_iter().map(|record| record.id));
            match page.next {
                Some(next) => after = Some(next),
                None => return (ids, page.total),
            }
        }
    }

    async fn found(&self, attribute: &str, value: &str) -> Vec<String> {
        let found = self.target.find(&self.read, Kind::Accounts, &Key::one(attribute, value)).await.expect("a look");
        found.into_iter().map(|record| record.id).collect()
    }
}

fn title(id: &str, after: &str) -> Step {
    let mut update = step(Verb::Update, Some(id));
    update.set.insert("title", Change { before: Value::text("Learner"), after: Value::text(after) });
    update
}

const LESSONLY: Peculiar = Peculiar {
    status_only: true,
    cap: Some(7),
    cursor: false,
    repeats: false,
    ignores_filters: false,
    finds_nobody: false,
    loses: false,
    changed: false,
    ignores_patch: false,
    attributes: &[],
};

#[tokio::test]
async fn an_application_that_says_nothing_of_itself_is_kept_true() {
    let app = App::new(LESSONLY, 30);
    let ours = Ours::on(&app, |_| {}).await;
    assert_eq!(ours.read.profile(), "bare-users");
    let (ids, total) = ours.all().await;
    assert_eq!((ids.len(), total), (30, Some(30)), "pages of seven");
    let fault = ours.target.read(&ours.read, Kind::Groups, None).await.expect_err("there are none");
    assert!(matches!(fault, Fault::Unsupported { .. }), "{fault}");
    // A filter that is refused is no end of it.
    assert_eq!(ours.found("externalId", "P12").await, ["12"]);
    assert_eq!(ours.found("emails.work", "p12@acme.example").await, ["12"]);

    let before = app.user(3);
    let done = ours.apply(title("3", "Lead")).await.expect("it is done");
    assert!(!done.already);
    let mut wanted = before.clone();
    wanted["title"] = "Lead".into();
    assert_eq!(app.user(3), wanted, "PUT of all that was read");

    ours.apply(step(Verb::Leave, Some("3"))).await.expect("it is done");
    wanted["active"] = false.into();
    assert_eq!(app.user(3), wanted);
    assert!(app.sent().last().is_some_and(|sent| sent.starts_with("PATCH /Users/3")), "{:?}", app.sent());
    ours.apply(step(Verb::Restore, Some("3"))).await.expect("it is done");
    wanted["active"] = true.into();
    assert_eq!(app.user(3), wanted);
}

#[tokio::test]
async fn p07_who_is_there_is_not_changed_by_making_them() {
    let app = App::new(LESSONLY, 5);
    let ours = Ours::on(&app, |_| {}).await;
    let mut create = step(Verb::Create, None);
    for (name, value) in [("userName", "new@acme.example"), ("externalId", "N1"), ("emails.work", "p2@acme.example"), ("title", "Lead")]
    {
        create.set.insert(name, Change { before: Value::Null, after: Value::text(value) });
    }
    let fault = ours.apply(create).await.expect_err("the e-mail is somebody's");
    assert!(matches!(&fault, Fault::Refused { detail, .. } if detail.contains("account 2")), "{fault}");
    assert_eq!((app.sent(), app.user(2)["title"].clone()), (Vec::<String>::new(), json!("Learner")));
}

#[tokio::test]
async fn lists_by_cursor_are_read_to_their_end() {
    let app = App::new(Peculiar { cursor: true, cap: Some(9), ..Peculiar::default() }, 40);
    let ours = Ours::on(&app, |_| {}).await;
    let (mut ids, total) = ours.all().await;
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), total), (40, Some(40)));
}

#[tokio::test]
async fn p04_pages_that_repeat_are_not_everybody() {
    let app = App::new(Peculiar { repeats: true, cap: Some(9), ..Peculiar::default() }, 40);
    let ours = Ours::on(&app, |_| {}).await;
    let (mut ids, total) = ours.all().await;
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), total), (9, Some(40)), "fewer than there are: such a reading is partial");
}

#[tokio::test]
async fn a_filter_that_finds_everybody_or_nobody_is_not_believed() {
    let everybody = App::new(Peculiar { ignores_filters: true, ..Peculiar::default() }, 250);
    let ours = Ours::on(&everybody, |_| {}).await;
    assert_eq!(ours.found("userName", "P212@acme.example").await, ["212"]);
    let nobody = App::new(Peculiar { finds_nobody: true, ..Peculiar::default() }, 250);
    let ours = Ours::on(&nobody, |_| {}).await;
    assert_eq!(ours.read.profile(), "patch-users-walk");
    assert_eq!(ours.found("userName", "P212@acme.example").await, ["212"]);
}

#[tokio::test]
async fn a_patch_that_is_ignored_is_said_otherwise_and_what_a_put_loses_is_told() {
    let app = App::new(Peculiar { ignores_patch: true, ..Peculiar::default() }, 5);
    let ours = Ours::on(&app, |_| {}).await;
    ours.apply(title("3", "Lead")).await.expect("it is done by PUT");
    assert_eq!((app.user(3)["title"].clone(), app.user(3)["x-of-its-own"]["kept"].clone()), (json!("Lead"), json!(3)));
    let sent = app.sent().len();
    ours.apply(title("4", "Lead")).await.expect("it is done");
    assert_eq!(app.sent().len(), sent + 1, "what was taken last is tried first: {:?}", app.sent());

    let app = App::new(Peculiar { loses: true, ..LESSONLY }, 5);
    let ours = Ours::on(&app, |_| {}).await;
    let fault = ours.apply(title("3", "Lead")).await.expect_err("it lost something");
    assert!(matches!(&fault, Fault::Drift { found } if found.contains("nickName")), "{fault}");
}

#[tokio::test]
async fn p05_what_changed_since_the_look_is_not_overwritten() {
    let app = App::new(Peculiar { changed: true, ..Peculiar::default() }, 5);
    let ours = Ours::on(&app, |_| {}).await;
    let fault = ours.apply(title("3", "Lead")).await.expect_err("it changed");
    assert!(matches!(&fault, Fault::Drift { found } if found.contains("412")), "{fault}");
    assert_eq!(app.sent().len(), 1, "it is not said otherwise: {:?}", app.sent());
}

#[tokio::test]
async fn leavers_are_deactivated_and_never_deleted() {
    let app = App::new(Peculiar::default(), 5);
    let ours = Ours::on(&app, |_| {}).await;
    ours.apply(step(Verb::Leave, Some("2"))).await.expect("it is done");
    assert_eq!((app.users().len(), app.user(2)["active"].clone()), (5, json!(false)));
    assert!(app.sent().iter().all(|sent| !sent.starts_with("DELETE")), "{:?}", app.sent());
}

#[tokio::test]
async fn l10_leavers_of_an_application_without_active_are_an_objection() {
    let told = async |attributes: &'static [&'static str]| {
        let ours = Ours::on(&App::new(Peculiar { attributes, ..Peculiar::default() }, 3), |_| {}).await;
        let tenant = ours.target.probe(&ours.read).await.expect("it tells");
        let review = |verb| ours.target.review(&step(verb, Some("2")), &tenant);
        assert_eq!(review(Verb::Update), []);
        [Verb::Leave, Verb::Restore].map(|verb| review(verb).into_iter().map(|finding| finding.what).collect::<String>())
    };
    for said in told(&["userName", "title"]).await {
        assert!(said.contains("have no `active`") && said.contains("nothing is deleted"), "{said:?}");
    }
    // It has it, or shows no schemas: then it is seen when it is written.
    for attributes in [&["userName", "active"] as &[&str], &[]] {
        assert_eq!(told(attributes).await, ["", ""]);
    }
}

#[test]
fn settings_that_are_wrong_say_what_to_do() {
    let wrong = |change: &dyn Fn(&mut Settings)| {
        let mut settings = rigs::settings("https://app.example/scim/v2", &[("token", "a-token")]);
        settings.profile = "auto".to_owned();
        change(&mut settings);
        rigs::open("scim", settings).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(wrong(&|_| {}), "");
    for (change, told) in [
        (
            Box::new(|settings: &mut Settings| settings.base_url.push_str("/Users")) as Box<dyn Fn(&mut Settings)>,
            "https://app.example/scim/v2",
        ),
        (Box::new(|settings| settings.base_url = "http://app.example/scim".to_owned()), "https://"),
        (Box::new(|settings| settings.credentials.clear()), "token = { env"),
        (Box::new(|settings| settings.profile = "guide".to_owned()), "\"patch\""),
        (Box::new(|settings| settings.declared.extend(["shoe size".to_owned()])), "URN:name"),
    ] {
        let said = wrong(&*change);
        assert!(said.contains(told), "{said:?} does not say {told:?}");
    }
}

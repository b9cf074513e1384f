//! The connector of the app in `server.rs`, as small as one can be.

use async_trait::async_trait;
use connector::{
    Answer, Attribute, Body, Compare, Cursor, Done, EnrolmentsBy, Fault, Key, LandsLate, Manifest, Outcome, Page, Read, Record, Scope,
    Session, Shape, Source, Support, Target, Watermark, Wire, Write,
};
use http::{Method, StatusCode};
use jiff::Timestamp;
use model::{Account, AccountId, Approved, Finding, Kind, Receipt, Ref, Secret, Step, Tenant, Value, Verb};
use serde_json::json;

const fn text(name: &'static str) -> Attribute {
    Attribute { name, shape: Shape::Text, compare: Compare::Exact, required: false, unique: false, refused: "" }
}

const VERBS: &[(Verb, Support)] = &[
    (Verb::Link, Support::Can),
    (Verb::Restore, Support::Can),
    (Verb::Create, Support::Can),
    (Verb::Update, Support::Can),
    (Verb::Leave, Support::Can),
];

/// An app that dates its accounts.
pub(crate) static DATED: Manifest = Manifest {
    connector: "desk",
    attributes: &[Attribute { required: true, unique: true, compare: Compare::Folded, ..text("email") }, text("key"), text("title")],
    key_attribute: Some("key"),
    admins: &[],
    verbs: VERBS,
    batches: &[],
    lands_late: &[
        (Verb::Link, LandsLate::Same),
        (Verb::Restore, LandsLate::Same),
        (Verb::Create, LandsLate::Refused),
        (Verb::Update, LandsLate::Same),
        (Verb::Leave, LandsLate::Same),
    ],
    kinds: &[Kind::Accounts],
    restore_sets: true,
    enrolments: EnrolmentsBy::Content,
    hides: false,
    leave: ("close", "cannot log in"),
    moves_enrol: false,
    limit: None,
    concurrency: 4,
    pages: &[("desk", 10)],
    dated: &[Kind::Accounts],
    asked_by: &[("desk", &["key", "email"])],
};

/// The same that does not.
pub(crate) static UNDATED: Manifest = Manifest { dated: &[], ..DATED };

/// The same that finds nobody by key.
pub(crate) static BY_EMAIL: Manifest = Manifest { asked_by: &[("desk", &["email"])], ..DATED };

pub(crate) struct Desk(pub(crate) &'static Manifest);

fn judge(answer: &Answer) -> Option<Fault> {
    match answer.status {
        StatusCode::UNAUTHORIZED => Some(Fault::Denied { scope: Scope::Session }),
        StatusCode::FORBIDDEN => Some(Fault::Denied { scope: Scope::Credentials("nobody has consented".into()) }),
        status if status.is_success() => None,
        status if status.is_server_error() => Some(Fault::Wait { after: None, why: status.to_string() }),
        status => Some(Fault::Refused { code: status.to_string(), detail: String::new() }),
    }
}

fn record(raw: &serde_json::Value) -> Record {
    let id = raw["id"].as_str().expect("an id").to_owned();
    let fields = raw["fields"].as_object().into_iter().flatten();
    let attributes = fields.map(|(name, value)| (name.clone(), Value::from(value.as_str().unwrap_or_default()))).collect();
    let account =
        Account { id: AccountId::new(id.clone()), active: raw["active"].as_bool().unwrap_or(true), protected: None, attributes };
    Record { id, body: Body::Account(account), raw: raw.clone() }
}

async fn page(wire: &Read, more: &str, after: Option<Cursor>, dated: bool) -> Result<Page, Fault> {
    let from: usize = after.map_or(0, |cursor| cursor.0.parse().expect("our own cursor"));
    let answer = wire.get(&format!("/accounts?from={from}{more}"), &judge).await?;
    let body = answer.json.expect("JSON");
    let records: Vec<Record> = body["rows"].as_array().expect("rows").iter().map(record).collect();
    let (total, read) = (body["total"].as_u64().expect("a total"), from + records.len());
    let watermark = dated.then(|| Watermark(body["now"].as_str().expect("an instant").to_owned()));
    let next = (!records.is_empty() && (read as u64) < total).then(|| Cursor(read.to_string()));
    Ok(Page { records, next, total: Some(total), watermark })
}

impl Desk {
    fn dates(&self) -> bool {
        !self.0.dated.is_empty()
    }
}

#[async_trait]
impl Source for Desk {
    fn manifest(&self) -> &'static Manifest {
        self.0
    }

    async fn log_in(&self, wire: &Wire, old: Option<&Session>) -> Result<Session, Fault> {
        let refresh = old.and_then(|old| old.refresh.as_ref()).and_then(|refresh| refresh.expose().parse::<u64>().ok());
        let answer = wire.send(Method::POST, "/log-in", &[], Some(&json!({ "refresh": refresh })), &judge).await?;
        let body = answer.json.expect("JSON");
        let until: Timestamp = body["until"].as_str().expect("an instant").parse().expect("an instant");
        Ok(Session {
            profile: "desk".into(),
            headers: vec![("token".into(), Secret::new(body["token"].to_string()))],
            expires: Some(until),
            refresh: body["refresh"].as_u64().map(|refresh| Secret::new(refresh.to_string())),
        })
    }

    async fn probe(&self, wire: &Read) -> Result<Tenant, Fault> {
        Ok(Tenant {
            profile: wire.profile().to_owned(),
            sees_all: Some(true),
            sees: Default::default(),
            declared: Default::default(),
            clock_ahead_ms: 0,
            notes: Vec::new(),
        })
    }

    async fn read(&self, wire: &Read, _kind: Kind, after: Option<Cursor>) -> Result<Page, Fault> {
        page(wire, "", after, self.dates()).await
    }

    async fn changed(&self, wire: &Read, _kind: Kind, since: &Watermark, after: Option<Cursor>) -> Result<Page, Fault> {
        page(wire, &format!("&since={}", since.0), after, true).await
    }

    async fn find(&self, wire: &Read, _kind: Kind, key: &Key) -> Result<Vec<Record>, Fault> {
        let mut found = Vec::new();
        for value in &key.values {
            let path = match key.attribute.as_str() {
                "id" => format!("/accounts/{value}"),
                attribute => format!("/accounts?by={attribute}&value={value}"),
            };
            let answer = wire.get(&path, &judge).await?;
            found.extend(answer.json.expect("JSON")["rows"].as_array().expect("rows").iter().map(record));
        }
        Ok(found)
    }
}

#[async_trait]
impl Target for Desk {
    fn review(&self, _step: &Step, _tenant: &Tenant) -> Vec<Finding> {
        Vec::new()
    }

    async fn apply(&self, wire: &Write, steps: &[Approved<Step>]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for step in steps {
            outcomes.push(one(wire, step.get()).await);
        }
        outcomes
    }
}

async fn one(wire: &Write, step: &Step) -> Outcome {
    let id = step.account.as_ref().and_then(Ref::id);
    if step.verb == Verb::Link {
        let account = id.map(AccountId::from);
        return Ok(Done { already: true, receipt: Receipt { account, before: None, after: None } });
    }
    let set: serde_json::Map<String, serde_json::Value> =
        step.set.iter().map(|(name, change)| (name.to_string(), json!(change.after.as_text().unwrap_or_default()))).collect();
    let path = id.map_or_else(|| "/accounts/new".to_owned(), |id| format!("/accounts/{id}"));
    let answer = wire.post(&path, &json!({ "active": step.verb != Verb::Leave, "set": set }), &judge).await?;
    let made = record(&answer.json.expect("JSON"));
    Ok(Done { already: false, receipt: Receipt { account: Some(made.id.into()), before: None, after: Some(made.raw) } })
}

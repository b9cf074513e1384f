//! `GET /api/v1/findings`: what a human should know.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use jiff::Timestamp;
use model::{Finding, Role, digest_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::endpoint::{About, Api};
use super::once::json;
use super::page::{Order, Page, Which, page};
use super::problem::Problem;
use super::read::Asked;
use super::shapes::{self, Instant};
use crate::state::Faces;

/// Which findings.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Only of this sort: `orphan`, `ghost`, `duplicate`, `drift`, … (docs/findings.md has them all).
    kind: Option<String>,
    /// Only in this app.
    app: Option<String>,
    /// Only about the person with this key.
    person: Option<String>,
    /// How many at most; 100 when nothing is said.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// From `next` of the page before.
    #[schemars(regex(pattern = "^([0-9a-f]{2}){1,1024}$"))]
    cursor: Option<String>,
}

/// What was found, and when.
#[derive(Serialize, JsonSchema)]
struct Found {
    /// When the last planning was.
    #[schemars(with = "Instant")]
    at: Timestamp,
    /// Whether it planned for everybody.
    everybody: bool,
    #[serde(flatten)]
    #[schemars(with = "Page<shapes::Finding>")]
    page: Page<Finding>,
}

pub(super) fn add(api: Api) -> Api {
    let about = About::new("findings", "listFindings", "What a human should know")
        .more("What the last planning found, and what runs since then left for a person to look at.")
        .query::<Wanted>()
        .gives::<Found>("Findings.")
        .or(StatusCode::CONFLICT, "Nothing was planned yet.");
    api.get("/api/v1/findings", Role::Viewer, about, list)
}

async fn list(State(faces): State<Arc<Faces>>, Asked(wanted): Asked<Wanted>, uri: Uri) -> Result<Response, Problem> {
    let Wanted { kind, app, person, limit, cursor } = wanted;
    let place = Which { limit, cursor }.place()?;
    let mut found = faces.engine.findings().await.map_err(|error| Problem::of(&error, &faces))?;
    found.findings.retain(|finding| {
        kind.as_ref().is_none_or(|kind| word(finding) == *kind)
            && app.as_ref().is_none_or(|app| finding.app.as_ref().is_some_and(|its| its.as_str() == app))
            && person.as_ref().is_none_or(|person| finding.person.as_ref().is_some_and(|its| its.as_str() == person))
    });
    // One that is said twice is one, or a page could begin between the two.
    found.findings.sort();
    found.findings.dedup();
    let page = page(found.findings, Order::Rising, key, &place, &uri);
    Ok(json(&Found { at: found.at, everybody: found.everybody, page }))
}

/// By sort, app and person; the rest tells apart.
fn key(finding: &Finding) -> Vec<u8> {
    let app = finding.app.as_ref().map(|app| app.as_str()).unwrap_or_default();
    let person = finding.person.as_ref().map(|person| person.as_str()).unwrap_or_default();
    format!("{}\0{app}\0{person}\0{}", word(finding), digest_of(finding)).into_bytes()
}

fn word(finding: &Finding) -> String {
    match serde_json::to_value(finding.kind) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

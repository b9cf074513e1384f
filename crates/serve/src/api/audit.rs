//! `GET /api/v1/audit-entries`: what happened, by whom.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use engine::AuditFilter;
use jiff::Timestamp;
use model::Role;
use schemars::JsonSchema;
use serde::Deserialize;

use super::endpoint::{About, Api};
use super::once::json;
use super::page::{Page, Which, ready};
use super::plans::number;
use super::problem::Problem;
use super::read::Asked;
use super::shapes::{self, AuditWord, Instant};
use crate::state::Faces;

/// Which entries.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Not before this instant.
    #[schemars(with = "Option<Instant>")]
    since: Option<String>,
    /// Before this instant.
    #[schemars(with = "Option<Instant>")]
    until: Option<String>,
    /// By this name.
    actor: Option<String>,
    /// About this: a plan's digest or its first digits, a run's id, an app, or `plan:`, `run:`, `app:` and the beginning.
    subject: Option<String>,
    /// Of this kind.
    #[schemars(with = "Option<AuditWord>")]
    what: Option<String>,
    /// How many at most; 100 when nothing is said.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// From `next` of the page before.
    #[schemars(regex(pattern = "^([0-9a-f]{2}){1,1024}$"))]
    cursor: Option<String>,
}

pub(super) fn add(api: Api) -> Api {
    let about = About::new("audit", "listAuditEntries", "What happened, by whom")
        .more("The oldest first, each chained to the one before by its hash; `provost audit verify` tells whether all of it is there.")
        .query::<Wanted>()
        .gives::<Page<shapes::AuditEntry>>("Entries.");
    api.get("/api/v1/audit-entries", Role::Viewer, about, list)
}

async fn list(State(faces): State<Arc<Faces>>, Asked(wanted): Asked<Wanted>, uri: Uri) -> Result<Response, Problem> {
    let Wanted { since, until, actor, subject, what, limit, cursor } = wanted;
    let place = Which { limit, cursor }.place()?;
    let filter = AuditFilter {
        since: instant("since", since)?,
        until: instant("until", until)?,
        actor,
        subject,
        what: what.into_iter().collect(),
    };
    if let Some(word) = filter.unknown() {
        let detail = format!("what: no entry is of the kind {word:?}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "not-understood", detail, "the document at /api/openapi.json has the kinds"));
    }
    let after = place.after.as_deref().map_or(0, number);
    // One more than is shown tells whether more come.
    let mut entries = faces.engine.trail(&filter, after, place.limit + 1).await.map_err(|error| Problem::of(&error, &faces))?;
    let more = entries.len() > place.limit;
    entries.truncate(place.limit);
    let last = entries.last().filter(|_| more).map(|last| last.seq.to_be_bytes().to_vec());
    Ok(json(&ready(entries, last, &uri)))
}

fn instant(name: &str, text: Option<String>) -> Result<Option<Timestamp>, Problem> {
    let parse = |text: String| {
        let wrong = |_| {
            let detail = format!("{name}: {text:?} is no instant");
            Problem::new(StatusCode::BAD_REQUEST, "not-understood", detail, "write 2026-11-22T09:00:00Z; a + is %2B behind a ?")
        };
        text.parse().map_err(wrong)
    };
    text.map(parse).transpose()
}

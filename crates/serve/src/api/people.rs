//! `GET /api/v1/people` and `/api/v1/people/{person}`: who is in the roster, and everything about one of them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use engine::PersonRow;
use model::{Role, Standing};
use schemars::JsonSchema;
use serde::Deserialize;

use super::endpoint::{About, Api};
use super::once::json;
use super::page::{Order, Page, Which, page};
use super::problem::Problem;
use super::read::{Asked, Named};
use super::shapes;
use crate::state::Faces;

/// Whom.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Whom {
    /// Only those whose key, name, e-mail or department has this in it, in whichever case.
    q: Option<String>,
    /// Only those of whom the roster says this.
    standing: Option<StandingWord>,
    /// How many at most; 100 when nothing is said.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// From `next` of the page before.
    #[schemars(regex(pattern = "^([0-9a-f]{2}){1,1024}$"))]
    cursor: Option<String>,
}

/// What the roster's status column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum StandingWord {
    Active,
    Left,
    Unsaid,
}

pub(super) fn add(api: Api) -> Api {
    let listed = About::new("people", "listPeople", "Search people")
        .more("By key.  What is told is what was read last; nothing is asked of an app.")
        .query::<Whom>()
        .gives::<Page<shapes::Person>>("People.")
        .or(StatusCode::CONFLICT, "Nothing was read yet: make a plan first.");
    let shown = About::new("people", "getPerson", "Everything about one person")
        .more("What the roster says, the account in each app with the evidence for it, what the next plans would do and why, and what was found.")
        .gives::<shapes::Explanation>("The person.")
        .or(StatusCode::CONFLICT, "Nothing was read yet; or several people go by this name.");
    api.get("/api/v1/people", Role::Viewer, listed, list).get("/api/v1/people/{person}", Role::Viewer, shown, show)
}

async fn list(State(faces): State<Arc<Faces>>, Asked(whom): Asked<Whom>, uri: Uri) -> Result<Response, Problem> {
    let Whom { q, standing, limit, cursor } = whom;
    let place = Which { limit, cursor }.place()?;
    let people = faces.engine.people().await.map_err(|error| Problem::of(&error, &faces))?;
    let wanted = q.map(|q| q.trim().to_lowercase()).unwrap_or_default();
    let standing = standing.map(|word| match word {
        StandingWord::Active => Standing::Active,
        StandingWord::Left => Standing::Left,
        StandingWord::Unsaid => Standing::Unsaid,
    });
    let is_meant = |person: &&PersonRow| standing.is_none_or(|standing| person.standing == standing) && person.has(&wanted);
    let found: Vec<&PersonRow> = people.iter().filter(is_meant).collect();
    Ok(json(&page(found, Order::Rising, |person| person.key.as_str().as_bytes().to_vec(), &place, &uri)))
}

async fn show(State(faces): State<Arc<Faces>>, Named(who): Named) -> Result<Response, Problem> {
    let explained = faces.engine.explain_now(&who).await.map_err(|error| Problem::of(&error, &faces))?;
    Ok(json(&explained))
}

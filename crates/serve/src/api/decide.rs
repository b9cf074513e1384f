//! What people say about a plan: yes, no, not these steps, it was I who asked.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header::HeaderMap;
use axum::response::Response;
use engine::{Caller, Divided};
use jiff::Timestamp;
use model::{Digest, Role, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::endpoint::{About, Api};
use super::once::{is_what_was_seen, json};
use super::plans::{PlanView, whole};
use super::problem::Problem;
use super::read::{Given, OfDigest};
use super::shapes::{Hex, Instant};
use crate::state::Faces;

/// A no.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct No {
    /// Why, for whoever asked.
    #[schemars(regex(pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"))]
    reason: String,
}

/// What is left out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LeftOut {
    /// Keys of people, whose steps are left out with whatever needs them; or beginnings of steps' ids, eight digits at least.
    #[schemars(length(min = 1))]
    leave_out: Vec<String>,
}

/// What somebody said about a plan.
#[derive(Serialize, JsonSchema)]
struct Word {
    /// About which.
    #[schemars(with = "Hex")]
    digest: Digest,
    /// Until when it counts.
    #[schemars(with = "Instant")]
    expires: Timestamp,
}

/// The plans that took the place of one.
#[derive(Serialize, JsonSchema)]
struct Split {
    /// What goes on.
    kept: PlanView,
    /// What was left out; none where nothing of it can stand alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<PlanView>,
    /// How many steps are in neither, because they need one that goes on: the planning after it proposes them again.
    later: u64,
}

pub(super) fn add(api: Api) -> Api {
    let yes = About::new("plans", "approvePlan", "Say yes to a plan")
        .more("To exactly this plan, once.  Where four eyes are wanted, somebody else than who asked has to say it (403, `four-eyes`).")
        .held()
        .gives::<Word>("It is approved.");
    let no = About::new("plans", "rejectPlan", "Say no to a plan").takes::<No>().held().gives::<Word>("It is rejected.");
    let left_out = About::new("plans", "leaveOut", "Leave steps out of a plan")
        .more("Two plans take its place: what goes on and what is left out, both asked for by the caller.")
        .takes::<LeftOut>()
        .held()
        .gives::<Split>("The plans that took its place.");
    let asked = About::new("plans", "askForPlan", "Stand for having asked for a plan")
        .more("For a plan that a schedule, or only a name, asked for, where four eyes are wanted: then somebody else approves it.")
        .held()
        .gives::<Word>("The caller is who asked for it.");
    api.post("/api/v1/plans/{digest}/approve", Role::Approver, yes, approve)
        .post("/api/v1/plans/{digest}/reject", Role::Approver, no, reject)
        .post("/api/v1/plans/{digest}/leave-out", Role::Operator, left_out, leave_out)
        .post("/api/v1/plans/{digest}/ask", Role::Operator, asked, ask)
}

async fn approve(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    OfDigest(digest): OfDigest,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    decided(&faces, &caller, digest, &headers, Verdict::Yes).await
}

async fn reject(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    OfDigest(digest): OfDigest,
    headers: HeaderMap,
    Given(No { reason }): Given<No>,
) -> Result<Response, Problem> {
    let reason = reason.trim().to_owned();
    if reason.is_empty() {
        return Err(Problem::not_valid("reason: a no needs its reason", "say why, for whoever asked"));
    }
    decided(&faces, &caller, digest, &headers, Verdict::No { reason }).await
}

async fn decided(faces: &Faces, caller: &Caller, digest: Digest, headers: &HeaderMap, verdict: Verdict) -> Result<Response, Problem> {
    seen(faces, &digest, headers).await?;
    let expires = faces.engine.decide(&digest, verdict, caller.actor()).await.map_err(|error| Problem::of(&error, faces))?;
    Ok(json(&Word { digest, expires }))
}

async fn ask(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    OfDigest(digest): OfDigest,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    seen(&faces, &digest, &headers).await?;
    let expires = faces.engine.ask_for(&digest, &caller.actor()).await.map_err(|error| Problem::of(&error, &faces))?;
    Ok(json(&Word { digest, expires }))
}

async fn leave_out(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    OfDigest(digest): OfDigest,
    headers: HeaderMap,
    Given(LeftOut { leave_out }): Given<LeftOut>,
) -> Result<Response, Problem> {
    if leave_out.is_empty() {
        return Err(Problem::not_valid("leave_out: nothing is named", "name keys of people, or ids of steps"));
    }
    seen(&faces, &digest, &headers).await?;
    let divided = faces.engine.leave_out(&digest, &leave_out, &caller.actor()).await;
    let Divided { kept, left, later } = divided.map_err(|error| Problem::of(&error, &faces))?;
    Ok(json(&Split { kept: kept.into(), left_out: left.map(PlanView::from), later: later as u64 }))
}

/// Whether the plan is still what its caller saw, where they hold to that.
async fn seen(faces: &Faces, digest: &Digest, headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(axum::http::header::IF_MATCH) {
        is_what_was_seen(headers, &whole(faces, digest).await?)?;
    }
    Ok(())
}

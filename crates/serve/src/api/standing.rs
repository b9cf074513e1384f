//! `/api/v1/standing-approvals`: decisions made ahead, which count once they are approved themselves.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use engine::{Caller, StandingRow, StandingState};
use jiff::Timestamp;
use model::{Digest, Role, StandingApproval};
use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{About, Api};
use super::once::json;
use super::page::{Order, Page, Which, page};
use super::problem::Problem;
use super::read::{Asked, OfDigest};
use super::shapes::{self, Hex, Instant, Somebody};
use crate::state::Faces;

/// A decision made ahead.
#[derive(Serialize, JsonSchema)]
struct Standing {
    /// What it is known by.
    #[schemars(with = "Hex")]
    digest: Digest,
    /// As it is configured.
    #[schemars(with = "shapes::StandingRule")]
    rule: StandingApproval,
    /// Whether it counts.
    #[schemars(with = "shapes::StandingState")]
    state: StandingState,
    /// Where it is `unsigned`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Who said the newest word about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Somebody>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Instant>")]
    at: Option<Timestamp>,
    /// Steps that it stands for now.
    used: u64,
}

impl From<StandingRow> for Standing {
    fn from(row: StandingRow) -> Self {
        let StandingRow { digest, rule, state, why, by, at, used } = row;
        Self { digest, rule, state, why, by: by.map(Somebody::from), at, used }
    }
}

pub(super) fn add(api: Api) -> Api {
    let listed = About::new("standing-approvals", "listStandingApprovals", "The decisions made ahead")
        .more("Those of the configuration, and where they stand.")
        .query::<Which>()
        .gives::<Page<Standing>>("Standing approvals.");
    let approved = About::new("standing-approvals", "approveStandingApproval", "Say yes to one, as it is written now")
        .gives::<Standing>("It is in force.");
    let revoked = About::new("standing-approvals", "revokeStandingApproval", "Take that yes back")
        .more("Plans that it approved and nobody carried out are void.")
        .gives::<Standing>("It is in force no more.");
    api.get("/api/v1/standing-approvals", Role::Viewer, listed, list)
        .post("/api/v1/standing-approvals/{digest}/approve", Role::Approver, approved, approve)
        .post("/api/v1/standing-approvals/{digest}/revoke", Role::Approver, revoked, revoke)
}

async fn list(State(faces): State<Arc<Faces>>, Asked(which): Asked<Which>, uri: Uri) -> Result<Response, Problem> {
    let place = which.place()?;
    let rows = faces.engine.standing().await.map_err(|error| Problem::of(&error, &faces))?;
    Ok(json(&page(rows, Order::Rising, |row: &StandingRow| row.digest.as_bytes().to_vec(), &place, &uri).map(Standing::from)))
}

async fn approve(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    OfDigest(digest): OfDigest,
) -> Result<Response, Problem> {
    said(&faces, &caller, &digest, true).await
}

async fn revoke(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    OfDigest(digest): OfDigest,
) -> Result<Response, Problem> {
    said(&faces, &caller, &digest, false).await
}

async fn said(faces: &Faces, caller: &Caller, digest: &Digest, approved: bool) -> Result<Response, Problem> {
    match faces.engine.say_standing(&digest.to_string(), approved, caller.actor()).await {
        Ok(row) => Ok(json(&Standing::from(row))),
        Err(engine::EngineError::NoStanding { .. }) => {
            let detail = format!("the configuration has no standing approval {digest}");
            Err(Problem::new(StatusCode::NOT_FOUND, "not-there", detail, "GET /api/v1/standing-approvals lists them"))
        }
        Err(error) => Err(Problem::of(&error, faces)),
    }
}

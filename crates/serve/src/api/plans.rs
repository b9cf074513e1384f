//! `/api/v1/plans`: what has to change, and the asking for a new plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use engine::{Caller, PlanStatus, PlanSummary};
use jiff::Timestamp;
use model::{Class, Digest, GuardVerdict, Inputs, PersonKey, Plan, Role, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::endpoint::{About, Api};
use super::jobs;
use super::once::json;
use super::page::{Order, Page, Which, page, ready};
use super::problem::Problem;
use super::read::{Asked, Given, OfDigest};
use super::shapes::{self, Hex, Instant, Somebody};
use crate::state::Faces;
use crate::work::Task;

/// A plan without its steps.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlanView {
    /// What it is known by: the SHA-256 of its canonical JSON.
    #[schemars(with = "Hex")]
    digest: Digest,
    /// Where it stands.
    #[schemars(with = "shapes::PlanStatus")]
    status: PlanStatus,
    /// The rule that holds it back; left out where none does.  A yes releases it.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<String>,
    /// How many steps it has.
    steps: u64,
    /// Whether it was planned for everybody.
    everybody: bool,
    /// The planning that it came with last; plans of one planning have the same.
    proposal: u64,
    /// Who asked for it.
    asked_by: Somebody,
    /// When.
    #[schemars(with = "Instant")]
    created: Timestamp,
    /// Until when it can be decided.
    #[schemars(with = "Instant")]
    expires: Timestamp,
}

/// A plan, with what it was made from and what guards counted.
#[derive(Serialize, JsonSchema)]
pub(super) struct WholePlan {
    #[serde(flatten)]
    plan: PlanView,
    /// Whose accounts it is about.
    organization: String,
    /// Whether somebody else than who asked has to say yes.
    four_eyes: bool,
    /// What the guards counted.
    #[schemars(with = "Vec<shapes::Guard>")]
    guards: Vec<GuardVerdict>,
    /// What it was computed from: the same gives the same plan.
    #[schemars(with = "shapes::Inputs")]
    inputs: Inputs,
}

/// For whom to plan.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ForWhom {
    /// The keys of these people only; everybody where it is left out.
    #[schemars(length(min = 1))]
    people: Option<Vec<String>>,
}

/// Which plans.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Only those that stand so.
    #[schemars(with = "Option<shapes::PlanStatus>")]
    status: Option<String>,
    /// How many at most; 100 when nothing is said.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// From `next` of the page before.
    #[schemars(regex(pattern = "^([0-9a-f]{2}){1,1024}$"))]
    cursor: Option<String>,
}

impl From<PlanSummary> for PlanView {
    fn from(summary: PlanSummary) -> Self {
        let PlanSummary { digest, proposal, whole, class, steps, status, asker, created, expires } = summary;
        let held_by = match class {
            Class::Open => None,
            Class::Held(class) => Some(class),
        };
        Self { digest, status, held_by, steps, everybody: whole, proposal, asked_by: asker.into(), created, expires }
    }
}

impl WholePlan {
    pub(super) fn new(summary: PlanSummary, plan: Plan) -> Self {
        let Plan { class: _, four_eyes, guards, inputs, names: _, organization, steps: _, version: _ } = plan;
        Self { plan: summary.into(), organization, four_eyes, guards, inputs }
    }
}

pub(super) fn add(api: Api) -> Api {
    let listed = About::new("plans", "listPlans", "The plans")
        .more("The newest first, without their steps.")
        .query::<Wanted>()
        .gives::<Page<PlanView>>("Plans.");
    let made = About::new("plans", "createPlans", "Plan anew")
        .more("Reads the roster and the apps, and plans: a job, whose outcome names the plans.  Nothing is written to an app.")
        .takes::<ForWhom>()
        .gives::<shapes::Job>("It began.")
        .with(StatusCode::ACCEPTED);
    let shown = About::new("plans", "getPlan", "One plan without its steps").gives::<WholePlan>("The plan.");
    let steps = About::new("plans", "listSteps", "The steps of a plan")
        .more("In the order in which they are carried out.")
        .query::<Which>()
        .gives::<Page<shapes::Step>>("Steps.");
    api.get("/api/v1/plans", Role::Viewer, listed, list)
        .post("/api/v1/plans", Role::Operator, made, make)
        .get("/api/v1/plans/{digest}", Role::Viewer, shown, show)
        .get("/api/v1/plans/{digest}/steps", Role::Viewer, steps, list_steps)
}

async fn list(State(faces): State<Arc<Faces>>, Asked(wanted): Asked<Wanted>, uri: Uri) -> Result<Response, Problem> {
    let Wanted { status, limit, cursor } = wanted;
    let place = Which { limit, cursor }.place()?;
    if let Some(unknown) = status.as_deref().filter(|word| !shapes::PlanStatus::is_one(word)) {
        let detail = format!("status: no plan stands as {unknown:?}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "not-understood", detail, "the document at /api/openapi.json has the words"));
    }
    let plans = faces.engine.store().plans(faces.engine.now()).await.map_err(|error| Problem::of(&error.into(), &faces))?;
    let wanted = |plan: &PlanSummary| status.as_ref().is_none_or(|status| serde_json::json!(plan.status) == **status);
    let plans: Vec<PlanSummary> = plans.into_iter().filter(wanted).collect();
    let key = |plan: &PlanSummary| [plan.created.as_millisecond().to_be_bytes().as_slice(), plan.digest.as_bytes()].concat();
    Ok(json(&page(plans, Order::Falling, key, &place, &uri).map(PlanView::from)))
}

async fn make(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    Given(whom): Given<ForWhom>,
) -> Result<Response, Problem> {
    let people: Option<BTreeSet<PersonKey>> = whom.people.map(|people| people.into_iter().map(PersonKey::from).collect());
    if people.as_ref().is_some_and(BTreeSet::is_empty) {
        return Err(Problem::not_valid("people: nobody is named", "leave it out to plan for everybody"));
    }
    Ok(jobs::begun(&faces, Task::Plan { people }, &caller))
}

async fn show(State(faces): State<Arc<Faces>>, OfDigest(digest): OfDigest) -> Result<Response, Problem> {
    Ok(json(&whole(&faces, &digest).await?))
}

/// A plan as it is shown, and as `If-Match` holds to it.
pub(super) async fn whole(faces: &Faces, digest: &Digest) -> Result<WholePlan, Problem> {
    let stored = faces.engine.store().plan(digest, faces.engine.now()).await.map_err(|error| Problem::of(&error.into(), faces))?;
    Ok(WholePlan::new(stored.summary, stored.plan))
}

async fn list_steps(
    State(faces): State<Arc<Faces>>,
    OfDigest(digest): OfDigest,
    Asked(which): Asked<Which>,
    uri: Uri,
) -> Result<Response, Problem> {
    let place = which.place()?;
    let plan = faces.engine.known_plan(&digest).await.map_err(|error| Problem::of(&error, &faces))?;
    // A plan does not change: a step is known by its place.
    let first = match &place.after {
        None => 0,
        Some(after) => number(after).saturating_add(1),
    };
    let all = plan.steps.len() as u64;
    let steps: Vec<Step> = plan.steps.iter().skip(usize::try_from(first).unwrap_or(usize::MAX)).take(place.limit).cloned().collect();
    let last = first.saturating_add(steps.len() as u64).saturating_sub(1);
    let more = (!steps.is_empty() && last.saturating_add(1) < all).then(|| last.to_be_bytes().to_vec());
    Ok(json(&ready(steps, more, &uri)))
}

/// The number that a cursor of eight bytes is; a shorter or longer one is as near as can be.
pub(super) fn number(after: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(after) {
        *to = *from;
    }
    u64::from_be_bytes(bytes)
}

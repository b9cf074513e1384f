//! `/api/v1/runs`: the carrying out of plans, its report, going on with it, taking it back.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use engine::{Caller, PlanStatus};
use model::{Digest, Role, Run, RunId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::endpoint::{About, Api};
use super::jobs;
use super::once::json;
use super::page::{Order, Page, Which, page};
use super::problem::Problem;
use super::read::{Asked, Given, Named};
use super::shapes::{self, Hex};
use crate::state::Faces;
use crate::work::Task;

/// What to carry out.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Carry {
    /// The digest of an approved plan.
    #[schemars(with = "Hex")]
    plan: String,
}

pub(super) fn add(api: Api) -> Api {
    let listed =
        About::new("runs", "listRuns", "The runs").more("The newest first.").query::<Which>().gives::<Page<shapes::Run>>("Runs.");
    let made = About::new("runs", "createRun", "Carry out an approved plan")
        .more("A job; it can be asked to stop between two calls, and the run can be resumed.")
        .takes::<Carry>()
        .gives::<shapes::Job>("It began.")
        .with(StatusCode::ACCEPTED);
    let shown = About::new("runs", "getRun", "The report of a run").gives::<shapes::Report>("What became of it.");
    let resumed = About::new("runs", "resumeRun", "Go on with a run that was cut off or stopped")
        .more("A job.")
        .gives::<shapes::Job>("It began.")
        .with(StatusCode::ACCEPTED);
    let reverted = About::new("runs", "revertRun", "Plan what takes a run back")
        .more("A job, whose outcome names the plans: they wait for a yes like any other.")
        .gives::<shapes::Job>("It began.")
        .with(StatusCode::ACCEPTED);
    api.get("/api/v1/runs", Role::Viewer, listed, list)
        .post("/api/v1/runs", Role::Operator, made, make)
        .get("/api/v1/runs/{run}", Role::Viewer, shown, show)
        .post("/api/v1/runs/{run}/resume", Role::Operator, resumed, resume)
        .post("/api/v1/runs/{run}/revert", Role::Operator, reverted, revert)
}

async fn list(State(faces): State<Arc<Faces>>, Asked(which): Asked<Which>, uri: Uri) -> Result<Response, Problem> {
    let place = which.place()?;
    let runs = faces.engine.store().runs().await.map_err(|error| Problem::of(&error.into(), &faces))?;
    let key = |run: &Run| [run.started.as_millisecond().to_be_bytes().as_slice(), run.id.as_str().as_bytes()].concat();
    Ok(json(&page(runs, Order::Falling, key, &place, &uri)))
}

async fn make(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    Given(Carry { plan }): Given<Carry>,
) -> Result<Response, Problem> {
    let digest: Digest =
        plan.parse().map_err(|_| Problem::not_valid(format!("plan: {plan:?} is no digest"), "64 digits of 0-9 and a-f"))?;
    // What can be told at once is told at once; the engine looks again when it begins.
    let summary = faces.engine.store().plan_summary(&digest, faces.engine.now()).await;
    let summary = summary.map_err(|error| Problem::of_body(&error.into(), &faces))?;
    if summary.status != PlanStatus::Approved {
        let status = serde_json::json!(summary.status);
        let detail = format!("plan {} is {}, not approved", digest.short(), status.as_str().unwrap_or_default());
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "not-approved",
            detail,
            "an approver says yes: POST /api/v1/plans/{digest}/approve",
        ));
    }
    Ok(jobs::begun(&faces, Task::Run { plan: digest }, &caller))
}

async fn show(State(faces): State<Arc<Faces>>, Named(run): Named) -> Result<Response, Problem> {
    let report = faces.engine.report(&known(&run)?).await.map_err(|error| Problem::of(&error, &faces))?;
    Ok(json(&report))
}

async fn resume(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>, Named(run): Named) -> Result<Response, Problem> {
    let run = there(&faces, &run).await?;
    if let Some(job) = faces.work.of_run(&run) {
        let detail = format!("job {} carries run {run} out", job.borrow().id);
        return Err(Problem::new(StatusCode::CONFLICT, "not-now", detail, "wait for it, or ask it to stop"));
    }
    Ok(jobs::begun(&faces, Task::Resume { run }, &caller))
}

async fn revert(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>, Named(run): Named) -> Result<Response, Problem> {
    let run = there(&faces, &run).await?;
    Ok(jobs::begun(&faces, Task::Revert { run }, &caller))
}

/// A run's id as it could be one.
fn known(run: &str) -> Result<RunId, Problem> {
    if run.is_empty() || !run.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(Problem::missing(format!("there is no run {run:?}")));
    }
    Ok(RunId::from(run))
}

async fn there(faces: &Faces, run: &str) -> Result<RunId, Problem> {
    let run = faces.engine.store().run(&known(run)?).await.map_err(|error| Problem::of(&error.into(), faces))?;
    Ok(run.id)
}

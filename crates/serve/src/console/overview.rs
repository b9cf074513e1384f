//! `/`: are the platforms true to the roster, and what waits for me?  And `/plan`, which plans anew.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::{AppRow, Caller, EngineError, PlanStatus, PlanSummary};
use model::{Class, Role, Run};

use super::page::{failed, html, lead};
use super::runs::state_word;
use crate::state::Faces;
use crate::work::{Job, Task};

/// How many of the last runs are shown.
const RUNS: usize = 10;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    caller: Caller,
    may_plan: bool,
    jobs: Vec<(Job, &'static str)>,
    waits: Vec<Waits>,
    apps: Vec<App>,
    runs: Vec<(Run, &'static str)>,
}

struct Waits {
    plan: PlanSummary,
    what: String,
    state: &'static str,
}

struct App {
    row: AppRow,
    linked_per_cent: Option<usize>,
    state: String,
}

pub(super) async fn show(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>) -> Response {
    match overview(&faces, caller).await {
        Ok(page) => html(StatusCode::OK, &page),
        Err(error) => failed(&faces, &error),
    }
}

async fn overview(faces: &Faces, caller: Caller) -> Result<Overview, EngineError> {
    let engine = &faces.engine;
    let jobs = faces.work.jobs().into_iter().filter(|job| job.came.is_none());
    let waits = engine.waiting().await?.into_iter().map(|plan| Waits {
        what: match &plan.class {
            Class::Open => "open".to_owned(),
            Class::Held(class) => format!("held: {}", class.replace('_', " ")),
        },
        state: if plan.status == PlanStatus::Approved { "approved, to be carried out" } else { "waits for a yes or no" },
        plan,
    });
    let apps = engine.apps().await?.into_iter().map(|row| App {
        linked_per_cent: (row.active > 0).then(|| (row.linked * 100 / row.active).min(100)),
        state: app_state(&row),
        row,
    });
    let runs = engine.store().runs().await?.into_iter().take(RUNS).map(|run| {
        let word = state_word(run.state);
        (run, word)
    });
    Ok(Overview {
        may_plan: caller.role >= Role::Operator,
        caller,
        jobs: jobs.map(|job| (title_of(&job), job)).map(|(title, job)| (job, title)).collect(),
        waits: waits.collect(),
        apps: apps.collect(),
        runs: runs.collect(),
    })
}

fn title_of(job: &Job) -> &'static str {
    super::live::title(&job.task)
}

fn app_state(row: &AppRow) -> String {
    let mut words = Vec::new();
    if row.certificate.is_none() {
        words.push("not read yet".to_owned());
    }
    if row.health.quarantine.is_some() {
        words.push("in quarantine: nothing is asked of it".to_owned());
    }
    if row.rival.is_some() {
        words.push("somebody else logs in as we do".to_owned());
    }
    match row.put_aside.len() {
        0 => {}
        1 => words.push("one step put aside".to_owned()),
        many => words.push(format!("{many} steps put aside")),
    }
    if words.is_empty() { "read".to_owned() } else { words.join("; ") }
}

/// Begins to plan for everybody.
pub(super) async fn plan(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>) -> Response {
    let job = faces.work.begin(Task::Plan { people: None }, caller.actor());
    let id = job.borrow().id.clone();
    lead(&format!("/jobs/{id}"))
}

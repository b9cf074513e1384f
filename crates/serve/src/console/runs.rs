//! `/runs/{id}`: how far a run is, what became of it, and its undo.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use engine::{Caller, Report};
use model::{AppName, Role, RunId, RunState};

use super::drawn::Bars;
use super::page::{failed, html, lead, told};
use crate::state::Faces;
use crate::work::{Came, Job, Task};

/// How many bars the picture of a run has at most.
const BARS: usize = 60;
/// How many steps that were not done are shown.
const OPEN: usize = 200;

#[derive(Template)]
#[template(path = "run.html")]
struct Shown {
    caller: Caller,
    report: Report,
    state: &'static str,
    job: Option<Job>,
    effects: Vec<(String, u64)>,
    requests: Vec<String>,
    more: usize,
    course: Option<Bars>,
    may_run: bool,
    may_resume: bool,
}

/// Where a run stands, in words.
pub(super) fn state_word(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::Finished => "finished",
        RunState::Stopped => "stopped",
    }
}

pub(super) async fn show(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Response {
    let run = match faces.engine.store().find_run(&id).await {
        Ok(run) => run.id,
        Err(error) => return failed(&faces, &error.into()),
    };
    let mut report = match faces.engine.report(&run).await {
        Ok(report) => report,
        Err(error) => return failed(&faces, &error),
    };
    let job = faces.work.of_run(&run).map(|job| job.borrow().clone());
    let ended = faces.work.jobs().into_iter().find_map(|job| match job.came {
        Some(Came::Ran { run: of, requests, .. }) if of == run => Some(requests),
        _ => None,
    });
    if job.is_some() {
        // What is under way is not left undone.
        report.open.retain(|undone| !matches!(undone.outcome, "not begun" | "started"));
    }
    let more = report.open.len().saturating_sub(OPEN);
    report.open.truncate(OPEN);
    let course = match faces.engine.course(&run, BARS).await {
        Ok(course) if course.len() > 1 => course.into_iter().map(|span| (format!("{:.0}", span.from), span.done, span.other)).collect(),
        Ok(_) => Vec::new(),
        Err(error) => return failed(&faces, &error),
    };
    let seconds = report.ended.map(|ended| ended.duration_since(report.started).as_secs().max(1).unsigned_abs());
    let limits = match faces.engine.apps().await {
        Ok(apps) => apps.into_iter().map(|row| (row.app, row.limit.to_string())).collect::<BTreeMap<_, _>>(),
        Err(error) => return failed(&faces, &error),
    };
    let took = |(app, count): (AppName, u64)| {
        let rate = seconds.map_or_else(String::new, |seconds| format!(" in {seconds} s, {} a minute", count * 60 / seconds));
        let limit = limits.get(&app).map_or_else(String::new, |limit| format!(" Limit: {limit}."));
        format!("{app} took {count} requests{rate}.{limit}")
    };
    let state = match (&job, report.state) {
        (None, RunState::Running) => "cut off",
        (_, state) => state_word(state),
    };
    let may_run = caller.role >= Role::Operator;
    let shown = Shown {
        may_resume: may_run && job.is_none() && report.state != RunState::Finished,
        effects: report.effects.iter().map(|(effect, count)| (effect.replace('_', " "), *count)).collect(),
        requests: ended.into_iter().flatten().map(took).collect(),
        caller,
        report,
        state,
        job,
        more,
        course: Bars::new("course", "The steps over the time of the run", ["From", "Done", "Ended otherwise"], course),
        may_run,
    };
    html(StatusCode::OK, &shown)
}

/// Asks a run that is under way to stop between two calls.
pub(super) async fn stop(State(faces): State<Arc<Faces>>, Path(id): Path<String>) -> Response {
    let run = RunId::new(id);
    let job = faces.work.of_run(&run).map(|job| job.borrow().id.clone());
    if job.is_some_and(|job| faces.work.ask_to_stop(&job)) {
        return lead(&format!("/runs/{run}"));
    }
    let what = "This server is not carrying that run out now.";
    told(StatusCode::CONFLICT, "Not stopped", what.into(), "Its page says where it stands.".into())
}

pub(super) async fn resume(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Response {
    begin(&faces, caller, &id, |run| Task::Resume { run }).await
}

/// Plans what takes the run back; that plan waits for its own yes.
pub(super) async fn undo(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Response {
    begin(&faces, caller, &id, |run| Task::Revert { run }).await
}

async fn begin(faces: &Faces, caller: Caller, id: &str, task: impl FnOnce(RunId) -> Task) -> Response {
    match faces.engine.store().find_run(id).await {
        Ok(run) => {
            let job = faces.work.begin(task(run.id), caller.actor());
            let id = job.borrow().id.clone();
            lead(&format!("/jobs/{id}"))
        }
        Err(error) => failed(faces, &error.into()),
    }
}

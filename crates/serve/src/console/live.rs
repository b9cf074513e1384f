//! `/jobs/{id}`: what is under way, for whoever asked for it; it leads on to what came of it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use engine::Caller;
use futures_util::stream;

use super::page::{html, lead, told};
use crate::state::Faces;
use crate::work::{Came, Job, Task};

/// How often a page is told at most that there is something new.
const PAUSE: Duration = Duration::from_millis(300);

#[derive(Template)]
#[template(path = "job.html")]
struct Shown {
    caller: Caller,
    title: &'static str,
    running: bool,
    job: Job,
    plans: Vec<(String, String)>,
    failed: Option<(String, String)>,
}

/// What is done, in words.
pub(super) fn title(task: &Task) -> &'static str {
    match task {
        Task::Plan { .. } => "Planning",
        Task::Run { .. } => "Carrying out a plan",
        Task::Resume { .. } => "Going on with a run",
        Task::Revert { .. } => "Planning the undo of a run",
    }
}

/// How far it is.  A run that began has a page of its own.
pub(super) async fn show(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Response {
    let Some(seen) = faces.work.job(&id) else { return gone() };
    let job = seen.borrow().clone();
    let (mut plans, mut failed) = (Vec::new(), None);
    match &job.came {
        None => {
            if let Some(run) = &job.progress.run {
                return lead(&format!("/runs/{run}"));
            }
        }
        Some(Came::Planned { plans: digests, .. }) => {
            for digest in digests {
                match faces.engine.plan_page(digest, 0, 0).await {
                    Ok(page) if page.shown.steps > 0 => {
                        let words = format!("{}: {} steps", page.shown.title, page.shown.steps);
                        plans.push((digest.to_string(), words));
                    }
                    Ok(_) => {}
                    Err(error) => return super::page::failed(&faces, &error),
                }
            }
            if let [(digest, _)] = plans.as_slice() {
                return lead(&format!("/plans/{digest}"));
            }
        }
        Some(Came::Ran { run, .. }) => return lead(&format!("/runs/{run}")),
        Some(Came::Failed { what, next }) => failed = Some((what.clone(), next.clone())),
    }
    html(StatusCode::OK, &Shown { caller, title: title(&job.task), running: job.came.is_none(), job, plans, failed })
}

/// Tells a page when there is something new, until the job ends.
pub(super) async fn events(State(faces): State<Arc<Faces>>, Path(id): Path<String>) -> Response {
    let Some(seen) = faces.work.job(&id) else { return gone() };
    let said = stream::unfold((seen, false), |(mut seen, ended)| async move {
        if ended {
            return None;
        }
        tokio::time::sleep(PAUSE).await;
        let closed = seen.changed().await.is_err();
        let ended = closed || seen.borrow_and_update().came.is_some();
        let event = Event::default().event(if ended { "ended" } else { "changed" }).data("-");
        Some((Ok::<_, Infallible>(event), (seen, ended)))
    });
    Sse::new(said).into_response()
}

fn gone() -> Response {
    let what = "This is not under way, and did not end lately.";
    told(StatusCode::NOT_FOUND, "Not under way", what.into(), "The overview shows the plans that wait and the last runs.".into())
}

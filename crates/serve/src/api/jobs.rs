//! `/api/v1/jobs`: what this server does for somebody just now, its progress as it happens, and its end.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{HeaderValue, LOCATION};
use axum::http::{StatusCode, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use engine::Caller;
use futures_util::stream::{self, Stream, StreamExt};
use model::Role;
use tokio::sync::watch;

use super::endpoint::{About, Api};
use super::once::json;
use super::page::{Order, Page, Which, page};
use super::problem::Problem;
use super::read::{Asked, Named};
use super::shapes;
use crate::state::Faces;
use crate::work::{Job, Task};

pub(super) fn add(api: Api) -> Api {
    let listed = About::new("jobs", "listJobs", "What is under way, or ended lately")
        .more("The newest first.  Jobs are gone when the server ends; what came of them is not.")
        .query::<Which>()
        .gives::<Page<shapes::Job>>("Jobs.");
    let shown = About::new("jobs", "getJob", "One job").gives::<shapes::Job>("The job.");
    let watched = About::new("jobs", "watchJob", "A job as it goes on")
        .more("Server-sent events: each `job` is the job as it is then; the last one has `came`, unless the server stops before.")
        .gives_text("text/event-stream", "Events, until it ends.");
    let stopped = About::new("jobs", "stopJob", "Ask a run to stop between two calls")
        .more("What it did stays; the run can be resumed.")
        .gives::<shapes::Job>("It was asked to.");
    api.get("/api/v1/jobs", Role::Viewer, listed, list)
        .get("/api/v1/jobs/{job}", Role::Viewer, shown, show)
        .get("/api/v1/jobs/{job}/events", Role::Viewer, watched, watch_it)
        .post("/api/v1/jobs/{job}/stop", Role::Operator, stopped, stop)
}

/// Begins a job, and tells where it can be seen.
pub(super) fn begun(faces: &Faces, task: Task, caller: &Caller) -> Response {
    let job = faces.work.begin(task, caller.actor()).borrow().clone();
    let at = HeaderValue::try_from(format!("/api/v1/jobs/{}", job.id)).expect("an id is a UUID");
    let mut response = (StatusCode::ACCEPTED, json(&job)).into_response();
    response.headers_mut().insert(LOCATION, at);
    response
}

async fn list(State(faces): State<Arc<Faces>>, Asked(which): Asked<Which>, uri: Uri) -> Result<Response, Problem> {
    let place = which.place()?;
    Ok(json(&page(faces.work.jobs(), Order::Falling, |job: &Job| job.id.as_bytes().to_vec(), &place, &uri)))
}

async fn show(State(faces): State<Arc<Faces>>, Named(id): Named) -> Result<Response, Problem> {
    Ok(json(&*found(&faces, &id)?.borrow()))
}

async fn watch_it(State(faces): State<Arc<Faces>>, Named(id): Named) -> Result<Response, Problem> {
    let job = found(&faces, &id)?;
    // A server that stops keeps nobody waiting for what is resumed later.
    let events = events(job).take_until(Box::pin(faces.work.stopping()));
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

async fn stop(State(faces): State<Arc<Faces>>, Extension(_): Extension<Caller>, Named(id): Named) -> Result<Response, Problem> {
    let job = found(&faces, &id)?;
    if !faces.work.ask_to_stop(&id) {
        let next = "look at what came of it";
        return Err(Problem::new(StatusCode::CONFLICT, "not-now", format!("job {id} has ended"), next));
    }
    Ok(json(&*job.borrow()))
}

fn found(faces: &Faces, id: &str) -> Result<watch::Receiver<Job>, Problem> {
    let next = "jobs are forgotten when the server ends, the oldest ended ones earlier; plans and runs are not";
    let missing = || Problem::new(StatusCode::NOT_FOUND, "not-there", format!("there is no job {id:?}"), next);
    faces.work.job(id).ok_or_else(missing)
}

/// The job as it is, and each time that it is another, until it has ended.
fn events(mut job: watch::Receiver<Job>) -> impl Stream<Item = Result<Event, Infallible>> {
    job.mark_changed();
    stream::unfold(Some(job), |job| async move {
        let mut job = job?;
        // Whoever tells of it is gone: it was told to its end.
        job.changed().await.ok()?;
        let (text, ended) = {
            let now = job.borrow_and_update();
            (serde_json::to_string(&*now).expect("a job is JSON: text keys"), now.ended.is_some())
        };
        let event = Event::default().event("job").data(text);
        Some((Ok(event), (!ended).then_some(job)))
    })
}

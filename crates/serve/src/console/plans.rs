//! `/plans/{digest}`: what a plan does, to whom and why, and the yes or no to it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use engine::{Caller, PlanPage, PlanStatus};
use model::{Digest, Refusal, Role, Verdict};
use serde::Deserialize;

use super::page::{failed, html, lead, told};
use crate::state::Faces;
use crate::work::Task;

/// How many steps a page has.
const STEPS: usize = 100;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// From which step on.
    #[serde(default)]
    from: usize,
    /// The plan of what was just left out.
    left: Option<String>,
    /// How many of them are in no plan until the next planning.
    #[serde(default)]
    later: usize,
}

#[derive(Debug, Deserialize)]
pub(super) struct No {
    #[serde(default)]
    reason: String,
}

#[derive(Template)]
#[template(path = "plan.html")]
struct Shown {
    caller: Caller,
    page: PlanPage,
    digest: String,
    state: &'static str,
    may_decide: bool,
    may_divide: bool,
    may_run: bool,
    objection: Option<String>,
    may_ask: bool,
    from: usize,
    until: usize,
    before: Option<usize>,
    after: Option<usize>,
    left: Option<String>,
    later: usize,
}

pub(super) async fn show(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    Path(digest): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let Ok(digest) = digest.parse::<Digest>() else { return unknown(&digest) };
    let page = match faces.engine.plan_page(&digest, wanted.from, STEPS).await {
        Ok(page) => page,
        Err(error) => return failed(&faces, &error),
    };
    let steps = page.shown.steps;
    let from = wanted.from.min(steps);
    let until = from.saturating_add(STEPS).min(steps);
    let (pending, approved) = (page.summary.status == PlanStatus::Pending, page.summary.status == PlanStatus::Approved);
    let asked = pending && page.four_eyes && caller.role >= Role::Operator;
    let objection = match asked {
        true => match faces.engine.objection(&digest, caller.actor()).await {
            Ok(objection) => objection,
            Err(error) => return failed(&faces, &error),
        },
        false => None,
    };
    let shown = Shown {
        digest: digest.to_string(),
        state: state(page.summary.status),
        may_decide: (pending || approved) && steps > 0 && caller.role >= Role::Approver,
        may_divide: pending && steps > 1 && caller.role >= Role::Operator,
        may_run: approved && caller.role >= Role::Operator,
        may_ask: matches!(objection, Some(Refusal::Unasked { .. })),
        objection: objection.map(|objection| in_words(&objection, &page.summary.asker.name)),
        before: (from > 0).then(|| from.saturating_sub(STEPS)),
        after: (until < steps).then_some(until),
        left: wanted.left.filter(|left| left.parse::<Digest>().is_ok()),
        later: wanted.later,
        caller,
        page,
        from,
        until,
    };
    html(StatusCode::OK, &shown)
}

/// Why who looks cannot say yes, and who can.
fn in_words(objection: &Refusal, asker: &str) -> String {
    match objection {
        Refusal::FourEyes { .. } => "This plan needs a second person: you asked for it, so somebody else says yes.".to_owned(),
        Refusal::Unasked { .. } => format!(
            "This plan needs two people, and {asker}, who asked for it, is only a name here. One person asks for it as themselves, and another says yes."
        ),
        other => other.to_string(),
    }
}

fn state(status: PlanStatus) -> &'static str {
    match status {
        PlanStatus::Pending => "waits for a yes or no",
        PlanStatus::Approved => "approved, and not carried out yet",
        PlanStatus::Rejected => "rejected",
        PlanStatus::Superseded => "superseded by a newer plan",
        PlanStatus::Expired => "expired: nobody decided, or used the yes, in time",
        PlanStatus::Running => "being carried out, or stopped on the way",
        PlanStatus::Done => "done",
    }
}

fn unknown(digest: &str) -> Response {
    let (what, next) =
        (format!("{digest:?} is no digest of a plan: 64 hexadecimal digits."), "The overview links to the plans that wait.");
    told(StatusCode::NOT_FOUND, "No such plan", what, next.into())
}

pub(super) async fn approve(state: State<Arc<Faces>>, caller: Extension<Caller>, digest: Path<String>) -> Response {
    decide(state, caller, digest, Verdict::Yes).await
}

pub(super) async fn reject(state: State<Arc<Faces>>, caller: Extension<Caller>, digest: Path<String>, Form(no): Form<No>) -> Response {
    let reason = no.reason.trim().to_owned();
    if reason.is_empty() {
        let next = "Go back, and say in a sentence why, for whoever asked.";
        return told(StatusCode::UNPROCESSABLE_ENTITY, "Not rejected", "A no needs its reason.".into(), next.into());
    }
    decide(state, caller, digest, Verdict::No { reason }).await
}

async fn decide(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    Path(digest): Path<String>,
    verdict: Verdict,
) -> Response {
    let Ok(digest) = digest.parse::<Digest>() else { return unknown(&digest) };
    match faces.engine.decide(&digest, verdict, caller.actor()).await {
        Ok(_) => lead(&format!("/plans/{digest}")),
        Err(error) => failed(&faces, &error),
    }
}

/// Stands for having asked for a plan that somebody asked for who is only a name.
pub(super) async fn ask(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>, Path(digest): Path<String>) -> Response {
    let Ok(digest) = digest.parse::<Digest>() else { return unknown(&digest) };
    match faces.engine.ask_for(&digest, &caller.actor()).await {
        Ok(_) => lead(&format!("/plans/{digest}")),
        Err(error) => failed(&faces, &error),
    }
}

/// Leaves the ticked steps, and those of people who are named, out of a plan: two plans take its place.
pub(super) async fn leave_out(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    Path(digest): Path<String>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let Ok(digest) = digest.parse::<Digest>() else { return unknown(&digest) };
    // One name comes many times, once for each box that is ticked.
    let ticked = fields.iter().filter(|(name, _)| name == "step").map(|(_, id)| id.clone());
    let named = fields.iter().filter(|(name, _)| name == "people").flat_map(|(_, keys)| keys.split([',', '\n', '\r']).map(str::trim));
    let words: Vec<String> = ticked.chain(named.filter(|key| !key.is_empty()).map(str::to_owned)).collect();
    if words.is_empty() {
        let next = "Go back, and tick the steps, or write the keys of the people, that are to be left out.";
        return told(StatusCode::UNPROCESSABLE_ENTITY, "Nothing left out", "No step was chosen.".into(), next.into());
    }
    match faces.engine.leave_out(&digest, &words, &caller.actor()).await {
        Ok(divided) => {
            let left = divided.left.map(|left| format!("&left={}", left.digest)).unwrap_or_default();
            lead(&format!("/plans/{}?later={}{left}", divided.kept.digest, divided.later))
        }
        Err(error) => failed(&faces, &error),
    }
}

/// Begins to carry an approved plan out.
pub(super) async fn run(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>, Path(digest): Path<String>) -> Response {
    let Ok(plan) = digest.parse::<Digest>() else { return unknown(&digest) };
    let job = faces.work.begin(Task::Run { plan }, caller.actor());
    let id = job.borrow().id.clone();
    lead(&format!("/jobs/{id}"))
}

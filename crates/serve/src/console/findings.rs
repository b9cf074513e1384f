//! `/findings`: what a human should know, with a plan for the people concerned at hand.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Form};
use engine::{Caller, Grouped, grouped, kind_word};
use jiff::Timestamp;
use model::{PersonKey, Role};
use serde::Deserialize;

use super::page::{failed, html, lead, told};
use crate::state::Faces;
use crate::work::Task;

/// How many groups of findings a page has.
const GROUPS: usize = 50;
/// How many people of a group are named, and planned for at once.
const NAMED: usize = 200;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// From which group on.
    #[serde(default)]
    from: usize,
}

#[derive(Template)]
#[template(path = "findings.html")]
struct Shown {
    caller: Caller,
    may_plan: bool,
    at: Timestamp,
    everybody: bool,
    found: usize,
    from: usize,
    until: usize,
    groups: Vec<Group>,
    before: Option<usize>,
    after: Option<usize>,
}

struct Group {
    kind: &'static str,
    is: Grouped,
    /// Whom it is about, each with the key of a person where it is one.
    about: Vec<(String, Option<String>)>,
    more: usize,
    /// The keys of the people, for a plan.
    people: String,
}

pub(super) async fn show(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    Query(Wanted { from }): Query<Wanted>,
) -> Response {
    let found = match faces.engine.findings().await {
        Ok(found) => found,
        Err(error) => return failed(&faces, &error),
    };
    let people: BTreeSet<&str> = found.findings.iter().filter_map(|finding| finding.person.as_ref()).map(PersonKey::as_str).collect();
    let groups = grouped(&found.findings);
    let from = from.min(groups.len());
    let until = from.saturating_add(GROUPS).min(groups.len());
    let shown = Shown {
        may_plan: caller.role >= Role::Operator,
        caller,
        at: found.at,
        everybody: found.everybody,
        found: groups.len(),
        before: (from > 0).then(|| from.saturating_sub(GROUPS)),
        after: (until < groups.len()).then_some(until),
        groups: groups.into_iter().skip(from).take(GROUPS).map(|group| shown(group, &people)).collect(),
        from,
        until,
    };
    html(StatusCode::OK, &shown)
}

fn shown(is: Grouped, people: &BTreeSet<&str>) -> Group {
    // A finding names its person last, behind the place in a file.
    let key = |about: &str| about.rsplit(' ').next().filter(|key| people.contains(key)).map(str::to_owned);
    let about: Vec<(String, Option<String>)> = is.about.iter().take(NAMED).map(|about| (about.clone(), key(about))).collect();
    let keys: BTreeSet<&str> = about.iter().filter_map(|(_, key)| key.as_deref()).collect();
    Group {
        kind: kind_word(is.kind),
        people: keys.into_iter().collect::<Vec<_>>().join(" "),
        more: is.about.len().saturating_sub(NAMED),
        about,
        is,
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct For {
    #[serde(default)]
    people: String,
}

/// Begins to plan for the people whom a finding is about.
pub(super) async fn plan(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>, Form(whom): Form<For>) -> Response {
    let people: BTreeSet<PersonKey> = whom.people.split_whitespace().map(PersonKey::from).collect();
    if people.is_empty() {
        let next = "Go back to the findings; \"Plan now\" on the overview plans for everybody.";
        return told(StatusCode::UNPROCESSABLE_ENTITY, "Nothing planned", "Nobody was named.".into(), next.into());
    }
    let job = faces.work.begin(Task::Plan { people: Some(people) }, caller.actor());
    let id = job.borrow().id.clone();
    lead(&format!("/jobs/{id}"))
}

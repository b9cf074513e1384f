//! `/people`: whoever is in the roster, and their accounts; `/people/{person}`: everything about one of them.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use engine::{Caller, EngineError, Explanation, Happened, InApp as Stands, PersonRow, kind_word, verb_word};
use form_urlencoded::Serializer;
use model::{Role, Standing};
use serde::Deserialize;

use super::drawn::Graph;
use super::page::{failed, html, lead};
use crate::state::Faces;
use crate::work::Task;

/// How many people a page has.
const PEOPLE: usize = 50;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    /// What their key, name, e-mail or department has in it.
    #[serde(default)]
    q: String,
    /// From whom on, by number.
    #[serde(default)]
    from: usize,
}

#[derive(Template)]
#[template(path = "people.html")]
struct Listed {
    caller: Caller,
    q: String,
    found: usize,
    from: usize,
    until: usize,
    people: Vec<(PersonRow, &'static str)>,
    before: Option<String>,
    after: Option<String>,
}

/// What the roster's status column says, in a word.
fn standing_word(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "works here",
        Standing::Left => "left",
        Standing::Unsaid => "listed",
    }
}

pub(super) async fn list(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    Query(Wanted { q, from }): Query<Wanted>,
) -> Response {
    let people = match faces.engine.people().await {
        Ok(people) => people,
        Err(error) => return failed(&faces, &error),
    };
    let wanted = q.trim().to_lowercase();
    let found: Vec<&PersonRow> = people.iter().filter(|person| person.has(&wanted)).collect();
    let from = from.min(found.len());
    let until = from.saturating_add(PEOPLE).min(found.len());
    let at = |from: usize| {
        let query = Serializer::new(String::new()).append_pair("q", q.trim()).append_pair("from", &from.to_string()).finish();
        format!("/people?{query}")
    };
    let page = Listed {
        found: found.len(),
        before: (from > 0).then(|| at(from.saturating_sub(PEOPLE))),
        after: (until < found.len()).then(|| at(until)),
        people: found[from..until].iter().map(|person| ((*person).clone(), standing_word(person.standing))).collect(),
        q: q.trim().to_owned(),
        caller,
        from,
        until,
    };
    html(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "person.html")]
struct Shown {
    caller: Caller,
    is: Explanation,
    graph: Graph,
    apps: Vec<InApp>,
    findings: Vec<(&'static str, String, String)>,
    happened: Vec<Happened>,
    more: bool,
    may_plan: bool,
}

struct InApp {
    name: String,
    is: Stands,
    /// Attribute, what the account holds, what the next plans make of it.
    values: Vec<(String, String, Option<String>)>,
    /// What is done, why, and the class that holds it.
    next: Vec<(&'static str, String, Option<String>)>,
}

pub(super) async fn show(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>, Path(who): Path<String>) -> Response {
    match person(&faces, caller, &who).await {
        Ok(page) => html(StatusCode::OK, &page),
        Err(error) => failed(&faces, &error),
    }
}

async fn person(faces: &Faces, caller: Caller, who: &str) -> Result<Shown, EngineError> {
    let is = faces.engine.explain_now(who).await?;
    let history = faces.engine.history(&is.person).await?;
    let apps: Vec<InApp> = is.apps.iter().map(|(name, is)| in_app(name.as_str(), is)).collect();
    let accounts = is.apps.iter().map(|(app, is)| {
        let state = match (is.account.is_some(), is.active) {
            (false, _) => "no account",
            (true, Some(true)) => "active",
            (true, Some(false)) => "inactive",
            (true, None) => "not seen",
        };
        (app.to_string(), is.account.as_ref().map(ToString::to_string), state)
    });
    let findings = is.findings.iter().map(|finding| (kind_word(finding.kind), finding.what.clone(), finding.next.clone()));
    Ok(Shown {
        graph: Graph::new(if is.name.is_empty() { is.person.as_str() } else { &is.name }, accounts.collect()),
        apps,
        findings: findings.collect(),
        happened: history.happened,
        more: history.more,
        may_plan: caller.role >= Role::Operator,
        caller,
        is,
    })
}

fn in_app(name: &str, is: &Stands) -> InApp {
    let after = |attribute: &str| is.differs.get(attribute).map(|change| change.after.to_string());
    let mut values: Vec<_> = is.has.iter().map(|(attribute, value)| (attribute.clone(), value.clone(), after(attribute))).collect();
    let set_anew = is.differs.iter().filter(|(attribute, _)| !is.has.contains_key(attribute.as_str()));
    values.extend(set_anew.map(|(attribute, change)| (attribute.to_string(), String::new(), Some(change.after.to_string()))));
    let next = is.next.iter().map(|(class, step)| (verb_word(step.verb), step.reason.to_string(), class.clone()));
    InApp { name: name.to_owned(), values, next: next.collect(), is: is.clone() }
}

/// Begins to plan for this person alone.
pub(super) async fn plan(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>, Path(who): Path<String>) -> Response {
    let known = match faces.engine.explain_now(&who).await {
        Ok(explanation) => explanation.person,
        Err(error) => return failed(&faces, &error),
    };
    let job = faces.work.begin(Task::Plan { people: Some([known].into()) }, caller.actor());
    let id = job.borrow().id.clone();
    lead(&format!("/jobs/{id}"))
}

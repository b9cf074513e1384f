use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::content::{self, Kind};
use super::params::{self, Params};
use super::records::Assignment;
use super::wire::{self, Page, Refusal, Segment};
use super::{Api, groups, render, state, users};
use crate::call::Call;
use crate::ledger::Change;

/// Somebody to be assigned something.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) assignee: u64,
    pub(super) kind: Kind,
    pub(super) content: u64,
    pub(super) due_by: Option<Timestamp>,
}

/// GET /assignments: a page of all, newest first; `gt[updated_at]` leaves out what was not changed after it.
pub(super) async fn list(State(api): State<Api>, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    let after = changed_after(&call)?;
    paged(&api, &call, "assignments", |state, _| match after {
        None => Cow::Borrowed(state.live()),
        Some(after) => state.changed_after(after).into(),
    })
}

/// GET /assignments/:status: the status in any case, `-`, `_` or a space between its words.
pub(super) async fn with_status(
    State(api): State<Api>,
    Segment(status): Segment,
    call: Extension<Arc<Call>>,
) -> Result<Response, Refusal> {
    let after = changed_after(&call)?;
    let asked = status.to_lowercase().replace(['-', '_'], " ");
    let words = &api.app.profile.statuses;
    let known = [words.completed, words.incomplete, words.overdue, words.grade_pending];
    let Some(word) = known.iter().find(|word| word.to_lowercase() == asked) else {
        return Err(Refusal::malformed(format!("status `{status}` is none of {}", known.join(", "))));
    };
    paged(&api, &call, "assignments", |state, now| {
        let has = |id: &u64| state.assignments[id].status(api.app.profile, now) == *word;
        match after {
            None => state.live().iter().copied().filter(has).collect(),
            Some(after) => state.changed_after(after).into_iter().filter(has).collect(),
        }
    })
}

fn changed_after(call: &Call) -> Result<Option<Timestamp>, Refusal> {
    call.param("gt[updated_at]").map(|text| wire::instant("gt[updated_at]", text)).transpose()
}

/// GET /lessons/:id/assignments and the like: a page of them, newest first.
pub(super) async fn of_content(api: &Api, kind: Kind, id: &str, call: &Call) -> Result<Response, Refusal> {
    let content = content::known(api, kind, id)?;
    paged(api, call, &format!("{}_assignments", kind.singular()), |state, _| state.assignments_of(kind, content).into())
}

/// A page of the assignments that `ids` names, oldest first.
fn paged(
    api: &Api,
    call: &Call,
    kind: &str,
    ids: impl for<'a> FnOnce(&'a state::State, Timestamp) -> Cow<'a, [u64]>,
) -> Result<Response, Refusal> {
    let (page, now) = (Page::asked(call, api.app.profile)?, api.app.backend.clock.now());
    Ok(api.app.backend.read(|state| {
        let ids = ids(state, now);
        let all = page.of(&ids).map(|id| &state.assignments[id]);
        wire::listed((kind, "assignments"), Some((&page, ids.len())), all, |out, one| {
            render::assignment(out, state, one, api.app.profile, now);
        })
    }))
}

/// GET /users/:id/assignments: all at once, whatever their status, oldest first.
pub(super) async fn of_user(State(api): State<Api>, Segment(id): Segment) -> Result<Response, Refusal> {
    let now = api.app.backend.clock.now();
    api.app.backend.read(|state| {
        let user = users::known(state, &id)?;
        Ok(wire::listed((api.app.profile.user_assignments, "assignments"), None, state.assigned_to(user.id), |out, one| {
            render::assignment(out, state, one, api.app.profile, now);
        }))
    })
}

/// GET /groups/:id/assignments: a bare array, of what the group's members are assigned (CHOSEN).
pub(super) async fn of_group(State(api): State<Api>, Segment(id): Segment) -> Result<Response, Refusal> {
    let now = api.app.backend.clock.now();
    api.app.backend.read(|state| {
        let members = state.members(groups::known(state, &id)?.id);
        let all = members.iter().rev().flat_map(|user| state.assigned_to(*user));
        let mut out = Vec::new();
        render::list(&mut out, all, |out, one| render::assignment(out, state, one, api.app.profile, now));
        Ok(wire::answer(StatusCode::OK, out))
    })
}

/// POST /users/:id/assignments.
pub(super) async fn assign_to_user(
    State(api): State<Api>,
    Segment(id): Segment,
    call: Extension<Arc<Call>>,
) -> Result<Response, Refusal> {
    let params = Params::of(&call, api.app.profile)?;
    let body = api.app.backend.write(&call, |state, now| {
        let assignee = users::known(state, &id)?.id;
        let wanted = |item: &Map<String, Value>| {
            let kind = item.get("assignable_type").and_then(Value::as_str).and_then(Kind::from_assignable_type);
            let kind = kind.ok_or_else(|| Refusal::malformed("assignable_type must be Lesson, LearningPaths::Path or Course"))?;
            let content = params::id_in(item, "assignments", "assignable_id")?;
            Ok::<_, Refusal>(Wanted { assignee, kind, content, due_by: due_by(item)? })
        };
        let wanted = items(&params)?.into_iter().map(wanted).collect::<Result<Vec<_>, _>>()?;
        answered(&api, state, &wanted, now, "create_user_assignments")
    })?;
    Ok(wire::answer(StatusCode::CREATED, body))
}

/// PUT (200) and POST (201) /lessons/:id/assignments and the like.
pub(super) async fn assign_content(api: &Api, kind: Kind, id: &str, call: &Call) -> Result<Response, Refusal> {
    let content = content::known(api, kind, id)?;
    let params = Params::of(call, api.app.profile)?;
    let (status, verb) = match call.method.as_str() {
        "POST" => (StatusCode::CREATED, api.app.profile.posted_assignments),
        _ => (StatusCode::OK, "update"),
    };
    let body = api.app.backend.write(call, |state, now| {
        let wanted = |item: &Map<String, Value>| {
            let assignee = params::id_in(item, "assignments", "assignee_id")?;
            Ok::<_, Refusal>(Wanted { assignee, kind, content, due_by: due_by(item)? })
        };
        let wanted = items(&params)?.into_iter().map(wanted).collect::<Result<Vec<_>, _>>()?;
        answered(api, state, &wanted, now, &format!("{verb}_{}_assignments", kind.singular()))
    })?;
    Ok(wire::answer(status, body))
}

/// GET /lessons/:id/assignments/completed and the like: how many have completed it.
pub(super) async fn completed(api: &Api, kind: Kind, id: &str) -> Result<Response, Refusal> {
    let content = content::known(api, kind, id)?;
    let count = api.app.backend.read(|state| content::completed(state, kind, content));
    Ok(wire::ok(json!({ "type": format!("{}_assignments_completed", kind.singular()), "completed_count": count })))
}

fn items(params: &Params) -> Result<Vec<&Map<String, Value>>, Refusal> {
    params.objects("assignments")?.ok_or_else(|| Refusal::malformed("assignments is missing"))
}

fn due_by(item: &Map<String, Value>) -> Result<Option<Timestamp>, Refusal> {
    match item.get("due_by") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => wire::instant("due_by", text).map(Some),
        Some(_) => Err(Refusal::malformed("due_by must be a string")),
    }
}

fn answered(api: &Api, state: &state::State, wanted: &[Wanted], now: Timestamp, kind: &str) -> Result<(Vec<Change>, Vec<u8>), Refusal> {
    let (changes, assigned) = assigned(state, wanted, wire::whole_seconds(now))?;
    let mut body = format!("{{\"type\":\"{kind}\",\"assignments\":").into_bytes();
    render::list(&mut body, &assigned, |out, one| render::assignment(out, state, one, api.app.profile, now));
    body.push(b'}');
    Ok((changes, body))
}

/// Assigns all or nothing.  What is assigned and not completed stays as it is, its due date too; what is completed begins
/// anew in the same record.
pub(super) fn assigned(state: &state::State, wanted: &[Wanted], now: Timestamp) -> Result<(Vec<Change>, Vec<Assignment>), Refusal> {
    let mut decided: BTreeMap<u64, Assignment> = BTreeMap::new();
    let mut next = state.next_assignment();
    let mut latest: HashMap<(u64, Kind, u64), u64> = HashMap::new();
    let mut answer = Vec::new();
    for Wanted { assignee, kind, content, due_by } in wanted {
        let malformed = |error| Err(Refusal::malformed(error));
        let Some(user) = state.users.get(assignee) else {
            return malformed(format!("there is no user {assignee}"));
        };
        if user.archived_at.is_some() {
            return malformed(format!("user {assignee} is archived"));
        }
        if !state.catalog.has(*kind, *content) {
            return malformed(format!("there is no {} {content}", kind.singular()));
        }
        let key = (*assignee, *kind, *content);
        let had = match latest.get(&key) {
            Some(id) => decided.get(id),
            None => state.assigned_to(*assignee).find(|a| a.assignable_id == *content && a.assignable_type == kind.assignable_type()),
        };
        let assignment = match had {
            Some(had) if had.completed_at.is_none() => had.clone(),
            Some(had) => Assignment {
                due_by: *due_by,
                reassigned_at: Some(now),
                started_at: None,
                completed_at: None,
                score: None,
                updated_at: now,
                ..had.clone()
            },
            None => {
                next += 1;
                fresh(next - 1, *assignee, *kind, *content, *due_by, now)
            }
        };
        answer.push(assignment.id);
        latest.insert(key, assignment.id);
        decided.insert(assignment.id, assignment);
    }
    let changes = decided.values().map(|a| a.changed(state.assignments.get(&a.id))).collect();
    Ok((changes, answer.iter().map(|id| decided[id].clone()).collect()))
}

/// An assignment just made.
pub(super) fn fresh(id: u64, assignee: u64, kind: Kind, content: u64, due_by: Option<Timestamp>, now: Timestamp) -> Assignment {
    Assignment {
        id,
        assignee_id: assignee,
        assignable_type: kind.assignable_type().to_owned(),
        assignable_id: content,
        assigned_at: now,
        due_by,
        reassigned_at: None,
        started_at: None,
        completed_at: None,
        grade_pending: false,
        score: None,
        updated_at: now,
        ended_at: None,
    }
}

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::App;
use super::content::{self, Kind};
use super::profile::Profile;
use super::state::{self, Assignment};
use super::wire::{self, Params, Refusal, Segment};
use super::{groups, users};
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
pub(super) async fn list(State(app): State<Arc<App>>, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    let after = call.param("gt[updated_at]").map(|text| wire::instant("gt[updated_at]", text)).transpose()?;
    match after {
        None => pages(&app, &call, "assignments", |state, _| state.assignment_order.iter().rev().copied().collect()),
        Some(after) => filtered(&app, &call, |assignment, _| assignment.updated_at > after),
    }
}

/// GET /assignments/:status: the status in any case, `-`, `_` or a space between its words.
pub(super) async fn with_status(
    State(app): State<Arc<App>>,
    Segment(status): Segment,
    call: Extension<Arc<Call>>,
) -> Result<Response, Refusal> {
    let after = call.param("gt[updated_at]").map(|text| wire::instant("gt[updated_at]", text)).transpose()?;
    let asked = status.to_lowercase().replace(['-', '_'], " ");
    let words = &app.profile.statuses;
    let known = [words.completed, words.incomplete, words.overdue, words.grade_pending];
    if !known.iter().any(|word| word.to_lowercase() == asked) {
        return Err(Refusal::malformed(format!("status `{status}` is none of {}", known.join(", "))));
    }
    filtered(&app, &call, |assignment, now| {
        assignment.status(app.profile, now).to_lowercase() == asked && after.is_none_or(|after| assignment.updated_at > after)
    })
}

fn filtered(app: &App, call: &Call, keep: impl Fn(&Assignment, Timestamp) -> bool) -> Result<Response, Refusal> {
    pages(app, call, "assignments", |state, now| {
        let newest_first = state.assignment_order.iter().rev().copied();
        newest_first.filter(|id| keep(&state.assignments[id], now)).collect()
    })
}

/// GET /lessons/:id/assignments and the like: a page of them, newest first.
pub(super) async fn of_content(app: &App, kind: Kind, id: &str, call: &Call) -> Result<Response, Refusal> {
    let content = content::known(kind, id)?;
    let name = format!("{}_assignments", kind.singular());
    pages(app, call, &name, |state, _| {
        let mut ids: Vec<u64> = state.assignments_of(kind, content).collect();
        ids.reverse();
        ids
    })
}

fn pages(app: &App, call: &Call, kind: &str, ids: impl FnOnce(&state::State, Timestamp) -> Vec<u64>) -> Result<Response, Refusal> {
    let now = app.backend.clock.now();
    app.backend.read(|state| {
        let ids = wire::page(call, app.profile, ids(state, now).into_iter())?;
        let page: Vec<Value> = ids.iter().map(|id| record(state, &state.assignments[id], app.profile, now)).collect();
        Ok(wire::ok(json!({ "type": kind, "assignments": page })))
    })
}

/// GET /users/:id/assignments: all at once, whatever their status, oldest first.
pub(super) async fn of_user(State(app): State<Arc<App>>, Segment(id): Segment) -> Result<Response, Refusal> {
    let now = app.backend.clock.now();
    app.backend.read(|state| {
        let user = users::known(state, &id)?;
        let all: Vec<Value> = state.assigned_to(user.id).map(|a| record(state, a, app.profile, now)).collect();
        Ok(wire::ok(json!({ "type": app.profile.user_assignments, "assignments": all })))
    })
}

/// GET /groups/:id/assignments: a bare array, of what the group's members are assigned (CHOSEN).
pub(super) async fn of_group(State(app): State<Arc<App>>, Segment(id): Segment) -> Result<Response, Refusal> {
    let now = app.backend.clock.now();
    app.backend.read(|state| {
        let members = state.members(groups::known(state, &id)?.id);
        let all = members.iter().flat_map(|user| state.assigned_to(user.id));
        Ok(wire::ok(all.map(|a| record(state, a, app.profile, now)).collect()))
    })
}

/// POST /users/:id/assignments.
pub(super) async fn assign_to_user(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    call: Extension<Arc<Call>>,
) -> Result<Response, Refusal> {
    let params = Params::of(&call)?;
    let body = app.backend.write(&call, |state, now| {
        let assignee = users::known(state, &id)?.id;
        let wanted = |item: &Map<String, Value>| {
            let kind = item.get("assignable_type").and_then(Value::as_str).and_then(Kind::from_assignable_type);
            let kind = kind.ok_or_else(|| Refusal::malformed("assignable_type must be Lesson, LearningPaths::Path or Course"))?;
            let content = wire::id_in(item, "assignments", "assignable_id")?;
            Ok::<_, Refusal>(Wanted { assignee, kind, content, due_by: due_by(item)? })
        };
        let wanted = items(&params)?.into_iter().map(wanted).collect::<Result<Vec<_>, _>>()?;
        answered(&app, state, &wanted, now, "create_user_assignments")
    })?;
    Ok(wire::answer(StatusCode::CREATED, &body))
}

/// PUT (200) and POST (201) /lessons/:id/assignments and the like.
pub(super) async fn assign_content(app: &App, kind: Kind, id: &str, call: &Call) -> Result<Response, Refusal> {
    let content = content::known(kind, id)?;
    let params = Params::of(call)?;
    let (status, verb) = if call.method == "POST" { (StatusCode::CREATED, "create") } else { (StatusCode::OK, "update") };
    let body = app.backend.write(call, |state, now| {
        let wanted = |item: &Map<String, Value>| {
            let assignee = wire::id_in(item, "assignments", "assignee_id")?;
            Ok::<_, Refusal>(Wanted { assignee, kind, content, due_by: due_by(item)? })
        };
        let wanted = items(&params)?.into_iter().map(wanted).collect::<Result<Vec<_>, _>>()?;
        answered(app, state, &wanted, now, &format!("{verb}_{}_assignments", kind.singular()))
    })?;
    Ok(wire::answer(status, &body))
}

fn items(params: &Params) -> Result<Vec<&Map<String, Value>>, Refusal> {
    match params.objects("assignments")? {
        items if items.is_empty() => Err(Refusal::malformed("assignments is missing")),
        items => Ok(items),
    }
}

fn due_by(item: &Map<String, Value>) -> Result<Option<Timestamp>, Refusal> {
    match item.get("due_by") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => wire::instant("due_by", text).map(Some),
        Some(_) => Err(Refusal::malformed("due_by must be a string")),
    }
}

fn answered(app: &App, state: &state::State, wanted: &[Wanted], now: Timestamp, kind: &str) -> Result<(Vec<Change>, Value), Refusal> {
    let (changes, assigned) = assigned(state, wanted, wire::whole_seconds(now))?;
    let all: Vec<Value> = assigned.iter().map(|a| record(state, a, app.profile, now)).collect();
    Ok((changes, json!({ "type": kind, "assignments": all })))
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
        if !kind.ids().contains(content) {
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

fn record(state: &state::State, assignment: &Assignment, profile: &Profile, now: Timestamp) -> Value {
    json!({
        "id": assignment.id,
        "resource_type": "assignment",
        "assignee_id": assignment.assignee_id,
        "assignable_type": assignment.assignable_type,
        "assignable_id": assignment.assignable_id,
        // No source says whose: the assignee's (CHOSEN).
        "ext_uid": state.users.get(&assignment.assignee_id).and_then(|user| user.ext_uid.as_deref()),
        "assigned_at": assignment.assigned_at,
        "due_by": assignment.due_by,
        "reassigned_at": assignment.reassigned_at,
        "status": assignment.status(profile, now),
        "started_at": assignment.started_at,
        "completed_at": assignment.completed_at,
        "updated_at": assignment.updated_at,
        "score": assignment.score.filter(|_| assignment.completed_at.is_some()),
    })
}

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::App;
use super::groups;
use super::state::{self, Field, ROLES, User};
use super::wire::{self, Params, Refusal, Segment};
use crate::call::Call;
use crate::ledger::Change;

/// What a name must not hold.
const FORBIDDEN: &str = "`!@#$%^&*+=()|[];";

/// GET /users: a page of all users, archived ones too, newest first.
pub(super) async fn list(State(app): State<Arc<App>>, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    app.backend.read(|state| {
        let ids = wire::page(&call, app.profile, state.user_order.iter().rev().copied())?;
        let users: Vec<Value> = ids.iter().map(|id| item(state, &state.users[id], &call)).collect();
        Ok(wire::ok(json!({ "type": "users", "users": users })))
    })
}

/// GET /users/:id.
pub(super) async fn show(State(app): State<Arc<App>>, Segment(id): Segment, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    app.backend.read(|state| {
        let user = known(state, &id)?;
        Ok(wire::ok(full("user", state, user, &call)))
    })
}

/// POST /users.
pub(super) async fn create(State(app): State<Arc<App>>, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    let params = Params::of(&call)?;
    let body = app.backend.write(&call, |state, now| {
        let (changes, user) = created(&app, state, &params, wire::whole_seconds(now))?;
        Ok::<_, Refusal>((changes, full(app.profile.created_user, state, &user, &call)))
    })?;
    Ok(wire::answer(StatusCode::CREATED, &body))
}

/// PUT /users/:id: what is absent stays; `group_ids` that is there replaces every membership.
pub(super) async fn update(State(app): State<Arc<App>>, Segment(id): Segment, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    let params = Params::of(&call)?;
    change(&app, &id, &call, |state, user, _| described(&app, state, user, &params))
}

/// PUT /users/:id/archive.
pub(super) async fn archive(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    call: Extension<Arc<Call>>,
) -> Result<Response, Refusal> {
    let body = app.backend.write(&call, |state, now| {
        let (changes, user) = archived(state, known(state, &id)?, None, wire::whole_seconds(now));
        Ok::<_, Refusal>((changes, full(app.profile.updated_user, state, &user, &call)))
    })?;
    Ok(wire::ok(body))
}

/// PUT /users/:id/restore: the same id is active again; no assignment comes back.
pub(super) async fn restore(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    call: Extension<Arc<Call>>,
) -> Result<Response, Refusal> {
    change(&app, &id, &call, |_, user, _| {
        restored(user);
        Ok(())
    })
}

fn change(
    app: &App,
    id: &str,
    call: &Call,
    with: impl FnOnce(&state::State, &mut User, Timestamp) -> Result<(), Refusal>,
) -> Result<Response, Refusal> {
    let body = app.backend.write(call, |state, now| {
        let before = known(state, id)?;
        let (mut user, now) = (before.clone(), wire::whole_seconds(now));
        with(state, &mut user, now)?;
        let changes = user.changed(Some(before), now).into_iter().collect();
        Ok::<_, Refusal>((changes, full(app.profile.updated_user, state, &user, call)))
    })?;
    Ok(wire::ok(body))
}

/// A new user with these parameters.
pub(super) fn created(app: &App, state: &state::State, params: &Params, now: Timestamp) -> Result<(Vec<Change>, User), Refusal> {
    let role = "learner".to_owned();
    let mut user = User { id: state.next_user(), role, created_at: now, ..User::default() };
    described(app, state, &mut user, params)?;
    for (name, value) in [("name", &user.name), ("email", &user.email)] {
        if value.is_empty() {
            return Err(Refusal::malformed(format!("{name} is missing")));
        }
    }
    let changes = user.changed(None, now).into_iter().collect();
    Ok((changes, user))
}

/// The user archived: completed assignments stay as history, the others are over.  Twice is as once.
pub(super) fn archived(state: &state::State, before: &User, by: Option<u64>, now: Timestamp) -> (Vec<Change>, User) {
    let mut user = before.clone();
    if user.archived_at.is_none() {
        user.archived_at = Some(now);
        user.archived_by_user_id = by;
    }
    let mut changes: Vec<Change> = user.changed(Some(before), now).into_iter().collect();
    if !changes.is_empty() {
        changes.extend(state.assigned_to(user.id).filter(|a| a.completed_at.is_none()).map(|assignment| {
            let mut ended = assignment.clone();
            ended.ended_at = Some(now);
            ended.updated_at = now;
            ended.changed(Some(assignment))
        }));
    }
    (changes, user)
}

pub(super) fn restored(user: &mut User) {
    user.archived_at = None;
    user.archived_by_user_id = None;
}

/// Sets on the user what the parameters say.
pub(super) fn described(app: &App, state: &state::State, user: &mut User, params: &Params) -> Result<(), Refusal> {
    if let Some(name) = params.text("name")? {
        user.name = name.map(good_name).transpose()?.ok_or_else(|| Refusal::malformed("name must not be empty"))?;
    }
    if let Some(email) = params.text("email")? {
        let email = email.unwrap_or_default();
        if !is_email(email) {
            return Err(Refusal::malformed(format!("email `{email}` is no e-mail address")));
        }
        if state.owner(email).is_some_and(|owner| owner != user.id) {
            return Err(Refusal::malformed("email has already been taken"));
        }
        user.email = email.to_owned();
    }
    if let Some(role) = role(params)? {
        user.role = role.to_owned();
    }
    for (name, field) in [
        ("ext_uid", &mut user.ext_uid),
        ("job_title", &mut user.job_title),
        ("business_unit", &mut user.business_unit),
        ("department", &mut user.department),
        ("location", &mut user.location),
        ("locale", &mut user.locale),
        ("manager_name", &mut user.manager_name),
    ] {
        if let Some(text) = params.text(name)? {
            *field = text.map(str::to_owned);
        }
    }
    if let Some(date) = params.text("hire_date")? {
        user.hire_date = date.filter(|date| !date.is_empty()).map(good_date).transpose()?;
    }
    if params.get("notify").is_some_and(|v| !(v.is_boolean() || v.is_null() || v == "true" || v == "false")) {
        return Err(Refusal::malformed("notify must be true or false"));
    }
    for key in ["custom_user_field_data", "custom_user_fields"] {
        if let Some(given) = params.get(key) {
            set_fields(&app.fields(), user, key, given)?;
        }
    }
    if let Some(ids) = params.get("group_ids") {
        user.group_ids = groups::replacing(state, &user.group_ids, ids)?;
    }
    Ok(())
}

fn good_name(name: &str) -> Result<String, Refusal> {
    let wrong = |why: String| Err(Refusal::malformed(format!("name `{name}` {why}")));
    if name.trim().is_empty() {
        wrong("must not be empty".to_owned())
    } else if name.starts_with(' ') {
        wrong("must not begin with a space".to_owned())
    } else if let Some(bad) = name.chars().find(|c| FORBIDDEN.contains(*c)) {
        wrong(format!("must not contain {bad}"))
    } else {
        Ok(name.to_owned())
    }
}

fn good_date(text: &str) -> Result<String, Refusal> {
    let wrong = || Refusal::malformed(format!("hire_date `{text}` is no date as YYYY-MM-DD"));
    let date: Date = text.parse().map_err(|_| wrong())?;
    if date.to_string() == text { Ok(date.to_string()) } else { Err(wrong()) }
}

/// No source says what the vendor takes for an e-mail address: something on both sides of one `@` (CHOSEN).
fn is_email(text: &str) -> bool {
    let mut sides = text.split('@');
    let whole = |side: Option<&str>| side.is_some_and(|s| !s.is_empty() && !s.contains(char::is_whitespace));
    whole(sides.next()) && whole(sides.next()) && sides.next().is_none()
}

/// The role asked for, by name or else by id.
fn role(params: &Params) -> Result<Option<&'static str>, Refusal> {
    // Null is as if it were not there: nobody can be without a role.
    let named = params
        .text("role")?
        .flatten()
        .map(|role| ROLES.iter().find(|(name, _)| *name == role).ok_or_else(|| format!("role `{role}` is not known")));
    let numbered = params
        .get("role_id")
        .filter(|id| !id.is_null())
        .map(|id| ROLES.iter().find(|(_, known)| *id == json!(known)).ok_or_else(|| format!("role_id {id} is not known")));
    let role = named.or(numbered).transpose().map_err(Refusal::malformed)?;
    Ok(role.map(|(name, _)| *name))
}

/// Sets custom fields: `[{name | custom_user_field_id, value}]` or `{name: value}`.  Those not declared are dropped, silently;
/// those not mentioned stay; null or empty takes the value away.
fn set_fields(declared: &[String], user: &mut User, key: &str, given: &Value) -> Result<(), Refusal> {
    let wrong = || Refusal::malformed(format!("{key} must be a list of objects with name and value"));
    let mut values: Vec<(Option<usize>, &Value)> = Vec::new();
    let place = |name: &str| declared.iter().position(|d| d == name);
    match given {
        Value::Null => {}
        Value::Object(map) => values.extend(map.iter().map(|(name, value)| (place(name), value))),
        Value::Array(items) => {
            for item in items {
                let item = item.as_object().ok_or_else(wrong)?;
                let at = match (item.get("name"), item.get("custom_user_field_id")) {
                    (Some(Value::String(name)), _) => place(name),
                    (None, Some(id)) => {
                        let id = id.as_u64().ok_or_else(wrong)?;
                        (1..=declared.len() as u64).contains(&id).then(|| id as usize - 1)
                    }
                    _ => return Err(wrong()),
                };
                values.push((at, item.get("value").ok_or_else(wrong)?));
            }
        }
        _ => return Err(wrong()),
    }
    for (at, value) in values {
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return Err(wrong()),
        };
        let Some(at) = at else { continue };
        user.custom_user_field_data.retain(|field| field.name != declared[at]);
        if !text.is_empty() {
            let number = at as u64 + 1;
            user.custom_user_field_data.push(Field {
                id: user.id * 1000 + number,
                custom_user_field_id: number,
                name: declared[at].clone(),
                value: text,
            });
            user.custom_user_field_data.sort_by_key(|field| field.custom_user_field_id);
        }
    }
    Ok(())
}

/// The user with the id in a path.
pub(super) fn known<'a>(state: &'a state::State, id: &str) -> Result<&'a User, Refusal> {
    wire::id(id).and_then(|id| state.users.get(&id)).ok_or_else(|| Refusal::missing("user"))
}

/// A list item: v1.1 has more.
fn item(state: &state::State, user: &User, call: &Call) -> Value {
    let mut item = user.item();
    if call.path.starts_with("/api/v1.1/") {
        item["custom_user_field_data"] = json!(user.custom_user_field_data);
        richer(state, user, &mut item);
    }
    item
}

fn richer(state: &state::State, user: &User, item: &mut Value) {
    item["mobile_phone_number"] = json!(user.mobile_phone_number);
    item["groups"] = json!({
        "member": groups::brief(state, &user.group_ids),
        "manager": groups::brief(state, &user.managing_ids),
    });
}

/// The whole user, with the envelope's type.
fn full(kind: &str, state: &state::State, user: &User, call: &Call) -> Value {
    let mut record = wire::typed(kind, item(state, user, call));
    record["custom_user_field_data"] = json!(user.custom_user_field_data);
    record["group_ids"] = json!(user.group_ids);
    record["created_at"] = json!(user.created_at);
    record["updated_at"] = json!(user.updated_at);
    record
}

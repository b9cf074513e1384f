//! What the parameters of a user mean.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use super::params::{Params, id_of};
use super::records::{ROLES, User};
use super::state::State;
use super::wire::{self, Refusal};
use super::{App, fields, groups};
use crate::ledger::Change;

/// What a name must not hold.
const FORBIDDEN: &str = "`!@#$%^&*+=()|[];";

/// A new user with these parameters.
pub(super) fn created(app: &App, state: &State, params: &Params, now: Timestamp) -> Result<(Vec<Change>, User), Refusal> {
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
pub(super) fn archived(app: &App, state: &State, before: &User, by: Option<u64>, now: Timestamp) -> (Vec<Change>, User) {
    let mut user = before.clone();
    if user.archived_at.is_none() {
        user.archived_at = Some(app.profile.archived.kept(now));
        user.archived_by_user_id = by;
    }
    let now = wire::whole_seconds(now);
    let mut changes: Vec<Change> = user.changed(Some(before), now).into_iter().collect();
    if !changes.is_empty() {
        changes.extend(over(state, user.id, now));
    }
    (changes, user)
}

/// What becomes of an archived user's assignments that are not completed: they are over.
pub(super) fn over(state: &State, user: u64, now: Timestamp) -> impl Iterator<Item = Change> {
    state.assigned_to(user).filter(|a| a.completed_at.is_none()).map(move |assignment| {
        let mut ended = assignment.clone();
        ended.ended_at = Some(now);
        ended.updated_at = now;
        ended.changed(Some(assignment))
    })
}

pub(super) fn restored(user: &mut User) {
    user.archived_at = None;
    user.archived_by_user_id = None;
}

/// Sets on the user what the parameters say.
pub(super) fn described(app: &App, state: &State, user: &mut User, params: &Params) -> Result<(), Refusal> {
    if let Some(name) = params.text("name")? {
        user.name = name.map(good_name).transpose()?.ok_or_else(|| Refusal::malformed("name must not be empty"))?;
    }
    if let Some(email) = params.text("email")? {
        let email = email.unwrap_or_default();
        if !is_email(email) {
            return Err(Refusal::malformed(format!("email `{email}` is no e-mail address")));
        }
        if app.taken(state, email, user.id) {
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
    let plain = |value: &Value| value.is_boolean() || value.is_null() || ["", "true", "false"].iter().any(|word| value == word);
    if params.get("notify").is_some_and(|notify| !plain(notify)) {
        return Err(Refusal::malformed("notify must be true or false"));
    }
    for key in ["custom_user_field_data", "custom_user_fields"] {
        if let Some(given) = params.get(key) {
            fields::set(app, state, user, key, given)?;
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

/// A day, or a time of which the day counts.
fn good_date(text: &str) -> Result<String, Refusal> {
    let day = text.split_once(['T', ' ']).map_or(text, |(day, _)| day);
    let date = day.parse::<Date>().ok().filter(|date| date.to_string() == day);
    date.map(|date| date.to_string()).ok_or_else(|| Refusal::malformed(format!("hire_date `{text}` is no date as YYYY-MM-DD")))
}

/// No source says what the vendor takes for an e-mail address: something on both sides of one `@` (CHOSEN).
fn is_email(text: &str) -> bool {
    let mut sides = text.split('@');
    let whole = |side: Option<&str>| side.is_some_and(|s| !s.is_empty() && !s.contains(char::is_whitespace));
    whole(sides.next()) && whole(sides.next()) && sides.next().is_none()
}

/// The role asked for, by name or else by id.
fn role(params: &Params) -> Result<Option<&'static str>, Refusal> {
    // Null and empty are as if they were not there: nobody can be without a role.
    let named = params
        .text("role")?
        .flatten()
        .filter(|role| !role.is_empty())
        .map(|role| ROLES.iter().find(|(name, _)| *name == role).ok_or_else(|| format!("role `{role}` is not known")));
    let numbered = params
        .get("role_id")
        .filter(|id| !id.is_null() && *id != "")
        .map(|id| ROLES.iter().find(|(_, known)| id_of(id) == Some(*known)).ok_or_else(|| format!("role_id {id} is not known")));
    let role = named.or(numbered).transpose().map_err(Refusal::malformed)?;
    Ok(role.map(|(name, _)| *name))
}

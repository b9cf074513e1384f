use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::Value;

use super::params::{self, Params};
use super::records::{Group, User};
use super::wire::{self, Refusal, Segment};
use super::{Api, render, state, users};
use crate::call::Call;
use crate::ledger::Change;

/// Users as they are once a call has put them into a group or taken them out, by id.
type Seated = BTreeMap<u64, User>;

/// GET /groups: all of them, newest first, the built-in one last.
pub(super) async fn list(State(api): State<Api>) -> Response {
    let one = |out: &mut Vec<u8>, group: &Group| out.extend_from_slice(render::group(group, api.app.profile).as_bytes());
    api.app.backend.read(|state| wire::listed(("groups", "groups"), None, state.groups.values().rev(), one))
}

/// GET /groups/:id: with its members and managers, archived users too.
pub(super) async fn show(State(api): State<Api>, Segment(id): Segment) -> Result<Response, Refusal> {
    api.app.backend.read(|state| {
        let group = known(state, &id)?;
        Ok(wire::answer(StatusCode::OK, whole("group", &api, state, group, &Seated::new())))
    })
}

/// POST /groups.
pub(super) async fn create(State(api): State<Api>, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    let params = Params::of(&call, api.app.profile)?;
    let body = api.app.backend.write(&call, |state, now| {
        let (changes, group, users) = created(state, &params, wire::whole_seconds(now))?;
        Ok::<_, Refusal>((changes, whole("create_group", &api, state, &group, &users)))
    })?;
    Ok(wire::answer(StatusCode::CREATED, body))
}

/// PUT /groups/:id: adds members and managers, or takes out those that say `remove: "true"`.
pub(super) async fn update(State(api): State<Api>, Segment(id): Segment, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    let params = Params::of(&call, api.app.profile)?;
    let body = api.app.backend.write(&call, |state, now| {
        let before = writable(state, &id)?;
        let mut group = before.clone();
        if let Some(name) = params.text("name")? {
            group.name = good_name(name)?;
        }
        let users = seated(state, &group, &params)?;
        let mut changes = vec![group.changed(Some(before))];
        changes.extend(changed(state, users.clone(), wire::whole_seconds(now)));
        Ok::<_, Refusal>((changes, whole("update_group", &api, state, &group, &users)))
    })?;
    Ok(wire::answer(StatusCode::OK, body))
}

/// PUT /groups/:id/archive; members stay members.
pub(super) async fn archive(State(api): State<Api>, Segment(id): Segment, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    shelve(&api, &id, &call, |group, now| group.archived_at = group.archived_at.or(Some(now)))
}

/// PUT /groups/:id/restore.
pub(super) async fn restore(State(api): State<Api>, Segment(id): Segment, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    shelve(&api, &id, &call, |group, _| group.archived_at = None)
}

fn shelve(api: &Api, id: &str, call: &Call, how: impl Fn(&mut Group, Timestamp)) -> Result<Response, Refusal> {
    let body = api.app.backend.write(call, |state, now| {
        let before = writable(state, id)?;
        let mut group = before.clone();
        how(&mut group, api.app.profile.archived.kept(now));
        let body = whole("group", api, state, &group, &Seated::new());
        Ok::<_, Refusal>((vec![group.changed(Some(before))], body))
    })?;
    Ok(wire::answer(StatusCode::OK, body))
}

/// GET /users/:id/groups.
pub(super) async fn of_user(State(api): State<Api>, Segment(id): Segment) -> Result<Response, Refusal> {
    api.app.backend.read(|state| {
        let user = users::known(state, &id)?;
        Ok(wire::answer(StatusCode::OK, memberships("user_groups", state, user)))
    })
}

/// PUT /users/:id/groups: additive, `remove: "true"` takes out.
pub(super) async fn set_of_user(State(api): State<Api>, Segment(id): Segment, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    let params = Params::of(&call, api.app.profile)?;
    let body = api.app.backend.write(&call, |state, now| {
        let before = users::known(state, &id)?;
        let mut user = before.clone();
        for (list, groups) in [("memberships", &mut user.group_ids), ("managing", &mut user.managing_ids)] {
            for item in params.objects(list)?.unwrap_or_default() {
                let group = params::id_in(item, list, "id")?;
                if params::removes(item) {
                    leavable(state, group)?;
                    groups.remove(&group);
                } else if !groups.contains(&group) {
                    joinable(state, group)?;
                    groups.insert(group);
                }
            }
        }
        let changes = user.changed(Some(before), wire::whole_seconds(now)).into_iter().collect();
        Ok::<_, Refusal>((changes, memberships("update_user_groups", state, &user)))
    })?;
    Ok(wire::answer(StatusCode::OK, body))
}

/// A new group with these parameters, and the users put into it.
pub(super) fn created(state: &state::State, params: &Params, now: Timestamp) -> Result<(Vec<Change>, Group, Seated), Refusal> {
    let name = good_name(params.text("name")?.flatten())?;
    let group = Group { id: state.next_group(), name, archived_at: None, archived_by_user_id: None };
    let users = seated(state, &group, params)?;
    let mut changes = vec![group.changed(None)];
    changes.extend(changed(state, users.clone(), now));
    Ok((changes, group, users))
}

/// The users whom `members` and `managers` of a group's parameters name, with the group put in or taken out.
fn seated(state: &state::State, group: &Group, params: &Params) -> Result<Seated, Refusal> {
    let mut users = BTreeMap::new();
    for list in ["members", "managers"] {
        for item in params.objects(list)?.unwrap_or_default() {
            let id = params::id_in(item, list, "id")?;
            let known = state.users.get(&id);
            let known = known.ok_or_else(|| Refusal::malformed(format!("{list}: there is no user {id}")))?;
            let user: &mut User = users.entry(id).or_insert_with(|| known.clone());
            let seats = if list == "members" { &mut user.group_ids } else { &mut user.managing_ids };
            if params::removes(item) {
                seats.remove(&group.id);
            } else if seats.insert(group.id) {
                accepts(group)?;
            }
        }
    }
    Ok(users)
}

fn changed(state: &state::State, users: Seated, now: Timestamp) -> impl Iterator<Item = Change> {
    users.into_values().filter_map(move |mut user| user.changed(state.users.get(&user.id), now))
}

/// The groups that `group_ids` names: these and no others.
pub(super) fn replacing(state: &state::State, current: &BTreeSet<u64>, given: &Value) -> Result<BTreeSet<u64>, Refusal> {
    let wrong = || Refusal::malformed("group_ids must be a list of integers");
    let ids: BTreeSet<u64> =
        given.as_array().ok_or_else(wrong)?.iter().map(|id| params::id_of(id).ok_or_else(wrong)).collect::<Result<_, _>>()?;
    for id in ids.difference(current) {
        joinable(state, *id)?;
    }
    Ok(ids)
}

/// Whether somebody can be put into the group.
fn joinable(state: &state::State, id: u64) -> Result<(), Refusal> {
    let group = state.groups.get(&id).ok_or_else(|| Refusal::malformed(format!("there is no group {id}")))?;
    leavable(state, id)?;
    accepts(group)
}

/// Whether anybody can be taken out of the group.
fn leavable(state: &state::State, id: u64) -> Result<(), Refusal> {
    match state.is_everyone(id) {
        true => Err(Refusal::malformed("Group::Everyone holds everybody and cannot be set")),
        false => Ok(()),
    }
}

/// An archived group keeps whom it has and takes nobody (CHOSEN).
fn accepts(group: &Group) -> Result<(), Refusal> {
    match group.archived_at {
        Some(_) => Err(Refusal::malformed(format!("group {} is archived", group.id))),
        None => Ok(()),
    }
}

fn good_name(name: Option<&str>) -> Result<String, Refusal> {
    match name {
        Some(name) if !name.trim().is_empty() => Ok(name.to_owned()),
        _ => Err(Refusal::malformed("name is missing")),
    }
}

/// The group with the id in a path.
pub(super) fn known<'a>(state: &'a state::State, id: &str) -> Result<&'a Group, Refusal> {
    wire::id(id).and_then(|id| state.groups.get(&id)).ok_or_else(|| Refusal::missing("group"))
}

fn writable<'a>(state: &'a state::State, id: &str) -> Result<&'a Group, Refusal> {
    match known(state, id)? {
        group if state.is_everyone(group.id) => {
            Err(Refusal { status: StatusCode::FORBIDDEN, error: "Group::Everyone cannot be changed".to_owned() })
        }
        group => Ok(group),
    }
}

fn memberships(kind: &str, state: &state::State, user: &User) -> Vec<u8> {
    let mut out = format!("{{\"type\":\"{kind}\",\"memberships\":").into_bytes();
    render::brief(&mut out, state, &user.group_ids);
    out.extend_from_slice(b",\"managing\":");
    render::brief(&mut out, state, &user.managing_ids);
    out.push(b'}');
    out
}

/// The whole group, as it is once these users are changed.
fn whole(kind: &str, api: &Api, state: &state::State, group: &Group, users: &Seated) -> Vec<u8> {
    let (mut members, mut managers) = (state.members(group.id), state.managers(group.id));
    for (id, user) in users {
        for (seats, groups) in [(&mut members, &user.group_ids), (&mut managers, &user.managing_ids)] {
            if groups.contains(&group.id) {
                seats.insert(*id);
            } else {
                seats.remove(id);
            }
        }
    }
    render::whole_group(kind, state, group, api.app.profile, [&members, &managers])
}

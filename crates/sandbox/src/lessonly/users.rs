use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::describe::{archived, created, described, restored};
use super::params::Params;
use super::records::{Assignment, User};
use super::wire::{self, Page, Refusal, Segment};
use super::{Api, render, state};
use crate::call::Call;

/// GET /users: a page of all users, archived ones too, newest first; where the profile has filters, of those who pass them.
pub(super) async fn list(State(api): State<Api>, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    let page = Page::asked(&call, api.app.profile)?;
    let filter = Filter::asked(&call, &api);
    api.app.backend.read(|state| {
        let listed = ("users", "users");
        let one = |out: &mut Vec<u8>, (id, item): (u64, &str)| render::listed(out, &api, state, id, item);
        let found = |id: &u64| state.item(*id).map(|item| (*id, item));
        Ok(match filter.passed(state) {
            Passed::All => {
                let items = state.items();
                wire::listed(listed, Some((&page, items.len())), page.of(items).map(|(id, item)| (*id, &**item)), one)
            }
            Passed::Active => {
                let ids = state.active();
                wire::listed(listed, Some((&page, ids.len())), page.of(ids).filter_map(found), one)
            }
            Passed::These(ids) => wire::listed(listed, Some((&page, ids.len())), page.of(&ids).filter_map(found), one),
        })
    })
}

/// The filters of a list of users.
#[derive(Debug)]
struct Filter<'a> {
    email: Option<&'a str>,
    ext_uid: Option<&'a str>,
    active_only: bool,
}

/// Who passes.
enum Passed {
    All,
    Active,
    These(Vec<u64>),
}

impl<'a> Filter<'a> {
    fn asked(call: &'a Call, api: &Api) -> Self {
        let param = |name| if api.app.profile.filters { call.param(name) } else { None };
        let active_only = api.richer && param("filter[active_only]").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        Self { email: param("filter[email]"), ext_uid: param("filter[ext_uid]"), active_only }
    }

    /// The e-mail in any case, the external id as it is; an empty one is nobody's.
    fn passed(&self, state: &state::State) -> Passed {
        let mut ids: Vec<u64> = match (self.email, self.ext_uid) {
            // No address holds a space: that was a plus sign.
            (Some(email), _) => state.owner(&email.trim().replace(' ', "+")).into_iter().collect(),
            (None, Some("")) => Vec::new(),
            (None, Some(ext_uid)) => state.with_ext_uid(ext_uid).collect(),
            (None, None) if self.active_only => return Passed::Active,
            (None, None) => return Passed::All,
        };
        ids.retain(|id| {
            let user = &state.users[id];
            self.ext_uid.is_none_or(|ext_uid| user.ext_uid.as_deref() == Some(ext_uid))
                && (!self.active_only || user.archived_at.is_none())
        });
        Passed::These(ids)
    }
}

/// GET /users/:id.
pub(super) async fn show(State(api): State<Api>, Segment(id): Segment) -> Result<Response, Refusal> {
    api.app.backend.read(|state| Ok(wire::answer(StatusCode::OK, render::user("user", &api, state, known(state, &id)?))))
}

/// POST /users.
pub(super) async fn create(State(api): State<Api>, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    let params = Params::of(&call, api.app.profile)?;
    let body = api.app.backend.write(&call, |state, now| {
        let (changes, user) = created(&api.app, state, &params, wire::whole_seconds(now))?;
        Ok::<_, Refusal>((changes, render::user(api.app.profile.created_user, &api, state, &user)))
    })?;
    Ok(wire::answer(StatusCode::CREATED, body))
}

/// PUT /users/:id: what is absent stays.
pub(super) async fn update(State(api): State<Api>, Segment(id): Segment, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    let params = Params::of(&call, api.app.profile)?;
    change(&api, &id, &call, api.app.profile.updated_user, |state, user| described(&api.app, state, user, &params))
}

/// PUT /users/:id/archive.
pub(super) async fn archive(State(api): State<Api>, Segment(id): Segment, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    let body = api.app.backend.write(&call, |state, now| {
        let (changes, user) = archived(&api.app, state, known(state, &id)?, None, now);
        Ok::<_, Refusal>((changes, render::user("user", &api, state, &user)))
    })?;
    Ok(wire::answer(StatusCode::OK, body))
}

/// PUT /users/:id/restore: the same id is active again; no assignment comes back.
pub(super) async fn restore(State(api): State<Api>, Segment(id): Segment, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    change(&api, &id, &call, "user", |_, user| {
        restored(user);
        Ok(())
    })
}

/// DELETE /users/:id: the user is gone, and every assignment with it; the e-mail is free again, the id is not (CHOSEN).
pub(super) async fn delete(State(api): State<Api>, Segment(id): Segment, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    let id = api.app.backend.write(&call, |state, _| {
        let user = known(state, &id)?;
        let mut changes = vec![user.deleted()];
        changes.extend(state.ever_assigned_to(user.id).map(Assignment::deleted));
        Ok::<_, Refusal>((changes, user.id))
    })?;
    Ok(wire::ok(json!({ "type": "delete_user", "id": id })))
}

fn change(
    api: &Api,
    id: &str,
    call: &Call,
    kind: &str,
    with: impl FnOnce(&state::State, &mut User) -> Result<(), Refusal>,
) -> Result<Response, Refusal> {
    let body = api.app.backend.write(call, |state, now| {
        let before = known(state, id)?;
        let mut user = before.clone();
        with(state, &mut user)?;
        let changes = user.changed(Some(before), wire::whole_seconds(now)).into_iter().collect();
        Ok::<_, Refusal>((changes, render::user(kind, api, state, &user)))
    })?;
    Ok(wire::answer(StatusCode::OK, body))
}

/// The user with the id in a path.
pub(super) fn known<'a>(state: &'a state::State, id: &str) -> Result<&'a User, Refusal> {
    wire::id(id).and_then(|id| state.users.get(&id)).ok_or_else(|| Refusal::missing("user"))
}

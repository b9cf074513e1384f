//! `POST /users/batch` and `POST /users/upload`: up to 200 users made or changed in one call.

use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::edit::Edit;
use super::users;
use super::wire::{Members, Refusal, Reply, Request, Validation};

/// `POST /users/batch`, `{users: […]}`: the valid ones are taken; 200 when all were, 422 with the same body when one was not.
///
/// An item is about the user with its id, else with its user name, else with its external id; where there is none it is
/// a create.  What it leaves out is cleared as by `PUT`.
pub(super) fn report(edit: &mut Edit<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    let members = request.members()?;
    let Some(items) = members.given("users").and_then(Value::as_array) else {
        return Err(Refusal::invalid("users", "must be a list of users"));
    };
    check_size(edit, items.len())?;
    let mut errors = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if let Err(refusal) = put(edit, item, true) {
            errors.push(json!({"index": index, "message": refusal.message}));
        }
    }
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let body = json!({"succeeded": items.len() - errors.len(), "failed": errors.len(), "errors": errors});
    Ok(Reply::json(status, &body))
}

/// `POST /users/upload`, a bare array: all or none; 200 and `[{"key": userId, "value": username}]` in the order of the items.
///
/// An item is about the user with its user name, else with its external id, and leaves alone what it does not name; where
/// there is none it is a create.  CHOSEN: the complaints name item and member as `[5].departmentId`.
pub(super) fn whole(edit: &mut Edit<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    let items = request.items()?;
    check_size(edit, items.len())?;
    let (mut done, mut faults) = (Vec::with_capacity(items.len()), Vec::new());
    for (index, item) in items.iter().enumerate() {
        match put(edit, item, false) {
            Ok(id) => done.push(id),
            Err(refusal) if refusal.validations.is_empty() => faults.push(Validation::new(format!("[{index}]"), refusal.message)),
            Err(refusal) => {
                let named = |fault: Validation| Validation::new(format!("[{index}].{}", fault.field), fault.message);
                faults.extend(refusal.validations.into_iter().map(named));
            }
        }
    }
    if !faults.is_empty() {
        return Err(Refusal::validations(faults));
    }
    let pair = |id: &Uuid| json!({"key": id, "value": edit.user(*id).map(|user| user.username())});
    Ok(Reply::ok(&done.iter().map(pair).collect::<Vec<_>>()))
}

fn check_size(edit: &Edit<'_>, count: usize) -> Result<(), Refusal> {
    let max = edit.view.profile.batch_max;
    if count > max {
        return Err(Refusal::invalid("users", format!("holds {count} users; a batch takes {max} at most")));
    }
    Ok(())
}

fn put(edit: &mut Edit<'_>, item: &Value, by_id: bool) -> Result<Uuid, Refusal> {
    let item = item.as_object().ok_or_else(|| Refusal::malformed("a user must be an object"))?;
    let members = Members::of(item.clone());
    match find(edit, &members, by_id)? {
        Some(id) => {
            let old = edit.user(id).cloned().ok_or_else(|| Refusal::not_found("the user"))?;
            users::change(edit, &old, &members, edit.view.profile.left_out)?;
            Ok(id)
        }
        None => users::make(edit, &members),
    }
}

/// The user that an item or a create is about.
///
/// CHOSEN, where it meets a user whom the admin does not see: an id is not found, a user name is taken, an external id is
/// no match: a second account is made (A04).
pub(super) fn find(edit: &Edit<'_>, members: &Members, by_id: bool) -> Result<Option<Uuid>, Refusal> {
    let sees = |user: &&super::fields::User| edit.view.scope.sees(user);
    if let Some(id) = members.given("id").filter(|_| by_id) {
        let id = id.as_str().and_then(|text| Uuid::try_parse(text).ok()).ok_or_else(|| Refusal::invalid("id", "is not a UUID"))?;
        let user = edit.user(id).filter(sees).ok_or_else(|| Refusal::not_found("the user"))?;
        return Ok(Some(user.id()));
    }
    let text = |name| members.given(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    if let Some(user) = text("username").and_then(|name| edit.by_username(name)) {
        return if sees(&user) { Ok(Some(user.id())) } else { Err(Refusal::invalid("username", "is taken")) };
    }
    let Some(external) = text("externalId") else { return Ok(None) };
    let mut seen = edit.by_external_id(external).into_iter().filter(|user| edit.view.scope.sees(user));
    match (seen.next(), seen.next()) {
        (found, None) => Ok(found.map(|user| user.id())),
        (_, Some(_)) => Err(Refusal::invalid("externalId", "is that of more than one user")),
    }
}

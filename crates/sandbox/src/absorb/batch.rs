//! `POST /users/batch`: up to 200 users made or replaced in one call; the valid ones are, the others are listed.

use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::edit::Edit;
use super::users;
use super::wire::{Members, Refusal, Reply};

/// 200 when every item was taken; 422 with the same body when one was not.
///
/// An item is about the user with its id, else with its user name, else with its external id; where there is none it is
/// a create.  What it leaves out is cleared as by `PUT`.  CHOSEN, where an item meets a user whom the admin does not see:
/// an id is not found, a user name is taken, an external id is no match: a second account is made (A04).
pub(super) fn post(edit: &mut Edit<'_>, members: &Members) -> Result<Reply, Refusal> {
    let Some(items) = members.given("users").and_then(Value::as_array) else {
        return Err(Refusal::invalid("users", "must be a list of users"));
    };
    let max = edit.view.profile.batch_max;
    if items.len() > max {
        return Err(Refusal::invalid("users", format!("holds {} users; a batch takes {max} at most", items.len())));
    }
    let mut errors = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if let Err(refusal) = put(edit, item) {
            errors.push(json!({"index": index, "message": refusal.message}));
        }
    }
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let body = json!({"succeeded": items.len() - errors.len(), "failed": errors.len(), "errors": errors});
    Ok(Reply::json(status, &body))
}

fn put(edit: &mut Edit<'_>, item: &Value) -> Result<(), Refusal> {
    let item = item.as_object().ok_or_else(|| Refusal::malformed("a user must be an object"))?;
    let members = Members::of(item.clone());
    match find(edit, &members)? {
        Some(id) => {
            let old = edit.user(id).cloned().ok_or_else(|| Refusal::not_found("the user"))?;
            users::change(edit, &old, &members, true)
        }
        None => users::make(edit, &members).map(drop),
    }
}

/// The user that an item is about.
fn find(edit: &Edit<'_>, members: &Members) -> Result<Option<Uuid>, Refusal> {
    let sees = |user: &&super::fields::User| edit.view.scope.sees(user);
    if let Some(id) = members.given("id") {
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

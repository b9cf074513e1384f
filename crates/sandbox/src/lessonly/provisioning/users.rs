//! What both readings do to an account.

use jiff::Timestamp;
use scim::{Error, ScimType};
use serde_json::{Map, Value, json};

use crate::ledger::Change;
use crate::lessonly::App;
use crate::lessonly::describe::{described, over, restored};
use crate::lessonly::params::Params;
use crate::lessonly::records::User;
use crate::lessonly::state::State;
use crate::lessonly::wire::whole_seconds;
use crate::provisioning::{Resource, lists};

/// A new account that is nobody's yet.
pub(super) fn new(state: &State, now: Timestamp) -> User {
    User { id: state.next_user(), role: "learner".to_owned(), created_at: whole_seconds(now), ..User::default() }
}

/// Sets what the parameters of REST say; what REST refuses is refused here.
///
/// # Errors
/// 400 `invalidValue`; 409 for an e-mail that somebody else has.
pub(super) fn set(app: &App, state: &State, user: &mut User, params: Map<String, Value>) -> Result<(), Error> {
    if let Some(email) = params.get("email").and_then(Value::as_str)
        && app.taken(state, email, user.id)
    {
        return Err(Error::taken("emails.value", email));
    }
    let wrong = |refusal: crate::lessonly::wire::Refusal| Error::bad(ScimType::InvalidValue, refusal.error);
    described(app, state, user, &Params::by_hand(Value::Object(params)).map_err(wrong)?).map_err(wrong)
}

/// The account active or archived as is said, and what changes by all that was set on it.
pub(super) fn finished(
    app: &App,
    state: &State,
    before: Option<&User>,
    mut user: User,
    active: Option<bool>,
    now: Timestamp,
) -> (Vec<Change>, User) {
    let archives = active == Some(false) && user.archived_at.is_none();
    if archives {
        user.archived_at = Some(app.profile.archived.kept(now));
    } else if active == Some(true) {
        restored(&mut user);
    }
    let now = whole_seconds(now);
    let mut changes: Vec<Change> = user.changed(before, now).into_iter().collect();
    if archives {
        changes.extend(over(state, user.id, now));
    }
    (changes, user)
}

/// The one name that a resource says: its parts, else the whole, else what is shown.
pub(super) fn full_name(resource: &Resource) -> Option<String> {
    let parts = ["givenName", "familyName"].map(|part| lists::text(resource, &["name", part]));
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    if !parts.is_empty() {
        return Some(parts.join(" "));
    }
    lists::text(resource, &["name", "formatted"]).or_else(|| lists::text(resource, &["displayName"])).map(str::to_owned)
}

/// The given and the family name of an account: those that were kept where they still make up its name.
pub(super) fn names(user: &User) -> (Option<&str>, Option<&str>) {
    let kept = ["givenName", "familyName"].map(|part| lists::text(&user.scim, &["name", part]));
    if kept != [None, None] && full_name(&user.scim).as_deref() == Some(user.name.as_str()) {
        return (kept[0], kept[1]);
    }
    match user.name.split_once(' ') {
        Some((given, family)) => (Some(given), Some(family.trim()).filter(|family| !family.is_empty())),
        None => (Some(user.name.as_str()), None),
    }
}

/// Keeps the parts of a name beside it.
pub(super) fn keep_names(user: &mut User, given: &str, family: &str) {
    user.scim.insert("name".to_owned(), json!({"givenName": given, "familyName": family}));
}

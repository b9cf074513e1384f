//! `/users`: list, one, create, replace (contract, section 3).

use serde_json::json;
use uuid::Uuid;

use super::batch;
use super::edit::{Edit, View};
use super::fields::{Draft, User, sortable};
use super::profile::{Duplicate, LeftOut};
use super::sort::Sort;
use super::wire::{Listed, Members, Refusal, Reply, Request, Validation, Window, fold, parse_id};

/// `GET /users`: those whom the calling admin sees, and no word about the others.
pub(super) fn list(view: &View<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    let query = &request.query;
    let window = Window::of(query, view.profile)?;
    let sort = Sort::of(query, sortable)?;
    let since = query.modified_since()?;
    let [username, external, email] = ["username", "externalId", "email"].map(|name| query.get(name));

    let by_name = matches!(sort.keys(), [] | [("username", _)]);
    let backwards = matches!(sort.keys(), [(_, true)]);
    let narrowed = username.or(external).or(email).is_some() || since.is_some();
    let state = view.state;
    if by_name && !narrowed && matches!(view.scope, super::edit::Scope::All) {
        // Rows that are skipped need not be looked at.
        let ids = if backwards { window.cut(state.user_ids().rev()) } else { window.cut(state.user_ids()) };
        let rows = ids.into_iter().filter_map(|id| state.user(id)).collect();
        return Ok(Reply::ok(&Listed { plural: "users", window: &window, total: state.user_count(), rows }));
    }

    let mut found: Vec<&User> = match (username, external, email, since) {
        (Some(name), ..) => state.by_username(name).into_iter().collect(),
        (_, Some(id), ..) => state.by_external_id(id),
        (_, _, Some(address), _) => state.by_email(address),
        (.., Some(since)) => state.edited_since(since),
        _ => state.users().collect(),
    };
    let holds = |user: &User, name: &str, wanted: Option<&str>| {
        wanted.is_none_or(|wanted| user.text(name).is_some_and(|text| fold(text) == fold(wanted)))
    };
    found.retain(|user| {
        view.scope.sees(user)
            && holds(user, "externalId", external)
            && holds(user, "emailAddress", email)
            && since.is_none_or(|since| user.edited() >= since)
    });
    if narrowed || !by_name {
        // Ties and the default are in the order of the names, which are unique.
        found.sort_by_cached_key(|user| fold(user.username()));
    }
    if !by_name {
        sort.order(&mut found, |user, name| match name {
            "id" => json!(user.id()),
            name => user.value(name).cloned().unwrap_or_default(),
        });
    } else if backwards {
        found.reverse();
    }
    let total = found.len();
    Ok(Reply::ok(&Listed { plural: "users", window: &window, total, rows: window.cut(found) }))
}

/// `GET /users/:id`.
pub(super) fn get(view: &View<'_>, id: &str) -> Result<Reply, Refusal> {
    view.user(parse_id("id", id)?).map(Reply::ok)
}

/// `POST /users`: 201 for a new user; where the profile updates the one who is there, 200.
pub(super) fn create(edit: &mut Edit<'_>, members: &Members) -> Result<Reply, Refusal> {
    let profile = edit.view.profile;
    let there = match profile.duplicate {
        Duplicate::Refused => None,
        Duplicate::Updates => batch::find(edit, members, false)?,
    };
    let Some(id) = there else {
        let id = make(edit, members)?;
        return Ok(Reply::json(profile.created, &edit.user(id)));
    };
    let old = edit.view.user(id)?.clone();
    change(edit, &old, members, profile.left_out)?;
    Ok(Reply::ok(&edit.user(id)))
}

/// `PUT /users/:id`.  The answer shows the user also when the change moved it out of the admin's sight (A20).
pub(super) fn replace(edit: &mut Edit<'_>, id: &str, members: &Members) -> Result<Reply, Refusal> {
    let id = parse_id("id", id)?;
    let profile = edit.view.profile;
    let old = edit.view.user(id)?.clone();
    let mut draft = Draft::read(members, edit);
    draft.require(profile.put_requires);
    save(edit, &old, draft, profile.left_out)?;
    Ok(Reply::json(profile.replaced, &edit.user(id)))
}

/// Makes a user of the members; a department outside the admin's scope is 403 (CHOSEN).
pub(super) fn make(edit: &mut Edit<'_>, members: &Members) -> Result<Uuid, Refusal> {
    let mut draft = Draft::read(members, edit);
    refuse_taken_name(&mut draft, None, edit);
    let user = draft.create(edit.next_user(), edit, true).map_err(Refusal::validations)?;
    if !edit.view.scope.holds(user.department()) {
        return Err(Refusal::forbidden("the department is outside your departments"));
    }
    let id = user.id();
    edit.save_user(user);
    Ok(id)
}

/// Makes of a user what the members say.
pub(super) fn change(edit: &mut Edit<'_>, old: &User, members: &Members, left_out: LeftOut) -> Result<(), Refusal> {
    let draft = Draft::read(members, edit);
    save(edit, old, draft, left_out)
}

fn save(edit: &mut Edit<'_>, old: &User, mut draft: Draft, left_out: LeftOut) -> Result<(), Refusal> {
    refuse_taken_name(&mut draft, Some(old.id()), edit);
    let user = draft.replace(old, edit, left_out).map_err(Refusal::validations)?;
    edit.save_user(user);
    Ok(())
}

/// User names are unique in the portal, in whatever case, whether or not the admin sees who has the name (A11).
pub(super) fn refuse_taken_name(draft: &mut Draft, own: Option<Uuid>, edit: &Edit<'_>) {
    let taken = draft.text("username").and_then(|name| edit.by_username(name)).is_some_and(|other| Some(other.id()) != own);
    if taken {
        draft.faults.push(Validation::new("username", "is taken"));
    }
}

//! `/users`: list, one, create, replace (contract, section 3).

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::batch;
use super::edit::{Edit, Scope, View};
use super::fields::{Draft, User, member};
use super::filter::{Cell, Filter, Hint};
use super::profile::{Duplicate, LeftOut, Profile};
use super::sort::Sort;
use super::state::State;
use super::wire::{Listed, Members, Query, Refusal, Reply, Request, Validation, Window, fold, instant_of, parse_id};

/// `GET /users`: those whom the calling admin sees, and no word about the others.
pub(super) fn list(view: &View<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    let query = &request.query;
    let window = Window::of(query, view.profile)?;
    let wanted = Wanted::of(query, view.profile)?;
    let state = view.state;
    let listed = |total, rows| Ok(Reply::ok(&Listed { plural: "users", window: &window, total, rows }));
    let everyone = matches!(view.scope, Scope::All) && !wanted.narrows();
    if let Some(backwards) = wanted.by_name().filter(|_| everyone) {
        // Rows that are skipped need not be looked at.
        let total = state.user_count();
        let (begin, end) = (window.skip.min(total), window.skip.saturating_add(window.limit).min(total));
        let row = |row: usize| if backwards { total - 1 - row } else { row };
        let rows: Vec<&User> = match (window.moved(total), backwards) {
            (Some(rows), _) => rows.into_iter().flat_map(|at| state.users_at(row(at)..row(at) + 1)).collect(),
            (None, false) => state.users_at(begin..end).collect(),
            (None, true) => state.users_at(total - end..total - begin).rev().collect(),
        };
        return listed(total, rows);
    }
    let find = || wanted.find(view).into_iter().map(User::id).collect();
    let ids: Arc<[Uuid]> = match wanted.known(state) {
        Some(_) => find(),
        // The pages of one list ask the same question.
        None => state.lists.find(format!("{}\n{}", view.scope.name(), query.without(&["_limit", "_offset"])), find),
    };
    listed(ids.len(), window.cut(ids.iter()).into_iter().filter_map(|id| state.user(*id)).collect())
}

/// Which users are asked for, and in which order.
struct Wanted<'a> {
    sort: Sort,
    filter: Option<Filter>,
    since: Option<Timestamp>,
    username: Option<&'a str>,
    external: Option<&'a str>,
    email: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn of(query: &'a Query, profile: &Profile) -> Result<Self, Refusal> {
        let members = |name: &str| member(name, profile);
        let [username, external, email] = ["username", "externalId", "email"].map(|name| query.get(name));
        let (sort, filter) = (Sort::of(query, &members)?, Filter::of(query, profile, &members)?);
        Ok(Self { sort, filter, since: query.modified_since()?, username, external, email })
    }

    fn narrows(&self) -> bool {
        self.username.or(self.external).or(self.email).is_some() || self.since.is_some() || self.filter.is_some()
    }

    /// Whether the order is that of the names, and if so whether backwards.
    fn by_name(&self) -> Option<bool> {
        match self.sort.only() {
            Some(("username", backwards)) => Some(backwards),
            _ => self.sort.is_empty().then_some(false),
        }
    }

    /// All of them, in order.
    fn find<'s>(&self, view: &View<'s>) -> Vec<&'s User> {
        let holds = |user: &User, name: &str, wanted: Option<&str>| {
            wanted.is_none_or(|wanted| user.text(name).is_some_and(|text| fold(text) == fold(wanted)))
        };
        let passes = |user: &User, filter: &Filter| {
            filter.passes(&|name, kind| match name {
                "id" => Cell::Guid(user.id()),
                name => Cell::of(user.value(name), kind),
            })
        };
        let mut found = self.candidates(view.state);
        found.retain(|user| {
            view.scope.sees(user)
                && holds(user, "username", self.username)
                && holds(user, "externalId", self.external)
                && holds(user, "emailAddress", self.email)
                && self.since.is_none_or(|since| user.edited() >= since)
                && self.filter.as_ref().is_none_or(|filter| passes(user, filter))
        });
        // Ties and the default are in the order of the names, which are unique.
        found.sort_by_cached_key(|user| fold(user.username()));
        match self.by_name() {
            Some(false) => {}
            Some(true) => found.reverse(),
            None => self.sort.order(&mut found, |user, name| match name {
                "id" => json!(user.id()),
                name => user.value(name).cloned().unwrap_or_default(),
            }),
        }
        found
    }

    /// The few users among whom they are, where an index by name or key knows.
    fn known<'s>(&self, state: &'s State) -> Option<Vec<&'s User>> {
        let one = |user: Option<&'s User>| Some(user.into_iter().collect());
        match (self.username, self.external, self.email) {
            (Some(name), ..) => return one(state.by_username(name)),
            (_, Some(id), _) => return Some(state.by_external_id(id)),
            (.., Some(address)) => return Some(state.by_email(address)),
            _ => {}
        }
        self.filter.iter().flat_map(Filter::hints).find_map(|hint| match hint {
            Hint::Guid("id", id) => one(state.user(id)),
            Hint::Text("username", name) => one(state.by_username(name)),
            Hint::Text("externalId", id) => Some(state.by_external_id(id)),
            Hint::Text("emailAddress", address) => Some(state.by_email(address)),
            _ => None,
        })
    }

    /// The users among whom they are.
    fn candidates<'s>(&self, state: &'s State) -> Vec<&'s User> {
        let hinted = |hint| match hint {
            Hint::Since("dateEdited", since) => instant_of(since),
            _ => None,
        };
        let since = self.since.or_else(|| self.filter.iter().flat_map(Filter::hints).find_map(hinted));
        let known = self.known(state).or_else(|| since.map(|since| state.edited_since(since)));
        known.unwrap_or_else(|| state.users().collect())
    }
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

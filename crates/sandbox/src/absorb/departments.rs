//! `/departments` (contract, section 4).

use axum::http::StatusCode;
use serde_json::json;

use super::edit::{Edit, View};
use super::filter::{Filter, Type, among};
use super::sort::Sort;
use super::state::Department;
use super::wire::{Listed, Members, Refusal, Reply, Request, Validation, Window, fold, parse_id};

/// What departments are sorted and filtered by.
const MEMBERS: [(&str, Type); 6] = [
    ("id", Type::Guid),
    ("name", Type::Text),
    ("parentId", Type::Guid),
    ("externalId", Type::Text),
    ("dateAdded", Type::Time),
    ("dateEdited", Type::Time),
];

/// `GET /departments`, by name.  CHOSEN: an admin sees all of them, also those whose users it does not see.
pub(super) fn list(view: &View<'_>, request: &Request<'_>) -> Result<Reply, Refusal> {
    let query = &request.query;
    let window = Window::of(query, view.profile)?;
    let members = |name: &str| among(&MEMBERS, name);
    let (sort, filter) = (Sort::of(query, &members)?, Filter::of(query, view.profile, &members)?);
    let wanted = query.get("externalId").map(fold);
    let fits = |one: &&Department| wanted.is_none() || one.external_id.as_deref().map(fold) == wanted;
    let mut rows: Vec<&Department> = view.state.departments().filter(fits).collect();
    rows.retain(|one| filter.as_ref().is_none_or(|filter| filter.passes_record(&json!(one))));
    rows.sort_by_cached_key(|one| (fold(&one.name), one.id));
    sort.order(&mut rows, |one, name| json!(one)[name].take());
    let total = rows.len();
    Ok(Reply::ok(&Listed { plural: "departments", window: &window, total, rows: window.cut(rows) }))
}

/// `GET /departments/:id`.
pub(super) fn get(view: &View<'_>, id: &str) -> Result<Reply, Refusal> {
    let found = view.state.department(parse_id("id", id)?);
    found.map(Reply::ok).ok_or_else(|| Refusal::not_found("the department"))
}

/// `POST /departments`.  CHOSEN: neither name nor external id need be unique, so who sends it twice has two of them; without
/// a parent it is below the root; a parent outside the admin's departments is 403.
pub(super) fn post(edit: &mut Edit<'_>, members: &Members) -> Result<Reply, Refusal> {
    let mut faults = Vec::new();
    let mut text = |name: &str| match members.given(name) {
        None => None,
        Some(value) => match value.as_str() {
            Some(text) if text.chars().count() <= 255 => Some(text.to_owned()).filter(|text| !text.trim().is_empty()),
            _ => {
                faults.push(Validation::new(name, "must be text of 255 characters at most"));
                None
            }
        },
    };
    let (name, external_id, parent) = (text("name"), text("externalId"), text("parentId"));
    if name.is_none() && !faults.iter().any(|fault| fault.field == "name") {
        faults.push(Validation::new("name", "is required"));
    }
    let (Some(name), true) = (name, faults.is_empty()) else { return Err(Refusal::validations(faults)) };
    let state = edit.view.state;
    let parent = match parent {
        None => state.root,
        Some(text) => {
            let id = parse_id("parentId", &text)?;
            state.department(id).ok_or_else(|| Refusal::invalid("parentId", "is no department"))?.id
        }
    };
    if !edit.view.scope.holds(parent) {
        return Err(Refusal::forbidden("the parent is outside your departments"));
    }
    let department = Department {
        id: state.next_department(),
        name,
        parent_id: Some(parent),
        external_id,
        date_added: edit.now.clone(),
        date_edited: edit.now.clone(),
    };
    edit.save_department(department.clone());
    Ok(Reply::json(StatusCode::CREATED, &department))
}

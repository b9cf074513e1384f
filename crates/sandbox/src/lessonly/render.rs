//! Records as text, written straight into the answer's body: a page of a thousand users is copied, not built.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::Api;
use super::profile::Profile;
use super::records::{Assignment, Group, User};
use super::state::State;

/// A list item of v1: an object of 16 members, as text.
pub(super) fn item(user: &User, profile: &Profile) -> Box<str> {
    #[derive(Serialize)]
    struct Item<'a> {
        id: u64,
        resource_type: &'static str,
        ext_uid: Option<&'a str>,
        email: &'a str,
        name: &'a str,
        role: &'a str,
        role_id: Option<u64>,
        archived_at: Option<String>,
        archived_by_user_id: Option<u64>,
        job_title: Option<&'a str>,
        business_unit: Option<&'a str>,
        department: Option<&'a str>,
        location: Option<&'a str>,
        locale: Option<&'a str>,
        hire_date: Option<&'a str>,
        manager_name: Option<&'a str>,
    }
    let item = Item {
        id: user.id,
        resource_type: "user",
        ext_uid: user.ext_uid.as_deref(),
        email: &user.email,
        name: &user.name,
        role: &user.role,
        role_id: user.role_id(),
        archived_at: user.archived_at.map(|at| profile.archived.written(at)),
        archived_by_user_id: user.archived_by_user_id,
        job_title: user.job_title.as_deref(),
        business_unit: user.business_unit.as_deref(),
        department: user.department.as_deref(),
        location: user.location.as_deref(),
        locale: user.locale.as_deref(),
        hire_date: user.hire_date.as_deref(),
        manager_name: user.manager_name.as_deref(),
    };
    serde_json::to_string(&item).expect("text and numbers can be written as JSON").into()
}

/// A user in a list: the item, and what v1.1 adds to it.
pub(super) fn listed(out: &mut Vec<u8>, api: &Api, state: &State, id: u64, item: &str) {
    match state.users.get(&id).filter(|_| api.richer) {
        None => out.extend_from_slice(item.as_bytes()),
        Some(user) => {
            out.extend_from_slice(open(item));
            member(out, "mobile_phone_number", &user.mobile_phone_number);
            member(out, "custom_user_field_data", &user.custom_user_field_data);
            groups_of(out, state, user);
            out.push(b'}');
        }
    }
}

/// The whole user in an answer of this `type`, as it is or as it is about to be.
pub(super) fn user(kind: &str, api: &Api, state: &State, user: &User) -> Vec<u8> {
    let item = item(user, api.app.profile);
    let mut out = begun(kind, &item);
    member(&mut out, "custom_user_field_data", &user.custom_user_field_data);
    if api.richer {
        member(&mut out, "mobile_phone_number", &user.mobile_phone_number);
        groups_of(&mut out, state, user);
    }
    if api.app.profile.group_ids {
        member(&mut out, "group_ids", &user.group_ids);
        member(&mut out, "created_at", &user.created_at);
        member(&mut out, "updated_at", &user.updated_at);
    }
    out.push(b'}');
    out
}

fn groups_of(out: &mut Vec<u8>, state: &State, user: &User) {
    out.extend_from_slice(b",\"groups\":{\"member\":");
    brief(out, state, &user.group_ids);
    out.extend_from_slice(b",\"manager\":");
    brief(out, state, &user.managing_ids);
    out.push(b'}');
}

/// `[{id, name}]` of these groups, newest first.
pub(super) fn brief(out: &mut Vec<u8>, state: &State, ids: &BTreeSet<u64>) {
    #[derive(Serialize)]
    struct Brief<'a> {
        id: u64,
        name: &'a str,
    }
    let groups = ids.iter().rev().filter_map(|id| state.groups.get(id));
    list(out, groups, |out, group| value(out, &Brief { id: group.id, name: &group.name }));
}

/// A group in a list.
pub(super) fn group(group: &Group, profile: &Profile) -> String {
    #[derive(Serialize)]
    struct Item<'a> {
        id: u64,
        name: &'a str,
        archived_at: Option<String>,
        archived_by_user_id: Option<u64>,
    }
    let item = Item {
        id: group.id,
        name: &group.name,
        archived_at: group.archived_at.map(|at| profile.archived.written(at)),
        archived_by_user_id: group.archived_by_user_id,
    };
    serde_json::to_string(&item).expect("text and numbers can be written as JSON")
}

/// The whole group with these members and managers, newest first.
pub(super) fn whole_group(kind: &str, state: &State, one: &Group, profile: &Profile, seats: [&BTreeSet<u64>; 2]) -> Vec<u8> {
    let mut out = begun(kind, &group(one, profile));
    member(&mut out, "resource_type", &"group");
    for (name, ids) in ["members", "managers"].into_iter().zip(seats) {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        let items = ids.iter().rev().filter_map(|id| state.item(*id));
        list(&mut out, items, |out, item| out.extend_from_slice(item.as_bytes()));
    }
    out.push(b'}');
    out
}

/// An assignment as it is now.
pub(super) fn assignment(out: &mut Vec<u8>, state: &State, assignment: &Assignment, profile: &Profile, now: Timestamp) {
    #[derive(Serialize)]
    struct Item<'a> {
        id: u64,
        resource_type: &'static str,
        assignee_id: u64,
        assignable_type: &'a str,
        assignable_id: u64,
        ext_uid: Option<&'a str>,
        assigned_at: Timestamp,
        due_by: Option<Timestamp>,
        reassigned_at: Option<Timestamp>,
        status: &'static str,
        started_at: Option<Timestamp>,
        completed_at: Option<Timestamp>,
        updated_at: Timestamp,
        score: Option<u32>,
    }
    let item = Item {
        id: assignment.id,
        resource_type: "assignment",
        assignee_id: assignment.assignee_id,
        assignable_type: &assignment.assignable_type,
        assignable_id: assignment.assignable_id,
        // No source says whose: the assignee's (CHOSEN).
        ext_uid: state.users.get(&assignment.assignee_id).and_then(|user| user.ext_uid.as_deref()),
        assigned_at: assignment.assigned_at,
        due_by: assignment.due_by,
        reassigned_at: assignment.reassigned_at,
        status: assignment.status(profile, now),
        started_at: assignment.started_at,
        completed_at: assignment.completed_at,
        updated_at: assignment.updated_at,
        score: assignment.score.filter(|_| assignment.completed_at.is_some()),
    };
    value(out, &item);
}

/// `[…]` of what `each` writes for one after the other.
pub(super) fn list<T>(out: &mut Vec<u8>, all: impl IntoIterator<Item = T>, mut each: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    let start = out.len();
    for one in all {
        if out.len() > start {
            out.push(b',');
        }
        each(out, one);
    }
    out.push(b']');
}

/// `,"name":value`.
pub(super) fn member<T: Serialize>(out: &mut Vec<u8>, name: &str, one: &T) {
    for part in [",\"", name, "\":"] {
        out.extend_from_slice(part.as_bytes());
    }
    value(out, one);
}

/// An answer's object, open: its `type`, then the members of the one given as text.
fn begun(kind: &str, object: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(object.len() + 512);
    out.extend_from_slice(b"{\"type\":");
    value(&mut out, &kind);
    out.push(b',');
    out.extend_from_slice(&open(object)[1..]);
    out
}

/// An object as text without its closing brace.
fn open(object: &str) -> &[u8] {
    &object.as_bytes()[..object.len() - 1]
}

fn value<T: Serialize>(out: &mut Vec<u8>, one: &T) {
    serde_json::to_writer(out, one).expect("a vector takes all that is written to it");
}

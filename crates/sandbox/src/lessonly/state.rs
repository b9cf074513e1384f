//! What the company holds.  Memberships are kept with the user, in one place; the group's side is an index.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::content::Kind;
use super::profile::Profile;
use crate::backend::Objects;
use crate::ledger::Change;

/// The group that holds everybody, cannot be written, and is nobody's membership (CHOSEN).
pub(super) const EVERYONE: u64 = 1;

/// The roles there are, with their ids (CHOSEN).
pub(super) const ROLES: [(&str, u64); 4] = [("admin", 1), ("manager", 2), ("creator", 3), ("learner", 4)];

/// An account, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) id: u64,
    pub(super) ext_uid: Option<String>,
    pub(super) email: String,
    pub(super) name: String,
    pub(super) role: String,
    pub(super) archived_at: Option<Timestamp>,
    /// Null when archived through the API.
    pub(super) archived_by_user_id: Option<u64>,
    pub(super) job_title: Option<String>,
    pub(super) business_unit: Option<String>,
    pub(super) department: Option<String>,
    pub(super) location: Option<String>,
    pub(super) locale: Option<String>,
    pub(super) hire_date: Option<String>,
    pub(super) manager_name: Option<String>,
    pub(super) mobile_phone_number: Option<String>,
    pub(super) custom_user_field_data: Vec<Field>,
    /// Groups the user is a member of.
    pub(super) group_ids: BTreeSet<u64>,
    /// Groups the user manages.
    pub(super) managing_ids: BTreeSet<u64>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

/// The value of a custom field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Field {
    pub(super) id: u64,
    pub(super) custom_user_field_id: u64,
    pub(super) name: String,
    pub(super) value: String,
}

impl User {
    /// The 16 members of a list item.
    pub(super) fn item(&self) -> Value {
        json!({
            "id": self.id,
            "resource_type": "user",
            "ext_uid": self.ext_uid,
            "email": self.email,
            "name": self.name,
            "role": self.role,
            "role_id": ROLES.iter().find(|(name, _)| *name == self.role).map(|(_, id)| id),
            "archived_at": self.archived_at,
            "archived_by_user_id": self.archived_by_user_id,
            "job_title": self.job_title,
            "business_unit": self.business_unit,
            "department": self.department,
            "location": self.location,
            "locale": self.locale,
            "hire_date": self.hire_date,
            "manager_name": self.manager_name,
        })
    }

    pub(super) fn object(&self) -> String {
        format!("user/{}", self.id)
    }

    /// The change from `before`, dated `now`; none when nothing but the date would change.
    pub(super) fn changed(&mut self, before: Option<&Self>, now: Timestamp) -> Option<Change> {
        if before == Some(self) {
            return None;
        }
        self.updated_at = now;
        Some(Change { object: self.object(), before: json!(before), after: json!(self) })
    }
}

/// A group; who is in it is kept with the users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) archived_at: Option<Timestamp>,
    pub(super) archived_by_user_id: Option<u64>,
}

impl Group {
    pub(super) fn changed(&self, before: Option<&Self>) -> Change {
        Change { object: format!("group/{}", self.id), before: json!(before), after: json!(self) }
    }
}

/// Content assigned to a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Assignment {
    pub(super) id: u64,
    pub(super) assignee_id: u64,
    pub(super) assignable_type: String,
    pub(super) assignable_id: u64,
    pub(super) assigned_at: Timestamp,
    pub(super) due_by: Option<Timestamp>,
    pub(super) reassigned_at: Option<Timestamp>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) completed_at: Option<Timestamp>,
    /// Done, and waiting for somebody to grade it.
    pub(super) grade_pending: bool,
    pub(super) score: Option<u32>,
    pub(super) updated_at: Timestamp,
    /// When the user was archived before it was completed.  Such an assignment is over: the API no longer shows it, and
    /// restoring the user does not bring it back (CHOSEN).
    pub(super) ended_at: Option<Timestamp>,
}

impl Assignment {
    pub(super) fn status(&self, profile: &Profile, now: Timestamp) -> &'static str {
        let words = &profile.statuses;
        if self.completed_at.is_some() {
            words.completed
        } else if self.grade_pending {
            words.grade_pending
        } else if self.due_by.is_some_and(|due| due < now) {
            words.overdue
        } else {
            words.incomplete
        }
    }

    pub(super) fn changed(&self, before: Option<&Self>) -> Change {
        Change { object: format!("assignment/{}", self.id), before: json!(before), after: json!(self) }
    }
}

/// Everything there is.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) users: BTreeMap<u64, User>,
    pub(super) groups: BTreeMap<u64, Group>,
    pub(super) assignments: BTreeMap<u64, Assignment>,
    /// All users' ids, oldest first, so that a page is a slice.
    pub(super) user_order: Vec<u64>,
    /// The ids of the assignments that are not over, oldest first.
    pub(super) assignment_order: Vec<u64>,
    emails: HashMap<String, u64>,
    members: HashMap<u64, BTreeSet<u64>>,
    managers: HashMap<u64, BTreeSet<u64>>,
    by_user: HashMap<u64, BTreeSet<u64>>,
    by_content: HashMap<(Kind, u64), BTreeSet<u64>>,
}

impl State {
    /// Whose e-mail it is, whatever its case, archived users included.
    pub(super) fn owner(&self, email: &str) -> Option<u64> {
        self.emails.get(&email.to_lowercase()).copied()
    }

    pub(super) fn next_user(&self) -> u64 {
        self.users.last_key_value().map_or(FIRST_USER, |(id, _)| id + 1)
    }

    pub(super) fn next_group(&self) -> u64 {
        self.groups.last_key_value().map_or(EVERYONE + 1, |(id, _)| id + 1)
    }

    pub(super) fn next_assignment(&self) -> u64 {
        self.assignments.last_key_value().map_or(1, |(id, _)| id + 1)
    }

    /// The group's members, newest first.
    pub(super) fn members(&self, group: u64) -> Vec<&User> {
        match group {
            EVERYONE => self.users.values().rev().collect(),
            group => self.with_ids(self.members.get(&group)),
        }
    }

    /// The group's managers, newest first.
    pub(super) fn managers(&self, group: u64) -> Vec<&User> {
        self.with_ids(self.managers.get(&group))
    }

    fn with_ids(&self, ids: Option<&BTreeSet<u64>>) -> Vec<&User> {
        ids.into_iter().flatten().rev().filter_map(|id| self.users.get(id)).collect()
    }

    /// The user's assignments that are not over, oldest first.
    pub(super) fn assigned_to(&self, user: u64) -> impl Iterator<Item = &Assignment> {
        self.by_user.get(&user).into_iter().flatten().filter_map(|id| self.assignments.get(id))
    }

    /// The ids of the content's assignments that are not over, oldest first.
    pub(super) fn assignments_of(&self, kind: Kind, content: u64) -> impl ExactSizeIterator<Item = u64> {
        self.by_content.get(&(kind, content)).map(BTreeSet::iter).unwrap_or_default().copied()
    }

    pub(super) fn put_user(&mut self, user: User) {
        let id = user.id;
        match self.users.get(&id) {
            None => self.user_order.push(id),
            Some(old) => {
                self.emails.remove(&old.email.to_lowercase());
                for (index, groups) in [(&mut self.members, &old.group_ids), (&mut self.managers, &old.managing_ids)] {
                    for group in groups {
                        index.entry(*group).or_default().remove(&id);
                    }
                }
            }
        }
        self.emails.insert(user.email.to_lowercase(), id);
        for (index, groups) in [(&mut self.members, &user.group_ids), (&mut self.managers, &user.managing_ids)] {
            for group in groups {
                index.entry(*group).or_default().insert(id);
            }
        }
        self.users.insert(id, user);
    }

    pub(super) fn put_assignment(&mut self, assignment: Assignment) -> Result<(), String> {
        let id = assignment.id;
        let kind = Kind::from_assignable_type(&assignment.assignable_type)
            .ok_or_else(|| format!("no content is a {}", assignment.assignable_type))?;
        let of_user = self.by_user.entry(assignment.assignee_id).or_default();
        let of_content = self.by_content.entry((kind, assignment.assignable_id)).or_default();
        if assignment.ended_at.is_some() {
            of_user.remove(&id);
            of_content.remove(&id);
            if let Ok(at) = self.assignment_order.binary_search(&id) {
                self.assignment_order.remove(at);
            }
        } else {
            of_content.insert(id);
            if of_user.insert(id) {
                self.assignment_order.push(id);
            }
        }
        self.assignments.insert(id, assignment);
        Ok(())
    }
}

/// The first user's id.
pub(super) const FIRST_USER: u64 = 100;

impl Objects for State {
    fn put(&mut self, object: &str, after: Value) -> Result<(), String> {
        fn read<T: serde::de::DeserializeOwned>(object: &str, after: Value) -> Result<T, String> {
            serde_json::from_value(after).map_err(|error| format!("{object}: {error}"))
        }
        match object.split_once('/').map_or(object, |(kind, _)| kind) {
            "user" => self.put_user(read(object, after)?),
            "group" => {
                let group: Group = read(object, after)?;
                self.groups.insert(group.id, group);
            }
            "assignment" => self.put_assignment(read(object, after)?)?,
            _ => return Err(format!("{object} is no object of this sandbox")),
        }
        Ok(())
    }
}

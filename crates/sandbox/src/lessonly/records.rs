//! What the company holds, as the ledger has it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::profile::Profile;
use crate::ledger::Change;

/// The group that holds everybody, cannot be written, and is nobody's membership (CHOSEN).
pub(super) const EVERYONE: u64 = 1;

/// What that group is called.
pub(super) const EVERYONE_NAME: &str = "Group::Everyone";

/// The first user's id.
pub(super) const FIRST_USER: u64 = 100;

/// The roles there are, with their ids (CHOSEN).
pub(super) const ROLES: [(&str, u64); 4] = [("admin", 1), ("manager", 2), ("creator", 3), ("learner", 4)];

/// An account.
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
    /// What SCIM says of the account and no other member holds, as SCIM names it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) scim: Map<String, Value>,
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
    pub(super) fn role_id(&self) -> Option<u64> {
        ROLES.iter().find(|(name, _)| *name == self.role).map(|(_, id)| *id)
    }

    /// What SCIM calls the account: the name it was given there, else its e-mail.
    pub(super) fn user_name(&self) -> &str {
        self.scim.get("userName").and_then(Value::as_str).unwrap_or(&self.email)
    }

    /// The change from `before`, dated `now`; none when nothing but the date would change.
    pub(super) fn changed(&mut self, before: Option<&Self>, now: Timestamp) -> Option<Change> {
        if before == Some(self) {
            return None;
        }
        self.updated_at = now;
        Some(change("user", self.id, before, Some(&*self)))
    }

    pub(super) fn deleted(&self) -> Change {
        change("user", self.id, Some(self), None)
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
        change("group", self.id, before, Some(self))
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
        change("assignment", self.id, before, Some(self))
    }

    pub(super) fn deleted(&self) -> Change {
        change("assignment", self.id, Some(self), None)
    }
}

/// What the company has set for all: where the completion of a lesson is to be told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) lesson_completed_callback_url: Option<String>,
    /// How often the callback's credentials were set; they themselves are in no file.
    pub(super) authorizations_set: u64,
}

impl Settings {
    /// The settings' object in the ledger.
    pub(super) const OBJECT: &str = "settings/company";

    pub(super) fn changed(&self, before: &Self) -> Change {
        let before = if *before == Self::default() { Value::Null } else { json!(before) };
        Change { object: Self::OBJECT.to_owned(), before, after: json!(self) }
    }
}

fn change<T: Serialize>(kind: &str, id: u64, before: Option<&T>, after: Option<&T>) -> Change {
    Change { object: format!("{kind}/{id}"), before: json!(before), after: json!(after) }
}

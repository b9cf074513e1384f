//! What an admin does in the vendor's own pages, not over the API.  Such changes are in the ledger with method `ADMIN`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::assignments::{Wanted, assigned};
use super::content::Kind;
use super::params::Params;
use super::records::{Assignment, FIRST_USER, User};
use super::state::State;
use super::wire::{Refusal, whole_seconds};
use super::{Sandbox, describe, groups};
use crate::call::Call;
use crate::error::Error;
use crate::ledger::Change;

impl Sandbox {
    /// All users as the ledger has them, archived ones too, oldest first.
    pub fn users(&self) -> Vec<Value> {
        self.app.backend.read(|state| state.users.values().map(|user| json!(user)).collect())
    }

    /// All groups as the ledger has them, oldest first, `Group::Everyone` being the first.
    pub fn groups(&self) -> Vec<Value> {
        self.app.backend.read(|state| state.groups.values().map(|group| json!(group)).collect())
    }

    /// All assignments as the ledger has them, those that are over too, oldest first.
    pub fn assignments(&self) -> Vec<Value> {
        self.app.backend.read(|state| state.assignments.values().map(|assignment| json!(assignment)).collect())
    }

    /// What the company has set for all, as the ledger has it.
    pub fn settings(&self) -> Value {
        self.app.backend.read(|state| json!(state.settings))
    }

    /// Declares a custom user field, for as long as the sandbox is open; values written to it last longer.
    pub fn declare_field(&self, name: &str) {
        self.app.declare([name]);
    }

    /// Makes an account with the parameters of POST /users, and gives its id.
    ///
    /// # Errors
    /// What the API would refuse, or the ledger cannot be written.
    pub fn create_user(&self, fields: Value) -> Result<u64, Error> {
        self.by_hand("create user", |state, now| {
            let (changes, user) = describe::created(&self.app, state, &Params::by_hand(fields)?, now)?;
            Ok((changes, user.id))
        })
    }

    /// Changes an account with the parameters of PUT /users/:id.
    ///
    /// # Errors
    /// As [`Sandbox::create_user`].
    pub fn update_user(&self, id: u64, fields: Value) -> Result<(), Error> {
        self.by_hand(&format!("update user {id}"), |state, now| {
            let before = known(state, id)?;
            let mut user = before.clone();
            describe::described(&self.app, state, &mut user, &Params::by_hand(fields)?)?;
            Ok((user.changed(Some(before), now).into_iter().collect(), ()))
        })
    }

    /// Archives an account; the admin's id is then in `archived_by_user_id`.
    ///
    /// # Errors
    /// As [`Sandbox::create_user`].
    pub fn archive_user(&self, id: u64) -> Result<(), Error> {
        self.by_hand(&format!("archive user {id}"), |state, now| {
            Ok((describe::archived(&self.app, state, known(state, id)?, Some(FIRST_USER), now).0, ()))
        })
    }

    /// Restores an account.
    ///
    /// # Errors
    /// As [`Sandbox::create_user`].
    pub fn restore_user(&self, id: u64) -> Result<(), Error> {
        self.by_hand(&format!("restore user {id}"), |state, now| {
            let before = known(state, id)?;
            let mut user = before.clone();
            describe::restored(&mut user);
            Ok((user.changed(Some(before), now).into_iter().collect(), ()))
        })
    }

    /// Makes a group, and gives its id.  People are put into it by `group_ids` of [`Sandbox::update_user`].
    ///
    /// # Errors
    /// As [`Sandbox::create_user`].
    pub fn create_group(&self, name: &str) -> Result<u64, Error> {
        self.by_hand("create group", |state, now| {
            let params = Params::by_hand(json!({ "name": name }))?;
            let (changes, group, _) = groups::created(state, &params, now)?;
            Ok((changes, group.id))
        })
    }

    /// Assigns content (`Lesson`, `LearningPaths::Path` or `Course`) to a user, and gives the assignment's id.
    ///
    /// # Errors
    /// As [`Sandbox::create_user`].
    pub fn assign(&self, user: u64, assignable_type: &str, content: u64) -> Result<u64, Error> {
        self.by_hand(&format!("assign {assignable_type} {content} to user {user}"), |state, now| {
            let kind = Kind::from_assignable_type(assignable_type)
                .ok_or_else(|| Refusal::malformed(format!("nothing to assign is a {assignable_type}")))?;
            let wanted = Wanted { assignee: user, kind, content, due_by: None };
            let (changes, assignments) = assigned(state, &[wanted], now)?;
            Ok((changes, assignments[0].id))
        })
    }

    /// The user completes an assignment.
    ///
    /// # Errors
    /// As [`Sandbox::create_user`].
    pub fn complete(&self, assignment: u64, score: u32) -> Result<(), Error> {
        self.by_hand(&format!("complete assignment {assignment}"), |state, now| {
            let before = state.assignments.get(&assignment).filter(|a| a.ended_at.is_none());
            let before = before.ok_or_else(|| Refusal::missing("assignment"))?;
            let after = Assignment {
                started_at: before.started_at.or(Some(now)),
                completed_at: Some(now),
                grade_pending: false,
                score: Some(score),
                updated_at: now,
                ..before.clone()
            };
            Ok((vec![after.changed(Some(before))], ()))
        })
    }

    fn by_hand<T>(&self, what: &str, decide: impl FnOnce(&State, Timestamp) -> Result<(Vec<Change>, T), Refusal>) -> Result<T, Error> {
        self.app
            .backend
            .write(&Call::by_hand(what), |state, now| decide(state, whole_seconds(now)))
            .map_err(|refusal| Error::ByHand(format!("{what}: {}", refusal.error)))
    }
}

fn known(state: &State, id: u64) -> Result<&User, Refusal> {
    state.users.get(&id).ok_or_else(|| Refusal::missing("user"))
}

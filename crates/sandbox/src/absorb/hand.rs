//! What people do in the portal's own pages, and what the portal does by itself: changes that no API call made.
//!
//! They go into the ledger with the method `ADMIN`.  Departments, scope and passwords do not bind them; user names are
//! unique all the same.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Sandbox;
use super::edit::{Edit, Scope, View};
use super::enrollments::{COMPLETE, STATUSES};
use super::fields::{Draft, User};
use super::profile::LeftOut;
use super::state::Department;
use super::users::{change, refuse_taken_name};
use super::wire::{Members, Refusal, fold};
use crate::call::Call;
use crate::error::Error;

impl Sandbox {
    /// All users as the ledger has them, inactive ones and the admins too, by user name.
    pub fn users(&self) -> Vec<Value> {
        self.0.backend.read(|state| state.users().map(User::ledger).collect())
    }

    /// All departments as the ledger has them.
    pub fn departments(&self) -> Vec<Value> {
        self.0.backend.read(|state| state.departments().map(|one| json!(one)).collect())
    }

    /// All enrollments as the ledger has them, history too, by user and then oldest first.
    pub fn enrollments(&self) -> Vec<Value> {
        self.0.backend.read(|state| {
            let of_users = state.users().flat_map(|user| state.enrollments_of(user.id()));
            of_users.map(|one| json!(one)).collect()
        })
    }

    /// Makes or edits a user: the one with the `id`, else with the `username` of the members.  What they leave out stays.
    /// A just-in-time account (A14), a merged duplicate (A10) and an edit under a client's feet (A05) are made so.
    ///
    /// # Errors
    /// What the portal would refuse, or the ledger cannot be written; nothing is changed then.
    pub fn put_user(&self, members: Value) -> Result<Uuid, Error> {
        self.by_hand("user", |edit| {
            let Value::Object(map) = members else { return Err(Refusal::malformed("a user must be an object")) };
            let members = Members::of(map);
            let text = |name| members.given(name).and_then(Value::as_str);
            let old = match text("id") {
                Some(id) => {
                    let id = Uuid::try_parse(id).ok();
                    let user = id.and_then(|id| edit.user(id));
                    Some(user.ok_or_else(|| Refusal::not_found("the user"))?.clone())
                }
                None => text("username").and_then(|name| edit.by_username(name)).cloned(),
            };
            if let Some(old) = old {
                change(edit, &old, &members, LeftOut::Kept)?;
                return Ok(old.id());
            }
            let mut draft = Draft::read(&members, edit);
            refuse_taken_name(&mut draft, None, edit);
            let user = draft.create(edit.next_user(), edit, false).map_err(Refusal::validations)?;
            let id = user.id();
            edit.save_user(user);
            Ok(id)
        })
    }

    /// Makes a department below the one of that name, or below the root.
    ///
    /// # Errors
    /// No such parent, or the ledger cannot be written.
    pub fn put_department(&self, name: &str, parent: Option<&str>) -> Result<Uuid, Error> {
        self.by_hand("department", |edit| {
            let state = edit.view.state;
            let named = |wanted: &str| state.departments().find(|one| fold(&one.name) == fold(wanted)).map(|one| one.id);
            let parent = match parent {
                None => state.root,
                Some(parent) => named(parent).ok_or_else(|| Refusal::not_found("the parent"))?,
            };
            let id = state.next_department();
            edit.save_department(Department {
                id,
                name: name.to_owned(),
                parent_id: Some(parent),
                external_id: None,
                date_added: edit.now.clone(),
                date_edited: edit.now.clone(),
            });
            Ok(id)
        })
    }

    /// Brings a user's enrollment in a course to a status, 3 being Complete, enrolling the user first where need be.
    ///
    /// # Errors
    /// No such user, course or status, or the ledger cannot be written.
    pub fn put_enrollment(&self, user: Uuid, course: &str, status: u8) -> Result<Uuid, Error> {
        self.by_hand("enrollment", |edit| {
            if status >= STATUSES {
                return Err(Refusal::invalid("status", format!("must be a number from 0 to {}", STATUSES - 1)));
            }
            let user = edit.view.user(user)?.id();
            let course = edit.view.state.catalog.course_named(course).ok_or_else(|| Refusal::not_found("the course"))?.id;
            if edit.active_enrollment(user, course).is_none() {
                edit.enroll(user, course, false)?;
            }
            let mut one = edit.active_enrollment(user, course).expect("it was just made").clone();
            one.status = status;
            one.date_completed = (status == COMPLETE).then(|| edit.now.clone());
            one.date_edited.clone_from(&edit.now);
            let id = one.id;
            edit.save_enrollment(one);
            Ok(id)
        })
    }

    fn by_hand<T>(&self, what: &str, decide: impl FnOnce(&mut Edit<'_>) -> Result<T, Refusal>) -> Result<T, Error> {
        let portal = &self.0;
        let done = portal.backend.write(&Call::by_hand(what), |state, now| {
            let view = View { state, profile: portal.profile, scope: Scope::All };
            let mut edit = Edit::new(view, now, &portal.rules);
            let answer = decide(&mut edit)?;
            Ok((edit.changes(), answer))
        });
        done.map_err(|refusal: Refusal| Error::ByHand(refusal.message))
    }
}

//! What one call sees, and what it is about to change.
//!
//! A call changes nothing itself: it gathers objects, which are seen over the state as if they were in it already, and
//! hands them to the ledger and the state at its end.  So an item of a batch meets the items before it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Rule;
use super::fields::User;
use super::profile::Profile;
use super::state::{Department, Enrollment, Group, State};
use super::wire::{Refusal, fold, show_instant};
use crate::ledger::Change;

/// Which departments' users an admin sees.
pub(super) enum Scope {
    All,
    /// By the names of the departments, and what they are with all below them.
    Only(String, BTreeSet<Uuid>),
}

impl Scope {
    /// The departments of those names, in whatever case, with all that are below them (CHOSEN).
    pub(super) fn of(names: Option<&[String]>, state: &State) -> Self {
        let Some(names) = names else { return Self::All };
        let named: BTreeSet<String> = names.iter().map(|name| fold(name)).collect();
        let inside = |department: &&Department| {
            let mut at = Some(*department);
            while let Some(department) = at {
                if named.contains(&fold(&department.name)) {
                    return true;
                }
                at = department.parent_id.and_then(|parent| state.department(parent));
            }
            false
        };
        Self::Only(names.join("\n"), state.departments().filter(inside).map(|department| department.id).collect())
    }

    /// The departments of those names, without what is below them.
    pub(super) fn named(names: &[String], state: &State) -> Vec<Uuid> {
        let named = |department: &&Department| names.iter().any(|name| fold(name) == fold(&department.name));
        state.departments().filter(named).map(|department| department.id).collect()
    }

    pub(super) fn holds(&self, department: Uuid) -> bool {
        match self {
            Self::All => true,
            Self::Only(_, departments) => departments.contains(&department),
        }
    }

    /// A text that is another for every other scope.
    pub(super) fn name(&self) -> String {
        match self {
            Self::All => String::new(),
            Self::Only(names, _) => format!("only\n{names}"),
        }
    }

    pub(super) fn sees(&self, user: &User) -> bool {
        self.holds(user.department())
    }
}

/// The portal as one admin sees it.
pub(super) struct View<'a> {
    pub(super) state: &'a State,
    pub(super) profile: &'static Profile,
    pub(super) scope: Scope,
}

impl<'a> View<'a> {
    /// A user by id; 404 when there is none or the admin does not see it, which nobody can tell apart.
    pub(super) fn user(&self, id: Uuid) -> Result<&'a User, Refusal> {
        let user = self.state.user(id).filter(|user| self.scope.sees(user));
        user.ok_or_else(|| Refusal::not_found("the user"))
    }
}

/// The objects that one call makes or changes.
pub(super) struct Edit<'a> {
    pub(super) view: View<'a>,
    /// The call's instant, as records carry it.
    pub(super) now: String,
    rules: &'a [Rule],
    users: BTreeMap<Uuid, User>,
    by_username: BTreeMap<String, Uuid>,
    by_external_id: BTreeSet<(String, Uuid)>,
    departments: BTreeMap<Uuid, Department>,
    groups: BTreeMap<Uuid, Group>,
    enrollments: BTreeMap<Uuid, Enrollment>,
    /// New users and enrollments among the above.
    made: (usize, usize),
    order: Vec<(&'static str, Uuid)>,
}

impl<'a> Edit<'a> {
    pub(super) fn new(view: View<'a>, now: Timestamp, rules: &'a [Rule]) -> Self {
        Self {
            view,
            now: show_instant(now),
            rules,
            users: BTreeMap::new(),
            by_username: BTreeMap::new(),
            by_external_id: BTreeSet::new(),
            departments: BTreeMap::new(),
            groups: BTreeMap::new(),
            enrollments: BTreeMap::new(),
            made: (0, 0),
            order: Vec::new(),
        }
    }

    /// A user by id, seen or not.
    pub(super) fn user(&self, id: Uuid) -> Option<&User> {
        self.users.get(&id).or_else(|| self.view.state.user(id))
    }

    /// The user of that name in the whole portal, seen or not.
    pub(super) fn by_username(&self, name: &str) -> Option<&User> {
        let here = self.by_username.get(&fold(name)).and_then(|id| self.users.get(id));
        here.or_else(|| self.view.state.by_username(name).filter(|user| !self.users.contains_key(&user.id())))
    }

    /// All users with that external id, seen or not.
    pub(super) fn by_external_id(&self, id: &str) -> Vec<&User> {
        let stored = self.view.state.by_external_id(id).into_iter().filter(|user| !self.users.contains_key(&user.id()));
        let key = fold(id);
        let range = (key.clone(), Uuid::nil())..=(key, Uuid::max());
        let here = self.by_external_id.range(range).filter_map(|(_, id)| self.users.get(id));
        stored.chain(here).collect()
    }

    /// The id for a user that is to be made.
    pub(super) fn next_user(&self) -> Uuid {
        self.view.state.next_user(self.made.0)
    }

    /// Saves a user, which gets the enrolments of a department it newly came to (A19).  One that says nothing new is as
    /// if it had not been sent.
    pub(super) fn save_user(&mut self, user: User) {
        let id = user.id();
        let before = self.user(id);
        if before.is_some_and(|old| old.same_as(&user)) {
            return;
        }
        let arrives = before.is_none_or(|old| old.department() != user.department());
        self.made.0 += usize::from(before.is_none());
        let department = user.department();
        self.by_username.insert(fold(user.username()), id);
        self.by_external_id.extend(user.text("externalId").map(|external| (fold(external), id)));
        if let Some(old) = self.users.insert(id, user) {
            self.forget(&old);
        }
        self.touch("user", id);
        if arrives {
            self.arrive(id, department);
        }
    }

    /// Takes what an earlier item of the call made of a user out of the look-ups, where a later one changed it.
    fn forget(&mut self, old: &User) {
        let Some(user) = self.users.get(&old.id()) else { return };
        let external = |user: &User| user.text("externalId").map(fold);
        if fold(old.username()) != fold(user.username()) {
            self.by_username.remove(&fold(old.username()));
        }
        if external(old) != external(user) {
            external(old).map(|text| self.by_external_id.remove(&(text, old.id())));
        }
    }

    fn arrive(&mut self, user: Uuid, department: Uuid) {
        let Some(name) = self.view.state.department(department).map(|department| fold(&department.name)) else { return };
        let rules = self.rules;
        for rule in rules.iter().filter(|rule| fold(&rule.department) == name) {
            if let Some(course) = self.view.state.catalog.course_named(&rule.course) {
                let (course, again) = (course.id, rule.re_enroll);
                // Who is enrolled already stays so, unless the rule starts it again.
                self.enroll(user, course, again).ok();
            }
        }
    }

    /// Enrols a user in a course and gives the enrollment's id.  With `again`, an active enrollment becomes history.
    ///
    /// # Errors
    /// 409 when the user has an active enrollment, completed ones too, and `again` was not asked for (CHOSEN).
    pub(super) fn enroll(&mut self, user: Uuid, course: Uuid, again: bool) -> Result<Uuid, Refusal> {
        if let Some(mut old) = self.active_enrollment(user, course).cloned() {
            if !again {
                return Err(Refusal::conflict("the user is enrolled in this course; reEnroll starts it again"));
            }
            old.is_active = false;
            old.date_edited.clone_from(&self.now);
            self.save_enrollment(old);
        }
        let id = self.view.state.next_enrollment(self.made.1);
        self.made.1 += 1;
        self.save_enrollment(Enrollment {
            id,
            user_id: user,
            course_id: course,
            status: 0,
            date_added: self.now.clone(),
            date_edited: self.now.clone(),
            date_completed: None,
            is_active: true,
        });
        Ok(id)
    }

    /// The enrollment of a user in a course that is not history.
    pub(super) fn active_enrollment(&self, user: Uuid, course: Uuid) -> Option<&Enrollment> {
        let stored = self.view.state.enrollments_of(user).filter(|one| !self.enrollments.contains_key(&one.id));
        let here = self.enrollments.values().filter(|one| one.user_id == user);
        stored.chain(here).find(|one| one.course_id == course && one.is_active)
    }

    pub(super) fn save_enrollment(&mut self, enrollment: Enrollment) {
        let id = enrollment.id;
        self.enrollments.insert(id, enrollment);
        self.touch("enrollment", id);
    }

    pub(super) fn save_department(&mut self, department: Department) {
        let id = department.id;
        self.departments.insert(id, department);
        self.touch("department", id);
    }

    pub(super) fn save_group(&mut self, group: Group) {
        let id = group.id;
        self.groups.insert(id, group);
        self.touch("group", id);
    }

    fn touch(&mut self, kind: &'static str, id: Uuid) {
        if !self.order.contains(&(kind, id)) {
            self.order.push((kind, id));
        }
    }

    /// What changes, one entry for each object, in the order in which they were first touched.
    pub(super) fn changes(&self) -> Vec<Change> {
        let state = self.view.state;
        let change = |(kind, id): &(&'static str, Uuid)| {
            let (before, after) = match *kind {
                "user" => (state.user(*id).map(User::ledger), self.users.get(id).map(User::ledger)),
                "department" => (state.department(*id).map(|d| json!(d)), self.departments.get(id).map(|d| json!(d))),
                "group" => (state.group(*id).map(|g| json!(g)), self.groups.get(id).map(|g| json!(g))),
                _ => (state.enrollment(*id).map(|e| json!(e)), self.enrollments.get(id).map(|e| json!(e))),
            };
            Change { object: format!("{kind}/{id}"), before: before.unwrap_or(Value::Null), after: after.unwrap_or(Value::Null) }
        };
        self.order.iter().map(change).collect()
    }
}

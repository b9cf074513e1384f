//! What the portal holds: users, departments, enrollments and the fixed catalog, with the indexes the lists need.
//!
//! Nothing is ever deleted, so the number of objects of a kind is the counter their ids are made from: the same requests
//! give the same ids, also after a restart.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::content::{Catalog, GROUPS};
use super::fields::User;
use super::lists::Lists;
use super::names::Names;
use super::wire::fold;
use crate::backend::Objects;

/// A department; `parent_id` is none for the portal's root only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Department {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) parent_id: Option<Uuid>,
    pub(super) external_id: Option<String>,
    pub(super) date_added: String,
    pub(super) date_edited: String,
}

/// One user's enrollment in one course; `is_active` is false once a re-enrolment made it history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Enrollment {
    pub(super) id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) course_id: Uuid,
    pub(super) status: u8,
    pub(super) date_added: String,
    pub(super) date_edited: String,
    pub(super) date_completed: Option<String>,
    pub(super) is_active: bool,
}

/// A group; REST shows its name only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) external_id: Option<String>,
    pub(super) members: BTreeSet<Uuid>,
    /// What SCIM calls some of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) displays: BTreeMap<Uuid, String>,
    /// Members whom SCIM named and who are nobody here, as it named them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) strangers: Vec<Value>,
    pub(super) date_added: String,
    pub(super) date_edited: String,
    /// Deleted ones are kept and shown no more.
    pub(super) deleted: bool,
}

/// Everything in the portal.
#[derive(Debug)]
pub(super) struct State {
    seed: u64,
    pub(super) root: Uuid,
    pub(super) catalog: Catalog,
    admins: BTreeSet<Uuid>,
    /// Whether it is another portal's records that this one holds: its admins' accounts are then among them, or hidden from themselves.
    pub(super) stands_in: bool,
    users: HashMap<Uuid, User>,
    by_username: Names,
    by_external_id: BTreeSet<(String, Uuid)>,
    by_email: BTreeSet<(String, Uuid)>,
    by_edited: BTreeSet<(Timestamp, Uuid)>,
    departments: BTreeMap<Uuid, Department>,
    groups: BTreeMap<Uuid, Group>,
    enrollments: HashMap<Uuid, Enrollment>,
    of_user: HashMap<Uuid, Vec<Uuid>>,
    /// Lists of users that were found lately.
    pub(super) lists: Lists,
}

impl State {
    /// A portal with its root department, named as the portal is, and nobody in it.
    pub(super) fn new(seed: u64, portal: &str, catalog: Catalog, founded: &str) -> Self {
        let mut state = Self::empty(seed, make_id(seed, "department", 0), catalog);
        state.found_groups(founded);
        state.found(portal, founded);
        state
    }

    /// A portal for other portal's records, with nobody in it yet; its root is the one given, else one of its own.
    pub(super) fn standing_in(seed: u64, portal: &str, catalog: Catalog, founded: &str, root: Option<&Department>) -> Self {
        let mut state = Self::empty(seed, root.map_or_else(|| make_id(seed, "department", 0), |root| root.id), catalog);
        state.stands_in = true;
        state.found_groups(founded);
        match root {
            Some(root) => state.put_department(root.clone()),
            None => state.found(portal, founded),
        }
        state
    }

    fn empty(seed: u64, root: Uuid, catalog: Catalog) -> Self {
        Self {
            seed,
            root,
            catalog,
            admins: BTreeSet::new(),
            stands_in: false,
            users: HashMap::new(),
            by_username: Names::default(),
            by_external_id: BTreeSet::new(),
            by_email: BTreeSet::new(),
            by_edited: BTreeSet::new(),
            departments: BTreeMap::new(),
            groups: BTreeMap::new(),
            enrollments: HashMap::new(),
            of_user: HashMap::new(),
            lists: Lists::default(),
        }
    }

    fn found(&mut self, portal: &str, founded: &str) {
        self.put_department(Department {
            id: self.root,
            name: portal.to_owned(),
            parent_id: None,
            external_id: None,
            date_added: founded.to_owned(),
            date_edited: founded.to_owned(),
        });
    }

    /// The groups that every portal starts with.
    fn found_groups(&mut self, founded: &str) {
        for name in GROUPS {
            self.put_group(Group {
                id: self.next_group(),
                name: name.to_owned(),
                external_id: None,
                members: BTreeSet::new(),
                displays: BTreeMap::new(),
                strangers: Vec::new(),
                date_added: founded.to_owned(),
                date_edited: founded.to_owned(),
                deleted: false,
            });
        }
    }

    /// The id of the user made after `more` others.  The API's own admins do not count: they come with the configuration.
    pub(super) fn next_user(&self, more: usize) -> Uuid {
        make_id(self.seed, "user", self.users.len() - self.admins.len() + more)
    }

    /// The id of the next department.
    pub(super) fn next_department(&self) -> Uuid {
        make_id(self.seed, "department", self.departments.len())
    }

    /// The id of the next group.
    pub(super) fn next_group(&self) -> Uuid {
        make_id(self.seed, "group", self.groups.len())
    }

    /// The id of the enrollment made after `more` others.
    pub(super) fn next_enrollment(&self, more: usize) -> Uuid {
        make_id(self.seed, "enrollment", self.enrollments.len() + more)
    }

    /// The id that an admin of the API has in this portal, by user name.
    pub(super) fn admin_id(&self, username: &str) -> Uuid {
        if let Some(shown) = self.by_username(username).filter(|_| self.stands_in) {
            return shown.id();
        }
        make_id(self.seed, &format!("admin/{}", fold(username)), 0)
    }

    /// Puts the user record of an admin of the API.
    pub(super) fn put_admin(&mut self, user: User) {
        self.admins.insert(user.id());
        self.put_user(user);
    }

    pub(super) fn user(&self, id: Uuid) -> Option<&User> {
        self.users.get(&id)
    }

    pub(super) fn user_count(&self) -> usize {
        self.users.len()
    }

    /// The user of that name, in whatever case; names are unique in the portal.
    pub(super) fn by_username(&self, name: &str) -> Option<&User> {
        self.users.get(&self.by_username.get(&fold(name))?)
    }

    /// All users in the order of their names.
    pub(super) fn users(&self) -> impl DoubleEndedIterator<Item = &User> {
        self.users_at(0..usize::MAX)
    }

    /// The users in that range of the order of their names.
    pub(super) fn users_at(&self, range: Range<usize>) -> impl DoubleEndedIterator<Item = &User> {
        self.by_username.part(range).filter_map(|id| self.users.get(&id))
    }

    /// Users with that external id, in whatever case; it need not be unique.
    pub(super) fn by_external_id(&self, id: &str) -> Vec<&User> {
        self.under(&self.by_external_id, id)
    }

    /// Users with that e-mail address, in whatever case.
    pub(super) fn by_email(&self, email: &str) -> Vec<&User> {
        self.under(&self.by_email, email)
    }

    /// Users edited at `since` or later.
    pub(super) fn edited_since(&self, since: Timestamp) -> Vec<&User> {
        self.by_edited.range((since, Uuid::nil())..).filter_map(|(_, id)| self.users.get(id)).collect()
    }

    fn under(&self, index: &BTreeSet<(String, Uuid)>, text: &str) -> Vec<&User> {
        let key = fold(text);
        let range = (key.clone(), Uuid::nil())..=(key, Uuid::max());
        index.range(range).filter_map(|(_, id)| self.users.get(id)).collect()
    }

    /// Puts a user in the place of the one with the same id.  One call may let users exchange their names, so that between
    /// its lines two have the same: the name leads to the one who was put last.
    pub(super) fn put_user(&mut self, user: User) {
        self.lists.clear();
        let id = user.id();
        if let Some(old) = self.users.remove(&id) {
            let name = fold(old.username());
            if self.by_username.get(&name) == Some(id) {
                self.by_username.remove(&name);
            }
            if let Some(external) = old.text("externalId") {
                self.by_external_id.remove(&(fold(external), id));
            }
            if let Some(email) = old.text("emailAddress") {
                self.by_email.remove(&(fold(email), id));
            }
            self.by_edited.remove(&(old.edited(), id));
        }
        self.by_username.insert(fold(user.username()), id);
        if let Some(external) = user.text("externalId") {
            self.by_external_id.insert((fold(external), id));
        }
        if let Some(email) = user.text("emailAddress") {
            self.by_email.insert((fold(email), id));
        }
        self.by_edited.insert((user.edited(), id));
        self.users.insert(id, user);
    }

    pub(super) fn department(&self, id: Uuid) -> Option<&Department> {
        self.departments.get(&id)
    }

    pub(super) fn departments(&self) -> impl Iterator<Item = &Department> {
        self.departments.values()
    }

    pub(super) fn put_department(&mut self, department: Department) {
        // Whom an admin sees goes by departments.
        self.lists.clear();
        self.departments.insert(department.id, department);
    }

    /// A group that is not deleted.
    pub(super) fn group(&self, id: Uuid) -> Option<&Group> {
        self.groups.get(&id).filter(|group| !group.deleted)
    }

    /// The groups that are not deleted.
    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values().filter(|group| !group.deleted)
    }

    fn put_group(&mut self, group: Group) {
        self.groups.insert(group.id, group);
    }

    pub(super) fn enrollment(&self, id: Uuid) -> Option<&Enrollment> {
        self.enrollments.get(&id)
    }

    /// A user's enrollments, history too, oldest first.
    pub(super) fn enrollments_of(&self, user: Uuid) -> impl Iterator<Item = &Enrollment> {
        self.of_user.get(&user).into_iter().flatten().filter_map(|id| self.enrollments.get(id))
    }

    pub(super) fn put_enrollment(&mut self, enrollment: Enrollment) {
        let (id, user) = (enrollment.id, enrollment.user_id);
        if self.enrollments.insert(id, enrollment).is_none() {
            self.of_user.entry(user).or_default().push(id);
        }
    }
}

impl Objects for State {
    fn put(&mut self, object: &str, after: Value) -> Result<(), String> {
        let read = |error: serde_json::Error| error.to_string();
        match object.split_once('/') {
            Some(("user", _)) => self.put_user(User::from_ledger(after)?),
            Some(("department", _)) => self.put_department(serde_json::from_value(after).map_err(read)?),
            Some(("group", _)) => self.put_group(serde_json::from_value(after).map_err(read)?),
            Some(("enrollment", _)) => self.put_enrollment(serde_json::from_value(after).map_err(read)?),
            _ => return Err(format!("`{object}` is of no kind that this portal holds")),
        }
        Ok(())
    }
}

/// The `n`th id of a kind: the same for the same seed.
pub(super) fn make_id(seed: u64, kind: &str, n: usize) -> Uuid {
    let digest = Sha256::digest(format!("absorb/{seed}/{kind}/{n}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_random_bytes(bytes).into_uuid()
}

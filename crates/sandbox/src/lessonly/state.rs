//! The company in memory, with an index for every question that is asked often.  Memberships are kept with the user, in
//! one place; the group's side is an index.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use jiff::Timestamp;
use serde_json::Value;

use super::content::{Catalog, Kind};
use super::profile::Profile;
use super::records::{Assignment, EVERYONE, FIRST_USER, Group, Settings, User};
use super::render;
use crate::backend::Objects;

/// Everything there is.
#[derive(Debug)]
pub(super) struct State {
    profile: &'static Profile,
    pub(super) users: BTreeMap<u64, User>,
    pub(super) groups: BTreeMap<u64, Group>,
    pub(super) assignments: BTreeMap<u64, Assignment>,
    pub(super) settings: Settings,
    /// What can be assigned.
    pub(super) catalog: Catalog,
    /// The id of the group that holds everybody, where there is one.
    everyone: Option<u64>,
    /// The names of custom fields that somebody has, or had, a value of, by id.
    pub(super) fields: BTreeMap<u64, String>,
    /// All users' ids, oldest first, each with its list item as text, so that a page is a slice.
    items: Vec<(u64, Box<str>)>,
    /// The ids of the users who are not archived, oldest first.
    active: Vec<u64>,
    /// The ids of the assignments that are not over, oldest first.
    live: Vec<u64>,
    /// The same by when they changed.
    by_update: BTreeSet<(Timestamp, u64)>,
    emails: HashMap<String, u64>,
    /// What SCIM calls users, folded.
    user_names: BTreeSet<(String, u64)>,
    ext_uids: HashMap<String, BTreeSet<u64>>,
    members: HashMap<u64, BTreeSet<u64>>,
    managers: HashMap<u64, BTreeSet<u64>>,
    /// Those that are over too.
    by_user: HashMap<u64, BTreeSet<u64>>,
    by_content: HashMap<(Kind, u64), Vec<u64>>,
    /// The greatest ids ever given: what is deleted leaves its id behind.
    last_user: u64,
    last_assignment: u64,
}

impl State {
    pub(super) fn new(profile: &'static Profile) -> Self {
        Self {
            profile,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            assignments: BTreeMap::new(),
            settings: Settings::default(),
            catalog: Catalog::Standard,
            everyone: Some(EVERYONE),
            fields: BTreeMap::new(),
            items: Vec::new(),
            active: Vec::new(),
            live: Vec::new(),
            by_update: BTreeSet::new(),
            emails: HashMap::new(),
            user_names: BTreeSet::new(),
            ext_uids: HashMap::new(),
            members: HashMap::new(),
            managers: HashMap::new(),
            by_user: HashMap::new(),
            by_content: HashMap::new(),
            last_user: FIRST_USER - 1,
            last_assignment: 0,
        }
    }

    /// Whose e-mail it is, whatever its case, archived users included.
    pub(super) fn owner(&self, email: &str) -> Option<u64> {
        self.emails.get(&email.to_lowercase()).copied()
    }

    /// The users whom SCIM calls so, whatever its case, oldest first.
    pub(super) fn with_user_name(&self, name: &str) -> impl Iterator<Item = u64> {
        let name = name.to_lowercase();
        self.user_names.range((name.clone(), 0)..=(name, u64::MAX)).map(|(_, id)| *id)
    }

    /// The users with this external id, oldest first.
    pub(super) fn with_ext_uid(&self, ext_uid: &str) -> impl Iterator<Item = u64> {
        self.ext_uids.get(ext_uid).into_iter().flatten().copied()
    }

    pub(super) fn next_user(&self) -> u64 {
        self.last_user + 1
    }

    pub(super) fn next_group(&self) -> u64 {
        self.groups.last_key_value().map_or(EVERYONE + 1, |(id, _)| id + 1)
    }

    pub(super) fn next_assignment(&self) -> u64 {
        self.last_assignment + 1
    }

    /// All users' ids with their list items, oldest first.
    pub(super) fn items(&self) -> &[(u64, Box<str>)] {
        &self.items
    }

    /// A user's list item.
    pub(super) fn item(&self, id: u64) -> Option<&str> {
        let at = self.items.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&self.items[at].1)
    }

    /// The ids of the users who are not archived, oldest first.
    pub(super) fn active(&self) -> &[u64] {
        &self.active
    }

    /// The ids of the group's members.
    pub(super) fn members(&self, group: u64) -> BTreeSet<u64> {
        match group {
            group if self.is_everyone(group) => self.users.keys().copied().collect(),
            group => self.members.get(&group).cloned().unwrap_or_default(),
        }
    }

    /// Whether it is the group that holds everybody.
    pub(super) fn is_everyone(&self, group: u64) -> bool {
        self.everyone == Some(group)
    }

    pub(super) fn set_everyone(&mut self, group: Option<u64>) {
        self.everyone = group;
    }

    /// The ids of the group's managers.
    pub(super) fn managers(&self, group: u64) -> BTreeSet<u64> {
        self.managers.get(&group).cloned().unwrap_or_default()
    }

    /// The user's assignments that are not over, oldest first.
    pub(super) fn assigned_to(&self, user: u64) -> impl Iterator<Item = &Assignment> {
        self.ever_assigned_to(user).filter(|assignment| assignment.ended_at.is_none())
    }

    /// The user's assignments, those that are over too.
    pub(super) fn ever_assigned_to(&self, user: u64) -> impl Iterator<Item = &Assignment> {
        self.by_user.get(&user).into_iter().flatten().filter_map(|id| self.assignments.get(id))
    }

    /// The ids of the assignments that are not over, oldest first.
    pub(super) fn live(&self) -> &[u64] {
        &self.live
    }

    /// The ids of those that changed after the instant, oldest first.
    pub(super) fn changed_after(&self, after: Timestamp) -> Vec<u64> {
        let later = self.by_update.range((Bound::Excluded((after, u64::MAX)), Bound::Unbounded));
        let mut ids: Vec<u64> = later.map(|(_, id)| *id).collect();
        ids.sort_unstable();
        ids
    }

    /// The ids of the content's assignments that are not over, oldest first.
    pub(super) fn assignments_of(&self, kind: Kind, content: u64) -> &[u64] {
        self.by_content.get(&(kind, content)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn put_user(&mut self, user: User) {
        self.take_user(user.id);
        let id = user.id;
        self.last_user = self.last_user.max(id);
        for field in &user.custom_user_field_data {
            self.fields.entry(field.custom_user_field_id).or_insert_with(|| field.name.clone());
        }
        let item = (id, render::item(&user, self.profile));
        match self.items.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => self.items[at] = item,
            Err(at) => self.items.insert(at, item),
        }
        if user.archived_at.is_none() {
            add(&mut self.active, id);
        }
        self.emails.insert(user.email.to_lowercase(), id);
        self.user_names.insert((user.user_name().to_lowercase(), id));
        if let Some(ext_uid) = &user.ext_uid {
            self.ext_uids.entry(ext_uid.clone()).or_default().insert(id);
        }
        for (index, groups) in [(&mut self.members, &user.group_ids), (&mut self.managers, &user.managing_ids)] {
            for group in groups {
                index.entry(*group).or_default().insert(id);
            }
        }
        self.users.insert(id, user);
    }

    /// Takes the user out of every index but the list, where its place stays.
    fn take_user(&mut self, id: u64) {
        let Some(old) = self.users.remove(&id) else { return };
        self.emails.remove(&old.email.to_lowercase());
        self.user_names.remove(&(old.user_name().to_lowercase(), id));
        take(&mut self.active, id);
        if let Some(ext_uid) = &old.ext_uid
            && let Some(ids) = self.ext_uids.get_mut(ext_uid)
        {
            ids.remove(&id);
            if ids.is_empty() {
                self.ext_uids.remove(ext_uid);
            }
        }
        for (index, groups) in [(&mut self.members, &old.group_ids), (&mut self.managers, &old.managing_ids)] {
            for group in groups {
                index.entry(*group).or_default().remove(&id);
            }
        }
    }

    fn delete_user(&mut self, id: u64) {
        self.take_user(id);
        if let Ok(at) = self.items.binary_search_by_key(&id, |(id, _)| *id) {
            self.items.remove(at);
        }
    }

    pub(super) fn put_assignment(&mut self, assignment: Assignment) -> Result<(), String> {
        let id = assignment.id;
        let content = (kind_of(&assignment)?, assignment.assignable_id);
        self.delete_assignment(id)?;
        self.last_assignment = self.last_assignment.max(id);
        self.by_user.entry(assignment.assignee_id).or_default().insert(id);
        if assignment.ended_at.is_none() {
            add(&mut self.live, id);
            add(self.by_content.entry(content).or_default(), id);
            self.by_update.insert((assignment.updated_at, id));
        }
        self.assignments.insert(id, assignment);
        Ok(())
    }

    fn delete_assignment(&mut self, id: u64) -> Result<(), String> {
        let Some(old) = self.assignments.remove(&id) else { return Ok(()) };
        take(&mut self.live, id);
        take(self.by_content.entry((kind_of(&old)?, old.assignable_id)).or_default(), id);
        self.by_user.entry(old.assignee_id).or_default().remove(&id);
        self.by_update.remove(&(old.updated_at, id));
        Ok(())
    }
}

fn kind_of(assignment: &Assignment) -> Result<Kind, String> {
    let kind = &assignment.assignable_type;
    Kind::from_assignable_type(kind).ok_or_else(|| format!("no content is a {kind}"))
}

/// Ids are given in rising order, so that this nearly always ends at the end.
fn add(sorted: &mut Vec<u64>, id: u64) {
    if let Err(at) = sorted.binary_search(&id) {
        sorted.insert(at, id);
    }
}

fn take(sorted: &mut Vec<u64>, id: u64) {
    if let Ok(at) = sorted.binary_search(&id) {
        sorted.remove(at);
    }
}

impl Objects for State {
    fn put(&mut self, object: &str, after: Value) -> Result<(), String> {
        fn read<T: serde::de::DeserializeOwned>(object: &str, after: Value) -> Result<T, String> {
            serde_json::from_value(after).map_err(|error| format!("{object}: {error}"))
        }
        let (kind, id) = object.split_once('/').unwrap_or((object, ""));
        if after.is_null() {
            let id = id.parse().map_err(|_| format!("{object} has no id"))?;
            match kind {
                "user" => self.delete_user(id),
                "assignment" => self.delete_assignment(id)?,
                _ => return Err(format!("{object} cannot be deleted")),
            }
            return Ok(());
        }
        match kind {
            "user" => self.put_user(read(object, after)?),
            "group" => {
                let group: Group = read(object, after)?;
                self.groups.insert(group.id, group);
            }
            "assignment" => self.put_assignment(read(object, after)?)?,
            _ if object == Settings::OBJECT => self.settings = read(object, after)?,
            _ => return Err(format!("{object} is no object of this sandbox")),
        }
        Ok(())
    }
}

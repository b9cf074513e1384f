//! What an application holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use scim::fold;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::backend::Objects;
use crate::provisioning::{Resource, lists};

/// Users and groups by id, each as it is written; of a user `groups` is only what it was loaded with.
#[derive(Debug)]
pub(super) struct State {
    pub(super) users: BTreeMap<String, Resource>,
    pub(super) groups: BTreeMap<String, Resource>,
    /// Whether users show the groups that they are in.
    pub(super) shows_groups: bool,
    /// User and group of memberships that were loaded, and that the user did not show: they are not shown as long as they last.
    pub(super) unshown: BTreeSet<(String, String)>,
    /// Folded user name → id.
    names: HashMap<String, String>,
    external: HashMap<String, BTreeSet<String>>,
    /// User → groups.
    memberships: HashMap<String, BTreeSet<String>>,
    /// How often something was put: ids and versions are made from it.
    writes: u64,
}

impl State {
    pub(super) fn new(shows_groups: bool) -> Self {
        Self {
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            shows_groups,
            unshown: BTreeSet::new(),
            names: HashMap::new(),
            external: HashMap::new(),
            memberships: HashMap::new(),
            writes: 0,
        }
    }

    /// Who has this user name, in any case.
    pub(super) fn named(&self, name: &str) -> Option<&String> {
        self.names.get(&fold(name))
    }

    pub(super) fn with_external_id(&self, id: &str) -> impl Iterator<Item = &String> {
        self.external.get(id).into_iter().flatten()
    }

    /// The groups that a user is in.
    pub(super) fn groups_of(&self, user: &str) -> impl Iterator<Item = &String> {
        self.memberships.get(user).into_iter().flatten()
    }

    /// An id that nothing has: the same for the same history.
    pub(super) fn next_id(&self) -> String {
        let free = |salt: u64| {
            let digest = Sha256::digest(format!("application {} {salt}", self.writes));
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&digest[..16]);
            uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
        };
        let taken = |id: &String| self.users.contains_key(id) || self.groups.contains_key(id);
        (0..).map(free).find(|id| !taken(id)).unwrap_or_else(|| Uuid::nil().to_string())
    }

    /// The entity tag of what is written next.
    pub(super) fn next_version(&self) -> String {
        scim::etag::weak(format_args!("s{}", self.writes + 1))
    }

    pub(super) fn put_user(&mut self, id: &str, resource: Option<Resource>) {
        self.writes += 1;
        let external = |resource: &Resource| lists::text(resource, &["externalId"]).map(str::to_owned);
        let name = |resource: &Resource| lists::text(resource, &["userName"]).map(fold);
        if let Some(old) = self.users.remove(id) {
            name(&old).map(|name| self.names.remove(&name));
            if let Some(all) = external(&old).and_then(|external| self.external.get_mut(&external)) {
                all.remove(id);
            }
        }
        let Some(new) = resource else { return };
        name(&new).map(|name| self.names.insert(name, id.to_owned()));
        if let Some(external) = external(&new) {
            self.external.entry(external).or_default().insert(id.to_owned());
        }
        self.users.insert(id.to_owned(), new);
    }

    pub(super) fn put_group(&mut self, id: &str, resource: Option<Resource>) {
        self.writes += 1;
        let now = resource.as_ref().map(members).unwrap_or_default();
        for member in self.groups.remove(id).iter().flat_map(members) {
            if !now.contains(&member) {
                self.unshown.remove(&(member.clone(), id.to_owned()));
            }
            if let Some(groups) = self.memberships.get_mut(&member) {
                groups.remove(id);
            }
        }
        let Some(new) = resource else { return };
        for member in now {
            self.memberships.entry(member).or_default().insert(id.to_owned());
        }
        self.groups.insert(id.to_owned(), new);
    }
}

/// The ids of a group's members.
pub(super) fn members(group: &Resource) -> BTreeSet<String> {
    let all = group.get("members").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|one| id_text(one.get("value")?)).collect()
}

/// An id as text; some applications have numbers.
pub(super) fn id_text(id: &Value) -> Option<String> {
    match id {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Objects for State {
    fn put(&mut self, object: &str, after: Value) -> Result<(), String> {
        let after = match after {
            Value::Null => None,
            Value::Object(resource) => Some(resource),
            other => return Err(format!("{object} is no resource: {other}")),
        };
        match object.split_once('/') {
            Some(("user", id)) => self.put_user(id, after),
            Some(("group", id)) => self.put_group(id, after),
            _ => return Err(format!("`{object}` is neither a user nor a group")),
        }
        Ok(())
    }
}

//! An application's users and groups, for one request.

use jiff::Timestamp;
use scim::{Error, ResourceType, View};
use serde_json::{Value, json};

use super::state::{State, id_text, members};
use crate::ledger::Change;
use crate::provisioning::{Directory, Known, Made, Resource, lists};

pub(super) struct Resources {
    /// The base address as the client calls it.
    pub(super) base: String,
}

fn is_user(kind: &ResourceType) -> bool {
    kind.name == "User"
}

fn object(kind: &ResourceType, id: &str) -> String {
    format!("{}/{id}", if is_user(kind) { "user" } else { "group" })
}

impl Resources {
    /// A user with the groups that it is in now: as they were shown before, where it was in them then.
    fn with_groups(&self, state: &State, id: &str, user: &Resource) -> Resource {
        let mut shown = user.clone();
        if !state.shows_groups {
            return shown;
        }
        let had = user.get("groups").and_then(Value::as_array).cloned();
        let now: Vec<&String> = state.groups_of(id).collect();
        let group = |one: &Value| one.get("value").and_then(id_text);
        // Groups of which nothing is known here stay.
        let stays = |one: &Value| group(one).is_none_or(|group| now.contains(&&group) || !state.groups.contains_key(&group));
        let mut groups: Vec<Value> = had.iter().flatten().filter(|one| stays(one)).cloned().collect();
        for of in now {
            let unshown = || state.unshown.contains(&(id.to_owned(), of.clone()));
            if !groups.iter().any(|one| group(one).as_ref() == Some(of)) && !unshown() {
                let name = state.groups.get(of).and_then(|group| group.get("displayName"));
                groups.push(json!({ "value": of, "$ref": format!("{}/Groups/{of}", self.base), "type": "direct", "display": name }));
            }
        }
        if had.is_some() || !groups.is_empty() {
            shown.insert("groups".to_owned(), Value::Array(groups));
        }
        shown
    }

    /// A resource as it is kept, written at this instant.
    fn kept(&self, state: &State, now: Timestamp, kind: &ResourceType, id: &str, mut resource: Resource) -> Resource {
        let mut meta = match resource.remove("meta") {
            Some(Value::Object(meta)) => meta,
            _ => Resource::new(),
        };
        let instant = now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        meta.entry("resourceType").or_insert_with(|| json!(kind.name));
        meta.entry("created").or_insert_with(|| json!(instant));
        meta.entry("location").or_insert_with(|| json!(scim::location(&self.base, kind, id)));
        meta.insert("lastModified".to_owned(), json!(instant));
        // Only an application that has entity tags shows them.
        if let Some(version) = meta.get_mut("version") {
            *version = json!(state.next_version());
        }
        resource.remove("password");
        resource.insert("id".to_owned(), json!(id));
        resource.insert("meta".to_owned(), Value::Object(meta));
        resource
    }

    fn all<'s>(state: &'s State, kind: &ResourceType) -> &'s std::collections::BTreeMap<String, Resource> {
        if is_user(kind) { &state.users } else { &state.groups }
    }

    /// What is written must not have somebody else's user name.
    fn is_free(state: &State, kind: &ResourceType, id: &str, resource: &Resource) -> Result<(), Error> {
        let name = lists::text(resource, &["userName"]).filter(|_| is_user(kind)).unwrap_or_default();
        match state.named(name) {
            Some(owner) if owner != id => Err(Error::taken("userName", name)),
            _ => Ok(()),
        }
    }
}

/// What no schema has stays as it was.
fn keep_unknown(kind: &ResourceType, old: &Resource, new: &mut Resource) {
    for (name, value) in old {
        let known = name.eq_ignore_ascii_case("schemas") || kind.attribute(name).is_some();
        match (kind.extension(name), value) {
            (Some(extension), Value::Object(old)) => {
                let unknown = old.iter().filter(|(name, _)| extension.schema.attribute(name).is_none());
                let unknown: Vec<(String, Value)> = unknown.map(|(name, value)| (name.clone(), value.clone())).collect();
                if !unknown.is_empty()
                    && let Some(new) = new.entry(name.clone()).or_insert_with(|| json!({})).as_object_mut()
                {
                    new.extend(unknown);
                }
            }
            (None, value) if !known => drop(new.insert(name.clone(), value.clone())),
            _ => {}
        }
    }
}

impl Directory for Resources {
    type State = State;

    fn ids(&self, state: &State, kind: &ResourceType, known: Option<Known<'_>>) -> Vec<String> {
        let all = Self::all(state, kind);
        match known.filter(|_| is_user(kind)).map(|known| (known.attribute, known.text)) {
            Some(("id", id)) => all.get_key_value(id).map(|(id, _)| id.clone()).into_iter().collect(),
            Some(("userName", name)) => state.named(name).cloned().into_iter().collect(),
            Some(("externalId", id)) => state.with_external_id(id).cloned().collect(),
            _ => all.keys().cloned().collect(),
        }
    }

    fn get(&self, state: &State, kind: &ResourceType, id: &str) -> Option<Resource> {
        let found = Self::all(state, kind).get(id)?;
        Some(if is_user(kind) { self.with_groups(state, id, found) } else { found.clone() })
    }

    fn create(&self, state: &State, now: Timestamp, kind: &ResourceType, resource: Resource) -> Result<Made, Error> {
        let id = state.next_id();
        Self::is_free(state, kind, &id, &resource)?;
        let made = self.kept(state, now, kind, &id, resource);
        let change = Change { object: object(kind, &id), before: Value::Null, after: Value::Object(made.clone()) };
        Ok((vec![change], made))
    }

    fn replace(&self, state: &State, now: Timestamp, kind: &ResourceType, id: &str, mut wanted: Resource) -> Result<Made, Error> {
        let old = Self::all(state, kind).get(id).ok_or_else(|| Error::not_found(&format!("{} {id}", kind.name)))?;
        Self::is_free(state, kind, id, &wanted)?;
        keep_unknown(kind, old, &mut wanted);
        match old.get("groups") {
            Some(groups) if is_user(kind) => drop(wanted.insert("groups".to_owned(), groups.clone())),
            _ => drop(wanted.remove("groups")),
        }
        wanted.remove("password");
        // A number stays one.
        old.get("id").map(|id| wanted.insert("id".to_owned(), id.clone()));
        let shown = |resource: &Resource| if is_user(kind) { self.with_groups(state, id, resource) } else { resource.clone() };
        if wanted == *old {
            return Ok((Vec::new(), shown(old)));
        }
        let raw_id = old.get("id").cloned().unwrap_or_else(|| json!(id));
        let mut new = self.kept(state, now, kind, id, wanted);
        new.insert("id".to_owned(), raw_id);
        let change = Change { object: object(kind, id), before: Value::Object(old.clone()), after: Value::Object(new.clone()) };
        Ok((vec![change], shown(&new)))
    }

    fn delete(&self, state: &State, now: Timestamp, kind: &ResourceType, id: &str) -> Result<Vec<Change>, Error> {
        let gone = |old: &Resource| Change { object: object(kind, id), before: Value::Object(old.clone()), after: Value::Null };
        let mut changes: Vec<Change> = Self::all(state, kind).get(id).map(gone).into_iter().collect();
        for group in state.groups_of(id).filter(|_| is_user(kind)) {
            let Some(old) = state.groups.get(group).filter(|group| members(group).contains(id)) else { continue };
            let mut new = self.kept(state, now, &ResourceType::group(), group, old.clone());
            if let Some(all) = new.get_mut("members").and_then(Value::as_array_mut) {
                all.retain(|one| one.get("value").and_then(id_text).as_deref() != Some(id));
            }
            changes.push(Change { object: format!("group/{group}"), before: Value::Object(old.clone()), after: Value::Object(new) });
        }
        Ok(changes)
    }

    /// Whole, where nothing else is asked for: members that no schema has are shown too.
    fn show(&self, view: &View, kind: &ResourceType, resource: &Resource) -> Resource {
        if *view == View::default_of(kind) { resource.clone() } else { view.of(resource) }
    }
}

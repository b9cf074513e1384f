//! The portal's groups as SCIM groups.

use std::collections::{BTreeMap, BTreeSet};

use scim::{Error, ResourceType};
use serde_json::{Value, json};

use super::{Accounts, parse, same, users::full_name};
use crate::absorb::edit::Edit;
use crate::absorb::state::{Group, State};
use crate::provisioning::{Resource, lists};

impl Accounts<'_> {
    pub(super) fn group_ids(&self, state: &State) -> Vec<String> {
        let mut groups: Vec<&Group> = state.groups().collect();
        groups.sort_by_key(|group| (group.name.to_lowercase(), group.id));
        groups.into_iter().map(|group| group.id.to_string()).collect()
    }

    /// The resource of a group; members whom SCIM does not show are left out.
    pub(super) fn group(&self, state: &State, group: &Group) -> Resource {
        let members = group.members.iter().filter_map(|id| self.shown_user(state, *id));
        let members: Vec<Value> = members
            .map(|user| {
                let place = format!("{}/Users/{}", self.base, user.id());
                let display = group.displays.get(&user.id()).cloned().unwrap_or_else(|| full_name(user));
                json!({"value": user.id(), "$ref": place, "type": "User", "display": display})
            })
            .chain(group.strangers.iter().cloned())
            .collect();
        let mut resource = Resource::new();
        lists::set(&mut resource, &["displayName"], Some(&group.name));
        lists::set(&mut resource, &["externalId"], group.external_id.as_deref());
        if !members.is_empty() {
            resource.insert("members".to_owned(), Value::Array(members));
        }
        resource.insert("id".to_owned(), json!(group.id));
        let dates = (Some(group.date_added.as_str()), Some(group.date_edited.as_str()));
        resource.insert("meta".to_owned(), self.meta("Group", "/Groups", group.id, dates));
        ResourceType::group().set_schemas(&mut resource);
        resource
    }

    /// Makes a group; one of the same name is 409, to be linked instead.
    pub(super) fn make_group(&self, edit: &mut Edit<'_>, resource: &Resource) -> Result<Resource, Error> {
        let new = Group {
            id: edit.view.state.next_group(),
            name: String::new(),
            external_id: None,
            members: BTreeSet::new(),
            displays: BTreeMap::new(),
            strangers: Vec::new(),
            date_added: edit.now.clone(),
            date_edited: edit.now.clone(),
            deleted: false,
        };
        let group = self.written(edit.view.state, &new, resource)?;
        edit.save_group(group.clone());
        Ok(self.group(edit.view.state, &group))
    }

    /// Makes of a group what is wanted.
    pub(super) fn change_group(&self, edit: &mut Edit<'_>, old: &Group, resource: &Resource) -> Result<Resource, Error> {
        let mut group = self.written(edit.view.state, old, resource)?;
        if group != *old {
            group.date_edited.clone_from(&edit.now);
            edit.save_group(group.clone());
        }
        Ok(self.group(edit.view.state, &group))
    }

    fn written(&self, state: &State, old: &Group, resource: &Resource) -> Result<Group, Error> {
        let name = lists::text(resource, &["displayName"]).unwrap_or_default();
        if state.groups().any(|other| other.id != old.id && same(&other.name, name)) {
            return Err(Error::taken("displayName", name));
        }
        let (mut members, mut displays, mut strangers) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
        for member in resource.get("members").and_then(Value::as_array).into_iter().flatten() {
            let text = member["value"].as_str().unwrap_or_default();
            match parse(text).and_then(|id| state.user(id)) {
                Some(user) => {
                    members.insert(user.id());
                    if let Some(display) = member["display"].as_str().filter(|display| *display != full_name(user)) {
                        displays.insert(user.id(), display.to_owned());
                    }
                }
                None if strangers.iter().all(|other: &Value| other["value"] != text) => strangers.push(member.clone()),
                None => {}
            }
        }
        // Members whom SCIM does not show it cannot take out either.
        members.extend(old.members.iter().filter(|id| self.shown_user(state, **id).is_none()));
        let external_id = lists::text(resource, &["externalId"]).map(str::to_owned);
        Ok(Group { name: name.to_owned(), external_id, members, displays, strangers, ..old.clone() })
    }
}

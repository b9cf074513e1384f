//! Accounts as SCIM users.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Accounts, refused, same};
use crate::absorb::edit::Edit;
use crate::absorb::fields::{Beside, Draft, ENTERPRISE, User};
use crate::absorb::profile::LeftOut;
use crate::absorb::state::State;
use crate::absorb::users::refuse_taken_name;
use crate::absorb::wire::{Members, Refusal};
use crate::provisioning::lists::{self, Parts};
use crate::provisioning::{Known, Resource};
use scim::Error;

/// Texts that a member of a user holds: the attribute, and the member.
const TEXTS: [(&[&str], &str); 7] = [
    (&["userName"], "username"),
    (&["externalId"], "externalId"),
    (&["name", "givenName"], "firstName"),
    (&["name", "middleName"], "middleName"),
    (&["name", "familyName"], "lastName"),
    (&["title"], "jobTitle"),
    (&[ENTERPRISE, "employeeNumber"], "employeeNumber"),
];

/// Lists of which a member of a user holds the main value.
const MAIN: [(&str, &str); 2] = [("emails", "emailAddress"), ("phoneNumbers", "phone")];

/// Parts of the main address that members of a user hold.
const ADDRESS: &Parts = &[("streetAddress", "address"), ("locality", "city"), ("postalCode", "postalCode")];

/// What the server says itself, and what is thrown away.
const NOT_KEPT: [&str; 5] = ["schemas", "id", "meta", "groups", "password"];

impl Accounts<'_> {
    /// A user whom SCIM shows.
    pub(super) fn shown_user<'s>(&self, state: &'s State, id: Uuid) -> Option<&'s User> {
        state.user(id).filter(|user| self.shows(user))
    }

    fn shows(&self, user: &User) -> bool {
        !user.beside().deleted || user.active(self.portal.profile)
    }

    pub(super) fn user_ids(&self, state: &State, known: Option<Known<'_>>) -> Vec<String> {
        let known: Option<Vec<&User>> = known.and_then(|known| match known.attribute {
            "id" => Some(super::parse(known.text).and_then(|id| state.user(id)).into_iter().collect()),
            "userName" => Some(state.by_username(known.text).into_iter().collect()),
            "externalId" => Some(state.by_external_id(known.text)),
            // Only the main address is held where it can be looked up.
            _ => None,
        });
        let shown = |user: &&User| self.shows(user);
        let id = |user: &User| user.id().to_string();
        match known {
            Some(users) => users.into_iter().filter(shown).map(id).collect(),
            None => state.users().filter(shown).map(id).collect(),
        }
    }

    /// The resource of an account, as it is or is about to be.
    pub(super) fn user(&self, state: &State, user: &User) -> Resource {
        let mut resource = user.beside().attributes.clone();
        for (path, member) in TEXTS {
            lists::set(&mut resource, path, user.text(member));
        }
        for (list, member) in MAIN {
            lists::show(&mut resource, list, user.text(member));
        }
        let address: Vec<Option<&str>> = ADDRESS.iter().map(|(_, member)| user.text(member)).collect();
        lists::show_parts(&mut resource, "addresses", ADDRESS, &address);
        if user.beside().attributes.get("active").is_some_and(Value::is_null) {
            resource.remove("active");
        } else {
            resource.insert("active".to_owned(), json!(user.active(self.portal.profile)));
        }
        if user.department() != state.root
            && let Some(department) = state.department(user.department())
        {
            lists::set(&mut resource, &[ENTERPRISE, "department"], Some(&department.name));
        }
        if let Some(manager) = user.text("supervisorId") {
            self.show_manager(&mut resource, manager);
        }
        let groups = state.groups().filter(|group| group.members.contains(&user.id()));
        let groups: Vec<Value> = groups
            .map(|group| {
                let place = format!("{}/Groups/{}", self.base, group.id);
                json!({"value": group.id, "$ref": place, "display": group.name, "type": "direct"})
            })
            .collect();
        if !groups.is_empty() {
            resource.insert("groups".to_owned(), Value::Array(groups));
        }
        resource.insert("id".to_owned(), json!(user.id()));
        let dates = (user.text("dateAdded"), user.text("dateEdited"));
        resource.insert("meta".to_owned(), self.meta("User", "/Users", user.id(), dates));
        super::USER.set_schemas(&mut resource);
        resource
    }

    fn show_manager(&self, resource: &mut Resource, id: &str) {
        let place = format!("{}/Users/{id}", self.base);
        let manager = json!({"value": id, "$ref": place});
        match resource.entry(ENTERPRISE).or_insert_with(|| json!({})) {
            Value::Object(extension) => drop(extension.insert("manager".to_owned(), manager)),
            other => *other = json!({ "manager": manager }),
        }
    }

    /// Makes an account; a user name that a deleted one has is that one again.
    pub(super) fn make_user(&self, edit: &mut Edit<'_>, mut resource: Resource) -> Result<Resource, Error> {
        resource.entry("active").or_insert(json!(true));
        let name = lists::text(&resource, &["userName"]).unwrap_or_default();
        let gone = edit.view.state.by_username(name).filter(|user| !self.shows(user));
        if let Some(gone) = gone {
            return self.change_user(edit, gone, resource);
        }
        let wanted = self.wanted(edit, resource);
        let mut draft = Draft::read(&wanted.members, edit);
        refuse_taken_name(&mut draft, None, edit);
        let user = draft.create(edit.next_user(), edit, false).map_err(Refusal::validations).map_err(refused)?;
        self.save(edit, user.with(wanted.beside))
    }

    /// Makes of an account what is wanted.
    pub(super) fn change_user(&self, edit: &mut Edit<'_>, old: &User, resource: Resource) -> Result<Resource, Error> {
        let unsaid = !resource.contains_key("active");
        let mut wanted = self.wanted(edit, resource);
        if unsaid {
            wanted.beside.attributes.insert("active".to_owned(), Value::Null);
        }
        let mut draft = Draft::read(&wanted.members, edit);
        refuse_taken_name(&mut draft, Some(old.id()), edit);
        let user = draft.replace(old, edit, LeftOut::Kept).map_err(Refusal::validations).map_err(refused)?;
        self.save(edit, user.with(wanted.beside))
    }

    /// The account is made inactive, and SCIM shows it no more.
    pub(super) fn delete_user(&self, edit: &mut Edit<'_>, old: &User) -> Result<(), Error> {
        let status = Map::from_iter([("activeStatus".to_owned(), self.portal.profile.inactive.value())]);
        let draft = Draft::read(&Members::of(status), edit);
        let user = draft.replace(old, edit, LeftOut::Kept).map_err(Refusal::validations).map_err(refused)?;
        let beside = Beside { deleted: true, ..user.beside().clone() };
        edit.save_user(user.with(beside));
        Ok(())
    }

    fn save(&self, edit: &mut Edit<'_>, user: User) -> Result<Resource, Error> {
        let id = user.id();
        edit.save_user(user);
        // Nothing new leaves the account as it was, its date too.
        let user = edit.user(id).ok_or_else(|| Error::new(500, "the account was not saved"))?;
        Ok(self.user(edit.view.state, user))
    }

    /// The members of a user that a resource says, nulls for those that it takes away, and what is kept beside them.
    fn wanted(&self, edit: &Edit<'_>, mut resource: Resource) -> Wanted {
        let state = edit.view.state;
        let mut members = Map::new();
        for (path, member) in TEXTS {
            members.insert(member.to_owned(), json!(lists::text(&resource, path)));
            lists::set(&mut resource, path, None);
        }
        for (list, member) in MAIN {
            members.insert(member.to_owned(), json!(lists::value(&resource, list)));
            lists::forget_plain(&mut resource, list);
        }
        for ((_, member), text) in ADDRESS.iter().zip(lists::parts(&resource, "addresses", ADDRESS)) {
            members.insert((*member).to_owned(), json!(text));
        }
        let profile = self.portal.profile;
        let active = resource.remove("active").and_then(|active| active.as_bool());
        if let Some(active) = active {
            let status = if active { profile.active } else { profile.inactive };
            members.insert("activeStatus".to_owned(), status.value());
        }
        let department = lists::text(&resource, &[ENTERPRISE, "department"]);
        let named = department.and_then(|name| state.departments().find(|one| same(&one.name, name)));
        members.insert("departmentId".to_owned(), json!(named.map_or(state.root, |department| department.id)));
        if named.is_some_and(|department| department.id != state.root) {
            lists::set(&mut resource, &[ENTERPRISE, "department"], None);
        }
        let manager = lists::text(&resource, &[ENTERPRISE, "manager", "value"]).and_then(super::parse);
        let manager = manager.filter(|id| state.user(*id).is_some());
        members.insert("supervisorId".to_owned(), json!(manager));
        if manager.is_some() {
            lists::set(&mut resource, &[ENTERPRISE, "manager"], None);
        }
        if let Some(password) = resource.get("password").filter(|password| !password.is_null()) {
            members.insert("password".to_owned(), password.clone());
        }
        NOT_KEPT.iter().for_each(|name| drop(resource.remove(*name)));
        resource.retain(|_, value| !value.as_object().is_some_and(Map::is_empty));
        Wanted { members: Members::of(members), beside: Beside { attributes: resource, deleted: false } }
    }
}

struct Wanted {
    members: Members,
    beside: Beside,
}

/// First and last name of an account.
pub(super) fn full_name(user: &User) -> String {
    let names: Vec<&str> = ["firstName", "lastName"].into_iter().filter_map(|name| user.text(name)).collect();
    names.join(" ")
}

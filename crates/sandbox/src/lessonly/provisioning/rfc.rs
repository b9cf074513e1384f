//! The guide's reading: a server as RFC 7643 and 7644 have it, for create, PUT, PATCH, list and get on `/Users`.

use jiff::Timestamp;
use scim::urn::ENTERPRISE_USER as ENTERPRISE;
use scim::{Error, ResourceType, ScimType};
use serde_json::{Map, Value, json};

use super::users::{finished, full_name, names, new, set};
use crate::ledger::Change;
use crate::lessonly::App;
use crate::lessonly::records::User;
use crate::lessonly::state::State;
use crate::lessonly::wire;
use crate::provisioning::{Directory, Known, Made, Resource, lists};

/// Texts that REST holds too: the attribute, and REST's name.
const TEXTS: [(&[&str], &str); 5] = [
    (&["externalId"], "ext_uid"),
    (&["title"], "job_title"),
    (&["locale"], "locale"),
    (&[ENTERPRISE, "department"], "department"),
    (&[ENTERPRISE, "division"], "business_unit"),
];

/// What the server says itself, and what is thrown away.
const NOT_KEPT: [&str; 5] = ["schemas", "id", "meta", "groups", "password"];

/// The company's users for one request.
pub(super) struct Accounts<'a> {
    pub(super) app: &'a App,
    /// The base address as the client calls it.
    pub(super) base: String,
}

impl Directory for Accounts<'_> {
    type State = State;

    fn ids(&self, state: &State, _: &ResourceType, known: Option<Known<'_>>) -> Vec<String> {
        let ids: Vec<u64> = match known.map(|known| (known.attribute, known.text)) {
            Some(("id", text)) => wire::id(text).into_iter().filter(|id| state.users.contains_key(id)).collect(),
            Some(("userName", name)) => state.with_user_name(name).collect(),
            Some(("externalId", id)) => state.with_ext_uid(id).collect(),
            // Only the main e-mail is held where it can be looked up.
            _ => state.users.keys().copied().collect(),
        };
        ids.into_iter().map(|id| id.to_string()).collect()
    }

    fn get(&self, state: &State, _: &ResourceType, id: &str) -> Option<Resource> {
        state.users.get(&wire::id(id)?).map(|user| self.shown(user))
    }

    fn create(&self, state: &State, now: Timestamp, _: &ResourceType, resource: Resource) -> Result<Made, Error> {
        self.written(state, now, None, resource)
    }

    fn replace(&self, state: &State, now: Timestamp, kind: &ResourceType, id: &str, wanted: Resource) -> Result<Made, Error> {
        let before = wire::id(id).and_then(|id| state.users.get(&id));
        let before = before.ok_or_else(|| Error::not_found(&format!("{} {id}", kind.name)))?;
        self.written(state, now, Some(before), wanted)
    }

    fn delete(&self, _: &State, _: Timestamp, _: &ResourceType, _: &str) -> Result<Vec<Change>, Error> {
        Err(Error::new(405, "users are not deleted here, PATCH active to false; GET, PUT and PATCH are possible"))
    }
}

impl Accounts<'_> {
    /// The resource of an account, as it is or is about to be.
    fn shown(&self, user: &User) -> Resource {
        let mut resource = user.scim.clone();
        lists::set(&mut resource, &["userName"], Some(user.user_name()));
        if full_name(&resource).as_deref() != Some(user.name.as_str()) {
            let (given, family) = names(user);
            lists::set(&mut resource, &["name"], None);
            lists::set(&mut resource, &["displayName"], None);
            lists::set(&mut resource, &["name", "givenName"], given);
            lists::set(&mut resource, &["name", "familyName"], family);
        }
        let held = [&user.ext_uid, &user.job_title, &user.locale, &user.department, &user.business_unit];
        for ((path, _), text) in TEXTS.into_iter().zip(held) {
            lists::set(&mut resource, path, text.as_deref());
        }
        lists::show(&mut resource, "emails", Some(&user.email));
        show_mobile(&mut resource, user.mobile_phone_number.as_deref());
        lists::set(&mut resource, &[ENTERPRISE, "manager", "displayName"], user.manager_name.as_deref());
        resource.insert("active".to_owned(), json!(user.archived_at.is_none()));
        resource.insert("id".to_owned(), json!(user.id.to_string()));
        let meta = json!({
            "resourceType": "User",
            "created": user.created_at,
            "lastModified": user.updated_at,
            "location": format!("{}/Users/{}", self.base, user.id),
        });
        resource.insert("meta".to_owned(), meta);
        ResourceType::user().set_schemas(&mut resource);
        resource
    }

    /// The account that a resource asks for.
    fn written(&self, state: &State, now: Timestamp, before: Option<&User>, mut resource: Resource) -> Result<Made, Error> {
        let mut user = before.cloned().unwrap_or_else(|| new(state, now));
        let name = lists::text(&resource, &["userName"]).unwrap_or_default().to_owned();
        if state.with_user_name(&name).any(|owner| owner != user.id) {
            return Err(Error::taken("userName", &name));
        }
        let required = |what: &str| Error::bad(ScimType::InvalidValue, format!("{what} is required here"));
        let email = lists::value(&resource, "emails").map(str::to_owned).or_else(|| name.contains('@').then(|| name.clone()));
        let email = email.ok_or_else(|| required("an e-mail address, in emails or as userName,"))?;
        let full_name = full_name(&resource).ok_or_else(|| required("a name, in name or displayName,"))?;
        let mut params = Map::from_iter([("email".to_owned(), json!(email)), ("name".to_owned(), json!(full_name))]);
        for (path, member) in TEXTS {
            params.insert(member.to_owned(), json!(lists::text(&resource, path)));
            lists::set(&mut resource, path, None);
        }
        set(self.app, state, &mut user, params)?;
        user.mobile_phone_number = taken_mobile(&mut resource);
        lists::forget_plain(&mut resource, "emails");
        lists::set(&mut resource, &[ENTERPRISE, "manager", "displayName"], None);
        if name == email {
            lists::set(&mut resource, &["userName"], None);
        }
        let active = resource.remove("active").and_then(|active| active.as_bool());
        NOT_KEPT.iter().for_each(|name| drop(resource.remove(*name)));
        resource.retain(|_, value| !value.as_object().is_some_and(Map::is_empty));
        user.scim = resource;
        let (changes, user) = finished(self.app, state, before, user, active, now);
        Ok((changes, self.shown(&user)))
    }
}

fn is_mobile(one: &Value) -> bool {
    one["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("mobile")) && one["value"].is_string()
}

/// Takes the number of the first mobile phone out of what is kept where nothing else is said of it.
fn taken_mobile(resource: &mut Resource) -> Option<String> {
    let all = resource.get_mut("phoneNumbers")?.as_array_mut()?;
    let at = all.iter().position(is_mobile)?;
    let number = all[at]["value"].as_str().map(str::to_owned);
    if all.len() == 1 && all[at] == json!({"type": "mobile", "value": number}) {
        resource.remove("phoneNumbers");
    }
    number
}

fn show_mobile(resource: &mut Resource, number: Option<&str>) {
    let mut all = match resource.remove("phoneNumbers") {
        Some(Value::Array(all)) => all,
        _ => Vec::new(),
    };
    match (all.iter().position(is_mobile), number) {
        (Some(at), Some(number)) => all[at]["value"] = json!(number),
        (Some(at), None) => drop(all.remove(at)),
        (None, Some(number)) => all.push(json!({"type": "mobile", "value": number})),
        (None, None) => {}
    }
    if !all.is_empty() {
        resource.insert("phoneNumbers".to_owned(), Value::Array(all));
    }
}

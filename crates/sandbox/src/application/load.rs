//! An application as its records show it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::state::{State, id_text, members};
use crate::error::Error;
use crate::provisioning::{Resource, lists};
use crate::records::{Kind, Record, of};

/// The application that these records show.  Of groups whose members were not read, who is in them is known from the users that show it.
///
/// # Errors
/// The first record that cannot be held, and why.
pub(super) fn state(records: &[Record]) -> Result<State, Error> {
    let shows = |record: &Record| record.get("groups").is_some();
    let mut state = State::new(of(records, Kind::User).any(shows));
    let mut groups: BTreeMap<String, (Resource, BTreeSet<String>)> = BTreeMap::new();
    for record in of(records, Kind::Group) {
        let (id, resource) = resource(record)?;
        lists::text(&resource, &["displayName"]).ok_or_else(|| record.refused("displayName is missing"))?;
        let members = members(&resource);
        groups.insert(id, (resource, members));
    }
    for record in of(records, Kind::User) {
        let (id, user) = resource(record)?;
        let name = lists::text(&user, &["userName"]).ok_or_else(|| record.refused("userName is missing"))?;
        if let Some(other) = state.named(name) {
            return Err(record.refused(format!("user {other} has the same user name {name}")));
        }
        for group in user.get("groups").and_then(Value::as_array).into_iter().flatten().filter_map(|one| id_text(one.get("value")?)) {
            let Some((resource, members)) = groups.get_mut(&group) else { continue };
            if members.insert(id.clone())
                && let Some(all) = resource.entry("members").or_insert_with(|| json!([])).as_array_mut()
            {
                all.push(json!({ "value": id }));
            }
        }
        state.put_user(&id, Some(user));
    }
    for (id, (group, members)) in groups {
        let shows = |user: &String| {
            let all = state.users.get(user).and_then(|user| user.get("groups")?.as_array()).into_iter().flatten();
            all.filter_map(|one| id_text(one.get("value")?)).any(|group| group == id)
        };
        let unshown: Vec<_> = members.into_iter().filter(|user| !shows(user)).map(|user| (user, id.clone())).collect();
        state.unshown.extend(unshown);
        state.put_group(&id, Some(group));
    }
    Ok(state)
}

fn resource(record: &Record) -> Result<(String, Resource), Error> {
    let id = record.must("id", "text or a number", id_text)?;
    let resource = record.raw.as_object().cloned().ok_or_else(|| record.refused("it is no object"))?;
    Ok((id, resource))
}

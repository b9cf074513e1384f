//! Custom user fields: which there are, and their values.

use std::collections::BTreeMap;

use serde_json::Value;

use super::App;
use super::params::id_of;
use super::records::{Field, User};
use super::state::State;
use super::wire::Refusal;

/// The custom fields an admin has declared, by id.
#[derive(Debug, Default)]
pub(super) struct Declared(BTreeMap<u64, String>);

impl Declared {
    /// Declares a field.  One that somebody has a value of already keeps its id; another gets the first that is free.
    pub(super) fn declare(&mut self, name: &str, written: &BTreeMap<u64, String>) {
        let known = |fields: &BTreeMap<u64, String>| fields.iter().find(|(_, field)| *field == name).map(|(id, _)| *id);
        if known(&self.0).is_none() {
            let free = || (1..).find(|id| !written.contains_key(id) && !self.0.contains_key(id));
            let id = known(written).or_else(free).expect("numbers do not run out");
            self.0.insert(id, name.to_owned());
        }
    }
}

/// Sets custom fields: `[{custom_user_field_id | name, value}]` or `{name: value}`.  Those not mentioned stay; null or empty
/// takes the value away.  A name that is no field's makes one where the profile says so, and else is dropped without a word;
/// so is a number that is no field's, everywhere.
pub(super) fn set(app: &App, state: &State, user: &mut User, key: &str, given: &Value) -> Result<(), Refusal> {
    let wrong = || Refusal::malformed(format!("{key} must be a list of objects with name and value"));
    let mut known = app.declared().0.clone();
    if app.profile.mints {
        known.extend(state.fields.clone());
        known.extend(user.custom_user_field_data.iter().map(|field| (field.custom_user_field_id, field.name.clone())));
    }
    for (id, name, value) in values(given).ok_or_else(wrong)? {
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return Err(wrong()),
        };
        let by_id = id.filter(|id| known.contains_key(id));
        let by_name = || known.iter().find(|(_, field)| name.is_some_and(|name| *field == name)).map(|(id, _)| *id);
        let id = match (by_id.or_else(by_name), name) {
            (Some(id), _) => id,
            (None, Some(name)) if app.profile.mints && !name.is_empty() && !text.is_empty() => {
                let last = known.keys().chain(state.fields.keys()).max();
                let id = last.map_or(1, |id| id + 1);
                known.insert(id, name.to_owned());
                id
            }
            _ => continue,
        };
        user.custom_user_field_data.retain(|field| field.custom_user_field_id != id);
        if !text.is_empty() {
            user.custom_user_field_data.push(Field {
                id: value_id(user.id, id),
                custom_user_field_id: id,
                name: known[&id].clone(),
                value: text,
            });
            user.custom_user_field_data.sort_by_key(|field| field.custom_user_field_id);
        }
    }
    Ok(())
}

/// A value's own id, another for every user and field.
fn value_id(user: u64, field: u64) -> u64 {
    field / 1000 * 1_000_000_000_000 + user * 1000 + field % 1000
}

/// What is to be set: the field by id, by name, or by both, and its value.
#[expect(clippy::type_complexity, reason = "a list of three that one loop takes apart")]
fn values(given: &Value) -> Option<Vec<(Option<u64>, Option<&str>, &Value)>> {
    match given {
        Value::Null => Some(Vec::new()),
        Value::Object(map) => Some(map.iter().map(|(name, value)| (None, Some(name.as_str()), value)).collect()),
        Value::Array(items) => items
            .iter()
            .map(|item| {
                let (id, name) = (item.get("custom_user_field_id"), item.get("name"));
                let (id, name) = (id.filter(|id| !id.is_null()), name.filter(|name| !name.is_null()));
                let id = id.map(|id| id_of(id).ok_or(())).transpose().ok()?;
                let name = name.map(|name| name.as_str().ok_or(())).transpose().ok()?;
                (id.is_some() || name.is_some()).then_some((id, name, item.get("value")?))
            })
            .collect(),
        // A form says so: no fields.
        Value::String(text) if text.is_empty() => Some(Vec::new()),
        _ => None,
    }
}

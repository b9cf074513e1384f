//! What operations of one request know of each other: `bulkId:…` where an id belongs.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use serde_json::{Map, Value};

use crate::path::starts_with;

const MARK: &str = "bulkId:";

/// The names that a value refers to.
pub(super) fn of_value(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => found.extend(of_text(text).map(str::to_owned)),
        Value::Array(all) => all.iter().for_each(|one| of_value(one, found)),
        Value::Object(members) => members.iter().for_each(|(name, one)| match one {
            Value::String(path) if is_path(name) => found.extend(literals(path).into_iter().map(|(_, name)| name)),
            one => of_value(one, found),
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn of_text(text: &str) -> Option<&str> {
    text.strip_prefix(MARK).filter(|name| !name.is_empty())
}

/// Where a PATCH operation says what it is about: names stand within its filters (`members[value eq "bulkId:qwerty"]`).
fn is_path(member: &str) -> bool {
    member.eq_ignore_ascii_case("path")
}

/// The texts within a path that are names, and where they stand, with their quotes.
fn literals(path: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut from = None;
    let mut escaped = false;
    for (at, letter) in path.char_indices() {
        match (from, letter) {
            (None, '"') => from = Some(at),
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(start), '"') => {
                let text = serde_json::from_str::<String>(&path[start..=at]);
                if let Some(name) = text.ok().as_deref().and_then(of_text) {
                    found.push((start..at + 1, name.to_owned()));
                }
                from = None;
            }
            _ => {}
        }
    }
    found
}

fn resolved_literals(path: &str, ids: &HashMap<String, String>) -> String {
    let mut resolved = path.to_owned();
    for (place, name) in literals(path).into_iter().rev() {
        if let Some(id) = ids.get(&name) {
            resolved.replace_range(place, &Value::from(id.as_str()).to_string());
        }
    }
    resolved
}

/// The name in the path of an operation: `/Users/bulkId:qwerty`.
pub(super) fn of_path(path: &str) -> Option<&str> {
    path.split('/').find_map(of_text)
}

/// The value with ids in the place of names that are known.
pub(super) fn resolved(value: &Value, ids: &HashMap<String, String>) -> Value {
    match value {
        Value::String(text) => match of_text(text).and_then(|name| ids.get(name)) {
            Some(id) => id.clone().into(),
            None => value.clone(),
        },
        Value::Array(all) => all.iter().map(|one| resolved(one, ids)).collect(),
        Value::Object(members) => {
            let one = |(name, one): (&String, &Value)| match one {
                Value::String(path) if is_path(name) => (name.clone(), resolved_literals(path, ids).into()),
                one => (name.clone(), resolved(one, ids)),
            };
            members.iter().map(one).collect()
        }
        other => other.clone(),
    }
}

/// The path with the id in the place of a name.
pub(super) fn resolved_path(path: &str, ids: &HashMap<String, String>) -> String {
    let parts = path.split('/').map(|part| of_text(part).and_then(|name| ids.get(name)).map_or(part, String::as_str));
    parts.collect::<Vec<_>>().join("/")
}

/// Takes out of a resource what refers to names that nobody can know yet, and gives it back: elements of lists, else whole attributes,
/// those of extensions within their objects.
pub(super) fn take_out(data: &mut Value, unknown: &BTreeSet<String>) -> Map<String, Value> {
    let refers = |value: &Value| {
        let mut found = BTreeSet::new();
        of_value(value, &mut found);
        !found.is_disjoint(unknown)
    };
    let mut taken = Map::new();
    let Value::Object(members) = data else { return taken };
    for (name, value) in members.iter_mut().filter(|(_, value)| refers(value)) {
        let part = match value {
            Value::Array(all) => {
                let (later, now): (Vec<Value>, Vec<Value>) = std::mem::take(all).into_iter().partition(|one| refers(one));
                *all = now;
                Value::Array(later)
            }
            Value::Object(_) if starts_with(name, "urn:") => Value::Object(take_out(value, unknown)),
            other => other.take(),
        };
        taken.insert(name.clone(), part);
    }
    taken
}

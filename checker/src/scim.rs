//! The ledger of a SCIM application, written as the rules read ledgers: users with flat members, and memberships with whose they are.
//!
//! A resource's members are named as policy names them (`name.givenName`, `emails.work`, `department`, `manager`); what policy has no name
//! for keeps its own, so that a change of it is seen.  A line about a group is a line for each user who came or went.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::inputs::{BaseObject, Effect};
use crate::replay::id_text;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Where memberships stand on a user that is written flat.
const GROUPS: &str = "group_ids";

/// What was there before a ledger, and its lines.
pub type Flat = (Vec<BaseObject>, Vec<Effect>);

/// Writes a ledger, and what was there before it, as the rules read them.
///
/// # Errors
/// A line is about a user that is none of SCIM's: it is another sandbox's ledger.
pub fn flat(base: &[BaseObject], lines: &[Effect]) -> Result<Flat, String> {
    let mut on_the_way = OnTheWay::default();
    let id = |object: &str, kind: &str| object.strip_prefix(kind).map(str::to_owned);
    // Who is first told of as a member is known by what the ledger, or the base, says of them elsewhere.
    let first = base.iter().map(|object| (&object.object, &object.state));
    for (object, state) in first.chain(lines.iter().map(|line| (&line.object, &line.before))).filter(|(_, state)| !state.is_null()) {
        if let Some(id) = id(object, "user/") {
            on_the_way.users.entry(id).or_insert_with(|| flat_user(state));
        } else if let Some(id) = id(object, "group/") {
            on_the_way.groups.entry(id).or_insert_with(|| members(state));
        }
    }
    let was = base.iter().map(|object| {
        let state = match object.object.split_once('/') {
            Some(("user", id)) => on_the_way.now(id),
            Some(("group", _)) => flat_group(&object.state),
            _ => object.state.clone(),
        };
        BaseObject { object: object.object.clone(), state }
    });
    let was = was.collect();
    let mut flat = Vec::with_capacity(lines.len());
    for line in lines {
        let of_user = line.object.starts_with("user/");
        if of_user && [&line.before, &line.after].into_iter().any(|state| !state.is_null() && state.get("userName").is_none()) {
            return Err(format!("ledger line {}: {} has no userName: this is no ledger of a SCIM application", line.seq, line.object));
        }
        on_the_way.take(line, &mut flat);
    }
    Ok((was, flat))
}

/// What the application holds on the way through its ledger.
#[derive(Debug, Default)]
struct OnTheWay {
    /// Flat, without memberships.
    users: BTreeMap<String, Value>,
    groups: BTreeMap<String, BTreeSet<String>>,
}

impl OnTheWay {
    /// The lines that one line of the ledger stands for; all have its number.
    fn take(&mut self, line: &Effect, out: &mut Vec<Effect>) {
        let mut say = |object: String, before: Value, after: Value| out.push(Effect { object, before, after, ..line.clone() });
        match line.object.split_once('/') {
            Some(("user", id)) => {
                let before = if line.before.is_null() { Value::Null } else { self.now(id) };
                if line.after.is_null() {
                    self.users.remove(id);
                } else {
                    self.users.insert(id.to_owned(), flat_user(&line.after));
                }
                let after = if line.after.is_null() { Value::Null } else { self.now(id) };
                say(line.object.clone(), before, after);
            }
            Some(("group", id)) => {
                let own = |state: &Value| if state.is_null() { Value::Null } else { flat_group(state) };
                if own(&line.before) != own(&line.after) {
                    say(line.object.clone(), own(&line.before), own(&line.after));
                }
                let (before, after) = (members(&line.before), members(&line.after));
                for user in before.symmetric_difference(&after).filter(|user| self.users.contains_key(*user)) {
                    let was = self.now(user);
                    let members = self.groups.entry(id.to_owned()).or_default();
                    if after.contains(user) {
                        members.insert(user.clone())
                    } else {
                        members.remove(user)
                    };
                    say(format!("user/{user}"), was, self.now(user));
                }
                self.groups.insert(id.to_owned(), after);
            }
            _ => say(line.object.clone(), line.before.clone(), line.after.clone()),
        }
    }

    /// A user with the groups that it is in.
    fn now(&self, user: &str) -> Value {
        let of: Vec<&String> = self.groups.iter().filter(|(_, members)| members.contains(user)).map(|(id, _)| id).collect();
        let mut flat = self.users.get(user).cloned().unwrap_or_else(|| json!({}));
        flat[GROUPS] = json!(of);
        flat
    }
}

/// A group without its members.
fn flat_group(group: &Value) -> Value {
    json!({ "name": group.get("displayName").map(id_text).unwrap_or_default(), "externalId": group.get("externalId") })
}

fn members(group: &Value) -> BTreeSet<String> {
    let all = group.get("members").and_then(Value::as_array);
    all.into_iter().flatten().filter_map(|one| one.get("value")).map(id_text).collect()
}

/// A user's members under the names that policy has for them.
fn flat_user(user: &Value) -> Value {
    let mut out = Map::new();
    for (name, value) in user.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            // What the application says itself; memberships are the groups'.
            ("id" | "meta" | "schemas" | "groups", _) => {}
            ("name", Value::Object(parts)) => out.extend(parts.iter().map(|(part, value)| (format!("name.{part}"), value.clone()))),
            ("emails" | "phoneNumbers" | "addresses", Value::Array(all)) => elements(name, all, &mut out),
            (ENTERPRISE, Value::Object(parts)) => out.extend(parts.iter().map(|(part, value)| match (part.as_str(), value) {
                ("manager", Value::Object(manager)) => (part.clone(), manager.get("value").cloned().unwrap_or_default()),
                _ => (part.clone(), value.clone()),
            })),
            (urn, Value::Object(parts)) if urn.starts_with("urn:") => {
                out.extend(parts.iter().map(|(part, value)| (format!("{urn}:{part}"), value.clone())));
            }
            _ => drop(out.insert(name.clone(), value.clone())),
        }
    }
    Value::Object(out)
}

/// The elements of a list, each under its type; the second of a type, and what else stands in one, under the list's own name.
fn elements(list: &str, all: &[Value], out: &mut Map<String, Value>) {
    let mut rest = Vec::new();
    for one in all {
        let kind = one.get("type").and_then(Value::as_str).map(str::to_lowercase).unwrap_or_else(|| "work".to_owned());
        let mut more = one.as_object().cloned().unwrap_or_default();
        more.remove("type");
        let parts: Vec<(String, Value)> = match list {
            "addresses" => ["streetAddress", "locality", "region", "postalCode", "country"]
                .iter()
                .filter_map(|part| Some((format!("{list}.{kind}.{part}"), more.get(*part)?.clone())))
                .collect(),
            _ => more.get("value").map(|value| (format!("{list}.{kind}"), value.clone())).into_iter().collect(),
        };
        if parts.iter().any(|(name, _)| out.contains_key(name)) {
            rest.push(one.clone());
            continue;
        }
        out.extend(parts);
    }
    if !rest.is_empty() {
        out.insert(list.to_owned(), Value::Array(rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seq: u64, object: &str, before: Value, after: Value) -> Effect {
        let (time, method, path) = ("2026-01-01T00:00:00Z".to_owned(), "PATCH".to_owned(), String::new());
        serde_json::from_value(json!({ "seq": seq, "call": seq, "time": time, "method": method, "path": path, "body_digest": "",
            "object": object, "before": before, "after": after }))
        .expect("a line")
    }

    #[test]
    fn a_user_is_written_as_policy_names_what_it_has() {
        let user = json!({ "id": "u", "meta": {}, "userName": "a@b", "active": true, "name": { "givenName": "Ada" },
            "emails": [{ "type": "Work", "value": "a@b", "primary": true }, { "type": "work", "value": "c@d" }],
            "addresses": [{ "type": "work", "country": "DE" }], "urn:x:User": { "shift": "night" },
            ENTERPRISE: { "department": "Sales", "manager": { "value": "7", "displayName": "Boss" } } });
        let (_, lines) = flat(&[], &[line(1, "user/u", Value::Null, user)]).expect("it can be read");
        assert_eq!(
            lines[0].after,
            json!({ "userName": "a@b", "active": true, "name.givenName": "Ada", "emails.work": "a@b",
                "emails": [{ "type": "work", "value": "c@d" }], "addresses.work.country": "DE", "urn:x:User:shift": "night",
                "department": "Sales", "manager": "7", "group_ids": [] })
        );
        let wrong = flat(&[], &[line(1, "user/u", Value::Null, json!({ "username": "a@b" }))]).expect_err("it is Absorb's");
        assert!(wrong.contains("no ledger of a SCIM application"), "{wrong}");
    }

    #[test]
    fn a_line_about_a_group_is_one_for_each_who_came_or_went() {
        let group = |members: &[&str]| {
            let members: Vec<Value> = members.iter().map(|id| json!({ "value": id })).collect();
            json!({ "id": "g", "displayName": "Sales", "members": members })
        };
        let user = |name: &str| json!({ "userName": name });
        let base: Vec<BaseObject> = serde_json::from_value(json!([{ "object": "user/3", "state": user("c") }])).expect("a base");
        let (base, lines) = flat(
            &base,
            &[
                line(1, "group/g", Value::Null, group(&[])),
                line(2, "user/1", Value::Null, user("a")),
                line(3, "user/2", Value::Null, user("b")),
                line(4, "group/g", group(&[]), group(&["1", "2"])),
                line(5, "group/g", group(&["1", "2"]), group(&["2", "3", "a group"])),
                line(6, "user/2", user("b"), user("B")),
                // A name that changes is a line of its own.
                line(
                    7,
                    "group/g",
                    group(&["2", "3"]),
                    json!({ "displayName": "Club", "members": [{ "value": "2" }, { "value": "3" }] }),
                ),
            ],
        )
        .expect("it can be read");
        assert_eq!(base[0].state, json!({ "userName": "c", "group_ids": [] }));
        let told: Vec<(u64, &str, &Value)> =
            lines.iter().map(|line| (line.seq, line.object.as_str(), &line.after["group_ids"])).collect();
        let (none, sales) = (&json!([]), &json!(["g"]));
        assert_eq!(
            told,
            [
                (1, "group/g", &Value::Null),
                (2, "user/1", none),
                (3, "user/2", none),
                (4, "user/1", sales),
                (4, "user/2", sales),
                (5, "user/1", none),
                (5, "user/3", sales),
                (6, "user/2", sales),
                (7, "group/g", &Value::Null),
            ]
        );
        assert_eq!(lines[7].before, json!({ "userName": "b", "group_ids": ["g"] }));
    }
}

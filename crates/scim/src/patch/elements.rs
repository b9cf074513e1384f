//! Elements of lists: which are the same, what is put beside them, which of them is the primary one.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::filter::{Comparison, ElementFilter, Node, Operand, Operator};
use crate::schema::Attribute;
use crate::value::{identity_in, is_primary, set_once};

/// Puts elements beside those that are there; one that is there already is merged with what is said of it.
pub(super) fn add(attribute: &Attribute, all: &mut Vec<Value>, new: Vec<Value>) {
    let mut primary = None;
    let once = set_once(attribute);
    // A few are looked for one by one, many by an index.
    let mut index: Option<HashMap<String, usize>> =
        (new.len() > 4).then(|| all.iter().enumerate().map(|(at, one)| (identity_in(attribute, one), at)).collect());
    for element in new {
        let found = match &index {
            None => all.iter().position(|one| same(once, one, &element)),
            Some(index) => index.get(&identity_in(attribute, &element)).copied(),
        };
        let found = found.or_else(|| all.iter().position(|one| has_all(one, &element)).filter(|_| element.get("value").is_none()));
        let at = match found {
            Some(at) => {
                if !once && let (Value::Object(old), Value::Object(new)) = (&mut all[at], &element) {
                    old.extend(new.iter().map(|(name, value)| (name.clone(), value.clone())));
                }
                at
            }
            None => {
                if let Some(index) = &mut index {
                    index.insert(identity_in(attribute, &element), all.len());
                }
                all.push(element.clone());
                all.len() - 1
            }
        };
        if is_primary(&element) {
            primary = Some(at);
        }
    }
    if let Some(at) = primary {
        only_primary(all, at);
    }
}

/// Marks one element as the primary one, and no other (RFC 7644, section 3.5.2).
pub(super) fn only_primary(all: &mut [Value], at: usize) {
    for (other, element) in all.iter_mut().enumerate() {
        if other != at && is_primary(element) {
            element["primary"] = false.into();
        }
    }
}

/// Takes away the elements that are listed, each by its `value` where it has one, else by all that is said of it.
pub(super) fn remove_listed(all: &mut Vec<Value>, listed: &[Value]) {
    let by_value: HashSet<String> = listed
        .iter()
        .filter(|one| one.as_object().is_none_or(|one| one.contains_key("value") && !one.contains_key("type")))
        .map(|one| one.get("value").unwrap_or(one).to_string())
        .collect();
    let others: Vec<&Value> =
        listed.iter().filter(|one| one.as_object().is_some_and(|one| !one.contains_key("value") || one.contains_key("type"))).collect();
    all.retain(|element| {
        let value = element.get("value").unwrap_or(element);
        let by_value = !by_value.is_empty() && by_value.contains(&value.to_string());
        !by_value && !others.iter().any(|one| listed_so(element, one))
    });
}

/// An element as a listing with a type, or without a value, means it.
fn listed_so(element: &Value, listed: &Value) -> bool {
    let told = |name: &str| match (listed.get(name), element.get(name)) {
        (None, _) => true,
        // Members that are listed with their type are kept without one by some servers.
        (Some(_), None) => name == "type",
        (Some(a), Some(b)) => a == b,
    };
    if listed.get("value").is_some() { told("value") && told("type") } else { has_all(element, listed) }
}

/// Whether an element is the same one as another: by `value` alone where it is set once, else by `value` and `type`, else by everything.
fn same(once: bool, a: &Value, b: &Value) -> bool {
    match (a.get("value"), b.get("value")) {
        (Some(x), Some(y)) => x == y && (once || a.get("type") == b.get("type")),
        _ => a == b,
    }
}

/// Whether an element has all that the other one says.
fn has_all(element: &Value, said: &Value) -> bool {
    match (element, said) {
        (Value::Object(element), Value::Object(said)) => said.iter().all(|(name, value)| element.get(name) == Some(value)),
        (element, said) => element == said,
    }
}

/// The element that a filter describes (`type eq "work" and primary eq true`); `None` where it says more than equalities.
pub(super) fn described(filter: &ElementFilter) -> Option<Map<String, Value>> {
    fn of(node: &Node, into: &mut Map<String, Value>) -> bool {
        match node {
            Node::And(all) => all.iter().all(|one| of(one, into)),
            Node::Compare(Comparison { path, operator: Operator::Eq, operand }) => {
                let value = match operand {
                    Operand::Boolean(value) => (*value).into(),
                    Operand::Number(value) => value.clone().into(),
                    Operand::Text { text, .. } | Operand::Instant { text, .. } => Value::String(text.clone()),
                    Operand::Null => return true,
                };
                into.insert(path.attribute.name.clone(), value).is_none()
            }
            _ => false,
        }
    }
    let mut element = Map::new();
    of(&filter.root, &mut element).then_some(element)
}

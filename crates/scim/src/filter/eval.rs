//! Whether a resource, or an element of a list, is as a filter says.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::{Comparison, Node, Operand, Operator, text};
use crate::instant::Instant;
use crate::path::Path;
use crate::schema::Attribute;

/// What is looked at: an object, or an element that is not one (its only part is `value`).
#[derive(Clone, Copy)]
pub(super) enum Subject<'a> {
    Object(&'a Map<String, Value>),
    Simple(&'a Value),
}

/// Values of an attribute and of its parts, one at a time; ends with `true` at the first that satisfies.
fn some(path: &Path, subject: Subject<'_>, test: &mut dyn FnMut(&Value) -> bool) -> bool {
    let found = match subject {
        Subject::Object(object) => path.get(object),
        Subject::Simple(value) => path.attribute.name.eq_ignore_ascii_case("value").then_some(value),
    };
    let Some(found) = found else { return false };
    match found {
        Value::Array(all) => all.iter().any(|one| part(path.sub.as_deref(), one, test)),
        one => part(path.sub.as_deref(), one, test),
    }
}

fn part(sub: Option<&Attribute>, value: &Value, test: &mut dyn FnMut(&Value) -> bool) -> bool {
    let value = match (sub, value) {
        (None, value) => value,
        (Some(sub), Value::Object(object)) => match object.get(&sub.name) {
            Some(value) => value,
            None => return false,
        },
        // The only part of a simple value is the value itself.
        (Some(sub), value) if sub.name == "value" => value,
        (Some(_), _) => return false,
    };
    match value {
        Value::Null => false,
        Value::Array(all) => all.iter().any(&mut *test),
        value => test(value),
    }
}

pub(super) fn matches(node: &Node, subject: Subject<'_>) -> bool {
    match node {
        Node::And(all) => all.iter().all(|one| matches(one, subject)),
        Node::Or(any) => any.iter().any(|one| matches(one, subject)),
        Node::Not(one) => !matches(one, subject),
        Node::Present(path) => some(path, subject, &mut has_value),
        Node::Compare(comparison) => compare(comparison, subject),
        Node::Any(path, node) => some(path, subject, &mut |element| match element {
            Value::Object(object) => matches(node, Subject::Object(object)),
            simple => matches(node, Subject::Simple(simple)),
        }),
    }
}

/// Not empty, at any depth: an object of nothing but empty values has none (RFC 7643, section 2.5).
fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(all) => all.iter().any(has_value),
        Value::Object(object) => object.values().any(has_value),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn compare(comparison: &Comparison, subject: Subject<'_>) -> bool {
    let Comparison { path, operator, operand } = comparison;
    let mut any = false;
    let holds = some(path, subject, &mut |value| {
        any = true;
        one(*operator, value, operand)
    });
    // No value is the same as null (RFC 7643, section 2.5): equal to null, and not equal to anything else.
    holds
        || !any
            && match operator {
                Operator::Eq => *operand == Operand::Null,
                Operator::Ne => *operand != Operand::Null,
                _ => false,
            }
}

fn one(operator: Operator, value: &Value, operand: &Operand) -> bool {
    match (operand, value) {
        (Operand::Null, _) => operator == Operator::Ne,
        (Operand::Boolean(wanted), Value::Bool(given)) => by_order(operator, given.cmp(wanted)),
        (Operand::Number(wanted), Value::Number(given)) => numbers(given, wanted).is_some_and(|order| by_order(operator, order)),
        (Operand::Instant { instant, .. }, Value::String(given)) => match Instant::parse(given) {
            Some(given) => by_order(operator, given.cmp(instant)),
            None => operator == Operator::Ne,
        },
        (Operand::Text { text, folded }, Value::String(given)) => match folded {
            None => exactly(operator, given, text),
            Some(folded) => any_case(operator, given, folded),
        },
        _ => operator == Operator::Ne,
    }
}

fn by_order(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Eq => order.is_eq(),
        Operator::Ne => order.is_ne(),
        Operator::Gt => order.is_gt(),
        Operator::Ge => order.is_ge(),
        Operator::Lt => order.is_lt(),
        Operator::Le => order.is_le(),
        Operator::Co | Operator::Sw | Operator::Ew => false,
    }
}

/// Whole numbers are compared as such, so that large ones are not rounded.
pub(crate) fn numbers(a: &Number, b: &Number) -> Option<Ordering> {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

fn exactly(operator: Operator, given: &str, wanted: &str) -> bool {
    match operator {
        Operator::Co => given.contains(wanted),
        Operator::Sw => given.starts_with(wanted),
        Operator::Ew => given.ends_with(wanted),
        _ => by_order(operator, given.cmp(wanted)),
    }
}

fn any_case(operator: Operator, given: &str, wanted: &str) -> bool {
    match operator {
        Operator::Eq => text::equal(given, wanted),
        Operator::Ne => !text::equal(given, wanted),
        Operator::Co => text::contains(given, wanted),
        Operator::Sw => text::begins(given, wanted),
        Operator::Ew => text::ends(given, wanted),
        _ => by_order(operator, text::order(given, wanted)),
    }
}

//! Values, checked and brought into the shape that their attributes say: names as the schema spells them, empty ones left out.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::{Map, Number, Value};

use crate::instant::Instant;
use crate::path::quoted;
use crate::schema::{Attribute, Kind};
use crate::{Error, Leniency, ScimType, Unknown};

fn unfit(at: &str, what: impl AsRef<str>) -> Error {
    Error::bad(ScimType::InvalidValue, format!("{at} {}", what.as_ref()))
}

/// The value of an attribute as it is kept; `None` is no value (null, an empty list, an object of nothing).
/// `at` says in errors where it stands.
pub(crate) fn typed(attribute: &Attribute, value: Value, leniency: &Leniency, at: &str) -> Result<Option<Value>, Error> {
    if !attribute.multi {
        return match value {
            Value::Array(mut all) if leniency.loose_values && all.len() < 2 => match all.pop() {
                Some(only) => single(attribute, only, leniency, at),
                None => Ok(None),
            },
            value => single(attribute, value, leniency, at),
        };
    }
    let all = match value {
        Value::Null => return Ok(None),
        Value::Array(all) => all,
        one if leniency.loose_values => vec![one],
        other => return Err(unfit(at, format!("is a list, not {}", kind_of(&other)))),
    };
    let mut kept = Vec::with_capacity(all.len());
    for value in all {
        kept.extend(single(attribute, value, leniency, at)?);
    }
    without_doubles(attribute, &mut kept);
    one_primary(&mut kept, leniency, at)?;
    Ok(if kept.is_empty() { None } else { Some(Value::Array(kept)) })
}

/// One value, or one element of a list.
pub(crate) fn single(attribute: &Attribute, value: Value, leniency: &Leniency, at: &str) -> Result<Option<Value>, Error> {
    let wrong = |value: &Value| unfit(at, format!("is a {}, not {}", attribute.kind.as_str(), kind_of(value)));
    let value = match (attribute.kind, value) {
        (_, Value::Null) => return Ok(None),
        (Kind::Complex, value) => return complex(attribute, value, leniency, at),
        (Kind::String, Value::String(text)) => canonical(attribute, text, leniency, at)?,
        (Kind::String, value @ (Value::Number(_) | Value::Bool(_))) if leniency.spelled => {
            canonical(attribute, value.to_string(), leniency, at)?
        }
        (Kind::Boolean, Value::Bool(value)) => value.into(),
        (Kind::Boolean, Value::String(text)) if leniency.spelled => match text.trim().to_ascii_lowercase().as_str() {
            "true" => true.into(),
            "false" => false.into(),
            "" => return Ok(None),
            _ => return Err(wrong(&Value::String(text))),
        },
        (Kind::Integer, Value::Number(number)) => whole(number).ok_or_else(|| unfit(at, "is a whole number"))?,
        (Kind::Decimal, value @ Value::Number(_)) => value,
        (Kind::Integer | Kind::Decimal, Value::String(text)) if leniency.spelled => {
            let number = serde_json::from_str::<Number>(text.trim()).ok();
            let number = number.and_then(|number| if attribute.kind == Kind::Integer { whole(number) } else { Some(number.into()) });
            number.ok_or_else(|| wrong(&Value::String(text)))?
        }
        (Kind::DateTime, Value::String(text)) => match Instant::parse(&text) {
            Some(_) => text.into(),
            None => return Err(unfit(at, format!("is a time; {} is none (2026-01-31T09:00:00Z is one)", quoted(&text)))),
        },
        (Kind::Binary, Value::String(text)) if is_base64(&text) => text.into(),
        (Kind::Binary, Value::String(_)) => return Err(unfit(at, "is not base64")),
        (Kind::Reference, Value::String(text)) => text.into(),
        (_, value) => return Err(wrong(&value)),
    };
    Ok(Some(value))
}

fn complex(attribute: &Attribute, value: Value, leniency: &Leniency, at: &str) -> Result<Option<Value>, Error> {
    let given = match (value, attribute.sub("value")) {
        (Value::Object(object), _) => object,
        (Value::String(text), Some(_)) if leniency.loose_values && text.is_empty() => return Ok(None),
        (Value::String(text), Some(value)) if leniency.loose_values => Map::from_iter([(value.name.clone(), Value::String(text))]),
        (other, _) => return Err(unfit(at, format!("is an object, not {}", kind_of(&other)))),
    };
    let mut kept = Map::new();
    for (name, value) in given {
        let Some(sub) = attribute.sub(&name) else {
            match leniency.unknown {
                Unknown::Drop => continue,
                Unknown::Refuse => {
                    return Err(Error::bad(ScimType::InvalidSyntax, format!("{at} has no part {}", quoted(&name))));
                }
            }
        };
        if sub.is_read_only() {
            continue;
        }
        if let Some(value) = typed(sub, value, leniency, &format!("{at}.{}", sub.name))? {
            kept.insert(sub.name.clone(), value);
        }
    }
    // Some say "no manager" by an empty id.
    if leniency.loose_values && !attribute.multi && kept.get("value").is_some_and(|value| value == "") {
        return Ok(None);
    }
    if kept.is_empty() {
        return Ok(None);
    }
    for sub in attribute.sub.iter().filter(|sub| sub.required && !sub.is_read_only()) {
        if !kept.contains_key(&sub.name) {
            return Err(unfit(at, format!("needs {}", sub.name)));
        }
    }
    Ok(Some(Value::Object(kept)))
}

/// Suggested values in any case are brought to the suggested one; others are refused where the server says so.
fn canonical(attribute: &Attribute, text: String, leniency: &Leniency, at: &str) -> Result<Value, Error> {
    if attribute.canonical.is_empty() {
        return Ok(text.into());
    }
    match attribute.canonical.iter().find(|known| known.eq_ignore_ascii_case(&text)) {
        Some(known) => Ok(known.clone().into()),
        None if leniency.canonical_only => {
            Err(unfit(at, format!("is one of {}; {} is not", attribute.canonical.join(", "), quoted(&text))))
        }
        None => Ok(text.into()),
    }
}

fn whole(number: Number) -> Option<Value> {
    if number.is_i64() || number.is_u64() {
        return Some(number.into());
    }
    // 3.0 is a whole number, 3.5 and 1e300 are none that can be kept.
    let value = number.as_f64()?;
    (value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0).then(|| (value as i64).into())
}

/// The alphabets of RFC 4648, sections 4 and 5, with white space as certificates are pasted.
fn is_base64(text: &str) -> bool {
    text.trim_end().trim_end_matches('=').bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_ \r\n\t".contains(&byte))
}

/// What makes two elements of a list the same one: their `value` and `type` (RFC 7643, section 2.4), else all of them.
pub(crate) fn identity(element: &Value) -> String {
    let Value::Object(object) = element else { return element.to_string() };
    match object.get("value") {
        None => element.to_string(),
        Some(value) => match object.get("type") {
            None => format!("{value}"),
            Some(kind) => format!("{value} {kind}"),
        },
    }
}

/// Leaves one of elements that are the same; it is the primary one if one of them was.
pub(crate) fn without_doubles(attribute: &Attribute, all: &mut Vec<Value>) {
    if all.len() < 2 {
        return;
    }
    let mut seen: HashMap<String, usize> = HashMap::with_capacity(all.len());
    let mut kept: Vec<Value> = Vec::with_capacity(all.len());
    for element in all.drain(..) {
        match seen.entry(identity_in(attribute, &element)) {
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(element);
            }
            Entry::Occupied(place) if is_primary(&element) => kept[*place.get()]["primary"] = true.into(),
            Entry::Occupied(_) => {}
        }
    }
    *all = kept;
}

/// As [`identity`]; where `value` may not be changed it alone is what an element is.
pub(crate) fn identity_in(attribute: &Attribute, element: &Value) -> String {
    match (set_once(attribute), element.get("value")) {
        (true, Some(value)) => value.to_string(),
        _ => identity(element),
    }
}

/// Whether the elements of the list are set once, as members of groups are.
pub(crate) fn set_once(attribute: &Attribute) -> bool {
    attribute.sub("value").is_some_and(|value| value.mutability == crate::schema::Mutability::Immutable)
}

pub(crate) fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

fn one_primary(all: &mut [Value], leniency: &Leniency, at: &str) -> Result<(), Error> {
    for element in all.iter_mut().filter(|element| is_primary(element)).skip(1) {
        if !leniency.mend_primary {
            return Err(unfit(at, "has more than one primary value"));
        }
        element["primary"] = false.into();
    }
    Ok(())
}

fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
        Value::String(text) => format!("the text {}", quoted(text)),
        other => other.to_string(),
    }
}

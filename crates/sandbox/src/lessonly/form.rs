//! Form-encoded bodies, read into what the same parameters are in JSON, text staying text.

use serde_json::{Map, Value, json};

use crate::call::pairs;

/// Brackets in a parameter's name; more is nobody's form.
const DEPTH: usize = 6;

/// One pair of brackets.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    /// `[]`.
    Next,
    /// `[name]`, or `[0]`.
    Member(&'a str),
}

/// A form: `a[b]` is a member of an object, `a[]` an item of a list, `a[][b]` a member of the list's last object, where one
/// that is there already begins the next, and `a[0][b]` a member of the list's object with that number.
///
/// # Errors
/// The parameter that cannot be read, or is two things at once.
pub(super) fn form(text: &str) -> Result<Map<String, Value>, String> {
    let mut form = Map::new();
    for (key, text) in pairs(text) {
        let (name, steps) = steps(&key).ok_or_else(|| key.clone())?;
        match form.get_mut(name) {
            Some(_) if steps.is_empty() => drop(form.insert(name.to_owned(), text.into())),
            Some(value) => put(value, &steps, text).ok_or(key)?,
            None => {
                let mut value = Value::Null;
                put(&mut value, &steps, text).ok_or_else(|| key.clone())?;
                form.insert(name.to_owned(), value);
            }
        }
    }
    Ok(form.into_iter().map(|(name, value)| (name, numbered(value))).collect())
}

fn steps(key: &str) -> Option<(&str, Vec<Step<'_>>)> {
    let (name, mut rest) = key.split_at(key.find('[').unwrap_or(key.len()));
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = rest.strip_prefix('[')?.split_once(']')?;
        steps.push(if step.is_empty() { Step::Next } else { Step::Member(step) });
        rest = after;
    }
    (!name.is_empty() && steps.len() <= DEPTH).then_some((name, steps))
}

fn put(value: &mut Value, steps: &[Step<'_>], text: String) -> Option<()> {
    match steps {
        [] => *value = text.into(),
        [Step::Next, rest @ ..] => {
            if value.is_null() {
                *value = json!([]);
            }
            let list = value.as_array_mut()?;
            if rest.is_empty() {
                // `group_ids[]=` alone is how a form says: none.
                if !text.is_empty() {
                    list.push(text.into());
                }
                return Some(());
            }
            if list.last().is_none_or(|last| has(last, rest)) {
                list.push(Value::Null);
            }
            put(list.last_mut()?, rest, text)?;
        }
        [Step::Member(name), rest @ ..] => {
            if value.is_null() {
                *value = json!({});
            }
            put(value.as_object_mut()?.entry(*name).or_insert(Value::Null), rest, text)?;
        }
    }
    Some(())
}

fn has(value: &Value, steps: &[Step<'_>]) -> bool {
    match steps {
        [Step::Member(name), rest @ ..] => value.get(name).is_some_and(|value| has(value, rest)),
        [Step::Next, ..] => false,
        [] => true,
    }
}

/// An object whose members are all numbers is a list, in the order of the numbers.
fn numbered(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(numbered).collect(),
        Value::Object(members) => {
            let number = |name: &String| name.parse::<u32>().ok();
            if members.is_empty() || !members.keys().all(|name| number(name).is_some()) {
                return Value::Object(members.into_iter().map(|(name, value)| (name, numbered(value))).collect());
            }
            let mut items: Vec<(Option<u32>, Value)> = members.into_iter().map(|(name, value)| (number(&name), value)).collect();
            items.sort_by_key(|(number, _)| *number);
            items.into_iter().map(|(_, value)| numbered(value)).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_what_json_is() {
        let read = |text| Value::Object(form(text).unwrap());
        assert_eq!(read("name=Zo%C3%AB+Doe&ext_uid=0042&empty="), json!({ "name": "Zoë Doe", "ext_uid": "0042", "empty": "" }));
        assert_eq!(read("a[]=1&a%5B%5D=2&b[]="), json!({ "a": ["1", "2"], "b": [] }));
        let two = json!({ "f": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }] });
        assert_eq!(read("f[][name]=A&f[][value]=1&f[][name]=B&f[][value]=2"), two);
        assert_eq!(read("f[0][name]=A&f[1][name]=B&f[0][value]=1&f[1][value]=2"), two);
        assert_eq!(read("a[10]=c&a[2]=b&a[0]=a"), json!({ "a": ["a", "b", "c"] }));
        assert_eq!(read("f[Team]=North&f[Cost Center]=7"), json!({ "f": { "Team": "North", "Cost Center": "7" } }));
        assert_eq!(read("a=1&a=2"), json!({ "a": "2" }), "the last one counts");
    }

    #[test]
    fn what_is_no_form_says_where() {
        for (text, key) in [("a=1&a[]=2", "a[]"), ("a[b=1", "a[b"), ("a[]b=1", "a[]b"), ("[a]=1", "[a]"), ("a[]=1&a[b]=2", "a[b]")] {
            assert_eq!(form(text).unwrap_err(), key, "{text}");
        }
        assert!(form(&format!("a{}=1", "[b]".repeat(DEPTH + 1))).is_err());
    }
}

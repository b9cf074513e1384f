//! Lists of a resource of which REST holds one value: the main one, which is the primary, else the one for work, else the first.

use serde_json::{Map, Value, json};

use super::Resource;

/// The place of the main element among those that are `so`.
fn main(list: &[Value], so: impl Fn(&Value) -> bool) -> Option<usize> {
    let wanted: [&dyn Fn(&Value) -> bool; 3] =
        [&|one| one["primary"] == true, &|one| one["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("work")), &|_| true];
    wanted.into_iter().find_map(|wanted| list.iter().position(|one| so(one) && wanted(one)))
}

fn has_value(one: &Value) -> bool {
    one["value"].as_str().is_some_and(|text| !text.trim().is_empty())
}

/// The main value of a list, such as `emails`.
pub(crate) fn value<'a>(resource: &'a Resource, list: &str) -> Option<&'a str> {
    let list = resource.get(list)?.as_array()?;
    list[main(list, has_value)?]["value"].as_str()
}

/// The list with that main value: the one that was kept, brought up to date, else one of a single element.
pub(crate) fn show(resource: &mut Resource, list: &str, value: Option<&str>) {
    let mut all = taken(resource, list);
    match (main(&all, has_value), value) {
        (Some(at), Some(value)) => all[at]["value"] = json!(value),
        (Some(at), None) => drop(all.remove(at)),
        (None, Some(value)) => all.push(plain(value)),
        (None, None) => {}
    }
    if !all.is_empty() {
        resource.insert(list.to_owned(), Value::Array(all));
    }
}

/// Takes a list out of what is kept where the main value alone says all of it.
pub(crate) fn forget_plain(resource: &mut Resource, list: &str) {
    let is_plain = value(resource, list).is_some_and(|value| resource[list] == json!([plain(value)]));
    if is_plain {
        resource.remove(list);
    }
}

fn plain(value: &str) -> Value {
    json!({"value": value, "type": "work", "primary": true})
}

/// Parts of an element and the members that REST has for them.
pub(crate) type Parts = [(&'static str, &'static str)];

/// What the main element of a list of objects without a `value`, such as `addresses`, says: a part's text for each of `parts`.
pub(crate) fn parts<'a>(resource: &'a Resource, list: &str, parts: &Parts) -> Vec<Option<&'a str>> {
    let all = resource.get(list).and_then(Value::as_array);
    let element = all.and_then(|all| all.get(main(all, Value::is_object)?));
    parts.iter().map(|(part, _)| element.and_then(|one| one.get(part)?.as_str())).collect()
}

/// The list with those parts of its main element.
pub(crate) fn show_parts(resource: &mut Resource, list: &str, parts: &Parts, texts: &[Option<&str>]) {
    let mut all = taken(resource, list);
    let there = texts.iter().any(Option::is_some);
    let at = main(&all, Value::is_object).or_else(|| {
        there.then(|| {
            all.push(json!({"type": "work"}));
            all.len() - 1
        })
    });
    if let Some(Value::Object(element)) = at.and_then(|at| all.get_mut(at)) {
        for ((part, _), text) in parts.iter().zip(texts) {
            match text {
                Some(text) => drop(element.insert((*part).to_owned(), json!(text))),
                None => drop(element.remove(*part)),
            }
        }
    }
    all.retain(|one| one.as_object().is_some_and(|one| !one.is_empty()));
    if !all.is_empty() {
        resource.insert(list.to_owned(), Value::Array(all));
    }
}

fn taken(resource: &mut Resource, list: &str) -> Vec<Value> {
    match resource.remove(list) {
        Some(Value::Array(all)) => all,
        _ => Vec::new(),
    }
}

/// A text of a resource, or of a part of it: `text(resource, &["name", "givenName"])`; an empty one is none.
pub(crate) fn text<'a>(resource: &'a Resource, path: &[&str]) -> Option<&'a str> {
    let (last, way) = path.split_last()?;
    let mut at = resource;
    for name in way {
        at = at.get(*name)?.as_object()?;
    }
    at.get(*last)?.as_str().filter(|text| !text.trim().is_empty())
}

/// Sets a text of a resource, or of a part of it; None takes it away, and the part with it when that is empty then.
pub(crate) fn set(resource: &mut Resource, path: &[&str], text: Option<&str>) {
    match path {
        [] => {}
        [name] => match text {
            Some(text) => drop(resource.insert((*name).to_owned(), json!(text))),
            None => drop(resource.remove(*name)),
        },
        [name, rest @ ..] => {
            let mut part = match resource.remove(*name) {
                Some(Value::Object(part)) => part,
                _ => Map::new(),
            };
            set(&mut part, rest, text);
            if !part.is_empty() {
                resource.insert((*name).to_owned(), Value::Object(part));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(value: Value) -> Resource {
        let Value::Object(map) = value else { unreachable!("tests write objects") };
        map
    }

    #[test]
    fn the_main_value_is_the_primary_one_then_the_one_for_work_then_the_first() {
        let of = |emails: Value| value(&resource(json!({ "emails": emails })), "emails").map(str::to_owned);
        assert_eq!(of(json!([{"value": "a"}, {"value": "b", "type": "work"}, {"value": "c", "primary": true}])).as_deref(), Some("c"));
        assert_eq!(of(json!([{"value": "a"}, {"value": "b", "type": "Work"}])).as_deref(), Some("b"));
        assert_eq!(of(json!([{"type": "work"}, {"value": "a"}])).as_deref(), Some("a"));
        assert_eq!(of(json!([])), None);
    }

    #[test]
    fn what_rest_changes_shows_in_the_list_that_was_kept() {
        let mut kept = resource(json!({"emails": [{"value": "home@x.y", "type": "home"}, {"value": "old@x.y", "primary": true}]}));
        show(&mut kept, "emails", Some("new@x.y"));
        assert_eq!(kept["emails"][1]["value"], "new@x.y");
        show(&mut kept, "emails", None);
        assert_eq!(kept["emails"], json!([{"value": "home@x.y", "type": "home"}]));
        let mut none = Resource::new();
        show(&mut none, "emails", Some("a@x.y"));
        forget_plain(&mut none, "emails");
        assert!(none.is_empty());
    }

    #[test]
    fn parts_of_an_address_are_shown_beside_what_was_kept() {
        const PARTS: &Parts = &[("streetAddress", "address"), ("locality", "city")];
        let mut kept = resource(json!({"addresses": [{"country": "US", "locality": "Old"}]}));
        assert_eq!(parts(&kept, "addresses", PARTS), [None, Some("Old")]);
        show_parts(&mut kept, "addresses", PARTS, &[Some("1 Road"), None]);
        assert_eq!(kept["addresses"], json!([{"country": "US", "streetAddress": "1 Road"}]));
        let mut none = Resource::new();
        show_parts(&mut none, "addresses", PARTS, &[None, None]);
        assert!(none.is_empty());
    }
}

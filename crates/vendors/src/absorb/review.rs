//! What the vendor would refuse about a step, told without asking.

use std::collections::BTreeSet;

use connector::{Attribute, Shape};
use model::{Change, Finding, FindingKind, Step, Value, Verb};

use super::convert::is_uuid;
use super::manifest::MANIFEST;

/// The longest text that the vendor takes.
const LONGEST: usize = 255;

/// Objections to a step; `departments` are those that the log-in sees, in lower case; none where it sees all, or nobody says.
pub(super) fn review(step: &Step, departments: &BTreeSet<String>) -> Vec<Finding> {
    let mut objections = Vec::new();
    let mut object = |what: String, next: &str| objections.push((what, next.to_owned()));
    match step.verb {
        Verb::CreateGroup => object("Absorb's API cannot make groups".to_owned(), "make it in Absorb's admin pages"),
        Verb::CreateDepartment => {
            let name = step.set.get("name").map(|change| &change.after);
            match name.and_then(Value::as_text).map(str::trim) {
                None | Some("") => object("a department needs a name".to_owned(), ""),
                Some(name) if name.chars().count() > LONGEST => {
                    object(format!("the department's name is longer than {LONGEST} characters"), "shorten it");
                }
                Some(_) => {}
            }
        }
        _ => accounts(step, departments, &mut object),
    }
    let finding = |(what, next): (String, String)| {
        let mut finding = Finding::new(FindingKind::Objection, format!("{}: {what}", step.label)).in_app(&step.app).next(next);
        finding.person.clone_from(&step.person);
        finding
    };
    objections.into_iter().map(finding).collect()
}

fn accounts(step: &Step, departments: &BTreeSet<String>, object: &mut impl FnMut(String, &str)) {
    if !step.add_groups.is_empty() || !step.remove_groups.is_empty() {
        object("Absorb's API cannot change who is in a group".to_owned(), "leave groups out of this app's policy");
    }
    for attribute in MANIFEST.attributes.iter().filter(|attribute| attribute.required) {
        let change = step.set.get(attribute.name);
        let missing = match change {
            None => step.verb == Verb::Create,
            Some(Change { after, .. }) => after.is_null() || after.as_text().is_some_and(|text| text.trim().is_empty()),
        };
        if missing {
            object(format!("{} is required and empty", attribute.name), "give the person a value for it, or the policy another rule");
        }
    }
    for (name, change) in &step.set {
        match MANIFEST.attribute(name) {
            None => {
                object(format!("Absorb has no attribute {name}"), "see the list of attributes in the documentation of this connector")
            }
            Some(attribute) => {
                if let Some(wrong) = wrong(attribute, &change.after) {
                    object(format!("{name} `{}` {wrong}", change.after), "correct it in the source, or the rule in the policy");
                }
            }
        }
    }
    let moved_to = step.set.get("department").and_then(|change| change.after.as_text());
    if let Some(department) = moved_to.filter(|id| !departments.is_empty() && !departments.contains(&id.to_lowercase())) {
        object(
            format!("department {department} is not one that this log-in sees: the account would be out of sight from then on"),
            "move the person by hand, or use an admin who sees both departments",
        );
    }
}

/// What is wrong with a value, if anything is.
fn wrong(attribute: &Attribute, value: &Value) -> Option<String> {
    let text = match (value, attribute.shape) {
        (Value::Null | Value::CreatedBy(_), _) => return None,
        (Value::Int(number), Shape::Int) if attribute.name == "gender" && !(0..=2).contains(number) => {
            return Some("is none of 0, 1 and 2".to_owned());
        }
        (Value::Int(_), Shape::Int) => return None,
        (_, Shape::Int) => return Some("is no whole number".to_owned()),
        (Value::Text(text), _) => text,
        _ => return Some("is no text".to_owned()),
    };
    if text.chars().count() > LONGEST {
        return Some(format!("is longer than {LONGEST} characters"));
    }
    if text.contains('\0') {
        return Some("holds a NUL character".to_owned());
    }
    match (attribute.name, attribute.shape) {
        ("username", _) if text.contains(char::is_whitespace) => Some("has a space in it".to_owned()),
        ("emailAddress", _) => (!is_email(text)).then(|| "is no e-mail address".to_owned()),
        (_, Shape::Date) => text.parse::<jiff::civil::Date>().is_err().then(|| "is no date (YYYY-MM-DD)".to_owned()),
        (_, Shape::Department | Shape::Supervisor) => (!is_uuid(text)).then(|| "is no id of Absorb's (a UUID)".to_owned()),
        _ => None,
    }
}

fn is_email(text: &str) -> bool {
    let fits = |(local, host): (&str, &str)| !local.is_empty() && !host.is_empty() && !host.contains('@');
    text.split_once('@').is_some_and(fits) && !text.contains(char::is_whitespace)
}

//! Which attributes an answer has.

use scim::{View, schema};
use serde_json::{Value, json};

use crate::common::{ENTERPRISE, ada, refused, strict, tolerant, user_type};

fn names(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn shown(attributes: &str, excluded: &str) -> Value {
    let mut ada = ada();
    ada.insert("password".into(), "secret".into());
    let view = View::new(&user_type(), &names(attributes), &names(excluded), &strict()).unwrap();
    let seen = view.of(&ada);
    assert_eq!(view.of(&seen), seen, "looking twice shows the same");
    Value::Object(seen)
}

#[test]
fn a_password_is_never_shown() {
    assert!(shown("", "").get("password").is_none());
    assert!(shown("password userName", "").get("password").is_none());
}

#[test]
fn only_what_is_asked_for_and_what_is_always_shown() {
    let schemas = json!(["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE]);
    assert_eq!(shown("USERNAME", ""), json!({"schemas": schemas, "id": "2819", "userName": "Ada@Example.com"}));
    assert_eq!(
        shown("name.givenName emails.value meta.version nothing", ""),
        json!({"schemas": schemas, "id": "2819", "name": {"givenName": "Ada"}, "meta": {"version": "W/\"3\""},
            "emails": [{"value": "ada@example.com"}, {"value": "ada@home.example"}]})
    );
    assert_eq!(
        shown(&format!("{ENTERPRISE}:manager.value"), ""),
        json!({"schemas": schemas, "id": "2819", ENTERPRISE: {"manager": {"value": "m-1"}}})
    );
    assert_eq!(
        shown(ENTERPRISE, "")[ENTERPRISE],
        json!({"employeeNumber": "1815", "department": "Engines", "manager": {"value": "m-1"}})
    );
    assert_eq!(shown("urn:ietf:params:scim:schemas:core:2.0:User:title", "")["title"], "Analyst");
    assert!(shown("nothing", "").get("userName").is_none());
}

#[test]
fn all_but_what_is_excluded() {
    let seen = shown(
        "",
        &format!("name.formatted emails id title {ENTERPRISE}:department addresses.country addresses.locality addresses.streetAddress"),
    );
    assert_eq!(seen["name"], json!({"familyName": "King", "givenName": "Ada"}));
    assert_eq!(seen["id"], "2819", "always shown");
    assert!(seen.get("emails").is_none() && seen.get("title").is_none());
    assert_eq!(seen[ENTERPRISE], json!({"employeeNumber": "1815", "manager": {"value": "m-1"}}));
    assert_eq!(seen["addresses"], json!([{"type": "work", "primary": true}]));
    assert!(shown("", ENTERPRISE).get(ENTERPRISE).is_none());
}

#[test]
fn both_at_once_are_refused_to_the_letter_and_else_the_first_counts() {
    let both = |leniency: &scim::Leniency| View::new(&user_type(), &names("userName"), &names("userName"), leniency);
    assert!(refused(both(&strict())).is_some());
    assert!(both(&tolerant()).unwrap().shows("username"));
    assert!(!both(&tolerant()).unwrap().shows("title"));
}

#[test]
fn what_is_shown_on_request_only_is_asked_for_by_name() {
    let schema = schema::user().as_ref().clone().with("title", |one| one.returned(schema::Returned::Request));
    let kind = scim::ResourceType { schema: std::sync::Arc::new(schema), ..user_type().as_ref().clone() };
    let title = |attributes: &str| View::new(&kind, &names(attributes), &[], &strict()).unwrap().of(&ada()).contains_key("title");
    assert_eq!([title(""), title("title"), title("userName")], [false, true, false]);
}

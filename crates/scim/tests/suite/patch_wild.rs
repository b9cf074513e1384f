//! PATCH as identity providers really send it.

use scim::{ResourceType, ScimType};
use serde_json::{Value, json};

use crate::common::{ENTERPRISE, Resource, ada, group, patch, patched, refused, tolerant, user_type};

fn one(operation: Value) -> Resource {
    patched(json!([operation.clone()]), &tolerant()).unwrap_or_else(|why| panic!("{operation}: {why}"))
}

#[test]
fn a15_operations_are_taken_with_capital_letters_and_booleans_as_text() {
    for value in [json!(false), json!("False"), json!("false"), json!([false]), json!(" FALSE ")] {
        for op in ["Replace", "replace", "REPLACE", "Add"] {
            assert_eq!(one(json!({"op": op, "path": "active", "value": value}))["active"], false, "{op} {value}");
            assert_eq!(one(json!({"op": op, "value": {"active": value}}))["active"], false, "{op} {value}");
        }
    }
    assert_eq!(one(json!({"OP": "Replace", "Path": "Active", "Value": "False"}))["active"], false);
    let why = patched(json!([{"op": "Replace", "path": "active", "value": "maybe"}]), &tolerant());
    assert_eq!(refused(why), Some(ScimType::InvalidValue));
}

#[test]
fn a15_members_of_a_value_without_path_may_be_paths() {
    let ada = one(json!({"op": "Replace", "value": {
        "name.givenName": "Augusta",
        "name.familyName": "Byron",
        "emails[type eq \"work\"].value": "augusta@example.com",
        "emails[type eq \"other\"].value": "club@example.com",
        "addresses[type eq \"home\"].locality": "Ockham",
        format!("{ENTERPRISE}:department"): "Looms",
        format!("{ENTERPRISE}:manager.value"): "m-2",
        format!("{ENTERPRISE}.division"): "North",
        "title": "Countess",
        "id": "whatever",
        "meta": {"resourceType": "User"},
        "schemas": ["x"],
        "custom": {"left": "out"},
    }}));
    assert_eq!(ada["name"], json!({"formatted": "Ms. Ada B King III", "familyName": "Byron", "givenName": "Augusta"}));
    assert_eq!(
        ada["emails"],
        json!([
            {"value": "augusta@example.com", "type": "work", "primary": true},
            {"value": "ada@home.example", "type": "home"},
            {"value": "club@example.com", "type": "other"},
        ])
    );
    assert_eq!(ada["addresses"][1], json!({"type": "home", "locality": "Ockham"}));
    assert_eq!(
        ada[ENTERPRISE],
        json!({"employeeNumber": "1815", "department": "Looms", "division": "North", "manager": {"value": "m-2"}})
    );
    assert_eq!((&ada["title"], &ada["id"]), (&json!("Countess"), &json!("2819")));
    assert!(!ada.contains_key("custom"));
}

#[test]
fn a15_an_element_that_is_not_there_is_made_as_the_filter_describes_it() {
    for op in ["Add", "Replace"] {
        let ada = one(json!({"op": op, "path": "emails[type eq \"other\"].value", "value": "club@example.com"}));
        assert_eq!(ada["emails"][2], json!({"type": "other", "value": "club@example.com"}));
        let ada = one(json!({"op": op, "path": "phoneNumbers[type eq \"mobile\" and primary eq true].value", "value": "7"}));
        assert_eq!(ada["phoneNumbers"][1], json!({"type": "mobile", "primary": true, "value": "7"}));
        let ada = one(json!({"op": op, "path": "roles[primary eq \"True\"].value", "value": "Manager"}));
        assert_eq!(ada["roles"], json!([{"primary": true, "value": "Manager"}]));
        let ada = one(json!({"op": op, "path": "ims[type eq \"xmpp\"]", "value": {"value": "a@x"}}));
        assert_eq!(ada["ims"], json!([{"type": "xmpp", "value": "a@x"}]));
        let ada = one(json!({"op": op, "path": "photos.value", "value": "https://example.com/a.png"}));
        assert_eq!(ada["photos"], json!([{"value": "https://example.com/a.png"}]));
    }
    // The primary one moves to what is made.
    let ada = one(json!({"op": "add", "path": "emails[type eq \"other\" and primary eq true].value", "value": "club@example.com"}));
    assert_eq!(ada["emails"].as_array().unwrap().iter().filter(|one| one["primary"] == true).count(), 1);
    // What a filter only excludes cannot be made.
    for filter in ["type ne \"work\" and type ne \"home\"", "type sw \"o\"", "type eq \"x\" or type eq \"y\"", "not (type pr)"] {
        let operation = json!([{"op": "replace", "path": format!("emails[{filter}].value"), "value": "x"}]);
        assert_eq!(refused(patched(operation, &tolerant())), Some(ScimType::NoTarget), "{filter}");
    }
}

#[test]
fn a_manager_comes_as_object_as_text_or_as_nothing() {
    let path = format!("{ENTERPRISE}:manager");
    for value in [json!({"value": "m-2"}), json!("m-2"), json!([{"value": "m-2"}]), json!({"VALUE": "m-2", "displayName": "ignored"})] {
        for op in ["Add", "Replace"] {
            assert_eq!(
                one(json!({"op": op, "path": path, "value": value}))[ENTERPRISE]["manager"],
                json!({"value": "m-2"}),
                "{op} {value}"
            );
            assert_eq!(one(json!({"op": op, "path": "manager", "value": value}))[ENTERPRISE]["manager"], json!({"value": "m-2"}));
            assert_eq!(one(json!({"op": op, "value": {path.as_str(): value}}))[ENTERPRISE]["manager"], json!({"value": "m-2"}));
            assert_eq!(
                one(json!({"op": op, "value": {ENTERPRISE: {"manager": value}}}))[ENTERPRISE]["manager"],
                json!({"value": "m-2"})
            );
        }
    }
    for value in [json!(""), json!(null), json!({}), json!([]), json!({"value": ""}), json!({"value": null})] {
        let ada = one(json!({"op": "Replace", "path": path, "value": value}));
        assert!(ada[ENTERPRISE].get("manager").is_none(), "{value}");
        assert_eq!(one(json!({"op": "Add", "path": path, "value": value})), ada_(), "adding nothing changes nothing: {value}");
    }
    let gone = one(json!({"op": "Remove", "path": path, "value": "m-1"}));
    assert!(gone[ENTERPRISE].get("manager").is_none());
}

fn ada_() -> Resource {
    ada()
}

#[test]
fn a_removal_takes_away_what_it_lists_and_nothing_else() {
    let kind = ResourceType::group();
    let left = |operation: Value| {
        let mut engines = group(&["a", "b", "c"]);
        patch(&kind, &mut engines, json!([operation]), &tolerant()).unwrap();
        let members = engines.get("members").and_then(Value::as_array).into_iter().flatten();
        members.map(|one| one["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(left(json!({"op": "Remove", "path": "members", "value": [{"value": "b"}]})), "a c");
    assert_eq!(left(json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "b"}, {"value": "x"}]})), "a c");
    assert_eq!(left(json!({"op": "Remove", "path": "members", "value": [{"value": "b", "type": "User", "display": "Bee"}]})), "a c");
    assert_eq!(left(json!({"op": "Remove", "path": "members", "value": {"value": "b"}})), "a c");
    assert_eq!(left(json!({"op": "Remove", "path": "members", "value": ["a", "c"]})), "b");
    assert_eq!(left(json!({"op": "Remove", "value": {"members": [{"value": "c"}]}})), "a b");
    assert_eq!(left(json!({"op": "Remove", "path": "members", "value": []})), "a b c");
    assert_eq!(left(json!({"op": "Remove", "path": "members", "value": null})), "");
    assert_eq!(left(json!({"op": "Remove", "path": "members[value eq \"x\"]"})), "a b c");
    assert_eq!(left(json!({"op": "Add", "path": "members", "value": "d"})), "a b c d");
    assert_eq!(left(json!({"op": "Add", "path": "members[value eq \"d\"].display", "value": "Dee"})), "a b c d");

    let ada = one(json!({"op": "remove", "path": "emails", "value": [{"value": "ada@home.example", "type": "home"}]}));
    assert_eq!(ada["emails"].as_array().unwrap().len(), 1);
    let ada = one(json!({"op": "remove", "path": "emails", "value": [{"type": "home"}]}));
    assert_eq!(ada["emails"][0]["type"], "work");
    let same = one(json!({"op": "remove", "path": "emails", "value": [{"value": "ada@home.example", "type": "work"}]}));
    assert_eq!(same["emails"].as_array().unwrap().len(), 2);
}

#[test]
fn names_and_suggested_values_are_taken_in_any_case() {
    let ada = one(json!({"op": "replace", "path": "EMAILS[Type eq \"WORK\"].Value", "value": "x@y.z"}));
    assert_eq!(ada["emails"][0]["value"], "x@y.z");
    let ada = one(json!({"op": "add", "value": {"PhoneNumbers": [{"Value": "5", "TYPE": "Mobile"}]}}));
    assert_eq!(ada["phoneNumbers"][1], json!({"value": "5", "type": "mobile"}));
    let ada = one(json!({"op": "add", "path": "emails", "value": {"value": "5", "type": "carrier pigeon"}}));
    assert_eq!(ada["emails"][2]["type"], "carrier pigeon");
}

#[test]
fn a_body_may_lack_its_schemas_but_not_its_operations() {
    let kind = user_type();
    let parse = |body: Value| scim::Patch::parse(&kind, &body, &tolerant());
    assert_eq!(parse(json!({"operations": [{"op": "replace", "path": "active", "value": "False"}]})).unwrap().changes.len(), 1);
    assert_eq!(refused(parse(json!({"active": false}))), Some(ScimType::InvalidSyntax));
    let mut before = ada();
    assert_eq!(parse(json!({"Operations": []})).unwrap().apply(&kind, &mut before, &tolerant()), Ok(false));
}

#[test]
fn a_password_is_in_the_patch_for_whoever_throws_it_away() {
    let kind = user_type();
    let body = json!({"Operations": [{"op": "replace", "path": "password", "value": "hunter2"}, {"op": "replace", "path": "active", "value": true}]});
    let mut patch = scim::Patch::parse(&kind, &body, &tolerant()).unwrap();
    patch.changes.retain(|change| !change.target.is_of("password"));
    assert_eq!(patch.changes.len(), 1);
}

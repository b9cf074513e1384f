//! PATCH to the letter of RFC 7644, section 3.5.2.

use scim::{Patch, ResourceType, ScimType};
use serde_json::{Value, json};

use crate::common::{ENTERPRISE, ada, group, patch, patched, refused, strict, user_type};

fn ids(group: &crate::common::Resource) -> Vec<&str> {
    group.get("members").and_then(Value::as_array).into_iter().flatten().filter_map(|one| one["value"].as_str()).collect()
}

#[test]
fn add_sets_puts_beside_and_merges() {
    let ada = patched(
        json!([
            {"op": "add", "path": "nickName", "value": "Countess"},
            {"op": "add", "path": "title", "value": "Chief"},
            {"op": "add", "path": "name", "value": {"middleName": "Augusta", "givenName": "A."}},
            {"op": "add", "path": "name.honorificPrefix", "value": "Ms."},
            {"op": "add", "path": "emails", "value": [{"value": "ada@club.example", "type": "other"}]},
            {"op": "add", "path": "emails", "value": {"value": "single@club.example"}},
            {"op": "add", "path": format!("{ENTERPRISE}:costCenter"), "value": "4130"},
        ]),
        &strict(),
    )
    .unwrap();
    assert_eq!((&ada["nickName"], &ada["title"]), (&json!("Countess"), &json!("Chief")));
    assert_eq!(
        ada["name"],
        json!({"formatted": "Ms. Ada B King III", "familyName": "King", "givenName": "A.", "middleName": "Augusta", "honorificPrefix": "Ms."})
    );
    assert_eq!(ada["emails"].as_array().unwrap().len(), 4);
    assert_eq!(ada[ENTERPRISE]["costCenter"], "4130");
    assert_eq!(ada[ENTERPRISE]["department"], "Engines");
}

#[test]
fn add_without_a_path_is_add_of_each_member() {
    let ada = patched(
        json!([{"op": "add", "value": {
            "emails": [{"value": "babs@jensen.org", "type": "home"}],
            "nickname": "Babs",
            "name": {"givenName": "Augusta"},
            ENTERPRISE: {"division": "Analysis"},
        }}]),
        &strict(),
    )
    .unwrap();
    assert_eq!(ada["nickName"], "Babs");
    assert_eq!(ada["emails"].as_array().unwrap().len(), 3);
    assert_eq!(ada["name"]["familyName"], "King");
    assert_eq!(
        ada[ENTERPRISE],
        json!({"employeeNumber": "1815", "department": "Engines", "division": "Analysis", "manager": {"value": "m-1"}})
    );
}

#[test]
fn a_value_that_is_there_already_changes_nothing() {
    for operations in [
        json!([{"op": "add", "path": "emails", "value": [{"value": "ada@example.com", "type": "work"}]}]),
        json!([{"op": "add", "path": "emails", "value": [{"value": "ada@home.example", "type": "home"}]}]),
        json!([{"op": "add", "path": "title", "value": "Analyst"}]),
        json!([{"op": "add", "path": "addresses", "value": [{"type": "work", "locality": "London"}]}]),
        json!([{"op": "replace", "path": "active", "value": true}]),
        json!([{"op": "replace", "path": "name", "value": {"givenName": "Ada"}}]),
        json!([{"op": "remove", "path": "nickName"}]),
        json!([{"op": "add", "path": "nickName", "value": "x"}, {"op": "remove", "path": "nickName"}]),
    ] {
        let mut before = ada();
        assert_eq!(patch(&user_type(), &mut before, operations.clone(), &strict()), Ok(false), "{operations}");
        assert_eq!(before, ada(), "{operations}");
    }
    let kind = ResourceType::group();
    let mut engines = group(&["a", "b"]);
    engines["members"][0]["display"] = "Ann".into();
    let before = engines.clone();
    let again = json!([{"op": "add", "path": "members", "value": [{"value": "b", "type": "User"}, {"value": "a"}]}]);
    assert_eq!(patch(&kind, &mut engines, again, &strict()), Ok(false));
    assert_eq!(engines, before);
}

#[test]
fn members_come_and_go() {
    let kind = ResourceType::group();
    let mut engines = group(&["a", "b", "c"]);
    let mut go = |operations: Value| {
        patch(&kind, &mut engines, operations, &strict()).unwrap();
        ids(&engines).join(" ")
    };
    assert_eq!(go(json!([{"op": "add", "path": "members", "value": [{"value": "d"}]}])), "a b c d");
    assert_eq!(go(json!([{"op": "remove", "path": "members[value eq \"b\"]"}])), "a c d");
    assert_eq!(
        go(
            json!([{"op": "remove", "path": "members[value eq \"a\" or value eq \"d\"]"}, {"op": "add", "path": "members", "value": [{"value": "e"}]}])
        ),
        "c e"
    );
    assert_eq!(go(json!([{"op": "replace", "path": "members", "value": [{"value": "x"}, {"value": "y"}, {"value": "x"}]}])), "x y");
    assert_eq!(
        go(json!([{"op": "add", "value": {"members": (0..20).map(|n| json!({"value": n.to_string()})).collect::<Vec<_>>()}}])).len(),
        53
    );
    assert_eq!(go(json!([{"op": "remove", "path": "members"}])), "");
    assert!(!engines.contains_key("members"));
}

#[test]
fn replace_puts_one_value_in_the_place_of_another() {
    let ada = patched(
        json!([
            {"op": "replace", "path": "userName", "value": "countess"},
            {"op": "replace", "path": "emails", "value": [{"value": "only@example.com", "type": "work"}]},
            {"op": "replace", "path": "phoneNumbers[type eq \"work\"].value", "value": "1"},
            {"op": "replace", "path": "addresses[type eq \"work\"]", "value": {"type": "work", "locality": "Paris"}},
            {"op": "replace", "path": "name", "value": {"givenName": "Augusta"}},
            {"op": "replace", "path": "nickName", "value": "new as well"},
            {"op": "replace", "value": {"active": false, "displayName": "A"}},
        ]),
        &strict(),
    )
    .unwrap();
    assert_eq!(ada["userName"], "countess");
    assert_eq!(ada["emails"], json!([{"value": "only@example.com", "type": "work"}]));
    assert_eq!(ada["phoneNumbers"], json!([{"value": "1", "type": "work"}]));
    assert_eq!(ada["addresses"], json!([{"type": "work", "locality": "Paris"}]), "the whole element is another one");
    assert_eq!(ada["name"], json!({"formatted": "Ms. Ada B King III", "familyName": "King", "givenName": "Augusta"}));
    assert_eq!((&ada["active"], &ada["displayName"], &ada["nickName"]), (&json!(false), &json!("A"), &json!("new as well")));
}

#[test]
fn remove_takes_away_and_leaves_nothing_empty() {
    let ada = patched(
        json!([
            {"op": "remove", "path": "title"},
            {"op": "remove", "path": "name.formatted"},
            {"op": "remove", "path": "emails[type eq \"home\"]"},
            {"op": "remove", "path": "phoneNumbers[type eq \"work\"]"},
            {"op": "remove", "path": "addresses[type eq \"work\"].primary"},
            {"op": "remove", "path": format!("{ENTERPRISE}:department")},
            {"op": "remove", "path": format!("{ENTERPRISE}:manager.value")},
            {"op": "replace", "path": "externalId", "value": null},
        ]),
        &strict(),
    )
    .unwrap();
    for gone in ["title", "phoneNumbers", "externalId"] {
        assert!(!ada.contains_key(gone), "{gone}");
    }
    assert_eq!(ada["name"], json!({"familyName": "King", "givenName": "Ada"}));
    assert_eq!(ada["emails"], json!([{"value": "ada@example.com", "type": "work", "primary": true}]));
    assert_eq!(
        ada["addresses"],
        json!([{"type": "work", "streetAddress": "12 St James's Square", "locality": "London", "country": "GB"}])
    );
    assert_eq!(ada[ENTERPRISE], json!({"employeeNumber": "1815"}));
}

#[test]
fn whole_extensions_come_and_go_with_their_schema() {
    let gone = patched(json!([{"op": "remove", "path": ENTERPRISE}]), &strict()).unwrap();
    assert!(!gone.contains_key(ENTERPRISE));
    assert_eq!(gone["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:User"]));
    let mut back = gone;
    patch(
        &user_type(),
        &mut back,
        json!([{"op": "add", "path": ENTERPRISE.to_uppercase(), "value": {"DEPARTMENT": "Looms"}}]),
        &strict(),
    )
    .unwrap();
    assert_eq!(back[ENTERPRISE], json!({"department": "Looms"}));
    assert_eq!(back["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE]));
}

#[test]
fn there_is_one_primary_and_it_moves() {
    let primaries = |ada: &crate::common::Resource| -> Vec<String> {
        let all = ada["emails"].as_array().unwrap().iter();
        all.filter(|one| one["primary"] == true).map(|one| one["value"].as_str().unwrap().to_owned()).collect()
    };
    for operations in [
        json!([{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}]),
        json!([{"op": "add", "path": "emails[type eq \"home\"]", "value": {"primary": true}}]),
        json!([{"op": "add", "path": "emails", "value": [{"value": "ada@home.example", "type": "home", "primary": true}]}]),
        json!([{"op": "replace", "path": "emails[type eq \"home\"]", "value": {"value": "ada@home.example", "primary": true}}]),
    ] {
        let ada = patched(operations.clone(), &strict()).unwrap();
        assert_eq!(primaries(&ada), ["ada@home.example"], "{operations}");
        assert_eq!(ada["emails"].as_array().unwrap().len(), 2);
    }
    let ada =
        patched(json!([{"op": "add", "path": "emails", "value": [{"value": "new@example.com", "primary": true}]}]), &strict()).unwrap();
    assert_eq!(primaries(&ada), ["new@example.com"]);
    let two = json!([{"op": "replace", "path": "emails", "value": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}]);
    assert_eq!(refused(patched(two, &strict())), Some(ScimType::InvalidValue));
}

/// What a new primary one makes the same is one afterwards, as wherever else a change makes elements the same.
#[test]
fn elements_that_a_new_primary_makes_the_same_are_one() {
    let ada = patched(
        json!([
            {"op": "replace", "path": "emails", "value": [{"type": "home", "primary": false}, {"type": "home", "primary": true}]},
            {"op": "add", "path": "emails", "value": [{"value": "new@example.com", "primary": true}]},
        ]),
        &strict(),
    );
    assert_eq!(ada.unwrap()["emails"], json!([{"type": "home", "primary": false}, {"value": "new@example.com", "primary": true}]));
}

#[test]
fn another_manager_is_not_described_by_what_was_said_of_the_old_one() {
    let kind = user_type();
    let mut ada = ada();
    ada[ENTERPRISE]["manager"] = json!({"value": "m-1", "$ref": "../Users/m-1", "displayName": "Charles"});
    let replace = |to: &str| json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": {"value": to}}]);
    patch(&kind, &mut ada, replace("m-1"), &strict()).unwrap();
    assert_eq!(ada[ENTERPRISE]["manager"]["displayName"], "Charles");
    patch(&kind, &mut ada, replace("m-2"), &strict()).unwrap();
    assert_eq!(ada[ENTERPRISE]["manager"], json!({"value": "m-2"}));
    let both = json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": {"$ref": "../Users/m-3", "value": "m-3"}}]);
    patch(&kind, &mut ada, both, &strict()).unwrap();
    assert_eq!(ada[ENTERPRISE]["manager"], json!({"value": "m-3", "$ref": "../Users/m-3"}));
}

#[test]
fn what_cannot_be_done_says_which_kind_it_is_and_changes_nothing() {
    use ScimType::{InvalidPath, InvalidSyntax, InvalidValue, Mutability, NoTarget};
    let cases = [
        (json!({"op": "replace", "path": "ims[type eq \"xmpp\"].value", "value": "x"}), NoTarget),
        (json!({"op": "replace", "path": "emails[type eq \"other\"]", "value": {"value": "x"}}), NoTarget),
        (json!({"op": "add", "path": "emails[type eq \"other\"].value", "value": "x"}), NoTarget),
        (json!({"op": "remove", "path": "emails[type eq \"other\"]"}), NoTarget),
        (json!({"op": "replace", "path": "ims.value", "value": "x"}), NoTarget),
        (json!({"op": "remove"}), NoTarget),
        (json!({"op": "remove", "value": {"title": "x"}}), NoTarget),
        (json!({"op": "replace", "path": "id", "value": "x"}), Mutability),
        (json!({"op": "add", "path": "meta.created", "value": "2010-01-23T04:56:22Z"}), Mutability),
        (json!({"op": "remove", "path": "groups"}), Mutability),
        (json!({"op": "add", "path": "groups", "value": [{"value": "x"}]}), Mutability),
        (json!({"op": "replace", "value": {"id": "x"}}), Mutability),
        (json!({"op": "remove", "path": "userName"}), Mutability),
        (json!({"op": "replace", "path": "userName", "value": null}), Mutability),
        (json!({"op": "replace", "path": "userName", "value": ""}), InvalidValue),
        (json!({"op": "replace", "path": "usrName", "value": "x"}), InvalidPath),
        (json!({"op": "replace", "path": "name.given", "value": "x"}), InvalidPath),
        (json!({"op": "replace", "path": "title.value", "value": "x"}), InvalidPath),
        (json!({"op": "replace", "path": "emails[type eq \"work\"", "value": "x"}), InvalidPath),
        (json!({"op": "replace", "path": "emails[type eq \"work\"]value", "value": "x"}), InvalidPath),
        (json!({"op": "replace", "path": "emails[type eq \"work\"].x", "value": "x"}), InvalidPath),
        (json!({"op": "replace", "path": "emails[kind eq \"work\"].value", "value": "x"}), InvalidPath),
        (json!({"op": "replace", "path": "name[givenName eq \"x\"]", "value": "x"}), InvalidPath),
        (json!({"op": "replace", "path": "urn:x:y", "value": "x"}), InvalidPath),
        (json!({"op": "replace", "path": "", "value": "x"}), InvalidPath),
        (json!({"op": "replace", "path": 5, "value": "x"}), InvalidPath),
        (json!({"op": "replace", "path": "department", "value": "x"}), InvalidPath),
        (json!({"op": "replace", "value": {"usrName": "x"}}), InvalidPath),
        (json!({"op": "replace", "path": "active", "value": "True"}), InvalidValue),
        (json!({"op": "replace", "path": "active", "value": 1}), InvalidValue),
        (json!({"op": "replace", "path": "title", "value": 5}), InvalidValue),
        (json!({"op": "replace", "path": "title", "value": ["x"]}), InvalidValue),
        (json!({"op": "replace", "path": "title"}), InvalidValue),
        (json!({"op": "add", "path": "name", "value": "Ada"}), InvalidValue),
        (json!({"op": "replace", "path": "emails", "value": {"value": "x"}}), InvalidValue),
        (json!({"op": "replace", "path": "emails", "value": ["x"]}), InvalidValue),
        (json!({"op": "replace", "path": "emails[type eq \"work\"].type", "value": "wrk"}), InvalidValue),
        (json!({"op": "replace", "value": "x"}), InvalidValue),
        (json!({"op": "replace", "path": "x509Certificates", "value": [{"value": "not base64!"}]}), InvalidValue),
        (json!({"op": "remove", "path": "emails", "value": [{"value": "x"}]}), InvalidValue),
        (json!({"op": "replace", "path": "name", "value": {"given": "x"}}), InvalidSyntax),
        (json!({"op": "Replace", "path": "title", "value": "x"}), InvalidSyntax),
        (json!({"op": "move", "path": "title", "value": "x"}), InvalidSyntax),
        (json!({"path": "title", "value": "x"}), InvalidSyntax),
        (json!("replace"), InvalidSyntax),
    ];
    for (operation, expected) in cases {
        // After a change that could be done: all or nothing.
        let operations = json!([{"op": "replace", "path": "title", "value": "changed"}, operation]);
        let mut ada = ada();
        let why = patch(&user_type(), &mut ada, operations, &strict()).expect_err(&operation.to_string());
        assert_eq!((why.status, why.scim_type), (400, Some(expected)), "{operation}: {}", why.detail);
    }
    for body in
        [json!([]), json!({}), json!({"Operations": []}), json!({"schemas": [], "Operations": [{"op": "remove", "path": "title"}]})]
    {
        assert_eq!(refused(Patch::parse(&user_type(), &body, &strict())), Some(InvalidSyntax), "{body}");
    }
}

#[test]
fn what_is_set_once_stays() {
    let kind = ResourceType::group();
    for operation in [
        json!({"op": "replace", "path": "members[value eq \"a\"].value", "value": "b"}),
        json!({"op": "remove", "path": "members[value eq \"a\"].value"}),
        json!({"op": "replace", "path": "members[value eq \"a\"]", "value": {"value": "b"}}),
        json!({"op": "replace", "path": "members.value", "value": "b"}),
    ] {
        let mut engines = group(&["a"]);
        assert_eq!(refused(patch(&kind, &mut engines, json!([operation]), &strict())), Some(ScimType::Mutability), "{operation}");
    }
    let mut engines = group(&["a"]);
    let known = json!([{"op": "add", "path": "members[value eq \"a\"].type", "value": "User"}]);
    assert_eq!(patch(&kind, &mut engines, known, &strict()), Ok(true), "set where it was not");
    assert_eq!(
        refused(patch(&kind, &mut engines, json!([{"op": "remove", "path": "displayName"}]), &strict())),
        Some(ScimType::Mutability)
    );
}

#[test]
fn a_patch_prints_as_a_request_that_says_the_same() {
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
        {"op": "add", "value": {"title": "x", "name": {"givenName": "G"}, ENTERPRISE: {"department": "d"}}},
        {"op": "remove", "path": "EMAILS[TYPE Eq \"work\" and not (primary eq true)].VALUE"},
        {"op": "replace", "path": "emails", "value": [{"value": "x", "type": "WORK"}]},
        {"op": "remove", "path": ENTERPRISE},
    ]});
    let read = Patch::parse(&user_type(), &body, &strict()).unwrap();
    let printed = read.to_json();
    assert_eq!(Patch::parse(&user_type(), &printed, &strict()).unwrap(), read);
    let paths: Vec<&str> = printed["Operations"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    let department = format!("{ENTERPRISE}:department");
    assert_eq!(
        paths,
        ["name.givenName", "title", &department, "emails[type eq \"work\" and not (primary eq true)].value", "emails", ENTERPRISE]
    );
    assert!(read.changes[4].target.is_of("Emails") && !read.changes[2].target.is_of("department"));
}

//! What identity providers really send, as their documents show it.

use serde_json::json;

use crate::desk::{Desk, user};

/// What Entra sends, and what the app's own SCIM refuses, is taken.
#[test]
fn l15_entras_patch_is_accepted() {
    let desk = Desk::new("entra");
    let id = desk.user("ann@x.example");
    let at = format!("/Users/{id}");
    let boss = desk.user("boss@x.example");
    let said = desk.patch(
        &at,
        &json!([
            { "op": "Replace", "path": "active", "value": "False" },
            { "op": "Replace", "path": "emails[type eq \"work\"].value", "value": "ann.new@x.example" },
            { "op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1 555 0100" },
            { "op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "Sales" },
            { "op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": boss },
            { "op": "Add", "value": { "name.givenName": "Anna", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber": "42" } },
        ]),
    );
    assert_eq!(said.status, 200, "{said:?}");
    let ann = desk.get(&at).json();
    let enterprise = &ann["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"];
    assert_eq!(
        (&ann["active"], &ann["emails"][0]["value"], &ann["name"]["givenName"]),
        (&json!(false), &json!("ann.new@x.example"), &json!("Anna"))
    );
    assert_eq!(ann["phoneNumbers"], json!([{ "type": "mobile", "value": "+1 555 0100" }]));
    assert_eq!((&enterprise["department"], &enterprise["employeeNumber"]), (&json!("Sales"), &json!("42")));
    assert_eq!(enterprise["manager"]["value"], json!(boss));
    let said =
        desk.patch(&at, &json!([{ "op": "Remove", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager" }]));
    assert_eq!(said.status, 200, "{said:?}");
    // Entra tests a connection by asking for somebody who is not there.
    let none = desk.get("/Users?filter=userName+eq+%22f3b2c1%22").json();
    assert_eq!((&none["totalResults"], &none["Resources"]), (&json!(0), &json!([])));
}

/// No edition, no single sign-on, no certain provider: an address and a token are all that is wanted.
#[test]
fn a15_whoever_speaks_scim_needs_an_address_and_a_token_only() {
    for dialect in ["okta", "entra", "onelogin", "strict"] {
        let desk = Desk::new(dialect);
        let id = desk.user("ann@x.example");
        let off = desk.patch(&format!("/Users/{id}"), &json!([{ "op": "replace", "path": "active", "value": false }]));
        assert_eq!((off.status, &desk.get(&format!("/Users/{id}")).json()["active"]), (200, &json!(false)), "{dialect}");
    }
}

#[test]
fn oktas_put_is_the_whole_user() {
    let desk = Desk::new("okta");
    // Okta looks before it makes, and pages with startIndex and count.
    let found = desk.get("/Users?filter=userName%20eq%20%22ann%40x.example%22&startIndex=1&count=100").json();
    assert_eq!(found["totalResults"], 0);
    let id = desk.user("ann@x.example");
    let mut whole = desk.get(&format!("/Users/{id}")).json();
    whole["active"] = false.into();
    whole["title"] = "Manager".into();
    let put = desk.send("PUT", &format!("/Users/{id}"), &[("Content-Type", "application/scim+json; charset=utf-8")], Some(&whole));
    assert_eq!((put.status, &put.json()["active"], &put.json()["title"]), (200, &json!(false), &json!("Manager")), "{put:?}");
}

#[test]
fn to_the_letter_less_is_taken() {
    let desk = Desk::new("strict");
    let id = desk.user("ann@x.example");
    desk.patch(&format!("/Users/{id}"), &json!([{ "op": "Replace", "path": "active", "value": "False" }]))
        .is_error(400, Some("invalidSyntax"));
    desk.patch(&format!("/Users/{id}"), &json!([{ "op": "replace", "path": "active", "value": "False" }]))
        .is_error(400, Some("invalidValue"));
    let mut unknown = user("bob@x.example");
    unknown["shoeSize"] = 43.into();
    desk.post("/Users", &unknown).is_error(400, Some("invalidSyntax"));
    assert_eq!(Desk::new("okta").post("/Users", &unknown).status, 201);
}

/// What nothing here has is left out of a PATCH as it is out of a POST: somebody who is switched off in the same request is off.
#[test]
fn what_no_schema_has_holds_nothing_else_up() {
    let desk = Desk::new("entra");
    let at = format!("/Users/{}", desk.user("ann@x.example"));
    let off = json!({ "op": "Replace", "path": "active", "value": "False" });
    for unknown in [
        json!({ "op": "Add", "path": "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:tag", "value": "x" }),
        json!({ "op": "Add", "path": "extensionAttribute1", "value": "x" }),
        json!({ "op": "Replace", "value": { "name.foo": "x", "urn:custom:2.0:User": { "x": 1 }, "urn:custom:2.0:User:x": "x" } }),
    ] {
        assert_eq!(desk.patch(&at, &json!([{ "op": "Replace", "path": "active", "value": "True" }])).status, 200);
        assert_eq!(desk.patch(&at, &json!([off, unknown])).status, 200, "{unknown}");
        assert_eq!(desk.get(&at).json()["active"], json!(false), "{unknown}");
    }
    desk.patch(&at, &json!([{ "op": "Replace", "path": "emails[type eq", "value": "x" }])).is_error(400, Some("invalidPath"));
}

/// What suites for Entra ask, which the RFCs leave open or do not have.
#[test]
fn entras_suites_are_answered() {
    let desk = Desk::new("entra");
    let at = format!("/Users/{}", desk.user("o+a@x.example"));
    let found = |query: &str| desk.get(query).json()["totalResults"].as_u64();
    for query in ["/users", "/Users?filter=userName%20sw%20O", "/Users?filter=userName%20eq%20%22o+a@x.example%22"] {
        assert_eq!(found(query), Some(1), "{query}");
    }
    assert_eq!(found("/Users?filter=userName+eq+%22o%2Ba%40x.example%22"), Some(1), "as forms are written");
    for endpoint in ["/serviceproviderconfig", "/resourcetypes", "/groups", "/schemas"] {
        assert_eq!(desk.get(endpoint).status, 200, "{endpoint}");
    }
    let shown = desk.get(&format!("{at}?attributes=emails%5Btype%20eq%20%22work%22%5D")).json();
    assert_eq!((&shown["emails"][0]["value"], shown.get("active")), (&json!("o+a@x.example"), None));
    for (said, active) in [("False", false), ("True", true)] {
        let older = json!([{ "op": "Replace", "path": "active", "value": [{ "$ref": null, "value": said }] }]);
        assert_eq!((desk.patch(&at, &older).status, &desk.get(&at).json()["active"]), (200, &json!(active)));
    }
    for (dialect, listed) in [("entra", true), ("okta", false)] {
        let desk = Desk::new(dialect);
        for kind in ["User", "Group"] {
            let schema = desk.get(&format!("/Schemas/urn:ietf:params:scim:schemas:core:2.0:{kind}")).json();
            let lists = |schema: &serde_json::Value| {
                schema["attributes"].as_array().expect("attributes").iter().any(|one| one["name"] == "externalId")
            };
            let all = desk.get("/Schemas").json();
            let same = all["Resources"].as_array().expect("schemas").iter().find(|one| one["id"] == schema["id"]).expect("it is there");
            assert_eq!((lists(&schema), lists(same)), (listed, listed), "{dialect} {kind}");
        }
    }
}

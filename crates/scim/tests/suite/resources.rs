//! Resources as clients send them, held against their schemas.

use scim::{Leniency, ResourceType, ScimType};
use serde_json::{Value, json};

use crate::common::{ENTERPRISE, Resource, ada, refused, strict, tolerant, user_type};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

fn create(mut body: Value, leniency: &Leniency) -> Result<Resource, scim::Error> {
    if body.get("schemas").is_none() {
        body["schemas"] = json!([USER, ENTERPRISE]);
    }
    user_type().create(body, leniency)
}

#[test]
fn what_is_kept_is_spelled_as_the_schema_spells_it_and_has_no_empty_parts() {
    let kept = create(
        json!({
            "USERNAME": "bjensen", "Name": {"GivenName": "B", "familyname": null}, "nickName": null, "ims": [], "emails": [{}, {"VALUE": "a", "Type": "WORK"}, {"value": "a", "type": "work"}],
            "photos": null, ENTERPRISE.to_uppercase(): {"Department": "x", "manager": {}}, "externalId": "e",
        }),
        &strict(),
    )
    .unwrap();
    assert_eq!(
        Value::Object(kept),
        json!({"schemas": [USER, ENTERPRISE], "userName": "bjensen", "name": {"givenName": "B"}, "emails": [{"value": "a", "type": "work"}],
            ENTERPRISE: {"department": "x"}, "externalId": "e"})
    );
    let without = create(json!({"userName": "x", ENTERPRISE: {}}), &strict()).unwrap();
    assert_eq!(without["schemas"], json!([USER]), "of which nothing is there is no schema of it");
}

#[test]
fn what_only_the_server_writes_is_passed_over() {
    let kept = create(
        json!({"userName": "x", "id": "mine", "meta": {"version": "1"}, "groups": [{"value": "g"}], ENTERPRISE: {"manager": {"value": "m", "displayName": "Boss"}}}),
        &strict(),
    )
    .unwrap();
    assert!(!kept.contains_key("id") && !kept.contains_key("meta") && !kept.contains_key("groups"));
    assert_eq!(kept[ENTERPRISE]["manager"], json!({"value": "m"}));
}

#[test]
fn what_does_not_fit_is_refused() {
    use ScimType::{InvalidSyntax, InvalidValue};
    for (body, kind, words) in [
        (json!({}), InvalidValue, "userName is required"),
        (json!({"userName": ""}), InvalidValue, "userName is required"),
        (json!({"userName": null}), InvalidValue, "userName is required"),
        (json!({"userName": 5}), InvalidValue, "userName is a string, not 5"),
        (json!({"userName": ["x"]}), InvalidValue, "a list"),
        (json!({"userName": "x", "active": "true"}), InvalidValue, "active is a boolean, not the text \"true\""),
        (json!({"userName": "x", "name": "X"}), InvalidValue, "name is an object"),
        (json!({"userName": "x", "emails": "x"}), InvalidValue, "emails is a list"),
        (json!({"userName": "x", "emails": ["x"]}), InvalidValue, "emails is an object"),
        (json!({"userName": "x", "emails": [{"value": "a", "type": "bus"}]}), InvalidValue, "emails.type is one of work, home, other"),
        (
            json!({"userName": "x", "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
            InvalidValue,
            "primary",
        ),
        (json!({"userName": "x", "x509Certificates": [{"value": "%%"}]}), InvalidValue, "base64"),
        (json!({"userName": "x", ENTERPRISE: "x"}), InvalidValue, "is an object"),
        (json!({"userName": "x", "shoeSize": 5}), InvalidSyntax, "no attribute \"shoeSize\""),
        (json!({"userName": "x", "name": {"first": "x"}}), InvalidSyntax, "no part \"first\""),
        (json!({"userName": "x", ENTERPRISE: {"floor": 5}}), InvalidSyntax, "floor"),
        (json!({"userName": "x", "name.givenName": "x"}), InvalidSyntax, "name.givenName"),
        (json!({"userName": "x", "username": "y"}), InvalidSyntax, "given twice"),
        (json!({"userName": "x", "schemas": "x"}), InvalidSyntax, "list of URNs"),
        (json!({"userName": "x", "schemas": []}), InvalidSyntax, "schemas has no"),
        (json!({"userName": "x", "schemas": [ENTERPRISE]}), InvalidSyntax, "schemas has no"),
        (json!({"userName": "x", "schemas": [USER, "urn:x"]}), InvalidSyntax, "no schema \"urn:x\""),
    ] {
        let why = create(body.clone(), &strict()).expect_err(&body.to_string());
        assert_eq!((why.status, why.scim_type), (400, Some(kind)), "{body}: {}", why.detail);
        assert!(why.detail.contains(words), "{body}: {}", why.detail);
    }
    assert_eq!(refused(user_type().create(json!([1]), &strict())), Some(InvalidSyntax));
    assert_eq!(refused(user_type().create(json!({"userName": "x"}), &strict())), Some(InvalidSyntax), "schemas is required");
}

#[test]
fn what_identity_providers_send_is_taken_where_that_is_chosen() {
    let kept = user_type()
        .create(
            json!({"userName": "x", "active": "True", "emails": {"value": "a", "primary": "true"}, "title": 5, "shoeSize": 5, "name.givenName": "G",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "D", "manager": "m",
                "phoneNumbers": [{"value": "1", "primary": true}, {"value": "2", "primary": true}, "3"]}),
            &tolerant(),
        )
        .unwrap();
    assert_eq!(
        Value::Object(kept),
        json!({"schemas": [USER, ENTERPRISE], "userName": "x", "active": true, "emails": [{"value": "a", "primary": true}], "title": "5",
            "name": {"givenName": "G"}, ENTERPRISE: {"department": "D", "manager": {"value": "m"}},
            "phoneNumbers": [{"value": "1", "primary": true}, {"value": "2", "primary": false}, {"value": "3"}]})
    );
}

#[test]
fn a_put_leaves_what_it_says_and_what_only_the_server_writes() {
    let kind = user_type();
    let mut old = ada();
    old.insert("password".into(), "secret".into());
    old.insert("groups".into(), json!([{"value": "g"}]));
    old[ENTERPRISE]["manager"]["displayName"] = "Charles".into();
    let new = create(json!({"userName": "ada", ENTERPRISE: {"manager": {"value": "m-1"}}}), &strict()).unwrap();
    let left = kind.replace(&old, new.clone()).unwrap();
    assert_eq!(
        left.keys().collect::<Vec<_>>(),
        ["groups", "id", "meta", "password", "schemas", ENTERPRISE, "userName"],
        "what is not in it is gone, but what only the server writes and what cannot be read back"
    );
    assert_eq!(left[ENTERPRISE], json!({"manager": {"value": "m-1", "displayName": "Charles"}}));
    assert_eq!(kind.replace(&left, new).unwrap(), left, "once is as good as twice");
    let other = create(json!({"userName": "ada", ENTERPRISE: {"manager": {"value": "m-2"}}}), &strict()).unwrap();
    assert_eq!(kind.replace(&old, other).unwrap()[ENTERPRISE], json!({"manager": {"value": "m-2"}}));
    let without = create(json!({"userName": "ada"}), &strict()).unwrap();
    assert_eq!(kind.replace(&old, without).unwrap()["schemas"], json!([USER]));
}

#[test]
fn what_is_set_once_is_not_replaced() {
    let schema = scim::schema::Schema::new(
        "urn:example:Badge",
        "Badge",
        "",
        [
            scim::schema::Attribute::new("number", scim::schema::Kind::String, "")
                .mutability(scim::schema::Mutability::Immutable)
                .required(),
            scim::schema::Attribute::new("issued", scim::schema::Kind::DateTime, ""),
            scim::schema::Attribute::new("doors", scim::schema::Kind::Integer, "").multi(),
            scim::schema::Attribute::new("weight", scim::schema::Kind::Decimal, ""),
        ],
    );
    let kind = ResourceType {
        name: "Badge".into(),
        description: String::new(),
        endpoint: "/Badges".into(),
        schema: std::sync::Arc::new(schema),
        extensions: Vec::new(),
    };
    let create = |body: Value, leniency: &Leniency| {
        let mut body = body;
        body["schemas"] = json!(["urn:example:Badge"]);
        kind.create(body, leniency)
    };
    let one = create(json!({"number": "1", "issued": "2026-01-31T09:00:00Z", "doors": [1, 2.0, 1], "weight": 1.5}), &strict()).unwrap();
    assert_eq!(one["doors"], json!([1, 2]));
    let two = create(json!({"number": "2"}), &strict()).unwrap();
    assert_eq!(refused(kind.replace(&one, two)), Some(ScimType::Mutability));
    assert_eq!(kind.replace(&one, create(json!({"number": "1"}), &strict()).unwrap()).unwrap()["number"], "1");
    for broken in [
        json!({"number": "1", "issued": "2026-01-31"}),
        json!({"number": "1", "doors": [1.5]}),
        json!({"number": "1", "doors": ["1"]}),
        json!({"number": "1", "weight": "x"}),
    ] {
        assert_eq!(refused(create(broken.clone(), &strict())), Some(ScimType::InvalidValue), "{broken}");
    }
    assert_eq!(create(json!({"number": 1, "doors": "7", "weight": "1.25"}), &tolerant()).unwrap()["weight"], json!(1.25));
}

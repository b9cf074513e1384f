//! People and groups that the tests look at, and short ways to say things.

use std::sync::Arc;

use scim::{Error, Filter, Leniency, Patch, ResourceType, ScimType};
use serde_json::{Map, Value, json};

pub(crate) type Resource = Map<String, Value>;

pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

pub(crate) fn strict() -> Leniency {
    Leniency::STRICT
}

pub(crate) fn tolerant() -> Leniency {
    Leniency::TOLERANT
}

pub(crate) fn user_type() -> Arc<ResourceType> {
    ResourceType::user()
}

pub(crate) fn object(value: Value) -> Resource {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

/// Somebody with something in most attributes, as a server keeps her.
pub(crate) fn ada() -> Resource {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "externalId": "e-1815",
        "userName": "Ada@Example.com",
        "name": {"formatted": "Ms. Ada B King III", "familyName": "King", "givenName": "Ada"},
        "displayName": "Ada King",
        "title": "Analyst",
        "userType": "Employee",
        "active": true,
        "emails": [
            {"value": "ada@example.com", "type": "work", "primary": true},
            {"value": "ada@home.example", "type": "home"},
        ],
        "phoneNumbers": [{"value": "555-555-8377", "type": "work"}],
        "addresses": [{"type": "work", "streetAddress": "12 St James's Square", "locality": "London", "country": "GB", "primary": true}],
        ENTERPRISE: {"employeeNumber": "1815", "department": "Engines", "manager": {"value": "m-1"}},
    });
    let mut ada = user_type().create(body, &strict()).expect("she fits the schema");
    ada.insert("id".into(), "2819".into());
    ada.insert(
        "meta".into(),
        json!({"resourceType": "User", "created": "2010-01-23T04:56:22Z", "lastModified": "2011-05-13T04:42:34Z",
            "version": "W/\"3\"", "location": "https://example.com/v2/Users/2819"}),
    );
    ada
}

pub(crate) fn group(members: &[&str]) -> Resource {
    let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Engines", "members": members});
    let mut group = ResourceType::group().create(body, &strict()).expect("it fits the schema");
    group.insert("id".into(), "g-1".into());
    group
}

pub(crate) fn matches(filter: &str, resource: &Resource) -> bool {
    Filter::parse(&user_type(), filter, &strict()).unwrap_or_else(|why| panic!("{filter}: {why}")).matches(resource)
}

pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> Option<ScimType> {
    result.expect_err("it is refused").scim_type
}

/// Applies operations to a resource.
pub(crate) fn patch(kind: &ResourceType, resource: &mut Resource, operations: Value, leniency: &Leniency) -> Result<bool, Error> {
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    let patch = Patch::parse(kind, &body, leniency)?;
    let before = resource.clone();
    let done = patch.apply(kind, resource, leniency);
    if done.is_err() {
        assert_eq!(*resource, before, "what fails changes nothing");
    }
    done
}

/// Applies operations to Ada and shows what she is then.
pub(crate) fn patched(operations: Value, leniency: &Leniency) -> Result<Resource, Error> {
    let mut ada = ada();
    patch(&user_type(), &mut ada, operations, leniency)?;
    Ok(ada)
}

//! Whole requests as operations.

use scim::{Error, Leniency, Operation, Request, ResourceType, ScimType, Service, etag, location};
use serde_json::{Value, json};

fn service() -> Service {
    Service { kinds: vec![ResourceType::user(), ResourceType::group()], leniency: Leniency::STRICT }
}

fn ask(method: &str, target: &str, body: Option<Value>) -> Result<Operation, Error> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    service().operation(&Request { method, path, query, body: body.as_bytes() })
}

fn status(method: &str, target: &str, body: Option<Value>) -> u16 {
    ask(method, target, body).expect_err(target).status
}

#[test]
fn a_request_is_one_operation() {
    let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "x"});
    let patch =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "remove", "path": "title"}]});
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "userName pr"});
    assert!(matches!(ask("GET", "/ServiceProviderConfig", None), Ok(Operation::ServiceProviderConfig)));
    assert!(matches!(ask("GET", "/ResourceTypes/", None), Ok(Operation::ResourceTypes)));
    assert!(matches!(ask("GET", "/ResourceTypes/Group?attributes=x", None), Ok(Operation::ResourceType(kind)) if kind.name == "Group"));
    assert!(matches!(ask("GET", "/Schemas", None), Ok(Operation::Schemas)));
    assert!(matches!(ask("GET", "/Schemas/urn:ietf:params%3Ascim", None), Ok(Operation::Schema(urn)) if urn == "urn:ietf:params:scim"));
    assert!(matches!(ask("GET", "/Users?count=1", None), Ok(Operation::List(listing)) if listing.count == Some(1)));
    assert!(matches!(ask("POST", "/Users/.search", Some(search.clone())), Ok(Operation::List(listing)) if listing.filter.is_some()));
    assert!(matches!(ask("POST", "/.search", Some(search)), Ok(Operation::ListAll(asked)) if asked.filter.is_some()));
    assert!(matches!(ask("GET", "/?filter=x", None), Ok(Operation::ListAll(_))));
    assert!(matches!(ask("GET", "/Users/a%2Fb%20c", None), Ok(Operation::Get { id, .. }) if id == "a/b c"));
    assert!(matches!(ask("POST", "/Users", Some(user.clone())), Ok(Operation::Create { resource, .. }) if resource["userName"] == "x"));
    assert!(
        matches!(ask("PUT", "/Users/7?attributes=id", Some(user)), Ok(Operation::Replace { id, view, .. }) if id == "7" && !view.shows("userName"))
    );
    assert!(matches!(ask("PATCH", "/Users/7", Some(patch)), Ok(Operation::Patch { patch, .. }) if patch.changes.len() == 1));
    assert!(matches!(ask("DELETE", "/Groups/7", None), Ok(Operation::Delete { kind, id }) if kind.name == "Group" && id == "7"));
    assert!(matches!(ask("POST", "/Bulk", Some(json!({}))), Ok(Operation::Bulk(_))));
}

#[test]
fn what_is_not_served_says_so() {
    for (method, target, expected) in [
        ("GET", "/Nothing", 404),
        ("GET", "/users", 404),
        ("GET", "/Users/7/emails", 404),
        ("GET", "/ResourceTypes/Nothing", 404),
        ("GET", "/Schemas/x/y", 404),
        ("PUT", "/Users", 405),
        ("DELETE", "/Users", 405),
        ("PATCH", "/Users", 405),
        ("POST", "/Users/7", 405),
        ("GET", "/Users/.search", 405),
        ("GET", "/.search", 405),
        ("GET", "/Bulk", 405),
        ("POST", "/", 405),
        ("POST", "/Schemas", 405),
        ("DELETE", "/ServiceProviderConfig", 405),
        ("GET", "/Me", 501),
        ("PATCH", "/Me", 501),
        ("GET", "/Schemas?filter=id%20pr", 403),
        ("GET", "/ResourceTypes/User?filter=x", 403),
        ("POST", "/Users", 400),
        ("PATCH", "/Users/7", 400),
    ] {
        assert_eq!(status(method, target, None), expected, "{method} {target}");
    }
    let broken = service().operation(&Request { method: "POST", path: "/Users", query: "", body: b"{\"userName\": " }).unwrap_err();
    assert_eq!(broken.scim_type, Some(ScimType::InvalidSyntax));
    // A body that never ends its brackets is no reason to follow it.
    let deep = "[".repeat(100_000);
    assert_eq!(
        service().operation(&Request { method: "POST", path: "/Users", query: "", body: deep.as_bytes() }).unwrap_err().status,
        400
    );
}

#[test]
fn an_error_is_a_document() {
    let taken = Error::taken("userName", "ada");
    assert_eq!(
        taken.to_json(),
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "409", "scimType": "uniqueness", "detail": "userName \"ada\" is already in use"})
    );
    assert_eq!(Error::from_json(409, &taken.to_json()), taken);
    assert_eq!(Error::from_json(502, &json!("gateway")).status, 502);
    assert_eq!(Error::not_found("User 7").to_json()["scimType"], Value::Null);
    assert_eq!(taken.to_string(), "409 uniqueness: userName \"ada\" is already in use");
    assert_eq!(location("https://x/v2", &ResourceType::user(), "a/b ü"), "https://x/v2/Users/a%2Fb%20%C3%BC");
}

#[test]
fn conditions_are_held_against_weak_tags() {
    let current = etag::weak(3);
    assert_eq!(current, "W/\"3\"");
    let check = |if_match: Option<&str>, if_none_match: Option<&str>, reading| {
        let condition = etag::Condition { if_match: if_match.map(str::to_owned), if_none_match: if_none_match.map(str::to_owned) };
        condition.check(&current, reading).map_err(|why| why.status)
    };
    assert_eq!(check(None, None, false), Ok(etag::Verdict::Go));
    for same in ["W/\"3\"", "\"3\"", "*", "W/\"2\", W/\"3\""] {
        assert_eq!(check(Some(same), None, false), Ok(etag::Verdict::Go));
        assert_eq!(check(None, Some(same), true), Ok(etag::Verdict::NotModified));
        assert_eq!(check(None, Some(same), false), Err(412));
    }
    assert_eq!(check(Some("W/\"2\""), None, false), Err(412));
    assert_eq!(check(None, Some("W/\"2\""), true), Ok(etag::Verdict::Go));
}

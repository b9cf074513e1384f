//! Bulk: operations that name what others make.

use scim::discovery::BulkLimits;
use scim::{Bulk, BulkOutcome, BulkRun, Error, Patch, ResourceType, ScimType};
use serde_json::{Value, json};

use crate::common::{group, refused, strict, tolerant};

const LIMITS: BulkLimits = BulkLimits { operations: 100, bytes: 1_000_000 };

fn bulk(operations: Value, fail_on_errors: Option<usize>) -> Result<Bulk, Error> {
    let mut body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations});
    if let Some(most) = fail_on_errors {
        body["failOnErrors"] = most.into();
    }
    Bulk::parse(&body, &LIMITS, &strict())
}

/// Carries it out: everything works but what has `fail` in its body. Gives what was done, and the answer.
fn carry_out(mut run: BulkRun) -> (Vec<String>, Value) {
    let mut done = Vec::new();
    while let Some(item) = run.take_next() {
        let body = String::from_utf8(item.body.clone()).unwrap();
        done.push(format!("{} {} {body}", item.method, item.path));
        let outcome = if body.contains("fail") {
            Err(Error::bad(ScimType::InvalidValue, "it is to fail"))
        } else if item.method == "POST" {
            let id = format!("id-{}", item.at);
            Ok(BulkOutcome {
                status: 201,
                location: Some(format!("/v2{}/{id}", item.path)),
                id: Some(id),
                version: Some("W/\"1\"".into()),
            })
        } else {
            Ok(BulkOutcome { status: 200, ..BulkOutcome::default() })
        };
        run.done(item.at, outcome);
        assert!(done.len() < 100, "it has an end");
    }
    (done, run.into_json("/v2"))
}

fn post(name: &str, data: Value) -> Value {
    json!({"method": "POST", "path": "/Groups", "bulkId": name, "data": data})
}

#[test]
fn what_refers_to_another_comes_after_it_and_the_answer_is_in_the_order_of_the_request() {
    let (done, answer) = carry_out(
        bulk(
            json!([
                {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {"add": "bulkId:u"}},
                post("g", json!({"members": [{"value": "bulkId:u"}]})),
                {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"userName": "ada"}},
                {"method": "DELETE", "path": "/Users/9", "version": "W/\"2\""},
            ]),
            None,
        )
        .unwrap()
        .start(),
    );
    assert_eq!(
        done,
        [
            "POST /Users {\"userName\":\"ada\"}",
            "POST /Groups {\"members\":[{\"value\":\"id-2\"}]}",
            "PATCH /Groups/id-1 {\"add\":\"id-2\"}",
            "DELETE /Users/9 "
        ]
    );
    let operations = answer["Operations"].as_array().unwrap();
    assert_eq!(
        operations[1],
        json!({"method": "POST", "bulkId": "g", "status": "201", "version": "W/\"1\"", "location": "/v2/Groups/id-1"})
    );
    assert_eq!(operations[0], json!({"method": "PATCH", "status": "200", "location": "/v2/Groups/id-1"}));
    assert_eq!(operations[3]["location"], "/v2/Users/9");
}

/// RFC 7644, section 3.7.2: a name stands for the id wherever the id could stand, within the filter of a path too.
#[test]
fn a_name_within_a_paths_filter_is_the_id_of_what_is_made() {
    let operation =
        |path: &str| json!({"data": {"Operations": [{"op": "remove", "path": path}]}, "method": "PATCH", "path": "/Groups/7"});
    let (done, answer) = carry_out(
        bulk(
            json!([
                operation("members[value eq \"bulkId:u\"]"),
                operation("members[value eq \"a\\\"b\" or display eq \"bulkId:u\\u0022\" or value eq \"bulkId:u\"].display"),
                operation("members[display eq \"bulkId:\"]"),
                operation("members[value eq \"bulkId:nobody\"]"),
                {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"userName": "ada"}},
                {"method": "POST", "path": "/Users", "bulkId": "u\"", "data": {"userName": "bob"}},
            ]),
            None,
        )
        .unwrap()
        .start(),
    );
    let path = |at: usize| {
        let body: Value = serde_json::from_str(done[at].strip_prefix("PATCH /Groups/7 ").expect("a PATCH")).unwrap();
        body["Operations"][0]["path"].as_str().expect("a path").to_owned()
    };
    assert_eq!(path(0), "members[display eq \"bulkId:\"]", "which is no name");
    assert_eq!(path(2), "members[value eq \"id-4\"]");
    assert_eq!(path(4), "members[value eq \"a\\\"b\" or display eq \"id-5\" or value eq \"id-4\"].display");
    assert_eq!(answer["Operations"][3]["response"]["scimType"], "invalidValue", "nobody of that name is made");
}

#[test]
fn a_circle_is_made_in_two_parts() {
    let (done, answer) = carry_out(
        bulk(
            json!([
                post("a", json!({"displayName": "A", "members": [{"value": "bulkId:b"}, {"value": "x"}]})),
                post("b", json!({"displayName": "B", "members": [{"value": "bulkId:a"}]})),
                post("c", json!({"displayName": "C", "members": [{"value": "bulkId:c"}]})),
            ]),
            None,
        )
        .unwrap()
        .start(),
    );
    assert_eq!(done[0], "POST /Groups {\"displayName\":\"A\",\"members\":[{\"value\":\"x\"}]}");
    assert_eq!(done[1], "POST /Groups {\"displayName\":\"B\",\"members\":[{\"value\":\"id-0\"}]}");
    let body: Value = serde_json::from_str(done[2].strip_prefix("PATCH /Groups/id-0 ").unwrap()).unwrap();
    let mut a = group(&["x"]);
    Patch::parse(&ResourceType::group(), &body, &strict()).unwrap().apply(&ResourceType::group(), &mut a, &strict()).unwrap();
    assert_eq!(a["members"], json!([{"value": "x"}, {"value": "id-1"}]));
    assert!(done[4].starts_with("PATCH /Groups/id-2 "), "a group in itself");
    for operation in answer["Operations"].as_array().unwrap() {
        assert_eq!(operation["status"], "201");
    }
}

#[test]
fn what_refers_to_something_that_is_never_made_fails() {
    let (done, answer) = carry_out(
        bulk(
            json!([
                post("broken", json!({"fail": true})),
                post("after", json!({"members": [{"value": "bulkId:broken"}]})),
                post("nobody", json!({"members": [{"value": "bulkId:elsewhere"}]})),
                post("fine", json!({})),
                {"method": "PATCH", "path": "/Groups/bulkId:after", "data": {}},
                post("circle", json!({"members": [{"value": "bulkId:fails"}]})),
                post("fails", json!({"fail": true, "members": [{"value": "bulkId:circle"}]})),
            ]),
            None,
        )
        .unwrap()
        .start(),
    );
    assert_eq!(done.len(), 4);
    let status: Vec<&str> = answer["Operations"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["400", "409", "400", "201", "409", "409", "400"]);
    assert_eq!(answer["Operations"][0]["response"]["scimType"], "invalidValue");
    assert_eq!(answer["Operations"][0]["location"], Value::Null, "nothing was made");
    assert!(answer["Operations"][5]["response"]["detail"].as_str().unwrap().contains("made, but without"));
    assert_eq!(answer["Operations"][5]["location"], "/v2/Groups/id-5");
}

#[test]
fn after_as_many_errors_as_the_client_allows_the_rest_is_left_undone() {
    let operations = json!([post("a", json!({"fail": 1})), post("b", json!({})), post("c", json!({"fail": 1})), post("d", json!({}))]);
    let count = |most| carry_out(bulk(operations.clone(), most).unwrap().start()).1["Operations"].as_array().unwrap().len();
    assert_eq!([count(Some(1)), count(Some(2)), count(Some(3)), count(None)], [1, 3, 4, 4]);
}

#[test]
fn a_body_that_is_no_bulk_request_is_refused() {
    use ScimType::{InvalidSyntax, InvalidValue};
    for (operations, kind) in [
        (json!({}), InvalidSyntax),
        (json!(["x"]), InvalidSyntax),
        (json!([{"path": "/Users", "bulkId": "a", "data": {}}]), InvalidSyntax),
        (json!([{"method": "GET", "path": "/Users/1"}]), InvalidSyntax),
        (json!([{"method": "post", "path": "/Users", "bulkId": "a", "data": {}}]), InvalidSyntax),
        (json!([{"method": "POST", "path": "/Users", "data": {}}]), InvalidSyntax),
        (json!([{"method": "POST", "path": "/Users", "bulkId": "a"}]), InvalidSyntax),
        (json!([{"method": "POST", "path": "https://x/Users", "bulkId": "a", "data": {}}]), InvalidSyntax),
        (json!([{"method": "PUT", "path": "/Users/1"}]), InvalidSyntax),
        (json!([post("a", json!({})), post("a", json!({}))]), InvalidValue),
    ] {
        assert_eq!(refused(bulk(operations.clone(), None)), Some(kind), "{operations}");
    }
    assert_eq!(refused(bulk(json!([]), Some(0))), Some(InvalidSyntax));
    let many: Vec<Value> = (0..101).map(|n| json!({"method": "DELETE", "path": format!("/Users/{n}")})).collect();
    assert_eq!(bulk(many.into(), None).unwrap_err().status, 413);
    let loose = json!({"Operations": [{"method": "post", "path": "/Users", "data": {}}]});
    assert_eq!(Bulk::parse(&loose, &LIMITS, &tolerant()).unwrap().operations[0].method, "POST");
}

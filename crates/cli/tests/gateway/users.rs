//! Users: what is said is shown again, once for each name, and kept.

use serde_json::json;

use crate::desk::{Desk, user};

#[test]
fn a_user_is_made_shown_replaced_patched_and_deleted() {
    let mut desk = Desk::new("okta");
    let made = desk.post("/Users", &user("ann@x.example"));
    assert_eq!(made.status, 201, "{made:?}");
    let shown = made.json();
    let id = shown["id"].as_str().unwrap();
    assert!(!made.body.contains("never-to-be-seen") && shown.get("password").is_none(), "P11");
    assert_eq!(made.header("location"), shown["meta"]["location"].as_str());
    assert_eq!((made.header("etag"), &shown["meta"]["version"]), (Some("W/\"1\""), &json!("W/\"1\"")));
    assert_eq!(desk.get(&format!("/Users/{id}")).json(), shown);
    desk.again();
    let mut here = desk.get(&format!("/Users/{id}")).json();
    here["meta"]["location"] = shown["meta"]["location"].clone();
    assert_eq!(here, shown, "it survives the server");
    let at = format!("/Users/{id}");

    // What changes nothing is no new version.
    let same = desk.send("PUT", &at, &[], Some(&user("ann@x.example")));
    assert_eq!((same.status, same.header("etag")), (200, Some("W/\"1\"")));
    let mut moved = user("ann.new@x.example");
    moved["title"] = "Manager".into();
    let put = desk.send("PUT", &at, &[("If-Match", "W/\"1\"")], Some(&moved));
    assert_eq!((put.status, put.header("etag"), &put.json()["title"]), (200, Some("W/\"2\""), &json!("Manager")));
    desk.send("PUT", &at, &[("If-Match", "W/\"1\"")], Some(&moved)).is_error(412, None);
    let kept = desk.send("GET", &at, &[("If-None-Match", "W/\"2\"")], None);
    assert_eq!((kept.status, kept.body.as_str()), (304, ""));

    // Not said is neither given nor taken away.
    let off = desk.patch(&at, &json!([{ "op": "replace", "value": { "active": false } }]));
    assert_eq!((off.status, &off.json()["active"]), (200, &json!(false)));
    let mut silent = moved.clone();
    silent.as_object_mut().unwrap().remove("active");
    assert_eq!(desk.send("PUT", &at, &[], Some(&silent)).json()["active"], json!(false));

    assert_eq!(desk.send("DELETE", &at, &[], None).status, 204);
    desk.get(&at).is_error(404, None);
    let again = desk.post("/Users", &user("ann.new@x.example"));
    assert_eq!(again.status, 201);
    assert_ne!(again.json()["id"], json!(id), "who was deleted is somebody else afterwards");
}

#[test]
fn a_name_is_one_users_whatever_its_case() {
    let desk = Desk::new("okta");
    desk.user("ann@x.example");
    let bob = desk.user("bob@x.example");
    desk.post("/Users", &user("Ann@X.Example")).is_error(409, Some("uniqueness"));
    desk.patch(&format!("/Users/{bob}"), &json!([{ "op": "replace", "path": "userName", "value": "ANN@x.example" }]))
        .is_error(409, Some("uniqueness"));
    desk.send("PUT", &format!("/Users/{bob}"), &[], Some(&user("ANN@x.example"))).is_error(409, Some("uniqueness"));
    assert_eq!(desk.get("/Users?count=0").json()["totalResults"], 2);
}

#[test]
fn who_is_posted_again_while_inactive_is_revived_under_the_same_id() {
    for (dialect, status) in [("okta", 201), ("entra", 201), ("onelogin", 200), ("strict", 200)] {
        let desk = Desk::new(dialect);
        let id = desk.user("ann@x.example");
        desk.post("/Users", &user("ann@x.example")).is_error(409, Some("uniqueness"));
        let off = desk.patch(&format!("/Users/{id}"), &json!([{ "op": "replace", "path": "active", "value": false }]));
        assert_eq!(off.status, 200, "{off:?}");
        let mut off = user("ann@x.example");
        off["active"] = false.into();
        desk.post("/Users", &off).is_error(409, Some("uniqueness"));
        let mut again = user("Ann@x.example");
        again["title"] = "Engineer".into();
        let said = desk.post("/Users", &again);
        assert_eq!((said.status, said.json()["id"].as_str()), (status, Some(id.as_str())), "{dialect}");
        assert_eq!((&said.json()["active"], &said.json()["title"]), (&json!(true), &json!("Engineer")));
        assert_eq!(desk.get("/Users?count=0").json()["totalResults"], 1);
    }
}

/// Of many changes of one user at once none is lost.
#[test]
fn changes_at_the_same_time_are_all_kept() {
    let desk = Desk::new("okta");
    let id = desk.user("ann@x.example");
    let at = format!("/Users/{id}");
    std::thread::scope(|scope| {
        for (attribute, value) in [("title", "T"), ("nickName", "N"), ("displayName", "D"), ("userType", "U"), ("locale", "en-US")] {
            let (desk, at) = (&desk, &at);
            scope.spawn(move || {
                let said = desk.patch(at, &json!([{ "op": "add", "path": attribute, "value": value }]));
                assert_eq!(said.status, 200, "{said:?}");
            });
        }
        for n in 0..10 {
            let desk = &desk;
            scope.spawn(move || desk.user(&format!("u{n}@x.example")));
        }
    });
    let ann = desk.get(&at).json();
    assert_eq!(
        (&ann["title"], &ann["nickName"], &ann["displayName"], &ann["userType"]),
        (&json!("T"), &json!("N"), &json!("D"), &json!("U"))
    );
    assert_eq!(ann["meta"]["version"], json!("W/\"6\""));
    assert_eq!(desk.get("/Users?count=0").json()["totalResults"], 11);
}

#[test]
fn many_operations_in_one_request_know_each_other() {
    let desk = Desk::new("strict");
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            { "method": "POST", "path": "/Groups", "bulkId": "g", "data": {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Sales", "members": [{ "value": "bulkId:u", "type": "User" }] } },
            { "method": "POST", "path": "/Users", "bulkId": "u", "data": user("ann@x.example") },
            { "method": "POST", "path": "/Users", "bulkId": "v", "data": user("Ann@x.example") },
            { "method": "POST", "path": "/Bulk", "bulkId": "w", "data": {} },
        ],
    });
    let said = desk.post("/Bulk", &body);
    assert_eq!(said.status, 200, "{said:?}");
    let statuses: Vec<_> = said.json()["Operations"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, ["201", "201", "409", "400"], "{said:?}");
    let ann = desk.get("/Users?filter=userName%20eq%20%22ann@x.example%22").json()["Resources"][0].clone();
    assert_eq!(ann["groups"][0]["display"], json!("Sales"), "{ann}");
}

//! Groups, from their own side and from the user's.

use serde_json::{Value, json};

use crate::api::Api;
use crate::{ids, keys};

#[tokio::test]
async fn a_user_s_groups_are_added_to_and_taken_from() {
    let api = Api::vendor();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let (a, b, c) = (api.group("A").await, api.group("B").await, api.group("C").await);
    let path = format!("/users/{id}/groups");
    assert_eq!(api.get(&path).await, (200, json!({ "type": "user_groups", "memberships": [], "managing": [] })));
    let (status, body) = api.call("PUT", &path, json!({ "memberships": [{ "id": a }, { "id": b }], "managing": [{ "id": c }] })).await;
    assert_eq!((status, &body["type"]), (200, &json!("update_user_groups")));
    assert_eq!(body["memberships"], json!([{ "id": b, "name": "B" }, { "id": a, "name": "A" }]), "newest first");
    // Additive: what is not named stays.  Ids may be text.
    let (_, body) = api.call("PUT", &path, json!({ "memberships": [{ "id": c.to_string() }, { "id": a, "remove": "true" }] })).await;
    assert_eq!((ids(&body["memberships"]), ids(&body["managing"])), (vec![c, b], vec![c]));
    for keep in [json!("false"), json!(false), Value::Null] {
        let (_, body) = api.call("PUT", &path, json!({ "memberships": [{ "id": b, "remove": keep }] })).await;
        assert_eq!(ids(&body["memberships"]), [c, b], "{keep}");
    }
    let (_, body) = api.call("PUT", &path, json!({ "managing": [{ "id": c, "remove": true }, { "id": 999, "remove": "true" }] })).await;
    assert_eq!((ids(&body["memberships"]), ids(&body["managing"])), (vec![c, b], vec![]));
    assert_eq!(api.call("PUT", &path, json!({})).await.0, 200);
    for wrong in [json!([{ "id": 999 }]), json!([{ "id": 1 }]), json!([{ "name": "A" }]), json!([a]), json!("A")] {
        assert_eq!(api.call("PUT", &path, json!({ "memberships": wrong })).await.0, 400, "{wrong}");
    }
    assert_eq!(ids(&api.get(&path).await.1["memberships"]), [c, b]);

    // v1.1 says the same in the list of users.
    let (_, list) = api.richer("/users").await;
    assert_eq!(list["users"][0]["groups"], json!({ "member": [{ "id": c, "name": "C" }, { "id": b, "name": "B" }], "manager": [] }));
}

#[tokio::test]
async fn a_group_is_made_changed_archived_and_restored() {
    let api = Api::vendor();
    let (jane, john) = (api.user("Jane Doe", "jane@example.com").await, api.user("John Doe", "john@example.com").await);
    let made = json!({ "name": "Sales", "members": [{ "id": jane }], "managers": [{ "id": john }] });
    let (status, group) = api.call("POST", "/groups", made).await;
    assert_eq!((status, &group["type"], &group["resource_type"]), (201, &json!("create_group"), &json!("group")));
    assert_eq!((ids(&group["members"]), ids(&group["managers"])), (vec![jane], vec![john]));
    assert_eq!(keys(&group["members"][0]).len(), 16);
    let path = format!("/groups/{}", group["id"]);

    let change =
        json!({ "name": "Sales Team", "members": [{ "id": jane, "remove": "true" }, { "id": john }], "managers": [{ "id": jane }] });
    let (status, group) = api.call("PUT", &path, change).await;
    assert_eq!((status, &group["type"], &group["name"]), (200, &json!("update_group"), &json!("Sales Team")));
    assert_eq!((ids(&group["members"]), ids(&group["managers"])), (vec![john], vec![john, jane]));
    let (_, shown) = api.get(&path).await;
    assert_eq!((&shown["type"], &shown["members"], &shown["managers"]), (&json!("group"), &group["members"], &group["managers"]));

    api.sandbox.clock().set("2016-09-26T17:05:01.174Z".parse().unwrap());
    for method in ["", "application/json", "application/x-www-form-urlencoded"] {
        let (status, gone) = api.raw("PUT", &format!("/api/v1{path}/archive"), method, "").await;
        assert_eq!((status, &gone["archived_at"]), (200, &json!("2016-09-26T13:05:01.174-04:00")));
        assert_eq!((&gone["type"], &gone["archived_by_user_id"]), (&json!("group"), &Value::Null));
        assert_eq!(ids(&gone["members"]), [john]);
    }
    let (_, list) = api.get("/groups").await;
    assert_eq!(keys(&list), ["groups", "type"], "not paginated");
    assert_eq!(keys(&list["groups"][0]), ["archived_at", "archived_by_user_id", "id", "name"]);
    assert_eq!(list["groups"][0]["archived_at"], "2016-09-26T13:05:01.174-04:00");
    assert_eq!(list["groups"][1]["name"], "Group::Everyone", "newest first, the built-in one last");
    assert_eq!(api.raw("PUT", &format!("/api/v1{path}/restore"), "", "").await.1["archived_at"], Value::Null);
    assert_eq!(api.call("POST", "/groups", json!({ "members": [] })).await.0, 400, "name is required");
    assert_eq!(api.get("/groups/999").await.0, 404);
}

#[tokio::test]
async fn everyone_holds_everybody_and_never_counts_as_a_membership() {
    let api = Api::vendor();
    let id = api.user("Jane Doe", "jane@example.com").await;
    assert_eq!(ids(&api.get("/groups/1").await.1["members"]), [id, 100]);
    assert_eq!(api.get(&format!("/users/{id}/groups")).await.1["memberships"], json!([]));
    assert_eq!(api.richer("/users").await.1["users"][0]["groups"]["member"], json!([]));
    for path in ["/groups/1", "/groups/1/archive", "/groups/1/restore"] {
        let (status, body) = api.call("PUT", path, json!({ "members": [{ "id": id }] })).await;
        assert_eq!((status, body["error"].is_string()), (403, true));
    }
    for item in [json!({ "id": 1 }), json!({ "id": 1, "remove": "true" })] {
        let (status, body) = api.call("PUT", &format!("/users/{id}/groups"), json!({ "memberships": [item] })).await;
        assert_eq!((status, body["error"].is_string()), (400, true), "neither into it nor out of it");
    }
}

#[tokio::test]
async fn an_archived_group_keeps_whom_it_has_and_takes_nobody() {
    let api = Api::vendor();
    let (jane, john) = (api.user("Jane Doe", "jane@example.com").await, api.user("John Doe", "john@example.com").await);
    let group = api.group("Sales").await;
    let (path, keeps) = (format!("/groups/{group}"), json!({ "members": [{ "id": jane }] }));
    api.call("PUT", &path, keeps.clone()).await;
    api.call("PUT", &format!("{path}/archive"), json!({})).await;
    let of_john = json!({ "memberships": [{ "id": group }] });
    assert_eq!(api.call("PUT", &format!("/users/{john}/groups"), of_john).await.0, 400);
    assert_eq!(api.call("PUT", &path, json!({ "members": [{ "id": john }] })).await.0, 400);
    assert_eq!(api.call("PUT", &path, keeps).await.0, 200, "she is in it");
    assert_eq!(ids(&api.get(&path).await.1["members"]), [jane]);
    assert_eq!(api.call("PUT", &path, json!({ "members": [{ "id": jane, "remove": "true" }] })).await.0, 200);
}

#[tokio::test]
async fn one_read_of_a_group_gives_every_membership() {
    let api = Api::vendor();
    let group = api.group("All hands").await;
    let mut people = Vec::new();
    for n in 0..120 {
        people.push(api.user("Some Body", &format!("n{n}@example.com")).await);
    }
    let members: Vec<Value> = people.iter().map(|id| json!({ "id": id })).collect();
    api.call("PUT", &format!("/groups/{group}"), json!({ "members": members })).await;
    api.call("PUT", &format!("/users/{}/archive", people[3]), json!({})).await;
    let (_, whole) = api.get(&format!("/groups/{group}?page=2&per_page=10")).await;
    people.reverse();
    assert_eq!(ids(&whole["members"]), people, "the archived too, on no pages");
    let gone = whole["members"].as_array().unwrap().iter().filter(|user| !user["archived_at"].is_null()).count();
    assert_eq!(gone, 1);
}

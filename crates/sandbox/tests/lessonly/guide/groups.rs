//! Groups and memberships, as the guide has them.

use serde_json::{Value, json};

use crate::api::{Api, NOON};
use crate::ids;

#[tokio::test]
async fn group_ids_replace_every_membership() {
    let api = Api::new();
    let (a, b, c) = (api.group("A").await, api.group("B").await, api.group("C").await);
    let id = api.user("Jane Doe", "jane@example.com").await;
    let path = format!("/users/{id}");
    let set = async |body: Value| api.call("PUT", &path, body).await.1["group_ids"].clone();
    assert_eq!(set(json!({ "group_ids": [a, b] })).await, json!([a, b]));
    assert_eq!(set(json!({ "job_title": "Buyer" })).await, json!([a, b]), "absent is unchanged");
    assert_eq!(set(json!({ "group_ids": [c] })).await, json!([c]), "the others are gone");
    assert_eq!(set(json!({ "group_ids": [] })).await, json!([]));
    assert_eq!(api.get(&format!("/groups/{a}")).await.1["members"], json!([]));
}

#[tokio::test]
async fn everyone_holds_everybody_and_cannot_be_written() {
    let api = Api::new();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let (_, list) = api.get("/groups").await;
    assert_eq!(list["type"], "groups");
    assert_eq!(list["groups"], json!([{ "id": 1, "name": "Group::Everyone", "archived_at": null, "archived_by_user_id": null }]));
    let (_, group) = api.get("/groups/1").await;
    assert_eq!(ids(&group["members"]), [id, 100]);
    assert_eq!(api.get(&format!("/users/{id}")).await.1["group_ids"], json!([]));
    for path in ["/groups/1", "/groups/1/archive", "/groups/1/restore"] {
        assert_eq!(api.call("PUT", path, json!({ "name": "All" })).await.0, 403);
    }
    let joined = api.call("PUT", &format!("/users/{id}/groups"), json!({ "memberships": [{ "id": 1 }] })).await;
    assert_eq!(joined.0, 400);
}

#[tokio::test]
async fn groups_take_and_give_up_members_one_by_one() {
    let api = Api::new();
    let jane = api.user("Jane Doe", "jane@example.com").await;
    let john = api.user("John Doe", "john@example.com").await;
    let made = json!({ "name": "Sales", "members": [{ "id": jane }], "managers": [{ "id": john }] });
    let (status, group) = api.call("POST", "/groups", made).await;
    assert_eq!((status, &group["type"]), (201, &json!("create_group")));
    assert_eq!((ids(&group["members"]), ids(&group["managers"])), (vec![jane], vec![john]));
    let path = format!("/groups/{}", group["id"]);

    let (_, group) = api.call("PUT", &path, json!({ "name": "Sales Team", "members": [{ "id": john }] })).await;
    assert_eq!((&group["type"], &group["name"]), (&json!("update_group"), &json!("Sales Team")));
    assert_eq!(ids(&group["members"]), [john, jane], "newest first");
    let (_, group) = api.call("PUT", &path, json!({ "members": [{ "id": jane, "remove": "true" }] })).await;
    assert_eq!(ids(&group["members"]), [john]);
    assert_eq!(group["members"][0].as_object().unwrap().len(), 16);
    let (_, shown) = api.get(&path).await;
    assert_eq!((&shown["type"], &shown["members"]), (&json!("group"), &group["members"]));
    assert_eq!(api.call("PUT", &path, json!({ "members": [{ "id": 9999 }] })).await.0, 400);

    // The same from the user's side.
    let (_, mine) = api.get(&format!("/users/{john}/groups")).await;
    let sales = json!([{ "id": group["id"], "name": "Sales Team" }]);
    assert_eq!(mine, json!({ "type": "user_groups", "memberships": sales, "managing": sales }));
    let out = json!({ "memberships": [{ "id": group["id"], "remove": "true" }] });
    let (_, mine) = api.call("PUT", &format!("/users/{john}/groups"), out).await;
    assert_eq!(mine, json!({ "type": "update_user_groups", "memberships": [], "managing": sales }));

    let (_, archived) = api.call("PUT", &format!("{path}/archive"), json!({})).await;
    assert_eq!(archived["archived_at"], NOON);
    assert_eq!(api.call("PUT", &format!("/users/{jane}"), json!({ "group_ids": [group["id"]] })).await.0, 400);
    let (_, restored) = api.call("PUT", &format!("{path}/restore"), json!({})).await;
    assert_eq!(restored["archived_at"], Value::Null);
}

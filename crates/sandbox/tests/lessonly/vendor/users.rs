//! Users: what is shown, and what writing answers.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::api::{Api, NOON};
use crate::{ids, keys, now};

const SIXTEEN: [&str; 16] = [
    "archived_at",
    "archived_by_user_id",
    "business_unit",
    "department",
    "email",
    "ext_uid",
    "hire_date",
    "id",
    "job_title",
    "locale",
    "location",
    "manager_name",
    "name",
    "resource_type",
    "role",
    "role_id",
];

fn and(more: &[&'static str]) -> Vec<&'static str> {
    let mut keys = [&SIXTEEN, more].concat();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn every_record_has_its_members_and_no_others() {
    let api = Api::vendor();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let (_, list) = api.get("/users").await;
    assert_eq!(keys(&list["users"][0]), SIXTEEN);
    let (_, list) = api.richer("/users").await;
    assert_eq!(keys(&list["users"][0]), and(&["custom_user_field_data", "groups", "mobile_phone_number"]));
    assert_eq!(list["users"][0]["groups"], json!({ "member": [], "manager": [] }));
    assert_eq!(list["users"][0]["custom_user_field_data"], json!([]));
    let (_, shown) = api.get(&format!("/users/{id}")).await;
    assert_eq!(keys(&shown), and(&["custom_user_field_data", "type"]));
    let (_, shown) = api.richer(&format!("/users/{id}")).await;
    assert_eq!(keys(&shown), and(&["custom_user_field_data", "groups", "mobile_phone_number", "type"]));
    assert_eq!((&shown["id"], &shown["resource_type"], &shown["type"]), (&json!(id), &json!("user"), &json!("user")));
}

#[tokio::test]
async fn creating_and_changing_have_types_of_their_own() {
    let api = Api::vendor();
    let (status, made) = api.call("POST", "/users", json!({ "name": "Jane Doe", "email": "jane@example.com" })).await;
    assert_eq!((status, &made["type"], &made["role"], &made["role_id"]), (201, &json!("create_user"), &json!("learner"), &json!(4)));
    let path = format!("/users/{}", made["id"]);
    let (status, changed) = api.call("PUT", &path, json!({ "role": "manager", "hire_date": "2025-01-31" })).await;
    assert_eq!((status, &changed["type"], &changed["role"]), (200, &json!("update_user"), &json!("manager")));
    assert_eq!((&changed["hire_date"], &changed["email"]), (&json!("2025-01-31"), &json!("jane@example.com")));
    let (_, changed) = api.call("PUT", &path, json!({ "hire_date": null, "role_id": "2", "role": "" })).await;
    assert_eq!((&changed["hire_date"], &changed["role_id"]), (&Value::Null, &json!(2)));
    let (_, changed) = api.call("PUT", &path, json!({ "hire_date": "2025-02-01T00:00:00.000Z", "role_id": 3 })).await;
    assert_eq!((&changed["hire_date"], &changed["role"]), (&json!("2025-02-01"), &json!("creator")));
    for wrong in ["31.01.2025", "01/31/2025", "2025-02-30", "soon"] {
        assert_eq!(api.call("PUT", &path, json!({ "hire_date": wrong })).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn archived_at_is_written_with_the_vendor_s_offset() {
    let api = Api::vendor();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let path = format!("/users/{id}");
    api.sandbox.clock().set("2016-10-13T13:34:24.1519Z".parse().unwrap());
    let (status, gone) = api.raw("PUT", &format!("/api/v1{path}/archive"), "", "").await;
    assert_eq!((status, &gone["type"], &gone["archived_at"]), (200, &json!("user"), &json!("2016-10-13T09:34:24.151-04:00")));
    assert_eq!(gone["archived_by_user_id"], Value::Null, "archived through the API");
    assert_eq!(api.get("/users").await.1["users"][0]["archived_at"], "2016-10-13T09:34:24.151-04:00");
    api.sandbox.clock().set("2016-12-13T13:34:24Z".parse().unwrap());
    assert_eq!(api.raw("PUT", &format!("/api/v1{path}/archive"), "", "").await, (200, gone), "twice is as once");
    let (_, back) = api.raw("PUT", &format!("/api/v1{path}/restore"), "", "").await;
    assert_eq!((&back["id"], &back["archived_at"]), (&json!(id), &Value::Null));
    let (_, gone) = api.raw("PUT", &format!("/api/v1.1{path}/archive"), "", "").await;
    assert_eq!((&gone["archived_at"], gone["groups"].is_object()), (&json!("2016-12-13T08:34:24.000-05:00"), true), "in winter");
}

#[tokio::test]
async fn archive_keeps_history_and_restore_re_enrols_nothing() {
    let api = Api::vendor();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let done = api.sandbox.assign(id, "Lesson", 1).unwrap();
    api.sandbox.complete(done, 90).unwrap();
    api.sandbox.assign(id, "Course", 1).unwrap();
    for verb in ["archive", "restore"] {
        assert_eq!(api.raw("PUT", &format!("/api/v1/users/{id}/{verb}"), "application/json", "").await.0, 200);
        let (_, list) = api.get(&format!("/users/{id}/assignments")).await;
        assert_eq!((ids(&list["assignments"]), &list["assignments"][0]["status"]), (vec![done], &json!("Completed")));
    }
}

#[tokio::test]
async fn a_deleted_user_is_gone_and_leaves_the_email_but_not_the_id() {
    let api = Api::vendor();
    let group = api.group("Sales").await;
    let jane = api.user("Jane Doe", "jane@example.com").await;
    api.sandbox.update_user(jane, json!({ "group_ids": [group] })).unwrap();
    api.sandbox.assign(jane, "Lesson", 1).unwrap();
    let (status, gone) = api.raw("DELETE", &format!("/api/v1/users/{jane}"), "application/json", "\"\"").await;
    assert_eq!((status, gone), (200, json!({ "type": "delete_user", "id": jane })));
    assert_eq!(api.get(&format!("/users/{jane}")).await.0, 404);
    assert_eq!(api.call("DELETE", &format!("/users/{jane}"), json!({})).await.0, 404);
    assert_eq!(ids(&api.get("/users").await.1["users"]), [100]);
    assert_eq!(api.get(&format!("/groups/{group}")).await.1["members"], json!([]));
    assert_eq!(api.get("/assignments").await.1["total_assignments"], 0);
    let again = api.user("Jane Doe", "jane@example.com").await;
    assert_eq!(again, jane + 1, "ids are not given twice");
    assert_eq!(api.sandbox.assign(again, "Lesson", 1).unwrap(), 2);
}

#[tokio::test]
async fn a_duplicate_email_is_400_and_writes_nothing() {
    let api = Api::vendor();
    let jane = api.user("Jane Doe", "jane@example.com").await;
    let john = api.user("John Doe", "john@example.com").await;
    api.call("PUT", &format!("/users/{jane}/archive"), json!({})).await;
    for email in ["jane@example.com", "JANE@example.com"] {
        let (status, body) = api.call("POST", "/users", json!({ "name": "Other", "email": email, "ext_uid": "7" })).await;
        assert_eq!((status, keys(&body)), (400, vec!["error"]));
        assert_eq!(api.call("PUT", &format!("/users/{john}"), json!({ "email": email, "ext_uid": "7" })).await.0, 400);
    }
    assert_eq!(api.get(&format!("/users/{john}")).await.1["ext_uid"], Value::Null);
    assert_eq!(api.get("/users").await.1["total_users"], 3);
}

#[tokio::test]
async fn names_of_all_the_world_but_not_with_the_refused_characters() {
    let api = Api::vendor();
    for (n, name) in
        ["Zoë Ångström", "李小龙", "O'Brien-Smith, Jr.", "Иван Петров", "محمد", "José \"Pepe\" Núñez", "👩‍🎓 Ana"].iter().enumerate()
    {
        let (status, user) = api.call("POST", "/users", json!({ "name": name, "email": format!("n{n}@example.com") })).await;
        assert_eq!((status, &user["name"]), (201, &json!(name)));
        assert_eq!(api.get("/users").await.1["users"][0]["name"], *name);
    }
    for bad in "`!@#$%^&*+=()|[];".chars() {
        let (status, body) = api.call("POST", "/users", json!({ "name": format!("Jane{bad}Doe"), "email": "x@example.com" })).await;
        assert_eq!((status, body["error"].as_str().unwrap().contains(bad)), (400, true), "{bad}");
    }
    for name in [" Jane", "", " "] {
        assert_eq!(api.call("POST", "/users", json!({ "name": name, "email": "x@example.com" })).await.0, 400, "{name:?}");
    }
}

#[tokio::test]
async fn group_ids_are_not_known_and_nothing_happens() {
    let api = Api::vendor();
    let group = api.group("Sales").await;
    for ids in [json!([group]), json!([999]), json!("nonsense"), Value::Null] {
        let email = format!("n{}@example.com", api.get("/users").await.1["total_users"]);
        let (status, made) = api.call("POST", "/users", json!({ "name": "Jane", "email": email, "group_ids": ids })).await;
        assert_eq!((status, made.get("group_ids")), (201, None));
        let (status, _) = api.call("PUT", &format!("/users/{}", made["id"]), json!({ "group_ids": ids })).await;
        assert_eq!(status, 200);
    }
    assert_eq!(api.get(&format!("/groups/{group}")).await.1["members"], json!([]));
}

#[tokio::test]
async fn what_was_read_can_be_written_back_whole() {
    let api = Api::vendor();
    let made = json!({ "name": "Jane Doe", "email": "jane@example.com", "custom_user_fields": [{ "name": "Team", "value": "North" }] });
    let (_, made) = api.call("POST", "/users", made).await;
    let path = format!("/users/{}", made["id"]);
    api.sandbox.clock().set(now() + SignedDuration::from_hours(1));
    for (_, read) in [api.get(&path).await, api.richer(&path).await] {
        let (status, written) = api.call("PUT", &path, read.clone()).await;
        assert_eq!((status, &written["type"]), (200, &json!("update_user")));
        assert_eq!(api.get(&path).await.1["custom_user_field_data"], made["custom_user_field_data"]);
    }
}

#[tokio::test]
async fn a_list_says_what_the_record_says_after_every_change() {
    for (api, archived) in [(Api::vendor(), "2025-06-01T08:00:00.000-04:00"), (Api::new(), NOON)] {
        let group = api.group("Sales").await;
        let id = api.user("Jane Doe", "jane@example.com").await;
        let path = format!("/users/{id}");
        for (change, body) in [
            ("", json!({ "name": "Zoë \"Z\" O'Neil\n", "ext_uid": "7", "job_title": "", "hire_date": "2025-01-31" })),
            ("/archive", json!({})),
            ("/groups", json!({ "memberships": [{ "id": group }], "managing": [{ "id": group }] })),
            ("/restore", json!({})),
            ("", json!({ "email": "zoe@example.com", "role": "creator", "location": "Zürich", "custom_user_fields": { "Team": "A" } })),
        ] {
            assert_eq!(api.call("PUT", &format!("{path}{change}"), body).await.0, 200, "{change}");
            let (_, shown) = api.get(&path).await;
            let (_, richer) = api.richer(&path).await;
            for (list, whole) in [(api.get("/users").await.1, shown), (api.richer("/users").await.1, richer)] {
                let item = list["users"][0].as_object().unwrap();
                assert!(item.iter().all(|(name, value)| whole[name] == *value), "{item:?} {whole}");
            }
            let (_, group) = api.get(&format!("/groups/{group}")).await;
            let member = group["members"].get(0);
            assert!(member.is_none_or(|member| *member == item(&api, id, archived)), "{member:?}");
        }
    }
}

/// A user as the sandbox's own records have it, in the members of a list item.
fn item(api: &Api, id: u64, archived: &str) -> Value {
    let record = api.sandbox.users().into_iter().find(|user| user["id"] == id).unwrap();
    let mut item: Value = SIXTEEN.iter().map(|name| ((*name).to_owned(), record[*name].clone())).collect();
    let role = ["admin", "manager", "creator", "learner"].iter().position(|role| record["role"] == *role);
    (item["resource_type"], item["role_id"]) = ("user".into(), role.map(|at| at + 1).into());
    if !record["archived_at"].is_null() {
        item["archived_at"] = archived.into();
    }
    item
}

//! Users, as the guide has them.

use jiff::SignedDuration;
use sandbox::lessonly::Config;
use serde_json::{Value, json};

use crate::api::{Api, NOON, options};
use crate::{company, ids, now};

#[tokio::test]
async fn users_are_walked_by_fifty_newest_first_whatever_per_page_says() {
    let api = company(120);
    let mut seen = Vec::new();
    for (page, length) in [(1, 50), (2, 50), (3, 21), (4, 0), (1_000_000, 0)] {
        let (status, list) = api.get(&format!("/users?page={page}&per_page=7")).await;
        assert_eq!(status, 200);
        assert_eq!(list["type"], "users");
        assert_eq!(list.as_object().unwrap().len(), 2, "type and the list only");
        assert_eq!(list["users"].as_array().unwrap().len(), length);
        seen.extend(ids(&list["users"]));
    }
    assert_eq!(seen, (100..=220).rev().collect::<Vec<u64>>());
    assert_eq!(api.get("/users").await, api.get("/users?page=1").await);
    for page in ["0", "-1", "two", ""] {
        assert_eq!(api.get(&format!("/users?page={page}")).await.0, 400, "{page}");
    }
}

#[tokio::test]
async fn a_list_item_has_sixteen_keys_and_a_shown_user_more() {
    let api = Api::new();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let (_, list) = api.get("/users").await;
    let keys: Vec<&str> = list["users"][0].as_object().unwrap().keys().map(String::as_str).collect();
    let mut sixteen = vec![
        "id",
        "resource_type",
        "ext_uid",
        "email",
        "name",
        "role",
        "role_id",
        "archived_at",
        "archived_by_user_id",
        "job_title",
        "business_unit",
        "department",
        "location",
        "locale",
        "hire_date",
        "manager_name",
    ];
    sixteen.sort_unstable();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, sixteen);

    let (_, user) = api.get(&format!("/users/{id}")).await;
    assert_eq!(user["type"], "user");
    assert_eq!(user["resource_type"], "user");
    assert_eq!(user["custom_user_field_data"], json!([]));
    assert_eq!(user["group_ids"], json!([]));
    assert_eq!(user["created_at"], NOON);
    assert_eq!(user["updated_at"], NOON);
    assert_eq!(user.as_object().unwrap().len(), 16 + 5);
}

#[tokio::test]
async fn version_1_1_has_richer_items() {
    let api = Api::new();
    let group = api.group("Sales").await;
    let (_, user) = api.call("POST", "/users", json!({ "name": "Jane Doe", "email": "jane@example.com", "group_ids": [group] })).await;
    assert_eq!(user["group_ids"], json!([group]));
    let (status, text) = api.send("GET", "/api/v1.1/users", "", Vec::new()).await;
    let list: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(status.as_u16(), 200);
    assert_eq!(list["users"][0]["groups"], json!({ "member": [{ "id": group, "name": "Sales" }], "manager": [] }));
    assert_eq!(list["users"][0].as_object().unwrap().len(), 19);
}

#[tokio::test]
async fn a_user_is_found_by_integer_id_only() {
    let api = Api::new();
    let id = api.user("Jane Doe", "jane@example.com").await;
    assert_eq!(api.get(&format!("/users/{id}")).await.0, 200);
    for wrong in ["jane@example.com", "9999", "-1", "1.5", "99999999999999999999999"] {
        assert_eq!(api.get(&format!("/users/{wrong}")).await.0, 404, "{wrong}");
        assert_eq!(api.call("PUT", &format!("/users/{wrong}/archive"), json!({})).await.0, 404);
    }
}

#[tokio::test]
async fn a_new_user_is_a_learner_with_all_that_was_sent() {
    let api = Api::new();
    let sent = json!({
        "name": "John Smith", "email": "John@example.com", "ext_uid": "E7", "job_title": "Buyer",
        "business_unit": "EMEA", "department": "Operations", "location": "Berlin", "locale": "de",
        "hire_date": "2025-01-31", "manager_name": "Jane Doe", "notify": true, "unknown": [1],
    });
    let (status, user) = api.call("POST", "/users", sent.clone()).await;
    assert_eq!((status, &user["type"], &user["role"]), (201, &json!("user"), &json!("learner")));
    for (key, value) in sent.as_object().unwrap() {
        if !["notify", "unknown"].contains(&key.as_str()) {
            assert_eq!(&user[key], value, "{key}");
        }
    }
    let (_, shown) = api.get(&format!("/users/{}", user["id"])).await;
    assert_eq!(shown, user);

    let (status, changed) = api.call("PUT", &format!("/users/{}", user["id"]), json!({ "role": "manager", "hire_date": null })).await;
    assert_eq!((status, &changed["role"], &changed["hire_date"]), (200, &json!("manager"), &Value::Null));
    assert_eq!(changed["job_title"], "Buyer", "what is absent stays");
}

#[tokio::test]
async fn bad_parameters_are_400_and_write_nothing() {
    let api = Api::new();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let good = json!({ "name": "New Person", "email": "new@example.com" });
    let mut wrong = vec![json!({ "name": null }), json!({ "email": null })];
    for name in ["", " Jane", "Jane!", "Ja`ne", "J@ne", "a#", "a$", "a%", "a^", "a&", "a*", "a+", "a=", "a(", "a)", "a|"] {
        wrong.push(json!({ "name": name }));
    }
    for name in ["a[", "a]", "a;"] {
        wrong.push(json!({ "name": name }));
    }
    wrong.extend([
        json!({ "name": 7 }),
        json!({ "email": "nobody" }),
        json!({ "email": ["a@b.c"] }),
        json!({ "role": "owner" }),
        json!({ "role": "Learner" }),
        json!({ "role": 1 }),
        json!({ "role_id": 99 }),
        json!({ "hire_date": "31.01.2025" }),
        json!({ "hire_date": "2025-02-30" }),
        json!({ "ext_uid": 7 }),
        json!({ "group_ids": 5 }),
        json!({ "group_ids": ["5"] }),
        json!({ "group_ids": [999] }),
        json!({ "group_ids": [1] }),
        json!({ "group_ids": null }),
        json!({ "notify": "perhaps" }),
        json!({ "custom_user_field_data": "x" }),
        json!({ "custom_user_field_data": [{ "value": "x" }] }),
    ]);
    for part in wrong {
        let mut whole = good.clone();
        for (key, value) in part.as_object().unwrap() {
            whole[key] = value.clone();
        }
        for (method, path, body) in [("POST", "/users".to_owned(), &whole), ("PUT", format!("/users/{id}"), &part)] {
            let (status, answer) = api.call(method, &path, body.clone()).await;
            assert_eq!(status, 400, "{method} {body}");
            assert!(answer["error"].is_string());
        }
    }
    for body in ["{\"name\":", "[1]", "\"x\"", "nul"] {
        let (status, _) = api.send("POST", "/api/v1/users", "application/json", body.into()).await;
        assert_eq!(status.as_u16(), 400, "{body}");
    }
    assert_eq!(api.call("POST", "/users", json!({})).await.0, 400);
    assert_eq!(api.sandbox.users().len(), 2);
    assert_eq!(api.get(&format!("/users/{id}")).await.1["updated_at"], NOON);
}

#[tokio::test]
async fn a_duplicate_email_is_400_in_any_case_and_against_the_archived() {
    let api = Api::new();
    let jane = api.user("Jane Doe", "jane@example.com").await;
    let john = api.user("John Doe", "john@example.com").await;
    assert_eq!(api.call("PUT", &format!("/users/{jane}/archive"), json!({})).await.0, 200);
    for email in ["jane@example.com", "JANE@Example.com"] {
        assert_eq!(api.call("POST", "/users", json!({ "name": "Other", "email": email })).await.0, 400);
        assert_eq!(api.call("PUT", &format!("/users/{john}"), json!({ "email": email })).await.0, 400);
    }
    assert_eq!(api.sandbox.users().len(), 3);
    // One's own, in another case, is no duplicate; what was given up is free.
    assert_eq!(api.call("PUT", &format!("/users/{jane}"), json!({ "email": "Jane@example.com" })).await.0, 200);
    assert_eq!(api.call("PUT", &format!("/users/{jane}"), json!({ "email": "doe@example.com" })).await.0, 200);
    assert_eq!(api.call("PUT", &format!("/users/{john}"), json!({ "email": "jane@example.com" })).await.0, 200);
}

#[tokio::test]
async fn undeclared_custom_fields_are_dropped_silently_under_both_keys() {
    let config = Config { options: options(), declared_fields: vec!["Cost Center".to_owned()], ..Config::default() };
    let api = Api::with(config);
    for key in ["custom_user_field_data", "custom_user_fields"] {
        let email = format!("{key}@example.com");
        let fields = json!([{ "name": "Cost Center", "value": 4711 }, { "name": "Cost Centre", "value": "x" }]);
        let (status, user) = api.call("POST", "/users", json!({ "name": "Jane", "email": email, key: fields })).await;
        assert_eq!(status, 201);
        let data = user["custom_user_field_data"].as_array().unwrap();
        assert_eq!(data.len(), 1);
        let field = &data[0];
        assert_eq!((&field["name"], &field["value"]), (&json!("Cost Center"), &json!("4711")));
        assert_eq!(field["custom_user_field_id"], 1);
        assert!(field["id"].is_u64());

        let path = format!("/users/{}", user["id"]);
        let (_, user) = api.call("PUT", &path, json!({ key: { "Other": "y" } })).await;
        assert_eq!(user["custom_user_field_data"].as_array().unwrap().len(), 1, "not mentioned: stays");
        let (_, user) = api.call("PUT", &path, json!({ key: [{ "custom_user_field_id": 1, "value": "" }] })).await;
        assert_eq!(user["custom_user_field_data"], json!([]));
    }
}

#[tokio::test]
async fn archive_keeps_history_and_restore_re_enrols_nothing() {
    let api = Api::new();
    let group = api.group("Sales").await;
    let id = api.user("Jane Doe", "jane@example.com").await;
    let path = format!("/users/{id}");
    api.call("PUT", &path, json!({ "group_ids": [group] })).await;
    let done = api.sandbox.assign(id, "Lesson", 1).unwrap();
    api.sandbox.complete(done, 90).unwrap();
    let open = api.sandbox.assign(id, "Course", 1).unwrap();

    let (status, user) = api.call("PUT", &format!("{path}/archive"), json!({})).await;
    assert_eq!((status, &user["archived_at"], &user["archived_by_user_id"]), (200, &json!(NOON), &Value::Null));
    assert_eq!(user["type"], "user");
    assert!(ids(&api.get("/users").await.1["users"]).contains(&id), "archived users are listed");
    let assignments = async || api.get(&format!("{path}/assignments")).await.1["assignments"].clone();
    assert_eq!(ids(&assignments().await), [done]);

    // Twice is as once.
    api.sandbox.clock().set(now() + SignedDuration::from_hours(1));
    let (status, again) = api.call("PUT", &format!("{path}/archive"), json!({})).await;
    assert_eq!((status, &again), (200, &user));

    for _ in 0..2 {
        let (status, user) = api.call("PUT", &format!("{path}/restore"), json!({})).await;
        assert_eq!((status, &user["archived_at"]), (200, &Value::Null));
        assert_eq!((&user["id"], &user["group_ids"]), (&json!(id), &json!([group])));
    }
    assert_eq!(ids(&assignments().await), [done], "nothing re-enrolled");
    assert_eq!(assignments().await[0]["status"], "completed");
    let (_, anew) = api
        .call(
            "POST",
            &format!("{path}/assignments"),
            json!({
                "assignments": [{ "assignable_type": "Course", "assignable_id": 1 }]
            }),
        )
        .await;
    assert!(ids(&anew["assignments"])[0] > open, "a new record");

    api.sandbox.archive_user(id).unwrap();
    assert_eq!(api.get(&path).await.1["archived_by_user_id"], 100, "by hand, it says who");
}

#[tokio::test]
async fn a_new_sandbox_holds_the_admin_and_nothing_else() {
    let api = Api::new();
    let (_, list) = api.get("/users").await;
    assert_eq!(ids(&list["users"]), [100]);
    let admin = &list["users"][0];
    assert_eq!(
        (&admin["name"], &admin["email"], &admin["role"]),
        (&json!("Acme Admin"), &json!("admin@acme.example"), &json!("admin"))
    );
    assert_eq!(api.user("Jane Doe", "jane@example.com").await, 101);
}

#[tokio::test]
async fn ten_thousand_users_are_loaded_one_by_one() {
    let api = Api::new();
    for n in 0..10_000 {
        api.user("Some Body", &format!("n{n}@example.com")).await;
    }
    assert_eq!(ids(&api.get("/users?page=200").await.1["users"]).len(), 50);
}

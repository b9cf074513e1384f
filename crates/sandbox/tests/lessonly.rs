//! The Lessonly sandbox answers as the contract says, quirk by quirk.

#[allow(dead_code, unreachable_pub)]
mod api;

use api::{Api, NOON, basic, options};
use jiff::SignedDuration;
use sandbox::lessonly::Config;
use sandbox::{Limit, Options};
use serde_json::{Value, json};

fn now() -> jiff::Timestamp {
    NOON.parse().unwrap()
}

fn company(people: usize) -> Api {
    Api::with(Config { options: Options { people: Some(people), ..options() }, ..Config::default() })
}

fn ids(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn wrong_credentials_are_a_bare_401() {
    let mut api = Api::new();
    assert_eq!(api.get("/ping").await, (200, json!({ "response": "pong" })));
    let wrong = [
        None,
        Some("Bearer lessonly-sandbox-key".to_owned()),
        Some(basic("lessonly-sandbox-key:acme")),
        Some(basic("acme:lessonly-sandbox-key:")),
        Some(basic("acme:other")),
        Some(basic("acme")),
        Some("Basic not base64!".to_owned()),
        Some("Basic".to_owned()),
    ];
    for header in wrong {
        api.authorization = header;
        let (status, body) = api.send("GET", "/api/v1/users", "", Vec::new()).await;
        assert_eq!((status.as_u16(), body.len()), (401, 0), "{:?}", api.authorization);
    }
}

#[tokio::test]
async fn without_the_version_it_is_404_with_an_error() {
    let mut api = Api::new();
    for path in ["/users", "/", "/api/users", "/api/v2/users", "/api/v1/nothing", "/api/v1"] {
        let (status, body) = api.send("GET", path, "", Vec::new()).await;
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(status.as_u16(), 404, "{path}");
        assert!(body["error"].is_string());
    }
    api.authorization = None;
    assert_eq!(api.send("GET", "/users", "", Vec::new()).await.0.as_u16(), 404);
}

#[tokio::test]
async fn nothing_is_deleted_and_a_wrong_verb_is_405() {
    let api = Api::new();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let path = format!("/users/{id}");
    for (method, path) in [("DELETE", path.as_str()), ("PATCH", &path), ("POST", &path), ("PUT", "/users"), ("POST", "/lessons")] {
        let (status, body) = api.call(method, path, json!({})).await;
        assert_eq!(status, 405, "{method} {path}");
        assert!(body["error"].is_string());
    }
    assert_eq!(api.get(&path).await.0, 200);
}

#[tokio::test]
async fn who_does_not_accept_json_gets_406() {
    let mut api = Api::new();
    for (accept, status) in [
        ("text/html", 406),
        ("text/html, application/json;q=0", 406),
        ("text/html, */*;q=0.1", 200),
        ("application/*", 200),
        ("application/json", 200),
    ] {
        api.accept = Some(accept);
        assert_eq!(api.get("/users").await.0, status, "{accept}");
    }
}

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
async fn assignments_come_in_every_status_unpaginated_for_a_user() {
    let api = company(60);
    let mut statuses = std::collections::BTreeSet::new();
    for id in 101..=160 {
        let (status, list) = api.get(&format!("/users/{id}/assignments")).await;
        assert_eq!((status, &list["type"]), (200, &json!("assignments")));
        for one in list["assignments"].as_array().unwrap() {
            assert_eq!(one.as_object().unwrap().len(), 14);
            assert_eq!(one["assignee_id"], id);
            assert_eq!(one["score"].is_null(), one["status"] != "completed");
            statuses.insert(one["status"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(Vec::from_iter(statuses), ["completed", "grade pending", "incomplete", "overdue"]);

    // The whole list is paginated, and so is each status.
    let mut all = 0;
    for status in ["completed", "Grade_Pending", "INCOMPLETE", "overdue"] {
        for page in 1.. {
            let (_, list) = api.get(&format!("/assignments/{status}?page={page}")).await;
            let list = list["assignments"].as_array().unwrap().clone();
            assert!(list.len() <= 50);
            all += list.len();
            if list.len() < 50 {
                break;
            }
        }
    }
    let mut whole = Vec::new();
    for page in 1..=3 {
        whole.extend(ids(&api.get(&format!("/assignments?page={page}")).await.1["assignments"]));
    }
    assert_eq!(whole.len(), all);
    assert!(whole.is_sorted_by(|a, b| a > b));
    assert_eq!(api.get("/assignments/lost").await.0, 400);
}

#[tokio::test]
async fn assignments_changed_after_an_instant() {
    let api = Api::new();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let first = api.sandbox.assign(id, "Lesson", 1).unwrap();
    api.sandbox.clock().set(now() + SignedDuration::from_hours(1));
    let second = api.sandbox.assign(id, "Lesson", 2).unwrap();
    let after = async |text: &str| api.get(&format!("/assignments?gt[updated_at]={text}")).await;
    assert_eq!(ids(&after(NOON).await.1["assignments"]), [second]);
    assert_eq!(ids(&after("2025-06-01").await.1["assignments"]), [second, first]);
    assert_eq!(after("yesterday").await.0, 400);
}

#[tokio::test]
async fn assigning_again_changes_nothing_until_it_is_completed() {
    let api = Api::new();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let path = "/courses/1/assignments";
    let body = |due: &str| json!({ "assignments": [{ "assignee_id": id, "due_by": due, "notify": "true" }] });
    let (status, made) = api.call("POST", path, body("2025-07-01")).await;
    assert_eq!((status, &made["type"]), (201, &json!("create_course_assignments")));
    let first = &made["assignments"][0];
    assert_eq!((&first["due_by"], &first["status"]), (&json!("2025-07-01T00:00:00Z"), &json!("incomplete")));
    assert_eq!((&first["assignable_type"], &first["score"]), (&json!("Course"), &Value::Null));

    api.sandbox.clock().set(now() + SignedDuration::from_hours(1));
    let (status, again) = api.call("PUT", path, body("2026-01-01T08:00:00Z")).await;
    assert_eq!(status, 200);
    assert_eq!(&again["assignments"][0], first, "the old record, not even due_by changed");

    api.sandbox.complete(first["id"].as_u64().unwrap(), 100).unwrap();
    let (_, again) = api.call("PUT", path, body("2026-01-01T08:00:00+01:00")).await;
    let again = &again["assignments"][0];
    assert_eq!((&again["id"], &again["status"]), (&first["id"], &json!("incomplete")));
    assert_eq!(again["reassigned_at"], "2025-06-01T13:00:00Z");
    assert_eq!((&again["completed_at"], &again["due_by"]), (&Value::Null, &json!("2026-01-01T07:00:00Z")));
    let (_, listed) = api.get(path).await;
    assert_eq!((&listed["type"], ids(&listed["assignments"])), (&json!("course_assignments"), vec![1]));

    // The same somebody twice in one call is assigned once.
    let twice = json!({ "assignments": [{ "assignee_id": id }, { "assignee_id": id }] });
    let (_, twice) = api.call("POST", "/paths/1/assignments", twice).await;
    assert_eq!(ids(&twice["assignments"]), [2, 2]);
    assert_eq!(twice["assignments"][0]["assignable_type"], "LearningPaths::Path");
}

#[tokio::test]
async fn what_cannot_be_assigned_is_refused_whole() {
    let api = Api::new();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let gone = api.user("John Doe", "john@example.com").await;
    api.sandbox.archive_user(gone).unwrap();
    for second in [json!({ "assignee_id": 9999 }), json!({ "assignee_id": gone }), json!({}), json!({ "assignee_id": "x" })] {
        let body = json!({ "assignments": [{ "assignee_id": id }, second] });
        assert_eq!(api.call("POST", "/lessons/1/assignments", body).await.0, 400, "{second}");
    }
    let wrong_due = json!({ "assignments": [{ "assignee_id": id, "due_by": "soon" }] });
    assert_eq!(api.call("POST", "/lessons/1/assignments", wrong_due).await.0, 400);
    assert_eq!(api.call("POST", "/lessons/1/assignments", json!({})).await.0, 400);
    assert_eq!(api.call("POST", "/lessons/99/assignments", json!({})).await.0, 404);
    for item in [
        json!({ "assignable_type": "Book", "assignable_id": 1 }),
        json!({ "assignable_type": "Lesson", "assignable_id": 99 }),
        json!({ "assignable_type": "Lesson" }),
    ] {
        let body = json!({ "assignments": [item] });
        assert_eq!(api.call("POST", &format!("/users/{id}/assignments"), body).await.0, 400, "{item}");
    }
    assert_eq!(api.sandbox.assignments().len(), 0);
}

#[tokio::test]
async fn a_group_s_assignments_are_a_bare_array() {
    let api = Api::new();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let group = api.group("Sales").await;
    api.sandbox.update_user(id, json!({ "group_ids": [group] })).unwrap();
    let assignment = api.sandbox.assign(id, "Lesson", 1).unwrap();
    let (status, list) = api.get(&format!("/groups/{group}/assignments")).await;
    assert_eq!((status, ids(&list)), (200, vec![assignment]));
}

#[tokio::test]
async fn content_is_there_and_cannot_be_made() {
    let api = Api::new();
    let (_, lessons) = api.get("/lessons").await;
    assert_eq!(lessons["type"], "lessons");
    assert_eq!(lessons["lessons"][0]["title"], "Security Basics");
    assert!(ids(&lessons["lessons"]).is_sorted());
    let (_, course) = api.get("/courses/1").await;
    assert_eq!((&course["type"], &course["title"]), (&json!("course"), &json!("Welcome to Acme")));
    assert_eq!(api.get("/paths/1").await.0, 200);
    assert_eq!(api.get("/paths/0").await.0, 404);
    assert_eq!(api.get("/lessons/99").await.0, 404);
    assert_eq!(api.get("/tags").await.1["type"], "tags");
    assert_eq!(api.call("POST", "/courses", json!({ "title": "x" })).await.0, 405);
}

#[tokio::test]
async fn forms_and_empty_bodies_are_read_too() {
    let config = Config { options: options(), declared_fields: vec!["Team".to_owned()], ..Config::default() };
    let api = Api::with(config);
    let (a, b) = (api.group("A").await, api.group("B").await);
    let form = "application/x-www-form-urlencoded";
    let text = format!(
        "name=Zo%C3%AB+Doe&email=zoe%40example.com&ext_uid=0042&group_ids[]={a}&group_ids%5B%5D={b}\
         &custom_user_fields[][name]=Team&custom_user_fields[][value]=7\
         &custom_user_fields[][name]=Other&custom_user_fields[][value]=8&notify=true"
    );
    let (status, body) = api.send("POST", "/api/v1/users", form, text.into_bytes()).await;
    let user: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(status.as_u16(), 201, "{user}");
    assert_eq!((&user["name"], &user["ext_uid"]), (&json!("Zoë Doe"), &json!("0042")));
    assert_eq!(user["group_ids"], json!([a, b]));
    assert_eq!(user["custom_user_field_data"][0]["value"], "7");
    let path = format!("/api/v1/users/{}", user["id"]);

    let (_, body) = api.send("PUT", &path, form, b"group_ids[]=".to_vec()).await;
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["group_ids"], json!([]));
    let (status, _) = api.send("PUT", &path, form, b"group_ids=1&group_ids[]=2".to_vec()).await;
    assert_eq!(status.as_u16(), 400);
    for (verb, kind) in [("archive", form), ("restore", ""), ("archive", "application/json")] {
        assert_eq!(api.send("PUT", &format!("{path}/{verb}"), kind, Vec::new()).await.0.as_u16(), 200);
    }
    assert_eq!(api.send("GET", &path, "application/json", b"{nonsense".to_vec()).await.0.as_u16(), 200);
}

#[tokio::test]
async fn over_the_limit_is_429() {
    let api = Api::with(Config { options: Options { limit: Limit::Default, ..options() }, ..Config::default() });
    for _ in 0..50 {
        assert_eq!(api.get("/ping").await.0, 200);
    }
    assert_eq!(api.get("/ping").await, (429, json!({ "error": "Too Many Requests" })));
    // Refilled evenly: 500 a minute is 25 in three seconds.
    api.sandbox.clock().set(now() + SignedDuration::from_secs(3));
    let mut allowed = 0;
    while api.get("/ping").await.0 == 200 {
        allowed += 1;
    }
    assert_eq!(allowed, 25);
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
    let begun = std::time::Instant::now();
    for n in 0..10_000 {
        api.user("Some Body", &format!("n{n}@example.com")).await;
    }
    assert_eq!(ids(&api.get("/users?page=200").await.1["users"]).len(), 50);
    assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{:?}", begun.elapsed());
}

//! Bodies as clients send them: forms, nothing at all, the wrong type, text for numbers.

use serde_json::{Value, json};

use crate::api::Api;
use crate::ids;

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn forms_of_every_client_are_read() {
    let api = Api::vendor();
    let (a, b) = (api.group("A").await, api.group("B").await);
    let fields = [("Team", "North"), ("Shift", "2")];
    for (n, form) in [
        // Ruby, PHP, and a list of pairs.
        "custom_user_fields[][name]=Team&custom_user_fields[][value]=North&custom_user_fields[][name]=Shift&custom_user_fields[][value]=2",
        "custom_user_fields%5B0%5D%5Bname%5D=Team&custom_user_fields%5B0%5D%5Bvalue%5D=North&custom_user_fields%5B1%5D%5Bname%5D=Shift&custom_user_fields%5B1%5D%5Bvalue%5D=2",
        "custom_user_fields[Team]=North&custom_user_fields[Shift]=2",
    ]
    .into_iter()
    .enumerate()
    {
        let body = format!("name=Zo%C3%AB+O%27Neil&email=n{n}%2Bx%40example.com&ext_uid=0042&hire_date=2025-01-31&role=&notify=false&{form}");
        let kind = [FORM, "application/x-www-form-urlencoded; charset=UTF-8", "application/json"][n];
        let (status, user) = api.raw("POST", "/api/v1/users", kind, body).await;
        assert_eq!((status, &user["name"], &user["ext_uid"]), (201, &json!("Zoë O'Neil"), &json!("0042")), "{user}");
        assert_eq!((&user["email"], &user["role"]), (&json!(format!("n{n}+x@example.com")), &json!("learner")));
        for (name, value) in fields {
            let data = user["custom_user_field_data"].as_array().unwrap();
            assert!(data.iter().any(|field| field["name"] == name && field["value"] == value), "{form}");
        }
    }
    let memberships = format!("memberships[0][id]={a}&memberships[1][id]={b}&managing[][id]={a}");
    let (status, groups) = api.raw("PUT", "/api/v1/users/101/groups", FORM, memberships).await;
    assert_eq!((status, ids(&groups["memberships"]), ids(&groups["managing"])), (200, vec![b, a], vec![a]));
    let (_, groups) =
        api.raw("PUT", "/api/v1/users/101/groups", FORM, format!("memberships[][id]={a}&memberships[][remove]=true")).await;
    assert_eq!(ids(&groups["memberships"]), [b]);
    let assignments =
        "assignments[][assignable_id]=1&assignments[][assignable_type]=LearningPaths::Path&assignments[][due_by]=2026-01-01";
    let (status, made) = api.raw("POST", "/api/v1/users/101/assignments", FORM, assignments).await;
    assert_eq!((status, &made["assignments"][0]["due_by"]), (201, &json!("2026-01-01T00:00:00Z")));
    assert_eq!(api.raw("PUT", "/api/v1/users/101", FORM, "name=a&name[]=b").await.0, 400);
    assert_eq!(api.raw("PUT", "/api/v1/users/101", FORM, b"name=\xff".to_vec()).await.0, 400);
}

#[tokio::test]
async fn an_empty_body_archives_and_restores_whatever_its_type() {
    let api = Api::vendor();
    let id = api.user("Jane Doe", "jane@example.com").await;
    for kind in ["", FORM, "application/json", "application/json; charset=utf-8", "text/plain", "multipart/form-data; boundary=x"] {
        for (body, verb) in
            [("", "archive"), ("", "restore"), ("{}", "archive"), ("null", "restore"), ("\"\"", "archive"), (" \n", "restore")]
        {
            let (status, user) = api.raw("PUT", &format!("/api/v1/users/{id}/{verb}"), kind, body).await;
            assert_eq!((status, user["archived_at"].is_null()), (200, verb == "restore"), "{kind} {body:?}");
        }
        assert_eq!(api.raw("PUT", &format!("/api/v1/users/{id}"), kind, "").await.0, 200, "nothing to change");
        assert_eq!(api.raw("POST", "/api/v1/users", kind, "").await.0, 400, "name and email are missing");
    }
}

#[tokio::test]
async fn a_body_on_get_or_delete_is_ignored() {
    let api = Api::vendor();
    let id = api.user("Jane Doe", "jane@example.com").await;
    for (kind, body) in [("application/json", "{nonsense"), ("application/json", "\"\""), (FORM, "a[b=1"), ("application/json", "[]")] {
        assert_eq!(api.raw("GET", "/api/v1/users", kind, body).await.0, 200);
        assert_eq!(api.raw("GET", &format!("/api/v1/users/{id}/assignments"), kind, body).await.0, 200);
    }
    assert_eq!(api.raw("DELETE", &format!("/api/v1/users/{id}"), "application/json", "{nonsense").await.0, 200);
}

#[tokio::test]
async fn json_is_json_whatever_its_type_says() {
    let api = Api::vendor();
    let body = |n: usize| format!("{{\"name\":\"Jane = Doe\",\"email\":\"n{n}@example.com\"}}").replace(" =", "");
    for (n, kind) in ["application/json", "application/json; charset=UTF-8", "APPLICATION/JSON", "text/plain", FORM, "", "text/json"]
        .iter()
        .enumerate()
    {
        assert_eq!(api.raw("POST", "/api/v1/users", kind, body(n)).await.0, 201, "{kind}");
    }
    let with_mark = [b"\xef\xbb\xbf  \n".to_vec(), body(50).into_bytes()].concat();
    assert_eq!(api.raw("POST", "/api/v1/users", "application/json", with_mark).await.0, 201);
    for body in ["{\"name\":", "[1]", "\"x\"", "nul", "{\"name\":\"a=b\",}", "\u{feff}["] {
        let (status, answer) = api.raw("POST", "/api/v1/users", "application/json", body).await;
        assert_eq!((status, answer["error"].is_string()), (400, true), "{body}");
    }
}

#[tokio::test]
async fn numbers_and_truths_may_be_text_and_codes_may_be_numbers() {
    let api = Api::vendor();
    let group = api.group("Sales").await;
    for notify in [json!(true), json!("false"), Value::Null] {
        let email = format!("n{}@example.com", api.get("/users").await.1["total_users"]);
        let sent = json!({ "name": "Jane", "email": email, "role_id": "2", "notify": notify, "ext_uid": 4711, "department": 12, "unknown": {} });
        let (status, user) = api.call("POST", "/users", sent).await;
        assert_eq!((status, &user["role"]), (201, &json!("manager")), "{user}");
        assert_eq!((&user["ext_uid"], &user["department"]), (&json!("4711"), &json!("12")));
    }
    let (status, changed) = api.call("PUT", &format!("/groups/{group}"), json!({ "members": [{ "id": "101" }] })).await;
    assert_eq!((status, ids(&changed["members"])), (200, vec![101]));
    let wrong = [
        json!({ "name": 7 }),
        json!({ "email": 7 }),
        json!({ "notify": "perhaps" }),
        json!({ "role": "owner" }),
        json!({ "role_id": 99 }),
    ];
    for wrong in wrong {
        assert_eq!(api.call("PUT", "/users/101", wrong.clone()).await.0, 400, "{wrong}");
    }
    for id in ["101abc", "1e2", "-1", " 101", "jane@example.com", "99999999999999999999999"] {
        assert_eq!(api.get(&format!("/users/{}", id.replace(' ', "%20"))).await.0, 404, "{id}");
        let body = json!({ "assignments": [{ "assignee_id": id }] });
        assert_eq!(api.call("PUT", "/lessons/1/assignments", body).await.0, 400, "{id}");
    }
}

//! Log-in, paths, verbs, formats and pace, as the guide has them.

use jiff::SignedDuration;
use sandbox::lessonly::Config;
use sandbox::{Limit, Options};
use serde_json::{Value, json};

use crate::api::{Api, basic, options};
use crate::now;

#[tokio::test]
async fn wrong_credentials_are_a_401_without_a_word_why() {
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
        let body: Value = serde_json::from_slice(&body).expect("clients read it before they look at the status");
        assert_eq!((status.as_u16(), body), (401, json!({ "error": "Unauthorized" })), "{:?}", api.authorization);
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

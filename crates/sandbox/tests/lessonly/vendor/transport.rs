//! Log-in, paths, verbs, formats and pace.

use axum::body::Body;
use axum::http::{Request, Response};
use jiff::SignedDuration;
use sandbox::lessonly::{Config, Sandbox, VENDOR};
use sandbox::{Limit, Options};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::api::{Api, basic, options};
use crate::now;

async fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let sandbox = Sandbox::open(Config { options: options(), profile: &VENDOR, ..Config::default() }).unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    sandbox.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn wrong_credentials_are_401_with_no_word_why() {
    let mut api = Api::vendor();
    for (header, status) in [
        (Some(basic("acme:lessonly-sandbox-key")), 200),
        (Some(basic("acme:lessonly-sandbox-key").replace("Basic", "basic")), 200),
        (None, 401),
        (Some("Bearer lessonly-sandbox-key".to_owned()), 401),
        (Some(basic("acme:lessonly-sandbox-key").replace("Basic", "Bearer")), 401),
        (Some(basic("lessonly-sandbox-key:acme")), 401),
        (Some(basic("acme:lessonly-sandbox-key:")), 401),
        (Some(basic("acme:")), 401),
    ] {
        api.authorization = header;
        for path in ["/api/v1/users", "/api/v1.1/users", "/api/v1/ping"] {
            let (code, body) = api.send("GET", path, "", Vec::new()).await;
            assert_eq!(
                (code.as_u16(), body == br#"{"error":"Unauthorized"}"#),
                (status, status == 401),
                "{:?} {path}",
                api.authorization
            );
        }
    }
    // Clients that send nothing until they are asked for it.
    let answer = ask("GET", "/api/v1/ping", &[]).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["www-authenticate"].to_str().unwrap()),
        (401, "Basic realm=\"Application\"")
    );
}

#[tokio::test]
async fn without_the_version_it_is_404_and_slashes_too_many_do_no_harm() {
    let api = Api::vendor();
    for path in ["/users", "/", "/api/users", "/api/v2/users", "/api/v1", "/api/v1/", "/api/v1.1", "/api/v1.2/users", "/api/v1/nothing"]
    {
        let (status, body) = api.raw("GET", path, "", "").await;
        assert_eq!((status, body["error"].is_string()), (404, true), "{path}");
    }
    for path in ["/api/v1/users/", "/api/v1//users", "//api/v1/users?page=1", "/api/v1/users//?page=1"] {
        assert_eq!(api.raw("GET", path, "", "").await, api.get("/users").await, "{path}");
    }
    assert_eq!(api.raw("GET", "//api/v1.1//users/", "", "").await, api.richer("/users").await);
    let (status, made) = api.raw("POST", "/api/v1/users/", "", "name=Jane&email=jane@example.com").await;
    assert_eq!((status, &made["type"]), (201, &json!("create_user")));
}

#[tokio::test]
async fn every_v1_route_is_in_v1_1_too() {
    let api = Api::vendor();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let group = api.group("Sales").await;
    for (method, path, status) in [
        ("GET", "/users".to_owned(), 200),
        ("GET", format!("/users/{id}"), 200),
        ("PUT", format!("/users/{id}"), 200),
        ("PUT", format!("/users/{id}/archive"), 200),
        ("PUT", format!("/users/{id}/restore"), 200),
        ("GET", format!("/users/{id}/groups"), 200),
        ("PUT", format!("/users/{id}/groups"), 200),
        ("GET", format!("/users/{id}/assignments"), 200),
        ("POST", format!("/users/{id}/assignments"), 201),
        ("GET", "/groups".to_owned(), 200),
        ("GET", format!("/groups/{group}"), 200),
        ("PUT", format!("/groups/{group}"), 200),
        ("PUT", format!("/groups/{group}/archive"), 200),
        ("PUT", format!("/groups/{group}/restore"), 200),
        ("GET", format!("/groups/{group}/assignments"), 200),
        ("GET", "/assignments".to_owned(), 200),
        ("GET", "/assignments/overdue".to_owned(), 200),
        ("GET", "/lessons/1/assignments".to_owned(), 200),
        ("PUT", "/paths/1/assignments".to_owned(), 200),
        ("POST", "/courses/1/assignments".to_owned(), 201),
        ("GET", "/tags".to_owned(), 200),
        ("GET", "/ping".to_owned(), 200),
        ("PUT", "/company_settings".to_owned(), 200),
    ] {
        let body = if path.ends_with("assignments") { "{\"assignments\":[]}" } else { "{}" };
        for version in ["v1", "v1.1"] {
            let (code, answer) = api.raw(method, &format!("/api/{version}{path}"), "application/json", body).await;
            assert_eq!(code, status, "{method} /{version}{path}: {answer}");
        }
    }
    assert_eq!(api.raw("DELETE", &format!("/api/v1.1/users/{id}"), "", "").await.0, 200);
}

#[tokio::test]
async fn a_wrong_verb_is_405_and_head_is_get_without_its_body() {
    let api = Api::vendor();
    let id = api.user("Jane Doe", "jane@example.com").await;
    for (method, path) in [
        ("PATCH", format!("/users/{id}")),
        ("POST", format!("/users/{id}")),
        ("DELETE", "/users".to_owned()),
        ("POST", format!("/users/{id}/archive")),
        ("GET", format!("/users/{id}/archive")),
        ("DELETE", "/groups/1".to_owned()),
        ("DELETE", "/lessons/1".to_owned()),
        ("GET", "/company_settings".to_owned()),
        ("OPTIONS", "/users".to_owned()),
    ] {
        let (status, body) = api.call(method, &path, json!({})).await;
        assert_eq!((status, body["error"].is_string()), (405, true), "{method} {path}");
    }
    let key = basic("acme:lessonly-sandbox-key");
    let answer = ask("HEAD", "/api/v1/users?page=1", &[("AUTHORIZATION", &key), ("aCCept", "application/json; charset=utf-8")]).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (200, "application/json; charset=utf-8")
    );
    let length: usize = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert!(length > 300, "as long as the body would be");
    assert!(axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap().is_empty());
    let answer = ask("HEAD", "/api/v1/users/1/archive", &[("authorization", &key)]).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (405, "PUT"));
}

#[tokio::test]
async fn an_accept_without_json_is_406() {
    let key = basic("acme:lessonly-sandbox-key");
    for (accept, status) in [
        (&["application/json, text/plain, */*"][..], 200),
        (&["text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"], 200),
        (&["text/html", "application/json"], 200),
        (&["*/*"], 200),
        (&["application/xml"], 406),
        (&["text/html", "text/csv"], 406),
        (&["application/json;q=0, */*;q=0"], 406),
    ] {
        let mut headers = vec![("authorization", key.as_str())];
        headers.extend(accept.iter().map(|accept| ("accept", *accept)));
        let answer = ask("GET", "/api/v1/users", &headers).await;
        assert_eq!(answer.status().as_u16(), status, "{accept:?}");
        if status == 406 {
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            assert!(serde_json::from_slice::<Value>(&body).unwrap()["error"].is_string());
        }
    }
}

#[tokio::test]
async fn too_fast_is_403_in_these_words() {
    let api = Api::vendor_with(Options { limit: Limit::Default, ..options() });
    for _ in 0..50 {
        assert_eq!(api.get("/ping").await.0, 200);
    }
    assert_eq!(api.get("/ping").await, (403, json!({ "error": "Forbidden (Rate Limit Exceeded)" })));
    api.sandbox.clock().set(now() + SignedDuration::from_secs(3));
    let mut allowed = 0;
    while api.get("/ping").await.0 == 200 {
        allowed += 1;
    }
    assert_eq!(allowed, 25, "500 a minute");
    api.sandbox.clock().set(now() + SignedDuration::from_secs(10));
    assert_eq!(
        api.call("PUT", "/groups/1", json!({})).await,
        (403, json!({ "error": "Group::Everyone cannot be changed" })),
        "another 403"
    );
}

#[tokio::test]
async fn the_callback_is_accepted_and_kept() {
    let api = Api::vendor();
    let path = "/company_settings";
    let (url, key) = ("lesson_completed_callback_url", "lesson_completed_callback_authorization");
    let both = json!({ url: "https://hooks.example.com/x", key: "Token 1" });
    assert_eq!(api.call("PUT", path, both.clone()).await, (200, both.clone()));
    assert_eq!(api.call("PUT", path, json!({})).await, (200, both), "what is absent stays");
    let (_, form) = api.raw("PUT", "/api/v1/company_settings", "", format!("{url}=http://127.0.0.1:9/y&{key}=")).await;
    assert_eq!(form, json!({ url: "http://127.0.0.1:9/y", key: null }));
    for wrong in [json!({ url: "ftp://x" }), json!({ url: "hooks.example.com" }), json!({ url: 7 }), json!({ key: [] })] {
        assert_eq!(api.call("PUT", path, wrong).await.0, 400);
    }
    assert_eq!(api.sandbox.settings(), json!({ url: "http://127.0.0.1:9/y", "authorizations_set": 2 }));
    assert_eq!(Api::new().call("PUT", path, json!({})).await.0, 404, "the guide knows none");
}

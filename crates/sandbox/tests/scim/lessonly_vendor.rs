//! Lessonly's endpoint in the vendor's reading, contract section 6: the engine as it really answers.

use sandbox::lessonly::{Config, Sandbox, Scim, VENDOR};
use sandbox::{Limit, Options};
use serde_json::{Value, json};

use crate::client::{Client, basic, lines, options, user};

fn open(options: Options) -> (Sandbox, Client) {
    let elsewhere = vec!["else@other.example".to_owned()];
    let config = Config { options, profile: &VENDOR, scim: Scim::default().available(), elsewhere, ..Config::default() };
    let sandbox = Sandbox::open(config).expect("a sandbox that opens");
    let scim = Client::new(sandbox.router(), "Bearer lessonly-sandbox-scim-key");
    (sandbox, scim)
}

fn ada(more: Value) -> Value {
    let mut body = user("login", json!({"emails": [{"value": "ada@x.y"}]}));
    for (member, value) in more.as_object().expect("members") {
        body[member] = value.clone();
    }
    body
}

#[tokio::test]
async fn ids_are_integers_there_is_no_meta_and_the_email_is_not_the_user_name() {
    let (_, scim) = open(options());
    let made = scim.post("/Users", ada(json!({}))).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.headers["content-type"], "application/scim+json");
    assert!(made.body["id"].is_u64() && made.body.get("meta").is_none(), "{}", made.body);
    assert_eq!((&made.body["userName"], &made.body["emails"]), (&json!("ada@x.y"), &json!([{"value": "ada@x.y"}])));
    assert_eq!(made.body["name"], json!({"givenName": "Ada", "familyName": "King"}));
    let shown = scim.get(&format!("/Users/{}", made.body["id"])).await;
    assert_eq!((shown.status, shown.body), (200, made.body));
    // A user name that is an address is no e-mail.
    scim.post("/Users", user("only@x.y", json!({}))).await.refused(422, "");
    scim.post("/Users", json!({"emails": [{"value": "b@x.y"}]})).await.refused(422, "");
    scim.post("/Users", ada(json!({"emails": [{"value": "no address"}]}))).await.refused(422, "");
}

#[tokio::test]
async fn everything_but_users_is_404() {
    let (_, scim) = open(options());
    let id = scim.post("/Users", ada(json!({}))).await.body["id"].clone();
    for (method, path) in [
        ("DELETE", format!("/Users/{id}")),
        ("GET", "/Groups".to_owned()),
        ("POST", "/Groups".to_owned()),
        ("GET", "/ServiceProviderConfig".to_owned()),
        ("GET", "/ResourceTypes".to_owned()),
        ("GET", "/Schemas".to_owned()),
        ("PUT", "/Users".to_owned()),
        ("POST", "/Users/.search".to_owned()),
        ("GET", "/Users/99999".to_owned()),
        ("GET", "/Users/ada@x.y".to_owned()),
        ("GET", String::new()),
    ] {
        scim.send(method, &path, Value::Null).await.refused(404, "");
    }
}

#[tokio::test]
async fn posting_an_email_of_the_company_updates_its_user_even_an_archived_one() {
    let (sandbox, scim) = open(options());
    let id = scim.post("/Users", ada(json!({}))).await.body["id"].as_u64().expect("a number");
    sandbox.archive_user(id).expect("archived");
    let renamed = ada(json!({"emails": [{"value": "ADA@x.y"}], "name": {"givenName": "Augusta", "familyName": "Byron"}}));
    let again = scim.post("/Users", renamed).await;
    assert_eq!((again.status, again.body["id"].as_u64()), (201, Some(id)));
    assert_eq!((&again.body["name"]["givenName"], &again.body["active"]), (&json!("Augusta"), &json!(false)));
    // The re-provisioning trap (L14).
    let revived = scim.post("/Users", ada(json!({"active": true}))).await;
    assert_eq!((revived.status, &revived.body["active"]), (201, &json!(true)));
    assert!(sandbox.users().iter().any(|user| user["id"] == id && user["archived_at"].is_null()));
    // Another company's.
    scim.post("/Users", ada(json!({"emails": [{"value": "Else@other.example"}]}))).await.refused(409, "uniqueness");
    let other = scim.post("/Users", ada(json!({"emails": [{"value": "b@x.y"}]}))).await.body["id"].clone();
    scim.put(&format!("/Users/{other}"), ada(json!({}))).await.refused(409, "uniqueness");
}

#[tokio::test]
async fn patch_changes_status_in_value_form_only() {
    let (sandbox, scim) = open(options());
    let id = scim.post("/Users", ada(json!({}))).await.body["id"].clone();
    let path = format!("/Users/{id}");
    sandbox.assign(id.as_u64().expect("a number"), "Lesson", 1).expect("an assignment");
    for wrong in [
        json!({"op": "replace", "path": "active", "value": false}),
        json!({"op": "Replace", "path": "active", "value": "False"}),
        json!({"op": "replace", "value": {"active": "false"}}),
        json!({"op": "replace", "value": {"title": "T"}}),
        json!({"op": "add", "value": {"active": false}}),
        json!({"op": "remove", "path": "title"}),
    ] {
        scim.patch(&path, json!([wrong])).await.refused(422, "");
    }
    scim.send("PATCH", &path, json!({})).await.refused(422, "");
    assert_eq!(scim.get(&path).await.body["active"], true, "nothing was changed");
    let answer = scim.patch(&path, json!([{"op": "replace", "value": {"active": false, "title": "T"}}])).await;
    assert_eq!((answer.status, &answer.body["active"]), (200, &json!(false)));
    assert!(sandbox.assignments().iter().all(|one| one["ended_at"].is_string()));
    assert_eq!(scim.patch(&path, json!([{"op": "replace", "value": {"active": true}}])).await.body["active"], true);
    scim.patch("/Users/9999", json!([{"op": "replace", "value": {"active": true}}])).await.refused(404, "");
}

#[tokio::test]
async fn put_replaces_name_email_and_status() {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, ledger) = (dir.path().join("data"), dir.path().join("ledger"));
    let files = || Options { data: Some(data.clone()), ledger: Some(ledger.clone()), ..options() };
    let (sandbox, scim) = open(files());
    let id = scim.post("/Users", ada(json!({}))).await.body["id"].clone();
    let path = format!("/Users/{id}");
    let name = json!({"givenName": "Mary Jane", "familyName": "Smith"});
    let put = scim.put(&path, ada(json!({"emails": [{"value": "new@x.y"}], "name": name, "active": false}))).await;
    assert_eq!((put.status, &put.body["name"], &put.body["active"]), (200, &name, &json!(false)));
    scim.put(&path, ada(json!({"active": "perhaps"}))).await.refused(422, "");
    scim.put(&path, json!({"name": name})).await.refused(422, "");
    let said = lines(&ledger);
    assert_eq!(said.len(), 2);
    let after = &said[1].after;
    assert_eq!((&after["email"], &after["name"], said[1].method.as_str()), (&json!("new@x.y"), &json!("Mary Jane Smith"), "PUT"));
    assert!(after["archived_at"].is_string() && after["archived_by_user_id"].is_null());
    drop((sandbox, scim));
    let (_, again) = open(files());
    assert_eq!(again.get(&path).await.body, put.body);
    let authorization = basic("acme:lessonly-sandbox-key");
    let rest = again.raw("GET", &format!("/api/v1/users/{id}"), &[("authorization", &authorization)], Value::Null).await;
    assert_eq!(rest.body["name"], "Mary Jane Smith");
}

#[tokio::test]
async fn put_takes_forms_of_active_that_patch_refuses() {
    let (_sandbox, scim) = open(options());
    let path = format!("/Users/{}", scim.post("/Users", ada(json!({}))).await.body["id"]);
    for (said, active) in [(json!("false"), false), (json!("true"), true), (json!(0), false), (json!(1), true)] {
        let put = scim.put(&path, ada(json!({"active": said}))).await;
        assert_eq!((put.status, &put.body["active"]), (200, &json!(active)), "{said}");
    }
}

#[tokio::test]
async fn one_comparison_filters_and_archived_users_are_found() {
    let (sandbox, scim) = open(options());
    let id = scim.post("/Users", ada(json!({}))).await.body["id"].as_u64().expect("a number");
    sandbox.archive_user(id).expect("archived");
    for filter in
        ["userName eq \"ADA@x.y\"", "email eq \"ada@x.y\"", "givenName eq \"ada\"", "familyName eq \"King\"", "email eq ada@x.y"]
    {
        let found = scim.filter(filter).await;
        assert_eq!((found.status, &found.body["totalResults"]), (200, &json!(1)), "{filter}");
        assert_eq!(found.body["Resources"][0]["active"], false);
    }
    assert_eq!(scim.filter("email eq \"nobody@x.y\"").await.body["Resources"], json!([]));
    for wrong in [
        "userName co \"ada\"",
        "userName eq \"a\" and active eq true",
        "externalId eq \"a\"",
        "emails.value eq \"ada@x.y\"",
        "active eq true",
        "userName pr",
        "userName eq",
        "not (userName eq \"a\")",
        "",
    ] {
        scim.filter(wrong).await.refused(400, "invalidFilter");
    }
}

#[tokio::test]
async fn a_page_has_a_hundred_by_id_and_the_limit_is_403() {
    let (_, scim) = open(Options { people: Some(150), ..options() });
    let first = scim.get("/Users").await.body;
    let ids = |body: &Value| {
        body["Resources"].as_array().expect("a list").iter().map(|one| one["id"].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!((ids(&first).len(), &first["totalResults"], &first["startIndex"]), (100, &json!(151), &json!(1)));
    assert!(ids(&first).is_sorted());
    let rest = scim.get("/Users?startIndex=101&count=500").await.body;
    assert_eq!((ids(&rest).len(), &rest["itemsPerPage"]), (51, &json!(51)));
    assert!(ids(&rest)[0] > ids(&first)[99]);
    let (_, few) = open(Options { limit: Limit::PerPeriod(10), ..options() });
    assert_eq!(few.get("/Users").await.status, 200);
    few.get("/Users").await.refused(403, "");
}

#[tokio::test]
async fn preconditions_and_key_hold_here_too() {
    let sandbox = Sandbox::open(Config { options: options(), profile: &VENDOR, ..Config::default() }).expect("a sandbox that opens");
    let answer = Client::new(sandbox.router(), &basic("acme:lessonly-sandbox-scim-key")).get("/Users").await;
    let detail = answer.refused(403, "").body["detail"].as_str().expect("a detail");
    assert!(detail.contains("Enterprise") && detail.contains("SAML SSO"), "{detail}");
    Client::new(sandbox.router(), "Bearer lessonly-sandbox-key").get("/Users").await.refused(401, "");
}

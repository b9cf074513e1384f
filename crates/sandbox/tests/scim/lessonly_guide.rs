//! Lessonly's endpoint in the guide's reading, contract section 6: a server as the RFCs have it.

use sandbox::lessonly::{Config, Sandbox, Scim};
use sandbox::{Limit, Options};
use serde_json::{Value, json};

use crate::client::{Client, ENTERPRISE, basic, lines, options, user};

const BEARER: &str = "Bearer lessonly-sandbox-scim-key";

fn with(options: Options) -> Config {
    Config { options, scim: Scim::default().available(), ..Config::default() }
}

struct Company {
    sandbox: Sandbox,
    scim: Client,
}

fn open(config: Config) -> Company {
    let sandbox = Sandbox::open(config).expect("a sandbox that opens");
    let scim = Client::new(sandbox.router(), BEARER);
    Company { sandbox, scim }
}

impl Company {
    async fn rest(&self, method: &str, path: &str, body: Value) -> Value {
        let authorization = basic("acme:lessonly-sandbox-key");
        self.scim.raw(method, &format!("/api/v1{path}"), &[("authorization", &authorization)], body).await.body
    }
}

#[tokio::test]
async fn what_is_missing_is_said_and_the_key_is_scims_own() {
    for (scim, there, missing) in [
        (Scim { enterprise: true, ..Scim::default() }, "Enterprise", "SAML SSO"),
        (Scim { sso: true, ..Scim::default() }, "SAML SSO", "Enterprise"),
    ] {
        let company = open(Config { scim, ..with(options()) });
        let answer = company.scim.get("/Users").await;
        let detail = answer.refused(403, "").body["detail"].as_str().expect("a detail");
        assert!(detail.contains(missing) && !detail.contains(there), "{detail}");
    }
    let company = open(with(options()));
    for right in [BEARER.to_owned(), basic("acme:lessonly-sandbox-scim-key")] {
        assert_eq!(Client::new(company.sandbox.router(), &right).get("/Users").await.status, 200, "{right}");
    }
    for wrong in [basic("acme:lessonly-sandbox-key"), basic("other:lessonly-sandbox-scim-key"), "Bearer lessonly-sandbox-key".into()] {
        Client::new(company.sandbox.router(), &wrong).get("/Users").await.refused(401, "");
    }
    let rest =
        company.scim.raw("GET", "/api/v1/users", &[("authorization", &basic("acme:lessonly-sandbox-scim-key"))], Value::Null).await;
    assert_eq!(rest.status, 401, "the SCIM key opens no REST");
    let same = Scim { key: "lessonly-sandbox-key".into(), ..Scim::default() };
    assert!(Sandbox::open(Config { scim: same, ..with(options()) }).is_err());
}

#[tokio::test]
async fn the_same_account_stands_behind_both_doors() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = || Options { data: Some(dir.path().join("data")), ledger: Some(dir.path().join("ledger")), ..options() };
    let company = open(with(files()));
    let body = user(
        "adak",
        json!({
            "externalId": "E-1", "title": "Analyst", "locale": "en", "nickName": "Countess",
            "emails": [{"value": "ada@x.y", "type": "work", "primary": true}, {"value": "home@x.y", "type": "home"}],
            "phoneNumbers": [{"type": "mobile", "value": "555-1"}],
            ENTERPRISE: {"department": "Sales", "division": "North", "costCenter": "C-9"},
        }),
    );
    let made = company.scim.post("/Users", body).await;
    let id = made.id();
    assert_eq!(made.headers["location"], format!("http://scim.test/scim/v2/Users/{id}"));
    let seen = company.rest("GET", &format!("/users/{id}"), Value::Null).await;
    for (member, value) in [
        ("email", "ada@x.y"),
        ("name", "Ada King"),
        ("ext_uid", "E-1"),
        ("job_title", "Analyst"),
        ("locale", "en"),
        ("department", "Sales"),
        ("business_unit", "North"),
        ("role", "learner"),
    ] {
        assert_eq!(seen[member], value, "{member}: {seen}");
    }
    let line = &lines(&dir.path().join("ledger"))[0];
    assert_eq!((line.object.clone(), &line.after["email"], &line.before), (format!("user/{id}"), &json!("ada@x.y"), &Value::Null));
    assert_eq!(line.after["mobile_phone_number"], "555-1");
    // What REST changes shows here, and what only SCIM says stays.
    company.rest("PUT", &format!("/users/{id}"), json!({"name": "Augusta Ada King", "email": "new@x.y", "department": "Ops"})).await;
    let shown = company.scim.get(&format!("/Users/{id}")).await.body;
    assert_eq!((&shown["userName"], &shown["nickName"]), (&json!("adak"), &json!("Countess")));
    assert_eq!(shown["name"], json!({"givenName": "Augusta", "familyName": "Ada King"}));
    assert_eq!((&shown["emails"][0]["value"], &shown["emails"][1]["value"]), (&json!("new@x.y"), &json!("home@x.y")));
    assert_eq!((&shown[ENTERPRISE]["department"], &shown[ENTERPRISE]["costCenter"]), (&json!("Ops"), &json!("C-9")));
    drop(company);
    let again = open(with(files()));
    assert_eq!(again.scim.get(&format!("/Users/{id}")).await.body, shown);
    assert_eq!(again.scim.filter("userName eq \"ADAK\"").await.body["totalResults"], 1);
}

#[tokio::test]
async fn create_put_patch_list_and_get_and_no_more() {
    let company = open(with(Options { people: Some(3), ..options() }));
    let scim = &company.scim;
    let id = scim.post("/Users", user("ada@x.y", json!({}))).await.id();
    let path = format!("/Users/{id}");
    assert_eq!(scim.get(&path).await.body["emails"][0]["value"], "ada@x.y", "the user name is the e-mail where none is given");
    scim.post("/Users", user("ADA@x.y", json!({}))).await.refused(409, "uniqueness");
    scim.post("/Users", user("other", json!({"emails": [{"value": "ada@x.y"}]}))).await.refused(409, "uniqueness");
    scim.post("/Users", user("no-mail", json!({}))).await.refused(400, "invalidValue");
    scim.post("/Users", user("b@x.y", json!({"name": {}}))).await.refused(400, "invalidValue");
    scim.post("/Users", user("b@x.y", json!({"name": {"givenName": "A(b)", "familyName": "C"}}))).await.refused(400, "invalidValue");
    let put = scim.put(&path, user("ada@x.y", json!({"title": "T"}))).await;
    assert_eq!((put.status, &put.body["title"], &put.body["active"]), (200, &json!("T"), &json!(true)));
    for operation in [json!({"op": "replace", "path": "active", "value": false}), json!({"op": "replace", "value": {"active": false}})]
    {
        let answer = scim.patch(&path, json!([operation])).await;
        assert_eq!((answer.status, &answer.body["active"]), (200, &json!(false)), "both forms are taken");
        assert!(company.rest("GET", &format!("/users/{id}"), Value::Null).await["archived_at"].is_string());
        // L14: who is active there is active here again.
        assert_eq!(scim.put(&path, user("ada@x.y", json!({"active": true}))).await.body["active"], true);
        assert!(company.rest("GET", &format!("/users/{id}"), Value::Null).await["archived_at"].is_null());
    }
    scim.send("DELETE", &path, Value::Null).await.refused(405, "");
    scim.get("/Groups").await.refused(404, "");
    assert_eq!(scim.get("/Users?count=2").await.body["totalResults"], 5);
    assert_eq!(scim.filter("emails.value eq \"ada@x.y\" and active eq true").await.names(), ["ada@x.y"]);
    for (path, total) in [("/ResourceTypes", 1), ("/Schemas", 5)] {
        assert_eq!(scim.get(path).await.body["totalResults"], total, "{path}");
    }
    assert_eq!(scim.get("/ServiceProviderConfig").await.body["authenticationSchemes"].as_array().map(Vec::len), Some(2));
    scim.get("/Users/9999").await.refused(404, "");
}

#[tokio::test]
async fn archiving_ends_what_was_assigned_and_the_limit_is_rests() {
    let company = open(with(options()));
    let id = company.scim.post("/Users", user("ada@x.y", json!({}))).await.id();
    company.sandbox.assign(id.parse().expect("a number"), "Lesson", 1).expect("an assignment");
    company.scim.patch(&format!("/Users/{id}"), json!([{"op": "replace", "value": {"active": false}}])).await;
    assert!(company.sandbox.assignments().iter().all(|one| one["ended_at"].is_string()));
    let few = open(with(Options { limit: Limit::PerPeriod(10), ..options() }));
    assert_eq!(few.scim.get("/Users").await.status, 200);
    few.scim.get("/Users").await.refused(429, "");
}

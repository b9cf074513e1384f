//! Absorb's endpoint, contract section 7, in both profiles.

use sandbox::absorb::{Config, PROFILES, Profile, Sandbox, Scim};
use sandbox::{Faults, Limit, Options};
use serde_json::{Value, json};

use crate::client::{Client, ENTERPRISE, GROUP, lines, options, user};

const BEARER: &str = "Bearer absorb-sandbox-scim-token";

fn with(profile: &'static Profile, options: Options) -> Config {
    Config { options, profile, scim: Scim::default().available(), ..Config::default() }
}

struct Portal {
    sandbox: Sandbox,
    scim: Client,
}

fn open(config: Config) -> Portal {
    let sandbox = Sandbox::open(config).expect("a sandbox that opens");
    let scim = Client::new(sandbox.router(), BEARER);
    Portal { sandbox, scim }
}

impl Portal {
    /// What REST shows of an account: the record of the ledger, which holds its members.
    fn account(&self, username: &str) -> Value {
        self.sandbox.users().into_iter().find(|user| user["username"] == username).unwrap_or_else(|| panic!("no {username}"))
    }

    /// What GET of REST answers.
    async fn rest(&self, profile: &Profile, path: &str) -> Value {
        let log_in = json!({"username": "api@acme.example", "password": "absorb-sandbox-password", "privateKey": "absorb-sandbox-key"});
        let key = ("x-api-key", "absorb-sandbox-key");
        let token = self.scim.raw("POST", &format!("/{}", profile.token.path), &[key], log_in).await.body;
        let token = token["token"].as_str().or(token.as_str()).expect("a token").to_owned();
        self.scim.raw("GET", path, &[key, ("authorization", &token)], Value::Null).await.body
    }
}

#[tokio::test]
async fn what_is_missing_is_said_and_the_token_is_scims_own() {
    for profile in PROFILES {
        let scim = Scim { sso: true, ..Scim::default() };
        let portal = open(Config { scim, ..with(profile, options()) });
        let answer = portal.scim.get("/Users").await;
        let detail = answer.refused(403, "").body["detail"].as_str().expect("a detail").to_owned();
        assert!(detail.contains("Enterprise") && detail.contains("New Learner Experience") && !detail.contains("SSO"), "{detail}");
        assert!(detail.contains("--enterprise") && detail.contains("--new-learner-experience"), "{detail}");
        for wrong in ["Bearer absorb-sandbox-key", "absorb-sandbox-scim-token", "Basic YTpi", "Bearer "] {
            let client = Client::new(portal.sandbox.router(), wrong);
            let answer = client.get("/ServiceProviderConfig").await;
            assert_eq!(answer.refused(401, "").headers["www-authenticate"], "Bearer realm=\"SCIM\"", "{wrong}");
        }
        let rest =
            portal.scim.raw("GET", "/users", &[("x-api-key", "absorb-sandbox-key"), ("authorization", BEARER)], Value::Null).await;
        assert_eq!(rest.status, 401, "the token of SCIM opens no REST");
    }
    assert!(Sandbox::open(Config { scim: Scim { token: "".into(), ..Scim::default() }, ..Config::default() }).is_err());
}

#[tokio::test]
async fn the_same_account_stands_behind_both_doors() {
    for profile in PROFILES {
        let portal = open(with(profile, Options { people: Some(30), ..options() }));
        let manager = portal.scim.post("/Users", user("boss@acme.example", json!({}))).await.id();
        let body = user(
            "ada@acme.example",
            json!({
                "externalId": "E-1", "title": "Analyst", "nickName": "Countess", "active": true, "password": "Secret-1!",
                "name": {"givenName": "Ada", "familyName": "King", "honorificPrefix": "Lady"},
                "emails": [{"value": "home@x.example", "type": "home"}, {"value": "ada@acme.example", "type": "work", "primary": true}],
                "phoneNumbers": [{"value": "555-1", "type": "mobile"}],
                "addresses": [{"type": "work", "streetAddress": "1 Road", "locality": "London", "postalCode": "N1", "country": "GB"}],
                ENTERPRISE: {"employeeNumber": "77", "department": "sales", "costCenter": "C-9", "manager": {"value": manager}},
            }),
        );
        let made = portal.scim.post("/Users", body).await;
        let id = made.id();
        assert_eq!(made.headers["location"], format!("http://scim.test/scim/v2/Users/{id}"));
        assert_eq!(made.body["meta"]["location"], format!("http://scim.test/scim/v2/Users/{id}"));
        assert_eq!(made.body["meta"]["created"], "2026-03-02T08:00:00Z");
        assert!(made.body.get("password").is_none());

        // REST shows all that it has a member for.
        let seen = portal.rest(profile, &format!("/users/{id}")).await;
        for (member, value) in [
            ("username", "ada@acme.example"),
            ("emailAddress", "ada@acme.example"),
            ("firstName", "Ada"),
            ("lastName", "King"),
            ("externalId", "E-1"),
            ("jobTitle", "Analyst"),
            ("employeeNumber", "77"),
            ("phone", "555-1"),
            ("address", "1 Road"),
            ("city", "London"),
            ("postalCode", "N1"),
            ("supervisorId", manager.as_str()),
        ] {
            assert_eq!(seen[member], value, "{member}: {seen}");
        }
        assert_eq!(portal.account("ada@acme.example")["passwordsSet"], 1);
        // SCIM shows what only it can say too.
        let shown = portal.scim.get(&format!("/Users/{id}")).await.body;
        assert_eq!(shown["nickName"], "Countess");
        assert_eq!(shown["name"]["honorificPrefix"], "Lady");
        assert_eq!(shown["emails"][0]["value"], "home@x.example");
        assert_eq!(shown["addresses"][0]["country"], "GB");
        assert_eq!(shown[ENTERPRISE]["department"], "Sales");
        assert_eq!(shown[ENTERPRISE]["costCenter"], "C-9");
        assert_eq!(shown[ENTERPRISE]["manager"]["value"], manager.as_str());

        // What REST's own pages change SCIM shows, and keeps the rest.
        let edit = json!({"id": id, "emailAddress": "new@acme.example", "city": "Paris", "firstName": "Augusta", "supervisorId": null});
        portal.sandbox.put_user(edit).expect("an edit");
        let shown = portal.scim.get(&format!("/Users/{id}")).await.body;
        assert_eq!(shown["emails"][1]["value"], "new@acme.example");
        assert_eq!((&shown["addresses"][0]["locality"], &shown["addresses"][0]["country"]), (&json!("Paris"), &json!("GB")));
        assert_eq!(shown["name"], json!({"givenName": "Augusta", "familyName": "King", "honorificPrefix": "Lady"}));
        assert!(shown[ENTERPRISE].get("manager").is_none());
        assert_eq!(shown["nickName"], "Countess");
    }
}

#[tokio::test]
async fn what_scim_did_is_in_the_ledger_and_survives_a_restart() {
    for profile in PROFILES {
        let dir = tempfile::tempdir().expect("a folder");
        let files = || Options { data: Some(dir.path().join("data")), ledger: Some(dir.path().join("ledger")), ..options() };
        let portal = open(with(profile, files()));
        let ada =
            portal.scim.post("/Users", user("ada@x.y", json!({"nickName": "A", "active": false, "password": "Secret-1!"}))).await.id();
        let gone = portal.scim.post("/Users", user("gone@x.y", json!({}))).await.id();
        assert_eq!(portal.scim.send("DELETE", &format!("/Users/{gone}"), Value::Null).await.status, 204);
        let body = json!({"schemas": [GROUP], "displayName": "Linked", "externalId": "g-1", "members": [{"value": ada}]});
        let group = portal.scim.post("/Groups", body).await.id();
        // The same again changes nothing.
        let before = portal.scim.get(&format!("/Users/{ada}")).await.body;
        assert_eq!(portal.scim.put(&format!("/Users/{ada}"), before.clone()).await.body, before);

        let said = lines(&dir.path().join("ledger"));
        let told: Vec<_> = said.iter().map(|line| (line.method.as_str(), line.path.as_str(), line.object.clone())).collect();
        assert_eq!(
            told,
            [
                ("POST", "/scim/v2/Users", format!("user/{ada}")),
                ("POST", "/scim/v2/Users", format!("user/{gone}")),
                ("DELETE", format!("/scim/v2/Users/{gone}").as_str(), format!("user/{gone}")),
                ("POST", "/scim/v2/Groups", format!("group/{group}")),
            ]
        );
        assert_eq!(said[0].after["activeStatus"], portal.account("ada@x.y")["activeStatus"]);
        assert_eq!((&said[0].after["username"], &said[0].after["scim"]["nickName"]), (&json!("ada@x.y"), &json!("A")));
        assert!(!serde_json::to_string(&said).expect("JSON").contains("Secret-1!"), "no password is in it");

        let (paths, mut shown) = ([format!("/Users/{ada}"), format!("/Groups/{group}"), "/Users".to_owned()], Vec::new());
        for path in &paths {
            shown.push(portal.scim.get(path).await.body);
        }
        let users = portal.sandbox.users();
        drop(portal);
        let again = open(with(profile, files()));
        for (path, body) in paths.iter().zip(shown) {
            assert_eq!(again.scim.get(path).await.body, body, "{path}");
        }
        assert_eq!(again.sandbox.users(), users);
        assert_eq!(again.scim.get(&format!("/Users/{gone}")).await.status, 404);
    }
}

#[tokio::test]
async fn deleting_is_soft_and_the_name_brings_the_account_back() {
    for profile in PROFILES {
        let portal = open(with(profile, options()));
        let id = portal.scim.post("/Users", user("ada@x.y", json!({}))).await.id();
        let path = format!("/Users/{id}");
        assert_eq!(portal.scim.send("DELETE", &path, Value::Null).await.status, 204);
        for method in ["GET", "DELETE"] {
            portal.scim.send(method, &path, Value::Null).await.refused(404, "");
        }
        portal.scim.put(&path, user("ada@x.y", json!({}))).await.refused(404, "");
        portal.scim.patch(&path, json!([{"op": "replace", "path": "active", "value": true}])).await.refused(404, "");
        assert_eq!(portal.scim.filter("userName eq \"ada@x.y\"").await.body["totalResults"], 0);
        assert!(!portal.scim.get("/Users").await.names().contains(&"ada@x.y"));
        // REST still lists it, inactive.
        let seen = portal.rest(profile, &format!("/users/{id}")).await;
        let (active, inactive) =
            if profile.active.to_string() == "0" { (json!(0), json!(1)) } else { (json!("Active"), json!("Inactive")) };
        assert_eq!(seen["activeStatus"], inactive);
        // The same name is the same account again.
        let again = portal.scim.post("/Users", user("ADA@x.y", json!({"title": "Back"}))).await;
        assert_eq!((again.status, again.id()), (201, id.clone()));
        assert_eq!(portal.rest(profile, &format!("/users/{id}")).await["activeStatus"], active);
        // One that REST makes active again is shown again.
        portal.scim.send("DELETE", &path, Value::Null).await;
        portal.sandbox.put_user(json!({"id": id, "activeStatus": active})).expect("an edit");
        assert_eq!(portal.scim.get(&path).await.body["active"], true);
    }
}

#[tokio::test]
async fn a_user_is_created_updated_and_deactivated() {
    let portal = open(with(PROFILES[0], options()));
    let scim = &portal.scim;
    let schemas = json!(["urn:ietf:params:scim:schemas:core:2.0:User"]);
    scim.post("/Users", json!({"schemas": schemas, "name": {"givenName": "A", "familyName": "B"}})).await.refused(400, "invalidValue");
    scim.post("/Users", json!({"schemas": schemas, "userName": "a@x.y"})).await.refused(400, "invalidValue");
    scim.post("/Users", user("a@x.y", json!({"name": {"givenName": "A"}}))).await.refused(400, "invalidValue");
    scim.post("/Users", user("a@x.y", json!({"emails": [{"value": "no address"}]}))).await.refused(400, "invalidValue");
    let id = scim.post("/Users", user("a@x.y", json!({}))).await.id();
    scim.post("/Users", user("A@X.Y", json!({}))).await.refused(409, "uniqueness");
    let path = format!("/Users/{id}");
    let put = scim.put(&path, user("b@x.y", json!({"title": "T", "active": true}))).await;
    assert_eq!((put.status, &put.body["userName"], &put.body["title"]), (200, &json!("b@x.y"), &json!("T")));
    // Okta's way and the path's way.
    for (operation, active) in [
        (json!({"op": "replace", "value": {"active": false}}), false),
        (json!({"op": "replace", "path": "active", "value": true}), true),
    ] {
        let answer = scim.patch(&path, json!([operation])).await;
        assert_eq!((answer.status, &answer.body["active"]), (200, &json!(active)));
    }
    // What Entra sends is refused: text for truth, operations in capitals (A15).
    scim.patch(&path, json!([{"op": "Replace", "path": "active", "value": "False"}])).await.refused(400, "invalidSyntax");
    scim.patch(&path, json!([{"op": "replace", "path": "active", "value": "False"}])).await.refused(400, "invalidValue");
    // All of a PATCH or nothing.
    let two = json!([{"op": "replace", "path": "title", "value": "X"}, {"op": "remove", "path": "userName"}]);
    scim.patch(&path, two).await.refused(400, "mutability");
    assert_eq!(scim.get(&path).await.body["title"], "T");
    // A department that there is none of is remembered; so is a manager who is nobody.
    let odd = json!([{"op": "add", "value": {ENTERPRISE: {"department": "Nowhere", "manager": {"value": "boss-7"}}}}]);
    let shown = scim.patch(&path, odd).await.body;
    assert_eq!((&shown[ENTERPRISE]["department"], &shown[ENTERPRISE]["manager"]["value"]), (&json!("Nowhere"), &json!("boss-7")));
    scim.get("/Users/no-uuid").await.refused(404, "");
    scim.send("PUT", "/Users", json!({})).await.refused(405, "");
    scim.send("POST", "/Bulk", json!({})).await.refused(501, "");
}

#[tokio::test]
async fn moving_into_a_department_runs_its_enrolment_rules() {
    let rule = sandbox::absorb::Rule { department: "Sales".into(), course: "Selling with Acme".into(), re_enroll: false };
    let portal = open(Config { rules: vec![rule], ..with(PROFILES[0], Options { people: Some(20), ..options() }) });
    let before = portal.sandbox.enrollments().len();
    let id = portal.scim.post("/Users", user("a@x.y", json!({ENTERPRISE: {"department": "SALES"}}))).await.id();
    assert_eq!(portal.sandbox.enrollments().len(), before + 1);
    assert_eq!(portal.sandbox.enrollments().iter().filter(|one| one["userId"] == id.as_str()).count(), 1);
}

#[tokio::test]
async fn the_list_has_the_whole_grammar() {
    let portal = open(with(PROFILES[0], options()));
    let scim = &portal.scim;
    for (name, title, number) in [("ann@x.y", "Clerk", "1"), ("bob@x.y", "Boss", "2"), ("cyd@z.y", "", "3")] {
        let more = json!({"title": title, "externalId": name, "emails": [{"value": name, "type": "work"}], ENTERPRISE: {"employeeNumber": number}});
        scim.post("/Users", user(name, more)).await.id();
    }
    let number = format!("{ENTERPRISE}:employeeNumber");
    for (filter, found) in [
        ("userName eq \"ANN@x.y\"", vec!["ann@x.y"]),
        ("externalId eq \"bob@x.y\"", vec!["bob@x.y"]),
        ("title ne \"Clerk\" and title pr", vec!["bob@x.y"]),
        ("userName co \"@z\"", vec!["cyd@z.y"]),
        ("userName sw \"b\" or userName ew \"z.y\"", vec!["bob@x.y", "cyd@z.y"]),
        ("emails[type eq \"work\" and value co \"bob\"]", vec!["bob@x.y"]),
        ("(title pr) and not (userName sw \"a\")", vec!["bob@x.y"]),
        (&format!("{number} gt \"1\" and {number} lt \"3\""), vec!["bob@x.y"]),
        (&format!("{number} ge \"2\" and {number} le \"3\""), vec!["bob@x.y", "cyd@z.y"]),
        ("userName eq \"nobody\"", vec![]),
    ] {
        let answer = scim.filter(filter).await;
        assert_eq!(answer.status, 200, "{filter}: {}", answer.body);
        assert_eq!(answer.names(), found, "{filter}");
        assert_eq!(answer.body["totalResults"], found.len(), "{filter}");
    }
    for wrong in ["userName", "userName is \"a\"", "userName eq", "nothing eq \"a\"", "(userName pr"] {
        scim.filter(wrong).await.refused(400, "invalidFilter");
    }
    let all = ["ann@x.y", "api@acme.example", "bob@x.y", "cyd@z.y"];
    assert_eq!(scim.get("/Users").await.names(), all);
    assert_eq!(
        scim.get("/Users?sortBy=userName&sortOrder=descending").await.names(),
        ["cyd@z.y", "bob@x.y", "api@acme.example", "ann@x.y"]
    );
    let page = scim.get("/Users?startIndex=2&count=2").await;
    assert_eq!(page.names(), all[1..3]);
    assert_eq!((&page.body["totalResults"], &page.body["startIndex"], &page.body["itemsPerPage"]), (&json!(4), &json!(2), &json!(2)));
    assert_eq!(scim.get("/Users?count=0").await.body["Resources"], json!([]));
    assert_eq!(scim.get("/Users?startIndex=9").await.body["totalResults"], 4);
    let only = &scim.get("/Users?attributes=userName&count=1").await.body["Resources"][0];
    assert_eq!(only.as_object().expect("an object").keys().collect::<Vec<_>>(), ["id", "schemas", "userName"]);
    let without = &scim.get("/Users?excludedAttributes=emails&count=1").await.body["Resources"][0];
    assert!(without.get("emails").is_none() && without.get("name").is_some());
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "userName sw \"bob\""});
    assert_eq!(scim.post("/Users/.search", search).await.names(), ["bob@x.y"]);
    scim.get("/Users?cursor=x").await.refused(400, "invalidCursor");
    let both = scim.get("/").await.body;
    assert!(both["totalResults"].as_u64().is_some_and(|total| total > 4), "users and groups: {both}");
}

#[tokio::test]
async fn groups_are_imported_and_linked() {
    for profile in PROFILES {
        let portal = open(with(profile, options()));
        let scim = &portal.scim;
        // Import: those that REST lists.
        let listed = portal.rest(profile, "/groups").await["groups"].as_array().expect("groups").len();
        assert_eq!(scim.get("/Groups").await.body["totalResults"], listed);
        let [ann, bob] =
            [scim.post("/Users", user("ann@x.y", json!({}))).await.id(), scim.post("/Users", user("bob@x.y", json!({}))).await.id()];
        // Link: the one of that name, and its members.
        let query = "/Groups?filter=displayName%20eq%20%22all%20staff%22";
        let id = scim.get(query).await.body["Resources"][0]["id"].as_str().expect("an id").to_owned();
        scim.post("/Groups", json!({"schemas": [GROUP], "displayName": "ALL STAFF"})).await.refused(409, "uniqueness");
        let path = format!("/Groups/{id}");
        let add = json!([{"op": "add", "path": "members", "value": [{"value": ann}, {"value": bob}]}]);
        assert_eq!(scim.patch(&path, add).await.body["members"].as_array().map(Vec::len), Some(2));
        assert_eq!(scim.get(&format!("/Users/{ann}")).await.body["groups"][0]["display"], "All Staff");
        let remove = json!([{"op": "remove", "path": format!("members[value eq \"{ann}\"]")}]);
        assert_eq!(scim.patch(&path, remove).await.body["members"][0]["value"], bob.as_str());
        // Who is nobody is remembered.
        let unknown = json!([{"op": "add", "path": "members", "value": [{"value": "nobody"}]}]);
        assert_eq!(scim.patch(&path, unknown).await.body["members"][1], json!({"value": "nobody"}));
        scim.patch(&path, json!([{"op": "remove", "path": "members[value eq \"nobody\"]"}])).await;
        // Who is deleted is no member any more that SCIM shows.
        scim.send("DELETE", &format!("/Users/{bob}"), Value::Null).await;
        assert!(scim.get(&path).await.body.get("members").is_none());
        // A new one is in REST too, until it is deleted.
        let made = scim.post("/Groups", json!({"schemas": [GROUP], "displayName": "New", "members": [{"value": ann}]})).await.id();
        assert_eq!(portal.rest(profile, "/groups").await["totalItems"], listed + 1);
        assert_eq!(scim.send("DELETE", &format!("/Groups/{made}"), Value::Null).await.status, 204);
        scim.get(&format!("/Groups/{made}")).await.refused(404, "");
        assert_eq!(portal.rest(profile, "/groups").await["totalItems"], listed);
        assert_eq!(scim.post("/Groups", json!({"schemas": [GROUP], "displayName": "New"})).await.status, 201);
    }
}

#[tokio::test]
async fn discovery_says_what_is_so() {
    let portal = open(with(PROFILES[0], options()));
    let scim = &portal.scim;
    let config = scim.get("/ServiceProviderConfig").await.body;
    for (feature, supported) in [("patch", true), ("filter", true), ("sort", true), ("bulk", false), ("etag", false)] {
        assert_eq!(config[feature]["supported"], supported, "{feature}");
    }
    assert_eq!(config["authenticationSchemes"][0]["type"], "oauthbearertoken");
    assert_eq!(scim.get("/ResourceTypes").await.body["totalResults"], 2);
    assert_eq!(scim.get("/ResourceTypes/User").await.body["schemaExtensions"][0]["schema"], ENTERPRISE);
    let schema = scim.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:User").await.body;
    let required = |name: &str| {
        let attributes = schema["attributes"].as_array().expect("attributes");
        attributes.iter().find(|one| one["name"] == name).expect("it is there")["required"].clone()
    };
    assert_eq!((required("userName"), required("name"), required("title")), (json!(true), json!(true), json!(false)));
    scim.get("/Schemas/urn:none").await.refused(404, "");
    scim.get("/Nothing").await.refused(404, "");
}

#[tokio::test]
async fn limits_faults_and_the_log_are_those_of_rest() {
    let dir = tempfile::tempdir().expect("a folder");
    let log = dir.path().join("access");
    let faults: Faults = "500-after@POST /scim/v2/Users#1, moved@GET /scim/v2/Users#2".parse().expect("faults");
    let limited = Options { limit: Limit::PerPeriod(2), access_log: Some(log.clone()), faults, ..options() };
    let portal = open(with(PROFILES[0], limited));
    let answer = portal.scim.post("/Users", user("a@x.y", json!({}))).await;
    assert_eq!((answer.status, portal.sandbox.users().len()), (500, 2), "it was done all the same");
    assert_eq!(portal.scim.get("/Users?count=1").await.status, 200);
    let second = portal.scim.get("/Users?startIndex=2&count=1").await;
    assert_eq!(second.status, 200);
    assert_eq!(portal.scim.get("/Users").await.status, 429, "the same bucket");
    portal.scim.get("/Users").await.refused(429, "");
    let text = std::fs::read_to_string(&log).expect("a log");
    assert_eq!(text.lines().count(), 5);
    assert!(text.contains("\"path\":\"/scim/v2/Users?startIndex=2&count=1\"") && text.contains("\"fault\":\"500-after\""), "{text}");
}

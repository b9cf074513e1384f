//! The Absorb sandbox, quirk by quirk, in the profile `vendor` (contract `vendors/absorb.md` 1-5).

use crate::client::{ALL, Client, HALF, at, open, rule, vendor};
use serde_json::{Value, json};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn the_token_call_wants_the_key_twice_and_answers_a_bare_text() {
    let sandbox = open(vendor(0));
    let client = Client::new(&sandbox);
    let whole = json!({"username": ALL, "password": "pw", "privateKey": "key"});
    for left_out in ["username", "password", "privateKey"] {
        for value in [None, Some(Value::Null), Some(json!("")), Some(json!(7))] {
            let mut body = whole.clone();
            body.as_object_mut().unwrap().remove(left_out);
            value.map(|value| body.as_object_mut().unwrap().insert(left_out.to_owned(), value));
            let answer = client.post("/authenticate", body).await;
            assert_eq!((answer.status, &answer.body["validations"][0]["field"]), (400, &json!(left_out)));
        }
    }
    assert_eq!(client.send("POST", "/authenticate", None).await.status, 400);
    let wrong = json!({"username": ALL, "password": "pw", "privateKey": "other"});
    let answer = client.post("/authenticate", wrong).await;
    assert_eq!((answer.status, answer.code()), (401, "apiKey"));
    assert_eq!(client.with(None, None, "POST", "/authenticate", Some(&whole)).await.code(), "apiKey", "the header is needed too");
    let guess = json!({"username": ALL, "password": "guess", "privateKey": "key"});
    let answer = client.post("/authenticate", guess).await;
    assert_eq!((answer.status, answer.code()), (401, "credentials"));
    assert_eq!(client.get("/authenticate").await.status, 405);
    assert_eq!(client.post("/authentication", whole).await.code(), "token", "that path is unknown, and needs a token");

    // Names and paths in any case, trailing slashes, the token bare or after Bearer.
    let answer = client.post("/Authenticate/", json!({"UserName": ALL, "PASSWORD": "pw", "PrivateKey": "key"})).await;
    let token = answer.body.as_str().expect("a bare text").to_owned();
    assert_eq!(answer.text, format!("\"{token}\""));
    for header in [token.clone(), format!("Bearer {token}"), format!("bearer {token}")] {
        for path in ["/users", "/Users/", "/USERS//"] {
            assert_eq!(client.with(Some("key"), Some(&header), "GET", path, None).await.status, 200, "{path}");
        }
    }
    assert_eq!(client.with(None, Some(&token), "GET", "/users", None).await.code(), "apiKey");
    assert_eq!(client.with(Some("key"), None, "GET", "/users", None).await.code(), "token");
}

#[tokio::test]
async fn a02_a03_the_token_rule_is_the_same() {
    let sandbox = open(vendor(0));
    let first = Client::new(&sandbox).authenticate(ALL).await;
    let other = Client::new(&sandbox).authenticate(HALF).await;
    let rival = Client::new(&sandbox).authenticate(ALL).await;
    assert_eq!([first.get("/users").await.status, rival.get("/users").await.status], [401, 200]);
    sandbox.clock().set(at("2026-03-02T11:59:59Z"));
    assert_eq!(other.get("/users").await.status, 200);
    sandbox.clock().set(at("2026-03-02T12:00:00Z"));
    assert_eq!(other.get("/users").await.status, 401);
}

#[tokio::test]
async fn a05_an_offset_is_a_page() {
    let sandbox = open(vendor(0));
    let client = Client::new(&sandbox).authenticate(ALL).await;
    for name in ["d", "f", "h", "j"] {
        client.make(name, json!({})).await;
    }
    let second = client.get("/users?_limit=4&_offset=1").await;
    let envelope = ["totalItems", "returnedItems", "limit", "offset"].map(|member| second.body[member].clone());
    assert_eq!(envelope, [json!(6), json!(2), json!(4), json!(1)]);
    assert_eq!(second.names(), [HALF, "j"]);
    assert_eq!(client.get("/users?_limit=4&_offset=2").await.body["users"], json!([]));
    assert_eq!(client.get(&format!("/users?_offset={}", usize::MAX)).await.body["users"], json!([]));
    assert_eq!(client.get("/users").await.body["limit"], 20);
    assert_eq!(client.get("/departments?_offset=1").await.body["departments"], json!([]));
    assert_eq!(client.get("/users?_limit=1000").await.status, 200);
    for query in ["_limit=1001", "_limit=0", "_limit=x", "_offset=-1", "_offset=x", "_sort=shoeSize", "modifiedSince=soon"] {
        let answer = client.get(&format!("/users?{query}")).await;
        assert_eq!((answer.status, answer.code()), (422, "validation"), "{query}");
    }
}

#[tokio::test]
async fn the_query_parameters_of_the_guide_are_there_too() {
    let sandbox = open(vendor(0));
    sandbox.clock().set(at("2026-03-02T23:00:00Z"));
    let client = Client::new(&sandbox).authenticate(ALL).await;
    client.make("one", json!({"externalId": "K1", "emailAddress": "One@x.example"})).await;
    sandbox.clock().set(at("2026-03-03T00:30:00.250Z"));
    client.make("two", json!({"externalId": "k2"})).await;
    let names = async |query: &str| client.get(&format!("/users?{query}")).await.names();
    assert_eq!(names("externalId=k1").await, ["one"]);
    assert_eq!(names("externalId=K2&username=one").await, [""; 0]);
    assert_eq!(names("username=TWO").await, ["two"]);
    assert_eq!(names("email=one@X.example").await, ["one"]);
    for since in ["2026-03-03", "2026-03-03T00:30:00.25", "2026-03-03T00:30:00.25Z", "2026-03-03T01:30:00.25%2B01:00"] {
        assert_eq!(names(&format!("modifiedSince={since}")).await, ["two"], "{since}");
    }
}

#[tokio::test]
async fn enums_are_integers_and_dates_have_no_zone() {
    let sandbox = open(vendor(0));
    let client = Client::new(&sandbox).authenticate(ALL).await;
    let given = json!({"activeStatus": 1, "gender": 2, "dateHired": "2026-01-02T03:04:05Z", "dateTerminated": "2026-01-03"});
    let id = client.make("a", given).await;
    let shown = client.get(&format!("/users/{id}")).await.body;
    assert_eq!((&shown["activeStatus"], &shown["gender"]), (&json!(1), &json!(2)));
    assert_eq!((&shown["dateHired"], &shown["dateTerminated"]), (&json!("2026-01-02T03:04:05"), &json!("2026-01-03T00:00:00")));
    assert_eq!(client.get(&format!("/users?username={ALL}")).await.users()[0]["activeStatus"], 0);
    for (member, value) in [
        ("activeStatus", json!("Active")),
        ("activeStatus", json!("1")),
        ("activeStatus", json!(2)),
        ("activeStatus", json!(true)),
        ("gender", json!("1")),
        ("gender", json!(3)),
        ("ccEmailAddresses", json!(["a@b", "a@b", "a@b", "a@b", "a@b", "a@b"])),
        ("emailAddress", json!("nobody")),
        ("departmentId", json!(NOBODY)),
        ("departmentId", json!("Sales")),
        ("supervisorId", json!(NOBODY)),
        ("roleIds", json!([NOBODY])),
        ("languageId", json!(99)),
        ("customFields", json!({"decimal1": "one"})),
        ("dateHired", json!("yesterday")),
        ("isLearner", json!("yes")),
    ] {
        let mut body = shown.clone();
        body[member] = value;
        let answer = client.put(&format!("/users/{id}"), body).await;
        assert_eq!((answer.status, &answer.body["validations"][0]["field"]), (422, &json!(member)), "{}", answer.text);
        let members: Vec<_> = answer.body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["_meta", "code", "message", "term", "validations"]);
    }
    let five = json!(["a@b", "b@b", "c@b", "d@b", "e@b"]);
    let mut body = shown.clone();
    body["ccEmailAddresses"] = five.clone();
    assert_eq!(client.put(&format!("/users/{id}"), body).await.body["ccEmailAddresses"], five);
    for path in ["/users/7", "/users/7/enrollments", "/courses/x", "/departments/x", "/users/x/user-management-settings"] {
        assert_eq!(client.get(path).await.status, 422, "{path}");
    }
    for path in [format!("/users/{NOBODY}"), format!("/courses/{NOBODY}"), format!("/departments/{NOBODY}")] {
        assert_eq!(client.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a06_a_put_names_four_members_keeps_the_others_and_answers_201() {
    let sandbox = open(vendor(0));
    let client = Client::new(&sandbox).authenticate(ALL).await;
    let role = client.get("/roles").await.body["roles"][0]["id"].clone();
    let given = json!({"emailAddress": "a@x.example", "externalId": "K", "jobTitle": "Clerk", "dateHired": "2026-01-02",
        "customFields": {"String1": "s", "decimal2": 1.5}, "roleIds": [role], "isInstructor": true, "activeStatus": 1});
    let id = client.make("a", given).await;
    let path = format!("/users/{id}");
    let before = client.get(&path).await.body;
    let four = json!({"username": "a", "departmentId": before["departmentId"], "firstName": "New", "LastName": "L"});
    for left_out in ["username", "departmentId", "firstName", "LastName"] {
        for value in [None, Some(Value::Null), Some(json!(" "))] {
            let mut body = four.clone();
            body.as_object_mut().unwrap().remove(left_out);
            value.map(|value| body.as_object_mut().unwrap().insert(left_out.to_owned(), value));
            let answer = client.put(&path, body).await;
            let field = answer.body["validations"][0]["field"].as_str().unwrap_or_default().to_owned();
            assert_eq!((answer.status, field.eq_ignore_ascii_case(left_out)), (422, true), "{}", answer.text);
        }
    }
    assert_eq!(client.get(&path).await.body, before);

    sandbox.clock().set(at("2026-03-02T09:00:00Z"));
    let mut body = four.clone();
    body["jobTitle"] = Value::Null;
    body["customFields"] = json!({"decimal2": 2, "bool1": true});
    let after = client.put(&path, body).await;
    assert_eq!(after.status, 201);
    let mut expected = before.clone();
    expected["firstName"] = json!("New");
    expected["jobTitle"] = Value::Null;
    expected["customFields"] = json!({"string1": "s", "decimal2": 2, "bool1": true});
    expected["dateEdited"] = json!("2026-03-02T09:00:00");
    assert_eq!(after.body, expected, "an explicit null clears, what is left out stays");
    let mut body = four;
    body["customFields"] = json!({"STRING1": null});
    assert_eq!(client.put(&path, body).await.body["customFields"], json!({"decimal2": 2, "bool1": true}));

    // What a GET showed can be put back whole, with the members that only the portal writes.
    let whole = client.get(&path).await.body;
    let again = client.put(&path, whole.clone()).await;
    assert_eq!((again.status, again.body), (201, whole));
    assert_eq!(client.put(&format!("/users/{NOBODY}"), json!({})).await.status, 404);
}

#[tokio::test]
async fn a_create_of_who_is_there_updates_and_never_conflicts() {
    let sandbox = open(vendor(0));
    let client = Client::new(&sandbox).authenticate(ALL).await;
    let root = client.department("Acme").await;
    let new = json!({"firstName": "A", "lastName": "B", "username": "a", "password": "pw", "departmentId": root,
        "externalId": "K1", "jobTitle": "Clerk"});
    for left_out in ["firstName", "lastName", "username", "departmentId", "password"] {
        let mut body = new.clone();
        body.as_object_mut().unwrap().remove(left_out);
        assert_eq!(client.post("/users", body).await.status, 422, "{left_out}");
    }
    let made = client.post("/users", new.clone()).await;
    assert_eq!((made.status, &made.body["activeStatus"]), (201, &json!(0)));
    assert!(!made.text.contains("pw"), "a password is never returned");

    let by_name = client.post("/users", json!({"Username": "A", "firstName": "By name"})).await;
    assert_eq!((by_name.status, &by_name.body["id"], &by_name.body["jobTitle"]), (200, &made.body["id"], &json!("Clerk")));
    let by_key = client.post("/users", json!({"username": "renamed", "externalId": "k1", "password": "other"})).await;
    assert_eq!((by_key.status, &by_key.body["id"], &by_key.body["firstName"]), (200, &made.body["id"], &json!("By name")));
    assert_eq!(client.post("/users", new).await.status, 200, "the external id is that of the renamed one");
    assert_eq!(client.get("/users").await.body["totalItems"], 3);
    // Another's name cannot be taken by a PUT.
    let other = client.make("b", json!({})).await;
    let body = json!({"username": "A", "departmentId": root, "firstName": "F", "lastName": "L"});
    assert_eq!(client.put(&format!("/users/{other}"), body).await.body["validations"][0]["message"], "is taken");
}

#[tokio::test]
async fn a04_hidden_users_are_silent_and_an_upsert_does_not_reach_them() {
    let sandbox = open(vendor(60));
    let all = Client::new(&sandbox).authenticate(ALL).await;
    let half = Client::new(&sandbox).authenticate(HALF).await;
    let hidden = all.get("/users?_limit=1000").await.users().into_iter().find(|user| user["jobTitle"] == "VP Engineering");
    let hidden = hidden.expect("the seeded company has a head of Engineering");
    let (id, key) = (hidden["id"].as_str().unwrap(), hidden["externalId"].as_str().unwrap());
    let course = all.course("Security Basics").await;
    for path in [format!("/users/{id}"), format!("/users/{id}/enrollments"), format!("/users/{id}/enrollments/{course}")] {
        assert_eq!(half.get(&path).await.status, 404, "{path}");
    }
    assert_eq!(half.put(&format!("/users/{id}"), hidden.clone()).await.status, 404);
    assert_eq!(half.post(&format!("/users/{id}/enrollments/{course}"), Value::Null).await.status, 404);
    assert_eq!(half.post("/enrollments/unenroll", json!({"userIds": [id], "courseIds": [course]})).await.status, 404);
    assert_eq!(half.get(&format!("/users?externalId={key}")).await.body["totalItems"], 0);

    let department = all.department("Sales").await;
    let mut double = json!({"firstName": "A", "lastName": "B", "username": hidden["username"], "password": "pw",
        "departmentId": department, "externalId": key});
    for (path, body) in [("/users", double.clone()), ("/users/upload", json!([double]))] {
        let answer = half.post(path, body).await;
        assert_eq!((answer.status, &answer.body["validations"][0]["message"]), (422, &json!("is taken")), "{path}");
    }
    double["username"] = json!("second.account");
    assert_eq!(half.post("/users", double).await.status, 201, "a second account");
    assert_eq!(all.get(&format!("/users?externalId={key}")).await.body["totalItems"], 2);
    let outside = json!({"firstName": "A", "lastName": "B", "username": "c", "password": "p", "departmentId": hidden["departmentId"]});
    assert_eq!(half.post("/users", outside).await.status, 403);
}

#[tokio::test]
async fn a08_an_upload_is_taken_whole_or_not_at_all() {
    let sandbox = open(vendor(0));
    let client = Client::new(&sandbox).authenticate(ALL).await;
    let root = client.department("Acme").await;
    let new = |n: usize| {
        json!({"firstName": "F", "lastName": "L", "username": format!("u{n}"), "externalId": format!("K{n}"),
        "password": "pw", "departmentId": root, "jobTitle": "Clerk"})
    };
    let total = async || client.get("/users").await.body["totalItems"].clone();
    let mut items: Vec<Value> = (0..200).map(new).collect();
    items[5]["departmentId"] = json!("nowhere");
    items[7] = json!("text");
    let refused = client.post("/users/upload", json!(items)).await;
    let fields: Vec<_> = refused.body["validations"].as_array().unwrap().iter().map(|fault| fault["field"].clone()).collect();
    assert_eq!((refused.status, fields), (422, vec![json!("[5].departmentId"), json!("[7]")]));
    assert_eq!(total().await, 2, "none was taken");

    let many: Vec<Value> = (0..201).map(new).collect();
    assert_eq!(client.post("/users/upload", json!(many)).await.status, 422);
    assert_eq!(total().await, 2);
    let taken = client.post("/Users/Upload/", json!(many[..200])).await;
    let pairs = taken.body.as_array().expect("a bare array");
    assert_eq!((taken.status, pairs.len(), &pairs[7]["value"]), (200, 200, &json!("u7")));
    let id = pairs[7]["key"].as_str().expect("an id");
    assert_eq!(client.get(&format!("/users/{id}")).await.body["username"], "u7");

    // By user name, else by external id; never by id; what is left out stays; items meet those before them.
    let items = json!([{"username": "U1", "firstName": "G"}, {"externalId": "k2", "username": "renamed"}, {"username": "RENAMED", "location": "Here"},
        {"id": pairs[3]["key"], "username": "u4", "jobTitle": null}]);
    let answer = client.post("/users/upload", items).await;
    assert_eq!((answer.status, answer.body.as_array().map(Vec::len)), (200, Some(4)), "{}", answer.text);
    assert_eq!(answer.body[1]["key"], pairs[2]["key"]);
    let user = async |n: usize| client.get(&format!("/users/{}", pairs[n]["key"].as_str().unwrap())).await.body;
    assert_eq!((&user(1).await["firstName"], &user(1).await["jobTitle"]), (&json!("G"), &json!("Clerk")));
    assert_eq!((&user(2).await["username"], &user(2).await["location"]), (&json!("RENAMED"), &json!("Here")));
    assert_eq!((&user(3).await["jobTitle"], &user(4).await["jobTitle"]), (&json!("Clerk"), &Value::Null));
    assert_eq!(total().await, 202);

    assert_eq!(client.post("/users/upload", json!([])).await.body, json!([]));
    assert_eq!(client.post("/users/upload", json!({"users": []})).await.status, 400);
    assert_eq!(client.get("/users/upload").await.status, 405);
    assert_eq!(client.post("/users/batch", json!({"users": []})).await.status, 405, "no such path, but that of a user");
}

#[tokio::test]
async fn a17_enrollments_come_in_an_envelope_and_go_by_the_path() {
    let sandbox = open(vendor(0));
    let client = Client::new(&sandbox).authenticate(ALL).await;
    let id = client.make("a", json!({})).await;
    let path = format!("/users/{id}/enrollments");
    let (welcome, security) = (client.course("Welcome to Acme").await, client.course("Security Basics").await);
    let made = client.send("POST", &format!("{path}/{welcome}"), None).await;
    assert_eq!((made.status, &made.body["courseName"], &made.body["isActive"]), (201, &json!("Welcome to Acme"), &json!(true)));
    assert_eq!(client.send("POST", &format!("{path}/{security}?reEnroll=false"), None).await.status, 201);
    let list = client.get(&path).await.body;
    let envelope = ["totalItems", "returnedItems", "limit", "offset"].map(|member| list[member].clone());
    assert_eq!(envelope, [json!(2), json!(2), json!(20), json!(0)]);
    assert_eq!(list["enrollments"][1], made.body, "in the order of the courses' names");
    assert_eq!((&made.body["status"], &made.body["dateCompleted"]), (&json!(0), &Value::Null));
    assert!(made.body.get("completedDate").is_none());
    let one = client.get(&format!("{path}?_limit=1&_offset=1")).await.body;
    assert_eq!((&one["totalItems"], &one["enrollments"]), (&json!(2), &json!([made.body])));

    sandbox.clock().set(at("2026-03-02T09:00:00Z"));
    sandbox.put_enrollment(id.parse().unwrap(), "Welcome to Acme", 3).expect("enrolled");
    let again = client.send("POST", &format!("{path}/{welcome}"), None).await;
    assert_eq!((again.status, again.code()), (409, "stateConflict"));
    let again = client.send("POST", &format!("{path}/{welcome}?reEnroll=True"), None).await;
    assert_eq!((again.status, &again.body["status"]), (201, &json!(0)));
    let old = &client.get(&format!("{path}?status=3")).await.body["enrollments"];
    assert_eq!(
        (old.as_array().unwrap().len(), &old[0]["isActive"], &old[0]["dateCompleted"]),
        (1, &json!(false), &json!("2026-03-02T09:00:00"))
    );
    assert_eq!(client.get(&format!("{path}?modifiedSince=2026-03-02T09:00:00")).await.body["totalItems"], 2);
    assert_eq!(client.get(&format!("{path}/{welcome}")).await.body, again.body, "the active one");

    let ended = client.post("/enrollments/unenroll", json!({"userIds": [id], "courseIds": [welcome, security]})).await;
    assert_eq!((ended.status, ended.body.as_array().map(Vec::len)), (200, Some(2)));
    let list = client.get(&path).await.body["enrollments"].clone();
    assert!(list.as_array().unwrap().iter().all(|one| one["isActive"] == json!(false)), "{list}");
    for body in [json!({"userId": id, "courseId": welcome}), json!([{"userId": id, "courseId": NOBODY}])] {
        assert_eq!(client.post("/enrollments/unenroll", body).await.status, 404);
    }
    for body in [json!({}), json!({"userIds": [], "courseIds": []}), json!({"userId": "7", "courseId": welcome})] {
        assert_eq!(client.post("/enrollments/unenroll", body).await.status, 422);
    }
    assert_eq!(client.post("/enrollments/unenroll", json!("all")).await.status, 400);
    assert_eq!(client.send("POST", &format!("{path}/{welcome}"), None).await.status, 201, "who left may come again");

    for (path, status) in [
        (format!("{path}/{NOBODY}"), 404),
        (format!("{path}/7"), 422),
        (format!("/users/{NOBODY}/enrollments/{welcome}"), 404),
        (format!("{path}/{welcome}?reEnroll=maybe"), 422),
        ("/enrollments".to_owned(), 404),
    ] {
        assert_eq!(client.post(&path, json!({"userId": id, "courseId": welcome})).await.status, status, "{path}");
    }
    for query in ["status=Complete", "status=13", "modifiedSince=x", "_limit=1001", "_sort=shoeSize"] {
        assert_eq!(client.get(&format!("{path}?{query}")).await.status, 422, "{query}");
    }
    assert_eq!(client.send("DELETE", &format!("{path}/{welcome}"), None).await.status, 405);
}

#[tokio::test]
async fn an_admin_is_told_its_scope() {
    let sandbox = open(vendor(60));
    let all = Client::new(&sandbox).authenticate(ALL).await;
    let half = Client::new(&sandbox).authenticate(HALF).await;
    let id = async |name: &str| all.get(&format!("/users?username={name}")).await.users()[0]["id"].as_str().unwrap().to_owned();
    let (own, other) = (id(ALL).await, id(HALF).await);
    let settings = |id: &str| format!("/users/{id}/user-management-settings");
    let answer = all.get(&settings(&own)).await;
    assert_eq!((answer.status, &answer.body["scope"], &answer.body["departmentIds"]), (200, &json!(3), &json!([])));
    let mut named = vec![all.department("Sales").await, all.department("Support").await];
    named.sort();
    for client in [&all, &half] {
        let answer = client.get(&settings(&other)).await;
        assert_eq!((&answer.body["scope"], &answer.body["departmentIds"]), (&json!(2), &json!(named)));
    }
    assert_eq!(half.get(&settings(&own)).await.status, 404, "an admin outside of one's scope is nobody");
    let learner = all.get("/users?externalId=E00002").await.users()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(all.get(&settings(&learner)).await.status, 404);
    assert_eq!(all.send("POST", &settings(&own), None).await.status, 405);
}

#[tokio::test]
async fn the_rest_is_as_in_the_guide() {
    let mut config = vendor(0);
    config.rules = vec![rule("Sales", "Selling with Acme", false)];
    let sandbox = open(config);
    let client = Client::new(&sandbox).authenticate(ALL).await;
    let made = client.post("/departments/", json!({"Name": "Sales", "externalId": "D1"})).await;
    assert_eq!(made.status, 201);
    let id = client.make("a", json!({"departmentId": made.body["id"]})).await;
    assert_eq!(client.get(&format!("/users/{id}/enrollments")).await.body["totalItems"], 1, "A19: by the rule");
    for name in ["courses", "roles", "groups", "departments"] {
        let list = client.get(&format!("/{name}?_limit=1")).await.body;
        assert_eq!((list[name].as_array().unwrap().len(), &list["limit"]), (1, &json!(1)), "{name}");
    }
    for name in ["languages", "countries", "provinces", "tags", "customfielddefinitions"] {
        assert!(client.get(&format!("/{name}")).await.body.is_array(), "{name}");
    }
    let course = client.course("Security Basics").await;
    assert_eq!(client.get(&format!("/Courses/{}/", course.to_uppercase())).await.body["activeStatus"], 0);
    for path in ["/api/rest/v1/users", "/nowhere", "/"] {
        assert_eq!(client.get(path).await.status, 404, "A16: {path}");
    }
    for path in [format!("/users/{id}"), "/users".to_owned(), "/departments".to_owned()] {
        assert_eq!(client.send("DELETE", &path, None).await.status, 405, "A10: {path}");
    }
    let own = client.get(&format!("/users?username={ALL}")).await.users()[0].clone();
    let mut inactive = own.clone();
    inactive["activeStatus"] = json!(1);
    assert_eq!(client.put(&format!("/users/{}", own["id"].as_str().unwrap()), inactive).await.status, 201);
    let again = json!({"username": ALL, "password": "pw", "privateKey": "key"});
    assert_eq!(client.post("/authenticate", again).await.code(), "credentials", "A18: an inactive admin gets no token");
}

#[tokio::test]
async fn a09_the_rate_is_the_same() {
    let mut config = vendor(0);
    config.options.limit = sandbox::Limit::Default;
    let sandbox = open(config);
    let client = Client::new(&sandbox).authenticate(ALL).await;
    let statuses = async |n: usize| {
        let mut counts = [0; 2];
        for _ in 0..n {
            let answer = client.get("/tags").await;
            let full = answer.status == 429 && answer.text.is_empty() && !answer.headers.contains_key("retry-after");
            assert!(full || answer.status == 200, "{}", answer.status);
            counts[usize::from(full)] += 1;
        }
        counts
    };
    assert_eq!(statuses(310).await, [299, 11], "300 at once, the log-in among them");
    sandbox.clock().set(at("2026-03-02T08:00:01Z"));
    assert_eq!(statuses(210).await, [200, 10]);
}

#[tokio::test]
async fn a_restart_gives_the_same_and_a_folder_keeps_its_profile() {
    let dir = tempfile::tempdir().expect("a folder");
    let with_data = || {
        let mut config = vendor(10);
        config.options.data = Some(dir.path().join("data"));
        config
    };
    let everything = async |client: &Client, id: &str| {
        let paths = ["/users?_limit=1000", "/users?_sort=-dateEdited", &format!("/users/{id}/enrollments")].map(str::to_owned);
        let mut texts = Vec::new();
        for path in paths {
            texts.push(client.get(&path).await.text);
        }
        texts
    };
    let (before, id) = {
        let sandbox = open(with_data());
        let client = Client::new(&sandbox).authenticate(ALL).await;
        let id = client.make("a", json!({"activeStatus": 1, "customFields": {"decimal1": 1.5}})).await;
        let course = client.course("Security Basics").await;
        client.send("POST", &format!("/users/{id}/enrollments/{course}"), None).await;
        client.post("/enrollments/unenroll", json!({"userId": id, "courseId": course})).await;
        client.post("/users/upload", json!([{"username": "A", "jobTitle": "x"}])).await;
        (everything(&client, &id).await, id)
    };
    let sandbox = open(with_data());
    assert_eq!(everything(&Client::new(&sandbox).authenticate(ALL).await, &id).await, before);
    drop(sandbox);
    let mut other = with_data();
    other.profile = &sandbox::absorb::GUIDE;
    let refused = sandbox::absorb::Sandbox::open(other).expect_err("another reading").to_string();
    assert!(refused.contains("profile"), "{refused}");
}

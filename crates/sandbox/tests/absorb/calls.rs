//! The Absorb sandbox, quirk by quirk, as a client meets it (contract `vendors/absorb.md` 1-5, profile `guide`).

use std::io::{Read, Write};

use crate::client::{ALL, Client, HALF, at, config, open, rule};
use sandbox::absorb::Sandbox;
use serde_json::{Value, json};

#[tokio::test]
async fn a01_every_call_needs_the_key_and_the_log_in_too() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox);
    let body = json!({"username": ALL, "password": "pw"});
    for key in [None, Some("wrong")] {
        let answer = client.with(key, None, "POST", "/authentication", Some(&body)).await;
        assert_eq!((answer.status, answer.code()), (401, "apiKey"));
    }
    let client = client.log_in(ALL).await;
    let answer = client.with(None, client.token.as_deref(), "GET", "/users", None).await;
    assert_eq!((answer.status, answer.code()), (401, "apiKey"));
    let answer = client.with(Some("key"), Some("dead"), "GET", "/users", None).await;
    assert_eq!((answer.status, answer.code()), (401, "token"));
    let answer = client.with(Some("key"), None, "GET", "/nowhere", None).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn the_token_call_is_as_the_guide_shows_it() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox);
    let answer = client.post("/authentication", json!({"Username": ALL.to_uppercase(), "password": "pw"})).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["expiresAt"], "2026-03-02T12:00:00Z", "four hours of the sandbox's clock");
    let token = answer.body["token"].as_str().expect("a token").to_owned();
    for header in [token.clone(), format!("Bearer {token}"), format!("bearer {token}")] {
        assert_eq!(client.with(Some("key"), Some(&header), "GET", "/users/", None).await.status, 200);
    }
    let wrong = client.post("/authentication", json!({"username": ALL, "password": "guess"})).await;
    assert_eq!((wrong.status, wrong.code()), (401, "credentials"));
    assert_eq!(client.post("/authentication", json!({"username": ALL})).await.status, 422);
    assert_eq!(client.get("/authentication").await.status, 405);
}

#[tokio::test]
async fn a02_a_new_token_kills_the_older_one_of_that_name_only() {
    let sandbox = open(config(0));
    let first = Client::new(&sandbox).log_in(ALL).await;
    let other = Client::new(&sandbox).log_in(HALF).await;
    let rival = Client::new(&sandbox).log_in(ALL).await;
    assert_eq!(first.get("/users").await.status, 401);
    assert_eq!(rival.get("/users").await.status, 200);
    assert_eq!(other.get("/users").await.status, 200);
}

#[tokio::test]
async fn a03_a_token_lives_four_hours() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    sandbox.clock().set(at("2026-03-02T11:59:59Z"));
    assert_eq!(client.get("/users").await.status, 200);
    sandbox.clock().set(at("2026-03-02T12:00:00Z"));
    let answer = client.get("/users").await;
    assert_eq!((answer.status, answer.code()), (401, "token"));
    assert_eq!(client.log_in(ALL).await.get("/users").await.status, 200);
}

#[tokio::test]
async fn a04_users_outside_the_scope_are_hidden_silently_and_creating_them_doubles_them() {
    let sandbox = open(config(60));
    let all = Client::new(&sandbox).log_in(ALL).await;
    let half = Client::new(&sandbox).log_in(HALF).await;
    let total = |answer: &crate::client::Answer| answer.body["totalItems"].as_u64().expect("a count");
    let (seen, everyone) = (total(&half.get("/users").await), total(&all.get("/users").await));
    assert!(0 < seen && seen < everyone, "{seen} of {everyone}");

    let hidden = all.get("/users?_limit=1000").await.users().into_iter().find(|user| user["jobTitle"] == "VP Engineering");
    let hidden = hidden.expect("the seeded company has a head of Engineering");
    let (id, key) = (hidden["id"].as_str().unwrap(), hidden["externalId"].as_str().unwrap());
    assert_eq!(half.get(&format!("/users/{id}")).await.status, 404);
    assert_eq!(half.put(&format!("/users/{id}"), json!({"jobTitle": "x"})).await.status, 404);
    assert_eq!(half.get(&format!("/users/{id}/enrollments")).await.status, 404);
    let course = all.course("Security Basics").await;
    assert_eq!(half.post("/enrollments", json!({"userId": id, "courseId": course})).await.status, 404);
    assert_eq!(total(&half.get(&format!("/users?externalId={key}")).await), 0);

    // The same user name is refused, for a reason that the admin cannot look up …
    let department = all.department("Sales").await;
    let mut double = json!({"firstName": "A", "lastName": "B", "username": hidden["username"], "password": "pw",
        "departmentId": department, "externalId": key});
    assert_eq!(half.post("/users", double.clone()).await.status, 422);
    let batch = half.post("/users/batch", json!({"users": [double]})).await;
    assert_eq!((batch.status, batch.body["errors"][0]["message"].as_str().unwrap()), (422, "username is taken"));
    assert_eq!(half.post("/users/batch", json!({"users": [{"id": id, "jobTitle": "x"}]})).await.body["failed"], 1);
    // … and under another name the person gets a second account.
    double["username"] = json!("second.account");
    assert_eq!(half.post("/users/batch", json!({"users": [double]})).await.status, 200);
    assert_eq!(total(&all.get(&format!("/users?externalId={key}")).await), 2);

    let elsewhere = all.department("Engineering").await;
    let outside = json!({"firstName": "A", "lastName": "B", "username": "c", "password": "p", "departmentId": elsewhere});
    assert_eq!(half.post("/users", outside).await.status, 403);
    assert_eq!(half.post("/departments", json!({"name": "Below", "parentId": elsewhere})).await.status, 403);
    assert_eq!(half.post("/departments", json!({"name": "Below", "parentId": department})).await.status, 201);
    let below = all.department("Below").await;
    let inside = json!({"firstName": "A", "lastName": "B", "username": "c", "password": "p", "departmentId": below});
    assert_eq!(half.post("/users", inside).await.status, 201, "scope holds what is below a department too");
}

#[tokio::test]
async fn a05_pages_are_rows_and_what_changes_between_them_moves_them() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    for name in ["d", "f", "h", "j"] {
        client.make(name, json!({})).await;
    }
    let first = client.get("/users?_limit=3&_offset=2").await;
    let envelope = ["totalItems", "returnedItems", "limit", "offset"].map(|member| first.body[member].clone());
    assert_eq!(envelope, [json!(6), json!(3), json!(3), json!(2)]);
    assert_eq!(first.names(), ["f", "h", HALF]);
    client.make("b", json!({})).await;
    // That one comes twice because somebody came before it; in the other direction somebody would be missed.
    assert_eq!(client.get("/users?_limit=3&_offset=5").await.names(), [HALF, "j"]);
    assert_eq!(client.get("/users?_offset=99").await.body["users"], json!([]));
    assert_eq!(client.get("/users").await.body["limit"], 20);
    assert_eq!(client.get("/users?_limit=1000").await.status, 200);
    for query in ["_limit=1001", "_limit=0", "_limit=x", "_offset=-1", "_sort=shoeSize", "modifiedSince=soon"] {
        assert_eq!(client.get(&format!("/users?{query}")).await.status, 422, "{query}");
    }
    assert_eq!(client.get("/users?_sort=-username&_limit=2").await.names(), ["j", HALF]);
}

#[tokio::test]
async fn lists_sort_and_filter_without_case() {
    let sandbox = open(config(0));
    sandbox.clock().set(at("2026-03-02T23:00:00Z"));
    let client = Client::new(&sandbox).log_in(ALL).await;
    client.make("one", json!({"lastName": "beta", "externalId": "K1", "emailAddress": "One@x.example"})).await;
    client.make("Two", json!({"lastName": "Alpha", "externalId": "K2"})).await;
    sandbox.clock().set(at("2026-03-03T00:30:00.250Z"));
    client.make("three", json!({"lastName": "alpha", "externalId": "k1"})).await;
    let names = async |query: &str| client.get(&format!("/users?{query}")).await.names();
    assert_eq!(names("externalId=K1").await, ["one", "three"]);
    assert_eq!(names("username=TWO").await, ["Two"]);
    assert_eq!(names("email=one@X.example").await, ["one"]);
    assert_eq!(names("externalId=K1&username=two").await, [""; 0]);
    assert_eq!(names("_sort=LastName,-username&modifiedSince=2026-03-01").await, ["Two", "three", "one"]);
    for since in ["2026-03-03", "2026-03-03T00:30:00.25", "2026-03-03T00:30:00.25Z", "2026-03-03T01:30:00.25%2B01:00"] {
        assert_eq!(names(&format!("modifiedSince={since}")).await, ["three"], "{since}");
    }
    assert_eq!(names("modifiedSince=2026-03-03T00:30:01").await, [""; 0]);
}

#[tokio::test]
async fn a06_a_put_clears_what_it_leaves_out_and_wakes_the_inactive() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let role = client.get("/roles").await.body["roles"][0]["id"].clone();
    let given = json!({"emailAddress": "a@x.example", "externalId": "K", "jobTitle": "Clerk", "dateHired": "2026-01-02",
        "customFields": {"String1": "s", "decimal2": 1.5}, "roleIds": [role], "isInstructor": true, "activeStatus": "inactive"});
    let id = client.make("a", given).await;
    let before = client.get(&format!("/users/{id}")).await.body;
    assert_eq!(before["activeStatus"], "Inactive");
    assert_eq!(before["dateHired"], "2026-01-02T00:00:00", "dates come back .NET style");
    assert_eq!(before["customFields"], json!({"string1": "s", "decimal2": 1.5}));
    assert!(before.get("password").is_none());
    sandbox.clock().set(at("2026-03-02T09:00:00Z"));

    let after = client.put(&format!("/users/{id}"), json!({"FIRSTNAME": "New", "jobTitle": "Boss"})).await;
    assert_eq!(after.status, 200);
    for kept in ["id", "lastName", "username", "departmentId", "roleIds", "isInstructor", "dateAdded"] {
        assert_eq!(after.body[kept], before[kept], "{kept}");
    }
    for cleared in ["emailAddress", "externalId", "dateHired"] {
        assert_eq!(after.body[cleared], Value::Null, "{cleared}");
    }
    assert_eq!(after.body["customFields"], json!({}));
    assert_eq!((&after.body["firstName"], &after.body["jobTitle"]), (&json!("New"), &json!("Boss")));
    assert_eq!(after.body["activeStatus"], "Active", "back to its default");
    assert_eq!(after.body["dateEdited"], "2026-03-02T09:00:00");
    assert_eq!(client.get("/users?externalId=K").await.body["totalItems"], 0);

    // Nothing new: as if it had not been sent.
    sandbox.clock().set(at("2026-03-02T10:00:00Z"));
    let again = client.put(&format!("/users/{id}"), json!({"firstName": "New", "jobTitle": "Boss"})).await;
    assert_eq!(again.body["dateEdited"], "2026-03-02T09:00:00");
}

#[tokio::test]
async fn a07_a_create_needs_five_members_the_password_too() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let whole = json!({"firstName": "A", "lastName": "B", "username": "a", "departmentId": client.department("Acme").await,
        "password": "pw"});
    for left_out in ["firstName", "lastName", "username", "departmentId", "password"] {
        for value in [None, Some(Value::Null), Some(json!(""))] {
            let mut body = whole.clone();
            body.as_object_mut().unwrap().remove(left_out);
            value.map(|value| body.as_object_mut().unwrap().insert(left_out.to_owned(), value));
            let answer = client.post("/users", body).await;
            assert_eq!(answer.status, 422, "{left_out}");
            assert_eq!(answer.body["validations"][0]["field"], left_out);
            let members: Vec<_> = answer.body.as_object().unwrap().keys().collect();
            assert_eq!(members, ["_meta", "code", "message", "term", "validations"]);
        }
    }
    let made = client.post("/users", whole).await;
    assert_eq!((made.status, &made.body["username"], &made.body["isAdmin"]), (201, &json!("a"), &json!(false)));
    assert!(!made.text.contains("pw"), "a password is never returned");
}

#[tokio::test]
async fn bad_values_are_refused_by_name() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let id = client.make("a", json!({})).await;
    let nobody = "00000000-0000-4000-8000-000000000000";
    let bad = [
        ("departmentId", json!(nobody)),
        ("departmentId", json!("Sales")),
        ("supervisorId", json!(nobody)),
        ("activeStatus", json!(1)),
        ("activeStatus", json!("Gone")),
        ("gender", json!(3)),
        ("languageId", json!(99)),
        ("emailAddress", json!("nobody")),
        ("ccEmailAddresses", json!(["a@b", "a@b", "a@b", "a@b", "a@b", "a@b"])),
        ("employeeNumber", json!(7)),
        ("firstName", json!("x".repeat(256))),
        ("firstName", Value::Null),
        ("dateHired", json!("yesterday")),
        ("roleIds", json!([nobody])),
        ("customFields", json!({"decimal1": "one"})),
        ("isLearner", json!("yes")),
    ];
    for (member, value) in bad {
        let answer = client.put(&format!("/users/{id}"), json!({ member: value })).await;
        assert_eq!((answer.status, &answer.body["validations"][0]["field"]), (422, &json!(member)), "{}", answer.text);
    }
    assert_eq!(client.get("/users/7").await.status, 422);
    assert_eq!(client.get(&format!("/users/{nobody}")).await.status, 404);
    assert_eq!(client.put(&format!("/users/{nobody}"), json!({})).await.status, 404);
    assert_eq!(client.put(&format!("/users/{id}"), json!([])).await.status, 400);
    assert_eq!(client.send("POST", "/users", Some("{".to_owned())).await.status, 400);
    assert_eq!(client.put(&format!("/users/{id}"), json!({"shoeSize": 9, "supervisorId": id})).await.status, 200);
}

#[tokio::test]
async fn a08_a_batch_applies_what_is_valid_and_stops_at_two_hundred() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let root = client.department("Acme").await;
    let new = |n: usize| {
        json!({"firstName": "F", "lastName": "L", "username": format!("u{n}"), "externalId": format!("K{n}"),
        "password": "pw", "departmentId": root, "jobTitle": "Clerk"})
    };
    let mut items: Vec<Value> = (0..200).map(new).collect();
    items[5]["departmentId"] = json!("nowhere");
    items[7] = json!("text");
    let answer = client.post("/users/batch", json!({"Users": items})).await;
    assert_eq!(answer.status, 422);
    assert_eq!((&answer.body["succeeded"], &answer.body["failed"]), (&json!(198), &json!(2)));
    let failed: Vec<_> = answer.body["errors"].as_array().unwrap().iter().map(|error| error["index"].clone()).collect();
    assert_eq!(failed, [json!(5), json!(7)]);
    assert_eq!(client.get("/users").await.body["totalItems"], 200);

    let too_many: Vec<Value> = (300..501).map(new).collect();
    let answer = client.post("/users/batch", json!({"users": too_many})).await;
    assert_eq!((answer.status, answer.code()), (422, "validation"));
    assert_eq!(client.get("/users").await.body["totalItems"], 200);

    // By id, by name, by external id; what is left out is cleared; the name of the third changes.
    let id = client.get("/users?username=u0").await.users()[0]["id"].clone();
    let items = json!([{"id": id, "firstName": "G"}, {"username": "U1", "firstName": "G"},
        {"externalId": "k2", "username": "renamed", "firstName": "G", "externalid": "K2"}]);
    let answer = client.post("/users/batch", json!({"users": items})).await;
    assert_eq!((answer.status, answer.body), (200, json!({"succeeded": 3, "failed": 0, "errors": []})));
    for (name, key) in [("u0", Value::Null), ("u1", Value::Null), ("renamed", json!("K2"))] {
        let user = client.get(&format!("/users?username={name}")).await.users()[0].clone();
        assert_eq!([&user["firstName"], &user["externalId"], &user["jobTitle"]], [&json!("G"), &key, &Value::Null]);
    }
    assert_eq!(client.get("/users").await.body["totalItems"], 200);

    // An item meets the items before it; one that says nothing of a user's name is a create without one.
    let items = json!([new(900), {"username": "u900", "jobTitle": "Boss"}, {"externalId": "K2"}, {"externalId": "none"}]);
    let answer = client.post("/users/batch", json!({"users": items})).await;
    assert_eq!((answer.status, &answer.body["succeeded"]), (422, &json!(3)));
    assert_eq!(client.get("/users?username=u900").await.users()[0]["jobTitle"], "Boss");
    assert_eq!(client.post("/users/batch", json!({"users": []})).await.status, 200);
    assert_eq!(client.post("/users/batch", json!([])).await.status, 400);
}

#[tokio::test]
async fn a09_the_three_hundred_and_first_at_once_is_a_bare_429() {
    let mut config = config(0);
    config.options.limit = sandbox::Limit::Default;
    let sandbox = open(config);
    let client = Client::new(&sandbox).log_in(ALL).await;
    for _ in 0..299 {
        assert_eq!(client.get("/languages").await.status, 200);
    }
    let refused = client.get("/languages").await;
    assert_eq!((refused.status, refused.text.as_str()), (429, ""));
    assert!(refused.headers.keys().all(|name| !name.as_str().contains("retry") && !name.as_str().contains("rate")));
    sandbox.clock().set(at("2026-03-02T08:00:00.5Z"));
    for _ in 0..100 {
        assert_eq!(client.get("/languages").await.status, 200);
    }
    assert_eq!(client.get("/languages").await.status, 429);
}

#[tokio::test]
async fn a10_nothing_is_deleted() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let id = client.make("a", json!({"emailAddress": "a@x.example"})).await;
    for path in [format!("/users/{id}"), "/users".to_owned(), "/departments".to_owned(), "/courses".to_owned()] {
        assert_eq!(client.send("DELETE", &path, None).await.status, 405, "{path}");
        assert_eq!(client.send("PATCH", &path, None).await.status, 405, "{path}");
    }
    assert_eq!(client.put(&format!("/users/{id}"), json!({"activeStatus": "Inactive"})).await.status, 200);
    assert_eq!(client.get(&format!("/users/{id}")).await.body["activeStatus"], "Inactive");
    assert_eq!(client.get("/users?username=a").await.body["totalItems"], 1);
}

#[tokio::test]
async fn a11_a_user_name_is_unique_whoever_has_it() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let inactive = client.make("Jane", json!({"activeStatus": "Inactive"})).await;
    let other = client.make("john", json!({})).await;
    let body = json!({"firstName": "J", "lastName": "D", "username": "jANE", "password": "pw",
        "departmentId": client.department("Acme").await});
    let answer = client.post("/users", body).await;
    assert_eq!((answer.status, &answer.body["validations"][0]["message"]), (422, &json!("is taken")));
    assert_eq!(client.put(&format!("/users/{other}"), json!({"username": "JANE"})).await.status, 422);
    assert_eq!(client.put(&format!("/users/{inactive}"), json!({"username": "JANE"})).await.status, 200);
    assert_eq!(client.get("/users").await.body["totalItems"], 4);
}

#[tokio::test]
async fn a12_the_clock_of_the_portal_is_in_its_answers() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    assert_eq!(client.get("/users").await.headers["date"], "Mon, 02 Mar 2026 08:00:00 GMT");
}

#[tokio::test]
async fn a14_an_account_made_by_signing_in_needs_no_password_and_stays_as_it_is() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let root = client.department("Acme").await;
    let members = json!({"firstName": "J", "lastName": "D", "username": "jit", "departmentId": root, "jobTitle": "Clerk"});
    let id = sandbox.put_user(members.clone()).expect("no such name yet");
    assert_eq!(client.get("/users?username=jit").await.users()[0]["id"], json!(id));
    sandbox.put_user(json!({"username": "jit", "activeStatus": "Inactive"})).expect("a merged duplicate");
    let user = client.get(&format!("/users/{id}")).await.body;
    assert_eq!((&user["activeStatus"], &user["jobTitle"]), (&json!("Inactive"), &json!("Clerk")));
    assert!(sandbox.put_user(json!({"username": "nobody"})).is_err());
}

#[tokio::test]
async fn a16_only_the_present_api_is_served_in_its_own_words() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    for path in ["/api/rest/v1/users", "/authenticate", "/users/upload/x", "/"] {
        let answer = client.get(path).await;
        assert_eq!((answer.status, answer.code()), (404, "notFound"), "{path}");
    }
}

#[tokio::test]
async fn a17_enrollments_are_a_bare_array_with_integer_statuses() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let id = client.make("a", json!({})).await;
    let path = format!("/users/{id}/enrollments");
    assert_eq!(client.get(&path).await.body, json!([]));
    let (welcome, security) = (client.course("Welcome to Acme").await, client.course("Security Basics").await);
    let enrol = json!({"userId": id, "courseId": welcome});
    let made = client.post("/enrollments", enrol.clone()).await;
    assert_eq!(made.status, 201);
    client.post("/enrollments", json!({"UserId": id, "CourseId": security})).await;
    let list = client.get(&path).await.body;
    assert_eq!(list[1]["id"], made.body["enrollmentId"], "in the order of the courses' names");
    assert_eq!([&list[1]["courseId"], &list[1]["status"], &list[1]["completedDate"]], [&json!(welcome), &json!(0), &Value::Null]);

    sandbox.clock().set(at("2026-03-02T09:00:00Z"));
    sandbox.put_enrollment(id.parse().unwrap(), "welcome to acme", 3).expect("enrolled above");
    assert_eq!(client.post("/enrollments", enrol.clone()).await.status, 409, "also when it is complete");
    let again = json!({"userId": id, "courseId": welcome, "reEnroll": true});
    assert_eq!(client.post("/enrollments", again).await.status, 201);
    let done = client.get(&format!("{path}?status=3&modifiedSince=2026-03-02T09:00:00Z")).await.body;
    assert_eq!((done.as_array().unwrap().len(), &done[0]["isActive"]), (1, &json!(false)), "kept as history");
    assert_eq!(done[0]["completedDate"], "2026-03-02T09:00:00");
    assert_eq!(client.get(&path).await.body.as_array().unwrap().len(), 3);
    assert_eq!(client.get(&format!("{path}?_limit=1&_offset=1")).await.body.as_array().unwrap().len(), 1);

    let nobody = "00000000-0000-4000-8000-000000000000";
    for (user, course, status) in [(nobody, &*welcome, 404), (&*id, nobody, 422), ("7", &welcome, 422)] {
        assert_eq!(client.post("/enrollments", json!({"userId": user, "courseId": course})).await.status, status);
    }
    assert_eq!(client.post("/enrollments", json!({"userId": id})).await.status, 422);
    for query in ["status=Complete", "status=13", "modifiedSince=x"] {
        assert_eq!(client.get(&format!("{path}?{query}")).await.status, 422);
    }
}

#[tokio::test]
async fn a18_the_admins_are_users_and_an_inactive_one_is_locked_out() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let admins = client.get("/users").await.users();
    assert_eq!(admins.len(), 2);
    assert!(admins.iter().all(|user| user["isAdmin"] == json!(true)));
    let own = admins.iter().find(|user| user["username"] == ALL).expect("the caller");
    let path = format!("/users/{}", own["id"].as_str().unwrap());
    assert_eq!(client.put(&path, json!({"activeStatus": "Inactive"})).await.status, 200);
    let answer = client.post("/authentication", json!({"username": ALL, "password": "pw"})).await;
    assert_eq!((answer.status, answer.code()), (401, "credentials"));
}

#[tokio::test]
async fn a19_a_department_enrols_whoever_comes_to_it() {
    let mut config = config(0);
    config.rules = vec![rule("Sales", "Selling with Acme", false), rule("Sales", "Security Basics", true)];
    let sandbox = open(config);
    let client = Client::new(&sandbox).log_in(ALL).await;
    let sales = client.post("/departments", json!({"name": "Sales"})).await.body["id"].clone();
    let id = client.make("a", json!({})).await;
    let path = format!("/users/{id}");
    let statuses = async || client.get(&format!("{path}/enrollments")).await.body.as_array().unwrap().len();
    assert_eq!(statuses().await, 0);
    client.put(&path, json!({"departmentId": sales})).await;
    assert_eq!(statuses().await, 2);
    client.put(&path, json!({"departmentId": sales, "jobTitle": "x"})).await;
    assert_eq!(statuses().await, 2, "who stays is not enrolled again");
    client.put(&path, json!({"departmentId": client.department("Acme").await})).await;
    client.put(&path, json!({"departmentId": sales})).await;
    assert_eq!(statuses().await, 3, "the second rule starts again, the first does not");
}

#[tokio::test]
async fn a20_who_is_moved_out_of_the_scope_is_gone_for_the_mover() {
    let sandbox = open(config(40));
    let all = Client::new(&sandbox).log_in(ALL).await;
    let half = Client::new(&sandbox).log_in(HALF).await;
    let user = half.get("/users?externalId=E00002").await.users()[0].clone();
    let path = format!("/users/{}", user["id"].as_str().unwrap());
    let moved = half.put(&path, json!({"departmentId": all.department("Engineering").await})).await;
    assert_eq!((moved.status, &moved.body["id"]), (200, &user["id"]));
    assert_eq!(half.get(&path).await.status, 404);
    assert_eq!(half.put(&path, json!({"departmentId": user["departmentId"]})).await.status, 404);
    assert_eq!(all.get(&path).await.status, 200);
}

#[tokio::test]
async fn departments_and_the_catalog_are_as_the_contract_shapes_them() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let list = client.get("/departments").await.body;
    assert_eq!((&list["totalItems"], &list["departments"][0]["name"]), (&json!(1), &json!("Acme")));
    let root = list["departments"][0]["id"].clone();
    let made = client.post("/departments/", json!({"Name": "Sales", "externalId": "D1"})).await;
    assert_eq!((made.status, &made.body["parentId"]), (201, &root));
    assert_eq!(client.get("/departments?externalId=d1").await.body["departments"], json!([made.body]));
    assert_eq!(client.get(&format!("/departments/{}", made.body["id"].as_str().unwrap())).await.body, made.body);
    for body in [
        json!({}),
        json!({"name": 7}),
        json!({"name": "x", "parentId": "x"}),
        json!({"name": "x", "parentId": "00000000-0000-4000-8000-000000000000"}),
    ] {
        assert_eq!(client.post("/departments", body).await.status, 422);
    }
    // Twice the same is two of them: who is not sure must look.
    assert_eq!(client.post("/departments", json!({"name": "Sales", "externalId": "D1"})).await.status, 201);
    assert_eq!(client.get("/departments?externalId=D1").await.body["totalItems"], 2);

    for name in ["courses", "roles", "groups"] {
        let list = client.get(&format!("/{name}?_limit=2&_offset=1")).await.body;
        assert_eq!((list[name].as_array().unwrap().len(), &list["offset"]), (2, &json!(1)), "{name}");
    }
    for name in ["languages", "countries", "provinces", "tags", "customfielddefinitions"] {
        assert!(client.get(&format!("/{name}")).await.body.is_array(), "{name}");
    }
    let course = client.course("Security Basics").await;
    assert_eq!(client.get(&format!("/courses/{course}")).await.body["name"], "Security Basics");
}

#[tokio::test]
async fn a_company_is_seeded_the_same_every_time() {
    let ids = async |seed: u64| {
        let mut config = config(300);
        config.options.seed = Some(seed);
        let client = Client::new(&open(config)).log_in(ALL).await;
        let users = client.get("/users?_limit=1000").await;
        let made = client.make("new", json!({})).await;
        (users.text, made)
    };
    let (first, again, other) = (ids(7).await, ids(7).await, ids(8).await);
    assert_eq!(first, again);
    assert_ne!(first.1, other.1);

    let client = Client::new(&open(config(300))).log_in(ALL).await;
    let users = client.get("/users?_limit=1000").await.users();
    assert_eq!(users.len(), 302);
    assert_eq!(client.get("/departments").await.body["totalItems"], 9);
    let inactive = users.iter().filter(|user| user["activeStatus"] == "Inactive").count();
    assert!((5..50).contains(&inactive), "{inactive}");
    let mut statuses = std::collections::BTreeSet::new();
    for user in &users {
        let path = format!("/users/{}/enrollments", user["id"].as_str().unwrap());
        statuses.extend(client.get(&path).await.body.as_array().unwrap().iter().map(|one| one["status"].as_u64().unwrap()));
    }
    assert!(statuses.len() >= 8, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn it_serves_on_loopback_with_the_date_of_its_own_clock() {
    let sandbox: Sandbox = open(config(0));
    let running = sandbox.start().await.expect("a free port");
    assert!(running.address.ip().is_loopback());
    assert_eq!(running.url(), format!("http://{}", running.address));
    let address = running.address;
    let exchange = move || {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.write_all(b"GET /users HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    let answer = tokio::task::spawn_blocking(exchange).await.expect("no panic").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(answer.to_lowercase().matches("\r\ndate: ").count(), 1);
    assert!(answer.contains("Mon, 02 Mar 2026 08:00:00 GMT"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn ids_do_not_depend_on_who_the_admins_are() {
    let ids = async |more: &str| {
        let mut config = config(50);
        config.admins[1].username = more.to_owned();
        let client = Client::new(&open(config)).log_in(ALL).await;
        let users = client.get("/users?_limit=1000").await.users();
        let people = users.into_iter().filter(|user| user["isAdmin"] == json!(false));
        let mut ids: Vec<_> = people.map(|user| (user["externalId"].to_string(), user["id"].to_string())).collect();
        ids.sort();
        (ids, client.make("new", json!({})).await)
    };
    let someone = {
        let users = open(config(50)).users();
        users.iter().find(|user| user["externalId"] == "E00007").expect("seeded")["username"].as_str().unwrap().to_owned()
    };
    let (plain, clashing) = (ids("other@acme.example").await, ids(&someone).await);
    assert_eq!(plain.0.len(), 50);
    assert_eq!(plain, clashing);
}

#[tokio::test]
async fn the_admin_pages_change_what_the_api_shows_and_tell_no_secret() {
    let sandbox = open(config(20));
    let client = Client::new(&sandbox).log_in(ALL).await;
    assert_eq!(sandbox.users().len(), 22);
    let user = sandbox.users().into_iter().find(|user| user["externalId"] == "E00002").expect("seeded");
    sandbox.put_user(json!({"id": user["id"], "jobTitle": "Edited meanwhile"})).expect("a known user");
    let shown = client.get(&format!("/users/{}", user["id"].as_str().unwrap())).await.body;
    assert_eq!((&shown["jobTitle"], &shown["emailAddress"]), (&json!("Edited meanwhile"), &user["emailAddress"]));
    sandbox.put_department("Lab", Some("Engineering")).expect("a parent");
    assert!(sandbox.put_department("Lab", Some("Nowhere")).is_err());
    assert_eq!(sandbox.departments().len(), 10);
    let enrollments = sandbox.enrollments().len();
    sandbox.put_enrollment(user["id"].as_str().unwrap().parse().unwrap(), "Leading a Team", 1).expect("a course");
    assert_eq!(sandbox.enrollments().len(), enrollments + 1);

    let token = client.token.expect("logged in");
    for text in [format!("{sandbox:?}"), format!("{:?}", config(0))] {
        assert!(!text.contains("\"pw\"") && !text.contains("\"key\"") && !text.contains(&token));
    }
}

#[tokio::test]
async fn wrong_options_are_told() {
    let refused = |change: &dyn Fn(&mut sandbox::absorb::Config)| {
        let mut config = config(0);
        change(&mut config);
        Sandbox::open(config).expect_err("it cannot be used").to_string()
    };
    assert!(refused(&|config| config.rules = vec![rule("Sales", "Sailing", false)]).contains("`Sailing`"));
    assert!(refused(&|config| config.admins[1].username = ALL.to_uppercase()).contains(ALL));
    assert!(refused(&|config| config.api_key = "".into()).contains("API key"));
}

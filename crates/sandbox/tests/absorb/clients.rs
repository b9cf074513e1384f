//! How clients that others wrote talk to Absorb: their ways of logging in, paging, filtering and writing back, each as one
//! whole job against the sandbox.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::client::{ALL, Client, config, open, vendor};
use serde_json::{Value, json};

/// What a script's HTTP library sends for these parameters: `+` for spaces, all else encoded.
fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// One request over a socket of its own.
fn over_tcp(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value, String) {
    let mut stream = TcpStream::connect(address).expect("the sandbox listens");
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()));
    stream.write_all(text.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
    (status, serde_json::from_str(body).unwrap_or(Value::Null), body.to_owned())
}

/// A script that copies one field of every user into a custom one: it takes the quotes off the token, sends it bare, walks
/// pages by number with a filter, and puts every record back whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_field_sync_over_tcp() {
    let sandbox = open(vendor(450));
    let running = sandbox.start().await.expect("a free port");
    let address = running.address;
    let job = move || {
        let json_type = ("Content-Type", "application/json");
        let key = ("x-api-key", "key");
        let body = json!({"username": ALL, "password": "pw", "privateKey": "key"}).to_string();
        let (status, _, text) = over_tcp(address, "POST", "/authenticate", &[key, json_type], &body);
        assert_eq!(status, 200, "{text}");
        let token = text.trim_matches('"').to_owned();
        let headers = [key, ("Authorization", token.as_str()), json_type];

        let (_, departments, _) = over_tcp(address, "GET", "/departments?_limit=1000", &headers, "");
        let found = departments["departments"].as_array().expect("a list").iter().find(|one| one["name"] == "Sales");
        let sales = found.expect("seeded")["id"].as_str().expect("an id").to_owned();
        let filter = format!("customFields/decimal1 eq null and departmentId eq guid'{sales}'");
        let (mut page, mut found) = (0, Vec::new());
        loop {
            let path = format!("/users?{}", query(&[("_limit", "30"), ("_offset", &page.to_string()), ("_filter", &filter)]));
            let (status, body, text) = over_tcp(address, "GET", &path, &headers, "");
            assert_eq!(status, 200, "{text}");
            let users = body["users"].as_array().expect("a list").clone();
            let last = users.len() < 30;
            found.extend(users);
            page += 1;
            if last {
                assert_eq!(body["totalItems"], found.len());
                break;
            }
        }
        assert!(page > 2 && found.iter().all(|user| user["departmentId"] == sales.as_str()), "{page} pages");
        for mut user in found.into_iter().take(5) {
            let number: f64 = user["externalId"].as_str().expect("seeded").trim_start_matches('E').parse().expect("a number");
            user["customFields"]["decimal1"] = json!(number);
            let path = format!("/users/{}", user["id"].as_str().expect("an id"));
            let (status, after, text) = over_tcp(address, "PUT", &path, &headers, &user.to_string());
            assert!(matches!(status, 200 | 201 | 204), "{text}");
            assert_eq!(after["customFields"]["decimal1"], json!(number));
            user["dateEdited"] = after["dateEdited"].clone();
            assert_eq!(after, user, "nothing else changed");
        }
        let (status, ..) = over_tcp(address, "GET", "/users", &[key, ("Authorization", "dead")], "");
        assert_eq!(status, 401, "upon which it logs in again");
    };
    tokio::task::spawn_blocking(job).await.expect("no panic");
    running.stop().await;
}

/// A dashboard: log-in with PascalCase names, `Bearer`, people looked up by an e-mail filter, enrollments fetched at once.
#[tokio::test]
async fn a_dashboard_that_looks_people_up_by_email() {
    let sandbox = open(vendor(40));
    let client = Client::new(&sandbox);
    let answer = client.post("/Authenticate", json!({"Username": ALL, "Password": "pw", "PrivateKey": "key"})).await;
    let token = format!("Bearer {}", answer.text.trim().trim_matches('"'));
    let headers =
        [("x-api-key", "key"), ("Content-Type", "application/json"), ("Accept", "application/json"), ("Authorization", &*token)];
    let wanted = sandbox.users().into_iter().filter(|user| user["isAdmin"] == json!(false)).take(10);
    let calls = wanted.map(|user| {
        let (client, token) = (client.clone(), token.clone());
        let email = user["emailAddress"].as_str().expect("seeded").to_uppercase();
        tokio::spawn(async move {
            let headers = [("x-api-key", "key"), ("authorization", &*token)];
            let path = format!("/users?{}", query(&[("_filter", &format!("emailAddress eq '{email}'")), ("_limit", "1")]));
            let found = client.call("GET", &path, &headers, None).await.users();
            assert_eq!((found.len(), &found[0]["id"]), (1, &user["id"]));
            let path = format!("/users/{}/enrollments?_limit=100", user["id"].as_str().expect("an id"));
            let body = client.call("GET", &path, &headers, None).await.body;
            body["enrollments"]
                .as_array()
                .expect("an envelope")
                .iter()
                .all(|one| one["status"].is_u64() && one["courseName"].is_string())
        })
    });
    for call in calls.collect::<Vec<_>>() {
        assert!(call.await.expect("no panic"));
    }
    let unknown = format!("/users?{}", query(&[("_filter", "emailAddress eq 'o''nobody@x.example'")]));
    assert_eq!(client.call("GET", &unknown, &headers, None).await.body["users"], json!([]));
}

/// An extract into a table, by OAuth: it renews its access with the refresh token it keeps, walks every list until a page is
/// empty, and asks next time only for what was edited since.
#[tokio::test]
async fn an_incremental_extract_by_oauth() {
    let sandbox = open(vendor(130));
    let browser = Client::new(&sandbox);
    let page = [
        ("client_id", "absorb-sandbox-client"),
        ("redirect_uri", "http://localhost:8123/done"),
        ("response_type", "code"),
        ("scope", "admin.v1"),
        ("decision", "allow"),
        ("username", ALL),
        ("password", "pw"),
    ];
    let sent = browser.call("POST", "/oauth/authorize", &[], Some(query(&page))).await;
    let location = sent.headers["location"].to_str().expect("text").to_owned();
    let code = location.strip_prefix("http://localhost:8123/done?code=").expect("a code and, without a state, nothing else");
    let own = [("client_id", "absorb-sandbox-client"), ("client_secret", "absorb-sandbox-client-secret")];
    let exchange = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", "http://localhost:8123/done")];
    let form = ("content-type", "application/x-www-form-urlencoded");
    let tokens = browser.call("POST", "/oauth/token", &[form], Some(query(&[&own[..], &exchange].concat()))).await.body;
    let refresh = tokens["refresh_token"].as_str().expect("one to keep").to_owned();
    sandbox.clock().set(crate::client::at("2026-05-01T08:00:00Z"));
    let renew = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let tokens = browser.call("POST", "/oauth/token", &[form], Some(query(&[&own[..], &renew].concat()))).await.body;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().expect("a token"));
    let get = async |path: &str, pairs: &[(&str, &str)]| {
        let headers = [("x-api-key", "key"), ("x-api-version", "2"), ("authorization", &*bearer)];
        let answer = browser.call("GET", &format!("{path}?{}", query(pairs)), &headers, None).await;
        assert_eq!(answer.status, 200, "{path} {}", answer.text);
        answer.body
    };
    let extract = async |path: &str, plural: &str, filter: &str| {
        let mut rows = Vec::new();
        for page in 0.. {
            let page = page.to_string();
            let pairs = [("_limit", "50"), ("_offset", &*page), ("_sort", "id"), ("_filter", filter)];
            let body = get(path, if filter.is_empty() { &pairs[..3] } else { &pairs }).await;
            let part = body[plural].as_array().expect("a list").clone();
            assert_eq!(body["returnedItems"], part.len());
            if part.is_empty() {
                assert_eq!(body["totalItems"], rows.len());
                return rows;
            }
            rows.extend(part);
        }
        rows
    };
    let users = extract("/users", "users", "").await;
    let ids: BTreeSet<_> = users.iter().map(|user| user["id"].as_str().expect("an id")).collect();
    assert_eq!((users.len(), ids.len()), (132, 132), "each once");
    for (path, plural, least) in
        [("/departments", "departments", 9), ("/courses", "courses", 8), ("/groups", "groups", 1), ("/roles", "roles", 1)]
    {
        assert!(extract(path, plural, "").await.len() >= least, "{path}");
    }
    for path in ["/countries", "/provinces", "/languages", "/tags", "/customfielddefinitions"] {
        assert!(get(path, &[]).await.as_array().is_some_and(|rows| !rows.is_empty()), "{path}");
    }

    sandbox.put_user(json!({"id": users[3]["id"], "jobTitle": "Edited"})).expect("a known user");
    let since = "dateEdited ge datetime'2026-05-01T00:00:00Z'";
    let changed = extract("/users", "users", since).await;
    assert_eq!((changed.len(), &changed[0]["jobTitle"]), (1, &json!("Edited")));
    let old_way = get("/users", &[("modifiedSince", "2026-05-01"), ("_sort", "-dateEdited")]).await;
    assert_eq!(old_way["users"], json!(changed));
}

/// An HR system: new people in uploads of two hundred, changes looked up by its own key, leavers made inactive.
#[tokio::test]
async fn an_hr_system_that_provisions() {
    let sandbox = open(vendor(0));
    let client = Client::new(&sandbox).authenticate(ALL).await;
    let department = client.post("/departments", json!({"name": "Plant 7", "externalId": "P7"})).await.body["id"].clone();
    let person = |n: usize| {
        json!({"Username": format!("p{n}@acme.example"), "Password": "Start-1234", "FirstName": "P", "LastName": n.to_string(),
            "DepartmentId": department, "EmailAddress": format!("p{n}@acme.example"), "ExternalId": format!("HR{n}"), "ActiveStatus": 0})
    };
    let all: Vec<Value> = (0..450).map(person).collect();
    let mut ids = Vec::new();
    for batch in all.chunks(200) {
        let answer = client.post("/users/upload", json!(batch)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        ids.extend(answer.body.as_array().expect("pairs").iter().map(|pair| pair["key"].clone()));
    }
    assert_eq!((ids.len(), &client.get("/users").await.body["totalItems"]), (450, &json!(451 + 1)));
    // The same again, as after a lost answer: the same people.
    let again = client.post("/users/upload", json!(all[..200])).await;
    assert_eq!((again.status, &again.body[199]["key"]), (200, &ids[199]));
    assert_eq!(client.get("/users").await.body["totalItems"], 452);

    let look = async |key: &str| client.get(&format!("/users?externalId={key}")).await.users();
    let mut moved = look("HR7").await.remove(0);
    moved["jobTitle"] = json!("Foreman");
    let path = format!("/users/{}", moved["id"].as_str().expect("an id"));
    assert_eq!(client.put(&path, moved).await.status, 201);
    let leaver = look("hr8").await.remove(0);
    let body = json!({"username": leaver["username"], "departmentId": leaver["departmentId"], "firstName": leaver["firstName"],
        "lastName": leaver["lastName"], "activeStatus": 1, "dateTerminated": "2026-03-02"});
    let path = format!("/users/{}", leaver["id"].as_str().expect("an id"));
    assert_eq!(client.put(&path, body).await.body["emailAddress"], leaver["emailAddress"], "kept");
    let inactive = client.get(&format!("/users?{}", query(&[("_filter", "activeStatus eq 1")]))).await;
    assert_eq!(inactive.names(), ["p8@acme.example"]);
    let rehired = client.post("/users", json!({"externalId": "HR8", "activeStatus": 0, "dateTerminated": null})).await;
    assert_eq!((rehired.status, &rehired.body["id"]), (200, &leaver["id"]));
}

/// The three stories of the guide, in its own words.
#[tokio::test]
async fn the_guide_s_provisioning_sync_and_offboarding() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let made = client
        .post(
            "/users",
            json!({"firstName": "Jane", "lastName": "Doe", "username": "jane.doe", "password": "Temp@1234",
                "departmentId": client.department("Acme").await, "emailAddress": "jane@example.com", "externalId": "E100"}),
        )
        .await;
    let id = made.body["id"].as_str().expect("to store").to_owned();
    let course = client.course("Welcome to Acme").await;
    assert_eq!(client.post("/enrollments", json!({"userId": id, "courseId": course})).await.status, 201);
    let found = client.get("/users?_limit=50&_offset=0&externalId=E100&modifiedSince=2026-03-02").await.users();
    assert_eq!(found[0]["id"], json!(id));
    let path = format!("/users/{id}");
    let changed = client.put(&path, json!({"firstName": "Jane", "lastName": "Smith", "jobTitle": "Manager"})).await.body;
    assert_eq!((&changed["lastName"], &changed["emailAddress"]), (&json!("Smith"), &Value::Null), "left out, and cleared");
    let gone = client.put(&path, json!({"activeStatus": "Inactive"})).await;
    assert_eq!((gone.status, &gone.body["id"], &gone.body["activeStatus"]), (200, &json!(id), &json!("Inactive")));
    let list = client.get(&format!("{path}/enrollments?status=0&modifiedSince=2025-01-01")).await.body;
    assert_eq!((&list[0]["courseId"], &list[0]["completedDate"]), (&json!(course), &Value::Null));
    // It has no filters: a parameter that it does not know changes nothing.
    assert_eq!(client.get("/users?_filter=what+is+this").await.body["totalItems"], 3);
}

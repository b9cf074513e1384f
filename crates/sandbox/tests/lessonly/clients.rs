//! Clients as others wrote them for the live API: each does here what its kind does there, in its own way of calling.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use sandbox::Options;
use sandbox::lessonly::{Config, Sandbox, VENDOR};
use serde_json::{Value, json};

use crate::api::{Api, basic, options};
use crate::{ids, keys};

fn company(people: usize) -> Api {
    Api::vendor_with(Options { people: Some(people), ..options() })
}

/// A BI extract in Python: v1.1 lists to `total_pages`, rows by named columns, custom fields and memberships in tables.
#[tokio::test]
async fn an_extract_walks_to_the_last_page_and_fills_its_tables() {
    let api = company(130);
    api.call("PUT", "/users/105", json!({ "custom_user_fields": [{ "name": "Team", "value": "North" }] })).await;
    let (mut users, mut fields, mut members, mut page) = (Vec::new(), Vec::new(), Vec::new(), 1);
    loop {
        let (status, list) = api.richer(&format!("/users?page={page}")).await;
        assert_eq!(status, 200);
        for user in list["users"].as_array().unwrap() {
            for column in ["archived_at", "business_unit", "email", "hire_date", "locale", "mobile_phone_number", "name", "role_id"] {
                assert!(user.get(column).is_some(), "{column}");
            }
            users.push(user["id"].as_u64().unwrap());
            fields.extend(user["custom_user_field_data"].as_array().unwrap().iter().map(|field| field["id"].as_u64().unwrap()));
            members.extend(ids(&user["groups"]["member"]));
        }
        if page >= list["total_pages"].as_u64().unwrap() {
            break;
        }
        page += 1;
    }
    users.sort_unstable();
    users.dedup();
    assert_eq!((users.len(), fields.len(), page, members.len()), (131, 1, 3, 130));

    let (mut rows, mut page) = (0, 1);
    loop {
        let (_, list) = api.richer(&format!("/assignments?gt%5Bupdated_at%5D=2000-01-01&page={page}&per_page=20")).await;
        for row in list["assignments"].as_array().unwrap() {
            let id_and_date = (row["id"].as_u64(), row["updated_at"].as_str().map(str::len));
            assert!(matches!(id_and_date, (Some(_), Some(20))), "{row}");
            rows += 1;
        }
        if page >= list["total_pages"].as_u64().unwrap() {
            assert_eq!(rows, list["total_assignments"].as_u64().unwrap());
            break;
        }
        page += 1;
    }
    for path in api.richer("/paths").await.1["paths"].as_array().unwrap() {
        let (_, path) = api.get(&format!("/paths/{}", path["id"])).await;
        assert!(path["contents"].as_array().unwrap().iter().all(|step| step["resource_type"] == "lesson" && step["id"].is_u64()));
    }
}

/// An HR system in Ruby: forms whose type stands in a header of another name, empty bodies for archive and restore, and a list
/// walked until a page has fewer than fifty.
#[tokio::test]
async fn an_hr_system_provisions_with_forms_and_empty_bodies() {
    let api = company(120);
    let create = "name=Mar%C3%ADa+L%C3%B3pez&email=maria%40acme.example&job_title=Buyer&department=Operations\
                  &location=Berlin&hire_date=2025-03-01&manager_name=Jane+Doe&role=learner";
    let form = "application/x-www-form-urlencoded";
    let (status, made) = api.raw("POST", "/api/v1/users", form, create).await;
    assert_eq!((status, &made["name"], &made["hire_date"]), (201, &json!("María López"), &json!("2025-03-01")));
    let id = made["id"].as_u64().unwrap();
    let (status, body) = api.raw("POST", "/api/v1/users", form, create).await;
    assert_eq!((status, keys(&body)), (400, vec!["error"]), "it logs the answer whatever it is");
    let update = "department=Finance&manager_name=&location=Chicago%2C+IL";
    let (status, changed) = api.raw("PUT", &format!("/api/v1/users/{id}"), form, update).await;
    assert_eq!((status, &changed["department"], &changed["location"]), (200, &json!("Finance"), &json!("Chicago, IL")));
    for verb in ["archive", "archive", "restore"] {
        let (status, user) = api.raw("PUT", &format!("/api/v1/users/{id}/{verb}"), form, "").await;
        assert_eq!((status, user["archived_at"].is_null()), (200, verb == "restore"));
    }
    let (mut page, mut emails) = (1, Vec::new());
    loop {
        let (status, list) = api.raw("GET", &format!("/api/v1/users?page={page}"), "", "").await;
        assert_eq!(status, 200);
        let users = list["users"].as_array().unwrap();
        emails.extend(users.iter().map(|user| user["email"].as_str().unwrap().to_lowercase()));
        if users.len() < 50 {
            break;
        }
        page += 1;
    }
    assert_eq!((page, emails.len(), emails.contains(&"maria@acme.example".to_owned())), (3, 122, true));
}

/// A web function in JavaScript, and a test suite in Java: find by e-mail, take the first, read its assignments.
#[tokio::test]
async fn a_look_up_by_email_takes_the_first_and_reads_its_lessons() {
    let api = company(30);
    let (_, list) = api.get("/users").await;
    let email = list["users"][3]["email"].as_str().unwrap().replace('@', "%40");
    let lesson =
        api.call("POST", "/lessons/4/assignments", json!({ "assignments": [{ "assignee_id": list["users"][3]["id"] }] })).await.1;
    let (status, found) = api.richer(&format!("/users?filter[email]={email}")).await;
    assert_eq!((status, &found["users"][0]["id"]), (200, &list["users"][3]["id"]));
    let (_, mine) = api.richer(&format!("/users/{}/assignments", found["users"][0]["id"])).await;
    let lessons = mine["assignments"].as_array().unwrap().iter().filter(|one| one["assignable_type"] == "Lesson");
    assert!(lessons.into_iter().any(|one| *one == lesson["assignments"][0]));
    let (_, nobody) = api.richer("/users?filter[email]=nobody%40acme.example").await;
    assert_eq!(nobody["users"], json!([]));
}

/// A Ruby gem that holds records as objects: it writes back all it read, with what changed in it.
#[tokio::test]
async fn a_gem_writes_back_the_whole_record_it_read() {
    let api = company(10);
    let (_, mut user) = api.get("/users/104").await;
    user["job_title"] = "Head of Everything".into();
    let (status, changed) = api.call("PUT", "/users/104", user.clone()).await;
    assert_eq!((status, &changed["type"], &changed["job_title"]), (200, &json!("update_user"), &user["job_title"]));

    let group = api.group("Developers").await;
    let path = format!("/groups/{group}");
    for id in [104, 105] {
        let mut members = api.get(&path).await.1["members"].as_array().unwrap().clone();
        members.push(api.get(&format!("/users/{id}")).await.1);
        let (_, mut whole) = api.get(&path).await;
        whole["members"] = members.into();
        assert_eq!(api.call("PUT", &path, whole).await.0, 200);
    }
    let (_, mut whole) = api.get(&path).await;
    assert_eq!(ids(&whole["members"]), [105, 104]);
    whole["members"][0]["remove"] = true.into();
    assert_eq!(ids(&api.call("PUT", &path, whole).await.1["members"]), [104]);

    let (_, list) = api.get("/courses/2/assignments").await;
    let mut assignments = list["assignments"].as_array().unwrap().clone();
    assignments.push(json!({ "assignee_id": 100, "due_by": "2027-01-01T10:00:00.000+01:00" }));
    let (status, made) = api.call("PUT", "/courses/2/assignments", json!({ "assignments": assignments })).await;
    assert_eq!((status, &made["assignments"][0]["due_by"]), (200, &json!("2027-01-01T09:00:00Z")));
    let (_, course) = api.get("/courses/2").await;
    assert!(course["lessons"].as_array().unwrap().iter().all(|lesson| lesson["title"].is_string()));
}

/// An Elixir client: a body of two quotes on reads and deletes, and types told apart by name.
#[tokio::test]
async fn a_client_that_always_sends_a_body_is_understood() {
    let api = Api::vendor();
    let (_, made) = api.call("POST", "/users", json!({ "name": "Test User", "email": "test@example.com", "role": "learner" })).await;
    let path = format!("/api/v1/users/{}", made["id"]);
    for (method, suffix, kind) in [
        ("GET", "", "user"),
        ("GET", "/groups", "user_groups"),
        ("GET", "/assignments", "user_assignments"),
        ("DELETE", "", "delete_user"),
    ] {
        let (status, answer) = api.raw(method, &format!("{path}{suffix}"), "application/json", "\"\"").await;
        assert_eq!((status, &answer["type"]), (200, &json!(kind)), "{method} {suffix}");
    }
}

/// A sync in PHP, Go or a workflow tool: joiner, mover, leaver and rehire by external id, groups by name.
#[tokio::test]
async fn a_user_sync_finds_by_external_id_and_moves_between_groups() {
    let api = company(25);
    let (_, groups) = api.get("/groups").await;
    let named = |name: &str| groups["groups"].as_array().unwrap().iter().find(|group| group["name"] == name).unwrap()["id"].clone();
    let (sales, support) = (named("Sales"), named("Support"));
    let (_, found) = api.get("/users?filter[ext_uid]=E90001").await;
    assert_eq!(found["total_users"], 0);
    let joiner = json!({ "name": "Nia Joiner", "email": "nia@acme.example", "ext_uid": 90001, "notify": "false", "role": "learner" });
    let (status, made) = api.call("POST", "/users", joiner).await;
    assert_eq!((status, &made["ext_uid"]), (201, &json!("90001")));
    let path = format!("/users/{}/groups", made["id"]);
    api.call("PUT", &path, json!({ "memberships": [{ "id": sales }] })).await;
    let moved = json!({ "memberships": [{ "id": sales.to_string(), "remove": "true" }, { "id": support.to_string() }] });
    assert_eq!(api.call("PUT", &path, moved).await.1["memberships"], json!([{ "id": support, "name": "Support" }]));
    let (_, found) = api.richer("/users?filter[ext_uid]=90001&filter[active_only]=true").await;
    assert_eq!((&found["users"][0]["id"], &found["users"][0]["groups"]["member"][0]["name"]), (&made["id"], &json!("Support")));
    let leave = format!("/api/v1/users/{}/archive", made["id"]);
    assert_eq!(api.raw("PUT", &leave, "", "").await.0, 200);
    assert_eq!(api.richer("/users?filter[ext_uid]=90001&filter[active_only]=true").await.1["total_users"], 0);
    let rehire = api.raw("PUT", &leave.replace("archive", "restore"), "application/json", "").await;
    assert_eq!((rehire.0, &rehire.1["id"]), (200, &made["id"]));
}

/// Over a real connection, as a shell script would: header names in any case, one connection for all, HEAD, and the answer to
/// one that does not send its key until it is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_over_one_real_connection() {
    let options = Options { people: Some(70), ..options() };
    let sandbox = Sandbox::open(Config { options, profile: &VENDOR, ..Config::default() }).unwrap();
    let running = sandbox.start().await.unwrap();
    let address = running.address;
    tokio::task::spawn_blocking(move || script(address)).await.unwrap();
    running.stop().await;
}

fn script(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).unwrap();
    let key = basic("acme:lessonly-sandbox-key");
    let mut ask = |request: String| exchange(&mut stream, &request);
    let (head, body) = ask("GET /api/v1/ping HTTP/1.1\r\nHost: x\r\n\r\n".to_owned());
    assert!(head.starts_with("HTTP/1.1 401") && body == br#"{"error":"Unauthorized"}"#, "{head}");
    assert!(head.to_lowercase().contains("www-authenticate: basic"), "{head}");

    let (head, body) =
        ask(format!("GET /api/v1/users?page=2&per_page=50 HTTP/1.1\r\nHOST: x\r\nAUTHORIZATION: {key}\r\nACCEPT: */*\r\n\r\n"));
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let list: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((list["users"].as_array().unwrap().len(), &list["total_users"]), (21, &json!(71)));

    let form = "name=Ana+Sil%C3%A9&email=ana%40acme.example&custom_user_fields[0][name]=Team&custom_user_fields[0][value]=South";
    let (head, body) = ask(format!(
        "POST /api/v1/users/ HTTP/1.1\r\nhost: x\r\nauthorization: {key}\r\ncontent_type: application/json\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    ));
    assert!(head.starts_with("HTTP/1.1 201"), "{head}");
    let user: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&user["type"], &user["custom_user_field_data"][0]["value"]), (&json!("create_user"), &json!("South")));

    let archive =
        format!("PUT /api/v1/users/{}/archive HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Length: 0\r\n\r\n", user["id"]);
    let (head, body) = ask(archive);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(serde_json::from_slice::<Value>(&body).unwrap()["archived_at"].as_str().unwrap().ends_with("-04:00"));
    let (head, body) = ask(format!("HEAD /api/v1/users HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n\r\n"));
    assert!(head.starts_with("HTTP/1.1 200") && body.is_empty(), "{head}");
    let (head, body) = ask(format!("DELETE /api/v1/users/{} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n\r\n", user["id"]));
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json!({ "type": "delete_user", "id": user["id"] }));
}

/// Sends a request and reads its answer: head, and as much body as the head announces (none for HEAD).
fn exchange(stream: &mut TcpStream, request: &str) -> (String, Vec<u8>) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; if request.starts_with("HEAD") { 0 } else { length }];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}

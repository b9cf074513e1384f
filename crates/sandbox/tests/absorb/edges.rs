//! The Absorb sandbox where requests are unusual: names exchanged in one call, orders of every list, wrong verbs, bodies
//! too large, many callers at once.

use crate::client::{ALL, Answer, Client, config, open};
use serde_json::{Value, json};

fn column(answer: &Answer, list: &str, member: &str) -> Vec<String> {
    let rows = if list.is_empty() { &answer.body } else { &answer.body[list] };
    let rows = rows.as_array().unwrap_or_else(|| panic!("no list: {} {}", answer.status, answer.text));
    rows.iter().map(|row| row[member].to_string()).collect()
}

#[tokio::test]
async fn a_batch_lets_users_exchange_their_names_and_a_restart_gives_the_same() {
    let dir = tempfile::tempdir().expect("a folder");
    let with_data = || {
        let mut config = config(0);
        config.options.data = Some(dir.path().to_owned());
        config
    };
    let sandbox = open(with_data());
    let client = Client::new(&sandbox).log_in(ALL).await;
    let (jane, john) = (client.make("jane", json!({})).await, client.make("john", json!({})).await);
    let items = json!([{"id": jane, "username": "held"}, {"id": john, "username": "jane"}, {"id": jane, "username": "john"}]);
    let answer = client.post("/users/batch", json!({"users": items})).await;
    assert_eq!((answer.status, &answer.body["succeeded"]), (200, &json!(3)), "{}", answer.text);

    let exchanged = async |client: &Client| {
        for (name, id) in [("jane", &john), ("john", &jane)] {
            let found = client.get(&format!("/users?username={name}")).await.users();
            assert_eq!(found.iter().map(|user| user["id"].as_str()).collect::<Vec<_>>(), [Some(id.as_str())], "{name}");
        }
        assert_eq!(client.get("/users?username=held").await.body["totalItems"], 0);
        let all = client.get("/users").await;
        assert_eq!((all.names().len(), &all.body["totalItems"]), (4, &json!(4)), "two admins, Jane and John");
    };
    exchanged(&client).await;
    drop((client, sandbox));
    let sandbox = open(with_data());
    exchanged(&Client::new(&sandbox).log_in(ALL).await).await;
}

#[tokio::test]
async fn every_list_is_sorted_as_asked_and_refuses_what_it_cannot_sort_by() {
    let sandbox = open(config(40));
    let client = Client::new(&sandbox).log_in(ALL).await;
    for list in ["departments", "courses", "roles", "groups"] {
        let plain = column(&client.get(&format!("/{list}")).await, list, "name");
        let mut downwards = plain.clone();
        downwards.reverse();
        assert_eq!(column(&client.get(&format!("/{list}?_sort=name")).await, list, "name"), plain, "{list}");
        assert_eq!(column(&client.get(&format!("/{list}?_sort=-NAME")).await, list, "name"), downwards, "{list}");
        let part = client.get(&format!("/{list}?_sort=-name&_limit=2&_offset=1")).await;
        assert_eq!(column(&part, list, "name"), downwards[1..3], "sorted before it is cut");
        assert_eq!(client.get(&format!("/{list}?_sort=shoeSize")).await.status, 422, "{list}");
    }
    // Ties keep the order of the first members: the root has no parent, the others share one.
    let answer = client.get("/departments?_sort=-parentId,-name").await;
    let names = column(&answer, "departments", "name");
    assert_eq!((names[0].as_str(), names[8].as_str()), ("\"Support\"", "\"Acme\""));

    let user = client.make("learner", json!({})).await;
    for course in ["Code of Conduct", "Security Basics", "Data Protection"] {
        let course = client.course(course).await;
        client.post("/enrollments", json!({"userId": user, "courseId": course})).await;
    }
    let path = format!("/users/{user}/enrollments");
    let by_course = ["\"Code of Conduct\"", "\"Data Protection\"", "\"Security Basics\""];
    assert_eq!(column(&client.get(&path).await, "", "courseName"), by_course);
    let downwards = column(&client.get(&format!("{path}?_sort=status,-courseName")).await, "", "courseName");
    assert_eq!(downwards, by_course.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(client.get(&format!("{path}?_sort=-courseName&_limit=1")).await.body[0]["courseName"], "Security Basics");
    assert_eq!(client.get(&format!("{path}?_sort=shoeSize")).await.code(), "validation");
}

#[tokio::test]
async fn paths_and_parameters_are_found_in_any_case() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    let id = client.make("someone", json!({})).await;
    for path in [
        "/USERS/",
        &format!("//Users/{}//", id.to_uppercase()),
        "/Departments",
        "/CustomFieldDefinitions/",
        "/users?_LIMIT=1&_Sort=-UserName",
    ] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    assert_eq!(client.get("/Users?USERNAME=SOMEONE").await.users()[0]["id"], json!(id));
    assert_eq!(client.post("/Users/Batch/", json!({"USERS": []})).await.status, 200);
    assert_eq!(client.post("/Authentication", json!({"USERNAME": ALL, "Password": "pw"})).await.status, 200);
}

#[tokio::test]
async fn a_known_path_refuses_other_verbs_and_a_body_too_large_is_an_error_like_others() {
    let sandbox = open(config(0));
    let client = Client::new(&sandbox).log_in(ALL).await;
    for (method, path) in
        [("GET", "/users/batch"), ("PUT", "/users/batch"), ("GET", "/enrollments"), ("DELETE", "/users"), ("POST", "/tags")]
    {
        let answer = client.send(method, path, None).await;
        assert_eq!((answer.status, answer.code()), (405, "methodNotAllowed"), "{method} {path}");
    }
    let answer = client.send("POST", "/users", Some("x".repeat((16 << 20) + 1))).await;
    assert_eq!((answer.status, &answer.body["validations"]), (413, &json!([])), "{}", answer.text);
    assert!(answer.headers.contains_key("date"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn hundreds_at_once_keep_the_ledger_in_order() {
    let dir = tempfile::tempdir().expect("a folder");
    let (ledger, log) = (dir.path().join("ledger"), dir.path().join("access"));
    let mut config = config(20);
    config.options.ledger = Some(ledger.clone());
    config.options.access_log = Some(log.clone());
    let sandbox = open(config);
    let client = Client::new(&sandbox).log_in(ALL).await;
    let root = client.department("Acme").await;
    let calls: Vec<_> = (0..300)
        .map(|n| {
            let (client, root) = (client.clone(), root.clone());
            tokio::spawn(async move {
                // Ten at a time ask for the same name: one gets it.
                let name = format!("n{}", n / 10);
                let user = json!({"firstName": "F", "lastName": "L", "username": name, "password": "pw", "departmentId": root});
                let made = client.post("/users", user).await.status;
                let listed = client.get(&format!("/users?_limit=7&_offset={n}&_sort=lastName")).await.status;
                // Another admin's log-in does not disturb this one's token.
                let other = client.post("/authentication", json!({"username": crate::client::HALF, "password": "pw"})).await.status;
                (made, listed, other)
            })
        })
        .collect();
    let mut made = 0;
    for call in calls {
        let (status, listed, other) = call.await.expect("no panic");
        assert!(matches!(status, 201 | 422) && (listed, other) == (200, 200), "{status} {listed} {other}");
        made += usize::from(status == 201);
    }
    assert_eq!(made, 30);

    let read = |path| -> Vec<Value> {
        let text = std::fs::read_to_string(path).expect("a file");
        text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect()
    };
    let (lines, calls) = (read(ledger), read(log));
    assert_eq!(lines.iter().map(|line| line["seq"].as_u64()).collect::<Vec<_>>(), (1..=30).map(Some).collect::<Vec<_>>());
    let mut numbers: Vec<_> = calls.iter().map(|call| call["seq"].as_u64()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=902).map(Some).collect::<Vec<_>>(), "a log-in, a look, and three calls each");
    for line in &lines {
        let call = calls.iter().find(|call| call["seq"] == line["call"]).expect("its request");
        assert_eq!((&call["status"], &call["path"]), (&json!(201), &json!("/users")));
    }
}

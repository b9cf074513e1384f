//! What whoever operates the server relies on: it says whether it lives and can work, what it has done, and it stops well.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::house::{House, command, serve_with};

#[test]
fn it_says_that_it_lives_that_it_can_work_and_what_it_has_done() {
    let house = House::new(8, "");
    for path in ["/healthz", "/readyz"] {
        let said = house.get("nobody", path);
        assert_eq!((said.status, said.header("cache-control")), (200, Some("no-store")), "{said:?}");
    }
    assert_eq!(house.get("nobody", "/metrics").status, 401);
    let job = house.job("operator", "/api/v1/plans", Some(&json!({})));
    let plan = job["came"]["plans"][0].as_str().expect("a plan").to_owned();
    let before = house.get("viewer", "/metrics").body;
    assert!(before.contains("provost_plans_waiting{held=\"no\"} 1"), "{before}");
    assert_eq!(house.post("approver", &format!("/api/v1/plans/{plan}/approve"), &json!({})).status, 200);
    house.job("operator", "/api/v1/runs", Some(&json!({ "plan": plan })));
    house.get("viewer", "/people/E00001");

    let said = house.get("viewer", "/metrics");
    assert!(said.header("content-type").is_some_and(|kind| kind.starts_with("application/openmetrics-text")), "{said:?}");
    let numbers = &said.body;
    assert!(numbers.ends_with("# EOF\n"), "{numbers}");
    for wanted in
        ["provost_runs_total{", "provost_steps_total{", "provost_app_requests_total{", "provost_store_size_bytes ", "/people/{person}"]
    {
        assert!(numbers.contains(wanted), "{wanted}: {numbers}");
    }
    assert!(!numbers.contains("E00001"), "nobody is named in a number: {numbers}");
    let steps = numbers.lines().filter(|line| line.starts_with("provost_steps_total{") && line.contains("done"));
    let steps: u64 = steps.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum();
    let report = house.get("viewer", "/api/v1/runs").json();
    let run = report["items"][0]["id"].as_str().expect("a run");
    assert_eq!(json!(steps), house.get("viewer", &format!("/api/v1/runs/{run}")).json()["done"], "{numbers}");
}

/// A collector that is named gets spans of requests, jobs, runs and calls, the last of them when the server stops; none names anybody.
#[test]
fn a_collector_gets_traces_that_name_nobody() {
    let mut house = House::new(8, "");
    house.stop();
    let collector = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", collector.local_addr().expect("an address"));
    let (heard, came) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for caller in collector.incoming().map_while(Result::ok) {
            heard.send(taken(caller)).ok();
        }
    });
    let mut serving = command(house.folder.path(), &["serve", "--listen", "127.0.0.1:0", "--format", "json", "--quiet"]);
    (house.server, house.host) = serve_with(serving.env("OTEL_EXPORTER_OTLP_ENDPOINT", &address).env("OTEL_BSP_SCHEDULE_DELAY", "200"));
    let job = house.job("operator", "/api/v1/plans", Some(&json!({})));
    let plan = job["came"]["plans"][0].as_str().expect("a plan").to_owned();
    assert_eq!(house.post("approver", &format!("/api/v1/plans/{plan}/approve"), &json!({})).status, 200);
    house.job("operator", "/api/v1/runs", Some(&json!({ "plan": plan })));
    house.get("viewer", "/people/E00001");
    house.stop();
    let told: Vec<(String, Vec<u8>)> = came.try_iter().collect();
    assert!(
        told.iter().all(|(head, _)| head.starts_with("POST /v1/traces ")),
        "{:?}",
        told.iter().map(|(head, _)| head).collect::<Vec<_>>()
    );
    let told = String::from_utf8_lossy(&told.into_iter().flat_map(|(_, body)| body).collect::<Vec<u8>>()).into_owned();
    let run = house.run(&["runs", "--format", "json"]);
    let run: Value = serde_json::from_slice(&run.stdout).expect("JSON");
    for wanted in [
        "service.name",
        "provost",
        "request",
        "/people/{person}",
        "job",
        "run",
        "call",
        "Create",
        run["runs"][0]["id"].as_str().expect("an id"),
    ] {
        assert!(told.contains(wanted), "{wanted}");
    }
    let roster = std::fs::read_to_string(house.folder.path().join("roster.csv")).expect("the roster");
    for row in roster.lines().skip(1) {
        for cell in row.split(',').take(4) {
            assert!(!told.contains(cell), "{cell} is named");
        }
    }
    assert!(!told.contains("pvt_"), "P11");
    let server = House::new(8, "");
    let refused =
        command(server.folder.path(), &["serve", "--listen", "127.0.0.1:0"]).env("OTEL_EXPORTER_OTLP_ENDPOINT", "no address").output();
    let refused = refused.expect("the binary runs");
    assert!(
        !refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("OTEL_EXPORTER_OTLP_ENDPOINT"),
        "{refused:?}"
    );
}

/// A request that came: its first line and its body; it is answered with yes.
fn taken(mut caller: TcpStream) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(caller.try_clone().expect("a second handle"));
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a length");
        }
        if head.is_empty() {
            head.clone_from(&line);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    caller.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").expect("it is answered");
    (head.trim().to_owned(), body)
}

/// Every line of the log is an object, and none names anybody or holds a secret; a run that is stopped in the middle can be resumed.
#[test]
fn p09_told_to_stop_it_leaves_a_run_that_can_be_resumed() {
    let mut house = House::new(60, "");
    let file = house.folder.path().join("provost.toml");
    // Slow enough to be stopped in the middle.
    let config = std::fs::read_to_string(&file).expect("the configuration");
    let slow = config.replace("[app.lessonly]\n", "[app.lessonly]\nrate = { per_second = 8, burst = 1 }\n");
    assert_ne!(config, slow, "{config}");
    std::fs::write(&file, slow).expect("it is written");
    house.stop();
    let words = ["serve", "--listen", "127.0.0.1:0", "--format", "json", "--log", "json", "--log-level", "debug"];
    let mut serving = command(house.folder.path(), &words);
    (house.server, house.host) = serve_with(serving.stderr(Stdio::piped()));
    let log = BufReader::new(house.server.stderr.take().expect("its log"));
    let log = std::thread::spawn(move || log.lines().map_while(Result::ok).collect::<Vec<String>>());

    let job = house.job("operator", "/api/v1/plans", Some(&json!({})));
    let plan = job["came"]["plans"][0].as_str().expect("a plan").to_owned();
    assert_eq!(house.post("approver", &format!("/api/v1/plans/{plan}/approve"), &json!({})).status, 200);
    let begun = house.post("operator", "/api/v1/runs", &json!({ "plan": plan }));
    let at = begun.header("location").expect("it says where").to_owned();
    while house.get("viewer", &at).json()["progress"]["steps"]["lessonly"]["done"].as_u64().is_none_or(|done| done < 3) {
        std::thread::yield_now();
    }
    let told = Command::new("kill").args(["-TERM", &house.server.id().to_string()]).status().expect("kill runs");
    assert!(told.success());
    assert!(house.server.wait().expect("it ends").success(), "it ends well");

    let runs: Value = serde_json::from_slice(&house.run(&["runs", "--format", "json"]).stdout).expect("JSON");
    assert_eq!(runs["runs"][0]["state"], "stopped", "{runs}");
    let resumed = house.run(&["resume", "latest", "--format", "json"]);
    assert!(resumed.status.success(), "{resumed:?}");
    let report: Value = serde_json::from_slice(&house.run(&["report", "latest", "--format", "json"]).stdout).expect("JSON");
    assert_eq!((&report["state"], &report["done"]), (&json!("finished"), &report["steps"]), "{report}");
    let next = house.run(&["plan", "--format", "json"]);
    let next: Value = serde_json::from_slice(&next.stdout).expect("JSON");
    let left: Vec<&Value> = next["plans"].as_array().expect("plans").iter().map(|plan| &plan["steps"]).collect();
    assert_eq!(left, [&json!(0)], "nothing is left, and nothing was done twice: {next}");

    let lines = log.join().expect("the log was read");
    let roster = std::fs::read_to_string(house.folder.path().join("roster.csv")).expect("the roster");
    let mail = roster.lines().nth(1).and_then(|row| row.split(',').nth(3)).expect("an address").to_owned();
    assert!(lines.len() > 10, "{lines:?}");
    for line in &lines {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["message"].is_string() && line["level"].is_string(), "{line}");
        let told = line.to_string();
        assert!(!told.contains(&mail) && !told.contains("pvt_"), "{told}");
    }
    let run = runs["runs"][0]["id"].as_str().expect("its id");
    assert!(lines.iter().any(|line| line.contains(run)), "the lines of a run have its id");
}

//! What others wrote to check servers and documents, against the running API.

use std::process::Command;

use serde_json::json;

use crate::house::House;

/// A house with plans, a run, findings and tokens, so that there is something at most addresses.
fn lived_in() -> House {
    let house = House::new(30, "");
    let job = house.job("operator", "/api/v1/plans", Some(&json!({})));
    let plan = job["came"]["plans"][0].as_str().expect("a plan").to_owned();
    assert_eq!(house.post("approver", &format!("/api/v1/plans/{plan}/approve"), &json!({})).status, 200);
    let job = house.job("operator", "/api/v1/runs", Some(&json!({ "plan": plan })));
    assert_eq!(job["came"]["state"], "finished", "{job}");
    house
}

/// Every check of schemathesis, with what it finds wrong in nothing.  What ends tokens gets one of its own to end: the other requests would
/// soon be those of nobody.
#[test]
fn schemathesis_finds_nothing_wrong() {
    const ENDS_TOKENS: &str = r"^/api/v1/tokens/\{";
    let house = lived_in();
    let config = house.folder.path().join("schemathesis.toml");
    std::fs::write(&config, include_str!("schemathesis.toml")).expect("its configuration is written");
    let made = house.post("admin", "/api/v1/tokens", &json!({ "purpose": "api", "name": "schemathesis", "role": "admin" })).json();
    let own = made["token"].as_str().expect("a token").to_owned();
    for (token, which) in [(&house.tokens["admin"], "--exclude-path-regex"), (&own, "--include-path-regex")] {
        let output = Command::new(xtask::outside::python("schemathesis"))
            .current_dir(house.folder.path())
            .args(["run", &format!("http://{}/api/openapi.json", house.host)])
            .args(["--header", &format!("Authorization: Bearer {token}")])
            .args([which, ENDS_TOKENS])
            // One worker: Python 3.11 counts the depth of what it parses across threads, and then fails by itself.
            .args(["--checks", "all", "--max-examples", "25", "--seed", "20261122", "--workers", "1", "--continue-on-failure"])
            .env("NO_COLOR", "1")
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let tail = said.find("= FAILURES =").map_or(&said[..], |at| &said[at..]);
        assert!(output.status.success(), "{}\n{tail}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("Tested: "), "{said}");
        let after = house.get("admin", "/api/v1/me");
        assert_eq!(after.status, 200, "it is as well as before: {after:?}");
    }
}

/// Every rule of Redocly's `recommended-strict`.
#[test]
fn the_linter_finds_nothing_wrong_with_the_document() {
    let house = House::new(5, "");
    let document = house.folder.path().join("openapi.json");
    let said = house.get("nobody", "/api/openapi.json");
    assert_eq!((said.status, said.header("content-type")), (200, Some("application/json")));
    std::fs::write(&document, &said.body).expect("it is written");
    let script = "const core = require('@redocly/openapi-core');
        (async () => {
            const config = await core.createConfig({ extends: ['recommended-strict'] });
            const problems = await core.lint({ ref: process.argv[1], config });
            for (const one of problems) console.log(one.severity, one.ruleId, one.message, one.location[0]?.pointer);
            console.log(problems.length, 'problems');
            process.exit(problems.length === 0 ? 0 : 1);
        })();";
    let output =
        Command::new("node").arg("-e").arg(script).arg(&document).current_dir(xtask::outside::node()).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.trim() == "0 problems", "{said}{}", String::from_utf8_lossy(&output.stderr));
}

/// Members that the document does not know are found too: each schema is closed, and what is answered is held against it.
#[test]
fn what_is_answered_has_no_member_that_the_document_does_not_know() {
    let house = lived_in();
    let (plans, runs) = (house.get("viewer", "/api/v1/plans").json(), house.get("viewer", "/api/v1/runs").json());
    let (plan, run) = (plans["items"][0]["digest"].as_str().expect("a plan"), runs["items"][0]["id"].as_str().expect("a run"));
    let job = house.get("viewer", "/api/v1/jobs").json()["items"][0]["id"].as_str().expect("a job").to_owned();
    let asked = [
        ("/api/v1/people", "/api/v1/people".to_owned()),
        ("/api/v1/people/{person}", "/api/v1/people/E00001".to_owned()),
        ("/api/v1/findings", "/api/v1/findings".to_owned()),
        ("/api/v1/apps", "/api/v1/apps".to_owned()),
        ("/api/v1/apps/{app}", "/api/v1/apps/lessonly".to_owned()),
        ("/api/v1/plans", "/api/v1/plans".to_owned()),
        ("/api/v1/plans/{digest}", format!("/api/v1/plans/{plan}")),
        ("/api/v1/plans/{digest}/steps", format!("/api/v1/plans/{plan}/steps")),
        ("/api/v1/runs", "/api/v1/runs".to_owned()),
        ("/api/v1/runs/{run}", format!("/api/v1/runs/{run}")),
        ("/api/v1/jobs", "/api/v1/jobs".to_owned()),
        ("/api/v1/jobs/{job}", format!("/api/v1/jobs/{job}")),
        ("/api/v1/audit-entries", "/api/v1/audit-entries".to_owned()),
        ("/api/v1/tokens", "/api/v1/tokens".to_owned()),
        ("/api/v1/standing-approvals", "/api/v1/standing-approvals".to_owned()),
        ("/api/v1/me", "/api/v1/me".to_owned()),
        ("/api/v1/routes", "/api/v1/routes".to_owned()),
    ];
    let answers: Vec<_> = asked.iter().map(|(path, at)| json!({ "path": path, "answer": house.get("admin", at).json() })).collect();
    let document = house.get("nobody", "/api/openapi.json").json();
    let known = document["paths"].as_object().expect("paths").iter();
    let looked_at: Vec<&str> =
        known.filter(|(path, item)| item["get"].is_object() && !path.ends_with("/events")).map(|(path, _)| path.as_str()).collect();
    let mut covered: Vec<&str> = asked.iter().map(|(path, _)| *path).collect();
    covered.sort_unstable();
    assert_eq!(covered, looked_at, "every list and every one of something is looked at here");
    let file = house.folder.path().join("answers.json");
    std::fs::write(&file, json!({ "document": document, "answers": answers }).to_string()).expect("it is written");
    let script = house.folder.path().join("closed.py");
    std::fs::write(&script, include_str!("closed.py")).expect("it is written");
    let output = Command::new(xtask::outside::python("python")).arg(&script).arg(&file).output().expect("it starts");
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

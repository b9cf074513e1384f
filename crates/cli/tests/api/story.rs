//! From a plan to its undo by the API alone; names for requests; tags; pages.

use serde_json::json;

use crate::house::House;

/// A second person's yes is wanted; it goes into the last section of the configuration, `[approval]`.
const FOUR_EYES: &str = "four_eyes = [\"access_given\", \"access_lost\", \"record_changed\", \"structure_created\"]";

#[test]
fn a_plan_is_made_approved_by_another_carried_out_and_taken_back() {
    let house = House::new(12, FOUR_EYES);
    let job = house.job("operator", "/api/v1/plans", Some(&json!({})));
    let plan = job["came"]["plans"][0].as_str().expect("a plan").to_owned();
    let at = |more: &str| format!("/api/v1/plans/{plan}{more}");
    let shown = house.get("viewer", &at(""));
    assert_eq!(shown.json()["asked_by"], json!({ "name": "operator", "proof": "authenticated" }));
    assert_eq!(shown.json()["four_eyes"], true, "{shown:?}");

    // Pages of steps, one after the other, are the plan.
    let (mut steps, mut next) = (0, Some(at("/steps?limit=7")));
    while let Some(page) = next {
        let said = house.get("viewer", &page).json();
        steps += said["items"].as_array().expect("steps").len() as u64;
        next = said["next"].as_str().map(str::to_owned);
    }
    assert_eq!(shown.json()["steps"], steps);

    // One person is left out, and what goes on is another plan; whoever did that asked for it.
    let first = house.get("viewer", &at("/steps?limit=1000")).json();
    let person =
        first["items"].as_array().expect("steps").iter().find_map(|step| step["person"].as_str()).expect("a person").to_owned();
    house.post("operator", &at("/leave-out"), &json!({ "leave_out": ["nobody-at-all"] })).is_problem(422, "not-valid", "nobody-at-all");
    let split = house.post("operator", &at("/leave-out"), &json!({ "leave_out": [person] })).json();
    let plan = split["kept"]["digest"].as_str().expect("what goes on").to_owned();
    let at = |more: &str| format!("/api/v1/plans/{plan}{more}");

    // The yes: not carried out without it, not by who may not, and held to what was seen.
    house.post("operator", "/api/v1/runs", &json!({ "plan": plan })).is_problem(409, "not-approved", "pending");
    house.post("operator", &at("/approve"), &json!({})).is_problem(403, "not-allowed", "this takes approver");
    let seen = house.get("viewer", &at("")).header("etag").expect("a tag").to_owned();
    let old = house.send("approver", "POST", &at("/approve"), &[("If-Match", "\"0\"")], None);
    old.is_problem(412, "changed", "nothing was done");
    let asked = house.send("admin", "POST", &at("/ask"), &[], None);
    assert_eq!(asked.status, 200, "{asked:?}");
    house.send("admin", "POST", &at("/approve"), &[], None).is_problem(403, "four-eyes", "second person");
    house.send("approver", "POST", &at("/approve"), &[("If-Match", &seen)], None).is_problem(412, "changed", "");
    let seen = house.get("viewer", &at("")).header("etag").expect("a tag").to_owned();
    let yes = house.send("approver", "POST", &at("/approve"), &[("If-Match", &seen)], None);
    assert_eq!(yes.status, 200, "{yes:?}");
    house.send("approver", "POST", &at("/approve"), &[], None).is_problem(409, "not-now", "already approved");

    let job = house.job("operator", "/api/v1/runs", Some(&json!({ "plan": plan })));
    assert_eq!((&job["came"]["outcome"], &job["came"]["state"]), (&json!("ran"), &json!("finished")), "{job}");
    let run = job["came"]["run"].as_str().expect("a run").to_owned();
    let report = house.get("viewer", &format!("/api/v1/runs/{run}")).json();
    assert_eq!((&report["state"], &report["steps"]), (&json!("finished"), &split["kept"]["steps"]));
    let undo = house.job("operator", &format!("/api/v1/runs/{run}/revert"), None);
    assert_eq!(undo["came"]["outcome"], "planned", "{undo}");
    let found = house.get("viewer", "/api/v1/people?q=e00001").json();
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");

    // The trail has the names of those who did it.
    let trail = house.get("viewer", "/api/v1/audit-entries?what=approved&actor=approver").json();
    assert_eq!(trail["items"][0]["actor"]["proof"], "authenticated", "{trail}");
    assert!(house.run(&["audit", "verify"]).status.success());
}

#[test]
fn the_same_request_with_the_same_key_is_done_once() {
    let mut house = House::new(5, "");
    let make = |house: &House, role: &str, key: &str, name: &str| {
        let body = json!({ "purpose": "api", "name": name, "role": "viewer" });
        house.send(role, "POST", "/api/v1/tokens", &[("Idempotency-Key", key)], Some(&body))
    };
    let first = make(&house, "admin", "k1", "ci");
    let again = make(&house, "admin", "k1", "ci");
    assert_eq!((first.status, again.status, &first.body), (201, 201, &again.body));
    assert_eq!((first.header("location"), again.header("idempotency-replayed")), (again.header("location"), Some("true")));
    make(&house, "admin", "k1", "other").is_problem(422, "key-used", "another request");
    assert_ne!(make(&house, "admin", "k2", "ci").body, first.body, "another key is another request");
    let tokens = |house: &House| house.get("admin", "/api/v1/tokens").json()["items"].as_array().expect("tokens").len();
    assert_eq!(tokens(&house), 4 + 2);

    // Another admin's key is another key; and what was answered outlives the server, sealed.
    let made = house.run(&["token", "create", "--name", "second", "--role", "admin", "--quiet"]);
    house.tokens.insert("second", String::from_utf8_lossy(&made.stdout).trim().to_owned());
    assert_ne!(make(&house, "second", "k1", "ci").body, first.body);
    house.killed();
    assert_eq!(make(&house, "admin", "k1", "ci").body, first.body);
    let secret = first.json()["token"].as_str().expect("a token").rsplit_once('_').expect("its secret").1.to_owned();
    house.stop();
    for file in std::fs::read_dir(house.folder.path()).expect("the folder") {
        let kept = std::fs::read(file.expect("a file").path()).unwrap_or_default();
        assert!(!kept.windows(secret.len()).any(|part| part == secret.as_bytes()), "P11");
    }
}

#[test]
fn what_did_not_change_is_not_sent_again_and_pages_stay_where_they_are() {
    let house = House::new(9, "");
    house.job("operator", "/api/v1/plans", Some(&json!({})));
    let first = house.get("viewer", "/api/v1/people?limit=4");
    let tag = first.header("etag").expect("a tag").to_owned();
    let same = house.send("viewer", "GET", "/api/v1/people?limit=4", &[("If-None-Match", &tag)], None);
    assert_eq!((same.status, same.body.as_str(), same.header("etag")), (304, "", Some(tag.as_str())));
    let other = house.send("viewer", "GET", "/api/v1/people?limit=5", &[("If-None-Match", &tag)], None);
    assert_eq!(other.status, 200);
    let (mut keys, mut next) = (Vec::new(), Some("/api/v1/people?limit=4".to_owned()));
    while let Some(page) = next {
        let said = house.get("viewer", &page).json();
        keys.extend(said["items"].as_array().expect("people").iter().map(|person| person["key"].as_str().expect("a key").to_owned()));
        next = said["next"].as_str().map(str::to_owned);
    }
    assert!(keys.len() == 9 && keys.is_sorted(), "{keys:?}");

    // The newest first: what is added is before the page that comes next.
    let before = house.get("viewer", "/api/v1/jobs?limit=1").json();
    let second = house.get("viewer", "/api/v1/audit-entries?limit=1").json();
    house.job("operator", "/api/v1/plans", Some(&json!({ "people": [keys[0]] })));
    assert_eq!(before["items"].as_array().map(Vec::len), Some(1));
    assert!(second["next"].is_string(), "{second}");
    let after = house.get("viewer", second["next"].as_str().expect("more")).json();
    assert_eq!(after["items"][0]["seq"], 2, "{after}");
    let nobody = house.job("operator", "/api/v1/plans", Some(&json!({ "people": ["nobody"] })));
    assert_eq!(nobody["came"]["outcome"], "failed", "{nobody}");
}

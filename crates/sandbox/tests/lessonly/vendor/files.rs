//! The data folder and the ledger of a sandbox in the vendor's own reading.

use std::path::Path;

use sandbox::lessonly::{Config, GUIDE, PROFILES, Sandbox, VENDOR};
use sandbox::{Error, Options};
use serde_json::{Value, json};

use crate::api::{Api, options};

fn open(data: &Path, people: usize) -> Api {
    Api::vendor_with(Options { data: Some(data.to_owned()), people: Some(people), ..options() })
}

fn state(sandbox: &Sandbox) -> Value {
    json!([sandbox.users(), sandbox.groups(), sandbox.assignments(), sandbox.settings()])
}

#[tokio::test]
async fn all_that_happened_is_there_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let api = open(dir.path(), 20);
    let group = api.group("Sales").await;
    let jane = api.user("Jane Doe", "jane@example.com").await;
    let john = api.user("John Doe", "john@example.com").await;
    api.call("PUT", &format!("/users/{jane}"), json!({ "ext_uid": "J1", "custom_user_fields": { "Team": "North" } })).await;
    api.call("PUT", &format!("/users/{jane}/groups"), json!({ "memberships": [{ "id": group }] })).await;
    api.call("POST", "/lessons/1/assignments", json!({ "assignments": [{ "assignee_id": jane }, { "assignee_id": john }] })).await;
    api.call("PUT", &format!("/users/{jane}/archive"), json!({})).await;
    api.call("DELETE", &format!("/users/{john}"), json!({})).await;
    let secret = "Token 3f9c";
    let settings =
        json!({ "lesson_completed_callback_url": "https://hooks.example.com", "lesson_completed_callback_authorization": secret });
    api.call("PUT", "/company_settings", settings).await;
    let lists = async |api: &Api| {
        let mut all = Vec::new();
        for path in
            ["/users?per_page=1000", "/users?filter[active_only]=true", "/users?filter[ext_uid]=J1", "/groups/10", "/assignments"]
        {
            all.push(api.richer(path).await);
        }
        all
    };
    let (before, answers) = (state(&api.sandbox), lists(&api).await);
    let ledger = std::fs::read_to_string(dir.path().join("ledger.jsonl")).unwrap();
    assert!(!ledger.contains(secret), "credentials are in no file");
    let deleted: Vec<Value> =
        ledger.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|line| line["method"] == "DELETE").collect();
    assert_eq!(deleted.len(), 2, "the user and the assignment");
    assert!(deleted.iter().all(|line| line["after"].is_null() && line["before"].is_object()));
    drop(api);

    let api = open(dir.path(), 20);
    assert_eq!((state(&api.sandbox), lists(&api).await), (before, answers));
    assert_eq!(api.user("Third Doe", "john@example.com").await, john + 1, "the id of the deleted is not given again");
}

#[test]
fn a_folder_of_the_other_profile_says_which_one_to_ask_for() {
    for (first, second) in [(&VENDOR, &GUIDE), (&GUIDE, &VENDOR)] {
        let dir = tempfile::tempdir().unwrap();
        let open = |profile| {
            let options = Options { data: Some(dir.path().to_owned()), ..options() };
            Sandbox::open(Config { options, profile, ..Config::default() })
        };
        drop(open(first).unwrap());
        let error = open(second).unwrap_err();
        assert!(matches!(&error, Error::OtherOption { option: "profile", .. }), "{error}");
        let told = format!("profile = {}, not {}; ask for {}", first.name, second.name, first.name);
        assert!(error.to_string().contains(&told), "{error}");
        assert!(open(first).is_ok());
    }
    assert_eq!(PROFILES.iter().map(|profile| profile.name).collect::<Vec<_>>(), ["guide", "vendor"]);
}

#[tokio::test]
async fn the_guide_cannot_delete_and_the_same_seed_gives_the_same_company() {
    let options = Options { people: Some(50), ..options() };
    let (guide, vendor) = (Api::with(Config { options: options.clone(), ..Config::default() }), Api::vendor_with(options));
    assert_eq!(state(&guide.sandbox), state(&vendor.sandbox));
    assert_eq!(guide.call("DELETE", "/users/101", json!({})).await.0, 405);
    assert_eq!(guide.get("/users/101").await.0, 200);
}

//! One company through a SCIM application that somebody else wrote: joiner, mover, leaver, rehire.  In the guide's run of the tests it is
//! `scim2-server`, in the vendors' SCIMMY.

use sandbox::{Clock, Limit, Options, application};
use serde_json::{Value, json};

use crate::outside::{Server, TOKEN, back};
use crate::world::{Setup, World, by};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A world with this application alone.
fn world(base: &str) -> World {
    let mut world = World::new(Setup { now: "2026-01-05T12:00:00Z", ..Setup::default() });
    world.env("SCIM_TOKEN", Some(TOKEN));
    let text = world.read("provost.toml");
    let sources = &text[..text.find("[app.lessonly]").expect("the apps come last")];
    let app = format!(
        r#"
[app.fifteen]
connector = "scim"
base_url = "{base}"
token = {{ env = "SCIM_TOKEN" }}
rate = {{ per_second = 5000, burst = 5000 }}

[app.fifteen.accounts]
who = 'person.active'
match = ["externalId == person.key", "userName == person.email"]
leave = "deactivate"

[app.fifteen.set]
userName = 'person.email'
externalId = 'person.key'
"name.givenName" = 'person.given_name'
"name.familyName" = 'person.family_name'
"emails.work" = 'person.email'
title = 'person.title'
department = 'person.department'
manager = 'person.manager'

[app.fifteen.groups]
managed = ["Sales", "Development"]
member = ['person.department']
create = true
"#
    );
    world.write("provost.toml", &format!("{sources}{app}"));
    world
}

fn all(base: &str, list: &str) -> Vec<Value> {
    let (status, said) = back(base, "GET", &format!("{list}?startIndex=1&count=200"), None);
    assert_eq!(status, 200, "{said}");
    said["Resources"].as_array().cloned().unwrap_or_default()
}

/// The user with this external id: there is exactly one.
fn user(base: &str, key: &str) -> Value {
    let found: Vec<Value> = all(base, "/Users").into_iter().filter(|user| user["externalId"] == key).collect();
    assert_eq!(found.len(), 1, "{key}: {found:?}");
    found.into_iter().next().expect("just counted")
}

/// The names of the groups that a user is in.
fn groups(base: &str, user: &Value) -> Vec<String> {
    let groups = all(base, "/Groups").into_iter();
    let mut names: Vec<String> = groups
        .filter(|group| group["members"].as_array().into_iter().flatten().any(|member| member["value"] == user["id"]))
        .map(|group| group["displayName"].as_str().unwrap_or_default().to_owned())
        .collect();
    names.sort();
    names
}

/// Somebody whom the roster does not know.
fn guest() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "guest@partner.example", "title": "Trainer", "active": true,
    })
}

#[test]
fn a_company_lives_in_a_scim_application() {
    let base = by(Server::Python, Server::Node).tenant(&[guest()]);
    let mut world = world(&base);
    life(&mut world, &base, &|ada| {
        let choir = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Choir", "members": [{ "value": ada }] });
        assert_eq!(back(&base, "POST", "/Groups", Some(&choir)).0, 201);
        let nick = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "replace", "path": "nickName", "value": "Countess" }] });
        let (status, said) = back(&base, "PATCH", &format!("/Users/{ada}"), Some(&nick));
        assert!(matches!(status, 200 | 204), "{status}: {said}");
    });
}

/// The same in a sandbox, of which the independent checker reads what was done.
#[test]
fn what_is_done_in_a_scim_application_is_judged_from_outside() {
    let mut world = world("http://127.0.0.1:1/scim/v2");
    let options = Options {
        limit: Limit::Off,
        now: Clock::From(world.now),
        ledger: Some(world.path("fifteen.ledger.jsonl")),
        access_log: Some(world.path("fifteen.access.jsonl")),
        ..Options::default()
    };
    // Enterprise applications differ: one that promises all it does, one that says nothing.
    let abilities = by(
        application::Abilities::default(),
        application::Abilities { says: false, schemas: false, filter: false, ..application::Abilities::default() },
    );
    let config = application::Config { options, abilities, token: TOKEN.into(), basic: None };
    let sandbox = application::Sandbox::open(config).expect("it opens");
    sandbox.put_user(guest()).expect("a guest is put");
    let running = world.wait(sandbox.start()).expect("it listens");
    let base = format!("{}/scim/v2", running.url());
    world.reconfigure("http://127.0.0.1:1/scim/v2", &base);
    life(&mut world, &base, &|ada| {
        sandbox.put_group(json!({ "displayName": "Choir", "members": [{ "value": ada }] })).expect("a group is put");
        sandbox.put_user(json!({ "id": ada, "nickName": "Countess" })).expect("a user is put");
    });
    let found = world.check(&["--expect-complete"]);
    assert!(found.contains("fifteen"), "{found}");
    // What nobody approved is found.
    let patch = |user: &str, path: &str, value: Value| {
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "replace", "path": path, "value": value }] });
        assert_eq!(back(&base, "PATCH", &format!("/Users/{user}"), Some(&body)).0, 200);
    };
    let grace = user(&base, "2")["id"].as_str().expect("an id").to_owned();
    patch(&grace, "title", json!("Owner"));
    patch(&grace, "nickName", json!("Boss"));
    let choir = all(&base, "/Groups").into_iter().find(|group| group["displayName"] == "Choir").expect("it is there");
    let join = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "add", "path": "members", "value": [{ "value": grace }] }] });
    assert_eq!(back(&base, "PATCH", &format!("/Groups/{}", choir["id"].as_str().expect("an id")), Some(&join)).0, 200);
    let found = world.judged(&[]);
    for name in ["unexplained", "wrong_value", "unowned_changed"] {
        assert!(found.contains(name), "{found:?}");
    }
    world.wait(running.stop());
}

/// Plans, and rehearses what is open: it comes out as promised.
fn rehearsed(world: &World) {
    let planned = world.provost(&["plan"]);
    assert!(matches!(planned.code, 0 | 2), "{planned:?}");
    let said = world.provost(&["rehearse", "open", "--format", "json", "--quiet"]);
    assert_eq!((said.code, &said.json()["as_promised"]), (0, &Value::Bool(true)), "{said:?}");
    let faulty = &said.json()["apps"]["fifteen"]["faulty"];
    assert!(faulty["as_promised"] == true && faulty["crashes"] == 1, "{faulty:#}");
}

/// Joiner, mover, leaver, rehire; `others` is what others do there, to the account of the first.
fn life(world: &mut World, base: &str, others: &dyn Fn(&str)) {
    // Joiners.
    world.roster(
        "1,Ada,Lovelace,ada@acme.example,Engineer,Development,2,active,2025-12-01,\n\
         2,Grace,Hopper,grace@acme.example,Manager,Sales,,active,2020-01-01,\n\
         3,Alan,Turing,alan@acme.example,Engineer,Development,2,active,2024-01-01,\n",
    );
    let checked = world.provost(&["check"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    rehearsed(world);
    let planned = world.carry_out();
    assert_eq!((planned.count("fifteen", "create"), planned.count("fifteen", "create_group")), (3, 2), "{:?}", planned.said);
    let (ada, grace) = (user(base, "1"), user(base, "2"));
    assert_eq!((&ada["userName"], &ada["title"], &ada["active"]), (&json!("ada@acme.example"), &json!("Engineer"), &json!(true)));
    assert_eq!(ada["emails"][0]["value"], "ada@acme.example", "{ada}");
    assert_eq!((&ada[ENTERPRISE]["department"], &ada[ENTERPRISE]["manager"]["value"]), (&json!("Development"), &grace["id"]));
    assert_eq!((groups(base, &ada), groups(base, &grace)), (vec!["Development".to_owned()], vec!["Sales".to_owned()]));

    // What others do there stays: a nickname, a group of theirs.
    others(ada["id"].as_str().expect("an id"));

    // A mover: another department, title, e-mail and manager.
    world.later();
    world.roster(
        "1,Ada,Lovelace,ada.king@acme.example,Lead,Sales,3,active,2025-12-01,\n\
         2,Grace,Hopper,grace@acme.example,Manager,Sales,,active,2020-01-01,\n\
         3,Alan,Turing,alan@acme.example,Engineer,Development,2,active,2024-01-01,\n",
    );
    rehearsed(world);
    world.carry_out();
    let moved = user(base, "1");
    assert_eq!((&moved["id"], &moved["nickName"]), (&ada["id"], &json!("Countess")));
    assert_eq!((&moved["userName"], &moved["title"]), (&json!("ada.king@acme.example"), &json!("Lead")));
    assert_eq!(moved[ENTERPRISE]["manager"]["value"], user(base, "3")["id"]);
    assert_eq!(groups(base, &moved), ["Choir", "Sales"]);

    // A leaver.
    world.later();
    world.roster(
        "1,Ada,Lovelace,ada.king@acme.example,Lead,Sales,3,terminated,2025-12-01,2026-01-02\n\
         2,Grace,Hopper,grace@acme.example,Manager,Sales,,active,2020-01-01,\n\
         3,Alan,Turing,alan@acme.example,Engineer,Development,2,active,2024-01-01,\n",
    );
    rehearsed(world);
    let planned = world.carry_out();
    assert_eq!(planned.count("fifteen", "leave"), 1, "{:?}", planned.said);
    let left = user(base, "1");
    assert_eq!((&left["id"], &left["active"], &left["nickName"]), (&ada["id"], &json!(false), &json!("Countess")));

    // A rehire: the same account, with what policy wants now.
    world.later();
    world.roster(
        "1,Ada,Lovelace,ada@acme.example,Engineer,Development,2,active,2026-01-03,\n\
         2,Grace,Hopper,grace@acme.example,Manager,Sales,,active,2020-01-01,\n\
         3,Alan,Turing,alan@acme.example,Engineer,Development,2,active,2024-01-01,\n",
    );
    let planned = world.carry_out();
    assert_eq!((planned.count("fifteen", "restore"), planned.count("fifteen", "create")), (1, 0), "{:?}", planned.said);
    let back_again = user(base, "1");
    assert_eq!((&back_again["id"], &back_again["active"], &back_again["title"]), (&ada["id"], &json!(true), &json!("Engineer")));
    assert_eq!(groups(base, &back_again), ["Choir", "Development"]);

    // Nobody else was touched, and no secret is anywhere.
    let all = all(base, "/Users");
    assert_eq!(all.len(), 4, "three people and the guest");
    let guest = all.iter().find(|user| user["userName"] == "guest@partner.example").expect("still there");
    assert_eq!((&guest["title"], &guest["active"]), (&json!("Trainer"), &json!(true)));
    let shown = world.provost(&["apps", "fifteen"]);
    assert!(shown.code == 0 && !shown.out.contains(TOKEN), "{shown:?}");
}

#[test]
fn a_wrong_token_is_told_with_what_to_do() {
    let base = by(Server::Python, Server::Node).tenant(&[]);
    let mut world = world(&base);
    world.roster("1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,2025-12-01,\n");
    world.env("SCIM_TOKEN", Some("this-is-another-token"));
    let said = world.provost(&["check"]);
    assert_ne!(said.code, 0);
    let told = format!("{}{}", said.out, said.err);
    assert!(told.contains("401") && told.contains("`token`") && !told.contains("this-is-another-token"), "{told}");
}

#[test]
fn an_attribute_that_scim_does_not_have_is_told_with_the_nearest() {
    let base = by(Server::Python, Server::Node).tenant(&[]);
    let mut world = world(&base);
    world.roster("1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,2025-12-01,\n");
    world.reconfigure("\ntitle = ", "\ntitel = ");
    let said = world.provost(&["plan"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("`titel`") && said.err.contains("`title`"), "{said:?}");
}

/// A world with one SCIM application, which is a vendor's sandbox that Provost starts; no credential is set.
fn trying(vendor: &str) -> World {
    let mut world = World::new(Setup { now: "2026-01-05T12:00:00Z", ..Setup::default() });
    world.env("SCIM_TOKEN", None);
    let text = world.read("provost.toml");
    let sources = &text[..text.find("[app.lessonly]").expect("the apps come last")];
    let app = format!(
        r#"
[app.fifteen]
connector = "scim"
base_url = "sandbox:./fifteen"
sandbox_vendor = "{vendor}"
sandbox_limit = "off"
token = {{ env = "SCIM_TOKEN" }}

[app.fifteen.accounts]
who = 'person.active'
match = ["externalId == person.key", "userName == person.email"]
leave = "deactivate"

[app.fifteen.set]
userName = 'person.email'
externalId = 'person.key'
"name.givenName" = 'person.given_name'
"name.familyName" = 'person.family_name'
"emails.work" = 'person.email'
title = 'person.title'
"#
    );
    world.write("provost.toml", &format!("{sources}{app}"));
    world
}

#[test]
fn a_scim_application_is_tried_with_no_account_anywhere() {
    for vendor in by(&["application", "absorb"][..], &["lessonly"][..]) {
        tried(vendor);
    }
}

fn tried(vendor: &str) {
    let mut world = trying(vendor);
    let stays = "2,Grace,Hopper,grace@acme.example,Manager,Sales,,active,2020-01-01,\n";
    world.roster(&format!("1,Ada,Lovelace,ada@acme.example,Engineer,Development,2,active,2025-12-01,\n{stays}"));
    let checked = world.provost(&["check"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let planned = world.carry_out();
    assert_eq!(planned.count("fifteen", "create"), 2, "{:?}", planned.said);

    // The folder keeps the accounts, and whose sandbox it is: configuration need not say it again.
    world.reconfigure(&format!("sandbox_vendor = \"{vendor}\"\n"), "");
    world.later();
    world.roster(&format!("1,Ada,Lovelace,ada@acme.example,Engineer,Development,2,terminated,2025-12-01,2026-01-02\n{stays}"));
    let planned = world.carry_out();
    assert_eq!((planned.count("fifteen", "leave"), planned.count("fifteen", "create")), (1, 0), "{:?}", planned.said);
    let ledger = world.read("fifteen/ledger.jsonl");
    let last: Value = ledger.lines().last().and_then(|line| serde_json::from_str(line).ok()).expect("the leave is a line of JSON");
    assert!(last["path"].as_str().is_some_and(|path| path.starts_with("/scim/v2/Users/")), "{last}");
    assert!(last["after"].to_string().contains("ada@acme.example") && last["method"] != "DELETE", "{last}");
    let inactive = match vendor {
        "absorb" => last["after"]["activeStatus"] != last["before"]["activeStatus"],
        "lessonly" => last["after"]["archived_at"].is_string(),
        _ => last["after"]["active"] == false,
    };
    assert!(inactive, "{last}");
}

#[test]
fn whose_sandbox_it_is_counts_for_a_sandbox_only() {
    let mut world = trying("absorb");
    world.roster("1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,2025-12-01,\n");
    world.reconfigure("sandbox_vendor = \"absorb\"", "sandbox_vendor = \"okta\"");
    let said = world.provost(&["plan"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("`sandbox_vendor` cannot be \"okta\"") && said.err.contains("\"lessonly\""), "{said:?}");
    world.reconfigure("sandbox_vendor = \"okta\"", "sandbox_vendor = \"absorb\"");
    world.reconfigure("sandbox:./fifteen", "https://scim.example.com/v2");
    let said = world.provost(&["plan"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("`sandbox_vendor` is for a sandbox only") && said.err.contains("sandbox:FOLDER"), "{said:?}");
}

#[test]
fn an_attribute_that_the_application_does_not_have_is_an_objection() {
    let mut world = trying("lessonly");
    world.roster("1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,2025-12-01,\n");
    let shift = "urn:example:acme:2.0:User:shift";
    world.reconfigure("\nsandbox_limit = ", &format!("\ndeclared_fields = [\"{shift}\"]\nsandbox_limit = "));
    world.reconfigure("\n\"emails.work\" = ", &format!("\n\"{shift}\" = 'person.title'\n\"emails.work\" = "));
    let said = world.provost(&["plan", "--format", "json"]);
    let told = format!("{}{}", said.out, said.err);
    assert!(told.contains(&format!("the application's schemas have no `{shift}`")), "{said:?}");
}

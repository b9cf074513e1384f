//! An identity provider beside the roster: an exported user list that says who is active, who is assigned, and who is in which group.

use serde_json::Value;

use crate::world::{Setup, World, steps};

const ADA: &str = "1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1990-12-01,\n";
const BOB: &str = "2,Bob,Ross,bob@acme.example,Clerk,Sales,,active,1990-12-01,\n";
const CLEO: &str = "3,Cleo,Patra,cleo@acme.example,Clerk,Sales,,active,1990-12-01,\n";

/// A configuration with an exported list of Okta's; `more` goes into its block.
fn world(more: &str, groups: &str) -> World {
    let mut world = World::new(Setup::default());
    let text = world.read("provost.toml");
    let source = format!(
        "[source.okta]\nrole = \"idp\"\nkind = \"csv\"\npath = \"okta.csv\"\nshrink = {{ max = 20, percent = 100 }}\njoin = \"person.email == record.Login\"\n{more}\n{groups}\n"
    );
    world.write("provost.toml", &format!("{text}\n{source}"));
    world.roster(&format!("{ADA}{BOB}{CLEO}"));
    world
}

/// Okta's own headers; written a day before the story's now.
fn list(world: &World, users: &[(&str, &str, &str)]) {
    list_of(world, users, 1);
}

fn list_of(world: &World, users: &[(&str, &str, &str)], days_ago: i64) {
    let rows = users.iter().map(|(login, status, groups)| format!("00u-{login},{login},{login},{status},{groups}\n"));
    world.write("okta.csv", &format!("User Id,Login,Primary email,Status,Groups\n{}", rows.collect::<String>()));
    let written = std::time::SystemTime::from(world.now) - std::time::Duration::from_secs(days_ago.unsigned_abs() * 86_400);
    let file = std::fs::File::options().append(true).open(world.path("okta.csv")).expect("the list is there");
    file.set_modified(written).expect("its time is set");
}

fn all_active() -> [(&'static str, &'static str, &'static str); 3] {
    [
        ("ada@acme.example", "ACTIVE", "LMS Users;LMS Admins"),
        ("bob@acme.example", "ACTIVE", "LMS Users"),
        ("cleo@acme.example", "ACTIVE", "LMS Users"),
    ]
}

fn findings(world: &World) -> Vec<Value> {
    world.provost(&["findings", "--format", "json"]).json()["findings"].as_array().cloned().expect("a list of findings")
}

fn of_kind(world: &World, kind: &str) -> Vec<String> {
    let all = findings(world);
    all.iter().filter(|finding| finding["kind"] == kind).map(|finding| finding["what"].as_str().unwrap().to_owned()).collect()
}

/// Assigned here, in groups there; un-assigned is not gone from the company; nobody is taken for what was not said.
#[test]
fn l14_who_is_assigned_has_an_account_and_un_assigning_touches_that_app_alone() {
    let mut world = world(
        "apps = [\"lessonly\"]",
        "[source.okta.groups]\n\"LMS Users\" = { lessonly = { group = \"Customer Service\" } }\n\"LMS Admins\" = { lessonly = { role = \"manager\" } }",
    );
    let mut users = all_active();
    users[2].1 = "STAGED";
    list(&world, &users);
    world.carry_out();
    assert!(world.lessonly_user("cleo@acme.example").is_none() && world.absorb_user("cleo@acme.example").is_some());
    assert_eq!(world.lessonly_user("ada@acme.example").expect("assigned")["role"], "manager");
    assert_eq!(world.lessonly_user("bob@acme.example").expect("assigned")["role"], "learner");

    // A mover: out of one group, and the role goes with it, where somebody looks.
    world.later();
    users[0].2 = "LMS Users";
    list(&world, &users);
    let planned = world.plan();
    let lowered = planned.held.iter().flat_map(|(_, plan)| steps(plan)).find(|step| step["set"]["role"].is_object()).expect("held");
    assert_eq!(lowered["set"]["role"]["after"], "learner", "{lowered}");

    // Un-assigned in one app; in the other nothing happens.
    users[1].1 = "SUSPENDED";
    users[0].2 = "LMS Users;LMS Admins";
    list(&world, &users);
    let planned = world.plan();
    assert_eq!(
        (planned.count("lessonly", "leave"), planned.count("absorb", "leave"), planned.steps().len()),
        (1, 0, 1),
        "{:?}",
        planned.steps()
    );
    let reason = planned.steps()[0]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("not assigned at okta any more (inactive, said "), "{reason}");
    world.apply(&planned.open_file.clone());
    assert!(world.absorb_user("bob@acme.example").is_some_and(|user| user["activeStatus"] == crate::world::active_status(true)));

    // Gone from a complete list is not a word: it stays, and that is told.
    world.later();
    list(&world, &users[1..]);
    let planned = world.plan();
    assert!(planned.steps().is_empty() && planned.held.is_empty(), "{:?}", planned.steps());
    assert!(of_kind(&world, "assignment").iter().any(|what| what.contains("a complete list of okta does not have the person")));
    let explained = world.provost(&["explain", "bob@acme.example"]).out;
    assert!(explained.contains("okta says: inactive, said 1997-12-31") && explained.contains("days ago"), "{explained}");
    world.check(&[]);
    // The checker reads the list by itself: were Bob assigned again, it would miss his account.
    users[1].1 = "ACTIVE";
    list(&world, &users[1..]);
    assert!(world.judged(&[]).contains("inactive_account"));
}

/// The naive way archives first, and the provider's next sync gives the account back.  We wait for its word, as long as that is young.
#[test]
fn l14_offboarding_is_idp_first_and_an_old_word_ends_the_wait() {
    let mut world = world("said_within = \"30d\"", "");
    world.reconfigure("subdomain = \"acme\"", "subdomain = \"acme\"\nalso_provisioned_by = \"okta\"");
    list(&world, &all_active());
    world.carry_out();

    world.at("1998-02-02T12:00:00Z");
    let gone = BOB.replace("active,1990-12-01,", "terminated,1990-12-01,1998-01-31");
    world.roster(&format!("{ADA}{gone}{CLEO}"));
    list(&world, &all_active());
    let planned = world.plan();
    assert_eq!((planned.count("absorb", "leave"), planned.count("lessonly", "leave")), (1, 0), "{:?}", planned.said);
    assert_eq!(planned.held[0].1["class"]["held"], "idp_first");
    assert!(of_kind(&world, "ghost").iter().any(|what| what.contains("okta has them as active")), "{:?}", findings(&world));
    world.apply(&planned.open_file.clone());

    // It says so now: the leave goes on.
    let mut users = all_active();
    users[1].1 = "DEPROVISIONED";
    list(&world, &users);
    let planned = world.plan();
    assert_eq!((planned.count("lessonly", "leave"), planned.held.len()), (1, 0), "{:?}", planned.said);

    // Or it says nothing any more: told, and no endless wait.
    world.at("1998-03-20T12:00:00Z");
    list_of(&world, &all_active(), 40);
    let planned = world.plan();
    assert_eq!((planned.count("lessonly", "leave"), planned.held.len()), (1, 0), "{:?}", planned.said);
    assert!(of_kind(&world, "stale_word").iter().any(|what| what.contains("too old to wait for")), "{:?}", findings(&world));
    world.apply(&planned.open_file.clone());
    assert!(world.plan().steps().is_empty());

    // And then its sync gives the account back: found, with what is known of it, and planned again.
    world.later();
    let id = world.lessonly_user("bob@acme.example").expect("archived")["id"].as_u64().expect("an id");
    world.lessonly.restore_user(id).expect("somebody else restores it");
    world.later();
    let planned = world.plan();
    assert_eq!(planned.count("lessonly", "leave"), 1, "{:?}", planned.said);
    let told = of_kind(&world, "resurrection");
    assert!(told.len() == 1 && told[0].contains("which was not us") && told[0].contains("okta: active, said"), "{told:?}");
}

/// Accounts that somebody's first log-in made belong to nobody: found, and taken over by a step that waits.
#[test]
fn a14_accounts_that_jit_made_are_found_and_adopted_by_an_approved_step() {
    let mut world = world("", "");
    list(&world, &all_active());
    let sales = world.absorb.put_department("Sales", None).expect("a department");
    let made = serde_json::json!({"departmentId": sales, "username": "bob@acme.example", "emailAddress": "bob@acme.example", "firstName": "Bob", "lastName": "?"});
    world.absorb.put_user(made).expect("somebody logs in");
    let planned = world.plan();
    assert_eq!(planned.count("absorb", "create"), 2, "nobody is made twice: {:?}", planned.steps());
    let adopt = planned.held.iter().find(|(_, plan)| plan["class"]["held"] == "adopt").expect("the adoption waits");
    assert!(steps(&adopt.1).iter().any(|step| step["verb"] == "link" && step["person"] == "2"));
    let file = adopt.0.clone();
    world.apply(&planned.open_file.clone());
    world.apply(&file);
    // JIT never updates: we do.
    world.carry_out();
    assert_eq!(world.absorb_user("bob@acme.example").expect("still one")["lastName"], "Ross");
}

/// The provider, the roster and each other: whoever is in one and not in the other is told.
#[test]
fn f01_who_is_active_there_and_not_in_the_roster_is_told_and_nothing_is_done() {
    let mut world = world("", "");
    let mut users = all_active().to_vec();
    users.push(("mallory@acme.example", "ACTIVE", ""));
    users.push(("old@acme.example", "DEPROVISIONED", ""));
    list(&world, &users);
    world.carry_out();
    let ghosts = of_kind(&world, "ghost");
    assert!(
        ghosts.len() == 1 && ghosts[0].contains("mallory@acme.example") && ghosts[0].contains("nobody with this email"),
        "{ghosts:?}"
    );
    // Entra's own headers.
    world.reconfigure("record.Login", "record.userPrincipalName");
    world.write(
        "okta.csv",
        "userPrincipalName,displayName,surname,mail,givenName,id,accountEnabled\nada@acme.example,Ada,L,,Ada,o1,True\n",
    );
    assert_eq!(world.provost(&["plan"]).code, 0);
    world.write("okta.csv", "userPrincipalName,displayName,id\nada@acme.example,Ada,o1\n");
    let refused = world.provost(&["plan"]);
    assert!(refused.code == 1 && refused.err.contains("no column says who is active"), "{refused:?}");
}

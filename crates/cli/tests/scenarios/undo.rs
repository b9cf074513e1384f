//! The undo of a run (P12): a plan from what its journal kept, approved and carried out like any other, and judged by the checker.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::world::{Planned, Said, Setup, World, active_status, steps};

/// `provost revert`, with its plans in files; the words are those after `revert`.
fn revert(world: &World, name: &str, words: &[&str]) -> Planned {
    let file = format!("{name}.json");
    let said = world.provost(&[&["revert"], words, &["-o", &file]].concat());
    assert!(said.code == 0 || said.code == 2, "revert failed: {said:?}");
    let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).expect("it is there")).expect("a plan is JSON") };
    let open_file = world.path(&file);
    let begin = format!("{name}.held-");
    let mut held: Vec<(PathBuf, Value)> = fs::read_dir(open_file.parent().expect("a folder"))
        .expect("the folder is listed")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&begin)))
        .map(|path| (path.clone(), read(&path)))
        .collect();
    held.sort_by(|a, b| a.0.cmp(&b.0));
    Planned { said, open: read(&open_file), open_file, held }
}

/// The id of the newest run.
fn latest(world: &World) -> String {
    let runs = world.provost(&["runs", "--format", "json"]).json();
    runs["runs"][0]["id"].as_str().expect("a run").to_owned()
}

/// Everything that both apps hold about people, as far as a script can see it, without what the vendor keeps by itself.
fn held_by_apps(world: &World) -> Value {
    let plain = |users: Vec<Value>| -> Vec<Value> {
        users
            .into_iter()
            .map(|mut user| {
                let members = user.as_object_mut().expect("a user is an object");
                members.retain(|name, _| !["dateEdited", "updated_at", "archived_by_user_id"].contains(&name.as_str()));
                user
            })
            .collect()
    };
    json!([plain(world.lessonly.users()), plain(world.absorb.users())])
}

fn row(n: u32, title: &str, department: &str, status: &str) -> String {
    let (manager, ends) = (if n == 1 { "" } else { "1" }, if status == "terminated" { "1998-06-15" } else { "" });
    format!("{n},P{n},Person,p{n}@acme.example,{title},{department},{manager},{status},1990-12-01,{ends}\n")
}

fn rows(people: std::ops::RangeInclusive<u32>, row: impl Fn(u32) -> String) -> String {
    people.map(row).collect()
}

/// A next planning holds what was undone as long as roster and policy still say it.
fn held_as_reverted(planned: &Planned) -> &Value {
    let held = planned.held.iter().find(|(path, _)| path.to_string_lossy().contains("held-reverted"));
    &held.unwrap_or_else(|| panic!("nothing is held as reverted: {}", planned.said.out)).1
}

fn findings_of(said: &Said, kind: &str) -> Vec<Value> {
    let said = said.json();
    said["findings"].as_array().into_iter().flatten().filter(|finding| finding["kind"] == kind).cloned().collect()
}

/// Half of the rows said "terminated" by mistake.
#[test]
fn p12_leavers_archived_by_mistake_come_back_with_groups_and_roles() {
    let mut world = World::new(Setup::default());
    let good = rows(1..=6, |n| row(n, if n == 2 { "Manager" } else { "Clerk" }, "Sales", "active"));
    world.roster(&good);
    world.carry_out();
    let before = held_by_apps(&world);
    world.at("1998-07-01T12:00:00Z");
    let wrong = rows(1..=6, |n| row(n, if n == 2 { "Manager" } else { "Clerk" }, "Sales", if n > 3 { "terminated" } else { "active" }));
    world.roster(&wrong);
    let planned = world.carry_out();
    assert_eq!((planned.count("lessonly", "leave"), planned.count("absorb", "leave")), (3, 3));
    assert_ne!(held_by_apps(&world), before);
    world.later();
    let undo = revert(&world, "undo", &["latest"]);
    assert_eq!(
        (undo.count("lessonly", "restore"), undo.count("absorb", "restore"), undo.steps().len()),
        (3, 3, 6),
        "{}",
        undo.said.out
    );
    assert_eq!(undo.open["inputs"]["reverts"], latest(&world));
    assert!(undo.said.out.contains("takes back run"), "{}", undo.said.out);
    world.apply(&undo.open_file.clone());
    assert_eq!(held_by_apps(&world), before, "everybody has what they had");

    // The roster still says so: what was undone is not done again without a word.
    world.later();
    let again = world.plan();
    assert_eq!(again.steps(), &[] as &[Value]);
    assert_eq!(steps(held_as_reverted(&again)).len(), 6, "{}", again.said.out);
    assert!(again.said.out.contains("was undone on"), "{}", again.said.out);
    world.check(&[]);
    // It was wrong, and says now what is right: nothing is held, nothing is to be done.
    world.roster(&good);
    let right = world.plan();
    assert_eq!((right.steps(), right.held.len()), (&[] as &[Value], 0), "{}", right.said.out);
    world.check(&["--expect-complete"]);
}

/// A mover's title, role, department, groups and supervisor.
#[test]
fn p12_a_move_is_taken_back_and_what_is_back_already_needs_no_step() {
    let mut world = World::new(Setup::default());
    let people = |title: &str, department: &str| {
        rows(1..=3, |n| if n == 3 { row(n, title, department, "active") } else { row(n, "Clerk", "Sales", "active") })
    };
    world.roster(&people("Clerk", "Sales"));
    world.carry_out();
    let before = held_by_apps(&world);
    world.later();
    world.roster(&people("Manager", "Development"));
    world.carry_out();
    world.later();
    let undo = revert(&world, "undo", &["latest", "--person", "3"]);
    assert_eq!(undo.count("absorb", "update"), 1, "{}", undo.said.out);
    // The role goes down again, and the policy wants somebody to look at that.
    assert_eq!(undo.held.len(), 1, "{}", undo.said.out);
    assert_eq!(undo.held[0].1["class"], json!({ "held": "role_lowered" }));
    world.apply(&undo.open_file.clone());
    world.later();
    world.apply(&undo.held[0].0.clone());
    let after = held_by_apps(&world);
    assert_eq!(after, before);
    world.later();
    let runs = world.provost(&["runs", "--format", "json"]).json();
    let moved = runs["runs"][2]["id"].as_str().expect("the run of the move").to_owned();
    let nothing = world.provost(&["revert", &moved, "--format", "json"]);
    assert_eq!(nothing.code, 0, "{nothing:?}");
    assert_eq!((nothing.json()["back"].as_u64(), nothing.json()["plans"][0]["steps"].as_u64()), (Some(2), Some(0)));
    assert!(world.provost(&["revert", &moved]).err.contains("there is nothing to take back; 2 accounts are as they were"));
    world.roster(&people("Clerk", "Sales"));
    assert_eq!(world.plan().steps(), &[] as &[Value]);
    world.check(&[]);
}

/// What was made is archived, never deleted; departments, enrolments and links stay, and that is said.
#[test]
fn p12_what_was_made_is_archived_and_what_stays_is_said() {
    let mut world = World::new(Setup::default());
    world.roster(&row(1, "Clerk", "Sales", "active"));
    world.carry_out();
    world.later();
    world.roster(&(row(1, "Clerk", "Sales", "active") + "2,P2,Person,p2@acme.example,Clerk,Research,1,active,1997-12-20,\n"));
    world.carry_out();
    world.later();
    let said = world.provost(&["revert", "latest", "--format", "json"]);
    assert_eq!(said.code, 2, "{said:?}");
    let stays: String =
        findings_of(&said, "not_undone").iter().map(|finding| finding["what"].as_str().expect("words").to_owned() + "\n").collect();
    assert!(stays.contains("department \"Research\" stays") && stays.contains("the enrolment in"), "{stays}");
    let undo = revert(&world, "undo", &["latest"]);
    assert_eq!((undo.count("lessonly", "leave"), undo.count("absorb", "leave"), undo.steps().len()), (1, 1, 2), "{}", undo.said.out);
    world.apply(&undo.open_file.clone());
    assert!(world.lessonly_user("p2@acme.example").expect("nothing is deleted")["archived_at"].is_string());
    assert_eq!(world.absorb_user("p2@acme.example").expect("nothing is deleted")["activeStatus"], active_status(false));
    world.later();
    // The joiner is still in the roster: a person decides whether the accounts come back.
    let again = world.plan();
    assert_eq!(steps(held_as_reverted(&again)).iter().filter(|step| step["verb"] == "restore").count(), 2, "{}", again.said.out);
    let held = again.held.iter().find(|(path, _)| path.to_string_lossy().contains("held-reverted")).expect("it is there").0.clone();
    world.apply(&held);
    world.later();
    let last = world.plan();
    assert_eq!((last.steps(), last.held.len()), (&[] as &[Value], 0), "what was approved is done and forgotten: {}", last.said.out);
    assert!(world.lessonly_user("p2@acme.example").expect("she")["archived_at"].is_null());
    world.check(&[]);
}

/// The undo of an undo brings back what the run did.
#[test]
fn p12_a_run_is_reverted_and_reverted_again() {
    let mut world = World::new(Setup::default());
    let people = |title: &str, last: &str| {
        rows(1..=4, |n| row(n, if n == 2 { title } else { "Clerk" }, "Sales", if n == 4 { last } else { "active" }))
    };
    world.roster(&people("Clerk", "active"));
    world.carry_out();
    let before = held_by_apps(&world);
    world.at("1998-07-01T12:00:00Z");
    world.roster(&people("Engineer", "terminated"));
    world.carry_out();
    let after = held_by_apps(&world);
    world.later();
    let undo = revert(&world, "undo", &["latest"]);
    world.apply(&undo.open_file.clone());
    assert_eq!(held_by_apps(&world), before);
    world.later();
    let redo = revert(&world, "redo", &["latest"]);
    world.apply(&redo.open_file.clone());

    let last = held_by_apps(&world);
    assert_eq!(world.absorb.users().len(), after[1].as_array().expect("users").len());
    assert_eq!(last[1], after[1]);
    assert!(world.lessonly_user("p4@acme.example").expect("he")["archived_at"].is_string());
    world.later();
    let planned = world.plan();
    assert_eq!((planned.steps(), planned.held.len()), (&[] as &[Value], 0), "it is as roster and policy say: {}", planned.said.out);
    world.check(&[]);
}

/// Somebody changed an account by hand in between: that stays, the rest is taken back.
#[test]
fn p12_what_somebody_changed_since_stays() {
    let mut world = World::new(Setup::default());
    let people = |title: &str| {
        rows(1..=2, |n| {
            row(n, if n == 2 { title } else { "Clerk" }, if n == 2 && title != "Clerk" { "Development" } else { "Sales" }, "active")
        })
    };
    world.roster(&people("Clerk"));
    world.carry_out();
    world.later();
    world.roster(&people("Engineer"));
    world.carry_out();
    let id = world.lessonly_user("p2@acme.example").expect("she")["id"].as_u64().expect("a number");
    world.lessonly.update_user(id, json!({ "job_title": "Boss" })).expect("somebody changes it");
    world.later();
    let said = world.provost(&["revert", "latest", "--format", "json"]);
    let drift = findings_of(&said, "drift");
    assert_eq!(drift.len(), 1, "{said:?}");
    assert!(drift[0]["what"].as_str().expect("words").contains("job_title is `Boss`, neither `Engineer`"), "{drift:?}");
    let undo = revert(&world, "undo", &["latest"]);
    world.apply(&undo.open_file.clone());
    let user = world.lessonly_user("p2@acme.example").expect("she");
    assert_eq!((&user["job_title"], &user["department"]), (&"Boss".into(), &"Sales".into()));
    world.check(&[]);
}

/// An undo takes access from many: its guard trips as for any plan.
#[test]
fn p12_an_undo_that_trips_a_guard_waits() {
    let mut world = World::new(Setup { more: "[guard.access_lost]\nmax = 2\nwindow = \"24h\"\n", ..Setup::default() });
    world.roster(&row(1, "Clerk", "Sales", "active"));
    world.carry_out();
    world.later();
    world.roster(&rows(1..=5, |n| row(n, "Clerk", "Sales", "active")));
    world.carry_out();
    world.later();
    let undo = revert(&world, "undo", &["latest"]);
    assert_eq!(undo.said.code, 2, "{:?}", undo.said);
    assert!(undo.steps().is_empty() && undo.said.out.contains("guard access_lost holds"), "{}", undo.said.out);
    assert_eq!((undo.held.len(), steps(&undo.held[0].1).len()), (1, 8));
    // One of them alone is fewer than the guard lets pass.
    let one = revert(&world, "one", &["latest", "--person", "5"]);
    assert_eq!((one.steps().len(), one.held.len()), (0, 1), "what waits counts: {}", one.said.out);
    world.apply(&undo.held[0].0.clone());
    assert_eq!(world.lessonly.users().iter().filter(|user| user["archived_at"].is_string()).count(), 4);
    world.check(&[]);
}

/// What cannot be reverted says why, and what to do.
#[test]
fn p12_what_cannot_be_reverted_says_why() {
    let mut world = World::new(Setup { more: "[keep]\nbefore_images = \"30d\"\n", ..Setup::default() });
    world.roster(&row(1, "Clerk", "Sales", "active"));
    let none = world.provost(&["revert", "latest"]);
    assert_eq!(none.code, 1);
    assert!(none.err.contains("nothing was run yet"), "{}", none.err);
    world.carry_out();
    let unknown = world.provost(&["revert", "ffff"]);
    assert!(unknown.code == 1 && unknown.err.contains("no run ffff"), "{}", unknown.err);
    let nobody = world.provost(&["revert", "latest", "--person", "11"]);
    assert!(nobody.code == 1 && nobody.err.contains("has no step for anybody with the key 11"), "{}", nobody.err);
    let html = world.provost(&["revert", "latest", "--format", "html"]);
    assert!(html.code == 2 && html.out.contains("<html"), "{html:?}");
    let report = world.provost(&["report", "latest"]);
    assert!(report.out.contains("to take it back: provost revert "), "{}", report.out);
    let run = latest(&world);
    // A month later the images are gone, and the run says so.
    world.at("1998-02-15T12:00:00Z");
    world.plan();
    let swept = world.provost(&["revert", &run]);
    assert!(swept.code == 1 && swept.err.contains("removed on 1998-02-15") && swept.err.contains("before_images"), "{}", swept.err);
    assert_eq!(world.provost(&["report", &run]).code, 0, "what it did is still told");
    // Another tenant than the one that the run was for.
    world.reconfigure("subdomain = \"acme\"", "subdomain = \"other\"");
    let other = world.provost(&["revert", &run]);
    assert!(other.code == 1 && other.err.contains("another tenant"), "{}", other.err);
}

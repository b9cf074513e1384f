//! The traps of Absorb that show in the whole job only (`traps.md`, A04, A09, A19, A20).  First what a script of one's own does on the
//! sandbox, then what the product does there.

use sandbox::Limit;
use sandbox::absorb::Rule;
use serde_json::{Value, json};

use crate::naive::{Script, rows};
use crate::world::{Setup, World, by, steps};

const ADA: &str = "1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1990-12-01,\n";

fn department(world: &World, name: &str) -> Value {
    world.absorb.departments().into_iter().find(|one| one["name"] == name).expect("the department")["id"].clone()
}

/// An admin who sees Sales only; Development is there, and out of sight.
fn half_seen(assert_scope: bool) -> World {
    let world = World::new(Setup { scope: vec!["Sales".to_owned()], assert_scope, ..Setup::default() });
    for name in ["Sales", "Development"] {
        world.absorb.put_department(name, None).expect("made");
    }
    world
}

/// Ada, made by hand, in a department.
fn ada_in(world: &World, name: &str) {
    let user = json!({ "username": "ada@acme.example", "firstName": "Ada", "lastName": "Lovelace", "externalId": "1",
        "emailAddress": "ada@acme.example", "jobTitle": "Engineer", "departmentId": department(world, name) });
    world.absorb.put_user(user).expect("made");
}

fn accounts(world: &World, key: &str) -> usize {
    world.absorb.users().iter().filter(|user| user["externalId"] == key).count()
}

#[test]
fn a04_nobody_is_made_who_may_be_hidden() {
    let naive = half_seen(true);
    ada_in(&naive, "Development");
    let script = Script::new(&naive);
    let (_, seen) = script.absorb("GET", "/users?externalId=1", Value::Null).expect("an answer");
    assert_eq!(seen["totalItems"], 0, "no word that she is hidden");
    script.make_in_absorb(&rows(ADA)[0]);
    assert_eq!(accounts(&naive, "1"), 2, "so she gets a second account");

    // Scope is not stated: nobody is made, and the finding says what to do.
    let mut world = half_seen(false);
    ada_in(&world, "Development");
    world.roster(&format!("{ADA}2,Bob,Seller,bob@acme.example,Seller,Sales,,active,1990-12-01,\n"));
    let planned = world.plan();
    assert!(planned.steps().iter().all(|step| step["app"] != "absorb"), "{}", planned.said.out);
    assert!(planned.said.out.contains("nobody gets an account here") && planned.said.out.contains("scope"), "{}", planned.said.out);
    world.apply(&planned.open_file);
    assert_eq!((accounts(&world, "1"), accounts(&world, "2")), (1, 0));

    // Scope is stated, and an account that we know is not seen: the statement is contradicted.
    let mut world = half_seen(true);
    world.reconfigure("leave = \"deactivate\"", "leave = \"deactivate\"\nadopt = \"link\"");
    ada_in(&world, "Sales");
    world.roster(&ADA.replace("Development", "Sales"));
    world.carry_out();
    let id = world.absorb_user("ada@acme.example").expect("there")["id"].clone();
    world.absorb.put_user(json!({ "id": id, "departmentId": department(&world, "Development") })).expect("moved by an admin");
    world.at("1998-02-01T12:00:00Z");
    world.roster(&format!("{}2,Bob,Seller,bob@acme.example,Seller,Sales,,active,1990-12-01,\n", ADA.replace("Development", "Sales")));
    let planned = world.plan();
    assert!(planned.steps().iter().all(|step| step["app"] != "absorb"), "{}", planned.said.out);
    assert!(planned.said.out.contains("1 linked accounts are not seen"), "{}", planned.said.out);
    world.roster(&ADA.replace("Development", "Sales"));
    assert_eq!(accounts(&world, "1"), 1);
    world.check(&["--except", "1"]);
}

#[test]
fn a09_the_limit_is_kept_and_what_is_refused_all_the_same_is_waited_for() {
    let naive = World::new(Setup { absorb_limit: Some(Limit::PerPeriod(20)), ..Setup::default() });
    let script = Script::new(&naive);
    // As fast as they go, with no regard to the limit (a tenth of the vendor's, so that the test is short).
    let refused = (0..200).filter(|_| script.absorb("GET", "/courses", Value::Null).expect("an answer").0 == 429).count();
    assert!(refused >= 10, "{refused} bare 429s, and what was asked for is not done");

    // Ours: 150 joiners, each with an enrolment, which is one request each.
    let people: String =
        (1..=150).map(|n| format!("{n},P{n},Person,p{n}@acme.example,Engineer,Development,,active,1997-12-15,\n")).collect();
    let (too_fast, right) = ("rate = { per_second = 5000, burst = 5000 }", "rate = { per_second = 60, burst = 30 }");
    for (rate, refusals) in [(right, false), (too_fast, true)] {
        let mut world = World::new(Setup { absorb_limit: Some(Limit::PerPeriod(60)), ..Setup::default() });
        world.reconfigure(too_fast, rate);
        world.roster(&people);
        world.carry_out();
        let throttled = world.read("absorb.access.jsonl").lines().filter(|line| line.contains("\"status\":429")).count();
        assert_eq!(throttled > 0, refusals, "{throttled} calls were refused");
        assert_eq!(world.absorb.enrollments().len(), 150, "everything was done, once");
        world.check(&["--expect-complete"]);
    }
}

#[test]
fn a19_a_move_that_may_enrol_says_so_before_it_is_done() {
    let rules = || vec![Rule { department: "Sales".to_owned(), course: "Security Basics".to_owned(), re_enroll: false }];
    let enrolled = |world: &World| world.absorb.enrollments().len();
    let naive = World::new(Setup { rules: rules(), ..Setup::default() });
    for name in ["Sales", "Development"] {
        naive.absorb.put_department(name, None).expect("made");
    }
    ada_in(&naive, "Development");
    let script = Script::new(&naive);
    let mut ada = naive.absorb_user("ada@acme.example").expect("there");
    ada["departmentId"] = department(&naive, "Sales");
    assert_eq!(
        script.absorb("PUT", &format!("/users/{}", ada["id"].as_str().expect("an id")), ada.clone()).expect("an answer").0,
        by(200, 201)
    );
    assert_eq!(enrolled(&naive), 1, "she was moved, and finds a course that nobody ordered");

    let more = "[guard.enrolment_possible]\nmax = 0\n";
    let mut world = World::new(Setup { rules: rules(), more, ..Setup::default() });
    world.absorb.put_department("Sales", None).expect("made");
    world.roster(ADA);
    let planned = world.plan();
    let mut file = planned.open_file.clone();
    // Even her first department may enrol her, so that waits too.
    world.apply(&file);
    world.later();
    for (path, _) in world.plan().held {
        world.apply(&path);
    }
    world.at("1998-02-01T12:00:00Z");
    world.roster(&ADA.replace("Development", "Sales"));
    let planned = world.plan();
    let moves =
        |plan: &Value| steps(plan).iter().filter(|step| step["app"] == "absorb" && !step["set"]["department"].is_null()).count();
    assert_eq!(moves(&planned.open), 0, "{}", planned.said.out);
    let (path, held) = planned.held.iter().find(|(_, plan)| moves(plan) == 1).expect("the move waits");
    assert_eq!(held["class"]["held"], "enrolment_possible");
    let step = steps(held).iter().find(|step| step["app"] == "absorb").expect("the move");
    assert!(step["effects"].as_array().expect("effects").contains(&"enrolment_possible".into()), "{step}");
    assert_eq!(enrolled(&world), 0);
    file.clone_from(path);
    if !planned.steps().is_empty() {
        world.apply(&planned.open_file);
        world.later();
    }
    world.apply(&file);
    assert_eq!(enrolled(&world), 1, "with a yes it is done, and the portal does what it was said to do");
    assert!(world.plan().steps().is_empty());
    world.check(&[]);
}

#[test]
fn a20_nobody_is_moved_out_of_sight() {
    let naive = half_seen(true);
    ada_in(&naive, "Sales");
    let script = Script::new(&naive);
    let mut ada = naive.absorb_user("ada@acme.example").expect("there");
    let path = format!("/users/{}", ada["id"].as_str().expect("an id"));
    ada["departmentId"] = department(&naive, "Development");
    assert_eq!(script.absorb("PUT", &path, ada).expect("an answer").0, by(200, 201));
    assert_eq!(script.absorb("GET", &path, Value::Null).expect("an answer").0, 404, "moved, and gone from the admin's sight");

    let mut world = half_seen(false);
    world.reconfigure("leave = \"deactivate\"", "leave = \"deactivate\"\nadopt = \"link\"");
    let sees = format!("connector = \"absorb\"\nsees = {}", department(&world, "Sales"));
    world.reconfigure("connector = \"absorb\"", &sees);
    ada_in(&world, "Sales");
    world.roster(&ADA.replace("Development", "Sales"));
    world.carry_out();
    let before = world.absorb_user("ada@acme.example").expect("there");
    world.at("1998-02-01T12:00:00Z");
    world.roster(ADA);
    let planned = world.plan();
    assert!(planned.steps().iter().all(|step| step["app"] != "absorb"), "{}", planned.said.out);
    let findings = world.provost(&["findings", "--kind", "objection"]);
    assert!(findings.out.contains("Ada Lovelace") && findings.out.contains("out of sight"), "{findings:?}");
    assert_eq!(world.absorb_user("ada@acme.example").expect("there"), before);
    if !planned.steps().is_empty() {
        world.apply(&planned.open_file);
    }
    world.check(&["--except", "1"]);
}

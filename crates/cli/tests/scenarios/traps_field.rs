//! The traps of the field that are about runs: what was read, approved, sent and kept (`traps.md`, F01-F05, F12).  First what a script of
//! one's own does on the sandbox, then what the product does there.

use crate::naive::{Script, rows};
use crate::proxy::Proxy;
use crate::world::{Setup, World, by, steps};

/// So many engineers.
fn people(numbers: std::ops::RangeInclusive<u32>) -> String {
    numbers.map(engineer).collect()
}

fn engineer(n: u32) -> String {
    format!("{n},P{n},Person,p{n}@acme.example,Engineer,Development,,active,1990-12-01,\n")
}

fn left(n: u32) -> String {
    format!("{n},P{n},Person,p{n}@acme.example,Engineer,Development,,terminated,1990-12-01,1998-01-15\n")
}

fn archived(world: &World) -> usize {
    world.lessonly.users().iter().filter(|user| user["role"] != "admin" && !user["archived_at"].is_null()).count()
}

/// A world with these people provisioned by the product.
fn provisioned(setup: Setup, people: &str) -> World {
    let mut world = World::new(setup);
    world.roster(people);
    world.carry_out();
    world
}

/// A world whose apps are reached over lines that fail, and these.
fn over_lines(setup: Setup) -> (World, Proxy, Proxy) {
    let world = World::new(setup);
    let (lessonly, absorb) = (world.url("lessonly"), world.url("absorb"));
    let lines = (Proxy::to(&lessonly), Proxy::to(&absorb));
    world.reconfigure(&lessonly, &lines.0.url(&lessonly));
    world.reconfigure(&absorb, &lines.1.url(&absorb));
    (world, lines.0, lines.1)
}

fn in_absorb(world: &World, key: &str) -> usize {
    world.absorb.users().iter().filter(|user| user["externalId"] == key).count()
}

#[test]
fn f01_a_roster_that_is_empty_or_half_ends_nobodys_access() {
    let all = people(1..=30);
    let naive = World::new(Setup::default());
    let script = Script::new(&naive);
    script.sync_lessonly(&all, usize::MAX);
    script.sync_lessonly(&people(1..=15), usize::MAX);
    assert_eq!(archived(&naive), 15, "an export that broke off archives the other half");
    script.sync_lessonly("", usize::MAX);
    assert_eq!(archived(&naive), 30, "an empty one archives everybody");

    // Ours, with a policy that lets absence end access, which is the dangerous one.
    let mut world = World::new(Setup::default());
    world.reconfigure("key = \"employee_id\"", "key = \"employee_id\"\nabsent = \"leave\"");
    world.roster(&all);
    world.carry_out();
    let before = world.written();
    for (partial, told) in [
        ("", "shrank from 30 rows to 0"),
        (people(1..=15).as_str(), "shrank from 30 rows to 15"),
        (format!("{all}31,P31").as_str(), "cells"),
    ] {
        world.roster(partial);
        let planned = world.plan();
        assert_eq!((planned.steps().len(), planned.held.len()), (0, 0), "{told}: {}", planned.said.out);
        assert!(planned.said.out.contains(told), "{told} is not told: {}", planned.said.out);
    }
    world.write("roster.csv", "");
    let refused = world.provost(&["plan"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert_eq!(world.written(), before, "nothing was written anywhere");
    world.roster(&all);
    assert!(world.plan().steps().is_empty());
    world.check(&["--expect-complete"]);
}

#[test]
fn f01_an_app_that_lists_nobody_gets_nobody_twice() {
    let nobody = r#"{"totalItems":0,"returnedItems":0,"limit":1000,"offset":0,"users":[]}"#;
    let all = people(1..=3);
    let naive = provisioned(Setup::default(), &all);
    let line = Proxy::to(&naive.url("absorb"));
    line.instead("GET /users", nobody);
    let script = Script::new(&naive).absorb_at(&line.url(&naive.url("absorb")));
    for row in rows(&all) {
        let (_, answer) = script.absorb("GET", &format!("/users?externalId={}", row.key), serde_json::Value::Null).expect("an answer");
        if answer["totalItems"] == 0 {
            script.make_in_absorb(&row);
        }
    }
    assert_eq!(in_absorb(&naive, "1"), by(2, 1), "who is not in the answer is made again, or written over");

    let (mut world, _lessonly, absorb) = over_lines(Setup::default());
    world.roster(&all);
    world.carry_out();
    let before = world.written();
    absorb.instead("GET /users", nobody);
    world.at("1998-01-02T12:00:00Z");
    world.roster(&people(1..=4));
    let planned = world.plan();
    assert_eq!((planned.count("lessonly", "create"), planned.count("absorb", "create")), (1, 0), "{}", planned.said.out);
    assert!(planned.steps().iter().all(|step| step["app"] != "absorb"), "{}", planned.said.out);
    assert!(planned.said.out.contains("3 linked accounts are not seen"), "{}", planned.said.out);
    assert_eq!(world.written(), before);
    absorb.clear();
    world.carry_out();
    assert_eq!(in_absorb(&world, "1") + in_absorb(&world, "4"), 2);
    world.check(&["--expect-complete"]);
}

const LEAVERS: &str = "[guard.access_lost]\nexempt = 3\nmax = 5\nwindow = \"24h\"\n";

#[test]
fn f02_a_class_is_held_before_anything_runs_and_the_rest_goes_on() {
    let all = people(1..=40);
    let after: String = (1..=8).map(left).chain((9..=39).map(engineer)).collect::<String>()
        + "40,P40,Person,p40@acme.example,Senior Engineer,Development,,active,1990-12-01,\n"
        + &engineer(41);
    let naive = World::new(Setup::default());
    let script = Script::new(&naive);
    script.sync_lessonly(&all, usize::MAX);
    // A threshold that is looked at while running: it stops after the harm, and stops what is harmless with it.
    script.sync_lessonly(&after, 5);
    assert!(archived(&naive) >= 4, "the first of them have lost access");
    assert_eq!(naive.lessonly_user("p41@acme.example"), None, "and the joiner waits with the rest");

    let mut world = provisioned(Setup { more: LEAVERS, ..Setup::default() }, &all);
    world.at("1998-02-01T12:00:00Z");
    world.roster(&after);
    let planned = world.plan();
    let open = ["create", "update", "leave"].map(|verb| planned.count("lessonly", verb));
    assert_eq!(open, [1, 1, 0], "{}", planned.said.out);
    assert_eq!(planned.held.len(), 1);
    let (file, held) = &planned.held[0];
    assert_eq!((held["class"]["held"].as_str(), steps(held).len()), (Some("access_lost"), 16));
    let file = file.clone();
    world.apply(&planned.open_file);
    assert_eq!(archived(&world), 0, "nobody has lost access without the second yes");
    world.later();
    world.apply(&file);
    assert_eq!(archived(&world), 8);
    assert!(world.plan().steps().is_empty());
    world.check(&["--expect-complete"]);
}

#[test]
fn f02_leavers_one_at_a_time_are_counted_over_the_window() {
    let all = people(1..=40);
    let after: String = (1..=8).map(left).chain((9..=40).map(engineer)).collect();
    let naive = World::new(Setup::default());
    let script = Script::new(&naive);
    script.sync_lessonly(&all, usize::MAX);
    // One event, one run, one leaver: no threshold of five ever sees more than one.
    for gone in 1..=8 {
        script.sync_lessonly(&(1..=gone).map(left).chain((gone + 1..=40).map(engineer)).collect::<String>(), 5);
    }
    assert_eq!(archived(&naive), 8);

    let mut world = provisioned(Setup { more: LEAVERS, ..Setup::default() }, &all);
    world.at("1998-02-01T12:00:00Z");
    world.roster(&after);
    let one = |world: &mut World, n: u32| {
        let (key, stem) = (n.to_string(), format!("one{n}-{}", world.now.as_second()));
        let name = format!("{stem}.json");
        let said = world.provost(&["plan", "--person", &key, "-o", &name]);
        assert_eq!(said.code, 2, "{said:?}");
        let file = world.path(&name);
        let open: serde_json::Value = serde_json::from_str(&world.read(&name)).expect("a plan");
        let held = world.path(&format!("{stem}.held-access_lost.json")).exists();
        if !steps(&open).is_empty() {
            world.later();
            world.apply(&file);
        }
        (steps(&open).len(), held)
    };
    for n in 1..=5 {
        assert_eq!(one(&mut world, n), (2, false), "{n}");
    }
    for n in 6..=8 {
        assert_eq!(one(&mut world, n), (0, true), "{n} is one too many in a day");
    }
    assert_eq!(archived(&world), 5);
    // When the window has passed, the rest are few again.
    world.at("1998-02-03T13:00:00Z");
    for n in 6..=8 {
        assert_eq!(one(&mut world, n), (2, false), "{n}");
    }
    assert!(world.plan().steps().is_empty());
    world.check(&["--expect-complete"]);
}

#[test]
fn f03_what_was_approved_runs_and_what_changed_since_drops_out() {
    let before = people(1..=4);
    let senior = |n| engineer(n).replace(",Engineer,", ",Senior Engineer,");
    let naive = World::new(Setup::default());
    let script = Script::new(&naive);
    script.sync_lessonly(&before, usize::MAX);
    // The dry run says: nothing to do.  Then the nightly file comes, and what is run is worked out anew.
    assert_eq!(script.sync_lessonly(&before, 0), 0);
    script.sync_lessonly(&people(1..=1), usize::MAX);
    assert_eq!(archived(&naive), 3, "what runs is not what was shown");

    let mut world = provisioned(Setup::default(), &before);
    world.later();
    let after = format!("{}{}{}", senior(1), senior(2), people(3..=4));
    world.roster(&after);
    let planned = world.plan();
    assert_eq!((planned.count("lessonly", "update"), planned.count("absorb", "update")), (2, 2));
    let file = planned.open_file.display().to_string();
    assert_eq!(world.provost(&["approve", &file]).code, 0);
    // Since then: another roster, and an admin who gave one of them another title.
    world.roster(&(1..=4).map(left).collect::<String>());
    let first = world.lessonly_user("p1@acme.example").expect("there")["id"].as_u64().expect("an id");
    world.lessonly.update_user(first, serde_json::json!({ "job_title": "Head of Engines" })).expect("the admin may");
    let applied = world.provost(&["apply", &file]);
    assert_eq!(applied.code, 2, "somebody has to look: {applied:?}");
    world.note_applied(&planned.open_file);
    let report = world.keep_report();
    assert_eq!((&report["done"], &report["open"][0]["outcome"]), (&3.into(), &"drifted".into()), "{report}");
    assert_eq!(archived(&world), 0, "the new roster was not part of what was approved");
    assert_eq!(world.lessonly_user("p1@acme.example").expect("there")["job_title"], "Head of Engines", "not overwritten");
    assert_eq!(world.lessonly_user("p2@acme.example").expect("there")["job_title"], "Senior Engineer");
    // One byte changed, and it is another plan, to which nobody said yes.
    world.write("edited.json", &world.read("plan1.json").replace("Senior", "Junior"));
    world.roster(&after);
    assert_eq!(world.provost(&["apply", "edited.json", "--yes"]).code, 1);
    // The next plan sees the drift, and a person decides on it.
    world.later();
    world.carry_out();
    world.check(&[]);
}

#[test]
fn f04_a_lost_answer_makes_nobody_twice() {
    let ada = "1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1990-12-01,\n";
    let naive = World::new(Setup::default());
    let line = Proxy::to(&naive.url("absorb"));
    let script = Script::new(&naive).absorb_at(&line.url(&naive.url("absorb")));
    line.lose_answer("POST /users");
    let name = script.make_in_absorb(&rows(ada)[0]);
    let twice = by(("2.ada@acme.example", 2), ("ada@acme.example", 1));
    assert_eq!((name.as_str(), in_absorb(&naive, "1")), twice, "tried again, taken, another name: two accounts; or written over");

    let (mut world, lessonly, absorb) = over_lines(Setup::default());
    world.roster(ada);
    let planned = world.plan();
    lessonly.lose_answer("POST /api/v1/users");
    absorb.lose_answer("POST /users");
    world.apply(&planned.open_file);
    lessonly.wait();
    absorb.wait();
    assert_eq!(in_absorb(&world, "1"), 1);
    assert_eq!(world.lessonly.users().iter().filter(|user| user["ext_uid"] == "1").count(), 1);
    assert!(world.plan().steps().is_empty());
    world.check(&["--expect-complete"]);
}

#[test]
fn f05_a_crash_between_the_write_and_the_note_of_it_makes_nobody_twice() {
    let all = people(1..=3);
    let naive = World::new(Setup::default());
    // It notes whom it made when it is through; killed after two, it has noted nobody.
    for stop in [2, 3] {
        let script = Script::new(&naive);
        for row in rows(&all).iter().take(stop) {
            script.make_in_absorb(row);
        }
    }
    let accounts = (in_absorb(&naive, "1"), in_absorb(&naive, "2"), in_absorb(&naive, "3"));
    assert_eq!(accounts, by((2, 2, 1), (1, 1, 1)), "made again, or written over");

    for app in ["lessonly", "absorb"] {
        let (mut world, lessonly, absorb) = over_lines(Setup::default());
        world.roster(&people(1..=1));
        let planned = world.plan();
        let file = planned.open_file.display().to_string();
        assert_eq!(world.provost(&["approve", &file]).code, 0);
        let (line, begins) = if app == "lessonly" { (&lessonly, "POST /api/v1/users") } else { (&absorb, "POST /users") };
        line.hold_answer(begins);
        let mut child = world.provost_spawn(&["apply", &file]);
        line.wait();
        // The account is there, and the process does not know it yet.
        child.kill().expect("it can be killed");
        child.wait().expect("it is gone");
        line.let_go();
        world.note_applied(&planned.open_file);
        assert_eq!(world.provost(&["resume", "latest"]).code, 0);
        let report = world.keep_report();
        assert_eq!((&report["state"], &report["done"]), (&"finished".into(), &report["steps"]), "{report}");
        assert_eq!(in_absorb(&world, "1"), 1);
        assert_eq!(world.lessonly.users().iter().filter(|user| user["ext_uid"] == "1").count(), 1);
        assert!(world.plan().steps().is_empty());
        world.check(&["--expect-complete"]);
    }
}

#[test]
fn f12_two_operators_at_once_are_one_after_the_other() {
    let naive = provisioned(Setup::default(), &people(1..=1));
    let script = Script::new(&naive);
    let user = naive.lessonly_user("p1@acme.example").expect("there");
    // Both look, then both write: the second undoes the first, and neither is told.
    let path = format!("/users/{}", user["id"]);
    let looks = [(); 2].map(|()| script.lessonly("GET", &path, serde_json::Value::Null).expect("an answer").1["job_title"].clone());
    for (title, added) in looks.into_iter().zip(["first aider", "fire warden"]) {
        let title = format!("{}, {added}", title.as_str().expect("a title"));
        assert_eq!(script.lessonly("PUT", &path, serde_json::json!({ "job_title": title })).expect("an answer").0, 200);
    }
    let after = naive.lessonly_user("p1@acme.example").expect("there");
    assert_eq!(after["job_title"], "Engineer, fire warden");

    let (mut world, lessonly, _absorb) = over_lines(Setup::default());
    world.roster(&people(1..=2));
    for n in ["1", "2"] {
        let said = world.provost(&["plan", "--person", n, "-o", &format!("one{n}.json")]);
        assert_eq!(said.code, 2, "{said:?}");
    }
    for file in ["one1.json", "one2.json"] {
        assert_eq!(world.provost(&["approve", file]).code, 0, "{file}");
    }
    lessonly.hold_answer("POST /api/v1/users");
    let mut first = world.provost_spawn(&["apply", "one1.json"]);
    lessonly.wait();
    // The same plan, another plan, a resume, a planning: each is told who is at work, and changes nothing.
    let holder = first.id().to_string();
    for args in [&["apply", "one1.json"][..], &["apply", "one2.json"], &["resume", "latest"], &["plan"]] {
        let second = world.provost(args);
        assert_eq!(second.code, 1, "{args:?}: {second:?}");
        assert!(second.err.contains(&holder), "{args:?} does not say who holds it: {}", second.err);
    }
    let second = |user: &serde_json::Value| user["ext_uid"] == "2" || user["externalId"] == "2";
    assert!(!world.lessonly.users().iter().any(second) && !world.absorb.users().iter().any(second), "nothing of it was done");
    lessonly.let_go();
    assert!(first.wait().expect("it ends").success());
    world.note_applied(&world.path("one1.json"));
    world.keep_report();
    world.later();
    world.apply(&world.path("one2.json"));
    assert_eq!((in_absorb(&world, "1"), in_absorb(&world, "2")), (1, 1));
    assert!(world.plan().steps().is_empty());
    world.check(&["--expect-complete"]);
}

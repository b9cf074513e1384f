//! Rehearsals: a plan carried out in stand-ins loaded from its readings, before anybody says yes to it.

use std::collections::BTreeMap;
use std::path::Path;

use model::{Actor, Plan, Proof, Proposal, Verb};
use serde_json::Value;

use crate::world::{NARROW_ADMIN, Setup, World};

fn row(n: u32, title: &str, department: &str, status: &str, end: &str) -> String {
    let manager = if n == 1 { "" } else { "1" };
    format!("{n},P{n},Person,p{n}@acme.example,{title},{department},{manager},{status},1996-03-01,{end}\n")
}

/// A company of so many, a while ago.
fn before(people: u32) -> String {
    let department = |n: u32| ["Sales", "Development", "Customer Service"][n as usize % 3];
    (1..=people).map(|n| row(n, "Clerk", department(n), "active", "")).collect()
}

/// A day in its life: movers, leavers, joiners.
fn after(people: u32) -> String {
    let rows = (1..=people).map(|n| match n % 20 {
        3 => row(n, "Manager", "Sales", "active", ""),
        7 => row(n, "Clerk", "Development", "active", ""),
        11 if n < 45 => row(n, "Clerk", "Sales", "terminated", "1998-01-15"),
        _ => row(n, "Clerk", ["Sales", "Development", "Customer Service"][n as usize % 3], "active", ""),
    });
    rows.chain((1..=9).map(|n| row(people + n, "Clerk", "Sales", "active", ""))).collect()
}

/// What a rehearsal must not change: what is at the apps, what was asked there, and the store, to the byte.
fn untouched(world: &World) -> BTreeMap<String, Vec<u8>> {
    let files = ["lessonly.ledger.jsonl", "absorb.ledger.jsonl", "lessonly.access.jsonl", "absorb.access.jsonl", "provost.db"];
    files.iter().map(|name| ((*name).to_owned(), std::fs::read(world.path(name)).expect("the file is there"))).collect()
}

fn rehearse(world: &World, args: &[&str]) -> (i32, Value, String) {
    let said = world.provost(&[&["rehearse", "--format", "json", "--quiet"], args].concat());
    assert!(!said.out.is_empty(), "{said:?}");
    (said.code, said.json(), said.err)
}

/// Outcome → steps, of all verbs of a pass.
fn outcomes(pass: &Value) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::new();
    for verbs in pass["counts"].as_object().expect("counts").values() {
        for (outcome, count) in verbs.as_object().expect("outcomes") {
            *counted.entry(outcome.clone()).or_default() += count.as_u64().expect("a count");
        }
    }
    counted
}

#[test]
fn a_day_is_rehearsed_as_promised_and_then_applied_as_rehearsed() {
    let mut world = World::new(Setup::default());
    world.roster(&before(60));
    world.carry_out();
    world.at("1998-02-01T12:00:00Z");
    world.roster(&after(60));
    let planned = world.plan();
    assert!(planned.count("lessonly", "leave") > 0 && planned.count("absorb", "update") > 0 && planned.count("absorb", "create") == 9);
    let file = planned.open_file.display().to_string();

    // Neither credentials nor apps are needed, and nothing anywhere is another afterwards.
    let was = untouched(&world);
    for variable in ["LESSONLY_API_KEY", "ABSORB_PASSWORD", "ABSORB_API_KEY"] {
        world.env(variable, None);
    }
    let (code, rehearsal, err) = rehearse(&world, &[&file]);
    for variable in ["LESSONLY_API_KEY", "ABSORB_PASSWORD", "ABSORB_API_KEY"] {
        world.env_as_it_was(variable);
    }
    assert_eq!((code, &rehearsal["as_promised"]), (0, &Value::Bool(true)), "{rehearsal:#} {err}");
    assert!(untouched(&world) == was, "a rehearsal changed something");

    let mut requests = BTreeMap::new();
    for app in ["lessonly", "absorb"] {
        let of = &rehearsal["apps"][app];
        let steps = planned.steps().iter().filter(|step| step["app"] == app).count() as u64;
        for pass in ["clean", "faulty"] {
            let ends = outcomes(&of[pass]);
            assert_eq!(ends.values().sum::<u64>(), steps, "{of:#}");
            assert!(ends.keys().all(|outcome| outcome == "done" || outcome == "already done"), "{ends:?}");
        }
        assert_eq!(outcomes(&of["clean"]), BTreeMap::from([("done".to_owned(), steps)]));
        assert_eq!((&of["faulty"]["crashes"], &of["clean"]["crashes"]), (&1.into(), &0.into()), "{of:#}");
        let (clean, faulty, least) = (&of["clean"]["requests"], &of["faulty"]["requests"], &of["least"]);
        assert!(clean.as_u64() >= least.as_u64() && faulty.as_u64() >= clean.as_u64(), "{of:#}");
        requests.insert(app, clean.as_i64().expect("a count"));
    }

    // The very same plan may still be approved, once, and then does what was rehearsed.
    let applied = world.provost(&["apply", &file, "--yes", "--format", "json"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    world.note_applied(&planned.open_file);
    world.keep_report();
    for (app, rehearsed) in requests {
        let really = applied.json()["requests"][app].as_i64().expect("a count");
        // A log-in more or less: of a session that was kept, or to tell the profile.
        assert!((really - rehearsed).abs() <= 3, "{app}: {rehearsed} requests rehearsed, {really} sent");
    }
    assert!(world.plan().steps().is_empty(), "nothing is left to do");
    world.check(&[]);
}

/// Puts into the store a plan that nobody would make: the address of the new person 7 is one that an account has.
fn plant_a_conflict(world: &World, file: &Path) -> String {
    let mut plan: Plan = serde_json::from_slice(&std::fs::read(file).expect("the plan is there")).expect("a plan");
    plan.steps.retain(|step| step.app.as_str() == "lessonly");
    let step = plan.steps.iter_mut().find(|step| step.verb == Verb::Create && step.label.as_str() == "P7 Person").expect("a create");
    step.set.get_mut("email").expect("an address").after = "p1@acme.example".into();
    step.seal();
    let digest = plan.digest().to_string();
    let path = world.path("provost.db");
    let (now, actor) = (world.now, Actor { name: "ada".to_owned(), proof: Proof::Unauthenticated });
    let expires = now + jiff::SignedDuration::from_hours(24);
    let proposal = Proposal { open: plan, held: Vec::new(), findings: Vec::new() };
    world.wait(async {
        let store = store::Store::open(path).await.expect("the store opens");
        store.put_proposal(&proposal, &actor, now, expires, &|_, _| b"[]".to_vec()).await.expect("it is kept");
        store.close().await;
    });
    digest
}

#[test]
fn a_plan_that_cannot_come_out_is_found_out_before_anybody_says_yes() {
    let mut world = World::new(Setup::default());
    world.roster(&before(6));
    world.carry_out();
    world.roster(&(before(6) + &row(7, "Clerk", "Sales", "active", "") + &row(8, "Clerk", "Sales", "active", "")));
    let planned = world.plan();
    let digest = plant_a_conflict(&world, &planned.open_file);
    let was = untouched(&world);
    let (code, rehearsal, err) = rehearse(&world, &[&digest]);
    assert_eq!((code, &rehearsal["as_promised"]), (1, &Value::Bool(false)), "{rehearsal:#}");
    assert!(err.contains("does not come out as it promises") && err.contains("next"), "{err}");
    assert!(untouched(&world) == was, "a rehearsal changed something");
    for pass in ["clean", "faulty"] {
        let pass = &rehearsal["apps"]["lessonly"][pass];
        let undone = pass["undone"].as_array().expect("a list");
        assert!(undone.len() == 1 && undone[0]["who"] == "7 P7 Person", "{pass:#}");
        let deviations = pass["deviations"].as_array().expect("a list");
        assert!(deviations.len() == 1 && deviations[0]["person"] == "7", "{pass:#}");
        assert_eq!((&deviations[0]["verb"], &deviations[0]["what"]), (&"create".into(), &"account".into()), "{pass:#}");
        let left = pass["left"].as_array().expect("a list");
        assert!(left.iter().any(|one| one["who"] == "7 P7 Person" && one["verb"] == "create"), "{pass:#}");
    }
    let text = world.provost(&["rehearse", &digest, "--faults", "none"]);
    assert!(text.code == 1 && text.out.contains("NOT as promised") && text.out.contains("7 P7 Person"), "{text:?}");
    assert!(!text.out.contains("under faults"), "{}", text.out);
    assert!(!text.out.contains("expected"), "what was not done is told once: {}", text.out);
    let markdown = world.provost(&["rehearse", &digest, "--faults", "none", "--format", "markdown"]);
    assert!(markdown.out.starts_with("## Rehearsal of plan "), "{}", markdown.out);
}

#[test]
fn a_bad_day_that_never_ends_is_told_and_not_waited_for() {
    // As configurations have it: the time that is waited in a rehearsal costs nobody anything.
    let mut world = World::new(Setup { settle: "30s", ..Setup::default() });
    world.roster(&before(3));
    world.plan();
    let (code, rehearsal, _) = rehearse(&world, &["open", "--faults", "500-before@POST"]);
    assert_eq!(code, 1);
    for app in ["lessonly", "absorb"] {
        let of = &rehearsal["apps"][app];
        assert_eq!((&of["clean"]["as_promised"], &of["faulty"]["as_promised"]), (&true.into(), &false.into()), "{of:#}");
        assert!(of["faulty"]["faults"]["500-before"].as_u64() > Some(0), "{of:#}");
        assert!(of["faulty"]["millis"].as_u64() > Some(10_000), "time passes there: {of:#}");
    }
}

#[test]
fn what_a_guard_holds_can_be_rehearsed_before_somebody_says_yes() {
    let mut world = World::new(Setup { more: "[guard.access_lost]\nexempt = 2\nmax = 2\n", ..Setup::default() });
    world.roster(&before(40));
    world.carry_out();
    world.at("1998-02-01T12:00:00Z");
    let rows: String = (1..=40)
        .map(|n| if n > 30 { row(n, "Clerk", "Sales", "terminated", "1998-01-15") } else { row(n, "Clerk", "Sales", "active", "") })
        .collect();
    world.roster(&rows);
    let planned = world.plan();
    let (file, held) = planned.held.first().expect("a guard holds ten leavers");
    let (code, rehearsal, err) = rehearse(&world, &[&file.display().to_string()]);
    assert_eq!(code, 0, "{rehearsal:#} {err}");
    assert!(rehearsal["class"].as_str().expect("a class").starts_with("held: "), "{rehearsal:#}");
    assert_eq!(rehearsal["effects"]["access_lost"], crate::world::steps(held).len(), "{rehearsal:#}");
}

/// The stand-in's admin sees what the real one was seen to see: half of the company is not in it.
#[test]
fn a_plan_of_an_admin_who_sees_some_departments_is_rehearsed_as_promised() {
    let mut world = World::new(Setup { narrow: vec!["Sales", "Development"], ..Setup::default() });
    world.roster(&before(30));
    world.carry_out();
    world.at("1998-02-01T12:00:00Z");
    world.reconfigure("username = \"api@acme.example\"", &format!("username = {NARROW_ADMIN:?}"));
    world.roster(&after(30));
    let planned = world.plan();
    assert!(planned.count("absorb", "update") > 0 && planned.count("absorb", "create") == 0, "{}", planned.said.out);
    let mut files = vec![planned.open_file.clone()];
    files.extend(planned.held.iter().map(|(file, _)| file.clone()));
    for file in files {
        let (code, rehearsal, err) = rehearse(&world, &[&file.display().to_string()]);
        assert_eq!((code, &rehearsal["as_promised"]), (0, &Value::Bool(true)), "{rehearsal:#} {err}");
    }
    world.apply(&planned.open_file);
    assert_eq!(world.plan().count("absorb", "update"), 0);
}

/// Only the people who are named were read: the stand-in holds them, and whom they name.
#[test]
fn a_plan_for_one_person_is_rehearsed_as_promised() {
    let mut world = World::new(Setup::default());
    world.roster(&before(30));
    world.carry_out();
    world.at("1998-02-01T12:00:00Z");
    world.roster(&after(30));
    // Moved and made a manager, left, new.
    for (key, verb) in [("3", "update"), ("11", "leave"), ("31", "create")] {
        let file = format!("only{key}.json");
        let planned = world.provost(&["plan", "--person", key, "-o", &file]);
        assert!(planned.code == 0 || planned.code == 2, "{planned:?}");
        let (code, rehearsal, err) = rehearse(&world, &[&file]);
        assert_eq!((code, &rehearsal["as_promised"]), (0, &Value::Bool(true)), "{rehearsal:#} {err}");
        for app in ["lessonly", "absorb"] {
            let counts = &rehearsal["apps"][app]["clean"]["counts"];
            assert_eq!(counts[verb]["done"], 1, "{key} at {app}: {counts}");
        }
        let applied = world.provost(&["apply", &file, "--yes"]);
        assert_eq!(applied.code, 0, "{applied:?}");
        world.note_applied(&world.path(&file));
        world.keep_report();
        world.later();
    }
    world.carry_out();
    world.check(&["--expect-complete"]);
}

#[test]
fn what_cannot_be_rehearsed_says_why_and_what_to_do() {
    let mut world = World::new(Setup::default());
    world.roster(&before(3));
    let first = world.plan();
    let refused = |world: &World, args: &[&str], what: &str, next: &str| {
        let said = world.provost(&[&["rehearse"], args].concat());
        assert!(said.code == 1 && said.err.contains(what) && said.err.contains(next), "{said:?}");
    };
    refused(&world, &["abcdef123456"], "no plan abcdef123456", "provost show");
    refused(&world, &["open", "--faults", "often"], "there is no fault `often`", "none");
    refused(&world, &["open", "--format", "html"], "text, json or markdown", "markdown");
    let other = world.read("plan1.json").replace("\"version\":1", "\"version\":9");
    world.write("other.json", &other);
    refused(&world, &["other.json"], "form 9", "provost plan");

    // Another tenant: its records are not those that the plan was made from.
    world.reconfigure("username = \"api@acme.example\"", "username = \"other@acme.example\"");
    refused(&world, &["open"], "another tenant of absorb", "provost plan");
    world.reconfigure("username = \"other@acme.example\"", "username = \"api@acme.example\"");

    // Its readings were swept.
    world.apply(&first.open_file);
    world.plan();
    let path = world.path("provost.db");
    let swept = world.wait(async {
        let store = store::Store::open(path).await.expect("the store opens");
        let swept = store.prune(1, "1999-01-01T00:00:00Z".parse().expect("an instant")).await.expect("it can be swept");
        store.close().await;
        swept
    });
    assert!(swept > 0);
    let file = first.open_file.display().to_string();
    refused(&world, &[&file], "is no longer kept", "`provost plan` reads and plans anew");
    // There is nothing to rehearse in an empty plan.
    refused(&world, &["open"], "", "provost");
}

//! One plan with a step of every kind that each app knows, over both apps.

use std::collections::BTreeSet;

use model::Verb;
use serde_json::Value;

use crate::company::{ENROL, ROSTER, fill_absorb, fill_lessonly, policy};
use crate::existing::base;
use crate::world::{Setup, World, profile};

/// The company as it was before us, and the roster of today.  The words name what was there, for the checker.
pub(crate) fn company(setup: Setup) -> (World, Vec<String>) {
    let mut world = World::new(Setup { more: ENROL, ..setup });
    world.write("provost.toml", &policy(&world.read("provost.toml")));
    let bases: Vec<String> = ["lessonly", "absorb"].iter().map(|app| base(&world, app)).collect();
    fill_lessonly(&world.lessonly);
    let course = fill_absorb(&world.absorb, profile());
    let known = world.read("absorb.base.jsonl");
    world.write("absorb.base.jsonl", &format!("{known}{course}\n"));
    world.roster(ROSTER);
    (world, ["--base".to_owned()].into_iter().chain(bases).collect())
}

fn verbs(plan: &Value, app: &str) -> BTreeSet<Verb> {
    let own = crate::world::steps(plan).iter().filter(|step| step["app"] == app);
    own.map(|step| serde_json::from_value(step["verb"].clone()).expect("a verb")).collect()
}

#[test]
fn one_plan_has_a_step_of_every_kind_that_each_app_knows() {
    let (mut world, bases) = company(Setup::default());
    let planned = world.plan();
    assert!(planned.held.is_empty(), "no guard is configured: {:?}", planned.said);
    // A SCIM application has a story of its own.
    for entry in vendors::registry::entries().iter().filter(|entry| entry.name != "scim") {
        let can = |verb: &&(Verb, model::Support)| matches!(verb.1, model::Support::Can);
        let known: BTreeSet<Verb> = entry.manifest.verbs.iter().filter(can).map(|(verb, _)| *verb).collect();
        assert_eq!(verbs(&planned.open, entry.name), known, "{}", entry.name);
    }
    let steps = planned.steps();
    let some = |app: &str, verb: &str, person: &str| {
        let found = steps.iter().find(|step| step["app"] == app && step["verb"] == verb && step["person"] == person);
        found.unwrap_or_else(|| panic!("{app}: {verb} {person} is not in {steps:#?}"))
    };
    let dora = some("lessonly", "update", "3");
    assert!(dora["add_groups"].as_array().is_some_and(|groups| groups.len() == 1), "{dora}");
    assert!(dora["remove_groups"].as_array().is_some_and(|groups| groups.len() == 1), "{dora}");
    assert_eq!(dora["set"]["role"]["after"], "manager", "{dora}");
    some("absorb", "relate", "3");
    some("absorb", "restore", "2");
    world.apply(&planned.open_file);
    let enrolled = |key: &str| {
        let users = world.absorb.users();
        let user = users.iter().find(|user| user["externalId"] == key).expect("an account")["id"].clone();
        world.absorb.enrollments().iter().filter(|one| one["userId"] == user).count()
    };
    assert_eq!(enrolled("2"), 2, "who comes back is enrolled again, and his history is kept");
    let second = world.plan();
    assert_eq!((second.steps(), second.held.len()), (&[] as &[Value], 0), "{:?}", second.said);
    let mut words: Vec<&str> = bases.iter().map(String::as_str).collect();
    words.push("--expect-complete");
    world.check(&words);
}

//! A small company in which one plan has a step of every kind that each app knows, over both apps.  It is what the process is killed in.

use std::collections::BTreeSet;

use model::Verb;
use serde_json::{Value, json};

use crate::existing::base;
use crate::world::{Setup, World, active_status};

/// Mary and Nina manage; Carl comes back; Dora moves and becomes a manager; Eve leaves; Bob is taken over; Nina and Otto are new.
const ROSTER: &str = "\
    1,Mary,Boss,mary@acme.example,Manager,Sales,,active,1990-12-01,\n\
    2,Carl,Back,carl@acme.example,Engineer,Development,1,active,1997-12-20,\n\
    3,Dora,Moves,dora@acme.example,Support Manager,Customer Service,6,active,1990-12-01,\n\
    4,Eve,Leaves,eve@acme.example,Engineer,Sales,1,terminated,1990-12-01,1997-12-31\n\
    5,Bob,Taken,bob@acme.example,Engineer,Development,1,active,1990-12-01,\n\
    6,Nina,New,nina@acme.example,Manager,Research,1,active,1997-12-28,\n\
    7,Otto,New,otto@acme.example,Engineer,Research,6,active,1997-12-28,\n";

/// People whom policy enrols in both apps.
const POLICY: &str = "[[app.lessonly.enrol]]\nlesson = \"Security Basics\"\nwhen = 'person.tenure_days < 90'\n";

/// The company as it was before us, and the roster of today.  The words name what was there, for the checker.
pub(crate) fn company(setup: Setup) -> (World, Vec<String>) {
    let mut world = World::new(Setup { more: POLICY, ..setup });
    world.reconfigure("leave = \"archive\"", "leave = \"archive\"\nbefore_start = \"3d\"");
    world.reconfigure("adopt = \"approve\"\nleave = \"archive\"", "adopt = \"link\"\nleave = \"archive\"");
    world.reconfigure("leave = \"deactivate\"", "adopt = \"link\"\nleave = \"deactivate\"");
    world.reconfigure("managed = [", "create = true\nmanaged = [\"Research\", ");
    let bases: Vec<String> = ["lessonly", "absorb"].iter().map(|app| base(&world, app)).collect();
    fill_lessonly(&world);
    let course = fill_absorb(&world);
    let known = world.read("absorb.base.jsonl");
    world.write("absorb.base.jsonl", &format!("{known}{course}\n"));
    world.roster(ROSTER);
    (world, ["--base".to_owned()].into_iter().chain(bases).collect())
}

fn fill_lessonly(world: &World) {
    let lessonly = &world.lessonly;
    let club = lessonly.create_group("Book club").expect("a group that is not ours");
    let group = |name: &str| {
        let found = lessonly.groups().into_iter().find(|group| group["name"] == name);
        found.and_then(|group| group["id"].as_u64()).expect("the group is there")
    };
    let user = |fields: Value| lessonly.create_user(fields).expect("an account");
    user(
        json!({ "name": "Mary Boss", "email": "mary@acme.example", "ext_uid": "1", "role": "manager", "group_ids": [group("Sales")] }),
    );
    let carl = user(json!({ "name": "Carl Back", "email": "carl@acme.example", "ext_uid": "2", "group_ids": [club] }));
    lessonly.archive_user(carl).expect("he had left");
    user(json!({
        "name": "Dora Moves", "email": "dora@acme.example", "ext_uid": "3", "role": "learner", "location": "Bletchley",
        "group_ids": [club, group("Development")],
    }));
    user(json!({ "name": "Eve Leaves", "email": "eve@acme.example", "ext_uid": "4", "group_ids": [group("Sales")] }));
    user(json!({ "name": "Bob", "email": "Bob@Acme.example", "group_ids": [club] }));
}

/// The course is given back, as a base names it.
fn fill_absorb(world: &World) -> Value {
    let absorb = &world.absorb;
    let department = |name: &str| absorb.put_department(name, None).expect("a department");
    let (development, sales) = (department("Development"), department("Sales"));
    department("Customer Service");
    let user = |members: Value| {
        let mut all = json!({ "password": "by-hand-1998" });
        all.as_object_mut().expect("members").extend(members.as_object().expect("members").clone());
        absorb.put_user(all).expect("an account")
    };
    let named = |first: &str, last: &str, key: &str, department| {
        let email = format!("{}@acme.example", first.to_lowercase());
        json!({ "firstName": first, "lastName": last, "username": email, "emailAddress": email, "externalId": key, "departmentId": department })
    };
    user(named("Mary", "Boss", "1", sales));
    let carl = user(named("Carl", "Back", "2", development));
    // Not complete: of his first time here.
    absorb.put_enrollment(carl, "Welcome to Acme", 4).expect("he was welcomed, and left");
    let mut left = named("Carl", "Back", "2", development);
    left["id"] = json!(carl);
    left["activeStatus"] = active_status(false);
    user(left);
    let mut dora = named("Dora", "Moves", "3", development);
    dora["phone"] = json!("555-0100");
    user(dora);
    user(named("Eve", "Leaves", "4", sales));
    user(
        json!({ "firstName": "Bob", "lastName": "T", "username": "bobby", "emailAddress": "BOB@acme.example", "departmentId": development }),
    );
    let course = absorb.enrollments()[0]["courseId"].clone();
    json!({ "object": format!("course/{}", course.as_str().expect("an id")), "state": { "id": course, "name": "Welcome to Acme" } })
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
    for entry in vendors::registry::entries() {
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

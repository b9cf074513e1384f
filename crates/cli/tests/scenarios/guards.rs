//! Guards as people meet them: rosters that lie, leavers in bulk and one by one, change freezes, first runs, standing approvals.

use serde_json::{Value, json};

use crate::world::{Planned, Setup, World, steps};

const LEAVERS: &str = "[guard.leavers]\neffect = \"access_lost\"\nby = \"department\"\nexempt = 5\npercent = 5\n";

/// Fifty people of Sales and ten of Development; `row` may give another row for somebody, or none.
fn roster(row: impl Fn(usize) -> Option<String>) -> String {
    (1..=60).filter_map(|at| row(at).map(|row| row + "\n")).collect()
}

fn department(at: usize) -> &'static str {
    if at <= 50 { "Sales" } else { "Development" }
}

fn works(at: usize, title: &str) -> String {
    format!("{at},Given{at},Family{at},p{at}@acme.example,{title},{},,active,1990-12-01,", department(at))
}

fn left(at: usize) -> String {
    format!("{at},Given{at},Family{at},p{at}@acme.example,Engineer,{},,terminated,1990-12-01,1997-12-31", department(at))
}

fn everybody(at: usize) -> Option<String> {
    Some(works(at, if at <= 8 { "Manager" } else { "Engineer" }))
}

/// Everybody has an account, and two days passed since.
fn company(more: &'static str) -> World {
    let mut world = World::new(Setup { more, ..Setup::default() });
    world.roster(&roster(everybody));
    world.carry_out();
    world.at("1998-01-03T12:00:00Z");
    world
}

fn leaves(plan: &Value) -> usize {
    steps(plan).iter().filter(|step| step["verb"] == "leave").count()
}

/// The plan that is held as a class.
fn held<'p>(planned: &'p Planned, class: &str) -> &'p (std::path::PathBuf, Value) {
    let found = planned.held.iter().find(|(_, plan)| plan["class"]["held"] == class);
    found.unwrap_or_else(|| panic!("nothing is held as {class}: {}", planned.said.out))
}

fn kinds(world: &World) -> Vec<String> {
    let found = world.provost(&["findings", "--format", "json"]).json();
    let all = found["findings"].as_array().expect("findings").iter();
    all.map(|finding| finding["kind"].as_str().expect("a kind").to_owned()).collect()
}

#[test]
fn f01_nobody_loses_anything_by_a_roster_that_lost_its_half_or_all_of_it() {
    let mut world = company(LEAVERS);
    let written = world.written();
    for absent in ["hold", "leave"] {
        if absent == "leave" {
            world.reconfigure("key = \"employee_id\"", "key = \"employee_id\"\nabsent = \"leave\"");
        }
        world.roster(&roster(|at| if at % 2 == 0 { everybody(at) } else { None }));
        let planned = world.plan();
        assert_eq!((planned.steps().len(), planned.held.len()), (0, 0), "{absent}: {}", planned.said.out);
        assert!(kinds(&world).contains(&"blind_spot".to_owned()), "{absent}: it is told");
        world.later();
        world.roster("");
        let said = world.provost(&["plan", "--format", "json"]);
        assert!(said.code == 1 || said.json()["plans"].as_array().expect("plans").iter().all(|plan| steps(&plan["plan"]).is_empty()));
        world.later();
    }
    assert_eq!(world.written(), written, "nothing was written to an app");
    world.roster(&roster(everybody));
    let planned = world.plan();
    assert_eq!((planned.steps().len(), planned.held.len()), (0, 0));
    world.check(&["--expect-complete"]);
}

#[test]
fn f01_rows_that_are_gone_and_not_terminated_are_told_and_leave_only_where_the_source_says_so() {
    let mut world = company("[guard.access_lost]\nmax = 0\n");
    world.roster(&roster(|at| if at == 7 || at == 8 { None } else { everybody(at) }));
    let planned = world.plan();
    assert_eq!((planned.steps().len(), planned.held.len()), (0, 0));
    let kinds = kinds(&world);
    assert_eq!((kinds.iter().filter(|kind| *kind == "absent").count(), kinds.iter().filter(|kind| *kind == "orphan").count()), (2, 4));
    world.reconfigure("key = \"employee_id\"", "key = \"employee_id\"\nabsent = \"leave\"\nshrink = { max = 20, percent = 50 }");
    world.later();
    let planned = world.plan();
    assert_eq!((leaves(&planned.open), leaves(&held(&planned, "access_lost").1)), (0, 4), "under guard");
    world.apply(&held(&planned, "access_lost").0.clone());
    world.check(&["--expect-complete"]);
}

#[test]
fn f10_twelve_per_cent_of_a_department_wait_and_are_named() {
    let mut world = company(LEAVERS);
    world.roster(&roster(|at| if (1..=6).contains(&at) || at == 51 { Some(left(at)) } else { everybody(at) }));
    let planned = world.plan();
    assert_eq!(leaves(&planned.open), 2, "the one of the other department goes on, in both apps");
    let (file, plan) = held(&planned, "leavers").clone();
    assert_eq!(leaves(&plan), 12);
    let verdict = plan["guards"].as_array().expect("verdicts").iter().find(|verdict| verdict["app"] == "lessonly").expect("lessonly's");
    assert_eq!((&verdict["count"], &verdict["accounts"], &verdict["within"]), (&json!(6), &json!(50), &json!("Sales")));
    let named = json!({ "person": "3", "name": "Given3 Family3", "department": "Sales" });
    assert_eq!(verdict["people"].as_array().map(|people| (people.len(), people[2].clone())), Some((6, named)));
    assert!(planned.said.out.contains("6 > 5 and 6 of 50 (12.0%) > 5%") && planned.said.out.contains("3 Given3 Family3 (Sales)"));
    let markdown = world.provost(&["show", "held-leavers", "--format", "markdown"]).out;
    assert!(markdown.contains("Given3 Family3"), "{markdown}");
    let found = world.provost(&["findings", "--kind", "guard"]).out;
    assert!(found.contains("6 of 50 (12.0%) > 5%: 1 Given1 Family1 (Sales), 2 Given2 Family2 (Sales)"), "{found}");
    world.apply(&planned.open_file.clone());
    world.apply(&file);
    assert_eq!(world.plan().steps().len(), 0);
    world.check(&["--expect-complete"]);
}

#[test]
fn f02_the_same_leavers_one_event_at_a_time_trip_at_the_same_number() {
    let mut world = company(LEAVERS);
    for leaver in 1..=6 {
        world.roster(&roster(|at| if at <= leaver { Some(left(at)) } else { everybody(at) }));
        world.later();
        let (key, file) = (leaver.to_string(), format!("one{leaver}.json"));
        let said = world.provost(&["plan", "--person", &key, "-o", &file]);
        assert_eq!(said.code, 2, "{said:?}");
        let open: Value = serde_json::from_str(&world.read(&file)).expect("a plan");
        if leaver <= 5 {
            assert_eq!(leaves(&open), 2, "{leaver}: {}", said.out);
            world.apply(&world.path(&file));
            continue;
        }
        assert_eq!(leaves(&open), 0, "the sixth of them waits");
        let held = world.path("one6.held-leavers.json");
        let plan: Value = serde_json::from_str(&world.read("one6.held-leavers.json")).expect("a plan");
        let people = plan["guards"][0]["people"].as_array().expect("people");
        assert_eq!(people.iter().filter(|one| one["earlier"] == true).count(), 5, "those of before are named too");
        world.apply(&held);
    }
    world.check(&["--expect-complete"]);
}

#[test]
fn f02_an_app_by_another_name_is_counted_with_what_it_was() {
    let mut world = company(LEAVERS);
    let gone = |count: usize| roster(move |at| if at <= count { Some(left(at)) } else { everybody(at) });
    world.roster(&gone(5));
    let planned = world.plan();
    assert_eq!((leaves(&planned.open), planned.held.len()), (10, 0));
    world.apply(&planned.open_file.clone());
    world.later();
    world.roster(&gone(6));
    world.reconfigure("[app.lessonly", "[app.academy");
    let renamed = world.plan();
    let verdicts = renamed.open["guards"].as_array().expect("verdicts");
    let verdict = verdicts.iter().find(|verdict| verdict["app"] == "academy" && verdict["guard"] == "leavers").expect("academy's");
    assert_eq!((&verdict["count"], &verdict["tripped"]), (&json!(6), &json!(true)), "{verdict}");
    world.reconfigure("[app.academy", "[app.lessonly");
    // A guard by another name counts the same.
    world.reconfigure("[guard.leavers]", "[guard.quitters]");
    let planned = world.plan();
    assert_eq!(leaves(&planned.open), 0);
    world.apply(&held(&planned, "quitters").0.clone());
    world.check(&["--expect-complete"]);
}

#[test]
fn f10_when_all_managers_lose_their_role_somebody_looks_first() {
    let mut world = company("[guard.role_lowered]\nmax = 3\n");
    world.roster(&roster(|at| Some(works(at, "Engineer"))));
    let planned = world.plan();
    assert_eq!((planned.count("lessonly", "update"), planned.count("absorb", "update")), (0, 8));
    let (file, plan) = held(&planned, "role_lowered").clone();
    assert_eq!((steps(&plan).len(), &plan["guards"][0]["count"]), (8, &json!(8)));
    assert_eq!(plan["guards"][0]["people"].as_array().map(Vec::len), Some(8));
    world.apply(&planned.open_file.clone());
    world.apply(&file);
    world.check(&["--expect-complete"]);
}

#[test]
fn a_change_freeze_refuses_what_was_approved_before_and_lets_through_what_is_released_in_it() {
    let mut world =
        company("[[freeze]]\nreason = \"exams\"\nfrom = \"1998-01-03T18:00\"\nuntil = \"1998-01-04\"\napps = [\"absorb\"]\n");
    world.roster(&roster(|at| if at == 20 { Some(works(at, "Architect")) } else { everybody(at) }));
    let before = world.plan();
    assert_eq!((before.steps().len(), before.held.len()), (2, 0));
    assert_eq!(world.provost(&["approve", "open"]).code, 0);
    world.at("1998-01-03T20:00:00Z");
    let written = world.written();
    let said = world.provost(&["apply", "open"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("frozen until 1998-01-04 00:00 UTC (exams)") && said.err.contains("nothing was written"), "{}", said.err);
    assert_eq!(world.written(), written);
    let during = world.plan();
    let (file, plan) = held(&during, "freeze").clone();
    assert_eq!((during.steps().len(), steps(&plan).len()), (1, 1), "the other app goes on");
    assert_eq!(plan["guards"][0]["why"], "changes are frozen until 1998-01-04 00:00 UTC");
    world.apply(&file);
    assert_eq!(world.absorb_user("p20@acme.example").expect("there")["jobTitle"], "Architect");
    world.at("1998-01-04T00:00:00Z");
    let after = world.plan();
    assert_eq!((after.steps().len(), after.held.len()), (1, 0));
    world.apply(&after.open_file.clone());
    world.check(&["--expect-complete"]);
}

#[test]
fn f08_the_first_run_of_an_app_takes_over_and_changes_nobody_in_bulk() {
    let mut world = World::new(Setup::default());
    for at in 1..=12 {
        let user = json!({ "name": "Old Name", "email": format!("p{at}@acme.example"), "ext_uid": at.to_string() });
        world.lessonly.create_user(user).expect("an account");
    }
    world.roster(&roster(everybody));
    let first = world.plan();
    assert_eq!(first.count("lessonly", "create"), 48, "new people get their accounts");
    let (file, plan) = held(&first, "adopt").clone();
    assert!(steps(&plan).len() == 12 && steps(&plan).iter().all(|step| step["verb"] == "link"), "nothing but taking over");
    let verdict = first.open["guards"].as_array().expect("verdicts")[0].clone();
    assert_eq!((&verdict["guard"], &verdict["count"], &verdict["tripped"]), (&json!("first_run"), &json!(12), &json!(true)));
    world.apply(&first.open_file.clone());
    world.apply(&file);
    assert_eq!(world.lessonly_user("p1@acme.example").expect("there")["name"], "Old Name");
    world.later();
    let second = world.plan();
    assert_eq!(second.steps().len(), 0);
    let (file, plan) = held(&second, "first_run").clone();
    assert_eq!(steps(&plan).len(), 12);
    world.apply(&file);
    world.later();
    world.roster(&roster(|at| if at <= 12 { Some(works(at, "Architect")) } else { everybody(at) }));
    let third = world.plan();
    assert_eq!(third.held.iter().filter(|(_, plan)| plan["class"]["held"] == "first_run").count(), 0, "that was the first run");
    let files: Vec<_> = std::iter::once(third.open_file.clone()).chain(third.held.iter().map(|(file, _)| file.clone())).collect();
    files.iter().for_each(|file| drop(world.apply(file)));
    world.check(&["--expect-complete"]);
}

#[test]
fn a_standing_approval_counts_once_approved_as_far_as_it_goes_and_no_further() {
    let mut world = company(
        "[[approval.standing]]\nsource = \"hr\"\neffects = [\"record_changed\", \"role_raised\"]\nmax = 4\nuntil = \"1998-12-31\"\n",
    );
    let titles =
        |title: &'static str, to: usize| move |at: usize| if (21..=to).contains(&at) { Some(works(at, title)) } else { everybody(at) };
    let list = |world: &World| world.provost(&["standing", "list", "--format", "json"]).json()["standing"][0].clone();
    assert_eq!(list(&world)["state"], "never_approved");
    world.roster(&roster(titles("Architect", 21)));
    let said = world.provost(&["plan", "--apply", "--format", "json"]);
    assert_eq!((said.code, &said.json()["plans"][0]["status"]), (2, &json!("pending")), "written down is not approved");
    let digest = list(&world)["digest"].as_str().expect("a digest").to_owned();
    assert_eq!(world.provost(&["standing", "approve", &digest[..8]]).code, 0);
    world.later();
    let said = world.provost(&["plan", "--apply", "-o", "ahead.json"]);
    assert_eq!(said.code, 0, "{said:?}");
    world.note_applied(&world.path("ahead.json"));
    let report = world.keep_report();
    assert_eq!(report["state"], "finished", "{report}");
    assert_eq!(world.lessonly_user("p21@acme.example").expect("there")["job_title"], "Architect");
    assert_eq!(list(&world)["used"], 2);
    // Two steps are left for today: the rest waits, as does what it does not speak of.
    world.later();
    world.roster(&roster(|at| if at == 60 { Some(left(at)) } else { titles("Architect", 25)(at) }));
    let said = world.provost(&["plan", "--apply", "-o", "more.json"]);
    assert_eq!(said.code, 2, "{said:?}");
    let open: Value = serde_json::from_str(&world.read("more.json")).expect("a plan");
    let rest: Value = serde_json::from_str(&world.read("more.held-beyond_standing.json")).expect("a plan");
    assert_eq!((steps(&open).len(), steps(&rest).len(), leaves(&rest)), (2, 8, 2));
    world.note_applied(&world.path("more.json"));
    world.keep_report();
    assert_eq!(list(&world)["used"], 4);
    world.apply(&world.path("more.held-beyond_standing.json"));
    world.later();
    world.roster(&roster(|at| if at == 60 { Some(left(at)) } else { titles("Architect", 26)(at) }));
    let planned = world.plan();
    assert_eq!((planned.steps().len(), planned.held.len(), planned.said.code), (2, 0, 2), "used up: it waits as ever");
    world.apply(&planned.open_file.clone());
    world.at("1998-01-06T12:00:00Z");
    world.reconfigure("max = 4", "max = 5");
    assert_eq!(list(&world)["state"], "never_approved", "changed words are other words");
    world.reconfigure("max = 5", "max = 4");
    assert_eq!((&list(&world)["state"], &list(&world)["used"]), (&json!("in_force"), &json!(0)));
    world.reconfigure("title = \"job_title\"", "title = \"job_title\" ");
    world.roster(&roster(|at| if at == 60 { Some(left(at)) } else { titles("Architect", 27)(at) }));
    let planned = world.plan();
    assert!(planned.said.err.contains("approved by standing approval"), "{}", planned.said.err);
    assert_eq!(world.provost(&["standing", "revoke", &digest[..8]]).code, 0);
    let said = world.provost(&["apply", "open"]);
    assert_eq!(said.code, 1, "a yes that was taken back carries out nothing: {said:?}");
    world.later();
    let planned = world.plan();
    assert_eq!(planned.said.code, 2);
    world.apply(&planned.open_file.clone());
    world.check(&["--expect-complete"]);
}

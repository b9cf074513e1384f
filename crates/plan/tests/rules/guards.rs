//! Guards: what they count, over what, and how a proposal is split.

use std::collections::BTreeSet;

use model::{By, Class, Effect, GuardRule, Proposal, StepId};

use crate::world::{With, World, held, left, person, steps};

fn guard(effect: Effect, by: By, exempt: u64, max: Option<u64>, percent: Option<u64>) -> GuardRule {
    GuardRule { effect, by, exempt, max, percent_milli: percent.map(|percent| percent * 1000), window: 86_400 }
}

/// Twenty people in each of two departments, with accounts.
fn company() -> World {
    let people = (0..40).map(|at| {
        let department = if at % 2 == 0 { "Sales" } else { "Development" };
        person(&format!("{at:02}"), &format!("N{at}")).with("department", department)
    });
    let mut world = World::new(people.collect()).only_app("flat");
    let rest = world.settle();
    assert!(rest.open.steps.is_empty());
    world.earlier.clear();
    world
}

fn leave(world: &mut World, people: impl IntoIterator<Item = usize>) {
    for at in people {
        world.people[at] = left(world.people[at].clone());
    }
}

/// No plan names a step of another, and every need is inside.
fn sound(proposal: &Proposal) {
    for plan in proposal.plans() {
        let own: BTreeSet<&StepId> = plan.steps.iter().map(|step| &step.id).collect();
        for step in &plan.steps {
            assert!(step.needs.iter().all(|need| own.contains(need)), "{step:?}");
        }
        assert!(plan.class == Class::Open || !plan.steps.is_empty());
    }
}

#[test]
fn f10_what_trips_is_held_as_a_class_and_the_rest_goes_on() {
    let mut world = company();
    world.policy.guards.insert("access_lost".into(), guard(Effect::AccessLost, By::App, 5, Some(50), Some(20)));
    leave(&mut world, 0..8);
    world.people.push(person("99", "Joiner"));
    let proposal = world.propose();
    assert_eq!(proposal.held, [], "8 of 40 are 20%, not more");
    assert_eq!(proposal.open.steps.len(), 9);
    leave(&mut world, 8..9);
    let proposal = world.propose();
    sound(&proposal);
    assert_eq!(steps(&proposal.open), ["create 99"]);
    let plan = held(&proposal, "access_lost");
    assert_eq!(plan.steps.len(), 9);
    assert_eq!(plan.guards.len(), 1);
    assert_eq!((plan.guards[0].count, plan.guards[0].accounts, plan.guards[0].tripped), (9, 40, true));
    assert_eq!(plan.guards[0].why, "9 > 5 and 9 of 40 (22.5%) > 20%");
    assert!(plan.four_eyes && !proposal.open.four_eyes);
    assert_eq!(proposal.open.guards, plan.guards, "the open plan says what was held");
}

#[test]
fn a_held_plan_says_everything_that_holds_it_whatever_class_it_goes_by() {
    let mut world = company();
    world.policy.guards.insert("leavers".into(), guard(Effect::AccessLost, By::App, 5, Some(5), None));
    world.policy.guards.insert("leavers_again".into(), guard(Effect::AccessLost, By::Department, 0, Some(0), None));
    leave(&mut world, 0..9);
    let guards = |world: &mut World, class: &str| -> std::collections::BTreeSet<String> {
        held(&world.propose(), class).guards.iter().map(|verdict| verdict.guard.clone()).collect()
    };
    let both = ["leavers".to_owned(), "leavers_again".to_owned()].into();
    assert_eq!(guards(&mut world, "leavers"), both);
    // Waiting for the IdP comes first by name, and releasing it is releasing so many leavers.
    world.app_policy("flat").also_provisioned_by = Some("okta".into());
    assert_eq!(guards(&mut world, "idp_first"), both);
}

#[test]
fn by_department_only_the_bucket_that_trips_is_held() {
    let mut world = company();
    world.policy.guards.insert("leavers".into(), guard(Effect::AccessLost, By::Department, 2, None, Some(10)));
    leave(&mut world, [0, 2, 4, 1, 3]);
    let proposal = world.propose();
    sound(&proposal);
    assert_eq!(steps(held(&proposal, "leavers")), ["leave 00", "leave 02", "leave 04"]);
    assert_eq!(steps(&proposal.open), ["leave 01", "leave 03"]);
    let verdicts: Vec<_> =
        proposal.open.guards.iter().map(|verdict| (verdict.within.as_deref().unwrap(), verdict.count, verdict.accounts)).collect();
    assert_eq!(verdicts, [("Development", 2, 20), ("Sales", 3, 20)]);
}

#[test]
fn by_group_the_memberships_are_counted() {
    let mut world = company();
    world.policy.guards.insert("group_lost".into(), guard(Effect::GroupLost, By::Group, 3, None, Some(20)));
    for at in [0, 2, 4, 6, 8] {
        world.people[at].attributes.insert("department", "Development".into());
    }
    world.people[1].attributes.insert("department", "Sales".into());
    let proposal = world.propose();
    sound(&proposal);
    assert_eq!(held(&proposal, "group_lost").steps.len(), 5, "5 of 20 left Sales");
    assert_eq!(held(&proposal, "group_lost").guards[0].within.as_deref(), Some("Sales"));
    assert_eq!(steps(&proposal.open), ["update 01"]);
}

#[test]
fn f02_a_thousand_plans_of_one_person_are_a_thousand() {
    let mut world = company();
    world.policy.guards.insert("access_lost".into(), guard(Effect::AccessLost, By::App, 5, Some(5), None));
    for at in 0..5 {
        leave(&mut world, at..at + 1);
        world.only = Some([format!("{at:02}").as_str().into()].into());
        let proposal = world.propose();
        assert_eq!(proposal.open.steps.len(), 1);
        world.apply(&proposal.open);
    }
    leave(&mut world, 5..6);
    world.only = Some(["05".into()].into());
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty());
    assert_eq!(held(&proposal, "access_lost").guards[0].count, 6);
    assert_eq!(held(&proposal, "access_lost").guards[0].accounts, 40, "as many as before the window");

    let roster = world.roster();
    world.earlier.extend(crate::world::counted(held(&proposal, "access_lost"), &roster));
    assert_eq!(held(&world.propose(), "access_lost").guards[0].count, 6, "the same step, pending already, counts once");

    world.as_of = "1998-07-02T18:00:00Z".parse().unwrap();
    assert_eq!(world.propose().open.steps.len(), 1, "a day later the window is empty");
}

#[test]
fn what_needs_a_held_step_is_held_with_it_and_classes_do_not_depend_on_each_other() {
    let mut world = company();
    world.policy.guards.insert("record".into(), guard(Effect::RecordChanged, By::App, 0, Some(0), None));
    world.people[0].attributes.insert("email", "new@acme.example".into());
    world.people.push(person("99", "Joiner").with("email", "n0@acme.example"));
    let proposal = world.propose();
    sound(&proposal);
    assert!(proposal.open.steps.is_empty(), "the joiner needs the e-mail that the held rename frees");
    assert_eq!(steps(held(&proposal, "record")), ["update 00", "create 99"]);

    world.policy.guards.insert("joiners".into(), guard(Effect::AccessGiven, By::App, 0, Some(0), None));
    let proposal = world.propose();
    sound(&proposal);
    assert_eq!(steps(held(&proposal, "joiners")), ["update 00", "create 99"], "one plan for both, under the first name");
    assert_eq!(proposal.held.len(), 1);
}

#[test]
fn a_held_step_that_needs_an_open_one_comes_with_the_next_plan() {
    let mut joiner = person("1", "Ada");
    joiner.starts = Some(jiff::civil::date(1998, 6, 20));
    let mut world = World::new(vec![joiner]).only_app("deep");
    world.policy.guards.insert("enrol".into(), guard(Effect::EnrolmentStarted, By::App, 0, Some(0), None));
    let proposal = world.propose();
    sound(&proposal);
    assert_eq!(steps(&proposal.open), ["create 1"]);
    assert!(proposal.held.is_empty());
    assert!(proposal.open.guards[0].tripped);
    world.apply(&proposal.open);
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty());
    assert_eq!(steps(held(&proposal, "enrol")), ["enrol 1"]);
}

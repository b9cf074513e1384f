//! Guards: what they count, over what, and how a proposal is split.

use std::collections::BTreeSet;

use model::{By, Class, Effect, Evidence, FindingKind, Freeze, FreezeWindow, GuardRule, Proposal, StepId};

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

#[test]
fn f10_whoever_is_in_a_count_is_named_also_those_of_earlier_runs() {
    let mut world = company();
    world.policy.guards.insert("access_lost".into(), guard(Effect::AccessLost, By::App, 5, Some(5), None));
    leave(&mut world, 0..3);
    let proposal = world.propose();
    assert!(proposal.open.guards[0].people.is_empty(), "who is not held need not be listed");
    world.apply(&proposal.open);
    leave(&mut world, 3..20);
    let proposal = world.propose();
    let verdict = &held(&proposal, "access_lost").guards[0];
    let keys: Vec<String> = (0..20).map(|at| format!("{at:02}")).collect();
    assert_eq!(verdict.people.iter().filter_map(|one| one.person.as_ref()).map(|key| key.to_string()).collect::<Vec<_>>(), keys);
    assert!(verdict.people.iter().enumerate().all(|(at, one)| one.earlier == (at < 3) && !one.name.is_empty()));
    assert_eq!((verdict.people[3].name.as_str(), verdict.people[3].department.as_str()), ("N3 Doe", "Development"));
    let finding = proposal.findings.iter().find(|finding| finding.kind == FindingKind::Guard).expect("it is a finding");
    assert!(finding.what.starts_with("guard access_lost holds: 20 > 5 and 20 > 5: 00 N0 Doe (Sales, earlier), "), "{finding:?}");
    assert!(finding.what.ends_with("07 N7 Doe (Development) and 12 more"), "{finding:?}");
}

#[test]
fn what_makes_an_admin_waits_for_a_person() {
    let mut world = company();
    world.policy.apps.get_mut("flat").unwrap().set.get_mut("role").unwrap().value.text =
        "person.title == 'Boss' ? 'admin' : 'learner'".into();
    world.people[0].attributes.insert("title", "Boss".into());
    world.people.push(person("99", "Joiner").with("title", "Boss"));
    let proposal = world.propose();
    sound(&proposal);
    assert!(proposal.open.steps.is_empty());
    assert_eq!(steps(held(&proposal, "admin")), ["create 99", "update 00"]);
}

/// Two hundred accounts that were there before us, of people who are matched by key.
fn taken_over(adopt: model::Adopt) -> World {
    let mut world = company();
    world.app_policy("flat").adopt = adopt;
    for link in &mut world.links {
        link.evidence = Evidence::Matched { rule: "ext_uid == person.key".into() };
    }
    world.past.untouched.insert("flat".into());
    world.past.began.insert("flat".into(), None);
    world
}

#[test]
fn an_app_s_first_run_takes_over_and_changes_nobody_in_bulk() {
    for adopt in [model::Adopt::Approve, model::Adopt::Link] {
        let mut world = taken_over(adopt);
        world.links.clear();
        for at in 0..12 {
            world.people[at].attributes.insert("title", "Clerk of another name".into());
        }
        leave(&mut world, 12..20);
        let proposal = world.propose();
        sound(&proposal);
        let verdict = &proposal.open.guards[0];
        assert_eq!((verdict.guard.as_str(), verdict.count, verdict.accounts, verdict.tripped), ("first_run", 20, 40, true));
        assert_eq!(verdict.people.len(), 20);
        assert_eq!(proposal.open.inputs.first, ["flat".into()]);
        let links = if adopt == model::Adopt::Approve { held(&proposal, "adopt") } else { &proposal.open };
        assert_eq!(links.steps.len(), 40, "everybody is taken over, and that is all");
        assert!(links.steps.iter().all(|step| step.verb == model::Verb::Link));
        let ghosts = proposal.findings.iter().filter(|finding| finding.kind == FindingKind::Ghost).count();
        assert_eq!(ghosts, 8, "those who left are told meanwhile");
        world.apply(&links.clone());
        let proposal = world.propose();
        sound(&proposal);
        assert!(proposal.open.steps.is_empty());
        assert_eq!(held(&proposal, "first_run").steps.len(), 20);
        world.past.untouched.clear();
        assert_eq!(world.propose().open.steps.len(), 20, "once somebody looked, it is an app as any other");
    }
}

#[test]
fn a_few_accounts_of_before_and_those_we_made_ourselves_are_no_first_run() {
    let mut world = taken_over(model::Adopt::Approve);
    leave(&mut world, 0..5);
    let proposal = world.propose();
    assert_eq!((proposal.open.steps.len(), proposal.open.guards[0].why.as_str()), (5, "5, and up to 5 never wait"));
    leave(&mut world, 5..20);
    for link in &mut world.links {
        link.evidence = Evidence::Created;
    }
    let proposal = world.propose();
    assert_eq!((proposal.open.steps.len(), proposal.open.guards.len()), (20, 0));
}

#[test]
fn on_the_first_day_a_share_is_one_of_what_was_made_that_day() {
    let mut world = company();
    world.policy.guards.insert("access_lost".into(), guard(Effect::AccessLost, By::App, 2, None, Some(20)));
    world.policy.guards.insert("joiners".into(), guard(Effect::AccessGiven, By::Department, 2, None, Some(20)));
    world.app("flat").accounts.clear();
    world.links.clear();
    world.past.began.insert("flat".into(), None);
    let proposal = world.propose();
    assert!(proposal.held.is_empty(), "an empty tenant is filled: {:?}", proposal.open.guards);
    assert_eq!(proposal.open.guards[0].why, "20, and there was no account before of which it could be a share");
    world.apply(&proposal.open);
    world.past.began.insert("flat".into(), Some(world.as_of));
    leave(&mut world, 0..7);
    let proposal = world.propose();
    assert!(proposal.held.is_empty(), "{:?}", proposal.open.guards);
    assert_eq!(proposal.open.guards[0].why, "7 of 40 (17.5%): not more than 20%");
    leave(&mut world, 7..9);
    assert_eq!(held(&world.propose(), "access_lost").guards[0].why, "9 > 2 and 9 of 40 (22.5%) > 20%");
    world.past.began.insert("flat".into(), Some("1990-01-01T00:00:00Z".parse().unwrap()));
    assert_eq!(
        held(&world.propose(), "access_lost").guards[0].accounts,
        0,
        "in an app of long standing new accounts water nothing down"
    );
}

#[test]
fn a_change_freeze_holds_what_it_covers_and_says_until_when() {
    let once = |from: &str, until: &str| FreezeWindow::Once { from: from.parse().unwrap(), until: until.parse().unwrap() };
    let freeze = |when| Freeze { reason: "year end".into(), when, apps: BTreeSet::new(), effects: BTreeSet::new() };
    let mut world = company();
    world.as_of = "1998-07-01T18:00:00Z".parse().unwrap();
    leave(&mut world, 0..3);
    world.people.push(person("99", "Joiner"));
    for outside in [once("1998-07-01T18:00:01Z", "1998-07-09T00:00:00Z"), once("1998-06-01T00:00:00Z", "1998-07-01T18:00:00Z")] {
        world.policy.freezes = vec![freeze(outside)];
        assert_eq!(world.propose().open.steps.len(), 4);
    }
    world.policy.freezes = vec![freeze(once("1998-07-01T18:00:00Z", "1998-07-09T04:30:00Z"))];
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty());
    let plan = held(&proposal, "freeze");
    assert_eq!(plan.steps.len(), 4);
    assert_eq!(
        (plan.guards[0].within.as_deref(), plan.guards[0].why.as_str()),
        (Some("year end"), "changes are frozen until 1998-07-08 23:30 America/Chicago")
    );
    let lost = Freeze { effects: [Effect::AccessLost].into(), ..world.policy.freezes[0].clone() };
    world.policy.freezes = vec![lost.clone()];
    assert_eq!(steps(&world.propose().open), ["create 99"]);
    world.policy.freezes = vec![Freeze { apps: ["deep".into()].into(), ..lost }];
    assert_eq!(world.propose().open.steps.len(), 4);
    // 1 July 1998 was a Wednesday; 18:00 UTC is 13:00 in Chicago.
    let time = |hour| jiff::civil::time(hour, 0, 0, 0);
    for (days, from, until, told) in [
        (vec![3], 13, 14, Some("1998-07-01 14:00")),
        (vec![3], 14, 15, None),
        (vec![3], 12, 13, None),
        (vec![2], 22, 14, Some("1998-07-01 14:00")),
        (vec![3, 4, 5], 0, 0, Some("1998-07-04 00:00")),
        (vec![1, 2], 0, 0, None),
    ] {
        let when = FreezeWindow::Weekly { days: days.into_iter().collect(), from: time(from), until: time(until) };
        world.policy.freezes = vec![freeze(when)];
        let proposal = world.propose();
        let why = proposal.held.first().map(|plan| plan.guards[0].why.clone());
        assert_eq!(why, told.map(|told| format!("changes are frozen until {told} America/Chicago")));
    }
}

#[test]
fn what_a_freeze_and_a_guard_hold_is_told_as_both() {
    let mut world = company();
    let when = FreezeWindow::Once { from: jiff::Timestamp::MIN, until: "1998-12-31T00:00:00Z".parse().unwrap() };
    world.policy.freezes = vec![Freeze { reason: "audit".into(), when, apps: BTreeSet::new(), effects: BTreeSet::new() }];
    world.policy.guards.insert("access_lost".into(), guard(Effect::AccessLost, By::App, 0, Some(0), None));
    leave(&mut world, 0..3);
    let proposal = world.propose();
    let guards: Vec<&str> = held(&proposal, "access_lost").guards.iter().map(|verdict| verdict.guard.as_str()).collect();
    assert_eq!(guards, ["access_lost", "freeze"]);
}

//! Joiner, mover, leaver, rehire; dates, zones, contradictions; who is absent.

use jiff::civil::date;
use model::{Class, Effect, Standing, Verb};

use crate::world::{With, World, held, kinds, left, person, steps};

pub(crate) fn settled(people: Vec<model::Person>) -> World {
    let mut world = World::new(people);
    let rest = world.settle();
    assert!(rest.open.steps.is_empty() && rest.held.is_empty(), "{rest:?}");
    world.earlier.clear();
    world
}

#[test]
fn a_joiner_gets_an_account_with_groups_supervisor_and_enrolment() {
    let mut joiner = person("2", "Bea").with("manager", "1");
    joiner.starts = Some(date(1998, 6, 1));
    let mut world = World::new(vec![person("1", "Ada"), joiner]);
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["create 1", "create 2", "relate 2", "enrol 2", "create 1", "create 2"]);
    let create = proposal.open.steps.iter().find(|step| step.app.as_str() == "flat" && step.verb == Verb::Create).unwrap();
    assert_eq!(create.reason, "joiner: starts 1990-01-02");
    assert_eq!(create.effects, [Effect::AccessGiven, Effect::GroupGained].into());
    assert_eq!(create.set["name"].after, "Ada Doe".into());
    let rest = world.settle();
    assert!(rest.open.steps.is_empty() && rest.held.is_empty(), "{rest:?}");
    let deep = &world.apps["deep"];
    let bea = deep.accounts.iter().find(|account| account.attributes["externalId"] == "2".into()).unwrap();
    let ada = deep.accounts.iter().find(|account| account.attributes["externalId"] == "1".into()).unwrap();
    assert_eq!(bea.attributes["supervisor"], ada.id.as_str().into());
}

#[test]
fn a_mover_changes_only_what_policy_owns() {
    let mut world = settled(vec![person("1", "Ada")]);
    let id = world.apps["flat"].accounts[0].id.clone();
    world.app("flat").groups[2].members.push(id);
    world.app("flat").accounts[0].attributes.insert("department", "theirs".into());
    world.people[0] = person("1", "Ada").with("department", "Development").with("title", "Manager");
    let proposal = world.propose();
    let flat = proposal.open.steps.iter().find(|step| step.app.as_str() == "flat").unwrap();
    assert_eq!(flat.reason, "job_title, role changed; joins Development; leaves Sales");
    assert_eq!(flat.effects, [Effect::GroupGained, Effect::GroupLost, Effect::RoleRaised, Effect::RecordChanged].into());
    let deep = proposal.open.steps.iter().find(|step| step.app.as_str() == "deep").unwrap();
    assert!(deep.effects.contains(&Effect::EnrolmentPossible), "{deep:?}");
    assert_eq!(deep.set["department"].before, "d1".into());
    proposal.plans().for_each(|plan| world.apply(plan));
    assert_eq!(world.apps["flat"].groups[2].members.len(), 1, "a group that is not managed keeps its members");
    assert_eq!(world.apps["flat"].accounts[0].attributes["department"], "theirs".into());
    assert!(world.propose().open.steps.is_empty());
}

#[test]
fn a_leaver_loses_access_and_nothing_else() {
    let mut world = settled(vec![person("1", "Ada"), person("2", "Bea")]);
    world.people[1] = left(person("2", "Bea").with("title", "changed too"));
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["leave 2", "leave 2"]);
    assert!(proposal.open.four_eyes);
    let flat = proposal.open.steps.iter().find(|step| step.app.as_str() == "flat").unwrap();
    assert_eq!(flat.reason, "leaver: terminated 1998-05-01; archive: blocks log-in and keeps history");
    assert!(flat.set.is_empty() && flat.remove_groups.is_empty());
    world.apply(&proposal.open);
    assert!(world.propose().open.steps.is_empty());
}

#[test]
fn a_rehire_is_restored_and_gets_what_policy_wants_now() {
    let mut world = settled(vec![person("1", "Ada"), person("2", "Bea")]);
    world.people[1] = left(person("2", "Bea"));
    world.settle();
    let mut back = person("2", "Bea").with("title", "Manager").with("manager", "1");
    back.starts = Some(date(1998, 6, 15));
    world.people[1] = back;
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["restore 2", "enrol 2", "restore 2", "update 2"], "{:?}", proposal.findings);
    let deep = &proposal.open.steps[0];
    assert_eq!((deep.app.as_str(), deep.reason.as_str()), ("deep", "rehire: starts 1998-06-15"));
    assert!(deep.set.contains_key("supervisor"), "one write restores and sets where the app can");
    assert_eq!(proposal.open.steps[3].needs.len(), 1, "the update waits for the restore");
    world.apply(&proposal.open);
    assert!(world.propose().open.steps.is_empty());
}

#[test]
fn days_begin_and_end_where_the_person_is() {
    for (starts, ends, zone, before_start, wanted) in [
        (date(1998, 7, 1), None, None, 0, true),
        (date(1998, 7, 2), None, None, 0, false),
        (date(1998, 7, 2), None, None, 86_400, true),
        (date(1998, 7, 2), None, Some("Pacific/Auckland"), 0, true),
        (date(1990, 1, 1), Some(date(1998, 7, 1)), None, 0, true),
        (date(1990, 1, 1), Some(date(1998, 7, 1)), Some("Pacific/Auckland"), 0, false),
    ] {
        let mut human = person("1", "Ada");
        (human.starts, human.ends, human.zone) = (Some(starts), ends, zone.map(Into::into));
        let mut world = World::new(vec![human]).only_app("flat");
        world.app_policy("flat").before_start = before_start;
        let proposal = world.propose();
        assert_eq!(!proposal.open.steps.is_empty(), wanted, "{starts} to {ends:?} in {zone:?}: {:?}", proposal.findings);
    }
}

#[test]
fn contradictions_hold_the_person_with_a_finding() {
    let broken = |change: fn(&mut model::Person)| {
        let mut world = settled(vec![person("1", "Ada")]);
        change(&mut world.people[0]);
        let proposal = world.propose();
        assert!(proposal.open.steps.is_empty() && proposal.held.is_empty(), "{proposal:?}");
        assert_eq!(kinds(&proposal), ["BadRow 1"]);
    };
    broken(|person| (person.standing, person.ends) = (Standing::Left, Some(date(1998, 8, 1))));
    broken(|person| person.ends = Some(date(1998, 6, 1)));
    broken(|person| person.ends = Some(date(1980, 6, 1)));
    broken(|person| person.zone = Some("Mars/Olympus".into()));
}

#[test]
fn without_a_status_column_the_last_day_ends_the_access() {
    for (ends, leaves) in [(date(1998, 6, 1), true), (date(2030, 6, 1), false)] {
        let mut world = settled(vec![person("1", "Ada")]);
        (world.people[0].standing, world.people[0].ends) = (Standing::Unsaid, Some(ends));
        let proposal = world.propose();
        assert_eq!(proposal.open.steps.iter().any(|step| step.verb == Verb::Leave), leaves, "{ends}: {:?}", proposal.findings);
    }
}

#[test]
fn the_last_day_is_worked_to_its_end_whatever_the_status_says_already() {
    for (ends, zone, leaves) in [
        (Some(date(1998, 7, 1)), None, false),
        (Some(date(1998, 6, 30)), None, true),
        (Some(date(1998, 7, 1)), Some("Pacific/Auckland"), true),
        (None, None, true),
    ] {
        let mut world = settled(vec![person("1", "Ada")]);
        let human = &mut world.people[0];
        (human.standing, human.ends, human.zone) = (Standing::Left, ends, zone.map(Into::into));
        let proposal = world.propose();
        assert_eq!(
            proposal.open.steps.iter().any(|step| step.verb == Verb::Leave),
            leaves,
            "{ends:?} {zone:?}: {:?}",
            proposal.findings
        );
    }
}

#[test]
fn somebody_who_has_not_started_keeps_the_account_they_have() {
    let mut world = settled(vec![person("1", "Ada")]);
    world.people[0].starts = Some(date(1998, 9, 1));
    assert!(world.propose().open.steps.is_empty());
}

#[test]
fn absence_is_a_finding_unless_policy_and_the_reading_say_more() {
    let base = settled((1..=40).map(|key| person(&key.to_string(), &format!("N{key}"))).collect());
    let mut world = base.clone();
    world.people.remove(0);
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty());
    assert_eq!(kinds(&proposal), ["Orphan 1", "Orphan 1", "Absent 1"]);

    world.policy.sources.get_mut("hr").unwrap().absent_leaves = true;
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["leave 1", "leave 1"]);
    assert!(proposal.open.steps[0].reason.starts_with("leaver: not in the roster any more"));

    world.partial = true;
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty(), "half a reading shows no absence");
    assert_eq!(kinds(&proposal), ["BlindSpot"]);

    world.partial = false;
    world.last_good = Some(40);
    assert_eq!(world.propose().open.steps.len(), 2, "one row of 40 less is no shrinking");
    world.people.truncate(30);
    assert!(world.propose().open.steps.is_empty(), "a quarter of the rows less is");
    world.people.clear();
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty() && proposal.held.is_empty(), "nobody loses anything to an empty file (F01)");

    let mut world = base;
    world.policy.sources.get_mut("hr").unwrap().absent_leaves = true;
    world.people.remove(0);
    world.held.insert("1".into());
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty() && proposal.findings.is_empty(), "a held row is not absent");
}

#[test]
fn a_row_that_says_left_counts_even_in_half_a_reading() {
    let mut world = settled(vec![person("1", "Ada"), person("2", "Bea")]);
    world.partial = true;
    world.people = vec![left(person("2", "Bea"))];
    assert_eq!(steps(&world.propose().open), ["leave 2", "leave 2"]);
}

#[test]
fn who_decides_beside_employment() {
    let mut world = settled(vec![person("1", "Ada"), person("2", "Bea").with("department", "Development")]);
    world.app_policy("flat").who = crate::world::expr("person.active && person.department == 'Sales'");
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["leave 2"]);
    assert!(proposal.open.steps[0].reason.starts_with("policy gives this person no account any more"));
    let mut new = World::new(vec![person("2", "Bea").with("department", "Development")]).only_app("flat");
    new.policy = world.policy;
    assert!(new.propose().open.steps.is_empty());
}

#[test]
fn l14_a_leave_waits_for_the_idp_where_that_provisions_too() {
    let mut world = settled(vec![person("1", "Ada")]);
    world.people[0] = left(person("1", "Ada"));
    world.app_policy("flat").also_provisioned_by = Some("okta".into());
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["leave 1"]);
    assert_eq!(proposal.open.steps[0].app.as_str(), "deep");
    assert_eq!(steps(held(&proposal, "idp_first")), ["leave 1"]);
    assert_eq!(kinds(&proposal), ["Ghost 1"]);
}

#[test]
fn leave_keep_is_a_ghost() {
    let mut world = settled(vec![person("1", "Ada")]).only_app("flat");
    world.people[0] = left(person("1", "Ada"));
    world.app_policy("flat").leave = false;
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty());
    assert_eq!(proposal.open.class, Class::Open);
    assert_eq!(kinds(&proposal), ["Ghost 1"]);
}

#[test]
fn only_some_people_are_planned_for_and_correlation_still_sees_all() {
    let mut world = World::new(vec![person("1", "Ada"), person("2", "Bea")]).only_app("flat");
    world.only = Some(["2".into()].into());
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["create 2"]);
    assert_eq!(proposal.open.inputs.only, ["2"]);
    world.account("flat", "a", true, &[("email", "ADA@acme.example")]);
    world.people[1].attributes.insert("email", "ada@acme.example".into());
    assert_eq!(kinds(&world.propose()), ["Ambiguous 2"]);
}

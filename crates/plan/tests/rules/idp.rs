//! What the words of identity providers do to plans.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::*;
use proptest::prelude::*;

use crate::laws;
use crate::people::settled;
use crate::world::{World, held, kinds, left, person, steps};

const SOON: &str = "1998-06-30T12:00:00Z";
const LONG_AGO: &str = "1998-01-01T12:00:00Z";

fn said(person: Person, state: IdpState, at: &str) -> Person {
    in_groups(person, state, at, &[], &[])
}

fn in_groups(mut person: Person, state: IdpState, at: &str, groups: &[&str], outside: &[&str]) -> Person {
    let texts = |names: &[&str]| names.iter().map(|name| Text::from(*name)).collect();
    let word = IdpWord { groups: texts(groups), outside: texts(outside), said: at.parse().unwrap(), state };
    person.idp.insert("okta", word);
    person
}

/// okta assigns `flat`, with this table of groups.
fn okta(world: &mut World, apps: &[&str], groups: &[(&str, &str, GroupGives)]) {
    let mut source = world.policy.sources["hr"].clone();
    source.role = SourceRole::Idp;
    let mut table: BTreeMap<String, BTreeMap<AppName, GroupGives>> = BTreeMap::new();
    for (group, app, gives) in groups {
        table.entry((*group).into()).or_default().insert((*app).into(), gives.clone());
    }
    let apps = apps.iter().map(|app| AppName::from(*app)).collect();
    source.idp = Some(IdpPolicy { apps, groups: table, said_within: None });
    world.policy.sources.insert("okta".into(), source);
}

/// Somebody's account in `flat`.
fn account_of(world: &World, person: &str) -> AccountId {
    let mut links = world.links.iter();
    let link = links.find(|link| link.app.as_str() == "flat" && link.person.as_str() == person);
    link.expect("everybody has an account").account.clone()
}

fn ada() -> Person {
    person("1", "Ada")
}

fn changed(steps: &[Step], attribute: &str) -> Option<String> {
    steps.iter().find_map(|step| step.set.get(attribute)).map(|change| change.after.to_string())
}

#[test]
fn l14_a_leave_goes_on_once_the_idp_says_inactive() {
    for (state, waits) in [(IdpState::Active, true), (IdpState::Inactive, false), (IdpState::Deleted, false), (IdpState::Absent, false)]
    {
        let mut world = settled(vec![ada()]).only_app("flat");
        world.app_policy("flat").also_provisioned_by = Some("okta".into());
        okta(&mut world, &[], &[]);
        world.people[0] = said(left(ada()), state, SOON);
        let proposal = world.propose();
        let open: &[&str] = if waits { &[] } else { &["leave 1"] };
        assert_eq!(steps(&proposal.open), open, "{state:?}");
        assert_eq!(proposal.held.len(), usize::from(waits), "{state:?}");
        if waits {
            assert_eq!(steps(held(&proposal, "idp_first")), ["leave 1"]);
            let ghosts = proposal.findings.iter().filter(|finding| finding.kind == FindingKind::Ghost);
            assert!(
                ghosts.clone().any(|ghost| ghost.what.contains("okta has them as active") && ghost.next.contains("flat")),
                "{:?}",
                proposal.findings
            );
        }
    }
}

#[test]
fn l14_an_old_word_is_a_finding_and_no_endless_wait() {
    for state in [IdpState::Active, IdpState::Inactive] {
        let mut world = settled(vec![ada()]).only_app("flat");
        world.app_policy("flat").also_provisioned_by = Some("okta".into());
        okta(&mut world, &[], &[]);
        world.people[0] = said(left(ada()), state, LONG_AGO);
        let proposal = world.propose();
        assert_eq!(steps(&proposal.open), ["leave 1"], "{state:?}");
        let stale = proposal.findings.iter().find(|finding| finding.kind == FindingKind::StaleWord).expect("told");
        assert!(stale.what.contains("too old") && stale.what.contains("1998-01-01"), "{stale:?}");
        // The limit is configuration.
        world.policy.sources.get_mut("okta").unwrap().idp.as_mut().unwrap().said_within = Some(400 * 86_400);
        let waits = world.propose();
        assert_eq!(waits.held.len(), usize::from(state == IdpState::Active), "{state:?}");
        assert!(!kinds(&waits).contains(&"StaleWord 1".to_owned()));
    }
}

#[test]
fn l14_an_account_that_came_back_is_a_resurrection() {
    let mut world = settled(vec![ada()]).only_app("flat");
    world.app_policy("flat").also_provisioned_by = Some("okta".into());
    okta(&mut world, &[], &[]);
    world.people[0] = said(left(ada()), IdpState::Active, SOON);
    let account = account_of(&world, "1");
    let at: Timestamp = "1998-06-01T00:00:00Z".parse().unwrap();
    world.past.taken.entry("flat".into()).or_default().insert(account.clone(), plan::Taken { run: "run7".into(), at });
    let proposal = world.propose();
    let found = proposal.findings.iter().find(|finding| finding.kind == FindingKind::Resurrection).expect("found");
    assert_eq!((found.person.as_ref().unwrap().as_str(), found.account.as_ref()), ("1", Some(&account)));
    for word in ["run7", "1998-06-01", "okta: active, said 1998-06-30"] {
        assert!(found.what.contains(word), "{found:?}");
    }
    // What was read before we took the access shows nothing.
    world.past.taken.get_mut("flat").unwrap().get_mut(&account).unwrap().at = "1998-07-01T12:00:01Z".parse().unwrap();
    assert!(!kinds(&world.propose()).iter().any(|kind| kind.starts_with("Resurrection")));
    // Somebody who works here may have got it back by hand.
    world.past.taken.get_mut("flat").unwrap().get_mut(&account).unwrap().at = at;
    world.people[0] = said(ada(), IdpState::Active, SOON);
    assert!(!kinds(&world.propose()).iter().any(|kind| kind.starts_with("Resurrection")));
}

#[test]
fn only_who_is_assigned_gets_an_account_there() {
    let mut world = World::new(vec![
        said(ada(), IdpState::Active, LONG_AGO),
        said(person("2", "Bea"), IdpState::Inactive, SOON),
        person("3", "Cleo"),
    ])
    .only_app("flat");
    okta(&mut world, &["flat"], &[]);
    assert_eq!(steps(&world.propose().open), ["create 1"], "what was never said gives nothing blindly");
}

#[test]
fn un_assigning_is_not_leaving_the_company() {
    let mut world = settled(vec![ada(), person("2", "Bea"), person("3", "Cleo")]);
    okta(&mut world, &["flat"], &[]);
    world.people[0] = said(ada(), IdpState::Inactive, SOON);
    world.people[1] = said(person("2", "Bea"), IdpState::Deleted, SOON);
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["leave 1", "leave 2"]);
    assert!(proposal.open.steps.iter().all(|step| step.app.as_str() == "flat" && step.effects.contains(&Effect::AccessLost)));
    assert!(
        proposal.open.steps[0].reason.starts_with("not assigned at okta any more (inactive, said 1998-06-30"),
        "{:?}",
        proposal.open.steps[0]
    );
    assert!(
        kinds(&proposal).contains(&"Assignment 3".to_owned()),
        "an account without assignment is told, and stays: {:?}",
        kinds(&proposal)
    );
}

#[test]
fn p4_what_an_idp_never_said_takes_nothing_away() {
    let mut world = settled(vec![ada(), person("2", "Bea")]).only_app("flat");
    let gives = GroupGives { group: Some("Development".into()), role: Some("manager".into()), department: None };
    okta(&mut world, &["flat"], &[("Admins", "flat", gives)]);
    // Bea is in the group and has the role from a time of which nothing is known any more.
    let account = account_of(&world, "2");
    let flat = world.app("flat");
    flat.groups[1].members.push(account.clone());
    flat.accounts.iter_mut().find(|is| is.id == account).unwrap().attributes.insert("role", Value::from("manager"));
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty() && proposal.held.is_empty(), "{:?}", proposal.open.steps);
    // Absence in a complete reading counts only where configuration says so.
    world.people[0] = said(ada(), IdpState::Absent, SOON);
    assert!(world.propose().open.steps.is_empty());
    world.policy.sources.get_mut("okta").unwrap().absent_leaves = true;
    assert_eq!(steps(&world.propose().open), ["leave 1"]);
    // Once it is said that Bea is not in the group, both go.
    world.people[1] = in_groups(person("2", "Bea"), IdpState::Active, SOON, &[], &["Admins"]);
    let proposal = world.propose();
    let all: Vec<&Step> =
        proposal.plans().flat_map(|plan| &plan.steps).filter(|step| step.person.as_ref().unwrap().as_str() == "2").collect();
    assert!(all.iter().any(|step| !step.remove_groups.is_empty()) && all.iter().any(|step| step.set.contains_key("role")), "{all:?}");
}

#[test]
fn groups_of_the_idp_give_groups_roles_and_departments() {
    let mut world = World::new(vec![in_groups(ada(), IdpState::Active, SOON, &["LMS Dev", "LMS Admins"], &[])]);
    let dev = GroupGives { group: Some("Development".into()), ..GroupGives::default() };
    let boss = GroupGives { role: Some("manager".into()), ..GroupGives::default() };
    let department = GroupGives { department: Some("Development".into()), ..GroupGives::default() };
    okta(&mut world, &["flat"], &[("LMS Dev", "flat", dev), ("LMS Admins", "flat", boss), ("LMS Dev", "deep", department)]);
    let proposal = world.propose();
    let create = |app: &str| proposal.open.steps.iter().find(|step| step.app.as_str() == app && step.verb == Verb::Create).unwrap();
    assert_eq!(create("flat").set.get("role").unwrap().after, Value::from("manager"));
    let groups: Vec<&str> = create("flat").add_groups.iter().filter_map(Ref::id).collect();
    assert_eq!(groups, ["g1", "g2"], "those of policy and those of the provider");
    assert_eq!(create("deep").set.get("department").unwrap().after, Value::from("d2"));
}

#[test]
fn two_groups_that_contradict_each_other_hold_the_attribute_and_are_both_named() {
    let mut world = settled(vec![ada()]).only_app("flat");
    let gives = |role: &str| GroupGives { role: Some(role.into()), ..GroupGives::default() };
    okta(&mut world, &[], &[("Bosses", "flat", gives("manager")), ("Pupils", "flat", gives("learner"))]);
    world.people[0] = in_groups(ada().with_title("Boss"), IdpState::Active, SOON, &["Bosses", "Pupils"], &[]);
    let proposal = world.propose();
    assert_eq!(changed(&proposal.open.steps, "role"), None);
    assert!(changed(&proposal.open.steps, "job_title").is_some_and(|title| title.contains("Boss")), "the rest goes on");
    let told = proposal.findings.iter().find(|finding| finding.kind == FindingKind::Conflict).expect("told");
    assert!(told.what.contains("Bosses") && told.what.contains("Pupils") && told.what.contains("role"), "{told:?}");
}

trait Titled {
    fn with_title(self, title: &str) -> Self;
}

impl Titled for Person {
    fn with_title(mut self, title: &str) -> Self {
        self.attributes.insert("title", title.into());
        self
    }
}

#[test]
fn expressions_read_the_word_and_an_unsaid_one_does_nothing() {
    let mut world =
        settled(vec![said(ada(), IdpState::Active, SOON), person("2", "Bea"), said(person("3", "Cleo"), IdpState::Inactive, SOON)])
            .only_app("flat");
    world.app_policy("flat").who = crate::world::expr("person.active && person.idp.okta.active");
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["leave 3"]);
    assert!(kinds(&proposal).contains(&"Objection 2".to_owned()), "{:?}", kinds(&proposal));
    world.app_policy("flat").who = crate::world::expr("person.active && (!has(person.idp.okta) || person.idp.okta.active)");
    assert!(!kinds(&world.propose()).contains(&"Objection 2".to_owned()));
}

#[test]
fn who_is_assigned_and_wanted_by_no_policy_is_told() {
    let mut world = World::new(vec![said(ada(), IdpState::Active, SOON)]).only_app("flat");
    okta(&mut world, &["flat"], &[]);
    world.app_policy("flat").who = crate::world::expr("person.department == 'Law'");
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty());
    assert_eq!(kinds(&proposal), ["Assignment 1"]);
}

#[test]
fn p2_the_word_is_an_input() {
    let mut world = settled(vec![ada()]);
    okta(&mut world, &["flat"], &[]);
    world.people[0] = said(ada(), IdpState::Active, SOON);
    let (first, again) = (world.propose(), world.propose());
    assert_eq!(first.open.to_bytes(), again.open.to_bytes());
    world.people[0] = said(ada(), IdpState::Active, LONG_AGO);
    assert_ne!(world.propose().open.inputs.readings, first.open.inputs.readings);
}

/// What okta says of the people of a random company: of each a state or nothing, lately or long ago, and of two groups whether they are in.
fn spoken(world: &mut World, words: &[(u8, bool, u8, u8)], absent_leaves: bool) {
    let dev = GroupGives { group: Some("Development".into()), role: Some("manager".into()), department: None };
    let pupil = GroupGives { role: Some("learner".into()), ..GroupGives::default() };
    let move_them = GroupGives { department: Some("Development".into()), ..GroupGives::default() };
    okta(world, &["flat"], &[("Devs", "flat", dev), ("Pupils", "flat", pupil), ("Devs", "deep", move_them)]);
    world.policy.sources.get_mut("okta").unwrap().absent_leaves = absent_leaves;
    world.app_policy("flat").also_provisioned_by = Some("okta".into());
    for (person, (state, lately, devs, pupils)) in world.people.iter_mut().zip(words) {
        let state = match state {
            0 => IdpState::Active,
            1 => IdpState::Inactive,
            2 => IdpState::Deleted,
            3 => IdpState::Absent,
            _ => continue,
        };
        let groups = [("Devs", devs), ("Pupils", pupils)];
        let of = |wanted: u8| groups.iter().filter(|(_, is)| **is == wanted).map(|(name, _)| *name).collect::<Vec<_>>();
        *person = in_groups(person.clone(), state, if *lately { SOON } else { LONG_AGO }, &of(0), &of(1));
    }
}

fn words() -> impl Strategy<Value = Vec<(u8, bool, u8, u8)>> {
    prop::collection::vec((0u8..6, any::<bool>(), 0u8..3, 0u8..3), 10)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// P2, P4, P8, P10 with an identity provider in the company: order does not matter; of whom it never spoke nobody gains or loses an account,
    /// or what its groups may give; what policy does not own stays; and the second plan is empty.
    #[test]
    fn p04_p10_laws_hold_with_an_idp(draws in laws::draws(), words in words(), adopt in 0u8..3, guards: bool, absent_leaves: bool) {
        let mut world = laws::world(&draws, adopt, guards);
        spoken(&mut world, &words, absent_leaves);
        let before = laws::unowned(&world);
        let proposal = world.propose();
        laws::sound(&proposal);
        let again = laws::reversed(&world).propose();
        prop_assert_eq!(proposal.plans().map(Plan::digest).collect::<Vec<_>>(), again.plans().map(Plan::digest).collect::<Vec<_>>());
        for step in proposal.plans().flat_map(|plan| &plan.steps).filter(|step| step.app.as_str() == "flat") {
            let Some(person) = world.people.iter().find(|person| Some(&person.key) == step.person.as_ref()) else { continue };
            if !person.idp.is_empty() || person.standing == Standing::Left {
                continue;
            }
            prop_assert!(!matches!(step.verb, Verb::Create | Verb::Restore | Verb::Leave), "nothing was said: {step:?}");
            prop_assert!(!step.set.contains_key("role") && !step.remove_groups.contains("g2"), "no group is known: {step:?}");
        }
        world.apply(&proposal.open);
        let second = world.propose();
        prop_assert!(second.open.steps.is_empty(), "{:#?}", second.open.steps);
        for _ in 0..4 {
            let proposal = world.propose();
            proposal.plans().for_each(|plan| world.apply(plan));
        }
        let last = world.propose();
        prop_assert!(last.open.steps.is_empty() && last.held.is_empty(), "{:#?}", last);
        let after = laws::unowned(&world);
        for (account, was) in &before {
            prop_assert_eq!(&after[account], was);
        }
    }
}

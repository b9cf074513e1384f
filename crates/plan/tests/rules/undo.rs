//! The undo of a run, in any world (P12): what it did is taken back, and nothing else; the undo of the undo does it again.

use std::collections::{BTreeMap, BTreeSet};

use model::*;
use plan::{Deed, Reverted, Reverting};
use proptest::prelude::*;

use crate::laws::{draws, reversed, unowned, world};
use crate::world::{World, held, person, steps};

/// A run that did all of these plans, as its journal tells it, but without images: the steps' own before and after count.
fn undo(world: &mut World, run: &str, plan: &Plan) -> Reverted {
    let made: BTreeMap<StepId, AccountId> = plan.steps.iter().filter_map(|step| Some((step.id, made_by(world, step)?))).collect();
    let deeds: Vec<Deed<'_>> = plan
        .steps
        .iter()
        .map(|step| Deed { step, state: &StepState::Done, account: made.get(&step.id), before: None, after: None })
        .collect();
    let run = RunId::new(run);
    let (_, people) = plan::concerned(&deeds);
    world.only = Some(people);
    let reverted = world.as_read(|given| plan::revert(given, &Reverting { run: &run, deeds, only: Vec::new() }));
    world.only = None;
    reverted
}

/// The id of what a step made.
fn made_by(world: &World, step: &Step) -> Option<AccountId> {
    match step.verb {
        Verb::Create => {
            let own = |link: &&Link| link.app == step.app && Some(&link.person) == step.person.as_ref();
            world.links.iter().rev().find(own).map(|link| link.account.clone())
        }
        Verb::CreateDepartment => {
            let department = world.apps[&step.app].departments.iter().find(|department| department.name == step.label)?;
            Some(department.id.as_str().into())
        }
        _ => None,
    }
}

/// What policy owns of an account: whether it is active, its values, its managed groups.
type Owned = (bool, BTreeMap<String, Value>, BTreeSet<String>);

/// What policy owns of every account.
fn owned(world: &World) -> BTreeMap<(AppName, AccountId), Owned> {
    let mut all = BTreeMap::new();
    for (app, reading) in &world.apps {
        let policy = &world.policy.apps[app];
        let managed: BTreeSet<&String> = policy.groups.iter().flat_map(|groups| &groups.managed).collect();
        for account in &reading.accounts {
            let is_owned = |name: &str| policy.set.get(name).is_some_and(|rule| rule.on == On::Always);
            let values =
                account.attributes.iter().filter(|(name, value)| is_owned(name) && !value.is_null() && value.as_text() != Some(""));
            let groups = reading.groups.iter().filter(|group| managed.contains(&group.name) && group.members.contains(&account.id));
            let values = values.map(|(name, value)| (name.to_string(), value.clone())).collect();
            let groups = groups.map(|group| group.name.clone()).collect();
            all.insert((app.clone(), account.id.clone()), (account.active, values, groups));
        }
    }
    all
}

/// The accounts that findings are about, which are left as they are.
fn left(reverted: &Reverted) -> BTreeSet<(AppName, AccountId)> {
    let said = reverted.proposal.findings.iter();
    said.filter_map(|finding| Some((finding.app.clone()?, finding.account.clone()?))).collect()
}

/// As many random worlds as a look for something rare wants (`PROVOST_UNDO_CASES`).
fn cases() -> u32 {
    std::env::var("PROVOST_UNDO_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// P12, P8, P2: after the undo every account that was there is as it was and every new one is inactive, unless something is said about
    /// it; what policy does not own was never touched; the undo of the undo ends where the run did; the order of what was read does not matter.
    #[test]
    fn p12_an_undo_takes_back_what_the_run_did(draws in draws(), adopt in 0u8..3, guards: bool) {
        let mut world = world(&draws, adopt, guards);
        let before = owned(&world);
        let not_ours = unowned(&world);
        let plan = world.propose().open;
        world.apply(&plan);
        let after = owned(&world);

        let mut other = reversed(&world);
        let reverted = undo(&mut world, "r0", &plan);
        let same = undo(&mut other, "r0", &plan);
        prop_assert_eq!(
            reverted.proposal.plans().map(Plan::digest).collect::<Vec<_>>(),
            same.proposal.plans().map(Plan::digest).collect::<Vec<_>>()
        );
        prop_assert_eq!(&reverted.proposal.findings, &same.proposal.findings);
        let all: Vec<Plan> = reverted.proposal.plans().cloned().collect();
        all.iter().for_each(|plan| world.apply(plan));
        let left_first = left(&reverted);
        let back = owned(&world);
        for (account, is) in &back {
            match before.get(account) {
                _ if left_first.contains(account) => {}
                Some(was) => prop_assert_eq!(is, was, "{:?}", account),
                None => prop_assert!(!is.0, "{:?} was made and is still active", account),
            }
        }
        let second = undo(&mut world, "r0", &plan).proposal;
        let more: Vec<String> = second.plans().flat_map(steps).collect();
        prop_assert!(more.is_empty(), "it is back already, and yet: {:?}", more);

        // The plans of the undo were runs of their own; taken back in turn, it is as after the run.
        for (at, plan) in all.iter().enumerate().rev() {
            let again = undo(&mut world, &format!("r{at}"), plan);
            let plans: Vec<Plan> = again.proposal.plans().cloned().collect();
            plans.iter().for_each(|plan| world.apply(plan));
        }
        for (account, is) in owned(&world) {
            if !left_first.contains(&account) {
                prop_assert_eq!(&is, &after[&account], "{:?}", account);
            }
        }
        let last = unowned(&world);
        for (account, was) in &not_ours {
            prop_assert_eq!(&last[account], was);
        }
    }
}

/// One linked person in an app with groups, whose plan was applied.
fn moved() -> (World, Plan) {
    let mut world = World::new(vec![person("1", "Ann")]).only_app("flat");
    let values = [("name", "Ann Doe"), ("email", "ann@acme.example"), ("ext_uid", "1"), ("role", "learner"), ("job_title", "Boss")];
    world.account("flat", "a1", true, &values);
    world.link("flat", "1", "a1");
    world.app("flat").groups[1].members.push("a1".into());
    let plan = world.propose().open;
    world.apply(&plan);
    (world, plan)
}

#[test]
fn p12_what_somebody_changed_since_is_said_and_stays() {
    let (mut world, plan) = moved();
    assert_eq!(steps(&plan), ["update 1"]);
    world.app("flat").accounts[0].attributes.insert("job_title", "Chief".into());
    let reverted = undo(&mut world, "r0", &plan);
    let [finding] = reverted.proposal.findings.as_slice() else { panic!("{:?}", reverted.proposal.findings) };
    assert_eq!(finding.kind, FindingKind::Drift);
    assert!(finding.what.contains("`Chief`, neither `Clerk`"), "{}", finding.what);
    let [step] = reverted.proposal.open.steps.as_slice() else { panic!("{:?}", reverted.proposal.open.steps) };
    assert!(step.set.is_empty() && step.add_groups.contains(&Ref::Id("g2".into())) && step.remove_groups.contains("g1"));
    assert!(step.reason.starts_with("takes back run r0: joins Development again"), "{}", step.reason);
}

#[test]
fn p12_images_say_what_the_run_itself_changed() {
    let (mut world, plan) = moved();
    let image = |world: &World, groups: &[&str]| {
        let groups = Some(groups.iter().map(|id| Text::from(*id)).collect());
        Some(Image { account: world.apps["flat"].accounts[0].clone(), groups })
    };
    // When the run came, the title was right already, and so was one group: these are not the run's.
    let (before, after) = (image(&world, &["g1", "g2"]), image(&world, &["g1"]));
    let deed = Deed { step: &plan.steps[0], state: &StepState::Done, account: None, before, after };
    let run = RunId::new("r0");
    let reverted = world.given(|given| plan::revert(given, &Reverting { run: &run, deeds: vec![deed], only: Vec::new() }));
    let [step] = reverted.proposal.open.steps.as_slice() else { panic!("{:?}", reverted.proposal.open.steps) };
    assert!(step.set.is_empty() && step.remove_groups.is_empty() && step.add_groups.contains(&Ref::Id("g2".into())), "{step:?}");
}

#[test]
fn p12_what_was_taken_back_is_held_until_roster_or_policy_say_something_else() {
    let (mut world, plan) = moved();
    world.as_of += jiff::SignedDuration::from_hours(1);
    let reverted = undo(&mut world, "r0", &plan);
    let roster = world.roster();
    let open = &reverted.proposal.open;
    let counting = plan::Counting::new(std::iter::once(open), &roster);
    let undone = |step: &Step| plan::Counted { undoes: reverted.undoes[&step.id].clone(), ..counting.of(open, step) };
    let counted: Vec<plan::Counted> = open.steps.iter().map(undone).collect();
    world.apply(&reverted.proposal.open);
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["update 1"], "without that memory it would be done again at once");
    world.earlier.extend(counted);
    // A year later still.
    world.as_of += jiff::SignedDuration::from_hours(365 * 24);
    world.app("flat").certificate.at = world.as_of;
    let proposal = world.propose();
    assert_eq!((steps(&proposal.open), steps(held(&proposal, "reverted"))), (vec![], vec!["update 1".to_owned()]));
    assert!(proposal.findings.iter().any(|finding| finding.kind == FindingKind::Reverted), "{:?}", proposal.findings);
    // What it does again is forgotten once it was approved and done.
    let again = plan::Again::of(&world.earlier).done_by(&held(&proposal, "reverted").steps[0]);
    assert_eq!(again.len(), 3, "the title and both groups: {again:?}");
    // Another title and another department are another change.
    let mut other = world.clone();
    other.people[0].attributes.insert("title", "Chief".into());
    other.people[0].attributes.insert("department", "Development".into());
    let proposal = other.propose();
    assert_eq!((steps(&proposal.open), proposal.held.len()), (vec!["update 1".to_owned()], 0));
}

/// Found by the law above: a role that is lowered is held, and the e-mail in the same step is free only after a step that is not.
#[test]
fn p12_what_a_held_step_needs_is_held_with_it_and_nothing_is_put_off() {
    let mut world = World::new(vec![person("0", "Ann"), person("5", "Bob")]).only_app("flat");
    world.people[0].attributes.insert("title", "Manager".into());
    let account = |world: &mut World, id, key: &'static str, email| {
        let values = [("name", "N"), ("email", email), ("ext_uid", key), ("role", "learner"), ("job_title", "Clerk")];
        world.account("flat", id, true, &values);
        world.link("flat", key, id);
    };
    // Ann's account has Bob's address: hers changes first, and the other way round when that is taken back.
    account(&mut world, "a0", "0", "bob@acme.example");
    account(&mut world, "a5", "5", "old@acme.example");
    let plan = world.propose().open;
    assert_eq!(steps(&plan), ["update 0", "update 5"]);
    world.apply(&plan);
    let reverted = undo(&mut world, "r0", &plan).proposal;
    assert_eq!((steps(&reverted.open), reverted.held.len()), (vec![], 1), "{reverted:#?}");
    assert_eq!(steps(&reverted.held[0]), ["update 5", "update 0"]);
    world.apply(&reverted.held[0]);
    assert!(undo(&mut world, "r0", &plan).proposal.plans().all(|plan| plan.steps.is_empty()));
}

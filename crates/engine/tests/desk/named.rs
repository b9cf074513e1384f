//! Planning for some people reads what decides about them, and comes to what a whole reading would come to (P4).

use std::collections::{BTreeMap, BTreeSet};

use connector::Clock;
use jiff::SignedDuration;
use model::{PersonKey, Verb};
use proptest::prelude::*;
use provost_engine::{Ask, Engine, Proposed};

use crate::connector::BY_EMAIL;
use crate::increments::{Deed, act, deed, pages, write};
use crate::world::{Heard, World, app};

/// A plan for one person, and why everything was read for it, if it was.
async fn plan_for(world: &World, engine: &Engine, key: &str, full: bool) -> (Proposed, Vec<String>) {
    let heard = Heard::default();
    let ask = Ask { only: Some(BTreeSet::from([PersonKey::new(key)])), full, ..world.ask() };
    let proposed = engine.propose(ask, &heard).await.expect("a proposal");
    (proposed, heard.not_narrowed())
}

/// What is to be done for a person, by whatever plan.
fn deeds_for(proposed: &Proposed, key: &str) -> Vec<String> {
    let steps = proposed.proposal.plans().flat_map(|plan| &plan.steps);
    let own = steps.filter(|step| step.person.as_ref().is_some_and(|person| person.as_str() == key));
    own.map(|step| format!("{:?} {:?} {:?}", step.verb, step.account, step.set)).collect()
}

fn said_of(proposed: &Proposed, key: &str) -> Vec<String> {
    let about = proposed.proposal.findings.iter().filter(|finding| finding.person.as_ref().is_some_and(|of| of.as_str() == key));
    about.map(|finding| format!("{finding:?}")).collect()
}

/// The id of the account with a key.
fn account_of(world: &World, key: &str) -> u64 {
    let state = world.server.state();
    let found = state.rows.iter().find(|(_, row)| row.fields.get("key").is_some_and(|of| of == key));
    *found.expect("an account").0
}

/// One account by id, and whoever else has the person's key or e-mail address: no page of the list.
#[tokio::test]
async fn the_plan_for_one_person_asks_for_nobody_else() {
    let (world, engine) = World::provisioned().await;
    world.plan(&engine).await;
    let (seven, eight) = (account_of(&world, "7"), account_of(&world, "8"));
    world.server.by_hand(seven, &[("title", "Boss")]);
    world.server.by_hand(eight, &[("title", "Boss")]);
    world.server.take_asked();
    let (proposed, why) = plan_for(&world, &engine, "7", false).await;
    let mut asked = world.server.take_asked();
    asked.sort();
    let own = format!("GET /accounts/{seven}");
    assert_eq!(asked, [own.as_str(), "GET /accounts?by=email&value=p7@acme.example", "GET /accounts?by=key&value=7"]);
    assert_eq!((why, deeds_for(&proposed, "7").len(), proposed.proposal.open.steps.len()), (Vec::new(), 1, 1));
    // The others are as they were then, and the next plan for everybody reads what changed for them.
    let reading = engine.store().latest_app_reading(&app()).await.expect("the store").expect("a reading");
    let titles: Vec<_> = reading.accounts.iter().filter(|account| account.attributes["title"].as_text() == Some("Boss")).collect();
    assert_eq!(titles.iter().map(|account| account.id.as_str()).collect::<Vec<_>>(), [seven.to_string()]);
    assert_eq!(world.plan(&engine).await.proposal.open.steps.len(), 2);
}

/// Somebody who came after the last whole reading: nobody is found by any key, which shows that nobody is there; or somebody is.
#[tokio::test]
async fn p04_nobody_gets_a_second_account_because_one_person_was_named() {
    let (world, engine) = World::provisioned().await;
    world.plan(&engine).await;
    world.people(22);
    world.server.by_hand(50, &[("email", "p22@acme.example")]);
    world.server.take_asked();
    let (joiner, why) = plan_for(&world, &engine, "21", false).await;
    assert_eq!((why, joiner.proposal.open.steps[0].verb), (Vec::new(), Verb::Create));
    let (found, why) = plan_for(&world, &engine, "22", false).await;
    assert_eq!(why, Vec::<String>::new());
    let steps = &found.proposal.open.steps;
    assert!(steps[0].verb == Verb::Link && steps.iter().all(|step| step.verb != Verb::Create), "{steps:?}");
    assert_eq!(pages(&world.server.take_asked()), (0, 0));
}

/// Where a look-up cannot show that nobody is there, everything is read, and it is said why.
#[tokio::test]
async fn p04_where_look_ups_prove_nothing_everything_is_read() {
    let mut world = World::new();
    let engine = world.engine().await;
    let (_, why) = plan_for(&world, &engine, "3", false).await;
    assert!(why[0].contains("no whole reading"), "{why:?}");
    assert!(pages(&world.server.take_asked()).0 > 0);
    let (world_of_all, engine) = World::provisioned().await;
    world_of_all.plan(&engine).await;
    let five = account_of(&world_of_all, "5");
    world_of_all.server.state().rows.get_mut(&five).expect("an account").hidden = true;
    world_of_all.server.take_asked();
    let (gone, why) = plan_for(&world_of_all, &engine, "5", false).await;
    assert_eq!(why, [format!("account {five} is not seen")]);
    assert!(pages(&world_of_all.server.take_asked()).0 > 0);
    assert!(said_of(&gone, "5")[0].contains("was not seen"), "{:?}", said_of(&gone, "5"));
    let (_, why) = plan_for(&world_of_all, &engine, "6", true).await;
    assert_eq!((why, pages(&world_of_all.server.take_asked()).0 > 0), (Vec::new(), true), "asked for");
    world.manifest = &BY_EMAIL;
    let engine = world.engine().await;
    world.plan(&engine).await;
    let (_, why) = plan_for(&world, &engine, "3", false).await;
    assert_eq!(why, ["it cannot be asked for accounts by key"]);
}

/// For whoever is named the plan is that of a whole reading, and what is kept of it spoils no later plan.
async fn law(before: Vec<Deed>, after: Vec<Deed>, named: Vec<u8>) {
    let (world, engine) = World::provisioned().await;
    let mut people: BTreeMap<u8, &'static str> = (1..=20).map(|key| (key, "active")).collect();
    for deed in before {
        act(&world, &engine, &mut people, deed).await;
    }
    write(&world, &people);
    world.plan(&engine).await;
    for deed in after {
        act(&world, &engine, &mut people, deed).await;
    }
    write(&world, &people);
    let vanished = world.server.state().rows.values().any(|row| row.hidden);
    let as_of = world.time.now();
    let mut seen = Vec::new();
    for key in named.iter().filter(|key| people.contains_key(key)).map(u8::to_string) {
        world.server.take_asked();
        let (some, why) = plan_for(&world, &engine, &key, false).await;
        let (whole, since) = pages(&world.server.take_asked());
        assert_eq!(whole + since == 0, why.is_empty(), "{why:?}");
        assert!(why.is_empty() || vanished, "{why:?}");
        seen.push((key, some));
    }
    let mut plans = Vec::new();
    for full in [false, true] {
        let all = engine.propose(Ask { as_of, full, ..world.ask() }, &provost_engine::Silent).await.expect("a proposal");
        plans.push((all.proposal.plans().map(model::Plan::to_bytes).collect::<Vec<_>>(), all.proposal.findings.clone()));
        for (key, some) in &seen {
            assert_eq!((deeds_for(some, key), said_of(some, key)), (deeds_for(&all, key), said_of(&all, key)), "{key}");
        }
    }
    assert_eq!(plans[0], plans[1]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_plan_for_one_person_is_what_the_plan_for_everybody_has_for_them(
        before in prop::collection::vec(deed(), 0..5),
        after in prop::collection::vec(deed(), 0..8),
        named in prop::collection::vec(1..30_u8, 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(law(before, after, named));
    }
}

/// Time goes on: a reading that is too old for proofs is not added to.
#[tokio::test]
async fn p04_an_old_reading_is_not_added_to() {
    let (world, engine) = World::provisioned().await;
    world.plan(&engine).await;
    world.time.pass(SignedDuration::from_hours(23));
    let (_, why) = plan_for(&world, &engine, "3", false).await;
    assert!(why[0].contains("young enough"), "{why:?}");
}

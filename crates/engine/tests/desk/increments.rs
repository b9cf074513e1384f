//! What changed since the last whole reading does as well as reading everything (L05, A12, A21).

use std::collections::BTreeMap;

use connector::Clock;
use jiff::SignedDuration;
use model::Completeness;
use proptest::prelude::*;
use provost_engine::{Ask, Engine, Proposed};

use crate::connector::UNDATED;
use crate::world::{Heard, World, app};

async fn plan(world: &World, engine: &Engine, full: bool) -> (Proposed, String) {
    let heard = Heard::default();
    let ask = Ask { full, ..world.ask() };
    let proposed = engine.propose(ask, &heard).await.expect("a proposal");
    let told = heard.certificates();
    assert_eq!(told.len(), 1);
    (proposed, told[0].clone())
}

/// How many requests read accounts by page, as a whole and by what changed.
pub(crate) fn pages(asked: &[String]) -> (usize, usize) {
    let (since, whole): (Vec<_>, Vec<_>) =
        asked.iter().filter(|asked| asked.starts_with("GET /accounts?from")).partition(|asked| asked.contains("since="));
    (whole.len(), since.len())
}

/// The readings that every plan rests on, and its bytes.
fn bytes(proposed: &Proposed) -> (Vec<Vec<u8>>, &[model::Finding]) {
    (proposed.proposal.plans().map(model::Plan::to_bytes).collect(), &proposed.proposal.findings)
}

/// A whole reading once, then what changed: a page of it, and page one of everything for the count.
#[tokio::test]
async fn l05_what_changed_is_read_instead_of_everything() {
    let (world, engine) = World::provisioned().await;
    world.people(60);
    let digest = world.plan(&engine).await.digests[0];
    world.carry_out(&engine, &digest).await;
    world.time.pass(SignedDuration::from_mins(5));
    world.server.take_asked();
    let (_, told) = plan(&world, &engine, false).await;
    let (whole, since) = pages(&world.server.take_asked());
    assert!(whole == 1 && since >= 4, "our own forty writes came back to us: {whole} {since}");
    assert!(told.contains("complete: ") && told.contains("the app told of 60 changes") && told.contains("does not date"), "{told}");
    world.time.pass(SignedDuration::from_mins(5));
    world.server.by_hand(7, &[("title", "Boss")]);
    world.time.pass(SignedDuration::from_mins(5));
    let (proposed, _) = plan(&world, &engine, false).await;
    let (whole, since) = pages(&world.server.take_asked());
    assert_eq!((whole, since), (1, 1));
    assert_eq!(proposed.proposal.open.steps.len(), 1, "the drift of one is seen");
}

/// `--full`, the age that configuration sets, and another policy: everything is read.
#[tokio::test]
async fn l05_everything_is_read_again_when_that_is_due_or_wanted() {
    let (mut world, engine) = World::provisioned().await;
    let whole = |world: &World| pages(&world.server.take_asked());
    plan(&world, &engine, false).await;
    world.server.take_asked();
    plan(&world, &engine, true).await;
    assert_eq!(whole(&world), (3, 0), "asked for");
    plan(&world, &engine, false).await;
    assert_eq!(whole(&world), (1, 1));
    world.full_every = 3600;
    world.time.pass(SignedDuration::from_mins(61));
    let engine = world.engine().await;
    plan(&world, &engine, false).await;
    assert_eq!(whole(&world), (3, 0), "older than configuration allows");
    plan(&world, &engine, false).await;
    assert_eq!(whole(&world), (1, 1));
    world.policy.apps.get_mut(&app()).expect("the app").protect.insert("p3@acme.example".into());
    let engine = world.engine().await;
    plan(&world, &engine, false).await;
    assert_eq!(whole(&world), (3, 0), "another policy may make other accounts of the same records");
    // What rests on absence asks for a younger one than configuration does.
    world.full_every = i64::MAX;
    world.policy.apps.get_mut(&app()).expect("the app").max_age = 600;
    let engine = world.engine().await;
    plan(&world, &engine, false).await;
    world.server.take_asked();
    world.time.pass(SignedDuration::from_secs(541));
    plan(&world, &engine, false).await;
    assert_eq!(whole(&world), (3, 0));
}

/// Somebody vanished from what we see: no list of changes says so, the count does, and everything is read at once.
#[tokio::test]
async fn l05_who_vanished_is_noticed_by_the_count() {
    let (world, engine) = World::provisioned().await;
    plan(&world, &engine, false).await;
    world.server.state().rows.get_mut(&5).expect("an account").hidden = true;
    world.server.take_asked();
    let (proposed, told) = plan(&world, &engine, false).await;
    assert!(told.contains("19 accounts") && told.contains("because the app counts 19 accounts, and 20 are known"), "{told}");
    let (full, _) = plan(&world, &engine, true).await;
    let readings = |proposed: &Proposed| proposed.proposal.open.inputs.readings.clone();
    assert_eq!((readings(&proposed), bytes(&proposed).1), (readings(&full), bytes(&full).1));
    assert!(proposed.proposal.findings.iter().any(|finding| finding.what.contains("was not seen")));
    // One gone and one come: the count is the same as before, not as what is known.
    world.server.state().rows.get_mut(&6).expect("an account").hidden = true;
    world.server.by_hand(21, &[("email", "new@acme.example")]);
    let (_, told) = plan(&world, &engine, false).await;
    assert!(told.contains("read whole because"), "{told}");
}

/// A change that the app does not date, on its first page: the list of changes is not believed.
#[tokio::test]
async fn l05_a_list_of_changes_that_is_contradicted_is_not_believed() {
    let (world, engine) = World::provisioned().await;
    plan(&world, &engine, false).await;
    world.time.pass(SignedDuration::from_mins(5));
    world.server.state().rows.get_mut(&2).expect("an account").fields.insert("title".into(), "Boss".into());
    let (proposed, told) = plan(&world, &engine, false).await;
    assert!(told.contains("account 2 is another now than the app's list of changes says"), "{told}");
    assert_eq!(proposed.proposal.open.steps.len(), 1);
}

/// An app that dates nothing is read whole each time, and its certificate says why.
#[tokio::test]
async fn l05_where_nothing_is_dated_the_certificate_says_so() {
    let mut world = World::new();
    world.manifest = &UNDATED;
    let engine = world.engine().await;
    for _ in 0..2 {
        let (_, told) = plan(&world, &engine, false).await;
        assert!(told.contains("the app does not date its accounts, so every reading is a whole one"), "{told}");
    }
    assert!(world.server.take_asked().iter().all(|asked| !asked.contains("since=")));
}

/// What somebody does to the app or the roster between two plannings.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Retitle(u64, u8),
    Rekey(u64, u8),
    Close(u64),
    Make(u8),
    Vanish(u64),
    Hire(u8),
    Fire(u8),
    Wait(u16),
    Apply,
}

pub(crate) fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (1..30_u64, any::<u8>()).prop_map(|(id, to)| Deed::Retitle(id, to)),
        (1..30_u64, 1..30_u8).prop_map(|(id, to)| Deed::Rekey(id, to)),
        (1..30_u64).prop_map(Deed::Close),
        (1..40_u8).prop_map(Deed::Make),
        (1..30_u64).prop_map(Deed::Vanish),
        (1..40_u8).prop_map(Deed::Hire),
        (1..20_u8).prop_map(Deed::Fire),
        (0..4000_u16).prop_map(Deed::Wait),
        Just(Deed::Apply),
    ]
}

/// Does one of them; the roster is written by who reads it.
pub(crate) async fn act(world: &World, engine: &Engine, people: &mut BTreeMap<u8, &'static str>, deed: Deed) {
    match deed {
        Deed::Retitle(id, to) if world.server.state().rows.contains_key(&id) => {
            world.server.by_hand(id, &[("title", &format!("T{to}"))]);
        }
        Deed::Rekey(id, to) if world.server.state().rows.contains_key(&id) => {
            world.server.by_hand(id, &[("key", &to.to_string())]);
        }
        Deed::Close(id) if world.server.state().rows.contains_key(&id) => {
            world.server.by_hand(id, &[]);
            world.server.state().rows.get_mut(&id).expect("there").active = false;
        }
        Deed::Retitle(..) | Deed::Rekey(..) | Deed::Close(_) => {}
        Deed::Make(key) => {
            let id = world.server.state().rows.keys().last().map_or(1, |last| last + 1);
            world.server.by_hand(id, &[("email", &format!("p{key}@acme.example"))]);
        }
        Deed::Vanish(id) => {
            if let Some(row) = world.server.state().rows.get_mut(&id) {
                row.hidden = true;
            }
        }
        Deed::Hire(key) => drop(people.insert(key, "active")),
        Deed::Fire(key) => drop(people.insert(key, "left")),
        Deed::Wait(seconds) => world.time.pass(SignedDuration::from_secs(i64::from(seconds))),
        Deed::Apply => {
            let proposed = world.plan(engine).await;
            if !proposed.proposal.open.steps.is_empty() {
                world.carry_out(engine, &proposed.digests[0]).await;
            }
        }
    }
}

/// The roster of these people.
pub(crate) fn write(world: &World, people: &BTreeMap<u8, &'static str>) {
    world.roster(&people.iter().map(|(key, status)| (key.to_string(), "Clerk".to_owned(), *status)).collect::<Vec<_>>());
}

async fn law(rounds: Vec<Vec<Deed>>) {
    let (world, engine) = World::provisioned().await;
    let mut people: BTreeMap<u8, &'static str> = (1..=20).map(|key| (key, "active")).collect();
    let (count, mut increments) = (rounds.len(), 0);
    let vanish = rounds.iter().flatten().any(|deed| matches!(deed, Deed::Vanish(_)));
    for deeds in rounds {
        for deed in deeds {
            act(&world, &engine, &mut people, deed).await;
        }
        write(&world, &people);
        let as_of = world.time.now();
        let mut seen = Vec::new();
        for full in [false, true] {
            let ask = Ask { as_of, full, ..world.ask() };
            let proposed = engine.propose(ask, &provost_engine::Silent).await.expect("a proposal");
            let reading = engine.store().latest_app_reading(&app()).await.expect("the store").expect("a reading");
            assert!(matches!(reading.certificate.completeness, Completeness::Complete { .. }));
            increments += usize::from(reading.certificate.increments.is_some());
            let raw = engine.store().app_raw(&app(), &reading.digest).await.expect("raw records");
            let (plans, findings) = bytes(&proposed);
            seen.push((reading.digest, plans, findings.to_vec(), raw));
        }
        assert_eq!(seen[0], seen[1]);
    }
    assert!(increments <= count && (vanish || increments == count), "{increments} of {count} were read by what changed");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Planning from increments gives the same bytes as planning anew: reading, plans, findings, raw records.
    #[test]
    fn l05_planning_from_increments_gives_the_bytes_of_planning_anew(
        rounds in prop::collection::vec(prop::collection::vec(deed(), 0..6), 1..4)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(law(rounds));
    }
}

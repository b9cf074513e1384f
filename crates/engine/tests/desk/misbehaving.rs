//! An app that fails too much is left alone for a while; a step that fails alone waits.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use model::{AuditWhat, Class, FindingKind, RunState};
use provost_engine::{AsideRule, Behaviour, Engine, EngineError, QuarantineRule, Silent};

use crate::world::{Heard, World, app};

fn minding(engine: Engine) -> Engine {
    let quarantine = BTreeMap::from([(app(), QuarantineRule::default())]);
    engine.minding(Behaviour { quarantine, aside: Some(AsideRule::default()) })
}

/// Ten failures in a row, then nothing for a quarter of an hour, then one try at a time, ever later; the first that is answered ends it.
#[tokio::test]
async fn an_app_that_fails_for_an_hour_is_left_alone_and_comes_back() {
    let (world, engine) = World::provisioned().await;
    let engine = minding(engine);
    // The log-in that is kept ends, so that every try begins with asking.
    world.server.state().life = SignedDuration::from_mins(5);
    world.time.pass(SignedDuration::from_hours(5));
    world.server.state().down = true;
    let refused = |asked: Result<_, EngineError>| match asked {
        Err(EngineError::Quarantined { why, next, since, .. }) => (why, next, since),
        other => panic!("it is in quarantine: {:?}", other.map(|_: provost_engine::Proposed| ())),
    };
    let (why, next, since) = refused(engine.propose(world.ask(), &Silent).await);
    assert!(why.starts_with("10 exchanges in a row failed; the last: the app asks to wait (500"), "{why}");
    assert!((810..=990).contains(&next.duration_since(since).as_secs()), "{since} to {next}");
    assert_eq!(world.server.state().failed, 10);

    // Another process knows it too, and asks nothing.
    let other = minding(world.engine().await);
    assert_eq!(refused(other.propose(world.ask(), &Silent).await), (why.clone(), next, since));
    assert_eq!(world.server.state().failed, 10);
    let health = engine.apps().await.expect("apps")[0].health.clone();
    let exchange = health.failing.expect("what failed").exchange;
    assert_eq!((exchange.status, exchange.path.as_str(), exchange.body.as_str()), (Some(500), "/log-in", r#"{"why":"out of order"}"#));

    for (tries, longest) in [(1, 1980), (2, 3960)] {
        world.time.pass(SignedDuration::from_secs(longest));
        let (_, next, _) = refused(engine.propose(world.ask(), &Silent).await);
        assert_eq!(world.server.state().failed, 10 + tries, "one try, without patience");
        let pause = next.duration_since(connector::Clock::now(world.time.as_ref())).as_secs();
        assert!((1600 << (tries - 1)..=(1980 << (tries - 1))).contains(&pause), "{pause}");
    }

    world.server.state().down = false;
    world.time.pass(SignedDuration::from_secs(3960));
    let heard = Heard::default();
    let proposed = engine.propose(world.ask(), &heard).await.expect("it answers again");
    assert_eq!((heard.recovered(), proposed.proposal.findings), (vec![since], Vec::new()));
    let health = engine.apps().await.expect("apps")[0].health.clone();
    assert_eq!((health.quarantine, health.in_vain, health.quarantines), (None, 0, 1));
    let noted: Vec<String> = engine
        .store()
        .audited()
        .await
        .expect("the trail")
        .into_iter()
        .map(|entry| entry.what)
        .filter(|what| what.contains("quarantine"))
        .collect();
    assert_eq!(noted, [AuditWhat::Quarantined.word(), AuditWhat::QuarantineEnded.word()]);
}

/// In the middle of a run: it stops, what was not begun waits, and nothing is done twice.
#[tokio::test]
async fn p09_a_run_into_a_failing_app_stops_and_goes_on_later() {
    let (world, engine) = World::provisioned().await;
    let engine = minding(engine);
    world.people(40);
    let digest = world.plan(&engine).await.digests[0];
    world.server.state().down = true;
    let ended = world.carry_out(&engine, &digest).await;
    assert_eq!((ended.run.state, ended.left), (RunState::Stopped, 20));
    assert!(ended.run.stopped_by.contains("is in quarantine since"), "{}", ended.run.stopped_by);
    assert!(matches!(engine.resume(&ended.run.id, &Silent).await, Err(EngineError::Quarantined { .. })));
    world.server.state().down = false;
    world.time.pass(SignedDuration::from_mins(20));
    let ended = engine.resume(&ended.run.id, &Silent).await.expect("it goes on");
    assert_eq!((ended.run.state, ended.left, ended.done), (RunState::Finished, 0, 20));
    assert_eq!(world.server.state().rows.len(), 40);
}

/// Refused day after day, it waits longer each time; changed in the roster, it is tried at once; by hand, too.
#[tokio::test]
async fn p10_what_is_refused_is_put_aside_and_tried_at_once_when_it_changes() {
    let (world, engine) = World::provisioned().await;
    let engine = minding(engine);
    world.people(21);
    world.server.state().refuses = Some("p21@acme.example");
    let mut until = None;
    for (tries, days) in [(1, 1), (2, 2), (3, 4)] {
        let proposed = world.plan(&engine).await;
        assert_eq!(proposed.proposal.open.steps.len(), 1, "its time has come: {:?}", proposed.proposal.findings);
        let ended = world.carry_out(&engine, &proposed.digests[0]).await;
        assert_eq!((ended.done, ended.other), (0, 1));
        let report = engine.report(&ended.run.id).await.expect("a report");
        assert!(report.open[0].detail.contains("put aside until"), "{}", report.open[0].detail);

        world.time.pass(SignedDuration::from_hours(1));
        let proposed = world.plan(&engine).await;
        let classes: Vec<&Class> = proposed.proposal.plans().filter(|plan| !plan.steps.is_empty()).map(|plan| &plan.class).collect();
        assert_eq!(classes, [&Class::Held("put_aside".into())], "the second plan has no unheld step");
        assert!(proposed.proposal.open.inputs.aside.is_some());
        let told: Vec<_> = proposed.proposal.findings.iter().filter(|finding| finding.kind == FindingKind::PutAside).collect();
        assert!(told.len() == 1 && told[0].what.contains("was refused") && told[0].next.contains("--retry 21"), "{told:?}");
        let aside = engine.apps().await.expect("apps")[0].put_aside.clone();
        assert_eq!((aside.len(), aside[0].tries, aside[0].until.duration_since(aside[0].last).as_hours()), (1, tries, days * 24));
        until = Some(aside[0].until);
        world.time.pass(SignedDuration::from_hours(days * 24));
    }
    // It is put aside once more, and let go by hand.
    assert!(until.is_some_and(|until| until < connector::Clock::now(world.time.as_ref())));
    let digest = world.plan(&engine).await.digests[0];
    world.carry_out(&engine, &digest).await;
    world.time.pass(SignedDuration::from_hours(1));
    assert!(world.plan(&engine).await.proposal.open.steps.is_empty());
    assert_eq!(engine.retry(&app(), Some("20")).await.expect("nobody").len(), 0);
    assert_eq!(engine.retry(&app(), Some("21")).await.expect("one").len(), 1);
    assert_eq!(world.plan(&engine).await.proposal.open.steps.len(), 1);
    let digest = world.plan(&engine).await.digests[0];
    world.carry_out(&engine, &digest).await;
    world.time.pass(SignedDuration::from_hours(1));
    assert!(world.plan(&engine).await.proposal.open.steps.is_empty());

    // Another title is another step.
    let mut people: Vec<(String, String, &str)> = (1..=21).map(|key| (key.to_string(), "Clerk".to_owned(), "active")).collect();
    people[20].1 = "Chief".to_owned();
    world.roster(&people);
    world.server.state().refuses = None;
    let proposed = world.plan(&engine).await;
    assert_eq!((proposed.proposal.open.steps.len(), proposed.proposal.held.len()), (1, 0), "{:?}", proposed.proposal.findings);
    assert_eq!(engine.apps().await.expect("apps")[0].put_aside, [], "what was put aside is no more");
    let ended = world.carry_out(&engine, &proposed.digests[0]).await;
    assert_eq!((ended.done, ended.other), (1, 0));
    world.time.pass(SignedDuration::from_hours(1));
    assert!(world.plan(&engine).await.proposal.plans().all(|plan| plan.steps.is_empty()));
}

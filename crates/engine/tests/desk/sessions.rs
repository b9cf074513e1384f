//! One session per user name: kept, renewed once and ahead of time, never fought over.

use connector::Clock;
use jiff::SignedDuration;
use model::{FindingKind, RunState};
use provost_engine::{EngineError, Silent};
use store::StoreError;

use crate::world::World;

/// A session that is kept serves process after process, until its last tenth.
#[tokio::test]
async fn a02_one_session_serves_every_process() {
    let (world, first) = World::provisioned().await;
    assert_eq!(world.server.state().log_ins.len(), 1, "planning and running took one log-in");
    drop(first);
    for _ in 0..3 {
        world.plan(&world.engine().await).await;
        world.time.pass(SignedDuration::from_mins(30));
    }
    assert_eq!(world.server.state().log_ins.len(), 1, "and so did three processes more");
    world.time.pass(SignedDuration::from_mins(140));
    world.plan(&world.engine().await).await;
    assert_eq!(world.server.state().log_ins.len(), 2, "ten minutes before its end it is renewed");
}

/// A run that outlives its token: it is renewed before it dies, once for the four calls that are under way, and nothing is refused.
#[tokio::test]
async fn a03_a_session_is_renewed_ahead_of_time_in_the_middle_of_a_run() {
    let world = World::new();
    let engine = world.engine().await;
    let digest = world.plan(&engine).await.digests[0];
    // Twenty requests of half an hour each: a run of ten hours, with tokens of four.
    world.server.state().takes = SignedDuration::from_mins(30);
    world.server.state().life = SignedDuration::from_hours(4);
    world.server.take_asked();
    let ended = world.carry_out(&engine, &digest).await;
    assert_eq!((ended.run.state, ended.done, ended.left), (RunState::Finished, 20, 0), "{ended:?}");
    let state = world.server.state();
    // Two renewals at least; what is asked beyond the twenty is asked again, because a token ended while it was under way.
    assert!((3..=4).contains(&state.log_ins.len()), "{:?}", state.log_ins);
    assert!(state.asked.len() <= 20 + 4 * state.log_ins.len(), "{:?}", state.asked);
    assert_eq!(state.rows.len(), 20, "nobody twice");
}

/// Ahead of time means before anything is refused.
#[tokio::test]
async fn a03_no_request_is_refused_for_a_token_that_died_of_age() {
    let (world, engine) = World::provisioned().await;
    let (first, until) = world.server.state().token.expect("a token");
    world.time.pass(until.duration_since(world.time.now()) - SignedDuration::from_mins(9));
    world.server.take_asked();
    world.plan(&engine).await;
    let log_ins = world.server.state().log_ins.len();
    let token = world.server.state().token.expect("a token").0;
    assert_eq!((log_ins, token), (2, first + 1));
    assert!(world.server.state().refused == 0, "no request was refused");
    assert_eq!(world.plan(&engine).await.proposal.findings, Vec::new(), "nothing to tell");
}

/// A rival once is mended and told; nothing is lost.
#[tokio::test]
async fn a02_one_early_death_is_mended_and_told() {
    let (world, engine) = World::provisioned().await;
    world.people(30);
    world.server.state().rival = Some((3, 1));
    let proposed = world.plan(&engine).await;
    let told: Vec<_> = proposed.proposal.findings.iter().filter(|finding| finding.kind == FindingKind::RivalLogIn).collect();
    assert_eq!(told.len(), 1, "{:?}", proposed.proposal.findings);
    assert!(told[0].what.contains("good for 4 h was ended after"), "{}", told[0].what);
    assert_eq!(world.server.state().log_ins.len(), 2);
    let ended = world.carry_out(&engine, &proposed.digests[0]).await;
    assert_eq!((ended.run.state, ended.done), (RunState::Finished, 10));
}

/// A rival that comes again and again ends the run at the second death; the rest waits and is done once, later.
#[tokio::test]
async fn a02_a_rival_is_not_fought_and_the_rest_of_the_run_waits() {
    let (world, engine) = World::provisioned().await;
    world.people(40);
    let digest = world.plan(&engine).await.digests[0];
    let before = world.server.state().log_ins.len();
    world.server.state().rival = Some((4, usize::MAX));
    let ended = world.carry_out(&engine, &digest).await;
    assert_eq!(ended.run.state, RunState::Stopped);
    assert!(ended.left > 0 && ended.other == 0, "{ended:?}");
    let told = &ended.run.stopped_by;
    assert!(told.contains("same user name") && told.contains("second time within an hour"), "{told}");
    assert_eq!(world.server.state().log_ins.len() - before, 1, "one log-in more, and no fight");
    let found = engine.findings().await.expect("findings").findings;
    assert!(found.iter().any(|finding| finding.kind == FindingKind::RivalLogIn), "{found:?}");
    // It goes away: what is left is done, and nothing twice.
    world.server.state().rival = None;
    world.time.pass(SignedDuration::from_mins(20));
    let ended = engine.resume(&ended.run.id, &Silent).await.expect("it goes on");
    assert_eq!((ended.run.state, ended.left), (RunState::Finished, 0));
    assert_eq!(world.server.state().rows.len(), 40);
}

/// Process after process thrown out: the fourth death within the hour is no chance any more.
#[tokio::test]
async fn a02_a_rival_is_seen_across_processes() {
    let (world, _) = World::provisioned().await;
    for round in 1..=5 {
        world.server.state().token = None;
        let planned = world.engine().await.propose(world.ask(), &Silent).await;
        match planned {
            Ok(proposed) => {
                assert!(round <= 3, "round {round}");
                assert!(proposed.proposal.findings.iter().any(|finding| finding.kind == FindingKind::RivalLogIn));
            }
            Err(EngineError::Rival { what, .. }) => {
                assert_eq!(round, 4);
                assert!(what.contains("4th time within an hour"), "{what}");
                break;
            }
            Err(other) => panic!("{other}"),
        }
        world.time.pass(SignedDuration::from_mins(10));
    }
    // Two hours later that is forgotten, and a new start is made.
    world.time.pass(SignedDuration::from_hours(2));
    assert!(world.plan(&world.engine().await).await.proposal.findings.is_empty());
}

/// What renews a session outlives its token, early death and age alike: nobody has to consent again.
#[tokio::test]
async fn what_renews_a_session_outlives_its_token() {
    let world = World::new();
    // The first log-in stands for the consent; every later one has to show what the one before it gave.
    world.server.state().consented = true;
    world.plan(&world.engine().await).await;
    // Dead before its time, in a process that had it from the store.
    world.server.state().token = None;
    world.plan(&world.engine().await).await;
    // Dead of age, while nobody ran.
    world.time.pass(SignedDuration::from_hours(9));
    world.plan(&world.engine().await).await;
    assert_eq!(world.server.state().log_ins.len(), 3);
    // A rival ends the work at once, and the next process goes on all the same.
    world.server.state().rival = Some((0, usize::MAX));
    let stopped = world.engine().await.propose(world.ask(), &Silent).await.expect_err("a rival");
    assert!(matches!(stopped, EngineError::Rival { .. }), "{stopped}");
    world.server.state().rival = None;
    world.plan(&world.engine().await).await;
    assert_eq!(world.server.state().log_ins.len(), 5);
}

/// While one process works on an app another is told who does, and takes no token.
#[tokio::test]
async fn f12_the_second_process_is_told_who_works_and_takes_no_token() {
    let (world, engine) = World::provisioned().await;
    let log_ins = world.server.state().log_ins.len();
    let until = world.time.now() + SignedDuration::from_mins(15);
    engine
        .store()
        .lease(&crate::world::app(), "there/2/y", world.time.now(), SignedDuration::from_mins(15), |_| false)
        .await
        .expect("a lease");
    world.server.take_asked();
    let refused = engine.propose(world.ask(), &Silent).await.expect_err("it is leased");
    assert!(
        matches!(&refused, EngineError::Store(StoreError::Leased { owner, until: told, .. }) if owner == "there/2/y" && *told == until),
        "{refused}"
    );
    assert_eq!((world.server.take_asked(), world.server.state().log_ins.len()), (Vec::new(), log_ins));
}

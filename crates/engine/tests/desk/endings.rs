//! Until when a stopped run goes on.

use jiff::SignedDuration;
use model::RunState;
use provost_engine::{EngineError, Silent};

use crate::world::World;

/// The rest of a run is done under the same yes for as long as a yes counts, and planned anew after that.
#[tokio::test]
async fn p03_a_stopped_run_is_resumed_no_longer_than_a_yes_counts() {
    let (world, engine) = World::provisioned().await;
    world.people(40);
    let digest = world.plan(&engine).await.digests[0];
    world.server.state().rival = Some((4, usize::MAX));
    let ended = world.carry_out(&engine, &digest).await;
    assert_eq!(ended.run.state, RunState::Stopped);
    let left = ended.left;
    world.time.pass(SignedDuration::from_hours(23));
    let ended = engine.resume(&ended.run.id, &Silent).await.expect("within the day it goes on");
    assert!(ended.left > 0 && ended.left < left, "{ended:?}");
    world.server.state().rival = None;
    world.server.take_asked();
    world.time.pass(SignedDuration::from_hours(2));
    let late = engine.resume(&ended.run.id, &Silent).await.expect_err("a day and an hour");
    assert!(matches!(&late, EngineError::TooLate { run, .. } if *run == ended.run.id), "{late}");
    assert!(late.to_string().contains("provost plan"), "{late}");
    assert_eq!(world.server.take_asked(), Vec::<String>::new(), "nothing was asked or done");
    // Planning looks at what is there, and the rest is done once.
    let digest = world.plan(&engine).await.digests[0];
    let ended = world.carry_out(&engine, &digest).await;
    assert_eq!((ended.run.state, ended.left, world.server.state().rows.len()), (RunState::Finished, 0, 40));
}

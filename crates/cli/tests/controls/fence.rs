//! A process that lost its turn goes on after somebody else finished its run: the fence stops it; without the fence it does old things
//! over what was done since.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::{Ask, Silent};
use http::Method;
use model::{Actor, Proof, RunState, Verdict};
use store::sabotage::{Off, turn_off, turn_on};

use crate::alone;
use crate::company::ROSTER;
use crate::rig::{Director, Exchange, StoreAt};
use crate::story::{HEADER, Place, Story};

/// The answer to Lessonly's first write takes an hour: longer than a turn lasts.
#[derive(Default)]
struct Stalls(AtomicBool);

impl Director for Stalls {
    fn latency(&self, exchange: &Exchange) -> (Duration, Duration) {
        let (there, usual) = (Duration::from_millis(20), Duration::from_millis(20));
        let writes = exchange.app == "lessonly" && exchange.method != Method::GET;
        (there, if writes && !self.0.swap(true, Ordering::SeqCst) { Duration::from_secs(3600) } else { usual })
    }
}

fn somebody() -> Actor {
    Actor { name: "ada".to_owned(), proof: Proof::Unauthenticated }
}

/// The run stalls; a quarter of an hour later somebody resumes it to its end, Eve comes back and is let in again; then it wakes up.  What
/// the checker finds.
fn overtaken() -> Vec<String> {
    let story = Story::new(Place { profile: "guide", store: StoreAt::File });
    let world = &story.world;
    let planned = world.plan().done().expect("a plan");
    let digest = planned.digests[0];
    world.note_applied(&digest);
    world.approve(&digest).done().expect("approved");
    world.direct(Arc::new(Stalls::default()));
    let agenda = Arc::clone(&world.shared.agenda);
    let (first, other) = world
        .live(async |engine| {
            let stalls = engine.execute(&digest, &Silent);
            let overtakes = async {
                agenda.wait(Duration::from_secs(16 * 60)).await;
                let run = engine.store().unfinished_runs().await.expect("the store is read").remove(0);
                let resumed = engine.resume(&run.id, &Silent).await.expect("its turn is over, and another begins");
                assert_eq!((resumed.run.state, resumed.left), (RunState::Finished, 0), "{resumed:?}");
                let back = ROSTER.replace("terminated,1990-12-01,1997-12-31", "active,1990-12-01,");
                assert_ne!(back, ROSTER);
                world.roster(&format!("{HEADER}{back}"));
                let ask = Ask { as_of: world.as_of(), only: None, full: false, asker: somebody() };
                let again = engine.propose(ask, &Silent).await.expect("a second plan");
                world.keep_plans(&again);
                world.note_applied(&again.digests[0]);
                engine.decide(&again.digests[0], Verdict::Yes, somebody()).await.expect("approved");
                let done = engine.execute(&again.digests[0], &Silent).await.expect("carried out");
                assert_eq!((done.run.state, done.other, done.left), (RunState::Finished, 0, 0), "{done:?}");
                [run.id, done.run.id]
            };
            tokio::join!(stalls, overtakes)
        })
        .done();
    let said = format!("{first:?}");
    eprintln!("what woke up: {}", &said[..said.len().min(300)]);
    for run in &other {
        world.keep_report(run);
    }
    story.judged()
}

#[test]
fn f12_who_lost_its_turn_does_nothing_any_more_and_without_the_fence_it_would() {
    let _alone = alone();
    assert_eq!(overtaken(), [] as [String; 0], "with the fence");
    turn_off(Off::Fence);
    let found = overtaken().join("\n");
    turn_on(Off::Fence);
    assert!(found.contains("done_twice") || found.contains("inactive_account"), "without the fence nobody finds anything: {found}");
}

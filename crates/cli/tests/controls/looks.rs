//! A connector that does not look before it writes, and one that does not look afterwards.

use std::sync::Arc;

use vendors::sabotage::{Off, turn_off, turn_on};

use crate::alone;
use crate::rig::StoreAt;
use crate::saboteur::{Deed, Saboteur, Strike};
use crate::story::{Place, Story};

/// With it off, the requests of the story are struck one after the other, each in a world of its own, until the checker finds this
/// violation.  With it on the sweep over all of them finds nothing: `crates/cli/tests/sweeps/points.rs`.
fn is_missed(what: Off, deed: Deed, violation: &str) {
    let _alone = alone();
    let place = Place { profile: "guide", store: StoreAt::File };
    let counting = Arc::new(Saboteur::default());
    Story::new(place).told(counting.clone()).expect("nothing was done");
    let (calls, _) = counting.counted();
    turn_off(what);
    let found = (1..=calls).find(|at| {
        let story = Story::new(place);
        let told = story.told(Arc::new(Saboteur::new(Some(Strike { deed, at: *at..=*at }))));
        told.is_err() && story.judged().iter().any(|line| line.contains(violation))
    });
    turn_on(what);
    assert!(found.is_some(), "with {what:?} off nobody finds {violation}");
    eprintln!("{what:?} off: {violation} where request {} of {calls} is struck", found.unwrap_or_default());
}

#[test]
fn p06_without_the_look_afterwards_what_was_lost_is_taken_for_done() {
    is_missed(Off::LookAfter, Deed::RequestLost, "no_effect");
}

#[test]
fn p05_without_the_look_before_what_was_done_is_done_again() {
    is_missed(Off::LookBefore, Deed::CrashAfterCall, "done_twice");
}

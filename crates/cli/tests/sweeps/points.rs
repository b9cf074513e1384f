//! Every request and every commit of the story, with everything that can be done to it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::rig::StoreAt;
use crate::saboteur::{Deed, Saboteur, Strike};
use crate::story::{Place, Story};

/// How many requests and commits the story takes when nothing goes wrong.
fn clean(place: Place) -> (u64, u64) {
    let saboteur = Arc::new(Saboteur::default());
    Story::new(place).told(saboteur.clone()).unwrap_or_else(|wrong| panic!("{place:?}, and nothing was done: {wrong}"));
    saboteur.counted()
}

/// All strikes of these lengths at a story.
fn strikes(place: Place, lengths: &[u64]) -> Vec<Strike> {
    let (calls, commits) = clean(place);
    assert!(calls > 50 && commits > 20, "{calls} requests, {commits} commits");
    let of = |deeds: &[Deed], count: u64| -> Vec<Strike> {
        let at = |deed: Deed, length: u64| (1..=count).map(move |first| Strike { deed, at: first..=first + length - 1 });
        deeds.iter().flat_map(|deed| lengths.iter().flat_map(move |length| at(*deed, *length))).collect()
    };
    [of(&Deed::OF_CALLS, calls), of(&Deed::OF_COMMITS, commits)].concat()
}

/// Tells the story once for each strike; what went wrong, in words, and by which deeds steps were handed to a person.
fn sweep(place: Place, strikes: &[Strike]) -> (Vec<String>, Vec<Strike>) {
    let (next, wrong, handed) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            threads.spawn(|| {
                while let Some(strike) = strikes.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let told = std::panic::catch_unwind(|| Story::new(place).told(Arc::new(Saboteur::new(Some(strike.clone())))));
                    let told = told.unwrap_or_else(|_| Err("it panicked; what it said stands above".to_owned()));
                    if told.as_ref().is_ok_and(|steps| *steps > 0) {
                        handed.lock().expect("nobody panics here").push(strike.clone());
                    }
                    if let Err(what) = told {
                        let lines: Vec<&str> = what.lines().take(6).collect();
                        wrong.lock().expect("nobody panics here").push(format!("{place:?} {strike:?}: {}", lines.join("\n    ")));
                    }
                }
            });
        }
    });
    let of = "nobody panics here";
    (wrong.into_inner().expect(of), handed.into_inner().expect(of))
}

fn judged(place: Place, strikes: &[Strike]) {
    let begun = std::time::Instant::now();
    let (wrong, handed) = sweep(place, strikes);
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for strike in strikes {
        *counted.entry(format!("{:?} ×{}", strike.deed, strike.at.clone().count())).or_default() += 1;
    }
    let (points, seconds) = (strikes.len(), begun.elapsed().as_secs());
    eprintln!("{place:?}: {points} points, {} wrong, {} handed to a person, {seconds} s: {counted:?}", wrong.len(), handed.len());
    assert!(wrong.is_empty(), "{} of {} went wrong:\n{}", wrong.len(), strikes.len(), wrong.join("\n"));
    // Of one fault, only a request that got lost on its way leaves it open for good whether something was made that could be made twice.
    let wrongly: Vec<&Strike> =
        handed.iter().filter(|strike| strike.at.clone().count() == 1 && strike.deed != Deed::RequestLost).collect();
    assert!(wrongly.is_empty(), "nobody need have been asked: {wrongly:?}");
}

/// In the tests, once at every point where the apps answer as the guides say, and at every twelfth where they answer as the vendors' own
/// documents do, both on SQLite.  `cargo xtask soak sweeps` sets `PROVOST_TEST_PLACES` to all profiles and databases and
/// `PROVOST_TEST_LENGTHS` to all lengths.
#[test]
fn p06_p09_whatever_fails_or_dies_at_whatever_point_nothing_is_lost_or_doubled() {
    let lengths = std::env::var("PROVOST_TEST_LENGTHS").unwrap_or_else(|_| "1".to_owned());
    let lengths: Vec<u64> = lengths.split(',').map(|text| text.parse().expect("PROVOST_TEST_LENGTHS: whole numbers")).collect();
    let places = std::env::var("PROVOST_TEST_PLACES").unwrap_or_else(|_| "guide/file,vendor/file/12".to_owned());
    for place in places.split(',') {
        let mut words = place.split('/');
        let profile = match words.next() {
            Some("guide") => "guide",
            Some("vendor") => "vendor",
            _ => panic!("PROVOST_TEST_PLACES: {place:?} is no place"),
        };
        let store = if words.next() == Some("postgres") { StoreAt::Postgres } else { StoreAt::File };
        let every: usize = words.next().map_or(1, |text| text.parse().expect("PROVOST_TEST_PLACES: every nth point"));
        let place = Place { profile, store };
        let strikes: Vec<Strike> = strikes(place, &lengths).into_iter().step_by(every).collect();
        judged(place, &strikes);
    }
}

/// A soak tells thousands of stories in one process: the ledgers of those that are over must not stay open.
#[test]
fn what_a_story_held_goes_with_it() {
    let story = Story::new(Place { profile: "guide", store: StoreAt::File });
    let shared = Arc::downgrade(&story.world.shared);
    let told = story.told(Arc::new(Saboteur::new(Some(Strike { deed: Deed::CrashAfterCommit, at: 3..=5 }))));
    assert_eq!(told, Ok(0));
    drop(story);
    assert!(shared.upgrade().is_none(), "something still holds the world");
}

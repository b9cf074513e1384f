//! Seeds: many of them hold, each is the same again, and one that does not hold is told with the command that shows it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::story::{Told, tell};

/// Seeds that once broke something, each with a word why.
const REGRESSIONS: &str = include_str!("regressions.txt");

/// Threads that tell stories, for each core: a story waits for its database's thread now and then, and on a shared machine for its turn.
const THREADS_FOR_EACH_CORE: usize = 4;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}; it has to be a number")))
}

/// Tells a story; whatever breaks or panics in it is told with its seed.
fn held(seed: u64) -> Result<Told, String> {
    let told = std::panic::catch_unwind(|| tell(seed)).map_err(|panic| {
        let why = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        format!("seed {seed}: a panic: {}\n  {}", why.unwrap_or_default(), command(seed))
    })?;
    if told.broken.is_empty() {
        return Ok(told);
    }
    let broken: Vec<String> = told.broken.iter().take(5).map(|broken| format!("  {}: {}", broken.promise, broken.what)).collect();
    Err(format!("seed {seed}:\n{}\n  {}", broken.join("\n"), command(seed)))
}

fn command(seed: u64) -> String {
    format!("PROVOST_SIM_SEED={seed} cargo test -p provost-cli --test simulation replay -- --nocapture")
}

/// Tells the stories of many seeds on a few threads, until they are told or the time is over.
fn many(from: u64, to: u64, within: Duration) {
    let (next, events, effects, crashes, told) =
        (AtomicU64::new(from), AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let broken = std::sync::Mutex::new(Vec::new());
    let began = Instant::now();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores * THREADS_FOR_EACH_CORE {
            scope.spawn(|| {
                while began.elapsed() < within {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= to {
                        break;
                    }
                    match held(seed) {
                        Ok(one) => {
                            events.fetch_add(one.events, Ordering::Relaxed);
                            effects.fetch_add(one.effects, Ordering::Relaxed);
                            crashes.fetch_add(one.crashes as u64, Ordering::Relaxed);
                        }
                        Err(why) => broken.lock().expect("no thread panics with it").push(why),
                    }
                    told.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let (told, seconds) = (told.into_inner(), began.elapsed().as_secs_f64());
    println!(
        "{told} seeds from {from} in {seconds:.0} s ({:.1} a second): {} events, {} effects, {} crashes",
        told as f64 / seconds,
        events.into_inner(),
        effects.into_inner(),
        crashes.into_inner()
    );
    let broken = broken.into_inner().expect("no thread panics with it");
    assert!(broken.is_empty(), "{} seeds broke a promise:\n{}", broken.len(), broken.join("\n"));
    assert!(told > 0, "no seed was told");
}

/// P1, P4 to P10, after every event of every story.  `PROVOST_SIM_FROM`, `PROVOST_SIM_SEEDS` and `PROVOST_SIM_SECONDS` ask for others, or more.
#[test]
fn p04_to_p10_hold_after_every_event_of_random_stories() {
    let from = number("PROVOST_SIM_FROM").unwrap_or(0);
    let seeds = number("PROVOST_SIM_SEEDS").unwrap_or(1000);
    // Where nobody asks for so many seeds, as many as there is time for: what a test run may cost.
    many(from, from + seeds, Duration::from_secs(number("PROVOST_SIM_SECONDS").unwrap_or(60)));
}

#[test]
fn the_same_seed_gives_the_same_trace_twice() {
    for seed in [1, 2, 3, 5, 8] {
        let (one, other) = (tell(seed).trace, tell(seed).trace);
        assert!(one.len() > 100, "seed {seed} has a short story");
        if let Some(at) = (0..one.len().max(other.len())).find(|at| one.get(*at) != other.get(*at)) {
            panic!("seed {seed} differs at line {at}:\n{:?}\n{:?}", one.get(at), other.get(at));
        }
    }
}

#[test]
fn seeds_that_once_broke_something_hold() {
    for line in REGRESSIONS.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (seed, why) = line.split_once(' ').unwrap_or_else(|| panic!("{line:?} says no word why"));
        let seed = seed.parse().unwrap_or_else(|_| panic!("{line:?} does not begin with a seed"));
        if let Err(broken) = held(seed) {
            panic!("it broke once by: {why}; {broken}");
        }
    }
}

/// Shows one story: `PROVOST_SIM_SEED=N cargo test -p provost-cli --test simulation replay -- --nocapture`.
#[test]
fn replay() {
    let seed = number("PROVOST_SIM_SEED").unwrap_or(0);
    let told = tell(seed);
    if std::env::var_os("PROVOST_SIM_SEED").is_some() {
        told.trace.iter().for_each(|line| println!("{line}"));
    }
    assert_eq!(told.broken, [], "{}", command(seed));
}

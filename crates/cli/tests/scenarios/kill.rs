//! The process is killed (SIGKILL) right before and right after each commit of its store, in the middle of a plan with steps of every
//! kind; what it leaves is resumed.  Nothing is lost and nothing is done twice (P9).

use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::every_verb::company;
use crate::world::{Said, Setup, World, by, profile};

/// How many worlds are under way at once: they wait for late effects most of the time.
const AT_ONCE: usize = 6;
/// How often a run is resumed before the test gives up.
const RESUMES: usize = 5;

/// How the shell would call a process that ended by a signal.
fn was_killed(said: &Said) -> bool {
    said.code == -1
}

/// Goes on, as a person would: the plan is applied when no run of it is there, and whatever is not finished is resumed.
pub(crate) fn go_on(world: &mut World, file: &str, told: &str) {
    for _ in 0..RESUMES {
        let runs = world.provost(&["runs", "--format", "json"]).json();
        let state = runs["runs"].as_array().and_then(|runs| runs.first()).map(|run| run["state"].clone());
        let said = match state.as_ref().and_then(|state| state.as_str()) {
            Some("finished") => return,
            Some(_) => world.provost(&["resume"]),
            None => world.provost(&["apply", file, "--yes"]),
        };
        assert_eq!(said.code, 0, "{told}: {said:?}");
    }
    panic!("{told}: the run does not end");
}

/// One world, killed at one commit of `apply`; whether it was, or had ended before.
fn killed_at(side: &str, commit: u64) -> bool {
    let told = format!("kill-{side}:{commit}");
    let (mut world, bases) = company(Setup::default());
    let planned = world.plan();
    let file = planned.open_file.display().to_string();
    let said = world.provost_with("PROVOST_SABOTAGE", &told, &["apply", &file, "--yes"]);
    let killed = was_killed(&said);
    assert!(killed || said.code == 0, "{told}: {said:?}");
    go_on(&mut world, &file, &told);
    world.note_applied(&planned.open_file);
    let report = world.keep_report();
    assert_eq!(report["open"].as_array().map(Vec::len), Some(0), "{told}: {report:#}");
    let second = world.plan();
    assert!(second.steps().is_empty() && second.held.is_empty(), "{told}: {:?}", second.said);
    let mut words: Vec<&str> = bases.iter().map(String::as_str).collect();
    words.push("--expect-complete");
    world.check(&words);
    killed
}

/// Every commit of one side, until a run ends before it comes to that many; how many there were.
fn every_commit(side: &str) -> u64 {
    let (next, last) = (AtomicU64::new(1), AtomicU64::new(u64::MAX));
    std::thread::scope(|threads| {
        for _ in 0..AT_ONCE {
            threads.spawn(|| {
                loop {
                    let commit = next.fetch_add(1, Ordering::SeqCst);
                    if commit >= last.load(Ordering::SeqCst) {
                        return;
                    }
                    if !killed_at(side, commit) {
                        last.fetch_min(commit, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    last.load(Ordering::SeqCst) - 1
}

/// After each commit where the apps answer as the guides say, before each where they answer as the vendors' documents do; with
/// `PROVOST_TEST_ALL` (`cargo xtask soak kill`) both.
#[test]
fn p09_killed_at_every_commit_and_resumed_nothing_is_lost_or_doubled() {
    let all = std::env::var_os("PROVOST_TEST_ALL").is_some();
    for side in ["after", "before"].into_iter().filter(|side| all || *side == by("after", "before")) {
        let commits = every_commit(side);
        assert!(commits >= 20, "a plan with steps of every kind has more commits than {commits}");
        eprintln!("{}: killed {side} each of {commits} commits", profile());
    }
}

/// So many people, everybody new on day one; on day two everybody gets another title, some move and some leave.
fn crowd(day: usize) -> String {
    let row = |n: usize| {
        let moves = day == 2 && n.is_multiple_of(3);
        let department = if moves { "Sales" } else { "Development" };
        let (status, ends) = if day == 2 && n.is_multiple_of(10) { ("terminated", "1998-01-01") } else { ("active", "") };
        let manager = if n == 1 { String::new() } else { (n / 10 + 1).to_string() };
        format!("{n},P{n},Person,p{n}@acme.example,Engineer {day},{department},{manager},{status},1997-12-01,{ends}\n")
    };
    (1..=80).map(row).collect()
}

/// Carries the plan out, killed again and again at one of the first `within` commits of each process, as chance says; how many kills and
/// steps that were.
fn killed_at_random(world: &mut World, chance: &mut StdRng, within: u64) -> (usize, usize) {
    let planned = world.plan();
    let file = planned.open_file.display().to_string();
    let mut kills = 0;
    loop {
        let at = format!("kill-{}:{}", if chance.random_bool(0.5) { "before" } else { "after" }, chance.random_range(1..=within));
        let runs = world.provost(&["runs", "--format", "json"]).json();
        let begun = runs["runs"].as_array().is_some_and(|runs| runs.iter().any(|run| run["state"] != "finished"));
        let args: &[&str] = if begun { &["resume"] } else { &["apply", &file, "--yes"] };
        let said = world.provost_with("PROVOST_SABOTAGE", &at, args);
        if was_killed(&said) {
            kills += 1;
            assert!(kills < 500, "{at}: the run does not end");
        } else if said.code == 0 || said.err.contains("already") {
            break;
        } else {
            panic!("{at}: {said:?}");
        }
    }
    world.note_applied(&planned.open_file);
    let report = world.keep_report();
    assert_eq!(report["state"], "finished", "{report:#}");
    let second = world.plan();
    assert!(second.steps().is_empty() && second.held.is_empty(), "{:?}", second.said);
    (kills, planned.steps().len())
}

/// One company over two days; `PROVOST_TEST_STEPS` and `PROVOST_TEST_KILLS` ask for more, which `cargo xtask soak kill` does.
#[test]
fn p09_killed_at_random_again_and_again_nothing_is_lost_or_doubled() {
    let asked = |variable: &str| std::env::var(variable).map_or(1, |text| text.parse().expect("a whole number"));
    let (steps, kills) = (asked("PROVOST_TEST_STEPS"), asked("PROVOST_TEST_KILLS"));
    // Each kill costs the time that late effects are waited for: a few where nobody asked for many.
    let within = if kills > 1 { 40 } else { 120 };
    let (mut done, mut killed, mut companies) = (0, 0, 0);
    while done < steps || killed < kills {
        companies += 1;
        let mut chance = StdRng::seed_from_u64(companies);
        let mut world = World::new(Setup::default());
        for day in [1, 2] {
            world.roster(&crowd(day));
            let (more, also) = killed_at_random(&mut world, &mut chance, within);
            (killed, done) = (killed + more, done + also);
            world.later();
        }
        world.check(&["--expect-complete"]);
    }
    eprintln!("{}: {companies} companies, {done} steps, {killed} kills at random commits", profile());
}

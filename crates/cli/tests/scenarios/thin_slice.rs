//! The thin slice: one joiner, plan → approve → apply → killed in the middle → resume → report → second plan empty.

use std::time::{Duration, Instant};

use crate::world::{Setup, World};

const JOINER: &str = "1,Ada,Lovelace,ada.lovelace@acme.example,Engineer,Development,,active,1997-12-01,\n";

#[test]
fn one_joiner_from_plan_to_an_empty_second_plan() {
    let mut world = World::new(Setup::default());
    world.roster(JOINER);
    let planned = world.plan();
    assert_eq!((planned.count("lessonly", "create"), planned.count("absorb", "create")), (1, 1), "{}", planned.said.out);
    assert_eq!(world.lessonly_user("ada.lovelace@acme.example"), None, "planning writes nothing");
    let digest = planned.said.out.clone();
    let file = planned.open_file.display().to_string();
    let approved = world.provost(&["approve", &file]);
    assert_eq!(approved.code, 0, "{approved:?} {digest}");
    let applied = world.provost(&["apply", &file]);
    assert_eq!(applied.code, 0, "{applied:?}");
    world.note_applied(&planned.open_file);
    let report = world.keep_report();
    assert_eq!(report["state"], "finished", "{report}");
    assert_eq!(world.lessonly_user("ada.lovelace@acme.example").expect("she is there")["ext_uid"], "1");
    assert_eq!(world.absorb_user("ada.lovelace@acme.example").expect("she is there")["externalId"], "1");
    assert!(world.plan().steps().is_empty(), "nothing is left to do");
    world.check(&["--expect-complete"]);
}

#[test]
fn f03_p03_a_yes_counts_for_one_run_of_the_very_same_bytes() {
    let mut world = World::new(Setup::default());
    world.roster(JOINER);
    let planned = world.plan();
    let file = planned.open_file.display().to_string();
    world.apply(&planned.open_file);
    let again = world.provost(&["apply", &file, "--yes"]);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.err.contains("already"), "{}", again.err);
    let edited = world.read("plan1.json").replace("Ada", "Eve");
    world.write("edited.json", &edited);
    let refused = world.provost(&["apply", "edited.json", "--yes"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert_eq!(world.lessonly.users().iter().filter(|user| user["role"] != "admin").count(), 1);
    world.check(&["--expect-complete"]);
}

/// Kills the process again and again in the middle of one run of eighty people, and resumes it to its end.
#[test]
fn p09_killed_in_the_middle_and_resumed_nothing_is_lost_or_doubled() {
    let mut world = World::new(Setup::default());
    let rows: String =
        (1..=80).map(|n| format!("{n},P{n},Person,p{n}@acme.example,Engineer,Development,,active,1997-12-01,\n")).collect();
    world.roster(&rows);
    let planned = world.plan();
    let file = planned.open_file.display().to_string();
    assert_eq!(world.provost(&["approve", &file]).code, 0);
    world.note_applied(&planned.open_file);
    let writes =
        |world: &World| world.read("lessonly.ledger.jsonl").lines().count() + world.read("absorb.ledger.jsonl").lines().count();
    let begun = writes(&world);
    let mut kills = 0;
    let mut args = vec!["apply", file.as_str()];
    loop {
        let mut child = world.provost_spawn(&args);
        let (from, since) = (writes(&world), Instant::now());
        // Let it get some writes further, each time a few more, then kill it.
        let ended = loop {
            if let Some(status) = child.try_wait().expect("the child can be asked") {
                break Some(status);
            }
            if writes(&world) >= from + 5 + 3 * kills && kills < 8 {
                break None;
            }
            assert!(since.elapsed() < Duration::from_secs(120), "the run hangs");
            std::thread::sleep(Duration::from_millis(1));
        };
        args = vec!["resume", "latest"];
        match ended {
            Some(status) => {
                assert!(status.success(), "{status}");
                break;
            }
            None => {
                child.kill().expect("it can be killed");
                child.wait().expect("it is gone");
                kills += 1;
            }
        }
    }
    assert!(kills >= 2 && writes(&world) > begun, "it was killed {kills} times");
    let report = world.keep_report();
    assert_eq!(report["state"], "finished", "{report}");
    assert!(world.plan().steps().is_empty(), "nothing is left to do");
    world.check(&["--expect-complete"]);
}

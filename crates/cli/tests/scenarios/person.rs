//! A plan for one person: nobody else is touched, also when reading (P4).

use serde_json::Value;

use crate::world::{Setup, World, by, steps};

fn rows(title: &str, more: &str) -> String {
    let row = |n: u32| {
        let title = if n == 7 || n == 8 { title } else { "Clerk" };
        let manager = if n == 1 { String::new() } else { "1".to_owned() };
        format!("{n},P{n},Person,p{n}@acme.example,{title},Sales,{manager},active,1997-12-01,\n")
    };
    (1..=60).map(row).collect::<String>() + more
}

/// What an app was asked since so many lines of its access log: method and path.
fn asked(world: &World, app: &str, since: usize) -> Vec<String> {
    let log = world.read(&format!("{app}.access.jsonl"));
    let line = |line: &str| -> String {
        let line: Value = serde_json::from_str(line).expect("a line of the access log");
        format!("{} {}", line["method"].as_str().expect("a method"), line["path"].as_str().expect("a path"))
    };
    log.lines().skip(since).map(line).collect()
}

fn lines(world: &World, app: &str) -> usize {
    world.read(&format!("{app}.access.jsonl")).lines().count()
}

/// The steps of a plan for somebody, without what names the plan itself.
fn deeds(plan: &Value, key: &str) -> Vec<String> {
    let own = steps(plan).iter().filter(|step| step["person"] == key);
    own.map(|step| format!("{} {} {} {}", step["app"], step["verb"], step["account"], step["set"])).collect()
}

#[test]
fn the_plan_for_one_person_reads_one_person() {
    let mut world = World::new(Setup::default());
    world.roster(&rows("Clerk", ""));
    world.carry_out();
    // Two are promoted and one is hired; a plan for one of the two, and for the one.
    world.roster(&rows("Manager", "99,New,Person,p99@acme.example,Clerk,Sales,1,active,1997-12-20,\n"));
    for (key, said) in [("7", "update"), ("99", "create")] {
        let before = ["lessonly", "absorb"].map(|app| lines(&world, app));
        let file = format!("only{key}.json");
        let planned = world.provost(&["plan", "--person", key, "-o", &file]);
        assert!(planned.code == 0 || planned.code == 2, "{planned:?}");
        let absorb = asked(&world, "absorb", before[1]);
        let users: Vec<&String> = absorb.iter().filter(|line| line.contains("/users")).collect();
        // Own and supervisor's account, who has the key, the address or the user name, in what the account is enrolled; and the probe.
        assert!((4..=9).contains(&users.len()), "{users:?}");
        assert!(users.iter().all(|line| !line.contains("_sort=")), "no list of everybody: {users:?}");
        let lessonly = asked(&world, "lessonly", before[0]);
        // Logging in may look at one user, to tell the profile.
        let is_whole = |line: &&String| line.contains("/users?page=") && !line.contains("filter") && !line.ends_with("per_page=1");
        let whole = lessonly.iter().filter(is_whole).count();
        let why = "app.lessonly: read as for everybody, though only some people are named, because it cannot be asked for accounts by";
        assert_eq!((whole == 0, planned.err.contains(why)), (by(false, true), by(true, false)), "{lessonly:?} {}", planned.err);
        assert!(planned.err.contains("for the people who are named"), "{}", planned.err);
        let only: Value = serde_json::from_str(&world.read(&file)).expect("a plan is JSON");
        assert!(steps(&only).iter().all(|step| step["person"] == key), "{only}");
        for app in ["lessonly", "absorb"] {
            assert!(steps(&only).iter().any(|step| step["app"] == app && step["verb"] == said), "{only}");
        }
        // The plan for everybody has the same for them, and the steps of others too.
        let all = world.plan();
        assert_eq!(deeds(&only, key), deeds(&all.open, key));
        assert!(all.steps().len() > steps(&only).len());
    }
    // What was planned so is carried out so.
    let applied = world.provost(&["apply", "only7.json", "--yes"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert!(world.plan().steps().iter().all(|step| step["person"] != "7"));
}

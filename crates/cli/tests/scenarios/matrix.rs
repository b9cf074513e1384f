//! The history under faults: a company of some 780 people over a year, in both profiles and on both databases, with every kind of fault on
//! one request in twenty.  Whatever went wrong, everything is done once, the end is the same everywhere, and nothing is left to do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::history::{DEPARTMENTS, file, noon, rows};
use crate::world::{Setup, Store, World};

/// One request in twenty, all kinds alike.
const FAULTS: &str = "429=0.35%, throttle=0.35%, 500-before=0.35%, 500-after=0.35%, 500-late:1s=0.35%, reset-before=0.35%, reset-after=0.35%, \
                      reset-late:1s=0.35%, html-before=0.35%, html-after=0.35%, slow:200ms=0.35%, truncated=0.35%, garbled=0.35%, moved=0.35%, \
                      redirect=0.1%, clock=+90s, seed=11";
/// What only Absorb has.
const RIVAL: &str = "rival=0.1%";
/// How often a run that stopped is resumed before the test gives up.
const RESUMES: usize = 200;

/// Every `nth` person of a day; who reports to somebody else reports to nobody.
fn company(day: usize, nth: u32) -> String {
    let rows = rows(day);
    let here: BTreeSet<u32> = rows.keys().copied().filter(|key| key % nth == 0).collect();
    let lines = here.iter().map(|key| {
        let mut cells: Vec<&str> = rows[key].split(',').collect();
        if !cells[6].parse().is_ok_and(|manager: u32| here.contains(&manager)) {
            cells[6] = "";
        }
        cells.join(",")
    });
    file(lines.collect::<Vec<_>>().iter().map(String::as_str))
}

/// Plans, carries out, resumes whatever stopped, and plans again until nothing is left; how many runs it took.
fn carry_out(world: &mut World, told: &str) -> usize {
    for round in 1.. {
        let planned = world.plan();
        assert!(planned.held.is_empty(), "{told}: no guard is configured: {:?}", planned.said);
        if planned.steps().is_empty() {
            return round - 1;
        }
        assert!(round < 4, "{told}: round {round} still has {} steps: {:?}", planned.steps().len(), planned.steps().first());
        let path = planned.open_file.display().to_string();
        let latest = |world: &World| {
            let told = world.provost(&["report", "latest", "--format", "json"]);
            // A report of a run that has something open ends with 2; before the first run there is none.
            if told.out.is_empty() { Value::Null } else { told.json() }
        };
        let before = latest(world)["run"].clone();
        let mut said = world.provost(&["apply", &path, "--yes"]);
        for _ in 0..RESUMES {
            let run = latest(world);
            // Where no connection came about, no run began: the last one is that of an earlier plan.
            said = if run["run"] == before {
                world.provost(&["apply", &path, "--yes"])
            } else if run["state"] == "finished" {
                break;
            } else {
                world.provost(&["resume", "latest"])
            };
        }
        world.note_applied(&planned.open_file);
        let report = world.keep_report();
        assert_eq!(report["state"], "finished", "{told}: the last word was {said:?}");
        let open = report["open"].as_array().expect("a list of what is not done");
        assert!(open.is_empty(), "{told}: faults of the wire leave nothing undone: {open:#?}");
    }
    unreachable!("the rounds end")
}

/// What people have in both apps in the end, without ids and times, which are each world's own.
fn end(world: &World) -> BTreeMap<String, Vec<String>> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut end: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let groups: BTreeMap<String, String> =
        world.lessonly.groups().iter().map(|group| (group["id"].to_string(), text(&group["name"]))).collect();
    for user in world.lessonly.users() {
        let members = ["name", "email", "ext_uid", "job_title", "department", "role"].map(|name| text(&user[name]));
        let mut of: Vec<&str> = user["group_ids"].as_array().into_iter().flatten().map(|id| groups[&id.to_string()].as_str()).collect();
        of.sort_unstable();
        end.entry(text(&user["email"])).or_default().push(format!("{members:?} {} {of:?}", user["archived_at"].is_null()));
    }
    let users = world.absorb.users();
    let key = |id: &Value| users.iter().find(|user| user["id"] == *id).map(|user| text(&user["externalId"])).unwrap_or_default();
    let departments: BTreeMap<String, String> =
        world.absorb.departments().iter().map(|one| (text(&one["id"]), text(&one["name"]))).collect();
    for user in &users {
        let members = ["firstName", "lastName", "username", "emailAddress", "externalId", "jobTitle"].map(|name| text(&user[name]));
        let active = user["activeStatus"] == "Active" || user["activeStatus"] == 0;
        let department = &departments[&text(&user["departmentId"])];
        end.entry(text(&user["emailAddress"]))
            .or_default()
            .push(format!("{members:?} {active} {department} {}", key(&user["supervisorId"])));
    }
    end
}

/// One company, one profile, one database; its end.
fn year(profile: &'static str, store: Store, nth: u32) -> BTreeMap<String, Vec<String>> {
    // Every request may fail here, time after time: what it is about is what comes of that, not leaving the app alone.
    let more = "[quarantine]\nin_vain = 0\n";
    let setup = Setup { now: noon(0), profile, store, faults: (FAULTS, RIVAL), groups: DEPARTMENTS.to_vec(), more, ..Setup::default() };
    let mut world = World::new(setup);
    let mut earlier: Vec<String> = Vec::new();
    for day in 0..3 {
        world.at(noon(day));
        world.roster_file(&company(day, nth));
        let told = format!("{profile}, {store:?}, {}", noon(day));
        let rounds = carry_out(&mut world, &told);
        let mut words = vec![];
        words.extend(earlier.iter().flat_map(|given| ["--earlier", given]));
        let judged = world.check(&words);
        let faults = judged.lines().find(|line| line.contains("fault")).unwrap_or_default();
        eprintln!("{told}: {rounds} plans carried out; {faults}");
        let kept = world.path(&format!("roster-{day}.csv"));
        std::fs::copy(world.path("roster.csv"), &kept).expect("the roster is kept");
        earlier.push(format!("{}={}", noon(day), kept.display()));
    }
    end(&world)
}

/// At a tenth of the size; `PROVOST_TEST_NTH=1` is the whole company, which `cargo xtask soak matrix` takes through it.
#[test]
fn p06_p09_p10_a_year_under_every_fault_ends_the_same_in_both_profiles_and_on_both_databases() {
    let nth: u32 = std::env::var("PROVOST_TEST_NTH").map_or(10, |nth| nth.parse().expect("PROVOST_TEST_NTH is a whole number"));
    let cases = [("guide", Store::File), ("guide", Store::Postgres), ("vendor", Store::File), ("vendor", Store::Postgres)];
    let ends: Vec<_> = std::thread::scope(|threads| {
        let under_way = cases.map(|(profile, store)| threads.spawn(move || year(profile, store, nth)));
        under_way.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let first = &ends[0];
    assert!(first.len() > 6000 / nth as usize, "{} people", first.len());
    for (end, (profile, store)) in ends.iter().zip(cases) {
        let differs = first.iter().find(|(email, held)| end.get(*email) != Some(held));
        assert!(
            end == first,
            "{profile}, {store:?} ended otherwise: {differs:?} is {:?}",
            differs.and_then(|(email, _)| end.get(email))
        );
    }
}

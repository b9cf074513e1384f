//! Three days of a real company, half a year apart: 7,750 people from nothing, then everybody who comes, moves and leaves.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use serde_json::Value;

use crate::world::{HEADER, Planned, Setup, World};

/// The days of the history: what HR exported, or what had changed since the day before.
const DAYS: [(&str, &str); 3] = [
    ("1998-01-01T12:00:00Z", include_str!("../data/history/hr-1998-01-01.csv")),
    ("1998-07-01T12:00:00Z", include_str!("../data/history/changes-1998-07-01.csv")),
    ("1999-01-01T12:00:00Z", include_str!("../data/history/changes-1999-01-01.csv")),
];

/// All nine departments; each is a group that is managed.
pub(crate) const DEPARTMENTS: [&str; 9] = [
    "Customer Service",
    "Development",
    "Finance",
    "Human Resources",
    "Marketing",
    "Production",
    "Quality Management",
    "Research",
    "Sales",
];

/// The rows that HR exports on a day, by employee id.
pub(crate) fn rows(day: usize) -> BTreeMap<u32, &'static str> {
    let mut rows = BTreeMap::new();
    for (_, text) in &DAYS[..=day] {
        let changed = text.lines().skip(1);
        rows.extend(changed.map(|row| (row.split(',').next().and_then(|key| key.parse().ok()).expect("an employee id"), row)));
    }
    rows
}

/// A whole file with these rows, in this order.
pub(crate) fn file<'a>(rows: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = HEADER.to_owned();
    for row in rows {
        text.push_str(row);
        text.push('\n');
    }
    text
}

/// The instant of a day.
pub(crate) fn noon(day: usize) -> &'static str {
    DAYS[day].0
}

/// The rows in an order that has nothing to do with theirs, and is the same each time.
fn shuffled(rows: &BTreeMap<u32, &'static str>) -> Vec<&'static str> {
    let mut mixed: Vec<_> = rows.iter().map(|(key, row)| (key.wrapping_mul(2_654_435_761), *row)).collect();
    mixed.sort_unstable();
    mixed.into_iter().map(|(_, row)| row).collect()
}

/// How many updates change somebody's title or department, and how many nothing but other things.
fn movers(planned: &Planned, app: &str, owned: [&str; 2]) -> (usize, usize) {
    let updates = planned.steps().iter().filter(|step| step["app"] == app && step["verb"] == "update");
    let (moved, other): (Vec<&Value>, Vec<&Value>) = updates.partition(|step| owned.iter().any(|name| step["set"][name].is_object()));
    (moved.len(), other.len())
}

/// What one day's plan must hold, exactly.
struct Expected {
    joiners: usize,
    leavers: usize,
    /// Accounts whose title or department changes, and nobody's anything else: all who get another supervisor are movers too, but for
    /// those below.
    movers: usize,
    /// Supervisors that are set in the second pass, by themselves: of new accounts, and of people whose supervisor is new.
    relates: usize,
    /// Joiners within their first ninety days.
    enrolments: usize,
}

const EXPECTED: [Expected; 3] = [
    Expected { joiners: 7750, leavers: 0, movers: 0, relates: 6355, enrolments: 156 },
    Expected { joiners: 311, leavers: 88, movers: 281, relates: 0, enrolments: 151 },
    Expected { joiners: 312, leavers: 101, movers: 263, relates: 474, enrolments: 153 },
];

#[test]
fn p02_p10_three_days_of_a_company_are_carried_out_exactly() {
    let began = Instant::now();
    let told = |what: &str| eprintln!("{:>6.1} s  {what}", began.elapsed().as_secs_f64());
    let mut world = World::new(Setup { now: noon(0), groups: DEPARTMENTS.to_vec(), ..Setup::default() });
    let mut earlier: Vec<String> = Vec::new();
    for (day, expected) in EXPECTED.iter().enumerate() {
        world.at(noon(day));
        let rows = rows(day);
        world.roster_file(&file(shuffled(&rows)));
        let mixed = world.plan();
        world.roster_file(&file(rows.into_values()));
        let planned = world.plan();
        told(&format!("{}: planned twice", noon(day)));
        let bytes = |planned: &Planned| fs::read(&planned.open_file).expect("a plan");
        assert!(bytes(&mixed) == bytes(&planned), "P2: the order of the rows changes the plan");
        assert!(planned.held.is_empty(), "no guard is configured: {:?}", planned.said);
        for (app, owned) in [("lessonly", ["job_title", "department"]), ("absorb", ["jobTitle", "department"])] {
            let count = |verb| planned.count(app, verb);
            assert_eq!((count("create"), count("leave")), (expected.joiners, expected.leavers), "joiners and leavers, {app}");
            assert_eq!(movers(&planned, app, owned), (expected.movers, 0), "movers, and others that are updated, {app}");
            assert_eq!((count("restore"), count("link"), count("create_group")), (0, 0, 0), "{app}");
        }
        let only_absorb = |verb| (planned.count("absorb", verb), planned.count("lessonly", verb));
        assert_eq!(only_absorb("relate"), (expected.relates, 0));
        assert_eq!(only_absorb("enrol"), (expected.enrolments, 0));
        assert_eq!(only_absorb("create_department"), (if day == 0 { 9 } else { 0 }, 0));
        world.apply(&planned.open_file);
        told("applied");
        let second = world.plan();
        assert_eq!((second.steps(), second.held.len()), (&[] as &[Value], 0), "P10: nothing is left to do");
        told("planned again: nothing to do");
        let mut words = vec!["--expect-complete", "--max-ratio", "1.1"];
        words.extend(earlier.iter().flat_map(|given| ["--earlier", given]));
        let judged = world.check(&words);
        told("judged:");
        judged.lines().filter(|line| line.contains("ratio")).for_each(|line| eprintln!("          {line}"));
        let kept = world.path(&format!("roster-{day}.csv"));
        fs::copy(world.path("roster.csv"), &kept).expect("the roster is kept");
        earlier.push(format!("{}={}", noon(day), kept.display()));
    }
}

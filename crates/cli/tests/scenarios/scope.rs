//! An Absorb admin who sees half of the departments: nobody is created blindly, who is seen is kept true, who is hidden is a finding (A03,
//! A04, P4).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::history::{DEPARTMENTS, file, noon, rows};
use crate::world::{NARROW_ADMIN, Setup, World, by};

/// What the narrow admin sees.
const SEEN: [&str; 4] = ["Development", "Finance", "Research", "Sales"];

/// The part of the company that these stories are about: everybody whose key is lower.
const CUT: u32 = 12_000;

type Rows = BTreeMap<u32, &'static str>;

fn cut(day: usize) -> Rows {
    rows(day).into_iter().filter(|(key, _)| *key < CUT).collect()
}

fn cell(row: &'static str, at: usize) -> &'static str {
    row.split(',').nth(at).expect("a cell")
}

/// What happened to the company between two days, by the accounts that the narrow admin sees on the first.
struct Between {
    joiners: BTreeSet<u32>,
    seen_leavers: BTreeSet<u32>,
    seen_movers: BTreeSet<u32>,
    /// Of the movers those whose new department is not seen.
    moved_out: BTreeSet<u32>,
    /// Everybody who has an account that is not seen.
    hidden: BTreeSet<u32>,
    /// In both halves.
    leavers: BTreeSet<u32>,
    movers: usize,
}

impl Between {
    fn new(before: &Rows, after: &Rows) -> Self {
        let active =
            |rows: &Rows| -> BTreeSet<u32> { rows.iter().filter(|(_, row)| cell(row, 7) == "active").map(|(key, _)| *key).collect() };
        let (was, is) = (active(before), active(after));
        let seen = |key: &u32| SEEN.contains(&cell(before[key], 5));
        let moved = |key: &&u32| [4, 5].iter().any(|at| cell(before[key], *at) != cell(after[key], *at));
        let movers: BTreeSet<u32> = was.intersection(&is).filter(moved).copied().collect();
        let seen_movers: BTreeSet<u32> = movers.iter().copied().filter(seen).collect();
        Self {
            joiners: is.difference(&was).copied().collect(),
            seen_leavers: was.difference(&is).copied().filter(seen).collect(),
            moved_out: seen_movers.iter().copied().filter(|key| !SEEN.contains(&cell(after[key], 5))).collect(),
            seen_movers,
            hidden: was.iter().copied().filter(|key| !seen(key)).collect(),
            leavers: was.difference(&is).copied().collect(),
            movers: movers.len(),
        }
    }

    fn numbers(&self) -> [usize; 7] {
        let Self { joiners, seen_leavers, seen_movers, moved_out, hidden, leavers, movers } = self;
        [joiners.len(), leavers.len(), seen_leavers.len(), *movers, seen_movers.len(), moved_out.len(), hidden.len()]
    }
}

/// People of the steps of a verb at Absorb.
fn people(plan: &Value, verb: &str) -> BTreeSet<u32> {
    let at_absorb = |step: &&Value| step["app"] == "absorb" && step["verb"] == verb;
    crate::world::steps(plan).iter().filter(at_absorb).map(|step| key(&step["person"])).collect()
}

fn key(person: &Value) -> u32 {
    person.as_str().and_then(|key| key.parse().ok()).unwrap_or_else(|| panic!("{person} is no employee id"))
}

/// People whom a finding of the last planning calls hidden.
fn hidden(world: &World) -> BTreeSet<u32> {
    let said = world.provost(&["findings", "--kind", "hidden", "--app", "absorb", "--format", "json"]);
    said.json()["findings"].as_array().expect("findings").iter().map(|finding| key(&finding["person"])).collect()
}

fn provisioned() -> World {
    let setup = Setup { now: noon(0), groups: DEPARTMENTS.to_vec(), narrow: SEEN.to_vec(), ..Setup::default() };
    let mut world = World::new(setup);
    world.roster_file(&file(cut(0).into_values()));
    let planned = world.carry_out();
    assert_eq!((planned.count("absorb", "create"), planned.count("lessonly", "create")), (1567, 1567));
    world
}

/// The checker's word for people whom a finding holds.
fn except<'a>(world: &World, keys: impl IntoIterator<Item = &'a u32>) -> String {
    world.write("except.txt", &keys.into_iter().map(|key| format!("{key}\n")).collect::<String>());
    format!("@{}", world.path("except.txt").display())
}

/// The rosters of both days with the instants of their first plans, for the checker.
fn earlier(world: &World) -> [String; 2] {
    world.write("roster-0.csv", &file(cut(0).into_values()));
    [(0, "roster-0.csv"), (1, "roster.csv")].map(|(day, name)| format!("{}={}", noon(day), world.path(name).display()))
}

/// Half a year passes, and the log-in is now the narrow one's.
fn narrowed(world: &mut World) -> Between {
    world.at(noon(1));
    world.reconfigure("username = \"api@acme.example\"", &format!("username = {NARROW_ADMIN:?}"));
    world.roster_file(&file(cut(1).into_values()));
    let between = Between::new(&cut(0), &cut(1));
    assert_eq!(between.numbers(), [58, 15, 8, 68, 33, 6, 730], "joiners, leavers (seen), movers (seen, out of sight), hidden");
    between
}

fn accounts(world: &World) -> BTreeMap<String, Value> {
    let users = world.absorb.users().into_iter();
    users.map(|user| (user["externalId"].as_str().unwrap_or_default().to_owned(), user)).collect()
}

/// Whoever is hidden is as before, and nobody has come.
fn the_hidden_are_untouched(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>, between: &Between) {
    assert_eq!(before.len(), after.len(), "nobody was created");
    for key in &between.hidden {
        assert_eq!(before[&key.to_string()], after[&key.to_string()], "{key} is hidden");
    }
}

#[test]
fn a04_half_the_departments_with_known_links_contradict_the_asserted_scope() {
    let mut world = provisioned();
    let between = narrowed(&mut world);
    let before = accounts(&world);
    let planned = world.plan();
    assert_eq!(planned.count("absorb", "create"), 0, "nobody is created blindly");
    assert_eq!(people(&planned.open, "update"), between.seen_movers);
    assert_eq!(people(&planned.open, "leave"), between.seen_leavers, "a terminated row suffices");
    let lessonly = |verb| planned.count("lessonly", verb);
    assert_eq!((lessonly("create"), lessonly("leave"), lessonly("update")), (58, 15, 68), "the other app goes on");
    assert_eq!((planned.steps().len(), planned.held.len()), (8 + 33 + 58 + 15 + 68, 0));
    let unknown = between.hidden.union(&between.joiners).copied().collect();
    assert_eq!(hidden(&world), unknown, "the hidden, and joiners who may have an account, are findings");
    world.apply(&planned.open_file);
    the_hidden_are_untouched(&before, &accounts(&world), &between);
    nothing_is_left(&mut world, &unknown, &between);
    let left_out = except(&world, &unknown);
    let [first, then] = earlier(&world);
    let judged = world.check(&["--except", &left_out, "--expect-complete", "--earlier", &first, &then, "--max-ratio", "1.1"]);
    judged.lines().filter(|line| line.contains("ratio")).for_each(|line| eprintln!("{line}"));
}

#[test]
fn a04_half_the_departments_and_nothing_known_make_nobody_blindly() {
    let mut world = provisioned();
    let between = narrowed(&mut world);
    world.reconfigure("scope = \"all\"", "");
    fs::remove_file(world.path("provost.db")).expect("the store is lost");
    let before = accounts(&world);
    let planned = world.plan();
    let lessonly = planned.count("lessonly", "create");
    assert_eq!((planned.steps().len(), lessonly), (58, 58), "what needs no adoption: the joiners, in the app that hides nobody");
    let [(file, held)] = planned.held.as_slice() else { panic!("one plan is held: {:?}", planned.said) };
    assert_eq!(held["class"]["held"], "adopt");
    let count =
        |app: &str, verb: &str| crate::world::steps(held).iter().filter(|step| step["app"] == app && step["verb"] == verb).count();
    assert_eq!((count("lessonly", "link"), count("absorb", "link")), (1567, 837), "who is seen is taken over, and nobody made blindly");
    assert_eq!(crate::world::steps(held).len(), 1567 + 837, "before anything about them is changed");
    // Nobody knows of an account that the hidden leavers might have.
    let hidden_here: BTreeSet<u32> = between.hidden.difference(&between.leavers).copied().collect();
    let unknown: BTreeSet<u32> = hidden_here.union(&between.joiners).copied().collect();
    assert_eq!(unknown.len(), 730 - 7 + 58);
    assert_eq!(hidden(&world), unknown);
    world.apply(&planned.open_file);
    world.apply(file);
    // The first run that changes accounts which were there before us: all of that waits once more.
    let planned = world.plan();
    let [(file, held)] = planned.held.as_slice() else { panic!("one plan is held: {:?}", planned.said) };
    assert_eq!((&held["class"]["held"], planned.steps()), (&"first_run".into(), &[] as &[Value]));
    let count =
        |app: &str, verb: &str| crate::world::steps(held).iter().filter(|step| step["app"] == app && step["verb"] == verb).count();
    assert_eq!((count("lessonly", "update"), count("lessonly", "leave"), count("absorb", "create")), (68, 15, 0));
    assert_eq!(people(held, "update"), between.seen_movers);
    assert_eq!(people(held, "leave"), between.seen_leavers);
    world.apply(file);
    the_hidden_are_untouched(&before, &accounts(&world), &between);
    nothing_is_left(&mut world, &unknown, &between);
    let left_out = except(&world, between.hidden.iter().chain(&between.joiners).chain(&between.moved_out));
    let [first, then] = earlier(&world);
    let judged = world.check(&["--except", &left_out, "--earlier", &first, &then, "--max-ratio", "1.1"]);
    judged.lines().filter(|line| line.contains("ratio")).for_each(|line| eprintln!("{line}"));
}

/// The second plan has no step, and who was moved out of sight is hidden now, as are those who were.
fn nothing_is_left(world: &mut World, unknown: &BTreeSet<u32>, between: &Between) {
    // A reading that is younger than all links.
    world.at("1998-07-01T13:00:00Z");
    let second = world.plan();
    assert_eq!((second.steps(), second.held.len()), (&[] as &[Value], 0));
    let (found, expected): (BTreeSet<u32>, BTreeSet<u32>) = (hidden(world), unknown.union(&between.moved_out).copied().collect());
    let differing: Vec<&u32> = found.symmetric_difference(&expected).collect();
    assert!(differing.is_empty(), "{} are hidden, {} should be; {differing:?}", found.len(), expected.len());
}

#[test]
fn a03_another_admin_is_another_log_in_at_once() {
    let mut world = World::new(Setup { narrow: SEEN.to_vec(), ..Setup::default() });
    world.roster(
        "1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1990-12-01,\n\
         2,Grace,Hopper,grace@acme.example,Agent,Customer Service,,active,1990-01-01,\n",
    );
    world.carry_out();
    world.at("1998-01-01T13:00:00Z");
    world.reconfigure("username = \"api@acme.example\"", &format!("username = {NARROW_ADMIN:?}"));
    let log_ins = |world: &World| world.read("absorb.access.jsonl").matches(by("/authentication", "/authenticate")).count();
    let before = log_ins(&world);
    assert!(world.plan().steps().is_empty());
    assert_eq!(log_ins(&world), before + 1, "the other admin's token, which still lives, is not used");
    assert_eq!(hidden(&world), [2].into());
    let left_out = except(&world, &[2]);
    world.check(&["--except", &left_out, "--expect-complete"]);
}

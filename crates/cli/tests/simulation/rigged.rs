//! The rig does what it says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::RunState;
use sandbox::Limit;
use store::Operation;

use crate::rig::{Before, Director, Exchange, Lived, Setup, StoreAt, Straight, Touch, World, known_text};

const HEADER: &str = "employee_id,first_name,last_name,work_email,job_title,department,manager_id,status,hire_date,termination_date\n";
const ROSTER: &str = "e1,Ada,One,ada@acme.example,Sales Manager,Sales,,active,1997-06-01,\n\
    e2,Bob,Two,bob@acme.example,Clerk,Sales,e1,active,1997-12-01,\n\
    e3,Cy,Three,cy@acme.example,Engineer,Development,e1,active,1997-12-15,\n";

pub(crate) fn world(at: StoreAt, faults: &str) -> World {
    let world = World::new(Setup {
        seed: 1,
        now: "1998-01-01T12:00:00Z".parse().expect("an instant"),
        profile: "guide",
        config: known_text(""),
        store: at,
        faults: (faults.to_owned(), faults.to_owned()),
        limit: Limit::Off,
        groups: ["Sales", "Development", "Customer Service"].map(str::to_owned).into(),
        rules: Vec::new(),
    });
    world.roster(&format!("{HEADER}{ROSTER}"));
    world
}

/// Plans, approves and applies; then nothing is left to do, and the checker is content.
fn carry_out(world: &World) {
    let planned = world.plan().done().expect("a plan");
    assert!(!planned.proposal.open.steps.is_empty());
    world.approve(&planned.digests[0]).done().expect("it is approved");
    let summary = world.execute(&planned.digests[0]).done().expect("it is carried out");
    assert_eq!((summary.run.state, summary.other, summary.left), (RunState::Finished, 0, 0), "{summary:?}");
    let second = world.plan().done().expect("a second plan");
    assert_eq!(second.proposal.open.steps, [], "something is left to do");
    assert_eq!(world.checked(&["--expect-complete".to_owned()]), [] as [String; 0]);
}

#[test]
fn a_world_is_the_same_again_event_by_event() {
    let [one, other] = [(), ()].map(|()| {
        let world = world(StoreAt::File, "429=5%, reset-late:30s@POST=10%, slow:5s=10%, seed=3");
        carry_out(&world);
        world.shared.trace.lines()
    });
    assert!(one.len() > 50, "{one:#?}");
    assert_eq!(one, other);
}

#[test]
fn a_world_is_on_postgresql_too() {
    carry_out(&world(StoreAt::Postgres, ""));
}

/// Ends the program when something happens for the nth time.
struct Ends {
    at: u64,
    seen: AtomicU64,
}

impl Director for Ends {
    fn before(&self, _exchange: &Exchange) -> Before {
        let now = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        if now == self.at { Before::Crash } else { Before::Arrives }
    }

    fn after_store(&self, operation: Operation<'_>) -> Touch {
        let now = if operation == Operation::Commit { self.seen.fetch_add(1, Ordering::Relaxed) + 1 } else { 0 };
        if now == self.at { Touch::Crash } else { Touch::Passes }
    }
}

#[test]
fn p09_a_life_that_is_over_does_nothing_any_more_and_the_next_one_goes_on() {
    for at in [1, 9, 17, 23, 30] {
        let world = world(StoreAt::File, "");
        let planned = world.plan().done().expect("a plan");
        world.approve(&planned.digests[0]).done().expect("it is approved");
        world.direct(Arc::new(Ends { at, seen: AtomicU64::new(0) }));
        let lived = world.execute(&planned.digests[0]);
        assert!(matches!(lived, Lived::Crashed), "event {at}");
        let unfinished = world.unfinished();
        let summary = match unfinished.as_slice() {
            // It died before the yes was used up.
            [] => world.execute(&planned.digests[0]),
            [run] => world.resume(run),
            several => panic!("event {at}: one yes, and the runs {several:?}"),
        };
        let summary = summary.done().expect("it goes on");
        assert_eq!((summary.run.state, summary.other, summary.left), (RunState::Finished, 0, 0), "event {at}: {summary:?}");
        let second = world.plan().done().expect("a second plan");
        assert_eq!(second.proposal.open.steps, [], "event {at}: something is left to do");
        assert_eq!(world.checked(&[]), [] as [String; 0], "event {at}");
    }
}

#[test]
fn p09_a_run_that_is_too_old_to_be_resumed_keeps_no_other_from_it() {
    let world = world(StoreAt::File, "");
    let begun = |at: u64| {
        world.direct(Arc::new(Straight));
        let planned = world.plan().done().expect("a plan");
        world.approve(&planned.digests[0]).done().expect("it is approved");
        world.direct(Arc::new(Ends { at, seen: AtomicU64::new(0) }));
        assert!(matches!(world.execute(&planned.digests[0]), Lived::Crashed));
    };
    begun(14);
    world.pass(jiff::SignedDuration::from_hours(30));
    world.roster(&format!("{HEADER}{ROSTER}e4,Di,Four,di@acme.example,Clerk,Sales,e1,active,1997-12-20,\n"));
    begun(14);
    world.direct(Arc::new(Straight));
    let unfinished = world.unfinished();
    assert_eq!(unfinished.len(), 2);
    let next = world.live(async |engine| engine.next_to_resume().await).done().expect("the store is read").expect("there is one");
    assert_eq!(next.id, unfinished[1]);
    let summary = world.resume(&next.id).done().expect("it goes on");
    assert_eq!(summary.run.state, RunState::Finished);
    // Nobody else is left: then the old one is named, and says why it cannot go on.
    let left = world.live(async |engine| engine.next_to_resume().await).done().expect("the store is read").expect("there is one");
    assert_eq!(left.id, unfinished[0]);
    assert!(matches!(world.resume(&left.id).done(), Err(engine::EngineError::TooLate { .. })));
}

#[test]
fn a_plan_whose_yes_was_never_written_explains_nothing() {
    let world = world(StoreAt::File, "");
    let refused = world.plan().done().expect("a plan");
    assert!(world.execute(&refused.digests[0]).done().is_err(), "nobody approved it");
    // The next plan makes the same people otherwise: whose steps their enrolments mean, the checker has to know.
    world.roster(&format!("{HEADER}{}", ROSTER.replace("Clerk", "Seller")));
    carry_out(&world);
}

/// Whom the portal wrote, in order: user names.
fn written(world: &World) -> Vec<String> {
    let line = |line: &str| -> serde_json::Value { serde_json::from_str(line).expect("a ledger's line") };
    let lines = world.read("absorb.ledger.jsonl");
    lines.lines().map(line).filter_map(|line| Some(line["after"]["username"].as_str()?.to_owned())).collect()
}

/// A batch that is answered by 504 takes effect this much later; whoever repeats it before that writes everybody twice.
#[test]
fn p06_a_batch_that_lands_late_overwrites_nothing_that_later_steps_set() {
    for late in ["5s", "20s"] {
        let world = world(StoreAt::File, &format!("504-late:{late}@POST /users/batch#1"));
        carry_out(&world);
        world.pass(jiff::SignedDuration::from_mins(5));
        let writes = written(&world);
        // Everybody is made once, and whoever has a supervisor is written once more.
        for (person, times) in [("ada@acme.example", 1), ("bob@acme.example", 2), ("cy@acme.example", 2)] {
            let of = writes.iter().filter(|username| *username == person).count();
            assert_eq!(of, times, "{late} late: {person} was written {of} times: {writes:?}");
        }
        let again = world.plan().done().expect("a plan");
        assert_eq!(again.proposal.open.steps, [], "{late} late: something is left to do");
    }
}

#[test]
fn p06_updates_that_land_late_take_back_nothing_that_later_steps_set() {
    for late in ["5s", "20s"] {
        // The first batch makes them, the second sets their supervisors.
        let world = world(StoreAt::File, &format!("504-late:{late}@POST /users/batch#3"));
        carry_out(&world);
        // Both get another title, and a supervisor who is made in the same run.
        let changed = ROSTER.replace("Clerk,Sales,e1", "Seller,Sales,e4").replace("Engineer,Development,e1", "Tester,Development,e4");
        world.roster(&format!("{HEADER}{changed}e4,Di,Four,di@acme.example,Chief,Sales,e1,active,1997-12-20,\n"));
        carry_out(&world);
        world.pass(jiff::SignedDuration::from_mins(5));
        let writes = written(&world);
        for person in ["bob@acme.example", "cy@acme.example"] {
            let of = writes.iter().filter(|username| *username == person).count();
            assert_eq!(of, 4, "{late} late: {person} was written {of} times: {writes:?}");
        }
        let again = world.plan().done().expect("a plan");
        assert_eq!(again.proposal.open.steps, [], "{late} late: something is left to do");
    }
}

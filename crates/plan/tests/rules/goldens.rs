//! What people read, as files: `goldens/`.  `UPDATE_GOLDENS=1 cargo test -p provost-plan` writes them anew.

use std::path::Path;

use jiff::civil::date;
use model::*;
use plan::{Planner, render};

use crate::world::{With, World, left, person};

pub(crate) fn golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules/goldens").join(name);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, wanted, "{name} differs; UPDATE_GOLDENS=1 writes it anew");
}

/// One of everything, with a name that is an attack.
fn world() -> World {
    let mut people = vec![
        person("1", "Ada").with("title", "Sales Manager"),
        person("2", "Bea").with("manager", "1"),
        person("3", "Cid"),
        person("4", "Dan").with("given_name", "<b>|*\u{1b}[2J").with("email", "dan@acme.example"),
        person("6", "Fay").with("department", "Slaes"),
    ];
    let mut world = World::new(people[..3].to_vec());
    world.settle();
    world.earlier.clear();
    people[0] = people[0].clone().with("department", "Development").with("title", "Clerk");
    people[2] = left(people[2].clone());
    people[3].starts = Some(date(1998, 6, 20));
    world.people = people;
    world.account("flat", "old", true, &[("email", "who@acme.example")]);
    let rule = GuardRule { effect: Effect::AccessLost, by: By::App, exempt: 0, max: Some(0), percent_milli: None, window: 86_400 };
    world.policy.guards.insert("access_lost".into(), rule);
    world
}

#[test]
fn proposals_read_well_in_every_form() {
    let proposal = world().propose();
    golden("proposal.txt", &render::text(&proposal, false));
    golden("proposal.md", &render::markdown(&proposal));
    golden("proposal.html", &render::html(&proposal));
    let coloured = render::text(&proposal, true);
    assert!(coloured.contains("\u{1b}[32m") && !coloured.contains("\u{1b}[2J"), "colours are ours, nothing else is");
    let brief = render::text(render::Document::from(&proposal).at_most(0), false);
    assert!(brief.contains("… and 1 more to create"), "{brief}");
}

#[test]
fn a_person_is_explained() {
    let mut world = world();
    let mut explained = |person: &str| {
        world.given(|given| {
            let mut planner = Planner::default();
            let proposal = planner.propose(given);
            planner.explain(given, &proposal, &person.into())
        })
    };
    let explanation = explained("1");
    golden("explain.txt", &explanation.text(false));
    assert_eq!(serde_json::to_value(&explanation).unwrap()["apps"]["flat"]["wanted"], true);
    let leaver = explained("3");
    assert!(leaver.text(false).contains("(held: access_lost)"), "{}", leaver.text(false));
    assert_eq!(explained("404").stands, "not in the roster");
}

#[test]
fn a_run_is_reported() {
    let proposal = world().propose();
    let plan = &proposal.open;
    let at = "1998-07-01T18:00:00Z".parse().unwrap();
    let mut states = vec![
        StepState::Done,
        StepState::Failed { code: "422".into(), detail: "bad \u{1b}[2J|name".into() },
        StepState::Drifted { found: "title = x".into() },
    ];
    states.push(StepState::Skipped { because: plan.steps[1].id });
    let records: Vec<StepRecord> = plan
        .steps
        .iter()
        .zip(states)
        .map(|(step, state)| StepRecord { step: step.id, call: 1, state, receipt: Receipt::default(), at })
        .collect();
    let run = Run {
        id: "0197-run".into(),
        digest: Digest::new([7; 32]),
        decision: "d".into(),
        state: RunState::Stopped,
        started: at,
        ended: Some(at),
        stopped_by: "a rival log-in".into(),
    };
    let report = plan::report::report(&run, plan, &records);
    assert_eq!((report.done, report.open.len() as u64), (1, report.steps - 1));
    golden("report.txt", &report.text(false));
    golden("report.md", &report.markdown());
    golden("report.html", &report.html());
    golden("report.csv", &report.csv());
    assert_eq!(serde_json::to_value(&report).unwrap()["open"][0]["outcome"], "failed");
}

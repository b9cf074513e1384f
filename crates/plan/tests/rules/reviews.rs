//! Reviews: who has what, by whose decision; which licences nobody needs.  Goldens in every form, with names that are attacks.

use std::collections::HashMap;

use model::*;
use plan::review::{Granted, Known, access, licences};

use crate::goldens::golden;
use crate::world::{DEEP, FLAT, With, World, left, person};

const AT: &str = "1998-06-20T09:30:00Z";

/// Names as somebody might give them who wants to be read as something else.
fn world() -> World {
    let people = vec![
        person("1", "Ada").with("title", "Sales Manager"),
        person("2", "Bea").with("manager", "1"),
        person("3", "Cid").with("manager", "1"),
        person("4", "Dan").with("manager", "1"),
    ];
    let mut world = World::new(people);
    world.settle();
    let hostile = world.links.iter().find(|link| link.app.as_str() == "flat" && link.person.as_str() == "4").unwrap().account.clone();
    let account = world.app("flat").accounts.iter_mut().find(|account| account.id == hostile).unwrap();
    account.attributes.insert("email", "@sum(a1)".into());
    world.people[3] = world.people[3].clone().with("given_name", "=HYPERLINK(\"http://x\")").with("family_name", "|\n<script>\u{202e}");
    world.people[2] = left(world.people[2].clone());
    world.people.remove(1);
    world.account("flat", "old", true, &[("email", "who@acme.example"), ("role", "manager")]);
    world
}

fn manifests(app: &AppName) -> Option<&'static Manifest> {
    Some(if app.as_str() == "flat" { &FLAT } else { &DEEP })
}

/// The settling of the world, as a run that somebody said yes to.
fn known(world: &mut World) -> Known {
    let mut known = Known::default();
    // As it was before anybody called themselves something else.
    let first = World::new(world.people.clone()).propose().open;
    let at: jiff::Timestamp = AT.parse().unwrap();
    let accounts: HashMap<(AppName, PersonKey), AccountId> =
        world.links.iter().map(|link| ((link.app.clone(), link.person.clone()), link.account.clone())).collect();
    let record = |step: &Step| {
        let account = accounts.get(&(step.app.clone(), step.person.clone()?))?.clone();
        let receipt = Receipt { account: Some(account), ..Receipt::default() };
        Some(StepRecord { step: step.id, call: 1, state: StepState::Done, receipt, at })
    };
    let records: Vec<StepRecord> =
        first.steps.iter().filter(|step| step.person.as_ref().is_some_and(|key| key.as_str() != "3")).filter_map(record).collect();
    let run = Run {
        id: "0197-run".into(),
        digest: first.digest(),
        decision: "d".into(),
        state: RunState::Finished,
        started: at,
        ended: Some(at),
        stopped_by: String::new(),
    };
    let by = Actor { name: "bob".into(), proof: Proof::Authenticated };
    known.granted.run(&manifests, &run, &by, &first, &records);
    let deep = world.app("deep").accounts.clone();
    let log_ins = deep.iter().enumerate().map(|(at, account)| {
        (account.id.clone(), if at == 0 { LogIn::At("1998-06-25T08:00:00Z".parse().unwrap()) } else { LogIn::Never })
    });
    known.log_ins.insert("deep".into(), log_ins.collect());
    known.log_ins_at.insert("deep".into(), "1998-06-30T00:00:00Z".parse().unwrap());
    known
}

#[test]
fn access_is_reviewed_in_every_form() {
    let mut world = world();
    let known = known(&mut world);
    let review = world.given(|given| access(given, &known, None, None));
    golden("access.txt", &review.paper().text(false));
    golden("access.md", &review.paper().markdown());
    golden("access.html", &review.paper().html());
    golden("access.csv", &review.csv());
    golden("access.json", &format!("{}\n", serde_json::to_string_pretty(&review).unwrap()));
    let words = |person: &str| {
        let flat = review.apps.iter().find(|app| app.app.as_str() == "flat").unwrap();
        let row = flat.accounts.iter().find(|row| row.person.as_ref().is_some_and(|who| who.key.as_str() == person)).unwrap().clone();
        (row.stands, row.since.is_some(), row.certified.iter().filter(|one| one.word.is_some()).count())
    };
    assert_eq!(words("1").0, "employed");
    assert!(words("1").1 && words("1").2 >= 2, "access and role were given by a run: {:?}", words("1"));
    assert_eq!(words("3"), ("left", false, 0), "what no run gave is certified by nobody");
    assert_eq!(words("2").0, "not in the roster");
}

#[test]
fn a_manager_sees_their_people_only() {
    let mut world = world();
    let known = known(&mut world);
    let (app, manager) = (AppName::from("flat"), PersonKey::from("1"));
    let review = world.given(|given| access(given, &known, Some(&app), Some(&manager)));
    let people: Vec<&str> = review.apps[0].accounts.iter().map(|row| row.person.as_ref().unwrap().key.as_str()).collect();
    assert_eq!((review.apps.len(), people), (1, vec!["3", "4"]));
    assert!(!review.foundations.iter().any(|fact| fact.contains("deep")), "what was not asked for is not told");
}

#[test]
fn licences_that_nobody_needs_are_counted() {
    let mut world = world();
    let known = known(&mut world);
    let review = world.given(|given| licences(given, &known));
    golden("licences.txt", &review.paper().text(false));
    golden("licences.md", &review.paper().markdown());
    golden("licences.html", &review.paper().html());
    golden("licences.csv", &review.csv());
    golden("licences.json", &format!("{}\n", serde_json::to_string_pretty(&review).unwrap()));
    let of = |name: &str| review.apps.iter().find(|app| app.app.as_str() == name).unwrap();
    let flat = of("flat").all;
    assert_eq!((flat.active, flat.left, flat.orphaned, flat.unlinked, flat.never_logged_in), (5, 1, 1, 1, None));
    assert!(!of("flat").log_ins_told && of("deep").log_ins_told);
    assert_eq!(of("deep").all.never_logged_in, Some(of("deep").all.active - 1));
    let sum: u64 = of("flat").departments.values().map(|count| count.active).sum();
    assert_eq!(sum, flat.active, "each account is in one department");
}

/// What was taken away again was not given, and what somebody took over was decided by nobody here.
#[test]
fn only_what_stands_is_certified() {
    let mut world = World::new(vec![person("1", "Ada").with("title", "Sales Manager")]);
    let plan = world.propose().open;
    let at: jiff::Timestamp = AT.parse().unwrap();
    let create = plan.steps.iter().find(|step| step.app.as_str() == "flat" && step.verb == Verb::Create).unwrap();
    let done = |step: &Step| StepRecord {
        step: step.id,
        call: 1,
        state: StepState::Done,
        receipt: Receipt { account: Some("a1".into()), ..Receipt::default() },
        at,
    };
    let run = |id: &str| Run {
        id: id.into(),
        digest: plan.digest(),
        decision: "d".into(),
        state: RunState::Finished,
        started: at,
        ended: None,
        stopped_by: String::new(),
    };
    let by = |name: &str| Actor { name: name.into(), proof: Proof::Unauthenticated };
    let leave = Step { account: Some(Ref::Id("a1".into())), verb: Verb::Leave, set: Changes::default(), ..create.clone() }.sealed();
    let leaving = Plan { steps: vec![leave.clone()], ..plan.clone() };
    let failed = StepRecord { state: StepState::Failed { code: "422".into(), detail: String::new() }, ..done(create) };
    world.account("flat", "a1", true, &[("email", "ada@acme.example"), ("role", "manager")]);
    world.link("flat", "1", "a1");
    let mut since = |granted: Granted| {
        let known = Known { granted, ..Known::default() };
        let review = world.given(|given| access(given, &known, Some(&"flat".into()), None));
        let row = &review.apps[0].accounts[0];
        (row.since.is_some(), row.certified[0].word.as_ref().map(|word| word.by.clone()))
    };
    let granted = |runs: &[(&Plan, StepRecord, &str)]| {
        let mut granted = Granted::default();
        for (plan, record, name) in runs {
            granted.run(&manifests, &run(name), &by(name), plan, std::slice::from_ref(record));
        }
        granted
    };
    assert_eq!(since(granted(&[(&plan, done(create), "ann")])), (true, Some("ann".into())));
    assert_eq!(since(granted(&[(&plan, failed, "ann")])), (false, None));
    assert_eq!(since(granted(&[(&plan, done(create), "ann"), (&leaving, done(&leave), "bob")])), (false, None));
    let again = [(&plan, done(create), "ann"), (&leaving, done(&leave), "bob"), (&plan, done(create), "cid")];
    assert_eq!(since(granted(&again)), (true, Some("cid".into())));
}

/// What a page has to have to be read by ear, in the dark, on a small screen and on paper; and nothing that runs.
#[test]
fn pages_can_be_read_by_everybody() {
    let mut world = world();
    let known = known(&mut world);
    let page = world.given(|given| access(given, &known, None, None)).paper().html();
    assert_eq!(page.matches("<h1>").count(), 1);
    assert!(page.contains("<html lang=\"en\">") && page.contains("width=device-width") && page.contains("prefers-color-scheme:dark"));
    assert!(page.contains("@media print"));
    assert_eq!(page.matches("<th>").count(), 0, "every head says what it heads");
    assert!(page.matches("<th scope=\"col\">").count() >= 24 && page.contains("<th scope=\"row\">"));
    for bad in ["<script", "javascript:", "http-equiv=\"refresh\"", "src=", "href=", "\u{202e}"] {
        assert!(!page.contains(bad), "{bad}");
    }
}

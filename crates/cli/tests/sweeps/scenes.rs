//! Scenes that need a clock of their own: an app that throttles for minutes, a rival who logs in all the time, somebody who changes
//! accounts by hand while we work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Method;
use model::{RunId, RunState, StepState};
use sandbox::{absorb, lessonly};
use serde_json::{Value, json};

use crate::rig::{After, Answered, Before, Director, Exchange, StoreAt, Straight, World};
use crate::saboteur::Saboteur;
use crate::story::{Place, Story};

const PROFILES: [&str; 2] = ["guide", "vendor"];

fn place(profile: &'static str) -> Place {
    Place { profile, store: StoreAt::File }
}

/// Lines of an app's access log that fit.
fn logged(world: &World, app: &str, fits: impl Fn(&Value) -> bool) -> usize {
    let text = world.read(&format!("{app}.access.jsonl"));
    text.lines().filter(|line| fits(&serde_json::from_str(line).expect("a line is JSON"))).count()
}

#[test]
fn p09_half_of_all_requests_throttled_for_the_whole_run_and_everything_is_done_once() {
    for profile in PROFILES {
        let story = Story::with(place(profile), "429:20s=50%, seed=5", "429:20s=50%, seed=6");
        let began = story.world.now();
        let handed = story.told(Arc::new(Saboteur::default())).unwrap_or_else(|wrong| panic!("{profile}: {wrong}"));
        let took = story.world.now().duration_since(began);
        let throttled: usize = ["lessonly", "absorb"].iter().map(|app| logged(&story.world, app, |line| line["status"] == 429)).sum();
        assert_eq!(handed, 0, "{profile}");
        assert!(throttled > 50 && took.as_mins() >= 5, "{profile}: {throttled} in {took:#}");
    }
}

/// What a run was stopped by, where it stands.
fn stopped_by(world: &World, run: &RunId) -> String {
    world.look(async |store| store.run(run).await).expect("the run is there").stopped_by
}

/// Between two requests there is time for a rival.
struct Slow;

impl Director for Slow {
    fn latency(&self, _exchange: &Exchange) -> (Duration, Duration) {
        (Duration::from_millis(600), Duration::from_millis(600))
    }
}

fn is_log_in(line: &Value) -> bool {
    line["path"].as_str().is_some_and(|path| path.to_lowercase().contains("/authenticat"))
}

#[test]
fn a02_a_rival_every_second_is_not_fought_and_once_it_is_gone_the_run_is_resumed() {
    for profile in PROFILES {
        let story = Story::with(place(profile), "", "rival=1s");
        let world = &story.world;
        let planned = world.plan().done().expect("its few requests fit between two log-ins of the rival's");
        let digest = planned.digests[0];
        world.approve(&digest).done().expect("approved");
        let before = logged(world, "absorb", is_log_in);
        world.direct(Arc::new(Slow));
        let stopped = world.execute(&digest).done().expect("it stops, which is no error");
        let log_ins = logged(world, "absorb", is_log_in) - before;
        assert_eq!(stopped.run.state, RunState::Stopped, "{profile}: {stopped:?}");
        let said = stopped_by(world, &stopped.run.id);
        assert!(said.contains("something else logs in with the same user name"), "{profile}: {said}");
        assert!(log_ins <= 6, "{profile}: {log_ins} log-ins are a fight");
        // Much is not done yet; what is was done once, and by a step.
        let found = story.judged();
        assert!(!found.iter().any(|line| line.starts_with("C1") || line.starts_with("C3")), "{profile}: {found:#?}");

        // One who comes with every request, and goes away.
        let story = Story::with(place(profile), "", "rival#25-45");
        let handed = story.told(Arc::new(Saboteur::default())).unwrap_or_else(|wrong| panic!("{profile}: {wrong}"));
        assert_eq!(handed, 0, "{profile}");
        assert!(logged(&story.world, "absorb", |line| line["fault"] == "rival") > 0, "{profile}: the rival was there");
    }
}

/// The account with this e-mail.
fn lessonly_id(lessonly: &lessonly::Sandbox, email: &str) -> u64 {
    let found = lessonly.users().into_iter().find(|user| user["email"] == email);
    found.and_then(|user| user["id"].as_u64()).expect("the account is there")
}

fn absorb_user(absorb: &absorb::Sandbox, key: &str) -> Value {
    absorb.users().into_iter().find(|user| user["externalId"] == key).expect("the account is there")
}

/// Dora's job title in both apps.
fn titles(world: &World) -> [Value; 2] {
    let dora = world.lessonly.users().into_iter().find(|user| user["email"] == "dora@acme.example").expect("Dora");
    [dora["job_title"].clone(), absorb_user(&world.absorb, "3")["jobTitle"].clone()]
}

fn drifted(world: &World, run: &RunId) -> Vec<String> {
    let records = world.look(async |store| store.records(run).await).expect("the journal is read");
    let of = |state: &StepState| if let StepState::Drifted { found } = state { Some(found.clone()) } else { None };
    records.values().filter_map(|record| of(&record.state)).collect()
}

#[test]
fn p05_an_account_changed_by_hand_between_plan_and_apply_is_reported_and_not_overwritten() {
    for profile in PROFILES {
        let story = Story::new(place(profile));
        let world = &story.world;
        let planned = world.plan().done().expect("a plan");
        let digest = planned.digests[0];
        let dora = lessonly_id(&world.lessonly, "dora@acme.example");
        world.lessonly.update_user(dora, json!({ "job_title": "By hand" })).expect("changed");
        let id = absorb_user(&world.absorb, "3")["id"].clone();
        world.absorb.put_user(json!({ "id": id, "jobTitle": "By hand" })).expect("changed");
        world.approve(&digest).done().expect("approved");
        let summary = world.execute(&digest).done().expect("carried out");
        let found = drifted(world, &summary.run.id);
        assert!(found.len() == 2 && found.iter().all(|text| text.contains("By hand")), "{profile}: {found:?}");
        assert_eq!(titles(world), ["By hand", "By hand"], "{profile}: nothing was overwritten");
        // Somebody has looked, and plans again: now it is to be changed.
        finish(&story);
        assert_eq!(titles(world), ["Support Manager", "Support Manager"], "{profile}");
        assert_eq!(story.judged(), [] as [String; 0], "{profile}");
    }
}

/// Changes Dora's accounts by hand within the window: at Lessonly another owned value between look and write, at Absorb the written value
/// between the write and the look afterwards.
struct ByHand {
    lessonly: lessonly::Sandbox,
    absorb: absorb::Sandbox,
    dora: String,
    lessonly_done: AtomicBool,
    absorb_done: AtomicBool,
}

impl Director for ByHand {
    fn before(&self, exchange: &Exchange) -> Before {
        let dora = lessonly_id(&self.lessonly, "dora@acme.example");
        let writes = exchange.app == "lessonly" && exchange.method == Method::PUT && exchange.path.ends_with(&format!("/users/{dora}"));
        if writes && !self.lessonly_done.swap(true, Ordering::SeqCst) {
            self.lessonly.update_user(dora, json!({ "name": "Dora by hand" })).expect("changed");
        }
        Before::Arrives
    }

    fn after(&self, exchange: &Exchange, _answered: &Answered) -> After {
        let writes = exchange.app == "absorb" && exchange.method != Method::GET;
        let written = absorb_user(&self.absorb, "3")["jobTitle"] == "Support Manager";
        if writes && written && !self.absorb_done.swap(true, Ordering::SeqCst) {
            self.absorb.put_user(json!({ "id": self.dora, "jobTitle": "By hand" })).expect("changed");
        }
        After::Comes
    }
}

#[test]
fn p05_what_somebody_changes_by_hand_between_look_and_write_is_found() {
    for profile in PROFILES {
        let story = Story::new(place(profile));
        let world = &story.world;
        let planned = world.plan().done().expect("a plan");
        let digest = planned.digests[0];
        world.approve(&digest).done().expect("approved");
        world.direct(Arc::new(ByHand {
            lessonly: world.lessonly.clone(),
            absorb: world.absorb.clone(),
            dora: absorb_user(&world.absorb, "3")["id"].as_str().expect("an id").to_owned(),
            lessonly_done: AtomicBool::new(false),
            absorb_done: AtomicBool::new(false),
        }));
        let summary = world.execute(&digest).done().expect("carried out");
        let found = drifted(world, &summary.run.id);
        assert!(found.iter().any(|text| text.contains("By hand")), "{profile}: the look afterwards finds it: {found:?}");
        world.direct(Arc::new(Straight));
        let second = world.plan().done().expect("a second plan").proposal.open;
        let about: Vec<&str> = second.steps.iter().map(|step| step.label.as_str()).collect();
        let names = second.steps.iter().any(|step| step.app.as_str() == "lessonly" && step.set.contains_key("name"));
        assert!(names, "{profile}: the next plan finds what the write did not touch: {about:?}");
        finish(&story);
        assert_eq!(titles(world), ["Support Manager", "Support Manager"], "{profile}");
        // That step is told as drifted though its write was made: the checker says so, and nothing else.
        let found = story.judged();
        let wrong = found.iter().filter(|line| line.starts_with('C'));
        assert!(wrong.clone().all(|line| line.starts_with("C2 reported_undone absorb: ")), "{profile}: {found:#?}");
    }
}

/// Plans again and carries that out; then nothing is left.
fn finish(story: &Story) {
    let again = story.world.plan().done().expect("another plan");
    story.world.approve(&again.digests[0]).done().expect("approved");
    let done = story.world.execute(&again.digests[0]).done().expect("carried out");
    assert_eq!((done.run.state, done.other, done.left), (RunState::Finished, 0, 0), "{done:?}");
    assert_eq!(story.world.plan().done().expect("a last plan").proposal.open.steps, [], "something is left to do");
}

//! What people do in a world, one life each, and the files that the checker judges by.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use engine::{Ask, EngineError, Proposed, RunSummary, Silent};
use jiff::Timestamp;
use model::{Actor, Digest, Plan, Proof, RunId, Verdict};
use provost_checker::args::parse;
use provost_checker::report::Violation;

use super::life::Lived;
use super::world::World;

/// What the checker is given.
#[derive(Default)]
pub struct Kept(Mutex<Files>);

#[derive(Default)]
struct Files {
    plans: BTreeMap<Digest, (PathBuf, Plan)>,
    /// In the order of their runs.
    applied: Vec<Digest>,
    outcomes: Vec<(RunId, PathBuf)>,
    /// Open plans were superseded by newer ones; held ones of the newest planning wait.
    held: Vec<Digest>,
}

/// What a planning gave.
pub type Planned = Result<Proposed, EngineError>;

/// The configuration of most worlds: both apps, every kind of step.
pub fn known_text(more: &str) -> String {
    format!(
        r#"
[organization]
name = "Acme"
time_zone = "UTC"
store = "{{store}}"

[source.hr]
role = "employment"
kind = "file"
path = "roster.csv"
key = "employee_id"
[source.hr.columns]
given_name = "first_name"
family_name = "last_name"
email = "work_email"
title = "job_title"
manager = "manager_id"
starts = "hire_date"
ends = "termination_date"
[source.hr.status]
active = ["active", "leave"]
left = ["terminated"]

[app.lessonly]
connector = "lessonly"
base_url = "{{lessonly}}"
subdomain = "acme"
api_key = {{ file = "lessonly.key" }}
rate = {{ per_second = 5000, burst = 5000 }}

[app.lessonly.accounts]
who = 'person.active'
match = ["ext_uid == person.key", "email == person.email"]
adopt = "approve"
leave = "archive"

[app.lessonly.set]
name = 'person.given_name + " " + person.family_name'
email = 'person.email'
ext_uid = 'person.key'
job_title = 'person.title'
department = 'person.department'
role = {{ value = 'person.title.contains("Manager") ? "manager" : "learner"', lower = "approve" }}

[app.lessonly.groups]
managed = ["Sales", "Development", "Customer Service"]
member = ['person.department']

[app.absorb]
connector = "absorb"
base_url = "{{absorb}}"
scope = "all"
username = "api@acme.example"
password = {{ file = "absorb.password" }}
api_key = {{ file = "absorb.key" }}
rate = {{ per_second = 5000, burst = 5000 }}

[app.absorb.accounts]
who = 'person.active'
match = ["externalId == person.key", "emailAddress == person.email"]
leave = "deactivate"

[app.absorb.set]
username = {{ value = 'person.email', on = "create" }}
firstName = 'person.given_name'
lastName = 'person.family_name'
emailAddress = 'person.email'
externalId = 'person.key'
jobTitle = 'person.title'
department = 'person.department'
supervisor = 'person.manager'

[app.absorb.departments]
create = true

[[app.absorb.enrol]]
course = "Welcome to Acme"
when = 'person.tenure_days < 90'

{more}
"#
    )
}

fn actor(name: &str) -> Actor {
    Actor { name: name.to_owned(), proof: Proof::Unauthenticated }
}

impl World {
    /// The roster as of now: a whole file.
    pub fn roster(&self, text: &str) {
        self.write("roster.csv", text);
    }

    /// The instant that is planned for: the second at hand, as the command line has it.
    pub fn as_of(&self) -> Timestamp {
        Timestamp::from_second(self.shared.our_now().as_second()).expect("a time in the calendar")
    }

    /// `provost plan`, in a life of its own.
    pub fn plan(&self) -> Lived<Planned> {
        let ask = Ask { as_of: self.as_of(), only: None, full: false, asker: actor("ada") };
        let lived = self.live(async |engine| engine.propose(ask, &Silent).await);
        if let Lived::Done(Ok(proposed)) = &lived {
            self.keep_plans(proposed);
        }
        lived
    }

    /// Keeps the plans of a proposal as files.
    pub fn keep_plans(&self, proposed: &Proposed) {
        let mut kept = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (plan, digest) in proposed.proposal.plans().zip(&proposed.digests) {
            let path = self.path(&format!("plan-{}.json", digest.short()));
            std::fs::write(&path, plan.to_bytes()).expect("the plan is written");
            kept.plans.insert(*digest, (path, plan.clone()));
        }
        kept.held = proposed.digests.iter().skip(1).copied().collect();
    }

    /// A plan that was kept.
    pub fn plan_of(&self, digest: &Digest) -> Option<Plan> {
        self.kept.0.lock().unwrap_or_else(PoisonError::into_inner).plans.get(digest).map(|(_, plan)| plan.clone())
    }

    /// `provost approve PLAN`.
    pub fn approve(&self, digest: &Digest) -> Lived<Result<Timestamp, EngineError>> {
        self.live(async |engine| engine.decide(digest, Verdict::Yes, actor("grace")).await)
    }

    /// Notes for the checker that a plan was begun: before it is, for the life that begins it may not outlive it.
    pub fn note_applied(&self, digest: &Digest) {
        let mut kept = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.applied.contains(digest) {
            kept.applied.push(*digest);
        }
        kept.held.retain(|held| held != digest);
    }

    /// `provost apply PLAN`.
    pub fn execute(&self, digest: &Digest) -> Lived<Result<RunSummary, EngineError>> {
        self.note_applied(digest);
        let lived = self.live(async |engine| engine.execute(digest, &Silent).await);
        if let Lived::Done(Ok(summary)) = &lived {
            self.keep_report(&summary.run.id);
        }
        lived
    }

    /// `provost resume RUN`.
    pub fn resume(&self, run: &RunId) -> Lived<Result<RunSummary, EngineError>> {
        let lived = self.live(async |engine| engine.resume(run, &Silent).await);
        if let Lived::Done(Ok(summary)) = &lived {
            self.keep_report(&summary.run.id);
        }
        lived
    }

    /// The runs that are not finished, oldest first.
    pub fn unfinished(&self) -> Vec<RunId> {
        self.look(async |store| store.unfinished_runs().await).expect("the store is read").into_iter().map(|run| run.id).collect()
    }

    /// Keeps what became of a run, in place of what was known of it before.
    pub fn keep_report(&self, run: &RunId) {
        let at = self.now();
        let report = self.look(async |store| {
            let run = store.run(run).await?;
            let plan = store.plan(&run.digest, at).await?.plan;
            let records: Vec<_> = store.records(&run.id).await?.into_values().collect();
            let done = records.iter().filter(|record| record.state.is_done());
            let done: Vec<_> = done.map(|record| serde_json::json!({ "step": record.step, "state": "done" })).collect();
            let report = serde_json::to_value(plan::report::report(&run, &plan, &records)).expect("a report is JSON");
            Ok::<_, store::StoreError>(serde_json::json!({ "report": report, "done": done }))
        });
        // A step may be planned again as it was: what became of it then counts, and a report alone does not list what was done.
        let report = report.expect("the report is read");
        let mut kept = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.path(&format!("report-{run}.json"));
        std::fs::write(&path, serde_json::to_vec(&report).expect("a report is JSON")).expect("the report is written");
        if !kept.outcomes.iter().any(|(known, _)| known == run) {
            kept.outcomes.push((run.clone(), path));
        }
    }

    /// Keeps what became of every run.
    pub fn keep_all_reports(&self) {
        let mut runs = self.look(async |store| store.runs().await).expect("the store is read");
        runs.reverse();
        runs.iter().for_each(|run| self.keep_report(&run.id));
    }

    /// Whether every step of every run was done by that run itself: none was found done by another.
    pub fn every_step_was_done(&self) -> bool {
        let at = self.now();
        let done = self.look(async |store| {
            for run in store.runs().await? {
                let steps = store.plan(&run.digest, at).await?.plan.steps.len();
                let records = store.records(&run.id).await?;
                if records.len() != steps || !records.values().all(|record| record.state == model::StepState::Done) {
                    return Ok(false);
                }
            }
            Ok::<_, store::StoreError>(true)
        });
        done.expect("the store is read")
    }

    /// What the independent checker says about everything that happened in this world, in words.
    pub fn checked(&self, more: &[String]) -> Vec<String> {
        let said = |one: Violation| format!("{} {} {}: {}", one.rule, one.name, one.app, one.what);
        self.violations(more).into_iter().map(said).collect()
    }

    /// What the independent checker says about everything that happened in this world.
    pub fn violations(&self, more: &[String]) -> Vec<Violation> {
        let file = |name: &str| self.path(name).display().to_string();
        let mut words: Vec<String> = vec!["--config".into(), file("provost.toml"), "--roster".into(), file("roster.csv")];
        words.extend(["--as-of".into(), self.as_of().to_string()]);
        for app in ["lessonly", "absorb"] {
            let files = [file(&format!("{app}.ledger.jsonl")), file(&format!("{app}.access.jsonl"))].join(",");
            words.extend(["--app".into(), format!("{app}={files}")]);
        }
        // A plan whose yes was never written is refused: nothing of it is approved, and it explains nothing.
        let runs = self.look(async |store| store.runs().await).expect("the store is read");
        let begun: BTreeSet<Digest> = runs.into_iter().map(|run| run.digest).collect();
        let kept = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        let paths = |digests: &[Digest]| -> Vec<String> {
            digests.iter().filter_map(|digest| kept.plans.get(digest)).map(|(path, _)| path.display().to_string()).collect()
        };
        let applied: Vec<Digest> = kept.applied.iter().copied().filter(|digest| begun.contains(digest)).collect();
        if !applied.is_empty() {
            words.push("--plans".into());
            words.extend(paths(&applied));
        }
        if !kept.held.is_empty() {
            words.push("--held".into());
            words.extend(paths(&kept.held));
        }
        for (_, path) in &kept.outcomes {
            words.extend(["--outcomes".into(), path.display().to_string()]);
        }
        drop(kept);
        words.extend(more.iter().cloned());
        let args = parse(words.clone()).unwrap_or_else(|error| panic!("{error}: {words:?}"));
        let report = provost_checker::judge(&args).unwrap_or_else(|error| panic!("the checker: {error}"));
        report.violations
    }
}

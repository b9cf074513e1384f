//! C8: the undo of a run takes back what that run did, and nothing else, to what the ledger shows was there before it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::inputs::PlanFile;
use crate::replay::{Event, Part, is_empty};
use crate::report::Report;
use crate::rules::{Case, Job, Matched};

/// The people whose accounts in this app are as an undo left them, until a later plan is about them: roster and policy say something else.
pub fn undone(plans: &[PlanFile], app: &str) -> BTreeSet<String> {
    let mut undone = BTreeSet::new();
    for file in plans {
        for person in file.plan.steps.iter().filter(|step| step.app == app).filter_map(|step| step.person.as_ref()) {
            if file.plan.inputs.reverts.is_some() {
                undone.insert(person.clone());
            } else {
                undone.remove(person);
            }
        }
    }
    undone
}

/// Judges the undos among the plans; `runs` tells which run carried out which plan.
pub fn judge(case: &Case<'_>, plans: &[PlanFile], matched: &Matched<'_>, runs: &BTreeMap<String, String>, report: &mut Report) {
    let events: HashMap<u64, &Event> = case.world.events.iter().map(|event| (event.line.seq, event)).collect();
    for (place, file) in plans.iter().enumerate() {
        let Some(run) = &file.plan.inputs.reverts else { continue };
        let digest = runs.get(run);
        let Some(of) = plans.iter().position(|plan| digest.is_some_and(|digest| plan.digest == *digest)) else {
            report.notes.push(format!("the undo of run {run} is not compared with it: no report among --outcomes names its plan"));
            continue;
        };
        for job in matched.jobs.iter().filter(|job| job.plan == place && !job.done.is_empty()) {
            let theirs: Vec<&Job<'_>> = matched
                .jobs
                .iter()
                .filter(|other| other.plan == of && other.account.is_some() && other.account == job.account)
                .collect();
            for (part, seq) in &job.done {
                let done = theirs.iter().find_map(|other| other.done.iter().find(|(other, _)| takes_back(part, other)));
                let about = format!("line {seq}: {part}, by step {} ({}), the undo of run {run}", job.step.id, job.step.label);
                let Some((_, first)) = done else {
                    report.violation("C8", "undoes_what_was_not_done", case.name, format!("{about}; that run had not done it"));
                    continue;
                };
                if let Part::Field(field) = part {
                    let held = |seq: u64, before: bool| {
                        let event = events.get(&seq)?;
                        let account = if before { event.before.as_ref() } else { event.after.as_ref() };
                        account?.fields.get(field).filter(|value| !is_empty(value))
                    };
                    let (was, is) = (held(*first, true), held(*seq, false));
                    if was != is {
                        let word = |value: Option<&serde_json::Value>| value.map_or_else(|| "nothing".to_owned(), ToString::to_string);
                        let what = format!("{about}; before that run it was {}, and is {} after", word(was), word(is));
                        report.violation("C8", "not_as_before", case.name, what);
                    }
                }
            }
        }
    }
}

/// Whether one part is the other taken back.
fn takes_back(part: &Part, done: &Part) -> bool {
    match (part, done) {
        (Part::Field(own), Part::Field(other)) => own == other,
        (Part::Active(false), Part::Made) => true,
        (Part::Active(own), Part::Active(other)) => own != other,
        (Part::Group(own, is_in), Part::Group(other, was_in)) => own == other && is_in != was_in,
        _ => false,
    }
}

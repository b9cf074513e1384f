//! What a rehearsal showed, for people and as JSON.

mod show;
mod verdict;

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::{AppName, Digest, Plan, Proposal, Step, Verb};
use serde::Serialize;

use crate::draft::verb_word;
use crate::report::Undone;

pub use verdict::{Deviation, Held, judge};

/// One rehearsal of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rehearsal {
    /// The plan, which is as it was: its yes is not used up.
    pub plan: Digest,
    /// Its class in words.
    pub class: String,
    /// Steps in it.
    pub steps: u64,
    /// Whether every pass in every app came out as the plan promised.
    pub as_promised: bool,
    /// How long it would take at the vendors' limits, in milliseconds, where nothing fails and answers take no time: that of the slowest
    /// app, for apps are worked on at the same time.
    pub millis: u64,
    /// What it did to people: effect → steps.
    pub effects: BTreeMap<&'static str, u64>,
    /// To whom the vendors would have written: key and name.
    pub notified: Vec<String>,
    /// App by app.
    pub apps: BTreeMap<AppName, Rehearsed>,
    /// What a person should know about it, one line each.
    pub notes: Vec<String>,
}

/// What was rehearsed of one app.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rehearsed {
    /// When its records were read that the stand-in was loaded from.
    pub read: Timestamp,
    /// How many accounts that were.
    pub accounts: u64,
    /// The limit that was kept, in words.
    pub limit: String,
    /// The fewest requests that could write it, batches full and nothing looked at.
    pub least: u64,
    /// Where nothing fails.
    pub clean: Pass,
    /// Under faults, unless they were switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faulty: Option<Pass>,
}

/// One carrying out of an app's part of the plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Pass {
    /// Whether the end is what the plan promised.
    pub as_promised: bool,
    /// Verb → outcome → steps.
    pub counts: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// Steps that were not done.
    pub undone: Vec<Undone>,
    /// Requests, log-in included.
    pub requests: u64,
    /// Those of them that were not only looks.
    pub writes: u64,
    /// How long it took by the clock of the rehearsal, in milliseconds.
    pub millis: u64,
    /// How often it was cut off in the middle of a call, as a power cut would.
    pub crashes: u64,
    /// How often it was gone on with, after a crash or after it had stopped by itself.
    pub resumed: u64,
    /// Why it stopped for good, where it did.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stopped_by: String,
    /// Fault → how often.
    pub faults: BTreeMap<String, u64>,
    /// In what the end is otherwise than promised.
    pub deviations: Vec<Deviation>,
    /// What planning again from the end would do once more.
    pub left: Vec<Left>,
}

/// A step that was rehearsed and is planned again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// What it would do, in a word.
    pub verb: &'static str,
    /// To whom.
    pub who: String,
    /// Why, as the new plan says it.
    pub reason: String,
}

/// The steps of a proposal, made from how it ended, that say again what a rehearsed step has said.
pub fn left(rehearsed: &[&Step], again: &Proposal) -> Vec<Left> {
    let mut known: BTreeMap<_, Vec<&Step>> = BTreeMap::new();
    for step in rehearsed {
        known.entry(key(step)).or_default().push(step);
    }
    let said = |step: &&Step| known.get(&key(step)).is_some_and(|earlier| earlier.iter().any(|earlier| overlap(earlier, step)));
    let steps = again.plans().flat_map(|plan: &Plan| &plan.steps).filter(said);
    steps
        .map(|step| {
            let who = step.person.as_ref().map_or_else(|| step.label.to_string(), |key| format!("{key} {}", step.label));
            Left { verb: verb_word(step.verb), who, reason: step.reason.to_string() }
        })
        .collect()
}

/// What a step is about: the app, whom, and what is done.
fn key(step: &Step) -> (&AppName, String, Verb, Option<&str>) {
    let who = step.person.as_ref().map_or_else(|| step.label.to_string(), |key| format!("person {key}"));
    (&step.app, who, step.verb, step.content.as_deref())
}

/// Whether two steps with the same key say the same: of values and groups, those that both name.
fn overlap(earlier: &Step, again: &Step) -> bool {
    if !matches!(again.verb, Verb::Update | Verb::Relate) {
        return true;
    }
    again.set.keys().any(|name| earlier.set.contains_key(name))
        || again.add_groups.iter().any(|group| earlier.add_groups.contains(group))
        || again.remove_groups.iter().any(|group| earlier.remove_groups.contains(group))
}

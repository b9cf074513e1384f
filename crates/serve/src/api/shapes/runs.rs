//! Runs, jobs and the audit trail.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::{AuditWord, Hex, Instant, OrNull};

/// Where a run stands.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
pub(in crate::api) enum RunState {
    Running,
    Finished,
    Stopped,
}

/// The carrying out of a plan.
#[derive(JsonSchema)]
pub(in crate::api) struct Run {
    /// Its id.
    id: String,
    /// The plan.
    digest: Hex,
    /// The decision that it used up.
    decision: String,
    /// Where it stands.
    state: RunState,
    /// When it began.
    started: Instant,
    /// When it ended or stopped.
    ended: Option<Instant>,
    /// Why it stopped.
    stopped_by: Option<String>,
}

/// What became of a run.
#[derive(JsonSchema)]
pub(in crate::api) struct Report {
    /// The run.
    run: String,
    /// The plan.
    plan: Hex,
    /// Where it stands.
    state: RunState,
    /// When it began.
    started: Instant,
    /// When it ended or stopped.
    ended: Option<Instant>,
    /// Why it stopped.
    stopped_by: Option<String>,
    /// Steps in the plan.
    steps: u64,
    /// Steps whose end state is there.
    done: u64,
    /// App, verb, outcome: steps.
    counts: BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>,
    /// What the done steps did to people: steps by effect.
    effects: BTreeMap<String, u64>,
    /// Requests a minute that an app was found to take.
    found_per_minute: Option<BTreeMap<String, u64>>,
    /// Steps that were not done.
    open: Vec<Undone>,
    /// The command that makes the plan which takes it back.
    undo: Option<String>,
}

/// A step that was not done.
#[derive(JsonSchema)]
pub(in crate::api) struct Undone {
    /// Which.
    step: String,
    /// In which app.
    app: String,
    /// What it would do.
    verb: String,
    /// To whom.
    who: String,
    /// The outcome in a word.
    outcome: String,
    /// What is known about it.
    detail: String,
}

/// What this server does for somebody.
#[derive(JsonSchema)]
pub(in crate::api) struct Job {
    /// Its id.
    id: String,
    /// What it does.
    task: Task,
    /// For whom.
    by: String,
    /// Since when.
    began: Instant,
    /// How far it is.
    progress: Progress,
    /// What came of it; not there while it is under way.
    came: Option<Came>,
    /// When it ended.
    ended: Option<Instant>,
}

/// What a job does.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", tag = "kind")]
pub(in crate::api) enum Task {
    /// Read, and plan.
    Plan {
        /// For whom only.
        people: Option<Vec<String>>,
    },
    /// Carry out an approved plan.
    Run {
        /// Which.
        plan: Hex,
    },
    /// Go on with a run.
    Resume {
        /// Which.
        run: String,
    },
    /// Plan what takes a run back.
    Revert {
        /// Which.
        run: String,
    },
}

/// How far a job is.
#[derive(JsonSchema)]
pub(in crate::api) struct Progress {
    /// What was read of each source and app.
    read: BTreeMap<String, Reading>,
    /// The run, once it began.
    run: Option<String>,
    /// Steps, of each app.
    steps: BTreeMap<String, StepCount>,
    /// What was told on the way.
    notes: Vec<String>,
}

/// How much of something was read.
#[derive(JsonSchema)]
pub(in crate::api) struct Reading {
    /// Records so far.
    records: u64,
    /// Records in all.
    total: Option<u64>,
    /// How complete it is, in words.
    certificate: Option<String>,
}

/// How many steps of an app ended.
#[derive(JsonSchema)]
pub(in crate::api) struct StepCount {
    /// To be done when it began.
    total: u64,
    /// Done.
    done: u64,
    /// Ended otherwise.
    other: u64,
}

/// What came of a job.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", tag = "outcome")]
pub(in crate::api) enum Came {
    /// Plans.
    Planned {
        /// Which proposal.
        proposal: OrNull<u64>,
        /// The open plan, then the held ones.
        plans: Vec<Hex>,
    },
    /// A run.
    Ran {
        /// Which.
        run: String,
        /// How it ended.
        state: RunState,
        /// Steps done.
        done: u64,
        /// Steps that ended otherwise.
        other: u64,
        /// Steps without an outcome.
        left: u64,
        /// Requests sent, per app.
        requests: BTreeMap<String, u64>,
    },
    /// An error.
    Failed {
        /// What happened.
        what: String,
        /// What to do.
        next: String,
    },
}

/// An entry of the audit trail.
#[derive(JsonSchema)]
pub(in crate::api) struct AuditEntry {
    /// Its place, from 1.
    seq: u64,
    /// When.
    at: Instant,
    /// Who, and how we know.
    actor: BTreeMap<String, Value>,
    /// What.
    what: AuditWord,
    /// To what.
    subject: String,
    /// More about it.
    details: Value,
    /// The hash of the entry before.
    previous: Hex,
    /// The hash of this one.
    hash: Hex,
}

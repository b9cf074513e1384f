//! What became of a run, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use model::{AppName, Digest, Effect, Plan, Run, RunId, RunState, StepId, StepRecord, StepState};
use serde::Serialize;

use crate::draft::verb_word;
use crate::paper::{Paper, PaperTable, csv};
use crate::render::markdown_escape;
use crate::render::{Paint, clean};

/// What became of one plan's run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The run.
    pub run: RunId,
    /// The plan it carried out.
    pub plan: Digest,
    /// Where it stands.
    pub state: RunState,
    /// When it began.
    pub started: Timestamp,
    /// When it ended or stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it stopped, when it did.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stopped_by: String,
    /// Steps in the plan.
    pub steps: u64,
    /// Steps whose end state is there.
    pub done: u64,
    /// App → verb → outcome → steps.
    pub counts: BTreeMap<AppName, BTreeMap<&'static str, BTreeMap<&'static str, u64>>>,
    /// What the done steps did to people: effect → steps.
    pub effects: BTreeMap<&'static str, u64>,
    /// Requests a minute that an app was found to take in this run, where its limit is not known.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub found_per_minute: BTreeMap<AppName, u64>,
    /// Steps that were not done, in the order of the plan.
    pub open: Vec<Undone>,
    /// All steps in the order of the plan, for a spreadsheet.
    #[serde(skip)]
    pub all: Vec<Undone>,
    /// The command that makes the plan which takes the run back; none where it did nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
}

/// What became of a step; mostly one that was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// Which.
    pub step: StepId,
    /// In which app.
    pub app: AppName,
    /// What it would do, in a word.
    pub verb: &'static str,
    /// To whom: key and name, or the name of the group or department.
    pub who: String,
    /// The outcome in a word: `drifted`, `failed`, `skipped`, `unsettled`, `started`, `not begun`; `done` and `already done` too where all
    /// steps are told.
    pub outcome: &'static str,
    /// What is known about it.
    pub detail: String,
}

/// Puts the journal of a run together with its plan.
pub fn report(run: &Run, plan: &Plan, records: &[StepRecord]) -> Report {
    let states: BTreeMap<&StepId, &StepState> = records.iter().map(|record| (&record.step, &record.state)).collect();
    let labels: BTreeMap<&StepId, String> = plan
        .steps
        .iter()
        .map(|step| (&step.id, step.person.as_ref().map_or_else(|| step.label.to_string(), |key| format!("{key} {}", step.label))))
        .collect();
    let mut report = Report {
        run: run.id.clone(),
        plan: run.digest,
        state: run.state,
        started: run.started,
        ended: run.ended,
        stopped_by: run.stopped_by.clone(),
        steps: plan.steps.len() as u64,
        done: 0,
        counts: BTreeMap::new(),
        effects: BTreeMap::new(),
        found_per_minute: BTreeMap::new(),
        open: Vec::new(),
        all: Vec::new(),
        undo: None,
    };
    for step in &plan.steps {
        let state = states.get(&step.id).copied();
        let (outcome, detail) = outcome(state, &labels);
        *report.counts.entry(step.app.clone()).or_default().entry(verb_word(step.verb)).or_default().entry(outcome).or_default() += 1;
        let who = labels.get(&step.id).cloned().unwrap_or_default();
        let became = Undone { step: step.id, app: step.app.clone(), verb: verb_word(step.verb), who, outcome, detail };
        report.all.push(became.clone());
        if state.is_some_and(StepState::is_done) {
            report.done += 1;
            step.effects.iter().map(|effect: &Effect| effect.word()).for_each(|effect| *report.effects.entry(effect).or_default() += 1);
        } else {
            report.open.push(became);
        }
    }
    let did_something = |record: &StepRecord| matches!(record.state, StepState::Done);
    report.undo = records.iter().any(did_something).then(|| format!("provost revert {}", run.id));
    report
}

/// What became of a step, in a word: [`Undone::outcome`].
pub fn outcome_word(state: Option<&StepState>) -> &'static str {
    match state {
        None => "not begun",
        Some(StepState::Started) => "started",
        Some(StepState::Done) => "done",
        Some(StepState::AlreadyDone) => "already done",
        Some(StepState::Drifted { .. }) => "drifted",
        Some(StepState::Failed { .. }) => "failed",
        Some(StepState::Skipped { .. }) => "skipped",
        Some(StepState::Unsettled { .. }) => "unsettled",
    }
}

fn outcome(state: Option<&StepState>, labels: &BTreeMap<&StepId, String>) -> (&'static str, String) {
    let detail = match state {
        None | Some(StepState::Done | StepState::AlreadyDone) => String::new(),
        Some(StepState::Started) => "its outcome is not known yet; `resume` looks".into(),
        Some(StepState::Drifted { found }) => format!("somebody changed it since; found {found}; not overwritten"),
        Some(StepState::Failed { code, detail }) => format!("{code}: {detail}"),
        Some(StepState::Skipped { because }) => {
            let because = labels.get(because).cloned().unwrap_or_else(|| because.to_string());
            format!("needs a step for {because} that was not done")
        }
        Some(StepState::Unsettled { detail }) => format!("{detail}; a person has to look"),
    };
    (outcome_word(state), detail)
}

impl Report {
    fn state_words(&self) -> String {
        match self.state {
            RunState::Running => "running or cut off; `resume` goes on with it".into(),
            RunState::Finished => "finished".into(),
            RunState::Stopped => format!("stopped by {}; `resume` goes on with it", self.stopped_by),
        }
    }

    /// One line each; `counts` are a table of their own elsewhere.
    fn facts(&self, counts: bool) -> Vec<String> {
        let mut facts = vec![self.state_words(), format!("{} of {} steps done", self.done, self.steps)];
        let ended = self.ended.map(|ended| format!(", ended {ended}")).unwrap_or_default();
        facts.push(format!("started {}{ended}", self.started));
        for (app, verbs) in self.counts.iter().filter(|_| counts) {
            for (verb, outcomes) in verbs {
                let outcomes: Vec<String> = outcomes.iter().map(|(outcome, count)| format!("{outcome} {count}")).collect();
                facts.push(format!("{app}, {verb}: {}", outcomes.join(", ")));
            }
        }
        if !self.effects.is_empty() {
            let effects: Vec<String> = self.effects.iter().map(|(effect, count)| format!("{effect} {count}")).collect();
            facts.push(format!("effects: {}", effects.join(", ")));
        }
        facts.extend(self.undo.as_ref().map(|undo| format!("to take it back: {undo}")));
        facts.extend(self.found_per_minute.iter().map(|(app, found)| format!("{app} was found to take {found} requests a minute")));
        facts
    }

    /// For a terminal.
    pub fn text(&self, colour: bool) -> String {
        let paint = Paint(colour);
        let mut out = String::new();
        let title = format!("run {} of plan {}", self.run, self.plan.short());
        let title = if self.open.is_empty() { paint.green(&title) } else { paint.yellow(&title) };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{title}");
        for fact in self.facts(true) {
            let _ = writeln!(out, "  {}", clean(&fact));
        }
        for undone in &self.open {
            let outcome = if undone.outcome == "failed" { paint.red(undone.outcome) } else { paint.yellow(undone.outcome) };
            let _ = writeln!(out, "  {outcome} in {}, {}: {}", clean(undone.app.as_str()), undone.verb, clean(&undone.who));
            if !undone.detail.is_empty() {
                let _ = writeln!(out, "    {}", clean(&undone.detail));
            }
        }
        out
    }

    /// For a ticket.
    pub fn markdown(&self) -> String {
        let mut out = format!("## run {} of plan {}\n\n", markdown_escape(self.run.as_str()), self.plan.short());
        for fact in self.facts(true) {
            let _ = writeln!(out, "- {}", markdown_escape(&fact));
        }
        if !self.open.is_empty() {
            let _ = writeln!(out, "\n| outcome | app | do | to whom | detail |\n|---|---|---|---|---|");
        }
        for undone in &self.open {
            let (app, who, detail) =
                (markdown_escape(undone.app.as_str()), markdown_escape(&undone.who), markdown_escape(&undone.detail));
            let _ = writeln!(out, "| {} | {app} | {} | {who} | {detail} |", undone.outcome, undone.verb);
        }
        out
    }

    /// For a browser, and for paper.
    pub fn html(&self) -> String {
        let counted = self.counts.iter().flat_map(|(app, verbs)| verbs.iter().map(move |(verb, outcomes)| (app, verb, outcomes)));
        let counted = counted.flat_map(|(app, verb, outcomes)| {
            outcomes.iter().map(move |(outcome, count)| [app.as_str(), verb, outcome, &count.to_string()].map(str::to_owned).to_vec())
        });
        let undone = self.open.iter().map(|step| {
            let cells = [step.outcome, step.app.as_str(), step.verb, step.who.as_str(), step.detail.as_str()];
            cells.map(str::to_owned).to_vec()
        });
        let tables = vec![
            PaperTable {
                caption: "Steps by outcome".to_owned(),
                columns: vec!["app", "do", "outcome", "steps"],
                rows: counted.collect(),
                none: "the plan has no steps",
            },
            PaperTable {
                caption: "Steps that were not done".to_owned(),
                columns: vec!["outcome", "app", "do", "to whom", "detail"],
                rows: undone.collect(),
                none: "none: every step is done",
            },
        ];
        Paper { title: format!("Run {} of plan {}", self.run, self.plan.short()), facts: self.facts(false), tables }.html()
    }

    /// For a spreadsheet: a line for each step, in the order of the plan.
    pub fn csv(&self) -> String {
        let columns = ["run", "step", "app", "do", "to_whom", "outcome", "detail"];
        let cells = |step: &Undone| {
            let id = step.step.to_string();
            let cells = [self.run.as_str(), &id, step.app.as_str(), step.verb, &step.who, step.outcome, &step.detail];
            cells.map(str::to_owned).to_vec()
        };
        csv(&columns, self.all.iter().map(cells))
    }
}

//! `provost apply` and `provost resume`: the carrying out of an approved plan.

use std::collections::BTreeMap;

use clap::Args;
use engine::{Engine, RunSummary, Watch};
use model::{RunState, StepState, Verdict};
use serde_json::json;
use store::PlanStatus;

use super::pick;
use crate::args::Globals;
use crate::faces::{End, Face, Progress};
use crate::failure::Failure;
use crate::owner;
use crate::wiring::{Opened, Reach};

const APPLY_AFTER: &str = "\
Examples:
  provost apply open              the open plan, once it is approved
  provost apply open --yes        approve it and carry it out
  provost apply plan.json --yes

Control-C stops it between calls; `provost resume` goes on.";

const RESUME_AFTER: &str = "\
Examples:
  provost resume                  the run that is not finished
  provost resume 0192f3";

/// Carry out an approved plan
#[derive(Debug, Args)]
#[command(after_help = APPLY_AFTER)]
pub(crate) struct ApplyArgs {
    #[arg(value_name = "PLAN", help = pick::PLAN_HELP)]
    plan: String,
    /// Say yes to it first, if nobody has
    #[arg(long, short)]
    yes: bool,
}

/// Go on with a run that was cut off or stopped
#[derive(Debug, Args)]
#[command(after_help = RESUME_AFTER)]
pub(crate) struct ResumeArgs {
    /// Which run [default: the oldest that is not finished and may still be resumed]
    #[arg(value_name = "RUN")]
    run: Option<String>,
}

pub(crate) async fn apply(globals: &Globals, args: &ApplyArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Apps).await?;
    let stored = pick::plan(opened.engine.store(), &args.plan, opened.clock.now()).await?;
    let digest = stored.summary.digest;
    let decided = opened.engine.store().decided(&digest).await?.is_some();
    if args.yes && !decided && stored.summary.status == PlanStatus::Pending && stored.summary.steps > 0 {
        opened.engine.decide(&digest, Verdict::Yes, owner::user()).await?;
    }
    let progress = Progress::new(face);
    progress.stop_on_control_c()?;
    let ended = opened.engine.execute(&digest, &progress).await;
    progress.end();
    finish(face, opened, ended?, progress.stop_asked()).await
}

pub(crate) async fn resume(globals: &Globals, args: &ResumeArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Apps).await?;
    let store = opened.engine.store();
    let run = match &args.run {
        Some(word) => pick::run(store, word).await?,
        None => match opened.engine.next_to_resume().await? {
            Some(run) => run,
            None => {
                opened.close().await;
                face.show(&json!({ "run": null }), || "every run is finished: nothing to go on with".to_owned())?;
                return Ok(End::Done);
            }
        },
    };
    let progress = Progress::new(face);
    progress.stop_on_control_c()?;
    let ended = opened.engine.resume(&run.id, &progress).await;
    progress.end();
    finish(face, opened, ended?, progress.stop_asked()).await
}

/// How many steps ended in each way.
async fn ends(engine: &Engine, summary: &RunSummary) -> Result<BTreeMap<&'static str, usize>, Failure> {
    let mut ends = BTreeMap::new();
    for record in engine.store().records(&summary.run.id).await?.values() {
        *ends.entry(word(&record.state)).or_default() += 1;
    }
    Ok(ends)
}

fn word(state: &StepState) -> &'static str {
    match state {
        StepState::Started => "unknown",
        StepState::Done => "done",
        StepState::AlreadyDone => "already_done",
        StepState::Drifted { .. } => "drifted",
        StepState::Failed { .. } => "failed",
        StepState::Skipped { .. } => "skipped",
        StepState::Unsettled { .. } => "unsettled",
    }
}

/// Shows how a run ended, and says what it means for the exit code: 1 when it stopped or a step failed, 2 when a person has to look.
async fn finish(face: Face, opened: Opened, summary: RunSummary, asked: bool) -> Result<End, Failure> {
    let ends = ends(&opened.engine, &summary).await?;
    let audit = opened.engine.store().audit_head().await?;
    opened.close().await;
    let RunSummary { run, done, other, left, requests, found_per_minute } = &summary;
    let mut value =
        json!({ "run": run, "done": done, "other": other, "left": left, "steps": ends, "requests": requests, "audit": audit });
    if !found_per_minute.is_empty() {
        value["found_per_minute"] = json!(found_per_minute);
    }
    face.show(&value, || {
        let mut text = format!("run {}: {done} done", run.id);
        for (word, count) in ends.iter().filter(|(word, _)| **word != "done" && **word != "unknown") {
            text.push_str(&format!(", {count} {}", word.replace('_', " ")));
        }
        if *left > 0 {
            text.push_str(&format!(", {left} not begun or unknown"));
        }
        let found = |app| found_per_minute.get(app).map(|found| format!(" (found to take {found} a minute)")).unwrap_or_default();
        let sent = requests.iter().map(|(app, count)| format!("{app} {count}{}", found(app))).collect::<Vec<_>>().join(", ");
        text.push_str(&format!("\nrequests: {sent}\nnext: provost report {}\n", run.id));
        text
    })?;
    super::audit::note(face, audit);
    if run.state != RunState::Finished {
        let why = if asked { "control-C was pressed" } else { &run.stopped_by };
        let next = format!("`provost resume {}` goes on; nothing is lost and nothing will be done twice", run.id);
        return Err(Failure::new(format!("the run stopped: {why}"), next));
    }
    if let Some(failed) = ends.get("failed") {
        let next = format!("`provost report {}` names them; correct the cause, then `provost plan` again", run.id);
        return Err(Failure::new(format!("{failed} steps failed"), next));
    }
    Ok(if *other > 0 { End::Waits } else { End::Done })
}

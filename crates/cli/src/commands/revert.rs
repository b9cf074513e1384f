//! `provost revert`: the undo of a run, as a plan to be approved like any other.

use std::path::PathBuf;

use clap::Args;
use engine::{Revert, Undo};
use model::PersonKey;
use serde_json::json;

use super::{pick, plan};
use crate::args::Globals;
use crate::faces::{End, Format, Progress};
use crate::failure::Failure;
use crate::owner;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost revert latest                       take the last run back: makes a plan, changes nothing yet
  provost revert 0192f3 --person 10001        only what it did to these people
  provost revert 0192f3 -o undo.json          the plan into undo.json, what waits into undo.held-CLASS.json
  provost revert latest --format markdown     for a ticket

Reads the apps of that run first: what somebody changed since stays, and is said.  The plan is approved and applied like any other, and its
run can be reverted too.  Exit code 2 when a plan waits for a decision, 0 when there is nothing to take back.";

/// Take back what a run did: make the plan for it
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct RevertArgs {
    #[arg(value_name = "RUN", help = pick::RUN_HELP)]
    run: String,
    /// Only what was done to this person, by key; may be given again
    #[arg(long, value_name = "KEY")]
    person: Vec<String>,
    /// Write the plans into files too: JSON, or the rendering when --format is markdown or html
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn run(globals: &Globals, args: &RevertArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.no_csv()?;
    let opened = Opened::open(globals, Reach::Apps).await?;
    let run = pick::run(opened.engine.store(), &args.run).await?;
    let only = (!args.person.is_empty()).then(|| args.person.iter().map(|key| PersonKey::from(key.as_str())).collect());
    let progress = Progress::new(face);
    let as_of = plan::whole_second(opened.clock.now());
    let undo = opened.engine.revert(Revert { run: run.id, only, as_of, asker: owner::user() }, &progress).await;
    progress.end();
    let undo = undo?;
    opened.close().await;
    let more = json!({ "reverts": undo.run, "back": undo.back });
    match &args.output {
        Some(file) => plan::write(face, file, &undo.proposed, more)?,
        None => plan::print(face, &undo.proposed, more),
    }
    if face.format == Format::Text {
        face.note(&told(&undo));
    }
    plan::tell_waiting(face, &undo.proposed, None)
}

/// What the undo comes to, in a sentence.
fn told(undo: &Undo) -> String {
    let steps: usize = undo.proposed.proposal.plans().map(|plan| plan.steps.len()).sum();
    let left = undo.proposed.proposal.findings.len();
    let back = match undo.back {
        0 => String::new(),
        1 => "; 1 account is as it was before already".to_owned(),
        back => format!("; {back} accounts are as they were before already"),
    };
    let stays = if left == 0 { String::new() } else { format!("; what is left as it is is said above ({left})") };
    match steps {
        0 => format!("run {}: there is nothing to take back{back}{stays}", undo.run),
        steps => format!("run {}: steps that take it back: {steps}{back}{stays}", undo.run),
    }
}

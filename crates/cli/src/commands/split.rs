//! `provost split`: leaves steps out of a plan; two plans take its place.

use clap::Args;
use engine::Divided;
use model::Spoken;
use serde_json::{Value, json};

use super::pick;
use super::signing::Signer;
use crate::args::Globals;
use crate::faces::End;
use crate::failure::Failure;
use crate::owner;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
What needs a step that is left out is left out with it.  Both new plans wait for a decision, count for the guards as the old one did, and end
when it would have; the old one is superseded.

Examples:
  provost split open --leave-out E00059
  provost split held-access_lost --leave-out E00059 --leave-out 5783f2d5 --key ~/.ssh/id_ed25519
  provost approve open --leave-out E00059       the same, and yes to the rest";

/// Leave steps out of a plan: what goes on and what is left out become plans of their own
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct SplitArgs {
    #[arg(value_name = "PLAN", help = pick::PLAN_HELP)]
    plan: String,
    /// This person's steps (by key), or this step (8 digits of its id or more); may be given again
    #[arg(long, required = true, value_name = "PERSON|STEP")]
    leave_out: Vec<String>,
    /// Sign the asking for both with this private key
    #[arg(long, value_name = "FILE")]
    key: Option<std::path::PathBuf>,
}

pub(crate) async fn run(globals: &Globals, args: &SplitArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Store).await?;
    // Understood before anything is changed.
    let signer = args.key.as_ref().map(|file| Signer::load(file, &opened.approvers)).transpose()?;
    let digest = pick::plan(opened.engine.store(), &args.plan, opened.clock.now()).await?.summary.digest;
    let divided = opened.engine.leave_out(&digest, &args.leave_out, &owner::user()).await?;
    if let Some(signer) = &signer {
        for plan in std::iter::once(&divided.kept).chain(&divided.left).filter(|plan| pick::waits(plan)) {
            signer.say(&opened.engine, &plan.digest, Spoken::Ask).await?;
        }
    }
    let audit = opened.engine.store().audit_head().await?;
    opened.close().await;
    let mut value = json!({ "split": divided_json(&divided), "audit": audit });
    if let Some(signer) = &signer {
        value["asked_by"] = json!(signer.name);
    }
    face.show(&value, || divided_text(&divided) + &format!("next: provost approve {}\n", divided.kept.digest.short()))?;
    Ok(End::Waits)
}

/// What became of a plan of which steps were left out, for programs.
pub(crate) fn divided_json(divided: &Divided) -> Value {
    json!({ "kept": divided.kept, "left_out": divided.left, "later": divided.later })
}

/// The same, for people.
pub(crate) fn divided_text(divided: &Divided) -> String {
    let mut text = format!("plan {} goes on with {} steps\n", divided.kept.digest.short(), divided.kept.steps);
    if let Some(left) = &divided.left {
        text.push_str(&format!("plan {} holds the {} that are left out\n", left.digest.short(), left.steps));
    }
    if divided.later > 0 {
        text.push_str(&format!("{} need a step that goes on: the planning after it proposes them again\n", divided.later));
    }
    text
}

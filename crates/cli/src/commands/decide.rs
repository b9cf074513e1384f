//! `provost approve` and `provost reject`: a person's yes or no to one digest.

use clap::Args;
use model::Verdict;
use serde_json::json;

use super::pick;
use crate::args::Globals;
use crate::faces::End;
use crate::failure::Failure;
use crate::owner;
use crate::wiring::{Opened, Reach};

const APPROVE_AFTER: &str = "\
Examples:
  provost approve open                 the open plan of the last planning
  provost approve 3f9c21d0             by the first digits of its digest
  provost approve plan.json
  provost approve held-access_lost     release what a guard held back

A yes is for exactly these bytes, is used once, and expires.";

const REJECT_AFTER: &str = "\
Examples:
  provost reject held-access_lost --reason \"the export lacks the Berlin office\"";

/// Say yes to plans
#[derive(Debug, Args)]
#[command(after_help = APPROVE_AFTER)]
pub(crate) struct ApproveArgs {
    #[arg(required = true, value_name = "PLAN", help = pick::PLAN_HELP)]
    plans: Vec<String>,
}

/// Say no to a plan
#[derive(Debug, Args)]
#[command(after_help = REJECT_AFTER)]
pub(crate) struct RejectArgs {
    #[arg(value_name = "PLAN", help = pick::PLAN_HELP)]
    plan: String,
    /// Why, for whoever asked
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Says yes to each plan; all are found before the first is decided.
///
/// # Errors
/// A [`Failure`]; plans approved before it stay approved, and are told.
pub(crate) async fn approve(globals: &Globals, args: &ApproveArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Store).await?;
    let (store, now) = (opened.engine.store(), opened.clock.now());
    let mut plans = Vec::new();
    for word in &args.plans {
        plans.push(pick::plan(store, word, now).await?);
    }
    let mut approved = Vec::new();
    let mut failed = None;
    for stored in plans {
        match opened.engine.decide(&stored.summary.digest, Verdict::Yes, owner::user()).await {
            Ok(expires) => approved.push((stored.summary, expires)),
            Err(error) => {
                failed = Some(Failure::from(error));
                break;
            }
        }
    }
    opened.close().await;
    if !approved.is_empty() {
        let rows: Vec<_> =
            approved.iter().map(|(plan, expires)| json!({ "digest": plan.digest, "steps": plan.steps, "expires": expires })).collect();
        face.show(&json!({ "approved": rows }), || {
            approved
                .iter()
                .map(|(plan, expires)| {
                    let short = plan.digest.short();
                    format!("approved plan {short} ({} steps), until {expires}\nnext: provost apply {short}\n", plan.steps)
                })
                .collect()
        })?;
    }
    failed.map_or(Ok(End::Done), Err)
}

/// Says no to a plan.
///
/// # Errors
/// A [`Failure`]; nothing was decided then.
pub(crate) async fn reject(globals: &Globals, args: &RejectArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    if args.reason.trim().is_empty() {
        return Err(Failure::new("a no needs its reason", "--reason \"…\", for whoever asked"));
    }
    let opened = Opened::open(globals, Reach::Store).await?;
    let digest = pick::plan(opened.engine.store(), &args.plan, opened.clock.now()).await?.summary.digest;
    opened.engine.decide(&digest, Verdict::No { reason: args.reason.trim().to_owned() }, owner::user()).await?;
    opened.close().await;
    face.show(&json!({ "rejected": digest }), || format!("rejected plan {}", digest.short()))?;
    Ok(End::Done)
}

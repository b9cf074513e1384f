//! `provost show`: a plan with every step, or the list of plans.

use clap::Args;
use serde_json::json;
use store::PlanSummary;

use super::pick;
use crate::args::Globals;
use crate::faces::{End, Format, Table, plan_json, sheet};
use crate::failure::Failure;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost show                          the plans and where they stand
  provost show open
  provost show held-access_lost --format markdown
  provost show plan.json --format html > plan.html";

/// Show a plan with every step, or list the plans
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct ShowArgs {
    #[arg(value_name = "PLAN", help = pick::PLAN_HELP)]
    plan: Option<String>,
}

pub(crate) async fn run(globals: &Globals, args: &ShowArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.no_csv()?;
    let opened = Opened::open(globals, Reach::Store).await?;
    let (store, now) = (opened.engine.store(), opened.clock.now());
    let Some(word) = &args.plan else {
        let plans = store.plans(now).await?;
        opened.close().await;
        face.show(&json!({ "plans": plans }), || list(&plans))?;
        return Ok(if plans.iter().any(pick::waits) { End::Waits } else { End::Done });
    };
    let stored = pick::plan(store, word, now).await?;
    opened.close().await;
    match face.format {
        Format::Json => face.json(&plan_json(&stored.summary, &stored.plan)),
        format => face.rendered(&sheet(format, &stored.plan, face.colour)),
    }
    if face.format == Format::Text {
        face.note(&format!(
            "{}, asked for by {}, until {:.0}",
            status(&stored.summary),
            stored.summary.asker.name,
            stored.summary.expires
        ));
    }
    Ok(if pick::waits(&stored.summary) { End::Waits } else { End::Done })
}

fn list(plans: &[PlanSummary]) -> String {
    if plans.is_empty() {
        return "there is no plan yet; `provost plan` makes one".to_owned();
    }
    let mut table = Table::new(["PLAN", "CLASS", "STEPS", "STATUS", "MADE", "UNTIL"]);
    for plan in plans {
        let (made, until) = (format!("{:.0}", plan.created), format!("{:.0}", plan.expires));
        table.row([plan.digest.short(), pick::class_word(&plan.class), plan.steps.to_string(), status(plan), made, until]);
    }
    table.lines()
}

/// Where a plan stands, as JSON writes it.
fn status(plan: &PlanSummary) -> String {
    match serde_json::to_value(plan.status) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

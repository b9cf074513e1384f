//! `provost triggers`: what happened elsewhere, and what came of it.

use clap::Args;
use engine::{Followed, FollowedPlan};
use serde_json::json;

use super::pick::class_word;
use crate::args::Globals;
use crate::faces::{End, Table};
use crate::failure::Failure;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost triggers                 the newest: webhooks, pushes, schedules, rosters that were written
  provost triggers 01931f2a        one of them: its plans, who said yes, what ran and how that ended
  provost triggers --format json";

/// How many are listed when nothing is said.
const MOST: u64 = 50;

/// Follow what happened elsewhere to what was done here
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct TriggersArgs {
    /// The beginning of a trigger's id
    #[arg(value_name = "TRIGGER")]
    trigger: Option<String>,
    /// How many to list, the newest first
    #[arg(long, value_name = "N", default_value_t = MOST, conflicts_with = "trigger")]
    most: u64,
}

pub(crate) async fn run(globals: &Globals, args: &TriggersArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Store).await?;
    if let Some(prefix) = &args.trigger {
        let followed = opened.engine.follow(prefix).await;
        opened.close().await;
        let followed = followed?;
        face.show(&json!(followed), || in_words(&followed))?;
        return Ok(End::Done);
    }
    let triggers = opened.engine.triggers(args.most).await;
    opened.close().await;
    let triggers = triggers?;
    face.show(&json!({ "triggers": triggers }), || {
        if triggers.is_empty() {
            return "nothing was heard of yet; `provost serve` hears of webhooks, pushes, schedules and watched rosters".to_owned();
        }
        let mut table = Table::new(["TRIGGER", "CAME", "KIND", "FROM", "EVENT", "PERSON", "STATE"]);
        for one in &triggers {
            let person = one.person.as_ref().map(ToString::to_string).unwrap_or_default();
            let state = one.state.word().to_owned();
            table.row([
                one.id.clone(),
                format!("{:.0}", one.came),
                one.kind.word().into(),
                one.from.clone(),
                one.event.clone(),
                person,
                state,
            ]);
        }
        table.lines()
    })?;
    Ok(End::Done)
}

fn in_words(followed: &Followed) -> String {
    let Followed { trigger, planning, plans } = followed;
    let mut text = format!(
        "trigger {}\n  {} {}: {}, happened {:.0}, came {:.0}\n",
        trigger.id,
        trigger.kind.word(),
        trigger.from,
        trigger.event,
        trigger.at,
        trigger.came
    );
    if !trigger.account.is_empty() {
        text.push_str(&format!("  about account {}\n", trigger.account));
    }
    if let Some(person) = &trigger.person {
        text.push_str(&format!("  concerns {person}: `provost explain {person}`\n"));
    }
    match planning {
        Some(planning) => {
            let people = planning.people.map_or_else(|| "everybody".to_owned(), |people| format!("{people} of the roster"));
            text.push_str(&format!("planned for {people} at {:.0}\n", planning.at));
            if plans.is_empty() {
                text.push_str("  nothing had to change\n");
            }
        }
        None => text.push_str(match trigger.state {
            model::TriggerState::Waiting => "waits to be planned for\n",
            _ => "nobody of the roster is concerned: nothing followed\n",
        }),
    }
    for FollowedPlan { digest, class, steps, status, decision, report } in plans {
        let status = json!(status).as_str().unwrap_or_default().to_owned();
        text.push_str(&format!("  plan {} ({}, {steps} steps): {status}\n", digest.short(), class_word(class)));
        if let Some(decision) = decision {
            let word = if decision.verdict == model::Verdict::Yes { "yes" } else { "no" };
            text.push_str(&format!("    {word} by {} at {:.0}\n", decision.by.name, decision.at));
        }
        if let Some(report) = report {
            let state = json!(report.state).as_str().unwrap_or_default().to_owned();
            text.push_str(&format!("    run {}: {state}, {} of {} done\n", report.run, report.done, report.steps));
        }
    }
    text
}

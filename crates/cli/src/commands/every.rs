//! `provost plan --every`: plans again and again, until it is told to stop.

use std::time::Duration;

use engine::{Ask, EngineError, Proposed, RunSummary};
use model::{Class, PersonKey};
use serde_json::json;

use super::pick;
use super::plan::{PlanArgs, whole_second};
use crate::args::Globals;
use crate::faces::{End, Face, Progress, unshown};
use crate::failure::Failure;
use crate::owner;
use crate::stops::Stops;
use crate::wiring::{Opened, Reach};

/// How long nothing is asked after a rival was seen: each of our log-ins would end the other's.
const AFTER_RIVAL: Duration = Duration::from_secs(3600);

/// Plans every so many seconds, give or take a tenth: from what changed where an app tells it, from everything where that is due.  What goes
/// wrong in one round is told, and the next one is tried.
///
/// # Errors
/// A [`Failure`] when it cannot begin at all.
pub(crate) async fn every(globals: &Globals, seconds: i64, args: &PlanArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let mut stops = Stops::listen()?;
    let mut opened = Opened::open(globals, Reach::Apps).await?;
    // What one round knew serves the next.
    opened.engine = opened.engine.planning_again();
    let PlanArgs { full, person: only, apply, .. } = args;
    let only = (!only.is_empty()).then(|| only.iter().map(|key| PersonKey::from(key.as_str())).collect());
    let between = Duration::from_secs(seconds.unsigned_abs());
    loop {
        let now = opened.clock.now();
        let ask = Ask { as_of: whole_second(now), only: Option::clone(&only), full: *full, asker: owner::user() };
        let progress = Progress::new(face);
        let round = tokio::select! {
            round = opened.engine.propose(ask, &progress) => round,
            () = stops.next() => break,
        };
        progress.end();
        let mut pause = jittered(between, now.subsec_nanosecond().unsigned_abs());
        match round {
            Ok(proposed) => {
                tell(face, &proposed, now);
                // A run that began is not cut off by control-C: it ends, or stops by itself.
                let ran = if *apply { opened.engine.execute_ahead(&proposed, &progress).await } else { Ok(None) };
                progress.end();
                match ran {
                    Ok(Some(summary)) => tell_run(face, &summary),
                    Ok(None) => {}
                    Err(error) => face.failure(&Failure::from(error)),
                }
            }
            Err(error) => {
                if matches!(error, EngineError::Rival { .. }) {
                    pause = pause.max(AFTER_RIVAL);
                }
                face.failure(&Failure::from(error));
            }
        }
        // Nobody reads it any more.
        if unshown().is_some() {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stops.next() => break,
        }
    }
    opened.close().await;
    Ok(End::Done)
}

/// A tenth more or less, so that many who began together do not ask together for ever.
fn jittered(between: Duration, chance: u32) -> Duration {
    between.mul_f64(0.9 + 0.2 * f64::from(chance % 1_000_000) / 1e6)
}

/// One line: what has to change, and which plans wait.
fn tell(face: Face, proposed: &Proposed, now: jiff::Timestamp) {
    let plans: Vec<(&Class, u64)> =
        proposed.stands.iter().filter(|plan| plan.steps > 0).map(|plan| (&plan.class, plan.steps)).collect();
    let waiting: Vec<String> = proposed.stands.iter().filter(|plan| pick::waits(plan)).map(|plan| plan.digest.short()).collect();
    let steps: Vec<String> = plans.iter().map(|(class, steps)| format!("{} {steps}", pick::class_word(class))).collect();
    let steps = if steps.is_empty() { "nothing to do".to_owned() } else { format!("steps: {}", steps.join(", ")) };
    let waits = if waiting.is_empty() { String::new() } else { format!("; waiting: {}", waiting.join(", ")) };
    let findings = proposed.proposal.findings.len();
    let found = if findings == 0 { String::new() } else { format!("; findings: {findings}") };
    match face.format {
        crate::faces::Format::Json => face.json(&json!({ "at": now, "plans": proposed.stands, "findings": findings })),
        _ => face.text(&format!("{now:.0}  {steps}{waits}{found}")),
    }
}

/// How a run ended that a standing approval approved, on one line.
pub(super) fn tell_run(face: Face, summary: &RunSummary) {
    let RunSummary { run, done, other, left, .. } = summary;
    match face.format {
        crate::faces::Format::Json => face.note(&json!({ "run": run, "done": done, "other": other, "left": left }).to_string()),
        _ => face.text(&format!("run {} by a standing approval: {done} done, {other} not, {left} left", run.id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_a_tenth_more_or_less() {
        let quarter = Duration::from_secs(900);
        for chance in [0, 1, 499_999, 999_999, u32::MAX] {
            let pause = jittered(quarter, chance);
            assert!((Duration::from_secs(810)..=Duration::from_secs(990)).contains(&pause), "{pause:?}");
        }
        assert_ne!(jittered(quarter, 0), jittered(quarter, 500_000));
    }
}

//! `provost rehearse`: a plan carried out where nobody is.

use clap::Args;
use engine::Rehearse;
use sandbox::Faults;

use super::pick;
use crate::args::Globals;
use crate::config::Config;
use crate::faces::{End, Format, Progress};
use crate::failure::Failure;
use crate::stage::Sandboxed;
use crate::wiring::{Opened, Reach};

/// What goes wrong unless one says otherwise: what networks, proxies and vendors do on a bad day, many times as often.
const FAULTS: &str = "429:2s=1%, 503-before@GET|PUT=1%, 500-after@POST|PUT=1%, 504-late@POST|PUT=0.5%, reset-before@GET|PUT=1%, \
                      reset-after@POST|PUT=1%, html-after:502@POST|PUT=0.5%, slow:3s=1%, truncated@GET=0.1%";

const AFTER: &str = "\
It opens stand-ins of the apps in this process, loads them with the records that the plan was made from, and carries the
plan out there with the real connectors: once where nothing fails, once under faults, cut off in the middle and gone on
with.  Then it reads the stand-ins anew and compares them with what the plan promised: every value, group and enrolment,
everybody whom the plan is not about, nothing double; and plans again, which must leave nothing.

Nothing is asked of an app, no credential is needed, and the plan stays as it is: its yes is not used up.  Time is the
rehearsal's own, so that hours take seconds.

Examples:
  provost rehearse open                        the open plan
  provost rehearse held-leavers                what a guard holds, before somebody says yes to it
  provost rehearse plan.json --format markdown for a ticket
  provost rehearse open --faults none          only where nothing fails
  provost rehearse open --faults '429=50%' --seed 7

Faults are written as in `provost sandbox --faults`.  Exit codes: 0 as promised, 1 not, or it could not be rehearsed.";

/// Carry out a plan in stand-ins loaded from its readings, under faults, and say whether it comes out as promised
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct RehearseArgs {
    #[arg(value_name = "PLAN", default_value = "open", help = pick::PLAN_HELP)]
    plan: String,
    /// What goes wrong in the second pass; `none` leaves it out [default: a bad day, see docs/rehearsal.md]
    #[arg(long, value_name = "SPEC")]
    faults: Option<String>,
    /// What chance is made from: where things go wrong, and where the work is cut off
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

pub(crate) async fn run(globals: &Globals, args: &RehearseArgs) -> Result<End, Failure> {
    let face = globals.face();
    if matches!(face.format, Format::Html | Format::Csv) {
        return Err(Failure::new("rehearsals are text, json or markdown", "use --format markdown"));
    }
    let faults = faults(args)?;
    let stage = Sandboxed::new(Config::load(globals.config.as_deref())?.apps, faults.clone().unwrap_or_default())?;
    let scratch = tempfile::Builder::new().prefix("provost-rehearsal").tempdir().map_err(|error| {
        let next = "the rehearsal keeps what it throws away there; make room, or set TMPDIR to another folder";
        Failure::new(format!("cannot make a folder in {}: {error}", std::env::temp_dir().display()), next)
    })?;
    let opened = Opened::open(globals, Reach::Store).await?;
    let stored = pick::plan(opened.engine.store(), &args.plan, opened.clock.now()).await?;
    let how = Rehearse { stage: &stage, scratch: scratch.path(), seed: args.seed, faulty: faults.is_some() };
    let progress = Progress::new(face);
    let rehearsed = opened.engine.rehearse(&stored.summary.digest, how, &progress).await;
    progress.end();
    opened.close().await;
    let rehearsal = rehearsed?;
    match face.format {
        Format::Json => face.json(&rehearsal),
        Format::Markdown => face.rendered(&rehearsal.markdown()),
        Format::Text | Format::Html | Format::Csv => face.rendered(&rehearsal.text(face.colour)),
    }
    if rehearsal.as_promised {
        return Ok(End::Done);
    }
    let next =
        "do not approve it as it is: look at what is told above, correct roster, policy or app, then `provost plan` and rehearse again";
    Err(Failure::new(format!("plan {} does not come out as it promises", rehearsal.plan.short()), next))
}

/// What is to go wrong; none where nothing is.
fn faults(args: &RehearseArgs) -> Result<Option<Faults>, Failure> {
    let spec = match args.faults.as_deref() {
        Some("none") => return Ok(None),
        Some(spec) => spec,
        None => FAULTS,
    };
    let seeded = if spec.contains("seed") { spec.to_owned() } else { format!("{spec}, seed={}", args.seed) };
    let wrong =
        |why| Failure::new(format!("--faults: {why}"), "docs/sandboxes.md says how faults are written; `none` switches them off");
    seeded.parse().map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(faults: Option<&str>, seed: u64) -> RehearseArgs {
        RehearseArgs { plan: "open".to_owned(), faults: faults.map(str::to_owned), seed }
    }

    #[test]
    fn faults_are_those_of_a_bad_day_or_as_asked_for_or_none() {
        let of = |spec: &str| Some(spec.parse::<Faults>().unwrap());
        assert_eq!(faults(&args(None, 3)).unwrap(), of(&format!("{FAULTS}, seed=3")));
        assert_eq!(faults(&args(Some("429=5%"), 7)).unwrap(), of("429=5%, seed=7"));
        assert_eq!(faults(&args(Some("429=5%, seed=9"), 7)).unwrap(), of("429=5%, seed=9"));
        assert_eq!(faults(&args(Some("none"), 7)).unwrap(), None);
        let told = faults(&args(Some("often"), 7)).unwrap_err().told();
        assert!(told.what.contains("there is no fault `often`"), "{told:?}");
    }
}

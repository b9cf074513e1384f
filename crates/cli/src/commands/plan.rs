//! `provost plan`: reads the roster and the apps, and says what has to change and why.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Args;
use engine::{Ask, Proposed, RunSummary};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{Class, FindingKind, PersonKey, Spoken};
use plan::render::Document;
use serde_json::{Value, json};
use store::PlanStatus;

use super::signing::Signer;
use super::{every, pick};
use crate::args::Globals;
use crate::config::seconds;
use crate::faces::{End, Face, Format, Progress, plan_json, sheet};
use crate::failure::Failure;
use crate::owner;
use crate::whole::{Readers, Staged};
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost plan
  provost plan -o plan.json                 the open plan into plan.json, what waits into plan.held-CLASS.json
  provost plan -o plan.html --format html   a page to read; plans to approve are JSON
  provost plan --as-of 2026-12-01 --person 10001
  provost plan --every 15m                  again and again: what changed where an app tells it, else everything
  provost plan --every 15m --apply          and carry out what a standing approval covers

Nothing is changed by it without --apply.  Exit code 2 when a plan waits for a decision, 0 when there is nothing to do.";

/// How many steps of a kind are listed; `provost show` lists them all.
const LISTED: usize = 10;

/// Say what has to change, and why
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct PlanArgs {
    /// Write the plans into files too: JSON, or the rendering when --format is markdown or html
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Plan for this instant, or the beginning of this day, instead of now
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Plan for this person only, by key; may be given again
    #[arg(long, value_name = "KEY")]
    pub(super) person: Vec<String>,
    /// Read every app as a whole, also where it tells what changed since the last time
    #[arg(long)]
    pub(super) full: bool,
    /// Sign the asking for every plan that waits with this private key: what counts where four eyes are wanted
    #[arg(long, value_name = "FILE", conflicts_with = "every")]
    key: Option<PathBuf>,
    /// Plan again and again, this long apart (15m), until control-C; prints a line each time
    #[arg(long, value_name = "TIME", conflicts_with_all = ["output", "as_of"], value_parser = length)]
    every: Option<i64>,
    /// Carry out what a standing approval approves, at once; everything else waits as ever
    #[arg(long)]
    pub(super) apply: bool,
}

pub(crate) async fn run(globals: &Globals, args: &PlanArgs) -> Result<End, Failure> {
    if let Some(seconds) = args.every {
        return every::every(globals, seconds, args).await;
    }
    let face = globals.face();
    face.no_csv()?;
    let opened = Opened::open(globals, Reach::Apps).await?;
    // Understood before anything is asked.
    let signer = args.key.as_ref().map(|file| Signer::load(file, &opened.approvers)).transpose()?;
    let as_of = match &args.as_of {
        Some(text) => instant("--as-of", text, &opened.engine.policy().policy().organization.time_zone)?,
        None => whole_second(opened.clock.now()),
    };
    let only = (!args.person.is_empty()).then(|| args.person.iter().map(|key| PersonKey::from(key.as_str())).collect());
    let progress = Progress::new(face);
    let proposed = opened.engine.propose(Ask { as_of, only, full: args.full, asker: owner::user() }, &progress).await;
    progress.end();
    let mut proposed = proposed?;
    if let Some(signer) = &signer {
        for plan in proposed.stands.iter_mut().filter(|plan| pick::waits(plan)) {
            signer.say(&opened.engine, &plan.digest, Spoken::Ask).await?;
            plan.asker = opened.engine.store().plan(&plan.digest, opened.clock.now()).await?.summary.asker;
        }
    }
    let ran = if args.apply { opened.engine.execute_ahead(&proposed, &progress).await } else { Ok(None) };
    progress.end();
    opened.close().await;
    match &args.output {
        Some(file) => write(face, file, &proposed, json!({}))?,
        None => print(face, &proposed, json!({})),
    }
    tell_waiting(face, &proposed, ran?.as_ref())
}

/// Says which plans wait for a decision, or for being carried out, or what came of `ran`, the one that was; and what that means for the exit
/// code.
///
/// # Errors
/// A [`Failure`] when that run stopped.
pub(super) fn tell_waiting(face: Face, proposed: &Proposed, ran: Option<&RunSummary>) -> Result<End, Failure> {
    let waiting: Vec<_> = proposed.stands.iter().filter(|plan| pick::waits(plan)).collect();
    for plan in &waiting {
        let short = plan.digest.short();
        face.note(&format!(
            "{} plan {short} waits: provost approve {short}, then provost apply {short}",
            pick::class_word(&plan.class)
        ));
    }
    if let Some(summary) = ran {
        every::tell_run(face, summary);
        if summary.run.state != model::RunState::Finished {
            let next = format!("`provost resume {}` goes on", summary.run.id);
            return Err(Failure::new(format!("the run stopped: {}", summary.run.stopped_by), next));
        }
    } else {
        for plan in proposed.stands.iter().filter(|plan| plan.status == PlanStatus::Approved) {
            let short = plan.digest.short();
            let ahead = proposed.proposal.open.inputs.standing.filter(|_| plan.class == Class::Open);
            let by = ahead.map(|rule| format!(" by standing approval {}", rule.short())).unwrap_or_default();
            face.note(&format!("{} plan {short} is approved{by}: provost apply {short}", pick::class_word(&plan.class)));
        }
    }
    // Whoever counts on the exit code must not take a plan that an app is left out of for all there is to do.
    let left_out = proposed.proposal.findings.iter().any(|finding| finding.kind == FindingKind::Quarantined);
    Ok(if waiting.is_empty() && !left_out { End::Done } else { End::Waits })
}

/// Prints the plans; `more` are members of the JSON beside them.
pub(super) fn print(face: Face, proposed: &Proposed, more: Value) {
    match face.format {
        Format::Json => face.json(&document(proposed, more)),
        Format::Text => face.rendered(&sheet(Format::Text, Document::from(&proposed.proposal).at_most(LISTED), face.colour)),
        format => face.rendered(&sheet(format, &proposed.proposal, false)),
    }
}

fn document(proposed: &Proposed, mut more: Value) -> Value {
    let plans: Vec<Value> =
        proposed.stands.iter().zip(proposed.proposal.plans()).map(|(stands, plan)| plan_json(stands, plan)).collect();
    more["plans"] = plans.into();
    more["findings"] = json!(proposed.proposal.findings);
    more
}

/// Writes the plans' canonical bytes, or one rendering of all, and says where.
///
/// # Errors
/// A [`Failure`] when a file cannot be written; the plans are kept all the same.
pub(super) fn write(face: Face, file: &Path, proposed: &Proposed, mut more: Value) -> Result<(), Failure> {
    let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    match face.format {
        Format::Markdown | Format::Html => files.push((file.to_owned(), sheet(face.format, &proposed.proposal, false).into_bytes())),
        Format::Text | Format::Json | Format::Csv => {
            files.extend(proposed.proposal.plans().map(|plan| (file_of(file, &plan.class), plan.to_bytes())));
        }
    }
    let failed = |path: &Path, error: std::io::Error| {
        let first = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => "free space, or name another file",
            std::io::ErrorKind::NotFound => "make the folder, or name another file",
            _ => "name a file that you may write to",
        };
        let next = format!("{first}; no file was changed, and the plans are kept: `provost show` lists them");
        Failure::new(format!("cannot write {}: {error}", path.display()), next)
    };
    // All of them are on disk before the first has its name: what lies there are the plans of one planning.
    let mut staged = Vec::new();
    for (path, bytes) in &files {
        staged.push((path, Staged::write(path, bytes, Readers::Usual).map_err(|error| failed(path, error))?));
    }
    for (path, staged) in staged {
        staged.replace().map_err(|error| failed(path, error))?;
    }
    if face.format == Format::Json {
        let files: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
        more["files"] = files.into();
        face.json(&document(proposed, more));
    } else {
        if face.format == Format::Text {
            face.rendered(&sheet(Format::Text, Document::from(&proposed.proposal).at_most(LISTED), face.colour));
        }
        for (path, _) in &files {
            face.text(&format!("wrote {}", path.display()));
        }
    }
    Ok(())
}

/// The open plan's file is the one asked for; a held one's has its class before the ending.
fn file_of(file: &Path, class: &Class) -> PathBuf {
    match class {
        Class::Open => file.to_owned(),
        Class::Held(class) => match file.extension() {
            Some(ending) => {
                let mut longer = OsString::from(format!("held-{class}."));
                longer.push(ending);
                file.with_extension(longer)
            }
            None => {
                let mut name = file.as_os_str().to_owned();
                name.push(format!(".held-{class}"));
                PathBuf::from(name)
            }
        },
    }
}

/// How long apart: not nothing.
fn length(text: &str) -> Result<i64, String> {
    seconds(text).filter(|seconds| *seconds > 0).ok_or_else(|| "write a whole number and a unit: 90s, 15m, 24h".to_owned())
}

/// Plans are for whole seconds: the rest would only make digests differ.
pub(super) fn whole_second(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// An instant, or a day's beginning in the organization's zone.
///
/// # Errors
/// A [`Failure`] that names the option.
pub(super) fn instant(option: &str, text: &str, zone: &str) -> Result<Timestamp, Failure> {
    let wrong = || Failure::new(format!("{option} {text} is no time"), "write 2026-12-01, or 2026-12-01T09:00:00Z");
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    let day: Date = text.parse().map_err(|_| wrong())?;
    let zone = TimeZone::get(zone).map_err(|_| wrong())?;
    day.to_zoned(zone).map(|zoned| zoned.timestamp()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_plan_has_its_class_in_the_name_of_its_file() {
        let held = Class::Held("access_lost".into());
        assert_eq!(file_of(Path::new("out/plan.json"), &Class::Open), Path::new("out/plan.json"));
        assert_eq!(file_of(Path::new("out/plan.json"), &held), Path::new("out/plan.held-access_lost.json"));
        assert_eq!(file_of(Path::new("plan"), &held), Path::new("plan.held-access_lost"));
    }

    #[test]
    fn a_day_begins_where_the_organization_is() {
        assert_eq!(instant("--as-of", "2026-12-01", "America/Chicago").unwrap().to_string(), "2026-12-01T06:00:00Z");
        assert_eq!(instant("--as-of", "2026-12-01T09:00:00+01:00", "America/Chicago").unwrap().to_string(), "2026-12-01T08:00:00Z");
        assert!(instant("--as-of", "tomorrow", "America/Chicago").is_err());
    }
}

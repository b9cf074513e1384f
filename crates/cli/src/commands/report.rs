//! `provost report`: what became of a run.

use clap::Args;

use super::pick;
use crate::args::Globals;
use crate::faces::{End, Format};
use crate::failure::Failure;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost report                        of the last run
  provost report 0192f3 --format markdown
  provost report --format html > run.html
  provost report --format csv > run.csv     a line for each step";

/// Say what became of a run, step by step where one was not done
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct ReportArgs {
    #[arg(value_name = "RUN", default_value = "latest", help = pick::RUN_HELP)]
    run: String,
}

pub(crate) async fn run(globals: &Globals, args: &ReportArgs) -> Result<End, Failure> {
    let face = globals.face();
    let opened = Opened::open(globals, Reach::Store).await?;
    let run = pick::run(opened.engine.store(), &args.run).await?;
    let report = opened.engine.report(&run.id).await?;
    let audit = opened.engine.store().audit_head().await?;
    opened.close().await;
    match face.format {
        Format::Json => face.json(&report),
        Format::Markdown => face.rendered(&report.markdown()),
        Format::Html => face.rendered(&report.html()),
        Format::Csv => face.rendered(&report.csv()),
        Format::Text => face.rendered(&report.text(face.colour)),
    }
    super::audit::note(face, audit);
    Ok(if report.open.is_empty() { End::Done } else { End::Waits })
}

//! `provost explain`: everything known of one person, and what the next plan would do and why.

use clap::Args;

use crate::args::Globals;
use crate::faces::{End, Format};
use crate::failure::Failure;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost explain 10001
  provost explain jane.doe@acme.example
  provost explain \"Jane Doe\" --format json

It goes by the last reading; `provost plan` reads anew.";

/// Say everything about one person: who they are, what they have, what will change and why
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct ExplainArgs {
    /// A key, an e-mail, or a whole name
    #[arg(value_name = "WHO")]
    who: String,
}

pub(crate) async fn run(globals: &Globals, args: &ExplainArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Store).await?;
    let explanation = opened.engine.explain(&args.who, opened.clock.now()).await?;
    opened.close().await;
    match face.format {
        Format::Json => face.json(&explanation),
        _ => face.rendered(&explanation.text(face.colour)),
    }
    Ok(End::Done)
}

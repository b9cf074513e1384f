//! `provost review`: who has access, by whose decision; which licences nobody needs.

use clap::{Args, Subcommand};
use model::{AppName, PersonKey};
use plan::Paper;
use serde::Serialize;

use crate::args::Globals;
use crate::faces::{End, Face, Format};
use crate::failure::Failure;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost review access --format html > access.html         every app, to be printed or signed
  provost review access --app absorb --manager E00012       the people of one manager
  provost review access --format csv > access.csv
  provost review licences                                   left, orphaned, never logged in: by app and department

Reviews are made from what was read last: `provost plan` reads anew.  What is not known is said to be unknown.";

/// Review who has access and who decided so, and which licences nobody needs
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct ReviewArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Who has what in each app: since when, on what evidence, by whose decision
    Access {
        /// Only in this app
        #[arg(long, value_name = "APP")]
        app: Option<String>,
        /// Only people whose manager has this key
        #[arg(long, value_name = "KEY")]
        manager: Option<String>,
    },
    /// Accounts that can log in and that nobody here needs, counted by app and department
    Licences,
}

pub(crate) async fn run(globals: &Globals, args: &ReviewArgs) -> Result<End, Failure> {
    let face = globals.face();
    let opened = Opened::open(globals, Reach::Store).await?;
    match &args.what {
        What::Access { app, manager } => {
            let (app, manager) = (app.as_deref().map(AppName::from), manager.as_deref().map(PersonKey::from));
            let review = opened.engine.review_access(app.as_ref(), manager.as_ref()).await;
            opened.close().await;
            let review = review?;
            show(face, &review, || review.paper(), || review.csv());
        }
        What::Licences => {
            let review = opened.engine.review_licences().await;
            opened.close().await;
            let review = review?;
            show(face, &review, || review.paper(), || review.csv());
        }
    }
    Ok(End::Done)
}

fn show<T: Serialize>(face: Face, review: &T, paper: impl FnOnce() -> Paper, csv: impl FnOnce() -> String) {
    match face.format {
        Format::Json => face.json(review),
        Format::Csv => face.rendered(&csv()),
        Format::Text => face.rendered(&paper().text(face.colour)),
        Format::Markdown => face.rendered(&paper().markdown()),
        Format::Html => face.rendered(&paper().html()),
    }
}

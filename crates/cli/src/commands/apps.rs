//! `provost apps`: the configured apps and what was last read of them.

use clap::Args;
use model::Completeness;
use serde_json::json;

use crate::args::Globals;
use crate::faces::{End, Table};
use crate::failure::Failure;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost apps
  provost apps --format json";

/// List the apps and what was last read of them
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct AppsArgs {}

pub(crate) async fn run(globals: &Globals, _: &AppsArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Store).await?;
    let apps = opened.engine.apps().await?;
    opened.close().await;
    face.show(&json!({ "apps": apps }), || {
        let mut table = Table::new(["APP", "CONNECTOR", "TENANT", "ACCOUNTS", "ACTIVE", "LINKED", "READ"]);
        for app in &apps {
            let read = app.certificate.as_ref().map_or_else(
                || "never".to_owned(),
                |certificate| match &certificate.completeness {
                    Completeness::Complete { .. } => format!("{:.0}, complete", certificate.at),
                    Completeness::Partial { why } => format!("{:.0}, partial: {why}", certificate.at),
                },
            );
            let counts = [app.accounts, app.active, app.linked].map(|count| count.to_string());
            let [accounts, active, linked] = counts;
            let tenant = app.fingerprint.get(..12).unwrap_or(&app.fingerprint).to_owned();
            table.row([app.app.to_string(), app.connector.to_owned(), tenant, accounts, active, linked, read]);
        }
        table.lines()
    })?;
    Ok(End::Done)
}

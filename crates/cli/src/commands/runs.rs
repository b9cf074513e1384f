//! `provost runs`: what was carried out, newest first.

use clap::Args;
use model::RunState;
use serde_json::json;

use crate::args::Globals;
use crate::faces::{End, Table};
use crate::failure::Failure;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost runs
  provost runs --format json";

/// List what was carried out
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct RunsArgs {}

pub(crate) async fn run(globals: &Globals, _: &RunsArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Store).await?;
    let runs = opened.engine.store().runs().await?;
    opened.close().await;
    face.show(&json!({ "runs": runs }), || {
        if runs.is_empty() {
            return "nothing was run yet".to_owned();
        }
        let mut table = Table::new(["RUN", "PLAN", "STATE", "STARTED", "ENDED", ""]);
        for run in &runs {
            let state = match run.state {
                RunState::Running => "running",
                RunState::Finished => "finished",
                RunState::Stopped => "stopped",
            };
            let ended = run.ended.map(|at| format!("{at:.0}")).unwrap_or_default();
            let started = format!("{:.0}", run.started);
            table.row([run.id.to_string(), run.digest.short(), state.into(), started, ended, run.stopped_by.clone()]);
        }
        table.lines()
    })?;
    Ok(End::Done)
}

//! `provost check`: who is at each address, and may we do there what we have to?

use clap::Args;
use engine::CheckReport;
use model::AppName;
use serde_json::json;

use crate::args::Globals;
use crate::faces::{End, Face, Format};
use crate::failure::Failure;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost check                every app of the configuration
  provost check --app absorb --format json";

/// Ask every app whether address, credentials, scope and fields are as they should be; only reads
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct CheckArgs {
    /// Only this app
    #[arg(long, value_name = "APP")]
    app: Vec<String>,
}

pub(crate) async fn run(globals: &Globals, args: &CheckArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Apps).await?;
    let all = opened.engine.policy().policy().apps.keys();
    let apps: Vec<AppName> =
        if args.app.is_empty() { all.cloned().collect() } else { args.app.iter().map(|app| app.as_str().into()).collect() };
    let mut found = Vec::new();
    for app in apps {
        let report = opened.engine.check(&app).await.map_err(Failure::from);
        found.push((app, report));
    }
    opened.close().await;
    show(face, &found);
    let failed: Vec<&str> = found.iter().filter(|(_, report)| report.is_err()).map(|(app, _)| app.as_str()).collect();
    if failed.is_empty() {
        return Ok(End::Done);
    }
    Err(Failure::new(format!("not ready: {}", failed.join(", ")), "correct what is told above, then `provost check` again"))
}

fn show(face: Face, found: &[(AppName, Result<CheckReport, Failure>)]) {
    if face.format == Format::Json {
        let apps: Vec<_> = found
            .iter()
            .map(|(app, report)| match report {
                Ok(report) => json!({ "app": app, "ready": true, "report": report }),
                Err(failure) => json!({ "app": app, "ready": false, "error": failure.told() }),
            })
            .collect();
        face.json(&json!({ "apps": apps }));
        return;
    }
    for (app, report) in found {
        match report {
            Ok(report) => face.text(&text(report)),
            Err(failure) => {
                let told = failure.told();
                face.text(&format!("{app}: NOT READY\n  {}\n  next: {}", told.what, told.next));
            }
        }
    }
}

fn text(report: &CheckReport) -> String {
    let tenant = &report.tenant;
    let scope = match tenant.sees_all {
        Some(true) => "sees everybody",
        Some(false) => "does NOT see everybody: nobody whom it cannot see is created or deactivated",
        None => "cannot be told; set scope = \"all\" if the log-in sees every department",
    };
    let declared =
        if tenant.declared.is_empty() { "none".to_owned() } else { tenant.declared.iter().cloned().collect::<Vec<_>>().join(", ") };
    let mut text = format!(
        "{}: ready\n  connector  {} ({} profile)\n  address    {}\n  tenant     {}\n  scope      {scope}\n  fields     {declared}\n  pace       {}\n  clock      {} ms ahead of ours\n",
        report.app, report.connector, tenant.profile, report.base_url, report.fingerprint, report.limit, tenant.clock_ahead_ms
    );
    for note in &tenant.notes {
        text.push_str(&format!("  note       {note}\n"));
    }
    text
}

//! `provost check`: who is at each address, and may we do there what we have to?

use clap::Args;
use engine::{CheckReport, Engine};
use model::{AppName, SourceName};
use serde_json::{Value, json};

use crate::args::Globals;
use crate::config::OidcConnection;
use crate::faces::{End, Face, Format};
use crate::failure::Failure;
use crate::wiring::{Opened, Reach};

/// What the provider that people log in through is called here.
const LOG_IN: &str = "log-in";

const AFTER: &str = "\
Examples:
  provost check                every app and every source that is asked, and the provider of [serve.oidc]
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
    let sources: Vec<SourceName> = if args.app.is_empty() { opened.engine.pulled_sources().cloned().collect() } else { Vec::new() };
    let mut asked = Vec::new();
    for source in sources {
        let report = opened.engine.check_source(&source).await.map_err(Failure::from);
        asked.push((source, report));
    }
    let log_in = match &opened.oidc {
        Some(oidc) if args.app.is_empty() => Some(log_in(&opened.engine, oidc).await),
        _ => None,
    };
    opened.close().await;
    show(face, &found, &asked, log_in.as_ref());
    let mut failed: Vec<String> = found.iter().filter(|(_, report)| report.is_err()).map(|(app, _)| app.to_string()).collect();
    failed.extend(asked.iter().filter(|(_, report)| report.is_err()).map(|(source, _)| format!("source.{source}")));
    failed.extend(log_in.filter(Result::is_err).map(|_| LOG_IN.to_owned()));
    if failed.is_empty() {
        return Ok(End::Done);
    }
    Err(Failure::new(format!("not ready: {}", failed.join(", ")), "correct what is told above, then `provost check` again"))
}

/// Asks the provider that people log in through what it publishes; its name.
async fn log_in(engine: &Engine, oidc: &OidcConnection) -> Result<String, Failure> {
    let oidc = oidc.resolve()?;
    let next = "compare [serve.oidc] with what the provider says of itself at ISSUER/.well-known/openid-configuration";
    oidc.check(engine).await.map_err(|error| Failure::new(error.to_string(), next))?;
    Ok(oidc.issuer)
}

/// A section's name, and what was found there.
type Found<N> = (N, Result<CheckReport, Failure>);

fn show(face: Face, found: &[Found<AppName>], asked: &[Found<SourceName>], log_in: Option<&Result<String, Failure>>) {
    if face.format == Format::Json {
        fn one(kind: &str, name: &str, report: &Result<CheckReport, Failure>) -> Value {
            match report {
                Ok(report) => json!({ kind: name, "ready": true, "report": report }),
                Err(failure) => json!({ kind: name, "ready": false, "error": failure.told() }),
            }
        }
        let apps: Vec<_> = found.iter().map(|(app, report)| one("app", app.as_str(), report)).collect();
        let mut told = json!({ "apps": apps });
        if !asked.is_empty() {
            told["sources"] = asked.iter().map(|(source, report)| one("source", source.as_str(), report)).collect();
        }
        match log_in {
            Some(Ok(issuer)) => told["log_in"] = json!({ "ready": true, "issuer": issuer }),
            Some(Err(failure)) => told["log_in"] = json!({ "ready": false, "error": failure.told() }),
            None => {}
        }
        face.json(&told);
        return;
    }
    let apps = found.iter().map(|(app, report)| (app.to_string(), report, true));
    for (name, report, is_app) in apps.chain(asked.iter().map(|(source, report)| (format!("source.{source}"), report, false))) {
        match report {
            Ok(report) => face.text(&text(report, is_app)),
            Err(failure) => {
                let told = failure.told();
                face.text(&format!("{name}: NOT READY\n  {}\n  next: {}", told.what, told.next));
            }
        }
    }
    match log_in {
        Some(Ok(issuer)) => face.text(&format!("{LOG_IN}: ready\n  provider   {issuer}\n")),
        Some(Err(failure)) => {
            let told = failure.told();
            face.text(&format!("{LOG_IN}: NOT READY\n  {}\n  next: {}", told.what, told.next));
        }
        None => {}
    }
}

/// What was found; scope and fields matter where something is changed.
fn text(report: &CheckReport, is_app: bool) -> String {
    let tenant = &report.tenant;
    let profile = format!("{}, {}", tenant.profile, if report.pinned { "pinned by configuration" } else { "told by logging in" });
    let scope = match tenant.sees_all {
        Some(true) => "sees everybody".to_owned(),
        Some(false) if tenant.sees.is_empty() => {
            "does NOT see everybody: nobody whom it cannot see is created or deactivated".to_owned()
        }
        Some(false) => format!(
            "does NOT see everybody, but {} departments: nobody whom it cannot see is created or deactivated, and nobody is moved elsewhere",
            tenant.sees.len()
        ),
        None => "cannot be told; set scope = \"all\" if the log-in sees every department".to_owned(),
    };
    let declared =
        if tenant.declared.is_empty() { "none".to_owned() } else { tenant.declared.iter().cloned().collect::<Vec<_>>().join(", ") };
    let rows = [
        ("connector", report.connector.to_owned()),
        ("profile", profile),
        ("address", report.base_url.clone()),
        ("tenant", report.fingerprint.clone()),
        ("scope", scope),
        ("fields", declared),
        ("pace", report.limit.clone()),
        ("clock", clock(tenant.clock_ahead_ms)),
    ];
    let mut text = format!("{}: ready\n", report.app);
    let recovered = report.recovered.map(|since| ("quarantine", format!("ended: it was there since {since:.0}")));
    let rows = rows.into_iter().filter(|(name, _)| is_app || !matches!(*name, "scope" | "fields"));
    for (name, value) in rows.chain(recovered).chain(tenant.notes.iter().map(|note| ("note", note.clone()))) {
        text.push_str(&format!("  {name:<10} {value}\n"));
    }
    text
}

/// How the app's clock stands to ours.
fn clock(ahead_ms: i64) -> String {
    let seconds = format!("{}.{:01} s", ahead_ms.abs() / 1000, ahead_ms.abs() % 1000 / 100);
    match ahead_ms {
        0 => "agrees with ours".to_owned(),
        1.. => format!("{seconds} ahead of ours"),
        _ => format!("{seconds} behind ours"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_says_profile_scope_and_clock_in_words() {
        let tenant = model::Tenant {
            profile: "vendor".to_owned(),
            sees_all: Some(false),
            sees: ["d1".to_owned(), "d2".to_owned()].into(),
            declared: ["customFields.string1".to_owned()].into(),
            clock_ahead_ms: -61_200,
            notes: vec!["the log-in sees 7 users".to_owned()],
        };
        let report = CheckReport {
            app: AppName::new("absorb"),
            connector: "absorb",
            base_url: "https://rest.myabsorb.example".to_owned(),
            fingerprint: "ab12".to_owned(),
            tenant,
            pinned: false,
            limit: "200 requests a second, 100 more at once".to_owned(),
            recovered: Some("2026-11-22T12:00:00Z".parse().unwrap()),
        };
        let told = text(&report, true);
        for part in [
            "vendor, told by logging in",
            "but 2 departments",
            "customFields.string1",
            "200 requests",
            "61.2 s behind",
            "sees 7 users",
            "there since 2026-11-22T12:00:00Z",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(text(&CheckReport { pinned: true, ..report }, true).contains("vendor, pinned by configuration"));
        assert_eq!((clock(0), clock(1500)), ("agrees with ours".to_owned(), "1.5 s ahead of ours".to_owned()));
    }
}

//! `provost apps`: the configured apps, what was last read of them, how they behave; ends a quarantine, tries again what was put aside.

use clap::Args;
use engine::AppRow;
use jiff::Timestamp;
use model::{AppName, Aside, Completeness};
use serde_json::json;

use crate::args::Globals;
use crate::faces::{End, Face, Table};
use crate::failure::Failure;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost apps
  provost apps absorb                     one app, with the exchange that failed and what is put aside
  provost apps absorb --release           ask it again now: end its quarantine
  provost apps absorb --retry E00012      try with the next plan what was put aside for this person
  provost apps absorb --retry all";

/// List the apps: what was last read of them and how they behave
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct AppsArgs {
    /// Everything about this app
    #[arg(value_name = "APP")]
    app: Option<String>,
    /// End its quarantine
    #[arg(long, requires = "app", conflicts_with = "retry")]
    release: bool,
    /// Try again with the next plan what was put aside: for this person (by key), this group or department (by name), or `all`
    #[arg(long, requires = "app", value_name = "WHO")]
    retry: Option<String>,
}

pub(crate) async fn run(globals: &Globals, args: &AppsArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Store).await?;
    let done = work(face, &opened, args).await;
    opened.close().await;
    done
}

async fn work(face: Face, opened: &Opened, args: &AppsArgs) -> Result<End, Failure> {
    let (engine, now) = (&opened.engine, opened.clock.now());
    let Some(app) = args.app.as_deref().map(AppName::new) else {
        let apps = engine.apps().await?;
        face.show(&json!({ "apps": apps }), || table(&apps, now))?;
        return Ok(End::Done);
    };
    if args.release {
        let was = engine.release(&app).await?;
        face.show(&json!({ "app": app, "released": was }), || match &was {
            Some(was) => format!("{app}: the quarantine since {:.0} is over; the next `provost plan` asks it", was.since),
            None => format!("{app} is not in quarantine: nothing to end"),
        })?;
        return Ok(End::Done);
    }
    if let Some(who) = &args.retry {
        let tried = engine.retry(&app, (who != "all").then_some(who)).await?;
        if tried.is_empty() && who != "all" {
            let next = format!("`provost apps {app}` lists what is put aside, with keys");
            return Err(Failure::new(format!("nothing is put aside in {app} for {who}"), next));
        }
        face.show(&json!({ "app": app, "retried": tried }), || match tried.len() {
            0 => format!("nothing is put aside in {app}"),
            _ => tried.iter().map(|one| format!("{}: the next `provost plan` tries it\n", subject(one))).collect(),
        })?;
        return Ok(End::Done);
    }
    let known = engine.apps().await?;
    let Some(row) = known.iter().find(|row| row.app == app) else {
        let names = known.iter().map(|row| row.app.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Failure::new(format!("there is no app called {app}; the configuration has: {names}"), "`provost apps` lists them"));
    };
    face.show(row, || one(row, now))?;
    Ok(End::Done)
}

fn table(apps: &[AppRow], now: Timestamp) -> String {
    let mut table = Table::new(["APP", "CONNECTOR", "TENANT", "ACCOUNTS", "ACTIVE", "LINKED", "READ", "STATE"]);
    for app in apps {
        let counts = [app.accounts, app.active, app.linked].map(|count| count.to_string());
        let [accounts, active, linked] = counts;
        let tenant = app.fingerprint.get(..12).unwrap_or(&app.fingerprint).to_owned();
        table.row([app.app.to_string(), app.connector.to_owned(), tenant, accounts, active, linked, read(app), state(app, now)]);
    }
    table.lines()
}

fn read(app: &AppRow) -> String {
    let Some(certificate) = &app.certificate else { return "never".to_owned() };
    match &certificate.completeness {
        Completeness::Complete { .. } => format!("{:.0}, complete", certificate.at),
        Completeness::Partial { why } => format!("{:.0}, partial: {why}", certificate.at),
    }
}

/// How it stands with an app, in a few words.
fn state(app: &AppRow, now: Timestamp) -> String {
    let mut state = match &app.health.quarantine {
        Some(quarantine) if quarantine.next > now => format!("quarantine, next try {:.0}", quarantine.next),
        Some(_) => "quarantine, tried with the next use".to_owned(),
        None if app.health.in_vain > 0 => format!("failing: {} in a row came to nothing", app.health.in_vain),
        None => "ok".to_owned(),
    };
    if !app.put_aside.is_empty() {
        state.push_str(&format!("; {} put aside", app.put_aside.len()));
    }
    state
}

/// Everything about one app.
fn one(app: &AppRow, now: Timestamp) -> String {
    let mut lines: Vec<(&str, String)> = vec![
        ("connector", app.connector.to_owned()),
        ("tenant", app.fingerprint.clone()),
        (
            "read",
            app.certificate
                .as_ref()
                .map_or_else(|| "never".to_owned(), |certificate| format!("{:.0}: {}", certificate.at, certificate.in_words())),
        ),
        ("accounts", format!("{}, {} active, {} linked", app.accounts, app.active, app.linked)),
        ("profile", app.profile.clone().unwrap_or_else(|| "told by logging in".to_owned())),
        ("scope", scope(app)),
        ("pace", pace(app)),
        ("log-in", session(app, now)),
    ];
    if let Some(rival) = app.rival {
        lines.push(("rival", format!("something else logged in with the same user name, last at {rival:.0}")));
    }
    lines.push(("state", state(app, now)));
    let health = &app.health;
    if let Some(quarantine) = &health.quarantine {
        lines.push(("since", format!("{:.0}", quarantine.since)));
        lines.push(("why", quarantine.why.clone()));
        lines.push(("next try", format!("{:.0}; tried {} times in vain", quarantine.next, quarantine.tries)));
    }
    if health.quarantines > 0 {
        lines.push(("how often", format!("in quarantine {} times so far", health.quarantines)));
    }
    let mut text = format!("{}\n", app.app);
    for (name, value) in lines {
        text.push_str(&format!("  {name:<10} {value}\n"));
    }
    if let Some(failing) = &health.failing {
        let exchange = &failing.exchange;
        let status = exchange.status.map_or_else(|| "no answer".to_owned(), |status| format!("answered {status}"));
        let kind = if exchange.content_type.is_empty() { String::new() } else { format!(", {}", exchange.content_type) };
        text.push_str(&format!(
            "\nlast failure, {:.0}: {}\n  {} {}\n  {status}{kind}\n",
            failing.at, failing.why, exchange.method, exchange.path
        ));
        for line in exchange.body.lines().filter(|line| !line.trim().is_empty()).take(12) {
            text.push_str(&format!("  | {line}\n"));
        }
    }
    if !app.put_aside.is_empty() {
        text.push_str("\nput aside:\n");
    }
    for aside in &app.put_aside {
        let times = if aside.tries == 1 { "once".to_owned() } else { format!("{} times", aside.tries) };
        text.push_str(&format!(
            "  {}: {} {times} since {:.0}, next try {:.0}\n    {}\n",
            subject(aside),
            aside.how.word(),
            aside.since,
            aside.until,
            aside.why
        ));
    }
    if !app.put_aside.is_empty() {
        text.push_str(&format!(
            "  next: `provost apps {} --retry KEY` (or all) tries with the next plan; what changes is tried by itself\n",
            app.app
        ));
    }
    if health.quarantine.is_some() {
        text.push_str(&format!(
            "\nnext: `provost check --app {0}` asks now; `provost apps {0} --release` ends the quarantine\n",
            app.app
        ));
    }
    text
}

/// Whom or what something that was put aside is about.
fn subject(aside: &Aside) -> String {
    let verb =
        serde_json::to_value(aside.verb).ok().and_then(|word| word.as_str().map(|word| word.replace('_', " "))).unwrap_or_default();
    match &aside.person {
        Some(person) => format!("{verb} {person} {}", aside.label),
        None => format!("{verb} {}", aside.label),
    }
}

fn scope(app: &AppRow) -> String {
    match app.sees_all {
        Some(true) => "sees everybody".to_owned(),
        Some(false) => "does NOT see everybody".to_owned(),
        None if app.scope_asserted => "everybody, as scope = \"all\" states".to_owned(),
        None => "not told".to_owned(),
    }
}

fn pace(app: &AppRow) -> String {
    let found = app.health.pace.map(|found| format!("; found to take {} requests a minute at {:.0}", found.per_minute, found.at));
    app.limit.clone() + &found.unwrap_or_default()
}

fn session(app: &AppRow, now: Timestamp) -> String {
    let Some(session) = &app.session else { return "none kept".to_owned() };
    let age = now.duration_since(session.since).as_mins().max(0);
    let until = match session.expires {
        Some(expires) if expires <= now => format!("ended {expires:.0}"),
        Some(expires) => format!("good until {expires:.0}"),
        None => "nobody says until when it is good".to_owned(),
    };
    format!("kept since {:.0} ({age} min), {until}", session.since)
}

//! `provost store`: all of the store at once: copied to another database, kept as a backup, brought back.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};
use store::{Copied, Location, Store, Tally};

use crate::args::Globals;
use crate::config::Config;
use crate::faces::{End, Face, Progress, Table};
use crate::failure::Failure;
use crate::wiring::{key_file_of, open_store};
use crate::{owner, ports};

const AFTER: &str = "\
Examples:
  provost store backup acme-2027-01-31.backup
  provost store restore acme-2027-01-31.backup
  provost store copy --to 'postgres://provost@db.example/hr?schema=acme'
  provost store copy --to provost.db";

/// Copy the store to another database, back it up, restore it
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Copy(CopyArgs),
    Backup(BackupArgs),
    Restore(RestoreArgs),
}

const COPY: &str = "\
Every row is read back and compared before it is kept; the other store must be empty.  Approvals that nobody has used stay behind
and have to be given again in the copy: a yes is used once.  Then name the copy as `store` in the configuration.

Examples:
  provost store copy --to 'postgres://provost@db.example/hr?schema=acme'
  PGPASSWORD=… provost store copy --to postgres://provost@localhost/hr
  provost store copy --to /var/lib/provost/acme.db --format json";

/// Copy everything into an empty store: a file, or a schema of a PostgreSQL database
#[derive(Debug, Args)]
#[command(after_help = COPY)]
struct CopyArgs {
    /// Where to: a file, or postgres://user@host/database?schema=name; the password from PGPASSWORD, ~/.pgpass or ?password_file=
    #[arg(long, value_name = "URL|FILE")]
    to: String,
}

const BACKUP: &str = "\
The file holds what is there at one instant, while others go on to work; only its owner can read it.  The key that kept log-ins are
sealed with is not in it: keep that elsewhere.

Examples:
  provost store backup acme-2027-01-31.backup
  provost store backup /backups/$(date +%F).backup --quiet";

/// Write everything into one new file
#[derive(Debug, Args)]
#[command(after_help = BACKUP)]
struct BackupArgs {
    /// The file; there must be none
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

const RESTORE: &str = "\
The backup is verified first; then all of it is there, or nothing was changed.  Approvals that nobody had used have to be given again.

Examples:
  provost store restore acme-2027-01-31.backup               into a new store
  provost store restore acme-2027-01-31.backup --replace     what is there now is lost";

/// Bring a backup back
#[derive(Debug, Args)]
#[command(after_help = RESTORE)]
struct RestoreArgs {
    /// What `provost store backup` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Lose what the store holds now
    #[arg(long)]
    replace: bool,
}

pub(crate) async fn run(globals: &Globals, args: &StoreArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let Config { file, store: at, .. } = Config::load(globals.config.as_deref())?;
    let now = ports::ports(globals.now)?.clock.now();
    // Understood before anything is opened: a wrong word must not make a store.
    let to = match &args.what {
        What::Copy(copy) => Some(target(&copy.to, &at)?),
        What::Backup(_) | What::Restore(_) => None,
    };
    if !matches!(args.what, What::Restore(_)) {
        there(&at)?;
    }
    let store = open_store(&at, &file).await?.acting_as(owner::user());
    let progress = Progress::new(face);
    let done = match (&args.what, &to) {
        (What::Copy(_), Some(to)) => copy(face, &progress, &store, to, now).await,
        (What::Backup(args), _) => backup(face, &progress, &store, &args.file, &key_file_of(&at, &file)).await,
        (What::Restore(args), _) => restore(face, &progress, &store, args, now).await,
        (What::Copy(_), None) => Ok(()),
    };
    progress.end();
    store.close().await;
    done.map(|()| End::Done)
}

/// Where a copy goes; paths are relative to this folder.
fn target(text: &str, from: &Location) -> Result<Location, Failure> {
    let to = Location::parse(text, Path::new("")).map_err(|error| Failure::new(error.to_string(), error.next))?;
    if to == *from {
        return Err(Failure::new(format!("{to} is the store itself"), "name another one with --to"));
    }
    Ok(to)
}

/// Refuses to make an empty store only to copy nothing.
fn there(at: &Location) -> Result<(), Failure> {
    match at {
        Location::File(path) if !path.exists() => {
            Err(Failure::new(format!("there is no store {} yet", path.display()), "provost plan"))
        }
        _ => Ok(()),
    }
}

async fn copy(face: Face, progress: &Progress, store: &Store, to: &Location, now: Timestamp) -> Result<(), Failure> {
    let other = Store::open(to).await.map_err(|error| Failure::new(error.to_string(), "`--to` names it"))?;
    let other = other.acting_as(owner::user());
    let copied = store.copy_to(&other, false, now, &mut |table, done, total| progress.count(table, done, total)).await;
    other.close().await;
    let copied = copied?;
    progress.end();
    face.show(&json!({ "copied": shown(&copied, to) }), || {
        let next = format!("next: store = \"{to}\" in the configuration; work with one of the two only");
        format!("{}copied to {to}: read back and the same{}\n{next}", rows(&copied.tally), ended(&copied))
    })
}

async fn backup(face: Face, progress: &Progress, store: &Store, file: &Path, key: &Path) -> Result<(), Failure> {
    let tally = store.backup(file, &mut |table, done, total| progress.count(table, done, total)).await?;
    progress.end();
    let key = if std::env::var_os("PROVOST_KEY").is_some() { "PROVOST_KEY".to_owned() } else { key.display().to_string() };
    face.show(&json!({ "backup": { "file": file, "rows": tally.contents.rows, "digest": tally.digest, "key": key } }), || {
        format!(
            "{}backup in {}\nthe key that kept log-ins are sealed with is not in it: keep {key} elsewhere",
            rows(&tally),
            file.display()
        )
    })
}

async fn restore(face: Face, progress: &Progress, store: &Store, args: &RestoreArgs, now: Timestamp) -> Result<(), Failure> {
    let there = store.contents().await?;
    if args.replace && there.total() > 0 {
        face.note(&format!("{} holds {there}: to be replaced", store.location()));
    }
    let restored = store.restore(&args.file, args.replace, now, &mut |table, done, total| progress.count(table, done, total)).await?;
    progress.end();
    face.show(&json!({ "restored": shown(&restored, store.location()) }), || {
        let lost = if restored.replaced.total() > 0 { format!("replaced: {}\n", restored.replaced) } else { String::new() };
        format!("{}{lost}restored into {}: read back and the same{}", rows(&restored.tally), store.location(), ended(&restored))
    })
}

fn shown(copied: &Copied, to: &Location) -> Value {
    json!({
        "to": to.to_string(),
        "rows": copied.tally.contents.rows,
        "digest": copied.tally.digest,
        "replaced": copied.replaced.rows,
        "approvals_ended": copied.approvals_ended,
    })
}

/// Counts and digest, as a list.
fn rows(tally: &Tally) -> String {
    let mut table = Table::new(["TABLE", "ROWS"]);
    for (name, rows) in &tally.contents.rows {
        table.row([name.clone(), rows.to_string()]);
    }
    format!("{}{} rows, SHA-256 {}\n", table.lines(), tally.contents.total(), tally.digest)
}

fn ended(copied: &Copied) -> String {
    match copied.approvals_ended {
        0 => String::new(),
        1 => "\n1 approval that nobody had used has to be given again".to_owned(),
        n => format!("\n{n} approvals that nobody had used have to be given again"),
    }
}

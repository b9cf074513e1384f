//! `provost audit`: the trail of what happened, and whether all of it is there.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use engine::AuditFilter;
use model::{Audited, Digest};
use serde_json::json;
use store::{AuditHead, AuditReport};

use crate::args::Globals;
use crate::commands::plan::instant;
use crate::config::Config;
use crate::faces::{End, Face, Format, Table};
use crate::failure::Failure;
use crate::whole::{Readers, Staged};
use crate::wiring::open_store;

const AFTER: &str = "\
Examples:
  provost audit verify
  provost audit verify --head 9f2c…     the hash that a report or another command printed earlier
  provost audit list --actor bob --since 2026-11-01
  provost audit show 12
  provost audit export -o trail.jsonl   one entry a line, to be kept and verified elsewhere

Exit code 1 when the trail is broken, with where.";

/// What happened, by whom, chained by hash; and whether all of it is still there
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Find any entry that was edited, removed, moved or put in, and rows that are not as they are told
    Verify {
        /// A hash that was kept elsewhere: it must be in the trail; may be given again
        #[arg(long, value_name = "HASH")]
        head: Vec<Digest>,
    },
    /// List entries
    List(Filter),
    /// Show one entry whole
    Show {
        /// Its number
        #[arg(value_name = "NUMBER")]
        seq: u64,
    },
    /// Write entries as JSON, one a line
    Export {
        /// Into this file, which must not be there, instead of standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        filter: Filter,
    },
}

/// Which entries.
#[derive(Debug, Args)]
struct Filter {
    /// Not before this instant, or the beginning of this day
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this instant, or the beginning of this day
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// By this name
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// About this: a plan's digest or its first digits, a run's id, an app, or plan:, run:, app: and the beginning
    #[arg(long, value_name = "WHAT")]
    subject: Option<String>,
    /// Of this kind: planned, approved, run_started, …; may be given again
    #[arg(long, value_name = "KIND")]
    what: Vec<String>,
}

impl Filter {
    /// The entries that are wanted; a day is one of the organization's zone.
    ///
    /// # Errors
    /// A [`Failure`] where a time is none.
    fn among(&self, entries: Vec<Audited>, zone: &str) -> Result<Vec<Audited>, Failure> {
        let time = |option, text: &Option<String>| text.as_ref().map(|text| instant(option, text, zone)).transpose();
        let Self { actor, subject, what, .. } = self;
        let meant = AuditFilter {
            since: time("--since", &self.since)?,
            until: time("--until", &self.until)?,
            actor: actor.clone(),
            subject: subject.clone(),
            what: what.clone(),
        };
        Ok(entries.into_iter().filter(|entry| meant.takes(entry)).collect())
    }

    /// A kind that nobody knows is a typing error, not an empty list.
    fn checked(&self) -> Result<(), Failure> {
        let known = || model::AuditWhat::ALL.iter().map(|what| what.word());
        match (AuditFilter { what: self.what.clone(), ..AuditFilter::default() }).unknown() {
            Some(word) => Err(Failure::new(
                format!("no entry is of the kind {word}"),
                format!("kinds are: {}", known().collect::<Vec<_>>().join(", ")),
            )),
            None => Ok(()),
        }
    }
}

pub(crate) async fn run(globals: &Globals, args: &AuditArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    if let What::List(filter) | What::Export { filter, .. } = &args.what {
        filter.checked()?;
    }
    let Config { file, store, policy, .. } = Config::load(globals.config.as_deref())?;
    let zone = &policy.policy().organization.time_zone;
    let store = open_store(&store, &file).await?;
    let done = match &args.what {
        What::Verify { head } => verify(face, &store.verify_audit(head).await?),
        What::List(filter) => {
            let entries = filter.among(store.audited().await?, zone)?;
            face.show(&json!({ "entries": entries }), || list(&entries)).map(|()| End::Done)
        }
        What::Show { seq } => match store.audited().await?.into_iter().find(|entry| entry.seq == *seq) {
            Some(entry) => face.show(&entry, || shown(&entry)).map(|()| End::Done),
            None => Err(Failure::new(format!("there is no entry {seq}"), "`provost audit list` lists them")),
        },
        What::Export { output, filter } => {
            let mut lines = Vec::new();
            for entry in &filter.among(store.audited().await?, zone)? {
                lines.extend(model::canonical_json(entry));
                lines.push(b'\n');
            }
            export(face, output.as_ref(), &lines).map(|()| End::Done)
        }
    };
    store.close().await;
    done
}

/// Says where the trail stands, for whoever keeps that elsewhere.
pub(crate) fn note(face: Face, head: Option<AuditHead>) {
    if let (Some(head), Format::Text) = (head, face.format) {
        face.note(&format!("audit trail: entry {}, {}", head.seq, head.hash));
    }
}

fn verify(face: Face, report: &AuditReport) -> Result<End, Failure> {
    let whole = report.faults.is_empty();
    let value =
        json!({ "whole": whole, "entries": report.entries, "head": report.head, "faults": report.faults, "notes": report.notes });
    if whole || face.format == Format::Json {
        face.show(&value, || {
            let mut text: String = report.notes.iter().map(|note| format!("note: {note}\n")).collect();
            match &report.head {
                Some(head) => text.push_str(&format!(
                    "{} entries, whole; head {}\nkeep this hash elsewhere: `provost audit verify --head` tells later whether all up to here is still there\n",
                    report.entries, head.hash
                )),
                None => text.push_str("nothing was noted yet\n"),
            }
            text
        })?;
    }
    if whole {
        return Ok(End::Done);
    }
    let mut what = "the audit trail is broken:".to_owned();
    for fault in report.faults.iter().take(20) {
        let at = fault.seq.map(|seq| format!("entry {seq}: ")).unwrap_or_default();
        what.push_str(&format!("\n  {at}{}", fault.what));
    }
    if report.faults.len() > 20 {
        what.push_str(&format!("\n  and {} more", report.faults.len() - 20));
    }
    for note in &report.notes {
        what.push_str(&format!("\n  note: {note}"));
    }
    Err(Failure::new(
        what,
        "somebody wrote to the database past Provost: find out who may, and compare with a backup and an export from before",
    ))
}

fn list(entries: &[Audited]) -> String {
    if entries.is_empty() {
        return "no entry".to_owned();
    }
    let mut table = Table::new(["ENTRY", "TIME", "WHO", "WHAT", "ABOUT"]);
    for entry in entries {
        let about = match entry.subject.split_once(':') {
            Some(("plan", digest)) => format!("plan {}", digest.get(..12).unwrap_or(digest)),
            Some((kind, name)) => format!("{kind} {name}"),
            None => entry.subject.clone(),
        };
        table.row([entry.seq.to_string(), format!("{:.0}", entry.at), who(entry), entry.what.clone(), about]);
    }
    table.lines()
}

/// The name, and how it is known where it is more than a name.
fn who(entry: &Audited) -> String {
    match &entry.actor["proof"] {
        serde_json::Value::String(proof) if proof == "unauthenticated" => entry.by().to_owned(),
        serde_json::Value::String(proof) => format!("{} ({proof})", entry.by()),
        serde_json::Value::Object(proof) => {
            format!("{} ({})", entry.by(), proof.keys().next().map(String::as_str).unwrap_or_default())
        }
        _ => entry.by().to_owned(),
    }
}

fn shown(entry: &Audited) -> String {
    let Audited { at, seq, subject, what, previous, hash, actor, details } = entry;
    let pretty = |value| serde_json::to_string_pretty(value).unwrap_or_default();
    format!(
        "entry {seq}, {at}\n{}: {what} {subject}\nactor {}\ndetails {}\nprevious {previous}\nhash     {hash}\n",
        who(entry),
        pretty(actor),
        pretty(details)
    )
}

fn export(face: Face, output: Option<&PathBuf>, lines: &[u8]) -> Result<(), Failure> {
    let Some(path) = output else {
        face.bytes(lines);
        return Ok(());
    };
    let written = match path.try_exists() {
        Ok(true) => Err(std::io::ErrorKind::AlreadyExists.into()),
        _ => Staged::write(path, lines, Readers::Owner).and_then(Staged::add),
    };
    written.map_err(|error| {
        Failure::new(format!("cannot write {}: {error}", path.display()), "name a new file in a folder that you may write to")
    })?;
    face.note(&format!("wrote {}", path.display()));
    Ok(())
}

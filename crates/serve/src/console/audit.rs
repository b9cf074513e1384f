//! `/audit`: what happened, by whom; whether all of it is there; and all of it as a file.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use engine::{AuditFilter, AuditReport, Caller};
use form_urlencoded::Serializer;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{AuditWhat, Audited};
use serde::Deserialize;

use super::page::{failed, file, html, told};
use crate::state::Faces;

/// How many entries a page has.
const ENTRIES: usize = 100;
/// How many entries are read at a time for the file.
const AT_ONCE: usize = 5_000;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    actor: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    what: String,
    /// A day, or an instant.
    #[serde(default)]
    since: String,
    #[serde(default)]
    until: String,
    /// After which entry.
    #[serde(default)]
    after: u64,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Shown {
    caller: Caller,
    wanted: Wanted,
    kinds: Vec<&'static str>,
    entries: Vec<Entry>,
    query: String,
    more: Option<String>,
}

struct Entry {
    is: Audited,
    by: String,
    link: Option<String>,
}

impl Wanted {
    /// What is meant; in words, what is not understood.
    fn filter(&self) -> Result<AuditFilter, String> {
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let filter = AuditFilter {
            since: instant("since", &self.since)?,
            until: instant("until", &self.until)?,
            actor: filled(&self.actor),
            subject: filled(&self.subject),
            what: filled(&self.what).into_iter().collect(),
        };
        match filter.unknown() {
            None => Ok(filter),
            Some(word) => Err(format!("No entry is of the kind {word:?}.")),
        }
    }

    fn query(&self, after: Option<u64>) -> String {
        let mut query = Serializer::new(String::new());
        let named =
            [("actor", &self.actor), ("subject", &self.subject), ("what", &self.what), ("since", &self.since), ("until", &self.until)];
        for (name, text) in named.into_iter().filter(|(_, text)| !text.trim().is_empty()) {
            query.append_pair(name, text.trim());
        }
        if let Some(after) = after {
            query.append_pair("after", &after.to_string());
        }
        query.finish()
    }
}

/// A day is one in UTC: the trail is.
fn instant(name: &str, text: &str) -> Result<Option<Timestamp>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    match text.parse::<Timestamp>().ok().or_else(day) {
        Some(at) => Ok(Some(at)),
        None => Err(format!("{name}: {text:?} is no day and no instant; write 2026-11-22 or 2026-11-22T09:00:00Z.")),
    }
}

fn not_understood(what: String) -> Response {
    told(StatusCode::BAD_REQUEST, "Not understood", what, "Go back, and mend it.".into())
}

pub(super) async fn show(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let filter = match wanted.filter() {
        Ok(filter) => filter,
        Err(what) => return not_understood(what),
    };
    // One more than is shown tells whether more come.
    let mut entries = match faces.engine.trail(&filter, wanted.after, ENTRIES + 1).await {
        Ok(entries) => entries,
        Err(error) => return failed(&faces, &error),
    };
    let more = entries.len() > ENTRIES;
    entries.truncate(ENTRIES);
    let last = entries.last().map(|entry| entry.seq);
    let entry = |is: Audited| Entry {
        by: is.actor.get("name").and_then(|name| name.as_str()).unwrap_or_default().to_owned(),
        link: match is.subject.split_once(':') {
            Some(("plan", digest)) => Some(format!("/plans/{digest}")),
            Some(("run", run)) => Some(format!("/runs/{run}")),
            _ => None,
        },
        is,
    };
    let page = Shown {
        caller,
        kinds: AuditWhat::ALL.iter().map(|what| what.word()).collect(),
        query: wanted.query(None),
        more: last.filter(|_| more).map(|last| format!("/audit?{}", wanted.query(Some(last)))),
        entries: entries.into_iter().map(entry).collect(),
        wanted,
    };
    html(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "verified.html")]
struct Verified {
    caller: Caller,
    report: AuditReport,
}

/// Whether each entry is as it was written, none is missing, and the store agrees with what is told.
pub(super) async fn verify(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>) -> Response {
    match faces.engine.store().verify_audit(&[]).await {
        Ok(report) => html(StatusCode::OK, &Verified { caller, report }),
        Err(error) => failed(&faces, &error.into()),
    }
}

/// The entries that are meant, as JSON lines, as `provost audit export` writes them.
pub(super) async fn export(State(faces): State<Arc<Faces>>, Query(wanted): Query<Wanted>) -> Response {
    let filter = match wanted.filter() {
        Ok(filter) => filter,
        Err(what) => return not_understood(what),
    };
    let (mut lines, mut after) = (Vec::new(), wanted.after);
    loop {
        let entries = match faces.engine.trail(&filter, after, AT_ONCE).await {
            Ok(entries) => entries,
            Err(error) => return failed(&faces, &error),
        };
        let Some(last) = entries.last() else { break };
        after = last.seq;
        for entry in &entries {
            lines.extend(model::canonical_json(entry));
            lines.push(b'\n');
        }
    }
    file("provost-audit.jsonl", "application/jsonl", lines)
}

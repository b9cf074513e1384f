//! Walking lists to a proof that nothing is missing, and looking at single objects.
//!
//! Pages stream in and are de-duplicated by id.  Where the app says how many records there are, the count is compared before and after; where
//! it does not, page one is looked at again and must be unchanged.  Else the walk begins anew; when it never holds still, the reading is
//! partial and says why (L03, A05).

use std::collections::{BTreeMap, BTreeSet};

use connector::{Body, Cursor, Key, Page, Record, Watermark};
use model::{Completeness, Enrolment, Kind};

use crate::connection::Connection;
use crate::{EngineError, Event, Watch};

/// How often a list is walked before it counts as one that never holds still.
const WALKS: usize = 3;
/// Looks at single objects that are under way at once.
const LOOKS: usize = 8;

/// Records of one kind, with the proof that there are no others.
pub(crate) struct Walked {
    pub(crate) records: Vec<Record>,
    pub(crate) completeness: Completeness,
    /// From where changes are asked for later: as it was before the first page.
    pub(crate) watermark: Option<Watermark>,
}

/// Walks a list until it holds still.
///
/// With `since`, only what changed from there on.
pub(crate) async fn walk(
    connection: &Connection,
    kind: Kind,
    since: Option<&Watermark>,
    watch: &dyn Watch,
) -> Result<Walked, EngineError> {
    let mut walked = walk_once(connection, kind, since, watch).await?;
    for _ in 1..WALKS {
        if matches!(walked.completeness, Completeness::Complete { .. }) {
            break;
        }
        walked = walk_once(connection, kind, since, watch).await?;
    }
    Ok(walked)
}

/// One page of a list, or of what changed in it.
pub(crate) async fn page(
    connection: &Connection,
    kind: Kind,
    since: Option<&Watermark>,
    cursor: Option<Cursor>,
    watch: &dyn Watch,
) -> Result<Page, EngineError> {
    let target = &connection.target;
    let ask = |wire| {
        let cursor = cursor.clone();
        async move {
            match since {
                None => target.read(&wire, kind, cursor).await,
                Some(since) => target.changed(&wire, kind, since, cursor).await,
            }
        }
    };
    connection.ask(watch, ask).await
}

async fn walk_once(connection: &Connection, kind: Kind, since: Option<&Watermark>, watch: &dyn Watch) -> Result<Walked, EngineError> {
    let page = |cursor| page(connection, kind, since, cursor, watch);
    let first: Page = page(None).await?;
    let watermark = first.watermark.clone();
    let (first_ids, total_before) = (ids_of(&first), first.total);
    let (mut cursor, mut single) = (first.next.clone(), first.next.is_none());
    let mut records: BTreeMap<String, Record> = BTreeMap::new();
    let mut take = |page: Page| {
        for record in page.records {
            records.insert(record.id.clone(), record);
        }
        records.len() as u64
    };
    let mut count = take(first);
    while let Some(after) = cursor.take() {
        single = false;
        watch.event(Event::Reading { subject: connection.subject.clone(), what: word(kind), records: count, total: total_before });
        connection.keep().await?;
        let next = page(Some(after)).await?;
        cursor = next.next.clone();
        count = take(next);
    }
    // A list that came in one answer cannot have moved between pages.
    let completeness = if single {
        match total_before {
            Some(total) if total != count => {
                Completeness::Partial { why: format!("{count} {} came, the app counts {total}", word(kind)) }
            }
            _ => Completeness::Complete { proof: format!("{} in one answer", counted(count, kind)) },
        }
    } else {
        let again = page(None).await?;
        compare(kind, count, total_before, &first_ids, &again)
    };
    Ok(Walked { records: records.into_values().collect(), completeness, watermark })
}

fn compare(kind: Kind, count: u64, total_before: Option<u64>, first_ids: &BTreeSet<String>, again: &Page) -> Completeness {
    let what = word(kind);
    match (total_before, again.total) {
        (Some(before), Some(after)) if before == after && count == after => {
            Completeness::Complete { proof: format!("{count} {what}, as many as the app counts before and after") }
        }
        (Some(before), Some(after)) => {
            Completeness::Partial { why: format!("{count} {what} came, the app counted {before} before and {after} after") }
        }
        _ if ids_of(again) == *first_ids => {
            Completeness::Complete { proof: format!("{count} {what}, walked to a short page; page one unchanged afterwards") }
        }
        _ => Completeness::Partial { why: format!("page one of the {what} changed while they were read") },
    }
}

/// One look per value, a few at a time; in the order of the values.
pub(crate) async fn looks(
    connection: &Connection,
    kind: Kind,
    attribute: &str,
    values: BTreeSet<String>,
    watch: &dyn Watch,
) -> Result<Vec<Record>, EngineError> {
    use futures_util::stream::{StreamExt, TryStreamExt};
    let target = &connection.target;
    let found: Vec<Vec<Record>> = futures_util::stream::iter(values.into_iter().map(|value| {
        let key = Key::one(attribute, &value);
        async move {
            connection
                .ask(watch, |wire| {
                    let key = key.clone();
                    async move { target.find(&wire, kind, &key).await }
                })
                .await
        }
    }))
    .buffered(LOOKS)
    .try_collect()
    .await?;
    Ok(found.into_iter().flatten().collect())
}

/// Records as they came, as JSON lines.
#[derive(Default)]
pub(crate) struct RawLines {
    pub(crate) bytes: Vec<u8>,
}

impl RawLines {
    pub(crate) fn add(&mut self, kind: &str, records: &[Record]) {
        for record in records {
            let line = serde_json::json!({ "kind": kind, "id": record.id, "raw": record.raw });
            self.bytes.extend_from_slice(line.to_string().as_bytes());
            self.bytes.push(b'\n');
        }
    }
}

fn ids_of(page: &Page) -> BTreeSet<String> {
    page.records.iter().map(|record| record.id.clone()).collect()
}

pub(crate) fn bodies<T>(records: Vec<Record>, pick: impl Fn(Body) -> Option<T>) -> Vec<T> {
    records.into_iter().filter_map(|record| pick(record.body)).collect()
}

pub(crate) fn enrolments_in(records: Vec<Record>) -> Vec<Enrolment> {
    bodies(records, |body| match body {
        Body::Enrolment(enrolment) => Some(enrolment),
        _ => None,
    })
}

pub(crate) fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Accounts => "accounts",
        Kind::Groups => "groups",
        Kind::Departments => "departments",
        Kind::Content => "courses and lessons",
        Kind::Enrolments => "enrolments",
    }
}

/// "1 account", "7 accounts".
fn counted(count: u64, kind: Kind) -> String {
    let what = word(kind);
    if count == 1 && kind != Kind::Content { format!("1 {}", what.trim_end_matches('s')) } else { format!("{count} {what}") }
}

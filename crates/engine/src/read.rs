//! Reading sources and apps, to a certificate.
//!
//! Pages stream in and are de-duplicated by id.  Where the app says how many records there are, the count is compared before and after; where
//! it does not, page one is looked at again and must be unchanged.  Else the walk begins anew; when it never holds still, the reading is
//! partial and says why (L03, A05).

use std::collections::{BTreeMap, BTreeSet};

use connector::{Body, Key, Page, Record};
use model::{
    Account, AccountId, AppPolicy, AppReading, Certificate, Completeness, Content, Department, Digest, Enrolment, EnrolmentsBy, Group,
    Kind, Shape, Tenant, digest_of, digest_set,
};

use plan::fold;

use crate::connection::Connection;
use crate::{Engine, EngineError, Event, Watch};

/// How often a list is walked before it counts as one that never holds still.
const WALKS: usize = 3;
/// Looks at single objects that are under way at once.
const LOOKS: usize = 8;

/// An app as read, and the raw records as JSON lines.
pub(crate) struct Reading {
    pub(crate) reading: AppReading,
    pub(crate) raw: Vec<u8>,
}

/// Records of one kind, with the proof that there are no others.
struct Walked {
    records: Vec<Record>,
    completeness: Completeness,
}

impl Engine {
    /// Reads everything that planning needs of one app.
    pub(crate) async fn read_app(
        &self,
        connection: &Connection,
        policy: &AppPolicy,
        watch: &dyn Watch,
    ) -> Result<Reading, EngineError> {
        let target = &connection.target;
        let manifest = target.manifest();
        let tenant: Tenant = connection.ask(watch, |wire| async move { target.probe(&wire).await }).await?;
        let owns =
            |shape: Shape| policy.set.keys().any(|name| manifest.attribute(name).is_some_and(|attribute| attribute.shape == shape));
        let accounts = walk(connection, Kind::Accounts, watch).await?;
        let mut raw = RawLines::default();
        raw.add("account", &accounts.records);
        let mut departments = Vec::new();
        if owns(Shape::Department) {
            let walked = walk(connection, Kind::Departments, watch).await?;
            raw.add("department", &walked.records);
            departments = bodies(walked.records, |body| match body {
                Body::Department(department) => Some(department),
                _ => None,
            });
        }
        let groups = self.read_groups(connection, policy, watch, &mut raw).await?;
        let content: Vec<Content> = if policy.enrol.is_empty() {
            Vec::new()
        } else {
            let walked = walk(connection, Kind::Content, watch).await?;
            raw.add("content", &walked.records);
            bodies(walked.records, |body| match body {
                Body::Content(content) => Some(content),
                _ => None,
            })
        };
        let enrolments = if manifest.enrolments == EnrolmentsBy::Content {
            let wanted: BTreeSet<String> = policy.enrol.iter().map(|rule| fold(&rule.content)).collect();
            let ids =
                content.iter().filter(|content| wanted.contains(&fold(&content.name))).map(|content| content.id.clone()).collect();
            looks(connection, Kind::Enrolments, "content", ids, watch).await?
        } else {
            Vec::new()
        };
        raw.add("enrolment", &enrolments);
        let count = accounts.records.len() as u64;
        let certificate =
            Certificate { at: self.ports.clock.now(), completeness: accounts.completeness, count, watermark: None, increments: None };
        watch.event(Event::Read { subject: format!("app.{}", connection.app), certificate: in_words(&certificate) });
        let fingerprint = self.app(&connection.app)?.fingerprint.clone();
        let accounts = bodies(accounts.records, |body| match body {
            Body::Account(account) => Some(account),
            _ => None,
        });
        let mut reading = AppReading {
            app: connection.app.clone(),
            fingerprint,
            tenant,
            digest: Digest::new([0; 32]),
            certificate,
            accounts,
            groups,
            departments,
            content,
            enrolments: enrolments_in(enrolments),
            enrolments_of: BTreeSet::new(),
        };
        seal(&mut reading);
        Ok(Reading { reading, raw: raw.bytes })
    }

    /// The list of groups, and the members of those that policy manages: one read per group gives every membership (L17).
    async fn read_groups(
        &self,
        connection: &Connection,
        policy: &AppPolicy,
        watch: &dyn Watch,
        raw: &mut RawLines,
    ) -> Result<Vec<Group>, EngineError> {
        let Some(managed) = &policy.groups else { return Ok(Vec::new()) };
        let listed = walk(connection, Kind::Groups, watch).await?;
        // As planning compares names: else a group is managed whose members nobody read.
        let wanted: BTreeSet<String> = managed.managed.iter().map(|name| fold(name)).collect();
        let is_managed = |group: &Group| group.writable && wanted.contains(&fold(&group.name));
        let mut groups = bodies(listed.records, |body| match body {
            Body::Group(group) => Some(group),
            _ => None,
        });
        let ids = groups.iter().filter(|group| is_managed(group)).map(|group| group.id.clone()).collect();
        let with_members = looks(connection, Kind::Groups, "id", ids, watch).await?;
        raw.add("group", &with_members);
        let mut by_id: BTreeMap<String, Group> = bodies(with_members, |body| match body {
            Body::Group(group) => Some((group.id.clone(), group)),
            _ => None,
        })
        .into_iter()
        .collect();
        for group in &mut groups {
            if let Some(read) = by_id.remove(&group.id) {
                *group = read;
            }
        }
        Ok(groups)
    }

    /// Adds the enrolments of these accounts to a reading, for apps that tell them per account only.
    pub(crate) async fn read_enrolments(
        &self,
        connection: &Connection,
        reading: &mut Reading,
        accounts: &BTreeSet<AccountId>,
        watch: &dyn Watch,
    ) -> Result<(), EngineError> {
        let ids = accounts.iter().map(|account| account.as_str().to_owned()).collect();
        let found = looks(connection, Kind::Enrolments, "account", ids, watch).await?;
        let mut raw = RawLines { bytes: std::mem::take(&mut reading.raw) };
        raw.add("enrolment", &found);
        reading.raw = raw.bytes;
        reading.reading.enrolments.extend(enrolments_in(found));
        reading.reading.enrolments_of.extend(accounts.iter().cloned());
        seal(&mut reading.reading);
        Ok(())
    }
}

/// Walks a list until it holds still.
async fn walk(connection: &Connection, kind: Kind, watch: &dyn Watch) -> Result<Walked, EngineError> {
    let mut walked = walk_once(connection, kind, watch).await?;
    for _ in 1..WALKS {
        if matches!(walked.completeness, Completeness::Complete { .. }) {
            break;
        }
        walked = walk_once(connection, kind, watch).await?;
    }
    Ok(walked)
}

async fn walk_once(connection: &Connection, kind: Kind, watch: &dyn Watch) -> Result<Walked, EngineError> {
    let target = &connection.target;
    let page = |cursor: Option<connector::Cursor>| {
        connection.ask(watch, move |wire| {
            let cursor = cursor.clone();
            async move { target.read(&wire, kind, cursor).await }
        })
    };
    let first: Page = page(None).await?;
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
        watch.event(Event::Reading {
            subject: format!("app.{}", connection.app),
            what: word(kind),
            records: count,
            total: total_before,
        });
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
    Ok(Walked { records: records.into_values().collect(), completeness })
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
async fn looks(
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

#[derive(Default)]
struct RawLines {
    bytes: Vec<u8>,
}

impl RawLines {
    fn add(&mut self, kind: &str, records: &[Record]) {
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

fn bodies<T>(records: Vec<Record>, pick: impl Fn(Body) -> Option<T>) -> Vec<T> {
    records.into_iter().filter_map(|record| pick(record.body)).collect()
}

fn enrolments_in(records: Vec<Record>) -> Vec<Enrolment> {
    bodies(records, |body| match body {
        Body::Enrolment(enrolment) => Some(enrolment),
        _ => None,
    })
}

/// Puts everything in byte order and gives the reading its content digest.
fn seal(reading: &mut AppReading) {
    reading.accounts.sort_by(|a: &Account, b| a.id.cmp(&b.id));
    reading.groups.sort_by(|a, b| a.id.cmp(&b.id));
    reading.groups.iter_mut().for_each(|group| group.members.sort());
    reading.departments.sort_by(|a: &Department, b| a.id.cmp(&b.id));
    reading.content.sort_by(|a, b| a.id.cmp(&b.id));
    reading.enrolments.sort_by(|a, b| (&a.account, &a.content).cmp(&(&b.account, &b.content)));
    let complete = matches!(reading.certificate.completeness, Completeness::Complete { .. });
    reading.digest = digest_of(&(
        &reading.fingerprint,
        complete,
        &reading.tenant.profile,
        (reading.tenant.sees_all, &reading.tenant.sees),
        &reading.tenant.declared,
        digest_set(&reading.accounts),
        (&reading.groups, &reading.departments, &reading.content, &reading.enrolments, &reading.enrolments_of),
    ));
}

fn word(kind: Kind) -> &'static str {
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

pub(crate) fn in_words(certificate: &Certificate) -> String {
    match &certificate.completeness {
        Completeness::Complete { proof } => format!("complete: {proof}"),
        Completeness::Partial { why } => format!("partial: {why}"),
    }
}

//! Readings: what sources and apps said, newest first, and how far each can be trusted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::{
    AccountId, AppName, AppReading, Certificate, Completeness, Digest, Finding, Fingerprint, SourceName, SourceReading, Tenant,
};
use serde::{Deserialize, Serialize};

use crate::db::{Arg, Row, args};
use crate::pack::{expand, json, millis, pack, time, unpack};
use crate::parts::{from_rows, pack_bytes, pack_records, unpack_bytes, unpack_records};
use crate::{Store, StoreError, parts, sql};

/// What the digest of a source's reading does not cover: told anew each time, though the content is the same.
#[derive(Serialize, Deserialize)]
struct SourceHead {
    certificate: Certificate,
    findings: Vec<Finding>,
}

/// The same for an app's.
#[derive(Serialize, Deserialize)]
struct AppHead {
    fingerprint: Fingerprint,
    tenant: Tenant,
    certificate: Certificate,
    enrolments_of: BTreeSet<AccountId>,
}

impl Store {
    /// Keeps a source's reading as its newest, with the bytes it came from.  Content that is known already is not written again: only
    /// its certificate and findings are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_source_reading(&self, reading: &SourceReading, raw: &[u8]) -> Result<(), StoreError> {
        let head = json(&SourceHead { certificate: reading.certificate.clone(), findings: reading.findings.clone() });
        let parts = || Body { text: pack(&without_people(reading)), sections: vec![("people", pack_records(&reading.people))] };
        self.put(&of_source(&reading.source), &reading.digest, "", &head, &reading.certificate, parts, raw).await
    }

    /// Keeps an app's reading as its newest, with the raw records it came from.  The same content of the same tenant is not written
    /// again: only its certificate and what the probe found are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_app_reading(&self, reading: &AppReading, raw: &[u8]) -> Result<(), StoreError> {
        let head = json(&AppHead {
            fingerprint: reading.fingerprint.clone(),
            tenant: reading.tenant.clone(),
            certificate: reading.certificate.clone(),
            enrolments_of: reading.enrolments_of.clone(),
        });
        let tenant = reading.fingerprint.as_str();
        let parts = || Body {
            text: pack(&without_records(reading)),
            sections: vec![("accounts", pack_records(&reading.accounts)), ("enrolments", pack_records(&reading.enrolments))],
        };
        self.put(&of_app(&reading.app), &reading.digest, tenant, &head, &reading.certificate, parts, raw).await
    }

    /// A number that grows with every reading that is put down, whatever it is of: where it stands still, nothing was read since.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn readings_mark(&self) -> Result<i64, StoreError> {
        let row = self.db.fetch_one(sql::READING_NEXT, args![]).await?;
        row.map_or(Ok(0), |row| row.int(0))
    }

    /// The newest reading of a source, if there is one.
    ///
    /// # Errors
    /// When the database fails or the reading is damaged.
    pub async fn latest_source_reading(&self, source: &SourceName) -> Result<Option<SourceReading>, StoreError> {
        self.source_reading_in(sql::READING_LATEST, args![of_source(source)], source).await
    }

    /// The newest reading of an app, if there is one.
    ///
    /// # Errors
    /// When the database fails or the reading is damaged.
    pub async fn latest_app_reading(&self, app: &AppName) -> Result<Option<AppReading>, StoreError> {
        self.app_reading_in(sql::READING_LATEST, args![of_app(app)], app).await
    }

    /// The reading of a source with this content.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not, or no longer, there.
    pub async fn source_reading(&self, source: &SourceName, digest: &Digest) -> Result<SourceReading, StoreError> {
        let subject = of_source(source);
        let reading = self.source_reading_in(sql::READING, args![subject.as_str(), digest.to_string()], source).await?;
        reading.ok_or_else(|| not_there(&subject, digest))
    }

    /// The reading of an app with this content.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not, or no longer, there.
    pub async fn app_reading(&self, app: &AppName, digest: &Digest) -> Result<AppReading, StoreError> {
        let subject = of_app(app);
        let reading = self.app_reading_in(sql::READING, args![subject.as_str(), digest.to_string()], app).await?;
        reading.ok_or_else(|| not_there(&subject, digest))
    }

    /// The bytes that a source's reading came from.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not, or no longer, there.
    pub async fn source_raw(&self, source: &SourceName, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        self.raw(&of_source(source), digest).await
    }

    /// The raw records that an app's reading came from.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not, or no longer, there.
    pub async fn app_raw(&self, app: &AppName, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        self.raw(&of_app(app), digest).await
    }

    /// When the raw records of a reading were read; none where that is not known, or there is no such reading.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn app_raw_at(&self, app: &AppName, digest: &Digest) -> Result<Option<Timestamp>, StoreError> {
        let row = self.db.fetch_one(sql::READING_RAW_AT, args![of_app(app), digest.to_string()]).await?;
        let at = row.map_or(Ok(0), |row| row.int(0))?;
        (at != 0).then(|| time(at, RAW_READING)).transpose()
    }

    /// How many records the newest complete reading of a source had: what a shrunk one is measured against.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_good_count(&self, source: &SourceName) -> Result<Option<u64>, StoreError> {
        let row = self.db.fetch_one(sql::READING_GOOD, args![of_source(source)]).await?;
        row.map(|row| Ok(row.int(0)?.unsigned_abs())).transpose()
    }

    /// The newest complete reading of a source, if there is one: whom a new one may miss is measured against it.
    ///
    /// # Errors
    /// When the database fails or the reading is damaged.
    pub async fn last_good_source_reading(&self, source: &SourceName) -> Result<Option<SourceReading>, StoreError> {
        self.source_reading_in(sql::READING_GOOD_BODY, args![of_source(source)], source).await
    }

    /// Drops what nobody needs any more: readings but the newest `keep` of each source and app, the newest complete one, and those
    /// that a plan which may still be run was made from; and findings of proposals that no plan belongs to.  How many readings went.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prune(&self, keep: usize, now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let mut needed = BTreeSet::new();
        for row in tx.fetch(sql::PLANS_LIVE, args![millis(now)]).await? {
            needed.extend(row.json::<BTreeMap<String, Digest>>(0, "the readings of a plan")?);
        }
        let mut by_subject: BTreeMap<String, Vec<(Digest, i64)>> = BTreeMap::new();
        for row in tx.fetch(sql::READING_ALL, args![]).await? {
            by_subject.entry(row.text(0)?).or_default().push((row.parsed(1, "the digest of a reading")?, row.int(2)?));
        }
        let mut dropped = 0;
        for (subject, readings) in by_subject {
            let good = readings.iter().map(|(_, good)| *good).max().filter(|good| *good > 0);
            for (digest, good_seq) in readings.into_iter().skip(keep) {
                if Some(good_seq) != good && !needed.contains(&(subject.clone(), digest)) {
                    dropped += tx.execute(sql::READING_DROP, args![subject.as_str(), digest.to_string()]).await?;
                }
            }
        }
        tx.execute(sql::PROPOSAL_DROP, args![]).await?;
        tx.commit().await?;
        Ok(dropped)
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of one row")]
    async fn put(
        &self,
        subject: &str,
        digest: &Digest,
        tenant: &str,
        head: &str,
        certificate: &Certificate,
        body: impl FnOnce() -> Body,
        raw: &[u8],
    ) -> Result<(), StoreError> {
        let complete = matches!(certificate.completeness, Completeness::Complete { .. });
        let count = i64::try_from(certificate.count).unwrap_or(i64::MAX);
        let mut tx = self.db.begin().await?;
        let seq = tx.fetch_one(sql::READING_NEXT, args![]).await?.map_or(Ok(1), |row| row.int(0))?;
        let good = if complete { seq } else { 0 };
        let digest = digest.to_string();
        let raw_at = tx.fetch_one(sql::READING_RAW_AT, args![subject, digest.as_str()]).await?.map_or(Ok(0), |row| row.int(0))?;
        let read_at = millis(certificate.at);
        if tx.execute(sql::READING_AGAIN, args![subject, digest.as_str(), seq, tenant, head, good, count]).await? > 0 {
            if raw.is_empty() || read_at - raw_at < RAW_GOOD_FOR {
                return tx.commit().await;
            }
            tx.commit().await?;
            let parts = pack_bytes(raw);
            tx = self.db.begin().await?;
            tx.execute(sql::READING_SECTION_DROP, args![subject, digest.as_str(), RAW]).await?;
            let raw_parts = parts::count(parts.len());
            // Somebody may have removed the reading meanwhile.
            if tx.execute(sql::READING_RAW_AGAIN, args![subject, digest.as_str(), raw_parts, read_at]).await? > 0 {
                parts::put(&mut tx, sql::READING_PART_PUT, &[subject, &digest, RAW], parts).await?;
            }
        } else {
            // Packing takes a while: nobody has to wait for it.
            drop(tx);
            let (Body { text, mut sections }, raw) = (body(), pack_bytes(raw));
            let (parts, raw_parts) = (sections.iter().map(|(_, parts)| parts.len()).sum(), raw.len());
            sections.push((RAW, raw));
            tx = self.db.begin().await?;
            let seq = tx.fetch_one(sql::READING_NEXT, args![]).await?.map_or(Ok(1), |row| row.int(0))?;
            let good = if complete { seq } else { 0 };
            let of = args![subject, digest.as_str()];
            tx.execute(sql::READING_PARTS_DROP, of.clone()).await?;
            tx.execute(sql::READING_RAW_DROP, of).await?;
            let counts = [parts::count(parts), parts::count(raw_parts)];
            let row = args![subject, digest.as_str(), seq, tenant, head, good, count, text, counts[0], counts[1], read_at];
            tx.execute(sql::READING_PUT, row).await?;
            for (section, parts) in sections {
                parts::put(&mut tx, sql::READING_PART_PUT, &[subject, &digest, section], parts).await?;
            }
        }
        tx.commit().await
    }

    async fn source_reading_in(
        &self,
        sql: &'static str,
        args: Vec<Arg>,
        source: &SourceName,
    ) -> Result<Option<SourceReading>, StoreError> {
        let subject = of_source(source);
        let Some((row, [people])) = self.with_parts(sql, args, &subject, ["people"]).await? else { return Ok(None) };
        let (head, mut reading): (SourceHead, SourceReading) = (row.json(0, HEAD)?, unpack(&row.bytes(1)?, READING)?);
        unpack_records(&people, READING, &mut reading.people)?;
        Ok(Some(SourceReading { certificate: head.certificate, findings: head.findings, ..reading }))
    }

    async fn app_reading_in(&self, sql: &'static str, args: Vec<Arg>, app: &AppName) -> Result<Option<AppReading>, StoreError> {
        let subject = of_app(app);
        let sections = ["accounts", "enrolments"];
        let Some((row, [accounts, enrolments])) = self.with_parts(sql, args, &subject, sections).await? else { return Ok(None) };
        let (head, mut reading): (AppHead, AppReading) = (row.json(0, HEAD)?, unpack(&row.bytes(1)?, READING)?);
        unpack_records(&accounts, READING, &mut reading.accounts)?;
        unpack_records(&enrolments, READING, &mut reading.enrolments)?;
        let AppHead { fingerprint, tenant, certificate, enrolments_of } = head;
        Ok(Some(AppReading { fingerprint, tenant, certificate, enrolments_of, ..reading }))
    }

    /// A reading's row (head, body, digest, number of parts) and the parts of its sections, as they are at one instant.
    async fn with_parts<const N: usize>(
        &self,
        sql: &'static str,
        args: Vec<Arg>,
        subject: &str,
        sections: [&'static str; N],
    ) -> Result<Option<(Row, [Vec<Vec<u8>>; N])>, StoreError> {
        let mut tx = self.db.snapshot().await?;
        let Some(row) = tx.fetch_one(sql, args).await? else { return Ok(None) };
        let mut all = [const { Vec::new() }; N];
        for (section, parts) in sections.into_iter().zip(&mut all) {
            *parts = from_rows(tx.fetch(sql::READING_PARTS, args![subject, row.text(2)?, section]).await?, READING)?;
        }
        if row.int(3)? != parts::count(all.iter().map(Vec::len).sum()) {
            return Err(StoreError::corrupt(READING, "a part of it is missing"));
        }
        Ok(Some((row, all)))
    }

    async fn raw(&self, subject: &str, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let of = args![subject, digest.to_string()];
        let mut tx = self.db.snapshot().await?;
        let row = tx.fetch_one(sql::READING_RAW_PARTS, of.clone()).await?.ok_or_else(|| not_there(subject, digest))?;
        let count = row.int(0)?;
        if count == 0 {
            let row = tx.fetch_one(sql::READING_RAW, of).await?.ok_or_else(|| not_there(subject, digest))?;
            return expand(&row.bytes(0)?, RAW_READING);
        }
        let parts = from_rows(tx.fetch(sql::READING_PARTS, args![subject, digest.to_string(), RAW]).await?, RAW_READING)?;
        if parts::count(parts.len()) != count {
            return Err(StoreError::corrupt(RAW_READING, "a part of it is missing"));
        }
        unpack_bytes(&parts, RAW_READING)
    }
}

const HEAD: &str = "the head of a reading";
const READING: &str = "a reading";
const RAW_READING: &str = "a raw reading";
/// The section of the raw records.
const RAW: &str = "raw";
/// For how long (milliseconds) the raw records of a reading are good where the same content is read again: they tell more than the content,
/// such as when somebody logged in last.
const RAW_GOOD_FOR: i64 = 20 * 3_600_000;

/// A reading on its way into its rows.
struct Body {
    /// Everything but its long lists.
    text: Vec<u8>,
    sections: Vec<(&'static str, Vec<Vec<u8>>)>,
}

fn not_there(subject: &str, digest: &Digest) -> StoreError {
    StoreError::NotFound { what: "reading", name: format!("{subject} {}", digest.short()) }
}

fn without_people(reading: &SourceReading) -> SourceReading {
    let SourceReading { source, digest, certificate, people: _, held, findings } = reading;
    SourceReading {
        source: source.clone(),
        digest: *digest,
        certificate: certificate.clone(),
        people: Vec::new(),
        held: held.clone(),
        findings: findings.clone(),
    }
}

fn without_records(reading: &AppReading) -> AppReading {
    let AppReading {
        app,
        fingerprint,
        tenant,
        digest,
        certificate,
        accounts: _,
        groups,
        departments,
        content,
        enrolments: _,
        enrolments_of,
    } = reading;
    AppReading {
        app: app.clone(),
        fingerprint: fingerprint.clone(),
        tenant: tenant.clone(),
        digest: *digest,
        certificate: certificate.clone(),
        accounts: Vec::new(),
        groups: groups.clone(),
        departments: departments.clone(),
        content: content.clone(),
        enrolments: Vec::new(),
        enrolments_of: enrolments_of.clone(),
    }
}

/// The name of a source among the inputs of a plan.
fn of_source(source: &SourceName) -> String {
    format!("source.{source}")
}

/// The name of an app among the inputs of a plan.
fn of_app(app: &AppName) -> String {
    format!("app.{app}")
}

//! Readings: what sources and apps said, newest first, and how far each can be trusted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::{
    AccountId, AppName, AppReading, Certificate, Completeness, Digest, Finding, Fingerprint, SourceName, SourceReading, Tenant,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::db::{Row, args};
use crate::pack::{expand, json, millis, pack, squeeze, unpack};
use crate::{Store, StoreError, sql};

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
        self.put(&of_source(&reading.source), &reading.digest, "", &head, &reading.certificate, || pack(reading), raw).await
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
        self.put(&of_app(&reading.app), &reading.digest, tenant, &head, &reading.certificate, || pack(reading), raw).await
    }

    /// The newest reading of a source, if there is one.
    ///
    /// # Errors
    /// When the database fails or the reading is damaged.
    pub async fn latest_source_reading(&self, source: &SourceName) -> Result<Option<SourceReading>, StoreError> {
        let row = self.db.fetch_one(sql::READING_LATEST, args![of_source(source)]).await?;
        row.map(|row| source_reading(&row)).transpose()
    }

    /// The newest reading of an app, if there is one.
    ///
    /// # Errors
    /// When the database fails or the reading is damaged.
    pub async fn latest_app_reading(&self, app: &AppName) -> Result<Option<AppReading>, StoreError> {
        let row = self.db.fetch_one(sql::READING_LATEST, args![of_app(app)]).await?;
        row.map(|row| app_reading(&row)).transpose()
    }

    /// The reading of a source with this content.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not, or no longer, there.
    pub async fn source_reading(&self, source: &SourceName, digest: &Digest) -> Result<SourceReading, StoreError> {
        source_reading(&self.one(sql::READING, &of_source(source), digest).await?)
    }

    /// The reading of an app with this content.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not, or no longer, there.
    pub async fn app_reading(&self, app: &AppName, digest: &Digest) -> Result<AppReading, StoreError> {
        app_reading(&self.one(sql::READING, &of_app(app), digest).await?)
    }

    /// The bytes that a source's reading came from.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not, or no longer, there.
    pub async fn source_raw(&self, source: &SourceName, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        expand(&self.one(sql::READING_RAW, &of_source(source), digest).await?.bytes(0)?, "a raw reading")
    }

    /// The raw records that an app's reading came from.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it is not, or no longer, there.
    pub async fn app_raw(&self, app: &AppName, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        expand(&self.one(sql::READING_RAW, &of_app(app), digest).await?.bytes(0)?, "a raw reading")
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
        let row = self.db.fetch_one(sql::READING_GOOD_BODY, args![of_source(source)]).await?;
        row.map(|row| source_reading(&row)).transpose()
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
        body: impl FnOnce() -> Vec<u8>,
        raw: &[u8],
    ) -> Result<(), StoreError> {
        let complete = matches!(certificate.completeness, Completeness::Complete { .. });
        let count = i64::try_from(certificate.count).unwrap_or(i64::MAX);
        let mut tx = self.db.begin().await?;
        let seq = tx.fetch_one(sql::READING_NEXT, args![]).await?.map_or(Ok(1), |row| row.int(0))?;
        let good = if complete { seq } else { 0 };
        let digest = digest.to_string();
        if tx.execute(sql::READING_AGAIN, args![subject, digest.as_str(), seq, tenant, head, good, count]).await? == 0 {
            // Packing takes a while: nobody has to wait for it.
            drop(tx);
            let (body, raw) = (body(), squeeze(raw));
            tx = self.db.begin().await?;
            let seq = tx.fetch_one(sql::READING_NEXT, args![]).await?.map_or(Ok(1), |row| row.int(0))?;
            let good = if complete { seq } else { 0 };
            tx.execute(sql::READING_PUT, args![subject, digest.as_str(), seq, tenant, head, good, count, body]).await?;
            tx.execute(sql::READING_RAW_PUT, args![subject, digest, raw]).await?;
        }
        tx.commit().await
    }

    async fn one(&self, sql: &'static str, subject: &str, digest: &Digest) -> Result<Row, StoreError> {
        let row = self.db.fetch_one(sql, args![subject, digest.to_string()]).await?;
        row.ok_or_else(|| StoreError::NotFound { what: "reading", name: format!("{subject} {}", digest.short()) })
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

fn source_reading(row: &Row) -> Result<SourceReading, StoreError> {
    let (head, body): (SourceHead, SourceReading) = parts(row)?;
    Ok(SourceReading { certificate: head.certificate, findings: head.findings, ..body })
}

fn app_reading(row: &Row) -> Result<AppReading, StoreError> {
    let (head, body): (AppHead, AppReading) = parts(row)?;
    let AppHead { fingerprint, tenant, certificate, enrolments_of } = head;
    Ok(AppReading { fingerprint, tenant, certificate, enrolments_of, ..body })
}

fn parts<H: DeserializeOwned, B: DeserializeOwned>(row: &Row) -> Result<(H, B), StoreError> {
    Ok((row.json(0, "the head of a reading")?, unpack(&row.bytes(1)?, "a reading")?))
}

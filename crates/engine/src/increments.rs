//! Accounts from the last whole reading and what changed since, where the app dates them (L05).
//!
//! An increment shows what is new or other; it cannot show that somebody is gone.  So the app's own count is compared with what is known,
//! and its first page with what was merged; where they differ, and as often as configuration says, everything is read.

use std::collections::BTreeMap;

use connector::{Body, Record, Watermark};
use model::{Account, AccountId, AppPolicy, AppReading, Certificate, Completeness, Digest, Increments, Kind, Tenant, digest_of};

use crate::connection::Connection;
use crate::walk::{RawLines, page, walk};
use crate::{Engine, EngineError, Watch};

/// The accounts of an app, however they came about.
pub(crate) struct Accounts {
    pub(crate) accounts: Vec<Account>,
    /// As far as accounts go; the times are those of the last request of the reading, to be set at its end.
    pub(crate) certificate: Certificate,
    /// What came, as it came.
    pub(crate) raw: RawLines,
    /// The reading whose raw records complete these, where only some came.
    pub(crate) base: Option<Digest>,
}

impl Engine {
    /// Reads the accounts of an app: what changed since the last whole reading where that will do, everything else.
    pub(crate) async fn read_accounts(
        &self,
        connection: &Connection,
        policy: &AppPolicy,
        tenant: &Tenant,
        full: bool,
        watch: &dyn Watch,
    ) -> Result<Accounts, EngineError> {
        let dated = connection.target.manifest().dated.contains(&Kind::Accounts);
        let last = if dated && !full { self.usable_last(connection, policy, tenant).await? } else { None };
        let because = match last {
            Some(last) => match increment(connection, last, watch).await? {
                Ok(accounts) => return Ok(accounts),
                Err(why) => format!("; read whole because {why}"),
            },
            None if dated => String::new(),
            None => "; the app does not date its accounts, so every reading is a whole one".to_owned(),
        };
        self.whole(connection, &because, watch).await
    }

    /// Reads all accounts; `because` is added to the proof.
    pub(crate) async fn whole(&self, connection: &Connection, because: &str, watch: &dyn Watch) -> Result<Accounts, EngineError> {
        let walked = walk(connection, Kind::Accounts, None, watch).await?;
        let mut raw = RawLines::default();
        raw.add("account", &walked.records);
        let completeness = match walked.completeness {
            Completeness::Complete { proof } => Completeness::Complete { proof: format!("{proof}{because}") },
            partial @ Completeness::Partial { .. } => partial,
        };
        let accounts: Vec<Account> = walked.records.into_iter().filter_map(account).collect();
        let certificate = Certificate {
            at: self.ports.clock.now(),
            completeness,
            count: accounts.len() as u64,
            watermark: walked.watermark.map(|watermark| watermark.0),
            increments: None,
        };
        Ok(Accounts { accounts, certificate, raw, base: None })
    }

    /// The last reading of an app, if it is a whole one that is young enough, of the same tenant, read the same way.
    pub(crate) async fn usable_last(
        &self,
        connection: &Connection,
        policy: &AppPolicy,
        tenant: &Tenant,
    ) -> Result<Option<AppReading>, EngineError> {
        let setup = self.app(&connection.app)?;
        let Some(last) = self.store.latest_app_reading(&connection.app).await? else { return Ok(None) };
        // What rests on absence needs a whole reading of that age: it is read again before it is too old for that.
        let age = self.ports.clock.now().as_second() - last.certificate.at.as_second();
        let young = age < setup.full_every.min(policy.max_age / 10 * 9);
        let complete = matches!(last.certificate.completeness, Completeness::Complete { .. });
        let same = last.fingerprint == setup.fingerprint
            && last.tenant.profile == tenant.profile
            && last.tenant.sees_all == tenant.sees_all
            && last.tenant.sees == tenant.sees
            && last.tenant.declared == tenant.declared
            && self.store.meta(&basis_name(&last)).await? == Some(basis(policy, &last.certificate));
        Ok((young && complete && same).then_some(last))
    }

    /// Keeps a reading of an app, and in which way it was read.
    pub(crate) async fn put_reading(&self, reading: &AppReading, raw: Vec<u8>, base: Option<&Digest>) -> Result<(), EngineError> {
        let raw = match base {
            // The same content is not written again.
            Some(base) if *base == reading.digest => Vec::new(),
            Some(base) => with_base(&self.store.app_raw(&reading.app, base).await?, &raw),
            None => raw,
        };
        self.store.put_app_reading(reading, &raw).await?;
        let policy = &self.setup.policy.policy().apps[&reading.app];
        Ok(self.store.set_meta(&basis_name(reading), &basis(policy, &reading.certificate)).await?)
    }
}

fn basis_name(reading: &AppReading) -> String {
    format!("basis/{}", reading.app)
}

/// What makes records into accounts: this program and the app's part of the policy (protected names, declared fields).  A reading that was
/// made otherwise is not added to.
fn basis(policy: &AppPolicy, certificate: &Certificate) -> String {
    format!("{} {}", digest_of(&(env!("CARGO_PKG_VERSION"), policy)), certificate.at)
}

/// The last reading with what changed since; why not, where the app contradicts it.
async fn increment(connection: &Connection, last: AppReading, watch: &dyn Watch) -> Result<Result<Accounts, String>, EngineError> {
    let Some(watermark) = last.certificate.watermark.clone().map(Watermark) else { return Ok(Err("it was not dated".into())) };
    let walked = walk(connection, Kind::Accounts, Some(&watermark), watch).await?;
    if let Completeness::Partial { why } = walked.completeness {
        return Ok(Err(format!("what changed did not hold still: {why}")));
    }
    let came = walked.records.len() as u64;
    let mut raw = RawLines::default();
    raw.add("account", &walked.records);
    let mut known: BTreeMap<AccountId, Account> = last.accounts.into_iter().map(|account| (account.id.clone(), account)).collect();
    known.extend(walked.records.into_iter().filter_map(account).map(|account| (account.id.clone(), account)));
    let first = page(connection, Kind::Accounts, None, None, watch).await?;
    let count = known.len() as u64;
    if let Some(total) = first.total.filter(|total| *total != count) {
        return Ok(Err(format!(
            "the app counts {total} accounts, and {count} are known by the last whole reading and what changed since"
        )));
    }
    for now in first.records.into_iter().filter_map(account) {
        if known.get(&now.id) != Some(&now) {
            return Ok(Err(format!("account {} is another now than the app's list of changes says", now.id)));
        }
    }
    let before = last.certificate.increments.map_or(0, |increments| increments.count);
    let certificate = Certificate {
        count,
        watermark: Some(walked.watermark.unwrap_or(watermark).0),
        increments: Some(Increments { at: last.certificate.at, count: before + came }),
        ..last.certificate
    };
    Ok(Ok(Accounts { accounts: known.into_values().collect(), certificate, raw, base: Some(last.digest) }))
}

pub(crate) fn account(record: Record) -> Option<Account> {
    match record.body {
        Body::Account(account) => Some(account),
        _ => None,
    }
}

/// The raw accounts of an earlier reading with those that came since; of other kinds, what came.
fn with_base(base: &[u8], came: &[u8]) -> Vec<u8> {
    #[derive(serde::Deserialize)]
    struct Head {
        kind: String,
        id: String,
    }
    let lines = |bytes: &[u8]| -> Vec<(bool, String, Vec<u8>)> {
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines
            .filter_map(|line| {
                let head: Head = serde_json::from_slice(line).ok()?;
                Some((head.kind == "account", head.id, line.to_vec()))
            })
            .collect()
    };
    let (mut accounts, mut others) = (BTreeMap::new(), Vec::new());
    accounts.extend(lines(base).into_iter().filter(|(account, ..)| *account).map(|(_, id, line)| (id, line)));
    for (is_account, id, line) in lines(came) {
        if is_account {
            accounts.insert(id, line);
        } else {
            others.push(line);
        }
    }
    let mut merged = Vec::with_capacity(base.len() + came.len());
    for line in accounts.into_values().chain(others) {
        merged.extend_from_slice(&line);
        merged.push(b'\n');
    }
    merged
}

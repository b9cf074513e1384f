//! Accounts where some people only are planned for: the last whole reading, with what decides about these people read anew.
//!
//! That nobody is found shows that nobody is there only where the app itself looks through all accounts, for a log-in that sees them all,
//! and by every attribute that counts (P4).  Where that is not so, or the answers contradict what is known, the app is read as ever.

use std::collections::{BTreeMap, BTreeSet};

use connector::Record;
use model::{AccountId, AppPolicy, AppReading, Enrolment, Kind, SourceReading, Step, Tenant};
use plan::{Given, Lookups};

use crate::connection::Connection;
use crate::increments::{Accounts, account};
use crate::walk::{RawLines, looks};
use crate::{Ask, Engine, EngineError, Event, Watch};

/// Look-ups in one app beyond which a whole reading is the lesser evil.
const MOST: usize = 200;

/// For whom is read, and what is known of them before.
#[derive(Clone, Copy)]
pub(crate) struct For<'a> {
    pub(crate) ask: &'a Ask,
    pub(crate) roster: &'a SourceReading,
    pub(crate) last_good: Option<u64>,
}

/// What was read for the people who are named, beside the accounts.
pub(crate) struct Named {
    /// The accounts of the people who are named.
    pub(crate) own: BTreeSet<AccountId>,
    /// Everybody's enrolments as they were, but theirs.
    pub(crate) enrolments: Vec<Enrolment>,
    /// How many accounts were read anew.
    anew: usize,
}

impl Named {
    /// What it adds to the certificate, for people.
    pub(crate) fn in_words(&self) -> String {
        format!("; accounts read anew for the people who are named: {}; all others are as they were then", self.anew)
    }
}

impl Engine {
    /// Reads the accounts of an app: of the people who are named where some are and that will do, else of everybody.
    pub(crate) async fn read_accounts_for(
        &self,
        connection: &Connection,
        policy: &AppPolicy,
        tenant: &Tenant,
        whom: For<'_>,
        watch: &dyn Watch,
    ) -> Result<(Accounts, Option<Named>), EngineError> {
        if whom.ask.only.is_some() && !whom.ask.full {
            match self.read_named(connection, policy, tenant, whom, watch).await? {
                Ok((accounts, named)) => return Ok((accounts, Some(named))),
                Err(why) => watch.event(Event::NotNarrowed { subject: format!("app.{}", connection.app), why }),
            }
        }
        Ok((self.read_accounts(connection, policy, tenant, whom.ask.full, watch).await?, None))
    }

    /// Reads what decides about the people who are named, where that will do; else tells why it will not.
    async fn read_named(
        &self,
        connection: &Connection,
        policy: &AppPolicy,
        tenant: &Tenant,
        whom: For<'_>,
        watch: &dyn Watch,
    ) -> Result<Result<(Accounts, Named), String>, EngineError> {
        let app = &connection.app;
        let manifest = connection.target.manifest();
        let asked_by = manifest.asked_by(&tenant.profile);
        if let Some(other) = self.setup.policy.looks_by(app).into_iter().find(|attribute| !asked_by.contains(attribute)) {
            return Ok(Err(format!("it cannot be asked for accounts by {other}")));
        }
        let sees_all = !manifest.hides || tenant.sees_all.unwrap_or(policy.scope_all);
        if !sees_all {
            return Ok(Err("the log-in may not see everybody, so that nothing found does not show that nobody is there".to_owned()));
        }
        let Some(last) = self.usable_last(connection, policy, tenant).await? else {
            return Ok(Err("there is no whole reading that is young enough and was read in the same way".to_owned()));
        };
        let (base, links) = (last.digest, self.store.links().await?);
        let review = |_: &Step| Vec::new();
        let mut apps = BTreeMap::from([(app.clone(), last)]);
        let mut asked: BTreeSet<(String, String)> = BTreeSet::new();
        let mut found: BTreeMap<String, Record> = BTreeMap::new();
        let own = loop {
            let given = Given {
                policy: &self.setup.policy,
                as_of: whom.ask.as_of,
                now: self.ports.clock.now(),
                roster: whom.roster,
                last_good: whom.last_good,
                apps: &apps,
                links: &links,
                earlier: &[],
                aside: &[],
                past: &plan::Past::default(),
                only: whom.ask.only.as_ref(),
                review: &review,
            };
            let wanted = plan::lookups(&given).remove(app).unwrap_or_default();
            let more: BTreeSet<(String, String)> = pairs(&wanted).filter(|pair| !asked.contains(pair)).collect();
            if more.is_empty() {
                break wanted.own;
            }
            if asked.len() + more.len() > MOST {
                return Ok(Err(format!("more than {MOST} look-ups would be needed")));
            }
            let came = look_up(connection, &more, watch).await?;
            if let Some(Err(why)) = apps.get_mut(app).map(|reading| merge(reading, &more, &came)) {
                return Ok(Err(why));
            }
            asked.extend(more);
            // Who was found by a value need not be asked for by id.
            asked.extend(came.iter().map(|record| ("id".to_owned(), record.id.clone())));
            found.extend(came.into_iter().map(|record| (record.id.clone(), record)));
        };
        let AppReading { accounts, certificate, mut enrolments, .. } = apps.remove(app).expect("it was put there and not taken");
        enrolments.retain(|enrolment| !own.contains(&enrolment.account));
        let found: Vec<Record> = found.into_values().collect();
        let mut raw = RawLines::default();
        raw.add("account", &found);
        let accounts = Accounts { accounts, certificate, raw, base: Some(base) };
        Ok(Ok((accounts, Named { own, enrolments, anew: found.len() })))
    }
}

/// Everything that is looked for: attribute and value.
fn pairs(wanted: &Lookups) -> impl Iterator<Item = (String, String)> {
    let ids = wanted.ids.iter().map(|id| ("id".to_owned(), id.as_str().to_owned()));
    let values = wanted.values.iter().flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone())));
    ids.chain(values)
}

/// The accounts that are there under these keys.
async fn look_up(connection: &Connection, keys: &BTreeSet<(String, String)>, watch: &dyn Watch) -> Result<Vec<Record>, EngineError> {
    let mut by_attribute: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (attribute, value) in keys {
        by_attribute.entry(attribute).or_default().insert(value.clone());
    }
    let mut came = Vec::new();
    for (attribute, values) in by_attribute {
        came.extend(looks(connection, Kind::Accounts, attribute, values, watch).await?);
    }
    Ok(came)
}

/// Puts what came in the place of what was known.  Where an account that was known, or is linked, is not shown, only a whole reading tells
/// what else is gone with it.
fn merge(reading: &mut AppReading, keys: &BTreeSet<(String, String)>, came: &[Record]) -> Result<(), String> {
    let ids: BTreeSet<&str> = came.iter().map(|record| record.id.as_str()).collect();
    let mut by_id = keys.iter().filter(|(attribute, _)| attribute == "id").map(|(_, id)| id.as_str());
    if let Some(gone) = by_id.find(|id| !ids.contains(id)) {
        return Err(format!("account {gone} is not seen"));
    }
    for account in came.iter().cloned().filter_map(account) {
        match reading.accounts.binary_search_by(|known| known.id.cmp(&account.id)) {
            Ok(at) => reading.accounts[at] = account,
            Err(at) => reading.accounts.insert(at, account),
        }
    }
    Ok(())
}

//! Sources that are asked what they say of people: any SCIM service that can be read, over the way that apps are asked.

use std::collections::BTreeSet;

use connector::{Body, Record};
use jiff::SignedDuration;
use model::{Kind, SourceName, SourceReading};
use plan::fold;
use store::{Pushed, PushedGroup, PushedUser};

use crate::check::CheckReport;
use crate::connection::Connection;
use crate::roster::read_records;
use crate::walk::{looks, walk};
use crate::{AppSetup, Engine, EngineError, Roster, Watch};

/// For how long the last reading will do where some people are planned for: what changes for them is not looked for by reading everybody.
const WILL_DO: SignedDuration = SignedDuration::from_hours(1);

impl Engine {
    /// Logs in to a source that is asked, and probes it.  Reads only.
    ///
    /// # Errors
    /// Which credential is wrong, what answers at the address, that somebody else reads it.
    pub async fn check_source(&self, name: &SourceName) -> Result<CheckReport, EngineError> {
        let setup = self.pulled(name)?;
        let connection = self.turn_of(name, setup).await?;
        let probed = self.probed(&connection).await;
        connection.close().await;
        Ok(CheckReport {
            app: connection.app.clone(),
            connector: setup.target.manifest().connector,
            base_url: setup.base_url.clone(),
            fingerprint: setup.fingerprint.to_string(),
            tenant: probed.map_err(|error| of_source(name, error))?,
            pinned: setup.profile.is_some(),
            limit: setup.limit_in_words(),
            recovered: None,
        })
    }

    /// The last reading of a source that is asked, where that will do for some people.
    pub(crate) async fn read_lately(&self, name: &SourceName) -> Result<Option<SourceReading>, EngineError> {
        if !self.setup.pulled.contains_key(name) {
            return Ok(None);
        }
        let now = self.ports.clock.now();
        let last = self.store.latest_source_reading(name).await?;
        // One from the future is of a clock that was set back: nobody knows how old it is.
        let young = |reading: &SourceReading| {
            let age = now.duration_since(reading.certificate.at);
            !age.is_negative() && age < WILL_DO
        };
        Ok(last.filter(young))
    }

    /// Asks a source for everybody, and for the groups to which policy gives a meaning.
    pub(crate) async fn pull(&self, name: &SourceName, setup: &AppSetup, watch: &dyn Watch) -> Result<Roster, EngineError> {
        let connection = self.turn_of(name, setup).await?;
        let asked = self.ask_for_all(&connection, name, watch).await;
        connection.close().await;
        asked.map_err(|error| of_source(name, error))
    }

    async fn ask_for_all(&self, connection: &Connection, name: &SourceName, watch: &dyn Watch) -> Result<Roster, EngineError> {
        self.probed(connection).await?;
        let policy = &self.setup.policy.policy().sources[name];
        let users = walk(connection, Kind::Accounts, None, watch).await?;
        let named: BTreeSet<String> = policy.idp.iter().flat_map(|idp| idp.groups.keys()).map(|name| fold(name)).collect();
        let groups = if named.is_empty() { Vec::new() } else { groups(connection, &named, watch).await? };
        // What it says, it says now.
        let now = self.ports.clock.now();
        let said = Pushed {
            users: users.records.into_iter().map(|Record { id, raw, .. }| PushedUser { id, said: now, resource: raw }).collect(),
            groups: groups
                .into_iter()
                .filter_map(|Record { id, raw, body }| match body {
                    Body::Group(group) => {
                        let members = group.members.iter().map(|member| (member.as_str().to_owned(), now)).collect();
                        Some(PushedGroup { id, said: now, resource: raw, members })
                    }
                    _ => None,
                })
                .collect(),
            ..Pushed::default()
        };
        Ok(read_records(name, policy, &said, users.completeness, now))
    }

    fn pulled(&self, name: &SourceName) -> Result<&AppSetup, EngineError> {
        self.setup.pulled.get(name).ok_or_else(|| EngineError::Source(format!("source {name} is not asked anything")))
    }
}

/// The groups of these names, with everybody who is in them: one read a group gives every membership.
async fn groups(connection: &Connection, named: &BTreeSet<String>, watch: &dyn Watch) -> Result<Vec<Record>, EngineError> {
    let listed = walk(connection, Kind::Groups, None, watch).await?;
    let is_named = |record: &Record| matches!(&record.body, Body::Group(group) if named.contains(&fold(&group.name)));
    let ids = listed.records.into_iter().filter(is_named).map(|record| record.id).collect();
    looks(connection, Kind::Groups, "id", ids, watch).await
}

/// A fault of an app that is a source.
fn of_source(name: &SourceName, error: EngineError) -> EngineError {
    match error {
        EngineError::App { fault, .. } => EngineError::Asked { source_name: name.clone(), fault },
        other => other,
    }
}

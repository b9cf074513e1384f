//! Absorb LMS over its Integration API.
//!
//! Users are written 200 at a time, composed whole from a look just before, and looked at again afterwards.  `department` is the
//! vendor's `departmentId`, `supervisor` its `supervisorId`, `customFields.string1` the field `string1` of its `customFields`.

mod convert;
mod department;
mod enrol;
mod judge;
mod look;
mod manifest;
mod read;
mod review;
mod wire;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use connector::{Cursor, Fault, Key, Manifest, Outcome, Page, Read, Record, Session, Source, Target, Wire, Write};
use model::{Approved, Finding, Kind, Secret, Step, Tenant};

pub use manifest::MANIFEST;

use crate::registry::{Entry, Settings, SettingsError, split_url};
use convert::{Protected, fold};
use look::Look;
use wire::{Credentials, Profile};

const USERNAME: (&str, &str) =
    ("username", "the user name of an admin that nothing else logs in with (a second log-in ends the first)");
const PASSWORD: (&str, &str) = ("password", "that admin's password");
const API_KEY: (&str, &str) = ("api_key", "the portal's API Private Key");
const SEES: (&str, &str) =
    ("sees", "ids of the departments that this admin sees, separated by commas, where it does not see all of them");

/// Absorb in the registry.
pub const ENTRY: Entry = Entry {
    name: "absorb",
    manifest: &MANIFEST,
    profiles: &["guide"],
    credentials: &[USERNAME, PASSWORD, API_KEY],
    options: &[SEES],
    complete_url,
    build,
};

/// The connector, opened.
struct Absorb {
    profile: &'static Profile,
    credentials: Credentials,
    protected: Protected,
    scope_all: bool,
    /// Departments that the log-in sees, in lower case; empty where that is not configured.
    departments: BTreeSet<String>,
    declared: BTreeSet<String>,
    look: Look,
    departments_seen: department::Seen,
}

fn build(settings: Settings) -> Result<Arc<dyn Target>, SettingsError> {
    complete_url(&settings)?;
    settings.only_known(&ENTRY)?;
    let profile = settings.pinned(wire::PROFILES)?.unwrap_or(&wire::GUIDE);
    let credential = |(name, what): (&'static str, &'static str)| settings.credential(name, what).cloned();
    let username = Secret::new(credential(USERNAME)?.expose().trim());
    let departments: BTreeSet<String> = settings
        .options
        .get(SEES.0)
        .into_iter()
        .flat_map(|ids| ids.split(','))
        .map(|id| id.trim().to_lowercase())
        .filter(|id| !id.is_empty())
        .collect();
    if settings.scope_all && !departments.is_empty() {
        return Err(SettingsError {
            setting: SEES.0.to_owned(),
            wrong: "contradicts scope = \"all\"".to_owned(),
            next: "leave one of the two out".to_owned(),
        });
    }
    Ok(Arc::new(Absorb {
        profile,
        protected: Protected { own: fold(username.expose()), names: settings.protect.iter().map(|name| fold(name)).collect() },
        // A password may begin or end in a space; a key may not, but a file that holds one ends in a line break.
        credentials: Credentials {
            username,
            password: credential(PASSWORD)?,
            api_key: Secret::new(credential(API_KEY)?.expose().trim()),
        },
        scope_all: settings.scope_all,
        departments,
        declared: settings.declared,
        look: Look::new(),
        departments_seen: department::Seen::default(),
    }))
}

/// The API is at the root of its host.
fn complete_url(settings: &Settings) -> Result<String, SettingsError> {
    let (origin, path) = split_url(&settings.base_url)?;
    if path.to_lowercase().starts_with("/api/rest") {
        return Err(SettingsError {
            setting: "base_url".to_owned(),
            wrong: format!("`{}` is the legacy API, which is not supported", settings.base_url),
            next: "write the address of the Integration API, such as https://rest.myabsorb.com".to_owned(),
        });
    }
    Ok(format!("{origin}{path}"))
}

#[async_trait]
impl Source for Absorb {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    async fn log_in(&self, wire: &Wire, _old: Option<&Session>) -> Result<Session, Fault> {
        wire::log_in(wire, self.profile, &self.credentials).await
    }

    async fn probe(&self, wire: &Read) -> Result<Tenant, Fault> {
        read::probe(self, wire).await
    }

    async fn read(&self, wire: &Read, kind: Kind, after: Option<Cursor>) -> Result<Page, Fault> {
        read::read(self, wire, kind, after).await
    }

    async fn find(&self, wire: &Read, kind: Kind, key: &Key) -> Result<Vec<Record>, Fault> {
        read::find(self, wire, kind, key).await
    }
}

#[async_trait]
impl Target for Absorb {
    fn review(&self, step: &Step) -> Vec<Finding> {
        review::review(step, &self.departments)
    }

    async fn apply(&self, wire: &Write, steps: &[Approved<Step>]) -> Vec<Outcome> {
        write::apply(self, wire, steps).await
    }
}

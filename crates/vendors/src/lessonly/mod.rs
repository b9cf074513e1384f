//! Lessonly (Seismic Learning) over its REST API.
//!
//! A custom field `shoe size` is the attribute `custom.shoe size`.  The list of users shows custom fields in v1.1 of the API only, so
//! a tenant with declared fields is talked to there.

mod convert;
mod groups;
mod manifest;
mod read;
mod wire;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use connector::{Cursor, Fault, Key, Manifest, Outcome, Page, Read, Record, Session, Source, Target, Wire, Write};
use model::{Approved, Finding, Image, Kind, Secret, Step, Tenant, Verb};

pub use manifest::MANIFEST;

use crate::registry::{Entry, Settings, SettingsError, split_url};
use wire::Profile;

const SUBDOMAIN: (&str, &str) = ("subdomain", "the company's name in SUBDOMAIN.lessonly.com");
const API_KEY: (&str, &str) = ("api_key", "the API key from Settings > Integrations > API");

/// Lessonly in the registry.
pub const ENTRY: Entry = Entry {
    name: "lessonly",
    manifest: &MANIFEST,
    profiles: &[wire::GUIDE.name, wire::VENDOR.name],
    credentials: &[SUBDOMAIN, API_KEY],
    ways: &[&["subdomain", "api_key"]],
    options: &[],
    complete_url,
    build,
};

/// The connector, opened.
struct Lessonly {
    /// The profile that configuration pins; none when logging in tells it.
    pinned: Option<&'static Profile>,
    subdomain: Secret,
    api_key: Secret,
    declared: BTreeSet<String>,
    /// Lower-case e-mail addresses.
    protect: BTreeSet<String>,
}

fn build(settings: Settings) -> Result<Arc<dyn Target>, SettingsError> {
    complete_url(&settings)?;
    settings.only_known(&ENTRY)?;
    let pinned = settings.pinned(wire::PROFILES)?;
    let subdomain = settings.credential(SUBDOMAIN.0, SUBDOMAIN.1)?.expose().trim().to_owned();
    if !subdomain.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
        return Err(SettingsError {
            setting: SUBDOMAIN.0.to_owned(),
            wrong: "is not a subdomain alone".to_owned(),
            next: "give the part before .lessonly.com only, without https://, dots or colons".to_owned(),
        });
    }
    let api_key = Secret::new(settings.credential(API_KEY.0, API_KEY.1)?.expose().trim());
    Ok(Arc::new(Lessonly {
        pinned,
        subdomain: Secret::new(subdomain),
        api_key,
        declared: settings.declared,
        protect: settings.protect.iter().map(|email| email.trim().to_lowercase()).collect(),
    }))
}

/// The API is under `/api/v1`, and `/api/v1.1` is the same with richer records: without it everything is 404 (L02).
fn complete_url(settings: &Settings) -> Result<String, SettingsError> {
    let (origin, path) = split_url(&settings.base_url)?;
    match path.as_str() {
        "" | "/api/v1" if settings.declared.is_empty() => Ok(format!("{origin}/api/v1")),
        "" | "/api/v1" | "/api/v1.1" => Ok(format!("{origin}/api/v1.1")),
        _ => Err(SettingsError {
            setting: "base_url".to_owned(),
            wrong: format!("`{}` does not end in /api/v1, so Lessonly would answer 404 to everything", settings.base_url),
            next: format!("write it as {origin}/api/v1 (the vendor's own is https://api.lessonly.com/api/v1)"),
        }),
    }
}

#[async_trait]
impl Source for Lessonly {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    /// Where the profile is pinned this needs no request: every request carries the key, and `probe` is the first that can be refused.
    async fn log_in(&self, wire: &Wire, _old: Option<&Session>) -> Result<Session, Fault> {
        wire::log_in(wire, self.pinned, &self.subdomain, &self.api_key).await
    }

    async fn probe(&self, wire: &Read) -> Result<Tenant, Fault> {
        read::probe(self, wire).await
    }

    async fn read(&self, wire: &Read, kind: Kind, after: Option<Cursor>) -> Result<Page, Fault> {
        read::read(self, wire, kind, after).await
    }

    fn image(&self, raw: &serde_json::Value) -> Option<Image> {
        let account = convert::account(raw, "user", &self.protect).ok()?;
        let groups = convert::group_ids(raw).or_else(|_| convert::memberships(raw)).ok();
        Some(Image { account, groups: groups.map(|groups| groups.into_iter().map(|id| id.to_string().into()).collect()) })
    }

    async fn find(&self, wire: &Read, kind: Kind, key: &Key) -> Result<Vec<Record>, Fault> {
        read::find(self, wire, kind, key).await
    }
}

#[async_trait]
impl Target for Lessonly {
    fn review(&self, step: &Step, _tenant: &Tenant) -> Vec<Finding> {
        convert::review(step, &self.declared)
    }

    async fn apply(&self, wire: &Write, steps: &[Approved<Step>]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(steps.len());
        let is_link = |step: &Approved<Step>| step.get().verb == Verb::Link;
        for steps in steps.chunk_by(|a, b| is_link(a) && is_link(b)) {
            match steps {
                [step] => outcomes.push(write::apply(self, wire, step.get()).await),
                links => outcomes.extend(write::links(self, wire, links).await),
            }
        }
        outcomes
    }
}

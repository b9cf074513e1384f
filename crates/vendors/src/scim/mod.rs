//! Any application with SCIM 2.0 (RFC 7643, RFC 7644): what it can do is found out, and what it cannot is done in another way.
//!
//! An attribute of an extension that is not the enterprise one is `URN:name`, and is named in the app's `declared_fields`.

mod convert;
mod discovery;
mod groups;
mod manifest;
mod read;
mod ways;
mod wire;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use connector::{Cursor, Fault, Key, Manifest, Outcome, Page, Read, Record, Session, Source, Target, Wire, Write};
use model::{Approved, Finding, Image, Kind, Secret, Step, Tenant, Verb};

pub use manifest::MANIFEST;

use crate::registry::{Entry, Settings, SettingsError, split_url};
use ways::Taken;
use wire::{Credentials, Profile};

const TOKEN: (&str, &str) = ("token", "the bearer token of the application's SCIM or provisioning settings");
const USERNAME: (&str, &str) = ("username", "the user name, where the application wants HTTP Basic (Lessonly: the subdomain)");
const PASSWORD: (&str, &str) = ("password", "the password, where the application wants HTTP Basic (Lessonly: the SCIM key)");

/// SCIM in the registry.
pub const ENTRY: Entry = Entry {
    name: "scim",
    manifest: &MANIFEST,
    profiles: wire::NAMES,
    credentials: &[TOKEN, USERNAME, PASSWORD],
    ways: &[&["token"], &["username", "password"]],
    options: &[],
    complete_url,
    build,
};

/// The connector, opened.
struct Scim {
    /// The profile that configuration pins; none when logging in tells it.
    pinned: Option<&'static Profile>,
    manifest: &'static Manifest,
    credentials: Credentials,
    /// Attributes of other extensions, as `URN:name`.
    declared: BTreeSet<String>,
    /// Lower-case user names and e-mail addresses.
    protect: BTreeSet<String>,
    taken: Taken,
}

fn build(settings: Settings) -> Result<Arc<dyn Target>, SettingsError> {
    complete_url(&settings)?;
    settings.only_known(&ENTRY)?;
    let pinned = settings.pinned(wire::PROFILES)?;
    let trimmed = |secret: &Secret| Secret::new(secret.expose().trim());
    let credentials = if settings.credentials.contains_key(USERNAME.0) || settings.credentials.contains_key(PASSWORD.0) {
        let user = trimmed(settings.credential(USERNAME.0, USERNAME.1)?);
        if user.expose().contains(':') {
            return Err(SettingsError {
                setting: USERNAME.0.to_owned(),
                wrong: "has a colon in it, which HTTP Basic cannot carry".to_owned(),
                next: "give the user name alone".to_owned(),
            });
        }
        Credentials::Basic(user, trimmed(settings.credential(PASSWORD.0, PASSWORD.1)?))
    } else {
        let token = settings.credential(TOKEN.0, TOKEN.1)?.expose().trim();
        // As people copy it.
        let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
        Credentials::Token(Secret::new(token))
    };
    let wrong = settings.declared.iter().find(|name| !matches!(convert::Place::of(name), Some(convert::Place::Extension(..))));
    if let Some(name) = wrong {
        return Err(SettingsError {
            setting: "declared_fields".to_owned(),
            wrong: format!("names `{name}`, which is no attribute of an extension"),
            next: "write it as URN:name, e.g. \"urn:ietf:params:scim:schemas:extension:acme:2.0:User:shift\"".to_owned(),
        });
    }
    let manifest = if pinned.is_some_and(|profile| !profile.groups) { &manifest::USERS_ONLY } else { &MANIFEST };
    Ok(Arc::new(Scim {
        pinned,
        manifest,
        credentials,
        declared: settings.declared,
        protect: settings.protect.iter().map(|name| name.trim().to_lowercase()).collect(),
        taken: Taken::default(),
    }))
}

/// Applications have their SCIM wherever they like: nothing is completed, and `/Users` at the end is one too many.
fn complete_url(settings: &Settings) -> Result<String, SettingsError> {
    let (origin, path) = split_url(&settings.base_url)?;
    for end in ["/Users", "/Groups", "/ServiceProviderConfig"] {
        if let Some(base) = path.strip_suffix(end) {
            return Err(SettingsError {
                setting: "base_url".to_owned(),
                wrong: format!("`{}` is the address of one list", settings.base_url),
                next: format!("write it without {end}: {origin}{base}"),
            });
        }
    }
    Ok(format!("{origin}{path}"))
}

#[async_trait]
impl Source for Scim {
    fn manifest(&self) -> &'static Manifest {
        self.manifest
    }

    async fn log_in(&self, wire: &Wire, _old: Option<&Session>) -> Result<Session, Fault> {
        wire::log_in(wire, self.pinned, &self.credentials).await
    }

    async fn probe(&self, wire: &Read) -> Result<Tenant, Fault> {
        discovery::probe(self, wire).await
    }

    async fn read(&self, wire: &Read, kind: Kind, after: Option<Cursor>) -> Result<Page, Fault> {
        read::read(self, wire, kind, after).await
    }

    fn image(&self, raw: &serde_json::Value) -> Option<Image> {
        let account = convert::account(self, raw, "user").ok()?;
        let groups = convert::groups_shown(raw).map(|groups| groups.into_iter().map(Into::into).collect());
        Some(Image { account, groups })
    }

    async fn find(&self, wire: &Read, kind: Kind, key: &Key) -> Result<Vec<Record>, Fault> {
        read::find(self, wire, kind, key).await
    }
}

#[async_trait]
impl Target for Scim {
    fn review(&self, step: &Step, tenant: &Tenant) -> Vec<Finding> {
        convert::review(self, step, tenant)
    }

    async fn apply(&self, wire: &Write, steps: &[Approved<Step>]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(steps.len());
        let is_link = |step: &Approved<Step>| step.get().verb == Verb::Link;
        for steps in steps.chunk_by(|a, b| is_link(a) == is_link(b)) {
            match steps {
                links @ [first, _, ..] if is_link(first) => outcomes.extend(write::links(self, wire, links).await),
                steps => outcomes.extend(write::apply(self, wire, steps).await),
            }
        }
        outcomes
    }
}

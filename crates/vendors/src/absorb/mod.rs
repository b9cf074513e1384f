//! Absorb LMS over its Integration API.
//!
//! Users are written 200 at a time, composed whole from a look just before, and looked at again afterwards.  `department` is the
//! vendor's `departmentId`, `supervisor` its `supervisorId`, `customFields.string1` the field `string1` of its `customFields`.
//!
//! There are two readings of the API (`profile`); which one a portal speaks is told by logging in, or pinned by configuration.  And there
//! are two ways in: an admin's user name and password, or what a person allowed once in a browser.

mod batch;
mod convert;
mod department;
mod enrol;
mod event;
mod judge;
mod log_in;
mod look;
mod manifest;
mod oauth;
mod probe;
mod profile;
mod read;
mod review;
mod wire;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use connector::{
    Body, Cursor, Fault, Key, Manifest, Outcome, Page, RawEvent, Read, Record, Scope, Session, Signing, Source, Target, Told,
    Watermark, Wire, Write,
};
use model::{Approved, Finding, Image, Kind, LogIn, Secret, Step, Tenant};

pub use manifest::MANIFEST;

use crate::registry::{Entry, Settings, SettingsError, is_local, split_url};
use convert::{Protected, fold};
use log_in::Password;
use look::Look;
use oauth::Client;
use profile::Profile;
use wire::{Reader, Writer};

const USERNAME: (&str, &str) =
    ("username", "the user name of an admin that nothing else logs in with (a second log-in ends the first)");
const PASSWORD: (&str, &str) = ("password", "that admin's password");
const CLIENT_ID: (&str, &str) = ("client_id", "the id of the OAuth client that the portal made for Provost");
const CLIENT_SECRET: (&str, &str) = ("client_secret", "that client's secret");
const API_KEY: (&str, &str) = ("api_key", "the portal's API Private Key");
const SEES: (&str, &str) =
    ("sees", "ids of the departments that this admin sees, separated by commas, where it does not see all of them");
const PORTAL: (&str, &str) = ("portal", "with client_id: the address where people log in, https://PORTAL.myabsorb.com");
const ADMIN: (&str, &str) = ("admin", "with client_id: the user name of the admin who allows it, to be kept out of plans");

/// Absorb in the registry.
pub const ENTRY: Entry = Entry {
    name: "absorb",
    manifest: &MANIFEST,
    credentials: &[USERNAME, PASSWORD, CLIENT_ID, CLIENT_SECRET, API_KEY],
    ways: &[&["username", "password", "api_key"], &["client_id", "client_secret", "api_key"]],
    profiles: &["vendor", "guide"],
    options: &[SEES, PORTAL, ADMIN],
    complete_url,
    build,
};

/// How one gets in.
enum Way {
    Password(Password),
    Consent(Client),
}

/// The connector, opened.
struct Absorb {
    /// The profile that configuration pins; else a session's tells.
    pinned: Option<&'static Profile>,
    way: Way,
    api_key: Secret,
    protected: Protected,
    scope_all: bool,
    /// Departments that configuration says the log-in sees, in lower case; empty where it does not say.
    departments: BTreeSet<String>,
    declared: BTreeSet<String>,
    look: Look,
    departments_seen: department::Seen,
}

fn build(settings: Settings) -> Result<Arc<dyn Target>, SettingsError> {
    complete_url(&settings)?;
    settings.only_known(&ENTRY)?;
    let pinned = settings.pinned(profile::PROFILES)?;
    let given: Vec<&str> = settings.credentials.keys().map(String::as_str).collect();
    let by_consent = ENTRY.way(&given)?.contains(&CLIENT_ID.0);
    let credential = |(name, what): (&'static str, &'static str)| settings.credential(name, what).cloned();
    let trimmed = |what| Ok::<_, SettingsError>(Secret::new(credential(what)?.expose().trim()));
    let option = |(name, _): (&str, &str)| settings.options.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let (way, own) = if by_consent {
        let (client_id, client_secret) = (trimmed(CLIENT_ID)?, trimmed(CLIENT_SECRET)?);
        let client = Client { client_id, client_secret, portal: portal(&settings, option(PORTAL))? };
        (Way::Consent(client), option(ADMIN).map(fold))
    } else {
        if let Some((name, _)) = [PORTAL, ADMIN].into_iter().find(|name| option(*name).is_some()) {
            return Err(SettingsError {
                setting: name.to_owned(),
                wrong: "goes with client_id and client_secret only".to_owned(),
                next: "leave it out, or log in with client_id and client_secret".to_owned(),
            });
        }
        // A password may begin or end in a space; a key may not, but a file that holds one ends in a line break.
        let username = trimmed(USERNAME)?;
        let own = fold(username.expose());
        (Way::Password(Password { username, password: credential(PASSWORD)? }), Some(own))
    };
    let departments: BTreeSet<String> = option(SEES)
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
        pinned,
        way,
        api_key: trimmed(API_KEY)?,
        protected: Protected { own, names: settings.protect.iter().map(|name| fold(name)).collect() },
        scope_all: settings.scope_all,
        departments,
        declared: settings.declared,
        look: Look::new(),
        departments_seen: department::Seen::default(),
    }))
}

/// Where people log in: on this machine the API's own address, as the sandbox has both in one.
fn portal(settings: &Settings, given: Option<&str>) -> Result<String, SettingsError> {
    let named = |error: SettingsError| SettingsError { setting: PORTAL.0.to_owned(), ..error };
    match given {
        Some(text) => split_url(text).map(|(origin, path)| format!("{origin}{path}")).map_err(named),
        None => match split_url(&settings.base_url)? {
            (origin, _) if is_local(&origin) => Ok(origin),
            _ => Err(SettingsError {
                setting: PORTAL.0.to_owned(),
                wrong: "is missing".to_owned(),
                next: "set it to the address where people log in: portal = \"https://PORTAL.myabsorb.com\"".to_owned(),
            }),
        },
    }
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

impl Absorb {
    /// The wire with the profile of its session; one that was made for another profile than the one pinned has to be renewed.
    fn reader<'a>(&self, wire: &'a Read) -> Result<Reader<'a>, Fault> {
        let profile = profile::named(wire.profile()).filter(|profile| self.pinned.is_none_or(|pinned| pinned.name == profile.name));
        profile.map(|profile| Reader { wire, profile }).ok_or(Fault::Denied { scope: Scope::Session })
    }
}

#[async_trait]
impl Source for Absorb {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    async fn log_in(&self, wire: &Wire, old: Option<&Session>) -> Result<Session, Fault> {
        match &self.way {
            Way::Password(password) => log_in::log_in(wire, self.pinned, old, &self.api_key, password).await,
            Way::Consent(client) => client.renew(wire, self.pinned, &self.api_key, old).await,
        }
    }

    async fn probe(&self, wire: &Read) -> Result<Tenant, Fault> {
        probe::probe(self, wire).await
    }

    async fn read(&self, wire: &Read, kind: Kind, after: Option<Cursor>) -> Result<Page, Fault> {
        read::read(self, self.reader(wire)?, kind, after).await
    }

    async fn changed(&self, wire: &Read, kind: Kind, since: &Watermark, after: Option<Cursor>) -> Result<Page, Fault> {
        match kind {
            Kind::Accounts => read::changed(self, self.reader(wire)?, since, after).await,
            _ => Err(Fault::Unsupported { what: format!("Absorb does not date its {kind:?}") }),
        }
    }

    fn consent(&self, redirect: &str, state: &str) -> Option<String> {
        match &self.way {
            Way::Password(_) => None,
            Way::Consent(client) => Some(client.consent(redirect, state)),
        }
    }

    async fn redeem(&self, wire: &Wire, code: &Secret, redirect: &str) -> Result<Session, Fault> {
        match &self.way {
            Way::Password(_) => Err(Fault::Unsupported { what: "a log-in by consent beside user name and password".to_owned() }),
            Way::Consent(client) => client.redeem(wire, self.pinned, &self.api_key, code, redirect).await,
        }
    }

    fn image(&self, raw: &serde_json::Value) -> Option<Image> {
        // Which profile an image is of is told by how it says that somebody may log in.
        let of = |(_, profile): &(&str, &Profile)| convert::account(raw.clone(), profile, &self.protected).ok();
        match profile::PROFILES.iter().find_map(of)?.body {
            Body::Account(account) => Some(Image { account, groups: None }),
            _ => None,
        }
    }

    fn decode(&self, event: &RawEvent, signing: &Signing) -> Result<Vec<Told>, Fault> {
        event::decode(event, signing)
    }

    fn last_log_in(&self, raw: &serde_json::Value) -> LogIn {
        convert::last_log_in(raw)
    }

    async fn find(&self, wire: &Read, kind: Kind, key: &Key) -> Result<Vec<Record>, Fault> {
        read::find(self, self.reader(wire)?, kind, key).await
    }
}

#[async_trait]
impl Target for Absorb {
    fn review(&self, step: &Step, tenant: &Tenant) -> Vec<Finding> {
        review::review(step, &tenant.sees)
    }

    async fn apply(&self, wire: &Write, steps: &[Approved<Step>]) -> Vec<Outcome> {
        match self.reader(wire.read()) {
            Ok(reader) => write::apply(self, Writer { wire, reader }, steps).await,
            Err(fault) => steps.iter().map(|_| Err(fault.clone())).collect(),
        }
    }
}

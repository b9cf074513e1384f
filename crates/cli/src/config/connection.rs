//! Where apps and sources are, and what one logs in with: what policy does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::FileSource;
use model::{Fingerprint, RateLimit, Secret, digest_of};
use sandbox::{Faults, Limit};
use serve::scim::Dialect;
use toml::Spanned;
use toml::de::DeValue;
use vendors::registry::{Entry, Settings};

use super::events::Webhook;
use super::section::{Section, Source, text_of, wrong_type};
use crate::failure::Failure;
use crate::sandboxes::stand_ins;

/// Where a source is.
#[derive(Clone, Debug)]
pub(crate) enum SourceConnection {
    /// A file.
    File(FileSource),
    /// Pushed to the server, in this dialect.
    Push(Dialect),
    /// Asked, as an app is.
    Pull(Box<AppConnection>),
}

/// Where an app is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// An address, complete.
    Url(String),
    /// A sandbox with this data folder, started when needed.
    Sandbox(PathBuf),
}

/// Where a credential is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// In this environment variable.
    Env(String),
    /// In this file, its only line.
    File(PathBuf),
    /// Not secret and written out: a user name.
    Plain(String),
}

/// One app's connection.
#[derive(Clone)]
pub(crate) struct AppConnection {
    pub(crate) entry: &'static Entry,
    pub(crate) address: Address,
    pub(crate) profile: String,
    pub(crate) credentials: BTreeMap<&'static str, Credential>,
    /// Which credentials one logs in with, of those that the connector knows.
    pub(crate) way: &'static [&'static str],
    pub(crate) options: BTreeMap<&'static str, String>,
    pub(crate) limit: Option<RateLimit>,
    pub(crate) declared: BTreeSet<String>,
    pub(crate) scope_all: bool,
    pub(crate) protect: BTreeSet<String>,
    /// After how many seconds its accounts are read as a whole again.
    pub(crate) full_every: i64,
    /// How long a write whose outcome is unknown may still take effect.
    pub(crate) settle: Duration,
    /// How fast calls may come to a sandbox that we start.
    pub(crate) sandbox_limit: Limit,
    /// Whose sandbox that is, where configuration says it.
    pub(crate) sandbox_vendor: Option<&'static str>,
    /// What goes wrong on purpose there.
    pub(crate) faults: Faults,
    /// How it tells of events, where it does.
    pub(crate) webhook: Option<Webhook>,
}

impl fmt::Debug for AppConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entry, address, credentials, .. } = self;
        f.debug_struct("AppConnection")
            .field("connector", &entry.name)
            .field("address", address)
            .field("credentials", credentials)
            .finish_non_exhaustive()
    }
}

impl AppConnection {
    /// What the connector is opened with.
    pub(crate) fn settings(&self, base_url: String, credentials: BTreeMap<String, Secret>) -> Settings {
        Settings {
            base_url,
            credentials,
            options: self.options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            declared: self.declared.clone(),
            scope_all: self.scope_all,
            profile: self.profile.clone(),
            protect: self.protect.clone(),
        }
    }

    /// Whose sandbox stands in for the app: as configured, else as the folder was made, else the first that can.
    pub(crate) fn stand_in(&self) -> &'static str {
        let can = stand_ins(self.entry.name);
        let made_by = match &self.address {
            Address::Sandbox(dir) => sandbox::made_by(dir),
            Address::Url(_) => None,
        };
        let known = made_by.and_then(|made_by| can.iter().find(|vendor| **vendor == made_by));
        self.sandbox_vendor.or(known.copied()).or(can.first().copied()).unwrap_or(self.entry.name)
    }

    /// Tells this tenant from every other: connector, address, subdomain and user name, never a secret.
    pub(crate) fn fingerprint(&self, identity: &BTreeMap<&str, String>) -> Fingerprint {
        let address = match &self.address {
            Address::Url(url) => url.clone(),
            Address::Sandbox(dir) => {
                format!("sandbox:{}", real_path(dir).display())
            }
        };
        let digest = digest_of(&(self.entry.name, address, identity)).to_string();
        Fingerprint::new(&digest[..32])
    }

    /// Tells where ids mean the same: connector, address and subdomain; who logs in and what they see makes no difference, nor does the
    /// place of a sandbox's folder or the port of a local server.
    pub(crate) fn home(&self, identity: &BTreeMap<&str, String>) -> Fingerprint {
        let address = match &self.address {
            Address::Url(url) => without_port(url),
            Address::Sandbox(dir) => format!("sandbox:{}", dir.file_name().unwrap_or_default().display()),
        };
        let digest = digest_of(&(self.entry.name, address, identity.get("subdomain"))).to_string();
        Fingerprint::new(&digest[..32])
    }
}

/// An address on this machine comes with another port at every start.
fn without_port(url: &str) -> String {
    match url.split_once("//127.0.0.1:").or_else(|| url.split_once("//localhost:")) {
        Some((scheme, rest)) => format!("{scheme}//localhost{}", rest.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => url.to_owned(),
    }
}

/// The folder's one true path, also when it is not there yet.
fn real_path(dir: &Path) -> PathBuf {
    if let Ok(path) = std::fs::canonicalize(dir) {
        return path;
    }
    match (dir.parent().map(std::fs::canonicalize), dir.file_name()) {
        (Some(Ok(parent)), Some(name)) => parent.join(name),
        _ => std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()),
    }
}

/// Whether a credential says who we are rather than proving it: such a one may be written out, and tells tenants apart.
pub(crate) fn is_identity(name: &str) -> bool {
    matches!(name, "subdomain" | "username" | "client_id")
}

impl Credential {
    /// Reads a credential's place; a secret written out is refused.
    pub(super) fn read(name: &str, value: &Spanned<DeValue<'_>>, source: Source<'_>, dir: &Path) -> Option<Self> {
        let problems = source.problems;
        let plain = is_identity(name);
        if let DeValue::Table(table) = value.get_ref() {
            let mut section = Section::new(source, format!("`{name}`"), value.span(), table);
            let found = match (section.text("env"), section.text("file")) {
                (Some(env), None) => Some(Self::Env(env.text)),
                (None, Some(file)) => Some(Self::File(dir.join(file.text))),
                _ => {
                    let next = format!("write {name} = {{ env = \"NAME\" }} or {name} = {{ file = \"PATH\" }}");
                    problems.add(format!("`{name}` names no single place"), &value.span(), "one of `env` and `file`", next);
                    None
                }
            };
            section.end();
            return found;
        }
        match text_of(source, value) {
            Some(text) if plain => Some(Self::Plain(text.text)),
            Some(text) => {
                problems.blot(&text.span);
                let next = format!(
                    "put it into the environment or a file that only you can read, and write {name} = {{ env = \"NAME\" }} or \
                     {name} = {{ file = \"PATH\" }}; if this file was shared, ask the vendor for a new one"
                );
                let what =
                    format!("`{name}` is a secret, and secrets are never in the configuration: it is copied, sent and kept in history");
                problems.add(what, &text.span, "written out", next);
                None
            }
            None => {
                wrong_type(problems, &format!("`{name}`"), value, "{ env = \"NAME\" } or { file = \"PATH\" }");
                None
            }
        }
    }

    /// The credential itself.
    ///
    /// # Errors
    /// A [`Failure`] when the variable is not set, or the file cannot be read or is empty.
    pub(crate) fn resolve(&self, app: &str, name: &str) -> Result<Secret, Failure> {
        self.resolve_for("app", app, name)
    }

    /// As [`Credential::resolve`], for a section of this kind: `app`, `source`, `notice`.
    ///
    /// # Errors
    /// As [`Credential::resolve`].
    pub(crate) fn resolve_for(&self, kind: &str, of: &str, name: &str) -> Result<Secret, Failure> {
        let text = match self {
            Self::Plain(text) => text.clone(),
            Self::Env(variable) => std::env::var(variable).map_err(|_| {
                Failure::new(
                    format!("{kind} {of} takes its {name} from the environment variable {variable}, which is not set"),
                    format!("set it (export {variable}=…), or name another place in [{kind}.{of}]"),
                )
            })?,
            Self::File(path) => std::fs::read_to_string(path).map_err(|error| {
                Failure::new(
                    format!("{kind} {of} takes its {name} from {}, which cannot be read: {error}", path.display()),
                    format!("write it into that file, or name another place in [{kind}.{of}]"),
                )
            })?,
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(Failure::new(
                format!("the {name} of {kind} {of} is empty"),
                format!("fill the place that [{kind}.{of}] names for it"),
            ));
        }
        Ok(Secret::new(text))
    }
}

/// `rate = { per_second = N, burst = M }`.
pub(super) fn rate(mut section: Section<'_>) -> Option<RateLimit> {
    let per_second = positive(&mut section, "per_second");
    let burst = positive(&mut section, "burst");
    if !section.had("per_second") {
        section.missing("per_second", "requests a second that this app may get");
    }
    section.end();
    Some(RateLimit { per_second: per_second?, burst: burst.unwrap_or(1) })
}

fn positive(section: &mut Section<'_>, key: &'static str) -> Option<u32> {
    let count = section.count(key)?;
    let fits = u32::try_from(count).ok().filter(|n| *n > 0);
    if fits.is_none() {
        section.problems().add(format!("`{key}` cannot be {count}"), &section.span, "here", "use a whole number above 0");
    }
    fits
}

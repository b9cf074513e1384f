//! The only list of connectors, and what each needs to be opened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use connector::{Manifest, Target};
use model::Secret;

/// What a connector is opened with: one `[app.X]` of the configuration, its secrets resolved.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address as configured; what the wire gets is made of it by [`Entry::complete_url`].
    pub base_url: String,
    /// By the names in [`Entry::credentials`].
    pub credentials: BTreeMap<String, Secret>,
    /// By the names in [`Entry::options`].
    pub options: BTreeMap<String, String>,
    /// Custom fields that are declared in the app, where only configuration can tell (L13).
    pub declared: BTreeSet<String>,
    /// Whether configuration asserts that the log-in sees everybody (`scope = "all"`).
    pub scope_all: bool,
    /// `guide`, `vendor` or `auto`.
    pub profile: String,
    /// Accounts that no plan may touch: e-mail addresses or user names, compared without regard to case (F09).
    pub protect: BTreeSet<String>,
}

impl Settings {
    /// A credential by name.
    ///
    /// # Errors
    /// [`SettingsError`] when it is missing or empty.
    pub fn credential(&self, name: &'static str, what: &'static str) -> Result<&Secret, SettingsError> {
        self.credentials.get(name).filter(|secret| !secret.expose().trim().is_empty()).ok_or_else(|| SettingsError {
            setting: name.to_owned(),
            wrong: "is missing".to_owned(),
            next: format!("set it to {what}, from the environment or a file: {name} = {{ env = \"…\" }}"),
        })
    }

    /// The profile that configuration pins, among a connector's own; none for "auto": then logging in tells.
    ///
    /// # Errors
    /// [`SettingsError`] when it is none of them.
    pub fn pinned<P>(&self, profiles: &[(&'static str, &'static P)]) -> Result<Option<&'static P>, SettingsError> {
        if matches!(self.profile.as_str(), "" | "auto") {
            return Ok(None);
        }
        let found = profiles.iter().find(|(name, _)| *name == self.profile).map(|(_, profile)| Some(*profile));
        found.ok_or_else(|| {
            let names: Vec<String> = profiles.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            SettingsError {
                setting: "profile".to_owned(),
                wrong: format!("is \"{}\", which is no profile here", self.profile),
                next: format!("use \"auto\", which finds out, or pin one of {}", names.join(", ")),
            }
        })
    }

    /// Refuses credentials and options that the entry does not know: a typing error, most likely.
    ///
    /// # Errors
    /// [`SettingsError`] naming the first unknown one and those there are.
    pub fn only_known(&self, entry: &Entry) -> Result<(), SettingsError> {
        let known = |list: &[(&str, &str)], name: &str| list.iter().any(|(listed, _)| *listed == name);
        let credentials = self.credentials.keys().filter(|name| !known(entry.credentials, name));
        let options = self.options.keys().filter(|name| !known(entry.options, name));
        match credentials.chain(options).next() {
            None => Ok(()),
            Some(name) => {
                let listed: Vec<&str> = entry.credentials.iter().chain(entry.options).map(|(listed, _)| *listed).collect();
                Err(SettingsError {
                    setting: name.clone(),
                    wrong: format!("is nothing that the {} connector knows", entry.name),
                    next: format!("it knows {}", listed.join(", ")),
                })
            }
        }
    }
}

/// A setting that is missing or wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {wrong}; {next}")]
pub struct SettingsError {
    /// Which setting, as configuration names it.
    pub setting: String,
    /// What is wrong with it.
    pub wrong: String,
    /// What to do.
    pub next: String,
}

/// One connector.  Every vendor's folder has its own as `pub const ENTRY`.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The name, as `connector = "…"` writes it.
    pub name: &'static str,
    /// What its app can do.
    pub manifest: &'static Manifest,
    /// The readings of its API that it speaks, by name; the first is in force before anybody asked.
    pub profiles: &'static [&'static str],
    /// Credentials that it knows: name in configuration, and what it is.
    pub credentials: &'static [(&'static str, &'static str)],
    /// The ways to log in, each a set of names of credentials: one whole set is needed, and nothing beside it.
    pub ways: &'static [&'static [&'static str]],
    /// Other settings of its own: name in configuration, and what it is.
    pub options: &'static [(&'static str, &'static str)],
    /// Validates `base_url` and completes it where only one completion is meant (L02): the address for the [`connector::Wire`].
    pub complete_url: fn(&Settings) -> Result<String, SettingsError>,
    /// Opens it.
    pub build: fn(Settings) -> Result<Arc<dyn Target>, SettingsError>,
}

impl Entry {
    /// The way to log in that these credentials belong to: the first that has all of them.  It need not be whole.
    ///
    /// # Errors
    /// [`SettingsError`] when they are of two ways.
    pub fn way(&self, given: &[&str]) -> Result<&'static [&'static str], SettingsError> {
        let whole = |way: &&&'static [&'static str]| given.iter().all(|name| way.contains(name));
        self.ways.iter().find(whole).copied().ok_or_else(|| {
            let ways: Vec<String> = self.ways.iter().map(|way| way.join(", ")).collect();
            SettingsError {
                setting: given.join(", "),
                wrong: "are of two ways to log in".to_owned(),
                next: format!("keep those of one: {}", ways.join("; or ")),
            }
        })
    }
}

static ENTRIES: &[Entry] = &[crate::absorb::ENTRY, crate::lessonly::ENTRY, crate::scim::ENTRY];

/// Every connector there is, by name.
pub fn entries() -> &'static [Entry] {
    ENTRIES
}

/// A connector by name.
pub fn entry(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// Splits an address into origin (`https://host:port`) and path, refusing what is no address to send credentials to.
///
/// # Errors
/// [`SettingsError`] when there is no scheme or host, a query or user name is in it, or it is plain HTTP to anything but this machine.
pub fn split_url(text: &str) -> Result<(String, String), SettingsError> {
    let wrong = |wrong: &str, next: &str| {
        Err(SettingsError { setting: "base_url".to_owned(), wrong: format!("`{text}` {wrong}"), next: next.to_owned() })
    };
    let Ok(uri) = text.trim().parse::<http::Uri>() else {
        return wrong("is no address", "write it as https://HOST/PATH");
    };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return wrong("has no scheme or no host", "write it as https://HOST/PATH");
    };
    if authority.as_str().contains('@') {
        return wrong("has a user name in it", "leave it out: credentials are settings of their own");
    }
    if uri.query().is_some() {
        return wrong("has a query in it", "leave out everything from the question mark");
    }
    let host = authority.host();
    let local = is_local_host(host);
    match scheme {
        "https" => {}
        "http" if local => {}
        "http" => return wrong("would send credentials in the clear", "use https://; http:// is for this machine only"),
        _ => return wrong("is neither http nor https", "write it as https://HOST/PATH"),
    }
    Ok((format!("{scheme}://{authority}"), uri.path().trim_end_matches('/').to_owned()))
}

/// Whether an address is on this machine.
pub(crate) fn is_local(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some_and(is_local_host))
}

fn is_local_host(host: &str) -> bool {
    host == "localhost" || host == "[::1]" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

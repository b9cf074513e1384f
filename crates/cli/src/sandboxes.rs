//! The vendors' stand-ins in this process: started when a `base_url` of `sandbox:DIR` is needed, or the one that runs there already.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use model::Secret;
use sandbox::{Clock, Faults, Limit, Options, Running, absorb, application, lessonly};

use crate::failure::Failure;

/// Sandboxes that run as long as this lives.
#[derive(Debug, Default)]
pub(crate) struct Sandboxes(Vec<Running>);

/// The vendors whose sandboxes stand in for a connector's apps; the first unless told otherwise.  None for a connector without a stand-in.
pub(crate) fn stand_ins(connector: &str) -> &'static [&'static str] {
    match connector {
        "lessonly" => &["lessonly"],
        "absorb" => &["absorb"],
        // As the RFCs have it, and nobody's; then the vendors' own, with and without groups.
        "scim" => &["application", "absorb", "lessonly"],
        _ => &[],
    }
}

/// Whether a connector speaks SCIM with the sandbox, rather than the vendor's own API.
pub(crate) fn by_scim(connector: &str) -> bool {
    connector == "scim"
}

/// How a sandbox is started when none runs in its folder.
pub(crate) struct Start<'a> {
    pub(crate) app: &'a str,
    pub(crate) connector: &'static str,
    /// Whose sandbox it is, of [`stand_ins`].
    pub(crate) vendor: &'a str,
    pub(crate) dir: &'a Path,
    pub(crate) credentials: &'a BTreeMap<String, Secret>,
    pub(crate) declared: Vec<String>,
    /// The profile that configuration pins, if any.
    pub(crate) profile: Option<&'a str>,
    pub(crate) limit: Limit,
    pub(crate) faults: Faults,
    pub(crate) now: Option<Timestamp>,
}

impl Sandboxes {
    /// The address of the sandbox in a folder, started if need be.
    ///
    /// # Errors
    /// A [`Failure`] when it cannot be started.
    pub(crate) async fn address(&mut self, start: Start<'_>) -> Result<String, Failure> {
        if let Some(address) = sandbox::running(start.dir) {
            return Ok(format!("http://{address}"));
        }
        let (app, by_scim) = (start.app, by_scim(start.connector));
        let options = Options {
            data: Some(start.dir.to_owned()),
            limit: start.limit,
            faults: start.faults,
            now: start.now.map_or(Clock::System, Clock::From),
            ..Options::default()
        };
        let wrong = |why: String| {
            let next = "pin a profile that there is, or use another folder";
            Failure::new(format!("the sandbox of app {app} cannot be started: {why}"), next)
        };
        // A connector's profile is the sandbox's only where both are of the vendor's own API.
        let profile = start.profile.filter(|_| !by_scim);
        let text = |name: &str| start.credentials.get(name).map(|secret| secret.expose().to_owned()).unwrap_or_default();
        let started = match start.vendor {
            "lessonly" if by_scim => {
                let profile = lessonly_profile(profile, Some(start.dir)).map_err(wrong)?;
                let mut config = lessonly::Config { options, profile, ..lessonly::Config::default() };
                config.scim = config.scim.available();
                if start.credentials.contains_key("username") {
                    (config.subdomain, config.scim.key) = (text("username"), text("password").into());
                } else {
                    config.scim.key = text("token").into();
                }
                lessonly(config).await
            }
            "absorb" if by_scim => {
                if start.credentials.contains_key("username") {
                    let next = "set token, or sandbox_vendor = \"lessonly\", or leave the credentials out";
                    return Err(Failure::new(format!("app {app}: Absorb's sandbox takes a token over SCIM, no user name"), next));
                }
                let profile = absorb_profile(profile, Some(start.dir)).map_err(wrong)?;
                let mut config = absorb::Config { options, profile, ..absorb::Config::default() };
                config.scim = absorb::Scim { token: text("token").into(), ..config.scim.available() };
                absorb(config).await
            }
            "application" if by_scim => {
                let mut config = application::Config { options, ..application::Config::default() };
                if start.credentials.contains_key("username") {
                    config.basic = Some((text("username"), text("password").into()));
                } else {
                    config.token = text("token").into();
                }
                application(config).await
            }
            "lessonly" => {
                let (subdomain, api_key) = (text("subdomain"), text("api_key").into());
                let profile = lessonly_profile(profile, Some(start.dir)).map_err(wrong)?;
                let declared_fields = start.declared;
                let config = lessonly::Config { options, profile, subdomain, api_key, declared_fields, ..lessonly::Config::default() };
                lessonly(config).await
            }
            "absorb" => {
                let profile = absorb_profile(profile, Some(start.dir)).map_err(wrong)?;
                let mut config = absorb::Config { options, profile, api_key: text("api_key").into(), ..absorb::Config::default() };
                if start.credentials.contains_key("username") {
                    let (username, password) = (text("username"), text("password").into());
                    config.admins = vec![absorb::Admin { username, password, departments: None }];
                }
                if let Some(client) = config.clients.first_mut().filter(|_| start.credentials.contains_key("client_id")) {
                    (client.client_id, client.client_secret) = (text("client_id"), text("client_secret").into());
                }
                absorb(config).await
            }
            _ => {
                let next = "give app a real base_url";
                return Err(Failure::new(format!("app {app}: there is no sandbox for the connector {}", start.connector), next));
            }
        };
        let running = started.map_err(|error| failed(&format!("the sandbox of app {app} cannot be started"), &error))?;
        let url = running.url();
        self.0.push(running);
        Ok(url)
    }

    /// Stops them all, requests under way first.
    pub(crate) async fn stop(self) {
        for running in self.0 {
            running.stop().await;
        }
    }
}

/// Opens and serves a Lessonly sandbox.
///
/// # Errors
/// As the sandbox says.
pub(crate) async fn lessonly(config: lessonly::Config) -> Result<Running, sandbox::Error> {
    lessonly::Sandbox::open(config)?.start().await
}

/// Opens and serves an Absorb sandbox.
///
/// # Errors
/// As the sandbox says.
pub(crate) async fn absorb(config: absorb::Config) -> Result<Running, sandbox::Error> {
    absorb::Sandbox::open(config)?.start().await
}

/// Opens and serves a SCIM application.
///
/// # Errors
/// As the sandbox says.
pub(crate) async fn application(config: application::Config) -> Result<Running, sandbox::Error> {
    application::Sandbox::open(config)?.start().await
}

/// The profile that is asked for, else the one that the data folder was made with, else the first there is.
///
/// # Errors
/// There is none of that name.
pub(crate) fn lessonly_profile(asked: Option<&str>, dir: Option<&Path>) -> Result<&'static lessonly::Profile, String> {
    profile(lessonly::PROFILES, |profile| profile.name, asked, dir)
}

/// As [`lessonly_profile`].
///
/// # Errors
/// There is none of that name.
pub(crate) fn absorb_profile(asked: Option<&str>, dir: Option<&Path>) -> Result<&'static absorb::Profile, String> {
    profile(absorb::PROFILES, |profile| profile.name, asked, dir)
}

fn profile<P>(
    there: &[&'static P],
    name: impl Fn(&P) -> &'static str,
    asked: Option<&str>,
    dir: Option<&Path>,
) -> Result<&'static P, String> {
    let recorded = dir.and_then(sandbox::made_with);
    let Some(wanted) = asked.or(recorded.as_deref()) else { return Ok(there[0]) };
    there.iter().find(|profile| name(profile) == wanted).copied().ok_or_else(|| {
        let names: Vec<&str> = there.iter().map(|profile| name(profile)).collect();
        format!("there is no profile `{wanted}`; there are: {}", names.join(", "))
    })
}

/// A sandbox's error with its next step.
pub(crate) fn failed(what: &str, error: &sandbox::Error) -> Failure {
    let next = match error {
        sandbox::Error::InUse { .. } => "wait until the other command has ended, or stop it",
        sandbox::Error::OtherOption { .. } => "use the same options as before, or another folder",
        sandbox::Error::Listen { .. } => "choose another address with --listen; port 0 takes any that is free",
        sandbox::Error::File { .. } | sandbox::Error::Line { .. } => "check the file, or use another folder",
        _ => "see `provost sandbox --help`",
    };
    Failure::new(format!("{what}: {error}"), next)
}

/// The base URL that a connector wants for a sandbox at this address.
pub(crate) fn api_base(connector: &str, url: &str) -> String {
    match connector {
        "lessonly" => format!("{url}/api/v1"),
        "scim" => format!("{url}/scim/v2"),
        _ => url.to_owned(),
    }
}

/// What a sandbox takes when nothing is configured: its own well-known credentials.
pub(crate) fn known_credentials(connector: &str) -> BTreeMap<&'static str, Secret> {
    use secrecy::ExposeSecret;
    match connector {
        "lessonly" => {
            let known = lessonly::Config::default();
            BTreeMap::from([("subdomain", Secret::new(known.subdomain)), ("api_key", Secret::new(known.api_key.expose_secret()))])
        }
        "absorb" => {
            let known = absorb::Config::default();
            let mut found = BTreeMap::from([("api_key", Secret::new(known.api_key.expose_secret()))]);
            if let Some(client) = known.clients.into_iter().next() {
                found.insert("client_id", Secret::new(client.client_id));
                found.insert("client_secret", Secret::new(client.client_secret.expose_secret()));
            }
            if let Some(admin) = known.admins.into_iter().next() {
                found.insert("username", Secret::new(admin.username));
                found.insert("password", Secret::new(admin.password.expose_secret()));
            }
            found
        }
        _ => BTreeMap::new(),
    }
}

/// The same for a sandbox that is reached over SCIM.
pub(crate) fn known_scim_credentials(vendor: &str) -> BTreeMap<&'static str, Secret> {
    use secrecy::ExposeSecret;
    match vendor {
        "lessonly" => {
            let known = lessonly::Config::default();
            let key = || Secret::new(known.scim.key.expose_secret());
            BTreeMap::from([("token", key()), ("username", Secret::new(known.subdomain.as_str())), ("password", key())])
        }
        "absorb" => BTreeMap::from([("token", Secret::new(absorb::Scim::default().token.expose_secret()))]),
        "application" => BTreeMap::from([("token", Secret::new(application::Config::default().token.expose_secret()))]),
        _ => BTreeMap::new(),
    }
}

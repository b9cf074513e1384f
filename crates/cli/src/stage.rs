//! The stand-ins of rehearsals: the vendors' sandboxes in this process, loaded with what was read of an app.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connector::{Broken, Target};
use engine::{Cast, Scene, Stage, StandIn};
use jiff::{SignedDuration, Timestamp};
use model::{AppName, RateLimit, Secret};
use sandbox::records::{Kind, Record};
use sandbox::{Clock, Faults, InProcess, Limit, Options, SandboxClock, Slow, absorb, application, lessonly};
use serde::Deserialize;

use crate::config::AppConnection;
use crate::failure::Failure;
use crate::sandboxes::{absorb_profile, api_base, by_scim, lessonly_profile};
use crate::wiring::{Reach, credentials, custom_name};

/// Where stand-ins are as far as connectors know: a name that no resolver answers.
const NOWHERE: &str = "https://rehearsal.invalid";
/// Every credential of a stand-in, where it is not a user name.
const ANY: &str = "rehearsal";
/// What ids of a stand-in's own are made from: none that any other sandbox makes.
const SEED: u64 = 0x7265_6865_6172_7365;

/// Makes stand-ins as the configuration describes the apps.
pub(crate) struct Sandboxed {
    apps: BTreeMap<AppName, App>,
    faults: Faults,
}

struct App {
    connection: AppConnection,
    /// The user name that we have there, where it is known: whose account no plan may touch.
    own: Option<String>,
}

impl Sandboxed {
    /// Stand-ins of these apps, where this goes wrong.
    ///
    /// # Errors
    /// A [`Failure`] where a user name cannot be had.
    pub(crate) fn new(apps: BTreeMap<AppName, AppConnection>, faults: Faults) -> Result<Self, Failure> {
        let mut known = BTreeMap::new();
        for (name, connection) in apps {
            let credentials = credentials(("app", name.as_str()), &connection, Reach::Store)?;
            let own = credentials.get("username").map(|secret| secret.expose().to_owned());
            let own = own.or_else(|| connection.options.get("admin").cloned());
            known.insert(name, App { connection, own });
        }
        Ok(Self { apps: known, faults })
    }
}

impl Stage for Sandboxed {
    fn set(&self, scene: Scene<'_>) -> Result<Cast, String> {
        let app = self.apps.get(scene.app).ok_or("it is not configured")?;
        let records = records(scene.raw)?;
        let options = |limit| Options {
            seed: Some(SEED),
            limit,
            faults: if scene.faulty { self.faults.clone() } else { Faults::default() },
            now: Clock::Fixed(scene.at),
            ..Options::default()
        };
        let connection = &app.connection;
        let profile = Some(scene.reading.tenant.profile.as_str());
        match connection.entry.name {
            "lessonly" => {
                let (limit, told) = match connection.limit {
                    Some(rate) => {
                        let told = format!("{} requests a second, as configured", rate.per_second);
                        (Limit::PerPeriod(rate.per_second.saturating_mul(60)), told)
                    }
                    None => (Limit::Default, "500 requests a minute, which is assumed: the vendor publishes no limit".to_owned()),
                };
                let config = lessonly::Config {
                    options: options(limit),
                    profile: lessonly_profile(profile, None)?,
                    subdomain: ANY.to_owned(),
                    api_key: ANY.into(),
                    declared_fields: connection.declared.iter().map(|field| custom_name(field).to_owned()).collect(),
                    ..lessonly::Config::default()
                };
                let sandbox = lessonly::Sandbox::standing_in(config, &records).map_err(|error| error.to_string())?;
                let played = Played::new(Play::Lessonly(sandbox), scene.at);
                let credentials = [("subdomain", ANY), ("api_key", ANY)];
                cast(connection, scene, played, &credentials, connection.limit, told)
            }
            "absorb" => {
                let manifest = connection.entry.manifest;
                let username = app.own.clone().unwrap_or_else(|| "rehearsal@rehearsal.invalid".to_owned());
                let admin = absorb::Admin { username: username.clone(), password: ANY.into(), departments: sees(scene) };
                let config = absorb::Config {
                    options: options(Limit::Default),
                    profile: absorb_profile(profile, None)?,
                    api_key: ANY.into(),
                    admins: vec![admin],
                    ..absorb::Config::default()
                };
                let sandbox = absorb::Sandbox::standing_in(config, &records).map_err(|error| error.to_string())?;
                let played = Played::new(Play::Absorb(sandbox), scene.at);
                let credentials = [("username", username.as_str()), ("password", ANY), ("api_key", ANY)];
                let rate = connection.limit.filter(|rate| manifest.limit.is_some_and(|limit| rate.per_second <= limit.per_second));
                let told = "200 requests a second, as the vendor publishes".to_owned();
                cast(connection, scene, played, &credentials, rate, told)
            }
            "scim" => {
                let (limit, told) = match connection.limit {
                    Some(rate) => (Limit::PerPeriod(rate.per_second), format!("{} requests a second, as configured", rate.per_second)),
                    None => (Limit::Off, "none, which is assumed: the configuration says no `rate`".to_owned()),
                };
                let abilities = abilities(connection, scene);
                let config = application::Config { options: options(limit), abilities, token: ANY.into(), basic: None };
                let sandbox = application::Sandbox::standing_in(config, &records).map_err(|error| error.to_string())?;
                let played = Played::new(Play::Application(sandbox), scene.at);
                cast(connection, scene, played, &[("token", ANY)], connection.limit, told)
            }
            other => Err(format!("no sandbox stands in for the connector {other}")),
        }
    }
}

fn cast(
    connection: &AppConnection,
    scene: Scene<'_>,
    played: Played,
    credentials: &[(&str, &str)],
    rate: Option<RateLimit>,
    limit: String,
) -> Result<Cast, String> {
    let credentials = credentials.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
    let mut settings = connection.settings(api_base(connection.entry.name, NOWHERE), credentials);
    // How one is let in there is the stand-in's own way.
    settings.options.retain(|name, _| !matches!(name.as_str(), "portal" | "admin"));
    // What a SCIM application can do is found out once more: what a profile that is pinned cannot may otherwise be asked for.
    if !by_scim(connection.entry.name) {
        settings.profile.clone_from(&scene.reading.tenant.profile);
    }
    let wrong = |error: vendors::registry::SettingsError| format!("{} {}", error.setting, error.wrong);
    let base_url = (connection.entry.complete_url)(&settings).map_err(wrong)?;
    let target: Arc<dyn Target> = (connection.entry.build)(settings).map_err(wrong)?;
    Ok(Cast { stand_in: Arc::new(played), target, base_url, rate, settle: connection.settle, limit })
}

/// What a SCIM application can do, as it was found to when it was read.
fn abilities(connection: &AppConnection, scene: Scene<'_>) -> application::Abilities {
    let tenant = &scene.reading.tenant;
    let (profile, declared) = (tenant.profile.as_str(), &tenant.declared);
    // The connector names what the schemas have where they are shown, and the user name is always among it.
    let schemas = declared.contains("userName");
    let known = connection.entry.manifest.attributes.iter().map(|attribute| attribute.name).chain(["active"]);
    let lacks = |name: &&str| schemas && !declared.contains(*name);
    let without = known.filter(lacks).map(|name| match name.split('.').collect::<Vec<_>>()[..] {
        // Of a list only a part of its elements can be missing, for whatever they are.
        [list @ ("emails" | "phoneNumbers"), _] => list.to_owned(),
        [list, _, part] => format!("{list}.{part}"),
        _ => name.to_owned(),
    });
    let is_own = |name: &&String| name.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("urn:"));
    application::Abilities {
        says: !profile.starts_with("bare"),
        schemas,
        patch: !profile.starts_with("put"),
        filter: !profile.ends_with("walk"),
        groups: !profile.contains("users"),
        without: without.collect(),
        extensions: declared.iter().chain(&connection.declared).filter(is_own).cloned().collect(),
    }
}

/// The departments that the log-in sees, by name, where it does not see all.
fn sees(scene: Scene<'_>) -> Option<Vec<String>> {
    let tenant = &scene.reading.tenant;
    if tenant.sees_all != Some(false) || tenant.sees.is_empty() {
        return None;
    }
    let name = |id: &String| {
        let known = scene.reading.departments.iter().find(|department| department.id.eq_ignore_ascii_case(id));
        known.map_or_else(|| format!("Department {id}"), |department| department.name.clone())
    };
    Some(tenant.sees.iter().map(name).collect())
}

/// The records of a reading, as a sandbox takes them.
fn records(lines: &[u8]) -> Result<Vec<Record>, String> {
    #[derive(Deserialize)]
    struct Line {
        kind: String,
        raw: serde_json::Value,
    }
    let mut records = Vec::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let Line { kind, raw } = serde_json::from_slice(line).map_err(|error| format!("a record that was kept is damaged: {error}"))?;
        let kind = match kind.as_str() {
            "account" => Kind::User,
            "group" => Kind::Group,
            "department" => Kind::Department,
            "content" => Kind::Content,
            "enrolment" => Kind::Enrolment,
            other => return Err(format!("a record was kept of a kind that is not known: {other}")),
        };
        records.push(Record { kind, raw });
    }
    Ok(records)
}

/// A sandbox that stands in for an app.
struct Played {
    play: Play,
    way: InProcess,
    /// How far its clock is off on purpose.
    ahead: SignedDuration,
}

enum Play {
    Lessonly(lessonly::Sandbox),
    Absorb(absorb::Sandbox),
    Application(application::Sandbox),
}

impl Play {
    fn clock(&self) -> &SandboxClock {
        match self {
            Self::Lessonly(sandbox) => sandbox.clock(),
            Self::Absorb(sandbox) => sandbox.clock(),
            Self::Application(sandbox) => sandbox.clock(),
        }
    }
}

impl Played {
    fn new(play: Play, at: Timestamp) -> Self {
        let router = match &play {
            Play::Lessonly(sandbox) => sandbox.router(),
            Play::Absorb(sandbox) => sandbox.router(),
            Play::Application(sandbox) => sandbox.router(),
        };
        let ahead = play.clock().now().duration_since(at);
        Self { play, way: InProcess::new(router), ahead }
    }
}

#[async_trait]
impl StandIn for Played {
    async fn send(&self, request: http::Request<Bytes>) -> Result<(http::Response<Bytes>, Duration), Broken> {
        let answer = self.way.send(request).await.map_err(|none| Broken::NoAnswer(none.to_string()))?;
        let late = answer.extensions().get().map_or(Duration::ZERO, |Slow(by)| *by);
        Ok((answer, late))
    }

    fn set_clock(&self, now: Timestamp) {
        // A difference that leaves the calendar leaves the time as it is.
        self.play.clock().set(now.checked_add(self.ahead).unwrap_or(now));
    }

    fn misbehave(&self, on: bool) {
        match &self.play {
            Play::Lessonly(sandbox) => sandbox.misbehave(on),
            Play::Absorb(sandbox) => sandbox.misbehave(on),
            Play::Application(sandbox) => sandbox.misbehave(on),
        }
    }

    fn faults(&self) -> BTreeMap<String, u64> {
        match &self.play {
            Play::Lessonly(sandbox) => sandbox.faults_met(),
            Play::Absorb(sandbox) => sandbox.faults_met(),
            Play::Application(sandbox) => sandbox.faults_met(),
        }
    }
}

//! `provost.toml`: read once, into the policy that planning knows and the connections that it does not.
//!
//! Everything that is wrong is told at once, each with its place in the file.  No secret is in the file, and none is shown.

mod approvers;
mod apps;
mod behaviour;
mod connection;
mod events;
mod freezes;
#[cfg(test)]
mod fuzz;
mod guards;
mod idp;
mod notices;
mod oidc;
mod problem;
mod section;
mod serve;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::{Approvers, Behaviour, QuarantineRule};
use model::{AppName, Organization, Policy, SourceName};
use store::Location;
use toml::de::DeTable;

use crate::failure::Failure;
pub(crate) use connection::{Address, AppConnection, Credential, SourceConnection, is_identity};
pub(crate) use events::Webhook;
use notices::near;
pub(crate) use notices::{Mail, NoticeConnection, Tls, Way};
pub(crate) use oidc::OidcConnection;
pub(crate) use problem::ConfigError;
use problem::{Problems, likely_secrets};
pub(crate) use section::seconds;
use section::{Section, Source};

/// The name of the file where no other is given.
pub(crate) const FILE: &str = "provost.toml";

/// A configuration without a problem.
#[derive(Debug)]
pub(crate) struct Config {
    /// The file it came from.
    pub(crate) file: PathBuf,
    /// What planning knows, compiled.
    pub(crate) policy: plan::Compiled,
    /// Where the store is.
    pub(crate) store: Location,
    /// How long (seconds) the images of finished runs are kept, where it says.
    pub(crate) keep_images: Option<i64>,
    /// Where sources are.
    pub(crate) sources: BTreeMap<SourceName, SourceConnection>,
    /// Where apps are.
    pub(crate) apps: BTreeMap<AppName, AppConnection>,
    /// Whose signatures count.
    pub(crate) approvers: Approvers,
    /// What is done about apps and steps that fail.
    pub(crate) behaviour: Behaviour,
    /// How the server listens.
    pub(crate) serve: ::serve::Options,
    /// Through whom people log in there, where they do.
    pub(crate) oidc: Option<OidcConnection>,
    /// When everybody is planned for while it runs.
    pub(crate) schedules: Vec<engine::Schedule>,
    /// Who is told of what, and how.
    pub(crate) notices: BTreeMap<String, NoticeConnection>,
}

impl Config {
    /// Finds and reads the configuration: the file given, or `provost.toml` in the current folder.
    ///
    /// # Errors
    /// A [`Failure`] when there is no such file, or with everything that is wrong with it.
    pub(crate) fn load(given: Option<&Path>) -> Result<Self, Failure> {
        let file = given.unwrap_or(Path::new(FILE));
        let text = std::fs::read_to_string(file).map_err(|error| match (error.kind(), given) {
            (std::io::ErrorKind::NotFound, None) => Failure::new(
                format!("there is no {FILE} in this folder"),
                "make one with `provost init`, or name one with --config FILE",
            ),
            (std::io::ErrorKind::NotFound, Some(_)) => {
                Failure::new(format!("there is no file {}", file.display()), "check the name, or make one with `provost init`")
            }
            _ => {
                Failure::new(format!("cannot read {}: {error}", file.display()), "it has to be a text file in UTF-8 that you may read")
            }
        })?;
        Self::parse(file, &text).map_err(Failure::from)
    }

    /// Reads the text of a configuration; paths in it are relative to the folder of `file`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self, Box<ConfigError>> {
        let problems = Problems::default();
        match read(file, text, &problems) {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(Box::new(problems.into_error(file, text))),
        }
    }
}

/// What the parts of a configuration are read with.
struct Context<'a> {
    /// The folder that paths are relative to.
    dir: &'a Path,
    /// The names of all apps.
    apps: Vec<&'a str>,
    problems: &'a Problems,
}

fn read(file: &Path, text: &str, problems: &Problems) -> Option<Config> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        likely_secrets(text).iter().for_each(|span| problems.blot(span));
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            problems.add("the file is not TOML", &span, error.message().to_owned(), "see https://toml.io for how it is written");
        }
        return None;
    }
    let dir = match file.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    };
    let apps = table.get_ref().iter().find(|(name, _)| name.get_ref() == "app").and_then(|(_, apps)| apps.get_ref().as_table());
    let apps = apps.into_iter().flat_map(|apps| apps.keys()).map(|name| name.get_ref().as_ref()).collect();
    let context = Context { dir, apps, problems };
    let mut top = Section::new(Source { text, problems }, "the file", 0..0, table.get_ref());
    let organization = organization(&context, top.section("organization"), &top);
    let mut keep_images = None;
    if let Some(mut keep) = top.section("keep") {
        keep_images = keep.duration("before_images");
        keep.end();
    }
    let sources = sources::read(&context, top.section("source"), &top);
    let precedence = sources::precedence(&context, top.section("precedence"), &sources);
    let guards = top.section("guard").map(|section| guards::guards(&context, section)).unwrap_or_default();
    let known = sources.iter().map(|(name, (policy, _))| (name.as_str(), policy)).collect();
    let mut approval = top.section("approval");
    let approvers = approvers::read(&context, approval.as_mut());
    let approval = guards::approval(approval, &guards, &known);
    let quarantine = behaviour::quarantine(top.section("quarantine"), &QuarantineRule::default());
    let aside = behaviour::put_aside(top.section("put_aside"));
    let apps = apps::read(&context, &quarantine, top.section("app"), &sources, &top);
    let zone = organization.as_ref().map(|(organization, _)| organization.time_zone.as_str());
    let freezes = freezes::freezes(&mut top, zone, &apps.keys().collect());
    let (serve, oidc) = serve::read(&context, top.section("serve"));
    let schedules = events::schedules(&context, top.section("schedule"), zone);
    let notices = notices::read(&context, top.section("notice"));
    top.end();

    let (organization, store) = organization?;
    let (mut source_policies, mut source_connections) = (BTreeMap::new(), BTreeMap::new());
    for (name, (policy, connection)) in sources {
        source_policies.insert(name.clone(), policy);
        source_connections.insert(name, connection);
    }
    let (mut app_policies, mut app_connections) = (BTreeMap::new(), BTreeMap::new());
    let mut behaviour = Behaviour { aside: Some(aside), ..Behaviour::default() };
    for (name, (policy, connection, quarantine)) in apps {
        behaviour.quarantine.insert(name.clone(), quarantine);
        app_policies.insert(name.clone(), policy);
        app_connections.insert(name, connection);
    }
    if !problems.is_empty() {
        return None;
    }
    let policy = Policy { organization, sources: source_policies, precedence, apps: app_policies, guards, freezes, approval };
    let policy = compile(policy, problems)?;
    Some(Config {
        file: file.to_owned(),
        policy,
        store,
        keep_images,
        sources: source_connections,
        apps: app_connections,
        approvers,
        behaviour,
        serve,
        oidc,
        schedules,
        notices,
    })
}

/// `[organization]`: what policy knows of it, and where the store is.
fn organization(context: &Context<'_>, section: Option<Section<'_>>, top: &Section<'_>) -> Option<(Organization, Location)> {
    let Some(mut section) = section else {
        top.missing("[organization]", "say whose accounts these are: [organization] with name = \"…\" and time_zone = \"…\"");
        return None;
    };
    let name = section.required("name", "the organization's name, for plans and reports");
    let time_zone = section.required("time_zone", "an IANA time zone such as \"America/Chicago\": days begin and end there");
    let time_zone = time_zone.and_then(|zone| match jiff::tz::db().get(&zone.text) {
        Ok(_) => Some(zone.text),
        Err(_) => {
            let all: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
            let next = match problem::nearest(&zone.text, all.iter().map(String::as_str)) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => "use an IANA name such as \"America/Chicago\" or \"Europe/Berlin\"".to_owned(),
            };
            context.problems.add(format!("there is no time zone \"{}\"", zone.text), &zone.span, "not known", next);
            None
        }
    });
    let store = match section.text("store") {
        None => Some(Location::File(context.dir.join("provost.db"))),
        Some(text) => match Location::parse(&text.text, context.dir) {
            Ok(location) => Some(location),
            Err(error) => {
                if error.secret {
                    context.problems.blot(&text.span);
                }
                context.problems.add(error.what, &text.span, "here", error.next);
                None
            }
        },
    };
    section.end();
    Some((Organization { name: name?.text, time_zone: time_zone? }, store?))
}

/// Compiles the policy's expressions; what is wrong with them is told like everything else.
fn compile(policy: Policy, problems: &Problems) -> Option<plan::Compiled> {
    let manifest = |policy: &model::AppPolicy| vendors::registry::entry(&policy.connector).map(|entry| entry.manifest);
    let manifests = policy.apps.iter().filter_map(|(name, app)| Some((name.clone(), manifest(app)?))).collect();
    match plan::Compiled::new(policy, &manifests) {
        Ok(compiled) => Some(compiled),
        Err(errors) => {
            for error in errors {
                problems.add(error.message, &error.span, "here", error.help.unwrap_or_default());
            }
            None
        }
    }
}

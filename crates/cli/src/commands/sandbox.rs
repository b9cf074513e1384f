//! `provost sandbox lessonly|absorb`: a vendor's server, on this machine.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use model::Secret;
use sandbox::{Clock, Faults, Limit, Options, absorb, lessonly};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::args::Globals;
use crate::faces::{End, Format};
use crate::failure::Failure;
use crate::sandboxes::{absorb_profile, api_base, failed, known_credentials, lessonly_profile};
use crate::stops::Stops;

const AFTER: &str = "\
Examples:
  provost sandbox lessonly --people 200
  provost sandbox absorb --data ./absorb --ledger changes.jsonl --access-log requests.jsonl
  provost sandbox absorb --admin sales@acme.example:pass:Sales,Support
  provost sandbox lessonly --faults \"throttle=5%, 500-after@POST|PUT=2%, reset-after=1%, slow:300ms=1%, seed=7\"
  provost sandbox absorb --faults \"reset-after@POST /users/batch#3, rival=10m, clock=+90s\"

Faults, written KIND[:ARGUMENT][@METHOD PATH][=SHARE% | =EVERY | #NTH], with commas between them:
  429 throttle 5NN-before|after|late reset-before|after|late html-before|after redirect slow truncated garbled moved rival
  hook-twice hook-late hook-shuffled
  docs/sandboxes.md says what each does";

/// Stand in for a vendor: a faithful local server of its API
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct SandboxArgs {
    #[command(subcommand)]
    vendor: Vendor,
}

#[derive(Debug, Subcommand)]
enum Vendor {
    /// Lessonly (Seismic Learning)
    Lessonly(LessonlyArgs),
    /// Absorb LMS
    Absorb(AbsorbArgs),
}

/// What both take.
#[derive(Debug, Args)]
struct Common {
    /// How many people the company has at first [default: what the data folder was made with, else 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    people: Option<usize>,
    /// What the company is made from [default: what the data folder was made with, else 1]
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// A folder that keeps everything over restarts
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A file that gets a line of JSON for every accepted change
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// A file that gets a line of JSON for every request
    #[arg(long, value_name = "FILE")]
    access_log: Option<PathBuf>,
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How fast calls may come: a number a period (Lessonly: a minute, Absorb: a second), `off`, or `default`
    #[arg(long, value_name = "N|off", default_value = "default", allow_negative_numbers = true)]
    limit: Limit,
    /// What goes wrong on purpose, e.g. `throttle=5%, reset-after@POST=1%, seed=7`; see `provost sandbox --help`
    #[arg(long, value_name = "SPEC")]
    faults: Option<Faults>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provost sandbox lessonly --people 200 --listen 127.0.0.1:8701\n  provost sandbox lessonly --enterprise --sso   with SCIM below /scim/v2"
)]
struct LessonlyArgs {
    #[command(flatten)]
    common: Common,
    /// Which reading of the API [default: what the data folder was made with, else guide]
    #[arg(long, value_parser = PossibleValuesParser::new(lessonly::PROFILES.iter().map(|profile| profile.name)))]
    profile: Option<String>,
    /// The company's subdomain [default: acme]
    #[arg(long)]
    subdomain: Option<String>,
    /// The environment variable with the API key [default: a well-known key]
    #[arg(long, value_name = "NAME")]
    api_key_env: Option<String>,
    /// A custom user field that the company has declared
    #[arg(long = "declare", value_name = "FIELD")]
    declared: Vec<String>,
    /// The company has the Enterprise plan; SCIM needs it
    #[arg(long)]
    enterprise: bool,
    /// SAML SSO is configured; SCIM needs it
    #[arg(long)]
    sso: bool,
    /// The environment variable with the SCIM key [default: a well-known key]
    #[arg(long, value_name = "NAME")]
    scim_key_env: Option<String>,
    /// The e-mail of a user of another company of the vendor, which nobody here can have
    #[arg(long, value_name = "EMAIL")]
    elsewhere: Vec<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provost sandbox absorb --people 200 --limit off\n  provost sandbox absorb --admin sales@acme.example:pass:Sales,Support\n  provost sandbox absorb --enterprise --sso --new-learner-experience   with SCIM below /scim/v2"
)]
struct AbsorbArgs {
    #[command(flatten)]
    common: Common,
    /// Which reading of the API [default: what the data folder was made with, else guide]
    #[arg(long, value_parser = PossibleValuesParser::new(absorb::PROFILES.iter().map(|profile| profile.name)))]
    profile: Option<String>,
    /// The environment variable with the Private Key [default: a well-known key]
    #[arg(long, value_name = "NAME")]
    api_key_env: Option<String>,
    /// An admin; with departments it sees only who is in them [default: one well-known admin who sees everyone]
    #[arg(long = "admin", value_name = "NAME:PASSWORD[:DEPARTMENT,…]", value_parser = admin)]
    admins: Vec<absorb::Admin>,
    /// A course besides the standard ones
    #[arg(long = "course", value_name = "NAME")]
    courses: Vec<String>,
    /// An enrolment rule: who comes to the department is enrolled in the course; with `again`, also who was enrolled before
    #[arg(long = "rule", value_name = "DEPARTMENT:COURSE[:again]", value_parser = rule)]
    rules: Vec<absorb::Rule>,
    /// The portal has the Enterprise plan; SCIM needs it
    #[arg(long)]
    enterprise: bool,
    /// SSO is configured; SCIM needs it
    #[arg(long)]
    sso: bool,
    /// The portal has the Absorb 5 New Learner Experience; SCIM needs it
    #[arg(long)]
    new_learner_experience: bool,
    /// The environment variable with the bearer token of SCIM [default: a well-known token]
    #[arg(long, value_name = "NAME")]
    scim_token_env: Option<String>,
    /// Tell of events there, on this machine: http://127.0.0.1:8460/hooks/absorb
    #[arg(long, value_name = "URL", requires = "webhook_secret_env")]
    webhook: Option<String>,
    /// The environment variable with the secret that webhooks are signed with
    #[arg(long, value_name = "NAME", requires = "webhook")]
    webhook_secret_env: Option<String>,
}

fn rule(text: &str) -> Result<absorb::Rule, String> {
    let (department, course, re_enroll) = match text.split(':').map(str::trim).collect::<Vec<_>>()[..] {
        [department, course] => (department, course, false),
        [department, course, "again"] => (department, course, true),
        _ => ("", "", false),
    };
    if department.is_empty() || course.is_empty() {
        return Err("write DEPARTMENT:COURSE, or DEPARTMENT:COURSE:again".to_owned());
    }
    Ok(absorb::Rule { department: department.to_owned(), course: course.to_owned(), re_enroll })
}

fn admin(text: &str) -> Result<absorb::Admin, String> {
    let mut parts = text.splitn(3, ':');
    let (name, password, departments) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
    if name.is_empty() || password.is_empty() {
        return Err("write NAME:PASSWORD, or NAME:PASSWORD:DEPARTMENT,DEPARTMENT".to_owned());
    }
    let departments = departments.map(|list| list.split(',').map(|name| name.trim().to_owned()).collect());
    Ok(absorb::Admin { username: name.to_owned(), password: password.to_owned().into(), departments })
}

pub(crate) async fn run(globals: &Globals, args: SandboxArgs) -> Result<End, Failure> {
    globals.face().plain()?;
    let cannot = |error: sandbox::Error| failed("the sandbox cannot be started", &error);
    match args.vendor {
        Vendor::Lessonly(args) => {
            let known = lessonly::Config::default();
            let mut own = Vec::new();
            let api_key = match key(args.api_key_env)? {
                Some(key) => key.expose().to_owned().into(),
                None => {
                    own.push("api_key");
                    known.api_key
                }
            };
            let mut scim = lessonly::Scim { enterprise: args.enterprise, sso: args.sso, ..known.scim };
            let scim_key = own_key(args.scim_key_env, &mut scim.key)?;
            let subdomain = args.subdomain.unwrap_or(known.subdomain);
            let user = vec![("subdomain", subdomain.clone())];
            let config = lessonly::Config {
                profile: lessonly_profile(args.profile.as_deref(), args.common.data.as_deref()).map_err(unknown_profile)?,
                options: options(globals, args.common),
                subdomain,
                api_key,
                declared_fields: args.declared,
                scim,
                elsewhere: args.elsewhere,
            };
            let sandbox = lessonly::Sandbox::open(config).map_err(cannot)?;
            let running = sandbox.start().await.map_err(cannot)?;
            serve(globals, "lessonly", running, sandbox.notes(), user, &own, ("scim_key", scim_key)).await
        }
        Vendor::Absorb(args) => {
            let known = absorb::Config::default();
            let mut own = Vec::new();
            let api_key = match key(args.api_key_env)? {
                Some(key) => key.expose().to_owned().into(),
                None => {
                    own.push("api_key");
                    known.api_key
                }
            };
            let (enterprise, sso, new_experience) = (args.enterprise, args.sso, args.new_learner_experience);
            let mut scim = absorb::Scim { enterprise, sso, new_experience, ..known.scim };
            let scim_token = own_key(args.scim_token_env, &mut scim.token)?;
            let admins = if args.admins.is_empty() {
                own.push("password");
                known.admins
            } else {
                args.admins
            };
            let user = admins.iter().map(|admin| ("username", admin.username.clone())).collect();
            let secret = key(args.webhook_secret_env)?;
            let webhooks = args.webhook.zip(secret).map(|(url, secret)| absorb::Webhooks::to(&url, secret.expose()));
            let named: Vec<String> = admins.iter().flat_map(|admin| admin.departments.clone().unwrap_or_default()).collect();
            let config = absorb::Config {
                profile: absorb_profile(args.profile.as_deref(), args.common.data.as_deref()).map_err(unknown_profile)?,
                options: options(globals, args.common),
                api_key,
                admins,
                courses: args.courses,
                rules: args.rules,
                scim,
                webhooks,
                ..absorb::Config::default()
            };
            let sandbox = absorb::Sandbox::open(config).map_err(cannot)?;
            let running = sandbox.start().await.map_err(cannot)?;
            let there: Vec<_> = sandbox.departments().iter().filter_map(|one| Some(one["name"].as_str()?.to_lowercase())).collect();
            let missing = named.into_iter().filter(|name| !there.contains(&name.to_lowercase()));
            let missing =
                missing.map(|name| format!("there is no department `{name}` yet: its admin sees nobody there until it is made"));
            let notes: Vec<String> = sandbox.notes().iter().cloned().chain(missing).collect();
            serve(globals, "absorb", running, &notes, user, &own, ("scim_token", scim_token)).await
        }
    }
}

fn options(globals: &Globals, common: Common) -> Options {
    let Common { people, seed, data, ledger, access_log, listen, limit, faults } = common;
    let now = globals.now.map_or(Clock::System, Clock::From);
    Options { listen, people, seed, data, ledger, access_log, limit, faults: faults.unwrap_or_default(), now }
}

fn unknown_profile(why: String) -> Failure {
    Failure::new(format!("the sandbox cannot be started: {why}"), "use another --data folder, or --profile")
}

/// A secret from the environment.
fn key(variable: Option<String>) -> Result<Option<Secret>, Failure> {
    let Some(variable) = variable else { return Ok(None) };
    match std::env::var(&variable) {
        Ok(text) if !text.trim().is_empty() => Ok(Some(Secret::new(text.trim()))),
        _ => Err(Failure::new(format!("the environment variable {variable} is not set"), format!("export {variable}=…"))),
    }
}

/// Puts the SCIM secret of the environment in the place of the well-known one, or gives the latter to be shown.
fn own_key(variable: Option<String>, secret: &mut SecretString) -> Result<Option<String>, Failure> {
    match key(variable)? {
        None => Ok(Some(secret.expose_secret().to_owned())),
        Some(given) => {
            *secret = given.expose().to_owned().into();
            Ok(None)
        }
    }
}

/// Says where it listens and what to log in with, then serves until control-C.  Only the well-known credentials are shown: they guard
/// nothing.
async fn serve(
    globals: &Globals,
    vendor: &'static str,
    running: sandbox::Running,
    notes: &[String],
    user: Vec<(&'static str, String)>,
    own: &[&'static str],
    (scim_name, scim_secret): (&'static str, Option<String>),
) -> Result<End, Failure> {
    let face = globals.face();
    let mut stops = Stops::listen()?;
    let url = api_base(vendor, &running.url());
    let mut credentials: Vec<(&str, String)> = user;
    let known = known_credentials(vendor);
    credentials.extend(own.iter().filter_map(|name| Some((*name, known.get(name)?.expose().to_owned()))));
    let scim_url = format!("{}/scim/v2", running.url());
    notes.iter().for_each(|note| face.note(note));
    if face.format == Format::Json {
        let credentials: serde_json::Map<String, serde_json::Value> = credentials
            .into_iter()
            .chain(scim_secret.map(|secret| (scim_name, secret)))
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        face.json(&json!({ "vendor": vendor, "base_url": url, "scim_base_url": scim_url, "credentials": credentials }));
    } else {
        let mut text = format!("{vendor} listens: base_url = \"{url}\"\n");
        let scim = [("scim_base_url", scim_url)].into_iter().chain(scim_secret.map(|secret| (scim_name, secret)));
        for (name, value) in credentials.into_iter().chain(scim) {
            text.push_str(&format!("  {name} {value}\n"));
        }
        face.text(&text);
    }
    face.note("control-C stops it");
    stops.next().await;
    running.stop().await;
    face.note("stopped");
    Ok(End::Done)
}

#[cfg(test)]
mod tests {
    use super::{admin, rule};

    #[test]
    fn an_admin_is_a_name_a_password_and_maybe_departments() {
        let seen = admin("a@b.example:pass:Sales, Support").unwrap();
        assert_eq!((seen.username.as_str(), seen.departments.unwrap().len()), ("a@b.example", 2));
        assert!(admin("a@b.example:pass").unwrap().departments.is_none());
        assert!(admin("a@b.example").is_err() && admin(":x").is_err());
    }

    #[test]
    fn a_rule_is_a_department_and_a_course() {
        let once = rule("Sales: Selling with Acme").unwrap();
        assert_eq!((once.department.as_str(), once.course.as_str(), once.re_enroll), ("Sales", "Selling with Acme", false));
        assert!(rule("Sales:Selling with Acme:again").unwrap().re_enroll);
        assert!(rule("Sales").is_err() && rule(":x").is_err() && rule("a:b:c").is_err());
    }
}

//! A SCIM application of nobody in particular: users and groups as RFC 7643 and 7644 have them, and nothing else behind them.
//!
//! Served below `/scim/v2`; everything else is 404.  What an application can do is a value ([`Abilities`]): of what it cannot, discovery says
//! so where it says anything, and it is refused.  CHOSEN, where the RFCs leave it open:
//!
//! - `userName` is there once, whatever its case (409); names of groups are not.
//! - A resource is held as it was written: nothing is filled in but `id` and `meta`.  `password` is thrown away.
//! - A group's members are not looked up.  Who is deleted is in no group any more.
//! - What no schema has is passed over in a request.  One that stands in for a tenant shows such members as they were read, and no write
//!   through it changes them.
//! - In the ledger a user is `user/ID` and a group, with its members, `group/ID`.

mod load;
mod resources;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use scim::discovery::{Authentication, Pagination, ServiceProvider};
use scim::schema::{Attribute, Kind, Schema};
use scim::{Error as Refusal, Leniency, ResourceType, ScimType, Service};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::backend::Backend;
use crate::call::{Call, pairs};
use crate::clock::SandboxClock;
use crate::error::Error;
use crate::ledger::Change;
use crate::limit::Pace;
use crate::options::Options;
use crate::provisioning::{ROOT, Server, base, bearer, is_here, refused, unauthorized};
use crate::records::Record;
use crate::server::Running;
use state::State;

/// 100 calls a second, as many at once (CHOSEN).
const PACE: Pace = Pace { calls: 100, period: SignedDuration::from_secs(1), capacity: 100 };

/// The one reading that there is.
const PROFILE: &str = "rfc";

/// What an application can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abilities {
    /// It says what it can do: `/ServiceProviderConfig` and `/ResourceTypes` are there.
    pub says: bool,
    /// It shows its schemas.
    pub schemas: bool,
    /// Resources can be changed by PATCH.
    pub patch: bool,
    /// Lists heed a filter; else one is refused.
    pub filter: bool,
    /// There are groups.
    pub groups: bool,
    /// Attributes that its schemas do not have: `nickName`, `name.middleName`, `costCenter` (of the enterprise extension).
    pub without: BTreeSet<String>,
    /// Attributes of extensions of its own, each text: `URN:name`.
    pub extensions: BTreeSet<String>,
}

impl Default for Abilities {
    /// Everything, and no extension of its own.
    fn default() -> Self {
        let (without, extensions) = (BTreeSet::new(), BTreeSet::new());
        Self { says: true, schemas: true, patch: true, filter: true, groups: true, without, extensions }
    }
}

/// What a SCIM application is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// What all sandboxes take; there is nobody in an application at first.
    pub options: Options,
    /// What it can do.
    pub abilities: Abilities,
    /// The bearer token.
    pub token: SecretString,
    /// User name and password, where HTTP Basic is taken too.
    pub basic: Option<(String, SecretString)>,
}

impl Default for Config {
    /// The token `application-sandbox-token`, no user name, and everything that an application can do.
    fn default() -> Self {
        let token = "application-sandbox-token".into();
        Self { options: Options::default(), abilities: Abilities::default(), token, basic: None }
    }
}

/// A SCIM application.  Clones are handles on the same one; its data folder is free again when the last is gone.
#[derive(Debug, Clone)]
pub struct Sandbox(Arc<App>);

#[derive(Debug)]
struct App {
    backend: Arc<Backend<State>>,
    server: Server,
    abilities: Abilities,
    token: SecretString,
    basic: Option<(String, SecretString)>,
    listen: std::net::SocketAddr,
}

impl Sandbox {
    /// Opens the application: its files, and what has happened to it since.
    ///
    /// # Errors
    /// A file or folder cannot be used, is in use, or was made by another sandbox; or an option makes no sense.
    pub fn open(config: Config) -> Result<Self, Error> {
        Self::opened(config, State::new(true))
    }

    /// Opens an application that stands in for a tenant: it holds what these records of the tenant show, under their ids.
    ///
    /// # Errors
    /// The first record that cannot be held; a data folder, which such an application cannot have; an option makes no sense.
    pub fn standing_in(config: Config, records: &[Record]) -> Result<Self, Error> {
        if config.options.data.is_some() {
            return Err(Error::Option("a sandbox that stands in for a tenant has no data folder".to_owned()));
        }
        Self::opened(config, load::state(records)?)
    }

    fn opened(config: Config, state: State) -> Result<Self, Error> {
        let Config { options, abilities, token, basic } = config;
        let empty = |secret: &SecretString| secret.expose_secret().is_empty();
        if empty(&token) || basic.as_ref().is_some_and(|(user, password)| user.is_empty() || user.contains(':') || empty(password)) {
            return Err(Error::Option(
                "the token, the user name and the password must not be empty, nor the name hold a colon".to_owned(),
            ));
        }
        if options.people.is_some_and(|people| people > 0) {
            return Err(Error::Option("a SCIM application has nobody at first".to_owned()));
        }
        if let Some(rule) = options.faults.delivery() {
            return Err(Error::Option(format!("faults: `{rule}` cannot be here: a SCIM application tells nobody of events")));
        }
        if let Some(rule) = options.faults.rival() {
            return Err(Error::Option(format!(
                "faults: `{rule}` cannot be here: a SCIM application has no log-ins that could be taken"
            )));
        }
        let server = server(&abilities, basic.is_some());
        let backend = Backend::open("application", PROFILE, PACE, &options, |_| Ok(state))?;
        Ok(Self(Arc::new(App { backend, server, abilities, token, basic, listen: options.listen })))
    }

    /// The application as a service that can be called in this process, limiter and logs included.
    pub fn router(&self) -> Router {
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&self.0));
        let refusal = |_: &str, status: StatusCode| {
            let why = if status == StatusCode::TOO_MANY_REQUESTS { "too many requests" } else { "the request cannot be taken" };
            refused(&Refusal::new(status.as_u16(), why))
        };
        self.0.backend.front(routes, refusal, Box::new(|_| false))
    }

    /// Listens on the address of the options.
    ///
    /// # Errors
    /// The address cannot be listened on, or not written to the data folder.
    pub async fn start(&self) -> Result<Running, Error> {
        Running::start(self.0.listen, self.router(), |address| self.0.backend.announce(address)).await
    }

    /// Makes or changes a user, as an admin does in the application's own pages; its id.
    ///
    /// # Errors
    /// The ledger cannot be written, or the resource is none.
    pub fn put_user(&self, resource: Value) -> Result<String, Error> {
        self.by_hand("user", resource)
    }

    /// Makes or changes a group, its members among it, as [`Sandbox::put_user`] does a user.
    ///
    /// # Errors
    /// See there.
    pub fn put_group(&self, resource: Value) -> Result<String, Error> {
        self.by_hand("group", resource)
    }

    /// All users, as they are kept.
    pub fn users(&self) -> Vec<Value> {
        self.0.backend.read(|state| state.users.values().cloned().map(Value::Object).collect())
    }

    /// All groups with their members.
    pub fn groups(&self) -> Vec<Value> {
        self.0.backend.read(|state| state.groups.values().cloned().map(Value::Object).collect())
    }

    /// What the resource says is set; of one that is there, the rest stays.
    fn by_hand(&self, kind: &str, resource: Value) -> Result<String, Error> {
        let Value::Object(said) = resource else { return Err(Error::Option("a resource is an object".to_owned())) };
        let call = Call::by_hand(&format!("put {kind}"));
        let put = self.0.backend.write(&call, |state, _| {
            let id = said.get("id").and_then(state::id_text).unwrap_or_else(|| state.next_id());
            let all = if kind == "user" { &state.users } else { &state.groups };
            let before = all.get(&id).cloned();
            let mut after = before.clone().unwrap_or_default();
            after.extend(said);
            after.insert("id".to_owned(), Value::from(id.as_str()));
            let object = format!("{kind}/{id}");
            let before = before.map_or(Value::Null, Value::Object);
            Ok::<_, Refusal>((vec![Change { object, before, after: Value::Object(after) }], id))
        });
        put.map_err(|refusal| Error::Option(refusal.detail))
    }

    /// From now on the faults happen, or none does; when the sandbox opens they do.
    pub fn misbehave(&self, on: bool) {
        self.0.backend.misbehave(on);
    }

    /// Which faults happened so far, as [`crate::faults`] names them, and how often.
    pub fn faults_met(&self) -> BTreeMap<String, u64> {
        self.0.backend.faults_met()
    }

    /// The application's clock, to look at and to set.
    pub fn clock(&self) -> &SandboxClock {
        &self.0.backend.clock
    }

    /// What a person should know about how it opened: a torn line that was cut off.
    pub fn notes(&self) -> &[String] {
        &self.0.backend.notes
    }
}

async fn answer(Shared(app): Shared<Arc<App>>, Extension(call): Extension<Arc<Call>>) -> Response {
    if !is_here(&call.path) {
        return StatusCode::NOT_FOUND.into_response();
    }
    if !call.header("authorization").is_some_and(|given| app.knows(given)) {
        return unauthorized("Bearer realm=\"SCIM\"", "the credentials are missing or wrong");
    }
    match app.cannot(&call) {
        Some(refusal) => refused(&refusal),
        None => app.server.answer(&app.backend, &call, &resources::Resources { base: base(&call) }),
    }
}

impl App {
    fn knows(&self, given: &str) -> bool {
        let basic = || {
            let (user, password) = self.basic.as_ref()?;
            let (scheme, token) = given.trim().split_once(' ')?;
            let told = STANDARD.decode(token.trim()).ok()?;
            Some(scheme.eq_ignore_ascii_case("basic") && told == format!("{user}:{}", password.expose_secret()).as_bytes())
        };
        bearer(given) == Some(self.token.expose_secret()) || basic() == Some(true)
    }

    /// Why a request asks for what this application cannot do.
    fn cannot(&self, call: &Call) -> Option<Refusal> {
        let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
        let first = path.strip_prefix(ROOT).unwrap_or(path).trim_matches('/').split('/').next().unwrap_or_default();
        let there = match first {
            "ServiceProviderConfig" | "ResourceTypes" => self.abilities.says,
            "Schemas" => self.abilities.schemas,
            _ => true,
        };
        if !there {
            return Some(Refusal::not_found(path));
        }
        if call.method == "PATCH" && !self.abilities.patch {
            return Some(Refusal::new(501, "this application has no PATCH"));
        }
        let filters = || pairs(query).iter().any(|(name, _)| name.eq_ignore_ascii_case("filter"));
        let searches = call.method == "POST" && path.ends_with("/.search");
        (!self.abilities.filter && (filters() || searches))
            .then(|| Refusal::bad(ScimType::InvalidFilter, "this application heeds no filter"))
    }
}

fn server(abilities: &Abilities, basic: bool) -> Server {
    let mut kinds = vec![Arc::new(user(abilities))];
    if abilities.groups {
        kinds.push(ResourceType::group());
    }
    let basic = basic.then(Authentication::basic);
    Server {
        service: Service { kinds, leniency: Leniency::TOLERANT },
        provider: ServiceProvider {
            documentation: None,
            patch: abilities.patch,
            bulk: None,
            filter: abilities.filter,
            max_results: 200,
            change_password: false,
            sort: true,
            etag: false,
            pagination: Pagination { cursor: false, index: true, default_size: 100, cursor_seconds: None },
            authentication: basic.into_iter().chain([Authentication::bearer()]).collect(),
        },
    }
}

/// What users have: what RFC 7643 says, less what this application is without, and its own extensions.
fn user(abilities: &Abilities) -> ResourceType {
    let mut kind = ResourceType::clone(&ResourceType::user());
    kind.schema = Arc::new(lessened(&kind.schema, &abilities.without));
    for extension in &mut kind.extensions {
        extension.schema = Arc::new(lessened(&extension.schema, &abilities.without));
    }
    let mut own: BTreeMap<&str, Vec<Attribute>> = BTreeMap::new();
    for (urn, name) in abilities.extensions.iter().filter_map(|name| name.rsplit_once(':')) {
        if kind.extension(urn).is_none() && !kind.schema.id.eq_ignore_ascii_case(urn) {
            own.entry(urn).or_default().push(Attribute::new(name, Kind::String, "Text of this application's own."));
        }
    }
    for (urn, attributes) in own {
        let schema = Arc::new(Schema::new(urn, "Extension", "What this application has besides.", attributes));
        kind.extensions.push(scim::Extension { schema, required: false });
    }
    kind
}

/// A schema without some of its attributes, or of their parts.
fn lessened(schema: &Schema, without: &BTreeSet<String>) -> Schema {
    let mut schema = schema.clone();
    schema.attributes.retain(|attribute| !without.contains(&attribute.name));
    for attribute in &mut schema.attributes {
        let has = |part: &Arc<Attribute>| !without.contains(&format!("{}.{}", attribute.name, part.name));
        if !attribute.sub.iter().all(has) {
            let sub = attribute.sub.iter().filter(|part| has(part)).cloned().collect();
            *attribute = Arc::new(Attribute { sub, ..Attribute::clone(attribute) });
        }
    }
    schema
}

//! Lessonly (Seismic Learning): its REST API, in the guide's reading or the vendor's own ([`GUIDE`], [`VENDOR`]).
//!
//! Served below `/api/v1`, and below `/api/v1.1` with richer users; everything else is 404.  What no public source
//! says is chosen and marked so in the source.  The choices that matter to who writes against it:
//!
//! - Archiving a user ends the assignments that are not completed: the API shows them no more.  Completed ones stay.
//!   Restoring brings nothing back; assigning anew makes a new record.
//! - Deleting a user (vendor) takes every assignment along; the e-mail is free again, the id never is.
//! - Memberships survive archiving, and a group lists its archived members.
//! - A user can be put into no archived group, and neither into `Group::Everyone` nor out of it; all are 400, like an unknown group.
//!   Writing to `Group::Everyone` itself is 403.
//! - An archived user can be assigned nothing: 400.
//! - A `page` or `per_page` that is no positive number is 400.
//! - The limiter counts every request, refused ones too.
//! - In the ledger, a change of memberships is a change of the user (`user/101`), through whichever call it came; the groups
//!   (`group/5`), assignments (`assignment/9`) and the company's settings (`settings/company`) are objects of their own.

mod admin;
mod assignments;
mod auth;
mod content;
mod describe;
mod fields;
mod form;
mod groups;
mod load;
mod params;
mod profile;
mod provisioning;
mod records;
mod render;
mod seed;
mod settings;
mod state;
mod users;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use axum::extract::{Request, State as Shared};
use axum::http::{StatusCode, Uri};
use axum::middleware::{from_fn_with_state, map_request};
use axum::response::IntoResponse as _;
use axum::routing::{MethodRouter, any, get, post, put};
use axum::{Extension, Router};
use jiff::SignedDuration;
use secrecy::{ExposeSecret as _, SecretString};

use crate::backend::Backend;
use crate::call::Call;
use crate::clock::SandboxClock;
use crate::data::Origin;
use crate::error::Error;
use crate::limit::Pace;
use crate::options::Options;
use crate::provisioning::{ROOT, Server, is_here as is_scim, refused as scim_refused};
use crate::records::Record;
use crate::server::Running;
use content::Kind;
use fields::Declared;
pub use profile::{GUIDE, PROFILES, Profile, VENDOR};
pub use provisioning::Scim;
use state::State;
use wire::{Refusal, Segment};

/// 500 calls a minute, 50 of them at once (CHOSEN: the guide knows no numbers, the vendor no burst).
const PACE: Pace = Pace { calls: 500, period: SignedDuration::from_mins(1), capacity: 50 };

/// What a Lessonly sandbox is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// What both sandboxes take.
    pub options: Options,
    /// The reading it answers by.
    pub profile: &'static Profile,
    /// The company's subdomain: the user name of Basic auth.
    pub subdomain: String,
    /// The API key: the password of Basic auth.
    pub api_key: SecretString,
    /// The custom user fields that the company has declared; writing any other is dropped silently, or makes it (vendor).
    pub declared_fields: Vec<String>,
    /// SCIM, and what the company has of what it needs.
    pub scim: Scim,
    /// E-mails of users in other companies of the vendor: nobody here can have them.
    pub elsewhere: Vec<String>,
}

impl Default for Config {
    /// Subdomain `acme`, API key `lessonly-sandbox-key`, no custom fields, SCIM as [`Scim::default`] has it.
    fn default() -> Self {
        Self {
            options: Options::default(),
            profile: &GUIDE,
            subdomain: "acme".to_owned(),
            api_key: "lessonly-sandbox-key".into(),
            declared_fields: Vec::new(),
            scim: Scim::default(),
            elsewhere: Vec::new(),
        }
    }
}

/// A Lessonly sandbox.  Clones are handles on the same one; its data folder is free again when the last is gone.
#[derive(Debug, Clone)]
pub struct Sandbox {
    app: Arc<App>,
    listen: std::net::SocketAddr,
}

/// What the handlers share.
#[derive(Debug)]
struct App {
    backend: Arc<Backend<State>>,
    profile: &'static Profile,
    subdomain: String,
    api_key: SecretString,
    scim: Scim,
    /// The server of the RFCs, where the profile has one.
    server: Option<Server>,
    /// In lower case.
    elsewhere: BTreeSet<String>,
    declared: RwLock<Declared>,
    /// What is sent along when a lesson's completion is told; in no file.
    callback_authorization: Mutex<Option<SecretString>>,
}

impl App {
    /// The custom fields declared now.
    fn declared(&self) -> RwLockReadGuard<'_, Declared> {
        self.declared.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody else has the e-mail, here or in another company.
    fn taken(&self, state: &State, email: &str, own: u64) -> bool {
        state.owner(email).is_some_and(|owner| owner != own) || self.elsewhere.contains(&email.to_lowercase())
    }

    fn declare<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let mut declared = self.declared.write().unwrap_or_else(PoisonError::into_inner);
        self.backend.read(|state| names.into_iter().for_each(|name| declared.declare(name, &state.fields)));
    }
}

/// The app as one version of the API serves it.
#[derive(Debug, Clone)]
struct Api {
    app: Arc<App>,
    /// Whether users have what v1.1 adds.
    richer: bool,
}

impl Sandbox {
    /// Opens the sandbox: its files, its company, and what has happened to it since.
    ///
    /// # Errors
    /// A file or folder cannot be used, is in use, or was made with other options; or an option makes no sense.
    pub fn open(config: Config) -> Result<Self, Error> {
        Self::opened(config, |profile, origin| Ok(seed::found(profile, origin)))
    }

    /// Opens a sandbox that stands in for a tenant: it holds what these records of the tenant's API show, under their ids.
    ///
    /// # Errors
    /// The first record that cannot be held; a data folder, which such a sandbox cannot have; an option makes no sense.
    pub fn standing_in(config: Config, records: &[Record]) -> Result<Self, Error> {
        if config.options.data.is_some() {
            return Err(Error::Option("a sandbox that stands in for a tenant has no data folder".to_owned()));
        }
        Self::opened(config, |profile, _| load::state(profile, records))
    }

    fn opened(config: Config, found: impl FnOnce(&'static Profile, &Origin) -> Result<State, Error>) -> Result<Self, Error> {
        let Config { options, profile, subdomain, api_key, declared_fields, scim, elsewhere } = config;
        if subdomain.is_empty() || subdomain.contains(':') {
            return Err(Error::Option(format!("`{subdomain}` is no subdomain: it must not be empty or hold a colon")));
        }
        if scim.key.expose_secret().is_empty() || scim.key.expose_secret() == api_key.expose_secret() {
            return Err(Error::Option("the SCIM key must not be empty, and another than the API key".to_owned()));
        }
        if let Some(rule) = options.faults.delivery() {
            return Err(Error::Option(format!("faults: `{rule}` cannot be here: Lessonly tells nobody of events")));
        }
        if let Some(rule) = options.faults.rival() {
            return Err(Error::Option(format!("faults: `{rule}` cannot be here: Lessonly has no log-ins that could be taken")));
        }
        let backend = Backend::open("lessonly", profile.name, PACE, &options, |origin| found(profile, origin))?;
        let (declared, callback_authorization) = (RwLock::default(), Mutex::default());
        let elsewhere = elsewhere.iter().map(|email| email.to_lowercase()).collect();
        let server = provisioning::server(profile);
        let app = App { backend, profile, subdomain, api_key, scim, server, elsewhere, declared, callback_authorization };
        app.declare(declared_fields.iter().map(String::as_str));
        Ok(Self { app: Arc::new(app), listen: options.listen })
    }

    /// The whole server as a tower service, for use in the process.
    pub fn router(&self) -> Router {
        let version = |richer| routes(&Api { app: Arc::clone(&self.app), richer });
        let scim = any(provisioning::answer).with_state(Arc::clone(&self.app));
        let below = format!("{ROOT}/{{*rest}}");
        let served = Router::new()
            .route(ROOT, scim.clone())
            .route(&below, scim)
            .nest("/api/v1", version(false))
            .nest("/api/v1.1", version(true))
            .fallback(nowhere);
        // Around the routes, so that they see the path it makes.
        let served = Router::new().fallback_service(served).layer(map_request(tidy));
        let throttled = self.app.profile.throttled;
        let refused = move |path: &str, status: StatusCode| {
            let error = status.canonical_reason().unwrap_or("refused").to_owned();
            let refusal = match status {
                StatusCode::TOO_MANY_REQUESTS => Refusal { status: throttled.status, error: throttled.error.to_owned() },
                status => Refusal { status, error },
            };
            if is_scim(path) { scim_refused(&refusal.into()) } else { refusal.into_response() }
        };
        self.app.backend.front(served, refused, Box::new(|_| false))
    }

    /// Listens on the address of the options.
    ///
    /// # Errors
    /// The address cannot be listened on, or not written to the data folder.
    pub async fn start(&self) -> Result<Running, Error> {
        Running::start(self.listen, self.router(), |address| self.app.backend.announce(address)).await
    }

    /// From now on the faults happen, or none does; when the sandbox opens they do.
    pub fn misbehave(&self, on: bool) {
        self.app.backend.misbehave(on);
    }

    /// Which faults happened so far, as [`crate::faults`] names them, and how often.
    pub fn faults_met(&self) -> BTreeMap<String, u64> {
        self.app.backend.faults_met()
    }

    /// The sandbox's clock, to look at and to set.
    pub fn clock(&self) -> &SandboxClock {
        &self.app.backend.clock
    }

    /// What a person should know about how it opened: a torn line that was cut off.
    pub fn notes(&self) -> &[String] {
        &self.app.backend.notes
    }
}

async fn nowhere() -> Refusal {
    Refusal::missing("page")
}

async fn wrong_verb(call: Extension<Arc<Call>>) -> Refusal {
    let error = format!("{} is not possible here", call.method);
    Refusal { status: StatusCode::METHOD_NOT_ALLOWED, error }
}

/// The vendor's own examples call `/users/`, and clients join a base URL and a path with one slash too many: slashes at the
/// end and doubled ones do not matter.
async fn tidy(mut request: Request) -> Request {
    let path = request.uri().path();
    if path.contains("//") || (path.len() > 1 && path.ends_with('/')) {
        let tidied: String = path.split('/').filter(|part| !part.is_empty()).flat_map(|part| ["/", part]).collect();
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        if let Ok(uri) = Uri::try_from(format!("/{}{query}", tidied.trim_start_matches('/'))) {
            *request.uri_mut() = uri;
        }
    }
    request
}

fn routes(api: &Api) -> Router {
    let profile = api.app.profile;
    let mut user = get(users::show).put(users::update);
    if profile.deletes {
        user = user.delete(users::delete);
    }
    let mut routes = Router::new()
        .route("/ping", get(content::ping))
        .route("/users", get(users::list).post(users::create))
        .route("/users/{id}", user)
        .route("/users/{id}/archive", put(users::archive))
        .route("/users/{id}/restore", put(users::restore))
        .route("/users/{id}/groups", get(groups::of_user).put(groups::set_of_user))
        .route("/users/{id}/assignments", get(assignments::of_user).post(assignments::assign_to_user))
        .route("/groups", get(groups::list).post(groups::create))
        .route("/groups/{id}", get(groups::show).put(groups::update))
        .route("/groups/{id}/archive", put(groups::archive))
        .route("/groups/{id}/restore", put(groups::restore))
        .route("/groups/{id}/assignments", get(assignments::of_group))
        .route("/assignments", get(assignments::list))
        .route("/assignments/{status}", get(assignments::with_status))
        .route("/tags", get(content::tags))
        .route("/tags/{id}", get(content::show_tag));
    if profile.settings {
        routes = routes.route("/company_settings", put(settings::update));
    }
    for (kind, name) in [(Kind::Lesson, "lessons"), (Kind::Path, "paths"), (Kind::Course, "courses")] {
        type Asked = (Shared<Api>, Segment);
        let show = async move |(Shared(api), Segment(id)): Asked| content::show(kind, &api, &id).await;
        let completed = async move |(Shared(api), Segment(id)): Asked| assignments::completed(&api, kind, &id).await;
        routes = routes
            .route(&format!("/{name}"), get(async move |Shared(api): Shared<Api>| content::list(kind, &api).await))
            .route(&format!("/{name}/{{id}}"), get(show))
            .route(&format!("/{name}/{{id}}/assignments"), assignments_of(kind))
            .route(&format!("/{name}/{{id}}/assignments/completed"), get(completed));
    }
    routes
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_verb)
        .layer(from_fn_with_state(Arc::clone(&api.app), auth::check))
        .with_state(api.clone())
}

fn assignments_of(kind: Kind) -> MethodRouter<Api> {
    type Asked = (Shared<Api>, Segment, Extension<Arc<Call>>);
    let assign = async move |(Shared(api), Segment(id), call): Asked| assignments::assign_content(&api, kind, &id, &call).await;
    get(async move |(Shared(api), Segment(id), call): Asked| assignments::of_content(&api, kind, &id, &call).await)
        .merge(post(assign).put(assign))
}

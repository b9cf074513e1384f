//! Lessonly (Seismic Learning): its REST API, in the guide's reading.
//!
//! Served below `/api/v1` (and `/api/v1.1`, with richer list items); everything else is 404.  What no public source
//! says is chosen and marked so in the source.  The choices that matter to who writes against it:
//!
//! - Archiving a user ends the assignments that are not completed: the API shows them no more.  Completed ones stay.
//!   Restoring brings nothing back; assigning anew makes a new record.
//! - Memberships survive archiving, and a group lists its archived members.
//! - A user can be put into no archived group and not into `Group::Everyone`; both are 400, like an unknown group.
//!   Writing to `Group::Everyone` itself is 403.
//! - An archived user can be assigned nothing: 400.
//! - A `page` that is no positive number is 400.
//! - The limiter counts every request, refused ones too.
//! - In the ledger, a change of memberships is a change of the user (`user/101`), through whichever call it came; the groups
//!   (`group/5`) and assignments (`assignment/9`) are objects of their own.

mod admin;
mod assignments;
mod auth;
mod content;
mod groups;
mod profile;
mod seed;
mod state;
mod users;
mod wire;

use std::sync::{Arc, PoisonError, RwLock};

use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse as _;
use axum::routing::{MethodRouter, get, post, put};
use axum::{Extension, Router};
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::backend::Backend;
use crate::call::Call;
use crate::clock::SandboxClock;
use crate::error::Error;
use crate::limit::Pace;
use crate::options::Options;
use crate::server::Running;
use content::Kind;
pub use profile::{GUIDE, PROFILES, Profile};
use wire::{Refusal, Segment};

/// 500 calls a minute, 50 of them at once (CHOSEN: the guide knows no numbers).
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
    /// The custom user fields that the company has declared; writing any other is dropped silently.
    pub declared_fields: Vec<String>,
}

impl Default for Config {
    /// Subdomain `acme`, API key `lessonly-sandbox-key`, no custom fields.
    fn default() -> Self {
        Self {
            options: Options::default(),
            profile: &GUIDE,
            subdomain: "acme".to_owned(),
            api_key: "lessonly-sandbox-key".into(),
            declared_fields: Vec::new(),
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
    backend: Arc<Backend<state::State>>,
    profile: &'static Profile,
    subdomain: String,
    api_key: SecretString,
    fields: RwLock<Vec<String>>,
}

impl App {
    /// The custom fields declared now; a field's id is its place, from 1.
    fn fields(&self) -> Vec<String> {
        self.fields.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sandbox {
    /// Opens the sandbox: its files, its company, and what has happened to it since.
    ///
    /// # Errors
    /// A file or folder cannot be used, is in use, or was made with other options; or an option makes no sense.
    pub fn open(config: Config) -> Result<Self, Error> {
        let Config { options, profile, subdomain, api_key, declared_fields } = config;
        if subdomain.is_empty() || subdomain.contains(':') {
            return Err(Error::Option(format!("`{subdomain}` is no subdomain: it must not be empty or hold a colon")));
        }
        let backend = Backend::open("lessonly", profile.name, PACE, &options, seed::found)?;
        let fields = RwLock::new(declared_fields);
        Ok(Self { app: Arc::new(App { backend, profile, subdomain, api_key, fields }), listen: options.listen })
    }

    /// The whole server as a tower service, for use in the process.
    pub fn router(&self) -> Router {
        let app = &self.app;
        let v1 = routes(app);
        let served = Router::new().nest("/api/v1", v1.clone()).nest("/api/v1.1", v1).fallback(nowhere);
        app.backend.front(served, |status| {
            let error = status.canonical_reason().unwrap_or("refused").to_owned();
            Refusal { status, error }.into_response()
        })
    }

    /// Listens on the address of the options.
    ///
    /// # Errors
    /// The address cannot be listened on, or not written to the data folder.
    pub async fn start(&self) -> Result<Running, Error> {
        Running::start(self.listen, self.router(), |address| self.app.backend.announce(address)).await
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
    Refusal { status: axum::http::StatusCode::METHOD_NOT_ALLOWED, error }
}

fn routes(app: &Arc<App>) -> Router {
    let mut routes = Router::new()
        .route("/ping", get(content::ping))
        .route("/users", get(users::list).post(users::create))
        .route("/users/{id}", get(users::show).put(users::update))
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
        .route("/tags", get(content::tags));
    for (kind, name) in [(Kind::Lesson, "lessons"), (Kind::Path, "paths"), (Kind::Course, "courses")] {
        routes = routes
            .route(&format!("/{name}"), get(move || content::list(kind)))
            .route(&format!("/{name}/{{id}}"), get(async move |Segment(id): Segment| content::show(kind, &id).await))
            .route(&format!("/{name}/{{id}}/assignments"), assignments_of(kind));
    }
    routes
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_verb)
        .layer(from_fn_with_state(Arc::clone(app), auth::check))
        .with_state(Arc::clone(app))
}

fn assignments_of(kind: Kind) -> MethodRouter<Arc<App>> {
    type Asked = (axum::extract::State<Arc<App>>, Segment, Extension<Arc<Call>>);
    let assign = async move |(app, Segment(id), call): Asked| assignments::assign_content(&app, kind, &id, &call).await;
    get(async move |(app, Segment(id), call): Asked| assignments::of_content(&app, kind, &id, &call).await)
        .merge(post(assign).put(assign))
}

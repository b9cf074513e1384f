//! The Absorb LMS Integration API, in both public readings ([`PROFILES`]): users, departments, enrollments, batches, tokens and scope.
//!
//! Everything is made from the contract (`vendors/absorb.md`); where it and the guide are silent, the handler that had to
//! choose says "CHOSEN".  State is in memory and changes only through the ledger ([`crate::ledger`]); tokens are not in
//! it, so a restart ends them.

mod auth;
mod batch;
mod content;
mod departments;
mod edit;
mod enrollments;
mod fields;
mod filter;
mod hand;
mod hooks;
mod lists;
mod load;
mod names;
mod oauth;
mod profile;
mod provisioning;
mod seed;
mod settings;
mod sort;
mod state;
mod users;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

pub use hooks::{Deliveries, Event, Webhooks};
pub use oauth::OauthClient;
pub use profile::{Batch, Duplicate, Enrollments, GUIDE, LeftOut, Offset, PROFILES, Profile, Status, TokenAnswer, TokenCall, VENDOR};
pub use provisioning::Scim;

use crate::backend::Backend;
use crate::call::Call;
use crate::clock::{Clock, SandboxClock};
use crate::data::Origin;
use crate::error::Error;
use crate::limit::Pace;
use crate::options::Options;
use crate::provisioning::{Server, is_here as is_scim, refused as scim_refused};
use crate::records::Record;
use crate::server::Running;
use auth::Auth;
use edit::{Edit, Scope, View};
use hooks::Hooks;
use oauth::grants::Grants;
use state::State;
use wire::{Refusal, Reply, Request};

/// An admin of the API: an account of the portal that may ask for tokens.
#[derive(Debug, Clone)]
pub struct Admin {
    /// Name to log in with; also the user name of its account.
    pub username: String,
    /// Password to log in with.
    pub password: SecretString,
    /// Names of the departments whose users it sees, with all below them; None: it sees everyone.
    pub departments: Option<Vec<String>>,
}

/// An enrolment rule of the portal: who comes to the department is enrolled in the course (trap A19).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Department by name; it may come to be later.
    pub department: String,
    /// Course by name; it must exist.
    pub course: String,
    /// Whether who is enrolled already starts again.
    pub re_enroll: bool,
}

/// What an Absorb sandbox is opened with.
#[derive(Debug, Clone)]
pub struct Config {
    /// What all sandboxes have.
    pub options: Options,
    /// Which reading of the API is served.
    pub profile: &'static Profile,
    /// The portal's name, which is its root department's.
    pub portal: String,
    /// The Private Key, sent as `x-api-key` with every call.
    pub api_key: SecretString,
    /// The admins; each has an account in the portal.
    pub admins: Vec<Admin>,
    /// Courses besides the standard ones, by name.
    pub courses: Vec<String>,
    /// Enrolment rules.
    pub rules: Vec<Rule>,
    /// The programs that may ask for access by OAuth 2.0.
    pub clients: Vec<OauthClient>,
    /// SCIM, and what the tenant has of what it needs.
    pub scim: Scim,
    /// Where events are told while it is served; nowhere where there is none.
    pub webhooks: Option<Webhooks>,
}

impl Default for Config {
    /// The portal "Acme" with the key `absorb-sandbox-key` and one admin `api@acme.example`, password
    /// `absorb-sandbox-password`, who
    /// sees everyone; one OAuth client `absorb-sandbox-client`, secret `absorb-sandbox-client-secret`, that may have people
    /// sent back to any port and path on loopback; SCIM as [`Scim::default`] has it.
    fn default() -> Self {
        Self {
            options: Options::default(),
            profile: &GUIDE,
            portal: "Acme".to_owned(),
            api_key: "absorb-sandbox-key".into(),
            admins: vec![Admin {
                username: "api@acme.example".to_owned(),
                password: "absorb-sandbox-password".into(),
                departments: None,
            }],
            courses: Vec::new(),
            rules: Vec::new(),
            clients: vec![OauthClient {
                client_id: "absorb-sandbox-client".to_owned(),
                client_secret: "absorb-sandbox-client-secret".into(),
                redirect_uris: ["http://127.0.0.1", "http://[::1]", "http://localhost"].map(str::to_owned).into(),
            }],
            scim: Scim::default(),
            webhooks: None,
        }
    }
}

/// An Absorb sandbox.  Clones are handles on the same one; its data folder is free again when the last is gone.
#[derive(Debug, Clone)]
pub struct Sandbox(Arc<Portal>);

#[derive(Debug)]
struct Portal {
    backend: Arc<Backend<State>>,
    profile: &'static Profile,
    name: String,
    rules: Vec<Rule>,
    clients: Vec<OauthClient>,
    notes: Vec<String>,
    auth: Mutex<Auth>,
    grants: Mutex<Grants>,
    scim: Scim,
    hooks: Hooks,
    server: Server,
    listen: std::net::SocketAddr,
}

impl Sandbox {
    /// Opens the files, makes the portal and replays what its data folder holds.
    ///
    /// # Errors
    /// A file that cannot be used, two admins of one name, a rule for a course that there is not.
    pub fn open(config: Config) -> Result<Self, Error> {
        Self::opened(config, |origin, profile, name, courses, admins| Ok(seed::portal(origin, profile, name, courses, admins)))
    }

    /// Opens a portal that stands in for another: it holds what these records of the other's API show, under their ids.  Its admins are
    /// the users of their names; one who is not among the records is hidden from itself.
    ///
    /// # Errors
    /// The first record that cannot be held; a data folder, which such a portal cannot have; as [`Sandbox::open`].
    pub fn standing_in(config: Config, records: &[Record]) -> Result<Self, Error> {
        if config.options.data.is_some() {
            return Err(Error::Option("a sandbox that stands in for a tenant has no data folder".to_owned()));
        }
        let now = SandboxClock::new(config.options.now).now();
        Self::opened(config, |origin, profile, name, _, _| load::portal(origin.seed, name, profile, records, now))
    }

    fn opened(
        config: Config,
        found: impl FnOnce(&Origin, &'static Profile, &str, &[String], &[Admin]) -> Result<State, Error>,
    ) -> Result<Self, Error> {
        check(&config)?;
        let Config { options, profile, portal: name, api_key, admins, courses, rules, clients, scim, webhooks } = config;
        let hooks = Hooks::new(webhooks)?;
        let pace = Pace { calls: profile.refill_per_second, period: SignedDuration::from_secs(1), capacity: profile.burst };
        let backend = Backend::open("absorb", profile.name, pace, &options, |origin| found(origin, profile, &name, &courses, &admins))?;
        let mut notes = backend.notes.clone();
        let grants = Mutex::new(Grants::open(options.data.as_deref(), &mut notes)?);
        // A clock that stands does not say whether it was opened before: the number of calls does.  Whoever stands it wants the same tokens again.
        let opened = if let Clock::Fixed(at) = options.now { at } else { Timestamp::now() };
        let auth = Mutex::new(Auth::new(api_key, admins, opened, backend.calls()));
        let portal = Arc::new(Portal {
            backend,
            profile,
            name,
            rules,
            clients,
            notes,
            auth,
            grants,
            scim,
            hooks,
            server: provisioning::server(profile),
            listen: options.listen,
        });
        let told = Arc::downgrade(&portal);
        portal.backend.heard_by(move |call, at, changes| {
            if let Some(portal) = told.upgrade() {
                portal.tell(call, at, changes);
            }
        });
        Ok(Self(portal))
    }

    /// The API as a service that can be called in this process, limiter and logs included.
    pub fn router(&self) -> Router {
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&self.0));
        let refused = |path: &str, status: StatusCode| match status {
            _ if is_scim(path) => scim_refused(&scim::Error::new(status.as_u16(), "the request cannot be taken")),
            // Over the limit there is no word, no Retry-After and no header about the rate (A09).
            StatusCode::TOO_MANY_REQUESTS => status.into_response(),
            _ => Reply::from(Refusal::new(status, "refused", "the request cannot be taken")).into_response(),
        };
        let portal = Arc::clone(&self.0);
        let rival = move |call: &Call| portal.auth().rival(call.header("authorization"), portal.backend.clock.now());
        self.0.backend.front(routes, refused, Box::new(rival))
    }

    /// Serves the API on the address of the options, and tells of events where it is set.
    ///
    /// # Errors
    /// The address cannot be listened on, or the data folder not written.
    pub async fn start(&self) -> Result<Running, Error> {
        self.deliver();
        Running::start(self.0.listen, self.router(), |address| self.0.backend.announce(address)).await
    }

    /// From now on the faults happen, or none does; when the sandbox opens they do.
    pub fn misbehave(&self, on: bool) {
        self.0.backend.misbehave(on);
    }

    /// Which faults happened so far, as [`crate::faults`] names them, and how often.
    pub fn faults_met(&self) -> BTreeMap<String, u64> {
        self.0.backend.faults_met()
    }

    /// The portal's clock: dates, tokens and the limiter go by it.
    pub fn clock(&self) -> &SandboxClock {
        &self.0.backend.clock
    }

    /// What a person should know about how it opened, such as a torn line that was cut off.
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }
}

fn check(config: &Config) -> Result<(), Error> {
    if config.api_key.expose_secret().is_empty() {
        return Err(Error::Option("the API key of the sandbox is empty".to_owned()));
    }
    if config.scim.token.expose_secret().is_empty() {
        return Err(Error::Option("the SCIM token of the sandbox is empty".to_owned()));
    }
    let mut names: Vec<String> = config.admins.iter().map(|admin| wire::fold(&admin.username)).collect();
    names.sort();
    let mut ids: Vec<&str> = config.clients.iter().map(|client| client.client_id.as_str()).collect();
    ids.sort_unstable();
    if let Some(id) = ids.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]) {
        return Err(Error::Option(format!("two OAuth clients have the id `{id}`")));
    }
    if config.clients.iter().any(|client| client.client_id.is_empty() || client.client_secret.expose_secret().is_empty()) {
        return Err(Error::Option("an OAuth client has no id or no secret".to_owned()));
    }
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::Option(format!("two admins are called `{}`", pair[0])));
    }
    let standard = content::COURSES.iter().map(|name| (*name).to_owned());
    let courses: Vec<String> = standard.chain(config.courses.iter().cloned()).collect();
    let known = |name: &str| courses.iter().any(|course| wire::fold(course) == wire::fold(name));
    match config.rules.iter().find(|rule| !known(&rule.course)) {
        Some(rule) => {
            let courses = courses.join(", ");
            Err(Error::Option(format!("a rule enrols in `{}`, but the courses are: {courses}", rule.course)))
        }
        None => Ok(()),
    }
}

async fn answer(Shared(portal): Shared<Arc<Portal>>, Extension(call): Extension<Arc<Call>>) -> Response {
    if is_scim(&call.path) {
        return portal.provision(&call);
    }
    let request = Request::of(&call);
    match request.segments().as_slice() {
        ["oauth", "authorize"] => oauth::authorize::answer(&portal, &call),
        ["oauth", "token"] if call.method == "POST" => oauth::token::answer(&portal, &call),
        ["oauth", "token"] => Reply::from(Refusal::verb()).into_response(),
        _ => portal.answer(&request).unwrap_or_else(Reply::from).into_response(),
    }
}

impl Portal {
    fn answer(&self, request: &Request<'_>) -> Result<Reply, Refusal> {
        let call = request.call;
        let (profile, segments) = (self.profile, request.segments());
        let path = segments.as_slice();
        let now = self.backend.clock.now();
        self.auth().check_key(call.header("x-api-key"))?;
        if path == [profile.token.path] {
            return if call.method == "POST" { self.log_in(request) } else { Err(Refusal::verb()) };
        }
        let admin = self.admin_with(call.header("authorization"), now)?;
        match (call.method.as_str(), path) {
            ("GET", ["users"]) => self.see(admin, |view| users::list(view, request)),
            ("POST", ["users"]) => self.change(admin, call, |edit| users::create(edit, &request.members()?)),
            ("POST", ["users", last]) if *last == profile.batch_path => self.change(admin, call, |edit| match profile.batch {
                Batch::Report => batch::report(edit, request),
                Batch::Whole => batch::whole(edit, request),
            }),
            (_, ["users", last]) if *last == profile.batch_path => Err(Refusal::verb()),
            ("GET", ["users", id]) => self.see(admin, |view| users::get(view, id)),
            ("PUT", ["users", id]) => self.change(admin, call, |edit| users::replace(edit, id, &request.members()?)),
            ("GET", ["users", id, "enrollments"]) => self.see(admin, |view| enrollments::list(view, id, request)),
            ("GET", ["users", id, "user-management-settings"]) if profile.admin_settings => {
                // The log-in locks the admins first and the portal then.
                let admins = self.auth().admins().to_vec();
                self.see(admin, |view| settings::get(view, &admins[admin], id, &admins))
            }
            (method, ["users" | "enrollments", ..]) if self.enrols(path) => match (method, path) {
                ("GET", ["users", user, _, course]) => self.see(admin, |view| enrollments::get(view, user, course)),
                ("POST", ["users", user, _, course]) => {
                    self.change(admin, call, |edit| enrollments::enrol_by_path(edit, user, course, &request.query))
                }
                ("POST", ["enrollments"]) => self.change(admin, call, |edit| enrollments::enrol_by_body(edit, &request.members()?)),
                ("POST", ["enrollments", _]) => self.change(admin, call, |edit| enrollments::unenrol(edit, &request.json()?)),
                _ => Err(Refusal::verb()),
            },
            ("GET", ["departments"]) => self.see(admin, |view| departments::list(view, request)),
            ("POST", ["departments"]) => self.change(admin, call, |edit| departments::post(edit, &request.members()?)),
            ("GET", ["departments", id]) => self.see(admin, |view| departments::get(view, id)),
            ("GET", ["courses", id]) => self.see(admin, |view| content::course(view, id)),
            ("GET", [name]) if content::LISTS.contains(name) => self.see(admin, |view| content::list(view, name, request)),
            (_, ["users" | "departments"] | ["users" | "departments" | "courses", _]) => Err(Refusal::verb()),
            (_, ["users", _, "enrollments"]) => Err(Refusal::verb()),
            (_, ["users", _, "user-management-settings"]) if profile.admin_settings => Err(Refusal::verb()),
            (_, [name]) if content::LISTS.contains(name) => Err(Refusal::verb()),
            _ => Err(Refusal::not_found("the path")),
        }
    }

    /// Whether the path is one of those that this profile enrols by.
    fn enrols(&self, path: &[&str]) -> bool {
        match path {
            ["enrollments"] => !self.profile.enrollments.by_path,
            ["enrollments", "unenroll"] | ["users", _, "enrollments", _] => self.profile.enrollments.by_path,
            _ => false,
        }
    }

    fn log_in(&self, request: &Request<'_>) -> Result<Reply, Refusal> {
        let members = request.members()?;
        self.auth().log_in(&members, self.profile, self.backend.clock.now(), |username| self.usable(username))
    }

    /// Whether the account of an admin is active: one that was made inactive gets no token (A18).
    fn usable(&self, username: &str) -> bool {
        self.backend.read(|state| state.user(state.admin_id(username)).map_or(state.stands_in, |user| user.active(self.profile)))
    }

    /// The user name of the active admin with that name and password.
    fn admin_by(&self, username: &str, password: &str) -> Option<String> {
        let auth = self.auth();
        let name = &auth.admin(auth.admin_by(username, password)?).username;
        self.usable(name).then(|| name.clone())
    }

    /// The admin who calls: by a token of the token call, or by one of OAuth, which that call's rule does not touch.
    fn admin_with(&self, header: Option<&str>, now: Timestamp) -> Result<usize, Refusal> {
        let dead = || Refusal::unauthorized("token", "the token is missing, dead or expired");
        let token = auth::bare(header.ok_or_else(dead)?);
        if let Some(admin) = self.auth().admin_with(token, now) {
            return Ok(admin);
        }
        let allowed = self.grants().admin_of(token, now).map(str::to_owned);
        allowed.and_then(|name| self.auth().admin_named(&name)).ok_or_else(dead)
    }

    /// The program of that id.
    fn client(&self, id: &str) -> Option<&OauthClient> {
        self.clients.iter().find(|client| client.client_id == id)
    }

    fn grants(&self) -> MutexGuard<'_, Grants> {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the portal as an admin sees it.
    fn see(&self, admin: usize, look: impl FnOnce(&View<'_>) -> Result<Reply, Refusal>) -> Result<Reply, Refusal> {
        let departments = self.auth().admin(admin).departments.clone();
        self.backend.read(|state| look(&self.view(state, departments.as_deref())))
    }

    /// Changes the portal as an admin may.
    fn change(
        &self,
        admin: usize,
        call: &Call,
        decide: impl FnOnce(&mut Edit<'_>) -> Result<Reply, Refusal>,
    ) -> Result<Reply, Refusal> {
        let departments = self.auth().admin(admin).departments.clone();
        self.backend.write(call, |state, now| {
            let mut edit = Edit::new(self.view(state, departments.as_deref()), now, &self.rules);
            let reply = decide(&mut edit)?;
            Ok((edit.changes(), reply))
        })
    }

    fn view<'a>(&self, state: &'a State, departments: Option<&[String]>) -> View<'a> {
        View { state, profile: self.profile, scope: Scope::of(departments, state) }
    }

    fn auth(&self) -> MutexGuard<'_, Auth> {
        self.auth.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Listening: one address, every face below it, an orderly end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use engine::Engine;
use model::SourceName;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::auth::oidc::{LogIns, Oidc};
use crate::auth::{Cookies, Limits};
use crate::limit::Rate;
use crate::meters::Meters;
use crate::ops::Apart;
use crate::planning::Planning;
use crate::route::Routes;
use crate::scim::{BASE, Dialect, Gateway};
use crate::state::Faces;
use crate::webhooks::{self, Webhooks};
use crate::work::Work;
use crate::{api, console, mcp, ops, turns};

/// How long requests under way may take once the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How long all of a stop may take: a run that waits for an app until then is cut off, and can be resumed like one whose machine went down.
const HALT: Duration = Duration::from_secs(30);

/// How the server listens.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where.
    pub listen: SocketAddr,
    /// The address under which clients know it, without a slash at its end, where that is another: `https://provost.acme.example`.
    pub url: Option<String>,
    /// How many requests are taken from each source; none for as many as come.
    pub limit: Option<Rate>,
    /// How long it is quiet before what was pushed, or told by an app, is planned for, and how long that waits at most.
    pub settle: (Duration, Duration),
    /// Where on this machine health, readiness and numbers are told without a token; nowhere where it is none.
    pub metrics: Option<SocketAddr>,
    /// How often watched rosters are looked at.
    pub look: Duration,
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It would be reached from elsewhere without TLS.
    #[error("{address} is reached from other machines, and what comes there, tokens too, would be in clear")]
    Clear {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// What is told without a token would be told to other machines.
    #[error("{address} is reached from other machines, and numbers are told there without a token")]
    Open {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// What hears what nobody else is told: failures on our side.
pub type Notes = Arc<dyn Fn(String) + Send + Sync>;

/// The server before it listens.
pub struct Server {
    engine: Arc<Engine>,
    dialects: BTreeMap<SourceName, Dialect>,
    notes: Notes,
    oidc: Option<Oidc>,
}

/// A server that listens.
pub struct Running {
    /// Where.
    pub address: SocketAddr,
    /// Where health, readiness and numbers are told without a token.
    pub metrics: Option<SocketAddr>,
    apart: Option<Apart>,
    engine: Arc<Engine>,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
    planned: JoinHandle<()>,
    turns: Option<JoinHandle<()>>,
    work: Work,
}

impl Server {
    /// A server over an engine.  A source that pushes speaks the dialect named here, else the default one.
    pub fn new(engine: Arc<Engine>, dialects: BTreeMap<SourceName, Dialect>, notes: Notes) -> Self {
        Self { engine, dialects, notes, oidc: None }
    }

    /// People log in through this provider, beside links.
    pub fn logging_in_through(self, oidc: Option<Oidc>) -> Self {
        Self { oidc, ..self }
    }

    /// Listens.
    ///
    /// # Errors
    /// [`ServeError`]: the address cannot be had, or is no loopback address where no TLS is said to stand in front.
    pub async fn start(self, options: Options) -> Result<Running, ServeError> {
        let Self { engine, dialects, notes, oidc } = self;
        let address = options.listen;
        let behind_tls = options.url.as_deref().is_some_and(|url| url.starts_with("https://"));
        if !address.ip().is_loopback() && !behind_tls {
            return Err(ServeError::Clear { address });
        }
        if let Some(open) = options.metrics.filter(|metrics| !metrics.ip().is_loopback()) {
            return Err(ServeError::Open { address: open });
        }
        let failed = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stop, mut stopped) = watch::channel(false);
        let (planning, planned) = Planning::begin(Arc::clone(&engine), Arc::clone(&notes), options.settle, stopped.clone());
        let turns = turns::begin(Arc::clone(&engine), planning.clone(), Arc::clone(&notes), options.look, stopped.clone());
        let meters = Arc::new(Meters::new());
        let hooks = Arc::new(Webhooks::new(Arc::clone(&engine), planning.clone(), Arc::clone(&notes), Arc::clone(&meters)));
        let work = Work::new(Arc::clone(&engine), Arc::clone(&notes), Arc::clone(&meters), stopped.clone());
        let url = options.url.clone().unwrap_or_else(|| format!("http://{address}"));
        let faces = Arc::new(Faces {
            engine: Arc::clone(&engine),
            log_ins: oidc.map(|oidc| LogIns::new(oidc, &url)),
            work: work.clone(),
            cookies: Cookies { secure: behind_tls },
            mcp: mcp::Door::new(Arc::clone(&engine), options.url.as_deref()),
            limits: Limits::new(options.limit),
            server: engine.new_id(),
            meters,
            table: OnceLock::new(),
            notes: Arc::clone(&notes),
        });
        let gateway = Arc::new(Gateway::new(Arc::clone(&engine), dialects, notes, planning, options.url, options.limit));
        let mut table = Vec::new();
        let mut served_by = |routes: Routes| {
            let (router, entries) = routes.into_parts();
            table.extend(entries);
            router
        };
        let (pages, assistants) = (served_by(console::routes(&faces)), served_by(mcp::routes(&faces)));
        let told = served_by(ops::routes(&faces));
        let api = served_by(api::routes(&faces)).method_not_allowed_fallback(api::no_such_method);
        faces.table.get_or_init(|| table);
        let apart = match options.metrics {
            Some(address) => {
                let begun = Apart::begin(address, Arc::clone(&faces)).await;
                Some(begun.map_err(|source| ServeError::Listen { address, source })?)
            }
            None => None,
        };
        let all = pages.merge(api).merge(assistants).merge(told).with_state(Arc::clone(&faces));
        let router =
            Router::new().fallback(answer).with_state((gateway, hooks)).merge(all).layer(from_fn_with_state(faces, ops::measured));
        let served = tokio::spawn(async move {
            let shutdown = async move { drop(stopped.wait_for(|stop| *stop).await) };
            // It ends only by being told to.
            axum::serve(Quick(listener), router).with_graceful_shutdown(shutdown).await.ok();
        });
        let metrics = apart.as_ref().map(|apart| apart.address);
        Ok(Running { address, metrics, apart, engine, stop, served, planned, turns, work })
    }
}

impl Running {
    /// The address of the gateway, as a client on this machine writes it.
    pub fn scim_url(&self) -> String {
        format!("http://{}{BASE}", self.address)
    }

    /// The address of the console, as a browser on this machine opens it.
    pub fn console_url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Takes no more requests, answers those under way, and waits until what is carried out has stopped between two calls, for half a minute
    /// at most; whether something was cut off then.  A run that was stopped, or cut off, can be resumed.
    ///
    /// # Errors
    /// When the last uses of tokens cannot be written down; it is stopped all the same.
    pub async fn stop(self) -> Result<bool, engine::EngineError> {
        self.stop.send(true).ok();
        let begun = Instant::now();
        let (soon, until) = (begun + GRACE, begun + HALT);
        let all = [(Some(self.served), soon), (Some(self.planned), until), (self.turns, until)];
        let tasks = all.into_iter().filter_map(|(task, until)| Some(ended(task?, until)));
        let (cut, ended) = tokio::join!(self.work.end(until), futures_util::future::join_all(tasks));
        // Requests that took too long are answered by nobody; only work counts.
        let cut = cut || ended.into_iter().skip(1).any(|ended| !ended);
        let noted = self.engine.note_tokens().await;
        if let Some(apart) = self.apart {
            apart.end();
        }
        noted.map(|()| cut)
    }
}

/// Waits for a task to end until then, and ends it; whether it had ended by itself.
async fn ended(task: JoinHandle<()>, until: Instant) -> bool {
    let abort = task.abort_handle();
    let ended = tokio::time::timeout_at(until, task).await.is_ok();
    abort.abort();
    ended
}

/// Small answers must not wait for each other.
struct Quick(TcpListener);

impl axum::serve::Listener for Quick {
    type Io = tokio::net::TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        let (stream, address) = axum::serve::Listener::accept(&mut self.0).await;
        // A connection that cannot be tuned is served as it is.
        stream.set_nodelay(true).ok();
        (stream, address)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Every request: to the face whose part of the address it names.
async fn answer(State((gateway, hooks)): State<(Arc<Gateway>, Arc<Webhooks>)>, request: Request) -> Response {
    let path = request.uri().path();
    if let Some(app) = path.strip_prefix(webhooks::BASE).map(str::to_owned) {
        return hooks.answer(&app, request).await;
    }
    match path.strip_prefix(BASE) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            let head = request.method() == Method::HEAD;
            let answer = gateway.answer(request).await;
            if head { without_body(answer) } else { answer }
        }
        _ if api::is_below(path) => api::no_such_path(path),
        _ if console::is_for_reading(&request) => console::no_such_page(path),
        _ => {
            let said = format!("nothing is served here; identity providers use {BASE}\n");
            (StatusCode::NOT_FOUND, [(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], said).into_response()
        }
    }
}

/// What a GET would have answered, without saying it.
fn without_body(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    if let Some(length) = axum::body::HttpBody::size_hint(&body).exact() {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(parts, Body::from(Bytes::new()))
}

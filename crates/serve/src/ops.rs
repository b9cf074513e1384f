//! What whoever operates the server asks it: does the process answer, can it be given work, how much has it done.
//!
//! `/healthz` and `/readyz` are for everybody, `/metrics` for viewers.  An address of its own for them (`[serve] metrics`), on this machine
//! only, takes no token, and answers until the very end of a stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use model::Role;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::auth::Least;
use crate::meters::KIND;
use crate::route::Routes;
use crate::state::Faces;
use crate::{api, scim, webhooks};

/// Whether the process answers.
const HEALTH: &str = "/healthz";
/// Whether it can be given work.
const READY: &str = "/readyz";
/// What it has done.
const METRICS: &str = "/metrics";

/// The routes, and who may use each.
pub(crate) fn routes(faces: &Arc<Faces>) -> Routes {
    Routes::new(faces, api::refused).get(HEALTH, Least::Anyone, health).get(READY, Least::Anyone, ready).get(
        METRICS,
        Least::Role(Role::Viewer),
        metrics,
    )
}

/// The process answers; nothing else is looked at.
async fn health() -> Response {
    plain("ok\n")
}

/// The store answers and has this program's schema, and the server is not stopping.
async fn ready(State(faces): State<Arc<Faces>>) -> Response {
    if faces.work.is_stopping() {
        return api::not_ready("the server is stopping", "ask another one, or this one when it is started again");
    }
    match faces.engine.store().ready().await {
        Ok(()) => plain("ready\n"),
        Err(error) => {
            let error = engine::EngineError::from(error);
            // Who asks is anybody: where the store is, is for those at home.
            (faces.notes)(format!("the server is not ready: {error}"));
            api::not_ready("the store cannot be used now", "the server's log says why")
        }
    }
}

async fn metrics(State(faces): State<Arc<Faces>>) -> Response {
    match faces.meters.text(&faces.engine).await {
        Ok(text) => ([(CONTENT_TYPE, HeaderValue::from_static(KIND)), no_store()], text).into_response(),
        Err(error) => {
            (faces.notes)(format!("nothing can be told of the store now: {error}"));
            api::not_ready("the store cannot be used now", "the server's log says why")
        }
    }
}

fn plain(text: &'static str) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")), no_store()], text).into_response()
}

fn no_store() -> (axum::http::HeaderName, HeaderValue) {
    (CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

/// The address of its own.
pub(crate) struct Apart {
    /// Where.
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Apart {
    /// Listens there.
    ///
    /// # Errors
    /// The address cannot be had.
    pub(crate) async fn begin(address: SocketAddr, faces: Arc<Faces>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let router = Router::new().route(HEALTH, get(health)).route(READY, get(ready)).route(METRICS, get(metrics)).with_state(faces);
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(async move {
            let shutdown = async { drop(stopped.await) };
            // It ends only by being told to.
            axum::serve(listener, router).with_graceful_shutdown(shutdown).await.ok();
        });
        Ok(Self { address, stop, served })
    }

    /// Ends it at once: whoever asks holds nothing open that matters.
    pub(crate) fn end(self) {
        self.stop.send(()).ok();
        self.served.abort();
    }
}

/// Counts and logs every request, with its route and never with its address: that may name somebody.
pub(crate) async fn measured(State(faces): State<Arc<Faces>>, request: Request, next: Next) -> Response {
    let method = method(request.method());
    let route = route(&request);
    let began = Instant::now();
    let answer = next.run(request).instrument(tracing::debug_span!("request", method, route)).await;
    let (took, status) = (began.elapsed(), answer.status());
    faces.meters.answered(method, &route, status.as_u16(), took);
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::warn!(method, route, status = status.as_u16(), micros, "answered");
    } else {
        tracing::debug!(method, route, status = status.as_u16(), micros, "answered");
    }
    answer
}

/// A method in a word; whatever a stranger makes up is one.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// The route as it was written, with names in braces; what is no route of ours is one.
fn route(request: &Request) -> String {
    if let Some(matched) = request.extensions().get::<MatchedPath>() {
        return matched.as_str().to_owned();
    }
    let path = request.uri().path();
    let below = |base: &str| path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    if path.starts_with(webhooks::BASE) {
        return format!("{}{{app}}", webhooks::BASE);
    }
    match below(scim::BASE) {
        Some(rest) => {
            let kind = rest.split('/').nth(1).unwrap_or_default();
            let known = ["Users", "Groups", "Me", "Bulk", "Schemas", "ResourceTypes", "ServiceProviderConfig"];
            let kind = known.iter().find(|known| **known == kind).copied().unwrap_or("other");
            format!("{}/{kind}", scim::BASE)
        }
        None => "other".to_owned(),
    }
}

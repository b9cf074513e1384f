//! Where apps tell of what happened: `POST /hooks/{app}`.
//!
//! It is answered as soon as what came is on disk, and planned for after that.  A stranger hears a status and nothing else; what was wrong is
//! told to the operator, and of a flood of it a line a minute.

mod strangers;

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ALLOW, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use engine::{Cause, Engine, RawEvent, Unheard};

use crate::meters::Meters;
use crate::planning::Planning;
use crate::server::Notes;
use strangers::Strangers;

/// What stands before the app's name in the address.
pub(crate) const BASE: &str = "/hooks/";

/// Bytes of a body at most: events are lean.
const LARGEST: usize = 64 << 10;
/// Bodies that are read at the same time.
const AT_ONCE: usize = 64;

/// Takes events.
pub(crate) struct Webhooks {
    engine: Arc<Engine>,
    planning: Planning,
    notes: Notes,
    meters: Arc<Meters>,
    strangers: Strangers,
    room: tokio::sync::Semaphore,
}

impl Webhooks {
    pub(crate) fn new(engine: Arc<Engine>, planning: Planning, notes: Notes, meters: Arc<Meters>) -> Self {
        Self { engine, planning, notes, meters, strangers: Strangers::default(), room: tokio::sync::Semaphore::new(AT_ONCE) }
    }

    /// Takes one delivery for the app of this name.
    pub(crate) async fn answer(&self, app: &str, request: Request<Body>) -> Response {
        if request.method() != Method::POST {
            return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, HeaderValue::from_static("POST"))]).into_response();
        }
        let Ok(_place) = self.room.acquire().await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
        let (parts, body) = request.into_parts();
        let Ok(body) = axum::body::to_bytes(body, LARGEST).await else {
            self.note(format!("a delivery to {BASE}{} broke off, or is larger than {LARGEST} bytes; it was refused", shown(app)));
            self.meters.hook("refused");
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        };
        let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
        let headers = parts.headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?))).collect();
        match self.engine.hear(app, &RawEvent { headers, body }).await {
            Ok(heard) => {
                self.meters.hook(if heard.fresh > 0 { "fresh" } else { "known" });
                if heard.fresh > 0 {
                    tracing::info!(app, events = heard.fresh, "an app told of events");
                    self.planning.caused(&Cause::Webhook(app.into()));
                }
                StatusCode::NO_CONTENT.into_response()
            }
            // It was not kept: whoever sent it is to send it again.
            Err(Unheard::Failed(error)) => {
                self.meters.hook("failed");
                (self.notes)(format!("an event of {} was not taken: {error}", shown(app)));
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
            Err(refused) => {
                self.meters.hook("refused");
                self.note(format!("an event was refused: {refused}"));
                let status =
                    if matches!(refused, Unheard::NoSuchApp { .. }) { StatusCode::NOT_FOUND } else { StatusCode::UNAUTHORIZED };
                status.into_response()
            }
        }
    }

    /// Tells the operator about a stranger.
    fn note(&self, what: String) {
        if let Some(more) = self.strangers.one_more(Instant::now()) {
            let more = if more > 0 { format!(" (and {more} others since the last of these lines)") } else { String::new() };
            (self.notes)(what + &more);
        }
    }
}

/// What a stranger wrote, as far as it can be shown.
fn shown(app: &str) -> String {
    app.chars().filter(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).take(40).collect()
}

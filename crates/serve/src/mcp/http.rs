//! The same door over HTTP, at `/mcp`: the tokens and roles of the API, one request at a time, no sessions.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use engine::Engine;
use model::Role;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::Assistant;
use crate::auth::{Least, Refused, seconds};
use crate::route::Routes;
use crate::state::Faces;

/// Where it is, below the server's address.
const PATH: &str = "/mcp";
/// Bytes of a request at most.
const MAX_BODY: usize = 1 << 20;

/// What answers at `/mcp`.
#[derive(Clone)]
pub(crate) struct Door(StreamableHttpService<Assistant, NeverSessionManager>);

impl Door {
    /// A door of a server that is known by this address, beside those of this machine.
    pub(crate) fn new(engine: Arc<Engine>, url: Option<&str>) -> Self {
        let mut config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(MAX_BODY)
            // No page of another site has anything to say here; assistants that are pages themselves are served from this machine.
            .with_allowed_origins(["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"])
            .enforce_origin_validation();
        if let Some((url, (_, host))) = url.and_then(|url| Some((url, url.split_once("://")?))) {
            config.allowed_hosts.push(host.to_owned());
            config.allowed_origins.push(url.to_owned());
        }
        let make = move || Ok(Assistant::new(Arc::clone(&engine), None));
        Self(StreamableHttpService::new(make, Arc::default(), config))
    }
}

/// The door's routes, and who may use each: what a tool takes beyond looking, it says itself.
pub(crate) fn routes(faces: &Arc<Faces>) -> Routes {
    let least = Least::Role(Role::Viewer);
    Routes::new(faces, refused).get(PATH, least, answer).post(PATH, least, answer).delete(PATH, least, answer)
}

async fn answer(State(faces): State<Arc<Faces>>, request: Request) -> Response {
    faces.mcp.0.handle(request).await.map(Body::new)
}

/// Somebody is not let in, in a line.
fn refused(faces: &Faces, _: &Request, why: Refused) -> Response {
    let (status, said) = match why {
        Refused::Unknown { .. } => {
            let said = "a token is wanted: Authorization: Bearer TOKEN; `provost token create --name NAME --role operator` makes one";
            (StatusCode::UNAUTHORIZED, said.to_owned())
        }
        Refused::NotAllowed { caller, least } => {
            (StatusCode::FORBIDDEN, format!("{} is {}; this takes {least}", caller.name, caller.role))
        }
        Refused::OtherSite => (StatusCode::FORBIDDEN, "no page of another site has anything to say here".to_owned()),
        Refused::TooMany { after } => {
            let said = format!("too many requests; again in {} s", seconds(after));
            (StatusCode::TOO_MANY_REQUESTS, said)
        }
        Refused::Failed(error) => {
            (faces.notes)(format!("an assistant could not be let in: {error}"));
            (StatusCode::SERVICE_UNAVAILABLE, "the server cannot tell who this is now; try again later".to_owned())
        }
    };
    let mut response = (status, format!("{said}\n")).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"Provost\""));
    }
    response
}

//! The gateway: SCIM 2.0 for identity providers (RFC 7643, RFC 7644, RFC 9865), one endpoint a file.
//!
//! What a provider writes is kept as it was said and shown again as it was said; what comes of it in apps is a plan, made afterwards.

mod answer;
mod bulk;
mod create;
mod delete;
mod dialect;
mod discover;
mod get;
mod list;
mod members;
mod named;
mod patch;
mod record;
mod replace;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH, RETRY_AFTER};
use axum::http::{Method, Response};
use engine::Engine;
use model::SourceName;
use scim::etag::Condition;
use scim::{Error, Operation, ResourceType, Service};
use tokio::time::Instant;

use crate::limit::{Buckets, Rate};
use crate::planning::Planning;
use crate::server::Notes;
use answer::{Answer, Trouble, refused, refused_with};

pub use dialect::{Dialect, ENTRA, OKTA, ONELOGIN, STRICT};

/// Where the gateway is, below the server's address.
pub const BASE: &str = "/scim/v2";

/// Bytes of a request's body at most: a group with 100,000 members, pushed whole, is smaller.
const MAX_BODY: usize = 16 << 20;
/// How often somebody without a token may try.
const STRANGERS: Rate = Rate { per_second: 20, burst: 100 };
/// How often a change is tried again that somebody else's change came before.
const TRIES: usize = 20;

/// What the gateway's requests share.
pub(crate) struct Gateway {
    engine: Arc<Engine>,
    /// By source; the default one for those that are not here.
    dialects: BTreeMap<SourceName, (Dialect, Service)>,
    fallback: (Dialect, Service),
    notes: Notes,
    planning: Planning,
    url: Option<String>,
    limit: Option<Buckets<SourceName>>,
    strangers: Buckets<()>,
}

/// One request of one source.
struct Call<'a> {
    gateway: &'a Gateway,
    source: SourceName,
    dialect: &'a Dialect,
    service: &'a Service,
    /// The address that clients know the gateway by.
    base: String,
    condition: Condition,
}

impl Gateway {
    pub(crate) fn new(
        engine: Arc<Engine>,
        dialects: BTreeMap<SourceName, Dialect>,
        notes: Notes,
        planning: Planning,
        url: Option<String>,
        limit: Option<Rate>,
    ) -> Self {
        let with_service = |dialect: Dialect| {
            let service = Service { kinds: vec![ResourceType::user(), ResourceType::group()], leniency: dialect.leniency.clone() };
            (dialect, service)
        };
        Self {
            engine,
            dialects: dialects.into_iter().map(|(source, dialect)| (source, with_service(dialect))).collect(),
            fallback: with_service(Dialect::default()),
            notes,
            planning,
            url,
            limit: limit.map(Buckets::new),
            strangers: Buckets::new(STRANGERS),
        }
    }

    /// Answers a request below [`BASE`].
    pub(crate) async fn answer(&self, request: Request) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let source = match self.let_in(&parts.headers).await {
            Ok(source) => source,
            Err(refused) => return refused,
        };
        if let Some(Err(after)) = self.limit.as_ref().map(|limit| limit.take(source.clone(), Instant::now())) {
            return too_many(after);
        }
        let body = match axum::body::to_bytes(body, MAX_BODY).await {
            Ok(body) => body,
            Err(error) => return refused(&unread(&error)),
        };
        // What a GET carries means nothing.
        if !body.is_empty()
            && parts.method != Method::GET
            && let Err(error) = is_json(&parts.headers)
        {
            return refused(&error);
        }
        let (dialect, service) = self.dialects.get(&source).unwrap_or(&self.fallback);
        let call =
            Call { gateway: self, source, dialect, service, base: self.base(&parts.headers), condition: condition(&parts.headers) };
        let path = parts.uri.path().strip_prefix(BASE).unwrap_or_default();
        let method = if parts.method == Method::HEAD { "GET" } else { parts.method.as_str() };
        let request = scim::Request { method, path, query: parts.uri.query().unwrap_or_default(), body: &body };
        let answered = match service.operation(&request) {
            Ok(operation) => call.carry_out(operation).await,
            Err(error) => Err(error.into()),
        };
        match answered {
            Ok(answer) => answer.into_response(),
            Err(trouble) => {
                let error = trouble.told(|note| (self.notes)(note));
                match error.allow() {
                    Some(methods) => refused_with(&error, vec![(ALLOW, methods)]),
                    None => refused(&error),
                }
            }
        }
    }

    /// Which source it is, by its token.
    async fn let_in(&self, headers: &HeaderMap) -> Result<SourceName, Response<Body>> {
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = shown.and_then(|shown| {
            let (scheme, token) = shown.trim().split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let said = match token {
            Some(token) => match self.engine.let_in(token).await {
                Ok(Some(source)) => return Ok(source),
                Ok(None) => "the token is not known here, has ended, or its source is not one that is pushed any more",
                Err(error) => return Err(refused(&Trouble::from(error).told(|note| (self.notes)(note)))),
            },
            None if shown.is_some() => "only bearer tokens are taken: Authorization: Bearer TOKEN",
            None => "a token is wanted: Authorization: Bearer TOKEN; `provost token create` makes one",
        };
        Err(match self.strangers.take((), Instant::now()) {
            Ok(()) => refused(&Error::new(401, said)),
            Err(after) => too_many(after),
        })
    }

    /// The address that clients know the gateway by.
    fn base(&self, headers: &HeaderMap) -> String {
        match &self.url {
            Some(url) => format!("{url}{BASE}"),
            None => format!("http://{}{BASE}", headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost")),
        }
    }
}

impl Call<'_> {
    async fn carry_out(&self, operation: Operation) -> Result<Answer, Trouble> {
        match operation {
            Operation::ServiceProviderConfig
            | Operation::ResourceTypes
            | Operation::ResourceType(_)
            | Operation::Schemas
            | Operation::Schema(_) => self.discover(operation),
            Operation::List(listing) => self.list(&listing).await,
            Operation::ListAll(request) => self.list_all(request).await,
            Operation::Get { kind, id, view } => self.get(&kind, &id, &view).await,
            Operation::Create { kind, resource, view } => self.create(&kind, resource, &view).await,
            Operation::Replace { kind, id, resource, view } => self.replace(&kind, &id, resource, &view).await,
            Operation::Patch { kind, id, patch, view } => self.patch(&kind, &id, &patch, &view).await,
            Operation::Delete { kind, id } => self.delete(&kind, &id).await,
            Operation::Bulk(body) => self.bulk(body).await,
        }
    }

    fn engine(&self) -> &Engine {
        &self.gateway.engine
    }

    /// Something was pushed: it is planned for soon.
    fn pushed(&self) {
        self.gateway.planning.pushed(&self.source);
    }
}

fn condition(headers: &HeaderMap) -> Condition {
    let all = |name: HeaderName| {
        let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    Condition { if_match: all(IF_MATCH), if_none_match: all(IF_NONE_MATCH) }
}

fn is_json(headers: &HeaderMap) -> Result<(), Error> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/scim+json" | "application/json" => Ok(()),
        _ => Err(Error::new(415, format!("bodies are application/scim+json or application/json, not {kind:?}"))),
    }
}

fn unread(error: &axum::Error) -> Error {
    let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if why.contains("length limit") {
        Error::new(413, format!("a body has at most {MAX_BODY} bytes here; push large groups by PATCH, piece by piece"))
    } else {
        Error::new(400, "the body broke off")
    }
}

fn too_many(after: std::time::Duration) -> Response<Body> {
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    let error = Error::new(429, format!("too many requests; again in {seconds} s"));
    refused_with(&error, vec![(RETRY_AFTER, seconds.to_string())])
}

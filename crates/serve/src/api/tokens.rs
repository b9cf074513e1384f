//! `/api/v1/tokens`: what lets programs and identity providers in.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, HeaderValue, LOCATION};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use engine::Caller;
use jiff::{SignedDuration, Timestamp};
use model::{Role, Secret, SourceName, Token};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::endpoint::{About, Api};
use super::once::json;
use super::page::{Order, Page, Which, page};
use super::problem::Problem;
use super::read::{Asked, Given, Named};
use super::shapes::{Instant, RoleShape, Somebody};
use crate::state::Faces;

/// Seconds that a token may count for: ten years.
const LONGEST: i64 = 10 * 366 * 86_400;

/// A token, without its secret.
#[derive(Serialize, JsonSchema)]
struct View {
    /// The public part, which it is named by.
    id: String,
    /// What it opens: `api`, `scim`, `session` (a log-in in a browser), `link`.
    purpose: String,
    /// Under which name its holder acts; of `scim` the source.
    name: String,
    /// What its holder may do; left out for `scim`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<RoleShape>")]
    role: Option<Role>,
    /// When it was made.
    #[schemars(with = "Instant")]
    made: Timestamp,
    /// By whom.
    made_by: Somebody,
    /// Until when it counts; left out where it does until it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Instant>")]
    expires: Option<Timestamp>,
    /// When it was used last, to a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Instant>")]
    used: Option<Timestamp>,
    /// Whether it counts now.
    counts: bool,
}

/// A new token.
#[derive(Serialize, JsonSchema)]
struct Made {
    #[serde(flatten)]
    view: View,
    /// The token itself: here, and never again.
    token: String,
}

/// For whom a token is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "purpose")]
enum ForWhom {
    /// A program that uses the API.
    Api {
        /// The name under which it acts.
        #[schemars(regex(pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"))]
        name: String,
        /// What it may do.
        #[schemars(with = "RoleShape")]
        role: Role,
        /// For how many seconds it counts; until it is revoked where it is left out.
        #[schemars(range(min = 1, max = 316_224_000))]
        expires_in: Option<i64>,
    },
    /// An identity provider that pushes.
    Scim {
        /// The source in the configuration.
        source: String,
        /// For how many seconds it counts; until it is revoked where it is left out.
        #[schemars(range(min = 1, max = 316_224_000))]
        expires_in: Option<i64>,
    },
}

/// How a token takes the place of another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rotation {
    /// For how many seconds the new one counts; until it is revoked where it is left out.
    #[schemars(range(min = 1, max = 316_224_000))]
    expires_in: Option<i64>,
    /// For how many seconds the old one goes on to count; not at all where it is left out.
    #[schemars(range(min = 0, max = 316_224_000))]
    overlap: Option<i64>,
}

pub(super) fn add(api: Api) -> Api {
    let listed = About::new("access", "listTokens", "The tokens there are")
        .more("The newest first; never what they are, only what they open.")
        .query::<Which>()
        .gives::<Page<View>>("Tokens.");
    let made = About::new("access", "createToken", "Make a token")
        .more("It is shown in this answer, and kept as a hash only.")
        .takes::<ForWhom>()
        .gives::<Made>("The token.")
        .with(StatusCode::CREATED);
    let rotated = About::new("access", "rotateToken", "Make a token in the place of another")
        .takes::<Rotation>()
        .gives::<Made>("The new token.")
        .with(StatusCode::CREATED);
    let revoked = About::new("access", "revokeToken", "End a token now").gives::<View>("It counts no more.");
    api.get("/api/v1/tokens", Role::Admin, listed, list)
        .post("/api/v1/tokens", Role::Admin, made, make)
        .post("/api/v1/tokens/{token}/rotate", Role::Admin, rotated, rotate)
        .delete("/api/v1/tokens/{token}", Role::Admin, revoked, revoke)
}

async fn list(State(faces): State<Arc<Faces>>, Asked(which): Asked<Which>, uri: Uri) -> Result<Response, Problem> {
    let place = which.place()?;
    let tokens = faces.engine.tokens().await.map_err(|error| Problem::of(&error, &faces))?;
    let key = |token: &Token| [token.made.as_millisecond().to_be_bytes().as_slice(), token.id.as_bytes()].concat();
    let now = faces.engine.now();
    Ok(json(&page(tokens, Order::Falling, key, &place, &uri).map(|token| View::new(token, now))))
}

async fn make(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    Given(whom): Given<ForWhom>,
) -> Result<Response, Problem> {
    let made = match whom {
        ForWhom::Api { name, role, expires_in } => {
            let name = name.trim();
            if name.is_empty() {
                return Err(Problem::not_valid("name: it says nothing", "name the program; decisions carry the name"));
            }
            let lasts = seconds("expires_in", expires_in, 1)?;
            faces.engine.make_api_token(name, role, lasts, caller.actor()).await
        }
        ForWhom::Scim { source, expires_in } => {
            let lasts = seconds("expires_in", expires_in, 1)?;
            faces.engine.make_token(&SourceName::from(source), lasts, caller.actor()).await
        }
    };
    Ok(created(made.map_err(|error| Problem::of_body(&error, &faces))?, faces.engine.now()))
}

async fn rotate(
    State(faces): State<Arc<Faces>>,
    Extension(caller): Extension<Caller>,
    Named(id): Named,
    Given(Rotation { expires_in, overlap }): Given<Rotation>,
) -> Result<Response, Problem> {
    let lasts = seconds("expires_in", expires_in, 1)?;
    let overlap = seconds("overlap", overlap, 0)?.unwrap_or(SignedDuration::ZERO);
    known(&faces, &id).await?;
    let made = faces.engine.rotate_token(&id, lasts, overlap, caller.actor()).await;
    Ok(created(made.map_err(|error| Problem::of(&error, &faces))?, faces.engine.now()))
}

async fn revoke(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>, Named(id): Named) -> Result<Response, Problem> {
    known(&faces, &id).await?;
    let token = faces.engine.revoke_token(&id, &caller.actor()).await.map_err(|error| Problem::of(&error, &faces))?;
    Ok(json(&View::new(token, faces.engine.now())))
}

/// Something that is no public part is no token's.
async fn known(faces: &Faces, id: &str) -> Result<(), Problem> {
    let tokens = faces.engine.tokens().await.map_err(|error| Problem::of(&error, faces))?;
    match tokens.iter().any(|token| token.id == id) {
        true => Ok(()),
        false => Err(Problem::missing(format!("there is no token {id:?}"))),
    }
}

fn seconds(name: &str, seconds: Option<i64>, least: i64) -> Result<Option<SignedDuration>, Problem> {
    match seconds {
        Some(seconds) if !(least..=LONGEST).contains(&seconds) => {
            Err(Problem::not_valid(format!("{name}: {seconds} is not between {least} and {LONGEST} seconds"), ""))
        }
        seconds => Ok(seconds.map(SignedDuration::from_secs)),
    }
}

fn created((token, secret): (Token, Secret), now: Timestamp) -> Response {
    let at = HeaderValue::try_from(format!("/api/v1/tokens/{}", token.id)).expect("hexadecimal digits");
    let made = Made { view: View::new(token, now), token: secret.expose().to_owned() };
    let mut response = (StatusCode::CREATED, json(&made)).into_response();
    response.headers_mut().insert(LOCATION, at);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl View {
    fn new(token: Token, now: Timestamp) -> Self {
        let Token { id, hash: _, purpose, subject, role, made, made_by, expires, used } = token;
        let counts = expires.is_none_or(|expires| now < expires);
        Self { id, purpose, name: subject, role, made, made_by: made_by.into(), expires, used, counts }
    }
}

//! How a SCIM application is talked to: log-in, the profiles, what statuses mean.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector::{Answer, Fault, Read, Scope, Session, Wire, Write};
use http::{Method, StatusCode};
use model::Secret;
use serde_json::Value;

use super::convert;
use super::discovery::Discovery;

/// Resources that a page is asked for; the application may give fewer.
pub(super) const PAGE: usize = 100;
/// The media type of SCIM bodies (RFC 7644, section 3.1).
const MEDIA: &str = "application/scim+json";

/// How values are changed first; what is refused is tried in the next way ([`super::write`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changes {
    /// Discovery promises PATCH.
    Patch,
    /// Discovery says that there is no PATCH.
    Put,
    /// There is no discovery: PATCH for `active` at most, PUT for the rest.
    Bare,
}

/// What differs between applications, and nothing else.
#[derive(Debug)]
pub(super) struct Profile {
    /// As configuration names it.
    pub(super) name: &'static str,
    /// How values are changed.
    pub(super) changes: Changes,
    /// Whether there are groups.
    pub(super) groups: bool,
    /// Whether accounts can be looked for by a filter; else all of them are walked through.
    pub(super) filter: bool,
}

const fn profile_of(name: &'static str, changes: Changes, groups: bool, filter: bool) -> Profile {
    Profile { name, changes, groups, filter }
}

/// Every profile; the first is in force before anybody asked.
pub(super) static ALL: [Profile; 12] = [
    profile_of("patch", Changes::Patch, true, true),
    profile_of("put", Changes::Put, true, true),
    profile_of("bare", Changes::Bare, true, true),
    profile_of("patch-users", Changes::Patch, false, true),
    profile_of("put-users", Changes::Put, false, true),
    profile_of("bare-users", Changes::Bare, false, true),
    profile_of("patch-walk", Changes::Patch, true, false),
    profile_of("put-walk", Changes::Put, true, false),
    profile_of("bare-walk", Changes::Bare, true, false),
    profile_of("patch-users-walk", Changes::Patch, false, false),
    profile_of("put-users-walk", Changes::Put, false, false),
    profile_of("bare-users-walk", Changes::Bare, false, false),
];

/// Their names.
pub(super) const NAMES: &[&str] = &[
    "patch",
    "put",
    "bare",
    "patch-users",
    "put-users",
    "bare-users",
    "patch-walk",
    "put-walk",
    "bare-walk",
    "patch-users-walk",
    "put-users-walk",
    "bare-users-walk",
];

/// The profiles, by name.
pub(super) const PROFILES: &[(&str, &Profile)] = &[
    (NAMES[0], &ALL[0]),
    (NAMES[1], &ALL[1]),
    (NAMES[2], &ALL[2]),
    (NAMES[3], &ALL[3]),
    (NAMES[4], &ALL[4]),
    (NAMES[5], &ALL[5]),
    (NAMES[6], &ALL[6]),
    (NAMES[7], &ALL[7]),
    (NAMES[8], &ALL[8]),
    (NAMES[9], &ALL[9]),
    (NAMES[10], &ALL[10]),
    (NAMES[11], &ALL[11]),
];

/// The profile of a session.
pub(super) fn profile(wire: &Read) -> &'static Profile {
    ALL.iter().find(|profile| profile.name == wire.profile()).unwrap_or(&ALL[0])
}

/// What one logs in with.
#[derive(Debug)]
pub(super) enum Credentials {
    /// A bearer token.
    Token(Secret),
    /// A user name and a password.
    Basic(Secret, Secret),
}

impl Credentials {
    fn header(&self) -> Secret {
        match self {
            Self::Token(token) => Secret::new(format!("Bearer {}", token.expose())),
            Self::Basic(user, password) => {
                Secret::new(format!("Basic {}", STANDARD.encode(format!("{}:{}", user.expose(), password.expose()))))
            }
        }
    }
}

/// Every request carries the credentials.  Where no profile is pinned, it is found out: by discovery, by whether `/Groups` is there, and by
/// looking for somebody who is there with a filter: an application may promise what it does not do.
pub(super) async fn log_in(wire: &Wire, pinned: Option<&'static Profile>, credentials: &Credentials) -> Result<Session, Fault> {
    let headers = vec![("authorization".to_owned(), credentials.header())];
    let session =
        |profile: &Profile| Session { profile: profile.name.to_owned(), headers: headers.clone(), expires: None, refresh: None };
    if let Some(profile) = pinned {
        return Ok(session(profile));
    }
    // Before anything is concluded from what is missing: is this the place, and are we let in?
    let first = wire.send(Method::GET, "/Users?count=1", &headers, None, &read_fault).await?;
    let list = convert::list(first.json.as_ref().unwrap_or(&Value::Null))?;
    let config = optional(wire.send(Method::GET, "/ServiceProviderConfig", &headers, None, &optional_fault).await?);
    let groups = wire.send(Method::GET, "/Groups?count=1", &headers, None, &optional_fault).await?;
    let groups = optional(groups).is_some_and(|groups| convert::list(&groups).is_ok());
    let discovery = config.as_ref().map(Discovery::of_config);
    let changes = match discovery.as_ref().map(|found| found.patch) {
        None | Some(None) => Changes::Bare,
        Some(Some(true)) => Changes::Patch,
        Some(Some(false)) => Changes::Put,
    };
    let promised = discovery.as_ref().and_then(|found| found.filter).unwrap_or(true);
    let filter = match list.resources.first().and_then(|user| user.get("userName")).and_then(Value::as_str) {
        Some(name) if promised => {
            let path = format!("/Users?filter={}&count=1", convert::equals("userName", name));
            let found = optional(wire.send(Method::GET, &path, &headers, None, &optional_fault).await?);
            let list = found.and_then(|found| convert::list(&found).map(|list| list.resources.to_vec()).ok()).unwrap_or_default();
            list.iter().any(|user| user.get("userName").and_then(Value::as_str) == Some(name))
        }
        _ => promised,
    };
    let found = ALL.iter().find(|one| one.changes == changes && one.groups == groups && one.filter == filter);
    Ok(session(found.unwrap_or(&ALL[0])))
}

/// The body of an answer that may be a refusal.
fn optional(answer: Answer) -> Option<Value> {
    if answer.status.is_success() { answer.json.filter(Value::is_object) } else { None }
}

/// As [`read_fault`], where a no (or something that cannot be read) only means that there is no such thing.
fn optional_fault(answer: &Answer) -> Option<Fault> {
    match read_fault(answer) {
        Some(Fault::Refused { .. } | Fault::Unreachable { .. } | Fault::Garbled { .. } | Fault::Denied { scope: Scope::Object(_) }) => {
            None
        }
        fault => fault,
    }
}

/// GET of something that an application may not have: none where it says no, or nothing that can be read.
pub(super) async fn get_optional(wire: &Read, path: &str) -> Result<Option<Value>, Fault> {
    wire.get(path, &optional_fault).await.map(optional)
}

/// GET of something that must be there; the body.
pub(super) async fn get(wire: &Read, path: &str) -> Result<Value, Fault> {
    wire.get(path, &read_fault).await.map(|answer| answer.json.unwrap_or_default())
}

/// GET of one resource by its id; none when there is no such resource.
pub(super) async fn get_one(wire: &Read, path: &str) -> Result<Option<Value>, Fault> {
    let judge = |answer: &Answer| if answer.status == StatusCode::NOT_FOUND { None } else { read_fault(answer) };
    let answer = wire.get(path, &judge).await?;
    Ok(if answer.status == StatusCode::NOT_FOUND { None } else { Some(answer.json.unwrap_or_default()) })
}

/// A request with effects; the body of the answer, `Null` where it has none.  `version` is the entity tag that the resource must still have.
pub(super) async fn send(
    wire: &Write,
    method: Method,
    path: &str,
    body: Option<&Value>,
    version: Option<&str>,
) -> Result<Value, Fault> {
    let own: Vec<(String, Secret)> = version.map(|version| ("if-match".to_owned(), Secret::new(version))).into_iter().collect();
    let answer = wire.send(method, path, &own, body.map(|body| (MEDIA, body)), &write_fault).await?;
    Ok(answer.json.unwrap_or_default())
}

/// What the answer to a GET means.
pub(super) fn read_fault(answer: &Answer) -> Option<Fault> {
    let status = answer.status;
    match common_fault(answer) {
        _ if status.is_success() && answer.json.is_none() => {
            Some(Fault::Garbled { detail: format!("{status} with a body that is not JSON: {}", answer.text) })
        }
        // Such a request is not known here: waiting makes it no better.
        _ if status == StatusCode::NOT_IMPLEMENTED && is_error(answer) => Some(refused(answer)),
        _ if status.is_server_error() => Some(Fault::Wait { after: wait(answer), why: status.to_string() }),
        _ if status == StatusCode::NOT_FOUND => Some(Fault::Unreachable {
            detail: "the application answered 404; base_url must be its SCIM address, which often ends in /scim/v2, without /Users"
                .to_owned(),
        }),
        fault => fault,
    }
}

/// What the answer to a write means.  A success that cannot be read, and a failure of the server, may both have written.
fn write_fault(answer: &Answer) -> Option<Fault> {
    let status = answer.status;
    let unreadable = || Fault::Unknown { why: format!("{status} with a body that is not JSON: {}", answer.text) };
    match common_fault(answer) {
        _ if status.is_success() && answer.json.is_none() => Some(unreadable()),
        // There is no such request here, whatever the body says.
        _ if matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) => Some(refused(answer)),
        _ if status == StatusCode::NOT_IMPLEMENTED && is_error(answer) => Some(refused(answer)),
        _ if status.is_server_error() => Some(Fault::Unknown { why: status.to_string() }),
        _ if status == StatusCode::PRECONDITION_FAILED => {
            Some(Fault::Drift { found: "it changed between the look and the write (412)".to_owned() })
        }
        // A refusal whose reason was lost may be "that is there already": an earlier call may have made it.
        Some(Fault::Refused { .. }) if answer.json.is_none() => Some(unreadable()),
        fault => fault,
    }
}

/// What an answer means whatever was asked; 5xx is for the callers.
fn common_fault(answer: &Answer) -> Option<Fault> {
    let status = answer.status;
    if status.is_success() {
        return None;
    }
    Some(match status {
        StatusCode::TOO_MANY_REQUESTS => Fault::Wait { after: wait(answer), why: status.to_string() },
        // Lessonly throttles so, by SCIM as by REST (L04); waiting helps nobody who may not do it.
        StatusCode::FORBIDDEN if answer.text.to_lowercase().contains("rate limit exceeded") => {
            Fault::Wait { after: wait(answer), why: format!("{status}: rate limit exceeded") }
        }
        StatusCode::UNAUTHORIZED => Fault::Denied {
            scope: Scope::Credentials(format!(
                "the application answered 401 ({}). Check `token` (a bearer token for SCIM, which is rarely the REST key), or \
                 `username` and `password` where it wants Basic; make a new one in its SCIM or provisioning settings",
                said(answer)
            )),
        },
        StatusCode::FORBIDDEN => Fault::Denied { scope: Scope::Object(format!("the application answered 403: {}", said(answer))) },
        _ => refused(answer),
    })
}

fn wait(answer: &Answer) -> Option<Duration> {
    answer.retry_after.map(Duration::from_secs)
}

/// A refusal: status and `scimType` are its code.
fn refused(answer: &Answer) -> Fault {
    let kind = member(answer, "scimType").map(|kind| format!(" {kind}")).unwrap_or_default();
    Fault::Refused { code: format!("{}{kind}", answer.status.as_u16()), detail: said(answer) }
}

/// Whether the answer is a SCIM error.
fn is_error(answer: &Answer) -> bool {
    let schemas = answer.json.as_ref().and_then(|json| json.get("schemas")).and_then(Value::as_array);
    schemas.is_some_and(|schemas| schemas.iter().any(|schema| schema == scim::urn::ERROR))
}

/// `detail` of the body, or the body's beginning.
fn said(answer: &Answer) -> String {
    let text = member(answer, "detail").unwrap_or_else(|| answer.text.trim());
    if text.is_empty() { "it does not say why".to_owned() } else { text.to_owned() }
}

fn member<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.json.as_ref()?.get(name)?.as_str()
}

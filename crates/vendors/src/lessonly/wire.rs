//! How Lessonly is talked to: log-in, the profiles, what statuses mean.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector::{Answer, Fault, Read, Scope, Session, Wire, Write};
use http::{Method, StatusCode};
use model::Secret;
use serde_json::Value;

/// What differs between the readings of the API, and nothing else.
#[derive(Debug)]
pub(super) struct Profile {
    /// As configuration names it.
    pub(super) name: &'static str,
    /// What a list is asked for besides its page.
    pub(super) per_page: &'static str,
    /// Whether lists say how much there is in all.
    pub(super) counts: bool,
    /// Attribute → parameter of the list of users that looks for it.
    pub(super) filters: &'static [(&'static str, &'static str)],
    /// `type` of the answer to POST /users.
    pub(super) created_user: &'static str,
    /// `type` of the answer to PUT /users/:id.
    pub(super) updated_user: &'static str,
    /// `type` of GET /users/:id/assignments.
    pub(super) user_assignments: &'static str,
    /// Custom fields in a request.
    pub(super) custom_fields: &'static str,
    /// How memberships are written.
    pub(super) memberships: Memberships,
}

/// How memberships are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memberships {
    /// `group_ids` on the user: the whole set, each time (L07).
    Whole,
    /// `/users/:id/groups`: what to add and what to remove.
    Additive,
}

/// The guide's reading.
pub(super) static GUIDE: Profile = Profile {
    name: "guide",
    per_page: "",
    counts: false,
    filters: &[],
    created_user: "user",
    updated_user: "user",
    user_assignments: "assignments",
    custom_fields: "custom_user_field_data",
    memberships: Memberships::Whole,
};

/// The vendor's own reading: what a live tenant answers.
pub(super) static VENDOR: Profile = Profile {
    name: "vendor",
    per_page: "&per_page=1000",
    counts: true,
    filters: &[("email", "filter[email]"), ("ext_uid", "filter[ext_uid]")],
    created_user: "create_user",
    updated_user: "update_user",
    user_assignments: "user_assignments",
    custom_fields: "custom_user_fields",
    memberships: Memberships::Additive,
};

/// The profiles, by name.
pub(super) const PROFILES: &[(&str, &Profile)] = &[(GUIDE.name, &GUIDE), (VENDOR.name, &VENDOR)];

/// The profile of a session.
pub(super) fn profile(wire: &Read) -> &'static Profile {
    PROFILES.iter().find(|(name, _)| *name == wire.profile()).map_or(&GUIDE, |(_, profile)| *profile)
}

/// Basic authentication, `subdomain:api_key`: the only form that is taken (L01).  Where no profile is pinned, one look at the list of
/// users tells it: only the vendor's own reading counts them.
pub(super) async fn log_in(
    wire: &Wire,
    pinned: Option<&'static Profile>,
    subdomain: &Secret,
    api_key: &Secret,
) -> Result<Session, Fault> {
    let token = STANDARD.encode(format!("{}:{}", subdomain.expose(), api_key.expose()));
    let headers = vec![("authorization".to_owned(), Secret::new(format!("Basic {token}")))];
    let profile = match pinned {
        Some(profile) => profile,
        None => {
            let answer = wire.send(Method::GET, "/users?page=1&per_page=1", &headers, None, &read_fault).await?;
            let counts = answer.json.as_ref().and_then(|json| json.get("total_users")).is_some();
            if counts { &VENDOR } else { &GUIDE }
        }
    };
    Ok(Session { profile: profile.name.to_owned(), headers, expires: None, refresh: None })
}

/// GET of something that must be there; the body.
pub(super) async fn get(wire: &Read, path: &str) -> Result<Value, Fault> {
    wire.get(path, &read_fault).await.map(|answer| answer.json.unwrap_or_default())
}

/// GET of one object by its id; none when there is no such object.
pub(super) async fn get_one(wire: &Read, path: &str) -> Result<Option<Value>, Fault> {
    let judge = |answer: &Answer| if answer.status == StatusCode::NOT_FOUND { None } else { read_fault(answer) };
    let answer = wire.get(path, &judge).await?;
    Ok(if answer.status == StatusCode::NOT_FOUND { None } else { answer.json })
}

/// POST; the body of the answer.
pub(super) async fn post(wire: &Write, path: &str, body: &Value) -> Result<Value, Fault> {
    wire.post(path, body, &write_fault).await.map(|answer| answer.json.unwrap_or_default())
}

/// PUT; the body of the answer.
pub(super) async fn put(wire: &Write, path: &str, body: Option<&Value>) -> Result<Value, Fault> {
    wire.put(path, body, &write_fault).await.map(|answer| answer.json.unwrap_or_default())
}

/// What the answer to a GET means.
pub(super) fn read_fault(answer: &Answer) -> Option<Fault> {
    let status = answer.status;
    match common_fault(answer) {
        _ if status.is_success() && answer.json.is_none() => {
            Some(Fault::Garbled { detail: format!("{status} with a body that is not JSON: {}", answer.text) })
        }
        _ if status.is_server_error() => Some(Fault::Wait { after: wait(answer), why: status.to_string() }),
        _ if status == StatusCode::NOT_FOUND => Some(Fault::Unreachable {
            detail: "Lessonly answered 404; base_url must end in /api/v1, as in https://api.lessonly.com/api/v1".to_owned(),
        }),
        fault => fault,
    }
}

/// What the answer to a write means.  A success that cannot be read, and a failure of the server, may both have written.
fn write_fault(answer: &Answer) -> Option<Fault> {
    let status = answer.status;
    match common_fault(answer) {
        _ if status.is_success() && answer.json.is_none() => {
            Some(Fault::Unknown { why: format!("{status} with a body that is not JSON: {}", answer.text) })
        }
        _ if status.is_server_error() => Some(Fault::Unknown { why: status.to_string() }),
        // A refusal whose reason was lost may be "that is there already": an earlier call may have made it.
        Some(Fault::Refused { .. }) if answer.json.is_none() => {
            Some(Fault::Unknown { why: format!("{status} with a body that is not JSON: {}", answer.text) })
        }
        fault => fault,
    }
}

/// What an answer means whatever was asked; 5xx is for the callers.
fn common_fault(answer: &Answer) -> Option<Fault> {
    let status = answer.status;
    if status.is_success() {
        return None;
    }
    let said = detail(answer);
    Some(match status {
        StatusCode::TOO_MANY_REQUESTS => Fault::Wait { after: wait(answer), why: status.to_string() },
        // The vendor's reading throttles so (L04); any other 403 is a refusal and waiting does not help.
        StatusCode::FORBIDDEN if answer.text.to_lowercase().contains("rate limit exceeded") => {
            Fault::Wait { after: wait(answer), why: format!("{status}: rate limit exceeded") }
        }
        StatusCode::UNAUTHORIZED => Fault::Denied {
            scope: Scope::Credentials(
                "Lessonly answered 401 and does not say why. The user name must be the subdomain (the part before .lessonly.com) \
                 and the password the API key from Settings > Integrations > API, sent by HTTP Basic as they were here; a SCIM \
                 token or a Bearer token is not accepted. Check `subdomain`, then make a new key for `api_key`"
                    .to_owned(),
            ),
        },
        StatusCode::FORBIDDEN => {
            Fault::Denied { scope: Scope::Object(format!("Lessonly answered 403: the API key may not do this ({said})")) }
        }
        _ => Fault::Refused { code: status.as_u16().to_string(), detail: said },
    })
}

fn wait(answer: &Answer) -> Option<std::time::Duration> {
    answer.retry_after.map(std::time::Duration::from_secs)
}

/// `error` of the body, or the body's beginning.
fn detail(answer: &Answer) -> String {
    let error = answer.json.as_ref().and_then(|json| json.get("error")).and_then(Value::as_str);
    error.map_or_else(|| answer.text.trim().to_owned(), str::to_owned)
}

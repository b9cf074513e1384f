//! How Absorb is talked to: log-in, the profiles, what statuses mean, the shapes of its answers.

use std::fmt::Write as _;
use std::time::Duration;

use connector::{Answer, Fault, Read, Scope, Session, Wire, Write};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use model::Secret;
use serde_json::{Value, json};

/// What differs between the readings of the API, and nothing else.
#[derive(Debug)]
pub(super) struct Profile {
    /// As configuration names it.
    pub(super) name: &'static str,
    /// Where a token is asked for.
    pub(super) token_path: &'static str,
    /// Where many users are written at once.
    pub(super) batch_path: &'static str,
    /// What `x-api-version` is pinned to (A16).
    pub(super) version: &'static str,
    /// `activeStatus` of an account that may log in.
    pub(super) active: &'static str,
    /// `activeStatus` of an account that may not.
    pub(super) inactive: &'static str,
}

/// The guide's reading.
pub(super) static GUIDE: Profile = Profile {
    name: "guide",
    token_path: "/authentication",
    batch_path: "/users/batch",
    version: "2",
    active: "Active",
    inactive: "Inactive",
};

/// The profiles that are built, by name.
pub(super) const PROFILES: &[(&str, &Profile)] = &[("guide", &GUIDE)];

/// What one logs in with.
pub(super) struct Credentials {
    pub(super) username: Secret,
    pub(super) password: Secret,
    pub(super) api_key: Secret,
}

/// Asks for a token.  The one that this user name had before is dead from then on (A02).
pub(super) async fn log_in(wire: &Wire, profile: &Profile, credentials: &Credentials) -> Result<Session, Fault> {
    let key = || ("x-api-key".to_owned(), credentials.api_key.clone());
    let version = || ("x-api-version".to_owned(), Secret::new(profile.version));
    let body = json!({ "username": credentials.username.expose(), "password": credentials.password.expose() });
    let hide = [&credentials.password, &credentials.api_key];
    let judge = |answer: &Answer| log_in_fault(answer, profile, &hide);
    let answer = wire.send(Method::POST, profile.token_path, &[key(), version()], Some(&body), &judge).await;
    let answer = answer.map_err(|fault| match fault {
        // A token more does no harm: a log-in may be repeated.
        Fault::Unknown { why } => Fault::Wait { after: None, why },
        fault => fault,
    })?;
    let body = answer.json.unwrap_or_default();
    let text = |member: &str| body.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
    let token = text("token").ok_or_else(|| garbled("POST", profile.token_path, "token is missing or no text"))?;
    let until = text("expiresAt").and_then(instant).ok_or_else(|| garbled("POST", profile.token_path, "expiresAt is no time"))?;
    let headers = vec![key(), version(), ("authorization".to_owned(), Secret::new(token))];
    let expires = on_our_clock(until, answer.date, wire.now());
    Ok(Session { profile: profile.name.to_owned(), headers, expires, refresh: None })
}

/// The vendor's instant of expiry on our clock.  A token that was dead when it was given out shows that the clocks cannot be
/// compared: a 401 will tell.
fn on_our_clock(until: Timestamp, theirs: Option<Timestamp>, ours: Timestamp) -> Option<Timestamp> {
    let life = until.duration_since(theirs.unwrap_or(ours));
    if life > SignedDuration::ZERO { ours.checked_add(life).ok() } else { None }
}

/// Key, user name and password share their 401; told apart as far as the answer does (A01).
fn log_in_fault(answer: &Answer, profile: &Profile, hide: &[&Secret]) -> Option<Fault> {
    let status = answer.status;
    if status.is_success() {
        return not_json(answer, "POST", profile.token_path);
    }
    let denied = |what: String| Some(Fault::Denied { scope: Scope::Credentials(what) });
    let said = redacted(detail(answer), hide);
    match status {
        StatusCode::UNAUTHORIZED => denied(match blamed(answer) {
            Blamed::Key => format!("the portal refused api_key, its Private Key ({said}); username and password were not looked at"),
            Blamed::Person => format!("the portal took api_key and refused username and password, or the account is inactive ({said})"),
            Blamed::Nobody => {
                format!("the portal answered 401 without saying which of api_key, username and password is wrong ({said})")
            }
        }),
        StatusCode::FORBIDDEN => denied(format!("the portal does not let this user name use the API ({said})")),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => denied(format!("the portal cannot read the log-in ({said})")),
        StatusCode::TOO_MANY_REQUESTS => Some(wait(answer)),
        _ if status.is_server_error() => Some(wait(answer)),
        _ => Some(Fault::Unreachable {
            detail: format!("POST {} answered {status}: base_url is not the address of an Absorb Integration API", profile.token_path),
        }),
    }
}

enum Blamed {
    Key,
    Person,
    Nobody,
}

fn blamed(answer: &Answer) -> Blamed {
    let member = |name: &str| answer.json.as_ref().and_then(|json| json.get(name)).and_then(Value::as_str).unwrap_or_default();
    let said = format!("{} {}", member("code"), member("message")).to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    match (says(&["api-key", "apikey", "api key", "private key", "privatekey"]), says(&["password", "user", "credential"])) {
        (true, _) => Blamed::Key,
        (false, true) => Blamed::Person,
        (false, false) => Blamed::Nobody,
    }
}

/// GET of something that must be there.
pub(super) async fn get(wire: &Read, path: &str) -> Result<Answer, Fault> {
    let judge = |answer: &Answer| match answer.status {
        StatusCode::NOT_FOUND => Some(Fault::Unreachable {
            detail: format!("GET {path} answered 404: base_url is not the address of an Absorb Integration API"),
        }),
        _ => read_fault(answer, path),
    };
    wire.get(path, &judge).await
}

/// GET of one object by its id; `Null` as body when there is none, or none that this log-in sees.
pub(super) async fn get_one(wire: &Read, path: &str) -> Result<Answer, Fault> {
    let judge = |answer: &Answer| if answer.status == StatusCode::NOT_FOUND { None } else { read_fault(answer, path) };
    let mut answer = wire.get(path, &judge).await?;
    if answer.status == StatusCode::NOT_FOUND {
        answer.json = Some(Value::Null);
    }
    Ok(answer)
}

fn read_fault(answer: &Answer, path: &str) -> Option<Fault> {
    match answer.status {
        status if status.is_success() => not_json(answer, "GET", path),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => Some(wait(answer)),
        _ => Some(refusal(answer)),
    }
}

/// POST; 422 is an answer where `lists` says that its body may list what was refused.
pub(super) async fn post(wire: &Write, path: &str, body: &Value, lists: bool) -> Result<Answer, Fault> {
    let judge = |answer: &Answer| match answer.status {
        StatusCode::UNPROCESSABLE_ENTITY if lists && answer.json.as_ref().is_some_and(|json| json.get("errors").is_some()) => None,
        _ => write_fault(answer, "POST", path),
    };
    wire.post(path, body, &judge).await
}

/// PUT.
pub(super) async fn put(wire: &Write, path: &str, body: &Value) -> Result<Answer, Fault> {
    wire.put(path, Some(body), &|answer: &Answer| write_fault(answer, "PUT", path)).await
}

/// A failure of the server may have written; what it throttled or refused it has not.
fn write_fault(answer: &Answer, method: &str, path: &str) -> Option<Fault> {
    match answer.status {
        status if status.is_success() => not_json(answer, method, path),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            Some(Fault::Unknown { why: format!("{method} {path} answered {status}") })
        }
        _ => Some(refusal(answer)),
    }
}

/// What a 4xx means whatever was asked.
fn refusal(answer: &Answer) -> Fault {
    match answer.status {
        StatusCode::UNAUTHORIZED => Fault::Denied { scope: Scope::Session },
        StatusCode::FORBIDDEN => Fault::Denied { scope: Scope::Object(detail(answer)) },
        StatusCode::TOO_MANY_REQUESTS => wait(answer),
        status => Fault::Refused { code: status.as_u16().to_string(), detail: detail(answer) },
    }
}

fn wait(answer: &Answer) -> Fault {
    Fault::Wait { after: answer.retry_after.map(Duration::from_secs), why: answer.status.to_string() }
}

fn not_json(answer: &Answer, method: &str, path: &str) -> Option<Fault> {
    let is_json = answer.json.as_ref().is_some_and(|json| !json.is_null());
    (!is_json).then(|| garbled(method, path, &format!("{} with a body that is not JSON", answer.status)))
}

/// `message` and `validations` of an error, else the body's beginning.
fn detail(answer: &Answer) -> String {
    let member = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(json) = answer.json.as_ref().filter(|json| json.is_object()) else { return answer.text.trim().to_owned() };
    let message = member(json, "message");
    if !message.is_empty() {
        return message;
    }
    let validations = json.get("validations").and_then(Value::as_array).into_iter().flatten();
    let listed: Vec<String> = validations.map(|one| format!("{} {}", member(one, "field"), member(one, "message"))).collect();
    if listed.is_empty() { answer.text.trim().to_owned() } else { listed.join("; ") }
}

/// What a vendor said, without the secrets that it may have said back (P11).
pub(super) fn redacted(text: String, secrets: &[&Secret]) -> String {
    secrets.iter().filter(|secret| !secret.expose().is_empty()).fold(text, |text, secret| text.replace(secret.expose(), "…"))
}

/// An answer that is not what the contract says (A16).
pub(super) fn garbled(method: &str, path: &str, what: &str) -> Fault {
    let path = path.split('?').next().unwrap_or(path);
    Fault::Garbled { detail: format!("{method} {path}: {what}") }
}

/// A list envelope, taken apart.
pub(super) struct Listed {
    pub(super) rows: Vec<Value>,
    /// How many there are in all.
    pub(super) total: u64,
    /// The vendor's clock.
    pub(super) date: Option<Timestamp>,
}

/// GET of one page of a list; `query` without question mark, may be empty.
pub(super) async fn list(wire: &Read, plural: &str, query: &str, limit: usize, offset: usize) -> Result<Listed, Fault> {
    let and = if query.is_empty() { "" } else { "&" };
    let path = format!("/{plural}?{query}{and}_limit={limit}&_offset={offset}");
    let answer = get(wire, &path).await?;
    let mut body = answer.json.unwrap_or_default();
    let total = body.get("totalItems").and_then(Value::as_u64);
    let total = total.ok_or_else(|| garbled("GET", &path, "totalItems is missing or no number"))?;
    match body.get_mut(plural).map(Value::take) {
        Some(Value::Array(rows)) => Ok(Listed { rows, total, date: answer.date }),
        _ => Err(garbled("GET", &path, &format!("{plural} is missing or no list"))),
    }
}

/// A value for a query, percent-encoded.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("a string takes all that is written to it"),
        }
        out
    })
}

/// A .NET date, with or without a zone, as an instant; without one it is UTC.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let zoneless: jiff::civil::DateTime = text.parse().ok()?;
        zoneless.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

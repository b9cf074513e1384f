//! Logging in with a user name and a password, and telling the profile by it.

use connector::{Answer, Fault, Scope, Session, Wire};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use model::Secret;
use serde_json::{Value, json};

use super::profile::{PROFILES, Profile, named};
use super::wire::{detail, garbled, instant, not_json, redacted, wait};

/// How long a token lives where its answer does not say (contract, section 2).
pub(super) const LIFE: SignedDuration = SignedDuration::from_hours(4);

/// How a 401 that does not tell is told.
const UNSAID: &str = "without saying which of";

/// What one logs in with.
pub(super) struct Password {
    pub(super) username: Secret,
    pub(super) password: Secret,
}

/// Asks for a token.  The one that this user name had before is dead from then on (A02).  Where no profile is pinned, the one that the old
/// session spoke is tried first, and a 404 tells that the portal does not speak it.
pub(super) async fn log_in(
    wire: &Wire,
    pinned: Option<&'static Profile>,
    old: Option<&Session>,
    api_key: &Secret,
    with: &Password,
) -> Result<Session, Fault> {
    let unknown =
        |tried: &str| Fault::Unreachable { detail: format!("{tried}: base_url is not the address of an Absorb Integration API") };
    if let Some(profile) = pinned {
        return token(wire, profile, api_key, with).await?.ok_or_else(|| {
            let Profile { name, token_path, .. } = profile;
            unknown(&format!(
                "POST {token_path} answered 404.  Either the portal does not speak the profile \"{name}\", which `profile` pins \
                 (profile = \"auto\" tells which it speaks), or"
            ))
        });
    }
    let first = old.and_then(|old| named(&old.profile));
    let rest = PROFILES.iter().map(|(_, profile)| *profile).filter(|profile| first.is_none_or(|first| first.name != profile.name));
    let (mut tried, mut unsaid) = (Vec::new(), None);
    for profile in first.into_iter().chain(rest) {
        match token(wire, profile, api_key, with).await {
            Ok(Some(session)) => return Ok(session),
            Ok(None) => {}
            // A portal may say so of every path that it does not know; another one then says more.
            Err(Fault::Denied { scope: Scope::Credentials(what) }) if what.contains(UNSAID) => drop(unsaid.get_or_insert(what)),
            Err(fault) => return Err(fault),
        }
        tried.push(profile.token_path);
    }
    Err(match unsaid {
        Some(what) => Fault::Denied { scope: Scope::Credentials(what) },
        None => unknown(&format!("POST {} both answered 404", tried.join(" and "))),
    })
}

/// A session in this profile; none when the portal does not know where one asks for it.
async fn token(wire: &Wire, profile: &'static Profile, api_key: &Secret, with: &Password) -> Result<Option<Session>, Fault> {
    let mut body = json!({ "username": with.username.expose(), "password": with.password.expose() });
    if profile.token_bare {
        body["privateKey"] = json!(api_key.expose());
    }
    let hide = [&with.password, api_key];
    let judge = |answer: &Answer| fault(answer, profile, &hide);
    let answer = wire.send(Method::POST, profile.token_path, &headers(profile, api_key), Some(&body), &judge).await;
    let answer = answer.map_err(|fault| match fault {
        // A token more does no harm: a log-in may be repeated.
        Fault::Unknown { why } => Fault::Wait { after: None, why },
        fault => fault,
    })?;
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let wrong = |what: &str| garbled("POST", profile.token_path, what);
    let (body, now) = (answer.json.unwrap_or_default(), wire.now());
    let filled = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let (token, expires) = if profile.token_bare {
        (filled(body.as_str()).ok_or_else(|| wrong("the token is missing or no text"))?, now.checked_add(LIFE).ok())
    } else {
        let text = |member: &str| filled(body.get(member).and_then(Value::as_str));
        let token = text("token").ok_or_else(|| wrong("token is missing or no text"))?;
        let until = text("expiresAt").as_deref().and_then(instant).ok_or_else(|| wrong("expiresAt is no time"))?;
        (token, on_our_clock(until, answer.date, now))
    };
    Ok(Some(session(profile, api_key, &token, expires)))
}

/// The profile that a portal speaks, told by how it shows a user to a session that nobody told it by logging in.
///
/// # Errors
/// When it does not answer, or not as either profile.
pub(super) async fn tell(wire: &Wire, session: &Session) -> Result<&'static Profile, Fault> {
    const PATH: &str = "/users?_limit=1";
    let judge = |answer: &Answer| match answer.status {
        status if status.is_success() => not_json(answer, "GET", PATH),
        StatusCode::UNAUTHORIZED => {
            let said = redacted(detail(answer), &session.headers.iter().map(|(_, value)| value).collect::<Vec<_>>());
            let what = format!("the portal gave a token and does not take it together with api_key, its Private Key ({said})");
            Some(Fault::Denied { scope: Scope::Credentials(what) })
        }
        StatusCode::TOO_MANY_REQUESTS => Some(wait(answer)),
        status if status.is_server_error() => Some(wait(answer)),
        status => Some(Fault::Unreachable {
            detail: format!("GET {PATH} answered {status}: base_url is not the address of an Absorb Integration API"),
        }),
    };
    let answer = wire.send(Method::GET, PATH, &session.headers, None, &judge).await?;
    let body = answer.json.unwrap_or_default();
    let users = body.get("users").and_then(Value::as_array).ok_or_else(|| garbled("GET", PATH, "users is missing or no list"))?;
    let Some(user) = users.first() else { return Ok(PROFILES[0].1) };
    let status = user.get("activeStatus").unwrap_or(&Value::Null);
    let speaks = |profile: &&Profile| profile.active.is(status) || profile.inactive.is(status);
    let found = PROFILES.iter().map(|(_, profile)| *profile).find(speaks);
    found.ok_or_else(|| garbled("GET", PATH, "activeStatus is of neither profile"))
}

/// The headers of every request before there is a token.
fn headers(profile: &Profile, api_key: &Secret) -> Vec<(String, Secret)> {
    vec![("x-api-key".to_owned(), api_key.clone()), ("x-api-version".to_owned(), Secret::new(profile.version))]
}

/// A session that carries this in its `Authorization`.
pub(super) fn session(profile: &Profile, api_key: &Secret, authorization: &str, expires: Option<Timestamp>) -> Session {
    let mut headers = headers(profile, api_key);
    headers.push(("authorization".to_owned(), Secret::new(authorization)));
    Session { profile: profile.name.to_owned(), headers, expires, refresh: None }
}

/// The vendor's instant of expiry on our clock.  A token that was dead when it was given out shows that the clocks cannot be
/// compared: a 401 will tell.
fn on_our_clock(until: Timestamp, theirs: Option<Timestamp>, ours: Timestamp) -> Option<Timestamp> {
    let life = until.duration_since(theirs.unwrap_or(ours));
    if life > SignedDuration::ZERO { ours.checked_add(life).ok() } else { None }
}

/// Key, user name and password share their 401; told apart as far as the answer does (A01).  404 is an answer: not this profile.
fn fault(answer: &Answer, profile: &Profile, hide: &[&Secret]) -> Option<Fault> {
    let status = answer.status;
    if status.is_success() {
        return not_json(answer, "POST", profile.token_path);
    }
    let denied = |what: String| Some(Fault::Denied { scope: Scope::Credentials(what) });
    let said = redacted(detail(answer), hide);
    match status {
        StatusCode::NOT_FOUND => None,
        StatusCode::UNAUTHORIZED => denied(match blamed(answer) {
            Blamed::Key => format!("the portal refused api_key, its Private Key ({said}); username and password were not looked at"),
            Blamed::Person => format!("the portal took api_key and refused username and password, or the account is inactive ({said})"),
            Blamed::Nobody => {
                format!("the portal answered 401 {UNSAID} api_key, username and password is wrong ({said})")
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

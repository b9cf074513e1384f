//! The wires: what may be sent, by whom.  Redaction is by construction: a fault's text is made from status and body, never from
//! headers, and secrets are [`Secret`]s until the transport has them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use model::{Exchange, Secret};
use serde_json::Value;

use crate::redact::{Secrets, without_named};
use crate::{Broken, Clock, Fault, Pace, Random, Scope, Session, Tally, Transport};

/// How often a GET is asked whose answers cannot be read, or fail in passing.
const ASKED: usize = 3;
/// What took longer to fail fails not in passing.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(2);

/// However long an app says: more than this many seconds is not waited without asking again.
const LONGEST_HOLD: u64 = 600;
/// So much of an answer's body is told in errors, in bytes.
const TOLD: usize = 300;
/// So much of it is kept of an exchange that failed.
const KEPT: usize = 600;

/// Requests made over one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that left.
    pub sent: u64,
    /// Of these, answered by "slow down".
    pub throttled: u64,
    /// Requests a minute that the app was found to take, where its limit is not known or others use it too.
    pub found_per_minute: Option<u64>,
}

struct Shared {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    pace: Arc<Pace>,
    sent: AtomicU64,
    throttled: AtomicU64,
    tally: Mutex<Tally>,
}

/// A wire to one app: enough to log in.  Cheap to clone; all clones share pace and counts.
#[derive(Clone)]
pub struct Wire {
    shared: Arc<Shared>,
    base: Arc<str>,
    last: Arc<Mutex<Option<Last>>>,
}

/// The last exchange, or the last that failed, as it was: what may be shown of it is made when it is asked for.
struct Last {
    at: Timestamp,
    method: Method,
    path: String,
    /// It asked for a session: what came is not to be shown.
    logs_in: bool,
    secrets: Secrets,
    failed: bool,
    came: Result<http::Response<Bytes>, String>,
}

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    LoggingIn,
    Work,
}

/// What a request carries: its content type, and the bytes.
type Payload = (&'static str, Bytes);

/// What the app answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body, parsed; `Null` when empty, `None` when it is no JSON.
    pub json: Option<Value>,
    /// The body's beginning as text, for errors; the request's secrets were taken out before it was cut.
    pub text: String,
    /// The app's own clock (`Date` header), if it said.
    pub date: Option<Timestamp>,
    /// `Retry-After` in seconds, if it said.
    pub retry_after: Option<u64>,
    /// Where it points, for redirects, which are never followed (L06).
    pub location: Option<String>,
}

impl Wire {
    /// A wire to `base` (no slash at its end).
    pub fn new(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>, random: Arc<dyn Random>, pace: Arc<Pace>, base: &str) -> Self {
        let (sent, throttled) = (AtomicU64::new(0), AtomicU64::new(0));
        let shared = Shared { transport, clock, random, pace, sent, throttled, tally: Mutex::default() };
        Self { shared: Arc::new(shared), base: base.trim_end_matches('/').into(), last: Arc::default() }
    }

    /// The same wire to another address of the same app, such as the one that people log in at.
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.trim_end_matches('/').into(), ..self.clone() }
    }

    /// The same wire, with a last exchange of its own: for one call among several that are under way.
    pub fn apart(&self) -> Self {
        Self { last: Arc::default(), ..self.clone() }
    }

    /// The last exchange, or the last that failed, as people may see it: no header, nothing of the request's body, no secret.
    pub fn last(&self) -> Option<Exchange> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let Last { at, method, path, logs_in, secrets, came, failed: _ } = last.as_ref()?;
        let shown = |text: &str| without_named(&secrets.blot(text));
        let mut exchange = Exchange {
            at: *at,
            method: method.to_string(),
            path: shown(path),
            status: None,
            content_type: String::new(),
            body: String::new(),
        };
        match came {
            Ok(response) => {
                let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
                exchange.status = Some(response.status().as_u16());
                exchange.content_type = kind.map(shown).unwrap_or_default();
                let body = response.body();
                exchange.body = if *logs_in && response.status().is_success() {
                    "(not kept: it may hold a session)".to_owned()
                } else {
                    secrets.shown(body, KEPT)
                };
            }
            Err(why) => exchange.body = shown(why),
        }
        Some(exchange)
    }

    /// How the exchanges so far went.
    pub fn tally(&self) -> Tally {
        *self.shared.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The base URL.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The time now, for expiry and clock difference.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Requests so far.
    pub fn counts(&self) -> Counts {
        Counts {
            sent: self.shared.sent.load(Ordering::Relaxed),
            throttled: self.shared.throttled.load(Ordering::Relaxed),
            // A rate is between 0.2 and 500 a second.
            found_per_minute: self.shared.pace.found().map(|rate| (rate * 60.0).round() as u64),
        }
    }

    /// Sends one request: `path` begins with a slash and has its query.  `judge` is the connector's reading of statuses: `Some` is the
    /// fault that an answer means.  A `Wait` slows the pace down unless the app is failing (a status from 500 on): that says nothing about a
    /// limit, and only a time that it names is waited for.
    ///
    /// # Errors
    /// What `judge` says; `Unknown` when there was no answer to a request that may have an effect (anything but GET), `Wait` for a GET;
    /// `Unreachable` when it could not be sent, or was redirected.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(String, Secret)],
        body: Option<&Value>,
        judge: &(dyn Fn(&Answer) -> Option<Fault> + Sync),
    ) -> Result<Answer, Fault> {
        let body = body.map(|json| ("application/json", Bytes::from(json.to_string())));
        self.exchange(For::LoggingIn, method, path, headers, body, judge).await
    }

    /// Sends one request within a session.
    async fn work(
        &self,
        method: Method,
        path: &str,
        headers: &[(String, Secret)],
        body: Option<&Value>,
        judge: &(dyn Fn(&Answer) -> Option<Fault> + Sync),
    ) -> Result<Answer, Fault> {
        let body = body.map(|json| ("application/json", Bytes::from(json.to_string())));
        self.exchange(For::Work, method, path, headers, body, judge).await
    }

    /// POST of a form, as OAuth wants it.
    ///
    /// # Errors
    /// As [`Wire::send`].
    pub async fn post_form(
        &self,
        path: &str,
        fields: &[(&str, &Secret)],
        judge: &(dyn Fn(&Answer) -> Option<Fault> + Sync),
    ) -> Result<Answer, Fault> {
        let fields = fields.iter().map(|(name, value)| (name, value.expose()));
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.exchange(For::LoggingIn, Method::POST, path, &[], Some(("application/x-www-form-urlencoded", Bytes::from(form))), judge)
            .await
    }

    async fn exchange(
        &self,
        purpose: For,
        method: Method,
        path: &str,
        headers: &[(String, Secret)],
        body: Option<Payload>,
        judge: &(dyn Fn(&Answer) -> Option<Fault> + Sync),
    ) -> Result<Answer, Fault> {
        let secrets = Secrets::of(headers, body.as_ref().map(|(kind, bytes)| (*kind, &bytes[..])));
        let (logs_in, writes) = (purpose == For::LoggingIn && body.is_some(), purpose == For::Work && method != Method::GET);
        let request = self.request(&method, path, headers, body)?;
        self.shared.pace.permit().await;
        self.shared.sent.fetch_add(1, Ordering::Relaxed);
        let (began, at) = (self.tally().begins(), self.now());
        let came = self.shared.transport.send(request).await;
        let judged = self.judged(&method, path, &secrets, &came, judge);
        let failed = match (&judged, &came) {
            (Ok(_), _) => Some(false),
            (Err(Fault::Wait { .. }), Ok(response)) if !response.status().is_server_error() => None,
            (Err(Fault::Denied { scope: Scope::Session }), _) => None,
            (Err(Fault::Refused { .. } | Fault::Drift { .. } | Fault::Unsupported { .. }), _) => Some(false),
            (Err(_), _) => Some(true),
        };
        self.shared.tally.lock().unwrap_or_else(PoisonError::into_inner).ended(writes, began, failed);
        let came = came.map_err(|broken| broken.to_string());
        let failed = failed == Some(true);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if failed || !last.as_ref().is_some_and(|last| last.failed) {
            *last = Some(Last { at, method, path: path.to_owned(), logs_in, secrets, failed, came });
        }
        drop(last);
        judged
    }

    /// What came of a request: an answer that can be used, or the fault that it means.
    fn judged(
        &self,
        method: &Method,
        path: &str,
        secrets: &Secrets,
        came: &Result<http::Response<Bytes>, Broken>,
        judge: &(dyn Fn(&Answer) -> Option<Fault> + Sync),
    ) -> Result<Answer, Fault> {
        let answer = match came {
            Ok(response) => read_answer(response, secrets),
            Err(Broken::NotSent(detail)) => {
                return Err(Fault::Unreachable { detail: format!("{method} {}{path}: {detail}", self.base) });
            }
            Err(Broken::NoAnswer(why)) if *method == Method::GET => return Err(Fault::Wait { after: None, why: why.clone() }),
            Err(Broken::NoAnswer(why)) => return Err(Fault::Unknown { why: why.clone() }),
        };
        if answer.status.is_redirection() {
            let to = without_named(&secrets.blot(answer.location.as_deref().unwrap_or("nowhere")));
            return Err(Fault::Unreachable {
                detail: format!(
                    "{} answered {method} {path} with a redirect to {to}; redirects are not followed with credentials",
                    self.base()
                ),
            });
        }
        match judge(&answer) {
            None => {
                self.shared.pace.went_well();
                Ok(answer)
            }
            Some(fault) => {
                let said = answer.retry_after.map(|seconds| Duration::from_secs(seconds.min(LONGEST_HOLD)));
                match fault {
                    Fault::Wait { .. } if !answer.status.is_server_error() => {
                        self.shared.throttled.fetch_add(1, Ordering::Relaxed);
                        self.shared.pace.was_throttled(said);
                    }
                    _ if answer.status.is_server_error() => said.into_iter().for_each(|said| self.shared.pace.hold(said)),
                    // A no is an answer, and counts at the app like any other.
                    _ => self.shared.pace.went_well(),
                }
                // A vendor may say back what was sent, a password among it.
                Err(fault.map(|text| secrets.blot(text)))
            }
        }
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        headers: &[(String, Secret)],
        body: Option<Payload>,
    ) -> Result<http::Request<Bytes>, Fault> {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("accept", "application/json, application/scim+json");
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value.expose()).map_err(|_| Fault::Denied {
                scope: crate::Scope::Credentials(format!("the value for header {name} has characters that no header can carry")),
            })?;
            value.set_sensitive(true);
            request = request.header(name.as_str(), value);
        }
        let body = match body {
            Some((content_type, bytes)) => {
                request = request.header("content-type", content_type);
                bytes
            }
            None => Bytes::new(),
        };
        request.body(body).map_err(|error| Fault::Unreachable { detail: format!("{}{path} is not an address: {error}", self.base) })
    }
}

/// How far the app's clock, as a `Date` header tells it, is ahead of ours when the request left, in milliseconds.  The header counts whole
/// seconds: within one of them nothing is ahead.
pub fn clock_ahead_ms(date: Option<Timestamp>, sent: Timestamp) -> i64 {
    let ahead = date.map_or(0, |date| date.as_millisecond() - sent.as_millisecond());
    if ahead.abs() < 1000 { 0 } else { ahead }
}

fn read_answer(response: &http::Response<Bytes>, secrets: &Secrets) -> Answer {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let body = response.body();
    Answer {
        status: response.status(),
        json: if body.is_empty() { Some(Value::Null) } else { serde_json::from_slice(body).ok() },
        text: secrets.shown(body, TOLD),
        date: header("date").and_then(|text| jiff::fmt::rfc2822::parse(text).ok()).map(|zoned| zoned.timestamp()),
        retry_after: header("retry-after").and_then(|text| text.parse().ok()),
        location: header("location").map(str::to_owned),
    }
}

/// A wire that can only read: GET, logged in.
#[derive(Clone)]
pub struct Read {
    wire: Wire,
    session: Session,
}

impl Read {
    /// A reading wire for a session.
    pub fn new(wire: Wire, session: Session) -> Self {
        Self { wire, session }
    }

    /// The profile of the session.
    pub fn profile(&self) -> &str {
        &self.session.profile
    }

    /// GET.  Where what comes cannot be read at all, or nothing comes but a failure of a moment, it is asked for up to three times: a walk over
    /// hundreds of pages, or a look at hundreds of objects, does not begin anew because one of them was cut off on its way.  An app that asks
    /// to wait, or that took its time to fail, is not asked again here.
    ///
    /// # Errors
    /// As [`Wire::send`], of the last answer.
    pub async fn get(&self, path: &str, judge: &(dyn Fn(&Answer) -> Option<Fault> + Sync)) -> Result<Answer, Fault> {
        for _ in 1..ASKED {
            let (began, says_wait) = (self.now(), AtomicBool::new(false));
            let heard = |answer: &Answer| {
                says_wait.store(answer.retry_after.is_some() || !answer.status.is_server_error(), Ordering::Relaxed);
                judge(answer)
            };
            let came = self.wire.work(Method::GET, path, &self.session.headers, None, &heard).await;
            let at_once = self.now().duration_since(began) < AT_ONCE;
            match came {
                Err(Fault::Garbled { .. }) => {}
                Err(Fault::Wait { .. }) if at_once && !says_wait.load(Ordering::Relaxed) => {}
                came => return came,
            }
        }
        self.wire.work(Method::GET, path, &self.session.headers, None, judge).await
    }

    /// The last exchange over it, or the last that failed, as people may see it.
    pub fn last(&self) -> Option<Exchange> {
        self.wire.last()
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.wire.now()
    }

    /// The base URL.
    pub fn base(&self) -> &str {
        self.wire.base()
    }
}

/// A wire that can change things.  Made by the executor only (P1): a source test holds that.
pub struct Write {
    read: Read,
}

impl Write {
    /// A writing wire for a session.
    pub fn new(read: Read) -> Self {
        Self { read }
    }

    /// The reading side of it, for the looks.
    pub fn read(&self) -> &Read {
        &self.read
    }

    /// POST with a JSON body.
    ///
    /// # Errors
    /// As [`Wire::send`].
    pub async fn post(&self, path: &str, body: &Value, judge: &(dyn Fn(&Answer) -> Option<Fault> + Sync)) -> Result<Answer, Fault> {
        self.read.wire.work(Method::POST, path, &self.read.session.headers, Some(body), judge).await
    }

    /// PUT with a JSON body, or with none.
    ///
    /// # Errors
    /// As [`Wire::send`].
    pub async fn put(
        &self,
        path: &str,
        body: Option<&Value>,
        judge: &(dyn Fn(&Answer) -> Option<Fault> + Sync),
    ) -> Result<Answer, Fault> {
        self.read.wire.work(Method::PUT, path, &self.read.session.headers, body, judge).await
    }

    /// Any other request with effects: a method, headers of its own beside the session's, and a JSON body of this media type.
    ///
    /// # Errors
    /// As [`Wire::send`].
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        own: &[(String, Secret)],
        body: Option<(&'static str, &Value)>,
        judge: &(dyn Fn(&Answer) -> Option<Fault> + Sync),
    ) -> Result<Answer, Fault> {
        let body = body.map(|(media, json)| (media, Bytes::from(json.to_string())));
        let headers: Vec<(String, Secret)> = self.read.session.headers.iter().chain(own).cloned().collect();
        self.read.wire.exchange(For::Work, method, path, &headers, body, judge).await
    }

    /// A new strong password (24 characters of four classes, over 130 bits), for the one request that needs one (A07).
    pub fn password(&self) -> Secret {
        const CLASSES: [&[u8]; 4] = [b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"abcdefghijkmnopqrstuvwxyz", b"23456789", b"!#%+:=?@"];
        let mut bytes = [0_u8; 24];
        self.read.wire.shared.random.fill(&mut bytes);
        let all: Vec<u8> = CLASSES.concat();
        let text = bytes.iter().enumerate().map(|(index, byte)| {
            let class: &[u8] = CLASSES.get(index).copied().unwrap_or(&all);
            char::from(class[usize::from(*byte) % class.len()])
        });
        Secret::new(text.collect::<String>())
    }
}

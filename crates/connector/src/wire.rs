//! The wires: what may be sent, by whom.  Redaction is by construction: a fault's text is made from status and body, never from
//! headers, and secrets are [`Secret`]s until the transport has them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use model::Secret;
use serde_json::Value;

use crate::{Broken, Clock, Fault, Pace, Random, Session, Transport};

/// However long an app says: more than this many seconds is not waited without asking again.
const LONGEST_HOLD: u64 = 600;

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
}

/// A wire to one app: enough to log in.  Cheap to clone; all clones share pace and counts.
#[derive(Clone)]
pub struct Wire {
    shared: Arc<Shared>,
    base: Arc<str>,
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
    /// The body's beginning as text, for errors.
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
        let shared = Shared { transport, clock, random, pace, sent: AtomicU64::new(0), throttled: AtomicU64::new(0) };
        Self { shared: Arc::new(shared), base: base.trim_end_matches('/').into() }
    }

    /// The same wire to another address of the same app, such as the one that people log in at.
    pub fn at(&self, base: &str) -> Self {
        Self { shared: Arc::clone(&self.shared), base: base.trim_end_matches('/').into() }
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
        self.exchange(method, path, headers, body, judge).await
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
        self.exchange(Method::POST, path, &[], Some(("application/x-www-form-urlencoded", Bytes::from(form))), judge).await
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        headers: &[(String, Secret)],
        body: Option<Payload>,
        judge: &(dyn Fn(&Answer) -> Option<Fault> + Sync),
    ) -> Result<Answer, Fault> {
        let request = self.request(&method, path, headers, body)?;
        self.shared.pace.permit().await;
        self.shared.sent.fetch_add(1, Ordering::Relaxed);
        let answer = match self.shared.transport.send(request).await {
            Ok(response) => read_answer(&response),
            Err(Broken::NotSent(detail)) => {
                return Err(Fault::Unreachable { detail: format!("{method} {}{path}: {detail}", self.base) });
            }
            Err(Broken::NoAnswer(why)) if method == Method::GET => return Err(Fault::Wait { after: None, why }),
            Err(Broken::NoAnswer(why)) => return Err(Fault::Unknown { why }),
        };
        if answer.status.is_redirection() {
            let to = answer.location.as_deref().unwrap_or("nowhere");
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
                Err(fault)
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
        let mut request =
            http::Request::builder().method(method).uri(format!("{}{path}", self.base)).header("accept", "application/json");
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

fn read_answer(response: &http::Response<Bytes>) -> Answer {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let body = response.body();
    Answer {
        status: response.status(),
        json: if body.is_empty() { Some(Value::Null) } else { serde_json::from_slice(body).ok() },
        text: String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned(),
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

    /// GET.
    ///
    /// # Errors
    /// As [`Wire::send`].
    pub async fn get(&self, path: &str, judge: &(dyn Fn(&Answer) -> Option<Fault> + Sync)) -> Result<Answer, Fault> {
        self.wire.send(Method::GET, path, &self.session.headers, None, judge).await
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
        self.read.wire.send(Method::POST, path, &self.read.session.headers, Some(body), judge).await
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
        self.read.wire.send(Method::PUT, path, &self.read.session.headers, body, judge).await
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

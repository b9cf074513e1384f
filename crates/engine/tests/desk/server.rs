//! An app in memory behind the transport port: accounts that it dates, one token per user name, a clock that is moved.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connector::{Broken, Clock, Ids, Random, Sleep, Transport};
use http::{Method, Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Rows of a page.
const PAGE: usize = 10;

/// A clock that goes on only when somebody waits or moves it.
pub(crate) struct Time(Mutex<(Timestamp, Duration)>);

impl Time {
    pub(crate) fn at(instant: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new((instant.parse().expect("an instant"), Duration::ZERO))))
    }

    pub(crate) fn pass(&self, time: SignedDuration) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.0 += time;
        held.1 += time.unsigned_abs();
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

#[async_trait]
impl Sleep for Time {
    async fn sleep(&self, duration: Duration) {
        self.pass(SignedDuration::try_from(duration).expect("a short while"));
        tokio::task::yield_now().await;
    }
}

/// Bytes and ids that count up.
#[derive(Default)]
pub(crate) struct Counting(Mutex<u64>);

impl Counting {
    fn next(&self) -> u64 {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *held += 1;
        *held
    }
}

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = (self.next() % 251) as u8);
    }
}

impl Ids for Counting {
    fn id(&self) -> String {
        format!("{:036}", self.next())
    }
}

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) active: bool,
    /// When it was changed last, as the app says.
    pub(crate) changed: Timestamp,
    /// Not seen by our log-in (any more).
    pub(crate) hidden: bool,
}

/// What is behind the transport.
pub(crate) struct State {
    pub(crate) rows: BTreeMap<u64, Row>,
    /// The one token that is good, and until when.
    pub(crate) token: Option<(u64, Timestamp)>,
    /// What renews, where the app wants it: each is good once.
    pub(crate) refresh: Option<u64>,
    pub(crate) log_ins: Vec<Timestamp>,
    /// Method and path of every request but log-ins.
    pub(crate) asked: Vec<String>,
    /// After so many requests with one token somebody else logs in, as often as the second number says.
    pub(crate) rival: Option<(usize, usize)>,
    used: usize,
    /// How many requests were refused for their token.
    pub(crate) refused: usize,
    /// How long a token is good for.
    pub(crate) life: SignedDuration,
    /// How long each request takes.
    pub(crate) takes: SignedDuration,
    /// Who asks for a token shows what renews it, but the first.
    pub(crate) consented: bool,
    /// It answers 500 to everything.
    pub(crate) down: bool,
    /// How often it did.
    pub(crate) failed: usize,
    /// What it refuses to write, wherever that stands.
    pub(crate) refuses: Option<&'static str>,
}

/// The app.
pub(crate) struct Server {
    state: Mutex<State>,
    time: Arc<Time>,
}

impl Server {
    pub(crate) fn new(time: &Arc<Time>) -> Arc<Self> {
        let state = State {
            rows: BTreeMap::new(),
            token: None,
            refresh: None,
            log_ins: Vec::new(),
            asked: Vec::new(),
            rival: None,
            used: 0,
            refused: 0,
            life: SignedDuration::from_hours(4),
            takes: SignedDuration::from_millis(10),
            consented: false,
            down: false,
            failed: 0,
            refuses: None,
        };
        Arc::new(Self { state: Mutex::new(state), time: Arc::clone(time) })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody makes or changes an account by hand.
    pub(crate) fn by_hand(&self, id: u64, fields: &[(&str, &str)]) {
        let now = self.time.now();
        let mut state = self.state();
        let row = state.rows.entry(id).or_insert_with(|| Row { fields: BTreeMap::new(), active: true, changed: now, hidden: false });
        row.changed = now;
        for (name, value) in fields {
            row.fields.insert((*name).to_owned(), (*value).to_owned());
        }
    }

    /// What was asked since the last time this was called.
    pub(crate) fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state().asked)
    }

    fn log_in(&self, state: &mut State, body: &Value) -> (StatusCode, Value) {
        let shown = body["refresh"].as_u64();
        if state.consented && !state.log_ins.is_empty() && (shown.is_none() || shown != state.refresh) {
            return (StatusCode::FORBIDDEN, json!({ "why": "consent" }));
        }
        let now = self.time.now();
        let token = state.log_ins.len() as u64 + 1;
        let until = now + state.life;
        state.log_ins.push(now);
        state.token = Some((token, until));
        state.used = 0;
        state.refresh = state.consented.then_some(token * 1000);
        (StatusCode::OK, json!({ "token": token, "until": until.to_string(), "refresh": state.refresh }))
    }

    fn answer(&self, request: &Request<Bytes>) -> (StatusCode, Value) {
        let mut guard = self.state();
        let state = &mut *guard;
        self.time.pass(state.takes);
        let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or_default().to_owned());
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        if state.down {
            state.failed += 1;
            return (StatusCode::INTERNAL_SERVER_ERROR, json!({ "why": "out of order" }));
        }
        if path == "/log-in" {
            return self.log_in(state, &body);
        }
        state.asked.push(format!("{} {path}{}{query}", request.method(), if query.is_empty() { "" } else { "?" }));
        let shown = request.headers().get("token").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        state.used += 1;
        if let Some((after, times)) = &mut state.rival
            && state.used > *after
            && *times > 0
        {
            *times -= 1;
            state.token = None;
        }
        if !state.token.is_some_and(|(token, until)| Some(token) == shown && self.time.now() < until) {
            state.refused += 1;
            return (StatusCode::UNAUTHORIZED, json!({}));
        }
        let argument = |name: &str| {
            query.split('&').filter_map(|part| part.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        let seen = |row: &Row| !row.hidden;
        match (request.method(), path.strip_prefix("/accounts")) {
            (&Method::GET, Some("")) => {
                let since: Option<Timestamp> = argument("since").and_then(|text| text.parse().ok());
                let wanted = argument("by").zip(argument("value"));
                let fits = |row: &&Row| {
                    seen(row)
                        && since.is_none_or(|since| row.changed >= since)
                        && wanted.as_ref().is_none_or(|(by, value)| row.fields.get(by) == Some(value))
                };
                let rows: Vec<Value> = state.rows.iter().filter(|(_, row)| fits(row)).map(|(id, row)| shape(*id, row)).collect();
                let from: usize = argument("from").and_then(|text| text.parse().ok()).unwrap_or(0);
                let page: Vec<&Value> = rows.iter().skip(from).take(PAGE).collect();
                (StatusCode::OK, json!({ "rows": page, "total": rows.len(), "now": self.time.now().to_string() }))
            }
            (&Method::GET, Some(id)) => {
                let id: u64 = id.trim_start_matches('/').parse().unwrap_or(0);
                let found: Vec<Value> = state.rows.get(&id).filter(|row| seen(row)).map(|row| shape(id, row)).into_iter().collect();
                (StatusCode::OK, json!({ "rows": found, "total": found.len(), "now": self.time.now().to_string() }))
            }
            (&Method::POST, Some(id)) => {
                if state.refuses.is_some_and(|refused| body.to_string().contains(refused)) {
                    return (StatusCode::UNPROCESSABLE_ENTITY, json!({}));
                }
                let id = id.trim_start_matches('/').parse().unwrap_or_else(|_| state.rows.keys().last().map_or(1, |last| last + 1));
                let now = self.time.now();
                let new = Row { fields: BTreeMap::new(), active: true, changed: now, hidden: false };
                let row = state.rows.entry(id).or_insert(new);
                row.changed = now;
                if let Some(active) = body["active"].as_bool() {
                    row.active = active;
                }
                for (name, value) in body["set"].as_object().into_iter().flatten() {
                    row.fields.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
                }
                (StatusCode::OK, shape(id, row))
            }
            _ => (StatusCode::NOT_FOUND, json!({})),
        }
    }
}

fn shape(id: u64, row: &Row) -> Value {
    json!({ "id": id.to_string(), "active": row.active, "fields": row.fields })
}

#[async_trait]
impl Transport for Server {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Broken> {
        // As over a wire: whoever else waits goes on meanwhile.
        tokio::task::yield_now().await;
        let (status, body) = self.answer(&request);
        tokio::task::yield_now().await;
        Ok(Response::builder().status(status).body(Bytes::from(body.to_string())).expect("an answer"))
    }
}

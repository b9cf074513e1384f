//! What every request goes through before and after the vendor's own routes: its number, the limiter, faults, the log.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{DATE, HeaderValue};
use axum::http::{StatusCode, request::Parts};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use tower::ServiceExt as _;

use crate::access::{Access, AccessLog};
use crate::call::Call;
use crate::clock::SandboxClock;
use crate::faults::{Answer, Armed, Delivery, Hit, Kind, Moves, Shuffle, When, html, redirect, spoiled, with_retry_after};
use crate::in_process::{CallerKeepsTime, Slow, TimeWentOn};
use crate::limit::TokenBucket;
use crate::server::Cut;

/// The largest body a request may have.
const MAX_BODY: usize = 16 << 20;

/// The mark of a response that stands for no answer at all: whoever calls a sandbox in the process has to take it for a connection that
/// was closed.  Over a socket it is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was closed without an answer")]
pub struct NoAnswer;

/// What the front has of its own.
#[derive(Debug)]
pub(crate) struct Front {
    clock: SandboxClock,
    calls: AtomicU64,
    /// Deliveries of webhooks so far.
    deliveries: AtomicU64,
    log: Option<Mutex<AccessLog>>,
    bucket: Option<Mutex<TokenBucket>>,
    faults: Armed,
    moves: Arc<Moves>,
    /// Whether faults happen at all.
    misbehaves: AtomicBool,
    /// Those that happened, and how often.
    met: Mutex<BTreeMap<String, u64>>,
    /// What was answered and is carried out later, and when.
    late: Mutex<Vec<(Timestamp, Asked)>>,
}

/// What a vendor says and does where its routes are not asked.
pub(crate) struct Face {
    pub(crate) refused: Refused,
    pub(crate) rival: Rival,
}

/// An answer of this status to a request for this path; 429 is what is said over the limit.
pub(crate) type Refused = Box<dyn Fn(&str, StatusCode) -> Response + Send + Sync>;

/// Somebody else logs in with the user name whose token the request carries; false where it carries none.
pub(crate) type Rival = Box<dyn Fn(&Call) -> bool + Send + Sync>;

/// The front before one vendor's routes.
struct Door {
    front: Arc<Front>,
    face: Face,
    routes: Router,
}

impl Front {
    /// `calls` is the greatest number given so far.
    pub(crate) fn new(
        clock: SandboxClock,
        calls: u64,
        log: Option<AccessLog>,
        bucket: Option<TokenBucket>,
        faults: Armed,
    ) -> Arc<Self> {
        let (log, bucket) = (log.map(Mutex::new), bucket.map(Mutex::new));
        Arc::new(Self {
            clock,
            calls: AtomicU64::new(calls),
            deliveries: AtomicU64::new(0),
            log,
            bucket,
            faults,
            moves: Arc::default(),
            misbehaves: AtomicBool::new(true),
            met: Mutex::default(),
            late: Mutex::default(),
        })
    }

    pub(crate) fn misbehave(&self, on: bool) {
        self.misbehaves.store(on, Ordering::Relaxed);
    }

    pub(crate) fn faults_met(&self) -> BTreeMap<String, u64> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What goes wrong with the next delivery of a webhook.
    pub(crate) fn delivery(&self) -> Option<Delivery> {
        if !self.misbehaves.load(Ordering::Relaxed) {
            return None;
        }
        let number = self.deliveries.fetch_add(1, Ordering::Relaxed) + 1;
        let (name, delivery) = self.faults.delivery(number, self.clock.now())?;
        *self.met.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default() += 1;
        Some(delivery)
    }

    /// The vendor's routes behind this front.
    pub(crate) fn before(self: &Arc<Self>, routes: Router, face: Face) -> Router {
        let door = Door { front: Arc::clone(self), face, routes };
        Router::new().fallback(pass).with_state(Arc::new(door))
    }

    /// The greatest number given so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// When a request arrived, and whether it is within the limit.
    fn admit(&self) -> (Timestamp, bool) {
        let Some(bucket) = &self.bucket else { return (self.clock.now(), true) };
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        (now, bucket.take(now))
    }

    fn write(&self, line: &Access) -> std::io::Result<()> {
        match &self.log {
            Some(log) => log.lock().unwrap_or_else(PoisonError::into_inner).write(line),
            None => Ok(()),
        }
    }
}

/// Numbers, admits, answers and logs one request.  The answer's date is the sandbox's own, which clients take their
/// watermarks from (trap A12).
async fn pass(State(door): State<Arc<Door>>, request: Request) -> Response {
    door.carry_out_what_is_due().await;
    if request.extensions().get::<TimeWentOn>().is_some() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let body = axum::body::to_bytes(body, MAX_BODY).await;
    // One that breaks off is answered too, should anybody still listen.
    let unread = body.as_ref().err().map(|error| match error.source() {
        Some(why) if why.to_string().contains("length limit") => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    });
    let caller_keeps_time = parts.extensions.get::<CallerKeepsTime>().is_some();
    let cut = parts.extensions.get::<ConnectInfo<Cut>>().map(|ConnectInfo(cut)| cut.clone());
    let mut call = Call::new(parts.method.as_str(), &path, std::mem::take(&mut parts.headers), body.unwrap_or_default());

    // The number comes after the body, so that one who hangs up while sending leaves no gap.
    let front = &door.front;
    call.number = front.calls.fetch_add(1, Ordering::Relaxed) + 1;
    let (time, admitted) = front.admit();
    let (seq, method) = (call.number, call.method.clone());
    let asked = Asked { parts, call, admitted, time };
    let Answered { mut answer, fault, after } = match unread {
        Some(status) => Answered::plainly((door.face.refused)(&path, status)),
        None => door.answer(asked).await,
    };
    if let Ok(date) = HeaderValue::try_from(time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        answer.headers_mut().insert(DATE, date);
    }
    let unanswered = answer.extensions().get::<NoAnswer>().is_some();
    let line = Access {
        seq,
        time,
        method,
        path,
        status: if unanswered { 0 } else { answer.status().as_u16() },
        bytes: answer.body().size_hint().exact().unwrap_or_default(),
        fault: fault.map(str::to_owned),
    };
    if let Err(error) = front.write(&line) {
        // Nobody may count requests by a log that lacks some.
        return (StatusCode::INTERNAL_SERVER_ERROR, format!("access log: {error}")).into_response();
    }
    if let Some(cut) = cut.filter(|_| unanswered) {
        cut.cut();
    }
    // Last, for who waits may hang up, and what was done is to be in the log.
    if !after.is_zero() {
        if caller_keeps_time {
            answer.extensions_mut().insert(Slow(after));
        } else {
            tokio::time::sleep(after).await;
        }
    }
    answer
}

/// A request with what the front found out about it.
#[derive(Debug)]
struct Asked {
    parts: Parts,
    call: Call,
    /// Within the limit.
    admitted: bool,
    /// When it arrived.
    time: Timestamp,
}

/// What is answered.
struct Answered<'a> {
    answer: Response,
    /// The fault that came to pass, by its name.
    fault: Option<&'a str>,
    /// How long the answer waits.
    after: Duration,
}

impl Answered<'_> {
    fn plainly(answer: Response) -> Self {
        Self { answer, fault: None, after: Duration::ZERO }
    }
}

impl Door {
    /// The vendor's own answer, or what a fault makes of it.
    async fn answer(self: &Arc<Self>, mut asked: Asked) -> Answered<'_> {
        let front = &self.front;
        let misbehaves = front.misbehaves.load(Ordering::Relaxed);
        let hit = if misbehaves { front.faults.hit(&asked.call, asked.time) } else { None };
        let moving = hit.is_some_and(|hit| hit.kind == Kind::Moved);
        asked.call.shuffle = front.faults.can_move().then(|| Shuffle::new(&front.moves, asked.call.list(), moving));
        let Some(Hit { name, kind, chance }) = hit else { return Answered::plainly(self.ask(asked).await) };
        let mut after = Duration::ZERO;
        let (answer, happened) = match kind {
            Kind::Instead(answer, when) => {
                let instead = self.instead(answer, &asked.call.path);
                match when {
                    When::Before => {}
                    When::After => drop(self.ask(asked).await),
                    When::Late(by) => self.put_off(asked, by),
                }
                (instead, true)
            }
            Kind::Slow(by) => {
                after = by;
                (self.ask(asked).await, true)
            }
            Kind::Spoiled(how) => spoiled(self.ask(asked).await, how, chance).await,
            Kind::Moved => {
                let shuffle = asked.call.shuffle.clone();
                (self.ask(asked).await, shuffle.is_some_and(|shuffle| shuffle.has_moved()))
            }
            // No request has it.
            Kind::Delivered(_) => return Answered::plainly(self.ask(asked).await),
            Kind::Rival => {
                let taken = (self.face.rival)(&asked.call);
                (self.ask(asked).await, taken)
            }
        };
        if happened {
            *front.met.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default() += 1;
        }
        Answered { answer, fault: happened.then_some(name), after }
    }

    /// The vendor's own answer.
    async fn ask(&self, asked: Asked) -> Response {
        let Asked { mut parts, call, admitted, .. } = asked;
        if !admitted {
            return (self.face.refused)(&call.path, StatusCode::TOO_MANY_REQUESTS);
        }
        parts.extensions.insert(Arc::new(call));
        let answer = self.routes.clone().oneshot(Request::from_parts(parts, Body::empty())).await;
        answer.unwrap_or_else(|never| match never {})
    }

    fn instead(&self, answer: Answer, path: &str) -> Response {
        match answer {
            // As a proxy before the vendor says it: bare.
            Answer::Status(status, after) => with_retry_after(status.into_response(), after),
            Answer::Throttled(after) => with_retry_after((self.face.refused)(path, StatusCode::TOO_MANY_REQUESTS), after),
            Answer::Html(status) => html(status),
            Answer::Redirect { same } => redirect(path, same),
            Answer::Reset => {
                let mut none = StatusCode::BAD_GATEWAY.into_response();
                none.extensions_mut().insert(NoAnswer);
                none
            }
        }
    }

    /// Carries a request out later: when its time has come by the sandbox's clock, however somebody puts it, or with the next request
    /// after that.  Where the caller keeps the time, only the latter.
    fn put_off(self: &Arc<Self>, asked: Asked, by: SignedDuration) {
        let now = self.front.clock.steady();
        let due = now.saturating_add(by).unwrap_or(now);
        let caller_keeps_time = asked.parts.extensions.get::<CallerKeepsTime>().is_some();
        self.late().push((due, asked));
        if caller_keeps_time {
            return;
        }
        let door = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(wait) = door.upgrade().and_then(|door| door.next_due()) {
                tokio::time::sleep(wait).await;
                let Some(door) = door.upgrade() else { return };
                door.carry_out_what_is_due().await;
            }
        });
    }

    /// How long until something is due; None when nothing is put off.
    fn next_due(&self) -> Option<Duration> {
        let first = self.late().iter().map(|(due, _)| *due).min()?;
        let wait = Duration::try_from(first.duration_since(self.front.clock.steady())).unwrap_or_default();
        // A clock that stands is looked at again and again.
        Some(wait.max(Duration::from_millis(10)))
    }

    async fn carry_out_what_is_due(&self) {
        if !self.front.faults.can_be_late() {
            return;
        }
        loop {
            let asked = {
                let mut late = self.late();
                let now = self.front.clock.steady();
                let first = late.iter().enumerate().min_by_key(|(_, (due, _))| *due).filter(|(_, (due, _))| *due <= now);
                first.map(|(at, _)| at).map(|at| late.remove(at).1)
            };
            let Some(asked) = asked else { return };
            // Nobody is there to hear the answer.
            drop(self.ask(asked).await);
        }
    }

    fn late(&self) -> MutexGuard<'_, Vec<(Timestamp, Asked)>> {
        self.front.late.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

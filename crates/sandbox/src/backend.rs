use std::error::Error as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::{DATE, HeaderValue};
use axum::http::{StatusCode, request::Parts};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::Value;

use crate::access::{Access, AccessLog};
use crate::call::Call;
use crate::clock::SandboxClock;
use crate::data::{self, Announcement, DataDir, Origin};
use crate::error::Error;
use crate::ledger::{Change, Ledger};
use crate::limit::{Pace, TokenBucket};
use crate::options::Options;

/// The largest body a request may have.
const MAX_BODY: usize = 16 << 20;

/// What a vendor holds: a set of objects, each `kind/id`, that changes only by [`Objects::put`], so that replaying the
/// ledger gives the same.
pub(crate) trait Objects: Send + Sync + 'static {
    /// Makes the object what the ledger says it became.
    ///
    /// # Errors
    /// `after` is not what this sandbox writes for such an object.
    fn put(&mut self, object: &str, after: Value) -> Result<(), String>;
}

/// What both sandboxes have: state behind a lock, and the clock, the ledger, the access log and the limiter around it.
#[derive(Debug)]
pub(crate) struct Backend<S> {
    pub(crate) clock: SandboxClock,
    /// What a person should know about how it opened.
    pub(crate) notes: Vec<String>,
    /// Who changes the state holds the ledger from deciding to the end, and the state itself only while it changes: who
    /// reads waits for no file.
    ledger: Mutex<Ledger>,
    state: RwLock<S>,
    front: Mutex<Front>,
    data: Option<DataDir>,
}

#[derive(Debug)]
struct Front {
    calls: u64,
    log: AccessLog,
    bucket: Option<TokenBucket>,
}

/// The ledger could not be written, so nothing was changed.  Answered with 500.
#[derive(Debug)]
pub(crate) struct LedgerFailed(pub(crate) String);

impl<S: Objects> Backend<S> {
    /// Opens the files and makes the state: `found` makes the company as it was at first, the ledger does the rest.
    pub(crate) fn open(
        vendor: &'static str,
        profile: &str,
        pace: Pace,
        options: &Options,
        found: impl FnOnce(&Origin) -> S,
    ) -> Result<Arc<Self>, Error> {
        let clock = SandboxClock::new(options.now);
        let mut notes = Vec::new();
        let (data, origin) = match &options.data {
            Some(dir) => {
                let (data, origin) = DataDir::open(dir, vendor, profile, options)?;
                (Some(data), origin)
            }
            None => (None, data::origin(vendor, profile, options)),
        };
        let mut state = found(&origin);
        let own = data.as_ref().map(DataDir::ledger);
        let replay = |object: &str, after| state.put(object, after);
        let (ledger, last_call) = Ledger::open(own.as_deref(), options.ledger.as_deref(), &mut notes, replay)?;
        let (log, last_seq) = AccessLog::open(options.access_log.as_deref(), &mut notes)?;
        let bucket = pace.bucket(options.limit, clock.now());
        Ok(Arc::new(Self {
            clock,
            notes,
            ledger: Mutex::new(ledger),
            state: RwLock::new(state),
            front: Mutex::new(Front { calls: last_call.max(last_seq), log, bucket }),
            data,
        }))
    }

    /// Looks at the state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        // A panic in `look` or `decide` leaves the state as it was; one in `put` cannot leave half an object.
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state: `decide` looks at it and says which objects become what, and what to answer; that is written
    /// to the ledger, and only then done.  What does not change an object is left out.
    ///
    /// # Errors
    /// What `decide` refuses, and [`LedgerFailed`]; nothing is changed then.
    pub(crate) fn write<T, E: From<LedgerFailed>>(
        &self,
        call: &Call,
        decide: impl FnOnce(&S, Timestamp) -> Result<(Vec<Change>, T), E>,
    ) -> Result<T, E> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let (mut changes, answer) = self.read(|state| decide(state, now))?;
        changes.retain(|change| change.before != change.after);
        ledger.append(call, now, &changes).map_err(|error| LedgerFailed(format!("ledger: {error}")))?;
        if !changes.is_empty() {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            for change in changes {
                state.put(&change.object, change.after).expect("a change decided on can be read back");
            }
        }
        Ok(answer)
    }

    /// The vendor's routes behind what every request goes through: its number, its [`Call`], the limiter, the log.
    /// `refused` is how the vendor says a status for which the routes are not asked.
    pub(crate) fn front(self: &Arc<Self>, routes: Router, refused: impl Fn(StatusCode) -> Response + Send + Sync + 'static) -> Router {
        let refused: Refused = Arc::new(refused);
        Router::new().fallback_service(routes).layer(from_fn_with_state((Arc::clone(self), refused), pass::<S>))
    }

    /// Says in the data folder, if there is one, where the server listens.
    pub(crate) fn announce(&self, address: std::net::SocketAddr) -> Result<Option<Announcement>, Error> {
        self.data.as_ref().map(|data| data.announce(address)).transpose()
    }

    fn at_front(&self) -> MutexGuard<'_, Front> {
        self.front.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer of the vendor's that has this status.
type Refused = Arc<dyn Fn(StatusCode) -> Response + Send + Sync>;

/// Numbers, admits, answers and logs one request.  The answer's date is the sandbox's own, which clients take their
/// watermarks from (trap A12).
async fn pass<S: Objects>(State((backend, refused)): State<(Arc<Backend<S>>, Refused)>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let body = axum::body::to_bytes(body, MAX_BODY).await;
    // One that breaks off is answered too, should anybody still listen.
    let unread = body.as_ref().err().map(|error| match error.source() {
        Some(why) if why.to_string().contains("length limit") => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    });
    let mut call = Call::new(parts.method.as_str(), &path, parts.headers.clone(), body.unwrap_or_default());

    // The number comes after the body, so that one who hangs up while sending leaves no gap.
    let time = backend.clock.now();
    let admitted = {
        let mut front = backend.at_front();
        front.calls += 1;
        call.number = front.calls;
        front.bucket.as_mut().is_none_or(|bucket| bucket.take(time))
    };
    let (seq, method) = (call.number, call.method.clone());
    let mut answer = if let Some(status) = unread {
        refused(status)
    } else if admitted {
        next.run(carrying(parts, call)).await
    } else {
        refused(StatusCode::TOO_MANY_REQUESTS)
    };
    let date = time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    answer.headers_mut().extend(HeaderValue::try_from(date).ok().map(|date| (DATE, date)));
    let line = Access {
        seq,
        time,
        method,
        path,
        status: answer.status().as_u16(),
        bytes: answer.body().size_hint().exact().unwrap_or_default(),
    };
    match backend.at_front().log.write(&line) {
        Ok(()) => answer,
        // Nobody may count requests by a log that lacks some.
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("access log: {error}")).into_response(),
    }
}

fn carrying(mut parts: Parts, call: Call) -> Request {
    parts.extensions.insert(Arc::new(call));
    Request::from_parts(parts, Body::empty())
}

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::Value;

use crate::access::AccessLog;
use crate::call::Call;
use crate::clock::SandboxClock;
use crate::data::{self, Announcement, DataDir, Origin};
use crate::error::Error;
use crate::faults::{Armed, Delivery};
use crate::front::{Face, Front, Rival};
use crate::ledger::{Change, Ledger};
use crate::limit::Pace;
use crate::options::Options;

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
    front: Arc<Front>,
    data: Option<DataDir>,
    ear: OnceLock<Ear>,
}

/// Who hears of what was changed.
struct Ear(Box<Hear>);

/// Told of a call, its instant and what it changed.
type Hear = dyn Fn(&Call, Timestamp, &[Change]) + Send + Sync;

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ear")
    }
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
        found: impl FnOnce(&Origin) -> Result<S, Error>,
    ) -> Result<Arc<Self>, Error> {
        let clock = SandboxClock::new(options.now);
        let ahead = clock.now().checked_add(options.faults.clock());
        clock.set(ahead.map_err(|_| Error::Option("faults: with that clock difference the clock leaves the calendar".to_owned()))?);
        let mut notes = Vec::new();
        let (data, origin) = match &options.data {
            Some(dir) => {
                let (data, origin) = DataDir::open(dir, vendor, profile, options)?;
                (Some(data), origin)
            }
            None => (None, data::origin(vendor, profile, options)),
        };
        let mut state = found(&origin)?;
        let own = data.as_ref().map(DataDir::ledger);
        let replay = |object: &str, after| state.put(object, after);
        let (ledger, last_call) = Ledger::open(own.as_deref(), options.ledger.as_deref(), &mut notes, replay)?;
        let (log, last_seq) = AccessLog::open(options.access_log.as_deref(), &mut notes)?;
        let bucket = pace.bucket(options.limit, clock.now());
        let faults = Armed::new(&options.faults, clock.now());
        let front = Front::new(clock.clone(), last_call.max(last_seq), log, bucket, faults);
        Ok(Arc::new(Self { clock, notes, ledger: Mutex::new(ledger), state: RwLock::new(state), front, data, ear: OnceLock::new() }))
    }

    /// The number of the last request that its files know of, or that was answered.
    pub(crate) fn calls(&self) -> u64 {
        self.front.calls()
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
            for change in &changes {
                state.put(&change.object, change.after.clone()).expect("a change decided on can be read back");
            }
        }
        drop(ledger);
        if let Some(Ear(hear)) = self.ear.get().filter(|_| !changes.is_empty()) {
            hear(call, now, &changes);
        }
        Ok(answer)
    }

    /// From now on this is told what was changed, right after; the first to ask is the one.
    pub(crate) fn heard_by(&self, hear: impl Fn(&Call, Timestamp, &[Change]) + Send + Sync + 'static) {
        self.ear.set(Ear(Box::new(hear))).ok();
    }

    /// What goes wrong with the next delivery of a webhook.
    pub(crate) fn delivery(&self) -> Option<Delivery> {
        self.front.delivery()
    }

    /// The vendor's routes behind what every request goes through: its number, its [`Call`], the limiter, faults, the log.
    /// `refused` is how the vendor says a status to a path for which the routes are not asked; 429 is being over the limit, which a profile may
    /// say otherwise.
    pub(crate) fn front(
        &self,
        routes: Router,
        refused: impl Fn(&str, StatusCode) -> Response + Send + Sync + 'static,
        rival: Rival,
    ) -> Router {
        self.front.before(routes, Face { refused: Box::new(refused), rival })
    }

    /// From now on faults happen, or none does.
    pub(crate) fn misbehave(&self, on: bool) {
        self.front.misbehave(on);
    }

    /// Which faults happened so far, and how often.
    pub(crate) fn faults_met(&self) -> BTreeMap<String, u64> {
        self.front.faults_met()
    }

    /// Says in the data folder, if there is one, where the server listens.
    pub(crate) fn announce(&self, address: std::net::SocketAddr) -> Result<Option<Announcement>, Error> {
        self.data.as_ref().map(|data| data.announce(address)).transpose()
    }
}

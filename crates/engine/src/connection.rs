//! A connection to one app: lease, session, pace, patience.
//!
//! One owner at a time uses an app (F12): the lease has an epoch, and a session belongs to the epoch's owner: nobody logs in but under a lease.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connector::{Fault, Pace, Read, Scope, Session, Target, Wire, Write};
use jiff::{SignedDuration, Timestamp};
use model::{AppName, Exchange, Failing, Quarantine, SourceName};
use store::{Epoch, Store};

use crate::meter::{Counted, Meter};
use crate::propose::joined;
use crate::quarantine::QuarantineRule;
use crate::session::{Deaths, Kept, Live};
use crate::{AppSetup, Engine, EngineError, Event, Ports, Watch};

/// How long a lease counts without being renewed.
const LEASE: SignedDuration = SignedDuration::from_mins(15);
/// How often one call is tried again in a row when the app asks to wait.
const PATIENCE: u32 = 12;
/// The first wait, doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(400);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// One app, leased and logged in.
pub(crate) struct Connection {
    pub(crate) app: AppName,
    /// What it is called where people watch: `app.NAME`, `source.NAME`.
    pub(crate) subject: String,
    pub(crate) target: Arc<dyn Target>,
    pub(crate) epoch: Epoch,
    /// The tenant's fingerprint.
    tenant: String,
    /// The profile that configuration pins, if it pins one.
    pinned: Option<String>,
    store: Store,
    ports: Ports,
    wire: Wire,
    live: Mutex<Live>,
    /// How long a write whose outcome is unknown may still take effect.
    pub(crate) settle: Duration,
    /// Held by the one who logs in.
    logging_in: tokio::sync::Mutex<()>,
    leased_until: Mutex<Timestamp>,
    /// When the app fails too much, if that is minded.
    rule: Option<QuarantineRule>,
    /// Its last failure that was its own.
    failing: Mutex<Option<Failing>>,
    /// The quarantine that it just came out of.
    recovered: Mutex<Option<Quarantine>>,
    /// Whether a wait is worth it.
    patient: AtomicBool,
    /// What is done is counted there.
    meter: Arc<Meter>,
}

impl Engine {
    /// Leases the app without logging in.
    ///
    /// # Errors
    /// Somebody else works on it; what is linked in it is about another tenant.
    pub(crate) async fn turn(&self, app: &AppName) -> Result<Connection, EngineError> {
        let setup = self.app(app)?;
        let now = self.ports.clock.now();
        let epoch = self.store.lease(app, &self.setup.owner, now, LEASE, self.setup.owner_is_gone).await?;
        let connection = self.open(app, format!("app.{app}"), setup, epoch, now);
        connection.or_close(self.at_home(app).await).await?;
        Ok(connection)
    }

    /// Leases a source that is asked, as an app is, under a name that no app can have.
    ///
    /// # Errors
    /// Somebody else reads it.
    pub(crate) async fn turn_of(&self, source: &SourceName, setup: &AppSetup) -> Result<Connection, EngineError> {
        let subject = format!("source.{source}");
        let name = AppName::new(subject.as_str());
        let now = self.ports.clock.now();
        let epoch = self.store.lease(&name, &self.setup.owner, now, LEASE, self.setup.owner_is_gone).await?;
        Ok(self.open(&name, subject, setup, epoch, now))
    }

    /// Whether anybody works on the app; nothing is asked of it.
    ///
    /// # Errors
    /// [`store::StoreError::Leased`] with who does.
    pub(crate) async fn nobody_works_on(&self, app: &AppName) -> Result<(), EngineError> {
        let epoch = self.store.lease(app, &self.setup.owner, self.ports.clock.now(), LEASE, self.setup.owner_is_gone).await?;
        Ok(self.store.release(&epoch).await?)
    }

    fn open(&self, app: &AppName, subject: String, setup: &AppSetup, epoch: Epoch, now: Timestamp) -> Connection {
        let ports = self.ports.clone();
        let limit = setup.rate.or(setup.target.manifest().limit);
        let pace = Arc::new(Pace::new(limit, Arc::clone(&ports.clock), Arc::clone(&ports.sleep)));
        let meter = Arc::clone(&self.meter);
        let transport = Arc::new(Counted { app: app.clone(), meter: Arc::clone(&meter), transport: Arc::clone(&ports.transport) });
        let wire = Wire::new(transport, Arc::clone(&ports.clock), Arc::clone(&ports.random), pace, &setup.base_url);
        Connection {
            app: app.clone(),
            subject,
            target: Arc::clone(&setup.target),
            epoch,
            tenant: setup.fingerprint.to_string(),
            pinned: setup.profile.clone(),
            store: self.store.clone(),
            ports,
            wire,
            live: Mutex::new(Live::none(now)),
            settle: setup.settle,
            logging_in: tokio::sync::Mutex::new(()),
            leased_until: Mutex::new(now + LEASE),
            rule: self.behaviour.quarantine.get(app).cloned(),
            failing: Mutex::default(),
            recovered: Mutex::default(),
            patient: AtomicBool::new(true),
            meter,
        }
    }
}

impl Connection {
    pub(crate) async fn log_in_with_kept(&self) -> Result<(), EngineError> {
        let stored = self.store.session(&self.app).await?;
        let kept = stored.and_then(|stored| Kept::open(&stored.secret, &self.tenant, self.wire.base()));
        match kept {
            Some(live) if !live.nears_its_end(self.ports.clock.now()) && self.speaks(&live) => {
                *self.live.lock().unwrap_or_else(PoisonError::into_inner) = live;
                Ok(())
            }
            Some(live) => self.log_in(Some(&live.session), false).await,
            None => self.log_in(None, false).await,
        }
    }

    /// Whether the session is of the profile that configuration pins.
    fn speaks(&self, live: &Live) -> bool {
        self.pinned.as_ref().is_none_or(|pinned| *pinned == live.session.profile)
    }

    async fn log_in(&self, old: Option<&Session>, mends: bool) -> Result<(), EngineError> {
        // Whose turn is over logs in no more: it would end the next one's session.
        self.prolong().await?;
        let session = self.patiently(|wire| async move { self.target.log_in(&wire, old).await }).await?;
        self.take_session(session, mends).await
    }

    /// The first session, for the code that a person's consent gave; its profile.
    ///
    /// # Errors
    /// As a log-in; the turn is over.
    pub(crate) async fn redeem(&self, code: &model::Secret, redirect: &str) -> Result<String, EngineError> {
        let session = self.patiently(|wire| async move { self.target.redeem(&wire, code, redirect).await }).await?;
        let profile = session.profile.clone();
        let now = self.ports.clock.now();
        let live = Live { session, since: now, mends: false };
        if let Some(kept) = Kept::of(&live, &self.tenant, self.wire.base()) {
            let (store, epoch) = (self.store.clone(), self.epoch.clone());
            apart(async move { store.put_consent(&epoch, &kept.seal(), kept.expires(), now).await }).await?;
        }
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = live;
        Ok(profile)
    }

    /// Takes a session into use, and keeps it sealed if it lasts beyond this process.
    ///
    /// # Errors
    /// The turn is over; the store fails.
    pub(crate) async fn take_session(&self, session: Session, mends: bool) -> Result<(), EngineError> {
        let live = Live { session, since: self.ports.clock.now(), mends };
        if let Some(kept) = Kept::of(&live, &self.tenant, self.wire.base()) {
            self.put_session(kept).await?;
        }
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = live;
        Ok(())
    }

    fn live(&self) -> Live {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The session in force, renewed first if it nears its end: by whoever notices, once for all (A03).
    ///
    /// # Errors
    /// It cannot be renewed.
    pub(crate) async fn session(&self) -> Result<Session, EngineError> {
        let ends = || {
            let live = self.live();
            live.nears_its_end(self.ports.clock.now()).then_some(live.session)
        };
        if ends().is_some() {
            let _turn = self.logging_in.lock().await;
            if let Some(old) = ends() {
                self.log_in(Some(&old), false).await?;
            }
        }
        Ok(self.live().session)
    }

    /// An error with this app's name.
    pub(crate) fn fault(&self, fault: Fault) -> EngineError {
        EngineError::App { app: self.app.clone(), fault }
    }

    /// Requests so far.
    pub(crate) fn counts(&self) -> connector::Counts {
        self.wire.counts()
    }

    /// A reading wire with a session.
    fn read(&self, session: Session) -> Read {
        Read::new(self.wire.apart(), session)
    }

    /// A writing wire with a session; for the executor only (P1).
    pub(crate) fn write(&self, session: Session) -> Write {
        Write::new(self.read(session))
    }

    /// Tries until it works, waits as the app asks, and logs in again when the session dies.  For reads, and for writes whose fault is
    /// known to have had no effect.
    ///
    /// # Errors
    /// The fault that no waiting mends.
    pub(crate) async fn ask<T, F, Fut>(&self, watch: &dyn Watch, call: F) -> Result<T, EngineError>
    where
        F: Fn(Read) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, Fault>> + Send,
        T: Send,
    {
        let mut tries = 0;
        loop {
            let used = self.session().await?;
            let wire = self.read(used.clone());
            let answered = call(wire.clone()).await;
            if let Err(fault) = &answered {
                self.heard(fault, || wire.last())?;
            }
            match answered {
                Err(Fault::Wait { after, why }) if self.waits(tries) => {
                    self.wait(watch, tries, after, &why).await;
                    tries += 1;
                }
                Err(Fault::Denied { scope: Scope::Session }) => self.renew_session(&used).await?,
                answered => return answered.map_err(|fault| self.fault(fault)),
            }
        }
    }

    /// Logs in as soon as the app lets us.
    async fn patiently<T, F, Fut>(&self, call: F) -> Result<T, EngineError>
    where
        F: Fn(Wire) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, Fault>> + Send,
        T: Send,
    {
        let mut tries = 0;
        loop {
            let wire = self.wire.apart();
            let answered = call(wire.clone()).await;
            if let Err(fault) = &answered {
                self.heard(fault, || wire.last())?;
            }
            match answered {
                Err(Fault::Wait { after, why }) if self.waits(tries) => {
                    self.wait(&crate::Silent, tries, after, &why).await;
                    tries += 1;
                }
                other => return other.map_err(|fault| self.fault(fault)),
            }
        }
    }

    /// Waits before try number `tries + 1`: as long as the app says, else longer each time, with jitter.
    pub(crate) async fn wait(&self, watch: &dyn Watch, tries: u32, after: Option<Duration>, why: &str) {
        let grown = FIRST_WAIT.saturating_mul(1 << tries.min(10)).min(LONGEST_WAIT);
        let mut byte = [0_u8; 1];
        self.ports.random.fill(&mut byte);
        let jittered = grown / 2 + grown.mul_f64(f64::from(byte[0]) / 510.0);
        let wait = after.map_or(jittered, |after| after.max(Duration::from_millis(50)));
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(app = %self.app, millis, "the app has us wait");
        self.meter.waited(&self.app, millis);
        watch.event(Event::Waiting { app: self.app.clone(), millis, why: why.to_owned() });
        self.ports.sleep.sleep(wait).await;
    }

    fn waits(&self, tries: u32) -> bool {
        self.patient.load(Ordering::Relaxed) && tries < PATIENCE
    }

    /// Whether to wait and try again where the app asks for that; else the first answer counts.
    pub(crate) fn be_patient(&self, patient: bool) {
        self.patient.store(patient, Ordering::Relaxed);
    }

    /// Takes notice of a fault and of the exchange that it came of.
    ///
    /// # Errors
    /// [`EngineError::Failing`] where the fault is the app's own, and one too many.
    pub(crate) fn heard(&self, fault: &Fault, last: impl FnOnce() -> Option<Exchange>) -> Result<(), EngineError> {
        if !may_be_its_own(fault) {
            return Ok(());
        }
        let Some(exchange) = last().filter(|exchange| is_its_own(fault, exchange.status)) else { return Ok(()) };
        let failing = Failing { at: self.ports.clock.now(), why: fault.to_string(), exchange };
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = Some(failing);
        match self.rule.as_ref().and_then(|rule| rule.broken_by(&self.wire.tally())) {
            Some(why) => Err(EngineError::Failing { app: self.app.clone(), why }),
            None => Ok(()),
        }
    }

    /// The last failure that was the app's own.
    pub(crate) fn failing(&self) -> Option<Failing> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The app came out of quarantine.
    pub(crate) fn has_recovered(&self, from: Option<Quarantine>) {
        *self.recovered.lock().unwrap_or_else(PoisonError::into_inner) = from;
    }

    /// Tells that the app came out of quarantine, if it just did.
    pub(crate) fn tell(&self, watch: &dyn Watch) {
        if let Some(from) = self.recovered.lock().unwrap_or_else(PoisonError::into_inner).take() {
            watch.event(Event::Recovered { app: self.app.clone(), since: from.since });
        }
    }

    /// Whether waiting once more is worth it.
    pub(crate) fn patience_left(tries: u32) -> bool {
        tries < PATIENCE
    }

    /// Logs in again after `dead`, the session that a call was begun with, died; once for all who notice at the same time.
    ///
    /// # Errors
    /// [`EngineError::Rival`] when that would be fighting with somebody else who logs in with the same user name (A02).
    pub(crate) async fn renew_session(&self, dead: &Session) -> Result<(), EngineError> {
        let _turn = self.logging_in.lock().await;
        let live = self.live();
        if !live.is(dead) {
            return Ok(());
        }
        let now = self.ports.clock.now();
        let early = !live.nears_its_end(now);
        // What renews it outlives it.
        match Kept::remains(&live, &self.tenant, self.wire.base()) {
            Some(kept) => self.put_session(kept).await?,
            None => {
                let (store, epoch) = (self.store.clone(), self.epoch.clone());
                apart(async move { store.drop_session(&epoch).await }).await?;
            }
        }
        if early {
            let deaths = Deaths::load(&self.store, &self.app).await?.add(&self.store, &self.app, &live, now).await?;
            if deaths.is_a_fight(&live, now) {
                return Err(EngineError::Rival { app: self.app.clone(), what: deaths.in_words() });
            }
        }
        self.log_in(Some(dead), early).await
    }

    async fn put_session(&self, kept: Kept) -> Result<(), EngineError> {
        let (store, epoch) = (self.store.clone(), self.epoch.clone());
        apart(async move { store.put_session(&epoch, &kept.seal(), kept.expires()).await }).await
    }

    /// Prolongs the lease now.
    async fn prolong(&self) -> Result<(), EngineError> {
        let now = self.ports.clock.now();
        let (store, epoch) = (self.store.clone(), self.epoch.clone());
        apart(async move { store.renew(&epoch, now, LEASE).await }).await?;
        *self.leased_until.lock().unwrap_or_else(PoisonError::into_inner) = now + LEASE;
        Ok(())
    }

    /// Keeps the lease alive; called between calls.
    pub(crate) async fn keep(&self) -> Result<(), EngineError> {
        let due = *self.leased_until.lock().unwrap_or_else(PoisonError::into_inner) - LEASE / 2;
        if self.ports.clock.now() >= due { self.prolong().await } else { Ok(()) }
    }

    /// Gives the lease back where what had to be done first failed.
    pub(crate) async fn or_close<T>(&self, done: Result<T, EngineError>) -> Result<T, EngineError> {
        if done.is_err() {
            self.close().await;
        }
        done
    }

    /// Gives the lease back.  If that fails it runs out by itself.
    pub(crate) async fn close(&self) {
        let _ = self.store.release(&self.epoch).await;
    }
}

/// Whether a fault is the app's own: not a "slow down", not a refusal, not a session that ended.
fn is_its_own(fault: &Fault, status: Option<u16>) -> bool {
    match fault {
        Fault::Wait { .. } => status.is_none_or(|status| status >= 500),
        other => may_be_its_own(other),
    }
}

fn may_be_its_own(fault: &Fault) -> bool {
    match fault {
        Fault::Denied { scope } => *scope != Scope::Session,
        Fault::Wait { .. } | Fault::Unknown { .. } | Fault::Garbled { .. } | Fault::Unreachable { .. } => true,
        Fault::Refused { .. } | Fault::Drift { .. } | Fault::Unsupported { .. } => false,
    }
}

/// Lets a write to the store go on by itself.  Calls that are under way together are looked after in turn: a transaction that one of them
/// had begun would hold up the others for as long as nobody looks after it.
pub(crate) async fn apart<T: Send + 'static>(
    write: impl Future<Output = Result<T, store::StoreError>> + Send + 'static,
) -> Result<T, EngineError> {
    joined(tokio::spawn(write)).await
}

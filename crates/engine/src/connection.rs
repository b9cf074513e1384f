//! A connection to one app: lease, session, pace, patience.
//!
//! One owner at a time uses an app (F12): the lease has an epoch, and a session belongs to the epoch's owner.  One token per admin is kept in
//! the store and used until it dies; it is renewed once, and if the new one dies at once too, somebody else logs in with the same name: that is
//! reported, not fought (A02).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connector::{Fault, Pace, Read, Scope, Session, Target, Wire, Write};
use jiff::{SignedDuration, Timestamp};
use model::{AppName, Secret};
use serde::{Deserialize, Serialize};
use store::{Epoch, Store};

use crate::{AppSetup, Engine, EngineError, Event, Ports, Watch};

/// How long a lease counts without being renewed.
const LEASE: SignedDuration = SignedDuration::from_mins(15);
/// A session with less time left than this is renewed first.
const SESSION_MARGIN: SignedDuration = SignedDuration::from_mins(10);
/// Two sessions that die within this time are a rival's doing.
const RIVAL_WINDOW: Duration = Duration::from_secs(60);
/// How often one call is tried again in a row when the app asks to wait.
const PATIENCE: u32 = 12;
/// The first wait, doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(400);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// One app, leased and logged in.
pub(crate) struct Connection {
    pub(crate) app: AppName,
    pub(crate) target: Arc<dyn Target>,
    pub(crate) epoch: Epoch,
    /// The tenant's fingerprint.
    tenant: String,
    store: Store,
    ports: Ports,
    wire: Wire,
    session: Mutex<Session>,
    logins: tokio::sync::Mutex<Logins>,
    leased_until: Mutex<Timestamp>,
}

#[derive(Default)]
struct Logins {
    last: Option<Duration>,
    count: u64,
}

/// A session as it is kept, sealed.
#[derive(Serialize, Deserialize)]
struct KeptSession {
    /// Whose it is: another user name has a session of its own.
    tenant: String,
    /// Where it was given out: it is shown nowhere else, though the app has the same name (P11).
    base: String,
    profile: String,
    headers: Vec<(String, String)>,
}

impl Engine {
    /// Leases the app and makes sure of a session.
    pub(crate) async fn connect(&self, app: &AppName) -> Result<Connection, EngineError> {
        let setup = self.app(app)?;
        let now = self.ports.clock.now();
        let epoch = self.store.lease(app, &self.setup.owner, now, LEASE, self.setup.owner_is_gone).await?;
        let connection = self.open(app, setup, epoch, now);
        let ready = match self.at_home(app).await {
            Ok(()) => connection.log_in_with_kept().await,
            elsewhere => elsewhere,
        };
        match ready {
            Ok(()) => Ok(connection),
            Err(error) => {
                connection.close().await;
                Err(error)
            }
        }
    }

    /// Whether anybody works on the app; nothing is asked of it.
    ///
    /// # Errors
    /// [`store::StoreError::Leased`] with who does.
    pub(crate) async fn nobody_works_on(&self, app: &AppName) -> Result<(), EngineError> {
        let epoch = self.store.lease(app, &self.setup.owner, self.ports.clock.now(), LEASE, self.setup.owner_is_gone).await?;
        Ok(self.store.release(&epoch).await?)
    }

    fn open(&self, app: &AppName, setup: &AppSetup, epoch: Epoch, now: Timestamp) -> Connection {
        let ports = self.ports.clone();
        let limit = setup.rate.or(setup.target.manifest().limit);
        let pace = Arc::new(Pace::new(limit, Arc::clone(&ports.clock), Arc::clone(&ports.sleep)));
        let wire = Wire::new(Arc::clone(&ports.transport), Arc::clone(&ports.clock), Arc::clone(&ports.random), pace, &setup.base_url);
        Connection {
            app: app.clone(),
            target: Arc::clone(&setup.target),
            epoch,
            tenant: setup.fingerprint.to_string(),
            store: self.store.clone(),
            ports,
            wire,
            session: Mutex::new(Session { profile: String::new(), headers: Vec::new(), expires: None, refresh: None }),
            logins: tokio::sync::Mutex::new(Logins::default()),
            leased_until: Mutex::new(now + LEASE),
        }
    }
}

impl Connection {
    async fn log_in_with_kept(&self) -> Result<(), EngineError> {
        let now = self.ports.clock.now();
        if let Some(stored) = self.store.session(&self.app).await?
            && stored.expires > now + SESSION_MARGIN
            && let Ok(kept) = serde_json::from_str::<KeptSession>(stored.secret.expose())
            && (kept.tenant == self.tenant && kept.base == self.wire.base())
        {
            let headers = kept.headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
            self.use_session(Session { profile: kept.profile, headers, expires: Some(stored.expires), refresh: None });
            return Ok(());
        }
        self.log_in(None).await
    }

    async fn log_in(&self, old: Option<&Session>) -> Result<(), EngineError> {
        let session =
            self.patiently(&crate::Silent, || self.target.log_in(&self.wire, old)).await.map_err(|fault| self.fault(fault))?;
        if let Some(expires) = session.expires {
            let headers = session.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
            let (tenant, base, profile) = (self.tenant.clone(), self.wire.base().to_owned(), session.profile.clone());
            let kept = KeptSession { tenant, base, profile, headers };
            let kept = serde_json::json!(kept).to_string();
            self.store.put_session(&self.epoch, &Secret::new(kept), expires).await?;
        }
        self.use_session(session);
        Ok(())
    }

    fn use_session(&self, session: Session) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = session;
    }

    /// The session in force.
    pub(crate) fn session(&self) -> Session {
        self.session.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An error with this app's name.
    pub(crate) fn fault(&self, fault: Fault) -> EngineError {
        EngineError::App { app: self.app.clone(), fault }
    }

    /// Requests so far.
    pub(crate) fn counts(&self) -> connector::Counts {
        self.wire.counts()
    }

    /// A reading wire with the session in force.
    pub(crate) fn read(&self) -> Read {
        Read::new(self.wire.clone(), self.session())
    }

    /// A writing wire with the session in force; for the executor only (P1).
    pub(crate) fn write(&self) -> Write {
        Write::new(self.read())
    }

    /// Tries until it works, waits as the app asks, and logs in again once when the session dies.  For reads, and for writes whose fault
    /// is known to have had no effect.
    ///
    /// # Errors
    /// The fault that no waiting mends.
    pub(crate) async fn ask<T, F, Fut>(&self, watch: &dyn Watch, call: F) -> Result<T, EngineError>
    where
        F: Fn(Read) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, Fault>> + Send,
        T: Send,
    {
        loop {
            let used = self.session();
            match self.patiently(watch, || call(self.read())).await {
                Ok(value) => return Ok(value),
                Err(Fault::Denied { scope: Scope::Session }) => self.renew_session(&used).await?,
                Err(fault) => return Err(self.fault(fault)),
            }
        }
    }

    async fn patiently<T, F, Fut>(&self, watch: &dyn Watch, call: F) -> Result<T, Fault>
    where
        F: Fn() -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, Fault>> + Send,
        T: Send,
    {
        let mut tries = 0;
        loop {
            match call().await {
                Err(Fault::Wait { after, why }) if tries < PATIENCE => {
                    self.wait(watch, tries, after, &why).await;
                    tries += 1;
                }
                other => return other,
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
        watch.event(Event::Waiting { app: self.app.clone(), millis, why: why.to_owned() });
        self.ports.sleep.sleep(wait).await;
    }

    /// Whether waiting once more is worth it.
    pub(crate) fn patience_left(tries: u32) -> bool {
        tries < PATIENCE
    }

    /// Logs in again after `dead`, the session that a call was begun with, died; once for all who notice at the same time.
    ///
    /// # Errors
    /// When the one before was made a moment ago too: somebody else logs in with the same name.
    pub(crate) async fn renew_session(&self, dead: &Session) -> Result<(), EngineError> {
        let mut logins = self.logins.lock().await;
        let current = self.session();
        let same = |a: &Session, b: &Session| {
            a.headers.iter().map(|(_, value)| value.expose()).eq(b.headers.iter().map(|(_, value)| value.expose()))
        };
        if !same(dead, &current) {
            return Ok(());
        }
        let now = self.ports.clock.elapsed();
        if let Some(last) = logins.last
            && now.saturating_sub(last) < RIVAL_WINDOW
        {
            let what = "the session died right after it was renewed: somebody else logs in with the same name; give Provost an admin of its own";
            return Err(self.fault(Fault::Denied { scope: Scope::Credentials(what.into()) }));
        }
        logins.last = Some(now);
        logins.count += 1;
        self.store.drop_session(&self.epoch).await?;
        self.log_in(Some(dead)).await
    }

    /// Keeps the lease alive; called between calls.
    pub(crate) async fn keep(&self) -> Result<(), EngineError> {
        let now = self.ports.clock.now();
        let due = *self.leased_until.lock().unwrap_or_else(PoisonError::into_inner) - LEASE / 2;
        if now >= due {
            self.store.renew(&self.epoch, now, LEASE).await?;
            *self.leased_until.lock().unwrap_or_else(PoisonError::into_inner) = now + LEASE;
        }
        Ok(())
    }

    /// Gives the lease back.  If that fails it runs out by itself.
    pub(crate) async fn close(&self) {
        let _ = self.store.release(&self.epoch).await;
    }
}

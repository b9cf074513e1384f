//! Connections: one owner at a time works on an app, fenced by an epoch (F12), and its session is kept sealed (A02).

use jiff::{SignedDuration, Timestamp};
use model::{AppName, AuditEntry, AuditWhat, Secret, Subject};

use crate::audit::told;
use crate::db::{Arg, Tx, args};
use crate::pack::{millis, time};
use crate::sabotage::{Off, is_off};
use crate::{SealKey, Store, StoreError, sql};

/// One turn of working on a connection.  Everything written during it names it, and is refused once it is over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch {
    /// The connection.
    pub app: AppName,
    /// Which turn; each is one more than the one before.
    pub number: i64,
}

/// A session as it was stored.
#[derive(Clone, Debug)]
pub struct StoredSession {
    /// The token.
    pub secret: Secret,
    /// Until when it is good.
    pub expires: Timestamp,
}

impl Store {
    /// Begins a turn on a connection for `owner` until `now + ttl`.  `owner` names host, process and something that is new at every
    /// start, because process ids come again; `dead` says whether an owner so named is known to be gone: then it is not waited for.
    ///
    /// # Errors
    /// [`StoreError::Leased`] while somebody's turn lasts, the same owner's included.
    pub async fn lease(
        &self,
        app: &AppName,
        owner: &str,
        now: Timestamp,
        ttl: SignedDuration,
        dead: impl Fn(&str) -> bool + Send,
    ) -> Result<Epoch, StoreError> {
        let mut tx = self.db.begin().await?;
        tx.execute(sql::CONNECTION_PUT, args![app.as_str(), Vec::new()]).await?;
        let row = tx.fetch_one(sql::CONNECTION, args![app.as_str()]).await?;
        let row = row.ok_or_else(|| StoreError::corrupt("a connection", "its row vanished"))?;
        let (number, holder, until) = (row.int(0)?, row.text(1)?, time(row.int(2)?, "a lease")?);
        let refused = |owner| StoreError::Leased { app: app.clone(), owner, until };
        if !holder.is_empty() && until > now && !dead(&holder) {
            return Err(refused(holder));
        }
        let ends = now.checked_add(ttl).unwrap_or(Timestamp::MAX);
        if tx.execute(sql::CONNECTION_LEASE, args![app.as_str(), number, owner, millis(ends)]).await? == 0 {
            return Err(refused("somebody who was faster".into()));
        }
        tx.commit().await?;
        Ok(Epoch { app: app.clone(), number: number + 1 })
    }

    /// Prolongs a turn until `now + ttl`; a turn whose time ran out goes on if nobody began another.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when it is over.
    pub async fn renew(&self, epoch: &Epoch, now: Timestamp, ttl: SignedDuration) -> Result<(), StoreError> {
        let ends = now.checked_add(ttl).unwrap_or(Timestamp::MAX);
        self.turn(epoch, sql::CONNECTION_RENEW, args![epoch.app.as_str(), epoch.number, millis(ends)]).await
    }

    /// Ends a turn; the session stays for the next one.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when it was over already.
    pub async fn release(&self, epoch: &Epoch) -> Result<(), StoreError> {
        self.turn(epoch, sql::CONNECTION_RELEASE, args![epoch.app.as_str(), epoch.number]).await
    }

    /// The session of a connection, if one is kept; it may have expired.
    ///
    /// # Errors
    /// [`StoreError::NoKey`]; [`StoreError::WrongKey`] when it was sealed with another key.
    pub async fn session(&self, app: &AppName) -> Result<Option<StoredSession>, StoreError> {
        let Some(row) = self.db.fetch_one(sql::SESSION, args![app.as_str()]).await? else { return Ok(None) };
        let sealed = row.bytes(0)?;
        if sealed.is_empty() {
            return Ok(None);
        }
        let secret = self.key()?.open(&name(app), &sealed)?;
        Ok(Some(StoredSession { secret, expires: time(row.int(1)?, "a session")? }))
    }

    /// Keeps the session of a connection, sealed.
    ///
    /// # Errors
    /// [`StoreError::NoKey`]; [`StoreError::Fenced`] when the turn is over.
    pub async fn put_session(&self, epoch: &Epoch, secret: &Secret, expires: Timestamp) -> Result<(), StoreError> {
        let sealed = self.key()?.seal(&name(&epoch.app), secret)?;
        self.turn(epoch, sql::SESSION_PUT, args![epoch.app.as_str(), epoch.number, sealed, millis(expires)]).await
    }

    /// Keeps the session that a person's consent gave, sealed, and notes that they let us in.
    ///
    /// # Errors
    /// [`StoreError::NoKey`]; [`StoreError::Fenced`] when the turn is over.
    pub async fn put_consent(&self, epoch: &Epoch, secret: &Secret, expires: Timestamp, at: Timestamp) -> Result<(), StoreError> {
        let sealed = self.key()?.seal(&name(&epoch.app), secret)?;
        let mut tx = self.db.begin().await?;
        let put = args![epoch.app.as_str(), epoch.number, sealed, millis(expires)];
        fenced(epoch, tx.execute(sql::SESSION_PUT, put).await?)?;
        let (actor, subject) = (self.actor.clone(), Subject::App(epoch.app.clone()));
        let details = serde_json::json!({ "expires": told(expires) });
        tx.audit(AuditEntry { at, actor, what: AuditWhat::Connected, subject, details }).await?;
        tx.commit().await
    }

    /// Forgets the session of a connection: it does not work any more.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the turn is over.
    pub async fn drop_session(&self, epoch: &Epoch) -> Result<(), StoreError> {
        self.turn(epoch, sql::SESSION_PUT, args![epoch.app.as_str(), epoch.number, Vec::new(), 0]).await
    }

    pub(crate) fn key(&self) -> Result<&SealKey, StoreError> {
        self.key.as_ref().ok_or(StoreError::NoKey)
    }

    /// Runs a statement that changes no row when the turn is over.
    async fn turn(&self, epoch: &Epoch, sql: &'static str, args: Vec<Arg>) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        fenced(epoch, tx.execute(sql, args).await?)?;
        tx.commit().await
    }
}

/// Refuses the transaction when the turn is over, and keeps it from being over before the commit.
pub(crate) async fn fence(tx: &mut Tx, epoch: &Epoch) -> Result<(), StoreError> {
    fenced(epoch, tx.execute(sql::CONNECTION_FENCE, args![epoch.app.as_str(), epoch.number]).await?)
}

fn fenced(epoch: &Epoch, changed: u64) -> Result<(), StoreError> {
    if changed == 0 && !is_off(Off::Fence) { Err(StoreError::Fenced { app: epoch.app.clone(), epoch: epoch.number }) } else { Ok(()) }
}

/// What a session is sealed under.
fn name(app: &AppName) -> String {
    format!("session/{app}")
}

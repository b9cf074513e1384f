//! What was answered to requests that carry a name of their own: the same request again gets the same answer, and is not done again.

use jiff::Timestamp;
use model::{Digest, Secret};

use crate::db::args;
use crate::pack::millis;
use crate::{Store, StoreError, sql};

/// A request by the name that its caller gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replied<'a> {
    /// Who asked.
    pub caller: &'a str,
    /// The name that they gave this request.
    pub name: &'a str,
    /// Which server it came to: a new id each time one starts.
    pub server: &'a str,
}

/// What is known of a request when it comes.
#[derive(Debug)]
pub enum Begun {
    /// It is new, and noted: do it, then say what was answered.
    New,
    /// It was answered so.
    Answered(Secret),
    /// The same name was given to another request.
    Other,
    /// It is being done.
    UnderWay,
    /// Another server began it and has not said what came of it: it may be at it, or have ended in the middle.
    Unknown,
}

impl Store {
    /// Begins a request, where it is new; what began before `until` is forgotten.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`], [`StoreError::NoKey`] for an answer that cannot be opened; [`StoreError::Nul`]; when the database fails.
    pub async fn begin_reply(&self, of: Replied<'_>, request: &Digest, now: Timestamp, until: Timestamp) -> Result<Begun, StoreError> {
        let Replied { caller, name, server } = of;
        let request = request.to_string();
        let mut tx = self.db.begin().await?;
        tx.execute(sql::REPLIES_SWEEP, args![millis(until)]).await?;
        let row = args![caller, name, request.as_str(), millis(now), server, Vec::new()];
        let new = tx.execute(sql::REPLY_BEGIN, row).await? > 0;
        let kept = tx.fetch_one(sql::REPLY, args![caller, name]).await?;
        tx.commit().await?;
        let kept = kept.ok_or_else(|| StoreError::corrupt("a kept answer", "it vanished"))?;
        if new {
            return Ok(Begun::New);
        }
        let (same, of_server, body) = (kept.text(0)? == request, kept.text(1)?, kept.bytes(2)?);
        Ok(match (same, body.is_empty()) {
            (false, _) => Begun::Other,
            (true, false) => Begun::Answered(self.key()?.open(&sealed_as(of), &body)?),
            (true, true) if of_server == server => Begun::UnderWay,
            (true, true) => Begun::Unknown,
        })
    }

    /// Keeps, sealed, what was answered to a request that this server began.
    ///
    /// # Errors
    /// [`StoreError::NoKey`]; when the database fails.
    pub async fn end_reply(&self, of: Replied<'_>, answer: &Secret) -> Result<(), StoreError> {
        let body = self.key()?.seal(&sealed_as(of), answer)?;
        let mut tx = self.db.begin().await?;
        tx.execute(sql::REPLY_END, args![of.caller, of.name, of.server, body]).await?;
        tx.commit().await
    }

    /// Forgets a request that this server began and that came to nothing: it may be made again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn drop_reply(&self, of: Replied<'_>) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.execute(sql::REPLY_DROP, args![of.caller, of.name, of.server]).await?;
        tx.commit().await
    }
}

/// What an answer is sealed under: it opens for its caller and its request's name only.
fn sealed_as(of: Replied<'_>) -> String {
    format!("reply/{}/{}/{}", of.caller.len(), of.caller, of.name)
}

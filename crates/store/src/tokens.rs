//! Tokens that let other programs in: their hashes, what they are for, when they were last used.

use jiff::Timestamp;
use model::{Actor, AuditEntry, AuditWhat, Role, Subject, Token};
use serde_json::json as object;

use crate::db::{Row, args};
use crate::pack::{json, millis, time};
use crate::{Store, StoreError, sql};

const TOKEN: &str = "a token";

impl Store {
    /// Keeps a new token, and says so in the audit trail.
    ///
    /// # Errors
    /// When the database fails, or there is one with that id.
    pub async fn put_token(&self, token: &Token) -> Result<(), StoreError> {
        let Token { id, hash, purpose, subject, role, made, made_by, expires, used: _ } = token;
        let until = expires.map_or(0, millis);
        let mut tx = self.db.begin().await?;
        tx.audit(AuditEntry {
            at: *made,
            actor: made_by.clone(),
            what: AuditWhat::TokenMade,
            subject: Subject::Other("token", id.clone()),
            details: described(token),
        })
        .await?;
        let row = args![
            id.as_str(),
            hash.as_str(),
            purpose.as_str(),
            subject.as_str(),
            millis(*made),
            json(made_by),
            until,
            role.map_or("", Role::word)
        ];
        tx.execute(sql::TOKEN_PUT, row).await?;
        tx.commit().await
    }

    /// The token with this public part, if there is one, whether it still opens anything or not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token(&self, id: &str) -> Result<Option<Token>, StoreError> {
        if id.contains('\0') {
            return Ok(None);
        }
        self.db.fetch_one(sql::TOKEN, args![id]).await?.as_ref().map(token).transpose()
    }

    /// All tokens, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.db.fetch(sql::TOKENS, args![]).await?.iter().map(token).collect()
    }

    /// Ends a token at `until`, which is `now` or later, and says so in the audit trail; one that ends before stays as it is.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; when the database fails.
    pub async fn end_token(&self, id: &str, by: &Actor, now: Timestamp, until: Timestamp) -> Result<Token, StoreError> {
        let mut tx = self.db.begin().await?;
        let not_there = || StoreError::NotFound { what: "token", name: id.to_owned() };
        let before = token(&tx.fetch_one(sql::TOKEN, args![id]).await?.ok_or_else(not_there)?)?;
        if before.expires.is_none_or(|expires| expires > until) {
            tx.audit(AuditEntry {
                at: now,
                actor: by.clone(),
                what: AuditWhat::TokenRevoked,
                subject: Subject::Other("token", id.to_owned()),
                details: object!({ "until": crate::audit::told(until) }),
            })
            .await?;
            tx.execute(sql::TOKEN_END, args![id, millis(until)]).await?;
        }
        tx.commit().await?;
        self.token(id).await?.ok_or_else(not_there)
    }

    /// Ends a token that counts until now and is good for one use, if it is this very one; whether this was its use.  The audit trail says
    /// what it was used for, not this.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_token(&self, id: &str, hash: &str, now: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let taken = tx.fetch_one(sql::TOKEN_TAKE, args![id, millis(now), hash]).await?.is_some();
        tx.commit().await?;
        Ok(taken)
    }

    /// Removes log-ins and links that ended before `until`: the audit trail keeps that there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_tokens(&self, until: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.execute(sql::TOKENS_SWEEP, args![millis(until)]).await?;
        tx.commit().await
    }

    /// Notes when tokens were last used; of several notes about one the latest counts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tokens_used(&self, used: &[(String, Timestamp)]) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        for (id, at) in used {
            tx.execute(sql::TOKEN_USED, args![id.as_str(), millis(*at)]).await?;
        }
        tx.commit().await
    }
}

/// What the audit trail says of a new token.
fn described(token: &Token) -> serde_json::Value {
    let mut told = object!({ "purpose": token.purpose, "subject": token.subject, "expires": token.expires.map(crate::audit::told) });
    if let Some(role) = token.role {
        told["role"] = role.word().into();
    }
    told
}

fn token(row: &Row) -> Result<Token, StoreError> {
    let some = |millis: i64| (millis != 0).then(|| time(millis, TOKEN)).transpose();
    Ok(Token {
        id: row.text(0)?,
        hash: row.text(1)?,
        purpose: row.text(2)?,
        subject: row.text(3)?,
        made: time(row.int(4)?, TOKEN)?,
        made_by: row.json(5, TOKEN)?,
        expires: some(row.int(6)?)?,
        used: some(row.int(7)?)?,
        role: match row.text(8)?.as_str() {
            "" => None,
            word => Some(word.parse().map_err(|why: String| StoreError::corrupt(TOKEN, why))?),
        },
    })
}

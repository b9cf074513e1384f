//! Notices on their way out: made from the audit trail, up to a place that is kept for each `[notice.NAME]`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::{Delivery, DeliveryState};

use crate::db::{Row, args};
use crate::pack::{json, millis, time};
use crate::{Store, StoreError, sql};

const DELIVERY: &str = "a delivery";

/// How far a notice was told: from this entry of the audit trail to that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeMove {
    /// Which `[notice.NAME]`.
    pub notice: String,
    /// Where it was.
    pub from: u64,
    /// Where it is then.
    pub to: u64,
}

impl Store {
    /// Up to which entry of the audit trail each notice was told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn notice_cursors(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let rows = self.db.fetch(sql::NOTICE_CURSORS, args![]).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?.unsigned_abs()))).collect()
    }

    /// Lets notices that are new begin behind the newest entry of the audit trail: they are told of nothing before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin_notices(&self, names: &[&str]) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let head = tx.audit_head().await?.map_or(0, |head| head.seq);
        for name in names {
            tx.execute(sql::NOTICE_BEGIN, args![*name, place(head)]).await?;
        }
        tx.commit().await
    }

    /// Keeps deliveries, and how far their notices were told with them; whether they were kept.  Where somebody else told one of them further
    /// meanwhile, nothing is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_deliveries(&self, moves: &[NoticeMove], deliveries: &[Delivery]) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        for NoticeMove { notice, from, to } in moves {
            if tx.execute(sql::NOTICE_MOVE, args![notice.as_str(), place(*from), place(*to)]).await? == 0 {
                return Ok(false);
            }
        }
        for Delivery { id, to, entry, made, notice, .. } in deliveries {
            tx.execute(sql::DELIVERY_PUT, args![id.as_str(), to.as_str(), place(*entry), millis(*made), json(notice)]).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// What is to be sent at `now`, the longest due first, at most so many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn due_deliveries(&self, now: Timestamp, most: u32) -> Result<Vec<Delivery>, StoreError> {
        self.db.fetch(sql::DELIVERIES_DUE, args![millis(now), i64::from(most)]).await?.iter().map(read).collect()
    }

    /// Takes a delivery for oneself until `until`; whether one got it: of all who try, one does.  It counts as tried.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_delivery(&self, id: &str, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.db.begin().await?;
        let claimed = tx.execute(sql::DELIVERY_CLAIM, args![id, millis(now), millis(until)]).await? > 0;
        tx.commit().await?;
        Ok(claimed)
    }

    /// The other side took it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delivery_sent(&self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.execute(sql::DELIVERY_SENT, args![id, millis(at)]).await?;
        tx.commit().await
    }

    /// It was not taken, and is tried again at `next`; put aside at `now` where there is no next time.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delivery_failed(&self, id: &str, why: &str, now: Timestamp, next: Option<Timestamp>) -> Result<(), StoreError> {
        let why = why.replace('\0', " ");
        let mut tx = self.db.begin().await?;
        match next {
            Some(next) => tx.execute(sql::DELIVERY_LATER, args![id, millis(next), why]).await?,
            None => tx.execute(sql::DELIVERY_ASIDE, args![id, millis(now), why]).await?,
        };
        tx.commit().await
    }

    /// Lets a delivery be sent again, from the first try on, whatever became of it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; when the database fails.
    pub async fn delivery_again(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        if tx.execute(sql::DELIVERY_AGAIN, args![id, millis(now)]).await? == 0 {
            return Err(StoreError::NotFound { what: DELIVERY, name: id.to_owned() });
        }
        tx.commit().await
    }

    /// All deliveries, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deliveries(&self) -> Result<Vec<Delivery>, StoreError> {
        self.db.fetch(sql::DELIVERIES, args![]).await?.iter().map(read).collect()
    }

    /// A delivery by its id.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; when the database fails.
    pub async fn delivery(&self, id: &str) -> Result<Delivery, StoreError> {
        let row = self.db.fetch_one(sql::DELIVERY, args![id]).await?;
        read(&row.ok_or_else(|| StoreError::NotFound { what: DELIVERY, name: id.to_owned() })?)
    }

    /// The delivery whose id begins so.
    ///
    /// # Errors
    /// [`StoreError::BadPrefix`], [`StoreError::NotFound`], [`StoreError::Ambiguous`] with those that fit.
    pub async fn find_delivery(&self, prefix: &str) -> Result<Delivery, StoreError> {
        let low = prefix.to_ascii_lowercase();
        if low.len() < 4 || !low.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
            return Err(StoreError::BadPrefix { what: DELIVERY, prefix: prefix.to_owned() });
        }
        let rows = self.db.fetch(sql::DELIVERY_FIND, args![low.as_str(), format!("{low}g")]).await?;
        match rows.as_slice() {
            [] => Err(StoreError::NotFound { what: DELIVERY, name: low }),
            [row] => read(row),
            rows => Err(StoreError::Ambiguous { prefix: low, matches: rows.iter().map(|row| row.text(0)).collect::<Result<_, _>>()? }),
        }
    }

    /// Forgets what was sent or put aside before this.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_deliveries(&self, before: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.execute(sql::DELIVERIES_SWEEP, args![millis(before)]).await?;
        tx.commit().await
    }
}

fn place(entry: u64) -> i64 {
    i64::try_from(entry).unwrap_or(i64::MAX)
}

fn read(row: &Row) -> Result<Delivery, StoreError> {
    let state: DeliveryState =
        serde_json::from_value(serde_json::Value::String(row.text(5)?)).map_err(|error| StoreError::corrupt(DELIVERY, error))?;
    let ended = row.int(8)?;
    Ok(Delivery {
        id: row.text(0)?,
        to: row.text(1)?,
        entry: row.int(2)?.unsigned_abs(),
        made: time(row.int(3)?, DELIVERY)?,
        notice: row.json(4, DELIVERY)?,
        state,
        tries: row.int(6)?.unsigned_abs(),
        next: (state == DeliveryState::Waiting).then(|| time(row.int(7)?, DELIVERY)).transpose()?,
        ended: (ended != 0).then(|| time(ended, DELIVERY)).transpose()?,
        why: row.text(9)?,
    })
}

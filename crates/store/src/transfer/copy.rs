//! Copying all rows from one store into another, in one transaction of the other, compared before it is kept.

use std::borrow::Cow;
use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use model::{AuditEntry, AuditWhat, Subject};
use serde::Serialize;
use serde_json::json as object;
use sqlx::AssertSqlSafe;

use super::tally::{Digests, TableDigest, contents, tally};
use super::{Contents, Heard, Tally};
use crate::db::{Arg, Table, Tx, args};
use crate::pack::millis;
use crate::sql::Rows;
use crate::{Store, StoreError, sql};

/// Rows are handed over when so many bytes of them have come together.
const BATCH: usize = 4 << 20;

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Every row, as it was read from the one store and, before it was kept, read again from the other.
    #[serde(flatten)]
    pub tally: Tally,
    /// What the other store held before and lost.
    pub replaced: Contents,
    /// How many approvals that nobody had used were left behind: a yes is used once, and the first store still has it.
    pub approvals_ended: u64,
}

/// What the rows are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// Another store, which is worked with from then on: its trail says what it was, and when.
    Work {
        /// Copied or restored.
        what: AuditWhat,
        /// When.
        now: Timestamp,
    },
    /// A backup: nobody works with it.
    Keeping,
}

impl Store {
    /// Copies everything into another store, as it is at one instant, while others go on to write here.  All or nothing: the rows
    /// are read back and compared before they are kept.  With `replace`, what the other store holds is lost.
    ///
    /// Nothing can be used in both: approvals that nobody used have to be given again there, turns on connections are over, and
    /// their numbers go on above all that ever were, so that nobody who worked there before can go on.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] without `replace`; [`StoreError::Leased`] while somebody works with the other store;
    /// [`StoreError::Corrupt`] when something cannot be read, or does not come back as it was.
    pub async fn copy_to(&self, other: &Self, replace: bool, now: Timestamp, heard: &mut Heard<'_>) -> Result<Copied, StoreError> {
        copy(self, other, replace.then_some(now), For::Work { what: AuditWhat::Copied, now }, heard).await
    }
}

/// Copies; `replace` is the instant at which nobody may be working in the other store.
pub(super) async fn copy(
    from: &Store,
    to: &Store,
    replace: Option<Timestamp>,
    purpose: For,
    heard: &mut Heard<'_>,
) -> Result<Copied, StoreError> {
    let mut source = from.db.snapshot().await?;
    let mut target = to.db.begin().await?;
    let tables = source.tables().await?;
    let theirs = target.tables().await?;
    if theirs != tables {
        return Err(StoreError::corrupt(to.at.to_string(), "its tables are not those of this version"));
    }
    let replaced = contents(&mut target).await?;
    let turns = turns(&mut target).await?;
    let replaced_head = target.audit_head().await.unwrap_or_default();
    if replaced.total() > 0 {
        let Some(now) = replace else {
            let next = "name an empty one, or restore a backup with `--replace`";
            return Err(StoreError::NotEmpty { at: to.at.to_string(), holds: replaced.to_string(), next });
        };
        if let Some(turn) = turns.iter().find(|turn| !turn.owner.is_empty() && turn.until > millis(now)) {
            let until = crate::pack::time(turn.until, "a lease")?;
            return Err(StoreError::Leased { app: model::AppName::new(&turn.app), owner: turn.owner.clone(), until });
        }
        for table in theirs.iter().rev() {
            target.execute(AssertSqlSafe(table.empty()), args![]).await?;
        }
    }
    let sent = send(&mut source, &mut target, &tables, heard).await?;
    drop(source);
    let came = tally(&mut target, &mut |table, done, total| heard(&format!("{table}, compared"), done, total)).await?;
    if came != sent {
        return Err(StoreError::corrupt(to.at.to_string(), "what was written does not read back as it was"));
    }
    let mut approvals_ended = 0;
    if let For::Work { what, now } = purpose {
        let mut details = object!({ "rows": sent.contents.total(), "digest": sent.digest });
        if let Some(head) = replaced_head {
            details["replaced_head"] = head.to_string().into();
        }
        target.audit(AuditEntry { at: now, actor: to.actor.clone(), what, subject: Subject::Store, details }).await?;
        approvals_ended = target.execute(sql::APPROVALS_END, args![]).await?;
        target.execute(sql::APPROVED_AGAIN, args![]).await?;
        target.execute(sql::TURNS_END, args![]).await?;
        for turn in turns {
            target.execute(sql::CONNECTION_PUT, args![turn.app.as_str(), Vec::new()]).await?;
            target.execute(sql::TURN_ABOVE, args![turn.app, turn.epoch]).await?;
        }
    }
    target.commit().await?;
    Ok(Copied { tally: sent, replaced, approvals_ended })
}

/// Who works, or worked last, on a connection.
struct Turn {
    app: String,
    epoch: i64,
    owner: String,
    until: i64,
}

async fn turns(tx: &mut Tx) -> Result<Vec<Turn>, StoreError> {
    let rows = tx.fetch(sql::TURNS, args![]).await?;
    rows.iter().map(|row| Ok(Turn { app: row.text(0)?, epoch: row.int(1)?, owner: row.text(2)?, until: row.int(3)? })).collect()
}

/// Moves all rows, never many at once in memory.
async fn send(source: &mut Tx, target: &mut Tx, tables: &[Table], heard: &mut Heard<'_>) -> Result<Tally, StoreError> {
    let mut totals = BTreeMap::new();
    for table in tables {
        totals.insert(table.name.as_str(), source.count(table).await?);
    }
    let mut digests = Digests::default();
    for table in tables {
        let into = Rows { head: Cow::Owned(table.insert()), columns: table.columns.len(), tail: "" };
        let (mut digest, mut batch, mut bytes) = (TableDigest::new(table), Vec::new(), 0);
        let mut rows = source.stream(table.read_all());
        while let Some(row) = rows.try_next().await? {
            let values = table.values(&row)?;
            digest.row(&values);
            bytes += values.iter().map(size).sum::<usize>();
            batch.push(values);
            if bytes >= BATCH || batch.len() >= 1024 {
                target.insert(&into, std::mem::take(&mut batch)).await?;
                bytes = 0;
                heard(&table.name, digest.rows, totals[table.name.as_str()]);
            }
        }
        target.insert(&into, batch).await?;
        digests.end(table, digest);
    }
    Ok(digests.tally())
}

fn size(value: &Arg) -> usize {
    match value {
        Arg::Int(_) => 8,
        Arg::Text(text) => text.len(),
        Arg::Bytes(bytes) => bytes.len(),
    }
}

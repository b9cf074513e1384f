//! The audit trail: append-only, chained by hash, written in the transaction of what it tells of.

mod replay;
mod verify;

use jiff::Timestamp;
use model::{AuditEntry, AuditWhat, Audited, Digest, Subject, digest_of};
use serde::Serialize;
use serde_json::{Value, json};

use crate::db::{Row, Tx, args};
use crate::pack::{millis, time};
use crate::{StandingWord, Store, StoreError, sql};
use replay::Replay;

pub use verify::{AuditFault, AuditReport};

/// The newest entry: whoever keeps it elsewhere can tell later whether all of the trail up to it is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AuditHead {
    /// Its place.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
}

impl AuditHead {
    /// The head of a trail without entries.
    pub(crate) const NONE: Self = Self { seq: 0, hash: Audited::NOTHING };

    /// As `meta` keeps it.
    fn read(text: &str) -> Option<Self> {
        let (seq, hash) = text.split_once(' ')?;
        Some(Self { seq: seq.parse().ok()?, hash: hash.parse().ok()? })
    }
}

impl std::fmt::Display for AuditHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.seq, self.hash)
    }
}

impl Tx {
    /// Notes what this transaction does; see [`Tx::audit_all`].
    pub(crate) async fn audit(&mut self, entry: AuditEntry) -> Result<AuditHead, StoreError> {
        self.audit_all(vec![entry]).await
    }

    /// Notes what this transaction does, in this order: kept with it or not at all.  To be called before new rows of plans, decisions
    /// and runs are written: whatever of these is there before the first entry is noted as older than the trail.
    pub(crate) async fn audit_all(&mut self, entries: Vec<AuditEntry>) -> Result<AuditHead, StoreError> {
        let kept = self.audit_head().await?;
        if entries.is_empty() {
            return Ok(kept.unwrap_or(AuditHead::NONE));
        }
        let last = self.fetch_one(sql::AUDIT_LAST, args![]).await?.map_or(Ok(0), |row| row.int(0))?.unsigned_abs();
        let mut head = kept.unwrap_or(AuditHead::NONE);
        // Nothing is ever written over: where the end was cut or something was put behind it, the chain stays broken there.
        head.seq = head.seq.max(last);
        let begun = if kept.is_none() && last == 0 { self.before_the_trail(&entries[0]).await? } else { None };
        for entry in begun.into_iter().chain(entries) {
            head = self.append(head, entry).await?;
        }
        self.execute(sql::SET_META, args![sql::AUDIT_META, head.to_string()]).await?;
        Ok(head)
    }

    async fn append(&mut self, head: AuditHead, entry: AuditEntry) -> Result<AuditHead, StoreError> {
        let AuditEntry { at, actor, what, subject, details } = entry;
        let actor = serde_json::to_value(actor).map_err(|error| StoreError::corrupt("an actor", error))?;
        let mut audited = Audited {
            actor,
            at: time(millis(at), "the time of an entry")?,
            details,
            hash: Audited::NOTHING,
            previous: head.hash,
            seq: head.seq + 1,
            subject: subject.to_string(),
            what: what.word().to_owned(),
        };
        audited.hash = audited.right_hash();
        let Audited { actor, at, details, hash, previous, seq, subject, what } = audited;
        let place = i64::try_from(seq).map_err(|error| StoreError::corrupt("the audit trail", error))?;
        let values =
            args![place, millis(at), canonical(&actor), what, subject, canonical(&details), previous.to_string(), hash.to_string()];
        self.execute(sql::AUDIT_PUT, values).await?;
        Ok(AuditHead { seq, hash })
    }

    pub(crate) async fn audit_head(&mut self) -> Result<Option<AuditHead>, StoreError> {
        let Some(row) = self.fetch_one(sql::META, args![sql::AUDIT_META]).await? else { return Ok(None) };
        let text = row.text(0)?;
        Ok(Some(AuditHead::read(&text).ok_or_else(|| StoreError::corrupt("the head of the audit trail", text))?))
    }

    /// Makes sure that a plan and the yes to it are as the trail tells of them: an approval that nobody gave is not used.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub(crate) async fn approval_is_told(&mut self, plan: &Digest) -> Result<(), StoreError> {
        let what = format!("the approval of plan {}", plan.short());
        let digest = plan.to_string();
        let plan_row = self.fetch_one(sql::PLAN_HEAD, args![digest.as_str()]).await?;
        let decision_row = self.fetch_one(sql::AUDIT_DECISION, args![digest.as_str()]).await?;
        let (Some(plan_row), Some(decision_row)) = (plan_row, decision_row) else {
            return Err(StoreError::corrupt(what, "it vanished"));
        };
        let mut replay = Replay::default();
        for row in self.fetch(sql::AUDIT_OF, args![Subject::Plan(*plan).to_string()]).await? {
            let (entry, as_written) = read(&row)?;
            if !as_written || entry.right_hash() != entry.hash {
                return Err(StoreError::corrupt(what, format!("entry {} of the audit trail was edited", entry.seq)));
            }
            replay.entry(&entry);
        }
        match replay.stands(&plan_row, &decision_row)? {
            Some(true) => Ok(()),
            Some(false) => Err(StoreError::corrupt(what, "the audit trail tells otherwise of it")),
            // Given before there was a trail.
            None if self.began_late().await? => Ok(()),
            None => Err(StoreError::corrupt(what, "the audit trail does not tell of it")),
        }
    }

    /// Makes sure that the newest word about a standing approval is the one that the trail tells of.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub(crate) async fn standing_is_told(&mut self, standing: &Digest, word: &StandingWord) -> Result<(), StoreError> {
        let what = format!("the word about the standing approval {}", standing.short());
        let rows = self.fetch(sql::AUDIT_OF, args![Subject::Other("standing", standing.to_string()).to_string()]).await?;
        let Some(newest) = rows.last() else {
            return Err(StoreError::corrupt(what, "the audit trail does not tell of it; `provost audit verify`"));
        };
        let (entry, as_written) = read(newest)?;
        if !as_written || entry.right_hash() != entry.hash {
            return Err(StoreError::corrupt(what, format!("entry {} of the audit trail was edited", entry.seq)));
        }
        let approved = entry.what == AuditWhat::StandingApproved.word();
        let same = (approved, &entry.actor, &entry.details["policy"]) == (word.approved, &json!(word.by), &json!(word.policy));
        if same && entry.at == word.at {
            return Ok(());
        }
        Err(StoreError::corrupt(what, "the audit trail tells otherwise of it; `provost audit verify`"))
    }

    /// Whether plans and decisions may be older than the trail: it says so in its first entry, or is still to begin.
    async fn began_late(&mut self) -> Result<bool, StoreError> {
        match self.fetch_one(sql::AUDIT_FIRST, args![]).await? {
            Some(first) => Ok(first.text(0)? == AuditWhat::Begun.word()),
            None => Ok(self.audit_head().await?.is_none()),
        }
    }

    /// What is older than the trail, if anything is, to begin it with.
    async fn before_the_trail(&mut self, first: &AuditEntry) -> Result<Option<AuditEntry>, StoreError> {
        let mut older = Older::default();
        for (sql, ids) in
            [(sql::AUDIT_PLANS, &mut older.plans), (sql::AUDIT_DECISIONS, &mut older.decisions), (sql::AUDIT_RUNS, &mut older.runs)]
        {
            for row in self.fetch(sql, args![]).await? {
                ids.push(row.text(0)?);
            }
        }
        if older.is_empty() {
            return Ok(None);
        }
        let (actor, at) = (first.actor.clone(), first.at);
        Ok(Some(AuditEntry { at, actor, what: AuditWhat::Begun, subject: Subject::Store, details: older.told() }))
    }
}

/// The ids of what is in the store without an entry of its own.
#[derive(Default)]
pub(crate) struct Older {
    pub(crate) plans: Vec<String>,
    pub(crate) decisions: Vec<String>,
    pub(crate) runs: Vec<String>,
}

impl Older {
    pub(crate) fn is_empty(&self) -> bool {
        self.plans.is_empty() && self.decisions.is_empty() && self.runs.is_empty()
    }

    /// How many there are, and a digest that says which.
    pub(crate) fn told(mut self) -> Value {
        for ids in [&mut self.plans, &mut self.decisions, &mut self.runs] {
            ids.sort_unstable();
        }
        let Self { plans, decisions, runs } = &self;
        json!({
            "plans": plans.len(), "decisions": decisions.len(), "runs": runs.len(),
            "digest": digest_of(&(plans, decisions, runs)),
        })
    }
}

impl Store {
    /// Notes something that is no row of this store; whatever is one is noted in its own transaction.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self, entry: AuditEntry) -> Result<AuditHead, StoreError> {
        let mut tx = self.db.begin().await?;
        let head = tx.audit(entry).await?;
        tx.commit().await?;
        Ok(head)
    }

    /// The newest entry of the trail, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_head(&self) -> Result<Option<AuditHead>, StoreError> {
        self.db.snapshot().await?.audit_head().await
    }

    /// All entries of the trail, in their order, as they are kept: not verified.
    ///
    /// # Errors
    /// When the database fails, or an entry is no entry at all.
    pub async fn audited(&self) -> Result<Vec<Audited>, StoreError> {
        self.db.fetch(sql::AUDIT, args![]).await?.iter().map(|row| read(row).map(|(entry, _)| entry)).collect()
    }

    /// The next entries after this place, in their order, so many at most; as [`Store::audited`].
    ///
    /// # Errors
    /// As [`Store::audited`].
    pub async fn audited_after(&self, seq: u64, most: u32) -> Result<Vec<Audited>, StoreError> {
        let Ok(after) = i64::try_from(seq) else { return Ok(Vec::new()) };
        let rows = self.db.fetch(sql::AUDIT_AFTER, args![after, i64::from(most)]).await?;
        rows.iter().map(|row| read(row).map(|(entry, _)| entry)).collect()
    }
}

fn canonical(value: &Value) -> String {
    String::from_utf8_lossy(&model::canonical_json(value)).into_owned()
}

/// An entry from its row, and whether its texts are as they are written here: everything else would be an edit that its hash does not show.
fn read(row: &Row) -> Result<(Audited, bool), StoreError> {
    let what = "an entry of the audit trail";
    let (actor, details) = (row.text(2)?, row.text(5)?);
    let entry = Audited {
        seq: row.int(0)?.unsigned_abs(),
        at: time(row.int(1)?, what)?,
        actor: row.json(2, what)?,
        what: row.text(3)?,
        subject: row.text(4)?,
        details: row.json(5, what)?,
        previous: row.parsed(6, what)?,
        hash: row.parsed(7, what)?,
    };
    let as_written = row.int(0)? > 0
        && canonical(&entry.actor) == actor
        && canonical(&entry.details) == details
        && row.text(6)? == entry.previous.to_string()
        && row.text(7)? == entry.hash.to_string();
    Ok((entry, as_written))
}

/// Milliseconds as the trail writes a time.
pub(crate) fn told(at: Timestamp) -> Timestamp {
    time(millis(at), "a time").unwrap_or(at)
}

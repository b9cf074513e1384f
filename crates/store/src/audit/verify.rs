//! Verifying the trail: the chain by itself, and against the rows that it tells of.

use futures_util::TryStreamExt;
use model::{Audited, Digest};
use serde::Serialize;

use super::replay::Replay;
use super::{AuditHead, read};
use crate::{Store, StoreError, sql};

/// Something that is wrong with the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditFault {
    /// At which entry, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// What verifying found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// How many entries there are.
    pub entries: u64,
    /// The newest one.
    pub head: Option<AuditHead>,
    /// Everything that is wrong; nothing when the trail is whole.
    pub faults: Vec<AuditFault>,
    /// What is no fault, but to be known: another store's trail was taken over, what is older than the trail.
    pub notes: Vec<String>,
}

impl Store {
    /// Verifies the trail: each entry against its hash, each against the one before, the end against what the store keeps of it, and
    /// plans, decisions and runs against what is told of them.  `known` are hashes that somebody kept elsewhere: each must be in it.
    ///
    /// # Errors
    /// When the database fails; a broken trail is no error but faults in the report.
    pub async fn verify_audit(&self, known: &[Digest]) -> Result<AuditReport, StoreError> {
        let mut tx = self.db.snapshot().await?;
        let kept = match tx.audit_head().await {
            Ok(head) => head,
            Err(StoreError::Corrupt { .. }) => None,
            Err(error) => return Err(error),
        };
        let mut chain = Chain { head: AuditHead::NONE, left: known.to_vec(), faults: Vec::new() };
        let mut replay = Replay::default();
        let mut entries = 0;
        {
            let mut rows = tx.stream(sql::AUDIT.to_owned());
            while let Some(row) = rows.try_next().await? {
                entries += 1;
                match read(&row) {
                    Ok((entry, as_written)) => {
                        if chain.next(&entry, as_written) {
                            replay.entry(&entry);
                        }
                    }
                    Err(StoreError::Corrupt { why, .. }) => {
                        let seq = row.int(0).map(i64::unsigned_abs).ok();
                        chain.fault(seq, format!("it is no entry any more: {why}"));
                        chain.head.seq = seq.unwrap_or(chain.head.seq);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        chain.end(kept);
        let Chain { mut faults, .. } = chain;
        let whole = faults.is_empty();
        let (against_rows, notes) = replay.compare(&mut tx).await?;
        // A broken chain is told first: what follows from it would be told once more for each row.
        if whole {
            faults.extend(against_rows.into_iter().map(|what| AuditFault { seq: None, what }));
        }
        Ok(AuditReport { entries, head: kept, faults, notes })
    }
}

struct Chain {
    head: AuditHead,
    /// Hashes that were not come across yet.
    left: Vec<Digest>,
    faults: Vec<AuditFault>,
}

impl Chain {
    fn fault(&mut self, seq: Option<u64>, what: impl Into<String>) {
        self.faults.push(AuditFault { seq, what: what.into() });
    }

    /// The next entry; whether it says what it said when it was written.
    fn next(&mut self, entry: &Audited, as_written: bool) -> bool {
        let (seq, wanted) = (Some(entry.seq), self.head.seq + 1);
        if entry.seq != wanted {
            self.fault(seq, format!("entry {wanted} should come here: what was in between is gone, or this was put in"));
        }
        if entry.previous != self.head.hash {
            self.fault(
                seq,
                "it does not follow the entry before it: one of the two was edited, moved, put in, or something in between is gone",
            );
        }
        let untouched = as_written && entry.right_hash() == entry.hash;
        if !untouched {
            self.fault(seq, "it was edited: it does not have its hash");
        }
        self.left.retain(|known| *known != entry.hash);
        self.head = AuditHead { seq: entry.seq, hash: entry.hash };
        untouched
    }

    fn end(&mut self, kept: Option<AuditHead>) {
        match kept {
            None if self.head.seq > 0 => self.fault(None, "the store does not know the trail's end any more: it was edited"),
            Some(kept) if kept.seq > self.head.seq => {
                let what = format!("the end is cut off: entries {} to {} are gone", self.head.seq + 1, kept.seq);
                self.fault(None, what);
            }
            Some(kept) if kept != self.head => {
                let what = format!("the end is not where the store knows it (entry {}): entries were put in or edited", kept.seq);
                self.fault(None, what);
            }
            _ => {}
        }
        for known in std::mem::take(&mut self.left) {
            let what =
                format!("no entry has the hash {known}, which was kept elsewhere: the trail was cut, or written anew, since then");
            self.fault(None, what);
        }
    }
}

//! Runs: who carried out what, and where it stands.

use jiff::Timestamp;
use model::{AuditEntry, AuditWhat, Run, RunId, RunState, Subject};
use serde_json::json as object;

use crate::connections::fence;
use crate::db::{Row, args};
use crate::pack::{json, millis, time};
use crate::{Epoch, Store, StoreError, sql};

impl Store {
    /// A run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn run(&self, id: &RunId) -> Result<Run, StoreError> {
        let row = self.db.fetch_one(sql::RUN, args![id.as_str()]).await?;
        read(&row.ok_or_else(|| StoreError::NotFound { what: "run", name: id.to_string() })?)
    }

    /// The run whose id begins so.
    ///
    /// # Errors
    /// [`StoreError::BadPrefix`], [`StoreError::NotFound`], [`StoreError::Ambiguous`] with the runs that fit.
    pub async fn find_run(&self, prefix: &str) -> Result<Run, StoreError> {
        let low = prefix.to_ascii_lowercase();
        if low.len() < 4 || !low.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
            return Err(StoreError::BadPrefix { what: "run", prefix: prefix.to_owned() });
        }
        let rows = self.db.fetch(sql::RUN_FIND, args![low.as_str(), format!("{low}g")]).await?;
        match rows.as_slice() {
            [] => Err(StoreError::NotFound { what: "run", name: low }),
            [row] => read(row),
            rows => {
                let matches = rows.iter().map(|row| row.text(0)).collect::<Result<_, _>>()?;
                Err(StoreError::Ambiguous { prefix: low, matches })
            }
        }
    }

    /// All runs, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn runs(&self) -> Result<Vec<Run>, StoreError> {
        self.db.fetch(sql::RUNS, args![]).await?.iter().map(read).collect()
    }

    /// The runs that have not finished, oldest first: running, stopped or cut off.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unfinished_runs(&self) -> Result<Vec<Run>, StoreError> {
        self.db.fetch(sql::RUNS_OPEN, args![]).await?.iter().map(read).collect()
    }

    /// Says where a run stands.  `at` is when it ended or stopped (not kept for [`RunState::Running`]), `stopped_by` why it stopped.
    /// A finished run's plan is done.  The turns that the caller works in must not be over.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when one of the turns is over; [`StoreError::Ended`] when the run has finished; [`StoreError::NotFound`].
    pub async fn set_run_state(
        &self,
        run: &RunId,
        epochs: &[Epoch],
        state: RunState,
        at: Timestamp,
        stopped_by: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        for epoch in epochs {
            fence(&mut tx, epoch).await?;
        }
        let ended = if state == RunState::Running { 0 } else { millis(at) };
        if tx.execute(sql::RUN_STATE, args![run.as_str(), word(state), ended, stopped_by]).await? == 0 {
            let known = tx.fetch_one(sql::RUN, args![run.as_str()]).await?.is_some();
            return Err(if known {
                StoreError::Ended { run: run.clone() }
            } else {
                StoreError::NotFound { what: "run", name: run.to_string() }
            });
        }
        let row = tx.fetch_one(sql::RUN, args![run.as_str()]).await?;
        let plan = row.ok_or_else(|| StoreError::corrupt("a run", "it vanished"))?.text(1)?;
        let mut details = object!({ "plan": plan });
        if !stopped_by.is_empty() {
            details["stopped_by"] = stopped_by.into();
        }
        let what = match state {
            RunState::Running => AuditWhat::RunResumed,
            RunState::Stopped => AuditWhat::RunStopped,
            RunState::Finished => AuditWhat::RunFinished,
        };
        tx.audit(AuditEntry { at, actor: self.actor.clone(), what, subject: Subject::Run(run.clone()), details }).await?;
        if state == RunState::Finished {
            tx.execute(sql::PLAN_DONE, args![run.as_str()]).await?;
        }
        tx.commit().await
    }
}

/// The state as it is stored and as JSON has it, without quotes.
pub(crate) fn word(state: RunState) -> String {
    json(&state).trim_matches('"').to_owned()
}

fn read(row: &Row) -> Result<Run, StoreError> {
    let what = "a run";
    let ended = row.int(5)?;
    let state = serde_json::Value::String(row.text(3)?);
    Ok(Run {
        id: RunId::new(row.text(0)?),
        digest: row.parsed(1, what)?,
        decision: row.text(2)?,
        state: serde_json::from_value(state).map_err(|error| StoreError::corrupt(what, error))?,
        started: time(row.int(4)?, what)?,
        ended: if ended == 0 { None } else { Some(time(ended, what)?) },
        stopped_by: row.text(6)?,
    })
}

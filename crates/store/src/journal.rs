//! The journal: append-only, durable before it is acknowledged, committed in groups (P9, F05).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use model::{AppName, Link, Receipt, RunId, StepId, StepRecord, StepState};
use tokio::sync::{mpsc, oneshot};

use crate::connections::fence;
use crate::db::{Arg, Db, Row, args};
use crate::links::put_links;
use crate::pack::{json, millis, pack, time, unpack};
use crate::{Epoch, Store, StoreError, sql};

/// How many writes may wait; whoever comes then waits to wait.
const QUEUE: usize = 1024;

/// Writes the journal.  Whatever is written at the same time is committed together, so that many calls cost one flush to disk.
#[derive(Clone)]
pub struct Journal {
    queue: mpsc::Sender<Request>,
    commits: Arc<AtomicU64>,
}

/// One line of a run's journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place, counted from 1 in each run.
    pub seq: u64,
    /// In whose turn it was written.
    pub epoch: Epoch,
    /// What it says.
    pub record: StepRecord,
}

struct Write {
    run: RunId,
    epoch: Epoch,
    records: Vec<StepRecord>,
    links: Vec<Link>,
}

type Request = (Write, oneshot::Sender<Result<u64, StoreError>>);

impl Journal {
    /// Starts the one task that writes; it ends with the last handle.
    pub(crate) fn begin(db: Db) -> Self {
        let (queue, mut requests) = mpsc::channel(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&commits);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while requests.recv_many(&mut batch, QUEUE).await > 0 {
                write_all(&db, &counter, std::mem::take(&mut batch)).await;
            }
        });
        Self { queue, commits }
    }

    /// Notes that these steps go out with this call.  When this returns it is on disk; the place of the last line is returned.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the turn is over: nothing may be sent then.
    pub async fn started(&self, run: &RunId, epoch: &Epoch, call: u64, steps: &[StepId], at: Timestamp) -> Result<u64, StoreError> {
        let record = |step: &StepId| StepRecord { step: *step, call, state: StepState::Started, receipt: Receipt::default(), at };
        self.outcomes(run, epoch, &steps.iter().map(record).collect::<Vec<_>>(), &[]).await
    }

    /// Notes what became of steps (each record names its call), and keeps the links that they made, all or nothing.  When this
    /// returns it is on disk; the place of the last line is returned.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the turn is over; [`StoreError::LinkConflict`].
    pub async fn outcomes(&self, run: &RunId, epoch: &Epoch, records: &[StepRecord], links: &[Link]) -> Result<u64, StoreError> {
        let write = Write { run: run.clone(), epoch: epoch.clone(), records: records.to_vec(), links: links.to_vec() };
        let (answer, answered) = oneshot::channel();
        self.queue.send((write, answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Transactions committed since the store was opened: fewer than writes, when many write at once.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

/// Commits all of it at once; if that fails, each by itself, so that everybody hears of their own failure only.
async fn write_all(db: &Db, commits: &AtomicU64, batch: Vec<Request>) {
    let (writes, answers): (Vec<Write>, Vec<_>) = batch.into_iter().unzip();
    let results = match write_once(db, commits, &writes).await {
        Ok(results) => results,
        Err(error) if writes.len() == 1 => vec![Err(error)],
        // It may have been kept: noted again, it would be there twice.
        Err(StoreError::Lost { why }) => writes.iter().map(|_| Err(StoreError::Lost { why: why.clone() })).collect(),
        Err(StoreError::Moved { path }) => writes.iter().map(|_| Err(StoreError::Moved { path: path.clone() })).collect(),
        Err(_) => {
            let mut results = Vec::with_capacity(writes.len());
            for write in writes.chunks(1) {
                results.push(write_once(db, commits, write).await.and_then(|mut one| one.remove(0)));
            }
            results
        }
    };
    for (answer, result) in answers.into_iter().zip(results) {
        // Whoever asked may have gone; what was written stays written.
        let _ = answer.send(result);
    }
}

/// One transaction; a write whose turn is over is refused without holding up the others.
async fn write_once(db: &Db, commits: &AtomicU64, writes: &[Write]) -> Result<Vec<Result<u64, StoreError>>, StoreError> {
    let mut tx = db.begin().await?;
    let mut over = BTreeSet::new();
    for epoch in writes.iter().map(|write| &write.epoch).collect::<BTreeSet<_>>() {
        match fence(&mut tx, epoch).await {
            Err(StoreError::Fenced { .. }) => over.insert(epoch),
            other => other.map(|()| false)?,
        };
    }
    let mut last: BTreeMap<&RunId, i64> = BTreeMap::new();
    let (mut rows, mut links, mut results) = (Vec::new(), Vec::new(), Vec::with_capacity(writes.len()));
    for write in writes {
        if over.contains(&write.epoch) {
            results.push(Err(StoreError::Fenced { app: write.epoch.app.clone(), epoch: write.epoch.number }));
            continue;
        }
        if !last.contains_key(&write.run) {
            let row = tx.fetch_one(sql::JOURNAL_LAST, args![write.run.as_str()]).await?;
            last.insert(&write.run, row.map_or(Ok(0), |row| row.int(0))?);
        }
        let seq = last.entry(&write.run).or_default();
        for record in &write.records {
            *seq += 1;
            rows.push(values(write, record, *seq));
        }
        links.extend_from_slice(&write.links);
        results.push(Ok(seq.unsigned_abs()));
    }
    tx.insert(&sql::JOURNAL_PUT, rows).await?;
    put_links(&mut tx, &links).await?;
    tx.commit().await?;
    commits.fetch_add(1, Ordering::Relaxed);
    Ok(results)
}

fn values(write: &Write, record: &StepRecord, seq: i64) -> Vec<Arg> {
    let receipt = if record.receipt == Receipt::default() { Vec::new() } else { pack(&record.receipt) };
    args![
        write.run.as_str(),
        seq,
        write.epoch.app.as_str(),
        write.epoch.number,
        i64::try_from(record.call).unwrap_or(i64::MAX),
        record.step.to_string(),
        json(&record.state),
        millis(record.at),
        receipt,
    ]
}

impl Store {
    /// The journal, to write to.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The whole journal of a run, in the order of writing.
    ///
    /// # Errors
    /// When the database fails or a line is damaged.
    pub async fn entries(&self, run: &RunId) -> Result<Vec<Entry>, StoreError> {
        self.db.fetch(sql::JOURNAL, args![run.as_str()]).await?.iter().map(entry).collect()
    }

    /// The newest word about each step of a run.
    ///
    /// # Errors
    /// When the database fails or a line is damaged.
    pub async fn records(&self, run: &RunId) -> Result<BTreeMap<StepId, StepRecord>, StoreError> {
        Ok(self.entries(run).await?.into_iter().map(|entry| (entry.record.step, entry.record)).collect())
    }
}

fn entry(row: &Row) -> Result<Entry, StoreError> {
    let what = "a line of the journal";
    let receipt = row.bytes(7)?;
    Ok(Entry {
        seq: row.int(0)?.unsigned_abs(),
        epoch: Epoch { app: AppName::new(row.text(1)?), number: row.int(2)? },
        record: StepRecord {
            step: row.parsed(4, "a line of the journal")?,
            call: row.int(3)?.unsigned_abs(),
            state: row.json(5, what)?,
            receipt: if receipt.is_empty() { Receipt::default() } else { unpack(&receipt, what)? },
            at: time(row.int(6)?, what)?,
        },
    })
}

//! Changing what is pushed: durable before it is answered, committed in groups.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::{Draft, MemberChange, ResourceKind, SourceName};
use tokio::sync::{mpsc, oneshot};

use crate::db::{Db, Tx, args};
use crate::pack::millis;
use crate::{Store, StoreError, sql};

use super::turn::{ByKind, Turn};

/// How many changes may wait; whoever comes then waits to wait.
const QUEUE: usize = 1024;

/// One change of what a source pushed.
#[derive(Clone, Debug)]
pub struct PushedChange {
    /// Of which source.
    pub source: SourceName,
    /// What it is about.
    pub kind: ResourceKind,
    /// When.
    pub at: Timestamp,
    /// What is done.
    pub what: What,
}

/// What is done.
#[derive(Clone, Debug)]
pub enum What {
    /// A new record.
    Create {
        /// The record.
        draft: Draft,
        /// Of a group: who is in it.
        members: MemberChange,
    },
    /// Another content for a record that is there.
    Replace {
        /// The record as it is to be from now on.
        draft: Draft,
        /// Of a group: what changes in its members.
        members: MemberChange,
        /// Only if it still has this version.
        expect: u64,
    },
    /// The provider spoke of it, and said what it had said before.
    Said {
        /// Its id.
        id: String,
    },
    /// It is not there any more.
    Delete {
        /// Its id.
        id: String,
        /// Only if it still has this version; none for whatever it has.
        expect: Option<u64>,
    },
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is on disk; the version that the record has now, 0 for one that was deleted.
    Done(u64),
    /// Another user of this source has that name, or another group that name and the same id of the provider's: nothing was changed.
    Taken,
    /// The record has another version than expected: nothing was changed.
    Changed,
    /// There is no such record: nothing was changed.
    NotThere,
}

type Request = (PushedChange, oneshot::Sender<Result<Written, StoreError>>);

/// Writes what is pushed.  Whatever comes at the same time is committed together, so that many requests cost one flush to disk.
#[derive(Clone)]
pub(crate) struct Pushing {
    queue: mpsc::Sender<Request>,
}

impl Pushing {
    /// Starts the one task that writes; it ends with the last handle.
    pub(crate) fn begin(db: Db) -> Self {
        let (queue, mut requests) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while requests.recv_many(&mut batch, QUEUE).await > 0 {
                write_all(&db, std::mem::take(&mut batch)).await;
            }
        });
        Self { queue }
    }
}

impl Store {
    /// Makes a change.  When this returns it is on disk, or nothing of it is.
    ///
    /// # Errors
    /// When the database fails; [`StoreError::Nul`] for a text that cannot be kept.
    pub async fn push(&self, change: PushedChange) -> Result<Written, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.pushing.queue.send((change, answer)).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

/// Commits all of it at once; if that fails, each by itself, so that everybody hears of their own failure only.
async fn write_all(db: &Db, batch: Vec<Request>) {
    let (changes, answers): (Vec<PushedChange>, Vec<_>) = batch.into_iter().unzip();
    let results = match write_once(db, &changes).await {
        Ok(results) => results.into_iter().map(Ok).collect(),
        Err(error) if changes.len() == 1 => vec![Err(error)],
        // It may have been kept: done again, it would be answered wrongly.
        Err(StoreError::Lost { why }) => changes.iter().map(|_| Err(StoreError::Lost { why: why.clone() })).collect(),
        Err(StoreError::Moved { path }) => changes.iter().map(|_| Err(StoreError::Moved { path: path.clone() })).collect(),
        Err(_) => {
            let mut results = Vec::with_capacity(changes.len());
            for change in changes.chunks(1) {
                results.push(write_once(db, change).await.map(|mut one| one.remove(0)));
            }
            results
        }
    };
    for (answer, result) in answers.into_iter().zip(results) {
        // Whoever asked may have gone; what was written stays written.
        let _ = answer.send(result);
    }
}

/// One transaction.  A change that is refused has changed nothing in it, so it holds up no other.
async fn write_once(db: &Db, changes: &[PushedChange]) -> Result<Vec<Written>, StoreError> {
    let mut turns: BTreeMap<&SourceName, (i64, ByKind<i64>)> = BTreeMap::new();
    for change in changes {
        let (all, hoped) = turns.entry(&change.source).or_default();
        *all += 1;
        *hoped.of(change.kind) += change.what.adds();
    }
    let mut tx = db.begin().await?;
    let mut begun: BTreeMap<&SourceName, Turn> = BTreeMap::new();
    for (source, (all, hoped)) in turns {
        begun.insert(source, Turn::begin(&mut tx, source, all, hoped).await?);
    }
    let mut results = Vec::with_capacity(changes.len());
    for change in changes {
        let turn = begun.get_mut(&change.source).expect("one for each source of a change");
        turn.changed += 1;
        results.push(one(&mut tx, change, turn).await?);
    }
    for (source, turn) in begun {
        let ByKind { users, groups } = turn.missing;
        if (users, groups) != (0, 0) {
            tx.execute(sql::PUSHED_COUNT, args![source.as_str(), -users, -groups]).await?;
        }
    }
    tx.commit().await?;
    Ok(results)
}

async fn one(tx: &mut Tx, change: &PushedChange, turn: &mut Turn) -> Result<Written, StoreError> {
    let PushedChange { source, kind, at, what } = change;
    let place = Place { source: source.as_str(), kind: *kind, at: millis(*at), changed: turn.changed, buried: turn.buried };
    let (id, written) = match what {
        What::Create { draft, members } => (&draft.id, place.create(tx, draft, members).await?),
        What::Replace { draft, members, expect } => (&draft.id, place.replace(tx, draft, members, *expect).await?),
        What::Said { id } => {
            // None changed: said at the same instant, or by a clock that was set back.  It may be there all the same.
            tx.execute(sql::PUSHED_SAID, args![place.source, kind.word(), id.as_str(), place.at]).await?;
            (id, place.version(tx, id).await?.map_or(Written::NotThere, |(_, version)| Written::Done(version)))
        }
        What::Delete { id, expect } => (id, place.delete(tx, id, *expect).await?),
    };
    match (what.adds(), written) {
        (0, _) => {}
        (adds, Written::Done(_)) => {
            turn.marks.of(*kind).moved(tx, &place, id, adds).await?;
            // Whoever is buried in this transaction may come back in it.
            turn.buried |= adds < 0;
        }
        (adds, _) => *turn.missing.of(*kind) += adds,
    }
    Ok(written)
}

impl What {
    /// How many records more there are when it is done.
    fn adds(&self) -> i64 {
        match self {
            Self::Create { .. } => 1,
            Self::Replace { .. } | Self::Said { .. } => 0,
            Self::Delete { .. } => -1,
        }
    }
}

/// Where and when a change is made.
pub(super) struct Place<'a> {
    pub(super) source: &'a str,
    pub(super) kind: ResourceKind,
    at: i64,
    changed: i64,
    /// Whether anything of the source is buried.
    buried: bool,
}

impl Place<'_> {
    /// The name and version that a record has.
    async fn version(&self, tx: &mut Tx, id: &str) -> Result<Option<(String, u64)>, StoreError> {
        let row = tx.fetch_one(sql::PUSHED_HEAD, args![self.source, self.kind.word(), id]).await?;
        row.map(|row| Ok((row.text(0)?, row.int(1)?.unsigned_abs()))).transpose()
    }

    async fn create(&self, tx: &mut Tx, draft: &Draft, members: &MemberChange) -> Result<Written, StoreError> {
        let Draft { id, name, external, emails, body } = draft;
        // Two groups may be called the same, but not by the same id of the provider's too.
        if self.kind == ResourceKind::Group
            && tx.fetch_one(sql::PUSHED_GROUP_LIKE, args![self.source, name.as_str(), external.as_str()]).await?.is_some()
        {
            return Ok(Written::Taken);
        }
        let row =
            args![self.source, self.kind.word(), id.as_str(), name.as_str(), external.as_str(), self.at, self.changed, body.as_str()];
        if tx.execute(sql::PUSHED_PUT, row).await? == 0 {
            return Ok(Written::Taken);
        }
        self.unbury(tx, name).await?;
        self.put_emails(tx, id, emails.as_deref().unwrap_or_default()).await?;
        self.change_members(tx, id, members).await?;
        Ok(Written::Done(1))
    }

    async fn replace(&self, tx: &mut Tx, draft: &Draft, members: &MemberChange, expect: u64) -> Result<Written, StoreError> {
        let Draft { id, name, external, emails, body } = draft;
        if emails.is_none() {
            let row = args![
                self.source,
                self.kind.word(),
                id.as_str(),
                name.as_str(),
                external.as_str(),
                body.as_str(),
                self.at,
                self.changed,
                i64::try_from(expect).unwrap_or(i64::MAX)
            ];
            if tx.execute(sql::PUSHED_CHANGE, row).await? == 1 {
                self.change_members(tx, id, members).await?;
                return Ok(Written::Done(expect + 1));
            }
            // Another name, or refused: what follows says which.
        }
        let Some((old_name, version)) = self.version(tx, id).await? else { return Ok(Written::NotThere) };
        if version != expect {
            return Ok(Written::Changed);
        }
        if self.kind == ResourceKind::User && old_name != *name {
            if tx.fetch_one(sql::PUSHED_USER_NAMED, args![self.source, name.as_str()]).await?.is_some() {
                return Ok(Written::Taken);
            }
            self.unbury(tx, name).await?;
        }
        let row =
            args![self.source, self.kind.word(), id.as_str(), name.as_str(), external.as_str(), body.as_str(), self.at, self.changed];
        tx.execute(sql::PUSHED_REPLACE, row).await?;
        if let (ResourceKind::User, Some(emails)) = (self.kind, emails) {
            let kept = tx.fetch(sql::PUSHED_EMAILS_OF, args![self.source, id.as_str()]).await?;
            let kept = kept.iter().map(|row| row.text(0)).collect::<Result<Vec<_>, _>>()?;
            let mut wanted: Vec<&String> = emails.iter().collect();
            wanted.sort();
            wanted.dedup();
            if kept.iter().ne(wanted) {
                tx.execute(sql::PUSHED_EMAILS_DROP, args![self.source, id.as_str()]).await?;
                self.put_emails(tx, id, emails).await?;
            }
        }
        if self.kind == ResourceKind::Group && old_name != *name {
            tx.execute(sql::PUSHED_TOUCH_MEMBERS, args![self.source, id.as_str(), self.changed]).await?;
        }
        self.change_members(tx, id, members).await?;
        Ok(Written::Done(version + 1))
    }

    async fn delete(&self, tx: &mut Tx, id: &str, expect: Option<u64>) -> Result<Written, StoreError> {
        let Some((_, version)) = self.version(tx, id).await? else { return Ok(Written::NotThere) };
        if expect.is_some_and(|expect| expect != version) {
            return Ok(Written::Changed);
        }
        let of = args![self.source, self.kind.word(), id];
        tx.execute(sql::PUSHED_BURY, args![self.source, self.kind.word(), id, self.at, self.changed]).await?;
        tx.execute(sql::PUSHED_DELETE, of).await?;
        match self.kind {
            ResourceKind::User => {
                tx.execute(sql::PUSHED_EMAILS_DROP, args![self.source, id]).await?;
            }
            ResourceKind::Group => {
                tx.execute(sql::PUSHED_TOUCH_MEMBERS, args![self.source, id, self.changed]).await?;
                tx.execute(sql::PUSHED_MEMBERS_DROP, args![self.source, id]).await?;
            }
        }
        tx.execute(sql::PUSHED_GROUPS_LEFT, args![self.source, id, self.at]).await?;
        tx.execute(sql::PUSHED_MEMBERSHIPS_DROP, args![self.source, id]).await?;
        Ok(Written::Done(0))
    }

    /// Whoever is pushed again is deleted no more.
    async fn unbury(&self, tx: &mut Tx, name: &str) -> Result<(), StoreError> {
        if self.buried {
            tx.execute(sql::PUSHED_UNBURY, args![self.source, self.kind.word(), name]).await?;
        }
        Ok(())
    }

    async fn put_emails(&self, tx: &mut Tx, id: &str, emails: &[String]) -> Result<(), StoreError> {
        let rows = emails.iter().map(|email| args![self.source, email.as_str(), id]).collect();
        tx.insert(&sql::PUSHED_EMAILS_PUT, rows).await.map(drop)
    }

    /// Whoever is put in, or out, is somebody whose groups changed.
    async fn change_members(&self, tx: &mut Tx, group: &str, change: &MemberChange) -> Result<(), StoreError> {
        let MemberChange { clear, remove, add } = change;
        if *clear {
            tx.execute(sql::PUSHED_TOUCH_MEMBERS, args![self.source, group, self.changed]).await?;
            tx.execute(sql::PUSHED_MEMBERS_DROP, args![self.source, group]).await?;
        }
        for member in remove {
            tx.execute(sql::PUSHED_MEMBER_DROP, args![self.source, group, member.as_str()]).await?;
            tx.execute(sql::PUSHED_TOUCH, args![self.source, member.as_str(), self.changed]).await?;
        }
        let rows = add.iter().map(|member| args![self.source, group, member.id.as_str(), self.at, member.body.as_str()]);
        tx.insert(&sql::PUSHED_MEMBERS_PUT, rows.collect()).await?;
        for member in add {
            tx.execute(sql::PUSHED_TOUCH, args![self.source, member.id.as_str(), self.changed]).await?;
        }
        Ok(())
    }
}

//! What a transaction knows of a source when it begins: asked once, whatever it changes.

use model::{ResourceKind, SourceName};

use super::write::Place;
use crate::db::{Tx, args};
use crate::{StoreError, sql};

/// After how many records there is another mark in a list.
const APART: i64 = 1000;

/// One of each kind.
#[derive(Clone, Debug, Default)]
pub(super) struct ByKind<T> {
    pub(super) users: T,
    pub(super) groups: T,
}

impl<T> ByKind<T> {
    pub(super) fn of(&mut self, kind: ResourceKind) -> &mut T {
        match kind {
            ResourceKind::User => &mut self.users,
            ResourceKind::Group => &mut self.groups,
        }
    }
}

/// A source within a transaction.
pub(super) struct Turn {
    /// The number of the change before the next one.
    pub(super) changed: i64,
    /// How many records fewer there came to be than were counted when it began.
    pub(super) missing: ByKind<i64>,
    /// Whether anything of it is buried.
    pub(super) buried: bool,
    pub(super) marks: ByKind<Marks>,
}

impl Turn {
    /// Takes the numbers of so many changes, and counts what is hoped to come of them.
    pub(super) async fn begin(tx: &mut Tx, source: &SourceName, changes: i64, hoped: ByKind<i64>) -> Result<Self, StoreError> {
        let taken = args![source.as_str(), changes, hoped.users, hoped.groups];
        let row = match tx.fetch_one(sql::PUSHED_TURN, taken.clone()).await? {
            Some(row) => row,
            None => {
                tx.execute(sql::PUSHED_BEGIN, args![source.as_str()]).await?;
                let row = tx.fetch_one(sql::PUSHED_TURN, taken).await?;
                row.ok_or_else(|| StoreError::corrupt("the count of a source", format!("there is none of {source}")))?
            }
        };
        let marks = |count: i64, id: usize| Ok::<_, StoreError>(Marks { count, last: row.text(id)?, place: row.int(id + 1)? });
        Ok(Self {
            changed: row.int(0)? - changes,
            missing: ByKind::default(),
            buried: row.int(3)? > 0,
            marks: ByKind { users: marks(row.int(1)? - hoped.users, 4)?, groups: marks(row.int(2)? - hoped.groups, 6)? },
        })
    }
}

/// The marks in a list: about one in a thousand records, each with how many have an id before it.
pub(super) struct Marks {
    /// How many records there are.
    count: i64,
    /// The last mark, and its place; nothing and 0 where there is none.
    last: String,
    place: i64,
}

impl Marks {
    /// Keeps the marks right after a record came (1) or went (-1).  Ids are given in the order of time, so that nearly every record comes
    /// behind the last mark and no mark moves.
    pub(super) async fn moved(&mut self, tx: &mut Tx, at: &Place<'_>, id: &str, by: i64) -> Result<(), StoreError> {
        let before = self.count;
        self.count += by;
        if id < self.last.as_str() {
            tx.execute(sql::PUSHED_MARKS_MOVE, args![at.source, at.kind.word(), id, by]).await?;
            self.place += by;
        } else if by > 0 && id != self.last && before - self.place >= APART {
            let mark = args![at.source, at.kind.word(), id, self.last.as_str(), self.place];
            if let Some(row) = tx.fetch_one(sql::PUSHED_MARK, mark).await? {
                (self.last, self.place) = (id.to_owned(), row.int(0)?);
            }
        }
        Ok(())
    }
}

//! What identity providers push: users and groups by source, found by what they are known by, changed one at a time.

mod turn;
mod write;

use jiff::Timestamp;
use model::{Member, Query, Resource, ResourceKind, SourceName};
use serde_json::Value;

use crate::db::{Row, args};
use crate::pack::time;
use crate::{Store, StoreError, sql};

pub(crate) use write::Pushing;
pub use write::{PushedChange, What as PushedWhat, Written};

const RECORD: &str = "a pushed record";

/// Everything that one source pushed and that the store holds, as it is at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pushed {
    /// The users, by id.
    pub users: Vec<PushedUser>,
    /// The groups, by id.
    pub groups: Vec<PushedGroup>,
    /// What the provider deleted, and did not push again since.
    pub gone: Vec<PushedGone>,
    /// The number of the newest change in it.
    pub changed: u64,
}

/// A user as it was pushed.
#[derive(Clone, Debug, PartialEq)]
pub struct PushedUser {
    /// Its id.
    pub id: String,
    /// When the provider last spoke of it.
    pub said: Timestamp,
    /// What it said: a SCIM user (RFC 7643 section 4.1) without id, meta and groups.
    pub resource: Value,
}

/// A group as it was pushed.
#[derive(Clone, Debug, PartialEq)]
pub struct PushedGroup {
    /// Its id.
    pub id: String,
    /// When the provider last spoke of it.
    pub said: Timestamp,
    /// What it said: a SCIM group (RFC 7643 section 4.2) without id, meta and members.
    pub resource: Value,
    /// Who is in it, by id, and since when the provider says so.
    pub members: Vec<(String, Timestamp)>,
}

/// Something that the provider deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct PushedGone {
    /// What it was.
    pub kind: ResourceKind,
    /// The id that it had.
    pub id: String,
    /// When it was deleted.
    pub said: Timestamp,
    /// What was said of it last.
    pub resource: Value,
}

impl Store {
    /// Everything that a source pushed, as it is at one instant; nothing where it never did.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn pushed(&self, source: &SourceName) -> Result<Pushed, StoreError> {
        let mut tx = self.db.snapshot().await?;
        let of = args![source.as_str()];
        let Some(at) = tx.fetch_one(sql::PUSHED_AT, of.clone()).await? else { return Ok(Pushed::default()) };
        let mut all = Pushed { changed: at.int(2)?.unsigned_abs(), ..Pushed::default() };
        for row in tx.fetch(sql::PUSHED_ALL, of.clone()).await? {
            let Resource { kind, id, said, body, .. } = record(&row)?;
            let resource = parsed(&body)?;
            match kind {
                ResourceKind::User => all.users.push(PushedUser { id, said, resource }),
                ResourceKind::Group => all.groups.push(PushedGroup { id, said, resource, members: Vec::new() }),
            }
        }
        for row in tx.fetch(sql::PUSHED_ALL_MEMBERS, of.clone()).await? {
            let (holder, member) = (row.text(0)?, (row.text(1)?, time(row.int(2)?, RECORD)?));
            let place = all.groups.binary_search_by(|group| group.id.as_str().cmp(&holder));
            let group = place.map_err(|_| StoreError::corrupt(RECORD, format!("{} is in a group that is not there", member.0)))?;
            all.groups[group].members.push(member);
        }
        for row in tx.fetch(sql::PUSHED_ALL_GONE, of).await? {
            let (kind, id, said) = (kind(&row.text(0)?)?, row.text(1)?, time(row.int(3)?, RECORD)?);
            all.gone.push(PushedGone { kind, id, said, resource: parsed(&row.text(4)?)? });
        }
        Ok(all)
    }

    /// What changed after a change with this number, by the number of what touched it last: what was pushed, whose groups changed, what was
    /// deleted.  With the number of the last of them, to ask on from there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pushed_after(&self, source: &SourceName, after: u64) -> Result<(Vec<(ResourceKind, String)>, u64), StoreError> {
        let (mut found, mut last) = (Vec::new(), after);
        for row in self.db.fetch(sql::PUSHED_CHANGED, args![source.as_str(), number(after)]).await? {
            found.push((kind(&row.text(0)?)?, row.text(1)?));
            last = row.int(2)?.unsigned_abs();
        }
        Ok((found, last))
    }

    /// How many a source has of a kind.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pushed_count(&self, source: &SourceName, kind: ResourceKind) -> Result<u64, StoreError> {
        let row = self.db.fetch_one(sql::PUSHED_AT, args![source.as_str()]).await?;
        row.map_or(Ok(0), |row| Ok(row.int(usize::from(kind == ResourceKind::Group))?.unsigned_abs()))
    }

    /// One record, if it is there.
    ///
    /// # Errors
    /// When the database fails or the row is damaged.
    pub async fn pushed_record(&self, source: &SourceName, kind: ResourceKind, id: &str) -> Result<Option<Resource>, StoreError> {
        if id.contains('\0') {
            return Ok(None);
        }
        self.db.fetch_one(sql::PUSHED, args![source.as_str(), kind.word(), id]).await?.as_ref().map(record).transpose()
    }

    /// What was said last of something that the provider deleted, as JSON, if it did.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pushed_gone(&self, source: &SourceName, kind: ResourceKind, id: &str) -> Result<Option<String>, StoreError> {
        let row = self.db.fetch_one(sql::PUSHED_GONE, args![source.as_str(), kind.word(), id]).await?;
        row.map(|row| row.text(0)).transpose()
    }

    /// The records that a query means, by id, those after the id `after`, at most so many.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn pushed_find(
        &self,
        source: &SourceName,
        kind: ResourceKind,
        query: &Query,
        after: &str,
        most: u64,
    ) -> Result<Vec<Resource>, StoreError> {
        let (sql, key) = match query {
            Query::All => {
                let page = args![source.as_str(), kind.word(), after, number(most)];
                return self.db.fetch(sql::PUSHED_PAGE, page).await?.iter().map(record).collect();
            }
            Query::Id(id) if id.as_str() <= after => return Ok(Vec::new()),
            Query::Id(id) => return Ok(self.pushed_record(source, kind, id).await?.into_iter().collect()),
            Query::Name(name) => (sql::PUSHED_NAMED, name),
            Query::External(id) => (sql::PUSHED_EXTERNAL, id),
            Query::Email(address) => (sql::PUSHED_EMAIL, address),
            Query::Holds(member) => (sql::PUSHED_HOLDING, member),
        };
        // Nothing that is kept has a NUL in it.
        if key.contains('\0') {
            return Ok(Vec::new());
        }
        let page = args![source.as_str(), kind.word(), key.as_str(), after, number(most)];
        self.db.fetch(sql, page).await?.iter().map(record).collect()
    }

    /// The records in the order of their folded names: those after this name and id, at most so many; going back, those before it, the nearest
    /// first.
    ///
    /// # Errors
    /// When the database fails or a row is damaged.
    pub async fn pushed_by_name(
        &self,
        source: &SourceName,
        kind: ResourceKind,
        from: (&str, &str),
        back: bool,
        most: u64,
    ) -> Result<Vec<Resource>, StoreError> {
        let page = args![source.as_str(), kind.word(), from.0, from.1, number(most)];
        let sql = if back { sql::PUSHED_PAGE_NAMED_BACK } else { sql::PUSHED_PAGE_NAMED };
        self.db.fetch(sql, page).await?.iter().map(record).collect()
    }

    /// The name and id of the record behind so many others in the order of folded names, if there are so many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pushed_skip_named(
        &self,
        source: &SourceName,
        kind: ResourceKind,
        over: u64,
    ) -> Result<Option<(String, String)>, StoreError> {
        let row = self.db.fetch_one(sql::PUSHED_SKIP_NAMED, args![source.as_str(), kind.word(), number(over)]).await?;
        row.map(|row| Ok((row.text(0)?, row.text(1)?))).transpose()
    }

    /// The id of the record behind so many others, by id, if there are so many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pushed_skip(&self, source: &SourceName, kind: ResourceKind, over: u64) -> Result<Option<String>, StoreError> {
        let row = self.db.fetch_one(sql::PUSHED_SKIP, args![source.as_str(), kind.word(), number(over)]).await?;
        row.map(|row| row.text(0)).transpose()
    }

    /// Who is in a group, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pushed_members(&self, source: &SourceName, group: &str) -> Result<Vec<Member>, StoreError> {
        let rows = self.db.fetch(sql::PUSHED_MEMBERS, args![source.as_str(), group]).await?;
        rows.iter().map(|row| Ok(Member { id: row.text(0)?, body: row.text(1)? })).collect()
    }

    /// One membership, if it is there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pushed_member(&self, source: &SourceName, group: &str, member: &str) -> Result<Option<Member>, StoreError> {
        if member.contains('\0') {
            return Ok(None);
        }
        let row = self.db.fetch_one(sql::PUSHED_MEMBER, args![source.as_str(), group, member]).await?;
        row.map(|row| Ok(Member { id: row.text(0)?, body: row.text(1)? })).transpose()
    }

    /// The groups of everybody whose id is among these, by id, group for group: whose, the group's id and what was said of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pushed_groups_among(
        &self,
        source: &SourceName,
        (first, last): (&str, &str),
    ) -> Result<Vec<(String, String, String)>, StoreError> {
        let rows = self.db.fetch(sql::PUSHED_GROUPS_AMONG, args![source.as_str(), first, last]).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?, row.text(2)?))).collect()
    }

    /// The groups that somebody is in: their ids and what was said of them, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pushed_groups_of(&self, source: &SourceName, member: &str) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self.db.fetch(sql::PUSHED_GROUPS_OF, args![source.as_str(), member]).await?;
        rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect()
    }
}

fn record(row: &Row) -> Result<Resource, StoreError> {
    Ok(Resource {
        kind: kind(&row.text(0)?)?,
        id: row.text(1)?,
        name: row.text(2)?,
        version: row.int(3)?.unsigned_abs(),
        created: time(row.int(4)?, RECORD)?,
        modified: time(row.int(5)?, RECORD)?,
        said: time(row.int(6)?, RECORD)?,
        body: row.text(7)?,
        grouped: row.int(8)? != 0,
    })
}

fn parsed(body: &str) -> Result<Value, StoreError> {
    serde_json::from_str(body).map_err(|error| StoreError::corrupt(RECORD, error))
}

fn kind(word: &str) -> Result<ResourceKind, StoreError> {
    let known = ResourceKind::ALL.into_iter().find(|kind| kind.word() == word);
    known.ok_or_else(|| StoreError::corrupt(RECORD, format!("{word:?} is nothing that is pushed")))
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

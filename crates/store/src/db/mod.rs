//! The one place that knows which database it is: run a statement, read rows, write in a transaction.
//!
//! Writers take turns on both engines: SQLite has one at a time by itself, on PostgreSQL each transaction begins with a lock of its
//! schema.  So a transaction that reads before it writes finds nobody in between, whatever it reads.

mod catalog;
mod kept;
mod migrate;
mod placed;
mod postgres;
pub(crate) mod sqlite;

use std::str::FromStr;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use sqlx::postgres::PgRow;
use sqlx::query::Query;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Database, Encode, Postgres, Row as _, SqlSafeStr, Sqlite, Transaction, Type};
use tokio::sync::OwnedSemaphorePermit;

use crate::gate::{Operation, Through};
use crate::sql::{Places, Rows};
use crate::{Location, StoreError, sabotage};

pub(crate) use catalog::Table;
pub(crate) use migrate::newest_migration;

/// One value of a statement.  There are no NULLs: nothing is '' or 0, so that both engines see the same types.
#[derive(Clone, Debug)]
pub(crate) enum Arg {
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<bool> for Arg {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}
impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}
impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}
impl From<Vec<u8>> for Arg {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

/// The values of a statement, in the order of `$1`, `$2`, ….
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::db::Arg::from($value)),*] };
}
pub(crate) use args;

/// A row that was read; columns by their place.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(crate) fn int(&self, column: usize) -> Result<i64, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    pub(crate) fn text(&self, column: usize) -> Result<String, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    pub(crate) fn bytes(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(column)?),
            Self::Postgres(row) => Ok(row.try_get(column)?),
        }
    }

    pub(crate) fn parsed<T: FromStr>(&self, column: usize, what: &str) -> Result<T, StoreError> {
        let text = self.text(column)?;
        text.parse().map_err(|_| StoreError::corrupt(what, format!("{text:?} is not one")))
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: usize, what: &str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|error| StoreError::corrupt(what, error))
    }
}

/// The database, and what stands before it.
#[derive(Clone)]
pub(crate) struct Db {
    pools: Pools,
    gate: Through,
}

/// The connections to a database.
#[derive(Clone)]
pub(crate) enum Pools {
    /// One connection writes, a few read, some of them single statements only; WAL lets them do so at once.
    Sqlite { writer: SqlitePool, readers: SqlitePool, single: kept::Kept, placed: Arc<placed::Placed> },
    /// A schema of a server's database.
    Postgres(postgres::Pool),
}

impl Db {
    /// Opens a store, makes it when there is none, and brings it to this program's schema.
    pub(crate) async fn open(at: &Location, gate: Through) -> Result<Self, StoreError> {
        let opening = async {
            match at {
                Location::File(path) => sqlite::open(path).await,
                Location::Postgres(server) => postgres::open(server).await.map(Pools::Postgres),
            }
        };
        Ok(Self { pools: gate.pass(Operation::Open, opening).await?, gate })
    }

    /// A database with nothing before it.
    pub(crate) fn plain(pools: Pools) -> Self {
        Self { pools, gate: Through::default() }
    }

    /// Its connections, for tests that look behind it.
    #[cfg(test)]
    pub(crate) fn pools(&self) -> &Pools {
        &self.pools
    }

    /// Reads rows, outside any transaction.
    pub(crate) async fn fetch(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        let work = async {
            match &self.pools {
                Pools::Sqlite { single, .. } => {
                    let mut reader = single.take().await?;
                    Ok(bound(sql, args)?.fetch_all(&mut *reader).await?.into_iter().map(Row::Sqlite).collect())
                }
                Pools::Postgres(pool) => {
                    let (_turn, pool) = pool.reading().await?;
                    Ok(bound(sql, args)?.fetch_all(pool).await.map_err(postgres::lost)?.into_iter().map(Row::Postgres).collect())
                }
            }
        };
        self.gate.pass(Operation::Read(sql), work).await
    }

    /// Reads at most one row, outside any transaction.
    pub(crate) async fn fetch_one(&self, sql: &'static str, args: Vec<Arg>) -> Result<Option<Row>, StoreError> {
        let work = async {
            match &self.pools {
                Pools::Sqlite { single, .. } => {
                    let mut reader = single.take().await?;
                    Ok(bound(sql, args)?.fetch_optional(&mut *reader).await?.map(Row::Sqlite))
                }
                Pools::Postgres(pool) => {
                    let (_turn, pool) = pool.reading().await?;
                    Ok(bound(sql, args)?.fetch_optional(pool).await.map_err(postgres::lost)?.map(Row::Postgres))
                }
            }
        };
        self.gate.pass(Operation::Read(sql), work).await
    }

    /// The statement that asks for its size in bytes, which each engine has its own of.
    pub(crate) fn size_statement(&self) -> &'static str {
        match &self.pools {
            Pools::Sqlite { .. } => "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
            Pools::Postgres(_) => {
                "SELECT CAST(COALESCE(SUM(pg_total_relation_size(c.oid)), 0) AS BIGINT) FROM pg_class c
                JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relkind = 'r'"
            }
        }
    }

    /// Begins to write: nobody else writes until this is committed or dropped.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        let work = async {
            let (begun, placed) = match &self.pools {
                // IMMEDIATE: a transaction that reads before it writes must not find another process in between.
                Pools::Sqlite { writer, placed, .. } => {
                    (Begun::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?), Some(Arc::clone(placed)))
                }
                Pools::Postgres(pool) => (pool.begin().await?, None),
            };
            Ok(Tx { begun: Some(begun), placed, gate: self.gate.clone() })
        };
        self.gate.pass(Operation::Begin, work).await
    }

    /// Begins to read what is there now, all of it as it is at one instant, while others go on to write.
    pub(crate) async fn snapshot(&self) -> Result<Tx, StoreError> {
        let work = async {
            let begun = match &self.pools {
                Pools::Sqlite { readers, .. } => Begun::Sqlite(readers.begin().await?),
                Pools::Postgres(pool) => pool.snapshot().await?,
            };
            Ok(Tx { begun: Some(begun), placed: None, gate: self.gate.clone() })
        };
        self.gate.pass(Operation::Read("BEGIN"), work).await
    }

    /// Ends all connections.
    pub(crate) async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers, single, .. } => {
                single.close().await;
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

/// A transaction; dropped without commit, it never was.
pub(crate) struct Tx {
    begun: Option<Begun>,
    /// Where its store was opened, when it writes to a file.
    placed: Option<Arc<placed::Placed>>,
    gate: Through,
}

/// A transaction of one engine.
pub(crate) enum Begun {
    Sqlite(Transaction<'static, Sqlite>),
    /// With its place in this process's queue, given up after it.
    Postgres(Transaction<'static, Postgres>, OwnedSemaphorePermit),
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(begun) = self.begun.take() {
            self.gate.undo(begun);
        }
    }
}

impl Tx {
    fn parts(&mut self) -> Result<(&mut Begun, &Through), StoreError> {
        Ok((self.begun.as_mut().ok_or(StoreError::Closed)?, &self.gate))
    }

    /// The transaction itself, for tests that look behind it.
    #[cfg(test)]
    pub(crate) fn begun(mut self) -> Option<Begun> {
        self.begun.take()
    }

    /// Runs a statement; how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<u64, StoreError> {
        let sql = sql.into_sql_str();
        let (begun, gate) = self.parts()?;
        let work = async {
            match begun {
                Begun::Sqlite(tx) => Ok(bound(sql.clone(), args)?.execute(&mut **tx).await?.rows_affected()),
                Begun::Postgres(tx, _) => Ok(bound(sql.clone(), args)?.execute(&mut **tx).await?.rows_affected()),
            }
        };
        gate.pass(Operation::Statement(sql.as_str()), work).await
    }

    /// Reads rows as the transaction sees them.
    pub(crate) async fn fetch(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        let sql = sql.into_sql_str();
        let (begun, gate) = self.parts()?;
        let work = async {
            match begun {
                Begun::Sqlite(tx) => Ok(bound(sql.clone(), args)?.fetch_all(&mut **tx).await?.into_iter().map(Row::Sqlite).collect()),
                Begun::Postgres(tx, _) => {
                    Ok(bound(sql.clone(), args)?.fetch_all(&mut **tx).await?.into_iter().map(Row::Postgres).collect())
                }
            }
        };
        gate.pass(Operation::Statement(sql.as_str()), work).await
    }

    /// Reads at most one row as the transaction sees it.
    pub(crate) async fn fetch_one(&mut self, sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Option<Row>, StoreError> {
        let sql = sql.into_sql_str();
        let (begun, gate) = self.parts()?;
        let work = async {
            match begun {
                Begun::Sqlite(tx) => Ok(bound(sql.clone(), args)?.fetch_optional(&mut **tx).await?.map(Row::Sqlite)),
                Begun::Postgres(tx, _) => Ok(bound(sql.clone(), args)?.fetch_optional(&mut **tx).await?.map(Row::Postgres)),
            }
        };
        gate.pass(Operation::Statement(sql.as_str()), work).await
    }

    /// Reads rows one after the other, never all at once.
    pub(crate) fn stream(&mut self, sql: String) -> BoxStream<'_, Result<Row, StoreError>> {
        let sql = AssertSqlSafe(sql);
        match &mut self.begun {
            Some(Begun::Sqlite(tx)) => sqlx::query(sql).fetch(&mut **tx).map_ok(Row::Sqlite).map_err(StoreError::from).boxed(),
            Some(Begun::Postgres(tx, _)) => sqlx::query(sql).fetch(&mut **tx).map_ok(Row::Postgres).map_err(StoreError::from).boxed(),
            None => futures_util::stream::once(async { Err(StoreError::Closed) }).boxed(),
        }
    }

    /// Inserts many rows, many per statement; how many were inserted.
    pub(crate) async fn insert(&mut self, rows: &Rows, values: Vec<Vec<Arg>>) -> Result<u64, StoreError> {
        let places = match &self.begun {
            Some(Begun::Postgres(..)) => Places::Numbered,
            _ => Places::InOrder,
        };
        let (mut inserted, mut values) = (0, values.into_iter());
        while values.len() > 0 {
            let size = Rows::chunk(values.len());
            let chunk: Vec<Arg> = values.by_ref().take(size).flatten().collect();
            inserted += self.execute(AssertSqlSafe(rows.text(size, places)), chunk).await?;
        }
        Ok(inserted)
    }

    /// Makes it durable: when this returns, it survives a power cut, and is where the store is.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        // Taken out when it is committed: until then it is this that gives it up.
        let begun = &mut self.begun;
        let work = async {
            sabotage::committing();
            match begun.take() {
                Some(Begun::Sqlite(tx)) => tx.commit().await?,
                Some(Begun::Postgres(tx, _turn)) => tx.commit().await?,
                None => return Err(StoreError::Closed),
            }
            sabotage::committed();
            self.placed.as_ref().map_or(Ok(()), |placed| placed.still())
        };
        self.gate.pass(Operation::Commit, work).await
    }
}

/// A statement with its values.  PostgreSQL keeps no NUL in a text: neither engine is given one.
fn bound<'q, D: Database>(sql: impl SqlSafeStr, args: Vec<Arg>) -> Result<Query<'q, D, D::Arguments>, StoreError>
where
    i64: Encode<'q, D> + Type<D>,
    String: Encode<'q, D> + Type<D>,
    Vec<u8>: Encode<'q, D> + Type<D>,
{
    args.into_iter().try_fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Int(value) => Ok(query.bind(value)),
        Arg::Text(value) if value.contains('\0') => Err(StoreError::Nul { text: value }),
        Arg::Text(value) => Ok(query.bind(value)),
        Arg::Bytes(value) => Ok(query.bind(value)),
    })
}

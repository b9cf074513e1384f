//! The one place that knows which database it is: run a statement, read rows, write in a transaction.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqlSafeStr, Sqlite, Transaction};

use crate::StoreError;
use crate::sql::Rows;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// How often a file that is just being made is opened again, and how long after.
const OPENINGS: u32 = 100;
const BETWEEN_OPENINGS: Duration = Duration::from_millis(50);

/// Says in a SQLite file that it is ours: "PVST".
const APPLICATION_ID: i64 = 0x5056_5354;
/// How long one process waits for another one's transaction.
const BUSY: Duration = Duration::from_secs(15);
const READERS: u32 = 4;

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
}

impl Row {
    pub(crate) fn int(&self, column: usize) -> Result<i64, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(column)?),
        }
    }

    pub(crate) fn text(&self, column: usize) -> Result<String, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(column)?),
        }
    }

    pub(crate) fn bytes(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::Sqlite(row) => Ok(row.try_get(column)?),
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

/// The database.
#[derive(Clone)]
pub(crate) enum Db {
    /// One connection writes, a few read; WAL lets them do so at once.
    Sqlite { writer: SqlitePool, readers: SqlitePool },
}

impl Db {
    /// Opens a SQLite file, makes it when there is none (readable by its owner only), and brings it to this program's schema.
    pub(crate) async fn open_sqlite(path: &Path) -> Result<Self, StoreError> {
        // While somebody else makes the file and turns its log on, SQLite says busy at once, whatever the time-out.
        for _ in 0..OPENINGS {
            match Self::try_open_sqlite(path).await {
                Err(StoreError::Busy) => tokio::time::sleep(BETWEEN_OPENINGS).await,
                opened => return opened,
            }
        }
        Self::try_open_sqlite(path).await
    }

    async fn try_open_sqlite(path: &Path) -> Result<Self, StoreError> {
        let cannot = |why: String, next: &str| StoreError::CannotOpen { path: path.display().to_string(), why, next: next.into() };
        make_private(path).map_err(|error| cannot(error.to_string(), "check that its folder exists and may be written to"))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let failed = |error: sqlx::Error| match StoreError::from(error) {
            StoreError::Corrupt { why, .. } => {
                cannot(why, "it is damaged or no store of Provost; name another file, or restore a backup")
            }
            StoreError::Failed { why } => cannot(why, "check that the file and its folder may be written to"),
            other => other,
        };
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            // Longer than a transaction may take: waiting here is queueing, not failing.
            .acquire_timeout(Duration::from_secs(120))
            // A full disk ends SQLite's transaction where the driver still counts one: such a connection begins none any more.
            .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        claim(&writer).await.map_err(failed)?.map_err(|why| cannot(why, "name another file"))?;
        let mut migrated = MIGRATIONS.run(&writer).await;
        if matches!(migrated, Err(MigrateError::ExecuteMigration(..))) {
            // Two processes that make the store at once: the slower one finds it made.
            migrated = MIGRATIONS.run(&writer).await;
        }
        migrated.map_err(|error| match error {
            MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => {
                StoreError::NewerSchema { path: path.display().to_string(), version }
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failed(error),
            other => cannot(other.to_string(), "use the version of provost that made it"),
        })?;
        let readers =
            SqlitePoolOptions::new().max_connections(READERS).connect_with(options.pragma("query_only", "ON")).await.map_err(failed)?;
        Ok(Self::Sqlite { writer, readers })
    }

    /// Reads rows, outside any transaction.
    pub(crate) async fn fetch(&self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite { readers, .. } => Ok(bound(sql, args).fetch_all(readers).await?.into_iter().map(Row::Sqlite).collect()),
        }
    }

    /// Reads at most one row, outside any transaction.
    pub(crate) async fn fetch_one(&self, sql: &'static str, args: Vec<Arg>) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Sqlite { readers, .. } => Ok(bound(sql, args).fetch_optional(readers).await?.map(Row::Sqlite)),
        }
    }

    /// Begins to write: nobody else writes until this is committed or dropped.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        match self {
            // IMMEDIATE: a transaction that reads before it writes must not find another process in between.
            Self::Sqlite { writer, .. } => Ok(Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?)),
        }
    }

    /// Ends all connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }
}

/// A transaction; dropped without commit, it never was.
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
}

impl Tx {
    /// Runs a statement; how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(tx) => Ok(bound(sql, args).execute(&mut **tx).await?.rows_affected()),
        }
    }

    /// Reads rows as the transaction sees them.
    pub(crate) async fn fetch(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(tx) => Ok(bound(sql, args).fetch_all(&mut **tx).await?.into_iter().map(Row::Sqlite).collect()),
        }
    }

    /// Reads at most one row as the transaction sees it.
    pub(crate) async fn fetch_one(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Option<Row>, StoreError> {
        match self {
            Self::Sqlite(tx) => Ok(bound(sql, args).fetch_optional(&mut **tx).await?.map(Row::Sqlite)),
        }
    }

    /// Inserts many rows, many per statement; how many were inserted.
    pub(crate) async fn insert(&mut self, rows: &Rows, values: Vec<Vec<Arg>>) -> Result<u64, StoreError> {
        let (mut inserted, mut values) = (0, values.into_iter());
        while values.len() > 0 {
            let size = Rows::chunk(values.len());
            let chunk: Vec<Arg> = values.by_ref().take(size).flatten().collect();
            let sql = AssertSqlSafe(rows.text(size));
            inserted += match self {
                Self::Sqlite(tx) => bound(sql, chunk).execute(&mut **tx).await?.rows_affected(),
            };
        }
        Ok(inserted)
    }

    /// Makes it durable: when this returns, it survives a power cut.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => Ok(tx.commit().await?),
        }
    }
}

type Bound<'q> = sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments>;

fn bound<'q>(sql: impl SqlSafeStr, args: Vec<Arg>) -> Bound<'q> {
    args.into_iter().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Int(value) => query.bind(value),
        Arg::Text(value) => query.bind(value),
        Arg::Bytes(value) => query.bind(value),
    })
}

/// Makes the file, for its owner only, when there is none; its name is on disk before anything is in it.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && path.is_file() => Ok(()),
        Ok(_) => match path.parent() {
            #[cfg(unix)]
            Some(folder) if !folder.as_os_str().is_empty() => std::fs::File::open(folder)?.sync_all(),
            #[cfg(unix)]
            _ => std::fs::File::open(".")?.sync_all(),
            #[cfg(not(unix))]
            _ => Ok(()),
        },
        Err(error) => Err(error),
    }
}

/// Marks an empty file as ours; `Ok(Err(why))` when it is some other program's.
async fn claim(writer: &SqlitePool) -> Result<Result<(), String>, sqlx::Error> {
    let id = "PRAGMA application_id";
    if sqlx::query_scalar::<_, i64>(id).fetch_one(writer).await? == APPLICATION_ID {
        return Ok(Ok(()));
    }
    // Asked again with the file locked: another process may be making the store right now.
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
    let id: i64 = sqlx::query_scalar(id).fetch_one(&mut *tx).await?;
    let tables: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema").fetch_one(&mut *tx).await?;
    if id != APPLICATION_ID && (id != 0 || tables != 0) {
        return Ok(Err("it is another program's database".into()));
    }
    sqlx::query(AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION_ID}"))).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    /// P9: a full disk is said as such, keeps nothing of the write, and writing goes on when there is room.
    #[tokio::test]
    async fn p9_a_full_disk_is_said_and_survived() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("store")).await.unwrap();
        let Db::Sqlite { writer, .. } = &store.db;
        let pages = |most: i64| sqlx::query(AssertSqlSafe(format!("PRAGMA max_page_count = {most}")));
        // SQLite takes the number of pages in use when that is more.
        pages(1).execute(writer).await.unwrap();
        let refused = store.set_meta("large", &"x".repeat(100_000)).await.unwrap_err();
        assert!(matches!(refused, StoreError::DiskFull), "{refused}");
        assert_eq!(store.meta("large").await.unwrap(), None);
        pages(1_000_000).execute(writer).await.unwrap();
        store.set_meta("large", "y").await.unwrap();
        assert_eq!(store.meta("large").await.unwrap().as_deref(), Some("y"));
    }

    #[tokio::test]
    async fn what_is_acknowledged_is_flushed_to_disk() {
        let dir = tempfile::tempdir().unwrap();
        let Db::Sqlite { writer, .. } = Db::open_sqlite(&dir.path().join("store")).await.unwrap();
        let pragma = async |name: &str| -> String {
            let row = sqlx::query(AssertSqlSafe(format!("PRAGMA {name}"))).fetch_one(&writer).await.unwrap();
            row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|n| n.to_string())).unwrap()
        };
        let told = [pragma("journal_mode").await, pragma("synchronous").await, pragma("foreign_keys").await];
        assert_eq!(told, ["wal", "2", "1"]);
    }
}

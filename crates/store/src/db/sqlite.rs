//! A SQLite file: WAL, one writer, flushed to disk at every commit.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::kept::Kept;
use super::migrate::{self, MIGRATIONS};
use super::placed::Placed;
use super::{Db, Pools};
use crate::StoreError;
use crate::sabotage::{Off, is_off};

/// How often a file that is just being made is opened again, and how long after.
const OPENINGS: u32 = 100;
const BETWEEN_OPENINGS: Duration = Duration::from_millis(50);

/// Says in a SQLite file that it is ours: "PVST".
const APPLICATION_ID: i64 = 0x5056_5354;
/// Says that it is a backup, which nobody works in: "PVSB".
const BACKUP_ID: i64 = 0x5056_5342;
/// How long one process waits for another one's transaction.
const BUSY: Duration = Duration::from_secs(15);
const READERS: u32 = 4;

/// Opens a SQLite file, makes it when there is none (readable by its owner only), and brings it to this program's schema.
pub(super) async fn open(path: &Path) -> Result<Pools, StoreError> {
    // While somebody else makes the file and turns its log on, SQLite says busy at once, whatever the time-out.
    for _ in 0..OPENINGS {
        match try_open(path).await {
            Err(StoreError::Busy) => tokio::time::sleep(BETWEEN_OPENINGS).await,
            opened => return opened,
        }
    }
    try_open(path).await
}

async fn try_open(path: &Path) -> Result<Pools, StoreError> {
    let cannot = |why: String, next: &str| StoreError::CannotOpen { path: path.display().to_string(), why, next: next.into() };
    make_private(path).map_err(|error| cannot(error.to_string(), "check that its folder exists and may be written to"))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(if is_off(Off::Sync) { SqliteSynchronous::Off } else { SqliteSynchronous::Full })
        .foreign_keys(true)
        .busy_timeout(BUSY);
    let failed = |error: sqlx::Error| match StoreError::from(error) {
        StoreError::Corrupt { why, .. } => cannot(why, "it is damaged or no store of Provost; name another file, or restore a backup"),
        StoreError::Disk { why } => cannot(format!("its disk fails: {why}"), "free space there, or mend the disk, and try again"),
        StoreError::Failed { why } | StoreError::ReadOnly { why } => {
            cannot(why, "check that the file and its folder may be written to")
        }
        other => other,
    };
    let placed = Arc::new(Placed::at(path));
    let noted = Arc::clone(&placed);
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        // A file does not hang up: no connection has to be asked whether it is still there.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        // Longer than a transaction may take: waiting here is queueing, not failing.
        .acquire_timeout(Duration::from_secs(120))
        // A full disk ends SQLite's transaction where the driver still counts one: such a connection begins none any more.
        .before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }))
        // Another connection than the first is to the same file.
        .after_connect(move |_, _| {
            let opened = noted.opened().map_err(|error| sqlx::Error::Configuration(Box::new(error)));
            Box::pin(async { opened })
        })
        .connect_with(options.clone())
        .await
        .map_err(failed)?;
    claim(&writer).await.map_err(failed)?.map_err(|(why, next)| cannot(why, &next))?;
    let mut migrated = MIGRATIONS.run(&writer).await;
    if matches!(migrated, Err(MigrateError::ExecuteMigration(..) | MigrateError::Execute(..))) {
        // Others make the store at the same time and were faster with one of the steps: what is left is done with the file locked.
        let mut alone = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        migrated = MIGRATIONS.run_direct(None, &mut *alone, false).await;
        if migrated.is_ok() {
            alone.commit().await.map_err(failed)?;
        }
    }
    migrated.map_err(|error| migrate::refused(error, &path.display().to_string(), failed))?;
    let readers = SqlitePoolOptions::new().max_connections(READERS).test_before_acquire(false);
    let options = options.pragma("query_only", "ON");
    let single = Kept::new(options.clone(), READERS);
    let readers = readers.connect_with(options).await.map_err(failed)?;
    Ok(Pools::Sqlite { writer, readers, single, placed })
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

/// Marks an empty file as ours; `Ok(Err((why, next)))` when it is something else.
async fn claim(writer: &SqlitePool) -> Result<Result<(), (String, String)>, sqlx::Error> {
    let id = "PRAGMA application_id";
    if sqlx::query_scalar::<_, i64>(id).fetch_one(writer).await? == APPLICATION_ID {
        return Ok(Ok(()));
    }
    // Asked again with the file locked: another process may be making the store right now.
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
    let id: i64 = sqlx::query_scalar(id).fetch_one(&mut *tx).await?;
    let tables: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema").fetch_one(&mut *tx).await?;
    if id == BACKUP_ID {
        return Ok(Err(("it is a backup".into(), "`provost store restore FILE` brings it back into a store".into())));
    }
    if id != APPLICATION_ID && (id != 0 || tables != 0) {
        return Ok(Err(("it is another program's database".into(), "name another file".into())));
    }
    sqlx::query(AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION_ID}"))).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(Ok(()))
}

/// Makes a store's file a backup, with the digest of what is in it: from now on it is no store.
pub(crate) async fn seal_backup(path: &Path, digest: &str) -> Result<(), StoreError> {
    let mut file = connect(path).await?;
    sqlx::query("CREATE TABLE sealed_backup (digest TEXT NOT NULL)").execute(&mut file).await?;
    sqlx::query("INSERT INTO sealed_backup (digest) VALUES ($1)").bind(digest).execute(&mut file).await?;
    sqlx::query(AssertSqlSafe(format!("PRAGMA application_id = {BACKUP_ID}"))).execute(&mut file).await?;
    // One file, with nothing beside it.
    sqlx::query("PRAGMA journal_mode = DELETE").execute(&mut file).await?;
    Ok(file.close().await?)
}

/// Opens a backup as it is, and gives the digest that it was sealed with; nothing when it is no backup.
pub(crate) async fn open_backup(path: &Path) -> Result<Option<(Db, String)>, StoreError> {
    let options = SqliteConnectOptions::new().filename(path).pragma("query_only", "ON");
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
    if sqlx::query_scalar::<_, i64>("PRAGMA application_id").fetch_one(&pool).await? != BACKUP_ID {
        pool.close().await;
        return Ok(None);
    }
    let digest = sqlx::query_scalar("SELECT digest FROM sealed_backup").fetch_one(&pool).await?;
    let placed = Arc::new(Placed::at(path));
    Ok(Some((Db::plain(Pools::Sqlite { writer: pool.clone(), readers: pool, single: Kept::new(options, 1), placed }), digest)))
}

/// Makes a backup's file a store again.
pub(crate) async fn unseal_backup(path: &Path) -> Result<(), StoreError> {
    let mut file = connect(path).await?;
    sqlx::query("DROP TABLE sealed_backup").execute(&mut file).await?;
    sqlx::query(AssertSqlSafe(format!("PRAGMA application_id = {APPLICATION_ID}"))).execute(&mut file).await?;
    Ok(file.close().await?)
}

async fn connect(path: &Path) -> Result<SqliteConnection, StoreError> {
    Ok(SqliteConnectOptions::new().filename(path).synchronous(SqliteSynchronous::Full).connect().await?)
}

#[cfg(test)]
mod tests {
    use sqlx::Row as _;

    use super::*;
    use crate::Store;

    /// P9: a full disk is said as such, keeps nothing of the write, and writing goes on when there is room.
    #[tokio::test]
    async fn p9_a_full_disk_is_said_and_survived() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("store")).await.unwrap();
        let Pools::Sqlite { writer, .. } = store.db.pools() else { panic!("a file is SQLite") };
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
        let Pools::Sqlite { writer, .. } = open(&dir.path().join("store")).await.unwrap() else { panic!("a file is SQLite") };
        let pragma = async |name: &str| -> String {
            let row = sqlx::query(AssertSqlSafe(format!("PRAGMA {name}"))).fetch_one(&writer).await.unwrap();
            row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|n| n.to_string())).unwrap()
        };
        let told = [pragma("journal_mode").await, pragma("synchronous").await, pragma("foreign_keys").await];
        assert_eq!(told, ["wal", "2", "1"]);
    }

    /// A look of the gateway's costs a third less for it: what is built elsewhere works, and is slower.
    #[tokio::test]
    async fn a_statement_is_planned_once() {
        let dir = tempfile::tempdir().unwrap();
        let Pools::Sqlite { writer, .. } = open(&dir.path().join("store")).await.unwrap() else { panic!("a file is SQLite") };
        let options: Vec<String> = sqlx::query_scalar("PRAGMA compile_options").fetch_all(&writer).await.unwrap();
        assert!(options.iter().any(|option| option == "ENABLE_QPSG"), "{options:?}: see .cargo/config.toml");
    }
}

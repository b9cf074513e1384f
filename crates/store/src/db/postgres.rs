//! A schema of a PostgreSQL database: opened by address, made when it is not there, one writer at a time.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Begun, migrate};
use crate::StoreError;
use crate::location::Server;

/// What a schema of ours is marked with.
const MARK: &str = "Provost's store";
/// How long one process waits for another one's transaction.
const BUSY: &str = "15s";
/// A process that hangs within a transaction must not keep all others waiting.
const HANGS: &str = "60s";
/// How long a connection may take: waiting for one's turn is not part of it, so whoever waits longer has lost the server.
const CONNECTING: Duration = Duration::from_secs(10);
const READERS: usize = 4;

/// The connections to one store.
#[derive(Clone)]
pub(crate) struct Pool {
    pool: PgPool,
    /// This process's queues.  The pool cannot be one: where it has to wait, it cannot tell a busy server from a lost one.
    writing: Arc<Semaphore>,
    reading: Arc<Semaphore>,
    /// The number of the lock that writers take turns with.
    lock: i64,
}

impl Pool {
    /// A turn to read, and where.
    pub(super) async fn reading(&self) -> Result<(SemaphorePermit<'_>, &PgPool), StoreError> {
        Ok((self.reading.acquire().await.map_err(|_| StoreError::Closed)?, &self.pool))
    }

    /// Begins to write: nobody else does, in this or another process, until the end of the transaction.
    pub(super) async fn begin(&self) -> Result<Begun, StoreError> {
        let turn = Arc::clone(&self.writing).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let mut tx = self.pool.begin().await.map_err(lost)?;
        lock(&mut tx, self.lock).await?;
        Ok(Begun::Postgres(tx, turn))
    }

    /// Begins to read everything as it is at one instant.
    pub(super) async fn snapshot(&self) -> Result<Begun, StoreError> {
        let turn = Arc::clone(&self.reading).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let tx = self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(lost)?;
        Ok(Begun::Postgres(tx, turn))
    }

    pub(super) async fn close(&self) {
        self.writing.close();
        self.reading.close();
        self.pool.close().await;
    }
}

/// Whoever cannot get a connection in time has lost the server.
pub(super) fn lost(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolTimedOut => StoreError::Lost { why: "the server does not answer".into() },
        other => other.into(),
    }
}

/// Waits for the turn to write; it ends with the transaction.
async fn lock(connection: &mut PgConnection, number: i64) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(number).execute(connection).await?;
    Ok(())
}

/// Locks have numbers in a database: the same for everybody who means this schema.
fn number(schema: &str) -> i64 {
    let digest: [u8; 32] = Sha256::digest(format!("{MARK} {schema}")).into();
    i64::from_be_bytes(*digest.first_chunk().expect("a SHA-256 has 32 bytes"))
}

/// Opens the schema, makes it when it is not there, and brings it to this program's tables.
pub(super) async fn open(server: &Server) -> Result<Pool, StoreError> {
    let at = server.to_string();
    let cannot = |why: String, next: String| StoreError::CannotOpen { path: at.clone(), why, next };
    let options = options(server).map_err(|(why, next)| cannot(why, next))?;
    let failed = |error: sqlx::Error| {
        let next = next_step(&error, server);
        match StoreError::from(error) {
            StoreError::Failed { why } | StoreError::Lost { why } => cannot(why, next),
            other => other,
        }
    };
    // One connection by itself: a pool would try again and again where the server says no at once.
    let mut first = tokio::time::timeout(CONNECTING, options.connect())
        .await
        .map_err(|_| cannot("the server does not answer".into(), "check host and port".into()))?
        .map_err(failed)?;
    let claimed = claim(&mut first, &server.schema).await.map_err(failed)?;
    claimed.map_err(|(why, next)| cannot(why, next))?;
    let connections = u32::try_from(READERS).unwrap_or(4) + 1;
    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(CONNECTING).connect_with(options).await;
    let pool = pool.map_err(failed)?;
    migrate::bytewise().run(&pool).await.map_err(|error| migrate::refused(error, &at, failed))?;
    let strays: Vec<String> =
        sqlx::query_scalar(super::catalog::STRAY_COLLATIONS).bind(&server.schema).fetch_all(&mut first).await.map_err(failed)?;
    if !strays.is_empty() {
        let next = "make their collation \"C\" again (ALTER TABLE … ALTER COLUMN … TYPE TEXT COLLATE \"C\"), or restore a backup";
        return Err(cannot(format!("{} would not be compared bytewise", strays.join(", ")), next.into()));
    }
    first.close().await.map_err(failed)?;
    Ok(Pool { pool, writing: Arc::new(Semaphore::new(1)), reading: Arc::new(Semaphore::new(READERS)), lock: number(&server.schema) })
}

/// How to connect, or why that cannot be and what to do.
fn options(server: &Server) -> Result<PgConnectOptions, (String, String)> {
    let mut options: PgConnectOptions = server
        .url
        .parse()
        .map_err(|error: sqlx::Error| (error.to_string(), "write postgres://user@host:port/database?schema=name".to_owned()))?;
    if let Some(path) = &server.password_file {
        let text = std::fs::read_to_string(path)
            .map_err(|error| (format!("cannot read {}: {error}", path.display()), "`password_file` names it".to_owned()))?;
        options = options.password(text.trim_end_matches(['\r', '\n']));
    }
    let far = options.get_socket().is_none() && !matches!(options.get_host(), "localhost" | "127.0.0.1" | "::1" | "[::1]");
    if far && !server.says_tls && !options.get_host().starts_with('/') && std::env::var_os("PGSSLMODE").is_none() {
        options = options.ssl_mode(PgSslMode::VerifyFull);
    }
    Ok(options.application_name("provost").options([
        // Ours only: what else the database holds is out of sight.
        ("search_path", server.schema.as_str()),
        ("synchronous_commit", "on"),
        ("lock_timeout", BUSY),
        ("idle_in_transaction_session_timeout", HANGS),
        ("tcp_keepalives_idle", "30"),
        ("tcp_keepalives_interval", "10"),
        ("tcp_keepalives_count", "3"),
    ]))
}

/// Makes the schema when it is not there and marks it as ours; `Ok(Err((why, next)))` when that cannot be.  Quoted, since its name may be a
/// word of SQL: `full`, `user`.
async fn claim(first: &mut PgConnection, schema: &str) -> Result<Result<(), (String, String)>, sqlx::Error> {
    let encoding: String = sqlx::query_scalar("SELECT current_setting('server_encoding')").fetch_one(&mut *first).await?;
    if encoding != "UTF8" {
        return Ok(Err((format!("the database keeps text as {encoding}"), "make one with the encoding UTF8".into())));
    }
    let mark = "SELECT COALESCE(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = $1";
    if sqlx::query_scalar::<_, String>(mark).bind(schema).fetch_optional(&mut *first).await?.as_deref() == Some(MARK) {
        return Ok(Ok(()));
    }
    let mut tx = first.begin().await?;
    // Asked again in turn: another process may be making the store right now.
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(number(schema)).execute(&mut *tx).await?;
    match sqlx::query_scalar::<_, String>(mark).bind(schema).fetch_optional(&mut *tx).await? {
        Some(found) if found == MARK => return Ok(Ok(())),
        Some(_) => {
            let things = "SELECT COUNT(*) FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)";
            if sqlx::query_scalar::<_, i64>(things).bind(schema).fetch_one(&mut *tx).await? != 0 {
                let next = "name another one: `?schema=NAME`; it is made when there is none";
                return Ok(Err((format!("the schema {schema} holds another program's things"), next.into())));
            }
        }
        None => {
            sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA \"{schema}\""))).execute(&mut *tx).await?;
        }
    }
    sqlx::query(AssertSqlSafe(format!("COMMENT ON SCHEMA \"{schema}\" IS '{}'", MARK.replace('\'', "''")))).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(Ok(()))
}

/// What to do about what the server, or the way to it, said.
fn next_step(error: &sqlx::Error, server: &Server) -> String {
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
    match (code.as_str(), error) {
        ("28P01" | "28000", _) => {
            "check the user, and give the password by PGPASSWORD, ~/.pgpass or `?password_file=PATH`; secrets are never in the configuration".into()
        }
        ("3D000", _) => "make the database (createdb), or name another one".into(),
        ("42501", _) => format!(
            "let the user make schemas in this database, or let its owner make one: CREATE SCHEMA \"{}\" AUTHORIZATION the_user",
            server.schema
        ),
        ("53300", _) => "the server has no connection left; try again, or raise its max_connections".into(),
        (_, sqlx::Error::Tls(_)) => "check the server's certificate (`?sslrootcert=PATH`), or say what TLS is wanted (`?sslmode=…`)".into(),
        (_, sqlx::Error::Io(_)) => "check host and port, and that the server is up".into(),
        _ => "check the address and the server's log".into(),
    }
}

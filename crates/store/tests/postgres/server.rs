//! What only a server can be: others' things beside ours, log-ins, lost connections, a collation that is not ours.

use std::path::Path;

use provost_store::{Location, Store, StoreError};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::suite::common::*;

async fn admin() -> PgConnection {
    xtask::postgres::url().parse::<PgConnectOptions>().unwrap().connect().await.unwrap()
}

async fn run_sql(sql: String) {
    let mut admin = admin().await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}

fn schema(home: &Home) -> &str {
    let Location::Postgres(server) = &home.at else { panic!("a schema") };
    server.schema()
}

async fn refusal(at: &Location) -> String {
    let refused = Store::open(at).await.err().expect("it opened");
    assert!(matches!(refused, StoreError::CannotOpen { .. }), "{refused}");
    refused.to_string()
}

/// The address of the test's server over TCP, with another user and database.
fn over_tcp(user: &str, database: &str, more: &str) -> Location {
    let url = xtask::postgres::url();
    let port = url.rsplit_once(':').unwrap().1.split_once('/').unwrap().0;
    Location::parse(&format!("postgres://{user}@127.0.0.1:{port}/{database}{more}"), Path::new("")).unwrap()
}

#[tokio::test]
async fn what_else_the_database_holds_is_left_alone() {
    let home = crate::home();
    let ours = schema(&home).to_owned();
    let theirs = format!("{ours}_theirs");
    run_sql(format!("CREATE SCHEMA {theirs}; CREATE TABLE {theirs}.plans (digest TEXT); INSERT INTO {theirs}.plans VALUES ('x')"))
        .await;
    let store = home.open().await;
    running(&store, plan(1, &["ann"]), "r1").await;
    let mut admin = admin().await;
    let count = "SELECT COUNT(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'";
    assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&mut admin).await.unwrap(), 0, "nothing in `public`");
    let rows = format!("SELECT COUNT(*) FROM {theirs}.plans");
    assert_eq!(sqlx::query_scalar::<_, i64>(AssertSqlSafe(rows)).fetch_one(&mut admin).await.unwrap(), 1);

    // A schema with another program's things is not taken; an empty one is.
    let url = xtask::postgres::url();
    let taken = refusal(&Location::parse(&format!("{url}?schema={theirs}"), Path::new("")).unwrap()).await;
    assert!(taken.contains("another program's things") && taken.contains("?schema=NAME"), "{taken}");
    let empty = format!("{ours}_empty");
    run_sql(format!("CREATE SCHEMA {empty}")).await;
    Store::open(Location::parse(&format!("{url}?schema={empty}"), Path::new("")).unwrap()).await.unwrap();
}

/// The test's server has a collation by which capitals stand beside small letters; ours is bytewise in spite of it.
#[tokio::test]
async fn text_is_bytewise_whatever_the_database_says() {
    let home = crate::home();
    let store = home.open().await;
    let mut admin = admin().await;
    let by_database: bool = sqlx::query_scalar("SELECT 'a' < 'B'").fetch_one(&mut admin).await.unwrap();
    assert!(by_database, "the server's own order is not bytewise, or this shows nothing");
    store.put_links(&[link("academy", "B", "1"), link("academy", "a", "2")]).await.unwrap();
    let first = format!("SELECT person FROM {}.links ORDER BY person LIMIT 1", schema(&home));
    assert_eq!(sqlx::query_scalar::<_, String>(AssertSqlSafe(first)).fetch_one(&mut admin).await.unwrap(), "B");
    store.close().await;
    // Somebody changes a column behind our back: said, with its name.
    run_sql(format!("ALTER TABLE {}.links ALTER COLUMN person TYPE TEXT COLLATE \"en-x-icu\"", schema(&home))).await;
    let refused = refusal(&home.at).await;
    assert!(refused.contains("links.person") && refused.contains("bytewise"), "{refused}");
}

#[tokio::test]
async fn what_is_acknowledged_is_flushed_to_disk() {
    let (_home, store) = store().await;
    store.set_meta("a", "b").await.unwrap();
    let mut admin = admin().await;
    // `provost` switches it on for itself, even where the server has it off for others.
    let by_others: String = sqlx::query_scalar("SELECT current_setting('synchronous_commit')").fetch_one(&mut admin).await.unwrap();
    assert_eq!(by_others, "on");
    let wal = "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'provost'";
    assert!(sqlx::query_scalar::<_, i64>(wal).fetch_one(&mut admin).await.unwrap() > 0);
}

/// P11: the password comes from a file (or the environment, or ~/.pgpass), and a wrong one is said without being shown.
#[tokio::test]
async fn p11_a_password_comes_from_a_file() {
    let home = crate::home();
    let role = format!("role_{}", schema(&home));
    let name = schema(&home);
    run_sql(format!("CREATE ROLE {role} LOGIN PASSWORD 'vErY-sEcReT'; CREATE SCHEMA {name} AUTHORIZATION {role}")).await;
    let file = home.dir.path().join("password");
    std::fs::write(&file, "vErY-sEcReT\n").unwrap();
    let more = |file: &Path| format!("?schema={name}&sslmode=disable&password_file={}", file.display());
    let store = Store::open(over_tcp(&role, "postgres", &more(&file))).await.unwrap();
    store.set_meta("a", "b").await.unwrap();

    std::fs::write(&file, "wRoNg").unwrap();
    let refused = refusal(&over_tcp(&role, "postgres", &more(&file))).await;
    assert!(refused.contains("password") && refused.contains("PGPASSWORD") && !refused.contains("wRoNg"), "{refused}");
    let missing = refusal(&over_tcp(&role, "postgres", &more(Path::new("/no/such/password")))).await;
    assert!(missing.contains("/no/such/password"), "{missing}");
    // Who may not make a schema is told what to ask for.
    std::fs::write(&file, "vErY-sEcReT").unwrap();
    let elsewhere = format!("?schema={name}_new&sslmode=disable&password_file={}", file.display());
    let refused = refusal(&over_tcp(&role, "postgres", &elsewhere)).await;
    assert!(refused.contains("permission denied") && refused.contains("AUTHORIZATION"), "{refused}");
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_at_once() {
    let missing = refusal(&over_tcp("nobody", "postgres", "?sslmode=disable")).await;
    assert!(missing.contains("password"), "{missing}");
    let url = xtask::postgres::url();
    let elsewhere = url.replace("/postgres", "/no_such_database");
    let refused = refusal(&Location::parse(&elsewhere, Path::new("")).unwrap()).await;
    assert!(refused.contains("no_such_database") && refused.contains("createdb"), "{refused}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let down = Location::parse(&format!("postgres://x@127.0.0.1:{free}/db"), Path::new("")).unwrap();
    let refused = refusal(&down).await;
    assert!(refused.contains("refused") && refused.contains("the server is up"), "{refused}");
}

/// A database that does not keep all of Unicode is not used.
#[tokio::test]
async fn only_utf_8_is_taken() {
    let name = format!("latin_{}", schema(&crate::home()));
    run_sql(format!("CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc TEMPLATE template0"))
        .await;
    let at = Location::parse(&xtask::postgres::url().replace("/postgres", &format!("/{name}")), Path::new("")).unwrap();
    let refused = refusal(&at).await;
    assert!(refused.contains("LATIN1") && refused.contains("UTF8"), "{refused}");
    run_sql(format!("DROP DATABASE {name}")).await;
}

/// P9: the server ends our connections in the middle; what was acknowledged is there, the next write finds a new connection.
#[tokio::test]
async fn p9_a_lost_connection_loses_nothing_that_was_acknowledged() {
    let (home, store) = store().await;
    let run = running(&store, plan(1, &["ann"]), "r1").await;
    let epoch = lease(&store, "academy", "me", 2).await;
    let mut acknowledged = 0;
    for round in 0..5 {
        let kill = format!(
            "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a WHERE a.application_name = 'provost' AND a.pid IN
            (SELECT pid FROM pg_locks WHERE relation IN (SELECT oid FROM pg_class WHERE relnamespace = '{}'::regnamespace))",
            schema(&home)
        );
        let writing = async {
            for call in 0..50 {
                let steps = [step_id(2 * round), step_id(2 * round + 1)];
                match store.journal().started(&run.id, &epoch, call, &steps, at(3)).await {
                    Ok(_) => acknowledged += 2,
                    Err(error) => assert!(matches!(error, StoreError::Lost { .. }), "{error}"),
                }
            }
        };
        tokio::join!(writing, async {
            for _ in 0..20 {
                run_sql(kill.clone()).await;
            }
        });
    }
    let entries = store.entries(&run.id).await.unwrap();
    assert!(entries.len() >= acknowledged && acknowledged > 0, "{} of {acknowledged}", entries.len());
    assert_eq!(entries.len() % 2, 0, "half of a write was kept");
    let places: Vec<u64> = entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(places, (1..=entries.len() as u64).collect::<Vec<_>>());
}

//! Opening: what a user who names the wrong file, an old program or a damaged file is told.

mod common;

use common::*;
use provost_store::{Store, StoreError};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

async fn refusal(path: impl AsRef<std::path::Path>) -> StoreError {
    Store::open(path).await.err().expect("it opened")
}

async fn raw(path: &std::path::Path, sql: &'static str) {
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(path).create_if_missing(true)).await.unwrap();
    sqlx::query(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn a_store_is_made_private_and_opens_again() {
    let (dir, store) = store().await;
    let path = dir.path().join("store");
    #[cfg(unix)]
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let mode = std::os::unix::fs::PermissionsExt::mode(&entry.unwrap().metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(store.meta("organization").await.unwrap(), None);
    store.set_meta("organization", "Example").await.unwrap();
    store.set_meta("organization", "Exämple").await.unwrap();
    store.close().await;
    assert!(matches!(store.meta("organization").await, Err(StoreError::Closed)));
    let again = Store::open(&path).await.unwrap();
    assert_eq!(again.meta("organization").await.unwrap().as_deref(), Some("Exämple"));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_make_it_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let opening: Vec<_> = (0..8).map(|_| tokio::spawn(Store::open(path.clone()))).collect();
    for store in opening {
        store.await.unwrap().unwrap().set_meta("a", "b").await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_store_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let missing = refusal(dir.path().join("no/such/store")).await.to_string();
    assert!(missing.contains("no/such/store") && missing.contains("check that its folder exists"), "{missing}");
    let folder = refusal(dir.path()).await;
    assert!(matches!(folder, StoreError::CannotOpen { .. }), "{folder}");

    let text = dir.path().join("notes.txt");
    std::fs::write(&text, "not a database at all, but long enough to look like one".repeat(100)).unwrap();
    let refused = refusal(&text).await.to_string();
    assert!(refused.contains("notes.txt") && refused.contains("not a database"), "{refused}");
    assert!(std::fs::read_to_string(&text).unwrap().starts_with("not a database"), "and it is left alone");

    let other = dir.path().join("other.db");
    raw(&other, "CREATE TABLE things (a TEXT)").await;
    let refused = refusal(&other).await.to_string();
    assert!(refused.contains("another program's database"), "{refused}");
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (dir, store) = store().await;
    store.close().await;
    let path = dir.path().join("store");
    raw(
        &path,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9000, 'later', 1, x'00', 0)",
    )
    .await;
    let refused = refusal(&path).await;
    assert!(matches!(&refused, StoreError::NewerSchema { version: 9000, .. }), "{refused}");
    assert!(refused.to_string().contains("newer provost"), "{refused}");
}

#[tokio::test]
async fn damage_is_told_never_a_panic() {
    let (dir, store) = store().await;
    let plan = plan(1, &["ann"]);
    running(&store, plan.clone(), "r1").await;
    store.close().await;
    let path = dir.path().join("store");
    raw(&path, "UPDATE plans SET body = x'ffffffff00', status = 'odd'").await;
    raw(&path, "UPDATE runs SET state = 'odd'").await;
    let store = Store::open(&path).await.unwrap();
    assert!(matches!(store.plan(&plan.digest(), at(1)).await, Err(StoreError::Corrupt { .. })));
    assert!(matches!(store.plans(at(1)).await, Err(StoreError::Corrupt { .. })));
    assert!(matches!(store.runs().await, Err(StoreError::Corrupt { .. })));
    store.close().await;

    // The pages themselves: all but the first.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096..].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    let refused = match Store::open(&path).await {
        Ok(store) => store.plans(at(1)).await.unwrap_err(),
        Err(refused) => refused,
    };
    let text = refused.to_string();
    assert!(text.contains("backup") && text.contains("malformed"), "{text}");
}

/// A plan whose bytes were changed in the store is not the plan that somebody said yes to.
#[tokio::test]
async fn a_changed_plan_does_not_load() {
    let (dir, store) = store().await;
    let (one, two) = (plan(1, &["ann"]), plan(2, &["mallory"]));
    for plan in [&one, &two] {
        store.put_proposal(&proposal(plan.clone(), vec![]), &actor("al"), at(0), at(9), Vec::new).await.unwrap();
    }
    raw(&dir.path().join("store"), "UPDATE plans SET body = (SELECT body FROM plans ORDER BY created, proposal DESC LIMIT 1)").await;
    let refused = store.plan(&one.digest(), at(1)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    assert_eq!(store.plan(&two.digest(), at(1)).await.unwrap().plan, two);
}

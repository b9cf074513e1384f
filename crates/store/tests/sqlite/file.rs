//! What a user who names the wrong file or a damaged one is told; what a new file is.

use std::path::Path;

use provost_store::{Store, StoreError};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use crate::suite::common::*;

async fn refusal(path: &Path) -> StoreError {
    Store::open(path).await.err().expect("it opened")
}

async fn raw(path: &Path, sql: &'static str) {
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(path).create_if_missing(true)).await.unwrap();
    sqlx::query(sql).execute(&pool).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn a_file_is_made_for_its_owner_only() {
    let (home, store) = store().await;
    store.set_meta("organization", "Example").await.unwrap();
    #[cfg(unix)]
    for entry in std::fs::read_dir(home.dir.path()).unwrap() {
        let mode = std::os::unix::fs::PermissionsExt::mode(&entry.unwrap().metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn what_is_no_store_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let missing = refusal(&dir.path().join("no/such/store")).await.to_string();
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
async fn damaged_pages_are_told_never_a_panic() {
    let (home, store) = store().await;
    running(&store, plan(1, &["ann"]), "r1").await;
    store.close().await;
    let path = home.dir.path().join("store");
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

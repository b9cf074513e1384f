//! Opening: made, opened again, made by many at once; an old program and damaged rows are told.

use provost_store::{Store, StoreError};

use super::common::*;

#[tokio::test]
async fn a_store_is_made_and_opens_again() {
    let (home, store) = store().await;
    assert_eq!(store.location(), &home.at);
    assert_eq!(store.meta("organization").await.unwrap(), None);
    store.set_meta("organization", "Example").await.unwrap();
    store.set_meta("organization", "Exämple").await.unwrap();
    store.close().await;
    assert!(matches!(store.meta("organization").await, Err(StoreError::Closed)));
    assert!(matches!(store.set_meta("organization", "x").await, Err(StoreError::Closed)));
    assert_eq!(home.open().await.meta("organization").await.unwrap().as_deref(), Some("Exämple"));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_make_it_at_once() {
    // Who is first at which of the migrations is chance: several rounds.
    for _ in 0..6 {
        let home = crate::home();
        let opening: Vec<_> = (0..8).map(|_| tokio::spawn(Store::open(home.at.clone()))).collect();
        for store in opening {
            store.await.unwrap().unwrap().set_meta("a", "b").await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (home, store) = store().await;
    store.close().await;
    home.raw(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9000, 'later', TRUE, '', 0)",
    )
    .await;
    let refused = Store::open(&home.at).await.err().expect("it opened");
    assert!(matches!(&refused, StoreError::NewerSchema { version: 9000, .. }), "{refused}");
    assert!(refused.to_string().contains("newer provost"), "{refused}");
}

/// Both engines take the same texts: what one of them could not keep, neither does.
#[tokio::test]
async fn a_text_with_a_nul_is_refused() {
    let (_home, store) = store().await;
    let refused = store.set_meta("organization", "a\0b").await.unwrap_err();
    assert!(matches!(refused, StoreError::Nul { .. }), "{refused}");
    assert_eq!(store.meta("organization").await.unwrap(), None);
}

#[tokio::test]
async fn damaged_rows_are_told_never_a_panic() {
    let (home, store) = store().await;
    let plan = plan(1, &["ann"]);
    running(&store, plan.clone(), "r1").await;
    store.close().await;
    let blob = if matches!(home.at, provost_store::Location::File(_)) { "x'ffffffff00'" } else { "'\\xffffffff00'" };
    home.raw(sqlx::AssertSqlSafe(format!("UPDATE plans SET body = {blob}, status = 'odd'"))).await;
    home.raw("UPDATE runs SET state = 'odd'").await;
    let store = home.open().await;
    assert!(matches!(store.plan(&plan.digest(), at(1)).await, Err(StoreError::Corrupt { .. })));
    assert!(matches!(store.plans(at(1)).await, Err(StoreError::Corrupt { .. })));
    assert!(matches!(store.runs().await, Err(StoreError::Corrupt { .. })));
}

/// A plan whose bytes were changed in the store is not the plan that somebody said yes to.
#[tokio::test]
async fn a_changed_plan_does_not_load() {
    let (home, store) = store().await;
    let (one, two) = (plan(1, &["ann"]), plan(2, &["mallory"]));
    for plan in [&one, &two] {
        store.put_proposal(&proposal(plan.clone(), vec![]), &actor("al"), at(0), at(9), &no_count).await.unwrap();
    }
    home.raw("UPDATE plans SET body = (SELECT body FROM plans ORDER BY created, proposal DESC LIMIT 1)").await;
    let refused = store.plan(&one.digest(), at(1)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    assert_eq!(store.plan(&two.digest(), at(1)).await.unwrap().plan, two);
}

//! Leases, their fence, and sealed sessions.

use super::common::*;
use model::*;
use provost_store::{SealKey, StoreError};

#[tokio::test]
async fn one_owner_at_a_time() {
    let (_dir, store) = store().await;
    let app = AppName::new("academy");
    let first = lease(&store, "academy", "host-a/41/x", 0).await;
    assert_eq!((first.app.as_str(), first.number), ("academy", 1));
    assert_eq!(lease(&store, "campus", "host-a/41/x", 0).await.number, 1, "each app by itself");
    let refused = store.lease(&app, "host-b/7/y", at(10), hours(1), |_| false).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Leased { owner, until, .. } if owner == "host-a/41/x" && *until == at(3600)), "{refused}");
    let itself = store.lease(&app, "host-a/41/x", at(10), hours(1), |_| false).await;
    assert!(matches!(itself, Err(StoreError::Leased { .. })), "two runs of one process are two runs");
    store.renew(&first, at(3000), hours(1)).await.unwrap();
    assert!(matches!(store.lease(&app, "b", at(3700), hours(1), |_| false).await, Err(StoreError::Leased { .. })));
    // Its process is known to be gone: nobody waits.
    let second = store.lease(&app, "b", at(3700), hours(1), |owner| owner == "host-a/41/x").await.unwrap();
    assert_eq!(second.number, 2);
    assert!(matches!(store.renew(&first, at(3701), hours(1)).await, Err(StoreError::Fenced { .. })));
    assert!(matches!(store.release(&first).await, Err(StoreError::Fenced { .. })));
    store.release(&second).await.unwrap();
    assert_eq!(lease(&store, "academy", "c", 3702).await.number, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_want_a_connection_one_gets_it() {
    let (home, store) = store().await;
    // Half of them through a second opening, as another process would.
    let other = home.open().await;
    let tries: Vec<_> = (0..40)
        .map(|n| {
            let store = if n % 2 == 0 { store.clone() } else { other.clone() };
            tokio::spawn(async move { store.lease(&AppName::new("academy"), &format!("owner {n}"), at(0), hours(1), |_| false).await })
        })
        .collect();
    let mut got = 0;
    for attempt in tries {
        match attempt.await.unwrap() {
            Ok(epoch) => got += epoch.number,
            Err(error) => assert!(matches!(error, StoreError::Leased { .. }), "{error}"),
        }
    }
    assert_eq!(got, 1, "one turn, the first");
}

/// P11, A02: a session is kept sealed, for the owner of the connection, and is nowhere in clear.
#[tokio::test]
async fn p11_a_session_is_sealed() {
    let (home, plain) = store().await;
    let app = AppName::new("academy");
    let epoch = lease(&plain, "academy", "me", 0).await;
    let token = "vErY-sEcReT-tOkEn-0123456789";
    assert!(matches!(plain.put_session(&epoch, &Secret::new(token), at(99)).await, Err(StoreError::NoKey)));
    assert!(plain.session(&AppName::new("campus")).await.unwrap().is_none());
    assert!(plain.session(&app).await.unwrap().is_none());

    let store = plain.clone().sealed(SealKey::new([7; 32]));
    store.put_session(&epoch, &Secret::new(token), at(99)).await.unwrap();
    let session = store.session(&app).await.unwrap().unwrap();
    assert_eq!((session.secret.expose(), session.expires), (token, at(99)));
    assert!(!format!("{session:?}").contains(token));
    assert!(matches!(plain.session(&app).await, Err(StoreError::NoKey)));
    let wrong = plain.clone().sealed(SealKey::new([8; 32])).session(&app).await.unwrap_err();
    assert!(wrong.to_string().contains("PROVOST_KEY"), "{wrong}");

    // Nowhere in what is kept: no file, write-ahead log included; no row.
    let kept = home.kept(&store).await;
    assert!(!kept.is_empty());
    assert!(kept.iter().all(|bytes| !bytes.windows(token.len()).any(|window| window == token.as_bytes())));

    // The next turn finds it; the turn before cannot put or drop one any more.
    store.release(&epoch).await.unwrap();
    let next = lease(&store, "academy", "next", 5).await;
    assert_eq!(store.session(&app).await.unwrap().unwrap().secret.expose(), token);
    assert!(matches!(store.put_session(&epoch, &Secret::new("old"), at(99)).await, Err(StoreError::Fenced { .. })));
    assert!(matches!(store.drop_session(&epoch).await, Err(StoreError::Fenced { .. })));
    store.drop_session(&next).await.unwrap();
    assert!(store.session(&app).await.unwrap().is_none());
}

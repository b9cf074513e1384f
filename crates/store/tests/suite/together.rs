//! Two processes at one store at once, each with connections of its own: what is given once is given once.

use std::collections::BTreeSet;

use model::*;
use provost_store::{Store, StoreError};

use super::common::*;

/// Two openings of one new store.
async fn two() -> (Home, [Store; 2]) {
    let (home, one) = store().await;
    let other = home.open().await;
    (home, [one, other])
}

/// P3: many runs of both want one yes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p3_a_yes_is_used_by_one_run_of_two_processes() {
    let (_home, stores) = two().await;
    let plan = plan(1, &["ann"]);
    let digest = plan.digest();
    stores[0].put_proposal(&proposal(plan, vec![]), &actor("al"), at(0), at(7200), &no_count).await.unwrap();
    stores[1].decide(yes("d1", digest, 1)).await.unwrap();
    let tries: Vec<_> = (0..24)
        .map(|n| {
            let store = stores[n % 2].clone();
            tokio::spawn(async move { store.take_decision(&digest, &run(&format!("r{n}"), digest, 2)).await })
        })
        .collect();
    let mut got = 0;
    for attempt in tries {
        match attempt.await.unwrap() {
            Ok(decision) => got += usize::from(decision.id == "d1"),
            Err(error) => assert!(matches!(error, StoreError::AlreadyUsed { .. }), "{error}"),
        }
    }
    assert_eq!((got, stores[0].runs().await.unwrap().len()), (1, 1));
}

/// Proposals and readings are numbered one after the other, whoever keeps them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn numbers_are_given_once() {
    let (_home, stores) = two().await;
    let puts: Vec<_> = (0..20)
        .map(|n| {
            let store = stores[n as usize % 2].clone();
            tokio::spawn(async move {
                let plan = Plan { inputs: Inputs { only: vec!["ann".into()], ..plan(n, &[]).inputs }, ..plan(n, &["ann"]) };
                store.put_proposal(&proposal(plan, vec![]), &actor("al"), at(0), at(7200), &no_count).await.unwrap()[0].proposal
            })
        })
        .collect();
    let mut numbers = BTreeSet::new();
    for put in puts {
        numbers.insert(put.await.unwrap());
    }
    assert_eq!(numbers, (1..=20).collect());
}

/// P7: of two people who are given one account at the same time, one gets it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p7_an_account_is_linked_to_one_of_two() {
    let (_home, stores) = two().await;
    let puts: Vec<_> = (0..20)
        .map(|n| {
            let store = stores[n % 2].clone();
            tokio::spawn(async move { store.put_links(&[link("academy", &format!("p{n}"), "7"), link("campus", "x", "9")]).await })
        })
        .collect();
    let mut kept = 0;
    for put in puts {
        match put.await.unwrap() {
            Ok(()) => kept += 1,
            Err(error) => assert!(matches!(error, StoreError::LinkConflict { .. }), "{error}"),
        }
    }
    assert_eq!((kept, stores[1].links().await.unwrap().len()), (1, 2));
}

/// Both write the journal of their own run, each in its own turn: no line is lost, none is out of its place, and whoever lost the
/// turn in between writes nothing more.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f12_two_journals_at_once_and_a_turn_that_is_taken_over() {
    let (_home, stores) = two().await;
    let mut writers = Vec::new();
    for (n, store) in stores.iter().enumerate() {
        let run = running(store, plan(n as i64, &["ann"]), &format!("r{n}")).await;
        let epoch = lease(store, &format!("app{n}"), "me", 2).await;
        for call in 0..50 {
            let (journal, run, epoch) = (store.journal().clone(), run.id.clone(), epoch.clone());
            writers.push(tokio::spawn(async move { journal.started(&run, &epoch, call, &[step_id(1)], at(3)).await.unwrap() }));
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    for run in ["r0", "r1"] {
        let places: Vec<u64> = stores[0].entries(&RunId::new(run)).await.unwrap().iter().map(|entry| entry.seq).collect();
        assert_eq!(places, (1..=50).collect::<Vec<_>>(), "{run}");
    }
    let old = stores[0].lease(&AppName::new("campus"), "one", at(0), hours(1), |_| false).await.unwrap();
    stores[1].lease(&AppName::new("campus"), "two", at(3600), hours(1), |_| false).await.unwrap();
    let late = stores[0].journal().started(&RunId::new("r0"), &old, 9, &[step_id(1)], at(4)).await;
    assert!(matches!(late, Err(StoreError::Fenced { .. })), "{late:?}");
}

/// Text is compared and ordered bytewise on both engines: capitals before small letters, what has an accent after both.
#[tokio::test]
async fn order_is_bytewise() {
    let (_home, store) = store().await;
    let mut ids = ["aaab", "Aaaa", "aaaa", "éaaa", "_aaa", "Zaaa", "zaaa", "0aaa"];
    for (n, id) in ids.iter().enumerate() {
        running(&store, plan(n as i64, &["ann"]), id).await;
    }
    // All began at the same time, so that the id alone orders them.
    let open: Vec<String> = store.unfinished_runs().await.unwrap().iter().map(|run| run.id.to_string()).collect();
    ids.sort_unstable();
    assert_eq!(open, ids);
    assert_eq!(store.find_run("aaab").await.unwrap().id.as_str(), "aaab");
    assert!(matches!(store.find_run("aaaaa").await, Err(StoreError::NotFound { .. })));
}

//! The journal: durable when acknowledged, fenced, committed in groups.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::common::*;
use model::*;
use provost_store::{Location, Store, StoreError};

#[tokio::test]
async fn what_was_noted_comes_back_in_order_and_the_newest_word_counts() {
    let (_dir, store) = store().await;
    let plan = plan(1, &["ann", "bob"]);
    let ids: Vec<StepId> = plan.steps.iter().map(|step| step.id).collect();
    let run = running(&store, plan, "r1").await;
    let epoch = lease(&store, "academy", "me", 2).await;
    let journal = store.journal();
    assert_eq!(journal.started(&run.id, &epoch, 1, &ids, at(3)).await.unwrap(), 2);
    let receipt = Receipt {
        account: Some(AccountId::new("guid-1")),
        before: None,
        after: Some(serde_json::json!({"emailAddress": "ann@x.example", "n": [1, 2.5]})),
    };
    let done = StepRecord { receipt, ..record(&ids[0], 1, StepState::Done, 4) };
    let failed = record(&ids[1], 1, StepState::Failed { code: "409".into(), detail: "taken".into() }, 4);
    let links = [link("academy", "ann", "guid-1")];
    assert_eq!(journal.outcomes(&run.id, &epoch, &[done.clone(), failed.clone()], &links).await.unwrap(), 4);
    let entries = store.entries(&run.id).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(entries[0].record, record(&ids[0], 1, StepState::Started, 3));
    assert_eq!((&entries[2].record, &entries[2].epoch), (&done, &epoch));
    let records = store.records(&run.id).await.unwrap();
    assert_eq!((&records[&ids[0]], &records[&ids[1]]), (&done, &failed));
    assert_eq!(store.links().await.unwrap(), links);

    // All or nothing: a link that cannot be takes the outcomes with it, and says so.
    let clash = journal.outcomes(&run.id, &epoch, std::slice::from_ref(&done), &[link("academy", "bob", "guid-1")]).await;
    assert!(matches!(clash, Err(StoreError::LinkConflict { .. })), "{clash:?}");
    assert_eq!(store.entries(&run.id).await.unwrap().len(), 4);
    assert!(store.entries(&RunId::new("none")).await.unwrap().is_empty());
    assert!(journal.started(&RunId::new("none"), &epoch, 1, &ids, at(3)).await.is_err(), "a journal belongs to a run");
}

/// F12: whoever lost the connection writes nothing more, whatever it believes.
#[tokio::test]
async fn f12_a_writer_whose_turn_is_over_is_fenced() {
    let (_dir, store) = store().await;
    let plan = plan(1, &["ann"]);
    let ids = [plan.steps[0].id];
    let run = running(&store, plan, "r1").await;
    let old = lease(&store, "academy", "old", 0).await;
    store.journal().started(&run.id, &old, 1, &ids, at(3)).await.unwrap();
    // Its time runs out, another takes over.
    let new = lease(&store, "academy", "new", 3600).await;
    assert_eq!(new.number, old.number + 1);
    let refused = store.journal().started(&run.id, &old, 2, &ids, at(4)).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Fenced { epoch, .. } if *epoch == old.number), "{refused}");
    // In one batch, only the one whose turn is over is refused.
    let journal = store.journal();
    let done = [record(&ids[0], 1, StepState::Done, 5)];
    let (late, good) = tokio::join!(journal.outcomes(&run.id, &old, &done, &[]), journal.started(&run.id, &new, 2, &ids, at(3601)));
    assert!(matches!(late, Err(StoreError::Fenced { .. })));
    assert_eq!(good.unwrap(), 2);
    store.release(&new).await.unwrap();
    assert!(matches!(journal.outcomes(&run.id, &new, &done, &[]).await, Err(StoreError::Fenced { .. })));
    assert_eq!(store.entries(&run.id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn many_writes_at_once_are_few_commits() {
    let (_dir, store) = store().await;
    let run = running(&store, plan(1, &["ann"]), "r1").await;
    let epoch = lease(&store, "academy", "me", 2).await;
    let before = store.journal().commits();
    let writers: Vec<_> = (0..500u64)
        .map(|n| {
            let (journal, run, epoch) = (store.journal().clone(), run.id.clone(), epoch.clone());
            tokio::spawn(async move { journal.started(&run, &epoch, n, &[step_id(n)], at(3)).await.unwrap() })
        })
        .collect();
    let mut places = BTreeSet::new();
    for writer in writers {
        places.insert(writer.await.unwrap());
    }
    assert_eq!(places, (1..=500).collect(), "each hears its own place");
    let commits = store.journal().commits() - before;
    assert!((1..50).contains(&commits), "{commits} commits for 500 writes");
    // One by one, each is a commit of its own: acknowledged means committed.
    for n in 0..3 {
        store.journal().started(&run.id, &epoch, n, &[step_id(0)], at(4)).await.unwrap();
    }
    assert_eq!(store.journal().commits() - before, commits + 3);
    assert_eq!(store.entries(&run.id).await.unwrap().len(), 503);
}

#[tokio::test]
async fn a_batch_with_a_conflict_in_it_refuses_only_that() {
    let (_dir, store) = store().await;
    let run = running(&store, plan(1, &["ann"]), "r1").await;
    let epoch = lease(&store, "academy", "me", 2).await;
    let writers: Vec<_> = (0..20u64)
        .map(|n| {
            let (journal, run, epoch) = (store.journal().clone(), run.id.clone(), epoch.clone());
            // Two people claim the account "7".
            let link = link("academy", &format!("p{n}"), &if n == 13 { 7 } else { n }.to_string());
            let done = record(&step_id(n), n, StepState::Done, 3);
            tokio::spawn(async move { journal.outcomes(&run, &epoch, &[done], &[link]).await })
        })
        .collect();
    let mut refused = 0;
    for writer in writers {
        refused += usize::from(matches!(writer.await.unwrap(), Err(StoreError::LinkConflict { .. })));
    }
    assert_eq!(refused, 1);
    assert_eq!((store.entries(&run.id).await.unwrap().len(), store.links().await.unwrap().len()), (19, 19));
}

#[tokio::test]
async fn a_call_of_many_steps_is_one_write() {
    let (_dir, store) = store().await;
    let run = running(&store, plan(1, &["ann"]), "r1").await;
    let epoch = lease(&store, "academy", "me", 2).await;
    let ids: Vec<StepId> = (0..20_000).map(step_id).collect();
    let before = store.journal().commits();
    assert_eq!(store.journal().started(&run.id, &epoch, 1, &ids, at(3)).await.unwrap(), 20_000);
    assert_eq!(store.journal().commits(), before + 1);
    assert_eq!(store.records(&run.id).await.unwrap().len(), 20_000);
}

const CHILD: &str = "PROVOST_STORE_TEST_CHILD";

/// P9: kill -9 in the middle of writing; everything that was acknowledged is there, in one piece.
#[test]
fn p9_what_was_acknowledged_survives_kill_9() {
    let home = crate::home();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = home.open().await;
        running(&store, plan(1, &["ann"]), "r1").await;
        store.close().await;
    });
    let mut total = 0;
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "suite::journal::child_that_is_killed", "--nocapture"])
            .env(CHILD, home.at.to_string())
            .env("PROVOST_STORE_TEST_ROUND", round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut acknowledged = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            if let Some(place) = line.unwrap().strip_prefix("acknowledged ") {
                acknowledged.push(place.parse::<u64>().unwrap());
            }
            if acknowledged.len() == 200 {
                // SIGKILL, while its writers go on; what it still says before it dies is read to the end.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged.len() >= 200, "{} lines", acknowledged.len());
        runtime.block_on(async {
            let store = home.open().await;
            let entries = store.entries(&RunId::new("r1")).await.unwrap();
            let places: BTreeSet<u64> = entries.iter().map(|entry| entry.seq).collect();
            assert_eq!(places, (1..=entries.len() as u64).collect(), "no gap and nothing twice");
            assert!(acknowledged.iter().all(|place| places.contains(place)), "an acknowledged line is lost");
            assert!(entries.len() > total);
            total = entries.len();
            // Each write was two lines: neither is there without the other.
            assert_eq!(entries.len() % 2, 0);
            store.close().await;
        });
    }
}

/// The child of the test above; does nothing when run by itself.
#[test]
fn child_that_is_killed() {
    let Ok(place) = std::env::var(CHILD) else { return };
    let round: i64 = std::env::var("PROVOST_STORE_TEST_ROUND").unwrap().parse().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open(Location::parse(&place, Path::new("")).unwrap()).await.unwrap();
        // The one before was killed without a word: its turn is taken because its process is known to be gone.
        let owner = format!("child {round}");
        let epoch = store.lease(&AppName::new("academy"), &owner, at(3), hours(1), |_| true).await.unwrap();
        let writers: Vec<_> = (0..8u64)
            .map(|writer| {
                let (journal, epoch) = (store.journal().clone(), epoch.clone());
                tokio::spawn(async move {
                    let steps = [step_id(2 * writer), step_id(2 * writer + 1)];
                    while let Ok(place) = journal.started(&RunId::new("r1"), &epoch, writer, &steps, at(4)).await {
                        println!("acknowledged {place}");
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

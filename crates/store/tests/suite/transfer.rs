//! Copies and backups: everything, compared, all or nothing; and nothing that can be used twice.

use std::path::Path;

use model::*;
use provost_store::{Contents, SealKey, Store, StoreError};

use super::common::*;

fn quiet() -> impl FnMut(&str, u64, u64) + Send {
    |_, _, _| {}
}

/// A bit of everything: a run with its journal and links, an approval that nobody used, readings, a session, more rows than a batch.
async fn filled(store: &Store) -> Digest {
    store.set_meta("organization", "Exämple \u{1f600}").await.unwrap();
    let run = running(store, plan(1, &["ann", "Bob", "çelik"]), "r1").await;
    let epoch = lease(store, "academy", "me", 2).await;
    let steps: Vec<StepId> = (0..1500).map(step_id).collect();
    store.journal().started(&run.id, &epoch, 1, &steps, at(3)).await.unwrap();
    let receipt = Receipt { account: Some(AccountId::new("7")), before: None, after: Some(serde_json::json!({"name": "Ann\u{0}"})) };
    let done = StepRecord { receipt, ..record(&steps[0], 1, StepState::Done, 4) };
    let links = [link("academy", "ann", "7"), link("academy", "Bob", "A"), link("academy", "çelik", "a")];
    store.journal().outcomes(&run.id, &epoch, &[done], &links).await.unwrap();
    let sealed = store.clone().sealed(SealKey::new([7; 32]));
    sealed.put_session(&epoch, &Secret::new("token"), at(99)).await.unwrap();
    let unused = plan(2, &["dora"]);
    let digest = unused.digest();
    store.put_proposal(&proposal(unused, vec![]), &actor("al"), at(5), at(7200), &no_count).await.unwrap();
    store.decide(yes("unused", digest, 6)).await.unwrap();
    for people in [&["ann", "Bob"][..], &["ann"]] {
        let reading = super::readings::source("hr", people, super::readings::complete(7, people.len() as u64));
        store.put_source_reading(&reading, b"the raw bytes").await.unwrap();
    }
    digest
}

/// What both must say alike.
async fn same(one: &Store, other: &Store) {
    assert_eq!(one.links().await.unwrap(), other.links().await.unwrap());
    assert_eq!(one.runs().await.unwrap(), other.runs().await.unwrap());
    let run = RunId::new("r1");
    assert_eq!(one.entries(&run).await.unwrap(), other.entries(&run).await.unwrap());
    assert_eq!(one.decision_of_run(&run).await.unwrap(), other.decision_of_run(&run).await.unwrap());
    let hr = SourceName::new("hr");
    assert_eq!(one.latest_source_reading(&hr).await.unwrap(), other.latest_source_reading(&hr).await.unwrap());
    for plan in one.plans(at(10)).await.unwrap() {
        let (a, b) = (one.plan(&plan.digest, at(10)).await.unwrap(), other.plan(&plan.digest, at(10)).await.unwrap());
        assert_eq!(a.plan, b.plan);
    }
    let session = other.clone().sealed(SealKey::new([7; 32])).session(&AppName::new("academy")).await.unwrap().unwrap();
    assert_eq!(session.secret.expose(), "token");
    assert_eq!(one.meta("organization").await.unwrap(), other.meta("organization").await.unwrap());
}

async fn copies(home: Home, other: Home) {
    let store = home.open().await;
    let unused = filled(&store).await;
    let target = other.open().await;
    let mut heard = Vec::new();
    let copied =
        store.copy_to(&target, false, at(10), &mut |table, done, total| heard.push((table.to_owned(), done, total))).await.unwrap();
    assert_eq!(copied.tally, store.tally(&mut quiet()).await.unwrap(), "the first store is as it was");
    assert_eq!((copied.tally.contents.rows["journal"], copied.tally.contents.rows["readings"]), (1501, 2));
    assert_eq!((copied.replaced.total(), copied.approvals_ended), (0, 1));
    assert!(heard.contains(&("journal".into(), 1024, 1501)), "{heard:?}");
    same(&store, &target).await;

    // P3: a yes that nobody used is in the first store only.
    assert!(store.decided(&unused).await.unwrap().is_some());
    assert!(target.decided(&unused).await.unwrap().is_none());
    let refused = target.take_decision(&unused, &run("r9", unused, 11)).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotApproved { .. }), "{refused}");
    // F12: the turn that lasts in the first store is over in the second.
    let old = provost_store::Epoch { app: AppName::new("academy"), number: 1 };
    assert!(matches!(target.renew(&old, at(11), hours(1)).await, Err(StoreError::Fenced { .. })));
    assert_eq!(lease(&target, "academy", "next", 11).await.number, 3);
    store.renew(&old, at(11), hours(1)).await.unwrap();

    // It is not empty any more.
    let refused = store.copy_to(&target, false, at(12), &mut quiet()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::NotEmpty { holds, .. } if holds.contains("1501 in journal")), "{refused}");
}

#[tokio::test]
async fn a_copy_on_the_same_engine_holds_everything() {
    copies(crate::home(), crate::home()).await;
}

#[tokio::test]
async fn a_copy_on_the_other_engine_holds_everything() {
    copies(crate::home(), crate::other()).await;
}

/// There and back again: the same counts and the same digest, whichever engine they were computed on.
#[tokio::test]
async fn a_backup_comes_back_on_either_engine() {
    let (home, store) = store().await;
    filled(&store).await;
    let file = home.dir.path().join("acme.backup");
    let kept = store.backup(&file, &mut quiet()).await.unwrap();
    assert_eq!(kept, store.tally(&mut quiet()).await.unwrap());
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions()) & 0o777, 0o600);
    let beside: Vec<_> = std::fs::read_dir(home.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(beside.iter().all(|name| !name.to_string_lossy().starts_with(".provost-backup")), "{beside:?}");
    assert!(!home.dir.path().join("acme.backup-wal").exists());
    let bytes = std::fs::read(&file).unwrap();
    for other in [crate::home(), crate::other()] {
        let target = other.open().await;
        let restored = target.restore(&file, false, at(10), &mut quiet()).await.unwrap();
        assert_eq!(restored.tally, kept);
        same(&store, &target).await;
        // What is written afterwards is written in the right places.
        let epoch = lease(&target, "academy", "next", 11).await;
        assert_eq!(target.journal().started(&RunId::new("r1"), &epoch, 9, &[step_id(1)], at(12)).await.unwrap(), 1502);
    }
    assert_eq!(std::fs::read(&file).unwrap(), bytes, "the backup itself is left alone");

    // A backup is not worked with by mistake, and replaces nothing.
    let refused = Store::open(&file).await.err().expect("it opened").to_string();
    assert!(refused.contains("is a backup") && refused.contains("provost store restore"), "{refused}");
    let refused = store.backup(&file, &mut quiet()).await.unwrap_err().to_string();
    assert!(refused.contains("is there already"), "{refused}");
}

/// A backup is what is there at one instant, while others go on to write.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_is_of_one_instant() {
    let (home, store) = store().await;
    let run = running(&store, plan(1, &["ann"]), "r1").await;
    let epoch = lease(&store, "academy", "me", 2).await;
    let (busy, journal) = (run.id.clone(), store.journal().clone());
    let writer = tokio::spawn(async move {
        let mut written = 0;
        while let Ok(place) = journal.started(&busy, &epoch, 1, &[step_id(1), step_id(2)], at(3)).await {
            written = place;
        }
        written
    });
    for n in 0..5 {
        let file = home.dir.path().join(format!("backup-{n}"));
        let kept = store.backup(&file, &mut quiet()).await.unwrap();
        assert_eq!(kept.contents.rows["journal"] % 2, 0, "half of a write is in it");
        let there = crate::home();
        let target = there.open().await;
        assert_eq!(target.restore(&file, false, at(10), &mut quiet()).await.unwrap().tally, kept);
    }
    store.close().await;
    assert!(writer.await.unwrap() > 0, "it wrote all the time");
}

#[tokio::test]
async fn restoring_replaces_only_when_asked_and_all_or_nothing() {
    let (home, store) = store().await;
    filled(&store).await;
    let file = home.dir.path().join("backup");
    let kept = store.backup(&file, &mut quiet()).await.unwrap();

    let there = crate::home();
    let target = there.open().await;
    running(&target, plan(3, &["eve"]), "other").await;
    for turn in 0..5 {
        let epoch = lease(&target, "academy", "before", turn).await;
        target.release(&epoch).await.unwrap();
    }
    let before = target.tally(&mut quiet()).await.unwrap();
    let refused = target.restore(&file, false, at(10), &mut quiet()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::NotEmpty { holds, .. } if holds.contains("1 in runs")), "{refused}");

    // Not under the hands of somebody who works there.
    let turn = lease(&target, "campus", "somebody", 10).await;
    let refused = target.restore(&file, true, at(11), &mut quiet()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Leased { owner, .. } if owner == "somebody"), "{refused}");
    target.release(&turn).await.unwrap();

    // One byte of a damaged backup, anywhere: refused, and nothing was changed.
    let bytes = std::fs::read(&file).unwrap();
    let damaged = home.dir.path().join("damaged");
    for place in (4096..bytes.len()).step_by(bytes.len() / 40) {
        let mut bytes = bytes.clone();
        bytes.iter_mut().skip(place).take(64).for_each(|byte| *byte ^= 0x55);
        std::fs::write(&damaged, bytes).unwrap();
        match target.restore(&damaged, true, at(12), &mut quiet()).await {
            Err(StoreError::Backup { why, .. }) => assert!(why.contains("damaged"), "{why}"),
            // Unused room of a page holds nothing; whatever it was, all rows were as they had been.
            Ok(restored) => assert_eq!(restored.tally, kept),
            Err(other) => panic!("at {place}: {other}"),
        }
    }
    std::fs::write(&damaged, &bytes[..bytes.len() / 2]).unwrap();
    let refused = target.restore(&damaged, true, at(12), &mut quiet()).await.unwrap_err();
    assert!(refused.to_string().contains("damaged"), "{refused}");

    let elsewhere = crate::home();
    let again = elsewhere.open().await;
    running(&again, plan(3, &["eve"]), "other").await;
    for turn in 0..5 {
        let epoch = lease(&again, "academy", "before", turn).await;
        again.release(&epoch).await.unwrap();
    }
    let restored = again.restore(&file, true, at(12), &mut quiet()).await.unwrap();
    assert_eq!(restored.tally, kept);
    assert_eq!(restored.replaced.rows["runs"], before.contents.rows["runs"]);
    assert!(matches!(again.run(&RunId::new("other")).await, Err(StoreError::NotFound { .. })));
    // Turns go on above those of both: nobody from before can write.
    assert_eq!(lease(&again, "academy", "next", 13).await.number, 7);
}

#[tokio::test]
async fn what_is_no_backup_is_refused() {
    let (home, store) = store().await;
    let missing = store.restore(Path::new("/no/such/file"), false, at(1), &mut quiet()).await.unwrap_err().to_string();
    assert!(missing.contains("/no/such/file") && missing.contains("cannot be read"), "{missing}");
    let text = home.dir.path().join("notes");
    std::fs::write(&text, "not a database at all, but long enough to look like one".repeat(100)).unwrap();
    let refused = store.restore(&text, false, at(1), &mut quiet()).await.unwrap_err().to_string();
    assert!(refused.contains("damaged") || refused.contains("no backup"), "{refused}");
    let file = Home::file();
    let plain = file.open().await;
    plain.set_meta("a", "b").await.unwrap();
    plain.close().await;
    let refused = store.restore(&file.dir.path().join("store"), false, at(1), &mut quiet()).await.unwrap_err().to_string();
    assert!(refused.contains("no backup") && refused.contains("store copy"), "{refused}");
    let nowhere = store.backup(Path::new("/no/such/folder/backup"), &mut quiet()).await.unwrap_err().to_string();
    assert!(nowhere.contains("/no/such/folder/backup") && nowhere.contains("cannot be written"), "{nowhere}");
    assert_eq!(store.contents().await.unwrap().total(), 0);
}

/// Every table has a key, so that its rows have one order; a table that is added is copied without anybody thinking of it.
#[tokio::test]
async fn all_tables_are_known() {
    let (_home, store) = store().await;
    let Contents { rows } = store.contents().await.unwrap();
    for table in ["meta", "readings", "reading_raw", "links", "proposals", "plans", "decisions", "runs", "journal", "connections"] {
        assert!(rows.contains_key(table), "{table}: {rows:?}");
    }
    assert!(!rows.keys().any(|table| table.starts_with("_sqlx")), "{rows:?}");
}

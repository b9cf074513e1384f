//! The audit trail: written with what it tells of, and whatever is done to it behind the store's back is found.

use model::*;
use provost_store::{Store, StoreError};
use sqlx::AssertSqlSafe;

use super::common::*;

/// A story with everything that is told by itself: plans made, replaced, decided; a run that stops and goes on; what the caller notes.
async fn story(store: &Store) {
    let run = running(store, plan(1, &["ann", "Bob"]), "r1").await;
    let epoch = lease(store, "academy", "me", 2).await;
    store.set_run_state(&run.id, std::slice::from_ref(&epoch), RunState::Stopped, at(3), "the app is away").await.unwrap();
    store.set_run_state(&run.id, std::slice::from_ref(&epoch), RunState::Running, at(4), "").await.unwrap();
    store.set_run_state(&run.id, std::slice::from_ref(&epoch), RunState::Finished, at(5), "").await.unwrap();
    store.release(&epoch).await.unwrap();
    let held = Plan { class: Class::Held("access_lost".into()), ..plan(2, &["cy"]) };
    store.put_proposal(&proposal(plan(2, &["di"]), vec![held.clone()]), &actor("al"), at(6), at(7200), &no_count).await.unwrap();
    store.decide(no("d2", held.digest(), 7)).await.unwrap();
    store.decide(yes("d3", plan(2, &["di"]).digest(), 8)).await.unwrap();
    let put = |asker, second| {
        let store = store.clone();
        async move {
            store.put_proposal(&proposal(plan(3, &["ed"]), vec![]), &actor(asker), at(second), at(7200), &no_count).await.unwrap();
        }
    };
    put("al", 9).await;
    put("flo", 10).await;
    let details = serde_json::json!({ "b": 1, "a": "x\u{0}é" });
    let subject = Subject::App(AppName::new("academy"));
    store.audit(AuditEntry { at: at(11), actor: actor("gus"), what: AuditWhat::Connected, subject, details }).await.unwrap();
}

async fn faults(store: &Store) -> Vec<String> {
    store.verify_audit(&[]).await.unwrap().faults.into_iter().map(|fault| fault.what).collect()
}

#[tokio::test]
async fn the_trail_tells_what_happened_and_is_whole() {
    let (_home, store) = store().await;
    assert_eq!(store.verify_audit(&[]).await.unwrap().entries, 0);
    story(&store).await;
    let report = store.verify_audit(&[]).await.unwrap();
    assert_eq!((report.faults.as_slice(), report.notes.as_slice()), (&[][..], &[][..]));
    let entries = store.audited().await.unwrap();
    let told: Vec<(&str, &str)> = entries.iter().map(|entry| (entry.what.as_str(), entry.by())).collect();
    assert_eq!(
        told,
        [
            ("planned", "al"),
            ("approved", "bo"),
            ("run_started", "somebody"),
            ("run_stopped", "somebody"),
            ("run_resumed", "somebody"),
            ("run_finished", "somebody"),
            ("planned", "al"),
            ("planned", "al"),
            ("rejected", "bo"),
            ("approved", "bo"),
            ("superseded", "al"),
            ("planned", "al"),
            ("planned", "flo"),
            ("connected", "gus"),
        ]
    );
    assert_eq!(entries[7].details["class"], serde_json::json!({ "held": "access_lost" }));
    assert_eq!(entries[3].details["stopped_by"], "the app is away");
    assert_eq!(entries[2].subject, "run:r1");
    let head = store.audit_head().await.unwrap().unwrap();
    assert_eq!((head.seq, head.hash), (14, entries[13].hash));
    // Every head that somebody kept on the way is still in it; one of another trail is not.
    let kept: Vec<Digest> = entries.iter().map(|entry| entry.hash).collect();
    assert_eq!(store.verify_audit(&kept).await.unwrap().faults, []);
    assert!(store.verify_audit(&[Digest::new([7; 32])]).await.unwrap().faults[0].what.contains("kept elsewhere"));
}

/// Any single edit, removal, insertion or swap, at any place.
#[tokio::test]
async fn whatever_is_done_to_the_trail_is_found() {
    let (home, store) = store().await;
    story(&store).await;
    let count = store.audited().await.unwrap().len();
    let raw = async |sql: String| home.raw(AssertSqlSafe(sql)).await;
    raw("CREATE TABLE kept_aside AS SELECT * FROM audit".into()).await;
    let found = async |what: &str| {
        let faults = faults(&store).await;
        assert!(!faults.is_empty(), "not found: {what}");
        raw("DELETE FROM audit".into()).await;
        raw("INSERT INTO audit SELECT * FROM kept_aside".into()).await;
    };
    for seq in 1..=count {
        for (column, other) in [
            ("noted", "noted + 1"),
            ("actor", "'{\"name\":\"eve\",\"proof\":\"authenticated\"}'"),
            ("actor", "' ' || actor"),
            ("what", "what || 'x'"),
            ("subject", "subject || 'x'"),
            ("details", "'{}'"),
            ("details", "details || ' '"),
            ("details", "'no json'"),
            ("previous", "hash"),
            ("hash", "previous"),
            ("hash", "upper(hash)"),
            ("seq", "seq + 1000"),
        ] {
            raw(format!("UPDATE audit SET {column} = {other} WHERE seq = {seq}")).await;
            found(&format!("{column} = {other} of entry {seq}")).await;
        }
        raw(format!("DELETE FROM audit WHERE seq = {seq}")).await;
        found(&format!("entry {seq} removed")).await;
        raw(format!("DELETE FROM audit WHERE seq >= {seq}")).await;
        found(&format!("cut off before entry {seq}")).await;
        for other in [seq + 1, count].into_iter().filter(|other| *other > seq && *other <= count) {
            raw(format!("UPDATE audit SET seq = {seq} + {other} - seq + 1000 WHERE seq IN ({seq}, {other})")).await;
            raw("UPDATE audit SET seq = seq - 1000 WHERE seq > 1000".into()).await;
            found(&format!("entries {seq} and {other} swapped")).await;
        }
        // Put in at this place, the rest moved on.
        raw(format!("UPDATE audit SET seq = seq + 1000 WHERE seq >= {seq}")).await;
        raw("UPDATE audit SET seq = seq - 999 WHERE seq > 1000".into()).await;
        raw(format!(
            "INSERT INTO audit SELECT {seq}, noted, actor, what, subject, details, previous, hash FROM kept_aside WHERE seq = {seq}"
        ))
        .await;
        found(&format!("an entry put in before entry {seq}")).await;
    }
    raw(format!(
        "INSERT INTO audit SELECT {count} + 1, noted, actor, what, subject, details, hash, hash FROM kept_aside WHERE seq = {count}"
    ))
    .await;
    found("an entry put in at the end").await;
    assert_eq!(faults(&store).await, [] as [String; 0], "as it was");
}

/// Rows without their entries, entries without their rows, rows that say something else.
#[tokio::test]
async fn rows_that_are_not_as_they_are_told_are_found() {
    let (home, store) = store().await;
    story(&store).await;
    let raw = async |sql: &str| home.raw(AssertSqlSafe(sql.to_owned())).await;
    let live = plan(3, &["ed"]).digest();
    for (change, undo, told) in [
        ("UPDATE runs SET state = 'stopped'", "UPDATE runs SET state = 'finished'", "has state"),
        (
            "UPDATE decisions SET used_by = '' WHERE used_by = 'r1'",
            "UPDATE decisions SET used_by = 'r1' WHERE id = 'decision of r1'",
            "used_by",
        ),
        ("UPDATE decisions SET live = 1 WHERE id = 'd3'", "UPDATE decisions SET live = 0 WHERE id = 'd3'", "has live"),
        ("UPDATE decisions SET expires = expires + 1", "UPDATE decisions SET expires = expires - 1", "has expires"),
        (
            "UPDATE plans SET status = 'approved' WHERE status = 'superseded'",
            "UPDATE plans SET status = 'superseded' WHERE status = 'approved'",
            "has status",
        ),
        (
            "UPDATE plans SET asker = '{\"name\":\"eve\",\"proof\":\"authenticated\"}' WHERE status = 'pending'",
            "UPDATE plans SET asker = '{\"name\":\"flo\",\"proof\":\"authenticated\"}' WHERE status = 'pending'",
            "has asker",
        ),
        ("UPDATE runs SET id = 'r2'", "UPDATE runs SET id = 'r1'", "not in the store any more"),
    ] {
        raw(change).await;
        let faults = faults(&store).await;
        assert!(faults.iter().any(|fault| fault.contains(told)), "{change}: {faults:?}");
        raw(undo).await;
    }
    raw(&format!(
        "INSERT INTO decisions (id, digest, verdict, decider, decided, expires, live, yes, used_by)
        VALUES ('forged', '{live}', '\"yes\"', '{{\"name\":\"eve\",\"proof\":\"authenticated\"}}', {0}, {0} + 9000000, 1, 1, '')",
        at(12).as_millisecond()
    ))
    .await;
    assert!(faults(&store).await.iter().any(|fault| fault.contains("without an entry")));
    // P3: an approval that nobody gave is not used either.
    let refused = store.take_decision(&live, &run("r9", live, 13)).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Corrupt { why, .. } if why.contains("does not tell of it")), "{refused}");
}

#[tokio::test]
async fn p3_a_decision_or_an_asker_edited_in_the_database_is_not_used() {
    let (home, store) = store().await;
    let digest = plan(1, &["ann"]).digest();
    let asked = Actor { name: "al".into(), proof: Proof::Unauthenticated };
    store.put_proposal(&proposal(plan(1, &["ann"]), vec![]), &asked, at(0), at(7200), &no_count).await.unwrap();
    store.decide(Decision { by: Actor { proof: Proof::Unauthenticated, ..actor("bo") }, ..yes("d1", digest, 1) }).await.unwrap();
    for (table, column, name) in [("decisions", "decider", "bo"), ("plans", "asker", "al")] {
        let set = async |proof: &str| {
            home.raw(AssertSqlSafe(format!("UPDATE {table} SET {column} = '{{\"name\":\"{name}\",\"proof\":\"{proof}\"}}'"))).await;
        };
        set("authenticated").await;
        let refused = store.take_decision(&digest, &run("r1", digest, 2)).await.unwrap_err();
        assert!(matches!(&refused, StoreError::Corrupt { why, .. } if why.contains("tells otherwise")), "{refused}");
        set("unauthenticated").await;
    }
    store.take_decision(&digest, &run("r1", digest, 2)).await.unwrap();
    assert_eq!(faults(&store).await, [] as [String; 0]);
}

/// What was there before the trail is known by its name, and goes on as ever.
#[tokio::test]
async fn an_older_store_begins_its_trail_with_what_is_there() {
    let (home, store) = store().await;
    let unused = plan(1, &["ann"]).digest();
    store.put_proposal(&proposal(plan(1, &["ann"]), vec![]), &actor("al"), at(0), at(7200), &no_count).await.unwrap();
    store.decide(yes("d1", unused, 1)).await.unwrap();
    home.raw("DELETE FROM audit").await;
    home.raw("DELETE FROM meta WHERE name = 'audit'").await;
    assert!(!faults(&store).await.is_empty(), "all of it was cut off");
    store.take_decision(&unused, &run("r1", unused, 2)).await.unwrap();
    let report = store.verify_audit(&[]).await.unwrap();
    assert_eq!(report.faults, []);
    assert!(report.notes[0].contains("2 plans, decisions and runs are older"), "{:?}", report.notes);
    assert_eq!(store.audited().await.unwrap()[0].what, "begun");
    home.raw("INSERT INTO decisions SELECT 'd0', digest, verdict, decider, decided, expires, 0, yes, '', '' FROM decisions").await;
    assert!(!faults(&store).await.is_empty());
}

#[tokio::test]
async fn copies_and_backups_carry_the_trail_and_say_so() {
    let (home, store) = store().await;
    story(&store).await;
    let file = home.dir.path().join("backup");
    store.backup(&file, &mut |_, _, _| {}).await.unwrap();
    store.decide(yes("late", plan(3, &["ed"]).digest(), 12)).await.unwrap();
    let late = store.audit_head().await.unwrap().unwrap();
    let elsewhere = crate::other();
    let other = elsewhere.open().await;
    store.copy_to(&other, false, at(20), &mut |_, _, _| {}).await.unwrap();
    let report = other.verify_audit(&[late.hash]).await.unwrap();
    assert_eq!((report.faults.as_slice(), report.entries), (&[][..], late.seq + 1));
    assert!(report.notes[0].contains("copied into this store"), "{:?}", report.notes);
    // An older backup in its own place: whole in itself, told, and missing what was kept elsewhere.
    store.restore(&file, true, at(30), &mut |_, _, _| {}).await.unwrap();
    let report = store.verify_audit(&[]).await.unwrap();
    assert_eq!((report.faults.as_slice(), report.entries), (&[][..], late.seq));
    assert!(
        report.notes[0].contains(&format!("in place of another trail that ended with {} {}", late.seq, late.hash)),
        "{:?}",
        report.notes
    );
    assert!(store.verify_audit(&[late.hash]).await.unwrap().faults[0].what.contains("kept elsewhere"));
    store.decide(yes("again", plan(3, &["ed"]).digest(), 31)).await.unwrap();
    assert_eq!(faults(&store).await, [] as [String; 0]);
}

//! What guards and standing approvals rest on: plannings one after another, what expired stays so, limits that hold together.

use super::common::*;
use model::*;
use provost_store::{PlanStatus, StandingLimit, StandingWord, Store, StoreError};

/// Nothing is counted.
fn none(_: &Plan, _: &[Step]) -> Vec<u8> {
    b"[]".to_vec()
}

fn only(salt: i64, person: &str) -> Plan {
    let mut plan = plan(salt, &[person]);
    plan.inputs.only = vec![person.into()];
    plan
}

#[tokio::test]
async fn f02_of_two_who_plan_at_the_same_time_the_second_plans_again() {
    let (_dir, store) = store().await;
    let stood = store.mark().await.unwrap();
    let put = async |salt: i64, stood| {
        store.put_proposal_after(stood, &proposal(only(salt, "ann"), vec![]), &actor("al"), at(0), at(100), &none).await.unwrap()
    };
    assert!(put(1, stood).await.is_some());
    assert!(put(2, stood).await.is_none(), "it did not count the first");
    assert_eq!(store.plans(at(1)).await.unwrap().len(), 1, "and nothing of it is kept");
    let stood = store.mark().await.unwrap();
    assert!(put(2, stood).await.is_some());
    let stood = store.mark().await.unwrap();
    running(&store, plan(3, &["bob"]), "0190aabb-1").await;
    assert!(put(4, stood).await.is_none(), "a run that began moves it too");
}

#[tokio::test]
async fn f02_what_expired_when_something_was_planned_stays_so_when_the_clock_is_set_back() {
    let (_dir, store) = store().await;
    let (approved, pending) = (only(1, "ann"), only(2, "bob"));
    for plan in [&approved, &pending] {
        store.put_proposal(&proposal(plan.clone(), vec![]), &actor("al"), at(0), at(100), &none).await.unwrap();
    }
    store.decide(yes("d1", approved.digest(), 1)).await.unwrap();
    store.put_proposal(&proposal(only(3, "cy"), vec![]), &actor("al"), at(200), at(300), &none).await.unwrap();
    for plan in [&approved, &pending] {
        assert_eq!(store.plan(&plan.digest(), at(5)).await.unwrap().summary.status, PlanStatus::Expired);
        assert!(store.counted_since(at(0), at(5), false).await.unwrap().is_empty());
        assert!(matches!(store.decide(yes("d2", plan.digest(), 5)).await, Err(StoreError::Expired { .. })));
        assert!(matches!(
            store.take_decision(&plan.digest(), &run("0190aabb-2", plan.digest(), 5)).await,
            Err(StoreError::Expired { .. })
        ));
    }
    assert!(store.verify_audit(&[]).await.unwrap().faults.is_empty());
    // Planned again, it waits for a new decision.
    store.put_proposal(&proposal(pending.clone(), vec![]), &actor("al"), at(210), at(310), &none).await.unwrap();
    assert_eq!(store.plan(&pending.digest(), at(220)).await.unwrap().summary.status, PlanStatus::Pending);
}

/// A plan of so many people, kept and then approved by the standing approval, if that has room.
async fn ahead(store: &Store, salt: i64, people: &[&str], second: i64) -> (Digest, bool) {
    let mut plan = plan(salt, people);
    plan.inputs.only = people.iter().map(|person| (*person).to_owned()).collect();
    let digest = plan.digest();
    store.put_proposal(&proposal(plan, vec![]), &actor("al"), at(second), at(second + 1000), &none).await.unwrap();
    let by = Actor { name: "standing".into(), proof: Proof::Standing };
    let decision = Decision { by, ..yes(&format!("decision {salt}"), digest, second) };
    let limit = StandingLimit { digest: rule(), max: 3, since: at(second - 100) };
    (digest, store.decide_standing(decision, limit).await.unwrap())
}

fn rule() -> Digest {
    digest_of(&"rule")
}

/// Whatever is changed in the rows of standing approvals behind the store's back is found, and a yes that the trail does not tell of is not
/// used.
#[tokio::test]
async fn p3_a_standing_approval_edited_in_the_database_is_found_and_not_used() {
    let (home, store) = store().await;
    say(&store, true, 1).await;
    say(&store, false, 2).await;
    say(&store, true, 3).await;
    assert!(ahead(&store, 1, &["ann"], 10).await.1);
    let raw = async |sql: String| home.raw(sqlx::AssertSqlSafe(sql)).await;
    let found = async || store.verify_audit(&[]).await.unwrap().faults.into_iter().map(|fault| fault.what).collect::<Vec<_>>();
    assert_eq!(found().await, [] as [String; 0]);
    let (rule, policy, other) = (rule(), digest_of(&"policy"), digest_of(&"other"));
    for (column, other, was) in [
        ("decisions SET standing", "''".to_owned(), format!("'{rule}'")),
        ("decisions SET standing", format!("'{other}'"), format!("'{rule}'")),
        ("standing SET policy", format!("'{other}'"), format!("'{policy}'")),
        ("standing SET approved", "0".to_owned(), "1".to_owned()),
        ("standing SET decided", "decided + 1".to_owned(), "decided - 1".to_owned()),
        ("standing SET rule", "'{\"max\":30}'".to_owned(), "'{\"max\":3}'".to_owned()),
        ("standing SET seq", "seq + 10".to_owned(), "seq - 10".to_owned()),
    ] {
        let filter = if column.starts_with("standing") { "WHERE seq IN (3, 13)" } else { "" };
        raw(format!("UPDATE {column} = {other} {filter}")).await;
        let faults = found().await;
        assert_eq!(faults.is_empty(), column.ends_with("seq"), "{column} = {other}: {faults:?}");
        raw(format!("UPDATE {column} = {was} {filter}")).await;
        assert_eq!(found().await, [] as [String; 0], "{column} as it was");
    }
    raw("DELETE FROM standing WHERE seq = 2".into()).await;
    assert!(found().await.iter().any(|fault| fault.contains("not in the store any more")));
    for change in [
        "INSERT INTO standing SELECT 2, digest, 0, policy, rule, decider, decided - 1000 FROM standing WHERE seq = 3".to_owned(),
        format!("INSERT INTO standing SELECT 4, digest, 1, '{other}', rule, decider, decided FROM standing WHERE seq = 3"),
    ] {
        raw(change).await;
    }
    assert!(found().await.iter().any(|fault| fault.contains("without an entry")), "{:?}", found().await);
    let plan = plan(2, &["bob"]);
    store.put_proposal(&proposal(plan.clone(), vec![]), &actor("al"), at(20), at(1000), &none).await.unwrap();
    let by = Actor { name: "standing".into(), proof: Proof::Standing };
    let limit = StandingLimit { digest: rule, max: 3, since: at(0) };
    let refused = store.decide_standing(Decision { by, ..yes("d2", plan.digest(), 20) }, limit).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Corrupt { why, .. } if why.contains("tells otherwise")), "{refused}");
}

async fn say(store: &Store, approved: bool, second: i64) {
    let word = StandingWord { approved, policy: digest_of(&"policy"), by: actor("bo"), at: at(second) };
    store.say_standing(&rule(), "{\"max\":3}", &word).await.unwrap();
    assert_eq!(store.standing(&rule()).await.unwrap(), Some(word));
}

#[tokio::test]
async fn a_standing_approval_is_used_up_by_many_small_plans_as_by_a_large_one() {
    let (_dir, store) = store().await;
    assert!(!ahead(&store, 1, &["ann"], 10).await.1, "nobody approved it");
    say(&store, true, 11).await;
    let (first, yes) = ahead(&store, 2, &["ann", "bob"], 20).await;
    assert!(yes && store.plan(&first, at(21)).await.unwrap().summary.status == PlanStatus::Approved);
    assert!(ahead(&store, 3, &["cy"], 30).await.1);
    assert!(!ahead(&store, 4, &["di"], 40).await.1, "three are three");
    assert_eq!(store.standing_used(&rule(), at(0), at(40)).await.unwrap(), 3);
    store.take_decision(&first, &run("0190aabb-3", first, 50)).await.unwrap();
    assert!(!ahead(&store, 5, &["di"], 300).await.1, "what runs counts as long as it runs");
    let epoch = lease(&store, "academy", "me", 300).await;
    store.set_run_state(&RunId::new("0190aabb-3"), &[epoch], RunState::Finished, at(310), "").await.unwrap();
    assert!(!ahead(&store, 6, &["di"], 320).await.1, "and a window longer");
    assert!(ahead(&store, 7, &["di"], 500).await.1);
    assert!(store.verify_audit(&[]).await.unwrap().faults.is_empty());
}

#[tokio::test]
async fn a_standing_approval_taken_back_takes_back_what_it_approved_and_nobody_used() {
    let (_dir, store) = store().await;
    say(&store, true, 1).await;
    let (used, unused) = (ahead(&store, 1, &["ann"], 10).await.0, ahead(&store, 2, &["bob"], 11).await.0);
    store.take_decision(&used, &run("0190aabb-4", used, 12)).await.unwrap();
    say(&store, false, 13).await;
    assert!(matches!(store.take_decision(&unused, &run("0190aabb-5", unused, 14)).await, Err(StoreError::Superseded { .. })));
    assert_eq!(store.plan(&used, at(14)).await.unwrap().summary.status, PlanStatus::Running);
    assert!(!ahead(&store, 3, &["cy"], 20).await.1);
    assert!(store.verify_audit(&[]).await.unwrap().faults.is_empty());
}

//! Proposals, plans, decisions and runs.

use super::common::*;
use model::*;
use provost_store::{PlanStatus, StoreError};

#[tokio::test]
async fn a_proposal_comes_back_whole_and_by_its_beginning() {
    let (_dir, store) = store().await;
    let open = plan(1, &["ann", "bob"]);
    let held = Plan { class: Class::Held("access_lost".into()), ..plan(1, &["cy"]) };
    let finding = Finding::new(FindingKind::Orphan, "an orphan");
    let all = Proposal { open: open.clone(), held: vec![held.clone()], findings: vec![finding.clone()] };
    assert!(store.findings().await.unwrap().is_none());
    let summaries = store.put_proposal(&all, &actor("al"), at(0), at(100), &no_count).await.unwrap();
    assert_eq!(summaries.iter().map(|plan| plan.digest).collect::<Vec<_>>(), [open.digest(), held.digest()]);
    assert_eq!((summaries[1].class.clone(), summaries[0].steps), (Class::Held("access_lost".into()), 2));

    let stored = store.plan(&open.digest(), at(1)).await.unwrap();
    assert_eq!(stored.plan, open);
    assert_eq!((stored.summary.status, stored.summary.asker.clone()), (PlanStatus::Pending, actor("al")));
    assert_eq!((stored.summary.created, stored.summary.expires, stored.summary.proposal), (at(0), at(100), 1));
    let found = store.find_plan(&held.digest().to_string()[..6].to_uppercase(), at(1)).await.unwrap();
    assert_eq!(found.plan, held);
    assert_eq!(store.findings().await.unwrap().unwrap().findings, [finding]);
    assert_eq!(store.plans(at(100)).await.unwrap()[0].status, PlanStatus::Expired);

    assert!(matches!(store.find_plan("ab", at(1)).await, Err(StoreError::BadPrefix { .. })));
    assert!(matches!(store.find_plan("xyzw", at(1)).await, Err(StoreError::BadPrefix { .. })));
    assert!(matches!(store.plan(&digest_of(&"none"), at(1)).await, Err(StoreError::NotFound { .. })));
    let none = store.find_plan("00000000000000", at(1)).await.unwrap_err();
    assert_eq!(none.to_string(), "no plan 00000000000000 in the store");
}

#[tokio::test]
async fn an_ambiguous_beginning_lists_what_it_fits() {
    let (_dir, store) = store().await;
    // Two of some thousand plans begin with the same four digits.
    let mut seen = std::collections::BTreeMap::new();
    let (one, two) = (0..)
        .find_map(|salt| seen.insert(plan(salt, &["ann"]).digest().to_string()[..4].to_owned(), salt).map(|first| (first, salt)))
        .unwrap();
    for salt in [one, two] {
        store.put_proposal(&proposal(plan(salt, &["ann"]), vec![]), &actor("al"), at(0), at(9), &no_count).await.unwrap();
    }
    let digests = [plan(one, &["ann"]).digest(), plan(two, &["ann"]).digest()];
    let Err(StoreError::Ambiguous { matches, .. }) = store.find_plan(&digests[0].to_string()[..4], at(0)).await else { panic!() };
    assert!(digests.iter().all(|digest| matches.contains(&digest.short())), "{matches:?}");
}

#[tokio::test]
async fn a_new_proposal_for_everybody_supersedes_what_nobody_used() {
    let (_dir, store) = store().await;
    let (first, approved, second) = (plan(1, &["ann"]), plan(2, &["bob"]), plan(3, &["ann"]));
    let mut only = plan(4, &["cy"]);
    only.inputs.only = vec!["cy".into()];
    for plan in [&approved, &only, &first] {
        store.put_proposal(&proposal(plan.clone(), vec![]), &actor("al"), at(0), at(100), &no_count).await.unwrap();
        if plan == &approved {
            store.decide(yes("d1", approved.digest(), 1)).await.unwrap();
        }
    }
    store.put_proposal(&proposal(second.clone(), vec![]), &actor("al"), at(5), at(100), &no_count).await.unwrap();
    let status = async |plan: &Plan| store.plan(&plan.digest(), at(6)).await.unwrap().summary.status;
    assert_eq!(status(&first).await, PlanStatus::Superseded);
    assert_eq!(status(&approved).await, PlanStatus::Superseded, "a yes to what is out of date is out of date");
    assert!(store.take_decision(&approved.digest(), &run("r", approved.digest(), 6)).await.is_err(), "and cannot be used");
    assert_eq!(status(&only).await, PlanStatus::Pending, "planned for one person: stands beside");
    assert_eq!(status(&second).await, PlanStatus::Pending);
    assert!(matches!(store.decide(yes("d2", first.digest(), 6)).await, Err(StoreError::Superseded { .. })));
    assert!(matches!(store.take_decision(&first.digest(), &run("r", first.digest(), 6)).await, Err(StoreError::Superseded { .. })));

    // The same bytes again: to be decided again, with a new expiry; somebody's word about a plan stands.
    store.put_proposal(&proposal(first.clone(), vec![approved.clone()]), &actor("al"), at(7), at(200), &no_count).await.unwrap();
    assert_eq!(status(&first).await, PlanStatus::Pending);
    assert_eq!(store.plan(&first.digest(), at(8)).await.unwrap().summary.expires, at(200));
    assert_eq!(status(&approved).await, PlanStatus::Pending, "said again, it is to be decided again");
    assert_eq!(status(&second).await, PlanStatus::Superseded);
    store.decide(yes("d3", approved.digest(), 8)).await.unwrap();
    store.put_proposal(&proposal(first.clone(), vec![approved.clone()]), &actor("al"), at(8), at(200), &no_count).await.unwrap();
    assert_eq!(status(&approved).await, PlanStatus::Approved, "a yes to what is still said stands");
    // The list: newest first, open before held.
    assert_eq!(store.plans(at(8)).await.unwrap()[0].digest, first.digest());
    // The same steps in a plan for another instant: the yes stands; without one of them it does not.
    let mut later = approved.clone();
    later.inputs.as_of = at(3600);
    store.put_proposal(&proposal(later, vec![]), &actor("al"), at(8), at(200), &no_count).await.unwrap();
    assert_eq!(status(&approved).await, PlanStatus::Approved, "its steps are still right");
    store.put_proposal(&proposal(first.clone(), vec![]), &actor("al"), at(8), at(200), &no_count).await.unwrap();
    assert_eq!(status(&approved).await, PlanStatus::Superseded, "its step is no longer right");
}

#[tokio::test]
async fn a_plan_has_one_decision_that_counts() {
    let (_dir, store) = store().await;
    let (one, empty) = (plan(1, &["ann"]), plan(2, &[]));
    for plan in [&empty, &one] {
        store.put_proposal(&proposal(plan.clone(), vec![]), &actor("al"), at(0), at(9000), &no_count).await.unwrap();
    }
    let digest = one.digest();
    assert!(matches!(store.decide(yes("d", digest_of(&"none"), 1)).await, Err(StoreError::NotFound { .. })));
    assert!(matches!(store.decide(yes("d", empty.digest(), 1)).await, Err(StoreError::Empty { .. })));
    assert!(matches!(store.decide(yes("d", digest, 9000)).await, Err(StoreError::Expired { .. })));
    assert!(matches!(store.take_decision(&digest, &run("r", digest, 1)).await, Err(StoreError::NotApproved { .. })));
    store.decide(yes("d1", digest, 1)).await.unwrap();
    assert!(matches!(store.decide(yes("d2", digest, 2)).await, Err(StoreError::AlreadyDecided { .. })));
    // An expired yes is not used, and can be given again.
    assert!(matches!(store.take_decision(&digest, &run("r", digest, 3601)).await, Err(StoreError::Expired { .. })));
    assert_eq!(store.plan(&digest, at(3601)).await.unwrap().summary.status, PlanStatus::Pending);
    assert!(store.runs().await.unwrap().is_empty());
    store.decide(yes("d3", digest, 3601)).await.unwrap();
    // A no takes back a yes that was not used, and is final.
    store.decide(no("d4", digest, 3602)).await.unwrap();
    let rejected = store.take_decision(&digest, &run("r", digest, 3603)).await.unwrap_err();
    assert_eq!(rejected.to_string(), format!("plan {} was rejected by bo: too many", digest.short()));
    assert!(matches!(store.decide(yes("d5", digest, 3603)).await, Err(StoreError::AlreadyDecided { .. })));
    store.put_proposal(&proposal(one, vec![]), &actor("al"), at(3604), at(9999), &no_count).await.unwrap();
    assert_eq!(store.plan(&digest, at(3605)).await.unwrap().summary.status, PlanStatus::Rejected);
}

/// P3: of fifty who try at once, one gets the yes; the others learn whose run it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p3_a_yes_is_used_once() {
    let (_dir, store) = store().await;
    let plan = plan(1, &["ann"]);
    let digest = plan.digest();
    store.put_proposal(&proposal(plan, vec![]), &actor("al"), at(0), at(100), &no_count).await.unwrap();
    store.decide(yes("d1", digest, 1)).await.unwrap();
    let takers: Vec<_> = (0..50)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.take_decision(&digest, &run(&format!("run-{n:02}"), digest, 2)).await })
        })
        .collect();
    let (mut won, mut lost) = (Vec::new(), Vec::new());
    for (n, taker) in takers.into_iter().enumerate() {
        match taker.await.unwrap() {
            Ok(decision) => won.push((format!("run-{n:02}"), decision)),
            Err(StoreError::AlreadyUsed { run, .. }) => lost.push(run.to_string()),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((won.len(), lost.len()), (1, 49));
    let (winner, decision) = won.remove(0);
    assert!(lost.iter().all(|run| *run == winner));
    assert_eq!(decision, yes("d1", digest, 1));
    let runs = store.runs().await.unwrap();
    assert_eq!(runs, [Run { decision: "d1".into(), ..run(&winner, digest, 2) }]);
    assert_eq!(store.decision_of_run(&runs[0].id).await.unwrap(), decision);
    assert_eq!(store.decided(&digest).await.unwrap().unwrap().used_by.unwrap().as_str(), winner);
    assert!(matches!(store.decide(no("d2", digest, 3)).await, Err(StoreError::AlreadyUsed { .. })));
    assert!(matches!(store.decision_of_run(&RunId::new("none")).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn a_run_ends_once_and_its_plan_is_done() {
    let (_dir, store) = store().await;
    let first = running(&store, plan(1, &["ann"]), "0190aaaa-1").await;
    let second = running(&store, plan(2, &["bob"]), "0190aabb-2").await;
    let status = async |run: &Run| store.plan(&run.digest, at(9)).await.unwrap().summary.status;
    let epoch = lease(&store, "academy", "me", 3).await;
    let epochs = [epoch.clone()];
    store.set_run_state(&first.id, &epochs, RunState::Stopped, at(5), "academy: the key is wrong").await.unwrap();
    let stopped = store.run(&first.id).await.unwrap();
    assert_eq!(
        (stopped.state, stopped.ended, stopped.stopped_by.as_str()),
        (RunState::Stopped, Some(at(5)), "academy: the key is wrong")
    );
    assert_eq!(status(&first).await, PlanStatus::Running);
    store.set_run_state(&first.id, &epochs, RunState::Running, at(6), "").await.unwrap();
    assert_eq!(store.run(&first.id).await.unwrap().ended, None);
    store.set_run_state(&first.id, &epochs, RunState::Finished, at(7), "").await.unwrap();
    assert_eq!(status(&first).await, PlanStatus::Done);
    assert!(matches!(store.set_run_state(&first.id, &epochs, RunState::Running, at(8), "").await, Err(StoreError::Ended { .. })));
    assert!(matches!(
        store.set_run_state(&RunId::new("none"), &epochs, RunState::Running, at(8), "").await,
        Err(StoreError::NotFound { .. })
    ));
    store.release(&epoch).await.unwrap();
    assert!(matches!(store.set_run_state(&second.id, &epochs, RunState::Finished, at(8), "").await, Err(StoreError::Fenced { .. })));

    assert_eq!(store.unfinished_runs().await.unwrap().iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["0190aabb-2"]);
    assert_eq!(store.runs().await.unwrap().len(), 2);
    assert_eq!(store.find_run("0190AAB").await.unwrap().id, second.id);
    assert!(matches!(store.find_run("0190").await, Err(StoreError::Ambiguous { matches, .. }) if matches.len() == 2));
    assert!(matches!(store.find_run("0191").await, Err(StoreError::NotFound { .. })));
    assert!(matches!(store.find_run("latest").await, Err(StoreError::BadPrefix { .. })));
}

#[tokio::test]
async fn what_guards_count_is_what_may_still_happen_and_what_was_done() {
    let (_dir, store) = store().await;
    let put = async |plan: &Plan, second: i64, expires: i64| {
        let counted = |_: &Plan, steps: &[Step]| {
            let rows: Vec<_> = steps.iter().map(|step| serde_json::json!({ "step": step.id, "who": step.label })).collect();
            serde_json::json!(rows).to_string().into_bytes()
        };
        store.put_proposal(&proposal(plan.clone(), vec![]), &actor("al"), at(second), at(expires), &counted).await.unwrap();
    };
    let who = async |since: i64, now: i64, whole: bool| {
        let rows = store.counted_since(at(since), at(now), whole).await.unwrap();
        let who = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap()["who"].as_str().unwrap().to_owned();
        let since_zero = |done: jiff::Timestamp| done.as_second() - at(0).as_second();
        let mut rows: Vec<_> = rows.into_iter().map(|row| (who(&row.json), row.done.map(since_zero))).collect();
        rows.sort();
        rows
    };
    let row = |name: &str, done: Option<i64>| (name.to_owned(), done);

    let ran = plan(1, &["ann", "bob", "cy", "di", "ed"]);
    put(&ran, 0, 100).await;
    assert_eq!(who(0, 1, false).await.len(), 5, "pending plans count");
    assert_eq!(who(0, 1, true).await.len(), 0, "unless the new proposal supersedes them");
    assert_eq!(who(0, 100, false).await.len(), 0, "expired ones do not");
    store.decide(yes("d1", ran.digest(), 1)).await.unwrap();
    assert_eq!(who(0, 1, false).await.len(), 5, "approved ones do too");
    assert_eq!(who(0, 1, true).await.len(), 0, "unless the new proposal supersedes them");
    store.take_decision(&ran.digest(), &run("r1", ran.digest(), 2)).await.unwrap();
    let epoch = lease(&store, "academy", "me", 2).await;
    let id = |n: usize| ran.steps[n].id;
    let failed = StepState::Failed { code: "400".into(), detail: "no".into() };
    let run_id = RunId::new("r1");
    let records = [record(&id(0), 1, StepState::Done, 10), record(&id(1), 1, failed, 10), record(&id(2), 2, StepState::Done, 30)];
    store.journal().outcomes(&run_id, &epoch, &records, &[]).await.unwrap();
    store.journal().started(&run_id, &epoch, 3, &[id(3)], at(31)).await.unwrap();
    let expected = [row("ann", Some(10)), row("cy", Some(30)), row("di", Some(31)), row("ed", None)];
    assert_eq!(who(5, 40, true).await, expected, "done, unknown and still to come; not failed");
    assert_eq!(who(20, 40, true).await, expected[1..], "the window moves on");
    store.set_run_state(&run_id, &[epoch], RunState::Finished, at(50), "").await.unwrap();
    assert_eq!(who(5, 60, true).await, expected[..3], "a finished run does no more");
    assert_eq!(who(51, 60, true).await, []);

    let (rejected, superseded) = (plan(2, &["x"]), plan(3, &["y"]));
    put(&rejected, 60, 100).await;
    store.decide(no("d2", rejected.digest(), 61)).await.unwrap();
    put(&superseded, 61, 100).await;
    put(&plan(4, &["z"]), 62, 100).await;
    assert_eq!(who(51, 63, false).await, [row("z", None)]);
}

/// P3: plans that are made of one's steps take its place, last no longer, and count for the guards what it counted of them.
#[tokio::test]
async fn p3_a_divided_plan_is_replaced_and_counts_as_before() {
    let (_home, store) = store().await;
    let old = plan(1, &["ann", "bob", "cy"]);
    let digest = old.digest();
    let counts = |plan: &Plan, steps: &[Step]| -> Vec<u8> {
        let rows: Vec<_> = steps.iter().map(|step| serde_json::json!({ "step": step.id, "of": plan.class, "n": step.label })).collect();
        serde_json::to_vec(&rows).unwrap()
    };
    store.put_proposal(&proposal(old.clone(), vec![]), &actor("al"), at(0), at(7200), &counts).await.unwrap();
    let part = |class: Class, people: std::ops::Range<usize>| Plan { class, steps: old.steps[people].to_vec(), ..old.clone() };
    let parts = [part(Class::Open, 0..2), part(Class::Held("left_out".into()), 2..3)];
    let stands = store.divide(&digest, &parts, &actor("bo"), at(60)).await.unwrap();
    assert_eq!(
        stands.iter().map(|plan| (plan.steps, plan.status)).collect::<Vec<_>>(),
        [(2, PlanStatus::Pending), (1, PlanStatus::Pending)]
    );
    assert!(stands.iter().all(|plan| plan.expires == at(7200) && plan.created == at(60) && plan.asker.name == "bo" && plan.whole));
    for part in &parts {
        assert_eq!(store.plan(&part.digest(), at(61)).await.unwrap().plan, *part);
    }
    let mut counted: Vec<String> = store
        .counted_since(at(0), at(61), false)
        .await
        .unwrap()
        .into_iter()
        .map(|row| format!("{:?} {}", row.step, row.json))
        .collect();
    counted.sort();
    let mut before: Vec<String> = serde_json::from_slice::<Vec<serde_json::Value>>(&counts(&old, &old.steps))
        .unwrap()
        .iter()
        .zip(&old.steps)
        .map(|(row, step)| format!("{:?} {row}", step.id))
        .collect();
    before.sort();
    assert_eq!(counted, before, "each person once, in the words of the old plan");
    // The old one is nobody's any more; one that is decided is not divided; an asking is for what waits.
    assert!(matches!(store.decide(yes("d1", digest, 62)).await, Err(StoreError::Superseded { .. })));
    store.ask(&parts[0].digest(), &actor("cy"), at(63)).await.unwrap();
    assert_eq!(store.plan(&parts[0].digest(), at(63)).await.unwrap().summary.asker.name, "cy");
    store.decide(yes("d2", parts[0].digest(), 64)).await.unwrap();
    let refused = store.divide(&parts[0].digest(), &parts[1..], &actor("bo"), at(65)).await.unwrap_err();
    assert!(matches!(refused, StoreError::AlreadyDecided { .. }), "{refused}");
    assert!(matches!(store.ask(&parts[0].digest(), &actor("bo"), at(65)).await, Err(StoreError::AlreadyDecided { .. })));
    assert!(matches!(store.ask(&parts[1].digest(), &actor("bo"), at(7200)).await, Err(StoreError::Expired { .. })));
    assert_eq!(store.verify_audit(&[]).await.unwrap().faults, []);
}

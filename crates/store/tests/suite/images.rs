//! Images are kept as long as they are to be, and what an undo took back is remembered whenever it was.

use super::common::*;
use model::*;
use serde_json::json;

#[tokio::test]
async fn p12_old_images_go_and_what_was_touched_stays_known() {
    let (_dir, store) = store().await;
    let plan = plan(1, &["ann", "bob"]);
    let ids: Vec<StepId> = plan.steps.iter().map(|step| step.id).collect();
    let run = running(&store, plan, "r1").await;
    let epoch = lease(&store, "academy", "me", 2).await;
    let receipt = Receipt {
        account: Some(AccountId::new("a1")),
        before: Some(json!({ "title": "Clerk" })),
        after: Some(json!({ "title": "Boss" })),
    };
    let done = StepRecord { receipt: receipt.clone(), ..record(&ids[0], 1, StepState::Done, 4) };
    let failed = record(&ids[1], 1, StepState::Failed { code: "400".into(), detail: "no".into() }, 4);
    store.journal().outcomes(&run.id, &epoch, &[done, failed.clone()], &[]).await.unwrap();
    assert_eq!(store.sweep_images(at(1000), at(1000)).await.unwrap(), 0, "a run that has not finished keeps everything");
    store.set_run_state(&run.id, &[epoch], RunState::Finished, at(10), "").await.unwrap();
    assert_eq!(store.sweep_images(at(10), at(1000)).await.unwrap(), 0, "it is not older than that");
    assert_eq!((store.images_swept(&run.id).await.unwrap(), &store.records(&run.id).await.unwrap()[&ids[0]].receipt), (None, &receipt));
    assert_eq!(store.sweep_images(at(11), at(1000)).await.unwrap(), 1);
    assert_eq!(store.sweep_images(at(11), at(2000)).await.unwrap(), 0, "once is enough");
    assert_eq!(store.images_swept(&run.id).await.unwrap(), Some(at(1000)));
    let records = store.records(&run.id).await.unwrap();
    assert_eq!(records[&ids[0]].receipt, Receipt { account: Some(AccountId::new("a1")), ..Receipt::default() });
    assert_eq!(records[&ids[1]], failed);
    assert!(store.images_swept(&RunId::new("none")).await.is_err());
}

#[tokio::test]
async fn p12_what_an_undo_took_back_is_remembered_however_long_ago_and_only_when_done() {
    let (_dir, store) = store().await;
    let counted = |plan: &Plan, steps: &[Step]| {
        let rows: Vec<_> = steps.iter().map(|step| json!({ "step": step.id, "undoes": ["given"], "of": plan.organization })).collect();
        serde_json::to_vec(&rows).unwrap()
    };
    let mut undo = plan(1, &["ann", "bob"]);
    undo.inputs.reverts = Some(RunId::new("r0"));
    let (digest, first) = (undo.digest(), undo.steps[0].id);
    let other = plan(2, &["cid"]).digest();
    store.put_proposal(&proposal(plan(2, &["cid"]), vec![]), &actor("al"), at(0), at(7200), &|_, _| b"[]".to_vec()).await.unwrap();
    store.put_proposal(&proposal(undo, vec![]), &actor("al"), at(0), at(7200), &counted).await.unwrap();
    assert_eq!(
        store.plan(&other, at(1)).await.unwrap().summary.status,
        provost_store::PlanStatus::Pending,
        "an undo takes no plan's place"
    );
    store.decide(yes("d1", digest, 1)).await.unwrap();
    let run = run("r1", digest, 2);
    store.take_decision(&digest, &run).await.unwrap();
    let epoch = lease(&store, "academy", "me", 2).await;
    store.journal().outcomes(&run.id, &epoch, &[record(&first, 1, StepState::Done, 4)], &[]).await.unwrap();
    store.set_run_state(&run.id, &[epoch], RunState::Finished, at(10), "").await.unwrap();
    let year = 365 * 24 * 3600;
    let rows = store.counted_since(at(year - 3600), at(year), true).await.unwrap();
    assert_eq!(rows.iter().map(|row| (row.step, row.done)).collect::<Vec<_>>(), [(first, Some(at(4)))], "{rows:?}");
}

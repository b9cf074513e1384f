//! What an identity provider pushes is read beside the roster: positive evidence, each word with its instant, never the absence of one.

use std::collections::BTreeMap;

use connector::Clock;
use jiff::SignedDuration;
use model::*;
use provost_engine::{Engine, Proposed};
use serde_json::{Value, json};
use store::{PushedChange, PushedWhat};

use crate::world::{World, app};

/// okta assigns the desk.
async fn assigned() -> (World, Engine) {
    let (mut world, _) = World::provisioned().await;
    let okta = SourcePolicy {
        role: SourceRole::Idp,
        kind: "scim".into(),
        key: String::new(),
        join: Some(Join { person: "email".into(), record: "userName".into() }),
        idp: Some(IdpPolicy { apps: [app()].into(), ..IdpPolicy::default() }),
        ..world.policy.sources["hr"].clone()
    };
    world.policy.sources.insert("okta".into(), okta);
    let engine = world.engine().await;
    (world, engine)
}

fn user(key: u32, active: bool) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("P{key}@acme.example"), "active": active})
}

fn draft(id: &str, body: &Value) -> Draft {
    let name = body["userName"].as_str().unwrap_or_default().to_lowercase();
    Draft { id: id.into(), name, external: String::new(), emails: None, body: body.to_string() }
}

async fn push(world: &World, engine: &Engine, what: PushedWhat) {
    let change = PushedChange { source: "okta".into(), kind: ResourceKind::User, at: world.time.now(), what };
    engine.store().push(change).await.expect("kept");
}

async fn create(world: &World, engine: &Engine, key: u32, active: bool) {
    let draft = draft(&format!("u{key}"), &user(key, active));
    push(world, engine, PushedWhat::Create { draft, members: MemberChange::default() }).await;
}

fn leaves(proposed: &Proposed) -> Vec<String> {
    let steps = proposed.proposal.plans().flat_map(|plan| &plan.steps);
    steps.filter(|step| step.verb == Verb::Leave).map(|step| step.person.as_ref().unwrap().to_string()).collect()
}

#[tokio::test]
async fn p4_only_what_was_pushed_takes_an_account_and_an_empty_provider_takes_none() {
    let (world, engine) = assigned().await;
    let silent = world.plan(&engine).await;
    assert!(silent.proposal.plans().all(|plan| plan.steps.is_empty()), "nothing was said, nothing is done");
    let told = silent.proposal.findings.iter().filter(|finding| finding.kind == FindingKind::Assignment);
    assert_eq!(told.count(), 20, "accounts of which nobody said that they are assigned are told");

    for key in 1..=3 {
        create(&world, &engine, key, key != 2).await;
    }
    push(&world, &engine, PushedWhat::Delete { id: "u3".into(), expect: None }).await;
    let proposed = world.plan(&engine).await;
    assert_eq!(leaves(&proposed), ["2", "3"], "active false and deleted are words; the others were never spoken of");
    let raw = engine.store().latest_source_reading(&"okta".into()).await.expect("the store").expect("it is kept");
    assert!(matches!(raw.certificate.completeness, Completeness::Partial { .. }), "what is pushed is never complete");
    let kept = engine.store().source_raw(&"okta".into(), &raw.digest).await.expect("the records");
    assert!(String::from_utf8(kept).expect("text").contains("\"gone\":\"u3\""));

    // Planned from what is stored it is the same; and said again later it is another input.
    let stored = engine.propose_from_stored(world.ask()).await.expect("a proposal");
    let (open, again) = (&proposed.proposal.open, &stored.proposal.open);
    assert_eq!((&again.inputs.readings, &again.steps), (&open.inputs.readings, &open.steps));
    world.time.pass(SignedDuration::from_mins(1));
    push(&world, &engine, PushedWhat::Said { id: "u1".into() }).await;
    assert_ne!(world.plan(&engine).await.proposal.open.inputs.readings, proposed.proposal.open.inputs.readings);
}

#[tokio::test]
async fn l14_an_account_that_somebody_else_gives_back_is_a_resurrection() {
    let (world, engine) = assigned().await;
    create(&world, &engine, 2, false).await;
    let proposed = world.plan(&engine).await;
    assert_eq!(leaves(&proposed), ["2"]);
    world.carry_out(&engine, &proposed.digests[0]).await;
    world.time.pass(SignedDuration::from_mins(5));
    let quiet = world.plan(&engine).await;
    assert!(quiet.proposal.findings.iter().all(|finding| finding.kind != FindingKind::Resurrection) && leaves(&quiet).is_empty());
    {
        let mut state = world.server.state();
        let row = state.rows.values_mut().find(|row| row.fields.get("key").is_some_and(|key| key == "2")).expect("an account");
        (row.active, row.changed) = (true, world.time.now());
    }
    world.time.pass(SignedDuration::from_mins(5));
    let found = world.plan(&engine).await;
    let told: Vec<&Finding> = found.proposal.findings.iter().filter(|finding| finding.kind == FindingKind::Resurrection).collect();
    assert_eq!((told.len(), leaves(&found)), (1, vec!["2".to_owned()]));
    assert!(told[0].what.contains("okta: inactive, said 2026-03-02"), "{told:?}");
}

#[tokio::test]
async fn p4_who_works_here_may_be_what_is_pushed_and_absence_never_says_that_somebody_left() {
    let mut world = World::new();
    world.policy.sources = BTreeMap::from([(
        "hr".into(),
        SourcePolicy {
            kind: "scim".into(),
            key: "externalId".into(),
            columns: BTreeMap::from([("title".into(), "title".into()), ("email".into(), "emails[type eq \"work\"].value".into())]),
            absent_leaves: true,
            ..world.policy.sources["hr"].clone()
        },
    )]);
    world.pushed = true;
    let engine = world.engine().await;
    let person = |key: u32, active: bool| {
        json!({"userName": format!("p{key}"), "externalId": key.to_string(), "title": "Clerk", "active": active,
               "emails": [{"type": "work", "value": format!("p{key}@acme.example")}]})
    };
    let hr = |what| PushedChange { source: "hr".into(), kind: ResourceKind::User, at: world.time.now(), what };
    for key in 1..=3 {
        let draft = draft(&format!("u{key}"), &person(key, true));
        engine.store().push(hr(PushedWhat::Create { draft, members: MemberChange::default() })).await.expect("kept");
    }
    let first = world.plan(&engine).await;
    assert_eq!(first.proposal.open.steps.iter().filter(|step| step.verb == Verb::Create).count(), 3);
    world.carry_out(&engine, &first.digests[0]).await;
    world.time.pass(SignedDuration::from_mins(5));
    let draft = draft("u2", &person(2, false));
    engine.store().push(hr(PushedWhat::Replace { draft, members: MemberChange::default(), expect: 1 })).await.expect("kept");
    assert_eq!(leaves(&world.plan(&engine).await), ["2"]);
}

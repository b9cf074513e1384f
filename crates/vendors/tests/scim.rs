//! The `scim` connector through the one suite, against servers that others wrote and against the vendors' sandboxes.

mod rigs;

use std::sync::Arc;

use connector::conformance::{CountingRandom, Hand, Rig, SkippingClock, approve, step, suite, survives};
use connector::{Fault, Pace, Read, Wire, Write};
use model::{Change, Ref, Step, Value, Verb};
use rigs::application::{ApplicationRig, LessonlyByScimRig};
use rigs::outside::{Server, TOKEN};
use rigs::scim::{ScimRig, Served, Tenant};
use sandbox::application::Abilities;

async fn conforms(server: Served, profile: &'static str) {
    let rig: &dyn Rig = &ScimRig(server, profile, None);
    match suite(rig).await {
        Ok(passed) => println!("{server:?}, {profile}: {}", passed.join(", ")),
        Err(why) => panic!("{server:?}, {profile}: {why}"),
    }
}

async fn tells_the_truth(server: Served, profile: &'static str) {
    for seed in 1..=3 {
        if let Err(why) = survives(&ScimRig(server, profile, Some(seed)), 12).await {
            panic!("{server:?}, {profile}, seed {seed}: {why}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scim2_server_with_what_it_says_of_itself() {
    conforms(Served::By(Server::Python), "auto").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scim2_server_by_put_alone() {
    conforms(Served::By(Server::Python), "put").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scim2_server_as_one_that_says_nothing() {
    conforms(Served::By(Server::Python), "bare-walk").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scim2_server_under_faults() {
    tells_the_truth(Served::By(Server::Python), "auto").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scimmy_with_what_it_says_of_itself() {
    conforms(Served::By(Server::Node), "auto").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scimmy_by_put_alone() {
    conforms(Served::By(Server::Node), "put-users").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scimmy_under_faults() {
    tells_the_truth(Served::By(Server::Node), "auto").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn absorb_s_sandbox_by_scim() {
    for profile in ["guide", "vendor"] {
        conforms(Served::Sandbox("absorb", profile), "auto").await;
    }
    tells_the_truth(Served::Sandbox("absorb", "guide"), "auto").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lessonly_s_sandbox_by_scim() {
    conforms(Served::Sandbox("lessonly", "guide"), "patch-users").await;
    tells_the_truth(Served::Sandbox("lessonly", "guide"), "patch-users").await;
}

/// What applications of nobody's can do: all, nothing that they say, and all but to heed a filter, or to be patched.
fn abilities() -> [Abilities; 4] {
    let all = Abilities::default;
    [
        all(),
        Abilities { says: false, schemas: false, ..all() },
        Abilities { filter: false, ..all() },
        Abilities { patch: false, schemas: false, ..all() },
    ]
}

#[tokio::test]
async fn an_application_of_nobody_s_whatever_it_can() {
    for abilities in abilities() {
        if let Err(why) = suite(&ApplicationRig(abilities.clone(), None)).await {
            panic!("{abilities:?}: {why}");
        }
    }
}

#[tokio::test]
async fn an_application_of_nobody_s_under_faults() {
    for (abilities, seed) in abilities().into_iter().zip(1..) {
        if let Err(why) = survives(&ApplicationRig(abilities.clone(), Some(seed)), 12).await {
            panic!("{abilities:?}, seed {seed}: {why}");
        }
    }
}

/// A live tenant of Lessonly keeps an e-mail, two names and whether somebody is active; nobody can be told by a key there.
#[tokio::test]
async fn lessonly_s_sandbox_as_a_live_tenant_answers() {
    if let Err(why) = suite(&LessonlyByScimRig(None)).await {
        panic!("{why}");
    }
    for seed in 1..=3 {
        if let Err(why) = survives(&LessonlyByScimRig(Some(seed)), 12).await {
            panic!("seed {seed}: {why}");
        }
    }
}

/// Six people and a group through one call each: how many requests write, and that whoever is not there keeps nobody back.
async fn moves_together(tenant: Tenant) {
    let rig = ScimRig(Served::Sandbox("absorb", "guide"), "patch", None);
    let (target, base) = rig.target(&tenant, TOKEN);
    let clock = Arc::new(SkippingClock::default());
    let pace = Arc::new(Pace::new(None, Arc::clone(&clock) as _, Arc::clone(&clock) as _));
    let wire = Wire::new(Arc::clone(&tenant.way) as _, clock, Arc::new(CountingRandom::default()), pace, &base);
    let session = target.log_in(&wire, None).await.expect("it logs in");
    let write = Write::new(Read::new(wire, session));
    let (group, other) = (tenant.make_group("Sales").expect("it has groups"), tenant.make_group("Choir").expect("it has groups"));
    // A sandbox has its admin besides.
    let mut people = tenant.accounts();
    people.truncate(6);
    people.iter().for_each(|id| tenant.put_into(id, &other));
    let members = |of: &str| people.iter().filter(|id| tenant.groups_of(id).iter().any(|group| group == of)).count();
    let into = |mut step: Step| {
        step.add_groups = [Ref::Id(group.as_str().into())].into_iter().collect();
        step
    };
    let out_of = |mut step: Step| {
        step.remove_groups = [group.as_str().into()].into_iter().collect();
        step
    };

    let nobody = tenant.nobody();
    let all = people.iter().chain([&nobody]).map(|id| into(step(Verb::Update, Some(id)))).collect();
    let outcomes = target.apply(&write, &approve(all)).await;
    assert!(outcomes[..6].iter().all(|outcome| outcome.as_ref().is_ok_and(|done| !done.already)), "{outcomes:?}");
    assert!(matches!(outcomes[6], Err(Fault::Drift { .. })), "{outcomes:?}");
    assert_eq!((members(&group), members(&other), tenant.way.written()), (6, 6, 1), "one PATCH for all");

    let some = people[..4].iter().map(|id| out_of(step(Verb::Update, Some(id)))).collect();
    let outcomes = target.apply(&write, &approve(some)).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!((members(&group), members(&other), tenant.way.written()), (2, 6, 2), "another for those who go");
    // Doing it again finds that nothing is left to be done.
    let some = people[..4].iter().map(|id| out_of(step(Verb::Update, Some(id)))).collect();
    let outcomes = target.apply(&write, &approve(some)).await;
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| done.already)), "{outcomes:?}");
    assert_eq!(tenant.way.written(), 2);

    let made = (1..=5).map(|n| {
        let mut made = into(step(Verb::Create, None));
        for (name, after) in tenant.values(n) {
            made.set.insert(&*name, Change { before: Value::Null, after });
        }
        made
    });
    let outcomes = target.apply(&write, &approve(made.collect())).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(tenant.way.written(), 2 + 5 + 1, "five are made, and put into their group together");
    let into_it = tenant.accounts().iter().filter(|id| tenant.groups_of(id).contains(&group)).count();
    assert_eq!(into_it, 2 + 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn memberships_of_one_group_go_together_and_nobody_is_kept_back() {
    moves_together(Tenant::sandbox("absorb", "guide", 6).await).await;
    for server in [Server::Python, Server::Node] {
        moves_together(tokio::task::spawn_blocking(move || Tenant::fresh(server, 6)).await.expect("it does not panic")).await;
    }
}

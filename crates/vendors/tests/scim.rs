//! The `scim` connector through the one suite, against servers that others wrote and against the vendors' sandboxes.

mod rigs;

use connector::conformance::{Rig, suite, survives};
use rigs::outside::Server;
use rigs::scim::{ScimRig, Served};

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

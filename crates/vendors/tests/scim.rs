//! The `scim` connector through the one suite, against servers that others wrote.

mod rigs;

use connector::conformance::{Rig, suite, survives};
use rigs::outside::Server;
use rigs::scim::ScimRig;

async fn conforms(server: Server, profile: &'static str) {
    let rig: &dyn Rig = &ScimRig(server, profile, None);
    match suite(rig).await {
        Ok(passed) => println!("{server:?}, {profile}: {}", passed.join(", ")),
        Err(why) => panic!("{server:?}, {profile}: {why}"),
    }
}

async fn tells_the_truth(server: Server, profile: &'static str) {
    for seed in 1..=3 {
        if let Err(why) = survives(&ScimRig(server, profile, Some(seed)), 12).await {
            panic!("{server:?}, {profile}, seed {seed}: {why}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scim2_server_with_what_it_says_of_itself() {
    conforms(Server::Python, "auto").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scim2_server_by_put_alone() {
    conforms(Server::Python, "put").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scim2_server_as_one_that_says_nothing() {
    conforms(Server::Python, "bare-walk").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scim2_server_under_faults() {
    tells_the_truth(Server::Python, "auto").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scimmy_with_what_it_says_of_itself() {
    conforms(Server::Node, "auto").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scimmy_by_put_alone() {
    conforms(Server::Node, "put-users").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scimmy_under_faults() {
    tells_the_truth(Server::Node, "auto").await;
}

//! The console in a real browser: from the first start to the first approved run, one step left out, its report and its undo; what is held, what
//! two people decide, what is under way; with and without a script.
//!
//! It needs Debian's `chromium` and `chromium-driver` and axe-core from npm, which `cargo xtask test` installs.

#[path = "../browser/mod.rs"]
mod browser;
mod decisions;
mod pages;
mod world;

use browser::Browser;
use fantoccini::{Client, Locator};
use serde_json::json;
use world::*;

/// From the first start to the first approved run, and back.
async fn the_main_way(world: &World, page: &Client, looked_at: bool) {
    let look = async || {
        if looked_at {
            is_fit(page).await;
        }
    };
    page.goto(&world.url).await.expect("the server is there");
    assert!(page.current_url().await.expect("a page").path().ends_with("/log-in"), "nobody is let in without being known");
    look().await;
    world.log_in(page).await;
    look().await;
    plan(page).await;
    look().await;

    let whole = page.find(Locator::Css("code.digest")).await.expect("the digest").text().await.expect("a text");
    tick(page, "input[name='step']").await;
    press(page, "form[action$='/leave-out'] button").await;
    see(page, &format!("form[action$='/approve']:not([action*='{whole}'])")).await;
    let kept = page.find(Locator::Css("code.digest")).await.expect("the digest").text().await.expect("a text");
    assert_ne!(whole, kept, "another plan has another digest");
    look().await;

    approve_and_run(page).await;
    look().await;
    let runs = world.json(&["runs"]);
    let run = runs["runs"].as_array().expect("a list").iter().find(|run| run["digest"] == json!(kept)).expect("the run").clone();
    assert_eq!(run["state"], "finished", "{run}");

    press(page, "form[action$='/undo'] button").await;
    to_the_plan(page).await;
    assert!(text(page).await.contains(&format!("takes back run {}", run["id"].as_str().expect("its id"))), "{}", text(page).await);
    tick(page, "summary").await;
    page.find(Locator::Id("reason")).await.expect("a field").send_keys("Thursday is soon enough").await.expect("it can be filled");
    press(page, "form[action$='/reject'] button").await;
    reads(page, "said no").await;
    reads(page, "Thursday is soon enough").await;
    look().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_start_to_the_first_approved_run_and_its_undo() {
    for scheme in [LIGHT, DARK] {
        let (world, browser) = (World::open(), Browser::open_with(&[scheme]).await);
        the_main_way(&world, &browser.client, true).await;
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_without_a_script() {
    let (world, browser) = (World::open(), Browser::open_with(&[WITHOUT_SCRIPTS]).await);
    the_main_way(&world, &browser.client, false).await;
    browser.close().await;
}

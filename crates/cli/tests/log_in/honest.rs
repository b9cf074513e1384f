//! The honest way, in a real browser, through a provider that others wrote.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, Locator};

use crate::browser::{Browser, Running};
use crate::world::{SECRET, World};

const ROLES: &str =
    "scopes = [\"email\", \"groups\"]\nrole_claim = \"groups\"\n[serve.oidc.roles]\napprovers = \"approver\"\nlookers = \"viewer\"";

/// `oidc-provider` from npm, and a world whose people log in there.
fn opened(approval: &str) -> (Running, World) {
    let mut node = Command::new("node")
        .args(["--input-type=module", "-e", include_str!("provider.mjs")])
        .current_dir(xtask::outside::node())
        .env("OIDC_SECRET", SECRET)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node is there: `cargo xtask test` installs it");
    let mut input = node.stdin.take().expect("piped");
    let lines = BufReader::new(node.stdout.take().expect("piped")).lines();
    let mut provider = Running(node, lines);
    let issuer = provider.line(|line| line.strip_prefix("issuer ").map(str::to_owned));
    let world = World::open(&issuer, ROLES, approval);
    writeln!(input, "{}/log-in/back", world.url).expect("it reads");
    provider.line(|line| (line == "ready").then_some(()));
    (provider, world)
}

async fn see(page: &Client, what: &str) {
    if page.wait().at_most(Duration::from_secs(60)).for_element(Locator::Css(what)).await.is_err() {
        let address = page.current_url().await.expect("there is a page");
        panic!("{address} does not come to have {what}:\n{}", text(page).await);
    }
}

async fn press(page: &Client, what: &str) {
    see(page, what).await;
    page.find(Locator::Css(what)).await.expect("it is there").click().await.expect("it can be pressed");
}

async fn text(page: &Client) -> String {
    page.find(Locator::Css("body")).await.expect("a page").text().await.expect("it has a text")
}

/// Logs somebody in, by the provider's own pages; until this is there.
async fn log_in(world: &World, page: &Client, who: &str, until: &str) {
    page.goto(&world.url).await.expect("the server is there");
    press(page, "a[href='/log-in/provider']").await;
    see(page, "input[name='login']").await;
    page.find(Locator::Css("input[name='login']")).await.expect("a field").send_keys(who).await.expect("it can be filled");
    page.find(Locator::Css("input[name='password']")).await.expect("a field").send_keys("any").await.expect("it can be filled");
    press(page, "button[type='submit']").await;
    // The provider asks whether Provost may know who one is.
    see(page, "input[name='prompt'][value='consent']").await;
    press(page, "button[type='submit']").await;
    see(page, until).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_log_in_and_what_one_asks_for_the_other_approves() {
    // Giving access takes two people.
    let (_provider, world) = opened("four_eyes = [\"access_given\"]");
    let (amy, bob) = (Browser::open_with(&[]).await, Browser::open_with(&[]).await);

    log_in(&world, &amy.client, "amy", "form[action='/log-out']").await;
    assert!(text(&amy.client).await.contains("amy@acme.example, approver"), "{}", text(&amy.client).await);
    press(&amy.client, "form[action='/plan'] button").await;
    see(&amy.client, "code.digest, main a[href^='/plans/']").await;
    if amy.client.find(Locator::Css("code.digest")).await.is_err() {
        press(&amy.client, "main a[href^='/plans/']").await;
    }
    see(&amy.client, "code.digest").await;
    let plan = amy.client.current_url().await.expect("the plan");
    assert!(text(&amy.client).await.contains("This plan needs a second person: you asked for it"), "{}", text(&amy.client).await);

    // Nor does it help to ask without the page's button.
    let script = "const done = arguments[arguments.length - 1]; fetch(location.pathname + '/approve', { method: 'POST' }).then(async said => \
                  done(said.status + ' ' + await said.text()));";
    let said = amy.client.execute_async(script, Vec::new()).await.expect("it is asked");
    let said = said.as_str().expect("a text");
    assert!(said.starts_with("403 ") && said.contains("second person"), "{said}");

    log_in(&world, &bob.client, "bob", "form[action='/log-out']").await;
    bob.client.goto(plan.as_str()).await.expect("the plan");
    press(&bob.client, "form[action$='/approve'] button").await;
    press(&bob.client, "form[action$='/run'] button").await;
    see(&bob.client, "#report").await;
    assert!(text(&bob.client).await.contains("finished"), "{}", text(&bob.client).await);

    press(&bob.client, "form[action='/log-out'] button").await;
    see(&bob.client, "a[href='/log-in/provider']").await;
    bob.client.goto(plan.as_str()).await.expect("a page");
    assert!(bob.client.current_url().await.expect("a page").path().ends_with("/log-in"), "who logged out is let in nowhere");
    amy.close().await;
    bob.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_looks_and_decides_nothing_and_who_has_no_role_does_not_even_look() {
    let (_provider, world) = opened("");
    let browser = Browser::open_with(&[]).await;
    let page = &browser.client;
    log_in(&world, page, "vic", "form[action='/log-out']").await;
    assert!(text(page).await.contains("vic@acme.example, viewer"), "{}", text(page).await);
    assert!(page.find(Locator::Css("form[action='/plan']")).await.is_err(), "nothing is offered that is refused");
    let script = "const done = arguments[arguments.length - 1]; fetch('/plan', { method: 'POST' }).then(async said => \
                  done(said.status + ' ' + await said.text()));";
    let said = page.execute_async(script, Vec::new()).await.expect("it is asked");
    let said = said.as_str().expect("a text");
    assert!(said.starts_with("403 ") && said.contains("vic@acme.example is viewer; this takes operator"), "{said}");
    browser.close().await;

    let browser = Browser::open_with(&[]).await;
    log_in(&world, &browser.client, "zoe", "[role='alert']").await;
    let said = text(&browser.client).await;
    assert!(said.contains("zoe@acme.example is known, but has no role here"), "{said}");
    browser.client.goto(&world.url).await.expect("a page");
    assert!(browser.client.current_url().await.expect("a page").path().ends_with("/log-in"), "and is let in nowhere");
    browser.close().await;
}

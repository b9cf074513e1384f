//! Who decides, and what comes of it: what a guard held, who is left out, what two people have to say, what is under way, and its undo.

use std::time::Duration;

use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::world::*;

/// The digest of the plan on the page.
async fn digest(page: &Client) -> String {
    page.find(Locator::Css("code.digest")).await.expect("the digest").text().await.expect("a text")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guard_held_is_released_by_a_person_who_sees_whom_it_is_about() {
    let world = World::open_with(&[("exempt = 5 ", "exempt = 0 "), ("max = 50", "max = 1")]);
    let browser = Browser::open_with(&[LIGHT]).await;
    let page = &browser.client;
    world.log_in(page).await;
    plan(page).await;
    approve_and_run(page).await;

    // Three leave on one day, where one is what nobody has to look at.
    world.roster(|rows| rows.replacen(",active,", ",terminated,", 3));
    world.go(page, "/").await;
    press(page, "form[action='/plan'] button").await;
    see(page, "form[action$='/approve'], main a[href^='/plans/']").await;
    world.go(page, "/").await;
    reads(page, "held: access lost").await;
    let held = world.json(&["show"]);
    let held =
        held["plans"].as_array().expect("plans").iter().find(|plan| plan["class"]["held"] == "access_lost").expect("one").clone();
    world.go(page, &format!("/plans/{}", held["digest"].as_str().expect("a digest"))).await;
    let said = text(page).await;
    let leavers = ["E00001", "E00002", "E00003"];
    assert!(said.contains("What guards counted") && leavers.iter().all(|key| said.contains(key)), "whom it is about: {said}");
    is_fit(page).await;
    approve_and_run(page).await;
    world.go(page, "/").await;
    plan_once_more(page).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_left_out_by_a_key_with_a_space_and_the_rest_goes_on() {
    let world = World::open();
    world.roster(|rows| rows.replace("E00012", "E 12"));
    let browser = Browser::open_with(&[DARK]).await;
    let page = &browser.client;
    world.log_in(page).await;
    plan(page).await;
    let whole = digest(page).await;
    page.find(Locator::Id("people")).await.expect("a field").send_keys("E 12, E00002").await.expect("it can be filled");
    press(page, "form[action$='/leave-out'] button").await;
    see(page, &format!("form[action$='/approve']:not([action*='{whole}'])")).await;
    approve_and_run(page).await;
    let people = world.json(&["people"]);
    let with_account = |key: &str| {
        let person = people["people"].as_array().expect("people").iter().find(|person| person["key"] == key);
        person.unwrap_or_else(|| panic!("{key} is none of {people}"))["accounts"]
            .as_array()
            .is_some_and(|accounts| !accounts.is_empty())
    };
    assert!(!with_account("E 12") && !with_account("E00002") && with_account("E00003"), "{people}");
    world.go(page, "/").await;
    reads(page, "held: left out").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_says_yes_to_what_they_asked_for_themselves() {
    let world = World::open_with(&[("# four_eyes = [\"access_lost\"]", "four_eyes = [\"access_given\"]")]);
    let browser = Browser::open_with(&[LIGHT]).await;
    let page = &browser.client;
    // Asked for on the command line, by who is only a name.
    let planned = world.json(&["plan"]);
    let asked = planned["plans"][0]["digest"].as_str().unwrap_or_else(|| panic!("a digest in {planned}")).to_owned();
    let at = format!("/plans/{asked}");
    world.log_in_as(page, "ada").await;
    world.go(page, &at).await;
    reads(page, "tester, who asked for it, is only a name here").await;
    assert!(!has(page, "form[action$='/approve']").await, "what would be refused is not offered");
    is_fit(page).await;
    press(page, "form[action$='/ask'] button").await;
    see(page, "main:not(:has(form[action$='/ask']))").await;
    reads(page, "you asked for it, so somebody else says yes").await;
    assert!(!has(page, "form[action$='/approve'], form[action$='/ask']").await);
    // Nor for whoever does not look at what is offered.
    let script =
        "const done = arguments[arguments.length - 1]; fetch(arguments[0], {method: 'POST'}).then(answer => done(answer.status));";
    let said = page.execute_async(script, vec![json!(format!("{at}/approve"))]).await.expect("it is sent");
    assert_eq!(said, json!(403), "it is refused");
    press(page, "form[action='/log-out'] button").await;

    world.log_in_as(page, "bob").await;
    world.go(page, &at).await;
    press(page, "form[action$='/approve'] button").await;
    see(page, "form[action$='/run']").await;
    reads(page, "bob said yes").await;
    press(page, "form[action='/log-out'] button").await;
    // Whoever asked does not turn the other's yes into their own.
    world.log_in_as(page, "ada").await;
    let said = page.execute_async(script, vec![json!(format!("{at}/approve"))]).await.expect("it is sent");
    assert_eq!(said, json!(403), "it is refused");
    world.go(page, &at).await;
    press(page, "form[action$='/run'] button").await;
    see(page, "#report").await;
    let trail = world.json(&["audit", "list"]);
    let said_yes = trail["entries"].as_array().expect("entries").iter().filter(|entry| entry.to_string().contains("\"approved\""));
    let said_yes: Vec<&Value> = said_yes.map(|entry| &entry["actor"]["name"]).collect();
    assert_eq!(said_yes, [&json!("bob")], "{trail}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_followed_while_it_goes_on_and_taken_back_when_it_was_wrong() {
    let world =
        World::open_with(&[("base_url = \"sandbox:./lessonly\"", "faults = \"slow:700ms=100%\"\nbase_url = \"sandbox:./lessonly\"")]);
    let browser = Browser::open_with(&[LIGHT]).await;
    let page = &browser.client;
    world.log_in(page).await;
    plan(page).await;
    press(page, "form[action$='/approve'] button").await;
    press(page, "form[action$='/run'] button").await;
    see(page, "[data-events] progress").await;
    // The page is never loaded anew meanwhile: what is on it comes to it.
    page.execute("window.here = true", Vec::new()).await.expect("it is noted");
    let far = "return [Boolean(window.here), [...document.querySelectorAll('progress')].reduce((sum, one) => sum + one.value, 0)]";
    let mut seen = Vec::new();
    while !has(page, "#report").await {
        if let Ok(Value::Array(now)) = page.execute(far, Vec::new()).await
            && now[0] == json!(true)
        {
            seen.push(now[1].as_f64().expect("a number"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    seen.dedup();
    assert!(seen.len() > 2 && seen.is_sorted(), "it was followed: {seen:?}");
    reads(page, "finished").await;

    press(page, "form[action$='/undo'] button").await;
    to_the_plan(page).await;
    reads(page, "takes back run").await;
    approve_and_run(page).await;
    let report = world.json(&["report", "latest"]);
    assert_eq!(report["state"], "finished", "{report}");
    assert!(report["effects"]["access_lost"].as_u64().is_some_and(|lost| lost > 0), "{report}");
    browser.close().await;
}

/// From the overview to a finished run with the keys Tab and Enter alone; whatever has the focus can be seen.
#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_is_enough() {
    let world = World::open();
    let browser = Browser::open_with(&[LIGHT]).await;
    let page = &browser.client;
    world.log_in(page).await;
    world.go(page, "/").await;
    tab_to(page, "a.skip").await;
    enter(page).await;
    assert!(page.current_url().await.expect("a page").fragment() == Some("main"), "the first stop leads past what every page has");
    tab_to(page, "form[action='/plan'] button").await;
    enter(page).await;
    see(page, "form[action$='/approve'], main a[href^='/plans/']").await;
    if !has(page, "form[action$='/approve']").await {
        tab_to(page, "main a[href^='/plans/']").await;
        enter(page).await;
    }
    for what in ["form[action$='/approve'] button", "form[action$='/run'] button"] {
        see(page, what).await;
        tab_to(page, what).await;
        enter(page).await;
    }
    see(page, "#report").await;
    browser.close().await;
}

/// Presses Tab until something has the focus.
async fn tab_to(page: &Client, what: &str) {
    for _ in 0..400 {
        page.active_element().await.expect("something has the focus").send_keys("\u{e004}").await.expect("a key is pressed");
        let script =
            "const at = document.activeElement; return [at.matches(arguments[0]), getComputedStyle(at).outlineStyle !== 'none']";
        let at = page.execute(script, vec![json!(what)]).await.expect("it can be asked");
        assert_eq!(at[1], json!(true), "what has the focus can be seen, on the way to {what}");
        if at[0] == json!(true) {
            return;
        }
    }
    panic!("no Tab leads to {what}");
}

async fn enter(page: &Client) {
    page.active_element().await.expect("something has the focus").send_keys("\u{e007}").await.expect("a key is pressed");
}

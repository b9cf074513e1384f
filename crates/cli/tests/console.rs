//! The console in a real browser: from the first start to the first approved run, one step left out, its report and its undo; with and without
//! a script.
//!
//! It needs Debian's `chromium` and `chromium-driver` and axe-core from npm, which `cargo xtask test` installs.

mod browser;

use std::path::Path;
use std::process::Command;

use browser::{Browser, Running};
use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;

const DARK: &str = "--blink-settings=preferredColorScheme=0";
const LIGHT: &str = "--blink-settings=preferredColorScheme=1";
const WITHOUT_SCRIPTS: &str = "--blink-settings=scriptEnabled=false";

fn provost(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
    command.current_dir(folder).env("NO_COLOR", "1").env("USER", "tester").env_remove("PROVOST_NOW");
    command
}

/// A folder with sandboxes, and a server over it.
struct World {
    folder: TempDir,
    url: String,
    _server: Running,
}

impl World {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let made = provost(folder.path()).args(["init", "--sandbox", "--people", "12", "--quiet"]).status().expect("the binary runs");
        assert!(made.success());
        let mut server = Running::start(provost(folder.path()).args(["serve", "--listen", "127.0.0.1:0"])).expect("the binary runs");
        let url = server.line(|line| Some(line.split_once("the console is ")?.1.trim_end_matches('/').to_owned()));
        Self { folder, url, _server: server }
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = provost(self.folder.path()).args(args).args(["--format", "json"]).output().expect("the binary runs");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {output:?}"))
    }

    /// Logs a browser in by a link.
    async fn log_in(&self, page: &Client) {
        let link = self.json(&["token", "link"])["link"].as_str().expect("a link").to_owned();
        let secret = link.split_once("?link=").expect("with its secret").1;
        page.goto(&format!("{}/log-in?link={secret}", self.url)).await.expect("the page to log in");
        press(page, "form[action='/log-in'] button").await;
        see(page, "form[action='/log-out']").await;
    }
}

async fn press(page: &Client, what: &str) {
    see(page, what).await;
    page.find(Locator::Css(what)).await.expect("it is there").click().await.expect("it can be pressed");
}

/// Waits for something to be on the page.
async fn see(page: &Client, what: &str) {
    if page.wait().at_most(std::time::Duration::from_secs(60)).for_element(Locator::Css(what)).await.is_err() {
        let address = page.current_url().await.expect("there is a page");
        panic!("{address} does not come to have {what}:\n{}", text(page).await);
    }
}

async fn text(page: &Client) -> String {
    page.find(Locator::Css("body")).await.expect("a page").text().await.expect("it has a text")
}

/// The page breaks no rule of axe, and nothing of it lies beyond the width of the window.
async fn is_fit(page: &Client) {
    let axe = std::fs::read_to_string(xtask::outside::node().join("node_modules/axe-core/axe.min.js")).expect("axe-core is installed");
    page.execute(&axe, Vec::new()).await.expect("axe can be loaded");
    let script = "const done = arguments[arguments.length - 1]; axe.run().then(found => done(found.violations.map(one => \
                  one.id + ': ' + one.help + ': ' + one.nodes.map(node => node.html).join(' ; '))));";
    let broken = page.execute_async(script, Vec::new()).await.expect("axe runs");
    let address = page.current_url().await.expect("there is a page");
    assert_eq!(broken, json!([]), "{address}");
    let beyond = page.execute("return document.documentElement.scrollWidth - document.documentElement.clientWidth", Vec::new()).await;
    assert_eq!(beyond.expect("it can be measured"), json!(0), "{address} is wider than the window");
}

/// Keeps what the page looks like, where `cargo xtask screenshots` asked for it.
async fn shot(page: &Client, name: &str) {
    if let Some(folder) = std::env::var_os("PROVOST_TEST_SCREENSHOTS") {
        let picture = page.screenshot().await.expect("the browser makes one");
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), picture).expect("it is written");
    }
}

/// Plans, until a plan is on the page: the open one, where there are several.
async fn plan(page: &Client, looked_at: bool) {
    press(page, "form[action='/plan'] button").await;
    see(page, "form[action$='/approve'], main a[href^='/plans/']").await;
    if page.find(Locator::Css("form[action$='/approve']")).await.is_err() {
        if looked_at {
            is_fit(page).await;
        }
        press(page, "main a[href^='/plans/']").await;
    }
    see(page, "form[action$='/approve']").await;
}

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
    plan(page, looked_at).await;
    look().await;

    let whole = page.find(Locator::Css("code.digest")).await.expect("the digest").text().await.expect("a text");
    press(page, "input[name='step']").await;
    press(page, "form[action$='/leave-out'] button").await;
    see(page, &format!("form[action$='/approve']:not([action*='{whole}'])")).await;
    let kept = page.find(Locator::Css("code.digest")).await.expect("the digest").text().await.expect("a text");
    assert_ne!(whole, kept, "another plan has another digest");
    look().await;

    press(page, "form[action$='/approve'] button").await;
    press(page, "form[action$='/run'] button").await;
    see(page, "#report").await;
    assert!(text(page).await.contains("finished"), "{}", text(page).await);
    look().await;
    let runs = world.json(&["runs"]);
    let run = runs["runs"].as_array().expect("a list").iter().find(|run| run["digest"] == json!(kept)).expect("the run").clone();
    assert_eq!(run["state"], "finished", "{run}");

    press(page, "form[action$='/undo'] button").await;
    see(page, "form[action$='/approve'], main a[href^='/plans/']").await;
    if page.find(Locator::Css("form[action$='/approve']")).await.is_err() {
        press(page, "main a[href^='/plans/']").await;
    }
    see(page, "form[action$='/approve']").await;
    assert!(text(page).await.contains(&format!("takes back run {}", run["id"].as_str().expect("its id"))), "{}", text(page).await);
    press(page, "summary").await;
    page.find(Locator::Id("reason")).await.expect("a field").send_keys("Thursday is soon enough").await.expect("it can be filled");
    press(page, "form[action$='/reject'] button").await;
    see(page, "form[action='/log-out']").await;
    let said = text(page).await;
    assert!(said.contains("said no") && said.contains("Thursday is soon enough"), "{said}");
    look().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_start_to_the_first_approved_run_and_its_undo() {
    for (scheme, width) in [(LIGHT, 1200), (DARK, 320)] {
        let (world, browser) = (World::open(), Browser::open_with(&[scheme]).await);
        browser.client.set_window_size(width, 900).await.expect("it has a window");
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

/// What is known of people and apps, what was found, what happened: each page, its forms, and names that are no markup.
#[tokio::test(flavor = "multi_thread")]
async fn every_page_tells_what_is_known_and_is_fit_for_everybody() {
    for (scheme, width, look) in [(LIGHT, 1200, "light"), (DARK, 320, "dark")] {
        let (world, browser) = (World::open(), Browser::open_with(&[scheme]).await);
        let page = &browser.client;
        page.set_window_size(width, 900).await.expect("it has a window");
        let roster = world.folder.path().join("roster.csv");
        let rows = std::fs::read_to_string(&roster).expect("the roster");
        let last = rows.lines().last().expect("somebody");
        let (key, rest) = last.split_once(',').expect("a key");
        let (_, rest) = rest.split_once(',').expect("a name");
        std::fs::write(&roster, rows.replace(last, &format!("{key},<b>Eve</b>,{rest}"))).expect("it is written");

        let go = async |path: &str| {
            page.goto(&format!("{}{path}", world.url)).await.expect("the server is there");
            see(page, "main h1").await;
        };
        let told = async |wanted: &str| {
            is_fit(page).await;
            let said = text(page).await;
            assert!(said.contains(wanted), "{wanted}: {said}");
        };
        world.log_in(page).await;
        go("/people").await;
        told("has not been read yet").await;
        go("/findings").await;
        is_fit(page).await;
        go("/apps").await;
        told("not yet").await;

        go("/").await;
        plan(page, false).await;
        told("Steps 1 to").await;
        shot(page, &format!("plan-{look}")).await;
        press(page, "form[action$='/approve'] button").await;
        press(page, "form[action$='/run'] button").await;
        see(page, "#report").await;
        is_fit(page).await;
        shot(page, &format!("run-{look}")).await;

        go("/").await;
        plan_once_more(page).await;
        go("/").await;
        told("Are the apps true to the roster?").await;
        assert!(text(page).await.contains("Everybody 12 12 0 12 0"), "{}", text(page).await);
        shot(page, &format!("overview-{look}")).await;

        go("/people").await;
        told("<b>Eve</b>").await;
        shot(page, &format!("people-{look}")).await;
        page.find(Locator::Id("q")).await.expect("a field").send_keys("<b>eve").await.expect("it can be filled");
        press(page, "form[action='/people'] button").await;
        see(page, "input[value='<b>eve']").await;
        told("1 to 1 of 1").await;
        press(page, "tbody a").await;
        see(page, "svg.graph").await;
        told("What changed, and who approved it").await;
        let said = text(page).await;
        assert!(
            said.contains("create") && said.contains("we made it") && said.contains("The next plan would do nothing here"),
            "{said}"
        );
        go("/people/E00001").await;
        shot(page, &format!("person-{look}")).await;
        press(page, "form[action$='/plan'] button").await;
        see(page, "main a[href='/'], form[action$='/approve']").await;
        is_fit(page).await;

        go("/findings").await;
        is_fit(page).await;
        shot(page, &format!("findings-{look}")).await;
        go("/apps").await;
        told("To leave is").await;
        shot(page, &format!("apps-{look}")).await;
        press(page, "form[action$='/check'] button").await;
        see(page, "dl").await;
        told("the log-in is good").await;

        go("/audit").await;
        told("approved").await;
        shot(page, &format!("audit-{look}")).await;
        press(page, "form[action='/audit/verify'] button").await;
        told("whole").await;
        go("/audit?what=no+such+kind").await;
        told("No entry is of the kind").await;
        go("/audit?since=yesterday").await;
        told("is no day and no instant").await;
        browser.close().await;
    }
}

/// Plans once more, and waits for what comes of it.
async fn plan_once_more(page: &Client) {
    press(page, "form[action='/plan'] button").await;
    see(page, "main p + p a[href='/']").await;
    assert!(text(page).await.contains("nothing to do"), "{}", text(page).await);
}

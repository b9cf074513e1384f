//! What is known of people and apps, what was found, what happened, and what is said where there is nothing.

use fantoccini::Locator;

use crate::browser::Browser;
use crate::world::*;

/// What is known of people and apps, what was found, what happened: each page, its forms, and names that are no markup.
#[tokio::test(flavor = "multi_thread")]
async fn every_page_tells_what_is_known_and_is_fit_for_everybody() {
    for (scheme, look) in [(LIGHT, "light"), (DARK, "dark")] {
        let (world, browser) = (World::open(), Browser::open_with(&[scheme]).await);
        let page = &browser.client;
        world.roster(|rows| {
            let last = rows.lines().last().expect("somebody");
            let (key, rest) = last.split_once(',').expect("a key");
            let (_, rest) = rest.split_once(',').expect("a name");
            rows.replace(last, &format!("{key},<b>Eve</b>,{rest}"))
        });
        let go = async |path: &str| world.go(page, path).await;
        let told = async |wanted: &str| {
            reads(page, wanted).await;
            is_fit(page).await;
        };
        world.log_in(page).await;
        go("/people").await;
        told("has not been read yet").await;
        go("/findings").await;
        is_fit(page).await;
        go("/apps").await;
        told("not yet").await;

        go("/").await;
        plan(page).await;
        told("Steps 1 to").await;
        shot(page, &format!("plan-{look}")).await;
        approve_and_run(page).await;
        is_fit(page).await;
        shot(page, &format!("run-{look}")).await;

        go("/").await;
        plan_once_more(page).await;
        go("/").await;
        told("Are the apps true to the roster?").await;
        assert!(text(page).await.contains("Everybody 12 12 0 12 0"), "{}", text(page).await);
        reads(page, "How many of the people who work here had their accounts").await;
        let drawn = "return [...document.querySelectorAll('svg.lines .line')].map(one => one.getAttribute('d').split('L').length)";
        assert_eq!(
            page.execute(drawn, Vec::new()).await.expect("it can be asked"),
            serde_json::json!([2, 2]),
            "two plannings, two apps"
        );
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

        go("/reports").await;
        told("Who has access").await;
        // Fetched as the forms would, since a browser keeps what it saves to itself.
        let fetched = "const done = arguments[arguments.length - 1]; fetch(arguments[0]).then(async answer => done([answer.status, \
                       answer.headers.get('content-disposition'), await answer.text()]));";
        let saved = async |path: &str| page.execute_async(fetched, vec![path.into()]).await.expect("it is fetched");
        let access = saved("/reports/access?format=csv&app=absorb&manager=").await;
        assert_eq!((&access[0], &access[1]), (&200.into(), &"attachment; filename=\"provost-access.csv\"".into()), "{access}");
        assert_eq!(
            access[2].as_str().expect("a text").matches("absorb").count(),
            13,
            "a line for everybody, and the one of the API: {access}"
        );
        assert_eq!(saved("/reports/access?format=csv&manager=nobody").await[0], 404, "nobody has that key");
        assert_eq!(saved("/reports/licences?format=pdf").await[0], 400);
        let licences = saved("/reports/licences?format=json").await;
        assert!(serde_json::from_str::<serde_json::Value>(licences[2].as_str().expect("a text")).is_ok(), "{licences}");
        let run = world.json(&["runs"])["runs"][0]["id"].as_str().expect("an id").to_owned();
        for format in ["html", "md", "csv", "json"] {
            let report = saved(&format!("/runs/{run}/report/{format}")).await;
            assert!(report[0] == 200 && report[2].as_str().is_some_and(|text| text.contains("absorb")), "{format}: {report}");
        }

        go("/audit").await;
        told("approved").await;
        shot(page, &format!("audit-{look}")).await;
        press(page, "form[action='/audit/verify'] button").await;
        told("whole").await;
        go("/audit?what=no+such+kind").await;
        told("No entry is of the kind").await;
        go("/audit?since=yesterday").await;
        told("is no day and no instant").await;
        go("/people/nobody").await;
        is_fit(page).await;
        go("/plans/no-digest").await;
        told("is no digest of a plan").await;
        go("/runs/no-run").await;
        is_fit(page).await;
        go("/jobs/no-job").await;
        told("not under way").await;
        go("/no-such-page").await;
        is_fit(page).await;
        go("/log-in?link=used").await;
        press(page, "form[action='/log-in'] button").await;
        told("none of this server").await;
        page.goto(&format!("{}/api/docs", world.url)).await.expect("the server is there");
        see(page, "h1").await;
        is_fit(page).await;
        browser.close().await;
    }
}

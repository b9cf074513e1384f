//! Apps that misbehave: they answer what is not so, they fail for an hour, they take no write, they refuse one person day after day.
//! Nobody loses anything, nobody is made blindly, the other app is done, and it is told what to do.

use serde_json::Value;

use crate::naive::Script;
use crate::proxy::Proxy;
use crate::world::{Setup, World, steps};

const GONE: &str = "500 Internal Server Error\r\ncontent-type: text/html";

/// The rows of so many people; the title of the first is another one where one is given.
fn people(count: usize, title: &str) -> String {
    let row = |n: usize| {
        let title = if n == 1 { title } else { "Engineer" };
        format!("{n},P{n},Person,p{n}@acme.example,{title},Development,,active,1990-12-01,\n")
    };
    (1..=count).map(row).collect()
}

/// Lessonly at the end of a line that can be cut.
fn over_a_line(more: &'static str) -> (World, Proxy) {
    let world = World::new(Setup { more, ..Setup::default() });
    let line = Proxy::to(&world.url("lessonly"));
    world.reconfigure(&world.url("lessonly"), &line.url(&world.url("lessonly")));
    (world, line)
}

fn asked(line: &Proxy) -> usize {
    line.sent().matches(" HTTP/1.1").count()
}

/// Nothing that was printed or kept has a secret in it.
fn shows_no_secret(world: &World, said: &str) {
    let kept = String::from_utf8_lossy(&std::fs::read(world.path("provost.db")).expect("the store")).into_owned();
    let log = std::fs::read(world.path("provost.db-wal")).unwrap_or_default();
    for text in [said, &kept, &String::from_utf8_lossy(&log)] {
        for secret in ["lessonly-sandbox-key", "YWNtZTpsZXNzb25seS1zYW5kYm94LWtleQ", "hunter2-hunter2"] {
            assert!(!text.contains(secret), "{secret} is shown");
        }
    }
}

#[test]
fn p04_an_app_that_answers_what_is_not_so_takes_nothing_from_anybody_and_gives_nobody_a_second_account() {
    let (mut world, line) = over_a_line("[quarantine]\nin_vain = 2\n");
    world.roster(&people(12, "Engineer"));
    world.carry_out();
    // A joiner whom somebody made by hand; the reading that would show it is the one that is wrong.
    let made = serde_json::json!({ "name": "P13 Person", "email": "p13@acme.example", "role": "learner" });
    world.lessonly.create_user(made).expect("made by hand");
    world.at("1998-02-01T12:00:00Z");
    world.roster(&people(13, "Engineer"));
    let (_, whole) = Script::new(&world).lessonly("GET", "/users?page=1", Value::Null).expect("an answer");
    let before = world.written();
    let list = |answer: &mut Value, rows: usize| answer["users"].as_array_mut().expect("users").truncate(rows);

    // An empty page that claims to be all there is; a page that is short, as long as it says.
    for rows in [0, 4] {
        let mut part = whole.clone();
        list(&mut part, rows);
        if part.get("total_users").is_some() {
            part["total_users"] = rows.into();
        }
        line.instead("GET /api/v1/users?", &part.to_string());
        let planned = world.plan();
        let lessonly = planned.steps().iter().filter(|step| step["app"] == "lessonly").count();
        assert_eq!(lessonly, 0, "{rows} rows: {}", planned.said.out);
        assert!(planned.said.out.contains("of 12 linked accounts are not seen; look at the app"), "{}", planned.said.out);
        line.clear();
    }

    // A redirect to a log-in page, and that page itself: the first time the planning ends, the second time the app is left out.
    let redirect = "302 Found\r\nlocation: https://sso.example/login?token=hunter2-hunter2&back=1";
    let page = "<html>token=hunter2-hunter2 lessonly-sandbox-key<h1>Please log in</h1></html>";
    for (head, body) in [(redirect, ""), ("200 OK\r\ncontent-type: text/html", page)] {
        line.answer("GET /api/v1/", head, body);
        let said = world.provost(&["plan"]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains("next:") && said.err.contains("base_url"), "{said:?}");
        shows_no_secret(&world, &format!("{said:?}"));
        let planned = world.plan();
        assert_eq!(planned.said.code, 2, "{:?}", planned.said);
        assert!(planned.said.out.contains("2 readings or runs in a row came to nothing"), "{}", planned.said.out);
        assert!(planned.steps().iter().all(|step| step["app"] == "absorb"), "{}", planned.said.out);
        assert!(planned.open["inputs"]["readings"]["app.lessonly"].is_null(), "nothing rests on what was not read");
        let shown = world.provost(&["apps", "lessonly"]);
        assert!(shown.out.contains("quarantine") && shown.out.contains("GET /users"), "{shown:?}");
        shows_no_secret(&world, &format!("{shown:?}"));
        line.clear();
        let released = world.provost(&["apps", "lessonly", "--release"]);
        assert!(released.code == 0 && released.out.contains("is over"), "{released:?}");
    }
    assert_eq!(world.written(), before, "nothing was written all the while");
    world.reconfigure("adopt = \"approve\"", "adopt = \"link\"");
    world.carry_out();
    assert_eq!(world.lessonly.users().iter().filter(|user| user["email"] == "p13@acme.example").count(), 1);
    world.check(&[]);
}

#[test]
fn an_app_that_fails_for_an_hour_is_left_alone_while_the_other_is_done_and_comes_back() {
    let (mut world, line) = over_a_line("[app.lessonly.quarantine]\nin_a_row = 3\n");
    world.roster(&people(3, "Engineer"));
    let broken = "<html>Basic YWNtZTpsZXNzb25seS1zYW5kYm94LWtleQ== {\"password\":\"hunter2-hunter2\"} out of order</html>";
    line.answer("GET", GONE, broken);
    line.answer("POST", GONE, broken);
    let planned = world.plan();
    assert_eq!(planned.said.code, 2, "{:?}", planned.said);
    assert!(
        planned.said.err.contains("is in quarantine") && planned.said.out.contains("3 exchanges in a row failed"),
        "{:?}",
        planned.said
    );
    assert!(planned.count("absorb", "create") == 3 && planned.count("lessonly", "create") == 0, "{}", planned.said.out);
    world.apply(&planned.open_file);
    assert_eq!(asked(&line), 3);

    // Nothing is asked of it, whatever is done; what is known of it can be looked at.
    let second = world.plan();
    assert!(second.steps().is_empty() && asked(&line) == 3, "{}", second.said.out);
    let apps = world.provost(&["apps"]);
    assert!(apps.code == 0 && apps.out.contains("quarantine, next try"), "{apps:?}");
    let shown = world.provost(&["apps", "lessonly"]);
    for part in ["answered 500, text/html", "GET /users", "out of order", "how often  in quarantine 1 times", "--release"] {
        assert!(shown.out.contains(part), "{part}: {}", shown.out);
    }
    let json = world.provost(&["apps", "lessonly", "--format", "json"]).json();
    assert_eq!(json["health"]["failing"]["exchange"]["status"], 500, "{json}");
    shows_no_secret(&world, &format!("{planned:?} {shown:?} {json}", planned = planned.said));
    assert!(world.provost(&["findings", "--kind", "quarantined"]).out.contains("lessonly"));
    assert_eq!(world.provost(&["check", "--app", "lessonly"]).code, 1, "asked by hand it says why");
    let by_hand = asked(&line);

    // Its time has come: one try.
    world.at("1998-01-01T12:20:00Z");
    world.plan();
    assert_eq!(asked(&line), by_hand + 1);
    world.at("1998-01-01T13:00:00Z");
    line.clear();
    let planned = world.plan();
    assert!(planned.said.err.contains("lessonly answers again"), "{:?}", planned.said);
    assert_eq!(planned.count("lessonly", "create"), 3);
    world.apply(&planned.open_file);
    world.later();
    assert!(world.plan().steps().is_empty());
    assert!(world.provost(&["apps"]).out.lines().filter(|line| line.trim_end().ends_with("ok")).count() == 2);
    world.check(&["--expect-complete"]);
}

#[test]
fn an_app_whose_address_or_credentials_were_changed_is_asked_at_once() {
    let (mut world, line) = over_a_line("[quarantine]\nin_vain = 1\nin_a_row = 3\n");
    world.roster(&people(3, "Engineer"));
    line.answer("GET", GONE, "");
    let planned = world.plan();
    assert!(planned.said.code == 2 && planned.said.err.contains("is in quarantine"), "{:?}", planned.said);
    // Another address that fails is tried once, and then left alone as the first was; its tries begin anew.
    let (right, first) = (world.url("lessonly"), line.url(&world.url("lessonly")));
    let other = Proxy::to(&right);
    other.answer("GET", GONE, "");
    world.reconfigure(&first, &other.url(&right));
    for _ in 0..2 {
        assert_eq!(world.plan().said.code, 2);
        assert_eq!((asked(&line), asked(&other)), (3, 1));
    }
    let health = world.provost(&["apps", "lessonly", "--format", "json"]).json()["health"].clone();
    assert_eq!(health["quarantine"]["tries"], 0, "{health}");
    world.reconfigure(&other.url(&right), &right);
    let planned = world.plan();
    assert!(planned.said.err.contains("lessonly answers again"), "{:?}", planned.said);
    world.apply(&planned.open_file);
    // Credentials that do not count any more, and their successors.
    world.later();
    world.env("LESSONLY_API_KEY", Some("hunter2-hunter2"));
    let refused = world.plan();
    assert!(refused.said.code == 2 && refused.said.err.contains("is in quarantine"), "{:?}", refused.said);
    world.env_as_it_was("LESSONLY_API_KEY");
    let mended = world.plan();
    assert!(mended.said.code == 0 && mended.said.err.contains("lessonly answers again"), "{:?}", mended.said);
    let trail = world.provost(&["audit", "list", "--format", "json"]).out;
    assert!(trail.contains("its address or its credentials were changed"), "{trail}");
    shows_no_secret(&world, &trail);
    world.check(&["--expect-complete"]);
}

#[test]
fn p09_an_app_that_takes_no_write_stops_its_part_of_the_run_and_goes_on_later() {
    let (mut world, line) = over_a_line("[quarantine]\nleast = 3\n");
    world.roster(&people(8, "Engineer"));
    let planned = world.plan();
    line.answer("POST", GONE, "");
    line.answer("PUT", GONE, "");
    let said = world.provost(&["apply", &planned.open_file.display().to_string(), "--yes"]);
    assert!(
        said.code == 1 && said.err.contains("writes failed") && said.err.contains("--release") | said.err.contains("resume"),
        "{said:?}"
    );
    assert_eq!(
        (
            world.lessonly.users().iter().filter(|user| user["role"] == "learner").count(),
            world.absorb_user("p8@acme.example").is_some()
        ),
        (0, true)
    );
    let run = world.provost(&["resume"]);
    assert!(run.code == 1 && run.err.contains("is in quarantine"), "{run:?}");
    line.clear();
    let checked = world.provost(&["check", "--app", "lessonly"]);
    assert!(checked.code == 0 && checked.out.contains("quarantine ended"), "{checked:?}");
    let run = world.provost(&["resume"]);
    assert_eq!(run.code, 0, "{run:?}");
    world.note_applied(&planned.open_file);
    world.keep_report();
    world.later();
    assert!(world.plan().steps().is_empty());
    world.check(&["--expect-complete"]);
}

#[test]
fn p10_one_person_whom_the_app_refuses_every_day_is_put_aside_and_tried_at_once_when_the_roster_changes() {
    let (mut world, line) = over_a_line("");
    world.roster(&people(4, "Engineer"));
    world.carry_out();
    let id = world.lessonly_user("p1@acme.example").expect("there")["id"].clone();
    let refused = format!("{{\"error\":\"job_title is not one of ours\",\"id\":{id}}}");
    let refuse = |line: &Proxy| {
        line.answer(&format!("PUT /api/v1/users/{id} "), "422 Unprocessable Entity\r\ncontent-type: application/json", &refused)
    };
    world.roster(&people(5, "Wizard"));
    for (day, tries) in [("1998-02-01T12:00:00Z", 1), ("1998-02-02T13:00:00Z", 2)] {
        world.at(day);
        refuse(&line);
        let planned = world.plan();
        assert_eq!(planned.count("lessonly", "update"), 1, "{}", planned.said.out);
        let said = world.provost(&["apply", &planned.open_file.display().to_string(), "--yes"]);
        assert!(said.code == 1 && said.err.contains("1 steps failed"), "{said:?}");
        world.note_applied(&planned.open_file);
        world.keep_report();
        let report = world.provost(&["report"]);
        assert!(report.out.contains("job_title is not one of ours; put aside until"), "{report:?}");
        world.later();
        // The others are done; the one is held, and shown.
        let second = world.plan();
        assert!(second.steps().is_empty(), "{}", second.said.out);
        assert!(second.said.out.contains("put aside until"), "{}", second.said.out);
        let held: Vec<usize> = second.held.iter().map(|(_, plan)| steps(plan).len()).collect();
        assert_eq!((held, &second.held[0].1["class"]["held"]), (vec![1], &Value::from("put_aside")));
        let json = world.provost(&["apps", "lessonly", "--format", "json"]).json();
        assert_eq!((json["put_aside"][0]["tries"].as_u64(), json["put_aside"][0]["person"].as_str()), (Some(tries), Some("1")));
        let explained = world.provost(&["explain", "1"]);
        assert!(explained.out.contains("put aside until"), "{explained:?}");
        line.clear();
    }
    // Asked by hand it is planned again; changed in the roster it is done at once, without asking.
    let retried = world.provost(&["apps", "lessonly", "--retry", "1"]);
    assert!(retried.code == 0 && retried.out.contains("update 1 P1 Person"), "{retried:?}");
    assert_eq!(world.plan().count("lessonly", "update"), 1);
    refuse(&line);
    let planned = world.plan();
    let said = world.provost(&["apply", &planned.open_file.display().to_string(), "--yes"]);
    assert!(said.code == 1 && said.err.contains("1 steps failed"), "{said:?}");
    world.note_applied(&planned.open_file);
    world.keep_report();
    line.clear();
    world.later();
    let planned = world.plan();
    assert!(planned.steps().is_empty(), "{}\n{}", planned.said.out, world.provost(&["apps", "lessonly", "--format", "json"]).out);
    world.roster(&people(5, "Engineer II"));
    world.carry_out();
    assert_eq!(world.lessonly_user("p1@acme.example").expect("there")["job_title"], "Engineer II");
    assert_eq!(world.provost(&["apps", "lessonly", "--format", "json"]).json()["put_aside"], Value::Array(Vec::new()));
    world.check(&[]);
}

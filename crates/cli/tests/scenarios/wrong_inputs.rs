//! What a new user gets wrong ends in one clear message with the next step, exit code 1, and nothing changed: no write to an app, no plan
//! kept.  What needs no app is in `commands.rs` too; here are sandboxes that answer.

use crate::proxy::Proxy;
use crate::world::{Said, Setup, World};

const ADA: &str = "1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1990-12-01,\n";

fn fresh() -> World {
    let mut world = World::new(Setup::default());
    world.roster(ADA);
    world
}

/// One message, its next step, exit code 1, no write and no new plan.
fn refused(world: &World, args: &[&str], told: &[&str]) -> Said {
    let plans = |world: &World| world.provost(&["show", "--format", "json"]).out;
    let before = (world.written(), plans(world));
    let said = world.provost(args);
    assert_eq!(said.code, 1, "{args:?}: {said:?}");
    let messages = said.err.lines().filter(|line| line.starts_with("error: ") || line.contains("1 problem in ")).count();
    assert_eq!(messages, 1, "{args:?} gives one message: {}", said.err);
    for words in told {
        assert!(said.err.contains(words), "{args:?} does not say {words:?}: {}", said.err);
    }
    let next =
        said.err.contains("next:") || said.err.contains("help:") || said.err.contains("; give ") || said.err.contains("provost ");
    assert!(next, "{args:?} does not say what to do next: {}", said.err);
    for secret in ["lessonly-sandbox-key", "absorb-sandbox-password", "absorb-sandbox-key"] {
        assert!(!said.err.contains(secret) && !said.out.contains(secret), "{said:?}");
    }
    assert!(!said.err.contains("panicked"), "{}", said.err);
    assert_eq!((world.written(), plans(world)), before, "{args:?} changed something");
    said
}

#[test]
fn wrong_credentials_say_which() {
    let wrong = "wrong-value-of-somebody";
    for (variable, told) in [
        ("LESSONLY_API_KEY", ["app lessonly", "API key"]),
        ("ABSORB_API_KEY", ["app absorb", "x-api-key"]),
        ("ABSORB_PASSWORD", ["app absorb", "password"]),
    ] {
        let mut world = fresh();
        world.env(variable, Some(wrong));
        for command in ["plan", "check"] {
            let said = if command == "plan" {
                refused(&world, &[command], &told)
            } else {
                let said = world.provost(&[command]);
                assert_eq!(said.code, 1, "{said:?}");
                assert!(
                    told.iter().all(|words| format!("{}{}", said.out, said.err).contains(words.trim_start_matches("app "))),
                    "{said:?}"
                );
                said
            };
            assert!(!said.err.contains(wrong) && !said.out.contains(wrong), "the value is shown: {said:?}");
        }
        world.env(variable, None);
        refused(&world, &["plan"], &[variable, "not set"]);
        world.env(variable, Some(""));
        refused(&world, &["plan"], &[told[0], "empty"]);
        // With the right one it goes on, as if nothing had been.
        world.env_as_it_was(variable);
        world.carry_out();
        world.check(&["--expect-complete"]);
    }
    // A wrong password and a wrong key of Absorb are told apart.
    let absorb = |variable| {
        let mut world = fresh();
        world.env(variable, Some(wrong));
        refused(&world, &["plan"], &[]).err
    };
    let (password, key) = (absorb("ABSORB_PASSWORD"), absorb("ABSORB_API_KEY"));
    assert!(password.contains("refused username and password") && key.contains("refused api_key"), "{password}\n{key}");
}

#[test]
fn wrong_addresses_say_which() {
    // So many wrong addresses one after the other would end in quarantine.
    let mut world = World::new(Setup { more: "[quarantine]\nin_vain = 0\n", ..Setup::default() });
    world.roster(ADA);
    let url = world.url("lessonly");
    let host = url.trim_end_matches("/api/v1").to_owned();
    // Another path is no address of this API; none at all is completed.
    world.reconfigure(&url, &format!("{host}/api/v7"));
    refused(&world, &["plan"], &["base_url", "/api/v1"]);
    world.reconfigure(&format!("{host}/api/v7"), "http://api.lessonly.com/api/v1");
    refused(&world, &["plan"], &["http"]);
    world.reconfigure("http://api.lessonly.com/api/v1", "lessonly");
    refused(&world, &["plan"], &["base_url"]);
    // Nobody is there: a closed port, a name that does not exist.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    world.reconfigure("base_url = \"lessonly\"", &format!("base_url = \"http://127.0.0.1:{port}\""));
    refused(&world, &["plan"], &["app lessonly", "base_url"]);
    world.reconfigure(&format!("http://127.0.0.1:{port}"), "https://nobody.invalid");
    refused(&world, &["plan"], &["app lessonly", "base_url"]);
    // Somebody else is there: the other vendor.
    let absorb = world.url("absorb");
    world.reconfigure("https://nobody.invalid", &absorb);
    refused(&world, &["plan"], &["app lessonly"]);
    // Somebody who answers something else: a captive portal's page.
    let line = Proxy::to(&url);
    line.instead("GET", "<html>please log in</html>");
    world.reconfigure(&format!("base_url = \"{absorb}\"\nsubdomain"), &format!("base_url = \"{}\"\nsubdomain", line.url(&url)));
    refused(&world, &["plan"], &["app lessonly", "base_url"]);
    // The address without its path is what was meant.
    world.reconfigure(&line.url(&url), &host);
    world.carry_out();
    world.check(&["--expect-complete"]);
}

#[test]
fn wrong_files_say_where() {
    let mut world = fresh();
    let config = world.read("provost.toml");
    std::fs::rename(world.path("roster.csv"), world.path("elsewhere.csv")).expect("renamed");
    refused(&world, &["plan"], &["roster.csv", "path"]);
    std::fs::rename(world.path("elsewhere.csv"), world.path("roster.csv")).expect("renamed");
    for (from, to, told) in [
        ("email = \"work_email\"", "email = \"work_mail\"", &["work_mail", "work_email"][..]),
        ("'person.email'\next_uid", "'person.emial'\next_uid", &["person.emial", "did you mean person.email"]),
        ("'person.active'", "'person.active &&'", &["provost.toml:", "person.active &&"]),
        ("job_title = 'person.title'", "job_titel = 'person.title'", &["provost.toml:", "job_titel", "job_title"]),
        ("leave = \"archive\"", "leave = \"delete\"", &["provost.toml:", "delete", "archive"]),
        ("connector = \"lessonly\"", "connector = \"lesonly\"", &["provost.toml:", "did you mean \"lessonly\""]),
        ("api_key = { env = \"LESSONLY_API_KEY\" }", "api_key = \"abc123\"", &["provost.toml:", "secret"]),
        ("[source.hr.status]", "[source.hr.statuses]", &["provost.toml:", "did you mean `status`"]),
        ("time_zone = \"UTC\"", "time_zone = \"Chicago\"", &["provost.toml:", "Chicago"]),
        ("[organization]", "[guard.acces_lost]\nmax = 3\n[organization]", &["provost.toml:", "acces_lost", "access_lost"]),
        ("[organization]", "[organization", &["provost.toml:"]),
    ] {
        assert!(config.contains(from), "{from}");
        world.write("provost.toml", &config.replacen(from, to, 1));
        let said = world.provost(&["plan"]);
        assert_eq!(said.code, 1, "{to}: {said:?}");
        for words in told {
            assert!(said.err.contains(words), "{to} does not say {words:?}: {}", said.err);
        }
        assert!(!said.err.contains("abc123") && !said.err.contains("panicked"), "{}", said.err);
        world.write("provost.toml", &config);
    }
    std::fs::rename(world.path("provost.toml"), world.path("kept.toml")).expect("renamed");
    let said = world.provost(&["plan"]);
    assert!(said.code == 1 && said.err.contains("provost init"), "{said:?}");
    std::fs::rename(world.path("kept.toml"), world.path("provost.toml")).expect("renamed");
    assert!(
        !world.path("provost.db").exists() || world.provost(&["show", "--format", "json"]).json()["plans"] == serde_json::json!([])
    );
    world.carry_out();
    world.check(&["--expect-complete"]);
}

#[test]
fn wrong_plans_and_runs_say_why() {
    let mut world = fresh();
    refused(&world, &["apply", "open", "--yes"], &["no plan"]);
    refused(&world, &["approve", "deadbeef"], &["deadbeef", "provost show"]);
    refused(&world, &["approve", "xy"], &["xy"]);
    refused(&world, &["apply", "plan9.json"], &["plan9.json"]);
    refused(&world, &["report", "latest"], &["nothing was run"]);
    refused(&world, &["report", "0192f3"], &["0192f3"]);
    refused(&world, &["resume", "0192f3"], &["0192f3"]);
    refused(&world, &["plan", "--as-of", "yesterday"], &["yesterday", "2026-12-01"]);
    refused(&world, &["plan", "--as-of", "1998-02-30"], &["1998-02-30"]);
    refused(&world, &["explain", "nobody@acme.example"], &[]);
    let planned = world.plan();
    let file = planned.open_file.display().to_string();
    refused(&world, &["apply", &file], &["not approved", "provost approve"]);
    // Nobody is called so.
    refused(&world, &["plan", "--person", "77"], &["77"]);
    // A yes counts for a day.
    assert_eq!(world.provost(&["approve", &file]).code, 0);
    world.at("1998-01-03T12:00:00Z");
    refused(&world, &["apply", &file], &["expired"]);
    refused(&world, &["apply", &file, "--yes"], &["expired"]);
    // A plan of another tenant.
    let planned = world.plan();
    let file = planned.open_file.display().to_string();
    assert_eq!(world.provost(&["approve", &file]).code, 0);
    world.reconfigure("subdomain = \"acme\"", "subdomain = \"acme-test\"");
    refused(&world, &["apply", &file], &["another tenant of lessonly"]);
    world.reconfigure("subdomain = \"acme-test\"", "subdomain = \"acme\"");
    // Once is once.
    let said = world.provost(&["apply", &file]);
    assert_eq!(said.code, 0, "{said:?}");
    world.note_applied(&planned.open_file);
    world.keep_report();
    refused(&world, &["apply", &file, "--yes"], &["already applied", "provost plan"]);
    refused(&world, &["approve", &file], &["already"]);
    world.later();
    assert!(world.plan().steps().is_empty());
    refused(&world, &["apply", "open", "--yes"], &["nothing to"]);
    world.check(&["--expect-complete"]);
}

#[test]
fn a_store_that_is_none_or_damaged_is_left_as_it_is() {
    let mut world = fresh();
    world.plan();
    let whole = std::fs::read(world.path("provost.db")).expect("the store");
    for journal in ["provost.db-wal", "provost.db-shm"] {
        std::fs::remove_file(world.path(journal)).ok();
    }
    let mut holed = whole.clone();
    holed[100..4000].fill(0x5a);
    let letter = b"this is a letter and no database, although it is longer than the header of one: a hundred bytes and more".to_vec();
    for (what, bytes) in [("a letter", letter), ("cut off", whole[..5000].to_vec()), ("holed", holed)] {
        std::fs::write(world.path("provost.db"), &bytes).expect("written");
        for args in [&["plan"][..], &["show"], &["runs"], &["apply", "open"]] {
            let said = world.provost(args);
            assert_eq!(said.code, 1, "{what}: {args:?}: {said:?}");
            assert!(said.err.contains("store") && !said.err.contains("panicked"), "{what}: {args:?}: {}", said.err);
            assert!(said.err.contains("backup") || said.err.contains("provost.db"), "{what}: {args:?}: {}", said.err);
        }
        assert_eq!(std::fs::read(world.path("provost.db")).expect("there"), bytes, "{what}: it is as it was");
    }
    assert_eq!(world.written(), 3, "the groups that were there; nothing else");
    world.check(&["--except", "1"]);
}

#[test]
fn a_folder_that_another_sandbox_uses_is_told() {
    let world = fresh();
    let mut first = world.provost_spawn(&["sandbox", "lessonly", "--data", "kept", "--listen", "127.0.0.1:0"]);
    let since = std::time::Instant::now();
    while !world.path("kept").join("ledger.jsonl").exists() {
        assert!(since.elapsed().as_secs() < 30, "the sandbox does not start");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let second = world.provost(&["sandbox", "lessonly", "--data", "kept", "--listen", "127.0.0.1:0"]);
    first.kill().expect("it can be ended");
    first.wait().expect("it is gone");
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.err.contains("kept") && second.err.contains("use"), "{second:?}");
}

//! The traps of the field that are about people: who is who, who is not ours, how many at once, and what their names may hold
//! (`traps.md`, F06-F11).  First what a script of one's own does on the sandbox, then what the product does there.

use serde_json::{Value, json};

use crate::naive::{Script, rows};
use crate::proxy::Proxy;
use crate::world::{Planned, Setup, World, active_status, by, steps};

const ADA: &str = "1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1990-12-01,\n";

fn provisioned(setup: Setup, people: &str) -> World {
    let mut world = World::new(setup);
    world.roster(people);
    world.carry_out();
    world
}

/// The held plans by class: how many steps of each.
fn held(planned: &Planned) -> Vec<(String, usize)> {
    planned.held.iter().map(|(_, plan)| (plan["class"]["held"].as_str().expect("a class").to_owned(), steps(plan).len())).collect()
}

fn archived(world: &World, email: &str) -> bool {
    !world.lessonly_user(email).expect("there")["archived_at"].is_null()
}

#[test]
fn f06_inactive_accounts_are_looked_for() {
    let gone = |world: &World| {
        json!({ "username": "ada@acme.example", "firstName": "Ada", "lastName": "Lovelace", "externalId": "1",
            "emailAddress": "ada@acme.example", "activeStatus": active_status(false), "departmentId": world.absorb.departments()[0]["id"] })
    };
    let naive = World::new(Setup::default());
    naive.lessonly.create_user(json!({ "name": "Ada Lovelace", "email": "ada@acme.example" })).expect("made");
    let id = naive.lessonly_user("ada@acme.example").expect("there")["id"].as_u64().expect("an id");
    naive.lessonly.archive_user(id).expect("archived");
    naive.absorb.put_user(gone(&naive)).expect("made");
    let script = Script::new(&naive);
    let before = naive.written();
    for night in 1..=3 {
        // Among the active ones there is no Ada, so she is made; night after night.
        script.sync_lessonly(ADA, usize::MAX);
        assert!(archived(&naive, "ada@acme.example"), "night {night}: refused as a duplicate, and she cannot log in");
    }
    assert_eq!(naive.lessonly.users().iter().filter(|user| user["email"] == "ada@acme.example").count(), 1);
    script.make_in_absorb(&rows(ADA)[0]);
    assert_eq!(
        naive.absorb.users().iter().filter(|user| user["externalId"] == "1").count(),
        by(2, 1),
        "and where it is possible, twice"
    );
    assert!(naive.written() > before);

    let mut world = World::new(Setup::default());
    let id = world.lessonly.create_user(json!({ "name": "Ada Lovelace", "email": "ada@acme.example" })).expect("made");
    world.lessonly.archive_user(id).expect("archived");
    world.absorb.put_user(gone(&world)).expect("made");
    world.roster(ADA);
    let planned = world.plan();
    assert_eq!(planned.steps().iter().filter(|step| step["verb"] == "create").count(), 0, "{}", planned.said.out);
    // The department is made without asking; taking over what we did not make waits for a person.
    world.apply(&planned.open_file);
    world.later();
    let planned = world.plan();
    assert_eq!(held(&planned).iter().map(|(class, _)| class.as_str()).collect::<Vec<_>>(), ["adopt"]);
    let file = planned.held[0].0.clone();
    let verbs: Vec<&str> = steps(&planned.held[0].1).iter().map(|step| step["verb"].as_str().expect("a verb")).collect();
    assert_eq!(verbs.iter().filter(|verb| **verb == "restore").count(), 2, "{verbs:?}");
    world.apply(&file);
    world.later();
    world.carry_out();
    assert!(!archived(&world, "ada@acme.example"));
    let absorb = world.absorb.users();
    let hers: Vec<_> = absorb.iter().filter(|user| user["externalId"] == "1").collect();
    assert_eq!((hers.len(), &hers[0]["activeStatus"]), (1, &active_status(true)));
    world.check(&[]);
}

#[test]
fn f07_a_new_name_and_email_are_an_update() {
    let renamed = ADA.replace("Lovelace", "King").replace("ada@acme.example", "ada.king@acme.example");
    let naive = World::new(Setup::default());
    let script = Script::new(&naive);
    script.sync_lessonly(ADA, usize::MAX);
    let id = naive.lessonly_user("ada@acme.example").expect("there")["id"].as_u64().expect("an id");
    let lesson = naive.lessonly.assign(id, "Lesson", 1).expect("assigned");
    naive.lessonly.complete(lesson, 90).expect("passed");
    script.sync_lessonly(&renamed, usize::MAX);
    assert!(archived(&naive, "ada@acme.example"), "somebody left");
    let other = naive.lessonly_user("ada.king@acme.example").expect("somebody came");
    assert_ne!(other["id"], id);
    assert!(naive.lessonly.assignments().iter().all(|one| one["assignee_id"] != other["id"]), "who has passed nothing");

    let mut world = provisioned(Setup::default(), ADA);
    let before = (world.lessonly_user("ada@acme.example").expect("there"), world.absorb_user("ada@acme.example").expect("there"));
    world.at("1998-02-01T12:00:00Z");
    world.roster(&renamed);
    let planned = world.carry_out();
    for app in ["lessonly", "absorb"] {
        let of = ["update", "create", "leave"].map(|verb| planned.count(app, verb));
        assert_eq!(of, [1, 0, 0], "{app}: {}", planned.said.out);
    }
    let after = (world.lessonly_user("ada.king@acme.example").expect("there"), world.absorb_user("ada@acme.example").expect("there"));
    assert_eq!((&before.0["id"], &before.1["id"]), (&after.0["id"], &after.1["id"]), "the same accounts");
    assert_eq!(
        (&after.0["name"], &after.1["lastName"], &after.1["emailAddress"]),
        (&"Ada King".into(), &"King".into(), &"ada.king@acme.example".into())
    );
    world.check(&["--expect-complete"]);
}

#[test]
fn f08_an_account_that_is_not_ours_is_taken_over_only_with_a_yes() {
    // A consultant's account, which happens to have the address that the new colleague gets.
    let account = json!({ "name": "Sales Desk", "email": "ada@acme.example", "job_title": "Shared mailbox" });
    let naive = World::new(Setup::default());
    naive.lessonly.create_user(account.clone()).expect("made");
    Script::new(&naive).sync_lessonly(ADA, usize::MAX);
    assert_eq!(naive.lessonly_user("ada@acme.example").expect("there")["name"], "Ada Lovelace", "taken over without a word");

    let mut world = World::new(Setup::default());
    world.lessonly.create_user(account).expect("made");
    world.roster(ADA);
    let before = world.lessonly_user("ada@acme.example");
    let planned = world.plan();
    assert_eq!(
        (planned.count("lessonly", "create"), planned.count("lessonly", "update"), planned.count("lessonly", "link")),
        (0, 0, 0)
    );
    let verbs: Vec<&Value> = steps(&planned.held[0].1).iter().map(|step| &step["verb"]).collect();
    assert_eq!((held(&planned)[0].0.as_str(), verbs[0]), ("adopt", &"link".into()), "{verbs:?}");
    assert!(steps(&planned.held[0].1)[0]["evidence"].as_str().expect("evidence").contains("email"));
    let file = planned.held[0].0.clone();
    world.apply(&planned.open_file);
    assert_eq!(world.lessonly_user("ada@acme.example"), before, "as it was, after everything that needed no yes");
    world.later();
    world.apply(&file);
    let after = world.lessonly_user("ada@acme.example").expect("there");
    assert_eq!((&after["name"], &after["ext_uid"]), (&"Ada Lovelace".into(), &"1".into()));
    assert!(world.plan().steps().is_empty());
    world.check(&["--expect-complete"]);
}

#[test]
fn f09_admins_and_protected_accounts_are_never_touched() {
    let service = json!({ "name": "Report Robot", "email": "robot@acme.example" });
    let admin = |world: &World| world.lessonly.users().into_iter().find(|user| user["role"] == "admin").expect("an admin");
    let naive = World::new(Setup::default());
    naive.lessonly.create_user(service.clone()).expect("made");
    Script::new(&naive).sync_lessonly(ADA, usize::MAX);
    assert!(archived(&naive, "robot@acme.example"), "nobody called Robot works here");
    assert!(!admin(&naive)["archived_at"].is_null(), "and the administrator is no employee either");

    let mut world = World::new(Setup { more: "", ..Setup::default() });
    world.reconfigure(
        "adopt = \"approve\"\nleave = \"archive\"",
        "adopt = \"link\"\nleave = \"archive\"\nprotect = [\"robot@acme.example\"]",
    );
    world.lessonly.create_user(service).expect("made");
    let boss = admin(&world);
    let keep = |world: &World| (admin(world), world.lessonly_user("robot@acme.example"), world.absorb_user("api@acme.example"));
    let before = keep(&world);
    // The roster names them all: as people with other names, and as people who have left.
    let named = |status: &str, ends: &str| {
        let of = |n: u32, email: &str| format!("{n},Eve,Other,{email},Clerk,Sales,,{status},1990-01-01,{ends}\n");
        format!(
            "{ADA}{}{}{}",
            of(2, boss["email"].as_str().expect("an e-mail")),
            of(3, "robot@acme.example"),
            of(4, "api@acme.example")
        )
    };
    for (status, ends) in [("active", ""), ("terminated", "1997-12-01")] {
        world.roster(&named(status, ends));
        let planned = world.plan();
        for plan in [&planned.open].into_iter().chain(planned.held.iter().map(|(_, plan)| plan)) {
            let touched: Vec<_> = steps(plan).iter().filter(|step| step["verb"] != "create" && !step["account"].is_null()).collect();
            let theirs = touched.iter().any(|step| [&before.0["id"]].iter().any(|id| step["account"] == id.to_string()));
            assert!(!theirs, "{touched:?}");
        }
        let file = planned.open_file.clone();
        if !planned.steps().is_empty() {
            world.apply(&file);
            world.later();
        }
        assert_eq!(keep(&world), before, "{status}");
        let findings = world.provost(&["findings", "--format", "json"]);
        assert!(status != "active" || findings.out.contains("protected"), "{}", findings.out);
    }
    // Ours too, once it is protected: she leaves, and a person has to see to it.
    world.roster(&named("active", ""));
    world.reconfigure("protect = [\"robot@acme.example\"]", "protect = [\"robot@acme.example\", \"ada@acme.example\"]");
    world.roster(&ADA.replace(",active,1990-12-01,", ",terminated,1990-12-01,1997-12-31"));
    let planned = world.plan();
    let of_lessonly = |plan: &Value| steps(plan).iter().filter(|step| step["app"] == "lessonly" && step["person"] == "1").count();
    assert_eq!(of_lessonly(&planned.open) + planned.held.iter().map(|(_, plan)| of_lessonly(plan)).sum::<usize>(), 0);
    assert!(planned.said.out.contains("protected"), "{}", planned.said.out);
    world.apply(&planned.open_file);
    assert!(world.plan().steps().is_empty());
    assert!(!archived(&world, "ada@acme.example"));
    world.check(&[]);
}

const GUARDS: &str = "[guard.record_changed]\nexempt = 3\nmax = 5\n\
    [guard.group_lost]\nby = \"group\"\nexempt = 3\npercent = 20\n\
    [guard.role_lowered]\nmax = 0\n";

#[test]
fn f10_harm_without_a_delete_trips_guards_too() {
    let company = |family: &str, department: &str, title: &str| -> String {
        let manager = |n: u32| format!("{n},M{n},Chief,m{n}@acme.example,{title},Sales,,active,1990-01-01,\n");
        let worker = |n: u32| format!("{n},P{n},{family},p{n}@acme.example,Engineer,{department},,active,1990-01-01,\n");
        (1..=4).map(manager).chain((5..=12).map(worker)).collect()
    };
    let all = company("Person", "Development", "Manager");
    let naive = World::new(Setup::default());
    let script = Script::new(&naive);
    script.sync_lessonly(&all, usize::MAX);
    script.sync_lessonly(&company("#REF", "Development", "Manager"), usize::MAX);
    let spoilt = naive.lessonly.users().iter().filter(|user| user["name"].as_str().expect("a name").contains("REF")).count();
    let script_renames = company("Wrong", "Development", "Manager");
    script.sync_lessonly(&script_renames, usize::MAX);
    let renamed = naive.lessonly.users().iter().filter(|user| user["name"].as_str().expect("a name").ends_with("Wrong")).count();
    assert_eq!((spoilt, renamed), (0, 8), "what Lessonly accepts is done to all at once");

    let mut world = provisioned(Setup { more: GUARDS, ..Setup::default() }, &all);
    let before = world.written();
    // A column of the export slipped: every family name is another.
    world.roster(&company("Wrong", "Development", "Manager"));
    let planned = world.plan();
    assert_eq!((planned.steps().len(), held(&planned)), (0, vec![("record_changed".to_owned(), 16)]), "{}", planned.said.out);
    // A department is gone: everybody would lose a group.
    world.roster(&company("Person", "Sales", "Manager"));
    let planned = world.plan();
    assert_eq!(planned.steps().len(), 0, "{}", planned.said.out);
    assert_eq!(held(&planned), [("group_lost".to_owned(), 8), ("record_changed".to_owned(), 8)], "{}", planned.said.out);
    // Titles changed their words: every manager would be a learner.
    world.roster(&company("Person", "Development", "Lead"));
    let planned = world.plan();
    assert_eq!((planned.count("lessonly", "update"), planned.count("absorb", "update")), (0, 4), "{}", planned.said.out);
    assert_eq!(held(&planned), [("role_lowered".to_owned(), 4)]);
    assert_eq!(world.written(), before, "nothing was done to anybody");
    let roles = |world: &World| world.lessonly.users().iter().filter(|user| user["role"] == "manager").count();
    assert_eq!(roles(&world), 4);
    // The right roster again: nothing to do.
    world.roster(&all);
    assert!(world.plan().steps().is_empty());
    world.check(&["--expect-complete"]);
}

#[test]
fn f11_names_are_text_everywhere_and_secrets_are_nowhere() {
    let (formula, script, escape) =
        ("=HYPERLINK(\"http://evil.example\",\"Open\")", "<script>evil</script>", "\u{1b}[2J\u{1b}]0;owned\u{7}");
    let quoted = formula.replace('"', "\"\"");
    let roster = format!(
        "1,Ada,Lovelace,ada@acme.example,\"{quoted}\",Development,,active,1990-12-01,\n\
         2,Grace,{script},grace@acme.example,{script},Sales,,active,1990-12-01,\n\
         3,Eve,Escape{escape},eve@acme.example,Clerk,Sales,,active,1990-12-01,\n"
    );
    let mut world = World::new(Setup::default());
    let line = Proxy::to(&world.url("absorb"));
    world.reconfigure(&world.url("absorb"), &line.url(&world.url("absorb")));
    world.lessonly.create_user(json!({ "name": "Mal Lory", "email": "mallory@partner.example", "job_title": script })).expect("made");
    world.lessonly.create_user(json!({ "name": "E <b>bold</b>", "email": "eve@partner.example", "department": escape })).expect("made");
    // The naive way: what the app holds, put together as text.
    let users = Script::new(&world).lessonly_users();
    let page: String = users.iter().map(|user| format!("<td>{}</td>\n", user["job_title"].as_str().unwrap_or_default())).collect();
    let sheet: String =
        rows(&roster.replace(&format!("\"{quoted}\""), "=1+1")).iter().map(|row| format!("{},{}\n", row.key, row.last)).collect();
    assert!(page.contains("<td><script>"), "a page that runs what a user typed");
    assert!(sheet.contains('\u{1b}'), "a listing that steers the terminal");

    world.roster(&roster);
    let planned = world.plan();
    let mut said = vec![("plan -o".to_owned(), planned.said)];
    let file = planned.open_file.clone();
    let run = |world: &World, said: &mut Vec<(String, crate::world::Said)>, args: &[&str], formats: &[&str]| {
        for format in formats {
            let output = world.provost(&[args, &["--format", format]].concat());
            assert!(output.code == 0 || output.code == 2, "{args:?} {format}: {output:?}");
            said.push((format!("{args:?} {format}"), output));
        }
    };
    let all = ["text", "markdown", "html", "json"];
    run(&world, &mut said, &["plan"], &all);
    run(&world, &mut said, &["show", "open"], &all);
    run(&world, &mut said, &["findings"], &all);
    world.apply(&file);
    run(&world, &mut said, &["report"], &all[..2]);
    run(&world, &mut said, &["people"], &["text", "json"]);
    for who in ["1", "2", "3"] {
        run(&world, &mut said, &["explain", who], &["text", "json"]);
    }
    for command in ["check", "apps", "runs", "show"] {
        run(&world, &mut said, &[command], &["text", "json"]);
    }
    assert!(said.iter().any(|(_, output)| output.out.contains("HYPERLINK")), "the formula is shown at all");
    for (what, output) in &said {
        for text in [&output.out, &output.err] {
            assert!(!text.contains(['\u{1b}', '\u{7}']), "{what} steers the terminal: {text:?}");
            if what.ends_with("html") || what.ends_with("markdown") {
                assert!(!text.contains("<script>") && !text.contains("<b>"), "{what} holds markup: {text}");
            }
        }
    }
    // What a spreadsheet would make of it: no line of an output that is for tables begins with a formula.
    for (what, output) in said.iter().filter(|(what, _)| what.ends_with("text") || what.ends_with("markdown")) {
        assert!(output.out.lines().all(|line| !line.starts_with(['=', '+', '@'])), "{what}: {}", output.out);
    }

    // Secrets: in what was said, and in every file that the product wrote.
    let basic = "YWNtZTpsZXNzb25seS1zYW5kYm94LWtleQ";
    let sent = line.sent();
    let after = |word: &str, end: char| -> Vec<&str> {
        sent.split(word).skip(1).filter_map(|rest| rest.split(end).next()).map(str::trim).filter(|found| found.len() > 7).collect()
    };
    let (tokens, passwords) = (after("\r\nauthorization:", '\r'), after("\"password\":\"", '"'));
    assert!(tokens.len() > 3 && passwords.len() > 2, "what was sent: {} tokens, {} passwords", tokens.len(), passwords.len());
    let configured = ["lessonly-sandbox-key", "absorb-sandbox-password", "absorb-sandbox-key", basic];
    let secrets: std::collections::BTreeSet<&str> =
        configured.into_iter().chain(tokens.into_iter().map(|token| token.trim_start_matches("Bearer "))).chain(passwords).collect();
    assert!(secrets.len() > configured.len() + 2, "the token and a password for each account: {}", secrets.len());
    for (what, output) in &said {
        for secret in &secrets {
            assert!(!output.out.contains(secret) && !output.err.contains(secret), "{what} shows {secret}");
        }
    }
    let mut looked = 0;
    for entry in std::fs::read_dir(world.path(".")).expect("the folder is listed") {
        let path = entry.expect("an entry").path();
        let bytes = std::fs::read(&path).expect("a file is read");
        for secret in &secrets {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{} holds {secret}", path.display());
        }
        looked += usize::from(path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("provost.db")));
    }
    assert!(looked >= 1, "the store was looked at");
    world.check(&["--except", "3"]);
}

//! Reports and reviews by the real binary: what a run gave is certified by whoever said yes, what the apps do not tell is not guessed.

use serde_json::Value;

use crate::world::{Setup, World};

const ROWS: &str = "E1,Ada,Doe,ada@acme.example,Sales Manager,Sales,,active,1990-01-02,\n\
                    E2,=cmd|' /C calc'!A0,\"Ro\"\"e, <b>\",bea@acme.example,Clerk,Sales,E1,active,1990-01-02,\n\
                    E3,Cid,Foe,cid@acme.example,Clerk,Development,E1,active,1990-01-02,\n";

fn rows(review: &Value, app: &str) -> Vec<Value> {
    let apps = review["apps"].as_array().expect("apps");
    apps.iter().find(|found| found["app"] == app).expect("the app")["accounts"].as_array().expect("accounts").clone()
}

fn of<'a>(rows: &'a [Value], person: &str) -> &'a Value {
    rows.iter().find(|row| row["person"]["key"] == person).unwrap_or_else(|| panic!("{person} in {rows:#?}"))
}

#[test]
fn reviews_and_reports_say_what_is_known() {
    let mut world = World::new(Setup::default());
    world.roster(ROWS);
    let planned = world.plan();
    world.apply(&planned.open_file);
    world.roster(&ROWS.replace(
        "E3,Cid,Foe,cid@acme.example,Clerk,Development,E1,active,1990-01-02,",
        "E3,Cid,Foe,cid@acme.example,Clerk,Development,E1,terminated,1990-01-02,1997-12-01",
    ));
    world.later();
    world.plan();

    let access = world.provost(&["review", "access", "--format", "json"]);
    assert_eq!(access.code, 0, "{access:?}");
    let access = access.json();
    let lessonly = rows(&access, "lessonly");
    let ada = of(&lessonly, "E1");
    assert_eq!((&ada["active"], &ada["role"], &ada["last_log_in"]), (&true.into(), &"manager".into(), &"not_told".into()));
    let certified = ada["certified"].as_array().expect("a list");
    let whats: Vec<&str> = certified.iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(whats, ["access", "role manager", "group Sales"]);
    assert!(certified.iter().all(|one| one["word"]["by"] == "ada" && one["word"]["proof"] == "name_only"), "{certified:#?}");
    assert_eq!(of(&lessonly, "E3")["stands"], "left");
    let absorb = rows(&access, "absorb");
    assert_eq!(of(&absorb, "E2")["last_log_in"], "never", "nobody logs in to a sandbox, and it says so");
    assert!(absorb.iter().any(|row| row["person"].is_null()), "the admin's account is nobody's that is known");

    let mine = world.provost(&["review", "access", "--app", "absorb", "--manager", "E1", "--format", "json"]).json();
    assert_eq!((mine["apps"].as_array().map(Vec::len), rows(&mine, "absorb").len()), (Some(1), 2));
    for (words, said) in [(["--app", "absorbe"], "no app called absorbe"), (["--manager", "E77"], "E77")] {
        let wrong = world.provost(&[["review", "access"], words].concat());
        assert!(wrong.code == 1 && wrong.err.contains(said), "{wrong:?}");
    }

    let licences = world.provost(&["review", "licences", "--format", "json"]).json();
    let counts = |app: &str| licences["apps"].as_array().unwrap().iter().find(|found| found["app"] == app).unwrap()["all"].clone();
    assert_eq!(counts("lessonly")["left"], 1);
    assert!(counts("lessonly")["never_logged_in"].is_null() && counts("absorb")["never_logged_in"].as_u64() >= Some(3));

    for words in [&["review", "access"][..], &["review", "licences"], &["report"]] {
        let csv = world.provost(&[words, &["--format", "csv"]].concat());
        assert!(csv.code == 0 && csv.out.ends_with("\r\n"), "{csv:?}");
        let mut reader = csv_lines(&csv.out);
        let columns = reader.remove(0).len();
        for line in reader {
            assert_eq!(line.len(), columns, "{line:?}");
            assert!(line.iter().all(|cell| !cell.trim_start().starts_with(['=', '+', '-', '@'])), "{line:?}");
        }
        let page = world.provost(&[words, &["--format", "html"]].concat()).out;
        assert!(page.starts_with("<!doctype html>") && !page.contains("<b>"), "{page}");
        assert_eq!(page.matches("<h1>").count(), 1);
        assert!(world.provost(&[words, &["--format", "markdown"]].concat()).out.starts_with("## "));
        assert_eq!(world.provost(words).code, 0);
    }
    let refused = world.provost(&["plan", "--format", "csv"]);
    assert!(refused.code == 1 && refused.err.contains("only reports and reviews are CSV"), "{refused:?}");
}

/// The lines of a CSV, taken apart as RFC 4180 says.
fn csv_lines(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => cell.push(letters.next().unwrap_or('"')),
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            other => cell.push(other),
        }
    }
    lines
}

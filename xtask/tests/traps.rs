//! `docs/traps.md` and the tests named after the traps keep each other: every trap has a test, and the page names no test that is not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The traps that have to be shown, by the letters of their lists.
const TRAPS: [(char, &[u8]); 3] = [
    ('l', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18]),
    ('a', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17, 18, 19, 20, 21]),
    ('f', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every trap as a test's name begins with it: `l07_`.
fn traps() -> impl Iterator<Item = String> {
    TRAPS.into_iter().flat_map(|(list, numbers)| numbers.iter().map(move |number| format!("{list}{number:02}_")))
}

/// Tests in a source: functions whose attributes say so, and that are not ignored; and those that a list runs in both profiles.
fn tests_in(source: &str) -> BTreeSet<String> {
    let mut attributes: Vec<&str> = Vec::new();
    let lists = source.split("in_both_profiles! {").skip(1).filter_map(|list| list.split_once('}'));
    let mut found: BTreeSet<String> = lists.flat_map(|(list, _)| list.split_whitespace()).map(str::to_owned).collect();
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[") {
            attributes.push(line);
            continue;
        }
        let function = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn ")).and_then(|rest| rest.split_once('('));
        let is = |word: &str| attributes.iter().any(|attribute| attribute.contains(word));
        if let Some((name, _)) = function.filter(|_| is("test]") && !is("ignore")) {
            found.insert(name.to_owned());
        }
        attributes.clear();
    }
    found
}

/// Every test below `crates/`, with its file from the root.
fn tests() -> BTreeSet<(String, String)> {
    let (mut found, mut open) = (BTreeSet::new(), vec![root().join("crates")]);
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let file = path.strip_prefix(root()).expect("below the root").display().to_string();
                let source = fs::read_to_string(&path).expect("a source is text");
                found.extend(tests_in(&source).into_iter().map(|name| (file.clone(), name)));
            }
        }
    }
    found
}

/// The tests that the page names, each with the row's trap: (`l07_`, file, name).
fn named(page: &str) -> Vec<(String, String, String)> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    rows.flat_map(|row| {
        let trap = format!("{}_", row.split(' ').next().unwrap_or_default().to_lowercase());
        let spans = row.split('`').skip(1).step_by(2).filter_map(|span| span.split_once("::"));
        spans.map(move |(file, name)| (trap.clone(), file.to_owned(), name.to_owned())).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn every_trap_has_a_test_that_is_named_after_it() {
    let tests = tests();
    let missing: Vec<String> = traps().filter(|trap| !tests.iter().any(|(_, name)| name.starts_with(trap))).collect();
    assert!(missing.is_empty(), "no test is named after {missing:?}");
}

#[test]
fn the_page_names_every_trap_with_a_test_that_is_there() {
    let page = fs::read_to_string(root().join("docs/traps.md")).expect("docs/traps.md is there");
    let (tests, named) = (tests(), named(&page));
    for trap in traps() {
        assert!(named.iter().any(|(of, ..)| *of == trap), "docs/traps.md has no row with a test for {trap}");
    }
    for (trap, file, name) in named {
        assert!(name.starts_with(&trap), "docs/traps.md: the row of {trap} names {name}");
        assert!(tests.contains(&(file.clone(), name.clone())), "docs/traps.md names {file}::{name}, which is not there");
    }
}

#[test]
fn what_is_no_test_does_not_count() {
    let source = "#[test]\nfn l01_a() {}\nfn l02_helper() {}\n#[test]\n#[ignore]\nfn l03_b() {}\n#[tokio::test]\nasync fn a01_c() {}\n";
    assert_eq!(tests_in(source), BTreeSet::from(["l01_a".to_owned(), "a01_c".to_owned()]));
    let listed = "in_both_profiles! {\n    l02_b\n    l03_c\n}\nasync fn l02_b(profile: &str) {}\nasync fn l04_d() {}\n";
    assert_eq!(tests_in(listed), BTreeSet::from(["l02_b".to_owned(), "l03_c".to_owned()]));
    let rows = named("| L01 | x | `y` | `a.rs::l01_a`, `b.rs::l01_b` |\n|---|\ntext `c.rs::d`\n");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1], ("l01_".to_owned(), "b.rs".to_owned(), "l01_b".to_owned()));
}

//! `docs/promises.md`: every promise has its row, every row names tests, and each of these is there.

use std::fs;
use std::path::Path;

/// Promise, file and name of each test that the page names.
fn named(page: &str) -> Vec<(String, String, String)> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| P"));
    rows.flat_map(|row| {
        let promise = format!("P{}", row.split(' ').next().unwrap_or_default());
        let spans = row.split('`').skip(1).step_by(2).filter_map(|span| span.split_once("::"));
        spans.map(move |(file, name)| (promise.clone(), file.to_owned(), name.to_owned())).collect::<Vec<_>>()
    })
    .collect()
}

/// Whether a source has a test of this name that is not ignored: alone, or in a list that runs in both profiles.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let begins = |line: &str| {
        let rest = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "));
        rest.is_some_and(|rest| rest.split('(').next() == Some(name))
    };
    let Some(at) = lines.iter().position(|line| begins(line)) else { return false };
    let attributes: Vec<&&str> = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//")).collect();
    let listed = source.split("in_both_profiles! {").skip(1).filter_map(|list| list.split('}').next());
    let is_listed = listed.flat_map(str::split_whitespace).any(|word| word == name);
    let is_test = attributes.iter().any(|line| line.starts_with("#[") && (line.contains("test]") || line.contains("test(")));
    (is_test || is_listed) && !attributes.iter().any(|line| line.contains("#[ignore"))
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs/promises.md")).expect("docs/promises.md is there");
    let named = named(&page);
    for number in 1..=12 {
        assert!(named.iter().any(|(promise, ..)| *promise == format!("P{number}")), "docs/promises.md names no test for P{number}");
    }
    for (promise, file, name) in named {
        let source = fs::read_to_string(root.join(&file)).unwrap_or_default();
        assert!(has_test(&source, &name), "docs/promises.md, {promise}: {file}::{name} is not there");
    }
}

#[test]
fn what_is_no_test_does_not_count() {
    let source = "#[test]\nfn a() {}\nfn b() {}\n#[test]\n#[ignore]\nfn c() {}\nin_both_profiles! {\n d\n}\nasync fn d(x: &str) {}\n";
    assert_eq!(["a", "b", "c", "d", "e"].map(|name| has_test(source, name)), [true, false, false, true, false]);
    assert_eq!(named("| P3 x | `f.rs::t`, `y` | z |\n| P |\n").len(), 1);
}

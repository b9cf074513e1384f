//! What the documentation says about the sources is so: every kind of finding is explained, every link and every test that is named is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The pages that a user reads.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("ARCHITECTURE.md")];
    for folder in ["docs", "docs/decisions"] {
        let entries = fs::read_dir(root().join(folder)).expect("the documentation can be listed");
        let paths = entries.map(|entry| entry.expect("a folder can be listed").path());
        pages.extend(paths.filter(|path| path.extension().is_some_and(|ending| ending == "md")));
    }
    assert!(pages.len() > 10, "the test looks in the wrong place");
    pages.sort();
    pages
}

/// `BadRow` as configuration and JSON have it: `bad_row`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}

#[test]
fn every_kind_of_finding_is_explained_and_no_other() {
    let source = read(&root().join("crates/model/src/finding.rs"));
    let body = source.split("pub enum FindingKind {").nth(1).expect("the enum is there");
    let body = body.split("\n}").next().expect("text before its end");
    let kinds: BTreeSet<String> = body
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"))
        .filter_map(|line| line.strip_suffix(','))
        .map(snake)
        .collect();
    assert!(kinds.contains("blind_spot"), "the enum was not understood: {kinds:?}");
    let page = read(&root().join("docs/findings.md"));
    let explained: BTreeSet<String> =
        page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).map(str::to_owned).collect();
    assert_eq!(explained, kinds, "left: the headings of docs/findings.md; right: FindingKind");
}

/// The targets of the links and pictures of a page, fenced text left out.
fn links(page: &str) -> Vec<String> {
    let text: String = page.split("```").step_by(2).collect();
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned).collect()
}

/// A heading as links name it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_lead_somewhere() {
    for page in pages() {
        for link in links(&read(&page)) {
            if link.starts_with("https://") {
                continue;
            }
            let (path, place) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() { page.clone() } else { page.parent().expect("a page is in a folder").join(path) };
            assert!(target.exists(), "{}: {link} leads nowhere", page.display());
            let there = place.is_empty() || read(&target).lines().any(|line| line.starts_with('#') && anchor(line) == place);
            assert!(there, "{}: {link} names no heading", page.display());
        }
    }
}

/// Tests are named as `path/to/file.rs::name_of_the_test`.
#[test]
fn tests_that_are_named_are_there() {
    let mut seen = 0;
    for page in pages() {
        for quoted in read(&page).split('`').skip(1).step_by(2) {
            let Some((file, name)) = quoted.split_once(".rs::") else { continue };
            let source = read(&root().join(format!("{file}.rs")));
            assert!(source.contains(&format!("fn {name}(")), "{}: {quoted} is not there", page.display());
            seen += 1;
        }
    }
    assert!(seen > 0, "no page names a test: the test looks for the wrong thing");
}

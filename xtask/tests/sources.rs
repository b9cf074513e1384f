//! What the sources may name: who makes an `Approved` and a writing wire (P1), where SQL and the vendors' names may stand.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust source below a folder, with its path from the root.
fn sources(folder: &str) -> Vec<(String, String)> {
    let (mut found, mut open) = (Vec::new(), vec![root().join(folder)]);
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(root()).expect("below the root").display().to_string();
                found.push((name, fs::read_to_string(&path).expect("a source is text")));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no sources: the test looks in the wrong place");
    found
}

/// The product's code of a file: without the unit tests at its end, and without comments.
fn code(text: &str) -> String {
    let product = text.split("#[cfg(test)]").next().unwrap_or(text);
    product.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Where the product's code is.  The conformance suite of `connector` is compiled for tests only.
const PRODUCT: [&str; 8] = [
    "crates/model/src",
    "crates/plan/src",
    "crates/store/src",
    "crates/connector/src",
    "crates/engine/src",
    "crates/serve/src",
    "crates/vendors/src",
    "crates/cli/src",
];

fn files_that_name(word: &str, folders: &[&str]) -> Vec<String> {
    let mut files: Vec<String> = folders
        .iter()
        .flat_map(|folder| sources(folder))
        .filter(|(name, text)| !name.starts_with("crates/connector/src/conformance/") && code(text).contains(word))
        .map(|(name, _)| name)
        .collect();
    files.sort();
    files
}

#[test]
fn p01_only_the_executor_turns_a_decision_into_an_approval() {
    assert_eq!(files_that_name("Approved::consume", &PRODUCT), ["crates/engine/src/execute/mod.rs"]);
    assert_eq!(files_that_name("Approved { inner", &PRODUCT), ["crates/model/src/decision.rs"], "the only constructor of Approved");
}

#[test]
fn p01_only_the_executor_makes_a_writing_wire() {
    assert_eq!(files_that_name("Write::new", &PRODUCT), ["crates/engine/src/connection.rs"]);
    assert_eq!(files_that_name("connection.write(", &PRODUCT), ["crates/engine/src/execute/lane.rs"]);
    assert_eq!(files_that_name("fn write(&self, session: Session) -> Write", &PRODUCT), ["crates/engine/src/connection.rs"]);
}

#[test]
fn the_conformance_suite_is_in_no_product() {
    let boundary = fs::read_to_string(root().join("crates/connector/src/lib.rs")).expect("the boundary");
    assert!(boundary.contains("#[cfg(feature = \"conformance\")]\npub mod conformance;"), "the suite is behind its feature");
    for folder in ["crates/engine", "crates/vendors", "crates/cli"] {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
        let product = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        assert!(!product.contains("conformance"), "{folder} switches the suite on outside its tests");
    }
}

#[test]
fn no_connector_can_delete() {
    for (name, text) in sources("crates/vendors/src").into_iter().chain(sources("crates/connector/src")) {
        assert!(!code(&text).contains("Method::DELETE"), "{name} knows DELETE; nothing is ever deleted (L10, A10)");
    }
}

#[test]
fn sql_stands_in_the_store_only() {
    for folder in
        ["crates/model/src", "crates/plan/src", "crates/connector/src", "crates/engine/src", "crates/vendors/src", "crates/cli/src"]
    {
        for (name, text) in sources(folder) {
            assert!(!code(&text).contains("sqlx"), "{name} knows the database");
        }
    }
}

#[test]
fn vendors_names_stand_where_the_design_allows_them() {
    for folder in ["crates/model/src", "crates/plan/src", "crates/connector/src", "crates/engine/src", "crates/store/src"] {
        for (name, text) in sources(folder) {
            let text = text.to_lowercase();
            for vendor in ["lessonly", "absorb"] {
                assert!(!text.contains(vendor), "{name} names {vendor}");
            }
        }
    }
}

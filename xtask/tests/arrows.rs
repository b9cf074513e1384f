//! The arrows between crates, as the design draws them: who may depend on whom, and what the pure crates must not know.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Crate → crates of ours that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("provost-model", &[]),
    ("provost-plan", &["provost-model"]),
    ("provost-connector", &["provost-model"]),
    ("provost-store", &["provost-model"]),
    ("provost-scim", &[]),
    ("provost-vendors", &["provost-connector", "provost-model", "provost-scim"]),
    ("provost-engine", &["provost-plan", "provost-connector", "provost-store", "provost-model"]),
    ("provost-serve", &["provost-engine", "provost-scim", "provost-model"]),
    ("provost-sandbox", &["provost-scim"]),
    (
        "provost-cli",
        &[
            "provost-model",
            "provost-plan",
            "provost-connector",
            "provost-vendors",
            "provost-store",
            "provost-engine",
            "provost-sandbox",
            "provost-scim",
            "provost-serve",
        ],
    ),
    ("provost-checker", &[]),
    ("xtask", &[]),
];

/// Crate → crates of ours that only its tests may use.
const TEST_ARROWS: &[(&str, &[&str])] = &[
    // `xtask` has the PostgreSQL server for tests, and the programs that others wrote.
    ("provost-vendors", &["provost-sandbox", "xtask"]),
    ("provost-store", &["xtask"]),
    ("provost-engine", &["xtask"]),
    // And the programs that others wrote.
    ("provost-sandbox", &["xtask"]),
    ("provost-cli", &["provost-checker", "xtask"]),
];

/// What the pure crates must not reach, directly or through others.
const IMPURE: &[&str] = &["tokio", "sqlx", "reqwest", "axum", "hyper", "rand", "getrandom"];

#[test]
fn crates_depend_on_each_other_as_the_design_says() {
    let metadata = metadata();
    let mut seen = BTreeSet::new();
    for package in array(&metadata, "packages") {
        let name = text(package, "name");
        if !package["source"].is_null() {
            continue;
        }
        seen.insert(name);
        let allowed = ARROWS
            .iter()
            .find(|(from, _)| *from == name)
            .unwrap_or_else(|| panic!("{name} is not in the design; add it to ARROWS with a decision record"))
            .1;
        let in_tests = TEST_ARROWS.iter().find(|(from, _)| *from == name).map_or(&[][..], |(_, to)| to);
        for dependency in array(package, "dependencies") {
            let on = text(dependency, "name");
            if !ARROWS.iter().any(|(known, _)| *known == on) {
                continue;
            }
            let is_test = dependency["kind"] == "dev";
            assert!(
                allowed.contains(&on) || (is_test && in_tests.contains(&on)),
                "{name} must not depend on {on}{}",
                if is_test { " even in its tests" } else { "" }
            );
        }
    }
    let listed: BTreeSet<&str> = ARROWS.iter().map(|(from, _)| *from).collect();
    assert_eq!(seen, listed, "the list of crates and the workspace differ");
}

#[test]
fn pure_crates_know_no_io_no_clock_and_no_chance() {
    for pure in ["provost-model", "provost-plan", "provost-scim"] {
        // `cargo tree` for the crate alone: what it needs by itself, not what others in the workspace switch on.
        let tree =
            cargo(&["tree", "--package", pure, "--edges", "normal", "--prefix", "none", "--format", "{p}", "--offline", "--locked"]);
        let reached: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert!(reached.contains(&pure) && reached.contains(&"serde"), "cargo tree says something else: {tree}");
        for name in reached {
            assert!(!IMPURE.contains(&name), "{pure} reaches {name}");
        }
    }
}

/// A dev-dependency that switches a feature on would have the tests run another program than users do: with `preserve_order`, say, JSON
/// objects keep another order.
#[test]
fn the_tests_run_with_the_features_of_the_product() {
    let features = |of: &[&str]| -> BTreeSet<String> {
        let tree = cargo(&[&["tree", "--invert", "serde_json", "--prefix", "none", "--offline", "--locked"], of].concat());
        let named = tree.lines().filter_map(|line| line.strip_prefix("serde_json feature "));
        named.map(|feature| feature.trim_end_matches(" (*)").to_owned()).collect()
    };
    let product = features(&["--package", "provost-cli", "--edges", "normal,features"]);
    assert!(product.contains("\"std\""), "cargo tree says something else: {product:?}");
    assert_eq!(features(&["--workspace", "--edges", "features"]), product);
}

/// What tests break on purpose is in no program that anybody is given.
#[test]
fn sabotage_is_in_no_product() {
    let mut tests_that_use_it = 0;
    for package in array(&metadata(), "packages").iter().filter(|package| package["source"].is_null()) {
        let name = text(package, "name");
        let turned_on = |feature: &Value| feature.as_str().is_some_and(|feature| feature.contains("sabotage"));
        for dependency in array(package, "dependencies").iter().filter(|on| array(on, "features").iter().any(turned_on)) {
            assert_eq!(dependency["kind"], "dev", "{name} turns sabotage on outside its tests");
            tests_that_use_it += 1;
        }
        for (feature, turns_on) in package["features"].as_object().expect("features") {
            let more = turns_on.as_array().is_some_and(|more| more.iter().any(turned_on));
            assert!(!more, "{name}: the feature {feature} turns sabotage on");
        }
    }
    assert!(tests_that_use_it > 0, "no test uses it: the test looks in the wrong place");
    let features = |edges| cargo(&["tree", "--package", "provost-cli", "--edges", edges, "--prefix", "none", "--offline", "--locked"]);
    assert!(features("features").contains("provost-store feature \"sabotage\""), "cargo tree says something else");
    assert!(!features("normal,features").contains("sabotage"), "the program is built with sabotage");
}

fn metadata() -> Value {
    serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1", "--offline", "--locked"]))
        .expect("cargo metadata is JSON")
}

fn cargo(arguments: &[&str]) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(folder).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo speaks UTF-8")
}

fn array<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value[member].as_array().unwrap_or_else(|| panic!("cargo metadata has no list {member}"))
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("cargo metadata has no text {member}"))
}

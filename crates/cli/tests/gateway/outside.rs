//! Suites that others wrote, from PyPI, against the running gateway.

use std::process::{Command, Output};

use crate::desk::Desk;

fn run(desk: &Desk, program: &str, args: &[&str]) -> (Output, String) {
    let mut command = Command::new(xtask::outside::python(program));
    command.args(args).env("NO_COLOR", "1").env("SCIM_CLI_HEADERS", format!("Authorization: Bearer {}", desk.token));
    let output = command.output().expect("it starts");
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output, said)
}

/// Every check of `scim2-tester`, through `scim2-cli`, with the full schemas of RFC 7643.
#[test]
fn every_check_of_scim2_tester_succeeds() {
    for dialect in ["strict", "okta"] {
        let desk = Desk::new(dialect);
        let (output, said) = run(&desk, "scim2", &["--url", &desk.url, "test", "--verbose"]);
        assert!(output.status.success(), "{dialect}: {said}");
        let count = |word: &str| said.lines().filter(|line| line.trim_start().starts_with(word)).count();
        for bad in ["ERROR", "CRITICAL", "DEVIATION", "SKIPPED", "COMPLIANT"] {
            assert_eq!(count(bad), 0, "{dialect}: {said}");
        }
        assert!(count("SUCCESS") >= 135, "{dialect}: {}\n{said}", count("SUCCESS"));
    }
}

#[test]
fn nothing_fails_under_scim_sanity() {
    for dialect in ["strict", "okta"] {
        let desk = Desk::new(dialect);
        let args = ["probe", &desk.url, "--token", &desk.token, "--json-output", "--i-accept-side-effects"];
        let (output, said) = run(&desk, "scim-sanity", &args);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
        let summary = &report["summary"];
        assert!(output.status.success() && summary["failed"] == 0 && summary["errors"] == 0, "{dialect}: {said}");
        assert!(summary["passed"].as_u64().is_some_and(|passed| passed > 20), "{dialect}: {summary}");
    }
}

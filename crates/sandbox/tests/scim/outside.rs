//! Suites that others wrote, from PyPI, against Absorb's guide profile over a socket.

use std::process::Output;

use sandbox::Limit;
use sandbox::absorb::{Config, Sandbox, Scim};
use serde_json::Value;

const TOKEN: &str = "absorb-sandbox-scim-token";

/// Runs a program against a portal with a few people; `{url}` in the arguments is where its SCIM is.
async fn run(program: &str, args: &[&str]) -> (Output, String) {
    let mut config = Config { scim: Scim::default().available(), ..Config::default() };
    config.options.people = Some(5);
    config.options.limit = Limit::Off;
    let running = Sandbox::open(config).expect("a sandbox that opens").start().await.expect("it listens");
    let url = format!("{}/scim/v2", running.url());
    let args: Vec<String> = args.iter().map(|arg| arg.replace("{url}", &url)).collect();
    let mut command = std::process::Command::new(xtask::outside::python(program));
    command.args(args).env("NO_COLOR", "1").env("SCIM_CLI_HEADERS", format!("Authorization: Bearer {TOKEN}"));
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it starts");
    running.stop().await;
    let said = String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned();
    (output, said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_check_of_scim2_tester_succeeds() {
    let (output, said) = run("scim2", &["--url", "{url}", "test", "--verbose"]).await;
    let count = |word: &str| said.lines().filter(|line| line.trim_start().starts_with(word)).count();
    for bad in ["ERROR", "CRITICAL", "DEVIATION", "SKIPPED", "COMPLIANT"] {
        let at = said.find(&format!("\n{bad}")).map(|at| said[at..].chars().take(2000).collect::<String>());
        assert_eq!(count(bad), 0, "{at:?}");
    }
    assert!(output.status.success() && count("SUCCESS") >= 135, "{} checks succeeded", count("SUCCESS"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_fails_under_scim_sanity() {
    let args = ["probe", "{url}", "--token", TOKEN, "--json-output", "--i-accept-side-effects"];
    let (output, said) = run("scim-sanity", &args).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    let summary = &report["summary"];
    let bad = |one: &&Value| one["status"] == "fail" || one["status"] == "error";
    let failed: Vec<&Value> = report["results"].as_array().into_iter().flatten().filter(bad).collect();
    assert!(output.status.success() && summary["failed"] == 0 && summary["errors"] == 0, "{summary}: {failed:?}");
    assert!(summary["passed"].as_u64().is_some_and(|passed| passed > 20), "{summary}");
}

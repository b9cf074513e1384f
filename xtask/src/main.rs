//! What `cargo xtask` does.

use std::env;
use std::process::{Command, ExitCode};
use std::time::Instant;

const HELP: &str = "\
cargo xtask test     install what the tests need (nothing beyond the Rust toolchain so far), build, run everything
cargo xtask bench    make the figures of docs/benchmarks.md: planning at 10,000 and 100,000 people, two apps
cargo xtask soak     the roster history at full size against both sandboxes, in a release build, judged by the checker";

fn main() -> ExitCode {
    match env::args().nth(1).as_deref() {
        Some("test") => test(),
        Some("bench") => bench(),
        Some("soak") => soak(),
        Some("help" | "--help" | "-h") | None => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Some(other) => {
            eprintln!("cargo xtask has no task \"{other}\"\n\n{HELP}");
            ExitCode::FAILURE
        }
    }
}

/// All tests of the workspace, documentation examples included.
fn test() -> ExitCode {
    println!("the tests need nothing that is not here: nothing is installed");
    let begun = Instant::now();
    // The binaries that tests start are built first, so that no test waits for a compiler.
    let passed = cargo(&["build", "--workspace", "--bins"]) && cargo(&["test", "--workspace", "--no-fail-fast"]);
    println!("cargo xtask test took {} s", begun.elapsed().as_secs());
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn bench() -> ExitCode {
    for people in ["10000", "100000"] {
        if !cargo(&["run", "--release", "--quiet", "--package", "provost-cli", "--example", "plan_from_stored", "--", people]) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn soak() -> ExitCode {
    let done = cargo(&["build", "--release", "--bins"])
        && cargo(&["test", "--release", "--package", "provost-cli", "--test", "scenarios", "--", "--nocapture", "history"]);
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn cargo(arguments: &[&str]) -> bool {
    println!("cargo {}", arguments.join(" "));
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    match Command::new(cargo).args(arguments).status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("cargo cannot be started: {error}");
            false
        }
    }
}

//! Installs what is missing, from Debian's packages, and says so.

use std::env;
use std::process::Command;

use xtask::postgres;

/// Something that tests or benchmarks need from outside the workspace.
pub(crate) struct Need {
    package: &'static str,
    is_there: fn() -> bool,
}

/// What the tests need.
pub(crate) const TESTS: &[Need] = &[
    POSTGRES,
    Need { package: "chromium", is_there: || on_path("chromium") },
    Need { package: "chromium-driver", is_there: || on_path("chromedriver") },
    STRACE,
    Need { package: "openssh-client", is_there: || on_path("ssh-keygen") },
    PYTHON,
    NODE,
];
/// What installs programs from PyPI and npm.
pub(crate) const OUTSIDE: &[Need] = &[PYTHON, NODE];
/// A database server.
pub(crate) const POSTGRES: Need = Need { package: "postgresql", is_there: || postgres::programs().is_some() };

/// Tells the system calls of a process.
pub(crate) const STRACE: Need = Need { package: "strace", is_there: || on_path("strace") };

/// What makes a virtual environment.
const PYTHON: Need = Need { package: "python3-venv", is_there: || makes_environments() };

/// What runs, and installs, programs from npm.
const NODE: Need = Need { package: "npm", is_there: || on_path("npm") && on_path("node") };

/// A load tool.
pub(crate) const WRK: Need = Need { package: "wrk", is_there: || on_path("wrk") };

/// Installs what is not there.
///
/// # Errors
/// In words, with the command to run by hand.
pub(crate) fn install(needs: &[Need]) -> Result<(), String> {
    let missing: Vec<&str> = needs.iter().filter(|need| !(need.is_there)()).map(|need| need.package).collect();
    if missing.is_empty() {
        let all: Vec<&str> = needs.iter().map(|need| need.package).collect();
        println!("nothing to install: {} are here", all.join(", "));
        return Ok(());
    }
    let list = missing.join(" ");
    println!("installing {list}");
    let by_hand = |why: String| format!("{list} cannot be installed ({why}); on Debian: apt-get update && apt-get install {list}");
    apt(&["update"]).map_err(by_hand)?;
    apt(&[&["install", "--yes", "--no-install-recommends"], missing.as_slice()].concat()).map_err(by_hand)?;
    match needs.iter().find(|need| !(need.is_there)()) {
        Some(need) => Err(by_hand(format!("{} is installed, but its programs are not found", need.package))),
        None => Ok(()),
    }
}

/// As root directly, else by sudo where it asks nothing.
fn apt(words: &[&str]) -> Result<(), String> {
    let id = Command::new("id").arg("-u").output().map_err(|error| format!("`id` cannot be run: {error}"))?;
    let root = id.stdout.trim_ascii() == b"0";
    let mut command = if root { Command::new("apt-get") } else { Command::new("sudo") };
    if !root {
        command.args(["-n", "apt-get"]);
    }
    match command.args(words).env("DEBIAN_FRONTEND", "noninteractive").status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("apt-get {}: {status}", words.join(" "))),
        Err(error) => Err(format!("{} cannot be run: {error}", if root { "apt-get" } else { "sudo" })),
    }
}

/// Debian has the module apart from the language.
fn makes_environments() -> bool {
    let output = Command::new("python3").args(["-c", "import venv, ensurepip"]).output();
    output.is_ok_and(|output| output.status.success())
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

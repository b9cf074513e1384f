//! Programs that others wrote and that tests run ours against: from PyPI in a virtual environment, from npm in a folder of its own.
//!
//! `xtask/outside/python.txt` and `xtask/outside/package.json` are the only lists of them, each with its exact version.  `cargo xtask test`
//! installs them below the target directory; a test that does not find them fails and says so: nothing is skipped.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The environment variable with the folder where they are.
pub const VARIABLE: &str = "PROVOST_TEST_OUTSIDE";

/// What is installed from PyPI.
const PYTHON: &str = include_str!("../outside/python.txt");
/// What is installed from npm.
const NODE: &str = include_str!("../outside/package.json");

/// Where they are: the folder that [`VARIABLE`] names, else `outside` in the target directory that the running program was built in.
///
/// # Panics
/// When the running program is in no target directory and the variable is not set.
pub fn folder() -> PathBuf {
    if let Some(folder) = env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) {
        return folder.into();
    }
    let program = env::current_exe().unwrap_or_else(|error| panic!("this program does not know where it is: {error}"));
    let profile = program.ancestors().find(|folder| folder.ends_with("debug") || folder.ends_with("release"));
    let target =
        profile.and_then(Path::parent).unwrap_or_else(|| panic!("{} is in no target directory; set {VARIABLE}", program.display()));
    target.join("outside")
}

/// A program from PyPI: `python`, or the name that its package gives it.
///
/// # Panics
/// Where it is not installed as the list says: such a test fails and says what to do.
pub fn python(program: &str) -> PathBuf {
    found("python", PYTHON, &format!("bin/{program}"))
}

/// The folder in which programs from npm find their packages: to be the working folder of `node`.
///
/// # Panics
/// Like [`python`].
pub fn node() -> PathBuf {
    found("node", NODE, "")
}

fn found(kind: &str, list: &str, path: &str) -> PathBuf {
    let home = folder().join(kind);
    let program = home.join(path);
    assert!(
        is_installed(&home, list) && program.exists(),
        "{} is not there, or not as xtask/outside lists it: `cargo xtask test` installs it",
        program.display()
    );
    program
}

/// A folder says what is in it by the list that it was made from, written when all was done.
fn is_installed(home: &Path, list: &str) -> bool {
    fs::read_to_string(home.join("installed")).is_ok_and(|installed| installed == list)
}

/// Installs what is not there, each kind anew when its list has changed.
///
/// # Errors
/// In words: what could not be installed, and what was said.
pub fn install() -> Result<(), String> {
    let folder = folder();
    for (kind, list, make) in [("python", PYTHON, make_python as fn(&Path) -> Result<(), String>), ("node", NODE, make_node)] {
        let home = folder.join(kind);
        if is_installed(&home, list) {
            println!("nothing to install: the {kind} programs of xtask/outside are in {}", home.display());
            continue;
        }
        println!("installing the {kind} programs of xtask/outside into {}", home.display());
        let failed = |error: std::io::Error| format!("{}: {error}", home.display());
        if home.exists() {
            fs::remove_dir_all(&home).map_err(failed)?;
        }
        fs::create_dir_all(&home).map_err(failed)?;
        make(&home)?;
        fs::write(home.join("installed"), list).map_err(failed)?;
    }
    Ok(())
}

fn make_python(home: &Path) -> Result<(), String> {
    let wanted = home.join("wanted.txt");
    fs::write(&wanted, PYTHON).map_err(|error| format!("{}: {error}", wanted.display()))?;
    run(Command::new("python3").args(["-m", "venv"]).arg(home))?;
    let pip = home.join("bin/pip");
    // Wheels only: no compiler, and nobody's set-up code runs.
    run(Command::new(pip)
        .args(["install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--no-deps", "-r"])
        .arg(wanted))
}

fn make_node(home: &Path) -> Result<(), String> {
    let wanted = home.join("package.json");
    fs::write(&wanted, NODE).map_err(|error| format!("{}: {error}", wanted.display()))?;
    let words = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel", "error"];
    run(Command::new("npm").args(words).current_dir(home))
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{program} cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{program} failed ({}): {}", output.status, String::from_utf8_lossy(&said).trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list without versions would give another program each time.
    #[test]
    fn every_program_has_its_version() {
        for line in PYTHON.lines() {
            let version = line.split_once("==").unwrap_or_else(|| panic!("{line} has no version")).1;
            assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{line}");
        }
        let list: serde_json::Value = serde_json::from_str(NODE).expect("package.json is JSON");
        for (name, version) in list["dependencies"].as_object().expect("dependencies") {
            let version = version.as_str().unwrap_or_default();
            assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{name}: {version:?} is no exact version");
        }
    }

    /// What `cargo xtask test` installs is found by those who look for it, and it runs.
    #[test]
    fn what_is_installed_is_found() {
        let python = Command::new(python("python")).args(["-c", "import scim2_tester"]).status().expect("it starts");
        assert!(python.success());
        let node = Command::new("node").args(["-e", "require.resolve('express')"]).current_dir(node()).status().expect("it starts");
        assert!(node.success());
    }
}

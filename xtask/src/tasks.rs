//! The benchmarks and the long runs, by name: one line each.

use crate::cargo::cargo;
use crate::install::{Need, POSTGRES, install};

/// A named task: cargo is run with these words, one list after the other, in a release build.
pub(crate) struct Task {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    needs: &'static [Need],
    runs: &'static [&'static [&'static str]],
}

/// An example of the binary's crate, in a release build.
macro_rules! example {
    ($package:literal, $name:literal $(, $word:literal)*) => {
        &["run", "--release", "--quiet", "--package", $package, "--example", $name, "--" $(, $word)*]
    };
}

/// What makes docs/benchmarks.md; their output is what goes there.
pub(crate) const BENCHES: &[Task] = &[
    Task {
        name: "plan",
        what: "planning from stored readings, 10,000 and 100,000 people in two apps",
        needs: &[],
        runs: &[example!("provost-cli", "plan_from_stored", "10000"), example!("provost-cli", "plan_from_stored", "100000")],
    },
    Task {
        name: "store",
        what: "rows a second, written and read, SQLite and PostgreSQL side by side",
        needs: &[POSTGRES],
        runs: &[example!("provost-store", "rows")],
    },
];

/// What takes too long for `cargo xtask test`.
pub(crate) const SOAKS: &[Task] = &[Task {
    name: "history",
    what: "the roster history at full size against both sandboxes, judged by the checker",
    needs: &[],
    runs: &[
        &["build", "--release", "--bins"],
        &["test", "--release", "--package", "provost-cli", "--test", "scenarios", "--", "--nocapture", "history"],
    ],
}];

/// Runs the tasks with these names, or all when none is given.
///
/// # Errors
/// In words: there is no such task, or one failed.
pub(crate) fn run(kind: &str, tasks: &[Task], names: &[&str]) -> Result<(), String> {
    let known: Vec<&str> = tasks.iter().map(|task| task.name).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        return Err(format!("cargo xtask {kind} has no \"{name}\"; it has {}", known.join(", ")));
    }
    for task in tasks.iter().filter(|task| names.is_empty() || names.contains(&task.name)) {
        println!("# {}: {}", task.name, task.what);
        if !task.needs.is_empty() {
            install(task.needs)?;
        }
        for words in task.runs {
            cargo(words, &[])?;
        }
    }
    Ok(())
}

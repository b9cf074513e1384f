//! The benchmarks and the long runs, by name: one line each.

use crate::cargo::cargo;
use crate::install::{Need, POSTGRES, STRACE, WRK, install};

/// A named task: cargo is run with these words and variables, one list after the other, in a release build.
pub(crate) struct Task {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    needs: &'static [Need],
    variables: &'static [(&'static str, &'static str)],
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
        what: "planning from stored readings, 10,000 to 1,000,000 people in two apps, and again after an increment",
        needs: &[],
        variables: &[],
        runs: &[
            example!("provost-cli", "plan_from_stored", "10000"),
            example!("provost-cli", "plan_from_stored", "100000"),
            example!("provost-cli", "plan_from_stored", "1000000"),
        ],
    },
    Task {
        name: "reading",
        what: "the first reading of 100,000 accounts from each sandbox, in each profile",
        needs: &[],
        variables: &[],
        runs: &[&["build", "--release", "--package", "provost-cli"], example!("provost-cli", "first_reading", "100000")],
    },
    Task {
        name: "sandbox",
        what: "reads a second that the sandboxes answer, 100,000 users, first page to last, by wrk",
        needs: &[WRK],
        variables: &[],
        runs: &[example!("provost-cli", "sandbox_reads", "100000")],
    },
    Task {
        name: "pace",
        what: "how near to a limit a run goes: 12,000 enrolments at Absorb, six minutes of Lessonly",
        needs: &[],
        variables: &[],
        runs: &[
            &["build", "--release", "--package", "provost-cli"],
            example!("provost-cli", "pace", "absorb", "12000"),
            example!("provost-cli", "pace", "lessonly", "6"),
        ],
    },
    Task {
        name: "scim",
        what: "CPU time of the gateway for each request at 2,000, 20,000 and 200,000 users, beside a server from PyPI that keeps 2,000 in memory",
        needs: &[],
        variables: &[],
        runs: &[
            &["run", "--quiet", "--package", "xtask", "--", "outside"],
            &["build", "--release", "--package", "provost-cli"],
            example!("provost-cli", "scim_requests", "2000", "20000", "200000"),
        ],
    },
    Task {
        name: "serve",
        what: "the console's pages and the API with 100,000 people, four asking at once; from an event to its finished step",
        needs: &[],
        variables: &[],
        runs: &[&["build", "--release", "--package", "provost-cli"], example!("provost-cli", "serve_requests", "100000")],
    },
    Task {
        name: "store",
        what: "rows a second, written and read, SQLite and PostgreSQL side by side",
        needs: &[POSTGRES],
        variables: &[],
        runs: &[example!("provost-store", "rows")],
    },
];

/// What takes too long for `cargo xtask test`.
pub(crate) const SOAKS: &[Task] = &[
    Task {
        name: "simulation",
        what: "10,000 seeds of the simulation: everything that can go wrong, the promises looked at after every event",
        needs: &[POSTGRES],
        variables: &[("PROVOST_SIM_SEEDS", "10000"), ("PROVOST_SIM_SECONDS", "86400")],
        runs: &[&["test", "--release", "--package", "provost-cli", "--test", "simulation", "--", "--nocapture", "p04_to_p10"]],
    },
    Task {
        name: "hooks",
        what: "10,000 deliveries of webhooks, repeated, shuffled and 20% forged: one effect each, none for the forged",
        needs: &[],
        variables: &[("PROVOST_HOOKS", "10000")],
        runs: &[&["test", "--release", "--package", "provost-cli", "--test", "scenarios", "--", "--nocapture", "a13_deliveries"]],
    },
    Task {
        name: "disk",
        what: "every write and every flush of the store fails once and for good, and a run goes on from each",
        needs: &[POSTGRES, STRACE],
        variables: &[("PROVOST_TEST_EVERY", "1")],
        runs: &[
            &["build", "--release", "--bins"],
            &["test", "--release", "--package", "provost-cli", "--test", "scenarios", "--", "--nocapture", "power"],
        ],
    },
    Task {
        name: "fuzz",
        what: "whatever parses what others wrote, a hundred times as many cases",
        needs: &[],
        variables: &[("PROVOST_FUZZ", "100")],
        runs: &[
            &["test", "-p", "provost-engine", "-p", "provost-vendors", "-p", "provost-sandbox", "--test", "fuzz"],
            &["test", "-p", "provost-plan", "-p", "provost-scim", "-p", "provost-store", "-p", "provost-cli", "--lib", "fuzz"],
        ],
    },
    Task {
        name: "history",
        what: "the roster history at full size against both sandboxes, judged by the checker",
        needs: &[],
        variables: &[],
        runs: &[
            &["build", "--release", "--bins"],
            &["test", "--release", "--package", "provost-cli", "--test", "scenarios", "--", "--nocapture", "history"],
        ],
    },
    Task {
        name: "matrix",
        what: "the same history under every fault, in both profiles and on both databases",
        needs: &[POSTGRES],
        variables: &[("PROVOST_TEST_NTH", "1")],
        runs: &[
            &["build", "--release", "--bins"],
            &["test", "--release", "--package", "provost-cli", "--test", "scenarios", "--", "--nocapture", "matrix"],
        ],
    },
    Task {
        name: "sweeps",
        what: "everything that can fail or die at every request and commit, once, thrice and for a while, both profiles, both databases",
        needs: &[POSTGRES],
        variables: &[
            ("PROVOST_TEST_PLACES", "guide/file,vendor/file,guide/postgres,vendor/postgres"),
            ("PROVOST_TEST_LENGTHS", "1,3,12"),
        ],
        runs: &[&["test", "--release", "--package", "provost-cli", "--test", "sweeps", "--", "--nocapture"]],
    },
    Task {
        name: "kill",
        what: "SIGKILL before and after every commit, and 200 at random within 10,000 steps, each resumed; the apps as the guides say",
        needs: &[],
        variables: &[("PROVOST_TEST_ALL", "1"), ("PROVOST_TEST_STEPS", "10000"), ("PROVOST_TEST_KILLS", "200")],
        runs: &[&["test", "--release", "--package", "provost-cli", "--test", "scenarios", "--", "--nocapture", "kill::"]],
    },
    Task {
        name: "kill-vendor",
        what: "the same, with the apps as the vendors' own documents say",
        needs: &[],
        variables: &[
            ("PROVOST_TEST_PROFILE", "vendor"),
            ("PROVOST_TEST_ALL", "1"),
            ("PROVOST_TEST_STEPS", "10000"),
            ("PROVOST_TEST_KILLS", "200"),
        ],
        runs: &[&["test", "--release", "--package", "provost-cli", "--test", "scenarios", "--", "--nocapture", "kill::"]],
    },
];

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
            cargo(words, task.variables)?;
        }
    }
    Ok(())
}

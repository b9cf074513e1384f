//! `cargo xtask test`: all tests of the workspace, documentation examples included.

use std::time::Instant;

use xtask::outside;
use xtask::postgres::{Cluster, VARIABLE};

use crate::cargo::cargo;
use crate::install::{TESTS, install};

/// Installs what is missing, builds, starts a PostgreSQL server, runs everything, ends the server.
///
/// # Errors
/// In words, when something cannot be had or a test failed.
pub(crate) fn run() -> Result<(), String> {
    install(TESTS)?;
    outside::install()?;
    let begun = Instant::now();
    // The binaries that tests start are built first, so that no test waits for a compiler.
    let built = cargo(&["build", "--workspace", "--bins"], &[]);
    let passed = built.and_then(|()| {
        let cluster = Cluster::start(false)?;
        let url = cluster.url();
        cargo(&["test", "--workspace", "--no-fail-fast"], &[(VARIABLE, &url)])?;
        // The stories once more, with both vendors answering as live tenants do; one of them takes both profiles by itself, and a full disk
        // is the same in both.
        let stories = ["test", "--package", "provost-cli", "--test", "scenarios", "--", "--skip", "matrix", "--skip", "power"];
        cargo(&stories, &[(VARIABLE, &url), ("PROVOST_TEST_PROFILE", "vendor")])
    });
    println!("cargo xtask test took {} s", begun.elapsed().as_secs());
    passed
}

/// Makes the pictures of the documentation anew, by the test that looks at every page.
///
/// # Errors
/// In words, when something cannot be had or the test failed.
pub(crate) fn screenshots() -> Result<(), String> {
    install(TESTS)?;
    outside::install()?;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/pictures");
    std::fs::create_dir_all(folder).map_err(|error| format!("{folder}: {error}"))?;
    cargo(&["test", "--package", "provost-cli", "--test", "console", "every_page"], &[("PROVOST_TEST_SCREENSHOTS", folder)])
}

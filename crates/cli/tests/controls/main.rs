//! Negative controls: what the promises rest on is turned off, one thing at a time, and has to be missed by the checks that are clean with
//! it on.  (The journal's sync has its own, with the real binary: `crates/cli/tests/scenarios/syscalls.rs`.)
//!
//! What is turned off is off in the whole process, so that these tests have a process of their own and go one after the other.

#[path = "../company/mod.rs"]
mod company;
#[path = "../rig/mod.rs"]
mod rig;
#[path = "../sweeps/saboteur.rs"]
mod saboteur;
#[path = "../sweeps/story.rs"]
mod story;

mod fence;
mod looks;

use std::sync::{Mutex, MutexGuard, PoisonError};

static ALONE: Mutex<()> = Mutex::new(());

/// Whoever holds it is the only one who turns things off.
fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The seeded simulation, and the rig's own tests.

#[path = "../rig/mod.rs"]
mod rig;

mod rigged;

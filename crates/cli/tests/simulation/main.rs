//! The seeded simulation: the whole program and both sandboxes in one process, everything decided by one number, the promises looked at after every event
//! (decision 0021, docs/testing.md); and the rig's own tests.

#[path = "../rig/mod.rs"]
mod rig;

mod chance;
mod company;
mod observer;
mod policy;
mod rigged;
mod seeds;
mod storm;
mod story;

/// The binary's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
